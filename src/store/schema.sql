-- The tables of a workspace, version 2. docs/formats/schema.md says what each column means.
-- Source tables are the truth; the derived ones below them are rebuilt by `clade replay`.
-- Moments are UTC microseconds (BIGINT), money is minor units (BIGINT).

CREATE TYPE event_kind AS ENUM ('view', 'search', 'click', 'cart', 'uncart', 'checkout', 'purchase',
    'refund', 'review', 'login', 'wish', 'share', 'custom');

CREATE TABLE setting (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

-- One thing a customer did. `event` numbers run in the order of storing. `row_key` is the hash that
-- makes a row itself: the message id where there is one, else the whole row and its repeat count.
-- quantity is positive for purchases and refunds alike; amount_minor (the line total, discount taken
-- off, in `currency`) is negative for refunds. value_minor is the same in the shop's own currency,
-- and NULL where no rate is known. session_key is a 64-bit hash of the shop's name for the session.
-- The compression is said where it is known: the engine tries every one on each column otherwise.
CREATE TABLE event (
    event BIGINT NOT NULL USING COMPRESSION bitpacking,
    customer BIGINT USING COMPRESSION bitpacking,
    at_us BIGINT NOT NULL USING COMPRESSION bitpacking,
    kind event_kind NOT NULL,
    item BIGINT USING COMPRESSION bitpacking,
    quantity DOUBLE,
    price_minor BIGINT USING COMPRESSION bitpacking,
    amount_minor BIGINT USING COMPRESSION bitpacking,
    value_minor BIGINT USING COMPRESSION bitpacking,
    discount_minor BIGINT USING COMPRESSION bitpacking,
    currency VARCHAR USING COMPRESSION dict_fsst,
    order_ref VARCHAR USING COMPRESSION dict_fsst,
    session_key BIGINT USING COMPRESSION bitpacking,
    query VARCHAR USING COMPRESSION dict_fsst,
    channel VARCHAR USING COMPRESSION dict_fsst,
    device VARCHAR USING COMPRESSION dict_fsst,
    coupon VARCHAR USING COMPRESSION dict_fsst,
    dwell_us BIGINT USING COMPRESSION bitpacking,
    rating DOUBLE,
    row_key UBIGINT NOT NULL USING COMPRESSION bitpacking,
    load BIGINT NOT NULL USING COMPRESSION bitpacking
);

-- Attributes of a customer with the moment each became known. Never personal data.
CREATE TABLE customer (customer BIGINT NOT NULL, name VARCHAR NOT NULL, value VARCHAR, number DOUBLE,
    known_us BIGINT NOT NULL, load BIGINT NOT NULL);

-- Outside ids and personal data, sealed with the customer's key. kind: id, name, email, phone, ...
CREATE TABLE identity (customer BIGINT NOT NULL, kind VARCHAR NOT NULL, sealed BLOB NOT NULL,
    load BIGINT NOT NULL);

-- The catalogue as of a moment; the first row of an item is made when an event first names it.
CREATE TABLE item (item BIGINT NOT NULL, ref VARCHAR NOT NULL, name VARCHAR, category VARCHAR,
    brand VARCHAR, price_minor BIGINT, currency VARCHAR, stock DOUBLE, known_us BIGINT NOT NULL,
    load BIGINT NOT NULL);

CREATE TABLE edge (customer BIGINT NOT NULL, other BIGINT NOT NULL, kind VARCHAR NOT NULL,
    weight DOUBLE, at_us BIGINT, load BIGINT NOT NULL);
-- text is sealed: people write their names and numbers into it.
CREATE TABLE survey (customer BIGINT, at_us BIGINT, item BIGINT, question VARCHAR NOT NULL,
    score DOUBLE, choice VARCHAR, sealed_text BLOB, load BIGINT NOT NULL);
CREATE TABLE rival_price (rival VARCHAR NOT NULL, item BIGINT NOT NULL, at_us BIGINT NOT NULL,
    price_minor BIGINT NOT NULL, currency VARCHAR, load BIGINT NOT NULL);
CREATE TABLE touch (customer BIGINT NOT NULL, at_us BIGINT, campaign VARCHAR NOT NULL, arm VARCHAR,
    channel VARCHAR, propensity DOUBLE, cost_minor BIGINT, outcome DOUBLE, load BIGINT NOT NULL);
CREATE TABLE label (customer BIGINT, order_ref VARCHAR, name VARCHAR NOT NULL, value DOUBLE NOT NULL,
    at_us BIGINT, load BIGINT NOT NULL);

-- One input row that could not be stored. raw is sealed (with the customer's key where the row names
-- one), because an input row is full of personal data.
CREATE TABLE quarantine (load BIGINT NOT NULL, file VARCHAR NOT NULL, line BIGINT NOT NULL,
    column_name VARCHAR, reason VARCHAR NOT NULL, customer BIGINT, sealed_raw BLOB NOT NULL);

-- One call of `clade load` on one file.
CREATE TABLE load (load BIGINT NOT NULL, file VARCHAR NOT NULL, shape VARCHAR NOT NULL,
    file_bytes BIGINT, file_hash UBIGINT, at_us BIGINT NOT NULL, rows_read BIGINT NOT NULL,
    rows_stored BIGINT NOT NULL, rows_duplicate BIGINT NOT NULL, rows_quarantined BIGINT NOT NULL,
    mapping VARCHAR NOT NULL);

-- ---------------------------------------------------------------- derived: rebuilt by replay

-- What a cancellation or refund undoes: `quantity` of `purchase` was given back by `refund` at at_us.
CREATE TABLE refund_match (refund BIGINT NOT NULL, purchase BIGINT NOT NULL, customer BIGINT,
    quantity DOUBLE NOT NULL, amount_minor BIGINT NOT NULL, at_us BIGINT NOT NULL);
-- A doubt about a row or a customer, from a moment on. Rows are never deleted for it.
-- name: test_order, staff, bot, outlier_price, outlier_quantity, unmatched_refund, not_product
CREATE TABLE flag (name VARCHAR NOT NULL, customer BIGINT, event BIGINT, since_us BIGINT NOT NULL,
    reason VARCHAR NOT NULL);
-- A value that was missing and could be completed safely; `event` holds the completed value.
CREATE TABLE completion (event BIGINT NOT NULL, field VARCHAR NOT NULL, rule VARCHAR NOT NULL,
    value VARCHAR NOT NULL);

-- ---------------------------------------------------------------- decided: kept as it was
-- Segmentations: a versioned definition, and who was in which segment when. A record of what was said
-- then, so replay leaves it alone; `clade segment` with the run's seed and as-of says the same again.

CREATE TABLE segmentation (segmentation VARCHAR NOT NULL, version BIGINT NOT NULL, kind VARCHAR NOT NULL,
    as_of_us BIGINT NOT NULL, definition VARCHAR NOT NULL, run BIGINT NOT NULL);
CREATE TABLE membership (segmentation VARCHAR NOT NULL, version BIGINT NOT NULL, as_of_us BIGINT NOT NULL,
    customer BIGINT NOT NULL, segment INTEGER NOT NULL, score DOUBLE);

-- ---------------------------------------------------------------- views

-- One line of an order, net of refunds: what was bought and kept.
CREATE VIEW order_line AS
SELECT e.event, e.customer, e.at_us, e.item, e.order_ref, e.currency, e.channel, e.coupon, e.price_minor,
    e.discount_minor, e.quantity - coalesce(r.quantity, 0) AS quantity,
    e.amount_minor + coalesce(r.amount_minor, 0) AS amount_minor,
    e.value_minor + coalesce(CAST(round(r.amount_minor * (e.value_minor / nullif(e.amount_minor, 0)))
        AS BIGINT), 0) AS value_minor
FROM event e
LEFT JOIN (SELECT purchase, sum(quantity) AS quantity, CAST(sum(amount_minor) AS BIGINT) AS amount_minor
           FROM refund_match GROUP BY purchase) r ON r.purchase = e.event
WHERE e.kind = 'purchase';

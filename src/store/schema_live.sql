-- Tables that live events brought: made with the others, and added to a workspace that is older.

-- What a live event said beside the columns of `event`: under the shop's own names, screened for
-- personal data. The shop's word for a custom event is its property 'event'.
CREATE TABLE IF NOT EXISTS property (event BIGINT NOT NULL, name VARCHAR NOT NULL, value VARCHAR NOT NULL,
    number DOUBLE, load BIGINT NOT NULL);

-- One customer turned out to be another: `customer` (mostly a visitor without a name) is `known` from
-- at_us on. Events stay as they were told; whoever wants them together joins alias_latest, and what
-- was tied wrongly is undone by leaving the row out. why: identify, alias, event (both ids came
-- together). row_key is that of the event that said it.
CREATE TABLE IF NOT EXISTS alias (customer BIGINT NOT NULL, known BIGINT NOT NULL, at_us BIGINT NOT NULL,
    why VARCHAR NOT NULL, row_key UBIGINT NOT NULL, load BIGINT NOT NULL);

-- Whom a customer is taken for, by the latest word. n_known above 1: a device that several people use.
CREATE VIEW IF NOT EXISTS alias_latest AS
SELECT customer, max_by(known, (at_us, known)) AS known, max(at_us) AS since_us,
    count(DISTINCT known) AS n_known
FROM alias GROUP BY customer;

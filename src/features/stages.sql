-- How the features of every customer are computed: a handful of statements, each making one temporary
-- table that the later ones read, and at the end one row per customer (see README.md for the joins).
--
-- The text is the subset that DuckDB and ClickHouse share. `{as_of}` and its kin are replaced by
-- integers before a statement runs: {d7} is 7 days before as-of. Nothing at or after {as_of} is read.
-- Every sum is over integers, so that the order in which threads add them cannot matter; ratios,
-- roots and logarithms are taken at the very end, or are rounded to integers before they are summed.

-- stage f_skip: customers that are left out: test orders, staff and bots, once known to be that.
SELECT DISTINCT customer FROM flag
WHERE customer IS NOT NULL AND name IN ('test_order', 'staff', 'bot') AND since_us < {as_of}

-- stage f_void: events that are left out: test orders of customers who are none.
SELECT DISTINCT event FROM flag WHERE event IS NOT NULL AND name = 'test_order' AND since_us < {as_of}

-- stage f_service: lines that are no goods: carriage, fees. They count as money and not as items.
SELECT DISTINCT event FROM flag WHERE event IS NOT NULL AND name = 'not_product' AND since_us < {as_of}

-- stage f_back: what was given back of each purchase, as far as it was known.
SELECT purchase, count(*) AS n_back, toInt64(sum(intDiv(at_us, 1000000))) AS back_s,
    toInt64(sum(CASE WHEN quantity < 0 THEN 0
        WHEN quantity < 1e9 THEN toInt64(floor(quantity * 1000 + 0.5)) ELSE 1000000000000 END)) AS back_milli,
    toInt64(sum(CASE WHEN amount_minor < -10000000000000 THEN 10000000000000 WHEN amount_minor > 0 THEN 0
        ELSE -amount_minor END)) AS back_minor
FROM refund_match WHERE at_us < {as_of} GROUP BY purchase

-- stage f_gone: how much of each refund is explained by a purchase.
SELECT refund, toInt64(sum(CASE WHEN amount_minor < -10000000000000 THEN 10000000000000
    WHEN amount_minor > 0 THEN 0 ELSE -amount_minor END)) AS gone_minor
FROM refund_match WHERE at_us < {as_of} GROUP BY refund

-- stage f_presence: events of a customer by channel and device. Four narrow scans, each over the rows
-- it needs, are twice as fast as one wide one: few counters a customer stay in the cache.
SELECT customer, channel, device, count(*) AS n, min(at_us) AS first_us, max(at_us) AS last_us,
    countIf(kind = 'view') AS view_life,
    sum(CASE WHEN dwell_us < 0 THEN 0 WHEN dwell_us < 86400000000 THEN dwell_us
        WHEN dwell_us IS NULL THEN 0 ELSE 86400000000 END) AS dwell,
    count(dwell_us) AS n_dwell
FROM event
WHERE at_us < {as_of} AND customer IS NOT NULL AND customer NOT IN (SELECT customer FROM f_skip){real}
GROUP BY customer, channel, device

-- stage f_recent: the last 90 days.
SELECT customer, count(*) AS event_90, countIf(at_us >= {d30}) AS event_30,
    countIf(at_us >= {d60} AND at_us < {d30}) AS event_30_60,
    countIf(kind = 'view') AS view_90, countIf(kind = 'view' AND at_us >= {d30}) AS view_30,
    countIf(kind = 'view' AND at_us >= {d7}) AS view_7,
    countIf(kind = 'view' AND at_us >= {d60} AND at_us < {d30}) AS view_30_60,
    groupBitOr(CASE WHEN at_us >= {d60} THEN bitShiftLeft(toInt64(1), intDiv({as_of} - 1 - at_us, 86400000000))
        ELSE 0 END) AS days
FROM event
WHERE at_us >= {d90} AND at_us < {as_of} AND customer IS NOT NULL AND customer NOT IN (SELECT customer FROM f_skip){real}
GROUP BY customer

-- stage f_year: the last 364 days, as 52 weeks counted back from as-of.
SELECT customer, countIf(kind = 'view') AS view_year,
    groupBitOr(bitShiftLeft(toInt64(1), intDiv({as_of} - 1 - at_us, 604800000000))) AS weeks
FROM event
WHERE at_us >= {d364} AND at_us < {as_of} AND customer IS NOT NULL AND customer NOT IN (SELECT customer FROM f_skip){real}
GROUP BY customer

-- stage f_act: the kinds that say more than a view and are rarer.
SELECT customer, countIf(kind = 'cart') AS cart, countIf(kind = 'cart' AND at_us >= {d90}) AS cart_90,
    countIf(kind = 'cart' AND at_us >= {d30}) AS cart_30, countIf(kind = 'cart' AND at_us >= {d7}) AS cart_7,
    maxIf(at_us, kind = 'cart') AS cart_us, countIf(kind = 'uncart') AS uncart,
    countIf(kind = 'search') AS search, countIf(kind = 'search' AND at_us >= {d90}) AS search_90,
    countIf(kind = 'wish') AS wish, countIf(kind = 'checkout') AS checkout, countIf(kind = 'review') AS review,
    countIf(kind = 'share') AS share,
    sumIf(CASE WHEN rating > -1000 AND rating < 1000 THEN toInt64(floor(rating * 1000 + 0.5)) ELSE 0 END,
        kind = 'review') AS rating_milli,
    countIf(kind = 'review' AND rating > -1000 AND rating < 1000) AS n_rating
FROM event
WHERE kind IN ('cart', 'uncart', 'search', 'wish', 'checkout', 'review', 'share')
    AND at_us < {as_of} AND customer IS NOT NULL AND customer NOT IN (SELECT customer FROM f_skip){real}
GROUP BY customer

-- stage f_person: one row for every customer who did anything.
SELECT p.customer AS customer, p.n AS n, p.first_us AS first_us, p.last_us AS last_us, p.view_life AS view,
    p.dwell AS dwell, p.n_dwell AS n_dwell, coalesce(r.event_90, 0) AS event_90, coalesce(r.event_30, 0) AS event_30,
    coalesce(r.event_30_60, 0) AS event_30_60, coalesce(r.view_90, 0) AS view_90, coalesce(r.view_30, 0) AS view_30,
    coalesce(r.view_7, 0) AS view_7, coalesce(r.view_30_60, 0) AS view_30_60, coalesce(r.days, 0) AS days,
    coalesce(y.view_year, 0) AS view_year, coalesce(y.weeks, 0) AS weeks, coalesce(a.cart, 0) AS cart,
    coalesce(a.cart_90, 0) AS cart_90, coalesce(a.cart_30, 0) AS cart_30, coalesce(a.cart_7, 0) AS cart_7,
    a.cart_us AS cart_us, coalesce(a.uncart, 0) AS uncart, coalesce(a.search, 0) AS search,
    coalesce(a.search_90, 0) AS search_90, coalesce(a.wish, 0) AS wish, coalesce(a.checkout, 0) AS checkout,
    coalesce(a.review, 0) AS review, coalesce(a.share, 0) AS share,
    coalesce(a.rating_milli, 0) AS rating_milli, coalesce(a.n_rating, 0) AS n_rating
FROM (SELECT customer, sum(n) AS n, min(first_us) AS first_us, max(last_us) AS last_us, sum(view_life) AS view_life,
          sum(dwell) AS dwell, sum(n_dwell) AS n_dwell FROM f_presence GROUP BY customer) AS p
LEFT JOIN f_recent AS r ON r.customer = p.customer
LEFT JOIN f_year AS y ON y.customer = p.customer
LEFT JOIN f_act AS a ON a.customer = p.customer

-- stage f_session: sessions of a customer. What happened in one is a word of bits, one for each kind.
SELECT customer, count(*) AS n, countIf(first_us >= {d7}) AS n_7, countIf(first_us >= {d30}) AS n_30,
    countIf(first_us >= {d90}) AS n_90, countIf(first_us >= {d365}) AS n_365,
    countIf(first_us >= {d180} AND first_us < {d90}) AS n_90_180,
    min(first_us) AS first_us, max(first_us) AS last_us, sum(length_s) AS length_s, max(length_s) AS longest_s,
    sum(n_event) AS n_event, countIf(n_event = 1) AS n_single, countIf(bitAnd(did, 1) = 1) AS n_view,
    countIf(bitAnd(did, 2) = 2) AS n_cart, countIf(bitAnd(did, 4) = 4) AS n_buy,
    countIf(bitAnd(did, 6) = 2) AS n_left, countIf(bitAnd(did, 8) = 8) AS n_search,
    countIf(hour >= 18) AS n_evening, countIf(hour < 6) AS n_night, countIf(weekday >= 5) AS n_weekend,
    countIf(clock <> 0) AS n_clock
FROM (SELECT customer, at_us AS first_us, n_event, did, intDiv(last_us, 1000000) - intDiv(at_us, 1000000) AS length_s,
          intDiv(at_us + {local} + 62135683200000000, 3600000000) % 24 AS hour,
          (intDiv(at_us + {local} + 62135683200000000, 86400000000) + 6) % 7 AS weekday,
          (at_us + {local} + 62135683200000000) % 86400000000 AS clock
      FROM (SELECT customer, session_key, min(moment_us) AS at_us, max(moment_us) AS last_us, count(*) AS n_event,
                groupBitOr(bit) AS did
            FROM (SELECT customer, session_key, at_us AS moment_us,
                      CASE kind WHEN 'view' THEN 1 WHEN 'cart' THEN 2 WHEN 'purchase' THEN 4
                          WHEN 'search' THEN 8 ELSE 0 END AS bit
                  FROM event WHERE at_us < {as_of} AND customer IS NOT NULL AND session_key IS NOT NULL
                      AND customer NOT IN (SELECT customer FROM f_skip){real}) AS e
            GROUP BY customer, session_key) AS s) AS t
GROUP BY customer

-- stage f_channel: how a customer's events spread over channels.
SELECT customer, count(*) AS n, sum(n_event) AS n_event, max(n_event) AS top,
    sum(toInt64(floor(n_event * ln(n_event) * 1000000 + 0.5))) AS spread
FROM (SELECT customer, channel, sum(n) AS n_event FROM f_presence WHERE channel IS NOT NULL
      GROUP BY customer, channel) AS c
GROUP BY customer

-- stage f_device: how a customer's events spread over devices, and which of them are held in a hand.
SELECT customer, count(*) AS n, sum(n_event) AS n_event, max(n_event) AS top,
    sumIf(n_event, name LIKE '%mobile%' OR name LIKE '%phone%' OR name LIKE '%android%' OR name LIKE '%ios%'
        OR name LIKE '%tablet%' OR name LIKE '%ipad%' OR name LIKE '%app%' OR name LIKE '%手机%') AS n_handheld,
    sum(toInt64(floor(n_event * ln(n_event) * 1000000 + 0.5))) AS spread
FROM (SELECT customer, device, lower(device) AS name, sum(n) AS n_event
      FROM f_presence WHERE device IS NOT NULL GROUP BY customer, device) AS d
GROUP BY customer

-- part line: one bought line: what it cost (minor units of the shop), what of it was kept, what it
-- would have cost without discount. Read by f_order and f_pair; too large to keep for a big shop.
SELECT customer, at_us, item, goods, order_key, coupon, n_back, n_back * intDiv(at_us, 1000000) AS bought_s, back_s,
    milli, CASE WHEN back_milli = 0 OR back_milli < milli THEN 1 ELSE 0 END AS kept,
    CASE WHEN back_milli >= milli AND back_milli > 0 THEN 0 ELSE milli - back_milli END AS kept_milli,
    value, CASE WHEN value IS NULL THEN 0 ELSE 1 END AS valued,
    CASE WHEN value IS NULL OR (back_milli >= milli AND back_milli > 0) THEN 0
        WHEN value <= 0 OR amount <= 0 OR back_minor = 0 OR amount IS NULL THEN value
        WHEN back_minor >= amount THEN 0
        ELSE value - toInt64(floor(toFloat64(back_minor) * value / amount + 0.5)) END AS net,
    CASE WHEN value IS NULL OR discount IS NULL OR discount < 0 THEN NULL
        WHEN amount > 0 AND value > 0
            THEN toInt64(least(1e13, floor(toFloat64(discount) * value / amount + 0.5)))
        WHEN discount > 10000000000000 THEN 10000000000000 ELSE discount END AS off
FROM (SELECT e.customer AS customer, e.at_us AS at_us, e.item AS item, e.coupon AS coupon,
          CASE WHEN e.event IN (SELECT event FROM f_service) THEN 0 ELSE 1 END AS goods,
          CASE WHEN e.order_ref IS NULL THEN cityHash64(e.at_us) ELSE cityHash64(e.order_ref) END AS order_key,
          CASE WHEN e.quantity IS NULL THEN 1000 WHEN e.quantity < 0 THEN 0
              WHEN e.quantity < 1e9 THEN toInt64(floor(e.quantity * 1000 + 0.5))
              ELSE 1000000000000 END AS milli,
          CASE WHEN e.value_minor > 10000000000000 THEN 10000000000000
              WHEN e.value_minor < -10000000000000 THEN -10000000000000 ELSE e.value_minor END AS value,
          e.amount_minor AS amount, e.discount_minor AS discount,
          coalesce(b.n_back, 0) AS n_back, coalesce(b.back_s, 0) AS back_s,
          coalesce(b.back_milli, 0) AS back_milli, coalesce(b.back_minor, 0) AS back_minor
      FROM (SELECT event, customer, at_us, item, coupon, order_ref, quantity, value_minor, amount_minor, discount_minor
            FROM event WHERE kind = 'purchase' AND at_us < {as_of} AND customer IS NOT NULL
                AND customer NOT IN (SELECT customer FROM f_skip){real}) AS e
      LEFT JOIN f_back AS b ON b.purchase = e.event) AS l

-- stage f_order: orders; one is a reference, or all lines of one moment where there is none. An order
-- of which nothing was kept is not counted later.
SELECT customer, order_key, min(at_us) AS at_us, count(*) AS n_line,
    CASE WHEN countIf(goods = 1) > 0 THEN countIf(kept = 1 AND goods = 1) ELSE countIf(kept = 1) END AS n_kept,
    toInt64(CASE WHEN countIf(goods = 1) > 0 THEN sumIf(kept_milli, goods = 1) ELSE sum(kept_milli) END) AS milli,
    toInt64(sum(net)) AS net, countIf(valued = 1) AS n_valued,
    toInt64(sumIf(value, value > 0)) AS gross,
    toInt64(sumIf(off, off IS NOT NULL)) AS off, count(off) AS n_off,
    toInt64(sumIf(value, off IS NOT NULL AND value > 0)) AS off_value,
    countIf(off > 0) AS n_cut, count(coupon) AS n_coupon, countIf(n_back > 0) AS n_back_line,
    sum(n_back) AS n_back, toInt64(sum(back_s - bought_s)) AS back_wait_s,
    max(CASE WHEN kept = 1 AND goods = 1 AND value > 0 AND milli > 0 THEN intDiv(value * 1000, CASE WHEN milli > 0 THEN milli ELSE 1 END) END) AS top_price
FROM {line} AS l GROUP BY customer, order_key

-- stage f_rank: orders that stand, numbered in time, with the gap before each. Orders of one moment are
-- numbered by what features can see of them. `local` is the shop's clock in microseconds since a
-- Sunday, so that it is never negative; the calendar is Hinnant's, with years that begin in March.
SELECT customer, at_us, n_kept, milli, net, n_valued, off, off_value, n_off, n_cut, n_coupon, top_price,
    seq, n, last_us, CASE WHEN seq > 1 THEN since_s END AS gap_s,
    intDiv(local, 3600000000) % 24 AS hour, local % 86400000000 AS clock,
    (intDiv(local, 86400000000) + 6) % 7 AS weekday,
    (intDiv(local, 86400000000) + 305) % 146097 AS era_day,
    intDiv(era_day - intDiv(era_day, 1460) + intDiv(era_day, 36524) - intDiv(era_day, 146096), 365) AS era_year,
    era_day - (365 * era_year + intDiv(era_year, 4) - intDiv(era_year, 100)) AS year_day,
    intDiv(5 * year_day + 2, 153) AS march_month,
    year_day - intDiv(153 * march_month + 2, 5) + 1 AS month_day
FROM (SELECT customer, at_us, n_kept, milli, net, n_valued, off, off_value, n_off, n_cut, n_coupon, top_price,
          at_us + {local} + 62135683200000000 AS local,
          intDiv(at_us, 1000000) - intDiv(lag(at_us) OVER w, 1000000) AS since_s, row_number() OVER w AS seq,
          count(*) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS n,
          max(at_us) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last_us
      FROM f_order WHERE n_kept > 0
      WINDOW w AS (PARTITION BY customer ORDER BY at_us, net, n_kept, milli, order_key)) AS o

-- stage f_buyer: one row for every customer with an order that stands.
SELECT customer, count(*) AS n, min(at_us) AS first_us, max(at_us) AS last_us,
    countIf(at_us >= {d7}) AS n_7, countIf(at_us >= {d30}) AS n_30, countIf(at_us >= {d90}) AS n_90,
    countIf(at_us >= {d365}) AS n_365, countIf(at_us >= {d60} AND at_us < {d30}) AS n_30_60,
    countIf(at_us >= {d180} AND at_us < {d90}) AS n_90_180,
    countIf(at_us >= {d730} AND at_us < {d365}) AS n_365_730,
    countIf(at_us >= {d365} AND at_us < {d275}) AS n_season,
    sum(net) AS net, sumIf(net, at_us >= {d7}) AS net_7, sumIf(net, at_us >= {d30}) AS net_30,
    sumIf(net, at_us >= {d90}) AS net_90, sumIf(net, at_us >= {d365}) AS net_365,
    sumIf(net, at_us >= {d60} AND at_us < {d30}) AS net_30_60,
    sumIf(net, at_us >= {d180} AND at_us < {d90}) AS net_90_180,
    sumIf(net, at_us >= {d730} AND at_us < {d365}) AS net_365_730,
    sumIf(net, at_us >= {d365} AND at_us < {d275}) AS net_season,
    sum(n_valued) AS n_valued, sum(toInt128(net) * net) AS net_square, max(net) AS net_max, min(net) AS net_min,
    sumIf(net, seq = 1) AS net_first, sumIf(net, seq = n) AS net_last,
    sumIf(net, seq > n - 3) AS net_last3, countIf(seq > n - 3) AS n_last3,
    sumIf(gap_s, gap_s IS NOT NULL) AS gap, sumIf(toInt128(gap_s) * gap_s, gap_s IS NOT NULL) AS gap_square,
    min(gap_s) AS gap_min, max(gap_s) AS gap_max, sumIf(gap_s, seq = n AND n > 1) AS gap_last,
    sumIf(gap_s * (seq - 1), gap_s IS NOT NULL) AS gap_late,
    countIf(gap_s < intDiv({as_of}, 1000000) - intDiv(last_us, 1000000)) AS n_gap_shorter,
    groupBitOr(CASE WHEN at_us >= {d360} THEN bitShiftLeft(toInt64(1), intDiv({as_of} - 1 - at_us, 2592000000000))
        ELSE 0 END) AS months,
    sum(n_kept) AS n_line, sumIf(n_kept, seq = n) AS n_line_last, countIf(n_kept = 1) AS n_single,
    max(n_kept) AS n_line_max, sum(milli) AS milli, sumIf(milli, at_us >= {d90}) AS milli_90, max(milli) AS milli_max,
    sum(off) AS off, sum(off_value) AS off_value, sum(n_off) AS n_off,
    sumIf(off, at_us >= {d90}) AS off_90, sumIf(off_value, at_us >= {d90}) AS off_value_90,
    countIf(n_cut > 0) AS n_cut, countIf(n_coupon > 0) AS n_coupon, max(top_price) AS top_price,
    countIf(hour < 6) AS n_night, countIf(hour >= 6 AND hour < 12) AS n_morning,
    countIf(hour >= 12 AND hour < 18) AS n_afternoon, countIf(hour >= 18) AS n_evening,
    countIf(weekday = 0) AS day_0, countIf(weekday = 1) AS day_1, countIf(weekday = 2) AS day_2,
    countIf(weekday = 3) AS day_3, countIf(weekday = 4) AS day_4, countIf(weekday = 5) AS day_5,
    countIf(weekday = 6) AS day_6, countIf(month_day <= 10) AS n_month_start,
    countIf(march_month = 8 OR march_month = 9) AS n_gift, countIf(clock <> 0) AS n_clock
FROM f_rank GROUP BY customer

-- stage f_middle: twice the median of order values and of gaps, so that it is an integer.
SELECT customer, nets[intDiv(n + 1, 2)] + nets[intDiv(n, 2) + 1] AS net_median2,
    CASE WHEN n > 1 THEN gaps[intDiv(n, 2)] + gaps[intDiv(n - 1, 2) + 1] END AS gap_median2
FROM (SELECT customer, count(*) AS n, arraySort(groupArray(net)) AS nets,
          arraySort(groupArrayIf(gap_s, gap_s IS NOT NULL)) AS gaps
      FROM f_rank GROUP BY customer) AS l

-- stage f_basket: all orders of a customer, those that were given back among them.
SELECT customer, count(*) AS n, countIf(n_kept = 0) AS n_gone, countIf(n_back_line > 0) AS n_back_order,
    sum(n_line) AS n_line, sum(n_back_line) AS n_back_line, sum(gross) AS gross, sum(net) AS net,
    sum(n_back) AS n_back, sum(back_wait_s) AS back_wait_s
FROM f_order GROUP BY customer

-- stage f_pair: what a customer bought and kept, by item.
SELECT customer, item, count(*) AS n, toInt64(sum(kept_milli)) AS milli, toInt64(sum(net)) AS net,
    toInt64(sumIf(kept_milli, valued = 1)) AS valued_milli, min(at_us) AS first_us,
    toInt64(sum(intDiv(at_us, 1000000))) AS at_s
FROM {line} AS l WHERE kept = 1 AND goods = 1 AND item IS NOT NULL GROUP BY customer, item

-- stage f_item: what the shop knows of an item: its place among the prices of its category and of the
-- shop, and among the items by number of buyers, each in millionths.
SELECT item, category_key, brand_key, first_s, net, valued_milli,
    CASE WHEN n > 1 THEN intDiv((rank() OVER (ORDER BY n_buyer) - 1) * 1000000, CASE WHEN n > 1 THEN n - 1 ELSE 1 END) END AS fame,
    CASE WHEN price IS NOT NULL AND n_priced > 1
        THEN intDiv((rank() OVER (PARTITION BY no_price ORDER BY price) - 1) * 1000000, CASE WHEN n_priced > 1 THEN n_priced - 1 ELSE 1 END) END AS price_shop,
    CASE WHEN price IS NOT NULL AND category_key IS NOT NULL AND n_peer > 1
        THEN intDiv((rank() OVER (PARTITION BY category_key, no_price ORDER BY price) - 1) * 1000000, CASE WHEN n_peer > 1 THEN n_peer - 1 ELSE 1 END)
        END AS price_peer
FROM (SELECT item, category_key, brand_key, first_s, net, valued_milli, n_buyer, price, no_price,
          count(*) OVER () AS n, count(*) OVER (PARTITION BY no_price) AS n_priced,
          count(*) OVER (PARTITION BY category_key, no_price) AS n_peer
      FROM (SELECT b.item AS item, b.first_s AS first_s, b.net AS net, b.valued_milli AS valued_milli,
                b.n_buyer AS n_buyer, CASE WHEN c.category IS NOT NULL THEN cityHash64(c.category) END AS category_key,
                CASE WHEN d.brand IS NOT NULL THEN cityHash64(d.brand) END AS brand_key,
                CASE WHEN b.net > 0 AND b.valued_milli > 0
                    THEN intDiv(toInt128(b.net) * 1000000, CASE WHEN b.valued_milli > 0 THEN b.valued_milli ELSE 1 END) END AS price,
                CASE WHEN b.net > 0 AND b.valued_milli > 0 THEN 0 ELSE 1 END AS no_price
            FROM (SELECT item, count(*) AS n_buyer, intDiv(min(first_us), 1000000) AS first_s,
                      sum(net) AS net, sum(valued_milli) AS valued_milli
                  FROM f_pair GROUP BY item) AS b
            LEFT JOIN (SELECT item, category FROM (
                SELECT item, category, row_number() OVER (PARTITION BY item ORDER BY known_us DESC, load DESC, category) AS nth
                FROM item WHERE known_us < {as_of} AND category IS NOT NULL) AS i WHERE nth = 1) AS c ON c.item = b.item
            LEFT JOIN (SELECT item, brand FROM (
                SELECT item, brand, row_number() OVER (PARTITION BY item ORDER BY known_us DESC, load DESC, brand) AS nth
                FROM item WHERE known_us < {as_of} AND brand IS NOT NULL) AS i WHERE nth = 1) AS d ON d.item = b.item
           ) AS j) AS k

-- stage f_taste: what the kept items of a customer say together.
SELECT customer, count(*) AS n_item, sum(n) AS n_line, max(n) AS top, countIf(n > 1) AS n_again,
    sum(toInt64(floor(n * ln(n) * 1000000 + 0.5))) AS spread,
    sumIf(n * fame, fame IS NOT NULL) AS fame, sumIf(n, fame IS NOT NULL) AS n_fame,
    sumIf(n * price_shop, price_shop IS NOT NULL) AS price_shop, sumIf(n, price_shop IS NOT NULL) AS n_price_shop,
    sumIf(n * price_peer, price_peer IS NOT NULL) AS price_peer, sumIf(n, price_peer IS NOT NULL) AS n_price_peer,
    sumIf(n, price_peer >= 750000) AS n_premium,
    sum(at_s - n * first_s) AS item_age_s,
    countIf(first_us >= {d90}) AS n_item_new,
    sum(own_net) AS paid, sum(usual) AS usual
FROM (SELECT p.customer AS customer, p.n AS n, p.at_s AS at_s, p.first_us AS first_us, i.first_s AS first_s,
          i.fame AS fame, i.price_shop AS price_shop, i.price_peer AS price_peer,
          CASE WHEN i.net > 0 AND i.valued_milli > 0 THEN p.net ELSE 0 END AS own_net,
          CASE WHEN i.net > 0 AND i.valued_milli > 0
              THEN toInt64(floor(toFloat64(p.valued_milli) * toFloat64(i.net) / toFloat64(i.valued_milli) + 0.5))
              ELSE 0 END AS usual
      FROM f_pair AS p JOIN f_item AS i ON i.item = p.item) AS j
GROUP BY customer

-- stage f_category: how the kept lines of a customer spread over categories.
SELECT customer, count(*) AS n, sum(n_line) AS n_line, max(n_line) AS top, countIf(first_us >= {d90}) AS n_new,
    sum(toInt64(floor(n_line * ln(n_line) * 1000000 + 0.5))) AS spread,
    sum(net) AS net, max(net) AS top_net
FROM (SELECT p.customer AS customer, i.category_key AS category_key, sum(p.n) AS n_line,
          min(p.first_us) AS first_us, sum(p.net) AS net
      FROM f_pair AS p JOIN f_item AS i ON i.item = p.item
      WHERE i.category_key IS NOT NULL GROUP BY customer, category_key) AS c
GROUP BY customer

-- stage f_brand: the same over brands.
SELECT customer, count(*) AS n, sum(n_line) AS n_line, max(n_line) AS top, countIf(first_us >= {d90}) AS n_new,
    sum(toInt64(floor(n_line * ln(n_line) * 1000000 + 0.5))) AS spread
FROM (SELECT p.customer AS customer, i.brand_key AS brand_key, sum(p.n) AS n_line, min(p.first_us) AS first_us
      FROM f_pair AS p JOIN f_item AS i ON i.item = p.item
      WHERE i.brand_key IS NOT NULL GROUP BY customer, brand_key) AS c
GROUP BY customer

-- stage f_refund: refunds of a customer; `lone` is money given back that no purchase explains, as when
-- the purchase lies before the log begins.
SELECT customer, count(*) AS n, countIf(at_us >= {d90}) AS n_90, countIf(at_us >= {d365}) AS n_365,
    max(at_us) AS last_us, sum(value) AS value, sumIf(value, at_us >= {d365}) AS value_365, sum(lone) AS lone,
    sumIf(lone, at_us >= {d7}) AS lone_7, sumIf(lone, at_us >= {d30}) AS lone_30,
    sumIf(lone, at_us >= {d90}) AS lone_90, sumIf(lone, at_us >= {d365}) AS lone_365,
    sumIf(lone, at_us >= {d60} AND at_us < {d30}) AS lone_30_60,
    sumIf(lone, at_us >= {d180} AND at_us < {d90}) AS lone_90_180,
    sumIf(lone, at_us >= {d730} AND at_us < {d365}) AS lone_365_730,
    sumIf(lone, at_us >= {d365} AND at_us < {d275}) AS lone_season
FROM (SELECT customer, at_us, value,
          CASE WHEN amount = 0 THEN CASE WHEN gone = 0 THEN value ELSE 0 END
              WHEN gone >= amount THEN 0
              ELSE toInt64(floor(toFloat64(amount - gone) * value / amount + 0.5)) END AS lone
      FROM (SELECT e.customer AS customer, e.at_us AS at_us,
                CASE WHEN e.value_minor > 10000000000000 OR e.value_minor < -10000000000000 THEN 10000000000000
                    ELSE toInt64(coalesce(abs(e.value_minor), 0)) END AS value,
                CASE WHEN e.amount_minor > 10000000000000 OR e.amount_minor < -10000000000000 THEN 10000000000000
                    ELSE toInt64(coalesce(abs(e.amount_minor), 0)) END AS amount, coalesce(g.gone_minor, 0) AS gone
            FROM (SELECT event, customer, at_us, value_minor, amount_minor FROM event
                  WHERE kind = 'refund' AND at_us < {as_of} AND customer IS NOT NULL
                      AND customer NOT IN (SELECT customer FROM f_skip){real}) AS e
            LEFT JOIN f_gone AS g ON g.refund = e.event) AS r) AS l
GROUP BY customer

-- stage f_again: customers who told something more than once: only their words have to be put in order.
-- Names that share a hash put one more customer into this list, and change nothing else.
SELECT DISTINCT customer
FROM (SELECT customer, cityHash64(lower(name)) AS name_key, count(*) AS n
      FROM customer WHERE known_us < {as_of} GROUP BY customer, name_key) AS c
WHERE n > 1

-- stage f_profile: what a customer told, the latest word of each before as-of.
SELECT customer, count(*) AS n,
    maxIf(number, name = 'age') AS age, maxIf(number, name IN ('birth_year', 'year_birth', 'year_of_birth')) AS birth_year,
    maxIf(number, name IN ('income', 'household_income', 'annual_income')) AS income,
    maxIf(number, name IN ('household_size', 'family_size')) AS household,
    maxIf(number, name IN ('children', 'n_children', 'kids')) AS children,
    maxIf(number, name IN ('kidhome')) AS kids, maxIf(number, name IN ('teenhome')) AS teens,
    max(CASE WHEN name IN ('gender', 'sex') THEN CASE WHEN word IN ('f', 'female', 'woman', 'w', '女', '女性') THEN 1
        WHEN word IN ('m', 'male', 'man', '男', '男性') THEN 0 END END) AS female,
    max(CASE WHEN name IN ('marital_status', 'marital') THEN CASE
        WHEN word IN ('married', 'together', 'partner', '已婚') THEN 1
        WHEN word IN ('single', 'divorced', 'widow', 'widowed', 'alone', 'unmarried', '未婚', '离异') THEN 0 END END) AS married,
    maxIf(number, name IN ('registered', 'registered_us')) AS registered_us,
    max(CASE WHEN name IN ('member', 'membership', 'loyalty', 'loyalty_member', 'vip') THEN CASE
        WHEN number > 0 OR word IN ('yes', 'y', 'true', 'gold', 'silver', 'platinum', 'vip', '是') THEN 1 ELSE 0 END END) AS member,
    max(known_us) AS known_us
FROM (SELECT customer, lower(name) AS name, lower(value) AS word, number, known_us
      FROM customer WHERE known_us < {as_of} AND customer NOT IN (SELECT customer FROM f_again)
      UNION ALL
      SELECT customer, name, word, number, known_us
      FROM (SELECT customer, lower(name) AS name, lower(value) AS word, number, known_us,
                row_number() OVER (PARTITION BY customer, lower(name) ORDER BY known_us DESC, load DESC, value, number) AS nth
            FROM customer WHERE known_us < {as_of} AND customer IN (SELECT customer FROM f_again)) AS d
      WHERE nth = 1) AS a
GROUP BY customer

-- stage f_tie: ties to other customers.
SELECT customer, countIf(way = 0) AS n_out, countIf(way = 1) AS n_in,
    countIf(way = 0 AND invite = 1) AS n_invite, countIf(way = 1 AND invite = 1) AS n_invited
FROM (SELECT customer, 0 AS way, CASE WHEN lower(kind) LIKE '%invite%' THEN 1 ELSE 0 END AS invite
      FROM edge WHERE at_us < {as_of}
      UNION ALL
      SELECT other AS customer, 1 AS way, CASE WHEN lower(kind) LIKE '%invite%' THEN 1 ELSE 0 END AS invite
      FROM edge WHERE at_us < {as_of}) AS t
GROUP BY customer

-- stage f_touch: contacts by campaigns. What came of a contact has no moment of its own and is not read.
SELECT customer, count(*) AS n, countIf(at_us >= {d90}) AS n_90, max(at_us) AS last_us
FROM touch WHERE at_us < {as_of} GROUP BY customer

-- stage f_survey: answers given.
SELECT customer, count(*) AS n FROM survey WHERE at_us < {as_of} AND customer IS NOT NULL GROUP BY customer

-- stage f_note: one row about the shop: what its log holds at all, since when, and the sums from which
-- the shrunken scores take their prior.
SELECT *
FROM (SELECT coalesce(min(first_us), {as_of}) AS log_us, coalesce(sum(view), 0) AS n_view,
          coalesce(sum(cart), 0) AS n_cart, coalesce(sum(uncart), 0) AS n_uncart, coalesce(sum(search), 0) AS n_search,
          coalesce(sum(wish), 0) AS n_wish, coalesce(sum(review), 0) AS n_review,
          coalesce(sum(checkout), 0) AS n_checkout, coalesce(sum(share), 0) AS n_share
      FROM f_person) AS p
CROSS JOIN (SELECT count(*) AS n_buyer, coalesce(sum(n), 0) AS n_order, coalesce(sum(n_valued), 0) AS n_valued,
          coalesce(sum(n_clock), 0) AS n_clock, coalesce(sum(n_off), 0) AS n_off, coalesce(sum(n_coupon), 0) AS n_coupon,
          coalesce(sum(net), 0) AS net, coalesce(sum(net_square), 0) AS net_square,
          coalesce(sum(toInt128(n) * n), 0) AS order_square,
          coalesce(sum(toInt128(floor(toFloat64(net) * toFloat64(net) / n))), 0) AS net_between,
          coalesce(sum(n - 1), 0) AS again, coalesce(sum(toInt128(n - 1) * (n - 1)), 0) AS again_square,
          coalesce(sum(span_s), 0) AS span, coalesce(sum(toInt128(span_s) * span_s), 0) AS span_square,
          coalesce(sum(toInt128(n - 1) * span_s), 0) AS again_span
      FROM (SELECT n, n_valued, n_clock, n_off, n_coupon, net, net_square,
                intDiv({as_of}, 1000000) - intDiv(first_us, 1000000) AS span_s FROM f_buyer) AS b) AS o
CROSS JOIN (SELECT count(*) AS n_basket FROM f_basket) AS a
CROSS JOIN (SELECT count(*) AS n_visitor, coalesce(sum(n_clock), 0) AS n_visit_clock,
          coalesce(sum(n_buy), 0) AS n_visit_buy FROM f_session) AS s
CROSS JOIN (SELECT count(*) AS n_refunder FROM f_refund) AS r
CROSS JOIN (SELECT count(*) AS n_tied FROM f_tie) AS e
CROSS JOIN (SELECT count(*) AS n_touched FROM f_touch) AS u
CROSS JOIN (SELECT count(*) AS n_asked FROM f_survey) AS q

-- stage f_prior: the two shrunken scores as numbers of the shop (docs/maths/features.md): mean and prior
-- weight of the order rate (a second) and of the value of an order.
SELECT rate, CASE WHEN rate_room > 0 THEN rate / rate_room END AS rate_weight_s, rate_room,
    value, value_room, CASE WHEN value_room > 0 THEN value_noise / value_room END AS value_weight
FROM (SELECT rate, value, value_noise,
          CASE WHEN span_square > 0 THEN
              (toFloat64(again_square) - 2 * rate * toFloat64(again_span) + rate * rate * toFloat64(span_square)
               - rate * toFloat64(span)) / toFloat64(span_square) END AS rate_room,
          CASE WHEN n_buyer > 1 AND n_order > n_buyer THEN
              ((toFloat64(net_between) - toFloat64(net) * toFloat64(net) / n_order) / (n_buyer - 1) - value_noise)
              / ((n_order - toFloat64(order_square) / n_order) / (n_buyer - 1)) END AS value_room
      FROM (SELECT n_buyer, n_order, net, order_square, net_between, again, again_square, span, span_square, again_span,
                CASE WHEN span > 0 THEN toFloat64(again) / toFloat64(span) END AS rate,
                CASE WHEN n_order > 0 AND n_valued > 0 THEN toFloat64(net) / toFloat64(n_order) END AS value,
                CASE WHEN n_order > n_buyer THEN
                    (toFloat64(net_square) - toFloat64(net_between)) / toFloat64(n_order - n_buyer) END AS value_noise
            FROM f_note) AS a) AS b

-- stage f_purse: money by window, net of what was given back, never below zero; NULL where the log knows
-- orders of the customer but not what they cost.
SELECT customer, known,
    CASE WHEN known = 1 THEN CASE WHEN d7 > 0 THEN d7 ELSE 0 END END AS spend_7,
    CASE WHEN known = 1 THEN CASE WHEN d30 > 0 THEN d30 ELSE 0 END END AS spend_30,
    CASE WHEN known = 1 THEN CASE WHEN d90 > 0 THEN d90 ELSE 0 END END AS spend_90,
    CASE WHEN known = 1 THEN CASE WHEN d365 > 0 THEN d365 ELSE 0 END END AS spend_365,
    CASE WHEN known = 1 THEN CASE WHEN life > 0 THEN life ELSE 0 END END AS spend,
    CASE WHEN known = 1 THEN CASE WHEN d30_60 > 0 THEN d30_60 ELSE 0 END END AS spend_30_60,
    CASE WHEN known = 1 THEN CASE WHEN d90_180 > 0 THEN d90_180 ELSE 0 END END AS spend_90_180,
    CASE WHEN known = 1 THEN CASE WHEN d365_730 > 0 THEN d365_730 ELSE 0 END END AS spend_365_730,
    CASE WHEN known = 1 THEN CASE WHEN season > 0 THEN season ELSE 0 END END AS spend_season
FROM (SELECT p.customer AS customer,
          CASE WHEN k.n_valued > 0 AND (o.n IS NULL OR o.n_valued > 0) THEN 1 ELSE 0 END AS known,
          coalesce(o.net, 0) - coalesce(r.lone, 0) AS life,
          coalesce(o.net_7, 0) - coalesce(r.lone_7, 0) AS d7,
          coalesce(o.net_30, 0) - coalesce(r.lone_30, 0) AS d30,
          coalesce(o.net_90, 0) - coalesce(r.lone_90, 0) AS d90,
          coalesce(o.net_365, 0) - coalesce(r.lone_365, 0) AS d365,
          coalesce(o.net_30_60, 0) - coalesce(r.lone_30_60, 0) AS d30_60,
          coalesce(o.net_90_180, 0) - coalesce(r.lone_90_180, 0) AS d90_180,
          coalesce(o.net_365_730, 0) - coalesce(r.lone_365_730, 0) AS d365_730,
          coalesce(o.net_season, 0) - coalesce(r.lone_season, 0) AS season
      FROM f_person AS p LEFT JOIN f_buyer AS o ON o.customer = p.customer
      LEFT JOIN f_refund AS r ON r.customer = p.customer CROSS JOIN f_note AS k) AS w

#include "random_shop.h"

#include "clade/run.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const kind[] = { "view",     "search",   "click",  "cart",   "uncart",
                                    "checkout", "purchase", "refund", "review", "login",
                                    "wish",     "share",    "custom" };

static clade_rng rng;

static int64_t below(int64_t n)
{
    return (int64_t)clade_rng_below(&rng, (uint64_t)n);
}

static bool chance(int percent)
{
    return below(100) < percent;
}

/* A text from a short list, or NULL. */
static void word(clade_buffer *sql, int percent_null, const char *prefix, int64_t n)
{
    if (chance(percent_null))
        clade_buffer_text(sql, ", NULL");
    else
        clade_buffer_format(sql, ", '%s%lld'", prefix, (long long)below(n));
}

static void number(clade_buffer *sql, int percent_null, int64_t x)
{
    if (chance(percent_null))
        clade_buffer_text(sql, ", NULL");
    else
        clade_buffer_format(sql, ", %lld", (long long)x);
}

/* Minor units: mostly shop prices, sometimes nothing, negative or absurd. */
static int64_t money(void)
{
    switch (below(40)) {
    case 0: return 0;
    case 1: return -below(500);
    case 2: return INT64_C(9000000000000000);
    case 3: return 1;
    default: return 1 + below(20000);
    }
}

static const char *quantity(void)
{
    static const char *const odd[]  = { "NULL", "0", "0.333", "-2", "1e300", "1.5" };
    static const char *const even[] = { "1", "2", "3", "12" };
    return chance(10) ? odd[below(6)] : even[below(4)];
}

typedef struct mood {
    bool sessions, hours, prices, refunds, discounts, items, devices, order_refs, browsing, rates;
} mood;

/* Moments crowd around as-of and on the edges of the windows. */
static int64_t moment(const mood *m)
{
    static const int64_t edge[] = { 7, 30, 60, 90, 180, 275, 360, 364, 365, 730 };
    int64_t              at     = 0;

    if (chance(10))
        at = RANDOM_SHOP_AS_OF - edge[below(10)] * CLADE_US_PER_DAY + below(3) - 1;
    else if (chance(50))
        at = RANDOM_SHOP_AS_OF - below(120 * 24) * CLADE_US_PER_HOUR - below(3600) * 1000000;
    else
        at = RANDOM_SHOP_AS_OF + (below(1000) - 800) * CLADE_US_PER_DAY + below(86400) * 1000000;
    if (chance(5)) at = RANDOM_SHOP_AS_OF - below(2);
    return m->hours ? at : at / CLADE_US_PER_DAY * CLADE_US_PER_DAY;
}

static void write_event(clade_buffer *sql, const mood *m, int64_t event, int64_t n_customers)
{
    const int64_t what = m->browsing ? below(20) : 6;
    const char   *name = kind[what < 13 ? what : what < 18 ? 6 : 0];
    const bool    buy = strcmp(name, "purchase") == 0, refund = strcmp(name, "refund") == 0;
    const int64_t at    = moment(m);
    int64_t       value = money();

    if (refund) value = m->refunds ? -llabs(value) : 0;
    clade_buffer_format(sql, "%s(%lld", event == 1 ? " " : ",\n ", (long long)event);
    number(sql, 3, below(n_customers) * 3);
    clade_buffer_format(sql, ", %lld, '%s'", (long long)at,
                        refund && !m->refunds ? "custom" : name);
    number(sql, m->items ? 10 : 100, below(15));
    clade_buffer_format(sql, ", %s, NULL", quantity());
    if (buy || refund) {
        /* Amounts in another currency are twice the shop's. */
        const int64_t amount = m->rates && chance(30) && llabs(value) < 100000 ? value * 2 : value;
        number(sql, 5, amount);
        number(sql, m->prices ? 5 : 100, value);
        number(sql, m->discounts ? 30 : 100, chance(50) ? 0 : below(900) - 20);
    } else {
        clade_buffer_text(sql, ", NULL, NULL, NULL");
    }
    clade_buffer_text(sql, ", 'EUR'");
    if (buy || refund)
        word(sql, m->order_refs ? 10 : 100, "o", 200);
    else
        clade_buffer_text(sql, ", NULL");
    number(sql, m->sessions ? 10 : 100, below(150));
    clade_buffer_text(sql, ", NULL");
    word(sql, 20, "channel", 4);
    if (m->devices)
        clade_buffer_format(
            sql, ", '%s'",
            (const char *const[]){ "Mobile App", "desktop", "iPad", "tv" }[below(4)]);
    else
        clade_buffer_text(sql, ", NULL");
    word(sql, buy && m->discounts ? 70 : 100, "coupon", 3);
    number(sql, 40, chance(5) ? INT64_C(1) << 50 : below(600000000) - 1000);
    if (strcmp(name, "review") == 0 && chance(80))
        clade_buffer_format(sql, ", %s", (const char *const[]){ "4.5", "1", "5", "1e9" }[below(4)]);
    else
        clade_buffer_text(sql, ", NULL");
    clade_buffer_format(sql, ", %lld, 1)", (long long)event);
}

static void write_catalogue(clade_buffer *sql)
{
    clade_buffer_text(sql, "INSERT INTO item VALUES");
    for (int64_t i = 0; i < 25; i++) {
        const int64_t known =
            chance(80) ? 0 : RANDOM_SHOP_AS_OF + (below(40) - 30) * CLADE_US_PER_DAY;
        clade_buffer_format(sql, "%s(%lld, 'r%lld', NULL", i == 0 ? " " : ",\n ",
                            (long long)(i % 14), (long long)(i % 14));
        word(sql, 20, "category", 4);
        word(sql, 30, "brand", 5);
        clade_buffer_format(sql, ", NULL, NULL, NULL, %lld, %lld)", (long long)known, (long long)i);
    }
    clade_buffer_text(sql, ";\n");
}

static void write_profile(clade_buffer *sql, int64_t n_customers)
{
    static const char *const row[] = {
        "'Age', NULL, 33",          "'birth_year', NULL, 1980", "'gender', 'F', NULL",
        "'sex', 'male', NULL",      "'income', NULL, 41250.5",  "'kidhome', NULL, 1",
        "'teenhome', NULL, 2",      "'vip', 'Yes', NULL",       "'member', NULL, 0",
        "'marital', 'Single', 0",   "'children', NULL, 3",      "'age', NULL, 0",
        "'household_size', '4', 4", "'colour', 'teal', NULL",   "'registered', NULL, 1.6e15",
    };
    clade_buffer_text(sql, "INSERT INTO customer VALUES");
    for (int64_t i = 0; i < 60; i++) {
        clade_buffer_format(sql, "%s(%lld, %s, %lld, %lld)", i == 0 ? " " : ",\n ",
                            (long long)(below(n_customers) * 3), row[below(15)],
                            (long long)(RANDOM_SHOP_AS_OF + (below(30) - 25) * CLADE_US_PER_DAY),
                            (long long)i);
    }
    clade_buffer_text(sql, ";\n");
}

static void write_contacts(clade_buffer *sql, int64_t n_customers)
{
    for (int64_t i = 0; i < 40; i++) {
        const long long a = below(n_customers) * 3, b = below(n_customers) * 3;
        const long long at = RANDOM_SHOP_AS_OF + (below(200) - 180) * CLADE_US_PER_DAY;
        switch (below(4)) {
        case 0:
            clade_buffer_format(sql, "INSERT INTO edge VALUES (%lld, %lld, '%s', 1, %s, 1);\n", a,
                                b, chance(50) ? "invite" : "follow",
                                chance(20) ? "NULL" : "1700000000000000");
            break;
        case 1:
            clade_buffer_format(sql,
                                "INSERT INTO survey VALUES (%lld, %lld, NULL, 'q', 3, NULL,"
                                " NULL, 1);\n",
                                a, at);
            break;
        case 2:
            clade_buffer_format(sql, "INSERT INTO flag VALUES ('%s', %lld, NULL, %lld, 'why');\n",
                                chance(50) ? "bot" : "outlier_price", a, at);
            break;
        default:
            clade_buffer_format(sql,
                                "INSERT INTO touch VALUES (%lld, %lld, 'may', 'a', 'mail', 0.5,"
                                " 10, 1, 1);\n",
                                a, at);
        }
    }
}

void random_shop_write(clade_buffer *sql, uint64_t seed)
{
    rng                       = clade_rng_stream(seed, "test/shop", 0);
    const int64_t n_customers = 4 + below(20);
    const int64_t n_events    = 1 + below(700);
    const mood    m           = { .sessions   = chance(70),
                                  .hours      = chance(70),
                                  .prices     = chance(80),
                                  .refunds    = chance(80),
                                  .discounts  = chance(70),
                                  .items      = chance(80),
                                  .devices    = chance(70),
                                  .order_refs = chance(70),
                                  .browsing   = chance(80),
                                  .rates      = chance(50) };

    clade_buffer_text(sql, "INSERT INTO event VALUES");
    for (int64_t i = 1; i <= n_events; i++)
        write_event(sql, &m, i, n_customers);
    clade_buffer_text(sql, ";\n");
    write_catalogue(sql);
    write_profile(sql, n_customers);
    write_contacts(sql, n_customers);
    clade_buffer_format(sql,
                        "INSERT INTO flag SELECT CASE event %% 2 WHEN 0 THEN 'test_order' ELSE"
                        " 'not_product' END, NULL, event, at_us, 'why' FROM event"
                        " WHERE event %% %d = 3 AND kind = 'purchase';\n",
                        chance(50) ? 1000003 : 7);
    /* Some refunds undo an earlier purchase of the same customer, wholly or in part. */
    clade_buffer_text(
        sql, "INSERT INTO refund_match SELECT r.event, p.event, r.customer, CASE r.event % 3"
             " WHEN 0 THEN coalesce(p.quantity, 1) WHEN 1 THEN 1 ELSE 0.5 END,"
             " CASE r.event % 3 WHEN 0 THEN -abs(coalesce(p.amount_minor, 0))"
             " ELSE coalesce(r.amount_minor, 0) END, r.at_us"
             " FROM event r JOIN event p ON p.customer = r.customer AND p.kind = 'purchase'"
             " AND r.kind = 'refund' AND p.at_us <= r.at_us AND (p.event + r.event) % 4 = 0;\n");
}

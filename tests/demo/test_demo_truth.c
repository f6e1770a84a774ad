/* What the demo shop says it planted, found again in its files by counting. */
#include "demo_files.h"

enum { N_CUSTOMERS = 6000, FIRST_ID = 10000001, N_ORDER_FIELDS = 15 };

enum {
    ORDER,
    CREATED,
    CUSTOMER,
    PRODUCT,
    TITLE,
    CATEGORY,
    QUANTITY,
    PRICE,
    DISCOUNT,
    TOTAL,
    CURRENCY,
    RATE,
    STATUS,
    COUPON,
    CHANNEL
}; /* fields of orders.csv */

static char               folder[256];
static clade_demo_summary summary;

static int make_shop(void **state)
{
    (void)state;
    check_folder_make(folder, "demo");
    const clade_demo_options options = { .folder = folder, .n_customers = N_CUSTOMERS, .seed = 11 };
    check_ok(clade_demo_write(&options, &summary, NULL));
    return 0;
}

static int remove_shop(void **state)
{
    (void)state;
    check_folder_remove(folder);
    return 0;
}

static int64_t value_of(const demo_text *row) /* CNY minor, as the shop would convert it */
{
    return llround((double)demo_minor(row->field[TOTAL]) * strtod(row->field[RATE], NULL));
}

static void orders_hold_the_faults_that_the_summary_counts(void **state)
{
    (void)state;
    demo_text text;
    uint64_t  rows = 0, ragged = 0, bad_dates = 0, guests = 0, no_price = 0, no_category = 0;
    uint64_t  refunds = 0, cancelled = 0, usd = 0,
             *hash = calloc(summary.n_order_rows, sizeof *hash);
    demo_text_open(&text, folder, "orders.csv");
    assert_int_equal(demo_text_row(&text, ','), N_ORDER_FIELDS);
    for (size_t n; (n = demo_text_row(&text, ',')) > 0;) {
        hash[rows++] = clade_hash64(text.raw, strlen(text.raw), 0);
        ragged += n == N_ORDER_FIELDS + 1;
        if (n == N_ORDER_FIELDS + 1) continue;
        assert_int_equal(n, N_ORDER_FIELDS);
        bad_dates += strncmp(text.field[CREATED], "0000-00-00", 10) == 0;
        if (text.field[CREATED][0] == '0') continue;
        guests += text.field[CUSTOMER][0] == '\0' && text.field[QUANTITY][0] != '-';
        no_price += text.field[PRICE][0] == '\0';
        no_category += text.field[CATEGORY][0] == '\0';
        refunds += text.field[QUANTITY][0] == '-';
        cancelled += strcmp(text.field[STATUS], "cancelled") == 0;
        usd += strcmp(text.field[CURRENCY], "USD") == 0 && text.field[QUANTITY][0] != '-';
        assert_true(text.field[TOTAL][0] != '\0');
    }
    demo_text_close(&text);

    assert_int_equal(rows, summary.n_order_rows);
    assert_int_equal(ragged, summary.n_order_ragged);
    assert_int_equal(bad_dates, summary.n_order_bad_dates);
    const uint64_t copies = demo_repeats(hash, rows);
    assert_int_equal(copies, summary.n_order_duplicates);
    /* A copy repeats the faults of its original. */
    assert_in_range(guests, summary.n_order_guest_lines, summary.n_order_guest_lines + copies);
    assert_in_range(no_price, summary.n_order_missing_price,
                    summary.n_order_missing_price + copies);
    assert_in_range(no_category, summary.n_order_missing_category,
                    summary.n_order_missing_category + copies);
    assert_in_range(cancelled, summary.n_cancelled_lines, summary.n_cancelled_lines + copies);
    assert_in_range(usd, summary.n_order_usd_lines, summary.n_order_usd_lines + copies);
    assert_int_equal(refunds, summary.n_refund_lines);
    assert_int_equal(rows, summary.n_order_lines + refunds + copies + ragged + bad_dates);
    assert_true(copies > 0 && no_price > 0 && no_category > 0 && guests > 0 && refunds > 0 &&
                cancelled > 0);
    free(hash);
}

static void events_hold_the_repeats_that_the_summary_counts(void **state)
{
    (void)state;
    demo_text text;
    uint64_t  rows = 0, anonymous = 0, *id = calloc(summary.n_event_rows, sizeof *id);
    uint64_t *whole = calloc(summary.n_event_rows, sizeof *whole);
    demo_text_open(&text, folder, "events.csv");
    assert_int_equal(demo_text_row(&text, ','), 10);
    for (size_t n; (n = demo_text_row(&text, ',')) > 0; rows++) {
        assert_int_equal(n, 10);
        id[rows]    = strtoull(text.field[0], NULL, 16);
        whole[rows] = clade_hash64(text.raw, strlen(text.raw), 0);
        anonymous += text.field[2][0] == '\0';
        assert_true(strcmp(text.field[1], "2022-12-31T16:00:00Z") >= 0);
        assert_true(strcmp(text.field[1], "2024-12-31T16:00:02Z") < 0);
    }
    demo_text_close(&text);
    assert_int_equal(rows, summary.n_event_rows);
    assert_int_equal(anonymous, summary.n_event_anonymous);
    assert_int_equal(demo_repeats(whole, rows), summary.n_event_duplicates);
    assert_int_equal(demo_repeats(id, rows), summary.n_event_duplicates + summary.n_event_retries);
    assert_int_equal(rows, summary.n_events + summary.n_event_duplicates + summary.n_event_retries);
    assert_true(anonymous > rows / 50 && anonymous < rows / 4);
    free(id);
    free(whole);
}

/* The naive way to the future: add up the lines of orders.csv by customer and window. */
static void the_future_is_what_the_orders_say(void **state)
{
    (void)state;
    static const char *const from[2] = { "2024-07-01", "2024-10-01" };
    static const char *const to[2]   = { "2024-09-29", "2024-12-30" };
    int64_t(*spend)[2]               = calloc(N_CUSTOMERS, sizeof *spend);
    demo_text text;
    uint64_t  n = 0, wrong = 0, spenders = 0, last = 0;
    demo_text_open(&text, folder, "orders.csv");
    (void)demo_text_row(&text, ',');
    for (size_t fields; (fields = demo_text_row(&text, ',')) > 0;) {
        const uint64_t hash   = clade_hash64(text.raw, strlen(text.raw), 0);
        const bool     repeat = hash == last; /* a copy stands beside its original or close to it */
        last                  = hash;
        if (repeat || fields != N_ORDER_FIELDS || text.field[CUSTOMER][0] == '\0') continue;
        if (strcmp(text.field[STATUS], "cancelled") == 0 ||
            strncmp(text.field[ORDER], "TEST", 4) == 0)
            continue;
        const uint64_t customer = strtoull(text.field[CUSTOMER], NULL, 10) - FIRST_ID;
        assert_true(customer < N_CUSTOMERS);
        for (int r = 0; r < 2; r++) {
            const bool inside = strncmp(text.field[CREATED], from[r], 10) >= 0 &&
                                strncmp(text.field[CREATED], to[r], 10) < 0;
            if (inside) spend[customer][r] += value_of(&text);
        }
    }
    demo_text_close(&text);

    demo_text_open(&text, folder, "truth/future.csv");
    assert_int_equal(demo_text_row(&text, ','), 6);
    for (; demo_text_row(&text, ',') == 6; n++) {
        const int      r        = strcmp(text.field[1], from[1]) == 0;
        const uint64_t customer = strtoull(text.field[0], NULL, 10) - FIRST_ID;
        wrong += llabs(demo_minor(text.field[5]) - spend[customer][r]) > 1;
        spenders += spend[customer][r] > 0;
    }
    demo_text_close(&text);
    assert_true(n > N_CUSTOMERS && spenders > n / 10);
    /* Only a slipped decimal point, or a copy that a row of the same second came between, may
     * differ. */
    assert_true(wrong <= 2 * summary.n_order_price_outliers + n / 500);
    free(spend);
}

static void expectations_are_kept_on_average(void **state)
{
    (void)state;
    demo_text text;
    double    orders = 0, expected_orders = 0, spend = 0, expected_spend = 0;
    demo_text_open(&text, folder, "truth/future.csv");
    (void)demo_text_row(&text, ',');
    while (demo_text_row(&text, ',') == 6) {
        expected_orders += strtod(text.field[2], NULL);
        expected_spend += strtod(text.field[3], NULL);
        orders += strtod(text.field[4], NULL);
        spend += strtod(text.field[5], NULL);
    }
    demo_text_close(&text);
    /* About 3,500 orders: a standard error of 2 % on counts, of 6 % on money with its long tail. */
    assert_true(fabs(expected_orders / orders - 1) < 0.08);
    assert_true(fabs(expected_spend / spend - 1) < 0.25);
}

static void archetypes_come_in_their_shares(void **state)
{
    (void)state;
    const struct {
        clade_demo_archetype archetype;
        double               low, high;
    } wanted[] = {
        { CLADE_DEMO_LOYAL, .07, .11 },          { CLADE_DEMO_BARGAIN, .12, .16 },
        { CLADE_DEMO_GIFT, .10, .14 },           { CLADE_DEMO_ONE_TIMER, .21, .27 },
        { CLADE_DEMO_FADING, .07, .10 },         { CLADE_DEMO_SUBSCRIBER, .03, .06 },
        { CLADE_DEMO_RING, .004, .012 },         { CLADE_DEMO_BOT, .0003, .004 },
        { CLADE_DEMO_STAFF, .0003, .004 },       { CLADE_DEMO_REFUND_ABUSER, .003, .010 },
        { CLADE_DEMO_WINDOW_SHOPPER, .05, .09 },
    };
    uint64_t total = 0;
    for (int a = 0; a < CLADE_DEMO_N_ARCHETYPE; a++)
        total += summary.n_archetype[a];
    assert_int_equal(total, N_CUSTOMERS);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const double share = (double)summary.n_archetype[wanted[i].archetype] / N_CUSTOMERS;
        if (share < wanted[i].low || share > wanted[i].high) {
            print_error("%s: %g\n", clade_demo_archetype_name(wanted[i].archetype), share);
        }
        assert_true(share >= wanted[i].low && share <= wanted[i].high);
    }
    assert_int_equal(summary.n_rings, N_CUSTOMERS / 1024 + 1);
}

static void fellows_of_a_ring_share_their_address(void **state)
{
    (void)state;
    char      address[32][96] = { 0 };
    char     *ring_of         = calloc(N_CUSTOMERS, 1);
    int       members         = 0;
    demo_text text;
    demo_text_open(&text, folder, "truth/customers.csv");
    (void)demo_text_row(&text, ',');
    while (demo_text_row(&text, ',') == 10) {
        ring_of[strtoull(text.field[0], NULL, 10) - FIRST_ID] = (char)atoi(text.field[4]);
    }
    demo_text_close(&text);
    demo_text_open(&text, folder, "customers.csv");
    (void)demo_text_row(&text, ',');
    while (demo_text_row(&text, ',') == 13) {
        const int ring = ring_of[strtoull(text.field[0], NULL, 10) - FIRST_ID];
        if (ring == 0) continue;
        if (address[ring][0] == '\0')
            snprintf(address[ring], sizeof address[ring], "%s", text.field[8]);
        assert_string_equal(text.field[8], address[ring]);
        members++;
    }
    demo_text_close(&text);
    assert_int_equal(members, summary.n_archetype[CLADE_DEMO_RING]);
    free(ring_of);
}

static void the_busiest_day_is_11_11(void **state)
{
    (void)state;
    static int count[24 * 31 * 12];
    int        best = 0;
    demo_text  text;
    memset(count, 0, sizeof count);
    demo_text_open(&text, folder, "orders.csv");
    (void)demo_text_row(&text, ',');
    while (demo_text_row(&text, ',') > 0) {
        int year, month, day;
        if (sscanf(text.field[CREATED], "%d-%d-%d", &year, &month, &day) != 3 || year == 0)
            continue;
        count[(year - 2023) * 372 + (month - 1) * 31 + day - 1]++;
    }
    demo_text_close(&text);
    for (int i = 0; i < 744; i++)
        best = count[i] > count[best] ? i : best;
    assert_int_equal(best % 372, 10 * 31 + 10);
}

/* Visits thin out before orders do: of fading customers, in the last 40 days before the drop
 * against 120 days earlier. Days are counted from 2023-01-01. */
static void fading_shows_in_visits_before_orders(void **state)
{
    (void)state;
    int      *drop        = calloc(N_CUSTOMERS, sizeof *drop);
    double    count[2][2] = { { 0 } }; /* [orders, visits][early, late] */
    demo_text text;
    demo_text_open(&text, folder, "truth/customers.csv");
    (void)demo_text_row(&text, ',');
    while (demo_text_row(&text, ',') == 10) {
        int year, month, day;
        if (strcmp(text.field[1], "fading") != 0) continue;
        if (sscanf(text.field[3], "%d-%d-%d", &year, &month, &day) != 3) continue;
        drop[strtoull(text.field[0], NULL, 10) - FIRST_ID] =
            (int)(clade_days_from_civil(year, month, day) - clade_days_from_civil(2023, 1, 1));
    }
    demo_text_close(&text);
    for (int kind = 0; kind < 2; kind++) {
        demo_text_open(&text, folder, kind == 0 ? "orders.csv" : "events.csv");
        (void)demo_text_row(&text, ',');
        while (demo_text_row(&text, ',') > 0) {
            int year, month, day;
            if (sscanf(text.field[1], "%d-%d-%d", &year, &month, &day) != 3 || year == 0) continue;
            if (text.field[2][0] == '\0') continue;
            const int end = drop[strtoull(text.field[2], NULL, 10) - FIRST_ID];
            const int ago = end - (int)(clade_days_from_civil(year, month, day) -
                                        clade_days_from_civil(2023, 1, 1));
            if (end < 200) continue;
            count[kind][0] += ago > 160 && ago <= 200;
            count[kind][1] += ago > 20 && ago <= 60;
        }
        demo_text_close(&text);
    }
    const double orders_kept = count[0][1] / count[0][0], visits_kept = count[1][1] / count[1][0];
    print_message("orders kept %.2f, visits kept %.2f\n", orders_kept, visits_kept);
    assert_true(orders_kept < 0.85);
    assert_true(visits_kept < orders_kept - 0.05);
    free(drop);
}

static void the_chinese_file_has_chinese_headers_and_the_rival_file_commas(void **state)
{
    (void)state;
    demo_text text;
    demo_text_open(&text, folder, "reviews.csv");
    assert_memory_equal(text.data, "\xEF\xBB\xBF评价编号,订单号,用户ID",
                        strlen("\xEF\xBB\xBF评价编号,订单号,用户ID"));
    assert_int_equal(clade_utf8_valid(text.data, text.size), text.size);
    demo_text_close(&text);
    demo_text_open(&text, folder, "competitor_prices.csv");
    uint64_t rows = 0;
    (void)demo_text_row(&text, ';');
    for (; demo_text_row(&text, ';') == 5; rows++) {
        assert_non_null(strchr(text.field[3], ','));
        assert_true(text.field[2][2] == '.' && text.field[2][5] == '.');
    }
    assert_int_equal(rows, summary.n_rival_rows);
    demo_text_close(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_hold_the_faults_that_the_summary_counts),
        cmocka_unit_test(events_hold_the_repeats_that_the_summary_counts),
        cmocka_unit_test(the_future_is_what_the_orders_say),
        cmocka_unit_test(expectations_are_kept_on_average),
        cmocka_unit_test(archetypes_come_in_their_shares),
        cmocka_unit_test(fellows_of_a_ring_share_their_address),
        cmocka_unit_test(the_busiest_day_is_11_11),
        cmocka_unit_test(fading_shows_in_visits_before_orders),
        cmocka_unit_test(the_chinese_file_has_chinese_headers_and_the_rival_file_commas),
    };
    return cmocka_run_group_tests(tests, make_shop, remove_shop);
}

/* The demo shop's headers are the headers of real exports: what ingest guesses of them is right. */
#include "demo_files.h"

#include "clade/mapping.h"

enum { N_SAMPLE = 200, N_EXPECTED = 16 };

static char folder[256];

static int make_shop(void **state)
{
    (void)state;
    check_folder_make(folder, "demo");
    const clade_demo_options options = { .folder = folder, .n_customers = 1500, .seed = 4 };
    check_ok(clade_demo_write(&options, NULL, NULL));
    return 0;
}

static int remove_shop(void **state)
{
    (void)state;
    check_folder_remove(folder);
    return 0;
}

/* Open a file, guess from its first rows, and compare column by column. */
static void check_guess(const char *name, clade_shape shape, const clade_field *wanted,
                        size_t n_wanted)
{
    static clade_mapping mapping;
    static clade_text    sample[N_SAMPLE * N_DEMO_FIELDS];
    const char          *column[N_DEMO_FIELDS];
    char                 path[600];
    clade_reader        *reader = NULL;
    clade_arena         *arena  = clade_arena_create(0);
    size_t               n_rows = 0;
    bool                 more   = true;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    check_ok(clade_reader_open(&reader, path, NULL, NULL));
    const size_t n_columns = clade_reader_n_columns(reader);
    assert_int_equal(n_columns, n_wanted);
    for (size_t c = 0; c < n_columns; c++)
        column[c] = clade_reader_column(reader, c);
    while (n_rows < N_SAMPLE && more) {
        clade_row row;
        check_ok(clade_reader_next(&row, &more, reader, NULL));
        if (!more || row.bad != NULL) continue;
        for (size_t c = 0; c < n_columns; c++) {
            const clade_text field = row.fields[c];
            sample[n_rows * n_columns + c] =
                (clade_text){ field.data == NULL ? NULL
                                                 : clade_arena_text(arena, field.data, field.size),
                              field.size };
        }
        n_rows++;
    }
    clade_mapping_guess(&mapping, column, n_columns, sample, n_rows);
    if (mapping.shape != shape) {
        print_error("%s: shape %s\n", name, clade_shape_name(mapping.shape));
    }
    for (size_t c = 0; c < n_columns; c++) {
        if (mapping.column[c].field != wanted[c]) {
            print_error("%s: %s was read as %s, wanted %s\n", name, column[c],
                        clade_field_name(mapping.column[c].field), clade_field_name(wanted[c]));
        }
    }
    assert_int_equal(mapping.shape, shape);
    for (size_t c = 0; c < n_columns; c++)
        assert_int_equal(mapping.column[c].field, wanted[c]);
    clade_reader_close(reader);
    clade_arena_free(arena);
}

#define CHECK_GUESS(name, shape, ...)                                       \
    do {                                                                    \
        const clade_field wanted[] = { __VA_ARGS__ };                       \
        check_guess(name, shape, wanted, sizeof wanted / sizeof wanted[0]); \
    } while (0)

static void orders_are_understood(void **state)
{
    (void)state;
    CHECK_GUESS("orders.csv", CLADE_SHAPE_ORDERS, CLADE_FIELD_ORDER, CLADE_FIELD_TIME,
                CLADE_FIELD_CUSTOMER, CLADE_FIELD_ITEM, CLADE_FIELD_ITEM_NAME, CLADE_FIELD_CATEGORY,
                CLADE_FIELD_QUANTITY, CLADE_FIELD_PRICE, CLADE_FIELD_DISCOUNT, CLADE_FIELD_AMOUNT,
                CLADE_FIELD_CURRENCY, CLADE_FIELD_RATE, CLADE_FIELD_STATUS, CLADE_FIELD_COUPON,
                CLADE_FIELD_CHANNEL);
}

static void events_are_understood(void **state)
{
    (void)state;
    CHECK_GUESS("events.csv", CLADE_SHAPE_EVENTS, CLADE_FIELD_MESSAGE, CLADE_FIELD_TIME,
                CLADE_FIELD_CUSTOMER, CLADE_FIELD_KIND, CLADE_FIELD_ITEM, CLADE_FIELD_QUERY,
                CLADE_FIELD_SESSION, CLADE_FIELD_CHANNEL, CLADE_FIELD_DEVICE, CLADE_FIELD_DWELL_S);
}

static void customers_are_understood(void **state)
{
    (void)state;
    CHECK_GUESS("customers.csv", CLADE_SHAPE_CUSTOMERS, CLADE_FIELD_CUSTOMER, CLADE_FIELD_NAME,
                CLADE_FIELD_EMAIL, CLADE_FIELD_PHONE, CLADE_FIELD_ATTRIBUTE, CLADE_FIELD_ATTRIBUTE,
                CLADE_FIELD_ATTRIBUTE, CLADE_FIELD_ATTRIBUTE, CLADE_FIELD_ADDRESS,
                CLADE_FIELD_REGISTERED, CLADE_FIELD_ATTRIBUTE, CLADE_FIELD_ATTRIBUTE,
                CLADE_FIELD_ATTRIBUTE);
}

static void items_are_understood(void **state)
{
    (void)state;
    CHECK_GUESS("items.csv", CLADE_SHAPE_ITEMS, CLADE_FIELD_ITEM, CLADE_FIELD_ITEM_NAME,
                CLADE_FIELD_ATTRIBUTE, CLADE_FIELD_CATEGORY, CLADE_FIELD_SUBCATEGORY,
                CLADE_FIELD_BRAND, CLADE_FIELD_PRICE, CLADE_FIELD_CURRENCY, CLADE_FIELD_STOCK,
                CLADE_FIELD_TIME);
}

static void chinese_reviews_are_understood(void **state)
{
    (void)state;
    CHECK_GUESS("reviews.csv", CLADE_SHAPE_REVIEWS, CLADE_FIELD_MESSAGE, CLADE_FIELD_ORDER,
                CLADE_FIELD_CUSTOMER, CLADE_FIELD_ITEM, CLADE_FIELD_RATING, CLADE_FIELD_TEXT,
                CLADE_FIELD_TIME);
}

static void rivals_invitations_and_campaigns_are_understood(void **state)
{
    (void)state;
    CHECK_GUESS("competitor_prices.csv", CLADE_SHAPE_RIVAL_PRICES, CLADE_FIELD_RIVAL,
                CLADE_FIELD_ITEM, CLADE_FIELD_TIME, CLADE_FIELD_PRICE, CLADE_FIELD_CURRENCY);
    CHECK_GUESS("invitations.csv", CLADE_SHAPE_EDGES, CLADE_FIELD_CUSTOMER,
                CLADE_FIELD_OTHER_CUSTOMER, CLADE_FIELD_TIME, CLADE_FIELD_EDGE_KIND);
    CHECK_GUESS("campaigns.csv", CLADE_SHAPE_TOUCHES, CLADE_FIELD_CAMPAIGN, CLADE_FIELD_CUSTOMER,
                CLADE_FIELD_TIME, CLADE_FIELD_CHANNEL, CLADE_FIELD_ARM, CLADE_FIELD_PROPENSITY,
                CLADE_FIELD_COST, CLADE_FIELD_OUTCOME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_understood),
        cmocka_unit_test(events_are_understood),
        cmocka_unit_test(customers_are_understood),
        cmocka_unit_test(items_are_understood),
        cmocka_unit_test(chinese_reviews_are_understood),
        cmocka_unit_test(rivals_invitations_and_campaigns_are_understood),
    };
    return cmocka_run_group_tests(tests, make_shop, remove_shop);
}

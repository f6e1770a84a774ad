/* Event sequences of a shop small enough to read, their limits, and the vocabulary of a model. */
#include "check.h"
#include "clade/event_sequences.h"
#include "clade/time.h"
#include "features/sequences_internal.h"

#include <stdlib.h>

static char         folder[256];
static char         path[300];
static clade_error  err;
static clade_store *store;

#define DAY   CLADE_US_PER_DAY
#define AS_OF (100 * DAY)

static void run(const char *sql)
{
    if (clade_store_run(store, sql, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
}

/* Days are multiples of 86,400,000,000 us; as of day 100.
 *
 *     customer 5   day 10  search "Red TEA pot, 2 l"      web    phone
 *                  day 10  view tea 20    (same moment, stored later)
 *                  day 12  purchase 2 x tea at 4.00, shop
 *                  day 12  purchase carriage (no product)
 *                  day 100 view: not before as-of
 *     customer 9   day 50  purchase 0.5 x pot at 32.00
 *     customer 11  a bot since day 60; customer 12 a bot since day 200
 *     nobody       day 1   view
 */
static void fill(void)
{
    run("INSERT INTO setting VALUES ('currency', 'EUR')");
    run("INSERT INTO item VALUES"
        " (20, 'T-1', 'old tea', 'drink > tea', 'Lu Yu', NULL, NULL, NULL, 0, 1),"
        " (20, 'T-1', 'tea', NULL, NULL, NULL, NULL, NULL, 5, 1),"
        " (20, 'T-1', 'tea of tomorrow', 'x', 'x', NULL, NULL, NULL, 100 * 86400000000, 1),"
        " (21, 'P-1', 'pot', 'ware', NULL, NULL, NULL, NULL, 0, 1),"
        " (22, 'C-1', 'cold cup', 'ware', 'Kiln', 400, 'EUR', NULL, 99 * 86400000000, 1),"
        " (23, 'D-1', 'dear cup', 'ware', 'Kiln', 6400, 'EUR', NULL, 0, 1),"
        " (24, 'S-1', 'carriage', NULL, NULL, NULL, NULL, NULL, 0, 1)");
    run("INSERT INTO event (event, customer, at_us, kind, item, quantity, price_minor, currency,"
        "  channel, device, query, row_key, load)"
        " SELECT event, customer, day * 86400000000, kind::event_kind, item, quantity, price, "
        "'EUR',"
        "  channel, device, query, event, 1 FROM (VALUES"
        " (7, 5, 10, 'search', NULL, NULL, NULL, 'web', 'phone', 'Red TEA pot, 2 l'),"
        " (8, 5, 10, 'view', 20, NULL, NULL, 'web', 'phone', NULL),"
        " (3, 5, 12, 'purchase', 20, 2.0, 400, 'shop', NULL, NULL),"
        " (4, 5, 12, 'purchase', 24, 1.0, 590, 'shop', NULL, NULL),"
        " (1, 5, 100, 'view', 21, NULL, NULL, 'tv', NULL, NULL),"
        " (5, 9, 50, 'purchase', 21, 0.5, 3200, 'web', NULL, NULL),"
        " (6, 11, 50, 'purchase', 21, 1.0, 1, 'bot', NULL, NULL),"
        " (9, 12, 50, 'view', 21, NULL, NULL, 'web', NULL, NULL),"
        " (2, NULL, 1, 'view', 21, NULL, NULL, 'web', NULL, NULL)"
        ") t(event, customer, day, kind, item, quantity, price, channel, device, query)");
    run("INSERT INTO flag VALUES ('bot', 11, NULL, 60 * 86400000000, 'why'),"
        " ('bot', 12, NULL, 200 * 86400000000, 'why'),"
        " ('not_product', NULL, 4, 0, 'why')");
}

static int setup(void **state)
{
    (void)state;
    const clade_store_options making = { .create       = true,
                                         .n_threads    = 2,
                                         .memory_bytes = 512 << 20 };
    check_folder_make(folder, "sequences");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) fail_msg("%s", err.message);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clade_store_close(store);
    store = NULL;
    check_folder_remove(folder);
    return 0;
}

static const clade_sequence_field *field(const clade_sequences *s, const char *name)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        if (strcmp(s->field[i].name, name) == 0) return &s->field[i];
    }
    return NULL;
}

static const clade_sequence_field *item_field(const clade_sequences *s, const char *name)
{
    for (size_t i = 0; i < s->n_item_fields; i++) {
        if (strcmp(s->item_field[i].name, name) == 0) return &s->item_field[i];
    }
    return NULL;
}

static void assert_values(const clade_sequence_field *f, const uint32_t *wanted, size_t n)
{
    assert_non_null(f);
    for (size_t i = 0; i < n; i++) {
        if (f->value[i] != wanted[i])
            fail_msg("%s[%zu] is %u, wanted %u", f->name, i, f->value[i], wanted[i]);
    }
}

static void the_small_shop_reads_as_it_was_written(void **state)
{
    (void)state;
    clade_sequences   *s = NULL;
    clade_vocabulary  *v = NULL;
    clade_event_counts n = { 0 };
    fill();
    check_ok(clade_event_sequences(&s, &v, &n, store, AS_OF, NULL, &err));
    check_ok(clade_sequences_check(s, &err));

    /* Customers 5, 9 and 12; items tea 1, pot 2, cold cup 3, dear cup 4; no carriage. */
    assert_int_equal(s->n_customers, 3);
    assert_int_equal(s->n_events, 6);
    assert_memory_equal(s->customer, ((int64_t[]){ 5, 9, 12 }), 3 * sizeof(int64_t));
    assert_memory_equal(s->start, ((uint64_t[]){ 0, 4, 5, 6 }), 4 * sizeof(uint64_t));
    assert_int_equal(s->n_items, 4);
    assert_memory_equal(s->item, ((uint32_t[]){ 0, 1, 1, 0, 2, 2 }), 6 * sizeof(uint32_t));
    assert_memory_equal(s->at_us,
                        ((int64_t[]){ 10 * DAY, 10 * DAY, 12 * DAY, 12 * DAY, 50 * DAY, 50 * DAY }),
                        6 * sizeof(int64_t));
    assert_values(field(s, "kind"), (uint32_t[]){ 2, 1, 7, 7, 7, 1 }, 6);
    assert_values(field(s, "quantity_band"), (uint32_t[]){ 0, 0, 3, 2, 1, 0 }, 6);
    assert_values(field(s, "channel"), (uint32_t[]){ 1, 1, 2, 2, 1, 1 }, 6); /* web 4, shop 2 */
    assert_values(field(s, "device"), (uint32_t[]){ 1, 1, 0, 0, 0, 0 }, 6);

    /* log2 of prices: tea 8.644, pot 11.644, cups 8.644 and 12.644. The shop's median is between
     * 8.644 and 11.644: 10.144; that of ware is the pot's. The tea's category has one item. */
    check_close(v->price_centre[0], 0.5 * (log2(400) + log2(3200)), 1e-5);
    assert_values(field(s, "price_band"), (uint32_t[]){ 0, 0, 6, 7, 9, 0 }, 6);
    assert_values(item_field(s, "price_band"), (uint32_t[]){ 0, 6, 9, 3, 11 }, 5);
    assert_values(item_field(s, "category"), (uint32_t[]){ 0, 2, 1, 1, 1 }, 5);
    assert_values(item_field(s, "category_path"), (uint32_t[]){ 0, 2, 1, 1, 1 }, 5);
    assert_values(item_field(s, "brand"), (uint32_t[]){ 0, 2, 0, 1, 1 }, 5);
    assert_string_equal(v->category.name[1], "drink");
    assert_string_equal(v->category_path.name[1], "drink > tea");
    assert_string_equal(v->item_name[1], "tea");
    assert_string_equal(v->item_ref[3], "C-1");
    assert_int_equal(clade_vocabulary_find(v, 23), 4);
    assert_int_equal(clade_vocabulary_find(v, 24), 0);

    assert_int_equal(n.n_left_out, 1);
    assert_int_equal(n.n_nobody, 1);
    assert_int_equal(n.n_service, 1);
    assert_int_equal(n.n_cold, 2);
    assert_int_equal(n.n_events_cut, 0);

    /* "red", "tea", "pot": the search's first three words, whatever their capitals. */
    uint32_t word[CLADE_QUERY_WORDS];
    clade__query_words(word, CLADE_TEXT("red tea POT"));
    for (size_t i = 0; i < CLADE_QUERY_WORDS; i++) {
        const clade_sequence_field *query =
            field(s, (const char *const[]){ "query", "query_2", "query_3" }[i]);
        assert_values(query, (uint32_t[]){ word[i], 0, 0, 0, 0, 0 }, 6);
    }
    clade_sequences_free(s);
    clade_vocabulary_free(v);
}

static void a_robot_keeps_its_latest_events_and_the_rest_is_counted(void **state)
{
    (void)state;
    clade_sequences                    *s = NULL;
    clade_vocabulary                   *v = NULL;
    clade_event_counts                  n = { 0 };
    const clade_event_sequences_options o = { .max_events = 7 };
    run("INSERT INTO event (event, customer, at_us, kind, item, row_key, load)"
        " SELECT 100000 - i, 3, 86400000000 + i // 3, 'view', i % 11, i, 1 FROM range(20000) t(i)");
    run("INSERT INTO event (event, customer, at_us, kind, item, row_key, load) VALUES"
        " (1, 4, 5, 'view', 2, 1, 1)");
    check_ok(clade_event_sequences(&s, &v, &n, store, AS_OF, &o, &err));
    assert_int_equal(s->n_events, 8);
    assert_int_equal(n.n_events_cut, 19993);
    assert_int_equal(n.n_customers_cut, 1);
    /* By moment i / 3, then by falling i, which is rising number of storing: of 19994, 19993 and
     * 19992 the first was stored first and is cut. */
    const uint32_t wanted[8] = { 19993 % 11 + 1, 19992 % 11 + 1, 19997 % 11 + 1, 19996 % 11 + 1,
                                 19995 % 11 + 1, 19999 % 11 + 1, 19998 % 11 + 1, 2 + 1 };
    assert_memory_equal(s->item, wanted, sizeof wanted);
    clade_sequences_free(s);
    clade_vocabulary_free(v);

    const clade_event_sequences_options tight = { .memory_bytes = 300000 };
    assert_int_equal(clade_event_sequences(&s, &v, &n, store, AS_OF, &tight, &err), CLADE_OK);
    assert_int_equal(s->n_events, CLADE_EVENTS_A_CUSTOMER + 1);
    clade_sequences_free(s);
    clade_vocabulary_free(v);
    const clade_event_sequences_options less = { .memory_bytes = 30000 };
    assert_int_equal(clade_event_sequences(&s, &v, &n, store, AS_OF, &less, &err), CLADE_ERR_NOMEM);
    assert_non_null(strstr(err.message, "4097 events of 2 customers"));
}

/* Large enough that the engine cuts scans and sorts into parts. */
static void threads_do_not_change_a_bit_of_a_large_log(void **state)
{
    (void)state;
    uint64_t hash = 0;
    run("INSERT INTO item SELECT i, 'r' || i, NULL, 'c' || i % 7 || ' > d' || i % 31, 'b' || i % "
        "50,"
        " 100 + i, NULL, NULL, 0, 1 FROM range(3000) t(i)");
    run("INSERT INTO event (event, customer, at_us, kind, item, quantity, price_minor, channel,"
        "  query, row_key, load)"
        " SELECT i, hash(i) % 20000, hash(i * 3) % 80 * 86400000000, 'view', hash(i * 7) % 2500,"
        "  1 + i % 5, 50 + hash(i * 11) % 4000, 'c' || hash(i * 13) % 300,"
        "  CASE WHEN i % 9 = 0 THEN 'word' || i % 999 END, i, 1 FROM range(400000) t(i)");
    for (int n_threads = 1; n_threads <= 4; n_threads++) {
        clade_sequences          *s    = NULL;
        clade_vocabulary         *v    = NULL;
        const clade_store_options open = { .n_threads = n_threads, .memory_bytes = 512 << 20 };
        clade_store_close(store);
        store = NULL;
        check_ok(clade_store_open(&store, path, &open, &err));
        check_ok(clade_event_sequences(&s, &v, NULL, store, AS_OF, NULL, &err));
        assert_int_equal(s->n_events, 400000);
        assert_int_equal(v->channel.n, CLADE_EVENT_WORDS_MAX);
        if (n_threads == 1) hash = clade_sequences_hash(s);
        assert_int_equal(clade_sequences_hash(s), hash);
        clade_sequences_free(s);
        clade_vocabulary_free(v);
    }
}

static void a_log_of_customer_item_and_time_has_a_kind_and_nothing_else(void **state)
{
    (void)state;
    clade_sequences  *s = NULL;
    clade_vocabulary *v = NULL;
    run("INSERT INTO event (event, customer, at_us, kind, item, row_key, load) VALUES"
        " (1, 4, 5, 'purchase', 2, 1, 1), (2, 0, 5, 'purchase', 2, 1, 1)");
    check_ok(clade_event_sequences(&s, &v, NULL, store, AS_OF, NULL, &err));
    assert_int_equal(s->n_fields, 1);
    assert_int_equal(s->n_item_fields, 0);
    assert_int_equal(s->n_items, 1);
    clade_sequences_free(s);
    clade_vocabulary_free(v);
}

static void a_shop_without_events_has_no_customers(void **state)
{
    (void)state;
    clade_sequences  *s = NULL;
    clade_vocabulary *v = NULL;
    check_ok(clade_event_sequences(&s, &v, NULL, store, AS_OF, NULL, &err));
    check_ok(clade_sequences_check(s, &err));
    assert_int_equal(s->n_customers, 0);
    assert_int_equal(s->n_items, 0);
    clade_sequences_free(s);
    clade_vocabulary_free(v);
    assert_int_equal(clade_event_sequences(&s, &v, NULL, store, INT64_MAX, NULL, &err),
                     CLADE_ERR_ARG);
}

static clade_vocabulary *through_json(const clade_vocabulary *v)
{
    clade_buffer      text = { 0 };
    clade_json        json = clade_json_start(&text, 2);
    clade_vocabulary *back = NULL;
    clade_vocabulary_write(&json, v);
    assert_false(text.failed);
    if (clade_vocabulary_read(&back, (clade_text){ text.data, text.size }, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    clade_buffer_free(&text);
    return back;
}

/* A model fitted at day 100 reads at day 300: a brand has come that it does not know, an item with
 * a smaller number than some it knows, prices have tripled. */
static void numbers_of_a_fitted_model_go_on_meaning_the_same(void **state)
{
    (void)state;
    clade_sequences  *then = NULL, *now = NULL, *one = NULL;
    clade_vocabulary *first = NULL, *later = NULL, *again = NULL;
    fill();
    check_ok(clade_event_sequences(&then, &first, NULL, store, AS_OF, NULL, &err));
    clade_vocabulary                   *base = through_json(first);
    const clade_event_sequences_options o    = { .base = base };
    run("INSERT INTO item VALUES (2, 'N-1', 'new', 'ware', 'Upstart', NULL, NULL, NULL,"
        " 150 * 86400000000, 2), (1, 'N-2', 'newer', 'ware', 'Kiln', 9600, NULL, NULL,"
        " 150 * 86400000000, 2)");
    run("INSERT INTO event (event, customer, at_us, kind, item, quantity, price_minor, channel,"
        "  row_key, load) VALUES (50, 9, 200 * 86400000000, 'purchase', 2, 1, 9600, 'moon', 1, 1)");
    check_ok(clade_event_sequences(&now, &later, NULL, store, 250 * DAY, &o, &err));
    check_ok(clade_sequences_check(now, &err));

    assert_int_equal(now->n_items, then->n_items + 2);
    assert_memory_equal(later->item, first->item, (then->n_items + 1) * sizeof(int64_t));
    assert_int_equal(later->item[5], 1);
    assert_int_equal(later->item[6], 2);
    assert_int_equal(clade_vocabulary_find(later, 2), 6);
    assert_int_equal(later->brand.n, first->brand.n);
    assert_int_equal(later->channel.n, first->channel.n);
    /* The tea is of brand x by now, which the model does not know either. */
    assert_values(item_field(now, "brand"), (uint32_t[]){ 0, 0, 0, 1, 1, 1, 0 }, 7);
    assert_memory_equal(later->price_centre, first->price_centre,
                        (first->category_path.n + 1) * sizeof(double));
    assert_memory_equal(now->item, then->item, 4 * sizeof(uint32_t)); /* customer 5, but the last */
    assert_int_equal(now->item[now->start[2] - 1], 6);
    assert_int_equal(field(now, "channel")->value[now->start[2] - 1], 0);
    assert_int_equal(field(now, "price_band")->value[now->start[2] - 1], 12); /* 3 x the median */

    /* One customer alone reads as among all. */
    const int64_t                       nine = 9;
    const clade_event_sequences_options only = { .base = base, .customer = &nine, .n_only = 1 };
    check_ok(clade_event_sequences(&one, &again, NULL, store, 250 * DAY, &only, &err));
    assert_int_equal(one->n_customers, 1);
    assert_int_equal(one->n_events, 2);
    for (size_t f = 0; f < one->n_fields; f++) {
        const clade_sequence_field *all = field(now, one->field[f].name);
        assert_memory_equal(one->field[f].value, all->value + now->start[1], 2 * sizeof(uint32_t));
    }
    clade_sequences_free(then);
    clade_sequences_free(now);
    clade_sequences_free(one);
    clade_vocabulary_free(first);
    clade_vocabulary_free(later);
    clade_vocabulary_free(again);
    clade_vocabulary_free(base);
}

static void a_broken_vocabulary_is_refused_by_the_name_of_its_fault(void **state)
{
    (void)state;
    static const char *const fault[][2] = {
        { "[]", "not a JSON object" },
        { "{\"version\":2}", "version" },
        { "{\"version\":1}", "channel" },
        { "{\"version\":1,\"channel\":[1]}", "channel[0]" },
        { "{\"version\":1,\"channel\":[[\"a\"]]}", "channel[0]" },
        { "{\"version\":1,\"channel\":[\"a\\u0000b\"]}", "channel[0]" },
        { "{\"version\":1,\"channel\":[],\"device\":[],\"category\":[],\"category_path\":[\"a\"],"
          "\"brand\":[],\"price_centre\":[1],\"item\":[]}",
          "price_centre has 1 values, wanted 2" },
        { "{\"version\":1,\"channel\":[],\"device\":[],\"category\":[],\"category_path\":[],"
          "\"brand\":[],\"price_centre\":[\"x\"],\"item\":[]}",
          "price_centre[0]" },
        { "{\"version\":1,\"channel\":[],\"device\":[],\"category\":[],\"category_path\":[],"
          "\"brand\":[],\"price_centre\":[null],\"item\":[3,1e300]}",
          "item[1]" },
        { "{\"version\":1,\"channel\":[],\"device\":[],\"category\":[],\"category_path\":[],"
          "\"brand\":[],\"price_centre\":[null],\"item\":[3,4,3]}",
          "item 3 is there twice" },
    };
    for (size_t i = 0; i < sizeof fault / sizeof fault[0]; i++) {
        clade_vocabulary *v = NULL;
        assert_int_equal(clade_vocabulary_read(&v, clade_text_of(fault[i][0]), &err),
                         CLADE_ERR_DATA);
        assert_null(v);
        if (strstr(err.message, fault[i][1]) == NULL)
            fail_msg("'%s' does not say '%s'", err.message, fault[i][1]);
    }
}

static void bands_are_octaves_and_half_octaves(void **state)
{
    (void)state;
    static const struct {
        double   quantity;
        uint32_t band;
    } q[] = { { -1, 0 },  { 0, 0 }, { 0.25, 1 },  { 1, 2 },    { 1.99, 2 }, { 2, 3 },
              { 3.5, 3 }, { 4, 4 }, { 255.9, 9 }, { 256, 10 }, { 1e9, 10 }, { 1e300, 10 } };
    for (size_t i = 0; i < sizeof q / sizeof q[0]; i++)
        assert_int_equal(clade__quantity_band(q[i].quantity), q[i].band);
    assert_int_equal(clade__quantity_band((double)NAN), 0);
    assert_int_equal(clade__quantity_band((double)INFINITY), 0);
    assert_int_equal(clade__price_band(7.3, 7.3), 9);
    assert_int_equal(clade__price_band(7.3 + 0.24, 7.3), 9);
    assert_int_equal(clade__price_band(7.3 + 0.26, 7.3), 10);
    assert_int_equal(clade__price_band(7.3 - 0.26, 7.3), 8);
    assert_int_equal(clade__price_band(60, 7.3), CLADE_PRICE_BANDS);
    assert_int_equal(clade__price_band(-60, 7.3), 1);
    assert_int_equal(clade__price_band(7.3, (double)NAN), 0);
}

static void words_of_a_search_are_told_apart_in_both_scripts(void **state)
{
    (void)state;
    uint32_t a[CLADE_QUERY_WORDS], b[CLADE_QUERY_WORDS];
    clade__query_words(a, CLADE_TEXT("  Größe-42/shoe extra "));
    clade__query_words(b, CLADE_TEXT("größe 42 SHOE"));
    assert_memory_equal(a, b, sizeof a);

    /* Three characters are two pairs; the same pairs in another sentence are the same words. */
    clade__query_words(a, CLADE_TEXT("连衣裙"));
    clade__query_words(b, CLADE_TEXT("夏 连衣，衣裙"));
    assert_true(a[0] != 0 && a[1] != 0 && a[2] == 0);
    assert_int_equal(b[1], a[0]);
    assert_int_equal(b[2], a[1]);
    assert_int_not_equal(a[0], a[1]);

    clade__query_words(a, CLADE_TEXT("?! \xff\xfe"));
    assert_true(a[0] == 0 && a[1] == 0 && a[2] == 0);
    clade__query_words(a, (clade_text){ NULL, 0 });
    assert_int_equal(a[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_small_shop_reads_as_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_robot_keeps_its_latest_events_and_the_rest_is_counted,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(threads_do_not_change_a_bit_of_a_large_log, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_log_of_customer_item_and_time_has_a_kind_and_nothing_else,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_shop_without_events_has_no_customers, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_of_a_fitted_model_go_on_meaning_the_same, setup,
                                        teardown),
        cmocka_unit_test(a_broken_vocabulary_is_refused_by_the_name_of_its_fault),
        cmocka_unit_test(bands_are_octaves_and_half_octaves),
        cmocka_unit_test(words_of_a_search_are_told_apart_in_both_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Live events: the same rows as a file of them gives, once each, whatever happens between batches;
 * who is who; what is personal; the journal's position. */
#include "live_help.h"

#include "clade/file.h"

#include <unistd.h>

static shop             s;
static clade_live_sink *sink;
static clade_error      err;

static int setup(void **state)
{
    (void)state;
    s    = shop_make();
    sink = NULL;
    err  = (clade_error){ 0 };
    return clade_live_open(&sink, s.store, TEST_NOW, &err) == CLADE_OK ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    clade_live_close(sink);
    shop_remove(&s);
    return 0;
}

static clade_live_report store(const clade_live_event *event, size_t n, uint64_t seq)
{
    clade_live_report report = { 0 };
    if (clade_live_store(&report, sink, event, n, seq, &err) != CLADE_OK)
        fail_msg("%s", err.message);
    assert_int_equal(report.n_read, n);
    assert_int_equal(report.n_stored + report.n_duplicate + report.n_quarantined, n);
    return report;
}

static clade_live_report store_one(clade_live_event event)
{
    if (event.at_us == 0) event.at_us = INT64_C(1690000000000000);
    return store(&event, 1, 0);
}

#define TEXT(literal) CLADE_TEXT(literal)

/* ---------------------------------------------------------------- the same as a file */

enum { N_MADE = 1000 };
static made_row         made[N_MADE];
static clade_live_event event[N_MADE];

static void make_rows(uint64_t seed)
{
    for (size_t i = 0; i < N_MADE; i++) {
        made[i]  = i % 20 == 19 ? made[i - 7] : made_at(seed, i); /* some rows come twice */
        event[i] = made_event(&made[i]);
    }
}

static void write_csv(const char *path)
{
    clade_buffer text = { 0 };
    for (int c = 0; c < N_COL; c++)
        clade_buffer_format(&text, "%s%s", c == 0 ? "" : ",", clade_field_name(made_field[c]));
    for (size_t i = 0; i < N_MADE; i++) {
        for (int c = 0; c < N_COL; c++)
            clade_buffer_format(&text, "%s%s", c == 0 ? "\n" : ",", made[i].text[c]);
    }
    clade_buffer_text(&text, "\n");
    check_write(path, text.data, text.size);
    clade_buffer_free(&text);
}

static void load_csv(shop *file_shop)
{
    char        path[400], map[N_COL][80];
    const char *maps[N_COL];
    for (int c = 0; c < N_COL; c++) {
        const char *name = clade_field_name(made_field[c]);
        snprintf(map[c], sizeof map[c], "%s=%s", name, name);
        maps[c] = map[c];
    }
    snprintf(path, sizeof path, "%s/events.csv", file_shop->folder);
    write_csv(path);
    const char              *paths[] = { path };
    const clade_load_options options = { .map = maps, .n_map = N_COL, .shape = CLADE_SHAPE_EVENTS };
    clade_load_report        report  = shop_load(file_shop, paths, 1, &options);
    assert_int_equal(report.n_read, N_MADE);
    clade_load_report_free(&report);
}

static void live_events_give_the_rows_that_a_file_of_them_gives(void **state)
{
    (void)state;
    static const char *const tables[] = {
        "SELECT * EXCLUDE (load) FROM event ORDER BY event",
        "SELECT * EXCLUDE (load) FROM customer ORDER BY ALL",
        "SELECT customer, kind, octet_length(sealed) FROM identity ORDER BY ALL",
        /* the file has no column of amounts that could be named */
        "SELECT replace(column_name, 'amount', 'price'), reason, customer FROM quarantine "
        "ORDER BY line",
        "SELECT * FROM refund_match ORDER BY ALL",
        "SELECT * FROM flag ORDER BY ALL",
        "SELECT rows_read, rows_stored, rows_duplicate, rows_quarantined FROM load",
        "SELECT value FROM setting WHERE name = 'currency'",
    };
    shop file_shop = shop_make();
    make_rows(7);
    load_csv(&file_shop);
    const clade_live_report report = store(event, N_MADE, 0);
    assert_true(report.n_quarantined > 20 && report.n_duplicate > 20);
    check_ok(clade_replay_if_stale(s.store, &err));
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        same_rows(file_shop.store, s.store, tables[i]);
    same_rows(file_shop.store, s.store,
              "SELECT * EXCLUDE (load) FROM item ORDER BY item, known_us");
    for (int64_t customer = 0; customer < clade_identity_count(s.store); customer++) {
        clade_buffer a = { 0 }, b = { 0 };
        check_ok(clade_identity_name(&a, s.store, customer, &err));
        check_ok(clade_identity_name(&b, file_shop.store, customer, &err));
        assert_string_equal(a.data, b.data);
        clade_buffer_free(&a);
        clade_buffer_free(&b);
    }
    shop_is(&s, 0, "SELECT count(*) FROM event WHERE query LIKE '%@%' OR query LIKE '%170%'");
    shop_remove(&file_shop);
}

/* The currency is settled by the first batch, so that comes whole; the rest in pieces. */
static void how_events_are_cut_into_batches_changes_nothing(void **state)
{
    (void)state;
    shop              other      = shop_make();
    clade_live_sink  *other_sink = NULL;
    clade_live_report report;
    make_rows(8);
    for (size_t i = 0; i < N_MADE; i++) { /* a cancellation may look ahead to its sale */
        if (event[i].status.size == strlen("cancelled")) event[i].status = (clade_text){ 0 };
    }
    check_ok(clade_live_open(&other_sink, other.store, TEST_NOW, &err));
    check_ok(clade_live_store(&report, other_sink, event, N_MADE, 9, &err));
    size_t from = 0;
    for (size_t n = 300; from < N_MADE; n = 1 + n * 7 % 211) {
        if (from + n > N_MADE) n = N_MADE - from;
        store(event + from, n, from + n);
        from += n;
        if (n % 5 == 0) { /* a sink that is opened again knows as much */
            clade_live_close(sink);
            check_ok(clade_live_open(&sink, s.store, TEST_NOW, &err));
        } else if (n % 5 == 1) {
            clade_live_reset(sink);
        }
    }
    check_ok(clade_replay_if_stale(s.store, &err));
    check_ok(clade_replay_if_stale(other.store, &err));
    same_rows(other.store, s.store, "SELECT * EXCLUDE (load) FROM event ORDER BY event");
    same_rows(other.store, s.store, "SELECT * EXCLUDE (load) FROM customer ORDER BY ALL");
    same_rows(other.store, s.store, "SELECT customer, kind FROM identity ORDER BY ALL");
    same_rows(other.store, s.store,
              "SELECT sum(rows_read), sum(rows_stored), sum(rows_duplicate), "
              "sum(rows_quarantined) FROM load");
    clade_live_close(other_sink);
    shop_remove(&other);
}

/* Without cancelled orders, whose sale is put in front of them when a batch ends. */
static void a_reader_says_of_every_event_what_is_stored_of_it(void **state)
{
    (void)state;
    clade_live_reader *reader = NULL;
    clade_live_line    line;
    int64_t            n_bad = 0, n_stored = 0;
    char               sql[600];
    check_ok(clade_store_setting_set(s.store, "currency", "EUR", &err));
    check_ok(clade_store_setting_set(s.store, "rate/USD", "0.93", &err));
    clade_live_reset(sink);
    check_ok(clade_live_reader_open(&reader, s.store, TEST_NOW, &err));
    make_rows(21);
    for (size_t i = 0; i < 300; i++) {
        event[i].message_key = i + 1;
        if (event[i].status.size == strlen("cancelled")) event[i].status = (clade_text){ 0 };
    }
    store(event, 300, 0);
    for (size_t i = 0; i < 300; i++) {
        check_ok(clade_live_read(&line, reader, &event[i], &err));
        if (line.bad != NULL) {
            n_bad++;
            continue;
        }
        snprintf(
            sql, sizeof sql,
            "SELECT count(*) FROM event WHERE event = %lld AND kind = '%s' AND (quantity = "
            "%.17g) IS NOT DISTINCT FROM %s AND (price_minor = %lld) IS NOT DISTINCT FROM %s "
            "AND (amount_minor = %lld) IS NOT DISTINCT FROM %s AND (value_minor = %lld) IS NOT "
            "DISTINCT FROM %s AND (currency IS NULL OR currency = '%s') AND (session_key = %lld) "
            "IS NOT DISTINCT FROM %s",
            (long long)n_stored, clade_live_kind_name(line.kind), line.quantity,
            line.has_quantity ? "true" : "NULL", (long long)line.price_minor,
            line.has_price ? "true" : "NULL", (long long)line.amount_minor,
            line.has_amount ? "true" : "NULL", (long long)line.value_minor,
            line.has_value ? "true" : "NULL", line.currency, (long long)line.session_key,
            line.has_session ? "true" : "NULL");
        if (shop_int(&s, sql) != 1) fail_msg("event %zu: %s", i, sql);
        n_stored++;
    }
    shop_is(&s, n_bad, "SELECT count(*) FROM quarantine");
    shop_is(&s, n_stored, "SELECT count(*) FROM event");
    assert_true(n_bad > 10 && n_stored > 100);
    check_ok(clade_live_read(&line, reader,
                             &(clade_live_event){ .kind = CLADE_LIVE_ALIAS, .user_id = TEXT("a") },
                             &err));
    assert_string_equal(line.bad, "an alias without the earlier id");
    clade_live_reader_close(reader);
}

/* ---------------------------------------------------------------- once */

static void a_message_is_stored_once_and_two_messages_with_the_same_words_twice(void **state)
{
    (void)state;
    clade_live_event view = {
        .kind = CLADE_LIVE_VIEW, .user_id = TEXT("anna"), .item = TEXT("lamp"), .message_key = 77
    };
    assert_int_equal(store_one(view).n_stored, 1);
    assert_int_equal(store_one(view).n_duplicate, 1);
    view.message_key = 78;
    assert_int_equal(store_one(view).n_stored, 1);
    view.message_key = 0; /* without one, the content tells */
    assert_int_equal(store_one(view).n_stored, 1);
    assert_int_equal(store_one(view).n_duplicate, 1);
    clade_live_reset(sink);
    assert_int_equal(store_one(view).n_duplicate, 1);
    view.message_key = 77;
    assert_int_equal(store_one(view).n_duplicate, 1);
    shop_is(&s, 3, "SELECT count(*) FROM event");
    shop_is(&s, 1, "SELECT count(*) FROM load");
}

static void the_position_of_the_journal_goes_with_the_rows(void **state)
{
    (void)state;
    uint64_t         seq  = 9;
    clade_live_event view = { .kind = CLADE_LIVE_VIEW, .at_us = TEST_NOW, .user_id = TEXT("bo") };
    check_ok(clade_live_position(&seq, s.store, &err));
    assert_int_equal(seq, 0);
    store(&view, 1, 41);
    check_ok(clade_live_position(&seq, s.store, &err));
    assert_int_equal(seq, 41);
    store(&view, 0, UINT64_C(18446744073709551615));
    check_ok(clade_live_position(&seq, s.store, &err));
    assert_true(seq == UINT64_MAX);
}

static void a_batch_that_fails_leaves_nothing_and_can_be_given_again(void **state)
{
    (void)state;
    uint64_t          seq    = 0;
    clade_live_report report = { .n_read = -1 };
    make_rows(11);
    store(event, 200, 200);
    check_ok(clade_store_run(s.store, "ALTER TABLE item RENAME TO item_away", NULL, 0, &err));
    assert_int_not_equal(clade_live_store(&report, sink, event + 200, 200, 400, &err), CLADE_OK);
    assert_int_equal(report.n_read, -1);
    check_ok(clade_live_position(&seq, s.store, &err));
    assert_int_equal(seq, 200);
    shop_is(&s, 200, "SELECT rows_read FROM load");
    check_ok(clade_store_run(s.store, "ALTER TABLE item_away RENAME TO item", NULL, 0, &err));
    const clade_live_report again = store(event + 200, 200, 400);
    assert_true(again.n_stored > 100);
    assert_int_equal(store(event, 400, 400).n_stored, 0);
    shop_is(&s, 0, "SELECT count(*) - count(DISTINCT row_key) FROM event");
    /* nobody lost a name: every customer of an event can be told */
    shop_is(&s, 0,
            "SELECT count(*) FROM event WHERE customer NOT IN (SELECT customer FROM identity "
            "WHERE kind = 'id')");
}

/* ---------------------------------------------------------------- who */

static int64_t who(const char *outside)
{
    return clade_identity_find(s.store, clade_text_of(outside));
}

static int64_t known_of(const char *visitor)
{
    const clade_value arg   = CLADE_INT(who(visitor));
    int64_t           known = 0;
    check_ok(clade_store_int(&known, s.store, "SELECT known FROM alias_latest WHERE customer = ?",
                             &arg, 1, -1, &err));
    return known;
}

static void a_visitor_and_a_user_of_the_same_name_are_two(void **state)
{
    (void)state;
    clade_buffer     id        = { 0 };
    clade_live_event one[4]    = { { .user_id = TEXT("x") },
                                   { .anonymous_id = TEXT("x") },
                                   { .user_id = TEXT("anon:x") },
                                   { .user_id = TEXT("user:anon:x") } };
    const char      *outside[] = { "x", "anon:x", "user:anon:x", "user:user:anon:x" };
    for (int i = 0; i < 4; i++) {
        store_one(one[i]);
        clade_live_customer(&id, &one[i]);
        assert_string_equal(id.data, outside[i]);
        assert_int_equal(who(outside[i]), i);
    }
    clade_live_customer(&id,
                        &(clade_live_event){ .user_id = TEXT("null"), .anonymous_id = TEXT("-") });
    assert_int_equal(id.size, 0);
    clade_live_customer(&id,
                        &(clade_live_event){ .user_id = TEXT("NA"), .anonymous_id = TEXT("v") });
    assert_string_equal(id.data, "anon:v");
    clade_buffer_free(&id);
}

static void identify_ties_a_visitor_to_a_user_and_rewrites_nothing(void **state)
{
    (void)state;
    const clade_live_event visit = { .kind         = CLADE_LIVE_VIEW,
                                     .at_us        = 1690000000000000,
                                     .anonymous_id = TEXT("v1"),
                                     .item         = TEXT("lamp"),
                                     .message_key  = 1 };
    const clade_live_pair  trait = { TEXT("plan"), TEXT("gold") };
    clade_live_event       says  = { .kind         = CLADE_LIVE_IDENTIFY,
                                     .at_us        = 1690000001000000,
                                     .anonymous_id = TEXT("v1"),
                                     .user_id      = TEXT("anna"),
                                     .message_key  = 2,
                                     .trait        = &trait,
                                     .n_traits     = 1 };
    store_one(visit);
    clade_live_report report = store_one(says);
    assert_int_equal(report.n_stored, 1);
    assert_int_equal(report.n_ties, 1);
    assert_int_equal(report.n_events, 0);
    assert_int_equal(known_of("anon:v1"), who("anna"));
    shop_is(&s, 1,
            "SELECT count(*) FROM alias WHERE why = 'identify' AND at_us = 1690000001000000");
    shop_is(&s, who("anon:v1"), "SELECT customer FROM event");
    shop_is(&s, 1,
            "SELECT count(*) FROM customer WHERE name = 'plan' AND value = 'gold' AND known_us = "
            "1690000001000000");
    assert_int_equal(store_one(says).n_duplicate, 1); /* nothing new in it */

    /* Somebody else on the same device, and a late word of the first: the latest moment counts. */
    says.user_id = TEXT("bo");
    says.at_us += 10;
    says.message_key = 3;
    assert_int_equal(store_one(says).n_ties, 1);
    says.user_id = TEXT("anna");
    says.at_us -= 5;
    says.message_key = 4;
    assert_int_equal(store_one(says).n_ties, 0);
    assert_int_equal(known_of("anon:v1"), who("bo"));
    shop_is(&s, 2, "SELECT n_known FROM alias_latest");
    clade_live_reset(sink);
    assert_int_equal(store_one(says).n_ties, 0);
}

static void an_event_with_both_ids_is_the_user_s_and_ties_them_once(void **state)
{
    (void)state;
    clade_live_event both = { .kind         = CLADE_LIVE_VIEW,
                              .at_us        = 1690000000000000,
                              .anonymous_id = TEXT("v2"),
                              .user_id      = TEXT("Cleo@Shop.example.com"),
                              .message_key  = 5 };
    assert_int_equal(store_one(both).n_ties, 1);
    both.message_key = 6;
    both.at_us++;
    assert_int_equal(store_one(both).n_ties, 0);
    shop_is(&s, 1, "SELECT count(*) FROM alias WHERE why = 'event'");
    shop_is(&s, 2, "SELECT count(*) FROM event");
    assert_int_equal(known_of("anon:v2"), who("cleo@shop.example.com"));
    shop_is(&s, who("cleo@shop.example.com"), "SELECT min(customer) FROM event");
}

static void an_alias_finds_the_earlier_id_among_visitors_and_users(void **state)
{
    (void)state;
    clade_live_event alias = { .kind = CLADE_LIVE_ALIAS, .user_id = TEXT("new") };
    store_one((clade_live_event){ .anonymous_id = TEXT("seen") });
    store_one((clade_live_event){ .user_id = TEXT("old") });
    alias.previous_id = TEXT("seen");
    store_one(alias);
    alias.previous_id = TEXT("old");
    store_one(alias);
    alias.previous_id = TEXT("unheard");
    store_one(alias);
    assert_int_equal(known_of("anon:seen"), who("new"));
    assert_int_equal(known_of("old"), who("new"));
    assert_int_equal(known_of("anon:unheard"), who("new"));
    alias.previous_id = TEXT("");
    assert_int_equal(store_one(alias).n_quarantined, 1);
    shop_is(&s, 1,
            "SELECT count(*) FROM quarantine WHERE reason = 'an alias without the earlier id'");
    shop_is(&s, 3, "SELECT count(*) FROM alias");
}

static void an_identify_of_nobody_goes_to_quarantine(void **state)
{
    (void)state;
    const clade_live_event nobody = { .kind = CLADE_LIVE_IDENTIFY,
                                      .raw  = TEXT("{\"type\":\"identify\"}") };
    assert_int_equal(store_one(nobody).n_quarantined, 1);
    shop_is(&s, 1,
            "SELECT count(*) FROM quarantine WHERE reason = 'no customer' AND file = 'live' AND "
            "column_name = 'customer' AND line = 1");
}

/* ---------------------------------------------------------------- what is said */

static bool store_has(const char *text)
{
    char out[400];
    check_ok(clade_store_checkpoint(s.store, &err));
    return check_run(out, sizeof out, "grep -r -a -q '%s' '%s'", text, s.workspace) == 0;
}

static void what_is_personal_is_sealed_under_whatever_name_it_comes(void **state)
{
    (void)state;
    const clade_live_pair trait[]    = { { TEXT("email"), TEXT("zoe.adams@mail.example.net") },
                                         { TEXT("firstName"), TEXT("Zoedora") },
                                         { TEXT("favourite"), TEXT("write to zoe@home.example.net") },
                                         { TEXT("city"), TEXT("Utrecht") },
                                         { TEXT("age"), TEXT("41") },
                                         { TEXT("is_staff"), TEXT("true") } };
    const clade_live_pair property[] = { { TEXT("phone"), TEXT("+31 6 12345678") },
                                         { TEXT("note"), TEXT("call +31 6 87654321 now") },
                                         { TEXT("position"), TEXT("3") } };
    store_one((clade_live_event){
        .kind = CLADE_LIVE_IDENTIFY, .user_id = TEXT("zoe-1"), .trait = trait, .n_traits = 6 });
    store_one((clade_live_event){ .kind         = CLADE_LIVE_CUSTOM,
                                  .name         = TEXT("Newsletter Opened"),
                                  .user_id      = TEXT("zoe-1"),
                                  .variant      = TEXT("red"),
                                  .property     = property,
                                  .n_properties = 3 });
    shop_is(&s, 3, "SELECT count(*) FROM customer WHERE name IN ('city', 'age', 'is_staff')");
    shop_is(&s, 41, "SELECT CAST(number AS BIGINT) FROM customer WHERE name = 'age'");
    shop_is(&s, 1, "SELECT count(*) FROM customer WHERE name = 'looks_like_staff'");
    shop_is(&s, 4,
            "SELECT count(*) FROM identity WHERE kind IN ('email', 'name', 'phone', 'favourite')");
    shop_is(&s, 4, "SELECT count(*) FROM property");
    shop_is(&s, 1,
            "SELECT count(*) FROM property WHERE name = 'event' AND value = 'Newsletter Opened'");
    shop_is(&s, 1, "SELECT count(*) FROM property WHERE value = 'call [removed] now'");
    shop_is(&s, 3, "SELECT CAST(number AS BIGINT) FROM property WHERE name = 'position'");
    shop_is(&s, 0, "SELECT count(*) FROM property WHERE event NOT IN (SELECT event FROM event)");
    assert_true(store_has("Utrecht"));
    assert_false(store_has("zoe.adams"));
    assert_false(store_has("Zoedora"));
    assert_false(store_has("zoe@home"));
    assert_false(store_has("12345678"));
    assert_false(store_has("87654321"));
    assert_false(store_has("zoe-1"));
}

static void forgetting_takes_ties_and_properties_along(void **state)
{
    (void)state;
    clade_buffer          receipt  = { 0 };
    const clade_live_pair property = { TEXT("colour"), TEXT("Purpureus") };
    store_one((clade_live_event){ .user_id      = TEXT("eve"),
                                  .anonymous_id = TEXT("v9"),
                                  .property     = &property,
                                  .n_properties = 1 });
    store_one(
        (clade_live_event){ .user_id = TEXT("kim"), .property = &property, .n_properties = 1 });
    check_ok(clade_identity_forget(&receipt, s.store, TEXT("eve"), &err));
    assert_non_null(strstr(receipt.data, "\"aliases\":1"));
    assert_non_null(strstr(receipt.data, "\"properties\":1"));
    clade_buffer_free(&receipt);
    clade_live_reset(sink);
    shop_is(&s, 0, "SELECT count(*) FROM alias");
    shop_is(&s, 1, "SELECT count(*) FROM property");
    const int64_t before = clade_identity_count(s.store);
    store_one((clade_live_event){ .user_id = TEXT("eve"), .message_key = 4 });
    assert_int_equal(who("eve"), before); /* a new person */
}

static void a_review_s_text_is_sealed_and_its_stars_are_an_event(void **state)
{
    (void)state;
    const clade_live_event review = { .kind        = CLADE_LIVE_REVIEW,
                                      .user_id     = TEXT("fay"),
                                      .item        = TEXT("lamp"),
                                      .rating      = TEXT("4.5"),
                                      .text        = TEXT("Luminosissima, says Fay"),
                                      .message_key = 10 };
    assert_int_equal(store_one(review).n_events, 1);
    assert_int_equal(store_one(review).n_duplicate, 1);
    shop_is(&s, 1, "SELECT count(*) FROM event WHERE kind = 'review' AND rating = 4.5");
    shop_is(&s, 1, "SELECT count(*) FROM survey WHERE score = 4.5 AND sealed_text IS NOT NULL");
    assert_false(store_has("Luminosissima"));
    /* the same message without its text is the same message */
    clade_live_event bare = review;
    bare.text             = TEXT("");
    assert_int_equal(store_one(bare).n_duplicate, 1);
}

static void money_is_exact_and_in_the_shop_s_currency(void **state)
{
    (void)state;
    store_one((clade_live_event){ .kind     = CLADE_LIVE_PURCHASE,
                                  .user_id  = TEXT("gus"),
                                  .price    = TEXT("2.385"),
                                  .quantity = TEXT("3"),
                                  .currency = TEXT("EUR"),
                                  .item     = TEXT("lamp") });
    /* 3 * 2.385 = 7.155, half away from zero: 7.16 */
    shop_is(&s, 716, "SELECT amount_minor FROM event WHERE value_minor = amount_minor");
    store_one((clade_live_event){ .kind     = CLADE_LIVE_PURCHASE,
                                  .user_id  = TEXT("gus"),
                                  .price    = TEXT("250"),
                                  .currency = TEXT("JPY"),
                                  .item     = TEXT("fan") });
    shop_is(&s, 250,
            "SELECT amount_minor FROM event WHERE currency = 'JPY' AND value_minor IS NULL "
            "AND quantity = 1");
    store_one((clade_live_event){ .kind    = CLADE_LIVE_PURCHASE,
                                  .user_id = TEXT("gus"),
                                  .amount  = TEXT("10.10"),
                                  .item    = TEXT("pen") });
    shop_is(&s, 1010,
            "SELECT value_minor FROM event WHERE price_minor = 1010 AND currency = 'EUR'");
}

static void an_older_workspace_gets_the_tables_and_keeps_its_hash(void **state)
{
    (void)state;
    uint64_t before = 0, after = 1;
    store_one((clade_live_event){ .user_id = TEXT("ida") });
    clade_live_close(sink);
    sink = NULL;
    check_ok(clade_store_data_hash(&before, s.store, &err));
    check_ok(clade_store_run(
        s.store, "DROP VIEW alias_latest; DROP TABLE alias; DROP TABLE property", NULL, 0, &err));
    check_ok(clade_store_data_hash(&after, s.store, &err));
    assert_true(before == after);
    clade_store_close(s.store);
    shop_open(&s);
    check_ok(clade_live_open(&sink, s.store, TEST_NOW, &err));
    assert_int_equal(store_one((clade_live_event){ .user_id      = TEXT("ida"),
                                                   .anonymous_id = TEXT("v"),
                                                   .item         = TEXT("fan") })
                         .n_ties,
                     1);
    check_ok(clade_store_data_hash(&after, s.store, &err));
    assert_true(before != after);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(live_events_give_the_rows_that_a_file_of_them_gives),
        TEST(how_events_are_cut_into_batches_changes_nothing),
        TEST(a_reader_says_of_every_event_what_is_stored_of_it),
        TEST(a_message_is_stored_once_and_two_messages_with_the_same_words_twice),
        TEST(the_position_of_the_journal_goes_with_the_rows),
        TEST(a_batch_that_fails_leaves_nothing_and_can_be_given_again),
        TEST(a_visitor_and_a_user_of_the_same_name_are_two),
        TEST(identify_ties_a_visitor_to_a_user_and_rewrites_nothing),
        TEST(an_event_with_both_ids_is_the_user_s_and_ties_them_once),
        TEST(an_alias_finds_the_earlier_id_among_visitors_and_users),
        TEST(an_identify_of_nobody_goes_to_quarantine),
        TEST(what_is_personal_is_sealed_under_whatever_name_it_comes),
        TEST(forgetting_takes_ties_and_properties_along),
        TEST(a_review_s_text_is_sealed_and_its_stars_are_an_event),
        TEST(money_is_exact_and_in_the_shop_s_currency),
        TEST(an_older_workspace_gets_the_tables_and_keeps_its_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

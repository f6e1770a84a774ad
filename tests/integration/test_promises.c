/* The ten promises of the design, each by a test that fails when the promise is broken. One made
 * shop of 400 customers (made.clade) is loaded and studied once; tests that change a workspace work
 * on copies of it. Promise 5 speaks of the server, and holds for load as well. */
#include "made_orders.h"

#include "clade/features.h"
#include "features/reference.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_CUSTOMERS = 400 };

static int setup(void **state)
{
    if (run_setup(state) != 0) return 1;
    made_orders_write(made_path("orders.csv"), N_CUSTOMERS);
    if (run_clade("", "load made.clade orders.csv -q")->code != 0) return 1;
    return run_clade("", "segment made.clade -q")->code;
}

static void copy_made(const char *to)
{
    assert_int_equal(made_shell("rm -rf %s && cp -r made.clade %s", to, to), 0);
}

/* ---------------------------------------------------------------- 1. the log is the truth */

/* Everything in a table, in any order. */
static int64_t sum_of(clade_store *store, const char *table)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT CAST(coalesce(sum(hash(*COLUMNS(*)) >> 24), 0) AS BIGINT) FROM %s", table);
    return made_int(store, sql);
}

static void promise_1_replay_makes_every_derived_table_again_as_it_was(void **state)
{
    (void)state;
    static const char *const derived[] = { "flag", "refund_match", "completion", "order_line" };
    int64_t                  before[4];
    copy_made("p1.clade");
    clade_store *store = made_open("p1.clade");
    for (size_t i = 0; i < 4; i++)
        before[i] = sum_of(store, derived[i]);
    assert_true(made_int(store, "SELECT count(*) FROM refund_match") > 20);
    check_ok(clade_store_run(store,
                             "DELETE FROM refund_match WHERE refund % 2 = 0; DELETE FROM flag;"
                             "DELETE FROM completion;"
                             "INSERT INTO flag VALUES ('bot', 3, NULL, 0, 'a lie')",
                             NULL, 0, NULL));
    assert_true(sum_of(store, "refund_match") != before[1]);
    clade_store_close(store);

    assert_int_equal(run_clade("", "replay p1.clade -q")->code, 0);
    store = made_open("p1.clade");
    for (size_t i = 0; i < 4; i++) {
        if (sum_of(store, derived[i]) != before[i]) print_error("%s differs\n", derived[i]);
        assert_true(sum_of(store, derived[i]) == before[i]);
    }
    clade_store_close(store);
}

static void promise_1_segments_come_out_of_the_log_again(void **state)
{
    (void)state;
    copy_made("p1b.clade");
    char         *wanted  = made_segments("made.clade");
    clade_store  *store   = made_open("p1b.clade");
    const int64_t members = sum_of(store, "membership"), defined = sum_of(store, "segmentation");
    check_ok(
        clade_store_run(store, "DELETE FROM membership; DELETE FROM segmentation", NULL, 0, NULL));
    clade_store_close(store);
    assert_int_equal(made_shell("rm p1b.clade/segments.json p1b.clade/runs/*-segment.json"), 0);
    assert_int_equal(run_clade("", "segment p1b.clade -q")->code, 0);
    char *again = made_segments("p1b.clade");
    assert_string_equal(again, wanted);
    store = made_open("p1b.clade");
    assert_true(sum_of(store, "membership") == members);
    assert_true(sum_of(store, "segmentation") == defined);
    clade_store_close(store);
    free(again);
    free(wanted);
}

/* The matrix that `segment` keeps saves work and nothing else. */
static void promise_1_what_was_kept_is_dropped_by_replay_and_changes_no_answer(void **state)
{
    (void)state;
    copy_made("p1c.clade");
    assert_int_equal(made_shell("test -s p1c.clade/derived/features"), 0);
    assert_int_equal(run_clade("", "report p1c.clade -q -o kept.html")->code, 0);
    assert_int_equal(run_clade("", "replay p1c.clade -q")->code, 0);
    assert_int_equal(made_shell("test -z \"$(ls -A p1c.clade/derived)\""), 0);
    assert_int_equal(run_clade("", "report p1c.clade -q -o computed.html")->code, 0);
    assert_int_equal(made_shell("cmp kept.html computed.html"), 0);
}

/* ---------------------------------------------------------------- 2. no peeking */

/* Absurd sales, refunds of everything from before, strangers, another currency, a robot's pace,
 * known items under other categories: all of it from the as-of moment on. */
static void write_wild_future(void)
{
    char  line[400];
    FILE *past   = fopen(made_path("orders.csv"), "r");
    FILE *future = fopen(made_path("future.csv"), "w");
    assert_true(past != NULL && future != NULL);
    assert_non_null(fgets(line, sizeof line, past));
    fputs(line, future);
    for (int i = 0; fgets(line, sizeof line, past) != NULL; i++) {
        int       order, customer, item, quantity, cents, pence;
        char      category[40];
        const int n = sscanf(line, "o%d,c%d,%*[^,],s%d,%39[^,],%d,%d.%d", &order, &customer, &item,
                             category, &quantity, &cents, &pence);
        assert_int_equal(n, 7);
        if (quantity > 0 && i % 2 == 0) {
            fprintf(future, "o%d,c%d,2024-10-02 10:00:00,s%d,%s,%d,%d.%02d,GBP\n", order, customer,
                    item, category, -quantity, cents, pence);
        }
        if (i % 3 == 0) {
            fprintf(future, "w%d,c%d,2024-10-01 00:00:00,s%d,bombs,%d,99999.99,%s\n", i, customer,
                    item, 1 + i % 5000, i % 2 == 0 ? "GBP" : "USD");
        }
        if (i % 7 == 0) {
            fprintf(future, "x%d,stranger%d,2024-11-11 11:11:11,new%d,bombs,1,0.01,GBP\n", i, i, i);
        }
    }
    for (int i = 0; i < 2000; i++) {
        fprintf(future, "b%d,c0,2024-10-03 12:00:%02d,s1,tea,1,1.00,GBP\n", i, i % 60);
    }
    fclose(past);
    assert_int_equal(fclose(future), 0);
}

static void same_features(clade_store *a, clade_store *b, const char *as_of)
{
    clade_features *x = NULL, *y = NULL;
    int64_t         as_of_us = 0;
    check_ok(clade_time_parse(&as_of_us, as_of, NULL));
    check_ok(clade_features_compute(&x, a, as_of_us, NULL));
    check_ok(clade_features_compute(&y, b, as_of_us, NULL));
    assert_true(x->n_customers > N_CUSTOMERS / 2);
    assert_int_equal(x->n_customers, y->n_customers);
    const clade_feature *feature = clade_features_all(&x->n_features);
    for (size_t i = 0; i < x->n_customers * x->n_features; i++) {
        const float p = x->value[i], q = y->value[i];
        if (!(p == q || (isnan(p) && isnan(q)))) {
            fail_msg("%s as of %s: %g and %g", feature[i % x->n_features].name, as_of, (double)p,
                     (double)q);
        }
    }
    clade_features_free(x);
    clade_features_free(y);
}

static void promise_2_the_future_changes_nothing_before_it(void **state)
{
    (void)state;
    copy_made("p2.clade");
    write_wild_future();
    const answer *got = run_clade("", "load p2.clade future.csv --json");
    assert_int_equal(got->code, 0);
    assert_true(run_number(got, "rows_stored") > 3000);

    clade_store *past = made_open("made.clade"), *future = made_open("p2.clade");
    same_features(past, future, MADE_AS_OF);
    same_features(past, future, "2024-03-31");
    clade_store_close(past);
    clade_store_close(future);

    assert_int_equal(made_shell("rm p2.clade/segments.json"), 0);
    clade_store *store = made_open("p2.clade");
    check_ok(
        clade_store_run(store, "DELETE FROM segmentation; DELETE FROM membership", NULL, 0, NULL));
    clade_store_close(store);
    assert_int_equal(run_clade("", "segment p2.clade --as-of " MADE_AS_OF " -q")->code, 0);
    char *wanted = made_segments("made.clade"), *found = made_segments("p2.clade");
    assert_string_equal(found, wanted);
    free(wanted);
    free(found);
}

/* ---------------------------------------------------------------- 3. one definition */

/* tests/features holds the two against each other on many shops; here on one that `load` made. */
static void promise_3_sql_and_plain_c_give_every_feature_the_same_value(void **state)
{
    (void)state;
    made_orders_write(made_path("few.csv"), 40);
    assert_int_equal(run_clade("", "load p3.clade few.csv -q")->code, 0);
    clade_store    *store = made_open("p3.clade");
    clade_features *sql = NULL, *plain = NULL;
    int64_t         as_of_us = 0;
    size_t          n_known  = 0;
    check_ok(clade_time_parse(&as_of_us, "2024-06-30", NULL));
    check_ok(clade_features_compute(&sql, store, as_of_us, NULL));
    check_ok(clade__reference_compute(&plain, store, as_of_us, NULL));
    assert_int_equal(sql->n_customers, plain->n_customers);
    const clade_feature *feature = clade_features_all(&sql->n_features);
    for (size_t i = 0; i < sql->n_customers * sql->n_features; i++) {
        const double a = (double)sql->value[i], b = (double)plain->value[i];
        if (isnan(a) && isnan(b)) continue;
        n_known++; /* a few roundings of float, as in tests/features */
        if (!(fabs(a - b) <= 5e-6 * fmax(1, fabs(b)))) {
            fail_msg("%s: %.9g in SQL, %.9g in C", feature[i % sql->n_features].name, a, b);
        }
    }
    assert_true(n_known > 40 * sql->n_customers);
    clade_features_free(sql);
    clade_features_free(plain);
    clade_store_close(store);
}

/* ---------------------------------------------------------------- 4. names live in one place */

static const char people[] =
    "customer_id,name,email,phone,address,city\n"
    "Quasimodo77,Zebulon Quartermaine,zeb.q@owlpost.example,+44 7700 900123,"
    "17 Wuthering Lane,Leeds\n"
    "Persephone88,Ottoline Featherstone,otto@hillside.example,+44 7700 900456,"
    "3 Badger Row,York\n";
static const char bought[] = "order_id,customer_id,order_date,sku,qty,price\n"
                             "1,Quasimodo77,2024-01-02,a,1,9.99\n"
                             "2,Persephone88,2024-01-03,b,2,3.50\n"
                             "3,Quasimodo77,2024-02-02,a,1,9.99\n"
                             "4,Quasimodo77,2024-99-99,a,1,9.99\n"; /* into quarantine, whole */
static const char said[] =
    "review_id,customer_id,product_id,rating,text,date\n"
    "r1,Quasimodo77,a,5,\"Call Zebulon Quartermaine on 07700 900123, he loves it\",2024-01-09\n";
/* What would lead to either of them. Pieces too: engines pack texts. */
static const char *const secrets[] = {
    "Quasimodo77", "Persephone88", "Zebulon", "Quartermaine", "Ottoline",  "Featherstone",
    "owlpost",     "hillside",     "900123",  "900456",       "Wuthering", "Badger Row",
};

static void put(const char *name, const char *text)
{
    check_write(made_path(name), text, strlen(text));
}

/* No file of the workspace, and no text of any table as the engine reads it, holds a secret. */
static void check_secrets_are_kept(const char *workspace)
{
    char sql[700];
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (made_shell("! grep -raqF '%s' %s", secrets[i], workspace) != 0) {
            fail_msg("'%s' stands in a file of %s", secrets[i], workspace);
        }
    }
    static const char *const tables[] = { "event", "customer",   "item",    "edge",  "survey",
                                          "touch", "quarantine", "load",    "label", "setting",
                                          "flag",  "completion", "identity" };
    clade_store             *store    = made_open(workspace);
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
            snprintf(sql, sizeof sql,
                     "SELECT count(*) FROM (SELECT CAST(row AS VARCHAR) AS text FROM %s AS row) "
                     "WHERE contains(text, '%s')",
                     tables[t], secrets[i]);
            if (made_int(store, sql) != 0) fail_msg("'%s' stands in %s", secrets[i], tables[t]);
        }
    }
    clade_store_close(store);
}

static void promise_4_personal_text_is_nowhere_in_clear_and_forgetting_is_for_good(void **state)
{
    (void)state;
    put("people.csv", people);
    put("bought.csv", bought);
    put("said.csv", said);
    assert_int_equal(run_clade("", "load p4.clade bought.csv people.csv said.csv -q")->code, 0);
    assert_int_equal(made_ask("p4.clade", "SELECT count(*) FROM quarantine"), 1);
    assert_int_equal(made_ask("p4.clade", "SELECT count(*) FROM survey"), 1);
    assert_int_equal(made_ask("p4.clade", "SELECT count(DISTINCT kind) FROM identity"), 5);
    run_clade("", "segment p4.clade -q");
    run_clade("", "report p4.clade -q");
    check_secrets_are_kept("p4.clade");
    const answer *got = run_clade("", "customer p4.clade Quasimodo77");
    assert_int_equal(got->code, 0);
    got = run_clade("", "check p4.clade --quarantine");
    assert_non_null(strstr(got->out, "4,Quasimodo77,2024-99-99")); /* its owner may read it */

    clade_store  *store  = made_open("p4.clade");
    const int64_t number = clade_identity_find(store, CLADE_TEXT("Quasimodo77"));
    char          sql[200];
    assert_true(number >= 0);
    clade_store_close(store);
    assert_int_equal(run_clade("", "forget p4.clade Quasimodo77 --yes")->code, 0);
    check_secrets_are_kept("p4.clade");
    store = made_open("p4.clade");
    assert_int_equal(clade_identity_find(store, CLADE_TEXT("Quasimodo77")), -1);
    clade_buffer name = { 0 };
    assert_int_equal(clade_identity_name(&name, store, number, NULL), CLADE_ERR_NOT_FOUND);
    clade_buffer_free(&name);
    static const char *const personal[] = {
        "identity", "customer", "quarantine", "(SELECT * FROM survey WHERE sealed_text IS NOT NULL)"
    };
    for (size_t i = 0; i < sizeof personal / sizeof personal[0]; i++) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE customer = %lld", personal[i],
                 (long long)number);
        if (made_int(store, sql) != 0) fail_msg("%s still knows the forgotten", personal[i]);
    }
    clade_store_close(store);
    got = run_clade("", "check p4.clade --quarantine");
    assert_null(strstr(got->out, "Quasimodo77"));
    got = run_clade("", "customer p4.clade Quasimodo77");
    assert_int_not_equal(got->code, 0);
    assert_string_equal(got->out, "");
    got = run_clade("", "customer p4.clade Persephone88"); /* nobody else was touched */
    assert_int_equal(got->code, 0);
    assert_int_equal(run_clade("", "forget p4.clade Quasimodo77 --yes")->code, 1);
    assert_int_equal(run_clade("", "doctor p4.clade")->code, 0);
    assert_int_equal(made_ask("p4.clade", "SELECT count(*) FROM identity WHERE kind = 'email'"), 1);
}

/* ---------------------------------------------------------------- 5. kill -9 */

static int load_and_kill(const char *workspace, const char *file, int after_ms)
{
    int         status = 0;
    const pid_t child  = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const char *binary = getenv("CLADE_BINARY");
        if (chdir(run_folder) != 0 || freopen("/dev/null", "w", stdout) == NULL) _exit(99);
        execl(binary, binary, "load", workspace, file, "--quiet", (char *)NULL);
        _exit(98);
    }
    usleep((useconds_t)after_ms * 1000);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void promise_5_a_load_that_was_killed_loses_nothing_and_stores_nothing_twice(void **state)
{
    (void)state;
    static const int after_ms[] = { 40, 120, 250, 450, 800, 1400 };
    size_t           n_killed   = 0;
    made_orders_write(made_path("many.csv"), 4000);
    const answer *got = run_clade("", "load p5.clade many.csv --json");
    assert_int_equal(got->code, 0);
    const int64_t  n    = made_ask("p5.clade", "SELECT count(*) FROM event");
    const uint64_t hash = made_data_hash("p5.clade");
    assert_true((double)n == run_number(got, "rows_stored"));

    for (size_t i = 0; i < sizeof after_ms / sizeof after_ms[0]; i++) {
        const int code = load_and_kill("killed.clade", "many.csv", after_ms[i]);
        n_killed += code == 128 + SIGKILL;
        if (access(made_path("killed.clade/clade.json"), F_OK) == 0) {
            const int64_t here = made_ask("killed.clade", "SELECT count(*) FROM event");
            if (here != 0 && here != n)
                fail_msg("%lld of %lld rows", (long long)here, (long long)n);
        }
        if (code == 0) break;
    }
    assert_true(n_killed > 0);
    assert_int_equal(run_clade("", "load killed.clade many.csv -q")->code, 0);
    assert_int_equal(run_clade("", "load killed.clade many.csv -q")->code, 0); /* once more */
    assert_int_equal(made_ask("killed.clade", "SELECT count(*) FROM event"), n);
    assert_true(made_data_hash("killed.clade") == hash);
    assert_int_equal(run_clade("", "doctor killed.clade")->code, 0);
}

/* ---------------------------------------------------------------- 6. nothing in silence */

static void promise_6_rows_read_are_stored_or_duplicate_or_quarantined(void **state)
{
    (void)state;
    const char messy[] = "order_id,customer_id,order_date,sku,qty,price\n"
                         "1,ann,2024-01-02,a,1,9.99\n"
                         "1,ann,2024-01-02,b,2,3.50\n"
                         "1,ann,2024-01-02,b,2,3.50\n"
                         "2,bob,2024-01-03\n"
                         "3,cho,2024-13-40,a,1,9.99\n"
                         "\n"
                         "4,,2024-01-05,a,-1,9.99\n"
                         "5,dee,2024-01-05,a,1,inf\n"
                         "6,eva,2024-01-06,a,1,9.99,one,too,many\n"
                         "7,\xff\xfe,2024-01-06,a,1,9.99\n";
    put("messy.csv", messy);
    const answer *got = run_clade("", "load p6.clade messy.csv --json");
    assert_int_equal(got->code, 0);
    const double read = run_number(got, "rows_read"), stored = run_number(got, "rows_stored");
    const double twice = run_number(got, "rows_duplicate");
    const double aside = run_number(got, "rows_quarantined");
    assert_true(read == 9); /* an empty line is no row */
    assert_true(twice == 1);
    assert_true(read == stored + twice + aside);
    assert_true(aside >= 4);
    clade_store *store = made_open("p6.clade");
    assert_true((double)made_int(store, "SELECT count(*) FROM event") == stored);
    assert_true((double)made_int(store, "SELECT count(*) FROM quarantine") == aside);
    assert_int_equal(made_int(store, "SELECT count(*) FROM load WHERE rows_read <> rows_stored + "
                                     "rows_duplicate + rows_quarantined"),
                     0);
    assert_int_equal(made_int(store, "SELECT count(*) FROM quarantine WHERE file IS NULL OR "
                                     "line < 2 OR length(reason) < 5"),
                     0);
    clade_store_close(store);

    got             = run_clade("", "load p6b.clade messy.csv");
    const char *row = strstr(got->out, "+ quarantined");
    int         n[4];
    assert_non_null(row);
    row = strstr(row, "messy.csv");
    assert_non_null(row);
    assert_int_equal(sscanf(row, "messy.csv %d %d %d %d", &n[0], &n[1], &n[2], &n[3]), 4);
    assert_int_equal(n[0], n[1] + n[2] + n[3]);
    assert_int_equal(n[0], 9);
}

/* ---------------------------------------------------------------- 7. every number owns up */

static void check_lift_owns_up(const answer *got, const char *which)
{
    char   path[64];
    double r2, low, high, auc, auc_low, auc_high;
    snprintf(path, sizeof path, "future_lift/%s/r2", which);
    r2 = run_number(got, path);
    snprintf(path, sizeof path, "future_lift/%s/r2_low", which);
    low = run_number(got, path);
    snprintf(path, sizeof path, "future_lift/%s/r2_high", which);
    high = run_number(got, path);
    snprintf(path, sizeof path, "future_lift/%s/auc", which);
    auc = run_number(got, path);
    snprintf(path, sizeof path, "future_lift/%s/auc_low", which);
    auc_low = run_number(got, path);
    snprintf(path, sizeof path, "future_lift/%s/auc_high", which);
    auc_high = run_number(got, path);
    if (!(low <= r2 && r2 <= high && low < high)) fail_msg("%s: %g in %g-%g", which, r2, low, high);
    if (!(auc_low <= auc && auc <= auc_high && auc_low < auc_high)) fail_msg("%s: auc", which);
}

static void promise_7_segments_come_with_intervals_a_baseline_and_a_verdict(void **state)
{
    (void)state;
    const answer *got = run_clade("", "segment made.clade list --json");
    assert_int_equal(got->code, 0);
    static const char *const which[] = { "clade", "rfm", "kmeans_rfm", "lifecycle", "ceiling" };
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++)
        check_lift_owns_up(got, which[i]);
    const clade_json_tree *json = run_json(got);
    const clade_json_node *lift = clade_json_get(json, json->node, "future_lift");
    assert_int_equal(clade_json_get(json, lift, "trusted")->type, CLADE_JSON_BOOL);
    const clade_json_node *list = clade_json_get(json, json->node, "segments");
    assert_true(list->n >= 2 && list->n <= 13); /* 12, and those who never bought */
    size_t at = (size_t)(list - json->node) + 1;
    double n  = 0;
    for (uint32_t i = 0; i < list->n; i++, at = json->node[at].next) {
        const clade_json_node *one  = &json->node[at];
        const clade_json_node *next = clade_json_get(json, one, "next_90_days");
        const clade_json_node *back = clade_json_get(json, next, "return");
        n += clade_json_get(json, one, "size")->number;
        assert_non_null(clade_json_get(json, one, "stability"));
        assert_true(clade_json_get(json, one, "persona")->text.size > 20);
        assert_true(clade_json_get(json, one, "persona_zh")->text.size > 20);
        if (back->type != CLADE_JSON_NUMBER) continue;
        assert_true(clade_json_get(json, next, "return_low")->number <= back->number);
        assert_true(clade_json_get(json, next, "return_high")->number >= back->number);
    }
    assert_true(n == clade_json_get(json, json->node, "n_customers")->number);
}

static void promise_7_a_tiny_shop_hears_do_not_trust_yet(void **state)
{
    (void)state;
    made_orders_write(made_path("tiny.csv"), 60);
    assert_int_equal(run_clade("", "load tiny.clade tiny.csv -q")->code, 0);
    const answer *got = run_clade("", "segment tiny.clade --lang en");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "Do not trust yet"));
    got                         = run_clade("", "segment tiny.clade list --json");
    const clade_json_tree *json = run_json(got);
    const clade_json_node *lift = clade_json_get(json, json->node, "future_lift");
    assert_false(clade_json_get(json, lift, "trusted")->boolean);
    assert_true(clade_json_get(json, lift, "why")->text.size > 20);
}

/* ---------------------------------------------------------------- 8. on record */

static void promise_8_every_run_is_on_record_and_can_be_done_again(void **state)
{
    (void)state;
    char   manifest[1 << 14], seed[32];
    size_t size = 0;
    copy_made("p8.clade");
    assert_int_equal(run_clade("", "segment p8.clade --seed 77 --as-of 2024-09-01 -q")->code, 0);
    char *text = made_read("p8.clade/runs/000003-segment.json", &size);
    snprintf(manifest, sizeof manifest, "%s", text);
    free(text);
    static const char *const says[] = { "\"verb\": \"segment\"", "\"status\": \"done\"",
                                        "\"seed\": \"77\"",      "\"as_of\": \"2024-09-01",
                                        "\"data_hash\": \"",     "\"build\": \"",
                                        "\"customers\": " };
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++) {
        if (strstr(manifest, says[i]) == NULL) fail_msg("%s is not in\n%s", says[i], manifest);
    }
    snprintf(seed, sizeof seed, "%016llx", (unsigned long long)made_data_hash("p8.clade"));
    assert_non_null(strstr(manifest, seed));
    assert_int_equal(access(made_path("p8.clade/runs/000001-load.json"), R_OK), 0);

    /* The same inputs as written down: the same segments, but for the number of the version. */
    char *first = made_segments("p8.clade");
    copy_made("p8b.clade");
    assert_int_equal(run_clade("", "segment p8b.clade --seed 77 --as-of 2024-09-01 -q")->code, 0);
    char *second = made_segments("p8b.clade");
    assert_string_equal(second, first);
    free(first);
    free(second);
    /* Why somebody is where they are can be asked. */
    const answer          *page    = run_clade("", "customer p8.clade c7 --json");
    const clade_json_tree *json    = run_json(page);
    const clade_json_node *reasons = clade_json_get(json, json->node, "reasons");
    assert_int_equal(page->code, 0);
    assert_true(reasons != NULL && reasons->n > 0);
    assert_true(clade_json_get(json, json->node, "segments")->n >= 3);
    /* Both versions stay: who was in which segment can still be asked. */
    assert_int_equal(made_ask("p8.clade", "SELECT count(DISTINCT version) FROM membership WHERE "
                                          "segmentation = 'outlook'"),
                     2);
}

/* ---------------------------------------------------------------- 9. long work shows itself */

/* Run on a terminal of its own; type Ctrl-C once a bar is seen. */
static int run_on_terminal(char *out, size_t out_size, const char *const argv[])
{
    int         terminal = -1, status = 0;
    size_t      n     = 0;
    bool        typed = false;
    const pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(child >= 0);
    if (child == 0) {
        setenv("TERM", "xterm", 1);
        if (chdir(run_folder) != 0) _exit(99);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(98);
    }
    const double start = clade_seconds();
    while (n + 1 < out_size && clade_seconds() - start < 240) {
        struct pollfd ready = { .fd = terminal, .events = POLLIN };
        if (poll(&ready, 1, 1000) < 0 && errno != EINTR) break;
        if ((ready.revents & (POLLIN | POLLHUP)) == 0) continue;
        const ssize_t got = read(terminal, out + n, out_size - 1 - n);
        if (got <= 0) break; /* the other end is closed */
        n += (size_t)got;
        out[n] = '\0';
        if (!typed && strstr(out, "░") != NULL && strstr(out, "/s") != NULL) {
            typed = write(terminal, "\x03", 1) == 1;
        }
    }
    out[n] = '\0';
    if (n + 1 >= out_size || clade_seconds() - start >= 240) kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(terminal);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void promise_9_long_work_shows_a_bar_and_ctrl_c_leaves_the_store_whole(void **state)
{
    (void)state;
    static char out[1 << 16];
    made_orders_write(made_path("long.csv"), 3000);
    assert_int_equal(run_clade("", "load p9.clade long.csv -q")->code, 0);
    const int64_t     n      = made_ask("p9.clade", "SELECT count(*) FROM event");
    const char *const argv[] = { getenv("CLADE_BINARY"), "segment", "p9.clade", NULL };
    const int         code   = run_on_terminal(out, sizeof out, argv);
    if (strstr(out, " %  ") == NULL) fail_msg("no bar: %s", out);
    assert_non_null(strstr(out, "/s")); /* its rate */
    if (code != 1 || strstr(out, "interrupted") == NULL) fail_msg("%d: %s", code, out);

    assert_int_equal(run_clade("", "doctor p9.clade")->code, 0);
    assert_int_equal(made_ask("p9.clade", "SELECT count(*) FROM event"), n);
    assert_int_equal(made_ask("p9.clade", "SELECT count(*) FROM membership"), 0);
    assert_int_equal(run_clade("", "segment p9.clade list")->code, 4); /* nothing half made */
}

static void promise_9_no_bar_is_drawn_where_nobody_looks(void **state)
{
    (void)state;
    copy_made("p9b.clade");
    const answer *got = run_clade("", "segment p9b.clade");
    assert_int_equal(got->code, 0);
    assert_null(strstr(got->err, "\r"));
    assert_null(strstr(got->out, "\r"));
}

/* ---------------------------------------------------------------- 10. same in, same out */

static void promise_10_threads_and_repetition_change_nothing(void **state)
{
    (void)state;
    static const char *const how[] = { "--threads 1", "--threads 2", "--threads 2" };
    char                    *found[3];
    uint64_t                 hash[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(made_shell("rm -rf p10.clade"), 0);
        assert_int_equal(run_clade("", "load p10.clade orders.csv -q %s", how[i])->code, 0);
        assert_int_equal(run_clade("", "segment p10.clade -q %s", how[i])->code, 0);
        hash[i]  = made_data_hash("p10.clade");
        found[i] = made_segments("p10.clade");
    }
    char *first = made_segments("made.clade");
    assert_true(hash[0] == hash[1] && hash[1] == hash[2]);
    assert_string_equal(found[1], found[0]);
    assert_string_equal(found[2], found[1]);
    assert_string_equal(first, found[0]);
    for (size_t i = 0; i < 3; i++)
        free(found[i]);
    free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promise_1_replay_makes_every_derived_table_again_as_it_was),
        cmocka_unit_test(promise_1_segments_come_out_of_the_log_again),
        cmocka_unit_test(promise_1_what_was_kept_is_dropped_by_replay_and_changes_no_answer),
        cmocka_unit_test(promise_2_the_future_changes_nothing_before_it),
        cmocka_unit_test(promise_3_sql_and_plain_c_give_every_feature_the_same_value),
        cmocka_unit_test(promise_4_personal_text_is_nowhere_in_clear_and_forgetting_is_for_good),
        cmocka_unit_test(promise_5_a_load_that_was_killed_loses_nothing_and_stores_nothing_twice),
        cmocka_unit_test(promise_6_rows_read_are_stored_or_duplicate_or_quarantined),
        cmocka_unit_test(promise_7_segments_come_with_intervals_a_baseline_and_a_verdict),
        cmocka_unit_test(promise_7_a_tiny_shop_hears_do_not_trust_yet),
        cmocka_unit_test(promise_8_every_run_is_on_record_and_can_be_done_again),
        cmocka_unit_test(promise_9_long_work_shows_a_bar_and_ctrl_c_leaves_the_store_whole),
        cmocka_unit_test(promise_9_no_bar_is_drawn_where_nobody_looks),
        cmocka_unit_test(promise_10_threads_and_repetition_change_nothing),
    };
    return cmocka_run_group_tests(tests, setup, run_teardown);
}

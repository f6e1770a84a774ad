/* fit and recommend, as a shop meets them, and what they say to logs that cannot be learnt from. */
#include "run_binary.h"

#include "clade/run.h"
#include "clade/time.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_CUSTOMERS = 240, N_ITEMS = 30, FIRST_DAY = 18000 };

static clade_buffer orders;

static void begin(void)
{
    clade_buffer_clear(&orders);
    clade_buffer_text(&orders, "order_id,customer_id,order_time,product_id,quantity,price\n");
}

static void put(int order, int customer, int day, int item)
{
    char date[16];
    clade_date_format(date, (int64_t)(FIRST_DAY + day) * CLADE_US_PER_DAY);
    clade_buffer_format(&orders, "o%d,c%d,%s 10:00:00,p%d,1,%d.50\n", order, customer, date, item,
                        3 + item % 7);
}

/* Load what was put, as NAME.clade. */
static void load(const char *name)
{
    char path[600];
    assert_false(orders.failed);
    (void)snprintf(path, sizeof path, "%s/%s.csv", run_folder, name);
    check_write(path, orders.data, orders.size);
    assert_int_equal(run_clade("", "load %s.clade %s.csv --quiet", name, name)->code, 0);
}

/* Everybody buys every fortnight or so, two times of three the item after the last. */
static int make_shop(void **state)
{
    clade_rng rng   = clade_rng_stream(3, "test/fit", 0);
    int       order = 0;
    if (run_setup(state) != 0) return 1;
    begin();
    for (int c = 0; c < N_CUSTOMERS; c++) {
        int day  = (int)clade_rng_below(&rng, 60);
        int item = (int)clade_rng_below(&rng, N_ITEMS);
        for (int k = 0; k < 12; k++) {
            put(order++, c, day, item);
            day += 5 + (int)clade_rng_below(&rng, 18);
            item = clade_rng_below(&rng, 3) > 0 ? (item + 1) % N_ITEMS
                                                : (int)clade_rng_below(&rng, N_ITEMS);
        }
    }
    load("shop");
    return 0;
}

static int end_shop(void **state)
{
    clade_buffer_free(&orders);
    return run_teardown(state);
}

static int shell(char *out, size_t size, const char *command)
{
    return check_run(out, size, "cd '%s' && clade='%s' && { %s; }", run_folder,
                     getenv("CLADE_BINARY"), command);
}

static void recommending_before_a_fit_says_what_to_run(void **state)
{
    (void)state;
    const answer *got = run_clade("", "recommend shop.clade c3 --json");
    assert_int_equal(got->code, 4);
    assert_string_equal(run_text(got, "error/status"), "not_ready");
    assert_non_null(strstr(run_text(got, "error/hint"), "clade fit shop.clade behaviour"));
}

/* The figure of a baseline in the answer. */
static double baseline(const char *json, const char *name)
{
    char mark[64];
    (void)snprintf(mark, sizeof mark, "\"name\": \"%s\"", name);
    const char *const at = strstr(json, mark);
    assert_non_null(at);
    const char *const value = strstr(at, "\"ndcg_10\": ");
    assert_non_null(value);
    return atof(value + strlen("\"ndcg_10\": "));
}

static double best_of(const char *json)
{
    static const char *const name[] = { "popular", "own", "rules", "item-knn" };
    double                   best   = 0;
    for (size_t i = 0; i < 4; i++)
        best = baseline(json, name[i]) > best ? baseline(json, name[i]) : best;
    return best;
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
        n++;
    return n;
}

/* "the item after the last" is right two times of three, and baselines see it too: a model that
 * has learnt gets .6 at least, popularity stays near .15. */
static void a_fit_learns_says_what_it_is_worth_and_leaves_a_bundle(void **state)
{
    (void)state;
    const answer *got = run_clade("", "fit shop.clade behaviour --epochs 14 --json");
    if (got->code != 0) print_error("%s\n", got->err);
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "size"), "small");
    assert_string_equal(run_text(got, "mixer"), "decay");
    const double n_cases = run_number(got, "validation/n_cases");
    const double ndcg    = run_number(got, "validation/ndcg_10/value");
    assert_true(n_cases >= 100 && n_cases <= 120); /* every second of those behind the cut */
    assert_true(run_number(got, "n_events") == 240 * 12 - n_cases);
    assert_true(ndcg > 0.6 && run_number(got, "validation/ndcg_10/low") < ndcg);
    assert_true(baseline(got->out, "popular") < 0.3);
    assert_true(baseline(got->out, "rules") > 0.5);
    assert_true(run_number(got, "memory_bytes") > 1e6);
    const double gain = run_number(got, "gain_ndcg_10/value");
    check_close(gain, ndcg - best_of(got->out), 1e-6); /* the same customers on either side */
    assert_true(run_number(got, "gain_ndcg_10/low") < gain);
    assert_true(run_number(got, "gain_ndcg_10/high") > gain);
    assert_string_equal(run_text(got, "verdict"), gain > 0 ? "trust" : "do not trust yet");
    char nothing[400];
    assert_int_equal(shell(nothing, sizeof nothing,
                           "cd shop.clade && test -s models/behaviour/weights.safetensors && "
                           "test -s models/behaviour/vocabulary.json && "
                           "grep -q '\"ndcg_10\"' models/behaviour/manifest.json && "
                           "grep -q '\"verdict\"' runs/*-fit.json && "
                           "! test -e models/behaviour.checkpoint"),
                     0);
}

static void the_same_seed_learns_the_same_bundle(void **state)
{
    (void)state;
    char one[400], two[400];
    assert_int_equal(run_clade("", "fit shop.clade behaviour --epochs 2 -q")->code, 0);
    assert_int_equal(shell(one, sizeof one, "sha256sum shop.clade/models/behaviour/w*"), 0);
    assert_int_equal(run_clade("", "fit shop.clade behaviour --epochs 2 -q --threads 1")->code, 0);
    assert_int_equal(shell(two, sizeof two, "sha256sum shop.clade/models/behaviour/w*"), 0);
    assert_string_equal(one, two);
}

static void items_come_with_scores_and_reasons_in_both_languages(void **state)
{
    (void)state;
    const answer *got = run_clade("", "recommend shop.clade c3 -n 4 --json");
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "customer"), "c3");
    assert_int_equal(count(got->out, "\"item\": \"p"), 4);
    assert_int_equal(count(got->out, "\"score\": "), 4);
    assert_true(count(got->out, "\"reason\": \"because you bought p") >= 3);
    got = run_clade("", "recommend shop.clade c3 -n 4 --lang zh");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "因为您买过p"));
}

static void what_happens_later_changes_nothing_before(void **state)
{
    (void)state;
    char date[16], first[1000];
    clade_date_format(date, (FIRST_DAY + 100) * CLADE_US_PER_DAY);
    assert_int_equal(run_clade("", "fit shop.clade behaviour --epochs 2 -q --as-of %s", date)->code,
                     0);
    const answer *got = run_clade("", "recommend shop.clade c3 --json --as-of %s", date);
    (void)snprintf(first, sizeof first, "%.999s", strstr(got->out, "\"items\""));
    begin();
    for (int k = 0; k < 40; k++)
        put(90000 + k, k % 9, 400, 20 + k % 5);
    load("shop");
    char again[1000];
    assert_int_equal(run_clade("", "fit shop.clade behaviour --epochs 2 -q --as-of %s", date)->code,
                     0);
    got = run_clade("", "recommend shop.clade c3 --json --as-of %s", date);
    (void)snprintf(again, sizeof again, "%.999s", strstr(got->out, "\"items\""));
    assert_string_equal(first, again);
}

static void the_most_alike_come_nearest_first_and_without_the_customer(void **state)
{
    (void)state;
    const answer *got = run_clade("", "customer shop.clade c3 --similar --json");
    assert_int_equal(got->code, 0);
    assert_int_equal(count(got->out, "\"cosine\": "), 10);
    assert_int_equal(count(got->out, "\"customer\": \"c3\""), 1); /* whom it is about */
    double before = 1.0 + 1e-6;
    for (const char *at = got->out; (at = strstr(at, "\"cosine\": ")) != NULL; at++) {
        const double cosine = atof(at + strlen("\"cosine\": "));
        assert_true(cosine <= before);
        before = cosine;
    }
}

static void a_list_for_all_names_everybody_once_a_rank(void **state)
{
    (void)state;
    char          out[400];
    const answer *got = run_clade("", "recommend shop.clade --all -n 3 -o recs.csv --json");
    assert_int_equal(got->code, 0);
    assert_true(run_number(got, "n_customers") == N_CUSTOMERS);
    assert_int_equal(shell(out, sizeof out,
                           "head -n 1 recs.csv | grep -qx 'customer,rank,item,score' && "
                           "test $(cut -d, -f1,2 recs.csv | sort -u | wc -l) = 721 && "
                           "test $(grep -c ',2,' recs.csv) -ge 240"),
                     0);
    assert_int_equal(run_clade("", "recommend shop.clade --all -n 2 -o r.parquet")->code, 0);
    assert_int_equal(run_clade("", "recommend shop.clade --all -n 2 -o r.jsonl")->code, 0);
    assert_int_equal(shell(out, sizeof out,
                           "head -c 4 r.parquet | grep -q PAR1 && "
                           "test $(wc -l < r.jsonl) = 480"),
                     0);
    assert_int_equal(run_clade("", "recommend shop.clade --all --min-group 300")->code, 1);
}

static void fewer_bits_say_what_they_cost(void **state)
{
    (void)state;
    const answer *got =
        run_clade("", "fit shop.clade behaviour --epochs 3 --precision int8 --json");
    assert_int_equal(got->code, 0);
    const double whole = run_number(got, "validation/ndcg_10/value");
    check_close(run_number(got, "validation/ndcg_10_as_kept"), whole, 0.03);
    assert_int_equal(run_clade("", "recommend shop.clade c3")->code, 0);
}

/* One epoch is not enough to know that the next item is the one after the last. */
static void a_model_that_learnt_too_little_leaves_recommending_to_the_better_baseline(void **state)
{
    (void)state;
    char          nothing[400];
    const answer *got = run_clade("", "fit shop.clade behaviour --epochs 1 --json");
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "verdict"), "do not trust yet");
    assert_true(run_number(got, "gain_ndcg_10/high") < 0);
    got = run_clade("", "recommend shop.clade c3 -n 4 --json");
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "recommended_by"), "rules");
    assert_non_null(strstr(run_text(got, "why"), "not by the behaviour model"));
    assert_non_null(strstr(run_text(got, "why_zh"), "由 rules 而非行为模型推荐"));
    assert_int_equal(count(got->out, "\"item\": \"p"), 4);
    assert_true(count(got->out, "\"reason\": \"because you bought p") >= 1);
    got = run_clade("", "recommend shop.clade c3 -n 4");
    assert_non_null(strstr(got->err, "Recommended by rules, not by the behaviour model"));
    got = run_clade("", "recommend shop.clade c3 -n 4 --json --model behaviour");
    assert_string_equal(run_text(got, "recommended_by"), "behaviour");
    got = run_clade("", "recommend shop.clade c3 -n 4 --json --model popular");
    assert_string_equal(run_text(got, "recommended_by"), "popular");
    assert_non_null(strstr(run_text(got, "why"), "as was asked"));
    got = run_clade("", "recommend shop.clade c3 --model magic --json");
    assert_int_equal(got->code, 2);
    assert_int_equal(shell(nothing, sizeof nothing,
                           "$clade recommend shop.clade --all -n 2 -o b.csv -q && "
                           "test $(wc -l < b.csv) = 481 && "
                           "grep -q '\"recommended_by\": \"rules\"' "
                           "$(ls -t shop.clade/runs/*-recommend.json | head -1)"),
                     0);
}

/* ---------------------------------------------------------------- wrong usage, and bad logs */

static void wrong_usage_is_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "fit shop.clade demand", "nothing called 'demand'" },
        { "fit shop.clade behaviour --size huge", "small, base or large" },
        { "fit shop.clade behaviour --mixer magic", "attention, pointwise or decay" },
        { "fit shop.clade behaviour --precision 3", "float, half or int8" },
        { "fit shop.clade behaviour --budget soon", "soon" },
        { "fit shop.clade behaviour --epochs 0", "--epochs" },
        { "recommend shop.clade", "--all" },
        { "recommend shop.clade c3 --all", "not both" },
        { "recommend shop.clade c3 --diversity 2", "--diversity" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const answer *got = run_clade("", "%s", cases[i][0]);
        if (got->code != 2 || strstr(got->err, cases[i][1]) == NULL)
            print_error("%s: %d %s\n", cases[i][0], got->code, got->err);
        assert_int_equal(got->code, 2);
        assert_non_null(strstr(got->err, cases[i][1]));
    }
    assert_int_equal(run_clade("", "recommend shop.clade nobody")->code, 1);
}

static void a_log_that_teaches_nothing_is_refused_with_its_reason(void **state)
{
    (void)state;
    begin();
    for (int c = 0; c < 50; c++)
        put(c, c, c % 20, c % 7);
    load("once");
    const answer *got = run_clade("", "fit once.clade behaviour");
    assert_int_equal(got->code, 4);
    assert_non_null(strstr(got->err, "none of 50 customers has come back"));

    begin();
    for (int k = 0; k < 60; k++)
        put(k, k % 9, k, 1);
    load("one_item");
    got = run_clade("", "fit one_item.clade behaviour");
    assert_int_equal(got->code, 4);
    assert_non_null(strstr(got->err, "there is one item"));

    begin();
    put(1, 1, 1, 1);
    load("one_event");
    got = run_clade("", "fit one_event.clade behaviour");
    assert_int_equal(got->code, 4);
    assert_non_null(strstr(got->err, "clade: one_event.clade: "));
}

/* Order is all there is then, and the order of the file is kept: it can be learnt. */
static void events_at_one_moment_are_learnt_in_their_order(void **state)
{
    (void)state;
    begin();
    for (int c = 0; c < 60; c++)
        for (int k = 0; k < 6; k++)
            put(c, c, 5, (c + k) % 12);
    load("one_moment");
    const answer *got = run_clade("", "fit one_moment.clade behaviour --epochs 3 --json");
    if (got->code != 0) print_error("%s\n", got->err);
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "verdict"), "do not trust yet");
    assert_non_null(strstr(run_text(got, "why"), "only 30 customers"));
    assert_non_null(strstr(run_text(got, "why_zh"), "仅有 30 位客户"));
}

static void more_memory_than_the_limit_is_refused_before_the_start(void **state)
{
    (void)state;
    const answer *got = run_clade("", "fit shop.clade behaviour --size large --memory 80MB");
    assert_int_equal(got->code, 1);
    assert_non_null(strstr(got->err, "80.0 MB is the limit"));
    assert_non_null(strstr(got->err, "--size small"));
}

/* ---------------------------------------------------------------- stops and damage */

/* A second fit while the first runs is refused; Ctrl-C then keeps a checkpoint, and the next call
 * goes on from it and removes it. */
static void two_fits_at_once_and_a_stop_lose_nothing(void **state)
{
    (void)state;
    char      out[4000];
    const int code =
        shell(out, sizeof out,
              "$clade fit shop.clade behaviour --epochs 60 >one.out 2>one.err & first=$!; "
              "for i in $(seq 600); do grep -q parameters one.err && break; sleep 0.05; done; "
              "$clade fit shop.clade behaviour 2>&1; echo \"second: $?\"; "
              "kill -INT $first; wait $first; echo \"first: $?\"; cat one.err");
    assert_int_equal(code, 0);
    if (strstr(out, "first: 1") == NULL) print_error("%s\n", out);
    assert_non_null(strstr(out, "second: 4"));
    assert_non_null(strstr(out, "first: 1"));
    assert_non_null(strstr(out, "training was interrupted in epoch"));
    assert_int_equal(shell(out, sizeof out, "test -s shop.clade/models/behaviour.checkpoint"), 0);

    const answer *got = run_clade("", "fit shop.clade behaviour --epochs 3");
    assert_int_equal(got->code, 3); /* another training: other options */
    assert_non_null(strstr(got->err, "behaviour --fresh"));
    got = run_clade("", "fit shop.clade behaviour --epochs 60 --json");
    assert_int_equal(got->code, 0);
    assert_true(strstr(got->out, "\"resumed\": true") != NULL);
    assert_int_not_equal(shell(out, sizeof out, "test -e shop.clade/models/behaviour.checkpoint"),
                         0);
}

static void a_checkpoint_cut_short_is_refused_and_fresh_starts_anew(void **state)
{
    (void)state;
    char path[600];
    (void)snprintf(path, sizeof path, "%s/shop.clade/models/behaviour.checkpoint", run_folder);
    check_write(path, "\x10\x20\x00\x00\x00\x00\x00\x00{\"the", 13);
    const answer *got = run_clade("", "fit shop.clade behaviour --epochs 2");
    assert_int_equal(got->code, 3);
    assert_non_null(strstr(got->err, "behaviour.checkpoint"));
    assert_non_null(strstr(got->err, "behaviour --fresh"));
    assert_int_equal(run_clade("", "recommend shop.clade c3")->code, 0);
    assert_int_equal(run_clade("", "fit shop.clade behaviour --epochs 2 --fresh -q")->code, 0);
}

/* Files of more than 100 KB cannot be written: as on a full disk, in the middle of the weights. */
static void a_full_disk_leaves_the_old_bundle(void **state)
{
    (void)state;
    char one[400], two[400], out[4000];
    assert_int_equal(shell(one, sizeof one, "sha256sum shop.clade/models/behaviour/*"), 0);
    assert_int_equal(shell(out, sizeof out,
                           "ulimit -f 100; $clade fit shop.clade behaviour --epochs 1 2>&1; "
                           "test $? = 1"),
                     0);
    assert_non_null(strstr(out, "cannot write"));
    assert_int_equal(shell(two, sizeof two, "sha256sum shop.clade/models/behaviour/*"), 0);
    assert_string_equal(one, two);
    assert_int_equal(run_clade("", "recommend shop.clade c3")->code, 0);
    assert_int_equal(run_clade("", "fit shop.clade behaviour --epochs 1 -q")->code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recommending_before_a_fit_says_what_to_run),
        cmocka_unit_test(a_fit_learns_says_what_it_is_worth_and_leaves_a_bundle),
        cmocka_unit_test(items_come_with_scores_and_reasons_in_both_languages),
        cmocka_unit_test(the_most_alike_come_nearest_first_and_without_the_customer),
        cmocka_unit_test(a_list_for_all_names_everybody_once_a_rank),
        cmocka_unit_test(the_same_seed_learns_the_same_bundle),
        cmocka_unit_test(fewer_bits_say_what_they_cost),
        cmocka_unit_test(a_model_that_learnt_too_little_leaves_recommending_to_the_better_baseline),
        cmocka_unit_test(wrong_usage_is_named),
        cmocka_unit_test(a_log_that_teaches_nothing_is_refused_with_its_reason),
        cmocka_unit_test(events_at_one_moment_are_learnt_in_their_order),
        cmocka_unit_test(more_memory_than_the_limit_is_refused_before_the_start),
        cmocka_unit_test(two_fits_at_once_and_a_stop_lose_nothing),
        cmocka_unit_test(a_checkpoint_cut_short_is_refused_and_fresh_starts_anew),
        cmocka_unit_test(a_full_disk_leaves_the_old_bundle),
        cmocka_unit_test(what_happens_later_changes_nothing_before),
    };
    return cmocka_run_group_tests(tests, make_shop, end_shop);
}

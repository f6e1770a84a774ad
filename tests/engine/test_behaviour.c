/* The behaviour model in a shop: its bundle on disk, histories in its numbers, vectors. */
#include "check.h"

#include "clade/run.h"
#include "clade/shop_behaviour.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N_CUSTOMERS = 12, N_ITEMS = 6 };
#define DAY_US CLADE_US_PER_DAY
#define FIRST  (20000 * DAY_US)
#define NOW    (20040 * DAY_US)

static char folder[256], shop[300];

static void run_sql(clade_store *store, const char *sql)
{
    clade_error err = { 0 };
    if (clade_store_run(store, sql, NULL, 0, &err) != CLADE_OK)
        print_error("%s: %s\n", sql, err.message);
    assert_string_equal(err.message, "");
}

/* Items 0..5 in two categories; customer c does 5 things, one every two days, and buys the last. */
static clade_store *make_shop(void)
{
    clade_store              *store   = NULL;
    const clade_store_options options = { .create = true, .n_threads = 1 };
    clade_error               err     = { 0 };
    check_ok(clade_store_open(&store, shop, &options, &err));
    for (int c = 0; c < N_CUSTOMERS; c++) {
        char    id[16];
        int64_t number = -1;
        (void)snprintf(id, sizeof id, "c%d", c);
        check_ok(clade_identity_intern(&number, store, clade_text_of(id), &err));
        assert_int_equal(number, c);
    }
    check_ok(clade_identity_sync(store, &err));
    char sql[2000];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO item BY NAME SELECT i AS item, 'sku' || i AS ref, 'Thing ' || i AS "
                   "name, CASE WHEN i < 3 THEN 'tea' ELSE 'cups' END AS category, 'brand' || (i %% "
                   "2) AS brand, 1000 + 100 * i AS price_minor, 'EUR' AS currency, %lld AS "
                   "known_us, 1 AS load FROM range(%d) AS r(i)",
                   (long long)FIRST, N_ITEMS);
    run_sql(store, sql);
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO event BY NAME SELECT 5 * c + k AS event, c AS customer, %lld + (2 * k + c %% "
        "3) * %lld AS at_us, CASE WHEN k = 4 THEN 'purchase' ELSE 'view' END AS kind, (c + k) %% "
        "%d AS item, 1.0 AS quantity, 1000 AS price_minor, 'EUR' AS currency, 5 * c + k AS row_key,"
        " 1 AS load FROM range(%d) AS a(c), range(5) AS b(k)",
        (long long)FIRST, (long long)DAY_US, N_ITEMS, N_CUSTOMERS);
    run_sql(store, sql);
    return store;
}

/* What a new model has none of: silence and own items count. */
static void stir(clade_behaviour *model)
{
    size_t                              n_tensors = 0;
    const size_t                        n         = clade_behaviour_n_parameters(model);
    float *const                        theta     = CLADE_NEW(float, n);
    clade_rng                           rng       = clade_rng_stream(19, "test/theta", 0);
    const clade_behaviour_tensor *const tensor    = clade_behaviour_tensors(model, &n_tensors);
    memcpy(theta, clade_behaviour_parameters(model), n * sizeof *theta);
    for (size_t t = 0; t < n_tensors; t++) {
        const double by = strcmp(tensor[t].name, "silence") == 0 ? 0.5
                          : strcmp(tensor[t].name, "own") == 0   ? 2.0
                                                                 : 0.0;
        for (size_t i = 0; i < tensor[t].n_rows * tensor[t].n_columns; i++)
            theta[tensor[t].offset + i] += (float)(by * clade_rng_normal(&rng));
    }
    clade_behaviour_set(model, theta);
    free(theta);
}

/* A model with random weights does: what is tested here is what is kept and read. */
static void fit_nothing(clade_behaviour **model, clade_vocabulary **vocabulary, clade_store *store,
                        uint64_t seed)
{
    clade_error             err       = { 0 };
    clade_sequences        *sequences = NULL;
    clade_behaviour_options options   = clade_behaviour_defaults();
    options.d = 16, options.n_blocks = 1, options.n_heads = 2, options.ff = 16;
    options.max_events = 16, options.mixer[0] = CLADE_MIXER_DECAY;
    options.with_moment = options.with_own = true;
    check_ok(clade_event_sequences(&sequences, vocabulary, NULL, store, NOW, NULL, &err));
    check_ok(clade_behaviour_create(model, &options, sequences, seed, &err));
    stir(*model);
    clade_sequences_free(sequences);
}

static clade_shop_behaviour_card a_card(void)
{
    clade_shop_behaviour_card card = { .as_of_us         = NOW,
                                       .run              = 3,
                                       .seed             = UINT64_C(18446744073709551557),
                                       .data_hash        = UINT64_C(0xfedcba9876543210),
                                       .size             = "small",
                                       .mixer            = CLADE_MIXER_DECAY,
                                       .n_customers      = N_CUSTOMERS,
                                       .n_events         = 5 * N_CUSTOMERS,
                                       .n_epochs         = 7,
                                       .best_epoch       = 4,
                                       .n_cases          = 5,
                                       .ndcg             = 0.37125,
                                       .hit              = 0.4375,
                                       .baseline         = "item-knn",
                                       .baseline_ndcg    = 0.29875,
                                       .gain             = { 0.0725, -0.0125, 0.1575 },
                                       .baseline_options = { .n_neighbours = 400,
                                                             .reach        = 4,
                                                             .shrink       = 10,
                                                             .half_life    = 0.25,
                                                             .repeat       = 0.3,
                                                             .backoff      = true },
                                       .trusted          = true };
    return card;
}

static void save(clade_store *store, uint64_t seed)
{
    clade_error                     err        = { 0 };
    clade_behaviour                *model      = NULL;
    clade_vocabulary               *vocabulary = NULL;
    const clade_shop_behaviour_card card       = a_card();
    fit_nothing(&model, &vocabulary, store, seed);
    check_ok(clade_shop_behaviour_save(store, model, vocabulary, &card, &err));
    clade_behaviour_free(model);
    clade_vocabulary_free(vocabulary);
}

static void path_of(char out[600], const char *name)
{
    (void)snprintf(out, 600, "%s/models/%s", shop, name);
}

static int setup(void **state)
{
    (void)check_folder_make(folder, "behaviour");
    (void)snprintf(shop, sizeof shop, "%s/my.clade", folder);
    *state = make_shop();
    return 0;
}

static int teardown(void **state)
{
    clade_store_close(*state);
    check_folder_remove(folder);
    return 0;
}

static void a_workspace_without_a_bundle_says_what_to_run(void **state)
{
    clade_error           err = { 0 };
    clade_shop_behaviour *b   = NULL;
    assert_int_equal(clade_shop_behaviour_open(&b, *state, &err), CLADE_ERR_NOT_READY);
    assert_non_null(strstr(err.message, "has no behaviour model yet"));
    assert_non_null(strstr(err.hint, "clade fit"));
    assert_null(b);
}

static void what_was_saved_comes_back_with_its_card(void **state)
{
    clade_error           err   = { 0 };
    clade_shop_behaviour *b     = NULL;
    clade_behaviour      *model = NULL;
    clade_vocabulary     *words = NULL;
    save(*state, 11);
    fit_nothing(&model, &words, *state, 11);
    check_ok(clade_shop_behaviour_open(&b, *state, &err));
    assert_int_equal(clade_behaviour_n_parameters(b->model), clade_behaviour_n_parameters(model));
    assert_memory_equal(clade_behaviour_parameters(b->model), clade_behaviour_parameters(model),
                        clade_behaviour_n_parameters(model) * sizeof(float));
    const clade_shop_behaviour_card want = a_card(), *got = &b->card;
    assert_true(got->seed == want.seed && got->data_hash == want.data_hash);
    assert_true(got->as_of_us == want.as_of_us && got->run == 3 && got->mixer == want.mixer);
    assert_true(got->n_cases == 5 && got->best_epoch == 4 && got->trusted);
    assert_string_equal(got->baseline, "item-knn");
    check_close(got->ndcg, 0.37125, 0);
    check_close(got->baseline_ndcg, 0.29875, 0);
    check_close(got->gain.value, 0.0725, 0);
    check_close(got->gain.low, -0.0125, 0);
    check_close(got->gain.high, 0.1575, 0);
    assert_memory_equal(&got->baseline_options, &want.baseline_options,
                        sizeof want.baseline_options);
    clade_shop_behaviour_free(b);
    clade_behaviour_free(model);
    clade_vocabulary_free(words);
}

/* A crash between the two renames leaves the old bundle under .old and the new one under .new. */
static void a_save_that_stopped_between_its_renames_leaves_the_old_bundle(void **state)
{
    clade_error           err = { 0 };
    clade_shop_behaviour *b   = NULL;
    char                  now[600], old[600], beside[600];
    path_of(now, "behaviour"), path_of(old, "behaviour.old"), path_of(beside, "behaviour.new");
    save(*state, 11);
    assert_int_equal(rename(now, old), 0);
    assert_int_equal(mkdir(beside, 0777), 0);
    check_ok(clade_shop_behaviour_open(&b, *state, &err));
    clade_shop_behaviour_free(b);
    save(*state, 12);
    assert_int_equal(access(now, F_OK), 0);
    assert_int_not_equal(access(old, F_OK), 0);
    assert_int_not_equal(access(beside, F_OK), 0);
}

static void a_save_that_fails_leaves_the_old_bundle(void **state)
{
    clade_error                     err        = { 0 };
    clade_behaviour                *model      = NULL;
    clade_vocabulary               *vocabulary = NULL;
    clade_shop_behaviour           *b          = NULL;
    const clade_shop_behaviour_card card       = a_card();
    save(*state, 11);
    fit_nothing(&model, &vocabulary, *state, 12);
    float *const theta = CLADE_NEW(float, clade_behaviour_n_parameters(model));
    theta[5]           = NAN;
    clade_behaviour_set(model, theta);
    assert_int_equal(clade_shop_behaviour_save(*state, model, vocabulary, &card, &err),
                     CLADE_ERR_DATA);
    check_ok(clade_shop_behaviour_open(&b, *state, &err));
    clade_shop_behaviour_free(b);
    clade_behaviour_free(model);
    clade_vocabulary_free(vocabulary);
    free(theta);
}

static void damage_is_named_with_its_file(void **state)
{
    static const struct {
        const char *file, *content, *word;
        int         status;
    } cases[] = {
        { "behaviour/manifest.json", "{\"version\": 9}", "version 9", CLADE_ERR_VERSION },
        { "behaviour/manifest.json", "{\"version\": 1", "manifest.json", CLADE_ERR_DATA },
        { "behaviour/manifest.json", "{\"version\": 1}", "as_of", CLADE_ERR_DATA },
        { "behaviour/vocabulary.json", "{}", "vocabulary.json", CLADE_ERR_DATA },
        { "behaviour/weights.safetensors", "short", "weights.safetensors", CLADE_ERR_DATA },
        { "behaviour/weights.safetensors", NULL, "weights.safetensors", CLADE_ERR_DATA },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char                  path[600];
        clade_error           err = { 0 };
        clade_shop_behaviour *b   = NULL;
        save(*state, 11);
        path_of(path, cases[i].file);
        assert_int_equal(unlink(path), 0);
        if (cases[i].content != NULL) check_write(path, cases[i].content, strlen(cases[i].content));
        assert_int_equal(clade_shop_behaviour_open(&b, *state, &err), cases[i].status);
        if (strstr(err.message, cases[i].word) == NULL) print_error("%s\n", err.message);
        assert_non_null(strstr(err.message, cases[i].word));
        assert_non_null(strstr(err.hint, "clade fit"));
    }
}

/* The vocabulary of one fit and the weights of another have the same sizes, and are told apart. */
static void parts_of_two_fits_are_told_apart(void **state)
{
    clade_error           err = { 0 };
    clade_shop_behaviour *b   = NULL;
    char                  nothing[256];
    save(*state, 11);
    assert_int_equal(check_run(nothing, sizeof nothing,
                               "sed -i 's/brand0/brandO/' '%s/models/behaviour/vocabulary.json'",
                               shop),
                     0);
    assert_int_equal(clade_shop_behaviour_open(&b, *state, &err), CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "not of one fit"));
}

static void vectors_are_those_of_the_model_and_of_some_the_same_as_of_all(void **state)
{
    clade_error           err = { 0 };
    clade_shop_behaviour *b   = NULL;
    clade_vectors        *all = NULL, *some = NULL;
    const int64_t         asked[2] = { 7, 2 };
    save(*state, 11);
    check_ok(clade_shop_behaviour_open(&b, *state, &err));
    check_ok(clade_shop_vectors(&all, *state, b, NOW, NULL, 0, &err));
    check_ok(clade_shop_vectors(&some, *state, b, NOW, asked, 2, &err));
    assert_int_equal(all->n_customers, N_CUSTOMERS);
    assert_int_equal(all->d, 16);
    assert_int_equal(some->n_customers, 2);
    assert_true(some->customer[0] == 2 && some->customer[1] == 7);
    assert_memory_equal(some->value, all->value + 2 * 16, 16 * sizeof(float));
    assert_memory_equal(some->value + 16, all->value + 7 * 16, 16 * sizeof(float));
    assert_memory_not_equal(some->value, some->value + 16, 16 * sizeof(float));
    clade_shop_vectors_free(all);
    clade_shop_vectors_free(some);
    clade_shop_behaviour_free(b);
}

/* Item 6 comes after the fit, a tea of brand0 as item 0 is: its vector is the sum of what the model
 * knows of these, and those of the others stay. */
static void an_item_that_came_since_is_known_by_its_attributes(void **state)
{
    clade_error           err = { 0 };
    clade_shop_behaviour *b   = NULL;
    clade_shop_histories *h   = NULL;
    char                  sql[600];
    save(*state, 11);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO item BY NAME SELECT 6 AS item, 'sku6' AS ref, 'New' AS name, 'tea' "
                   "AS category, 'brand0' AS brand, %lld AS known_us, 2 AS load",
                   (long long)(FIRST + DAY_US));
    run_sql(*state, sql);
    check_ok(clade_shop_behaviour_open(&b, *state, &err));
    check_ok(clade_shop_histories_read(&h, *state, b, NOW, NULL, 0, &err));
    assert_true(h->owns_model);
    assert_int_equal(h->sequences->n_items, N_ITEMS + 1);
    const float *const items = clade_behaviour_items(h->model);
    assert_memory_equal(items, clade_behaviour_items(b->model), (N_ITEMS + 1) * 16 * sizeof(float));
    double                        sum[16] = { 0 }, square = 0;
    size_t                        n_tensors = 0;
    const clade_behaviour_tensor *tensor    = clade_behaviour_tensors(b->model, &n_tensors);
    for (size_t f = 0; f < h->sequences->n_item_fields; f++) {
        char name[64];
        (void)snprintf(name, sizeof name, "item.%s", h->sequences->item_field[f].name);
        size_t t = 0;
        while (strcmp(tensor[t].name, name) != 0)
            t++;
        const uint32_t value = h->sequences->item_field[f].value[N_ITEMS + 1];
        for (size_t j = 0; j < 16; j++)
            sum[j] +=
                (double)clade_behaviour_parameters(b->model)[tensor[t].offset + value * 16 + j];
    }
    for (size_t j = 0; j < 16; j++)
        square += sum[j] * sum[j];
    assert_true(square > 0);
    for (size_t j = 0; j < 16; j++) /* roundings of float */
        check_close((double)items[(N_ITEMS + 1) * 16 + j], sum[j] / sqrt(square + 1e-12), 1e-6);
    clade_shop_histories_free(h);
    clade_shop_behaviour_free(b);
}

/* ---------------------------------------------------------------- what to recommend */

typedef struct served {
    clade_shop_behaviour *behaviour;
    clade_shop_histories *histories;
    clade_recommender    *recommender;
} served;

static served serve(clade_store *store, const clade_recommend_options *options)
{
    clade_error err = { 0 };
    served      s   = { 0 };
    check_ok(clade_shop_behaviour_open(&s.behaviour, store, &err));
    check_ok(clade_shop_histories_read(&s.histories, store, s.behaviour, NOW, NULL, 0, &err));
    check_ok(clade_recommender_create(&s.recommender, store, s.histories, options, &err));
    return s;
}

static void served_free(served *s)
{
    clade_recommender_free(s->recommender);
    clade_shop_histories_free(s->histories);
    clade_shop_behaviour_free(s->behaviour);
}

/* Scores of all items for one row, by the model as a scorer. */
static void score_all(float out[N_ITEMS + 1], const served *s, size_t row)
{
    clade_error        err    = { 0 };
    const clade_case   one    = { (uint32_t)row, 1, s->histories->sequences->start[row + 1],
                                  s->histories->as_of_us };
    const clade_scorer scorer = clade_behaviour_scorer(s->histories->model);
    check_ok(scorer.score(scorer.self, out, s->histories->sequences, &one, 1, &err));
}

/* Customer c buys item (c + 4) % 6. The answer is what a walk through all scores gives. */
static void the_best_items_come_but_those_that_were_bought(void **state)
{
    clade_recommend_options options = clade_recommend_defaults();
    save(*state, 11);
    for (int again = 0; again < 2; again++) {
        options.again = again == 1;
        served s      = serve(*state, &options);
        for (int64_t c = 0; c < N_CUSTOMERS; c++) {
            clade_error       err = { 0 };
            clade_recommended got[10];
            float             score[N_ITEMS + 1];
            size_t            n = 0;
            check_ok(clade_recommend(got, &n, s.recommender, c, &err));
            assert_int_equal(n, again ? N_ITEMS : N_ITEMS - 1);
            score_all(score, &s, (size_t)c);
            for (size_t i = 0; i < n; i++) {
                const int64_t number = s.histories->vocabulary->item[got[i].item];
                assert_true(again || number != (c + 4) % N_ITEMS);
                check_close((double)got[i].score, (double)score[got[i].item], 1e-5);
                assert_true(i == 0 || got[i].score <= got[i - 1].score);
            }
        }
        served_free(&s);
    }
}

static void rows_are_the_same_items_as_one_by_one(void **state)
{
    clade_error             err     = { 0 };
    clade_recommend_options options = clade_recommend_defaults();
    uint32_t                item[N_CUSTOMERS * 4];
    float                   score[N_CUSTOMERS * 4];
    options.n = 4, options.lambda = 0.4;
    save(*state, 11);
    served s = serve(*state, &options);
    check_ok(clade_recommend_rows(item, score, s.recommender, 0, N_CUSTOMERS, &err));
    for (size_t c = 0; c < N_CUSTOMERS; c++) {
        clade_recommended got[4];
        size_t            n = 0;
        check_ok(clade_recommend(got, &n, s.recommender, (int64_t)c, &err));
        assert_int_equal(n, 4);
        for (size_t i = 0; i < n; i++)
            assert_true(got[i].item == item[4 * c + i] && got[i].score == score[4 * c + i]);
    }
    served_free(&s);
}

/* With own items among them. */
static void a_cap_is_that_of_a_walk_through_all_scores(void **state)
{
    clade_recommend_options options = clade_recommend_defaults();
    options.again = true, options.category_cap = 2, options.n = 4;
    save(*state, 11);
    served s = serve(*state, &options);
    for (int64_t c = 0; c < N_CUSTOMERS; c++) {
        clade_error       err = { 0 };
        clade_recommended got[4];
        float             score[N_ITEMS + 1];
        size_t            n = 0, of_group[2] = { 0 };
        check_ok(clade_recommend(got, &n, s.recommender, c, &err));
        score_all(score, &s, (size_t)c);
        for (size_t i = 0; i < n; i++) {
            uint32_t best = 0;
            for (uint32_t k = 1; k <= N_ITEMS; k++) {
                const bool full = of_group[s.histories->vocabulary->item[k] < 3] == 2;
                if (!full && score[k] > -1e30f && (best == 0 || score[k] > score[best])) best = k;
            }
            assert_int_equal(got[i].item, best);
            of_group[s.histories->vocabulary->item[best] < 3]++;
            score[best] = -INFINITY;
        }
        assert_int_equal(n, 4);
    }
    served_free(&s);
}

static void a_category_gives_no_more_than_its_cap(void **state)
{
    clade_error             err     = { 0 };
    clade_recommend_options options = clade_recommend_defaults();
    clade_recommended       got[10];
    size_t                  n = 0, teas = 0;
    options.category_cap = 1;
    save(*state, 11);
    served s = serve(*state, &options);
    check_ok(clade_recommend(got, &n, s.recommender, 3, &err));
    for (size_t i = 0; i < n; i++)
        teas += s.histories->vocabulary->item[got[i].item] < 3;
    assert_int_equal(n, 2); /* tea and cups */
    assert_int_equal(teas, 1);
    served_free(&s);
}

/* Stock of item 2 ran out and came back, that of item 5 ran out. */
static void what_is_out_of_stock_is_left_out(void **state)
{
    clade_error             err     = { 0 };
    clade_recommend_options options = clade_recommend_defaults();
    clade_recommended       got[10];
    size_t                  n      = 0;
    bool                    has[6] = { false };
    char                    sql[600];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO item BY NAME SELECT a AS item, 'sku' || a AS ref, b AS stock, %lld "
                   "+ c AS known_us, 2 AS load FROM (VALUES (2, 0.0, 1), (2, 4.0, 2), (5, 3.0, 1), "
                   "(5, 0.0, 2)) AS v(a, b, c)",
                   (long long)FIRST);
    run_sql(*state, sql);
    save(*state, 11);
    options.again = true;
    served s      = serve(*state, &options);
    check_ok(clade_recommend(got, &n, s.recommender, 3, &err));
    for (size_t i = 0; i < n; i++)
        has[s.histories->vocabulary->item[got[i].item]] = true;
    assert_true(n == 5 && has[2] && !has[5]);
    served_free(&s);
}

/* Number 12 has a key and no event. Items 4, 5, 0, 1 ... were bought by two customers each. */
static void a_customer_without_history_gets_what_is_popular(void **state)
{
    clade_error             err     = { 0 };
    clade_recommend_options options = clade_recommend_defaults();
    clade_recommended       got[10];
    size_t                  n = 0;
    options.n                 = 3;
    save(*state, 11);
    served s = serve(*state, &options);
    check_ok(clade_recommend(got, &n, s.recommender, N_CUSTOMERS, &err));
    assert_int_equal(n, 3);
    assert_int_equal(got[0].ground, CLADE_GROUND_POPULAR);
    check_close((double)got[0].score, 2, 0);
    assert_string_equal(got[0].en, "popular: chosen by 2 customers lately");
    assert_string_equal(got[0].zh, "热门：近期有 2 位客户选择");
    served_free(&s);
}

/* The history without one item, written out and asked by itself. */
static double score_without(const served *s, size_t row, uint32_t left_out, uint32_t item)
{
    clade_error                  err = { 0 };
    const clade_sequences *const all = s->histories->sequences;
    const size_t                 d   = clade_behaviour_options_of(s->histories->model)->d;
    clade_sequences             *one = NULL;
    float                        vector[64];
    double                       sum = 0;
    uint32_t                    *column;
    check_ok(clade_sequences_create(&one, 1, 5, all->n_items, true, &err));
    for (size_t f = 0; f < all->n_fields; f++)
        check_ok(clade_sequences_add_field(&column, one, all->field[f].name, all->field[f].n_values,
                                           &err));
    size_t n = 0;
    for (uint64_t e = all->start[row]; e < all->start[row + 1]; e++) {
        if (all->item[e] == left_out) continue;
        one->item[n]  = all->item[e];
        one->at_us[n] = all->at_us[e];
        for (size_t f = 0; f < all->n_fields; f++)
            one->field[f].value[n] = all->field[f].value[e];
        n++;
    }
    one->n_events = n, one->start[1] = n;
    const clade_case asked = { 0, 1, n, s->histories->as_of_us };
    uint32_t         own[16];
    float            added[16];
    check_ok(clade_behaviour_vectors(vector, s->histories->model, one, &asked, 1, &err));
    for (size_t j = 0; j < d; j++)
        sum += (double)vector[j] * (double)clade_behaviour_items(s->histories->model)[item * d + j];
    n = clade_behaviour_own(own, added, s->histories->model, vector, one, &asked);
    for (size_t k = 0; k < n; k++)
        sum += own[k] == item ? (double)added[k] : 0.0;
    clade_sequences_free(one);
    return sum;
}

static void the_reason_is_the_item_whose_absence_costs_most(void **state)
{
    clade_error             err     = { 0 };
    clade_recommend_options options = clade_recommend_defaults();
    clade_recommended       got[10];
    size_t                  n = 0, n_named = 0;
    save(*state, 11);
    served s = serve(*state, &options);
    for (size_t row = 0; row < 4; row++) {
        const clade_sequences *const all = s.histories->sequences;
        check_ok(clade_recommend(got, &n, s.recommender, (int64_t)row, &err));
        for (size_t i = 0; i < n; i++) {
            const double whole = score_without(&s, row, UINT32_MAX, got[i].item);
            double       most  = 0;
            uint32_t     named = 0;
            for (uint64_t e = all->start[row]; e < all->start[row + 1]; e++) {
                const double cost = whole - score_without(&s, row, all->item[e], got[i].item);
                if (cost > most) most = cost, named = all->item[e];
            }
            check_close(got[i].effect, most, 1e-5);
            assert_int_equal(got[i].because_item, named);
            assert_int_equal(got[i].ground, named == got[i].item ? CLADE_GROUND_OWN
                                            : named > 0          ? CLADE_GROUND_EVENT
                                                                 : CLADE_GROUND_HISTORY);
            n_named += named > 0;
        }
    }
    assert_true(n_named > 4);
    served_free(&s);
}

/* Whatever lifts an item, the words name what was done with it: the last of five was bought. */
static void a_reason_says_what_the_customer_did(void **state)
{
    clade_error             err     = { 0 };
    clade_recommend_options options = clade_recommend_defaults();
    clade_recommended       got[10];
    size_t                  n = 0;
    save(*state, 11);
    served s = serve(*state, &options);
    for (int64_t c = 0; c < N_CUSTOMERS; c++) {
        check_ok(clade_recommend(got, &n, s.recommender, c, &err));
        for (size_t i = 0; i < n; i++) {
            char wanted[120];
            if (got[i].ground != CLADE_GROUND_EVENT && got[i].ground != CLADE_GROUND_OWN) continue;
            const long long number = (long long)s.histories->vocabulary->item[got[i].because_item];
            const bool      bought = number == (c + 4) % N_ITEMS;
            (void)snprintf(wanted, sizeof wanted,
                           got[i].ground == CLADE_GROUND_OWN ? "you %s it before"
                                                             : "because you %s Thing ",
                           bought ? "bought" : "looked at");
            assert_int_equal(strncmp(got[i].en, wanted, strlen(wanted)), 0);
            assert_non_null(strstr(got[i].zh, bought ? "您买过" : "您看过"));
        }
    }
    served_free(&s);
}

/* ---------------------------------------------------------------- by a baseline */

static void a_baseline_recommends_where_it_did_as_well_and_nowhere_else(void **state)
{
    (void)state;
    clade_recommend_options   options = clade_recommend_defaults();
    clade_shop_behaviour_card card    = a_card();
    clade_error               err     = { 0 };
    assert_false(clade_recommend_choose(&options, &card)); /* trusted */
    card.trusted = false;
    assert_false(clade_recommend_choose(&options, &card)); /* too few to trust, but ahead */
    card.baseline_ndcg = card.ndcg;
    assert_true(clade_recommend_choose(&options, &card));
    assert_int_equal(options.baseline, CLADE_NEIGHBOURS_ITEM_KNN);
    check_close(options.baseline_options.shrink, 10, 0);
    card.n_cases = 0;
    assert_false(clade_recommend_choose(&options, &card));
    assert_false(options.by_baseline);
    check_ok(clade_recommend_by(&options, &card, "rules", &err));
    assert_true(options.by_baseline && options.baseline == CLADE_NEIGHBOURS_RULES);
    check_close(options.baseline_options.shrink, 0, 0); /* not what was tuned */
    assert_int_equal(clade_recommend_by(&options, &card, "markov", &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "'markov'"));
}

/* The answer is what a walk through the scorer's own scores gives. */
static void a_baselines_best_come_but_those_that_were_bought(void **state)
{
    static const char *const name[] = { "popular", "own", "rules", "item-knn" };
    save(*state, 11);
    for (size_t b = 0; b < 8; b++) {
        clade_recommend_options         options = clade_recommend_defaults();
        const clade_shop_behaviour_card card    = a_card();
        clade_error                     err     = { 0 };
        clade_neighbours               *fitted  = NULL;
        options.category_cap                    = b < 4 ? 0 : 1;
        check_ok(clade_recommend_by(&options, &card, name[b % 4], &err));
        served                       s   = serve(*state, &options);
        const clade_sequences *const all = s.histories->sequences;
        check_ok(
            clade_neighbours_fit(&fitted, options.baseline, all, &options.baseline_options, &err));
        const clade_scorer scorer = clade_neighbours_scorer(fitted);
        for (int64_t c = 0; c < N_CUSTOMERS; c++) {
            const clade_case  one = { (uint32_t)c, 1, all->start[c + 1], 0 };
            clade_recommended got[10];
            float             score[N_ITEMS + 1];
            size_t            n = 0;
            check_ok(scorer.score(scorer.self, score, all, &one, 1, &err));
            check_ok(clade_recommend(got, &n, s.recommender, c, &err));
            assert_int_equal(n, b < 4 ? N_ITEMS - 1 : 2);
            for (size_t i = 0; i < n; i++) {
                assert_true(s.histories->vocabulary->item[got[i].item] != (c + 4) % N_ITEMS);
                check_close((double)got[i].score, (double)score[got[i].item], 0);
                if (i == 0) continue;
                assert_true(got[i].score < got[i - 1].score ||
                            (!(got[i].score > got[i - 1].score) && got[i].item > got[i - 1].item));
            }
        }
        clade_neighbours_free(fitted);
        served_free(&s);
    }
}

/* Customer c viewed items c to c + 3 and bought the next; `own` speaks for these alone. */
static void what_a_baseline_says_has_its_ground_in_the_history(void **state)
{
    clade_recommend_options         options = clade_recommend_defaults();
    const clade_shop_behaviour_card card    = a_card();
    clade_error                     err     = { 0 };
    clade_recommended               got[10];
    size_t                          n = 0;
    save(*state, 11);
    check_ok(clade_recommend_by(&options, &card, "own", &err));
    served s = serve(*state, &options);
    check_ok(clade_recommend(got, &n, s.recommender, 3, &err));
    assert_int_equal(n, N_ITEMS - 1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(got[i].ground, CLADE_GROUND_OWN);
        assert_int_equal(got[i].because_item, got[i].item);
        assert_true(got[i].effect > 0);
        assert_string_equal(got[i].en, "you looked at it before");
    }
    assert_int_equal(got[4].ground, CLADE_GROUND_COMMON);
    assert_string_equal(got[4].en, "because many customers chose it");
    assert_string_equal(got[4].zh, "因为许多客户都选择了它");
    assert_true(clade_recommender_knows(s.recommender, 3));
    assert_false(clade_recommender_knows(s.recommender, N_CUSTOMERS));
    served_free(&s);
}

static void bad_options_are_named(void **state)
{
    clade_recommend_options options = clade_recommend_defaults();
    clade_recommender      *none    = NULL;
    clade_error             err     = { 0 };
    save(*state, 11);
    served s  = serve(*state, &options);
    options.n = 201;
    assert_int_equal(clade_recommender_create(&none, *state, s.histories, &options, &err),
                     CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "201"));
    options.n = 5, options.lambda = 1.5;
    assert_int_equal(clade_recommender_create(&none, *state, s.histories, &options, &err),
                     CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "1.5"));
    assert_null(none);
    served_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_workspace_without_a_bundle_says_what_to_run, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_saved_comes_back_with_its_card, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_save_that_stopped_between_its_renames_leaves_the_old_bundle, setup, teardown),
        cmocka_unit_test_setup_teardown(a_save_that_fails_leaves_the_old_bundle, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_named_with_its_file, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_of_two_fits_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(
            vectors_are_those_of_the_model_and_of_some_the_same_as_of_all, setup, teardown),
        cmocka_unit_test_setup_teardown(an_item_that_came_since_is_known_by_its_attributes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_best_items_come_but_those_that_were_bought, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rows_are_the_same_items_as_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cap_is_that_of_a_walk_through_all_scores, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_category_gives_no_more_than_its_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_out_of_stock_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_customer_without_history_gets_what_is_popular, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_reason_is_the_item_whose_absence_costs_most, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_reason_says_what_the_customer_did, setup, teardown),
        cmocka_unit_test(a_baseline_recommends_where_it_did_as_well_and_nowhere_else),
        cmocka_unit_test_setup_teardown(a_baselines_best_come_but_those_that_were_bought, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_a_baseline_says_has_its_ground_in_the_history, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(bad_options_are_named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

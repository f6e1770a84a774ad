/* The behaviour model in a shop: its bundle on disk, histories in its numbers, vectors. */
#include "check.h"

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

/* A model with random weights does: what is tested here is what is kept and read. */
static void fit_nothing(clade_behaviour **model, clade_vocabulary **vocabulary, clade_store *store,
                        uint64_t seed)
{
    clade_error             err       = { 0 };
    clade_sequences        *sequences = NULL;
    clade_behaviour_options options   = clade_behaviour_defaults();
    options.d = 16, options.n_blocks = 1, options.n_heads = 2, options.ff = 16;
    options.max_events = 16, options.mixer[0] = CLADE_MIXER_DECAY;
    check_ok(clade_event_sequences(&sequences, vocabulary, NULL, store, NOW, NULL, &err));
    check_ok(clade_behaviour_create(model, &options, sequences, seed, &err));
    clade_sequences_free(sequences);
}

static clade_shop_behaviour_card a_card(void)
{
    clade_shop_behaviour_card card = { .as_of_us      = NOW,
                                       .run           = 3,
                                       .seed          = UINT64_C(18446744073709551557),
                                       .data_hash     = UINT64_C(0xfedcba9876543210),
                                       .size          = "small",
                                       .mixer         = CLADE_MIXER_DECAY,
                                       .n_customers   = N_CUSTOMERS,
                                       .n_events      = 5 * N_CUSTOMERS,
                                       .n_epochs      = 7,
                                       .best_epoch    = 4,
                                       .n_cases       = 5,
                                       .ndcg          = 0.37125,
                                       .hit           = 0.4375,
                                       .baseline      = "item-knn",
                                       .baseline_ndcg = 0.29875,
                                       .trusted       = true };
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

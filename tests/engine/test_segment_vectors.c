/* Segments that see customer vectors beside features: the join, the parts, the clusters, the lift.
 */
#include "engine/segment_vectors.h"
#include "made_shop.h"

enum { D = 6 };

/* Vectors of a made shop's customers, as of its moment. */
typedef struct made_vectors {
    clade_vectors vectors;
    int64_t      *customer;
    float        *value;
} made_vectors;

static made_vectors made_vectors_make(const made_shop *shop)
{
    const size_t n = shop->features.n_customers;
    made_vectors v = { .customer = CLADE_NEW(int64_t, n), .value = CLADE_NEW(float, n *D) };
    assert_true(v.customer != NULL && v.value != NULL);
    memcpy(v.customer, shop->features.customer, n * sizeof *v.customer);
    v.vectors = (clade_vectors){ shop->features.as_of_us, n, D, v.customer, v.value };
    return v;
}

static void made_vectors_free(made_vectors *v)
{
    free(v->customer);
    free(v->value);
}

static clade_features *join(const made_shop *shop, const made_vectors *v)
{
    clade_features *joined = NULL;
    check_ok(clade_features_join(&joined, &shop->features, &v->vectors, NULL));
    return joined;
}

/* Customers 1, 4, 7 have features; 1, 5 and 7 have vectors. */
static void each_vector_stands_behind_its_own_customers_features(void **state)
{
    (void)state;
    made_shop       shop        = made_shop_make(3, 1);
    const int64_t   customer[3] = { 1, 5, 7 };
    const float     value[6]    = { 0.25f, -1.5f, 9, 9, 2.75f, 3.125f };
    clade_vectors   vectors     = { shop.features.as_of_us, 3, 2, customer, value };
    clade_features *joined = NULL, *again = NULL;
    clade_error     err = { 0 };
    const size_t    p   = shop.features.n_features;
    check_ok(clade_features_join(&joined, &shop.features, &vectors, &err));
    assert_int_equal(joined->n_features, p + 2);
    assert_int_equal(clade__joined_d(joined), 2);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(joined->customer[i], (int64_t)(3 * i + 1));
        assert_memory_equal(joined->value + i * (p + 2), shop.features.value + i * p,
                            p * sizeof(float));
    }
    assert_memory_equal(joined->value + p, value, 2 * sizeof(float));
    assert_true(isnan(joined->value[(p + 2) + p]) && isnan(joined->value[(p + 2) + p + 1]));
    assert_memory_equal(joined->value + 2 * (p + 2) + p, value + 4, 2 * sizeof(float));
    assert_int_equal(clade_features_join(&again, joined, &vectors, &err), CLADE_ERR_ARG);
    vectors.as_of_us += CLADE_US_PER_DAY; /* a day that the features do not know */
    assert_int_equal(clade_features_join(&again, &shop.features, &vectors, &err), CLADE_ERR_ARG);
    assert_non_null(strstr(err.message, "cannot be joined"));
    assert_null(again);
    clade_features_free(joined);
    made_shop_free(&shop);
}

/* Two directions of deviation 3 and 2 turned into six columns, and noise of .05 beside: two parts
 * hold nearly all, each varies as half of what the features do, and they do not go together. */
static void parts_vary_alike_and_together_as_the_features_do(void **state)
{
    (void)state;
    enum { N = 3000 };
    const double        variance = 7.31;
    made_shop           shop     = made_shop_make(N, 2);
    made_vectors        v        = made_vectors_make(&shop);
    clade_rng           rng      = clade_rng_stream(5, "test/parts", 0);
    clade__vector_block block    = { 0 };
    double              sum[2] = { 0 }, square[2] = { 0 }, product = 0;
    for (size_t i = 0; i < N; i++) {
        const double a = 3 * clade_rng_normal(&rng), b = 2 * clade_rng_normal(&rng);
        for (size_t k = 0; k < D; k++)
            v.value[i * D + k] = (float)(1.7 + a * cos((double)k) + b * sin((double)k) +
                                         0.05 * clade_rng_normal(&rng));
    }
    clade_features *joined = join(&shop, &v);
    check_ok(clade__vector_block_fit(&block, joined, variance, NULL));
    assert_int_equal(block.d, D);
    assert_int_equal(block.n, 2);
    assert_true(block.share > 0.8 && block.share < 1);
    check_close(block.weight, sqrt(variance / 2), 1e-12);
    for (size_t i = 0; i < N; i++) {
        float x[CLADE__PARTS_MAX];
        clade__vector_block_apply(x, &block, v.value + i * D, 1e9);
        for (int j = 0; j < 2; j++) {
            sum[j] += (double)x[j];
            square[j] += (double)x[j] * (double)x[j];
        }
        product += (double)x[0] * (double)x[1];
    }
    for (int j = 0; j < 2; j++) { /* floats in, so six digits */
        check_close(sum[j] / N, 0, 1e-4);
        check_close(square[j] / N, variance / 2, 1e-4 * variance);
    }
    check_close(product / N, 0, 1e-4 * variance);
    clade__vector_block_free(&block);
    clade_features_free(joined);
    made_vectors_free(&v);
    made_shop_free(&shop);
}

static void vectors_that_are_all_alike_or_absent_are_no_parts(void **state)
{
    (void)state;
    made_shop           shop  = made_shop_make(60, 3);
    made_vectors        v     = made_vectors_make(&shop);
    clade__vector_block block = { 0 };
    for (size_t k = 0; k < 60 * D; k++)
        v.value[k] = 0.75f;
    clade_features *joined = join(&shop, &v);
    check_ok(clade__vector_block_fit(&block, joined, 3.5, NULL));
    assert_int_equal(block.n, 0);
    clade_features_free(joined);
    v.vectors.n_customers = 0;
    joined                = join(&shop, &v);
    check_ok(clade__vector_block_fit(&block, joined, 3.5, NULL));
    assert_int_equal(block.n, 0);
    clade__vector_block_free(&block);
    clade_features_free(joined);
    made_vectors_free(&v);
    made_shop_free(&shop);
}

/* Four tastes that no feature knows of, far apart in the vectors. */
static void put_tastes(made_vectors *v, int *taste, size_t n)
{
    clade_rng rng = clade_rng_stream(7, "test/tastes", 0);
    for (size_t i = 0; i < n; i++) {
        taste[i] = (int)clade_rng_below(&rng, 4);
        for (int k = 0; k < D; k++)
            v->value[i * D + (size_t)k] =
                (float)((k == taste[i] ? 8.0 : 0.0) + 0.3 * clade_rng_normal(&rng));
    }
}

/* Share of customers whose cluster is mostly of their taste. */
static double purity(const int32_t *segment, const int *taste, size_t n)
{
    size_t count[CLADE_SEGMENTS_MAX][4] = { { 0 } }, pure = 0;
    for (size_t i = 0; i < n; i++)
        count[segment[i]][taste[i]] += 1;
    for (size_t s = 0; s < CLADE_SEGMENTS_MAX; s++) {
        size_t most = 0;
        for (int t = 0; t < 4; t++)
            most = count[s][t] > most ? count[s][t] : most;
        pure += most;
    }
    return (double)pure / (double)n;
}

static void clusters_find_tastes_that_vectors_alone_tell(void **state)
{
    (void)state;
    enum { N = 500 };
    static int      taste[N];
    static int32_t  segment[N];
    made_shop       shop   = made_shop_make(N, 4);
    made_vectors    v      = made_vectors_make(&shop);
    clade_error     err    = { 0 };
    clade_features *joined = NULL;
    put_tastes(&v, taste, N);
    joined = join(&shop, &v);
    for (int method = 0; method < CLADE_N_CLUSTERING; method++) {
        clade_segmentation *with = NULL, *without = NULL;
        check_ok(clade_segmentation_fit_clusters(&without, (clade_clustering)method, &shop.features,
                                                 42, &err));
        check_ok(
            clade_segmentation_fit_clusters(&with, (clade_clustering)method, joined, 42, &err));
        check_ok(clade_segmentation_assign(segment, NULL, without, &shop.features, &err));
        assert_true(purity(segment, taste, N) < 0.4); /* a quarter by chance */
        check_ok(clade_segmentation_assign(segment, NULL, with, joined, &err));
        assert_true(purity(segment, taste, N) > 0.6);
        assert_int_equal(clade_segmentation_assign(segment, NULL, with, &shop.features, &err),
                         CLADE_ERR_ARG);
        assert_non_null(strstr(err.message, "vectors of 6 numbers"));
        clade_segmentation_free(with);
        clade_segmentation_free(without);
    }
    clade_features_free(joined);
    made_vectors_free(&v);
    made_shop_free(&shop);
}

static void clusters_with_vectors_read_back_as_they_were_written(void **state)
{
    (void)state;
    enum { N = 300 };
    static int      taste[N];
    static int32_t  a[N], b[N];
    made_shop       shop   = made_shop_make(N, 5);
    made_vectors    v      = made_vectors_make(&shop);
    clade_features *joined = NULL;
    put_tastes(&v, taste, N);
    joined = join(&shop, &v);
    for (int method = 0; method < CLADE_N_CLUSTERING; method++) {
        clade_segmentation *with = NULL, *back = NULL;
        clade_buffer        json = { 0 }, again = { 0 };
        check_ok(
            clade_segmentation_fit_clusters(&with, (clade_clustering)method, joined, 42, NULL));
        with->behaviour_run = 17;
        clade_segmentation_write(&json, with);
        assert_non_null(strstr(json.data, "\"format\":3"));
        check_ok(clade_segmentation_read(&back, (clade_text){ json.data, json.size }, NULL));
        assert_int_equal(back->behaviour_run, 17);
        clade_segmentation_write(&again, back);
        assert_string_equal(json.data, again.data);
        check_ok(clade_segmentation_assign(a, NULL, with, joined, NULL));
        check_ok(clade_segmentation_assign(b, NULL, back, joined, NULL));
        assert_memory_equal(a, b, sizeof a);
        clade_buffer_free(&json);
        clade_buffer_free(&again);
        clade_segmentation_free(with);
        clade_segmentation_free(back);
    }
    clade_features_free(joined);
    made_vectors_free(&v);
    made_shop_free(&shop);
}

static void a_broken_block_of_vectors_is_refused(void **state)
{
    (void)state;
    static const char *const vectors[] = {
        "{}",
        "{\"d\":2,\"parts\":13}",
        "{\"d\":0,\"parts\":1}",
        "{\"d\":2,\"parts\":1,\"share\":1,\"weight\":1,\"centre\":[0],\"map\":[0,0]}",
        "{\"d\":2,\"parts\":1,\"share\":1,\"weight\":1,\"centre\":[0,0],\"map\":[0]}",
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char                json[600];
        clade_segmentation *none = NULL;
        clade_error         err  = { 0 };
        (void)snprintf(json, sizeof json,
                       "{\"kind\":\"clusters\",\"format\":3,\"segments\":[{}],\"definition\":{"
                       "\"columns\":[\"orders_life\"],\"logged\":[0],\"centre\":[0],\"scale\":[1],"
                       "\"fill\":[0],\"clip\":4,\"vectors\":%s,\"middle_0\":[0,0]}}",
                       vectors[i]);
        assert_int_equal(clade_segmentation_read(&none, clade_text_of(json), &err), CLADE_ERR_DATA);
        assert_null(none);
    }
}

/* What customers do next follows a mood that no feature knows. Vectors that hold it must raise the
 * lift, by an interval above 0; vectors of noise must not. */
static void the_lift_rises_by_vectors_that_tell_and_not_by_noise(void **state)
{
    (void)state;
    enum { N = 600 };
    made_shop    shop = made_shop_make(N, 6);
    made_vectors v    = made_vectors_make(&shop);
    clade_rng    rng  = clade_rng_stream(9, "test/mood", 0);
    bool         mood[N];
    for (size_t i = 0; i < N; i++) {
        mood[i]                     = clade_rng_below(&rng, 2) == 0;
        shop.outcome.returned[i]    = clade_rng_uniform(&rng) < (mood[i] ? 0.8 : 0.1);
        shop.outcome.spend_minor[i] = shop.outcome.returned[i] ? 5120 : 0;
    }
    for (int tells = 0; tells < 2; tells++) {
        clade_segmentation *with = NULL, *without = NULL;
        clade_lift_report   report = { 0 };
        for (size_t i = 0; i < N; i++)
            for (size_t k = 0; k < D; k++)
                v.value[i * D + k] = (float)(clade_rng_normal(&rng) +
                                             (tells == 1 && mood[i] ? (k % 2 == 0 ? 4 : -4) : 0));
        clade_features *joined = join(&shop, &v);
        check_ok(clade_segmentation_fit_clusters(&without, CLADE_CLUSTERING_KMEANS, &shop.features,
                                                 42, NULL));
        check_ok(clade_segmentation_fit_clusters(&with, CLADE_CLUSTERING_KMEANS, joined, 42, NULL));
        const clade_lift_joined beside = { joined, with };
        check_ok(clade_lift_measure_joined(&report, &shop.features, &shop.outcome, NULL, without,
                                           &beside, 42, NULL));
        assert_true(report.has_joined);
        check_close(report.clusters_gain.value,
                    report.joined_clusters.r2 - report.kind[CLADE_SEGMENT_CLUSTERS].r2, 1e-9);
        assert_int_equal(report.joined_clusters.n_segments, clade_segmentation_n(with));
        if (tells == 1) {
            assert_true(report.clusters_gain.low > 0.1 && report.outlook_gain.low > 0.1);
        } else {
            assert_true(report.clusters_gain.value < 0.02 && report.outlook_gain.value < 0.02);
        }
        clade_features_free(joined);
        clade_segmentation_free(with);
        clade_segmentation_free(without);
    }
    made_vectors_free(&v);
    made_shop_free(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_vector_stands_behind_its_own_customers_features),
        cmocka_unit_test(parts_vary_alike_and_together_as_the_features_do),
        cmocka_unit_test(vectors_that_are_all_alike_or_absent_are_no_parts),
        cmocka_unit_test(clusters_find_tastes_that_vectors_alone_tell),
        cmocka_unit_test(clusters_with_vectors_read_back_as_they_were_written),
        cmocka_unit_test(a_broken_block_of_vectors_is_refused),
        cmocka_unit_test(the_lift_rises_by_vectors_that_tell_and_not_by_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

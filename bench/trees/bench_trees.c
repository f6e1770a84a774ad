/*
 * How fast are rows predicted and explained by boosted trees, and how fast does XGBoost do the same
 * from the same model?
 *
 * 100 rounds of depth 6 over 50 columns, a fifth of one of them absent; one thread for everybody.
 * XGBoost predicts from a matrix that was made before (dmatrix) and from rows in memory (in-place);
 * its explanations are pred_contribs. The fits grow such trees on 100,000 rows, clade with its own
 * derivatives.
 */
#include "bench.h"

#include "clade/numeric.h"
#include "clade/run.h"
#include "clade/trees.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

enum { N_ROWS = 100000, P = 50, ROUNDS = 100, DEPTH = 6, N_PLAIN = 2000, N_THEIRS = 1000 };

static float            value[N_ROWS * P], target[N_ROWS], predicted[N_ROWS];
static double           phi[N_ROWS * (P + 1)];
static clade_trees     *trees;
static clade_explainer *explainer;
static BoosterHandle    booster;
static DMatrixHandle    matrix, small_matrix;

static void check_engine(int failed)
{
    if (!failed) return;
    fprintf(stderr, "XGBoost: %s\n", XGBGetLastError());
    exit(1);
}

static void draw_data(void)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        clade_rng rng = clade_rng_stream(1, "bench/trees", i);
        float    *x   = value + i * P;
        double    sum = -0.5;
        for (size_t k = 0; k < P; k++)
            x[k] = (float)clade_rng_normal(&rng);
        for (size_t k = 0; k + 1 < P; k++)
            sum += 0.3 * sin((double)x[k] * (1 + (double)k / 20)) * (double)x[k + 1];
        if (clade_rng_uniform(&rng) < 0.2) x[3] = NAN;
        target[i] = clade_rng_uniform(&rng) < 1 / (1 + exp(-sum));
    }
}

static void fit(void *context)
{
    clade_trees          **out  = context;
    const clade_trees_data data = {
        .value = value, .n_rows = N_ROWS, .n_columns = P, .target = target
    };
    clade_trees_options options = clade_trees_defaults(CLADE_TREES_LOGISTIC);
    options.n_rounds            = ROUNDS;
    options.max_depth           = DEPTH;
    clade_trees_free(*out);
    *out = NULL;
    bench_ok(clade_trees_fit(out, &data, NULL, &options, NULL));
}

/* The same by XGBoost's own objective, from rows in memory to the last tree. */
static void their_fit(void *context)
{
    DMatrixHandle     train          = NULL;
    BoosterHandle     grown          = NULL;
    const char *const parameter[][2] = {
        { "tree_method", "hist" },          { "max_depth", "6" }, { "eta", "0.1" },
        { "objective", "binary:logistic" }, { "nthread", "1" },   { "verbosity", "0" }
    };
    (void)context;
    check_engine(XGDMatrixCreateFromMat(value, N_ROWS, P, NAN, &train));
    check_engine(XGDMatrixSetFloatInfo(train, "label", target, N_ROWS));
    check_engine(XGBoosterCreate(&train, 1, &grown));
    for (size_t i = 0; i < sizeof parameter / sizeof parameter[0]; i++)
        check_engine(XGBoosterSetParam(grown, parameter[i][0], parameter[i][1]));
    for (int round = 0; round < ROUNDS; round++)
        check_engine(XGBoosterUpdateOneIter(grown, round, train));
    XGBoosterFree(grown);
    XGDMatrixFree(train);
}

static void predict(void *context)
{
    (void)context;
    bench_ok(clade_trees_predict(predicted, trees, value, N_ROWS, P, NULL));
    bench_keep(predicted);
}

static void predict_singly(void *context)
{
    (void)context;
    for (size_t i = 0; i < N_ROWS; i++)
        bench_ok(clade_trees_predict(predicted + i, trees, value + i * P, 1, P, NULL));
    bench_keep(predicted);
}

static void explain(void *context)
{
    (void)context;
    bench_ok(clade_explainer_run(phi, explainer, value, N_ROWS, P, NULL));
    bench_keep(phi);
}

static void explain_plain(void *context)
{
    (void)context;
    bench_ok(clade_trees_explain(phi, trees, value, N_PLAIN, P, NULL));
    bench_keep(phi);
}

static void make_tables(void *context)
{
    (void)context;
    clade_explainer_free(explainer);
    bench_ok(clade_explainer_create(&explainer, trees, NULL));
}

static const float *from_matrix(DMatrixHandle from, int type)
{
    const bst_ulong *shape = NULL;
    bst_ulong        n_dim = 0;
    const float     *out   = NULL;
    char             config[128];
    snprintf(config, sizeof config,
             "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
             "\"strict_shape\":false}",
             type);
    check_engine(XGBoosterPredictFromDMatrix(booster, from, config, &shape, &n_dim, &out));
    return out;
}

/* XGBoost remembers what it predicted for a matrix; a new booster has forgotten. */
static void load_booster(void)
{
    clade_buffer text = { 0 };
    if (booster != NULL) check_engine(XGBoosterFree(booster));
    bench_ok(clade_trees_save(&text, trees, NULL));
    check_engine(XGBoosterCreate(NULL, 0, &booster));
    check_engine(XGBoosterLoadModelFromBuffer(booster, text.data, text.size));
    check_engine(XGBoosterSetParam(booster, "nthread", "1"));
    clade_buffer_free(&text);
}

static void their_predict(void *context)
{
    (void)context;
    load_booster();
    bench_keep(from_matrix(matrix, 0));
}

static void their_predict_in_place(void *context)
{
    char             array[256];
    const bst_ulong *shape = NULL;
    bst_ulong        n_dim = 0;
    const float     *out   = NULL;
    (void)context;
    snprintf(array, sizeof array,
             "{\"data\":[%zu,true],\"shape\":[%d,%d],\"typestr\":\"<f4\",\"version\":3}",
             (size_t)(uintptr_t)value, N_ROWS, P);
    check_engine(XGBoosterPredictFromDense(booster, array,
                                           "{\"type\":0,\"training\":false,\"iteration_begin\":0,"
                                           "\"iteration_end\":0,\"strict_shape\":false,"
                                           "\"missing\":NaN,\"cache_id\":0}",
                                           NULL, &shape, &n_dim, &out));
    bench_keep(out);
}

static void their_explain(void *context)
{
    (void)context;
    bench_keep(from_matrix(small_matrix, 2));
}

int main(int argc, char **argv)
{
    clade_trees            *grown   = NULL;
    const struct bench_case cases[] = {
        { "fit/clade", fit, &grown, N_ROWS, "rows" },
        { "fit/xgboost", their_fit, NULL, N_ROWS, "rows" },
        { "predict/clade", predict, NULL, N_ROWS, "rows" },
        { "predict/clade/one-by-one", predict_singly, NULL, N_ROWS, "rows" },
        { "predict/xgboost/dmatrix", their_predict, NULL, N_ROWS, "rows" },
        { "predict/xgboost/in-place", their_predict_in_place, NULL, N_ROWS, "rows" },
        { "explain/tables/make", make_tables, NULL, ROUNDS, "trees" },
        { "explain/tables", explain, NULL, N_ROWS, "rows" },
        { "explain/plain", explain_plain, NULL, N_PLAIN, "rows" },
        { "explain/xgboost", their_explain, NULL, N_THEIRS, "rows" },
    };
    clade_threads_set(1);
    draw_data();
    fit(&trees);
    make_tables(NULL);
    load_booster();
    check_engine(XGDMatrixCreateFromMat(value, N_ROWS, P, NAN, &matrix));
    check_engine(XGDMatrixCreateFromMat(value, N_THEIRS, P, NAN, &small_matrix));
    return bench_main(argc, argv, cases, sizeof cases / sizeof cases[0]);
}

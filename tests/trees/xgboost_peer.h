/* XGBoost as the second implementation: what it says of a model that clade saved, and what it
 * learns by its own objective. */
#ifndef XGBOOST_PEER_H
#define XGBOOST_PEER_H

#include "check.h"
#include "clade/trees.h"

#include <xgboost/c_api.h>

/* What XGBoost predicts with: 0 values, 1 margins, 2 contributions, 4 pairs. */
static inline void peer_predict(float *out, size_t n_out, BoosterHandle booster,
                                DMatrixHandle matrix, int type)
{
    const bst_ulong *shape  = NULL;
    bst_ulong        n_dim  = 0;
    const float     *result = NULL;
    char             config[128];
    snprintf(config, sizeof config,
             "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
             "\"strict_shape\":false}",
             type);
    assert_int_equal(XGBoosterPredictFromDMatrix(booster, matrix, config, &shape, &n_dim, &result),
                     0);
    memcpy(out, result, n_out * sizeof out[0]);
}

/* What it says of a model that was saved. value (n, p) */
static inline void peer_says(float *out, size_t n_out, const clade_trees *trees, const float *value,
                             size_t n, size_t p, int type)
{
    clade_buffer  text    = { 0 };
    BoosterHandle booster = NULL;
    DMatrixHandle matrix  = NULL;
    check_ok(clade_trees_save(&text, trees, NULL));
    assert_int_equal(XGDMatrixCreateFromMat(value, n, p, NAN, &matrix), 0);
    assert_int_equal(XGBoosterCreate(NULL, 0, &booster), 0);
    assert_int_equal(XGBoosterLoadModelFromBuffer(booster, text.data, text.size), 0);
    peer_predict(out, n_out, booster, matrix, type);
    XGBoosterFree(booster);
    XGDMatrixFree(matrix);
    clade_buffer_free(&text);
}

/* What it learns by itself: depth 4, eta 0.1, from the mean of the targets, and more parameters in
 * pairs that end with NULL. out (n) */
static inline void peer_learns(float *out, const float *value, const float *target, size_t n,
                               size_t p, int n_rounds, const char *const *more)
{
    BoosterHandle booster = NULL;
    DMatrixHandle matrix  = NULL;
    char          base[32];
    double        sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)target[i];
    snprintf(base, sizeof base, "%.9g", sum / (double)n);
    assert_int_equal(XGDMatrixCreateFromMat(value, n, p, NAN, &matrix), 0);
    assert_int_equal(XGDMatrixSetFloatInfo(matrix, "label", target, n), 0);
    assert_int_equal(XGBoosterCreate(&matrix, 1, &booster), 0);
    const char *const usual[] = { "tree_method", "hist", "max_depth",  "4",  "eta", "0.1",
                                  "verbosity",   "0",    "base_score", base, NULL };
    for (size_t i = 0; usual[i] != NULL; i += 2)
        assert_int_equal(XGBoosterSetParam(booster, usual[i], usual[i + 1]), 0);
    for (size_t i = 0; more[i] != NULL; i += 2)
        assert_int_equal(XGBoosterSetParam(booster, more[i], more[i + 1]), 0);
    for (int round = 0; round < n_rounds; round++)
        assert_int_equal(XGBoosterUpdateOneIter(booster, round, matrix), 0);
    peer_predict(out, n, booster, matrix, 0);
    XGBoosterFree(booster);
    XGDMatrixFree(matrix);
}

#endif

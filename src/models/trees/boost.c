/* Boosting: XGBoost grows the trees, the derivatives come from here.
 *
 * XGBoost sums derivatives in an order that depends on its threads, and a sum of doubles depends on
 * its order. So each derivative is rounded to a multiple of 2^(e - 26), where 2^e bounds them all:
 * a sum of up to 2^26 of them is then below 2^(e + 26), has at most 52 bits, and is exact in a
 * double whatever the order. What is lost, 2^-26 of the largest, is less than float's own rounding
 * of it. Rows left out by subsampling get derivatives of zero, which is what XGBoost itself does.
 */
#include "forest.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>
#include <xgboost/c_api.h>

enum { GRID_BITS = 26 };

void clade_trees_engine_version(char out[32])
{
    int major = 0, minor = 0, patch = 0;
    XGBoostVersion(&major, &minor, &patch);
    snprintf(out, 32, "%d.%d.%d", major, minor, patch);
}

clade_trees_options clade_trees_defaults(clade_trees_goal goal)
{
    return (clade_trees_options){ .goal             = goal,
                                  .n_rounds         = 200,
                                  .max_depth        = 4,
                                  .eta              = 0.1,
                                  .subsample        = 1,
                                  .colsample        = 1,
                                  .lambda           = 1,
                                  .min_child_weight = 1,
                                  .max_bin          = 256,
                                  .seed             = 1 };
}

/* XGBoost's last words, without time, file and stack. */
static clade_status engine_failed(clade_error *err, const char *doing)
{
    const char *text = XGBGetLastError();
    const char *from = strstr(text, "Check failed: ");
    if (from == NULL) from = text;
    return clade_fail(err, CLADE_ERR_ENGINE, "XGBoost failed to %s: %.*s", doing,
                      (int)strcspn(from, "\n"), from);
}

/* ---------------------------------------------------------------- checks */

static clade_status check_share(const char *name, double value, clade_error *err)
{
    if (value > 0 && value <= 1) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG, "%s is %g: wanted above 0 and at most 1", name, value);
}

static clade_status check_not_negative(const char *name, double value, clade_error *err)
{
    if (value >= 0 && value < HUGE_VAL) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG, "%s is %g: wanted 0 or more", name, value);
}

static clade_status check_count(const char *name, int value, int low, int high, clade_error *err)
{
    if (value >= low && value <= high) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG, "%s is %d: wanted %d to %d", name, value, low, high);
}

static clade_status check_options(const clade_trees_options *options, size_t n_columns,
                                  clade_error *err)
{
    CLADE_TRY(check_count("goal", (int)options->goal, 0, CLADE_N_TREES_GOAL - 1, err));
    CLADE_TRY(check_count("n_rounds", options->n_rounds, 1, CLADE_TREES_MAX_ROUNDS, err));
    CLADE_TRY(check_count("max_depth", options->max_depth, 1, 30, err));
    CLADE_TRY(check_count("max_bin", options->max_bin, 2, 65536, err));
    CLADE_TRY(check_count("patience", options->patience, 0, CLADE_TREES_MAX_ROUNDS, err));
    CLADE_TRY(check_count("n_threads", options->n_threads, 0, 1024, err));
    CLADE_TRY(check_share("eta", options->eta, err));
    CLADE_TRY(check_share("subsample", options->subsample, err));
    CLADE_TRY(check_share("colsample", options->colsample, err));
    CLADE_TRY(check_not_negative("lambda", options->lambda, err));
    CLADE_TRY(check_not_negative("gamma", options->gamma, err));
    CLADE_TRY(check_not_negative("min_child_weight", options->min_child_weight, err));
    for (size_t k = 0; options->monotone != NULL && k < n_columns; k++) {
        if (options->monotone[k] < -1 || options->monotone[k] > 1) {
            return clade_fail(err, CLADE_ERR_ARG, "monotone[%zu] is %d: wanted -1, 0 or 1", k,
                              options->monotone[k]);
        }
    }
    return CLADE_OK;
}

static clade_status check_data(const clade_trees_data *data, const char *name,
                               clade_trees_goal goal, clade_error *err)
{
    double total = 0;
    if (data->n_rows < 1 || data->n_rows > CLADE_TREES_MAX_ROWS) {
        return clade_fail(err, CLADE_ERR_ARG, "%s: %zu rows: wanted 1 to %d", name, data->n_rows,
                          CLADE_TREES_MAX_ROWS);
    }
    if (data->n_columns < 1 || data->n_columns > CLADE_TREES_MAX_COLUMNS) {
        return clade_fail(err, CLADE_ERR_ARG, "%s: %zu columns: wanted 1 to %d", name,
                          data->n_columns, CLADE_TREES_MAX_COLUMNS);
    }
    for (size_t i = 0; i < data->n_rows; i++) {
        const float  y      = data->target[i];
        const float  weight = data->weight == NULL ? 1.0f : data->weight[i];
        const float *row    = data->value + i * data->n_columns;
        if (!isfinite(y) || (goal == CLADE_TREES_LOGISTIC && (y < 0 || y > 1))) {
            return clade_fail(err, CLADE_ERR_DATA, "%s: target[%zu] is %g: wanted %s", name, i,
                              (double)y, goal == CLADE_TREES_LOGISTIC ? "0 to 1" : "finite");
        }
        if (!isfinite(weight) || weight < 0) {
            return clade_fail(err, CLADE_ERR_DATA, "%s: weight[%zu] is %g: wanted 0 or more", name,
                              i, (double)weight);
        }
        for (size_t k = 0; k < data->n_columns; k++) {
            if (isinf(row[k])) {
                return clade_fail(err, CLADE_ERR_DATA,
                                  "%s: value[%zu, %zu] is infinite: wanted finite or NAN", name, i,
                                  k);
            }
        }
        total += (double)weight;
    }
    if (total > 0) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_DATA, "%s: every weight is zero", name);
}

/* ---------------------------------------------------------------- derivatives */

/* Where boosting starts: the weighted mean of the target, kept off the ends where it is a chance.
 */
static double base_score(const clade_trees_data *data, clade_trees_goal goal)
{
    double sum = 0, total = 0;
    for (size_t i = 0; i < data->n_rows; i++) {
        const double weight = data->weight == NULL ? 1.0 : (double)data->weight[i];
        sum += weight * (double)data->target[i];
        total += weight;
    }
    const double mean = sum / total;
    if (goal == CLADE_TREES_LOGISTIC) return fmin(fmax(mean, 1e-6), 1 - 1e-6);
    return mean;
}

static void round_to_grid(float *x, size_t n)
{
    float largest = 0;
    int   e       = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    if (largest == 0) return;
    (void)frexp((double)largest, &e);
    const double grid = ldexp(1.0, e - GRID_BITS);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(rint((double)x[i] / grid) * grid);
}

/* First and second derivatives of the loss at the margins, (n_rows) each. */
static void derive(float *out_first, float *out_second, const float *margin,
                   const clade_trees_data *data, const clade_trees_options *options, int round)
{
    clade_rng rng = clade_rng_stream(options->seed, "trees/subsample", (uint64_t)round);
    for (size_t i = 0; i < data->n_rows; i++) {
        const float weight = data->weight == NULL ? 1.0f : data->weight[i];
        const bool  seen = options->subsample >= 1 || clade_rng_uniform(&rng) < options->subsample;
        if (!seen) {
            out_first[i] = out_second[i] = 0;
        } else if (options->goal == CLADE_TREES_LOGISTIC) {
            const float p = clade__sigmoid(margin[i]);
            out_first[i]  = weight * (p - data->target[i]);
            out_second[i] = weight * fmaxf(p * (1.0f - p), 1e-16f);
        } else {
            out_first[i]  = weight * (margin[i] - data->target[i]);
            out_second[i] = weight;
        }
    }
    round_to_grid(out_first, data->n_rows);
    round_to_grid(out_second, data->n_rows);
}

static double mean_loss(const float *margin, const clade_trees_data *data, clade_trees_goal goal)
{
    double sum = 0, total = 0;
    for (size_t i = 0; i < data->n_rows; i++) {
        const double weight = data->weight == NULL ? 1.0 : (double)data->weight[i];
        const double m      = (double)margin[i];
        const double y      = (double)data->target[i];
        /* log(1 + e^m) - y m, without overflow for a large m. */
        const double loss = goal == CLADE_TREES_LOGISTIC ? fmax(m, 0) + log1p(exp(-fabs(m))) - y * m
                                                         : (m - y) * (m - y);
        sum += weight * loss;
        total += weight;
    }
    return sum / total;
}

/* ---------------------------------------------------------------- the engine */

static clade_status set_parameters(BoosterHandle booster, const clade_trees_data *train,
                                   const clade_trees_options *options, clade_error *err)
{
    clade_status status   = CLADE_OK;
    clade_buffer monotone = { 0 };
    char         text[12][32];
    const int    n_threads = options->n_threads > 0 ? options->n_threads : clade_threads_get();

    snprintf(text[0], 32, "%d", options->max_depth);
    snprintf(text[1], 32, "%d", options->max_bin);
    snprintf(text[2], 32, "%d", n_threads);
    snprintf(text[3], 32, "%llu", (unsigned long long)(options->seed & 0x7fffffff));
    snprintf(text[4], 32, "%.17g", options->eta);
    snprintf(text[5], 32, "%.17g", options->colsample);
    snprintf(text[6], 32, "%.17g", options->lambda);
    snprintf(text[7], 32, "%.17g", options->gamma);
    snprintf(text[8], 32, "%.17g", options->min_child_weight);
    snprintf(text[9], 32, "%.9g", base_score(train, options->goal));
    const bool logistic = options->goal == CLADE_TREES_LOGISTIC;
    const struct {
        const char *name, *value;
    } parameter[] = {
        { "booster", "gbtree" },
        { "tree_method", "hist" },
        { "objective", logistic ? "binary:logistic" : "reg:squarederror" },
        { "verbosity", "0" },
        { "disable_default_eval_metric", "1" },
        { "max_depth", text[0] },
        { "max_bin", text[1] },
        { "nthread", text[2] },
        { "seed", text[3] },
        { "eta", text[4] },
        { "colsample_bytree", text[5] },
        { "lambda", text[6] },
        { "gamma", text[7] },
        { "min_child_weight", text[8] },
        { "base_score", text[9] },
    };
    for (size_t i = 0; i < sizeof parameter / sizeof parameter[0]; i++) {
        if (XGBoosterSetParam(booster, parameter[i].name, parameter[i].value) != 0) {
            return engine_failed(err, "take its options");
        }
    }
    if (options->monotone != NULL) {
        for (size_t k = 0; k < train->n_columns; k++) {
            clade_buffer_format(&monotone, "%c%d", k == 0 ? '(' : ',', options->monotone[k]);
        }
        clade_buffer_text(&monotone, ")");
        if (monotone.failed) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the constraints");
        } else if (XGBoosterSetParam(booster, "monotone_constraints", monotone.data) != 0) {
            status = engine_failed(err, "take its constraints");
        }
        clade_buffer_free(&monotone);
    }
    return status;
}

static clade_status margins(const float **out, BoosterHandle booster, DMatrixHandle matrix,
                            size_t n_rows, clade_error *err)
{
    static const char config[] = "{\"type\":1,\"training\":false,\"iteration_begin\":0,"
                                 "\"iteration_end\":0,\"strict_shape\":false}";
    const bst_ulong  *shape    = NULL;
    bst_ulong         n_dim    = 0;
    if (XGBoosterPredictFromDMatrix(booster, matrix, config, &shape, &n_dim, out) != 0) {
        return engine_failed(err, "predict");
    }
    if (n_dim >= 1 && shape[0] == n_rows) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ENGINE, "XGBoost predicted for other rows than were given");
}

static clade_status make_matrix(DMatrixHandle *out, const clade_trees_data *data, int n_threads,
                                clade_error *err)
{
    if (XGDMatrixCreateFromMat_omp(data->value, data->n_rows, data->n_columns, NAN, out,
                                   n_threads) != 0) {
        return engine_failed(err, "read the matrix");
    }
    return CLADE_OK;
}

/* The first n_rounds trees as text, and from there into our own form. */
static clade_status take_model(clade_trees **out_trees, BoosterHandle booster, int n_rounds,
                               clade_error *err)
{
    clade_status  status = CLADE_OK;
    BoosterHandle part   = NULL;
    const char   *json   = NULL;
    bst_ulong     size   = 0;
    if (XGBoosterSlice(booster, 0, n_rounds, 1, &part) != 0) {
        return engine_failed(err, "cut off the last rounds");
    }
    if (XGBoosterSaveModelToBuffer(part, "{\"format\":\"json\"}", &size, &json) != 0) {
        status = engine_failed(err, "write the model");
    } else {
        status = clade_trees_load(out_trees, json, size, err);
    }
    XGBoosterFree(part);
    return status;
}

typedef struct boosting {
    BoosterHandle booster;
    DMatrixHandle matrix[2]; /* train, valid */
    float        *first;     /* (n_rows) */
    float        *second;    /* (n_rows) */
} boosting;

static clade_status grow(int *out_rounds, double *out_loss, boosting *b,
                         const clade_trees_data *train, const clade_trees_data *valid,
                         const clade_trees_options *options, clade_error *err)
{
    double best   = HUGE_VAL;
    int    best_n = options->n_rounds;
    *out_loss     = (double)NAN;
    for (int round = 0; round < options->n_rounds; round++) {
        const float *margin = NULL;
        CLADE_TRY(clade_interrupt_check(err));
        CLADE_TRY(margins(&margin, b->booster, b->matrix[0], train->n_rows, err));
        derive(b->first, b->second, margin, train, options, round);
        if (XGBoosterBoostOneIter(b->booster, b->matrix[0], b->first, b->second, train->n_rows) !=
            0) {
            return engine_failed(err, "grow a tree");
        }
        if (valid == NULL) continue;
        CLADE_TRY(margins(&margin, b->booster, b->matrix[1], valid->n_rows, err));
        const double loss = mean_loss(margin, valid, options->goal);
        if (options->patience == 0) {
            *out_loss = loss;
        } else if (loss < best) {
            best   = loss;
            best_n = round + 1;
        } else if (round + 1 - best_n >= options->patience) {
            break;
        }
    }
    if (valid != NULL && options->patience > 0) *out_loss = best;
    *out_rounds = best_n;
    return CLADE_OK;
}

clade_status clade_trees_fit(clade_trees **out_trees, const clade_trees_data *train,
                             const clade_trees_data *valid, const clade_trees_options *options,
                             clade_error *err)
{
    clade_status status    = CLADE_OK;
    boosting     b         = { 0 };
    clade_trees *trees     = NULL;
    int          n_rounds  = 0;
    double       loss      = 0;
    const int    n_threads = options->n_threads > 0 ? options->n_threads : clade_threads_get();

    CLADE_TRY(check_options(options, train->n_columns, err));
    CLADE_TRY(check_data(train, "train", options->goal, err));
    if (valid != NULL) CLADE_TRY(check_data(valid, "valid", options->goal, err));
    if (valid == NULL && options->patience > 0) {
        return clade_fail(err, CLADE_ERR_ARG, "patience is %d, and there are no rows to watch",
                          options->patience);
    }
    if (valid != NULL && valid->n_columns != train->n_columns) {
        return clade_fail(err, CLADE_ERR_ARG, "valid has %zu columns, and train has %zu",
                          valid->n_columns, train->n_columns);
    }

    b.first  = CLADE_NEW(float, train->n_rows);
    b.second = CLADE_NEW(float, train->n_rows);
    if (b.first == NULL || b.second == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu derivatives", train->n_rows);
        goto done;
    }
    status = make_matrix(&b.matrix[0], train, n_threads, err);
    if (status != CLADE_OK) goto done;
    if (valid != NULL) status = make_matrix(&b.matrix[1], valid, n_threads, err);
    if (status != CLADE_OK) goto done;
    if (XGBoosterCreate(b.matrix, valid == NULL ? 1 : 2, &b.booster) != 0) {
        status = engine_failed(err, "start");
        goto done;
    }
    status = set_parameters(b.booster, train, options, err);
    if (status != CLADE_OK) goto done;
    status = grow(&n_rounds, &loss, &b, train, valid, options, err);
    if (status != CLADE_OK) goto done;
    status = take_model(&trees, b.booster, n_rounds, err);
    if (status != CLADE_OK) goto done;

    trees->valid_loss = loss;
    *out_trees        = trees;
done:
    if (b.booster != NULL) XGBoosterFree(b.booster);
    for (int i = 0; i < 2; i++) {
        if (b.matrix[i] != NULL) XGDMatrixFree(b.matrix[i]);
    }
    free(b.first);
    free(b.second);
    return status;
}

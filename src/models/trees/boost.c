/* Boosting: XGBoost grows the trees, the derivatives come from here (goals.c, rank.c).
 *
 * Quantiles need more: after each round its leaves are fitted again (quantile.c), so the margins
 * are kept here, and the values are put into XGBoost's text at the end.
 */
#include "goals.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>
#include <xgboost/c_api.h>

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
                                  .power            = 1.5,
                                  .quantile         = 0.5,
                                  .rank_top         = 30,
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
    CLADE_TRY(check_count("rank_top", options->rank_top, 1, INT32_MAX, err));
    if (options->goal == CLADE_TREES_TWEEDIE && !(options->power > 1 && options->power < 2)) {
        return clade_fail(err, CLADE_ERR_ARG, "power is %g: wanted between 1 and 2",
                          options->power);
    }
    if (options->goal == CLADE_TREES_QUANTILE &&
        !(options->quantile > 0 && options->quantile < 1)) {
        return clade_fail(err, CLADE_ERR_ARG, "quantile is %g: wanted between 0 and 1",
                          options->quantile);
    }
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
    if (goal == CLADE_TREES_RANK && data->group == NULL) {
        return clade_fail(err, CLADE_ERR_ARG, "%s: ranking wants groups, and there are none", name);
    }
    for (size_t i = 0; i < data->n_rows; i++) {
        const float  weight = data->weight == NULL ? 1.0f : data->weight[i];
        const float *row    = data->value + i * data->n_columns;
        CLADE_TRY(clade__goal_check_target(name, i, (double)data->target[i], goal, err));
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

/* ---------------------------------------------------------------- the engine */

static const char *objective_of(clade_trees_goal goal)
{
    switch (goal) {
    case CLADE_TREES_LOGISTIC: return "binary:logistic";
    case CLADE_TREES_TWEEDIE: return "reg:tweedie";
    case CLADE_TREES_RANK: return "rank:pairwise";
    default: return "reg:squarederror"; /* a quantile is said by an attribute */
    }
}

static clade_status set_parameters(BoosterHandle booster, const clade_trees_data *train,
                                   const clade_trees_options *options, double base,
                                   clade_error *err)
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
    snprintf(text[9], 32, "%.9g", base);
    snprintf(text[10], 32, "%.17g", options->power);
    const struct {
        const char *name, *value;
    } parameter[] = {
        { "booster", "gbtree" },
        { "tree_method", "hist" },
        { "objective", objective_of(options->goal) },
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
        { "tweedie_variance_power", text[10] }, /* the last: of one goal only */
    };
    const size_t n = sizeof parameter / sizeof parameter[0];
    for (size_t i = 0; i < n - (options->goal == CLADE_TREES_TWEEDIE ? 0 : 1); i++) {
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

/* Rounds [first, end) as text, and from there into our own form. `value`, where given, are leaf
 * values that were fitted again. */
static clade_status take_rounds(clade_trees **out_trees, BoosterHandle booster, int first, int end,
                                const clade_trees_options *options, const float *value,
                                size_t n_values, clade_error *err)
{
    clade_status  status  = CLADE_OK;
    BoosterHandle part    = NULL;
    const char   *json    = NULL;
    bst_ulong     size    = 0;
    clade_buffer  patched = { 0 };
    char          quantile[32];
    if (XGBoosterSlice(booster, first, end, 1, &part) != 0) {
        return engine_failed(err, "cut out rounds");
    }
    snprintf(quantile, sizeof quantile, "%.17g", options->quantile);
    if ((options->goal == CLADE_TREES_QUANTILE &&
         XGBoosterSetAttr(part, "clade_quantile", quantile) != 0) ||
        XGBoosterSaveModelToBuffer(part, "{\"format\":\"json\"}", &size, &json) != 0) {
        status = engine_failed(err, "write the model");
    } else if (value == NULL) {
        status = clade_trees_load(out_trees, json, size, err);
    } else {
        status = clade__quantile_patch(&patched, json, size, value, n_values, err);
        if (status == CLADE_OK) {
            status = clade_trees_load(out_trees, patched.data, patched.size, err);
        }
    }
    clade_buffer_free(&patched);
    XGBoosterFree(part);
    return status;
}

typedef struct boosting {
    const clade_trees_options *options;
    const clade_trees_data    *data[2]; /* train, valid; NULL: none */
    BoosterHandle              booster;
    DMatrixHandle              matrix[2];
    rank_lists                 lists[2];
    float                     *first;     /* (n_rows) */
    float                     *second;    /* (n_rows) */
    float                     *margin[2]; /* (n_rows) of quantiles: kept here */
    float                     *value;     /* (n_values) of quantiles: all nodes of all rounds */
    size_t                     n_values, room;
} boosting;

static void boosting_free(boosting *b)
{
    if (b->booster != NULL) XGBoosterFree(b->booster);
    for (int i = 0; i < 2; i++) {
        if (b->matrix[i] != NULL) XGDMatrixFree(b->matrix[i]);
        clade__rank_lists_free(&b->lists[i]);
        free(b->margin[i]);
    }
    free(b->first);
    free(b->second);
    free(b->value);
}

static clade_status boosting_create(boosting *b, const clade_trees_data *train,
                                    const clade_trees_data *valid, clade_error *err)
{
    const clade_trees_options *const o = b->options;
    const int n_threads                = o->n_threads > 0 ? o->n_threads : clade_threads_get();
    double    base                     = 0;

    b->data[0] = train;
    b->data[1] = valid;
    CLADE_TRY(clade__goal_base(&base, train, o, err));
    b->first  = CLADE_NEW(float, train->n_rows);
    b->second = CLADE_NEW(float, train->n_rows);
    if (b->first == NULL || b->second == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu derivatives", train->n_rows);
    }
    for (int i = 0; i < 2 && b->data[i] != NULL; i++) {
        CLADE_TRY(make_matrix(&b->matrix[i], b->data[i], n_threads, err));
        if (o->goal == CLADE_TREES_RANK) {
            CLADE_TRY(clade__rank_lists_create(&b->lists[i], b->data[i], o->rank_top, err));
        }
        if (o->goal != CLADE_TREES_QUANTILE) continue;
        b->margin[i] = CLADE_NEW(float, b->data[i]->n_rows);
        if (b->margin[i] == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu margins",
                              b->data[i]->n_rows);
        }
        for (size_t k = 0; k < b->data[i]->n_rows; k++)
            b->margin[i][k] = (float)base;
    }
    if (XGBoosterCreate(b->matrix, valid == NULL ? 1 : 2, &b->booster) != 0) {
        return engine_failed(err, "start");
    }
    return set_parameters(b->booster, train, o, base, err);
}

/* Margins of the rows so far: lent until the next call. */
static clade_status margins_of(const float **out, boosting *b, int which, clade_error *err)
{
    if (b->options->goal == CLADE_TREES_QUANTILE) {
        *out = b->margin[which];
        return CLADE_OK;
    }
    return margins(out, b->booster, b->matrix[which], b->data[which]->n_rows, err);
}

/* Of quantiles: fit the leaves of the newest round again, and move the margins on. */
static clade_status refit_round(boosting *b, int round, clade_error *err)
{
    clade_trees *tree = NULL;
    CLADE_TRY(take_rounds(&tree, b->booster, round, round + 1, b->options, NULL, 0, err));
    const size_t n_nodes = tree->start[tree->n_trees];
    clade_status status  = CLADE_OK;
    if (!CLADE_GROW(&b->value, &b->room, b->n_values + n_nodes)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu leaves", n_nodes);
    } else {
        status = clade__quantile_refit(b->value + b->n_values, tree, b->data[0], b->margin[0],
                                       b->second, b->options, err);
    }
    for (int i = 0; i < 2 && status == CLADE_OK && b->data[i] != NULL; i++)
        clade__quantile_add(b->margin[i], tree, b->value + b->n_values, b->data[i]);
    b->n_values += n_nodes;
    clade_trees_free(tree);
    return status;
}

static clade_status grow(int *out_rounds, double *out_loss, boosting *b, clade_error *err)
{
    const clade_trees_options *const options = b->options;
    const size_t                     n_rows  = b->data[0]->n_rows;
    double                           best    = HUGE_VAL;
    int                              best_n  = options->n_rounds;
    *out_loss                                = (double)NAN;
    for (int round = 0; round < options->n_rounds; round++) {
        const float *margin = NULL;
        CLADE_TRY(clade_interrupt_check(err));
        CLADE_TRY(margins_of(&margin, b, 0, err));
        clade__goal_derive(b->first, b->second, margin, b->data[0], options, &b->lists[0], round);
        if (XGBoosterBoostOneIter(b->booster, b->matrix[0], b->first, b->second, n_rows) != 0) {
            return engine_failed(err, "grow a tree");
        }
        if (options->goal == CLADE_TREES_QUANTILE) CLADE_TRY(refit_round(b, round, err));
        if (b->data[1] == NULL) continue;
        CLADE_TRY(margins_of(&margin, b, 1, err));
        const double loss = clade__goal_loss(margin, b->data[1], options, &b->lists[1]);
        if (options->patience == 0) {
            *out_loss = loss;
        } else if (loss < best) {
            best   = loss;
            best_n = round + 1;
        } else if (round + 1 - best_n >= options->patience) {
            break;
        }
    }
    if (b->data[1] != NULL && options->patience > 0) *out_loss = best;
    *out_rounds = best_n;
    return CLADE_OK;
}

clade_status clade_trees_fit(clade_trees **out_trees, const clade_trees_data *train,
                             const clade_trees_data *valid, const clade_trees_options *options,
                             clade_error *err)
{
    boosting     b        = { .options = options };
    clade_trees *trees    = NULL;
    int          n_rounds = 0;
    double       loss     = 0;

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
    clade_status status = boosting_create(&b, train, valid, err);
    if (status == CLADE_OK) status = grow(&n_rounds, &loss, &b, err);
    if (status == CLADE_OK) {
        status = take_rounds(&trees, b.booster, 0, n_rounds, options, b.value, b.n_values, err);
    }
    if (status == CLADE_OK) {
        trees->valid_loss = loss;
        *out_trees        = trees;
    }
    boosting_free(&b);
    return status;
}

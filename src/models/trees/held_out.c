/* Boosting on rows that were binned once, for many fits that each leave some rows out.
 *
 * A fold of a judgement is a fit of a few hundred shallow trees on nine tenths of ten thousand
 * rows: there most of XGBoost's time goes into cutting bins anew, and into counting columns and
 * rows that the sampling of a round left out. Here the bins are shared, and only what was drawn is
 * counted.
 *
 * Derivatives are rounded to B bits and a pair of them is added as one 64-bit number, the first in
 * the upper half and the second, which is never below zero, in the lower. Such sums are exact, so
 * the order of adding does not matter, and a sibling is the parent less the other child. */
#include "forest.h"

#include "cart.h"

#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    CODES     = CLADE_TREES_HELD_OUT_BINS + 2, /* of values, and one of absence */
    LANES     = 4,                             /* counters that need not wait for each other */
    DEPTH_MAX = CLADE_TREES_HELD_OUT_DEPTH,
    NODES     = (1 << (DEPTH_MAX + 1)) - 1,
};

struct clade_trees_bins {
    size_t   n_rows, n_columns;
    uint8_t *code;     /* (n_columns, n_rows) column by column */
    uint8_t *n_values; /* (n_columns): codes below it are values, it itself is absence */
};

void clade_trees_bins_free(clade_trees_bins *bins)
{
    if (bins == NULL) return;
    free(bins->code);
    free(bins->n_values);
    free(bins);
}

clade_status clade_trees_bins_make(clade_trees_bins **out_bins, const float *value, size_t n_rows,
                                   size_t n_columns, size_t max_bin, clade_error *err)
{
    const clade_tree_data data = { .value = value, .n_rows = n_rows, .n_columns = n_columns };
    cart_bins             wide = { 0 };
    if (n_rows < 1 || n_rows > CLADE_TREES_HELD_OUT_ROWS || n_columns < 1 ||
        n_columns > CLADE_TREES_MAX_COLUMNS || max_bin < 2 || max_bin > CLADE_TREES_HELD_OUT_BINS) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "%zu rows of %zu columns in %zu bins: wanted 1 to %d, 1 to %d, 2 to %d",
                          n_rows, n_columns, max_bin, CLADE_TREES_HELD_OUT_ROWS,
                          CLADE_TREES_MAX_COLUMNS, CLADE_TREES_HELD_OUT_BINS);
    }
    for (size_t i = 0; i < n_rows * n_columns; i++) {
        if (!isinf(value[i])) continue;
        return clade_fail(err, CLADE_ERR_DATA, "value[%zu, %zu] is infinite: wanted finite or NAN",
                          i / n_columns, i % n_columns);
    }
    CLADE_TRY(clade__cart_bins_make(&wide, &data, max_bin, err));
    clade_trees_bins *bins = CLADE_NEW(clade_trees_bins, 1);
    if (bins != NULL) {
        bins->code     = clade_alloc(n_columns, n_rows);
        bins->n_values = CLADE_NEW(uint8_t, n_columns);
    }
    if (bins == NULL || bins->code == NULL || bins->n_values == NULL) {
        clade_trees_bins_free(bins);
        clade__cart_bins_free(&wide);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for bins of %zu rows", n_rows);
    }
    bins->n_rows    = n_rows;
    bins->n_columns = n_columns;
    for (size_t i = 0; i < n_rows * n_columns; i++)
        bins->code[i] = (uint8_t)wide.code[i];
    for (size_t k = 0; k < n_columns; k++)
        bins->n_values[k] = (uint8_t)(wide.n_cuts[k] + 1);
    clade__cart_bins_free(&wide);
    *out_bins = bins;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- one round */

/* A node; its children are 2 i + 1 and 2 i + 2. */
typedef struct small_node {
    bool    split;
    bool    absent_left;
    uint8_t last; /* codes up to it go left */
    size_t  column;
    float   value; /* what a leaf adds */
} small_node;

typedef struct held_work {
    const clade_trees_bins    *bins;
    const clade_trees_options *options;
    uint32_t                  *train; /* (n_train) */
    size_t                     n_train;
    float                     *margin; /* (n_rows) */
    float                     *first;  /* (n_train) derivatives, before they are rounded */
    float                     *second;
    uint32_t                  *row;       /* (n_drawn) of this round, node by node */
    int64_t                   *packed;    /* (n_drawn) beside it */
    uint32_t                  *other_row; /* room for a partition */
    int64_t                   *other_packed;
    uint32_t                  *column; /* (n_columns): the first n_used were drawn */
    size_t                     n_used;
    double                     unit[2];             /* of the rounded derivatives */
    int64_t                   *count[DEPTH_MAX][2]; /* (n_used, CODES) */
    small_node                 node[NODES];
} held_work;

static int64_t first_of(int64_t packed)
{
    return packed >> 32;
}

static int64_t second_of(int64_t packed)
{
    return packed & INT64_C(0xffffffff);
}

/* Derivatives of the rows that this round draws, rounded, packed, and their number. */
static size_t draw_rows(held_work *w, const float *target, int round)
{
    const clade_trees_options *o   = w->options;
    clade_rng                  rng = clade_rng_stream(o->seed, "trees/subsample", (uint64_t)round);
    float                      most[2] = { 0, 0 };
    size_t                     n       = 0;
    int                        bits    = 31; /* a sum of all stays below 2^31 */
    for (size_t i = w->n_train; i > 0; i >>= 1)
        bits -= 1;
    for (size_t t = 0; t < w->n_train; t++) {
        const uint32_t i = w->train[t];
        if (o->subsample < 1 && !(clade_rng_uniform(&rng) < o->subsample)) continue;
        const float p =
            o->goal == CLADE_TREES_LOGISTIC ? clade__sigmoid(w->margin[i]) : w->margin[i];
        w->row[n]    = i;
        w->first[n]  = p - target[i];
        w->second[n] = o->goal == CLADE_TREES_LOGISTIC ? fmaxf(p * (1.0f - p), 1e-16f) : 1.0f;
        most[0]      = fmaxf(most[0], fabsf(w->first[n]));
        most[1]      = fmaxf(most[1], w->second[n]);
        n++;
    }
    for (int k = 0; k < 2; k++)
        w->unit[k] = most[k] > 0 ? (double)most[k] / ldexp(1.0, bits) : 1;
    for (size_t t = 0; t < n; t++) {
        const int64_t g = llrint((double)w->first[t] / w->unit[0]);
        const int64_t h = llrint((double)w->second[t] / w->unit[1]);
        w->packed[t]    = g * (INT64_C(1) << 32) + h;
    }
    return n;
}

static void draw_columns(held_work *w, int round)
{
    const size_t p   = w->bins->n_columns;
    clade_rng    rng = clade_rng_stream(w->options->seed, "trees/colsample", (uint64_t)round);
    for (size_t k = 0; k < w->n_used && w->n_used < p; k++) {
        const size_t   other = k + clade_rng_below(&rng, p - k);
        const uint32_t kept  = w->column[k];
        w->column[k]         = w->column[other];
        w->column[other]     = kept;
    }
}

static void count_column(int64_t *out, const uint8_t *code, const uint32_t *row,
                         const int64_t *packed, size_t n)
{
    int64_t part[LANES][CODES] = { { 0 } };
    size_t  i                  = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < LANES; k++)
            part[k][code[row[i + k]]] += packed[i + k];
    }
    for (; i < n; i++)
        part[0][code[row[i]]] += packed[i];
    for (size_t c = 0; c < CODES; c++)
        out[c] = (part[0][c] + part[1][c]) + (part[2][c] + part[3][c]);
}

static void count_rows(held_work *w, int64_t *out, size_t from, size_t n)
{
    for (size_t k = 0; k < w->n_used; k++) {
        count_column(out + k * CODES, w->bins->code + (size_t)w->column[k] * w->bins->n_rows,
                     w->row + from, w->packed + from, n);
    }
}

static double score(const held_work *w, int64_t packed)
{
    const double g = (double)first_of(packed) * w->unit[0];
    return g * g / ((double)second_of(packed) * w->unit[1] + w->options->lambda);
}

/* The best cut of one column, if it gains more than *best; absence goes left or right as a whole.
 */
static void search_codes(const held_work *w, small_node *out, double *best, size_t column,
                         const int64_t *count, int64_t total)
{
    const size_t  n_values = w->bins->n_values[column];
    const int64_t absent   = count[n_values];
    const int64_t least    = (int64_t)ceil(w->options->min_child_weight / w->unit[1]);
    for (int absent_left = 0; absent_left < (absent != 0 ? 2 : 1); absent_left++) {
        int64_t left = absent_left != 0 ? absent : 0;
        for (size_t c = 0; c < n_values; c++) {
            if (count[c] == 0) continue; /* the cut before it was the same */
            left += count[c];
            const int64_t right = total - left;
            if (second_of(left) < least) continue;
            if (second_of(right) < least || right == 0) break;
            const double gain = score(w, left) + score(w, right);
            if (gain > *best) {
                *best = gain;
                *out  = (small_node){ true, absent_left != 0, (uint8_t)c, column, 0 };
            }
        }
    }
}

static bool goes_left(const held_work *w, const small_node *node, size_t row)
{
    const uint8_t code = w->bins->code[node->column * w->bins->n_rows + row];
    return code == w->bins->n_values[node->column] ? node->absent_left : code <= node->last;
}

/* Rows that go left first, each side in its order. How many do. */
static size_t part_rows(held_work *w, const small_node *node, size_t from, size_t n)
{
    size_t n_left = 0, n_right = 0;
    for (size_t i = from; i < from + n; i++) {
        if (goes_left(w, node, w->row[i])) {
            w->row[from + n_left]      = w->row[i];
            w->packed[from + n_left++] = w->packed[i];
        } else {
            w->other_row[n_right]      = w->row[i];
            w->other_packed[n_right++] = w->packed[i];
        }
    }
    memcpy(w->row + from + n_left, w->other_row, n_right * sizeof *w->row);
    memcpy(w->packed + from + n_left, w->other_packed, n_right * sizeof *w->packed);
    return n_left;
}

/* Grow from node `at` on rows [from, from + n), counted already unless it must be a leaf. */
static void grow_node(held_work *w, size_t at, int depth, int side, size_t from, size_t n)
{
    small_node *node  = &w->node[at];
    int64_t     total = 0;
    for (size_t i = from; i < from + n; i++)
        total += w->packed[i];
    const double g = (double)first_of(total) * w->unit[0];
    const double h = (double)second_of(total) * w->unit[1];
    *node          = (small_node){ .split = false };
    node->value    = (float)(-w->options->eta * g / (h + w->options->lambda));
    if (depth == w->options->max_depth) return;

    int64_t *const count = w->count[depth][side];
    double         best  = score(w, total) + w->options->gamma + 1e-6;
    for (size_t k = 0; k < w->n_used; k++)
        search_codes(w, node, &best, w->column[k], count + k * CODES, total);
    if (!node->split) return;

    const size_t n_left = part_rows(w, node, from, n);
    if (depth + 1 < w->options->max_depth) { /* the smaller child is counted, the other follows */
        const int      small = n_left <= n - n_left ? 0 : 1;
        int64_t *const a     = w->count[depth + 1][small];
        int64_t *const b     = w->count[depth + 1][1 - small];
        count_rows(w, a, small == 0 ? from : from + n_left, small == 0 ? n_left : n - n_left);
        for (size_t c = 0; c < w->n_used * CODES; c++)
            b[c] = count[c] - a[c];
    }
    grow_node(w, 2 * at + 1, depth + 1, 0, from, n_left);
    grow_node(w, 2 * at + 2, depth + 1, 1, from + n_left, n - n_left);
}

static void add_tree(held_work *w)
{
    for (size_t i = 0; i < w->bins->n_rows; i++) {
        size_t at = 0;
        while (w->node[at].split)
            at = 2 * at + (goes_left(w, &w->node[at], i) ? 1 : 2);
        w->margin[i] += w->node[at].value;
    }
}

/* ---------------------------------------------------------------- the whole */

static void held_free(held_work *w)
{
    free(w->train);
    free(w->margin);
    free(w->first);
    free(w->second);
    free(w->row);
    free(w->packed);
    free(w->other_row);
    free(w->other_packed);
    free(w->column);
    free(w->count[0][0]);
}

static clade_status held_make(held_work *w, const uint8_t *fold, uint8_t number, clade_error *err)
{
    const size_t n = w->bins->n_rows, p = w->bins->n_columns;
    const size_t share = (size_t)((double)p * w->options->colsample);
    w->n_used          = share < 1 ? 1 : share;
    w->train           = CLADE_NEW(uint32_t, n);
    w->margin          = CLADE_NEW(float, n);
    w->first           = CLADE_NEW(float, n);
    w->second          = CLADE_NEW(float, n);
    w->row             = CLADE_NEW(uint32_t, n);
    w->packed          = CLADE_NEW(int64_t, n);
    w->other_row       = CLADE_NEW(uint32_t, n);
    w->other_packed    = CLADE_NEW(int64_t, n);
    w->column          = CLADE_NEW(uint32_t, p);
    int64_t *const all = clade_alloc(w->n_used, (size_t)DEPTH_MAX * 2 * CODES * sizeof(int64_t));
    w->count[0][0]     = all;
    if (w->train == NULL || w->margin == NULL || w->first == NULL || w->second == NULL ||
        w->row == NULL || w->packed == NULL || w->other_row == NULL || w->other_packed == NULL ||
        w->column == NULL || all == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to boost on %zu rows", n);
    }
    for (size_t d = 0; d < DEPTH_MAX; d++) {
        for (size_t side = 0; side < 2; side++)
            w->count[d][side] = all + (2 * d + side) * w->n_used * CODES;
    }
    for (size_t k = 0; k < p; k++)
        w->column[k] = (uint32_t)k;
    for (size_t i = 0; i < n; i++) {
        if (fold[i] != number) w->train[w->n_train++] = (uint32_t)i;
    }
    return CLADE_OK;
}

/* The margin that boosting starts from: of the mean of the rows to learn from. */
static clade_status start_of(float *out, const held_work *w, const float *target, clade_error *err)
{
    const bool logistic = w->options->goal == CLADE_TREES_LOGISTIC;
    double     sum      = 0;
    if (w->n_train == 0) return clade_fail(err, CLADE_ERR_DATA, "no row is left to learn from");
    for (size_t t = 0; t < w->n_train; t++) {
        const float y = target[w->train[t]];
        if (!isfinite(y) || (logistic && (y < 0 || y > 1))) {
            return clade_fail(err, CLADE_ERR_DATA, "target[%u] is %g: wanted %s", w->train[t],
                              (double)y, logistic ? "0 to 1" : "finite");
        }
        sum += (double)y;
    }
    double mean = sum / (double)w->n_train;
    if (logistic) {
        mean = fmin(fmax(mean, 1e-6), 1 - 1e-6);
        mean = log(mean / (1 - mean));
    }
    *out = (float)mean;
    return CLADE_OK;
}

static clade_status check_held(const clade_trees_options *o, const int *stop, size_t n_stops,
                               clade_error *err)
{
    if (o->goal != CLADE_TREES_SQUARED_ERROR && o->goal != CLADE_TREES_LOGISTIC) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "held-out boosting takes squared error and logistic; goal is %d",
                          (int)o->goal);
    }
    const bool sound = o->max_depth >= 1 && o->max_depth <= DEPTH_MAX && o->eta > 0 &&
                       o->eta <= 1 && o->subsample > 0 && o->subsample <= 1 && o->colsample > 0 &&
                       o->colsample <= 1 && o->lambda >= 0 && o->gamma >= 0 &&
                       o->min_child_weight >= 0 && o->monotone == NULL;
    if (!sound) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "held-out boosting takes depths 1 to %d, shares above 0 and at most 1, "
                          "and no constraints; depth is %d, eta %g",
                          DEPTH_MAX, o->max_depth, o->eta);
    }
    for (size_t s = 0; s < n_stops; s++) {
        const int before = s == 0 ? 0 : stop[s - 1];
        if (stop[s] > before && stop[s] <= CLADE_TREES_MAX_ROUNDS) continue;
        return clade_fail(err, CLADE_ERR_ARG, "stop[%zu] is %d: wanted rising, %d to %d", s,
                          stop[s], before + 1, CLADE_TREES_MAX_ROUNDS);
    }
    return CLADE_OK;
}

clade_status clade_trees_hold_out(float *out_prediction, const clade_trees_bins *bins,
                                  const float *target, const uint8_t *fold, uint8_t number,
                                  const int *stop, size_t n_stops,
                                  const clade_trees_options *options, clade_error *err)
{
    CLADE_TRY(check_held(options, stop, n_stops, err));
    held_work w     = { .bins = bins, .options = options };
    float     start = 0;
    size_t    done  = 0;

    clade_status status = held_make(&w, fold, number, err);
    if (status == CLADE_OK) status = start_of(&start, &w, target, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < bins->n_rows; i++)
        w.margin[i] = start;
    for (int round = 0; done < n_stops; round++) {
        status = clade_interrupt_check(err);
        if (status != CLADE_OK) goto done;
        const size_t n = draw_rows(&w, target, round);
        draw_columns(&w, round);
        count_rows(&w, w.count[0][0], 0, n);
        grow_node(&w, 0, 0, 0, 0, n);
        add_tree(&w);
        if (round + 1 < stop[done]) continue;
        float *const out = out_prediction + done++ * bins->n_rows;
        for (size_t i = 0; i < bins->n_rows; i++) {
            if (fold[i] != number) continue;
            out[i] =
                options->goal == CLADE_TREES_LOGISTIC ? clade__sigmoid(w.margin[i]) : w.margin[i];
        }
    }
done:
    held_free(&w);
    return status;
}

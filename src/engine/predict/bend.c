/* Calibration by a rising curve: isotonic regression drawn through the middles of its blocks, so
 * that no two customers are tied that were not before. Runs a few times for each fit. */
#include "predict_internal.h"

#include "clade/calibrate.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_OF_A_KNOT = 25 };

double clade__bend_of(const clade__bend *bend, double margin)
{
    const size_t n = bend->n;
    if (margin <= bend->at[0]) return bend->to[0] + bend->slope * (margin - bend->at[0]);
    if (margin >= bend->at[n - 1])
        return bend->to[n - 1] + bend->slope * (margin - bend->at[n - 1]);
    size_t k = 1;
    while (bend->at[k] < margin)
        k++;
    const double share = (margin - bend->at[k - 1]) / (bend->at[k] - bend->at[k - 1]);
    return bend->to[k - 1] + share * (bend->to[k] - bend->to[k - 1]);
}

/* Rows of one block of equal chances. */
typedef struct block {
    double n, yes, margin; /* sums */
} block;

/* The block whose upper end is not below the margin; knots are the ends. */
static size_t block_of(const clade_isotonic *curve, const size_t *of, double margin)
{
    size_t low = 0, high = curve->n - 1;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (curve->score[middle] < margin) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return of[low];
}

static void add_knot(clade__bend *bend, const block *b)
{
    const double p  = (b->yes + 0.5) / (b->n + 1);
    const double at = b->margin / b->n, to = log(p / (1 - p));
    const bool   rises = bend->n == 0 || (at > bend->at[bend->n - 1] && to > bend->to[bend->n - 1]);
    if (!rises || bend->n == CLADE__KNOTS_MAX) return;
    bend->at[bend->n]   = at;
    bend->to[bend->n++] = to;
}

/* Blocks into knots of enough rows each. */
static void draw(clade__bend *bend, const block *all, size_t n_blocks, double least)
{
    block sum = { 0, 0, 0 };
    for (size_t b = 0; b < n_blocks; b++) {
        sum.n += all[b].n;
        sum.yes += all[b].yes;
        sum.margin += all[b].margin;
        if (sum.n < least && b + 1 < n_blocks) continue;
        if (sum.n > 0) add_knot(bend, &sum);
        sum = (block){ 0, 0, 0 };
    }
}

clade_status clade__bend_fit(clade__bend *out, const double *margin, const double *y, size_t n,
                             double slope, clade_error *err)
{
    clade_isotonic *curve = NULL;
    *out                  = (clade__bend){ .slope = slope > 0 ? slope : 1 };
    CLADE_TRY(clade_isotonic_fit(&curve, margin, y, NULL, n, err));
    size_t *const of       = CLADE_NEW(size_t, curve->n);
    block *const  all      = CLADE_NEW(block, curve->n);
    size_t        n_blocks = 0;
    clade_status  status   = of == NULL || all == NULL
                                 ? clade_fail(err, CLADE_ERR_NOMEM, "no memory to calibrate")
                                 : CLADE_OK;
    for (size_t k = 0; k < curve->n && status == CLADE_OK; k++) {
        n_blocks += k == 0 || curve->value[k] != curve->value[k - 1];
        of[k] = n_blocks - 1;
    }
    for (size_t i = 0; i < n && status == CLADE_OK; i++) {
        block *const b = &all[block_of(curve, of, margin[i])];
        b->n += 1;
        b->yes += y[i];
        b->margin += margin[i];
    }
    if (status == CLADE_OK)
        draw(out, all, n_blocks, fmax(LEAST_OF_A_KNOT, (double)n / (CLADE__KNOTS_MAX - 2)));
    free(of);
    free(all);
    clade_isotonic_free(curve);
    return status;
}

/* ---------------------------------------------------------------- the choice */

/* Losses of both calibrations, row by row, fitted on what is not in `part` and judged on what is.
 * out (2, n); room (2, n). */
static clade_status compare(double *out, const double *margin, const double *y,
                            const uint8_t *part_of, uint8_t part, size_t n, double *room,
                            clade_error *err)
{
    double *const m = room, *const t = room + n;
    size_t      k = 0;
    double      a, b;
    clade__bend bend;
    for (size_t i = 0; i < n; i++) {
        if (part_of[i] == part) continue;
        m[k]   = margin[i];
        t[k++] = y[i];
    }
    clade__calibrate(&a, &b, m, t, k, false);
    CLADE_TRY(clade__bend_fit(&bend, m, t, k, b, err));
    for (size_t i = 0; i < n; i++) {
        if (part_of[i] != part) continue;
        const double line  = a + b * margin[i];
        const double curve = bend.n == 0 ? line : clade__bend_of(&bend, margin[i]);
        out[i]             = clade__mean_loss(&line, &y[i], 1, false);
        out[n + i]         = clade__mean_loss(&curve, &y[i], 1, false);
    }
    return CLADE_OK;
}

/* The curve has many numbers and the line two: it has to lose less by more than chance would make
 * it, one standard error of the difference. */
static bool clearly_less(double out_loss[2], const double *loss, size_t n)
{
    double mean = 0, spread = 0;
    out_loss[0] = out_loss[1] = 0;
    for (size_t i = 0; i < n; i++) {
        out_loss[0] += loss[i] / (double)n;
        out_loss[1] += loss[n + i] / (double)n;
    }
    mean = out_loss[0] - out_loss[1];
    for (size_t i = 0; i < n; i++)
        spread += (loss[i] - loss[n + i] - mean) * (loss[i] - loss[n + i] - mean);
    return mean > sqrt(spread) / (double)n;
}

clade_status clade__bend_choose(clade__bend *out, double out_loss[2], const double *margin,
                                const double *y, const uint8_t *fold, size_t n_folds, size_t n,
                                double slope, clade_error *err)
{
    double *const  loss    = CLADE_NEW(double, 4 * n + 1);
    uint8_t *const part    = CLADE_NEW(uint8_t, n + 1);
    const size_t   n_parts = n_folds > 1 ? n_folds : 2;
    clade_status   status  = loss == NULL || part == NULL
                                 ? clade_fail(err, CLADE_ERR_NOMEM, "no memory to calibrate")
                                 : CLADE_OK;
    for (size_t i = 0; i < n && status == CLADE_OK; i++)
        part[i] = n_folds > 1 ? fold[i] : (uint8_t)(i % 2);
    for (size_t f = 0; f < n_parts && status == CLADE_OK; f++)
        status = compare(loss, margin, y, part, (uint8_t)f, n, loss + 2 * n, err);
    *out = (clade__bend){ 0 };
    if (status == CLADE_OK && clearly_less(out_loss, loss, n))
        status = clade__bend_fit(out, margin, y, n, slope, err);
    free(loss);
    free(part);
    return status;
}

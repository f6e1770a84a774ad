/* The points card: a sum of whole points over readable ranges that names the segment of a score.
 *
 * The score is regressed on step functions. Features come one at a time, the one whose steps
 * explain most of what is left; a second look replaces each by a better one if there is one. The
 * steps of each feature, fine at first, are merged into at most six ranges by least squares (Fisher
 * 1958), fitted again together, and scaled to whole points. Runs once a segmentation, on at most
 * 20,000 customers. docs/maths/portraits.md. */
#include "outlook.h"
#include "portrait.h"
#include "segmentation.h"
#include "subset.h"

#include "clade/numeric.h"
#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    CARD_ROWS    = 20000,
    LEAST_ROWS   = 50,
    FINE_MAX     = 20, /* steps of a feature before they are merged */
    FINE_LEAST   = 4,
    ROWS_A_STEP  = 60,
    STEPS_MAX    = FINE_MAX + 1, /* one for absence: step 0 */
    COLUMNS_MAX  = CLADE_CARD_LINES_MAX * STEPS_MAX,
    N_SWEEPS     = 2,
    TOTAL_POINTS = 200,
};

static const double share_to_learn = 0.7;
static const double rounding_share = 0.005; /* of rows between an edge and its round neighbour */
static const double pseudo_rows    = 3;     /* draws thin steps towards the middle */
static const double enough         = 2e-4;  /* of the score's variance: not worth one more range */

/* A feature as steps: step 0 is absence, step s holds edge[s - 2] <= value < edge[s - 1]. */
typedef struct steps {
    size_t n; /* absence included */
    double edge[STEPS_MAX];
} steps;

typedef struct card_work {
    clade__subset sample;
    size_t        n, n_learn, p; /* rows 0 .. n_learn - 1 are to learn from */
    int32_t      *segment;       /* (n) */
    double       *score;         /* (n) */
    double        mean, variance;
    uint8_t      *allowed; /* (p) */
    steps        *fine;    /* (p) */
    uint8_t      *step;    /* (p, n_learn): step of each row in each feature */
    double       *left;    /* (n_learn) what is not explained yet */
    double       *gain;    /* (p) of explaining it by one feature */
    double       *gram;    /* (COLUMNS_MAX, COLUMNS_MAX) */
    uint8_t      *coarse;  /* (CLADE_CARD_LINES_MAX, n_learn) */
} card_work;

/* Chosen features with the value of each of their steps. */
typedef struct fitted {
    size_t         n_lines;
    uint32_t       feature[CLADE_CARD_LINES_MAX];
    size_t         n_steps[CLADE_CARD_LINES_MAX];
    const uint8_t *step[CLADE_CARD_LINES_MAX];
    double         value[CLADE_CARD_LINES_MAX][STEPS_MAX];
    double         count[CLADE_CARD_LINES_MAX][STEPS_MAX];
    double         intercept;
} fitted;

static void work_free(card_work *w)
{
    clade__subset_free(&w->sample);
    free(w->segment);
    free(w->score);
    free(w->allowed);
    free(w->fine);
    free(w->step);
    free(w->left);
    free(w->gain);
    free(w->gram);
    free(w->coarse);
}

/* Prospects have a segment of their own and no band: the first `limit` of the others, in order. */
static size_t keep_scored(uint32_t *order, size_t n, const clade_portraits_input *input,
                          size_t limit)
{
    const int32_t n_bands = (int32_t)clade__outlook_n_bands(input->segmentation);
    size_t        kept    = 0;
    for (size_t i = 0; i < n && kept < limit; i++) {
        if (input->segment[order[i]] < n_bands) order[kept++] = order[i];
    }
    return kept;
}

static clade_status work_make(card_work *w, const clade_portraits_input *input, clade_error *err)
{
    const size_t n_all  = input->features->n_customers;
    clade_rng    rng    = clade_rng_stream(input->seed, "engine/portraits/card", 0);
    uint32_t    *order  = CLADE_NEW(uint32_t, n_all);
    clade_status status = CLADE_OK;
    w->n                = n_all < CARD_ROWS ? n_all : CARD_ROWS;
    w->n_learn          = (size_t)(share_to_learn * (double)w->n);
    w->p                = input->features->n_features;
    w->segment          = CLADE_NEW(int32_t, w->n);
    w->score            = CLADE_NEW(double, w->n);
    w->allowed          = clade__features_readable(w->p);
    w->fine             = CLADE_NEW(steps, w->p);
    w->step             = clade_alloc(w->p, w->n_learn);
    w->left             = CLADE_NEW(double, w->n_learn);
    w->gain             = CLADE_NEW(double, w->p);
    w->gram             = CLADE_NEW(double, COLUMNS_MAX *(COLUMNS_MAX + 1));
    w->coarse           = clade_alloc(CLADE_CARD_LINES_MAX, w->n_learn);
    if (order == NULL || w->segment == NULL || w->score == NULL || w->allowed == NULL ||
        w->fine == NULL || w->step == NULL || w->left == NULL || w->gain == NULL ||
        w->gram == NULL || w->coarse == NULL) {
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "no memory for the points of %zu customers", w->n);
        goto done;
    }
    clade_rng_permute(order, n_all, &rng);
    w->n       = keep_scored(order, n_all, input, w->n);
    w->n_learn = (size_t)(share_to_learn * (double)w->n);
    if (w->n < LEAST_ROWS) {
        status =
            clade_fail(err, CLADE_ERR_NOT_READY,
                       "%zu buyers are too few for a points card: %d are wanted", w->n, LEAST_ROWS);
        goto done;
    }
    status = clade__subset_take(&w->sample, input->features, NULL, order, w->n, err);
    if (status != CLADE_OK) goto done;
    status = clade_segmentation_assign(w->segment, w->score, input->segmentation,
                                       &w->sample.features, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < w->n_learn; i++)
        w->mean += w->score[i];
    w->mean /= (double)w->n_learn;
    for (size_t i = 0; i < w->n_learn; i++) {
        w->left[i] = w->score[i] - w->mean;
        w->variance += w->left[i] * w->left[i];
    }
    w->variance /= (double)w->n_learn;
done:
    free(order);
    return status;
}

/* ---------------------------------------------------------------- fine steps */

static size_t step_of(const steps *s, double value)
{
    size_t step = 1;
    if (isnan(value)) return 0;
    while (step < s->n - 1 && value >= s->edge[step - 1])
        step++;
    return step;
}

/* Edges at equal counts; a round number stands for all between which few customers lie. */
static void cut_steps(steps *out, const double *sorted, size_t n, size_t wanted)
{
    const double room    = rounding_share * (double)n;
    size_t       n_edges = 0;
    for (size_t k = 1; k < wanted && n > 1; k++) {
        const double at   = (double)k * (double)n / (double)wanted;
        const size_t low  = (size_t)fmax(0, at - room);
        const size_t high = (size_t)fmin((double)(n - 1), at + room);
        /* A float's 0.4 is a little more than 0.4: 0.4 parts the same customers. */
        double edge = clade__roundest(sorted[low] - 1e-6 * fabs(sorted[low]), sorted[high]);
        if (edge <= sorted[0]) { /* the least value fills whole steps: cut just above it */
            size_t above = 0;
            while (above < n && sorted[above] <= sorted[0])
                above++;
            if (above == n) break;
            const bool whole = sorted[above] == round(sorted[above]); /* "1", where 0.5 would do */
            edge             = whole ? sorted[above]
                                     : clade__roundest(nextafter(sorted[0], INFINITY), sorted[above]);
        }
        if (n_edges == 0 || edge > out->edge[n_edges - 1]) out->edge[n_edges++] = edge;
    }
    out->n = n_edges + 2;
}

typedef struct cut_context {
    card_work    *w;
    clade_status *status;
} cut_context;

static void cut_feature(size_t f, int worker, void *context)
{
    const cut_context *c = context;
    card_work         *w = c->w;
    (void)worker;
    if (!w->allowed[f]) return;
    const size_t wanted =
        (size_t)fmin(FINE_MAX, fmax(FINE_LEAST, (double)w->n_learn / ROWS_A_STEP));
    double *sorted = CLADE_NEW(double, w->n_learn);
    size_t  n      = 0;
    if (sorted == NULL) {
        c->status[f] = CLADE_ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < w->n_learn; i++) {
        const float value = w->sample.features.value[i * w->p + f];
        if (!isnan(value)) sorted[n++] = (double)value;
    }
    clade_sort_f64(sorted, n);
    cut_steps(&w->fine[f], sorted, n, wanted);
    for (size_t i = 0; i < w->n_learn; i++) {
        const double value          = (double)w->sample.features.value[i * w->p + f];
        w->step[f * w->n_learn + i] = (uint8_t)step_of(&w->fine[f], value);
    }
    free(sorted);
}

static clade_status cut_all(card_work *w, clade_error *err)
{
    clade_status  status  = CLADE_OK;
    clade_status *each    = CLADE_NEW(clade_status, w->p);
    cut_context   context = { w, each };
    if (each == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu features", w->p);
    clade_parallel(w->p, cut_feature, &context);
    for (size_t f = 0; f < w->p && status == CLADE_OK; f++)
        status = each[f];
    free(each);
    return status == CLADE_OK ? CLADE_OK
                              : clade_fail(err, status, "no memory to sort %zu customers", w->n);
}

/* ---------------------------------------------------------------- least squares on steps */

/* Solve the symmetric system in place, (m, m + 1) row-major with the right side behind each row, by
 * Cholesky's square root; a ridge keeps it positive. */
static void solve(double *out, double *a, size_t m)
{
    const size_t stride = m + 1;
    for (size_t j = 0; j < m; j++) {
        double *row = a + j * stride;
        for (size_t k = 0; k < j; k++)
            row[j] -= row[k] * row[k];
        row[j] = sqrt(fmax(row[j], 1e-12));
        for (size_t i = j + 1; i < m; i++) {
            double *below = a + i * stride;
            double  sum   = below[j];
            for (size_t k = 0; k < j; k++)
                sum -= below[k] * row[k];
            below[j] = sum / row[j];
        }
    }
    for (size_t i = 0; i < m; i++) {
        double sum = a[i * stride + m];
        for (size_t k = 0; k < i; k++)
            sum -= a[i * stride + k] * out[k];
        out[i] = sum / a[i * stride + i];
    }
    for (size_t i = m; i-- > 0;) {
        double sum = out[i];
        for (size_t k = i + 1; k < m; k++)
            sum -= a[k * stride + i] * out[k];
        out[i] = sum / a[i * stride + i];
    }
}

/* Fit all chosen steps together to the score, and leave what they do not explain in w->left. A few
 * pseudo-rows at zero on every step make the solution the only one. */
static void fit_together(fitted *fit, card_work *w)
{
    size_t offset[CLADE_CARD_LINES_MAX + 1] = { 0 };
    double solution[COLUMNS_MAX];
    for (size_t l = 0; l < fit->n_lines; l++)
        offset[l + 1] = offset[l] + fit->n_steps[l];
    const size_t m = offset[fit->n_lines], stride = m + 1;
    memset(w->gram, 0, m * stride * sizeof(double));
    for (size_t i = 0; i < w->n_learn; i++) {
        size_t column[CLADE_CARD_LINES_MAX];
        for (size_t l = 0; l < fit->n_lines; l++) {
            column[l] = offset[l] + fit->step[l][i];
            w->gram[column[l] * stride + m] += w->score[i] - w->mean;
            for (size_t k = 0; k <= l; k++)
                w->gram[column[l] * stride + column[k]] += 1;
        }
    }
    for (size_t l = 0; l < fit->n_lines; l++) {
        for (size_t s = 0; s < fit->n_steps[l]; s++) {
            const size_t c   = offset[l] + s;
            fit->count[l][s] = w->gram[c * stride + c];
            w->gram[c * stride + c] += pseudo_rows;
        }
    }
    solve(solution, w->gram, m);
    fit->intercept = w->mean;
    for (size_t l = 0; l < fit->n_lines; l++)
        memcpy(fit->value[l], solution + offset[l], fit->n_steps[l] * sizeof(double));
    for (size_t i = 0; i < w->n_learn; i++) {
        w->left[i] = w->score[i] - w->mean;
        for (size_t l = 0; l < fit->n_lines; l++)
            w->left[i] -= fit->value[l][fit->step[l][i]];
    }
}

static void measure_gain(size_t f, int worker, void *context)
{
    card_work     *w                = context;
    double         sum[STEPS_MAX]   = { 0 };
    double         count[STEPS_MAX] = { 0 };
    const uint8_t *step             = w->step + f * w->n_learn;
    (void)worker;
    w->gain[f] = 0;
    if (!w->allowed[f]) return;
    for (size_t i = 0; i < w->n_learn; i++) {
        sum[step[i]] += w->left[i];
        count[step[i]] += 1;
    }
    for (size_t s = 0; s < w->fine[f].n; s++)
        w->gain[f] += sum[s] * sum[s] / (count[s] + pseudo_rows);
}

/* The feature, not chosen yet, whose steps explain most of what is left; p when none does. */
static size_t best_feature(card_work *w, const fitted *fit)
{
    size_t best = w->p;
    clade_parallel(w->p, measure_gain, w);
    for (size_t f = 0; f < w->p; f++) {
        bool taken = false;
        for (size_t l = 0; l < fit->n_lines; l++)
            taken = taken || fit->feature[l] == f;
        if (!taken && w->gain[f] > (best == w->p ? 0 : w->gain[best])) best = f;
    }
    if (best == w->p || w->gain[best] < enough * w->variance * (double)w->n_learn) return w->p;
    return best;
}

static void set_line(fitted *fit, size_t line, const card_work *w, size_t feature)
{
    fit->feature[line] = (uint32_t)feature;
    fit->n_steps[line] = w->fine[feature].n;
    fit->step[line]    = w->step + feature * w->n_learn;
}

static double unexplained(const card_work *w)
{
    double sum = 0;
    for (size_t i = 0; i < w->n_learn; i++)
        sum += w->left[i] * w->left[i];
    return sum;
}

/* Replace each line by the feature that does best in its place. */
static bool second_look(fitted *fit, card_work *w)
{
    bool changed = false;
    for (size_t l = 0; l < fit->n_lines; l++) {
        const double before = unexplained(w);
        const fitted kept   = *fit;
        fit->n_lines--;
        set_line(fit, l, w, fit->feature[fit->n_lines]); /* the last takes its place */
        if (fit->n_lines > 0) fit_together(fit, w);
        const size_t better = best_feature(w, fit);
        if (better < w->p) set_line(fit, fit->n_lines++, w, better);
        fit_together(fit, w);
        if (unexplained(w) < before * (1 - 1e-9)) {
            changed = true;
        } else {
            *fit = kept;
            fit_together(fit, w);
        }
    }
    return changed;
}

static void choose_lines(fitted *fit, card_work *w)
{
    while (fit->n_lines < CLADE_CARD_LINES_MAX) {
        const size_t best = best_feature(w, fit);
        if (best == w->p) break;
        set_line(fit, fit->n_lines++, w, best);
        fit_together(fit, w);
    }
    for (int sweep = 0; sweep < N_SWEEPS && fit->n_lines > 1; sweep++) {
        if (!second_look(fit, w)) break;
    }
}

/* ---------------------------------------------------------------- merging steps into ranges */

/* Cut steps 1 .. n - 1 into as few ranges as lose little, at most CLADE_CARD_RANGES_MAX, each a run
 * of steps: out_range[s] rises from 0. Dynamic programming over where a range begins. */
static size_t merge_steps(size_t out_range[STEPS_MAX], const double *value, const double *count,
                          size_t n_steps, double worth)
{
    const size_t m = n_steps - 1;
    double       loss[CLADE_CARD_RANGES_MAX + 1][STEPS_MAX];
    size_t       start[CLADE_CARD_RANGES_MAX + 1][STEPS_MAX];
    size_t       n_ranges = 1;
    for (size_t k = 1; k <= CLADE_CARD_RANGES_MAX && k <= m; k++) {
        for (size_t end = k; end <= m; end++) { /* steps 1 .. end in k ranges */
            double sum = 0, square = 0, total = 0;
            loss[k][end] = (double)INFINITY;
            for (size_t from = end; from >= k; from--) { /* the last of them begins at `from` */
                sum += count[from] * value[from];
                square += count[from] * value[from] * value[from];
                total += count[from];
                const double inside = total > 0 ? fmax(0, square - sum * sum / total) : 0;
                const double rest =
                    k == 1 ? (from == 1 ? 0 : (double)INFINITY) : loss[k - 1][from - 1];
                if (inside + rest < loss[k][end]) {
                    loss[k][end]  = inside + rest;
                    start[k][end] = from;
                }
            }
        }
        n_ranges = k;
        if (loss[k][m] <= worth) break;
    }
    size_t end = m;
    for (size_t k = n_ranges; k > 0; k--) {
        for (size_t s = start[k][end]; s <= end; s++)
            out_range[s] = k - 1;
        end = start[k][end] - 1;
    }
    return n_ranges;
}

/* Lines of the card with their ranges, and the fit that takes the ranges for steps. */
static void merge_lines(clade_scorecard *card, fitted *fit, card_work *w)
{
    const double worth = enough * w->variance * (double)w->n_learn;
    for (size_t l = 0; l < fit->n_lines; l++) {
        const steps     *fine             = &w->fine[fit->feature[l]];
        clade_card_line *line             = &card->line[l];
        uint8_t         *step             = w->coarse + l * w->n_learn;
        size_t           range[STEPS_MAX] = { 0 };
        line->feature                     = fit->feature[l];
        line->says_absent                 = fit->count[l][0] > 0;
        line->n_ranges = merge_steps(range, fit->value[l], fit->count[l], fine->n, worth);
        for (size_t s = 2; s < fine->n; s++) {
            if (range[s] != range[s - 1]) line->edge[range[s] - 1] = fine->edge[s - 2];
        }
        for (size_t i = 0; i < w->n_learn; i++) {
            const size_t s = fit->step[l][i];
            step[i]        = (uint8_t)(s == 0 ? 0 : range[s] + 1);
        }
        fit->step[l]    = step;
        fit->n_steps[l] = line->n_ranges + 1;
    }
    card->n_lines = fit->n_lines;
}

/* ---------------------------------------------------------------- points */

typedef struct span {
    double low, high;
} span;

static span span_of(const fitted *fit, size_t line)
{
    span all = { (double)INFINITY, -(double)INFINITY };
    for (size_t s = fit->count[line][0] > 0 ? 0 : 1; s < fit->n_steps[line]; s++) {
        all.low  = fmin(all.low, fit->value[line][s]);
        all.high = fmax(all.high, fit->value[line][s]);
    }
    return all;
}

/* Scale values so that the best of all ranges makes about TOTAL_POINTS, and round. Where nobody
 * lacked a value, absence gets the points of the average customer. */
static void give_points(clade_scorecard *card, const fitted *fit)
{
    double width = 0;
    for (size_t l = 0; l < fit->n_lines; l++) {
        const span all = span_of(fit, l);
        width += all.high - all.low;
    }
    const double scale = width > 0 ? TOTAL_POINTS / width : 0;
    for (size_t l = 0; l < fit->n_lines; l++) {
        clade_card_line *line = &card->line[l];
        const span       all  = span_of(fit, l);
        double           mean = 0, total = 0;
        for (size_t s = 1; s < fit->n_steps[l]; s++) {
            line->points[s - 1] = (int32_t)lround(scale * (fit->value[l][s] - all.low));
            mean += fit->count[l][s] * line->points[s - 1];
            total += fit->count[l][s];
        }
        line->absent_points = line->says_absent
                                  ? (int32_t)lround(scale * (fit->value[l][0] - all.low))
                                  : (int32_t)lround(total > 0 ? mean / total : 0);
    }
}

/* Most telling first: lines by the spread of points they make among customers. */
static void sort_lines(clade_scorecard *card, const fitted *fit)
{
    double spread[CLADE_CARD_LINES_MAX];
    for (size_t l = 0; l < card->n_lines; l++) {
        double sum = 0, square = 0, total = 0;
        for (size_t s = 0; s < fit->n_steps[l]; s++) {
            const double points =
                s == 0 ? card->line[l].absent_points : card->line[l].points[s - 1];
            sum += fit->count[l][s] * points;
            square += fit->count[l][s] * points * points;
            total += fit->count[l][s];
        }
        spread[l] = square - sum * sum / total;
    }
    for (size_t l = 1; l < card->n_lines; l++) {
        for (size_t k = l; k > 0 && spread[k] > spread[k - 1]; k--) {
            const clade_card_line line = card->line[k];
            const double          wide = spread[k];
            card->line[k]              = card->line[k - 1];
            spread[k]                  = spread[k - 1];
            card->line[k - 1]          = line;
            spread[k - 1]              = wide;
        }
    }
}

/* For each edge between two segments, the total that puts fewest customers on the wrong side. */
static clade_status set_bands(clade_scorecard *card, const card_work *w, clade_error *err)
{
    const size_t n_totals = 2 * TOTAL_POINTS + 2;
    size_t      *count    = CLADE_NEW(size_t, card->n_segments * n_totals);
    if (count == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a table of points");
    for (size_t i = 0; i < w->n_learn; i++) {
        const size_t total =
            (size_t)clade_scorecard_points(card, w->sample.features.value + i * w->p);
        assert(total < n_totals);
        count[(size_t)w->segment[i] * n_totals + total]++;
    }
    int32_t highest = (int32_t)n_totals;
    for (size_t s = 0; s + 1 < card->n_segments; s++) {
        long best = 0, wrong = 0; /* against "nobody is in segment s or better" */
        card->from[s] = highest;
        for (int32_t total = (int32_t)n_totals - 1; total > 0; total--) {
            for (size_t k = 0; k < card->n_segments; k++) {
                const long here = (long)count[k * n_totals + (size_t)total];
                wrong += k <= s ? -here : here;
            }
            if (total <= highest && wrong < best) {
                best          = wrong;
                card->from[s] = total;
            }
        }
        highest = card->from[s];
    }
    card->from[card->n_segments - 1] = 0;
    free(count);
    return CLADE_OK;
}

static void judge(clade_scorecard *card, const card_work *w)
{
    size_t n_right = 0, n_near = 0;
    for (size_t i = w->n_learn; i < w->n; i++) {
        const int32_t points = clade_scorecard_points(card, w->sample.features.value + i * w->p);
        const long    miss   = (long)clade_scorecard_segment(card, points) - (long)w->segment[i];
        n_right += miss == 0;
        n_near += labs(miss) <= 1;
    }
    card->n_judged     = w->n - w->n_learn;
    card->fidelity     = (double)n_right / (double)card->n_judged;
    card->fidelity_one = (double)n_near / (double)card->n_judged;
}

int32_t clade_scorecard_points(const clade_scorecard *card, const float *row)
{
    int32_t total = 0;
    for (size_t l = 0; l < card->n_lines; l++) {
        const clade_card_line *line  = &card->line[l];
        const double           value = (double)row[line->feature];
        size_t                 range = 0;
        if (isnan(value)) {
            total += line->absent_points;
            continue;
        }
        while (range + 1 < line->n_ranges && value >= line->edge[range])
            range++;
        total += line->points[range];
    }
    return total;
}

size_t clade_scorecard_segment(const clade_scorecard *card, int32_t points)
{
    size_t segment = 0;
    while (segment + 1 < card->n_segments && points < card->from[segment])
        segment++;
    return segment;
}

clade_status clade_scorecard_make(clade_scorecard *out, const clade_portraits_input *input,
                                  clade_error *err)
{
    clade_status             status = CLADE_OK;
    card_work                w      = { 0 };
    fitted                   fit    = { 0 };
    clade_scorecard          card   = { 0 };
    const clade_segment_kind kind   = clade_segmentation_kind(input->segmentation);
    if (kind != CLADE_SEGMENT_OUTLOOK) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "%s segments are not bands of a score: no points card",
                          clade_segment_kind_name(kind));
    }
    card.n_segments  = clade__outlook_n_bands(input->segmentation);
    card.buyers_only = card.n_segments < clade_segmentation_n(input->segmentation);
    status           = work_make(&w, input, err);
    if (status != CLADE_OK) goto done;
    status = cut_all(&w, err);
    if (status != CLADE_OK) goto done;
    choose_lines(&fit, &w);
    if (fit.n_lines > 0) {
        merge_lines(&card, &fit, &w);
        fit_together(&fit, &w);
        give_points(&card, &fit);
        sort_lines(&card, &fit);
    }
    status = set_bands(&card, &w, err);
    if (status != CLADE_OK) goto done;
    judge(&card, &w);
    *out = card;
done:
    work_free(&w);
    return status;
}

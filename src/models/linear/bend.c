/* Fractional logit by fixed-point steps that remember. Runs once for every bent target of a fit.
 *
 * With x = (b, b0), the step f(x) = (c (G + l I))^-1 (gradient - c l b) is zero at the solution, c
 * being the mean curvature at x. Taken alone such steps are many where the curvature differs much
 * between rows: the average customer hardly ever comes back, and the best nearly always. So the
 * last few steps are combined into the one that would have been smallest (Anderson). */
#include "bend.h"

#include "wider.h"

#include <math.h>

enum { STEPS_MAX = 40, MEMORY = CLADE__BEND_MEMORY };

static const double steepest = 0.25; /* of q (1 - q) */
static const double still    = 1e-4; /* in log odds: no column moves further in a step */
static const double wild     = 4;    /* a step so many times the least one before was led astray */

typedef struct slope {
    double total, curvature, intercept;
} slope;

/* Sum of w (share - q) row into out (p), and what the intercept needs. Eight sums a row and not
 * one, so that they need not wait for each other. */
CLADE__WIDER static slope gradient(double *out, const clade__bend_data *data, size_t p,
                                   const double *b, double b0)
{
    slope s = { 0, 0, 0 };
    memset(out, 0, p * sizeof *out);
    for (size_t i = 0; i < data->n; i++) {
        const double *row    = data->row + i * p;
        double        sum[8] = { 0 };
        size_t        t      = 0;
        for (; t + 8 <= p; t += 8) {
            for (size_t k = 0; k < 8; k++)
                sum[k] += row[t + k] * b[t + k];
        }
        for (; t < p; t++)
            sum[0] += row[t] * b[t];
        const double all =
            ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
        const double q    = 1 / (1 + exp(-(b0 + all)));
        const double rest = data->weight[i] * (data->share[i] - q);
        s.total += data->weight[i];
        s.curvature += data->weight[i] * q * (1 - q);
        s.intercept += rest;
        for (t = 0; t < p; t++)
            out[t] += rest * row[t];
    }
    return s;
}

/* Where the search is, and how it came there. Vectors are (m), m = p + 1: the intercept is last. */
typedef struct search {
    size_t  m, n_kept;
    double *x, *step;         /* here, and the plain step from here */
    double *old_x, *old_step; /* the same one step ago */
    double *dx, *dstep;       /* (MEMORY, m): what the last steps changed, oldest overwritten */
} search;

static search search_make(double *scratch, size_t p)
{
    search s = { .m = p + 1 };
    s.x      = scratch;
    s.step = s.x + s.m, s.old_x = s.step + s.m, s.old_step = s.old_x + s.m;
    s.dx = s.old_step + s.m, s.dstep = s.dx + MEMORY * s.m;
    return s;
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The share of each remembered change that the step should take back: least squares of step on
 * dstep by its normal equations, with a touch of ridge for changes that are nearly alike. */
static void remembered_shares(double *out, const search *s, size_t n)
{
    double a[MEMORY][MEMORY];
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++)
            a[i][j] = a[j][i] = dot(s->dstep + i * s->m, s->dstep + j * s->m, s->m);
        out[i] = dot(s->dstep + i * s->m, s->step, s->m);
    }
    for (size_t i = 0; i < n; i++)
        a[i][i] *= 1 + 1e-10;
    for (size_t i = 0; i < n; i++) { /* elimination: the matrix is positive definite */
        for (size_t k = i + 1; k < n; k++) {
            const double ratio = a[i][i] > 0 ? a[k][i] / a[i][i] : 0;
            for (size_t j = i; j < n; j++)
                a[k][j] -= ratio * a[i][j];
            out[k] -= ratio * out[i];
        }
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t j = i + 1; j < n; j++)
            out[i] -= a[i][j] * out[j];
        out[i] = a[i][i] > 0 ? out[i] / a[i][i] : 0;
    }
}

/* x moves by its step less what was learnt from the steps before. */
static void advance(search *s)
{
    const size_t m = s->m;
    double       share[MEMORY];
    if (s->n_kept > 0) {
        const size_t at = (s->n_kept - 1) % MEMORY * m;
        for (size_t i = 0; i < m; i++) {
            s->dx[at + i]    = s->x[i] - s->old_x[i];
            s->dstep[at + i] = s->step[i] - s->old_step[i];
        }
    }
    const size_t n = s->n_kept < MEMORY ? s->n_kept : MEMORY;
    remembered_shares(share, s, n);
    memcpy(s->old_x, s->x, m * sizeof *s->x);
    memcpy(s->old_step, s->step, m * sizeof *s->x);
    for (size_t i = 0; i < m; i++)
        s->x[i] += s->step[i];
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < m; i++)
            s->x[i] -= share[k] * (s->dx[k * m + i] + s->dstep[k * m + i]);
    }
    s->n_kept += 1;
}

static double largest(const double *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

/* The plain step from s->x into s->step, and how far it goes. `careful`: by the bound of the
 * curvature, which never goes too far, and not by its mean, which is nearly always nearer. */
static double plain_step(search *s, const clade__ridge *ridge, double penalty,
                         const clade__bend_data *data, bool careful)
{
    const size_t p     = ridge->p;
    const slope  here  = gradient(s->step, data, p, s->x, s->x[p]);
    const double c     = here.curvature / here.total;
    const double scale = careful ? steepest : c;
    for (size_t t = 0; t < p; t++)
        s->step[t] = (s->step[t] - c * penalty * s->x[t]) / scale;
    clade__ridge_apply(s->step, ridge, c * penalty / scale, 1);
    s->step[p] = here.intercept / (scale * here.total);
    return largest(s->step, s->m);
}

void clade__bend(double *coefficient, double *out_intercept, const clade__ridge *ridge,
                 double penalty, const clade__bend_data *data, double *scratch)
{
    const size_t p    = ridge->p;
    search       s    = search_make(scratch, p);
    double       mean = 0, total = 0, best = INFINITY;
    bool         careful = false;
    for (size_t i = 0; i < data->n; i++) {
        mean += data->weight[i] * data->share[i];
        total += data->weight[i];
    }
    mean   = fmin(0.999, fmax(0.001, mean / total));
    s.x[p] = log(mean / (1 - mean));
    for (size_t t = 0; t < p; t++)
        s.x[t] = coefficient[t] / (mean * (1 - mean));
    memcpy(s.old_x, s.x, s.m * sizeof *s.x);
    for (int round = 0; round < STEPS_MAX; round++) {
        const double move = plain_step(&s, ridge, penalty, data, careful);
        if (!careful && !(move < wild * best)) { /* back to where the step came from */
            careful = true;
            memcpy(s.x, s.old_x, s.m * sizeof *s.x);
            continue;
        }
        best = fmin(best, move);
        if (careful || move < still) {
            for (size_t i = 0; i < s.m; i++)
                s.x[i] += s.step[i];
        } else {
            advance(&s);
        }
        if (move < still) break;
    }
    memcpy(coefficient, s.x, p * sizeof *coefficient);
    *out_intercept = s.x[p];
}

/* Fractional logit by steps on a fixed bound of the curvature. Runs once for every bent target of
 * a fit. */
#include "bend.h"

#include <math.h>

enum { STEPS_MAX = 40 };

static const double steepest = 0.25; /* of q (1 - q) */
static const double still    = 1e-5; /* in log odds: no column moves further in a step */

typedef struct slope {
    double total, curvature, intercept;
} slope;

/* Sum of w (share - q) row into out (p), and what the intercept needs. Four sums a row and not one,
 * so that they need not wait for each other. */
static slope gradient(double *out, const clade__bend_data *data, size_t p, const double *b,
                      double b0)
{
    slope s = { 0, 0, 0 };
    memset(out, 0, p * sizeof *out);
    for (size_t i = 0; i < data->n; i++) {
        const double *row    = data->row + i * p;
        double        sum[4] = { 0 };
        size_t        t      = 0;
        for (; t + 4 <= p; t += 4) {
            for (size_t k = 0; k < 4; k++)
                sum[k] += row[t + k] * b[t + k];
        }
        for (; t < p; t++)
            sum[0] += row[t] * b[t];
        const double q    = 1 / (1 + exp(-(b0 + (sum[0] + sum[1]) + (sum[2] + sum[3]))));
        const double rest = data->weight[i] * (data->share[i] - q);
        s.total += data->weight[i];
        s.curvature += data->weight[i] * q * (1 - q);
        s.intercept += rest;
        for (t = 0; t < p; t++)
            out[t] += rest * row[t];
    }
    return s;
}

void clade__bend(double *coefficient, double *out_intercept, const clade__ridge *ridge,
                 double penalty, const clade__bend_data *data, double *scratch)
{
    const size_t p    = ridge->p;
    double      *step = scratch, mean = 0, total = 0;
    for (size_t i = 0; i < data->n; i++) {
        mean += data->weight[i] * data->share[i];
        total += data->weight[i];
    }
    mean      = fmin(0.999, fmax(0.001, mean / total));
    double b0 = log(mean / (1 - mean));
    for (size_t t = 0; t < p; t++)
        coefficient[t] /= mean * (1 - mean);
    for (int round = 0; round < STEPS_MAX; round++) {
        const slope  s       = gradient(step, data, p, coefficient, b0);
        const double drawing = s.curvature / s.total * penalty;
        double       move    = fabs(s.intercept / (steepest * s.total));
        for (size_t t = 0; t < p; t++)
            step[t] = (step[t] - drawing * coefficient[t]) / steepest;
        clade__ridge_apply(step, ridge, drawing / steepest, 1);
        b0 += s.intercept / (steepest * s.total);
        for (size_t t = 0; t < p; t++) {
            coefficient[t] += step[t];
            move = fmax(move, fabs(step[t]));
        }
        if (move < still) break;
    }
    *out_intercept = b0;
}

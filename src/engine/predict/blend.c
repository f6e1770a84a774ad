/* Loss, calibration, and the blend of several models' margins. */
#include "predict_internal.h"

#include <math.h>
#include <stdlib.h>

enum { BLEND_STEPS = 20, NEWTON_STEPS = 60 };

/* ---------------------------------------------------------------- loss */

/* Tweedie deviance of power 1.5, between Poisson and gamma: amounts that are often nothing. */
static double deviance(double y, double margin)
{
    const double root = exp(0.5 * margin);
    return 4 * (root + y / root - 2 * sqrt(fmax(0, y)));
}

static double log_loss(double y, double margin)
{
    const double side = y > 0.5 ? -margin : margin; /* log(1 + e^side) without overflow */
    return side > 0 ? side + log1p(exp(-side)) : log1p(exp(side));
}

double clade__mean_loss(const double *margin, const double *y, size_t n, bool amount)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += amount ? deviance(y[i], margin[i]) : log_loss(y[i], margin[i]);
    return n == 0 ? (double)NAN : sum / (double)n;
}

/* ---------------------------------------------------------------- calibration */

/* Log-likelihood of a + b m: Bernoulli, or quasi-Poisson of y in units of its mean; a ridge of one
 * customer holds it where the data says nothing. */
static double fit_of(double a, double b, const double *m, const double *y, size_t n, double unit,
                     bool amount)
{
    double sum = -0.5 * (a * a + (b - 1) * (b - 1));
    for (size_t i = 0; i < n; i++) {
        const double eta = a + b * m[i];
        sum += amount ? y[i] / unit * eta - exp(fmin(eta, 50)) : -log_loss(y[i], eta);
    }
    return sum;
}

void clade__calibrate(double *out_intercept, double *out_slope, const double *margin,
                      const double *y, size_t n, bool amount)
{
    double unit = 1, shift = 0, a = 0, b = 1;
    if (amount) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += y[i];
        unit  = sum > 0 ? sum / (double)n : 1;
        shift = log(unit);
        a     = -shift; /* the margins as they are */
    }
    double best = fit_of(a, b, margin, y, n, unit, amount);
    for (int step = 0; step < NEWTON_STEPS; step++) {
        double ga = -a, gb = -(b - 1), haa = 1, hab = 0, hbb = 1;
        for (size_t i = 0; i < n; i++) {
            const double eta  = a + b * margin[i];
            const double mean = amount ? exp(fmin(eta, 50)) : 1 / (1 + exp(-eta));
            const double w    = amount ? mean : mean * (1 - mean);
            const double rest = (amount ? y[i] / unit : y[i]) - mean;
            ga += rest;
            gb += rest * margin[i];
            haa += w;
            hab += w * margin[i];
            hbb += w * margin[i] * margin[i];
        }
        const double det = haa * hbb - hab * hab;
        if (!(det > 0)) break;
        const double da = (hbb * ga - hab * gb) / det, db = (haa * gb - hab * ga) / det;
        double       length = 1, found = -(double)INFINITY;
        for (; length > 1e-6; length /= 2) {
            found = fit_of(a + length * da, b + length * db, margin, y, n, unit, amount);
            if (found >= best) break;
        }
        if (!(found > best + 1e-12 * fabs(best))) break;
        a += length * da;
        b += length * db;
        best = found;
    }
    *out_intercept = a + shift;
    *out_slope     = b;
}

/* ---------------------------------------------------------------- the blend */

double clade__level_of(const double *margin, const double *y, size_t n, double slope, bool amount)
{
    double shift = 0, wanted = 0;
    for (size_t i = 0; i < n; i++)
        wanted += y[i];
    if (!(wanted > 0) || (!amount && !(wanted < (double)n))) return 0;
    for (int step = 0; step < NEWTON_STEPS; step++) {
        double got = 0, rise = 0;
        for (size_t i = 0; i < n; i++) {
            const double m      = slope * margin[i] + shift;
            const double answer = amount ? exp(fmin(m, 50)) : 1 / (1 + exp(-m));
            got += answer;
            rise += answer * (1 - answer); /* of chances alone */
        }
        const double move = amount ? log(wanted / got) : (wanted - got) / fmax(rise, 1e-9);
        shift += fmax(-2, fmin(2, move));
        if (fabs(move) < 1e-9) break;
    }
    return shift;
}

/* Move the margins of each fold as the other folds would have them moved: what is compared is what
 * will be done, a calibration by seasons that are over, applied to one that is not. */
static void level_by_others(double *margin, const clade__scored *s, bool amount)
{
    double shift[CLADE__FOLDS_MAX] = { 0 }, sum = 0;
    if (s->n_folds < 2) return;
    for (size_t f = 0; f < s->n_folds; f++) {
        const size_t from = s->end[f], n = s->end[f + 1] - from;
        shift[f] = clade__level_of(margin + from, s->y + from, n, 1, amount);
        sum += shift[f];
    }
    for (size_t f = 0; f < s->n_folds; f++)
        for (size_t i = s->end[f]; i < s->end[f + 1]; i++)
            margin[i] += (sum - shift[f]) / (double)(s->n_folds - 1);
}

/* Greedy averaging with replacement (Caruana and others 2004, ICML): start from the best, then add
 * again and again whichever model makes the average lose least. */
static double choose_greedily(double *out_weight, double *sum, double *tried, double *const *margin,
                              const double *y, size_t n, bool amount)
{
    size_t times[CLADE_N_PREDICT_MODEL] = { 0 };
    double best                         = (double)INFINITY;
    for (size_t total = 0; total < BLEND_STEPS; total++) {
        int    chosen = -1;
        double least  = (double)INFINITY;
        for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++) {
            if (margin[m] == NULL) continue;
            for (size_t i = 0; i < n; i++)
                tried[i] = (sum[i] + margin[m][i]) / (double)(total + 1);
            const double loss = clade__mean_loss(tried, y, n, amount);
            if (loss < least) {
                least  = loss;
                chosen = m;
            }
        }
        /* Once in a while an addition makes it worse and the next ones better: only a blend that
         * ends better than any before it is kept. */
        if (chosen < 0) break;
        for (size_t i = 0; i < n; i++)
            sum[i] += margin[chosen][i];
        times[chosen] += 1;
        if (!(least < best)) continue;
        best = least;
        for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
            out_weight[m] = (double)times[m] / (double)(total + 1);
    }
    return best;
}

clade_status clade__blend_choose(double *out_weight, double *out_loss, const clade__scored *s,
                                 bool amount, clade_error *err)
{
    double       *margin[CLADE_N_PREDICT_MODEL] = { NULL };
    double *const sum = CLADE_NEW(double, s->n + 1), *const tried = CLADE_NEW(double, s->n + 1);
    bool whole = sum != NULL && tried != NULL;
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++) {
        if (s->margin[m] == NULL) continue;
        margin[m] = CLADE_NEW(double, s->n + 1);
        whole     = whole && margin[m] != NULL;
        if (margin[m] == NULL) continue;
        memcpy(margin[m], s->margin[m], s->n * sizeof(double));
        level_by_others(margin[m], s, amount);
    }
    if (whole) *out_loss = choose_greedily(out_weight, sum, tried, margin, s->y, s->n, amount);
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
        free(margin[m]);
    free(sum);
    free(tried);
    return whole ? CLADE_OK
                 : clade_fail(err, CLADE_ERR_NOMEM, "no memory to blend %zu answers", s->n);
}

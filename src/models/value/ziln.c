/* Zero-inflated lognormal regression. The three lines share no coefficient, but log s and mu share
 * the amounts, so all are climbed together by L-BFGS. Runs once a fit, on the calling thread. */
#include "ziln.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 8, MOST_STEPS = 200, MOST_HALVINGS = 30 };

static const double of_spread = 4; /* the ridge on log s, in that of the others */
static const double s_least = 0.05, s_most = 2.5, z_most = 3;

clade_ziln *clade_ziln_create(size_t p)
{
    if (p == 0 || p > CLADE_ZILN_MAX_COLUMNS) return NULL;
    clade_ziln *const m = calloc(1, sizeof *m + (5 * p + 3) * sizeof(double));
    if (m == NULL) return NULL;
    m->p          = p;
    m->mean       = (double *)(m + 1);
    m->spread     = m->mean + p;
    m->chance     = m->spread + p;
    m->log_mean   = m->chance + p + 1;
    m->log_spread = m->log_mean + p + 1;
    return m;
}

/* ---------------------------------------------------------------- columns */

static double slog(double x)
{
    return x < 0 ? -log1p(-x) : log1p(x);
}

static double standard(const clade_ziln *m, const float *row, size_t j)
{
    if (!(m->spread[j] > 0) || isnan(row[j])) return 0;
    return fmax(-z_most, fmin(z_most, (slog((double)row[j]) - m->mean[j]) / m->spread[j]));
}

static void settle_scale(clade_ziln *m, const float *x, size_t n)
{
    for (size_t j = 0; j < m->p; j++) {
        double sum = 0, squares = 0, k = 0;
        for (size_t i = 0; i < n; i++) {
            if (isnan(x[i * m->p + j])) continue;
            const double value = slog((double)x[i * m->p + j]);
            sum += value;
            squares += value * value;
            k += 1;
        }
        m->mean[j]   = k > 0 ? sum / k : 0;
        m->spread[j] = k > 0 ? sqrt(fmax(0, squares / k - m->mean[j] * m->mean[j])) : 0;
        if (m->spread[j] < 1e-6) m->spread[j] = 0;
    }
}

/* ---------------------------------------------------------------- the loss */

static double line(const double *theta, const float *z, size_t p)
{
    double sum = theta[p];
    for (size_t j = 0; j < p; j++)
        sum += theta[j] * (double)z[j];
    return sum;
}

static void add(double *gradient, const float *z, size_t p, double slope)
{
    for (size_t j = 0; j < p; j++)
        gradient[j] += slope * (double)z[j];
    gradient[p] += slope;
}

double clade__ziln_loss(double *g, const double *theta, const clade__ziln_rows *r)
{
    const size_t  p = r->p, d = p + 1;
    const double *a = theta, *mu = theta + d, *s = theta + 2 * d;
    const double  each = 1 / (double)r->n;
    double        loss = 0;
    if (g != NULL) memset(g, 0, 3 * d * sizeof *g);
    for (size_t i = 0; i < r->n; i++) {
        const float *const z     = r->z + i * p;
        const double       logit = line(a, z, p), side = r->y[i] > 0 ? -logit : logit;
        loss += each * (side > 0 ? side + log1p(exp(-side)) : log1p(exp(side)));
        if (g != NULL) add(g, z, p, each * (1 / (1 + exp(-logit)) - (r->y[i] > 0)));
        if (!(r->y[i] > 0)) continue;
        const double log_s = line(s, z, p);
        const double away  = (log(r->y[i]) - line(mu, z, p)) * exp(-log_s);
        loss += each * (log_s + 0.5 * away * away);
        if (g == NULL) continue;
        add(g + d, z, p, -each * away * exp(-log_s));
        add(g + 2 * d, z, p, each * (1 - away * away));
    }
    for (size_t h = 0; h < 3; h++) {
        const double ridge = h == 2 ? of_spread * r->ridge : r->ridge;
        for (size_t j = 0; j < p; j++) {
            loss += 0.5 * ridge * theta[h * d + j] * theta[h * d + j];
            if (g != NULL) g[h * d + j] += ridge * theta[h * d + j];
        }
        const double from = theta[h * d + p] - r->middle[h];
        loss += 0.5 * each * from * from;
        if (g != NULL) g[h * d + p] += each * from;
    }
    return loss;
}

/* ---------------------------------------------------------------- L-BFGS */

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Steps and changes of the gradient, the latest MEMORY of them. */
typedef struct path {
    size_t  n, k; /* numbers; steps that are kept */
    double *step, *change;
    double  curvature[MEMORY];
    size_t  next;
} path;

/* out = -H gradient by the two loops; `along` has room for MEMORY numbers. */
static void direction(double *out, const path *t, const double *gradient)
{
    double along[MEMORY];
    for (size_t i = 0; i < t->n; i++)
        out[i] = -gradient[i];
    if (t->k == 0) return;
    for (size_t b = 1; b <= t->k; b++) {
        const size_t        at = (t->next + MEMORY - b) % MEMORY;
        const double *const s = t->step + at * t->n, *const c = t->change + at * t->n;
        along[at] = dot(s, out, t->n) / t->curvature[at];
        for (size_t i = 0; i < t->n; i++)
            out[i] -= along[at] * c[i];
    }
    const size_t        latest = (t->next + MEMORY - 1) % MEMORY;
    const double *const c      = t->change + latest * t->n;
    const double        scale  = t->curvature[latest] / dot(c, c, t->n);
    for (size_t i = 0; i < t->n; i++)
        out[i] *= scale;
    for (size_t b = t->k; b >= 1; b--) {
        const size_t        at = (t->next + MEMORY - b) % MEMORY;
        const double *const s = t->step + at * t->n, *const q = t->change + at * t->n;
        const double more = along[at] - dot(q, out, t->n) / t->curvature[at];
        for (size_t i = 0; i < t->n; i++)
            out[i] += more * s[i];
    }
}

static void keep(path *t, const double *step, const double *now, const double *before)
{
    double *const s = t->step + t->next * t->n, *const c = t->change + t->next * t->n;
    for (size_t i = 0; i < t->n; i++) {
        s[i] = step[i];
        c[i] = now[i] - before[i];
    }
    const double curvature = dot(s, c, t->n);
    if (!(curvature > 1e-12 * dot(c, c, t->n))) return; /* no bowl here: forget it */
    t->curvature[t->next] = curvature;
    t->next               = (t->next + 1) % MEMORY;
    if (t->k < MEMORY) t->k++;
}

/* theta (n) climbs down in place. `room` has (4 + 2 MEMORY) n numbers. */
static void descend(double *theta, size_t n, const clade__ziln_rows *rows, double *room)
{
    double *const gradient = room, *const before = room + n, *const way = room + 2 * n,
                  *const trial = room + 3 * n;
    path                 t    = { .n = n, .step = room + 4 * n, .change = room + (4 + MEMORY) * n };
    double               loss = clade__ziln_loss(gradient, theta, rows);
    for (int step = 0; step < MOST_STEPS; step++) {
        direction(way, &t, gradient);
        double slope = dot(way, gradient, n), length = t.k == 0 ? 1 / fmax(1, sqrt(-slope)) : 1;
        if (!(slope < 0)) break;
        double next = (double)INFINITY;
        for (int k = 0; k < MOST_HALVINGS; k++, length /= 2) {
            for (size_t i = 0; i < n; i++)
                trial[i] = theta[i] + length * way[i];
            next = clade__ziln_loss(NULL, trial, rows);
            if (next <= loss + 1e-4 * length * slope) break;
        }
        if (!(next < loss)) break;
        memcpy(before, gradient, n * sizeof *before);
        const double gained = loss - next;
        loss                = clade__ziln_loss(gradient, trial, rows);
        for (size_t i = 0; i < n; i++)
            way[i] = trial[i] - theta[i];
        memcpy(theta, trial, n * sizeof *theta);
        keep(&t, way, gradient, before);
        if (gained < 1e-7 * fmax(1, fabs(loss))) break;
    }
}

/* ---------------------------------------------------------------- fit */

static clade_status check(const float *x, size_t n, size_t p, const double *y, clade_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!(y[i] >= 0) || isinf(y[i]))
            return clade_fail(err, CLADE_ERR_DATA, "amount %zu is %g, wanted 0 or more", i, y[i]);
        for (size_t j = 0; j < p; j++)
            if (isinf(x[i * p + j]))
                return clade_fail(err, CLADE_ERR_DATA, "value of row %zu, column %zu is infinite",
                                  i, j);
    }
    return CLADE_OK;
}

/* What the amounts say as a whole, each with half a row or a whole one of doubt. */
static void settle_middle(double *middle, const double *y, size_t n)
{
    double k = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(y[i] > 0)) continue;
        k += 1;
        sum += log(y[i]);
        squares += log(y[i]) * log(y[i]);
    }
    const double mean = k > 0 ? sum / k : 0;
    middle[0]         = log((k + 0.5) / ((double)n - k + 0.5));
    middle[1]         = mean;
    middle[2]         = 0.5 * log((k > 0 ? fmax(0, squares - k * mean * mean) + 1 : 1) / (k + 1));
}

clade_status clade_ziln_fit(clade_ziln **out, const float *x, size_t n, size_t p, const double *y,
                            double ridge, const clade_ziln *start, clade_error *err)
{
    const size_t d = 3 * (p + 1);
    size_t       n_values;
    if (n == 0 || p == 0 || p > CLADE_ZILN_MAX_COLUMNS || !(ridge > 0) ||
        (start != NULL && start->p != p))
        return clade_fail(err, CLADE_ERR_ARG, "ziln: %zu rows of %zu columns with a ridge of %g", n,
                          p, ridge);
    CLADE_TRY(check(x, n, p, y, err));
    clade_ziln *const m    = clade_ziln_create(p);
    double *const     room = CLADE_NEW(double, (4 + 2 * MEMORY) * d);
    float *const      z    = clade_size_mul(&n_values, n, p) ? CLADE_NEW(float, n_values) : NULL;
    if (m == NULL || room == NULL || z == NULL) {
        free(m);
        free(room);
        free(z);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu rows of %zu columns", n, p);
    }
    settle_scale(m, x, n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < p; j++)
            z[i * p + j] = (float)standard(m, x + i * p, j);
    clade__ziln_rows rows = { .n = n, .p = p, .z = z, .y = y, .ridge = ridge };
    settle_middle(rows.middle, y, n);
    if (start != NULL) { /* the three lines lie one behind the other */
        memcpy(m->chance, start->chance, d * sizeof *m->chance);
    } else {
        m->chance[p]     = rows.middle[0];
        m->log_mean[p]   = rows.middle[1];
        m->log_spread[p] = rows.middle[2];
    }
    descend(m->chance, d, &rows, room);
    free(room);
    free(z);
    *out = m;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- answers */

static double log_expected(double a, double mu, double log_s)
{
    const double s = fmax(s_least, fmin(s_most, exp(log_s)));
    return -(a > 0 ? log1p(exp(-a)) : log1p(exp(a)) - a) + mu + 0.5 * s * s;
}

void clade_ziln_predict(double *out, const clade_ziln *m, const float *x, size_t n)
{
    const size_t p = m->p;
    for (size_t i = 0; i < n; i++) {
        double a = m->chance[p], mu = m->log_mean[p], log_s = m->log_spread[p];
        for (size_t j = 0; j < p; j++) {
            const double z = standard(m, x + i * p, j);
            a += m->chance[j] * z;
            mu += m->log_mean[j] * z;
            log_s += m->log_spread[j] * z;
        }
        out[i] = log_expected(a, mu, log_s);
    }
}

double clade_ziln_terms(double *out, const clade_ziln *m, const float *row)
{
    const size_t p = m->p;
    const double a = m->chance[p], s = exp(m->log_spread[p]);
    const double of_a = 1 / (1 + exp(a)), of_s = s > s_least && s < s_most ? s * s : 0;
    for (size_t j = 0; j < p; j++)
        out[j] =
            (of_a * m->chance[j] + m->log_mean[j] + of_s * m->log_spread[j]) * standard(m, row, j);
    return log_expected(a, m->log_mean[p], m->log_spread[p]);
}

/*
 * A small optimiser for a handful of log-parameters: BFGS (Nocedal and Wright 2006, Numerical
 * Optimization, 6.1) with the line search of Lewis and Overton (2013, Mathematical Programming
 * 141), which ends in the weak Wolfe conditions by halving and doubling alone. It runs a few dozen
 * steps for each fit; what it costs is the likelihood it asks for.
 */
#include "value_internal.h"

#include <math.h>

enum { STEPS_MAX = 300, TRIES_MAX = 40 };

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* inverse <- (I - s y' / y's) inverse (I - y s' / y's) + s s' / y's, for step s that changed the
 * gradient by y. Left alone where the curvature along s is not positive. */
static void learn_curvature(double *inverse, const double *s, const double *y, size_t n, bool first)
{
    const double sy = dot(s, y, n);
    double       Hy[CLADE_VALUE_MAX_THETA];
    if (!(sy > 1e-14 * sqrt(dot(s, s, n) * dot(y, y, n)))) return;
    if (first) { /* no guess was given: one of the right size */
        const double size = sy / dot(y, y, n);
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++)
                inverse[i * n + j] = i == j ? size : 0;
        }
    }
    for (size_t i = 0; i < n; i++)
        Hy[i] = dot(inverse + i * n, y, n);
    const double scale = (1 + dot(y, Hy, n) / sy) / sy;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            inverse[i * n + j] += scale * s[i] * s[j] - (Hy[i] * s[j] + s[i] * Hy[j]) / sy;
    }
}

/* Downhill by the inverse curvature, or straight down where that does not lead down; never further
 * than 2 in all, which is a factor of e^2 in parameters. */
static double direction(double *d, const double *inverse, const double *gradient, size_t n)
{
    for (size_t i = 0; i < n; i++)
        d[i] = -dot(inverse + i * n, gradient, n);
    double slope = dot(d, gradient, n);
    if (!(slope < 0)) {
        for (size_t i = 0; i < n; i++)
            d[i] = -gradient[i];
        slope = dot(d, gradient, n);
    }
    const double length = sqrt(dot(d, d, n));
    if (length <= 2) return slope;
    for (size_t i = 0; i < n; i++)
        d[i] *= 2 / length;
    return slope * 2 / length;
}

/* A step along d that falls enough and flattens enough; false when none does. theta, depth and
 * gradient move to it. */
static bool step_along(double *theta, double *depth, double *gradient, const double *d,
                       double slope, clade__value_hill *hill)
{
    const size_t n   = hill->n;
    double       low = 0, high = (double)INFINITY, t = 1, at[CLADE_VALUE_MAX_THETA];
    double       new_gradient[CLADE_VALUE_MAX_THETA];
    for (int try = 0; try < TRIES_MAX; try++) {
        for (size_t i = 0; i < n; i++)
            at[i] = theta[i] + t * d[i];
        const double new_depth = clade__value_depth(new_gradient, hill, at);
        const double room      = 1e-14 * fabs(*depth);          /* sums round */
        if (!(new_depth <= *depth + 1e-4 * t * slope + room)) { /* too far, or not a number */
            high = t;
        } else if (!(dot(new_gradient, d, n) >= 0.9 * slope)) {
            low = t;
        } else {
            *depth = new_depth;
            memcpy(theta, at, n * sizeof *at);
            memcpy(gradient, new_gradient, n * sizeof *gradient);
            return true;
        }
        t = isinf(high) ? 2 * t : 0.5 * (low + high);
        if (isinf(high) && t > 8) { /* downhill without end */
            *depth = new_depth;
            memcpy(theta, at, n * sizeof *at);
            memcpy(gradient, new_gradient, n * sizeof *gradient);
            return true;
        }
    }
    return false;
}

static bool is_far(const double *theta, const clade__value_hill *hill, double far)
{
    for (size_t i = 0; i < hill->n; i++) {
        const double middle = i < hill->law->n_params ? hill->middle[i] : 0;
        if (!(fabs(theta[i] - middle) < far)) return true;
    }
    return false;
}

void clade__value_climb(double *theta, double *inverse, clade__value_hill *hill, double far)
{
    const size_t n     = hill->n;
    bool         first = true; /* is the guess no more than the identity? */
    double       gradient[CLADE_VALUE_MAX_THETA], before[CLADE_VALUE_MAX_THETA];
    double       d[CLADE_VALUE_MAX_THETA], s[CLADE_VALUE_MAX_THETA], y[CLADE_VALUE_MAX_THETA];
    for (size_t i = 0; i < n * n; i++)
        first = first && inverse[i] == (i % (n + 1) == 0 ? 1.0 : 0.0);

    double depth = clade__value_depth(gradient, hill, theta);
    for (int step = 0; step < STEPS_MAX && !is_far(theta, hill, far); step++) {
        const double slope = direction(d, inverse, gradient, n);
        if (sqrt(dot(gradient, gradient, n)) < 1e-10 || -slope < 1e-16) return;
        memcpy(before, gradient, n * sizeof *before);
        memcpy(s, theta, n * sizeof *s);
        if (!step_along(theta, &depth, gradient, d, slope, hill)) return;
        for (size_t i = 0; i < n; i++) {
            s[i] = theta[i] - s[i];
            y[i] = gradient[i] - before[i];
        }
        learn_curvature(inverse, s, y, n, first);
        first = false;
    }
}

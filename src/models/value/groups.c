/* Customers checked, summarised, and collapsed: equal rows become one with a count. The likelihood
 * of a shop is then a sum over distinct rows, which days and weeks make few of. */
#include "value_internal.h"

#include "clade/text.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_ROWS = 1 << 30 };

clade_status clade_value_summarise(clade_value_summary *out, const int64_t *day,
                                   const double *amount, size_t n, int64_t end_day,
                                   double unit_days, clade_error *err)
{
    size_t  n_days = 0;
    int64_t last   = 0;
    double  sum    = 0;
    if (!(unit_days > 0) || !isfinite(unit_days)) {
        return clade_fail(err, CLADE_ERR_ARG, "a unit of time of %g days, wanted one above 0",
                          unit_days);
    }
    for (size_t i = 0; i < n && day[i] <= end_day; i++) {
        if (i > 0 && day[i] < day[i - 1]) {
            return clade_fail(err, CLADE_ERR_DATA,
                              "purchase %zu is of day %lld, before day %lld: wanted them in order",
                              i, (long long)day[i], (long long)day[i - 1]);
        }
        if (i == 0 || day[i] != last) n_days++;
        last = day[i];
        if (amount != NULL && n_days > 1) sum += amount[i];
    }
    if (n_days == 0) {
        return clade_fail(err, CLADE_ERR_NOT_FOUND, "no purchase up to day %lld",
                          (long long)end_day);
    }
    const double x = (double)(n_days - 1);
    *out           = (clade_value_summary){ .x     = x,
                                            .t_x   = (double)(last - day[0]) / unit_days,
                                            .T     = (double)(end_day - day[0]) / unit_days,
                                            .spend = amount == NULL || x == 0 ? (double)NAN : sum / x };
    return CLADE_OK;
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static bool is_whole(double v, double most)
{
    return v >= 0 && v <= most && v == floor(v);
}

static clade_status check_times(const clade_value_customers *c, size_t i, bool periods,
                                clade_error *err)
{
    const double x = c->x[i], t_x = c->t_x[i], T = c->T[i];
    if (!(t_x >= 0 && t_x <= T && T <= 1e12)) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "customer %zu: t_x %g and T %g, wanted 0 <= t_x <= T <= 1e12", i, t_x, T);
    }
    if ((x == 0) != (t_x == 0)) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "customer %zu: x %g with t_x %g, wanted both 0 or neither", i, x, t_x);
    }
    if (periods && (!is_whole(t_x, T) || !is_whole(T, CLADE_VALUE_MAX_PERIODS) || x > t_x)) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "customer %zu: x %g, t_x %g, T %g, wanted whole periods, x <= t_x and T "
                          "<= %d",
                          i, x, t_x, T, CLADE_VALUE_MAX_PERIODS);
    }
    return CLADE_OK;
}

clade_status clade__value_check(const clade_value_customers *c, clade_value_kind kind,
                                clade_error *err)
{
    const bool spends = kind == CLADE_VALUE_GAMMA_GAMMA;
    if (c->n > MAX_ROWS || c->n_covariates > CLADE_VALUE_MAX_COVARIATES) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "%zu customers with %zu covariates, wanted at most %d "
                          "and %d",
                          c->n, c->n_covariates, MAX_ROWS, CLADE_VALUE_MAX_COVARIATES);
    }
    if (c->n > 0 && (c->x == NULL || (spends ? c->spend == NULL : c->t_x == NULL || c->T == NULL) ||
                     (c->n_covariates > 0 && c->covariate == NULL))) {
        return clade_fail(err, CLADE_ERR_ARG, "%s needs x, %s and its covariates",
                          clade_value_kind_name(kind), spends ? "spend" : "t_x, T");
    }
    for (size_t i = 0; i < c->n; i++) {
        if (!is_whole(c->x[i], CLADE_VALUE_MAX_X)) {
            return clade_fail(err, CLADE_ERR_DATA,
                              "customer %zu: x %g, wanted a whole number in 0..%d", i, c->x[i],
                              CLADE_VALUE_MAX_X);
        }
        if (c->weight != NULL && !(c->weight[i] >= 0 && c->weight[i] <= 1e15)) {
            return clade_fail(err, CLADE_ERR_DATA, "customer %zu: weight %g, wanted 0 or more", i,
                              c->weight[i]);
        }
        if (!spends) CLADE_TRY(check_times(c, i, kind == CLADE_VALUE_BG_BB, err));
        if (spends && isinf(c->spend[i])) {
            return clade_fail(err, CLADE_ERR_DATA, "customer %zu: spend %g, wanted a number or NAN",
                              i, c->spend[i]);
        }
        for (size_t j = 0; j < c->n_covariates; j++) {
            const double z = c->covariate[i * c->n_covariates + j];
            if (!(fabs(z) <= 1e12)) {
                return clade_fail(err, CLADE_ERR_DATA,
                                  "customer %zu: covariate %zu is %g, wanted a number within 1e12",
                                  i, j, z);
            }
        }
    }
    return CLADE_OK;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* What makes two rows equal: x, two more numbers, and covariates. */
typedef struct row_key {
    double part[3 + CLADE_VALUE_MAX_COVARIATES];
} row_key;

static size_t key_of(row_key *key, const clade_value_customers *c, clade_value_kind kind, size_t i)
{
    const bool spends = kind == CLADE_VALUE_GAMMA_GAMMA;
    key->part[0]      = c->x[i] + 0.0; /* -0 becomes 0 */
    key->part[1]      = (spends ? c->spend[i] : c->t_x[i]) + 0.0;
    key->part[2]      = (spends ? 0 : c->T[i]) + 0.0;
    for (size_t j = 0; j < c->n_covariates; j++)
        key->part[3 + j] = c->covariate[i * c->n_covariates + j] + 0.0;
    return (3 + c->n_covariates) * sizeof key->part[0];
}

static bool is_read(const clade_value_customers *c, clade_value_kind kind, size_t i)
{
    if (c->weight != NULL && c->weight[i] == 0) return false;
    return kind != CLADE_VALUE_GAMMA_GAMMA || (c->x[i] > 0 && c->spend[i] > 0);
}

/* One table of places, open addressing; a place holds the index of a group plus 1. */
typedef struct finder {
    uint32_t *place;
    size_t    mask;
} finder;

static bool same_row(const clade__value_groups *g, size_t at, const row_key *key, bool spends)
{
    if (g->x[at] != key->part[0] || (spends ? g->spend[at] : g->t_x[at]) != key->part[1] ||
        (!spends && g->T[at] != key->part[2])) {
        return false;
    }
    return g->k == 0 || memcmp(g->z + at * g->k, key->part + 3, g->k * sizeof *g->z) == 0;
}

static void add_row(clade__value_groups *g, finder *find, const row_key *key, size_t size,
                    bool spends, double weight)
{
    size_t place = 0;
    if (find != NULL) {
        place = clade_hash64(key->part, size, 0) & find->mask;
        for (; find->place[place] != 0; place = (place + 1) & find->mask) {
            const size_t at = find->place[place] - 1;
            if (!same_row(g, at, key, spends)) continue;
            g->weight[at] += weight;
            return;
        }
        find->place[place] = (uint32_t)g->n + 1;
    }
    g->x[g->n]                         = key->part[0];
    (spends ? g->spend : g->t_x)[g->n] = key->part[1];
    g->T[g->n]                         = key->part[2];
    g->weight[g->n]                    = weight;
    if (g->k > 0) memcpy(g->z + g->n * g->k, key->part + 3, g->k * sizeof *g->z);
    g->n++;
}

static void sum_up(clade__value_groups *g, clade_value_kind kind)
{
    double most = 0;
    for (size_t i = 0; i < g->n; i++) {
        const double w = g->weight[i];
        g->n_customers += w;
        g->sum_x += w * g->x[i];
        g->sum_t_x += w * g->t_x[i];
        g->sum_T += w * g->T[i];
        g->sum_spend += w * g->spend[i];
        most = fmax(most, kind == CLADE_VALUE_BG_BB ? g->T[i] : g->x[i]);
    }
    g->table_size = (size_t)most + 2; /* arguments up to x + 1, or T + 1 */
}

/* Covariates in units of their spread around their mean: the climb is even in all directions, and
 * one ridge fits all. A constant column becomes zeros. */
static void scale_covariates(clade__value_groups *g)
{
    for (size_t j = 0; j < g->k; j++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < g->n; i++)
            mean += g->weight[i] * g->z[i * g->k + j];
        mean /= g->n_customers;
        for (size_t i = 0; i < g->n; i++) {
            const double away = g->z[i * g->k + j] - mean;
            square += g->weight[i] * away * away;
        }
        const double spread = sqrt(square / g->n_customers);
        g->centre[j]        = mean;
        g->spread[j]        = spread > 1e-12 * (1 + fabs(mean)) ? spread : 0;
        for (size_t i = 0; i < g->n; i++) {
            double *const z = &g->z[i * g->k + j];
            *z              = g->spread[j] > 0 ? (*z - mean) / g->spread[j] : 0;
        }
    }
}

clade_status clade__value_group(clade__value_groups *out, const clade_value_customers *c,
                                clade_value_kind kind, size_t stride, bool every_row,
                                clade_error *err)
{
    const size_t        n_rows = (c->n + stride - 1) / stride, room = (n_rows + 3) / 4 * 4;
    clade__value_groups g    = { .k = c->n_covariates };
    finder              find = { .mask = 15 };
    while (find.mask < 2 * n_rows)
        find.mask = 2 * find.mask + 1;
    double *column = CLADE_NEW(double, room *(5 + g.k) + 1);
    find.place     = every_row ? NULL : CLADE_NEW(uint32_t, find.mask + 1);
    if (column == NULL || (find.place == NULL && !every_row)) {
        free(column);
        free(find.place);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to group %zu customers", n_rows);
    }
    g.memory = column;
    g.x      = column;
    g.t_x    = column + room;
    g.T      = column + 2 * room;
    g.spend  = column + 3 * room;
    g.weight = column + 4 * room;
    g.z      = column + 5 * room;
    for (size_t i = 0; i < c->n; i += stride) {
        row_key key;
        if (!is_read(c, kind, i)) {
            g.n_left_out++;
            continue;
        }
        const size_t size = key_of(&key, c, kind, i);
        add_row(&g, every_row ? NULL : &find, &key, size, kind == CLADE_VALUE_GAMMA_GAMMA,
                c->weight == NULL ? 1 : c->weight[i]);
    }
    free(find.place);
    sum_up(&g, kind);
    if (g.n > 0) scale_covariates(&g);
    *out = g;
    return CLADE_OK;
}

void clade__value_groups_free(clade__value_groups *groups)
{
    free(groups->memory);
    *groups = (clade__value_groups){ 0 };
}

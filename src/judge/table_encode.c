/* Columns of a table as numbers, learnt from training rows alone.
 *
 * The statistic of a level is (yes among rows seen + prior) / (rows seen + 1), the prior being the
 * share of yes in training. A training row has seen the rows before it in a random order, so its
 * own label is not in its own value; a row that is asked has seen all of training. */
#include "clade/run.h"
#include "table_internal.h"

#include <math.h>
#include <stdlib.h>

static clade_status no_memory(clade_error *err)
{
    return clade_fail(err, CLADE_ERR_NOMEM, "no memory to encode a table");
}

void clade__encoder_free(clade__encoder *encoder)
{
    for (size_t k = 0; encoder->statistic != NULL && k < encoder->p; k++)
        free(encoder->statistic[k]);
    free(encoder->statistic);
    free(encoder->column);
    *encoder = (clade__encoder){ 0 };
}

/* Levels (absence among them) that training rows have: seen (n_levels + 1). */
static size_t count_seen(uint8_t *seen, const clade_table_column *c, const uint32_t *row, size_t n)
{
    size_t n_seen = 0;
    for (size_t i = 0; i < n; i++) {
        n_seen += !seen[c->level[row[i]]];
        seen[c->level[row[i]]] = 1;
    }
    return n_seen;
}

/* Columns of a category: one for each level where they are few (of two, one), and the statistic. */
static void plan_category(clade__encoder *e, size_t j, const uint8_t *seen, size_t n_seen)
{
    const clade_table_column *const c    = &e->table->column[j];
    size_t                          left = n_seen == 2 ? 1 : n_seen;
    if (n_seen < 2) return;
    if (n_seen > 2) e->column[e->p++] = (clade__encoded_column){ j, UINT32_MAX, true };
    if (n_seen > CLADE_TABLE_ONE_HOT_MAX) return;
    for (uint32_t l = (uint32_t)c->n_levels + 1; l-- > 0 && left > 0;) {
        if (!seen[l]) continue;
        e->column[e->p++] = (clade__encoded_column){ j, l, false };
        left--;
    }
}

static clade_status plan(clade__encoder *e, const uint32_t *row, size_t n, clade_error *err)
{
    const clade_table *const t    = e->table;
    size_t                   room = 0;
    for (size_t j = 0; j < t->n_columns; j++)
        room += 2 + CLADE_TABLE_ONE_HOT_MAX;
    e->column    = CLADE_NEW(clade__encoded_column, room);
    e->statistic = CLADE_NEW(double *, room);
    if (e->column == NULL || e->statistic == NULL) return no_memory(err);
    for (size_t j = 0; j < t->n_columns; j++) {
        const clade_table_column *const c = &t->column[j];
        if (c->kind == CLADE_TABLE_NUMBER || c->kind == CLADE_TABLE_DATE) {
            e->column[e->p++] = (clade__encoded_column){ j, UINT32_MAX, false };
        } else if (c->kind == CLADE_TABLE_CATEGORY) {
            uint8_t *const seen = CLADE_NEW(uint8_t, c->n_levels + 1);
            if (seen == NULL) return no_memory(err);
            plan_category(e, j, seen, count_seen(seen, c, row, n));
            free(seen);
        }
    }
    if (e->p > 0) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_DATA, "no column is left to learn %s from", t->target);
}

/* Statistics in the order of rows given; out (n, p) gets those of training rows. */
static clade_status learn_statistic(clade__encoder *e, size_t k, float *out, const uint32_t *row,
                                    const uint32_t *order, size_t n, double prior, clade_error *err)
{
    const clade_table_column *const c     = &e->table->column[e->column[k].source];
    double *const                   yes   = CLADE_NEW(double, c->n_levels + 1);
    double *const                   count = CLADE_NEW(double, c->n_levels + 1);
    if (yes == NULL || count == NULL) {
        free(yes);
        free(count);
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t at    = order[i];
        const uint32_t level = c->level[row[at]];
        out[at * e->p + k]   = (float)((yes[level] + prior) / (count[level] + 1.0));
        yes[level] += e->table->label[row[at]];
        count[level] += 1.0;
    }
    for (size_t l = 0; l <= c->n_levels; l++)
        yes[l] = (yes[l] + prior) / (count[l] + 1.0);
    e->statistic[k] = yes;
    free(count);
    return CLADE_OK;
}

/* All columns but statistics, which are left as they are unless `asked`. */
static void encode(float *out, const clade__encoder *e, const uint32_t *row, size_t n, bool asked)
{
    for (size_t k = 0; k < e->p; k++) {
        const clade__encoded_column *const how = &e->column[k];
        const clade_table_column *const    c   = &e->table->column[how->source];
        for (size_t i = 0; i < n; i++) {
            float *const cell = &out[i * e->p + k];
            if (how->statistic) {
                if (asked) *cell = (float)e->statistic[k][c->level[row[i]]];
            } else {
                *cell = c->level == NULL ? c->value[row[i]]
                                         : (c->level[row[i]] == how->one_level ? 1.0f : 0.0f);
            }
        }
    }
}

clade_status clade__encoder_fit(clade__encoder *out, float **out_x, const clade_table *table,
                                const uint32_t *row, size_t n, uint64_t seed, uint64_t stream,
                                clade_error *err)
{
    clade_status    status = CLADE_OK;
    clade__encoder  e      = { .table = table };
    float          *x      = NULL;
    double          prior  = 0.0;
    clade_rng       rng    = clade_rng_stream(seed, "table/order", stream);
    uint32_t *const order  = CLADE_NEW(uint32_t, n);
    if (order == NULL) return no_memory(err);
    clade_rng_permute(order, n, &rng);
    for (size_t i = 0; i < n; i++)
        prior += table->label[row[i]];
    prior /= (double)n;
    status = plan(&e, row, n, err);
    if (status != CLADE_OK) goto done;
    x = CLADE_NEW(float, n *e.p);
    if (x == NULL) status = no_memory(err);
    for (size_t k = 0; k < e.p && status == CLADE_OK; k++) {
        if (e.column[k].statistic) status = learn_statistic(&e, k, x, row, order, n, prior, err);
    }
    if (status != CLADE_OK) goto done;
    encode(x, &e, row, n, false);
    *out   = e;
    *out_x = x;
    e      = (clade__encoder){ 0 };
    x      = NULL;
done:
    clade__encoder_free(&e);
    free(x);
    free(order);
    return status;
}

clade_status clade__encoder_apply(float **out_x, const clade__encoder *encoder, const uint32_t *row,
                                  size_t n, clade_error *err)
{
    float *const x = CLADE_NEW(float, n * encoder->p);
    if (x == NULL) return no_memory(err);
    encode(x, encoder, row, n, true);
    *out_x = x;
    return CLADE_OK;
}

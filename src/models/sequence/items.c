/*
 * What an item is: its own row plus the rows of its attributes, so that an item nobody has touched
 * has a vector too. With a temperature T the output compares directions:
 *
 *     e_i = E[i] + sum_f A_f[a_f(i)]          row_i = e_i / |e_i|
 *     de_i = (dr_i - row_i (row_i . dr_i)) / |e_i|
 *
 * and the 1 / T is put into the customer's vector. Without one, row_i = e_i.
 */
#include "behaviour_internal.h"

#include "clade/run.h"

#include <math.h>

enum { ROWS_A_TASK = 512 };

typedef struct work {
    float                 *row, *inverse_norm;
    const clade_behaviour *model;
    const uint32_t        *id;
    size_t                 n;
} work;

static size_t item_at(const uint32_t *id, size_t i)
{
    return id == NULL ? i + 1 : id[i];
}

static void compose(size_t task, int worker, void *context)
{
    (void)worker;
    const work *const            w     = context;
    const clade_behaviour *const model = w->model;
    const clade_kernels *const   f     = clade_kernels_get();
    const size_t                 d     = model->options.d;
    const size_t                 first = task * ROWS_A_TASK;
    const size_t                 end   = first + ROWS_A_TASK < w->n ? first + ROWS_A_TASK : w->n;
    for (size_t i = first; i < end; i++) {
        const size_t item = item_at(w->id, i);
        float *const row  = w->row + i * d;
        memcpy(row, model->theta + model->at.item + item * d, d * sizeof *row);
        for (size_t a = 0; a < model->shape.n_item_fields; a++) {
            f->add(row, model->theta + model->at.item_field[a] + model->item_value[a][item] * d, d);
        }
        w->inverse_norm[i] = 1.0f;
        if (model->options.temperature <= 0.0f) continue;
        const float inverse = (float)(1.0 / sqrt(f->sum_squares(row, d) + 1e-12));
        w->inverse_norm[i]  = inverse;
        for (size_t j = 0; j < d; j++)
            row[j] *= inverse;
    }
}

void clade__items(float *row, float *inverse_norm, const clade_behaviour *model, const uint32_t *id,
                  size_t n)
{
    work w = { row, inverse_norm, model, id, n };
    clade_parallel((n + ROWS_A_TASK - 1) / ROWS_A_TASK, compose, &w);
}

void clade__items_backward(float *grad, float *d_row, const float *row, const float *inverse_norm,
                           const clade_behaviour *model, const uint32_t *id, size_t n)
{
    const clade_kernels *const f = clade_kernels_get();
    const size_t               d = model->options.d;
    for (size_t i = 0; i < n; i++) {
        const size_t       item = item_at(id, i);
        float *const       g    = d_row + i * d;
        const float *const r    = row + i * d;
        if (model->options.temperature > 0.0f) {
            const float along = f->dot(r, g, d), inverse = inverse_norm[i];
            for (size_t j = 0; j < d; j++)
                g[j] = (g[j] - r[j] * along) * inverse;
        }
        f->add(grad + model->at.item + item * d, g, d);
        for (size_t a = 0; a < model->shape.n_item_fields; a++) {
            const uint32_t value = model->item_value[a][item];
            if (value > 0) f->add(grad + model->at.item_field[a] + value * d, g, d);
        }
    }
}

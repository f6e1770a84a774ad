/* The fused softmax against the same sum in double, over catalogues and bursts of awkward sizes. */
#include "check.h"

#include "models/sequence/behaviour_internal.h"

#include "clade/run.h"

#include <stdlib.h>

typedef struct problem {
    size_t    n_items, n_tokens, d;
    float    *row, *packed, *bias, *d_row, *weight;
    uint32_t *target;
    double   *d_row_wanted, *d_hidden_wanted;
} problem;

static double naive(const problem *p, const float *hidden)
{
    double *const l = CLADE_NEW(double, p->n_items), loss = 0.0;
    double        total = loss;
    for (size_t t = 0; t < p->n_tokens; t++) {
        if (p->target[t] == 0) continue;
        double sum = 0.0;
        for (size_t i = 0; i < p->n_items; i++) {
            l[i] = p->bias == NULL || i + 1 == p->target[t] ? 0.0 : (double)p->bias[i];
            for (size_t j = 0; j < p->d; j++)
                l[i] += (double)hidden[t * p->d + j] * (double)p->row[i * p->d + j];
            sum += exp(l[i]);
        }
        total += (double)p->weight[t] * (log(sum) - l[p->target[t] - 1]);
        for (size_t i = 0; i < p->n_items; i++) {
            const double g =
                (double)p->weight[t] * (exp(l[i]) / sum - (i + 1 == p->target[t] ? 1.0 : 0.0));
            for (size_t j = 0; j < p->d; j++) {
                p->d_row_wanted[i * p->d + j] += g * (double)hidden[t * p->d + j];
                p->d_hidden_wanted[t * p->d + j] += g * (double)p->row[i * p->d + j];
            }
        }
    }
    free(l);
    return total;
}

static void check_loss(size_t n_items, size_t n_tokens, size_t d, bool with_bias)
{
    problem                 p       = { .n_items = n_items, .n_tokens = n_tokens, .d = d };
    clade_rng               rng     = clade_rng_stream(21, "test/loss", n_items * 1000 + n_tokens);
    clade_behaviour_options options = clade_behaviour_defaults();
    clade_sequences        *shape   = NULL;
    clade_behaviour        *model   = NULL;
    clade__room             room;
    options.d = (uint32_t)d, options.n_heads = 1;
    check_ok(clade_sequences_create(&shape, 0, 0, (uint32_t)n_items, false, NULL));
    check_ok(clade_behaviour_create(&model, &options, shape, 1, NULL));
    check_ok(clade__room_create(&room, model, n_tokens, n_items, true, NULL));
    p.row             = CLADE_NEW(float, n_items *d);
    p.packed          = CLADE_NEW(float, clade__candidates_size(n_items, d));
    p.bias            = with_bias ? CLADE_NEW(float, n_items) : NULL;
    p.d_row           = CLADE_NEW(float, n_items *d);
    p.weight          = CLADE_NEW(float, n_tokens);
    p.target          = CLADE_NEW(uint32_t, n_tokens);
    p.d_row_wanted    = CLADE_NEW(double, n_items *d);
    p.d_hidden_wanted = CLADE_NEW(double, n_tokens *d);
    for (size_t i = 0; i < n_items * d; i++)
        p.row[i] = (float)clade_rng_normal(&rng);
    for (size_t i = 0; with_bias && i < n_items; i++)
        p.bias[i] = (float)clade_rng_exponential(&rng);
    for (size_t t = 0; t < n_tokens; t++) {
        p.target[t] = (uint32_t)clade_rng_below(&rng, n_items + 1); /* sometimes none */
        p.weight[t] = 0.1f + (float)clade_rng_uniform(&rng);
        for (size_t j = 0; j < d; j++)
            room.hidden[t * d + j] = (float)(3.0 * clade_rng_normal(&rng)); /* sharp: up to +-50 */
    }
    clade__candidates_pack(p.packed, p.row, n_items, d);
    const clade__candidates c = { n_items, p.row, p.packed, p.bias };
    const double loss = clade__softmax_loss(p.d_row, room.d_hidden, &room, room.hidden, d, &c,
                                            p.target, p.weight, n_tokens, NULL);
    check_close(loss, naive(&p, room.hidden), 1e-5);
    for (size_t i = 0; i < n_items * d; i++) /* sums of up to n_tokens float products */
        check_close((double)p.d_row[i], p.d_row_wanted[i], 1e-4);
    for (size_t i = 0; i < n_tokens * d; i++)
        check_close((double)room.d_hidden[i], p.d_hidden_wanted[i], 1e-4);
    free(p.row);
    free(p.packed);
    free(p.bias);
    free(p.d_row);
    free(p.weight);
    free(p.target);
    free(p.d_row_wanted);
    free(p.d_hidden_wanted);
    clade__room_free(&room);
    clade_behaviour_free(model);
    clade_sequences_free(shape);
}

static void one_tile_and_one_burst(void **state)
{
    (void)state;
    check_loss(37, 11, 32, false);
    check_loss(1, 3, 16, false); /* one item: it is certain, and nothing pulls */
}

static void several_tiles_and_bursts_with_ragged_ends(void **state)
{
    (void)state;
    check_loss(700, 411, 32, false);
    check_loss(256, 192, 16, false);
    check_loss(257, 193, 48, false);
}

static void a_bias_counts_for_all_but_what_came(void **state)
{
    (void)state;
    check_loss(300, 50, 32, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_tile_and_one_burst),
        cmocka_unit_test(several_tiles_and_bursts_with_ragged_ends),
        cmocka_unit_test(a_bias_counts_for_all_but_what_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Every gradient of the behaviour model against central differences of the same model in double. */
#include "small_log.h"

#include "reference.h"

#include <stdlib.h>

/* Forward, loss and backward of all customers in one shard: theta's gradient and the loss. */
static double fast_gradient(float *grad, clade_behaviour *model, clade__tokens *tokens,
                            clade__contrast *contrast, const clade__chance *chance,
                            double *worst_hidden, const double *hidden)
{
    const size_t  d = model->options.d, n_items = model->shape.n_items;
    clade__room   room;
    clade__packed packed;
    check_ok(clade__room_create(&room, model, tokens->capacity, n_items, true, NULL));
    check_ok(clade__packed_create(&packed, model, true, NULL));
    float *const row   = CLADE_NEW(float, n_items *d);
    float *const norm  = CLADE_NEW(float, n_items);
    float *const d_row = CLADE_NEW(float, n_items *d);
    float *const tiles = CLADE_NEW(float, clade__candidates_size(n_items, d));
    clade__items(row, norm, model, NULL, n_items);
    clade__candidates_pack(tiles, row, n_items, d);
    clade__packed_set(&packed, model, true);
    const clade__candidates candidates = { n_items, row, tiles, NULL };
    clade__embed(&room, model, tokens, chance);
    clade__forward(&room, model, &packed, tokens, chance, model->at.future != SIZE_MAX);
    for (size_t i = 0; i < tokens->n * d; i++)
        *worst_hidden = fmax(*worst_hidden, fabs((double)room.hidden[i] - hidden[i]));
    clade__own own = { .model = model, .tokens = tokens, .table = packed.own };
    if (model->at.own != SIZE_MAX) own.grad = grad + model->at.own;
    double loss = clade__softmax_loss(d_row, room.d_hidden, &room, room.hidden, d, &candidates,
                                      tokens->target, tokens->weight, tokens->n,
                                      own.grad == NULL ? NULL : &own);
    if (model->at.future != SIZE_MAX) {
        loss += clade__softmax_loss(d_row, room.d_future, &room, room.future, d, &candidates,
                                    tokens->future, tokens->weight, tokens->n, NULL);
    }
    if (model->at.comes_back != SIZE_MAX) /* as the reference weighs it */
        loss += clade__return_loss(&room, model, tokens, 1.3f);
    float *const d_future = CLADE_NEW(float, (contrast->n + 1) * d);
    if (model->at.contrast != SIZE_MAX) {
        clade__contrast_futures(contrast, model);
        loss += clade__contrast_loss(d_future, &room, model, &packed, tokens, contrast, 0.9f);
        clade__contrast_futures_backward(grad, d_future, contrast, model);
    }
    clade__backward(grad + model->at.tables_end, &room, model, &packed, tokens, chance);
    clade__items_backward(grad, d_row, row, norm, model, NULL, n_items);
    clade__embed_backward(grad, room.d_x, model, tokens, chance);
    clade__room_free(&room);
    clade__packed_free(&packed);
    free(row);
    free(norm);
    free(d_row);
    free(d_future);
    free(tiles);
    return loss;
}

/* A log where most events are asked for the next one, with uneven weights. */
static void fill_tokens(clade__tokens *tokens, clade__contrast *contrast,
                        const clade_behaviour *model, const clade_sequences *s)
{
    check_ok(clade__tokens_create(tokens, model, 80, NULL));
    check_ok(clade__contrast_create(contrast, model, 80, NULL));
    for (size_t c = 0; c < s->n_customers; c++) {
        const size_t at = tokens->n;
        if (s->start[c + 1] - s->start[c] < 2) continue;
        assert_true(
            clade__tokens_add(tokens, model, s, s->start[c], s->start[c], s->start[c + 1] - 1));
        for (size_t i = at; i < tokens->n; i++) {
            tokens->target[i] = s->item[s->start[c + 1] - 1 - (tokens->n - i) + 1];
            tokens->weight[i] = 0.3f + 0.11f * (float)(i % 7);
            tokens->future[i] = (uint32_t)(i * 5 % 38);
            if (model->at.contrast != SIZE_MAX &&
                i % 4 == 1) /* also windows with no item in them */
                clade__contrast_add(contrast, tokens, i, (uint32_t)c, s->item + i * 2 % 50, i % 5);
            if (s->at_us == NULL) continue;
            tokens->silence[i] = (uint8_t)(i % 3 == 0 ? 0 : i * 7 % CLADE__GAP_BUCKETS);
            tokens->returns[i] = (uint8_t)(i % 3);
            if (tokens->silence[i] > 0)
                tokens->asked_us[i] += (int64_t)(exp(0.301 * tokens->silence[i]) * 1e6);
        }
    }
}

/* The first row of a table is absence, which is not learnt. */
static bool is_table(const clade_behaviour *model, const clade_behaviour_tensor *tensor)
{
    return tensor->offset < model->at.tables_end && strcmp(tensor->name, "gap") != 0 &&
           strcmp(tensor->name, "hour") != 0 && strcmp(tensor->name, "weekday") != 0;
}

/* Of each tensor: the slope along a random direction, in which every entry has its part, against
 * the gradient's; and along the entry with the largest gradient alone. One wrong entry of 4,096
 * moves the first by 1/64 of the gradient's length; float passes against double by less than 2e-3
 * of it. */
static void check_tensors(const clade_behaviour *model, double *theta, const float *grad,
                          const clade__tokens *tokens, const clade__contrast *contrast,
                          const clade__chance *with)
{
    const double  step = 1e-5;
    double *const keep = CLADE_NEW(double, model->at.n), *const along =
                                                             CLADE_NEW(double, model->at.n);
    clade_rng rng = clade_rng_stream(9, "test/direction", 0);
    memcpy(keep, theta, model->at.n * sizeof *keep);
    for (size_t t = 0; t < model->n_tensors; t++) {
        const clade_behaviour_tensor *const tensor = &model->tensor[t];
        const size_t n = tensor->n_rows * tensor->n_columns, first = tensor->offset;
        const size_t absent = is_table(model, tensor) ? tensor->n_columns : 0;
        size_t       most   = absent;
        for (size_t i = absent; i < n; i++)
            if (fabsf(grad[first + i]) > fabsf(grad[first + most])) most = i;
        for (int single = 0; single < 2; single++) {
            double wanted = 0.0, squares = 1e-6, loss[2];
            for (size_t i = absent; i < n; i++) {
                along[i] = single == 0 ? clade_rng_normal(&rng) : i == most ? 1.0 : 0.0;
                wanted += along[i] * (double)grad[first + i];
                squares += (double)grad[first + i] * (double)grad[first + i];
            }
            for (int side = 0; side < 2; side++) {
                for (size_t i = absent; i < n; i++)
                    theta[first + i] = keep[first + i] + (side == 0 ? step : -step) * along[i];
                loss[side] = reference_loss(NULL, model, theta, tokens, with, contrast);
            }
            memcpy(theta + first, keep + first, n * sizeof *theta);
            const double slope = (loss[0] - loss[1]) / (2.0 * step);
            if (!(fabs(slope - wanted) <= 2e-3 * sqrt(squares))) {
                print_error("%s, %s: slope %.8g, gradient %.8g of %.8g\n", tensor->name,
                            single == 0 ? "all" : "largest", slope, wanted, sqrt(squares));
                fail();
            }
        }
    }
    free(keep);
    free(along);
}

static void check_model(const clade_behaviour_options *options, bool rich, bool with_dropout)
{
    clade_sequences *s     = small_log(rich);
    clade_behaviour *model = NULL;
    clade__tokens    tokens;
    clade__contrast  contrast;
    check_ok(clade_behaviour_create(&model, options, s, 5, NULL));
    clade_rng rng = clade_rng_stream(8, "test/theta", 0);
    for (size_t i = 0; i < model->at.n; i++) /* away from zeros and ones, which hide factors */
        model->theta[i] += (float)(0.15 * clade_rng_normal(&rng));
    clade_behaviour_set(model, model->theta);
    fill_tokens(&tokens, &contrast, model, s);
    const clade__chance chance = { 0x1234567890ABCDEFu }, *const with =
                                                              with_dropout ? &chance : NULL;

    double *const theta  = CLADE_NEW(double, model->at.n);
    double *const hidden = CLADE_NEW(double, tokens.n * options->d);
    float *const  grad   = CLADE_NEW(float, model->at.n);
    for (size_t i = 0; i < model->at.n; i++)
        theta[i] = (double)model->theta[i];
    const double wanted = reference_loss(hidden, model, theta, &tokens, with, &contrast);
    double       worst  = 0.0;
    const double loss   = fast_gradient(grad, model, &tokens, &contrast, with, &worst, hidden);
    check_close(loss, wanted, 2e-5); /* a few hundred float roundings of a sum near 100 */
    assert_true(worst <
                2e-3 * (options->temperature > 0.0f ? 1.0 / (double)options->temperature : 1.0));

    check_tensors(model, theta, grad, &tokens, &contrast, with);
    free(theta);
    free(hidden);
    free(grad);
    clade__tokens_free(&tokens);
    clade__contrast_free(&contrast);
    clade_behaviour_free(model);
    clade_sequences_free(s);
}

static clade_behaviour_options small(clade_mixer first, clade_mixer second)
{
    clade_behaviour_options o = clade_behaviour_defaults();
    o.d = 32, o.n_heads = 2, o.ff = 24, o.n_rates = 3, o.max_events = 48;
    o.mixer[0] = first;
    o.mixer[1] = second;
    return o;
}

static void attention_knows_its_gradient(void **state)
{
    (void)state;
    const clade_behaviour_options o = small(CLADE_MIXER_ATTENTION, CLADE_MIXER_ATTENTION);
    check_model(&o, true, false);
}

static void pointwise_attention_knows_its_gradient(void **state)
{
    (void)state;
    const clade_behaviour_options o = small(CLADE_MIXER_POINTWISE, CLADE_MIXER_POINTWISE);
    check_model(&o, true, false);
}

static void the_bank_of_decays_knows_its_gradient(void **state)
{
    (void)state;
    const clade_behaviour_options o = small(CLADE_MIXER_DECAY, CLADE_MIXER_DECAY);
    check_model(&o, true, false);
}

static void a_log_of_order_alone_knows_its_gradient(void **state)
{
    (void)state;
    clade_behaviour_options o = small(CLADE_MIXER_DECAY, CLADE_MIXER_ATTENTION);
    o.temperature             = 0.0f; /* plain products */
    check_model(&o, false, false);
}

static void no_feed_forward_and_narrow_heads_are_fine(void **state)
{
    (void)state;
    clade_behaviour_options o = small(CLADE_MIXER_ATTENTION, CLADE_MIXER_DECAY);
    o.ff                      = 0;
    o.n_heads                 = 4; /* of 8 channels: half a panel */
    check_model(&o, true, false);
}

static void dropout_uses_one_mask_on_the_way_there_and_back(void **state)
{
    (void)state;
    const clade_behaviour_options o = small(CLADE_MIXER_ATTENTION, CLADE_MIXER_DECAY);
    check_model(&o, true, true);
}

static void the_second_objective_knows_its_gradient(void **state)
{
    (void)state;
    clade_behaviour_options o = small(CLADE_MIXER_DECAY, CLADE_MIXER_ATTENTION);
    o.future_weight           = 0.7f;
    check_model(&o, true, false);
    o.temperature = 0.0f;
    check_model(&o, false, true);
}

static void the_moment_of_the_question_knows_its_gradient(void **state)
{
    (void)state;
    clade_behaviour_options o = small(CLADE_MIXER_DECAY, CLADE_MIXER_ATTENTION);
    o.with_moment = true, o.return_weight = 1.3f, o.future_weight = 0.7f;
    check_model(&o, true, false);
}

static void past_against_future_knows_its_gradient(void **state)
{
    (void)state;
    clade_behaviour_options o = small(CLADE_MIXER_DECAY, CLADE_MIXER_ATTENTION);
    o.contrast_weight = 0.9f, o.contrast_temperature = 0.23f;
    o.with_moment = true, o.return_weight = 1.3f, o.future_weight = 0.7f, o.with_own = true;
    check_model(&o, true, true);
    o.temperature = 0.0f; /* sums of items that are not of length 1 */
    check_model(&o, false, false);
}

static void own_items_know_their_gradient(void **state)
{
    (void)state;
    clade_behaviour_options o = small(CLADE_MIXER_DECAY, CLADE_MIXER_DECAY);
    o.with_own = true, o.with_moment = true;
    check_model(&o, true, false);
    check_model(&o, false, false); /* order alone: rank and count */
}

static void outer_gates_know_their_gradient(void **state)
{
    (void)state;
    clade_behaviour_options o = small(CLADE_MIXER_DECAY, CLADE_MIXER_ATTENTION);
    o.outer_gate              = true;
    check_model(&o, true, true);
}

static void plain_kernels_agree_too(void **state)
{
    (void)state;
    const clade_isa               isa = clade_isa_get();
    const clade_behaviour_options o   = small(CLADE_MIXER_ATTENTION, CLADE_MIXER_DECAY);
    clade_isa_set(CLADE_ISA_PLAIN);
    check_model(&o, true, true);
    clade_isa_set(isa);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_knows_its_gradient),
        cmocka_unit_test(pointwise_attention_knows_its_gradient),
        cmocka_unit_test(the_bank_of_decays_knows_its_gradient),
        cmocka_unit_test(a_log_of_order_alone_knows_its_gradient),
        cmocka_unit_test(no_feed_forward_and_narrow_heads_are_fine),
        cmocka_unit_test(dropout_uses_one_mask_on_the_way_there_and_back),
        cmocka_unit_test(the_second_objective_knows_its_gradient),
        cmocka_unit_test(the_moment_of_the_question_knows_its_gradient),
        cmocka_unit_test(past_against_future_knows_its_gradient),
        cmocka_unit_test(own_items_know_their_gradient),
        cmocka_unit_test(outer_gates_know_their_gradient),
        cmocka_unit_test(plain_kernels_agree_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A behaviour model's parameters: which there are, where they lie, and their first values. */
#include "behaviour_internal.h"

#include "clade/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *clade_mixer_name(clade_mixer mixer)
{
    static const char *const names[CLADE_N_MIXER] = { "attention", "pointwise", "decay" };
    return names[mixer];
}

clade_mixer clade_mixer_find(clade_text name)
{
    clade_mixer mixer = 0;
    while (mixer < CLADE_N_MIXER && !clade_text_equal(name, clade_text_of(clade_mixer_name(mixer))))
        mixer++;
    return mixer;
}

clade_behaviour_options clade_behaviour_defaults(void)
{
    return (clade_behaviour_options){
        .d                    = 64,
        .n_blocks             = 2,
        .n_heads              = 2,
        .ff                   = 128,
        .n_rates              = 8,
        .max_events           = 200,
        .temperature          = 0.05f,
        .dropout              = 0.2f,
        .dropout_in           = 0.2f,
        .future_days          = 28.0f,
        .contrast_temperature = 0.1f,
    };
}

clade_behaviour_shape clade_behaviour_shape_of(const clade_sequences *s)
{
    clade_behaviour_shape shape = { .n_items       = s->n_items,
                                    .with_time     = s->at_us != NULL,
                                    .n_fields      = s->n_fields,
                                    .n_item_fields = s->n_item_fields };
    for (size_t f = 0; f < s->n_fields; f++) {
        memcpy(shape.field[f].name, s->field[f].name, CLADE_SEQUENCE_NAME_MAX);
        shape.field[f].n_values = s->field[f].n_values;
    }
    for (size_t f = 0; f < s->n_item_fields; f++) {
        memcpy(shape.item_field[f].name, s->item_field[f].name, CLADE_SEQUENCE_NAME_MAX);
        shape.item_field[f].n_values = s->item_field[f].n_values;
    }
    return shape;
}

static clade_status check_range(const char *name, double value, double low, double high,
                                clade_error *err)
{
    if (value >= low && value <= high) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG, "behaviour model: %s is %g, wanted %g to %g", name, value,
                      low, high);
}

static clade_status check_options(const clade_behaviour_options *o, clade_error *err)
{
    CLADE_TRY(check_range("d", o->d, 16, CLADE_BEHAVIOUR_D_MAX, err));
    CLADE_TRY(check_range("n_blocks", o->n_blocks, 1, CLADE_BEHAVIOUR_BLOCKS_MAX, err));
    CLADE_TRY(check_range("n_heads", o->n_heads, 1, o->d / 8, err));
    CLADE_TRY(check_range("ff", o->ff, 0, 4.0 * CLADE_BEHAVIOUR_D_MAX, err));
    CLADE_TRY(check_range("n_rates", o->n_rates, 1, CLADE_BEHAVIOUR_RATES_MAX, err));
    CLADE_TRY(check_range("max_events", o->max_events, 2, CLADE_BEHAVIOUR_EVENTS_MAX, err));
    CLADE_TRY(check_range("temperature", (double)o->temperature, 0, 10, err));
    CLADE_TRY(check_range("dropout", (double)o->dropout, 0, 0.95, err));
    CLADE_TRY(check_range("future_weight", (double)o->future_weight, 0, 100, err));
    CLADE_TRY(check_range("future_days", (double)o->future_days, 0, 3660, err));
    CLADE_TRY(check_range("contrast_weight", (double)o->contrast_weight, 0, 100, err));
    CLADE_TRY(check_range("contrast_temperature", (double)o->contrast_temperature, 0.001, 10, err));
    CLADE_TRY(check_range("return_weight", (double)o->return_weight, 0, 100, err));
    CLADE_TRY(check_range("dropout_in", (double)o->dropout_in, 0, 0.95, err));
    if (o->d % 16 != 0 || o->d % o->n_heads != 0 || o->d / o->n_heads % 8 != 0 || o->ff % 8 != 0) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "behaviour model: d %u, n_heads %u, ff %u: wanted d a multiple of 16, "
                          "d / n_heads and ff multiples of 8",
                          o->d, o->n_heads, o->ff);
    }
    for (uint32_t b = 0; b < o->n_blocks; b++) {
        if ((unsigned)o->mixer[b] >= CLADE_N_MIXER) {
            return clade_fail(err, CLADE_ERR_ARG, "behaviour model: block %u has mixer %d", b,
                              (int)o->mixer[b]);
        }
    }
    return CLADE_OK;
}

/* ---- Layout ---------------------------------------------------------------------------------- */

/* A tensor at the end of theta, under "prefix" and name. */
static size_t place(clade_behaviour *model, size_t n_rows, size_t n_columns, const char *prefix,
                    const char *name)
{
    clade_behaviour_tensor *const t = &model->tensor[model->n_tensors++];
    (void)snprintf(t->name, sizeof t->name, "%s%s", prefix, name);
    t->n_rows    = n_rows;
    t->n_columns = n_columns;
    t->offset    = model->at.n;
    model->at.n += n_rows * n_columns;
    return t->offset;
}

static void place_block(clade_behaviour *model, size_t b)
{
    const clade_behaviour_options *const o      = &model->options;
    clade__block_layout *const           l      = &model->at.block[b];
    const size_t                         d      = o->d;
    const bool                           decays = o->mixer[b] == CLADE_MIXER_DECAY;
    char                                 in[16];
    (void)snprintf(in, sizeof in, "block.%zu.", b);
    l->mixer           = o->mixer[b];
    const size_t outer = o->outer_gate ? d : 0;
    l->width           = (decays ? 2 * d + (size_t)o->n_heads * o->n_rates : 4 * d) + outer;
    l->ff_width        = 2 * (size_t)o->ff + outer;
    l->bias_position = l->bias_time = l->rate = l->norm_ff = l->ff_in = l->ff_out = SIZE_MAX;
    l->norm    = place(model, 1, d, in, "norm");
    l->in      = place(model, d, l->width, in, "in");
    l->in_bias = place(model, 1, l->width, in, "in_bias");
    if (decays) {
        l->rate = place(model, o->n_heads, o->n_rates, in, "rate");
    } else {
        l->bias_position = place(model, o->n_heads, o->max_events, in, "bias_position");
        if (model->shape.with_time) {
            l->bias_time = place(model, o->n_heads, CLADE__GAP_BUCKETS, in, "bias_time");
        }
    }
    l->norm_inner = place(model, 1, d, in, "norm_inner");
    l->out        = place(model, d, d, in, "out");
    if (o->ff == 0) return;
    l->norm_ff = place(model, 1, d, in, "norm_ff");
    l->ff_in   = place(model, d, l->ff_width, in, "ff_in");
    l->ff_out  = place(model, o->ff, d, in, "ff_out");
}

static void place_all(clade_behaviour *model)
{
    const clade_behaviour_shape *const s  = &model->shape;
    clade__layout *const               at = &model->at;
    const size_t                       d  = model->options.d;
    at->item                              = place(model, (size_t)s->n_items + 1, d, "", "item");
    for (size_t f = 0; f < s->n_item_fields; f++) {
        at->item_field[f] =
            place(model, (size_t)s->item_field[f].n_values + 1, d, "item.", s->item_field[f].name);
    }
    for (size_t f = 0; f < s->n_fields; f++) {
        at->field[f] =
            place(model, (size_t)s->field[f].n_values + 1, d, "event.", s->field[f].name);
    }
    if (s->with_time) {
        at->gap     = place(model, CLADE__GAP_BUCKETS, d, "", "gap");
        at->hour    = place(model, 24, d, "", "hour");
        at->weekday = place(model, 7, d, "", "weekday");
    }
    at->tables_end = at->n;
    for (size_t b = 0; b < model->options.n_blocks; b++)
        place_block(model, b);
    at->norm_out = place(model, 1, d, "", "norm_out");
    at->future = at->contrast = at->silence = at->comes_back = at->own = SIZE_MAX;
    if (model->options.future_weight > 0.0f) at->future = place(model, d, d, "", "future");
    if (model->options.contrast_weight > 0.0f) at->contrast = place(model, d, d, "", "contrast");
    if (model->options.with_own) at->own = place(model, 1, clade__own_size(d), "", "own");
    if (!s->with_time) return;
    if (!model->options.with_moment) return;
    at->silence = place(model, CLADE__GAP_BUCKETS, 2 * d, "", "silence");
    if (model->options.return_weight > 0.0f) at->comes_back = place(model, 1, d + 1, "", "return");
}

/* ---- First values ---------------------------------------------------------------------------- */

static void fill(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value;
}

static void fill_normal(float *x, size_t n, double deviation, clade_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(deviation * clade_rng_normal(rng));
}

/* Half-lives of a decay head from one event to max_events, evenly on the log scale; with times
 * every other head counts days instead, from about an hour to a year. */
static void first_rates(float *rate, const clade_behaviour *model)
{
    const clade_behaviour_options *const o = &model->options;
    for (size_t h = 0; h < o->n_heads; h++) {
        const bool   days = model->shape.with_time && h % 2 == 1;
        const double low  = days ? 1.0 / 24.0 : 0.5;
        const double high = days ? 365.0 : (double)o->max_events;
        for (size_t k = 0; k < o->n_rates; k++) {
            const double share       = o->n_rates == 1 ? 0.5 : (double)k / (double)(o->n_rates - 1);
            const double half        = low * pow(high / low, share);
            rate[h * o->n_rates + k] = (float)log(log(2.0) / half);
        }
    }
}

static void first_values(clade_behaviour *model, uint64_t seed)
{
    const clade_behaviour_options *const o   = &model->options;
    const size_t                         d   = o->d;
    clade_rng                            rng = clade_rng_stream(seed, "behaviour/weights", 0);
    for (size_t t = 0; t < model->n_tensors; t++) {
        const clade_behaviour_tensor *const tensor = &model->tensor[t];
        float *const                        x      = model->theta + tensor->offset;
        const size_t                        n      = tensor->n_rows * tensor->n_columns;
        if (tensor->offset < model->at.tables_end) {
            fill_normal(x, n, 0.02, &rng);
            fill(x, tensor->n_columns, 0.0f); /* row 0 is absence */
        } else if (tensor->n_rows > 1 && strstr(tensor->name, "bias") == NULL) {
            fill_normal(x, n, 1.0 / sqrt((double)tensor->n_rows), &rng);
        }
    }
    for (size_t b = 0; b < o->n_blocks; b++) {
        const clade__block_layout *const l = &model->at.block[b];
        fill(model->theta + l->norm, d, 1.0f);
        fill(model->theta + l->norm_inner, d, 1.0f);
        if (o->ff > 0) fill(model->theta + l->norm_ff, d, 1.0f);
        if (l->mixer != CLADE_MIXER_DECAY) continue;
        first_rates(model->theta + l->rate, model);
        fill(model->theta + l->in_bias + 2 * d, (size_t)o->n_heads * o->n_rates, 1.0f);
    }
    fill(model->theta + model->at.norm_out, d, 1.0f);
    if (model->at.silence != SIZE_MAX) /* a silence that nobody has learnt from changes nothing */
        fill(model->theta + model->at.silence, CLADE__GAP_BUCKETS * 2 * d, 0.0f);
}

/* Row 0, no item, stays zero. */
static void set_table(clade_behaviour *model)
{
    clade__items(model->table + model->options.d, model->inverse_norm + 1, model, NULL,
                 model->shape.n_items);
}

/* ---- The model ------------------------------------------------------------------------------- */

clade_status clade__behaviour_plan(clade_behaviour **out, const clade_behaviour_options *options,
                                   const clade_sequences *sequences, clade_error *err)
{
    CLADE_TRY(check_options(options, err));
    clade_behaviour *const model = calloc(1, sizeof *model);
    if (model == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a behaviour model");
    model->options = *options;
    model->shape   = clade_behaviour_shape_of(sequences);
    place_all(model);
    *out = model;
    return CLADE_OK;
}

clade_status clade__behaviour_allocate(clade_behaviour *model, const clade_sequences *sequences,
                                       clade_error *err)
{
    const size_t n_rows = (size_t)model->shape.n_items + 1, d = model->options.d;
    model->theta        = CLADE_NEW(float, model->at.n);
    model->table        = CLADE_NEW(float, n_rows *d);
    model->inverse_norm = CLADE_NEW(float, n_rows);
    bool whole = model->theta != NULL && model->table != NULL && model->inverse_norm != NULL;
    for (size_t f = 0; whole && f < sequences->n_item_fields; f++) {
        model->item_value[f] = CLADE_NEW(uint32_t, n_rows);
        whole                = model->item_value[f] != NULL;
        if (whole) {
            memcpy(model->item_value[f], sequences->item_field[f].value, n_rows * sizeof(uint32_t));
        }
    }
    if (whole) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_NOMEM,
                      "no memory for a behaviour model of %u items with %zu channels",
                      model->shape.n_items, d);
}

clade_status clade_behaviour_create(clade_behaviour **out, const clade_behaviour_options *options,
                                    const clade_sequences *sequences, uint64_t seed,
                                    clade_error *err)
{
    clade_behaviour *model = NULL;
    CLADE_TRY(clade__behaviour_plan(&model, options, sequences, err));
    const clade_status status = clade__behaviour_allocate(model, sequences, err);
    if (status != CLADE_OK) {
        clade_behaviour_free(model);
        return status;
    }
    first_values(model, seed);
    set_table(model);
    *out = model;
    return CLADE_OK;
}

void clade_behaviour_free(clade_behaviour *model)
{
    if (model == NULL) return;
    for (size_t f = 0; f < CLADE_SEQUENCE_FIELDS_MAX; f++)
        free(model->item_value[f]);
    free(model->theta);
    free(model->table);
    free(model->inverse_norm);
    free(model);
}

const clade_behaviour_options *clade_behaviour_options_of(const clade_behaviour *model)
{
    return &model->options;
}

const clade_behaviour_shape *clade_behaviour_shape_get(const clade_behaviour *model)
{
    return &model->shape;
}

const clade_behaviour_tensor *clade_behaviour_tensors(const clade_behaviour *model, size_t *out_n)
{
    *out_n = model->n_tensors;
    return model->tensor;
}

size_t clade_behaviour_n_parameters(const clade_behaviour *model)
{
    return model->at.n;
}

const float *clade_behaviour_parameters(const clade_behaviour *model)
{
    return model->theta;
}

void clade_behaviour_set(clade_behaviour *model, const float *theta)
{
    memcpy(model->theta, theta, model->at.n * sizeof *theta);
    set_table(model);
}

const float *clade_behaviour_items(const clade_behaviour *model)
{
    return model->table;
}

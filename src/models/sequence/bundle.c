/* A model as a file of tensors that other tools read too, and back. What is read may be hostile:
 * the options are checked as those of a new model are, every tensor against the shape they imply.
 */
#include "behaviour_internal.h"

#include "clade/json.h"
#include "clade/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Version 2 says more of the model; what a file of version 1 does not say is off. */
enum { FORMAT_VERSION = 2, NOTES_MAX = 32 };

clade_status clade_behaviour_size_set(clade_behaviour_options *options, const char *size,
                                      clade_error *err)
{
    static const struct {
        const char *name;
        uint32_t    d, n_blocks, n_heads, ff;
    } sizes[] = { { "small", 64, 2, 2, 128 },
                  { "base", 128, 4, 4, 256 },
                  { "large", 256, 8, 8, 512 } };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strcmp(size, sizes[i].name) != 0) continue;
        options->d        = sizes[i].d;
        options->n_blocks = sizes[i].n_blocks;
        options->n_heads  = sizes[i].n_heads;
        options->ff       = sizes[i].ff;
        return CLADE_OK;
    }
    return clade_fail(err, CLADE_ERR_ARG,
                      "there is no model size '%s': wanted small, base or large", size);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_fields(clade_json *json, const char *key, const clade_behaviour_shape *shape,
                         bool items)
{
    clade_json_key(json, key);
    clade_json_array(json);
    for (size_t f = 0; f < (items ? shape->n_item_fields : shape->n_fields); f++) {
        clade_json_object(json);
        clade_json_put_text(json, "name", items ? shape->item_field[f].name : shape->field[f].name);
        clade_json_put_int(json, "values",
                           items ? shape->item_field[f].n_values : shape->field[f].n_values);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void write_description(clade_buffer *out, const clade_behaviour *model)
{
    const clade_behaviour_options *const o    = &model->options;
    clade_json                           json = clade_json_start(out, 0);
    clade_json_object(&json);
    clade_json_put_int(&json, "version", FORMAT_VERSION);
    clade_json_put_int(&json, "d", o->d);
    clade_json_put_int(&json, "heads", o->n_heads);
    clade_json_put_int(&json, "feed_forward", o->ff);
    clade_json_put_int(&json, "rates", o->n_rates);
    clade_json_put_int(&json, "max_events", o->max_events);
    clade_json_put_number(&json, "temperature", (double)o->temperature);
    clade_json_put_number(&json, "dropout", (double)o->dropout);
    clade_json_put_number(&json, "dropout_in", (double)o->dropout_in);
    clade_json_put_number(&json, "future_weight", (double)o->future_weight);
    clade_json_put_number(&json, "future_days", (double)o->future_days);
    clade_json_put_number(&json, "contrast_weight", (double)o->contrast_weight);
    clade_json_put_number(&json, "contrast_temperature", (double)o->contrast_temperature);
    clade_json_put_bool(&json, "with_moment", o->with_moment);
    clade_json_put_number(&json, "return_weight", (double)o->return_weight);
    clade_json_put_bool(&json, "with_own", o->with_own);
    clade_json_put_bool(&json, "next_basket", o->next_basket);
    clade_json_put_bool(&json, "outer_gate", o->outer_gate);
    clade_json_key(&json, "blocks");
    clade_json_array(&json);
    for (uint32_t b = 0; b < o->n_blocks; b++)
        clade_json_text(&json, clade_mixer_name(o->mixer[b]));
    clade_json_array_end(&json);
    clade_json_put_int(&json, "items", model->shape.n_items);
    clade_json_put_bool(&json, "with_time", model->shape.with_time);
    write_fields(&json, "event_fields", &model->shape, false);
    write_fields(&json, "item_fields", &model->shape, true);
    clade_json_object_end(&json);
}

static clade_tensor_type type_of(const clade_behaviour_tensor *tensor,
                                 clade_behaviour_precision     precision)
{
    static const clade_tensor_type types[] = { CLADE_TENSOR_F32, CLADE_TENSOR_BF16,
                                               CLADE_TENSOR_I8 };
    const bool small = tensor->n_rows == 1 || strstr(tensor->name, "bias") != NULL ||
                       strstr(tensor->name, "rate") != NULL;
    return small ? CLADE_TENSOR_F32 : types[precision];
}

static clade_status check_finite(const clade_behaviour *model, const char *path, clade_error *err)
{
    for (size_t t = 0; t < model->n_tensors; t++) {
        const clade_behaviour_tensor *const tensor = &model->tensor[t];
        for (size_t i = 0; i < tensor->n_rows * tensor->n_columns; i++) {
            if (isfinite(model->theta[tensor->offset + i])) continue;
            return clade_fail(err, CLADE_ERR_DATA, "%s is not written: %s[%zu] is not finite", path,
                              tensor->name, i);
        }
    }
    return CLADE_OK;
}

clade_status clade_behaviour_save(const clade_behaviour *model, const char *path,
                                  clade_behaviour_precision precision, const char *const *notes,
                                  clade_error *err)
{
    clade_tensor_source source[CLADE__TENSORS_MAX + CLADE_SEQUENCE_FIELDS_MAX];
    clade_tensor_note   note[NOTES_MAX];
    char                name[CLADE_SEQUENCE_FIELDS_MAX][16];
    const size_t        n_rows = (size_t)model->shape.n_items + 1;
    size_t              n = model->n_tensors, n_notes = 1;
    clade_buffer        text   = { 0 };
    int64_t            *values = NULL;
    clade_status        status = CLADE_OK;

    CLADE_TRY(check_finite(model, path, err));
    for (size_t t = 0; t < n; t++) {
        const clade_behaviour_tensor *const tensor = &model->tensor[t];
        source[t]                                  = (clade_tensor_source){ tensor->name,
                                                                            type_of(tensor, precision),
                                                                            2,
                                                                            { tensor->n_rows, tensor->n_columns },
                                                                            model->theta + tensor->offset };
    }
    values = CLADE_NEW(int64_t, n_rows * (model->shape.n_item_fields + 1));
    write_description(&text, model);
    if (values == NULL || text.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to write %s", path);
        goto done;
    }
    for (size_t f = 0; f < model->shape.n_item_fields; f++) {
        int64_t *const at = values + f * n_rows;
        for (size_t i = 0; i < n_rows; i++)
            at[i] = (int64_t)model->item_value[f][i];
        (void)snprintf(name[f], sizeof name[f], "attribute.%zu", f);
        source[n++] = (clade_tensor_source){ name[f], CLADE_TENSOR_I64, 1, { n_rows }, at };
    }
    note[0] = (clade_tensor_note){ "behaviour", text.data };
    for (; notes != NULL && notes[0] != NULL && n_notes < NOTES_MAX; notes += 2)
        note[n_notes++] = (clade_tensor_note){ notes[0], notes[1] };
    status = clade_tensors_write(path, source, n, note, n_notes, err);
done:
    free(values);
    clade_buffer_free(&text);
    return status;
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef struct description {
    const char            *path;
    const clade_json_tree *tree;
    clade_error           *err;
    clade_status           status; /* of the first that failed; later reads do nothing */
} description;

static double number(description *d, const clade_json_node *of, const char *key, double low,
                     double high)
{
    const clade_json_node *const node = clade_json_get(d->tree, of, key);
    if (node != NULL && node->type == CLADE_JSON_NUMBER && node->number >= low &&
        node->number <= high) {
        return node->number;
    }
    if (d->status == CLADE_OK) {
        d->status = clade_fail(d->err, CLADE_ERR_DATA, "%s: '%s' is not a number from %g to %g",
                               d->path, key, low, high);
    }
    return low;
}

/* What files of older versions do not have stays as it is. */
static void newer(float *in_out, description *d, const clade_json_node *of, const char *key,
                  double low, double high)
{
    if (clade_json_get(d->tree, of, key) != NULL) *in_out = (float)number(d, of, key, low, high);
}

static bool flag(const description *d, const clade_json_node *of, const char *key)
{
    const clade_json_node *const node = clade_json_get(d->tree, of, key);
    return node != NULL && node->type == CLADE_JSON_BOOL && node->boolean;
}

static uint32_t whole(description *d, const clade_json_node *of, const char *key, double low,
                      double high)
{
    return (uint32_t)number(d, of, key, low, high);
}

static void read_blocks(description *d, clade_behaviour_options *o)
{
    const clade_json_node *const list = clade_json_get(d->tree, d->tree->node, "blocks");
    if (list == NULL || list->type != CLADE_JSON_ARRAY || list->n > CLADE_BEHAVIOUR_BLOCKS_MAX) {
        if (d->status == CLADE_OK)
            d->status = clade_fail(d->err, CLADE_ERR_DATA, "%s: 'blocks' is not a list of up to %d",
                                   d->path, CLADE_BEHAVIOUR_BLOCKS_MAX);
        return;
    }
    const clade_json_node *node = list + 1;
    for (uint32_t b = 0; b < list->n; b++, node = d->tree->node + node->next) {
        const clade_mixer mixer = clade_mixer_find(node->text);
        if (node->type != CLADE_JSON_TEXT || mixer == CLADE_N_MIXER) {
            if (d->status == CLADE_OK)
                d->status = clade_fail(d->err, CLADE_ERR_DATA, "%s: block %u is of no known kind",
                                       d->path, b);
            return;
        }
        o->mixer[b] = mixer;
    }
    o->n_blocks = list->n;
}

/* Fields of events or items, added to a log without events that has their shape. */
static void read_fields(description *d, clade_sequences *s, const char *key, bool items)
{
    const clade_json_node *const list = clade_json_get(d->tree, d->tree->node, key);
    if (d->status != CLADE_OK) return;
    if (list == NULL || list->type != CLADE_JSON_ARRAY) {
        d->status = clade_fail(d->err, CLADE_ERR_DATA, "%s: '%s' is not a list", d->path, key);
        return;
    }
    const clade_json_node *node = list + 1;
    for (uint32_t f = 0; f < list->n && d->status == CLADE_OK;
         f++, node = d->tree->node + node->next) {
        const clade_json_node *const name =
            node->type == CLADE_JSON_OBJECT ? clade_json_get(d->tree, node, "name") : NULL;
        char      text[CLADE_SEQUENCE_NAME_MAX] = "";
        uint32_t *value                         = NULL;
        if (name == NULL || name->type != CLADE_JSON_TEXT || name->text.size >= sizeof text) {
            d->status = clade_fail(d->err, CLADE_ERR_DATA, "%s: field %u of '%s' has no good name",
                                   d->path, f, key);
            return;
        }
        memcpy(text, name->text.data, name->text.size);
        const uint32_t n_values = whole(d, node, "values", 0, 1 << 24);
        if (d->status != CLADE_OK) return;
        d->status = items ? clade_sequences_add_item_field(&value, s, text, n_values, d->err)
                          : clade_sequences_add_field(&value, s, text, n_values, d->err);
    }
}

static clade_status read_attributes(clade_sequences *s, const clade_tensors *file, const char *path,
                                    clade_error *err)
{
    const uint64_t n_rows = (uint64_t)s->n_items + 1;
    int64_t *const value  = CLADE_NEW(int64_t, n_rows);
    clade_status   status = CLADE_OK;
    if (value == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to read %s", path);
    for (size_t f = 0; status == CLADE_OK && f < s->n_item_fields; f++) {
        char name[32];
        (void)snprintf(name, sizeof name, "attribute.%zu", f);
        status = clade_tensors_read_values(value, file, name, CLADE_TENSOR_I64, &n_rows, 1, err);
        for (size_t i = 0; status == CLADE_OK && i < n_rows; i++) {
            if (value[i] < 0 || value[i] > (int64_t)s->item_field[f].n_values) {
                status = clade_fail(err, CLADE_ERR_DATA, "%s: %s[%zu] is %lld, wanted 0 to %u",
                                    path, name, i, (long long)value[i], s->item_field[f].n_values);
            } else {
                s->item_field[f].value[i] = (uint32_t)value[i];
            }
        }
    }
    free(value);
    return status;
}

/* What the options ask for is in the file: so no memory is taken that the file does not fill. */
static clade_status check_weights(const clade_behaviour *model, const clade_tensors *file,
                                  const char *path, clade_error *err)
{
    for (size_t t = 0; t < model->n_tensors; t++) {
        const clade_behaviour_tensor *const wanted = &model->tensor[t];
        const clade_tensor *const           found  = clade_tensors_find(file, wanted->name);
        if (found == NULL || found->n_dimensions != 2 || found->shape[0] != wanted->n_rows ||
            found->shape[1] != wanted->n_columns) {
            return clade_fail(err, CLADE_ERR_DATA, "%s: '%s' is not a table of %zu rows of %zu",
                              path, wanted->name, wanted->n_rows, wanted->n_columns);
        }
    }
    return CLADE_OK;
}

static clade_status read_weights(clade_behaviour *model, const clade_tensors *file,
                                 const char *path, clade_error *err)
{
    for (size_t t = 0; t < model->n_tensors; t++) {
        const clade_behaviour_tensor *const tensor   = &model->tensor[t];
        const uint64_t                      shape[2] = { tensor->n_rows, tensor->n_columns };
        float *const                        at       = model->theta + tensor->offset;
        CLADE_TRY(clade_tensors_read_floats(at, file, tensor->name, shape, 2, err));
        for (size_t i = 0; i < tensor->n_rows * tensor->n_columns; i++) {
            if (!isfinite(at[i])) {
                return clade_fail(err, CLADE_ERR_DATA, "%s: %s[%zu] is not finite", path,
                                  tensor->name, i);
            }
        }
    }
    clade_behaviour_set(model, model->theta);
    return CLADE_OK;
}

/* Options, and a log without events of the shape that the file says. */
static clade_status read_description(clade_behaviour_options *o, clade_sequences **out,
                                     const clade_tensors *file, const char *path,
                                     clade_arena *arena, clade_error *err)
{
    const char *const text = clade_tensors_note(file, "behaviour");
    clade_json_tree   tree = { 0 };
    if (text == NULL) {
        return clade_fail(err, CLADE_ERR_DATA, "%s is not a behaviour model: no note 'behaviour'",
                          path);
    }
    if (clade_json_parse(&tree, clade_text_of(text), arena, err) != CLADE_OK ||
        tree.node[0].type != CLADE_JSON_OBJECT) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: its note 'behaviour' is not a JSON object",
                          path);
    }
    description  d       = { path, &tree, err, CLADE_OK };
    const double version = number(&d, tree.node, "version", 1, 1e9);
    if (version > FORMAT_VERSION) {
        return clade_fail(err, CLADE_ERR_VERSION,
                          "%s is a behaviour model of version %g, this clade reads up to %d", path,
                          version, FORMAT_VERSION);
    }
    *o               = clade_behaviour_defaults();
    o->d             = whole(&d, tree.node, "d", 16, CLADE_BEHAVIOUR_D_MAX);
    o->n_heads       = whole(&d, tree.node, "heads", 1, CLADE_BEHAVIOUR_D_MAX);
    o->ff            = whole(&d, tree.node, "feed_forward", 0, 4 * CLADE_BEHAVIOUR_D_MAX);
    o->n_rates       = whole(&d, tree.node, "rates", 1, CLADE_BEHAVIOUR_RATES_MAX);
    o->max_events    = whole(&d, tree.node, "max_events", 2, CLADE_BEHAVIOUR_EVENTS_MAX);
    o->temperature   = (float)number(&d, tree.node, "temperature", 0, 10);
    o->dropout       = (float)number(&d, tree.node, "dropout", 0, 1);
    o->dropout_in    = (float)number(&d, tree.node, "dropout_in", 0, 1);
    o->future_weight = (float)number(&d, tree.node, "future_weight", 0, 100);
    o->future_days   = (float)number(&d, tree.node, "future_days", 0, 3660);
    o->with_moment   = flag(&d, tree.node, "with_moment");
    newer(&o->return_weight, &d, tree.node, "return_weight", 0, 100);
    newer(&o->contrast_weight, &d, tree.node, "contrast_weight", 0, 100);
    newer(&o->contrast_temperature, &d, tree.node, "contrast_temperature", 0.001, 10);
    o->with_own    = flag(&d, tree.node, "with_own");
    o->next_basket = flag(&d, tree.node, "next_basket");
    o->outer_gate  = flag(&d, tree.node, "outer_gate");
    read_blocks(&d, o);
    const uint32_t n_items = whole(&d, tree.node, "items", 0, 1 << 30);
    CLADE_TRY(d.status);
    /* The item table says how large the catalogue is, before anything is allocated for it. */
    const clade_tensor *const item = clade_tensors_find(file, "item");
    if (item == NULL || item->n_dimensions != 2 || item->shape[0] != (uint64_t)n_items + 1 ||
        item->shape[1] != o->d) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: 'item' is not a table of %u rows of %u", path,
                          n_items + 1, o->d);
    }
    CLADE_TRY(clade_sequences_create(out, 0, 0, n_items, flag(&d, tree.node, "with_time"), err));
    read_fields(&d, *out, "event_fields", false);
    read_fields(&d, *out, "item_fields", true);
    return d.status;
}

static clade_status load(clade_behaviour **out, const clade_tensors *file, const char *path,
                         clade_error *err)
{
    clade_status            status = CLADE_OK;
    clade_arena            *arena  = clade_arena_create(0);
    clade_sequences        *shape  = NULL;
    clade_behaviour        *model  = NULL;
    clade_error             why    = { 0 };
    clade_behaviour_options options;

    if (arena == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to read %s", path);
        goto done;
    }
    status = read_description(&options, &shape, file, path, arena, err);
    if (status != CLADE_OK) goto done;
    status = clade__behaviour_plan(&model, &options, shape, &why);
    if (status != CLADE_OK) { /* what is a wrong argument elsewhere is a wrong file here */
        status = clade_fail(err, status == CLADE_ERR_ARG ? CLADE_ERR_DATA : status, "%s: %s", path,
                            why.message);
        goto done;
    }
    status = check_weights(model, file, path, err);
    if (status != CLADE_OK) goto done;
    status = read_attributes(shape, file, path, err);
    if (status != CLADE_OK) goto done;
    status = clade__behaviour_allocate(model, shape, err);
    if (status != CLADE_OK) goto done;
    status = read_weights(model, file, path, err);
    if (status != CLADE_OK) goto done;

    *out  = model;
    model = NULL;
done:
    clade_behaviour_free(model);
    clade_sequences_free(shape);
    clade_arena_free(arena);
    return status;
}

clade_status clade_behaviour_load(clade_behaviour **out, const char *path, clade_error *err)
{
    clade_tensors *file = NULL;
    CLADE_TRY(clade_tensors_open(&file, path, err));
    const clade_status status = load(out, file, path, err);
    clade_tensors_close(file);
    return status;
}

clade_status clade_behaviour_load_memory(clade_behaviour **out, const void *data, size_t size,
                                         const char *name, clade_error *err)
{
    clade_tensors *file = NULL;
    CLADE_TRY(clade_tensors_open_memory(&file, data, size, name, err));
    const clade_status status = load(out, file, name, err);
    clade_tensors_close(file);
    return status;
}

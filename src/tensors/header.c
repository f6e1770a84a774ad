/* The header of a file on the way in. It is JSON that anybody may have written:
 *
 *     { "__metadata__": { "seed": "7" },
 *       "head.weight": { "dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24] }, ... }
 *
 * Offsets count from the end of the header. Sorted by them, the tensors must follow each other from
 * the first byte of the data to its last, as the format demands. Runs once for a file. */
#include "tensors_internal.h"

#include "clade/json.h"

#include <stdlib.h>

typedef struct header_reader {
    clade_json_tree tree;
    clade_text      text;
    const char     *name; /* of the file */
    clade_arena    *arena;
    clade_error    *err;
} header_reader;

/* A whole number in plain digits: JSON's 1e3, 1.0 and -0 are none. */
static bool read_whole(uint64_t *out, const clade_json_node *node)
{
    uint64_t value = 0;
    if (node->type != CLADE_JSON_NUMBER) return false;
    for (size_t i = 0; i < node->text.size; i++) {
        const char c = node->text.data[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

static clade_status read_shape(header_reader *r, clade_tensor *tensor, const clade_json_node *node)
{
    if (node == NULL || node->type != CLADE_JSON_ARRAY)
        return clade_fail(r->err, CLADE_ERR_DATA, "%s: tensor %s has no shape", r->name,
                          tensor->name);
    if (node->n > CLADE_TENSORS_DIMENSIONS_MAX)
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "%s: tensor %s has %u dimensions, wanted at most %d", r->name,
                          tensor->name, node->n, CLADE_TENSORS_DIMENSIONS_MAX);
    tensor->n_dimensions = node->n;
    for (size_t i = 0; i < node->n; i++) { /* children that are no containers are one node each */
        const clade_json_node *child = node + 1 + i;
        if (!read_whole(&tensor->shape[i], child))
            return clade_fail(r->err, CLADE_ERR_DATA,
                              "%s: tensor %s: shape[%zu] is not a whole number of 64 bits", r->name,
                              tensor->name, i);
    }
    return CLADE_OK;
}

/* dtype, shape, data_offsets, and nothing else. tensor->offset counts from the data's start. */
static clade_status read_tensor(header_reader *r, clade_tensor *tensor, const clade_json_node *node,
                                uint64_t data_bytes)
{
    if (node->type != CLADE_JSON_OBJECT || node->n != 3)
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "%s: tensor %s is described by something else than dtype, shape and "
                          "data_offsets",
                          r->name, tensor->name);
    const clade_json_node *dtype = clade_json_get(&r->tree, node, "dtype");
    tensor->type                 = dtype == NULL || dtype->type != CLADE_JSON_TEXT
                                       ? CLADE_N_TENSOR_TYPE
                                       : clade__tensor_type_find(dtype->text);
    if (tensor->type == CLADE_N_TENSOR_TYPE) {
        const bool can_be_said =
            dtype != NULL && dtype->type == CLADE_JSON_TEXT && clade__tensor_name_fits(dtype->text);
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "%s: tensor %s has the dtype '%.*s', which is not known", r->name,
                          tensor->name, can_be_said ? (int)dtype->text.size : 0,
                          can_be_said ? dtype->text.data : "");
    }
    CLADE_TRY(read_shape(r, tensor, clade_json_get(&r->tree, node, "shape")));

    uint64_t               first, end, bytes;
    const clade_json_node *offsets = clade_json_get(&r->tree, node, "data_offsets");
    if (offsets == NULL || offsets->type != CLADE_JSON_ARRAY || offsets->n != 2 ||
        !read_whole(&first, offsets + 1) || !read_whole(&end, offsets + 2))
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "%s: tensor %s: data_offsets are not two whole numbers of 64 bits",
                          r->name, tensor->name);
    char shape[128];
    clade__tensor_shape_say(shape, tensor->shape, tensor->n_dimensions);
    if (!clade__tensor_size(&tensor->n_values, &bytes, tensor->shape, tensor->n_dimensions,
                            tensor->type))
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "%s: tensor %s of shape %s is larger than any file", r->name,
                          tensor->name, shape);
    if (first > end || end > data_bytes)
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "%s: tensor %s lies at bytes %llu to %llu, wanted within the %llu that "
                          "follow the header",
                          r->name, tensor->name, (unsigned long long)first, (unsigned long long)end,
                          (unsigned long long)data_bytes);
    if (end - first != bytes)
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "%s: tensor %s has %llu bytes, wanted %llu for %s of shape %s", r->name,
                          tensor->name, (unsigned long long)(end - first),
                          (unsigned long long)bytes, clade_tensor_type_name(tensor->type), shape);
    tensor->offset = first;
    return CLADE_OK;
}

static int compare_note(const void *a, const void *b)
{
    return strcmp(((const clade_tensor_note *)a)->key, ((const clade_tensor_note *)b)->key);
}

static int compare_name(const void *a, const void *b)
{
    return strcmp(((const clade_tensor *)a)->name, ((const clade_tensor *)b)->name);
}

/* By place; an empty tensor stands before the one that begins at the same byte. */
static int compare_place(const void *a, const void *b)
{
    const clade_tensor *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return (x->n_values > 0) - (y->n_values > 0);
}

static clade_status read_notes(header_reader *r, tensors_header *out, const clade_json_node *node)
{
    if (node->type != CLADE_JSON_OBJECT || node->n > CLADE_TENSORS_NOTES_MAX)
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "%s: " TENSORS_META_KEY " is not an object of at most %d texts", r->name,
                          CLADE_TENSORS_NOTES_MAX);
    out->note    = CLADE_ARENA_NEW(r->arena, clade_tensor_note, node->n);
    out->n_notes = node->n;
    if (out->note == NULL)
        return clade_fail(r->err, CLADE_ERR_NOMEM, "%s: no memory for its metadata", r->name);
    size_t child = (size_t)(node - r->tree.node) + 1;
    for (size_t i = 0; i < node->n; i++) {
        const clade_json_node *note = &r->tree.node[child];
        if (!clade__tensor_name_fits(note->key))
            return clade_fail(r->err, CLADE_ERR_DATA,
                              "%s: key %zu of its metadata is empty, longer than %d bytes, or has "
                              "control characters",
                              r->name, i + 1, CLADE_TENSORS_NAME_MAX);
        if (note->type != CLADE_JSON_TEXT ||
            (note->text.size > 0 && memchr(note->text.data, '\0', note->text.size) != NULL))
            return clade_fail(r->err, CLADE_ERR_DATA,
                              "%s: '%.*s' in its metadata is not a text without NUL", r->name,
                              (int)note->key.size, note->key.data);
        out->note[i].key   = clade_arena_text(r->arena, note->key.data, note->key.size);
        out->note[i].value = clade_arena_text(r->arena, note->text.data, note->text.size);
        if (out->note[i].key == NULL || out->note[i].value == NULL)
            return clade_fail(r->err, CLADE_ERR_NOMEM, "%s: no memory for its metadata", r->name);
        if (strcmp(out->note[i].key, TENSORS_CHECKSUM_KEY) == 0) {
            /* A text without escapes lies in the header itself, where it is left out of the hash.
             */
            const bool in_place = note->text.size == TENSORS_CHECKSUM_DIGITS &&
                                  note->text.data >= r->text.data &&
                                  note->text.data < r->text.data + r->text.size;
            if (!in_place)
                return clade_fail(r->err, CLADE_ERR_DATA,
                                  "%s: its checksum is not %d hexadecimal digits", r->name,
                                  TENSORS_CHECKSUM_DIGITS);
            out->checksum = note->text.data;
        }
        child = note->next;
    }
    qsort(out->note, out->n_notes, sizeof *out->note, compare_note);
    for (size_t i = 1; i < out->n_notes; i++) {
        if (compare_note(&out->note[i - 1], &out->note[i]) == 0)
            return clade_fail(r->err, CLADE_ERR_DATA, "%s: '%s' is twice in its metadata", r->name,
                              out->note[i].key);
    }
    return CLADE_OK;
}

/* Every byte of the data belongs to one tensor. */
static clade_status check_places(header_reader *r, const tensors_header *h, uint64_t data_bytes)
{
    uint64_t at = 0;
    for (size_t i = 0; i < h->n_tensors; i++) {
        const clade_tensor *t = &h->tensor[i];
        if (t->offset < at)
            return clade_fail(r->err, CLADE_ERR_DATA, "%s: tensors %s and %s overlap at byte %llu",
                              r->name, h->tensor[i - 1].name, t->name,
                              (unsigned long long)t->offset);
        if (t->offset > at)
            return clade_fail(r->err, CLADE_ERR_DATA,
                              "%s: bytes %llu to %llu in front of tensor %s belong to no tensor",
                              r->name, (unsigned long long)at, (unsigned long long)t->offset,
                              t->name);
        at += t->n_values * clade_tensor_type_bytes(t->type);
    }
    if (at != data_bytes)
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "%s: %llu bytes behind the last tensor belong to no tensor", r->name,
                          (unsigned long long)(data_bytes - at));
    return CLADE_OK;
}

static clade_status read_members(header_reader *r, tensors_header *out, uint64_t data_bytes)
{
    const clade_json_node *root  = &r->tree.node[0];
    bool                   noted = false;
    size_t                 child = 1;
    if (root->type != CLADE_JSON_OBJECT)
        return clade_fail(r->err, CLADE_ERR_DATA, "%s: its header is not a JSON object", r->name);
    if (root->n > CLADE_TENSORS_MAX)
        return clade_fail(r->err, CLADE_ERR_DATA, "%s: has %u tensors, wanted at most %d", r->name,
                          root->n, CLADE_TENSORS_MAX);
    out->tensor = CLADE_ARENA_NEW(r->arena, clade_tensor, root->n);
    if (out->tensor == NULL)
        return clade_fail(r->err, CLADE_ERR_NOMEM, "%s: no memory for %u tensors", r->name,
                          root->n);
    for (size_t i = 0; i < root->n; i++) {
        const clade_json_node *node = &r->tree.node[child];
        if (!clade__tensor_name_fits(node->key))
            return clade_fail(r->err, CLADE_ERR_DATA,
                              "%s: name %zu in its header is empty, longer than %d bytes, or has "
                              "control characters",
                              r->name, i + 1, CLADE_TENSORS_NAME_MAX);
        if (clade_text_equal(node->key, CLADE_TEXT(TENSORS_META_KEY))) {
            if (noted)
                return clade_fail(r->err, CLADE_ERR_DATA, "%s: " TENSORS_META_KEY " is there twice",
                                  r->name);
            noted = true;
            CLADE_TRY(read_notes(r, out, node));
        } else {
            clade_tensor *tensor = &out->tensor[out->n_tensors++];
            tensor->name         = clade_arena_text(r->arena, node->key.data, node->key.size);
            if (tensor->name == NULL)
                return clade_fail(r->err, CLADE_ERR_NOMEM, "%s: no memory for its names", r->name);
            CLADE_TRY(read_tensor(r, tensor, node, data_bytes));
        }
        child = node->next;
    }
    return CLADE_OK;
}

clade_status clade__tensors_header_read(tensors_header *out, clade_text text, uint64_t data_bytes,
                                        const char *name, clade_arena *arena, clade_error *err)
{
    header_reader r = { .text = text, .name = name, .arena = arena, .err = err };
    if (text.size == 0 || text.data[0] != '{')
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: is not a file of tensors: no { follows the length of its header",
                          name);
    const clade_status status = clade_json_parse(&r.tree, text, arena, err);
    if (status != CLADE_OK) return clade_fail_at(err, status, "%s: header: ", name);
    CLADE_TRY(read_members(&r, out, data_bytes));

    qsort(out->tensor, out->n_tensors, sizeof *out->tensor, compare_place);
    CLADE_TRY(check_places(&r, out, data_bytes));
    qsort(out->tensor, out->n_tensors, sizeof *out->tensor, compare_name);
    for (size_t i = 1; i < out->n_tensors; i++) {
        if (compare_name(&out->tensor[i - 1], &out->tensor[i]) == 0)
            return clade_fail(err, CLADE_ERR_DATA, "%s: tensor %s is there twice", name,
                              out->tensor[i].name);
    }
    return CLADE_OK;
}

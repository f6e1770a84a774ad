/* The vocabulary of event sequences: looked up, written for a bundle, and read back from a text
 * that may be anybody's. */
#include "sequences_internal.h"

#include "clade/numeric.h"

enum { VOCABULARY_VERSION = 1 };
#define ITEM_MAX 9007199254740991.0 /* 2^53 - 1: whole numbers up to it are exact as doubles */

uint32_t clade_vocabulary_find(const clade_vocabulary *vocabulary, int64_t item)
{
    size_t low = 0, high = vocabulary->n_items;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (vocabulary->item[vocabulary->by_item[middle]] < item)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == vocabulary->n_items || vocabulary->item[vocabulary->by_item[low]] != item) return 0;
    return vocabulary->by_item[low];
}

void clade_vocabulary_free(clade_vocabulary *vocabulary)
{
    if (vocabulary == NULL) return;
    clade_arena_free(vocabulary->arena);
    free(vocabulary);
}

/* ---------------------------------------------------------------- writing */

static void write_words(clade_json *json, const char *key, const clade_words *words)
{
    clade_json_key(json, key);
    clade_json_array(json);
    for (uint32_t i = 0; i < words->n; i++)
        clade_json_text(json, words->name[i]);
    clade_json_array_end(json);
}

void clade_vocabulary_write(clade_json *json, const clade_vocabulary *vocabulary)
{
    clade_json_object(json);
    clade_json_put_int(json, "version", VOCABULARY_VERSION);
    write_words(json, "channel", &vocabulary->channel);
    write_words(json, "device", &vocabulary->device);
    write_words(json, "category", &vocabulary->category);
    write_words(json, "category_path", &vocabulary->category_path);
    write_words(json, "brand", &vocabulary->brand);
    clade_json_key(json, "price_centre");
    clade_json_array(json);
    for (uint32_t i = 0; i <= vocabulary->category_path.n; i++)
        clade_json_number(json, vocabulary->price_centre[i]);
    clade_json_array_end(json);
    clade_json_key(json, "item");
    clade_json_array(json);
    for (uint32_t i = 1; i <= vocabulary->n_items; i++)
        clade_json_int(json, vocabulary->item[i]);
    clade_json_array_end(json);
    clade_json_object_end(json);
}

/* ---------------------------------------------------------------- reading */

/* A key that must be there as an array of at most `most`. */
static clade_status find_array(const clade_json_node **out, const clade_json_tree *tree,
                               const char *key, size_t most, clade_error *err)
{
    const clade_json_node *node = clade_json_get(tree, &tree->node[0], key);
    if (node == NULL || node->type != CLADE_JSON_ARRAY)
        return clade_fail(err, CLADE_ERR_DATA, "vocabulary: %s is missing or no list", key);
    if (node->n > most)
        return clade_fail(err, CLADE_ERR_DATA, "vocabulary: %s has %u values, wanted at most %zu",
                          key, node->n, most);
    *out = node;
    return CLADE_OK;
}

static clade_status read_words(clade_words *out, const clade_json_tree *tree, const char *key,
                               size_t most, clade_arena *arena, clade_error *err)
{
    const clade_json_node *list = NULL;
    CLADE_TRY(find_array(&list, tree, key, most, err));
    out->name = CLADE_ARENA_NEW(arena, const char *, list->n);
    if (out->name == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a vocabulary");
    for (uint32_t i = 0; i < list->n; i++) {
        const clade_json_node *node = &list[1 + i]; /* texts have no children */
        if (node->type != CLADE_JSON_TEXT ||
            (node->text.size > 0 && memchr(node->text.data, 0, node->text.size) != NULL))
            return clade_fail(err, CLADE_ERR_DATA, "vocabulary: %s[%u] is no text", key, i);
        out->name[i] = clade_arena_text(arena, node->text.data, node->text.size);
        if (out->name[i] == NULL)
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a vocabulary");
    }
    out->n = list->n;
    return CLADE_OK;
}

static clade_status read_centres(clade_vocabulary *out, const clade_json_tree *tree,
                                 clade_error *err)
{
    const clade_json_node *list = NULL;
    const uint32_t         n    = out->category_path.n + 1;
    CLADE_TRY(find_array(&list, tree, "price_centre", n, err));
    if (list->n != n)
        return clade_fail(err, CLADE_ERR_DATA, "vocabulary: price_centre has %u values, wanted %u",
                          list->n, n);
    out->price_centre = CLADE_ARENA_NEW(out->arena, double, n);
    if (out->price_centre == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a vocabulary");
    for (uint32_t i = 0; i < n; i++) {
        const clade_json_node *node = &list[1 + i];
        const bool             none = node->type == CLADE_JSON_NULL;
        if (!none && (node->type != CLADE_JSON_NUMBER || !isfinite(node->number)))
            return clade_fail(err, CLADE_ERR_DATA, "vocabulary: price_centre[%u] is no number", i);
        out->price_centre[i] = none ? (double)NAN : node->number;
    }
    return CLADE_OK;
}

static clade_status read_items(clade_vocabulary *out, const clade_json_tree *tree, clade_error *err)
{
    const clade_json_node *list = NULL;
    CLADE_TRY(find_array(&list, tree, "item", CLADE_ITEMS_MAX, err));
    const size_t n = list->n;
    out->item      = CLADE_ARENA_NEW(out->arena, int64_t, n + 1);
    out->item_ref  = CLADE_ARENA_NEW(out->arena, const char *, n + 1);
    out->item_name = CLADE_ARENA_NEW(out->arena, const char *, n + 1);
    if (out->item == NULL || out->item_ref == NULL || out->item_name == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu items", n);
    out->item[0] = -1;
    for (size_t i = 0; i < n; i++) {
        const clade_json_node *node = &list[1 + i];
        if (node->type != CLADE_JSON_NUMBER || !(node->number >= 0) || node->number > ITEM_MAX ||
            node->number != floor(node->number))
            return clade_fail(err, CLADE_ERR_DATA, "vocabulary: item[%zu] is no item's number", i);
        out->item[i + 1] = (int64_t)node->number;
    }
    out->n_items = (uint32_t)n;
    CLADE_TRY(clade__vocabulary_sort(out, err));
    for (size_t i = 1; i < n; i++) {
        const int64_t item = out->item[out->by_item[i]];
        if (item == out->item[out->by_item[i - 1]])
            return clade_fail(err, CLADE_ERR_DATA, "vocabulary: item %lld is there twice",
                              (long long)item);
    }
    return CLADE_OK;
}

clade_status clade__vocabulary_sort(clade_vocabulary *vocabulary, clade_error *err)
{
    const size_t n     = vocabulary->n_items;
    double      *value = CLADE_NEW(double, n);
    clade_status status;

    vocabulary->by_item = CLADE_ARENA_NEW(vocabulary->arena, uint32_t, n);
    if (value == NULL || vocabulary->by_item == NULL) {
        free(value);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu items", n);
    }
    for (size_t i = 0; i < n; i++)
        value[i] = (double)vocabulary->item[i + 1];
    status = clade_order_f64(vocabulary->by_item, value, 1, n, err);
    for (size_t i = 0; i < n; i++)
        vocabulary->by_item[i]++;
    free(value);
    return status;
}

clade_status clade_vocabulary_read(clade_vocabulary **out_vocabulary, clade_text json,
                                   clade_error *err)
{
    clade_status           status     = CLADE_OK;
    clade_arena           *nodes      = clade_arena_create(0);
    clade_vocabulary      *vocabulary = CLADE_NEW(clade_vocabulary, 1);
    clade_json_tree        tree       = { 0 };
    const clade_json_node *version    = NULL;

    if (vocabulary != NULL) vocabulary->arena = clade_arena_create(0);
    if (nodes == NULL || vocabulary == NULL || vocabulary->arena == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a vocabulary");
        goto done;
    }
    status = clade_json_parse(&tree, json, nodes, err);
    if (status != CLADE_OK) goto done;
    if (tree.node[0].type != CLADE_JSON_OBJECT) {
        status = clade_fail(err, CLADE_ERR_DATA, "vocabulary: not a JSON object");
        goto done;
    }
    version = clade_json_get(&tree, &tree.node[0], "version");
    if (version == NULL || version->type != CLADE_JSON_NUMBER ||
        version->number != (double)VOCABULARY_VERSION) {
        status =
            clade_fail(err, CLADE_ERR_DATA, "vocabulary: version is not %d", VOCABULARY_VERSION);
        goto done;
    }
    const struct {
        const char  *key;
        clade_words *words;
        size_t       most;
    } list[] = { { "channel", &vocabulary->channel, CLADE_EVENT_WORDS_MAX },
                 { "device", &vocabulary->device, CLADE_EVENT_WORDS_MAX },
                 { "category", &vocabulary->category, CLADE_ITEM_WORDS_MAX },
                 { "category_path", &vocabulary->category_path, CLADE_ITEM_WORDS_MAX },
                 { "brand", &vocabulary->brand, CLADE_ITEM_WORDS_MAX } };
    for (size_t i = 0; i < sizeof list / sizeof list[0] && status == CLADE_OK; i++)
        status =
            read_words(list[i].words, &tree, list[i].key, list[i].most, vocabulary->arena, err);
    if (status == CLADE_OK) status = read_centres(vocabulary, &tree, err);
    if (status == CLADE_OK) status = read_items(vocabulary, &tree, err);
    if (status != CLADE_OK) goto done;

    *out_vocabulary = vocabulary;
    vocabulary      = NULL;
done:
    clade_arena_free(nodes);
    clade_vocabulary_free(vocabulary);
    return status;
}

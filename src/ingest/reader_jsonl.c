/* JSON lines: one object a line, or one array of objects. Nested objects become dotted names,
 * arrays of plain values one text with blanks between, other arrays stay JSON text. The columns are
 * the keys of the sample; a key that comes later is counted and named in the note, because the
 * loader has laid out its table by then. */
#include "clade/json.h"
#include "mapping_parts.h"
#include "reader_parts.h"

#include <stdlib.h>

enum { MAX_SNIFF_ROWS = 2000, MAX_NAME_BYTES = 512 };

/* ---------------------------------------------------------------- cutting */

/* In array mode: the end of the value that starts at `from`, or SIZE_MAX when the window ends
 * first. Braces inside of strings do not count. */
static size_t value_end(const char *data, size_t from, size_t end)
{
    size_t depth  = 0;
    bool   string = false;
    for (size_t i = from; i < end; i++) {
        const char c = data[i];
        if (string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                string = false;
            }
            continue;
        }
        if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return i;
            if (--depth == 0) return i + 1;
        } else if (depth == 0 && (c == ',' || c == '\n')) {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool between_values(char c, bool array)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || (array && c == ',');
}

typedef struct piece {
    size_t  begin, end, next; /* window positions */
    int64_t line;
    bool    too_long;
} piece;

/* The next value's text. Nothing is consumed until the caller moves window->begin to piece.next.
 * *out_more is false when the text is at its end. */
static clade_status next_piece(piece *out, bool *out_more, clade_reader *reader, clade_error *err)
{
    clade__window *const window = &reader->window;
    int64_t             *line   = &reader->csv.line;
    *out_more                   = true;
    for (;;) {
        while (window->begin < window->end &&
               between_values(window->data[window->begin], reader->json_array)) {
            *line += window->data[window->begin++] == '\n';
        }
        if (window->begin < window->end) {
            const char *const data = window->data;
            size_t            end  = SIZE_MAX;
            if (reader->json_array) {
                if (data[window->begin] == ']') { /* what follows the array must be blank */
                    reader->json_array = false;
                    window->begin++;
                    continue;
                }
                end = value_end(data, window->begin, window->end);
                if (end == window->begin) end++; /* a stray bracket: a bad row of one byte */
            } else {
                const char *at = memchr(data + window->begin, '\n', window->end - window->begin);
                if (at != NULL) end = (size_t)(at - data);
            }
            if (end == SIZE_MAX && window->at_end) end = window->end;
            if (end != SIZE_MAX) {
                *out = (piece){ window->begin, end, end, *line, false };
                while (out->end > out->begin && data[out->end - 1] == '\r')
                    out->end--;
                out->too_long = out->end - out->begin > CLADE_READER_MAX_ROW_BYTES;
                return CLADE_OK;
            }
            if (window->end - window->begin > CLADE_READER_MAX_ROW_BYTES) {
                *out = (piece){ window->begin, window->begin + CLADE_READER_MAX_ROW_BYTES, 0, *line,
                                true };
                return CLADE_OK;
            }
        } else if (window->at_end) {
            *out_more = false;
            return CLADE_OK;
        }
        CLADE_TRY(clade__window_fill(window, err));
    }
}

/* ---------------------------------------------------------------- flattening */

typedef clade_status (*on_value)(clade_reader *reader, clade_text name, const clade_json_tree *tree,
                                 const clade_json_node *node, clade_error *err);

static clade_status flatten(clade_reader *reader, const clade_json_tree *tree,
                            const clade_json_node *object, char *name, size_t n_name,
                            on_value visit, clade_error *err)
{
    size_t child = (size_t)(object - tree->node) + 1;
    for (uint32_t i = 0; i < object->n; i++) {
        const clade_json_node *node = &tree->node[child];
        const size_t           dot  = n_name > 0;
        if (n_name + dot + node->key.size < MAX_NAME_BYTES) {
            if (dot) name[n_name] = '.';
            if (node->key.size > 0) memcpy(name + n_name + dot, node->key.data, node->key.size);
            const size_t n = n_name + dot + node->key.size;
            if (node->type == CLADE_JSON_OBJECT && node->n > 0) {
                CLADE_TRY(flatten(reader, tree, node, name, n, visit, err));
            } else {
                CLADE_TRY(visit(reader, (clade_text){ name, n }, tree, node, err));
            }
        } else {
            reader->n_late_more++; /* a name that long is no column */
        }
        child = node->next;
    }
    return CLADE_OK;
}

static void write_node(clade_json *json, const clade_json_tree *tree, const clade_json_node *node)
{
    size_t child = (size_t)(node - tree->node) + 1;
    switch (node->type) {
    case CLADE_JSON_NULL: clade_json_null(json); return;
    case CLADE_JSON_BOOL: clade_json_bool(json, node->boolean); return;
    case CLADE_JSON_NUMBER: clade_json_number(json, node->number); return;
    case CLADE_JSON_TEXT: clade_json_text_n(json, node->text.data, node->text.size); return;
    case CLADE_JSON_ARRAY:
        clade_json_array(json);
        for (uint32_t i = 0; i < node->n; i++, child = tree->node[child].next) {
            write_node(json, tree, &tree->node[child]);
        }
        clade_json_array_end(json);
        return;
    case CLADE_JSON_OBJECT: break;
    }
    clade_json_object(json);
    for (uint32_t i = 0; i < node->n; i++, child = tree->node[child].next) {
        char         key[MAX_NAME_BYTES];
        const size_t n = tree->node[child].key.size < sizeof key - 1 ? tree->node[child].key.size
                                                                     : sizeof key - 1;
        memcpy(key, tree->node[child].key.data, n);
        key[n] = '\0';
        clade_json_key(json, key);
        write_node(json, tree, &tree->node[child]);
    }
    clade_json_object_end(json);
}

/* "1 2 3" for plain values, JSON text when there is anything else inside. */
static clade_status array_text(clade_text *out, clade_reader *reader, const clade_json_tree *tree,
                               const clade_json_node *array, clade_error *err)
{
    clade_buffer text  = { 0 };
    bool         plain = true;
    size_t       child = (size_t)(array - tree->node) + 1;
    for (uint32_t i = 0; i < array->n; i++, child = tree->node[child].next) {
        const clade_json_node *node = &tree->node[child];
        plain &= node->type == CLADE_JSON_NUMBER ||
                 (node->type == CLADE_JSON_TEXT && node->text.size > 0 &&
                  memchr(node->text.data, ' ', node->text.size) == NULL);
    }
    if (plain) {
        child = (size_t)(array - tree->node) + 1;
        for (uint32_t i = 0; i < array->n; i++, child = tree->node[child].next) {
            if (i > 0) clade_buffer_text(&text, " ");
            clade_buffer_append(&text, tree->node[child].text.data, tree->node[child].text.size);
        }
    } else {
        clade_json json = clade_json_start(&text, 0);
        write_node(&json, tree, array);
    }
    const bool failed = text.failed;
    if (!failed)
        *out = (clade_text){ clade_arena_text(reader->row_arena, text.data, text.size), text.size };
    clade_buffer_free(&text);
    if (failed || (out->data == NULL && out->size > 0)) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: line %lld: no memory for an array",
                          reader->name, (long long)reader->csv.line);
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the sample gives the columns */

static clade_status collect(clade_reader *reader, clade_text name, const clade_json_tree *tree,
                            const clade_json_node *node, clade_error *err)
{
    (void)tree;
    (void)node;
    const size_t slot = clade__reader_key_slot(reader, name);
    if (reader->key_slot[slot] != 0) return CLADE_OK;
    if (reader->n_columns == CLADE_READER_MAX_COLUMNS) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: line %lld: more than %d different keys",
                          reader->path, (long long)reader->csv.line, CLADE_READER_MAX_COLUMNS);
    }
    const char *copy = clade_arena_text(reader->arena, name.data, name.size);
    if (copy == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", reader->path);
    reader->column[reader->n_columns++] = copy;
    reader->key_slot[slot]              = (uint32_t)reader->n_columns;
    return CLADE_OK;
}

static clade_status parse_object(clade_json_tree *out_tree, clade_reader *reader, clade_text text,
                                 clade_error *err)
{
    reader->row_arena_used = true;
    CLADE_TRY(clade_json_parse(out_tree, text, reader->row_arena, err));
    if (out_tree->node[0].type != CLADE_JSON_OBJECT) {
        return clade_fail(err, CLADE_ERR_DATA, "a JSON object was wanted");
    }
    return CLADE_OK;
}

/* Keys with a NUL inside could not be told from shorter ones as C text. */
static bool usable(clade_reader *reader, clade_text text)
{
    return !reader->window.dirty || clade__reader_check_text(reader, text) == NULL;
}

clade_status clade__jsonl_open(clade_reader *reader, clade_error *err)
{
    clade__window *const window = &reader->window;
    char                 name[MAX_NAME_BYTES];
    bool                 more       = true;
    size_t               n_good     = 0;
    clade_error          first      = { 0 };
    int64_t              first_line = 0;

    reader->dialect.encoding   = clade__encoding_name(window->decoder.encoding);
    reader->dialect.has_header = true;
    reader->csv.line           = 1;
    reader->n_key_slots        = 4 * CLADE_READER_MAX_COLUMNS;
    reader->key_slot           = CLADE_ARENA_NEW(reader->arena, uint32_t, reader->n_key_slots);
    reader->column = CLADE_ARENA_NEW(reader->arena, const char *, CLADE_READER_MAX_COLUMNS);
    if (reader->key_slot == NULL || reader->column == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory to read it", reader->path);
    }
    if (reader->json_array) {
        while (window->data[window->begin] != '[') {
            reader->csv.line += window->data[window->begin++] == '\n';
        }
        window->begin++;
    }

    /* Look at the sample and come back: positions stay as they are until a fill, and the window
     * holds the whole sample already. */
    const size_t  begin = window->begin, end = window->end;
    const int64_t line  = reader->csv.line;
    const bool    array = reader->json_array;
    for (int i = 0; i < MAX_SNIFF_ROWS && window->begin < end; i++) {
        piece           at;
        clade_json_tree tree;
        clade_error     why = { 0 };
        const char     *last =
            memrchr(window->data + window->begin, array ? '}' : '\n', end - window->begin);
        if (last == NULL && !window->at_end && i > 0) break; /* only a cut value is left */
        CLADE_TRY(next_piece(&at, &more, reader, err));
        if (!more || at.too_long || window->begin != at.begin || at.end > end) break;
        const clade_text text = { window->data + at.begin, at.end - at.begin };
        clade_status     status =
            usable(reader, text) ? parse_object(&tree, reader, text, &why) : CLADE_ERR_DATA;
        if (status == CLADE_OK) {
            n_good++;
            CLADE_TRY(flatten(reader, &tree, &tree.node[0], name, 0, collect, err));
        } else if (first_line == 0) {
            first      = why;
            first_line = at.line;
        }
        clade_arena_restore(reader->row_arena, reader->row_mark);
        window->begin = at.next;
    }
    if (window->end == end) { /* no fill moved the text */
        window->begin = begin;
    }
    reader->csv.line   = line;
    reader->json_array = array;
    if (n_good == 0) {
        return clade_fail(err, CLADE_ERR_DATA, "%s: line %lld: not JSON: %s", reader->path,
                          (long long)first_line,
                          first.message[0] == '\0' ? "no object was found" : first.message);
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- rows */

static void count_late(clade_reader *reader, clade_text name)
{
    for (size_t i = 0; i < reader->n_late_keys; i++) {
        if (clade_text_equal(clade_text_of(reader->late_key[i]), name)) {
            reader->n_late[i]++;
            return;
        }
    }
    const char *copy = reader->n_late_keys == CLADE__MAX_LATE_KEYS
                           ? NULL
                           : clade_arena_text(reader->arena, name.data, name.size);
    if (copy == NULL) {
        reader->n_late_more++;
        return;
    }
    reader->late_key[reader->n_late_keys] = copy;
    reader->n_late[reader->n_late_keys++] = 1;
}

static clade_status keep(clade_reader *reader, clade_text name, const clade_json_tree *tree,
                         const clade_json_node *node, clade_error *err)
{
    const uint32_t column = reader->key_slot[clade__reader_key_slot(reader, name)];
    if (column == 0) {
        if (node->type != CLADE_JSON_NULL) count_late(reader, name);
        return CLADE_OK;
    }
    clade_text *const field = &reader->field[column - 1];
    switch (node->type) {
    case CLADE_JSON_NULL: *field = (clade_text){ NULL, 0 }; return CLADE_OK;
    case CLADE_JSON_BOOL:
        *field = node->boolean ? CLADE_TEXT("true") : CLADE_TEXT("false");
        return CLADE_OK;
    case CLADE_JSON_NUMBER:
    case CLADE_JSON_TEXT: *field = node->text; return CLADE_OK;
    case CLADE_JSON_ARRAY: return array_text(field, reader, tree, node, err);
    case CLADE_JSON_OBJECT: break;
    }
    *field = CLADE_TEXT(""); /* an object without keys */
    return CLADE_OK;
}

static void bad_json(clade_row *out_row, clade_reader *reader, const char *why)
{
    clade_buffer_clear(&reader->reason);
    clade_buffer_text(&reader->reason, why);
    out_row->n_fields   = 0;
    out_row->bad        = reader->reason.failed ? "no memory to say why" : reader->reason.data;
    out_row->bad_column = SIZE_MAX;
}

static void write_late_note(clade_reader *reader)
{
    if (reader->n_late_keys == 0 && reader->n_late_more == 0) return;
    clade_buffer text = { 0 };
    for (size_t i = 0; i < reader->n_late_keys; i++) {
        clade_buffer_format(&text, "%s\"%.60s\" (%lld times)", i == 0 ? "" : ", ",
                            reader->late_key[i], (long long)reader->n_late[i]);
    }
    if (reader->n_late_more > 0) {
        clade_buffer_format(&text, "%s%lld values under other keys", text.size == 0 ? "" : ", ",
                            (long long)reader->n_late_more);
    }
    if (!text.failed && text.data != NULL) {
        clade__reader_note(reader, "keys that the first rows did not have were not read: %s",
                           text.data);
    }
    clade_buffer_free(&text);
    reader->n_late_keys = 0;
    reader->n_late_more = 0;
}

/* A value beyond the row limit: its start is kept, and reading goes on behind the next line end. */
static clade_status skip_piece(clade_row *out_row, clade_reader *reader, clade_error *err)
{
    clade__window *const window = &reader->window;
    clade_buffer_clear(&reader->held);
    clade_buffer_append(&reader->held, window->data + window->begin, CLADE_READER_MAX_ROW_BYTES);
    if (reader->held.failed) return clade_fail(err, CLADE_ERR_NOMEM, "%s: no memory", reader->path);
    for (;;) {
        const char *at = window->begin == window->end ? NULL
                                                      : memchr(window->data + window->begin, '\n',
                                                               window->end - window->begin);
        window->begin  = at == NULL ? window->end : (size_t)(at - window->data);
        if (at != NULL || window->at_end) break;
        CLADE_TRY(clade__window_fill(window, err));
    }
    out_row->raw = clade__reader_raw(reader, (clade_text){ reader->held.data, reader->held.size });
    bad_json(out_row, reader, "a JSON value longer than a row may be, its start is kept");
    return CLADE_OK;
}

clade_status clade__jsonl_next(clade_row *out_row, bool *out_more, clade_reader *reader,
                               clade_error *err)
{
    clade__window *const window = &reader->window;
    piece                at     = { 0 };
    char                 name[MAX_NAME_BYTES];
    clade_json_tree      tree;
    clade_error          why = { 0 };

    CLADE_TRY(next_piece(&at, out_more, reader, err));
    if (!*out_more) {
        write_late_note(reader);
        return CLADE_OK;
    }
    *out_row = (clade_row){ .n_fields   = reader->n_columns,
                            .fields     = reader->field,
                            .line       = at.line,
                            .bad_column = SIZE_MAX };
    if (at.too_long) return skip_piece(out_row, reader, err);

    out_row->raw  = (clade_text){ window->data + at.begin, at.end - at.begin };
    window->begin = at.next;
    for (size_t i = 0; i < out_row->raw.size; i++)
        reader->csv.line += out_row->raw.data[i] == '\n';

    const char *dirt = window->dirty ? clade__reader_check_text(reader, out_row->raw) : NULL;
    if (dirt != NULL) {
        out_row->raw = clade__reader_raw(reader, out_row->raw);
        bad_json(out_row, reader, dirt);
        return CLADE_OK;
    }
    const clade_status status = parse_object(&tree, reader, out_row->raw, &why);
    if (status == CLADE_ERR_NOMEM) {
        return clade_fail(err, status, "%s: line %lld: %s", reader->name, (long long)at.line,
                          why.message);
    }
    if (status != CLADE_OK) {
        bad_json(out_row, reader, why.message);
        return CLADE_OK;
    }
    memset(reader->field, 0, reader->n_columns * sizeof reader->field[0]);
    CLADE_TRY(flatten(reader, &tree, &tree.node[0], name, 0, keep, err));
    for (size_t i = 0; i < reader->n_columns; i++) {
        const clade_text field = reader->field[i];
        if (field.size == 0) continue;
        if (field.size > CLADE_READER_MAX_FIELD_BYTES) {
            bad_json(out_row, reader, "a field longer than a field may be");
            out_row->bad_column = i;
            break;
        }
        if (memchr(field.data, '\0', field.size) != NULL) { /* the escape of U+0000 */
            bad_json(out_row, reader, "a NUL byte");
            out_row->bad_column = i;
            break;
        }
    }
    return CLADE_OK;
}

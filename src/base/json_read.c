/* A strict JSON reader (RFC 8259) into one flat array of nodes. It recurses at most
 * CLADE_JSON_MAX_DEPTH levels; input is hostile. */
#include "clade/json.h"
#include "clade/time.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct parser {
    const char      *start, *at, *end;
    clade_json_node *node;
    size_t           n, capacity;
    clade_arena     *arena;
    clade_error     *err;
} parser;

static clade_status wanted(parser *p, const char *what)
{
    if (p->at >= p->end) {
        return clade_fail(p->err, CLADE_ERR_DATA, "JSON ends where %s was expected", what);
    }
    return clade_fail(p->err, CLADE_ERR_DATA, "JSON byte %zu: %s was expected",
                      (size_t)(p->at - p->start) + 1, what);
}

static void skip_blank(parser *p)
{
    while (p->at < p->end &&
           (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) {
        p->at += 1;
    }
}

static clade_status add_node(parser *p, size_t *out_index)
{
    if (p->n >= UINT32_MAX || !CLADE_GROW(&p->node, &p->capacity, p->n + 1)) {
        return clade_fail(p->err, CLADE_ERR_NOMEM, "no memory for a JSON text of %zu bytes",
                          (size_t)(p->end - p->start));
    }
    p->node[p->n] = (clade_json_node){ 0 };
    *out_index    = p->n++;
    return CLADE_OK;
}

static int hex4(const char *s)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const char c     = s[i];
        const int  digit = c >= '0' && c <= '9'   ? c - '0'
                           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                  : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* \uXXXX with its surrogate partner; p->at stands behind the backslash, on the u. */
static clade_status read_unicode(parser *p, char **out)
{
    if (p->end - p->at < 5) return wanted(p, "four hexadecimal digits");
    int32_t point = hex4(p->at + 1);
    if (point < 0) return wanted(p, "four hexadecimal digits");
    p->at += 5;
    if (point >= 0xD800 && point <= 0xDBFF) {
        if (p->end - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u') {
            return wanted(p, "the second half of a surrogate pair");
        }
        const int low = hex4(p->at + 2);
        if (low < 0xDC00 || low > 0xDFFF) return wanted(p, "the second half of a surrogate pair");
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        p->at += 6;
    } else if (point >= 0xDC00 && point <= 0xDFFF) {
        return wanted(p, "the first half of a surrogate pair");
    }
    *out += clade_utf8_encode(*out, (uint32_t)point);
    return CLADE_OK;
}

static clade_status read_escape(parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    p->at += 1;
    if (p->at >= p->end) return wanted(p, "an escape");
    if (*p->at == 'u') return read_unicode(p, out);
    const char *found = *p->at == '\0' ? NULL : strchr(from, *p->at);
    if (found == NULL) return wanted(p, "an escape");
    *(*out)++ = to[found - from];
    p->at += 1;
    return CLADE_OK;
}

static clade_status read_text(parser *p, clade_text *out)
{
    if (p->at >= p->end || *p->at != '"') return wanted(p, "a text in quotes");
    const char *first   = ++p->at;
    bool        escaped = false;
    while (p->at < p->end && *p->at != '"') {
        if ((unsigned char)*p->at < 0x20) return wanted(p, "a text without control characters");
        if (*p->at == '\\') {
            escaped = true;
            p->at += 1;
            if (p->at >= p->end) break;
        }
        p->at += 1;
    }
    if (p->at >= p->end) {
        p->at = p->end;
        return wanted(p, "the closing quote");
    }
    const char *last = p->at;
    if (clade_utf8_valid(first, (size_t)(last - first)) != (size_t)(last - first)) {
        p->at = first + clade_utf8_valid(first, (size_t)(last - first));
        return wanted(p, "valid UTF-8");
    }
    if (!escaped) {
        *out  = (clade_text){ first, (size_t)(last - first) };
        p->at = last + 1;
        return CLADE_OK;
    }
    char *text = clade_arena_alloc(p->arena, (size_t)(last - first) + 1, 1);
    char *to   = text;
    if (text == NULL) return clade_fail(p->err, CLADE_ERR_NOMEM, "no memory for a JSON text");
    for (p->at = first; p->at < last;) {
        if (*p->at == '\\') {
            CLADE_TRY(read_escape(p, &to));
        } else {
            *to++ = *p->at++;
        }
    }
    *out  = (clade_text){ text, (size_t)(to - text) };
    p->at = last + 1;
    return CLADE_OK;
}

static bool is_digit(const parser *p)
{
    return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

static clade_status read_number(parser *p, clade_json_node *node)
{
    const char *first = p->at;
    if (*p->at == '-') p->at += 1;
    if (!is_digit(p)) return wanted(p, "a digit");
    if (*p->at == '0') {
        p->at += 1;
    } else {
        while (is_digit(p))
            p->at += 1;
    }
    if (p->at < p->end && *p->at == '.') {
        p->at += 1;
        if (!is_digit(p)) return wanted(p, "a digit behind the point");
        while (is_digit(p))
            p->at += 1;
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        p->at += 1;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-')) p->at += 1;
        if (!is_digit(p)) return wanted(p, "a digit in the exponent");
        while (is_digit(p))
            p->at += 1;
    }
    node->type = CLADE_JSON_NUMBER;
    node->text = (clade_text){ first, (size_t)(p->at - first) };
    char   small[64];
    char  *copy = small;
    size_t n    = node->text.size;
    if (n >= sizeof small) copy = clade_arena_alloc(p->arena, n + 1, 1);
    if (copy == NULL) return clade_fail(p->err, CLADE_ERR_NOMEM, "no memory for a JSON number");
    memcpy(copy, first, n);
    copy[n]      = '\0';
    node->number = strtod(copy, NULL);
    return CLADE_OK;
}

static bool take_word(parser *p, const char *word)
{
    const size_t n = strlen(word);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0) return false;
    p->at += n;
    return true;
}

static clade_status read_value(parser *p, int depth, size_t *out_index);

static clade_status read_container(parser *p, int depth, size_t index, bool object)
{
    const char close = object ? '}' : ']';
    uint32_t   n     = 0;
    if (depth >= CLADE_JSON_MAX_DEPTH) {
        return clade_fail(p->err, CLADE_ERR_DATA, "JSON byte %zu: nested deeper than %d levels",
                          (size_t)(p->at - p->start) + 1, CLADE_JSON_MAX_DEPTH);
    }
    p->at += 1;
    skip_blank(p);
    if (p->at < p->end && *p->at == close) {
        p->at += 1;
    } else {
        for (;;) {
            clade_text key = { 0 };
            size_t     child;
            skip_blank(p);
            if (object) {
                CLADE_TRY(read_text(p, &key));
                skip_blank(p);
                if (p->at >= p->end || *p->at != ':') return wanted(p, "a colon");
                p->at += 1;
            }
            CLADE_TRY(read_value(p, depth + 1, &child));
            p->node[child].key = key;
            n += 1;
            skip_blank(p);
            if (p->at >= p->end || (*p->at != ',' && *p->at != close)) {
                return wanted(p, object ? "a comma or }" : "a comma or ]");
            }
            if (*p->at++ == close) break;
        }
    }
    p->node[index].type = object ? CLADE_JSON_OBJECT : CLADE_JSON_ARRAY;
    p->node[index].n    = n;
    return CLADE_OK;
}

static clade_status read_value(parser *p, int depth, size_t *out_index)
{
    size_t index = 0;
    CLADE_TRY(add_node(p, &index));
    *out_index = index;
    skip_blank(p);
    if (p->at >= p->end) return wanted(p, "a value");
    clade_json_node *node = &p->node[index];
    if (*p->at == '{' || *p->at == '[') {
        CLADE_TRY(read_container(p, depth, index, *p->at == '{'));
    } else if (*p->at == '"') {
        node->type = CLADE_JSON_TEXT;
        CLADE_TRY(read_text(p, &node->text));
    } else if (*p->at == '-' || is_digit(p)) {
        CLADE_TRY(read_number(p, node));
    } else if (take_word(p, "true")) {
        node->type    = CLADE_JSON_BOOL;
        node->boolean = true;
    } else if (take_word(p, "false")) {
        node->type = CLADE_JSON_BOOL;
    } else if (take_word(p, "null")) {
        node->type = CLADE_JSON_NULL;
    } else {
        return wanted(p, "a value");
    }
    p->node[index].next = (uint32_t)p->n; /* the array may have moved */
    return CLADE_OK;
}

clade_status clade_json_parse(clade_json_tree *out_tree, clade_text text, clade_arena *arena,
                              clade_error *err)
{
    parser       p = { text.data, text.data, text.data + text.size, NULL, 0, 0, arena, err };
    size_t       root;
    clade_status status = read_value(&p, 0, &root);
    skip_blank(&p);
    if (status == CLADE_OK && p.at != p.end) status = wanted(&p, "the end");
    if (status == CLADE_OK) {
        clade_json_node *kept = CLADE_ARENA_NEW(arena, clade_json_node, p.n);
        if (kept == NULL) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu JSON values", p.n);
        } else {
            memcpy(kept, p.node, p.n * sizeof *kept);
            out_tree->node = kept;
            out_tree->n    = p.n;
        }
    }
    free(p.node);
    return status;
}

const clade_json_node *clade_json_get(const clade_json_tree *tree, const clade_json_node *object,
                                      const char *key)
{
    const clade_json_node *found = NULL;
    if (object == NULL || object->type != CLADE_JSON_OBJECT) return NULL;
    size_t child = (size_t)(object - tree->node) + 1;
    for (uint32_t i = 0; i < object->n; i++) {
        if (clade_text_equal(tree->node[child].key, clade_text_of(key))) found = &tree->node[child];
        child = tree->node[child].next;
    }
    return found;
}

/* ---------------------------------------------------------------- members by type */

const clade_json_node *clade_json_member(clade_json_reader *r, const clade_json_node *object,
                                         const char *key, clade_json_type type)
{
    const clade_json_node *const node = clade_json_get(r->tree, object, key);
    if (node != NULL && node->type == type) return node;
    if (r->status == CLADE_OK)
        r->status = clade_fail(r->err, CLADE_ERR_DATA, "%s: '%s' is missing or of another type",
                               r->place, key);
    return NULL;
}

double clade_json_take_number(clade_json_reader *r, const clade_json_node *object, const char *key)
{
    const clade_json_node *const node = clade_json_member(r, object, key, CLADE_JSON_NUMBER);
    return node == NULL ? 0 : node->number;
}

double clade_json_take_real(const clade_json_reader *r, const clade_json_node *object,
                            const char *key)
{
    const clade_json_node *const node = clade_json_get(r->tree, object, key);
    return node != NULL && node->type == CLADE_JSON_NUMBER ? node->number : (double)NAN;
}

size_t clade_json_take_size(clade_json_reader *r, const clade_json_node *object, const char *key)
{
    const double number = clade_json_take_number(r, object, key);
    return number >= 0 && number < 1e15 ? (size_t)number : 0;
}

bool clade_json_take_bool(clade_json_reader *r, const clade_json_node *object, const char *key)
{
    const clade_json_node *const node = clade_json_member(r, object, key, CLADE_JSON_BOOL);
    return node != NULL && node->boolean;
}

void clade_json_take_text(char *out, size_t size, clade_json_reader *r,
                          const clade_json_node *object, const char *key)
{
    const clade_json_node *const node = clade_json_member(r, object, key, CLADE_JSON_TEXT);
    out[0]                            = '\0';
    if (node != NULL) (void)snprintf(out, size, "%.*s", (int)node->text.size, node->text.data);
}

void clade_json_take_moment(int64_t *out_us, clade_json_reader *r, const clade_json_node *object,
                            const char *key)
{
    char text[40];
    clade_json_take_text(text, sizeof text, r, object, key);
    if (r->status == CLADE_OK) r->status = clade_time_parse(out_us, text, r->err);
}

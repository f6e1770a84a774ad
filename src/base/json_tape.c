/* JSON onto a tape of cells. Input is hostile and the path is hot: every event of the live server
 * passes here. UTF-8 is checked once for the whole text, eight bytes at a time; so are the insides
 * of texts. */
#include "clade/json_tape.h"

#include <stdlib.h>

typedef struct reader {
    const char      *start, *at, *end;
    clade_json_tape *tape;
    clade_error     *err;
    int              depth;
    uint32_t         open[CLADE_JSON_MAX_DEPTH]; /* cells of the containers that are open */
} reader;

static clade_status wanted(const reader *r, const char *what)
{
    size_t line = 1;
    for (const char *p = r->start; p < r->at; p++)
        line += *p == '\n';
    if (r->at >= r->end) {
        return clade_fail(r->err, CLADE_ERR_DATA,
                          "JSON ends at byte %zu, line %zu, where %s was expected",
                          (size_t)(r->end - r->start), line, what);
    }
    return clade_fail(r->err, CLADE_ERR_DATA, "JSON byte %zu, line %zu: %s was expected",
                      (size_t)(r->at - r->start) + 1, line, what);
}

static inline void skip_blank(reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) {
        r->at += 1;
    }
}

/* Room for two more: a key and its value. */
static inline bool room(reader *r)
{
    clade_json_tape *t = r->tape;
    return t->n + 2 <= t->capacity || CLADE_GROW(&t->cell, &t->capacity, t->n + 2);
}

static inline clade_json_cell *add(reader *r, clade_json_type type, const char *first)
{
    clade_json_tape *t    = r->tape;
    clade_json_cell *cell = &t->cell[t->n++];
    cell->at              = (uint32_t)(first - r->start);
    cell->type            = (uint8_t)type;
    cell->escaped         = false;
    cell->boolean         = false;
    cell->next            = (uint32_t)t->n;
    return cell;
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

/* Behind the backslash. */
static clade_status check_escape(reader *r)
{
    r->at += 1;
    if (r->at >= r->end) return wanted(r, "an escape");
    switch (*r->at) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': r->at += 1; return CLADE_OK;
    case 'u':
        if (r->end - r->at < 5 || hex4(r->at + 1) < 0)
            return wanted(r, "\\u with four hexadecimal digits");
        r->at += 5;
        return CLADE_OK;
    default: return wanted(r, "an escape");
    }
}

/* Bytes of a word that end a plain run: a quote, a backslash or a control character. */
static inline uint64_t ends_run(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    const uint64_t quote = eight ^ (ones * '"'), back = eight ^ (ones * '\\');
    return (
        (((quote - ones) & ~quote) | ((back - ones) & ~back) | ((eight - ones * 0x20) & ~eight)) &
        high);
}

static clade_status read_text(reader *r)
{
    if (r->at >= r->end || *r->at != '"') return wanted(r, "a text in quotes");
    const char *const      first = r->at + 1;
    clade_json_cell *const cell  = add(r, CLADE_JSON_TEXT, first);
    r->at                        = first;
    for (;;) {
        uint64_t eight;
        while (r->end - r->at >= 8) {
            memcpy(&eight, r->at, 8);
            if (ends_run(eight) != 0) break;
            r->at += 8;
        }
        while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= 0x20) {
            r->at += 1;
        }
        if (r->at >= r->end) return wanted(r, "the closing quote");
        if (*r->at == '"') break;
        if (*r->at != '\\') return wanted(r, "a text without control characters");
        cell->escaped = true;
        CLADE_TRY(check_escape(r));
    }
    cell->size = (uint32_t)(r->at - first);
    r->at += 1;
    return CLADE_OK;
}

static inline bool is_digit(const reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static clade_status read_number(reader *r)
{
    const char *const first = r->at;
    if (*r->at == '-') r->at += 1;
    if (!is_digit(r)) return wanted(r, "a digit");
    if (*r->at == '0') {
        r->at += 1;
    } else {
        while (is_digit(r))
            r->at += 1;
    }
    if (r->at < r->end && *r->at == '.') {
        r->at += 1;
        if (!is_digit(r)) return wanted(r, "a digit behind the point");
        while (is_digit(r))
            r->at += 1;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at += 1;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at += 1;
        if (!is_digit(r)) return wanted(r, "a digit in the exponent");
        while (is_digit(r))
            r->at += 1;
    }
    add(r, CLADE_JSON_NUMBER, first)->size = (uint32_t)(r->at - first);
    return CLADE_OK;
}

static clade_status read_word(reader *r, const char *word, size_t n, clade_json_type type)
{
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return wanted(r, "a value");
    clade_json_cell *const cell = add(r, type, r->at);
    cell->size                  = (uint32_t)n;
    cell->boolean               = *word == 't';
    r->at += n;
    return CLADE_OK;
}

/* A value; of a container only the bracket that opens it. */
static clade_status read_value(reader *r)
{
    skip_blank(r);
    if (r->at >= r->end) return wanted(r, "a value");
    switch (*r->at) {
    case '{':
    case '[':
        if (r->depth == CLADE_JSON_MAX_DEPTH) return wanted(r, "no more than 64 levels");
        r->open[r->depth++] = (uint32_t)r->tape->n;
        (void)add(r, *r->at == '{' ? CLADE_JSON_OBJECT : CLADE_JSON_ARRAY, r->at);
        r->at += 1;
        return CLADE_OK;
    case '"': return read_text(r);
    case 't': return read_word(r, "true", 4, CLADE_JSON_BOOL);
    case 'f': return read_word(r, "false", 5, CLADE_JSON_BOOL);
    case 'n': return read_word(r, "null", 4, CLADE_JSON_NULL);
    default:
        if (*r->at == '-' || is_digit(r)) return read_number(r);
        return wanted(r, "a value");
    }
}

static void close_container(reader *r)
{
    clade_json_cell *const cell = &r->tape->cell[r->open[--r->depth]];
    r->at += 1;
    cell->size = (uint32_t)(r->at - r->start) - cell->at;
    cell->next = (uint32_t)r->tape->n;
}

/* Behind a value, or behind the bracket that opened a container: everything that closes here. */
static clade_status close_all(reader *r, bool *out_more)
{
    bool opened = r->depth > 0 && r->open[r->depth - 1] + 1 == r->tape->n;
    while (r->depth > 0) {
        const bool object = r->tape->cell[r->open[r->depth - 1]].type == CLADE_JSON_OBJECT;
        skip_blank(r);
        if (r->at < r->end && *r->at == (object ? '}' : ']')) {
            close_container(r);
            opened = false;
            continue;
        }
        *out_more = true;
        if (opened) return CLADE_OK;
        if (r->at >= r->end || *r->at != ',')
            return wanted(r, object ? "a comma or }" : "a comma or ]");
        r->at += 1;
        return CLADE_OK;
    }
    *out_more = false;
    return CLADE_OK;
}

static clade_status read_all(reader *r)
{
    bool more = true;
    while (more) {
        if (!room(r)) {
            return clade_fail(r->err, CLADE_ERR_NOMEM, "no memory for a JSON text of %zu bytes",
                              (size_t)(r->end - r->start));
        }
        if (r->depth > 0 && r->tape->cell[r->open[r->depth - 1]].type == CLADE_JSON_OBJECT) {
            skip_blank(r);
            CLADE_TRY(read_text(r));
            skip_blank(r);
            if (r->at >= r->end || *r->at != ':') return wanted(r, "a colon");
            r->at += 1;
        }
        CLADE_TRY(read_value(r));
        CLADE_TRY(close_all(r, &more));
    }
    skip_blank(r);
    return r->at == r->end ? CLADE_OK : wanted(r, "the end");
}

clade_status clade_json_tape_read(clade_json_tape *tape, clade_text text, clade_error *err)
{
    reader r = {
        .start = text.data, .at = text.data, .end = text.data + text.size, .tape = tape, .err = err
    };
    tape->text = text.data;
    tape->n    = 0;
    if (text.size >= UINT32_MAX) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "a JSON text of %zu bytes is above the limit of 4 GB", text.size);
    }
    const size_t valid = text.size == 0 ? 0 : clade_utf8_valid(text.data, text.size);
    if (valid != text.size) {
        r.at = text.data + valid;
        return wanted(&r, "valid UTF-8");
    }
    return read_all(&r);
}

void clade_json_tape_free(clade_json_tape *tape)
{
    free(tape->cell);
    *tape = (clade_json_tape){ 0 };
}

/* \uXXXX at `from`, which is known to be well formed. Returns the bytes it took. */
static size_t decode_unicode(char **to, const char *from, const char *last)
{
    int32_t point = hex4(from + 2);
    size_t  n     = 6;
    if (point >= 0xD800 && point <= 0xDBFF && last - from >= 12 && from[6] == '\\' &&
        from[7] == 'u') {
        const int low = hex4(from + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
            n     = 12;
        }
    }
    if (point == 0 || (point >= 0xD800 && point <= 0xDFFF)) point = 0xFFFD;
    *to += clade_utf8_encode(*to, (uint32_t)point);
    return n;
}

clade_text clade_json_tape_text(const clade_json_tape *tape, uint32_t cell, clade_arena *arena)
{
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const clade_text  raw = clade_json_tape_raw(tape, cell);
    if (!tape->cell[cell].escaped) return raw;
    char *const out = clade_arena_alloc(arena, raw.size + 1, 1); /* an escape only shrinks */
    char       *to  = out;
    if (out == NULL) return (clade_text){ NULL, 0 };
    const char *const last = raw.data + raw.size;
    for (const char *from = raw.data; from < last;) {
        if (*from != '\\') {
            *to++ = *from++;
        } else if (from[1] == 'u') {
            from += decode_unicode(&to, from, last);
        } else {
            *to++ = meant[strchr(plain, from[1]) - plain];
            from += 2;
        }
    }
    return (clade_text){ out, (size_t)(to - out) };
}

size_t clade_json_tape_count(const clade_json_tape *tape, uint32_t container)
{
    const bool object = tape->cell[container].type == CLADE_JSON_OBJECT;
    size_t     n      = 0;
    for (uint32_t at = container + 1; at < tape->cell[container].next;) {
        at = tape->cell[object ? at + 1 : at].next;
        n += 1;
    }
    return n;
}

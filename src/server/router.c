/*
 * Which handler a method and a path mean, and what stands in the path and behind its question mark.
 * Runs once a request over a table of a few dozen patterns.
 */
#include "server_internal.h"

#include <errno.h>
#include <stdlib.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* In place; false for a % without two digits and for a NUL. */
static bool decode(char *text, bool plus)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = plus && *from == '+' ? ' ' : *from;
            continue;
        }
        const int high = hex_digit(from[1]);
        const int low  = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0 || (high == 0 && low == 0)) return false;
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return clade_utf8_valid(text, (size_t)(to - text)) == (size_t)(to - text);
}

/* Does a path, still encoded, fit a pattern? A {name} takes one part, which is not empty. */
static bool fits(const char *pattern, const char *path, const char *start[CLADE__PARAMS],
                 size_t size[CLADE__PARAMS])
{
    size_t n = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++) return false;
            continue;
        }
        const size_t length = strcspn(path, "/");
        if (length == 0 || n == CLADE__PARAMS) return false;
        start[n]  = path;
        size[n++] = length;
        path += length;
        pattern = strchr(pattern, '}') + 1;
    }
    return *path == '\0';
}

clade__match clade__route_find(clade__request *q, char *path)
{
    clade__match match = CLADE__NO_PATH;
    const char  *start[CLADE__PARAMS];
    size_t       size[CLADE__PARAMS] = { 0 };
    char *const  question            = strchr(path, '?');
    q->query                         = question == NULL ? "" : question + 1;
    q->path                          = path;
    q->route                         = NULL;
    if (question != NULL) *question = '\0';
    for (const clade__route *route = clade__routes; route->pattern != NULL; route++) {
        if (!fits(route->pattern, path, start, size)) continue;
        match = CLADE__NO_METHOD;
        if (route->method != q->method) continue;
        const char *brace = route->pattern;
        for (size_t i = 0; (brace = strchr(brace, '{')) != NULL; i++, brace++) {
            char *const param = path + (start[i] - path);
            param[size[i]]    = '\0'; /* the '/' behind it is matched already */
            if (!decode(param, false)) return CLADE__NO_PATH;
            q->param[i] = param;
        }
        q->route = route;
        return CLADE__FOUND;
    }
    return match;
}

const char *clade__query(const clade__request *q, const char *name)
{
    const size_t size = strlen(name);
    for (const char *at = q->query; *at != '\0';) {
        const size_t length = strcspn(at, "&");
        if (length >= size && memcmp(at, name, size) == 0 && (length == size || at[size] == '=')) {
            const size_t skip  = length == size ? size : size + 1;
            char *const  value = clade_arena_text(q->arena, at + skip, length - skip);
            return value != NULL && decode(value, true) ? value : NULL;
        }
        at += length;
        if (*at == '&') at++;
    }
    return NULL;
}

bool clade__query_int(int64_t *out, clade__request *q, const char *name, int64_t if_absent,
                      int64_t low, int64_t high)
{
    const char *const text = clade__query(q, name);
    char             *end  = NULL;
    *out                   = if_absent;
    if (text == NULL) return true;
    errno                 = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && value >= low && value <= high) {
        *out = value;
        return true;
    }
    clade__problem(q, 400, "bad_parameter", "leave it out for the default",
                   "%s=%.40s is not a whole number from %lld to %lld", name, text, (long long)low,
                   (long long)high);
    return false;
}

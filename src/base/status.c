/* Status names and the one place where error sentences are written. */
#include "clade/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[CLADE_N_STATUS] = {
    [CLADE_OK]              = "ok",
    [CLADE_ERR_ARG]         = "argument",
    [CLADE_ERR_IO]          = "io",
    [CLADE_ERR_NOMEM]       = "memory",
    [CLADE_ERR_DATA]        = "data",
    [CLADE_ERR_NOT_FOUND]   = "not_found",
    [CLADE_ERR_NOT_READY]   = "not_ready",
    [CLADE_ERR_BUSY]        = "busy",
    [CLADE_ERR_VERSION]     = "version",
    [CLADE_ERR_REFUSED]     = "refused",
    [CLADE_ERR_INTERRUPTED] = "interrupted",
    [CLADE_ERR_ENGINE]      = "engine",
};

const char *clade_status_name(clade_status status)
{
    if ((int)status < 0 || status >= CLADE_N_STATUS) return "unknown";
    return status_names[status];
}

/* vsnprintf cuts anywhere; step back so that the text does not end inside a UTF-8 character. */
static void write_cut(char *out, size_t size, const char *format, va_list arguments)
{
    const int length = vsnprintf(out, size, format, arguments);
    if (length < 0) {
        out[0] = '\0';
        return;
    }
    if ((size_t)length < size) return;

    size_t end   = size - 1;
    size_t start = end;
    while (start > 0 && ((unsigned char)out[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0) return;
    const unsigned char lead = (unsigned char)out[start - 1];
    const size_t        need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (end - (start - 1) < need) end = start - 1;
    out[end] = '\0';
}

clade_status clade_fail(clade_error *err, clade_status status, const char *format, ...)
{
    if (err == NULL) return status;

    char    text[sizeof err->message]; /* The arguments may point into err itself. */
    va_list arguments;
    va_start(arguments, format);
    write_cut(text, sizeof text, format, arguments);
    va_end(arguments);

    memcpy(err->message, text, strlen(text) + 1);
    err->status  = status;
    err->hint[0] = '\0';
    return status;
}

void clade_hint(clade_error *err, const char *format, ...)
{
    if (err == NULL) return;
    va_list arguments;
    va_start(arguments, format);
    write_cut(err->hint, sizeof err->hint, format, arguments);
    va_end(arguments);
}

clade_status clade_fail_at(clade_error *err, clade_status status, const char *format, ...)
{
    if (err == NULL) return status;

    char    place[sizeof err->message];
    char    rest[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    write_cut(place, sizeof place, format, arguments);
    va_end(arguments);

    memcpy(rest, err->message, sizeof rest);
    const size_t n_place = strlen(place);
    const size_t room    = sizeof err->message - 1 - n_place;
    const size_t n_rest  = strnlen(rest, room);
    memcpy(err->message, place, n_place);
    memcpy(err->message + n_place, rest, n_rest);
    err->message[n_place + n_rest] = '\0';
    err->status                    = status;
    return status;
}

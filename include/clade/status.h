/**
 * Status and error: how every function of clade says what went wrong.
 *
 * A failure of the world returns a clade_status and fills an optional clade_error with one sentence
 * that names the thing, the value and what was wanted. A mistake in our own code meets an assert.
 * An absence that is normal is a value (NAN, NULL), not a failure.
 */
#ifndef CLADE_STATUS_H
#define CLADE_STATUS_H

#include <stddef.h>

#define CLADE_API      __attribute__((visibility("default")))
#define CLADE_MUST_USE __attribute__((warn_unused_result))

typedef enum clade_status {
    CLADE_OK = 0,
    CLADE_ERR_ARG,         /* the caller asked for something that cannot be asked */
    CLADE_ERR_IO,          /* the disk, a file or a folder */
    CLADE_ERR_NOMEM,       /* memory, or the limit that was given */
    CLADE_ERR_DATA,        /* the input holds something that cannot be used */
    CLADE_ERR_NOT_FOUND,   /* a customer, a segment, a file that does not exist */
    CLADE_ERR_NOT_READY,   /* something has to be run or loaded first */
    CLADE_ERR_BUSY,        /* somebody else owns the workspace */
    CLADE_ERR_VERSION,     /* written by a newer clade */
    CLADE_ERR_REFUSED,     /* privacy or consent forbids it */
    CLADE_ERR_INTERRUPTED, /* Ctrl-C; what was done is kept */
    CLADE_ERR_ENGINE,      /* DuckDB, XGBoost or another library failed */
    CLADE_N_STATUS
} clade_status;

typedef struct clade_error {
    clade_status status;
    char         message[1024]; /* one sentence: the thing, the value, what was wanted */
    char         hint[256];     /* what to do next, or empty */
} clade_error;

/** The name of a status in snake_case, for JSON ("io", "not_ready"). Never NULL. */
CLADE_API const char *clade_status_name(clade_status status);

/**
 * Fill an error and return its status, so that a failing function can say `return clade_fail(...)`.
 *
 * @param err     May be NULL. The hint is cleared. Earlier content may be among the arguments.
 * @param format  As printf. The text is cut at the size of the message, on a UTF-8 boundary.
 */
CLADE_API clade_status clade_fail(clade_error *err, clade_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Add the next step to an error that was just filled. `err` may be NULL. */
CLADE_API void clade_hint(clade_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Put a place in front of a message ("orders.csv: line 7: ..."). Returns `status`. */
CLADE_API clade_status clade_fail_at(clade_error *err, clade_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Pass a failure on. Only for functions that own nothing: the one macro that may return. */
#define CLADE_TRY(call)                                            \
    do {                                                           \
        const clade_status clade_try_status = (call);              \
        if (clade_try_status != CLADE_OK) return clade_try_status; \
    } while (0)

#endif

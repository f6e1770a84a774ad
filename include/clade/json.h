/**
 * A writer of JSON text into a buffer. Commas and nesting are kept by the writer; with a pretty
 * indent the result reads well in a terminal. Numbers that are not finite become null.
 */
#ifndef CLADE_JSON_H
#define CLADE_JSON_H

#include "clade/text.h"

typedef struct clade_json {
    clade_buffer *out;
    int           depth;
    int           indent; /* spaces a level; 0 for one line */
    bool          first[64];
    bool          after_key;
} clade_json;

CLADE_API clade_json clade_json_start(clade_buffer *out, int indent);
/** A key inside an object, to be followed by one value. */
CLADE_API void clade_json_key(clade_json *json, const char *key);
CLADE_API void clade_json_object(clade_json *json);
CLADE_API void clade_json_object_end(clade_json *json);
CLADE_API void clade_json_array(clade_json *json);
CLADE_API void clade_json_array_end(clade_json *json);
CLADE_API void clade_json_text(clade_json *json, const char *text); /* NULL writes null */
CLADE_API void clade_json_text_n(clade_json *json, const char *data, size_t size);
CLADE_API void clade_json_int(clade_json *json, int64_t value);
/** The shortest decimal that reads back as the same double. */
CLADE_API void clade_json_number(clade_json *json, double value);
CLADE_API void clade_json_bool(clade_json *json, bool value);
CLADE_API void clade_json_null(clade_json *json);
/** What is JSON already: one value, or in an open object members with their keys ("a":1,"b":2). */
CLADE_API void clade_json_raw(clade_json *json, const char *data, size_t size);

/* One line for a key and its value. */
CLADE_API void clade_json_put_text(clade_json *json, const char *key, const char *text);
CLADE_API void clade_json_put_int(clade_json *json, const char *key, int64_t value);
CLADE_API void clade_json_put_number(clade_json *json, const char *key, double value);
CLADE_API void clade_json_put_bool(clade_json *json, const char *key, bool value);

/**
 * A strict reader (RFC 8259): the whole text becomes an array of nodes in the order of the text. A
 * container is followed by its children; `next` is the index just behind a node and all that is in
 * it.
 *
 * Limits   CLADE_JSON_MAX_DEPTH levels. Duplicate keys are kept; clade_json_get finds the last.
 * Cost     O(size). Texts with escapes are decoded into the arena, others point into the input.
 */
enum { CLADE_JSON_MAX_DEPTH = 64 };
typedef enum clade_json_type {
    CLADE_JSON_NULL,
    CLADE_JSON_BOOL,
    CLADE_JSON_NUMBER, /* its spelling is in text, its value in number */
    CLADE_JSON_TEXT,
    CLADE_JSON_ARRAY,
    CLADE_JSON_OBJECT
} clade_json_type;

typedef struct clade_json_node {
    clade_json_type type;
    uint32_t        n;    /* children of an array, pairs of an object */
    uint32_t        next; /* index behind this node */
    bool            boolean;
    double          number;
    clade_text      text;
    clade_text      key; /* when the parent is an object */
} clade_json_node;

typedef struct clade_json_tree {
    clade_json_node *node; /* node[0] is the whole */
    size_t           n;
} clade_json_tree;

/** Nodes live in the arena. CLADE_ERR_DATA names the byte and what was expected there. */
CLADE_API CLADE_MUST_USE clade_status clade_json_parse(clade_json_tree *out_tree, clade_text text,
                                                       clade_arena *arena, clade_error *err);
/** Member of an object, or NULL. */
CLADE_API const clade_json_node *clade_json_get(const clade_json_tree *tree,
                                                const clade_json_node *object, const char *key);

/** A parsed value, written again at the writer's place: for JSON that another part made. Numbers
 *  that are whole keep their digits. */
CLADE_API void clade_json_copy(clade_json *out, const clade_json_tree *tree,
                               const clade_json_node *node);

/**
 * Members of objects by type: for files of one's own, read back. The first that is missing or of
 * another type is kept as CLADE_ERR_DATA naming it; the others still answer, with 0, "" or false:
 * ask `status` once at the end.
 */
typedef struct clade_json_reader {
    const clade_json_tree *tree;
    const char            *place; /* of the file, for messages */
    clade_error           *err;
    clade_status           status;
} clade_json_reader;

/** The member itself, NULL when it is not there or of another type. */
CLADE_API const clade_json_node *clade_json_member(clade_json_reader     *reader,
                                                   const clade_json_node *object, const char *key,
                                                   clade_json_type type);
CLADE_API double clade_json_take_number(clade_json_reader *reader, const clade_json_node *object,
                                        const char *key);
/** NAN where it is null or not there: no failure. */
CLADE_API double clade_json_take_real(const clade_json_reader *reader,
                                      const clade_json_node *object, const char *key);
/** A count: 0 for what is below 0 or from 1e15 on. */
CLADE_API size_t clade_json_take_size(clade_json_reader *reader, const clade_json_node *object,
                                      const char *key);
CLADE_API bool   clade_json_take_bool(clade_json_reader *reader, const clade_json_node *object,
                                      const char *key);
/** Cut at `size`. */
CLADE_API void clade_json_take_text(char *out, size_t size, clade_json_reader *reader,
                                    const clade_json_node *object, const char *key);
/** RFC 3339, as clade_time_format writes it. */
CLADE_API void clade_json_take_moment(int64_t *out_us, clade_json_reader *reader,
                                      const clade_json_node *object, const char *key);

#endif

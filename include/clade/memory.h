/**
 * Memory: arenas that are freed at once, growable buffers, and multiplication that checks.
 */
#ifndef CLADE_MEMORY_H
#define CLADE_MEMORY_H

#include "clade/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct clade_arena clade_arena;
typedef struct clade_arena_mark {
    void  *block;
    size_t used;
} clade_arena_mark;

/**
 * An arena hands out memory that lives until the arena is freed or restored to a mark.
 *
 * @param block_bytes  Size of a block; larger requests get a block of their own. 0 means 64 KiB.
 * @return NULL when there is no memory.
 *
 * Ownership   The caller frees with clade_arena_free, which accepts NULL.
 * Threads     One thread at a time.
 * Cost        O(1) an allocation. Memory is zeroed and aligned to 64 bytes.
 */
CLADE_API clade_arena     *clade_arena_create(size_t block_bytes);
CLADE_API void             clade_arena_free(clade_arena *arena);
CLADE_API void            *clade_arena_alloc(clade_arena *arena, size_t n, size_t size_bytes);
CLADE_API clade_arena_mark clade_arena_save(const clade_arena *arena);
CLADE_API void             clade_arena_restore(clade_arena *arena, clade_arena_mark mark);
/** Bytes handed out since creation or the mark restored last. */
CLADE_API size_t clade_arena_used(const clade_arena *arena);
/** A copy of n bytes with a NUL behind them. NULL when there is no memory. */
CLADE_API char *clade_arena_text(clade_arena *arena, const char *data, size_t n);
CLADE_API char *clade_arena_format(clade_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define CLADE_ARENA_NEW(arena, type, n) ((type *)clade_arena_alloc((arena), (n), sizeof(type)))

/** n * size, or false when that does not fit in a size_t. */
static inline bool clade_size_mul(size_t *out, size_t n, size_t size)
{
    return !__builtin_mul_overflow(n, size, out);
}

/** Heap arrays with a checked size. Zeroed, aligned to 64 bytes; free with free(). */
CLADE_API void *clade_alloc(size_t n, size_t size_bytes);
#define CLADE_NEW(type, n) ((type *)clade_alloc((n), sizeof(type)))

/**
 * Grow a heap array to hold at least `need` elements (doubling). The new part is not zeroed.
 * On failure the array is left as it was and false is returned.
 */
CLADE_API bool clade_grow(void **array, size_t *capacity, size_t need, size_t size_bytes);
#define CLADE_GROW(array, capacity, need) \
    clade_grow((void **)(array), (capacity), (need), sizeof **(array))

/**
 * A growable run of bytes that is always followed by a NUL. Start with { 0 }; end with
 * clade_buffer_free. When memory runs out `failed` is set, further appends do nothing, and the
 * caller asks once at the end: a writer of many small pieces need not check each one.
 */
typedef struct clade_buffer {
    char  *data;
    size_t size;
    size_t capacity;
    bool   failed;
} clade_buffer;

CLADE_API void clade_buffer_append(clade_buffer *buffer, const void *data, size_t size);
CLADE_API void clade_buffer_text(clade_buffer *buffer, const char *text);
CLADE_API void clade_buffer_format(clade_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
CLADE_API void clade_buffer_clear(clade_buffer *buffer); /* keeps the capacity */
CLADE_API void clade_buffer_free(clade_buffer *buffer);

#endif

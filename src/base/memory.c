/* Arenas, checked heap arrays and growable buffers. Every allocation of clade's own code passes
 * here. */
#include "clade/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_ALIGN = 64, ARENA_BLOCK_BYTES = 64 * 1024 };

/* A block is its header followed by `size` bytes; blocks form a list, newest first. */
typedef struct arena_block {
    struct arena_block *before;
    size_t              size;
    size_t              used;
    size_t              total_before; /* bytes used in all older blocks */
    char                pad[ARENA_ALIGN - 4 * sizeof(size_t)];
} arena_block;

struct clade_arena {
    arena_block *block;
    size_t       block_bytes;
};

clade_arena *clade_arena_create(size_t block_bytes)
{
    clade_arena *arena = malloc(sizeof *arena);
    if (arena == NULL) return NULL;
    arena->block       = NULL;
    arena->block_bytes = block_bytes == 0 ? ARENA_BLOCK_BYTES : block_bytes;
    return arena;
}

void clade_arena_free(clade_arena *arena)
{
    if (arena == NULL) return;
    while (arena->block != NULL) {
        arena_block *before = arena->block->before;
        free(arena->block);
        arena->block = before;
    }
    free(arena);
}

static bool arena_add_block(clade_arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(arena_block) - ARENA_ALIGN) return false;
    const size_t rounded = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    arena_block *block   = aligned_alloc(ARENA_ALIGN, sizeof *block + rounded);
    if (block == NULL) return false;
    block->before = arena->block;
    block->size   = rounded;
    block->used   = 0;
    block->total_before =
        arena->block == NULL ? 0 : arena->block->total_before + arena->block->used;
    arena->block = block;
    return true;
}

void *clade_arena_alloc(clade_arena *arena, size_t n, size_t size_bytes)
{
    size_t size;
    if (!clade_size_mul(&size, n, size_bytes)) return NULL;
    if (size == 0) size = 1;
    if (size > SIZE_MAX - ARENA_ALIGN) return NULL;
    size = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (arena->block == NULL || arena->block->size - arena->block->used < size) {
        if (!arena_add_block(arena, size > arena->block_bytes ? size : arena->block_bytes))
            return NULL;
    }
    char *memory = (char *)(arena->block + 1) + arena->block->used;
    arena->block->used += size;
    memset(memory, 0, size);
    return memory;
}

clade_arena_mark clade_arena_save(const clade_arena *arena)
{
    return (clade_arena_mark){ arena->block, arena->block == NULL ? 0 : arena->block->used };
}

void clade_arena_restore(clade_arena *arena, clade_arena_mark mark)
{
    while (arena->block != mark.block) {
        assert(arena->block != NULL); /* the mark belongs to another arena */
        arena_block *before = arena->block->before;
        free(arena->block);
        arena->block = before;
    }
    if (arena->block != NULL) arena->block->used = mark.used;
}

size_t clade_arena_used(const clade_arena *arena)
{
    return arena->block == NULL ? 0 : arena->block->total_before + arena->block->used;
}

char *clade_arena_text(clade_arena *arena, const char *data, size_t n)
{
    if (n == SIZE_MAX) return NULL;
    char *copy = clade_arena_alloc(arena, n + 1, 1);
    if (copy != NULL && n > 0) memcpy(copy, data, n);
    return copy;
}

char *clade_arena_format(clade_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : clade_arena_alloc(arena, (size_t)length + 1, 1);
    if (text != NULL) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void *clade_alloc(size_t n, size_t size_bytes)
{
    size_t size;
    if (!clade_size_mul(&size, n, size_bytes) || size > SIZE_MAX - ARENA_ALIGN) return NULL;
    size         = size == 0 ? ARENA_ALIGN : (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    void *memory = aligned_alloc(ARENA_ALIGN, size);
    if (memory != NULL) memset(memory, 0, size);
    return memory;
}

bool clade_grow(void **array, size_t *capacity, size_t need, size_t size_bytes)
{
    if (need <= *capacity) return true;
    size_t wanted = *capacity < 16 ? 16 : *capacity;
    while (wanted < need) {
        if (wanted > SIZE_MAX / 2) return false;
        wanted *= 2;
    }
    size_t size;
    if (!clade_size_mul(&size, wanted, size_bytes)) return false;
    void *grown = realloc(*array, size);
    if (grown == NULL) return false;
    *array    = grown;
    *capacity = wanted;
    return true;
}

void clade_buffer_append(clade_buffer *buffer, const void *data, size_t size)
{
    if (buffer->failed) return;
    if (size > SIZE_MAX - buffer->size - 1 ||
        !CLADE_GROW(&buffer->data, &buffer->capacity, buffer->size + size + 1)) {
        buffer->failed = true;
        return;
    }
    if (size > 0) memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void clade_buffer_text(clade_buffer *buffer, const char *text)
{
    clade_buffer_append(buffer, text, strlen(text));
}

void clade_buffer_format(clade_buffer *buffer, const char *format, ...)
{
    if (buffer->failed) return;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 ||
        !CLADE_GROW(&buffer->data, &buffer->capacity, buffer->size + (size_t)length + 1)) {
        buffer->failed = true;
    } else {
        vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    }
    va_end(again);
}

void clade_buffer_clear(clade_buffer *buffer)
{
    buffer->size   = 0;
    buffer->failed = false;
    if (buffer->data != NULL) buffer->data[0] = '\0';
}

void clade_buffer_free(clade_buffer *buffer)
{
    if (buffer == NULL) return;
    free(buffer->data);
    *buffer = (clade_buffer){ 0 };
}

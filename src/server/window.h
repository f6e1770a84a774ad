/*
 * Which messages came lately: a set of 64-bit keys in two halves. New keys go into the young half;
 * when it is full the old half is emptied and becomes the young one. So the window holds at least
 * half of its size, and at most all of it, in whatever memory that needs and no more.
 */
#ifndef CLADE_SERVER_WINDOW_H
#define CLADE_SERVER_WINDOW_H

#include "clade/memory.h"

typedef struct clade__window {
    uint64_t *key[2]; /* (n_index) open addressing; 0 is empty */
    size_t    n_index[2], n[2];
    size_t    half; /* keys of one half at most */
    int       young;
} clade__window;

enum { CLADE__WINDOW_HALF = 2000000 };

/* `half` at least 1. False when there is no memory. */
bool clade__window_start(clade__window *window, size_t half);
void clade__window_stop(clade__window *window);
bool clade__window_has(const clade__window *window, uint64_t key);
/* A key of 0 is never kept. Without memory a key is not kept: the store still knows it. */
void clade__window_add(clade__window *window, uint64_t key);

#endif

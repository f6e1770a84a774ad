/* What stands between clade and MPI: a table of functions that the plugin brings. It moves bytes
 * and knows nothing of numbers, so that the order of every sum is decided on our side. */
#ifndef CLADE_DIST_PLUGIN_H
#define CLADE_DIST_PLUGIN_H

#define DIST_PLUGIN_SYMBOL "clade__dist_plugin"
enum { DIST_PLUGIN_VERSION = 1 };

/* A function that can fail returns NULL, or a text that says why and holds until the next call. */
typedef struct dist_plugin {
    int version; /* DIST_PLUGIN_VERSION, first in all versions */
    const char *(*start)(int *out_rank, int *out_n_ranks);
    /* Rank r's bytes [at[r], at[r] + size[r]) of block go to rank r; out has one rank's behind the
     * other's, each of `size_each` bytes. */
    const char *(*exchange)(void *out, int size_each, const void *block, const int *size,
                            const int *at);
    /* Everybody's own bytes [at[rank], at[rank] + size[rank]) of block to everybody's block. */
    const char *(*gather)(void *block, const int *size, const int *at);
    const char *(*broadcast)(void *data, int n_bytes, int from);
    const char *(*barrier)(void);
    void (*finish)(void);
    void (*abort)(int exit_code);
} dist_plugin;

#endif

/* Keys of messages that came lately. Twice for every event; about 50 ns. */
#include "window.h"

#include <stdlib.h>

enum { FIRST_INDEX = 1024 };

bool clade__window_start(clade__window *window, size_t half)
{
    *window = (clade__window){ .half = half };
    for (int i = 0; i < 2; i++) {
        window->key[i] = CLADE_NEW(uint64_t, FIRST_INDEX);
        if (window->key[i] == NULL) return false;
        window->n_index[i] = FIRST_INDEX;
    }
    return true;
}

void clade__window_stop(clade__window *window)
{
    free(window->key[0]);
    free(window->key[1]);
    *window = (clade__window){ 0 };
}

/* Keys are hashes already; one more multiplication keeps a client's choice out of the place. */
static size_t place(const uint64_t *keys, size_t n_index, uint64_t key)
{
    size_t at = (key * 0x9e3779b97f4a7c15u) >> 20 & (n_index - 1);
    while (keys[at] != 0 && keys[at] != key)
        at = (at + 1) & (n_index - 1);
    return at;
}

bool clade__window_has(const clade__window *window, uint64_t key)
{
    for (int i = 0; i < 2 && key != 0; i++) {
        if (window->key[i][place(window->key[i], window->n_index[i], key)] == key) return true;
    }
    return false;
}

static bool widen(clade__window *window, int i)
{
    const size_t    n_index = window->n_index[i] * 2;
    uint64_t *const wide    = CLADE_NEW(uint64_t, n_index);
    if (wide == NULL) return false;
    for (size_t k = 0; k < window->n_index[i]; k++) {
        const uint64_t key = window->key[i][k];
        if (key != 0) wide[place(wide, n_index, key)] = key;
    }
    free(window->key[i]);
    window->key[i]     = wide;
    window->n_index[i] = n_index;
    return true;
}

void clade__window_add(clade__window *window, uint64_t key)
{
    if (key == 0 || clade__window_has(window, key)) return;
    if (window->n[window->young] >= window->half) {
        window->young = 1 - window->young;
        memset(window->key[window->young], 0, window->n_index[window->young] * sizeof(uint64_t));
        window->n[window->young] = 0;
    }
    const int i = window->young;
    if (window->n[i] * 2 >= window->n_index[i] && !widen(window, i)) return;
    window->key[i][place(window->key[i], window->n_index[i], key)] = key;
    window->n[i]++;
}

/* The k best of a stream: a heap whose root is the worst of those kept. */
#include "neighbours_internal.h"

static bool worse(clade__beside a, clade__beside b)
{
    return a.weight < b.weight || (a.weight == b.weight && a.item > b.item);
}

static void sink(clade__beside *heap, size_t n, size_t at)
{
    for (;;) {
        size_t low = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
            low = worse(heap[child], heap[low]) ? child : low;
        if (low == at) return;
        const clade__beside held = heap[at];
        heap[at]                 = heap[low];
        heap[low]                = held;
        at                       = low;
    }
}

size_t clade__keep_best(clade__beside *heap, size_t n, size_t k, clade__beside one)
{
    if (n == k) {
        if (!worse(heap[0], one)) return n;
        heap[0] = one;
        sink(heap, n, 0);
        return n;
    }
    size_t at = n;
    for (; at > 0 && worse(one, heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = one;
    return n + 1;
}

void clade__sort_best(clade__beside *heap, size_t n)
{
    while (n > 1) {
        const clade__beside last = heap[0];
        heap[0]                  = heap[--n];
        sink(heap, n, 0);
        heap[n] = last;
    }
}

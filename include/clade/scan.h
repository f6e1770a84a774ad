/**
 * Scan: the n items whose vectors have the largest product with a query, exactly, out of a whole
 * catalogue, in a fraction of the time that the floats would take.
 *
 * Items are kept a second time in a byte a number. A product of bytes says within which bounds the
 * true score lies; only items whose upper bound reaches the n-th best lower bound have their floats
 * read. The bounds are proved (docs/maths/retrieval.md), so the answer is that of a search through
 * all floats: nothing is missed, on any data.
 *
 * The score of an item is the sum of query[j] * x[j] and the item's bias in double, in a fixed
 * order of sixteen interleaved sums, rounded once to float. Larger is better; of equal scores the
 * lower item comes first. Items, scores and their order are the same bits in every instruction set,
 * for one query or many, and for any number of threads.
 */
#ifndef CLADE_SCAN_H
#define CLADE_SCAN_H

#include "clade/numeric.h"

/** Numbers in a vector, and items in an answer. */
enum { CLADE_SCAN_WIDTH_MAX = 1024, CLADE_SCAN_TOP_MAX = 1000 };

/** Stands in an answer where no item is left; its score is -INFINITY. */
#define CLADE_SCAN_NONE UINT32_MAX

typedef struct clade_scan      clade_scan;      /* the items: const and shared once made */
typedef struct clade_scan_room clade_scan_room; /* working memory: one for each thread */

typedef struct clade_scan_options {
    const float    *bias;     /* (n_items) added to each score; NULL: none */
    const uint32_t *group;    /* (n_items) below n_groups; NULL: no groups, and no caps */
    size_t          n_groups; /* at least 1 where there are groups */
    bool            borrow;   /* keep the pointer x, which must outlive the index: no second copy */
} clade_scan_options;

/**
 * Index a catalogue.
 *
 * Shapes      x (n_items, d) row-major, finite, at most CLADE_VALUE_MAX in size; rows need not be
 *             normalised, and may be zero.
 * @param n_items  1 to CLADE_ROWS_MAX.
 * @param d        1 to CLADE_SCAN_WIDTH_MAX.
 * @param options  May be NULL. bias and group are copied.
 * @return CLADE_OK; CLADE_ERR_ARG for n_items, d or n_groups; CLADE_ERR_DATA naming the row and
 *         column, bias or group at fault; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_scan_free, which accepts NULL.
 * Repeatable  Bit for bit, whatever the number of threads.
 * Cost        O(n_items d) time on all threads; d + 12 bytes an item, and 4 d where x is copied.
 */
CLADE_API CLADE_MUST_USE clade_status clade_scan_create(clade_scan **out_index, const float *x,
                                                        size_t n_items, size_t d,
                                                        const clade_scan_options *options,
                                                        clade_error              *err);
CLADE_API void                        clade_scan_free(clade_scan *index);

/**
 * Working memory, so that queries ask the heap for nothing.
 *
 * @param index      Must outlive the room.
 * @param n_max      The longest answer that will be asked for, 1 to CLADE_SCAN_TOP_MAX.
 * @param n_threads  0: for clade_scan_top alone. Else for clade_scan_batch on up to so many threads
 *                   (clade_threads_get() is the usual number), and clade_scan_top as well.
 * @return CLADE_OK; CLADE_ERR_ARG for n_max or n_threads; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_scan_room_free, which accepts NULL.
 * Threads     One call at a time.
 * Cost        About 96 n_max + 16 d + 4 n_groups bytes for one query; sixteen times that for each
 *             thread of a batch.
 */
CLADE_API CLADE_MUST_USE clade_status clade_scan_room_create(clade_scan_room **out_room,
                                                             const clade_scan *index, size_t n_max,
                                                             size_t n_threads, clade_error *err);
CLADE_API void                        clade_scan_room_free(clade_scan_room *room);

/** What may be answered. All zero: everything. An item must pass everything that is given. */
typedef struct clade_scan_filter {
    const uint64_t *allowed;  /* item i is allowed where bit i % 64 of word i / 64 is 1; or NULL */
    const uint32_t *excluded; /* (n_excluded) items that are not, rising; repeats do no harm */
    size_t          n_excluded;
    uint32_t        group_cap; /* at most so many items of one group; 0: no cap */
} clade_scan_filter;

/**
 * The n best items for one query.
 *
 * With a group cap the answer is that of the greedy walk: all items from the best to the worst,
 * each one taken unless its group is full. That is also the set with the largest sum of scores.
 *
 * Shapes      out_item (n) and out_score (n), best first, CLADE_SCAN_NONE and -INFINITY where fewer
 *             than n items pass the filter; query (d).
 * @param n       1 to the n_max of the room.
 * @param filter  May be NULL.
 * @return CLADE_OK; CLADE_ERR_ARG for n, a filter that does not rise or names an item that does not
 *         exist, or a cap without groups; CLADE_ERR_DATA for a query that is not finite or is
 *         larger than CLADE_VALUE_MAX. On error nothing is written.
 * Cost        n_items d byte products and a few floats' rows; measured in bench/numeric. Rows are
 *             kept by falling length, and the scan ends where length alone rules out the rest.
 */
CLADE_API CLADE_MUST_USE clade_status clade_scan_top(uint32_t *out_item, float *out_score, size_t n,
                                                     const clade_scan *index, const float *query,
                                                     const clade_scan_filter *filter,
                                                     clade_scan_room *room, clade_error *err);

/**
 * The same for many queries, on all threads: items are read once for sixteen queries.
 *
 * Shapes      out_item and out_score (n_queries, n); query (n_queries, d) row-major; filter
 *             (n_queries), which may share their lists, or NULL.
 * @param n_queries  May be 0.
 * @return As clade_scan_top, naming the query; CLADE_ERR_ARG also for more threads than the room
 *         has; CLADE_ERR_INTERRUPTED, and then some answers are not written.
 */
CLADE_API CLADE_MUST_USE clade_status clade_scan_batch(uint32_t *out_item, float *out_score,
                                                       size_t n, const clade_scan *index,
                                                       const float *query, size_t n_queries,
                                                       const clade_scan_filter *filter,
                                                       clade_scan_room *room, clade_error *err);

/**
 * Out of good candidates choose n that also differ: greedy maximal marginal relevance. The next one
 * is always the candidate with the largest
 *
 *     lambda * relevance(i) - (1 - lambda) * max over chosen j of cosine(x_i, x_j),
 *
 * where relevance is the score moved to 0 (worst candidate) .. 1 (best), so that lambda means the
 * same for every customer; with nothing chosen yet the second term is 0, the cosine of a zero row
 * is 0, and of equals the earlier candidate is taken. lambda 1 keeps the order of score.
 *
 * Shapes      out_item (n) and out_score (n) in the order chosen, the scores as they came; item and
 *             score (n_candidates), as clade_scan_top wrote them. Entries of CLADE_SCAN_NONE are
 *             passed over, and fill the end of the answer where candidates run out.
 * @param lambda        0 (differ) to 1 (score).
 * @param n_candidates  At least n, at most the n_max of the room.
 * @return CLADE_OK; CLADE_ERR_ARG for n, n_candidates, lambda or an item that does not exist.
 * Cost        n n_candidates d multiply-adds.
 * Source      Carbonell and Goldstein (1998), SIGIR, 335-336.
 */
CLADE_API CLADE_MUST_USE clade_status clade_scan_diversify(uint32_t *out_item, float *out_score,
                                                           size_t n, const clade_scan *index,
                                                           const uint32_t *item, const float *score,
                                                           size_t n_candidates, float lambda,
                                                           clade_scan_room *room, clade_error *err);

/** Rows of floats that queries in this room have read since it was made: what the bounds left. */
CLADE_API uint64_t clade_scan_room_scored(const clade_scan_room *room);

#endif

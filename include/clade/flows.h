/**
 * Flows: who was in which segment as of two moments, how many moved from each to each, and the
 * money that moved with them.
 */
#ifndef CLADE_FLOWS_H
#define CLADE_FLOWS_H

#include "clade/segments.h"

/** Who was in which segment as of a moment, and what they spent in the days before it. */
typedef struct clade_members {
    int64_t  as_of_us;
    size_t   n;
    int64_t *customer;    /* (n) rising */
    int32_t *segment;     /* (n) */
    int64_t *spend_minor; /* (n) of the window before the moment */
    bool     stored;      /* read from the store, else computed just now */
} clade_members;

/**
 * Members as of a moment: as stored by a study, else by applying the definition to everybody's
 * features as of then. Nothing at or after the moment is looked at.
 *
 * @param version      As given by clade_segmentation_load.
 * @param window_days  Of the money: purchases less refunds of so many days before the moment.
 * Ownership   Free with clade_members_free.
 */
CLADE_API CLADE_MUST_USE clade_status clade_members_get(clade_members *out, clade_store *store,
                                                        const clade_segmentation *segmentation,
                                                        int64_t version, int64_t as_of_us,
                                                        int window_days, clade_error *err);
CLADE_API void                        clade_members_free(clade_members *members);

typedef struct clade_flow {
    size_t  n;
    int64_t before_minor, after_minor; /* what they spent in the window before each moment */
} clade_flow;

/** A row is where customers were, a column where they are. The row behind the last segment is of
 *  those who were not there yet; the column behind it of those who no longer count (forgotten, or
 *  flagged as bots, staff or tests since). */
typedef struct clade_flows {
    int64_t    from_us, to_us;
    size_t     n_segments;
    clade_flow flow[CLADE_SEGMENTS_MAX + 1][CLADE_SEGMENTS_MAX + 1];
    size_t     n_before[CLADE_SEGMENTS_MAX], n_after[CLADE_SEGMENTS_MAX];
    size_t     n_moved; /* in a segment both times, and not in the same */
    size_t     n_both;  /* in a segment both times */
} clade_flows;

/**
 * Count.
 *
 * Laws        Row s sums to n_before[s] and column s to n_after[s]; the last row sums to the new
 *             customers.
 * @return CLADE_ERR_DATA naming a customer whose segment is none of n_segments.
 * Cost        O(n), one merge.
 */
CLADE_API CLADE_MUST_USE clade_status clade_flows_count(clade_flows         *out,
                                                        const clade_members *before,
                                                        const clade_members *after,
                                                        size_t n_segments, clade_error *err);

#endif

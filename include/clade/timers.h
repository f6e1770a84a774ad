/**
 * Timers by the million: something is to happen to somebody at a moment, unless it is called off.
 *
 * A hierarchical wheel: eleven rings of 64 slots cut the microseconds of a moment into digits of
 * six bits. A timer lies in the ring of the highest digit in which its moment differs from the
 * wheel's, and comes down a ring when that digit is reached, at most ten times in its life. One
 * word of bits a ring says which slots hold anything, so empty time costs nothing.
 */
#ifndef CLADE_TIMERS_H
#define CLADE_TIMERS_H

#include "clade/memory.h"

typedef struct clade_timers clade_timers;
/** Names a timer until it fires or is cancelled; 0 names none. */
typedef uint64_t clade_timer;

/** A wheel that stands at a moment. NULL when there is no memory.
 *  Ownership   Free with clade_timers_free, which accepts NULL. One owner, no locks. */
CLADE_API clade_timers *clade_timers_create(int64_t now_us);
CLADE_API void          clade_timers_free(clade_timers *timers);

/**
 * Set a timer. One that is due already fires at the next advance.
 * @param payload  Whom it is for: handed back when it fires.
 * @return CLADE_ERR_NOMEM with nothing changed.
 * Cost    O(1); 32 bytes a timer, whose room is used again.
 */
CLADE_API CLADE_MUST_USE clade_status clade_timers_add(clade_timer *out_timer, clade_timers *timers,
                                                       int64_t due_us, uint64_t payload,
                                                       clade_error *err);
/** Call it off. False when it has fired or was cancelled: names are not used twice. O(1). */
CLADE_API bool clade_timers_cancel(clade_timers *timers, clade_timer timer);

/** How many are set. */
CLADE_API size_t clade_timers_count(const clade_timers *timers);
/** A moment before which none fires, and never later than the first that does; INT64_MAX without
 *  any. O(1): exact where the first timer is less than 64 microseconds away. */
CLADE_API int64_t clade_timers_next_us(const clade_timers *timers);

/**
 * Move to a moment and fire what is due by it: earlier moments first; of one moment in no promised
 * order. A timer that `fired` sets is fired too when it is due by now_us.
 * @param fired  May add and cancel timers, but not advance.
 */
CLADE_API void clade_timers_advance(clade_timers *timers, int64_t now_us,
                                    void (*fired)(void *context, int64_t due_us, uint64_t payload),
                                    void *context);

#endif

/* The wheel of timers. Moments are taken as unsigned, so that all of time is one row of digits. */
#include "clade/timers.h"

#include <assert.h>
#include <stdlib.h>

enum { DIGIT = 6, N_SLOTS = 1 << DIGIT, N_RINGS = 11 }; /* 11 digits of 6 bits hold 64 */
#define NONE UINT32_MAX

/* A timer in the list of its slot, or a free one in the list of those. */
typedef struct timer {
    uint64_t due;
    uint64_t payload;
    uint32_t before, after;
    uint32_t turn;  /* how often this place was used: the upper half of a name */
    uint16_t place; /* ring * N_SLOTS + slot */
    uint16_t is_set;
} timer;

struct clade_timers {
    uint64_t now;
    size_t   n, room, n_used; /* set; places; places ever used */
    timer   *timer;
    uint32_t unused; /* first of the list */
    uint64_t holds[N_RINGS];
    uint32_t first[N_RINGS * N_SLOTS];
};

static uint64_t unsigned_of(int64_t us)
{
    return (uint64_t)us ^ (UINT64_C(1) << 63);
}

static int64_t moment_of(uint64_t us)
{
    return (int64_t)(us ^ (UINT64_C(1) << 63));
}

clade_timers *clade_timers_create(int64_t now_us)
{
    clade_timers *timers = CLADE_NEW(clade_timers, 1);
    if (timers == NULL) return NULL;
    timers->now    = unsigned_of(now_us);
    timers->unused = NONE;
    for (size_t i = 0; i < N_RINGS * N_SLOTS; i++)
        timers->first[i] = NONE;
    return timers;
}

void clade_timers_free(clade_timers *timers)
{
    if (timers == NULL) return;
    free(timers->timer);
    free(timers);
}

/* The slot of a moment: of the highest digit in which it differs from now. */
static void put(clade_timers *timers, uint32_t index)
{
    timer         *t     = &timers->timer[index];
    const uint64_t due   = t->due < timers->now ? timers->now : t->due;
    const uint64_t apart = due ^ timers->now;
    const int      ring  = apart == 0 ? 0 : (63 - __builtin_clzll(apart)) / DIGIT;
    const unsigned slot  = (unsigned)(due >> (ring * DIGIT)) & (N_SLOTS - 1);
    t->place             = (uint16_t)(ring * N_SLOTS + (int)slot);
    t->before            = NONE;
    t->after             = timers->first[t->place];
    if (t->after != NONE) timers->timer[t->after].before = index;
    timers->first[t->place] = index;
    timers->holds[ring] |= UINT64_C(1) << slot;
}

static void take_out(clade_timers *timers, uint32_t index)
{
    const timer *t = &timers->timer[index];
    if (t->before != NONE)
        timers->timer[t->before].after = t->after;
    else
        timers->first[t->place] = t->after;
    if (t->after != NONE) timers->timer[t->after].before = t->before;
    if (timers->first[t->place] == NONE)
        timers->holds[t->place / N_SLOTS] &= ~(UINT64_C(1) << (t->place % N_SLOTS));
}

static void give_up(clade_timers *timers, uint32_t index)
{
    timer *t       = &timers->timer[index];
    t->is_set      = 0;
    t->after       = timers->unused;
    timers->unused = index;
    timers->n--;
}

clade_status clade_timers_add(clade_timer *out_timer, clade_timers *timers, int64_t due_us,
                              uint64_t payload, clade_error *err)
{
    uint32_t index = timers->unused;
    if (index == NONE) {
        if (timers->n_used == NONE ||
            !CLADE_GROW(&timers->timer, &timers->room, timers->n_used + 1))
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu timers", timers->n_used + 1);
        index                     = (uint32_t)timers->n_used++;
        timers->timer[index].turn = 0;
    } else {
        timers->unused = timers->timer[index].after;
    }
    timer *t   = &timers->timer[index];
    t->due     = unsigned_of(due_us);
    t->payload = payload;
    t->is_set  = 1;
    t->turn += 1;
    if (t->turn == 0) t->turn = 1; /* no name is 0 */
    put(timers, index);
    timers->n++;
    *out_timer = (uint64_t)t->turn << 32 | index;
    return CLADE_OK;
}

bool clade_timers_cancel(clade_timers *timers, clade_timer name)
{
    const uint32_t index = (uint32_t)name;
    if (index >= timers->n_used) return false;
    const timer *t = &timers->timer[index];
    if (t->is_set == 0 || t->turn != (uint32_t)(name >> 32)) return false;
    take_out(timers, index);
    give_up(timers, index);
    return true;
}

size_t clade_timers_count(const clade_timers *timers)
{
    return timers->n;
}

/* The first slot that holds anything, and the moment it begins at. Lower rings are nearer: what
 * they hold shares more digits with now. */
static bool first_slot(int *out_ring, unsigned *out_slot, uint64_t *out_begin,
                       const clade_timers *timers)
{
    for (int ring = 0; ring < N_RINGS; ring++) {
        if (timers->holds[ring] == 0) continue;
        const unsigned slot  = (unsigned)__builtin_ctzll(timers->holds[ring]);
        const int      shift = ring * DIGIT;
        const uint64_t above = shift + DIGIT >= 64 ? 0 : ~UINT64_C(0) << (shift + DIGIT);
        *out_ring            = ring;
        *out_slot            = slot;
        *out_begin           = (timers->now & above) | (uint64_t)slot << shift;
        return true;
    }
    return false;
}

int64_t clade_timers_next_us(const clade_timers *timers)
{
    int      ring;
    unsigned slot;
    uint64_t begin;
    if (!first_slot(&ring, &slot, &begin, timers)) return INT64_MAX;
    return moment_of(begin);
}

void clade_timers_advance(clade_timers *timers, int64_t now_us,
                          void (*fired)(void *context, int64_t due_us, uint64_t payload),
                          void *context)
{
    const uint64_t to = unsigned_of(now_us);
    int            ring;
    unsigned       slot;
    uint64_t       begin;
    while (first_slot(&ring, &slot, &begin, timers) && begin <= to) {
        const size_t place = (size_t)ring * N_SLOTS + slot;
        if (begin > timers->now) timers->now = begin;
        if (ring == 0) { /* one microsecond: all of it is due */
            const uint32_t index = timers->first[place];
            const timer    t     = timers->timer[index];
            take_out(timers, index);
            give_up(timers, index);
            fired(context, moment_of(t.due), t.payload);
            continue;
        }
        uint32_t index       = timers->first[place];
        timers->first[place] = NONE;
        timers->holds[ring] &= ~(UINT64_C(1) << slot);
        while (index != NONE) { /* each comes down at least one ring */
            const uint32_t after = timers->timer[index].after;
            put(timers, index);
            index = after;
        }
    }
    if (to > timers->now) timers->now = to;
}

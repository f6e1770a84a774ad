/*
 * What the events of a window are asked while learning: when, for which item, for which of those
 * ahead, whether the customer comes back, and where past and future are contrasted.
 */
#include "behaviour_internal.h"

#include <math.h>

enum {
    FUTURE_MAX = 256, /* events that the second objective and the contrast look ahead */
    CUT_EVERY  = 16,  /* events: one of them is a cut */
};
static const double SILENCE_MIN_S = 60.0, SILENCE_MAX_S = 366.0 * 86400.0; /* drawn by logarithm */
static const double SILENCE_DAYS = 90.0;                                   /* drawn by the day */

/* When and what an event is asked. */
typedef struct question {
    const clade_behaviour *model;
    const clade_sequences *s;
    uint64_t               last;     /* event of the customer */
    int64_t                until_us; /* all is known before it */
} question;

static int64_t window_us(const clade_behaviour *model)
{
    return (int64_t)((double)model->options.future_days * 86400e6);
}

/* The first event that is asked for, or one behind the last: the next, or the next basket's first.
 */
static uint64_t next_of(const question *q, uint64_t event)
{
    uint64_t next = event + 1;
    if (!q->model->options.next_basket) return next;
    while (next <= q->last && clade_sequences_same_basket(q->s, event, next))
        next++;
    return next;
}

/* Behind the last event of the basket that begins at `next`. */
static uint64_t end_of(const question *q, uint64_t next)
{
    uint64_t end = next + 1;
    while (end <= q->last && clade_sequences_same_basket(q->s, next, end))
        end++;
    return end;
}

/* The item that is asked for, or 0: of a basket any. */
static uint32_t draw_target(const question *q, uint64_t next, uint64_t end, clade_rng *rng)
{
    if (next > q->last) return 0;
    if (!q->model->options.next_basket) return q->s->item[next];
    return q->s->item[next + clade_rng_below(rng, end - next)];
}

/* How many events from `next` on are within the window of the question. All of the customer's log
 * that may be learnt from counts, not this window of it alone. */
static uint64_t events_ahead(const question *q, uint64_t event, uint64_t next, int64_t silence_us)
{
    const clade_sequences *const s = q->s;
    uint64_t                     n = 0;
    if (s->at_us == NULL) {
        n = (uint64_t)q->model->options.future_days;
        return n > q->last + 1 - next ? q->last + 1 - next : n;
    }
    const int64_t until = s->at_us[event] + silence_us + window_us(q->model);
    while (n < FUTURE_MAX && next + n <= q->last && s->at_us[next + n] <= until)
        n++;
    return n;
}

/* Most questions come at once; a quarter after a silence, drawn evenly on the log scale or evenly
 * by the day: where something happens before it is over, there is no such question. What a silence
 * says is so true of all customers who were silent for so long. */
static int64_t draw_silence(const question *q, uint64_t event, uint64_t next, clade_rng *rng)
{
    if (q->model->at.silence == SIZE_MAX || clade_rng_below(rng, 4) > 0) return 0;
    const bool    by_log  = clade_rng_below(rng, 2) == 0;
    const double  share   = clade_rng_uniform(rng);
    const double  seconds = by_log ? SILENCE_MIN_S * pow(SILENCE_MAX_S / SILENCE_MIN_S, share)
                                   : SILENCE_DAYS * 86400.0 * share;
    const int64_t us      = (int64_t)(seconds * 1e6);
    const int64_t end_us  = next <= q->last ? q->s->at_us[next] : q->until_us;
    return q->s->at_us[event] + us < end_us ? us : 0;
}

/* After a silence, whose end does not depend on what came (right behind an event a customer is not
 * gone yet); and only where all of the window is known, whatever happened in it. */
static uint8_t comes_back(const question *q, uint64_t event, uint64_t next, int64_t silence_us)
{
    const int64_t end_us = q->s->at_us[event] + silence_us + window_us(q->model);
    if (silence_us == 0 || end_us > q->until_us) return CLADE__RETURN_UNASKED;
    return next <= q->last && q->s->at_us[next] <= end_us ? CLADE__RETURN_YES : CLADE__RETURN_NO;
}

bool clade__asks_last(const clade_behaviour *model)
{
    return model->at.silence != SIZE_MAX;
}

bool clade__ask_window(clade__tokens *tokens, clade__contrast *contrast,
                       const clade_behaviour *model, const clade_sequences *s,
                       const clade_window *window, int64_t last_us, clade__draws *by)
{
    const uint64_t behind  = s->start[window->customer + 1];
    const bool     is_last = window->end == behind && clade__asks_last(model);
    const question q       = { model, s, behind - 1,
                         s->until_us ? s->until_us[window->customer] : last_us };
    const size_t   before  = tokens->n;
    const uint64_t stop    = is_last ? window->end : window->end - 1;
    if (!clade__tokens_add(tokens, model, s, s->start[window->customer], window->first, stop)) {
        return false;
    }
    uint64_t         event = stop - (tokens->n - before);
    uint64_t         next = 0, end = 0; /* the same for all events of a basket */
    size_t           cut = SIZE_MAX;
    clade_rng *const rng = &by->questions;
    for (size_t i = before; i < tokens->n; i++, event++) {
        if (event >= next) {
            next = next_of(&q, event);
            end  = model->options.next_basket ? end_of(&q, next) : next + 1;
        }
        const int64_t silence_us = draw_silence(&q, event, next, rng);
        tokens->target[i]        = draw_target(&q, next, end, rng);
        tokens->weight[i]        = tokens->target[i] > 0 ? 1.0f : 0.0f;
        tokens->future[i]        = 0;
        if (model->at.future != SIZE_MAX) {
            const uint64_t n = events_ahead(&q, event, next, silence_us);
            if (n > 0) tokens->future[i] = s->item[next + clade_rng_below(rng, n)];
        }
        if (model->at.silence != SIZE_MAX) {
            tokens->silence[i] = clade__gap_bucket(silence_us);
            tokens->asked_us[i] += silence_us;
        }
        if (model->at.comes_back != SIZE_MAX)
            tokens->returns[i] = comes_back(&q, event, next, silence_us);
        if (model->at.contrast != SIZE_MAX && (i - before) % CUT_EVERY == 0) {
            const size_t left = tokens->n - i;
            cut = i + (size_t)clade_rng_below(&by->cuts, left < CUT_EVERY ? left : CUT_EVERY);
        }
        if (i != cut) continue;
        clade__contrast_add(contrast, tokens, i, window->customer, s->item + next,
                            events_ahead(&q, event, next, silence_us));
    }
    return true;
}

/*
 * Events that were appended to the journal and are not durable yet. What is told of anybody is only
 * what a crash cannot take back, so live state sees an event when its record is durable: in the
 * order of the journal, before whoever sent it is answered.
 *
 * Two halves take turns: one is filled while the other waits for the disk, and a half's memory is
 * used again when all of it was applied. About a microsecond an event.
 */
#include "intake.h"
#include "live.h"

#include <stddef.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- a copy with memory of its own */

#define TEXT_AT(field) offsetof(clade_live_event, field)
static const size_t text_at[] = {
    TEXT_AT(name),        TEXT_AT(user_id),   TEXT_AT(anonymous_id), TEXT_AT(previous_id),
    TEXT_AT(item),        TEXT_AT(item_name), TEXT_AT(category),     TEXT_AT(brand),
    TEXT_AT(variant),     TEXT_AT(quantity),  TEXT_AT(price),        TEXT_AT(amount),
    TEXT_AT(discount),    TEXT_AT(currency),  TEXT_AT(order_ref),    TEXT_AT(session),
    TEXT_AT(query),       TEXT_AT(channel),   TEXT_AT(device),       TEXT_AT(coupon),
    TEXT_AT(status),      TEXT_AT(dwell_s),   TEXT_AT(rating),       TEXT_AT(text),
    TEXT_AT(person_name), TEXT_AT(email),     TEXT_AT(phone),        TEXT_AT(address),
    TEXT_AT(raw),
};

static bool keep_text(clade_text *text, clade_arena *arena)
{
    if (text->size == 0) return true;
    text->data = clade_arena_text(arena, text->data, text->size);
    return text->data != NULL;
}

static bool keep_pairs(const clade_live_pair **pairs, size_t n, clade_arena *arena)
{
    if (n == 0) return true;
    clade_live_pair *const own = CLADE_ARENA_NEW(arena, clade_live_pair, n);
    for (size_t i = 0; own != NULL && i < n; i++) {
        own[i] = (*pairs)[i];
        if (!keep_text(&own[i].name, arena) || !keep_text(&own[i].value, arena)) return false;
    }
    *pairs = own;
    return own != NULL;
}

bool clade__event_keep(clade_live_event *out, const clade_live_event *event, clade_arena *arena)
{
    *out = *event;
    for (size_t i = 0; i < sizeof text_at / sizeof text_at[0]; i++)
        if (!keep_text((clade_text *)(void *)((char *)out + text_at[i]), arena)) return false;
    return keep_pairs(&out->property, out->n_properties, arena) &&
           keep_pairs(&out->trait, out->n_traits, arena);
}

/* ---------------------------------------------------------------- the two halves */

bool clade__pending_start(clade__pending *pending)
{
    for (int i = 0; i < 2; i++) {
        pending->half[i].arena = clade_arena_create(0);
        if (pending->half[i].arena == NULL) return false;
        pending->half[i].empty = clade_arena_save(pending->half[i].arena);
    }
    return true;
}

void clade__pending_stop(clade__pending *pending)
{
    for (int i = 0; i < 2; i++) {
        clade_arena_free(pending->half[i].arena);
        free(pending->half[i].event);
        free(pending->half[i].seq);
    }
    *pending = (clade__pending){ 0 };
}

bool clade__pending_add(clade__pending *pending, const clade_live_event *event, uint64_t seq)
{
    clade__pending_half *const half = &pending->half[pending->young];
    if (!CLADE_GROW(&half->event, &half->event_capacity, half->n + 1) ||
        !CLADE_GROW(&half->seq, &half->seq_capacity, half->n + 1) ||
        !clade__event_keep(&half->event[half->n], event, half->arena))
        return false;
    half->seq[half->n++] = seq;
    return true;
}

/* False when some of it is not durable yet. */
static bool drain(clade_server *server, clade__pending_half *half, uint64_t durable)
{
    for (; half->at < half->n; half->at++) {
        if (half->seq[half->at] > durable) return false;
        clade__live_apply(server, &half->event[half->at], half->seq[half->at]);
    }
    half->n = half->at = 0;
    clade_arena_restore(half->arena, half->empty);
    return true;
}

void clade__pending_apply(clade_server *server, uint64_t durable)
{
    clade__pending *const pending = &server->intake->pending;
    if (!drain(server, &pending->half[1 - pending->young], durable)) return;
    clade__pending_half *const half = &pending->half[pending->young];
    if (!drain(server, half, durable)) pending->young = 1 - pending->young;
}

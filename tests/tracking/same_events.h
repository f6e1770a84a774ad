/* Are two readings of an item the same events? Everything but the raw bytes, which lose the write
 * key on the way through a record. */
#ifndef SAME_EVENTS_H
#define SAME_EVENTS_H

#include "clade/tracking.h"

static inline bool same_pairs(const clade_live_pair *a, size_t n_a, const clade_live_pair *b,
                              size_t n_b)
{
    if (n_a != n_b) return false;
    for (size_t i = 0; i < n_a; i++) {
        if (!clade_text_equal(a[i].name, b[i].name) || !clade_text_equal(a[i].value, b[i].value))
            return false;
    }
    return true;
}

static inline bool same_event(const clade_live_event *a, const clade_live_event *b)
{
    /* The texts between user_id and address, but for the pairs: name by name. */
    const clade_text *const x[] = {
        &a->name,     &a->user_id,     &a->anonymous_id, &a->previous_id, &a->item,   &a->item_name,
        &a->category, &a->brand,       &a->variant,      &a->quantity,    &a->price,  &a->amount,
        &a->discount, &a->currency,    &a->order_ref,    &a->session,     &a->query,  &a->channel,
        &a->device,   &a->coupon,      &a->status,       &a->dwell_s,     &a->rating, &a->text,
        &a->email,    &a->person_name, &a->phone,        &a->address
    };
    const clade_text *const y[] = {
        &b->name,     &b->user_id,     &b->anonymous_id, &b->previous_id, &b->item,   &b->item_name,
        &b->category, &b->brand,       &b->variant,      &b->quantity,    &b->price,  &b->amount,
        &b->discount, &b->currency,    &b->order_ref,    &b->session,     &b->query,  &b->channel,
        &b->device,   &b->coupon,      &b->status,       &b->dwell_s,     &b->rating, &b->text,
        &b->email,    &b->person_name, &b->phone,        &b->address
    };
    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) {
        if (!clade_text_equal(*x[i], *y[i])) return false;
    }
    return a->kind == b->kind && a->message_key == b->message_key && a->at_us == b->at_us &&
           a->received_us == b->received_us &&
           same_pairs(a->property, a->n_properties, b->property, b->n_properties) &&
           same_pairs(a->trait, a->n_traits, b->trait, b->n_traits);
}

static inline bool same_item(const clade_tracking_item *a, const clade_tracking_item *b)
{
    if (a->index != b->index || a->code != b->code || a->call != b->call || a->key != b->key ||
        a->n_events != b->n_events || !clade_text_equal(a->message_id, b->message_id) ||
        !same_pairs(a->consent, a->n_consent, b->consent, b->n_consent)) {
        return false;
    }
    for (size_t i = 0; i < a->n_events; i++) {
        if (!same_event(&a->event[i], &b->event[i])) return false;
    }
    return true;
}

#endif

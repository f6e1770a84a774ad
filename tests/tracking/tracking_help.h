/* What the tests of tracking share: a reader, a moment, and short ways to ask. */
#ifndef TRACKING_HELP_H
#define TRACKING_HELP_H

#include "check.h"

#include "clade/run.h"
#include "clade/time.h"
#include "clade/tracking.h"

#include <stdlib.h>

/* 2026-11-25T18:40:10Z */
static const int64_t RECEIVED_US = INT64_C(1795632010000000);

static clade_tracking        *reader;
static clade_tracking_request request;

static inline bool is(clade_text text, const char *wanted)
{
    if (clade_text_equal(text, clade_text_of(wanted))) return true;
    print_error("'%.*s', wanted '%s'\n", (int)text.size, text.data == NULL ? "" : text.data,
                wanted);
    return false;
}

static inline clade_text value_of(const clade_live_pair *pair, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (clade_text_equal(pair[i].name, clade_text_of(name))) return pair[i].value;
    }
    return (clade_text){ NULL, 0 };
}
#define PROPERTY(e, name) value_of((e)->property, (e)->n_properties, name)
#define TRAIT_OF(e, name) value_of((e)->trait, (e)->n_traits, name)

static inline void read_body(clade_tracking_endpoint endpoint, const char *body)
{
    check_ok(
        clade_tracking_read(&request, reader, endpoint, clade_text_of(body), RECEIVED_US, NULL));
}

/* The one event that one call becomes. */
static inline const clade_live_event *one(clade_tracking_endpoint endpoint, const char *body)
{
    read_body(endpoint, body);
    assert_int_equal(request.n_items, 1);
    if (request.item[0].code != CLADE_TRACKING_OK)
        print_error("%s\n", clade_tracking_code_name(request.item[0].code));
    assert_int_equal(request.item[0].code, CLADE_TRACKING_OK);
    assert_int_equal(request.item[0].n_events, 1);
    return &request.item[0].event[0];
}

static inline clade_tracking_code refusal(clade_tracking_endpoint endpoint, const char *body)
{
    read_body(endpoint, body);
    assert_int_equal(request.n_items, 1);
    assert_int_equal(request.item[0].n_events, 0);
    return request.item[0].code;
}

static inline bool noted(clade_tracking_code code)
{
    for (size_t i = 0; i < request.n_notes; i++) {
        if (request.note[i].code == code) return true;
    }
    return false;
}

static inline int start_reader(void **state)
{
    (void)state;
    reader = clade_tracking_create(NULL);
    return reader == NULL;
}

static inline int stop_reader(void **state)
{
    (void)state;
    clade_tracking_free(reader);
    return 0;
}

#endif

/* The reader of requests: limits, the tape, and the loop over items. */
#include "internal.h"

#include <stdlib.h>

enum { ARENA_BLOCK_BYTES = 1 << 20 };

clade_tracking_options clade_tracking_defaults(void)
{
    return (clade_tracking_options){ .max_body_bytes  = (size_t)500 * 1024,
                                     .max_event_bytes = (size_t)32 * 1024,
                                     .max_events      = 2500,
                                     .max_properties  = 300,
                                     .max_lines       = 20000,
                                     .max_skew_us     = CLADE_US_PER_HOUR };
}

clade_tracking *clade_tracking_create(const clade_tracking_options *options)
{
    clade_tracking *t = CLADE_NEW(clade_tracking, 1);
    if (t == NULL) return NULL;
    t->options = options == NULL ? clade_tracking_defaults() : *options;
    t->arena   = clade_arena_create(ARENA_BLOCK_BYTES);
    /* One small piece keeps the first block when a request is forgotten. */
    if (t->arena == NULL || clade_arena_alloc(t->arena, 1, 1) == NULL) {
        clade_tracking_free(t);
        return NULL;
    }
    t->start = clade_arena_save(t->arena);
    clade__vocabulary_make(&t->words);
    return t;
}

void clade_tracking_free(clade_tracking *t)
{
    if (t == NULL) return;
    clade_json_tape_free(&t->tape);
    clade_arena_free(t->arena);
    free(t->property.pair);
    free(t->trait.pair);
    free(t->unit);
    free(t->note);
    free(t);
}

/* ---------------------------------------------------------------- paths */

bool clade_tracking_endpoint_of(clade_tracking_endpoint *out, clade_text path)
{
    static const struct {
        const char             *path;
        clade_tracking_endpoint endpoint;
    } paths[] = {
        { "/v1/batch", CLADE_TRACKING_BATCH },       { "/v1/b", CLADE_TRACKING_BATCH },
        { "/v1/track", CLADE_TRACKING_TRACK },       { "/v1/t", CLADE_TRACKING_TRACK },
        { "/v1/identify", CLADE_TRACKING_IDENTIFY }, { "/v1/i", CLADE_TRACKING_IDENTIFY },
        { "/v1/page", CLADE_TRACKING_PAGE },         { "/v1/p", CLADE_TRACKING_PAGE },
        { "/v1/screen", CLADE_TRACKING_SCREEN },     { "/v1/s", CLADE_TRACKING_SCREEN },
        { "/v1/group", CLADE_TRACKING_GROUP },       { "/v1/g", CLADE_TRACKING_GROUP },
        { "/v1/alias", CLADE_TRACKING_ALIAS },       { "/v1/a", CLADE_TRACKING_ALIAS },
        { "/v1/import", CLADE_TRACKING_BATCH },      { "/mp/collect", CLADE_TRACKING_GA4 },
    };
    if (path.size > 1 && path.data[path.size - 1] == '/') path.size -= 1;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (clade_text_equal(path, clade_text_of(paths[i].path))) {
            *out = paths[i].endpoint;
            return true;
        }
    }
    return false;
}

bool clade_tracking_settings_path(clade_text *out_key, clade_text path)
{
    static const char before[] = "/v1/projects/", behind[] = "/settings";
    const size_t      n_before = sizeof before - 1, n_behind = sizeof behind - 1;
    if (path.size <= n_before + n_behind || memcmp(path.data, before, n_before) != 0 ||
        memcmp(path.data + path.size - n_behind, behind, n_behind) != 0) {
        return false;
    }
    const clade_text key = { path.data + n_before, path.size - n_before - n_behind };
    if (memchr(key.data, '/', key.size) != NULL) return false;
    *out_key = key;
    return true;
}

/* ---------------------------------------------------------------- a request */

static void members_read(const clade_tracking *t, uint32_t object, uint32_t out[N_TOP])
{
    memset(out, 0, N_TOP * sizeof *out);
    CLADE_JSON_EACH_MEMBER(&t->tape, object, key)
    {
        const int found = clade__words_find(&t->words.top, clade_json_tape_raw(&t->tape, key));
        if (found >= 0) out[found] = key + 1;
    }
}

static void item_read(clade_tracking *t, clade_tracking_item *item, uint32_t cell)
{
    draft d    = { .t    = t,
                   .item = item,
                   .cell = cell,
                   .call = t->endpoint,
                   .ga4  = t->endpoint == CLADE_TRACKING_GA4 };
    item->call = t->endpoint;
    item->raw  = clade_json_tape_raw(&t->tape, cell);
    item->key  = 1;
    if (t->tape.cell[cell].type != CLADE_JSON_OBJECT) {
        item->key  = clade_hash64(item->raw.data, item->raw.size, (uint64_t)t->received_us);
        item->code = CLADE_TRACKING_E_NOT_OBJECT;
        return;
    }
    members_read(t, cell, d.top);
    if (d.ga4) {
        clade__ga4_item_read(&d);
    } else {
        clade__item_read(&d);
    }
    if (item->code == CLADE_TRACKING_OK && item->index - t->first_index >= t->options.max_events) {
        item->code     = CLADE_TRACKING_E_TOO_MANY;
        item->n_events = 0;
    }
}

static void items_read(clade_tracking *t, clade_tracking_request *out, clade_tracking_item *item,
                       uint32_t list)
{
    size_t at = 0;
    if (list == 0) {
        item[0].index = t->first_index;
        item_read(t, &item[0], 0);
        at = 1;
    } else {
        CLADE_JSON_EACH_VALUE(&t->tape, list, value)
        {
            item[at].index = t->first_index + at;
            item_read(t, &item[at++], value);
        }
    }
    for (size_t i = 0; i < at; i++) {
        out->n_accepted += item[i].code == CLADE_TRACKING_OK;
        out->n_events += item[i].n_events;
    }
}

static clade_status malformed(clade_tracking_request *out, clade_error *err, const char *wanted)
{
    out->code = CLADE_TRACKING_E_MALFORMED;
    return clade_fail(err, CLADE_ERR_DATA, "JSON byte 1, line 1: %s was expected", wanted);
}

uint32_t clade__request_list(const clade_tracking *t)
{
    return t->endpoint == CLADE_TRACKING_GA4     ? t->envelope[TOP_EVENTS]
           : t->endpoint == CLADE_TRACKING_BATCH ? t->envelope[TOP_BATCH]
                                                 : 0;
}

static clade_status list_check(const clade_tracking *t, clade_tracking_request *out,
                               clade_error *err)
{
    const uint32_t list = clade__request_list(t);
    const bool     ga4  = t->endpoint == CLADE_TRACKING_GA4;
    if (!ga4 && t->endpoint != CLADE_TRACKING_BATCH) return CLADE_OK;
    if (list != 0 && t->tape.cell[list].type == CLADE_JSON_ARRAY) return CLADE_OK;
    return malformed(
        out, err, ga4 ? "an object with an array \"events\"" : "an object with an array \"batch\"");
}

static void forget(clade_tracking *t)
{
    clade_arena_restore(t->arena, t->start);
    t->n_notes = t->n_notes_more = 0;
    t->n_lines                   = 0;
    t->no_memory                 = false;
    t->skew_noted                = false;
    t->skew_us                   = 0;
}

clade_status clade__request_read(clade_tracking_request *out, clade_tracking *t,
                                 clade_tracking_endpoint endpoint, clade_text body,
                                 int64_t received_us, size_t first_index, clade_error *err)
{
    *out           = (clade_tracking_request){ .endpoint = endpoint, .received_us = received_us };
    t->endpoint    = endpoint;
    t->received_us = received_us;
    t->first_index = first_index;
    forget(t);
    const clade_status status = clade_json_tape_read(&t->tape, body, err);
    if (status != CLADE_OK) {
        out->code = CLADE_TRACKING_E_MALFORMED;
        return status;
    }
    if (t->tape.cell[0].type != CLADE_JSON_OBJECT) return malformed(out, err, "an object");
    members_read(t, 0, t->envelope);
    const uint32_t key = t->envelope[TOP_WRITE_KEY];
    if (key != 0 && t->tape.cell[key].type == CLADE_JSON_TEXT)
        out->write_key = clade_json_tape_text(&t->tape, key, t->arena);
    CLADE_TRY(list_check(t, out, err));
    const uint32_t list       = clade__request_list(t);
    out->n_items              = list == 0 ? 1 : clade_json_tape_count(&t->tape, list);
    clade_tracking_item *item = CLADE_ARENA_NEW(t->arena, clade_tracking_item, out->n_items);
    if (item == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu events", out->n_items);
    items_read(t, out, item, list);
    if (t->no_memory)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a request of %zu bytes", body.size);
    out->item         = item;
    out->note         = t->note;
    out->n_notes      = t->n_notes;
    out->n_notes_more = t->n_notes_more;
    out->skew_us      = t->skew_us;
    return CLADE_OK;
}

clade_status clade_tracking_read(clade_tracking_request *out, clade_tracking *t,
                                 clade_tracking_endpoint endpoint, clade_text body,
                                 int64_t received_us, clade_error *err)
{
    if (body.size > t->options.max_body_bytes) {
        *out      = (clade_tracking_request){ .endpoint = endpoint, .received_us = received_us };
        out->code = CLADE_TRACKING_E_BODY_LARGE;
        return clade_fail(err, CLADE_ERR_DATA, "the body of %zu bytes is above the limit of %zu",
                          body.size, t->options.max_body_bytes);
    }
    return clade__request_read(out, t, endpoint, body, received_us, 0, err);
}

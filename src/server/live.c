/*
 * What came since the answers in memory were made: for each id its latest events and how many there
 * were, so that a profile is true the moment an event is acknowledged. Belongs to the loop thread.
 *
 * A record's number says whether the next model has it already: then it is dropped here.
 */
#include "live.h"

#include "clade/ingest.h"

#include <stdlib.h>

enum { FIRST_INDEX = 1024, RECENT = 20, REF_MAX = 64 };

typedef struct recent_event {
    uint64_t seq;
    int64_t  at_us;
    int      kind;
    char     item[REF_MAX]; /* cut at its size; "" for none */
} recent_event;

struct clade__person {
    char        *id;
    uint64_t     hash;
    size_t       n_events; /* that are not in the model */
    int64_t      last_us;
    uint64_t     last_seq;
    size_t       n_recent, next; /* the ring below */
    recent_event recent[RECENT];
};

struct clade__live {
    clade__person **person; /* (n_index) open addressing; NULL is empty */
    size_t          n_index, n;
    uint64_t        seed;
    uint64_t        last_seq; /* of what was applied */
    size_t          n_since;  /* events since the model */
    clade_buffer    id;       /* of the event at hand */
};

clade_status clade__live_start(clade_server *server, clade_error *err)
{
    server->live = CLADE_NEW(clade__live, 1);
    if (server->live != NULL) server->live->person = CLADE_NEW(clade__person *, FIRST_INDEX);
    if (server->live == NULL || server->live->person == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for live state");
    server->live->n_index = FIRST_INDEX;
    server->live->seed    = (uint64_t)clade_now_us() * 0x9e3779b97f4a7c15u;
    return CLADE_OK;
}

static void person_free(clade__person *person)
{
    explicit_bzero(person->id, strlen(person->id));
    free(person->id);
    free(person);
}

void clade__live_stop(clade_server *server)
{
    clade__live *const live = server->live;
    if (live == NULL) return;
    for (size_t i = 0; live->person != NULL && i < live->n_index; i++)
        if (live->person[i] != NULL) person_free(live->person[i]);
    free(live->person);
    clade_buffer_free(&live->id);
    free(live);
    server->live = NULL;
}

/* ---------------------------------------------------------------- the table */

static clade__person **place(const clade__live *live, const char *id, size_t size, uint64_t hash)
{
    size_t at = hash & (live->n_index - 1);
    for (; live->person[at] != NULL; at = (at + 1) & (live->n_index - 1)) {
        const clade__person *const one = live->person[at];
        if (one->hash == hash && strlen(one->id) == size && memcmp(one->id, id, size) == 0) break;
    }
    return &live->person[at];
}

/* Everybody who stays, in a table of n_index places. */
static bool rebuild(clade__live *live, size_t n_index)
{
    clade__person **const old   = live->person;
    const size_t          n_old = live->n_index;
    clade__person **const fresh = CLADE_NEW(clade__person *, n_index);
    if (fresh == NULL) return false;
    live->person  = fresh;
    live->n_index = n_index;
    for (size_t i = 0; i < n_old; i++)
        if (old[i] != NULL) *place(live, old[i]->id, strlen(old[i]->id), old[i]->hash) = old[i];
    free(old);
    return true;
}

const clade__person *clade__live_person(const clade_server *server, const char *id)
{
    const clade__live *const live = server->live;
    const size_t             size = strlen(id);
    return *place(live, id, size, clade_hash64(id, size, live->seed));
}

void clade__live_apply(clade_server *server, const clade_live_event *event, uint64_t seq)
{
    clade__live *const live = server->live;
    clade_live_customer(&live->id, event);
    const clade_text id = { live->id.data, live->id.size };
    live->last_seq      = seq;
    if (live->id.failed || id.size == 0) return;
    clade__rules_event(server, event, id, seq);
    if (live->n * 2 >= live->n_index && !rebuild(live, live->n_index * 2)) return;
    const uint64_t        hash = clade_hash64(id.data, id.size, live->seed);
    clade__person **const at   = place(live, id.data, id.size, hash);
    if (*at == NULL) {
        clade__person *const fresh = CLADE_NEW(clade__person, 1);
        char *const          name  = malloc(id.size + 1);
        if (fresh == NULL || name == NULL) { /* the next refresh has it from the store */
            free(fresh);
            free(name);
            return;
        }
        memcpy(name, id.data, id.size);
        name[id.size]  = '\0';
        fresh->id      = name;
        fresh->hash    = hash;
        fresh->last_us = INT64_MIN;
        *at            = fresh;
        live->n++;
    }
    clade__person *const person = *at;
    person->last_seq            = seq;
    if (event->at_us > person->last_us) person->last_us = event->at_us;
    live->n_since++;
    if (event->kind >= CLADE_LIVE_IDENTIFY) return;
    recent_event *const recent = &person->recent[person->next];
    const size_t        size   = event->item.size < REF_MAX ? event->item.size : REF_MAX - 1;
    const size_t        cut    = clade_utf8_valid(event->item.data, size);
    *recent = (recent_event){ .seq = seq, .at_us = event->at_us, .kind = (int)event->kind };
    memcpy(recent->item, cut == 0 ? "" : event->item.data, cut);
    person->next = (person->next + 1) % RECENT;
    if (person->n_recent < RECENT) person->n_recent++;
    person->n_events++;
}

/* ---------------------------------------------------------------- answers */

void clade__live_put(clade_json *json, const clade__person *person)
{
    if (person == NULL) return;
    clade_json_key(json, "live");
    clade_json_object(json);
    clade_json_put_int(json, "events", (int64_t)person->n_events);
    clade__put_time(json, "last_seen", person->last_us);
    clade_json_key(json, "recent");
    clade_json_array(json);
    for (size_t i = 0; i < person->n_recent; i++) {
        const recent_event *const one = &person->recent[(person->next + RECENT - 1 - i) % RECENT];
        clade_json_object(json);
        clade_json_put_text(json, "kind", clade_live_kind_name((clade_live_kind)one->kind));
        clade__put_time(json, "at", one->at_us);
        if (one->item[0] != '\0') clade_json_put_text(json, "item", one->item);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    clade_json_object_end(json);
}

/* ---------------------------------------------------------------- forgetting, a new model */

/* Drop events up to `seq`; false when nothing is left of the person. */
static bool keep_later(clade__person *person, uint64_t seq)
{
    recent_event kept[RECENT] = { 0 };
    size_t       n            = 0;
    for (size_t i = 0; i < person->n_recent; i++) { /* oldest first */
        const size_t at = (person->next + RECENT - person->n_recent + i) % RECENT;
        if (person->recent[at].seq > seq) kept[n++] = person->recent[at];
    }
    if (n > 0 && n == person->n_recent) return true; /* all is later, what the ring lost too */
    memcpy(person->recent, kept, n * sizeof kept[0]);
    person->n_recent = person->n_events = n;
    person->next                        = n % RECENT;
    return person->last_seq > seq;
}

static void keep_if(clade__live *live, bool (*stays)(clade__person *, const void *),
                    const void  *context)
{
    size_t n_since = 0;
    for (size_t i = 0; i < live->n_index; i++) {
        clade__person *const person = live->person[i];
        if (person == NULL) continue;
        if (stays(person, context)) {
            n_since += person->n_events;
            continue;
        }
        person_free(person);
        live->person[i] = NULL;
        live->n--;
    }
    live->n_since = n_since;
    if (!rebuild(live, live->n_index)) clade_log(CLADE_LOG_WARN, "no memory for live state");
}

static bool is_later(clade__person *person, const void *seq)
{
    return keep_later(person, *(const uint64_t *)seq);
}

static bool is_other(clade__person *person, const void *id)
{
    return strcmp(person->id, id) != 0;
}

void clade__live_keep_after(clade_server *server, uint64_t seq)
{
    keep_if(server->live, is_later, &seq);
}

void clade__live_forget(clade_server *server, const char *id)
{
    if (clade__live_person(server, id) != NULL) keep_if(server->live, is_other, id);
}

bool clade__live_changed(const clade_server *server)
{
    return server->live->n_since > 0;
}

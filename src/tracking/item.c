/* One item: who, when, which call; then its properties become lines. */
#include "internal.h"

enum { MAX_ID_BYTES = 500, MAX_MESSAGE_ID_CHARACTERS = 100 };
static const int64_t FUTURE_US = 5 * CLADE_US_PER_SECOND; /* clocks of browsers tick like that */

static void refuse(draft *d, clade_tracking_code code)
{
    if (d->item->code == CLADE_TRACKING_OK) d->item->code = code;
}

static bool refused(const draft *d)
{
    return d->item->code != CLADE_TRACKING_OK;
}

void clade__note(draft *d, clade_tracking_code code, clade_text field, clade_text value)
{
    clade_tracking *const t = d->t;
    if (t->n_notes >= CLADE_TRACKING_MAX_NOTES) {
        t->n_notes_more += 1;
        return;
    }
    if (!CLADE_GROW(&t->note, &t->note_capacity, t->n_notes + 1)) {
        t->no_memory = true;
        return;
    }
    t->note[t->n_notes++] = (clade_tracking_note){ d->item->index, code, field, value };
}

/* ---------------------------------------------------------------- who */

/* Ids that stand for nobody, as Segment blocks them (^[0-]*$, -1, null, anonymous), and what
 * scripts make of nothing. One of these would join strangers to one customer. */
static bool is_blocked(clade_text id)
{
    static const clade_text nobody[] = {
        { "-1", 2 },   { "null", 4 }, { "anonymous", 9 }, { "undefined", 9 },
        { "none", 4 }, { "nil", 3 },  { "nan", 3 },       { "[object Object]", 15 },
    };
    size_t dashes = 0;
    while (dashes < id.size && (id.data[dashes] == '0' || id.data[dashes] == '-'))
        dashes++;
    if (dashes == id.size) return true;
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        if (clade_text_equal_nocase(id, nobody[i])) return true;
    }
    return false;
}

typedef enum id_state { ID_ABSENT, ID_GOOD, ID_BLOCKED, ID_BAD } id_state;

static id_state id_read(draft *d, uint32_t cell, clade_text *out)
{
    *out = (clade_text){ NULL, 0 };
    if (cell == 0) return ID_ABSENT;
    const clade_json_type type = (clade_json_type)d->t->tape.cell[cell].type;
    if (type == CLADE_JSON_NULL) return ID_ABSENT;
    if (type != CLADE_JSON_TEXT && type != CLADE_JSON_NUMBER) return ID_BAD;
    const clade_text id = clade_text_trim(clade__scalar(d, cell));
    if (id.size == 0) return ID_ABSENT;
    if (id.size > MAX_ID_BYTES) return ID_BAD;
    *out = id;
    return is_blocked(id) ? ID_BLOCKED : ID_GOOD;
}

void clade__identity_read(draft *d, uint32_t user, uint32_t anonymous)
{
    clade_text     user_id, anonymous_id;
    const id_state a = id_read(d, user, &user_id), b = id_read(d, anonymous, &anonymous_id);
    if (a == ID_BAD || b == ID_BAD) {
        refuse(d, CLADE_TRACKING_E_BAD_ID);
    } else if (a != ID_GOOD && b != ID_GOOD) {
        refuse(d, a == ID_BLOCKED || b == ID_BLOCKED ? CLADE_TRACKING_E_BLOCKED_ID
                                                     : CLADE_TRACKING_E_NO_IDENTITY);
    } else {
        if (a == ID_BLOCKED) clade__note(d, CLADE_TRACKING_N_ID, CLADE_TEXT("userId"), user_id);
        if (b == ID_BLOCKED)
            clade__note(d, CLADE_TRACKING_N_ID, CLADE_TEXT("anonymousId"), anonymous_id);
        if (a == ID_GOOD) d->event.user_id = user_id;
        if (b == ID_GOOD) d->event.anonymous_id = anonymous_id;
    }
}

/* ---------------------------------------------------------------- when */

/* A count of seconds, milliseconds or microseconds since 1970, told by its size. */
static bool moment_of_number(clade_text text, int64_t *out_us)
{
    decimal value;
    bool    plain;
    int64_t count;
    if (!clade__decimal_read(&value, text, &plain) || !plain) return false;
    for (; value.scale > 0; value.scale--)
        value.mantissa /= 10;
    count = value.mantissa;
    if (count <= 0 || count >= INT64_C(100000000000000000)) return false;
    *out_us = count < INT64_C(100000000000)      ? count * 1000000
              : count < INT64_C(100000000000000) ? count * 1000
                                                 : count;
    return true;
}

bool clade__moment_read(draft *d, uint32_t cell, int64_t *out_us)
{
    char             copy[48];
    const clade_text text = clade_text_trim(clade__scalar(d, cell));
    if (text.size == 0) return false;
    const bool read = (text.size < sizeof copy && memchr(text.data, '-', text.size) == NULL)
                          ? moment_of_number(text, out_us)
                          : (text.size < sizeof copy &&
                             (memcpy(copy, text.data, text.size), copy[text.size] = '\0',
                              clade_time_parse(out_us, copy, NULL) == CLADE_OK));
    if (!read) clade__note(d, CLADE_TRACKING_N_TIME, CLADE_TEXT("timestamp"), text);
    return read;
}

static void time_settle(draft *d, int64_t at_us, clade_text sent)
{
    const int64_t received_us = d->t->received_us;
    if (at_us > received_us) {
        if (at_us - received_us > FUTURE_US)
            clade__note(d, CLADE_TRACKING_N_TIME, CLADE_TEXT("timestamp"), sent);
        at_us = received_us;
    }
    if (at_us < CLADE_TIME_MIN_US) {
        clade__note(d, CLADE_TRACKING_N_TIME, CLADE_TEXT("timestamp"), sent);
        at_us = received_us;
    }
    d->event.at_us       = at_us == 0 ? 1 : at_us; /* 0 would say that there is none */
    d->event.received_us = received_us;
}

/* Whether the item says when it happened. */
static bool time_read(draft *d)
{
    int64_t        original_us = 0, sent_us = 0;
    const uint32_t sent =
        d->top[TOP_SENT_AT] != 0 ? d->top[TOP_SENT_AT] : d->t->envelope[TOP_SENT_AT];
    uint32_t original = d->top[TOP_ORIGINAL_TIMESTAMP];
    if (original == 0) original = d->top[TOP_TIMESTAMP];
    if (original == 0) original = d->t->envelope[TOP_TIMESTAMP];
    const bool has_original = clade__moment_read(d, original, &original_us);
    const bool has_sent     = clade__moment_read(d, sent, &sent_us);
    if (has_sent) {
        const int64_t skew_us = d->t->received_us - sent_us;
        if (d->t->skew_us == 0) d->t->skew_us = skew_us;
        if (!d->t->skew_noted &&
            (skew_us > d->t->options.max_skew_us || skew_us < -d->t->options.max_skew_us)) {
            clade__note(d, CLADE_TRACKING_N_SKEW, CLADE_TEXT("sentAt"), clade__scalar(d, sent));
            d->t->skew_noted = true;
        }
    }
    const int64_t at_us = !has_original ? d->t->received_us
                          : has_sent    ? d->t->received_us - (sent_us - original_us)
                                        : original_us;
    time_settle(d, at_us, clade__scalar(d, original));
    return has_original;
}

/* ---------------------------------------------------------------- which message */

static size_t count_characters(clade_text text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.size; i++)
        n += (text.data[i] & 0xC0) != 0x80;
    return n;
}

/* Members of an object in their order, but for what changes when it is sent again. */
static uint64_t content_hash(const draft *d, uint32_t object, uint64_t seed)
{
    const clade_json_tape *const tape = &d->t->tape;
    CLADE_JSON_EACH_MEMBER(tape, object, key)
    {
        const clade_text name  = clade_json_tape_raw(tape, key);
        const clade_text value = clade_json_tape_raw(tape, key + 1);
        const int        top   = clade__words_find(&d->t->words.top, name);
        if (top == TOP_WRITE_KEY || top == TOP_SENT_AT || top == TOP_MESSAGE_ID) continue;
        seed = clade_hash64(name.data, name.size, seed);
        seed = clade_hash64(value.data, value.size, seed);
    }
    return seed;
}

static void key_settle(draft *d, uint64_t key)
{
    d->item->key         = key == 0 ? 1 : key;
    d->event.message_key = d->item->key;
}

static void message_read(draft *d, bool has_time)
{
    const clade_text id = clade_text_trim(clade__scalar(d, d->top[TOP_MESSAGE_ID]));
    d->item->message_id = id;
    if (id.size > 0) {
        if (count_characters(id) > MAX_MESSAGE_ID_CHARACTERS)
            refuse(d, CLADE_TRACKING_E_MESSAGE_ID);
        key_settle(d, clade_hash64(id.data, id.size, 0));
        return;
    }
    const uint64_t seed = has_time ? 0 : (uint64_t)d->t->received_us;
    key_settle(d, content_hash(d, d->cell, seed + (uint64_t)d->call + 1));
}

/* ---------------------------------------------------------------- calls */

static void track(draft *d)
{
    d->event.name = clade_text_trim(clade__scalar(d, d->top[TOP_EVENT]));
    if (d->event.name.size == 0) {
        refuse(d, CLADE_TRACKING_E_NO_NAME);
        return;
    }
    clade__lines_read(d, d->top[TOP_PROPERTIES]);
}

/* A page or a screen was looked at: a view of no product. */
static void page(draft *d)
{
    d->event.name = d->call == CLADE_TRACKING_PAGE ? CLADE_TEXT("page") : CLADE_TEXT("screen");
    const clade_text name     = clade__scalar(d, d->top[TOP_NAME]);
    const clade_text category = clade__scalar(d, d->top[TOP_CATEGORY]);
    if (name.size > 0) clade__pair_add(d, &d->t->property, CLADE_TEXT("page.name"), name);
    if (category.size > 0)
        clade__pair_add(d, &d->t->property, CLADE_TEXT("page.category"), category);
    clade__lines_read(d, d->top[TOP_PROPERTIES]);
}

static void group(draft *d)
{
    const clade_text id = clade_text_trim(clade__scalar(d, d->top[TOP_GROUP_ID]));
    if (id.size == 0) {
        refuse(d, CLADE_TRACKING_E_NO_GROUP);
        return;
    }
    d->event.name = CLADE_TEXT("group");
    clade__pair_add(d, &d->t->property, CLADE_TEXT("group_id"), id);
    clade__traits_read(d, d->top[TOP_TRAITS], true);
    clade__lines_read(d, d->top[TOP_PROPERTIES]);
}

static void identify(draft *d)
{
    d->event.name = CLADE_TEXT("identify");
    clade__traits_read(d, d->top[TOP_TRAITS], false);
    clade__lines_read(d, d->top[TOP_PROPERTIES]);
}

static void alias(draft *d)
{
    clade_text     previous;
    const id_state state = id_read(d, d->top[TOP_PREVIOUS_ID], &previous);
    d->event.name        = CLADE_TEXT("alias");
    if (state == ID_BLOCKED || state == ID_BAD) {
        refuse(d, state == ID_BAD ? CLADE_TRACKING_E_BAD_ID : CLADE_TRACKING_E_BLOCKED_ID);
        return;
    }
    /* The browser's SDK may leave it out: then the visitor is meant. */
    d->event.previous_id = state == ID_GOOD ? previous : d->event.anonymous_id;
    if (d->event.previous_id.size == 0) {
        refuse(d, CLADE_TRACKING_E_NO_PREVIOUS);
        return;
    }
    clade__lines_read(d, d->top[TOP_PROPERTIES]);
}

static void start(draft *d)
{
    d->t->property.n = d->t->property.n_over = 0;
    d->t->trait.n = d->t->trait.n_over = 0;
    d->event.raw                       = d->item->raw;
}

void clade__item_read(draft *d)
{
    start(d);
    const bool has_time = time_read(d);
    message_read(d, has_time);
    if (d->t->endpoint == CLADE_TRACKING_BATCH) {
        const int type = clade__words_find(&d->t->words.type, clade__scalar(d, d->top[TOP_TYPE]));
        if (type < 0) refuse(d, CLADE_TRACKING_E_NO_TYPE);
        d->call = type < 0 ? CLADE_TRACKING_BATCH : (clade_tracking_endpoint)type;
    }
    d->item->call = d->call;
    if (d->item->raw.size > d->t->options.max_event_bytes) refuse(d, CLADE_TRACKING_E_EVENT_LARGE);
    clade__identity_read(d, d->top[TOP_USER_ID], d->top[TOP_ANONYMOUS_ID]);
    if (refused(d)) return;

    clade__context_places(d, d->t->envelope[TOP_CONTEXT]);
    clade__context_places(d, d->top[TOP_CONTEXT]); /* its own members replace the batch's */
    if (d->call != CLADE_TRACKING_GROUP) clade__traits_read(d, d->place[PLACE_TRAITS], false);
    switch (d->call) {
    case CLADE_TRACKING_IDENTIFY: identify(d); break;
    case CLADE_TRACKING_TRACK: track(d); break;
    case CLADE_TRACKING_PAGE:
    case CLADE_TRACKING_SCREEN: page(d); break;
    case CLADE_TRACKING_GROUP: group(d); break;
    default: alias(d); break;
    }
}

/* ---------------------------------------------------------------- GA4 */

/* user_properties: {"plan": {"value": "gold"}}. */
static void user_properties(draft *d)
{
    const clade_json_tape *const tape   = &d->t->tape;
    const uint32_t               object = d->t->envelope[TOP_USER_PROPERTIES];
    if (object == 0 || tape->cell[object].type != CLADE_JSON_OBJECT) return;
    CLADE_JSON_EACH_MEMBER(tape, object, key)
    {
        uint32_t value = key + 1;
        if (tape->cell[value].type == CLADE_JSON_OBJECT) {
            CLADE_JSON_EACH_MEMBER(tape, value, inner)
            {
                if (clade_text_equal(clade_json_tape_raw(tape, inner), CLADE_TEXT("value")))
                    value = inner + 1;
            }
        }
        clade__pair_value(d, &d->t->trait, clade__scalar(d, key), value);
    }
}

void clade__ga4_item_read(draft *d)
{
    const uint32_t *const envelope = d->t->envelope;
    int64_t               at_us    = d->t->received_us;
    start(d);
    d->item->call = CLADE_TRACKING_GA4;
    uint32_t time = d->top[TOP_TIMESTAMP_MICROS];
    if (time == 0) time = envelope[TOP_TIMESTAMP_MICROS];
    const bool has_time = clade__moment_read(d, time, &at_us);
    time_settle(d, at_us, clade__scalar(d, time));

    /* No message ids here: who, when (it came, if it does not say), where in the request, and what.
     */
    const clade_text client = clade__scalar(d, envelope[TOP_CLIENT_ID]);
    const clade_text user   = clade__scalar(d, envelope[TOP_USER_ID]);
    uint64_t         seed   = (uint64_t)d->event.at_us ^ d->item->index << 1 ^ has_time;
    seed                    = clade_hash64(client.data, client.size, seed);
    seed                    = clade_hash64(user.data, user.size, seed);
    key_settle(d, content_hash(d, d->cell, seed));
    if (d->item->raw.size > d->t->options.max_event_bytes) refuse(d, CLADE_TRACKING_E_EVENT_LARGE);
    clade__identity_read(d, envelope[TOP_USER_ID], envelope[TOP_CLIENT_ID]);
    d->event.name = clade_text_trim(clade__scalar(d, d->top[TOP_NAME]));
    if (d->event.name.size == 0) refuse(d, CLADE_TRACKING_E_NO_NAME);
    if (refused(d)) return;
    user_properties(d);
    clade__lines_read(d, d->top[TOP_PARAMS]);
}

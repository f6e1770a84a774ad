/* The context of a call: where it came from, in which page, by which campaign, with which consent.
 * What tells a person from another for certain (ip, device and advertising ids, the user agent as
 * it is) is not taken out of the journal. */
#include "internal.h"

static bool contains(clade_text text, const char *part)
{
    return text.size > 0 && memmem(text.data, text.size, part, strlen(part)) != NULL;
}

static bool is_object(const draft *d, uint32_t cell)
{
    return cell != 0 && d->t->tape.cell[cell].type == CLADE_JSON_OBJECT;
}

static clade_text member(draft *d, uint32_t object, const char *name)
{
    clade_text       found = { NULL, 0 };
    const clade_text want  = clade_text_of(name);
    if (!is_object(d, object)) return found;
    CLADE_JSON_EACH_MEMBER(&d->t->tape, object, key)
    {
        if (clade_text_equal(clade_json_tape_raw(&d->t->tape, key), want))
            found = clade__scalar(d, key + 1);
    }
    return found;
}

void clade__context_places(draft *d, uint32_t context)
{
    if (!is_object(d, context)) return;
    CLADE_JSON_EACH_MEMBER(&d->t->tape, context, key)
    {
        const int place =
            clade__words_find(&d->t->words.place, clade_json_tape_raw(&d->t->tape, key));
        if (place >= 0) d->place[place] = key + 1;
    }
}

/* The event's own properties come first: a context's never replaces one. */
static void add(draft *d, const char *name, clade_text value)
{
    const clade_text key = clade_text_of(name);
    if (value.size == 0 || clade__pairs_find(&d->t->property, key)) return;
    clade__pair_add(d, &d->t->property, key, value);
}

/* ---------------------------------------------------------------- device and channel */

static clade_text device_of_agent(clade_text agent)
{
    if (contains(agent, "bot") || contains(agent, "Bot") || contains(agent, "spider") ||
        contains(agent, "crawl")) {
        return CLADE_TEXT("bot");
    }
    if (contains(agent, "iPad") || contains(agent, "Tablet")) return CLADE_TEXT("tablet");
    if (contains(agent, "Mobi") || contains(agent, "iPhone")) return CLADE_TEXT("phone");
    if (contains(agent, "Android")) return CLADE_TEXT("tablet"); /* Android without Mobile */
    if (contains(agent, "Windows") || contains(agent, "Macintosh") || contains(agent, "X11") ||
        contains(agent, "CrOS") || contains(agent, "Linux")) {
        return CLADE_TEXT("desktop");
    }
    return (clade_text){ NULL, 0 };
}

static void device_and_channel(draft *d)
{
    const clade_text type  = member(d, d->place[PLACE_DEVICE], "type");
    const clade_text agent = clade__scalar(d, d->place[PLACE_USER_AGENT]);
    const bool       app   = clade_text_equal_nocase(type, CLADE_TEXT("ios")) ||
                     clade_text_equal_nocase(type, CLADE_TEXT("android"));
    if (app) {
        const clade_text model = member(d, d->place[PLACE_DEVICE], "model");
        d->event.device = contains(model, "iPad") || contains(model, "ablet") ? CLADE_TEXT("tablet")
                                                                              : CLADE_TEXT("phone");
    } else if (type.size > 0) {
        d->event.device =
            clade_text_equal_nocase(type, CLADE_TEXT("mobile")) ? CLADE_TEXT("phone") : type;
    } else {
        d->event.device = device_of_agent(agent);
        if (d->event.device.size == 0) {
            const clade_text mobile = member(d, d->place[PLACE_USER_AGENT_DATA], "mobile");
            if (mobile.size > 0) {
                d->event.device = clade_text_equal(mobile, CLADE_TEXT("true"))
                                      ? CLADE_TEXT("phone")
                                      : CLADE_TEXT("desktop");
            }
        }
    }

    clade_text channel = clade__scalar(d, d->top[TOP_CHANNEL]);
    if (channel.size == 0) channel = clade__scalar(d, d->place[PLACE_CHANNEL]);
    if (clade_text_equal(channel, CLADE_TEXT("browser"))) channel = CLADE_TEXT("web");
    if (clade_text_equal(channel, CLADE_TEXT("mobile"))) channel = CLADE_TEXT("app");
    if (channel.size == 0) {
        const bool web = agent.size > 0 || d->place[PLACE_PAGE] != 0;
        if (app || (d->call == CLADE_TRACKING_SCREEN && !web)) {
            channel = CLADE_TEXT("app");
        } else if (web) {
            channel = CLADE_TEXT("web");
        }
    }
    d->event.channel = channel;
}

/* ---------------------------------------------------------------- page and campaign */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A value of a URL's query, decoded into the arena. Size 0 when it is not valid UTF-8. */
static clade_text url_decode(draft *d, clade_text text)
{
    char  *out = clade_arena_alloc(d->t->arena, text.size + 1, 1);
    size_t n   = 0;
    if (out == NULL) {
        d->t->no_memory = true;
        return (clade_text){ NULL, 0 };
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '+') {
            out[n++] = ' ';
        } else if (text.data[i] == '%' && i + 2 < text.size && hex(text.data[i + 1]) >= 0 &&
                   hex(text.data[i + 2]) >= 0) {
            const int byte = hex(text.data[i + 1]) * 16 + hex(text.data[i + 2]);
            out[n++]       = (char)(byte == 0 ? ' ' : byte);
            i += 2;
        } else {
            out[n++] = text.data[i];
        }
    }
    if (clade_utf8_valid(out, n) != n) n = 0;
    return (clade_text){ out, n };
}

static clade_text url_parameter(draft *d, clade_text query, const char *name)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < query.size;) {
        size_t end = i;
        while (end < query.size && query.data[end] != '&' && query.data[end] != '#')
            end++;
        if (end - i > n && query.data[i + n] == '=' && memcmp(query.data + i, name, n) == 0)
            return url_decode(d, (clade_text){ query.data + i + n + 1, end - i - n - 1 });
        if (end < query.size && query.data[end] == '#') break;
        i = end + 1;
    }
    return (clade_text){ NULL, 0 };
}

static clade_text without_query(clade_text url)
{
    for (size_t i = 0; i < url.size; i++) {
        if (url.data[i] == '?' || url.data[i] == '#') return (clade_text){ url.data, i };
    }
    return url;
}

static clade_text page_query(draft *d)
{
    clade_text query = member(d, d->place[PLACE_PAGE], "search");
    if (query.size == 0) {
        const clade_text url = member(d, d->place[PLACE_PAGE], "url");
        if (url.size == 0) return query;
        const clade_text path = without_query(url);
        query                 = (clade_text){ path.data + path.size, url.size - path.size };
    }
    if (query.size > 0 && query.data[0] == '?') {
        query.data += 1;
        query.size -= 1;
    }
    return query;
}

static void page_and_campaign(draft *d)
{
    static const struct {
        const char *member, *parameter, *property;
    } campaign[] = {
        { "name", "utm_campaign", "campaign.name" },
        { "source", "utm_source", "campaign.source" },
        { "medium", "utm_medium", "campaign.medium" },
        { "term", "utm_term", "campaign.term" },
        { "content", "utm_content", "campaign.content" },
    };
    static const char *const search[] = { "q", "query", "search", "keyword", "s", "k" };
    const uint32_t           page     = d->place[PLACE_PAGE];
    clade_text               query    = { NULL, 0 };
    if (page != 0) {
        query = page_query(d);
        add(d, "page.path", without_query(member(d, page, "path")));
        add(d, "page.referrer", without_query(member(d, page, "referrer")));
        add(d, "page.title", member(d, page, "title"));
    }
    if (is_object(d, d->place[PLACE_CAMPAIGN])) {
        for (size_t i = 0; i < sizeof campaign / sizeof campaign[0]; i++)
            add(d, campaign[i].property, member(d, d->place[PLACE_CAMPAIGN], campaign[i].member));
    } else if (contains(query, "utm_")) {
        for (size_t i = 0; i < sizeof campaign / sizeof campaign[0]; i++)
            add(d, campaign[i].property, url_parameter(d, query, campaign[i].parameter));
    }
    if (d->event.kind != CLADE_LIVE_SEARCH) return;
    for (size_t i = 0; i < sizeof search / sizeof search[0] && d->event.query.size == 0; i++)
        d->event.query = url_parameter(d, query, search[i]);
}

/* ---------------------------------------------------------------- consent */

/* "true" and "false" of context.consent.categoryPreferences, or GRANTED and DENIED of GA4. */
static void consent(draft *d)
{
    uint32_t object = d->ga4 ? d->t->envelope[TOP_CONSENT] : 0;
    if (is_object(d, d->place[PLACE_CONSENT])) {
        CLADE_JSON_EACH_MEMBER(&d->t->tape, d->place[PLACE_CONSENT], key)
        {
            if (clade_text_equal(clade_json_tape_raw(&d->t->tape, key),
                                 CLADE_TEXT("categoryPreferences"))) {
                object = key + 1;
            }
        }
    }
    if (!is_object(d, object)) return;
    const size_t     n    = clade_json_tape_count(&d->t->tape, object);
    clade_live_pair *kept = CLADE_ARENA_NEW(d->t->arena, clade_live_pair, n);
    if (kept == NULL) {
        d->t->no_memory = true;
        return;
    }
    d->item->consent = kept;
    CLADE_JSON_EACH_MEMBER(&d->t->tape, object, key)
    {
        const clade_text said = clade__scalar(d, key + 1);
        const bool       yes  = clade_text_equal_nocase(said, CLADE_TEXT("true")) ||
                         clade_text_equal_nocase(said, CLADE_TEXT("granted"));
        const bool no = clade_text_equal_nocase(said, CLADE_TEXT("false")) ||
                        clade_text_equal_nocase(said, CLADE_TEXT("denied"));
        if (!yes && !no) {
            clade__note(d, CLADE_TRACKING_N_FIELD, CLADE_TEXT("consent"), said);
            continue;
        }
        kept[d->item->n_consent++] =
            (clade_live_pair){ clade__scalar(d, key),
                               yes ? CLADE_TEXT("true") : CLADE_TEXT("false") };
    }
}

void clade__context_read(draft *d)
{
    device_and_channel(d);
    consent(d);
    page_and_campaign(d);
    if (d->event.session.size == 0) d->event.session = clade__scalar(d, d->place[PLACE_SESSION]);
    add(d, "locale", clade__scalar(d, d->place[PLACE_LOCALE]));
    add(d, "timezone", clade__scalar(d, d->place[PLACE_TIMEZONE]));
    add(d, "group_id", clade__scalar(d, d->place[PLACE_GROUP_ID]));
    add(d, "os.name", member(d, d->place[PLACE_OS], "name"));
    add(d, "app.name", member(d, d->place[PLACE_APP], "name"));
    add(d, "app.version", member(d, d->place[PLACE_APP], "version"));
}

/* ---------------------------------------------------------------- traits */

/* "Hauptstraße 1, 50667 Köln, DE": the values of an address in their order. */
static clade_text address_of(draft *d, uint32_t cell)
{
    if (!is_object(d, cell)) return clade__scalar(d, cell);
    const clade_text raw  = clade_json_tape_raw(&d->t->tape, cell);
    char *const      text = clade_arena_alloc(d->t->arena, raw.size + 1, 1);
    size_t           n    = 0;
    if (text == NULL) {
        d->t->no_memory = true;
        return (clade_text){ NULL, 0 };
    }
    CLADE_JSON_EACH_MEMBER(&d->t->tape, cell, key)
    {
        const clade_text value = clade__scalar(d, key + 1);
        if (value.size == 0) continue;
        if (n > 0) {
            memcpy(text + n, ", ", 2);
            n += 2;
        }
        memcpy(text + n, value.data, value.size); /* with its key it was longer than with ", " */
        n += value.size;
    }
    return (clade_text){ text, n };
}

void clade__traits_read(draft *d, uint32_t traits, bool of_group)
{
    clade_text first = { NULL, 0 }, last = { NULL, 0 };
    if (!is_object(d, traits)) return;
    CLADE_JSON_EACH_MEMBER(&d->t->tape, traits, key)
    {
        const uint32_t value = key + 1;
        clade_text     name  = clade__scalar(d, key);
        if (of_group) { /* of a company, not of the person */
            const clade_text full = clade_text_of(
                clade_arena_format(d->t->arena, "group.%.*s", (int)name.size, name.data));
            clade__pair_value(d, &d->t->property, full, value);
            continue;
        }
        switch (clade__words_find(&d->t->words.trait, name)) {
        case TRAIT_NAME: d->event.person_name = clade__scalar(d, value); break;
        case TRAIT_FIRST_NAME: first = clade__scalar(d, value); break;
        case TRAIT_LAST_NAME: last = clade__scalar(d, value); break;
        case TRAIT_EMAIL: d->event.email = clade__scalar(d, value); break;
        case TRAIT_PHONE: d->event.phone = clade__scalar(d, value); break;
        case TRAIT_ADDRESS: d->event.address = address_of(d, value); break;
        default: clade__pair_value(d, &d->t->trait, name, value); break;
        }
    }
    if (d->event.person_name.size == 0 && first.size + last.size > 0) {
        d->event.person_name = clade_text_of(clade_arena_format(
            d->t->arena, "%.*s%s%.*s", (int)first.size, first.data == NULL ? "" : first.data,
            first.size > 0 && last.size > 0 ? " " : "", (int)last.size,
            last.data == NULL ? "" : last.data));
    }
}

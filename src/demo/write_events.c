/* events.csv: visits. Each order made on a screen is led up to by visits that look for it and by
 * one that fills the cart; between them come idle visits, which thin out long before orders do.
 * This is where the time goes (fifty rows a customer), so one 64-bit draw decides several small
 * things. */
#include "demo.h"

#include <math.h>

enum { ONE_IN_DUPLICATE = 300, ONE_IN_RETRY = 300 };

typedef enum visit_event {
    VIEW,
    SEARCH,
    CLICK,
    CART,
    UNCART,
    CHECKOUT,
    LOGIN,
    WISH,
    SHARE
} visit_event;
static const char *const event_names[] = {
    "view_item,",      "search,", "select_item,",     "add_to_cart,", "remove_from_cart,",
    "begin_checkout,", "login,",  "add_to_wishlist,", "share,",
};
enum { NO_ITEM = UINT32_MAX };

typedef struct visit {
    demo_worker       *worker;
    const demo_world  *world;
    const demo_person *person;
    clade_rng          rng;
    uint64_t           n_events, n_sessions;
    int64_t            t_ms; /* local, since the window's start */
    bool               anonymous;
    uint8_t            channel, device;
} visit;

/* "2024-11-10T16:03:12Z" */
static char *put_utc(char *p, const demo_world *world, int64_t local_ms)
{
    const int64_t utc_s  = local_ms / 1000 - DEMO_ZONE_S;
    const int64_t day    = utc_s < 0 ? -1 : utc_s / DEMO_DAY_S;
    const int64_t second = utc_s - day * DEMO_DAY_S;
    if (day >= 0) {
        p = put_bytes(p, world->day[day].text, 10);
    } else { /* the evening before the window, seen from Greenwich */
        const clade_civil civil = clade_civil_from_us((world->start_day + day) * CLADE_US_PER_DAY);
        p                       = put_char(put_digits(p, (uint64_t)civil.year, 4), '-');
        p                       = put_char(put_2(p, (unsigned)civil.month), '-');
        p                       = put_2(p, (unsigned)civil.day);
    }
    p = put_2(put_char(p, 'T'), (unsigned)(second / 3600));
    p = put_2(put_char(p, ':'), (unsigned)(second / 60 % 60));
    p = put_2(put_char(p, ':'), (unsigned)(second % 60));
    return put_char(p, 'Z');
}

/* The finaliser of SplitMix64: a bijection, so ids made of (customer, event) never meet. */
static uint64_t scramble(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static char *put_search_term(char *p, const visit *v, uint32_t item)
{
    const demo_item *const wanted   = &v->world->item[item];
    const demo_category   *category = &demo_categories[wanted->category];
    return put_text(p, v->person->foreign ? category->sub[wanted->sub].en
                                          : category->sub[wanted->sub].zh);
}

static void write_event(visit *v, visit_event kind, uint32_t item, unsigned dwell_s)
{
    const demo_world *const world = v->world;
    demo_rows *const        rows  = &v->worker->rows[DEMO_EVENTS];
    const uint64_t          id    = v->person->index << 20 | v->n_events++;
    if (v->t_ms < 0 || v->t_ms >= (int64_t)world->n_days * DEMO_DAY_S * 1000) return;
    if (v->n_events >= DEMO_MAX_EVENTS) return;

    char *p          = rows_open(rows);
    p                = put_char(put_hex(p, scramble(id ^ world->seed << 48), 16), ',');
    char *const time = p;
    p                = put_char(put_utc(p, world, v->t_ms), ',');
    if (!v->anonymous) p = put_uint(p, v->person->id);
    *p++ = ',';
    p    = put_text(p, event_names[kind]);
    if (item != NO_ITEM && kind != SEARCH) p = put_digits(put_char(p, 'P'), item + 1, 6);
    *p++ = ',';
    if (kind == SEARCH) p = put_search_term(p, v, item);
    *p++ = ',';
    *p++ = 'S';
    p    = put_char(put_hex(p,
                            ((v->person->index << 12 | v->n_sessions) * UINT64_C(0x5851F42D4C957F2D)) &
                                ((UINT64_C(1) << 44) - 1),
                            11),
                    ',');
    p    = put_char(put_text(p, demo_channels[v->channel]), ',');
    p    = put_char(put_text(p, demo_devices[v->device]), ',');
    if (dwell_s > 0) p = put_uint(p, dwell_s);
    const size_t time_at = (size_t)(time - (rows->failed ? rows->spill : rows->data));
    rows_close(rows, p, v->t_ms);
    v->worker->count.n_events++;
    v->worker->count.n_event_anonymous += v->anonymous;

    const uint64_t fault = clade_rng_below(&v->rng, ONE_IN_DUPLICATE * 2);
    if (fault == 0) {
        rows_repeat(rows, v->t_ms);
        v->worker->count.n_event_duplicates++;
        v->worker->count.n_event_anonymous += v->anonymous;
    } else if (fault <=
               2 * ONE_IN_DUPLICATE / ONE_IN_RETRY - 1) { /* sent again two seconds later */
        const size_t first = rows->failed ? 0 : rows->row[rows->n_rows - 1].start;
        rows_repeat(rows, v->t_ms + 2000);
        if (!rows->failed) {
            put_utc(rows->data + rows->row[rows->n_rows - 1].start + (time_at - first), world,
                    v->t_ms + 2000);
        }
        v->worker->count.n_event_retries++;
        v->worker->count.n_event_anonymous += v->anonymous;
    }
}

/* A pause of a person: seconds, mostly short. Leaves at least one second between events. */
static unsigned pause_s(visit *v, double mean_s)
{
    const double seconds = 1 + fmin(900, mean_s * clade_rng_exponential(&v->rng));
    v->t_ms += (int64_t)(seconds * 1000);
    return (unsigned)seconds;
}

static void visit_begin(visit *v, int64_t start_s, const demo_order *order)
{
    const uint64_t bits = clade_rng_u64(&v->rng);
    v->t_ms             = start_s * 1000 + (int64_t)(bits % 1000);
    v->channel          = order != NULL && order->channel < 3 ? order->channel
                          : v->person->channel < 3            ? v->person->channel
                                                              : (uint8_t)(bits >> 10 & 1);
    v->device           = v->channel == 1 && (bits >> 12 & 3) != 0 ? 2 : v->person->device;
    if (v->channel != 1 && v->device == 2) v->device = (uint8_t)(bits >> 14 & 1);
    v->anonymous = (bits >> 16 & 63) < (v->person->archetype == CLADE_DEMO_WINDOW_SHOPPER ? 14 : 6);
    v->n_sessions++;
}

static void log_in(visit *v)
{
    if (!v->anonymous) return;
    v->anonymous = false;
    write_event(v, LOGIN, NO_ITEM, 0);
    pause_s(v, 4);
}

static void view(visit *v, uint32_t item)
{
    const int64_t  at    = v->t_ms;
    const unsigned dwell = pause_s(v, 25);
    const int64_t  after = v->t_ms;
    v->t_ms              = at;
    write_event(v, VIEW, item, dwell);
    v->t_ms = after;
}

static int visit_day(const visit *v)
{
    const int64_t day = v->t_ms / (DEMO_DAY_S * 1000);
    return day < 0 ? 0 : day >= v->world->n_days ? v->world->n_days - 1 : (int)day;
}

/* Looking around; what is looked for, when it is known, is among what is seen. */
static void visit_look(visit *v, int64_t start_s, const demo_order *goal)
{
    visit_begin(v, start_s, goal);
    const uint64_t bits    = clade_rng_u64(&v->rng);
    const int      n_views = 1 + (int)(bits & 3) + ((bits & 12) == 12 ? 3 : 0);
    uint32_t       item    = 0;
    for (int i = 0; i < n_views; i++) {
        const bool sought = goal != NULL && i == n_views - 1;
        item              = sought ? goal->line[(bits >> 8) % goal->n_lines].item
                                   : demo__item_draw(v->world, v->person, visit_day(v), v->person->sale > 0.5,
                                                     &v->rng);
        if (i == 0 && (bits >> 16 & 3) == 0) {
            write_event(v, SEARCH, item, 0);
            pause_s(v, 5);
            write_event(v, CLICK, item, 0);
            pause_s(v, 1);
        }
        view(v, item);
    }
    if ((bits >> 20 & 15) == 0 && v->anonymous) log_in(v);
    if ((bits >> 24 & 15) == 0)
        write_event(v, WISH, item, 0);
    else if ((bits >> 24 & 63) == 17)
        write_event(v, SHARE, item, 0);
    else if ((bits >> 30 & 15) < (goal != NULL ? 5 : 1)) {
        write_event(v, CART, item, 0);
        pause_s(v, 20);
        if ((bits >> 40 & 1) == 0) write_event(v, UNCART, item, 0);
    }
}

/* The visit that ends in the order: its last event is the checkout, a moment before it. */
static void visit_buy(visit *v, const demo_order *order)
{
    const int64_t minutes = 4 + (int64_t)clade_rng_below(&v->rng, 25);
    visit_begin(v, order->at_s - minutes * 60, order);
    const uint64_t bits = clade_rng_u64(&v->rng);
    if ((bits & 3) == 0) {
        write_event(v, SEARCH, order->line[0].item, 0);
        pause_s(v, 5);
    }
    for (int k = 0; k < order->n_lines; k++) {
        if ((bits >> (8 + k) & 1) == 0) {
            view(v, demo__item_draw(v->world, v->person, visit_day(v), false, &v->rng));
        }
        view(v, order->line[k].item);
        write_event(v, CART, order->line[k].item, 0);
        pause_s(v, 3);
    }
    if (!order->guest) log_in(v);
    const int64_t checkout_ms = order->at_s * 1000 - 20000;
    if (v->t_ms < checkout_ms) v->t_ms = checkout_ms;
    write_event(v, CHECKOUT, NO_ITEM, 0);
}

/* Several pages a second for minutes, night after night. */
static void visit_as_bot(visit *v)
{
    const int n_nights = 2 + (int)clade_rng_below(&v->rng, 5);
    for (int night = 0; night < n_nights; night++) {
        const double first = fmax(0, v->person->registered_day);
        const double day   = first + (v->world->n_days - first) * clade_rng_uniform(&v->rng);
        const int    pages = 150 + (int)clade_rng_below(&v->rng, 700);
        visit_begin(v,
                    (int64_t)day * DEMO_DAY_S + 2 * 3600 + (int64_t)clade_rng_below(&v->rng, 7200),
                    NULL);
        v->anonymous = false;
        for (int i = 0; i < pages; i++) {
            write_event(v, VIEW, (uint32_t)clade_rng_below(&v->rng, v->world->n_items - 1), 0);
            v->t_ms += 150 + (int64_t)clade_rng_below(&v->rng, 200);
        }
    }
}

static void visit_idly(visit *v)
{
    const demo_person *const person = v->person;
    double                   day    = fmax(0, person->registered_day);
    while (v->n_sessions < DEMO_MAX_SESSIONS) {
        day += person->idle_days * clade_rng_exponential(&v->rng);
        if (!(day < v->world->n_days) || day > person->drop_day + 400) return;
        /* Interest in looking falls over twice the time, so that it is gone before the last order;
         * a few come back to look once in a while for ever. */
        const double interest =
            fmax(0.03, demo__person_interest(person, day, person->fade_days * 2));
        if (clade_rng_uniform(&v->rng) >= interest) continue;
        visit_look(v, demo__moment_s(v->world, person, day, &v->rng), NULL);
    }
}

void demo__write_events(demo_worker *worker, const demo_world *world, const demo_person *person)
{
    visit v = { .worker = worker,
                .world  = world,
                .person = person,
                .rng    = clade_rng_stream(world->seed, "demo/visit", person->index) };
    if (person->archetype == CLADE_DEMO_BOT) {
        visit_as_bot(&v);
        return;
    }
    for (int i = 0; i < worker->life.n_orders; i++) {
        const demo_order *const order = &worker->life.order[i];
        if (order->channel >= 3) continue; /* in the shop or by telephone */
        const uint64_t n_before = clade_rng_poisson(&v.rng, person->research);
        for (uint64_t k = 0; k < n_before && v.n_sessions < DEMO_MAX_SESSIONS; k++) {
            const double day =
                (double)order->at_s / DEMO_DAY_S - 0.2 - 5 * clade_rng_exponential(&v.rng);
            if (day > fmax(0, person->registered_day)) {
                visit_look(&v, demo__moment_s(world, person, day, &v.rng), order);
            }
        }
        if (v.n_sessions < DEMO_MAX_SESSIONS) visit_buy(&v, order);
    }
    visit_idly(&v);
}

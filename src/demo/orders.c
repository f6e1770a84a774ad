/* When a customer buys and what: a renewal process on the customer's clock, thinned while interest
 * fades, with the orders that campaigns cause in between; and the same process run ahead from a
 * reference moment, many times, for what could be expected. */
#include "demo.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_REJECT = 40, CANCELLED_PER_MILLE = 14 };

int64_t demo__moment_s(const demo_world *world, const demo_person *person, double day,
                       clade_rng *rng)
{
    const double whole = floor(day);
    double       hour  = person->hour + person->hour_spread * clade_rng_normal(rng);
    if (whole >= 0 && whole < world->n_days && world->day[(int)whole].eleven_eleven &&
        clade_rng_below(rng, 3) == 0) {
        hour = 0.6 * clade_rng_exponential(rng); /* the sale opens at midnight */
    }
    hour -= 24 * floor(hour / 24);
    return (int64_t)(whole * DEMO_DAY_S + hour * 3600);
}

/* Now and then life comes between: a pause of some gaps, or, for a subscriber, a delivery skipped.
 */
static double draw_gap(const demo_person *person, clade_rng *rng)
{
    const double gap   = person->gap_days * clade_rng_gamma(rng, person->shape) / person->shape;
    const double pause = clade_rng_uniform(rng);
    if (person->n_standing > 0) return pause < 0.05 ? 2 * gap : gap;
    return pause < 0.08 ? gap * (2 + 50 * pause) : gap;
}

/* The first order, at or after signing up; INFINITY when there is none. */
static double first_order_day(const demo_world *world, const demo_person *person, clade_rng *rng)
{
    if (person->max_orders == 0) return (double)INFINITY;
    if (clade_rng_uniform(rng) < person->p_first) {
        return person->registered_day +
               (clade_rng_below(rng, 3) == 0 ? clade_rng_exponential(rng) * 6 : 0);
    }
    return demo__clock_advance(world, person->clock, person->registered_day,
                               person->gap_days * clade_rng_exponential(rng));
}

/* Orders of the person's own accord; those before the window are lived through and not kept. */
static int draw_own_orders(demo_order *order, const demo_world *world, const demo_person *person,
                           clade_rng *rng)
{
    int    n = 0, n_kept = 0;
    double day = first_order_day(world, person, rng);
    while (n < person->max_orders && day < world->n_days && day < person->drop_day) {
        const bool wanted = n == 0 || clade_rng_uniform(rng) <
                                          demo__person_interest(person, day, person->fade_days);
        const int64_t at_s = demo__moment_s(world, person, day, rng);
        if (wanted && day >= 0) {
            order[n_kept++] = (demo_order){ .at_s = at_s, .campaign = -1 };
        }
        n += wanted;
        day = demo__clock_advance(world, person->clock, day, draw_gap(person, rng));
    }
    return n_kept;
}

/* Even campaigns are decided by a coin; odd ones send more texts to those who bought lately, which
 * is why the propensity is written down. */
static void arm_chances(double out[DEMO_N_ARM], int campaign, bool bought_lately)
{
    static const double coin[DEMO_N_ARM] = { .34, .33, .33 }, warm[DEMO_N_ARM] = { .20, .30, .50 },
                        cold[DEMO_N_ARM] = { .20, .70, .10 };
    memcpy(out, campaign % 2 == 0 ? coin : bought_lately ? warm : cold, sizeof coin);
}

static double contact_chance(const demo_person *person)
{
    return person->archetype == CLADE_DEMO_BOT || person->archetype == CLADE_DEMO_STAFF ? 0 : 0.12;
}

static bool bought_between(const demo_order *order, int n, int64_t from_s, int64_t to_s)
{
    for (int i = 0; i < n; i++) {
        if (order[i].at_s >= from_s && order[i].at_s < to_s) return true;
    }
    return false;
}

static void draw_touches(demo_life *life, const demo_world *world, const demo_person *person,
                         clade_rng *rng)
{
    for (int c = 0; c < world->n_months; c++) {
        const double  day = world->campaign_day[c];
        const int64_t at_s =
            (int64_t)day * DEMO_DAY_S + 10 * 3600 + (int64_t)clade_rng_below(rng, 1800);
        if (day < person->registered_day || clade_rng_uniform(rng) >= contact_chance(person))
            continue;

        double     chance[DEMO_N_ARM];
        const bool lately =
            bought_between(life->order, life->n_orders, at_s - 90 * DEMO_DAY_S, at_s);
        double rest = clade_rng_uniform(rng);
        int    arm  = 0;
        arm_chances(chance, c, lately);
        while (arm + 1 < DEMO_N_ARM && (rest -= chance[arm]) >= 0)
            arm++;
        const double effect = demo__effect(person, arm, day);
        if (clade_rng_uniform(rng) < effect && life->n_orders < DEMO_MAX_ORDERS) {
            const double later = day + 0.5 + fmin(12, 2.5 * clade_rng_exponential(rng));
            if (later < world->n_days) {
                life->order[life->n_orders++] =
                    (demo_order){ .at_s     = demo__moment_s(world, person, later, rng),
                                  .campaign = (int16_t)c };
            }
        }
        life->touch[life->n_touches++] = (demo_touch){ .campaign   = (int16_t)c,
                                                       .arm        = (uint8_t)arm,
                                                       .propensity = chance[arm],
                                                       .effect     = effect,
                                                       .at_s       = at_s };
    }
    for (int i = 0; i < life->n_touches; i++) {
        const int64_t at_s = life->touch[i].at_s;
        life->touch[i].bought =
            bought_between(life->order, life->n_orders, at_s, at_s + 14 * DEMO_DAY_S);
    }
}

/* An item by taste: half from the favourites, half from what everybody buys; price tier around the
 * person's own; popular items first; the favourite brand gets a second look. */
uint32_t demo__item_draw(const demo_world *world, const demo_person *person, int day,
                         bool want_sale, clade_rng *rng)
{
    uint32_t item = 0;
    for (int attempt = 0; attempt < 4; attempt++) {
        const uint64_t bits = clade_rng_u64(rng);
        const double   u    = (double)(bits >> 40) * 0x1p-24;
        int            c    = person->favourite[(bits & 3) == 3 ? 0 : bits & 3];
        if ((bits >> 2 & 15) < 5) {
            double rest = (double)(bits >> 8 & 0xFFFF) * 0x1p-16;
            for (c = 0; c + 1 < DEMO_N_CATEGORY && (rest -= demo_categories[c].share) >= 0;)
                c++;
        }
        const int    about = (int)(bits >> 26 & 15); /* 2 below, 11 at, 3 above */
        const double tier  = person->tier +
                            (about < 2    ? -1
                             : about > 12 ? 1
                                          : 0) +
                            (double)(bits >> 30 & 0xFF) * 0x1p-8 - 0.5;
        const int    t    = (int)fmin(DEMO_N_TIER - 1, fmax(0, floor(tier + 0.5)));
        const double rank = world->cell_size * (u * u * (0.8 + 0.2 * u)); /* about u^2.2 */
        item              = (uint32_t)(c * DEMO_N_TIER + t) * world->cell_size + (uint32_t)rank;
        if (world->item[item].listed_day > day) continue;
        if (want_sale && demo__item_sale(world, item, day) == 0) continue;
        if (attempt == 0 && !want_sale && world->item[item].brand != person->brand &&
            (bits & 0x40) != 0)
            continue;
        break;
    }
    /* Rank 0 is in the catalogue from the start. */
    return world->item[item].listed_day > day ? item - item % world->cell_size : item;
}

static int64_t rounded_share(int64_t minor, int64_t numerator, int64_t denominator)
{
    return (minor * numerator + denominator / 2) / denominator;
}

static void price_line(demo_line *line, const demo_world *world, const demo_person *person,
                       const demo_order *order, int day)
{
    const demo_item *const item = &world->item[line->item];
    int64_t                off  = demo__item_sale(world, line->item, day);
    if (person->quantity_max > 2) off += line->quantity >= 10 ? 8 : 0; /* bulk rebate */
    if (order->coupon == DEMO_COUPON_WELCOME && off < 20) off = 20;
    if (order->coupon == DEMO_COUPON_CAMPAIGN && off < 10) off = 10;
    if (order->coupon == DEMO_COUPON_STAFF) off = 50;
    line->price_minor    = person->foreign ? item->price_usd : item->price_cny;
    line->discount_minor = rounded_share(line->price_minor * line->quantity, off, 100);
}

static bool has_item(const demo_order *order, uint32_t item)
{
    for (int k = 0; k < order->n_lines; k++) {
        if (order->line[k].item == item) return true;
    }
    return false;
}

static void fill_basket(demo_order *order, const demo_world *world, const demo_person *person,
                        clade_rng *rng)
{
    const int  day      = (int)(order->at_s / DEMO_DAY_S);
    const bool standing = person->n_standing > 0 && clade_rng_below(rng, 100) < 92;
    uint64_t   wanted   = 1 + clade_rng_poisson(rng, person->lines);
    if (order->test) wanted = 1;
    if (standing) wanted = person->n_standing;
    if (world->day[day].eleven_eleven) wanted += clade_rng_below(rng, 3);

    for (uint64_t k = 0; k < wanted && k < DEMO_MAX_LINES; k++) {
        const bool want_sale = clade_rng_uniform(rng) < person->sale;
        demo_line  line      = { .quantity = 1 };
        line.item            = order->test ? world->n_items - 1
                               : standing && k < person->n_standing
                                   ? person->standing[k]
                                   : demo__item_draw(world, person, day, want_sale, rng);
        if (has_item(order, line.item)) continue;
        if (person->quantity_max > 2) {
            line.quantity = 2 + (int32_t)(clade_rng_exponential(rng) * 6);
            if (line.quantity > 200) line.quantity = 200;
        } else if (clade_rng_below(rng, 8) == 0) {
            line.quantity = 2 + (int32_t)clade_rng_below(rng, 3);
        }
        price_line(&line, world, person, order, day);
        const double back =
            person->refund * demo_categories[world->item[line.item].category].refund;
        if (!order->test && clade_rng_uniform(rng) < fmin(0.85, back)) {
            line.refund_s = (int32_t)((2 + clade_rng_gamma(rng, 2) * 4) * DEMO_DAY_S);
        }
        order->line[order->n_lines++] = line;
    }
}

static void finish_order(demo_order *order, const demo_world *world, const demo_person *person,
                         bool first, clade_rng *rng)
{
    const uint64_t way = clade_rng_below(rng, 100);
    order->channel     = way < 78 ? person->channel : (uint8_t)(way % 5);
    order->test        = person->archetype == CLADE_DEMO_STAFF && way < 30;
    order->cancelled   = !order->test && clade_rng_below(rng, 1000) < CANCELLED_PER_MILLE;
    /* A guest checkout is tied to nobody: the customer is known to have bought, not the shop. */
    order->guest = person->archetype == CLADE_DEMO_ONE_TIMER && clade_rng_below(rng, 100) < 18;
    if (person->archetype == CLADE_DEMO_STAFF)
        order->coupon = DEMO_COUPON_STAFF;
    else if (order->campaign >= 0)
        order->coupon = DEMO_COUPON_CAMPAIGN;
    else if (person->ring >= 0 || (first && person->registered_day >= 0 && way % 3 == 0))
        order->coupon = DEMO_COUPON_WELCOME;
    fill_basket(order, world, person, rng);
}

static int compare_orders(const void *a, const void *b)
{
    const int64_t x = ((const demo_order *)a)->at_s, y = ((const demo_order *)b)->at_s;
    return (x > y) - (x < y);
}

void demo__life_draw(demo_life *out_life, const demo_world *world, const demo_person *person)
{
    clade_rng rng       = clade_rng_stream(world->seed, "demo/order", person->index);
    out_life->n_orders  = draw_own_orders(out_life->order, world, person, &rng);
    out_life->n_touches = 0;
    draw_touches(out_life, world, person, &rng);
    qsort(out_life->order, (size_t)out_life->n_orders, sizeof out_life->order[0], compare_orders);

    int n = 0;
    for (int i = 0; i < out_life->n_orders; i++) {
        demo_order *const order = &out_life->order[i];
        if (order->at_s >= (int64_t)world->n_days * DEMO_DAY_S || order->at_s < 0) continue;
        finish_order(order, world, person, i == 0, &rng);
        if (order->n_lines > 0) out_life->order[n++] = *order;
    }
    out_life->n_orders = n;
}

int64_t demo__order_value(const demo_world *world, const demo_order *order, int line, bool foreign,
                          int64_t at_s)
{
    const demo_line *const one   = &order->line[line];
    const int64_t          total = one->price_minor * one->quantity - one->discount_minor;
    return foreign ? rounded_share(total, world->day[at_s / DEMO_DAY_S].rate_e4, 10000) : total;
}

/* CNY that a usual order of this person brings after what is sent back: exact but for the factors
 * named below, which were measured; a tenth off at most for the usual archetypes. */
static double mean_order(const demo_world *world, const demo_person *person)
{
    double sum = 0;
    if (person->n_standing > 0) {
        for (int k = 0; k < person->n_standing; k++) {
            sum += (double)world->item[person->standing[k]].price_cny / 100;
        }
        return sum * 1.03 * (1 - person->refund * 0.5); /* doubles less sales, single lines */
    }
    for (int c = 0; c < DEMO_N_CATEGORY; c++) {
        double share = demo_categories[c].share * 5 / 16;
        for (int k = 0; k < 3; k++)
            share += person->favourite[k] == c ? (k == 0 ? 0.5 : 0.25) * 11 / 16 : 0;
        const double keep = 1 - fmin(0.85, person->refund * demo_categories[c].refund);
        for (int about = 0; about < 16; about++) {
            const double tier = person->tier + (about < 2 ? -1 : about > 12 ? 1 : 0);
            const int    t    = (int)fmin(DEMO_N_TIER - 1, fmax(0, floor(tier + 0.5)));
            sum += share / 16 * keep * world->cell_price[c * DEMO_N_TIER + t];
        }
    }
    /* 0.9: sales that everybody meets, and lines that fall on an item already in the basket. */
    const double quantity = person->quantity_max > 2 ? 6.8 : 1.25;
    return sum * (1 + person->lines) * quantity * 0.9 * (1 - 0.1 * person->sale);
}

/* Orders of one simulated future in [from, from + horizon), given what the person knows. */
static int run_ahead(const demo_world *world, const demo_person *person, double last, int n_done,
                     int from, clade_rng *rng)
{
    demo_person one = *person;
    double      day = 0;
    if (isfinite(person->life_days)) {
        one.drop_day = from + clade_rng_exponential(rng) * person->life_days;
        if (person->archetype == CLADE_DEMO_NEW_ARRIVAL && !person->stays)
            one.drop_day = person->drop_day;
    }
    /* The gap under way is longer than the time since the last order; beyond the window is
     * INFINITY. */
    bool known = false;
    for (int i = 0; i < MAX_REJECT && isfinite(last) && !known; i++) {
        day   = demo__clock_advance(world, one.clock, last, draw_gap(&one, rng));
        known = day >= from;
    }
    if (!known) {
        const double scale = isfinite(last) ? fmin(one.shape, 3) : 1;
        day                = demo__clock_advance(world, one.clock, from,
                                                 one.gap_days / scale * clade_rng_exponential(rng));
    }

    int n = 0;
    while (n_done + n < one.max_orders && day < from + CLADE_DEMO_HORIZON_DAYS &&
           day < one.drop_day) {
        n += clade_rng_uniform(rng) < demo__person_interest(&one, day, one.fade_days);
        day = demo__clock_advance(world, one.clock, day, draw_gap(&one, rng));
    }
    return n;
}

/* What campaigns of the horizon are expected to add. */
static double expected_from_campaigns(const demo_world *world, const demo_person *person, int from)
{
    double sum = 0;
    for (int c = 0; c < world->n_months; c++) {
        const int day = world->campaign_day[c];
        double    chance[DEMO_N_ARM];
        if (day < from || day >= from + CLADE_DEMO_HORIZON_DAYS) continue;
        arm_chances(chance, c, true);
        for (int arm = 1; arm < DEMO_N_ARM; arm++) {
            sum += contact_chance(person) * chance[arm] * demo__effect(person, arm, day);
        }
    }
    return sum;
}

void demo__future_draw(demo_future *out_future, const demo_world *world, const demo_person *person,
                       const demo_life *life, int reference)
{
    const int     reference_day = world->reference_day[reference];
    clade_rng     rng           = clade_rng_stream(world->seed, "demo/future",
                                                   person->index * CLADE_DEMO_N_REFERENCE + (uint64_t)reference);
    const int64_t from_s        = (int64_t)reference_day * DEMO_DAY_S;
    const int64_t to_s          = from_s + (int64_t)CLADE_DEMO_HORIZON_DAYS * DEMO_DAY_S;
    demo_future   future        = { 0 };
    double        last          = (double)INFINITY;
    int           n_done        = 0;

    for (int i = 0; i < life->n_orders; i++) {
        const demo_order *const order = &life->order[i];
        if (order->at_s < from_s) {
            last = (double)order->at_s / DEMO_DAY_S;
            n_done++;
        }
        if (order->guest || order->cancelled || order->test) continue; /* not on this account */
        future.n_orders += order->at_s >= from_s && order->at_s < to_s;
        for (int k = 0; k < order->n_lines; k++) {
            const int64_t back_s = order->at_s + order->line[k].refund_s;
            if (order->at_s >= from_s && order->at_s < to_s) {
                future.spend_minor +=
                    demo__order_value(world, order, k, person->foreign, order->at_s);
            }
            if (order->line[k].refund_s > 0 && back_s >= from_s && back_s < to_s) {
                future.spend_minor -=
                    demo__order_value(world, order, k, person->foreign, order->at_s);
            }
        }
    }

    if (person->drop_day > reference_day && person->max_orders > 0) {
        int n = 0;
        for (int path = 0; path < DEMO_N_FUTURE_PATH; path++) {
            n += run_ahead(world, person, last, n_done, reference_day, &rng);
        }
        future.expected_orders =
            (double)n / DEMO_N_FUTURE_PATH + expected_from_campaigns(world, person, reference_day);
        future.expected_spend = future.expected_orders * mean_order(world, person);
    }
    *out_future = future;
}

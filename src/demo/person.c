/* The hidden person behind a customer: who they are, drawn from index and seed alone, so that any
 * customer can be asked about any other (an inviter, a fellow of a ring) without remembering all.
 */
#include "demo.h"

#include <math.h>

typedef struct archetype_law {
    const char *name;
    double      share;               /* of customers; rings are placed apart */
    double      gap_days, gap_sigma; /* median of the personal gap, and its spread as a lognormal */
    double      shape_low, shape_high; /* regularity: 1 is a Poisson process, 300 a clockwork */
    double      life_days;             /* mean time to dropping out; 0 for never */
    demo_clock  clock;
    double      p_first;      /* chance that signing up is followed by an order at once */
    double      lines, tier;  /* mean lines beyond the first; mean price tier */
    double      sale, refund; /* chance to look for a discount; chance that a line comes back */
    double      research;     /* mean visits before the one that buys */
    double      idle_days;    /* mean days between visits that lead nowhere */
    double      hour;         /* of the day they shop at */
    double      effect[DEMO_N_ARM]; /* chance that a contact causes an order */
} archetype_law;

static const archetype_law laws[CLADE_DEMO_N_ARCHETYPE] = {
    { "loyal",
      .09,
      46,
      .55,
      1.2,
      4,
      480,
      DEMO_CLOCK_EVERYDAY,
      .9,
      1.2,
      2,
      .15,
      .05,
      .6,
      24,
      20,
      { 0, .015, .02 } },
    { "big_ticket",
      .06,
      190,
      .5,
      1,
      3,
      900,
      DEMO_CLOCK_EVERYDAY,
      .7,
      .3,
      3.7,
      .1,
      .06,
      3,
      50,
      20.5,
      { 0, .004, .006 } },
    { "bargain",
      .14,
      100,
      .6,
      1,
      1.6,
      480,
      DEMO_CLOCK_SALE,
      .6,
      1.5,
      1.4,
      .95,
      .07,
      1.2,
      32,
      21.5,
      { 0, .1, .14 } },
    { "gift",
      .12,
      115,
      .5,
      1,
      1.5,
      700,
      DEMO_CLOCK_GIFT,
      .6,
      1.2,
      2.5,
      .3,
      .05,
      1,
      80,
      20,
      { 0, .02, .03 } },
    { "new_arrival",
      .12,
      48,
      .55,
      1,
      3,
      450,
      DEMO_CLOCK_EVERYDAY,
      .85,
      .9,
      1.9,
      .35,
      .06,
      .9,
      26,
      20,
      { 0, .05, .07 } },
    { "subscriber",
      .045,
      30,
      0,
      200,
      400,
      520,
      DEMO_CLOCK_PLAIN,
      1,
      0,
      1.7,
      .05,
      .01,
      .1,
      80,
      9,
      { 0, 0, 0 } },
    { "one_timer",
      .24,
      140,
      .5,
      1,
      1,
      220,
      DEMO_CLOCK_EVERYDAY,
      .95,
      .5,
      1.7,
      .5,
      .07,
      .6,
      60,
      20,
      { 0, .015, .025 } },
    { "fading",
      .085,
      40,
      .5,
      1.3,
      4,
      0,
      DEMO_CLOCK_EVERYDAY,
      .9,
      1.1,
      2,
      .2,
      .06,
      .7,
      20,
      20,
      { 0, .03, .05 } },
    { "business",
      .018,
      30,
      .6,
      1.2,
      3,
      900,
      DEMO_CLOCK_OFFICE,
      .9,
      3,
      1.6,
      .1,
      .03,
      .3,
      60,
      11,
      { 0, 0, .005 } },
    { "window_shopper",
      .07,
      420,
      .4,
      1,
      1,
      700,
      DEMO_CLOCK_EVERYDAY,
      .1,
      .2,
      2.6,
      .4,
      .08,
      1.6,
      8,
      22,
      { 0, .02, .03 } },
    { "ring", 0, 6, .3, 1, 2, 40, DEMO_CLOCK_PLAIN, 1, .4, 2.6, .3, .03, .1, 90, 2, { 0, .3, .3 } },
    { "refund_abuser",
      .006,
      26,
      .4,
      1.2,
      3,
      500,
      DEMO_CLOCK_EVERYDAY,
      1,
      1.6,
      2.9,
      .2,
      .68,
      1,
      25,
      21,
      { 0, .03, .03 } },
    { "bot", .0015, 0, 0, 1, 1, 0, DEMO_CLOCK_PLAIN, 0, 0, 2, 0, 0, 0, 45, 4, { 0, 0, 0 } },
    { "staff",
      .0015,
      35,
      .4,
      1,
      3,
      0,
      DEMO_CLOCK_OFFICE,
      1,
      .8,
      2,
      .1,
      .04,
      .3,
      2,
      14,
      { 0, 0, 0 } },
};

const char *clade_demo_archetype_name(clade_demo_archetype archetype)
{
    assert(archetype < CLADE_DEMO_N_ARCHETYPE);
    return laws[archetype].name;
}

demo_ring demo__ring_draw(const demo_world *world, uint64_t ring)
{
    clade_rng rng  = clade_rng_stream(world->seed, "demo/ring", ring);
    demo_ring made = { 0 };
    made.size      = 5 + (int)clade_rng_below(&rng, 8);
    made.start_day = (int)clade_rng_below(&rng, (uint64_t)world->n_days - 40);
    made.street    = (uint8_t)clade_rng_below(&rng, 6);
    made.city      = (uint8_t)clade_rng_below(&rng, 16);
    made.house     = 1 + (int)clade_rng_below(&rng, 400);
    made.device_id = clade_rng_u64(&rng);
    return made;
}

static clade_demo_archetype draw_archetype(clade_rng *rng)
{
    double total = 0;
    for (int a = 0; a < CLADE_DEMO_N_ARCHETYPE; a++)
        total += laws[a].share;
    double rest = clade_rng_uniform(rng) * total;
    for (int a = 0; a < CLADE_DEMO_N_ARCHETYPE; a++) {
        rest -= laws[a].share;
        if (rest < 0) return (clade_demo_archetype)a;
    }
    return CLADE_DEMO_ONE_TIMER;
}

static void draw_time(demo_person *person, const demo_world *world, clade_rng *rng)
{
    const archetype_law *law   = &laws[person->archetype];
    const double         whole = world->n_days, u = clade_rng_uniform(rng);
    person->registered_day = -DEMO_BURN_DAYS + (whole + DEMO_BURN_DAYS - 3) * pow(u, 0.8);
    if (person->archetype == CLADE_DEMO_NEW_ARRIVAL) {
        person->registered_day = whole * 0.66 + (whole * 0.34 - 3) * u;
    }

    person->life_days = law->life_days > 0 ? law->life_days : (double)INFINITY;
    person->fade_days = 15 + 20 * clade_rng_uniform(rng);
    person->drop_day  = person->registered_day + clade_rng_exponential(rng) * person->life_days;
    if (person->archetype == CLADE_DEMO_FADING) {
        const double first = fmax(60, person->registered_day + 90);
        person->life_days  = (double)INFINITY; /* the moment is set, not drawn again */
        person->fade_days  = 60 + 90 * clade_rng_uniform(rng);
        person->drop_day   = first + (fmax(whole, first) + 60 - first) * clade_rng_uniform(rng);
    }
}

/* New arrivals that do not stay, one-timers and rings run out of orders; others out of interest. */
static void draw_rhythm(demo_person *person, clade_rng *rng)
{
    static const double  periods[] = { 14, 28, 30, 30, 42, 56, 60, 84 };
    const archetype_law *law       = &laws[person->archetype];
    person->clock                  = law->clock;
    person->gap_days               = law->gap_days * exp(law->gap_sigma * clade_rng_normal(rng));
    person->shape   = law->shape_low + (law->shape_high - law->shape_low) * clade_rng_uniform(rng);
    person->p_first = law->p_first;
    person->max_orders = DEMO_MAX_ORDERS * 3 / 4; /* room for orders that campaigns cause */
    person->research   = law->research;
    person->idle_days  = law->idle_days * exp(0.4 * clade_rng_normal(rng));
    switch (person->archetype) {
    case CLADE_DEMO_SUBSCRIBER: person->gap_days = periods[clade_rng_below(rng, 8)]; break;
    case CLADE_DEMO_ONE_TIMER: person->max_orders = clade_rng_below(rng, 4) == 0 ? 2 : 1; break;
    case CLADE_DEMO_RING: person->max_orders = 1 + (int)clade_rng_below(rng, 4); break;
    case CLADE_DEMO_BOT: person->max_orders = 0; break;
    case CLADE_DEMO_NEW_ARRIVAL:
        person->stays = clade_rng_below(rng, 100) < 47;
        if (!person->stays) {
            person->max_orders = clade_rng_below(rng, 4) == 0 ? 2 : 1;
            person->drop_day   = fmin(person->drop_day, person->registered_day + 40);
            person->idle_days *= 2;
        }
        break;
    default: break;
    }
}

static void draw_taste(demo_person *person, const demo_world *world, clade_rng *rng)
{
    static const uint8_t bulk[3] = { 10, 6, 0 }, gadgets[3] = { 8, 7, 5 }; /* categories */
    const archetype_law *law = &laws[person->archetype];
    person->lines            = law->lines * exp(0.45 * clade_rng_normal(rng));
    person->tier             = fmin(4, fmax(0, law->tier + 0.75 * clade_rng_normal(rng)));
    person->sale             = law->sale;
    person->refund           = law->refund;
    person->brand            = (uint8_t)clade_rng_below(rng, DEMO_N_BRAND);
    person->quantity_max     = person->archetype == CLADE_DEMO_BUSINESS ? 40 : 2;
    for (int k = 0; k < 3; k++) {
        double rest = clade_rng_uniform(rng);
        int    c    = 0;
        while (c + 1 < DEMO_N_CATEGORY && (rest -= demo_categories[c].share) >= 0)
            c++;
        person->favourite[k] = (uint8_t)c;
    }
    if (person->archetype == CLADE_DEMO_BUSINESS) memcpy(person->favourite, bulk, 3);
    if (person->archetype == CLADE_DEMO_BIG_TICKET) memcpy(person->favourite, gadgets, 2);
    if (person->archetype == CLADE_DEMO_SUBSCRIBER) {
        static const uint8_t replenished[6] = { 0, 0, 1, 2, 2, 11 };
        const uint8_t        c              = replenished[clade_rng_below(rng, 6)];
        memset(person->favourite, c, 3);
        person->n_standing = (uint8_t)(1 + clade_rng_below(rng, 3));
        for (int k = 0; k < person->n_standing; k++) {
            const uint32_t cell = c * (uint32_t)DEMO_N_TIER + 1 + (uint32_t)clade_rng_below(rng, 3);
            const uint32_t part = world->cell_size / 9; /* apart, and of the old third */
            person->standing[k] =
                cell * world->cell_size + (uint32_t)k * part + (uint32_t)clade_rng_below(rng, part);
        }
    }
}

static void draw_habit(demo_person *person, clade_rng *rng)
{
    const archetype_law *law = &laws[person->archetype];
    const uint64_t       way = clade_rng_below(rng, 100);
    person->hour             = law->hour + 2.5 * clade_rng_normal(rng);
    person->hour_spread      = 1.2 + 1.5 * clade_rng_uniform(rng);
    person->channel          = way < 38 ? 0 : way < 70 ? 1 : way < 88 ? 2 : way < 97 ? 3 : 4;
    person->device           = (uint8_t)clade_rng_below(rng, 4);
    if (person->channel == 0 && person->device > 1) person->device = (uint8_t)(person->device & 1);
    if (person->archetype == CLADE_DEMO_BUSINESS) person->channel = way < 70 ? 1 : 4;
    if (person->archetype == CLADE_DEMO_BOT) {
        person->channel = 1;
        person->device  = 2;
    }
    person->foreign = clade_rng_below(rng, 100) < 13 && person->ring < 0;
}

/* About one customer in eight was invited. An inviter is anybody who had signed up before; people
 * bring people like themselves, so the guest takes over a favourite. */
static void draw_inviter(demo_person *person, const demo_world *world, clade_rng *rng)
{
    if (person->ring >= 0) {
        const uint64_t head = (uint64_t)person->ring * DEMO_RING_SPAN;
        person->invited     = person->index != head;
        person->inviter     = head;
        return;
    }
    if (clade_rng_below(rng, 8) != 0) return;
    for (int attempt = 0; attempt < 4; attempt++) {
        const uint64_t j         = clade_rng_below(rng, world->n_customers);
        clade_rng      other_rng = clade_rng_stream(world->seed, "demo/person", j);
        demo_person    other     = { .index = j, .ring = -1 };
        if (j == person->index || j % DEMO_RING_SPAN < 16) continue;
        other.archetype = draw_archetype(&other_rng);
        if (other.archetype == CLADE_DEMO_BOT || other.archetype == CLADE_DEMO_STAFF) continue;
        draw_time(&other, world, &other_rng);
        if (other.registered_day > person->registered_day - 1) continue;
        draw_rhythm(&other, &other_rng);
        draw_taste(&other, world, &other_rng);
        person->invited      = true;
        person->inviter      = j;
        person->favourite[0] = other.favourite[0];
        return;
    }
}

void demo__person_draw(demo_person *out_person, const demo_world *world, uint64_t index)
{
    clade_rng      rng    = clade_rng_stream(world->seed, "demo/person", index);
    demo_person    person = { .index = index, .ring = -1 };
    const uint64_t span   = index / DEMO_RING_SPAN;
    person.id             = demo__customer_id(world, index);
    person.archetype      = draw_archetype(&rng);

    if (index % DEMO_RING_SPAN < 16) {
        const demo_ring ring = demo__ring_draw(world, span);
        if (index % DEMO_RING_SPAN < (uint64_t)ring.size &&
            span * DEMO_RING_SPAN + (uint64_t)ring.size <= world->n_customers) {
            person.archetype = CLADE_DEMO_RING;
            person.ring      = (int64_t)span;
        }
    }
    draw_time(&person, world, &rng);
    if (person.ring >= 0) {
        const demo_ring ring  = demo__ring_draw(world, span);
        person.registered_day = ring.start_day + (double)(index % DEMO_RING_SPAN) * 1.1;
        person.drop_day       = person.registered_day + person.life_days;
    }
    draw_rhythm(&person, &rng);
    draw_taste(&person, world, &rng);
    draw_habit(&person, &rng);
    draw_inviter(&person, world, &rng);
    *out_person = person;
}

double demo__person_interest(const demo_person *person, double day, double span)
{
    return fmin(1, fmax(0, (person->drop_day - day) / span));
}

double demo__effect(const demo_person *person, int arm, double day)
{
    if (day < person->registered_day) return 0;
    return laws[person->archetype].effect[arm] *
           demo__person_interest(person, day, person->fade_days);
}

/* customers.csv, invitations.csv, campaigns.csv, and the truth about people. */
#include "demo.h"

#include <math.h>

static char *put_day(char *p, const demo_world *world, double day)
{
    const clade_civil civil =
        clade_civil_from_us((world->start_day + (int64_t)floor(day)) * CLADE_US_PER_DAY);
    p = put_char(put_digits(p, (uint64_t)civil.year, 4), '-');
    p = put_char(put_2(p, (unsigned)civil.month), '-');
    return put_2(p, (unsigned)civil.day);
}

/* "2024-03-05T10:00:12+08:00" */
static char *put_moment(char *p, const demo_world *world, int64_t at_s)
{
    const int64_t second = at_s % DEMO_DAY_S;
    p                    = put_bytes(p, world->day[at_s / DEMO_DAY_S].text, 10);
    p                    = put_2(put_char(p, 'T'), (unsigned)(second / 3600));
    p                    = put_2(put_char(p, ':'), (unsigned)(second / 60 % 60));
    p                    = put_2(put_char(p, ':'), (unsigned)(second % 60));
    return put_bytes(p, "+08:00", 6);
}

/* Nobody's: the top-level domain .example is reserved (RFC 2606; example.com itself reads as a test
 * account), and no mobile number starts with 100. One staff account in four is there for tests. */
static char *put_contact(char *p, const demo_person *person, uint64_t bits)
{
    static const char *const hosts[]   = { "mail.example", "post.example", "inbox.example",
                                           "mail.example" };
    const demo_word *const   surname   = &demo_surnames[bits % 24];
    const demo_word *const   given     = &demo_given_names[bits >> 8 & 31];
    const char *const        family_en = demo_foreign_family[bits % 24];
    const char *const        given_en  = demo_foreign_given[(bits >> 8) % 24];
    const bool               staff     = person->archetype == CLADE_DEMO_STAFF;
    const bool               tester    = staff && person->id % 4 == 0;
    if (tester)
        p = put_text(p, "测试用户");
    else if (person->foreign)
        p = put_text(put_char(put_text(p, given_en), ' '), family_en);
    else
        p = put_text(put_text(p, surname->zh), given->zh);
    *p++ = ',';

    if ((bits >> 16 & 31) != 0 || staff) { /* one in 32 gave no e-mail */
        p = put_text(p, tester ? "test+" : person->foreign ? given_en : given->en);
        p = put_text(put_char(p, '.'), person->foreign ? family_en : surname->en);
        p = put_char(put_uint(p, person->id % 100000), '@');
        p = put_text(p, staff ? "staff.demo-shop.example" : hosts[bits >> 22 & 3]);
    }
    *p++ = ',';
    if ((bits >> 24 & 7) != 0) {
        p = put_text(p, person->foreign ? "+1-555-01" : "100");
        p = put_digits(p, person->id, 8);
    }
    return put_char(p, ',');
}

static char *put_address(char *p, const demo_world *world, const demo_person *person, uint64_t bits)
{
    demo_ring ring = { .city   = (uint8_t)(bits & 15),
                       .street = (uint8_t)(bits >> 4 & 0xFF) % 6,
                       .house  = 1 + (int)(bits >> 12 & 0xFF) };
    if (person->ring >= 0) ring = demo__ring_draw(world, (uint64_t)person->ring);
    if (person->foreign) {
        p = put_text(p, demo_foreign_cities[ring.city & 7]);
        p = put_char(put_text(p, (ring.city & 7) < 1 || (ring.city & 7) == 6 ? ",US," : ",OTHER,"),
                     '"');
        p = put_char(put_uint(p, (uint64_t)ring.house), ' ');
        p = put_text(put_text(p, demo_streets[6 + ring.street]), ", ");
        return put_char(put_text(p, demo_foreign_cities[ring.city & 7]), '"');
    }
    p = put_text(put_text(p, demo_cities[ring.city].zh), ",CN,");
    p = put_text(put_text(p, demo_cities[ring.city].zh), "市");
    p = put_text(p, demo_streets[ring.street]);
    return put_text(put_uint(p, (uint64_t)ring.house), "号");
}

/* Age and sex lean with the kind of customer, a little: enough to be worth a feature. */
static char *put_person(char *p, const demo_person *person, clade_rng *rng)
{
    static const uint8_t born[CLADE_DEMO_N_ARCHETYPE] = { 80, 76, 90, 84, 95, 82, 88,
                                                          82, 75, 98, 94, 90, 88, 88 };
    const uint64_t       bits                         = clade_rng_u64(rng);
    const double         year  = 1900 + born[person->archetype] + 8 * clade_rng_normal(rng);
    const bool           woman = (bits & 15) < (person->favourite[0] < 4 ? 11 : 7);
    if ((bits >> 4 & 15) > 1) p = put_text(p, woman ? "F" : "M");
    *p++ = ',';
    if ((bits >> 8 & 7) == 0)
        p = put_text(p, "1900"); /* what a form fills in by itself */
    else if ((bits >> 8 & 7) != 1)
        p = put_uint(p, (uint64_t)fmin(2006, fmax(1940, year)));
    return put_char(p, ',');
}

static void write_customer(demo_worker *worker, const demo_world *world, const demo_person *person)
{
    static const char *const sources[] = { "organic",    "search_ad", "social",
                                           "invitation", "store",     "marketplace" };
    clade_rng                rng  = clade_rng_stream(world->seed, "demo/profile", person->index);
    char                    *p    = rows_open(&worker->rows[DEMO_CUSTOMERS]);
    const uint64_t           name = clade_rng_u64(&rng), place = clade_rng_u64(&rng);
    const uint64_t           extra     = clade_rng_u64(&rng);
    uint64_t                 device_id = clade_rng_u64(&rng);
    if (person->ring >= 0 && extra % 5 != 0)
        device_id = demo__ring_draw(world, (uint64_t)person->ring).device_id;

    p = put_char(put_uint(p, person->id), ',');
    p = put_contact(p, person, name);
    p = put_person(p, person, &rng);
    p = put_char(put_address(p, world, person, place), ',');
    p = put_char(put_day(p, world, person->registered_day), ',');
    p = put_char(put_text(p, sources[person->invited  ? 3
                                     : extra >> 8 & 1 ? 0
                                                      : (extra >> 9) % 6]),
                 ',');
    p = put_char(put_text(p, extra >> 16 & 3 ? "yes" : "no"), ',');
    p = put_hex(p, device_id, 12);
    rows_close(&worker->rows[DEMO_CUSTOMERS], p, (int64_t)(person->registered_day * DEMO_DAY_S));
}

static void write_invitation(demo_worker *worker, const demo_world *world,
                             const demo_person *person)
{
    if (!person->invited) return;
    char *p = rows_open(&worker->rows[DEMO_INVITATIONS]);
    p       = put_char(put_uint(p, demo__customer_id(world, person->inviter)), ',');
    p       = put_char(put_uint(p, person->id), ',');
    p       = put_char(put_day(p, world, person->registered_day), ',');
    p       = put_text(p, "invite");
    rows_close(&worker->rows[DEMO_INVITATIONS], p, (int64_t)(person->registered_day * DEMO_DAY_S));
}

void demo__write_profile(demo_worker *worker, const demo_world *world, const demo_person *person)
{
    write_customer(worker, world, person);
    write_invitation(worker, world, person);
}

void demo__write_touches(demo_worker *worker, const demo_world *world, const demo_person *person)
{
    static const char *const arms[DEMO_N_ARM]  = { "control", "email_10off", "sms_10off" };
    static const char *const ways[DEMO_N_ARM]  = { "", "email", "sms" };
    static const char *const costs[DEMO_N_ARM] = { "0.00", "0.05", "0.30" };
    for (int i = 0; i < worker->life.n_touches; i++) {
        const demo_touch *const touch = &worker->life.touch[i];
        char                   *p     = rows_open(&worker->rows[DEMO_CAMPAIGNS]);
        p = put_char(put_digits(put_text(p, "CMP"), (uint64_t)touch->campaign + 1, 3), ',');
        p = put_char(put_uint(p, person->id), ',');
        p = put_char(put_moment(p, world, touch->at_s), ',');
        p = put_char(put_text(p, ways[touch->arm]), ',');
        p = put_char(put_text(p, arms[touch->arm]), ',');
        p = put_char(demo__put_number(p, touch->propensity, 2), ',');
        p = put_char(put_text(p, costs[touch->arm]), ',');
        p = put_char(p, touch->bought ? '1' : '0');
        rows_close(&worker->rows[DEMO_CAMPAIGNS], p, touch->at_s);

        p = rows_open(&worker->rows[DEMO_TRUTH_UPLIFT]);
        p = put_char(put_digits(put_text(p, "CMP"), (uint64_t)touch->campaign + 1, 3), ',');
        p = put_char(put_uint(p, person->id), ',');
        for (int arm = 1; arm < DEMO_N_ARM; arm++) {
            const double effect = demo__effect(person, arm, world->campaign_day[touch->campaign]);
            p                   = demo__put_number(p, effect, 6);
            if (arm + 1 < DEMO_N_ARM) *p++ = ',';
        }
        rows_close(&worker->rows[DEMO_TRUTH_UPLIFT], p, touch->at_s);
    }
}

static void write_true_person(demo_worker *worker, const demo_world *world,
                              const demo_person *person)
{
    const bool dropped = person->drop_day < world->n_days;
    char      *p       = rows_open(&worker->rows[DEMO_TRUTH_CUSTOMERS]);
    p                  = put_char(put_uint(p, person->id), ',');
    p                  = put_char(put_text(p, clade_demo_archetype_name(person->archetype)), ',');
    p                  = put_char(put_day(p, world, person->registered_day), ',');
    if (dropped) p = put_day(p, world, person->drop_day);
    *p++ = ',';
    if (person->ring >= 0) p = put_uint(p, (uint64_t)person->ring + 1);
    *p++ = ',';
    p = put_char(demo__put_number(p, person->max_orders == 0 ? (double)NAN : person->gap_days, 3),
                 ',');
    p = put_char(demo__put_number(p, person->shape, 3), ',');
    p = put_char(demo__put_number(p, person->tier, 3), ',');
    p = put_char(put_text(p, demo_categories[person->favourite[0]].name.en), ',');
    p = put_char(p, person->foreign ? '1' : '0');
    rows_close(&worker->rows[DEMO_TRUTH_CUSTOMERS], p, 0);
    worker->count.n_dropped_out += dropped;
    worker->count.n_archetype[person->archetype]++;
    worker->count.n_rings += person->ring >= 0 && person->index % DEMO_RING_SPAN == 0;
}

void demo__write_truth(demo_worker *worker, const demo_world *world, const demo_person *person)
{
    write_true_person(worker, world, person);
    for (int r = 0; r < CLADE_DEMO_N_REFERENCE; r++) {
        const int   day    = world->reference_day[r];
        demo_future future = { 0 };
        if (person->registered_day >= day) continue;
        demo__future_draw(&future, world, person, &worker->life, r);
        char *p = rows_open(&worker->rows[DEMO_TRUTH_FUTURE]);
        p       = put_char(put_uint(p, person->id), ',');
        p       = put_char(put_bytes(p, world->day[day].text, 10), ',');
        p       = put_char(demo__put_number(p, future.expected_orders, 4), ',');
        p       = put_char(demo__put_number(p, future.expected_spend, 2), ',');
        p       = put_char(put_uint(p, (uint64_t)future.n_orders), ',');
        p       = put_money(p, future.spend_minor);
        rows_close(&worker->rows[DEMO_TRUTH_FUTURE], p, 0);
    }
}

/* The world all customers live in: the calendar with its sales and seasons, the clocks made of it,
 * and the catalogue. Made once a run, in a second at most; read-only afterwards. */
#include "demo.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LAST_YEAR = 2025 }; /* the window ends with the last day of the year before */

/* New Year's Day of the Chinese calendar, 2014 .. 2025, as month * 100 + day. */
static const int spring_festival[] = { 131, 219, 208, 128, 216, 205, 125, 212, 201, 122, 210, 129 };

/* Days from a local day to the Spring Festival nearest to it: negative before it. */
static int days_to_spring(int64_t day, int year)
{
    int best = 10000;
    for (int y = year; y <= year + 1; y++) {
        if (y < 2014 || y > 2025) continue;
        const int date = spring_festival[y - 2014];
        const int away = (int)(day - clade_days_from_civil(y, date / 100, date % 100));
        if (abs(away) < abs(best)) best = away;
    }
    return best;
}

static unsigned month_day(clade_civil civil)
{
    return (unsigned)(civil.month * 100 + civil.day);
}

/* What is on sale on a day: per cent off, per cent of items in it, and which categories. */
static void sale_of_day(demo_day *day, clade_civil civil, int to_spring)
{
    const unsigned md = month_day(civil);
    const struct {
        bool     on;
        uint8_t  off, reach;
        uint16_t categories;
    } sales[] = {
        { md >= 1109 && md <= 1112, 30, 75, 0xFFF },
        { md >= 616 && md <= 619, 25, 60, 0xFFF },
        { md == 1211 || md == 1212, 20, 50, 0xFFF },
        { md >= 306 && md <= 308, 20, 60, 0x00A },
        { to_spring >= -14 && to_spring <= -5, 15, 40, 0x247 },
        { md >= 1220 && md <= 1225, 15, 35, 0x3F8 },
        { civil.month == 8 && civil.day <= 7, 35, 25, 0x038 }, /* summer stock goes */
        { civil.month == 3 && civil.day >= 20 && civil.day <= 26, 35, 25, 0x018 },
        { civil.day == 15 || civil.day == 16, 10, 30, 0xFFF }, /* members' days */
    };
    for (size_t i = 0; i < sizeof sales / sizeof sales[0]; i++) {
        if (!sales[i].on) continue;
        day->sale            = sales[i].off;
        day->sale_reach      = sales[i].reach;
        day->sale_categories = sales[i].categories;
        return;
    }
}

static double everyday_pace(clade_civil civil, int weekday, int to_spring)
{
    const unsigned md   = month_day(civil);
    double         pace = weekday >= 5 ? 1.15 : weekday == 0 ? 1.0 : 0.94;
    if (md == 1111) return 6.0;
    if (md == 1110 || md == 1112) return 1.8;
    if (md >= 1104 && md <= 1109) return pace * 0.7; /* people hold back */
    if (md >= 1113 && md <= 1122) return pace * 0.75;
    if (md >= 616 && md <= 618) return pace * 2.2;
    if (md == 1212) return pace * 2.0;
    if (md >= 1218 && md <= 1224) return pace * 1.5;
    if (to_spring >= -18 && to_spring <= -4) return pace * 1.5;
    if (to_spring >= -3 && to_spring <= 6) return pace * 0.4; /* couriers are at home */
    if (civil.month == 7 || civil.month == 8) pace *= 0.9;
    return pace;
}

static double gift_pace(clade_civil civil, int to_spring)
{
    const unsigned md = month_day(civil);
    if (md >= 1108 && md <= 1111) return md == 1111 ? 30 : 8;
    if (md >= 1205 && md <= 1223) return 6;
    if (to_spring >= -21 && to_spring <= -4) return 7;
    if (md >= 210 && md <= 213) return 4; /* Valentine's Day */
    if (md >= 503 && md <= 511) return 2; /* Mother's Day */
    return 0.06;
}

static double clock_pace(demo_clock clock, const demo_day *day, clade_civil civil, int to_spring)
{
    const bool holiday =
        (to_spring >= -1 && to_spring <= 6) || (civil.month == 10 && civil.day <= 7);
    switch (clock) {
    case DEMO_CLOCK_PLAIN: return 1;
    case DEMO_CLOCK_EVERYDAY: return everyday_pace(civil, day->weekday, to_spring);
    case DEMO_CLOCK_SALE:
        return 0.08 + (day->sale == 0 ? 0.0 : 0.04 * day->sale * day->sale_reach / 10.0);
    case DEMO_CLOCK_GIFT: return gift_pace(civil, to_spring);
    case DEMO_CLOCK_OFFICE:
        return day->weekday >= 5 || holiday ? 0.03 : civil.month == 12 ? 1.6 : 1.2;
    case DEMO_N_CLOCK: break;
    }
    return 1;
}

/* Running sums of the pace, scaled so that the mean step is 1: a gap of g days on any clock is g
 * days of the year on average. The day before the window counts too, down to DEMO_BURN_DAYS. */
static clade_status make_calendar(demo_world *world, clade_error *err)
{
    const int n_all = DEMO_BURN_DAYS + world->n_days;
    world->day      = CLADE_NEW(demo_day, (size_t)world->n_days);
    for (int c = 0; c < DEMO_N_CLOCK; c++)
        world->clock[c] = CLADE_NEW(double, (size_t)n_all + 1);
    for (int c = 0; c < DEMO_N_CLOCK; c++) {
        if (world->day == NULL || world->clock[c] == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "demo: no memory for a calendar of %d days",
                              n_all);
        }
    }

    for (int i = 0; i < n_all; i++) {
        const int64_t     epoch_day = world->start_day + i - DEMO_BURN_DAYS;
        const clade_civil civil     = clade_civil_from_us(epoch_day * CLADE_US_PER_DAY);
        const int         to_spring = days_to_spring(epoch_day, civil.year);
        demo_day          day       = { 0 };
        day.month                   = (uint8_t)civil.month;
        day.weekday       = (uint8_t)((epoch_day % 7 + 10) % 7); /* 1970-01-01: Thursday */
        day.eleven_eleven = month_day(civil) == 1111;
        sale_of_day(&day, civil, to_spring);
        clade_rng rng = clade_rng_stream(world->seed, "demo/rate", (uint64_t)(epoch_day / 30));
        day.rate_e4   = (uint16_t)(70800 + 900 * (2 * clade_rng_uniform(&rng) - 1));
        char *p       = put_digits(day.text, (uint64_t)civil.year, 4);
        p             = put_2(put_char(p, '-'), (unsigned)civil.month);
        *put_2(put_char(p, '-'), (unsigned)civil.day) = '\0';
        if (i >= DEMO_BURN_DAYS) world->day[i - DEMO_BURN_DAYS] = day;
        for (int c = 0; c < DEMO_N_CLOCK; c++) {
            world->clock[c][i + 1] =
                world->clock[c][i] + clock_pace((demo_clock)c, &day, civil, to_spring);
        }
    }
    for (int c = 0; c < DEMO_N_CLOCK; c++) {
        const double scale = n_all / world->clock[c][n_all];
        for (int i = 0; i <= n_all; i++)
            world->clock[c][i] *= scale;
    }
    return CLADE_OK;
}

double demo__clock_read(const demo_world *world, demo_clock clock, double day)
{
    const double *const sum  = world->clock[clock];
    const double        at   = fmax(0, fmin(day + DEMO_BURN_DAYS, DEMO_BURN_DAYS + world->n_days));
    const int           i    = (int)at;
    const double        next = i < DEMO_BURN_DAYS + world->n_days ? sum[i + 1] : sum[i];
    return sum[i] + (at - i) * (next - sum[i]);
}

double demo__clock_advance(const demo_world *world, demo_clock clock, double day, double gap)
{
    const double *const sum    = world->clock[clock];
    const double        target = demo__clock_read(world, clock, day) + gap;
    int                 low = 0, high = DEMO_BURN_DAYS + world->n_days;
    if (!(target < sum[high])) return INFINITY;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (sum[middle] <= target)
            low = middle;
        else
            high = middle;
    }
    return low + (target - sum[low]) / (sum[high] - sum[low]) - DEMO_BURN_DAYS;
}

/* "Marlow Soft Dress, blue": in quotes, and inner quotes doubled, where CSV needs it. */
static void item_name(char *out, size_t size, const char *brand, const char *adjective,
                      const char *noun, const char *variant, const char *blank)
{
    char plain[96];
    snprintf(plain, sizeof plain, "%s%s%s%s%s%s", brand, blank, adjective, blank, noun, variant);
    if (strpbrk(plain, ",\"") == NULL) {
        snprintf(out, size, "%s", plain);
        return;
    }
    size_t n = 0;
    out[n++] = '"';
    for (const char *p = plain; *p != '\0' && n + 4 < size; p++) {
        if (*p == '"') out[n++] = '"';
        out[n++] = *p;
    }
    out[n++] = '"';
    out[n]   = '\0';
}

static int64_t charming_price(double price, double ending)
{
    const double step = price < 20 ? 1 : price < 200 ? 5 : 10;
    return (int64_t)llround((fmax(step, ceil(price / step) * step) - ending) * 100);
}

static void make_item(demo_item *item, const demo_world *world, uint32_t i)
{
    const demo_category *category;
    clade_rng            rng  = clade_rng_stream(world->seed, "demo/item", i);
    const uint32_t       cell = i / world->cell_size;
    item->category            = (uint8_t)(cell / DEMO_N_TIER);
    item->tier                = (uint8_t)(cell % DEMO_N_TIER);
    item->sub                 = (uint8_t)clade_rng_below(&rng, DEMO_N_SUBCATEGORY);
    item->brand               = (uint8_t)clade_rng_below(&rng, DEMO_N_BRAND);
    category                  = &demo_categories[item->category];

    /* A fifth of the catalogue comes within the window; popular items are older. */
    const bool is_new =
        i % world->cell_size > world->cell_size / 3 && clade_rng_below(&rng, 10) < 3;
    item->listed_day = is_new ? (int32_t)clade_rng_below(&rng, (uint64_t)world->n_days * 4 / 5)
                              : -(int32_t)clade_rng_below(&rng, DEMO_BURN_DAYS) - 1;
    const double price =
        category->price * exp2(item->tier - 2.0) * exp(0.12 * clade_rng_normal(&rng));
    item->price_cny            = charming_price(price, 0.1);
    item->price_usd            = charming_price(price / 7.1, 0.01);
    const demo_word *adjective = &demo_adjectives[clade_rng_below(&rng, 16)];
    const demo_word *variant   = &demo_variants[clade_rng_below(&rng, 8)];
    item_name(item->name_en, sizeof item->name_en, demo_brands[item->brand].en, adjective->en,
              category->sub[item->sub].en, variant->en, " ");
    item_name(item->name_zh, sizeof item->name_zh, demo_brands[item->brand].zh, adjective->zh,
              category->sub[item->sub].zh, variant->zh, "");
}

/* Rank r of a cell of n is drawn as n * u^2.2, so its chance is ((r + 1)/n)^(1/2.2) -
 * (r/n)^(1/2.2). */
static clade_status make_catalogue(demo_world *world, clade_error *err)
{
    const uint64_t wanted = world->n_customers / 25;
    world->cell_size = (uint32_t)(wanted < 600 ? 10 : wanted > 24000 ? 400 : wanted / DEMO_N_CELL);
    world->n_items   = world->cell_size * DEMO_N_CELL + 1;
    world->item      = CLADE_NEW(demo_item, world->n_items);
    if (world->item == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "demo: no memory for %u items", world->n_items);
    }

    for (uint32_t i = 0; i + 1 < world->n_items; i++) {
        make_item(&world->item[i], world, i);
        const double n = world->cell_size, r = i % world->cell_size;
        const double p = pow((r + 1) / n, 1 / 2.2) - pow(r / n, 1 / 2.2);
        world->cell_price[i / world->cell_size] += p * (double)world->item[i].price_cny / 100;
    }
    demo_item *const test = &world->item[world->n_items - 1];
    test->listed_day      = -DEMO_BURN_DAYS;
    test->price_cny       = 1;
    test->price_usd       = 1;
    strcpy(test->name_en, "TEST PRODUCT do not ship");
    strcpy(test->name_zh, "测试商品请勿发货");
    return CLADE_OK;
}

int demo__item_sale(const demo_world *world, uint32_t item, int day)
{
    const demo_day *const today = &world->day[day];
    if (today->sale == 0 || (today->sale_categories >> world->item[item].category & 1) == 0)
        return 0;
    const uint64_t lot =
        (item * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)(day / 7)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (lot >> 32) % 100 < today->sale_reach ? today->sale : 0;
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        const uint64_t rest = a % b;
        a                   = b;
        b                   = rest;
    }
    return a;
}

/* Ids run through [0, n) in steps that share no factor with n, so that neighbours in generation are
 * strangers by number. */
static void make_ids(demo_world *world)
{
    clade_rng rng   = clade_rng_stream(world->seed, "demo/id", 0);
    world->id_step  = world->n_customers * 618 / 1000 + 1;
    world->id_shift = clade_rng_below(&rng, world->n_customers);
    while (greatest_common_divisor(world->id_step, world->n_customers) != 1)
        world->id_step++;
}

uint64_t demo__customer_id(const demo_world *world, uint64_t index)
{
    /* Below 10^8 squared: no overflow. */
    return 10000001 + (index * world->id_step + world->id_shift) % world->n_customers;
}

static void make_window(demo_world *world)
{
    const int     months    = world->n_months;
    const int64_t end       = clade_days_from_civil(LAST_YEAR, 1, 1);
    const int     back      = (months + 11) / 12; /* years to go back, then months forward */
    world->start_day        = clade_days_from_civil(LAST_YEAR - back, 1 + back * 12 - months, 1);
    world->n_days           = (int)(end - world->start_day);
    world->reference_day[0] = (int)(clade_days_from_civil(LAST_YEAR - 1, 7, 1) - world->start_day);
    world->reference_day[1] = (int)(clade_days_from_civil(LAST_YEAR - 1, 10, 1) - world->start_day);
    for (int k = 0; k < months; k++)
        world->campaign_day[k] = (int)(world->n_days * (k + 0.4) / months);
}

clade_status demo__world_create(demo_world **out_world, const clade_demo_options *options,
                                clade_error *err)
{
    clade_status status = CLADE_OK;
    demo_world  *world  = CLADE_NEW(demo_world, 1);
    if (world == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "demo: no memory for a shop");
        goto done;
    }
    world->seed        = options->seed;
    world->n_customers = options->n_customers;
    world->n_months    = options->n_months;
    world->events      = !options->no_events;
    make_window(world);
    make_ids(world);

    status = make_calendar(world, err);
    if (status != CLADE_OK) goto done;
    status = make_catalogue(world, err);
    if (status != CLADE_OK) goto done;

    *out_world = world;
    world      = NULL;
done:
    demo__world_free(world);
    return status;
}

void demo__world_free(demo_world *world)
{
    if (world == NULL) return;
    for (int c = 0; c < DEMO_N_CLOCK; c++)
        free(world->clock[c]);
    free(world->day);
    free(world->item);
    free(world);
}

/* orders.csv and reviews.csv: what was bought, sent back and said, with the faults that exports
 * have. */
#include "demo.h"

const char *const demo_channels[5] = { "app", "web", "mini_program", "store", "phone" };
const char *const demo_devices[4]  = { "ios", "android", "desktop", "tablet" };

/* One fault in so many lines. */
enum {
    ONE_IN_DUPLICATE        = 200,
    ONE_IN_BAD_DATE         = 6000,
    ONE_IN_RAGGED           = 8000,
    ONE_IN_MISSING_PRICE    = 250,
    ONE_IN_MISSING_CATEGORY = 80,
    ONE_IN_PRICE_OUTLIER    = 40000,
};

typedef struct order_row {
    const demo_order *order;
    const demo_line  *line;
    uint64_t          reference;
    int64_t           at_s;
    int               sign; /* -1 for a refund */
    bool              bad_date, ragged, no_price, no_category, outlier;
} order_row;

/* Order numbers: a bijection of (customer, order) on 40 bits, so that they look like numbers. */
static uint64_t order_reference(const demo_person *person, int k)
{
    return ((person->index << 10 | (uint64_t)k) * UINT64_C(0x9E3779B97F)) &
           ((UINT64_C(1) << 40) - 1);
}

/* "2024-11-11 00:03:12 +0800" */
static char *put_local_time(char *p, const demo_world *world, int64_t at_s)
{
    const int64_t second = at_s % DEMO_DAY_S;
    p                    = put_bytes(p, world->day[at_s / DEMO_DAY_S].text, 10);
    p                    = put_2(put_char(p, ' '), (unsigned)(second / 3600));
    p                    = put_2(put_char(p, ':'), (unsigned)(second / 60 % 60));
    p                    = put_2(put_char(p, ':'), (unsigned)(second % 60));
    return put_bytes(p, " +0800", 6);
}

static char *put_reference(char *p, const order_row *row)
{
    p = row->order->test ? put_bytes(p, "TEST-", 5) : put_bytes(p, "SO", 2);
    return put_digits(p, row->reference, 13);
}

static char *put_amounts(char *p, const order_row *row)
{
    const demo_line *const line  = row->line;
    const int64_t          times = row->outlier ? 100 : 1;
    const int64_t          price = line->price_minor * times;
    const int64_t          total = price * line->quantity - line->discount_minor;
    if (row->sign < 0) *p++ = '-';
    p    = put_uint(p, (uint64_t)line->quantity);
    *p++ = ',';
    if (!row->no_price) p = put_money(p, price);
    *p++ = ',';
    if (row->sign > 0) p = put_money(p, line->discount_minor);
    *p++ = ',';
    return put_money(p, row->sign * total);
}

static const char *order_status(const order_row *row, const demo_world *world)
{
    if (row->sign < 0) return "refunded";
    if (row->order->cancelled) return "cancelled";
    return row->at_s > (int64_t)(world->n_days - 3) * DEMO_DAY_S ? "paid" : "fulfilled";
}

static char *put_coupon(char *p, const demo_order *order)
{
    if (order->coupon == DEMO_COUPON_WELCOME) return put_text(p, "WELCOME20");
    if (order->coupon == DEMO_COUPON_STAFF) return put_text(p, "STAFF50");
    if (order->coupon == DEMO_COUPON_CAMPAIGN)
        return put_uint(put_text(p, "BACK10-"), (uint64_t)order->campaign + 1);
    return p;
}

static void write_row(demo_rows *rows, const demo_world *world, const demo_person *person,
                      const order_row *row)
{
    const demo_item *const item  = &world->item[row->line->item];
    const demo_order      *order = row->order;
    char                  *p     = rows_open(rows);

    p    = put_char(put_reference(p, row), ',');
    p    = row->bad_date ? put_text(p, "0000-00-00 00:00:00") : put_local_time(p, world, row->at_s);
    *p++ = ',';
    if (!order->guest) p = put_uint(p, person->id);
    *p++ = ',';
    *p++ = 'P';
    p    = put_char(put_digits(p, row->line->item + 1, 6), ',');
    p    = put_text(p, person->foreign ? item->name_en : item->name_zh);
    if (row->ragged) p = put_text(p, ", gift wrapped");
    *p++ = ',';
    if (!row->no_category) {
        p = put_text(p, order->test ? "Internal" : demo_categories[item->category].name.en);
    }
    *p++ = ',';
    p    = put_char(put_amounts(p, row), ',');
    p    = put_char(put_text(p, person->foreign ? "USD" : "CNY"), ',');
    if (person->foreign) {
        const unsigned rate = world->day[order->at_s / DEMO_DAY_S].rate_e4;
        p                   = put_digits(put_char(put_uint(p, rate / 10000), '.'), rate % 10000, 4);
    } else {
        *p++ = '1';
    }
    *p++ = ',';
    p    = put_char(put_text(p, order_status(row, world)), ',');
    p    = put_char(put_coupon(p, order), ',');
    p    = put_text(p, demo_channels[order->channel]);
    rows_close(rows, p, row->at_s);
}

static void write_faulty_copies(demo_worker *worker, const demo_world *world,
                                const demo_person *person, const order_row *row, clade_rng *rng)
{
    demo_rows *const rows  = &worker->rows[DEMO_ORDERS];
    order_row        wrong = *row;
    if (clade_rng_below(rng, ONE_IN_DUPLICATE) == 0) {
        rows_repeat(rows, row->at_s);
        worker->count.n_order_duplicates++;
    }
    if (clade_rng_below(rng, ONE_IN_BAD_DATE) == 0) {
        wrong.bad_date = true;
        write_row(rows, world, person, &wrong);
        worker->count.n_order_bad_dates++;
    }
    if (clade_rng_below(rng, ONE_IN_RAGGED) == 0) {
        wrong.bad_date = false;
        wrong.ragged   = true;
        write_row(rows, world, person, &wrong);
        worker->count.n_order_ragged++;
    }
}

static void write_line(demo_worker *worker, const demo_world *world, const demo_person *person,
                       order_row *row, clade_rng *rng)
{
    clade_demo_summary *const count = &worker->count;
    const uint64_t            worth = (uint64_t)demo__order_value(
                   world, row->order, (int)(row->line - row->order->line), person->foreign, row->order->at_s);
    row->no_price    = clade_rng_below(rng, ONE_IN_MISSING_PRICE) == 0;
    row->no_category = clade_rng_below(rng, ONE_IN_MISSING_CATEGORY) == 0;
    row->outlier     = clade_rng_below(rng, ONE_IN_PRICE_OUTLIER) == 0 && !row->order->test;
    write_row(&worker->rows[DEMO_ORDERS], world, person, row);

    count->n_order_lines++;
    count->n_order_guest_lines += row->order->guest;
    count->n_order_missing_price += row->no_price;
    count->n_order_missing_category += row->no_category;
    count->n_order_price_outliers += row->outlier;
    count->n_order_usd_lines += person->foreign;
    count->n_cancelled_lines += row->order->cancelled;
    if (!row->order->cancelled && !row->order->test) count->revenue_minor += (int64_t)worth;
    write_faulty_copies(worker, world, person, row, rng);

    const int64_t back_s = row->at_s + row->line->refund_s;
    if (row->line->refund_s > 0 && !row->order->cancelled &&
        back_s < (int64_t)world->n_days * DEMO_DAY_S) {
        order_row back = { .order     = row->order,
                           .line      = row->line,
                           .reference = row->reference,
                           .at_s      = back_s,
                           .sign      = -1 };
        write_row(&worker->rows[DEMO_ORDERS], world, person, &back);
        count->n_refund_lines++;
        count->revenue_minor -= (int64_t)worth;
    }
}

void demo__write_orders(demo_worker *worker, const demo_world *world, const demo_person *person)
{
    clade_rng rng = clade_rng_stream(world->seed, "demo/mess", person->index);
    for (int i = 0; i < worker->life.n_orders; i++) {
        const demo_order *const order = &worker->life.order[i];
        worker->count.n_orders++;
        worker->count.n_test_orders += order->test;
        for (int k = 0; k < order->n_lines; k++) {
            order_row row = { .order     = order,
                              .line      = &order->line[k],
                              .at_s      = order->at_s,
                              .sign      = 1,
                              .reference = order_reference(person, i) };
            write_line(worker, world, person, &row, &rng);
        }
    }
}

/* The four ways in which spreadsheets write a date: ISO, slashes without zeros, Chinese, day alone.
 */
static char *put_spreadsheet_time(char *p, const demo_world *world, int64_t at_s, unsigned way)
{
    const char *const text   = world->day[at_s / DEMO_DAY_S].text;
    const unsigned    month  = world->day[at_s / DEMO_DAY_S].month;
    const unsigned    day    = (unsigned)(text[8] - '0') * 10 + (unsigned)(text[9] - '0');
    const int64_t     minute = at_s % DEMO_DAY_S / 60;
    if (way == 3) return put_bytes(p, text, 10);
    if (way == 0) {
        p = put_bytes(p, text, 10);
    } else {
        p = put_text(put_bytes(p, text, 4), way == 1 ? "/" : "年");
        p = put_text(put_uint(p, month), way == 1 ? "/" : "月");
        p = put_text(put_uint(p, day), way == 1 ? "" : "日");
    }
    p = put_2(put_char(p, ' '), (unsigned)(minute / 60));
    p = put_2(put_char(p, ':'), (unsigned)(minute % 60));
    return way == 0 ? put_2(put_char(p, ':'), (unsigned)(at_s % 60)) : p;
}

/* In quotes, with inner quotes doubled. */
static char *put_quoted(char *p, const char *text)
{
    *p++ = '"';
    for (; *text != '\0'; text++) {
        if (*text == '"') *p++ = '"';
        *p++ = *text;
    }
    return put_char(p, '"');
}

/* About one line in fifteen is reviewed; what came back is blamed, the rest mostly praised. */
void demo__write_reviews(demo_worker *worker, const demo_world *world, const demo_person *person)
{
    clade_rng        rng  = clade_rng_stream(world->seed, "demo/review", person->index);
    demo_rows *const rows = &worker->rows[DEMO_REVIEWS];
    for (int i = 0; i < worker->life.n_orders; i++) {
        const demo_order *const order = &worker->life.order[i];
        if (order->cancelled || order->test || order->guest) continue;
        for (int k = 0; k < order->n_lines; k++) {
            const uint64_t bits = clade_rng_u64(&rng);
            const int64_t at_s = order->at_s + (int64_t)(3 * DEMO_DAY_S + bits % (12 * DEMO_DAY_S));
            const bool    blame   = order->line[k].refund_s > 0 || (bits >> 48 & 15) == 0;
            const unsigned rating = blame                   ? 1 + (bits >> 52 & 1)
                                    : (bits >> 52 & 7) == 0 ? 3
                                                            : 5 - (bits >> 55 & 1);
            const unsigned words  = (unsigned)(bits >> 56 & 7);
            if (clade_rng_below(&rng, 15) != 0 || at_s >= (int64_t)world->n_days * DEMO_DAY_S)
                continue;

            char *p = rows_open(rows);
            *p++    = 'R';
            p       = put_digits(p, order_reference(person, i), 13);
            p       = put_char(put_uint(p, (uint64_t)k), ',');
            p       = put_text(p, "SO");
            p       = put_char(put_digits(p, order_reference(person, i), 13), ',');
            p       = put_char(put_uint(p, person->id), ',');
            p       = put_char(put_digits(put_char(p, 'P'), order->line[k].item + 1, 6), ',');
            p       = put_char(put_uint(p, rating), ',');
            p = put_quoted(p, person->foreign ? (blame ? demo_blame_en : demo_praise_en)[words]
                                              : (blame ? demo_blame_zh : demo_praise_zh)[words]);
            p = put_spreadsheet_time(put_char(p, ','), world, at_s, (unsigned)(bits >> 60 & 3));
            rows_close(rows, p, at_s);
        }
    }
}

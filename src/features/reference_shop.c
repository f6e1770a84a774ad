/* The reference evaluator's shop: tables into arrays, then lines, orders, sessions and items, each
 * by the plainest loop that does it. Memory is one arena; when it runs out the program stops, for
 * this code only ever meets the small shops of tests. */
#include "reference_shop.h"

/* ---------------------------------------------------------------- reading */

static void *take(ref_shop *shop, size_t n, size_t size)
{
    void *memory = clade_arena_alloc(shop->arena, n + 1, size);
    if (memory == NULL) abort();
    return memory;
}

static const char *text_of(ref_shop *shop, const clade_chunk *chunk, size_t column, size_t row)
{
    if (!clade_chunk_valid(chunk, column, row)) return NULL;
    const clade_text text = clade_chunk_text(chunk, column, row);
    const char      *copy = clade_arena_text(shop->arena, text.data, text.size);
    if (copy == NULL) abort();
    return copy;
}

typedef void (*row_reader)(ref_shop *shop, void *out, const clade_chunk *chunk, size_t row);

/* A whole query into an array of `size` bytes a row. `?` is as-of. */
static clade_status read_table(ref_shop *shop, void *out_array, size_t *out_n, size_t size,
                               clade_store *store, const char *sql, row_reader read,
                               clade_error *err)
{
    clade_status      status = CLADE_OK;
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    int64_t           n      = 0;
    size_t            at     = 0;
    char             *array  = NULL;
    char              count[2048];
    const clade_value args[1] = { CLADE_INT(shop->as_of_us) };

    snprintf(count, sizeof count, "SELECT count(*) FROM (%s) AS t", sql);
    status = clade_store_int(&n, store, count, args, 1, 0, err);
    if (status != CLADE_OK) goto done;
    array  = take(shop, (size_t)n, size);
    status = clade_store_query(&rows, store, sql, args, 1, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        for (size_t row = 0; row < chunk.n_rows; row++)
            read(shop, array + size * at++, &chunk, row);
    }
    memcpy(out_array, &array, sizeof array);
    *out_n = at;
done:
    clade_rows_close(rows);
    return status;
}

static void read_event(ref_shop *shop, void *out, const clade_chunk *c, size_t row)
{
    *(ref_event *)out = (ref_event){
        .event       = clade_chunk_int(c, 0, row, REF_NULL),
        .customer    = clade_chunk_int(c, 1, row, REF_NULL),
        .at_us       = clade_chunk_int(c, 2, row, REF_NULL),
        .kind        = (int)clade_chunk_int(c, 3, row, 0),
        .item        = clade_chunk_int(c, 4, row, REF_NULL),
        .quantity    = clade_chunk_real(c, 5, row, (double)NAN),
        .value       = clade_chunk_int(c, 6, row, REF_NULL),
        .amount      = clade_chunk_int(c, 7, row, REF_NULL),
        .discount    = clade_chunk_int(c, 8, row, REF_NULL),
        .dwell_us    = clade_chunk_int(c, 9, row, REF_NULL),
        .rating      = clade_chunk_real(c, 10, row, (double)NAN),
        .order_ref   = text_of(shop, c, 11, row),
        .session_key = clade_chunk_int(c, 12, row, REF_NULL),
        .channel     = text_of(shop, c, 13, row),
        .device      = text_of(shop, c, 14, row),
        .coupon      = text_of(shop, c, 15, row),
        .goods       = clade_chunk_int(c, 16, row, 0) != 0,
    };
}

static void read_match(ref_shop *shop, void *out, const clade_chunk *c, size_t row)
{
    (void)shop;
    *(ref_match *)out = (ref_match){ .refund   = clade_chunk_int(c, 0, row, 0),
                                     .purchase = clade_chunk_int(c, 1, row, 0),
                                     .quantity = clade_chunk_real(c, 2, row, 0),
                                     .amount   = clade_chunk_int(c, 3, row, 0),
                                     .at_us    = clade_chunk_int(c, 4, row, 0) };
}

static void read_catalogue(ref_shop *shop, void *out, const clade_chunk *c, size_t row)
{
    *(ref_catalogue *)out = (ref_catalogue){ .item     = clade_chunk_int(c, 0, row, 0),
                                             .category = text_of(shop, c, 1, row),
                                             .brand    = text_of(shop, c, 2, row),
                                             .known_us = clade_chunk_int(c, 3, row, 0),
                                             .load     = clade_chunk_int(c, 4, row, 0) };
}

static void read_attribute(ref_shop *shop, void *out, const clade_chunk *c, size_t row)
{
    *(ref_attribute *)out = (ref_attribute){ .customer = clade_chunk_int(c, 0, row, 0),
                                             .name     = text_of(shop, c, 1, row),
                                             .value    = text_of(shop, c, 2, row),
                                             .number   = clade_chunk_real(c, 3, row, (double)NAN),
                                             .known_us = clade_chunk_int(c, 4, row, 0),
                                             .load     = clade_chunk_int(c, 5, row, 0) };
}

static void read_tie(ref_shop *shop, void *out, const clade_chunk *c, size_t row)
{
    *(ref_tie *)out = (ref_tie){ .customer = clade_chunk_int(c, 0, row, 0),
                                 .other    = clade_chunk_int(c, 1, row, 0),
                                 .kind     = text_of(shop, c, 2, row) };
}

static void read_contact(ref_shop *shop, void *out, const clade_chunk *c, size_t row)
{
    (void)shop;
    *(ref_contact *)out = (ref_contact){ .customer = clade_chunk_int(c, 0, row, 0),
                                         .at_us    = clade_chunk_int(c, 1, row, 0) };
}

static clade_status read_tables(ref_shop *shop, clade_store *store, clade_error *err)
{
    CLADE_TRY(read_table(shop, &shop->event, &shop->n_events, sizeof(ref_event), store,
                         "SELECT event, customer, at_us, kind, item, quantity, value_minor,"
                         " amount_minor, discount_minor, dwell_us, rating, order_ref, session_key,"
                         " channel, device, coupon, CAST(NOT EXISTS (SELECT 1 FROM flag f"
                         "  WHERE f.event = e.event AND f.name = 'not_product'"
                         "  AND f.since_us < ?1) AS BIGINT) FROM event e"
                         " WHERE at_us < ?1 AND customer IS NOT NULL AND NOT EXISTS"
                         " (SELECT 1 FROM flag f WHERE f.customer = e.customer AND f.since_us < ?1"
                         "  AND f.name IN ('bot', 'staff', 'test_order'))"
                         " AND NOT EXISTS (SELECT 1 FROM flag f WHERE f.event = e.event"
                         "  AND f.name = 'test_order' AND f.since_us < ?1)"
                         " ORDER BY customer, at_us, event",
                         read_event, err));
    CLADE_TRY(read_table(shop, &shop->match, &shop->n_matches, sizeof(ref_match), store,
                         "SELECT refund, purchase, quantity, amount_minor, at_us FROM refund_match"
                         " WHERE at_us < ?",
                         read_match, err));
    CLADE_TRY(read_table(shop, &shop->catalogue, &shop->n_catalogue, sizeof(ref_catalogue), store,
                         "SELECT item, category, brand, known_us, load FROM item"
                         " WHERE known_us < ?",
                         read_catalogue, err));
    CLADE_TRY(read_table(shop, &shop->attribute, &shop->n_attributes, sizeof(ref_attribute), store,
                         "SELECT customer, lower(name), value, number, known_us, load"
                         " FROM customer WHERE known_us < ?",
                         read_attribute, err));
    CLADE_TRY(read_table(shop, &shop->tie, &shop->n_ties, sizeof(ref_tie), store,
                         "SELECT customer, other, lower(kind) FROM edge WHERE at_us < ?", read_tie,
                         err));
    CLADE_TRY(read_table(shop, &shop->touch, &shop->n_touches, sizeof(ref_contact), store,
                         "SELECT customer, at_us FROM touch WHERE at_us < ?", read_contact, err));
    return read_table(shop, &shop->answer, &shop->n_answers, sizeof(ref_contact), store,
                      "SELECT customer, at_us FROM survey WHERE at_us < ?"
                      " AND customer IS NOT NULL",
                      read_contact, err);
}

/* ---------------------------------------------------------------- lines and orders */

clade_civil ref_clock(const ref_shop *shop, int64_t at_us)
{
    return clade_civil_from_us(clade_zone_to_local(shop->zone, at_us));
}

static int64_t limited(int64_t minor)
{
    if (minor > CLADE__LINE_LIMIT) return CLADE__LINE_LIMIT;
    return minor < -CLADE__LINE_LIMIT ? -CLADE__LINE_LIMIT : minor;
}

/* Thousandths of a unit; nonsense counts as nothing or as a billion units. */
static int64_t thousandths(double quantity)
{
    if (quantity < 0) return 0;
    return quantity < 1e9 ? (int64_t)floor(quantity * 1000 + 0.5) : INT64_C(1000000000000);
}

static int64_t round_share(int64_t part, int64_t value, int64_t amount)
{
    return (int64_t)floor((double)part * (double)value / (double)amount + 0.5);
}

static ref_line make_line(const ref_shop *shop, const ref_event *event)
{
    int64_t  back_milli = 0, back_minor = 0;
    ref_line line = { .event = event, .value = event->value, .off = REF_NULL };

    line.milli = isnan(event->quantity) ? 1000 : thousandths(event->quantity);
    for (size_t i = 0; i < shop->n_matches; i++) {
        const ref_match *match = &shop->match[i];
        if (match->purchase != event->event) continue;
        line.n_back++;
        line.wait_s += match->at_us / CLADE_US_PER_SECOND - event->at_us / CLADE_US_PER_SECOND;
        back_milli += thousandths(match->quantity);
        back_minor += match->amount < 0 ? -limited(match->amount) : 0;
    }
    line.kept       = back_milli == 0 || back_milli < line.milli;
    line.kept_milli = line.kept ? line.milli - back_milli : 0;
    if (line.value == REF_NULL) return line;

    line.value = limited(line.value);
    line.net   = line.kept ? line.value : 0;
    if (line.kept && line.value > 0 && event->amount > 0 && back_minor > 0) {
        line.net -= back_minor >= event->amount
                        ? line.value
                        : round_share(back_minor, line.value, event->amount);
    }
    if (event->discount == REF_NULL || event->discount < 0) return line;
    if (event->amount > 0 && line.value > 0) {
        const double off =
            (double)event->discount * (double)line.value / (double)event->amount + 0.5;
        line.off = off > (double)CLADE__LINE_LIMIT ? CLADE__LINE_LIMIT : (int64_t)floor(off);
    } else {
        line.off = limited(event->discount);
    }
    return line;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_order(const ref_event *a, const ref_event *b)
{
    if (a->order_ref == NULL && b->order_ref == NULL) return a->at_us == b->at_us;
    return same_text(a->order_ref, b->order_ref);
}

static void add_to_order(ref_order *order, const ref_line *line)
{
    if (order->n_line++ == 0 || line->event->at_us < order->at_us)
        order->at_us = line->event->at_us;
    /* Lines that are no goods count only where an order has nothing else. */
    if (line->event->goods && order->n_goods++ == 0) order->n_kept = order->milli = 0;
    if (line->event->goods || order->n_goods == 0) {
        order->n_kept += line->kept;
        order->milli += line->kept_milli;
    }
    order->net += line->net;
    order->n_coupon += line->event->coupon != NULL;
    order->n_back_line += line->n_back > 0;
    order->n_back += line->n_back;
    order->wait_s += line->n_back > 0 ? line->wait_s : 0;
    if (line->value != REF_NULL) {
        order->n_valued++;
        if (line->value > 0) order->gross += line->value;
        if (line->kept && line->event->goods && line->value > 0 && line->milli > 0) {
            const int64_t price = line->value * 1000 / line->milli;
            if (price > order->top_price) order->top_price = price;
        }
    }
    if (line->off != REF_NULL) {
        order->n_off++;
        order->off += line->off;
        order->n_cut += line->off > 0;
        if (line->value > 0) order->off_value += line->value;
    }
}

/* Orders that stand first, by time; equal moments by what they hold. */
static int compare_orders(const void *a, const void *b)
{
    const ref_order *x = a, *y = b;
    if ((x->n_kept > 0) != (y->n_kept > 0)) return x->n_kept > 0 ? -1 : 1;
    if (x->at_us != y->at_us) return x->at_us < y->at_us ? -1 : 1;
    if (x->net != y->net) return x->net < y->net ? -1 : 1;
    if (x->n_kept != y->n_kept) return x->n_kept < y->n_kept ? -1 : 1;
    return (x->milli > y->milli) - (x->milli < y->milli);
}

static void make_orders(ref_shop *shop, ref_person *person)
{
    const ref_event **first = take(shop, person->n_lines, sizeof(ref_event *));

    person->order = take(shop, person->n_lines, sizeof(ref_order));
    for (size_t i = 0; i < person->n_lines; i++) {
        size_t at = 0;
        while (at < person->n_all_orders && !same_order(first[at], person->line[i].event))
            at++;
        if (at == person->n_all_orders) first[person->n_all_orders++] = person->line[i].event;
        add_to_order(&person->order[at], &person->line[i]);
    }
    qsort(person->order, person->n_all_orders, sizeof(ref_order), compare_orders);
    for (size_t i = 0; i < person->n_all_orders; i++)
        person->n_orders += person->order[i].n_kept > 0;
}

static void make_pairs(ref_shop *shop, ref_person *person)
{
    person->pair = take(shop, person->n_lines, sizeof(ref_pair));
    for (size_t i = 0; i < person->n_lines; i++) {
        const ref_line *line = &person->line[i];
        size_t          at   = 0;
        if (!line->kept || !line->event->goods || line->event->item == REF_NULL) continue;
        while (at < person->n_pairs && person->pair[at].item != line->event->item)
            at++;
        ref_pair *pair = &person->pair[at];
        if (at == person->n_pairs) {
            person->n_pairs++;
            pair->item     = line->event->item;
            pair->first_us = line->event->at_us;
        }
        pair->n++;
        pair->milli += line->kept_milli;
        pair->valued_milli += line->value != REF_NULL ? line->kept_milli : 0;
        pair->net += line->net;
        pair->at_s += line->event->at_us / CLADE_US_PER_SECOND;
    }
}

static ref_refund make_refund(const ref_shop *shop, const ref_event *event)
{
    int64_t       gone   = 0;
    const int64_t value  = event->value == REF_NULL ? 0 : llabs(limited(event->value));
    const int64_t amount = event->amount == REF_NULL ? 0 : llabs(limited(event->amount));

    for (size_t i = 0; i < shop->n_matches; i++) {
        if (shop->match[i].refund == event->event && shop->match[i].amount < 0)
            gone -= limited(shop->match[i].amount);
    }
    ref_refund refund = { .at_us = event->at_us, .value = value };
    if (amount == 0)
        refund.lone = gone == 0 ? value : 0;
    else if (gone < amount)
        refund.lone = round_share(amount - gone, value, amount);
    return refund;
}

static void make_sessions(ref_shop *shop, ref_person *person)
{
    person->session = take(shop, person->n_events, sizeof(ref_session));
    for (size_t i = 0; i < person->n_events; i++) {
        const ref_event *event = &person->event[i];
        size_t           at    = 0;
        if (event->session_key == REF_NULL) continue;
        while (at < person->n_sessions && person->session[at].key != event->session_key)
            at++;
        ref_session *session = &person->session[at];
        if (at == person->n_sessions) {
            person->n_sessions++;
            session->key      = event->session_key;
            session->first_us = event->at_us;
        }
        session->last_us = event->at_us; /* events come in order of time */
        session->n++;
        session->did[event->kind]++;
    }
}

static void make_person(ref_shop *shop, ref_person *person)
{
    person->line   = take(shop, person->n_events, sizeof(ref_line));
    person->refund = take(shop, person->n_events, sizeof(ref_refund));
    for (size_t i = 0; i < person->n_events; i++) {
        const ref_event *event = &person->event[i];
        if (event->kind == REF_PURCHASE)
            person->line[person->n_lines++] = make_line(shop, event);
        else if (event->kind == REF_REFUND)
            person->refund[person->n_refunds++] = make_refund(shop, event);
    }
    make_orders(shop, person);
    make_pairs(shop, person);
    make_sessions(shop, person);
}

/* ---------------------------------------------------------------- the shop as a whole */

const ref_item *ref_item_find(const ref_shop *shop, int64_t item)
{
    for (size_t i = 0; i < shop->n_items; i++) {
        if (shop->item[i].item == item) return &shop->item[i];
    }
    return NULL;
}

/* The latest word on an item's category or brand; of two at once the one loaded last. */
static const char *latest(const ref_shop *shop, int64_t item, bool brand)
{
    const char *best  = NULL;
    int64_t     known = 0, load = 0;

    for (size_t i = 0; i < shop->n_catalogue; i++) {
        const ref_catalogue *row  = &shop->catalogue[i];
        const char          *word = brand ? row->brand : row->category;
        if (row->item != item || word == NULL) continue;
        if (best == NULL || row->known_us > known || (row->known_us == known && row->load > load) ||
            (row->known_us == known && row->load == load && strcmp(word, best) < 0)) {
            best  = word;
            known = row->known_us;
            load  = row->load;
        }
    }
    return best;
}

static bool has_price(const ref_item *item)
{
    return item->net > 0 && item->valued_milli > 0;
}

static int64_t price_of(const ref_item *item)
{
    return (int64_t)((long double)item->net * 1e6L / (long double)item->valued_milli);
}

/* Share of the others that are below, among n of which n - 1 are others. */
static double position(size_t n_below, size_t n)
{
    return n > 1 ? (double)n_below / (double)(n - 1) : (double)NAN;
}

static void place_item(const ref_shop *shop, ref_item *item)
{
    size_t below = 0, priced = 0, cheaper = 0, peers = 0, cheaper_peers = 0;

    for (size_t i = 0; i < shop->n_items; i++) {
        const ref_item *other = &shop->item[i];
        const bool      peer = item->category != NULL && same_text(other->category, item->category);
        below += other->n_buyer < item->n_buyer;
        if (!has_price(item) || !has_price(other)) continue;
        const bool cheap = price_of(other) < price_of(item);
        priced++;
        cheaper += cheap;
        peers += peer;
        cheaper_peers += peer && cheap;
    }
    item->fame       = position(below, shop->n_items);
    item->price_shop = position(cheaper, priced);
    item->price_peer = position(cheaper_peers, peers);
}

static void make_items(ref_shop *shop)
{
    size_t n_pairs = 0;

    for (size_t i = 0; i < shop->n_persons; i++)
        n_pairs += shop->person[i].n_pairs;
    shop->item = take(shop, n_pairs, sizeof(ref_item));
    for (size_t i = 0; i < shop->n_persons; i++) {
        for (size_t j = 0; j < shop->person[i].n_pairs; j++) {
            const ref_pair *pair    = &shop->person[i].pair[j];
            const int64_t   first_s = pair->first_us / CLADE_US_PER_SECOND;
            size_t          at      = 0;
            while (at < shop->n_items && shop->item[at].item != pair->item)
                at++;
            ref_item *item = &shop->item[at];
            if (at == shop->n_items) {
                shop->n_items++;
                item->item     = pair->item;
                item->first_s  = first_s;
                item->category = latest(shop, pair->item, false);
                item->brand    = latest(shop, pair->item, true);
            }
            item->n_buyer++;
            item->net += pair->net;
            item->valued_milli += pair->valued_milli;
            if (first_s < item->first_s) item->first_s = first_s;
        }
    }
    for (size_t i = 0; i < shop->n_items; i++)
        place_item(shop, &shop->item[i]);
}

static void note_what_the_log_holds(ref_shop *shop)
{
    shop->log_us = shop->as_of_us;
    for (size_t i = 0; i < shop->n_persons; i++) {
        const ref_person *p = &shop->person[i];
        if (p->event[0].at_us < shop->log_us) shop->log_us = p->event[0].at_us;
        for (size_t j = 0; j < p->n_events; j++)
            shop->n_kind[p->event[j].kind]++;
        shop->n_basket += p->n_all_orders > 0;
        shop->n_refunder += p->n_refunds > 0;
        for (size_t j = 0; j < p->n_orders; j++) {
            shop->n_valued += p->order[j].n_valued;
            shop->n_coupon += p->order[j].n_coupon > 0;
            shop->n_clock +=
                clade_zone_to_local(shop->zone, p->order[j].at_us) % CLADE_US_PER_DAY != 0;
        }
        shop->n_session += (int64_t)p->n_sessions;
        for (size_t j = 0; j < p->n_sessions; j++) {
            shop->n_session_buy += p->session[j].did[REF_PURCHASE] > 0;
            shop->n_session_clock +=
                clade_zone_to_local(shop->zone, p->session[j].first_us) % CLADE_US_PER_DAY != 0;
        }
    }
}

/* Moments of the repeat rate (repeat orders x in T seconds) and of order values (docs/maths). */
static void learn_priors(ref_shop *shop)
{
    long double n_buyers = 0, n_orders = 0, sum = 0, square = 0, between = 0, order_square = 0;
    long double x_sum = 0, t_sum = 0, xx = 0, xt = 0, tt = 0;

    for (size_t i = 0; i < shop->n_persons; i++) {
        const ref_person *p = &shop->person[i];
        const long double n = (long double)p->n_orders;
        long double       s = 0;
        if (p->n_orders == 0) continue;
        for (size_t j = 0; j < p->n_orders; j++) {
            s += (long double)p->order[j].net;
            square += (long double)p->order[j].net * (long double)p->order[j].net;
        }
        const long double t = (long double)(shop->as_of_us / CLADE_US_PER_SECOND -
                                            p->order[0].at_us / CLADE_US_PER_SECOND);
        n_buyers++;
        n_orders += n;
        sum += s;
        order_square += n * n;
        between += floorl(s * s / n);
        x_sum += n - 1;
        t_sum += t;
        xx += (n - 1) * (n - 1);
        xt += (n - 1) * t;
        tt += t * t;
    }
    shop->rate = shop->rate_weight_s = shop->value = shop->value_weight = (double)NAN;
    if (t_sum > 0) {
        const long double rate = x_sum / t_sum;
        const long double room = (xx - 2 * rate * xt + rate * rate * tt - rate * t_sum) / tt;
        shop->rate             = (double)rate;
        if (room > 0) shop->rate_weight_s = (double)(rate / room);
    }
    if (n_orders > 0 && shop->n_valued > 0) shop->value = (double)(sum / n_orders);
    if (n_buyers > 1 && n_orders > n_buyers) {
        const long double noise = (square - between) / (n_orders - n_buyers);
        const long double room  = ((between - sum * sum / n_orders) / (n_buyers - 1) - noise) /
                                 ((n_orders - order_square / n_orders) / (n_buyers - 1));
        if (room > 0) shop->value_weight = (double)(noise / room);
    }
}

clade_status ref_shop_open(ref_shop *shop, clade_store *store, int64_t as_of_us, clade_error *err)
{
    char text[64] = "";

    *shop = (ref_shop){ .as_of_us = as_of_us, .arena = clade_arena_create(1 << 20) };
    if (shop->arena == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a shop");
    if (clade_store_setting_get(text, sizeof text, store, "currency", err) != CLADE_OK)
        snprintf(text, sizeof text, "EUR");
    text[3]     = '\0';
    shop->minor = pow(10, clade_currency_digits(text));
    if (clade_store_setting_get(text, sizeof text, store, "zone", err) != CLADE_OK)
        snprintf(text, sizeof text, "UTC");
    CLADE_TRY(clade_zone_open(&shop->zone, text, err));
    shop->year = ref_clock(shop, as_of_us).year;
    CLADE_TRY(read_tables(shop, store, err));

    shop->person = take(shop, shop->n_events, sizeof(ref_person));
    for (size_t i = 0; i < shop->n_events; i++) {
        ref_person *person = &shop->person[shop->n_persons];
        if (i == 0 || shop->event[i].customer != shop->event[i - 1].customer) {
            person           = &shop->person[shop->n_persons++];
            person->customer = shop->event[i].customer;
            person->event    = &shop->event[i];
        } else {
            person--;
        }
        person->n_events++;
    }
    for (size_t i = 0; i < shop->n_persons; i++)
        make_person(shop, &shop->person[i]);
    make_items(shop);
    note_what_the_log_holds(shop);
    learn_priors(shop);
    return CLADE_OK;
}

void ref_shop_close(ref_shop *shop)
{
    clade_zone_close(shop->zone);
    clade_arena_free(shop->arena);
}

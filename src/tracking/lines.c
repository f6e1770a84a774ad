/* An event's properties become its lines: one, or one a product. An order's money is settled from
 * what the client says of it, and shared out so that the lines sum to it exactly. */
#include "internal.h"

static const uint64_t BASE = FIELD_BIT(FIELD_COUPON) | FIELD_BIT(FIELD_CURRENCY) |
                             FIELD_BIT(FIELD_ORDER) | FIELD_BIT(FIELD_SESSION) |
                             FIELD_BIT(FIELD_QUERY) | FIELD_BIT(FIELD_EMAIL) |
                             FIELD_BIT(FIELD_PHONE);
static const uint64_t CATEGORIES = FIELD_BIT(FIELD_CATEGORY) | FIELD_BIT(FIELD_CATEGORY2) |
                                   FIELD_BIT(FIELD_CATEGORY3) | FIELD_BIT(FIELD_CATEGORY4) |
                                   FIELD_BIT(FIELD_CATEGORY5);
static const uint64_t PRODUCT =
    FIELD_BIT(FIELD_PRODUCT_ID) | FIELD_BIT(FIELD_SKU) | FIELD_BIT(FIELD_ID) |
    FIELD_BIT(FIELD_ITEM_NAME) | FIELD_BIT(FIELD_NAME) | CATEGORIES | FIELD_BIT(FIELD_BRAND) |
    FIELD_BIT(FIELD_VARIANT) | FIELD_BIT(FIELD_PRICE) | FIELD_BIT(FIELD_QUANTITY) |
    FIELD_BIT(FIELD_COUPON) | FIELD_BIT(FIELD_CURRENCY);
static const uint64_t MONEY = FIELD_BIT(FIELD_REVENUE) | FIELD_BIT(FIELD_SUBTOTAL) |
                              FIELD_BIT(FIELD_TOTAL) | FIELD_BIT(FIELD_SHIPPING) |
                              FIELD_BIT(FIELD_TAX) | FIELD_BIT(FIELD_DISCOUNT) |
                              FIELD_BIT(FIELD_VALUE);

/* The members of an object that have fields, and how many there are. */
typedef struct fields {
    uint32_t cell[N_FIELD]; /* 0 when it is not there */
} fields;

/* A line on its way: its event, and the numbers its money is made of. */
typedef struct line {
    decimal price, quantity, discount;
} line;

static void keep_as_property(draft *d, uint32_t cell)
{
    clade__pair_value(d, &d->t->property, clade__scalar(d, cell - 1), cell);
}

/* Those of `take` go to fields, those of `see` to both, the rest to properties. */
static void fields_read(draft *d, fields *out, uint32_t object, uint64_t take, uint64_t see)
{
    const clade_json_tape *const tape = &d->t->tape;
    memset(out, 0, sizeof *out);
    if (object == 0 || tape->cell[object].type != CLADE_JSON_OBJECT) return;
    CLADE_JSON_EACH_MEMBER(tape, object, key)
    {
        const int found    = clade__words_find(&d->t->words.field, clade_json_tape_raw(tape, key));
        const uint64_t bit = found < 0 ? 0 : FIELD_BIT(found);
        if (((take | see) & bit) != 0) out->cell[found] = key + 1;
        if ((take & bit) == 0)
            clade__pair_value(d, &d->t->property, clade__scalar(d, key), key + 1);
    }
}

/* The text of a field; a container is no text and stays a property. */
static clade_text text_of(draft *d, const fields *f, field_name name)
{
    const uint32_t cell = f->cell[name];
    if (cell == 0) return (clade_text){ NULL, 0 };
    if (d->t->tape.cell[cell].type >= CLADE_JSON_ARRAY) {
        clade__note(d, CLADE_TRACKING_N_FIELD, clade__scalar(d, cell - 1), clade__scalar(d, cell));
        keep_as_property(d, cell);
        return (clade_text){ NULL, 0 };
    }
    return clade_text_trim(clade__scalar(d, cell));
}

/* A number as decimal text; what is none stays a property. */
static clade_text number_of(draft *d, const fields *f, field_name name, decimal *out)
{
    const uint32_t   cell = f->cell[name];
    const clade_text text = clade_text_trim(clade__scalar(d, cell));
    bool             plain;
    *out = (decimal){ 0 };
    if (text.size == 0) return text;
    if (!clade__decimal_read(out, text, &plain)) {
        clade__note(d, CLADE_TRACKING_N_NO_NUMBER, clade__scalar(d, cell - 1), text);
        keep_as_property(d, cell);
        return (clade_text){ NULL, 0 };
    }
    if (d->t->tape.cell[cell].type == CLADE_JSON_TEXT)
        clade__note(d, CLADE_TRACKING_N_NUMBER, clade__scalar(d, cell - 1), text);
    if (plain) return text;
    const clade_text written = clade__decimal_text(*out, d->t->arena);
    if (written.data == NULL) d->t->no_memory = true;
    return written;
}

static clade_text decimal_text(draft *d, decimal value)
{
    const clade_text text = clade__decimal_text(value, d->t->arena);
    if (text.data == NULL) d->t->no_memory = true;
    return text;
}

/* "usd" is written as it should be. */
static clade_text upper(draft *d, clade_text code)
{
    char three[3];
    bool same = true;
    for (int i = 0; i < 3; i++) {
        three[i] = (char)(code.data[i] & ~0x20);
        same     = same && three[i] == code.data[i];
    }
    if (same) return code;
    const clade_text written = { clade_arena_text(d->t->arena, three, 3), 3 };
    if (written.data == NULL) d->t->no_memory = true;
    return written.data == NULL ? code : written;
}

static clade_text currency_of(draft *d, const fields *f)
{
    const clade_text code = text_of(d, f, FIELD_CURRENCY);
    bool             good = code.size == 3;
    for (size_t i = 0; i < code.size && good; i++)
        good = (code.data[i] >= 'A' && code.data[i] <= 'Z') ||
               (code.data[i] >= 'a' && code.data[i] <= 'z');
    if (good) return upper(d, code);
    if (code.size == 0) return code;
    clade__note(d, CLADE_TRACKING_N_FIELD, CLADE_TEXT("currency"), code);
    keep_as_property(d, f->cell[FIELD_CURRENCY]);
    return (clade_text){ NULL, 0 };
}

/* Digits behind the point of the smallest unit. */
static int digits_of(const draft *d, clade_text currency)
{
    char code[4] = { 0 };
    if (currency.size != 3) {
        memcpy(code, d->t->options.currency, sizeof code);
    } else {
        memcpy(code, currency.data, 3);
    }
    return clade_currency_digits(code);
}

/* ---------------------------------------------------------------- one product */

static clade_text category_of(draft *d, const fields *f)
{
    clade_text whole = text_of(d, f, FIELD_CATEGORY);
    for (int level = FIELD_CATEGORY2; level <= FIELD_CATEGORY5; level++) {
        const clade_text next = text_of(d, f, (field_name)level);
        if (next.size == 0) continue;
        char *both = clade_arena_alloc(d->t->arena, whole.size + 3 + next.size + 1, 1);
        if (both == NULL) {
            d->t->no_memory = true;
            return whole;
        }
        if (whole.size > 0) memcpy(both, whole.data, whole.size);
        memcpy(both + whole.size, " > ", 3);
        memcpy(both + whole.size + 3, next.data, next.size);
        whole = whole.size == 0 ? next : (clade_text){ both, whole.size + 3 + next.size };
    }
    return whole;
}

static void product_read(draft *d, clade_live_event *event, line *numbers, const fields *f)
{
    const clade_text id = text_of(d, f, FIELD_PRODUCT_ID), sku = text_of(d, f, FIELD_SKU);
    const clade_text old = text_of(d, f, FIELD_ID), name = text_of(d, f, FIELD_NAME);
    event->item_name = text_of(d, f, FIELD_ITEM_NAME);
    if (event->item_name.size == 0) event->item_name = name;
    event->item = id.size > 0 ? id : sku.size > 0 ? sku : old.size > 0 ? old : event->item_name;
    if (id.size > 0 && sku.size > 0 && !clade_text_equal(id, sku))
        keep_as_property(d, f->cell[FIELD_SKU]);
    if (old.size > 0 && !clade_text_equal(event->item, old)) keep_as_property(d, f->cell[FIELD_ID]);
    event->category   = category_of(d, f);
    event->brand      = text_of(d, f, FIELD_BRAND);
    event->variant    = text_of(d, f, FIELD_VARIANT);
    event->price      = number_of(d, f, FIELD_PRICE, &numbers->price);
    event->quantity   = number_of(d, f, FIELD_QUANTITY, &numbers->quantity);
    numbers->discount = (decimal){ 0 };
    if (d->ga4) (void)number_of(d, f, FIELD_DISCOUNT, &numbers->discount);
    if (numbers->quantity.there && numbers->quantity.mantissa < 0) { /* the kind has the sign */
        numbers->quantity.mantissa = -numbers->quantity.mantissa;
        clade__note(d, CLADE_TRACKING_N_NUMBER, CLADE_TEXT("quantity"), event->quantity);
        event->quantity = decimal_text(d, numbers->quantity);
    }
}

/* A product of a list: an object, or its id alone. */
static void product_of_list(draft *d, clade_live_event *event, line *numbers, uint32_t cell)
{
    fields f;
    *numbers         = (line){ 0 };
    d->t->property.n = d->t->property.n_over = 0;
    if (d->t->tape.cell[cell].type == CLADE_JSON_OBJECT) {
        fields_read(d, &f, cell, PRODUCT | (d->ga4 ? FIELD_BIT(FIELD_DISCOUNT) : 0), 0);
        product_read(d, event, numbers, &f);
        const clade_text coupon = text_of(d, &f, FIELD_COUPON), currency = currency_of(d, &f);
        if (coupon.size > 0) event->coupon = coupon;
        if (currency.size > 0) event->currency = currency;
    } else {
        event->item = clade_text_trim(clade__scalar(d, cell));
    }
    event->property = clade__pairs_keep(d, &d->t->property, &event->n_properties);
}

/* ---------------------------------------------------------------- an order's money */

typedef struct order {
    int     digits;
    int64_t net, discount; /* in the smallest unit */
    bool    has_net, has_discount;
} order;

/* In the smallest unit; false when it is not there or too large. */
static bool units_of(draft *d, const fields *f, field_name name, int digits, int64_t *out)
{
    decimal value;
    *out = 0;
    if (f->cell[name] == 0) return false;
    const clade_text text = clade_text_trim(clade__scalar(d, f->cell[name]));
    bool             plain;
    if (text.size == 0) return false;
    if (!clade__decimal_read(&value, text, &plain) || !clade__decimal_units(out, value, digits)) {
        clade__note(d, CLADE_TRACKING_N_NO_NUMBER, clade__scalar(d, f->cell[name] - 1), text);
        return false;
    }
    if (d->t->tape.cell[f->cell[name]].type == CLADE_JSON_TEXT)
        clade__note(d, CLADE_TRACKING_N_NUMBER, clade__scalar(d, f->cell[name] - 1), text);
    return true;
}

static void took(draft *d, const char *what)
{
    clade__note(d, CLADE_TRACKING_N_MONEY, clade_text_of(what), (clade_text){ NULL, 0 });
}

/* What was paid for the goods, without shipping and tax. By the spec, revenue is that; in practice,
 * and in the spec's own example, the discount is sometimes still in it, and sometimes somebody put
 * total there: then two other amounts must say so together. docs/formats/tracking.md, "Money". */
static void order_settle(draft *d, order *o, const fields *f, int64_t lines, bool priced,
                         bool refund)
{
    int64_t    revenue, subtotal, total, shipping, tax, value;
    const int  digits       = o->digits;
    const bool has_shipping = units_of(d, f, FIELD_SHIPPING, digits, &shipping);
    const bool has_tax      = units_of(d, f, FIELD_TAX, digits, &tax);
    const bool has_subtotal = units_of(d, f, FIELD_SUBTOTAL, digits, &subtotal);
    const bool has_total    = units_of(d, f, FIELD_TOTAL, digits, &total);
    const bool has_value    = units_of(d, f, FIELD_VALUE, digits, &value);
    bool       has_revenue  = units_of(d, f, FIELD_REVENUE, digits, &revenue);
    o->has_discount         = units_of(d, f, FIELD_DISCOUNT, digits, &o->discount);
    if (o->discount < 0) o->discount = -o->discount;
    if (d->ga4 && !has_revenue && has_value) { /* GA4's value is the sum of its items */
        has_revenue = true;
        revenue     = value;
    }
    const int64_t extra = shipping + tax, net_total = total - extra;
    const bool    has_net_total = has_total && (has_shipping || has_tax);

    o->has_net = true;
    if (has_revenue) {
        const int64_t less = revenue - o->discount;
        const bool    said =
            (has_subtotal && subtotal == revenue) || (has_net_total && net_total == revenue);
        const bool lessened =
            (has_subtotal && subtotal == less) || (has_net_total && net_total == less);
        const bool is_total = has_total && total == revenue && extra != 0 && priced &&
                              lines - o->discount == net_total;
        o->net = revenue;
        if (!said && lessened && o->discount != 0) {
            o->net = less;
            took(d, "revenue less discount");
        } else if (!said && is_total) {
            o->net = net_total;
            took(d, "total less shipping and tax");
        }
    } else if (refund && priced) {
        o->net = lines - o->discount; /* a refund's total may hold the shipping that came back */
    } else if (has_subtotal) {
        o->net = subtotal;
    } else if (has_net_total) {
        o->net = net_total;
    } else if (priced) {
        o->net = lines - o->discount;
    } else if (has_total || has_value) {
        o->net = has_total ? total : value;
        took(d, has_total ? "total" : "value");
    } else {
        o->has_net = false;
    }
    if (!has_revenue && priced && o->net < 0) o->net = 0; /* a voucher above the goods */
    if (refund && o->net < 0) o->net = -o->net;
}

/* Weights of lines: what their prices come to. A line without a price takes, by its quantity, of
 * what the others leave. */
static bool weigh(draft *d, const order *o, int64_t *weight, const line *numbers, size_t n,
                  int64_t *out_sum, bool *out_priced)
{
    *out_sum    = 0;
    *out_priced = n > 0;
    for (size_t i = 0; i < n; i++) {
        const decimal one = { 1, 0, true };
        weight[i]         = 0;
        if (!numbers[i].price.there) {
            *out_priced = false;
            continue;
        }
        if (!clade__decimals_product(&weight[i], numbers[i].price,
                                     numbers[i].quantity.there ? numbers[i].quantity : one,
                                     o->digits)) {
            clade__note(d, CLADE_TRACKING_N_NO_NUMBER, CLADE_TEXT("price"),
                        decimal_text(d, numbers[i].price));
            return false;
        }
        if (weight[i] < 0) weight[i] = 0; /* a price below nothing takes no share */
        *out_sum += weight[i];
    }
    return true;
}

static void weigh_unpriced(const order *o, int64_t *weight, const line *numbers, size_t n,
                           int64_t sum, int64_t *pieces, int64_t *part)
{
    static const int64_t ONE = 1000, MOST = INT64_C(1000000000); /* thousandths of a piece */
    int64_t              any = 0;
    for (size_t i = 0; i < n; i++) {
        pieces[i] = 0;
        if (numbers[i].price.there && sum > 0) continue;
        if (!numbers[i].quantity.there ||
            !clade__decimal_units(&pieces[i], numbers[i].quantity, 3)) {
            pieces[i] = ONE;
        }
        if (pieces[i] > MOST) pieces[i] = MOST;
        any |= pieces[i];
    }
    if (any == 0 || o->net <= sum) return;
    clade__share(part, o->net - sum, pieces, n);
    for (size_t i = 0; i < n; i++)
        weight[i] += part[i];
}

/* Sum of weights 0: then everything is on the first line. */
static void share(int64_t *out, int64_t amount, int64_t *weight, size_t n)
{
    int64_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= weight[i];
    if (any == 0) {
        memset(out, 0, n * sizeof *out);
        out[0] = amount;
        return;
    }
    clade__share(out, amount, weight, n);
}

static void order_share(draft *d, clade_live_event *event, const line *numbers, size_t n,
                        const fields *f, bool refund)
{
    clade_tracking *const t = d->t;
    if (!CLADE_GROW(&t->unit, &t->unit_capacity, 3 * n)) {
        t->no_memory = true;
        return;
    }
    int64_t *const weight = t->unit, *const amount = weight + n, *const discount = amount + n;
    order   o = { .digits = digits_of(d, event[0].currency) };
    int64_t sum;
    bool    priced;
    if (!weigh(d, &o, weight, numbers, n, &sum, &priced)) return;
    order_settle(d, &o, f, sum, priced, refund);
    if (o.has_net) {
        if (!priced || sum == 0) weigh_unpriced(&o, weight, numbers, n, sum, amount, discount);
        share(amount, o.net, weight, n);
        if (priced && sum != o.net + o.discount && sum != o.net)
            clade__note(d, CLADE_TRACKING_N_LINES, (clade_text){ NULL, 0 },
                        decimal_text(d, clade__decimal_of(sum, o.digits)));
        for (size_t i = 0; i < n; i++) {
            const int64_t signed_amount = refund ? -amount[i] : amount[i];
            event[i].amount = decimal_text(d, clade__decimal_of(signed_amount, o.digits));
        }
    }
    if (o.has_discount && o.discount != 0) {
        if (priced && o.has_net && sum - o.net == o.discount) {
            for (size_t i = 0; i < n; i++)
                discount[i] = weight[i] - amount[i];
        } else {
            share(discount, o.discount, weight, n);
        }
        for (size_t i = 0; i < n; i++)
            event[i].discount = decimal_text(d, clade__decimal_of(discount[i], o.digits));
    }
}

/* GA4's price has the discount taken off, and discount is of one piece: price becomes the list's.
 */
static void ga4_discounts(draft *d, clade_live_event *event, const line *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const decimal one      = { 1, 0, true };
        const decimal discount = numbers[i].discount;
        const decimal quantity = numbers[i].quantity.there ? numbers[i].quantity : one;
        decimal       list;
        int64_t       off;
        const int     digits = digits_of(d, event[i].currency);
        if (!discount.there || discount.mantissa <= 0 || !numbers[i].price.there) continue;
        if (!clade__decimal_add(&list, numbers[i].price, discount) ||
            !clade__decimals_product(&off, discount, quantity, digits)) {
            continue;
        }
        event[i].price    = decimal_text(d, list);
        event[i].discount = decimal_text(d, clade__decimal_of(off, digits));
    }
}

/* ---------------------------------------------------------------- an event */

static void base_read(draft *d, const fields *f)
{
    clade_live_event *const e = &d->event;
    e->order_ref              = text_of(d, f, FIELD_ORDER);
    e->session                = text_of(d, f, FIELD_SESSION);
    e->query                  = text_of(d, f, FIELD_QUERY);
    e->coupon                 = text_of(d, f, FIELD_COUPON);
    e->currency               = currency_of(d, f);
    const clade_text email = text_of(d, f, FIELD_EMAIL), phone = text_of(d, f, FIELD_PHONE);
    if (email.size > 0) e->email = email;
    if (phone.size > 0) e->phone = phone;
}

/* How many lines, and which list they come from (0: the properties themselves). */
static size_t lines_count(const draft *d, const fields *f, meaning m, uint32_t *out_list)
{
    const clade_json_tape *const tape = &d->t->tape;
    const uint32_t               list = f->cell[FIELD_PRODUCTS];
    const bool                   own  = f->cell[FIELD_PRODUCT_ID] != 0 || f->cell[FIELD_SKU] != 0;
    size_t                       n    = 0;
    *out_list                         = 0;
    if (list == 0 || tape->cell[list].type != CLADE_JSON_ARRAY || m.shape == SHAPE_PLAIN ||
        (m.shape == SHAPE_LINE && own)) {
        return 1;
    }
    CLADE_JSON_EACH_VALUE(tape, list, value) n += tape->cell[value].type != CLADE_JSON_NULL;
    if (n == 0) return 1;
    *out_list = list;
    return n;
}

static uint64_t line_key(uint64_t key, size_t at)
{
    const uint64_t both[2] = { key, at };
    if (at == 0) return key;
    const uint64_t mixed = clade_hash64(both, sizeof both, 0);
    return mixed == 0 ? 1 : mixed;
}

static uint64_t taken_by(clade_live_kind kind, event_shape shape, clade_tracking_endpoint call)
{
    uint64_t take = BASE;
    if (shape != SHAPE_PLAIN) take |= PRODUCT | FIELD_BIT(FIELD_PRODUCTS);
    if (shape == SHAPE_PLAIN && kind == CLADE_LIVE_VIEW && call != CLADE_TRACKING_PAGE &&
        call != CLADE_TRACKING_SCREEN) {
        take |= CATEGORIES; /* a list of products was looked at */
    }
    if (kind == CLADE_LIVE_REVIEW) take |= FIELD_BIT(FIELD_RATING) | FIELD_BIT(FIELD_REVIEW);
    if (kind == CLADE_LIVE_VIEW) take |= FIELD_BIT(FIELD_DWELL);
    return take;
}

static meaning meaning_of(const draft *d)
{
    switch (d->call) {
    case CLADE_TRACKING_IDENTIFY: return (meaning){ CLADE_LIVE_IDENTIFY, SHAPE_PLAIN, NULL };
    case CLADE_TRACKING_ALIAS: return (meaning){ CLADE_LIVE_ALIAS, SHAPE_PLAIN, NULL };
    case CLADE_TRACKING_GROUP: return (meaning){ CLADE_LIVE_CUSTOM, SHAPE_PLAIN, NULL };
    case CLADE_TRACKING_PAGE:
    case CLADE_TRACKING_SCREEN: return (meaning){ CLADE_LIVE_VIEW, SHAPE_PLAIN, NULL };
    default: return clade__event_meaning(&d->t->words, d->event.name);
    }
}

/* What all lines share is in d->event; each line adds its own. The first one alone carries the
 * properties of the whole: what an order says once is kept once. */
static void emit(draft *d, clade_live_event *event, line *numbers, uint32_t list)
{
    clade_live_event shared = d->event;
    shared.property         = NULL;
    shared.n_properties     = 0;
    size_t at               = 0;
    CLADE_JSON_EACH_VALUE(&d->t->tape, list, value)
    {
        if (d->t->tape.cell[value].type == CLADE_JSON_NULL) continue;
        event[at]             = shared;
        event[at].message_key = line_key(d->item->key, at);
        product_of_list(d, &event[at], &numbers[at], value);
        at++;
    }
}

static const clade_live_pair *pairs_join(draft *d, const clade_live_pair *a, size_t n_a,
                                         const clade_live_pair *b, size_t n_b)
{
    if (n_b == 0) return a;
    if (n_a == 0) return b;
    clade_live_pair *both = CLADE_ARENA_NEW(d->t->arena, clade_live_pair, n_a + n_b);
    if (both == NULL) {
        d->t->no_memory = true;
        return a;
    }
    memcpy(both, a, n_a * sizeof *a);
    memcpy(both + n_a, b, n_b * sizeof *b);
    return both;
}

void clade__lines_read(draft *d, uint32_t properties)
{
    clade_tracking *const t = d->t;
    const meaning         m = meaning_of(d);
    fields                f;
    uint32_t              list;
    decimal               number;
    d->event.kind = m.kind;
    fields_read(d, &f, properties, taken_by(m.kind, m.shape, d->call),
                m.shape == SHAPE_ORDER ? MONEY : 0);
    const size_t n = lines_count(d, &f, m, &list);
    if (t->n_lines + n > t->options.max_lines) {
        d->item->code = CLADE_TRACKING_E_TOO_MANY_LINES;
        return;
    }
    clade_live_event *const event   = CLADE_ARENA_NEW(t->arena, clade_live_event, n);
    line *const             numbers = CLADE_ARENA_NEW(t->arena, line, n);
    if (event == NULL || numbers == NULL) {
        t->no_memory = true;
        return;
    }
    base_read(d, &f);
    d->event.status = clade_text_of(m.status);
    if (m.kind == CLADE_LIVE_REVIEW) {
        d->event.rating = number_of(d, &f, FIELD_RATING, &number);
        d->event.text   = text_of(d, &f, FIELD_REVIEW);
    }
    if (m.kind == CLADE_LIVE_VIEW) d->event.dwell_s = number_of(d, &f, FIELD_DWELL, &number);
    if (m.shape == SHAPE_PLAIN) d->event.category = category_of(d, &f);
    if (list != 0) { /* then the whole's own product fields mean something else */
        for (int i = 0; i < N_FIELD; i++) {
            if (f.cell[i] != 0 && ((PRODUCT & ~BASE) & FIELD_BIT(i)) != 0)
                keep_as_property(d, f.cell[i]);
        }
    } else if (m.shape != SHAPE_PLAIN) {
        if (f.cell[FIELD_PRODUCTS] != 0) keep_as_property(d, f.cell[FIELD_PRODUCTS]);
        product_read(d, &d->event, &numbers[0], &f);
    }
    clade__context_read(d);
    d->event.trait    = clade__pairs_keep(d, &t->trait, &d->event.n_traits);
    d->event.property = clade__pairs_keep(d, &t->property, &d->event.n_properties);
    event[0]          = d->event;
    if (list != 0) {
        emit(d, event, numbers, list);
        event[0].property     = pairs_join(d, d->event.property, d->event.n_properties,
                                           event[0].property, event[0].n_properties);
        event[0].n_properties = d->event.n_properties + event[0].n_properties;
    }
    if (m.shape == SHAPE_ORDER) order_share(d, event, numbers, n, &f, m.kind == CLADE_LIVE_REFUND);
    if (d->ga4) ga4_discounts(d, event, numbers, n);
    d->item->event    = event;
    d->item->n_events = n;
    t->n_lines += n;
}

/* From a row of text fields to a typed row: values parsed, kind decided, money exact, identity
 * hashed. Runs once for every row of a file on the reading thread; texts go into the batch, so
 * there is no allocation a row. The plan lists columns in the order of their slots, so the texts
 * that make a row itself lie side by side and are hashed in one piece, whatever the order of the
 * columns. */
#include "load_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* A log without a clock runs on a synthetic time line from here: 2000-01-01. */
#define SYNTHETIC_BASE_US (INT64_C(946684800) * CLADE_US_PER_SECOND)
/* Later than this after now, a date is a mistake ("9999-12-31"); before it, a slip of zones. */
#define FUTURE_ROOM_US (366 * CLADE_US_PER_DAY)

/* What a row is, for its identity: numbers as written, sizes of the texts. */
typedef struct row_body {
    double quantity, price, amount, discount, rate, dwell, rating, stock, propensity, cost, outcome;
    int64_t  read_us;
    uint32_t has;
    uint32_t shape;
    char     currency[4];
    uint32_t size[SLOT_N_HASHED];
} row_body;

typedef struct row_values {
    clade__decimal quantity, price, amount, discount, cost;
    double         rate;
    bool           has_rate;
    int64_t        offset_ms;
    int64_t        sequence;
    bool           has_sequence;
    clade_text     time, clock;
    uint32_t       time_column;
} row_values;

bool clade__batch_room(load_batch *batch, size_t size)
{
    if (batch->text_size + size <= batch->text_capacity) return true;
    size_t capacity = batch->text_capacity == 0 ? 1 << 20 : batch->text_capacity;
    while (capacity < batch->text_size + size)
        capacity *= 2;
    char *text = realloc(batch->text, capacity);
    if (text == NULL) return false;
    if (batch->text == NULL) {
        text[0]          = '\0';
        batch->text_size = 1;
    }
    batch->text          = text;
    batch->text_capacity = capacity;
    return true;
}

static load_span batch_put(load_batch *batch, clade_text text)
{
    if (text.size == 0) return (load_span){ 0, 0 };
    const load_span span = { (uint32_t)batch->text_size, (uint32_t)text.size };
    memcpy(batch->text + batch->text_size, text.data, text.size);
    batch->text_size += text.size;
    return span;
}

static void mark_bad(load_row *row, const char *reason, size_t column)
{
    if (row->bad != NULL) return;
    row->bad        = reason;
    row->bad_column = column == SIZE_MAX ? UINT32_MAX : (uint32_t)column;
}

/* ---------------------------------------------------------------- single fields */

/* The moment as written (read as UTC: part of the row's identity, so that a corrected zone does not
 * make it another row) and the moment itself. */
static const char *parse_time(load_parser *parser, int64_t *out_read, int64_t *out_at,
                              clade_text text, const clade_column_map *column)
{
    load_memo *memo = &parser->time_memo;
    if (memo->set && memo->size == text.size && memcmp(memo->key, text.data, text.size) == 0) {
        *out_read = memo->read_us;
        *out_at   = memo->at_us;
        return NULL;
    }
    const char *reason = clade_value_time(out_read, text, column, NULL);
    if (reason != NULL) return reason;
    *out_at = *out_read;
    if (parser->plan->zone != NULL) {
        reason = clade_value_time(out_at, text, column, parser->plan->zone);
        if (reason != NULL) return reason;
    }
    if (text.size <= sizeof memo->key) {
        memcpy(memo->key, text.data, text.size);
        *memo =
            (load_memo){ .size = text.size, .read_us = *out_read, .at_us = *out_at, .set = true };
        memcpy(memo->key, text.data, text.size);
    }
    return NULL;
}

static load_kind parse_kind(load_parser *parser, clade_text text)
{
    for (int i = 0; i < parser->n_kinds; i++) {
        if (parser->kind[i].size == text.size &&
            memcmp(parser->kind[i].text, text.data, text.size) == 0) {
            return parser->kind[i].kind;
        }
    }
    const load_kind kind = clade__kind_parse(text, parser->plan->coded);
    if (text.size <= sizeof parser->kind[0].text && parser->n_kinds < LOAD_MAX_KINDS) {
        memcpy(parser->kind[parser->n_kinds].text, text.data, text.size);
        parser->kind[parser->n_kinds].size = (uint8_t)text.size;
        parser->kind[parser->n_kinds].kind = kind;
        parser->n_kinds++;
    }
    return kind;
}

static const char *parse_double(double *out, clade_text text, const clade_column_map *column)
{
    clade__decimal value;
    const char    *reason = clade__decimal_number(&value, text, column);
    if (reason == NULL) *out = clade__decimal_double(value);
    return reason;
}

static void put_private_free(load_parser *parser, load_batch *batch, load_row *row, load_slot slot,
                             clade_text text, bool phones)
{
    if (text.size == 0) return;
    const bool suspect = phones || memchr(text.data, '@', text.size) != NULL;
    if (!suspect || !clade__text_personal(text, phones)) {
        row->span[slot] = batch_put(batch, text);
        return;
    }
    const size_t n  = clade__text_redact(batch->text + batch->text_size, text, phones);
    row->span[slot] = (load_span){ (uint32_t)batch->text_size, (uint32_t)n };
    batch->text_size += n;
    parser->tally.n_redacted++;
}

/* An outside id. Capitals do not make another person of an e-mail address. */
static clade__name_hash put_person(load_batch *batch, load_row *row, load_slot slot, clade_text id)
{
    row->span[slot] = batch_put(batch, id);
    if (memchr(id.data, '@', id.size) != NULL) {
        char *copy = batch->text + row->span[slot].at;
        for (size_t i = 0; i < id.size; i++) {
            if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] + 32);
        }
    }
    return clade__name_of(load_text(batch, row->span[slot]));
}

static void set_currency(load_row *row, clade_text text)
{
    if (text.size != 3) return;
    for (int i = 0; i < 3; i++) {
        if (!isalpha((unsigned char)text.data[i])) return;
    }
    for (int i = 0; i < 3; i++)
        row->currency[i] = (char)toupper((unsigned char)text.data[i]);
    row->currency[3] = '\0';
}

static const char *parse_amount(load_parser *parser, load_row *row, clade__decimal *out,
                                clade_text text, const clade_column_map *column)
{
    char        found[4];
    const char *home   = row->currency[0] != '\0' ? row->currency : parser->plan->currency;
    const char *reason = clade__decimal_money(out, found, text, column, home);
    if (reason == NULL && found[0] != '\0' && row->currency[0] == '\0') {
        memcpy(row->currency, found, 4);
    }
    return reason;
}

/* Fields that are kept as text, and how: as they are, or screened for personal data that does not
 * belong there; a screened id loses what a spreadsheet did to it, a query may hold phone numbers.
 */
typedef enum text_rule { NO_TEXT, PLAIN, SCREENED, SCREENED_ID, SCREENED_PHONES } text_rule;

typedef struct text_field {
    text_rule rule;
    load_slot slot;
} text_field;

static const text_field text_fields[CLADE_N_FIELD] = {
    [CLADE_FIELD_KIND]        = { PLAIN, SLOT_KIND },
    [CLADE_FIELD_STATUS]      = { PLAIN, SLOT_STATUS },
    [CLADE_FIELD_ITEMS]       = { PLAIN, SLOT_ITEMS },
    [CLADE_FIELD_TEXT]        = { PLAIN, SLOT_TEXT },
    [CLADE_FIELD_RIVAL]       = { PLAIN, SLOT_RIVAL },
    [CLADE_FIELD_CATEGORY]    = { PLAIN, SLOT_CATEGORY },
    [CLADE_FIELD_SUBCATEGORY] = { PLAIN, SLOT_SUBCATEGORY },
    [CLADE_FIELD_BRAND]       = { PLAIN, SLOT_BRAND },
    [CLADE_FIELD_NAME]        = { PLAIN, SLOT_NAME },
    [CLADE_FIELD_EMAIL]       = { PLAIN, SLOT_EMAIL },
    [CLADE_FIELD_PHONE]       = { PLAIN, SLOT_PHONE },
    [CLADE_FIELD_ADDRESS]     = { PLAIN, SLOT_ADDRESS },
    [CLADE_FIELD_CHANNEL]     = { SCREENED, SLOT_CHANNEL },
    [CLADE_FIELD_DEVICE]      = { SCREENED, SLOT_DEVICE },
    [CLADE_FIELD_COUPON]      = { SCREENED, SLOT_COUPON },
    [CLADE_FIELD_ARM]         = { SCREENED, SLOT_ARM },
    [CLADE_FIELD_EDGE_KIND]   = { SCREENED, SLOT_EDGE_KIND },
    [CLADE_FIELD_ITEM_NAME]   = { SCREENED, SLOT_ITEM_NAME },
    [CLADE_FIELD_ITEM]        = { SCREENED_ID, SLOT_ITEM },
    [CLADE_FIELD_ORDER]       = { SCREENED_ID, SLOT_ORDER },
    [CLADE_FIELD_SESSION]     = { SCREENED_ID, SLOT_SESSION },
    [CLADE_FIELD_CAMPAIGN]    = { SCREENED_ID, SLOT_CAMPAIGN },
    [CLADE_FIELD_QUERY]       = { SCREENED_PHONES, SLOT_QUERY },
};

static void put_text_field(load_parser *parser, load_batch *batch, load_row *row, text_field kept,
                           clade_text text)
{
    if (kept.rule == PLAIN) {
        row->span[kept.slot] = batch_put(batch, text);
        return;
    }
    if (kept.rule == SCREENED_ID) text = clade__value_id(text);
    put_private_free(parser, batch, row, kept.slot, text, kept.rule == SCREENED_PHONES);
}

/* "yes" and "是" are 1 where a number was looked for; whatever else is written there is 0. */
static void parse_outcome(load_row *row, clade_text text, const clade_column_map *map)
{
    if (parse_double(&row->outcome, text, map) != NULL) {
        row->outcome = clade__looks_like_staff((clade_text){ 0 }, CLADE_TEXT("staff"), text);
    }
    row->has |= ROW_HAS_OUTCOME;
}

static const char *parse_dwell(load_row *row, clade_text text, const clade_column_map *map)
{
    double      seconds = 0;
    const char *reason  = parse_double(&seconds, text, map);
    if (reason != NULL || !(seconds >= 0 && seconds < 1e9)) return reason;
    row->dwell_us = (int64_t)(seconds * 1e6 + 0.5);
    row->has |= ROW_HAS_DWELL;
    return NULL;
}

static const char *parse_rate(row_values *values, clade_text text, const clade_column_map *map)
{
    const char *reason = parse_double(&values->rate, text, map);
    values->has_rate   = reason == NULL && values->rate > 0;
    return reason == NULL && !(values->rate > 0) ? "an exchange rate must be above 0" : reason;
}

/* Fields that are a number or money: what is read says that the row has it. */
static const char *parse_measure(load_parser *parser, load_row *row, row_values *values,
                                 clade_text text, const clade_column_map *map)
{
    const char *reason = NULL;
    uint32_t    has    = 0;
    switch (map->field) {
    case CLADE_FIELD_QUANTITY:
        has    = ROW_HAS_QUANTITY;
        reason = clade__decimal_number(&values->quantity, text, map);
        break;
    case CLADE_FIELD_PRICE:
        has    = ROW_HAS_PRICE;
        reason = parse_amount(parser, row, &values->price, text, map);
        break;
    case CLADE_FIELD_AMOUNT:
        has    = ROW_HAS_AMOUNT;
        reason = parse_amount(parser, row, &values->amount, text, map);
        break;
    case CLADE_FIELD_DISCOUNT:
        has    = ROW_HAS_DISCOUNT;
        reason = parse_amount(parser, row, &values->discount, text, map);
        break;
    case CLADE_FIELD_COST:
        has    = ROW_HAS_COST;
        reason = parse_amount(parser, row, &values->cost, text, map);
        break;
    case CLADE_FIELD_RATING:
        has    = ROW_HAS_RATING;
        reason = parse_double(&row->rating, text, map);
        break;
    case CLADE_FIELD_STOCK:
        has    = ROW_HAS_STOCK;
        reason = parse_double(&row->stock, text, map);
        break;
    case CLADE_FIELD_PROPENSITY:
        has    = ROW_HAS_PROPENSITY;
        reason = parse_double(&row->propensity, text, map);
        break;
    case CLADE_FIELD_RATE: return parse_rate(values, text, map);
    case CLADE_FIELD_DWELL_S: return parse_dwell(row, text, map);
    case CLADE_FIELD_OUTCOME: parse_outcome(row, text, map); break;
    default: break; /* not stored by this column alone: attributes, or nothing */
    }
    if (reason == NULL) row->has |= has;
    return reason;
}

/* Fields that say when: put together later, when the whole row is read. */
static const char *parse_when(load_parser *parser, load_row *row, row_values *values,
                              uint32_t column, clade_text text, const clade_column_map *map)
{
    const char *reason = NULL;
    double      number = 0;
    switch (map->field) {
    case CLADE_FIELD_TIME:
    case CLADE_FIELD_DATE:
        if (values->time.size == 0 || map->field == CLADE_FIELD_TIME) {
            values->time        = text;
            values->time_column = column;
        }
        break;
    case CLADE_FIELD_CLOCK: values->clock = text; break;
    case CLADE_FIELD_OFFSET_MS:
        reason            = parse_double(&number, text, map);
        values->offset_ms = (int64_t)number;
        break;
    case CLADE_FIELD_SEQUENCE:
        reason               = parse_double(&number, text, map);
        values->sequence     = (int64_t)number;
        values->has_sequence = reason == NULL;
        if (reason == NULL && !(number >= 0 && number < 1e6))
            reason = "the running number is too large";
        break;
    case CLADE_FIELD_REGISTERED:
        return clade_value_time(&row->registered_us, text, map, parser->plan->zone);
    default: break;
    }
    return reason;
}

/* One mapped column. Returns the reason why the row is bad, or NULL. */
static const char *parse_field(load_parser *parser, load_batch *batch, load_row *row,
                               row_values *values, row_body *body, size_t column, clade_text raw)
{
    const clade_column_map *map  = &parser->plan->mapping.column[column];
    const clade_text        text = clade__value_clean(raw);
    const text_field        kept = text_fields[map->field];
    if (text.size == 0) return NULL;
    if (kept.rule != NO_TEXT) {
        put_text_field(parser, batch, row, kept, text);
        if (map->field == CLADE_FIELD_ITEM) {
            row->item = clade__name_of(load_text(batch, row->span[SLOT_ITEM]));
        }
        return NULL;
    }
    switch (map->field) {
    case CLADE_FIELD_CUSTOMER:
        row->customer = put_person(batch, row, SLOT_CUSTOMER, clade__value_id(text));
        return NULL;
    case CLADE_FIELD_OTHER_CUSTOMER:
        row->other = put_person(batch, row, SLOT_OTHER, clade__value_id(text));
        return NULL;
    case CLADE_FIELD_MESSAGE:
        body->read_us = (int64_t)clade_hash64(text.data, text.size, parser->plan->message_seed);
        row->has |= ROW_HAS_MESSAGE;
        row->body = (uint64_t)body->read_us;
        return NULL;
    case CLADE_FIELD_CURRENCY: set_currency(row, text); return NULL;
    case CLADE_FIELD_TIME:
    case CLADE_FIELD_DATE:
    case CLADE_FIELD_CLOCK:
    case CLADE_FIELD_OFFSET_MS:
    case CLADE_FIELD_SEQUENCE:
    case CLADE_FIELD_REGISTERED:
        return parse_when(parser, row, values, (uint32_t)column, text, map);
    default: return parse_measure(parser, row, values, text, map);
    }
}

/* ---------------------------------------------------------------- the moment */

static const char *out_of_time(int64_t at_us, int64_t now_us)
{
    if (at_us < CLADE_TIME_MIN_US || at_us > CLADE_TIME_MAX_US) {
        return "the year is not between 1 and 9999";
    }
    if (at_us < 0) return "the moment lies before 1970";
    if (at_us == 0) return "1970-01-01 00:00 is how an empty date was written";
    if (at_us > now_us + FUTURE_ROOM_US) return "the moment lies more than a year in the future";
    return NULL;
}

static void decide_time(load_parser *parser, load_row *row, row_values *values, row_body *body)
{
    const load_plan *plan = parser->plan;
    char             joined[96];
    clade_text       text    = values->time;
    int64_t          read_us = 0, at_us = 0;

    if (text.size == 0) {
        if (plan->no_clock) {
            row->at_us = SYNTHETIC_BASE_US + values->sequence * CLADE_US_PER_DAY;
            if (!values->has_sequence && plan->of[CLADE_FIELD_ITEMS] < 0) {
                row->at_us += row->line * CLADE_US_PER_SECOND;
            }
            if (!values->has_sequence) row->gap_us = CLADE_US_PER_HOUR;
            body->read_us ^= values->sequence;
            return;
        }
        row->at_us = LOAD_NO_TIME;
        return;
    }
    if (values->clock.size > 0 && text.size + values->clock.size + 1 < sizeof joined) {
        memcpy(joined, text.data, text.size);
        joined[text.size] = ' ';
        memcpy(joined + text.size + 1, values->clock.data, values->clock.size);
        text = (clade_text){ joined, text.size + 1 + values->clock.size };
    }
    const char *reason =
        parse_time(parser, &read_us, &at_us, text, &plan->mapping.column[values->time_column]);
    if (reason == NULL) {
        at_us += values->offset_ms * 1000;
        reason = out_of_time(at_us, plan->now_us);
    }
    if (reason != NULL) {
        mark_bad(row, reason, values->time_column);
        return;
    }
    row->at_us = at_us;
    body->read_us ^= read_us + values->offset_ms * 1000;
    if (at_us > plan->now_us + 14 * CLADE_US_PER_HOUR) parser->tally.n_future++;
    if (at_us % CLADE_US_PER_DAY != 0) {
        parser->tally.n_with_clock++;
        parser->tally.hour[(at_us / CLADE_US_PER_HOUR) % 24]++;
    }
    if (at_us < parser->tally.min_us) parser->tally.min_us = at_us;
    if (at_us > parser->tally.max_us) parser->tally.max_us = at_us;
}

/* ---------------------------------------------------------------- money and kind */

static void count_currency(load_tally *tally, const char currency[4])
{
    int i = 0;
    while (i < tally->n_currencies && memcmp(tally->currency[i], currency, 3) != 0)
        i++;
    if (i == tally->n_currencies) {
        if (i == LOAD_MAX_CURRENCIES) return;
        memcpy(tally->currency[tally->n_currencies++], currency, 4);
    }
    tally->n_currency[i]++;
}

/* The amount's worth in the shop's own currency, when that can be said. */
static void decide_value(const load_plan *plan, load_row *row, const row_values *values)
{
    if (memcmp(row->currency, plan->shop_currency, 3) == 0) {
        row->value_minor = row->amount_minor;
        row->has |= ROW_HAS_VALUE;
        return;
    }
    const int digits = clade_currency_digits(row->currency);
    double    rate   = values->has_rate ? values->rate : 0;
    for (size_t i = 0; i < plan->n_rates && rate == 0; i++) {
        if (memcmp(plan->rate[i].currency, row->currency, 3) == 0) rate = plan->rate[i].rate;
    }
    if (rate > 0 && clade__money_convert(&row->value_minor, row->amount_minor, digits, rate,
                                         plan->shop_digits)) {
        row->has |= ROW_HAS_VALUE;
    }
}

/* What happened: the kind that is written, the state of the order, the sign of quantity and money.
 */
static load_kind decide_kind(load_parser *parser, load_batch *batch, load_row *row,
                             const row_values *values)
{
    const load_plan *plan = parser->plan;
    load_kind        kind = plan->kind;
    const clade_text word = load_text(batch, row->span[SLOT_KIND]);
    if (word.size > 0) {
        kind = parse_kind(parser, word);
        if (kind == LOAD_N_KIND) {
            kind = LOAD_KIND_CUSTOM;
            if (parser->tally.n_unknown_kind++ == 0) {
                const size_t n = word.size < 60 ? word.size : 60;
                memcpy(parser->tally.unknown_kind, word.data, n);
                parser->tally.unknown_kind[clade_utf8_valid(word.data, n)] = '\0';
            }
        }
    }
    if (kind != LOAD_KIND_PURCHASE) return kind;

    const clade_text  status = load_text(batch, row->span[SLOT_STATUS]);
    const load_status state  = status.size == 0 ? LOAD_STATUS_DONE : clade__status_parse(status);
    if (state == LOAD_STATUS_UNPAID) return LOAD_KIND_CHECKOUT;

    const bool       priced = (row->has & (ROW_HAS_PRICE | ROW_HAS_AMOUNT)) != 0;
    const bool       zero   = priced && values->price.mantissa == 0 && values->amount.mantissa == 0;
    const clade_text order  = load_text(batch, row->span[SLOT_ORDER]);
    const bool       prefix_c = order.size > 1 && (order.data[0] == 'C' || order.data[0] == 'c') &&
                          isdigit((unsigned char)order.data[1]);
    parser->tally.n_prefix_c += prefix_c;
    if (zero) parser->tally.n_zero_price++;
    if ((row->has & ROW_HAS_QUANTITY) && values->quantity.mantissa < 0) {
        parser->tally.n_prefix_c_negative += prefix_c;
        if (zero && row->span[SLOT_CUSTOMER].at == 0) {
            parser->tally.n_adjustment++;
            return LOAD_KIND_CUSTOM;
        }
        return LOAD_KIND_REFUND;
    }
    if ((row->has & ROW_HAS_PRICE) && values->price.mantissa < 0) {
        parser->tally.n_negative_price++;
        return row->span[SLOT_CUSTOMER].at == 0 ? LOAD_KIND_CUSTOM : LOAD_KIND_REFUND;
    }
    if ((row->has & ROW_HAS_AMOUNT) && values->amount.mantissa < 0) return LOAD_KIND_REFUND;
    if (state == LOAD_STATUS_UNDONE) {
        row->has |= ROW_UNDONE;
        parser->tally.n_undone++;
        return LOAD_KIND_REFUND;
    }
    return LOAD_KIND_PURCHASE;
}

static int digits_of(load_parser *parser, const char currency[4])
{
    if (memcmp(parser->digits_of, currency, 4) != 0) {
        memcpy(parser->digits_of, currency, 4);
        parser->digits = clade_currency_digits(currency);
    }
    return parser->digits;
}

static const char *decide_money(load_parser *parser, load_row *row, row_values *values)
{
    const load_plan *plan = parser->plan;
    const bool       paid = row->kind == LOAD_KIND_PURCHASE || row->kind == LOAD_KIND_REFUND ||
                      row->kind == LOAD_KIND_CUSTOM;
    if (row->currency[0] == '\0') memcpy(row->currency, plan->currency, 4);
    const int digits = digits_of(parser, row->currency);
    bool      fits   = true;

    row->quantity = (row->has & ROW_HAS_QUANTITY) ? clade__decimal_double(values->quantity) : 1;
    if (paid && !(row->has & ROW_HAS_QUANTITY) && plan->of[CLADE_FIELD_QUANTITY] < 0 &&
        row->kind != LOAD_KIND_CUSTOM) {
        values->quantity = (clade__decimal){ 1, 0 }; /* a log that never says how many means one */
        row->has |= ROW_HAS_QUANTITY;
    }
    if (row->has & ROW_HAS_DISCOUNT) {
        if (values->discount.mantissa < 0) values->discount.mantissa = -values->discount.mantissa;
        fits = clade__decimal_minor(&row->discount_minor, values->discount, digits) && fits;
    }
    if (row->has & ROW_HAS_PRICE) {
        fits = clade__decimal_minor(&row->price_minor, values->price, digits) && fits;
    }
    if (row->has & ROW_HAS_AMOUNT) {
        fits = clade__decimal_minor(&row->amount_minor, values->amount, digits) && fits;
    } else if (paid && (row->has & ROW_HAS_PRICE) && (row->has & ROW_HAS_QUANTITY)) {
        fits =
            clade__decimal_product(&row->amount_minor, values->price, values->quantity, digits) &&
            fits;
        if (row->amount_minor >= 0) row->amount_minor -= row->discount_minor;
        row->has |= ROW_HAS_AMOUNT;
    }
    if (!fits) return "the amount of money is too large";
    if (!paid) row->has &= ~(uint32_t)ROW_HAS_AMOUNT;

    if (!(row->has & ROW_HAS_PRICE) && (row->has & ROW_HAS_AMOUNT) &&
        (row->has & ROW_HAS_QUANTITY) && row->quantity != 0) {
        const double price =
            ((double)row->amount_minor + (double)row->discount_minor) / row->quantity;
        row->price_minor = (int64_t)__builtin_llround(__builtin_fabs(price));
        row->has |= ROW_HAS_PRICE;
    }
    if (row->kind == LOAD_KIND_REFUND) {
        if (row->amount_minor > 0) row->amount_minor = -row->amount_minor;
        if (row->price_minor < 0) row->price_minor = -row->price_minor;
    }
    if (row->quantity < 0 && row->kind != LOAD_KIND_CUSTOM) row->quantity = -row->quantity;
    if (row->has & ROW_HAS_AMOUNT) {
        decide_value(plan, row, values);
        count_currency(&parser->tally, row->currency);
    } else if (row->kind == LOAD_KIND_PURCHASE) {
        parser->tally.n_no_amount++;
    }
    return NULL;
}

/* ---------------------------------------------------------------- the whole row */

/* The first thing that a row of this shape cannot do without, or NULL. */
static const char *missing(const load_plan *plan, const load_row *row, size_t *out_column)
{
    const struct {
        clade_field field;
        bool        there;
        const char *reason;
    } needs[] = {
        { CLADE_FIELD_CUSTOMER, row->span[SLOT_CUSTOMER].at != 0, "no customer" },
        { CLADE_FIELD_OTHER_CUSTOMER, row->span[SLOT_OTHER].at != 0, "no second customer" },
        { CLADE_FIELD_ITEM, row->span[SLOT_ITEM].at != 0, "no item" },
        { CLADE_FIELD_TIME, row->at_us != LOAD_NO_TIME, "no moment" },
        { CLADE_FIELD_PRICE, (row->has & ROW_HAS_PRICE) != 0, "no price" },
        { CLADE_FIELD_CAMPAIGN, row->span[SLOT_CAMPAIGN].at != 0, "no campaign" },
    };
    enum { CUSTOMER = 1, OTHER = 2, ITEM = 4, TIME = 8, PRICE = 16, CAMPAIGN = 32 };
    static const unsigned wanted[CLADE_N_SHAPE] = {
        [CLADE_SHAPE_ORDERS]       = TIME,
        [CLADE_SHAPE_EVENTS]       = TIME,
        [CLADE_SHAPE_CUSTOMERS]    = CUSTOMER,
        [CLADE_SHAPE_ITEMS]        = ITEM,
        [CLADE_SHAPE_RIVAL_PRICES] = ITEM | TIME | PRICE,
        [CLADE_SHAPE_EDGES]        = CUSTOMER | OTHER,
        [CLADE_SHAPE_TOUCHES]      = CUSTOMER | CAMPAIGN,
    };
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        if (!(wanted[plan->shape] & (1u << i)) || needs[i].there) continue;
        int32_t column = plan->of[needs[i].field];
        if (needs[i].field == CLADE_FIELD_TIME && column < 0) column = plan->of[CLADE_FIELD_DATE];
        *out_column = column < 0 ? SIZE_MAX : (size_t)column;
        return needs[i].reason;
    }
    return NULL;
}

static void hash_body(const load_plan *plan, const load_batch *batch, load_row *row,
                      const row_values *values, row_body *body, size_t text_from, size_t text_to)
{
    if (row->has & ROW_HAS_MESSAGE) {
        row->body = clade__key_mix(row->body, (uint64_t)plan->shape);
        return;
    }
    body->quantity   = (row->has & ROW_HAS_QUANTITY) ? clade__decimal_double(values->quantity) : 0;
    body->price      = clade__decimal_double(values->price);
    body->amount     = clade__decimal_double(values->amount);
    body->discount   = clade__decimal_double(values->discount);
    body->cost       = clade__decimal_double(values->cost);
    body->rate       = values->rate;
    body->dwell      = (double)row->dwell_us;
    body->rating     = row->rating;
    body->stock      = row->stock;
    body->propensity = row->propensity;
    body->outcome    = row->outcome;
    body->has        = row->has & ~(uint32_t)(ROW_HAS_VALUE | ROW_UNDONE | ROW_LIST);
    body->shape      = (uint32_t)plan->shape;
    memcpy(body->currency, row->currency, 4);
    for (int i = 0; i < SLOT_N_HASHED; i++)
        body->size[i] = row->span[i].size;
    const uint64_t texts = clade_hash64(batch->text + text_from, text_to - text_from, 0x726f77);
    row->body            = clade_hash64(body, sizeof *body, texts);
}

static void finish_event(load_parser *parser, load_batch *batch, load_row *row, row_values *values)
{
    row->kind          = (uint8_t)decide_kind(parser, batch, row, values);
    const char *reason = decide_money(parser, row, values);
    if (reason != NULL) {
        const int32_t column = parser->plan->of[CLADE_FIELD_AMOUNT] >= 0
                                   ? parser->plan->of[CLADE_FIELD_AMOUNT]
                                   : parser->plan->of[CLADE_FIELD_PRICE];
        mark_bad(row, reason, column < 0 ? SIZE_MAX : (size_t)column);
    }
    if (row->span[SLOT_CUSTOMER].at == 0) parser->tally.n_no_customer++;
    if (row->span[SLOT_ITEMS].at != 0) {
        row->has |= ROW_LIST;
        if (parser->plan->of[CLADE_FIELD_QUANTITY] < 0) row->has &= ~(uint32_t)ROW_HAS_QUANTITY;
        if (row->kind == LOAD_KIND_PURCHASE) {
            row->quantity = 1;
            row->has |= ROW_HAS_QUANTITY;
        }
    }
}

/* Prices of catalogues and rivals: no kind, no amount. */
static void finish_price(load_parser *parser, load_row *row, row_values *values)
{
    if (row->currency[0] == '\0') memcpy(row->currency, parser->plan->currency, 4);
    const int  digits = digits_of(parser, row->currency);
    const bool fits   = clade__decimal_minor(&row->price_minor, values->price, digits) &&
                      clade__decimal_minor(&row->cost_minor, values->cost, digits);
    if (!fits) mark_bad(row, "the amount of money is too large", SIZE_MAX);
    if ((row->has & ROW_HAS_PRICE) && row->price_minor < 0) {
        const int32_t column = parser->plan->of[CLADE_FIELD_PRICE];
        mark_bad(row, "the price is negative", column < 0 ? SIZE_MAX : (size_t)column);
    }
    row->quantity = (row->has & ROW_HAS_QUANTITY) ? clade__decimal_double(values->quantity) : 0;
    if (row->has & ROW_HAS_AMOUNT) row->has &= ~(uint32_t)ROW_HAS_AMOUNT;
}

/* A log that knows people by their address alone. */
static void take_address_as_id(load_batch *batch, load_row *row)
{
    const load_slot  slot = row->span[SLOT_EMAIL].at != 0 ? SLOT_EMAIL : SLOT_PHONE;
    const clade_text text = load_text(batch, row->span[slot]);
    if (text.size > 0) row->customer = put_person(batch, row, SLOT_CUSTOMER, text);
}

bool clade__row_parse(load_parser *parser, load_batch *batch, const clade_row *raw)
{
    const load_plan *plan = parser->plan;
    load_row        *row  = &batch->row[batch->n_rows];
    row_values       values;
    row_body         body;
    memset(&values, 0, sizeof values);
    memset(&body, 0, sizeof body);
    memset(row, 0, sizeof *row);
    row->line          = raw->line;
    row->at_us         = LOAD_NO_TIME;
    row->registered_us = LOAD_NO_TIME;
    if (!clade__batch_room(batch, raw->raw.size * 4 + 64 * (plan->n_order + 2))) return false;
    parser->tally.n_rows++;

    if (raw->bad != NULL) {
        row->bad_span =
            batch_put(batch, clade_text_of(raw->bad)); /* the reader's text is borrowed */
        mark_bad(row, "bad", raw->bad_column);
    }
    const size_t text_from = batch->text_size;
    size_t       text_to   = text_from;
    for (size_t i = 0; i < plan->n_order && row->bad == NULL; i++) {
        const size_t column = plan->order[i];
        const char  *reason =
            parse_field(parser, batch, row, &values, &body, column, raw->fields[column]);
        if (reason != NULL) mark_bad(row, reason, column);
        if (i + 1 == plan->n_order_hashed) text_to = batch->text_size;
    }
    if (plan->n_order_hashed == 0) text_to = text_from;
    load_span *attribute = batch->attribute + batch->n_rows * plan->n_attributes;
    for (size_t i = 0; i < plan->n_attributes && row->bad == NULL; i++) {
        attribute[i] = batch_put(batch, clade__value_clean(raw->fields[plan->attribute[i]]));
    }
    if (row->bad == NULL) {
        if (plan->email_is_id) take_address_as_id(batch, row);
        decide_time(parser, row, &values, &body);
    }
    if (row->bad == NULL) {
        const bool event = plan->shape == CLADE_SHAPE_ORDERS || plan->shape == CLADE_SHAPE_EVENTS ||
                           plan->shape == CLADE_SHAPE_REVIEWS;
        if (event)
            finish_event(parser, batch, row, &values);
        else
            finish_price(parser, row, &values);
        size_t      column = SIZE_MAX;
        const char *reason = missing(plan, row, &column);
        if (reason != NULL) mark_bad(row, reason, column);
        hash_body(plan, batch, row, &values, &body, text_from, text_to);
    }
    if (row->bad != NULL) {
        if (parser->tally.n_bad++ == 0) {
            const char *reason = row->bad_span.at != 0 ? raw->bad : row->bad;
            snprintf(parser->tally.bad_example, sizeof parser->tally.bad_example, "%s", reason);
            parser->tally.bad_line = row->line;
        }
        row->raw = batch_put(batch, raw->raw);
    }
    batch->n_rows++;
    return true;
}

/* Which column is which field: names propose, values confirm or refuse, and the best pairs win.
 * Runs once for each file, over the sample that the caller gives. */
#include "mapping_parts.h"

#include <math.h>
#include <stdlib.h>

typedef struct guess {
    const char *const    *columns;
    size_t                n_columns;
    const clade_text     *sample;
    size_t                n_rows;
    clade__looks         *look;                     /* (n_columns) */
    bool                  person_table, item_table; /* what other names say about a bare "id" */
    const clade__profile *profile;
} guess;

/* ---------------------------------------------------------------- pairing columns and fields */

typedef struct pair {
    double      score;
    uint32_t    column;
    clade_field field;
} pair;

static int by_score(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    return (int)x->field - (int)y->field;
}

/* Personal data may stand in many columns, and none of them may slip through as an attribute. */
bool clade__field_may_repeat(clade_field field)
{
    return field == CLADE_FIELD_NONE || field == CLADE_FIELD_ATTRIBUTE ||
           field == CLADE_FIELD_NAME || field == CLADE_FIELD_EMAIL || field == CLADE_FIELD_PHONE ||
           field == CLADE_FIELD_ADDRESS || field == CLADE_FIELD_IGNORE;
}

static bool name_has(const guess *g, const char *const *words)
{
    for (size_t i = 0; i < g->n_columns; i++) {
        char normal[CLADE__NAME_BYTES];
        clade__name_normalise(normal, clade_text_of(g->columns[i]));
        for (const char *const *word = words; *word != NULL; word++) {
            if (strstr(normal, *word) != NULL) return true;
        }
    }
    return false;
}

static size_t propose(pair *out, const guess *g, const clade_mapping *mapping)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_columns; i++) {
        clade__meaning meaning[4];
        if (mapping->column[i].confidence > 0) continue;
        const size_t n_meanings = clade__name_meanings(meaning, clade_text_of(g->columns[i]));
        for (size_t k = 0; k < n_meanings; k++) {
            const clade_field field  = meaning[k].field;
            double            weight = meaning[k].weight / 100.0;
            if (weight <= 0.55 && field == CLADE_FIELD_ITEM && g->item_table && !g->person_table) {
                weight += 0.2; /* a bare "id" in a table of products */
            }
            if (weight == 0.55 && field == CLADE_FIELD_CUSTOMER && g->person_table) weight += 0.2;
            const double score = weight * clade__fits(field, &g->look[i]);
            if (score >= 0.4) out[n++] = (pair){ score, (uint32_t)i, field };
        }
    }
    qsort(out, n, sizeof out[0], by_score);
    return n;
}

static size_t column_of(const clade_mapping *mapping, clade_field field)
{
    for (size_t i = 0; i < mapping->n_columns; i++) {
        if (mapping->column[i].field == field) return i;
    }
    return SIZE_MAX;
}

static bool has(const clade_mapping *mapping, clade_field field)
{
    return column_of(mapping, field) != SIZE_MAX;
}

static void set_field(clade_mapping *mapping, size_t column, clade_field field, double confidence)
{
    mapping->column[column].field      = field;
    mapping->column[column].confidence = confidence;
}

/* "theirs=ours ..." of an export that is known as a whole. */
static void apply_profile(clade_mapping *mapping, const guess *g)
{
    for (const char *at = g->profile->means; *at != '\0';) {
        const size_t name     = strcspn(at, "=");
        const char  *ours     = at + name + 1;
        const size_t size     = strcspn(ours, " ");
        char         word[32] = { 0 };
        clade_field  field;
        memcpy(word, ours, size < sizeof word - 1 ? size : sizeof word - 1);
        if (clade_field_parse(&field, word, NULL) == CLADE_OK) {
            for (size_t i = 0; i < g->n_columns; i++) {
                char         normal[CLADE__NAME_BYTES];
                const size_t n = clade__name_normalise(normal, clade_text_of(g->columns[i]));
                if (n != name || memcmp(normal, at, n) != 0) continue;
                if (!clade__field_may_repeat(field) && has(mapping, field)) continue;
                if (mapping->column[i].confidence > 0) continue;
                set_field(mapping, i, field, 0.98);
            }
        }
        at = ours + size;
        if (*at == ' ') at++;
    }
}

static void assign_by_name(clade_mapping *mapping, const guess *g, pair *pairs)
{
    const size_t n = propose(pairs, g, mapping);
    for (size_t i = 0; i < n; i++) {
        clade_column_map *column = &mapping->column[pairs[i].column];
        const clade_field field  = pairs[i].field;
        if (column->confidence > 0) continue;
        if (field == CLADE_FIELD_SUBCATEGORY && pairs[i].score < 0.8) continue; /* below */
        if (!clade__field_may_repeat(field) && has(mapping, field)) continue;
        set_field(mapping, pairs[i].column, field, pairs[i].score);
    }
    /* A second column of categories is the finer one, or the coarser. */
    for (size_t i = 0; i < n && !has(mapping, CLADE_FIELD_SUBCATEGORY); i++) {
        if (pairs[i].field != CLADE_FIELD_CATEGORY && pairs[i].field != CLADE_FIELD_SUBCATEGORY) {
            continue;
        }
        if (mapping->column[pairs[i].column].confidence > 0) continue;
        set_field(mapping, pairs[i].column, CLADE_FIELD_SUBCATEGORY, pairs[i].score);
    }
    const size_t coarse = column_of(mapping, CLADE_FIELD_CATEGORY);
    const size_t fine   = column_of(mapping, CLADE_FIELD_SUBCATEGORY);
    if (coarse != SIZE_MAX && fine != SIZE_MAX &&
        g->look[coarse].n_distinct > g->look[fine].n_distinct) {
        mapping->column[coarse].field = CLADE_FIELD_SUBCATEGORY;
        mapping->column[fine].field   = CLADE_FIELD_CATEGORY;
    }
}

/* ---------------------------------------------------------------- where names say nothing */

static const char *const kind_words[] = { "pv",    "buy",      "cart",      "fav",         "view",
                                          "click", "purchase", "addtocart", "transaction", "购买",
                                          "浏览",  "收藏",     "加购",      NULL };

static bool is_kind_column(const guess *g, size_t column)
{
    size_t n_known = 0;
    if (g->look[column].n_distinct > 20) return false;
    for (size_t row = 0; row < g->n_rows; row++) {
        char normal[CLADE__NAME_BYTES];
        clade__name_normalise(normal, g->sample[row * g->n_columns + column]);
        for (const char *const *word = kind_words; *word != NULL; word++) {
            n_known += strcmp(normal, *word) == 0;
        }
    }
    return g->look[column].n > 0 && 2 * n_known > g->look[column].n;
}

/* The best column for a moment among those without a field. */
static size_t time_column(const clade_mapping *mapping, const guess *g)
{
    size_t best       = SIZE_MAX;
    double best_score = 0.9;
    for (size_t i = 0; i < g->n_columns; i++) {
        if (mapping->column[i].confidence > 0 || g->look[i].n == 0) continue;
        const double score = clade__fits(CLADE_FIELD_TIME, &g->look[i]) -
                             (clade__share(g->look[i].excel, &g->look[i]) > 0.5 ? 0.2 : 0);
        if (score > best_score) {
            best_score = score;
            best       = i;
        }
    }
    return best;
}

/* A file without a header: moments, event words and ratings are known by their values; of the ids
 * the first is the customer, the second the item, the third the category, as in the public logs. */
static void assign_by_value(clade_mapping *mapping, const guess *g)
{
    static const clade_field ids[] = { CLADE_FIELD_CUSTOMER, CLADE_FIELD_ITEM,
                                       CLADE_FIELD_CATEGORY };
    size_t                   n_ids = 0;
    const size_t             when  = time_column(mapping, g);
    if (when != SIZE_MAX) set_field(mapping, when, CLADE_FIELD_TIME, 0.6);
    for (size_t i = 0; i < g->n_columns; i++) {
        const clade__looks *look = &g->look[i];
        if (mapping->column[i].confidence > 0 || look->n == 0) continue;
        if (!has(mapping, CLADE_FIELD_KIND) && is_kind_column(g, i)) {
            set_field(mapping, i, CLADE_FIELD_KIND, 0.6);
        } else if (n_ids == 2 && clade__share(look->number, look) == 1.0 && look->smallest >= 0 &&
                   look->largest <= 10 && look->n_distinct <= 11 &&
                   !has(mapping, CLADE_FIELD_RATING)) {
            set_field(mapping, i, CLADE_FIELD_RATING, 0.5);
        } else if (n_ids < 3 && clade__fits(CLADE_FIELD_CUSTOMER, look) == 1.0 &&
                   look->n_distinct > 1 && clade__share(look->blank_inside, look) < 0.2) {
            set_field(mapping, i, ids[n_ids++], 0.5);
        }
    }
}

/* Personal data behind a name that says nothing. */
static void find_personal(clade_mapping *mapping, const guess *g)
{
    for (size_t i = 0; i < g->n_columns; i++) {
        if (mapping->column[i].confidence > 0 || g->look[i].n == 0) continue;
        if (clade__share(g->look[i].email, &g->look[i]) > 0.5) {
            set_field(mapping, i, CLADE_FIELD_EMAIL, 0.9);
        } else if (clade__share(g->look[i].phone, &g->look[i]) > 0.8) {
            set_field(mapping, i, CLADE_FIELD_PHONE, 0.8);
        }
    }
}

/* ---------------------------------------------------------------- the shape */

static bool unique_values(const guess *g, size_t column)
{
    const clade__looks *look = &g->look[column];
    return look->n >= 2 ? look->n_distinct * 50 >= look->n * 49 : true;
}

/* Without a look at the values (g NULL) a customer is taken to stand in one row only. */
static clade_shape decide_shape(const clade_mapping *m, const guess *g)
{
    const bool customer = has(m, CLADE_FIELD_CUSTOMER), item = has(m, CLADE_FIELD_ITEM);
    const bool who    = customer || has(m, CLADE_FIELD_SESSION);
    const bool moment = has(m, CLADE_FIELD_TIME);
    const bool order = has(m, CLADE_FIELD_ORDER), amount = has(m, CLADE_FIELD_AMOUNT);
    const bool price = has(m, CLADE_FIELD_PRICE), quantity = has(m, CLADE_FIELD_QUANTITY);
    size_t     n_other = 0;
    for (size_t i = 0; i < m->n_columns; i++)
        n_other += m->column[i].confidence == 0;

    if (g != NULL && g->profile != NULL && g->profile->shape != CLADE_SHAPE_UNKNOWN)
        return g->profile->shape;
    if (has(m, CLADE_FIELD_RIVAL) && item && price) return CLADE_SHAPE_RIVAL_PRICES;
    if (customer && has(m, CLADE_FIELD_OTHER_CUSTOMER)) return CLADE_SHAPE_EDGES;
    if (has(m, CLADE_FIELD_CAMPAIGN) && customer && !item && !amount && !order &&
        !has(m, CLADE_FIELD_KIND)) {
        return CLADE_SHAPE_TOUCHES;
    }
    if (customer && !item && !order && !has(m, CLADE_FIELD_KIND) && !has(m, CLADE_FIELD_ITEMS)) {
        if (has(m, CLADE_FIELD_REGISTERED)) return CLADE_SHAPE_CUSTOMERS;
        const bool unique = g == NULL || unique_values(g, column_of(m, CLADE_FIELD_CUSTOMER));
        if (unique && n_other >= 2 && (!moment || (g != NULL && g->person_table)) &&
            !has(m, CLADE_FIELD_TEXT)) {
            return CLADE_SHAPE_CUSTOMERS;
        }
    }
    if ((has(m, CLADE_FIELD_TEXT) || has(m, CLADE_FIELD_RATING)) && !amount && !price &&
        !quantity && !has(m, CLADE_FIELD_KIND)) { /* a review may name its order */
        return CLADE_SHAPE_REVIEWS;
    }
    if (has(m, CLADE_FIELD_KIND) && who && !(order && amount)) return CLADE_SHAPE_EVENTS;
    if ((order || amount || (quantity && moment)) && (moment || customer))
        return CLADE_SHAPE_ORDERS;
    if (has(m, CLADE_FIELD_ITEMS) && who) {
        return has(m, CLADE_FIELD_SEQUENCE) ? CLADE_SHAPE_ORDERS : CLADE_SHAPE_EVENTS;
    }
    if (who && (item || moment)) return CLADE_SHAPE_EVENTS;
    if (item && (has(m, CLADE_FIELD_ITEM_NAME) || has(m, CLADE_FIELD_CATEGORY) ||
                 has(m, CLADE_FIELD_BRAND) || price || has(m, CLADE_FIELD_STOCK))) {
        return CLADE_SHAPE_ITEMS;
    }
    return customer ? CLADE_SHAPE_CUSTOMERS : CLADE_SHAPE_UNKNOWN;
}

/* Fields that a shape has no place for: attributes of customers and items, nothing elsewhere. */
static bool shape_has(clade_shape shape, clade_field field)
{
    static const clade_field customers[] = { CLADE_FIELD_CUSTOMER, CLADE_FIELD_REGISTERED,
                                             CLADE_FIELD_TIME };
    static const clade_field items[]     = { CLADE_FIELD_ITEM,     CLADE_FIELD_ITEM_NAME,
                                             CLADE_FIELD_CATEGORY, CLADE_FIELD_SUBCATEGORY,
                                             CLADE_FIELD_BRAND,    CLADE_FIELD_PRICE,
                                             CLADE_FIELD_CURRENCY, CLADE_FIELD_STOCK,
                                             CLADE_FIELD_TIME };
    if (clade__field_may_repeat(field)) return true;
    if (shape == CLADE_SHAPE_CUSTOMERS) {
        for (size_t i = 0; i < sizeof customers / sizeof customers[0]; i++) {
            if (customers[i] == field) return true;
        }
        return false;
    }
    if (shape == CLADE_SHAPE_ITEMS) {
        for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
            if (items[i] == field) return true;
        }
        return false;
    }
    return true;
}

bool clade__shape_has(clade_shape shape, clade_field field)
{
    return shape_has(shape, field);
}

clade_shape clade__shape_of(const clade_mapping *mapping)
{
    return decide_shape(mapping, NULL);
}

static void fit_to_shape(clade_mapping *m)
{
    const bool table = m->shape == CLADE_SHAPE_CUSTOMERS || m->shape == CLADE_SHAPE_ITEMS;
    for (size_t i = 0; i < m->n_columns; i++) {
        clade_column_map *column = &m->column[i];
        if (column->field == CLADE_FIELD_NONE) {
            if (table) column->field = CLADE_FIELD_ATTRIBUTE;
        } else if (m->shape == CLADE_SHAPE_CUSTOMERS && column->field == CLADE_FIELD_ITEM_NAME) {
            column->field = CLADE_FIELD_NAME; /* "name" in a table of people: to be sealed */
        } else if (!shape_has(m->shape, column->field)) {
            column->field = CLADE_FIELD_ATTRIBUTE;
        } else if (m->shape == CLADE_SHAPE_CUSTOMERS && column->field == CLADE_FIELD_TIME) {
            column->field =
                has(m, CLADE_FIELD_REGISTERED) ? CLADE_FIELD_ATTRIBUTE : CLADE_FIELD_REGISTERED;
        }
    }
}

/* ---------------------------------------------------------------- how values are written */

static void decide_unit(clade_column_map *column, const clade__looks *look)
{
    if (clade__share(look->time_text, look) >= 0.5 || clade__share(look->time_digits, look) >= 0.95)
        return;
    for (int unit = 1; unit <= 3; unit++) {
        if (clade__share(look->epoch[unit], look) >= 0.9) column->time_unit = unit;
    }
    if (column->time_unit == 0 && clade__share(look->excel, look) >= 0.9) column->time_unit = 4;
}

/* Day or month first: proved by a number above 12, else by the order that keeps the sample
 * together: an export covers a stretch of time, and read the wrong way round its days fly over the
 * year. */
static void decide_order(clade_column_map *column, const guess *g, size_t index)
{
    const clade__looks *look = &g->look[index];
    column->date_order       = CLADE_DATE_YMD;
    column->date_proved      = true;
    if (look->first_above_12 + look->second_above_12 + look->undecided_dates == 0) return;
    column->date_order =
        look->first_above_12 >= look->second_above_12 ? CLADE_DATE_DMY : CLADE_DATE_MDY;
    column->date_proved = (look->first_above_12 > 0) != (look->second_above_12 > 0);
    if (look->first_above_12 + look->second_above_12 > 0) return;
    if (2 * look->dotted_dates > look->undecided_dates) { /* 1.12.2010 is written day first */
        column->date_order = CLADE_DATE_DMY;
        return;
    }
    double spread[2] = { 0, 0 };
    for (int order = 0; order < 2; order++) {
        clade_column_map try  = { .date_order = order == 0 ? CLADE_DATE_DMY : CLADE_DATE_MDY };
        int64_t          last = 0, us;
        bool             any  = false;
        for (size_t row = 0; row < g->n_rows; row++) {
            if (clade_value_time(&us, g->sample[row * g->n_columns + index], &try, NULL) != NULL)
                continue;
            if (any) spread[order] += fabs((double)(us - last));
            last = us;
            any  = true;
        }
    }
    column->date_order = spread[1] < spread[0] ? CLADE_DATE_MDY : CLADE_DATE_DMY;
}

static int64_t resolution(const guess *g, size_t index, const clade_column_map *column)
{
    static const int64_t steps[] = { CLADE_US_PER_DAY, CLADE_US_PER_HOUR, 60 * CLADE_US_PER_SECOND,
                                     CLADE_US_PER_SECOND, 1 };
    size_t               step    = 0;
    for (size_t row = 0; row < g->n_rows; row++) {
        int64_t us;
        if (clade_value_time(&us, g->sample[row * g->n_columns + index], column, NULL) != NULL)
            continue;
        while (us % steps[step] != 0)
            step++;
    }
    return steps[step];
}

static bool is_moment(clade_field field)
{
    return field == CLADE_FIELD_TIME || field == CLADE_FIELD_DATE ||
           field == CLADE_FIELD_REGISTERED;
}

static void describe_values(clade_mapping *m, const guess *g)
{
    size_t commas = 0, points = 0;
    for (size_t i = 0; i < m->n_columns; i++) {
        const clade__looks *look = &g->look[i];
        if (clade__share(look->time_text, look) > 0.5 || clade__share(look->number, look) < 0.5)
            continue;
        commas += look->comma_decimals;
        points += look->point_decimals;
    }
    for (size_t i = 0; i < m->n_columns; i++) {
        clade_column_map   *column = &m->column[i];
        const clade__looks *look   = &g->look[i];
        column->decimal_comma      = look->comma_decimals + look->point_decimals > 0
                                         ? look->comma_decimals > look->point_decimals
                                         : commas > points;
        decide_order(column, g, i);
        decide_unit(column, look);
        if (is_moment(column->field) || clade__share(look->time_text, look) > 0.5) {
            column->resolution_us = resolution(g, i, column);
        }
    }
    /* A date beside a clock, or beside milliseconds since its start, is half a moment. */
    const size_t when = column_of(m, CLADE_FIELD_TIME);
    if (when != SIZE_MAX && m->column[when].resolution_us == CLADE_US_PER_DAY &&
        (has(m, CLADE_FIELD_CLOCK) || has(m, CLADE_FIELD_OFFSET_MS))) {
        m->column[when].field = CLADE_FIELD_DATE;
    } else {
        const size_t clock = column_of(m, CLADE_FIELD_CLOCK);
        if (clock != SIZE_MAX) m->column[clock].field = CLADE_FIELD_NONE;
    }
}

/* The currency that signs, names of columns or the language of the names tell. */
static void find_currency(clade_mapping *m, const guess *g)
{
    static const struct {
        const char *piece;
        const char *code;
    } pieces[]   = { { "usd", "USD" },  { "dollar", "USD" }, { "eur", "EUR" }, { "gbp", "GBP" },
                     { "cny", "CNY" },  { "rmb", "CNY" },    { "jpy", "JPY" }, { "(元", "CNY" },
                     { "（元", "CNY" }, { "€", "EUR" },      { "£", "GBP" },   { "$", "USD" } };
    bool chinese = false;
    for (size_t i = 0; i < m->n_columns; i++) {
        const clade_field field = m->column[i].field;
        const bool        money = field == CLADE_FIELD_AMOUNT || field == CLADE_FIELD_PRICE ||
                           field == CLADE_FIELD_DISCOUNT || field == CLADE_FIELD_COST;
        if (!money) continue;
        if (g->look[i].signed_money * 2 > g->look[i].n && m->currency[0] == '\0') {
            memcpy(m->currency, g->look[i].currency, 4);
        }
        char   lower[CLADE__NAME_BYTES];
        size_t n = strlen(g->columns[i]);
        if (n >= sizeof lower) n = sizeof lower - 1;
        for (size_t k = 0; k < n; k++) {
            const char c = g->columns[i][k];
            lower[k]     = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            chinese |= (unsigned char)c >= 0xe4 && (unsigned char)c <= 0xe9;
        }
        lower[n] = '\0';
        for (size_t k = 0; k < sizeof pieces / sizeof pieces[0] && m->currency[0] == '\0'; k++) {
            if (strstr(lower, pieces[k].piece) != NULL) memcpy(m->currency, pieces[k].code, 4);
        }
    }
    if (chinese && m->currency[0] == '\0') memcpy(m->currency, "CNY", 4);
}

/* ---------------------------------------------------------------- all of it */

static void who_is_it(clade_mapping *m)
{
    if (has(m, CLADE_FIELD_CUSTOMER) || has(m, CLADE_FIELD_SESSION)) return;
    size_t column = column_of(m, CLADE_FIELD_EMAIL);
    if (column == SIZE_MAX) column = column_of(m, CLADE_FIELD_PHONE);
    if (column != SIZE_MAX) m->column[column].field = CLADE_FIELD_CUSTOMER;
}

void clade_mapping_guess(clade_mapping *out_mapping, const char *const *columns, size_t n_columns,
                         const clade_text *sample, size_t n_rows)
{
    static const char *const person[] = { "age",        "gender",   "birth",     "income",
                                          "education",  "marital",  "tenure",    "churn",
                                          "occupation", "性别",     "年龄",      "生日",
                                          "职业",       "会员等级", "household", NULL };
    static const char *const thing[]  = { "price", "stock", "brand", "category", "title", "color",
                                          "价格",  "库存",  "品牌",  "类目",     "商品",  NULL };
    guess                    g = { columns, n_columns, sample, n_rows, NULL, false, false, NULL };
    pair                    *pairs  = NULL;
    uint64_t                *seen   = NULL;
    size_t                   n_seen = 64;

    *out_mapping = (clade_mapping){ .n_columns = n_columns, .zone = "UTC" };
    if (n_columns == 0 || n_columns > CLADE_READER_MAX_COLUMNS) return;
    while (n_seen < 2 * n_rows + 2)
        n_seen *= 2;
    g.look = CLADE_NEW(clade__looks, n_columns);
    pairs  = CLADE_NEW(pair, 4 * n_columns);
    seen   = CLADE_NEW(uint64_t, n_seen);
    if (g.look == NULL || pairs == NULL || seen == NULL) goto done; /* nothing is known: UNKNOWN */

    for (size_t i = 0; i < n_columns; i++)
        clade__look_at_column(&g.look[i], sample, n_rows, n_columns, i, seen, n_seen);
    g.person_table = name_has(&g, person);
    g.item_table   = name_has(&g, thing);
    g.profile      = clade__profile_find(columns, n_columns);
    if (g.profile != NULL) apply_profile(out_mapping, &g);
    assign_by_name(out_mapping, &g, pairs);

    size_t n_known = 0;
    for (size_t i = 0; i < n_columns; i++)
        n_known += out_mapping->column[i].confidence > 0;
    find_personal(out_mapping, &g);
    bool nameless = true;
    for (size_t i = 0; i < n_columns; i++)
        nameless &= strncmp(columns[i], "column_", 7) == 0;
    if (nameless) assign_by_value(out_mapping, &g);
    if (n_known > 0 && !has(out_mapping, CLADE_FIELD_TIME) &&
        !has(out_mapping, CLADE_FIELD_REGISTERED) && time_column(out_mapping, &g) != SIZE_MAX &&
        !g.person_table && !g.item_table) {
        set_field(out_mapping, time_column(out_mapping, &g), CLADE_FIELD_TIME, 0.5);
    }
    who_is_it(out_mapping);
    out_mapping->shape = decide_shape(out_mapping, &g);
    fit_to_shape(out_mapping);
    describe_values(out_mapping, &g);
    find_currency(out_mapping, &g);
done:
    free(seen);
    free(pairs);
    free(g.look);
}

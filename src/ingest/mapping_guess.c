/* Which column is which field: names propose, values confirm or refuse, and the best pairs win.
 * Runs once for each file, over the sample that the caller gives. */
#include "mapping_parts.h"

#include <math.h>
#include <stdlib.h>

/* What the values of a column look like. */
typedef struct looks {
    size_t n; /* with a value */
    size_t number, integer, fraction, negative, signed_money;
    size_t time_text, time_digits, clock; /* written as moments */
    size_t epoch[4];                      /* plausible as [1] s, [2] ms, [3] us */
    size_t excel;                         /* plausible as Excel days */
    size_t email, phone, list, wide, three_letters, blank_inside;
    size_t first_above_12, second_above_12; /* of dates with three numbers, year last */
    size_t undecided_dates, dotted_dates;
    size_t comma_decimals, point_decimals; /* numbers that prove their decimal mark */
    size_t n_distinct, bytes;
    double smallest, largest;
    char   currency[4];
} looks;

typedef struct guess {
    const char *const    *columns;
    size_t                n_columns;
    const clade_text     *sample;
    size_t                n_rows;
    looks                *look;                     /* (n_columns) */
    bool                  person_table, item_table; /* what other names say about a bare "id" */
    const clade__profile *profile;
} guess;

static double share(size_t n, const looks *look)
{
    return look->n == 0 ? 0.0 : (double)n / (double)look->n;
}

/* ---------------------------------------------------------------- looking at values */

static bool looks_like_clock(clade_text t)
{
    size_t colons = 0, digits = 0;
    for (size_t i = 0; i < t.size; i++) {
        colons += t.data[i] == ':';
        digits += t.data[i] >= '0' && t.data[i] <= '9';
    }
    return t.size <= 15 && t.size >= 3 && (colons == 1 || colons == 2) && digits >= 3 &&
           digits + colons + 3 >= t.size && t.data[0] >= '0' && t.data[0] <= '9' &&
           memchr(t.data, '-', t.size) == NULL && memchr(t.data, '/', t.size) == NULL;
}

static bool looks_like_email(clade_text t)
{
    const char *at = memchr(t.data, '@', t.size);
    return at != NULL && at > t.data && t.size > 5 &&
           memchr(at, '.', t.size - (size_t)(at - t.data)) != NULL &&
           memchr(t.data, ' ', t.size) == NULL;
}

/* A Chinese mobile number, or digits with a plus or with the blanks and dashes of a phone number.
 */
static bool looks_like_phone(clade_text t)
{
    size_t digits = 0, marks = 0;
    for (size_t i = 0; i < t.size; i++) {
        const char c = t.data[i];
        if (c >= '0' && c <= '9') {
            digits++;
        } else if (c == ' ' || c == '-' || c == '(' || c == ')' || (c == '+' && i == 0)) {
            marks++;
        } else {
            return false;
        }
    }
    if (digits == 11 && marks == 0) return t.data[0] == '1' && t.data[1] >= '3';
    return digits >= 9 && digits <= 15 && marks > 0 &&
           (t.data[0] == '+' || t.data[0] == '(' || marks >= 2);
}

static bool looks_like_list(clade_text t)
{
    size_t blanks = 0;
    for (size_t i = 0; i < t.size; i++) {
        const char c = t.data[i];
        blanks += c == ' ';
        if (c != ' ' && c != '_' && c != '-' && !(c >= '0' && c <= '9') &&
            !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')) {
            return false;
        }
    }
    if (blanks == 0) return false;
    for (size_t i = 0; i < t.size; i++) { /* ids have digits, words of a sentence do not */
        if (t.data[i] >= '0' && t.data[i] <= '9') return true;
    }
    return false;
}

static void look_at_date(looks *look, clade_text t)
{
    int    v[3] = { 0 }, digits[3] = { 0 }, k = 0;
    size_t i         = 0;
    char   separator = '\0';
    for (; i < t.size && k < 3; i++) {
        const char c = t.data[i];
        if (c >= '0' && c <= '9') {
            v[k] = v[k] * 10 + (c - '0');
            if (++digits[k] > 4) return;
        } else if (c == '/' || c == '-' || c == '.') {
            if (digits[k] == 0) return;
            separator = c;
            k++;
        } else {
            break;
        }
    }
    if (k != 2 || digits[0] == 0 || digits[0] > 2 || digits[1] > 2 || digits[2] < 2) return;
    look->first_above_12 += v[0] > 12;
    look->second_above_12 += v[1] > 12;
    look->undecided_dates += v[0] <= 12 && v[1] <= 12;
    look->dotted_dates += separator == '.';
}

/* Does the number prove which of comma and point separates decimals? */
static void look_at_marks(looks *look, clade_text t)
{
    size_t commas = 0, points = 0, comma = 0, point = 0, digits_behind = 0, digits_before = 0;
    for (size_t i = 0; i < t.size; i++) {
        if (t.data[i] == ',') commas++, comma = i, digits_behind = 0;
        if (t.data[i] == '.') points++, point = i, digits_behind = 0;
        if (t.data[i] >= '0' && t.data[i] <= '9') {
            digits_behind++;
            digits_before += commas + points == 0;
        }
    }
    if (commas == 1 && points == 0) {
        look->comma_decimals += digits_behind != 3 || digits_before > 3 || digits_before == 0;
    } else if (points == 1 && commas == 0) {
        look->point_decimals += digits_behind != 3 || digits_before > 3 || digits_before == 0;
    } else if (commas > 0 && points > 0) {
        look->comma_decimals += comma > point;
        look->point_decimals += point > comma;
    } else if (points > 1) {
        look->comma_decimals++; /* points group, so a comma would separate */
    } else if (commas > 1) {
        look->point_decimals++;
    }
}

static void look_at_number(looks *look, clade_text t)
{
    static const clade_column_map plain = { 0 };
    double                        x;
    int64_t                       minor;
    static const char             none[4]     = "";
    char                          currency[4] = "";
    if (clade_value_number(&x, t, &plain) != NULL) return;
    look->number++;
    look->integer += x == floor(x);
    look->fraction += x != floor(x);
    look->negative += x < 0;
    if (look->number == 1 || x < look->smallest) look->smallest = x;
    if (look->number == 1 || x > look->largest) look->largest = x;
    look->epoch[1] += x >= 3e8 && x < 2.3e9;
    look->epoch[2] += x >= 3e11 && x < 2.3e12;
    look->epoch[3] += x >= 3e14 && x < 2.3e15;
    look->excel += x >= 20000 && x < 60000;
    look_at_marks(look, t);
    if (clade_value_money(&minor, currency, t, &plain, none) == NULL && currency[0] != '\0') {
        look->signed_money++;
        memcpy(look->currency, currency, 4);
    }
}

static void look_at_value(looks *look, clade_text t)
{
    static const clade_column_map plain       = { .date_order = CLADE_DATE_DMY };
    static const clade_column_map month_first = { .date_order = CLADE_DATE_MDY };
    int64_t                       us;
    look->n++;
    look->bytes += t.size;
    const size_t numbers = look->number;
    if (t.size <= 64) look_at_number(look, t);
    const bool number = look->number > numbers;
    if (t.size <= 64 && (clade_value_time(&us, t, &plain, NULL) == NULL ||
                         clade_value_time(&us, t, &month_first, NULL) == NULL)) {
        if (number) {
            look->time_digits += t.size == 8 || t.size == 14;
        } else {
            look->time_text++;
            look_at_date(look, t);
        }
    } else {
        look->clock += looks_like_clock(t);
    }
    look->email += looks_like_email(t);
    look->phone += looks_like_phone(t);
    look->list += looks_like_list(t);
    look->blank_inside += memchr(t.data, ' ', t.size) != NULL;
    bool wide = false, letters = t.size == 3;
    for (size_t i = 0; i < t.size; i++) {
        wide |= (unsigned char)t.data[i] >= 0x80;
        letters &= (t.data[i] >= 'A' && t.data[i] <= 'Z') || (t.data[i] >= 'a' && t.data[i] <= 'z');
    }
    look->wide += wide;
    look->three_letters += letters;
}

/* One column: its values, and how many different ones there are. `seen` has n_seen slots, a power
 * of two above twice the rows. */
static void look_at_column(looks *look, const guess *g, size_t column, uint64_t *seen,
                           size_t n_seen)
{
    *look = (looks){ 0 };
    if (seen != NULL) memset(seen, 0, n_seen * sizeof seen[0]);
    for (size_t row = 0; row < g->n_rows; row++) {
        const clade_text t = clade_text_trim(g->sample[row * g->n_columns + column]);
        if (clade_value_missing(t)) continue;
        look_at_value(look, t);
        if (seen == NULL) continue;
        const uint64_t hash = clade_hash64(t.data, t.size, 1) | 1;
        size_t         slot = hash & (n_seen - 1);
        while (seen[slot] != 0 && seen[slot] != hash)
            slot = (slot + 1) & (n_seen - 1);
        look->n_distinct += seen[slot] == 0;
        seen[slot] = hash;
    }
}

/* ---------------------------------------------------------------- do values fit a field? */

static double fits_time(const looks *look)
{
    if (share(look->time_text, look) >= 0.8) return 1.0;
    if (share(look->epoch[1], look) >= 0.95 || share(look->epoch[2], look) >= 0.95 ||
        share(look->epoch[3], look) >= 0.95) {
        return 0.97;
    }
    if (share(look->time_digits, look) >= 0.95) return 0.95;
    if (share(look->excel, look) >= 0.95) return 0.85;
    return share(look->time_text, look) >= 0.3 ? 0.6 : 0.05;
}

static double fits_kind(const looks *look)
{
    if (look->n_distinct > 60 || look->bytes > 40 * look->n) return 0.15;
    return share(look->fraction, look) > 0 || look->largest > 100 ? 0.2 : 1.0;
}

static double fits_key(const looks *look)
{
    if (share(look->time_text, look) > 0.8) return 0.1;
    if (share(look->fraction, look) > 0.3) return 0.15;
    return look->bytes > 64 * look->n ? 0.3 : 1.0;
}

static double fits_text(const looks *look)
{
    if (share(look->number, look) > 0.8) return 0.15;
    return look->bytes > 12 * look->n || share(look->wide, look) > 0.5 ||
                   share(look->blank_inside, look) > 0.3
               ? 1.0
               : 0.7;
}

/* 0..1: how well the values of a column go with a field. */
static double fits(clade_field field, const looks *look)
{
    if (look->n == 0) return 0.8; /* nothing speaks against the name */
    const double numeric = share(look->number, look);
    switch (field) {
    case CLADE_FIELD_TIME:
    case CLADE_FIELD_DATE:
    case CLADE_FIELD_REGISTERED: return fits_time(look);
    case CLADE_FIELD_CLOCK: return share(look->clock, look) > 0.8 ? 1.0 : 0.05;
    case CLADE_FIELD_KIND: return fits_kind(look);
    case CLADE_FIELD_CUSTOMER:
    case CLADE_FIELD_OTHER_CUSTOMER:
    case CLADE_FIELD_ITEM:
    case CLADE_FIELD_ORDER:
    case CLADE_FIELD_SESSION:
    case CLADE_FIELD_MESSAGE: return fits_key(look);
    case CLADE_FIELD_ITEM_NAME: return numeric > 0.8 ? 0.2 : 1.0;
    case CLADE_FIELD_QUANTITY:
        return numeric < 0.8 ? 0.1 : share(look->fraction, look) > 0.5 ? 0.7 : 1.0;
    case CLADE_FIELD_PRICE:
    case CLADE_FIELD_AMOUNT:
    case CLADE_FIELD_DISCOUNT:
    case CLADE_FIELD_RATE:
    case CLADE_FIELD_STOCK:
    case CLADE_FIELD_DWELL_S:
    case CLADE_FIELD_OFFSET_MS:
    case CLADE_FIELD_SEQUENCE:
    case CLADE_FIELD_PROPENSITY:
    case CLADE_FIELD_COST: return numeric < 0.8 ? 0.1 : 1.0;
    case CLADE_FIELD_RATING:
        return numeric < 0.8 ? 0.2 : look->smallest >= 0 && look->largest <= 100 ? 1.0 : 0.3;
    case CLADE_FIELD_CURRENCY:
        return share(look->three_letters, look) > 0.8 || look->n_distinct <= 10 ? 1.0 : 0.1;
    case CLADE_FIELD_ITEMS:
        return share(look->list, look) > 0.2 ? 1.0 : share(look->fraction, look) > 0.2 ? 0.05 : 0.6;
    case CLADE_FIELD_EMAIL: return share(look->email, look) > 0.5 ? 1.0 : numeric > 0.5 ? 0.2 : 0.5;
    case CLADE_FIELD_PHONE:
        return share(look->phone, look) > 0.5          ? 1.0
               : look->largest >= 1e6 || numeric < 0.5 ? 0.8
                                                       : 0.2;
    case CLADE_FIELD_NAME:
    case CLADE_FIELD_ADDRESS: return numeric > 0.8 ? 0.3 : 1.0;
    case CLADE_FIELD_TEXT: return fits_text(look);
    case CLADE_FIELD_CATEGORY:
    case CLADE_FIELD_SUBCATEGORY:
    case CLADE_FIELD_BRAND:
        return share(look->time_text, look) > 0.8 ? 0.2 : look->bytes > 120 * look->n ? 0.5 : 1.0;
    default: return 1.0;
    }
}

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
            const double score = weight * fits(field, &g->look[i]);
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
        const double score =
            fits_time(&g->look[i]) - (share(g->look[i].excel, &g->look[i]) > 0.5 ? 0.2 : 0);
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
        const looks *look = &g->look[i];
        if (mapping->column[i].confidence > 0 || look->n == 0) continue;
        if (!has(mapping, CLADE_FIELD_KIND) && is_kind_column(g, i)) {
            set_field(mapping, i, CLADE_FIELD_KIND, 0.6);
        } else if (n_ids == 2 && share(look->number, look) == 1.0 && look->smallest >= 0 &&
                   look->largest <= 10 && look->n_distinct <= 11 &&
                   !has(mapping, CLADE_FIELD_RATING)) {
            set_field(mapping, i, CLADE_FIELD_RATING, 0.5);
        } else if (n_ids < 3 && fits_key(look) == 1.0 && look->n_distinct > 1 &&
                   share(look->blank_inside, look) < 0.2) {
            set_field(mapping, i, ids[n_ids++], 0.5);
        }
    }
}

/* Personal data behind a name that says nothing. */
static void find_personal(clade_mapping *mapping, const guess *g)
{
    for (size_t i = 0; i < g->n_columns; i++) {
        if (mapping->column[i].confidence > 0 || g->look[i].n == 0) continue;
        if (share(g->look[i].email, &g->look[i]) > 0.5) {
            set_field(mapping, i, CLADE_FIELD_EMAIL, 0.9);
        } else if (share(g->look[i].phone, &g->look[i]) > 0.8) {
            set_field(mapping, i, CLADE_FIELD_PHONE, 0.8);
        }
    }
}

/* ---------------------------------------------------------------- the shape */

static bool unique_values(const guess *g, size_t column)
{
    const looks *look = &g->look[column];
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
        } else if (!shape_has(m->shape, column->field)) {
            column->field = CLADE_FIELD_ATTRIBUTE;
        } else if (m->shape == CLADE_SHAPE_CUSTOMERS && column->field == CLADE_FIELD_TIME) {
            column->field =
                has(m, CLADE_FIELD_REGISTERED) ? CLADE_FIELD_ATTRIBUTE : CLADE_FIELD_REGISTERED;
        }
    }
}

/* ---------------------------------------------------------------- how values are written */

static void decide_unit(clade_column_map *column, const looks *look)
{
    if (share(look->time_text, look) >= 0.5 || share(look->time_digits, look) >= 0.95) return;
    for (int unit = 1; unit <= 3; unit++) {
        if (share(look->epoch[unit], look) >= 0.9) column->time_unit = unit;
    }
    if (column->time_unit == 0 && share(look->excel, look) >= 0.9) column->time_unit = 4;
}

/* Day or month first: proved by a number above 12, else by the order that keeps the sample
 * together: an export covers a stretch of time, and read the wrong way round its days fly over the
 * year. */
static void decide_order(clade_column_map *column, const guess *g, size_t index)
{
    const looks *look   = &g->look[index];
    column->date_order  = CLADE_DATE_YMD;
    column->date_proved = true;
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
        const looks *look = &g->look[i];
        if (share(look->time_text, look) > 0.5 || share(look->number, look) < 0.5) continue;
        commas += look->comma_decimals;
        points += look->point_decimals;
    }
    for (size_t i = 0; i < m->n_columns; i++) {
        clade_column_map *column = &m->column[i];
        const looks      *look   = &g->look[i];
        column->decimal_comma    = look->comma_decimals + look->point_decimals > 0
                                       ? look->comma_decimals > look->point_decimals
                                       : commas > points;
        decide_order(column, g, i);
        decide_unit(column, look);
        if (is_moment(column->field) || share(look->time_text, look) > 0.5) {
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
    g.look = CLADE_NEW(looks, n_columns);
    pairs  = CLADE_NEW(pair, 4 * n_columns);
    seen   = CLADE_NEW(uint64_t, n_seen);
    if (g.look == NULL || pairs == NULL || seen == NULL) goto done; /* nothing is known: UNKNOWN */

    for (size_t i = 0; i < n_columns; i++)
        look_at_column(&g.look[i], &g, i, seen, n_seen);
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

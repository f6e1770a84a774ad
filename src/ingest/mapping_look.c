/* What the values of a column look like, and which fields they could be. Runs once for each value
 * of the sample. */
#include "mapping_parts.h"

#include <math.h>

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

static void look_at_date(clade__looks *look, clade_text t)
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
static void look_at_marks(clade__looks *look, clade_text t)
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

static void look_at_number(clade__looks *look, clade_text t)
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

static void look_at_value(clade__looks *look, clade_text t)
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
void clade__look_at_column(clade__looks *look, const clade_text *sample, size_t n_rows,
                           size_t n_columns, size_t column, uint64_t *seen, size_t n_seen)
{
    *look = (clade__looks){ 0 };
    if (seen != NULL) memset(seen, 0, n_seen * sizeof seen[0]);
    for (size_t row = 0; row < n_rows; row++) {
        const clade_text t = clade_text_trim(sample[row * n_columns + column]);
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

static double fits_time(const clade__looks *look)
{
    if (clade__share(look->time_text, look) >= 0.8) return 1.0;
    if (clade__share(look->epoch[1], look) >= 0.95 || clade__share(look->epoch[2], look) >= 0.95 ||
        clade__share(look->epoch[3], look) >= 0.95) {
        return 0.97;
    }
    if (clade__share(look->time_digits, look) >= 0.95) return 0.95;
    if (clade__share(look->excel, look) >= 0.95) return 0.85;
    return clade__share(look->time_text, look) >= 0.3 ? 0.6 : 0.05;
}

static double fits_kind(const clade__looks *look)
{
    if (look->n_distinct > 60 || look->bytes > 40 * look->n) return 0.15;
    return clade__share(look->fraction, look) > 0 || look->largest > 100 ? 0.2 : 1.0;
}

static double fits_key(const clade__looks *look)
{
    if (clade__share(look->time_text, look) > 0.8) return 0.1;
    if (clade__share(look->fraction, look) > 0.3) return 0.15;
    return look->bytes > 64 * look->n ? 0.3 : 1.0;
}

static double fits_text(const clade__looks *look)
{
    if (clade__share(look->number, look) > 0.8) return 0.15;
    return look->bytes > 12 * look->n || clade__share(look->wide, look) > 0.5 ||
                   clade__share(look->blank_inside, look) > 0.3
               ? 1.0
               : 0.7;
}

/* 0..1: how well the values of a column go with a field. */
double clade__fits(clade_field field, const clade__looks *look)
{
    if (look->n == 0) return 0.8; /* nothing speaks against the name */
    const double numeric = clade__share(look->number, look);
    switch (field) {
    case CLADE_FIELD_TIME:
    case CLADE_FIELD_DATE:
    case CLADE_FIELD_REGISTERED: return fits_time(look);
    case CLADE_FIELD_CLOCK: return clade__share(look->clock, look) > 0.8 ? 1.0 : 0.05;
    case CLADE_FIELD_KIND: return fits_kind(look);
    case CLADE_FIELD_CUSTOMER:
    case CLADE_FIELD_OTHER_CUSTOMER:
    case CLADE_FIELD_ITEM:
    case CLADE_FIELD_ORDER:
    case CLADE_FIELD_SESSION:
    case CLADE_FIELD_MESSAGE: return fits_key(look);
    case CLADE_FIELD_ITEM_NAME: return numeric > 0.8 ? 0.2 : 1.0;
    case CLADE_FIELD_QUANTITY:
        return numeric < 0.8 ? 0.1 : clade__share(look->fraction, look) > 0.5 ? 0.7 : 1.0;
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
        return clade__share(look->three_letters, look) > 0.8 || look->n_distinct <= 10 ? 1.0 : 0.1;
    case CLADE_FIELD_ITEMS:
        return clade__share(look->list, look) > 0.2       ? 1.0
               : clade__share(look->fraction, look) > 0.2 ? 0.05
                                                          : 0.6;
    case CLADE_FIELD_EMAIL:
        return clade__share(look->email, look) > 0.5 ? 1.0 : numeric > 0.5 ? 0.2 : 0.5;
    case CLADE_FIELD_PHONE:
        return clade__share(look->phone, look) > 0.5   ? 1.0
               : look->largest >= 1e6 || numeric < 0.5 ? 0.8
                                                       : 0.2;
    case CLADE_FIELD_NAME:
    case CLADE_FIELD_ADDRESS: return numeric > 0.8 ? 0.3 : 1.0;
    case CLADE_FIELD_TEXT: return fits_text(look);
    case CLADE_FIELD_CATEGORY:
    case CLADE_FIELD_SUBCATEGORY:
    case CLADE_FIELD_BRAND:
        return clade__share(look->time_text, look) > 0.8 ? 0.2
               : look->bytes > 120 * look->n             ? 0.5
                                                         : 1.0;
    default: return 1.0;
    }
}

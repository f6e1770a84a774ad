/* Portraits in words, English and Chinese: features, values, conditions, rules, personas.
 *
 * The registry's one sentence about a feature is the only source of its words: the label is that
 * sentence up to the first comma, bracket or colon. A feature that is yes or no says so there ("1
 * for a woman, 0 for a man"), and its conditions are told with those words. Runs a few hundred
 * times a command. */
#include "portrait.h"

#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const clade_feature *feature_of(uint32_t feature)
{
    size_t               n;
    const clade_feature *all = clade_features_all(&n);
    assert(feature < n);
    return &all[feature];
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

bool clade__feature_readable(const clade_feature *feature)
{
    static const char *const units[] = { "money",   "money a year", "count", "count a year",
                                         "units",   "share",        "days",  "weeks",
                                         "minutes", "seconds",      "years", "rating" };
    if (ends_with(feature->name, "_shrunk") || ends_with(feature->name, "_cv")) return false;
    if (strcmp(feature->name, "alive_share") == 0) return false; /* a formula, not a count */
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(feature->unit, units[i]) == 0) return true;
    }
    return false;
}

uint8_t *clade__features_readable(size_t n_features)
{
    size_t               n;
    const clade_feature *all      = clade_features_all(&n);
    uint8_t             *readable = CLADE_NEW(uint8_t, n_features);
    assert(n_features <= n);
    for (size_t i = 0; readable != NULL && i < n_features; i++) {
        readable[i] = clade__feature_readable(&all[i]);
    }
    return readable;
}

double clade__round_digits(double value, int digits)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", digits - 1, value);
    return strtod(text, NULL);
}

double clade__roundest(double low, double high)
{
    assert(low <= high);
    if (low <= 0 && high >= 0) return 0;
    for (int digits = 1; digits <= 15; digits++) {
        const double middle = clade__round_digits(0.5 * (low + high), digits);
        if (middle >= low && middle <= high) return middle;
        const double first = clade__round_digits(low, digits);
        if (first >= low && first <= high) return first;
        const double last = clade__round_digits(high, digits);
        if (last >= low && last <= high) return last;
    }
    return low;
}

/* ---------------------------------------------------------------- labels */

/* Bytes before the first of the marks, or all of them. */
static size_t before(const char *text, const char *const *marks, size_t n_marks)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n_marks; i++) {
        const char *at = strstr(text, marks[i]);
        if (at != NULL && (size_t)(at - text) < n) n = (size_t)(at - text);
    }
    return n;
}

static bool is_upper(char letter)
{
    return letter >= 'A' && letter <= 'Z';
}

/* "1 for a woman, 0 for a man." has words for both; others do not. */
static bool is_yes_or_no(const clade_feature *feature)
{
    return strncmp(feature->en, "1 for ", 6) == 0 && strstr(feature->en, ", 0 for ") != NULL;
}

static void name_in_words(clade_buffer *out, const char *name)
{
    for (; *name != '\0'; name++)
        clade_buffer_append(out, *name == '_' ? " " : name, 1);
}

void clade_feature_label_write(clade_buffer *out, uint32_t feature, bool zh)
{
    static const char *const en_marks[] = { ".", ",", ";", ":", " (" };
    static const char *const zh_marks[] = { "。", "，", "；", "：", "（", "为 1" };
    const clade_feature     *f          = feature_of(feature);
    if (zh) {
        clade_buffer_append(out, f->zh, before(f->zh, zh_marks, 6));
    } else if (is_yes_or_no(f)) {
        name_in_words(out, f->name);
    } else if (is_upper(f->en[0]) && !is_upper(f->en[1])) {
        const char first = (char)(f->en[0] - 'A' + 'a');
        clade_buffer_append(out, &first, 1);
        clade_buffer_append(out, f->en + 1, before(f->en + 1, en_marks, 5));
    } else {
        clade_buffer_append(out, f->en, before(f->en, en_marks, 5));
    }
}

/* ---------------------------------------------------------------- numbers */

/* Grouped by commas, with at most so many decimals and no zeros behind the last that counts. */
static void number_write(clade_buffer *out, double value, int decimals)
{
    char         text[400];
    const int    size  = snprintf(text, sizeof text, "%.*f", decimals, value);
    size_t       n     = size > 0 && (size_t)size < sizeof text ? (size_t)size : 0;
    const char  *point = memchr(text, '.', n);
    const char  *digit = text;
    const size_t whole = point == NULL ? n : (size_t)(point - text);
    if (point != NULL) {
        while (text[n - 1] == '0')
            n--;
        if (text[n - 1] == '.') n--;
    }
    if (n == 2 && text[0] == '-' && text[1] == '0') digit++; /* no minus nought */
    for (; digit < text + n; digit++) {
        const size_t left = whole - (size_t)(digit - text);
        clade_buffer_append(out, digit, 1);
        if (digit + 1 < text + whole && *digit != '-' && left % 3 == 1) clade_buffer_text(out, ",");
    }
}

/* As many decimals as people read at a glance. */
static int glance_decimals(double value)
{
    return fabs(value) >= 100 ? 0 : fabs(value) >= 10 ? 1 : 2;
}

/* ... and as many as it takes to tell a threshold from its neighbours. */
static int exact_decimals(double value)
{
    int decimals = 0;
    while (decimals < 6) {
        const double shift = pow(10, decimals);
        if (fabs(round(value * shift) / shift - value) <= 5e-7 * fabs(value)) break;
        decimals++;
    }
    return decimals;
}

static void money_write(clade_buffer *out, double major, const char *currency, bool exact)
{
    char         text[40];
    const char  *code   = currency == NULL ? "" : currency;
    const int    digits = code[0] == '\0' ? 2 : clade_currency_digits(code);
    const double minor  = major * pow(10, digits);
    if (!(fabs(minor) < 9e17)) {
        number_write(out, major, 0);
    } else if (exact && minor == round(minor) && fmod(minor, pow(10, digits)) == 0) {
        number_write(out, major, 0); /* "120 GBP" is a rounder threshold than "120.00 GBP" */
    } else {
        clade_money_format(text, (int64_t)llround(minor), code[0] == '\0' ? "USD" : code, true);
        clade_buffer_text(out, text);
    }
    if (code[0] != '\0') clade_buffer_format(out, " %s", code);
}

typedef struct unit_words {
    const char *unit, *one, *many, *zh;
} unit_words;

static const unit_words units[] = {
    { "days", " day", " days", " 天" },          { "weeks", " week", " weeks", " 周" },
    { "years", " year", " years", " 年" },       { "minutes", " minute", " minutes", " 分钟" },
    { "seconds", " second", " seconds", " 秒" }, { "units", " unit", " units", " 件" },
    { "bits", " bit", " bits", " 比特" },
};

static void unit_write(clade_buffer *out, const char *unit, double value, int decimals, bool zh)
{
    clade_buffer number = { 0 };
    number_write(&number, value, decimals);
    clade_buffer_append(out, number.data, number.size);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].unit, unit) != 0) continue;
        const bool one = number.size == 1 && number.data[0] == '1';
        clade_buffer_text(out, zh ? units[i].zh : one ? units[i].one : units[i].many);
    }
    out->failed = out->failed || number.failed;
    clade_buffer_free(&number);
}

static void write_value(clade_buffer *out, const clade_feature *f, double value,
                        const char *currency, bool zh, bool exact)
{
    if (strcmp(f->unit, "money") == 0) {
        money_write(out, value, currency, exact);
    } else if (strcmp(f->unit, "money a year") == 0) {
        if (zh) clade_buffer_text(out, "每年 ");
        money_write(out, value, currency, exact);
        if (!zh) clade_buffer_text(out, " a year");
    } else if (strcmp(f->unit, "count a year") == 0) {
        if (zh) clade_buffer_text(out, "每年 ");
        number_write(out, value, exact ? exact_decimals(value) : glance_decimals(value));
        clade_buffer_text(out, zh ? " 次" : " a year");
    } else if (strcmp(f->unit, "share") == 0) {
        const double percent = 100 * value;
        const bool   small   = fabs(percent) < 10 && percent != 0;
        number_write(out, percent, exact ? exact_decimals(percent) : small ? 1 : 0);
        clade_buffer_text(out, zh ? "%" : " %");
    } else {
        const bool whole    = value == round(value);
        const int  decimals = exact ? exact_decimals(value) : glance_decimals(value);
        unit_write(out, f->unit, value, whole ? 0 : decimals, zh);
    }
}

void clade_value_write(clade_buffer *out, uint32_t feature, double value, const char *currency,
                       bool zh)
{
    if (isnan(value)) {
        clade_buffer_text(out, zh ? "无" : "absent");
    } else {
        write_value(out, feature_of(feature), value, currency, zh, false);
    }
}

/* ---------------------------------------------------------------- conditions */

/* "a woman" or "a man": the words of the registry for the side that a condition asks for. */
static void yes_or_no_write(clade_buffer *out, const clade_feature *f, bool yes, bool zh)
{
    if (!zh) {
        const char *no = strstr(f->en, ", 0 for ");
        if (yes) {
            clade_buffer_append(out, f->en + 6, (size_t)(no - f->en) - 6);
        } else {
            clade_buffer_append(out, no + 8, strcspn(no + 8, "."));
        }
        return;
    }
    const char *comma = strstr(f->zh, "，");
    const char *start = yes || comma == NULL ? f->zh : comma + strlen("，");
    const char *end   = strstr(start, yes ? "为 1" : "为 0");
    clade_buffer_append(out, start, end == NULL ? strlen(start) : (size_t)(end - start));
}

static void ends_write(clade_buffer *out, const clade_feature *f, const clade_condition *condition,
                       const char *currency, bool zh)
{
    const bool has_low = !isinf(condition->low), has_high = !isinf(condition->high);
    if (condition->low == (double)INFINITY) {
        clade_buffer_text(out, zh ? "无记录" : " unknown");
    } else if (!has_low && !has_high) {
        if (condition->absent) {
            clade_buffer_text(out, zh ? "任意" : " anything");
        } else {
            clade_buffer_text(out, zh ? "有记录" : " known");
        }
    } else if (has_low && has_high) {
        clade_buffer_text(out, zh ? "在 " : " from ");
        write_value(out, f, condition->low, currency, zh, true);
        clade_buffer_text(out, zh ? " 到 " : " to below ");
        write_value(out, f, condition->high, currency, zh, true);
        if (zh) clade_buffer_text(out, " 之间（不含）");
    } else if (has_low) {
        clade_buffer_text(out, zh ? "至少 " : " at least ");
        write_value(out, f, condition->low, currency, zh, true);
    } else {
        clade_buffer_text(out, zh ? "低于 " : " below ");
        write_value(out, f, condition->high, currency, zh, true);
    }
}

void clade_condition_write(clade_buffer *out, const clade_condition *condition,
                           const char *currency, bool zh)
{
    const clade_feature *f        = feature_of(condition->feature);
    const bool           one_end  = isinf(condition->low) != isinf(condition->high);
    const bool           by_words = is_yes_or_no(f) && one_end && condition->low < (double)INFINITY;
    if (by_words) {
        yes_or_no_write(out, f, !isinf(condition->low), zh);
    } else {
        clade_feature_label_write(out, condition->feature, zh);
        ends_write(out, f, condition, currency, zh);
    }
    if (condition->absent && condition->says_absent &&
        (by_words || one_end || !isinf(condition->low))) {
        clade_buffer_text(out, zh ? "或无记录" : ", or unknown");
    }
}

void clade_rule_write(clade_buffer *out, const clade_rule *rule, const char *currency, bool zh)
{
    if (rule->n_conditions == 0) clade_buffer_text(out, zh ? "任何人" : "anybody");
    for (size_t i = 0; i < rule->n_conditions; i++) {
        if (i > 0) clade_buffer_text(out, zh ? "，且" : "; and ");
        clade_condition_write(out, &rule->condition[i], currency, zh);
    }
}

bool clade_rule_matches(const clade_rule *rule, const float *row)
{
    for (size_t i = 0; i < rule->n_conditions; i++) {
        const clade_condition *c     = &rule->condition[i];
        const double           value = (double)row[c->feature];
        if (isnan(value) ? !c->absent : value < c->low || value >= c->high) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- personas */

static void bought_write(clade_buffer *out, const clade__typical *t, const char *currency, bool zh)
{
    const double orders = round(t->orders), days = floor(t->days_since_order);
    if (zh) {
        clade_buffer_text(out, "通常有 ");
        number_write(out, orders, 0);
        clade_buffer_text(out, " 笔订单");
        if (!isnan(t->spend)) {
            clade_buffer_text(out, "，共消费 ");
            money_write(out, t->spend, currency, false);
        }
        if (days >= 1) {
            clade_buffer_text(out, "，最近一次购买在 ");
            number_write(out, days, 0);
            clade_buffer_text(out, " 天前");
        } else if (days >= 0) {
            clade_buffer_text(out, "，最近一次购买不到一天前");
        }
        return;
    }
    clade_buffer_text(out, "Typically ");
    number_write(out, orders, 0);
    clade_buffer_text(out, orders == 1 ? " order" : " orders");
    if (!isnan(t->spend)) {
        clade_buffer_text(out, " worth ");
        money_write(out, t->spend, currency, false);
    }
    if (days >= 1) {
        clade_buffer_text(out, ", last bought ");
        number_write(out, days, 0);
        clade_buffer_text(out, days == 1 ? " day ago" : " days ago");
    } else if (days >= 0) {
        clade_buffer_text(out, ", last bought less than a day ago");
    }
}

static void seen_write(clade_buffer *out, const clade__typical *t, bool zh)
{
    const double days = floor(t->days_since_event), events = round(t->events);
    const bool   sold = !isnan(t->orders); /* a log without purchases says nothing about buying */
    clade_buffer_text(out, zh ? "通常" : "Typically");
    if (sold) clade_buffer_text(out, zh ? "尚未购买，" : " has not bought yet, and");
    clade_buffer_text(out, zh ? "有 " : " did ");
    number_write(out, events >= 1 ? events : 0, 0);
    clade_buffer_text(out, zh ? " 次行为" : events == 1 ? " thing" : " things");
    if (!(days >= 0)) return;
    clade_buffer_text(out, zh ? "，最近一次在 " : ", last seen ");
    number_write(out, days, 0);
    clade_buffer_text(out, zh ? " 天前" : days == 1 ? " day ago" : " days ago");
}

static void future_write(clade_buffer *out, const clade__typical *t, const char *currency, bool zh)
{
    const double percent = round(100 * t->p_return);
    const bool   bought  = !(round(t->orders) < 1); /* who never bought cannot come back to it */
    if (isnan(percent)) return;
    clade_buffer_text(out, zh ? "；" : "; ");
    if (percent < 1) {
        clade_buffer_text(out,
                          zh ? bought ? "几乎没有人会在 90 天内回来" : "几乎没有人会在 90 天内购买"
                          : bought ? "hardly anybody comes back within 90 days"
                                   : "hardly anybody buys within 90 days");
        return;
    }
    number_write(out, percent, 0);
    clade_buffer_text(out, zh ? bought ? "% 会在 90 天内回来" : "% 会在 90 天内购买"
                           : bought ? " % come back within 90 days"
                                    : " % buy within 90 days");
    if (!(t->spend_if_returned > 0)) return;
    clade_buffer_text(out, zh ? "，人均消费约 " : " and spend about ");
    money_write(out, clade__round_digits(t->spend_if_returned, 2), currency, true);
}

void clade__persona_write(clade_buffer *out, const clade__typical *typical, const char *currency,
                          bool zh)
{
    if (round(typical->orders) >= 1) {
        bought_write(out, typical, currency, zh);
    } else {
        seen_write(out, typical, zh);
    }
    future_write(out, typical, currency, zh);
    clade_buffer_text(out, zh ? "。" : ".");
}

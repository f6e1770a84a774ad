/* A running visit and what models see of it: the same for past visits and for the live one. */
#include "session_internal.h"

#include <assert.h>
#include <math.h>

static const char *const kind_name[] = { "view",     "search", "click",    "cart", "uncart",
                                         "checkout", "wish",   "purchase", "" };

bool clade_session_kind_of(clade_session_kind *out, clade_text name)
{
    static const char *const other[] = { "login", "share", "custom" };
    for (int k = 0; k < CLADE_SESSION_OTHER; k++) {
        if (!clade_text_equal(name, clade_text_of(kind_name[k]))) continue;
        *out = (clade_session_kind)k;
        return true;
    }
    *out = CLADE_SESSION_OTHER;
    for (size_t k = 0; k < sizeof other / sizeof other[0]; k++)
        if (clade_text_equal(name, clade_text_of(other[k]))) return true;
    return false;
}

void clade_session_start(clade_session_state *out, const clade_session_visitor *visitor)
{
    *out            = (clade_session_state){ .visitor = *visitor };
    out->last_price = (double)NAN;
    out->pause_s    = (double)NAN;
}

static void add_item(clade_session_state *s, uint64_t item)
{
    for (uint32_t i = 0; i < s->n_items; i++) {
        if (s->item[i] != item) continue;
        if (++s->seen[i] > s->most_seen) s->most_seen = s->seen[i];
        return;
    }
    if (s->n_items == CLADE_SESSION_ITEMS_MAX) return;
    s->item[s->n_items]   = item;
    s->seen[s->n_items++] = 1;
    if (s->most_seen == 0) s->most_seen = 1;
}

static void add_category(clade_session_state *s, uint64_t category)
{
    for (uint32_t i = 0; i < s->n_categories; i++)
        if (s->category[i] == category) return;
    if (s->n_categories < CLADE_SESSION_CATEGORIES_MAX) s->category[s->n_categories++] = category;
}

void clade_session_add(clade_session_state *s, const clade_session_event *event)
{
    assert(event->kind < CLADE_N_SESSION_KIND);
    const bool    first = s->n_events == 0;
    const int64_t at    = first || event->at_us > s->last_us ? event->at_us : s->last_us;
    if (first) s->start_us = at;
    s->pause_s = first ? (double)NAN : (double)(at - s->last_us) / 1e6;
    s->last_us = at;
    s->n_events++;
    s->count[event->kind]++;
    if (event->dwell_s > 0) s->dwell_s += fmin(event->dwell_s, 3600);
    if (event->item != 0) add_item(s, event->item);
    if (event->category != 0) add_category(s, event->category);
    if (isnan(event->price)) return;
    if (event->kind == CLADE_SESSION_VIEW || event->kind == CLADE_SESSION_CLICK)
        s->last_price = event->price;
    if (event->kind == CLADE_SESSION_CART) s->cart_value += event->price;
    if (event->kind == CLADE_SESSION_UNCART) s->cart_value = fmax(0, s->cart_value - event->price);
}

/* ---------------------------------------------------------------- features */

typedef struct name_of {
    const char *name, *en, *zh;
} name_of;

static const name_of names[CLADE_SESSION_FEATURES] = {
    { "events", "events so far", "已有事件数" },
    { "views", "views", "浏览次数" },
    { "searches", "searches", "搜索次数" },
    { "clicks", "clicks", "点击次数" },
    { "carts", "put into the cart", "加购次数" },
    { "uncarts", "taken out of the cart", "移出购物车次数" },
    { "checkouts", "checkouts begun", "开始结账次数" },
    { "wishes", "wished for", "收藏次数" },
    { "purchases", "purchases in the visit", "本次访问已购次数" },
    { "others", "other events", "其他事件数" },
    { "minutes", "minutes since the visit began", "访问已持续分钟数" },
    { "pause_seconds", "seconds since the event before", "距上一事件秒数" },
    { "mean_pause_seconds", "mean seconds between events", "事件平均间隔秒数" },
    { "dwell_seconds", "seconds spent on pages", "页面停留秒数" },
    { "items", "different items", "不同商品数" },
    { "categories", "different categories", "不同类目数" },
    { "most_seen", "events of the item seen most", "最常看商品的事件数" },
    { "in_cart", "items in the cart", "购物车商品数" },
    { "cart_value", "value of the cart", "购物车金额" },
    { "last_price", "price looked at last", "最近浏览价格" },
    { "hour", "hour of the day (UTC)", "小时（UTC）" },
    { "weekday", "day of the week", "星期" },
    { "visits", "visits before", "此前访问次数" },
    { "days_since_visit", "days since the last visit", "距上次访问天数" },
    { "orders", "orders before", "此前订单数" },
    { "days_since_order", "days since the last order", "距上次下单天数" },
    { "stage", "looking, cart, or checkout", "阶段（浏览、加购、结账）" },
    { "device", "device", "设备" },
    { "channel", "channel", "渠道" },
};

const char *clade_session_feature_name(size_t feature)
{
    assert(feature < CLADE_SESSION_FEATURES);
    return names[feature].name;
}

const char *clade_session_feature_words(size_t feature, bool zh)
{
    assert(feature < CLADE_SESSION_FEATURES);
    return zh ? names[feature].zh : names[feature].en;
}

static float value_of_word(const clade__session_words *words, const char *word)
{
    if (word[0] == '\0') return (float)NAN;
    for (size_t k = 0; k < words->n; k++)
        if (strcmp(words->word[k], word) == 0) return (float)words->value[k];
    return 0;
}

void clade__session_fill(float *out, const clade_session_state *s, const clade_session_model *m)
{
    const uint32_t *const c      = s->count;
    const int64_t         second = 1000000, day_us = CLADE_US_PER_DAY;
    const int64_t         into   = ((s->last_us % day_us) + day_us) % day_us;
    const int64_t         day    = (s->last_us - into) / day_us;
    const double          long_s = (double)(s->last_us - s->start_us) / (double)second;
    const double          carted = c[CLADE_SESSION_CART] > c[CLADE_SESSION_UNCART]
                                       ? (double)(c[CLADE_SESSION_CART] - c[CLADE_SESSION_UNCART])
                                       : 0;
    const double          value[CLADE__SESSION_DEVICE] = {
                 s->n_events,
                 c[CLADE_SESSION_VIEW],
                 c[CLADE_SESSION_SEARCH],
                 c[CLADE_SESSION_CLICK],
                 c[CLADE_SESSION_CART],
                 c[CLADE_SESSION_UNCART],
                 c[CLADE_SESSION_CHECKOUT],
                 c[CLADE_SESSION_WISH],
                 c[CLADE_SESSION_PURCHASE],
                 c[CLADE_SESSION_OTHER],
                 long_s / 60,
                 s->pause_s,
        s->n_events < 2 ? (double)NAN : long_s / (s->n_events - 1),
                 s->dwell_s,
                 s->n_items,
                 s->n_categories,
                 s->most_seen,
                 carted,
        carted > 0 ? s->cart_value : 0,
                 s->last_price,
                 (double)(into / (3600 * second)),
                 (double)(((day + 3) % 7 + 7) % 7), /* Monday is 0: day 0 was a Thursday */
                 s->visitor.visits,
                 s->visitor.days_since_visit,
                 s->visitor.orders,
                 s->visitor.days_since_order,
        c[CLADE_SESSION_CHECKOUT] > 0 ? 2
                 : carted > 0                  ? 1
                                               : 0,
    };
    for (size_t j = 0; j < CLADE__SESSION_DEVICE; j++)
        out[j] = (float)value[j];
    out[CLADE__SESSION_DEVICE]  = value_of_word(&m->device, s->visitor.device);
    out[CLADE__SESSION_CHANNEL] = value_of_word(&m->channel, s->visitor.channel);
}

size_t clade__session_cell(const float *row)
{
    static const float most[] = { 1, 2, 4, 8, 16 };
    size_t             size   = 0;
    while (size < 5 && row[0] > most[size])
        size++;
    return 2 * size + (row[17] > 0);
}

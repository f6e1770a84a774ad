/* Features of what was bought, by the plainest loop over one customer's orders; see reference.h. */
#include "reference_values.h"

/* ---------------------------------------------------------------- money */

static double n_orders(const values *v, int from, int to)
{
    double n = 0;
    for (size_t i = 0; i < v->person->n_orders; i++)
        n += within(v, v->person->order[i].at_us, from, to);
    return n;
}

static int64_t n_valued(const ref_person *p)
{
    int64_t n = 0;
    for (size_t i = 0; i < p->n_orders; i++)
        n += p->order[i].n_valued;
    return n;
}

static bool money_known(const values *v)
{
    return v->shop->n_valued > 0 && (v->person->n_orders == 0 || n_valued(v->person) > 0);
}

/* Minor units kept of orders of the window, less refunds in it that no purchase explains. */
static double spend(const values *v, int from, int to)
{
    double sum = 0;
    if (!money_known(v)) return (double)NAN;
    for (size_t i = 0; i < v->person->n_orders; i++) {
        const ref_order *order = &v->person->order[i];
        if (within(v, order->at_us, from, to)) sum += (double)order->net;
    }
    for (size_t i = 0; i < v->person->n_refunds; i++) {
        const ref_refund *refund = &v->person->refund[i];
        if (within(v, refund->at_us, from, to)) sum -= (double)refund->lone;
    }
    return sum > 0 ? sum : 0;
}

/* Mean value of an order, drawn to the shop's. */
static double shrunk_value(const values *v)
{
    const ref_shop *shop = v->shop;
    double          sum  = 0;

    for (size_t i = 0; i < v->person->n_orders; i++)
        sum += (double)v->person->order[i].net;
    if (isnan(shop->value_weight)) return shop->value;
    return (sum + shop->value_weight * shop->value) /
           ((double)v->person->n_orders + shop->value_weight);
}

/* Repeat orders a year, drawn to the shop's. */
static double shrunk_rate(const values *v)
{
    const ref_shop *shop   = v->shop;
    const double    year_s = 365 * 86400.0;

    if (isnan(shop->rate_weight_s)) return shop->rate * year_s;
    const double seconds = (double)(shop->as_of_us / CLADE_US_PER_SECOND -
                                    v->person->order[0].at_us / CLADE_US_PER_SECOND);
    return ((double)(v->person->n_orders - 1) + shop->rate * shop->rate_weight_s) /
           (seconds + shop->rate_weight_s) * year_s;
}

static void set_spend(const values *v)
{
    const double minor = v->shop->minor;

    set(v, "spend_7d", spend(v, 7, 0) / minor);
    set(v, "spend_30d", spend(v, 30, 0) / minor);
    set(v, "spend_90d", spend(v, 90, 0) / minor);
    set(v, "spend_365d", spend(v, 365, 0) / minor);
    set(v, "spend_life", spend(v, LIFE, 0) / minor);
    set(v, "spend_trend_30d", trend(v, spend(v, 30, 0), spend(v, 60, 30), 60));
    set(v, "spend_trend_90d", trend(v, spend(v, 90, 0), spend(v, 180, 90), 180));
    set(v, "spend_trend_365d", trend(v, spend(v, 365, 0), spend(v, 730, 365), 730));
    set(v, "spend_season_last_year",
        when(v->shop->log_us <= v->shop->as_of_us - 365 * CLADE_US_PER_DAY,
             spend(v, 365, 275) / minor));
    set(v, "spend_share_90d",
        fmin(1, over(spend(v, 90, 0), spend(v, LIFE, 0))) +
            0 * over(1, spend(v, LIFE, 0))); /* fmin drops a NAN */
}

static void set_order_values(const values *v)
{
    const ref_person *p     = v->person;
    const size_t      n     = p->n_orders;
    const double      minor = v->shop->minor;
    const bool        known = n > 0 && n_valued(p) > 0;
    double           *net   = clade_arena_alloc(v->shop->arena, n + 1, sizeof(double));
    double            sum = 0, last3 = 0;

    if (net == NULL) abort();
    for (size_t i = 0; i < n; i++) {
        net[i] = (double)p->order[i].net;
        sum += net[i];
        if (i + 3 >= n) last3 += net[i];
    }
    const double mean = over(sum, (double)n);
    set(v, "order_value_mean", when(known, mean / minor));
    set(v, "order_value_first", when(known, net[0] / minor));
    set(v, "order_value_last", when(known, net[n == 0 ? 0 : n - 1] / minor));
    set(v, "order_value_cv", when(n >= 2 && sum > 0, deviation(net, n) / mean));
    set(v, "order_value_last_ratio", when(n >= 2 && sum > 0, net[n == 0 ? 0 : n - 1] / mean));
    set(v, "order_value_recent_ratio", when(n >= 4 && sum > 0, last3 / 3 / mean));
    set(v, "order_value_median", when(known, median(net, n) / minor)); /* sorts */
    set(v, "order_value_min", when(known, net[0] / minor));
    set(v, "order_value_max", when(known, net[n == 0 ? 0 : n - 1] / minor));
    set(v, "order_value_shrunk", when(known, shrunk_value(v) / minor));
    set(v, "spend_rate_shrunk", known ? shrunk_rate(v) * shrunk_value(v) / minor : (double)NAN);
    set(v, "spend_per_year",
        n == 0 ? (double)NAN
               : spend(v, LIFE, 0) / minor / (fmax(30, since(v, p->order[0].at_us)) / 365));
}

/* ---------------------------------------------------------------- rhythm */

static void set_orders(const values *v)
{
    const ref_person *p         = v->person;
    const bool        sold      = v->shop->n_basket > 0;
    bool              month[12] = { false };
    int               n_months  = 0;

    set(v, "orders_7d", when(sold, n_orders(v, 7, 0)));
    set(v, "orders_30d", when(sold, n_orders(v, 30, 0)));
    set(v, "orders_90d", when(sold, n_orders(v, 90, 0)));
    set(v, "orders_365d", when(sold, n_orders(v, 365, 0)));
    set(v, "orders_life", when(sold, n_orders(v, LIFE, 0)));
    set(v, "orders_trend_90d", trend(v, n_orders(v, 90, 0), n_orders(v, 180, 90), 180));
    set(v, "orders_trend_365d", trend(v, n_orders(v, 365, 0), n_orders(v, 730, 365), 730));
    set(v, "orders_season_last_year",
        when(sold && v->shop->log_us <= v->shop->as_of_us - 365 * CLADE_US_PER_DAY,
             n_orders(v, 365, 275)));
    for (int i = 0; i < 12; i++)
        month[i] = n_orders(v, 30 * (i + 1), 30 * i) > 0;
    for (int i = 0; i < 12; i++)
        n_months += month[i];
    set(v, "order_months_360d", when(sold, n_months));
    if (p->n_orders == 0) return;

    const int64_t first_us = p->order[0].at_us, last_us = p->order[p->n_orders - 1].at_us;
    const double  again = (double)(p->n_orders - 1);
    set(v, "days_since_order", since(v, last_us));
    set(v, "days_since_first_order", since(v, first_us));
    set(v, "order_span_days", days((double)(last_us - first_us)));
    set(v, "alive_share",
        when(p->n_orders >= 2,
             pow((double)(last_us - first_us) / (double)(v->shop->as_of_us - first_us), again)));
    set(v, "orders_per_year", when(since(v, first_us) >= 30, again / (since(v, first_us) / 365)));
    set(v, "orders_per_year_shrunk", shrunk_rate(v));
}

static void set_gaps(const values *v)
{
    const ref_person *p = v->person;
    if (p->n_orders < 2) return;

    const size_t  n   = p->n_orders - 1;
    double *const gap = clade_arena_alloc(v->shop->arena, n, sizeof(double)); /* seconds */
    double        sum = 0, late = 0, weight = 0, shorter = 0;
    if (gap == NULL) abort();
    const double silence =
        (double)(v->shop->as_of_us / CLADE_US_PER_SECOND - p->order[n].at_us / CLADE_US_PER_SECOND);

    for (size_t i = 0; i < n; i++) {
        gap[i] = (double)(p->order[i + 1].at_us / CLADE_US_PER_SECOND -
                          p->order[i].at_us / CLADE_US_PER_SECOND);
        sum += gap[i];
        late += (double)(i + 1) * gap[i];
        weight += (double)(i + 1);
        shorter += gap[i] < silence;
    }
    const double mean = sum / (double)n;
    set(v, "gap_mean_days", mean / 86400);
    set(v, "gap_last_days", gap[n - 1] / 86400);
    set(v, "gap_recent_days", late / weight / 86400);
    set(v, "gap_cv", when(n >= 2 && sum > 0, deviation(gap, n) / mean));
    set(v, "gap_last_ratio", when(n >= 2 && sum > 0, gap[n - 1] / mean));
    set(v, "late_share", when(n >= 2, shorter / (double)n));
    set(v, "late_score", when(n >= 3, (silence - mean) / fmax(deviation(gap, n), 86400)));
    set(v, "gap_median_days", median(gap, n) / 86400); /* sorts */
    set(v, "late_ratio", over(silence, median(gap, n)));
    set(v, "gap_min_days", gap[0] / 86400);
    set(v, "gap_max_days", gap[n - 1] / 86400);
}

/* ---------------------------------------------------------------- baskets and taste */

static void set_baskets(const values *v)
{
    const ref_person *p    = v->person;
    const bool        sold = v->shop->n_basket > 0;
    const double      n    = (double)p->n_orders;
    double lines = 0, lines_max = 0, milli = 0, milli_max = 0, milli_90 = 0, single = 0, net = 0;
    double top = 0;

    for (size_t i = 0; i < p->n_orders; i++) {
        const ref_order *order = &p->order[i];
        lines += (double)order->n_kept;
        lines_max = fmax(lines_max, (double)order->n_kept);
        milli += (double)order->milli;
        milli_max = fmax(milli_max, (double)order->milli);
        if (within(v, order->at_us, 90, 0)) milli_90 += (double)order->milli;
        single += order->n_kept == 1;
        net += (double)order->net;
        top = fmax(top, (double)order->top_price);
    }
    set(v, "units_90d", when(sold, milli_90 / 1000));
    set(v, "units_life", when(sold, milli / 1000));
    if (p->n_orders == 0) return;
    set(v, "basket_lines_mean", lines / n);
    set(v, "basket_lines_max", lines_max);
    set(v, "basket_lines_last", (double)p->order[p->n_orders - 1].n_kept);
    set(v, "basket_units_mean", milli / 1000 / n);
    set(v, "basket_units_max", milli_max / 1000);
    set(v, "single_line_share", single / n);
    set(v, "unit_price_mean", when(n_valued(p) > 0, over(net, milli / 1000) / v->shop->minor));
    bool priced = false; /* a price that rounds to nothing is a price still */
    for (size_t i = 0; i < p->n_lines; i++) {
        const ref_line *line = &p->line[i];
        priced |= line->kept && line->event->goods && line->value != REF_NULL && line->value > 0 &&
                  line->milli > 0;
    }
    set(v, "unit_price_max", when(priced, top / v->shop->minor));
}

/* How lines spread over categories or brands. */
typedef struct spread {
    double      lines[512], net[512];
    int64_t     first_us[512];
    const char *word[512];
    size_t      n;
} spread;

static void add_pair(spread *s, const char *word, const ref_pair *pair)
{
    size_t at = 0;
    if (word == NULL) return;
    while (at < s->n && strcmp(s->word[at], word) != 0)
        at++;
    if (at == s->n) {
        assert(s->n < 512);
        s->n++;
        s->word[at]     = word;
        s->lines[at]    = 0;
        s->net[at]      = 0;
        s->first_us[at] = pair->first_us;
    }
    s->lines[at] += (double)pair->n;
    s->net[at] += (double)pair->net;
    if (pair->first_us < s->first_us[at]) s->first_us[at] = pair->first_us;
}

static void set_spread(const values *v, const spread *s, const char *one, const char *many)
{
    char   name[64];
    double sum = 0, top = 0, new_90 = 0, net = 0, top_net = -INFINITY;

    if (s->n == 0) return;
    for (size_t i = 0; i < s->n; i++) {
        sum += s->lines[i];
        top = fmax(top, s->lines[i]);
        new_90 += within(v, s->first_us[i], 90, 0);
        net += s->net[i];
        top_net = fmax(top_net, s->net[i]);
    }
    snprintf(name, sizeof name, "%s_distinct", many);
    set(v, name, (double)s->n);
    snprintf(name, sizeof name, "%s_new_90d", many);
    set(v, name, new_90);
    snprintf(name, sizeof name, "%s_entropy", one);
    set(v, name, entropy(s->lines, s->n));
    snprintf(name, sizeof name, "%s_top_share", one);
    set(v, name, top / sum);
    if (strcmp(one, "category") == 0)
        set(v, "category_top_spend_share", when(net > 0, top_net / net));
}

static void set_items(const values *v)
{
    const ref_person *p     = v->person;
    spread           *s     = clade_arena_alloc(v->shop->arena, 2, sizeof(spread));
    double           *count = clade_arena_alloc(v->shop->arena, p->n_pairs + 1, sizeof(double));
    double lines = 0, top = 0, new_90 = 0, age_s = 0, fame = 0, n_fame = 0, shop = 0, n_shop = 0;
    double peer = 0, n_peer = 0, premium = 0, paid = 0, usual = 0;

    if (p->n_pairs == 0) return;
    if (s == NULL || count == NULL) abort();
    for (size_t i = 0; i < p->n_pairs; i++) {
        const ref_pair *pair = &p->pair[i];
        const ref_item *item = ref_item_find(v->shop, pair->item);
        const double    n    = (double)pair->n;
        count[i]             = n;
        lines += n;
        top = fmax(top, n);
        new_90 += within(v, pair->first_us, 90, 0);
        age_s += (double)(pair->at_s - pair->n * item->first_s);
        if (!isnan(item->fame)) fame += n * item->fame, n_fame += n;
        if (!isnan(item->price_shop)) shop += n * item->price_shop, n_shop += n;
        if (!isnan(item->price_peer)) {
            peer += n * item->price_peer;
            n_peer += n;
            if (item->price_peer >= 0.75) premium += n;
        }
        if (item->net > 0 && item->valued_milli > 0) {
            paid += (double)pair->net;
            usual += floor(
                (double)pair->valued_milli * (double)item->net / (double)item->valued_milli + 0.5);
        }
        add_pair(&s[0], item->category, pair);
        add_pair(&s[1], item->brand, pair);
    }
    set(v, "items_distinct", (double)p->n_pairs);
    set(v, "items_new_90d", new_90);
    set(v, "item_repeat_share", (lines - (double)p->n_pairs) / lines);
    set(v, "item_top_share", top / lines);
    set(v, "item_entropy", entropy(count, p->n_pairs));
    set(v, "item_age_days", age_s / 86400 / lines);
    set(v, "item_fame", over(fame, n_fame));
    set(v, "price_position_shop", over(shop, n_shop));
    set(v, "price_position_category", over(peer, n_peer));
    set(v, "premium_share", over(premium, n_peer));
    set(v, "price_index", when(usual > 0, paid / usual));
    set_spread(v, &s[0], "category", "categories");
    set_spread(v, &s[1], "brand", "brands");
}

/* ---------------------------------------------------------------- price and refund */

static void set_discounts(const values *v)
{
    const ref_person *p = v->person;
    double off = 0, listed = 0, off_90 = 0, listed_90 = 0, n_off = 0, cut = 0, coupon = 0;

    for (size_t i = 0; i < p->n_orders; i++) {
        const ref_order *order = &p->order[i];
        off += (double)order->off;
        listed += (double)(order->off + order->off_value);
        n_off += (double)order->n_off;
        cut += order->n_cut > 0;
        coupon += order->n_coupon > 0;
        if (!within(v, order->at_us, 90, 0)) continue;
        off_90 += (double)order->off;
        listed_90 += (double)(order->off + order->off_value);
    }
    set(v, "discount_share", over(off, listed));
    set(v, "discount_share_90d", over(off_90, listed_90));
    set(v, "discount_order_share", when(n_off > 0, cut / (double)p->n_orders));
    set(v, "coupon_order_share", when(v->shop->n_coupon > 0, over(coupon, (double)p->n_orders)));
}

static void set_refunds(const values *v)
{
    const ref_person *p   = v->person;
    const double      all = (double)p->n_all_orders;
    double n_90 = 0, value = 0, gross = 0, back_orders = 0, gone = 0, backs = 0, wait = 0;

    for (size_t i = 0; i < p->n_refunds; i++) {
        n_90 += within(v, p->refund[i].at_us, 90, 0);
        value += (double)p->refund[i].value;
    }
    for (size_t i = 0; i < p->n_all_orders; i++) {
        const ref_order *order = &p->order[i];
        gross += (double)order->gross;
        back_orders += order->n_back_line > 0;
        gone += order->n_kept == 0;
        backs += (double)order->n_back;
        wait += (double)order->wait_s;
    }
    set(v, "refund_wait_days", over(wait / 86400, backs));
    if (v->shop->n_refunder == 0) return;
    set(v, "refunds_90d", n_90);
    set(v, "refunds_life", (double)p->n_refunds);
    set(v, "refund_value_life", value / v->shop->minor);
    set(v, "refund_share", when(gross > 0, fmin(1, value / gross)));
    set(v, "refund_order_share", over(back_orders, all));
    set(v, "gone_order_share", over(gone, all));
    if (p->n_refunds > 0) /* in order of time, as the events are */
        set(v, "days_since_refund", since(v, p->refund[p->n_refunds - 1].at_us));
}

void ref_buy_values(const values *v)
{
    set_spend(v);
    set_order_values(v);
    set_orders(v);
    set_gaps(v);
    set_baskets(v);
    set_items(v);
    set_discounts(v);
    set_refunds(v);
}

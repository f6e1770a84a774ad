/* The rest of the features, by the plainest loop over one customer's rows; see reference.h. */
#include "reference.h"

#include "reference_values.h"

/* ---------------------------------------------------------------- clock */

static int weekday(clade_civil c) /* 0 is Monday; 1970-01-01 was a Thursday */
{
    return (int)(((clade_days_from_civil(c.year, c.month, c.day) + 3) % 7 + 7) % 7);
}

static void set_clock(const values *v)
{
    const ref_person *p       = v->person;
    const double      n       = (double)p->n_orders;
    double            part[4] = { 0 }, day[7] = { 0 }, start = 0, gift = 0;
    double            evening = 0, night = 0, weekend = 0;

    for (size_t i = 0; i < p->n_orders; i++) {
        const clade_civil c = ref_clock(v->shop, p->order[i].at_us);
        part[c.hour / 6]++;
        day[weekday(c)]++;
        start += c.day <= 10;
        gift += c.month >= 11;
    }
    if (p->n_orders > 0) {
        const bool clock = v->shop->n_clock > 0;
        set(v, "order_night_share", when(clock, part[0] / n));
        set(v, "order_morning_share", when(clock, part[1] / n));
        set(v, "order_afternoon_share", when(clock, part[2] / n));
        set(v, "order_evening_share", when(clock, part[3] / n));
        set(v, "daypart_entropy", when(clock, entropy(part, 4)));
        set(v, "weekend_share", (day[5] + day[6]) / n);
        set(v, "weekday_entropy", entropy(day, 7));
        set(v, "month_start_share", start / n);
        set(v, "gift_season_share", gift / n);
    }
    for (size_t i = 0; i < p->n_sessions; i++) {
        const clade_civil c = ref_clock(v->shop, p->session[i].first_us);
        evening += c.hour >= 18;
        night += c.hour < 6;
        weekend += weekday(c) >= 5;
    }
    const double visits = (double)p->n_sessions;
    set(v, "visit_evening_share", when(v->shop->n_session_clock > 0, over(evening, visits)));
    set(v, "visit_night_share", when(v->shop->n_session_clock > 0, over(night, visits)));
    set(v, "visit_weekend_share", over(weekend, visits));
}

/* ---------------------------------------------------------------- browsing */

enum { ANY = -1 };

static double count(const values *v, int kind, int from, int to)
{
    double n = 0;
    for (size_t i = 0; i < v->person->n_events; i++) {
        const ref_event *event = &v->person->event[i];
        n += (kind == ANY || event->kind == kind) && within(v, event->at_us, from, to);
    }
    return n;
}

/* In how many of the last n stretches of `length` days was there anything? */
static double active(const values *v, int n, int length)
{
    double found = 0;
    for (int i = 0; i < n; i++)
        found += count(v, ANY, length * (i + 1), length * i) > 0;
    return found;
}

static void set_activity(const values *v)
{
    const ref_person *p    = v->person;
    double            span = 0, spans = 0, rating = 0, ratings = 0;

    set(v, "events_30d", count(v, ANY, 30, 0));
    set(v, "events_90d", count(v, ANY, 90, 0));
    set(v, "events_life", count(v, ANY, LIFE, 0));
    set(v, "events_trend_30d", trend(v, count(v, ANY, 30, 0), count(v, ANY, 60, 30), 60));
    set(v, "days_since_event", since(v, p->event[p->n_events - 1].at_us));
    set(v, "tenure_days", since(v, p->event[0].at_us));
    set(v, "active_days_7d", active(v, 7, 1));
    set(v, "active_days_30d", active(v, 30, 1));
    set(v, "active_days_60d", active(v, 60, 1));
    set(v, "active_weeks_364d", active(v, 52, 7));
    for (size_t i = 0; i < p->n_events; i++) {
        const ref_event *event = &p->event[i];
        if (event->dwell_us != REF_NULL) {
            span += fmin(fmax(0, (double)event->dwell_us), (double)CLADE_US_PER_DAY);
            spans++;
        }
        if (event->kind == REF_REVIEW && event->rating > -1000 && event->rating < 1000) {
            rating += floor(event->rating * 1000 + 0.5) / 1000;
            ratings++;
        }
    }
    set(v, "dwell_minutes_life", when(spans > 0, span / 60e6));
    set(v, "dwell_seconds_mean", over(span / 1e6, spans));
    set(v, "rating_mean", over(rating, ratings));
}

static void set_browsing(const values *v)
{
    const ref_shop *shop = v->shop;
    const int64_t  *has  = shop->n_kind;
    const double    view = count(v, REF_VIEW, LIFE, 0), cart = count(v, REF_CART, LIFE, 0);
    const double    search = count(v, REF_SEARCH, LIFE, 0);
    const double    lines  = (double)v->person->n_lines;

    set(v, "views_7d", when(has[REF_VIEW] > 0, count(v, REF_VIEW, 7, 0)));
    set(v, "views_30d", when(has[REF_VIEW] > 0, count(v, REF_VIEW, 30, 0)));
    set(v, "views_90d", when(has[REF_VIEW] > 0, count(v, REF_VIEW, 90, 0)));
    set(v, "views_364d", when(has[REF_VIEW] > 0, count(v, REF_VIEW, 364, 0)));
    set(v, "views_life", when(has[REF_VIEW] > 0, view));
    set(v, "views_trend_30d", trend(v, count(v, REF_VIEW, 30, 0), count(v, REF_VIEW, 60, 30), 60));
    set(v, "carts_7d", when(has[REF_CART] > 0, count(v, REF_CART, 7, 0)));
    set(v, "carts_30d", when(has[REF_CART] > 0, count(v, REF_CART, 30, 0)));
    set(v, "carts_90d", when(has[REF_CART] > 0, count(v, REF_CART, 90, 0)));
    set(v, "carts_life", when(has[REF_CART] > 0, cart));
    for (size_t i = 0; i < v->person->n_events; i++) {
        if (v->person->event[i].kind == REF_CART)
            set(v, "days_since_cart", since(v, v->person->event[i].at_us)); /* the last one stays */
    }
    set(v, "uncart_share",
        when(has[REF_UNCART] > 0 && cart > 0, fmin(1, count(v, REF_UNCART, LIFE, 0) / cart)));
    set(v, "checkouts_life", when(has[REF_CHECKOUT] > 0, count(v, REF_CHECKOUT, LIFE, 0)));
    set(v, "wishes_life", when(has[REF_WISH] > 0, count(v, REF_WISH, LIFE, 0)));
    set(v, "shares_life", when(has[REF_SHARE] > 0, count(v, REF_SHARE, LIFE, 0)));
    set(v, "reviews_life", when(has[REF_REVIEW] > 0, count(v, REF_REVIEW, LIFE, 0)));
    set(v, "searches_90d", when(has[REF_SEARCH] > 0, count(v, REF_SEARCH, 90, 0)));
    set(v, "searches_life", when(has[REF_SEARCH] > 0, search));
    set(v, "search_share",
        when(has[REF_SEARCH] > 0 && has[REF_VIEW] > 0, over(search, search + view)));
    set(v, "view_to_cart", when(has[REF_CART] > 0, over(cart, view)));
    set(v, "cart_to_buy", when(shop->n_basket > 0, over(lines, cart)));
    set(v, "view_to_buy", when(shop->n_basket > 0, over(lines, view)));
}

static double n_sessions(const values *v, int from, int to)
{
    double n = 0;
    for (size_t i = 0; i < v->person->n_sessions; i++)
        n += within(v, v->person->session[i].first_us, from, to);
    return n;
}

static void set_sessions(const values *v)
{
    const ref_person *p      = v->person;
    const ref_shop   *shop   = v->shop;
    const bool        has    = shop->n_session > 0;
    const double      n      = (double)p->n_sessions;
    double            events = 0, seconds = 0, single = 0, search = 0, cart = 0, buy = 0, left = 0;
    int64_t           first = INT64_MAX, last = INT64_MIN;

    set(v, "sessions_7d", when(has, n_sessions(v, 7, 0)));
    set(v, "sessions_30d", when(has, n_sessions(v, 30, 0)));
    set(v, "sessions_90d", when(has, n_sessions(v, 90, 0)));
    set(v, "sessions_365d", when(has, n_sessions(v, 365, 0)));
    set(v, "sessions_life", when(has, n));
    set(v, "sessions_trend_90d", trend(v, n_sessions(v, 90, 0), n_sessions(v, 180, 90), 180));
    if (p->n_sessions == 0) return;

    for (size_t i = 0; i < p->n_sessions; i++) {
        const ref_session *s = &p->session[i];
        if (s->first_us < first) first = s->first_us;
        if (s->first_us > last) last = s->first_us;
        events += (double)s->n;
        seconds += (double)(s->last_us / CLADE_US_PER_SECOND - s->first_us / CLADE_US_PER_SECOND);
        single += s->n == 1;
        search += s->did[REF_SEARCH] > 0;
        cart += s->did[REF_CART] > 0;
        buy += s->did[REF_PURCHASE] > 0;
        left += s->did[REF_CART] > 0 && s->did[REF_PURCHASE] == 0;
    }
    set(v, "days_since_session", since(v, last));
    set(v, "session_gap_days", when(n >= 2, days((double)(last - first)) / (n - 1)));
    set(v, "session_events_mean", events / n);
    set(v, "session_minutes_mean", seconds / 60 / n);
    set(v, "session_single_share", single / n);
    set(v, "session_search_share", when(shop->n_kind[REF_SEARCH] > 0, search / n));
    set(v, "session_cart_share", when(shop->n_kind[REF_CART] > 0, cart / n));
    set(v, "session_buy_share", when(shop->n_session_buy > 0, buy / n));
    set(v, "cart_left_share", when(shop->n_session_buy > 0, over(left, cart)));
}

/* ---------------------------------------------------------------- channels and devices */

static bool handheld(const char *device)
{
    static const char *const word[] = { "mobile", "phone", "android", "ios",
                                        "tablet", "ipad",  "app",     "手机" };
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++) {
        if (strcasestr(device, word[i]) != NULL) return true;
    }
    return false;
}

static void set_channels(const values *v)
{
    for (int device = 0; device < 2; device++) {
        const char *word[256];
        double      n[256] = { 0 }, sum = 0, top = 0, hand = 0;
        size_t      n_words = 0;
        for (size_t i = 0; i < v->person->n_events; i++) {
            const ref_event *event = &v->person->event[i];
            const char      *name  = device ? event->device : event->channel;
            size_t           at    = 0;
            if (name == NULL) continue;
            while (at < n_words && strcmp(word[at], name) != 0)
                at++;
            if (at == n_words) word[n_words++] = name;
            assert(n_words < 256);
            top = fmax(top, ++n[at]);
            sum++;
            hand += device && handheld(name);
        }
        if (n_words == 0) continue;
        set(v, device ? "devices_distinct" : "channels_distinct", (double)n_words);
        set(v, device ? "device_entropy" : "channel_entropy", entropy(n, n_words));
        if (device)
            set(v, "handheld_share", hand / sum);
        else
            set(v, "channel_top_share", top / sum);
    }
}

/* ---------------------------------------------------------------- profile */

static bool is_one_of(const char *word, const char *list) /* "|a|b|" */
{
    char wanted[128];
    if (word == NULL) return false;
    snprintf(wanted, sizeof wanted, "|%s|", word);
    return strcasestr(list, wanted) != NULL;
}

/* Is row a a later word than row b? Of one moment: loaded later; of one load: the lesser text. */
static bool later(const ref_attribute *a, const ref_attribute *b)
{
    if (a->known_us != b->known_us) return a->known_us > b->known_us;
    if (a->load != b->load) return a->load > b->load;
    if (a->value == NULL || b->value == NULL) return a->value != NULL && b->value == NULL;
    return strcmp(a->value, b->value) < 0;
}

/* Customers hold the same attribute at most once here: the latest. */
static bool is_latest(const ref_shop *shop, const ref_attribute *row)
{
    for (size_t i = 0; i < shop->n_attributes; i++) {
        const ref_attribute *other = &shop->attribute[i];
        if (other != row && other->customer == row->customer &&
            strcmp(other->name, row->name) == 0 && later(other, row))
            return false;
    }
    return true;
}

static double larger(double a, double b)
{
    if (isnan(a)) return b;
    return isnan(b) ? a : fmax(a, b);
}

static double yes_or_no(const char *word, const char *yes, const char *no)
{
    if (is_one_of(word, yes)) return 1;
    return is_one_of(word, no) ? 0 : (double)NAN;
}

static void set_profile(const values *v)
{
    const ref_shop *shop = v->shop;
    double known = 0, age = (double)NAN, birth = age, income = age, household = age, children = age;
    double kids = age, teens = age, female = age, married = age, member = age, signed_us = age;

    for (size_t i = 0; i < shop->n_attributes; i++) {
        const ref_attribute *a = &shop->attribute[i];
        if (a->customer != v->person->customer || !is_latest(shop, a)) continue;
        known++;
        if (is_one_of(a->name, "|age|")) age = larger(age, a->number);
        if (is_one_of(a->name, "|birth_year|year_birth|year_of_birth|"))
            birth = larger(birth, a->number);
        if (is_one_of(a->name, "|income|household_income|annual_income|"))
            income = larger(income, a->number);
        if (is_one_of(a->name, "|household_size|family_size|"))
            household = larger(household, a->number);
        if (is_one_of(a->name, "|children|n_children|kids|"))
            children = larger(children, a->number);
        if (is_one_of(a->name, "|kidhome|")) kids = larger(kids, a->number);
        if (is_one_of(a->name, "|teenhome|")) teens = larger(teens, a->number);
        if (is_one_of(a->name, "|registered|registered_us|"))
            signed_us = larger(signed_us, a->number);
        if (is_one_of(a->name, "|gender|sex|"))
            female = larger(
                female, yes_or_no(a->value, "|f|female|woman|w|女|女性|", "|m|male|man|男|男性|"));
        if (is_one_of(a->name, "|marital_status|marital|"))
            married = larger(
                married, yes_or_no(a->value, "|married|together|partner|已婚|",
                                   "|single|divorced|widow|widowed|alone|unmarried|未婚|离异|"));
        if (is_one_of(a->name, "|member|membership|loyalty|loyalty_member|vip|"))
            member =
                larger(member, a->number > 0 ||
                                   is_one_of(a->value, "|yes|y|true|gold|silver|platinum|vip|是|"));
    }
    const double told = age > 0 && age < 130 ? age : (double)shop->year - birth;
    set(v, "attributes_known", known);
    set(v, "age_years", when(told > 0 && told < 130, told));
    set(v, "income", income);
    set(v, "household_size", household);
    set(v, "children", isnan(children) ? kids + teens : children);
    set(v, "female", female);
    set(v, "married", married);
    set(v, "member", member);
    set(v, "registered_days",
        when(signed_us < (double)shop->as_of_us, days((double)shop->as_of_us - signed_us)));
}

static void set_contacts(const values *v)
{
    const ref_shop *shop     = v->shop;
    const int64_t   customer = v->person->customer;
    double          out = 0, in = 0, invited = 0, was = 0, touches = 0, touches_90 = 0, answers = 0;
    int64_t         last_us = INT64_MIN;

    for (size_t i = 0; i < shop->n_ties; i++) {
        const bool invite = strstr(shop->tie[i].kind, "invite") != NULL;
        out += shop->tie[i].customer == customer;
        in += shop->tie[i].other == customer;
        invited += invite && shop->tie[i].customer == customer;
        was += invite && shop->tie[i].other == customer;
    }
    for (size_t i = 0; i < shop->n_touches; i++) {
        if (shop->touch[i].customer != customer) continue;
        touches++;
        touches_90 += within(v, shop->touch[i].at_us, 90, 0);
        if (shop->touch[i].at_us > last_us) last_us = shop->touch[i].at_us;
    }
    for (size_t i = 0; i < shop->n_answers; i++)
        answers += shop->answer[i].customer == customer;

    set(v, "ties_out", when(shop->n_ties > 0, out));
    set(v, "ties_in", when(shop->n_ties > 0, in));
    set(v, "invites_sent", when(shop->n_ties > 0, invited));
    set(v, "was_invited", when(shop->n_ties > 0, was));
    set(v, "touches_90d", when(shop->n_touches > 0, touches_90));
    set(v, "touches_life", when(shop->n_touches > 0, touches));
    if (touches > 0) set(v, "days_since_touch", since(v, last_us));
    set(v, "answers_life", when(shop->n_answers > 0, answers));
}

/* ---------------------------------------------------------------- all of it */

void ref_values(float *out, const ref_shop *shop, const ref_person *person)
{
    const values v = { .out = out, .shop = shop, .person = person };
    size_t       n = 0;

    (void)clade_features_all(&n);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)NAN;
    ref_buy_values(&v);
    set_clock(&v);
    set_activity(&v);
    set_browsing(&v);
    set_sessions(&v);
    set_channels(&v);
    set_profile(&v);
    set_contacts(&v);
}

clade_status clade__reference_compute(clade_features **out_features, clade_store *store,
                                      int64_t as_of_us, clade_error *err)
{
    clade_status    status   = CLADE_OK;
    ref_shop        shop     = { 0 };
    clade_features *features = CLADE_NEW(clade_features, 1);

    if (features == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for features");
    status = ref_shop_open(&shop, store, as_of_us, err);
    if (status != CLADE_OK) goto done;
    (void)clade_features_all(&features->n_features);
    features->as_of_us    = as_of_us;
    features->n_customers = shop.n_persons;
    features->customer    = CLADE_NEW(int64_t, shop.n_persons + 1);
    features->value       = CLADE_NEW(float, shop.n_persons * features->n_features + 1);
    if (features->customer == NULL || features->value == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", shop.n_persons);
        goto done;
    }
    for (size_t i = 0; i < shop.n_persons; i++) {
        features->customer[i] = shop.person[i].customer;
        ref_values(features->value + i * features->n_features, &shop, &shop.person[i]);
    }
    *out_features = features;
    features      = NULL;
done:
    ref_shop_close(&shop);
    clade_features_free(features);
    return status;
}

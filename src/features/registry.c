/* The registry: every feature, defined once. The rows are in families/, in the order of the
 * columns.
 *
 * The SQL of a feature is an expression over one row a customer. README.md lists the short names of
 * the tables it may read (p person, o orders, w purse, ...) and stages.sql how they are made. */
#include "internal.h"

/* Counts of a customer who has none are 0 when the shop's log holds the kind at all, else absent.
 */
#define IF_SOLD(x)    "CASE WHEN k.n_basket > 0 THEN coalesce(" x ", 0) END"
#define IF_SEEN(x)    "CASE WHEN k.n_view > 0 THEN " x " END"
#define IF_CART(x)    "CASE WHEN k.n_cart > 0 THEN " x " END"
#define IF_SEARCH(x)  "CASE WHEN k.n_search > 0 THEN " x " END"
#define IF_VISITED(x) "CASE WHEN k.n_visitor > 0 THEN coalesce(" x ", 0) END"
#define IF_REFUND(x)  "CASE WHEN k.n_refunder > 0 THEN coalesce(" x ", 0) END"
#define IF_PRICED(x)  "CASE WHEN o.n_valued > 0 THEN " x " / {minor} END"
#define IF_CLOCK(x)   "CASE WHEN k.n_clock > 0 THEN " x " / o.n END"

/* (now - before) / (now + before), from -1 (stopped) to 1 (began); the log must reach back so far.
 */
#define TREND(now, before, since)                                                        \
    "CASE WHEN k.log_us <= {" since "} AND " now " + " before " > 0 THEN toFloat64(" now \
    " - " before ") / (" now " + " before ") END"
/* Shannon entropy in bits from n, sum n_i and sum n_i ln n_i (in millionths). */
#define ENTROPY(x, total)                                                                  \
    "CASE WHEN " x ".n = 1 THEN 0 ELSE (ln(" total ") - " x ".spread / 1000000.0 / " total \
    ") / ln(2) END"
/* One term of an entropy over fixed bins: (-n ln n), nothing for an empty bin. */
#define BIN(x) "CASE WHEN " x " > 0 THEN " x " * ln(" x ") ELSE 0 END"

#define SILENCE "(intDiv({as_of}, 1000000) - intDiv(o.last_us, 1000000))"
#define GAP_DEVIATION                                                                             \
    "sqrt(toFloat64(o.gap_square * (o.n - 1) - toInt128(o.gap) * o.gap) / (toFloat64(o.n - 1) * " \
    "(o.n - 2)))"
/* Means drawn to those of the shop: docs/maths/features.md. No weight means no spread to learn. */
#define ORDER_VALUE                                                                            \
    "CASE WHEN h.value_weight IS NULL THEN h.value ELSE (o.net + h.value_weight * h.value) / " \
    "(o.n + h.value_weight) END"
#define ORDER_RATE                                                                               \
    "CASE WHEN h.rate_weight_s IS NULL THEN h.rate ELSE (o.n - 1 + h.rate * h.rate_weight_s) / " \
    "(intDiv({as_of}, 1000000) - intDiv(o.first_us, 1000000) + h.rate_weight_s) END * 31536000.0"

#define NO_PURCHASE_LOG "the log has no purchases"
#define NO_MONEY        "the log has no prices, or the orders of this customer have none"
#define NO_ORDER        "no order that stands yet"
#define NO_SECOND       "fewer than two orders that stand"
#define NO_THIRD        "fewer than three orders that stand"
#define NO_ITEM         "no kept line names an item"
#define NO_VIEW_LOG     "the log has no views"
#define NO_CART_LOG     "the log has no carts"
#define NO_SEARCH_LOG   "the log has no searches"
#define NO_SESSION_LOG  "the log has no sessions"
#define NO_SESSION      "no session yet"
#define NO_REFUND_LOG   "the log has no refunds"
#define NO_CLOCK        "no order yet, or the log knows days but not hours"

static const clade_feature registry[] = {
#include "families/money.inc"

#include "families/rhythm.inc"

#include "families/basket.inc"

#include "families/price.inc"

#include "families/browse.inc"

#include "families/profile.inc"
};

enum { N_FEATURES = sizeof registry / sizeof registry[0] };
_Static_assert(N_FEATURES >= 110, "the registry promises at least 110 features");

const clade_feature *clade_features_all(size_t *out_n)
{
    *out_n = N_FEATURES;
    return registry;
}

int clade_features_find(const char *name)
{
    for (int i = 0; i < N_FEATURES; i++) {
        if (strcmp(registry[i].name, name) == 0) return i;
    }
    return -1;
}

const char *clade_feature_group_name(clade_feature_group group)
{
    static const char *const name[CLADE_N_FEATURE_GROUP] = {
        "money",  "rhythm", "basket", "taste",   "price",
        "refund", "clock",  "browse", "channel", "profile",
    };
    assert(group < CLADE_N_FEATURE_GROUP);
    return name[group];
}

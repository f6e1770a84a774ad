/* A shop made in memory: three kinds of customer, a handful of features, the rest absent. */
#ifndef MADE_SHOP_H
#define MADE_SHOP_H

#include "check.h"
#include "clade/portraits.h"
#include "clade/run.h"
#include "engine/segmentation.h"

#include <stdlib.h>
#include <string.h>

enum { MADE_REGULAR, MADE_ONE_TIMER, MADE_BROWSER, MADE_KINDS };

typedef struct made_shop {
    clade_features features;
    clade_outcome  outcome;
    int32_t       *kind; /* (n_customers) which of the three */
    int64_t       *revenue_minor;
} made_shop;

static inline float *made_value(made_shop *shop, size_t customer, const char *name)
{
    const int column = clade_features_find(name);
    assert_true(column >= 0);
    return &shop->features.value[customer * shop->features.n_features + (size_t)column];
}

static inline void made_customer(made_shop *shop, size_t i, clade_rng *rng)
{
    const double u      = clade_rng_uniform(rng);
    const int    kind   = u < 0.3 ? MADE_REGULAR : u < 0.8 ? MADE_ONE_TIMER : MADE_BROWSER;
    const double orders = kind == MADE_REGULAR     ? 4 + (double)clade_rng_poisson(rng, 5)
                          : kind == MADE_ONE_TIMER ? 1
                                                   : 0;
    const double value  = exp(3.5 + 0.5 * clade_rng_normal(rng));
    const double days =
        kind == MADE_REGULAR ? 30 * clade_rng_exponential(rng) : 5 + 300 * clade_rng_uniform(rng);
    const double p_return      = kind == MADE_REGULAR ? 0.85 : kind == MADE_ONE_TIMER ? 0.15 : 0.03;
    shop->kind[i]              = kind;
    shop->features.customer[i] = (int64_t)(3 * i + 1);
    shop->revenue_minor[i]     = llround(100 * orders * value);
    *made_value(shop, i, "orders_life")      = (float)orders;
    *made_value(shop, i, "spend_life")       = (float)(orders * value);
    *made_value(shop, i, "events_life")      = (float)(3 + clade_rng_poisson(rng, 8));
    *made_value(shop, i, "days_since_event") = (float)fmin(days, 3);
    *made_value(shop, i, "weekend_share")    = (float)clade_rng_uniform(rng); /* says nothing */
    if (orders > 0) {
        *made_value(shop, i, "days_since_order") = (float)days;
        *made_value(shop, i, "order_value_mean") = (float)value;
        *made_value(shop, i, "orders_90d")       = (float)(days < 90 ? ceil(orders / 3) : 0);
        *made_value(shop, i, "spend_90d") = (float)(days < 90 ? ceil(orders / 3) * value : 0);
    }
    if (orders > 1)
        *made_value(shop, i, "gap_mean_days") = (float)(20 + 10 * clade_rng_normal(rng));
    const double heat         = p_return * (days < 60 ? 1 : 0.5);
    shop->outcome.returned[i] = clade_rng_uniform(rng) < heat;
    shop->outcome.spend_minor[i] =
        shop->outcome.returned[i] ? llround(100 * value * (1 + orders / 3)) : 0;
}

static inline made_shop made_shop_make(size_t n, uint64_t seed)
{
    made_shop shop = { 0 };
    size_t    p;
    clade_rng rng = clade_rng_stream(seed, "test/made_shop", 0);
    (void)clade_features_all(&p);
    shop.features.n_customers    = n;
    shop.features.n_features     = p;
    shop.features.customer       = CLADE_NEW(int64_t, n);
    shop.features.value          = CLADE_NEW(float, n *p);
    shop.outcome.spend_minor     = CLADE_NEW(int64_t, n);
    shop.outcome.returned        = CLADE_NEW(uint8_t, n);
    shop.outcome.minor_per_major = 100;
    shop.kind                    = CLADE_NEW(int32_t, n);
    shop.revenue_minor           = CLADE_NEW(int64_t, n);
    assert_true(shop.features.customer && shop.features.value && shop.outcome.spend_minor &&
                shop.outcome.returned && shop.kind && shop.revenue_minor);
    for (size_t i = 0; i < n * p; i++)
        shop.features.value[i] = NAN;
    for (size_t i = 0; i < n; i++)
        made_customer(&shop, i, &rng);
    return shop;
}

static inline void made_shop_free(made_shop *shop)
{
    free(shop->features.customer);
    free(shop->features.value);
    free(shop->outcome.spend_minor);
    free(shop->outcome.returned);
    free(shop->kind);
    free(shop->revenue_minor);
}

/* The three kinds as a segmentation without a definition: enough for a portrait. */
static inline clade_segmentation made_segmentation(void)
{
    return (clade_segmentation){ .kind       = CLADE_SEGMENT_CLUSTERS,
                                 .n_segments = MADE_KINDS,
                                 .name       = { { "regulars", "Regulars", "常客" },
                                                 { "one-timers", "One-timers", "单次客" },
                                                 { "browsers", "Browsers", "浏览者" } } };
}

#endif

/**
 * Features: everything clade knows about a customer as of a moment, as numbers with a name.
 *
 * A feature is defined once, here: name, unit, source, what absence means, words in two languages,
 * and its SQL aggregate in the subset that DuckDB and ClickHouse share. Documentation, model cards
 * and explanations read the same registry.
 */
#ifndef CLADE_FEATURES_H
#define CLADE_FEATURES_H

#include "clade/store.h"

typedef enum clade_feature_group {
    CLADE_FEATURE_MONEY,
    CLADE_FEATURE_RHYTHM,
    CLADE_FEATURE_BASKET,
    CLADE_FEATURE_TASTE,
    CLADE_FEATURE_PRICE,
    CLADE_FEATURE_REFUND,
    CLADE_FEATURE_CLOCK,
    CLADE_FEATURE_BROWSE,
    CLADE_FEATURE_CHANNEL,
    CLADE_FEATURE_PROFILE,
    CLADE_N_FEATURE_GROUP
} clade_feature_group;

typedef struct clade_feature {
    const char         *name; /* "spend_90d" */
    const char         *unit; /* "money", "days", "count", "share", "bits", ... */
    clade_feature_group group;
    const char         *source;  /* "event", "order_line", "customer" */
    bool                skewed;  /* read on a log scale: money, counts, durations */
    const char         *absence; /* "no purchase yet", "fewer than two orders" */
    const char         *en;      /* one sentence */
    const char         *zh;
    const char         *sql; /* aggregate over the customer's rows; see src/features/README.md */
} clade_feature;

/** The registry, in the fixed order of the columns of every matrix. At least 100. */
CLADE_API const clade_feature *clade_features_all(size_t *out_n);
/** Index of a name, or -1. */
CLADE_API int clade_features_find(const char *name);
/** "money", "rhythm", ... Never NULL. */
CLADE_API const char *clade_feature_group_name(clade_feature_group group);
/** The text of docs/features.md, appended to `out`. Ask out->failed at the end. */
CLADE_API void clade_features_document(clade_buffer *out);

/** value (n_customers, n_features) row-major; NAN is absence. Customers in rising order of number.
 */
typedef struct clade_features {
    size_t   n_customers;
    size_t   n_features;
    int64_t *customer; /* (n_customers) */
    float   *value;    /* (n_customers, n_features) row-major */
    int64_t  as_of_us;
} clade_features;

/**
 * Every feature of every customer who did anything before `as_of_us` (strictly) and who was not
 * flagged as test, staff or bot by then. Nothing at or after as_of_us is read.
 *
 * Repeatable  Bit for bit, whatever the number of threads: sums run over integers.
 */
CLADE_API CLADE_MUST_USE clade_status clade_features_compute(clade_features **out_features,
                                                             clade_store *store, int64_t as_of_us,
                                                             clade_error *err);
/**
 * The same, from the file that clade_features_keep left when it is of this moment and of these data
 * (docs/formats/workspace.md), else computed. Equal bit for bit either way.
 *
 * Cost  0.5 s where a million customers are kept, and a scan of four columns of `event`.
 */
CLADE_API CLADE_MUST_USE clade_status clade_features_get(clade_features **out_features,
                                                         clade_store *store, int64_t as_of_us,
                                                         clade_error *err);
/**
 * Keep a matrix in derived/ of the workspace, in the place of the one kept before. Loading,
 * `replay` and forgetting drop it.
 *
 * @param features  As clade_features_compute or clade_features_get gave it, and the store unchanged
 *                  since.
 * @return CLADE_ERR_ARG for a store that is read only, CLADE_ERR_IO naming the file; then nothing
 * is kept, and nothing is lost but time.
 */
CLADE_API CLADE_MUST_USE clade_status clade_features_keep(const clade_features *features,
                                                          clade_store *store, clade_error *err);
CLADE_API void                        clade_features_free(clade_features *features);

/**
 * What customers did in [from_us, to_us): the label side, kept apart from features on purpose.
 * Aligned with the given customers, who are in rising order. Spend is purchases less refunds of the
 * window, at least 0, in minor units of the shop's currency.
 */
typedef struct clade_outcome {
    int64_t *spend_minor;     /* (n_customers) */
    double   minor_per_major; /* 100 for most currencies, 1 for JPY */
    uint8_t *returned; /* (n_customers) 1 when there was a purchase of which something was kept */
} clade_outcome;
CLADE_API CLADE_MUST_USE clade_status clade_outcome_compute(clade_outcome *out, clade_store *store,
                                                            const int64_t *customer,
                                                            size_t n_customers, int64_t from_us,
                                                            int64_t to_us, clade_error *err);
CLADE_API void                        clade_outcome_free(clade_outcome *outcome);

#endif

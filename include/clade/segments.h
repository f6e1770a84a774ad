/**
 * Segments: who our customers are, in groups that can be named, that hold still, and that say
 * something about the next 90 days.
 *
 * Every kind of segment is one thing: a segmentation has a kind, a version, a definition fitted on
 * customers as of a moment, and membership as of any moment. A definition is plain data (JSON):
 * what fits it is not needed to apply it.
 */
#ifndef CLADE_SEGMENTS_H
#define CLADE_SEGMENTS_H

#include "clade/features.h"
#include "clade/json.h"
#include "clade/vectors.h"

enum {
    CLADE_SEGMENTS_MAX          = 12,  /* more than a dozen groups nobody can keep in mind */
    CLADE_RULES_MAX             = 6,   /* rules that describe one segment */
    CLADE_DIFFERENCES_MAX       = 12,  /* what sets one segment apart, strongest first */
    CLADE_SEGMENT_MIN_TRUST     = 500, /* customers below which a segmentation is not trusted yet */
    CLADE_OUTLOOK_MAX_CUSTOMERS = 10000, /* buyers it is learnt from; of more a seeded sample */
    CLADE_LIFT_MAX_CUSTOMERS    = 10000, /* buyers it is measured on; of more a seeded sample */
};

typedef enum clade_segment_kind {
    CLADE_SEGMENT_OUTLOOK, /* shaped by the future: bands of what customers are expected to do next
                            */
    CLADE_SEGMENT_RFM,     /* recency, frequency, money: 5x5x5 scores, eleven named groups */
    CLADE_SEGMENT_LIFECYCLE, /* new, active, slipping, lapsed, by each customer's own rhythm */
    CLADE_SEGMENT_CLUSTERS, /* likeness of behaviour: k-means or Gaussian mixture, k by stability */
    CLADE_N_SEGMENT_KIND
} clade_segment_kind;

/** How CLADE_SEGMENT_CLUSTERS are formed. */
typedef enum clade_clustering {
    CLADE_CLUSTERING_KMEANS,  /* each customer to the nearest centre: groups of like width */
    CLADE_CLUSTERING_MIXTURE, /* to the likeliest Gaussian: each group with a width of its own */
    CLADE_N_CLUSTERING
} clade_clustering;

/** "kmeans", "mixture". */
CLADE_API const char                 *clade_clustering_name(clade_clustering clustering);
CLADE_API CLADE_MUST_USE clade_status clade_clustering_parse(clade_clustering *out_clustering,
                                                             const char *name, clade_error *err);

/** "outlook", "rfm", "lifecycle", "clusters". */
CLADE_API const char                 *clade_segment_kind_name(clade_segment_kind kind);
CLADE_API CLADE_MUST_USE clade_status clade_segment_kind_parse(clade_segment_kind *out_kind,
                                                               const char *name, clade_error *err);

/** Name of a segment: a key for scripts ("at-risk"), and words for people. */
typedef struct clade_segment_name {
    char key[32];
    char en[48];
    char zh[48];
} clade_segment_name;

/** One sentence, in both languages. */
typedef struct clade_sentence {
    char en[200];
    char zh[200];
} clade_sentence;

/** A fitted definition. Constant and shared once made. */
typedef struct clade_segmentation clade_segmentation;

/**
 * Fit a segmentation.
 *
 * @param features  Customers as of a moment: the only thing most kinds look at.
 * @param outcome   What the same customers did in the 90 days after. Only OUTLOOK reads it; it may
 * be NULL for the others.
 * @param seed      For what is drawn: starts of k-means, resamples.
 * @return CLADE_ERR_NOT_READY when there are too few customers to form a group at all. CLUSTERS are
 * formed by k-means; clade_segmentation_fit_clusters has the other way.
 *
 * Ownership   Free with clade_segmentation_free.
 * Repeatable  Bit for bit, whatever the number of threads.
 */
CLADE_API CLADE_MUST_USE clade_status clade_segmentation_fit(clade_segmentation  **out_segmentation,
                                                             clade_segment_kind    kind,
                                                             const clade_features *features,
                                                             const clade_outcome  *outcome,
                                                             uint64_t seed, clade_error *err);
/** The same for CLADE_SEGMENT_CLUSTERS, by k-means or by a mixture. How many there are is chosen by
 *  what two halves of the customers agree on, either way. */
CLADE_API CLADE_MUST_USE clade_status
clade_segmentation_fit_clusters(clade_segmentation **out_segmentation, clade_clustering clustering,
                                const clade_features *features, uint64_t seed, clade_error *err);
CLADE_API void               clade_segmentation_free(clade_segmentation *segmentation);
CLADE_API size_t             clade_segmentation_n(const clade_segmentation *segmentation);
CLADE_API clade_segment_kind clade_segmentation_kind(const clade_segmentation *segmentation);
/** How its clusters were formed; of the other kinds KMEANS, which says nothing. */
CLADE_API clade_clustering clade_segmentation_clustering(const clade_segmentation *segmentation);
CLADE_API const clade_segment_name *clade_segmentation_name(const clade_segmentation *segmentation,
                                                            size_t                    segment);

/**
 * Features with customer vectors beside them, for segments that are to see both.
 *
 * The columns of the registry stay where they are, the d numbers of a customer's vector come behind
 * them: NAN for a customer without one; a vector of a customer without features is left out.
 * Clusters of a joined matrix form their distance of both: vectors as whitened principal components
 * of 80 % of their variance, 12 at most, weighted to vary as much together as the features do. They
 * are named by features alone, and need joined features to be applied.
 *
 * @param vectors  As of the same moment: vectors of a later one would tell what the features may
 *                 not know.
 * @return CLADE_ERR_ARG for another moment, or for features that are joined already.
 * Ownership   Free with clade_features_free. Copies both.
 */
CLADE_API CLADE_MUST_USE clade_status clade_features_join(clade_features      **out_joined,
                                                          const clade_features *features,
                                                          const clade_vectors  *vectors,
                                                          clade_error          *err);

/**
 * Which segment each customer belongs to, by the fitted definition. Every customer belongs to one.
 *
 * @param out_segment  (n_customers)
 * @param out_score    (n_customers) or NULL: what the definition orders customers by (OUTLOOK:
 * expected log(1 + spend); others 0).
 */
CLADE_API CLADE_MUST_USE clade_status clade_segmentation_assign(
    int32_t *out_segment, double *out_score, const clade_segmentation *segmentation,
    const clade_features *features, clade_error *err);

/** The definition as JSON, and back. Reading what was written gives the same assignments. */
CLADE_API void clade_segmentation_write(clade_buffer *out, const clade_segmentation *segmentation);
CLADE_API CLADE_MUST_USE clade_status clade_segmentation_read(clade_segmentation **out_segmentation,
                                                              clade_text json, clade_error *err);

/** Keep a definition and who is in it; a new version each time. `clade segment` does this. */
CLADE_API CLADE_MUST_USE clade_status clade_segmentation_save(
    int64_t *out_version, clade_store *store, const clade_segmentation *segmentation,
    int64_t fitted_us, int64_t run, clade_error *err);
/** The newest version of a kind; CLADE_ERR_NOT_READY when there is none. */
CLADE_API CLADE_MUST_USE clade_status clade_segmentation_load(
    clade_segmentation **out_segmentation, int64_t *out_version, int64_t *out_fitted_us,
    clade_store *store, clade_segment_kind kind, clade_error *err);
/** Write down who belongs where as of features->as_of_us (replacing what was there). */
CLADE_API CLADE_MUST_USE clade_status clade_membership_save(
    clade_store *store, const clade_segmentation *segmentation, int64_t version,
    const clade_features *features, const int32_t *segment, const double *score, clade_error *err);

/* ---------------------------------------------------------------- one number to judge by */

/** R2 of log(1 + spend), and AUC of coming back, over the next 90 days; 95 % bootstrap intervals.
 */
typedef struct clade_lift {
    double r2, r2_low, r2_high;
    double auc, auc_low, auc_high;
    int    n_segments; /* 0 for the ceiling */
} clade_lift;

/**
 * Future-lift of a shop as of a moment, over customers who had bought something by then: 10-fold
 * cross-validation over customers. In each fold segments are made, and the means of what their
 * members did next are taken, on the nine training folds only; a held-out customer is predicted the
 * mean of the segment it falls into.
 */
typedef struct clade_lift_report {
    int64_t    as_of_us;
    size_t     n_customers; /* who had bought something by then */
    size_t     n_learnt;    /* of them, what the outlook was fitted on */
    size_t     n_evaluated; /* of them, what is judged here: at most CLADE_LIFT_MAX_CUSTOMERS */
    clade_lift kind[CLADE_N_SEGMENT_KIND];
    clade_lift kmeans_rfm; /* k-means on log R, F, M, as many clusters as OUTLOOK has segments */
    clade_lift ceiling;    /* boosted trees, tuned by cross-validation on the same features */
    double     keeps_r2;   /* OUTLOOK's share of the ceiling */
    double     keeps_r2_low, keeps_r2_high; /* 95 %, paired over customers; NAN: not to be told */
    double     keeps_auc;                   /* of the ceiling's AUC */
    double gain, gain_low, gain_high; /* R2 of OUTLOOK less that of the better of RFM, k-means */
    bool   trusted;
    clade_sentence why; /* when not, and when it is with a but; else empty */
    /* Beside them the same made of features joined with customer vectors, over the same folds. */
    bool           has_joined;
    clade_lift     joined_outlook, joined_clusters;
    clade_interval outlook_gain, clusters_gain; /* R2 with vectors less without, paired */
} clade_lift_report;

/** What else is measured beside the kinds. */
typedef struct clade_lift_joined {
    const clade_features     *features; /* joined; customers as those of the plain features */
    const clade_segmentation *clusters; /* fitted on joined features: their number, how formed */
} clade_lift_joined;

/**
 * Measure it.
 *
 * @param outlook   Fitted on the same customers: its number of bands and its stability count. NULL
 *                  fits one first.
 * @param clusters  Likewise, for their number; NULL leaves that kind out (NAN).
 * @return CLADE_ERR_NOT_READY with fewer than 50 buyers.
 *
 * Repeatable  Bit for bit, whatever the number of threads.
 * Cost        10 fits of each method; about a second for 3,000 customers on two cores.
 */
CLADE_API CLADE_MUST_USE clade_status clade_lift_measure(clade_lift_report        *out_report,
                                                         const clade_features     *features,
                                                         const clade_outcome      *outcome,
                                                         const clade_segmentation *outlook,
                                                         const clade_segmentation *clusters,
                                                         uint64_t seed, clade_error *err);
/** The same, and of `joined` (may be NULL): its clusters, and an outlook of joined features that is
 *  as stiff and has as many bands as `outlook`. */
CLADE_API CLADE_MUST_USE clade_status clade_lift_measure_joined(
    clade_lift_report *out_report, const clade_features *features, const clade_outcome *outcome,
    const clade_segmentation *outlook, const clade_segmentation *clusters,
    const clade_lift_joined *joined, uint64_t seed, clade_error *err);

#endif

/**
 * A study of a shop's customers as of a moment: every kind of segment, judged and described. This
 * is what `clade segment` runs, keeps in the workspace, and what report and export read.
 */
#ifndef CLADE_STUDY_H
#define CLADE_STUDY_H

#include "clade/portraits.h"
#include "clade/shop_behaviour.h"

enum { CLADE_STUDY_HORIZON_DAYS = 90 };

typedef struct clade_study_options {
    bool             has_as_of; /* else the midnight after the last event */
    int64_t          as_of_us;
    uint64_t         seed;
    clade_clustering clusters; /* how the kind CLUSTERS is formed */
    /* CLUSTERS see customer vectors of this model beside the features; NULL: features alone. */
    const clade_shop_behaviour *behaviour;
} clade_study_options;

/** What was done with customer vectors. */
typedef struct clade_study_vectors {
    int64_t        run, fitted_us; /* of the model */
    size_t         d, n_parts;     /* numbers of a vector, and of what the clusters read of it */
    double         share, weight;  /* variance in the parts, and what each is weighted with */
    bool           flattered;      /* the model has seen days that future-lift is judged by */
    clade_sentence said;           /* when flattered; else empty */
} clade_study_vectors;

typedef struct clade_study_kind {
    clade_segmentation *segmentation; /* NULL: this shop cannot bear it yet, `why_not` says why */
    clade_sentence      why_not;
    int64_t             version;  /* given by clade_study_save */
    int32_t            *segment;  /* (n_customers) now */
    double             *score;    /* (n_customers) */
    clade_portrait     *portrait; /* (n segments) */
    int32_t            *before;   /* (n_before) as of learnt_us; NULL when there is no such */
    double              fidelity; /* of its rules, on held-out customers */
} clade_study_kind;

/** Where the time went. */
typedef enum clade_study_stage {
    CLADE_STAGE_FEATURES, /* both moments, and what came between */
    CLADE_STAGE_SEGMENTS, /* fitting and applying every kind */
    CLADE_STAGE_LIFT,
    CLADE_STAGE_PORTRAITS,
    CLADE_N_STAGE
} clade_study_stage;
CLADE_API const char *clade_study_stage_name(clade_study_stage stage); /* "features", ... */

typedef struct clade_study {
    int64_t             as_of_us;
    int64_t             learnt_us; /* 90 days before; INT64_MIN when there is no such history */
    int64_t             first_us, last_us; /* of the events looked at */
    char                currency[4];
    clade_features     *features;      /* as of as_of_us */
    int64_t            *revenue_minor; /* (n_customers), of the 365 days before as_of_us */
    clade_features     *before;        /* customers as of learnt_us, their values let go; or NULL */
    clade_study_kind    kind[CLADE_N_SEGMENT_KIND];
    clade_segment_kind  best; /* the kind to act on: OUTLOOK where it can be had, else LIFECYCLE */
    bool                has_card; /* the outlook by hand */
    clade_scorecard     card;
    bool                has_vectors; /* CLUSTERS were formed with them */
    clade_study_vectors vectors;
    bool                has_lift;
    double              seconds[CLADE_N_STAGE];
    clade_lift_report   lift; /* as of learnt_us; when has_lift is off, lift.why says why */
} clade_study;

/**
 * Study the shop. Nothing at or after as_of is looked at; what segments say about the future is
 * learnt and judged at the moment 90 days before. With a behaviour model, the vectors of either
 * moment are of the events before it alone; its weights are of the events before its fit, and where
 * that lies behind the moment of judging, `vectors.said` says that the lift is flattered. The lift
 * then has clusters and outlook with vectors beside those without.
 *
 * @return CLADE_ERR_NOT_READY when nothing is stored before as_of.
 * Ownership   Free with clade_study_free.
 * Cost        Two feature matrices (4 bytes x customers x features each), and the folds of the
 * lift.
 */
CLADE_API CLADE_MUST_USE clade_status clade_study_run(clade_study **out_study, clade_store *store,
                                                      const clade_study_options *options,
                                                      clade_error               *err);
CLADE_API void                        clade_study_free(clade_study *study);

/** Keep definitions, memberships and the study's JSON (segments.json in the workspace), in one
 *  transaction. Sets the versions. */
CLADE_API CLADE_MUST_USE clade_status clade_study_save(clade_store *store, clade_study *study,
                                                       int64_t run, clade_error *err);

/** The keys of `clade segment --json` into an object that is open. */
CLADE_API void clade_study_write(clade_json *json, const clade_study *study);

/** The JSON that clade_study_save kept last; CLADE_ERR_NOT_READY when there is none. */
CLADE_API CLADE_MUST_USE clade_status clade_study_read(clade_buffer *out, clade_store *store,
                                                       clade_error *err);

#endif

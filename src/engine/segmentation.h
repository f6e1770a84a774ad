/* What the kinds of segmentation share: each is a method over its own definition. */
#ifndef CLADE_ENGINE_SEGMENTATION_H
#define CLADE_ENGINE_SEGMENTATION_H

#include "clade/segments.h"

struct clade_segmentation {
    clade_segment_kind kind;
    clade_clustering   clustering; /* CLUSTERS alone: set before the fit, or by reading */
    size_t             n_segments;
    clade_segment_name name[CLADE_SEGMENTS_MAX];
    /* CLUSTERS alone, where they read customer vectors: numbers of a vector (0: none), and the run
     * of the fit of the model that they are of. */
    size_t  n_vectors;
    int64_t behaviour_run;
    void   *definition; /* of the method's own type */
};

/** One kind of segmentation. `fit` and `read` fill n_segments, name and definition. `like` is NULL,
 * or a fitted segmentation of the kind whose choices (how many segments, how stiff a model) are to
 * be kept: for folds and resamples, which compare like with like. */
typedef struct clade__segment_method {
    clade_status (*fit)(clade_segmentation *out, const clade_segmentation *like,
                        const clade_features *features, const clade_outcome *outcome, uint64_t seed,
                        clade_error *err);
    clade_status (*assign)(int32_t *out_segment, double *out_score,
                           const clade_segmentation *segmentation, const clade_features *features,
                           clade_error *err);
    void (*write)(clade_json *json, const clade_segmentation *segmentation);
    clade_status (*read)(clade_segmentation *out, const clade_json_tree *tree,
                         const clade_json_node *definition, clade_error *err);
    void (*free)(void *definition);
} clade__segment_method;

extern const clade__segment_method clade__segment_outlook;
extern const clade__segment_method clade__segment_rfm;
extern const clade__segment_method clade__segment_lifecycle;
extern const clade__segment_method clade__segment_clusters;

/** Fit the same kind with the same choices on other customers: for folds and resamples.
 */
clade_status clade__segmentation_refit(clade_segmentation      **out_segmentation,
                                       const clade_segmentation *like,
                                       const clade_features *features, const clade_outcome *outcome,
                                       uint64_t seed, clade_error *err);

/** A sentence from the same values in both languages: they are taken in the same order. */
void clade__say_both(clade_sentence *out, const char *en, const char *zh, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));

/** Column of a feature that the registry must have. */
size_t clade__feature_column(const char *name);
/** Numbers of a JSON array under `key` into out[n]; CLADE_ERR_DATA unless there are exactly n. */
clade_status clade__json_numbers(double *out, size_t n, const clade_json_tree *tree,
                                 const clade_json_node *object, const char *key, clade_error *err);
void clade__json_put_numbers(clade_json *json, const char *key, const double *value, size_t n);

#endif

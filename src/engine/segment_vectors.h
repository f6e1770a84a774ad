/* Customer vectors beside features: the columns behind those of the registry, and how clusters read
 * them. */
#ifndef CLADE_ENGINE_SEGMENT_VECTORS_H
#define CLADE_ENGINE_SEGMENT_VECTORS_H

#include "clade/segments.h"

enum {
    CLADE__PARTS_MAX = 12,   /* whitened noise is as loud as what is said: few, then */
    CLADE__D_MAX     = 4096, /* numbers of a vector */
};

/** Vectors in few uncorrelated parts of equal spread: part j = weight (x - centre)' map[, j]. */
typedef struct clade__vector_block {
    size_t  d;      /* numbers of a vector; 0: there are none */
    size_t  n;      /* parts, at most CLADE__PARTS_MAX; 0 where all vectors are alike */
    double  share;  /* of the vectors' variance that the parts hold */
    double  weight; /* so that the parts vary as much together as the features' columns do */
    double *centre; /* (d) */
    double *map;    /* (d, n) row-major */
} clade__vector_block;

/** Numbers of a vector behind the registry's columns; 0 for plain features. */
size_t clade__joined_d(const clade_features *features);

/**
 * Principal components of 80 % of the variance, at most CLADE__PARTS_MAX, each of deviation 1.
 *
 * @param features  Joined. Customers without a vector are left out.
 * @param variance  Of the features' columns together; sets the weight.
 * Ownership        The block's arrays: clade__vector_block_free, safe on zeros.
 */
CLADE_MUST_USE clade_status clade__vector_block_fit(clade__vector_block  *out,
                                                    const clade_features *features, double variance,
                                                    clade_error *err);
/** out (n) of one vector (d), each within clip before it is weighted; zeros of one that is absent.
 */
void clade__vector_block_apply(float *out, const clade__vector_block *block, const float *vector,
                               double clip);
void clade__vector_block_write(clade_json *json, const clade__vector_block *block);
/** From "vectors" of a definition; d stays 0 where it has none. */
CLADE_MUST_USE clade_status clade__vector_block_read(clade__vector_block   *out,
                                                     const clade_json_tree *tree,
                                                     const clade_json_node *definition,
                                                     clade_error           *err);
void                        clade__vector_block_free(clade__vector_block *block);

/** How a kept definition reads vectors, for those who say it; d is 0 where it reads none. */
const clade__vector_block *clade__clusters_block(const clade_segmentation *segmentation);

/**
 * Features as a kept definition wants them: joined with the vectors of its own model as of their
 * moment.
 *
 * @param out  NULL where it wants them plain. Free with clade_features_free.
 * @return CLADE_ERR_NOT_READY when the model that its vectors are of is not there any more.
 */
CLADE_MUST_USE clade_status clade__features_wanted(clade_features          **out,
                                                   const clade_segmentation *segmentation,
                                                   clade_store              *store,
                                                   const clade_features     *features,
                                                   clade_error              *err);

#endif

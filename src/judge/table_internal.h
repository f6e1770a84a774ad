/* What the files about tables share: rows encoded inside a fold, and the parts of models. */
#ifndef CLADE_TABLE_INTERNAL_H
#define CLADE_TABLE_INTERNAL_H

#include "clade/table.h"

/** How columns of a table become columns of numbers, as training rows tell. */
typedef struct clade__encoded_column {
    size_t   source;    /* column of the table */
    uint32_t one_level; /* 1 where the category has this level; UINT32_MAX: not of this kind */
    bool     statistic; /* of the target, by level */
} clade__encoded_column;

typedef struct clade__encoder {
    const clade_table     *table;
    size_t                 p;
    clade__encoded_column *column;    /* (p) */
    double               **statistic; /* (p) each (n_levels + 1) or NULL: over all training rows */
} clade__encoder;

/** Learn from rows (n), and encode these as rows of training: out_x (n, p), malloc'ed. */
CLADE_MUST_USE clade_status clade__encoder_fit(clade__encoder *out, float **out_x,
                                               const clade_table *table, const uint32_t *row,
                                               size_t n, uint64_t seed, uint64_t stream,
                                               clade_error *err);
/** Encode rows that were not learnt from: out_x (n, p), malloc'ed. */
CLADE_MUST_USE clade_status clade__encoder_apply(float **out_x, const clade__encoder *encoder,
                                                 const uint32_t *row, size_t n, clade_error *err);
void                        clade__encoder_free(clade__encoder *encoder);

/** Rows to learn from and rows to be told, encoded by the first. */
typedef struct clade__part {
    clade__encoder encoder;
    size_t         n, n_asked;
    uint32_t      *at, *asked_at; /* places in the fold's training rows; of the outer part: NULL */
    float         *x, *asked;     /* (n, p), (n_asked, p) */
    uint8_t       *label;         /* (n) */
    int8_t        *monotone;      /* (p) or NULL: none */
} clade__part;

enum { CLADE__INNER_FOLDS = 4 };

/** One fold: its training rows cut once more, and the whole of them beside the test rows. */
typedef struct clade__fold {
    size_t      n, n_test; /* training rows, test rows */
    uint8_t    *label;     /* (n) */
    clade__part inner[CLADE__INNER_FOLDS];
    clade__part whole;
    uint64_t    seed;
} clade__fold;

/** Logits of one part of a model: of training rows out of fold, and of test rows. */
typedef struct clade__member {
    double *inner; /* (n) */
    double *test;  /* (n_test) */
} clade__member;

CLADE_MUST_USE clade_status clade__member_rule(clade__member *out, const clade__fold *fold,
                                               clade_error *err);
CLADE_MUST_USE clade_status clade__member_additive(clade__member *out, const clade__fold *fold,
                                                   clade_error *err);
CLADE_MUST_USE clade_status clade__member_net(clade__member *out, const clade__fold *fold,
                                              clade_error *err);
CLADE_MUST_USE clade_status clade__member_trees(clade__member *out, double *out_depth,
                                                double *out_rounds, const clade__fold *fold,
                                                clade_error *err);

/** Mean of -log p of the label, from logits. */
double clade__logit_loss(const double *logit, const uint8_t *label, size_t n);

#endif

/* What training keeps between steps, and what a checkpoint holds of it. */
#ifndef CLADE_TRAIN_INTERNAL_H
#define CLADE_TRAIN_INTERNAL_H

#include "clade/train.h"

/** Where a training is. All of it is in a checkpoint. */
typedef struct clade__progress {
    uint64_t epoch;   /* 0 is the first */
    uint64_t window;  /* next of the epoch's */
    uint64_t n_steps; /* taken by the learner */
    uint64_t n_planned;
    uint64_t n_targets; /* of the epoch so far, with their summed loss */
    double   loss;
    uint64_t best_epoch, n_without_gain;
    double   best_score;
} clade__progress;

/** What is learnt, and its companions: all (n). */
typedef struct clade__trained {
    size_t              n;
    float              *best;
    clade_learner_state state;
    clade_behaviour    *model;
    uint64_t identity; /* of options, shape and sequences: another training has another */
} clade__trained;

CLADE_MUST_USE clade_status clade__checkpoint_write(const char *path, const clade__trained *trained,
                                                    const clade__progress *progress,
                                                    clade_error           *err);
/** CLADE_ERR_NOT_FOUND, without a message, when there is none. */
CLADE_MUST_USE clade_status clade__checkpoint_read(const char *path, clade__trained *trained,
                                                   clade__progress *progress, clade_error *err);

#endif

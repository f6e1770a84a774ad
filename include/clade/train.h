/**
 * Training: a behaviour model from a log, by many steps of learning, with validation, checkpoints
 * and, where there are several ranks, all of them.
 *
 *     every epoch     each customer's history cut into windows of max_events, at a random phase;
 *                     windows in random order; steps of learning over them
 *     sometimes       the averaged parameters are judged on validation; the best are kept
 *     sometimes       everything needed to go on is written, whole or not at all
 *
 * A training that was stopped and goes on from its checkpoint ends with the same bits as one that
 * was not.
 */
#ifndef CLADE_TRAIN_H
#define CLADE_TRAIN_H

#include "clade/behaviour.h"

/** What one look at the validation cases gave. Larger is better. */
typedef clade_status (*clade_train_judge)(void *context, double *out_score,
                                          const clade_behaviour *model, clade_error *err);

/** One line of the history of a training. */
typedef struct clade_train_epoch {
    size_t epoch;                 /* 1 is the first */
    double loss;                  /* mean over the targets of the epoch, in nats */
    double score;                 /* on validation, NAN when this epoch was not judged */
    bool   best;                  /* the best so far */
    double tokens_per_s, seconds; /* of learning, validation not counted */
} clade_train_epoch;

typedef struct clade_train_options {
    clade_learner_options learner;
    size_t                n_epochs;
    double                budget_seconds; /* of learning; fewer epochs when they would take longer:
                                             told after the first steps, see `n_planned`; 0: none */
    double warm_up;                       /* steps in which the rate rises to its full height */
    double cool_down;        /* share of all steps in which it falls to a fiftieth, linearly */
    size_t judge_every;      /* epochs */
    size_t patience;         /* judged epochs without a gain after which training ends; 0: none */
    clade_train_judge judge; /* NULL: the last averaged parameters are the result */
    void             *judge_context;
    const char       *checkpoint; /* path, or NULL; an existing one is gone on from. Read and
                                     written by rank 0; complete at the end too, for the
                                     caller to remove once the model is kept */
    double checkpoint_seconds;    /* between two; 0 means 60. One is written at the end of
                                     an interrupted training in any case */
    void (*tell)(void *context, const clade_train_epoch *epoch); /* may be NULL */
    void *tell_context;
    bool  progress; /* draw a progress line */
} clade_train_options;

/** The learner's defaults; 20 epochs, warm-up of 200 steps, falling over the last 0.7, judged every
 *  epoch. */
CLADE_API clade_train_options clade_train_defaults(void);

typedef struct clade_train_report {
    size_t n_planned, n_epochs; /* after the budget; done, those before a checkpoint among them */
    size_t n_steps;
    size_t best_epoch; /* 0 when nothing was judged */
    double best_score;
    double loss;         /* of the last epoch */
    double tokens_per_s; /* of learning in this process */
    double seconds;      /* the same */
    bool   resumed;
    bool   ended_early; /* by patience */
} clade_train_report;

/**
 * Train. On success the model holds the best judged parameters, or the last averaged ones.
 *
 * @param sequences  What may be learnt from: nothing that validation or test ask for.
 * @return CLADE_OK; CLADE_ERR_DATA when no customer has two events, for a checkpoint of another
 *         training (it names the difference), and when the loss is not finite;
 *         CLADE_ERR_INTERRUPTED after writing the checkpoint, also while judging, the model then
 *         being of no use;
 *         CLADE_ERR_IO; CLADE_ERR_NOMEM.
 * Ranks       Called by all ranks with the same arguments; rank 0 judges, tells and writes.
 * Repeatable  Bit for bit: the same options, sequences and number of ranks. A budget changes the
 *             number of epochs and nothing else; the report says it.
 */
CLADE_API CLADE_MUST_USE clade_status clade_train_behaviour(clade_train_report        *out,
                                                            clade_behaviour           *model,
                                                            const clade_sequences     *sequences,
                                                            const clade_train_options *options,
                                                            clade_error               *err);

#endif

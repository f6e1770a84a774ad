/**
 * The behaviour model: a sequence model over customers' events that learns, from nothing but the
 * shop's own log, what comes next. Its output vector of a customer and its vectors of items are
 * what recommendations, segments and predictions are made of. docs/maths/behaviour-model.md derives
 * it with the same letters.
 *
 *     event = item + its category, brand ... + kind, price band ... + elapsed time, hour, weekday
 *       |
 *     block:  x + out(norm(mix(v)) * silu(g))      [g v q k] or [g v m] = norm(x) in
 *       |     x + ff_out(silu(a) * b)              [a b] = norm(x) ff_in
 *      ...
 *       |
 *     vector of the customer  .  vector of an item / temperature = logit of "this one is next"
 *
 * A fitted model is constant and may be shared by threads.
 */
#ifndef CLADE_BEHAVIOUR_H
#define CLADE_BEHAVIOUR_H

#include "clade/sequences.h"
#include "clade/text.h"

enum {
    CLADE_BEHAVIOUR_BLOCKS_MAX = 32,
    CLADE_BEHAVIOUR_D_MAX      = 1024,
    CLADE_BEHAVIOUR_EVENTS_MAX = 1024, /* of one customer that the model looks at */
    CLADE_BEHAVIOUR_RATES_MAX  = 32,
};

/** How a block lets an event see the events before it. */
typedef enum clade_mixer {
    CLADE_MIXER_ATTENTION, /* softmax(q.k / sqrt(w) + bias by distance and by elapsed time) v */
    CLADE_MIXER_POINTWISE, /* silu(q.k / sqrt(w) + bias) / events so far: HSTU, arXiv:2402.17152 */
    CLADE_MIXER_DECAY,     /* sums of v that decay in elapsed time at K rates a head, read with
                              weights that depend on the event: linear time, constant state */
    CLADE_N_MIXER
} clade_mixer;
CLADE_API const char *clade_mixer_name(clade_mixer mixer); /* "attention", "pointwise", "decay" */
/** The mixer of this name, or CLADE_N_MIXER. */
CLADE_API clade_mixer clade_mixer_find(clade_text name);

/** What a log has, and so what the model has tables for. */
typedef struct clade_behaviour_shape {
    uint32_t n_items;
    bool     with_time;
    size_t   n_fields, n_item_fields;
    struct {
        char     name[CLADE_SEQUENCE_NAME_MAX];
        uint32_t n_values;
    } field[CLADE_SEQUENCE_FIELDS_MAX], item_field[CLADE_SEQUENCE_FIELDS_MAX];
} clade_behaviour_shape;

typedef struct clade_behaviour_options {
    uint32_t    d; /* channels, a multiple of 16 */
    uint32_t    n_blocks;
    uint32_t    n_heads; /* of d / n_heads channels, a multiple of 8 */
    uint32_t    ff;      /* hidden channels of the gated feed-forward, a multiple of 8; 0: none */
    uint32_t    n_rates; /* of a decay head */
    uint32_t    max_events; /* the latest so many events of a customer are looked at */
    clade_mixer mixer[CLADE_BEHAVIOUR_BLOCKS_MAX]; /* of each block */
    bool        outer_gate;  /* each part of a block is multiplied by a gate of its input (LiGR) */
    float       temperature; /* of cosines between customer and item; 0: plain products instead */
    float       dropout;     /* after each part of a block, while learning */
    float       dropout_in;  /* of the embedded events, while learning */
    float       future_weight;   /* of the second objective while learning, see below; 0: none */
    float       future_days;     /* its window; logs without times: so many events */
    float       contrast_weight; /* of past against future while learning, see below; 0: none */
    float       contrast_temperature; /* of its cosines */
    bool        with_moment;   /* outputs know the time from the last event to the question */
    bool        with_own;      /* items of the history get additions to their scores */
    bool        next_basket;   /* learning asks for an item of the next basket, see below */
    float       return_weight; /* with_moment: of the third, is there anything within future_days
                                  of the moment?; 0: none */
} clade_behaviour_options;

/** d 64, 2 blocks of attention with 2 heads, ff 128, 8 rates, 200 events, temperature 0.05. */
CLADE_API clade_behaviour_options clade_behaviour_defaults(void);
/** The shape of a log. */
CLADE_API clade_behaviour_shape clade_behaviour_shape_of(const clade_sequences *sequences);

/*
 * The next item alone does not make good vectors of customers: what somebody does next is mostly
 * about now. With a future_weight, every event is also asked, through a projection of its own, for
 * an item drawn evenly from everything the customer does within future_days (the dense all-action
 * loss of PinnerFormer, Pancha et al. 2022, arXiv:2205.04507).
 *
 * With a contrast_weight, about every sixteenth event is also asked, through another projection,
 * which of the step's windows of future_days is the customer's own: the direction of the sum of its
 * items' vectors, against those of other customers (InfoNCE, van den Oord et al. 2018,
 * arXiv:1807.03748).
 *
 * What happens next also depends on when one asks: a customer silent for two months is another than
 * one who left a minute ago. With with_moment the output is a factor and a shift for each length of
 * silence; while learning, half of the events are asked at a moment drawn behind them. With a
 * return_weight they are also asked, at that moment, whether anything comes within future_days.
 * Both take effect in logs with times alone.
 *
 * Where a basket is several events (clade_sequences_same_basket), the next event is mostly one more
 * of the same basket. With next_basket each event is asked for an item of the next basket instead,
 * any of its items alike; the other objectives look ahead from there too.
 */
typedef struct clade_behaviour clade_behaviour;

/**
 * A model with random weights.
 *
 * @param sequences  Gives the attributes of items; its events are not read.
 * @return CLADE_OK; CLADE_ERR_ARG naming the option that is out of its range; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_behaviour_free, which accepts NULL.
 * Repeatable  Weights depend on options, shape and seed alone.
 */
CLADE_API CLADE_MUST_USE clade_status    clade_behaviour_create(clade_behaviour              **out,
                                                                const clade_behaviour_options *options,
                                                                const clade_sequences *sequences,
                                                                uint64_t seed, clade_error *err);
CLADE_API void                           clade_behaviour_free(clade_behaviour *model);
CLADE_API const clade_behaviour_options *clade_behaviour_options_of(const clade_behaviour *model);
CLADE_API const clade_behaviour_shape   *clade_behaviour_shape_get(const clade_behaviour *model);

/** One named array of parameters, lent by the model. */
typedef struct clade_behaviour_tensor {
    char   name[48]; /* "item", "block.0.in" */
    size_t n_rows, n_columns;
    size_t offset; /* in floats from the first parameter */
} clade_behaviour_tensor;
/** All parameters are one block of floats, cut into tensors in this order. */
CLADE_API const clade_behaviour_tensor *clade_behaviour_tensors(const clade_behaviour *model,
                                                                size_t                *out_n);
CLADE_API size_t                        clade_behaviour_n_parameters(const clade_behaviour *model);
CLADE_API const float                  *clade_behaviour_parameters(const clade_behaviour *model);
/** Replace all parameters. theta (n_parameters). */
CLADE_API void clade_behaviour_set(clade_behaviour *model, const float *theta);

/* ---- Sizes and files ------------------------------------------------------------------------- */

/** Set d, blocks, heads and feed-forward: "small" (64, 2), "base" (128, 4), "large" (256, 8).
 *  @return CLADE_ERR_ARG naming the size and the three that exist. */
CLADE_API CLADE_MUST_USE clade_status clade_behaviour_size_set(clade_behaviour_options *options,
                                                               const char *size, clade_error *err);

/** How weights lie in a file. Vectors (norms, biases, rates) are floats in all of them. */
typedef enum clade_behaviour_precision {
    CLADE_BEHAVIOUR_FLOAT,
    CLADE_BEHAVIOUR_HALF, /* bfloat16 */
    CLADE_BEHAVIOUR_INT8, /* a scale for each row */
} clade_behaviour_precision;

/**
 * Write a model as one safetensors file: a tensor for each of clade_behaviour_tensors, the
 * attributes of items, and options and shape as JSON under "behaviour" in its metadata. Whole or
 * not at all.
 *
 * @param notes  Key and value by turns, ending with NULL: "seed", "data_hash". May be NULL.
 * @return CLADE_OK; CLADE_ERR_IO; CLADE_ERR_DATA for a weight that is not finite; CLADE_ERR_NOMEM.
 */
CLADE_API CLADE_MUST_USE clade_status clade_behaviour_save(const clade_behaviour    *model,
                                                           const char               *path,
                                                           clade_behaviour_precision precision,
                                                           const char *const        *notes,
                                                           clade_error              *err);
/**
 * Read one. The file may be anybody's: options, shapes and values are checked before they are used.
 *
 * @return CLADE_OK; CLADE_ERR_NOT_FOUND; CLADE_ERR_DATA naming the file and what is wrong with it;
 *         CLADE_ERR_VERSION for a file of a newer clade; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_behaviour_free.
 */
CLADE_API CLADE_MUST_USE clade_status clade_behaviour_load(clade_behaviour **out, const char *path,
                                                           clade_error *err);

/** The same of bytes in memory; `name` is said in messages. Borrows the bytes for the call. */
CLADE_API CLADE_MUST_USE clade_status clade_behaviour_load_memory(clade_behaviour **out,
                                                                  const void *data, size_t size,
                                                                  const char  *name,
                                                                  clade_error *err);

/* ---- Serving --------------------------------------------------------------------------------- */

/**
 * The vectors that item vectors are compared with: score = vector . item, and with_own
 * clade_behaviour_own for the items of the history. With with_moment, as of
 * the moment of each case.
 *
 * Shapes      out (n_cases, d) row-major. clade_behaviour_items gives (n_items + 1, d), row 0
 * zeros. Threads     Runs on all threads; the model may be shared. Repeatable  Bit for bit,
 * whatever the number of threads and whatever cases lie beside a case.
 * @return CLADE_OK; CLADE_ERR_ARG when the sequences have another shape than the model;
 *         CLADE_ERR_NOMEM; CLADE_ERR_INTERRUPTED.
 */
CLADE_API CLADE_MUST_USE clade_status clade_behaviour_vectors(float                 *out,
                                                              const clade_behaviour *model,
                                                              const clade_sequences *sequences,
                                                              const clade_case      *cases,
                                                              size_t n_cases, clade_error *err);
CLADE_API const float                *clade_behaviour_items(const clade_behaviour *model);
/**
 * What the items of a customer's own history get beside vector . item, with_own: by how many other
 * items came since, how often, how long ago, and how much the customer repeats at all now. Added
 * to the scores of these few, it makes the score of the model; clade_behaviour_scorer does so.
 *
 * @param out_item   (max_events) distinct, the latest first.
 * @param out_added  (max_events) may be negative.
 * @param vector     (d) of clade_behaviour_vectors for the case.
 * @return How many; 0 without with_own.
 * Threads  Safe to call at once. Allocates nothing. Cost O(max_events distinct items).
 */
CLADE_API size_t clade_behaviour_own(uint32_t *out_item, float *out_added,
                                     const clade_behaviour *model, const float *vector,
                                     const clade_sequences *sequences, const clade_case *one);
/** The same customers' vectors before they are turned towards items: what to predict from, since it
 *  also holds what the second objective put there. Otherwise as clade_behaviour_vectors. */
CLADE_API CLADE_MUST_USE clade_status clade_behaviour_profiles(float                 *out,
                                                               const clade_behaviour *model,
                                                               const clade_sequences *sequences,
                                                               const clade_case      *cases,
                                                               size_t n_cases, clade_error *err);
/** The model as a scorer. Ownership: borrows the model. */
CLADE_API clade_scorer clade_behaviour_scorer(const clade_behaviour *model);

/* ---- Serving, event by event ----------------------------------------------------------------- */

/** A model made ready for single events: weights in the order in which products read them. */
typedef struct clade_behaviour_serving clade_behaviour_serving;

/**
 * @return CLADE_OK; CLADE_ERR_NOMEM.
 * Ownership   Borrows the model, which must outlive it and not change. The caller frees with
 *             clade_behaviour_serving_free, which accepts NULL.
 * Threads     Constant once made: one for a model, shared by all threads.
 * Cost        A copy of the blocks' weights, and one reading of all parameters.
 */
CLADE_API CLADE_MUST_USE clade_status clade_behaviour_serving_create(clade_behaviour_serving **out,
                                                                     const clade_behaviour *model,
                                                                     clade_error           *err);
CLADE_API void clade_behaviour_serving_free(clade_behaviour_serving *serving);

/**
 * What a model remembers of one customer: of a block of decays its sums (n_rates d floats: 2 KiB at
 * d 64 with 8 rates), of a block of attention keys and values of the latest max_events.
 */
typedef struct clade_behaviour_state clade_behaviour_state;

/** Bytes of memory of one state, whatever it has seen. */
CLADE_API size_t clade_behaviour_state_bytes(const clade_behaviour *model);
/**
 * The state of a customer who has done nothing yet.
 *
 * @return CLADE_OK; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_behaviour_state_free, which accepts NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_behaviour_state_create(clade_behaviour_state **out,
                                                                   const clade_behaviour  *model,
                                                                   clade_error            *err);
CLADE_API void                        clade_behaviour_state_free(clade_behaviour_state *state);
/** Events that it has seen. */
CLADE_API uint64_t clade_behaviour_state_events(const clade_behaviour_state *state);

/** One event, as a row of clade_sequences. */
typedef struct clade_behaviour_event {
    uint32_t        item;  /* 0: none */
    const uint32_t *field; /* (n_fields of the model's shape); may be NULL when there are none */
    int64_t         at_us; /* not read where the model knows no times */
} clade_behaviour_event;

/**
 * One more event of a customer in, the customer's new vector out.
 *
 * As long as the customer has at most max_events, the vector is that of clade_behaviour_vectors
 * over the whole history, bit for bit (on one instruction set). Beyond that the two differ, and the
 * state knows more: recomputing begins with the latest max_events as if none had been before them,
 * while sums of decays forget nothing suddenly, and keys and values still in reach were made when
 * older events were too.
 *
 * @param out_vector   (d), compared with clade_behaviour_items. May be NULL.
 * @param out_profile  (d), as clade_behaviour_profiles. May be NULL.
 * @return CLADE_OK; CLADE_ERR_ARG for an item or a value that the model does not know;
 *         CLADE_ERR_DATA for a time before that of the last event, or more than 146,000 years from
 *         1970. State and outputs are then as they were.
 *
 * Threads     Safe at once on different states. Allocates nothing; takes 150 KiB of stack.
 * Cost        One reading of the blocks' weights. Decay: the same for every event. Attention: and
 *             one reading of keys and values, 8 d min(events, max_events) bytes a block.
 */
CLADE_API CLADE_MUST_USE clade_status clade_behaviour_state_step(
    float *out_vector, float *out_profile, clade_behaviour_state *state,
    const clade_behaviour_serving *serving, const clade_behaviour_event *event, clade_error *err);

/**
 * What a step gave, some time later: vector and profile at a moment `silence_us` after the event.
 * Nothing of a state changes, so one state answers at any moment. A model without with_moment, or a
 * silence of less than a second, gives what the step gave.
 *
 * @param out_vector   (d), may be NULL.
 * @param out_profile  (d), may be NULL; may be `profile`.
 * @param profile      (d) of clade_behaviour_state_step.
 */
CLADE_API void clade_behaviour_at_moment(float *out_vector, float *out_profile,
                                         const clade_behaviour *model, const float *profile,
                                         int64_t silence_us);

/**
 * A state as bytes, and back: version, the model's fingerprint, what has been seen, a checksum.
 * A restored state goes on bit for bit as the saved one would have.
 *
 * `save` writes clade_behaviour_state_saved_bytes bytes. `restore` takes anybody's bytes.
 * @return CLADE_OK; CLADE_ERR_DATA for bytes that are cut, changed, or of another model (other
 *         weights are another model); CLADE_ERR_VERSION for those of a newer clade. The state is
 *         then as it was.
 */
CLADE_API size_t clade_behaviour_state_saved_bytes(const clade_behaviour_state   *state,
                                                   const clade_behaviour_serving *serving);
CLADE_API void   clade_behaviour_state_save(void *out, const clade_behaviour_state *state,
                                            const clade_behaviour_serving *serving);
CLADE_API CLADE_MUST_USE clade_status
clade_behaviour_state_restore(clade_behaviour_state *state, const clade_behaviour_serving *serving,
                              const void *data, size_t size, clade_error *err);

/* ---- Learning -------------------------------------------------------------------------------- */

typedef struct clade_learner_options {
    size_t   n_shards;     /* parts of a step, each on one thread; fixes the order of sums */
    size_t   shard_tokens; /* events of a shard at most; at least max_events */
    double   rate;         /* of AdamW */
    double   b1, b2, epsilon;
    double   weight_decay;
    double   clip;        /* of the gradient's norm; 0: none */
    double   average;     /* of the parameters over steps (exponential), for serving; 0: none */
    size_t   n_negatives; /* items drawn a step beside the targets; 0: the whole catalogue */
    uint64_t seed;

    /* Several processes learning one model: each takes n_shards / n_ranks of the same shards, and
     * all_reduce adds up gradient and loss over ranks, in place, the same on each. NULL: alone. */
    size_t rank, n_ranks;
    clade_status (*all_reduce)(void *context, float *gradient, size_t n, double *loss,
                               clade_error *err);
    void *all_reduce_context;
} clade_learner_options;

/** 8 shards of 1,024 events, rate 1e-3, b 0.9 and 0.98, average 0.999, whole catalogue. */
CLADE_API clade_learner_options clade_learner_defaults(void);

/** Some events of one customer, to be learnt from together. */
typedef struct clade_window {
    uint32_t customer; /* index into the sequences */
    uint64_t first, end;
} clade_window;

typedef struct clade_learner clade_learner;

/**
 * Room for learning: gradients, moments, activations. Nothing is allocated after it.
 *
 * @param model  Changed by every step. Must outlive the learner.
 * @return CLADE_OK; CLADE_ERR_ARG naming the option; CLADE_ERR_NOMEM saying how much was wanted.
 */
CLADE_API CLADE_MUST_USE clade_status clade_learner_create(clade_learner              **out,
                                                           clade_behaviour             *model,
                                                           const clade_learner_options *options,
                                                           clade_error                 *err);
CLADE_API void                        clade_learner_free(clade_learner *learner);
CLADE_API size_t                      clade_learner_bytes(const clade_behaviour       *model,
                                                          const clade_learner_options *options);

typedef struct clade_learner_step {
    double loss;          /* mean over the targets, in nats: of the next item alone */
    double future_loss;   /* of the second objective, 0 without one */
    double return_loss;   /* of the third */
    double contrast_loss; /* of past against future, with its weight */
    size_t n_tokens;      /* events read */
    size_t n_targets;
    size_t n_cuts;    /* where past and future were contrasted */
    size_t n_returns; /* events that were asked for the third, whose mean it is */
    size_t n_windows; /* of those given, how many were used */
} clade_learner_step;

/**
 * One step on as many of the windows, in order, as fit into the shards.
 *
 * Every event but the last of a window is asked for the item after it; with with_moment or a
 * return_weight the last event of a customer is read too, and asked what may be asked of it. A
 * window of one event is of use there alone. rate_factor multiplies the rate (warm-up, decay).
 * @return CLADE_OK; CLADE_ERR_DATA naming the step and the tensor when the loss or a gradient is
 * not finite (the parameters are then as before the step). Repeatable  Bit for bit, whatever the
 * number of threads.
 */
CLADE_API CLADE_MUST_USE clade_status clade_learner_take(
    clade_learner_step *out, clade_learner *learner, const clade_sequences *sequences,
    const clade_window *windows, size_t n_windows, double rate_factor, clade_error *err);
/** The averaged parameters, or the model's own where there is no average. (n_parameters) */
CLADE_API const float *clade_learner_average(const clade_learner *learner);

/** State that a checkpoint needs beside the parameters: moments, average, steps taken. */
typedef struct clade_learner_state {
    float    *m, *v, *average; /* (n_parameters); average NULL when there is none */
    uint64_t *n_steps;
} clade_learner_state;
CLADE_API clade_learner_state clade_learner_state_of(clade_learner *learner);

#endif

/*
 * What the files of the behaviour model share.
 *
 * A step of learning cuts its customers into shards, a fixed number of them whatever the number of
 * threads. A shard is worked on by one thread from the first embedding to the last gradient, so
 * that its activations stay in that core's cache and no loop inside the model needs a barrier;
 * gradients of shards are then added in index order. Serving uses the same forward pass.
 *
 *     N tokens of a shard, d channels, B blocks, H heads of w = d / H channels, K rates of a head,
 *     L events of one customer, F hidden channels of the feed-forward, V rows of the item table.
 */
#ifndef CLADE_BEHAVIOUR_INTERNAL_H
#define CLADE_BEHAVIOUR_INTERNAL_H

#include "clade/behaviour.h"
#include "clade/kernels.h"
#include "clade/run.h"

enum {
    CLADE__TENSORS_MAX = 16 * CLADE_BEHAVIOUR_BLOCKS_MAX + 64,
    CLADE__GAP_BUCKETS = 64,   /* of elapsed time, log-spaced: 0.301 apart in ln seconds */
    CLADE__LOSS_TOKENS = 192,  /* tokens whose logits are in flight at once */
    CLADE__LOSS_ITEMS  = 256,  /* items of one tile of logits */
    CLADE__QUERY_ROWS  = 48,   /* queries of one tile of attention */
    CLADE__CUTS        = 1024, /* of a step, where past and future are contrasted */
    CLADE__CUT_ITEMS   = 32,   /* of the window behind a cut that count: its first */
};

/** Of clade__tokens.returns. */
enum { CLADE__RETURN_UNASKED, CLADE__RETURN_NO, CLADE__RETURN_YES };

/** Where a block's parameters begin in theta. Absent ones are SIZE_MAX. */
typedef struct clade__block_layout {
    clade_mixer mixer;
    size_t      width;    /* columns of `in`: gate d, value d, then query d and key d, or H K; and
                             with outer_gate d more, as in `ff_in` */
    size_t ff_width;      /* columns of `ff_in` */
    size_t norm;          /* (d) */
    size_t in;            /* (d, width) */
    size_t in_bias;       /* (width) */
    size_t bias_position; /* (H, max_events): attention, by distance in events */
    size_t bias_time;     /* (H, 64): attention, by elapsed time, where the log has times */
    size_t rate;          /* (H, K): decay, log of the rate */
    size_t norm_inner;    /* (d) */
    size_t out;           /* (d, d) */
    size_t norm_ff;       /* (d) */
    size_t ff_in;         /* (d, 2 F) */
    size_t ff_out;        /* (F, d) */
} clade__block_layout;

typedef struct clade__layout {
    size_t              item;                                  /* (n_items + 1, d) */
    size_t              item_field[CLADE_SEQUENCE_FIELDS_MAX]; /* (n_values + 1, d) */
    size_t              field[CLADE_SEQUENCE_FIELDS_MAX];
    size_t              gap, hour, weekday; /* (64, d) (24, d) (7, d), where the log has times */
    size_t              tables_end; /* tables that events look up; all behind them is dense */
    clade__block_layout block[CLADE_BEHAVIOUR_BLOCKS_MAX];
    size_t              norm_out;   /* (d) */
    size_t              future;     /* (d, d), with a future_weight, else SIZE_MAX */
    size_t              contrast;   /* (d, d), with a contrast_weight */
    size_t              silence;    /* (64, 2 d) factors and shifts, with_moment and with times */
    size_t              comes_back; /* (1, d + 1) with a return_weight and times */
    size_t              own;        /* (1, clade__own_size(d)) with_own */
    size_t              n;          /* floats of theta */
} clade__layout;

struct clade_behaviour {
    clade_behaviour_options options;
    clade_behaviour_shape   shape;
    uint32_t               *item_value[CLADE_SEQUENCE_FIELDS_MAX]; /* (n_items + 1) attributes */
    clade__layout           at;
    size_t                  n_tensors;
    clade_behaviour_tensor  tensor[CLADE__TENSORS_MAX];
    float                  *theta; /* (at.n) */
    float                  *table; /* (n_items + 1, d) what an item is to the output: see items.c */
    float                  *inverse_norm; /* (n_items + 1) */
};

/** A model in two parts: options, shape and where parameters will lie, which may be looked at
 * before memory is taken for them; and then that memory, zeros. clade_behaviour_free takes either.
 */
CLADE_MUST_USE clade_status clade__behaviour_plan(clade_behaviour              **out,
                                                  const clade_behaviour_options *options,
                                                  const clade_sequences         *sequences,
                                                  clade_error                   *err);
CLADE_MUST_USE clade_status clade__behaviour_allocate(clade_behaviour       *model,
                                                      const clade_sequences *sequences,
                                                      clade_error           *err);

/* ---- A batch of tokens ----------------------------------------------------------------------- */

/** Where the contrast is asked. */
typedef struct clade__cut {
    uint32_t token;
    uint32_t index; /* among the cuts of the step */
} clade__cut;

/** Customers' histories one behind the other. Arrays have room for capacity tokens. */
typedef struct clade__tokens {
    size_t    capacity;
    size_t    n;      /* tokens */
    size_t    n_seqs; /* customers */
    uint32_t *start;  /* (n_seqs + 1) */
    uint32_t *item;   /* (n) */
    uint32_t *field[CLADE_SEQUENCE_FIELDS_MAX];
    int64_t  *at_us;                /* (n) or NULL */
    float    *gap_days;             /* (n) since the event before; 0 for the first */
    uint8_t  *gap, *hour, *weekday; /* (n) */
    uint8_t  *silence;  /* (n) bucket of the time from the event to the question; 0: at once */
    uint8_t  *returns;  /* (n) CLADE__RETURN_...: does the customer come back? */
    int64_t  *asked_us; /* (n) the question's moment */
    uint32_t *next;     /* (n) where the item is next, or UINT32_MAX; with_own, as nth */
    uint32_t *nth;      /* (n) how often the item has come by then, this time counted */
    uint32_t *target;   /* (n) item that came next, 0 for none */
    float    *weight;   /* (n) of the loss at this token */
    uint32_t *future;   /* (n) item drawn from the window behind this token, 0 for none */
    uint8_t
          *elapsed; /* (sum of L^2) bucket of the time between two events of a customer, or NULL */
    size_t elapsed_capacity;

    size_t      n_cuts;
    clade__cut *cut; /* (n_cuts), with a contrast_weight */
} clade__tokens;

CLADE_MUST_USE clade_status clade__tokens_create(clade__tokens         *tokens,
                                                 const clade_behaviour *model, size_t capacity,
                                                 clade_error *err);
void                        clade__tokens_free(clade__tokens *tokens);
void                        clade__tokens_clear(clade__tokens *tokens);
/** Append events [first, end) of one customer; false when there is no room. */
bool clade__tokens_add(clade__tokens *tokens, const clade_behaviour *model,
                       const clade_sequences *sequences, uint64_t customer_start, uint64_t first,
                       uint64_t end);

/** Time of the token at `at`, and what is elapsed since the event before it. */
void clade__tokens_time(clade__tokens *tokens, size_t at, int64_t moment, int64_t before);
/** Which of CLADE__GAP_BUCKETS; rises with the time. */
uint8_t clade__gap_bucket(int64_t elapsed_us);

/* ---- Weights, packed for products ------------------------------------------------------------ */

typedef struct clade__packed_block {
    float *in, *out, *ff_in, *ff_out;         /* x W */
    float *in_t, *out_t, *ff_in_t, *ff_out_t; /* y W', for the way back; NULL when serving */
} clade__packed_block;

typedef struct clade__packed {
    clade__packed_block block[CLADE_BEHAVIOUR_BLOCKS_MAX];
    float              *future, *future_t;     /* NULL without a second objective */
    float              *contrast, *contrast_t; /* NULL without a contrast */
    float              *silence;               /* clade__silences, or NULL */
    float              *own;                   /* clade__own_table, or NULL */
    float              *memory;
} clade__packed;

CLADE_MUST_USE clade_status clade__packed_create(clade__packed         *packed,
                                                 const clade_behaviour *model, bool with_back,
                                                 clade_error *err);
void                        clade__packed_free(clade__packed *packed);
void clade__packed_set(clade__packed *packed, const clade_behaviour *model, bool with_back);

/* ---- Own items (own.c) ----------------------------------------------------------------------- */

/** An item of the history in one event's softmax. */
typedef struct clade__own_entry {
    uint32_t row;   /* of the candidates */
    uint16_t token; /* of the burst */
    uint8_t  rank, count, age;
    float    added; /* to the logit */
} clade__own_entry;

/** What the loss adds to logits, and where the gradients of it go. */
typedef struct clade__own {
    const clade_behaviour *model;
    const clade__tokens   *tokens;
    const float           *table; /* clade__own_table */
    const uint32_t        *place; /* of items among the candidates, + 1; NULL: all are there */
    float                 *grad;  /* of the tensor own */
    float                  grad_age[CLADE__GAP_BUCKETS]; /* of the sums; zeros at first */
} clade__own;

size_t clade__own_size(size_t d);
/** The parameters with steps of age summed up: table (clade__own_size). */
void clade__own_table(float *table, const clade_behaviour *model);

/* ---- One thread's room ----------------------------------------------------------------------- */

/** Activations of a block that the way back needs. */
typedef struct clade__kept {
    float *x;            /* (N, d) what came in */
    float *scale;        /* (N) of its norm */
    float *normed;       /* (N, d) */
    float *p;            /* (N, width) projections */
    float *inner;        /* (N, d) what the mixer gave */
    float *inner_scale;  /* (N) */
    float *inner_normed; /* (N, d) */
    float *gated;        /* (N, d) */
    float *middle;       /* (N, d) after the first residual */
    float *middle_scale;
    float *middle_normed;
    float *ff;                     /* (N, 2 F) */
    float *ff_gated;               /* (N, F) */
    float *row_max, *row_sum;      /* (N, H) of the softmax */
    float *mix_branch, *ff_branch; /* (N, d) what the outer gates let through, or NULL */
} clade__kept;

typedef struct clade__room {
    size_t      capacity;                         /* tokens */
    clade__kept kept[CLADE_BEHAVIOUR_BLOCKS_MAX]; /* serving: all blocks share the first */
    float      *last;                             /* (N, d) what comes out of the last block */
    float      *out;                              /* (N, d) its norm, at the question's moment */
    float      *quiet;                       /* (N, d) the same before silence; NULL when serving */
    float      *d_return;                    /* (N) of the loss by r */
    float      *d_silence;                   /* (64, 2 d) of the sums */
    struct clade__own_entry *own_list, *own; /* of a burst: (LOSS_TOKENS, max_events), by tile */
    uint32_t                *own_start;      /* (tiles + 2) of each tile's entries in `own` */
    float                   *out_scale;      /* (N) */
    float                   *hidden; /* (N, d) scaled output vectors: logits are hidden . table */
    float                   *hidden_scale;          /* (N) */
    float                   *future, *future_scale; /* the same of the second objective */
    float                   *d_hidden, *d_future;   /* (N, d) gradients of both */
    float                   *d_x, *d_a, *d_b;       /* (N, d) */
    float                   *d_wide;                /* (N, max(width, 2 F)) */
    float                   *d_ff;                  /* (N, F) */
    float                   *scores;                /* attention: (QUERY_ROWS, L) twice */
    float                   *heads; /* attention: packed keys, values ... of one head */
    float                   *bank, *factor, *carry, *d_factor; /* decay */
    float                   *pack;                /* packed right-hand sides of weight gradients */
    float                   *logits;              /* (V, LOSS_TOKENS) */
    float                   *tile_max, *tile_sum; /* (tiles, LOSS_TOKENS) */
    float                   *memory;

    float *cut_out, *cut_query, *d_cut; /* (cuts, d) outputs there, projected, gradient of these */
    float *cut_scale;                   /* (cuts) */
    float *cut_logits;                  /* clade__contrast_logits */
} clade__room;

/** with_loss: rows of candidates whose logits are in flight, 0 when serving. */
CLADE_MUST_USE clade_status clade__room_create(clade__room *room, const clade_behaviour *model,
                                               size_t capacity, size_t n_candidates, bool with_back,
                                               clade_error *err);
void                        clade__room_free(clade__room *room);

/* ---- The passes ------------------------------------------------------------------------------ */

/** Chance of a step: key of every dropout mask. keep = 1 turns dropout off. */
typedef struct clade__chance {
    uint64_t key;
} clade__chance;

/** The vectors that n items are compared by (items.c): row (n, d), inverse_norm (n). id NULL: all
 *  from 1 on. */
void clade__items(float *row, float *inverse_norm, const clade_behaviour *model, const uint32_t *id,
                  size_t n);
/** grad (at.n) += from d_row (n, d), the gradient of row, which is changed. Cost O(n d). */
void clade__items_backward(float *grad, float *d_row, const float *row, const float *inverse_norm,
                           const clade_behaviour *model, const uint32_t *id, size_t n);

/** room->kept[0].x from tokens. */
void clade__embed(clade__room *room, const clade_behaviour *model, const clade__tokens *tokens,
                  const clade__chance *chance);
/** grad (at.n) += from d_x (N, d), the gradient of the embeddings, which is changed. */
void clade__embed_backward(float *grad, float *d_x, const clade_behaviour *model,
                           const clade__tokens *tokens, const clade__chance *chance);

/** Block b: out (N, d) from kept->x. */
void clade__block(float *out, clade__kept *kept, clade__room *room, const clade_behaviour *model,
                  const clade__packed *packed, size_t b, const clade__tokens *tokens,
                  const clade__chance *chance);
/** In place: d_x (N, d) holds the gradient of the block's output, then of its input. */
void clade__block_backward(float *grad, float *d_x, const clade__kept *kept, clade__room *room,
                           const clade_behaviour *model, const clade__packed *packed, size_t b,
                           const clade__tokens *tokens, const clade__chance *chance);

/** y (N, d) times 1 / (1 + e^-gate), gate by ld. */
void clade__outer_gate(float *y, const float *gate, size_t ld, size_t N, size_t d);

void clade__attention(clade__kept *kept, clade__room *room, const clade_behaviour *model, size_t b,
                      const clade__tokens *tokens);
void clade__attention_backward(float *grad, float *d_p, const float *d_inner,
                               const clade__kept *kept, clade__room *room,
                               const clade_behaviour *model, size_t b, const clade__tokens *tokens);
void clade__decay(clade__kept *kept, clade__room *room, const clade_behaviour *model, size_t b,
                  const clade__tokens *tokens);
void clade__decay_backward(float *grad, float *d_p, const float *d_inner, const clade__kept *kept,
                           clade__room *room, const clade_behaviour *model, size_t b,
                           const clade__tokens *tokens);

/** In the passes, `grad` is that of the dense part: it begins at tables_end (see clade__dense).
 *  All blocks and the outputs: room->hidden, and room->future with `with_future`. */
void clade__forward(clade__room *room, const clade_behaviour *model, const clade__packed *packed,
                    const clade__tokens *tokens, const clade__chance *chance, bool with_future);
/** From room->d_hidden and d_future; room->d_x becomes the gradient of the embeddings. */
void clade__backward(float *grad, clade__room *room, const clade_behaviour *model,
                     const clade__packed *packed, const clade__tokens *tokens,
                     const clade__chance *chance);

/** dW (m, n) += X' dY: X (N, m) by ldx, dY (N, n) by ldy. */
void clade__weight_gradient(float *dw, const float *x, size_t ldx, const float *dy, size_t ldy,
                            size_t m, size_t n, size_t N, clade__room *room);
/** y = x / |x| / T for N rows of d, and scale = 1 / |x|. In place allowed. */
void clade__directions(float *y, float *scale, const float *x, size_t N, size_t d, float T);
/** From the gradient of y to that of x, in place. */
void clade__directions_backward(float *dy, const float *y, const float *scale, size_t N, size_t d,
                                float T);
/** clade__directions with the model's temperature; without one y = x. */
void clade__project(float *y, float *scale, const float *x, const clade_behaviour *model, size_t N);
/** A block of decays, event by event: speed (H, K) = e^r, step = exp(-e^r), scale = s_k. */
void clade__decay_constants(float *speed, float *step, float *scale, const clade_behaviour *model,
                            size_t b);

/* ---- The moment of the question (moment.c) --------------------------------------------------- */

/** Factors and shifts of each bucket: sums (64, 2 d). */
void clade__silences(float *sums, const clade_behaviour *model);
/** h (d) as of the end of a silence. */
void clade__moment_apply(float *h, const clade_behaviour *model, uint8_t bucket);
/** The same of room->out for all tokens; room->quiet keeps what was there. Nothing without
 *  at.silence, as the way back. */
void clade__moment(clade__room *room, const clade_behaviour *model, const clade__packed *packed,
                   const clade__tokens *tokens);
/** d_h (N, d), in place: from the gradient of out to that of quiet. */
void clade__moment_backward(float *grad, float *d_h, clade__room *room,
                            const clade_behaviour *model, const clade__packed *packed,
                            const clade__tokens *tokens);
/** Sum over the asked of weight times log loss; room->d_return is written. */
double clade__return_loss(clade__room *room, const clade_behaviour *model,
                          const clade__tokens *tokens, float weight);
/** d_h (N, d) += the part of the gradient of out. Nothing without at.comes_back. */
void clade__return_backward(float *grad, float *d_h, const clade__room *room,
                            const clade_behaviour *model, const clade__tokens *tokens);

/* ---- Past against future (contrast.c) -------------------------------------------------------- */

/** The windows behind the cuts of a step. */
typedef struct clade__contrast {
    size_t    capacity, n;    /* cuts */
    uint32_t *customer;       /* (n) */
    uint32_t *n_items;        /* (n) of its window, at least 1 */
    uint32_t *item;           /* (n, CUT_ITEMS) */
    float    *future;         /* (n, d) of length 1 */
    float    *scale;          /* (n) */
    float    *across, *along; /* future, packed for products with its transpose and with itself */
    float    *row, *d_row;    /* of one cut's items */
    float     inverse_norm[CLADE__CUT_ITEMS];
} clade__contrast;

CLADE_MUST_USE clade_status clade__contrast_create(clade__contrast       *contrast,
                                                   const clade_behaviour *model, size_t capacity,
                                                   clade_error *err);
void                        clade__contrast_free(clade__contrast *contrast);
/** A cut at a token, with the n items behind it. Nothing when none is an item, or no room is left.
 */
void clade__contrast_add(clade__contrast *contrast, clade__tokens *tokens, size_t token,
                         uint32_t customer, const uint32_t *item, size_t n);
/** Futures from the items' rows. */
void clade__contrast_futures(clade__contrast *contrast, const clade_behaviour *model);
/** grad (at.n) += from d_future (n, d), which is changed. */
void clade__contrast_futures_backward(float *grad, float *d_future, clade__contrast *contrast,
                                      const clade_behaviour *model);
/** Sum over the cuts of these tokens of weight times the loss; d_future (n, d) is added to,
 *  room->d_cut written. */
double clade__contrast_loss(float *d_future, clade__room *room, const clade_behaviour *model,
                            const clade__packed *packed, const clade__tokens *tokens,
                            const clade__contrast *contrast, float weight);
/** d_h (N, d) += the part of the gradient of out. Nothing without at.contrast. */
void clade__contrast_backward(float *grad, float *d_h, clade__room *room,
                              const clade_behaviour *model, const clade__packed *packed,
                              const clade__tokens *tokens);
/** Floats of room->cut_logits. */
size_t clade__contrast_logits(void);

/* ---- Questions (questions.c) ----------------------------------------------------------------- */

/** The chance of a step's questions; cuts draw from a stream of their own. */
typedef struct clade__draws {
    clade_rng questions, cuts;
} clade__draws;

/** Does the last event of a customer, with nothing behind it, say something? */
bool clade__asks_last(const clade_behaviour *model);
/** A window's events, each with its questions; false when there is no room. last_us: all is known
 *  before it, where the sequences do not say. */
bool clade__ask_window(clade__tokens *tokens, clade__contrast *contrast,
                       const clade_behaviour *model, const clade_sequences *sequences,
                       const clade_window *window, int64_t last_us, clade__draws *by);

/** Candidates of the loss: rows of a table of item vectors (loss.c). */
typedef struct clade__candidates {
    size_t       n;
    const float *row;    /* (n, d) */
    const float *packed; /* tiles of LOSS_ITEMS rows, each packed as (rows, d) */
    const float *bias; /* (n) added to the logits, or NULL: minus the log of the chance to be among
                          the candidates */
} clade__candidates;

/**
 * Sum over tokens of weight (log sum_i exp(hidden . row[i]) - hidden . row[target]), and its
 * gradients: d_hidden (N, d) is written, d_row (n, d) is added to. target: row + 1, 0 for none.
 * With `own` logits of items of the history get what it adds; else NULL.
 */
double clade__softmax_loss(float *d_row, float *d_hidden, clade__room *room, const float *hidden,
                           size_t d, const clade__candidates *candidates, const uint32_t *target,
                           const float *weight, size_t n_tokens, clade__own *own);

/** For the loss: entries of tokens [first, first + n) into room->own, tile by tile; hidden (n, d).
 */
void clade__own_collect(clade__room *room, const clade__own *own, const float *hidden, size_t first,
                        size_t n, size_t n_tiles);
/** The slope of the loss by one entry's logit, */
void clade__own_gradient(clade__own *own, const clade__own_entry *entry, float slope);
/** by all of one event, */
void clade__own_gate_gradient(float *d_hidden, const clade__own *own, const float *hidden,
                              float slope);
/** and once after all events. */
void clade__own_finish(const clade__own *own);
/** Floats of clade__candidates.packed. */
size_t clade__candidates_size(size_t n, size_t d);
void   clade__candidates_pack(float *packed, const float *row, size_t n, size_t d);

/** Where the gradient of the parameter at `offset` lies in a shard's dense gradient. */
static inline float *clade__dense(float *grad, const clade_behaviour *model, size_t offset)
{
    return grad + (offset - model->at.tables_end);
}

static inline float clade__sqrt_d(const clade_behaviour *model)
{
    return __builtin_sqrtf((float)model->options.d);
}

#endif

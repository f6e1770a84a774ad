/**
 * The behaviour model at work in a shop: the bundle that a fit leaves in the workspace, customers'
 * histories in the numbers of that bundle, their vectors, and what to recommend with its reason.
 *
 *     models/behaviour/weights.safetensors   the model (clade_behaviour_save)
 *                      vocabulary.json       what its numbers mean (clade_vocabulary_write)
 *                      manifest.json         the card: how it was fitted and what it is worth
 *
 * A fit replaces the folder whole: it writes models/behaviour.new and renames. Whatever stops it,
 * the bundle that was there is there still.
 */
#ifndef CLADE_SHOP_BEHAVIOUR_H
#define CLADE_SHOP_BEHAVIOUR_H

#include "clade/behaviour.h"
#include "clade/event_sequences.h"
#include "clade/neighbours.h"
#include "clade/vectors.h"

/* ---- The bundle ------------------------------------------------------------------------------ */

/** How a bundle came to be and what it was worth on the validation cases of its fit. */
typedef struct clade_shop_behaviour_card {
    int64_t                   as_of_us; /* nothing at or after it was read */
    int64_t                   run;      /* number of its manifest in runs/ */
    uint64_t                  seed, data_hash;
    char                      size[16]; /* "small" */
    clade_mixer               mixer;
    clade_behaviour_precision precision;
    size_t                    n_customers, n_events;
    size_t                    n_epochs, best_epoch;
    size_t                    n_cases;          /* asked; 0: nobody could be asked */
    double                    ndcg, hit;        /* at 10, whole catalogue; NAN without cases */
    char                      baseline[24];     /* the best of the fair ones; "" without cases */
    double                    baseline_ndcg;    /* NAN without cases */
    clade_neighbours_options  baseline_options; /* as tuned at the fit */
    clade_interval            gain;    /* NDCG of the model less that of the baseline, paired */
    bool                      trusted; /* beats it, over enough cases */
} clade_shop_behaviour_card;

typedef struct clade_shop_behaviour {
    clade_behaviour          *model;
    clade_vocabulary         *vocabulary;
    clade_shop_behaviour_card card;
} clade_shop_behaviour;

/** "float", "half", "int8". */
CLADE_API const char *clade_behaviour_precision_name(clade_behaviour_precision precision);

/**
 * Put a bundle in the workspace in place of the one that is there.
 *
 * @return CLADE_OK; CLADE_ERR_IO (a full disk), and then the old bundle is as it was;
 *         CLADE_ERR_DATA for a weight that is not finite; CLADE_ERR_NOMEM.
 */
CLADE_API CLADE_MUST_USE clade_status clade_shop_behaviour_save(
    clade_store *store, const clade_behaviour *model, const clade_vocabulary *vocabulary,
    const clade_shop_behaviour_card *card, clade_error *err);
/**
 * Read the bundle and check its parts against each other.
 *
 * @return CLADE_ERR_NOT_READY when there is none; CLADE_ERR_VERSION for one of a newer clade;
 *         CLADE_ERR_DATA naming the file and what is wrong; CLADE_ERR_NOMEM. Each but the last
 *         hints at the command that makes a new one.
 * Ownership   The caller frees with clade_shop_behaviour_free, which accepts NULL.
 * Cost        Two reads of the weights.
 */
CLADE_API CLADE_MUST_USE clade_status clade_shop_behaviour_open(clade_shop_behaviour **out,
                                                                clade_store           *store,
                                                                clade_error           *err);
CLADE_API void                        clade_shop_behaviour_free(clade_shop_behaviour *behaviour);

/** The moment a question is asked as of when none was given: the midnight after the last event.
 *  CLADE_ERR_NOT_READY when the workspace holds no event. */
CLADE_API CLADE_MUST_USE clade_status clade_shop_now(int64_t *out_us, clade_store *store,
                                                     clade_error *err);

/* ---- Histories and vectors ------------------------------------------------------------------- */

/** Customers' events in the numbers of a bundle. */
typedef struct clade_shop_histories {
    int64_t           as_of_us;
    clade_sequences  *sequences;  /* customers rising */
    clade_vocabulary *vocabulary; /* the bundle's; items that came since behind its own */
    clade_behaviour  *model;      /* the one to ask about these sequences */
    bool owns_model; /* items have come since: it is wider, and knows them by their attributes */
} clade_shop_histories;

/**
 * Read histories strictly before a moment.
 *
 * An item that came after the fit is known by what it is: its vector is the sum of the vectors of
 * its category, brand and price band, as the model learnt them from the others.
 *
 * @param customer  (n_only) these alone, at most CLADE_EVENT_ONLY_MAX; NULL for all.
 * @return As clade_event_sequences; CLADE_ERR_DATA when the bundle's columns and those of its
 *         vocabulary differ.
 * Ownership   Borrows the bundle; freed with clade_shop_histories_free, which accepts NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_shop_histories_read(
    clade_shop_histories **out, clade_store *store, const clade_shop_behaviour *behaviour,
    int64_t as_of_us, const int64_t *customer, size_t n_only, clade_error *err);
CLADE_API void clade_shop_histories_free(clade_shop_histories *histories);

/**
 * The vectors of customers as of a moment: everybody who did anything by then, or those asked for.
 *
 * Ownership   `out` lends from itself; the caller frees with clade_shop_vectors_free, which accepts
 *             NULL.
 * Repeatable  Bit for bit, whatever the number of threads.
 * Cost        One reading of the events, one forward pass over at most max_events of each.
 */
CLADE_API CLADE_MUST_USE clade_status clade_shop_vectors(clade_vectors **out, clade_store *store,
                                                         const clade_shop_behaviour *behaviour,
                                                         int64_t as_of_us, const int64_t *customer,
                                                         size_t n_only, clade_error *err);
/** The same before they are turned towards items (clade_behaviour_profiles). Otherwise as
 *  clade_shop_vectors, and freed alike. */
CLADE_API CLADE_MUST_USE clade_status clade_shop_profiles(clade_vectors **out, clade_store *store,
                                                          const clade_shop_behaviour *behaviour,
                                                          int64_t as_of_us, const int64_t *customer,
                                                          size_t n_only, clade_error *err);
CLADE_API void                        clade_shop_vectors_free(clade_vectors *vectors);

/* ---- What to recommend ----------------------------------------------------------------------- */

enum {
    CLADE_RECOMMEND_MAX     = 200, /* items for one customer */
    CLADE_RECOMMEND_GROUNDS = 20,  /* latest distinct items that can be a reason */
    CLADE_RECOMMEND_DAYS    = 90,  /* in which an item is popular */
    CLADE_RECOMMEND_REASON  = 240, /* bytes of a reason */
};

typedef struct clade_recommend_options {
    size_t   n;            /* items, 1 to CLADE_RECOMMEND_MAX */
    bool     again;        /* what was bought may be recommended */
    uint32_t category_cap; /* at most so many of one first-level category; 0: no cap */
    double   lambda;       /* 1: by score alone; towards 0 items differ more */
    /* Where a baseline recommends in place of the model: */
    bool                     by_baseline;
    clade_neighbours_kind    baseline;
    clade_neighbours_options baseline_options;
} clade_recommend_options;
/** 10 items, not again, no cap, lambda 1. */
CLADE_API clade_recommend_options clade_recommend_defaults(void);

/**
 * Let the verdict of a fit choose who recommends: the model, and in its place the best baseline
 * where the fit's held-out customers were told at least as well by it. A card that has no figures,
 * or names a baseline that this clade does not know, leaves the model.
 *
 * @return Whether a baseline recommends.
 */
CLADE_API bool clade_recommend_choose(clade_recommend_options         *options,
                                      const clade_shop_behaviour_card *card);
/**
 * Let a baseline recommend whatever the verdict: with the options it was tuned to at the fit where
 * it was the best there, else with plain ones.
 *
 * @return CLADE_ERR_ARG for a name that is none of popular, own, rules, item-knn.
 */
CLADE_API CLADE_MUST_USE clade_status clade_recommend_by(clade_recommend_options         *options,
                                                         const clade_shop_behaviour_card *card,
                                                         const char *name, clade_error *err);

typedef enum clade_recommend_ground {
    CLADE_GROUND_EVENT,   /* one other item of the history lifts it most */
    CLADE_GROUND_OWN,     /* that it is in the history itself does */
    CLADE_GROUND_HISTORY, /* no single item does */
    CLADE_GROUND_POPULAR, /* nothing is known of the customer */
    CLADE_GROUND_COMMON,  /* by a baseline: many chose it, and nothing else speaks for it */
    CLADE_N_GROUND
} clade_recommend_ground;
CLADE_API const char *clade_recommend_ground_name(clade_recommend_ground ground);

typedef struct clade_recommended {
    uint32_t               item;  /* number in the histories' vocabulary */
    float                  score; /* of who recommends; POPULAR: customers of the last 90 days */
    clade_recommend_ground ground;
    uint32_t because_item; /* EVENT: its number; the score falls by `effect` without its events.
                              OWN: the item itself */
    uint32_t because_kind; /* EVENT, OWN: the strongest thing done with it, as in schema.md */
    double   effect;
    char     en[CLADE_RECOMMEND_REASON], zh[CLADE_RECOMMEND_REASON]; /* for the customer's eyes */
} clade_recommended;

typedef struct clade_recommender clade_recommender;

/**
 * Get ready to recommend: the items as an exact scan, what is out of stock, what is popular.
 *
 * Items whose newest known stock is zero or less are never recommended. Items of a customer's own
 * history come with what the model adds to their scores (clade_behaviour_own); the answer is exact.
 * A baseline counts what it needs in `histories`, which then must be of all customers.
 *
 * @param histories  Borrowed until the free.
 * @return CLADE_OK; CLADE_ERR_ARG naming the option; CLADE_ERR_NOMEM; failures of the store.
 * Ownership   The caller frees with clade_recommender_free, which accepts NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_recommender_create(
    clade_recommender **out, clade_store *store, const clade_shop_histories *histories,
    const clade_recommend_options *options, clade_error *err);
CLADE_API void clade_recommender_free(clade_recommender *recommender);
/** Whether the histories have anything of a customer; who is unknown gets what is popular. */
CLADE_API bool clade_recommender_knows(const clade_recommender *recommender, int64_t customer);

/**
 * What to show one customer, best first, with the reason of each.
 *
 * The reason is what the score loses when the history is read without the events of one item
 * (leave one out), over the latest distinct items; the largest loss names it; of a baseline as of
 * the model. A customer without
 * history gets what most customers bought lately, and is told so.
 *
 * @param out  (options.n), @param out_n  how many there are: fewer when the catalogue ends.
 * Cost        One forward pass over the history for each distinct item, together.
 */
CLADE_API CLADE_MUST_USE clade_status clade_recommend(clade_recommended *out, size_t *out_n,
                                                      clade_recommender *recommender,
                                                      int64_t customer, clade_error *err);
/**
 * The same items without reasons, for rows [first, first + n_rows) of the histories.
 *
 * Shapes  out_item and out_score (n_rows, options.n), item 0 where none is left.
 */
CLADE_API CLADE_MUST_USE clade_status clade_recommend_rows(uint32_t *out_item, float *out_score,
                                                           clade_recommender *recommender,
                                                           size_t first, size_t n_rows,
                                                           clade_error *err);

#endif

/**
 * Customer vectors: what they are worth, and who is near whom.
 *
 * A vector is judged by what it predicts, in the manner of the RecSys Challenge 2025: a small head,
 * always the same, is fitted on the frozen vectors and asked for what the customers did next.
 * Beside it stand the counts that anybody can make from the log, the features of the registry, and
 * vectors joined with features, so that the card says what the vectors add.
 *
 *     tasks (chosen from what was before)            heads                       figures
 *     churn in 14, 28 days among the active          on vectors                  AUC with interval
 *     will buy from category c in 14, 28 days   x    on counts               ->  for each task, and
 *     will buy item i in 14, 28 days                 on features                 the gain of
 * joining on vectors and features
 *
 * Labels are read from [as_of, as_of + window) and from nowhere else; everything a head sees is
 * from before as_of. docs/maths/vectors.md has the definitions.
 */
#ifndef CLADE_VECTORS_H
#define CLADE_VECTORS_H

#include "clade/json.h"
#include "clade/metrics.h"
#include "clade/store.h"

/** Borrowed: the vectors of some customers as of a moment. */
typedef struct clade_vectors {
    int64_t        as_of_us;
    size_t         n_customers;
    size_t         d;
    const int64_t *customer; /* (n_customers) rising */
    const float   *value;    /* (n_customers, d) row-major, finite */
} clade_vectors;

/* ---- Tasks and labels ------------------------------------------------------------------------ */

enum {
    CLADE_VECTOR_WINDOWS     = 2,  /* 14 and 28 days */
    CLADE_VECTOR_TOP         = 10, /* categories, and items, where options say 0 */
    CLADE_VECTOR_TOP_MAX     = 100,
    CLADE_VECTOR_ACTIVE_DAYS = 90,  /* bought in these days: can churn */
    CLADE_NO_LABEL           = 255, /* the task does not ask about this customer */
};

typedef enum clade_vector_task_kind {
    CLADE_VECTOR_CHURN,    /* bought in the 90 days before, and nothing in the window */
    CLADE_VECTOR_CATEGORY, /* buys something of the category */
    CLADE_VECTOR_ITEM,     /* buys the item */
    CLADE_N_VECTOR_TASK_KIND
} clade_vector_task_kind;
CLADE_API const char *clade_vector_task_kind_name(clade_vector_task_kind kind); /* "churn", ... */

typedef struct clade_vector_task {
    clade_vector_task_kind kind;
    int                    window_days;
    int64_t                item;      /* ITEM: internal number */
    char                   name[160]; /* the category's path, the item's ref, or ""; cut to fit */
} clade_vector_task;

typedef struct clade_vector_tasks {
    size_t             n;
    clade_vector_task *task; /* (n) churn, categories by falling number of buyers, items likewise */
    bool               by_any; /* the log has no purchases: any event counts as one */
} clade_vector_tasks;

/**
 * The tasks of a shop: churn, and its categories and items with most buyers before the moment.
 *
 * @param top  Categories, and items, at most CLADE_VECTOR_TOP_MAX; 0 means CLADE_VECTOR_TOP.
 * Ownership   Free with clade_vector_tasks_free, which accepts NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_vector_tasks_choose(clade_vector_tasks **out_tasks,
                                                                clade_store         *store,
                                                                int64_t as_of_us, size_t top,
                                                                clade_error *err);
CLADE_API void                        clade_vector_tasks_free(clade_vector_tasks *tasks);

/**
 * What customers did in the windows that begin at as_of: 1, 0, or CLADE_NO_LABEL.
 *
 * A purchase counts when it was made, also when it was given back later; test orders never do, and
 * what is no product counts against churn alone. Categories are as known at as_of.
 *
 * Shapes      out_label (tasks->n, n_customers) row-major; customer (n_customers) rising.
 * Cost        One scan of the events of 28 days, and one of the 90 days before.
 */
CLADE_API CLADE_MUST_USE clade_status clade_vector_labels(
    uint8_t *out_label, const clade_vector_tasks *tasks, clade_store *store,
    const int64_t *customer, size_t n_customers, int64_t as_of_us, clade_error *err);

/* ---- The judge ------------------------------------------------------------------------------- */

typedef enum clade_vector_view {
    CLADE_VIEW_VECTORS,
    CLADE_VIEW_COUNTS,   /* events by kind and age, by category and item of the tasks */
    CLADE_VIEW_FEATURES, /* clade_features */
    CLADE_VIEW_JOINED,   /* vectors and features side by side */
    CLADE_N_VECTOR_VIEW
} clade_vector_view;
CLADE_API const char *clade_vector_view_name(clade_vector_view view); /* "vectors", "counts", ... */

/** One task judged. AUCs are NAN where fewer than CLADE_VECTOR_MIN_CASES of a class were there. */
enum { CLADE_VECTOR_MIN_CASES = 10 };
typedef struct clade_vector_score {
    size_t         n, n_positive;               /* judged */
    size_t         n_fitted, n_fitted_positive; /* the head was fitted on */
    clade_interval auc[CLADE_N_VECTOR_VIEW];
    clade_interval gain; /* AUC joined less AUC of features, on the same draws */
} clade_vector_score;

typedef struct clade_vector_judgement {
    clade_vector_tasks *tasks;
    clade_vector_score *score; /* (tasks->n) */
    /* Mean AUC of the tasks of a kind that every view has one for; NAN without such. */
    double mean[CLADE_N_VECTOR_TASK_KIND][CLADE_N_VECTOR_VIEW];
    bool   by_folds;
    size_t n_columns[CLADE_N_VECTOR_VIEW]; /* that were not constant */
    size_t n_fitted, n_judged;             /* customers, drawn by chance when there were more */
    bool   has[CLADE_N_VECTOR_VIEW];
} clade_vector_judgement;

typedef struct clade_vector_judge_options {
    uint64_t seed;
    size_t   top;              /* categories and items, as in clade_vector_tasks_choose */
    size_t   max_customers;    /* fitted on, and judged; 0 means 20,000 each */
    size_t   n_draws;          /* of each interval; 0 means 200 */
    bool     without_features; /* leave out the views that need clade_features_compute */
} clade_vector_judge_options;

/**
 * Judge vectors.
 *
 * With `later`, heads are fitted on the labels of `vectors` and judged on those of `later`, which
 * must lie at least 28 days behind, so that every label it is fitted on was known by then. Without,
 * five folds over customers at one moment, each judged by a head that did not see it.
 *
 * The head is ridge regression on robustly scaled columns (clade_scaler_fit; the signed logarithm
 * where skewed), its degrees of freedom (4, 16, 64 or 256) chosen for each task on a fifth of the
 * customers it is fitted on. There is nothing to tune, so that a figure is of the vectors.
 *
 * @param later    Of the same d; or NULL.
 * @param options  May be NULL.
 * @return CLADE_ERR_ARG for moments too close, unequal d or customers that do not rise;
 *         CLADE_ERR_DATA naming a value that is not finite; CLADE_ERR_NOT_READY when there are
 *         fewer than 50 customers.
 *
 * Ownership   Free with clade_vector_judgement_free, which accepts NULL.
 * Repeatable  Bit for bit, whatever the number of threads.
 * Cost        For each moment one event sequences and one feature matrix; then for each view
 *             O(customers d^2 + d^3), and n_draws bootstrap draws a task.
 * Source      RecSys Challenge 2025 (Synerise), universal behavioural modelling.
 */
CLADE_API CLADE_MUST_USE clade_status clade_judge_vectors(
    clade_vector_judgement **out_judgement, clade_store *store, const clade_vectors *vectors,
    const clade_vectors *later, const clade_vector_judge_options *options, clade_error *err);
CLADE_API void clade_vector_judgement_free(clade_vector_judgement *judgement);
/** As one JSON object: `tasks[]: task target window_days n n_positive auc{view: {value low high}}
 *  gain{}`, `mean{kind: {view: value}}`, `split`, `n_fitted`, `n_judged`. */
CLADE_API void clade_vector_judgement_write(clade_json                   *json,
                                            const clade_vector_judgement *judgement);

/* ---- Who is near whom ------------------------------------------------------------------------ */

typedef struct clade_similar_customer {
    int64_t customer;
    double  cosine; /* -1..1 */
} clade_similar_customer;

/**
 * The k customers whose vectors point most nearly the same way: an exact scan by cosine.
 *
 * @param out    (k) nearest first; of equals the lower number. Customer himself is not among them,
 *               nor are vectors of length zero.
 * @param out_n  How many there are, at most k.
 * @return CLADE_ERR_NOT_FOUND when the customer has no vector; CLADE_ERR_DATA when it is of length
 *         zero or not finite; CLADE_ERR_ARG for a k of 0.
 * Repeatable  Bit for bit, whatever the number of threads.
 * Cost        n_customers d multiply-adds on all threads; k of memory a block of 8,192 customers.
 */
CLADE_API CLADE_MUST_USE clade_status clade_similar_customers(clade_similar_customer *out,
                                                              size_t                 *out_n,
                                                              const clade_vectors    *vectors,
                                                              int64_t customer, size_t k,
                                                              clade_error *err);

#endif

/**
 * Predict: what each customer will do next, learnt at past moments and judged on later ones.
 *
 *     learn at t1, t2, ...          choose and calibrate      judge          answer
 *     |--t1--|--t2--|-- ... --|-------------tk-------------|--------t0--------|  as of
 *      features before t, label in [t, t + horizon)
 *
 * Every label window that is learnt from ends before the moment that is judged, and that one's ends
 * at as_of: nothing at or after as_of is read. Several models compete, from a rule of one line to
 * boosted trees on features joined with the behaviour model's vectors; a later slice chooses among
 * them, blends them and calibrates the blend; a still later one, read once, says what it is worth.
 * docs/maths/predict.md has the formulas.
 */
#ifndef CLADE_PREDICT_H
#define CLADE_PREDICT_H

#include "clade/json.h"
#include "clade/metrics.h"
#include "clade/segments.h"
#include "clade/store.h"

/* ---- Tasks ----------------------------------------------------------------------------------- */

typedef enum clade_task_kind {
    CLADE_TASK_CHURN, /* of those who still buy: nothing within the horizon, or, without one, within
                         three of the customer's own usual gaps */
    CLADE_TASK_PURCHASE, /* buys something that is kept */
    CLADE_TASK_SECOND,   /* of those with one order: a second */
    CLADE_TASK_SPEND,    /* money, net of refunds, in major units */
    CLADE_TASK_VALUE,    /* the same, further ahead than the log could teach: by the probability
                            models alone, judged on as long a window as the log has */
    CLADE_TASK_CATEGORY, /* buys from a first-level category */
    CLADE_TASK_BRAND,    /* buys of a brand */
    CLADE_TASK_DISCOUNT, /* buys at a discount or with a coupon */
    CLADE_TASK_REFUND,   /* gives something back */
    CLADE_TASK_LABEL,    /* a truth of the table `label`, or an expression of the user's */
    CLADE_N_TASK_KIND
} clade_task_kind;
CLADE_API const char *clade_task_kind_name(clade_task_kind kind); /* "churn", ... Never NULL. */

typedef struct clade_predict_task {
    clade_task_kind kind;
    int             horizon_days; /* of the label window; of an own rhythm the longest */
    bool            by_rhythm;    /* CHURN: each customer's window is three own usual gaps */
    char            of[160];      /* CATEGORY, BRAND, LABEL: its name, cut to fit; else "" */
    char expression[512]; /* LABEL: an SQL aggregate over the customer's events of the window, as
                             "count(*) FILTER (kind = 'review') > 0"; "": the table `label` */
} clade_predict_task;

/** "purchase-30d", "churn" (own rhythm), "category-90d-garden": a name that a folder can have. */
CLADE_API void clade_task_name(char out[96], const clade_predict_task *task);
/** The same in words, "buys something in the next 30 days". */
CLADE_API void clade_task_words(char out[256], const clade_predict_task *task, bool zh);
/** Is the answer an amount of money, not a chance? */
CLADE_API bool clade_task_is_amount(const clade_predict_task *task);

enum {
    CLADE_TASKS_MAX = 64,
    CLADE_TASK_TOP  = 5 /* categories, and brands, asked for by default */
};

/**
 * What is asked of a shop by default: churn by own rhythm; purchase in 7, 30 and 90 days; second;
 * spend in 90 days; the top categories and brands, discount and refund in 90 days.
 *
 * @param out  Room for CLADE_TASKS_MAX.
 * @return     Failures of the store.
 */
CLADE_API CLADE_MUST_USE clade_status clade_tasks_default(clade_predict_task *out, size_t *out_n,
                                                          clade_store *store, int64_t as_of_us,
                                                          clade_error *err);

/* ---- What a fit says of itself --------------------------------------------------------------- */

/** Models that compete, the simplest first. */
typedef enum clade_predict_model {
    CLADE_PREDICT_RULE, /* one line: "bought in the last 30 days"; for money, what was spent lately
                         */
    CLADE_PREDICT_LINEAR, /* additive logit on features (linear.h) */
    CLADE_PREDICT_VALUE,  /* probability model of purchases and spend (value.h) */
    CLADE_PREDICT_TREES,  /* boosted trees on features */
    CLADE_PREDICT_JOINT,  /* boosted trees on features, value model and behaviour vectors */
    CLADE_N_PREDICT_MODEL
} clade_predict_model;
CLADE_API const char *clade_predict_model_name(clade_predict_model model); /* "rule", ... */

enum { CLADE_PREDICT_METRICS_MAX = 12 };

typedef struct clade_predict_metric {
    char           name[32]; /* "auc", "log_loss", "gini", ... */
    clade_interval of;       /* of the answer */
    double         baseline; /* of the rule */
} clade_predict_metric;

typedef struct clade_predict_card {
    clade_predict_task task;
    int64_t            as_of_us;
    int64_t            judged_us; /* features were as of this moment */
    int    judged_days;  /* the label's window then; VALUE: shorter than its horizon at times */
    bool   by_customers; /* the log is too short for later moments: customers were held out */
    size_t n_moments;    /* learnt at */
    size_t n_learnt, n_learnt_positive;
    size_t n_judged, n_judged_positive;
    double weight[CLADE_N_PREDICT_MODEL]; /* of each model in the blend, summing to 1 */
    double loss[CLADE_N_PREDICT_MODEL];   /* on the choosing slice; NAN: did not compete */
    double blend_loss;
    double base_rate; /* share of label 1, or mean amount, when judged */
    size_t n_metrics;
    clade_predict_metric metric[CLADE_PREDICT_METRICS_MAX];
    clade_interval       gain_rule; /* what the answer gains over the rule in the first metric */
    clade_interval gain_linear;     /* and over the linear model; paired bootstrap over customers */
    clade_calibration_bin bin[10];  /* reliability when judged */
    size_t                n_bins;
    bool                  trusted;
    clade_sentence        why; /* what is missing when not trusted; a but when it is; else empty */
    clade_sentence        behaviour; /* why vectors did not take part; empty when they did */
    char     suspect[3][40]; /* features that alone tell the label too well; "" behind the last */
    double   seconds;
    uint64_t seed, data_hash;
    int64_t  run;
} clade_predict_card;

/* ---- Fitting --------------------------------------------------------------------------------- */

typedef struct clade_predict_options {
    bool     has_as_of; /* else the midnight after the last event */
    int64_t  as_of_us;
    uint64_t seed;
    size_t   max_rows;       /* customers of one moment that are learnt from; 0 means 40,000 */
    double   budget_seconds; /* for a task's search; 0: no limit */
} clade_predict_options;

/** A shop opened for predictions: features at past moments are made once for all tasks. */
typedef struct clade_predictions clade_predictions;

/**
 * @param store  Borrowed until the free.
 * @return CLADE_ERR_NOT_READY when nothing is stored before as_of.
 * Ownership   The caller frees with clade_predictions_free, which accepts NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictions_open(clade_predictions          **out,
                                                             clade_store                 *store,
                                                             const clade_predict_options *options,
                                                             clade_error                 *err);
CLADE_API void                        clade_predictions_free(clade_predictions *predictions);
CLADE_API int64_t                     clade_predictions_as_of(const clade_predictions *predictions);

/** A fitted answer to one task: const, and shared between threads. */
typedef struct clade_predictor clade_predictor;

/**
 * Fit a task.
 *
 * @return CLADE_ERR_NOT_READY with what is missing: fewer than 50 customers to ask about, a log
 *         shorter than the horizon, a label that never or always happens; CLADE_ERR_DATA for an
 *         expression that the store cannot read; CLADE_ERR_INTERRUPTED.
 * Ownership   The caller frees with clade_predictor_free, which accepts NULL.
 * Repeatable  Bit for bit by seed, whatever the number of threads, unless a budget cuts the search.
 * Cost        Features of at most six past moments, kept for the next task; a dozen small fits.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_fit(clade_predictor         **out,
                                                          clade_predictions        *predictions,
                                                          const clade_predict_task *task,
                                                          clade_error              *err);
CLADE_API void                        clade_predictor_free(clade_predictor *predictor);
CLADE_API const clade_predict_card   *clade_predictor_card(const clade_predictor *predictor);

/* ---- Answers --------------------------------------------------------------------------------- */

/** One customer's answer. */
typedef struct clade_prediction {
    int64_t customer;
    double  value;     /* chance of label 1, or amount in major units */
    double  low, high; /* amounts: nine of ten customers like this fell between; else NAN */
} clade_prediction;

/**
 * Everybody that the task asks about as of as_of, in rising order of customer.
 *
 * Ownership   *out is freed with free().
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_score(clade_prediction **out, size_t *out_n,
                                                            const clade_predictor *predictor,
                                                            clade_predictions     *predictions,
                                                            clade_error           *err);

/** What moves one customer's answer away from the average one. */
typedef struct clade_predict_reason {
    int    feature; /* of the registry; -1: see group */
    int    group;   /* -1, or 0: rhythm of purchases (value model), 1: behaviour (vectors) */
    double value;   /* of the feature; NAN is absence */
    double margin;  /* what it adds to the log-odds, or to the log of the amount; sums exactly */
    double points;  /* what it adds to the chance, or to the amount; sums exactly as well */
} clade_predict_reason;

typedef struct clade_predict_reasons {
    clade_prediction      answer;
    double                average; /* the answer where no reason says anything */
    double                average_margin, margin;
    size_t                n;
    clade_predict_reason *reason; /* (n) by falling |margin|, only those that add something */
} clade_predict_reasons;

/**
 * The reasons of one customer: exact SHAP values of trees, terms of the linear model, blended as
 * the models are.
 *
 * average_margin + sum of margin = margin, and average + sum of points = answer.value, both to
 * rounding. Points share the distance from the average in proportion to the margins.
 *
 * @return CLADE_ERR_NOT_FOUND when the task does not ask about the customer as of as_of.
 * Ownership  Freed with clade_predict_reasons_free.
 * Source     Lundberg and others (2020), Nature Machine Intelligence 2, 56-67.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_explain(clade_predict_reasons *out,
                                                              const clade_predictor *predictor,
                                                              clade_predictions     *predictions,
                                                              int64_t customer, clade_error *err);
CLADE_API void                        clade_predict_reasons_free(clade_predict_reasons *reasons);
/**
 * The k strongest reasons of each answer: (n, k), zero behind the last.
 *
 * @param answer  (n) as clade_predictor_score gave them.
 * Ownership  *out is freed with free(). Uses clade_parallel.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_top_reasons(
    clade_predict_reason **out, const clade_predictor *predictor, clade_predictions *predictions,
    const clade_prediction *answer, size_t n, size_t k, clade_error *err);
/** What a reason is about, in words: "days since the last order". */
CLADE_API void clade_predict_reason_name(clade_buffer *out, int feature, int group, bool zh);
/** A reason in words: "last order 74 days ago: raises the risk by 18 points". */
CLADE_API void clade_predict_reason_write(clade_buffer *out, const clade_predict_reason *reason,
                                          const clade_predict_task *task, const char *currency,
                                          bool zh);

/** How much each feature matters for the model as a whole: mean |margin| over customers. */
typedef struct clade_predict_weight {
    int    feature, group; /* as in clade_predict_reason */
    double mean_margin;    /* mean of |margin| */
    double direction;      /* rank correlation of the feature's value with what it adds, -1..1 */
} clade_predict_weight;
/** Largest first. Ownership   *out is freed with free(). */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_weigh(clade_predict_weight **out,
                                                            size_t                *out_n,
                                                            const clade_predictor *predictor,
                                                            clade_predictions     *predictions,
                                                            clade_error           *err);

/* ---- The bundle ------------------------------------------------------------------------------ */

/**
 * models/predict/<task name>/ with card.json, model.json and the trees in XGBoost's own JSON; the
 * folder is replaced whole.
 *
 * @param run  The run that fitted it: goes into the card.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_save(clade_store     *store,
                                                           clade_predictor *predictor, int64_t run,
                                                           clade_error *err);
/** @return CLADE_ERR_NOT_READY when the task was not fitted yet; CLADE_ERR_VERSION;
 *          CLADE_ERR_DATA naming file and fault, also for a bundle of other features. */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_open(clade_predictor **out,
                                                           clade_store *store, const char *name,
                                                           clade_error *err);
/** Names of the bundles that are there, sorted. Ownership   Lives in the arena. */
CLADE_API CLADE_MUST_USE clade_status clade_predictors_list(char ***out_names, size_t *out_n,
                                                            clade_store *store, clade_arena *arena,
                                                            clade_error *err);
/** The card as an object: the keys of `clade predict --json`. */
CLADE_API void clade_predict_card_write(clade_json *json, const clade_predict_card *card);

#endif

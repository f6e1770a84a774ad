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
#include "clade/portraits.h"
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
    CLADE_TASK_NEXT,     /* of buyers: when they buy next, as quantiles of the days until then; what
                            lies beyond the horizon is "later", and no date is made up for it */
    CLADE_N_TASK_KIND
} clade_task_kind;
CLADE_API const char *clade_task_kind_name(clade_task_kind kind); /* "churn", ... Never NULL. */

typedef struct clade_predict_task {
    clade_task_kind kind;
    int             horizon_days; /* of the label window; of an own rhythm the longest */
    bool            by_rhythm;    /* CHURN: each customer's window is three own usual gaps; NEXT:
                                     180 days, or a third of the log */
    char of[160];                 /* CATEGORY, BRAND, LABEL: its name, cut to fit; else "" */
    char expression[512]; /* LABEL: an SQL aggregate over the customer's events of the window, as
                             "count(*) FILTER (kind = 'review') > 0"; "": the table `label` */
} clade_predict_task;

/** "purchase-30d", "churn" (own rhythm), "category-90d-garden": a name that a folder can have. */
CLADE_API void clade_task_name(char out[96], const clade_predict_task *task);
/** The same in words, "buys something in the next 30 days". */
CLADE_API void clade_task_words(char out[256], const clade_predict_task *task, bool zh);
/** Is the answer an amount of money, not a chance? */
CLADE_API bool clade_task_is_amount(const clade_predict_task *task);
/** Is the answer a moment, in days from when it was asked? */
CLADE_API bool clade_task_is_date(const clade_predict_task *task);

enum {
    CLADE_TASKS_MAX = 64,
    CLADE_TASK_TOP  = 5 /* categories, and brands, asked for by default */
};

/**
 * What is asked of a shop by default: churn by own rhythm; purchase in 7, 30 and 90 days; the next
 * purchase; second; spend in 90 days; the categories and brands that sell most, discount and refund
 * in 90 days.
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
    CLADE_PREDICT_NET, /* elastic net on features, value model and behaviour vectors (elastic_net.h)
                        */
    CLADE_PREDICT_VALUE, /* probability model of purchases and spend (value.h) */
    CLADE_PREDICT_TREES, /* boosted trees on features; competes where vectors take part, to say
                            what these add */
    CLADE_PREDICT_JOINT, /* boosted trees on features, value model and behaviour vectors */
    CLADE_PREDICT_ZILN,  /* amounts: zero-inflated lognormal regression on features and the value
                            model (ziln.h) */
    CLADE_N_PREDICT_MODEL
} clade_predict_model;
CLADE_API const char *clade_predict_model_name(clade_predict_model model); /* "rule", ... */

enum { CLADE_PREDICT_METRICS_MAX = 12 };

typedef struct clade_predict_metric {
    char           name[32]; /* "auc", "log_loss", "gini", ... */
    clade_interval of;       /* of the answer */
    double         baseline; /* of the rule */
} clade_predict_metric;

/** A tenth of the judged customers, from the highest answers down. */
typedef struct clade_predict_tenth {
    double lift;      /* positives, or money, a customer here over that of all */
    double gain;      /* share of all positives, or of all money, in this tenth and those above */
    double gain_rule; /* the same in the order of the rule */
} clade_predict_tenth;

/** Kinds of customers for whom an answer is judged apart. */
typedef enum clade_predict_group_kind {
    CLADE_GROUP_FIRST_90, /* first order less than 90 days before, */
    CLADE_GROUP_OLDER,    /* or longer ago; */
    CLADE_GROUP_NEVER,    /* no order yet */
    CLADE_GROUP_ACTIVE,   /* of buyers, by their own rhythm as in the life cycle */
    CLADE_GROUP_SLIPPING,
    CLADE_GROUP_LAPSED,
    CLADE_GROUP_SPEND_LOW, /* of buyers, by thirds of what they spent so far */
    CLADE_GROUP_SPEND_MIDDLE,
    CLADE_GROUP_SPEND_HIGH,
    CLADE_GROUP_AGE_LOW, /* where an age is known: under 35, */
    CLADE_GROUP_AGE_MIDDLE,
    CLADE_GROUP_AGE_HIGH, /* and 55 or more */
    CLADE_GROUP_WOMEN,
    CLADE_GROUP_MEN,
    CLADE_GROUP_PLACE, /* of a country, region, province, state or city: the first of these that
                          customers have and that tells some of them apart */
    CLADE_N_PREDICT_GROUP,
    CLADE_PREDICT_PLACES     = 6, /* at most, the largest */
    CLADE_PREDICT_GROUPS_MAX = CLADE_N_PREDICT_GROUP + CLADE_PREDICT_PLACES
} clade_predict_group_kind;
CLADE_API const char *clade_predict_group_name(clade_predict_group_kind kind); /* "spend_low" */
CLADE_API const char *clade_predict_group_words(clade_predict_group_kind kind, bool zh);

/** How well the answer fits one group; groups of fewer than 20, or than the shop's smallest group,
 *  are left out. */
typedef struct clade_predict_group {
    clade_predict_group_kind kind;
    char                     of[40]; /* PLACE: which, "CN"; else "" */
    size_t                   n;
    double                   base_rate;
    clade_interval           first; /* the card's first metric within the group: AUC or Gini */
    clade_interval           fit;   /* calibration error, or sum predicted over sum actual */
    bool                     worse; /* the whole interval of `first` lies below that of all */
} clade_predict_group;
/** The words of one group, with its place: "from CN". */
CLADE_API void clade_predict_group_title(char out[96], const clade_predict_group *group, bool zh);

/** What acting on the answers is worth, by what the shop says a contact costs and brings. */
typedef struct clade_predict_stakes {
    double margin;       /* share of revenue that stays; 0: not asked */
    double contact_cost; /* major units a contact */
    double save_rate;    /* share of those contacted rightly whom the contact moves */
} clade_predict_stakes;
typedef struct clade_predict_profit {
    bool                 known;
    clade_predict_stakes stakes;
    double               worth;      /* revenue of one who is moved, in major units */
    double               threshold;  /* contact from this chance up; INFINITY: nobody */
    double               profit;     /* a judged customer, at this threshold */
    double               profit_all; /* when everybody is contacted */
    size_t               true_positive, false_positive, true_negative, false_negative;
} clade_predict_profit;

/** How much a feature matters for the model as a whole; see clade_predictor_weigh. */
typedef struct clade_predict_weight {
    int    feature, group; /* as in clade_predict_reason */
    double mean_margin;    /* mean of |margin| */
    double direction;      /* rank correlation of the feature's value with what it adds, -1..1 */
} clade_predict_weight;

enum { CLADE_PREDICT_TOP = 10 }; /* features named on the card and watched for drift */

typedef struct clade_predict_card {
    clade_predict_task task;
    int64_t            first_us; /* of the log; INT64_MIN: not kept */
    int64_t            as_of_us;
    char               currency[4];
    int64_t            judged_us; /* features were as of this moment */
    int    judged_days;  /* the label's window then; VALUE: shorter than its horizon at times */
    bool   by_customers; /* the log is too short for later moments: customers were held out */
    size_t n_moments;    /* learnt at */
    size_t n_learnt, n_learnt_positive;
    size_t n_judged, n_judged_positive;
    double weight[CLADE_N_PREDICT_MODEL]; /* of each model in the blend, summing to 1 */
    double loss[CLADE_N_PREDICT_MODEL];   /* on the folds; NAN: did not compete */
    double blend_loss;
    size_t n_folds_borne;                  /* by the log, and wanted; n_folds of them were used */
    size_t n_depths, n_depths_tried;       /* of trees; 0 where none compete */
    bool   untried[CLADE_N_PREDICT_MODEL]; /* could compete, and the budget was spent */
    double budget_s, search_s;             /* given (0: no limit), and used */
    size_t n_folds, n_scored;   /* earlier moments that chose, and the answers asked for there */
    double calibration_loss[2]; /* log loss of Platt's line and of an isotonic curve, each fold
                                   judged  by the others; NAN: amounts, or too few to choose by */
    bool   seasons;   /* the day of the year is among the columns: it lost less on the folds */
    bool   curved;    /* the curve lost less and calibrates */
    double base_rate; /* share of label 1, or mean amount, when judged */
    size_t n_metrics;
    clade_predict_metric metric[CLADE_PREDICT_METRICS_MAX];
    clade_interval       gain_rule; /* what the answer gains over the rule in the first metric */
    clade_interval gain_linear;     /* and over the linear model; paired bootstrap over customers */
    clade_interval gain_vectors; /* of trees that see vectors over trees that do not; NAN: none took
                                    part */
    clade_calibration_bin bin[10]; /* when judged: reliability, or mean amounts by tenths */
    size_t                n_bins;
    clade_predict_tenth   tenth[10];
    size_t                n_tenths; /* 10, or 0: not kept */
    clade_predict_group   group[CLADE_PREDICT_GROUPS_MAX];
    size_t                n_groups;
    clade_predict_profit  profit; /* CHURN, PURCHASE */
    clade_predict_weight  top[CLADE_PREDICT_TOP];
    size_t                n_top;
    bool                  trusted;
    clade_sentence        why; /* what is missing when not trusted; a but when it is; else empty */
    clade_sentence        behaviour; /* why vectors did not take part; empty when they did */
    char     suspect[3][40]; /* features that alone tell the label too well; "" behind the last */
    double   seconds;
    uint64_t seed, data_hash;
    int64_t  run;
} clade_predict_card;

/* ---- Fitting --------------------------------------------------------------------------------- */

/** What the search may try, and for how long. Zeros mean what is said. */
enum { CLADE_PREDICT_DEPTHS_MAX = 8, CLADE_PREDICT_FOLDS_MAX = 6 };
typedef struct clade_predict_search {
    size_t n_depths;                        /* of trees; 0 means 3, 5 and 7 */
    int    depth[CLADE_PREDICT_DEPTHS_MAX]; /* 1 to 12 */
    int    rounds;                          /* trees at most; 0 means 300 */
    double rate;                            /* learning rate in (0, 1]; 0 means 0.08 */
    size_t folds;    /* earlier moments that choose, where the log bears them; 0 means 3 */
    double budget_s; /* of the search of one task: when it is spent, what was not tried stays so; 0
                        means no limit. Features and the last fits take their time besides */
} clade_predict_search;

typedef struct clade_predict_options {
    bool     has_as_of; /* else the midnight after the last event */
    int64_t  as_of_us;
    uint64_t seed;
    size_t   min_group; /* groups of the card are at least so large; 0 means 20, and so does less */
    size_t   max_rows;  /* customers of one moment that are learnt from; 0 means 10,000 */
    clade_predict_search search;
    clade_predict_stakes stakes; /* of CHURN and PURCHASE; margin 0: profit is not looked for */
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
/** Why the last fit was CLADE_ERR_NOT_READY, in both languages; lent until the next fit. */
CLADE_API const clade_sentence *clade_predictions_why_not(const clade_predictions *predictions);
/** The budget of the next fits' searches, as in clade_predict_search. */
CLADE_API void clade_predictions_budget(clade_predictions *predictions, double seconds);

/** A fitted answer to one task: const, and shared between threads. */
typedef struct clade_predictor clade_predictor;

/**
 * Fit a task.
 *
 * @return CLADE_ERR_NOT_READY with what is missing: fewer than 50 customers to ask about, a log
 *         shorter than the horizon, a label that never or always happens; CLADE_ERR_DATA for an
 *         expression that the store cannot read; CLADE_ERR_INTERRUPTED.
 * Ownership   The caller frees with clade_predictor_free, which accepts NULL.
 * Repeatable  Bit for bit by seed, whatever the number of threads; not with a budget, which is of
 *             the clock.
 * Cost        Features of at most nine past moments and of as_of, kept for the next task; two dozen
 *             small fits; one answer for everybody, and the weights of the features.
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
    double  value; /* chance of label 1, amount in major units, or median days until it happens */
    double  low, high; /* amounts: nine of ten customers like this fell between; NEXT: the days that
                          one, and nine, of ten customers like this come back within; else NAN */
} clade_prediction;

/**
 * Days of an answer as a date: RFC 3339, midnight UTC of the day they end in.
 *
 * @param days  value, low or high of a NEXT answer. At the horizon it is only known that it is
 *              later, and `out` is the last day that was looked at.
 * @return false when it is later than `out`.
 */
CLADE_API bool clade_prediction_date(char out[40], const clade_predict_task *task, int64_t as_of_us,
                                     double days);
/** The same for people, "2011-12-20" or "after 2012-06-01". */
CLADE_API void clade_prediction_date_words(char out[64], const clade_predict_task *task,
                                           int64_t as_of_us, double days, bool zh);

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
    int feature;   /* of the registry; -1: see group */
    int group;     /* -1, or 0: rhythm of purchases (value model), 1: behaviour (vectors), 2: season
                    */
    double value;  /* of the feature; NAN is absence */
    double margin; /* what it adds to the log-odds, or to the log of the amount; sums exactly */
    double points; /* what it adds to the chance, or to the amount; sums exactly as well */
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
/** The same for programs: the feature's name, or "value_model", "behaviour", "season"; "" for
 * another group. */
CLADE_API const char *clade_predict_reason_key(int feature, int group);
/** What a reason is about, in words: "days since the last order". */
CLADE_API void clade_predict_reason_name(clade_buffer *out, int feature, int group, bool zh);
/** A reason in words: "last order 74 days ago: raises the risk by 18 points". */
CLADE_API void clade_predict_reason_write(clade_buffer *out, const clade_predict_reason *reason,
                                          const clade_predict_task *task, const char *currency,
                                          bool zh);

/** How much each feature matters for the model as a whole: mean |margin| over customers. Largest
 *  first. Ownership   *out is freed with free(). */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_weigh(clade_predict_weight **out,
                                                            size_t                *out_n,
                                                            const clade_predictor *predictor,
                                                            clade_predictions     *predictions,
                                                            clade_error           *err);

/* ---- The model in a few rules ---------------------------------------------------------------- */

enum { CLADE_SURROGATE_RULES_MAX = 8 };

typedef struct clade_surrogate_rule {
    clade_rule rule;   /* coverage and precision are not set */
    double     answer; /* mean chance, or mean amount, of the customers that it catches */
    double     share;  /* of customers that it catches */
} clade_surrogate_rule;

/** A small tree that repeats a predictor's answers as well as a few words can. */
typedef struct clade_surrogate {
    size_t n_learnt, n_held_out; /* customers */
    double fidelity; /* R2 on held-out customers, of the chance or of the log of the amount; NAN
                        when all answers are the same */
    size_t               n_rules;
    clade_surrogate_rule rule[CLADE_SURROGATE_RULES_MAX]; /* by falling answer */
} clade_surrogate;

/**
 * Fit a tree of at most 8 leaves, on features that people can read, to what the predictor answers.
 *
 * The rules leave nobody out and catch everybody once. Seven customers in ten are learnt from, by a
 * hash of their numbers, the others say how faithful the rules are. Cuts are rounded where that
 * costs less than 0.002 of R2. It tells of the model, not of the customers' reasons.
 *
 * @return CLADE_ERR_NOT_READY with fewer than 50 customers.
 * Repeatable  Bit for bit by seed.
 * Cost        Answers of at most 20,000 customers and one tree: a second for the 20,000.
 * Source      Craven and Shavlik (1996), "Extracting tree-structured representations of trained
 *             networks", NeurIPS 8. docs/maths/explain.md.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_surrogate(clade_surrogate       *out,
                                                                const clade_predictor *predictor,
                                                                clade_predictions     *predictions,
                                                                clade_error           *err);

/* ---- What would change an answer ------------------------------------------------------------- */

enum { CLADE_CHANGE_ACTIONS_MAX = 2, CLADE_CHANGE_PARTS_MAX = 48 };

/** One feature that moves with an action. */
typedef struct clade_change_part {
    uint32_t feature;
    double   from, to;
    double   shift; /* share of customers that lie between the two */
} clade_change_part;

/** The smallest plausible change that brings a chance to where it is wanted. */
typedef struct clade_predict_change {
    int64_t customer;
    double  before, target;
    bool    below; /* a risk is to fall under the target; else a chance is to rise over it */
    bool    there; /* it is there already: nothing is changed */
    bool found;   /* else the actions are those that bring it nearest, when that is at least a tenth
                     of the way */
    double after; /* with the actions */
    size_t n_tried;   /* changes that were possible for this customer */
    size_t n_actions; /* 0 when there is nothing to change, or when no change helps */
    int    action[CLADE_CHANGE_ACTIONS_MAX];
    double size; /* the shares of customers that lie between from and to, largest of each action,
                    summed */
    size_t            n_parts;
    clade_change_part part[CLADE_CHANGE_PARTS_MAX]; /* by falling shift */
} clade_predict_change;

/**
 * Look for the change: one or two actions of a shop out of a fixed table, each with the features
 * that move with it by a rule, and values that other customers have.
 *
 * All single actions and all pairs are tried. Of those that reach the target, the fewest actions
 * win, then the least size. What the value model and the behaviour model say of the customer stays
 * as it is. This is about the model: whether the action would have that effect on a person is
 * another question, and only an experiment answers it.
 *
 * @param target  In (0, 1); NAN: the share of customers it happens to (the card's base rate).
 * @return CLADE_ERR_ARG for an amount, or for a target; CLADE_ERR_NOT_FOUND when the task does not
 *         ask about the customer.
 * Cost        A few thousand answers, and quantiles of 5,000 customers.
 * Source      Wachter, Mittelstadt and Russell (2018), Harvard J. of Law and Technology 31, 841;
 *             Ustun, Spangher and Liu (2019), "Actionable recourse", FAT*. docs/maths/explain.md.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_change(clade_predict_change  *out,
                                                             const clade_predictor *predictor,
                                                             clade_predictions     *predictions,
                                                             int64_t customer, double target,
                                                             clade_error *err);
/** "one more order", of clade_predict_change.action. Never NULL. */
CLADE_API const char *clade_change_action_name(int action); /* "order", ... */
CLADE_API const char *clade_change_action_words(int action, bool zh);
/** "One more order: the model's risk would go from 62.0 % to 31.0 %, under 40.0 %.", or that none
 * was found. */
CLADE_API void clade_change_write(clade_buffer *out, const clade_predict_change *change, bool zh);

/* ---- The shape of effects -------------------------------------------------------------------- */

enum { CLADE_EFFECT_POINTS = 13 };

/** What a model says along one feature. Margins are log-odds, or logs of an amount. */
typedef struct clade_predict_effect {
    int    feature;
    size_t n_rows;                    /* customers who have the feature */
    double absent;                    /* share of those looked at who have not: they take no part */
    size_t n;                         /* points; 0 when all have the same value */
    double grid[CLADE_EFFECT_POINTS]; /* rising values at quantiles */
    size_t n_to[CLADE_EFFECT_POINTS]; /* customers in (grid[k - 1], grid[k]]; the first is 0, its
                                         customers are in the second */
    double partial[CLADE_EFFECT_POINTS]; /* partial dependence: mean margin when all have the value
                                          */
    double answer[CLADE_EFFECT_POINTS];  /* and mean chance or amount */
    double ale[CLADE_EFFECT_POINTS]; /* accumulated local effect on the margin, centred: its mean
                                        over customers is 0 */
} clade_predict_effect;

/**
 * Partial dependence and accumulated local effects of features.
 *
 * Partial dependence moves a feature and holds all others, also where nobody is like that;
 * accumulated local effects only move customers between the two grid points they lie between, and
 * are therefore to be believed where features go together.
 *
 * Shapes      out (n), feature (n) numbers of the registry.
 * @return CLADE_ERR_ARG for CLADE_TASK_VALUE, which looks at no feature, or a feature's number.
 * Cost        15 answers of at most 500 customers a feature.
 * Source      Friedman (2001), Annals of Statistics 29, 1189-1232. Apley and Zhu (2020), J. Royal
 *             Statistical Society B 82, 1059-1086. docs/maths/explain.md.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_effects(clade_predict_effect  *out,
                                                              const clade_predictor *predictor,
                                                              clade_predictions     *predictions,
                                                              const int *feature, size_t n,
                                                              clade_error *err);

/** What two features add to the margin only together. */
typedef struct clade_predict_pair {
    int    a, b;        /* features, a < b in the order they were given */
    double mean_margin; /* mean of |SHAP interaction value| over customers, as blended */
} clade_predict_pair;

/**
 * SHAP interaction values of all pairs of some features, largest first: of the trees that take
 * part, weighted as they are blended. The rule, the value model and the linear model add terms and
 * have none on their margin (the linear model of an amount has a little, which is not counted).
 *
 * Shapes      out (n (n - 1) / 2), feature (n).
 * @return CLADE_ERR_ARG as clade_predictor_effects.
 * Cost        O(pairs * customers * leaves * depth^2), with at most 100 customers.
 * Source      Lundberg and others (2020). trees.h.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_pairs(clade_predict_pair    *out,
                                                            const clade_predictor *predictor,
                                                            clade_predictions     *predictions,
                                                            const int *feature, size_t n,
                                                            clade_error *err);

/* ---- A line through one customer's neighbourhood --------------------------------------------- */

enum { CLADE_LIME_TOP = 5, CLADE_LIME_RUNS = 10 };

typedef struct clade_lime_term {
    int    feature;
    double value;  /* of the customer */
    double margin; /* what a step of one deviation in rank adds, at this customer */
} clade_lime_term;

/** LIME: a linear model of the model around one customer, and how far chance made it. */
typedef struct clade_lime {
    size_t           n;
    clade_lime_term *term;   /* (n) by falling |margin| */
    double           margin; /* the line's own at the customer */
    double           model_margin;
    double           r2; /* of the line on its perturbed rows, weighted */
    /* Over pairs of CLADE_LIME_RUNS runs with seeds of their own. */
    double jaccard;          /* mean of |A and B| / |A or B| of the CLADE_LIME_TOP first features */
    double rank_correlation; /* mean Spearman correlation of |margin| of all features */
} clade_lime;

/**
 * Perturb a customer 2,000 times in rank space, ask the model, and draw a ridge line through the
 * answers, near ones first.
 *
 * A feature's value becomes the normal score of its rank among customers, normal noise is added,
 * and the sum goes back to the value of that rank. Absent features stay absent; the value model's
 * columns and vectors stay as they are. SHAP values (clade_predictor_explain) add up and are exact;
 * this is the local slope, and `jaccard` says how much of its order to believe.
 *
 * @return CLADE_ERR_ARG for CLADE_TASK_VALUE; CLADE_ERR_NOT_FOUND when the task does not ask about
 *         the customer.
 * Repeatable  Bit for bit by seed.
 * Ownership   Freed with clade_lime_free.
 * Cost        22,000 answers: two seconds for trees.
 * Source      Ribeiro, Singh and Guestrin (2016), KDD; stability: Visani and others (2022), J. of
 *             the Operational Research Society 73, 91-101. docs/maths/explain.md.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_lime(clade_lime            *out,
                                                           const clade_predictor *predictor,
                                                           clade_predictions     *predictions,
                                                           int64_t customer, uint64_t seed,
                                                           clade_error *err);
CLADE_API void                        clade_lime_free(clade_lime *lime);

/* ---- Single events --------------------------------------------------------------------------- */

/** What an answer loses when the behaviour model had not seen one item. */
typedef struct clade_predict_event {
    char   item[120]; /* its name, else the shop's own id */
    double margin;    /* the answer's margin less that without the item */
    double points;    /* and the same of the chance, or of the amount */
} clade_predict_event;

/**
 * Leave each of a customer's latest distinct items out of the history that vectors are made of, and
 * ask again: exact, for whatever the behaviour model is. Features stay as they are, so this is the
 * part that goes through the vectors alone, and items do not add up.
 *
 * @param out  By falling |margin|; none where no vectors take part.
 * @return As clade_predictor_explain.
 * Ownership   *out is freed with free().
 * Cost        One history read, and at most 21 vectors and answers.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_events(clade_predict_event  **out,
                                                             size_t                *out_n,
                                                             const clade_predictor *predictor,
                                                             clade_predictions     *predictions,
                                                             int64_t customer, clade_error *err);

/* ---- Drift ----------------------------------------------------------------------------------- */

/** How far customers have moved since the fit. */
typedef struct clade_predict_drift {
    int    feature; /* of the registry; -1: the answers themselves */
    double psi;     /* sum over bins of (now - then) ln(now / then) */
} clade_predict_drift;

/**
 * Population stability of the answers and of the heaviest features, between the customers asked
 * about at the fit's moment and at that of `predictions`. Below 0.1 nothing moved, above 0.25 fit
 * again.
 *
 * Bins are the tenths at the fit, and absence; half a customer is added to each.
 *
 * @param out     Room for CLADE_PREDICT_TOP + 1: the answers first.
 * @param out_n   0 for a bundle that kept none.
 * @return As clade_predictor_score.
 * Source  Siddiqi (2006), Credit Risk Scorecards, ch. 9.
 */
CLADE_API CLADE_MUST_USE clade_status clade_predictor_drift(clade_predict_drift *out, size_t *out_n,
                                                            const clade_predictor *predictor,
                                                            clade_predictions     *predictions,
                                                            clade_error           *err);

/* ---- The bundle ------------------------------------------------------------------------------ */

/**
 * models/predict/<task name>/ with card.json, card.md (the same in English words), model.json and
 * the trees in XGBoost's own JSON; the folder is replaced whole.
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
/** "trees", or "linear 0.30, joint 0.70" where several are blended. */
CLADE_API void clade_predict_model_words(char out[160], const clade_predict_card *card);
/** The card as an object: the keys of `clade predict --json`. */
CLADE_API void clade_predict_card_write(clade_json *json, const clade_predict_card *card);
/** The card as Markdown for people: data, label, models, metrics, groups, limits, and what it is
 *  not for. Ask out->failed at the end. */
CLADE_API void clade_predict_card_markdown(clade_buffer *out, const clade_predict_card *card,
                                           bool zh);
/** What the answer gains and over what, one sentence a call, from 0 on: the rule, the linear model,
 *  vectors. A gain whose interval includes 0 is said to be none that can be told from chance. */
CLADE_API bool clade_predict_card_gain(clade_sentence *out, const clade_predict_card *card,
                                       size_t i);
/** What the search tried, and what not for lack of time. False for a task without a search. */
CLADE_API bool clade_predict_card_search(clade_sentence *out, const clade_predict_card *card);
/** What is known to limit an answer, one sentence a call, from 0 on; false behind the last. */
CLADE_API bool clade_predict_card_limit(clade_sentence *out, const clade_predict_card *card,
                                        size_t i);

#endif

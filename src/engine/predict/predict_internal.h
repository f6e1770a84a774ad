/* What the parts of predict share: moments, rows to learn from, members of the blend. */
#ifndef CLADE_ENGINE_PREDICT_INTERNAL_H
#define CLADE_ENGINE_PREDICT_INTERNAL_H

#include "clade/linear.h"
#include "clade/predict.h"
#include "clade/trees.h"
#include "clade/value.h"
#include "clade/ziln.h"

#include "../habit.h"
#include "../segmentation.h"
#include "../subset.h"

enum {
    CLADE__FOLDS_MAX       = CLADE_PREDICT_FOLDS_MAX,
    CLADE__MIN_ROWS        = 50, /* customers below which nothing is fitted */
    CLADE__MIN_POSITIVE    = 50, /* of each class, below which an answer is not trusted */
    CLADE__LEAST_OF_A_KIND = 10, /* labels of each kind below which nothing can be learnt */
};

/* ---- Moments --------------------------------------------------------------------------------- */

/* Those of a moment who bought something, as the probability models see them. */
typedef struct clade__buyers {
    size_t    n;
    double   *x, *t_x, *T, *spend; /* (n) value.h; spend in minor units */
    uint32_t *row;                 /* (n) which customer of the moment, rising */
} clade__buyers;
void clade__buyers_free(clade__buyers *buyers);

/* Some customers as of a moment. */
typedef struct clade__moment {
    int64_t       at_us;
    clade__subset people; /* all of them as of as_of, else drawn by chance */
    clade__rhythm rhythm; /* the shop's then */
    size_t        n_vector;
    float        *vector; /* (n_customers, n_vector) of the behaviour model; NULL: not asked for */
    float        *value;  /* (n_customers, CLADE__VALUE_COLUMNS) of the value model */
    double        minor_per_major;
    clade__buyers buyers;
    bool          has_spend;         /* else `spend` is meaningless */
    clade_value_model buying, spend; /* of value.h; meaningless without buyers */
} clade__moment;

enum clade__value_column {
    CLADE__VALUE_ALIVE,  /* the chance to be still there */
    CLADE__VALUE_ORDERS, /* expected purchases in 90 days */
    CLADE__VALUE_WORTH,  /* times the expected amount of one, in major units */
    CLADE__SEASON_SINE,  /* of the moment's day in the year, */
    CLADE__SEASON_COSINE,
    CLADE__VALUE_COLUMNS
};

struct clade_predictions {
    clade_store                 *store;
    clade_predict_options        options;
    int64_t                      as_of_us, first_us;
    uint64_t                     data_hash;
    char                         currency[4];
    size_t                       n_moments;
    clade__moment               *moment[32]; /* made when first asked for */
    struct clade_shop_behaviour *behaviour;  /* NULL: none was fitted */
    clade_sentence               why_not;    /* of the last fit that was not ready */
};
/* Say it in both languages, and fail with CLADE_ERR_NOT_READY. */
clade_status clade__not_ready(clade_sentence *why, clade_error *err, const char *en, const char *zh,
                              ...) __attribute__((format(printf, 3, 5), format(printf, 4, 5)));

/* The moment, made and kept when it was not there yet. */
clade_status clade__moment_get(clade__moment **out, clade_predictions *p, int64_t at_us,
                               clade_error *err);
/* Its vectors, made when they are not there yet. */
clade_status clade__moment_vectors(clade__moment *moment, const clade_predictions *p,
                                   clade_error *err);
/* Its columns of the value model, fitted on what was before it. */
clade_status clade__value_fill(clade__moment *moment, const clade_predictions *p, clade_error *err);
/* out (n_customers): expected spend in so many days, in major units; NAN for who never bought. */
clade_status clade__value_worth(double *out, const clade__moment *moment, int days,
                                clade_error *err);

/* ---- SQL that several questions share -------------------------------------------------------- */

/* Purchases of [?1, ?2) of which something was still kept at the end, as e. */
#define CLADE__KEPT                                                                   \
    "event e LEFT JOIN (SELECT purchase, sum(quantity) AS quantity FROM refund_match" \
    " WHERE at_us < ?2 GROUP BY purchase) b ON b.purchase = e.event"
#define CLADE__KEPT_WHERE                                                                        \
    " WHERE e.kind = 'purchase' AND e.at_us >= ?1 AND e.at_us < ?2 AND e.customer IS NOT NULL"   \
    " AND (b.quantity IS NULL OR b.quantity < coalesce(e.quantity, 1) - 0.0005) AND e.event NOT" \
    " IN (SELECT event FROM flag WHERE name = 'test_order' AND event IS NOT NULL AND since_us <" \
    " ?2)"
/* A word of each item (its brand, the first level of its category) as it was known at ?1, as i.of.
 */
#define CLADE__ITEM_WORD(word)                                                                \
    " JOIN (SELECT item, trim(" word ") AS of, row_number() OVER (PARTITION BY item ORDER BY" \
    " known_us DESC, load DESC, category, brand) AS nth FROM item WHERE known_us < ?1) i ON"  \
    " i.item = e.item AND i.nth = 1"
#define CLADE__FIRST_LEVEL "split_part(category, '>', 1)"

/* ---- Labels ---------------------------------------------------------------------------------- */

/* Does the task ask about this customer (a row of the features)? */
bool clade__task_asks(const clade_predict_task *task, const clade__moment *moment, size_t customer);
/* The window of one customer in microseconds: the horizon, or what the own rhythm says. */
int64_t clade__task_window(const clade_predict_task *task, const clade__moment *moment,
                           size_t customer);
/* Labels of customers in rising order from [at, at + horizon): 0, 1, or an amount in major units;
 * of CHURN and NEXT the days until the next purchase, INFINITY without one. */
clade_status clade__task_labels(double *out, clade_store *store, const clade_predict_task *task,
                                const int64_t *customer, size_t n, int64_t at_us, clade_error *err);

/* ---- Rows ------------------------------------------------------------------------------------ */

/* One earlier judgement: models fitted on rows [0, learn_end) score rows [from, end). Every label
 * that is learnt from was over at the moment of those scored; or, where the log is too short for
 * that, those scored are other customers. */
typedef struct clade__fold {
    size_t learn_end, from, end;
} clade__fold;

/* Customers to learn from, oldest moment first, and behind them those to be judged on. */
typedef struct clade__rows {
    size_t      n, n_features, n_vector, n_columns; /* columns: features, value, vectors */
    size_t      n_learn;                            /* the rows behind are judged */
    size_t      n_moments;                          /* learnt at */
    float      *x;                                  /* (n, n_columns) row-major */
    double     *y;                                  /* (n) */
    int64_t    *customer;                           /* (n) */
    size_t      n_folds;
    clade__fold fold[CLADE__FOLDS_MAX]; /* oldest first */
    bool        seasons;          /* a year was seen: the columns of the season hold something */
    bool        by_customers;     /* judged are other customers, not a later time */
    bool        amount;           /* y is money */
    struct clade__places *places; /* of customers when judged */
    int64_t               judged_us;
} clade__rows;

/* The horizon of a task by own rhythm is settled on the way; `behaviour` says why vectors do not
 * take part. */
clade_status clade__rows_make(clade__rows *out, clade_sentence *out_behaviour,
                              clade_predict_task *task, clade_predictions *p, clade_error *err);
void         clade__rows_free(clade__rows *rows);
/* Every season as absent: then no model looks at it. */
void clade__rows_forget_seasons(clade__rows *rows);
/* The columns of one customer as every model sees them. out (n_columns). */
void clade__row_fill(float *out, const clade__moment *moment, size_t customer, size_t n_vector);

/* ---- Models ---------------------------------------------------------------------------------- */

/* How trees are grown, found by the search. */
typedef struct clade__tree_shape {
    int    depth, rounds;
    double rate, min_child, colsample;
} clade__tree_shape;

/* A model of one column. A step: margin `in` where value <= cut, else `out`. A line: out + in *
 * log(offset + value), and `cut` where the value is absent. */
typedef struct clade__rule {
    uint32_t column;
    double   cut, in, out, offset;
} clade__rule;

/* The elastic net: margin out + in * (intercept + sum of coefficient (slog(x) - mean) / scale);
 * absence adds nothing. */
typedef struct clade__net_term {
    uint32_t column;
    double   mean, scale, coefficient;
} clade__net_term;
typedef struct clade__net {
    size_t          n;
    double          lambda, intercept;
    double          out, in; /* amounts: the line; chances: 0 and 1 */
    clade__net_term term[];
} clade__net;

/* A rising curve on margins, straight between knots and of one slope beyond them; n of 0: none. */
enum { CLADE__KNOTS_MAX = 40 };
typedef struct clade__bend {
    size_t n;
    double slope;
    double at[CLADE__KNOTS_MAX], to[CLADE__KNOTS_MAX]; /* strictly rising */
} clade__bend;

/* How the customers asked about lay at the fit: a column by its tenths, -1 for the answers. */
typedef struct clade__spread {
    int    feature;
    size_t n_edges;
    double edge[9];   /* rising; bin b holds edge[b - 1] <= value < edge[b] */
    double count[11]; /* of the bins, and of absence behind them */
} clade__spread;
enum { CLADE__SPREADS_MAX = CLADE_PREDICT_TOP + 1 };

typedef struct clade__next clade__next;

struct clade_predictor {
    clade_predict_card   card;
    clade__next         *next;     /* of CLADE_TASK_NEXT; else NULL */
    clade_predict_search search;   /* while it is fitted */
    double               deadline; /* of the search, in clade_seconds(); INFINITY: none */
    size_t               n_features, n_columns;
    double               intercept, slope; /* of the calibration, on the blend's margin; */
    clade__bend          bend;             /* where there is one it stands instead */
    clade__rule          rule;
    clade_additive      *linear;
    clade__net          *net;        /* NULL: none */
    clade__rule          value;      /* a line on a column of the value model */
    clade_ziln          *ziln;       /* amounts; NULL: none */
    double               ziln_ridge; /* found by the search */
    clade_trees         *trees, *joint;
    clade__tree_shape    shape;
    double               average[CLADE_N_PREDICT_MODEL]; /* mean margin of the rows learnt from */
    double               band_scale; /* what an answer is divided by before its band is looked up */
    size_t               n_bands;    /* amounts: what fell between, by predicted amount */
    double               band_edge[10], band_low[10], band_high[10];
    size_t               n_spreads;
    clade__spread        spread[CLADE__SPREADS_MAX]; /* the answers first */
};

size_t clade__predictor_n_vector(const clade_predictor *predictor);
/* Everybody as of as_of, with the vectors that the predictor needs. */
clade_status clade__moment_now(clade__moment **out, const clade_predictor *p, clade_predictions *ps,
                               clade_error *err);
/* low and high of an amount. */
void clade__answer_band(clade_prediction *answer, const clade_predictor *predictor);

/* Margins are log-odds, or logs of an amount. */
double clade__answer_of(const clade_predict_task *task, double margin);
/* Fit one model to rows [0, n_learn) and, where it searches, tune it on [tune, tune + n_tune).
 * A `shape` that is set already is kept, and then nothing is tuned. */
clade_status clade__model_fit(clade_predictor *out, clade_predict_model model,
                              const clade__rows *rows, size_t n_learn, const uint32_t *tune,
                              size_t n_tune, uint64_t seed, clade_error *err);
/* How many shapes of trees a search tries. */
size_t clade__n_depths(const clade_predict_search *search);
/* Can the model compete at all on these rows? */
bool clade__model_competes(clade_predict_model model, const clade__rows *rows);
/* Fit a net in the place of the one that is there, whose penalty it keeps; without one the penalty
 * is what loses least on the tuning rows. */
clade_status clade__net_fit(clade__net **place, const clade__rows *rows, size_t n_learn,
                            const uint32_t *tune, size_t n_tune, bool amount, clade_error *err);
/* The margin of a row of all columns, and what one term adds to the logit. */
double clade__net_margin(const clade__net *net, const float *row);
double clade__net_term_of(const clade__net_term *term, const float *row);
/* out (n): margins of rows x (n, n_columns). */
clade_status clade__model_margin(double *out, const clade_predictor *predictor,
                                 clade_predict_model model, const float *x, size_t n,
                                 clade_error *err);
/* The blend, calibrated. */
clade_status clade__blend_margin(double *out, const clade_predictor *predictor, const float *x,
                                 size_t n, clade_error *err);

clade_status clade__ziln_fit(clade_predictor *p, const clade__rows *rows, size_t n,
                             const uint32_t *tune, size_t n_tune, clade_error *err);
clade_status clade__ziln_margin(double *out, const clade_predictor *p, const float *x, size_t n,
                                clade_error *err);
void         clade__ziln_write(clade_json *json, const clade_ziln *m);
clade_status clade__ziln_read(clade_ziln **out, size_t n_features, const clade_json_tree *tree,
                              clade_error *err);

/* Intercept and slope that make answers right on average: logistic regression for yes or no
 * (Platt 1999), quasi-Poisson for amounts. */
void clade__calibrate(double *out_intercept, double *out_slope, const double *margin,
                      const double *y, size_t n, bool amount);
/* Mean loss: log loss, or the Tweedie deviance of power 1.5. */
double clade__mean_loss(const double *margin, const double *y, size_t n, bool amount);

/* The curve on a margin; at least one knot. */
double clade__bend_of(const clade__bend *bend, double margin);
/* Isotonic regression through the middles of its blocks; `slope` holds beyond the ends. */
clade_status clade__bend_fit(clade__bend *out, const double *margin, const double *y, size_t n,
                             double slope, clade_error *err);
/* The curve, or none unless it loses less than Platt's line by a standard error. out_loss: of the
 * line and of the curve, each fold judged by what the others taught; one fold alone in two halves.
 */
clade_status clade__bend_choose(clade__bend *out, double out_loss[2], const double *margin,
                                const double *y, const uint8_t *fold, size_t n_folds, size_t n,
                                double slope, clade_error *err);
/* The blend's margin, calibrated. */
double clade__calibrated(const clade_predictor *predictor, double margin);

/* What has to be added to slope * margin so that answers are right on average; 0 where nothing, or
 * everything, happened. */
double clade__level_of(const double *margin, const double *y, size_t n, double slope, bool amount);

/* Answers of models that had not seen the labels: margins of all folds together. */
typedef struct clade__scored {
    size_t   n, n_folds;
    double  *y;                             /* (n) */
    uint8_t *fold;                          /* (n) rising; 0 is the latest */
    size_t   end[CLADE__FOLDS_MAX + 1];     /* fold f holds [end[f], end[f + 1]) */
    double  *margin[CLADE_N_PREDICT_MODEL]; /* (n); NULL: does not compete */
} clade__scored;
void clade__scored_free(clade__scored *scored);
/* Fit every model that competes on what each fold may learn from and ask it about the fold. Leaves
 * in `p` the fits of the oldest fold, and how trees are to be grown. */
clade_status clade__folds_score(clade__scored *out, clade_predictor *p, const clade__rows *rows,
                                uint64_t seed, clade_error *err);
/* Weights, calibration and losses of the models into `p`. Seasons that do not help are forgotten.
 */
clade_status clade__choose(clade_predictor *p, clade__rows *rows, uint64_t seed, clade_error *err);

/* Weights of the blend that loses least on rows that no model has seen, each fold with the level
 * that the others would give it; and what it loses. */
clade_status clade__blend_choose(double *out_weight, double *out_loss, const clade__scored *scored,
                                 bool amount, clade_error *err);

/* CLADE_TASK_VALUE: no rows are learnt from, the probability models answer alone. */
clade_status clade__value_task_fit(clade_predictor *p, clade_predictions *ps, clade_error *err);

/* ---- The next purchase ----------------------------------------------------------------------- */

/* What quantiles of the days until the next purchase come from, the simplest first. */
typedef enum clade__next_model {
    CLADE__NEXT_RULE,   /* last purchase and the own median gap */
    CLADE__NEXT_RHYTHM, /* survival of the gap in units of the own usual one */
    CLADE__NEXT_BG_NBD,
    CLADE__NEXT_TREES, /* one ensemble a quantile; the median's is the predictor's `joint` */
    CLADE__N_NEXT_MODEL
} clade__next_model;
enum { CLADE__NEXT_LOW, CLADE__NEXT_MEDIAN, CLADE__NEXT_HIGH, CLADE__N_NEXT_LEVEL };
enum { CLADE__SURVIVAL_POINTS = 64, CLADE__N_NEXT_KIND = 3 };

/* A step function: the chance not to have bought again. */
typedef struct clade__survival {
    size_t n;
    double at[CLADE__SURVIVAL_POINTS];   /* rising, in usual gaps since the last purchase */
    double left[CLADE__SURVIVAL_POINTS]; /* from there on; 1 before the first */
} clade__survival;

struct clade__next {
    clade__next_model model;
    double            loss[CLADE__N_NEXT_MODEL];    /* mean pinball in days; NAN: did not compete */
    double            usual_gap_days;               /* the shop's */
    double            spread[CLADE__N_NEXT_LEVEL];  /* RULE: own gaps that the quantiles lie at */
    clade__survival   survival[CLADE__N_NEXT_KIND]; /* by orders so far: 1, 2 to 4, more */
    double            buying[4];                    /* BG/NBD in weeks: r alpha a b */
    double            shift[CLADE__N_NEXT_LEVEL];   /* of each quantile's log(1 + days) */
    int               rounds[CLADE__N_NEXT_LEVEL];
    clade_trees      *low, *high;
};
void clade__next_free(clade__next *next);
/* Fit one model to rows [0, n); `tune` as of clade__model_fit. */
clade_status clade__next_model_fit(clade_predictor *out, clade__next_model model,
                                   const clade__rows *rows, size_t n, const uint32_t *tune,
                                   size_t n_tune, uint64_t seed, clade_error *err);
/* out (n, 3): log(1 + days) of each quantile, at most that of the horizon and without a shift. */
clade_status clade__next_quantiles(double *out, const clade_predictor *p, clade__next_model model,
                                   const float *x, size_t n, clade_error *err);
/* The chosen one's, shifted and in order. */
clade_status clade__next_answers(double *out, const clade_predictor *p, const float *x, size_t n,
                                 clade_error *err);
/* value, low and high of answers; their medians as margins. */
clade_status clade__next_predict(clade_prediction *out, const clade_predictor *p, const float *x,
                                 size_t n, clade_error *err);
clade_status clade__next_margin(double *out, const clade_predictor *p, const float *x, size_t n,
                                clade_error *err);
/* A step function from gaps that were seen from `from` on until `until`, and ended there or not. */
clade_status clade__survival_fit(clade__survival *out, const double *from, const double *until,
                                 const uint8_t *ended, size_t n, clade_error *err);
/* How long from `since` on until a share q of those who are left then have come; INFINITY: later.
 */
double       clade__survival_wait(const clade__survival *s, double since, double q);
clade_status clade__next_fit(clade_predictor *p, clade_predictions *ps, clade_error *err);
/* Metrics, reliability and verdict. answer, rule (n, 3) log(1 + days); y days, INFINITY: later. */
clade_status clade__next_judge(clade_predict_card *card, const double *answer, const double *rule,
                               const double *y, size_t n, uint64_t seed, clade_error *err);
double       clade__next_pinball(const double *answer, const double *y, size_t n, int horizon_days);
void         clade__next_write(clade_json *json, const clade__next *next);
clade_status clade__next_read(clade__next *out, const clade_json_tree *tree, clade_error *err);

/* The judged block: margins and truths of n customers, and their features. */
typedef struct clade__judged {
    size_t                      n;
    const double               *answer, *rule, *linear; /* (n) margins */
    const double               *trees, *joint; /* (n) margins; NULL: no vectors took part */
    const double               *y;             /* (n) */
    const float *const         *row;           /* (n) features, in the registry's order */
    const int64_t              *customer;      /* (n); NULL: no places are told of */
    const struct clade__places *places;        /* NULL: none are known */
    size_t                      least; /* customers of a group that is told of; 0 means 20 */
} clade__judged;

/* Where customers live, as it was known at a moment: the largest places of one attribute. */
typedef struct clade__places {
    size_t   n_of, n;
    char     of[CLADE_PREDICT_PLACES][40];
    int64_t *customer; /* (n) rising */
    uint8_t *which;    /* (n) of `of` */
} clade__places;
/* NULL where customers have no such attribute. */
clade_status clade__places_read(clade__places **out, clade_store *store, int64_t at_us,
                                clade_error *err);
void         clade__places_free(clade__places *places);
/* Which place; n_of where it is another one, or unknown. */
size_t clade__place_of(const clade__places *places, int64_t customer);

/* What it says: metrics, gains, reliability, groups, bands of amounts, the verdict. */
clade_status clade__judge(clade_predictor *predictor, const clade__judged *judged,
                          const clade_predict_stakes *stakes, uint64_t seed, clade_error *err);
/* One metric by name with its interval. */
clade_status clade__judge_metric(clade_interval *out, const char *name, bool amount,
                                 const double *answer, const double *y, size_t n, uint64_t seed,
                                 clade_error *err);
/* Groups, gains and profit into the card; `answer` and `rule` are no margins here. */
clade_status clade__judge_groups(clade_predict_card *card, const clade__judged *judged,
                                 const double *answer, uint64_t seed, clade_error *err);
clade_status clade__judge_gains(clade_predict_card *card, const double *answer, const double *rule,
                                const double *y, size_t n, clade_error *err);
clade_status clade__judge_profit(clade_predict_card *card, const clade__judged *judged,
                                 const double *answer, const uint8_t *yes,
                                 const clade_predict_stakes *stakes, clade_error *err);

/* Of the registry's names in their order: what the columns of a bundle mean. */
uint64_t clade__registry_hash(void);
/* The text of a model.json into a predictor whose card says of which task; trees lie elsewhere. */
clade_status clade__model_read(clade_predictor *p, clade_text text, clade_arena *arena,
                               clade_error *err);

/* The heaviest features, and how everybody lies in them as of as_of. */
clade_status clade__spreads_settle(clade_predictor *p, clade_predictions *ps, clade_error *err);

#endif

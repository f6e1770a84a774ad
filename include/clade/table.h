/**
 * Tables judged: who tells a yes-or-no column of a public table best, by repeated stratified
 * cross-validation in which everything that is learnt, encodings and calibration too, is learnt
 * from the training part of a fold alone. docs/maths/table.md has the reasons.
 */
#ifndef CLADE_TABLE_H
#define CLADE_TABLE_H

#include "clade/metrics.h"

enum {
    CLADE_TABLE_ROWS_MAX    = 1 << 20,
    CLADE_TABLE_ONE_HOT_MAX = 10, /* categories of at most so many levels get a column for each */
    CLADE_TABLE_FOLDS_MAX   = 20,
    CLADE_TABLE_REPEATS_MAX = 20,
    CLADE_TABLE_LEAKS_MAX   = 16,
};

typedef enum clade_table_kind {
    CLADE_TABLE_NUMBER,
    CLADE_TABLE_DATE, /* days since 1970 */
    CLADE_TABLE_CATEGORY,
    CLADE_TABLE_IDENTIFIER, /* texts or whole numbers, all there and all distinct: left out */
    CLADE_TABLE_CONSTANT,   /* one value or none: left out */
} clade_table_kind;

typedef struct clade_table_column {
    const char      *name;
    clade_table_kind kind;
    int8_t           monotone; /* 1: more of it never lowers the chance, -1: never raises it */
    size_t           n_levels; /* distinct values, without absence */
    size_t           n_absent;
    float           *value; /* (n_rows) of numbers and dates, NAN is absence; else NULL */
    uint32_t        *level; /* (n_rows) of categories, 1 .. n_levels, 0 is absence; else NULL */
} clade_table_column;

typedef struct clade_table {
    const char *target;     /* name of the column that is told */
    const char *positive;   /* the value that counts as yes */
    size_t      n_rows;     /* rows with a target */
    size_t      n_left_out; /* rows that cannot be read, or lack the target */
    size_t      n_repeated; /* rows that equal an earlier one in all columns that are used:
                               a fold may be asked what it has learnt by heart */
    size_t              n_positive;
    size_t              n_columns; /* all but the target */
    clade_table_column *column;
    uint8_t            *label; /* (n_rows) */
    uint64_t            hash;  /* of the file's bytes */
    clade_arena        *arena; /* holds all of it */
} clade_table;

/** Start from { 0 }. Lists end with NULL, and may be NULL. */
typedef struct clade_table_read_options {
    const char        *positive; /* NULL: told from 1, yes, true, y, else the rarer of two */
    const char *const *category; /* numbers that are codes */
    const char *const *rising;   /* numbers of which more never lowers the chance */
    const char *const *falling;  /* or never raises it */
} clade_table_read_options;

/**
 * Read a table. A column is a number where every value is one, a date where every value is one,
 * else a category.
 *
 * @param path     A file that clade_reader_open reads without a store (CSV, also .zst).
 * @param options  May be NULL.
 * @return What clade_reader_open gives; CLADE_ERR_ARG for a name that is no column (the hint names
 *         the nearest) or a constraint of a category; CLADE_ERR_DATA for a target that has not two
 *         values, or too many rows; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_table_free, which accepts NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_table_read(clade_table **out, const char *path,
                                                       const char                     *target,
                                                       const clade_table_read_options *options,
                                                       clade_error                    *err);
CLADE_API void                        clade_table_free(clade_table *table);

/** What is judged, each with what is below it as its parts. */
typedef enum clade_table_model {
    CLADE_TABLE_BASE,   /* the share of yes in training */
    CLADE_TABLE_RULE,   /* the one column that orders best in training: the floor */
    CLADE_TABLE_LINEAR, /* additive logit and elastic net, averaged as logits */
    CLADE_TABLE_TREES,  /* boosted trees, five seeds averaged */
    CLADE_TABLE_BLEND,  /* linear and trees, averaged as logits */
    CLADE_N_TABLE_MODEL
} clade_table_model;

/** "base", "rule", "linear", "trees", "blend". */
CLADE_API const char *clade_table_model_name(clade_table_model model);
/** CLADE_ERR_ARG names the text and the nearest model. */
CLADE_API CLADE_MUST_USE clade_status clade_table_model_parse(clade_table_model *out,
                                                              const char *name, clade_error *err);

typedef struct clade_table_judge_options {
    size_t   n_folds;   /* 0 means 5; 2 at least */
    size_t   n_repeats; /* 0 means 5 */
    uint64_t seed;
    bool     model[CLADE_N_TABLE_MODEL]; /* all false: all of them. base is always there */
    bool     progress;
} clade_table_judge_options;

typedef enum clade_table_metric {
    CLADE_TABLE_AUC,
    CLADE_TABLE_AP, /* average precision */
    CLADE_TABLE_LOG_LOSS,
    CLADE_TABLE_BRIER,
    CLADE_TABLE_ECE,  /* expected calibration error, ten bins */
    CLADE_TABLE_F1,   /* at the threshold that was best on inner out-of-fold chances */
    CLADE_TABLE_LIFT, /* of the first tenth */
    CLADE_N_TABLE_METRIC
} clade_table_metric;

typedef struct clade_table_judgement {
    size_t n_folds, n_repeats;
    bool   judged[CLADE_N_TABLE_MODEL];
    /** Value: the mean over repeats of the metric over all rows of a repeat. Range: that of
     *  clade_repeated_fold_interval over folds, put around it, 95 %. */
    clade_interval metric[CLADE_N_TABLE_MODEL][CLADE_N_TABLE_METRIC];
    clade_interval gain[CLADE_N_TABLE_METRIC]; /* blend less linear, fold by fold; NANs where one
                                                  of the two was not judged */
    size_t n_leaks; /* columns that alone have an AUC above 0.985 in the training part of a fold */
    size_t leak[CLADE_TABLE_LEAKS_MAX];  /* columns of the table, rising */
    double seconds[CLADE_N_TABLE_MODEL]; /* of fitting, summed over threads */
    /* What was chosen inside, means over folds. */
    double net_weight;   /* of the elastic net in linear */
    double trees_weight; /* of trees in blend */
    double depth, n_rounds;
} clade_table_judgement;

/**
 * Judge models on a table.
 *
 * In the training part of each fold: four inner folds, with encodings of their own, give
 * out-of-fold logits of every part; penalty, depth, rounds, weights, calibration (Platt) and
 * threshold are chosen by these alone; the parts are then fitted on the whole training part.
 *
 * Encoding: numbers and dates as they are; categories of more than two levels by ordered target
 * statistics with a prior (a training row sees the rows before it in a random order, a test row
 * all of training), and levels that training has as columns of their own where they are few.
 *
 * @param options  May be NULL.
 * @return CLADE_ERR_ARG for options; CLADE_ERR_DATA with fewer than eight rows of a class for each
 *         fold, or without a column to learn from; CLADE_ERR_INTERRUPTED; CLADE_ERR_NOMEM.
 * Repeatable  Bit for bit, whatever the number of threads: folds are tasks.
 * Cost        About 4 s of one core a fold for 7,000 rows and 30 columns.
 * Source      Prokhorenkova et al. (2018), "CatBoost: unbiased boosting with categorical features",
 *             NeurIPS 31 (ordered statistics). Nadeau and Bengio (2003), Machine Learning 52(3).
 */
CLADE_API CLADE_MUST_USE clade_status clade_table_judge(clade_table_judgement           *out,
                                                        const clade_table               *table,
                                                        const clade_table_judge_options *options,
                                                        clade_error                     *err);

#endif

/**
 * Judging: public logs of events as sequences, the published protocols over them, and a scorer's
 * metrics under a protocol. A split cuts training data so that nothing that is asked for can be
 * seen in it.
 *
 *     file  ->  sequences  ->  split { train, validation cases, test cases, hash }  ->  judgement
 *                                    ^ a scorer learns from these alone
 *
 * What is tuned is tuned on validation cases; the test cases are for the run that is reported.
 */
#ifndef CLADE_JUDGE_H
#define CLADE_JUDGE_H

#include "clade/neighbours.h"
#include "clade/ranking.h"
#include "clade/sequences.h"

/* ---- Files ----------------------------------------------------------------------------------- */

enum {
    CLADE_SEQUENCE_FILE_NAME_MAX = 64,
    CLADE_ITEM_ATTRIBUTES_MAX    = 8, /* attributes of one item that are kept */
};

typedef struct clade_sequence_file_options {
    uint32_t min_item_count; /* leave out items seen less often in the whole file; 0 and 1: none */
} clade_sequence_file_options;

/** A log read from a file. */
typedef struct clade_sequence_file {
    char             name[CLADE_SEQUENCE_FILE_NAME_MAX]; /* of the folder: "ml-1m" */
    clade_sequences *sequences; /* customers and items numbered by first appearance in the file */
    uint8_t         *held_out;  /* (n_customers) 1: the file's column `split` says test; or NULL */
    uint64_t         n_rows;
    uint64_t         n_bad;         /* rows that cannot be read, or lack an item or a moment */
    uint64_t         n_no_customer; /* rows without a customer */
    uint64_t         n_returned;    /* rows with a quantity of zero or less */
    uint32_t         n_rare_items;  /* left out by min_item_count, */
    uint64_t         n_rare_events; /* with so many events */
    bool             some_times;    /* a column of moments was not used: some are absent */
} clade_sequence_file;

/**
 * Read a log of events, one of these forms, told by the names in the header:
 *
 *     user_id, items                    a customer's items, oldest first, single spaces between
 *     session_id, split, items          the same for sessions; split is train or test
 *     user_id, basket_no, items         baskets, in the order of the file
 *     user_id, item_id, timestamp       one event a row, put in order of time (ties: of the file)
 *     CustomerID, StockCode, InvoiceNo, InvoiceDate, Quantity      the same with baskets
 *
 * Beside it, a file item_attributes (item_id, attribute_ids) becomes the fields of items
 * "attribute_1" ... in the order of the file, with one numbering for all of them.
 *
 * @param path     A file (.csv, .csv.zst, .csv.gz), or a folder that holds sequences, sessions,
 *                 baskets, ratings, reviews or transactions in one of these forms.
 * @param options  May be NULL.
 * @return CLADE_OK; CLADE_ERR_NOT_FOUND, CLADE_ERR_IO; CLADE_ERR_DATA for a header without customer
 *         or item, a log without events, or more than 2^32 - 2 of either; CLADE_ERR_NOMEM.
 * Ownership   The caller frees with clade_sequence_file_free, which accepts NULL.
 * Cost        O(events log events of a customer), about 24 bytes an event beside the result.
 */
CLADE_API CLADE_MUST_USE clade_status
               clade_sequence_file_read(clade_sequence_file **out, const char *path,
                                        const clade_sequence_file_options *options, clade_error *err);
CLADE_API void clade_sequence_file_free(clade_sequence_file *file);

/* ---- Protocols ------------------------------------------------------------------------------- */

typedef enum clade_protocol {
    CLADE_PROTOCOL_LOO,      /* a customer's last event is asked for, the one before it validates */
    CLADE_PROTOCOL_SESSIONS, /* every prefix of a held-out session asks for the next event */
    CLADE_PROTOCOL_TIME,     /* one moment for all: a customer's first event at or after it */
    CLADE_PROTOCOL_BASKET,   /* a customer's last basket is asked for, the one before validates */
    CLADE_N_PROTOCOL
} clade_protocol;

/** "loo", "sessions", "time", "basket". */
CLADE_API const char *clade_protocol_name(clade_protocol protocol);
/** CLADE_ERR_ARG names the text and the nearest protocol. */
CLADE_API CLADE_MUST_USE clade_status clade_protocol_parse(clade_protocol *out, const char *name,
                                                           clade_error *err);

typedef struct clade_split_options {
    uint32_t min_history; /* sessions: seen events before the first question; 0 means 1 */
    double   test_from;   /* time: share of events before the test cut; 0 means 0.9 */
    double   valid_from;  /* time: and before the validation cut; 0 means 0.8 */
} clade_split_options;

/** Questions of one kind. */
typedef struct clade_split_part {
    size_t         n_cases;
    clade_case    *cases;   /* (n_cases) over the split's `sequences`, rising by customer and end */
    clade_targets *targets; /* the items of each basket; NULL outside of CLADE_PROTOCOL_BASKET */
    bool           has_now; /* all questions are asked at one moment (CLADE_PROTOCOL_TIME) */
    int64_t        now_us;
    size_t         n_new;    /* cases whose target is not in what is learnt from */
    double         repeated; /* share of targets that are in the case's own history */
} clade_split_part;

/**
 * A log, cut. Customers and items keep their numbers in all of these; customers that are held out
 * whole have no events in what is learnt from.
 */
typedef struct clade_split {
    clade_protocol protocol;
    const clade_sequences
                    *sequences; /* borrowed: everything; a case lends what is before its end */
    clade_sequences *train;     /* without what validation and test ask for, and after */
    clade_sequences *train_all; /* with validation: for the last fit, once all is tuned */
    clade_split_part validation;
    clade_split_part test;
    bool unseen;   /* validation targets are new to their customer (99 % or more): the ranking
                      without the items of the history is the one to look at */
    uint64_t hash; /* of events, protocol and cases: equal hashes judged the same thing */
} clade_split;

/**
 * Cut a log.
 *
 *   loo       Customers with fewer than three events only train.
 *   sessions  Held-out sessions test; the last tenth of the others, in the order of the file,
 *             validates; what is shorter than two events asks nothing.
 *   time      The cuts are quantiles of the events' moments; training ends before the validation
 *             cut; only customers known before a cut and back after it are asked.
 *   basket    Customers with two baskets have no validation, with one they only train.
 *
 * Questions are asked right behind what was seen; of time at the cut, of basket, where the log has
 * moments, an hour behind the last basket seen (or when the next one begins, if that is sooner).
 *
 * @param options  May be NULL.
 * @return CLADE_OK; CLADE_ERR_DATA when the log lacks what the protocol needs (a column `split`,
 *         moments, baskets) or leaves no case to ask; CLADE_ERR_ARG; CLADE_ERR_NOMEM.
 * Ownership   Borrows file->sequences for the split's life; freed with clade_split_free, which
 *             accepts NULL.
 */
CLADE_API CLADE_MUST_USE clade_status clade_split_make(clade_split              **out,
                                                       const clade_sequence_file *file,
                                                       clade_protocol             protocol,
                                                       const clade_split_options *options,
                                                       clade_error               *err);
CLADE_API void                        clade_split_free(clade_split *split);

/* ---- Judging --------------------------------------------------------------------------------- */

typedef struct clade_judge_options {
    size_t   max_cases; /* ask only so many, evenly spaced; 0: all */
    size_t   n_draws;   /* of the bootstrap; 0: no intervals */
    uint64_t seed;
    bool     lists;       /* coverage, novelty, popularity of the top 10 */
    bool     progress;    /* draw a progress line named after the scorer */
    double  *out_ndcg_10; /* (cases asked) of each in the ranking to look at; or NULL */
} clade_judge_options;

typedef struct clade_judgement {
    clade_ranking all;    /* among all items */
    clade_ranking unseen; /* among items that are not in the case's history */
    double        seconds;
} clade_judgement;

/**
 * Ask a scorer the cases of one part, in batches of about 8 MB of scores.
 *
 * @param part     &split->validation or &split->test.
 * @param options  May be NULL: all cases, no intervals, no lists.
 * @return CLADE_OK; the scorer's failure; CLADE_ERR_DATA for a score that is not a number;
 *         CLADE_ERR_ARG without cases; CLADE_ERR_INTERRUPTED; CLADE_ERR_NOMEM.
 * Repeatable  Whatever the number of threads and the size of batches, if the scorer is.
 */
CLADE_API CLADE_MUST_USE clade_status
clade_judge_run(clade_judgement *out, const clade_scorer *scorer, const clade_split *split,
                const clade_split_part *part, const clade_judge_options *options, clade_error *err);

/** The ranking that the split says to look at. */
static inline const clade_ranking *clade_judgement_main(const clade_judgement *judgement,
                                                        const clade_split     *split)
{
    return split->unseen ? &judgement->unseen : &judgement->all;
}

/* ---- Baselines ------------------------------------------------------------------------------- */

/** A baseline that is ready to be judged on the test cases. */
typedef struct clade_baseline {
    clade_neighbours_kind    kind;
    clade_neighbours_options options;    /* as tuned */
    double                   validation; /* NDCG of the ranking to look at, with these options */
    size_t                   n_tried;    /* settings that were tried */
    double                   seconds;    /* for tuning and fits */
    clade_neighbours        *fitted;
    clade_scorer             scorer; /* over `fitted` */
} clade_baseline;

/** Can it be fitted under this split? popular-7d needs moments. */
CLADE_API bool clade_baseline_applies(clade_neighbours_kind kind, const clade_split *split);

/**
 * Tune a baseline on validation cases, then fit it on everything before the test.
 *
 * One option after the other is tried over a short list, twice round (what needs another fit:
 * once); the best NDCG@10 (sessions: NDCG@20) over at most 2,000 validation cases wins, the earlier
 * value of equals. `popular`, `popular-7d` and `markov` have nothing to tune; `markov` has no
 * fallback and keeps equal counts in the order in which they were first seen, as published.
 *
 * @param progress  Draw a progress line.
 * @return CLADE_OK; what clade_neighbours_fit and clade_judge_run give.
 * Ownership   The caller frees with clade_baseline_free, which accepts NULL. Borrows the split.
 */
CLADE_API CLADE_MUST_USE clade_status clade_baseline_fit(clade_baseline      **out,
                                                         clade_neighbours_kind kind,
                                                         const clade_split *split, bool progress,
                                                         clade_error *err);
CLADE_API void                        clade_baseline_free(clade_baseline *baseline);

/** The options that the kind reads, as "reach 3, half_life 0.5"; "" for none. */
CLADE_API void clade_baseline_describe(char out[160], const clade_baseline *baseline);

#endif

/* clade fit WORKSPACE behaviour, in three parts: what is learnt from and what is held out
 * (fit_data.c), what it was worth (fit_judge.c), and the verb itself (fit.c). */
#ifndef CLADE_APPS_FIT_H
#define CLADE_APPS_FIT_H

#include "clade/event_sequences.h"
#include "clade/judge.h"
#include "clade/train.h"
#include "command.h"

enum {
    FIT_CASES_MAX   = 2000, /* customers whose latest item is held out and asked for */
    FIT_CASES_TRUST = 100,  /* below this many a figure is no ground for trust */
    FIT_BASELINES   = 4,    /* popular, own, rules, item-knn */
};

/** What the workspace gives to a fit; on ranks other than 0 `train` alone. */
typedef struct fit_data {
    int64_t           as_of_us;
    uint64_t          data_hash, seed;
    clade_vocabulary *vocabulary;
    clade_sequences  *all;   /* everything before as_of */
    clade_sequences  *train; /* without what is held out */
    clade_split       split; /* borrows the two above; validation cases alone */
} fit_data;

/**
 * Read the log and hold out, of up to FIT_CASES_MAX customers drawn by chance among those who came
 * back after the time cut (nine tenths of all events lie before it, fewer in a shop where that
 * leaves too few to ask), the latest item and all after it. At most every second of them, so that
 * most histories are learnt from whole.
 *
 * @return CLADE_ERR_NOT_READY for a log that nothing can be learnt from, saying why.
 */
CLADE_MUST_USE clade_status fit_data_read(fit_data *out, command *c, clade_store *store,
                                          clade_error *err);
/** The same cut over sequences in memory. Gives `train` and `split`. */
CLADE_MUST_USE clade_status fit_data_hold_out(fit_data *data, clade_error *err);
/** Give rank 0's `status`, seed and training sequences to all ranks. A failure of rank 0 fails on
 *  all, and is marked in c->together. */
CLADE_MUST_USE clade_status fit_data_share(fit_data *data, command *c, clade_status status,
                                           clade_error *err);
void                        fit_data_free(fit_data *data);
/** Bytes that sequences take. */
size_t fit_data_bytes(const clade_sequences *sequences);

/** The model and the fair baselines on the same cases. */
typedef struct fit_verdict {
    size_t         n_cases;
    clade_interval ndcg, hit; /* at 10 */
    struct {
        const char              *name;
        double                   ndcg;
        clade_neighbours_options options; /* as tuned */
    } baseline[FIT_BASELINES];
    size_t         best; /* of the baselines */
    clade_interval gain; /* NDCG of the model less that of the best, paired over customers */
    double         ndcg_as_kept; /* of the bundle in its precision; NAN when that is float */
    bool           trusted;
    const char    *why, *why_zh; /* not trusted: the reason, in the command's arena */
} fit_verdict;

/** A clade_train_judge over a fit_data: NDCG@10 of the split's main ranking. */
clade_status fit_judge(void *context, double *out_score, const clade_behaviour *model,
                       clade_error *err);
/** Judge the finished model and tune and judge the baselines. */
CLADE_MUST_USE clade_status fit_verdict_make(fit_verdict *out, command *c, const fit_data *data,
                                             const clade_behaviour *model, clade_error *err);
void                        fit_verdict_print(command *c, const fit_verdict *verdict);
/** Keys `validation{n_cases ndcg_10{value low high} hit_10{value low high}}`, `baselines[]: name
 *  ndcg_10`, `gain_ndcg_10{value low high}`, `verdict`, `why`, `why_zh`. */
void fit_verdict_write(clade_json *json, const fit_verdict *verdict);

#endif

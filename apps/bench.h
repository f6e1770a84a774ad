/* What clade bench can judge: models of sequences, one row of a table for each; customer vectors;
 * models of a column of yes and no. */
#ifndef CLADE_APPS_BENCH_H
#define CLADE_APPS_BENCH_H

#include "clade/judge.h"
#include "command.h"

/** A model that was fitted and can be asked the test cases. */
typedef struct bench_fitted {
    clade_scorer scorer;
    char         settings[160]; /* as tuned, for the reader: "reach 4, half_life 0.5" */
    double       validation;    /* the figure it was chosen by; NAN when there is none */
    double       seconds;       /* of tuning and fitting */
    double       tokens_per_s;  /* events learnt from in a second of training; NAN: not trained */
    void        *self;
    void (*free_self)(void *self); /* may be NULL */
} bench_fitted;

/**
 * A model that can be judged. `fit` sees the split's training logs and validation cases and nothing
 * else of it; what it gives is freed through free_self.
 */
typedef struct bench_model {
    const char   *name;
    bool          baseline; /* part of all-baselines */
    command_words summary;
    bool (*applies)(const clade_split *split); /* NULL: always */
    clade_status (*fit)(bench_fitted *out, const command *c, const clade_split *split,
                        clade_error *err);
} bench_model;

enum { BENCH_MODELS_MAX = 16 };

/** Every model, baselines first; ends with a NULL name. A new model is one more row. */
extern const bench_model bench_models[];

/** A model's answer under the protocol. */
typedef struct bench_result {
    const bench_model *model;
    bench_fitted       fitted; /* its scorer is gone by then */
    clade_judgement    judgement;
} bench_result;

/** bench_behaviour.c; reads the verb's options for it. */
clade_status bench_fit_behaviour(bench_fitted *out, const command *c, const clade_split *split,
                                 clade_error *err);

/** bench vectors WORKSPACE, in bench_vectors.c. */
clade_status bench_vectors(command *c, clade_error *err);

/** bench table PATH --target COLUMN, in bench_table.c. */
clade_status bench_table(command *c, clade_error *err);

void bench_print(command *c, const clade_sequence_file *file, const clade_split *split,
                 const bench_result *result, size_t n_results);
void bench_write(command *c, const clade_sequence_file *file, const clade_split *split,
                 int64_t min_item_count, const bench_result *result, size_t n_results);

#endif

/* What the parts of session share. */
#ifndef CLADE_ENGINE_PREDICT_SESSION_INTERNAL_H
#define CLADE_ENGINE_PREDICT_SESSION_INTERNAL_H

#include "predict_internal.h"

#include "clade/session.h"

enum { CLADE__SESSION_CELLS = 12, CLADE__SESSION_WORDS = 12 };

/* Words of the log (devices, channels) and what they say of buying; others say 0. */
typedef struct clade__session_words {
    size_t n;
    char   word[CLADE__SESSION_WORDS][32];
    double value[CLADE__SESSION_WORDS];
} clade__session_words;

struct clade_session_model {
    clade_session_card card;
    double             rule[CLADE__SESSION_CELLS];                             /* log-odds */
    double       mean[CLADE_SESSION_FEATURES], spread[CLADE_SESSION_FEATURES]; /* of signed logs */
    double       slope[CLADE_SESSION_FEATURES]; /* of the linear model, a spread */
    double       base;
    clade_trees *trees;
    int          rounds;
    size_t       penalty;          /* which of the path */
    double       intercept, scale; /* of the calibration */
    clade__session_words device, channel;
};

/* Columns: those that words fill come last. */
enum { CLADE__SESSION_DEVICE = CLADE_SESSION_FEATURES - 2, CLADE__SESSION_CHANNEL };
void clade__session_fill(float *out, const clade_session_state *state,
                         const clade_session_model *model);
/* Which cell of the rule: six sizes, without and with something in the cart. */
size_t clade__session_cell(const float *row);

/* Prefixes of visits, one customer's after another's. */
typedef struct clade__session_rows {
    size_t               n, room;
    float               *x; /* (n, CLADE_SESSION_FEATURES); of words their index, NAN: unknown */
    int64_t             *start_us, *end_us; /* (n) of the visit */
    uint8_t             *yes;               /* (n) bought later in the visit */
    uint8_t             *first;             /* (n) the one prefix of the visit that judges */
    uint8_t             *is_new;            /* (n) of a visitor without a visit before */
    uint64_t            *hash;              /* (n) of the visit */
    size_t               n_visits, n_bought;
    clade__session_words device, channel; /* in the order they were met */
} clade__session_rows;
clade_status clade__session_read(clade__session_rows *out, clade_store *store, int64_t until_us,
                                 uint64_t seed, clade_error *err);
void         clade__session_rows_free(clade__session_rows *rows);
/* Margins of one member. x (n, CLADE_SESSION_FEATURES) with words filled in. */
clade_status clade__session_margin(double *out, const clade_session_model *m,
                                   clade_session_member member, const float *x, size_t n,
                                   clade_error *err);

#endif

/*
 * What is answered from memory: made by a thread of its own from the store, then constant. The loop
 * thread takes a new one over and frees the old one when the last question that uses it is
 * answered.
 *
 * A customer's row is the customer's number, so a profile is a few array reads. What each customer
 * takes: 4 segments, a score a task (value and bounds), ten items with scores, six counts, the
 * name.
 */
#ifndef CLADE_SERVER_MODEL_H
#define CLADE_SERVER_MODEL_H

#include "server_internal.h"

#include "clade/predict.h"
#include "clade/segments.h"
#include "clade/shop_behaviour.h"

enum {
    CLADE__TOP     = 10, /* items kept of each customer */
    CLADE__MOST    = 50, /* that may be asked for */
    CLADE__TASKS   = 16,
    CLADE__SEGMENT = -1 /* of nobody */
};

typedef struct clade__popular {
    char   ref[128];
    char   name[200];
    double n; /* customers of the last 90 days */
} clade__popular;

typedef struct clade__task {
    char            *name;
    clade_predictor *predictor;
    float           *value, *low, *high; /* (n) NAN where it does not ask about a customer */
} clade__task;

struct clade__model {
    int64_t  as_of_us; /* INT64_MIN: nothing is stored yet */
    int64_t  made_us;
    uint64_t stored_seq; /* of the journal: all up to it is in here */
    double   seconds;    /* that the making took */
    char     currency[4];

    size_t       n;       /* customer numbers */
    uint32_t    *name_at; /* (n) in names, 0: nobody can be named so */
    clade_buffer names;   /* each ended by a NUL */
    uint32_t    *index;   /* (n_index) customer + 1, or 0; by hash of the name */
    size_t       n_index;
    uint64_t     index_seed;
    /* Forgetting changes names on the loop while a worker may read them: whoever forgets, and every
     * reader that is not the loop, holds this. */
    pthread_mutex_t names_mutex;

    int64_t *first_us, *last_us; /* (n) INT64_MIN: no event */
    int32_t *n_events, *n_orders;
    int64_t *spend_minor; /* net */

    clade_segmentation *segmentation[CLADE_N_SEGMENT_KIND]; /* NULL: not made */
    int64_t             version[CLADE_N_SEGMENT_KIND];
    int8_t             *segment[CLADE_N_SEGMENT_KIND]; /* (n) or CLADE__SEGMENT */
    size_t              n_members[CLADE_N_SEGMENT_KIND][CLADE_SEGMENTS_MAX];
    int64_t             spend_of[CLADE_N_SEGMENT_KIND][CLADE_SEGMENTS_MAX];     /* of 90 days */
    clade_text          segment_json[CLADE_N_SEGMENT_KIND][CLADE_SEGMENTS_MAX]; /* as in answers */
    clade_arena        *arena; /* of the study's tree and of names */
    clade_buffer        study_text;
    clade_json_tree     study; /* n 0: none */

    size_t             n_tasks;
    clade__task        task[CLADE__TASKS];
    clade_predictions *predictions; /* opened by the first explanation; the store's mutex */

    clade_features *features;    /* of everybody as of as_of_us; NULL */
    int32_t        *feature_row; /* (n) or -1 */

    clade_shop_behaviour   *behaviour; /* NULL: no fit */
    clade_shop_histories   *histories;
    clade_recommend_options options;
    clade_recommender      *recommender;
    pthread_mutex_t         recommend_mutex;
    uint32_t               *top_item; /* (n, CLADE__TOP) 0: none */
    float                  *top_score;
    clade_buffer            item_json; /* `"item":..,"name":..` of each */
    uint32_t               *item_at;   /* (n_items + 1) */
    size_t                  n_popular;
    clade__popular          popular[CLADE__MOST];

    int  users; /* requests that wait with it; loop thread */
    bool retired;
};

/* Read everything. Holds the store a part at a time. */
clade_status clade__model_make(clade__model **out, clade_server *server, clade_error *err);
/* Parts of it, in model_scores.c and model_items.c. */
clade_status clade__model_read_scores(clade__model *model, clade_store *store, clade_error *err);
clade_status clade__model_read_items(clade__model *model, clade_store *store, clade_error *err);
/* Ten items for everybody out of what was read: without the store. */
clade_status clade__model_rank_items(clade__model *model, clade_error *err);
void         clade__model_free(clade__model *model);
/* The number of an outside id, or -1. About 100 ns. */
int64_t     clade__model_find(const clade__model *model, const char *id);
const char *clade__model_name(const clade__model *model, int64_t customer); /* NULL: none */
/* Nothing in memory says anything of the customer any more. */
void clade__model_forget(clade__model *model, int64_t customer);

/* The segment called "key" or "kind:key". In segments.c. */
bool clade__segment_find(clade_segment_kind *out_kind, int *out_segment, const clade__model *model,
                         const char *name);

#endif

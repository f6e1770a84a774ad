/* What the files of this module share. */
#ifndef CLADE__FEATURES_INTERNAL_H
#define CLADE__FEATURES_INTERNAL_H

#include "clade/features.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The text of stages.sql, embedded when the build is configured. */
extern const char clade__stages_sql[];

/* A line above this many minor units (10^11 of a currency with cents) counts as this much: such
 * values are input errors, and sums of their squares must stay in 128 bits. */
#define CLADE__LINE_LIMIT INT64_C(10000000000000)

/* What the `{names}` in a stage or in the SQL of a feature stand for. */
typedef struct clade__as_of {
    int64_t as_of_us;
    bool    test_orders; /* some events are flagged as such */
    double  minor;       /* minor units in one unit of the shop's currency */
    int     year;        /* of as-of, on the shop's clock */
    char   *local;       /* SQL: what to add to at_us to get the shop's clock; owned */
} clade__as_of;

/* Read currency and zone of the workspace and the span of its log. End with clade__as_of_end. */
clade_status clade__as_of_begin(clade__as_of *out, clade_store *store, int64_t as_of_us,
                                clade_error *err);
void         clade__as_of_end(clade__as_of *as_of);
/* Append SQL with every {name} replaced. An unknown name is a mistake in our own text: assert. */
void clade__sql_expand(clade_buffer *out, const char *sql, size_t size, const clade__as_of *as_of);

/* One table of stages.sql, expanded. */
typedef struct clade__stage {
    char         name[32];
    clade_buffer sql;
} clade__stage;
enum { CLADE__MAX_STAGES = 48 };
/* All stages in order, ready to run. The caller frees each sql. */
clade_status clade__stages_make(clade__stage *out, size_t *out_n, const clade__as_of *as_of,
                                clade_error *err);
/* The statement that reads the stages: customer, then one DOUBLE for every feature. */
void clade__final_make(clade_buffer *out, const clade__as_of *as_of);
/* Names that ClickHouse has and DuckDB lacks, beyond those of the store. */
extern const char clade__feature_macros[];

#endif

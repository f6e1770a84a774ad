/* Pieces of SQL that the query of a rule and the reading of history share, so that both see the
 * same events and the same money. */
#ifndef CLADE_RULES_SQL_H
#define CLADE_RULES_SQL_H

#include "rules_internal.h"

/** Make the names that the SQL uses, and find what the store says of its money and its test orders.
 */
CLADE_MUST_USE clade_status clade__sql_ready(double *out_minor, bool *out_has_void,
                                             clade_store *store, clade_error *err);
void                        clade__sql_text(clade_buffer *out, const char *text, bool fold);
/** Whose events count, and until when. */
typedef struct clade__log {
    int64_t as_of_us;
    bool    has_void;
    int64_t customer; /* -1: everybody's */
} clade__log;
/** The rows of `event` that count, as a subquery in parentheses; of one kind, or NULL for all.
 * Written out wherever it is read, so that an engine scans the few columns and kinds that are asked
 * for. */
void clade__sql_events(clade_buffer *out, const clade__log *log, const char *kind);
/** A query: item and what is read of it (ref, category, brand), one row an item. */
void clade__sql_items(clade_buffer *out, int64_t as_of_us, const bool reads[3]);
/** A query: every purchase and refund, with what it adds to spend (`net`), the moment of its order
 *  (`order_us`), and whether it is a line of an order that stands. */
void clade__sql_lines(clade_buffer *out, const clade__log *log);

#endif

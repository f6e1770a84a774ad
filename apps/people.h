/* Lists of customers on their way out: names unsealed, cells that no spreadsheet runs, a file that
 * is whole or not there. Used by export and by the look-alikes. */
#ifndef CLADE_APPS_PEOPLE_H
#define CLADE_APPS_PEOPLE_H

#include "command.h"

typedef enum people_format { PEOPLE_CSV, PEOPLE_JSONL, PEOPLE_PARQUET } people_format;

/** What --format says, else what the ending of `path` says, else CSV. */
CLADE_MUST_USE clade_status people_format_of(people_format *out, const command *c, const char *path,
                                             clade_error *err);
const char                 *people_format_name(people_format format);

/**
 * Outside ids of customers in any order; NULL for those that were forgotten. All of it lives in the
 * command's arena.
 */
CLADE_MUST_USE clade_status people_names(char ***out_name, command *c, clade_store *store,
                                         const int64_t *customer, size_t n, clade_error *err);

/** Fails with CLADE_ERR_REFUSED when a group of n is smaller than the workspace lets out. */
CLADE_MUST_USE clade_status people_enough(const command *c, size_t n, const char *group,
                                          clade_error *err);

/**
 * A list in the making. Cells of a row come in the order of the columns; texts that a spreadsheet
 * would take for a formula (= + - @ tab, return) get an apostrophe in CSV. The rows go to a file
 * beside `path`, which takes its place in people_finish; without a path CSV and JSON lines go to
 * stdout.
 */
typedef struct people_list  people_list;
CLADE_MUST_USE clade_status people_start(people_list **out_list, const char *path,
                                         people_format format, const char *const *column,
                                         const bool *is_text, size_t n_columns, clade_error *err);
void                        people_text(people_list *list, const char *text); /* NULL: no value */
void                        people_number(people_list *list, double value);   /* NAN: no value */
/** After the last cell of a row. Fails when the disk does. */
CLADE_MUST_USE clade_status people_row(people_list *list, clade_error *err);
CLADE_MUST_USE clade_status people_finish(people_list *list, clade_store *store, clade_error *err);
/** Accepts NULL. A list that was not finished leaves nothing behind. */
void people_close(people_list *list);

#endif

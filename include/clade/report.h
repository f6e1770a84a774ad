/**
 * The report: one HTML page about a shop's customers, to read, print and forward.
 *
 * The page stands alone: no network, no script, no font of its own, under a strict content security
 * policy, in English or Chinese, light or dark as the reader's screen is. Customers appear as
 * counts only, and counts below CLADE_REPORT_MIN_GROUP that could single somebody out are blurred.
 */
#ifndef CLADE_REPORT_H
#define CLADE_REPORT_H

#include "clade/store.h"

enum {
    CLADE_REPORT_MIN_GROUP = 20,      /* fewer customers in a cell are shown as "<20" */
    CLADE_REPORT_MAX_BYTES = 1000000, /* a page is smaller, whatever the shop */
};

typedef struct clade_report_options {
    bool        zh;      /* Chinese, else English */
    const char *version; /* of clade, for the last lines; NULL leaves it out */
} clade_report_options;

/**
 * Write the page about the last study of the workspace.
 *
 * Reads the study's JSON and definitions, computes the features of two moments (the study's and 90
 * days before), and scans sales once.
 *
 * @param out             Appended to. Holds part of a page on failure.
 * @param out_n_sections  Sections on the page; may be NULL.
 * @param options         NULL means English.
 * @return CLADE_ERR_NOT_READY when nothing was segmented yet; CLADE_ERR_DATA when the study cannot
 *         be read.
 *
 * Repeatable  Same workspace, same bytes: no clock is asked, the moment is the study's.
 * Cost        Two feature matrices (4 bytes x customers x features, both at once) and one scan of
 *             sales.
 */
CLADE_API CLADE_MUST_USE clade_status clade_report_write(clade_buffer *out, size_t *out_n_sections,
                                                         clade_store                *store,
                                                         const clade_report_options *options,
                                                         clade_error                *err);

/** What clade_report_save wrote. */
typedef struct clade_report_written {
    char   path[4096];
    size_t bytes;
    size_t n_sections;
} clade_report_written;

/**
 * Write the page to a file, which is replaced whole or not at all.
 *
 * @param path  NULL means reports/report.html inside the workspace.
 * @return What clade_report_write returns; CLADE_ERR_IO naming the path.
 */
CLADE_API CLADE_MUST_USE clade_status clade_report_save(clade_report_written *out,
                                                        clade_store *store, const char *path,
                                                        const clade_report_options *options,
                                                        clade_error                *err);

#endif

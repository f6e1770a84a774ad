/* Loading small texts into a workspace of a test's own, and asking for one number. */
#ifndef CLADE_TEST_LOAD_HELP_H
#define CLADE_TEST_LOAD_HELP_H

#include "check.h"

#include "clade/ingest.h"
#include "clade/run.h"

#include <stdlib.h>
#include <string.h>

#define TEST_NOW INT64_C(1700000000000000) /* 2023-11-14 22:13:20 UTC */

typedef struct shop {
    char         folder[256];
    char         workspace[300];
    char         path[300];
    clade_store *store;
} shop;

static inline void shop_open(shop *s)
{
    const clade_store_options options = { .create = true, .n_threads = 2 };
    clade_error               err     = { 0 };
    const clade_status        status  = clade_store_open(&s->store, s->workspace, &options, &err);
    if (status != CLADE_OK) print_error("%s\n", err.message);
    assert_int_equal(status, CLADE_OK);
}

static inline shop shop_make(void)
{
    shop s = { 0 };
    clade_log_set(CLADE_LOG_WARN);
    check_folder_make(s.folder, "load");
    snprintf(s.workspace, sizeof s.workspace, "%s/my.clade", s.folder);
    shop_open(&s);
    return s;
}

static inline void shop_remove(shop *s)
{
    clade_store_close(s->store);
    check_folder_remove(s->folder);
}

/* Load files; fails the test with the error's words. Free the report. */
static inline clade_load_report shop_load(shop *s, const char *const *paths, size_t n,
                                          const clade_load_options *options)
{
    clade_load_options with   = options == NULL ? (clade_load_options){ 0 } : *options;
    clade_load_report  report = { 0 };
    clade_error        err    = { 0 };
    if (with.now_us == 0) with.now_us = TEST_NOW;
    const clade_status status = clade_load_files(&report, s->store, paths, n, &with, &err);
    if (status != CLADE_OK) print_error("%s (%s)\n", err.message, err.hint);
    assert_int_equal(status, CLADE_OK);
    assert_true(report.n_read == report.n_stored + report.n_duplicate + report.n_quarantined);
    return report;
}

/* Load one text as a file of that name. */
static inline clade_load_file shop_load_text(shop *s, const char *name, const char *text,
                                             const clade_load_options *options)
{
    snprintf(s->path, sizeof s->path, "%.250s/%.40s", s->folder, name);
    check_write(s->path, text, strlen(text));
    const char       *path   = s->path;
    clade_load_report report = shop_load(s, &path, 1, options);
    clade_load_file   file   = report.file[0];
    clade_load_report_free(&report);
    file.path = file.mapping = NULL; /* they went with the report */
    return file;
}

static inline int64_t shop_int(shop *s, const char *sql)
{
    int64_t            value  = 0;
    clade_error        err    = { 0 };
    const clade_status status = clade_store_int(&value, s->store, sql, NULL, 0, -999, &err);
    if (status != CLADE_OK) print_error("%s\n", err.message);
    assert_int_equal(status, CLADE_OK);
    return value;
}

#define shop_is(s, wanted, sql) assert_int_equal(shop_int((s), (sql)), (wanted))

#endif

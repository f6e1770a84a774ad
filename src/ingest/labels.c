/* Labels of the user's own, from a file: who, how much, and when it was learnt. */
#include "clade/ingest.h"
#include "clade/reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ON_ITS_WAY = -1 /* load of rows that are not told from those there yet */ };
enum { WHO, VALUE, WHEN, N_PARTS };

static const char *const part_names[N_PARTS][6] = {
    { "customer", "customer_id", "id", "user_id", "客户", "客户编号" },
    { "value", "label", "target", "y", "标签", "值" },
    { "at", "date", "time", "moment", "时间", "日期" },
};

/* Which column is which; a file needs all three. */
static clade_status find_columns(size_t out[N_PARTS], const clade_reader *reader, const char *path,
                                 clade_error *err)
{
    for (size_t part = 0; part < N_PARTS; part++) {
        out[part] = SIZE_MAX;
        for (size_t c = 0; c < clade_reader_n_columns(reader); c++) {
            const clade_text name = clade_text_of(clade_reader_column(reader, c));
            for (size_t k = 0; k < 6; k++)
                if (clade_text_equal_nocase(name, clade_text_of(part_names[part][k])))
                    out[part] = c;
        }
        if (out[part] == SIZE_MAX)
            return clade_fail(err, CLADE_ERR_DATA,
                              "%s: no column called %s, %s or %s: labels need customer, value, at",
                              path, part_names[part][0], part_names[part][1], part_names[part][2]);
    }
    return CLADE_OK;
}

static bool parse_value(double *out, const char *text)
{
    static const char *const yes[] = { "yes", "true", "y", "是" }, *const no[] = { "no", "false",
                                                                                   "n", "否" };
    char *end = NULL;
    for (size_t k = 0; k < 4; k++) {
        if (clade_text_equal_nocase(clade_text_of(text), clade_text_of(yes[k])))
            *out = 1;
        else if (clade_text_equal_nocase(clade_text_of(text), clade_text_of(no[k])))
            *out = 0;
        else
            continue;
        return true;
    }
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out);
}

/* A field as a text of its own; false when it is missing or too long. */
static bool copy_field(char out[256], clade_text field)
{
    const clade_text text = field.data == NULL ? field : clade_text_trim(field);
    if (text.data == NULL || text.size == 0 || text.size >= 256) return false;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

/* One label; the message says what could not be read. */
static clade_status parse_row(double *out_value, int64_t *out_us, const clade_row *row,
                              const size_t column[N_PARTS], const char *path, clade_error *err)
{
    char text[256];
    if (row->bad != NULL)
        return clade_fail(err, CLADE_ERR_DATA, "%s: line %lld: %s", path, (long long)row->line,
                          row->bad);
    if (!copy_field(text, row->fields[column[VALUE]]) || !parse_value(out_value, text))
        return clade_fail(err, CLADE_ERR_DATA, "%s: line %lld: the value is no number, yes or no",
                          path, (long long)row->line);
    if (!copy_field(text, row->fields[column[WHEN]]) ||
        clade_time_parse(out_us, text, NULL) != CLADE_OK)
        return clade_fail(err, CLADE_ERR_DATA,
                          "%s: line %lld: the moment cannot be read, wanted 2011-09-10 or RFC 3339",
                          path, (long long)row->line);
    return CLADE_OK;
}

static clade_status append_rows(clade_labels_report *report, clade_store *store, const char *name,
                                clade_reader *reader, const char *path, clade_error *err)
{
    clade_appender *to   = NULL;
    clade_row       row  = { 0 };
    bool            more = true;
    size_t          column[N_PARTS], at = 0;
    CLADE_TRY(find_columns(column, reader, path, err));
    clade_status status = clade_appender_open(&to, store, "label", err);
    while (status == CLADE_OK &&
           (status = clade_reader_next(&row, &more, reader, err)) == CLADE_OK && more) {
        double  value = 0;
        int64_t at_us = 0;
        report->rows_read++;
        status = parse_row(&value, &at_us, &row, column, path, err);
        if (status != CLADE_OK) break;
        const clade_text who = row.fields[column[WHO]];
        const int64_t    customer =
            who.data == NULL ? -1 : clade_identity_find(store, clade_text_trim(who));
        if (customer < 0) {
            report->rows_unknown++;
            continue;
        }
        ((int64_t *)clade_appender_column(to, 0))[at] = customer;
        clade_appender_null(to, 1, at);
        clade_appender_text(to, 2, at, clade_text_of(name));
        ((double *)clade_appender_column(to, 3))[at]  = value;
        ((int64_t *)clade_appender_column(to, 4))[at] = at_us;
        ((int64_t *)clade_appender_column(to, 5))[at] = ON_ITS_WAY;
        if (++at == CLADE_APPENDER_ROWS) {
            status = clade_appender_flush(to, at, err);
            at     = 0;
        }
    }
    if (status == CLADE_OK && at > 0) status = clade_appender_flush(to, at, err);
    if (status == CLADE_OK) status = clade_appender_finish(to, err);
    clade_appender_close(to);
    return status;
}

/* Those that are not there yet, once each; load 0: they came with no load. */
static const char settle_sql[] =
    "INSERT INTO label SELECT customer, NULL, name, value, at_us, 0 FROM (SELECT customer, name,"
    " value, at_us FROM label WHERE load = -1 EXCEPT SELECT customer, name, value, at_us FROM label"
    " WHERE load <> -1); DELETE FROM label WHERE load = -1";

static clade_status count_labels(int64_t *out, clade_store *store, clade_error *err)
{
    return clade_store_int(out, store, "SELECT count(*) FROM label", NULL, 0, 0, err);
}

clade_status clade_labels_load(clade_labels_report *out, clade_store *store, const char *name,
                               const char *path, clade_error *err)
{
    clade_labels_report report = { 0 };
    clade_reader       *reader = NULL;
    int64_t             before = 0, after = 0;
    if (name[0] == '\0') return clade_fail(err, CLADE_ERR_ARG, "labels need a name");
    CLADE_TRY(clade_reader_open(&reader, path, store, err));
    clade_status status = clade_store_begin(store, err);
    if (status == CLADE_OK) {
        status = count_labels(&before, store, err);
        if (status == CLADE_OK) status = append_rows(&report, store, name, reader, path, err);
        if (status == CLADE_OK) status = clade_store_run(store, settle_sql, NULL, 0, err);
        if (status == CLADE_OK) status = count_labels(&after, store, err);
        if (status == CLADE_OK) {
            status = clade_store_commit(store, err);
        } else {
            clade_store_rollback(store);
        }
    }
    clade_reader_close(reader);
    if (status != CLADE_OK) return status;
    report.rows_stored    = after - before;
    report.rows_duplicate = report.rows_read - report.rows_unknown - report.rows_stored;
    *out                  = report;
    return CLADE_OK;
}

/* The page as a whole: facts first, then the sections in their order, then a file that is replaced
 * whole. */
#include "clade/report.h"
#include "internal.h"
#include "sections.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

clade_status facts_gather(facts *out, clade_store *store, bool zh, clade_arena *arena,
                          clade_error *err)
{
    *out = (facts){ .arena = arena, .zh = zh };
    CLADE_TRY(facts_study(out, store, err));
    CLADE_TRY(facts_sales(out, store, err));
    CLADE_TRY(facts_quality(out, store, err));
    CLADE_TRY(facts_predictions(out, store, err));
    return facts_people(out, store, err);
}

/* The hash that allows our own style sheet and no other: the policy names it in base 64. */
static void base64_of_hex(char out[48], const char *hex)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t           bytes[33] = { 0 };
    size_t            n         = 0;
    for (size_t i = 0; i < 32; i++) {
        const char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        bytes[i]           = (uint8_t)strtoul(pair, NULL, 16);
    }
    for (size_t i = 0; i < 33; i += 3) {
        const uint32_t three =
            (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        for (int k = 3; k >= 0; k--)
            out[n++] = digits[three >> (6 * k) & 63];
    }
    out[43] = '=';
    out[44] = '\0';
}

static void open_page(page *p, const facts *f)
{
    char hash[48];
    base64_of_hex(hash, CLADE_REPORT_STYLE_SHA256);
    page_put(p,
             "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
             "'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"referrer\" content=\"no-referrer\">\n<title>",
             p->zh ? "zh-CN" : "en", hash);
    page_say(p, W_TITLE, clade_arena_text(f->arena, f->workspace.data, f->workspace.size));
    page_put(p, "</title>\n<style>");
    clade_buffer_text(p->out, clade__report_style);
    page_put(p, "</style>\n</head>\n<body>\n"
                "<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
                "<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
                "patternTransform=\"rotate(45)\"><rect class=\"hb0\" width=\"6\" height=\"6\"/>"
                "<line class=\"hb\" x1=\"2\" x2=\"2\" y1=\"0\" y2=\"6\"/></pattern>"
                "<pattern id=\"dots\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">"
                "<rect class=\"ft\" width=\"5\" height=\"5\"/>"
                "<circle class=\"node\" cx=\"2.5\" cy=\"2.5\" r=\"0.8\"/></pattern>"
                "</defs></svg>\n<main>\n");
}

static const struct {
    const char *anchor;
    word_id     title;
    void (*write)(page *p, const facts *f);
} sections[] = {
    { "segments", W_SEG_TITLE, section_segments },
    { "cards", W_CARDS_TITLE, section_cards },
    { "views", W_VIEWS_TITLE, section_views },
    { "flows", W_FLOWS_TITLE, section_flows },
    { "spread", W_SPREAD_TITLE, section_spread },
    { "lift", W_LIFT_TITLE, section_lift },
    { "predict", W_PREDICT_TITLE, section_predict },
    { "quality", W_QUALITY_TITLE, section_quality },
};
enum { N_SECTIONS = sizeof sections / sizeof sections[0] };

/* Predictions are shown where there are any; every other section says itself what is missing. */
static bool shown(size_t section, const facts *f)
{
    return sections[section].write != section_predict || f->n_predictions > 0;
}

static void contents(page *p, const facts *f)
{
    page_put(p, "<nav aria-label=\"");
    page_word(p, W_CONTENTS);
    page_put(p, "\">");
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (!shown(i, f)) continue;
        page_put(p, "<a href=\"#%s\">", sections[i].anchor);
        page_word(p, sections[i].title);
        page_put(p, "</a> ");
    }
    page_between(p, "<a href=\"#about\">", W_ABOUT_TITLE, "</a></nav>\n");
}

clade_status clade_report_write(clade_buffer *out, size_t *out_n_sections, clade_store *store,
                                const clade_report_options *options, clade_error *err)
{
    const clade_report_options none   = { 0 };
    const clade_report_options o      = options == NULL ? none : *options;
    clade_arena               *arena  = clade_arena_create(0);
    facts                     *f      = CLADE_NEW(facts, 1);
    clade_status               status = CLADE_OK;
    if (arena == NULL || f == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the report");
        goto done;
    }
    status = facts_gather(f, store, o.zh, arena, err);
    if (status != CLADE_OK) goto done;

    page p = { .out = out, .zh = o.zh, .minor = f->minor };
    memcpy(p.currency, f->currency, sizeof p.currency);
    open_page(&p, f);
    section_head(&p, f);
    contents(&p, f);
    size_t n_sections = 2; /* the head and the end */
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (!shown(i, f)) continue;
        sections[i].write(&p, f);
        n_sections++;
    }
    section_about(&p, f, o.version);
    page_between(&p, "<footer>", W_FOOT, "</footer>\n</main>\n</body>\n</html>\n");
    if (out->failed) status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the report's page");
    if (out_n_sections != NULL && status == CLADE_OK) *out_n_sections = n_sections;
done:
    free(f);
    clade_arena_free(arena);
    return status;
}

/* ---------------------------------------------------------------- the file */

static clade_status write_file(const char *path, const clade_buffer *text, clade_error *err)
{
    char         part[4160];
    clade_status status = CLADE_OK;
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "wb");
    if (file == NULL) {
        return clade_fail(err, CLADE_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    }
    bool failed = fwrite(text->data, 1, text->size, file) != text->size;
    failed      = fflush(file) != 0 || failed;
    failed      = fsync(fileno(file)) != 0 || failed;
    failed      = fclose(file) != 0 || failed;
    if (failed || rename(part, path) != 0) {
        status = clade_fail(err, CLADE_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
        (void)unlink(part);
    }
    return status;
}

clade_status clade_report_save(clade_report_written *out, clade_store *store, const char *path,
                               const clade_report_options *options, clade_error *err)
{
    clade_buffer         text    = { 0 };
    clade_status         status  = CLADE_OK;
    clade_report_written written = { 0 };
    if (path == NULL) {
        char folder[4096];
        CLADE_TRY(clade_store_path(folder, sizeof folder, store, "reports", err));
        CLADE_TRY(
            clade_store_path(written.path, sizeof written.path, store, "reports/report.html", err));
        if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
            return clade_fail(err, CLADE_ERR_IO, "%s: cannot be made: %s", folder, strerror(errno));
        }
    } else if ((size_t)snprintf(written.path, sizeof written.path, "%s", path) >=
               sizeof written.path) {
        return clade_fail(err, CLADE_ERR_ARG, "a path of more than %zu bytes cannot be written to",
                          sizeof written.path - 1);
    }
    status = clade_report_write(&text, &written.n_sections, store, options, err);
    if (status == CLADE_OK) status = write_file(written.path, &text, err);
    written.bytes = text.size;
    clade_buffer_free(&text);
    if (status == CLADE_OK) *out = written;
    return status;
}

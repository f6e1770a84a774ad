/*
 * The console: its pages out of memory, packed when they were built. index.html is asked for anew
 * each time and mostly answered by 304; all others have a hash in their name and are kept for ever.
 */
#include "console.h"

#include "clade/inflate.h"
#include "server_internal.h"

enum { PLAIN_MOST = 8 << 20 };

static const clade__page *find(const char *name)
{
    for (const clade__page *page = clade__pages; page->name != NULL; page++)
        if (strcmp(page->name, name) == 0) return page;
    return NULL;
}

/* Packed as it is, or unpacked for a client that does not take gzip. */
static void send_page(clade__request *q, const clade__page *page)
{
    const char *const accepted = clade__header(q, "Accept-Encoding");
    const clade_text  packed   = { (const char *)page->data, page->size };
    clade_error       err      = { 0 };
    clade_buffer_clear(&q->out);
    q->status       = 200;
    q->content_type = page->type;
    clade__header_set(q, "X-Content-Type-Options", "nosniff");
    if (accepted != NULL && strstr(accepted, "gzip") != NULL) {
        clade_buffer_append(&q->out, packed.data, packed.size);
        clade__header_set(q, "Content-Encoding", "gzip");
    } else if (clade_inflate(&q->out, packed, PLAIN_MOST, &err) != CLADE_OK) {
        clade__problem_of(q, &err);
    }
}

void clade__get_console(clade__request *q)
{
    static const char absent[]     = "The console was not built into this clade: node and npm were "
                                     "not there. GET /openapi.json lists what the server answers.\n";
    const clade__page *const index = find("index.html");
    if (index == NULL) {
        clade_buffer_clear(&q->out);
        clade_buffer_text(&q->out, absent);
        q->status       = 200;
        q->content_type = "text/plain; charset=utf-8";
        return;
    }
    send_page(q, index);
    clade__header_set(q, "Content-Security-Policy",
                      "default-src 'self'; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'");
    clade__header_set(q, "Referrer-Policy", "no-referrer");
    clade__etag(q);
}

void clade__get_console_file(clade__request *q)
{
    const clade__page *const page = find(q->param[0]);
    if (page == NULL || strcmp(page->name, "index.html") == 0) {
        clade__problem(q, 404, "no_such_file", "reload the page: the server was renewed",
                       "the console has no such file");
        return;
    }
    send_page(q, page);
    clade__header_set(q, "Cache-Control", "public, max-age=31536000, immutable");
    clade__header_set(q, "Vary", "Accept-Encoding");
}

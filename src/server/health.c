/* Is it alive, is it ready, and what does it offer. */
#include "intake.h"

void clade__get_livez(clade__request *q)
{
    clade_json json = clade__json(q);
    clade_json_put_text(&json, "status", "ok");
    clade__json_end(q, &json);
}

void clade__get_readyz(clade__request *q)
{
    if (q->server->stops > 0) {
        clade__problem(q, 503, "stopping", "ask another server", "the server is stopping");
        return;
    }
    if (q->server->intake->disk != (int)CLADE_OK) {
        clade__problem(q, 503, "disk", "look at the free space", "the disk does not take events");
        return;
    }
    clade_json json = clade__json(q);
    clade_json_put_text(&json, "status", "ok");
    clade__json_end(q, &json);
}

void clade__get_openapi(clade__request *q)
{
    clade_buffer_clear(&q->out);
    clade_buffer_text(&q->out, clade__openapi_json);
    q->status       = 200;
    q->content_type = "application/json";
    clade__etag(q);
}

const char *clade_server_openapi(void)
{
    return clade__openapi_json;
}

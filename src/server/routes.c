/* Every route, in the order of the document. */
#include "server_internal.h"

const clade__route clade__routes[] = {
    { CLADE__GET, "/", CLADE__OPEN, clade__get_console },
    { CLADE__GET, "/assets/{file}", CLADE__OPEN, clade__get_console_file },
    { CLADE__GET, "/livez", CLADE__OPEN, clade__get_livez },
    { CLADE__GET, "/readyz", CLADE__OPEN, clade__get_readyz },
    { CLADE__GET, "/metrics", CLADE__OPEN, clade__get_metrics },
    { CLADE__GET, "/openapi.json", CLADE__OPEN, clade__get_openapi },
    { CLADE__POST, "/v1/identify", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/track", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/page", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/screen", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/group", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/alias", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/batch", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/t", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/i", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/p", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/g", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/a", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/s", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/v1/b", CLADE__WRITE, clade__post_events },
    { CLADE__POST, "/mp/collect", CLADE__WRITE, clade__post_events },
    { CLADE__GET, "/v1/projects/{key}/settings", CLADE__OPEN, clade__get_settings },
    { CLADE__POST, "/v1/validate", CLADE__WRITE, clade__post_validate },
    { CLADE__GET, "/v1/dead-letters", CLADE__ADMIN, clade__get_dead_letters },
    { CLADE__GET, "/v1/customers/{id}", CLADE__READ, clade__get_customer },
    { CLADE__DELETE, "/v1/customers/{id}", CLADE__ADMIN, clade__delete_customer },
    { CLADE__GET, "/v1/customers/{id}/segments", CLADE__READ, clade__get_customer_segments },
    { CLADE__GET, "/v1/customers/{id}/recommendations", CLADE__READ, clade__get_recommendations },
    { CLADE__GET, "/v1/customers/{id}/events", CLADE__READ, clade__get_events },
    { CLADE__GET, "/v1/customers/{id}/explanation", CLADE__READ, clade__get_explanation },
    { CLADE__GET, "/v1/segments", CLADE__READ, clade__get_segments },
    { CLADE__GET, "/v1/segments/{name}", CLADE__READ, clade__get_segment },
    { CLADE__GET, "/v1/segments/{name}/members", CLADE__READ, clade__get_members },
    { CLADE__GET, "/v1/segments/{name}/flows", CLADE__READ, clade__get_flows },
    { CLADE__GET, "/v1/segments/{name}/watch", CLADE__READ, clade__get_watch },
    { CLADE__GET, "/v1/transitions", CLADE__READ, clade__get_transitions },
    { CLADE__GET, "/v1/models", CLADE__READ, clade__get_models },
    { CLADE__GET, "/v1/quality", CLADE__READ, clade__get_quality },
    { CLADE__POST, "/v1/lookalike", CLADE__READ, clade__post_lookalike },
    { CLADE__POST, "/ofrep/v1/evaluate/flags", CLADE__READ, clade__post_flags },
    { CLADE__POST, "/ofrep/v1/evaluate/flags/{key}", CLADE__READ, clade__post_flag },
    { CLADE__POST, "/v1/refresh", CLADE__ADMIN, clade__post_refresh },
    { CLADE__GET, "/v1/keys", CLADE__ADMIN, clade__get_keys },
    { CLADE__POST, "/v1/keys", CLADE__ADMIN, clade__post_key },
    { CLADE__DELETE, "/v1/keys/{id}", CLADE__ADMIN, clade__delete_key },
    { CLADE__GET, NULL, CLADE__OPEN, NULL },
};

clade_server_route clade_server_route_get(size_t nth)
{
    static const char *const method[] = { "GET", "POST", "PUT", "DELETE" };
    return (clade_server_route){ method[clade__routes[nth].method], clade__routes[nth].pattern };
}

/* Every route, in the order of the document. */
#include "server_internal.h"

const clade__route clade__routes[] = {
    { CLADE__GET, "/livez", CLADE__OPEN, clade__get_livez },
    { CLADE__GET, "/readyz", CLADE__OPEN, clade__get_readyz },
    { CLADE__GET, "/metrics", CLADE__OPEN, clade__get_metrics },
    { CLADE__GET, "/openapi.json", CLADE__OPEN, clade__get_openapi },
    { CLADE__GET, NULL, CLADE__OPEN, NULL },
};

clade_server_route clade_server_route_get(size_t nth)
{
    static const char *const method[] = { "GET", "POST", "PUT", "DELETE" };
    return (clade_server_route){ method[clade__routes[nth].method], clade__routes[nth].pattern };
}

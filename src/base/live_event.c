/* The words for the kinds of a live event. */
#include "clade/live_event.h"

#include <assert.h>

const char *clade_live_kind_name(clade_live_kind kind)
{
    static const char *const names[CLADE_N_LIVE_KIND] = {
        "view",   "search", "click", "cart",  "uncart", "checkout", "purchase", "refund",
        "review", "login",  "wish",  "share", "custom", "identify", "alias",
    };
    assert(kind >= 0 && kind < CLADE_N_LIVE_KIND);
    return names[kind];
}

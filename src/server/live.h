/* What came since the answers in memory were made. On the loop thread. */
#ifndef CLADE_SERVER_LIVE_H
#define CLADE_SERVER_LIVE_H

#include "server_internal.h"

#include "clade/live_event.h"

/* An event that is durable, in the order of the journal. */
void clade__live_apply(clade_server *server, const clade_live_event *event, uint64_t seq);
/* The same for segments by rule; in rules.c. */
void clade__rules_event(clade_server *server, const clade_live_event *event, clade_text id,
                        uint64_t seq);
/* A new model has everything up to `seq`. */
void clade__live_keep_after(clade_server *server, uint64_t seq);

#endif

/* Random rules, and random logs that lie on the edges of their windows. */
#ifndef TEST_RANDOM_RULES_H
#define TEST_RANDOM_RULES_H

#include "clade/rules.h"
#include "clade/run.h"

/* A rule that uses every part of the grammar sooner or later. `n_others` rules s0, s1, ... may be
 * named as segments. */
void random_rule(clade_buffer *out, clade_rng *rng, size_t n_others);

enum { LOG_DAYS = 20 };
#define LOG_BEGIN_US INT64_C(1704067200000000) /* 2024-01-01 */

/* Statements that fill an empty workspace with a log of n_customers for LOG_DAYS: ties, missing
 * values, refunds of purchases and of nothing, orders of several lines, attributes told again,
 * customers and events that do not count. Events are numbered from 0. */
void random_log(clade_buffer *sql, clade_rng *rng, size_t n_customers, size_t n_events);

#endif

/* Small shops with awkward values, for tests that hold for every shop. */
#ifndef TEST_RANDOM_SHOP_H
#define TEST_RANDOM_SHOP_H

#include "clade/features.h"

/* A moment in the middle of the random shop's years, at midnight UTC: 2024-05-01. */
#define RANDOM_SHOP_AS_OF INT64_C(1714521600000000)

/* Statements that fill an empty workspace. Equal seeds, equal shops. Events lie on both sides of
 * RANDOM_SHOP_AS_OF. Seeds choose what the shop lacks: sessions, hours, prices, refunds, ... */
void random_shop_write(clade_buffer *sql, uint64_t seed);

#endif

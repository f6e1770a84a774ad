/* The behaviour model once more, in double and without any cleverness: what the fast one is held
 * to. */
#ifndef CLADE_TEST_REFERENCE_H
#define CLADE_TEST_REFERENCE_H

#include "models/sequence/behaviour_internal.h"

/**
 * Loss of the tokens (sum of weight times cross-entropy over the whole catalogue, and 1.3 times
 * that of coming back, 0.9 times that of past against future) at parameters theta (at.n).
 * out_hidden (N, d) may be NULL; chance as in the fast passes; contrast gives customers and items
 * of the cuts.
 */
double reference_loss(double *out_hidden, const clade_behaviour *model, const double *theta,
                      const clade__tokens *tokens, const clade__chance *chance,
                      const clade__contrast *contrast);

#endif

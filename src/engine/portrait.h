/* What the parts of a portrait share: which features people can read, round numbers, rules. */
#ifndef CLADE_ENGINE_PORTRAIT_H
#define CLADE_ENGINE_PORTRAIT_H

#include "clade/portraits.h"

/** Features that a rule or a points card may speak of: those whose number means something by itself
 *  to a shopkeeper. Entropies, deviations, coefficients of variation and shrunken scores do not. */
bool clade__feature_readable(const clade_feature *feature);
/** (n_features) 1 for readable ones. NULL when there is no memory. */
uint8_t *clade__features_readable(size_t n_features);

/** The number with the fewest digits in [low, high], low <= high; 0 when it lies between. */
double clade__roundest(double low, double high);
/** The number of so many significant digits that is nearest to `value`. */
double clade__round_digits(double value, int digits);

/** Persona sentences, from what is known of the typical member. NAN for what is not known. */
typedef struct clade__typical {
    double orders, spend, days_since_order; /* medians of members; spend in major units */
    double events, days_since_event;        /* for those who never bought */
    double p_return;                        /* share that came back within 90 days */
    double spend_if_returned;               /* mean of those who did, in major units */
} clade__typical;
void clade__persona_write(clade_buffer *out, const clade__typical *typical, const char *currency,
                          bool zh);

/** Fill rule, n_rules, rules_precision and rules_recall of every portrait. */
clade_status clade__rules_make(clade_portrait *portraits, double *out_fidelity,
                               const clade_portraits_input *input, clade_error *err);

/** A sample of rows without repeats, rising: min(n, limit) of them. NULL without memory. */
uint32_t *clade__portrait_sample(size_t *out_n, size_t n, size_t limit, uint64_t seed,
                                 const char *stream);

#endif

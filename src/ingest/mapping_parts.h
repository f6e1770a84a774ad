/* The parts of a mapping: names that shops use, and values as they write them. Ours alone. */
#ifndef CLADE_MAPPING_PARTS_H
#define CLADE_MAPPING_PARTS_H

#include "clade/mapping.h"

enum { CLADE__NAME_BYTES = 128 }; /* of a normalised name */

/** Lower case, without blanks, punctuation and what stands in parentheses; full-width letters
 * become ASCII. Returns the length; longer names are cut. */
size_t clade__name_normalise(char out[CLADE__NAME_BYTES], clade_text name);

/** One thing a name may mean. */
typedef struct clade__meaning {
    clade_field field;
    int         weight; /* 1..100 */
} clade__meaning;

/** What the dictionary says about a name, best first. Returns the number, 0 when nothing. */
size_t clade__name_meanings(clade__meaning out[4], clade_text name);
/** A name that is certainly a column name and not a value: used to tell a header. */
bool clade__mapping_knows(clade_text name);

/** An export that is known as a whole: the names that prove it, and what they mean there. */
typedef struct clade__profile {
    const char *name;
    clade_shape shape;
    const char *proof; /* normalised names, all of which are there, separated by blanks */
    const char *means; /* "theirs=ours" pairs separated by blanks */
} clade__profile;
const clade__profile *clade__profile_find(const char *const *columns, size_t n_columns);

/** Fields that several columns may have: personal data, attributes, and what is ignored. */
bool clade__field_may_repeat(clade_field field);
/** Whether rows of a shape have a place for a field. */
bool clade__shape_has(clade_shape shape, clade_field field);
/** The shape that the fields alone speak for. */
clade_shape clade__shape_of(const clade_mapping *mapping);

/* ---------------------------------------------------------------- values (mapping_look.c) */

/* What the values of a column look like. */
typedef struct clade__looks {
    size_t n; /* with a value */
    size_t number, integer, fraction, negative, signed_money;
    size_t time_text, time_digits, clock; /* written as moments */
    size_t epoch[4];                      /* plausible as [1] s, [2] ms, [3] us */
    size_t excel;                         /* plausible as Excel days */
    size_t email, phone, list, wide, three_letters, blank_inside;
    size_t first_above_12, second_above_12; /* of dates with three numbers, year last */
    size_t undecided_dates, dotted_dates;
    size_t comma_decimals, point_decimals; /* numbers that prove their decimal mark */
    size_t n_distinct, bytes;
    double smallest, largest;
    char   currency[4];
} clade__looks;

/** The part of the values that have something, 0 where there is none. */
static inline double clade__share(size_t n, const clade__looks *look)
{
    return look->n == 0 ? 0.0 : (double)n / (double)look->n;
}

/** Look at one column of a sample of n_rows rows of n_columns texts, row-major. `seen` has n_seen
 * slots, a power of two above twice the rows. */
void clade__look_at_column(clade__looks *out, const clade_text *sample, size_t n_rows,
                           size_t n_columns, size_t column, uint64_t *seen, size_t n_seen);
/** 0..1: how well the values of a column go with a field. */
double clade__fits(clade_field field, const clade__looks *look);

#endif

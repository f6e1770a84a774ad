/* What the parts of the rule language share: the tree, and the words of the grammar. */
#ifndef CLADE_RULES_INTERNAL_H
#define CLADE_RULES_INTERNAL_H

#include "clade/rules.h"

#include <assert.h>

enum { CLADE__ANY_KIND = CLADE_N_RULE_KIND, CLADE__N_NOUN };
#define CLADE__NEVER     INT64_MIN               /* no moment: nothing happened, no lower end */
#define CLADE__MONEY_MAX INT64_C(10000000000000) /* as features cut what a line may be worth */

typedef enum clade__node_type {
    CLADE__OR,
    CLADE__AND,
    CLADE__NOT,
    CLADE__COUNT,
    CLADE__SUM,
    CLADE__SPEND,
    CLADE__DISTINCT,
    CLADE__FIRST,
    CLADE__LAST,
    CLADE__SEQUENCE,
    CLADE__FACT_NUMBER,
    CLADE__FACT_TEXT,
    CLADE__FACT_EXISTS,
    CLADE__SEGMENT,
} clade__node_type;

typedef enum clade__op {
    CLADE__EQ,
    CLADE__NE,
    CLADE__LT,
    CLADE__LE,
    CLADE__GT,
    CLADE__GE,
    CLADE__CONTAINS
} clade__op;
extern const char *const clade__op_text[]; /* "=", ... in the order of the ops */

/* What a filter looks at. Those below CLADE__FIRST_NUMBER_FIELD are texts. */
typedef enum clade__field {
    CLADE__ITEM,
    CLADE__CATEGORY,
    CLADE__BRAND,
    CLADE__CHANNEL,
    CLADE__DEVICE,
    CLADE__QUERY,
    CLADE__PRICE,
    CLADE__QUANTITY,
    CLADE__AMOUNT,
    CLADE__N_FIELD
} clade__field;
#define CLADE__FIRST_NUMBER_FIELD CLADE__PRICE
extern const char *const clade__field_name[CLADE__N_FIELD];

/* What `distinct` counts. */
typedef enum clade__thing {
    CLADE__ITEMS,
    CLADE__CATEGORIES,
    CLADE__BRANDS,
    CLADE__SESSIONS,
    CLADE__DAYS,
    CLADE__ORDERS,
    CLADE__N_THING
} clade__thing;
extern const char *const clade__thing_name[CLADE__N_THING];

typedef struct clade__noun {
    const char *noun, *past; /* "view", "viewed" */
    const char *also[3];     /* other words for it */
} clade__noun;
extern const clade__noun clade__nouns[CLADE__N_NOUN]; /* the last is any event */

typedef struct clade__filter {
    clade__field field;
    clade__op    op;
    double       number;
    const char  *text;
} clade__filter;

/* Events of one kind that pass every filter. */
typedef struct clade__subject {
    int           kind; /* a clade_rule_kind, or CLADE__ANY_KIND */
    size_t        n_filters;
    clade__filter filter[CLADE_RULE_MAX_FILTERS];
} clade__subject;

typedef struct clade__step {
    clade__subject subject;
    int64_t        gap_us; /* at most after the step before; 0: any time after it */
} clade__step;

typedef struct clade__node clade__node;
struct clade__node {
    clade__node_type type;
    clade__op        op;
    double           number;    /* compared with */
    int64_t          span_us;   /* compared with, by FIRST and LAST */
    int64_t          within_us; /* of the window; 0: all of life */
    int64_t          since_us;  /* of the window; CLADE__NEVER: none */
    int              what;      /* SUM: field; DISTINCT: thing */
    const char      *name;      /* FACT, SEGMENT */
    const char      *text;      /* FACT_TEXT */
    clade__subject  *subject;
    size_t           n_steps;
    clade__step     *step;
    size_t           n_children; /* OR, AND: two or more; NOT: one */
    clade__node     *child, *next;
    size_t           at; /* byte of the text it begins at */
};

struct clade_rule_tree {
    clade_arena *arena;
    clade__node *root;
    size_t       n_tests, n_segments, n_facts;
    const char  *segment[CLADE_RULE_MAX_TESTS], *fact[CLADE_RULE_MAX_TESTS];
};

/* ASCII letters made small, as comparisons of rules see them. */
static inline char clade__fold(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}
/* Does a text pass a filter's comparison? Missing (data NULL) passes none. */
bool clade__text_passes(clade_text value, clade__field field, clade__op op, const char *wanted);
bool clade__number_passes(double value, clade__op op, double wanted);

/* Is this a word of the grammar, which a name must not look like? */
bool clade__is_word(const char *name, size_t size);
void clade__print_number(clade_buffer *out, double number);

#endif

/* A set of rules made ready: what is remembered of a customer, and what each event and fact
 * touches.
 *
 * The tests of all rules ask for few different things. A *stream* is what must be remembered of the
 * events of one subject: moments (and one number or key beside each) inside the longest window
 * asked of it, or running totals where all of life is asked for. A *step* is a subject of a
 * sequence, of which the two latest moments are kept at which it was reached. A *fact* is the
 * newest value under a name. Each knows the rules that must be looked at when it changes. */
#ifndef CLADE_RULES_SET_H
#define CLADE_RULES_SET_H

#include "rules_internal.h"

enum { CLADE__NO_SLOT = UINT16_MAX, CLADE__NO_LIST = UINT16_MAX };
enum { CLADE__WORDS = (CLADE_RULESET_MAX + 63) / 64 };

/* What stands beside the moments of a stream. */
typedef enum clade__payload {
    CLADE__MOMENTS, /* nothing */
    CLADE__TOTAL,   /* a number that is summed */
    CLADE__KEYS,    /* a key, each once, with its latest moment */
    CLADE__NET,     /* what a line adds to spend, by the moment of its order */
} clade__payload;

typedef struct clade__touched {
    size_t    n;
    uint16_t *rule;
} clade__touched;

typedef struct clade__stream {
    clade__subject subject;
    clade__payload payload;
    int            what;     /* TOTAL: field; KEYS: thing */
    int64_t        since_us; /* CLADE__NEVER: none */
    int64_t        keep_us;  /* the longest window; INT64_MAX: for ever; 0: no list */
    uint32_t       keep_n;   /* the latest ones that can matter; UINT32_MAX: all */
    uint16_t       list;     /* or CLADE__NO_LIST */
    uint16_t       count, total, first, last, stands, valued; /* slots or CLADE__NO_SLOT */
    clade__touched touched;
} clade__stream;

typedef struct clade__reach {
    clade__subject subject;
    int64_t        gap_us, since_us;
    uint16_t       slot;    /* latest moment; the one before it is in slot + 1 */
    bool           opens;   /* first step */
    clade__touched touched; /* of the last step */
} clade__reach;

typedef struct clade__known {
    clade__node_type type;
    const char      *name; /* "segment/NAME" too */
    const char      *text; /* FACT_TEXT: what it is compared with */
    clade__op        op;   /* FACT_TEXT: EQ or CONTAINS */
    uint16_t         slot; /* moment; the value is in slot + 1 */
    clade__touched   touched;
} clade__known;

/* One step of a rule's program, in postfix order. */
typedef struct clade__code {
    clade__node_type type; /* OR, AND: of the two values on top */
    clade__op        op;
    double           number;
    int64_t          span_us, within_us;
    double           unit; /* SUM, SPEND: what one is counted in */
    uint16_t         of;   /* stream; SEQUENCE: last reach; FACT: known; SEGMENT: rule */
    bool             is_rule;
} clade__code;

typedef struct clade__program {
    const char    *name;
    uint16_t       n_code;
    clade__code   *code;
    clade__touched needed_by; /* rules that ask whether the customer is in this one */
} clade__program;

/* Which streams and steps the events of a kind are shown to. */
typedef struct clade__shown {
    size_t    n_reaches, n_streams;
    uint16_t *reach, *stream;
} clade__shown;

struct clade_ruleset {
    clade_arena    *arena;
    uint64_t        hash; /* of names and rules: a state belongs to one set */
    double          minor;
    size_t          n_rules, n_streams, n_reaches, n_knowns, n_slots, n_lists;
    clade__program *rule;
    uint16_t       *order; /* rules, each behind those it needs */
    clade__stream  *stream;
    clade__reach   *reach;
    clade__known   *known;
    clade__shown    shown[CLADE_N_RULE_KIND];
    uint8_t        *list_width; /* bytes of an entry of each list: 8 or 16 */
    size_t          slots_at, next_at, truth_at, lists_at, entries_at; /* bytes in a block */
};

#endif

/* Words, numbers and signs of a rule, one at a time. */
#ifndef CLADE_RULES_LEX_H
#define CLADE_RULES_LEX_H

#include "rules_internal.h"

typedef enum clade__token_type {
    CLADE__END,
    CLADE__WORD,   /* a keyword or a name */
    CLADE__NUMBER, /* number */
    CLADE__SPAN,   /* us: 30d */
    CLADE__DATE,   /* us: 2026-01-31 */
    CLADE__TEXT,   /* text, without its quotes and escapes */
    CLADE__SIGN,   /* ( ) , = != < <= > >= */
} clade__token_type;

typedef struct clade__token {
    clade__token_type type;
    size_t            at, size; /* bytes of the rule */
    double            number;
    int64_t           us;
    const char       *text; /* TEXT: of the arena */
} clade__token;

typedef struct clade__lexer {
    clade_text   rule;
    size_t       at;
    clade_arena *arena;
    clade_error *err;
} clade__lexer;

CLADE_MUST_USE clade_status clade__lex(clade__token *out, clade__lexer *lexer);

/* Fail with a sentence about the place `at`, the rule below it and a caret. The hint, where there
 * is a candidate near to `word`, is that it may have been meant. */
clade_status clade__mistake(const clade__lexer *lexer, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void clade__suggest(const clade__lexer *lexer, const char *word, size_t size,
                    const char *const *candidates, size_t n);

#endif

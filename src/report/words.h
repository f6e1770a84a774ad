/* Every message of the report, in English and Chinese: words.inc has one line a message. */
#ifndef CLADE_REPORT_WORDS_H
#define CLADE_REPORT_WORDS_H

#include <stdbool.h>

typedef enum word_id {
#define WORD(name, en, zh) W_##name,
#include "words.inc"
#undef WORD
    N_WORDS
} word_id;

const char *word_of(word_id id, bool zh);

#endif

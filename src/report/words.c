/* The catalogue as a table. */
#include "words.h"

static const char *const words[N_WORDS][2] = {
#define WORD(name, en, zh) { en, zh },
#include "words.inc"
#undef WORD
};

const char *word_of(word_id id, bool zh)
{
    return words[id][zh];
}

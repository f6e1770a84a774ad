/* Any bytes as the vocabulary of a model: refused, or the same when it is written and read again;
 * and as the words of a search. */
#include "fuzz.h"

#include "clade/event_sequences.h"
#include "features/sequences_internal.h"

static void round_trip(const clade_vocabulary *vocabulary)
{
    clade_buffer      first = { 0 }, second = { 0 };
    clade_json        json  = clade_json_start(&first, 0);
    clade_json        again = clade_json_start(&second, 0);
    clade_vocabulary *back  = NULL;

    clade_vocabulary_write(&json, vocabulary);
    FUZZ_CHECK(!first.failed);
    FUZZ_CHECK(clade_vocabulary_read(&back, (clade_text){ first.data, first.size }, NULL) ==
               CLADE_OK);
    clade_vocabulary_write(&again, back);
    FUZZ_CHECK(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    for (uint32_t i = 1; i <= vocabulary->n_items; i++)
        FUZZ_CHECK(clade_vocabulary_find(back, vocabulary->item[i]) == i);
    clade_vocabulary_free(back);
    clade_buffer_free(&first);
    clade_buffer_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const clade_text  text                    = { (const char *)data, size };
    clade_vocabulary *vocabulary              = NULL;
    uint32_t          word[CLADE_QUERY_WORDS] = { 0 };
    bool              ended                   = false;

    if (clade_vocabulary_read(&vocabulary, text, NULL) == CLADE_OK) round_trip(vocabulary);
    clade_vocabulary_free(vocabulary);
    clade__query_words(word, text);
    for (size_t i = 0; i < CLADE_QUERY_WORDS; i++) {
        FUZZ_CHECK(word[i] <= CLADE_QUERY_BUCKETS && !(ended && word[i] != 0));
        ended = word[i] == 0;
    }
    return 0;
}

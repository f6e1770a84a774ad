/* Words and the numbers they get: channels, brands, categories by how frequent they are; words of
 * searches by their hash. Looked up once an event, so a look-up is one hash and mostly one probe.
 */
#include "sequences_internal.h"

void clade__words_free(clade__word_table *table)
{
    free(table->word);
    free(table->slot);
    *table = (clade__word_table){ .arena = table->arena };
}

/* Where a word is or would be. The table is never more than half full. */
static size_t probe(const clade__word_table *table, clade_text text, uint64_t hash)
{
    const size_t mask = table->n_slots - 1;
    size_t       at   = hash & mask;
    while (table->slot[at] != 0) {
        const clade__word *word = &table->word[table->slot[at] - 1];
        if (word->hash == hash && clade_text_equal(word->text, text)) break;
        at = (at + 1) & mask;
    }
    return at;
}

static bool widen(clade__word_table *table)
{
    const size_t    n_slots = table->n_slots == 0 ? 64 : 2 * table->n_slots;
    uint32_t *const slot    = CLADE_NEW(uint32_t, n_slots);
    if (slot == NULL) return false;
    free(table->slot);
    table->slot    = slot;
    table->n_slots = n_slots;
    for (size_t i = 0; i < table->n; i++) {
        const clade__word *word                           = &table->word[i];
        table->slot[probe(table, word->text, word->hash)] = (uint32_t)i + 1;
    }
    return true;
}

uint32_t clade__words_add(clade__word_table *table, clade_text text)
{
    const uint64_t hash = clade_hash64(text.data, text.size, 0);
    if (2 * (table->n + 1) > table->n_slots && !widen(table)) return UINT32_MAX;
    const size_t at = probe(table, text, hash);
    if (table->slot[at] != 0) {
        table->word[table->slot[at] - 1].n++;
        return table->slot[at] - 1;
    }
    const char *const copy = clade_arena_text(table->arena, text.data, text.size);
    if (copy == NULL || !CLADE_GROW(&table->word, &table->capacity, table->n + 1))
        return UINT32_MAX;
    table->word[table->n] = (clade__word){ .text = { copy, text.size }, .hash = hash, .n = 1 };
    table->slot[at]       = (uint32_t)++table->n;
    return (uint32_t)table->n - 1;
}

uint32_t clade__words_number(const clade__word_table *table, clade_text text)
{
    if (table->n == 0) return 0;
    const size_t at = probe(table, text, clade_hash64(text.data, text.size, 0));
    return table->slot[at] == 0 ? 0 : table->word[table->slot[at] - 1].number;
}

static int compare_text(clade_text a, clade_text b)
{
    const size_t shorter = a.size < b.size ? a.size : b.size;
    const int    order   = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_frequency(const void *a, const void *b)
{
    const clade__word *x = *(const clade__word *const *)a, *y = *(const clade__word *const *)b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : compare_text(x->text, y->text);
}

bool clade__words_rank(clade_words *out, clade__word_table *table, uint32_t most)
{
    const uint32_t n     = table->n < most ? (uint32_t)table->n : most;
    clade__word  **order = CLADE_NEW(clade__word *, table->n);
    const char   **name  = CLADE_ARENA_NEW(table->arena, const char *, n);
    if (order == NULL || name == NULL) {
        free(order);
        return false;
    }
    for (size_t i = 0; i < table->n; i++)
        order[i] = &table->word[i];
    qsort(order, table->n, sizeof *order, by_frequency);
    for (uint32_t i = 0; i < n; i++) {
        order[i]->number = i + 1;
        name[i]          = order[i]->text.data;
    }
    free(order);
    *out = (clade_words){ n, name };
    return true;
}

bool clade__words_of(clade__word_table *out, const clade_words *words, clade_arena *arena)
{
    *out = (clade__word_table){ .arena = arena };
    for (uint32_t i = 0; i < words->n; i++) {
        const uint32_t at = clade__words_add(out, clade_text_of(words->name[i]));
        if (at == UINT32_MAX) return false;
        out->word[at].number = i + 1;
    }
    return true;
}

/* ---------------------------------------------------------------- bands */

uint32_t clade__price_band(double log2_price, double log2_centre)
{
    const double middle = (CLADE_PRICE_BANDS + 1) / 2;
    const double band   = middle + floor(2 * (log2_price - log2_centre) + 0.5);
    if (!isfinite(band)) return 0;
    return (uint32_t)fmin(fmax(band, 1), CLADE_PRICE_BANDS);
}

uint32_t clade__quantity_band(double quantity)
{
    if (!isfinite(quantity) || quantity <= 0) return 0;
    if (quantity < 1) return 1;
    return (uint32_t)fmin(2 + ilogb(quantity), CLADE_QUANTITY_BANDS);
}

/* ---------------------------------------------------------------- words of a search */

enum { WORD_BYTES_MAX = 64 };

/* Scripts that put no blank between words: two characters that follow each other stand for one. */
static bool is_unspaced(uint32_t point)
{
    return (point >= 0x3040 && point <= 0x30ff) || (point >= 0x3400 && point <= 0x9fff) ||
           (point >= 0xac00 && point <= 0xd7af) || (point >= 0xf900 && point <= 0xfaff) ||
           (point >= 0x20000 && point <= 0x3ffff);
}

static bool is_letter(uint32_t point)
{
    if (point < 0x80) {
        return (point >= '0' && point <= '9') || (point >= 'a' && point <= 'z') ||
               (point >= 'A' && point <= 'Z');
    }
    /* Latin-1 signs, general punctuation, CJK punctuation and full-width signs are none. */
    return !(point < 0xc0 || (point >= 0x2000 && point <= 0x206f) ||
             (point >= 0x3000 && point <= 0x303f) || (point >= 0xff00 && point <= 0xff0f));
}

/* A code point at `at`, and its length: 0 behind the end and where the text is no UTF-8. */
static size_t point_at(uint32_t *out, clade_text text, size_t at)
{
    *out = 0;
    return at < text.size ? clade_utf8_decode(out, text.data + at, text.size - at) : 0;
}

static uint32_t bucket_of(const char *word, size_t size)
{
    return 1 + (uint32_t)(clade_hash64(word, size, 0) % CLADE_QUERY_BUCKETS);
}

/* The run of letters at `at` as a bucket, capital ASCII letters as small ones. Returns its end. */
static size_t letters_at(uint32_t *out, clade_text query, size_t at)
{
    char     word[WORD_BYTES_MAX];
    uint32_t point = 0;
    size_t   size  = 0, step;
    while ((step = point_at(&point, query, at)) > 0 && is_letter(point) && !is_unspaced(point)) {
        if (size + step <= WORD_BYTES_MAX) {
            memcpy(word + size, query.data + at, step);
            if (point >= 'A' && point <= 'Z') word[size] = (char)(point - 'A' + 'a');
            size += step;
        }
        at += step;
    }
    *out = bucket_of(word, size);
    return at;
}

void clade__query_words(uint32_t out[CLADE_QUERY_WORDS], clade_text query)
{
    size_t n = 0, at = 0;
    bool   in_pair = false; /* the character at `at` is the second of a pair */

    memset(out, 0, CLADE_QUERY_WORDS * sizeof *out);
    while (at < query.size && n < CLADE_QUERY_WORDS) {
        uint32_t     point = 0, next = 0;
        const size_t step = point_at(&point, query, at);
        if (step > 0 && is_unspaced(point)) {
            const size_t after = point_at(&next, query, at + step);
            const bool   pair  = after > 0 && is_unspaced(next);
            if (pair || !in_pair) out[n++] = bucket_of(query.data + at, step + (pair ? after : 0));
            in_pair = pair;
            at += step;
        } else if (step > 0 && is_letter(point)) {
            at = letters_at(&out[n++], query, at);
        } else {
            at += step == 0 ? 1 : step;
        }
    }
}

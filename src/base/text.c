/* Slices, nearest names, hashes, and amounts as people read them. */
#include "clade/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

enum { NEAREST_MAX_BYTES = 63 };

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool clade_text_equal_nocase(clade_text a, clade_text b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++) {
        if (fold(a.data[i]) != fold(b.data[i])) return false;
    }
    return true;
}

/* Length of a blank at the start of data, or 0. Blanks of other scripts are two or three bytes. */
static size_t blank_at(const char *data, size_t size)
{
    const unsigned char c = (unsigned char)data[0];
    if (c <= ' ') return 1;
    if (size >= 2 && c == 0xC2 && (unsigned char)data[1] == 0xA0) return 2; /* U+00A0 */
    if (size >= 3 && memcmp(data, "\xE3\x80\x80", 3) == 0) return 3;        /* U+3000 */
    if (size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) return 3;        /* U+FEFF */
    return 0;
}

clade_text clade_text_trim(clade_text text)
{
    size_t blank;
    while (text.size > 0 && (blank = blank_at(text.data, text.size)) > 0) {
        text.data += blank;
        text.size -= blank;
    }
    while (text.size > 0) {
        const char *end = text.data + text.size;
        if ((unsigned char)end[-1] <= ' ') {
            text.size -= 1;
        } else if (text.size >= 2 && blank_at(end - 2, 2) == 2) {
            text.size -= 2;
        } else if (text.size >= 3 && blank_at(end - 3, 3) == 3) {
            text.size -= 3;
        } else {
            break;
        }
    }
    return text;
}

/* Edit distance with neighbour swaps (optimal string alignment), over bytes, without case. */
static size_t edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t row[3][NEAREST_MAX_BYTES + 2];
    for (size_t j = 0; j <= n_b; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t *now = row[i % 3], *one = row[(i + 2) % 3], *two = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const bool same = fold(a[i - 1]) == fold(b[j - 1]);
            size_t     best = one[j - 1] + (same ? 0 : 1);
            if (one[j] + 1 < best) best = one[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]) && two[j - 2] + 1 < best) {
                best = two[j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return row[n_a % 3][n_b];
}

const char *clade_text_nearest(const char *word, const char *const *candidates, size_t n_candidates)
{
    const size_t n_word = strlen(word);
    const char  *best   = NULL;
    size_t       best_d = SIZE_MAX;
    if (n_word == 0 || n_word > NEAREST_MAX_BYTES) return NULL;
    for (size_t i = 0; i < n_candidates; i++) {
        const size_t n = strlen(candidates[i]);
        if (n > NEAREST_MAX_BYTES) continue;
        size_t d = edit_distance(word, n_word, candidates[i], n);
        /* Somebody who stopped typing early meant the longer word. */
        if (n_word >= 3 && n > n_word && strncmp(word, candidates[i], n_word) == 0) d = 1;
        if (d < best_d) {
            best_d = d;
            best   = candidates[i];
        }
    }
    return best_d <= 1 + n_word / 4 ? best : NULL;
}

uint64_t clade_hash64(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

/* A clade_hasher is the library's own state, whose size is not ours to know. */
clade_hasher *clade_hasher_create(void)
{
    XXH3_state_t *state = XXH3_createState();
    if (state != NULL) XXH3_64bits_reset(state);
    return (clade_hasher *)state;
}

void clade_hasher_add(clade_hasher *hasher, const void *data, size_t size)
{
    if (size > 0) XXH3_64bits_update((XXH3_state_t *)hasher, data, size);
}

uint64_t clade_hasher_value(const clade_hasher *hasher)
{
    return XXH3_64bits_digest((const XXH3_state_t *)hasher);
}

void clade_hasher_free(clade_hasher *hasher)
{
    XXH3_freeState((XXH3_state_t *)hasher); /* accepts NULL */
}

/* ISO 4217, those whose minor unit is not 2. */
int clade_currency_digits(const char currency[4])
{
    static const char *const none[]  = { "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW",
                                         "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF" };
    static const char *const three[] = { "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        if (strncmp(currency, none[i], 3) == 0) return 0;
    }
    for (size_t i = 0; i < sizeof three / sizeof three[0]; i++) {
        if (strncmp(currency, three[i], 3) == 0) return 3;
    }
    return 2;
}

/* Digits of n, with commas between groups of three when grouped. */
static size_t write_grouped(char *out, uint64_t n, bool grouped)
{
    char   plain[24];
    size_t n_plain = (size_t)snprintf(plain, sizeof plain, "%" PRIu64, n);
    size_t n_out   = 0;
    for (size_t i = 0; i < n_plain; i++) {
        if (grouped && i > 0 && (n_plain - i) % 3 == 0) out[n_out++] = ',';
        out[n_out++] = plain[i];
    }
    out[n_out] = '\0';
    return n_out;
}

void clade_money_format(char out[40], int64_t minor, const char currency[4], bool grouped)
{
    const int digits = clade_currency_digits(currency);
    uint64_t  size   = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;
    uint64_t  scale  = 1;
    size_t    n      = 0;
    for (int i = 0; i < digits; i++)
        scale *= 10;
    if (minor < 0) out[n++] = '-';
    n += write_grouped(out + n, size / scale, grouped);
    if (digits > 0) snprintf(out + n, 40 - n, ".%0*" PRIu64, digits, size % scale);
}

void clade_count_format(char out[32], int64_t count)
{
    size_t n = 0;
    if (count < 0) out[n++] = '-';
    write_grouped(out + n, count < 0 ? 0 - (uint64_t)count : (uint64_t)count, true);
}

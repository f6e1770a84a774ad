/* The dialect of a CSV file from its first text: delimiter, quote, line end, lines before the
 * header, and whether there is a header at all. Each delimiter cuts the sample; the one that gives
 * the most even table wins. Runs once for each file, over at most CLADE_READER_SNIFF_BYTES. */
#include "mapping_parts.h"
#include "reader_parts.h"

#include <math.h>

enum { MAX_ROWS = 400, MAX_CELLS = 256, MAX_PREAMBLE = 20 };

typedef struct sample {
    const char *data;
    size_t      size;
    bool        whole;
    char        quote, newline;
    bool        backslash;
} sample;

/* Cut one record at *position; cells beyond max_cells are counted only. Returns the number of
 * cells, or 0 when the record is cut by the end of the sample. */
static size_t next_record(clade_text *cell, size_t max_cells, size_t *position, const sample *s,
                          char delimiter)
{
    size_t i = *position, n = 0;
    for (;;) {
        size_t     start  = i;
        const bool quoted = i < s->size && s->data[i] == s->quote && s->quote != '\0';
        size_t     end;
        if (quoted) {
            start = ++i;
            for (; i < s->size; i++) {
                if (s->data[i] != s->quote) continue;
                if (s->backslash && i > start && s->data[i - 1] == '\\') continue;
                if (i + 1 < s->size && s->data[i + 1] == s->quote) {
                    i++;
                    continue;
                }
                if (i + 1 >= s->size || s->data[i + 1] == delimiter ||
                    s->data[i + 1] == s->newline || s->data[i + 1] == '\r') {
                    break;
                }
            }
            end = i;
            if (i < s->size) i++;
        } else {
            end = SIZE_MAX;
        }
        while (i < s->size && s->data[i] != delimiter && s->data[i] != s->newline)
            i++;
        if (end == SIZE_MAX) end = i;
        if (end > start && s->data[end - 1] == '\r') end--;
        if (n < max_cells) cell[n] = (clade_text){ s->data + start, end - start };
        n++;
        if (i >= s->size) {
            *position = i;
            return s->whole ? n : 0;
        }
        i++;
        if (s->data[i - 1] == s->newline) {
            *position = i;
            return n;
        }
    }
}

static bool blank_line(const sample *s, size_t position)
{
    return position < s->size &&
           (s->data[position] == s->newline ||
            (s->data[position] == '\r' && position + 1 < s->size && s->data[position + 1] == '\n'));
}

/* Numbers of cells of up to MAX_ROWS records, and the offset of each. */
static size_t count_cells(size_t *out_n, size_t *out_offset, const sample *s, char delimiter)
{
    size_t n_rows = 0;
    for (size_t position = 0; position < s->size && n_rows < MAX_ROWS;) {
        const size_t from = position;
        const bool   none = blank_line(s, position);
        const size_t n    = next_record(NULL, 0, &position, s, delimiter);
        if (n == 0) break;
        if (none) continue;
        out_n[n_rows]        = n;
        out_offset[n_rows++] = from;
    }
    return n_rows;
}

static size_t most_common(double *out_share, const size_t *n, size_t n_rows)
{
    size_t best = 0, best_count = 0;
    for (size_t i = 0; i < n_rows; i++) {
        size_t count = 0;
        for (size_t k = 0; k < n_rows; k++)
            count += n[k] == n[i];
        if (count > best_count) {
            best       = n[i];
            best_count = count;
        }
    }
    *out_share = n_rows == 0 ? 0.0 : (double)best_count / (double)n_rows;
    return best;
}

/* A quote stands at both ends of a cell: count those of a kind. */
static size_t count_quoted(const char *data, size_t size, char quote)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < size; i++) {
        if (data[i] != quote) continue;
        const char before = i == 0 ? '\n' : data[i - 1];
        const bool opens  = strchr(",;\t|\n\r", before) != NULL && before != '\0';
        const char after  = data[i + 1];
        const bool closes = strchr(",;\t|\n\r", after) != NULL && after != '\0';
        n += opens != closes;
    }
    return n;
}

static char guess_delimiter(size_t *out_columns, const sample *s)
{
    static const char candidate[] = { ',', '\t', ';', '|' };
    size_t            n[MAX_ROWS], offset[MAX_ROWS];
    char              best       = ',';
    double            best_score = 0.0;
    *out_columns                 = 1;
    for (size_t i = 0; i < sizeof candidate; i++) {
        double       share;
        const size_t n_rows = count_cells(n, offset, s, candidate[i]);
        const size_t common = most_common(&share, n, n_rows);
        if (common < 2) continue;
        double score = share * share * (1.0 + 0.1 * log2((double)common));
        if (n[0] != common) score *= 0.6; /* the header is cut otherwise than the rows */
        if (score > best_score + 1e-9) {
            best_score   = score;
            best         = candidate[i];
            *out_columns = common;
        }
    }
    return best;
}

/* Does a cell look like a value and not like a name? */
static bool looks_like_value(clade_text cell)
{
    cell           = clade_text_trim(cell);
    size_t n_digit = 0, n_letter = 0;
    if (cell.size == 0) return false;
    for (size_t i = 0; i < cell.size; i++) {
        const char c = cell.data[i];
        if (c == '@') return true;
        n_digit += c >= '0' && c <= '9';
        n_letter += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
    }
    return n_digit > 0 && (n_letter == 0 || (n_digit >= 6 && n_digit >= 2 * n_letter));
}

/* A header is told by a name that we know, by cells that are names above cells that are values, or
 * by names that none of the rows repeats. */
static bool guess_header(const sample *s, char delimiter, size_t from)
{
    clade_text head[MAX_CELLS], cell[MAX_CELLS];
    size_t     position = from, n_values = 0;
    size_t     n = next_record(head, MAX_CELLS, &position, s, delimiter);
    if (n == 0) return true; /* a first line longer than the sample */
    if (n > MAX_CELLS) n = MAX_CELLS;
    for (size_t i = 0; i < n; i++) {
        head[i] = clade_text_trim(head[i]);
        if (clade__mapping_knows(head[i])) return true;
        n_values += looks_like_value(head[i]);
    }
    if (n_values > 0) return false;

    for (size_t row = 0; row < 100 && position < s->size; row++) {
        const bool   none  = blank_line(s, position);
        const size_t n_row = next_record(cell, MAX_CELLS, &position, s, delimiter);
        if (n_row == 0) break;
        if (none) continue;
        for (size_t i = 0; i < n && i < n_row; i++) {
            cell[i] = clade_text_trim(cell[i]);
            if (looks_like_value(cell[i])) return true;
            if (cell[i].size > 0 && clade_text_equal(cell[i], head[i])) return false;
        }
    }
    return true;
}

/* "sep=;" is what Excel writes before the header to tell the delimiter. */
static bool excel_separator(clade__sniff *out, const char *data, size_t size)
{
    if (size < 6 || memcmp(data, "sep=", 4) != 0) return false;
    size_t end = 5;
    if (data[5] == '\r') end++;
    if (end >= size || data[end] != '\n') return false;
    out->delimiter  = data[4];
    out->skip_bytes = end + 1;
    out->skip_lines = 1;
    return true;
}

void clade__sniff_csv(clade__sniff *out, const char *data, size_t size, bool whole)
{
    size_t n[MAX_ROWS], offset[MAX_ROWS], n_columns = 0;
    double share;

    *out = (clade__sniff){ .delimiter = ',', .quote = '"', .newline = '\n', .has_header = true };
    if (memchr(data, '\n', size) == NULL && memchr(data, '\r', size) != NULL) out->newline = '\r';
    if (count_quoted(data, size, '"') == 0 && count_quoted(data, size, '\'') >= 4)
        out->quote = '\'';
    const char slash_quote[2] = { '\\', out->quote };
    out->backslash            = memmem(data, size, slash_quote, 2) != NULL;

    const bool   told = excel_separator(out, data, size);
    const sample s    = { data + out->skip_bytes, size - out->skip_bytes, whole, out->quote,
                          out->newline,           out->backslash };
    if (!told) out->delimiter = guess_delimiter(&n_columns, &s);

    /* Lines before the header have far fewer cells than the table: titles, notes, "# ..." lines. */
    const size_t n_rows = count_cells(n, offset, &s, out->delimiter);
    const size_t common = most_common(&share, n, n_rows);
    size_t       first  = 0;
    while (first + 2 < n_rows && first < MAX_PREAMBLE && n[first] != common &&
           (n[first] <= common / 2 || s.data[offset[first]] == '#')) {
        first++;
    }
    if (first + 2 >= n_rows || first == MAX_PREAMBLE || common < 3) first = 0;
    if (first > 0) {
        for (size_t i = 0; i < offset[first]; i++)
            out->skip_lines += s.data[i] == s.newline;
        out->skip_bytes += offset[first];
    }
    const size_t from = first > 0 ? offset[first] : 0;
    out->has_header   = guess_header(&s, out->delimiter, from);
    out->row_names = out->has_header && n_rows > first + 1 && n[first] + 1 == common && common > 2;
}

/* Any bytes as a small table whose mapping is guessed, written and read back; as a saved mapping;
 * as an assignment of the user; and as single values. */
#include "fuzz.h"

#include "clade/mapping.h"

enum { MAX_ROWS = 50 };

static clade_mapping guessed, back;

static void round_trip(const char *const *columns, size_t n_columns, const clade_text *sample,
                       size_t n_rows)
{
    clade_buffer json = { 0 };
    clade_error  err  = { 0 };
    clade_mapping_guess(&guessed, columns, n_columns, sample, n_rows);
    FUZZ_CHECK(guessed.n_columns == n_columns);
    for (size_t i = 0; i < n_columns; i++) {
        FUZZ_CHECK(guessed.column[i].field < CLADE_N_FIELD);
        FUZZ_CHECK(guessed.column[i].confidence >= 0 && guessed.column[i].confidence <= 1);
    }
    clade_mapping_write(&json, &guessed, columns);
    FUZZ_CHECK(!json.failed);
    FUZZ_CHECK(clade_mapping_read(&back, columns, n_columns, (clade_text){ json.data, json.size },
                                  &err) == CLADE_OK);
    for (size_t i = 0; i < n_columns; i++) {
        FUZZ_CHECK(back.column[i].field == guessed.column[i].field);
        FUZZ_CHECK(back.column[i].time_unit == guessed.column[i].time_unit);
    }
    clade_buffer_free(&json);
}

static void as_table(const char *data, size_t size)
{
    clade_reader *reader = NULL;
    clade_row     row;
    bool          more = true;
    size_t        n    = 0;
    if (clade_reader_open_memory(&reader, data, size, "fuzz.csv", NULL) != CLADE_OK) return;
    const size_t n_columns = clade_reader_n_columns(reader);
    const char **columns   = CLADE_NEW(const char *, n_columns + 1);
    clade_text  *sample    = CLADE_NEW(clade_text, n_columns * MAX_ROWS + 1);
    clade_arena *arena     = clade_arena_create(0);
    while (columns != NULL && sample != NULL && arena != NULL && n < MAX_ROWS) {
        if (clade_reader_next(&row, &more, reader, NULL) != CLADE_OK || !more) break;
        if (row.bad != NULL) continue;
        for (size_t i = 0; i < n_columns; i++) {
            const clade_text t = row.fields[i];
            sample[n * n_columns + i] =
                (clade_text){ t.data == NULL ? NULL : clade_arena_text(arena, t.data, t.size),
                              t.size };
        }
        n++;
    }
    for (size_t i = 0; i < n_columns; i++)
        columns[i] = clade_reader_column(reader, i);
    if (n_columns > 0) round_trip(columns, n_columns, sample, n);
    clade_arena_free(arena);
    free(sample);
    free((void *)columns);
    clade_reader_close(reader);
}

static void as_value(clade_text text)
{
    for (int k = 0; k < 30; k++) {
        const clade_column_map column = { .decimal_comma = k % 2 == 1,
                                          .date_order    = (clade_date_order)(k / 2 % 3),
                                          .time_unit     = k / 6 };
        int64_t                us = 0, minor = 0;
        double                 number      = 0;
        char                   currency[4] = "";
        if (clade_value_time(&us, text, &column, NULL) == NULL) {
            FUZZ_CHECK(us >= CLADE_TIME_MIN_US && us <= CLADE_TIME_MAX_US);
        }
        if (clade_value_number(&number, text, &column) == NULL) FUZZ_CHECK(number - number == 0.0);
        if (clade_value_money(&minor, currency, text, &column, k % 3 == 0 ? "JPY" : "KWD") ==
            NULL) {
            FUZZ_CHECK(minor <= INT64_C(1000000000000000000) &&
                       minor >= -INT64_C(1000000000000000000));
            FUZZ_CHECK(strlen(currency) == 3);
        }
        (void)clade_value_missing(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const columns[] = { "order_id", "date", "amount" };
    const clade_text         text      = { (const char *)data, size };
    as_table(text.data, size);
    if (clade_mapping_read(&back, columns, 3, text, NULL) == CLADE_OK)
        FUZZ_CHECK(back.n_columns == 3);

    char *word = malloc(size + 1);
    if (word == NULL) return 0;
    if (size > 0) memcpy(word, data, size);
    word[size] = '\0';
    clade_mapping_guess(&guessed, columns, 3, NULL, 0);
    if (clade_mapping_override(&guessed, columns, word, NULL) == CLADE_OK) {
        FUZZ_CHECK(guessed.shape < CLADE_N_SHAPE);
    }
    free(word);
    for (size_t i = 0, start = 0; i <= size; i++) { /* each line is a value */
        if (i < size && data[i] != '\n') continue;
        as_value((clade_text){ text.data + start, i - start });
        start = i + 1;
    }
    return 0;
}

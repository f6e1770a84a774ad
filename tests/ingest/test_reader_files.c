/* Files as they lie on a disk: packed, in several pieces, in any encoding. */
#include "reading.h"

#include <iconv.h>
#include <sys/resource.h>
#include <zlib.h>
#include <zstd.h>

static char folder[256];

static clade_reader *read_file(const char *name, const void *data, size_t size)
{
    char          path[512];
    clade_reader *reader = NULL;
    clade_error   err    = { 0 };
    snprintf(path, sizeof path, "%s/%s", folder, name);
    check_write(path, data, size);
    if (clade_reader_open(&reader, path, NULL, &err) != CLADE_OK) {
        print_error("%s\n", err.message);
        fail();
    }
    return reader;
}

static size_t gzip(unsigned char *out, size_t capacity, const char *text)
{
    z_stream z = { 0 };
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in   = (unsigned char *)(uintptr_t)text;
    z.avail_in  = (unsigned)strlen(text);
    z.next_out  = out;
    z.avail_out = (unsigned)capacity;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return capacity - z.avail_out;
}

static void gzip_of_several_members_is_one_file(void **state)
{
    (void)state;
    unsigned char packed[1024] = { 0 };
    size_t        n            = gzip(packed, 512, "a,b\n1,2\n3,");
    n += gzip(packed + n, 500, "4\n5,6\n");
    check_folder_make(folder, "reader");
    clade_reader *reader = read_file("two.csv.gz", packed, n);
    assert_string_equal(clade_reader_dialect(reader)->compression, "gzip");
    check_rows(reader, "[1][2]\n[3][4]\n[5][6]\n");
    check_rows(read_file("padded.csv.gz", packed, n + 100), "[1][2]\n[3][4]\n[5][6]\n");
    check_folder_remove(folder);
}

static void zstd_of_several_frames_is_one_file(void **state)
{
    (void)state;
    char   packed[1024];
    size_t n = ZSTD_compress(packed, 512, "a,b\n1,2\n3,", 10, 3);
    n += ZSTD_compress(packed + n, 512, "4\n5,6\n", 6, 3);
    check_folder_make(folder, "reader");
    clade_reader *reader = read_file("two.csv.zst", packed, n);
    assert_string_equal(clade_reader_dialect(reader)->compression, "zstd");
    check_rows(reader, "[1][2]\n[3][4]\n[5][6]\n");
    check_folder_remove(folder);
}

static void packed_data_that_breaks_off_is_an_error_and_not_an_end(void **state)
{
    (void)state;
    unsigned char packed[512] = { 0 };
    char          path[512];
    clade_reader *reader = NULL;
    clade_row     row;
    bool          more = true;
    clade_error   err  = { 0 };
    const size_t  n    = gzip(packed, sizeof packed, "a,b\n1,2\n3,4\n");
    check_folder_make(folder, "reader");
    snprintf(path, sizeof path, "%s/cut.csv.gz", folder);
    check_write(path, packed, n - 6);
    clade_status status = clade_reader_open(&reader, path, NULL, &err);
    while (status == CLADE_OK && more)
        status = clade_reader_next(&row, &more, reader, &err);
    assert_int_equal(status, CLADE_ERR_DATA);
    assert_non_null(strstr(err.message, "breaks off"));
    clade_reader_close(reader);
    check_folder_remove(folder);
}

static size_t convert(char *out, size_t capacity, const char *to, const char *text)
{
    iconv_t convert = iconv_open(to, "UTF-8");
    char   *from    = (char *)(uintptr_t)text;
    char   *into    = out;
    size_t  left = strlen(text), room = capacity;
    assert_true(convert != (iconv_t)-1);
    assert_int_equal(iconv(convert, &from, &left, &into, &room), 0);
    iconv_close(convert);
    return capacity - room;
}

/* One text, five encodings, the same rows. */
static void every_encoding_gives_the_same_utf8(void **state)
{
    (void)state;
    static const char text[] =
        "订单号,商品名称,金额\n1001,红色茶杯,12.5\n1002,蓝色的盘子 大号,30\n";
    static const char rows[] = "[1001][红色茶杯][12.5]\n[1002][蓝色的盘子 大号][30]\n";
    static const struct {
        const char *iconv, *name, *mark;
        size_t      n_mark;
    } encoding[] = {
        { "UTF-8", "UTF-8", "", 0 },
        { "UTF-8", "UTF-8", "\xef\xbb\xbf", 3 },
        { "UTF-16LE", "UTF-16LE", "\xff\xfe", 2 },
        { "UTF-16BE", "UTF-16BE", "\xfe\xff", 2 },
        { "GB18030", "GB18030", "", 0 },
        { "GBK", "GB18030", "", 0 },
    };
    for (size_t i = 0; i < sizeof encoding / sizeof encoding[0]; i++) {
        char data[1024];
        memcpy(data, encoding[i].mark, encoding[i].n_mark);
        const size_t n =
            encoding[i].n_mark + convert(data + encoding[i].n_mark, 1000, encoding[i].iconv, text);
        clade_reader *reader = read_text(data, n);
        assert_string_equal(clade_reader_dialect(reader)->encoding, encoding[i].name);
        assert_string_equal(clade_reader_column(reader, 0), "订单号");
        check_rows(reader, rows);
    }
}

static void windows_1252_is_told_from_gbk(void **state)
{
    (void)state;
    clade_reader *reader = READ("id,name,city\n1,Andr\xe9,K\xf6ln\n2,Zo\xeb,\x80 5\n3,Jos\xe9 "
                                "Nu\xf1"
                                "ez,M\xe1laga\n");
    assert_string_equal(clade_reader_dialect(reader)->encoding, "windows-1252");
    check_rows(reader, "[1][André][Köln]\n[2][Zoë][€ 5]\n[3][José Nuñez][Málaga]\n");
}

static void utf16_without_a_mark_is_told_by_its_zeros(void **state)
{
    (void)state;
    char          data[512];
    const size_t  n      = convert(data, sizeof data, "UTF-16LE", "id,name\n1,Tea\n2,Caf\u00e9\n");
    clade_reader *reader = read_text(data, n);
    assert_string_equal(clade_reader_dialect(reader)->encoding, "UTF-16LE");
    check_rows(reader, "[1][Tea]\n[2][Café]\n");
}

/* A megabyte of ASCII, and only then a character that says what the file is. */
static void an_encoding_that_shows_late_is_still_found(void **state)
{
    (void)state;
    static const struct {
        const char *iconv, *name, *word;
    } encoding[] = { { "GB18030", "GB18030", "红色茶杯的盘子" },
                     { "CP1252", "windows-1252", "Café" },
                     { "UTF-8", "UTF-8", "红色 Café" } };
    for (size_t k = 0; k < 3; k++) {
        clade_buffer file = { 0 };
        clade_row    row;
        bool         more;
        char         word[64];
        size_t       n_rows = 0;
        clade_buffer_text(&file, "id,name\n");
        for (int i = 0; i < 150000; i++)
            clade_buffer_format(&file, "%d,plain\n", i);
        const size_t n = convert(word, sizeof word, encoding[k].iconv, encoding[k].word);
        for (int i = 0; i < 5; i++) {
            clade_buffer_text(&file, "x,");
            clade_buffer_append(&file, word, n);
            clade_buffer_text(&file, "\n");
        }
        clade_reader *reader = read_text(file.data, file.size);
        for (;;) {
            check_ok(clade_reader_next(&row, &more, reader, NULL));
            if (!more) break;
            assert_null(row.bad);
            if (++n_rows > 150000) {
                assert_true(clade_text_equal(row.fields[1], clade_text_of(encoding[k].word)));
            }
        }
        assert_int_equal(n_rows, 150005);
        assert_string_equal(clade_reader_dialect(reader)->encoding, encoding[k].name);
        clade_reader_close(reader);
        clade_buffer_free(&file);
    }
}

static void progress_ends_at_one_and_the_hash_tells_files_apart(void **state)
{
    (void)state;
    uint64_t hash[2];
    for (int k = 0; k < 2; k++) {
        clade_reader *reader = k == 0 ? READ("a,b\n1,2\n") : READ("a,b\n1,3\n");
        clade_row     row;
        bool          more = true;
        while (more)
            check_ok(clade_reader_next(&row, &more, reader, NULL));
        check_close(clade_reader_progress(reader), 1.0, 0);
        assert_int_equal(clade_reader_bytes(reader), 8);
        hash[k] = clade_reader_hash(reader);
        clade_reader_close(reader);
    }
    assert_true(hash[0] != hash[1]);
    assert_true(hash[0] == clade_hash64("a,b\n1,2\n", 8, 0));
}

/* 64 MB stream through a window of a few: what a process holds does not follow the size of its
 * file. */
static void memory_does_not_grow_with_the_file(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their own bookkeeping grows */
#endif
    char          path[512], line[64];
    clade_reader *reader = NULL;
    clade_row     row;
    bool          more   = true;
    int64_t       n_rows = 0;
    struct rusage before, after;
    check_folder_make(folder, "reader");
    snprintf(path, sizeof path, "%s/long.csv", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("id,user_id,event_time,price\n", file);
    for (int i = 0; i < 1500000; i++) {
        const int n = snprintf(line, sizeof line, "%d,%d,2024-01-02 10:%02d:00,%d.25\n", i, i % 977,
                               i % 60, i % 300);
        assert_int_equal(fwrite(line, 1, (size_t)n, file), n);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    check_ok(clade_reader_open(&reader, path, NULL, NULL));
    for (;;) {
        check_ok(clade_reader_next(&row, &more, reader, NULL));
        if (!more) break;
        n_rows++;
    }
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_int_equal(n_rows, 1500000);
    assert_true(after.ru_maxrss - before.ru_maxrss < 8 * 1024); /* in KiB */
    clade_reader_close(reader);
    check_folder_remove(folder);
}

static void parquet_comes_as_text(void **state)
{
    (void)state;
    char                      path[512], shop[512], sql[1200];
    clade_store              *store   = NULL;
    clade_reader             *reader  = NULL;
    clade_error               err     = { 0 };
    const clade_store_options options = { .create = true };
    check_folder_make(folder, "reader");
    snprintf(shop, sizeof shop, "%s/my.clade", folder);
    snprintf(path, sizeof path, "%s/it's.parquet", folder);
    check_ok(clade_store_open(&store, shop, &options, &err));
    snprintf(sql, sizeof sql,
             "COPY (SELECT 1 AS id, 'Tea' AS \"item name\", TIMESTAMP '2011-09-10 13:05:00' AS at, "
             "[3, 4] AS items UNION ALL SELECT 2, NULL, NULL, NULL) TO '%s/it''s.parquet' (FORMAT "
             "parquet)",
             folder);
    check_ok(clade_store_run(store, sql, NULL, 0, &err));
    if (clade_reader_open(&reader, path, store, &err) != CLADE_OK) print_error("%s\n", err.message);
    assert_non_null(reader);
    assert_string_equal(clade_reader_column(reader, 1), "item name");
    check_rows(reader, "[1][Tea][2011-09-10 13:05:00][3 4]\n[2][~][~][~]\n");
    clade_store_close(store);
    check_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_of_several_members_is_one_file),
        cmocka_unit_test(zstd_of_several_frames_is_one_file),
        cmocka_unit_test(packed_data_that_breaks_off_is_an_error_and_not_an_end),
        cmocka_unit_test(every_encoding_gives_the_same_utf8),
        cmocka_unit_test(windows_1252_is_told_from_gbk),
        cmocka_unit_test(utf16_without_a_mark_is_told_by_its_zeros),
        cmocka_unit_test(an_encoding_that_shows_late_is_still_found),
        cmocka_unit_test(progress_ends_at_one_and_the_hash_tells_files_apart),
        cmocka_unit_test(memory_does_not_grow_with_the_file),
        cmocka_unit_test(parquet_comes_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The page of the demo shop: well formed, alone in the world, the same twice, and seen in a browser
 * where there is one. */
#include "run_binary.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PAGE_BYTES = 1 << 20, TAGS_MAX = 64 };
static char page_en[PAGE_BYTES], page_zh[PAGE_BYTES];

static void read_page(char *out, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", run_folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t n = fread(out, 1, PAGE_BYTES - 1, file);
    fclose(file);
    out[n] = '\0';
}

static int setup(void **state)
{
    if (run_setup(state) != 0) return -1;
    if (run_clade("", "demo shop --customers 2000 --no-events")->code != 0) return -1;
    if (run_clade("", "load my.clade shop/*.csv")->code != 0) return -1;
    return 0;
}

static void without_segments_it_says_what_to_run_first(void **state)
{
    (void)state;
    const answer *got = run_clade("", "report my.clade");
    assert_int_equal(got->code, 4);
    assert_non_null(strstr(got->err, "segment my.clade"));
}

static void the_page_is_written_where_json_says(void **state)
{
    (void)state;
    struct stat what;
    char        path[512];
    assert_int_equal(run_clade("", "segment my.clade")->code, 0);
    const answer *got = run_clade("", "report my.clade --json");
    assert_int_equal(got->code, 0);
    snprintf(path, sizeof path, "%s/my.clade/reports/report.html", run_folder);
    assert_int_equal(stat(path, &what), 0);
    assert_true(run_number(got, "bytes") == (double)what.st_size);
    assert_true(what.st_size < 1000000);
    assert_true(run_number(got, "sections") == 9);

    assert_int_equal(run_clade("", "report my.clade -o en.html")->code, 0);
    assert_int_equal(run_clade("", "report my.clade -o zh.html --lang zh")->code, 0);
    read_page(page_en, "en.html");
    read_page(page_zh, "zh.html");
}

static void the_same_workspace_gives_the_same_bytes(void **state)
{
    (void)state;
    static char again[PAGE_BYTES];
    assert_int_equal(run_clade("CLADE_THREADS=1", "report my.clade -o again.html")->code, 0);
    read_page(again, "again.html");
    assert_string_equal(again, page_en);
}

static void it_asks_no_network_and_runs_no_script(void **state)
{
    (void)state;
    static const char *const forbidden[] = { "http:", "https:",  "<script",
                                             "<link", "<iframe", "@import",
                                             " src=", " style=", "javascript:" };
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        if (strstr(page_en, forbidden[i]) != NULL) print_error("found %s\n", forbidden[i]);
        assert_null(strstr(page_en, forbidden[i]));
        assert_null(strstr(page_zh, forbidden[i]));
    }
    assert_non_null(strstr(page_en, "default-src 'none'; style-src 'sha256-"));
}

/* ---------------------------------------------------------------- well-formed */

typedef struct tag_stack {
    char   name[TAGS_MAX][16];
    size_t n;
} tag_stack;

static bool is_void(const char *name)
{
    return strcmp(name, "meta") == 0 || strcmp(name, "br") == 0;
}

/* A small checker: every tag is closed, in the order it was opened; only void ones stay open. */
static void check_tags(const char *html)
{
    static tag_stack open;
    open.n = 0;
    for (const char *at = html; (at = strchr(at, '<')) != NULL;) {
        char         name[16] = "";
        const char  *end      = strchr(at, '>');
        const bool   closes   = at[1] == '/';
        const size_t from     = closes ? 2 : 1;
        assert_non_null(end);
        if (at[1] == '!') { /* the document type */
            at = end;
            continue;
        }
        const size_t n = strcspn(at + from, " />");
        assert_true(n > 0 && n < sizeof name);
        memcpy(name, at + from, n);
        if (closes) {
            if (open.n == 0 || strcmp(open.name[open.n - 1], name) != 0) {
                print_error("</%s> closes <%s>: %.80s\n", name,
                            open.n == 0 ? "nothing" : open.name[open.n - 1], at);
                fail();
            }
            open.n--;
        } else if (end[-1] != '/' && !is_void(name)) {
            assert_true(open.n < TAGS_MAX);
            memcpy(open.name[open.n++], name, sizeof name);
        }
        at = end;
    }
    assert_int_equal(open.n, 0);
}

static size_t count_of(const char *html, const char *what)
{
    size_t n = 0;
    for (const char *at = html; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void every_tag_is_closed_in_both_languages(void **state)
{
    (void)state;
    check_tags(page_en);
    check_tags(page_zh);
    assert_non_null(strstr(page_zh, "<html lang=\"zh-CN\">"));
    assert_int_equal(count_of(page_en, "<section"), count_of(page_zh, "<section"));
    assert_int_equal(count_of(page_en, "<tr>"), count_of(page_zh, "<tr>"));
}

static void every_chart_has_a_title_and_a_description(void **state)
{
    (void)state;
    const size_t n = count_of(page_en, "role=\"img\"");
    assert_true(n >= 12);
    assert_int_equal(count_of(page_en, "<desc id="), n);
    assert_int_equal(count_of(page_en, "<title id="), n);
    assert_int_equal(count_of(page_en, "<figure>"), n);
    assert_true(count_of(page_en, "<table") >= n);
    assert_null(strstr(page_en, "nan"));
    assert_null(strstr(page_en, "inf%"));
}

static char predicted_en[PAGE_BYTES], predicted_zh[PAGE_BYTES];

static void without_predictions_there_is_no_section_of_them(void **state)
{
    (void)state;
    assert_null(strstr(page_en, "id=\"predict\""));
    assert_null(strstr(page_en, "#predict"));
}

static void predictions_come_with_pictures_limits_and_what_they_are_not_for(void **state)
{
    (void)state;
    struct stat what;
    char        path[512];
    assert_int_equal(
        run_clade("", "predict my.clade purchase --margin 0.3 --contact-cost 1 --save-rate 0.5")
            ->code,
        0);
    assert_int_equal(run_clade("", "predict my.clade value")->code, 0);
    assert_true(run_number(run_clade("", "report my.clade --json -o p.html"), "sections") == 10);
    assert_int_equal(run_clade("", "report my.clade -o pzh.html --lang zh")->code, 0);
    read_page(predicted_en, "p.html");
    read_page(predicted_zh, "pzh.html");
    snprintf(path, sizeof path, "%s/p.html", run_folder);
    assert_int_equal(stat(path, &what), 0);
    assert_true(what.st_size < 1000000);
    check_tags(predicted_en);
    check_tags(predicted_zh);
    assert_int_equal(count_of(predicted_en, "<tr>"), count_of(predicted_zh, "<tr>"));
    /* Reliability and gains of the one, amounts and gains of the other, features of the first. */
    const size_t more = count_of(predicted_en, "role=\"img\"") - count_of(page_en, "role=\"img\"");
    assert_int_equal(more, 5);
    /* Ten steps of the curve, and ten of the rule's, for each task. */
    assert_int_equal(count_of(predicted_en, "<line class=\"la\""), 20);
    assert_int_equal(count_of(predicted_en, "<line class=\"lb\""), 20);
    assert_non_null(strstr(predicted_en, "buys in the next 30 days"));
    assert_non_null(strstr(predicted_en, "With a margin of 30"));
    assert_non_null(strstr(predicted_en, "Decisions about a single person"));
    assert_non_null(strstr(predicted_zh, "不应用于"));
    assert_null(strstr(predicted_en, "nan"));
}

/* Names, addresses and customer numbers of the shop's own files. */
static void no_customer_is_on_the_page(void **state)
{
    (void)state;
    char path[512], line[2048];
    int  n = 0;
    snprintf(path, sizeof path, "%s/shop/customers.csv", run_folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file)); /* headings */
    while (fgets(line, sizeof line, file) != NULL && n++ < 300) {
        line[strcspn(line, ",\r\n")] = '\0';
        assert_true(strlen(line) > 2);
        if (strstr(predicted_en, line) != NULL) print_error("customer %s is on the page\n", line);
        assert_null(strstr(predicted_en, line));
    }
    fclose(file);
}

/* 40 customers: every segment of fewer than 20 tells its size and neither money nor portrait. */
static void a_group_of_a_few_is_not_described(void **state)
{
    (void)state;
    static char small[PAGE_BYTES];
    assert_int_equal(run_clade("", "demo few --customers 40 --no-events")->code, 0);
    assert_int_equal(run_clade("", "load 'f<b>&.clade' few/orders.csv")->code, 0);
    assert_int_equal(run_clade("", "segment 'f<b>&.clade'")->code, 0);
    assert_int_equal(run_clade("", "report 'f<b>&.clade' -o few.html")->code, 0);
    read_page(small, "few.html");
    check_tags(small);
    assert_null(strstr(small, "f<b>"));
    assert_non_null(strstr(small, "f&lt;b&gt;&amp;.clade"));
    assert_non_null(strstr(small, "too few to describe"));
    assert_non_null(strstr(small, "Do not trust yet"));
}

static void a_browser_draws_it_without_complaint(void **state)
{
    (void)state;
    static char out[65536];
    struct stat image;
    char        path[512];
    if (check_run(out, sizeof out, "command -v chromium") != 0) {
        print_message("skipped: there is no chromium\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/page.png", run_folder);
    const int code =
        check_run(out, sizeof out,
                  "timeout 120 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars "
                  "--enable-logging=stderr --user-data-dir='%s/browser' --window-size=1100,5000 "
                  "--screenshot='%s' 'file://%s/p.html'",
                  run_folder, path, run_folder);
    if (code == 124) {
        print_message("skipped: the browser did not finish in two minutes\n");
        skip();
    }
    assert_int_equal(code, 0);
    assert_null(strstr(out, "CONSOLE"));
    assert_int_equal(stat(path, &image), 0);
    assert_true(image.st_size > 100000); /* an empty page of this size is under 20 KB */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_segments_it_says_what_to_run_first),
        cmocka_unit_test(the_page_is_written_where_json_says),
        cmocka_unit_test(the_same_workspace_gives_the_same_bytes),
        cmocka_unit_test(it_asks_no_network_and_runs_no_script),
        cmocka_unit_test(every_tag_is_closed_in_both_languages),
        cmocka_unit_test(every_chart_has_a_title_and_a_description),
        cmocka_unit_test(without_predictions_there_is_no_section_of_them),
        cmocka_unit_test(predictions_come_with_pictures_limits_and_what_they_are_not_for),
        cmocka_unit_test(no_customer_is_on_the_page),
        cmocka_unit_test(a_group_of_a_few_is_not_described),
        cmocka_unit_test(a_browser_draws_it_without_complaint),
    };
    return cmocka_run_group_tests(tests, setup, run_teardown);
}

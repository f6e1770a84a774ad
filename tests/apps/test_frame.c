/* The frame around every verb: help, options, settings, exit codes, JSON. */
#include "run_binary.h"

#include <stdlib.h>
#include <string.h>

static void every_verb_has_a_page_that_opens_with_examples(void **state)
{
    (void)state;
    char                   names[64][64];
    size_t                 n    = 0;
    const answer          *got  = run_clade("", "help --json");
    const clade_json_tree *json = run_json(got);
    assert_int_equal(got->code, 0);
    const clade_json_node *verbs = clade_json_get(json, json->node, "verbs");
    assert_non_null(verbs);
    assert_true(verbs->n >= 6);
    const clade_json_node *verb = verbs + 1;
    for (; n < verbs->n; verb = json->node + verb->next) {
        const clade_text name = clade_json_get(json, verb, "name")->text;
        snprintf(names[n++], 64, "%.*s", (int)name.size, name.data);
    }
    for (size_t i = 0; i < n; i++) {
        char example[80];
        got = run_clade("", "%s --help", names[i]);
        assert_int_equal(got->code, 0);
        assert_string_equal(got->err, "");
        snprintf(example, sizeof example, "  $ clade %s", names[i]);
        const char *first = strstr(got->out, example), *usage = strstr(got->out, "Usage:");
        assert_non_null(first);
        assert_non_null(usage);
        assert_true(first < usage);
        assert_non_null(strstr(got->out, "--threads"));

        got = run_clade("", "%s --help --lang zh", names[i]);
        assert_int_equal(got->code, 0);
        assert_non_null(strstr(got->out, "用法"));
        got = run_clade("", "%s --help --json", names[i]);
        assert_string_equal(run_text(got, "verb"), names[i]);
    }
}

static void a_mistyped_verb_is_met_with_the_nearest_one(void **state)
{
    (void)state;
    const answer *got = run_clade("", "limts");
    assert_int_equal(got->code, 2);
    assert_string_equal(got->out, "");
    assert_non_null(strstr(got->err, "there is no verb 'limts'"));
    assert_non_null(strstr(got->err, "did you mean clade limits?"));
    got = run_clade("", "zzzzzz");
    assert_int_equal(got->code, 2);
    assert_null(strstr(got->err, "did you mean"));
}

static void a_mistyped_option_is_met_with_the_nearest_one(void **state)
{
    (void)state;
    const answer *got = run_clade("", "limits --thread 2");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "did you mean --threads?"));
    got = run_clade("", "config set memry 4GB");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "did you mean memory?"));
}

static void wrong_usage_is_exit_code_2_with_one_sentence_and_a_hint(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",
                                         "forget",
                                         "limits one",
                                         "limits --threads",
                                         "limits --threads many",
                                         "limits --json=yes",
                                         "limits --memory lots",
                                         "limits --seed -1",
                                         "limits --as-of yesterday",
                                         "limits --lang fr",
                                         "limits -z",
                                         "demo --customers 0",
                                         "demo --months 1.5",
                                         "config fetch",
                                         "config set predict.depths 3,13",
                                         "config set predict.depths 3,",
                                         "config set predict.folds 7",
                                         "config set predict.rate 0",
                                         "config set predict.budget soon",
                                         "help nothing" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const answer *got = run_clade("", "%s", wrong[i]);
        if (got->code != 2) print_error("clade %s: exit code %d\n", wrong[i], got->code);
        assert_int_equal(got->code, 2);
        assert_string_equal(got->out, "");
        assert_memory_equal(got->err, "clade: ", 7);
    }
}

static void json_is_one_object_on_success_and_on_failure(void **state)
{
    (void)state;
    const answer *got = run_clade("", "limits --json");
    assert_int_equal(got->code, 0);
    const clade_json_tree *json = run_json(got);
    assert_non_null(clade_json_get(json, json->node, "limits"));
    assert_string_equal(got->err, "");

    got = run_clade("", "--json limits one");
    assert_int_equal(got->code, 2);
    assert_string_equal(run_text(got, "error/status"), "argument");
    assert_non_null(strstr(run_text(got, "error/message"), "'one' is one argument too many"));
    assert_true(strlen(run_text(got, "error/hint")) > 0);

    got = run_clade("", "doctor nowhere.clade --json");
    assert_int_equal(got->code, 4);
    assert_string_equal(run_text(got, "error/status"), "not_ready");
    assert_non_null(strstr(run_text(got, "error/message"), "nowhere.clade"));

    got = run_clade("CLADE_JSON=true", "limts");
    assert_int_equal(got->code, 2); /* Settings are not read yet when the verb is unknown. */
    got = run_clade("CLADE_JSON=true", "limits");
    assert_int_equal(got->code, 0);
    run_json(got);
}

static void colours_are_for_those_who_want_them(void **state)
{
    (void)state;
    assert_null(strstr(run_clade("", "doctor")->out, "\033["));
    assert_non_null(strstr(run_clade("", "doctor --color always")->out, "\033["));
    assert_null(strstr(run_clade("NO_COLOR=1 CLADE_COLOR=always", "doctor")->out, "\033["));
    assert_non_null(strstr(run_clade("CLADE_COLOR=always", "doctor")->out, "\033["));
    assert_non_null(strstr(run_clade("NO_COLOR=", "doctor --color=always")->out, "\033["));
}

static void quiet_leaves_the_results_and_the_failures(void **state)
{
    (void)state;
    const answer *got = run_clade("", "config set seed 5");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->err, "seed 5"));
    got = run_clade("", "config set seed 6 --quiet");
    assert_int_equal(got->code, 0);
    assert_string_equal(got->err, "");
    got = run_clade("", "limits -q");
    assert_non_null(strstr(got->out, "CLADE_READER_MAX_COLUMNS"));
    got = run_clade("", "limts -q");
    assert_int_equal(got->code, 2);
    assert_memory_equal(got->err, "clade: ", 7);
    run_clade("", "config unset seed");
}

static void check_origin(const char *before, const char *rest, const char *value,
                         const char *origin)
{
    const answer *got = run_clade(before, "config show --json %s", rest);
    assert_int_equal(got->code, 0);
    assert_string_equal(run_text(got, "settings/seed/value"), value);
    assert_string_equal(run_text(got, "settings/seed/origin"), origin);
}

static void a_flag_beats_the_environment_beats_the_workspace_beats_the_user_beats_the_built_in(
    void **state)
{
    (void)state;
    char nothing[64];
    assert_int_equal(check_run(nothing, sizeof nothing, "mkdir -p '%s/shop.clade'", run_folder), 0);
    check_origin("", "", "1", "built_in");
    assert_int_equal(run_clade("", "config set seed 22")->code, 0);
    check_origin("", "shop.clade", "22", "user_file");
    assert_int_equal(run_clade("", "config set seed 33 shop.clade")->code, 0);
    check_origin("", "shop.clade", "33", "workspace_file");
    check_origin("", "", "22", "user_file");
    check_origin("CLADE_SEED=44", "shop.clade", "44", "environment");
    check_origin("CLADE_SEED=44", "shop.clade --seed 55", "55", "flag");

    const answer *got = run_clade("", "config show shop.clade --origin");
    assert_non_null(strstr(got->out, "shop.clade/config:1"));
    assert_int_equal(run_clade("", "config unset seed shop.clade")->code, 0);
    check_origin("", "shop.clade", "22", "user_file");
    assert_int_equal(run_clade("", "config unset seed")->code, 0);
    check_origin("", "", "1", "built_in");
}

static void a_settings_file_that_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    char nothing[64], path[600];
    assert_int_equal(check_run(nothing, sizeof nothing, "mkdir -p '%s/bad.clade'", run_folder), 0);
    snprintf(path, sizeof path, "%s/bad.clade/config", run_folder);
    check_write(path, "# a shop\n\nseed = 7\nmemory = lots\n", 34);
    const answer *got = run_clade("", "config show bad.clade");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "bad.clade/config:4: 'lots' is not a size"));
    check_write(path, "seed 7\n", 7);
    got = run_clade("", "config show bad.clade");
    assert_non_null(strstr(got->err, "bad.clade/config:1: wanted 'name = value'"));
    got = run_clade("CLADE_THREADS=several", "limits");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "CLADE_THREADS: threads cannot be 'several'"));
}

/* Every enumerator or macro of the public headers that is named like a limit is printed. */
static void limits_leaves_none_out(void **state)
{
    (void)state;
    static char   names[1 << 16];
    const char   *source = getenv("CLADE_SOURCE");
    const answer *got    = run_clade("", "limits");
    size_t        n      = 0;
    assert_non_null(source);
    assert_int_equal(check_run(names, sizeof names,
                               "grep -ohE 'CLADE_[A-Z0-9_]*_(MAX|MIN)(_[A-Z0-9_]+)?\\b' "
                               "'%s'/include/clade/*.h | sort -u",
                               source),
                     0);
    for (char *name = strtok(names, "\n"); name != NULL; name = strtok(NULL, "\n"), n++) {
        if (strstr(got->out, name) == NULL) print_error("clade limits does not print %s\n", name);
        assert_non_null(strstr(got->out, name));
    }
    assert_true(n >= 10);
}

static void chinese_columns_line_up(void **state)
{
    (void)state;
    /* The second line's text must start where the first line's does, in columns of a terminal. */
    const answer *got = run_clade("", "limits --lang zh");
    char          first[512], second[512];
    const char   *one = strstr(got->out, "CLADE_READER_MAX_COLUMNS");
    assert_non_null(one);
    assert_int_equal(sscanf(one, "%511[^\n]\n%511[^\n]", first, second), 2);
    assert_non_null(strstr(first, "单个输入文件"));
    assert_non_null(strstr(second, "单个字段"));
    *strstr(first, "单个输入文件") = '\0';
    *strstr(second, "单个字段")    = '\0';
    assert_int_equal(clade_utf8_width(first), clade_utf8_width(second));
}

static void output_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    char        out[4096];
    const char *binary = getenv("CLADE_BINARY");
    assert_int_equal(check_run(out, sizeof out, "sh -c \"'%s' limits >/dev/full\"", binary), 1);
    assert_non_null(strstr(out, "standard output: cannot write"));
}

static void options_may_stand_anywhere_and_end_with_two_dashes(void **state)
{
    (void)state;
    assert_int_equal(run_clade("", "--seed 4 config --origin show")->code, 0);
    assert_int_equal(run_clade("", "-q limits")->code, 0);
    const answer *got = run_clade("", "doctor -- --seed");
    assert_int_equal(got->code, 4);
    assert_non_null(strstr(got->err, "--seed: there is no workspace here"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_has_a_page_that_opens_with_examples),
        cmocka_unit_test(a_mistyped_verb_is_met_with_the_nearest_one),
        cmocka_unit_test(a_mistyped_option_is_met_with_the_nearest_one),
        cmocka_unit_test(wrong_usage_is_exit_code_2_with_one_sentence_and_a_hint),
        cmocka_unit_test(json_is_one_object_on_success_and_on_failure),
        cmocka_unit_test(colours_are_for_those_who_want_them),
        cmocka_unit_test(quiet_leaves_the_results_and_the_failures),
        cmocka_unit_test(
            a_flag_beats_the_environment_beats_the_workspace_beats_the_user_beats_the_built_in),
        cmocka_unit_test(a_settings_file_that_is_wrong_is_named_with_its_line),
        cmocka_unit_test(limits_leaves_none_out),
        cmocka_unit_test(chinese_columns_line_up),
        cmocka_unit_test(output_that_cannot_be_written_is_a_failure),
        cmocka_unit_test(options_may_stand_anywhere_and_end_with_two_dashes),
    };
    return cmocka_run_group_tests(tests, run_setup, run_teardown);
}

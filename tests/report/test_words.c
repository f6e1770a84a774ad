/* The report's catalogue, and what stands between data and markup. */
#include "report/page.h"

#include "check.h"

#include <string.h>

static const char *const names[N_WORDS] = {
#define WORD(name, en, zh) #name,
#include "report/words.inc"
#undef WORD
};

/* Which of {1} .. {9} a message asks for, as bits. */
static unsigned places(const char *text)
{
    unsigned bits = 0;
    for (; *text != '\0'; text++) {
        if (text[0] == '{' && text[1] >= '1' && text[1] <= '9' && text[2] == '}') {
            bits |= 1u << (text[1] - '0');
        }
    }
    return bits;
}

static bool same_in_both(const char *name)
{
    static const char *const same[] = { "DELTA", "R2_SHORT", "AUC_SHORT", "CI", "FEW" };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (strcmp(name, same[i]) == 0) return true;
    }
    return false;
}

static bool has_chinese(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0xe4 && (unsigned char)*text <= 0xe9) return true;
    }
    return false;
}

static void every_message_stands_in_both_languages(void **state)
{
    (void)state;
    for (int i = 0; i < N_WORDS; i++) {
        const char *en = word_of((word_id)i, false), *zh = word_of((word_id)i, true);
        if (en == NULL || zh == NULL || en[0] == '\0' || zh[0] == '\0' ||
            (!has_chinese(zh) && !same_in_both(names[i])) || has_chinese(en)) {
            print_error("%s: a language is missing\n", names[i]);
            fail();
        }
    }
}

static void both_languages_fill_in_the_same_things(void **state)
{
    (void)state;
    for (int i = 0; i < N_WORDS; i++) {
        if (places(word_of((word_id)i, false)) != places(word_of((word_id)i, true))) {
            print_error("%s: {1} .. {9} differ\n", names[i]);
            fail();
        }
    }
}

static void hostile_text_cannot_leave_its_place(void **state)
{
    (void)state;
    clade_buffer out = { 0 };
    page         p   = { .out = &out, .minor = 100 };
    page_text(&p, CLADE_TEXT("<script>alert('x')</script> & \"q\" \xff\x01\xe5\xae\xa2"));
    assert_string_equal(out.data, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; "
                                  "&quot;q&quot; \xef\xbf\xbd\xef\xbf\xbd\xe5\xae\xa2");
    clade_buffer_clear(&out);
    page_say(&p, W_TITLE, "{1}<b>");
    assert_string_equal(out.data, "Customers of {1}&lt;b&gt;");
    clade_buffer_free(&out);
}

static void numbers_are_spelled_as_the_language_spells_them(void **state)
{
    (void)state;
    page en = { .currency = "CNY", .minor = 100 };
    page zh = { .currency = "CNY", .minor = 100, .zh = true };
    assert_string_equal(spell_money_short(&en, 69386422).s, "CNY\u00a0694k");
    assert_string_equal(spell_money_short(&zh, 69386422).s, "CNY\u00a069.4\u00a0万");
    assert_string_equal(spell_money_short(&en, 301248417).s, "CNY\u00a03.01M");
    assert_string_equal(spell_money(&en, 323204).s, "CNY\u00a03,232");
    assert_string_equal(spell_money(&en, -1007).s, "CNY\u00a0−10.07");
    assert_string_equal(spell_share(0.0043).s, "0.4\u00a0%");
    assert_string_equal(spell_share(0.381).s, "38\u00a0%");
    assert_string_equal(spell_share(NAN).s, "–");
    assert_string_equal(spell_group(19).s, "<20");
    assert_string_equal(spell_group(20).s, "20");
    assert_string_equal(spell_group(0).s, "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_stands_in_both_languages),
        cmocka_unit_test(both_languages_fill_in_the_same_things),
        cmocka_unit_test(hostile_text_cannot_leave_its_place),
        cmocka_unit_test(numbers_are_spelled_as_the_language_spells_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

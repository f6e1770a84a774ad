/* load, check, replay, forget and doctor on a small shop, as a user meets them. */
#include "run_binary.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char orders[] = "order_id,customer_id,order_date,sku,qty,price,currency\n"
                             "1,ann,2024-01-02,a,1,9.99,GBP\n"
                             "1,ann,2024-01-02,b,2,3.50,GBP\n"
                             "2,bob,2024-01-03,a,1,9.99,GBP\n"
                             "2,bob,2024-01-03,a,1,9.99,GBP\n" /* the same line once more */
                             "3,cho,2024-13-40,a,1,9.99,GBP\n" /* no such day */
                             "4,,2024-01-05,a,-1,9.99,GBP\n";

static void put(const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", run_folder, name);
    check_write(path, text, strlen(text));
}

static bool exists(const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", run_folder, name);
    return access(path, F_OK) == 0;
}

static void load_accounts_for_every_row_and_names_the_next_command(void **state)
{
    (void)state;
    put("orders.csv", orders);
    const answer *got = run_clade("", "load a.clade orders.csv");
    assert_int_equal(got->code, 0);
    assert_string_equal(got->err, "");
    assert_non_null(strstr(got->out, "customer_id"));
    assert_non_null(strstr(got->out, "= stored"));
    assert_non_null(strstr(got->out, "Worst problems in the data"));
    assert_non_null(strstr(got->out, "Money"));
    assert_non_null(strstr(got->out, "segment a.clade"));

    got = run_clade("", "load b.clade orders.csv --json");
    assert_int_equal(got->code, 0);
    const double read = run_number(got, "rows_read");
    assert_true(read == 6);
    assert_true(read == run_number(got, "rows_stored") + run_number(got, "rows_duplicate") +
                            run_number(got, "rows_quarantined"));
    assert_true(run_number(got, "rows_duplicate") == 1);
    assert_true(run_number(got, "rows_quarantined") == 1);
    assert_true(run_number(got, "seconds") > 0);
    const clade_json_tree *json = run_json(got);
    assert_int_equal(clade_json_get(json, json->node, "mapping")->type, CLADE_JSON_ARRAY);
    assert_int_equal(clade_json_get(json, json->node, "problems")->type, CLADE_JSON_ARRAY);
    assert_int_equal(clade_json_get(json, json->node, "facts")->n, 5);

    got = run_clade("", "load b.clade orders.csv --json"); /* Nothing is stored twice. */
    assert_true(run_number(got, "rows_stored") == 0);
    got = run_clade("", "load b.clade orders.csv --lang zh");
    assert_non_null(strstr(got->out, "数据中最严重的问题"));
}

static void a_column_can_be_named_by_the_user(void **state)
{
    (void)state;
    put("odd.csv", "x1,x2,x3,x4\nann,2024-01-02,a,3.5\nbob,2024-01-03,b,4.5\ncho,2024-02-03,b,2\n");
    const answer *got =
        run_clade("", "load c.clade odd.csv --map x1=customer --map x2=time "
                      "--map x3=item --map x4=amount --shape orders --currency EUR");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "amount"));
    got = run_clade("", "load c.clade odd.csv --map x9=customer");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "x9"));
    got = run_clade("", "load c.clade odd.csv --shape order");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "did you mean orders?"));
    got = run_clade("", "load c.clade odd.csv --rate USD:7");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(got->err, "USD=7.2"));
}

static void a_file_that_cannot_be_loaded_makes_no_workspace(void **state)
{
    (void)state;
    const answer *got = run_clade("", "load new.clade missing.csv");
    assert_int_equal(got->code, 1);
    assert_non_null(strstr(got->err, "missing.csv: cannot open"));
    assert_false(exists("new.clade"));
    got = run_clade("", "load new.clade .");
    assert_int_equal(got->code, 1);
    assert_non_null(strstr(got->err, "is a folder, and a file was wanted"));
    assert_false(exists("new.clade"));
    got = run_clade("", "load new.clade");
    assert_int_equal(got->code, 2);
    put("orders.csv", orders);
    got = run_clade("", "load orders.csv new.clade");
    assert_int_equal(got->code, 1); /* new.clade is no file */
    got = run_clade("", "segment-nothing new.clade");
    assert_int_equal(got->code, 2);
}

static void bad_files_give_one_sentence_and_the_documented_code(void **state)
{
    (void)state;
    put("empty.csv", "");
    const answer *got = run_clade("", "load d.clade empty.csv");
    assert_int_equal(got->code, 3);
    assert_non_null(strstr(got->err, "empty.csv"));
    got = run_clade("", "load d.clade empty.csv --json");
    assert_int_equal(got->code, 3);
    assert_string_equal(run_text(got, "error/status"), "data");
    put("binary.csv", "\x7f"
                      "ELF\x02\x01\x01\x03\x04\x05\x06\x07\x0e\x0f");
    assert_int_equal(run_clade("", "load d.clade binary.csv")->code, 3);
    put("rows.csv", "order_id,customer_id,order_date,amount\n1,ann,never,3\n2,bob,no day,4\n");
    got = run_clade("", "load d.clade rows.csv --map order_date=time");
    assert_int_equal(got->code, 3); /* Every row is in quarantine. */
    assert_non_null(strstr(got->out, "check d.clade --quarantine"));
}

static void check_lists_what_is_in_quarantine(void **state)
{
    (void)state;
    put("orders.csv", orders);
    assert_int_equal(run_clade("", "load e.clade orders.csv -q")->code, 0);
    const answer *got = run_clade("", "check e.clade --quarantine");
    assert_non_null(strstr(got->out, "orders.csv:6"));
    assert_non_null(strstr(got->out, "2024-13-40"));
    got = run_clade("", "check e.clade --quarantine --json");
    assert_true(run_number(got, "n_quarantined") == 1);
    got = run_clade("", "check e.clade --json");
    assert_true(got->code == 0 || got->code == 3);
    const clade_json_tree *json = run_json(got);
    assert_true(clade_json_get(json, json->node, "checks")->n > 5);
}

static void replay_and_doctor_find_the_workspace_as_it_was(void **state)
{
    (void)state;
    char first[4096];
    put("orders.csv", orders);
    assert_int_equal(run_clade("", "load f.clade orders.csv -q")->code, 0);
    const answer *got = run_clade("", "replay f.clade");
    assert_int_equal(got->code, 0);
    snprintf(first, sizeof first, "%.4000s", got->out);
    assert_string_equal(run_clade("", "replay f.clade")->out, first);
    got = run_clade("", "doctor f.clade");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "rows read = stored + duplicate + quarantined"));

    char command[700];
    snprintf(command, sizeof command, "chmod 644 '%s/f.clade/keys/master'", run_folder);
    assert_int_equal(system(command), 0);
    got = run_clade("", "doctor f.clade");
    assert_int_equal(got->code, 3);
    assert_non_null(strstr(got->out, "others may read it"));
}

static void a_forgotten_customer_is_gone_and_a_receipt_stays(void **state)
{
    (void)state;
    put("orders.csv", orders);
    assert_int_equal(run_clade("", "load g.clade orders.csv -q")->code, 0);
    const answer *got = run_clade("", "forget g.clade ann nobody");
    assert_int_equal(got->code, 1); /* One unknown name, and nobody is forgotten. */
    got = run_clade("", "forget g.clade ann --json");
    assert_int_equal(got->code, 0);
    const clade_json_tree *json     = run_json(got);
    const clade_json_node *receipts = clade_json_get(json, json->node, "receipts");
    assert_int_equal(receipts->n, 1);
    assert_non_null(clade_json_get(json, receipts + 1, "key"));
    got = run_clade("", "forget g.clade ann");
    assert_int_equal(got->code, 1);
    assert_non_null(strstr(got->err, "there is no customer 'ann'"));
    got = run_clade("", "doctor g.clade");
    assert_int_equal(got->code, 0);
    assert_non_null(strstr(got->out, "2, each with a key of its own; 1 forgotten"));
}

/* The notes of run number n of a workspace, without blanks. */
static const char *notes_of(const char *workspace, int n)
{
    static char flat[8192];
    char        path[600];
    size_t      size = 0;
    snprintf(path, sizeof path, "%s/%s/runs/%06d-load.json", run_folder, workspace, n);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (int c; (c = fgetc(file)) != EOF && size + 1 < sizeof flat;)
        if (c != ' ' && c != '\n') flat[size++] = (char)c;
    flat[size] = '\0';
    fclose(file);
    const char *notes = strstr(flat, "\"notes\":");
    assert_non_null(notes);
    return notes;
}

static void a_manifest_names_every_file_and_every_option_given(void **state)
{
    (void)state;
    put("one.csv", orders);
    put("two.csv", "Order;Who;Day;Thing;qty;price\n7;ann;2024-02-02;a;1;9.99\n");
    const answer *got = run_clade("", "load m.clade one.csv");
    assert_int_equal(got->code, 0);
    const char *notes = notes_of("m.clade", 1);
    assert_non_null(strstr(notes, "{\"files\":[\"one.csv\"],\"rows_read\":6,"));
    got = run_clade("", "load m.clade two.csv one.csv --map Order=order --map Who=customer "
                        "--map Day=time --map Thing=item --zone Europe/London --currency GBP "
                        "--rate usd=0.79 --rate EUR=0.86 --shape orders");
    assert_int_equal(got->code, 0);
    notes = notes_of("m.clade", 2);
    assert_non_null(strstr(notes, "{\"files\":[\"two.csv\",\"one.csv\"],"
                                  "\"map\":[\"Order=order\",\"Who=customer\",\"Day=time\","
                                  "\"Thing=item\"],\"shape\":\"orders\","
                                  "\"zone\":\"Europe/London\",\"currency\":\"GBP\","
                                  "\"rate\":[\"USD=0.79\",\"EUR=0.86\"],\"rows_read\":7,"));
    got = run_clade("", "load m.clade one.csv --map nothing=order"); /* fails, and is on record */
    assert_int_equal(got->code, 2);
    notes = notes_of("m.clade", 3);
    assert_non_null(strstr(notes, "{\"files\":[\"one.csv\"],\"map\":[\"nothing=order\"]}"));
    got = run_clade("", "load m.clade --repair nothing-known");
    assert_int_equal(got->code, 2);
    assert_non_null(strstr(notes_of("m.clade", 4), "{\"repair\":[\"nothing-known\"]}"));
}

/* Ctrl-C in the middle of a load: one sentence, exit code 1, and a store that opens again. */
static void an_interrupted_load_leaves_a_whole_store(void **state)
{
    (void)state;
    char  path[600];
    char  out[1 << 16];
    FILE *file = NULL;
    snprintf(path, sizeof path, "%s/big.csv", run_folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "order_id,customer_id,order_date,sku,qty,price\n");
    for (int i = 0; i < 200000; i++) {
        fprintf(file, "%d,c%d,2024-%02d-%02d,s%d,1,%d.99\n", i, i % 9973, 1 + i % 12, 1 + i % 28,
                i % 331, i % 50);
    }
    fclose(file);
    const int code =
        check_run(out, sizeof out, "cd '%s' && { timeout -s INT 0.15 '%s' load h.clade big.csv; }",
                  run_folder, getenv("CLADE_BINARY"));
    assert_true(code == 124 || code == 1 || code == 0); /* timeout's own code, or it was faster */
    const answer *got = run_clade("", "load h.clade big.csv --json");
    assert_int_equal(got->code, 0);
    assert_true(run_number(got, "rows_read") == 200000);
    got = run_clade("", "check h.clade --json");
    assert_true(got->code == 0 || got->code == 3);
    got = run_clade("", "doctor h.clade");
    assert_int_equal(got->code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_accounts_for_every_row_and_names_the_next_command),
        cmocka_unit_test(a_column_can_be_named_by_the_user),
        cmocka_unit_test(a_file_that_cannot_be_loaded_makes_no_workspace),
        cmocka_unit_test(bad_files_give_one_sentence_and_the_documented_code),
        cmocka_unit_test(check_lists_what_is_in_quarantine),
        cmocka_unit_test(replay_and_doctor_find_the_workspace_as_it_was),
        cmocka_unit_test(a_forgotten_customer_is_gone_and_a_receipt_stays),
        cmocka_unit_test(a_manifest_names_every_file_and_every_option_given),
        cmocka_unit_test(an_interrupted_load_leaves_a_whole_store),
    };
    return cmocka_run_group_tests(tests, run_setup, run_teardown);
}

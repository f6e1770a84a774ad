/* clade segment ... lookalike: the customers most like a list. */
#include "clade/lookalike.h"
#include "clade/reader.h"
#include "people.h"
#include "segment.h"

#include <stdlib.h>

enum { DEFAULT_SIZE = 1000, MAX_SIZE = 100000000 };

/* Seeds as they came: numbers of those who are known, and how many are not. */
typedef struct seed_list {
    int64_t *customer;
    size_t   n, capacity, n_strangers;
} seed_list;

/* The column that holds ids: by its name, else the first. */
static size_t id_column(const clade_reader *reader)
{
    static const char *const names[] = { "customer",  "customer_id", "customerid", "customer id",
                                         "client_id", "user_id",     "userid",     "user",
                                         "id",        "客户",        "客户ID",     "客户编号",
                                         "用户",      "用户ID",      "会员",       "会员ID" };
    for (size_t column = 0; column < clade_reader_n_columns(reader); column++) {
        const clade_text name = clade_text_of(clade_reader_column(reader, column));
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (clade_text_equal_nocase(name, clade_text_of(names[i]))) return column;
        }
    }
    return 0;
}

static clade_status take_seed(seed_list *out, clade_store *store, clade_text id, clade_error *err)
{
    const clade_text trimmed = clade_text_trim(id);
    if (trimmed.size == 0) return CLADE_OK;
    const int64_t customer = clade_identity_find(store, trimmed);
    if (customer < 0) {
        out->n_strangers++;
        return CLADE_OK;
    }
    if (!CLADE_GROW(&out->customer, &out->capacity, out->n + 1))
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu seeds", out->n);
    out->customer[out->n++] = customer;
    return CLADE_OK;
}

/* A file of one column may come without a header: then its "name" is the first id. */
static clade_status read_seeds(seed_list *out, clade_store *store, const char *path,
                               clade_error *err)
{
    clade_reader *reader = NULL;
    clade_row     row    = { 0 };
    bool          more   = true;
    clade_status  status = clade_reader_open(&reader, path, store, err);
    if (status != CLADE_OK) return status;
    const size_t     column = id_column(reader);
    const clade_text head   = clade_text_of(clade_reader_column(reader, column));
    if (clade_identity_find(store, head) >= 0) status = take_seed(out, store, head, err);
    while (status == CLADE_OK) {
        status = clade_reader_next(&row, &more, reader, err);
        if (status != CLADE_OK || !more) break;
        if (row.bad != NULL || column >= row.n_fields) {
            out->n_strangers++;
            continue;
        }
        status = take_seed(out, store, row.fields[column], err);
    }
    clade_reader_close(reader);
    return status;
}

/* ---------------------------------------------------------------- words */

static void print_curve(command *c, const clade_lookalike *found)
{
    command_heading(
        c, "%s",
        COMMAND_SAY(c, "Had the seeds been hidden among all others", "若将种子藏于其余客户之中"));
    command_table *t = command_table_start(c, "rrrrr", COMMAND_SAY(c, "of the first", "前"),
                                           COMMAND_SAY(c, "seeds found", "找回种子"), "95 %",
                                           COMMAND_SAY(c, "times chance", "提升倍数"),
                                           COMMAND_SAY(c, "of the kind", "同类占比"));
    for (size_t k = 0; k < found->n_points; k++) {
        const clade_lookalike_point *p = &found->point[k];
        char                         n[32];
        clade_count_format(n, (int64_t)p->n);
        command_cell(t, "%s", n);
        command_cell(t, "%.0f %%", 100 * p->found);
        command_cell(t, "%.0f-%.0f %%", 100 * p->found_low, 100 * p->found_high);
        command_cell(t, "%.1f", p->lift);
        command_cell(t, "%.0f-%.0f %%", 100 * p->precision_low, 100 * p->precision_high);
    }
    command_table_end(t);
    command_print(
        c, "%s\n",
        COMMAND_SAY(c,
                    "The lower end of the last column counts every customer who is no seed as "
                    "wrong; some are of the kind and not yet known, so the truth lies above it.",
                    "末列下限把所有非种子都算作错误；其中有些本就是同类，真实值更高。"));
}

static void write_json(command *c, const clade_lookalike *found, const char *path)
{
    clade_json *json = command_json(c);
    clade_json_put_text(json, "file", path);
    clade_json_put_text(json, "method", clade_lookalike_method_name(found->method));
    clade_json_put_int(json, "n_customers", (int64_t)found->n);
    clade_json_put_int(json, "n_seeds", (int64_t)found->n_seeds);
    clade_json_put_int(json, "n_seeds_unknown", (int64_t)found->n_unknown);
    clade_json_put_int(json, "n_others", (int64_t)found->n_others);
    clade_json_key(json, "curve");
    clade_json_array(json);
    for (size_t k = 0; k < found->n_points; k++) {
        const clade_lookalike_point *p = &found->point[k];
        clade_json_object(json);
        clade_json_put_int(json, "n", (int64_t)p->n);
        clade_json_put_number(json, "found", p->found);
        clade_json_put_number(json, "found_low", p->found_low);
        clade_json_put_number(json, "found_high", p->found_high);
        clade_json_put_number(json, "lift", p->lift);
        clade_json_put_number(json, "precision_low", p->precision_low);
        clade_json_put_number(json, "precision_high", p->precision_high);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

/* ---------------------------------------------------------------- the list */

static clade_status write_list(command *c, clade_store *store, const clade_lookalike *found,
                               const char *path, clade_error *err)
{
    static const char *const column[]  = { "customer", "likeness" };
    static const bool        is_text[] = { true, false };
    people_format            format;
    people_list             *list = NULL;
    char                   **name = NULL;
    CLADE_TRY(people_format_of(&format, c, path, err));
    CLADE_TRY(people_names(&name, c, store, found->customer, found->n, err));
    CLADE_TRY(people_start(&list, path, format, column, is_text, 2, err));
    clade_status status = CLADE_OK;
    for (size_t i = 0; i < found->n && status == CLADE_OK; i++) {
        if (name[i] == NULL) continue; /* forgotten */
        people_text(list, name[i]);
        people_number(list, found->likeness[i]);
        status = people_row(list, err);
    }
    if (status == CLADE_OK) status = people_finish(list, store, err);
    people_close(list);
    return status;
}

/* What went out stays on record, without names. */
static clade_status note_run(clade_store *store, const command *c, const clade_lookalike *found,
                             clade_error *err)
{
    clade_run   *run    = NULL;
    clade_status status = clade_run_begin(&run, store, "lookalike", c->seed, err);
    if (status != CLADE_OK) return status;
    clade_run_note(run, "method", clade_lookalike_method_name(found->method));
    clade_run_note_number(run, "seeds", (double)found->n_seeds);
    clade_run_note_number(run, "customers", (double)found->n);
    clade_run_note_number(run, "found", found->point[found->n_points - 1].found);
    status = clade_run_finish(run, err);
    clade_run_free(run);
    return status;
}

clade_status segment_lookalike(command *c, clade_store *store, clade_error *err)
{
    seed_list        seeds    = { 0 };
    clade_features  *features = NULL;
    clade_lookalike *found    = NULL;
    int64_t          size = 0, as_of_us = 0;
    const char      *path = command_value(c, "output", 0), *from = command_value(c, "seeds", 0);
    clade_status     status;
    if (from == NULL) {
        (void)clade_fail(err, CLADE_ERR_ARG, "look-alikes of whom? --seeds FILE is missing");
        clade_hint(err, "clade segment %s lookalike --seeds seeds.csv --size 5000 -o more.csv",
                   c->arg[0]);
        return CLADE_ERR_ARG;
    }
    CLADE_TRY(command_int(&size, c, "size", DEFAULT_SIZE, 1, MAX_SIZE, err));
    if (path != NULL) CLADE_TRY(people_enough(c, (size_t)size, "look-alikes", err));
    CLADE_TRY(segment_moment(&as_of_us, c, store, err));
    status = read_seeds(&seeds, store, from, err);
    if (status != CLADE_OK) goto done;
    status = clade_features_get(&features, store, as_of_us, err);
    if (status != CLADE_OK) goto done;
    status =
        clade_lookalike_find(&found, features, seeds.customer, seeds.n, (size_t)size, c->seed, err);
    if (status != CLADE_OK) goto done;
    found->n_unknown += seeds.n_strangers;
    if (path != NULL) {
        status = write_list(c, store, found, path, err);
        if (status != CLADE_OK) goto done;
    }
    status = note_run(store, c, found, err);
    if (status != CLADE_OK) goto done;
    write_json(c, found, path);
    command_print(c,
                  COMMAND_SAY(c, "%zu seeds known, %zu not; %zu most alike of %zu others (%s).\n",
                              "已知种子 %zu 个，未知 %zu 个；从其余客户中选出最相似的 %zu 位（共 "
                              "%zu 位，方法 %s）。\n"),
                  found->n_seeds, found->n_unknown, found->n, found->n_others,
                  clade_lookalike_method_name(found->method));
    print_curve(c, found);
    if (path != NULL) command_print(c, COMMAND_SAY(c, "Written to %s\n", "已写入 %s\n"), path);
done:
    clade_lookalike_free(found);
    clade_features_free(features);
    free(seeds.customer);
    return status;
}

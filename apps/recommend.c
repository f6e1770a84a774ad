/* clade recommend: what to show a customer next, with the reason of each item; or a list for all.
 */
#include "clade/shop_behaviour.h"
#include "people.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_CUSTOMERS = 4096 };

typedef struct recommend_work {
    command                *c;
    clade_store            *store;
    clade_recommend_options options;
    int64_t                 as_of_us;
    clade_shop_behaviour   *behaviour;
    clade_shop_histories   *histories;
    clade_recommender      *recommender;
} recommend_work;

static clade_status read_options(recommend_work *w, clade_error *err)
{
    const command *const c = w->c;
    int64_t              n = 0, cap = 0;
    w->options = clade_recommend_defaults();
    CLADE_TRY(command_int(&n, c, "n", 10, 1, CLADE_RECOMMEND_MAX, err));
    CLADE_TRY(command_int(&cap, c, "per-category", 0, 1, CLADE_RECOMMEND_MAX, err));
    CLADE_TRY(command_real(&w->options.lambda, c, "diversity", 1, 0, 1, err));
    w->options.n            = (size_t)n;
    w->options.category_cap = (uint32_t)cap;
    w->options.again        = command_has(c, "again");
    if (c->n_args < 2 && !command_has(c, "all")) {
        (void)clade_fail(err, CLADE_ERR_ARG, "to whom? a customer's id, or --all");
        clade_hint(err, "%s recommend %s 17850 -n 10", c->program, c->arg[0]);
        return CLADE_ERR_ARG;
    }
    if (c->n_args > 1 && command_has(c, "all"))
        return clade_fail(err, CLADE_ERR_ARG, "one customer or --all, not both");
    if (c->n_args > 1 && command_value(c, "output", 0) != NULL)
        return clade_fail(err, CLADE_ERR_ARG, "-o is for --all; one customer is printed");
    return CLADE_OK;
}

/* Who recommends: what --model names, else what the fit's verdict says. */
static clade_status choose_model(recommend_work *w, clade_error *err)
{
    const clade_shop_behaviour_card *const card = &w->behaviour->card;
    const char *const                      name = command_value(w->c, "model", 0);
    if (name == NULL) {
        (void)clade_recommend_choose(&w->options, card);
        return CLADE_OK;
    }
    return strcmp(name, "behaviour") == 0 ? CLADE_OK
                                          : clade_recommend_by(&w->options, card, name, err);
}

/* One customer's history does for the model; a baseline counts those of all. */
static clade_status get_ready(recommend_work *w, const int64_t *customer, clade_error *err)
{
    w->as_of_us = w->c->as_of_us;
    if (!w->c->has_as_of) CLADE_TRY(clade_shop_now(&w->as_of_us, w->store, err));
    CLADE_TRY(clade_shop_behaviour_open(&w->behaviour, w->store, err));
    CLADE_TRY(choose_model(w, err));
    if (w->options.by_baseline) customer = NULL;
    CLADE_TRY(clade_shop_histories_read(&w->histories, w->store, w->behaviour, w->as_of_us,
                                        customer, customer == NULL ? 0 : 1, err));
    return clade_recommender_create(&w->recommender, w->store, w->histories, &w->options, err);
}

static const char *ref_of(const recommend_work *w, uint32_t item)
{
    const char *const ref = w->histories->vocabulary->item_ref[item];
    return ref == NULL ? "?" : ref;
}

/* Who recommended, and where it is not the model, why. */
static void write_who(const recommend_work *w)
{
    const clade_shop_behaviour_card *const card = &w->behaviour->card;
    const char *const                      name = clade_neighbours_name(w->options.baseline);
    command *const                         c    = w->c;
    clade_json *const                      json = command_json(c);
    const bool                             told = command_has(c, "model");
    const char                            *why = NULL, *why_zh = NULL;
    clade_json_put_text(json, "recommended_by", w->options.by_baseline ? name : "behaviour");
    if (w->options.by_baseline && told) {
        why    = clade_arena_format(c->arena, "recommended by %s, as was asked", name);
        why_zh = clade_arena_format(c->arena, "按要求由 %s 推荐", name);
    } else if (w->options.by_baseline) {
        why    = clade_arena_format(c->arena,
                                    "recommended by %s, not by the behaviour model: at the fit it did "
                                       "as well, NDCG@10 %.4f against %.4f",
                                    name, card->baseline_ndcg, card->ndcg);
        why_zh = clade_arena_format(
            c->arena, "由 %s 而非行为模型推荐：拟合时它不比模型差，NDCG@10 为 %.4f，模型为 %.4f",
            name, card->baseline_ndcg, card->ndcg);
    }
    if (why == NULL || why_zh == NULL) return;
    clade_json_put_text(json, "why", why);
    clade_json_put_text(json, "why_zh", why_zh);
    if (c->zh) {
        command_note(c, "%s。\n", why_zh);
    } else {
        command_note(c, "R%s.\n", why + 1);
    }
}

/* The figures of the fit stand beside what it says. */
static void write_verdict(const recommend_work *w)
{
    const clade_shop_behaviour_card *const card = &w->behaviour->card;
    clade_json *const                      json = command_json(w->c);
    char                                   as_of[40];
    clade_time_format(as_of, w->as_of_us);
    clade_json_put_text(json, "as_of", as_of);
    clade_json_key(json, "model");
    clade_json_object(json);
    clade_time_format(as_of, card->as_of_us);
    clade_json_put_text(json, "fitted_as_of", as_of);
    clade_json_put_int(json, "run", card->run);
    clade_json_put_number(json, "ndcg_10", card->ndcg);
    clade_json_put_text(json, "baseline", card->baseline);
    clade_json_put_number(json, "baseline_ndcg_10", card->baseline_ndcg);
    clade_json_put_number(json, "gain_ndcg_10", card->gain.value);
    clade_json_put_number(json, "gain_ndcg_10_low", card->gain.low);
    clade_json_put_number(json, "gain_ndcg_10_high", card->gain.high);
    clade_json_put_text(json, "verdict", card->trusted ? "trust" : "do not trust yet");
    clade_json_object_end(json);
    write_who(w);
    if (card->trusted || w->options.by_baseline) return;
    if (card->n_cases == 0) {
        command_note(w->c, "%s",
                     COMMAND_SAY(w->c, "Do not trust yet: nobody could be asked at the fit.\n",
                                 "暂不可信：拟合时没有可用于检验的客户。\n"));
        return;
    }
    command_note(w->c,
                 COMMAND_SAY(w->c,
                             "Do not trust yet: at the fit NDCG@10 was %.4f, that of %s %.4f.\n",
                             "暂不可信：拟合时 NDCG@10 为 %.4f，%s 为 %.4f。\n"),
                 card->ndcg, card->baseline, card->baseline_ndcg);
}

/* ---------------------------------------------------------------- one customer */

static void show_items(recommend_work *w, const clade_recommended *items, size_t n)
{
    command *const    c    = w->c;
    clade_json *const json = command_json(c);
    command_table    *t    = command_table_start(
              c, "llrw", COMMAND_SAY(c, "item", "商品"), COMMAND_SAY(c, "name", "名称"),
              COMMAND_SAY(c, "score", "得分"), COMMAND_SAY(c, "why", "原因"));
    clade_json_key(json, "items");
    clade_json_array(json);
    for (size_t i = 0; i < n; i++) {
        const clade_recommended *const one  = &items[i];
        const char *const              name = w->histories->vocabulary->item_name[one->item];
        command_cell(t, "%s", ref_of(w, one->item));
        command_cell(t, "%s", name == NULL ? "" : name);
        command_cell(t, one->ground == CLADE_GROUND_POPULAR ? "%.0f" : "%.3f", (double)one->score);
        command_cell(t, "%s", c->zh ? one->zh : one->en);
        clade_json_object(json);
        clade_json_put_text(json, "item", ref_of(w, one->item));
        clade_json_put_text(json, "name", name);
        clade_json_put_number(json, "score", (double)one->score);
        clade_json_put_text(json, "reason", c->zh ? one->zh : one->en);
        clade_json_put_text(json, "ground", clade_recommend_ground_name(one->ground));
        if (one->ground == CLADE_GROUND_EVENT || one->ground == CLADE_GROUND_OWN) {
            clade_json_put_text(json, "because_item", ref_of(w, one->because_item));
            clade_json_put_number(json, "effect", one->effect);
        }
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    command_table_end(t);
}

static clade_status recommend_one(recommend_work *w, clade_error *err)
{
    command *const    c  = w->c;
    const char *const id = c->arg[1];
    size_t            n  = 0;
    char              as_of[16];
    const int64_t     customer = clade_identity_find(w->store, clade_text_of(id));
    if (customer < 0) {
        (void)clade_fail(err, CLADE_ERR_NOT_FOUND, "there is no customer '%s' in %s", id,
                         c->arg[0]);
        clade_hint(err, "ids are those of the files that were loaded");
        return CLADE_ERR_NOT_FOUND;
    }
    CLADE_TRY(get_ready(w, &customer, err));
    clade_recommended *const items = CLADE_ARENA_NEW(c->arena, clade_recommended, w->options.n);
    if (items == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for recommendations");
    CLADE_TRY(clade_recommend(items, &n, w->recommender, customer, err));
    clade_date_format(as_of, w->as_of_us);
    clade_json_put_text(command_json(c), "customer", id);
    command_heading(c, COMMAND_SAY(c, "For customer %s as of %s", "给客户 %s，截至 %s"), id, as_of);
    if (!clade_recommender_knows(w->recommender, customer)) {
        command_print(c, "%s",
                      COMMAND_SAY(c,
                                  "Nothing is known of this customer by then: what is popular.\n",
                                  "此前没有该客户的行为记录，以下为热门商品。\n"));
    }
    show_items(w, items, n);
    write_verdict(w);
    command_next(c, "customer %s %s", c->arg[0], id);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- everybody */

static clade_status write_block(recommend_work *w, people_list *list, char **name,
                                const uint32_t *item, const float *score, size_t n_rows,
                                size_t *n_forgotten, clade_error *err)
{
    const size_t n = w->options.n;
    for (size_t i = 0; i < n_rows; i++) {
        if (name[i] == NULL) {
            *n_forgotten += 1;
            continue;
        }
        for (size_t k = 0; k < n && item[i * n + k] > 0; k++) {
            people_text(list, name[i]);
            people_number(list, (double)k + 1);
            people_text(list, ref_of(w, item[i * n + k]));
            people_number(list, (double)score[i * n + k]);
            CLADE_TRY(people_row(list, err));
        }
    }
    return CLADE_OK;
}

static clade_status write_rows(recommend_work *w, people_list *list, char **name,
                               size_t *n_forgotten, clade_error *err)
{
    const size_t    n_all  = w->histories->sequences->n_customers;
    const size_t    n      = w->options.n;
    clade_status    status = CLADE_OK;
    uint32_t *const item   = CLADE_NEW(uint32_t, BLOCK_CUSTOMERS * n);
    float *const    score  = CLADE_NEW(float, BLOCK_CUSTOMERS *n);
    if (item == NULL || score == NULL)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for recommendations");
    clade_progress_begin("recommending", (double)n_all, "customers");
    for (size_t first = 0; status == CLADE_OK && first < n_all; first += BLOCK_CUSTOMERS) {
        const size_t left   = n_all - first;
        const size_t n_rows = left < BLOCK_CUSTOMERS ? left : BLOCK_CUSTOMERS;
        status              = clade_recommend_rows(item, score, w->recommender, first, n_rows, err);
        if (status == CLADE_OK)
            status = write_block(w, list, name + first, item, score, n_rows, n_forgotten, err);
        if (status == CLADE_OK) status = clade_interrupt_check(err);
        clade_progress_update((double)(first + n_rows));
    }
    clade_progress_end();
    free(item);
    free(score);
    return status;
}

/* What went out stays on record: how many, when, by which model; no names. */
static clade_status note_run(const recommend_work *w, size_t n_customers, people_format format,
                             clade_error *err)
{
    clade_run *run = NULL;
    char       as_of[40];
    CLADE_TRY(clade_run_begin(&run, w->store, "recommend", w->c->seed, err));
    clade_time_format(as_of, w->as_of_us);
    clade_run_note(run, "as_of", as_of);
    clade_run_note(run, "format", people_format_name(format));
    clade_run_note_number(run, "customers", (double)n_customers);
    clade_run_note_number(run, "items", (double)w->options.n);
    clade_run_note_number(run, "fit", (double)w->behaviour->card.run);
    clade_run_note(run, "recommended_by",
                   w->options.by_baseline ? clade_neighbours_name(w->options.baseline)
                                          : "behaviour");
    const clade_status status = clade_run_finish(run, err);
    clade_run_free(run);
    return status;
}

static clade_status recommend_all(recommend_work *w, clade_error *err)
{
    static const char *const column[]    = { "customer", "rank", "item", "score" };
    static const bool        is_text[]   = { true, false, true, false };
    command *const           c           = w->c;
    const char *const        path        = command_value(c, "output", 0);
    people_list             *list        = NULL;
    char                   **name        = NULL;
    size_t                   n_forgotten = 0;
    char                     count[32];
    people_format            format;
    if (path == NULL && c->json)
        return clade_fail(err, CLADE_ERR_ARG, "with --json the list needs a file: -o FILE");
    CLADE_TRY(people_format_of(&format, c, path, err));
    CLADE_TRY(get_ready(w, NULL, err));
    const clade_sequences *const s = w->histories->sequences;
    CLADE_TRY(people_enough(c, s->n_customers, "recommendations for all", err));
    CLADE_TRY(people_names(&name, c, w->store, s->customer, s->n_customers, err));
    clade_status status = people_start(&list, path, format, column, is_text, 4, err);
    if (status == CLADE_OK) status = write_rows(w, list, name, &n_forgotten, err);
    if (status == CLADE_OK) status = people_finish(list, w->store, err);
    people_close(list);
    if (status != CLADE_OK) return status;
    CLADE_TRY(note_run(w, s->n_customers - n_forgotten, format, err));
    clade_json *const json = command_json(c);
    clade_json_put_text(json, "file", path);
    clade_json_put_text(json, "format", people_format_name(format));
    clade_json_put_int(json, "n_customers", (int64_t)(s->n_customers - n_forgotten));
    clade_json_put_int(json, "n_forgotten", (int64_t)n_forgotten);
    clade_json_put_int(json, "n", (int64_t)w->options.n);
    write_verdict(w);
    if (path == NULL) return CLADE_OK;
    clade_count_format(count, (int64_t)(s->n_customers - n_forgotten));
    command_print(
        c,
        COMMAND_SAY(c, "%s: %zu items each for %s customers\n", "%s：每人 %zu 件，共 %s 位客户\n"),
        path, w->options.n, count);
    return CLADE_OK;
}

static clade_status recommend_run(command *c, clade_error *err)
{
    recommend_work w = { .c = c };
    CLADE_TRY(read_options(&w, err));
    CLADE_TRY(command_open(&w.store, c, false, err));
    const clade_status status =
        command_has(c, "all") ? recommend_all(&w, err) : recommend_one(&w, err);
    clade_recommender_free(w.recommender);
    clade_shop_histories_free(w.histories);
    clade_shop_behaviour_free(w.behaviour);
    return status;
}

static const command_option options[] = {
    { "n", 'n', "N", { "items for each customer (10)", "每位客户的商品数（默认 10）" } },
    { "all", 0, NULL, { "a list for every customer", "为全部客户生成清单" } },
    { "output",
      'o',
      "FILE",
      { "where the list goes; standard output without", "清单输出文件；默认标准输出" } },
    { "format",
      0,
      "FORMAT",
      { "csv, jsonl or parquet; else by the file's ending",
        "csv、jsonl 或 parquet；默认按扩展名" } },
    { "model",
      0,
      "NAME",
      { "who recommends, whatever the verdict: behaviour, popular, own, rules, item-knn",
        "指定推荐方法：behaviour、popular、own、rules、item-knn" } },
    { "again", 0, NULL, { "also what the customer bought before", "包含客户买过的商品" } },
    { "per-category", 0, "N", { "at most so many of one category", "每个品类最多几件" } },
    { "diversity",
      0,
      "LAMBDA",
      { "1: by score alone (default); towards 0 the items differ more",
        "1 仅按得分（默认）；越接近 0 商品差异越大" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_recommend = {
    .name  = "recommend",
    .usage = "recommend WORKSPACE [CUSTOMER]",
    .summary = { "what to show a customer next, and why", "接下来给客户展示什么，以及原因" },
    .examples     = "recommend my.clade 17850 -n 10\n"
                    "recommend my.clade 17850 --per-category 2 --diversity 0.7\n"
                    "recommend my.clade --all -o recs.parquet",
    .options      = options,
    .min_args     = 1,
    .max_args     = 2,
    .in_workspace = true,
    .run          = recommend_run,
};

/* What clade bench sequence says: a table on the terminal, and everything in JSON. */
#include "bench.h"

#include <math.h>
#include <stdio.h>

/* ---------------------------------------------------------------- a table */

static void print_facts(const command *c, const clade_sequence_file *file, const clade_split *split)
{
    char customers[32], events[32], items[32], cases[32], fresh[32];
    clade_count_format(customers, (int64_t)split->sequences->n_customers);
    clade_count_format(events, (int64_t)split->sequences->n_events);
    clade_count_format(items, split->sequences->n_items);
    clade_count_format(cases, (int64_t)split->test.n_cases);
    clade_count_format(fresh, (int64_t)split->test.n_new);
    command_heading(c, COMMAND_SAY(c, "%s, protocol %s", "%s，协议 %s"), file->name,
                    clade_protocol_name(split->protocol));
    command_print(c,
                  COMMAND_SAY(c,
                              "%s customers, %s items, %s events; %s test cases, split %016llx\n",
                              "%s 位客户，%s 件商品，%s 个事件；%s 个测试问题，划分 %016llx\n"),
                  customers, items, events, cases, (unsigned long long)split->hash);
    if (file->n_rare_items > 0) {
        command_print(c,
                      COMMAND_SAY(c, "%u rare items with %llu events are left out\n",
                                  "已略去 %u 件少见商品（%llu 个事件）\n"),
                      file->n_rare_items, (unsigned long long)file->n_rare_events);
    }
    command_print(
        c,
        COMMAND_SAY(c,
                    "%.1f %% of targets are in the history, %s were never seen before; "
                    "whole catalogue, ties by expectation\n",
                    "%.1f %% 的目标在历史中出现过，%s 个从未见过；全商品排序，并列取期望\n"),
        100.0 * split->test.repeated, fresh);
    command_print(c, "%s\n",
                  split->unseen
                      ? COMMAND_SAY(c,
                                    "ranking without the items of the history (with them: +hist)",
                                    "排序不含历史商品（含历史：+hist）")
                      : COMMAND_SAY(c, "ranking with the items of the history (without: -hist)",
                                    "排序含历史商品（不含历史：-hist）"));
}

void bench_print(command *c, const clade_sequence_file *file, const clade_split *split,
                 const bench_result *result, size_t n_results)
{
    const bool basket = split->protocol == CLADE_PROTOCOL_BASKET;
    print_facts(c, file, split);
    command_table *t = command_table_start(
        c, "lrrrrrrrrrrr", COMMAND_SAY(c, "model", "模型"), basket ? "PHR@10" : "HR@10", "95 %",
        basket ? "rec@10" : "HR@20", "NDCG@10", basket ? "rec@20" : "MRR@20", "MRR",
        split->unseen ? "+hist" : "-hist", COMMAND_SAY(c, "cover", "覆盖"),
        COMMAND_SAY(c, "novel", "新颖"), COMMAND_SAY(c, "head", "热门"), "s");
    for (size_t i = 0; i < n_results; i++) {
        const clade_judgement *const j     = &result[i].judgement;
        const clade_ranking *const   m     = clade_judgement_main(j, split);
        const clade_ranking *const   other = split->unseen ? &j->all : &j->unseen;
        command_cell(t, "%s", result[i].model->name);
        command_cell(t, "%.4f", m->hit[1].value);
        command_cell(t, "%.4f-%.4f", m->hit[1].low, m->hit[1].high);
        command_cell(t, "%.4f", basket ? m->recall[1].value : m->hit[2].value);
        command_cell(t, "%.4f", m->ndcg[1].value);
        command_cell(t, "%.4f", basket ? m->recall[2].value : m->mrr_20.value);
        command_cell(t, "%.4f", m->mrr.value);
        command_cell(t, "%.4f", other->hit[1].value);
        command_cell(t, "%.3f", m->coverage_10);
        command_cell(t, "%.1f", m->novelty_10);
        command_cell(t, "%.2f", m->popular_10);
        command_cell(t, "%.1f", result[i].fitted.seconds + j->seconds);
    }
    command_table_end(t);
}

/* ---------------------------------------------------------------- JSON */

static void write_ranking(clade_json *json, const char *key, const clade_ranking *m, bool basket)
{
    char name[32];
    clade_json_key(json, key);
    clade_json_object(json);
    for (size_t k = 0; k < CLADE_RANKING_N_K; k++) {
        snprintf(name, sizeof name, basket ? "phr_%u" : "hr_%u", clade_ranking_k[k]);
        clade_interval_write(json, name, &m->hit[k]);
        snprintf(name, sizeof name, "recall_%u", clade_ranking_k[k]);
        if (basket) clade_interval_write(json, name, &m->recall[k]);
        snprintf(name, sizeof name, "ndcg_%u", clade_ranking_k[k]);
        clade_interval_write(json, name, &m->ndcg[k]);
    }
    clade_interval_write(json, "mrr", &m->mrr);
    clade_interval_write(json, "mrr_20", &m->mrr_20);
    clade_json_put_number(json, "coverage_10", m->coverage_10);
    clade_json_put_number(json, "novelty_10", m->novelty_10);
    clade_json_put_number(json, "popular_10", m->popular_10);
    clade_json_object_end(json);
}

static void write_result(clade_json *json, const char *key, const bench_result *r, bool basket)
{
    clade_json_key(json, key);
    clade_json_object(json);
    clade_json_put_text(json, "settings", r->fitted.settings);
    clade_json_put_number(json, "validation_ndcg", r->fitted.validation);
    clade_json_put_number(json, "seconds_fit", r->fitted.seconds);
    clade_json_put_number(json, "seconds_judge", r->judgement.seconds);
    write_ranking(json, "all", &r->judgement.all, basket);
    write_ranking(json, "unseen", &r->judgement.unseen, basket);
    clade_json_object_end(json);
}

/* The model judged: one that is no baseline, else the baseline that validation likes best. */
static const bench_result *judged(const bench_result *result, size_t n_results)
{
    const bench_result *best = &result[0];
    for (size_t i = 0; i < n_results; i++) {
        if (!result[i].model->baseline) return &result[i];
        if (result[i].fitted.validation > best->fitted.validation) best = &result[i];
    }
    return best;
}

void bench_write(command *c, const clade_sequence_file *file, const clade_split *split,
                 int64_t min_item_count, const bench_result *result, size_t n_results)
{
    clade_json *const         json    = command_json(c);
    const bool                basket  = split->protocol == CLADE_PROTOCOL_BASKET;
    const bench_result *const main    = judged(result, n_results);
    double                    seconds = 0.0;
    char                      hash[24];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)split->hash);
    for (size_t i = 0; i < n_results; i++)
        seconds += result[i].fitted.seconds + result[i].judgement.seconds;
    clade_json_put_text(json, "dataset", file->name);
    clade_json_put_text(json, "protocol", clade_protocol_name(split->protocol));
    clade_json_put_int(json, "n_users", (int64_t)split->sequences->n_customers);
    clade_json_put_int(json, "n_items", split->sequences->n_items);
    clade_json_put_int(json, "n_events", (int64_t)split->sequences->n_events);
    clade_json_put_int(json, "min_item_count", min_item_count);
    clade_json_put_int(json, "n_validation", (int64_t)split->validation.n_cases);
    clade_json_put_int(json, "n_test", (int64_t)split->test.n_cases);
    clade_json_put_int(json, "n_test_new_items", (int64_t)split->test.n_new);
    clade_json_put_number(json, "repeated", split->test.repeated);
    clade_json_put_text(json, "split_hash", hash);
    clade_json_put_text(json, "ties", "expectation");
    clade_json_put_text(json, "ranking", split->unseen ? "unseen" : "all");
    clade_json_put_text(json, "model", main->model->name);
    write_result(json, "metrics", main, basket);
    clade_json_key(json, "baselines");
    clade_json_object(json);
    for (size_t i = 0; i < n_results; i++) {
        if (result[i].model->baseline)
            write_result(json, result[i].model->name, &result[i], basket);
    }
    clade_json_object_end(json);
    clade_json_put_number(json, "tokens_per_s", main->fitted.tokens_per_s);
    clade_json_put_number(json, "seconds", seconds);
    clade_json_put_int(json, "seed", (int64_t)c->seed);
}

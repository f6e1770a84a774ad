/* clade bench table: a public table, a column of yes and no, and how well models tell it under
 * repeated cross-validation. */
#include "bench.h"

#include "clade/table.h"

#include <math.h>
#include <stdio.h>

enum { NAMES_MAX = 64 };

static const char *const metric_name[CLADE_N_TABLE_METRIC] = {
    "auc", "average_precision", "log_loss", "brier", "ece", "f1", "lift_top_tenth"
};

/* The values of an option, with NULL behind the last. */
static clade_status names_of(const char *out[NAMES_MAX + 1], const command *c, const char *option,
                             clade_error *err)
{
    size_t n = 0;
    for (; command_value(c, option, n) != NULL; n++) {
        if (n == NAMES_MAX) {
            return clade_fail(err, CLADE_ERR_ARG, "--%s is given more than %d times", option,
                              NAMES_MAX);
        }
        out[n] = command_value(c, option, n);
    }
    out[n] = NULL;
    return CLADE_OK;
}

static clade_status read_table(clade_table **out, const command *c, clade_error *err)
{
    const char              *category[NAMES_MAX + 1], *rising[NAMES_MAX + 1];
    const char              *falling[NAMES_MAX + 1];
    clade_table_read_options o      = { .positive = command_value(c, "positive", 0),
                                        .category = category,
                                        .rising   = rising,
                                        .falling  = falling };
    const char *const        target = command_value(c, "target", 0);
    if (target == NULL) {
        (void)clade_fail(err, CLADE_ERR_ARG, "which column is to be told?");
        clade_hint(err, "clade bench table customers.csv --target churn");
        return CLADE_ERR_ARG;
    }
    CLADE_TRY(names_of(category, c, "category", err));
    CLADE_TRY(names_of(rising, c, "rising", err));
    CLADE_TRY(names_of(falling, c, "falling", err));
    return clade_table_read(out, c->arg[1], target, &o, err);
}

static clade_status read_options(clade_table_judge_options *out, const command *c, clade_error *err)
{
    int64_t folds = 0, repeats = 0;
    CLADE_TRY(command_int(&folds, c, "folds", 5, 2, CLADE_TABLE_FOLDS_MAX, err));
    CLADE_TRY(command_int(&repeats, c, "repeats", 5, 1, CLADE_TABLE_REPEATS_MAX, err));
    *out = (clade_table_judge_options){ .n_folds   = (size_t)folds,
                                        .n_repeats = (size_t)repeats,
                                        .seed      = c->seed,
                                        .progress  = !c->quiet };
    for (size_t i = 0; command_value(c, "model", i) != NULL; i++) {
        clade_table_model model = CLADE_TABLE_BASE;
        CLADE_TRY(clade_table_model_parse(&model, command_value(c, "model", i), err));
        out->model[model] = true;
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- what is said */

static size_t count_kind(const clade_table *t, clade_table_kind kind)
{
    size_t n = 0;
    for (size_t j = 0; j < t->n_columns; j++)
        n += t->column[j].kind == kind;
    return n;
}

static void print_facts(const command *c, const clade_table *t, const clade_table_judgement *j)
{
    char rows[32];
    clade_count_format(rows, (int64_t)t->n_rows);
    command_heading(c, COMMAND_SAY(c, "%s: %s is %s", "%s：%s 为 %s"), c->arg[1], t->target,
                    t->positive);
    command_print(c,
                  COMMAND_SAY(c,
                              "%s rows, %.1f %% of them yes; %zu numbers, %zu dates, %zu "
                              "categories; %zu folds, %zu repeats, seed %llu\n",
                              "%s 行，其中 %.1f %% 为是；%zu 个数值列，%zu 个日期列，%zu "
                              "个类别列；%zu 折，重复 %zu 次，种子 %llu\n"),
                  rows, 100.0 * (double)t->n_positive / (double)t->n_rows,
                  count_kind(t, CLADE_TABLE_NUMBER), count_kind(t, CLADE_TABLE_DATE),
                  count_kind(t, CLADE_TABLE_CATEGORY), j->n_folds, j->n_repeats,
                  (unsigned long long)c->seed);
    if (t->n_left_out > 0) {
        command_print(c, COMMAND_SAY(c, "%zu rows are left out\n", "已略去 %zu 行\n"),
                      t->n_left_out);
    }
    if (t->n_repeated > 0) {
        command_print(c,
                      COMMAND_SAY(c,
                                  "%zu rows equal an earlier one: what is learnt by heart counts\n",
                                  "%zu 行与之前某行完全相同：死记硬背也会得分\n"),
                      t->n_repeated);
    }
    for (size_t i = 0; i < t->n_columns; i++) {
        if (t->column[i].kind == CLADE_TABLE_IDENTIFIER) {
            command_print(c,
                          COMMAND_SAY(c, "%s is left out: it is another in every row\n",
                                      "已略去 %s：每行都不同\n"),
                          t->column[i].name);
        } else if (t->column[i].kind == CLADE_TABLE_CONSTANT) {
            command_print(
                c,
                COMMAND_SAY(c, "%s is left out: it is always the same\n", "已略去 %s：取值恒定\n"),
                t->column[i].name);
        }
    }
    for (size_t i = 0; i < j->n_leaks; i++) {
        command_print(c,
                      COMMAND_SAY(c, "%s alone tells the target: is it known beforehand?\n",
                                  "仅凭 %s 即可判断目标：事前真的已知吗？\n"),
                      t->column[j->leak[i]].name);
    }
}

static void print_models(command *c, const clade_table_judgement *j)
{
    command_table *t =
        command_table_start(c, "lrrrrrrrrr", COMMAND_SAY(c, "model", "模型"), "AUC", "95 %", "AP",
                            COMMAND_SAY(c, "log loss", "对数损失"), "Brier", "ECE", "F1",
                            COMMAND_SAY(c, "lift", "提升"), "s");
    for (int m = 0; m < CLADE_N_TABLE_MODEL; m++) {
        const clade_interval *const one = j->metric[m];
        if (!j->judged[m]) continue;
        command_cell(t, "%s", clade_table_model_name((clade_table_model)m));
        command_cell(t, "%.4f", one[CLADE_TABLE_AUC].value);
        command_cell(t, "%.4f-%.4f", one[CLADE_TABLE_AUC].low, one[CLADE_TABLE_AUC].high);
        command_cell(t, "%.4f", one[CLADE_TABLE_AP].value);
        command_cell(t, "%.4f", one[CLADE_TABLE_LOG_LOSS].value);
        command_cell(t, "%.4f", one[CLADE_TABLE_BRIER].value);
        command_cell(t, "%.4f", one[CLADE_TABLE_ECE].value);
        command_cell(t, "%.4f", one[CLADE_TABLE_F1].value);
        command_cell(t, "%.2f", one[CLADE_TABLE_LIFT].value);
        command_cell(t, "%.1f", j->seconds[m]);
    }
    command_table_end(t);
    if (!j->judged[CLADE_TABLE_BLEND]) return;
    const clade_interval *const auc = &j->gain[CLADE_TABLE_AUC], *const ap =
                                                                     &j->gain[CLADE_TABLE_AP];
    command_print(c,
                  COMMAND_SAY(c,
                              "blend over linear: AUC %+.4f (%+.4f to %+.4f), AP %+.4f (%+.4f to "
                              "%+.4f); share of trees %.2f\n",
                              "blend 相对 linear：AUC %+.4f（%+.4f 至 %+.4f），AP %+.4f（%+.4f 至 "
                              "%+.4f）；树模型占比 %.2f\n"),
                  auc->value, auc->low, auc->high, ap->value, ap->low, ap->high, j->trees_weight);
}

static void write_metrics(clade_json *json, const clade_interval *metric)
{
    for (int m = 0; m < CLADE_N_TABLE_METRIC; m++)
        clade_interval_write(json, metric_name[m], &metric[m]);
}

static void write_left_out(clade_json *json, const char *key, const clade_table *t,
                           clade_table_kind kind)
{
    clade_json_key(json, key);
    clade_json_array(json);
    for (size_t i = 0; i < t->n_columns; i++) {
        if (t->column[i].kind == kind) clade_json_text(json, t->column[i].name);
    }
    clade_json_array_end(json);
}

static void write_answer(command *c, const clade_table *t, const clade_table_judgement *j)
{
    clade_json *const json = command_json(c);
    char              hash[24];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)t->hash);
    clade_json_put_text(json, "target", t->target);
    clade_json_put_text(json, "positive", t->positive);
    clade_json_put_text(json, "file_hash", hash);
    clade_json_put_int(json, "n_rows", (int64_t)t->n_rows);
    clade_json_put_int(json, "n_positive", (int64_t)t->n_positive);
    clade_json_put_int(json, "n_left_out", (int64_t)t->n_left_out);
    clade_json_put_int(json, "n_repeated", (int64_t)t->n_repeated);
    clade_json_put_int(json, "n_folds", (int64_t)j->n_folds);
    clade_json_put_int(json, "n_repeats", (int64_t)j->n_repeats);
    clade_json_put_int(json, "seed", (int64_t)c->seed);
    write_left_out(json, "identifiers", t, CLADE_TABLE_IDENTIFIER);
    write_left_out(json, "constants", t, CLADE_TABLE_CONSTANT);
    clade_json_key(json, "suspect_leaks");
    clade_json_array(json);
    for (size_t i = 0; i < j->n_leaks; i++)
        clade_json_text(json, t->column[j->leak[i]].name);
    clade_json_array_end(json);
    clade_json_key(json, "models");
    clade_json_object(json);
    for (int m = 0; m < CLADE_N_TABLE_MODEL; m++) {
        if (!j->judged[m]) continue;
        clade_json_key(json, clade_table_model_name((clade_table_model)m));
        clade_json_object(json);
        write_metrics(json, j->metric[m]);
        clade_json_put_number(json, "seconds", j->seconds[m]);
        clade_json_object_end(json);
    }
    clade_json_object_end(json);
    clade_json_key(json, "blend_over_linear");
    clade_json_object(json);
    write_metrics(json, j->gain);
    clade_json_object_end(json);
    clade_json_put_number(json, "net_weight", j->net_weight);
    clade_json_put_number(json, "trees_weight", j->trees_weight);
    clade_json_put_number(json, "depth", j->depth);
    clade_json_put_number(json, "n_rounds", j->n_rounds);
}

clade_status bench_table(command *c, clade_error *err)
{
    clade_table              *table     = NULL;
    clade_table_judgement     judgement = { 0 };
    clade_table_judge_options o         = { 0 };
    if (c->n_args != 2) {
        (void)clade_fail(err, CLADE_ERR_ARG, "which table is to be judged on?");
        clade_hint(err, "clade bench table customers.csv --target churn");
        return CLADE_ERR_ARG;
    }
    CLADE_TRY(read_options(&o, c, err));
    clade_status status = read_table(&table, c, err);
    if (status == CLADE_OK) status = clade_table_judge(&judgement, table, &o, err);
    if (status == CLADE_OK) {
        print_facts(c, table, &judgement);
        print_models(c, &judgement);
        write_answer(c, table, &judgement);
    }
    clade_table_free(table);
    return status;
}

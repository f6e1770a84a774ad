/* clade bench sequence: one log, one protocol, the models asked for, and figures that others can
 * repeat. clade bench vectors and table are in files of their own. */
#include "bench.h"

#include "clade/time.h"

enum { N_DRAWS = 400, MIN_COUNT_MAX = 1000000 };

/* ---------------------------------------------------------------- what was asked for */

static clade_status add_model(const bench_model **chosen, size_t *n, const char *name,
                              clade_error *err)
{
    const char *names[BENCH_MODELS_MAX + 1] = { "all-baselines" };
    size_t      n_names                     = 1;
    const bool  all                         = strcmp(name, "all-baselines") == 0;
    bool        found                       = false;
    for (const bench_model *m = bench_models; m->name != NULL; m++) {
        names[n_names++] = m->name;
        if (!(all ? m->baseline : strcmp(name, m->name) == 0)) continue;
        found      = true;
        bool known = false;
        for (size_t i = 0; i < *n; i++)
            known = known || chosen[i] == m;
        if (!known) chosen[(*n)++] = m;
    }
    if (found) return CLADE_OK;
    const char *const near = clade_text_nearest(name, names, n_names);
    (void)clade_fail(err, CLADE_ERR_ARG, "there is no model '%s'", name);
    clade_hint(err, near == NULL ? "clade bench --help lists them" : "did you mean %s?", near);
    return CLADE_ERR_ARG;
}

/* The models named; without any all baselines, and beside a model that is none of them, too. */
static clade_status choose_models(const bench_model **chosen, size_t *out_n, const command *c,
                                  clade_error *err)
{
    bool   other = false;
    size_t given = 0;
    *out_n       = 0;
    for (; command_value(c, "model", given) != NULL; given++)
        CLADE_TRY(add_model(chosen, out_n, command_value(c, "model", given), err));
    for (size_t i = 0; i < *out_n; i++)
        other = other || !chosen[i]->baseline;
    if (given == 0 || (given == 1 && other)) return add_model(chosen, out_n, "all-baselines", err);
    return CLADE_OK;
}

/* Told by the log where it is not given: a held-out part, baskets, else the last event. */
static clade_status choose_protocol(clade_protocol *out, const command *c,
                                    const clade_sequence_file *file, clade_error *err)
{
    const char *const given = command_value(c, "protocol", 0);
    if (given != NULL) return clade_protocol_parse(out, given, err);
    *out = file->held_out != NULL            ? CLADE_PROTOCOL_SESSIONS
           : file->sequences->basket != NULL ? CLADE_PROTOCOL_BASKET
                                             : CLADE_PROTOCOL_LOO;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- judging */

static clade_status judge_model(bench_result *out, const command *c, const clade_split *split,
                                const bench_model *model, clade_error *err)
{
    clade_status              status = CLADE_OK;
    const clade_judge_options o      = {
             .n_draws = N_DRAWS, .seed = c->seed, .lists = true, .progress = !c->quiet
    };
    command_note(c, "%s: %s\n", model->name, command_say(c, model->summary));
    CLADE_TRY(model->fit(&out->fitted, c, split, err));
    out->model = model;
    status = clade_judge_run(&out->judgement, &out->fitted.scorer, split, &split->test, &o, err);
    if (out->fitted.free_self != NULL) out->fitted.free_self(out->fitted.self);
    return status;
}

static clade_status sequence_run(command *c, clade_error *err)
{
    clade_status                status = CLADE_OK;
    clade_sequence_file        *file   = NULL;
    clade_split                *split  = NULL;
    const bench_model          *chosen[BENCH_MODELS_MAX];
    static bench_result         result[BENCH_MODELS_MAX];
    clade_sequence_file_options how      = { 0 };
    clade_split_options         cut      = { 0 };
    clade_protocol              protocol = CLADE_PROTOCOL_LOO;
    size_t                      n_chosen = 0, n_results = 0;
    int64_t                     min_count = 0, min_history = 0;

    CLADE_TRY(command_int(&min_count, c, "min-item-count", 1, 1, MIN_COUNT_MAX, err));
    CLADE_TRY(command_int(&min_history, c, "min-history", 1, 1, MIN_COUNT_MAX, err));
    CLADE_TRY(choose_models(chosen, &n_chosen, c, err));
    how.min_item_count = (uint32_t)min_count;
    cut.min_history    = (uint32_t)min_history;
    status             = clade_sequence_file_read(&file, c->arg[1], &how, err);
    if (status != CLADE_OK) goto done;
    status = choose_protocol(&protocol, c, file, err);
    if (status != CLADE_OK) goto done;
    status = clade_split_make(&split, file, protocol, &cut, err);
    if (status != CLADE_OK) goto done;

    for (size_t i = 0; i < n_chosen; i++) {
        if (chosen[i]->applies != NULL && !chosen[i]->applies(split)) {
            command_note(c,
                         COMMAND_SAY(c, "%s is left out: the log has no moments\n",
                                     "%s 已略过：日志没有时间\n"),
                         chosen[i]->name);
            continue;
        }
        status = judge_model(&result[n_results++], c, split, chosen[i], err);
        if (status != CLADE_OK) goto done;
    }
    if (n_results == 0) {
        status = clade_fail(err, CLADE_ERR_DATA, "%s: none of the models can be fitted on it",
                            c->arg[1]);
        goto done;
    }
    bench_print(c, file, split, result, n_results);
    bench_write(c, file, split, min_count, result, n_results);
done:
    clade_split_free(split);
    clade_sequence_file_free(file);
    return status;
}

static clade_status bench_run(command *c, clade_error *err)
{
    static const char *const words[] = { "sequence", "vectors", "table" };
    if (strcmp(c->arg[0], "vectors") == 0) return bench_vectors(c, err);
    if (strcmp(c->arg[0], "table") == 0) return bench_table(c, err);
    if (strcmp(c->arg[0], "sequence") == 0) {
        if (c->n_args == 2) return sequence_run(c, err);
        (void)clade_fail(err, CLADE_ERR_ARG, "which log is to be judged on?");
        clade_hint(err, "clade bench sequence shared/data/ml-1m");
        return CLADE_ERR_ARG;
    }
    const char *near = clade_text_nearest(c->arg[0], words, sizeof words / sizeof words[0]);
    (void)clade_fail(err, CLADE_ERR_ARG, "clade bench cannot '%s'", c->arg[0]);
    clade_hint(err, near == NULL ? "clade bench --help says what it can" : "did you mean %s?",
               near);
    return CLADE_ERR_ARG;
}

static const command_option options[] = {
    { "protocol",
      0,
      "NAME",
      { "loo, sessions, time or basket; else told by the log",
        "评测协议：loo、sessions、time 或 basket；默认按日志判断" } },
    { "model",
      0,
      "NAME",
      { "popular, popular-7d, own, markov, rules, item-knn, session-knn, all-baselines or "
        "behaviour; table: rule, linear, trees or blend; "
        "may be given more than once",
        "要评测的模型，可多次给出；默认全部基线；table：rule、linear、trees 或 blend" } },
    { "min-item-count",
      0,
      "N",
      { "leave out items seen less often in the log (1)", "略去出现次数少于 N 的商品（默认 1）" } },
    { "min-history",
      0,
      "N",
      { "sessions: events seen before the first question (1)",
        "sessions：首次提问前已见的事件数（默认 1）" } },
    { "size",
      0,
      "NAME",
      { "behaviour: small (d 64, 2 blocks), base (128, 4) or large (256, 8)",
        "behaviour：small、base 或 large" } },
    { "mixer",
      0,
      "NAMES",
      { "behaviour: decay, attention or pointwise, or a pattern as attention,decay",
        "behaviour：decay、attention、pointwise 或交替组合" } },
    { "epochs",
      0,
      "N",
      { "behaviour: passes over the log at most (20)",
        "behaviour：最多遍历日志的次数（默认 20）" } },
    { "patience",
      0,
      "N",
      { "behaviour: epochs without a gain on validation that end the search (5)",
        "behaviour：验证集无提升多少次后停止（默认 5）" } },
    { "refit-only",
      0,
      NULL,
      { "behaviour: no search on validation, learn for just --epochs from all before the test",
        "behaviour：不在验证集上搜索，直接训练 --epochs 次" } },
    { "dropout",
      0,
      "SHARE",
      { "behaviour: of dropped numbers while learning (0.2)",
        "behaviour：训练时的丢弃比例（默认 0.2）" } },
    { "moment",
      0,
      NULL,
      { "behaviour: outputs know the time since the last event",
        "behaviour：输出考虑距最近事件的时间" } },
    { "own-items",
      0,
      NULL,
      { "behaviour: items of the history get scores of their own",
        "behaviour：为客户历史中的商品另加得分" } },
    { "next-basket",
      0,
      NULL,
      { "behaviour: learn to tell items of the next basket, not more of the same",
        "behaviour：学习预测下一篮的商品，而非同一篮中的其余商品" } },
    { "outer-gate",
      0,
      NULL,
      { "behaviour: a gate around each part of a block", "behaviour：每个子层外加门控" } },
    { "return-weight",
      0,
      "X",
      { "behaviour: weight of 'comes back in 28 days?', with --moment (0)",
        "behaviour：“28 天内是否回来”目标的权重，需 --moment（默认 0）" } },
    { "future-weight",
      0,
      "X",
      { "behaviour: weight of the items of the next 28 days (0)",
        "behaviour：未来 28 天商品目标的权重（默认 0）" } },
    { "contrast-weight",
      0,
      "X",
      { "behaviour: weight of telling a customer's next 28 days from those of others (0)",
        "behaviour：区分客户与他人未来 28 天目标的权重（默认 0）" } },
    { "rate", 0, "X", { "behaviour: learning rate (0.003)", "behaviour：学习率（默认 0.003）" } },
    { "weight-decay",
      0,
      "X",
      { "behaviour: of AdamW (0)", "behaviour：AdamW 的权重衰减（默认 0）" } },
    { "temperature",
      0,
      "X",
      { "behaviour: of the cosines, 0 for plain products (0.05)",
        "behaviour：余弦温度，0 为普通内积（默认 0.05）" } },
    { "width",
      0,
      "D",
      { "behaviour: channels, instead of the size's", "behaviour：通道数，覆盖 --size" } },
    { "blocks",
      0,
      "N",
      { "behaviour: blocks, instead of the size's", "behaviour：层数，覆盖 --size" } },
    { "heads",
      0,
      "N",
      { "behaviour: heads, instead of the size's", "behaviour：头数，覆盖 --size" } },
    { "feed-forward",
      0,
      "N",
      { "behaviour: hidden channels, instead of the size's",
        "behaviour：前馈隐层宽度，覆盖 --size" } },
    { "max-events",
      0,
      "N",
      { "behaviour: latest events of a customer that are looked at (200)",
        "behaviour：只看每位客户最近的事件数（默认 200）" } },
    { "negatives",
      0,
      "N",
      { "behaviour: items drawn a step beside the targets; 0 for the whole catalogue (0)",
        "behaviour：每步随机抽取的负样本商品数，0 为全部商品（默认 0）" } },
    { "step-events",
      0,
      "N",
      { "behaviour: events of one step of learning (2048)",
        "behaviour：每步学习的事件数（默认 2048）" } },
    { "top",
      0,
      "N",
      { "vectors: categories, and items, asked for (10)",
        "vectors：检验的品类数与商品数（默认 10）" } },
    { "profiles",
      0,
      NULL,
      { "vectors: judge what customer vectors are before they are turned towards items",
        "vectors：改为检验转向商品空间之前的客户向量" } },
    { "target", 0, "COLUMN", { "table: the column to tell", "table：要预测的列" } },
    { "positive",
      0,
      "VALUE",
      { "table: the value that counts as yes; else 1, yes or true, or the rarer of two",
        "table：视为“是”的取值；默认 1、yes、true 或较少者" } },
    { "folds",
      0,
      "N",
      { "table: parts of the cross-validation (5)", "table：交叉验证折数（默认 5）" } },
    { "repeats",
      0,
      "N",
      { "table: how often it is cut anew (5)", "table：重复划分次数（默认 5）" } },
    { "category",
      0,
      "COLUMN",
      { "table: its numbers are codes; may be given more than once",
        "table：该列数字为编码，可多次给出" } },
    { "rising",
      0,
      "COLUMN",
      { "table: more of it never lowers the chance (trees); may be given more than once",
        "table：该列越大概率不减（树模型），可多次给出" } },
    { "falling",
      0,
      "COLUMN",
      { "table: more of it never raises the chance (trees); may be given more than once",
        "table：该列越大概率不增（树模型），可多次给出" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_bench = {
    .name     = "bench",
    .usage    = "bench sequence PATH | vectors WORKSPACE | table PATH --target COLUMN",
    .summary  = { "judge who tells the next item or a column best, and what customer vectors "
                   "predict",
                  "评测下一商品预测、表格列预测与客户向量的预测能力" },
    .examples = "bench sequence shared/data/ml-1m --protocol loo\n"
                "bench sequence shared/data/ml-1m --min-item-count 5 --model rules\n"
                "bench sequence shared/data/ml-1m --model behaviour --epochs 40\n"
                "bench sequence shared/data/diginetica --protocol sessions --json\n"
                "bench sequence shared/data/online-retail --protocol time\n"
                "bench vectors my.clade --as-of 2011-10-01\n"
                "bench table customers.csv --target churn",
    .options  = options,
    .min_args = 1,
    .max_args = 2,
    .run      = bench_run,
};

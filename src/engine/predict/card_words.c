/* The card of a predictor as a page of Markdown, in both languages. */
#include "card.h"
#include "predict_internal.h"

#include <math.h>
#include <stdio.h>

enum { YEARS_SEEN_TWICE = 730 };

#define SAY(en_words, zh_words) (zh ? (zh_words) : (en_words))

/* ---------------------------------------------------------------- limits */

static const char *fit_name(const clade_predict_card *card)
{
    return clade_task_is_amount(&card->task) ? "total" : "ece";
}

static const clade_predict_metric *metric_named(const clade_predict_card *card, const char *name)
{
    for (size_t k = 0; k < card->n_metrics; k++)
        if (strcmp(card->metric[k].name, name) == 0) return &card->metric[k];
    return NULL;
}

static bool limit_of_fit(clade_sentence *out, const clade_predict_card *card)
{
    const clade_predict_metric *const m = metric_named(card, fit_name(card));
    if (m == NULL) return false;
    if (!clade_task_is_amount(&card->task)) {
        if (!(m->of.low > 0.05)) return false;
        clade__say_both(out, "chances are off by %.0f points on average",
                        "概率平均偏差 %.0f 个百分点", 100 * m->of.value);
        return true;
    }
    if (!(m->of.low > 1) && !(m->of.high < 1)) return false;
    clade__say_both(out, "amounts were %.0f %% of what was spent in all: %.0f to %.0f %%",
                    "预测总额为实际的 %.0f %%（%.0f 至 %.0f %%）", 100 * m->of.value,
                    100 * m->of.low, 100 * m->of.high);
    return true;
}

static void limit_of_group(clade_sentence *out, const clade_predict_card *card,
                           const clade_predict_group *g)
{
    char en[96], zh[96];
    clade_predict_group_title(en, g, false);
    clade_predict_group_title(zh, g, true);
    (void)snprintf(out->en, sizeof out->en,
                   "fits less well for %s: %s %.3f (%.3f to %.3f), of all %.3f", en,
                   card->metric[0].name, g->first.value, g->first.low, g->first.high,
                   card->metric[0].of.value);
    (void)snprintf(out->zh, sizeof out->zh, "对“%s”较不准：%s %.3f（%.3f 至 %.3f），全体 %.3f", zh,
                   card->metric[0].name, g->first.value, g->first.low, g->first.high,
                   card->metric[0].of.value);
}

static void say_vectors(clade_sentence *out, const char *name, const clade_interval *g)
{
    const bool chance = g->low <= 0 && g->high >= 0;
    (void)snprintf(out->en, sizeof out->en,
                   "vectors add %s to trees on features: %s %+.3f (%+.3f to %+.3f)",
                   chance       ? "nothing that can be told from chance"
                   : g->low > 0 ? "something"
                                : "harm",
                   name, g->value, g->low, g->high);
    (void)snprintf(out->zh, sizeof out->zh, "向量对仅用特征的树%s：%s %+.3f（%+.3f 至 %+.3f）",
                   chance       ? "的贡献与偶然无法区分"
                   : g->low > 0 ? "有贡献"
                                : "有害",
                   name, g->value, g->low, g->high);
}

bool clade_predict_card_limit(clade_sentence *out, const clade_predict_card *card, size_t i)
{
    size_t at = 0;
    *out      = (clade_sentence){ "", "" };
    if (card->why.en[0] != '\0' && at++ == i) {
        *out = card->why;
        return true;
    }
    for (size_t g = 0; g < card->n_groups; g++) {
        if (!card->group[g].worse || at++ != i) continue;
        limit_of_group(out, card, &card->group[g]);
        return true;
    }
    if (limit_of_fit(out, card) && at++ == i) return true;
    const double days = card->first_us == INT64_MIN
                            ? (double)NAN
                            : (double)(card->as_of_us - card->first_us) / (double)CLADE_US_PER_DAY;
    if (days < YEARS_SEEN_TWICE && at++ == i) {
        clade__say_both(out, "the log spans %.0f days: no season was seen twice",
                        "数据仅 %.0f 天：任何季节都未出现两次", days);
        return true;
    }
    if (card->gain_vectors.low <= 0 && card->gain_vectors.high >= 0 &&
        card->gain_vectors.low < card->gain_vectors.high && at++ == i) {
        say_vectors(out, card->n_metrics > 0 ? card->metric[0].name : "", &card->gain_vectors);
        return true;
    }
    if (card->behaviour.en[0] != '\0' && at++ == i) {
        *out = card->behaviour;
        return true;
    }
    if (at != i) return false;
    clade__say_both(out,
                    "it says what is likely if all goes on as before, not what a contact would "
                    "change%s",
                    "它说明照旧发展时可能发生什么，而不是一次联系会改变什么%s", "");
    return true;
}

/* ---------------------------------------------------------------- gains, and what was tried */

bool clade_predict_card_gain(clade_sentence *out, const clade_predict_card *card, size_t i)
{
    static const char *const than[][2] = { { "the rule of one line", "单条规则" },
                                           { "the linear model", "线性模型" } };
    const clade_interval     gains[]   = { card->gain_rule, card->gain_linear, card->gain_vectors };
    const char *const        name      = card->n_metrics > 0 ? card->metric[0].name : "";
    for (size_t k = 0; k < 3; k++) {
        const clade_interval g = gains[k];
        /* The linear model alone gains nothing over itself, and that is not chance. */
        if (isnan(g.low) || (k == 1 && card->weight[CLADE_PREDICT_LINEAR] >= 1) || i-- != 0)
            continue;
        const bool chance = g.low <= 0 && g.high >= 0;
        if (k == 2) {
            say_vectors(out, name, &g);
            return true;
        }
        (void)snprintf(out->en, sizeof out->en, "%s over %s %+.3f (%+.3f to %+.3f)%s", name,
                       than[k][0], g.value, g.low, g.high,
                       chance ? ": no gain that can be told from chance" : "");
        (void)snprintf(out->zh, sizeof out->zh, "%s 相对%s %+.3f（%+.3f 至 %+.3f）%s", name,
                       than[k][1], g.value, g.low, g.high, chance ? "：与偶然无法区分" : "");
        return true;
    }
    return false;
}

bool clade_predict_card_search(clade_sentence *out, const clade_predict_card *card)
{
    char   names[120];
    size_t at = 0;
    names[0]  = '\0';
    *out      = (clade_sentence){ "", "" };
    if (card->n_folds_borne == 0) return false;
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
        if (card->untried[m])
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at == 0 ? "" : ", ",
                                   clade_predict_model_name((clade_predict_model)m));
    (void)snprintf(
        out->en, sizeof out->en,
        "chosen by %zu answers at %zu of %zu earlier moments, trees of %zu of %zu depths,"
        " in %.1f s%s%s",
        card->n_scored, card->n_folds, card->n_folds_borne, card->n_depths_tried, card->n_depths,
        card->search_s, at == 0 ? "" : "; not tried for lack of time: ", names);
    (void)snprintf(
        out->zh, sizeof out->zh,
        "由 %zu 个更早时点（共 %zu 个）的 %zu 个回答选出，树深度 %zu/%zu，用时 %.1f 秒%s%s",
        card->n_folds, card->n_folds_borne, card->n_scored, card->n_depths_tried, card->n_depths,
        card->search_s, at == 0 ? "" : "；因时间不足未尝试：", names);
    return true;
}

/* ---------------------------------------------------------------- the page */

static void spell(char out[32], const clade_predict_card *card, double value)
{
    if (isnan(value)) {
        (void)snprintf(out, 32, "–");
    } else if (clade_task_is_amount(&card->task)) {
        (void)snprintf(out, 32, "%.2f", value);
    } else {
        (void)snprintf(out, 32, "%.1f %%", 100 * value);
    }
}

static void put_range(clade_buffer *out, const clade_interval *of)
{
    if (isnan(of->value)) {
        clade_buffer_text(out, "–");
    } else if (isnan(of->low)) {
        clade_buffer_format(out, "%.3f", of->value);
    } else {
        clade_buffer_format(out, "%.3f (%.3f..%.3f)", of->value, of->low, of->high);
    }
}

static void put_data(clade_buffer *out, const clade_predict_card *card, bool zh)
{
    char words[256], first[16] = "–", as_of[16], judged[16], rate[32];
    clade_task_words(words, &card->task, zh);
    clade_date_format(as_of, card->as_of_us);
    clade_date_format(judged, card->judged_us);
    if (card->first_us != INT64_MIN) clade_date_format(first, card->first_us);
    spell(rate, card, card->base_rate);
    clade_buffer_format(out,
                        SAY("## Data and label\n\n- Question: the customer %s.\n",
                            "## 数据与标签\n\n- 问题：客户%s。\n"),
                        words);
    if (card->task.expression[0] != '\0')
        clade_buffer_format(out, SAY("- As SQL: `%s`\n", "- SQL：`%s`\n"), card->task.expression);
    clade_buffer_format(out,
                        SAY("- Log: %s to %s, data hash `%016llx`, run %lld, seed %llu.\n",
                            "- 数据：%s 至 %s，哈希 `%016llx`，运行 %lld，种子 %llu。\n"),
                        first, as_of, (unsigned long long)card->data_hash, (long long)card->run,
                        (unsigned long long)card->seed);
    clade_buffer_format(out,
                        SAY("- Learnt: %zu customer rows at %zu moments, %zu of them positive.\n",
                            "- 学习：%zu 条客户记录，%zu 个时点，其中发生 %zu 条。\n"),
                        card->n_learnt, card->n_moments, card->n_learnt_positive);
    clade_buffer_format(
        out,
        SAY("- Judged: %zu customers as of %s on the %d days after, %zu positive; mean %s.%s\n\n",
            "- 评估：%zu 位客户，时点 %s，之后 %d 天，发生 %zu 位；均值 %s。%s\n\n"),
        card->n_judged, judged, card->judged_days, card->n_judged_positive, rate,
        !card->by_customers ? ""
        : zh                ? "评估客户未参与学习，但时间相同。"
             : " They are other customers than those learnt from, at the same time.");
}

static void put_models(clade_buffer *out, const clade_predict_card *card, bool zh)
{
    clade_buffer_text(out, SAY("## Models tried\n\n| model | loss when chosen | weight |\n"
                               "| --- | ---: | ---: |\n",
                               "## 参选模型\n\n| 模型 | 选择时损失 | 权重 |\n"
                               "| --- | ---: | ---: |\n"));
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++) {
        clade_buffer_format(out, "| %s | ", clade_predict_model_name((clade_predict_model)m));
        if (isnan(card->loss[m])) {
            clade_buffer_text(out, "–");
        } else {
            clade_buffer_format(out, "%.4f", card->loss[m]);
        }
        clade_buffer_format(out, " | %.2f |\n", card->weight[m]);
    }
    if (isfinite(card->blend_loss))
        clade_buffer_format(out, SAY("\nThe blend loses %.4f.\n", "\n混合后损失 %.4f。\n"),
                            card->blend_loss);
    clade_sentence tried = { "", "" };
    if (isfinite(card->calibration_loss[0]))
        clade_buffer_format(out,
                            SAY("Calibrated by %s: on other moments Platt's line loses %.4f, an"
                                " isotonic curve %.4f.\n",
                                "以%s校准：在其他时点上 Platt 直线损失 %.4f，保序曲线 %.4f。\n"),
                            card->curved ? SAY("the curve", "曲线") : SAY("the line", "直线"),
                            card->calibration_loss[0], card->calibration_loss[1]);
    if (clade_predict_card_search(&tried, card))
        clade_buffer_format(out, SAY("\nSearch: %s.\n", "\n搜索：%s。\n"),
                            zh ? tried.zh : tried.en);
    if (card->n_top == 0) return;
    clade_buffer_text(out, SAY("\n## Features\n\nThe heaviest, by mean |margin| over customers.\n\n"
                               "| feature | weight | direction |\n| --- | ---: | ---: |\n",
                               "\n## 特征\n\n按客户平均 |贡献| 排序的前几项。\n\n"
                               "| 特征 | 权重 | 方向 |\n| --- | ---: | ---: |\n"));
    for (size_t i = 0; i < card->n_top; i++) {
        clade_buffer_text(out, "| ");
        clade_predict_reason_name(out, card->top[i].feature, card->top[i].group, zh);
        clade_buffer_format(out, " (`%s`) | %.3f | ",
                            clade_predict_reason_key(card->top[i].feature, card->top[i].group),
                            card->top[i].mean_margin);
        if (isnan(card->top[i].direction)) {
            clade_buffer_text(out, "– |\n");
        } else {
            clade_buffer_format(out, "%+.2f |\n", card->top[i].direction);
        }
    }
}

static void put_metrics(clade_buffer *out, const clade_predict_card *card, bool zh)
{
    clade_buffer_text(out, SAY("\n## How good\n\n| measure | answer (95 %) | rule |\n"
                               "| --- | ---: | ---: |\n",
                               "\n## 效果\n\n| 指标 | 预测（95 %） | 规则 |\n"
                               "| --- | ---: | ---: |\n"));
    for (size_t k = 0; k < card->n_metrics; k++) {
        clade_buffer_format(out, "| %s | ", card->metric[k].name);
        put_range(out, &card->metric[k].of);
        clade_buffer_format(out, " | %.3f |\n", card->metric[k].baseline);
    }
    clade_sentence gain = { "", "" };
    clade_buffer_text(out, "\n");
    for (size_t i = 0; clade_predict_card_gain(&gain, card, i); i++)
        clade_buffer_format(out, SAY("- %s.\n", "- %s。\n"), zh ? gain.zh : gain.en);
    if (card->n_tenths == 0) return;
    clade_buffer_text(out,
                      SAY("\nOf all that is to be found, the highest tenths of answers hold:\n\n"
                          "| tenths | share | by the rule | lift of the tenth |\n"
                          "| ---: | ---: | ---: | ---: |\n",
                          "\n预测最高的各十分位所含份额：\n\n"
                          "| 十分位 | 累计份额 | 按规则 | 该十分位提升 |\n"
                          "| ---: | ---: | ---: | ---: |\n"));
    for (size_t b = 0; b < card->n_tenths; b++)
        clade_buffer_format(out, "| %zu | %.1f %% | %.1f %% | %.2f |\n", b + 1,
                            100 * card->tenth[b].gain, 100 * card->tenth[b].gain_rule,
                            card->tenth[b].lift);
}

static void put_calibration(clade_buffer *out, const clade_predict_card *card, bool zh)
{
    char predicted[32], observed[32];
    clade_buffer_text(out, SAY("\n## Calibration\n\n| customers | predicted | came true |\n"
                               "| ---: | ---: | ---: |\n",
                               "\n## 校准\n\n| 客户数 | 预测 | 实际 |\n"
                               "| ---: | ---: | ---: |\n"));
    for (size_t b = 0; b < card->n_bins; b++) {
        if (card->bin[b].n == 0) continue;
        spell(predicted, card, card->bin[b].predicted);
        spell(observed, card, card->bin[b].observed);
        clade_buffer_format(out, "| %zu | %s | %s |\n", card->bin[b].n, predicted, observed);
    }
}

static void put_groups(clade_buffer *out, const clade_predict_card *card, bool zh)
{
    char rate[32], title[96];
    if (card->n_groups == 0) return;
    clade_buffer_format(
        out,
        SAY("\n## Groups\n\n| group | customers | mean | %s (95 %%) | %s (95 %%) | |\n"
            "| --- | ---: | ---: | ---: | ---: | --- |\n",
            "\n## 客户群体\n\n| 群体 | 客户数 | 均值 | %s（95 %%） | %s（95 %%） | |\n"
            "| --- | ---: | ---: | ---: | ---: | --- |\n"),
        card->metric[0].name, fit_name(card));
    for (size_t i = 0; i < card->n_groups; i++) {
        const clade_predict_group *const g = &card->group[i];
        spell(rate, card, g->base_rate);
        clade_predict_group_title(title, g, zh);
        clade_buffer_format(out, "| %s | %zu | %s | ", title, g->n, rate);
        put_range(out, &g->first);
        clade_buffer_text(out, " | ");
        put_range(out, &g->fit);
        clade_buffer_format(out, " | %s |\n", g->worse ? SAY("fits less well", "较不准") : "");
    }
}

static void put_profit(clade_buffer *out, const clade_predict_card *card, bool zh)
{
    const clade_predict_profit *const p = &card->profit;
    if (!p->known) return;
    clade_buffer_format(
        out,
        SAY("\n## Profit\n\nWith a margin of %.0f %%, %.2f %s a contact and %.0f %% of those "
            "rightly "
            "contacted moved, each worth %.2f %s:\n",
            "\n## 利润\n\n毛利率 %.0f %%，每次联系 %.2f %s，正确联系者中 %.0f %% 被打动，"
            "每位价值 %.2f %s：\n"),
        100 * p->stakes.margin, p->stakes.contact_cost, card->currency, 100 * p->stakes.save_rate,
        p->worth, card->currency);
    if (isfinite(p->threshold)) {
        clade_buffer_format(
            out,
            SAY("contact from a chance of %.1f %% up: %.3f %s a judged customer (%.3f when all are "
                "contacted).\n",
                "从概率 %.1f %% 起联系：每位被评估客户 %.3f %s（全部联系则为 %.3f）。\n"),
            100 * p->threshold, p->profit, card->currency, p->profit_all);
    } else {
        clade_buffer_text(
            out, SAY("contact nobody: no threshold pays.\n", "不联系：任何阈值都不划算。\n"));
    }
    clade_buffer_format(
        out,
        SAY("\n| | happened | did not |\n| --- | ---: | ---: |\n| contacted | %zu | %zu "
            "|\n| left alone | %zu | %zu |\n",
            "\n| | 发生 | 未发生 |\n| --- | ---: | ---: |\n| 联系 | %zu | %zu "
            "|\n| 不联系 | %zu | %zu |\n"),
        p->true_positive, p->false_positive, p->false_negative, p->true_negative);
    clade_buffer_text(out,
                      SAY("\nThe threshold was chosen on the customers it is judged on, and is a "
                          "little flattered by that.\n",
                          "\n阈值是在评估客户上选出的，因此略偏乐观。\n"));
}

static void put_limits(clade_buffer *out, const clade_predict_card *card, bool zh)
{
    clade_sentence one;
    clade_buffer_text(out, SAY("\n## Known limits\n\n", "\n## 已知局限\n\n"));
    for (size_t i = 0; clade_predict_card_limit(&one, card, i); i++)
        clade_buffer_format(out, "- %s\n", zh ? one.zh : one.en);
    clade_buffer_text(
        out,
        SAY("\n## Not to be used\n\n"
            "- For decisions about a single person with legal or like effect: credit, insurance,\n"
            "  work, refusing service, prices of their own.\n"
            "- For customers unlike those it was judged on: another shop, country or season.\n"
            "- To prove what a campaign changes: that takes a group that is left alone.\n",
            "\n## 不应使用于\n\n"
            "- 对个人有法律或类似影响的决定：信贷、保险、雇佣、拒绝服务、个人定价。\n"
            "- 与评估客户不同的客户：其他店铺、国家或季节。\n"
            "- 证明营销活动的效果：那需要一组不被联系的对照客户。\n"));
}

void clade_predict_card_markdown(clade_buffer *out, const clade_predict_card *card, bool zh)
{
    char name[96];
    clade_task_name(name, &card->task);
    clade_buffer_format(out, "# %s\n\n%s%s%s\n\n", name,
                        card->trusted ? SAY("**Trust.**", "**可信。**")
                                      : SAY("**Do not trust yet.**", "**暂不可信。**"),
                        card->why.en[0] == '\0' ? "" : " ", zh ? card->why.zh : card->why.en);
    put_data(out, card, zh);
    put_models(out, card, zh);
    put_metrics(out, card, zh);
    put_calibration(out, card, zh);
    put_groups(out, card, zh);
    put_profit(out, card, zh);
    put_limits(out, card, zh);
}

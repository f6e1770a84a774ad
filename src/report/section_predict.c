/* What customers will do: a table of all tasks, then a card a task with its judged block as
 * pictures. */
#include "sections.h"

#include "clade/report.h"
#include "predict_charts.h"

#include <math.h>
#include <stdio.h>

enum { SHOWN_TASKS = 20 }; /* with pictures; each takes about 15 KB of the page */

word_id predict_metric_word(const char *name)
{
    static const struct {
        const char *name;
        word_id     word;
    } all[] = {
        { "auc", W_AUC_SHORT },       { "average_precision", W_P_AP },
        { "log_loss", W_P_LOG_LOSS }, { "brier", W_P_BRIER },
        { "ece", W_P_ECE },           { "lift_10", W_P_LIFT },
        { "gini", W_P_GINI },         { "spearman", W_P_SPEARMAN },
        { "mae", W_P_MAE },           { "rmse", W_P_RMSE },
        { "total", W_P_TOTAL },       { "skill", W_P_SKILL },
        { "coverage", W_P_COVERAGE }, { "pinball_days", W_P_PINBALL },
        { "mae_days", W_P_MAE_DAYS }, { "width_days", W_P_WIDTH },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].name, name) == 0) return all[i].word;
    return W_AUC_SHORT;
}

static void task_words(page *p, const clade_predict_card *card)
{
    char words[256];
    clade_task_words(words, &card->task, p->zh);
    page_string(p, words);
}

static spelt base_rate(const page *p, const clade_predict_card *card, double rate)
{
    return clade_task_is_amount(&card->task) ? spell_money(p, rate * p->minor) : spell_share(rate);
}

static void range_cell(page *p, const clade_interval *of)
{
    page_put(p, "<td class=\"n\">");
    if (isnan(of->low)) {
        page_string(p, "–");
    } else {
        page_say(p, W_RANGE, spell_fixed(of->low, 3).s, spell_fixed(of->high, 3).s);
    }
    page_put(p, "</td>");
}

static void verdict_mark(page *p, const clade_predict_card *card)
{
    page_put(p, "<span class=\"mark %s\">", card->trusted ? "good" : "look");
    page_word(p, card->trusted ? W_TRUSTED : W_NOT_TRUSTED);
    page_put(p, "</span>");
    if (card->why.en[0] == '\0') return;
    page_put(p, " ");
    page_string(p, p->zh ? card->why.zh : card->why.en);
}

static void overview(page *p, const facts *f)
{
    static const word_id head[] = { W_P_QUESTION, W_P_JUDGED, W_P_HAPPENS, W_P_MEASURE,
                                    W_P_ANSWER,   W_CI,       W_P_RULE,    W_VERDICT };
    page_table_open(p, false, 1, head, sizeof head / sizeof head[0] - 1);
    for (size_t i = 0; i < f->n_predictions; i++) {
        const clade_predict_card *const   card = f->prediction[i];
        const clade_predict_metric *const m    = &card->metric[0];
        page_put(p, "<tr><td class=\"words\">");
        task_words(p, card);
        page_put(p, "<br><small>");
        verdict_mark(p, card);
        page_put(p, "</small></td>");
        page_number(p, spell_group((int64_t)card->n_judged));
        page_number(p, base_rate(p, card, card->base_rate));
        page_put(p, "<td class=\"n\">");
        page_word(p, predict_metric_word(m->name));
        page_put(p, "</td>");
        page_number(p, spell_fixed(m->of.value, 3));
        range_cell(p, &m->of);
        page_number(p, spell_fixed(m->baseline, 3));
        page_put(p, "</tr>\n");
    }
    page_table_close(p, false);
}

/* ---------------------------------------------------------------- the facts of one card */

static void fact_open(page *p, word_id name)
{
    page_between(p, "<div><dt>", name, "</dt><dd>");
}

static void fact_close(page *p)
{
    page_put(p, "</dd></div>");
}

static void fact(page *p, word_id name, word_id says, const char *a, const char *b, const char *c)
{
    fact_open(p, name);
    page_say(p, says, a, b, c);
    fact_close(p);
}

static void model_fact(page *p, const clade_predict_card *card)
{
    bool first = true;
    fact_open(p, W_P_MODEL);
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++) {
        static const word_id names[] = { W_P_M_RULE,  W_P_M_LINEAR, W_P_M_NET, W_P_M_VALUE,
                                         W_P_M_TREES, W_P_M_JOINT,  W_P_M_ZILN };
        _Static_assert(sizeof names / sizeof names[0] == CLADE_N_PREDICT_MODEL, "a word each");
        if (!(card->weight[m] > 0)) continue;
        page_put(p, "%s", first ? "" : ", ");
        page_word(p, names[m]);
        page_put(p, " ");
        page_string(p, spell_share(card->weight[m]).s);
        first = false;
    }
    fact_close(p);
}

static void card_facts(page *p, const clade_predict_card *card)
{
    page_put(p, "<dl class=\"facts\">");
    fact(p, W_P_DATA, W_RANGE, card->first_us == INT64_MIN ? "–" : spell_date(card->first_us).s,
         spell_date(card->as_of_us).s, "");
    fact(p, W_P_LEARNT, W_P_LEARNT_SAYS, spell_group((int64_t)card->n_learnt).s,
         spell_count((int64_t)card->n_moments).s, "");
    fact(p, W_P_JUDGED, W_P_JUDGED_SAYS, spell_group((int64_t)card->n_judged).s,
         spell_date(card->judged_us).s, spell_count(card->judged_days).s);
    model_fact(p, card);
    page_put(p, "</dl>\n");
}

static void metrics_table(page *p, const clade_predict_card *card)
{
    static const word_id head[] = { W_P_MEASURE, W_P_ANSWER, W_CI, W_P_RULE };
    page_between(p, "<details><summary>", W_P_METRICS, "</summary>");
    page_table_open(p, false, 1, head, sizeof head / sizeof head[0]);
    for (size_t k = 0; k < card->n_metrics; k++) {
        const clade_predict_metric *const m = &card->metric[k];
        page_row_head(p, clade_text_of(word_of(predict_metric_word(m->name), p->zh)));
        page_number(p, spell_fixed(m->of.value, 3));
        range_cell(p, &m->of);
        page_number(p, spell_fixed(m->baseline, 3));
        page_put(p, "</tr>\n");
    }
    page_table_close(p, false);
    page_put(p, "</details>");
}

static void groups_table(page *p, const clade_predict_card *card)
{
    const word_id head[] = { W_P_GROUP,   W_CUSTOMERS,
                             W_P_HAPPENS, predict_metric_word(card->metric[0].name),
                             W_CI,        clade_task_is_amount(&card->task) ? W_P_TOTAL : W_P_ECE };
    char          title[96];
    if (card->n_groups == 0) return;
    page_between(p, "<details><summary>", W_P_GROUPS, "</summary>");
    page_table_open(p, false, 1, head, sizeof head / sizeof head[0]);
    for (size_t i = 0; i < card->n_groups; i++) {
        const clade_predict_group *const g = &card->group[i];
        page_put(p, "<tr><td class=\"words\">");
        clade_predict_group_title(title, g, p->zh);
        page_string(p, title);
        if (g->worse) page_between(p, " <span class=\"mark look\">", W_P_WORSE, "</span>");
        page_put(p, "</td>");
        page_number(p, spell_group((int64_t)g->n));
        page_number(p, base_rate(p, card, g->base_rate));
        page_number(p, spell_fixed(g->first.value, 3));
        range_cell(p, &g->first);
        page_number(p, spell_fixed(g->fit.value, 3));
        page_put(p, "</tr>\n");
    }
    page_table_close(p, false);
    page_put(p, "</details>");
}

static void profit(page *p, const clade_predict_card *card)
{
    const clade_predict_profit *const one = &card->profit;
    if (!one->known) return;
    page_put(p, "<p>");
    page_say(p, W_P_STAKES, spell_share(one->stakes.margin).s,
             spell_money(p, one->stakes.contact_cost * p->minor).s,
             spell_share(one->stakes.save_rate).s, spell_money(p, one->worth * p->minor).s);
    page_put(p, " ");
    if (isfinite(one->threshold)) {
        page_say(p, W_P_PAYS, spell_share(one->threshold).s,
                 spell_money(p, one->profit * p->minor).s,
                 spell_money(p, one->profit_all * p->minor).s,
                 spell_group((int64_t)(one->true_positive + one->false_positive)).s,
                 spell_group((int64_t)one->true_positive).s,
                 spell_group((int64_t)one->false_negative).s);
    } else {
        page_word(p, W_P_PAYS_NOT);
    }
    page_put(p, "</p>\n");
}

static void limits(page *p, const clade_predict_card *card)
{
    clade_sentence one;
    page_between(p, "<h4>", W_P_LIMITS, "</h4><ul class=\"plain\">");
    for (size_t i = 0; clade_predict_card_limit(&one, card, i); i++) {
        page_put(p, "<li>");
        page_string(p, p->zh ? one.zh : one.en);
        page_put(p, "</li>");
    }
    page_put(p, "</ul>\n");
}

static void task_card(page *p, const clade_predict_card *card)
{
    page_put(p, "<article class=\"card\"><h3>");
    task_words(p, card);
    page_put(p, "</h3><p>");
    verdict_mark(p, card);
    page_put(p, "</p>");
    card_facts(p, card);
    page_put(p, "<div class=\"two\"><div>");
    predict_calibration(p, card);
    page_put(p, "</div><div>");
    predict_gains(p, card);
    page_put(p, "</div></div>");
    predict_features(p, card);
    profit(p, card);
    metrics_table(p, card);
    groups_table(p, card);
    limits(p, card);
    page_put(p, "</article>\n");
}

void section_predict(page *p, const facts *f)
{
    section_open(p, "predict", W_PREDICT_TITLE);
    page_between(p, "<p>", W_PREDICT_SAYS, "</p>");
    overview(p, f);
    for (size_t i = 0; i < f->n_predictions && i < SHOWN_TASKS; i++)
        task_card(p, f->prediction[i]);
    page_between(p, "<h3>", W_P_NOT_FOR, "</h3><ul class=\"plain\"><li>");
    page_between(p, "", W_P_NOT_FOR_PERSONS, "</li><li>");
    page_between(p, "", W_P_NOT_FOR_OTHERS, "</li><li>");
    page_between(p, "", W_P_NOT_FOR_PROOF, "</li></ul></section>\n");
}

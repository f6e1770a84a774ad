/* A study on the terminal: the table of segments, one segment's page, and what they say of the
 * future. All of it is read from the study's JSON, so that what was kept prints as what was just
 * made. */
#include "segment.h"

#include <math.h>
#include <stdlib.h>

static clade_text text_of(const clade_json_tree *tree, const clade_json_node *object,
                          const char *key)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    return node != NULL && node->type == CLADE_JSON_TEXT ? node->text : CLADE_TEXT("");
}

/* A sentence kept as `key` and `key`_zh; the English one where an older clade kept no other. */
static clade_text sentence_of(const command *c, const clade_json_tree *tree,
                              const clade_json_node *object, const char *key)
{
    char other[32];
    snprintf(other, sizeof other, "%s_zh", key);
    const clade_text said = text_of(tree, object, c->zh ? other : key);
    return said.size > 0 ? said : text_of(tree, object, key);
}

static double number_of(const clade_json_tree *tree, const clade_json_node *object, const char *key)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    return node != NULL && node->type == CLADE_JSON_NUMBER ? node->number : (double)NAN;
}

/* "12,345" of a decimal text: money is kept as text, and people read it without cents in a table.
 */
static void whole_money(char out[40], clade_text decimal)
{
    char    plain[40];
    int64_t whole = 0;
    snprintf(plain, sizeof plain, "%.*s", (int)decimal.size, decimal.data);
    if (decimal.size == 0) {
        snprintf(out, 40, "-");
        return;
    }
    whole = llround(strtod(plain, NULL));
    clade_count_format(out, whole);
}

static void percent(char out[16], double share)
{
    if (isnan(share)) {
        snprintf(out, 16, "-");
    } else {
        snprintf(out, 16, share < 0.0995 ? "%.1f %%" : "%.0f %%", 100 * share);
    }
}

static void print_row(command *c, command_table *t, const clade_json_tree *tree,
                      const clade_json_node *s)
{
    char n[32], share[16], money[40], money_share[16], back[16], next[40], held[16];
    const clade_json_node *next90  = clade_json_get(tree, s, "next_90_days");
    const clade_text       name    = text_of(tree, s, c->zh ? "name_zh" : "name");
    const double           jaccard = number_of(tree, s, "stability");
    clade_count_format(n, (int64_t)number_of(tree, s, "size"));
    percent(share, number_of(tree, s, "share"));
    whole_money(money, text_of(tree, s, "revenue"));
    percent(money_share, number_of(tree, s, "revenue_share"));
    percent(back, number_of(tree, next90, "return"));
    whole_money(next, text_of(tree, next90, "spend"));
    snprintf(held, sizeof held, isnan(jaccard) ? "-" : "%.2f", jaccard);
    command_cell(t, "%.*s", (int)name.size, name.data);
    command_cell(t, "%s", n);
    command_cell(t, "%s", share);
    command_cell(t, "%s", money);
    command_cell(t, "%s", money_share);
    command_cell(t, "%s", back);
    command_cell(t, "%s", next);
    command_cell(t, "%s", held);
}

static void print_table(command *c, const clade_json_tree *tree, const clade_json_node *list)
{
    const clade_text currency = text_of(tree, tree->node, "currency");
    char             money[48], next[64];
    snprintf(money, sizeof money, "%s %.*s", COMMAND_SAY(c, "year", "年消费"), (int)currency.size,
             currency.data);
    snprintf(next, sizeof next, "%s", COMMAND_SAY(c, "spend next 90 d", "未来90天消费"));
    command_table *t = command_table_start(
        c, "lrrrrrrr", COMMAND_SAY(c, "segment", "分群"), COMMAND_SAY(c, "customers", "人数"),
        COMMAND_SAY(c, "share", "占比"), money, COMMAND_SAY(c, "share", "占比"),
        COMMAND_SAY(c, "come back", "90天回购"), next, COMMAND_SAY(c, "stability", "稳定性"));
    size_t child = (size_t)(list - tree->node) + 1;
    for (uint32_t i = 0; i < list->n; i++, child = tree->node[child].next) {
        print_row(c, t, tree, &tree->node[child]);
    }
    command_table_end(t);
}

static void print_personas(command *c, const clade_json_tree *tree, const clade_json_node *list)
{
    size_t         child = (size_t)(list - tree->node) + 1;
    command_table *t     = command_table_start(c, "lw", NULL, NULL);
    for (uint32_t i = 0; i < list->n; i++, child = tree->node[child].next) {
        const clade_json_node *s       = &tree->node[child];
        const clade_text       name    = text_of(tree, s, c->zh ? "name_zh" : "name");
        const clade_text       persona = text_of(tree, s, c->zh ? "persona_zh" : "persona");
        command_cell(t, "%.*s", (int)name.size, name.data);
        command_cell(t, "%.*s", (int)persona.size, persona.data);
    }
    command_table_end(t);
}

/* ---------------------------------------------------------------- the future */

static void lift_row(command_table *t, const clade_json_tree *tree, const clade_json_node *lift,
                     const char *key, const char *label)
{
    const clade_json_node *one = clade_json_get(tree, lift, key);
    const double           r2  = number_of(tree, one, "r2");
    const double           n   = number_of(tree, one, "segments");
    if (isnan(r2)) return;
    command_cell(t, "%s", label);
    command_cell(t, n > 0 ? "%.0f" : "", n);
    command_cell(t, "%.3f", r2);
    command_cell(t, "%.3f-%.3f", number_of(tree, one, "r2_low"), number_of(tree, one, "r2_high"));
    command_cell(t, "%.3f", number_of(tree, one, "auc"));
    command_cell(t, "%.3f-%.3f", number_of(tree, one, "auc_low"), number_of(tree, one, "auc_high"));
}

/* Which customers the figures are of, where they are not of all. */
static void print_sample(command *c, const clade_json_tree *tree, const clade_json_node *lift)
{
    const double all     = number_of(tree, lift, "n_customers");
    const double counted = number_of(tree, lift, "n_evaluated");
    const double learnt  = number_of(tree, lift, "n_learnt");
    char         n[3][32];
    if (!(counted < all) && !(learnt < all)) return;
    clade_count_format(n[0], (int64_t)learnt);
    clade_count_format(n[1], (int64_t)counted);
    clade_count_format(n[2], (int64_t)all);
    command_print(c,
                  COMMAND_SAY(c, "Learnt from %s and judged on %s of %s buyers, a seeded sample.\n",
                              "学习用 %s 位、评估用 %s 位客户，按种子从 %s 位买家中抽取。\n"),
                  n[0], n[1], n[2]);
}

static void gain_line(command *c, const clade_json_tree *tree, const char *key, const char *label)
{
    const clade_json_node *lift = clade_json_get(tree, tree->node, "future_lift");
    const clade_json_node *gain = clade_json_get(tree, lift, key);
    if (isnan(number_of(tree, gain, "value"))) return;
    command_print(c,
                  COMMAND_SAY(c, "%s: R2 with vectors less without %+.3f (%+.3f to %+.3f).\n",
                              "%s：有向量减无向量的 R2 为 %+.3f（%+.3f 至 %+.3f）。\n"),
                  label, number_of(tree, gain, "value"), number_of(tree, gain, "low"),
                  number_of(tree, gain, "high"));
}

/* What customer vectors were, and what they add. */
static void print_vectors(command *c, const clade_json_tree *tree)
{
    const clade_json_node *v      = clade_json_get(tree, tree->node, "vectors");
    const clade_text       fitted = text_of(tree, v, "fitted_as_of");
    const clade_text       said   = sentence_of(c, tree, v, "said");
    if (v == NULL) return;
    gain_line(c, tree, "clusters_gain_by_vectors", COMMAND_SAY(c, "Clusters", "聚类"));
    gain_line(c, tree, "clade_gain_by_vectors", COMMAND_SAY(c, "Outlook", "前景"));
    command_print(c,
                  COMMAND_SAY(c,
                              "Vectors are of the behaviour model as of %.10s: %.0f parts with "
                              "%.0f %% of their variance, weighted %.2f to count as much as the "
                              "features.\n",
                              "向量来自截至 %.10s 的行为模型：%.0f 个成分，含 %.0f %% "
                              "的方差，权重 %.2f，与特征等重。\n"),
                  fitted.data, number_of(tree, v, "parts"), 100 * number_of(tree, v, "share"),
                  number_of(tree, v, "weight"));
    if (said.size == 0) return;
    command_print(c, "%s%s%s%.*s\n", command_style_code(c, COMMAND_WARN),
                  COMMAND_SAY(c, "Flattered: ", "偏乐观："), command_style_code(c, COMMAND_PLAIN),
                  (int)said.size, said.data);
    command_print(c,
                  COMMAND_SAY(c, "Judge it fairly with a model of that day: fit --as-of %.10s\n",
                              "如需公正评估，请用当日的模型：fit --as-of %.10s\n"),
                  text_of(tree, tree->node, "learnt_at").data);
}

static void print_lift(command *c, const clade_json_tree *tree)
{
    const clade_json_node *lift     = clade_json_get(tree, tree->node, "future_lift");
    const clade_json_node *measured = clade_json_get(tree, lift, "measured");
    const clade_json_node *trusted  = clade_json_get(tree, lift, "trusted");
    const clade_text       why      = sentence_of(c, tree, lift, "why");
    const bool             has_why  = why.size > 0;
    command_heading(c, "%s",
                    COMMAND_SAY(c, "How much of the next 90 days the segment alone tells",
                                "仅凭分群能预知多少未来 90 天"));
    if (measured != NULL && measured->boolean) {
        command_table *t = command_table_start(c, "lrrrrr", "", COMMAND_SAY(c, "segments", "群数"),
                                               COMMAND_SAY(c, "spend R2", "消费 R2"), "95 %",
                                               COMMAND_SAY(c, "return AUC", "回购 AUC"), "95 %");
        lift_row(t, tree, lift, "clade", COMMAND_SAY(c, "clade (outlook)", "clade（前景）"));
        lift_row(t, tree, lift, "kmeans_rfm", COMMAND_SAY(c, "k-means on R, F, M", "RFM 聚类"));
        lift_row(t, tree, lift, "rfm", COMMAND_SAY(c, "RFM groups", "RFM 分组"));
        lift_row(t, tree, lift, "lifecycle", COMMAND_SAY(c, "life cycle", "生命周期"));
        lift_row(t, tree, lift, "clusters", COMMAND_SAY(c, "clusters of likeness", "相似聚类"));
        lift_row(t, tree, lift, "clusters_with_vectors",
                 COMMAND_SAY(c, "clusters, with vectors", "相似聚类（含向量）"));
        lift_row(t, tree, lift, "clade_with_vectors",
                 COMMAND_SAY(c, "outlook, with vectors", "前景（含向量）"));
        lift_row(t, tree, lift, "ceiling",
                 COMMAND_SAY(c, "ceiling: boosted trees", "上限：梯度提升树"));
        command_table_end(t);
        command_print(c,
                      COMMAND_SAY(c, "The segments keep %.0f %% of what can be known.\n",
                                  "分群保留了可知信息的 %.0f %%。\n"),
                      100 * number_of(tree, lift, "keeps_r2"));
        print_sample(c, tree, lift);
    }
    print_vectors(c, tree);
    if (measured == NULL || !measured->boolean || trusted == NULL || !trusted->boolean) {
        command_print(c, "%s%s%s%.*s\n", command_style_code(c, COMMAND_WARN),
                      COMMAND_SAY(c, "Do not trust yet: ", "暂不可信："),
                      command_style_code(c, COMMAND_PLAIN), (int)why.size, why.data);
    } else if (has_why) {
        command_print(c, "%.*s\n", (int)why.size, why.data);
    }
}

void segment_print_all(command *c, const clade_json_tree *tree, const char *kind)
{
    const clade_json_node *kinds = clade_json_get(tree, tree->node, "kinds");
    const clade_json_node *one   = clade_json_get(tree, kinds, kind);
    const clade_json_node *list  = clade_json_get(tree, one, "segments");
    const clade_text       as_of = text_of(tree, tree->node, "as_of");
    char                   n[32];
    if (c->json || list == NULL) return;
    clade_count_format(n, (int64_t)number_of(tree, tree->node, "n_customers"));
    command_heading(c,
                    COMMAND_SAY(c, "%s customers as of %.10s, in %u segments (%s)",
                                "%s 位客户，截至 %.10s，共 %u 个分群（%s）"),
                    n, as_of.data, list->n, kind);
    if (list->n == 0) {
        const clade_text why = sentence_of(c, tree, one, "why_not");
        command_print(c, "%.*s\n", (int)why.size, why.data);
        return;
    }
    print_table(c, tree, list);
    command_heading(c, "%s", COMMAND_SAY(c, "Who they are", "他们是谁"));
    print_personas(c, tree, list);
    print_lift(c, tree);
}

/* ---------------------------------------------------------------- one segment */

static void print_differences(command *c, const clade_json_tree *tree, const clade_json_node *s)
{
    const clade_json_node *list = clade_json_get(tree, s, "differences");
    if (list == NULL || list->n == 0) return;
    command_heading(c, "%s", COMMAND_SAY(c, "What sets it apart", "与众不同之处"));
    command_table *t = command_table_start(
        c, "lrrrw", COMMAND_SAY(c, "feature", "特征"), COMMAND_SAY(c, "here", "本群"),
        COMMAND_SAY(c, "others", "其他"), COMMAND_SAY(c, "delta", "差异"), "");
    size_t child = (size_t)(list - tree->node) + 1;
    for (uint32_t i = 0; i < list->n; i++, child = tree->node[child].next) {
        const clade_json_node *one  = &tree->node[child];
        const clade_text       name = text_of(tree, one, "feature");
        const clade_text       says = text_of(tree, one, c->zh ? "zh" : "en");
        command_cell(t, "%.*s", (int)name.size, name.data);
        command_cell(t, "%.4g", number_of(tree, one, "median_in"));
        command_cell(t, "%.4g", number_of(tree, one, "median_out"));
        command_cell(t, "%+.2f", number_of(tree, one, "delta"));
        command_cell(t, "%.*s", (int)says.size, says.data);
    }
    command_table_end(t);
}

static void print_rules(command *c, const clade_json_tree *tree, const clade_json_node *s)
{
    const clade_json_node *list = clade_json_get(tree, s, "rules");
    if (list == NULL || list->n == 0) return;
    command_heading(c, "%s", COMMAND_SAY(c, "A short rule for it", "简短规则"));
    command_table *t =
        command_table_start(c, "rrw", COMMAND_SAY(c, "precision", "准确率"),
                            COMMAND_SAY(c, "catches", "覆盖率"), COMMAND_SAY(c, "rule", "规则"));
    size_t child = (size_t)(list - tree->node) + 1;
    for (uint32_t i = 0; i < list->n; i++, child = tree->node[child].next) {
        const clade_json_node *one  = &tree->node[child];
        const clade_text       says = text_of(tree, one, c->zh ? "zh" : "en");
        command_cell(t, "%.0f %%", 100 * number_of(tree, one, "precision"));
        command_cell(t, "%.0f %%", 100 * number_of(tree, one, "coverage"));
        command_cell(t, "%.*s", (int)says.size, says.data);
    }
    command_table_end(t);
    command_print(
        c,
        COMMAND_SAY(c,
                    "On customers the rules had not seen: %.0f %% of those they name are "
                    "members, and they find %.0f %% of the members.\n",
                    "在未见过的客户上：命中者中 %.0f %% 属于本群，找到本群 %.0f %% 的成员。\n"),
        100 * number_of(tree, s, "rules_precision"), 100 * number_of(tree, s, "rules_recall"));
}

void segment_print_one(command *c, const clade_json_tree *tree, const clade_json_node *s)
{
    const clade_text       name    = text_of(tree, s, c->zh ? "name_zh" : "name");
    const clade_text       key     = text_of(tree, s, "key");
    const clade_text       kind    = text_of(tree, s, "kind");
    const clade_text       persona = text_of(tree, s, c->zh ? "persona_zh" : "persona");
    const clade_json_node *next    = clade_json_get(tree, s, "next_90_days");
    const double           held    = number_of(tree, s, "stability");
    if (c->json) return;
    command_heading(c, "%.*s (%.*s, %.*s)", (int)name.size, name.data, (int)key.size, key.data,
                    (int)kind.size, kind.data);
    command_print(c, "%.*s\n\n", (int)persona.size, persona.data);
    command_table *t = command_table_start(
        c, "lrrrrrrr", COMMAND_SAY(c, "segment", "分群"), COMMAND_SAY(c, "customers", "人数"),
        COMMAND_SAY(c, "share", "占比"), COMMAND_SAY(c, "money, year", "年消费"),
        COMMAND_SAY(c, "share", "占比"), COMMAND_SAY(c, "come back", "90天回购"),
        COMMAND_SAY(c, "spend next 90 d", "未来90天消费"), COMMAND_SAY(c, "stability", "稳定性"));
    print_row(c, t, tree, s);
    command_table_end(t);
    if (!isnan(number_of(tree, next, "return_low"))) {
        command_print(c,
                      COMMAND_SAY(c, "Come back within 90 days: %.0f-%.0f %% (95 %%).\n",
                                  "90 天内回购：%.0f-%.0f %%（95 %%）。\n"),
                      100 * number_of(tree, next, "return_low"),
                      100 * number_of(tree, next, "return_high"));
    }
    if (held < 0.75) {
        command_print(
            c, "%s\n",
            COMMAND_SAY(c,
                        "Its edges move when customers are resampled (stability below .75): "
                        "act on its core, not on its border.",
                        "重抽样时边界会移动（稳定性低于 .75）：请针对核心成员行动。"));
    }
    print_differences(c, tree, s);
    print_rules(c, tree, s);
}

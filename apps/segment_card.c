/* clade segment ... card: the outlook by hand, as a sheet with points. */
#include "clade/portraits.h"
#include "segment.h"

#include <math.h>

static double number_of(const clade_json_tree *tree, const clade_json_node *object, const char *key)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    return node != NULL && node->type == CLADE_JSON_NUMBER ? node->number : (double)NAN;
}

static clade_text text_of(const clade_json_tree *tree, const clade_json_node *object,
                          const char *key)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    return node != NULL && node->type == CLADE_JSON_TEXT ? node->text : CLADE_TEXT("");
}

static const clade_json_node *child_of(const clade_json_tree *tree, const clade_json_node *list)
{
    return &tree->node[(size_t)(list - tree->node) + 1];
}

/* "at least 12", "3 to below 12", "below 3", in the unit of the feature. */
static void range_write(clade_buffer *out, const clade_json_tree *tree,
                        const clade_json_node *range, uint32_t feature, const char *currency,
                        bool zh)
{
    const double low = number_of(tree, range, "from"), high = number_of(tree, range, "below");
    const clade_condition condition = { .feature = feature,
                                        .low     = isnan(low) ? -(double)INFINITY : low,
                                        .high    = isnan(high) ? (double)INFINITY : high };
    clade_buffer          label     = { 0 };
    clade_buffer          whole     = { 0 };
    clade_feature_label_write(&label, feature, zh);
    clade_condition_write(&whole, &condition, currency, zh);
    /* The line has said what the feature is: only the range is left to say. */
    const bool starts = whole.size > label.size && label.size > 0 &&
                        memcmp(whole.data, label.data, label.size) == 0;
    const char *rest = whole.data == NULL ? "" : whole.data + (starts ? label.size : 0);
    while (*rest == ' ')
        rest++;
    clade_buffer_text(out, rest);
    clade_buffer_free(&label);
    clade_buffer_free(&whole);
}

static void print_line(command *c, command_table *t, const clade_json_tree *tree,
                       const clade_json_node *line, const char *currency)
{
    char                   name[64];
    const clade_text       feature = text_of(tree, line, "feature");
    const clade_json_node *ranges  = clade_json_get(tree, line, "ranges");
    const double           absent  = number_of(tree, line, "absent_points");
    snprintf(name, sizeof name, "%.*s", (int)feature.size, feature.data);
    const int found = clade_features_find(name);
    if (found < 0 || ranges == NULL) return;
    const clade_json_node *range = child_of(tree, ranges);
    for (uint32_t r = 0; r < ranges->n; r++, range = &tree->node[range->next]) {
        clade_buffer words = { 0 };
        if (r == 0) clade_feature_label_write(&words, (uint32_t)found, c->zh);
        command_cell(t, "%s", words.data == NULL ? "" : words.data);
        clade_buffer_clear(&words);
        range_write(&words, tree, range, (uint32_t)found, currency, c->zh);
        command_cell(t, "%s", words.data == NULL ? "" : words.data);
        command_cell(t, "%.0f", number_of(tree, range, "points"));
        clade_buffer_free(&words);
    }
    if (isnan(absent)) return;
    command_cell(t, "%s", "");
    command_cell(t, "%s", COMMAND_SAY(c, "unknown", "无记录"));
    command_cell(t, "%.0f", absent);
}

static void print_totals(command *c, const clade_json_tree *tree, const clade_json_node *card)
{
    const clade_json_node *kinds    = clade_json_get(tree, tree->node, "kinds");
    const clade_json_node *outlook  = clade_json_get(tree, kinds, "outlook");
    const clade_json_node *segments = clade_json_get(tree, outlook, "segments");
    const clade_json_node *from     = clade_json_get(tree, card, "segment_from_points");
    if (segments == NULL || from == NULL) return;
    command_heading(c, "%s", COMMAND_SAY(c, "The sum says", "总分对应"));
    command_table         *t = command_table_start(c, "lr", COMMAND_SAY(c, "segment", "分群"),
                                                   COMMAND_SAY(c, "from points", "分数起点"));
    const clade_json_node *segment = child_of(tree, segments), *points = child_of(tree, from);
    for (uint32_t s = 0; s < segments->n; s++, segment = &tree->node[segment->next]) {
        const clade_text name = text_of(tree, segment, c->zh ? "name_zh" : "name");
        command_cell(t, "%.*s", (int)name.size, name.data);
        if (s < from->n) {
            command_cell(t, "%.0f", points[s].number);
        } else {
            command_cell(t, "%s", COMMAND_SAY(c, "never bought", "尚未购买"));
        }
    }
    command_table_end(t);
}

clade_status segment_card(command *c, clade_store *store, clade_error *err)
{
    clade_json_tree tree = { 0 };
    char            currency[8];
    CLADE_TRY(segment_study_open(&tree, c, store, err));
    const clade_json_node *card = clade_json_get(&tree, tree.node, "card");
    const clade_text       code = text_of(&tree, tree.node, "currency");
    if (card == NULL || card->type != CLADE_JSON_OBJECT) {
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "%s has no points card: it takes an outlook, and 50 buyers to write one",
                          c->arg[0]);
    }
    clade_json_key(command_json(c), "card");
    clade_json_copy(command_json(c), &tree, card);
    if (c->json) return CLADE_OK;

    const clade_json_node *lines = clade_json_get(&tree, card, "lines");
    snprintf(currency, sizeof currency, "%.*s", (int)code.size, code.data);
    command_heading(c, "%s", COMMAND_SAY(c, "The outlook by hand", "手算前景"));
    command_table *t =
        command_table_start(c, "llr", COMMAND_SAY(c, "look at", "看"),
                            COMMAND_SAY(c, "when it is", "若为"), COMMAND_SAY(c, "points", "得分"));
    const clade_json_node *line = lines == NULL ? NULL : child_of(&tree, lines);
    for (uint32_t l = 0; lines != NULL && l < lines->n; l++, line = &tree.node[line->next])
        print_line(c, t, &tree, line, currency);
    command_table_end(t);
    print_totals(c, &tree, card);
    command_print(
        c,
        COMMAND_SAY(c,
                    "\nOf %.0f customers the card had not seen, it names the segment of "
                    "%.0f %%, and misses by one segment at most for %.1f %%.\n",
                    "\n在未见过的 %.0f 位客户中，记分卡准确命名 %.0f%%，相差不超过一档的占 "
                    "%.1f%%。\n"),
        number_of(&tree, card, "n_judged"), 100 * number_of(&tree, card, "fidelity"),
        100 * number_of(&tree, card, "fidelity_within_one"));
    return CLADE_OK;
}

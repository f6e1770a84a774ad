/* clade segment ... flows: who moved from which segment to which between two moments. */
#include "clade/flows.h"
#include "segment.h"

#include <math.h>
#include <stdlib.h>

enum { HORIZON_DAYS = 90, N_SHOWN = 12 };

/* The moments compared: --from and --to, else the study's moment and 90 days before. */
static clade_status settle(int64_t *out_from_us, int64_t *out_to_us, const command *c,
                           const clade_json_tree *tree, clade_error *err)
{
    const char            *from  = command_value(c, "from", 0);
    const char            *to    = command_value(c, "to", 0);
    const clade_json_node *as_of = clade_json_get(tree, tree->node, "as_of");
    char                   text[40];
    snprintf(text, sizeof text, "%.*s", as_of == NULL ? 0 : (int)as_of->text.size,
             as_of == NULL ? "" : as_of->text.data);
    CLADE_TRY(clade_time_parse(out_to_us, to == NULL ? text : to, err));
    *out_from_us = *out_to_us - HORIZON_DAYS * CLADE_US_PER_DAY;
    if (from != NULL) CLADE_TRY(clade_time_parse(out_from_us, from, err));
    if (*out_from_us < *out_to_us) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_ARG, "--from %s is not before --to %s",
                      from == NULL ? "" : from, to == NULL ? text : to);
}

static clade_status kind_of(clade_segment_kind *out, const command *c, const clade_json_tree *tree,
                            clade_error *err)
{
    const clade_json_node *best  = clade_json_get(tree, tree->node, "kind");
    const char            *given = command_value(c, "kind", 0);
    char                   text[32];
    snprintf(text, sizeof text, "%.*s", best == NULL ? 0 : (int)best->text.size,
             best == NULL ? "" : best->text.data);
    return clade_segment_kind_parse(out, given == NULL ? text : given, err);
}

/* ---------------------------------------------------------------- words */

typedef struct named_flow {
    size_t from, to;
    size_t n;
} named_flow;

static int compare_flow(const void *a, const void *b)
{
    const named_flow *x = a, *y = b;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static const char *name_of(const command *c, const clade_segmentation *segmentation, size_t s,
                           bool before)
{
    if (s == clade_segmentation_n(segmentation)) {
        return before ? COMMAND_SAY(c, "(not here yet)", "（尚未出现）")
                      : COMMAND_SAY(c, "(no longer counted)", "（不再计入）");
    }
    const clade_segment_name *name = clade_segmentation_name(segmentation, s);
    return c->zh ? name->zh : name->en;
}

static void money_cell(command_table *t, int64_t minor, const char *currency)
{
    char      text[40];
    const int digits = currency[0] == '\0' ? 2 : clade_currency_digits(currency);
    clade_count_format(text, llround((double)minor / pow(10, digits)));
    command_cell(t, "%s", text);
}

static void print_net(command *c, const clade_flows *flows, const clade_segmentation *segmentation,
                      const char *currency)
{
    command_table *t = command_table_start(
        c, "lrrrrrrr", COMMAND_SAY(c, "segment", "分群"), COMMAND_SAY(c, "before", "之前"),
        COMMAND_SAY(c, "stayed", "留存"), COMMAND_SAY(c, "came", "进入"),
        COMMAND_SAY(c, "left", "离开"), COMMAND_SAY(c, "now", "现在"),
        COMMAND_SAY(c, "spent before", "此前消费"), COMMAND_SAY(c, "spent now", "现在消费"));
    for (size_t s = 0; s < flows->n_segments; s++) {
        int64_t      before = 0, after = 0;
        const size_t stayed = flows->flow[s][s].n;
        for (size_t k = 0; k <= flows->n_segments; k++) {
            before += flows->flow[s][k].before_minor;
            after += flows->flow[k][s].after_minor;
        }
        command_cell(t, "%s", name_of(c, segmentation, s, true));
        command_cell(t, "%zu", flows->n_before[s]);
        command_cell(t, "%zu", stayed);
        command_cell(t, "%zu", flows->n_after[s] - stayed);
        command_cell(t, "%zu", flows->n_before[s] - stayed);
        command_cell(t, "%zu", flows->n_after[s]);
        money_cell(t, before, currency);
        money_cell(t, after, currency);
    }
    command_table_end(t);
}

static void print_moves(command *c, const clade_flows *flows,
                        const clade_segmentation *segmentation, const char *currency)
{
    named_flow moves[(CLADE_SEGMENTS_MAX + 1) * (CLADE_SEGMENTS_MAX + 1)];
    size_t     n = 0;
    for (size_t i = 0; i <= flows->n_segments; i++) {
        for (size_t j = 0; j <= flows->n_segments; j++) {
            if (i == j || (int64_t)flows->flow[i][j].n < c->min_group) continue;
            moves[n++] = (named_flow){ i, j, flows->flow[i][j].n };
        }
    }
    if (n == 0) return;
    qsort(moves, n, sizeof moves[0], compare_flow);
    command_heading(c, "%s", COMMAND_SAY(c, "Largest moves", "最大的流动"));
    command_table *t = command_table_start(c, "rllrr", COMMAND_SAY(c, "customers", "人数"),
                                           COMMAND_SAY(c, "from", "从"), COMMAND_SAY(c, "to", "到"),
                                           COMMAND_SAY(c, "spent before", "此前消费"),
                                           COMMAND_SAY(c, "spent now", "现在消费"));
    for (size_t k = 0; k < n && k < N_SHOWN; k++) {
        const clade_flow *flow = &flows->flow[moves[k].from][moves[k].to];
        command_cell(t, "%zu", flow->n);
        command_cell(t, "%s", name_of(c, segmentation, moves[k].from, true));
        command_cell(t, "%s", name_of(c, segmentation, moves[k].to, false));
        money_cell(t, flow->before_minor, currency);
        money_cell(t, flow->after_minor, currency);
    }
    command_table_end(t);
}

static void put_money(clade_json *json, const char *key, int64_t minor, const char *currency)
{
    char text[40];
    clade_money_format(text, minor, currency[0] == '\0' ? "USD" : currency, false);
    clade_json_put_text(json, key, text);
}

static void write_json(clade_json *json, const clade_flows *flows,
                       const clade_segmentation *segmentation, const char *currency)
{
    char         from[40], to[40];
    const size_t n = flows->n_segments;
    clade_time_format(from, flows->from_us);
    clade_time_format(to, flows->to_us);
    clade_json_put_text(json, "kind",
                        clade_segment_kind_name(clade_segmentation_kind(segmentation)));
    clade_json_put_text(json, "from", from);
    clade_json_put_text(json, "to", to);
    clade_json_put_text(json, "currency", currency);
    clade_json_put_int(json, "n_both", (int64_t)flows->n_both);
    clade_json_put_int(json, "n_moved", (int64_t)flows->n_moved);
    clade_json_key(json, "flows");
    clade_json_array(json);
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= n; j++) {
            const clade_flow *flow = &flows->flow[i][j];
            if (flow->n == 0) continue;
            clade_json_object(json);
            clade_json_put_text(json, "from",
                                i == n ? NULL : clade_segmentation_name(segmentation, i)->key);
            clade_json_put_text(json, "to",
                                j == n ? NULL : clade_segmentation_name(segmentation, j)->key);
            clade_json_put_int(json, "n", (int64_t)flow->n);
            put_money(json, "spent_before", flow->before_minor, currency);
            put_money(json, "spent_now", flow->after_minor, currency);
            clade_json_object_end(json);
        }
    }
    clade_json_array_end(json);
}

/* ---------------------------------------------------------------- all of it */

clade_status segment_flows(command *c, clade_store *store, clade_error *err)
{
    clade_json_tree     tree         = { 0 };
    clade_segmentation *segmentation = NULL;
    clade_members       before = { 0 }, after = { 0 };
    clade_flows         flows;
    clade_segment_kind  kind;
    int64_t             from_us, to_us, version, fitted_us;
    char                currency[4] = "", from[16], to[16];
    clade_status        status;
    CLADE_TRY(segment_study_open(&tree, c, store, err));
    CLADE_TRY(settle(&from_us, &to_us, c, &tree, err));
    CLADE_TRY(kind_of(&kind, c, &tree, err));
    if (clade_store_setting_get(currency, sizeof currency, store, "currency", NULL) != CLADE_OK)
        currency[0] = '\0';
    status = clade_segmentation_load(&segmentation, &version, &fitted_us, store, kind, err);
    if (status != CLADE_OK) goto done;
    status = clade_members_get(&before, store, segmentation, version, from_us, HORIZON_DAYS, err);
    if (status != CLADE_OK) goto done;
    status = clade_members_get(&after, store, segmentation, version, to_us, HORIZON_DAYS, err);
    if (status != CLADE_OK) goto done;
    status = clade_flows_count(&flows, &before, &after, clade_segmentation_n(segmentation), err);
    if (status != CLADE_OK) goto done;
    write_json(command_json(c), &flows, segmentation, currency);
    if (!c->json) {
        clade_date_format(from, from_us);
        clade_date_format(to, to_us);
        command_heading(c, COMMAND_SAY(c, "From %s to %s (%s)", "从 %s 到 %s（%s）"), from, to,
                        clade_segment_kind_name(kind));
        command_print(c,
                      COMMAND_SAY(c,
                                  "%zu customers were there both times, %zu of them moved; money "
                                  "is of the %d days before each moment.\n\n",
                                  "两个时刻都在的客户 %zu 位，其中 %zu 位移动；金额为各时刻前 %d "
                                  "天。\n\n"),
                      flows.n_both, flows.n_moved, HORIZON_DAYS);
        print_net(c, &flows, segmentation, currency);
        print_moves(c, &flows, segmentation, currency);
    }
done:
    clade_members_free(&before);
    clade_members_free(&after);
    clade_segmentation_free(segmentation);
    return status;
}

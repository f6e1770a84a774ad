/* clade segment define, undefine, and show of a rule: who is in it, as of any moment. */
#include "people.h"
#include "segment.h"

#include "clade/rule_segments.h"

#include <math.h>

/* ---------------------------------------------------------------- words */

static void print_overlaps(command *c, const clade_rule_look *look)
{
    if (look->n_overlaps == 0) return;
    command_heading(c, "%s", COMMAND_SAY(c, "Where they are else", "同时属于"));
    command_table *t = command_table_start(
        c, "llrrr", COMMAND_SAY(c, "segment", "分群"), COMMAND_SAY(c, "kind", "种类"),
        COMMAND_SAY(c, "in both", "共有"), COMMAND_SAY(c, "of these", "占本群"),
        COMMAND_SAY(c, "times all", "相对全体"));
    for (size_t i = 0; i < look->n_overlaps; i++) {
        const clade_overlap *o = &look->overlap[i];
        char                 n[32];
        if ((int64_t)o->n_both < c->min_group) continue; /* too few to be told apart safely */
        clade_count_format(n, (int64_t)o->n_both);
        command_cell(t, "%s", c->zh ? o->name.zh : o->name.en);
        command_cell(t, "%s", o->kind);
        command_cell(t, "%s", n);
        command_cell(t, "%.0f %%", 100.0 * (double)o->n_both / (double)look->n);
        command_cell(t, "%.1f", o->lift);
    }
    command_table_end(t);
}

static void print_differences(command *c, const clade_rule_look *look)
{
    const clade_portrait *p = &look->portrait;
    if (!look->has_portrait || p->n_differences == 0) return;
    command_heading(c, "%s", COMMAND_SAY(c, "What sets them apart", "与众不同之处"));
    command_table *t = command_table_start(
        c, "lrrrw", COMMAND_SAY(c, "feature", "特征"), COMMAND_SAY(c, "here", "本群"),
        COMMAND_SAY(c, "others", "其他"), COMMAND_SAY(c, "delta", "差异"), "");
    for (size_t i = 0; i < p->n_differences; i++) {
        const clade_difference *d       = &p->difference[i];
        const clade_feature    *feature = &clade_features_all(&(size_t){ 0 })[d->feature];
        command_cell(t, "%s", feature->name);
        command_cell(t, "%.4g", d->median_in);
        command_cell(t, "%.4g", d->median_out);
        command_cell(t, "%+.2f", d->delta);
        command_cell(t, "%s", c->zh ? feature->zh : feature->en);
    }
    command_table_end(t);
}

static void print_look(command *c, const clade_rule_segment *segment, const clade_rule_look *look,
                       const char *rule, const char *words)
{
    const clade_portrait *p = &look->portrait;
    char                  n[32], money[40], as_of[40];
    clade_time_format(as_of, look->as_of_us);
    clade_count_format(n, (int64_t)p->n);
    clade_money_format(money, p->revenue_minor, look->currency, true);
    command_heading(c, COMMAND_SAY(c, "%s (rule, version %lld)", "%s（规则，第 %lld 版）"),
                    segment->name, (long long)segment->version);
    command_print(c, "%s\n%s\n\n", rule, words);
    if (look->has_portrait) {
        command_print(c, "%s\n", c->zh ? p->persona_zh : p->persona_en);
    }
    command_print(c,
                  COMMAND_SAY(c, "%s customers as of %.10s, %.1f %% of all",
                              "%s 位客户（截至 %.10s），占全部 %.1f %%"),
                  n, as_of, 100 * p->share);
    if (look->currency[0] != '\0') {
        command_print(c,
                      COMMAND_SAY(c, "; %s %s in the year before, %.1f %% of all money",
                                  "；过去一年消费 %s %s，占全部 %.1f %%"),
                      money, look->currency, 100 * p->revenue_share);
    }
    command_print(c, "\n");
    print_overlaps(c, look);
    print_differences(c, look);
}

/* ---------------------------------------------------------------- the same as JSON */

static void write_overlaps(clade_json *json, const command *c, const clade_rule_look *look)
{
    clade_json_key(json, "overlap");
    clade_json_array(json);
    for (size_t i = 0; i < look->n_overlaps; i++) {
        const clade_overlap *o = &look->overlap[i];
        if ((int64_t)o->n_both < c->min_group) continue;
        clade_json_object(json);
        clade_json_put_text(json, "key", o->name.key);
        clade_json_put_text(json, "kind", o->kind);
        clade_json_put_int(json, "n", (int64_t)o->n_other);
        clade_json_put_int(json, "n_both", (int64_t)o->n_both);
        clade_json_put_number(json, "lift", o->lift);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void write_differences(clade_json *json, const clade_portrait *p)
{
    clade_json_key(json, "differences");
    clade_json_array(json);
    for (size_t i = 0; i < p->n_differences; i++) {
        const clade_difference *d       = &p->difference[i];
        const clade_feature    *feature = &clade_features_all(&(size_t){ 0 })[d->feature];
        clade_json_object(json);
        clade_json_put_text(json, "feature", feature->name);
        clade_json_put_number(json, "delta", d->delta);
        clade_json_put_number(json, "q", d->q);
        clade_json_put_number(json, "median_in", d->median_in);
        clade_json_put_number(json, "median_out", d->median_out);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void write_json(command *c, const clade_rule_segment *segment, const clade_rule_look *look,
                       const char *rule, const char *words)
{
    clade_json *json = command_json(c);
    char        money[40], as_of[40];
    clade_time_format(as_of, look->as_of_us);
    clade_money_format(money, look->portrait.revenue_minor, look->currency, false);
    clade_json_key(json, "segment");
    clade_json_object(json);
    clade_json_put_text(json, "key", segment->name);
    clade_json_put_text(json, "name", segment->name);
    clade_json_put_text(json, "kind", "rule");
    clade_json_put_int(json, "version", segment->version);
    clade_json_put_text(json, "rule", rule);
    clade_json_put_text(json, "words", words);
    clade_json_put_text(json, "as_of", as_of);
    clade_json_put_int(json, "size", (int64_t)look->n);
    clade_json_put_number(json, "share", look->portrait.share);
    clade_json_put_text(json, "revenue", look->currency[0] != '\0' ? money : NULL);
    clade_json_put_text(json, "currency", look->currency[0] != '\0' ? look->currency : NULL);
    clade_json_put_number(json, "revenue_share", look->portrait.revenue_share);
    clade_json_put_text(json, "persona", look->has_portrait ? look->portrait.persona_en : NULL);
    clade_json_put_text(json, "persona_zh", look->has_portrait ? look->portrait.persona_zh : NULL);
    write_overlaps(json, c, look);
    write_differences(json, &look->portrait);
    clade_json_object_end(json);
}

/* ---------------------------------------------------------------- the verbs */

static clade_status look_at(command *c, clade_store *store, const clade_rule_segments *segments,
                            const clade_rule_segment *segment, bool keep, clade_error *err)
{
    clade_rule_look look = { 0 };
    clade_buffer    rule = { 0 }, words = { 0 };
    int64_t         as_of_us;
    CLADE_TRY(segment_moment(&as_of_us, c, store, err));
    CLADE_TRY(clade_rule_look_make(&look, store, segments, segment, as_of_us, c->seed, err));
    clade_rule_tree_print(&rule, segment->tree);
    clade_rule_tree_say(&words, segment->tree, look.currency, c->zh);
    clade_status status = CLADE_OK;
    if (rule.failed || words.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a rule");
    } else {
        if (keep)
            status = clade_rule_segment_keep(store, segment, as_of_us, look.customer, look.n, err);
        if (!c->json) print_look(c, segment, &look, rule.data, words.data);
        write_json(c, segment, &look, rule.data, words.data);
        command_next(c, "export %s --segment %s -o %s.csv", c->arg[0], segment->name,
                     segment->name);
    }
    clade_buffer_free(&rule);
    clade_buffer_free(&words);
    clade_rule_look_free(&look);
    return status;
}

clade_status segment_rule_show(bool *out_found, command *c, clade_store *store, const char *name,
                               clade_error *err)
{
    clade_rule_segments segments = { 0 };
    CLADE_TRY(clade_rule_segments_load(&segments, store, err));
    const clade_rule_segment *it = clade_rule_segments_find(&segments, name);
    const clade_status        status =
        it == NULL ? CLADE_OK : look_at(c, store, &segments, it, false, err);
    *out_found = it != NULL;
    clade_rule_segments_free(&segments);
    return status;
}

/* A definition is a run of its own: what was said, when, by which build. */
static clade_status write_down(int64_t *out_version, command *c, clade_store *store,
                               const char *name, const char *rule, clade_error *err)
{
    clade_run *run = NULL;
    int64_t    as_of_us;
    char       as_of[40];
    CLADE_TRY(segment_moment(&as_of_us, c, store, err));
    clade_status status = clade_run_begin(&run, store, "segment", c->seed, err);
    if (status != CLADE_OK) return status;
    clade_time_format(as_of, as_of_us);
    clade_run_note(run, rule != NULL ? "define" : "undefine", name);
    clade_run_note(run, "as_of", as_of);
    if (rule != NULL) {
        clade_run_note(run, "rule", rule);
        status = clade_rule_segment_define(out_version, store, name, rule, as_of_us,
                                           clade_run_number(run), err);
    } else {
        status = clade_rule_segment_undefine(store, name, as_of_us, clade_run_number(run), err);
    }
    if (status == CLADE_OK) status = clade_run_finish(run, err);
    clade_run_free(run);
    return status;
}

clade_status segment_define(command *c, clade_store *store, clade_error *err)
{
    clade_rule_segments segments = { 0 };
    int64_t             version  = 0;
    if (c->n_args < 4) {
        (void)clade_fail(err, CLADE_ERR_ARG, "a definition is a name and a rule");
        clade_hint(err,
                   "clade segment %s define winners 'spend(365d) > 500 and no purchase for 30d'",
                   c->arg[0]);
        return CLADE_ERR_ARG;
    }
    CLADE_TRY(write_down(&version, c, store, c->arg[2], c->arg[3], err));
    CLADE_TRY(clade_rule_segments_load(&segments, store, err));
    const clade_rule_segment *it = clade_rule_segments_find(&segments, c->arg[2]);
    const clade_status        status =
        it != NULL
                   ? look_at(c, store, &segments, it, true, err)
                   : clade_fail(err, CLADE_ERR_DATA, "'%s' was defined and is not there", c->arg[2]);
    clade_rule_segments_free(&segments);
    return status;
}

clade_status segment_undefine(command *c, clade_store *store, clade_error *err)
{
    if (c->n_args < 3) {
        (void)clade_fail(err, CLADE_ERR_ARG, "which rule is to be taken back?");
        clade_hint(err, "clade segment %s undefine winners", c->arg[0]);
        return CLADE_ERR_ARG;
    }
    CLADE_TRY(write_down(NULL, c, store, c->arg[2], NULL, err));
    clade_json_put_text(command_json(c), "undefined", c->arg[2]);
    command_print(c,
                  COMMAND_SAY(c, "%s is no segment any more; what was kept of it stays.\n",
                              "%s 不再是分群；已保存的成员记录保留。\n"),
                  c->arg[2]);
    return CLADE_OK;
}

size_t segment_list_rules(command *c, clade_store *store)
{
    clade_rule_segments segments = { 0 };
    clade_json         *json     = command_json(c);
    if (clade_rule_segments_load(&segments, store, NULL) != CLADE_OK) return 0;
    clade_json_key(json, "rules");
    clade_json_array(json);
    if (segments.n > 0 && !c->json)
        command_heading(c, "%s", COMMAND_SAY(c, "Segments by rule", "规则分群"));
    command_table *t = command_table_start(c, "lw", NULL, NULL);
    for (size_t i = 0; i < segments.n; i++) {
        clade_buffer rule = { 0 };
        clade_rule_tree_print(&rule, segments.one[i].tree);
        command_cell(t, "%s", segments.one[i].name);
        command_cell(t, "%s", rule.failed ? "" : rule.data);
        clade_json_object(json);
        clade_json_put_text(json, "key", segments.one[i].name);
        clade_json_put_int(json, "version", segments.one[i].version);
        clade_json_put_text(json, "rule", rule.failed ? "" : rule.data);
        clade_json_object_end(json);
        clade_buffer_free(&rule);
    }
    if (segments.n > 0) command_table_end(t);
    clade_json_array_end(json);
    const size_t n = segments.n;
    clade_rule_segments_free(&segments);
    return n;
}

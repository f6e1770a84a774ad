/* clade segment: make the segments, show one, see how customers move, find more like some. */
#include "segment.h"

static clade_status options_of(clade_study_options *out, const command *c, clade_error *err)
{
    const char *clusters = command_value(c, "clusters", 0);
    const char *with     = command_value(c, "with", 0);
    if (with != NULL && strcmp(with, "behaviour") != 0) {
        (void)clade_fail(err, CLADE_ERR_ARG, "segments cannot be made with '%s'", with);
        clade_hint(err, "there is one model to make them with: --with behaviour");
        return CLADE_ERR_ARG;
    }
    *out = (clade_study_options){ .has_as_of = c->has_as_of,
                                  .as_of_us  = c->as_of_us,
                                  .seed      = c->seed };
    return clusters == NULL ? CLADE_OK : clade_clustering_parse(&out->clusters, clusters, err);
}

clade_status segment_moment(int64_t *out_us, const command *c, clade_store *store, clade_error *err)
{
    if (c->has_as_of) {
        *out_us = c->as_of_us;
        return CLADE_OK;
    }
    int64_t last_us = INT64_MIN;
    CLADE_TRY(
        clade_store_int(&last_us, store, "SELECT max(at_us) FROM event", NULL, 0, INT64_MIN, err));
    if (last_us == INT64_MIN) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY, "%s holds no events yet", c->arg[0]);
        clade_hint(err, "run: clade load %s FILE...", c->arg[0]);
        return CLADE_ERR_NOT_READY;
    }
    const clade_civil last = clade_civil_from_us(last_us);
    *out_us = (clade_days_from_civil(last.year, last.month, last.day) + 1) * CLADE_US_PER_DAY;
    return CLADE_OK;
}

static clade_status copy_study(clade_json_tree *out_tree, command *c, clade_text text,
                               clade_error *err)
{
    const char *copy = clade_arena_text(c->arena, text.data, text.size);
    if (copy == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the segments");
    return clade_json_parse(out_tree, (clade_text){ copy, text.size }, c->arena, err);
}

clade_status segment_study_open(clade_json_tree *out_tree, command *c, clade_store *store,
                                clade_error *err)
{
    clade_buffer text   = { 0 };
    clade_status status = clade_study_read(&text, store, err);
    if (status == CLADE_OK) {
        status = copy_study(out_tree, c, (clade_text){ text.data, text.size }, err);
    }
    clade_buffer_free(&text);
    return status;
}

static bool names_it(const clade_json_tree *tree, const clade_json_node *segment, const char *name)
{
    static const char *const keys[] = { "key", "name", "name_zh" };
    for (size_t k = 0; k < 3; k++) {
        const clade_json_node *node = clade_json_get(tree, segment, keys[k]);
        if (node != NULL && clade_text_equal_nocase(node->text, clade_text_of(name))) return true;
    }
    return false;
}

clade_status segment_find(const clade_json_node **out_segment, const clade_json_tree *tree,
                          const char *name, clade_error *err)
{
    char                   keys[CLADE_N_SEGMENT_KIND * CLADE_SEGMENTS_MAX][32];
    const char            *list[CLADE_N_SEGMENT_KIND * CLADE_SEGMENTS_MAX];
    size_t                 n     = 0;
    const clade_json_node *kinds = clade_json_get(tree, tree->node, "kinds");
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        const clade_json_node *kind =
            clade_json_get(tree, kinds, clade_segment_kind_name((clade_segment_kind)k));
        const clade_json_node *segments = clade_json_get(tree, kind, "segments");
        if (segments == NULL) continue;
        size_t child = (size_t)(segments - tree->node) + 1;
        for (uint32_t s = 0; s < segments->n; s++, child = tree->node[child].next) {
            const clade_json_node *one = &tree->node[child];
            const clade_json_node *key = clade_json_get(tree, one, "key");
            if (names_it(tree, one, name)) {
                *out_segment = one;
                return CLADE_OK;
            }
            if (key == NULL || n == sizeof list / sizeof list[0]) continue;
            snprintf(keys[n], sizeof keys[n], "%.*s", (int)key->text.size, key->text.data);
            list[n] = keys[n];
            n += 1;
        }
    }
    const char *near = clade_text_nearest(name, list, n);
    (void)clade_fail(err, CLADE_ERR_NOT_FOUND, "there is no segment '%s'", name);
    if (near != NULL) {
        clade_hint(err, "did you mean %s?", near);
    } else {
        clade_hint(err, "`clade segment` lists them");
    }
    return CLADE_ERR_NOT_FOUND;
}

/* Everything under the study's keys, into the object that --json prints. */
static void write_keys(command *c, const clade_json_tree *tree)
{
    size_t child = 1;
    for (uint32_t i = 0; i < tree->node->n; i++, child = tree->node[child].next) {
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)tree->node[child].key.size,
                 tree->node[child].key.data);
        clade_json_key(command_json(c), key);
        clade_json_copy(command_json(c), tree, &tree->node[child]);
    }
}

static clade_status note_run(clade_run *run, const clade_study *study,
                             const clade_study_options *options)
{
    char moment[40];
    clade_time_format(moment, study->as_of_us);
    clade_run_note(run, "as_of", moment);
    clade_run_note(run, "clusters", clade_clustering_name(options->clusters));
    if (study->has_vectors) {
        clade_run_note(run, "with", "behaviour");
        clade_run_note_number(run, "fit", (double)study->vectors.run);
        clade_run_note_number(run, "vector_parts", (double)study->vectors.n_parts);
        clade_run_note_number(run, "vector_share", study->vectors.share);
        clade_run_note_number(run, "vector_weight", study->vectors.weight);
    }
    clade_run_note_number(run, "customers", (double)study->features->n_customers);
    if (study->has_lift) {
        clade_run_note_number(run, "r2", study->lift.kind[CLADE_SEGMENT_OUTLOOK].r2);
        clade_run_note_number(run, "auc", study->lift.kind[CLADE_SEGMENT_OUTLOOK].auc);
        clade_run_note_number(run, "ceiling_r2", study->lift.ceiling.r2);
        clade_run_note_number(run, "ceiling_auc", study->lift.ceiling.auc);
    }
    return CLADE_OK;
}

static clade_status make_study(clade_json_tree *out_tree, command *c, clade_store *store,
                               clade_error *err)
{
    clade_status          status = CLADE_OK;
    clade_study_options   options;
    clade_study          *study     = NULL;
    clade_run            *run       = NULL;
    clade_shop_behaviour *behaviour = NULL;
    CLADE_TRY(options_of(&options, c, err));
    if (command_has(c, "with")) {
        CLADE_TRY(clade_shop_behaviour_open(&behaviour, store, err));
        options.behaviour = behaviour;
    }
    status = clade_run_begin(&run, store, "segment", c->seed, err);
    if (status != CLADE_OK) goto done;
    status = clade_study_run(&study, store, &options, err);
    if (status != CLADE_OK) goto done;
    status = clade_study_save(store, study, clade_run_number(run), err);
    if (status != CLADE_OK) goto done;
    status = note_run(run, study, &options);
    if (status != CLADE_OK) goto done;
    status = clade_run_finish(run, err);
    if (status != CLADE_OK) goto done;
    status = segment_study_open(out_tree, c, store, err);
done:
    clade_run_free(run);
    clade_study_free(study);
    clade_shop_behaviour_free(behaviour);
    return status;
}

static clade_status kind_of(const char **out_kind, const command *c, const clade_json_tree *tree,
                            clade_error *err)
{
    const char *given = command_value(c, "kind", 0);
    if (given != NULL) {
        clade_segment_kind kind;
        CLADE_TRY(clade_segment_kind_parse(&kind, given, err));
        *out_kind = clade_segment_kind_name(kind);
        return CLADE_OK;
    }
    const clade_json_node *best = clade_json_get(tree, tree->node, "kind");
    *out_kind = best == NULL ? "" : clade_arena_text(c->arena, best->text.data, best->text.size);
    return *out_kind != NULL ? CLADE_OK : clade_fail(err, CLADE_ERR_NOMEM, "no memory for a name");
}

static clade_status show(command *c, clade_store *store, clade_error *err)
{
    clade_json_tree        tree    = { 0 };
    const clade_json_node *segment = NULL;
    if (c->n_args < 3) {
        (void)clade_fail(err, CLADE_ERR_ARG, "which segment is to be shown?");
        clade_hint(err, "clade segment %s show champions", c->arg[0]);
        return CLADE_ERR_ARG;
    }
    bool is_rule = false;
    CLADE_TRY(segment_rule_show(&is_rule, c, store, c->arg[2], err));
    if (is_rule) return CLADE_OK;
    CLADE_TRY(segment_study_open(&tree, c, store, err));
    CLADE_TRY(segment_find(&segment, &tree, c->arg[2], err));
    segment_print_one(c, &tree, segment);
    clade_json_key(command_json(c), "segment");
    clade_json_copy(command_json(c), &tree, segment);
    const clade_json_node *key = clade_json_get(&tree, segment, "key");
    command_next(c, "export %s --segment %.*s -o %.*s.csv", c->arg[0], (int)key->text.size,
                 key->text.data, (int)key->text.size, key->text.data);
    return CLADE_OK;
}

static clade_status list(command *c, clade_store *store, bool again, clade_error *err)
{
    clade_json_tree tree = { 0 };
    const char     *kind = NULL;
    if (again) {
        CLADE_TRY(make_study(&tree, c, store, err));
    } else {
        const clade_status status = segment_study_open(&tree, c, store, err);
        /* Rules need no study: where there are any, they are the list. */
        if (status == CLADE_ERR_NOT_READY && segment_list_rules(c, store) > 0) return CLADE_OK;
        if (status != CLADE_OK) return status;
    }
    CLADE_TRY(kind_of(&kind, c, &tree, err));
    segment_print_all(c, &tree, kind);
    write_keys(c, &tree);
    (void)segment_list_rules(c, store);
    command_next(c, "report %s", c->arg[0]);
    return CLADE_OK;
}

static clade_status segment_run(command *c, clade_error *err)
{
    static const char *const words[] = { "show",      "list",   "card",    "flows",
                                         "lookalike", "define", "undefine" };
    clade_store             *store   = NULL;
    CLADE_TRY(command_open(&store, c, false, err));
    if (c->n_args == 1) return list(c, store, true, err);
    if (strcmp(c->arg[1], "show") == 0) return show(c, store, err);
    if (strcmp(c->arg[1], "list") == 0) return list(c, store, false, err);
    if (strcmp(c->arg[1], "card") == 0) return segment_card(c, store, err);
    if (strcmp(c->arg[1], "flows") == 0) return segment_flows(c, store, err);
    if (strcmp(c->arg[1], "lookalike") == 0) return segment_lookalike(c, store, err);
    if (strcmp(c->arg[1], "define") == 0) return segment_define(c, store, err);
    if (strcmp(c->arg[1], "undefine") == 0) return segment_undefine(c, store, err);
    const char *near = clade_text_nearest(c->arg[1], words, sizeof words / sizeof words[0]);
    (void)clade_fail(err, CLADE_ERR_ARG, "clade segment cannot '%s'", c->arg[1]);
    clade_hint(err, near == NULL ? "clade segment --help says what it can" : "did you mean %s?",
               near);
    return CLADE_ERR_ARG;
}

static const command_option options[] = {
    { "kind",
      0,
      "KIND",
      { "which kind to print: outlook, rfm, lifecycle, clusters", "打印哪种分群" } },
    { "clusters",
      0,
      "METHOD",
      { "how clusters are formed: kmeans or mixture (kmeans)",
        "聚类方法：kmeans（K 均值，默认）或 mixture（高斯混合）" } },
    { "with",
      0,
      "MODEL",
      { "clusters see its customer vectors too: behaviour",
        "聚类同时使用模型的客户向量：behaviour" } },
    { "from",
      0,
      "MOMENT",
      { "flows: the earlier moment (90 days before)", "流动：较早时刻（默认 90 天前）" } },
    { "to",
      0,
      "MOMENT",
      { "flows: the later moment (that of the segments)", "流动：较晚时刻（默认分群时刻）" } },
    { "seeds", 0, "FILE", { "lookalike: the customers to find more of", "相似：种子客户文件" } },
    { "size", 0, "N", { "lookalike: how many to find (1000)", "相似：所需人数（默认 1000）" } },
    { "output", 'o', "FILE", { "lookalike: where the list goes", "相似：输出文件" } },
    { "format",
      0,
      "FORMAT",
      { "lookalike: csv, jsonl or parquet", "相似：csv、jsonl 或 parquet" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_segment = {
    .name    = "segment",
    .usage   = "segment WORKSPACE [show SEGMENT | list | card | flows | lookalike --seeds FILE |\n"
               "                define NAME RULE | undefine NAME]",
    .summary = { "who the customers are, in groups that say something about the future",
                 "顾客分群，并说明未来" },
    .examples =
        "segment my.clade\nsegment my.clade show champions\nsegment my.clade list --kind rfm\n"
        "segment my.clade --clusters mixture --kind clusters\n"
        "segment my.clade --with behaviour --kind clusters\nsegment my.clade flows\n"
        "segment my.clade lookalike --seeds best.csv --size 5000 -o more.csv\n"
        "segment my.clade define winners 'spend(365d) > 500 and no purchase for 30d'\n"
        "segment my.clade show winners --as-of 2011-09-10\n"
        "segment my.clade --as-of 2011-09-10 --json",
    .options      = options,
    .min_args     = 1,
    .max_args     = 4,
    .in_workspace = true,
    .run          = segment_run,
};

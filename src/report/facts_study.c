/* The study: its JSON, and the manifest of the run that made it. */
#include "facts.h"

#include "clade/report.h"
#include "clade/study.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

clade_text json_text(const clade_json_tree *tree, const clade_json_node *node, const char *key)
{
    const clade_json_node *found = node == NULL ? NULL : clade_json_get(tree, node, key);
    if (found == NULL || found->type != CLADE_JSON_TEXT) return (clade_text){ "", 0 };
    return found->text;
}

clade_text json_sentence(const clade_json_tree *tree, const clade_json_node *node, const char *key,
                         bool zh)
{
    char other[32];
    snprintf(other, sizeof other, "%s_zh", key);
    const clade_text said = json_text(tree, node, zh ? other : key);
    return said.size > 0 ? said : json_text(tree, node, key);
}

double json_number(const clade_json_tree *tree, const clade_json_node *node, const char *key)
{
    const clade_json_node *found = node == NULL ? NULL : clade_json_get(tree, node, key);
    return found == NULL || found->type != CLADE_JSON_NUMBER ? (double)NAN : found->number;
}

bool json_true(const clade_json_tree *tree, const clade_json_node *node, const char *key)
{
    const clade_json_node *found = node == NULL ? NULL : clade_json_get(tree, node, key);
    return found != NULL && found->type == CLADE_JSON_BOOL && found->boolean;
}

const clade_json_node *json_first(const clade_json_tree *tree, const clade_json_node *node)
{
    (void)tree;
    return node == NULL || node->n == 0 ? NULL : node + 1;
}

const clade_json_node *json_next(const clade_json_tree *tree, const clade_json_node *child)
{
    return tree->node + child->next;
}

/* A text of money in whole units ("693864.22") as minor units. */
static double money_of(const facts *f, const clade_json_node *node, const char *key)
{
    char             text[48];
    const clade_text found = json_text(&f->tree, node, key);
    if (found.size == 0 || found.size >= sizeof text) return (double)NAN;
    memcpy(text, found.data, found.size);
    text[found.size] = '\0';
    return round(strtod(text, NULL) * f->minor);
}

static int64_t moment_of(const facts *f, const char *key, int64_t if_absent)
{
    char             text[48];
    int64_t          moment = 0;
    const clade_text found  = json_text(&f->tree, f->tree.node, key);
    if (found.size == 0 || found.size >= sizeof text) return if_absent;
    memcpy(text, found.data, found.size);
    text[found.size] = '\0';
    return clade_time_parse(&moment, text, NULL) == CLADE_OK ? moment : if_absent;
}

/* Of a segment of a few, its size is told and nothing else: a mean of three is nearly a person. */
static void hide(segment_view *one)
{
    const segment_view bare = *one;
    const double       none = (double)NAN;
    *one = (segment_view){ .key = bare.key, .name = bare.name, .size = bare.size, .few = true };
    one->share   = bare.share;
    one->revenue = one->revenue_share = one->stability = none;
    one->spend = one->spend_low = one->spend_high = none;
    one->comes = one->comes_low = one->comes_high = none;
    one->precision = one->recall = none;
}

static void read_segment(segment_view *out, const facts *f, const clade_json_node *node)
{
    const clade_json_tree *tree = &f->tree;
    const clade_json_node *next = clade_json_get(tree, node, "next_90_days");
    *out                        = (segment_view){
                               .key           = json_text(tree, node, "key"),
                               .name          = json_text(tree, node, f->zh ? "name_zh" : "name"),
                               .persona       = json_text(tree, node, f->zh ? "persona_zh" : "persona"),
                               .size          = json_number(tree, node, "size"),
                               .share         = json_number(tree, node, "share"),
                               .revenue       = money_of(f, node, "revenue"),
                               .revenue_share = json_number(tree, node, "revenue_share"),
                               .stability     = json_number(tree, node, "stability"),
                               .spend         = money_of(f, next, "spend"),
                               .spend_low     = money_of(f, next, "spend_low"),
                               .spend_high    = money_of(f, next, "spend_high"),
                               .comes         = json_number(tree, next, "return"),
                               .comes_low     = json_number(tree, next, "return_low"),
                               .comes_high    = json_number(tree, next, "return_high"),
                               .precision     = json_number(tree, node, "rules_precision"),
                               .recall        = json_number(tree, node, "rules_recall"),
                               .differences   = clade_json_get(tree, node, "differences"),
                               .rules         = clade_json_get(tree, node, "rules"),
    };
    if (out->name.size == 0) out->name = out->key;
    out->few = out->size > 0 && out->size < CLADE_REPORT_MIN_GROUP;
    if (out->few) hide(out);
}

static void read_kind(kind_view *out, const facts *f, const clade_json_node *node)
{
    const clade_json_node *list = node == NULL ? NULL : clade_json_get(&f->tree, node, "segments");
    const double           version = json_number(&f->tree, node, "version");
    out->why_not                   = json_sentence(&f->tree, node, "why_not", f->zh);
    out->fidelity                  = json_number(&f->tree, node, "fidelity");
    out->version                   = isnan(version) ? 0 : (int64_t)version;
    const clade_json_node *one     = json_first(&f->tree, list);
    for (uint32_t i = 0; one != NULL && i < list->n && i < CLADE_SEGMENTS_MAX; i++) {
        read_segment(&out->segment[out->n++], f, one);
        one = json_next(&f->tree, one);
    }
}

static clade_status parse(facts *f, clade_store *store, clade_error *err)
{
    clade_buffer text   = { 0 };
    clade_status status = clade_study_read(&text, store, err);
    if (status == CLADE_OK) {
        const char *copy = clade_arena_text(f->arena, text.data, text.size);
        status           = copy == NULL
                               ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for the segments")
                               : clade_json_parse(&f->tree, (clade_text){ copy, text.size }, f->arena, err);
    }
    clade_buffer_free(&text);
    return status;
}

/* The manifest of the run that made the segments; a lost one leaves the last lines shorter. */
static clade_status read_manifest(facts *f, clade_store *store, clade_error *err)
{
    char            name[64], path[4096];
    char           *text = NULL;
    clade_json_tree tree = { 0 };
    CLADE_TRY(
        clade_store_int(&f->run, store, "SELECT max(run) FROM segmentation", NULL, 0, 0, err));
    snprintf(name, sizeof name, "runs/%06lld-segment.json", (long long)f->run);
    CLADE_TRY(clade_store_path(path, sizeof path, store, name, err));
    FILE *file = fopen(path, "rb");
    if (file == NULL) return CLADE_OK;
    text           = clade_arena_alloc(f->arena, 65536, 1);
    const size_t n = text == NULL ? 0 : fread(text, 1, 65535, file);
    fclose(file);
    if (text == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %s", path);
    if (clade_json_parse(&tree, (clade_text){ text, n }, f->arena, NULL) != CLADE_OK) {
        return CLADE_OK;
    }
    f->seed      = json_text(&tree, tree.node, "seed");
    f->build     = json_text(&tree, tree.node, "build");
    f->data_hash = json_text(&tree, tree.node, "data_hash");
    return CLADE_OK;
}

static clade_text workspace_name(clade_store *store, clade_arena *arena)
{
    const char *folder = clade_store_folder(store);
    size_t      n      = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    size_t from = n;
    while (from > 0 && folder[from - 1] != '/')
        from--;
    const char *copy = clade_arena_text(arena, folder + from, n - from);
    return clade_text_of(copy == NULL ? "" : copy);
}

clade_status facts_study(facts *f, clade_store *store, clade_error *err)
{
    CLADE_TRY(parse(f, store, err));
    const clade_json_node *root     = f->tree.node;
    const clade_text       currency = json_text(&f->tree, root, "currency");
    const clade_text       best     = json_text(&f->tree, root, "kind");
    const clade_json_node *kinds    = clade_json_get(&f->tree, root, "kinds");
    const double           n        = json_number(&f->tree, root, "n_customers");
    snprintf(f->currency, sizeof f->currency, "%.*s", (int)currency.size, currency.data);
    f->minor     = pow(10, clade_currency_digits(f->currency));
    f->workspace = workspace_name(store, f->arena);
    f->as_of_us  = moment_of(f, "as_of", INT64_MIN);
    f->learnt_us = moment_of(f, "learnt_at", INT64_MIN);
    f->first_us  = moment_of(f, "first_event", f->as_of_us);
    f->last_us   = moment_of(f, "last_event", f->as_of_us);
    if (f->as_of_us == INT64_MIN || isnan(n) || kinds == NULL) {
        const clade_status status =
            clade_fail(err, CLADE_ERR_DATA, "%s: segments.json does not hold a study",
                       clade_store_folder(store));
        clade_hint(err, "run: clade segment %s", clade_store_folder(store));
        return status;
    }
    f->n_customers = (int64_t)n;
    f->best        = CLADE_SEGMENT_LIFECYCLE;
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        const char *name = clade_segment_kind_name((clade_segment_kind)k);
        read_kind(&f->kind[k], f, clade_json_get(&f->tree, kinds, name));
        if (clade_text_equal(best, clade_text_of(name))) f->best = k;
    }
    return read_manifest(f, store, err);
}

/* Who is in a segment by rule as of a moment. What a rule needs beside the log, scores and segments
 * of other kinds, is worked out first and laid beside it in a temporary table. */
#include "rule_segments.h"

#include "clade/flows.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_GIVEN = 256 };

typedef struct facts {
    clade_store               *store;
    const clade_rule_segments *segments;
    int64_t                    as_of_us;
    clade_arena               *arena;
    clade_appender            *appender;
    size_t                     row;
    size_t                     n_given;
    const char                *given[MAX_GIVEN];
    clade_predictions         *predictions;
    char                     **predictor;
    size_t                     n_predictors;
} facts;

static bool is_given(const facts *f, const char *name)
{
    for (size_t i = 0; i < f->n_given; i++) {
        if (clade_text_equal_nocase(clade_text_of(f->given[i]), clade_text_of(name))) return true;
    }
    return false;
}

static clade_status give(facts *f, const char *name, clade_error *err)
{
    f->given[f->n_given] = clade_arena_text(f->arena, name, strlen(name));
    if (f->given[f->n_given] == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for what rules ask");
    f->n_given++;
    return CLADE_OK;
}

static clade_status put_row(facts *f, int64_t customer, const char *name, double number,
                            clade_error *err)
{
    clade_appender *a                                = f->appender;
    ((int64_t *)clade_appender_column(a, 0))[f->row] = customer;
    clade_appender_text(a, 1, f->row, clade_text_of(name));
    ((double *)clade_appender_column(a, 2))[f->row] = number;
    clade_appender_null(a, 3, f->row);
    ((int64_t *)clade_appender_column(a, 4))[f->row] = INT64_MIN / 2; /* known before any moment */
    if (++f->row < CLADE_APPENDER_ROWS) return CLADE_OK;
    f->row = 0;
    return clade_appender_flush(a, CLADE_APPENDER_ROWS, err);
}

/* ---------------------------------------------------------------- segments of other kinds */

static clade_status put_segment(facts *f, const clade_segmentation *s, int64_t version,
                                int32_t index, const char *name, clade_error *err)
{
    clade_members members = { 0 };
    CLADE_TRY(clade_members_get(&members, f->store, s, version, f->as_of_us, 1, err));
    clade_status status = CLADE_OK;
    for (size_t i = 0; i < members.n && status == CLADE_OK; i++) {
        if (members.segment[i] == index) status = put_row(f, members.customer[i], name, 1, err);
    }
    clade_members_free(&members);
    return status;
}

static clade_status find_segment(facts *f, const char *key, clade_error *err)
{
    char name[CLADE_RULE_MAX_NAME + 16];
    snprintf(name, sizeof name, "segment/%s", key);
    if (is_given(f, name)) return CLADE_OK;
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        clade_segmentation *s = NULL;
        int64_t             version, fitted_us;
        if (clade_segmentation_load(&s, &version, &fitted_us, f->store, (clade_segment_kind)k,
                                    NULL) != CLADE_OK)
            continue;
        clade_status status = CLADE_OK;
        bool         found  = false;
        for (size_t i = 0; i < clade_segmentation_n(s) && !found; i++) {
            found = clade_text_equal_nocase(clade_text_of(clade_segmentation_name(s, i)->key),
                                            clade_text_of(key));
            if (found) status = put_segment(f, s, version, (int32_t)i, name, err);
        }
        clade_segmentation_free(s);
        CLADE_TRY(status);
        if (found) return give(f, name, err);
    }
    (void)clade_fail(err, CLADE_ERR_NOT_FOUND, "there is no segment '%s' any more", key);
    clade_hint(err, "run: clade segment %s", clade_store_folder(f->store));
    return CLADE_ERR_NOT_FOUND;
}

/* ---------------------------------------------------------------- scores */

static clade_status put_scores(facts *f, const clade_predictor *p, const char *name,
                               clade_error *err)
{
    const clade_predict_card *card = clade_predictor_card(p);
    clade_prediction         *said = NULL;
    size_t                    n    = 0;
    char                      when[16];
    if (!card->trusted)
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "%s is not to be trusted yet: no rule can rest on it", name);
    if (card->as_of_us > f->as_of_us) {
        clade_date_format(when, card->as_of_us);
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "%s has learnt from the log until %s and cannot speak of a moment before",
                          name, when);
    }
    if (f->predictions == NULL) {
        const clade_predict_options options = { .has_as_of = true, .as_of_us = f->as_of_us };
        CLADE_TRY(clade_predictions_open(&f->predictions, f->store, &options, err));
    }
    CLADE_TRY(clade_predictor_score(&said, &n, p, f->predictions, err));
    clade_status status = CLADE_OK;
    for (size_t i = 0; i < n && status == CLADE_OK; i++)
        status = put_row(f, said[i].customer, name, said[i].value, err);
    free(said);
    return status;
}

/* A name that no attribute has may be a predictor's. */
static clade_status find_score(facts *f, const char *fact, clade_error *err)
{
    if (is_given(f, fact)) return CLADE_OK;
    for (size_t i = 0; i < f->n_predictors; i++) {
        clade_predictor *p = NULL;
        char             name[100];
        if (clade_predictor_open(&p, f->store, f->predictor[i], NULL) != CLADE_OK) continue;
        clade__score_name(name, &clade_predictor_card(p)->task);
        if (clade_predictor_card(p)->task.kind == CLADE_TASK_VALUE &&
            clade_text_equal_nocase(clade_text_of(fact), CLADE_TEXT("clv")))
            snprintf(name, sizeof name, "clv");
        const bool found = clade_text_equal_nocase(clade_text_of(name), clade_text_of(fact));
        const clade_status status = found ? put_scores(f, p, name, err) : CLADE_OK;
        clade_predictor_free(p);
        CLADE_TRY(status);
        if (found) return give(f, name, err);
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the whole */

/* What a rule and the rules it names ask beside the log. Circles were refused when they were
 * defined. */
static clade_status gather(facts *f, const clade_rule_tree *tree, size_t depth, clade_error *err)
{
    const char *name;
    if (depth > CLADE_RULE_MAX_DEPTH || f->n_given + CLADE_RULE_MAX_TESTS > MAX_GIVEN)
        return clade_fail(err, CLADE_ERR_ARG, "rules name each other too deeply");
    for (size_t i = 0; (name = clade_rule_tree_fact(tree, i)) != NULL; i++)
        CLADE_TRY(find_score(f, name, err));
    for (size_t i = 0; (name = clade_rule_tree_segment(tree, i)) != NULL; i++) {
        const clade_rule_segment *other = clade_rule_segments_find(f->segments, name);
        CLADE_TRY(other != NULL ? gather(f, other->tree, depth + 1, err)
                                : find_segment(f, name, err));
    }
    return CLADE_OK;
}

static clade_status lay_beside(facts *f, const clade_rule_tree *tree, clade_error *err)
{
    CLADE_TRY(clade_predictors_list(&f->predictor, &f->n_predictors, f->store, f->arena, err));
    CLADE_TRY(
        clade_store_run(f->store,
                        "CREATE OR REPLACE TEMP TABLE rule_fact (customer BIGINT, name VARCHAR, "
                        "number DOUBLE, value VARCHAR, known_us BIGINT)",
                        NULL, 0, err));
    CLADE_TRY(clade_appender_open(&f->appender, f->store, "rule_fact", err));
    if (tree == NULL) return CLADE_OK; /* the caller gathers */
    CLADE_TRY(gather(f, tree, 0, err));
    if (f->row > 0) CLADE_TRY(clade_appender_flush(f->appender, f->row, err));
    return clade_appender_finish(f->appender, err);
}

static clade_rule_named *named_of(const clade_rule_segments *segments)
{
    clade_rule_named *named = CLADE_NEW(clade_rule_named, segments->n + 1);
    for (size_t i = 0; named != NULL && i < segments->n; i++)
        named[i] = (clade_rule_named){ segments->one[i].name, segments->one[i].tree };
    return named;
}

clade_status clade_rule_segment_members(int64_t **out_customer, size_t *out_n, clade_store *store,
                                        const clade_rule_segments *segments,
                                        const clade_rule_segment *segment, int64_t as_of_us,
                                        clade_error *err)
{
    clade_status      status = CLADE_OK;
    facts             f      = { .store = store, .segments = segments, .as_of_us = as_of_us };
    clade_rule_named *named  = named_of(segments);
    f.arena                  = clade_arena_create(0);
    if (f.arena == NULL || named == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for what rules ask");
        goto done;
    }
    status = lay_beside(&f, segment->tree, err);
    if (status != CLADE_OK) goto done;
    const clade_rule_sql_options options = { .as_of_us = as_of_us,
                                             .named    = named,
                                             .n_named  = segments->n,
                                             .given    = f.given,
                                             .n_given  = f.n_given };
    status = clade_rule_members(out_customer, out_n, store, segment->tree, &options, err);
done:
    clade_appender_close(f.appender);
    clade_predictions_free(f.predictions);
    clade_arena_free(f.arena);
    free(named);
    return status;
}

/* ---------------------------------------------------------------- for a server */

typedef clade_status fact_taker(void *context, int64_t customer, const clade_rule_fact *fact,
                                clade_error *err);

static clade_status read_facts(clade_store *store, const char *sql, fact_taker *each, void *context,
                               clade_error *err)
{
    clade_rows  *rows   = NULL;
    clade_chunk  chunk  = { 0 };
    clade_buffer name   = { 0 };
    clade_status status = clade_store_query(&rows, store, sql, NULL, 0, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows && status == CLADE_OK; i++) {
            const clade_text text = clade_chunk_text(&chunk, 1, i);
            clade_buffer_clear(&name);
            clade_buffer_append(&name, text.data, text.size);
            if (name.failed) {
                status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for what rules ask");
                break;
            }
            const clade_rule_fact fact = { .name       = name.data == NULL ? "" : name.data,
                                           .has_number = clade_chunk_valid(&chunk, 2, i),
                                           .number     = clade_chunk_real(&chunk, 2, i, 0),
                                           .value      = clade_chunk_text(&chunk, 3, i),
                                           .known_us   = clade_chunk_int(&chunk, 4, i, 0) };
            status = each(context, clade_chunk_int(&chunk, 0, i, -1), &fact, err);
        }
    }
    clade_rows_close(rows);
    clade_buffer_free(&name);
    return status;
}

/* Attributes that some rule names; false where none does. */
static bool write_attributes(clade_buffer *sql, const facts *f, int64_t now_us)
{
    bool        any = false;
    const char *name;
    clade_buffer_format(sql,
                        "SELECT customer, name, number, value, known_us FROM customer WHERE "
                        "customer IS NOT NULL AND known_us <= %lld AND lower(name) IN (",
                        (long long)now_us);
    for (size_t i = 0; i < f->segments->n; i++) {
        for (size_t k = 0; (name = clade_rule_tree_fact(f->segments->one[i].tree, k)) != NULL;
             k++) {
            if (is_given(f, name)) continue;
            clade_buffer_text(sql, any ? ", lower('" : "lower('");
            for (; *name != '\0'; name++)
                clade_buffer_append(sql, *name == '\'' ? "''" : name, *name == '\'' ? 2 : 1);
            clade_buffer_text(sql, "')");
            any = true;
        }
    }
    clade_buffer_text(sql, ")");
    return any;
}

/* A rule that asks what nobody can tell is left out; the others are told. */
static clade_status gather_all(facts *f, bool *out_can, clade_error *err)
{
    CLADE_TRY(lay_beside(f, NULL, err));
    for (size_t i = 0; i < f->segments->n; i++) {
        clade_error        mine   = { 0 };
        const clade_status status = gather(f, f->segments->one[i].tree, 0, &mine);
        out_can[i]                = status == CLADE_OK;
        if (status == CLADE_OK || status == CLADE_ERR_NOT_READY || status == CLADE_ERR_NOT_FOUND)
            continue;
        if (err != NULL) *err = mine;
        return status;
    }
    if (f->row > 0) CLADE_TRY(clade_appender_flush(f->appender, f->row, err));
    return clade_appender_finish(f->appender, err);
}

clade_status clade_rule_segments_facts(bool *out_can, clade_store *store,
                                       const clade_rule_segments *segments, int64_t as_of_us,
                                       int64_t now_us, fact_taker *each, void *context,
                                       clade_error *err)
{
    facts        f   = { .store = store, .segments = segments, .as_of_us = as_of_us };
    clade_buffer sql = { 0 };
    f.arena          = clade_arena_create(0);
    if (f.arena == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for what rules ask");
    clade_status status = gather_all(&f, out_can, err);
    clade_appender_close(f.appender);
    if (status == CLADE_OK && f.n_given > 0)
        status = read_facts(store, "SELECT customer, name, number, value, known_us FROM rule_fact",
                            each, context, err);
    if (status == CLADE_OK && write_attributes(&sql, &f, now_us)) {
        status = sql.failed ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for what rules ask")
                            : read_facts(store, sql.data, each, context, err);
    }
    clade_predictions_free(f.predictions);
    clade_arena_free(f.arena);
    clade_buffer_free(&sql);
    return status;
}

clade_status clade_rule_segment_keep(clade_store *store, const clade_rule_segment *segment,
                                     int64_t as_of_us, const int64_t *customer, size_t n,
                                     clade_error *err)
{
    char            key[CLADE_RULE_MAX_NAME + 8];
    clade_appender *a   = NULL;
    size_t          row = 0;
    snprintf(key, sizeof key, "rule/%s", segment->name);
    const clade_value where[] = { CLADE_STR(key), CLADE_INT(segment->version),
                                  CLADE_INT(as_of_us) };
    CLADE_TRY(clade_store_run(store,
                              "DELETE FROM membership WHERE segmentation = ? AND version = ? AND "
                              "as_of_us = ?",
                              where, 3, err));
    clade_status status = clade_appender_open(&a, store, "membership", err);
    for (size_t i = 0; i < n && status == CLADE_OK; i++) {
        clade_appender_text(a, 0, row, clade_text_of(key));
        ((int64_t *)clade_appender_column(a, 1))[row] = segment->version;
        ((int64_t *)clade_appender_column(a, 2))[row] = as_of_us;
        ((int64_t *)clade_appender_column(a, 3))[row] = customer[i];
        ((int32_t *)clade_appender_column(a, 4))[row] = 0;
        clade_appender_null(a, 5, row);
        if (++row == CLADE_APPENDER_ROWS) {
            status = clade_appender_flush(a, row, err);
            row    = 0;
        }
    }
    if (status == CLADE_OK && row > 0) status = clade_appender_flush(a, row, err);
    if (status == CLADE_OK) status = clade_appender_finish(a, err);
    clade_appender_close(a);
    return status;
}

/* A study: features now and 90 days ago, every kind of segment, its portrait, and the judgement. */
#include "segment_vectors.h"
#include "segmentation.h"

#include "clade/file.h"
#include "clade/run.h"
#include "clade/study.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STABILITY_DRAWS = 10, LEARN_MIN_CUSTOMERS = 50 };

/* What is looked at only while a study runs. */
typedef struct study_past {
    clade_features *features; /* as of learnt_us */
    clade_outcome   outcome;  /* of the 90 days after it */
    /* With a behaviour model: features of both moments joined with vectors, and the clusters that
     * were formed without. */
    clade_features     *joined, *joined_now;
    clade_segmentation *plain_clusters;
} study_past;

static void past_free(study_past *past)
{
    clade_features_free(past->features);
    clade_features_free(past->joined);
    clade_features_free(past->joined_now);
    clade_segmentation_free(past->plain_clusters);
    clade_outcome_free(&past->outcome);
}

/* The matrix that a kind sees, as of now or as of learnt_us. */
static const clade_features *seen_now(const clade_study *study, const study_past *past,
                                      clade_segment_kind kind)
{
    return kind == CLADE_SEGMENT_CLUSTERS && study->has_vectors ? past->joined_now
                                                                : study->features;
}

static const clade_features *seen_before(const clade_study *study, const study_past *past,
                                         clade_segment_kind kind)
{
    return kind == CLADE_SEGMENT_CLUSTERS && study->has_vectors ? past->joined : past->features;
}

void clade_study_free(clade_study *study)
{
    if (study == NULL) return;
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        clade_segmentation_free(study->kind[k].segmentation);
        free(study->kind[k].segment);
        free(study->kind[k].score);
        free(study->kind[k].portrait);
        free(study->kind[k].before);
    }
    clade_features_free(study->features);
    clade_features_free(study->before);
    free(study->revenue_minor);
    free(study);
}

/* ---------------------------------------------------------------- when, and in what money */

static clade_status settle_moments(clade_study *study, clade_store *store,
                                   const clade_study_options *options, clade_error *err)
{
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    const int64_t     until  = options->has_as_of ? options->as_of_us : CLADE_TIME_MAX_US;
    const clade_value arg    = CLADE_INT(until);
    clade_status      status = clade_store_query(
             &rows, store, "SELECT count(*), min(at_us), max(at_us) FROM event WHERE at_us < ?", &arg, 1,
             err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    if (status == CLADE_OK && clade_chunk_int(&chunk, 0, 0, 0) == 0) {
        char when[40];
        clade_time_format(when, until);
        status = options->has_as_of
                     ? clade_fail(err, CLADE_ERR_NOT_READY, "%s holds no event before %s",
                                  clade_store_folder(store), when)
                     : clade_fail(err, CLADE_ERR_NOT_READY, "%s holds no events yet",
                                  clade_store_folder(store));
        clade_hint(err, "run: clade load %s FILE...", clade_store_folder(store));
    }
    if (status == CLADE_OK) {
        study->first_us        = clade_chunk_int(&chunk, 1, 0, 0);
        study->last_us         = clade_chunk_int(&chunk, 2, 0, 0);
        const clade_civil last = clade_civil_from_us(study->last_us);
        study->as_of_us =
            options->has_as_of
                ? options->as_of_us
                : (clade_days_from_civil(last.year, last.month, last.day) + 1) * CLADE_US_PER_DAY;
        study->learnt_us = study->as_of_us - CLADE_STUDY_HORIZON_DAYS * CLADE_US_PER_DAY;
    }
    clade_rows_close(rows);
    return status;
}

static clade_status read_currency(clade_study *study, clade_store *store, clade_error *err)
{
    const clade_status status =
        clade_store_setting_get(study->currency, sizeof study->currency, store, "currency", err);
    if (status == CLADE_ERR_NOT_FOUND) {
        study->currency[0] = '\0'; /* a log without money */
        return CLADE_OK;
    }
    return status;
}

/* ---------------------------------------------------------------- the past to learn from */

static size_t count_buyers(const clade_features *features)
{
    const size_t recency = clade__feature_column("days_since_order");
    size_t       n       = 0;
    for (size_t i = 0; i < features->n_customers; i++) {
        n += !isnan(features->value[i * features->n_features + recency]);
    }
    return n;
}

/* Features 90 days before, and what came after; learnt_us becomes INT64_MIN where there was too
 * little to learn from, and the sentence goes to lift.why. */
static clade_status look_back(study_past *past, clade_study *study, clade_store *store,
                              clade_error *err)
{
    size_t       n_buyers = 0;
    clade_status status   = CLADE_OK;
    if (study->learnt_us > study->first_us) {
        status = clade_features_compute(&past->features, store, study->learnt_us, err);
        if (status != CLADE_OK) return status;
        n_buyers = count_buyers(past->features);
    }
    if (n_buyers < LEARN_MIN_CUSTOMERS) {
        char date[16];
        clade_date_format(date, study->learnt_us);
        clade__say_both(&study->lift.why,
                        "%zu customers had bought something by %s, 90 days before: %d are needed "
                        "to learn what comes next",
                        "购买过的客户有 %zu 位（截至 90 天前，即 %s），至少需要 %d 位才能学习未来",
                        n_buyers, date, LEARN_MIN_CUSTOMERS);
        study->learnt_us = INT64_MIN;
        clade_features_free(past->features);
        past->features = NULL;
        return CLADE_OK;
    }
    return clade_outcome_compute(&past->outcome, store, past->features->customer,
                                 past->features->n_customers, study->learnt_us, study->as_of_us,
                                 err);
}

/* ---------------------------------------------------------------- one kind */

/* Vectors of both moments beside the features, each of the events before it. */
static clade_status join(clade_features **out, clade_store *store,
                         const clade_shop_behaviour *behaviour, const clade_features *features,
                         clade_error *err)
{
    clade_vectors *vectors = NULL;
    CLADE_TRY(clade_shop_vectors(&vectors, store, behaviour, features->as_of_us, NULL, 0, err));
    const clade_status status = clade_features_join(out, features, vectors, err);
    clade_shop_vectors_free(vectors);
    return status;
}

static clade_status join_both(clade_study *study, study_past *past, clade_store *store,
                              const clade_shop_behaviour *behaviour, clade_error *err)
{
    clade_study_vectors *v = &study->vectors;
    char                 fitted[16], judged[16];
    CLADE_TRY(join(&past->joined_now, store, behaviour, study->features, err));
    if (past->features != NULL)
        CLADE_TRY(join(&past->joined, store, behaviour, past->features, err));
    study->has_vectors = true;
    v->run             = behaviour->card.run;
    v->fitted_us       = behaviour->card.as_of_us;
    v->flattered       = past->features != NULL && v->fitted_us > study->learnt_us;
    if (!v->flattered) return CLADE_OK;
    clade_date_format(fitted, v->fitted_us);
    clade_date_format(judged, study->learnt_us);
    clade__say_both(&v->said,
                    "the model has seen events until %s, and judging begins at %s: what is said of "
                    "segments with vectors is flattered",
                    "模型已学习截至 %s 的事件，而评估自 %s 开始：含向量分群的数字偏乐观", fitted,
                    judged);
    return CLADE_OK;
}

static clade_status fit_clusters(clade_study *study, study_past *past,
                                 const clade_study_options *options, clade_error *err)
{
    clade_study_kind *k = &study->kind[CLADE_SEGMENT_CLUSTERS];
    CLADE_TRY(clade_segmentation_fit_clusters(&k->segmentation, options->clusters,
                                              seen_now(study, past, CLADE_SEGMENT_CLUSTERS),
                                              options->seed, err));
    if (!study->has_vectors) return CLADE_OK;
    const clade__vector_block *block = clade__clusters_block(k->segmentation);
    k->segmentation->behaviour_run   = study->vectors.run;
    study->vectors.d                 = block->d;
    study->vectors.n_parts           = block->n;
    study->vectors.share             = block->share;
    study->vectors.weight            = block->weight;
    return clade_segmentation_fit_clusters(&past->plain_clusters, options->clusters,
                                           study->features, options->seed, err);
}

static clade_status fit_kind(clade_study *study, study_past *past, clade_segment_kind kind,
                             const clade_study_options *options, clade_error *err)
{
    clade_study_kind     *k        = &study->kind[kind];
    const clade_features *features = study->features;
    const clade_outcome  *outcome  = NULL;
    clade_error           mine     = { 0 };
    if (kind == CLADE_SEGMENT_OUTLOOK) {
        if (past->features == NULL) {
            k->why_not = study->lift.why;
            return CLADE_OK;
        }
        features = past->features;
        outcome  = &past->outcome;
    }
    const clade_status status = kind == CLADE_SEGMENT_CLUSTERS
                                    ? fit_clusters(study, past, options, &mine)
                                    : clade_segmentation_fit(&k->segmentation, kind, features,
                                                             outcome, options->seed, &mine);
    if (status == CLADE_ERR_NOT_READY || status == CLADE_ERR_DATA) {
        clade__say_both(&k->why_not, "%s", "无法形成该类分群：%s", mine.message);
        return CLADE_OK;
    }
    if (status != CLADE_OK && err != NULL) *err = mine;
    return status;
}

static clade_status apply_kind(clade_study *study, const study_past *past, clade_segment_kind kind,
                               clade_error *err)
{
    clade_study_kind *k = &study->kind[kind];
    const size_t      n = study->features->n_customers;
    if (k->segmentation == NULL) return CLADE_OK;
    k->segment  = CLADE_NEW(int32_t, n);
    k->score    = CLADE_NEW(double, n);
    k->portrait = CLADE_NEW(clade_portrait, clade_segmentation_n(k->segmentation));
    if (k->segment == NULL || k->score == NULL || k->portrait == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for segments of %zu customers", n);
    }
    return clade_segmentation_assign(k->segment, k->score, k->segmentation,
                                     seen_now(study, past, kind), err);
}

/* The outlook by hand; a shop that is too small for a card has none. */
static clade_status write_card(clade_study *study, const clade_portraits_input *input,
                               clade_error *err)
{
    clade_error        mine   = { 0 };
    const clade_status status = clade_scorecard_make(&study->card, input, &mine);
    study->has_card           = status == CLADE_OK;
    if (status == CLADE_OK || status == CLADE_ERR_NOT_READY) return CLADE_OK;
    if (err != NULL) *err = mine;
    return status;
}

static clade_status describe_kind(clade_study *study, const study_past *past,
                                  clade_segment_kind kind, uint64_t seed, clade_error *err)
{
    clade_study_kind *k      = &study->kind[kind];
    clade_status      status = CLADE_OK;
    int32_t          *learnt = NULL;
    double            stability[CLADE_SEGMENTS_MAX];
    const size_t      n_segments = clade_segmentation_n(k->segmentation);
    if (past->features != NULL) {
        learnt = CLADE_NEW(int32_t, past->features->n_customers);
        if (learnt == NULL) {
            return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers",
                              past->features->n_customers);
        }
        status = clade_segmentation_assign(learnt, NULL, k->segmentation,
                                           seen_before(study, past, kind), err);
        if (status != CLADE_OK) goto done;
    }
    const clade_portraits_input input = { .segmentation    = k->segmentation,
                                          .features        = study->features,
                                          .segment         = k->segment,
                                          .revenue_minor   = study->revenue_minor,
                                          .learnt_features = past->features,
                                          .learnt_segment  = learnt,
                                          .learnt_outcome =
                                              past->features == NULL ? NULL : &past->outcome,
                                          .currency = study->currency,
                                          .seed     = seed };
    status = clade_portraits_make(k->portrait, &k->fidelity, &input, err);
    if (status != CLADE_OK) goto done;
    if (kind == CLADE_SEGMENT_OUTLOOK) {
        status = write_card(study, &input, err);
        if (status != CLADE_OK) goto done;
    }
    status = clade_stability_measure(stability, k->segmentation, seen_now(study, past, kind), NULL,
                                     STABILITY_DRAWS, seed, err);
    if (status != CLADE_OK) goto done;
    for (size_t s = 0; s < n_segments; s++)
        k->portrait[s].stability = stability[s];
    k->before = learnt; /* the study keeps it: flows ask for it */
    learnt    = NULL;
done:
    free(learnt);
    return status;
}

static clade_status judge(clade_study *study, const study_past *past, uint64_t seed,
                          clade_error *err)
{
    const clade_segmentation *outlook  = study->kind[CLADE_SEGMENT_OUTLOOK].segmentation;
    const clade_segmentation *clusters = study->kind[CLADE_SEGMENT_CLUSTERS].segmentation;
    const clade_lift_joined   joined   = { past->joined, clusters };
    if (outlook == NULL) return CLADE_OK;
    CLADE_TRY(clade_lift_measure_joined(&study->lift, past->features, &past->outcome, outlook,
                                        study->has_vectors ? past->plain_clusters : clusters,
                                        study->has_vectors ? &joined : NULL, seed, err));
    study->has_lift = true;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the whole */

const char *clade_study_stage_name(clade_study_stage stage)
{
    static const char *const names[CLADE_N_STAGE] = { "features", "segments", "lift", "portraits" };
    return names[stage];
}

static void end_stage(clade_study *study, clade_study_stage stage, double *since)
{
    const double now      = clade_seconds();
    study->seconds[stage] = now - *since;
    *since                = now;
}

static clade_status study_all(clade_study *study, study_past *past, clade_store *store,
                              const clade_study_options *options, clade_error *err)
{
    const uint64_t seed    = options->seed;
    double         done    = 0;
    double         since   = clade_seconds();
    clade_outcome  revenue = { 0 };
    clade_progress_begin("segments", 4 + 2 * CLADE_N_SEGMENT_KIND, "steps");
    CLADE_TRY(clade_features_get(&study->features, store, study->as_of_us, err));
    if (study->features->n_customers == 0) {
        (void)clade_fail(err, CLADE_ERR_NOT_READY,
                         "%s: none of its events names a customer, and segments are of customers",
                         clade_store_folder(store));
        clade_hint(err, "say which column does: clade load %s FILE --map COLUMN=customer",
                   clade_store_folder(store));
        return CLADE_ERR_NOT_READY;
    }
    clade_progress_update(++done);
    CLADE_TRY(clade_outcome_compute(
        &revenue, store, study->features->customer, study->features->n_customers,
        study->as_of_us - 365 * CLADE_US_PER_DAY, study->as_of_us, err));
    study->revenue_minor = revenue.spend_minor;
    revenue.spend_minor  = NULL; /* the study owns it now */
    clade_outcome_free(&revenue);
    clade_progress_update(++done);
    CLADE_TRY(look_back(past, study, store, err));
    if (options->behaviour != NULL)
        CLADE_TRY(join_both(study, past, store, options->behaviour, err));
    clade_progress_update(++done);
    end_stage(study, CLADE_STAGE_FEATURES, &since);
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        CLADE_TRY(clade_interrupt_check(err));
        CLADE_TRY(fit_kind(study, past, (clade_segment_kind)k, options, err));
        CLADE_TRY(apply_kind(study, past, (clade_segment_kind)k, err));
        clade_progress_update(++done);
    }
    end_stage(study, CLADE_STAGE_SEGMENTS, &since);
    CLADE_TRY(judge(study, past, seed, err));
    clade_progress_update(++done);
    end_stage(study, CLADE_STAGE_LIFT, &since);
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        CLADE_TRY(clade_interrupt_check(err));
        if (study->kind[k].segmentation != NULL) {
            CLADE_TRY(describe_kind(study, past, (clade_segment_kind)k, seed, err));
        }
        clade_progress_update(++done);
    }
    end_stage(study, CLADE_STAGE_PORTRAITS, &since);
    study->best = study->kind[CLADE_SEGMENT_OUTLOOK].segmentation != NULL ? CLADE_SEGMENT_OUTLOOK
                                                                          : CLADE_SEGMENT_LIFECYCLE;
    return CLADE_OK;
}

clade_status clade_study_run(clade_study **out_study, clade_store *store,
                             const clade_study_options *options, clade_error *err)
{
    study_past   past   = { 0 };
    clade_study *study  = CLADE_NEW(clade_study, 1);
    clade_status status = CLADE_OK;
    if (study == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a study");
    status = settle_moments(study, store, options, err);
    if (status == CLADE_OK) status = read_currency(study, store, err);
    if (status == CLADE_OK) status = study_all(study, &past, store, options, err);
    clade_progress_end();
    if (past.features != NULL) { /* who they were is kept, what was known of them is not */
        free(past.features->value);
        past.features->value = NULL;
        study->before        = past.features;
        past.features        = NULL;
    }
    past_free(&past);
    if (status != CLADE_OK) {
        clade_study_free(study);
        return status;
    }
    *out_study = study;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- keeping */

static clade_status save_tables(clade_store *store, clade_study *study, int64_t run,
                                clade_error *err)
{
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        clade_study_kind *kind = &study->kind[k];
        if (kind->segmentation == NULL) continue;
        const int64_t fitted_us = k == CLADE_SEGMENT_OUTLOOK ? study->learnt_us : study->as_of_us;
        CLADE_TRY(clade_segmentation_save(&kind->version, store, kind->segmentation, fitted_us, run,
                                          err));
        CLADE_TRY(clade_membership_save(store, kind->segmentation, kind->version, study->features,
                                        kind->segment, kind->score, err));
        if (kind->before == NULL) continue;
        CLADE_TRY(clade_membership_save(store, kind->segmentation, kind->version, study->before,
                                        kind->before, NULL, err));
    }
    return CLADE_OK;
}

static clade_status save_json(clade_store *store, const clade_study *study, clade_error *err)
{
    clade_status status = CLADE_OK;
    clade_buffer text   = { 0 };
    char         path[CLADE_PATH_MAX];
    status = clade_store_path(path, sizeof path, store, "segments.json", err);
    if (status != CLADE_OK) goto done;
    clade_json json = clade_json_start(&text, 1);
    clade_json_object(&json);
    clade_study_write(&json, study);
    clade_json_object_end(&json);
    if (text.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to write the segments down");
        goto done;
    }
    status = clade_file_replace(path, text.data, text.size, 0666, err);
done:
    clade_buffer_free(&text);
    return status;
}

clade_status clade_study_save(clade_store *store, clade_study *study, int64_t run, clade_error *err)
{
    CLADE_TRY(clade_store_begin(store, err));
    clade_status status = save_tables(store, study, run, err);
    if (status == CLADE_OK) status = clade_store_commit(store, err);
    if (status != CLADE_OK) {
        clade_store_rollback(store);
        return status;
    }
    CLADE_TRY(save_json(store, study, err));
    clade_error mine = { 0 };
    if (clade_features_keep(study->features, store, &mine) != CLADE_OK)
        clade_log(CLADE_LOG_WARN, "%s (what comes next has to compute the features again)",
                  mine.message);
    return CLADE_OK;
}

clade_status clade_study_read(clade_buffer *out, clade_store *store, clade_error *err)
{
    char path[4096];
    char part[65536];
    CLADE_TRY(clade_store_path(path, sizeof path, store, "segments.json", err));
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        const clade_status status = clade_fail(err, CLADE_ERR_NOT_READY, "%s has no segments yet",
                                               clade_store_folder(store));
        clade_hint(err, "run: clade segment %s", clade_store_folder(store));
        return status;
    }
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
        clade_buffer_append(out, part, n);
    const bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) return clade_fail(err, CLADE_ERR_IO, "%s: cannot be read", path);
    if (out->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to read %s", path);
    return CLADE_OK;
}

/* A study as JSON: the keys that scripts, the report and the export rely on. */
#include "segmentation.h"

#include "clade/study.h"

#include <math.h>
#include <stdio.h>

static void put_moment(clade_json *json, const char *key, int64_t moment_us)
{
    char text[40];
    clade_time_format(text, moment_us);
    clade_json_put_text(json, key, text);
}

static void put_money(clade_json *json, const char *key, double minor, const char *currency)
{
    char text[40];
    clade_json_key(json, key);
    if (isnan(minor)) {
        clade_json_null(json);
        return;
    }
    clade_money_format(text, llround(minor), currency, false);
    clade_json_text(json, text);
}

static void put_differences(clade_json *json, const clade_portrait *portrait)
{
    size_t               n_features;
    const clade_feature *registry = clade_features_all(&n_features);
    clade_json_key(json, "differences");
    clade_json_array(json);
    for (size_t d = 0; d < portrait->n_differences; d++) {
        const clade_difference *one = &portrait->difference[d];
        clade_json_object(json);
        clade_json_put_text(json, "feature", registry[one->feature].name);
        clade_json_put_text(json, "unit", registry[one->feature].unit);
        clade_json_put_text(json, "en", registry[one->feature].en);
        clade_json_put_text(json, "zh", registry[one->feature].zh);
        clade_json_put_number(json, "delta", one->delta);
        clade_json_put_number(json, "q", one->q);
        clade_json_put_number(json, "median_in", one->median_in);
        clade_json_put_number(json, "median_out", one->median_out);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void put_rule_words(clade_json *json, const char *key, const clade_rule *rule,
                           const char *currency, bool zh)
{
    clade_buffer words = { 0 };
    clade_rule_write(&words, rule, currency, zh);
    clade_json_put_text(json, key, words.data == NULL ? "" : words.data);
    clade_buffer_free(&words);
}

static void put_rules(clade_json *json, const clade_portrait *portrait, const char *currency)
{
    clade_json_key(json, "rules");
    clade_json_array(json);
    for (size_t r = 0; r < portrait->n_rules; r++) {
        const clade_rule *rule = &portrait->rule[r];
        clade_json_object(json);
        put_rule_words(json, "en", rule, currency, false);
        put_rule_words(json, "zh", rule, currency, true);
        clade_json_put_number(json, "coverage", rule->coverage);
        clade_json_put_number(json, "precision", rule->precision);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void put_portrait(clade_json *json, const clade_portrait *portrait, const char *kind,
                         const char *currency)
{
    clade_json_object(json);
    clade_json_put_text(json, "key", portrait->name.key);
    clade_json_put_text(json, "name", portrait->name.en);
    clade_json_put_text(json, "name_zh", portrait->name.zh);
    clade_json_put_text(json, "kind", kind);
    clade_json_put_int(json, "size", (int64_t)portrait->n);
    clade_json_put_number(json, "share", portrait->share);
    put_money(json, "revenue", (double)portrait->revenue_minor, currency);
    clade_json_put_number(json, "revenue_share", portrait->revenue_share);
    clade_json_put_number(json, "stability", portrait->stability);
    clade_json_put_text(json, "persona", portrait->persona_en);
    clade_json_put_text(json, "persona_zh", portrait->persona_zh);
    clade_json_key(json, "next_90_days");
    clade_json_object(json);
    put_money(json, "spend", portrait->next_spend, currency);
    put_money(json, "spend_low", portrait->next_spend_low, currency);
    put_money(json, "spend_high", portrait->next_spend_high, currency);
    clade_json_put_number(json, "return", portrait->next_return);
    clade_json_put_number(json, "return_low", portrait->next_return_low);
    clade_json_put_number(json, "return_high", portrait->next_return_high);
    clade_json_object_end(json);
    put_differences(json, portrait);
    put_rules(json, portrait, currency);
    clade_json_put_number(json, "rules_precision", portrait->rules_precision);
    clade_json_put_number(json, "rules_recall", portrait->rules_recall);
    clade_json_object_end(json);
}

static void put_segments(clade_json *json, const clade_study *study, clade_segment_kind kind)
{
    const clade_study_kind *k = &study->kind[kind];
    clade_json_array(json);
    for (size_t s = 0; k->segmentation != NULL && s < clade_segmentation_n(k->segmentation); s++) {
        put_portrait(json, &k->portrait[s], clade_segment_kind_name(kind), study->currency);
    }
    clade_json_array_end(json);
}

static void put_ranges(clade_json *json, const clade_card_line *line)
{
    clade_json_key(json, "ranges");
    clade_json_array(json);
    for (size_t r = 0; r < line->n_ranges; r++) {
        clade_json_object(json);
        clade_json_put_number(json, "from", r == 0 ? (double)NAN : line->edge[r - 1]);
        clade_json_put_number(json, "below", r + 1 == line->n_ranges ? (double)NAN : line->edge[r]);
        clade_json_put_int(json, "points", line->points[r]);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    if (line->says_absent) clade_json_put_int(json, "absent_points", line->absent_points);
}

/* The points card: the outlook of a customer by hand. */
static void put_card(clade_json *json, const clade_study *study)
{
    size_t                 n_features;
    const clade_feature   *registry = clade_features_all(&n_features);
    const clade_scorecard *card     = &study->card;
    clade_json_key(json, "card");
    clade_json_object(json);
    clade_json_put_number(json, "fidelity", card->fidelity);
    clade_json_put_number(json, "fidelity_within_one", card->fidelity_one);
    clade_json_put_int(json, "n_judged", (int64_t)card->n_judged);
    clade_json_key(json, "lines");
    clade_json_array(json);
    for (size_t l = 0; l < card->n_lines; l++) {
        const clade_feature *feature = &registry[card->line[l].feature];
        clade_json_object(json);
        clade_json_put_text(json, "feature", feature->name);
        clade_json_put_text(json, "unit", feature->unit);
        clade_json_put_text(json, "en", feature->en);
        clade_json_put_text(json, "zh", feature->zh);
        put_ranges(json, &card->line[l]);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    clade_json_key(json, "segment_from_points");
    clade_json_array(json);
    for (size_t s = 0; s < card->n_segments; s++)
        clade_json_int(json, card->from[s]);
    clade_json_array_end(json);
    clade_json_object_end(json);
}

/* "why" and "why_zh". */
static void put_sentence(clade_json *json, const char *key, const clade_sentence *sentence)
{
    char zh[32];
    snprintf(zh, sizeof zh, "%s_zh", key);
    clade_json_put_text(json, key, sentence->en);
    clade_json_put_text(json, zh, sentence->zh);
}

static void put_lift(clade_json *json, const char *key, const clade_lift *lift)
{
    clade_json_key(json, key);
    clade_json_object(json);
    clade_json_put_number(json, "r2", lift->r2);
    clade_json_put_number(json, "r2_low", lift->r2_low);
    clade_json_put_number(json, "r2_high", lift->r2_high);
    clade_json_put_number(json, "auc", lift->auc);
    clade_json_put_number(json, "auc_low", lift->auc_low);
    clade_json_put_number(json, "auc_high", lift->auc_high);
    clade_json_put_int(json, "segments", lift->n_segments);
    clade_json_object_end(json);
}

/* What was done with customer vectors; absent where nothing was. */
static void put_vectors(clade_json *json, const clade_study *study)
{
    const clade_study_vectors *v = &study->vectors;
    clade_json_key(json, "vectors");
    clade_json_object(json);
    clade_json_put_text(json, "model", "behaviour");
    clade_json_put_int(json, "run", v->run);
    put_moment(json, "fitted_as_of", v->fitted_us);
    clade_json_put_int(json, "d", (int64_t)v->d);
    clade_json_put_int(json, "parts", (int64_t)v->n_parts);
    clade_json_put_number(json, "share", v->share);
    clade_json_put_number(json, "weight", v->weight);
    clade_json_put_bool(json, "flattered", v->flattered);
    put_sentence(json, "said", &v->said);
    clade_json_object_end(json);
}

static void put_future_lift(clade_json *json, const clade_study *study)
{
    const clade_lift_report *lift = &study->lift;
    clade_json_key(json, "future_lift");
    clade_json_object(json);
    clade_json_put_bool(json, "measured", study->has_lift);
    clade_json_put_bool(json, "trusted", study->has_lift && lift->trusted);
    put_sentence(json, "why", &lift->why);
    if (study->has_lift) {
        put_moment(json, "as_of", lift->as_of_us);
        clade_json_put_int(json, "horizon_days", CLADE_STUDY_HORIZON_DAYS);
        clade_json_put_int(json, "n_customers", (int64_t)lift->n_customers);
        clade_json_put_int(json, "n_learnt", (int64_t)lift->n_learnt);
        clade_json_put_int(json, "n_evaluated", (int64_t)lift->n_evaluated);
        put_lift(json, "clade", &lift->kind[CLADE_SEGMENT_OUTLOOK]);
        put_lift(json, "rfm", &lift->kind[CLADE_SEGMENT_RFM]);
        put_lift(json, "lifecycle", &lift->kind[CLADE_SEGMENT_LIFECYCLE]);
        put_lift(json, "clusters", &lift->kind[CLADE_SEGMENT_CLUSTERS]);
        put_lift(json, "kmeans_rfm", &lift->kmeans_rfm);
        put_lift(json, "ceiling", &lift->ceiling);
        clade_json_put_number(json, "keeps_r2", lift->keeps_r2);
        clade_json_put_number(json, "keeps_r2_low", lift->keeps_r2_low);
        clade_json_put_number(json, "keeps_r2_high", lift->keeps_r2_high);
        clade_json_put_number(json, "keeps_auc", lift->keeps_auc);
        clade_json_put_number(json, "gain_r2", lift->gain);
        clade_json_put_number(json, "gain_r2_low", lift->gain_low);
        clade_json_put_number(json, "gain_r2_high", lift->gain_high);
    }
    if (study->has_lift && lift->has_joined) {
        put_lift(json, "clade_with_vectors", &lift->joined_outlook);
        put_lift(json, "clusters_with_vectors", &lift->joined_clusters);
        clade_interval_write(json, "clade_gain_by_vectors", &lift->outlook_gain);
        clade_interval_write(json, "clusters_gain_by_vectors", &lift->clusters_gain);
    }
    clade_json_object_end(json);
}

void clade_study_write(clade_json *json, const clade_study *study)
{
    put_moment(json, "as_of", study->as_of_us);
    if (study->learnt_us != INT64_MIN) put_moment(json, "learnt_at", study->learnt_us);
    put_moment(json, "first_event", study->first_us);
    put_moment(json, "last_event", study->last_us);
    clade_json_put_text(json, "currency", study->currency);
    clade_json_put_int(json, "n_customers", (int64_t)study->features->n_customers);
    clade_json_put_text(json, "kind", clade_segment_kind_name(study->best));
    clade_json_key(json, "segments");
    put_segments(json, study, study->best);
    clade_json_key(json, "kinds");
    clade_json_object(json);
    for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++) {
        const clade_study_kind *kind = &study->kind[k];
        clade_json_key(json, clade_segment_kind_name((clade_segment_kind)k));
        clade_json_object(json);
        clade_json_put_int(json, "version", kind->version);
        if (kind->segmentation == NULL) put_sentence(json, "why_not", &kind->why_not);
        if (kind->segmentation != NULL && k == CLADE_SEGMENT_CLUSTERS) {
            clade_json_put_text(
                json, "method",
                clade_clustering_name(clade_segmentation_clustering(kind->segmentation)));
        }
        clade_json_put_number(json, "fidelity", kind->segmentation == NULL ? NAN : kind->fidelity);
        clade_json_key(json, "segments");
        put_segments(json, study, (clade_segment_kind)k);
        clade_json_object_end(json);
    }
    clade_json_object_end(json);
    if (study->has_card) put_card(json, study);
    if (study->has_vectors) put_vectors(json, study);
    put_future_lift(json, study);
    clade_json_key(json, "seconds");
    clade_json_object(json);
    for (int stage = 0; stage < CLADE_N_STAGE; stage++) {
        clade_json_put_number(json, clade_study_stage_name((clade_study_stage)stage),
                              study->seconds[stage]);
    }
    clade_json_object_end(json);
}

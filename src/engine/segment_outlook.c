/* Outlook: segments shaped by the future as well as by likeness.
 *
 * A heavily regularised additive model (8 effective degrees of freedom) says from everything known
 * as of a moment what a customer will spend in the next 90 days, and whether it comes back. Its
 * spending score, cut into bands that lose as little of both predictions as can be, are the
 * segments. Because so few degrees of freedom are spent, the score of a customer hardly depends on
 * who else was in the sample, and the bands hold still. docs/maths/outlook.md has the formulas and
 * what else was tried. */
#include "bands.h"
#include "habit.h"
#include "outlook.h"
#include "segment_names.h"
#include "subset.h"

#include "clade/linear.h"

#include <math.h>
#include <stdlib.h>

enum {
    N_TARGETS = 2,
    SPEND     = 0,
    RETURN    = 1,
    BAGS      = 80, /* draws that the edges are averaged over */
    RESAMPLES = 12, /* refits that stability is measured on */
};

static const size_t outlook_terms = 256;

/* Degrees of freedom to try, the most first: the bands must hold still with them, and the last is
 * taken whatever they do. Small shops cannot bear more (docs/maths/outlook.md). */
static size_t candidates(double *out, size_t n)
{
    size_t m = 0;
    if (n >= 6000) out[m++] = 32;
    if (n >= 3000) out[m++] = 16;
    out[m++] = fmin(8, fmax(1, (double)n / 50));
    return m;
}

typedef struct outlook_definition {
    clade_additive model;
    double         unit[N_TARGETS]; /* standard deviation of each prediction where it was fitted */
    size_t         n_bands;
    double         edge[CLADE_SEGMENTS_MAX]; /* of spend score / unit, rising; band 0 is lowest */
    double         stability[CLADE_SEGMENTS_MAX]; /* by segment, best first; NAN: not measured */
    bool           prospects; /* the last segment is of those who did not buy anything yet */
} outlook_definition;

/* Targets: log(1 + spend in major units), and coming back. Spend below zero (more refunded than
 * bought) counts as none. */
static void fill_targets(double *y, const clade_outcome *outcome, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i * N_TARGETS + SPEND]  = clade__log_spend(outcome, i);
        y[i * N_TARGETS + RETURN] = outcome->returned[i];
    }
}

static void standard_deviations(double *out, const double *y, size_t n)
{
    for (size_t k = 0; k < N_TARGETS; k++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < n; i++)
            mean += y[i * N_TARGETS + k];
        mean /= (double)n;
        for (size_t i = 0; i < n; i++) {
            const double rest = y[i * N_TARGETS + k] - mean;
            square += rest * rest;
        }
        out[k] = fmax(sqrt(square / (double)n), 1e-12);
    }
}

/* What every fit on the same customers shares. */
typedef struct fit_input {
    size_t   n, p;
    float   *slog; /* (n, p) signed logs of features */
    double  *y;    /* (n, N_TARGETS) */
    uint64_t seed;
} fit_input;

static void input_free(fit_input *input)
{
    free(input->slog);
    free(input->y);
}

static clade_status input_make(fit_input *out, const clade_features *features,
                               const clade_outcome *outcome, uint64_t seed, clade_error *err)
{
    *out      = (fit_input){ .n = features->n_customers, .p = features->n_features, .seed = seed };
    out->slog = clade_alloc(out->n, out->p * sizeof(float));
    out->y    = clade_alloc(out->n, N_TARGETS * sizeof(double));
    if (out->slog == NULL || out->y == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the outlook of %zu customers",
                          out->n);
    }
    clade_signed_log(out->slog, features->value, out->n * out->p);
    fill_targets(out->y, outcome, out->n);
    return CLADE_OK;
}

/* Cut the scores of rows that count so many times. predicted (n, N_TARGETS) in units of their
 * spread. */
static clade_status cut_scores(clade__bands *bands, const double *predicted, const fit_input *input,
                               const double *weight, clade_error *err)
{
    const size_t n      = input->n;
    clade_rng    rng    = clade_rng_stream(input->seed, "engine/outlook/bands", 0);
    double      *order  = CLADE_NEW(double, n);
    double      *value  = clade_alloc(n, N_TARGETS * sizeof(double));
    size_t       at     = 0;
    clade_status status = CLADE_OK;
    if (order == NULL || value == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to cut %zu scores", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t times = weight == NULL ? 1 : (size_t)weight[i]; times > 0; times--, at++) {
            order[at] = predicted[i * N_TARGETS + SPEND];
            memcpy(value + at * N_TARGETS, predicted + i * N_TARGETS, N_TARGETS * sizeof *value);
        }
    }
    /* At least 60 customers to a band, but never less than 1 % nor more than 3 % of them. */
    const double least = fmin(0.03, fmax(0.01, 60 / (double)n));
    status = clade__bands_cut(bands, order, value, n, N_TARGETS, least, BAGS, &rng, err);
done:
    free(order);
    free(value);
    return status;
}

/* Fit the model to rows that count weight[i] times (NULL: once; n in all), and cut its scores into
 * every number of bands. out_score (n): the spend score of every row, in units of its spread. */
static clade_status fit_bands(outlook_definition *definition, clade__bands *bands,
                              double *out_score, const fit_input *input, const double *weight,
                              double df, clade_error *err)
{
    const size_t n         = input->n;
    double      *predicted = clade_alloc(n, N_TARGETS * sizeof(double));
    if (predicted == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the outlook of %zu customers", n);
    }
    clade_status status = clade_additive_fit(&definition->model, input->slog, true, n, input->p,
                                             input->y, N_TARGETS, weight, df, outlook_terms, err);
    if (status == CLADE_OK) {
        clade_additive_predict(predicted, &definition->model, input->slog, true, n, input->p);
        standard_deviations(definition->unit, predicted, n);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < N_TARGETS; k++)
                predicted[i * N_TARGETS + k] /= definition->unit[k];
            out_score[i] = predicted[i * N_TARGETS + SPEND];
        }
        status = cut_scores(bands, predicted, input, weight, err);
    }
    free(predicted);
    return status;
}

/* ---------------------------------------------------------------- how many bands hold still */

typedef struct hold_work {
    const fit_input    *input;
    const double       *score; /* (n) by the fit that is asked whether it holds still */
    const clade__bands *bands;
    double              df;
    clade_status        status[RESAMPLES];
    /* Jaccard of band b of n_bands in a resample. */
    double jaccard[RESAMPLES][CLADE_BANDS_MAX][CLADE_BANDS_MAX];
} hold_work;

/* Over the customers that were drawn. Bands of the same number are the same thing: their order
 * matches them. */
static void overlap(double *out, const hold_work *w, const double *score, const clade__bands *bands,
                    const double *weight, size_t n_bands)
{
    size_t both[CLADE_BANDS_MAX] = { 0 }, either[CLADE_BANDS_MAX] = { 0 };
    for (size_t i = 0; i < w->input->n; i++) {
        if (weight[i] == 0) continue;
        const size_t was = clade__band_of(w->score[i], w->bands->edge[n_bands - 1], n_bands);
        const size_t is  = clade__band_of(score[i], bands->edge[n_bands - 1], n_bands);
        either[was] += 1;
        if (was == is) {
            both[was] += 1;
        } else {
            either[is] += 1;
        }
    }
    for (size_t b = 0; b < n_bands; b++) {
        out[b] = either[b] == 0 ? 0 : (double)both[b] / (double)either[b];
    }
}

static clade_status hold_draw(hold_work *w, size_t draw)
{
    const size_t        n      = w->input->n;
    clade_status        status = CLADE_ERR_NOMEM;
    clade_rng           rng    = clade_rng_stream(w->input->seed, "engine/outlook/resample", draw);
    outlook_definition *refit  = CLADE_NEW(outlook_definition, 1);
    clade__bands       *bands  = CLADE_NEW(clade__bands, 1);
    double             *weight = CLADE_NEW(double, n);
    double             *score  = CLADE_NEW(double, n);
    if (refit == NULL || bands == NULL || weight == NULL || score == NULL) goto done;
    for (size_t i = 0; i < n; i++)
        weight[clade_rng_below(&rng, n)] += 1;
    status = fit_bands(refit, bands, score, w->input, weight, w->df, NULL);
    if (status != CLADE_OK) goto done;
    /* More bands than the resample has room for: none was found again, and the Jaccard stays 0. */
    for (size_t n_bands = 1; n_bands <= w->bands->most && n_bands <= bands->most; n_bands++) {
        overlap(w->jaccard[draw][n_bands - 1], w, score, bands, weight, n_bands);
    }
done:
    free(refit);
    free(bands);
    free(weight);
    free(score);
    return status;
}

static void hold_task(size_t draw, int worker, void *context)
{
    hold_work *w = context;
    (void)worker;
    w->status[draw] = hold_draw(w, draw);
}

/* Mean and least Jaccard over the bands of a cut into n_bands. */
static void hold_of(double *out_mean, double *out_least, double *out_band, const hold_work *w,
                    size_t n_bands)
{
    *out_mean  = 0;
    *out_least = 1;
    for (size_t b = 0; b < n_bands; b++) {
        double sum = 0;
        for (size_t d = 0; d < RESAMPLES; d++)
            sum += w->jaccard[d][n_bands - 1][b];
        out_band[b] = sum / RESAMPLES;
        *out_mean += out_band[b] / (double)n_bands;
        *out_least = fmin(*out_least, out_band[b]);
    }
}

/* The most bands, eight to twelve, that hold still under resampling; fewer when eight do not. */
static size_t choose_n_bands(double *out_stability, const hold_work *w, size_t most, size_t n)
{
    size_t chosen = 0;
    double mean, least;
    if (n < 600 && most > 6) most = 6;
    if (n < 250 && most > 4) most = 4;
    for (size_t k = most < w->bands->most ? most : w->bands->most; k > 0 && chosen == 0; k--) {
        hold_of(&mean, &least, out_stability, w, k);
        if (k > 8 ? mean >= 0.78 && least >= 0.70 : k <= 6 || mean >= 0.75) chosen = k;
    }
    return chosen;
}

static clade_status hold_still(outlook_definition *definition, bool *out_still,
                               const clade__bands *bands, const double *score,
                               const fit_input *input, size_t most, clade_error *err)
{
    clade_status status = CLADE_OK;
    double       held[CLADE_BANDS_MAX];
    hold_work   *w = CLADE_NEW(hold_work, 1);
    if (w == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for resamples");
    w->input = input;
    w->score = score;
    w->bands = bands;
    w->df    = definition->model.df;
    clade_parallel(RESAMPLES, hold_task, w);
    for (size_t d = 0; d < RESAMPLES && status == CLADE_OK; d++) {
        if (w->status[d] == CLADE_OK) continue;
        status = clade_fail(err, w->status[d], "resample %zu of %d customers could not be fitted",
                            d + 1, RESAMPLES);
    }
    if (status == CLADE_OK) {
        double mean         = 0;
        definition->n_bands = choose_n_bands(held, w, most, input->n);
        for (size_t b = 0; b < definition->n_bands; b++)
            mean += held[b] / (double)definition->n_bands;
        *out_still = definition->n_bands >= 8 && mean >= 0.78;
        for (size_t b = 0; b < definition->n_bands; b++) {
            definition->stability[definition->n_bands - 1 - b] = held[b];
        }
    }
    free(w);
    return status;
}

/* ---------------------------------------------------------------- the method */

static const clade_segment_name prospects_name = { "prospects", "Prospects", "潜在客户" };

/* `features` and `outcome` are of buyers. */
static clade_status name_bands(clade_segmentation *out, const clade_features *features,
                               const clade_outcome *outcome, clade_error *err)
{
    const outlook_definition *definition                  = out->definition;
    const size_t              n                           = features->n_customers;
    int32_t                  *segment                     = CLADE_NEW(int32_t, n);
    clade__band_profile       profile[CLADE_SEGMENTS_MAX] = { { 0 } };
    double                    members[CLADE_SEGMENTS_MAX] = { 0 }, returned = 0, usual_days = 0;
    if (segment == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
    clade_status status = clade__usual_gap_days(&usual_days, features, err);
    if (status == CLADE_OK) {
        status = clade__segment_outlook.assign(segment, NULL, out, features, err);
    }
    const clade__rhythm rhythm = clade__rhythm_of(usual_days);
    for (size_t i = 0; status == CLADE_OK && i < n; i++) {
        clade__band_profile *p = &profile[segment[i]];
        const clade__habit   h = clade__habit_of(features, i, &rhythm);
        members[segment[i]] += 1;
        p->returned += outcome->returned[i];
        p->one_order += h.orders < 2;
        p->recent += h.tenure_days <= 90;
        p->overdue += h.lateness > CLADE__LATE;
        returned += outcome->returned[i];
    }
    free(segment);
    if (status != CLADE_OK) return status;
    for (size_t s = 0; s < definition->n_bands; s++) {
        const double m = fmax(1, members[s]);
        profile[s]     = (clade__band_profile){ profile[s].returned / m, profile[s].one_order / m,
                                                profile[s].recent / m, profile[s].overdue / m };
    }
    clade__outlook_names(out->name, profile, definition->n_bands, returned / (double)n);
    if (definition->prospects) out->name[definition->n_bands] = prospects_name;
    return CLADE_OK;
}

/* Fit with the most degrees of freedom whose bands hold still. */
static clade_status fit_freely(outlook_definition *definition, clade__bands *bands, double *score,
                               const fit_input *input, size_t most, clade_error *err)
{
    double       df[4];
    const size_t n_df  = candidates(df, input->n);
    bool         still = false;
    for (size_t i = 0; i < n_df && !still; i++) {
        CLADE_TRY(fit_bands(definition, bands, score, input, NULL, df[i], err));
        CLADE_TRY(hold_still(definition, &still, bands, score, input, most, err));
    }
    return CLADE_OK;
}

/* Fit with the choices of another. */
static clade_status fit_like(outlook_definition *definition, clade__bands *bands, double *score,
                             const fit_input *input, const outlook_definition *like,
                             clade_error *err)
{
    CLADE_TRY(fit_bands(definition, bands, score, input, NULL, like->model.df, err));
    definition->n_bands = like->n_bands < bands->most ? like->n_bands : bands->most;
    return CLADE_OK;
}

static clade_status fit(clade_segmentation *out, const clade_segmentation *like,
                        const clade_features *features, const clade_outcome *outcome, uint64_t seed,
                        clade_error *err)
{
    clade_status  status = CLADE_OK;
    clade__subset sample = { 0 };
    fit_input     input  = { 0 };
    clade__bands *bands  = NULL;
    double       *score  = NULL;
    size_t        n_buyers;
    if (outcome == NULL) {
        return clade_fail(err, CLADE_ERR_NOT_READY,
                          "segments by outlook need 90 days after some moment to learn from");
    }
    outlook_definition *definition = CLADE_NEW(outlook_definition, 1);
    out->definition                = definition;
    status                         = clade__subset_buyers(&sample, &n_buyers, features, outcome,
                                                          CLADE_OUTLOOK_MAX_CUSTOMERS, seed, err);
    if (status != CLADE_OK) goto done;
    if (n_buyers == 0) {
        status =
            clade_fail(err, CLADE_ERR_NOT_READY,
                       "nobody had bought anything yet: an outlook needs orders to learn from");
        goto done;
    }
    bands = CLADE_NEW(clade__bands, 1);
    score = CLADE_NEW(double, sample.features.n_customers);
    if (definition == NULL || bands == NULL || score == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for an outlook");
        goto done;
    }
    status = input_make(&input, &sample.features, &sample.outcome, seed, err);
    if (status != CLADE_OK) goto done;
    for (size_t s = 0; s < CLADE_SEGMENTS_MAX; s++)
        definition->stability[s] = (double)NAN;
    if (like != NULL) {
        status = fit_like(definition, bands, score, &input, like->definition, err);
    } else {
        definition->prospects = n_buyers < features->n_customers;
        status                = fit_freely(definition, bands, score, &input,
                                           CLADE_SEGMENTS_MAX - (size_t)definition->prospects, err);
    }
    if (status != CLADE_OK) goto done;
    memcpy(definition->edge, bands->edge[definition->n_bands - 1], sizeof definition->edge);
    out->n_segments = definition->n_bands + definition->prospects;
    status          = name_bands(out, &sample.features, &sample.outcome, err);
done:
    clade__subset_free(&sample);
    input_free(&input);
    free(bands);
    free(score);
    return status;
}

/* Segment 0 is the best: people read from the top. Who bought nothing is a prospect where the
 * definition knows prospects, and is scored like everybody else where it does not. */
static clade_status assign(int32_t *out_segment, double *out_score,
                           const clade_segmentation *segmentation, const clade_features *features,
                           clade_error *err)
{
    (void)err;
    const outlook_definition *definition = segmentation->definition;
    const size_t              p          = features->n_features;
    const size_t              recency    = clade__feature_column("days_since_order");
    for (size_t i = 0; i < features->n_customers; i++) {
        double       predicted[N_TARGETS];
        const float *row = features->value + i * p;
        clade_additive_predict(predicted, &definition->model, row, false, 1, p);
        const size_t band = clade__band_of(predicted[SPEND] / definition->unit[SPEND],
                                           definition->edge, definition->n_bands);
        out_segment[i]    = (int32_t)(definition->n_bands - 1 - band);
        if (definition->prospects && isnan(row[recency]))
            out_segment[i] = (int32_t)definition->n_bands;
        if (out_score != NULL) out_score[i] = predicted[SPEND];
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- as JSON */

static void write(clade_json *json, const clade_segmentation *segmentation)
{
    const outlook_definition *definition = segmentation->definition;
    const clade_additive     *model      = &definition->model;
    size_t                    n_features;
    const clade_feature      *registry = clade_features_all(&n_features);
    clade_json_put_bool(json, "prospects", definition->prospects);
    clade_json_put_number(json, "df", model->df);
    clade_json_put_number(json, "penalty", model->penalty);
    clade__json_put_numbers(json, "intercept", model->intercept, N_TARGETS);
    clade__json_put_numbers(json, "unit", definition->unit, N_TARGETS);
    clade__json_put_numbers(json, "edge", definition->edge, definition->n_bands - 1);
    clade__json_put_numbers(json, "stability", definition->stability, definition->n_bands);
    clade_json_key(json, "terms");
    clade_json_array(json);
    for (size_t t = 0; t < model->n_terms; t++) {
        const clade_additive_term *term = &model->term[t];
        clade_json_object(json);
        clade_json_put_text(json, "feature", registry[term->column].name);
        clade_json_put_number(json, "knot", term->knot); /* null: the line itself */
        clade_json_put_number(json, "center", term->center);
        clade_json_put_number(json, "scale", term->scale);
        clade_json_put_number(json, "mean", term->mean);
        clade__json_put_numbers(json, "coefficient", term->coefficient, N_TARGETS);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static clade_status read_number(double *out, const clade_json_tree *tree,
                                const clade_json_node *object, const char *key, clade_error *err)
{
    const clade_json_node *node = clade_json_get(tree, object, key);
    if (node == NULL || node->type != CLADE_JSON_NUMBER) {
        return clade_fail(err, CLADE_ERR_DATA, "a term of an outlook has no number '%s'", key);
    }
    *out = node->number;
    return CLADE_OK;
}

static clade_status read_term(clade_additive_term *term, const clade_json_tree *tree,
                              const clade_json_node *node, clade_error *err)
{
    char                   name[64];
    const clade_json_node *feature = clade_json_get(tree, node, "feature");
    const clade_json_node *knot    = clade_json_get(tree, node, "knot");
    if (feature == NULL || feature->text.size >= sizeof name) {
        return clade_fail(err, CLADE_ERR_DATA, "a term of an outlook names no feature");
    }
    memcpy(name, feature->text.data, feature->text.size);
    name[feature->text.size] = '\0';
    const int column         = clade_features_find(name);
    if (column < 0) {
        return clade_fail(err, CLADE_ERR_VERSION,
                          "an outlook uses the feature '%s', which this clade does not know", name);
    }
    term->column = (uint32_t)column;
    term->knot = knot == NULL || knot->type != CLADE_JSON_NUMBER ? -(double)INFINITY : knot->number;
    CLADE_TRY(read_number(&term->center, tree, node, "center", err));
    CLADE_TRY(read_number(&term->scale, tree, node, "scale", err));
    CLADE_TRY(read_number(&term->mean, tree, node, "mean", err));
    return clade__json_numbers(term->coefficient, N_TARGETS, tree, node, "coefficient", err);
}

/* What was not measured was written as null. */
static void read_stability(outlook_definition *definition, const clade_json_tree *tree,
                           const clade_json_node *node)
{
    const clade_json_node *list = clade_json_get(tree, node, "stability");
    for (size_t s = 0; s < CLADE_SEGMENTS_MAX; s++)
        definition->stability[s] = (double)NAN;
    if (list == NULL || list->type != CLADE_JSON_ARRAY) return;
    for (size_t s = 0; s < list->n && s < CLADE_SEGMENTS_MAX; s++) {
        const clade_json_node *one = &tree->node[(size_t)(list - tree->node) + 1 + s];
        if (one->type == CLADE_JSON_NUMBER) definition->stability[s] = one->number;
    }
}

static clade_status read(clade_segmentation *out, const clade_json_tree *tree,
                         const clade_json_node *node, clade_error *err)
{
    outlook_definition    *definition = CLADE_NEW(outlook_definition, 1);
    const clade_json_node *terms      = clade_json_get(tree, node, "terms");
    const clade_json_node *prospects  = clade_json_get(tree, node, "prospects");
    out->definition                   = definition;
    if (definition == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for an outlook");
    if (out->n_segments < 1 + (size_t)(prospects != NULL && prospects->boolean)) {
        return clade_fail(err, CLADE_ERR_DATA, "an outlook has no segment of buyers");
    }
    if (terms == NULL || terms->type != CLADE_JSON_ARRAY || terms->n > CLADE_ADDITIVE_TERMS_MAX) {
        return clade_fail(err, CLADE_ERR_DATA, "an outlook has no list of at most %d terms",
                          CLADE_ADDITIVE_TERMS_MAX);
    }
    definition->prospects       = prospects != NULL && prospects->boolean;
    definition->n_bands         = out->n_segments - definition->prospects;
    definition->model.n_targets = N_TARGETS;
    definition->model.n_terms   = terms->n;
    CLADE_TRY(read_number(&definition->model.df, tree, node, "df", err));
    CLADE_TRY(read_number(&definition->model.penalty, tree, node, "penalty", err));
    CLADE_TRY(
        clade__json_numbers(definition->model.intercept, N_TARGETS, tree, node, "intercept", err));
    CLADE_TRY(clade__json_numbers(definition->unit, N_TARGETS, tree, node, "unit", err));
    CLADE_TRY(
        clade__json_numbers(definition->edge, definition->n_bands - 1, tree, node, "edge", err));
    read_stability(definition, tree, node);
    size_t child = (size_t)(terms - tree->node) + 1;
    for (size_t t = 0; t < terms->n; t++) {
        CLADE_TRY(read_term(&definition->model.term[t], tree, &tree->node[child], err));
        child = tree->node[child].next;
    }
    return CLADE_OK;
}

const clade__segment_method clade__segment_outlook = { fit, assign, write, read, free };

void clade__outlook_explain(double *out, const clade_segmentation *segmentation, const float *row,
                            size_t n_features)
{
    const outlook_definition *definition = segmentation->definition;
    clade_additive_explain(out, &definition->model, row, n_features, SPEND);
}

double clade__log_spend(const clade_outcome *outcome, size_t i)
{
    return log1p(fmax(0, (double)outcome->spend_minor[i]) / outcome->minor_per_major);
}

size_t clade__outlook_n_bands(const clade_segmentation *segmentation)
{
    const outlook_definition *definition = segmentation->definition;
    return definition->n_bands;
}

void clade__outlook_stability(double *out, const clade_segmentation *segmentation)
{
    const outlook_definition *definition = segmentation->definition;
    memcpy(out, definition->stability, segmentation->n_segments * sizeof *out);
}

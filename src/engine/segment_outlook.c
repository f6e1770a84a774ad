/* Outlook: segments shaped by the future as well as by likeness.
 *
 * A heavily regularised additive model (8 to 24 effective degrees of freedom) says from everything
 * known as of a moment what a customer will spend in the next 90 days, and whether it comes back.
 * Its spending score, cut into bands that lose as little of both predictions as can be, are the
 * segments. Because so few degrees of freedom are spent, the score of a customer hardly depends on
 * who else was in the sample, and the bands hold still. docs/maths/outlook.md has the formulas and
 * what else was tried. */
#include "additive_json.h"
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
    ASSIGNED  = 64, /* customers that are told their segment at once */
};

static const size_t outlook_terms = 256;

/* Where expected spending levels off, as a multiple of what those who come back spend. */
static const double top_over_returned = 2;

/* How stiff the model is, and whether its spending score is a straight sum or bends (a logit). */
typedef struct outlook_shape {
    double df;
    bool   bends;
} outlook_shape;

enum { SHAPES_MAX = 4 };

/* What to choose from: small shops cannot bear more than a dozen degrees of freedom, and where
 * there are many customers a less stiff straight sum is left out: on one date of cdnow it won, and
 * the date keeps .7 points more with it, at a Jaccard .05 lower (docs/maths/outlook.md). */
static size_t shapes_for(outlook_shape *out, size_t n)
{
    const double stiff = fmin(8, fmax(1, (double)n / 50)), more = n >= 3000 ? 16 : 1.5 * stiff;
    const bool   many = n >= 6000;
    out[0]            = (outlook_shape){ stiff, false };
    out[1]            = (outlook_shape){ stiff, true };
    out[2]            = (outlook_shape){ more, many };
    out[3]            = (outlook_shape){ many ? 24 : more, true };
    return SHAPES_MAX;
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

/* A model of one shape, and its scores cut into every number of bands. */
typedef struct cut_model {
    clade_additive model;
    double         unit[N_TARGETS];
    clade__bands   bands;
    double        *score; /* (n): the spend score of every row, in units of its spread */
} cut_model;

static void cut_models_free(cut_model *models, size_t n)
{
    for (size_t i = 0; models != NULL && i < n; i++)
        free(models[i].score);
    free(models);
}

/* predicted (n, N_TARGETS): what the model says of every row; put into units of its spread here. */
static clade_status cut_model_scores(cut_model *m, const fit_input *input, const double *weight,
                                     double *predicted, clade_error *err)
{
    const size_t n = input->n;
    m->score       = CLADE_NEW(double, n);
    if (m->score == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu scores", n);
    standard_deviations(m->unit, predicted, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < N_TARGETS; k++)
            predicted[i * N_TARGETS + k] /= m->unit[k];
        m->score[i] = predicted[i * N_TARGETS + SPEND];
    }
    return cut_scores(&m->bands, predicted, input, weight, err);
}

/* Twice what those who came back spent, on the scale of the target; 0 where nobody did. */
static double top_of(const fit_input *input, const double *weight)
{
    double spend = 0, returned = 0;
    for (size_t i = 0; i < input->n; i++) {
        const double w = weight == NULL ? 1 : weight[i];
        spend += w * input->y[i * N_TARGETS + SPEND];
        returned += w * input->y[i * N_TARGETS + RETURN];
    }
    return returned > 0 ? top_over_returned * spend / returned : 0;
}

/* Fit every shape to rows that count weight[i] times (NULL: once; n in all), and cut. Free the
 * models with cut_models_free. */
static clade_status fit_shapes(cut_model **out, const fit_input *input, const double *weight,
                               const outlook_shape *shapes, size_t n_shapes, clade_error *err)
{
    clade_status         status             = CLADE_OK;
    clade_additive_shape wanted[SHAPES_MAX] = { { .df = 0 } };
    cut_model           *models             = CLADE_NEW(cut_model, n_shapes);
    clade_additive      *fitted             = CLADE_NEW(clade_additive, n_shapes);
    const size_t         size               = input->n * N_TARGETS; /* of one prediction */
    double              *predicted          = clade_alloc(size, n_shapes * sizeof(double));
    const double         top                = top_of(input, weight);
    if (models == NULL || fitted == NULL || predicted == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the outlook of %zu customers",
                            input->n);
        goto done;
    }
    for (size_t i = 0; i < n_shapes; i++) {
        wanted[i].df         = shapes[i].df;
        wanted[i].top[SPEND] = shapes[i].bends ? top : 0;
    }
    status = clade_additive_fit_shapes(fitted, wanted, n_shapes, input->slog, input->n, input->p,
                                       input->y, N_TARGETS, weight, outlook_terms, err);
    if (status != CLADE_OK) goto done;
    clade_additive_predict_shapes(predicted, fitted, n_shapes, input->slog, true, input->n,
                                  input->p);
    for (size_t i = 0; i < n_shapes && status == CLADE_OK; i++) {
        models[i].model = fitted[i];
        status          = cut_model_scores(&models[i], input, weight, predicted + i * size, err);
    }
    if (status == CLADE_OK) {
        *out   = models;
        models = NULL;
    }
done:
    cut_models_free(models, n_shapes);
    free(fitted);
    free(predicted);
    return status;
}

/* ---------------------------------------------------------------- what to choose */

/* What one resample says of one cut. */
typedef struct hold_cut {
    double jaccard[CLADE_BANDS_MAX]; /* of each band with itself; 0 where it was not found again */
    double rest; /* squared error of the bands' means over the customers that were not drawn */
} hold_cut;

typedef struct hold_work {
    const fit_input     *input;
    const cut_model     *model; /* (n_shapes): asked whether they hold still */
    const outlook_shape *shapes;
    size_t               n_shapes;
    clade_status         status[RESAMPLES];
    double               spread[RESAMPLES]; /* squared deviations of the customers not drawn */
    hold_cut             cut[RESAMPLES][SHAPES_MAX][CLADE_BANDS_MAX];
} hold_work;

/* Over the customers that were drawn. Bands of the same number are the same thing: their order
 * matches them. What was not drawn is predicted the mean of its band. */
static void compare(hold_cut *out, const fit_input *input, const cut_model *was,
                    const cut_model *is, const double *weight, size_t n_bands)
{
    size_t both[CLADE_BANDS_MAX] = { 0 }, either[CLADE_BANDS_MAX] = { 0 };
    double count[CLADE_BANDS_MAX] = { 0 }, sum[CLADE_BANDS_MAX] = { 0 };
    double unseen[CLADE_BANDS_MAX] = { 0 }, linear[CLADE_BANDS_MAX] = { 0 }, square = 0;
    for (size_t i = 0; i < input->n; i++) {
        const double y = input->y[i * N_TARGETS + SPEND];
        const size_t b = clade__band_of(is->score[i], is->bands.edge[n_bands - 1], n_bands);
        if (weight[i] == 0) {
            unseen[b] += 1;
            linear[b] += y;
            square += y * y;
            continue;
        }
        const size_t a = clade__band_of(was->score[i], was->bands.edge[n_bands - 1], n_bands);
        count[b] += weight[i];
        sum[b] += weight[i] * y;
        either[a] += 1;
        if (a == b) {
            both[a] += 1;
        } else {
            either[b] += 1;
        }
    }
    out->rest = square;
    for (size_t b = 0; b < n_bands; b++) {
        const double mean = count[b] > 0 ? sum[b] / count[b] : 0;
        out->rest += mean * (unseen[b] * mean - 2 * linear[b]);
        out->jaccard[b] = either[b] == 0 ? 0 : (double)both[b] / (double)either[b];
    }
}

static double spread_of_unseen(const fit_input *input, const double *weight)
{
    double count = 0, sum = 0, square = 0;
    for (size_t i = 0; i < input->n; i++) {
        if (weight[i] > 0) continue;
        const double y = input->y[i * N_TARGETS + SPEND];
        count += 1;
        sum += y;
        square += y * y;
    }
    return count > 0 ? square - sum * sum / count : 0;
}

static clade_status hold_draw(hold_work *w, size_t draw)
{
    const size_t n      = w->input->n;
    clade_status status = CLADE_ERR_NOMEM;
    clade_rng    rng    = clade_rng_stream(w->input->seed, "engine/outlook/resample", draw);
    cut_model   *refit  = NULL;
    double      *weight = CLADE_NEW(double, n);
    if (weight == NULL) goto done;
    for (size_t i = 0; i < n; i++)
        weight[clade_rng_below(&rng, n)] += 1;
    status = fit_shapes(&refit, w->input, weight, w->shapes, w->n_shapes, NULL);
    if (status != CLADE_OK) goto done;
    w->spread[draw] = spread_of_unseen(w->input, weight);
    for (size_t s = 0; s < w->n_shapes; s++) {
        const size_t most = w->model[s].bands.most;
        for (size_t n_bands = 1; n_bands <= most; n_bands++) {
            /* More bands than the resample has room for: none was found again. */
            hold_cut *cut = &w->cut[draw][s][n_bands - 1];
            cut->rest     = w->spread[draw];
            if (n_bands > refit[s].bands.most) continue;
            compare(cut, w->input, &w->model[s], &refit[s], weight, n_bands);
        }
    }
done:
    cut_models_free(refit, w->n_shapes);
    free(weight);
    return status;
}

static void hold_task(size_t draw, int worker, void *context)
{
    hold_work *w = context;
    (void)worker;
    w->status[draw] = hold_draw(w, draw);
}

/* A shape and a number of bands, with what the resamples say of the two. */
typedef struct choice {
    size_t shape, n_bands;
    int    rank;                  /* how well it holds still; see rank_of */
    double r2;                    /* of customers not drawn */
    double mean;                  /* Jaccard over bands */
    double band[CLADE_BANDS_MAX]; /* Jaccard of each */
} choice;

/* Eight bands or more that hold still; else eight, or seven, that nearly do; else at most six. */
static int rank_of(size_t n_bands, double mean, double least)
{
    if (n_bands >= 8 && mean >= 0.78 && least >= 0.70) return 3;
    if (n_bands == 8 && mean >= 0.75) return 2;
    if (n_bands == 7 && mean >= 0.75) return 1;
    return n_bands <= 6 ? 0 : -1;
}

static choice choice_of(const hold_work *w, size_t shape, size_t n_bands)
{
    choice c     = { .shape = shape, .n_bands = n_bands };
    double least = 1, rest = 0, spread = 0;
    for (size_t d = 0; d < RESAMPLES; d++) {
        rest += w->cut[d][shape][n_bands - 1].rest;
        spread += w->spread[d];
    }
    for (size_t b = 0; b < n_bands; b++) {
        for (size_t d = 0; d < RESAMPLES; d++)
            c.band[b] += w->cut[d][shape][n_bands - 1].jaccard[b] / RESAMPLES;
        c.mean += c.band[b] / (double)n_bands;
        least = fmin(least, c.band[b]);
    }
    c.r2   = spread > 0 ? 1 - rest / spread : 0;
    c.rank = rank_of(n_bands, c.mean, least);
    return c;
}

/* Among the cuts that hold still best in kind: the stillest of those whose out-of-bag R2 is within
 * one per cent of the best (of 2,000 customers; less of more). Differences below that are chance.
 */
static choice choose(const hold_work *w, size_t most, size_t n)
{
    const double slack = 0.01 * sqrt(2000 / (double)n);
    choice       best  = { .rank = -1 };
    double       r2    = -(double)INFINITY;
    int          rank  = -1;
    if (n < 600 && most > 6) most = 6;
    if (n < 250 && most > 4) most = 4;
    for (int round = 0; round < 3; round++) { /* the best rank, then the best R2 in it, then this */
        for (size_t s = 0; s < w->n_shapes; s++) {
            const size_t here = most < w->model[s].bands.most ? most : w->model[s].bands.most;
            for (size_t k = here; k > 0; k--) {
                if (k < 6 && k < here) break; /* never fewer than there is room for */
                const choice c = choice_of(w, s, k);
                if (round == 0 && c.rank > rank) rank = c.rank;
                if (round == 1 && c.rank == rank) r2 = fmax(r2, c.r2);
                if (round == 2 && c.rank == rank && c.r2 >= r2 - slack * fabs(r2) &&
                    (best.n_bands == 0 || c.mean > best.mean)) {
                    best = c;
                }
            }
        }
    }
    return best;
}

static clade_status hold_still(choice *out, const cut_model *models, const fit_input *input,
                               const outlook_shape *shapes, size_t n_shapes, size_t most,
                               clade_error *err)
{
    clade_status status = CLADE_OK;
    hold_work   *w      = CLADE_NEW(hold_work, 1);
    if (w == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for resamples");
    w->input    = input;
    w->model    = models;
    w->shapes   = shapes;
    w->n_shapes = n_shapes;
    clade_parallel(RESAMPLES, hold_task, w);
    for (size_t d = 0; d < RESAMPLES && status == CLADE_OK; d++) {
        if (w->status[d] == CLADE_OK) continue;
        status = clade_fail(err, w->status[d], "resample %zu of %d customers could not be fitted",
                            d + 1, RESAMPLES);
    }
    if (status == CLADE_OK) *out = choose(w, most, input->n);
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

static void take(outlook_definition *definition, const cut_model *m, size_t n_bands)
{
    definition->model   = m->model;
    definition->n_bands = n_bands;
    memcpy(definition->unit, m->unit, sizeof definition->unit);
    memcpy(definition->edge, m->bands.edge[n_bands - 1], sizeof definition->edge);
}

/* Fit every shape, and keep what the resamples choose. */
static clade_status fit_freely(outlook_definition *definition, const fit_input *input, size_t most,
                               clade_error *err)
{
    outlook_shape shapes[SHAPES_MAX];
    choice        chosen   = { .rank = -1 };
    cut_model    *models   = NULL;
    const size_t  n_shapes = shapes_for(shapes, input->n);
    CLADE_TRY(fit_shapes(&models, input, NULL, shapes, n_shapes, err));
    const clade_status status = hold_still(&chosen, models, input, shapes, n_shapes, most, err);
    if (status == CLADE_OK) {
        take(definition, &models[chosen.shape], chosen.n_bands);
        for (size_t b = 0; b < chosen.n_bands; b++)
            definition->stability[chosen.n_bands - 1 - b] = chosen.band[b];
    }
    cut_models_free(models, n_shapes);
    return status;
}

/* Fit with the choices of another. */
static clade_status fit_like(outlook_definition *definition, const fit_input *input,
                             const outlook_definition *like, clade_error *err)
{
    const outlook_shape same  = { like->model.df, like->model.top[SPEND] > 0 };
    cut_model          *model = NULL;
    CLADE_TRY(fit_shapes(&model, input, NULL, &same, 1, err));
    take(definition, model, like->n_bands < model->bands.most ? like->n_bands : model->bands.most);
    cut_models_free(model, 1);
    return CLADE_OK;
}

static clade_status fit(clade_segmentation *out, const clade_segmentation *like,
                        const clade_features *features, const clade_outcome *outcome, uint64_t seed,
                        clade_error *err)
{
    clade_status  status = CLADE_OK;
    clade__subset sample = { 0 };
    fit_input     input  = { 0 };
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
    if (definition == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for an outlook");
        goto done;
    }
    status = input_make(&input, &sample.features, &sample.outcome, seed, err);
    if (status != CLADE_OK) goto done;
    for (size_t s = 0; s < CLADE_SEGMENTS_MAX; s++)
        definition->stability[s] = (double)NAN;
    if (like != NULL) {
        status = fit_like(definition, &input, like->definition, err);
    } else {
        definition->prospects = n_buyers < features->n_customers;
        status =
            fit_freely(definition, &input, CLADE_SEGMENTS_MAX - (size_t)definition->prospects, err);
    }
    if (status != CLADE_OK) goto done;
    out->n_segments = definition->n_bands + definition->prospects;
    status          = name_bands(out, &sample.features, &sample.outcome, err);
done:
    clade__subset_free(&sample);
    input_free(&input);
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
    for (size_t from = 0; from < features->n_customers; from += ASSIGNED) {
        double       predicted[ASSIGNED * N_TARGETS];
        const size_t rest = features->n_customers - from;
        const size_t n    = rest < ASSIGNED ? rest : ASSIGNED;
        clade_additive_predict(predicted, &definition->model, features->value + from * p, false, n,
                               p);
        for (size_t i = 0; i < n; i++) {
            const double score = predicted[i * N_TARGETS + SPEND];
            const size_t band  = clade__band_of(score / definition->unit[SPEND], definition->edge,
                                                definition->n_bands);
            int32_t     *out   = &out_segment[from + i];
            *out               = (int32_t)(definition->n_bands - 1 - band);
            if (definition->prospects && isnan(features->value[(from + i) * p + recency]))
                *out = (int32_t)definition->n_bands;
            if (out_score != NULL) out_score[from + i] = score;
        }
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- as JSON */

static void write(clade_json *json, const clade_segmentation *segmentation)
{
    const outlook_definition *definition = segmentation->definition;
    clade_json_put_bool(json, "prospects", definition->prospects);
    clade__additive_write(json, &definition->model);
    clade__json_put_numbers(json, "unit", definition->unit, N_TARGETS);
    clade__json_put_numbers(json, "edge", definition->edge, definition->n_bands - 1);
    clade__json_put_numbers(json, "stability", definition->stability, definition->n_bands);
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
    const clade_json_node *prospects  = clade_json_get(tree, node, "prospects");
    out->definition                   = definition;
    if (definition == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for an outlook");
    if (out->n_segments < 1 + (size_t)(prospects != NULL && prospects->boolean)) {
        return clade_fail(err, CLADE_ERR_DATA, "an outlook has no segment of buyers");
    }
    definition->prospects = prospects != NULL && prospects->boolean;
    definition->n_bands   = out->n_segments - definition->prospects;
    CLADE_TRY(clade__additive_read(&definition->model, N_TARGETS, tree, node, err));
    CLADE_TRY(clade__json_numbers(definition->unit, N_TARGETS, tree, node, "unit", err));
    CLADE_TRY(
        clade__json_numbers(definition->edge, definition->n_bands - 1, tree, node, "edge", err));
    read_stability(definition, tree, node);
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

/* Choosing among models: each is fitted on what was over before an earlier moment and asked about
 * that moment, at several of them (rolling origins). All these answers together, none of them by a
 * model that had seen the customer's label, settle the blend and its calibration. */
#include "predict_internal.h"

#include "clade/run.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_TO_CHOOSE = 100 }; /* customers below which a slice cannot choose among models */

void clade__scored_free(clade__scored *s)
{
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
        free(s->margin[m]);
    free(s->y);
    free(s->fold);
    *s = (clade__scored){ 0 };
}

/* Half of the customers of the latest fold tune, the others are scored: nobody does both. */
static bool tunes(int64_t customer, uint64_t seed)
{
    return clade_hash64(&customer, sizeof customer, seed + 2) & 1;
}

static clade_status scored_make(clade__scored *s, const clade__rows *rows, clade_error *err)
{
    size_t room = 1;
    for (size_t f = 0; f < rows->n_folds; f++)
        room += rows->fold[f].end - rows->fold[f].from;
    s->y       = CLADE_NEW(double, room);
    s->fold    = CLADE_NEW(uint8_t, room);
    bool whole = s->y != NULL && s->fold != NULL;
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++) {
        if (!clade__model_competes((clade_predict_model)m, rows)) continue;
        s->margin[m] = CLADE_NEW(double, room);
        whole        = whole && s->margin[m] != NULL;
    }
    return whole ? CLADE_OK : clade_fail(err, CLADE_ERR_NOMEM, "no memory to choose among models");
}

/* Who tunes: of the latest fold alone. */
static clade_status take_tuning(uint32_t **out, size_t *out_n, const clade__rows *rows,
                                uint64_t seed, clade_error *err)
{
    const clade__fold last = rows->fold[rows->n_folds - 1];
    *out                   = CLADE_NEW(uint32_t, last.end - last.from + 1);
    if (*out == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to tune");
    for (size_t i = last.from; i < last.end; i++)
        if (tunes(rows->customer[i], seed)) (*out)[(*out_n)++] = (uint32_t)i;
    return CLADE_OK;
}

/* A search whose time is up tries nothing more that takes long. */
static bool spent(const clade_predictor *p, clade_predict_model model)
{
    return model != CLADE_PREDICT_RULE && model != CLADE_PREDICT_LINEAR &&
           model != CLADE_PREDICT_VALUE && clade_seconds() > p->deadline;
}

/* Fit on what a fold may learn from, and add the answers of those who do not tune. */
static clade_status score_fold(clade__scored *s, clade_predictor *p, const clade__rows *rows,
                               size_t f, const uint32_t *tune, size_t n_tune, uint64_t seed,
                               clade_error *err)
{
    const clade__fold fold   = rows->fold[f];
    const bool        last   = f + 1 == rows->n_folds;
    const size_t      n      = fold.end - fold.from;
    clade_status      status = CLADE_OK;
    double *const     margin = CLADE_NEW(double, n + 1);
    if (margin == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    for (int m = 0; m < CLADE_N_PREDICT_MODEL && status == CLADE_OK; m++) {
        if (s->margin[m] == NULL) continue;
        if (last && spent(p, (clade_predict_model)m)) { /* then it has no answers anywhere */
            p->card.untried[m] = true;
            free(s->margin[m]);
            s->margin[m] = NULL;
            continue;
        }
        status = clade__model_fit(p, (clade_predict_model)m, rows, fold.learn_end, tune, n_tune,
                                  seed, err);
        if (status == CLADE_OK)
            status = clade__model_margin(margin, p, (clade_predict_model)m,
                                         rows->x + fold.from * rows->n_columns, n, err);
        for (size_t i = 0, at = s->n; status == CLADE_OK && i < n; i++)
            if (!last || !tunes(rows->customer[fold.from + i], seed))
                s->margin[m][at++] = margin[i];
    }
    for (size_t i = 0; status == CLADE_OK && i < n; i++) {
        if (last && tunes(rows->customer[fold.from + i], seed)) continue;
        s->fold[s->n] = (uint8_t)s->n_folds;
        s->y[s->n++]  = rows->y[fold.from + i];
    }
    s->end[s->n_folds + 1] = s->n;
    free(margin);
    return status;
}

clade_status clade__folds_score(clade__scored *out, clade_predictor *p, const clade__rows *rows,
                                uint64_t seed, clade_error *err)
{
    uint32_t    *tune   = NULL;
    size_t       n_tune = 0;
    clade_status status = scored_make(out, rows, err);
    if (status == CLADE_OK && rows->n_folds > 0)
        status = take_tuning(&tune, &n_tune, rows, seed, err);
    /* The latest first: it settles how trees are grown. One that the budget has no time for is not
     * begun; it takes about as long as the one before. */
    double took = 0;
    for (size_t f = rows->n_folds; f-- > 0 && status == CLADE_OK;) {
        const double start = clade_seconds();
        if (f + 1 < rows->n_folds && start + took > p->deadline) break;
        status = clade_interrupt_check(err);
        if (status == CLADE_OK) status = score_fold(out, p, rows, f, tune, n_tune, seed, err);
        out->n_folds++;
        took = f + 1 < rows->n_folds ? clade_seconds() - start : 0;
    }
    free(tune);
    if (status != CLADE_OK) clade__scored_free(out);
    return status;
}

/* ---------------------------------------------------------------- the choice */

/* Too few to choose by: the linear model and the value model, which cannot overfit much, as they
 * are. */
static void choose_blindly(clade_predictor *p)
{
    p->card.weight[CLADE_PREDICT_LINEAR] = 0.5;
    p->card.weight[CLADE_PREDICT_VALUE]  = 0.5;
    p->intercept                         = 0;
    p->slope                             = 1;
}

static bool enough(const clade__scored *s, bool amount)
{
    size_t positive = 0;
    for (size_t i = 0; i < s->n; i++)
        positive += s->y[i] > 0;
    return s->n >= LEAST_TO_CHOOSE && positive >= CLADE__LEAST_OF_A_KIND &&
           (amount || s->n - positive >= CLADE__LEAST_OF_A_KIND);
}

/* Slope from all answers together; the level from the folds, each a season of its own. What they
 * disagree about is luck: a shift that is not larger than it is not made. */
static double level_of_folds(const clade__scored *s, const double *blend, double slope,
                             double pooled, bool amount)
{
    double       shift[CLADE__FOLDS_MAX], mean = 0, middle = 0, spread = 0;
    const double n = (double)s->n_folds;
    if (s->n_folds < 2) return pooled;
    for (size_t i = 0; i < s->n; i++)
        middle += (1 - slope) * blend[i] / (double)s->n; /* where the level stays as it is */
    for (size_t f = 0; f < s->n_folds; f++) {
        const size_t from = s->end[f];
        shift[f] = clade__level_of(blend + from, s->y + from, s->end[f + 1] - from, slope, amount) -
                   middle;
        mean += shift[f] / n;
    }
    for (size_t f = 0; f < s->n_folds; f++)
        spread += (shift[f] - mean) * (shift[f] - mean) / (n * (n - 1));
    return middle + (mean == 0 ? 0 : mean * fmax(0, 1 - spread / (mean * mean)));
}

static clade_status calibrate(clade_predictor *p, const clade__scored *s, const double *blend,
                              bool amount, clade_error *err)
{
    double pooled;
    clade__calibrate(&pooled, &p->slope, blend, s->y, s->n, amount);
    p->intercept = level_of_folds(s, blend, p->slope, pooled, amount);
    if (amount) return CLADE_OK;
    CLADE_TRY(clade__bend_choose(&p->bend, p->card.calibration_loss, blend, s->y, s->fold,
                                 s->n_folds, s->n, p->slope, err));
    for (size_t k = 0; k < p->bend.n; k++)
        p->bend.to[k] += p->intercept - pooled;
    return CLADE_OK;
}

/* Scores of all folds and the weights they choose; a loss of INFINITY where they are too few. */
static clade_status score_and_blend(clade__scored *s, double *weight, double *out_loss,
                                    clade_predictor *p, const clade__rows *rows, uint64_t seed,
                                    clade_error *err)
{
    const bool amount = clade_task_is_amount(&p->card.task);
    *out_loss         = (double)INFINITY;
    memset(p->card.untried, 0, sizeof p->card.untried);
    CLADE_TRY(clade__folds_score(s, p, rows, seed, err));
    return enough(s, amount) ? clade__blend_choose(weight, out_loss, s, amount, err) : CLADE_OK;
}

/* Where a year was seen, everything is tried with the season and without it; what loses less stays.
 * A second look takes no longer than the first: how trees grow is searched once. */
static clade_status try_seasons(clade__scored *s, double *weight, double *loss, clade_predictor *p,
                                clade__rows *rows, uint64_t seed, clade_error *err)
{
    const double  least_gain                     = 1e-3; /* of the loss: less is not worth it */
    double        without[CLADE_N_PREDICT_MODEL] = { 0 }, loss_without;
    clade__scored other                          = { 0 };
    clade__rows   plain                          = *rows;
    size_t        n_values                       = 0;
    if (!clade_size_mul(&n_values, rows->n, rows->n_columns) ||
        (plain.x = CLADE_NEW(float, n_values + 1)) == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", rows->n);
    memcpy(plain.x, rows->x, n_values * sizeof(float));
    clade__rows_forget_seasons(&plain);
    clade_status status = score_and_blend(&other, without, &loss_without, p, &plain, seed, err);
    free(plain.x);
    if (status == CLADE_OK && !(*loss < (1 - least_gain) * loss_without)) {
        const clade__scored kept = *s;
        *s                       = other;
        other                    = kept;
        *loss                    = loss_without;
        memcpy(weight, without, sizeof without);
        clade__rows_forget_seasons(rows);
    }
    clade__scored_free(&other);
    return status;
}

/* The blend's own answers, in the place of the rule's. */
static double *blend_scored(clade__scored *s, const double *weight)
{
    double *const blend = s->margin[CLADE_PREDICT_RULE];
    for (size_t i = 0; i < s->n; i++) {
        double sum = 0;
        for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
            if (weight[m] > 0) sum += weight[m] * s->margin[m][i];
        blend[i] = sum;
    }
    return blend;
}

clade_status clade__choose(clade_predictor *p, clade__rows *rows, uint64_t seed, clade_error *err)
{
    clade_predict_card *const card   = &p->card;
    const bool                amount = clade_task_is_amount(&card->task);
    const double              start  = clade_seconds();
    clade__scored             s      = { 0 };
    double                    loss;
    p->deadline = p->search.budget_s > 0 ? start + p->search.budget_s : (double)INFINITY;
    card->calibration_loss[0] = card->calibration_loss[1] = (double)NAN;
    clade_status status = score_and_blend(&s, card->weight, &loss, p, rows, seed, err);
    if (status == CLADE_OK && rows->seasons && clade_seconds() < p->deadline)
        status = try_seasons(&s, card->weight, &loss, p, rows, seed, err);
    else if (rows->seasons)
        clade__rows_forget_seasons(rows); /* untried */
    if (status != CLADE_OK) goto done;
    card->seasons       = rows->seasons;
    card->search_s      = clade_seconds() - start;
    card->budget_s      = p->search.budget_s;
    card->n_folds       = s.n_folds;
    card->n_folds_borne = rows->n_folds;
    card->n_scored      = s.n;
    card->n_depths =
        clade__model_competes(CLADE_PREDICT_JOINT, rows) ? clade__n_depths(&p->search) : 0;
    for (int m = 0; m < CLADE_N_PREDICT_MODEL; m++)
        card->loss[m] =
            s.margin[m] == NULL ? (double)NAN : clade__mean_loss(s.margin[m], s.y, s.n, amount);
    if (isinf(loss)) {
        choose_blindly(p);
        goto done; /* no calibration either */
    }
    const double *const blend = blend_scored(&s, card->weight);
    card->blend_loss          = clade__mean_loss(blend, s.y, s.n, amount);
    status                    = calibrate(p, &s, blend, amount, err);
    card->curved              = p->bend.n > 0;
done:
    clade__scored_free(&s);
    return status;
}

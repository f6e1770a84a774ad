/* The head that judges vectors: ridge regression of each label on scaled columns, its degrees of
 * freedom chosen on customers it was not fitted on.
 *
 *     G = sum_i w_i (z_i - m)(z_i - m)',   g_t = sum_{i: y_ti = 1} w_i (z_i - m),   b_t = (G + l
 * I)^-1 g_t
 *
 * Tasks that ask about the same customers share G, and one factorisation serves all of them: churn
 * has one, categories and items have another. The score is b_t'(z - m): without the intercept, so
 * that folds can be told together. Runs a few times a judgement. */
#include "vector_views.h"

#include "clade/linear.h"
#include "clade/numeric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { N_DF = 4 };
static const double df_grid[N_DF] = { 4, 16, 64, 256 };

typedef struct head_work {
    const clade__head_case *head;
    size_t                  p;           /* scaled columns */
    float                  *z;           /* (n, p) */
    float                  *weight;      /* (n) 1: this fit counts the row */
    double                 *mean;        /* (p) */
    double                 *gram, *copy; /* (p, p) */
    double                 *moment;      /* (p, n_tasks) */
    double                 *coefficient; /* (N_DF, p, n_tasks) */
    double                 *beta;        /* (p, n_tasks) of the degrees of freedom chosen */
    double                 *score;       /* (n) of held customers */
    uint8_t                *truth;       /* (n) */
} head_work;

static void work_free(head_work *w)
{
    free(w->z);
    free(w->weight);
    free(w->mean);
    free(w->gram);
    free(w->copy);
    free(w->moment);
    free(w->coefficient);
    free(w->beta);
    free(w->score);
    free(w->truth);
}

static bool work_make(head_work *w)
{
    const size_t n = w->head->n, p = w->p, k = w->head->n_tasks;
    w->z           = CLADE_NEW(float, n *p);
    w->weight      = CLADE_NEW(float, n);
    w->mean        = CLADE_NEW(double, p);
    w->gram        = CLADE_NEW(double, p *p);
    w->copy        = CLADE_NEW(double, p *p);
    w->moment      = CLADE_NEW(double, p *k);
    w->coefficient = CLADE_NEW(double, N_DF *p *k);
    w->beta        = CLADE_NEW(double, p *k);
    w->score       = CLADE_NEW(double, n);
    w->truth       = CLADE_NEW(uint8_t, n);
    return w->z && w->weight && w->mean && w->gram && w->copy && w->moment && w->coefficient &&
           w->beta && w->score && w->truth;
}

static const uint8_t *label_of(const head_work *w, size_t task)
{
    return w->head->label + task * w->head->n;
}

/* Tasks that are asked of the same customers as the first of them. */
static bool asks_the_same(const head_work *w, size_t a, size_t b)
{
    for (size_t i = 0; i < w->head->n; i++) {
        if ((label_of(w, a)[i] == CLADE_NO_LABEL) != (label_of(w, b)[i] == CLADE_NO_LABEL))
            return false;
    }
    return true;
}

/* Fit the tasks of a group for each df that is used, on rows that are asked and, with `most`, not
 * held. */
static clade_status fit_group(head_work *w, const size_t *task, size_t n_group, const bool *used,
                              bool most, clade_error *err)
{
    const size_t p = w->p, n = w->head->n;
    double       total = 0, penalty = 0;

    for (size_t i = 0; i < n; i++) {
        const bool counts =
            label_of(w, task[0])[i] != CLADE_NO_LABEL && !(most && w->head->held[i]);
        w->weight[i] = counts ? 1.0f : 0.0f;
        total += (double)w->weight[i];
    }
    memset(w->coefficient, 0, N_DF * p * n_group * sizeof(double));
    if (total == 0) return CLADE_OK;
    CLADE_TRY(clade_covariance(w->mean, w->gram, w->z, w->weight, n, p, err));
    for (size_t i = 0; i < p * p; i++)
        w->gram[i] *= total;
    for (size_t df = 0; df < N_DF; df++) {
        if (!used[df]) continue;
        memset(w->moment, 0, p * n_group * sizeof(double));
        for (size_t t = 0; t < n_group; t++) {
            for (size_t i = 0; i < n; i++) {
                if (w->weight[i] == 0.0f || label_of(w, task[t])[i] != 1) continue;
                for (size_t j = 0; j < p; j++)
                    w->moment[j * n_group + t] += (double)w->z[i * p + j] - w->mean[j];
            }
        }
        memcpy(w->copy, w->gram, p * p * sizeof(double));
        CLADE_TRY(clade_ridge_solve(w->coefficient + df * p * n_group, &penalty, w->copy, w->moment,
                                    p, n_group, fmin(df_grid[df], (double)p), err));
    }
    return CLADE_OK;
}

static double score_of(const head_work *w, const float *z, const double *beta, size_t stride)
{
    double sum = 0;
    for (size_t j = 0; j < w->p; j++)
        sum += ((double)z[j] - w->mean[j]) * beta[j * stride];
    return sum;
}

/* The df that ranks the held customers best: the smallest of equals, and where nobody can tell. */
static clade_status choose_df(size_t *out_df, head_work *w, size_t task, size_t t, size_t n_group,
                              clade_error *err)
{
    double best = -1;
    *out_df     = 0;
    for (size_t df = 0; df < N_DF; df++) {
        size_t n   = 0;
        double auc = 0;
        for (size_t i = 0; i < w->head->n; i++) {
            if (!w->head->held[i] || label_of(w, task)[i] == CLADE_NO_LABEL) continue;
            w->score[n] =
                score_of(w, w->z + i * w->p, w->coefficient + df * w->p * n_group + t, n_group);
            w->truth[n++] = label_of(w, task)[i];
        }
        CLADE_TRY(clade_auc(&auc, w->score, w->truth, n, err));
        if (!(auc > best + 1e-9)) continue;
        best    = auc;
        *out_df = df;
    }
    return CLADE_OK;
}

static bool has_both_classes(const head_work *w, size_t task)
{
    size_t n[2] = { 0, 0 };
    for (size_t i = 0; i < w->head->n; i++) {
        if (label_of(w, task)[i] != CLADE_NO_LABEL) n[label_of(w, task)[i]]++;
    }
    return n[0] >= CLADE_VECTOR_MIN_CASES && n[1] >= CLADE_VECTOR_MIN_CASES;
}

static clade_status judge_group(double *out_score, head_work *w, const clade_scaler *scaler,
                                const size_t *task, size_t n_group, clade_error *err)
{
    static const bool all[N_DF]    = { true, true, true, true };
    bool              chosen[N_DF] = { false };
    const size_t      p            = w->p;
    size_t           *df           = CLADE_NEW(size_t, n_group);
    float            *asked        = CLADE_NEW(float, p);
    clade_status      status;

    if (df == NULL || asked == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu heads", n_group);
        goto done;
    }
    status = fit_group(w, task, n_group, all, true, err);
    for (size_t t = 0; t < n_group && status == CLADE_OK; t++) {
        status        = choose_df(&df[t], w, task[t], t, n_group, err);
        chosen[df[t]] = true;
    }
    if (status == CLADE_OK) status = fit_group(w, task, n_group, chosen, false, err);
    if (status != CLADE_OK) goto done;
    for (size_t j = 0; j < p; j++) {
        for (size_t t = 0; t < n_group; t++)
            w->beta[j * n_group + t] = w->coefficient[(df[t] * p + j) * n_group + t];
    }
    for (size_t i = 0; i < w->head->n_asked; i++) {
        clade_scaler_apply(asked, scaler, w->head->asked + i * w->head->d, 1);
        for (size_t t = 0; t < n_group; t++)
            out_score[task[t] * w->head->n_asked + i] = score_of(w, asked, w->beta + t, n_group);
    }
done:
    free(df);
    free(asked);
    return status;
}

clade_status clade__head_score(double *out_score, size_t *out_columns, const clade__head_case *head,
                               clade_error *err)
{
    static const clade_scaler_options options = { .impute = CLADE_IMPUTE_INDICATOR };
    clade_status                      status  = CLADE_OK;
    clade_scaler                     *scaler  = NULL;
    head_work                         work    = { .head = head };
    size_t                           *group   = CLADE_NEW(size_t, head->n_tasks);
    bool                             *done    = CLADE_NEW(bool, head->n_tasks);

    memset(out_score, 0, head->n_tasks * head->n_asked * sizeof *out_score);
    if (group == NULL || done == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu tasks", head->n_tasks);
        goto done;
    }
    status = clade_scaler_fit(&scaler, head->x, head->n, head->d, &options, err);
    if (status != CLADE_OK) goto done;
    *out_columns = work.p = scaler->n_out;
    if (work.p == 0) goto done;
    if (!work_make(&work)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a head on %zu columns", work.p);
        goto done;
    }
    clade_scaler_apply(work.z, scaler, head->x, head->n);
    for (size_t first = 0; first < head->n_tasks; first++) {
        size_t n_group = 0;
        for (size_t t = first; t < head->n_tasks; t++) {
            if (done[t] || !asks_the_same(&work, first, t)) continue;
            done[t] = true;
            if (has_both_classes(&work, t)) group[n_group++] = t;
        }
        if (n_group == 0) continue;
        status = judge_group(out_score, &work, scaler, group, n_group, err);
        if (status != CLADE_OK) goto done;
    }
done:
    clade_scaler_free(scaler);
    work_free(&work);
    free(group);
    free(done);
    return status;
}

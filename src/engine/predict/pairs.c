/* Pairs of features that say something only together: SHAP interaction values of the trees that
 * take part, as blended. Runs once a question about a model. */
#include "explain_internal.h"

#include <math.h>
#include <stdlib.h>

enum { PAIR_ROWS = 100 };

static int by_size(const void *a, const void *b)
{
    const clade_predict_pair *x = a, *y = b;
    if (x->mean_margin != y->mean_margin) return x->mean_margin > y->mean_margin ? -1 : 1;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

/* Add what one ensemble says of a pair. `narrow` has the features' columns alone. */
static clade_status add(double *sum, double *phi, const clade_predictor *p, bool joint,
                        const clade__sample *s, const float *narrow, int a, int b, clade_error *err)
{
    const double weight = p->card.weight[joint ? CLADE_PREDICT_JOINT : CLADE_PREDICT_TREES];
    if (weight == 0) return CLADE_OK;
    CLADE_TRY(clade_trees_interaction(phi, joint ? p->joint : p->trees, joint ? s->x : narrow, s->n,
                                      joint ? s->n_columns : p->n_features, (size_t)a, (size_t)b,
                                      err));
    for (size_t i = 0; i < s->n; i++)
        sum[i] += p->slope * weight * phi[i];
    return CLADE_OK;
}

clade_status clade_predictor_pairs(clade_predict_pair *out, const clade_predictor *p,
                                   clade_predictions *ps, const int *feature, size_t n,
                                   clade_error *err)
{
    clade__sample s       = { 0 };
    size_t        n_pairs = 0;
    CLADE_TRY(clade__explains_features(p, feature, n, err));
    CLADE_TRY(clade__sample_make(&s, p, ps, PAIR_ROWS, err));
    float *const  narrow = CLADE_NEW(float, s.n * p->n_features + 1);
    double *const sum    = CLADE_NEW(double, 2 * s.n + 1);
    clade_status  status = narrow == NULL || sum == NULL
                               ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for pairs of features")
                               : CLADE_OK;
    for (size_t i = 0; i < s.n && status == CLADE_OK; i++)
        memcpy(narrow + i * p->n_features, s.x + i * s.n_columns, p->n_features * sizeof(float));
    for (size_t k = 0; k < n * n && status == CLADE_OK; k++) {
        const size_t i = k / n, j = k % n;
        if (i >= j) continue;
        clade_predict_pair *const one = &out[n_pairs++];
        *one                          = (clade_predict_pair){ .a = feature[i], .b = feature[j] };
        memset(sum, 0, s.n * sizeof *sum);
        for (int joint = 0; joint < 2 && status == CLADE_OK; joint++)
            status = add(sum, sum + s.n, p, joint == 1, &s, narrow, one->a, one->b, err);
        for (size_t r = 0; r < s.n; r++)
            one->mean_margin += fabs(sum[r]) / (double)s.n;
    }
    if (status == CLADE_OK) qsort(out, n_pairs, sizeof *out, by_size);
    free(narrow);
    free(sum);
    clade__sample_free(&s);
    return status;
}

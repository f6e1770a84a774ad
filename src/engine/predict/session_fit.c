/* Fitting the running visit: a rule, a logistic regression and trees on the earlier visits, a blend
 * and its calibration on later ones, one judgement on the latest, a last fit on all. */
#include "session_internal.h"

#include "clade/elastic_net.h"
#include "clade/numeric.h"
#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    P               = CLADE_SESSION_FEATURES,
    LEAST_VISITS    = 500,
    LEAST_BOUGHT    = 50,
    LINEAR_MAX      = 40000, /* rows that the path of penalties is climbed on */
    MOST_ROUNDS     = 300,
    PATIENCE        = 15,
    SMALL_CELLS     = 1 << 22,
    LEAST_OF_A_KIND = 10,
    LEAST_OF_WORD   = 20, /* pseudo-rows that draw a word towards the average */
};

static const double learn_share = 0.6, judged_share = 0.2;

const char *clade_session_member_name(clade_session_member member)
{
    static const char *const name[CLADE_N_SESSION_MEMBER] = { "rule", "linear", "trees" };
    assert(member < CLADE_N_SESSION_MEMBER);
    return name[member];
}

void clade_session_model_free(clade_session_model *m)
{
    if (m == NULL) return;
    clade_trees_free(m->trees);
    free(m);
}

const clade_session_card *clade_session_model_card(const clade_session_model *m)
{
    return &m->card;
}

/* ---------------------------------------------------------------- rows of a span of time */

typedef struct slice {
    size_t   n, n_yes;
    float   *x, *target;
    double  *y;
    uint8_t *yes, *is_new;
} slice;

static void slice_free(slice *s)
{
    free(s->x);
    free(s->target);
    free(s->y);
    free(s->yes);
    free(s->is_new);
    *s = (slice){ 0 };
}

/* Which rows: visits that begin in [from, to) and whose end was known before `known`. */
typedef struct which {
    int64_t from_us, to_us, known_us;
    bool    first_only; /* one prefix a visit */
    int     half;       /* 0 or 1: by the hash of the visit; -1: both */
} which;

static clade_status take(slice *out, const clade__session_rows *rows, which w, clade_error *err)
{
    const size_t room = rows->n + 1;
    size_t       n    = 0;
    *out              = (slice){ .x      = CLADE_NEW(float, room *P),
                                 .target = CLADE_NEW(float, room),
                                 .y      = CLADE_NEW(double, room),
                                 .yes    = CLADE_NEW(uint8_t, room),
                                 .is_new = CLADE_NEW(uint8_t, room) };
    if (out->x == NULL || out->target == NULL || out->y == NULL || out->yes == NULL ||
        out->is_new == NULL) {
        slice_free(out);
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu prefixes of visits", rows->n);
    }
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->start_us[i] < w.from_us || rows->start_us[i] >= w.to_us ||
            rows->end_us[i] > w.known_us - CLADE_SESSION_PAUSE_US)
            continue;
        if (w.first_only && !rows->first[i]) continue;
        if (w.half >= 0 && (int)(rows->hash[i] >> 63) != w.half) continue;
        memcpy(out->x + n * P, rows->x + i * P, P * sizeof(float));
        out->yes[n]    = rows->yes[i];
        out->target[n] = rows->yes[i];
        out->y[n]      = rows->yes[i];
        out->is_new[n] = rows->is_new[i];
        out->n_yes += rows->yes[i];
        n++;
    }
    out->n = n;
    return CLADE_OK;
}

/* ---------------------------------------------------------------- words */

/* What a word says of buying: its log-odds against the average, drawn to it by twenty rows. */
static void learn_words(clade__session_words *words, const slice *s, size_t column)
{
    const double base = fmax(1e-6, fmin(1 - 1e-6, (double)s->n_yes / fmax(1, (double)s->n)));
    double       n[CLADE__SESSION_WORDS + 1] = { 0 }, yes[CLADE__SESSION_WORDS + 1] = { 0 };
    for (size_t i = 0; i < s->n; i++) {
        const float  value = s->x[i * P + column];
        const size_t k     = isnan(value) ? 0 : (size_t)value;
        if (k == 0 || k > words->n) continue;
        n[k] += 1;
        yes[k] += s->yes[i];
    }
    for (size_t k = 1; k <= words->n; k++) {
        const double p      = (yes[k] + LEAST_OF_WORD * base) / (n[k] + LEAST_OF_WORD);
        words->value[k - 1] = log(p / (1 - p)) - log(base / (1 - base));
    }
}

/* Numbers of words become what they say. */
static void put_words(slice *s, const clade_session_model *m)
{
    const clade__session_words *const words[] = { &m->device, &m->channel };
    for (size_t i = 0; i < s->n; i++)
        for (size_t w = 0; w < 2; w++) {
            float *const value = &s->x[i * P + CLADE__SESSION_DEVICE + w];
            const size_t k     = isnan(*value) ? 0 : (size_t)*value;
            if (!isnan(*value)) *value = k == 0 ? 0 : (float)words[w]->value[k - 1];
        }
}

/* ---------------------------------------------------------------- members */

static void fit_rule(clade_session_model *m, const slice *s)
{
    double       n[CLADE__SESSION_CELLS] = { 0 }, yes[CLADE__SESSION_CELLS] = { 0 };
    const double base = ((double)s->n_yes + 0.5) / ((double)s->n + 1);
    for (size_t i = 0; i < s->n; i++) {
        const size_t cell = clade__session_cell(s->x + i * P);
        n[cell] += 1;
        yes[cell] += s->yes[i];
    }
    for (size_t c = 0; c < CLADE__SESSION_CELLS; c++) {
        const double p = (yes[c] + LEAST_OF_WORD * base) / (n[c] + LEAST_OF_WORD);
        m->rule[c]     = log(p / (1 - p));
    }
}

/* Signed logs in deviations from their mean, three at most: a visit unlike all others is not what a
 * line was drawn through. NAN, which counts as the mean, becomes 0. */
static void standardise(float *z, const clade_session_model *m, const float *x, size_t n)
{
    const float most = 3;
    clade_signed_log(z, x, n * P);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < P; j++) {
            float *const one = &z[i * P + j];
            const float  at =
                m->spread[j] > 0 ? (float)(((double)*one - m->mean[j]) / m->spread[j]) : 0;
            *one = isnan(at) ? 0 : fmaxf(-most, fminf(most, at));
        }
}

/* Mean and deviation of the signed logs that are known. */
static void settle_scale(clade_session_model *m, const float *logged, size_t n)
{
    for (size_t j = 0; j < P; j++) {
        double sum = 0, squares = 0, k = 0;
        for (size_t i = 0; i < n; i++) {
            const double value = (double)logged[i * P + j];
            if (isnan(value)) continue;
            sum += value;
            squares += value * value;
            k += 1;
        }
        m->mean[j]   = k > 0 ? sum / k : 0;
        m->spread[j] = k > 0 ? sqrt(fmax(0, squares / k - m->mean[j] * m->mean[j])) : 0;
        if (m->spread[j] < 1e-6) m->spread[j] = 0;
    }
}

/* Out of the path: the penalty that loses least on `tune`, or the one found before. */
static clade_status fit_linear(clade_session_model *m, const slice *s, const slice *tune,
                               clade_error *err)
{
    const size_t       n = s->n > LINEAR_MAX ? LINEAR_MAX : s->n, step = s->n / n;
    float *const       x      = CLADE_NEW(float, n *P + 1);
    uint8_t *const     label  = CLADE_NEW(uint8_t, n + 1);
    const size_t       n_tune = tune == NULL ? 0 : tune->n;
    float *const       tune_x = CLADE_NEW(float, n_tune *P + 1);
    double *const      margin = CLADE_NEW(double, n_tune + 1);
    clade_elastic_net *net    = NULL;
    double             best   = (double)INFINITY;
    clade_status       status = x == NULL || label == NULL || tune_x == NULL || margin == NULL
                                    ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu rows", n)
                                    : CLADE_OK;
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * P, s->x + i * step * P, P * sizeof *x);
        label[i] = s->yes[i * step];
    }
    float *const z = CLADE_NEW(float, n *P + 1);
    if (z == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu rows", n);
        goto done;
    }
    clade_signed_log(z, x, n * P);
    settle_scale(m, z, n);
    free(z);
    standardise(x, m, x, n);
    status = clade_elastic_net_fit(&net, x, n, P, label, NULL, err);
    if (status != CLADE_OK) goto done;
    if (tune != NULL) standardise(tune_x, m, tune->x, n_tune);
    for (size_t k = 0; tune != NULL && k < net->n_lambda; k++) {
        clade_elastic_net_predict(margin, net, k, tune_x, n_tune);
        const double loss = clade__mean_loss(margin, tune->y, n_tune, false);
        if (!(loss < best)) continue;
        best       = loss;
        m->penalty = k;
    }
    const size_t k = m->penalty < net->n_lambda ? m->penalty : net->n_lambda - 1;
    m->base        = net->intercept[k];
    for (size_t j = 0; j < P; j++) {
        m->slope[j] = net->scale[j] > 0 ? net->coefficient[k * P + j] / net->scale[j] : 0;
        m->base -= m->slope[j] * net->mean[j];
    }
done:
    clade_elastic_net_free(net);
    free(x);
    free(label);
    free(tune_x);
    free(margin);
    return status;
}

static clade_status fit_trees(clade_session_model *m, const slice *s, const slice *tune,
                              uint64_t seed, clade_error *err)
{
    clade_trees_options    options = clade_trees_defaults(CLADE_TREES_LOGISTIC);
    const clade_trees_data learn   = { s->x, s->n, P, s->target, NULL, NULL };
    const clade_trees_data watched =
        tune == NULL ? (clade_trees_data){ 0 }
                     : (clade_trees_data){ tune->x, tune->n, P, tune->target, NULL, NULL };
    clade_trees *trees       = NULL;
    options.n_rounds         = tune == NULL ? m->rounds : MOST_ROUNDS;
    options.max_depth        = 5;
    options.eta              = 0.08;
    options.subsample        = 0.8;
    options.colsample        = 0.6;
    options.min_child_weight = 5;
    options.lambda           = 2;
    options.max_bin          = 64;
    options.patience         = tune == NULL ? 0 : PATIENCE;
    options.seed             = seed;
    options.n_threads        = s->n * P < SMALL_CELLS ? 1 : 0;
    CLADE_TRY(clade_trees_fit(&trees, &learn, tune == NULL ? NULL : &watched, &options, err));
    m->rounds = (int)clade_trees_n_rounds(trees);
    clade_trees_free(m->trees);
    m->trees = trees;
    return CLADE_OK;
}

/* `tune`: rows that stop and choose; NULL: as found before. */
static clade_status fit_members(clade_session_model *m, const slice *s, const slice *tune,
                                uint64_t seed, clade_error *err)
{
    fit_rule(m, s);
    CLADE_TRY(fit_linear(m, s, tune, err));
    CLADE_TRY(clade_interrupt_check(err));
    return fit_trees(m, s, tune, seed, err);
}

/* Words first: what they say is learnt from these rows and then put into both. */
static void settle_words(clade_session_model *m, const clade__session_rows *rows, slice *learn,
                         slice *const *other, size_t n_other)
{
    m->device  = rows->device;
    m->channel = rows->channel;
    learn_words(&m->device, learn, CLADE__SESSION_DEVICE);
    learn_words(&m->channel, learn, CLADE__SESSION_CHANNEL);
    put_words(learn, m);
    for (size_t k = 0; k < n_other; k++)
        put_words(other[k], m);
}

/* ---------------------------------------------------------------- margins */

static double linear_margin(const clade_session_model *m, const float *row)
{
    float  z[P];
    double sum = m->base;
    standardise(z, m, row, 1);
    for (size_t j = 0; j < P; j++)
        sum += m->slope[j] * (double)z[j];
    return sum;
}

static double logit_of(double p)
{
    p = fmax(1e-7, fmin(1 - 1e-7, p));
    return log(p / (1 - p));
}

clade_status clade__session_margin(double *out, const clade_session_model *m,
                                   clade_session_member member, const float *x, size_t n,
                                   clade_error *err)
{
    if (member == CLADE_SESSION_TREES) {
        float        few[16];
        float *const answer = n <= 16 ? few : CLADE_NEW(float, n);
        if (answer == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu visits", n);
        const clade_status status = clade_trees_predict(answer, m->trees, x, n, P, err);
        for (size_t i = 0; i < n && status == CLADE_OK; i++)
            out[i] = logit_of((double)answer[i]);
        if (answer != few) free(answer);
        return status;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = member == CLADE_SESSION_RULE ? m->rule[clade__session_cell(x + i * P)]
                                              : linear_margin(m, x + i * P);
    return CLADE_OK;
}

/* The blend, calibrated. other (n): room. */
static clade_status blend(double *out, double *other, const clade_session_model *m, const float *x,
                          size_t n, clade_error *err)
{
    for (size_t i = 0; i < n; i++)
        out[i] = 0;
    for (int k = 0; k < CLADE_N_SESSION_MEMBER; k++) {
        if (m->card.weight[k] == 0) continue;
        CLADE_TRY(clade__session_margin(other, m, (clade_session_member)k, x, n, err));
        for (size_t i = 0; i < n; i++)
            out[i] += m->card.weight[k] * other[i];
    }
    for (size_t i = 0; i < n; i++)
        out[i] = m->intercept + m->scale * out[i];
    return CLADE_OK;
}

clade_status clade_session_score(double *out_chance, const clade_session_model *m,
                                 const clade_session_state *state, clade_error *err)
{
    float  row[P];
    double margin, other;
    if (state->n_events == 0)
        return clade_fail(err, CLADE_ERR_ARG, "the visit has no event yet, wanted one at least");
    clade__session_fill(row, state, m);
    CLADE_TRY(blend(&margin, &other, m, row, 1, err));
    *out_chance = 1 / (1 + exp(-margin));
    return CLADE_OK;
}

/* ---------------------------------------------------------------- choosing and judging */

static clade_status choose(clade_session_model *m, const slice *s, clade_error *err)
{
    double                           loss                          = 0;
    static const clade_predict_model place[CLADE_N_SESSION_MEMBER] = { CLADE_PREDICT_RULE,
                                                                       CLADE_PREDICT_LINEAR,
                                                                       CLADE_PREDICT_TREES };
    clade__scored scored = { .n = s->n, .n_folds = 1, .y = s->y, .end = { 0, s->n } };
    double        weight[CLADE_N_PREDICT_MODEL] = { 0 };
    double *const room   = CLADE_NEW(double, (CLADE_N_SESSION_MEMBER + 2) * s->n + 1);
    double *const mixed  = room + CLADE_N_SESSION_MEMBER * s->n;
    clade_status  status = room == NULL
                               ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu visits", s->n)
                               : CLADE_OK;
    for (int k = 0; k < CLADE_N_SESSION_MEMBER && status == CLADE_OK; k++) {
        double *const one = room + (size_t)k * s->n;
        status            = clade__session_margin(one, m, (clade_session_member)k, s->x, s->n, err);
        scored.margin[place[k]] = one;
        if (status == CLADE_OK) m->card.loss[k] = clade__mean_loss(one, s->y, s->n, false);
    }
    if (status == CLADE_OK) status = clade__blend_choose(weight, &loss, &scored, false, err);
    if (status == CLADE_OK) {
        for (int k = 0; k < CLADE_N_SESSION_MEMBER; k++)
            m->card.weight[k] = weight[place[k]];
        m->intercept = 0;
        m->scale     = 1;
        status       = blend(mixed, mixed + s->n, m, s->x, s->n, err);
    }
    if (status == CLADE_OK) {
        m->card.blend_loss = clade__mean_loss(mixed, s->y, s->n, false);
        clade__calibrate(&m->intercept, &m->scale, mixed, s->y, s->n, false);
    }
    free(room);
    return status;
}

static clade_status judge_group(clade_session_group *out, const double *answer, const slice *s,
                                bool is_new, uint64_t seed, clade_error *err)
{
    enum { LEAST_TOLD = 20 };
    double *const  a      = CLADE_NEW(double, 2 * s->n + 1);
    uint8_t *const yes    = CLADE_NEW(uint8_t, s->n + 1);
    size_t         n      = 0;
    clade_status   status = a == NULL || yes == NULL
                                ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu visits", s->n)
                                : CLADE_OK;
    *out                  = (clade_session_group){ 0 };
    for (size_t i = 0; i < s->n && status == CLADE_OK; i++) {
        if ((s->is_new[i] != 0) != is_new) continue;
        a[n]        = answer[i];
        a[s->n + n] = s->y[i];
        yes[n++]    = s->yes[i];
        out->base_rate += s->y[i];
    }
    if (n >= LEAST_TOLD && status == CLADE_OK) {
        out->n = n;
        out->base_rate /= (double)n;
        status = clade_auc_delong(&out->auc, a, yes, n, 0.95, err);
        if (status == CLADE_OK)
            status = clade__judge_metric(&out->ece, "ece", false, a, a + s->n, n, seed, err);
    }
    free(a);
    free(yes);
    return status;
}

static void settle_verdict(clade_session_card *card)
{
    const size_t yes = card->n_judged_positive, no = card->n_judged - yes;
    card->trusted = false;
    if (yes < CLADE__MIN_POSITIVE || no < CLADE__MIN_POSITIVE) {
        clade__say_both(&card->why,
                        "%zu visits that bought and %zu that did not could be judged: %zu more are"
                        " needed",
                        "可评估的访问中成交 %zu 次、未成交 %zu 次：还需要 %zu 次", yes, no,
                        (size_t)CLADE__MIN_POSITIVE - (yes < no ? yes : no));
    } else if (!(card->metric[0].of.low > 0.5)) {
        clade__say_both(&card->why, "no better than chance: AUC %.3f, from %.3f to %.3f",
                        "不比随机更好：AUC %.3f，区间 %.3f 至 %.3f", card->metric[0].of.value,
                        card->metric[0].of.low, card->metric[0].of.high);
    } else if (card->gain_rule.high < 0) {
        clade__say_both(&card->why, "worse than the rule by %.3f to %.3f",
                        "比规则更差：%.3f 至 %.3f", -card->gain_rule.high, -card->gain_rule.low);
    } else {
        card->trusted = true;
        if (!(card->gain_rule.low > 0))
            clade__say_both(&card->why, "its gain over the rule, %.3f to %.3f, may be chance",
                            "相对规则的提升（%.3f 至 %.3f）可能出于偶然", card->gain_rule.low,
                            card->gain_rule.high);
    }
}

static clade_status judge(clade_session_model *m, const slice *s, uint64_t seed, clade_error *err)
{
    static const char *const  names[] = { "auc",    "average_precision", "log_loss", "brier", "ece",
                                          "lift_10" };
    clade_session_card *const card    = &m->card;
    const size_t              n       = s->n;
    double *const             answer  = CLADE_NEW(double, 2 * n + 1);
    double                    error;
    clade_auc_test            test;
    clade_status              status = answer == NULL
                                           ? clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge %zu visits", n)
                                           : CLADE_OK;
    if (status != CLADE_OK) return status;
    double *const rule = answer + n;
    status             = blend(answer, rule, m, s->x, n, err);
    if (status == CLADE_OK)
        status = clade__session_margin(rule, m, CLADE_SESSION_RULE, s->x, n, err);
    for (size_t i = 0; i < 2 * n; i++)
        answer[i] = 1 / (1 + exp(-answer[i]));
    card->n_judged          = n;
    card->n_judged_positive = s->n_yes;
    card->base_rate         = (double)s->n_yes / (double)n;
    card->n_metrics         = sizeof names / sizeof names[0];
    for (size_t k = 0; k < card->n_metrics && status == CLADE_OK; k++) {
        clade_predict_metric *const one = &card->metric[k];
        clade_interval              of_rule;
        (void)snprintf(one->name, sizeof one->name, "%s", names[k]);
        status = clade__judge_metric(&one->of, names[k], false, answer, s->y, n, seed, err);
        if (status == CLADE_OK)
            status = clade__judge_metric(&of_rule, names[k], false, rule, s->y, n, seed, err);
        if (status == CLADE_OK) one->baseline = of_rule.value;
    }
    if (status == CLADE_OK) status = clade_auc_compare(&test, answer, rule, s->yes, n, 0.95, err);
    if (status == CLADE_OK) card->gain_rule = test.difference;
    if (status == CLADE_OK)
        status = clade_calibration_error(&error, card->bin, answer, s->yes, n, 10, err);
    for (int g = 0; g < 2 && status == CLADE_OK; g++)
        status = judge_group(&card->group[g], answer, s, g == 0, seed, err);
    if (status == CLADE_OK) settle_verdict(card);
    free(answer);
    return status;
}

/* ---------------------------------------------------------------- all of it */

/* Where three fifths, and four, of the visits have begun. */
static clade_status cut(int64_t *out_choose_us, int64_t *out_judged_us,
                        const clade__session_rows *rows, clade_error *err)
{
    double *const start = CLADE_NEW(double, rows->n + 1);
    size_t        n     = 0;
    if (start == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu visits", rows->n);
    for (size_t i = 0; i < rows->n; i++)
        if (rows->first[i]) start[n++] = (double)rows->start_us[i];
    clade_sort_f64(start, n);
    *out_choose_us = (int64_t)start[(size_t)(learn_share * (double)n)];
    *out_judged_us = (int64_t)start[(size_t)((1 - judged_share) * (double)n)];
    free(start);
    return CLADE_OK;
}

static void settle_top(clade_session_card *card, const clade_session_model *m)
{
    double share[P];
    clade_trees_importance(share, m->trees);
    for (card->n_top = 0; card->n_top < CLADE_SESSION_TOP; card->n_top++) {
        size_t best = 0;
        for (size_t j = 1; j < P; j++)
            if (share[j] > share[best]) best = j;
        if (!(share[best] > 0)) break;
        card->top[card->n_top]       = (uint32_t)best;
        card->top_share[card->n_top] = share[best];
        share[best]                  = 0;
    }
}

/* A sale, or an import of half the history, may leave a span of time without one kind. */
static clade_status has_both(const slice *s, const char *en, const char *zh,
                             clade_sentence *why_not, clade_error *err)
{
    if (s->n_yes >= LEAST_OF_A_KIND && s->n - s->n_yes >= LEAST_OF_A_KIND) return CLADE_OK;
    (void)snprintf(why_not->en, sizeof why_not->en,
                   "session: of %zu prefixes of the %s visits %zu lead to a purchase, wanted at"
                   " least %d of each kind",
                   s->n, en, s->n_yes, LEAST_OF_A_KIND);
    (void)snprintf(why_not->zh, sizeof why_not->zh,
                   "session：%s访问的 %zu 个前缀中 %zu 个成交，两类各至少需要 %d 个", zh, s->n,
                   s->n_yes, LEAST_OF_A_KIND);
    return clade_fail(err, CLADE_ERR_NOT_READY, "%s", why_not->en);
}

static clade_status fit_rows(clade_session_model *m, const clade__session_rows *rows, uint64_t seed,
                             clade_sentence *why_not, clade_error *err)
{
    const int64_t early = CLADE_TIME_MIN_US, late = CLADE_TIME_MAX_US;
    slice         learn = { 0 }, tune = { 0 }, chosen = { 0 }, judged = { 0 };
    slice *const others[] = { &tune, &chosen }, *const last[] = { &judged };
    int64_t      choose_us = 0, judged_us = 0;
    clade_status status = cut(&choose_us, &judged_us, rows, err);
    m->card.judged_us   = judged_us;
    if (status == CLADE_OK)
        status = take(&learn, rows, (which){ early, choose_us, choose_us, false, -1 }, err);
    if (status == CLADE_OK)
        status = take(&tune, rows, (which){ choose_us, judged_us, judged_us, false, 0 }, err);
    if (status == CLADE_OK)
        status = take(&chosen, rows, (which){ choose_us, judged_us, judged_us, true, 1 }, err);
    if (status == CLADE_OK) status = has_both(&learn, "earliest", "最早的", why_not, err);
    if (status == CLADE_OK) status = has_both(&tune, "middle", "中间的", why_not, err);
    if (status == CLADE_OK) status = has_both(&chosen, "middle", "中间的", why_not, err);
    if (status == CLADE_OK) {
        settle_words(m, rows, &learn, others, 2);
        status = fit_members(m, &learn, &tune, seed, err);
    }
    if (status == CLADE_OK) status = choose(m, &chosen, err);
    slice_free(&learn);
    slice_free(&tune);
    slice_free(&chosen);
    if (status == CLADE_OK)
        status = take(&learn, rows, (which){ early, judged_us, judged_us, false, -1 }, err);
    if (status == CLADE_OK)
        status = take(&judged, rows, (which){ judged_us, late, late, true, -1 }, err);
    if (status == CLADE_OK) status = has_both(&judged, "latest", "最晚的", why_not, err);
    if (status == CLADE_OK) {
        m->card.n_learnt = learn.n;
        settle_words(m, rows, &learn, last, 1);
        status = fit_members(m, &learn, NULL, seed, err);
    }
    if (status == CLADE_OK) status = judge(m, &judged, seed, err);
    slice_free(&learn);
    slice_free(&judged);
    if (status == CLADE_OK)
        status = take(&learn, rows, (which){ early, late, late, false, -1 }, err);
    if (status == CLADE_OK) {
        settle_words(m, rows, &learn, NULL, 0);
        status = fit_members(m, &learn, NULL, seed, err);
    }
    slice_free(&learn);
    if (status == CLADE_OK) settle_top(&m->card, m);
    return status;
}

static clade_status check(const clade__session_rows *rows, clade_sentence *why_not,
                          clade_error *err)
{
    if (rows->n_visits == 0) {
        clade__say_both(
            why_not,
            "session: the log holds no visits of customers (views, carts), nor purchases"
            " that name the session of a visit%s",
            "session：数据中没有客户的访问记录（浏览、加购），也没有注明会话的购买%s", "");
    } else if (rows->n_visits < LEAST_VISITS) {
        clade__say_both(why_not, "session: the log holds %zu visits, wanted at least %d",
                        "session：数据中有 %zu 次访问，至少需要 %d 次", rows->n_visits,
                        LEAST_VISITS);
    } else if (rows->n_bought < LEAST_BOUGHT) {
        clade__say_both(why_not, "session: %zu of %zu visits end in a purchase, wanted at least %d",
                        "session：%zu 次（共 %zu 次）访问以购买结束，至少需要 %d 次",
                        rows->n_bought, rows->n_visits, LEAST_BOUGHT);
    } else if (rows->n_visits - rows->n_bought < LEAST_BOUGHT) {
        clade__say_both(why_not,
                        "session: %zu of %zu visits end without a purchase, wanted at least %d",
                        "session：%zu 次（共 %zu 次）访问未以购买结束，至少需要 %d 次",
                        rows->n_visits - rows->n_bought, rows->n_visits, LEAST_BOUGHT);
    } else {
        return CLADE_OK;
    }
    return clade_fail(err, CLADE_ERR_NOT_READY, "%s", why_not->en);
}

clade_status clade_session_fit(clade_session_model **out, clade_sentence *out_why_not,
                               clade_store *store, const clade_predict_options *options,
                               clade_error *err)
{
    const double        start = clade_seconds();
    clade_predictions  *ps    = NULL;
    clade__session_rows rows  = { 0 };
    *out_why_not              = (clade_sentence){ "", "" };
    CLADE_TRY(clade_predictions_open(&ps, store, options, err));
    clade_session_model *m = CLADE_NEW(clade_session_model, 1);
    clade_status         status =
        m == NULL ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for visits") : CLADE_OK;
    if (status == CLADE_OK) {
        m->card.first_us  = ps->first_us;
        m->card.as_of_us  = ps->as_of_us;
        m->card.seed      = options->seed;
        m->card.data_hash = ps->data_hash;
        status            = clade__session_read(&rows, store, ps->as_of_us, options->seed, err);
    }
    if (status == CLADE_OK) status = check(&rows, out_why_not, err);
    if (status == CLADE_OK) {
        m->card.n_visits = rows.n_visits;
        m->card.n_bought = rows.n_bought;
        status           = fit_rows(m, &rows, options->seed, out_why_not, err);
    }
    clade__session_rows_free(&rows);
    clade_predictions_free(ps);
    if (status == CLADE_OK) {
        m->card.seconds = clade_seconds() - start;
        *out            = m;
        m               = NULL;
    }
    clade_session_model_free(m);
    return status;
}

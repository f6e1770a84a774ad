/* Predictors asked now: coverage, response time, drift since the fit. */
#include "clade/features.h"
#include "clade/numeric.h"
#include "clade/predict.h"
#include "clade/time.h"
#include "evaluate.h"

#include <math.h>
#include <stdlib.h>

enum { TIMED = 200 };

/* Population stability from which something moved, and from which a fit is stale (Siddiqi 2006). */
static const double moved = 0.1, stale = 0.25;

typedef struct models_work {
    command           *c;
    clade_store       *store;
    clade_predictions *predictions;
    command_table     *table;
    int64_t            as_of_us;
    int64_t            n_customers; /* who did anything by then */
    size_t             n_trusted, n_answers;
    int64_t           *answered; /* (n_answers) customers of every trusted answer, repeats too */
    double             seconds;  /* median of one answer; NAN: not measured */
    char               timed[96];
} models_work;

static clade_status keep_answered(models_work *w, const clade_prediction *answer, size_t n,
                                  clade_error *err)
{
    int64_t *const more = realloc(w->answered, (w->n_answers + n + 1) * sizeof *more);
    if (more == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu answers", n);
    w->answered = more;
    for (size_t i = 0; i < n; i++)
        w->answered[w->n_answers++] = answer[i].customer;
    w->n_trusted++;
    return CLADE_OK;
}

/* The answer and its reasons for customers evenly spaced, one at a time, everything being loaded.
 */
static clade_status time_answers(models_work *w, const clade_predictor *p,
                                 const clade_prediction *answer, size_t n, clade_error *err)
{
    double       taken[TIMED];
    const size_t n_timed = n < TIMED ? n : TIMED;
    if (!isnan(w->seconds) || n == 0 || clade_predictor_card(p)->task.kind == CLADE_TASK_VALUE)
        return CLADE_OK;
    for (size_t k = 0; k < n_timed; k++) {
        clade_predict_reasons r     = { 0 };
        const double          start = clade_seconds();
        CLADE_TRY(
            clade_predictor_explain(&r, p, w->predictions, answer[k * n / n_timed].customer, err));
        taken[k] = clade_seconds() - start;
        clade_predict_reasons_free(&r);
    }
    w->seconds = clade_quantile_f64(taken, n_timed, 0.5);
    clade_task_name(w->timed, &clade_predictor_card(p)->task);
    return CLADE_OK;
}

static const char *drift_words(const command *c, double psi)
{
    return psi >= stale   ? COMMAND_SAY(c, "fit again", "需重新拟合")
           : psi >= moved ? COMMAND_SAY(c, "moved", "有变化")
                          : COMMAND_SAY(c, "steady", "稳定");
}

static clade_status show_drift(models_work *w, const clade_predictor *p, clade_error *err)
{
    command *const                  c    = w->c;
    clade_json *const               json = command_json(c);
    const clade_predict_card *const card = clade_predictor_card(p);
    clade_predict_drift             drift[CLADE_PREDICT_TOP + 1];
    size_t                          n = 0, n_registry, worst = 0;
    const clade_feature            *registry = clade_features_all(&n_registry);
    char                            date[16];
    clade_buffer                    label = { 0 };
    if (card->as_of_us != w->as_of_us)
        CLADE_TRY(clade_predictor_drift(drift, &n, p, w->predictions, err));
    clade_json_key(json, "drift");
    clade_json_object(json);
    for (size_t i = 0; i < n; i++) {
        clade_json_put_number(
            json, drift[i].feature < 0 ? "answers" : registry[drift[i].feature].name, drift[i].psi);
        if (i > 0 && (worst == 0 || drift[i].psi > drift[worst].psi)) worst = i;
    }
    clade_json_object_end(json);
    clade_date_format(date, card->as_of_us);
    command_cell(w->table, "%s", date);
    if (n == 0) {
        command_cell(w->table, "%s", "");
        command_cell(w->table, "%s",
                     card->as_of_us == w->as_of_us
                         ? COMMAND_SAY(c, "of this moment", "即为此时点")
                         : COMMAND_SAY(c, "not kept: fit again", "未保存：需重新拟合"));
        return CLADE_OK;
    }
    command_cell(w->table, "%.3f", drift[0].psi);
    if (worst > 0) clade_predict_reason_name(&label, drift[worst].feature, -1, c->zh);
    command_cell(w->table, "%s: %s %.3f", drift_words(c, fmax(drift[0].psi, drift[worst].psi)),
                 label.data == NULL ? "" : label.data, drift[worst].psi);
    clade_buffer_free(&label);
    return CLADE_OK;
}

static clade_status ask(models_work *w, const clade_predictor *p, const char *name,
                        clade_error *err)
{
    clade_json *const         json   = command_json(w->c);
    clade_prediction         *answer = NULL;
    size_t                    n      = 0;
    const clade_predict_card *card   = clade_predictor_card(p);
    clade_status              status = clade_predictor_score(&answer, &n, p, w->predictions, err);
    if (status != CLADE_OK) return status;
    if (card->trusted) status = keep_answered(w, answer, n, err);
    if (status == CLADE_OK && card->trusted) status = time_answers(w, p, answer, n, err);
    const double share = w->n_customers > 0 ? (double)n / (double)w->n_customers : (double)NAN;
    command_cell(w->table, "%s", name);
    command_cell(w->table, "%zu", n);
    command_cell(w->table, "%.1f %%", 100 * share);
    clade_json_key(json, name);
    clade_json_object(json);
    clade_json_put_int(json, "n_answers", (int64_t)n);
    clade_json_put_number(json, "coverage", share);
    if (status == CLADE_OK) status = show_drift(w, p, err);
    clade_json_object_end(json);
    free(answer);
    return status;
}

/* Predictors that learnt from what came after the moment are not asked about it. */
static clade_status ask_all(models_work *w, char **names, size_t n, clade_error *err)
{
    command *const              c       = w->c;
    const clade_predict_options options = { .has_as_of = true,
                                            .as_of_us  = w->as_of_us,
                                            .seed      = c->seed };
    CLADE_TRY(clade_predictions_open(&w->predictions, w->store, &options, err));
    command_heading(c, "%s",
                    COMMAND_SAY(c,
                                "Answers now, and how far customers have moved since the "
                                "fit",
                                "当前覆盖，以及拟合以来客户的变化"));
    w->table = command_table_start(
        c, "lrrlrw", COMMAND_SAY(c, "task", "任务"), COMMAND_SAY(c, "answers", "有预测"),
        COMMAND_SAY(c, "of all", "占比"), COMMAND_SAY(c, "fitted as of", "拟合时点"),
        COMMAND_SAY(c, "answers' PSI", "预测 PSI"), COMMAND_SAY(c, "most moved", "变化最大"));
    clade_json_key(command_json(c), "answers");
    clade_json_object(command_json(c));
    for (size_t i = 0; i < n; i++) {
        clade_predictor *p      = NULL;
        clade_status     status = clade_predictor_open(&p, w->store, names[i], err);
        if (status == CLADE_OK && clade_predictor_card(p)->as_of_us <= w->as_of_us)
            status = ask(w, p, names[i], err);
        clade_predictor_free(p);
        CLADE_TRY(status);
    }
    clade_json_object_end(command_json(c));
    command_table_end(w->table);
    return CLADE_OK;
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static clade_status show_coverage(models_work *w, bool recommends, clade_error *err)
{
    command *const    c         = w->c;
    clade_json *const json      = command_json(c);
    const clade_value arg       = CLADE_INT(w->as_of_us);
    int64_t           n_answers = 0, n_items = 0;
    const double      all = (double)w->n_customers;
    if (w->n_answers > 0) qsort(w->answered, w->n_answers, sizeof w->answered[0], by_number);
    for (size_t i = 0; i < w->n_answers; i++)
        n_answers += i == 0 || w->answered[i] != w->answered[i - 1];
    if (recommends)
        CLADE_TRY(clade_store_int(&n_items, w->store,
                                  "SELECT count(DISTINCT customer) FROM event WHERE at_us < ? AND "
                                  "item IS NOT NULL",
                                  &arg, 1, 0, err));
    command_heading(c, "%s", COMMAND_SAY(c, "Coverage and response", "覆盖率与响应时间"));
    command_print(c,
                  COMMAND_SAY(c, "A trusted answer for %.1f %% of %lld customers",
                              "可信预测覆盖 %.1f %% 的客户（共 %lld 位）"),
                  100 * (double)n_answers / all, (long long)w->n_customers);
    if (recommends)
        command_print(c,
                      COMMAND_SAY(c, ", a recommendation from an own history for %.1f %%",
                                  "，基于自身历史的推荐覆盖 %.1f %%"),
                      100 * fmin(1, (double)n_items / all));
    command_print(c, "%s\n", COMMAND_SAY(c, ".", "。"));
    if (!isnan(w->seconds))
        command_print(c,
                      COMMAND_SAY(c,
                                  "One customer's answer with its reasons, once loaded: %.2f ms "
                                  "(%s, median of %d).\n",
                                  "载入后单个客户的预测与原因：%.2f 毫秒（%s，%d 次的中位数）。\n"),
                      1000 * w->seconds, w->timed, TIMED);
    clade_json_key(json, "coverage");
    clade_json_object(json);
    clade_json_put_int(json, "n_customers", w->n_customers);
    clade_json_put_number(json, "answered", (double)n_answers / all);
    clade_json_put_number(json, "recommended",
                          recommends ? fmin(1, (double)n_items / all) : (double)NAN);
    clade_json_object_end(json);
    clade_json_put_number(json, "response_seconds", w->seconds);
    return CLADE_OK;
}

clade_status evaluate_models(command *c, clade_store *store, int64_t as_of_us, bool recommends,
                             clade_error *err)
{
    models_work       w = { .c = c, .store = store, .as_of_us = as_of_us, .seconds = (double)NAN };
    const clade_value args[2] = { CLADE_INT(as_of_us), CLADE_INT(as_of_us) };
    char            **names   = NULL;
    size_t            n       = 0;
    CLADE_TRY(clade_predictors_list(&names, &n, store, c->arena, err));
    CLADE_TRY(
        clade_store_int(&w.n_customers, store,
                        "SELECT count(DISTINCT customer) FROM event WHERE at_us < ? AND "
                        "customer NOT IN (SELECT customer FROM flag WHERE name IN "
                        "('test_order', 'staff', 'bot') AND customer IS NOT NULL AND since_us "
                        "< ?)",
                        args, 2, 0, err));
    if (w.n_customers == 0 || (n == 0 && !recommends)) return CLADE_OK;
    clade_status status = n > 0 ? ask_all(&w, names, n, err) : CLADE_OK;
    if (status == CLADE_OK) status = show_coverage(&w, recommends, err);
    clade_predictions_free(w.predictions);
    free(w.answered);
    return status;
}

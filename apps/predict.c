/* clade predict: what customers will do next, with a scorecard that says how far to trust it. */
#include "predict.h"

#include "clade/ingest.h"
#include "clade/portraits.h"
#include "people.h"

#include <math.h>
#include <stdlib.h>

enum { TOP_REASONS = 3 };

static const int64_t year_days = 365;

/* "category:garden" -> kind and of. */
static clade_status parse_task(clade_predict_task *out, const char *text, clade_error *err)
{
    const char *const colon = strchr(text, ':');
    const size_t      size  = colon == NULL ? strlen(text) : (size_t)(colon - text);
    const char       *names[CLADE_N_TASK_KIND];
    for (int k = 0; k < CLADE_N_TASK_KIND; k++) {
        names[k] = clade_task_kind_name((clade_task_kind)k);
        if (strlen(names[k]) != size || strncmp(names[k], text, size) != 0) continue;
        *out = (clade_predict_task){ .kind = (clade_task_kind)k };
        const bool named =
            k == CLADE_TASK_CATEGORY || k == CLADE_TASK_BRAND || k == CLADE_TASK_LABEL;
        if (named && (colon == NULL || colon[1] == '\0'))
            return clade_fail(err, CLADE_ERR_ARG, "which %s? wanted %s:NAME", names[k], names[k]);
        if (!named && colon != NULL)
            return clade_fail(err, CLADE_ERR_ARG, "%s takes no name, got '%s'", names[k],
                              colon + 1);
        if (named) (void)snprintf(out->of, sizeof out->of, "%s", colon + 1);
        return CLADE_OK;
    }
    const char *const near = clade_text_nearest(text, names, CLADE_N_TASK_KIND);
    (void)clade_fail(err, CLADE_ERR_ARG, "there is no task '%s'", text);
    if (near != NULL) {
        clade_hint(err, "did you mean %s?", near);
    } else {
        clade_hint(
            err, "churn, purchase, next, session, second, spend, value, category:NAME, brand:NAME,"
                 " discount, refund or label:NAME");
    }
    return CLADE_ERR_ARG;
}

static clade_status horizon_of(int *out_days, const command *c, int if_absent, clade_error *err)
{
    const char *const text = command_value(c, "horizon", 0);
    int64_t           us   = 0;
    *out_days              = if_absent;
    if (text == NULL) return CLADE_OK;
    CLADE_TRY(clade_duration_parse(&us, text, err));
    const int64_t days = us / CLADE_US_PER_DAY;
    if (days < 1 || days > 10 * year_days)
        return clade_fail(err, CLADE_ERR_ARG, "--horizon cannot be '%s': wanted 1d to 10y", text);
    *out_days = (int)days;
    return CLADE_OK;
}

/* The task of the command line; by default its usual horizon. */
static clade_status one_task(clade_predict_task *out, const command *c, clade_error *err)
{
    const char *const expression = command_value(c, "expression", 0);
    CLADE_TRY(parse_task(out, c->arg[1], err));
    CLADE_TRY(horizon_of(&out->horizon_days, c,
                         out->kind == CLADE_TASK_VALUE      ? (int)year_days
                         : out->kind == CLADE_TASK_PURCHASE ? 30
                                                            : 90,
                         err));
    out->by_rhythm = (out->kind == CLADE_TASK_CHURN || out->kind == CLADE_TASK_NEXT) &&
                     command_value(c, "horizon", 0) == NULL;
    if (expression == NULL) return CLADE_OK;
    if (out->kind != CLADE_TASK_LABEL)
        return clade_fail(err, CLADE_ERR_ARG, "--expression is for label:NAME, not for %s",
                          c->arg[1]);
    if (strlen(expression) >= sizeof out->expression)
        return clade_fail(err, CLADE_ERR_ARG, "--expression has %zu bytes, wanted fewer than %zu",
                          strlen(expression), sizeof out->expression);
    (void)snprintf(out->expression, sizeof out->expression, "%s", expression);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- the scorecard */

void predict_cards_table(command *c, const clade_predict_card *const *card, size_t n)
{
    command_table *t = command_table_start(
        c, "lrrlrrlw", COMMAND_SAY(c, "task", "任务"), COMMAND_SAY(c, "asked", "客户数"),
        COMMAND_SAY(c, "happens", "发生率"), COMMAND_SAY(c, "measure", "指标"),
        COMMAND_SAY(c, "value", "数值"), COMMAND_SAY(c, "rule", "规则"),
        COMMAND_SAY(c, "95 %", "95 %"), COMMAND_SAY(c, "verdict", "结论"));
    for (size_t i = 0; i < n; i++) {
        const clade_predict_card *const   one = card[i];
        const clade_predict_metric *const m   = &one->metric[0];
        char                              name[96];
        clade_task_name(name, &one->task);
        command_cell(t, "%s", name);
        command_cell(t, "%zu", one->n_judged);
        if (clade_task_is_amount(&one->task)) {
            command_cell(t, "%.2f", one->base_rate);
        } else {
            command_cell(t, "%.1f %%", 100 * one->base_rate);
        }
        command_cell(t, "%s", m->name);
        command_cell(t, "%.3f", m->of.value);
        command_cell(t, "%.3f", m->baseline);
        command_cell(t, "%.3f..%.3f", m->of.low, m->of.high);
        command_cell(t, "%s%s%s",
                     one->trusted ? COMMAND_SAY(c, "trust", "可信")
                                  : COMMAND_SAY(c, "do not trust yet", "暂不可信"),
                     one->why.en[0] == '\0' ? "" : ": ", c->zh ? one->why.zh : one->why.en);
    }
    command_table_end(t);
}

/* Whom to contact by what it earns, of the tasks that were asked in money. */
static void print_profits(command *c, const clade_predict_card *const *card, size_t n)
{
    command_table *t = NULL;
    for (size_t i = 0; i < n; i++) {
        const clade_predict_profit *const p = &card[i]->profit;
        char                              name[96];
        if (!p->known) continue;
        if (t == NULL) {
            command_heading(
                c,
                COMMAND_SAY(c, "Whom to contact, in %s a customer", "联系谁最划算（每位客户，%s）"),
                card[i]->currency);
            t = command_table_start(
                c, "lrrrrrrr", COMMAND_SAY(c, "task", "任务"), COMMAND_SAY(c, "from", "阈值"),
                COMMAND_SAY(c, "profit", "利润"), COMMAND_SAY(c, "when all", "全部联系"),
                COMMAND_SAY(c, "rightly", "命中"), COMMAND_SAY(c, "in vain", "误触"),
                COMMAND_SAY(c, "missed", "漏掉"), COMMAND_SAY(c, "rightly not", "正确略过"));
        }
        clade_task_name(name, &card[i]->task);
        command_cell(t, "%s", name);
        if (isfinite(p->threshold)) {
            command_cell(t, "%.1f %%", 100 * p->threshold);
        } else {
            command_cell(t, "%s", COMMAND_SAY(c, "nobody", "不联系"));
        }
        command_cell(t, "%.3f", p->profit);
        command_cell(t, "%.3f", p->profit_all);
        command_cell(t, "%zu", p->true_positive);
        command_cell(t, "%zu", p->false_positive);
        command_cell(t, "%zu", p->false_negative);
        command_cell(t, "%zu", p->true_negative);
    }
    if (t != NULL) command_table_end(t);
}

/* ---------------------------------------------------------------- the list */

typedef struct predict_work {
    command           *c;
    double             budget_s; /* of searches, what is left of it; 0: no limit */
    clade_store       *store;
    clade_predictions *predictions;
    clade_run         *run;
    size_t             n; /* fitted */
    clade_predictor   *fitted[CLADE_TASKS_MAX];
    people_list       *list;
    bool               dated; /* a task answers with dates: the list has columns for them */
} predict_work;

/* value, low and high as dates; none where it is only known to be later, or where it is no date. */
static void write_dates(predict_work *w, const clade_predict_task *task,
                        const clade_prediction *answer)
{
    const double days[] = { answer->value, answer->low, answer->high };
    for (size_t k = 0; k < 3; k++) {
        char       date[40];
        const bool there =
            clade_task_is_date(task) &&
            clade_prediction_date(date, task, clade_predictions_as_of(w->predictions), days[k]);
        people_text(w->list, there ? date : NULL);
    }
}

static void write_reason_cells(predict_work *w, const clade_predict_card *card,
                               const clade_predict_reason *reason)
{
    for (size_t k = 0; k < TOP_REASONS; k++) {
        clade_buffer text = { 0 };
        if (reason[k].margin != 0)
            clade_predict_reason_write(&text, &reason[k], &card->task, card->currency, w->c->zh);
        people_text(w->list, text.data);
        clade_buffer_free(&text);
    }
}

static clade_status write_answers(predict_work *w, const clade_predictor *p, clade_error *err)
{
    clade_prediction     *answer = NULL;
    clade_predict_reason *reason = NULL;
    char                **name   = NULL;
    size_t                n      = 0;
    char                  task[96];
    clade_task_name(task, &clade_predictor_card(p)->task);
    clade_status   status = clade_predictor_score(&answer, &n, p, w->predictions, err);
    int64_t *const who    = CLADE_NEW(int64_t, n + 1);
    if (status == CLADE_OK && who == NULL)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", n);
    for (size_t i = 0; status == CLADE_OK && i < n; i++)
        who[i] = answer[i].customer;
    if (status == CLADE_OK) status = people_enough(w->c, n, task, err);
    if (status == CLADE_OK) status = people_names(&name, w->c, w->store, who, n, err);
    if (status == CLADE_OK && command_has(w->c, "explain"))
        status =
            clade_predictor_top_reasons(&reason, p, w->predictions, answer, n, TOP_REASONS, err);
    for (size_t i = 0; status == CLADE_OK && i < n; i++) {
        if (name[i] == NULL) continue; /* forgotten */
        people_text(w->list, name[i]);
        people_text(w->list, task);
        people_number(w->list, answer[i].value);
        people_number(w->list, answer[i].low);
        people_number(w->list, answer[i].high);
        if (w->dated) write_dates(w, &clade_predictor_card(p)->task, &answer[i]);
        if (reason != NULL)
            write_reason_cells(w, clade_predictor_card(p), reason + i * TOP_REASONS);
        status = people_row(w->list, err);
    }
    free(who);
    free(answer);
    free(reason);
    return status;
}

static clade_status write_list(predict_work *w, clade_error *err)
{
    static const char *const all[] = { "customer", "task",     "value",    "low",
                                       "high",     "date",     "date_low", "date_high",
                                       "reason_1", "reason_2", "reason_3" };
    enum { N_NUMBERS = 5, N_DATES = 3 };
    const char       *column[sizeof all / sizeof all[0]];
    bool              is_text[sizeof all / sizeof all[0]];
    size_t            n    = 0;
    const char *const path = command_value(w->c, "output", 0);
    people_format     format;
    if (path == NULL) return CLADE_OK;
    for (size_t i = 0; i < w->n; i++)
        w->dated |= clade_task_is_date(&clade_predictor_card(w->fitted[i])->task);
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
        const bool date = k >= N_NUMBERS && k < N_NUMBERS + N_DATES;
        if (date ? !w->dated : k >= N_NUMBERS && !command_has(w->c, "explain")) continue;
        is_text[n]  = k < 2 || k >= N_NUMBERS;
        column[n++] = all[k];
    }
    CLADE_TRY(people_format_of(&format, w->c, path, err));
    CLADE_TRY(people_start(&w->list, path, format, column, is_text, n, err));
    for (size_t i = 0; i < w->n; i++)
        CLADE_TRY(write_answers(w, w->fitted[i], err));
    CLADE_TRY(people_finish(w->list, w->store, err));
    clade_json_put_text(command_json(w->c), "file", path);
    clade_run_note(w->run, "list", people_format_name(format));
    return CLADE_OK;
}

/* ---------------------------------------------------------------- labels of a file */

static clade_status load_labels(command *c, clade_store *store, const clade_predict_task *task,
                                clade_error *err)
{
    clade_labels_report report;
    clade_json *const   json = command_json(c);
    const char *const   path = command_value(c, "labels", 0);
    if (path == NULL) return CLADE_OK;
    if (task->kind != CLADE_TASK_LABEL || task->expression[0] != '\0')
        return clade_fail(err, CLADE_ERR_ARG, "--labels is for label:NAME without an expression");
    CLADE_TRY(clade_labels_load(&report, store, task->of, path, err));
    clade_json_key(json, "labels");
    clade_json_object(json);
    clade_json_put_int(json, "rows_read", report.rows_read);
    clade_json_put_int(json, "rows_stored", report.rows_stored);
    clade_json_put_int(json, "rows_duplicate", report.rows_duplicate);
    clade_json_put_int(json, "rows_unknown", report.rows_unknown);
    clade_json_object_end(json);
    command_print(c,
                  COMMAND_SAY(c,
                              "%s: %lld labels read = %lld stored + %lld there already + %lld of"
                              " unknown customers\n",
                              "%s：读取 %lld 个标签 = 入库 %lld + 已有 %lld + 未知客户 %lld\n"),
                  path, (long long)report.rows_read, (long long)report.rows_stored,
                  (long long)report.rows_duplicate, (long long)report.rows_unknown);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- all of it */

/* A task that the shop cannot bear yet is said, and does not stop the others. */
static clade_status fit_task(predict_work *w, const clade_predict_task *task, size_t n_left,
                             bool alone, clade_sentence *why_not, clade_error *err)
{
    const double least_s = 1e-3; /* when all is spent: no limit would be 0 */
    clade_error  inner   = { 0 };
    char         name[96];
    if (w->budget_s > 0)
        clade_predictions_budget(w->predictions, fmax(least_s, w->budget_s / (double)n_left));
    clade_status status =
        clade_predictor_fit(&w->fitted[w->n], w->predictions, task, alone ? err : &inner);
    clade_task_name(name, task);
    if (status == CLADE_OK) {
        CLADE_TRY(clade_predictor_save(w->store, w->fitted[w->n], clade_run_number(w->run), err));
        const clade_predict_card *const card = clade_predictor_card(w->fitted[w->n++]);
        clade_run_note_number(w->run, name, card->metric[0].of.value);
        if (w->budget_s > 0) w->budget_s = fmax(least_s, w->budget_s - card->search_s);
        clade_log(CLADE_LOG_DEBUG, "predict: %s in %.2f s", name, card->seconds);
        return CLADE_OK;
    }
    if (alone) return status;
    if (status != CLADE_ERR_NOT_READY) {
        if (err != NULL) *err = inner;
        return status;
    }
    *why_not = *clade_predictions_why_not(w->predictions);
    if (why_not->en[0] == '\0') /* it is known in one language alone */
        (void)snprintf(why_not->en, sizeof why_not->en, "%s", inner.message);
    if (why_not->zh[0] == '\0')
        (void)snprintf(why_not->zh, sizeof why_not->zh, "%s", inner.message);
    return CLADE_OK;
}

static void write_cards(predict_work *w, const clade_predict_task *task,
                        const clade_sentence *why_not, size_t n_tasks)
{
    clade_json *const         json = command_json(w->c);
    const clade_predict_card *card[CLADE_TASKS_MAX];
    clade_json_key(json, "tasks");
    clade_json_array(json);
    for (size_t i = 0; i < w->n; i++) {
        card[i] = clade_predictor_card(w->fitted[i]);
        clade_predict_card_write(json, card[i]);
    }
    clade_json_array_end(json);
    clade_json_key(json, "not_ready");
    clade_json_array(json);
    for (size_t i = 0; i < n_tasks; i++) {
        char name[96];
        if (why_not[i].en[0] == '\0') continue;
        clade_task_name(name, &task[i]);
        clade_json_object(json);
        clade_json_put_text(json, "task", name);
        clade_json_put_text(json, "why", why_not[i].en);
        clade_json_put_text(json, "why_zh", why_not[i].zh);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    predict_cards_table(w->c, card, w->n);
    for (size_t i = 0; i < n_tasks; i++)
        if (why_not[i].en[0] != '\0')
            command_print(w->c, COMMAND_SAY(w->c, "Not yet: %s\n", "尚不可用：%s\n"),
                          w->c->zh ? why_not[i].zh : why_not[i].en);
    print_profits(w->c, card, w->n);
    if (w->n > 0 && card[0]->behaviour.en[0] != '\0')
        command_note(w->c, COMMAND_SAY(w->c, "Without vectors: %s.\n", "未使用向量：%s。\n"),
                     w->c->zh ? card[0]->behaviour.zh : card[0]->behaviour.en);
}

/* Of one task what it gains and what was tried; of many what vectors add, and what a budget left
 * out. */
static void print_gains(predict_work *w, bool alone)
{
    for (size_t i = 0; i < w->n; i++) {
        const clade_predict_card *const card = clade_predictor_card(w->fitted[i]);
        clade_sentence                  says = { "", "" };
        char                            name[96];
        clade_task_name(name, &card->task);
        for (size_t k = 0; clade_predict_card_gain(&says, card, k); k++)
            if (alone) command_print(w->c, "%s: %s\n", name, w->c->zh ? says.zh : says.en);
        if (!alone && isfinite(card->gain_vectors.low)) /* the last of the gains */
            command_print(w->c, "%s: %s\n", name, w->c->zh ? says.zh : says.en);
        if ((alone || card->budget_s > 0) && clade_predict_card_search(&says, card))
            command_print(w->c, "%s: %s\n", name, w->c->zh ? says.zh : says.en);
    }
}

static clade_status fit_all(predict_work *w, clade_error *err)
{
    command *const     c = w->c;
    clade_predict_task task[CLADE_TASKS_MAX];
    clade_sentence     why_not[CLADE_TASKS_MAX] = { 0 };
    size_t             n                        = 1;
    char               as_of[40];
    const bool         alone = c->n_args > 1;
    if (alone) {
        CLADE_TRY(one_task(&task[0], c, err));
        CLADE_TRY(load_labels(c, w->store, &task[0], err));
    } else {
        CLADE_TRY(
            clade_tasks_default(task, &n, w->store, clade_predictions_as_of(w->predictions), err));
    }
    clade_progress_begin(COMMAND_SAY(c, "predicting", "预测"), (double)n, "tasks");
    clade_status status = CLADE_OK;
    for (size_t i = 0; i < n && status == CLADE_OK; i++) {
        status = fit_task(w, &task[i], n - i, alone, &why_not[i], err);
        clade_progress_update((double)i + 1);
    }
    clade_progress_end();
    if (status != CLADE_OK) return status;
    clade_time_format(as_of, clade_predictions_as_of(w->predictions));
    clade_json_put_text(command_json(c), "as_of", as_of);
    command_heading(
        c, COMMAND_SAY(c, "What customers will do, as of %.10s", "客户将做什么，截至 %.10s"),
        as_of);
    write_cards(w, task, why_not, n);
    print_gains(w, alone);
    if (w->n == 0)
        return clade_fail(err, CLADE_ERR_NOT_READY, "nothing can be predicted yet: %s",
                          why_not[0].en);
    return write_list(w, err);
}

/* Money is asked for whole or not at all: none of the three has a default that fits a shop. */
static clade_status stakes_of(clade_predict_stakes *out, const command *c, clade_error *err)
{
    static const char *const name[] = { "margin", "contact-cost", "save-rate" };
    size_t                   n      = 0;
    for (size_t i = 0; i < 3; i++)
        n += command_value(c, name[i], 0) != NULL;
    if (n == 0) return CLADE_OK;
    for (size_t i = 0; i < 3; i++)
        if (command_value(c, name[i], 0) == NULL)
            return clade_fail(err, CLADE_ERR_ARG,
                              "profit needs --margin, --contact-cost and --save-rate: --%s is "
                              "missing",
                              name[i]);
    CLADE_TRY(command_real(&out->margin, c, "margin", 0, 0, 1, err));
    CLADE_TRY(command_real(&out->contact_cost, c, "contact-cost", 0, 0, 1e9, err));
    CLADE_TRY(command_real(&out->save_rate, c, "save-rate", 0, 0, 1, err));
    if (!(out->margin > 0))
        return clade_fail(err, CLADE_ERR_ARG, "--margin is 0, wanted more: then nothing pays");
    return CLADE_OK;
}

/* What the settings say, and the flag over them. */
static clade_status search_of(clade_predict_search *out, const command *c, clade_error *err)
{
    const char *const budget = command_value(c, "budget", 0);
    int64_t           us     = 0;
    command_predict_search(out, c);
    if (budget == NULL) return CLADE_OK;
    const clade_status status = clade_duration_parse(&us, budget, err);
    if (status != CLADE_OK) return clade_fail_at(err, status, "--budget: ");
    out->budget_s = (double)us / (double)CLADE_US_PER_SECOND;
    return CLADE_OK;
}

static clade_status predict_run(command *c, clade_error *err)
{
    predict_work             w       = { .c = c };
    clade_predict_options    options = { .has_as_of = c->has_as_of,
                                         .as_of_us  = c->as_of_us,
                                         .seed      = c->seed,
                                         .min_group = (size_t)c->min_group };
    char                     as_of[40];
    static const char *const of_one[] = { "horizon", "labels", "expression" };
    for (size_t i = 0; i < sizeof of_one / sizeof of_one[0]; i++)
        if (c->n_args < 2 && command_value(c, of_one[i], 0) != NULL)
            return clade_fail(err, CLADE_ERR_ARG, "--%s is for one task: name it", of_one[i]);
    if (command_has(c, "explain") && command_value(c, "output", 0) == NULL)
        return clade_fail(err, CLADE_ERR_ARG, "--explain is for the list: -o FILE");
    if (c->n_args > 1 && strcmp(c->arg[1], "session") == 0 && command_value(c, "output", 0) != NULL)
        return clade_fail(err, CLADE_ERR_ARG, "session is about visits: there is no list for -o");
    CLADE_TRY(stakes_of(&options.stakes, c, err));
    CLADE_TRY(search_of(&options.search, c, err));
    w.budget_s = options.search.budget_s;
    CLADE_TRY(command_open(&w.store, c, false, err));
    clade_status status = clade_predictions_open(&w.predictions, w.store, &options, err);
    if (status == CLADE_OK) status = clade_run_begin(&w.run, w.store, "predict", c->seed, err);
    if (status == CLADE_OK) {
        clade_time_format(as_of, clade_predictions_as_of(w.predictions));
        clade_run_note(w.run, "as_of", as_of);
        const bool session = c->n_args > 1 && strcmp(c->arg[1], "session") == 0;
        if (!session) status = fit_all(&w, err);
        if (status == CLADE_OK && (session || c->n_args < 2))
            status = predict_session(c, w.store, &options, w.run, session, err);
    }
    if (status == CLADE_OK) status = clade_run_finish(w.run, err);
    if (status == CLADE_OK) command_next(c, "explain %s", c->arg[0]);
    people_close(w.list);
    for (size_t i = 0; i < w.n; i++)
        clade_predictor_free(w.fitted[i]);
    clade_run_free(w.run);
    clade_predictions_free(w.predictions);
    return status;
}

static const command_option options[] = {
    { "horizon", 0, "TIME", { "how far ahead, as 30d or 1y", "预测期，如 30d、1y" } },
    { "expression",
      0,
      "SQL",
      { "label:NAME: an aggregate over a customer's events of the window",
        "label:NAME：对客户在窗口内事件的聚合表达式" } },
    { "labels",
      0,
      "FILE",
      { "label:NAME: store these first: customer, value, at",
        "label:NAME：先入库：customer、value、at" } },
    { "output", 'o', "FILE", { "everybody's answers", "输出全部客户的预测" } },
    { "format",
      0,
      "FORMAT",
      { "csv, jsonl or parquet; else by the file's ending",
        "csv、jsonl 或 parquet；默认按扩展名" } },
    { "margin", 0, "SHARE", { "share of revenue that stays, as 0.3", "毛利率，如 0.3" } },
    { "contact-cost", 0, "MONEY", { "what one contact costs, as 0.5", "每次联系的成本，如 0.5" } },
    { "save-rate",
      0,
      "SHARE",
      { "share of those rightly contacted whom it moves, as 0.2",
        "被正确联系者中受其影响的比例，如 0.2" } },
    { "budget",
      0,
      "TIME",
      { "time for the search of models, as 10m; what is left out is said",
        "模型搜索的时间上限，如 10m；未尝试的会说明" } },
    { "explain",
      0,
      NULL,
      { "with the three strongest reasons of each", "附每位客户的三条主要原因" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_predict = {
    .name    = "predict",
    .usage   = "predict WORKSPACE [TASK]",
    .summary = { "what customers will do next, and how far to trust it",
                 "客户接下来会做什么，以及可信程度" },
    .examples =
        "predict my.clade\n"
        "predict my.clade churn --horizon 30d --as-of 2011-09-01\n"
        "predict my.clade value --horizon 1y\n"
        "predict my.clade next -o next.csv\n"
        "predict my.clade session\n"
        "predict my.clade category:garden -o garden.csv\n"
        "predict my.clade label:vip --horizon 30d --labels vip.csv\n"
        "predict my.clade label:reviewer --expression \"count(*) FILTER (kind = 'review') > 0\"\n"
        "predict my.clade --budget 10m\n"
        "predict my.clade churn --margin 0.3 --contact-cost 0.5 --save-rate 0.2\n"
        "predict my.clade --explain -o scores.parquet",
    .options      = options,
    .min_args     = 1,
    .max_args     = 2,
    .in_workspace = true,
    .run          = predict_run,
};

/* The smallest plausible change that brings a chance to where it is wanted: one or two actions of
 * the table in levers.c, all of them tried. Runs once a question about a customer.
 * docs/maths/explain.md. */
#include "explain_internal.h"

#include "../portrait.h"

#include "clade/numeric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static const double worth_telling = 0.1; /* share of the way that a change has to go */

enum { RANK_ROWS = 5000, N_QUANTILES = 101, MOST = 1024 };

/* What customers have of a feature that can move, by the column. */
typedef struct spread {
    bool   known;
    double quantile[N_QUANTILES]; /* 0 % to 100 % */
} spread;

/* One way to act: one lever, or two. */
typedef struct candidate {
    size_t n;
    int    lever[CLADE_CHANGE_ACTIONS_MAX], step[CLADE_CHANGE_ACTIONS_MAX];
    double size;
} candidate;

typedef struct change_work {
    const clade_predictor *p;
    const clade__lever    *lever;
    size_t                 n_levers;
    float                 *row;    /* (n_columns) the customer */
    spread                *spread; /* (n_features) */
    size_t                 n, n_single;
    candidate             *candidate; /* (MOST) singles first */
    float                 *x;         /* (MOST, n_columns) what each would make of the row */
    double                *margin;    /* (MOST) */
} change_work;

static void work_free(change_work *w)
{
    free(w->row);
    free(w->spread);
    free(w->candidate);
    free(w->x);
    free(w->margin);
}

/* ---------------------------------------------------------------- what others have */

static clade_status spread_fill(change_work *w, const clade__sample *s, clade_error *err)
{
    double *const value = CLADE_NEW(double, s->n + 1);
    if (value == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for quantiles");
    for (size_t l = 0; l < w->n_levers; l++) {
        for (const clade__move *move = w->lever[l].move; move->feature != NULL; move++) {
            for (int with = 0; with < 2; with++) {
                const char *const name = with ? move->with : move->feature;
                if (name == NULL) continue;
                const size_t  column = clade__feature_column(name);
                spread *const one    = &w->spread[column];
                if (one->known) continue;
                const size_t n = clade__sample_sorted(value, s, column);
                for (size_t k = 0; k < N_QUANTILES; k++)
                    one->quantile[k] =
                        clade_quantile_sorted(value, n, (double)k / (N_QUANTILES - 1));
                one->known = true;
            }
        }
    }
    free(value);
    return CLADE_OK;
}

/* Share of customers below a value, half of those who are equal. */
static double rank_of(const spread *one, double value)
{
    double rank = 0;
    for (size_t k = 0; k < N_QUANTILES; k++)
        rank += one->quantile[k] < value ? 1 : one->quantile[k] == value ? 0.5 : 0;
    return rank / N_QUANTILES;
}

/* ---------------------------------------------------------------- one action on one row */

/* The step-th quantile beyond a value on one side; the value when there is none. */
static double next_quantile(const spread *one, double value, int step, bool up)
{
    static const size_t at[2][CLADE__LEVER_STEPS_MAX] = { { 50, 25, 10 }, { 50, 75, 90 } };
    double              last                          = value;
    for (int k = 0; k < CLADE__LEVER_STEPS_MAX; k++) {
        const double to = one->quantile[at[up][k]];
        if (up ? to <= last : to >= last) continue;
        last = to;
        if (step-- == 0) return to;
    }
    return value;
}

static double within(const spread *one, double from, double to)
{
    if (to > from) return fmin(to, fmax(from, one->quantile[N_QUANTILES - 2]));
    return fmax(to, fmin(from, one->quantile[1]));
}

/* What a feature becomes; `before` is the row before the action, `row` what moved so far. */
static double moved(const change_work *w, const clade__lever *lever, const clade__move *move,
                    const float *before, const float *row, int step)
{
    const size_t  column = clade__feature_column(move->feature);
    const spread *one    = &w->spread[column];
    const double  from = (double)before[column], times = step + 1;
    const size_t  lead = clade__feature_column(lever->move[0].feature);
    const size_t  with = move->with == NULL ? column : clade__feature_column(move->with);
    switch (move->kind) {
    case CLADE__MOVE_ADD: return from + times;
    case CLADE__MOVE_UP:
    case CLADE__MOVE_DOWN: return next_quantile(one, from, step, move->kind == CLADE__MOVE_UP);
    case CLADE__MOVE_TO_LOW: return fmin(from, one->quantile[1]);
    case CLADE__MOVE_TO_MIDDLE: return fmin(from, one->quantile[N_QUANTILES / 2]);
    case CLADE__MOVE_TO_HIGH: return fmax(from, one->quantile[N_QUANTILES - 2]);
    case CLADE__MOVE_NOT_OVER: return fmin(from, (double)row[with]); /* of NAN: from */
    case CLADE__MOVE_NOT_UNDER: return fmax(from, (double)row[with]);
    case CLADE__MOVE_PART:
        if (isnan(before[with])) return from;
        return from + (double)(row[lead] - before[lead]) * (double)before[with];
    case CLADE__MOVE_VALUE:
        return from +
               times * (isnan(before[with]) ? w->spread[with].quantile[50] : (double)before[with]);
    case CLADE__MOVE_SCALE:
        return before[with] > 0 ? from * (double)(row[with] / before[with]) : from;
    }
    assert(false);
    return from;
}

/* Act on a row in place. Its size is the largest share of customers between from and to. False when
 * the leader cannot move. */
static bool act(double *out_size, float *row, const change_work *w, int number, int step)
{
    const clade__lever *const lever  = &w->lever[number];
    float *const              before = w->x + (size_t)MOST * w->p->n_columns;
    *out_size                        = 0;
    if (lever->needs != NULL && isnan(row[clade__feature_column(lever->needs)])) return false;
    memcpy(before, row, w->p->n_features * sizeof *row);
    for (const clade__move *move = lever->move; move->feature != NULL; move++) {
        const size_t column = clade__feature_column(move->feature);
        const double from   = (double)before[column];
        if (isnan(from)) {
            if (move == lever->move) return false;
            continue;
        }
        const spread *const one = &w->spread[column];
        double              to  = moved(w, lever, move, before, row, step);
        if (!isfinite(to)) continue;
        to = within(one, from, to);
        if (move == lever->move && (float)to == before[column]) return false;
        row[column] = (float)to;
        *out_size   = fmax(*out_size, fabs(rank_of(one, to) - rank_of(one, from)));
    }
    return true;
}

/* ---------------------------------------------------------------- all of them */

static void list_singles(change_work *w)
{
    for (size_t l = 0; l < w->n_levers; l++) {
        for (int step = 0; step < w->lever[l].n_steps; step++) {
            float *const x   = w->x + w->n * w->p->n_columns;
            candidate    one = { .n = 1, .lever = { (int)l, 0 }, .step = { step, 0 } };
            memcpy(x, w->row, w->p->n_columns * sizeof *x);
            if (!act(&one.size, x, w, (int)l, step)) continue;
            w->candidate[w->n++] = one;
        }
    }
    w->n_single = w->n;
}

static void list_pairs(change_work *w)
{
    for (size_t a = 0; a < w->n_single; a++) {
        for (size_t b = a + 1; b < w->n_single && w->n < MOST; b++) {
            const candidate *const first = &w->candidate[a], *const second = &w->candidate[b];
            const int i = first->lever[0], j = second->lever[0];
            if (i == j || strcmp(w->lever[i].move[0].feature, w->lever[j].move[0].feature) == 0)
                continue;
            float *const x = w->x + w->n * w->p->n_columns;
            double       size;
            memcpy(x, w->x + a * w->p->n_columns, w->p->n_columns * sizeof *x);
            if (!act(&size, x, w, j, second->step[0])) continue;
            w->candidate[w->n++] = (candidate){ .n     = 2,
                                                .lever = { i, j },
                                                .step  = { first->step[0], second->step[0] },
                                                .size  = first->size + second->size };
        }
    }
}

/* Is a better than b? Of those that reach the target the fewer actions, then the smaller; of the
 * others the one that comes nearest. */
static bool better(const change_work *w, size_t a, size_t b, bool reached, bool below)
{
    const candidate *const x = &w->candidate[a], *const y = &w->candidate[b];
    if (!reached && w->margin[a] != w->margin[b]) return (w->margin[a] < w->margin[b]) == below;
    if (x->n != y->n) return x->n < y->n;
    return x->size < y->size;
}

static int by_shift(const void *a, const void *b)
{
    const clade_change_part *x = a, *y = b;
    if (x->shift != y->shift) return x->shift > y->shift ? -1 : 1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

static void write_change(clade_predict_change *out, const change_work *w, size_t best)
{
    const candidate *const one = &w->candidate[best];
    const float *const     x   = w->x + best * w->p->n_columns;
    out->after                 = clade__answer_of(&w->p->card.task, w->margin[best]);
    out->n_actions             = one->n;
    out->size                  = one->size;
    for (size_t k = 0; k < one->n; k++)
        out->action[k] = one->lever[k];
    for (size_t k = 0; k < one->n; k++) {
        const clade__move *move = w->lever[one->lever[k]].move;
        for (; move->feature != NULL; move++) {
            const uint32_t column = (uint32_t)clade__feature_column(move->feature);
            bool           told   = isnan(x[column]) || x[column] == w->row[column];
            for (size_t i = 0; i < out->n_parts; i++)
                told = told || out->part[i].feature == column;
            if (told) continue;
            assert(out->n_parts < CLADE_CHANGE_PARTS_MAX);
            const double        from = (double)w->row[column], to = (double)x[column];
            const spread *const one_of = &w->spread[column];
            out->part[out->n_parts++] =
                (clade_change_part){ column, from, to,
                                     fabs(rank_of(one_of, to) - rank_of(one_of, from)) };
        }
    }
    qsort(out->part, out->n_parts, sizeof out->part[0], by_shift);
}

static clade_status choose(clade_predict_change *out, change_work *w, clade_error *err)
{
    const double want    = log(out->target / (1 - out->target));
    size_t       best[2] = { w->n, w->n }; /* nearest; of those that reach */
    list_singles(w);
    list_pairs(w);
    out->n_tried = w->n;
    best[0] = best[1] = w->n;
    CLADE_TRY(clade__blend_margin(w->margin, w->p, w->x, w->n, err));
    for (size_t i = 0; i < w->n; i++) {
        const bool reaches = out->below ? w->margin[i] < want : w->margin[i] > want;
        if (best[reaches] == w->n || better(w, i, best[reaches], reaches, out->below))
            best[reaches] = i;
    }
    out->found = best[1] < w->n;
    if (out->found) {
        write_change(out, w, best[1]);
    } else if (best[0] < w->n) {
        const double after = clade__answer_of(&w->p->card.task, w->margin[best[0]]);
        const double way   = (after - out->before) / (out->target - out->before);
        if (way >= worth_telling) write_change(out, w, best[0]);
    }
    return CLADE_OK;
}

static clade_status open_work(change_work *w, const clade_predictor *p, clade_predictions *ps,
                              int64_t customer, clade_error *err)
{
    clade__sample s = { 0 };
    w->p            = p;
    w->lever        = clade__levers(&w->n_levers);
    CLADE_TRY(clade__customer_fill(&w->row, p, ps, customer, err));
    w->spread    = CLADE_NEW(spread, p->n_features);
    w->candidate = CLADE_NEW(candidate, MOST);
    w->x         = CLADE_NEW(float, (size_t)(MOST + 1) * p->n_columns); /* and one for the action */
    w->margin    = CLADE_NEW(double, MOST + 1);
    if (w->spread == NULL || w->candidate == NULL || w->x == NULL || w->margin == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for changes of a customer");
    CLADE_TRY(clade__sample_make(&s, p, ps, RANK_ROWS, err));
    const clade_status status = spread_fill(w, &s, err);
    clade__sample_free(&s);
    return status;
}

clade_status clade_predictor_change(clade_predict_change *out, const clade_predictor *p,
                                    clade_predictions *ps, int64_t customer, double target,
                                    clade_error *err)
{
    const clade_predict_task *const task = &p->card.task;
    change_work                     w    = { 0 };
    double                          margin;
    char                            name[96];
    clade_task_name(name, task);
    if (clade_task_is_amount(task) || clade_task_is_date(task))
        return clade_fail(err, CLADE_ERR_ARG,
                          "%s is %s: changes are looked for where a chance has a target", name,
                          clade_task_is_date(task) ? "a date" : "an amount");
    if (isnan(target)) target = p->card.base_rate;
    if (!(target > 0 && target < 1))
        return clade_fail(err, CLADE_ERR_ARG, "the target is %g, wanted a chance between 0 and 1",
                          target);
    clade_predict_change change = { .customer = customer, .target = target };
    change.below                = task->kind == CLADE_TASK_CHURN || task->kind == CLADE_TASK_REFUND;
    clade_status status         = open_work(&w, p, ps, customer, err);
    if (status == CLADE_OK) status = clade__blend_margin(&margin, p, w.row, 1, err);
    if (status == CLADE_OK) {
        change.before = change.after = clade__answer_of(task, margin);
        change.there = change.below ? change.before < target : change.before > target;
        if (!change.there) status = choose(&change, &w, err);
    }
    if (status == CLADE_OK) *out = change;
    work_free(&w);
    return status;
}

/* ---------------------------------------------------------------- words */

static void write_actions(clade_buffer *out, const clade_predict_change *c, bool zh)
{
    for (size_t k = 0; k < c->n_actions; k++) {
        const char *const words = clade_change_action_words(c->action[k], zh);
        const bool        small = !zh && k == 0 && c->found; /* a sentence begins */
        const char        first = small ? (char)(words[0] - 'a' + 'A') : words[0];
        if (k > 0) clade_buffer_text(out, zh ? "，并" : ", and ");
        clade_buffer_append(out, &first, 1);
        clade_buffer_text(out, words + 1);
    }
}

void clade_change_write(clade_buffer *out, const clade_predict_change *c, bool zh)
{
    const char *const what = zh ? (c->below ? "风险" : "可能性") : c->below ? "risk" : "chance";
    const char *const side   = zh ? (c->below ? "低于" : "高于") : c->below ? "under" : "over";
    const double      before = 100 * c->before, after = 100 * c->after, target = 100 * c->target;
    if (c->there) {
        clade_buffer_format(out,
                            zh ? "%s已为 %.1f %%，%s %.1f %%：无需改变。"
                               : "The %s is %.1f %% already, %s %.1f %%: nothing has to change.",
                            what, before, side, target);
        return;
    }
    if (!c->found)
        clade_buffer_format(out,
                            zh ? "未找到合理的改变能使%s%s %.1f %%（现为 %.1f %%）。"
                               : "No plausible change found that brings the %s %s %.1f %% (now "
                                 "%.1f %%). ",
                            what, side, target, before);
    if (!c->found && c->n_actions == 0) return;
    if (!c->found) clade_buffer_text(out, zh ? "最接近的是：" : "The nearest: ");
    write_actions(out, c, zh);
    clade_buffer_format(out,
                        zh ? "：模型给出的%s将由 %.1f %% 变为 %.1f %%"
                           : ": the model's %s would go from %.1f %% to %.1f %%",
                        what, before, after);
    if (c->found) clade_buffer_format(out, zh ? "，%s %.1f %%" : ", %s %.1f %%", side, target);
    clade_buffer_text(out, zh ? "。这是关于模型的说明，并非因果：实际效果须经试验。"
                              : ". This is about the model, not about causes: whether it works "
                                "takes an experiment.");
}

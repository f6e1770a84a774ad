/*
 * How long does it take to fit a model of value to a million customers on one core, and what is
 * grouping equal customers worth?
 *
 *   days   a year of customers who joined day by day, moments in whole days: many are equal
 *   every  the same, one by one: grouping switched off
 *
 * Each law learns from customers drawn from itself (Pareto/NBD and BG/NBD at the parameters of
 * CDNOW, rates twice as high), so that a maximum exists. Gamma-Gamma sees mean spends in cents;
 * BG/BB 52 periods. `expected` asks what each of the million will buy in the next 26 weeks.
 */
#include "bench.h"

#include "clade/run.h"
#include "clade/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1000000, ROOM = 4096 };

typedef struct question {
    const char      *name;
    clade_value_kind kind;
    bool             every_row;
    bool             asks; /* expected purchases instead of a fit */
    double           param[CLADE_VALUE_MAX_PARAMS];
} question;

static double                x[N], t_x[N], T[N], spend[N], answer[N];
static clade_value_customers customers = { .n = N, .x = x, .t_x = t_x, .T = T, .spend = spend };
static const question       *drawn; /* whose customers the columns hold */

static void draw_one(size_t i, const clade_value_model *m, double *when)
{
    clade_rng  rng     = clade_rng_stream(1, "bench/value", i);
    const bool periods = m->kind == CLADE_VALUE_BG_BB;
    if (m->kind == CLADE_VALUE_GAMMA_GAMMA) {
        const double nu = clade_rng_gamma(&rng, m->param[1]) / m->param[2];
        x[i]            = 1 + (double)clade_rng_below(&rng, 10);
        spend[i]        = ceil(100 * clade_rng_gamma(&rng, m->param[0] * x[i]) / nu / x[i]) / 100;
        return;
    }
    T[i] = periods ? 52 : (double)(1 + clade_rng_below(&rng, 365)) / 7;
    x[i] = (double)clade_value_draw(when, ROOM, m, NULL, T[i], &rng);
    if (x[i] > ROOM) x[i] = ROOM;
    t_x[i] = x[i] == 0 ? 0 : when[(size_t)x[i] - 1];
    if (!periods) t_x[i] = fmin(T[i], ceil(t_x[i] * 7) / 7);
}

static void draw_customers(const question *q)
{
    clade_value_model m = { .kind = q->kind, .n_params = 4 };
    double            when[ROOM];
    if (drawn != NULL && drawn->kind == q->kind) return;
    memcpy(m.param, q->param, sizeof m.param);
    for (size_t i = 0; i < N; i++)
        draw_one(i, &m, when);
    drawn = q;
}

static void run(void *context)
{
    const question *const     q       = context;
    const clade_value_options options = { .ridge = 1, .every_row = q->every_row };
    clade_value_model         m       = { .kind = q->kind, .n_params = 4 };
    draw_customers(q);
    if (q->asks) {
        memcpy(m.param, q->param, sizeof m.param);
        bench_ok(clade_value_expected(answer, &m, &customers, 26, NULL));
        bench_keep(answer);
        return;
    }
    bench_ok(clade_value_fit(&m, q->kind, &customers, &options, NULL));
    bench_keep(&m);
    if (getenv("BENCH_SAY") != NULL) {
        fprintf(stderr, "%s: %zu groups, %u evaluations, %.4f %.4f %.4f %.4f, %s\n", q->name,
                m.n_groups, m.n_steps, m.param[0], m.param[1], m.param[2], m.param[3], m.note);
    }
}

#define BG                       \
    {                            \
        .243, 2.207, .793, 2.426 \
    }
#define MBG                      \
    {                            \
        .525, 3.092, .891, 1.614 \
    }
#define PARETO                    \
    {                             \
        .553, 5.289, .606, 11.669 \
    }
#define BG_BB                    \
    {                            \
        1.204, .750, .657, 2.783 \
    }
#define MONEY             \
    {                     \
        6.25, 3.74, 15.44 \
    }

static question questions[] = {
    { "bg_nbd/days", CLADE_VALUE_BG_NBD, false, false, BG },
    { "bg_nbd/every", CLADE_VALUE_BG_NBD, true, false, BG },
    { "bg_nbd/expected", CLADE_VALUE_BG_NBD, false, true, BG },
    { "mbg_nbd/days", CLADE_VALUE_MBG_NBD, false, false, MBG },
    { "pareto_nbd/days", CLADE_VALUE_PARETO_NBD, false, false, PARETO },
    { "pareto_nbd/every", CLADE_VALUE_PARETO_NBD, true, false, PARETO },
    { "pareto_nbd/expected", CLADE_VALUE_PARETO_NBD, false, true, PARETO },
    { "bg_bb/periods", CLADE_VALUE_BG_BB, false, false, BG_BB },
    { "gamma_gamma/cents", CLADE_VALUE_GAMMA_GAMMA, false, false, MONEY },
    { "gamma_gamma/every", CLADE_VALUE_GAMMA_GAMMA, true, false, MONEY },
};
enum { N_QUESTIONS = sizeof questions / sizeof questions[0] };

int main(int argc, char **argv)
{
    struct bench_case cases[N_QUESTIONS];
    for (size_t i = 0; i < N_QUESTIONS; i++)
        cases[i] = (struct bench_case){ questions[i].name, run, &questions[i], N, "customers" };
    clade_threads_set(1);
    return bench_main(argc, argv, cases, N_QUESTIONS);
}

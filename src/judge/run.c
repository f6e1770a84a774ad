/* Asking a scorer: batches of scores, ranks of each batch, metrics of all ranks. */
#include "clade/run.h"
#include "clade/time.h"
#include "judge_internal.h"

#include <stdlib.h>

enum { BATCH_BYTES = 8 << 20, BATCH_CASES_MAX = 1024, BATCH_CASES_MIN = 16 };

typedef struct judging {
    const clade_scorer     *scorer;
    const clade_split      *split;
    const clade_split_part *part;
    clade_judge_options     options;
    size_t                  n_cases;      /* asked */
    clade_case             *cases;        /* (n_cases) */
    uint64_t               *target_start; /* (n_cases + 1), from 0 */
    uint32_t               *target;       /* (target_start[n_cases]) */
    clade_ranks             ranks;        /* of all cases */
    size_t                  batch;
    float                  *score; /* (batch, n_items + 1) */
} judging;

/* Case i of those asked is case i n / n_cases of the part. */
static void choose_cases(judging *j)
{
    const clade_targets *const targets = j->part->targets;
    uint64_t                   n       = 0;
    for (size_t i = 0; i < j->n_cases; i++) {
        const size_t from = i * j->part->n_cases / j->n_cases;
        j->cases[i]       = j->part->cases[from];
        if (targets == NULL) {
            j->target[n++] = j->cases[i].target;
        } else {
            for (uint64_t t = targets->start[from]; t < targets->start[from + 1]; t++)
                j->target[n++] = targets->item[t];
        }
        j->target_start[i + 1] = n;
    }
}

static clade_status prepare(judging *j, clade_error *err)
{
    const size_t row = (size_t)j->split->sequences->n_items + 1;
    const size_t n_targets =
        j->part->targets == NULL ? j->n_cases : j->part->targets->start[j->part->n_cases];
    const size_t n_top = j->options.lists ? j->n_cases * CLADE_RANKING_TOP : 0;
    j->batch           = BATCH_BYTES / (row * sizeof *j->score);
    if (j->batch > BATCH_CASES_MAX) j->batch = BATCH_CASES_MAX;
    if (j->batch < BATCH_CASES_MIN) j->batch = BATCH_CASES_MIN;
    if (j->batch > j->n_cases) j->batch = j->n_cases;
    j->score            = CLADE_NEW(float, j->batch *row);
    j->cases            = CLADE_NEW(clade_case, j->n_cases);
    j->target_start     = CLADE_NEW(uint64_t, j->n_cases + 1);
    j->target           = CLADE_NEW(uint32_t, n_targets);
    j->ranks.all        = CLADE_NEW(clade_rank, n_targets);
    j->ranks.unseen     = CLADE_NEW(clade_rank, n_targets);
    j->ranks.top_all    = CLADE_NEW(uint32_t, n_top);
    j->ranks.top_unseen = CLADE_NEW(uint32_t, n_top);
    if (j->score == NULL || j->cases == NULL || j->target_start == NULL || j->target == NULL ||
        j->ranks.all == NULL || j->ranks.unseen == NULL || j->ranks.top_all == NULL ||
        j->ranks.top_unseen == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to judge %zu cases of %zu items",
                          j->n_cases, row - 1);
    }
    choose_cases(j);
    return CLADE_OK;
}

static clade_status run_batch(judging *j, size_t first, size_t n, clade_error *err)
{
    const clade_scorer *const scorer  = j->scorer;
    const clade_targets       targets = { j->target_start + first, j->target };
    const uint64_t            t       = j->target_start[first];
    const size_t              at_top  = first * CLADE_RANKING_TOP;
    clade_ranks               ranks   = { j->ranks.all + t, j->ranks.unseen + t,
                          j->options.lists ? j->ranks.top_all + at_top : NULL,
                          j->options.lists ? j->ranks.top_unseen + at_top : NULL };
    CLADE_TRY(scorer->score(scorer->self, j->score, j->split->sequences, j->cases + first, n, err));
    const clade_status status =
        clade_rank_cases(&ranks, j->score, j->split->sequences, j->cases + first, n, &targets, err);
    return status == CLADE_OK
               ? CLADE_OK
               : clade_fail_at(err, status, "%s, batch from case %zu: ", scorer->name, first);
}

static clade_status measure(clade_judgement *out, const judging *j, const uint64_t *item_count,
                            clade_error *err)
{
    clade_ranking_input in = { .cases        = j->cases,
                               .n_cases      = j->n_cases,
                               .target_start = j->target_start,
                               .rank         = j->ranks.all,
                               .top          = j->options.lists ? j->ranks.top_all : NULL,
                               .item_count   = item_count,
                               .n_items      = j->split->sequences->n_items,
                               .seed         = j->options.seed,
                               .n_draws      = j->options.n_draws };
    CLADE_TRY(clade_ranking_measure(&out->all, &in, err));
    in.rank = j->ranks.unseen;
    in.top  = j->options.lists ? j->ranks.top_unseen : NULL;
    return clade_ranking_measure(&out->unseen, &in, err);
}

/* Each case by itself, so that two scorers can be paired. */
static clade_status measure_each(const judging *j, clade_error *err)
{
    const clade_rank *const rank = j->split->unseen ? j->ranks.unseen : j->ranks.all;
    enum { AT_10 = 1 }; /* place of 10 in clade_ranking_k */
    for (size_t i = 0; i < j->n_cases; i++) {
        const uint64_t            first    = j->target_start[i];
        const uint64_t            start[2] = { 0, j->target_start[i + 1] - first };
        const clade_ranking_input in       = { .cases        = j->cases + i,
                                               .n_cases      = 1,
                                               .target_start = start,
                                               .rank         = rank + first,
                                               .n_items      = j->split->sequences->n_items };
        clade_ranking             one;
        CLADE_TRY(clade_ranking_measure(&one, &in, err));
        j->options.out_ndcg_10[i] = one.ndcg[AT_10].value;
    }
    return CLADE_OK;
}

static void release(judging *j)
{
    free(j->score);
    free(j->cases);
    free(j->target_start);
    free(j->target);
    free(j->ranks.all);
    free(j->ranks.unseen);
    free(j->ranks.top_all);
    free(j->ranks.top_unseen);
}

clade_status clade_judge_run(clade_judgement *out, const clade_scorer *scorer,
                             const clade_split *split, const clade_split_part *part,
                             const clade_judge_options *options, clade_error *err)
{
    clade_status           status = CLADE_OK;
    clade_judgement        result = { .seconds = clade_seconds() };
    const clade_sequences *learnt = part == &split->test ? split->train_all : split->train;
    uint64_t              *count  = NULL;
    judging                j      = { .scorer = scorer, .split = split, .part = part };
    if (options != NULL) j.options = *options;
    j.n_cases = part->n_cases;
    if (j.options.max_cases > 0 && j.options.max_cases < j.n_cases) j.n_cases = j.options.max_cases;
    if (j.n_cases == 0) return clade_fail(err, CLADE_ERR_ARG, "there is no case to judge");

    if (j.options.progress) clade_progress_begin(scorer->name, (double)j.n_cases, "cases");
    count = CLADE_NEW(uint64_t, (size_t)split->sequences->n_items + 1);
    if (count == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to count items");
        goto done;
    }
    for (size_t e = 0; e < learnt->n_events; e++)
        count[learnt->item[e]]++;
    status = prepare(&j, err);
    for (size_t first = 0; status == CLADE_OK && first < j.n_cases; first += j.batch) {
        const size_t left = j.n_cases - first;
        status            = run_batch(&j, first, left < j.batch ? left : j.batch, err);
        if (status == CLADE_OK) status = clade_interrupt_check(err);
        if (j.options.progress) clade_progress_update((double)first);
    }
    if (status == CLADE_OK) status = measure(&result, &j, count, err);
    if (status == CLADE_OK && j.options.out_ndcg_10 != NULL) status = measure_each(&j, err);
    if (status != CLADE_OK) goto done;
    result.seconds = clade_seconds() - result.seconds;
    *out           = result;
done:
    if (j.options.progress) clade_progress_end();
    free(count);
    release(&j);
    return status;
}

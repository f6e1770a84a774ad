/* What a fitted model was worth: NDCG@10 over the cases that were held out, beside baselines that
 * were tuned on the same cases, and the verdict. */
#include "fit.h"

#include "clade/metrics.h"

#include <math.h>
#include <string.h>

enum { N_DRAWS = 200, N_GAIN_DRAWS = 1000, AT_10 = 1 }; /* place of 10 in clade_ranking_k */

clade_status fit_judge(void *context, double *out_score, const clade_behaviour *model,
                       clade_error *err)
{
    const fit_data *const data   = context;
    const clade_scorer    scorer = clade_behaviour_scorer(model);
    clade_judgement       judgement;
    CLADE_TRY(
        clade_judge_run(&judgement, &scorer, &data->split, &data->split.validation, NULL, err));
    *out_score = clade_judgement_main(&judgement, &data->split)->ndcg[AT_10].value;
    return CLADE_OK;
}

static clade_status judge_baselines(fit_verdict *v, double *best_each, double *each,
                                    const fit_data *data, clade_error *err)
{
    static const clade_neighbours_kind kinds[FIT_BASELINES] = { CLADE_NEIGHBOURS_POPULAR,
                                                                CLADE_NEIGHBOURS_OWN,
                                                                CLADE_NEIGHBOURS_RULES,
                                                                CLADE_NEIGHBOURS_ITEM_KNN };
    const clade_judge_options          asked                = { .out_ndcg_10 = each };
    for (size_t i = 0; i < FIT_BASELINES; i++) {
        clade_baseline *baseline = NULL;
        clade_judgement judgement;
        CLADE_TRY(clade_baseline_fit(&baseline, kinds[i], &data->split, true, err));
        const clade_status status = clade_judge_run(&judgement, &baseline->scorer, &data->split,
                                                    &data->split.validation, &asked, err);
        v->baseline[i].name       = clade_neighbours_name(kinds[i]);
        v->baseline[i].ndcg       = baseline->validation;
        v->baseline[i].options    = baseline->options;
        clade_baseline_free(baseline);
        if (status != CLADE_OK) return status;
        if (i > 0 && v->baseline[i].ndcg <= v->baseline[v->best].ndcg) continue;
        v->best = i;
        memcpy(best_each, each, v->n_cases * sizeof *each);
    }
    return CLADE_OK;
}

/* The same customers asked of both: each is one case. */
typedef struct rivals {
    const double *model, *baseline; /* (n_cases) NDCG@10 */
} rivals;

static double mean_gain(const uint32_t *count, size_t n, void *context)
{
    const rivals *const r   = context;
    double              sum = 0, weight = 0;
    for (size_t i = 0; i < n; i++) {
        weight += count[i];
        sum += count[i] * (r->model[i] - r->baseline[i]);
    }
    return sum / weight;
}

static void decide(fit_verdict *v, command *c)
{
    const double best = v->n_cases > 0 ? v->baseline[v->best].ndcg : (double)NAN;
    if (v->n_cases < FIT_CASES_TRUST) {
        v->why = clade_arena_format(
            c->arena, "only %zu customers came back late enough to be asked; %d are needed",
            v->n_cases, FIT_CASES_TRUST);
        v->why_zh = clade_arena_format(c->arena, "仅有 %zu 位客户可用于检验，至少需要 %d 位",
                                       v->n_cases, FIT_CASES_TRUST);
        return;
    }
    v->trusted = v->ndcg.value > best;
    if (!v->trusted) {
        v->why    = clade_arena_format(c->arena, "%s does as well: NDCG@10 %.4f against %.4f",
                                       v->baseline[v->best].name, best, v->ndcg.value);
        v->why_zh = clade_arena_format(c->arena, "%s 不比它差：NDCG@10 为 %.4f，模型为 %.4f",
                                       v->baseline[v->best].name, best, v->ndcg.value);
    } else if (!(v->gain.low > 0)) {
        v->why = clade_arena_format(
            c->arena,
            "ahead of %s by %.4f NDCG@10, which these customers do not prove (%+.4f to %+.4f)",
            v->baseline[v->best].name, v->gain.value, v->gain.low, v->gain.high);
        v->why_zh = clade_arena_format(
            c->arena, "NDCG@10 比 %s 高 %.4f，但这些客户尚不足以证明（%+.4f 至 %+.4f）",
            v->baseline[v->best].name, v->gain.value, v->gain.low, v->gain.high);
    }
}

static clade_status judge_all(fit_verdict *out, double *each[3], const fit_data *data,
                              const clade_behaviour *model, clade_error *err)
{
    const clade_judge_options     asked  = { .n_draws     = N_DRAWS,
                                             .seed        = data->seed,
                                             .out_ndcg_10 = each[0] };
    const clade_bootstrap_options draws  = { .n_draws = N_GAIN_DRAWS, .seed = data->seed };
    const clade_scorer            scorer = clade_behaviour_scorer(model);
    rivals                        pair   = { each[0], each[1] };
    clade_judgement               judgement;
    CLADE_TRY(
        clade_judge_run(&judgement, &scorer, &data->split, &data->split.validation, &asked, err));
    out->ndcg = clade_judgement_main(&judgement, &data->split)->ndcg[AT_10];
    out->hit  = clade_judgement_main(&judgement, &data->split)->hit[AT_10];
    CLADE_TRY(judge_baselines(out, each[1], each[2], data, err));
    return clade_bootstrap(&out->gain, mean_gain, &pair, out->n_cases, &draws, err);
}

clade_status fit_verdict_make(fit_verdict *out, command *c, const fit_data *data,
                              const clade_behaviour *model, clade_error *err)
{
    const clade_interval none = { (double)NAN, (double)NAN, (double)NAN };
    const size_t         n    = data->split.validation.n_cases;
    double              *each[3];
    *out = (fit_verdict){
        .n_cases = n, .ndcg = none, .hit = none, .gain = none, .ndcg_as_kept = (double)NAN
    };
    for (int i = 0; i < 3; i++) {
        each[i] = CLADE_ARENA_NEW(c->arena, double, n + 1);
        if (each[i] == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a verdict");
    }
    if (n > 0) CLADE_TRY(judge_all(out, each, data, model, err));
    decide(out, c);
    return CLADE_OK;
}

void fit_verdict_print(command *c, const fit_verdict *v)
{
    if (v->n_cases > 0) {
        command_heading(c,
                        COMMAND_SAY(c, "The next item of %zu customers, held out",
                                    "预测 %zu 位客户的下一件商品（留出检验）"),
                        v->n_cases);
        command_table *t = command_table_start(c, "lrr", COMMAND_SAY(c, "by", "方法"), "NDCG@10",
                                               COMMAND_SAY(c, "95 %", "95 % 区间"));
        command_cell(t, "%s", COMMAND_SAY(c, "behaviour", "行为模型"));
        command_cell(t, "%.4f", v->ndcg.value);
        command_cell(t, "%.4f-%.4f", v->ndcg.low, v->ndcg.high);
        for (size_t i = 0; i < FIT_BASELINES; i++) {
            command_cell(t, "%s", v->baseline[i].name);
            command_cell(t, "%.4f", v->baseline[i].ndcg);
            command_cell(t, "%s", "");
        }
        command_table_end(t);
    }
    if (!isnan(v->ndcg_as_kept)) {
        command_print(c,
                      COMMAND_SAY(c, "As it is kept, in fewer bits: NDCG@10 %.4f (%+.4f)\n",
                                  "压缩保存后：NDCG@10 %.4f（%+.4f）\n"),
                      v->ndcg_as_kept, v->ndcg_as_kept - v->ndcg.value);
    }
    if (v->n_cases > 0) {
        command_print(
            c,
            COMMAND_SAY(
                c, "\nBehaviour less %s, over the same customers: %+.4f (95 %%: %+.4f to %+.4f)\n",
                "\n行为模型减 %s（相同客户）：%+.4f（95 %% 区间 %+.4f 至 %+.4f）\n"),
            v->baseline[v->best].name, v->gain.value, v->gain.low, v->gain.high);
    }
    if (!v->trusted) {
        command_print(c, COMMAND_SAY(c, "Do not trust yet: %s.\n", "暂不可信：%s。\n"),
                      c->zh ? v->why_zh : v->why);
    } else if (v->why != NULL) {
        command_print(c, COMMAND_SAY(c, "It is %s.\n", "%s。\n"), c->zh ? v->why_zh : v->why);
    } else {
        command_print(c,
                      COMMAND_SAY(c, "It beats the best of them, %s.\n", "优于其中最好的 %s。\n"),
                      v->baseline[v->best].name);
    }
}

static void write_interval(clade_json *json, const char *key, clade_interval x)
{
    clade_json_key(json, key);
    clade_json_object(json);
    clade_json_put_number(json, "value", x.value);
    clade_json_put_number(json, "low", x.low);
    clade_json_put_number(json, "high", x.high);
    clade_json_object_end(json);
}

void fit_verdict_write(clade_json *json, const fit_verdict *v)
{
    clade_json_key(json, "validation");
    clade_json_object(json);
    clade_json_put_int(json, "n_cases", (int64_t)v->n_cases);
    write_interval(json, "ndcg_10", v->ndcg);
    write_interval(json, "hit_10", v->hit);
    clade_json_put_number(json, "ndcg_10_as_kept", v->ndcg_as_kept);
    clade_json_object_end(json);
    clade_json_key(json, "baselines");
    clade_json_array(json);
    for (size_t i = 0; v->n_cases > 0 && i < FIT_BASELINES; i++) {
        clade_json_object(json);
        clade_json_put_text(json, "name", v->baseline[i].name);
        clade_json_put_number(json, "ndcg_10", v->baseline[i].ndcg);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
    write_interval(json, "gain_ndcg_10", v->gain);
    clade_json_put_text(json, "verdict", v->trusted ? "trust" : "do not trust yet");
    clade_json_put_text(json, "why", v->why);
    clade_json_put_text(json, "why_zh", v->why_zh);
}

/* The models that clade bench sequence judges. */
#include "bench.h"

#include <math.h>

static void free_baseline(void *self)
{
    clade_baseline_free(self);
}

static clade_status fit_baseline(bench_fitted *out, clade_neighbours_kind kind, const command *c,
                                 const clade_split *split, clade_error *err)
{
    clade_baseline *baseline = NULL;
    CLADE_TRY(clade_baseline_fit(&baseline, kind, split, !c->quiet, err));
    *out = (bench_fitted){ .scorer       = baseline->scorer,
                           .validation   = baseline->validation,
                           .seconds      = baseline->seconds,
                           .tokens_per_s = (double)NAN,
                           .self         = baseline,
                           .free_self    = free_baseline };
    clade_baseline_describe(out->settings, baseline);
    return CLADE_OK;
}

#define BASELINE(function, kind)                                                                \
    static clade_status function(bench_fitted *out, const command *c, const clade_split *split, \
                                 clade_error *err)                                              \
    {                                                                                           \
        return fit_baseline(out, kind, c, split, err);                                          \
    }
BASELINE(fit_popular, CLADE_NEIGHBOURS_POPULAR)
BASELINE(fit_popular_7d, CLADE_NEIGHBOURS_POPULAR_7D)
BASELINE(fit_own, CLADE_NEIGHBOURS_OWN)
BASELINE(fit_markov, CLADE_NEIGHBOURS_MARKOV)
BASELINE(fit_rules, CLADE_NEIGHBOURS_RULES)
BASELINE(fit_item_knn, CLADE_NEIGHBOURS_ITEM_KNN)
BASELINE(fit_session_knn, CLADE_NEIGHBOURS_SESSION_KNN)

static bool has_moments(const clade_split *split)
{
    return clade_baseline_applies(CLADE_NEIGHBOURS_POPULAR_7D, split);
}

const bench_model bench_models[] = {
    { "popular", true, { "most events", "最热门" }, NULL, fit_popular },
    { "popular-7d",
      true,
      { "most events in the last 7 days", "近 7 天最热门" },
      has_moments,
      fit_popular_7d },
    { "own", true, { "the customer's own items", "客户自己的商品" }, NULL, fit_own },
    { "markov", true, { "what came right after the last item", "一阶转移" }, NULL, fit_markov },
    { "rules", true, { "what came soon after recent items", "序列规则" }, NULL, fit_rules },
    { "item-knn", true, { "items bought by the same customers", "物品近邻" }, NULL, fit_item_knn },
    { "session-knn", true, { "what similar customers did", "会话近邻" }, NULL, fit_session_knn },
    { "behaviour",
      false,
      { "the behaviour model, learnt from this log", "由本日志训练的行为模型" },
      NULL,
      bench_fit_behaviour },
    { NULL, false, { NULL, NULL }, NULL, NULL },
};

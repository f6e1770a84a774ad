/* Plain names for bands of the outlook. A band takes the first name not yet taken of the family
 * that fits what its members did and are; the families are few and the conditions are shares, so a
 * name means the same in every shop. */
#include "segment_names.h"

#include <stdio.h>

typedef struct name_family {
    size_t             n;
    clade_segment_name name[7];
} name_family;

static const name_family champions = { 1, { { "champions", "Champions", "冠军客户" } } };
static const name_family loyal     = {
        7,
        { { "loyal-regulars", "Loyal regulars", "忠诚常客" },
          { "steady-customers", "Steady customers", "稳定客户" },
          { "reliable-shoppers", "Reliable shoppers", "可靠买家" },
          { "faithful-small-spenders", "Faithful small spenders", "小额忠实客户" },
          { "easy-going-regulars", "Easy-going regulars", "随性常客" },
          { "modest-regulars", "Modest regulars", "低额常客" },
          { "familiar-faces", "Familiar faces", "熟面孔" } },
};
static const name_family newcomers = {
    4,
    { { "rising-newcomers", "Rising newcomers", "上升新客" },
      { "promising-newcomers", "Promising newcomers", "潜力新客" },
      { "new-and-undecided", "New and undecided", "观望新客" },
      { "newcomers-to-win", "Newcomers to win", "待争取新客" } },
};
static const name_family repeaters = {
    6,
    { { "growing-customers", "Growing customers", "成长客户" },
      { "occasional-buyers", "Occasional buyers", "偶尔购买" },
      { "light-buyers", "Light buyers", "轻度买家" },
      { "rare-buyers", "Rare buyers", "稀少买家" },
      { "now-and-then", "Now and then", "时有购买" },
      { "once-in-a-while", "Once in a while", "久久一次" } },
};
static const name_family late_repeaters = {
    4,
    { { "slipping-customers", "Slipping customers", "疏远客户" },
      { "at-risk", "At risk", "流失风险" },
      { "nearly-lost", "Nearly lost", "濒临流失" },
      { "long-gone-regulars", "Long-gone regulars", "久别老客" } },
};
static const name_family warm_one_timers = {
    4,
    { { "second-order-candidates", "Second-order candidates", "待复购客户" },
      { "warm-one-timers", "Warm one-timers", "温热单次客" },
      { "curious-one-timers", "Curious one-timers", "尝鲜单次客" },
      { "quiet-one-timers", "Quiet one-timers", "安静单次客" } },
};
static const name_family cold_one_timers = {
    4,
    { { "fading-one-timers", "Fading one-timers", "渐冷单次客" },
      { "cold-one-timers", "Cold one-timers", "冷却单次客" },
      { "forgotten-one-timers", "Forgotten one-timers", "遗忘单次客" },
      { "lost-one-timers", "Lost one-timers", "流失单次客" } },
};
static const name_family dormant = { 1, { { "dormant", "Dormant", "沉睡客户" } } };

static const name_family *family_of(const clade__band_profile *p, size_t band, size_t n_bands,
                                    double shop_returned)
{
    if (band == 0) return &champions;
    if (band + 1 == n_bands && p->returned < 0.6 * shop_returned) return &dormant;
    if (p->recent >= 0.5) return &newcomers;
    if (p->one_order < 0.5) {
        /* Four in five come back; or, in a shop where few do, twice as many as usual. */
        if (p->returned >= 0.8 || (p->returned >= 2 * shop_returned && p->overdue < 0.5))
            return &loyal;
        return p->overdue < 0.5 ? &repeaters : &late_repeaters;
    }
    return p->overdue < 0.5 ? &warm_one_timers : &cold_one_timers;
}

static bool taken(const clade_segment_name *names, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i].key, key) == 0) return true;
    }
    return false;
}

void clade__outlook_names(clade_segment_name *out, const clade__band_profile *profile,
                          size_t n_bands, double shop_returned)
{
    for (size_t band = 0; band < n_bands; band++) {
        const name_family *family = family_of(&profile[band], band, n_bands, shop_returned);
        size_t             i      = 0;
        while (i < family->n && taken(out, band, family->name[i].key))
            i++;
        if (i < family->n) {
            out[band] = family->name[i];
        } else { /* five bands of one family: number them rather than repeat a name */
            const clade_segment_name *last = &family->name[family->n - 1];
            snprintf(out[band].key, sizeof out[band].key, "%.24s-%zu", last->key, band + 1);
            snprintf(out[band].en, sizeof out[band].en, "%.40s %zu", last->en, band + 1);
            snprintf(out[band].zh, sizeof out[band].zh, "%.40s%zu", last->zh, band + 1);
        }
    }
}

/* clade customer: one customer on a page: who, since when, how much, in which segments and why. */
#include "clade/customer.h"
#include "clade/portraits.h"
#include "clade/shop_behaviour.h"
#include "customer.h"

#include <math.h>
#include <stdlib.h>

enum { DEFAULT_QUARTERS = 4, SIMILAR = 10 };

static void value_cell(command_table *t, const clade_customer_page *page, uint32_t feature, bool zh)
{
    clade_buffer out = { 0 };
    clade_value_write(&out, feature, (double)page->value[feature], page->currency, zh);
    command_cell(t, "%s", out.data == NULL ? "" : out.data);
    clade_buffer_free(&out);
}

static void label_cell(command_table *t, uint32_t feature, bool zh)
{
    clade_buffer out = { 0 };
    clade_feature_label_write(&out, feature, zh);
    command_cell(t, "%s", out.data == NULL ? "" : out.data);
    clade_buffer_free(&out);
}

static void print_profile(command *c, const clade_customer_page *page, bool all)
{
    static const char *const shown[] = {
        "orders_life",    "spend_life",       "spend_365d",
        "spend_90d",      "days_since_order", "days_since_first_order",
        "gap_mean_days",  "order_value_mean", "items_distinct",
        "discount_share", "refund_share",     "views_90d",
    };
    size_t               n_registry;
    const clade_feature *registry = clade_features_all(&n_registry);
    command_heading(c, "%s", COMMAND_SAY(c, "Profile", "概况"));
    command_table *t =
        command_table_start(c, "lrr", COMMAND_SAY(c, "feature", "特征"),
                            COMMAND_SAY(c, "value", "数值"), COMMAND_SAY(c, "above", "高于"));
    for (size_t i = 0; i < (all ? page->n_features : sizeof shown / sizeof shown[0]); i++) {
        const int found = all ? (int)i : clade_features_find(shown[i]);
        if (found < 0 || isnan(page->value[found])) continue;
        if (all) {
            command_cell(t, "%s", registry[found].name);
        } else {
            label_cell(t, (uint32_t)found, c->zh);
        }
        value_cell(t, page, (uint32_t)found, c->zh);
        command_cell(t, "%.0f %%", 100 * (double)page->percentile[found]);
    }
    command_table_end(t);
}

static const char *kind_words(const command *c, clade_segment_kind kind)
{
    switch (kind) {
    case CLADE_SEGMENT_OUTLOOK: return COMMAND_SAY(c, "outlook", "前景");
    case CLADE_SEGMENT_RFM: return COMMAND_SAY(c, "RFM", "RFM");
    case CLADE_SEGMENT_LIFECYCLE: return COMMAND_SAY(c, "life cycle", "生命周期");
    case CLADE_SEGMENT_CLUSTERS: return COMMAND_SAY(c, "likeness", "相似");
    case CLADE_N_SEGMENT_KIND: break;
    }
    return "";
}

/* One row a moment, one column a kind. */
static void print_segments(command *c, const clade_customer_page *page)
{
    if (page->n_segments == 0) {
        command_print(c,
                      COMMAND_SAY(c, "\nNo segments yet: clade segment %s\n",
                                  "\n尚无分群：clade segment %s\n"),
                      c->arg[0]);
        return;
    }
    const char  *heading[CLADE_N_SEGMENT_KIND]   = { "", "", "", "" };
    char         align[CLADE_N_SEGMENT_KIND + 2] = "l";
    const size_t n                               = page->n_segments;
    for (size_t i = 0; i < n; i++) {
        heading[i]   = kind_words(c, page->segment[i].kind);
        align[i + 1] = 'l';
        align[i + 2] = '\0';
    }
    command_heading(c, "%s", COMMAND_SAY(c, "Segments, now and before", "分群：现在与过去"));
    command_table *t = command_table_start(c, align, COMMAND_SAY(c, "as of", "截至"), heading[0],
                                           heading[1], heading[2], heading[3]);
    for (size_t row = 0; row <= page->n_history / n; row++) {
        const clade_customer_segment *one =
            row == 0 ? page->segment : page->history + (row - 1) * n;
        char date[16];
        clade_date_format(date, one->as_of_us);
        command_cell(t, "%s", date);
        for (size_t i = 0; i < n; i++)
            command_cell(t, "%s", c->zh ? one[i].name.zh : one[i].name.en);
    }
    command_table_end(t);
}

static void print_reasons(command *c, const clade_customer_page *page)
{
    if (page->n_reasons == 0) return;
    command_heading(c, "%s", COMMAND_SAY(c, "Why this outlook", "前景的原因"));
    command_table *t = command_table_start(c, "lw", NULL, NULL);
    for (size_t i = 0; i < page->n_reasons; i++) {
        command_cell(t, page->reason[i].effect > 0 ? "+" : "-");
        command_cell(t, "%s", c->zh ? page->reason[i].zh : page->reason[i].en);
    }
    command_table_end(t);
}

static void print_orders(command *c, const clade_customer_page *page)
{
    if (page->n_orders == 0) return;
    const bool priced = page->currency[0] != '\0';
    command_heading(c, "%s%s%s", COMMAND_SAY(c, "Latest orders", "最近订单"), priced ? ", " : "",
                    page->currency);
    command_table *t =
        command_table_start(c, "llrrr", COMMAND_SAY(c, "date", "日期"),
                            COMMAND_SAY(c, "order", "订单"), COMMAND_SAY(c, "lines", "行数"),
                            COMMAND_SAY(c, "paid", "支付"), COMMAND_SAY(c, "kept", "净额"));
    for (size_t i = 0; i < page->n_orders; i++) {
        const clade_customer_order *order    = &page->order[i];
        const char                 *currency = page->currency[0] == '\0' ? "USD" : page->currency;
        char                        date[16], paid[40], kept[40];
        clade_date_format(date, order->at_us);
        clade_money_format(paid, order->paid_minor, currency, true);
        clade_money_format(kept, order->kept_minor, currency, true);
        command_cell(t, "%s", date);
        command_cell(t, "%s", order->ref);
        command_cell(t, "%lld", (long long)order->n_lines);
        command_cell(t, "%s", paid);
        command_cell(t, "%s", kept);
    }
    command_table_end(t);
}

static void print_page(command *c, const clade_customer_page *page, const char *id, bool all)
{
    char first[16], last[16], as_of[16], n[32];
    if (c->json) return;
    clade_date_format(first, page->first_us);
    clade_date_format(last, page->last_us);
    clade_date_format(as_of, page->as_of_us);
    clade_count_format(n, (int64_t)page->n_customers);
    command_heading(c, COMMAND_SAY(c, "Customer %s as of %s", "客户 %s，截至 %s"), id, as_of);
    command_print(c,
                  COMMAND_SAY(c, "First seen %s, last seen %s, among %s customers.\n",
                              "首次出现 %s，最近出现 %s，共 %s 位客户。\n"),
                  first, last, n);
    print_profile(c, page, all);
    print_segments(c, page);
    print_reasons(c, page);
    print_orders(c, page);
}

/* The customers whose vectors of the behaviour model point most nearly the same way. */
static clade_status similar_run(command *c, clade_store *store, int64_t customer, clade_error *err)
{
    clade_shop_behaviour  *behaviour = NULL;
    clade_vectors         *vectors   = NULL;
    clade_similar_customer near[SIMILAR];
    clade_buffer           name   = { 0 };
    size_t                 n      = 0;
    int64_t                as_of  = c->as_of_us;
    clade_status           status = CLADE_OK;
    if (!c->has_as_of) CLADE_TRY(clade_shop_now(&as_of, store, err));
    CLADE_TRY(clade_shop_behaviour_open(&behaviour, store, err));
    status = clade_shop_vectors(&vectors, store, behaviour, as_of, NULL, 0, err);
    if (status == CLADE_OK)
        status = clade_similar_customers(near, &n, vectors, customer, SIMILAR, err);
    if (status != CLADE_OK) goto done;

    command_heading(c, "%s", COMMAND_SAY(c, "Most alike in behaviour", "行为最相似的客户"));
    command_table *t = command_table_start(c, "lr", COMMAND_SAY(c, "customer", "客户"),
                                           COMMAND_SAY(c, "cosine", "余弦"));
    clade_json_key(command_json(c), "similar");
    clade_json_array(command_json(c));
    for (size_t i = 0; i < n; i++) {
        clade_buffer_clear(&name);
        status = clade_identity_name(&name, store, near[i].customer, err);
        if (status == CLADE_ERR_NOT_FOUND) continue; /* forgotten: a number that leads nowhere */
        if (status != CLADE_OK) goto done;
        command_cell(t, "%s", name.data);
        command_cell(t, "%.3f", near[i].cosine);
        clade_json_object(command_json(c));
        clade_json_put_text(command_json(c), "customer", name.data);
        clade_json_put_number(command_json(c), "cosine", near[i].cosine);
        clade_json_object_end(command_json(c));
    }
    status = CLADE_OK;
    clade_json_array_end(command_json(c));
    command_table_end(t);
done:
    clade_buffer_free(&name);
    clade_shop_vectors_free(vectors);
    clade_shop_behaviour_free(behaviour);
    return status;
}

static clade_status customer_run(command *c, clade_error *err)
{
    clade_store         *store      = NULL;
    clade_customer_page *page       = NULL;
    int64_t              n_quarters = 0;
    const char          *id         = c->arg[1];
    CLADE_TRY(
        command_int(&n_quarters, c, "history", DEFAULT_QUARTERS, 0, CLADE_CUSTOMER_QUARTERS, err));
    CLADE_TRY(command_open(&store, c, false, err));
    const int64_t customer = clade_identity_find(store, clade_text_of(id));
    if (customer < 0) {
        (void)clade_fail(err, CLADE_ERR_NOT_FOUND, "there is no customer '%s' in %s", id,
                         c->arg[0]);
        clade_hint(err, "ids are those of the files that were loaded");
        return CLADE_ERR_NOT_FOUND;
    }
    if (command_has(c, "similar")) {
        clade_json_put_text(command_json(c), "customer", id);
        return similar_run(c, store, customer, err);
    }
    const clade_customer_options options = { .has_as_of  = c->has_as_of,
                                             .as_of_us   = c->as_of_us,
                                             .n_quarters = (size_t)n_quarters };
    CLADE_TRY(clade_customer_page_make(&page, store, customer, &options, err));
    print_page(c, page, id, command_has(c, "all"));
    clade_json_put_text(command_json(c), "customer", id);
    clade_customer_page_write(command_json(c), page);
    const clade_status status = customer_scores(c, store, customer, page->as_of_us, err);
    if (status != CLADE_OK) {
        clade_customer_page_free(page);
        return status;
    }
    if (page->n_segments > 0) {
        command_next(c, "segment %s show %s", c->arg[0], page->segment[0].name.key);
    } else {
        command_next(c, "segment %s", c->arg[0]);
    }
    clade_customer_page_free(page);
    return CLADE_OK;
}

static const command_option options[] = {
    { "history",
      0,
      "N",
      { "quarters to look back (4); each reads the log once", "回看季度数（默认 4）" } },
    { "similar",
      0,
      NULL,
      { "the customers most alike in behaviour, after clade fit",
        "行为最相似的客户（需先 clade fit）" } },
    { "all", 0, NULL, { "every feature that is known", "显示全部已知特征" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_customer = {
    .name         = "customer",
    .usage        = "customer WORKSPACE ID",
    .summary      = { "one customer: profile, segments, why, orders",
                      "单个客户：概况、分群、原因、订单" },
    .examples     = "customer my.clade 17850\ncustomer my.clade 17850 --similar\ncustomer my.clade "
                    "17850 --as-of 2011-09-10 --history 8 --json",
    .options      = options,
    .min_args     = 2,
    .max_args     = 2,
    .in_workspace = true,
    .run          = customer_run,
};

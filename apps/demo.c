/* clade demo: a made-up shop, its messy files in a folder. */
#include "clade/demo.h"
#include "command.h"

#include <stdlib.h>

static void print_file(command_table *table, const char *name, uint64_t n_rows, const char *about)
{
    char count[32];
    clade_count_format(count, (int64_t)n_rows);
    command_cell(table, "%s", name);
    command_cell(table, "%s", count);
    command_cell(table, "%s", about);
}

static void print_summary(command *c, const char *folder, const clade_demo_summary *s,
                          bool with_events)
{
    char count[32], size[32], from[16], until[16];
    clade_count_format(count, (int64_t)s->n_customers);
    command_size_format(size, (int64_t)s->size_bytes);
    clade_date_format(from, s->start_us + 8 * CLADE_US_PER_HOUR); /* days of Shanghai */
    clade_date_format(until, s->end_us + 8 * CLADE_US_PER_HOUR - 1);
    command_print(c,
                  COMMAND_SAY(c, "%s customers, %s to %s, %s in %s\n\n",
                              "%s 位顾客，%s 至 %s，共 %s，位于 %s\n\n"),
                  count, from, until, size, folder);

    command_table *t = command_table_start(c, "lrw", COMMAND_SAY(c, "file", "文件"),
                                           COMMAND_SAY(c, "rows", "行数"),
                                           COMMAND_SAY(c, "what is in it", "内容"));
    print_file(t, "orders.csv", s->n_order_rows,
               COMMAND_SAY(c, "order lines and refunds, with repeated, broken and foreign ones",
                           "订单行与退款，含重复行、坏行与外币"));
    if (with_events) {
        print_file(t, "events.csv", s->n_event_rows,
                   COMMAND_SAY(c, "visits: views, searches, carts, some of nobody and some of bots",
                               "访问：浏览、搜索、加购，含匿名与机器人"));
    }
    print_file(
        t, "customers.csv", s->n_customers,
        COMMAND_SAY(c, "profiles; every name and address is invented", "顾客资料，均为虚构"));
    print_file(t, "items.csv", s->n_items, COMMAND_SAY(c, "the catalogue", "商品目录"));
    print_file(t, "reviews.csv", s->n_review_rows,
               COMMAND_SAY(c, "reviews, with a Chinese header", "评价，中文表头"));
    print_file(t, "competitor_prices.csv", s->n_rival_rows,
               COMMAND_SAY(c, "semicolons and decimal commas", "分号分隔，逗号小数"));
    print_file(t, "invitations.csv", s->n_invitation_rows,
               COMMAND_SAY(c, "who invited whom", "邀请关系"));
    print_file(t, "campaigns.csv", s->n_touch_rows,
               COMMAND_SAY(c, "contacts with arm, cost and outcome", "营销触达"));
    command_table_end(t);
    command_print(c,
                  COMMAND_SAY(c,
                              "\nThe hidden truth is in %s/truth: never load it, score with it.\n",
                              "\n隐藏的真相在 %s/truth：只用于打分，不要载入。\n"),
                  folder);
}

static void write_summary(clade_json *json, const char *folder, const clade_demo_summary *s)
{
    const struct {
        const char *name;
        uint64_t    value;
    } count[] = {
        { "n_customers", s->n_customers },
        { "n_items", s->n_items },
        { "n_orders", s->n_orders },
        { "n_order_rows", s->n_order_rows },
        { "n_order_lines", s->n_order_lines },
        { "n_order_duplicates", s->n_order_duplicates },
        { "n_order_bad_dates", s->n_order_bad_dates },
        { "n_order_ragged", s->n_order_ragged },
        { "n_order_guest_lines", s->n_order_guest_lines },
        { "n_refund_lines", s->n_refund_lines },
        { "n_event_rows", s->n_event_rows },
        { "n_event_duplicates", s->n_event_duplicates },
        { "n_event_retries", s->n_event_retries },
        { "n_review_rows", s->n_review_rows },
        { "n_rival_rows", s->n_rival_rows },
        { "n_invitation_rows", s->n_invitation_rows },
        { "n_touch_rows", s->n_touch_rows },
        { "size_bytes", s->size_bytes },
    };
    char revenue[40];
    clade_money_format(revenue, s->revenue_minor, "CNY", false);
    clade_json_put_text(json, "folder", folder);
    for (size_t i = 0; i < sizeof count / sizeof count[0]; i++) {
        clade_json_put_int(json, count[i].name, (int64_t)count[i].value);
    }
    clade_json_put_text(json, "revenue", revenue);
    clade_json_put_text(json, "currency", "CNY");
    clade_json_put_number(json, "seconds", s->seconds);
}

static clade_status demo_run(command *c, clade_error *err)
{
    const char        *folder      = c->n_args > 0 ? c->arg[0] : "demo";
    clade_demo_summary summary     = { 0 };
    clade_demo_options options     = { .folder = folder, .seed = c->seed };
    int64_t            n_customers = 0, n_months = 0;

    CLADE_TRY(command_int(&n_customers, c, "customers", CLADE_DEMO_DEFAULT_CUSTOMERS, 1,
                          CLADE_DEMO_MAX_CUSTOMERS, err));
    CLADE_TRY(command_int(&n_months, c, "months", CLADE_DEMO_DEFAULT_MONTHS, CLADE_DEMO_MIN_MONTHS,
                          CLADE_DEMO_MAX_MONTHS, err));
    options.n_customers = (uint64_t)n_customers;
    options.n_months    = (int)n_months;
    options.no_events   = command_has(c, "no-events");
    CLADE_TRY(clade_demo_write(&options, &summary, err));
    print_summary(c, folder, &summary, !options.no_events);
    write_summary(command_json(c), folder, &summary);
    command_next(c, "load %s/shop.clade %s/*.csv", folder, folder);
    return CLADE_OK;
}

static const command_option options[] = {
    { "customers", 0, "N", { "how many customers (50,000)", "顾客数（默认 50,000）" } },
    { "months",
      0,
      "N",
      { "how many months, up to the end of 2024 (24)", "月数，止于 2024 年末（默认 24）" } },
    { "no-events", 0, NULL, { "leave out events.csv", "不写 events.csv" } },
    { NULL, 0, NULL, { NULL, NULL } },
};

const command_verb command_verb_demo = {
    .name  = "demo",
    .usage = "demo [FOLDER]",
    .summary = { "write the messy files of a made-up shop", "生成一家虚构商店的原始文件" },
    .examples =
        "demo\ndemo my-shop --customers 5000 --seed 7\ndemo big --customers 1000000 --no-events",
    .options  = options,
    .max_args = 1,
    .run      = demo_run,
};

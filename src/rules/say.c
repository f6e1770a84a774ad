/* A rule in words for people, in English and Chinese. */
#include "rules_internal.h"

#include <stdio.h>

typedef struct sayer {
    clade_buffer *out;
    const char   *currency;
    bool          zh;
} sayer;

static const struct {
    const char *en, *no_en, *zh;
} doing[CLADE__N_NOUN] = {
    { "viewed", "view", "浏览" },
    { "searched", "search", "搜索" },
    { "clicked", "click", "点击" },
    { "put into the cart", "put into the cart", "加购" },
    { "took out of the cart", "take out of the cart", "移出购物车" },
    { "went to the checkout", "go to the checkout", "进入结账" },
    { "bought", "buy", "购买" },
    { "gave back", "give back", "退款" },
    { "reviewed", "review", "评价" },
    { "logged in", "log in", "登录" },
    { "wished for", "wish for", "收藏" },
    { "shared", "share", "分享" },
    { "did something else", "do anything else", "其他行为" },
    { "did anything", "do anything", "活动" },
};

static const struct {
    const char *en, *zh;
} op_word[] = { { "is", "为" },          { "is not", "不为" }, { "under", "低于" },
                { "at most", "不超过" }, { "over", "超过" },   { "at least", "至少" },
                { "contains", "包含" } },
  field_word[CLADE__N_FIELD] = { { "item", "商品" },   { "category", "类目" },
                                 { "brand", "品牌" },  { "channel", "渠道" },
                                 { "device", "设备" }, { "query", "搜索词" },
                                 { "price", "单价" },  { "quantity", "数量" },
                                 { "amount", "金额" } },
  thing_word[CLADE__N_THING] = { { "items", "商品" },  { "categories", "类目" },
                                 { "brands", "品牌" }, { "sessions", "会话" },
                                 { "days", "天" },     { "orders", "订单" } };

static void say(const sayer *s, const char *en, const char *zh)
{
    clade_buffer_text(s->out, s->zh ? zh : en);
}

static void say_span(const sayer *s, int64_t us)
{
    const bool      days = us % CLADE_US_PER_DAY == 0;
    const long long n    = us / (days ? CLADE_US_PER_DAY : CLADE_US_PER_HOUR);
    if (s->zh)
        clade_buffer_format(s->out, " %lld %s", n, days ? "天" : "小时");
    else
        clade_buffer_format(s->out, "%lld %s%s", n, days ? "day" : "hour", n == 1 ? "" : "s");
}

/* In front in Chinese, behind in English. */
static void say_window(const sayer *s, const clade__node *node)
{
    char date[16];
    if (node->within_us > 0) {
        say(s, " in the last ", "最近");
        say_span(s, node->within_us);
        say(s, "", "内");
    } else if (node->since_us != CLADE__NEVER) {
        clade_date_format(date, node->since_us);
        clade_buffer_format(s->out, s->zh ? "自 %s 起" : " since %s", date);
    }
}

static void say_filters(const sayer *s, const clade__subject *subject)
{
    for (size_t i = 0; i < subject->n_filters; i++) {
        const clade__filter *f = &subject->filter[i];
        say(s, i == 0 ? " (" : ", ", i == 0 ? "（" : "，");
        say(s, field_word[f->field].en, field_word[f->field].zh);
        say(s, " ", "");
        say(s, op_word[f->op].en, op_word[f->op].zh);
        clade_buffer_text(s->out, " ");
        if (f->field < CLADE__FIRST_NUMBER_FIELD)
            clade_buffer_text(s->out, f->text);
        else
            clade__print_number(s->out, f->number);
    }
    if (subject->n_filters > 0) say(s, ")", "）");
}

static void say_subject(const sayer *s, const clade__subject *subject, bool no)
{
    say(s, no ? doing[subject->kind].no_en : doing[subject->kind].en, doing[subject->kind].zh);
    if (!s->zh && subject->kind != CLADE_RULE_LOGIN && subject->kind < CLADE_RULE_CUSTOM &&
        subject->kind != CLADE_RULE_CHECKOUT)
        clade_buffer_text(s->out, no ? " anything" : " something");
    say_filters(s, subject);
}

static void say_compared(const sayer *s, const clade__node *node)
{
    clade_buffer_text(s->out, " ");
    if (s->zh || node->op > CLADE__NE)
        say(s, op_word[node->op].en, op_word[node->op].zh);
    else
        clade_buffer_text(s->out, node->op == CLADE__EQ ? "exactly" : "not");
    clade_buffer_text(s->out, " ");
    clade__print_number(s->out, node->number);
}

static void say_money(const sayer *s)
{
    if (s->currency != NULL && s->currency[0] != '\0')
        clade_buffer_format(s->out, " %s", s->currency);
}

static void say_count(const sayer *s, const clade__node *node)
{
    const bool none = node->op == CLADE__LT && node->number == 1;
    const bool some = node->op == CLADE__GE && node->number == 1;
    if (s->zh) say_window(s, node);
    if (none) say(s, "did not ", "没有");
    if (some) say(s, "", "有过");
    say_subject(s, node->subject, none);
    if (!none && !some) {
        say_compared(s, node);
        say(s, node->number == 1 ? " time" : " times", " 次");
    }
    if (!s->zh) say_window(s, node);
}

static void say_measure(const sayer *s, const clade__node *node)
{
    if (s->zh) say_window(s, node);
    switch (node->type) {
    case CLADE__SPEND:
        say(s, "spent", "净消费");
        if (node->subject->n_filters > 0) say_filters(s, node->subject);
        break;
    case CLADE__SUM:
        say_subject(s, node->subject, false);
        say(s, ", with a total ", "的总");
        say(s, field_word[node->what].en, field_word[node->what].zh);
        say(s, " of", "");
        break;
    default:
        say_subject(s, node->subject, false);
        say(s, ", counting different ", "涉及的不同");
        say(s, thing_word[node->what].en, thing_word[node->what].zh);
        say(s, ":", "数");
        break;
    }
    say_compared(s, node);
    if (node->type == CLADE__SPEND || (node->type == CLADE__SUM && node->what != CLADE__QUANTITY))
        say_money(s);
    if (!s->zh) say_window(s, node);
}

static void say_ago(const sayer *s, const clade__node *node)
{
    const char *const en[]  = { [CLADE__LT] = "less than ",
                                [CLADE__LE] = "at most ",
                                [CLADE__GT] = "more than ",
                                [CLADE__GE] = "at least " };
    const bool        first = node->type == CLADE__FIRST;
    if (s->zh) {
        clade_buffer_text(s->out, first ? "首次" : "最近一次");
        say_subject(s, node->subject, false);
        clade_buffer_format(s->out, "距今%s", op_word[node->op].zh);
        say_span(s, node->span_us);
        return;
    }
    clade_buffer_text(s->out, first ? "first " : "last ");
    say_subject(s, node->subject, false);
    clade_buffer_format(s->out, " %s", en[node->op]);
    say_span(s, node->span_us);
    clade_buffer_text(s->out, " ago");
}

static void say_sequence(const sayer *s, const clade__node *node)
{
    if (s->zh) say_window(s, node);
    for (size_t i = 0; i < node->n_steps; i++) {
        if (i > 0) say(s, ", then ", "，随后");
        if (node->step[i].gap_us > 0 && s->zh) {
            say_span(s, node->step[i].gap_us);
            clade_buffer_text(s->out, "内");
        }
        say_subject(s, &node->step[i].subject, false);
        if (node->step[i].gap_us > 0 && !s->zh) {
            clade_buffer_text(s->out, " within ");
            say_span(s, node->step[i].gap_us);
        }
    }
    if (!s->zh && (node->within_us > 0 || node->since_us != CLADE__NEVER)) {
        clade_buffer_text(s->out, ", all told");
        say_window(s, node);
    }
}

static void say_fact(const sayer *s, const clade__node *node)
{
    if (node->type == CLADE__SEGMENT) {
        clade_buffer_format(s->out, s->zh ? "属于分群 %s" : "are in segment %s", node->name);
        return;
    }
    if (node->type == CLADE__FACT_EXISTS) {
        clade_buffer_format(s->out, s->zh ? "已知其 %s" : "have a known %s", node->name);
        return;
    }
    clade_buffer_format(s->out, s->zh ? "其 %s " : "have %s ", node->name);
    if (node->type == CLADE__FACT_NUMBER) {
        say(s, op_word[node->op].en, op_word[node->op].zh);
        clade_buffer_text(s->out, " ");
        clade__print_number(s->out, node->number);
    } else {
        say(s, op_word[node->op].en, op_word[node->op].zh);
        clade_buffer_format(s->out, " %s", node->text);
    }
}

static void say_node(const sayer *s, const clade__node *node, clade__node_type parent)
{
    const bool group = node->type <= CLADE__AND && parent != node->type && parent != CLADE__SEGMENT;
    switch (node->type) {
    case CLADE__OR:
    case CLADE__AND:
        if (group) say(s, "(", "（");
        for (const clade__node *child = node->child; child != NULL; child = child->next) {
            if (child != node->child)
                say(s, node->type == CLADE__AND ? ", and " : ", or ",
                    node->type == CLADE__AND ? "，且" : "，或");
            say_node(s, child, node->type);
        }
        if (group) say(s, ")", "）");
        break;
    case CLADE__NOT:
        if (node->child->type == CLADE__SEGMENT) {
            say(s, "are not in segment ", "不属于分群 ");
            clade_buffer_text(s->out, node->child->name);
            break;
        }
        say(s, "are not among those who ", "不属于以下：");
        say_node(s, node->child, CLADE__NOT);
        break;
    case CLADE__COUNT: say_count(s, node); break;
    case CLADE__SUM:
    case CLADE__SPEND:
    case CLADE__DISTINCT: say_measure(s, node); break;
    case CLADE__FIRST:
    case CLADE__LAST: say_ago(s, node); break;
    case CLADE__SEQUENCE: say_sequence(s, node); break;
    case CLADE__FACT_NUMBER:
    case CLADE__FACT_TEXT:
    case CLADE__FACT_EXISTS:
    case CLADE__SEGMENT: say_fact(s, node); break;
    }
}

void clade_rule_tree_say(clade_buffer *out, const clade_rule_tree *tree, const char *currency,
                         bool zh)
{
    const sayer s = { .out = out, .currency = currency, .zh = zh };
    say(&s, "customers who ", "");
    say_node(&s, tree->root, CLADE__SEGMENT); /* no parentheses around the whole */
    say(&s, "", "的客户");
}

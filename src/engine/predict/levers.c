/* What a shop can do about an answer: actions, the features that move with each, and its words.
 *
 * A feature is here only when somebody at the shop could act on it: not age, not what was bought
 * years ago. Features that move together do so by the rules below: an order adds to every window,
 * makes the last order and the last event recent, stretches the span of orders until now, ends
 * lateness, and is worth what the customer's orders are worth; a visit adds a day, an event and a
 * session; a discount of the last 90 days moves the share of all discounts by as much of it as
 * those 90 days are of all money. */
#include "explain_internal.h"

#include <stdbool.h>

#define ADD(name)                   \
    {                               \
        name, CLADE__MOVE_ADD, NULL \
    }
#define TO_LOW(name)                   \
    {                                  \
        name, CLADE__MOVE_TO_LOW, NULL \
    }
#define TO_HIGH(name)                   \
    {                                   \
        name, CLADE__MOVE_TO_HIGH, NULL \
    }
#define TO_MIDDLE(name)                   \
    {                                     \
        name, CLADE__MOVE_TO_MIDDLE, NULL \
    }
#define VALUE(name)                                 \
    {                                               \
        name, CLADE__MOVE_VALUE, "order_value_mean" \
    }
#define EVENT ADD("events_30d"), ADD("events_90d"), ADD("events_life")

static const clade__lever levers[] = {
    { "order",
      "one more order",
      "促成再下一单",
      "days_since_order",
      1,
      { ADD("orders_90d"),
        ADD("orders_7d"),
        ADD("orders_30d"),
        ADD("orders_365d"),
        ADD("orders_life"),
        VALUE("spend_7d"),
        VALUE("spend_30d"),
        VALUE("spend_90d"),
        VALUE("spend_365d"),
        VALUE("spend_life"),
        TO_LOW("days_since_order"),
        { "days_since_event", CLADE__MOVE_NOT_OVER, "days_since_order" },
        { "late_ratio", CLADE__MOVE_SCALE, "days_since_order" },
        TO_LOW("late_share"),
        TO_MIDDLE("late_score"),
        TO_HIGH("alive_share"),
        { "order_span_days", CLADE__MOVE_NOT_UNDER, "days_since_first_order" },
        EVENT,
        ADD("active_days_7d"),
        ADD("active_days_30d"),
        ADD("active_days_60d") } },
    { "visit",
      "bring the customer back for a visit",
      "吸引客户再次来访",
      "views_life", /* a log of orders alone knows no visits */
      1,
      { TO_LOW("days_since_event"),
        { "days_since_session", CLADE__MOVE_NOT_OVER, "days_since_event" },
        EVENT,
        ADD("active_days_7d"),
        ADD("active_days_30d"),
        ADD("active_days_60d"),
        ADD("views_7d"),
        ADD("views_30d"),
        ADD("views_90d"),
        ADD("views_life"),
        ADD("sessions_7d"),
        ADD("sessions_30d"),
        ADD("sessions_90d"),
        ADD("sessions_365d"),
        ADD("sessions_life") } },
    { "cart",
      "win items into the cart",
      "促成加购",
      NULL,
      2,
      { ADD("carts_30d"),
        ADD("carts_7d"),
        ADD("carts_90d"),
        ADD("carts_life"),
        TO_LOW("days_since_cart"),
        { "days_since_event", CLADE__MOVE_NOT_OVER, "days_since_cart" },
        EVENT } },
    { "discount-more",
      "give more discount",
      "加大折扣",
      NULL,
      3,
      { { "discount_share_90d", CLADE__MOVE_UP, NULL },
        { "discount_share", CLADE__MOVE_PART, "spend_share_90d" } } },
    { "discount-less",
      "give less discount",
      "减少折扣",
      NULL,
      3,
      { { "discount_share_90d", CLADE__MOVE_DOWN, NULL },
        { "discount_share", CLADE__MOVE_PART, "spend_share_90d" } } },
    { "coupons-more",
      "hand out more coupons",
      "多发优惠券",
      NULL,
      3,
      { { "coupon_order_share", CLADE__MOVE_UP, NULL } } },
    { "coupons-less",
      "hand out fewer coupons",
      "少发优惠券",
      NULL,
      3,
      { { "coupon_order_share", CLADE__MOVE_DOWN, NULL } } },
    { "category",
      "interest in another category",
      "引导尝试新品类",
      NULL,
      2,
      { ADD("categories_distinct"), ADD("categories_new_90d"), ADD("items_distinct"),
        ADD("items_new_90d") } },
    { "brand",
      "interest in another brand",
      "引导尝试新品牌",
      NULL,
      2,
      { ADD("brands_distinct"), ADD("brands_new_90d"), ADD("items_distinct"),
        ADD("items_new_90d") } },
    { "channel",
      "reach the customer on another channel",
      "拓展新的触达渠道",
      NULL,
      1,
      { ADD("channels_distinct") } },
    { "basket",
      "a larger basket next time",
      "提高下一单的商品数",
      NULL,
      2,
      { ADD("basket_lines_last"),
        { "basket_lines_max", CLADE__MOVE_NOT_UNDER, "basket_lines_last" } } },
    { "review", "win a review", "邀请评价", NULL, 1, { ADD("reviews_life"), EVENT } },
};

const clade__lever *clade__levers(size_t *out_n)
{
    *out_n = sizeof levers / sizeof levers[0];
    return levers;
}

const char *clade_change_action_name(int action)
{
    return levers[action].name;
}

const char *clade_change_action_words(int action, bool zh)
{
    return zh ? levers[action].zh : levers[action].en;
}

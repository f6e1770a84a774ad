/* E-commerce: Segment's second and first spec, GA4, and an order's money that its lines sum to. */
#include "tracking_help.h"

#include <inttypes.h>

/* A decimal text in hundredths; the tests below write amounts of two digits. */
static int64_t cents(clade_text text)
{
    int64_t value = 0, sign = 1;
    int     digits = -1;
    assert_true(text.size > 0);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '-') {
            sign = -1;
        } else if (text.data[i] == '.') {
            digits = 0;
        } else {
            assert_in_range(text.data[i], '0', '9');
            value = value * 10 + (text.data[i] - '0');
            if (digits >= 0) digits++;
        }
    }
    for (int i = digits < 0 ? 0 : digits; i < 2; i++)
        value *= 10;
    return sign * value;
}

static const clade_live_event *track(const char *name, const char *properties)
{
    char body[4000];
    snprintf(body, sizeof body, "{\"userId\":\"u\",\"event\":\"%s\",\"properties\":%s}", name,
             properties);
    read_body(CLADE_TRACKING_TRACK, body);
    assert_int_equal(request.item[0].code, CLADE_TRACKING_OK);
    return request.item[0].event;
}

/* ---------------------------------------------------------------- names */

static void every_name_of_the_specs_has_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char     *name;
        clade_live_kind kind;
    } cases[] = {
        { "Products Searched", CLADE_LIVE_SEARCH },
        { "Product List Viewed", CLADE_LIVE_VIEW },
        { "Product List Filtered", CLADE_LIVE_CUSTOM },
        { "Promotion Viewed", CLADE_LIVE_CUSTOM },
        { "Promotion Clicked", CLADE_LIVE_CUSTOM },
        { "Product Clicked", CLADE_LIVE_CLICK },
        { "Product Viewed", CLADE_LIVE_VIEW },
        { "Product Added", CLADE_LIVE_CART },
        { "Product Removed", CLADE_LIVE_UNCART },
        { "Cart Viewed", CLADE_LIVE_CUSTOM },
        { "Checkout Started", CLADE_LIVE_CHECKOUT },
        { "Checkout Step Viewed", CLADE_LIVE_CUSTOM },
        { "Checkout Step Completed", CLADE_LIVE_CUSTOM },
        { "Payment Info Entered", CLADE_LIVE_CUSTOM },
        { "Order Completed", CLADE_LIVE_PURCHASE },
        { "Order Updated", CLADE_LIVE_CUSTOM }, /* an order that is updated is not a second one */
        { "Order Refunded", CLADE_LIVE_REFUND },
        { "Order Cancelled", CLADE_LIVE_REFUND },
        { "Coupon Entered", CLADE_LIVE_CUSTOM },
        { "Coupon Applied", CLADE_LIVE_CUSTOM },
        { "Coupon Denied", CLADE_LIVE_CUSTOM },
        { "Coupon Removed", CLADE_LIVE_CUSTOM },
        { "Product Added to Wishlist", CLADE_LIVE_WISH },
        { "Product Removed from Wishlist", CLADE_LIVE_CUSTOM },
        { "Wishlist Product Added to Cart", CLADE_LIVE_CART },
        { "Product Shared", CLADE_LIVE_SHARE },
        { "Cart Shared", CLADE_LIVE_SHARE },
        { "Product Reviewed", CLADE_LIVE_REVIEW },
        { "Signed In", CLADE_LIVE_LOGIN },
        /* the first spec, and its aliases */
        { "Viewed Product Category", CLADE_LIVE_VIEW },
        { "Viewed Product", CLADE_LIVE_VIEW },
        { "Added Product", CLADE_LIVE_CART },
        { "Removed Product", CLADE_LIVE_UNCART },
        { "Started Order", CLADE_LIVE_CHECKOUT },
        { "Completed Order", CLADE_LIVE_PURCHASE },
        { "completed_order", CLADE_LIVE_PURCHASE },
        /* GA4's */
        { "view_item", CLADE_LIVE_VIEW },
        { "select_item", CLADE_LIVE_CLICK },
        { "add_to_cart", CLADE_LIVE_CART },
        { "remove_from_cart", CLADE_LIVE_UNCART },
        { "add_to_wishlist", CLADE_LIVE_WISH },
        { "begin_checkout", CLADE_LIVE_CHECKOUT },
        { "view_cart", CLADE_LIVE_CUSTOM },
        { "search", CLADE_LIVE_SEARCH },
        /* nobody's */
        { "Order Completed Again", CLADE_LIVE_CUSTOM },
        { "Level Up", CLADE_LIVE_CUSTOM },
        { "!", CLADE_LIVE_CUSTOM },
        { "\xE5\x8A\xA0\xE8\xB4\xAD", CLADE_LIVE_CART }, /* 加购 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const clade_live_event *e = track(cases[i].name, "{\"product_id\":\"A7\"}");
        if (e->kind != cases[i].kind) print_error("%s\n", cases[i].name);
        assert_int_equal(e->kind, cases[i].kind);
        assert_true(is(e->name, cases[i].name)); /* the shop's own word is kept */
    }
}

/* ---------------------------------------------------------------- fields, by Segment's examples */

static void a_product_viewed_has_all_its_fields(void **state)
{
    (void)state;
    const clade_live_event *e = track(
        "Product Viewed",
        "{\"product_id\":\"507f\",\"sku\":\"G-32\",\"category\":\"Games\",\"name\":\"Monopoly\","
        "\"brand\":"
        "\"Hasbro\",\"variant\":\"200 pieces\",\"price\":18.99,\"quantity\":1,\"coupon\":\"MAY\","
        "\"currency\":\"usd\",\"position\":3,\"value\":18.99,\"session_id\":\"s1\"}");
    assert_true(is(e->item, "507f"));
    assert_true(is(e->item_name, "Monopoly"));
    assert_true(is(e->category, "Games"));
    assert_true(is(e->brand, "Hasbro"));
    assert_true(is(e->variant, "200 pieces"));
    assert_true(is(e->price, "18.99"));
    assert_true(is(e->quantity, "1"));
    assert_true(is(e->coupon, "MAY"));
    assert_true(is(e->currency, "USD"));
    assert_true(is(e->session, "s1"));
    assert_int_equal(e->amount.size, 0);
    assert_int_equal(e->n_properties, 3);
    assert_true(is(PROPERTY(e, "sku"), "G-32"));
    assert_true(is(PROPERTY(e, "position"), "3"));
    assert_true(is(PROPERTY(e, "value"), "18.99"));
}

static void an_item_is_named_by_what_there_is(void **state)
{
    (void)state;
    assert_true(is(track("Viewed Product", "{\"id\":\"old\",\"name\":\"N\"}")->item, "old"));
    assert_true(is(track("Product Viewed", "{\"sku\":\"S\",\"name\":\"N\"}")->item, "S"));
    assert_true(is(track("Product Viewed", "{\"name\":\"N\"}")->item, "N"));
    const clade_live_event *e = track("Product Viewed", "{\"id\":7,\"product_id\":\"P\"}");
    assert_true(is(e->item, "P"));
    assert_true(is(PROPERTY(e, "id"), "7"));
    /* Of a custom event name and id are its own affair. */
    e = track("Level Up", "{\"id\":7,\"name\":\"N\"}");
    assert_int_equal(e->item.size, 0);
    assert_true(is(PROPERTY(e, "id"), "7"));
}

static void searches_reviews_coupons_and_lists_keep_what_is_theirs(void **state)
{
    (void)state;
    assert_true(
        is(track("Products Searched", "{\"query\":\"blue hotpants\"}")->query, "blue hotpants"));
    const clade_live_event *e = track(
        "Product Reviewed", "{\"product_id\":\"A\",\"review_id\":\"r1\",\"review_body\":\"good\","
                            "\"rating\":\"4\"}");
    assert_true(is(e->rating, "4"));
    assert_true(is(e->text, "good"));
    assert_true(is(PROPERTY(e, "review_id"), "r1"));
    e = track("Coupon Denied", "{\"order_id\":\"O\",\"coupon_id\":\"c5\",\"reason\":\"expired\"}");
    assert_true(is(e->coupon, "c5"));
    assert_true(is(e->order_ref, "O"));
    assert_true(is(PROPERTY(e, "reason"), "expired"));
    e = track("Product List Viewed",
              "{\"list_id\":\"hot\",\"category\":\"Deals\",\"products\":[{\"product_id\":\"A\"}]}");
    assert_int_equal(request.item[0].n_events, 1);
    assert_int_equal(e->item.size, 0);
    assert_true(is(e->category, "Deals"));
    assert_true(is(PROPERTY(e, "products"), "[{\"product_id\":\"A\"}]"));
}

/* ---------------------------------------------------------------- an order by hand */

#define SPEC_PRODUCTS                                                                             \
    "\"products\":[{\"product_id\":\"507f1f77\",\"sku\":\"45790-32\",\"name\":\"Monopoly: 3rd "   \
    "Edition\",\"price\":19,\"quantity\":1,\"category\":\"Games\"},{\"product_id\":\"505bd767\"," \
    "\"sku\":\"46493-32\",\"name\":\"Uno Card Game\",\"price\":3,\"quantity\":2,\"category\":"    \
    "\"Games\"}]"

/* The spec's own example: revenue 25 is before its discount of 2.50, which subtotal and total less
 * shipping and tax both say. 22.50 to 19 and 6 of 25: 17.10 and 5.40. */
static void the_specs_own_order_is_worth_what_was_paid_for_its_goods(void **state)
{
    (void)state;
    const clade_live_event *e = track(
        "Order Completed",
        "{\"checkout_id\":\"c\",\"order_id\":\"5031\",\"affiliation\":\"Google "
        "Store\",\"total\":27.50,"
        "\"subtotal\":22.50,\"revenue\":25.00,\"shipping\":3,\"tax\":2,\"discount\":2.5,\"coupon\":"
        "\"hasbros\",\"currency\":\"USD\"," SPEC_PRODUCTS "}");
    assert_int_equal(request.item[0].n_events, 2);
    assert_true(noted(CLADE_TRACKING_N_MONEY));
    assert_true(is(e[0].amount, "17.10"));
    assert_true(is(e[1].amount, "5.40"));
    assert_true(is(e[0].discount, "1.90"));
    assert_true(is(e[1].discount, "0.60"));
    for (int i = 0; i < 2; i++) {
        assert_true(is(e[i].order_ref, "5031"));
        assert_true(is(e[i].coupon, "hasbros"));
        assert_true(is(e[i].currency, "USD"));
    }
    assert_true(is(e[1].quantity, "2"));
    assert_true(is(e[1].item_name, "Uno Card Game"));
    assert_true(is(PROPERTY(&e[0], "shipping"), "3"));
    assert_int_equal(PROPERTY(&e[1], "shipping").size, 0); /* once, not once a line */
    assert_true(is(PROPERTY(&e[1], "sku"), "46493-32"));
    assert_true(e[0].message_key != e[1].message_key);
    assert_int_equal(e[0].message_key, request.item[0].key);
}

/* Each says one thing of goods at 25.00 list. */
static void the_money_of_an_order_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *amounts;
        int64_t     net, discount;
        bool        is_noted;
    } cases[] = {
        { "\"revenue\":22.5,\"discount\":2.5,\"total\":27.5,\"shipping\":3,\"tax\":2,", 2250, 250,
          false },
        { "\"revenue\":25,", 2500, 0, false },
        { "\"revenue\":25,\"discount\":2.5,", 2500, 250, false }, /* nobody says otherwise */
        { "\"revenue\":25,\"discount\":-2.5,\"subtotal\":22.5,", 2250, 250, true },
        { "\"revenue\":27.5,\"discount\":2.5,\"total\":27.5,\"shipping\":3,\"tax\":2,", 2250, 250,
          true },
        { "\"total\":27.5,\"shipping\":3,\"tax\":2,", 2250, 0, false }, /* total includes them */
        { "\"subtotal\":22.5,\"total\":27.5,", 2250, 0, false },
        { "\"total\":27.5,", 2500, 0, false }, /* of unknown shipping: the prices are better */
        { "\"discount\":2.5,", 2250, 250, false },
        { "", 2500, 0, false },
        { "\"discount\":40,", 0, 4000, false }, /* a voucher above the goods */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char properties[1000];
        snprintf(properties, sizeof properties, "{%s" SPEC_PRODUCTS "}", cases[i].amounts);
        const clade_live_event *e = track("Order Completed", properties);
        assert_int_equal(cents(e[0].amount) + cents(e[1].amount), cases[i].net);
        if (cases[i].discount > 0) {
            assert_int_equal(cents(e[0].discount) + cents(e[1].discount), cases[i].discount);
        } else {
            assert_int_equal(e[0].discount.size, 0);
        }
        assert_int_equal(noted(CLADE_TRACKING_N_MONEY), cases[i].is_noted);
    }
}

static void orders_without_products_or_prices_still_have_their_money(void **state)
{
    (void)state;
    const clade_live_event *e =
        track("Completed Order", "{\"order_id\":\"O\",\"revenue\":12.345,\"currency\":\"KWD\"}");
    assert_int_equal(request.item[0].n_events, 1);
    assert_true(is(e->amount, "12.345"));
    e = track("Order Completed",
              "{\"revenue\":1000,\"currency\":\"JPY\",\"products\":[\"A\",{\"id\":\"B\","
              "\"quantity\":2},null]}");
    assert_int_equal(request.item[0].n_events, 2);
    assert_true(is(e[0].item, "A"));
    assert_true(is(e[0].amount, "333"));
    assert_true(is(e[1].amount, "667"));
    /* One of three has no price: it has what the others leave. */
    e = track(
        "Order Completed",
        "{\"revenue\":30,\"products\":[{\"sku\":\"A\",\"price\":10},{\"sku\":\"B\"},{\"sku\":\"C\","
        "\"price\":\"7.50\"}]}");
    assert_true(is(e[0].amount, "10.00"));
    assert_true(is(e[1].amount, "12.50"));
    assert_true(is(e[2].amount, "7.50"));
    e = track("Order Completed", "{\"order_id\":\"O\"}");
    assert_int_equal(e->amount.size, 0);
    /* Half a cent goes away from zero, the dust of doubles goes. */
    assert_true(is(track("Order Completed", "{\"revenue\":22.505}")->amount, "22.51"));
    assert_true(is(track("Order Completed", "{\"revenue\":-22.505}")->amount, "-22.51"));
    assert_true(is(track("Order Completed", "{\"revenue\":22.500000000000004}")->amount, "22.50"));
    e = track("Order Completed",
              "{\"order_id\":\"O\",\"product_id\":\"A\",\"price\":4.5,\"quantity\":3}");
    assert_true(is(e->item, "A"));
    assert_true(is(e->amount, "13.50"));
}

static void refunds_and_cancellations_are_negative_and_whole_or_in_part(void **state)
{
    (void)state;
    /* The spec's example: total 30 holds shipping and tax that came back too. */
    const clade_live_event *e =
        track("Order Refunded", "{\"order_id\":\"5031\",\"total\":30,\"currency\":"
                                "\"USD\"," SPEC_PRODUCTS "}");
    assert_int_equal(request.item[0].n_events, 2);
    assert_int_equal(e[0].kind, CLADE_LIVE_REFUND);
    assert_true(is(e[0].amount, "-19.00"));
    assert_true(is(e[1].amount, "-6.00"));
    assert_true(is(e[1].quantity, "2"));
    e = track("Order Refunded", "{\"order_id\":\"5031\"}");
    assert_int_equal(e->amount.size, 0);
    assert_true(is(e->order_ref, "5031"));
    e = track("Order Refunded",
              "{\"order_id\":\"5031\",\"revenue\":-12.5,\"products\":[{\"sku\":\"A\",\"price\":"
              "12.5,\"quantity\":-1}]}");
    assert_true(is(e->amount, "-12.50"));
    assert_true(is(e->quantity, "1"));
    e = track("Order Cancelled", "{\"order_id\":\"5031\",\"revenue\":25," SPEC_PRODUCTS "}");
    assert_int_equal(cents(e[0].amount) + cents(e[1].amount), -2500);
    assert_true(is(e[0].status, "cancelled"));
}

/* ---------------------------------------------------------------- laws */

/* Random orders: the lines sum to revenue and the discounts to discount, to the cent, and no line
 * is a cent or more from its share. */
static void lines_sum_to_the_orders_money_whatever_the_order(void **state)
{
    (void)state;
    clade_rng    rng  = clade_rng_stream(11, "test/orders", 0);
    clade_buffer body = { 0 };
    for (int round = 0; round < 3000; round++) {
        const size_t  n        = 1 + clade_rng_below(&rng, round % 10 == 0 ? 60 : 6);
        const int64_t revenue  = (int64_t)clade_rng_below(&rng, 10000000);
        const int64_t discount = (int64_t)clade_rng_below(&rng, 5000);
        int64_t       weight[64], all = 0, amount = 0, off = 0;
        bool          priced = true;
        clade_buffer_clear(&body);
        clade_buffer_format(
            &body,
            "{\"userId\":\"u\",\"event\":\"Order Completed\",\"properties\":{\"revenue\":%" PRId64
            ".%02d,\"discount\":%" PRId64 ".%02d,\"products\":[",
            revenue / 100, (int)(revenue % 100), discount / 100, (int)(discount % 100));
        for (size_t i = 0; i < n; i++) {
            const int64_t price    = (int64_t)clade_rng_below(&rng, 30000);
            const int64_t quantity = 1 + (int64_t)clade_rng_below(&rng, 4);
            const bool    has      = clade_rng_below(&rng, 20) > 0;
            weight[i]              = price * quantity;
            all += weight[i];
            priced = priced && has;
            clade_buffer_format(&body, "%s{\"sku\":\"s%d\",\"quantity\":%d", i > 0 ? "," : "",
                                (int)i, (int)quantity);
            if (has)
                clade_buffer_format(&body, ",\"price\":%" PRId64 ".%02d", price / 100,
                                    (int)(price % 100));
            clade_buffer_text(&body, "}");
        }
        clade_buffer_text(&body, "]}}");
        read_body(CLADE_TRACKING_TRACK, body.data);
        assert_int_equal(request.item[0].n_events, n);
        for (size_t i = 0; i < n; i++) {
            const clade_live_event *e = &request.item[0].event[i];
            amount += cents(e->amount);
            if (discount > 0) off += cents(e->discount);
            if (priced && all > 0) {
                const double due = (double)revenue * (double)weight[i] / (double)all;
                assert_true(fabs((double)cents(e->amount) - due) < 1.0 + 1e-6);
            }
        }
        assert_int_equal(amount, revenue);
        assert_int_equal(off, discount);
    }
    clade_buffer_free(&body);
}

/* ---------------------------------------------------------------- numbers */

static void numbers_in_words_of_people_are_read_and_noted(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
        bool        is_noted;
    } cases[] = {
        { "72.93", "72.93", false },
        { "1e2", "100", false },
        { "1.5E-3", "0.0015", false },
        { "0.30000000000000004", "0.30000000000000004", false }, /* all digits that were sent */
        { "\"72.93\"", "72.93", true },
        { "\"72,93\"", "72.93", true },
        { "\"1.234,56\"", "1234.56", true },
        { "\"1,234.56\"", "1234.56", true },
        { "\"1,234\"", "1234", true },
        { "\"0,125\"", "0.125", true },
        { "\"1 234,5 \xE2\x82\xAC\"", "1234.5", true },
        { "\"$ 1,234,567.89\"", "1234567.89", true },
        { "\"-4,50 kr\"", "-4.50", true },
        { "\".5\"", "0.5", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char properties[100];
        snprintf(properties, sizeof properties, "{\"product_id\":\"A\",\"price\":%s}",
                 cases[i].json);
        const clade_live_event *e = track("Product Viewed", properties);
        assert_true(is(e->price, cases[i].text));
        assert_int_equal(noted(CLADE_TRACKING_N_NUMBER), cases[i].is_noted);
    }
}

static void what_is_no_number_stays_a_property_and_is_noted(void **state)
{
    (void)state;
    static const char *const none[] = { "\"free\"",    "\"1.2.3,4,5\"", "\"12:30\"",
                                        "{\"eur\":3}", "\"1,23,456\"",  "true",
                                        "1e400",       "\"10 %\"",      "12345678901234567890" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        char properties[100];
        snprintf(properties, sizeof properties, "{\"product_id\":\"A\",\"price\":%s}", none[i]);
        const clade_live_event *e = track("Product Viewed", properties);
        if (e->price.size > 0) print_error("%s\n", none[i]);
        assert_int_equal(e->price.size, 0);
        assert_int_equal(e->n_properties, 1);
        assert_true(noted(CLADE_TRACKING_N_NO_NUMBER));
    }
    const clade_live_event *e = track("Product Viewed", "{\"sku\":\"A\",\"currency\":\"dollars\"}");
    assert_int_equal(e->currency.size, 0);
    assert_true(is(PROPERTY(e, "currency"), "dollars"));
    assert_true(noted(CLADE_TRACKING_N_FIELD));
}

/* ---------------------------------------------------------------- GA4 */

static void a_ga4_purchase_has_its_lines_discounts_and_client(void **state)
{
    (void)state;
    read_body(
        CLADE_TRACKING_GA4,
        "{\"client_id\":\"123.456\",\"user_id\":\"u\",\"timestamp_micros\":\"1795632000000000\","
        "\"consent\":{\"ad_user_data\":\"DENIED\"},\"user_properties\":{\"tier\":{\"value\":"
        "\"gold\"}},"
        "\"events\":[{\"name\":\"purchase\",\"params\":{\"transaction_id\":\"T1\",\"value\":\"72,"
        "93\","
        "\"tax\":4.9,\"shipping\":5.99,\"currency\":\"EUR\",\"coupon\":\"SUMMER\",\"items\":[{"
        "\"item_id\":"
        "\"SKU_1\",\"item_name\":\"Tee\",\"item_brand\":\"B\",\"item_category\":\"Apparel\","
        "\"item_category2\":\"Adult\",\"item_category3\":\"Shirts\",\"item_variant\":\"green\","
        "\"price\":"
        "\"30,00\",\"discount\":2.22,\"quantity\":2,\"index\":0},{\"item_id\":\"SKU_2\",\"price\":"
        "12.93}]}},"
        "{\"name\":\"view_item\",\"params\":{\"session_id\":\"s9\",\"items\":[{\"item_id\":\"A\"},"
        "{\"item_id\":\"B\"}]}},{\"params\":{}}]}");
    assert_int_equal(request.n_items, 3);
    const clade_live_event *e = request.item[0].event;
    assert_int_equal(request.item[0].n_events, 2);
    assert_int_equal(e[0].at_us, INT64_C(1795632000000000));
    assert_true(is(e[0].user_id, "u"));
    assert_true(is(e[0].anonymous_id, "123.456"));
    assert_true(is(e[0].order_ref, "T1"));
    assert_true(is(e[0].category, "Apparel > Adult > Shirts"));
    assert_true(is(e[0].price, "32.22")); /* the list price; what GA4 calls price has less */
    assert_true(is(e[0].discount, "4.44"));
    assert_true(is(e[0].amount, "60.00"));
    assert_true(is(e[1].amount, "12.93"));
    assert_true(is(e[0].coupon, "SUMMER"));
    assert_true(is(TRAIT_OF(&e[0], "tier"), "gold"));
    assert_true(
        is(value_of(request.item[0].consent, request.item[0].n_consent, "ad_user_data"), "false"));
    assert_true(noted(CLADE_TRACKING_N_NUMBER));
    assert_int_equal(request.item[1].n_events, 2);
    assert_true(is(request.item[1].event[1].item, "B"));
    assert_true(is(request.item[1].event[1].session, "s9"));
    assert_int_equal(request.item[2].code, CLADE_TRACKING_E_NO_NAME);
    assert_int_equal(refusal(CLADE_TRACKING_GA4, "{\"events\":[{\"name\":\"x\"}]}"),
                     CLADE_TRACKING_E_NO_IDENTITY);
}

/* It has no message ids: two equal events of one request are two, the request sent again is not. */
static void ga4_events_are_known_by_who_when_where_and_what(void **state)
{
    (void)state;
    static const char body[] =
        "{\"client_id\":\"c\",\"timestamp_micros\":1795632000000000,\"events\":["
        "{\"name\":\"x\"},{\"name\":\"x\"}]}";
    read_body(CLADE_TRACKING_GA4, body);
    const uint64_t a = request.item[0].key, b = request.item[1].key;
    assert_true(a != b);
    read_body(CLADE_TRACKING_GA4, body);
    assert_int_equal(request.item[0].key, a);
    read_body(CLADE_TRACKING_GA4,
              "{\"client_id\":\"d\",\"timestamp_micros\":1795632000000000,\"events\":["
              "{\"name\":\"x\"}]}");
    assert_true(request.item[0].key != a);
    read_body(CLADE_TRACKING_GA4,
              "{\"user_id\":\"c\",\"timestamp_micros\":1795632000000000,\"events\":["
              "{\"name\":\"x\"}]}");
    assert_true(request.item[0].key != a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_of_the_specs_has_its_kind),
        cmocka_unit_test(a_product_viewed_has_all_its_fields),
        cmocka_unit_test(an_item_is_named_by_what_there_is),
        cmocka_unit_test(searches_reviews_coupons_and_lists_keep_what_is_theirs),
        cmocka_unit_test(the_specs_own_order_is_worth_what_was_paid_for_its_goods),
        cmocka_unit_test(the_money_of_an_order_is_told_apart),
        cmocka_unit_test(orders_without_products_or_prices_still_have_their_money),
        cmocka_unit_test(refunds_and_cancellations_are_negative_and_whole_or_in_part),
        cmocka_unit_test(lines_sum_to_the_orders_money_whatever_the_order),
        cmocka_unit_test(numbers_in_words_of_people_are_read_and_noted),
        cmocka_unit_test(what_is_no_number_stays_a_property_and_is_noted),
        cmocka_unit_test(a_ga4_purchase_has_its_lines_discounts_and_client),
        cmocka_unit_test(ga4_events_are_known_by_who_when_where_and_what),
    };
    return cmocka_run_group_tests(tests, start_reader, stop_reader);
}

/* The words of the wire. Every member of every object of a request is looked up here, so a set is a
 * small open table, made once for a reader. */
#include "internal.h"

#include <assert.h>

enum { NAME_MAX = 48 };

typedef struct word {
    const char *word;
    int         meaning;
} word;

static uint32_t slot_of(const char *data, size_t size)
{
    /* Length, first, middle and last letter tell the words of these sets nearly apart. */
    const uint32_t first = (unsigned char)data[0], last = (unsigned char)data[size - 1],
                   middle = (unsigned char)data[size / 2];
    return ((uint32_t)size * 2654435761u ^ first * 40503u ^ last * 2246822519u ^
            middle * 3266489917u) >>
           7;
}

static void words_make(words *set, const word *list, size_t n)
{
    memset(set, 0, sizeof *set);
    assert(n * 2 < WORDS_SLOTS);
    for (size_t i = 0; i < n; i++) {
        const size_t size = strlen(list[i].word);
        uint32_t     at   = slot_of(list[i].word, size) % WORDS_SLOTS;
        while (set->slot[at].word != NULL)
            at = (at + 1) % WORDS_SLOTS;
        set->slot[at].word    = list[i].word;
        set->slot[at].size    = (uint32_t)size;
        set->slot[at].meaning = list[i].meaning;
    }
}

int clade__words_find(const words *set, clade_text text)
{
    if (text.size == 0) return -1;
    for (uint32_t at = slot_of(text.data, text.size) % WORDS_SLOTS; set->slot[at].word != NULL;
         at          = (at + 1) % WORDS_SLOTS) {
        if (set->slot[at].size == text.size &&
            memcmp(set->slot[at].word, text.data, text.size) == 0) {
            return set->slot[at].meaning;
        }
    }
    return -1;
}

/* ---------------------------------------------------------------- members */

static const word TOPS[] = {
    { "type", TOP_TYPE },
    { "userId", TOP_USER_ID },
    { "user_id", TOP_USER_ID },
    { "anonymousId", TOP_ANONYMOUS_ID },
    { "anonymous_id", TOP_ANONYMOUS_ID },
    { "messageId", TOP_MESSAGE_ID },
    { "message_id", TOP_MESSAGE_ID },
    { "timestamp", TOP_TIMESTAMP },
    { "originalTimestamp", TOP_ORIGINAL_TIMESTAMP },
    { "sentAt", TOP_SENT_AT },
    { "event", TOP_EVENT },
    { "properties", TOP_PROPERTIES },
    { "traits", TOP_TRAITS },
    { "context", TOP_CONTEXT },
    { "name", TOP_NAME },
    { "category", TOP_CATEGORY },
    { "groupId", TOP_GROUP_ID },
    { "previousId", TOP_PREVIOUS_ID },
    { "channel", TOP_CHANNEL },
    { "writeKey", TOP_WRITE_KEY },
    { "batch", TOP_BATCH },
    { "integrations", TOP_INTEGRATIONS },
    { "client_id", TOP_CLIENT_ID },
    { "timestamp_micros", TOP_TIMESTAMP_MICROS },
    { "events", TOP_EVENTS },
    { "params", TOP_PARAMS },
    { "user_properties", TOP_USER_PROPERTIES },
    { "consent", TOP_CONSENT },
};

static const word FIELDS[] = {
    { "product_id", FIELD_PRODUCT_ID },
    { "productId", FIELD_PRODUCT_ID },
    { "item_id", FIELD_PRODUCT_ID },
    { "sku", FIELD_SKU },
    { "id", FIELD_ID },
    { "product_name", FIELD_ITEM_NAME },
    { "item_name", FIELD_ITEM_NAME },
    { "name", FIELD_NAME },
    { "category", FIELD_CATEGORY },
    { "item_category", FIELD_CATEGORY },
    { "item_category2", FIELD_CATEGORY2 },
    { "item_category3", FIELD_CATEGORY3 },
    { "item_category4", FIELD_CATEGORY4 },
    { "item_category5", FIELD_CATEGORY5 },
    { "brand", FIELD_BRAND },
    { "item_brand", FIELD_BRAND },
    { "variant", FIELD_VARIANT },
    { "item_variant", FIELD_VARIANT },
    { "price", FIELD_PRICE },
    { "quantity", FIELD_QUANTITY },
    { "coupon", FIELD_COUPON },
    { "coupon_id", FIELD_COUPON },
    { "currency", FIELD_CURRENCY },
    { "order_id", FIELD_ORDER },
    { "orderId", FIELD_ORDER },
    { "transaction_id", FIELD_ORDER },
    { "session_id", FIELD_SESSION },
    { "sessionId", FIELD_SESSION },
    { "ga_session_id", FIELD_SESSION },
    { "query", FIELD_QUERY },
    { "search_term", FIELD_QUERY },
    { "rating", FIELD_RATING },
    { "review_body", FIELD_REVIEW },
    { "dwell_s", FIELD_DWELL },
    { "revenue", FIELD_REVENUE },
    { "subtotal", FIELD_SUBTOTAL },
    { "total", FIELD_TOTAL },
    { "shipping", FIELD_SHIPPING },
    { "tax", FIELD_TAX },
    { "discount", FIELD_DISCOUNT },
    { "value", FIELD_VALUE },
    { "products", FIELD_PRODUCTS },
    { "items", FIELD_PRODUCTS },
    { "email", FIELD_EMAIL },
    { "phone", FIELD_PHONE },
};

static const word PLACES[] = {
    { "app", PLACE_APP },
    { "campaign", PLACE_CAMPAIGN },
    { "channel", PLACE_CHANNEL },
    { "consent", PLACE_CONSENT },
    { "device", PLACE_DEVICE },
    { "groupId", PLACE_GROUP_ID },
    { "locale", PLACE_LOCALE },
    { "os", PLACE_OS },
    { "page", PLACE_PAGE },
    { "sessionId", PLACE_SESSION },
    { "session_id", PLACE_SESSION },
    { "timezone", PLACE_TIMEZONE },
    { "traits", PLACE_TRAITS },
    { "userAgent", PLACE_USER_AGENT },
    { "userAgentData", PLACE_USER_AGENT_DATA },
};

static const word TRAITS[] = {
    { "name", TRAIT_NAME },
    { "firstName", TRAIT_FIRST_NAME },
    { "first_name", TRAIT_FIRST_NAME },
    { "lastName", TRAIT_LAST_NAME },
    { "last_name", TRAIT_LAST_NAME },
    { "email", TRAIT_EMAIL },
    { "phone", TRAIT_PHONE },
    { "address", TRAIT_ADDRESS },
};

static const word TYPES[] = {
    { "identify", CLADE_TRACKING_IDENTIFY }, { "track", CLADE_TRACKING_TRACK },
    { "page", CLADE_TRACKING_PAGE },         { "screen", CLADE_TRACKING_SCREEN },
    { "group", CLADE_TRACKING_GROUP },       { "alias", CLADE_TRACKING_ALIAS },
};

/* ---------------------------------------------------------------- names of events */

enum { SHAPES = 4 };
#define EVENT(kind, shape) ((int)CLADE_LIVE_##kind * SHAPES + (int)SHAPE_##shape)
enum { EVENT_CANCELLED = 1000 };

/* By their letters and digits: Segment's second version, its first, GA4, and words of Chinese
 * shops. Names that are no event of a product or an order are not here: they are custom. */
static const word EVENTS[] = {
    { "productssearched", EVENT(SEARCH, PLAIN) },
    { "searchedproducts", EVENT(SEARCH, PLAIN) },
    { "search", EVENT(SEARCH, PLAIN) },
    { "viewsearchresults", EVENT(SEARCH, PLAIN) },
    { "搜索", EVENT(SEARCH, PLAIN) },
    { "productlistviewed", EVENT(VIEW, PLAIN) },
    { "viewedproductcategory", EVENT(VIEW, PLAIN) },
    { "viewedproductlist", EVENT(VIEW, PLAIN) },
    { "viewitemlist", EVENT(VIEW, PLAIN) },
    { "pageview", EVENT(VIEW, PLAIN) },
    { "screenview", EVENT(VIEW, PLAIN) },
    { "productviewed", EVENT(VIEW, LINE) },
    { "viewedproduct", EVENT(VIEW, LINE) },
    { "viewitem", EVENT(VIEW, LINE) },
    { "浏览", EVENT(VIEW, LINE) },
    { "productclicked", EVENT(CLICK, LINE) },
    { "clickedproduct", EVENT(CLICK, LINE) },
    { "selectitem", EVENT(CLICK, LINE) },
    { "点击", EVENT(CLICK, LINE) },
    { "productadded", EVENT(CART, LINE) },
    { "addedproduct", EVENT(CART, LINE) },
    { "addtocart", EVENT(CART, LINE) },
    { "wishlistproductaddedtocart", EVENT(CART, LINE) },
    { "加购", EVENT(CART, LINE) },
    { "加入购物车", EVENT(CART, LINE) },
    { "productremoved", EVENT(UNCART, LINE) },
    { "removedproduct", EVENT(UNCART, LINE) },
    { "removefromcart", EVENT(UNCART, LINE) },
    { "移出购物车", EVENT(UNCART, LINE) },
    { "checkoutstarted", EVENT(CHECKOUT, PLAIN) },
    { "startedcheckout", EVENT(CHECKOUT, PLAIN) },
    { "startedorder", EVENT(CHECKOUT, PLAIN) },
    { "begincheckout", EVENT(CHECKOUT, PLAIN) },
    { "结算", EVENT(CHECKOUT, PLAIN) },
    { "ordercompleted", EVENT(PURCHASE, ORDER) },
    { "completedorder", EVENT(PURCHASE, ORDER) },
    { "purchase", EVENT(PURCHASE, ORDER) },
    { "购买", EVENT(PURCHASE, ORDER) },
    { "支付", EVENT(PURCHASE, ORDER) },
    { "orderrefunded", EVENT(REFUND, ORDER) },
    { "refundedorder", EVENT(REFUND, ORDER) },
    { "refund", EVENT(REFUND, ORDER) },
    { "退款", EVENT(REFUND, ORDER) },
    { "ordercancelled", EVENT_CANCELLED },
    { "ordercanceled", EVENT_CANCELLED },
    { "cancelledorder", EVENT_CANCELLED },
    { "canceledorder", EVENT_CANCELLED },
    { "productreviewed", EVENT(REVIEW, LINE) },
    { "reviewedproduct", EVENT(REVIEW, LINE) },
    { "评价", EVENT(REVIEW, LINE) },
    { "productaddedtowishlist", EVENT(WISH, LINE) },
    { "addedproducttowishlist", EVENT(WISH, LINE) },
    { "addtowishlist", EVENT(WISH, LINE) },
    { "收藏", EVENT(WISH, LINE) },
    { "productshared", EVENT(SHARE, LINE) },
    { "sharedproduct", EVENT(SHARE, LINE) },
    { "cartshared", EVENT(SHARE, PLAIN) },
    { "sharedcart", EVENT(SHARE, PLAIN) },
    { "share", EVENT(SHARE, LINE) },
    { "分享", EVENT(SHARE, LINE) },
    { "signedin", EVENT(LOGIN, PLAIN) },
    { "login", EVENT(LOGIN, PLAIN) },
    { "登录", EVENT(LOGIN, PLAIN) },
    /* About a product, though no kind of their own. */
    { "productremovedfromwishlist", EVENT(CUSTOM, LINE) },
    { "removedproductfromwishlist", EVENT(CUSTOM, LINE) },
    { "removefromwishlist", EVENT(CUSTOM, LINE) },
};

meaning clade__event_meaning(const vocabulary *v, clade_text name)
{
    char   letters[NAME_MAX];
    size_t n = 0;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if ((unsigned char)c < 0x80 && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) continue;
        if (n == NAME_MAX) return (meaning){ CLADE_LIVE_CUSTOM, SHAPE_PLAIN, NULL };
        letters[n++] = c;
    }
    const int found = clade__words_find(&v->event, (clade_text){ letters, n });
    if (found < 0) return (meaning){ CLADE_LIVE_CUSTOM, SHAPE_PLAIN, NULL };
    if (found == EVENT_CANCELLED) return (meaning){ CLADE_LIVE_REFUND, SHAPE_ORDER, "cancelled" };
    return (meaning){ (clade_live_kind)(found / SHAPES), (event_shape)(found % SHAPES), NULL };
}

#define MAKE(set, list) words_make(&(set), (list), sizeof(list) / sizeof(list)[0])

void clade__vocabulary_make(vocabulary *out)
{
    MAKE(out->event, EVENTS);
    MAKE(out->top, TOPS);
    MAKE(out->field, FIELDS);
    MAKE(out->place, PLACES);
    MAKE(out->trait, TRAITS);
    MAKE(out->type, TYPES);
}

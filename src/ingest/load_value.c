/* Values of a load: exact decimals, kinds and states of an order as people write them, and what
 * must not be stored in the clear. Everything here runs for every field of every row and allocates
 * nothing. */
#include "load_internal.h"

#include <ctype.h>

/* ---------------------------------------------------------------- decimals */

static const int64_t POWER_10[19] = {
    INT64_C(1),
    INT64_C(10),
    INT64_C(100),
    INT64_C(1000),
    INT64_C(10000),
    INT64_C(100000),
    INT64_C(1000000),
    INT64_C(10000000),
    INT64_C(100000000),
    INT64_C(1000000000),
    INT64_C(10000000000),
    INT64_C(100000000000),
    INT64_C(1000000000000),
    INT64_C(10000000000000),
    INT64_C(100000000000000),
    INT64_C(1000000000000000),
    INT64_C(10000000000000000),
    INT64_C(100000000000000000),
    INT64_C(1000000000000000000),
};

/* Sign, up to 18 digits, one decimal mark: what nearly every number of an export is. */
static bool decimal_plain(clade__decimal *out, clade_text text, char mark)
{
    size_t     i        = 0;
    const bool negative = text.size > 0 && text.data[0] == '-';
    if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+')) i++;
    if (i == text.size || text.size - i > 19) return false;

    int64_t mantissa = 0;
    int     n_digits = 0, scale = 0;
    bool    seen_mark = false;
    for (; i < text.size; i++) {
        const unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit <= 9) {
            mantissa = mantissa * 10 + (int64_t)digit;
            n_digits++;
            scale += seen_mark;
        } else if (text.data[i] == mark && !seen_mark) {
            seen_mark = true;
        } else {
            return false;
        }
    }
    if (n_digits == 0 || n_digits > 18) return false;
    while (scale > 0 && mantissa % 10 == 0) { /* 2.50 is 2.5: equal values are equal structs */
        mantissa /= 10;
        scale--;
    }
    *out = (clade__decimal){ .mantissa = negative ? -mantissa : mantissa, .scale = scale };
    return true;
}

static void decimal_of_double(clade__decimal *out, double value)
{
    int scale = 6;
    while (scale > 0 && __builtin_fabs(value) * (double)POWER_10[scale] > 9e17)
        scale--;
    int64_t mantissa = (int64_t)__builtin_llround(value * (double)POWER_10[scale]);
    while (scale > 0 && mantissa % 10 == 0) {
        mantissa /= 10;
        scale--;
    }
    *out = (clade__decimal){ .mantissa = mantissa, .scale = scale };
}

const char *clade__decimal_number(clade__decimal *out, clade_text text,
                                  const clade_column_map *column)
{
    if (decimal_plain(out, text, column->decimal_comma ? ',' : '.')) return NULL;
    double      value  = 0;
    const char *reason = clade_value_number(&value, text, column);
    if (reason != NULL) return reason;
    if (!(__builtin_fabs(value) < 9e17)) return "the number is too large";
    decimal_of_double(out, value);
    return NULL;
}

const char *clade__decimal_money(clade__decimal *out, char out_currency[4], clade_text text,
                                 const clade_column_map *column, const char currency[4])
{
    out_currency[0] = '\0';
    if (decimal_plain(out, text, column->decimal_comma ? ',' : '.')) return NULL;
    int64_t     minor    = 0;
    char        found[4] = "";
    const char *reason   = clade_value_money(&minor, found, text, column, currency);
    if (reason != NULL) return reason;
    memcpy(out_currency, found, 4);
    const int digits = clade_currency_digits(found[0] == '\0' ? currency : found);
    *out             = (clade__decimal){ .mantissa = minor, .scale = digits };
    while (out->scale > 0 && out->mantissa % 10 == 0) {
        out->mantissa /= 10;
        out->scale--;
    }
    return NULL;
}

double clade__decimal_double(clade__decimal value)
{
    return (double)value.mantissa / (double)POWER_10[value.scale];
}

/* wide / 10^drop, half away from zero. */
static bool round_off(int64_t *out, clade__i128 wide, int drop)
{
    const bool  negative = wide < 0;
    clade__i128 size     = negative ? -wide : wide;
    while (drop > 18) { /* two steps never round twice: only the last one rounds */
        if (size != 0 && drop > 37) size = 0;
        size /= 10;
        drop--;
    }
    const clade__i128 unit = POWER_10[drop];
    size                   = (size + unit / 2) / unit;
    if (size > INT64_C(9000000000000000000)) return false;
    *out = negative ? -(int64_t)size : (int64_t)size;
    return true;
}

static bool to_digits(int64_t *out_minor, clade__i128 wide, int scale, int digits)
{
    if (scale > digits) return round_off(out_minor, wide, scale - digits);
    const clade__i128 unit = POWER_10[digits - scale];
    if (wide > INT64_C(9000000000000000000) / unit || wide < -INT64_C(9000000000000000000) / unit) {
        return false;
    }
    *out_minor = (int64_t)(wide * unit);
    return true;
}

bool clade__decimal_minor(int64_t *out_minor, clade__decimal value, int digits)
{
    return to_digits(out_minor, value.mantissa, value.scale, digits);
}

bool clade__decimal_product(int64_t *out_minor, clade__decimal a, clade__decimal b, int digits)
{
    return to_digits(out_minor, (clade__i128)a.mantissa * b.mantissa, a.scale + b.scale, digits);
}

bool clade__money_convert(int64_t *out_minor, int64_t minor, int digits, double rate,
                          int shop_digits)
{
    long double value = (long double)minor * (long double)rate;
    for (int i = digits; i < shop_digits; i++)
        value *= 10;
    for (int i = shop_digits; i < digits; i++)
        value /= 10;
    if (!(__builtin_fabsl(value) < 9e18L)) return false;
    *out_minor = (int64_t)__builtin_llroundl(value);
    return true;
}

/* ---------------------------------------------------------------- absences and ids */

/* First bytes of the marks of nothing that clade_value_missing knows; nearly no value has one and
 * is as short. Words that begin with u wait for their length. */
static const bool MAY_BE_NOTHING[256] = {
    ['n'] = true, ['N'] = true, ['-'] = true,  ['\\'] = true, ['#'] = true,
    ['?'] = true, ['('] = true, [0xE6] = true, [0xE7] = true, [0xE2] = true,
};

clade_text clade__value_clean(clade_text text)
{
    if (text.size == 0) return text;
    const unsigned char first = (unsigned char)text.data[0];
    const unsigned char last  = (unsigned char)text.data[text.size - 1];
    if (first <= ' ' || last <= ' ' || first >= 0xC2 || last >= 0x80) text = clade_text_trim(text);
    if (text.size == 0 || text.size > 9 ||
        (!MAY_BE_NOTHING[(unsigned char)text.data[0]] &&
         (text.size < 9 || (text.data[0] | 32) != 'u'))) {
        return text;
    }
    return clade_value_missing(text) ? (clade_text){ text.data, 0 } : text;
}

clade_text clade__value_id(clade_text text)
{
    text = clade__value_clean(text);
    if (text.size < 3 || text.data[text.size - 1] != '0' || text.data[text.size - 2] != '.') {
        return text;
    }
    for (size_t i = 0; i + 2 < text.size; i++) {
        if (!isdigit((unsigned char)text.data[i])) return text;
    }
    text.size -= 2;
    return text;
}

/* ---------------------------------------------------------------- words */

typedef struct word {
    const char *text;
    int         meaning;
} word;

static const word KINDS[] = {
    { "view", LOAD_KIND_VIEW },
    { "pv", LOAD_KIND_VIEW },
    { "page_view", LOAD_KIND_VIEW },
    { "pageview", LOAD_KIND_VIEW },
    { "product_view", LOAD_KIND_VIEW },
    { "view_item", LOAD_KIND_VIEW },
    { "product_viewed", LOAD_KIND_VIEW },
    { "impression", LOAD_KIND_VIEW },
    { "browse", LOAD_KIND_VIEW },
    { "浏览", LOAD_KIND_VIEW },
    { "查看", LOAD_KIND_VIEW },
    { "search", LOAD_KIND_SEARCH },
    { "query", LOAD_KIND_SEARCH },
    { "view_search_results", LOAD_KIND_SEARCH },
    { "products_searched", LOAD_KIND_SEARCH },
    { "搜索", LOAD_KIND_SEARCH },
    { "click", LOAD_KIND_CLICK },
    { "clk", LOAD_KIND_CLICK },
    { "select_item", LOAD_KIND_CLICK },
    { "product_clicked", LOAD_KIND_CLICK },
    { "点击", LOAD_KIND_CLICK },
    { "cart", LOAD_KIND_CART },
    { "add_to_cart", LOAD_KIND_CART },
    { "addtocart", LOAD_KIND_CART },
    { "add-to-cart", LOAD_KIND_CART },
    { "add to cart", LOAD_KIND_CART },
    { "cart_add", LOAD_KIND_CART },
    { "product_added", LOAD_KIND_CART },
    { "basket", LOAD_KIND_CART },
    { "加购", LOAD_KIND_CART },
    { "加购物车", LOAD_KIND_CART },
    { "加入购物车", LOAD_KIND_CART },
    { "uncart", LOAD_KIND_UNCART },
    { "remove_from_cart", LOAD_KIND_UNCART },
    { "removefromcart", LOAD_KIND_UNCART },
    { "cart_remove", LOAD_KIND_UNCART },
    { "product_removed", LOAD_KIND_UNCART },
    { "移出购物车", LOAD_KIND_UNCART },
    { "checkout", LOAD_KIND_CHECKOUT },
    { "begin_checkout", LOAD_KIND_CHECKOUT },
    { "checkout_started", LOAD_KIND_CHECKOUT },
    { "结算", LOAD_KIND_CHECKOUT },
    { "下单", LOAD_KIND_CHECKOUT },
    { "purchase", LOAD_KIND_PURCHASE },
    { "buy", LOAD_KIND_PURCHASE },
    { "bought", LOAD_KIND_PURCHASE },
    { "order", LOAD_KIND_PURCHASE },
    { "transaction", LOAD_KIND_PURCHASE },
    { "sale", LOAD_KIND_PURCHASE },
    { "pay", LOAD_KIND_PURCHASE },
    { "payment", LOAD_KIND_PURCHASE },
    { "order_completed", LOAD_KIND_PURCHASE },
    { "购买", LOAD_KIND_PURCHASE },
    { "支付", LOAD_KIND_PURCHASE },
    { "成交", LOAD_KIND_PURCHASE },
    { "refund", LOAD_KIND_REFUND },
    { "return", LOAD_KIND_REFUND },
    { "cancel", LOAD_KIND_REFUND },
    { "order_refunded", LOAD_KIND_REFUND },
    { "退款", LOAD_KIND_REFUND },
    { "退货", LOAD_KIND_REFUND },
    { "review", LOAD_KIND_REVIEW },
    { "rating", LOAD_KIND_REVIEW },
    { "comment", LOAD_KIND_REVIEW },
    { "评价", LOAD_KIND_REVIEW },
    { "评论", LOAD_KIND_REVIEW },
    { "login", LOAD_KIND_LOGIN },
    { "signin", LOAD_KIND_LOGIN },
    { "sign_in", LOAD_KIND_LOGIN },
    { "登录", LOAD_KIND_LOGIN },
    { "wish", LOAD_KIND_WISH },
    { "fav", LOAD_KIND_WISH },
    { "favorite", LOAD_KIND_WISH },
    { "favourite", LOAD_KIND_WISH },
    { "collect", LOAD_KIND_WISH },
    { "wishlist", LOAD_KIND_WISH },
    { "add_to_wishlist", LOAD_KIND_WISH },
    { "like", LOAD_KIND_WISH },
    { "收藏", LOAD_KIND_WISH },
    { "share", LOAD_KIND_SHARE },
    { "分享", LOAD_KIND_SHARE },
    { "custom", LOAD_KIND_CUSTOM },
};

static const char *const KIND_NAMES[LOAD_N_KIND] = {
    "view",   "search", "click", "cart", "uncart", "checkout", "purchase",
    "refund", "review", "login", "wish", "share",  "custom",
};

const char *clade__kind_name(load_kind kind)
{
    return KIND_NAMES[kind];
}

load_kind clade__kind_parse(clade_text text, bool coded)
{
    if (coded && text.size == 1 && text.data[0] >= '1' && text.data[0] <= '4') {
        /* Taobao's codes: 1 opens the page of an item, 2 keeps it, 3 puts it in the cart, 4 pays.
         */
        static const load_kind of[4] = { LOAD_KIND_CLICK, LOAD_KIND_WISH, LOAD_KIND_CART,
                                         LOAD_KIND_PURCHASE };
        return of[text.data[0] - '1'];
    }
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (clade_text_equal_nocase(text, clade_text_of(KINDS[i].text))) {
            return (load_kind)KINDS[i].meaning;
        }
    }
    return LOAD_N_KIND;
}

static bool contains_nocase(clade_text text, const char *part)
{
    const size_t n = strlen(part);
    for (size_t i = 0; i + n <= text.size; i++) {
        if (clade_text_equal_nocase((clade_text){ text.data + i, n }, (clade_text){ part, n })) {
            return true;
        }
    }
    return false;
}

load_status clade__status_parse(clade_text text)
{
    static const char *const unpaid[] = {
        "unpaid",          "not paid",        "awaiting payment", "awaiting_payment",
        "pending payment", "pending_payment", "payment_failed",   "payment failed",
        "abandoned",       "待付款",          "未付款",           "未支付",
        "待支付"
    };
    static const char *const undone[] = { "cancel", "refund", "return", "chargeback", "void",
                                          "取消",   "退款",   "退货",   "交易关闭" };
    static const char *const kept[]   = { "no refund",       "not refund",    "refund rejected",
                                          "refund_rejected", "refund denied", "no return",
                                          "not return",      "non-return",    "退款失败",
                                          "拒绝退款" };
    for (size_t i = 0; i < sizeof unpaid / sizeof unpaid[0]; i++) {
        if (contains_nocase(text, unpaid[i])) return LOAD_STATUS_UNPAID;
    }
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (contains_nocase(text, kept[i])) return LOAD_STATUS_DONE;
    }
    for (size_t i = 0; i < sizeof undone / sizeof undone[0]; i++) {
        if (contains_nocase(text, undone[i])) return LOAD_STATUS_UNDONE;
    }
    return LOAD_STATUS_DONE;
}

/* ---------------------------------------------------------------- what is personal */

static bool word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-' || c == '+' || c == '%';
}

/* An address around the '@' at `at`: [*out_from, *out_to). */
static bool email_around(size_t *out_from, size_t *out_to, clade_text text, size_t at)
{
    size_t from = at, to = at + 1;
    bool   dot = false;
    while (from > 0 && word_byte(text.data[from - 1]))
        from--;
    while (to < text.size && (isalnum((unsigned char)text.data[to]) || text.data[to] == '-' ||
                              text.data[to] == '.')) {
        if (text.data[to] == '.' && to > at + 1 && to + 2 < text.size &&
            isalpha((unsigned char)text.data[to + 1])) {
            dot = true;
        }
        to++;
    }
    *out_from = from;
    *out_to   = to;
    return from < at && dot;
}

/* A telephone number that starts at `at`: an international one with '+', a Chinese mobile, or
 * groups as 555-123-4567. Bare digit runs are left alone: people search for article numbers. */
static bool phone_at(size_t *out_to, clade_text text, size_t at)
{
    const char c = text.data[at];
    if (at > 0 && isalnum((unsigned char)text.data[at - 1])) return false;
    if (c != '+' && c != '(' && !isdigit((unsigned char)c)) return false;
    size_t to = at, n_digits = 0, n_groups = 0;
    bool   in_group = false;
    while (to < text.size) {
        const char d = text.data[to];
        if (isdigit((unsigned char)d)) {
            n_digits++;
            n_groups += !in_group;
            in_group = true;
        } else if (d == '-' || d == ' ' || d == '(' || d == ')' || (d == '+' && to == at) ||
                   d == '.') {
            in_group = false;
        } else {
            break;
        }
        to++;
    }
    while (to > at && !isdigit((unsigned char)text.data[to - 1]))
        to--;
    *out_to = to;
    if (to < text.size && isalpha((unsigned char)text.data[to])) return false;
    if (c == '+') return n_digits >= 8 && n_digits <= 15;
    if (n_groups == 1) {
        return n_digits == 11 && c == '1' && text.data[at + 1] >= '3';
    }
    return n_groups >= 3 && n_digits >= 9 && n_digits <= 13;
}

size_t clade__redact_bound(clade_text text)
{
    return text.size * 3 + 32; /* the shortest address, a@b.cd, is six bytes; its word nine */
}

size_t clade__text_redact(char *out, clade_text text, bool phones)
{
    static const char removed[] = "[removed]";
    size_t            n = 0, copied = 0;
    for (size_t i = 0; i < text.size; i++) {
        size_t from = i, to = i;
        bool   found = false;
        if (text.data[i] == '@') {
            found = email_around(&from, &to, text, i);
        } else if (phones) {
            found = phone_at(&to, text, i);
        }
        if (!found || to <= copied) continue;
        if (from < copied) from = copied;
        memcpy(out + n, text.data + copied, from - copied);
        n += from - copied;
        memcpy(out + n, removed, sizeof removed - 1);
        n += sizeof removed - 1;
        copied = to;
        i      = to - 1;
    }
    memcpy(out + n, text.data + copied, text.size - copied);
    return n + text.size - copied;
}

bool clade__text_personal(clade_text text, bool phones)
{
    for (size_t i = 0; i < text.size; i++) {
        size_t from, to;
        if (text.data[i] == '@' && email_around(&from, &to, text, i)) return true;
        if (phones && phone_at(&to, text, i)) return true;
    }
    return false;
}

bool clade__looks_like_test(clade_text name, clade_text email)
{
    static const char *const names[]   = { "test",   "test test", "test user", "test customer",
                                           "tester", "测试",      "测试用户",  "qa test" };
    static const char *const domains[] = { "@example.com", "@example.org", "@example.net",
                                           "@test.com",    "@test.",       "@mailinator.com" };
    static const char *const locals[] = { "test@", "test+", "test1@", "qa@", "qatest", "testuser" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (clade_text_equal_nocase(name, clade_text_of(names[i]))) return true;
    }
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        if (contains_nocase(email, domains[i])) return true;
    }
    for (size_t i = 0; i < sizeof locals / sizeof locals[0]; i++) {
        const size_t n = strlen(locals[i]);
        if (email.size >= n &&
            clade_text_equal_nocase((clade_text){ email.data, n }, (clade_text){ locals[i], n })) {
            return true;
        }
    }
    return contains_nocase(email, "+test@");
}

bool clade__looks_like_staff(clade_text email, clade_text attribute, clade_text value)
{
    static const char *const names[] = { "staff",       "employee", "is_staff",
                                         "is_employee", "internal", "is_internal",
                                         "员工",        "内部员工", "是否员工" };
    static const char *const yes[]   = { "1", "yes", "true", "y", "t", "是" };
    static const char *const types[] = { "staff", "employee", "internal", "员工", "内部" };
    if (contains_nocase(email, "@staff.") || contains_nocase(email, "+staff@")) return true;
    if (attribute.size == 0 || value.size == 0) return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!clade_text_equal_nocase(attribute, clade_text_of(names[i]))) continue;
        for (size_t k = 0; k < sizeof yes / sizeof yes[0]; k++) {
            if (clade_text_equal_nocase(value, clade_text_of(yes[k]))) return true;
        }
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (clade_text_equal_nocase(value, clade_text_of(types[i]))) return true;
    }
    return false;
}

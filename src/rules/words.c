/* The words of the grammar, and what comparisons mean. */
#include "rules_internal.h"

const char *const clade__op_text[] = { "=", "!=", "<", "<=", ">", ">=", "contains" };
const char *const clade__field_name[CLADE__N_FIELD] = { "item",    "category", "brand",
                                                        "channel", "device",   "query",
                                                        "price",   "quantity", "amount" };
const char *const clade__thing_name[CLADE__N_THING] = { "item",    "category", "brand",
                                                        "session", "day",      "order" };

const clade__noun clade__nouns[CLADE__N_NOUN] = {
    { "view", "viewed", { "views" } },
    { "search", "searched", { "searches" } },
    { "click", "clicked", { "clicks" } },
    { "cart", "carted", { "carts" } },
    { "uncart", "uncarted", { "uncarts" } },
    { "checkout", "checked_out", { "checkouts" } },
    { "purchase", "bought", { "purchased", "purchases" } },
    { "refund", "refunded", { "refunds" } },
    { "review", "reviewed", { "reviews" } },
    { "login", "logged_in", { "logins" } },
    { "wish", "wished", { "wishes" } },
    { "share", "shared", { "shares" } },
    { "custom", "did_custom", { "customs" } },
    { "event", "active", { "events" } },
};

static const char *const grammar[] = {
    "and",   "or",   "not", "no",      "then",   "within",    "for",
    "since", "ever", "in",  "spend",   "sum",    "count",     "distinct",
    "first", "last", "of",  "segment", "exists", "attribute", "contains",
};

bool clade__is_word(const char *name, size_t size)
{
    const clade_text text = { name, size };
    for (size_t i = 0; i < sizeof grammar / sizeof grammar[0]; i++) {
        if (clade_text_equal_nocase(text, clade_text_of(grammar[i]))) return true;
    }
    for (size_t i = 0; i < CLADE__N_NOUN; i++) {
        const clade__noun *n = &clade__nouns[i];
        if (clade_text_equal_nocase(text, clade_text_of(n->noun))) return true;
        if (clade_text_equal_nocase(text, clade_text_of(n->past))) return true;
        for (size_t k = 0; k < 3 && n->also[k] != NULL; k++) {
            if (clade_text_equal_nocase(text, clade_text_of(n->also[k]))) return true;
        }
    }
    return false;
}

static bool begins(clade_text value, const char *wanted, size_t size)
{
    return value.size >= size &&
           clade_text_equal_nocase((clade_text){ value.data, size }, (clade_text){ wanted, size });
}

bool clade__text_passes(clade_text value, clade__field field, clade__op op, const char *wanted)
{
    const size_t size = strlen(wanted);
    bool         found;
    if (value.data == NULL) return false;
    if (op == CLADE__CONTAINS) {
        for (size_t i = 0; i + size <= value.size; i++) {
            if (begins((clade_text){ value.data + i, value.size - i }, wanted, size)) return true;
        }
        return false;
    }
    found = begins(value, wanted, size) &&
            (value.size == size || (field == CLADE__CATEGORY && value.size >= size + 3 &&
                                    memcmp(value.data + size, " > ", 3) == 0));
    return found == (op == CLADE__EQ);
}

bool clade__number_passes(double value, clade__op op, double wanted)
{
    switch (op) {
    case CLADE__EQ: return value == wanted;
    case CLADE__NE: return value != wanted;
    case CLADE__LT: return value < wanted;
    case CLADE__LE: return value <= wanted;
    case CLADE__GT: return value > wanted;
    case CLADE__GE: return value >= wanted;
    case CLADE__CONTAINS: break;
    }
    return false;
}

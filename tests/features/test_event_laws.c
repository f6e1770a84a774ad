/* What holds for the event sequences of every shop: plain loops find the same, customers are those
 * of the features, the future does not matter, nor does the number of threads. CLADE_SEEDS=1000
 * runs more shops than the usual few. */
#include "check.h"
#include "clade/event_sequences.h"
#include "clade/features.h"
#include "features/sequences_internal.h"
#include "random_shop.h"

#include <stdlib.h>

enum { MOST = 2000, TEXT = 24 };
#define AS_OF RANDOM_SHOP_AS_OF

static char         folder[256];
static char         path[300];
static clade_error  err;
static clade_store *store;

static void open_shop(int n_threads)
{
    const clade_store_options making = { .create       = true,
                                         .n_threads    = n_threads,
                                         .memory_bytes = 512 << 20 };
    if (clade_store_open(&store, path, &making, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static void run(const char *sql)
{
    if (clade_store_run(store, sql, NULL, 0, &err) != CLADE_OK) fail_msg("%s", err.message);
}

static void make_shop(uint64_t seed)
{
    clade_buffer sql = { 0 };
    check_folder_make(folder, "event_laws");
    snprintf(path, sizeof path, "%s/my.clade", folder);
    open_shop(2);
    random_shop_write(&sql, seed);
    assert_false(sql.failed);
    run(sql.data);
    clade_buffer_free(&sql);
}

static void end_shop(void)
{
    clade_store_close(store);
    store = NULL;
    check_folder_remove(folder);
}

static uint64_t n_seeds(void)
{
    const char *wanted = getenv("CLADE_SEEDS");
    return wanted == NULL ? 20 : strtoull(wanted, NULL, 10);
}

/* ---------------------------------------------------------------- the naive reading */

typedef struct plain_event {
    int64_t event, customer, at_us, item, value;
    double  quantity;
    int     kind;
    char    channel[TEXT], device[TEXT];
    bool    named, priced, kept, service;
} plain_event;

typedef struct plain_flag {
    char    name[TEXT];
    int64_t customer, event, since_us; /* -1 is none */
} plain_flag;

typedef struct plain_item {
    int64_t item, known_us, load;
    char    category[TEXT], brand[TEXT];
} plain_item;

static plain_event event[MOST];
static plain_flag  flag[MOST];
static plain_item  item[MOST];
static size_t      n_events, n_flags, n_items;

static void copy_text(char out[TEXT], clade_text text)
{
    assert_true(text.size < TEXT);
    if (text.size > 0) memcpy(out, text.data, text.size);
    out[text.size] = '\0';
}

static void read_events(const clade_chunk *c, size_t row)
{
    plain_event *e = &event[n_events++];
    *e             = (plain_event){ .event    = clade_chunk_int(c, 0, row, -1),
                                    .customer = clade_chunk_int(c, 1, row, -1),
                                    .at_us    = clade_chunk_int(c, 2, row, -1),
                                    .kind     = (int)clade_chunk_int(c, 3, row, -1),
                                    .item     = clade_chunk_int(c, 4, row, -1),
                                    .quantity = clade_chunk_real(c, 5, row, (double)NAN),
                                    .value    = clade_chunk_int(c, 6, row, 0) };
    copy_text(e->channel, clade_chunk_text(c, 7, row));
    copy_text(e->device, clade_chunk_text(c, 8, row));
}

static void read_flags(const clade_chunk *c, size_t row)
{
    plain_flag *f = &flag[n_flags++];
    *f            = (plain_flag){ .customer = clade_chunk_int(c, 1, row, -1),
                                  .event    = clade_chunk_int(c, 2, row, -1),
                                  .since_us = clade_chunk_int(c, 3, row, -1) };
    copy_text(f->name, clade_chunk_text(c, 0, row));
}

static void read_lines(const clade_chunk *c, size_t row)
{
    plain_item *i = &item[n_items++];
    *i            = (plain_item){ .item     = clade_chunk_int(c, 0, row, -1),
                                  .known_us = clade_chunk_int(c, 1, row, -1),
                                  .load     = clade_chunk_int(c, 2, row, -1) };
    copy_text(i->category, clade_chunk_text(c, 3, row));
    copy_text(i->brand, clade_chunk_text(c, 4, row));
}

static void read_table(const char *sql, void (*take)(const clade_chunk *, size_t))
{
    clade_rows *rows  = NULL;
    clade_chunk chunk = { 0 };
    check_ok(clade_store_query(&rows, store, sql, NULL, 0, &err));
    for (;;) {
        check_ok(clade_rows_next(&chunk, rows, &err));
        if (chunk.n_rows == 0) break;
        for (size_t row = 0; row < chunk.n_rows; row++)
            take(&chunk, row);
    }
    clade_rows_close(rows);
}

static bool is_flagged(const char *name, int64_t customer, int64_t number)
{
    for (size_t i = 0; i < n_flags; i++) {
        if (strcmp(flag[i].name, name) != 0 || flag[i].since_us >= AS_OF) continue;
        if (customer >= 0 && flag[i].customer == customer) return true;
        if (number >= 0 && flag[i].event == number) return true;
    }
    return false;
}

static int compare_events(const void *a, const void *b)
{
    const plain_event *x = a, *y = b;
    if (x->customer != y->customer) return x->customer < y->customer ? -1 : 1;
    if (x->at_us != y->at_us) return x->at_us < y->at_us ? -1 : 1;
    return (x->event > y->event) - (x->event < y->event);
}

static void read_plainly(void)
{
    n_events = n_flags = n_items = 0;
    read_table("SELECT event, customer, at_us, enum_code(kind)::BIGINT, item, quantity,"
               " value_minor, channel, device FROM event",
               read_events);
    read_table("SELECT name, customer, event, since_us FROM flag", read_flags);
    read_table("SELECT item, known_us, load, category, brand FROM item", read_lines);
    for (size_t i = 0; i < n_events; i++) {
        plain_event *e = &event[i];
        e->kept = e->customer >= 0 && e->at_us < AS_OF && !is_flagged("bot", e->customer, -1) &&
                  !is_flagged("staff", e->customer, -1) &&
                  !is_flagged("test_order", e->customer, e->event);
        e->service = is_flagged("not_product", -1, e->event);
    }
    qsort(event, n_events, sizeof event[0], compare_events);
}

static double plain_price(const plain_event *e)
{
    const double price = fabs((double)e->value) / e->quantity;
    return e->value != 0 && e->quantity > 0 && price >= 1e-3 && price <= 1e15 ? log2(price)
                                                                              : (double)NAN;
}

/* Items with a number: what the catalogue knew and what was touched, not what is only a service. */
static bool plain_is_item(int64_t number)
{
    bool known = false, service = false;
    for (size_t i = 0; i < n_events; i++) {
        if (event[i].item != number || event[i].at_us >= AS_OF) continue;
        if (event[i].kept && !event[i].service) return true;
        service = service || event[i].service;
    }
    for (size_t i = 0; i < n_items; i++)
        known = known || (item[i].item == number && item[i].known_us < AS_OF);
    return known && !service;
}

static const char *plain_word(int64_t number, bool brand)
{
    const plain_item *best = NULL;
    for (size_t i = 0; i < n_items; i++) {
        const plain_item *one = &item[i];
        if (one->item != number || one->known_us >= AS_OF) continue;
        if ((brand ? one->brand : one->category)[0] == '\0') continue;
        if (best == NULL || one->known_us > best->known_us ||
            (one->known_us == best->known_us && one->load > best->load))
            best = one;
    }
    return best == NULL ? "" : brand ? best->brand : best->category;
}

static double plain_item_price(int64_t number)
{
    double sum = 0;
    size_t n   = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (!event[i].kept || event[i].service || event[i].item != number) continue;
        if (isnan(plain_price(&event[i]))) continue;
        sum += plain_price(&event[i]);
        n++;
    }
    return n == 0 ? (double)NAN : sum / (double)n;
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of the items' prices in a category, or of all for NULL and for a category of few. */
static double plain_centre(const char *category)
{
    double price[64];
    size_t n = 0;
    for (int64_t number = 0; number < 20; number++) {
        if (category != NULL && strcmp(plain_word(number, false), category) != 0) continue;
        if (!plain_is_item(number) || isnan(plain_item_price(number))) continue;
        price[n++] = plain_item_price(number);
    }
    if (n == 0 && category == NULL) return (double)NAN;
    if (category != NULL && (n < CLADE_PRICE_PEERS_MIN || category[0] == '\0'))
        return plain_centre(NULL);
    qsort(price, n, sizeof price[0], rising);
    return 0.5 * (price[(n - 1) / 2] + price[n / 2]);
}

/* ---------------------------------------------------------------- the two against each other */

static const clade_sequence_field *field(const clade_sequences *s, const char *name)
{
    static const clade_sequence_field none = { 0 };
    for (size_t i = 0; i < s->n_fields; i++) {
        if (strcmp(s->field[i].name, name) == 0) return &s->field[i];
    }
    return &none;
}

static const clade_sequence_field *item_field(const clade_sequences *s, const char *name)
{
    static const clade_sequence_field none = { 0 };
    for (size_t i = 0; i < s->n_item_fields; i++) {
        if (strcmp(s->item_field[i].name, name) == 0) return &s->item_field[i];
    }
    return &none;
}

static uint32_t value(const clade_sequence_field *f, size_t at)
{
    return f->value == NULL ? 0 : f->value[at];
}

static const char *word(const clade_words *words, uint32_t number)
{
    return number == 0 ? "" : words->name[number - 1];
}

/* Prices are rounded to millionths of an octave, so one just at an edge may fall to either side. */
static void assert_band(uint32_t band, double price, double centre)
{
    if (isnan(price) || isnan(centre)) {
        assert_int_equal(band, 0);
        return;
    }
    const double at = 2 * (price - centre) + 0.5;
    if (fabs(at - round(at)) < 1e-5) return;
    assert_int_equal(band, (int)fmin(fmax(9 + floor(at), 1), 17));
}

static size_t assert_events(const clade_sequences *s, const clade_vocabulary *v)
{
    size_t c = 0, at = 0, n_banded = 0;
    for (size_t i = 0; i < n_events; i++) {
        const plain_event *e = &event[i];
        if (!e->kept) continue;
        assert_true(at < s->n_events);
        while (at == s->start[c + 1])
            c++;
        assert_int_equal(s->customer[c], e->customer);
        assert_int_equal(s->at_us[at], e->at_us);
        assert_int_equal(value(field(s, "kind"), at), e->kind + 1);
        assert_int_equal(s->item[at] == 0 ? -1 : v->item[s->item[at]], e->service ? -1 : e->item);
        assert_string_equal(word(&v->channel, value(field(s, "channel"), at)), e->channel);
        assert_string_equal(word(&v->device, value(field(s, "device"), at)), e->device);
        assert_int_equal(value(field(s, "quantity_band"), at), clade__quantity_band(e->quantity));
        const bool goods = !e->service && e->item >= 0;
        assert_band(value(field(s, "price_band"), at), plain_price(e),
                    plain_centre(goods ? plain_word(e->item, false) : NULL));
        n_banded += value(field(s, "price_band"), at) > 0;
        at++;
    }
    assert_int_equal(at, s->n_events);
    return n_banded;
}

static void assert_items(const clade_sequences *s, const clade_vocabulary *v)
{
    uint32_t next = 1;
    for (int64_t number = 0; number < 20; number++) {
        if (!plain_is_item(number)) {
            assert_int_equal(clade_vocabulary_find(v, number), 0);
            continue;
        }
        assert_int_equal(v->item[next], number);
        assert_int_equal(clade_vocabulary_find(v, number), next);
        assert_string_equal(word(&v->category_path, value(item_field(s, "category_path"), next)),
                            plain_word(number, false));
        assert_string_equal(word(&v->brand, value(item_field(s, "brand"), next)),
                            plain_word(number, true));
        assert_band(value(item_field(s, "price_band"), next), plain_item_price(number),
                    plain_centre(plain_word(number, false)));
        next++;
    }
    assert_int_equal(next, s->n_items + 1);
}

static void plain_loops_find_the_same_sequences(void **state)
{
    (void)state;
    size_t n_banded = 0, n_read = 0;
    for (uint64_t seed = 1; seed <= n_seeds(); seed++) {
        clade_sequences  *s = NULL;
        clade_vocabulary *v = NULL;
        make_shop(seed);
        check_ok(clade_event_sequences(&s, &v, NULL, store, AS_OF, NULL, &err));
        check_ok(clade_sequences_check(s, &err));
        read_plainly();
        n_banded += assert_events(s, v);
        n_read += s->n_events;
        assert_items(s, v);
        clade_sequences_free(s);
        clade_vocabulary_free(v);
        end_shop();
    }
    assert_true(n_read > 1000 && n_banded > 100); /* the shops put it to the test */
}

static void customers_are_those_of_the_features(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= n_seeds() / 4; seed++) {
        clade_sequences  *s = NULL;
        clade_vocabulary *v = NULL;
        clade_features   *f = NULL;
        make_shop(seed);
        check_ok(clade_event_sequences(&s, &v, NULL, store, AS_OF, NULL, &err));
        check_ok(clade_features_compute(&f, store, AS_OF, &err));
        assert_int_equal(s->n_customers, f->n_customers);
        assert_memory_equal(s->customer, f->customer, s->n_customers * sizeof(int64_t));
        clade_sequences_free(s);
        clade_vocabulary_free(v);
        clade_features_free(f);
        end_shop();
    }
}

/* Hash of everything a reading gives, the customers' numbers and the vocabulary with it. */
static uint64_t fingerprint(void)
{
    clade_sequences   *s    = NULL;
    clade_vocabulary  *v    = NULL;
    clade_event_counts n    = { 0 };
    clade_buffer       text = { 0 };
    clade_json         json = clade_json_start(&text, 0);
    check_ok(clade_event_sequences(&s, &v, &n, store, AS_OF, NULL, &err));
    clade_vocabulary_write(&json, v);
    for (uint32_t i = 1; i <= v->n_items; i++)
        clade_buffer_format(&text, "%s %s\n", v->item_ref[i], v->item_name[i]);
    clade_buffer_format(&text, "%zu %zu %zu %zu", n.n_left_out, n.n_nobody, n.n_service, n.n_cold);
    assert_false(text.failed);
    uint64_t hash = clade_hash64(text.data, text.size, clade_sequences_hash(s));
    hash          = clade_hash64(s->customer, s->n_customers * sizeof(int64_t), hash);
    clade_buffer_free(&text);
    clade_sequences_free(s);
    clade_vocabulary_free(v);
    return hash;
}

/* Everything that can be in the log at as-of or later, wild and for everybody. */
static void poison(void)
{
    char sql[2048];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO event (event, customer, at_us, kind, item, quantity, price_minor,"
        " value_minor, channel, device, query, row_key, load)"
        " SELECT 1000000 + i, i %% 90, %lld + i * 7, (['view', 'purchase', 'search', 'refund'])"
        "[1 + i %% 4]::event_kind, i %% 17, 1 + i %% 9, 1 + i * 1000, 77777, 'future' || i %% 3,"
        " 'glasses', 'what will be', i, 9 FROM range(3000) t(i);"
        "INSERT INTO item SELECT i %% 30, 'F' || i, 'future', 'future > ' || i %% 3, 'future', 5,"
        " 'EUR', 1, %lld + i, 9 FROM range(60) t(i);"
        "INSERT INTO flag SELECT 'bot', i, NULL, %lld + i, 'why' FROM range(100) t(i);"
        "INSERT INTO flag SELECT (['test_order', 'not_product'])[1 + event %% 2], NULL, event,"
        " %lld, 'why' FROM event",
        (long long)AS_OF, (long long)AS_OF, (long long)AS_OF, (long long)AS_OF);
    run(sql);
}

static void the_future_does_not_matter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= n_seeds() / 2; seed++) {
        make_shop(seed);
        const uint64_t before = fingerprint();
        poison();
        assert_int_equal(fingerprint(), before);
        /* A day later it does: the poison was read. */
        clade_sequences  *s = NULL;
        clade_vocabulary *v = NULL;
        check_ok(clade_event_sequences(&s, &v, NULL, store, AS_OF + CLADE_US_PER_DAY, NULL, &err));
        assert_int_equal(s->n_customers, 0);
        clade_sequences_free(s);
        clade_vocabulary_free(v);
        end_shop();
    }
}

static void the_number_of_threads_does_not_matter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= n_seeds() / 4; seed++) {
        make_shop(seed);
        const uint64_t two = fingerprint();
        for (int n_threads = 1; n_threads <= 5; n_threads += 4) {
            clade_store_close(store);
            open_shop(n_threads);
            assert_int_equal(fingerprint(), two);
        }
        end_shop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_loops_find_the_same_sequences),
        cmocka_unit_test(customers_are_those_of_the_features),
        cmocka_unit_test(the_future_does_not_matter),
        cmocka_unit_test(the_number_of_threads_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One customer's page: features with their place among all, segments now and at past quarter ends,
 * reasons, orders. Runs once a command; the feature matrix of everybody is what it costs. */
#include "clade/customer.h"
#include "clade/portraits.h"
#include "outlook.h"
#include "portrait.h"
#include "segment_vectors.h"

#include "clade/run.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_OF_A_GROUP = 2 };

static const double least_effect = 0.01; /* of log money: one per cent is no reason */

/* What is fitted, and the versions of it. */
typedef struct kinds {
    clade_segmentation *one[CLADE_N_SEGMENT_KIND]; /* NULL where there is none */
} kinds;

static void kinds_free(kinds *k)
{
    for (int i = 0; i < CLADE_N_SEGMENT_KIND; i++)
        clade_segmentation_free(k->one[i]);
}

void clade_customer_page_free(clade_customer_page *page)
{
    if (page == NULL) return;
    free(page->value);
    free(page->percentile);
    free(page->history);
    free(page);
}

static clade_status load_kinds(kinds *out, clade_store *store, clade_error *err)
{
    for (int i = 0; i < CLADE_N_SEGMENT_KIND; i++) {
        int64_t            version, fitted_us;
        clade_error        mine   = { 0 };
        const clade_status status = clade_segmentation_load(&out->one[i], &version, &fitted_us,
                                                            store, (clade_segment_kind)i, &mine);
        if (status == CLADE_OK || status == CLADE_ERR_NOT_READY) continue;
        if (err != NULL) *err = mine;
        return status;
    }
    return CLADE_OK;
}

/* ---------------------------------------------------------------- moments */

static clade_status settle_moments(clade_customer_page *page, clade_store *store,
                                   const clade_customer_options *options, clade_error *err)
{
    int64_t      last_us = 0;
    clade_rows  *rows    = NULL;
    clade_chunk  chunk   = { 0 };
    clade_status status  = CLADE_OK;
    page->as_of_us       = options->as_of_us;
    if (!options->has_as_of) {
        CLADE_TRY(
            clade_store_int(&last_us, store, "SELECT max(at_us) FROM event", NULL, 0, 0, err));
        const clade_civil last = clade_civil_from_us(last_us);
        page->as_of_us =
            (clade_days_from_civil(last.year, last.month, last.day) + 1) * CLADE_US_PER_DAY;
    }
    const clade_value args[] = { CLADE_INT(page->customer), CLADE_INT(page->as_of_us) };
    status                   = clade_store_query(&rows, store,
                                                 "SELECT min(at_us), max(at_us) FROM event WHERE customer = ? "
                                                                   "AND at_us < ?",
                                                 args, 2, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    if (status == CLADE_OK && chunk.n_rows == 1) {
        page->first_us = clade_chunk_int(&chunk, 0, 0, page->as_of_us);
        page->last_us  = clade_chunk_int(&chunk, 1, 0, page->as_of_us);
    }
    clade_rows_close(rows);
    if (status != CLADE_OK) return status;

    status = clade_store_setting_get(page->currency, sizeof page->currency, store, "currency", err);
    if (status == CLADE_ERR_NOT_FOUND) { /* a log without money */
        page->currency[0] = '\0';
        status            = CLADE_OK;
    }
    return status;
}

/* Midnight that begins the quarter of a moment, or the one before when the moment is that midnight:
 * the latest quarter end strictly before. */
static int64_t quarter_end_before(int64_t moment_us)
{
    const clade_civil civil = clade_civil_from_us(moment_us - 1);
    return clade_days_from_civil(civil.year, (civil.month - 1) / 3 * 3 + 1, 1) * CLADE_US_PER_DAY;
}

/* ---------------------------------------------------------------- features */

static int compare_customer(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The row of a customer, or NULL. */
static const float *row_of(const clade_features *features, int64_t customer)
{
    const int64_t *at = bsearch(&customer, features->customer, features->n_customers,
                                sizeof features->customer[0], compare_customer);
    if (at == NULL) return NULL;
    return features->value + (size_t)(at - features->customer) * features->n_features;
}

static void measure_percentiles(clade_customer_page *page, const clade_features *features)
{
    const size_t p = features->n_features;
    for (size_t f = 0; f < p; f++) {
        const float mine = page->value[f];
        size_t      n = 0, n_below = 0, n_equal = 0;
        for (size_t i = 0; i < features->n_customers; i++) {
            const float other = features->value[i * p + f];
            n += !isnan(other);
            n_below += other < mine;
            n_equal += other == mine;
        }
        page->percentile[f] =
            isnan(mine) ? NAN : (float)(((double)n_below + 0.5 * (double)n_equal) / (double)n);
    }
}

static clade_status take_features(clade_customer_page *page, const clade_features *features,
                                  clade_error *err)
{
    const float *row = row_of(features, page->customer);
    if (row == NULL) {
        char date[16];
        clade_date_format(date, page->as_of_us);
        return clade_fail(err, CLADE_ERR_NOT_FOUND,
                          "this customer did nothing before %s, or counts as staff, bot or test",
                          date);
    }
    page->n_customers = features->n_customers;
    page->n_features  = features->n_features;
    page->value       = CLADE_NEW(float, page->n_features);
    page->percentile  = CLADE_NEW(float, page->n_features);
    if (page->value == NULL || page->percentile == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a customer's page");
    }
    memcpy(page->value, row, page->n_features * sizeof *row);
    measure_percentiles(page, features);
    return CLADE_OK;
}

/* ---------------------------------------------------------------- segments */

/* CLADE_ERR_NOT_READY for a kind that reads vectors of a model that is gone. */
static clade_status segment_of(clade_customer_segment *out, const clade_segmentation *kind,
                               clade_store *store, const clade_features *alone, clade_error *err)
{
    clade_features *joined  = NULL;
    int32_t         segment = 0;
    double          score   = 0;
    CLADE_TRY(clade__features_wanted(&joined, kind, store, alone, err));
    const clade_status status =
        clade_segmentation_assign(&segment, &score, kind, joined == NULL ? alone : joined, err);
    clade_features_free(joined);
    if (status != CLADE_OK) return status;
    *out = (clade_customer_segment){ .kind     = clade_segmentation_kind(kind),
                                     .name     = *clade_segmentation_name(kind, (size_t)segment),
                                     .as_of_us = alone->as_of_us,
                                     .score    = score };
    return CLADE_OK;
}

static clade_status segments_of(clade_customer_segment *out, size_t *out_n, clade_store *store,
                                const kinds *k, int64_t customer, const float *row,
                                size_t n_features, int64_t as_of_us, clade_error *err)
{
    float               *value  = CLADE_NEW(float, n_features);
    const clade_features alone  = { .n_customers = 1,
                                    .n_features  = n_features,
                                    .customer    = &customer,
                                    .value       = value,
                                    .as_of_us    = as_of_us };
    clade_status         status = CLADE_OK;
    *out_n                      = 0;
    if (value == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for one customer");
    memcpy(value, row, n_features * sizeof *row);
    for (int i = 0; i < CLADE_N_SEGMENT_KIND && status == CLADE_OK; i++) {
        clade_error mine = { 0 };
        if (k->one[i] == NULL) continue;
        status = segment_of(&out[*out_n], k->one[i], store, &alone, &mine);
        if (status == CLADE_OK) *out_n += 1;
        if (status == CLADE_ERR_NOT_READY) status = CLADE_OK; /* the page goes without this kind */
        if (status != CLADE_OK && err != NULL) *err = mine;
    }
    free(value);
    return status;
}

static clade_status write_history(clade_customer_page *page, clade_store *store, const kinds *k,
                                  size_t n_quarters, clade_error *err)
{
    const size_t wanted =
        n_quarters < CLADE_CUSTOMER_QUARTERS ? n_quarters : CLADE_CUSTOMER_QUARTERS;
    int64_t      as_of_us = page->as_of_us;
    clade_status status   = CLADE_OK;
    if (wanted == 0) return CLADE_OK;
    page->history = CLADE_NEW(clade_customer_segment, wanted * CLADE_N_SEGMENT_KIND);
    if (page->history == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a history");
    clade_progress_begin("history", (double)wanted, "quarters");
    for (size_t q = 0; q < wanted && status == CLADE_OK; q++) {
        clade_features *features = NULL;
        size_t          n        = 0;
        as_of_us                 = quarter_end_before(as_of_us);
        if (as_of_us <= page->first_us) break;
        status = clade_features_compute(&features, store, as_of_us, err);
        if (status != CLADE_OK) break;
        const float *row = row_of(features, page->customer);
        if (row != NULL) {
            status = segments_of(page->history + page->n_history, &n, store, k, page->customer, row,
                                 features->n_features, as_of_us, err);
            page->n_history += n;
        }
        clade_features_free(features);
        clade_progress_update((double)(q + 1));
        if (status == CLADE_OK) status = clade_interrupt_check(err);
    }
    clade_progress_end();
    return status;
}

/* ---------------------------------------------------------------- reasons */

typedef struct effect {
    double   size;
    uint32_t feature;
} effect;

static int compare_effect(const void *a, const void *b)
{
    const effect *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

/* "money spent in the last 90 days 1,204.50 GBP, more than 93 % of customers: raises the spend to
 * expect by 35 %" */
static void put_reason(clade_customer_reason *reason, const clade_customer_page *page, bool zh)
{
    clade_buffer out   = { 0 };
    const double value = (double)page->value[reason->feature];
    const double place = (double)page->percentile[reason->feature];
    /* Nobody stands above all, not even above themselves. */
    const double above = fmin(99, floor(100 * place)), below = fmin(99, floor(100 * (1 - place)));
    const double percent = 100 * (exp(fabs(reason->effect)) - 1);
    clade_feature_label_write(&out, reason->feature, zh);
    clade_buffer_text(&out, zh ? "：" : ": ");
    clade_value_write(&out, reason->feature, value, page->currency, zh);
    if (!isnan(place) && place >= 0.5) {
        clade_buffer_format(
            &out, zh ? "，高于 %.0f%% 的客户" : ", more than %.0f %% of customers have", above);
    } else if (!isnan(place)) {
        clade_buffer_format(
            &out, zh ? "，低于 %.0f%% 的客户" : ", less than %.0f %% of customers have", below);
    }
    if (reason->effect > 0) {
        clade_buffer_format(
            &out, zh ? "；预期消费提高 %.0f%%" : "; raises the spend to expect by %.0f %%",
            percent);
    } else {
        clade_buffer_format(
            &out, zh ? "；预期消费降低 %.0f%%" : "; lowers the spend to expect by %.0f %%",
            100 * (1 - exp(reason->effect)));
    }
    const size_t room = sizeof reason->en - 1;
    const size_t n =
        clade_utf8_valid(out.data == NULL ? "" : out.data, out.size < room ? out.size : room);
    memcpy(zh ? reason->zh : reason->en, out.data == NULL ? "" : out.data, n);
    clade_buffer_free(&out);
}

/* The strongest effects, at most two of a feature group: six ways to say "spent much" are one. */
static clade_status give_reasons(clade_customer_page *page, const clade_segmentation *outlook,
                                 clade_error *err)
{
    const size_t         p = page->n_features;
    size_t               n_registry, n_of_group[CLADE_N_FEATURE_GROUP] = { 0 };
    const clade_feature *registry = clade_features_all(&n_registry);
    double              *added    = CLADE_NEW(double, p);
    effect              *ranked   = CLADE_NEW(effect, p);
    clade_status         status   = CLADE_OK;
    if (added == NULL || ranked == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for reasons");
        goto done;
    }
    clade__outlook_explain(added, outlook, page->value, p);
    for (size_t f = 0; f < p; f++)
        ranked[f] = (effect){ fabs(added[f]), (uint32_t)f };
    qsort(ranked, p, sizeof *ranked, compare_effect);
    for (size_t i = 0; i < p && page->n_reasons < CLADE_CUSTOMER_REASONS; i++) {
        const uint32_t f = ranked[i].feature;
        if (ranked[i].size < least_effect) break;
        if (n_of_group[registry[f].group]++ >= MAX_OF_A_GROUP) continue;
        clade_customer_reason *reason = &page->reason[page->n_reasons++];
        reason->feature               = f;
        reason->effect                = added[f];
        put_reason(reason, page, false);
        put_reason(reason, page, true);
    }
done:
    free(added);
    free(ranked);
    return status;
}

/* ---------------------------------------------------------------- orders */

static clade_status read_orders(clade_customer_page *page, clade_store *store, clade_error *err)
{
    static const char sql[] =
        "SELECT coalesce(e.order_ref, '') AS ref, min(e.at_us) AS bought_us, count(*) AS n,"
        "  CAST(coalesce(sum(e.value_minor), 0) AS BIGINT),"
        "  CAST(coalesce(sum(e.value_minor + round(coalesce(r.amount_minor, 0)"
        "    * (CAST(e.value_minor AS DOUBLE) / nullif(e.amount_minor, 0)))), 0) AS BIGINT) "
        "FROM event e LEFT JOIN (SELECT purchase, sum(amount_minor) AS amount_minor"
        "  FROM refund_match WHERE customer = ?1 AND at_us < ?2 GROUP BY purchase) r"
        "  ON r.purchase = e.event "
        "WHERE e.kind = 'purchase' AND e.customer = ?1 AND e.at_us < ?2 "
        "GROUP BY ref, CASE WHEN e.order_ref IS NULL THEN e.at_us END "
        "ORDER BY bought_us DESC, ref DESC LIMIT 20";
    _Static_assert(CLADE_CUSTOMER_ORDERS == 20, "the query above says 20");
    const clade_value args[] = { CLADE_INT(page->customer), CLADE_INT(page->as_of_us) };
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    clade_status      status = clade_store_query(&rows, store, sql, args, 2, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t row = 0; row < chunk.n_rows; row++) {
            clade_customer_order *order = &page->order[page->n_orders++];
            const clade_text      ref   = clade_chunk_text(&chunk, 0, row);
            const size_t          room  = sizeof order->ref - 1;
            const size_t          n = clade_utf8_valid(ref.data, ref.size < room ? ref.size : room);
            if (n > 0) memcpy(order->ref, ref.data, n);
            order->at_us      = clade_chunk_int(&chunk, 1, row, 0);
            order->n_lines    = clade_chunk_int(&chunk, 2, row, 0);
            order->paid_minor = clade_chunk_int(&chunk, 3, row, 0);
            order->kept_minor = clade_chunk_int(&chunk, 4, row, 0);
        }
    }
    clade_rows_close(rows);
    return status;
}

/* ---------------------------------------------------------------- all of it */

static clade_status write_page(clade_customer_page *page, clade_features **features,
                               clade_store *store, const kinds *k, size_t n_quarters,
                               clade_error *err)
{
    CLADE_TRY(clade_features_get(features, store, page->as_of_us, err));
    CLADE_TRY(take_features(page, *features, err));
    clade_features_free(*features);
    *features = NULL; /* the history needs the room */
    CLADE_TRY(segments_of(page->segment, &page->n_segments, store, k, page->customer, page->value,
                          page->n_features, page->as_of_us, err));
    if (k->one[CLADE_SEGMENT_OUTLOOK] != NULL) {
        CLADE_TRY(give_reasons(page, k->one[CLADE_SEGMENT_OUTLOOK], err));
    }
    CLADE_TRY(read_orders(page, store, err));
    return write_history(page, store, k, n_quarters, err);
}

clade_status clade_customer_page_make(clade_customer_page **out_page, clade_store *store,
                                      int64_t customer, const clade_customer_options *options,
                                      clade_error *err)
{
    kinds                k        = { 0 };
    clade_features      *features = NULL;
    clade_status         status   = CLADE_OK;
    clade_customer_page *page     = CLADE_NEW(clade_customer_page, 1);
    if (page == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a customer's page");
    page->customer = customer;
    status         = settle_moments(page, store, options, err);
    if (status != CLADE_OK) goto done;
    status = load_kinds(&k, store, err);
    if (status != CLADE_OK) goto done;
    status = write_page(page, &features, store, &k, options->n_quarters, err);
    if (status != CLADE_OK) goto done;
    *out_page = page;
    page      = NULL;
done:
    clade_features_free(features);
    kinds_free(&k);
    clade_customer_page_free(page);
    return status;
}

/* ---------------------------------------------------------------- as JSON */

static void put_moment(clade_json *json, const char *key, int64_t moment_us)
{
    char text[40];
    clade_time_format(text, moment_us);
    clade_json_put_text(json, key, text);
}

static void put_money(clade_json *json, const char *key, int64_t minor, const char *currency)
{
    char text[40];
    clade_money_format(text, minor, currency[0] == '\0' ? "USD" : currency, false);
    clade_json_put_text(json, key, text);
}

static void put_segment(clade_json *json, const clade_customer_segment *segment)
{
    clade_json_object(json);
    clade_json_put_text(json, "kind", clade_segment_kind_name(segment->kind));
    clade_json_put_text(json, "key", segment->name.key);
    clade_json_put_text(json, "name", segment->name.en);
    clade_json_put_text(json, "name_zh", segment->name.zh);
    put_moment(json, "as_of", segment->as_of_us);
    clade_json_object_end(json);
}

static void put_features(clade_json *json, const clade_customer_page *page)
{
    size_t               n_registry;
    const clade_feature *registry = clade_features_all(&n_registry);
    clade_json_key(json, "features");
    clade_json_object(json);
    for (size_t f = 0; f < page->n_features; f++) {
        clade_json_key(json, registry[f].name);
        clade_json_object(json);
        clade_json_put_number(json, "value", (double)page->value[f]); /* NAN becomes null */
        clade_json_put_text(json, "unit", registry[f].unit);
        clade_json_put_number(json, "percentile", (double)page->percentile[f]);
        clade_json_object_end(json);
    }
    clade_json_object_end(json);
}

static void put_reasons(clade_json *json, const clade_customer_page *page)
{
    size_t               n_registry;
    const clade_feature *registry = clade_features_all(&n_registry);
    clade_json_key(json, "reasons");
    clade_json_array(json);
    for (size_t i = 0; i < page->n_reasons; i++) {
        const clade_customer_reason *reason = &page->reason[i];
        clade_json_object(json);
        clade_json_put_text(json, "feature", registry[reason->feature].name);
        clade_json_put_number(json, "effect", reason->effect);
        clade_json_put_text(json, "en", reason->en);
        clade_json_put_text(json, "zh", reason->zh);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

static void put_orders(clade_json *json, const clade_customer_page *page)
{
    clade_json_key(json, "orders");
    clade_json_array(json);
    for (size_t i = 0; i < page->n_orders; i++) {
        const clade_customer_order *order = &page->order[i];
        clade_json_object(json);
        clade_json_put_text(json, "order", order->ref);
        put_moment(json, "at", order->at_us);
        clade_json_put_int(json, "lines", order->n_lines);
        put_money(json, "paid", order->paid_minor, page->currency);
        put_money(json, "kept", order->kept_minor, page->currency);
        clade_json_object_end(json);
    }
    clade_json_array_end(json);
}

void clade_customer_page_write(clade_json *json, const clade_customer_page *page)
{
    put_moment(json, "as_of", page->as_of_us);
    put_moment(json, "first_seen", page->first_us);
    put_moment(json, "last_seen", page->last_us);
    clade_json_put_text(json, "currency", page->currency);
    clade_json_put_int(json, "n_customers", (int64_t)page->n_customers);
    clade_json_key(json, "segments");
    clade_json_array(json);
    for (size_t i = 0; i < page->n_segments; i++)
        put_segment(json, &page->segment[i]);
    clade_json_array_end(json);
    put_features(json, page);
    clade_json_key(json, "scores");
    clade_json_object(json);
    for (size_t i = 0; i < page->n_segments; i++) {
        if (page->segment[i].kind != CLADE_SEGMENT_OUTLOOK) continue;
        clade_json_put_number(json, "log_spend_90d", page->segment[i].score);
    }
    clade_json_object_end(json);
    put_reasons(json, page);
    put_orders(json, page);
    clade_json_key(json, "history");
    clade_json_array(json);
    for (size_t i = 0; i < page->n_history; i++)
        put_segment(json, &page->history[i]);
    clade_json_array_end(json);
}

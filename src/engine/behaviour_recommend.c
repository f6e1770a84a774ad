/* What to recommend: the catalogue as an exact scan, filters, and greedy variety. An item's place
 * in the scan is its number less one, because number 0 is no item.
 *
 * Items of the history have additions to their scores that no scan knows of: they are left out of
 * it, scored one by one and put where they belong, so that the answer is that of a walk through all
 * scores. */
#include "behaviour_recommend.h"
#include "behaviour_counted.h"

#include "clade/kernels.h"
#include "clade/run.h"
#include "clade/scan.h"

#include <math.h>
#include <stdlib.h>

enum { POOL_FACTOR = 5 }; /* candidates for each item wanted, where they have to differ */

struct clade_recommender {
    const clade_shop_histories *histories;
    clade_recommend_options     options;
    clade__counted             *counted; /* the baseline that recommends; or NULL */
    clade_scan                 *scan;
    clade_scan_room            *room;
    size_t                      n_pool;  /* candidates a customer */
    uint64_t                   *allowed; /* a bit for each place: not out of stock */
    uint32_t                   *group;   /* (n_items) of each place */
    clade_recommended          *popular; /* (n_popular) in stock, most customers first */
    size_t                      n_popular;
};

clade_recommend_options clade_recommend_defaults(void)
{
    return (clade_recommend_options){ .n = 10, .lambda = 1 };
}

const char *clade_recommend_ground_name(clade_recommend_ground ground)
{
    static const char *const name[] = { "event", "own", "history", "popular", "common" };
    return name[ground];
}

/* ---------------------------------------------------------------- getting ready */

static clade_status check_options(const clade_recommend_options *o, clade_error *err)
{
    if (o->n < 1 || o->n > CLADE_RECOMMEND_MAX)
        return clade_fail(err, CLADE_ERR_ARG, "%zu items to recommend: wanted 1 to %d", o->n,
                          CLADE_RECOMMEND_MAX);
    if (!(o->lambda >= 0 && o->lambda <= 1))
        return clade_fail(err, CLADE_ERR_ARG, "a diversity of %g: wanted 0 to 1", o->lambda);
    return CLADE_OK;
}

/* The first-level category of each item; an item without one is alone in its own. */
static clade_status make_groups(uint32_t **out, size_t *out_n, const clade_sequences *s,
                                clade_error *err)
{
    const uint32_t *category = NULL;
    uint32_t       *group    = CLADE_NEW(uint32_t, (size_t)s->n_items + 1);
    size_t          n        = 0;
    if (group == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for categories");
    for (size_t f = 0; f < s->n_item_fields; f++) {
        if (strcmp(s->item_field[f].name, "category") != 0) continue;
        category = s->item_field[f].value;
        n        = s->item_field[f].n_values;
    }
    for (uint32_t i = 0; i < s->n_items; i++)
        group[i] = category != NULL && category[i + 1] > 0 ? category[i + 1] - 1 : (uint32_t)n++;
    *out   = group;
    *out_n = n;
    return CLADE_OK;
}

static bool is_allowed(const clade_recommender *r, uint32_t place)
{
    return (r->allowed[place / 64] >> place % 64 & 1) != 0;
}

static clade_status leave_out_of_stock(clade_recommender *r, clade_store *store, clade_error *err)
{
    const clade_vocabulary *const v      = r->histories->vocabulary;
    const clade_value             arg    = CLADE_INT(r->histories->as_of_us);
    clade_rows                   *rows   = NULL;
    clade_chunk                   chunk  = { 0 };
    clade_status                  status = clade_store_query(
                         &rows, store,
                         "SELECT item FROM item WHERE stock IS NOT NULL AND known_us < ? GROUP BY item HAVING "
                                          "arg_max(stock, known_us) <= 0",
                         &arg, 1, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows; i++) {
            const uint32_t item = clade_vocabulary_find(v, clade_chunk_int(&chunk, 0, i, -1));
            if (item > 0) r->allowed[(item - 1) / 64] &= ~(UINT64_C(1) << (item - 1) % 64);
        }
    }
    clade_rows_close(rows);
    return status;
}

/* Items by how many customers bought them of late; of a log without purchases, did anything. */
static clade_status find_popular(clade_recommender *r, clade_store *store, clade_error *err)
{
    static const char sql[] =
        "SELECT item, count(DISTINCT customer) AS n FROM event WHERE at_us < ? AND at_us >= ? AND "
        "item IS NOT NULL AND customer IS NOT NULL AND (? OR kind = 'purchase') GROUP BY item "
        "ORDER "
        "BY n DESC, item LIMIT 2000";
    const int64_t now   = r->histories->as_of_us,
                  since = now - CLADE_RECOMMEND_DAYS * CLADE_US_PER_DAY;
    clade_status status = CLADE_OK;
    r->popular          = CLADE_NEW(clade_recommended, CLADE_RECOMMEND_MAX);
    if (r->popular == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for popular items");
    for (int turn = 0; turn < 3 && r->n_popular == 0 && status == CLADE_OK; turn++) {
        const clade_value args[3] = { CLADE_INT(now), CLADE_INT(turn < 2 ? since : INT64_MIN),
                                      (clade_value){ .type = CLADE_TYPE_BOOL, .i64 = turn > 0 } };
        clade_rows       *rows    = NULL;
        clade_chunk       chunk   = { 0 };
        status                    = clade_store_query(&rows, store, sql, args, 3, err);
        while (status == CLADE_OK) {
            status = clade_rows_next(&chunk, rows, err);
            if (status != CLADE_OK || chunk.n_rows == 0) break;
            for (size_t i = 0; i < chunk.n_rows && r->n_popular < CLADE_RECOMMEND_MAX; i++) {
                const uint32_t item = clade_vocabulary_find(r->histories->vocabulary,
                                                            clade_chunk_int(&chunk, 0, i, -1));
                if (item == 0 || !is_allowed(r, item - 1)) continue;
                r->popular[r->n_popular++] =
                    (clade_recommended){ .item   = item,
                                         .score  = (float)clade_chunk_int(&chunk, 1, i, 0),
                                         .ground = CLADE_GROUND_POPULAR };
            }
        }
        clade_rows_close(rows);
    }
    return status;
}

static clade_status make_scan(clade_recommender *r, clade_error *err)
{
    const clade_shop_histories *const h        = r->histories;
    const size_t                      d        = clade_behaviour_options_of(h->model)->d;
    const size_t                      n        = h->sequences->n_items;
    size_t                            n_groups = 0;
    CLADE_TRY(make_groups(&r->group, &n_groups, h->sequences, err));
    const clade_scan_options options = { .group = r->group, .n_groups = n_groups, .borrow = true };
    clade_status             status =
        clade_scan_create(&r->scan, clade_behaviour_items(h->model) + d, n, d, &options, err);
    r->n_pool = r->options.lambda < 1 ? r->options.n * POOL_FACTOR : r->options.n;
    if (status == CLADE_OK)
        status =
            clade_scan_room_create(&r->room, r->scan, r->n_pool, (size_t)clade_threads_get(), err);
    if (status == CLADE_OK && r->options.by_baseline)
        status =
            clade__counted_create(&r->counted, h->sequences, &r->options, r->group, n_groups, err);
    return status;
}

clade_status clade_recommender_create(clade_recommender **out, clade_store *store,
                                      const clade_shop_histories    *histories,
                                      const clade_recommend_options *options, clade_error *err)
{
    const size_t n_words = ((size_t)histories->sequences->n_items + 63) / 64;
    CLADE_TRY(check_options(options, err));
    clade_recommender *r = calloc(1, sizeof *r);
    if (r == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory to recommend");
    r->histories        = histories;
    r->options          = *options;
    r->allowed          = CLADE_NEW(uint64_t, n_words + 1);
    clade_status status = CLADE_OK;
    if (r->allowed == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %u items",
                            histories->sequences->n_items);
    } else {
        memset(r->allowed, 0xff, n_words * sizeof *r->allowed);
    }
    if (status == CLADE_OK) status = leave_out_of_stock(r, store, err);
    if (status == CLADE_OK) status = find_popular(r, store, err);
    if (status == CLADE_OK) status = make_scan(r, err);
    if (status == CLADE_OK) {
        *out = r;
        r    = NULL;
    }
    clade_recommender_free(r);
    return status;
}

void clade_recommender_free(clade_recommender *r)
{
    if (r == NULL) return;
    clade__counted_free(r->counted);
    clade_scan_room_free(r->room);
    clade_scan_free(r->scan);
    free(r->allowed);
    free(r->group);
    free(r->popular);
    free(r);
}

/* ---------------------------------------------------------------- recommending */

static int compare_places(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Places of what a customer bought, rising, from `at` on. How many. */
static size_t find_bought(uint32_t *places, const clade_recommender *r, size_t row)
{
    const clade_sequences *const s    = r->histories->sequences;
    const uint32_t *const        kind = clade__kinds_of(s);
    size_t                       n    = 0;
    if (r->options.again || kind == NULL) return 0;
    for (uint64_t e = s->start[row]; e < s->start[row + 1]; e++)
        if (kind[e] == CLADE__KIND_PURCHASE && s->item[e] > 0) places[n++] = s->item[e] - 1;
    return n;
}

/* ---------------------------------------------------------------- own items */

/* A place with its score. */
typedef struct candidate {
    uint32_t place;
    float    score;
} candidate;

/* Best first, of equals the lower place, as the scan has them. */
static int compare_candidates(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return compare_places(&x->place, &y->place);
}

/* The items of a history that have additions, into out (max_events), best first. How many. */
static size_t find_own(candidate *out, const clade_recommender *r, const float *vector,
                       const clade_case *one)
{
    const clade_behaviour *const model = r->histories->model;
    const size_t                 d     = clade_behaviour_options_of(model)->d;
    uint32_t                     item[CLADE_BEHAVIOUR_EVENTS_MAX];
    float                        added[CLADE_BEHAVIOUR_EVENTS_MAX];
    const size_t n = clade_behaviour_own(item, added, model, vector, r->histories->sequences, one);
    for (size_t k = 0; k < n; k++) {
        const float *const row = clade_behaviour_items(model) + item[k] * d;
        out[k] = (candidate){ item[k] - 1, clade_kernels_get()->dot(vector, row, d) + added[k] };
    }
    if (n > 1) qsort(out, n, sizeof *out, compare_candidates);
    return n;
}

/* Is the group of a place full of what was chosen before? */
static bool is_full(const clade_recommender *r, const candidate *chosen, size_t n, uint32_t place)
{
    size_t of_group = 0;
    for (size_t k = 0; r->options.category_cap > 0 && k < n; k++)
        of_group += r->group[chosen[k].place] == r->group[place];
    return r->options.category_cap > 0 && of_group >= r->options.category_cap;
}

/* Own items (n_own, best first) into one pool (n_pool, best first). A pool that the scan capped is
 * long enough: an own item that is chosen keeps at most one of it out. */
static void merge_own(uint32_t *pool, float *score, const clade_recommender *r,
                      const candidate *own, size_t n_own)
{
    candidate chosen[CLADE_RECOMMEND_MAX * POOL_FACTOR];
    size_t    n = 0, at = 0, k = 0;
    while (n < r->n_pool && (k < n_own || (at < r->n_pool && pool[at] != CLADE_SCAN_NONE))) {
        const bool      is_left = at < r->n_pool && pool[at] != CLADE_SCAN_NONE;
        const candidate other   = { is_left ? pool[at] : CLADE_SCAN_NONE,
                                  is_left ? score[at] : -INFINITY };
        const bool      is_own = k < n_own && (!is_left || compare_candidates(&own[k], &other) < 0);
        const candidate best   = is_own ? own[k++] : other;
        at += !is_own;
        if (!is_full(r, chosen, n, best.place)) chosen[n++] = best;
    }
    for (size_t i = 0; i < r->n_pool; i++) {
        pool[i]  = i < n ? chosen[i].place : CLADE_SCAN_NONE;
        score[i] = i < n ? chosen[i].score : -INFINITY;
    }
}

/* What of the own items may be recommended: neither bought nor out of stock. places (n) rises. */
static size_t keep_allowed(candidate *own, size_t n_own, const clade_recommender *r,
                           const uint32_t *places, size_t n)
{
    size_t kept = 0;
    for (size_t k = 0; k < n_own; k++) {
        if (!is_allowed(r, own[k].place) ||
            (n > 0 && bsearch(&own[k].place, places, n, sizeof *places, compare_places) != NULL))
            continue;
        own[kept++] = own[k];
    }
    return kept;
}

/* Pools of candidates into the answer: varied where that was asked for, as item numbers. */
static clade_status choose(uint32_t *out_item, float *out_score, const clade_recommender *r,
                           uint32_t *pool, const float *score, size_t n_rows, clade_error *err)
{
    const size_t n = r->options.n, m = r->n_pool;
    for (size_t i = 0; i < n_rows; i++) {
        if (r->options.lambda < 1) {
            CLADE_TRY(clade_scan_diversify(out_item + i * n, out_score + i * n, n, r->scan,
                                           pool + i * m, score + i * m, m, (float)r->options.lambda,
                                           r->room, err));
        } else {
            memcpy(out_item + i * n, pool + i * m, n * sizeof *pool);
            memcpy(out_score + i * n, score + i * m, n * sizeof *score);
        }
        for (size_t k = 0; k < n; k++) {
            uint32_t *const place = &out_item[i * n + k];
            *place                = *place == CLADE_SCAN_NONE ? 0 : *place + 1;
        }
    }
    return CLADE_OK;
}

/* What a row leaves out of its scan: what was bought, and its own items; places has room for both.
 */
static clade_scan_filter filter_of(uint32_t *places, candidate *own, size_t *out_n_own,
                                   const clade_recommender *r, size_t row, const float *vector,
                                   const clade_case *one)
{
    size_t       n     = find_bought(places, r, row);
    const size_t n_own = r->counted != NULL ? 0 : find_own(own, r, vector, one);
    if (n > 1) qsort(places, n, sizeof *places, compare_places);
    *out_n_own = keep_allowed(own, n_own, r, places, n);
    for (size_t k = 0; k < *out_n_own; k++)
        places[n++] = own[k].place;
    if (n > 1) qsort(places, n, sizeof *places, compare_places);
    return (clade_scan_filter){ .allowed    = r->allowed,
                                .excluded   = places,
                                .n_excluded = n,
                                .group_cap  = r->options.category_cap };
}

clade_status clade_recommend_rows(uint32_t *out_item, float *out_score, clade_recommender *r,
                                  size_t first, size_t n_rows, clade_error *err)
{
    const clade_shop_histories *const    h = r->histories;
    const clade_behaviour_options *const o = clade_behaviour_options_of(h->model);
    const size_t                         n_events =
        (size_t)(h->sequences->start[first + n_rows] - h->sequences->start[first]);
    clade_status       status = CLADE_OK;
    clade_case        *cases  = CLADE_NEW(clade_case, n_rows + 1);
    float             *vector = CLADE_NEW(float, n_rows * o->d + 1);
    uint32_t          *places = CLADE_NEW(uint32_t, 2 * n_events + 1);
    candidate         *own    = CLADE_NEW(candidate, n_events + 1);
    size_t            *n_own  = CLADE_NEW(size_t, n_rows + 1);
    clade_scan_filter *filter = CLADE_NEW(clade_scan_filter, n_rows + 1);
    uint32_t          *pool   = CLADE_NEW(uint32_t, n_rows * r->n_pool + 1);
    float             *score  = CLADE_NEW(float, n_rows * r->n_pool + 1);
    if (cases == NULL || vector == NULL || places == NULL || own == NULL || n_own == NULL ||
        filter == NULL || pool == NULL || score == NULL) {
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "no memory to recommend to %zu customers", n_rows);
        goto done;
    }
    for (size_t i = 0; i < n_rows; i++)
        cases[i] = (clade_case){ (uint32_t)(first + i), 0, h->sequences->start[first + i + 1],
                                 h->as_of_us };
    if (r->counted == NULL)
        status = clade_behaviour_vectors(vector, h->model, h->sequences, cases, n_rows, err);
    if (status != CLADE_OK) goto done;
    for (size_t i = 0; i < n_rows; i++) { /* a row has no more own items than events */
        const size_t at = (size_t)(h->sequences->start[first + i] - h->sequences->start[first]);
        filter[i] = filter_of(places + 2 * at, own + at, &n_own[i], r, first + i, vector + i * o->d,
                              &cases[i]);
    }
    if (r->counted != NULL) {
        status = clade__counted_rows(pool, score, r->n_pool, r->counted, h->sequences, cases,
                                     filter, n_rows, err);
    } else {
        status =
            clade_scan_batch(pool, score, r->n_pool, r->scan, vector, n_rows, filter, r->room, err);
    }
    for (size_t i = 0; status == CLADE_OK && i < n_rows; i++) {
        const size_t at = (size_t)(h->sequences->start[first + i] - h->sequences->start[first]);
        if (n_own[i] > 0)
            merge_own(pool + i * r->n_pool, score + i * r->n_pool, r, own + at, n_own[i]);
    }
    if (status == CLADE_OK) status = choose(out_item, out_score, r, pool, score, n_rows, err);
done:
    free(cases);
    free(vector);
    free(places);
    free(own);
    free(n_own);
    free(filter);
    free(pool);
    free(score);
    return status;
}

/* The row of a customer, or n_customers. */
static size_t find_row(const clade_sequences *s, int64_t customer)
{
    size_t low = 0, high = s->n_customers;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (s->customer[middle] < customer)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->n_customers && s->customer[low] == customer ? low : s->n_customers;
}

bool clade_recommender_knows(const clade_recommender *r, int64_t customer)
{
    const clade_sequences *const s = r->histories->sequences;
    return find_row(s, customer) < s->n_customers;
}

clade_status clade_recommend(clade_recommended *out, size_t *out_n, clade_recommender *r,
                             int64_t customer, clade_error *err)
{
    uint32_t     item[CLADE_RECOMMEND_MAX];
    float        score[CLADE_RECOMMEND_MAX];
    const size_t row = find_row(r->histories->sequences, customer);
    size_t       n   = 0;
    if (row == r->histories->sequences->n_customers) {
        n = r->n_popular < r->options.n ? r->n_popular : r->options.n;
        memcpy(out, r->popular, n * sizeof *out);
    } else {
        CLADE_TRY(clade_recommend_rows(item, score, r, row, 1, err));
        for (; n < r->options.n && item[n] > 0; n++)
            out[n] = (clade_recommended){ .item = item[n], .score = score[n] };
        if (r->counted == NULL) {
            CLADE_TRY(clade__reasons_find(out, n, r->histories, row, err));
        } else {
            const clade_scorer scorer = clade__counted_scorer(r->counted);
            CLADE_TRY(clade__reasons_counted(out, n, r->histories, row, &scorer, err));
        }
    }
    clade__reasons_say(out, n, r->histories->vocabulary);
    *out_n = n;
    return CLADE_OK;
}

/* The items of a shop as of a moment: which there are, what the catalogue said of each by then,
 * what they cost, and the numbers all that gets. Runs once a reading, over items and not over
 * events. */
#include "sequences_internal.h"

#include "clade/numeric.h"
#include "clade/run.h"

#define LOG2_UNITS 1048576.0 /* logarithms are summed as integers: the order cannot matter */
#define NO_WORD    UINT32_MAX

typedef struct item_row {
    int64_t     item;
    size_t      n_events;
    double      log2_price; /* of one piece in minor units; NAN when nothing is known */
    const char *ref, *name;
    uint32_t    path, brand; /* index of the word, or NO_WORD */
    uint32_t    number;      /* in the vocabulary */
} item_row;

/* Everything between the store and the vocabulary. */
typedef struct catalogue_work {
    const clade__reading *reading;
    clade_vocabulary     *vocabulary;
    item_row             *row; /* (n) by rising item */
    size_t                n, capacity;
    clade__word_table     category, path, brand;
} catalogue_work;

/* ---------------------------------------------------------------- from the store */

/* Items that an event or the catalogue names, but for those that are only ever a service. The
 * geometric mean of the prices that were asked is what an item costs. */
static clade_status read_items(catalogue_work *work, clade_error *err)
{
    const clade__reading *reading = work->reading;
    const long long       as_of   = (long long)reading->as_of_us;
    clade_status          status  = CLADE_OK;
    clade_buffer          sql     = { 0 };
    clade_rows           *rows    = NULL;
    clade_chunk           chunk   = { 0 };

    clade_buffer_format(
        &sql,
        "SELECT item, sum(n)::BIGINT, sum(n_priced)::BIGINT, sum(priced)::BIGINT FROM ("
        " SELECT item, count(*) AS n, count(price) AS n_priced,"
        "  coalesce(sum(CAST(floor(log2(price) * %.1f + 0.5) AS BIGINT)), 0) AS priced"
        " FROM %s AS e WHERE item IS NOT NULL GROUP BY item"
        " UNION ALL SELECT DISTINCT item, 0, 0, 0 FROM item WHERE known_us < %lld) AS i GROUP BY "
        "item",
        LOG2_UNITS, reading->everybody.data, as_of);
    if (reading->has_service) {
        clade_buffer_format(
            &sql,
            " HAVING sum(n) > 0 OR item NOT IN (SELECT item FROM event WHERE item IS"
            " NOT NULL AND at_us < %lld AND event IN (SELECT event FROM flag WHERE"
            " name = 'not_product' AND event IS NOT NULL AND since_us < %lld))",
            as_of, as_of);
    }
    clade_buffer_text(&sql, " ORDER BY item");
    if (sql.failed) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the SQL of items");
        goto done;
    }
    status = clade_store_query(&rows, reading->store, sql.data, NULL, 0, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        const int64_t *item = clade_chunk_data(&chunk, 0), *n = clade_chunk_data(&chunk, 1);
        const int64_t *n_priced = clade_chunk_data(&chunk, 2),
                      *priced   = clade_chunk_data(&chunk, 3);
        if (work->n + chunk.n_rows > CLADE_ITEMS_MAX) {
            status = clade_fail(err, CLADE_ERR_DATA, "more than %d items", CLADE_ITEMS_MAX);
            goto done;
        }
        if (!CLADE_GROW(&work->row, &work->capacity, work->n + chunk.n_rows)) {
            status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu items", work->n);
            goto done;
        }
        for (size_t i = 0; i < chunk.n_rows; i++) {
            work->row[work->n++] = (item_row){
                .item       = item[i],
                .n_events   = (size_t)n[i],
                .log2_price = n_priced[i] == 0
                                  ? (double)NAN
                                  : (double)priced[i] / (double)n_priced[i] / LOG2_UNITS,
                .path       = NO_WORD,
                .brand      = NO_WORD,
            };
        }
    }
done:
    clade_rows_close(rows);
    clade_buffer_free(&sql);
    return status;
}

/* The word of a column for an item that has none of it yet. */
static bool take_word(uint32_t *word, clade__word_table *table, clade_text text)
{
    const clade_text trimmed = clade_text_trim(text);
    if (*word != NO_WORD || trimmed.size == 0) return true;
    *word = clade__words_add(table, trimmed);
    return *word != UINT32_MAX;
}

static bool take_text(const char **out, clade_arena *arena, clade_text text)
{
    if (*out != NULL || text.data == NULL) return true;
    *out = clade_arena_text(arena, text.data, text.size);
    return *out != NULL;
}

/* One line of the catalogue, the latest of an item first: a value that is there already is later.
 */
static bool take_line(catalogue_work *work, item_row *row, const clade_chunk *chunk, size_t at)
{
    clade_arena *const arena = work->vocabulary->arena;
    const clade_text   price = clade_chunk_text(chunk, 6, at);
    const double       minor = clade_chunk_real(chunk, 5, at, 0);

    if (isnan(row->log2_price) && minor > 0 &&
        (price.size == 0 || work->reading->currency[0] == '\0' ||
         clade_text_equal(price, clade_text_of(work->reading->currency))))
        row->log2_price = log2(minor);
    return take_text(&row->ref, arena, clade_chunk_text(chunk, 1, at)) &&
           take_text(&row->name, arena, clade_chunk_text(chunk, 2, at)) &&
           take_word(&row->path, &work->path, clade_chunk_text(chunk, 3, at)) &&
           take_word(&row->brand, &work->brand, clade_chunk_text(chunk, 4, at));
}

static clade_status read_catalogue(catalogue_work *work, clade_error *err)
{
    static const char sql[]   = "SELECT item, ref, name, category, brand, price_minor, currency"
                                " FROM item WHERE known_us < ? ORDER BY item, known_us DESC, load"
                                " DESC, category, brand, price_minor, ref, name";
    const clade_value args[1] = { CLADE_INT(work->reading->as_of_us) };
    clade_status      status  = CLADE_OK;
    clade_rows       *rows    = NULL;
    clade_chunk       chunk   = { 0 };
    size_t            at      = 0;

    status = clade_store_query(&rows, work->reading->store, sql, args, 1, err);
    if (status != CLADE_OK) goto done;
    while ((status = clade_rows_next(&chunk, rows, err)) == CLADE_OK && chunk.n_rows > 0) {
        const int64_t *item = clade_chunk_data(&chunk, 0);
        for (size_t i = 0; i < chunk.n_rows; i++) {
            while (at < work->n && work->row[at].item < item[i])
                at++;
            if (at == work->n || work->row[at].item != item[i]) continue;
            if (take_line(work, &work->row[at], &chunk, i)) continue;
            status =
                clade_fail(err, CLADE_ERR_NOMEM, "no memory for a catalogue of %zu items", work->n);
            goto done;
        }
    }
done:
    clade_rows_close(rows);
    return status;
}

/* ---------------------------------------------------------------- numbers for words and items */

/* "home > kitchen > pots": home. */
static clade_text first_level(clade_text path)
{
    const char *end = memchr(path.data, '>', path.size);
    return clade_text_trim(
        (clade_text){ path.data, end == NULL ? path.size : (size_t)(end - path.data) });
}

static bool copy_words(clade_words *out, const clade_words *words, clade_arena *arena)
{
    out->n    = words->n;
    out->name = CLADE_ARENA_NEW(arena, const char *, words->n);
    if (out->name == NULL) return false;
    for (uint32_t i = 0; i < words->n; i++) {
        out->name[i] = clade_arena_text(arena, words->name[i], strlen(words->name[i]));
        if (out->name[i] == NULL) return false;
    }
    return true;
}

/* The words of a fitted model keep their numbers; the others have none. */
static bool number_words(clade_words *out, clade__word_table *table, const clade_words *base,
                         clade_arena *arena)
{
    clade__word_table known = { 0 };
    if (base == NULL) return clade__words_rank(out, table, CLADE_ITEM_WORDS_MAX);
    const bool done = copy_words(out, base, arena) && clade__words_of(&known, out, arena);
    for (size_t i = 0; done && i < table->n; i++)
        table->word[i].number = clade__words_number(&known, table->word[i].text);
    clade__words_free(&known);
    return done;
}

static clade_status number_everything(catalogue_work *work, clade_error *err)
{
    clade_vocabulary *const       v     = work->vocabulary;
    const clade_vocabulary *const base  = work->reading->base;
    bool                          ready = true;

    for (size_t i = 0; i < work->n && ready; i++) {
        const uint32_t path = work->row[i].path;
        if (path == NO_WORD) continue;
        const clade_text level = first_level(work->path.word[path].text);
        if (level.size > 0) ready = clade__words_add(&work->category, level) != UINT32_MAX;
    }
    ready = ready &&
            number_words(&v->category, &work->category, base == NULL ? NULL : &base->category,
                         v->arena) &&
            number_words(&v->category_path, &work->path, base == NULL ? NULL : &base->category_path,
                         v->arena) &&
            number_words(&v->brand, &work->brand, base == NULL ? NULL : &base->brand, v->arena);

    /* Items of the fitted model first, as it has them; the others behind, by rising number. */
    uint32_t n_items = base == NULL ? 0 : base->n_items;
    for (size_t i = 0; i < work->n; i++) {
        const uint32_t old  = base == NULL ? 0 : clade_vocabulary_find(base, work->row[i].item);
        work->row[i].number = old != 0 ? old : ++n_items;
    }
    if (n_items > CLADE_ITEMS_MAX)
        return clade_fail(err, CLADE_ERR_DATA, "more than %d items", CLADE_ITEMS_MAX);
    v->item      = CLADE_ARENA_NEW(v->arena, int64_t, n_items + 1);
    v->item_ref  = CLADE_ARENA_NEW(v->arena, const char *, n_items + 1);
    v->item_name = CLADE_ARENA_NEW(v->arena, const char *, n_items + 1);
    if (!ready || v->item == NULL || v->item_ref == NULL || v->item_name == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a vocabulary of %u items", n_items);
    v->n_items = n_items;
    if (base != NULL) memcpy(v->item, base->item, (base->n_items + 1) * sizeof *v->item);
    v->item[0] = -1;
    for (size_t i = 0; i < work->n; i++) {
        const item_row *row       = &work->row[i];
        v->item[row->number]      = row->item;
        v->item_ref[row->number]  = row->ref;
        v->item_name[row->number] = row->name;
    }
    return clade__vocabulary_sort(v, err);
}

/* ---------------------------------------------------------------- prices */

static uint32_t path_number(const catalogue_work *work, const item_row *row)
{
    return row->path == NO_WORD ? 0 : work->path.word[row->path].number;
}

/* The median price of the shop and of each category path with enough priced items, in log2. */
static clade_status find_centres(catalogue_work *work, clade_error *err)
{
    clade_vocabulary *const v       = work->vocabulary;
    const size_t            n_paths = (size_t)v->category_path.n + 1;
    clade_status            status  = CLADE_OK;
    size_t                 *end     = CLADE_NEW(size_t, n_paths + 1);
    double                 *value   = CLADE_NEW(double, work->n);
    size_t                  n       = 0;

    v->price_centre = CLADE_ARENA_NEW(v->arena, double, n_paths);
    if (end == NULL || value == NULL || v->price_centre == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for the prices of %zu items", work->n);
        goto done;
    }
    if (work->reading->base != NULL) {
        memcpy(v->price_centre, work->reading->base->price_centre, n_paths * sizeof(double));
        goto done;
    }
    /* Values grouped by path: count, sum up, put in place. */
    for (size_t i = 0; i < work->n; i++) {
        if (!isnan(work->row[i].log2_price)) end[path_number(work, &work->row[i]) + 1]++;
    }
    for (size_t path = 1; path <= n_paths; path++)
        end[path] += end[path - 1];
    n = end[n_paths];
    for (size_t i = 0; i < work->n; i++) {
        if (!isnan(work->row[i].log2_price))
            value[end[path_number(work, &work->row[i])]++] = work->row[i].log2_price;
    }
    for (size_t path = 1; path < n_paths; path++) { /* end[path] is now the end of its values */
        const size_t begin    = end[path - 1];
        const size_t n_here   = end[path] - begin;
        v->price_centre[path] = n_here < CLADE_PRICE_PEERS_MIN
                                    ? (double)NAN
                                    : clade_quantile_f64(value + begin, n_here, 0.5);
    }
    v->price_centre[0] = clade_quantile_f64(value, n, 0.5);
done:
    free(end);
    free(value);
    return status;
}

static clade_status fill_columns(clade__catalogue *out, const catalogue_work *work,
                                 clade_error *err)
{
    const clade_vocabulary *v = work->vocabulary;
    const size_t            n = (size_t)v->n_items + 1;
    out->category             = CLADE_ARENA_NEW(v->arena, uint32_t, n);
    out->path                 = CLADE_ARENA_NEW(v->arena, uint32_t, n);
    out->brand                = CLADE_ARENA_NEW(v->arena, uint32_t, n);
    out->price_band           = CLADE_ARENA_NEW(v->arena, uint32_t, n);
    if (out->category == NULL || out->path == NULL || out->brand == NULL || out->price_band == NULL)
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for the columns of %zu items", n - 1);
    out->has_price = !isnan(v->price_centre[0]);
    for (size_t i = 0; i < work->n; i++) {
        const item_row *row = &work->row[i];
        const uint32_t  at  = row->number;
        out->n_cold += row->n_events == 0;
        if (row->path != NO_WORD) {
            out->path[at] = path_number(work, row);
            out->category[at] =
                clade__words_number(&work->category, first_level(work->path.word[row->path].text));
        }
        if (row->brand != NO_WORD) out->brand[at] = work->brand.word[row->brand].number;
        out->price_band[at] =
            clade__price_band(row->log2_price, clade__centre_of(v, out->path[at]));
    }
    return CLADE_OK;
}

double clade__centre_of(const clade_vocabulary *vocabulary, uint32_t path)
{
    const double own = vocabulary->price_centre[path];
    return isnan(own) ? vocabulary->price_centre[0] : own;
}

clade_status clade__catalogue_make(clade__catalogue *out, const clade__reading *reading,
                                   clade_error *err)
{
    clade_status     status    = CLADE_OK;
    clade__catalogue catalogue = { .vocabulary = CLADE_NEW(clade_vocabulary, 1) };
    catalogue_work   work      = { .reading = reading, .vocabulary = catalogue.vocabulary };

    if (catalogue.vocabulary != NULL) catalogue.vocabulary->arena = clade_arena_create(0);
    if (catalogue.vocabulary == NULL || catalogue.vocabulary->arena == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for a vocabulary");
        goto done;
    }
    work.category.arena = work.path.arena = work.brand.arena = catalogue.vocabulary->arena;
    status                                                   = read_items(&work, err);
    if (status == CLADE_OK) status = read_catalogue(&work, err);
    if (status == CLADE_OK) status = number_everything(&work, err);
    if (status == CLADE_OK) status = find_centres(&work, err);
    if (status == CLADE_OK) status = fill_columns(&catalogue, &work, err);
    if (status != CLADE_OK) goto done;

    *out      = catalogue;
    catalogue = (clade__catalogue){ 0 };
done:
    free(work.row);
    clade__words_free(&work.category);
    clade__words_free(&work.path);
    clade__words_free(&work.brand);
    clade__catalogue_free(&catalogue);
    return status;
}

void clade__catalogue_free(clade__catalogue *catalogue)
{
    clade_vocabulary_free(catalogue->vocabulary);
    *catalogue = (clade__catalogue){ 0 };
}

/* Items: ten for everybody by whoever the fit's verdict lets recommend, and what is popular for
 * those of whom nothing is known. */
#include "model.h"

#include <stdlib.h>

enum { BLOCK = 4096 };

static const char popular_sql[] =
    "WITH bought AS (SELECT item, count(DISTINCT customer) AS n FROM event WHERE kind = 'purchase' "
    "AND item IS NOT NULL AND at_us >= ? AND at_us < ? GROUP BY item), "
    "latest AS (SELECT item, arg_max(ref, known_us) AS ref, arg_max(name, known_us) AS name, "
    "arg_max(stock, known_us) AS stock FROM item GROUP BY item) "
    "SELECT l.ref, coalesce(l.name, ''), CAST(b.n AS BIGINT) FROM bought b JOIN latest l ON l.item "
    "= b.item WHERE l.stock IS NULL OR l.stock > 0 ORDER BY b.n DESC, l.ref LIMIT 50";

static void keep_text(char *out, size_t size, clade_text text)
{
    size_t n = text.size < size ? text.size : size - 1;
    n        = clade_utf8_valid(text.data, n);
    memcpy(out, text.data == NULL ? "" : text.data, n);
    out[n] = '\0';
}

static clade_status read_popular(clade__model *model, clade_store *store, clade_error *err)
{
    const clade_value args[] = { CLADE_INT(model->as_of_us -
                                           CLADE_RECOMMEND_DAYS * CLADE_US_PER_DAY),
                                 CLADE_INT(model->as_of_us) };
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    clade_status      status = clade_store_query(&rows, store, popular_sql, args, 2, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        for (size_t i = 0; i < chunk.n_rows && model->n_popular < CLADE__MOST; i++) {
            clade__popular *const one = &model->popular[model->n_popular++];
            keep_text(one->ref, sizeof one->ref, clade_chunk_text(&chunk, 0, i));
            keep_text(one->name, sizeof one->name, clade_chunk_text(&chunk, 1, i));
            one->n = clade_chunk_real(&chunk, 2, i, 0);
        }
    }
    clade_rows_close(rows);
    return status;
}

/* Written once, copied into every answer that names the item. */
static clade_status write_items(clade__model *model, clade_error *err)
{
    const clade_vocabulary *const words = model->histories->vocabulary;
    model->item_at                      = CLADE_NEW(uint32_t, (size_t)words->n_items + 2);
    if (model->item_at == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for items");
    for (uint32_t i = 1; i <= words->n_items; i++) {
        clade_json json   = clade_json_start(&model->item_json, 0);
        model->item_at[i] = (uint32_t)model->item_json.size;
        clade_json_object(&json);
        clade_json_put_text(&json, "item", words->item_ref[i] == NULL ? "?" : words->item_ref[i]);
        clade_json_put_text(&json, "name", words->item_name[i]);
    }
    model->item_at[words->n_items + 1] = (uint32_t)model->item_json.size;
    if (model->item_json.failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for items");
    return CLADE_OK;
}

static clade_status recommend_all(clade__model *model, clade_error *err)
{
    const clade_sequences *const s      = model->histories->sequences;
    const size_t                 n      = model->options.n;
    clade_status                 status = CLADE_OK;
    uint32_t *const              item   = CLADE_NEW(uint32_t, BLOCK * n);
    float *const                 score  = CLADE_NEW(float, BLOCK *n);
    model->top_item                     = CLADE_NEW(uint32_t, (model->n + 1) * CLADE__TOP);
    model->top_score                    = CLADE_NEW(float, (model->n + 1) * CLADE__TOP);
    if (item == NULL || score == NULL || model->top_item == NULL || model->top_score == NULL)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for recommendations");
    for (size_t first = 0; status == CLADE_OK && first < s->n_customers; first += BLOCK) {
        const size_t left = s->n_customers - first, rows = left < BLOCK ? left : BLOCK;
        status = clade_recommend_rows(item, score, model->recommender, first, rows, err);
        for (size_t i = 0; i < rows && status == CLADE_OK; i++) {
            const int64_t customer = s->customer[first + i];
            if ((size_t)customer >= model->n) continue;
            memcpy(model->top_item + (size_t)customer * CLADE__TOP, item + i * n,
                   CLADE__TOP * sizeof *item);
            memcpy(model->top_score + (size_t)customer * CLADE__TOP, score + i * n,
                   CLADE__TOP * sizeof *score);
        }
    }
    free(item);
    free(score);
    return status;
}

clade_status clade__model_read_items(clade__model *model, clade_store *store, clade_error *err)
{
    clade_error mine = { 0 };
    CLADE_TRY(read_popular(model, store, err));
    clade_status status = clade_shop_behaviour_open(&model->behaviour, store, &mine);
    if (status != CLADE_OK) {
        if (status != CLADE_ERR_NOT_READY)
            clade_log(CLADE_LOG_WARN, "the behaviour model is left out: %s", mine.message);
        return CLADE_OK;
    }
    model->options   = clade_recommend_defaults();
    model->options.n = CLADE__MOST;
    (void)clade_recommend_choose(&model->options, &model->behaviour->card);
    CLADE_TRY(clade_shop_histories_read(&model->histories, store, model->behaviour, model->as_of_us,
                                        NULL, 0, err));
    return clade_recommender_create(&model->recommender, store, model->histories, &model->options,
                                    err);
}

clade_status clade__model_rank_items(clade__model *model, clade_error *err)
{
    if (model->recommender == NULL) return CLADE_OK;
    CLADE_TRY(write_items(model, err));
    return recommend_all(model, err);
}

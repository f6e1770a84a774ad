/* Data quality: the checks of ingest, and what became of the rows of every file. */
#include "facts.h"

#include <stdio.h>

enum { LOADS_MAX = 200 }; /* files listed one by one; the rest is summed */

static const char LOADS[] =
    "SELECT file, shape, rows_read, rows_stored, rows_duplicate, rows_quarantined FROM load "
    "ORDER BY load";

static clade_text keep(facts *f, clade_text text)
{
    const char *copy = clade_arena_text(f->arena, text.data, text.size);
    return clade_text_of(copy == NULL ? "" : copy);
}

/* The name without its folder: folders say more about a person's machine than about data. */
static clade_text base_name(clade_text path)
{
    size_t from = path.size;
    while (from > 0 && path.data[from - 1] != '/')
        from--;
    return (clade_text){ path.data + from, path.size - from };
}

static void add_load(facts *f, const clade_chunk *chunk, size_t r)
{
    load_view *one = &f->load[f->n_loads < LOADS_MAX ? f->n_loads : LOADS_MAX];
    if (f->n_loads < LOADS_MAX) {
        one->file  = keep(f, base_name(clade_chunk_text(chunk, 0, r)));
        one->shape = keep(f, clade_chunk_text(chunk, 1, r));
        f->n_loads++;
    } else {
        one->file  = CLADE_TEXT("...");
        one->shape = CLADE_TEXT("");
    }
    one->n_read += clade_chunk_int(chunk, 2, r, 0);
    one->n_stored += clade_chunk_int(chunk, 3, r, 0);
    one->n_duplicate += clade_chunk_int(chunk, 4, r, 0);
    one->n_quarantined += clade_chunk_int(chunk, 5, r, 0);
}

clade_status facts_quality(facts *f, clade_store *store, clade_error *err)
{
    clade_rows *rows  = NULL;
    clade_chunk chunk = { 0 };
    f->load           = CLADE_ARENA_NEW(f->arena, load_view, LOADS_MAX + 1);
    if (f->load == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a list of files");
    clade_status status = clade_store_query(&rows, store, LOADS, NULL, 0, err);
    if (status == CLADE_OK) status = clade_rows_next(&chunk, rows, err);
    while (status == CLADE_OK && chunk.n_rows > 0) {
        for (size_t r = 0; r < chunk.n_rows; r++)
            add_load(f, &chunk, r);
        status = clade_rows_next(&chunk, rows, err);
    }
    clade_rows_close(rows);
    if (status != CLADE_OK) return status;
    f->n_loads += f->load[LOADS_MAX].n_read > 0;
    return clade_check(&f->check, &f->n_checks, store, f->arena, err);
}

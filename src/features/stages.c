/* From the text of stages.sql to statements that an engine can run: names in braces are replaced by
 * integers, parts are put in place, and the shop's clock becomes an offset to add to a moment. */
#include "internal.h"

#include "clade/run.h"

const char clade__feature_macros[] =
    "CREATE OR REPLACE TEMP MACRO groupArrayIf(x, p) AS list(x) FILTER (WHERE p);"
    "CREATE OR REPLACE TEMP MACRO groupBitOr(x) AS bit_or(x);"
    "CREATE OR REPLACE TEMP MACRO bitShiftLeft(a, b) AS a << b;"
    "CREATE OR REPLACE TEMP MACRO bitAnd(a, b) AS a & b;"
    "CREATE OR REPLACE TEMP MACRO bitCount(a) AS bit_count(a);"
    "CREATE OR REPLACE TEMP MACRO toInt64(x) AS CAST(x AS BIGINT);"
    "CREATE OR REPLACE TEMP MACRO toInt128(x) AS CAST(x AS HUGEINT);"
    "CREATE OR REPLACE TEMP MACRO cityHash64(x) AS hash(x);";

/* ---------------------------------------------------------------- the shop's clock */

/* The offset of a zone between two moments, as SQL: a constant, or a CASE over its changes. Offsets
 * are looked up day by day, and a change is then found by halving. */
static clade_status offset_sql(clade_buffer *out, const clade_zone *zone, int64_t from_us,
                               int64_t to_us, clade_error *err)
{
    int64_t at     = from_us;
    int64_t offset = clade_zone_to_local(zone, at) - at;
    bool    first  = true;

    while (at < to_us) {
        int64_t       next       = to_us - at > CLADE_US_PER_DAY ? at + CLADE_US_PER_DAY : to_us;
        const int64_t new_offset = clade_zone_to_local(zone, next) - next;
        if (new_offset != offset) {
            int64_t low = at, high = next; /* the offset is old at low, new at high */
            while (high - low > 1) {
                const int64_t middle = low + (high - low) / 2;
                if (clade_zone_to_local(zone, middle) - middle == offset)
                    low = middle;
                else
                    high = middle;
            }
            clade_buffer_format(out, "%s WHEN at_us < %lld THEN %lld", first ? "CASE" : "",
                                (long long)high, (long long)offset);
            first  = false;
            offset = clade_zone_to_local(zone, high) - high;
            next   = high;
        }
        at = next;
    }
    clade_buffer_format(out, first ? "%lld" : " ELSE %lld END", (long long)offset);
    if (out->failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a time zone");
    return CLADE_OK;
}

clade_status clade__as_of_begin(clade__as_of *out, clade_store *store, int64_t as_of_us,
                                clade_error *err)
{
    clade_status      status      = CLADE_OK;
    clade_zone       *zone        = NULL;
    clade_buffer      local       = { 0 };
    char              currency[8] = "";
    char              name[64]    = "UTC";
    int64_t           first_us    = 0;
    int64_t           n_void      = 0;
    const clade_value args[1]     = { CLADE_INT(as_of_us) };

    if (as_of_us <= CLADE_TIME_MIN_US + 800 * CLADE_US_PER_DAY || as_of_us > CLADE_TIME_MAX_US)
        return clade_fail(err, CLADE_ERR_ARG, "as-of %lld us is outside the years 3 to 9999",
                          (long long)as_of_us);

    status = clade_store_setting_get(currency, sizeof currency, store, "currency", err);
    if (status != CLADE_OK && status != CLADE_ERR_NOT_FOUND) goto done;
    currency[3] = '\0';
    status      = clade_store_setting_get(name, sizeof name, store, "zone", err);
    if (status != CLADE_OK && status != CLADE_ERR_NOT_FOUND) goto done;
    status = clade_zone_open(&zone, name, err);
    if (status != CLADE_OK) goto done;
    status = clade_store_int(&first_us, store, "SELECT min(at_us) FROM event WHERE at_us < ?", args,
                             1, as_of_us, err);
    if (status != CLADE_OK) goto done;
    /* A stray row from the year 1 must not cost a walk over two thousand years. */
    if (as_of_us - first_us > 36525 * CLADE_US_PER_DAY)
        first_us = as_of_us - 36525 * CLADE_US_PER_DAY;
    status = offset_sql(&local, zone, first_us, as_of_us, err);
    if (status != CLADE_OK) goto done;

    status = clade_store_int(&n_void, store,
                             "SELECT count(*) FROM flag WHERE event IS NOT NULL AND name = "
                             "'test_order' AND since_us < ?",
                             args, 1, 0, err);
    if (status != CLADE_OK) goto done;

    out->as_of_us    = as_of_us;
    out->test_orders = n_void > 0;
    out->minor       = pow(10.0, currency[0] == '\0' ? 2 : clade_currency_digits(currency));
    out->year        = clade_civil_from_us(clade_zone_to_local(zone, as_of_us)).year;
    out->local       = local.data;
    local            = (clade_buffer){ 0 };
done:
    clade_zone_close(zone);
    clade_buffer_free(&local);
    return status;
}

void clade__as_of_end(clade__as_of *as_of)
{
    free(as_of->local);
    as_of->local = NULL;
}

/* ---------------------------------------------------------------- replacing names */

static bool same(const char *name, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(name, word, size) == 0;
}

static clade_text find_block(const char *kind, const char *name, size_t size);

static void expand_name(clade_buffer *out, const char *name, size_t size, const clade__as_of *as_of)
{
    if (same(name, size, "as_of")) {
        clade_buffer_format(out, "%lld", (long long)as_of->as_of_us);
    } else if (same(name, size, "local")) {
        clade_buffer_format(out, "(%s)", as_of->local);
    } else if (same(name, size, "minor")) {
        clade_buffer_format(out, "%.1f", as_of->minor);
    } else if (same(name, size, "year")) {
        clade_buffer_format(out, "%d", as_of->year);
    } else if (same(name, size, "real")) {
        if (as_of->test_orders)
            clade_buffer_text(out, " AND event NOT IN (SELECT event FROM f_void)");
    } else if (size > 1 && name[0] == 'd' && name[1] >= '0' && name[1] <= '9') {
        const long days = strtol(name + 1, NULL, 10);
        clade_buffer_format(out, "%lld", (long long)(as_of->as_of_us - days * CLADE_US_PER_DAY));
    } else {
        const clade_text part = find_block("part", name, size);
        assert(part.data != NULL);
        clade_buffer_text(out, "(");
        clade__sql_expand(out, part.data, part.size, as_of);
        clade_buffer_text(out, ")");
    }
}

void clade__sql_expand(clade_buffer *out, const char *sql, size_t size, const clade__as_of *as_of)
{
    const char *const end = sql + size;

    while (sql < end) {
        const char *open = memchr(sql, '{', (size_t)(end - sql));
        if (open == NULL) open = end;
        clade_buffer_append(out, sql, (size_t)(open - sql));
        if (open == end) break;
        const char *close = memchr(open, '}', (size_t)(end - open));
        assert(close != NULL);
        expand_name(out, open + 1, (size_t)(close - open - 1), as_of);
        sql = close + 1;
    }
}

/* ---------------------------------------------------------------- blocks of stages.sql */

/* The next "-- stage NAME:" or "-- part NAME:" at or behind `from`, or NULL. */
static const char *next_block(const char *from)
{
    for (const char *line = from; line != NULL && *line != '\0';) {
        if (strncmp(line, "-- stage ", 9) == 0 || strncmp(line, "-- part ", 8) == 0) return line;
        line = strchr(line, '\n');
        if (line != NULL) line++;
    }
    return NULL;
}

/* The statement of a block: from the first line that is no comment to the next block. */
static clade_text block_body(const char *block)
{
    const char *body = block;

    while (strncmp(body, "--", 2) == 0)
        body = strchr(body, '\n') + 1;
    const char *end = next_block(body);
    if (end == NULL) end = body + strlen(body);
    return clade_text_trim((clade_text){ body, (size_t)(end - body) });
}

static clade_text find_block(const char *kind, const char *name, size_t size)
{
    for (const char *at = next_block(clade__stages_sql); at != NULL; at = next_block(at + 3)) {
        const char *word = at + 3;
        if (strncmp(word, kind, strlen(kind)) != 0) continue;
        word += strlen(kind) + 1;
        if (strncmp(word, name, size) == 0 && word[size] == ':') return block_body(at);
    }
    return (clade_text){ 0 };
}

clade_status clade__stages_make(clade__stage *out, size_t *out_n, const clade__as_of *as_of,
                                clade_error *err)
{
    size_t n = 0;

    for (const char *at = next_block(clade__stages_sql); at != NULL; at = next_block(at + 3)) {
        if (strncmp(at, "-- stage ", 9) != 0) continue;
        const char  *name = at + 9;
        const size_t size = strcspn(name, ":");
        assert(n < CLADE__MAX_STAGES && size < sizeof out[n].name);
        out[n] = (clade__stage){ 0 };
        memcpy(out[n].name, name, size);
        const clade_text body = block_body(at);
        clade__sql_expand(&out[n].sql, body.data, body.size, as_of);
        n++;
    }
    *out_n = n;
    for (size_t i = 0; i < n; i++) {
        if (out[i].sql.failed) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for feature SQL");
    }
    return CLADE_OK;
}

void clade__final_make(clade_buffer *out, const clade__as_of *as_of)
{
    static const char    joins[]    = "\nFROM f_person AS p"
                                      "\nLEFT JOIN f_session AS s ON s.customer = p.customer"
                                      "\nLEFT JOIN f_channel AS c ON c.customer = p.customer"
                                      "\nLEFT JOIN f_device AS d ON d.customer = p.customer"
                                      "\nLEFT JOIN f_buyer AS o ON o.customer = p.customer"
                                      "\nLEFT JOIN f_middle AS m ON m.customer = p.customer"
                                      "\nLEFT JOIN f_basket AS a ON a.customer = p.customer"
                                      "\nLEFT JOIN f_purse AS w ON w.customer = p.customer"
                                      "\nLEFT JOIN f_taste AS t ON t.customer = p.customer"
                                      "\nLEFT JOIN f_category AS g ON g.customer = p.customer"
                                      "\nLEFT JOIN f_brand AS b ON b.customer = p.customer"
                                      "\nLEFT JOIN f_refund AS r ON r.customer = p.customer"
                                      "\nLEFT JOIN f_profile AS x ON x.customer = p.customer"
                                      "\nLEFT JOIN f_tie AS e ON e.customer = p.customer"
                                      "\nLEFT JOIN f_touch AS u ON u.customer = p.customer"
                                      "\nLEFT JOIN f_survey AS q ON q.customer = p.customer"
                                      "\nCROSS JOIN f_note AS k CROSS JOIN f_prior AS h";
    size_t               n_features = 0;
    const clade_feature *feature    = clade_features_all(&n_features);

    clade_buffer_text(out, "SELECT p.customer");
    for (size_t i = 0; i < n_features; i++) {
        clade_buffer_text(out, ",\n    toFloat64(");
        clade__sql_expand(out, feature[i].sql, strlen(feature[i].sql), as_of);
        clade_buffer_format(out, ") AS %s", feature[i].name);
    }
    clade_buffer_text(out, joins);
}

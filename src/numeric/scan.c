/*
 * The index of scan: items by falling length, a byte a number, in stripes of 256 that the kernel
 * reads from front to back. Made once for a catalogue; rows are tasks.
 */
#include "scan_internal.h"

#include "clade/run.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { ROWS_OF_TASK = 1024 };

typedef struct building {
    clade_scan *index;
    double     *shortness; /* (n_items) -|x_i| */
    size_t     *bad;       /* (tasks) first row that is not finite, or SIZE_MAX */
} building;

static void measure_rows(size_t task, int worker, void *context)
{
    const building *const   b     = context;
    const clade_scan *const index = b->index;
    const size_t            end   = (task + 1) * ROWS_OF_TASK;
    (void)worker;
    b->bad[task] = SIZE_MAX;
    for (size_t i = task * ROWS_OF_TASK; i < end && i < index->n_items; i++) {
        const float *const x    = index->x + i * index->d;
        double             sum2 = 0.0;
        if (isnan(clade__scan_largest(x, index->d))) {
            b->bad[task] = i;
            return;
        }
        for (size_t j = 0; j < index->d; j++)
            sum2 += (double)x[j] * (double)x[j];
        b->shortness[i] = -sqrt(sum2);
    }
}

/* x_i = s_i r_i + e_i, r in -63 .. 63, written at its place of the block. The product of a float
 * and a byte is exact in a double. */
static void pack_row(clade_scan *index, clade__scan_limits *limits, size_t place)
{
    const size_t       block = place / CLADE__SCAN_ROWS, row = place % CLADE__SCAN_ROWS;
    const float *const x = index->x + (size_t)index->item[place] * index->d;
    const float    s = fmaxf(clade__scan_largest(x, index->d) / (float)CLADE__SCAN_ITEM, FLT_MIN);
    uint8_t *const packed =
        index->packed + (block * index->n_steps * CLADE__SCAN_ROWS + row) * CLADE__SCAN_STEP;
    double x2 = 0.0, r2 = 0.0, e2 = 0.0;
    for (size_t j = 0; j < index->d; j++) {
        const double value = (double)x[j], r = nearbyint(value / (double)s);
        const double near = (double)s * r, e = value - near;
        packed[j / 4 * 4 * CLADE__SCAN_ROWS + j % 4] = (uint8_t)(r + CLADE__SCAN_ITEM);
        x2 += value * value;
        r2 += near * near;
        e2 += e * e;
    }
    index->scale[place] = s;
    limits->g      = fmaxf(limits->g, clade__scan_up(sqrt(e2) / (double)s * CLADE__SCAN_LENGTH));
    limits->r      = fmaxf(limits->r, clade__scan_up(sqrt(r2) * CLADE__SCAN_LENGTH));
    limits->sg     = fmaxf(limits->sg, s); /* made whole below */
    limits->length = fmaxf(limits->length, clade__scan_up(sqrt(x2) * CLADE__SCAN_LENGTH));
}

static void pack_stripe(size_t stripe, int worker, void *context)
{
    const building *const b      = context;
    clade_scan *const     index  = b->index;
    clade__scan_limits    limits = { .bias = -INFINITY };
    (void)worker;
    for (size_t row = 0; row < CLADE__SCAN_STRIPE; row++) {
        const size_t place = stripe * CLADE__SCAN_STRIPE + row;
        if (place >= index->n_items) break;
        pack_row(index, &limits, place);
        const float bias = index->bias == NULL ? 0.0f : index->bias[index->item[place]];
        if (index->raise != NULL) index->raise[place] = bias;
        limits.b    = fmaxf(limits.b, fabsf(bias));
        limits.bias = fmaxf(limits.bias, bias);
    }
    limits.sg             = clade__scan_up((double)limits.sg * (double)limits.g);
    index->limits[stripe] = limits;
}

static clade_status check_options(const clade_scan_options *o, size_t n_items, clade_error *err)
{
    if (o->group != NULL && o->n_groups == 0) {
        return clade_fail(err, CLADE_ERR_ARG, "there are groups, but n_groups is 0");
    }
    for (size_t i = 0; o->group != NULL && i < n_items; i++) {
        if (o->group[i] < o->n_groups) continue;
        return clade_fail(err, CLADE_ERR_DATA, "group[%zu] is %u, wanted below %zu", i, o->group[i],
                          o->n_groups);
    }
    for (size_t i = 0; o->bias != NULL && i < n_items; i++) {
        if (fabsf(o->bias[i]) <= CLADE_VALUE_MAX) continue;
        return clade_fail(err, CLADE_ERR_DATA, "bias[%zu] is %g, wanted a finite value up to %g", i,
                          (double)o->bias[i], (double)CLADE_VALUE_MAX);
    }
    return CLADE_OK;
}

/* Memory for everything, copies of what is copied. false: there is none. */
static bool have_arrays(clade_scan *index, const float *x, const clade_scan_options *o)
{
    const size_t n = index->n_items, n_places = index->n_blocks * CLADE__SCAN_ROWS;
    size_t       n_values, n_packed;
    if (!clade_size_mul(&n_values, n, index->d) ||
        !clade_size_mul(&n_packed, n_places, index->n_steps * CLADE__SCAN_STEP)) {
        return false;
    }
    index->packed = CLADE_NEW(uint8_t, n_packed);
    index->scale  = CLADE_NEW(float, n_places);
    index->item   = CLADE_NEW(uint32_t, n_places);
    index->limits = CLADE_NEW(clade__scan_limits, index->n_stripes);
    if (o->bias != NULL) {
        index->raise = CLADE_NEW(float, n_places);
        index->bias  = CLADE_NEW(float, n);
    }
    if (o->group != NULL) index->group = CLADE_NEW(uint32_t, n);
    if (!o->borrow) index->owned = CLADE_NEW(float, n_values);
    if (index->packed == NULL || index->scale == NULL || index->item == NULL ||
        index->limits == NULL || (o->group != NULL && index->group == NULL) ||
        (o->bias != NULL && (index->raise == NULL || index->bias == NULL)) ||
        (!o->borrow && index->owned == NULL)) {
        return false;
    }
    if (o->bias != NULL) memcpy(index->bias, o->bias, n * sizeof *o->bias);
    if (o->group != NULL) memcpy(index->group, o->group, n * sizeof *o->group);
    if (index->owned != NULL) memcpy(index->owned, x, n_values * sizeof *x);
    index->x = o->borrow ? x : index->owned;
    return true;
}

static clade_status name_bad_value(const clade_scan *index, size_t row, clade_error *err)
{
    const float *const x = index->x + row * index->d;
    size_t             j = 0;
    while (fabsf(x[j]) <= CLADE_VALUE_MAX)
        j++;
    return clade_fail(err, CLADE_ERR_DATA, "x[%zu, %zu] is %g, wanted a finite value up to %g", row,
                      j, (double)x[j], (double)CLADE_VALUE_MAX);
}

static clade_status build(building *b, clade_error *err)
{
    clade_scan *const index   = b->index;
    const size_t      n_tasks = (index->n_items + ROWS_OF_TASK - 1) / ROWS_OF_TASK;
    b->shortness              = CLADE_NEW(double, index->n_items);
    b->bad                    = CLADE_NEW(size_t, n_tasks);
    if (b->shortness == NULL || b->bad == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to index %zu items", index->n_items);
    }
    clade_parallel(n_tasks, measure_rows, b);
    for (size_t task = 0; task < n_tasks; task++) {
        if (b->bad[task] != SIZE_MAX) return name_bad_value(index, b->bad[task], err);
    }
    CLADE_TRY(clade_order_f64(index->item, b->shortness, 1, index->n_items, err));
    clade_parallel(index->n_stripes, pack_stripe, b);
    for (size_t stripe = index->n_stripes - 1; stripe > 0; stripe--) {
        const clade__scan_limits *const later   = &index->limits[stripe];
        clade__scan_limits *const       earlier = &index->limits[stripe - 1];
        earlier->length                         = fmaxf(earlier->length, later->length);
        earlier->bias                           = fmaxf(earlier->bias, later->bias);
    }
    return CLADE_OK;
}

clade_status clade_scan_create(clade_scan **out_index, const float *x, size_t n_items, size_t d,
                               const clade_scan_options *options, clade_error *err)
{
    const clade_scan_options o      = options == NULL ? (clade_scan_options){ 0 } : *options;
    clade_status             status = CLADE_OK;
    building                 b      = { 0 };
    if (n_items == 0 || n_items > CLADE_ROWS_MAX || d == 0 || d > CLADE_SCAN_WIDTH_MAX) {
        return clade_fail(err, CLADE_ERR_ARG,
                          "cannot index %zu items of %zu numbers: wanted 1 to %zu items of 1 to %d",
                          n_items, d, CLADE_ROWS_MAX, CLADE_SCAN_WIDTH_MAX);
    }
    CLADE_TRY(check_options(&o, n_items, err));

    clade_scan *index = calloc(1, sizeof *index);
    if (index != NULL) {
        index->n_items   = n_items;
        index->d         = d;
        index->n_steps   = (d + 2 * CLADE__SCAN_STEP - 1) / (2 * CLADE__SCAN_STEP) * 2;
        index->n_blocks  = (n_items + CLADE__SCAN_ROWS - 1) / CLADE__SCAN_ROWS;
        index->n_stripes = (n_items + CLADE__SCAN_STRIPE - 1) / CLADE__SCAN_STRIPE;
        index->n_groups  = o.group == NULL ? 0 : o.n_groups;
    }
    if (index == NULL || !have_arrays(index, x, &o)) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory to index %zu items of %zu numbers",
                            n_items, d);
        goto done;
    }
    b.index = index;
    status  = build(&b, err);
    if (status != CLADE_OK) goto done;
    *out_index = index;
    index      = NULL;
done:
    clade_scan_free(index);
    free(b.shortness);
    free(b.bad);
    return status;
}

void clade_scan_free(clade_scan *index)
{
    if (index == NULL) return;
    free(index->owned);
    free(index->bias);
    free(index->group);
    free(index->packed);
    free(index->scale);
    free(index->raise);
    free(index->item);
    free(index->limits);
    free(index);
}

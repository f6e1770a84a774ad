/*
 * Lloyd's method over millions of rows. Each pass finds the nearest centre of every row (the fused
 * kernel of numeric) and moves the centres to the means of their rows. Three things keep it fast:
 *
 *   sums are kept, not made again: a row that changes its cluster is taken from one sum and added
 * to another, in double, in blocks that are combined in index order; Hamerly's bounds skip rows
 * that cannot have changed: an upper bound on the distance to the own centre, a lower bound on that
 * to any other, both moved by how far centres moved. The rows that remain are gathered, 32 at a
 * time, for the same kernel; bounds cost a little, so they are tried, and kept only while they skip
 * enough.
 *
 * Labels are exactly those of the search without bounds. The kernel's float score s is off by at
 * most E = g (|x||c| + |c|^2 / 2), g = (d + 2) 2^-24, and picks the largest s = (|x|^2 -
 * distance^2) / 2; so a row may be skipped only where lower^2 - upper^2 > 4 E, which leaves no room
 * for another answer.
 */
#include "clusters_internal.h"

#include <math.h>
#include <stdlib.h>

enum {
    BLOCK_ROWS     = 4096,
    BLOCKS_MAX     = 128,
    BLOCKS_MIN     = 8,
    SEPARATION_MAX = 1024,
    EXTRA_PASSES   = 20
};
#define SUMS_BYTES_MAX ((size_t)64 << 20)

static const float UP = 1.0f + 0x1p-21f, DOWN = 1.0f - 0x1p-21f; /* past a few roundings of float */

clade__cut clade__cut_of(size_t n, size_t n_sums)
{
    size_t       most   = SUMS_BYTES_MAX / sizeof(double) / (n_sums + 1);
    const size_t many   = n / BLOCK_ROWS + 1;
    most                = most < BLOCKS_MIN ? BLOCKS_MIN : most > BLOCKS_MAX ? BLOCKS_MAX : most;
    const size_t wanted = many < most ? many : most;
    const size_t rows = ((n + wanted - 1) / wanted + CLADE_NEAREST_ROWS - 1) / CLADE_NEAREST_ROWS *
                        CLADE_NEAREST_ROWS;
    return (clade__cut){ rows, (n + rows - 1) / rows };
}

typedef enum pass_kind {
    PASS_FIRST,  /* no labels yet */
    PASS_PLAIN,  /* search all rows */
    PASS_RECORD, /* search all rows, and note bounds */
    PASS_BOUNDED /* search the rows that bounds do not settle */
} pass_kind;

typedef struct lloyd {
    const clade__rows *rows;
    size_t             k;
    const float       *shift;
    clade__cut         cut;
    uint32_t          *label; /* (n) */

    float         *centre; /* (k, d) the caller's */
    float         *moved;  /* (k, d) centre - shift, as the kernel rounds it */
    clade_centres *packed;
    double        *sum;   /* (k, d + 2): of x - shift, of weights, of rows that weigh anything */
    double        *delta; /* (blocks, k, d + 2) what a pass adds to it */

    float *upper, *lower;          /* (n), or NULL without bounds */
    float *drift;                  /* (k) how far each centre moved last */
    float *half_gap;               /* (k) half the distance to the nearest other centre */
    float  drift_most, drift_next; /* largest and second largest */
    size_t drift_most_at;
    float  reach;     /* largest norm of a moved centre */
    float  precision; /* g above */

    float (*distance2)(const float *x, const float *shift, const float *moved, size_t d);

    pass_kind kind;
    size_t   *n_changed;  /* (blocks) */
    size_t   *n_searched; /* (blocks) */
    double   *objective;  /* (blocks) */
    float    *scratch;    /* (workers, 32 d) */
} lloyd;

/* The distance compiled for the processor at hand: the same bits, half the time. */
static float distance2_plain(const float *x, const float *shift, const float *moved, size_t d)
{
    return clade__distance2(x, shift, moved, d);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static float distance2_avx2(const float *x, const float *shift,
                                                            const float *moved, size_t d)
{
    return clade__distance2(x, shift, moved, d);
}
#endif

static float (*distance2_here(void))(const float *, const float *, const float *, size_t)
{
#if defined(__x86_64__)
    if (clade_isa_get() >= CLADE_ISA_AVX2) return distance2_avx2;
#endif
    return distance2_plain;
}

/* ---- One block of a pass --------------------------------------------------------------------- */

/* Add a row to a sum, or take it away (sign -1). */
static void add_row(const lloyd *l, double *sum, size_t i, double sign)
{
    const size_t       d      = l->rows->d;
    const float *const x      = l->rows->x + i * d;
    const double       weight = sign * (l->rows->weight == NULL ? 1.0 : (double)l->rows->weight[i]);
    if (weight == 0.0) return;

    typedef float  v4f __attribute__((vector_size(16)));
    typedef double v4d __attribute__((vector_size(32)));
    size_t         j = 0;
    for (; j + 4 <= d; j += 4) {
        v4f a, b;
        v4d s;
        memcpy(&a, x + j, sizeof a);
        memcpy(&b, l->shift + j, sizeof b);
        memcpy(&s, sum + j, sizeof s);
        s += weight * __builtin_convertvector(a - b, v4d);
        memcpy(sum + j, &s, sizeof s);
    }
    for (; j < d; j++)
        sum[j] += weight * (double)(x[j] - l->shift[j]);
    sum[d] += weight;
    sum[d + 1] += sign;
}

static void change_label(lloyd *l, double *delta, size_t i, uint32_t label, size_t *n_changed)
{
    const size_t stride = l->rows->d + 2;
    if (l->kind == PASS_FIRST) {
        add_row(l, delta + label * stride, i, 1.0);
    } else if (label != l->label[i]) {
        add_row(l, delta + l->label[i] * stride, i, -1.0);
        add_row(l, delta + label * stride, i, 1.0);
    } else {
        return;
    }
    l->label[i] = label;
    *n_changed += 1;
}

/* Distances of a row to its own and its second centre as bounds that hold despite rounding. */
static void note_bounds(lloyd *l, size_t i, const clade_nearest *near, size_t at)
{
    const float norm2 = near->norm2[at];
    const float room =
        4.0f * l->precision * (norm2 + sqrtf(norm2) * l->reach + l->reach * l->reach);
    const float own2  = norm2 - 2.0f * near->score[at];
    const float next2 = norm2 - 2.0f * near->second[at];
    l->upper[i]       = sqrtf((own2 > 0.0f ? own2 : 0.0f) + room) * UP;
    l->lower[i]       = sqrtf(next2 > room ? next2 - room : 0.0f) * DOWN;
}

/* Rows that bounds did not settle, gathered. */
static void search_rows(lloyd *l, double *delta, const uint32_t *row, size_t n_rows,
                        size_t *n_changed, float *scratch)
{
    clade_nearest near;
    clade_nearest_rows(&near, l->packed, l->rows->x, row, n_rows, true, scratch);
    for (size_t r = 0; r < n_rows; r++) {
        if (near.index[r] != l->label[row[r]]) {
            change_label(l, delta, row[r], near.index[r], n_changed);
        }
        note_bounds(l, row[r], &near, r);
    }
}

/* Rows that lie together. */
static void search_run(lloyd *l, double *delta, size_t first, size_t n_rows, size_t *n_changed,
                       float *scratch)
{
    const bool    noting = l->kind == PASS_RECORD, all_new = l->kind == PASS_FIRST;
    clade_nearest near;
    clade_nearest_rows(&near, l->packed, l->rows->x + first * l->rows->d, NULL, n_rows, noting,
                       scratch);
    for (size_t r = 0; r < n_rows; r++) {
        if (all_new || near.index[r] != l->label[first + r]) {
            change_label(l, delta, first + r, near.index[r], n_changed);
        }
    }
    for (size_t r = 0; noting && r < n_rows; r++)
        note_bounds(l, first + r, &near, r);
}

/* True when no other centre than its own can be the answer for a row. */
static bool is_settled(const lloyd *l, float upper, float other)
{
    const float slack =
        4.1f * l->precision * (l->reach * (upper + l->reach) + 0.5f * l->reach * l->reach);
    return other > upper && other * other * DOWN - upper * upper * UP > slack;
}

/* Move the bounds of a row, and say whether they settle it; else look at its own distance. */
static bool bounds_settle(lloyd *l, size_t i)
{
    const uint32_t a     = l->label[i];
    const float    other = a == l->drift_most_at ? l->drift_next : l->drift_most;
    const float    left  = (l->lower[i] - other) * DOWN;
    const float    lower = left > 0.0f ? left : 0.0f;
    const float    away  = lower > l->half_gap[a] ? lower : l->half_gap[a];
    l->upper[i]          = (l->upper[i] + l->drift[a]) * UP;
    l->lower[i]          = lower;
    if (is_settled(l, l->upper[i], away)) return true;

    const size_t d     = l->rows->d;
    const float  exact = l->distance2(l->rows->x + i * d, l->shift, l->moved + a * d, d);
    l->upper[i]        = sqrtf(exact * (1.0f + 4.0f * l->precision)) * UP;
    return is_settled(l, l->upper[i], away);
}

/* Look at the bounds of a block, and search the rows that remain, 32 at a time. */
static size_t bounded_block(lloyd *l, double *delta, size_t first, size_t end, size_t *n_changed,
                            float *scratch)
{
    uint32_t row[CLADE_NEAREST_ROWS];
    size_t   n_rows = 0, n_searched = 0;
    for (size_t i = first; i < end; i++) {
        if (bounds_settle(l, i)) continue;
        row[n_rows++] = (uint32_t)i;
        if (n_rows < CLADE_NEAREST_ROWS) continue;
        search_rows(l, delta, row, n_rows, n_changed, scratch);
        n_searched += n_rows;
        n_rows = 0;
    }
    if (n_rows > 0) search_rows(l, delta, row, n_rows, n_changed, scratch);
    return n_searched + n_rows;
}

static void pass_block(size_t block, int worker, void *context)
{
    lloyd *const  l         = context;
    const size_t  n_sums    = l->k * (l->rows->d + 2);
    double *const delta     = l->delta + block * n_sums;
    float *const  scratch   = l->scratch + (size_t)worker * CLADE_NEAREST_ROWS * l->rows->d;
    const size_t  first     = block * l->cut.rows;
    const size_t  end       = clade__cut_end(l->cut, block, l->rows->n);
    size_t        n_changed = 0;

    memset(delta, 0, n_sums * sizeof *delta);
    l->n_searched[block] = end - first;
    if (l->kind == PASS_BOUNDED) {
        l->n_searched[block] = bounded_block(l, delta, first, end, &n_changed, scratch);
    } else {
        for (size_t i = first; i < end; i += CLADE_NEAREST_ROWS) {
            const size_t n_rows = end - i < CLADE_NEAREST_ROWS ? end - i : CLADE_NEAREST_ROWS;
            search_run(l, delta, i, n_rows, &n_changed, scratch);
        }
    }
    l->n_changed[block] = n_changed;
}

/* ---- Between passes -------------------------------------------------------------------------- */

static void pack_centres(lloyd *l)
{
    const size_t d     = l->rows->d;
    double       reach = 0.0;
    for (size_t c = 0; c < l->k; c++) {
        double norm2 = 0.0;
        for (size_t j = 0; j < d; j++) {
            const float moved   = l->centre[c * d + j] - l->shift[j];
            l->moved[c * d + j] = moved;
            norm2 += (double)moved * (double)moved;
        }
        reach = fmax(reach, sqrt(norm2));
    }
    l->reach = (float)reach * UP;
    clade_centres_set(l->packed, l->centre);
}

static float distance_between(const float *a, const float *b, size_t d)
{
    double sum = 0.0;
    for (size_t j = 0; j < d; j++) {
        const double away = (double)a[j] - (double)b[j];
        sum += away * away;
    }
    return (float)sqrt(sum);
}

static void gap_of(size_t c, int worker, void *context)
{
    lloyd *const l     = context;
    const size_t d     = l->rows->d;
    float        least = INFINITY;
    (void)worker;
    for (size_t o = 0; o < l->k; o++) {
        if (o == c) continue;
        least = fminf(least, distance_between(l->moved + c * d, l->moved + o * d, d));
    }
    l->half_gap[c] = l->k == 1 ? 0.0f : 0.5f * least * DOWN;
}

/* Centres to the means of their rows; returns the largest distance moved. */
static double move_centres(lloyd *l)
{
    const size_t d   = l->rows->d;
    float *const old = l->scratch; /* (d) fits: the workers are idle */
    l->drift_most = l->drift_next = 0.0f;
    l->drift_most_at              = 0;
    for (size_t c = 0; c < l->k; c++) {
        const double *const sum = l->sum + c * (d + 2);
        memcpy(old, l->moved + c * d, d * sizeof *old);
        for (size_t j = 0; j < d && sum[d + 1] > 0.0; j++) {
            l->centre[c * d + j] = (float)((double)l->shift[j] + sum[j] / sum[d]);
            l->moved[c * d + j]  = l->centre[c * d + j] - l->shift[j];
        }
        l->drift[c] = distance_between(old, l->moved + c * d, d) * UP;
        if (l->drift[c] > l->drift_most) {
            l->drift_next    = l->drift_most;
            l->drift_most    = l->drift[c];
            l->drift_most_at = c;
        } else if (l->drift[c] > l->drift_next) {
            l->drift_next = l->drift[c];
        }
    }
    pack_centres(l);
    return (double)l->drift_most;
}

/* What a pass changed, added up in index order. */
static void collect_pass(lloyd *l, size_t *out_changed, size_t *out_searched)
{
    const size_t n_sums = l->k * (l->rows->d + 2);
    *out_changed = *out_searched = 0;
    for (size_t b = 0; b < l->cut.n; b++) {
        *out_changed += l->n_changed[b];
        *out_searched += l->n_searched[b];
        if (l->n_changed[b] == 0) continue;
        const double *const delta = l->delta + b * n_sums;
        for (size_t s = 0; s < n_sums; s++)
            l->sum[s] += delta[s];
    }
}

/* ---- Empty clusters ---------------------------------------------------------------------------
 */

/* The row furthest from its centre; a row that is alone in its cluster stays there. */
static size_t furthest_row(const lloyd *l, const size_t *n_members, float *out_distance2)
{
    const size_t d  = l->rows->d;
    size_t       at = 0;
    *out_distance2  = 0.0f;
    for (size_t i = 0; i < l->rows->n; i++) {
        const uint32_t a = l->label[i];
        if (n_members[a] < 2 || (l->rows->weight != NULL && l->rows->weight[i] <= 0.0f)) continue;
        const float far = clade__distance2(l->rows->x + i * d, l->shift, l->moved + a * d, d);
        if (far > *out_distance2) {
            *out_distance2 = far;
            at             = i;
        }
    }
    return at;
}

/* Each empty cluster takes the row that costs most where it is, so the objective falls. */
static clade_status repair_empty(lloyd *l, size_t *n_repaired, clade_error *err)
{
    const size_t d         = l->rows->d;
    size_t      *n_members = NULL;
    clade_status status    = CLADE_OK;
    size_t       n_empty   = 0;
    for (size_t c = 0; c < l->k; c++)
        n_empty += l->sum[c * (d + 2) + d + 1] == 0.0;
    if (n_empty == 0) return CLADE_OK;

    n_members = CLADE_NEW(size_t, l->k);
    if (n_members == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory to repair %zu clusters", l->k);
    }
    for (size_t c = 0; c < l->k; c++)
        n_members[c] = (size_t)l->sum[c * (d + 2) + d + 1];
    for (uint32_t c = 0; c < l->k; c++) {
        double *const sum = l->sum + c * (d + 2);
        float         far = 0.0f;
        if (n_members[c] > 0) continue;
        const size_t i = furthest_row(l, n_members, &far);
        if (!(far > 0.0f)) {
            status = clade_fail(err, CLADE_ERR_DATA,
                                "cannot make %zu clusters: there are fewer distinct rows", l->k);
            goto done;
        }
        n_members[l->label[i]]--;
        n_members[c]++;
        add_row(l, l->sum + l->label[i] * (d + 2), i, -1.0);
        memset(sum, 0, (d + 2) * sizeof *sum);
        add_row(l, sum, i, 1.0);
        l->label[i] = c;
        /* The next empty cluster must not see this row as far away any more. */
        for (size_t j = 0; j < d; j++)
            l->moved[c * d + j] = l->rows->x[i * d + j] - l->shift[j];
        *n_repaired += 1;
    }
done:
    free(n_members);
    return status;
}

/* ---- The method -------------------------------------------------------------------------------
 */

static void objective_block(size_t block, int worker, void *context)
{
    lloyd *const l     = context;
    const size_t d     = l->rows->d;
    double       total = 0.0;
    (void)worker;
    for (size_t i = block * l->cut.rows; i < clade__cut_end(l->cut, block, l->rows->n); i++) {
        const double weight = l->rows->weight == NULL ? 1.0 : (double)l->rows->weight[i];
        total += weight *
                 (double)l->distance2(l->rows->x + i * d, l->shift, l->moved + l->label[i] * d, d);
    }
    l->objective[block] = total;
}

/* Bounds are tried once few rows change, and after a try that skipped too little at pass t again
 * from pass 2 t + 1 on. */
typedef struct bounds_plan {
    bool   wanted;
    bool   calm;     /* the last pass changed less than one row in twenty */
    size_t next_try; /* 0 while bounds are worth their while */
    size_t n_skipped;
    size_t n_seen;
} bounds_plan;

static pass_kind next_kind(const bounds_plan *plan, size_t pass, pass_kind last)
{
    if (pass == 0) return PASS_FIRST;
    if (!plan->wanted) return PASS_PLAIN;
    if (last == PASS_RECORD) return PASS_BOUNDED;
    if (last == PASS_BOUNDED && plan->next_try == 0) return PASS_BOUNDED;
    return pass >= plan->next_try && plan->calm ? PASS_RECORD : PASS_PLAIN;
}

/* The share of rows that bounds must skip to be worth their while, in units of a cycle or so: a
 * search costs k d / 16 and a little, and a seventh more when it notes bounds; looking at bounds
 * costs a row about 40 + d. */
static double share_worth(const lloyd *l)
{
    const double search = (double)(l->k * l->rows->d) / 16.0 + 25.0;
    const double look   = 50.0 + 1.5 * (double)l->rows->d;
    return (look + 0.15 * search) / (1.15 * search);
}

static void judge_bounds(bounds_plan *plan, const lloyd *l, size_t pass, size_t n_searched,
                         clade__bounds bounds)
{
    const size_t n_skipped = l->rows->n - n_searched;
    plan->n_seen += l->rows->n;
    plan->n_skipped += n_skipped;
    if (l->kind != PASS_BOUNDED) return;
    const bool worth = (double)n_skipped >= share_worth(l) * (double)l->rows->n;
    plan->next_try   = worth || bounds == CLADE__BOUNDS_ALWAYS ? 0 : 2 * pass + 1;
}

static bool some_empty(const lloyd *l)
{
    const size_t stride = l->rows->d + 2;
    for (size_t c = 0; c < l->k; c++) {
        if (l->sum[c * stride + stride - 1] == 0.0) return true;
    }
    return false;
}

static clade_status iterate(lloyd *l, clade__lloyd_result *out, const clade__lloyd_options *o,
                            clade_error *err)
{
    bounds_plan plan = { .wanted = o->bounds != CLADE__BOUNDS_NEVER && l->k > 1, .next_try = 1 };
    size_t      max_passes = o->max_iter;
    bool        standing   = false; /* centres hardly moved: one more look at labels, and done */
    pack_centres(l);
    for (size_t pass = 0;; pass++) {
        size_t n_changed = 0, n_searched = 0, n_repaired = 0;
        CLADE_TRY(clade_interrupt_check(err));
        l->kind = next_kind(&plan, pass, pass == 0 ? PASS_FIRST : l->kind);
        if (l->kind == PASS_BOUNDED && l->k <= SEPARATION_MAX) clade_parallel(l->k, gap_of, l);
        clade_parallel(l->cut.n, pass_block, l);
        collect_pass(l, &n_changed, &n_searched);
        judge_bounds(&plan, l, pass, n_searched, o->bounds);
        plan.calm = n_changed < l->rows->n / 20 || o->bounds == CLADE__BOUNDS_ALWAYS;

        if (some_empty(l)) {
            if (pass >= max_passes + EXTRA_PASSES) break; /* the data will not have k clusters */
            CLADE_TRY(repair_empty(l, &n_repaired, err));
            out->n_repaired += n_repaired;
            l->kind       = PASS_PLAIN; /* bounds know nothing of rows that were moved by hand */
            plan.next_try = pass + 1;
        } else if (n_changed == 0 || standing) {
            out->converged = true;
            break;
        } else if (pass >= max_passes) {
            break; /* labels are by the final centres */
        }
        const double moved = move_centres(l);
        out->n_iter += 1;
        standing = n_repaired == 0 && moved <= o->tolerance_abs;
    }
    out->share_skipped = plan.n_seen == 0 ? 0.0 : (double)plan.n_skipped / (double)plan.n_seen;
    return CLADE_OK;
}

static void lloyd_free(lloyd *l)
{
    clade_centres_free(l->packed);
    free(l->moved);
    free(l->sum);
    free(l->delta);
    free(l->upper);
    free(l->lower);
    free(l->drift);
    free(l->half_gap);
    free(l->n_changed);
    free(l->n_searched);
    free(l->objective);
    free(l->scratch);
}

static clade_status lloyd_create(lloyd *l, bool bounds, clade_error *err)
{
    const size_t n = l->rows->n, d = l->rows->d, k = l->k;
    l->cut        = clade__cut_of(n, k * (d + 2));
    l->precision  = (float)(d + 2) * 0x1p-24f;
    l->distance2  = distance2_here();
    l->packed     = clade_centres_create(k, d, l->shift);
    l->moved      = CLADE_NEW(float, k *d);
    l->sum        = CLADE_NEW(double, k *(d + 2));
    l->delta      = CLADE_NEW(double, l->cut.n *k *(d + 2));
    l->drift      = CLADE_NEW(float, k);
    l->half_gap   = CLADE_NEW(float, k);
    l->n_changed  = CLADE_NEW(size_t, l->cut.n);
    l->n_searched = CLADE_NEW(size_t, l->cut.n);
    l->objective  = CLADE_NEW(double, l->cut.n);
    l->scratch    = CLADE_NEW(float, (size_t)clade_threads_get() * CLADE_NEAREST_ROWS * d);
    if (bounds) {
        l->upper = CLADE_NEW(float, n);
        l->lower = CLADE_NEW(float, n);
    }
    if (l->packed == NULL || l->moved == NULL || l->sum == NULL || l->delta == NULL ||
        l->drift == NULL || l->half_gap == NULL || l->n_changed == NULL || l->n_searched == NULL ||
        l->objective == NULL || l->scratch == NULL ||
        (bounds && (l->upper == NULL || l->lower == NULL))) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu clusters of %zu x %zu", k, n, d);
    }
    return CLADE_OK;
}

clade_status clade__lloyd(float *centre, uint32_t *out_label, double *out_weight,
                          clade__lloyd_result *out, const clade__rows *rows, size_t k,
                          const float *shift, const clade__lloyd_options *options, clade_error *err)
{
    const size_t d = rows->d;
    lloyd        l = { .rows = rows, .k = k, .shift = shift, .label = out_label, .centre = centre };
    clade__lloyd_result result = { 0 };
    clade_status        status = lloyd_create(&l, options->bounds != CLADE__BOUNDS_NEVER, err);
    if (status != CLADE_OK) goto done;
    status = iterate(&l, &result, options, err);
    if (status != CLADE_OK) goto done;

    clade_parallel(l.cut.n, objective_block, &l);
    for (size_t b = 0; b < l.cut.n; b++)
        result.objective += l.objective[b];
    for (size_t c = 0; c < k; c++)
        out_weight[c] = l.sum[c * (d + 2) + d];
    *out = result;
done:
    lloyd_free(&l);
    return status;
}

/* Membership as of a moment, and what became of it by another. Runs once a command, over all
 * customers. */
#include "clade/flows.h"

#include "segment_vectors.h"

#include "clade/run.h"

#include <assert.h>
#include <stdlib.h>

void clade_members_free(clade_members *members)
{
    free(members->customer);
    free(members->segment);
    free(members->spend_minor);
    *members = (clade_members){ 0 };
}

/* ---------------------------------------------------------------- members */

static clade_status read_stored(clade_members *out, clade_store *store,
                                const clade_segmentation *segmentation, int64_t version,
                                clade_error *err)
{
    const char *const kind   = clade_segment_kind_name(clade_segmentation_kind(segmentation));
    const clade_value key[]  = { CLADE_STR(kind), CLADE_INT(version), CLADE_INT(out->as_of_us) };
    clade_rows       *rows   = NULL;
    clade_chunk       chunk  = { 0 };
    int64_t           n      = 0;
    clade_status      status = clade_store_int(&n, store,
                                               "SELECT count(*) FROM membership WHERE segmentation = ? "
                                                    "AND version = ? AND as_of_us = ?",
                                               key, 3, 0, err);
    if (status != CLADE_OK || n == 0) return status;
    out->customer = CLADE_NEW(int64_t, (size_t)n);
    out->segment  = CLADE_NEW(int32_t, (size_t)n);
    if (out->customer == NULL || out->segment == NULL) {
        return clade_fail(err, CLADE_ERR_NOMEM, "no memory for %lld members", (long long)n);
    }
    status =
        clade_store_query(&rows, store,
                          "SELECT customer, segment FROM membership WHERE segmentation = ? AND "
                          "version = ? AND as_of_us = ? ORDER BY customer",
                          key, 3, err);
    while (status == CLADE_OK) {
        status = clade_rows_next(&chunk, rows, err);
        if (status != CLADE_OK || chunk.n_rows == 0) break;
        const int64_t *customer = clade_chunk_data(&chunk, 0);
        const int32_t *segment  = clade_chunk_data(&chunk, 1);
        assert(out->n + chunk.n_rows <= (size_t)n);
        memcpy(out->customer + out->n, customer, chunk.n_rows * sizeof *customer);
        memcpy(out->segment + out->n, segment, chunk.n_rows * sizeof *segment);
        out->n += chunk.n_rows;
    }
    clade_rows_close(rows);
    out->stored = status == CLADE_OK;
    return status;
}

static clade_status compute(clade_members *out, clade_store *store,
                            const clade_segmentation *segmentation, clade_error *err)
{
    clade_features *features = NULL, *joined = NULL;
    clade_status    status = clade_features_get(&features, store, out->as_of_us, err);
    if (status == CLADE_OK)
        status = clade__features_wanted(&joined, segmentation, store, features, err);
    if (status != CLADE_OK) goto done;
    out->customer = CLADE_NEW(int64_t, features->n_customers);
    out->segment  = CLADE_NEW(int32_t, features->n_customers);
    if (out->customer == NULL || out->segment == NULL) {
        status =
            clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu members", features->n_customers);
    } else {
        out->n = features->n_customers;
        memcpy(out->customer, features->customer, out->n * sizeof *out->customer);
        status = clade_segmentation_assign(out->segment, NULL, segmentation,
                                           joined == NULL ? features : joined, err);
    }
done:
    clade_features_free(joined);
    clade_features_free(features);
    return status;
}

clade_status clade_members_get(clade_members *out, clade_store *store,
                               const clade_segmentation *segmentation, int64_t version,
                               int64_t as_of_us, int window_days, clade_error *err)
{
    clade_members members = { .as_of_us = as_of_us };
    clade_outcome spend   = { 0 };
    clade_status  status  = read_stored(&members, store, segmentation, version, err);
    if (status != CLADE_OK) goto done;
    if (!members.stored) {
        status = compute(&members, store, segmentation, err);
        if (status != CLADE_OK) goto done;
    }
    status = clade_outcome_compute(&spend, store, members.customer, members.n,
                                   as_of_us - window_days * CLADE_US_PER_DAY, as_of_us, err);
    if (status != CLADE_OK) goto done;
    members.spend_minor = spend.spend_minor;
    spend.spend_minor   = NULL; /* the members own it now */
    *out                = members;
    members             = (clade_members){ 0 };
done:
    clade_outcome_free(&spend);
    clade_members_free(&members);
    return status;
}

/* ---------------------------------------------------------------- flows */

static clade_status check_segments(const clade_members *members, size_t n_segments,
                                   clade_error *err)
{
    for (size_t i = 0; i < members->n; i++) {
        if (members->segment[i] >= 0 && (size_t)members->segment[i] < n_segments) continue;
        return clade_fail(err, CLADE_ERR_DATA,
                          "customer %lld is in segment %d, and there are %zu segments",
                          (long long)members->customer[i], members->segment[i], n_segments);
    }
    return CLADE_OK;
}

clade_status clade_flows_count(clade_flows *out, const clade_members *before,
                               const clade_members *after, size_t n_segments, clade_error *err)
{
    clade_flows flows = { .from_us    = before->as_of_us,
                          .to_us      = after->as_of_us,
                          .n_segments = n_segments };
    size_t      i = 0, j = 0;
    assert(n_segments <= CLADE_SEGMENTS_MAX);
    CLADE_TRY(check_segments(before, n_segments, err));
    CLADE_TRY(check_segments(after, n_segments, err));
    while (i < before->n || j < after->n) {
        const bool was =
            i < before->n && (j == after->n || before->customer[i] <= after->customer[j]);
        const bool is =
            j < after->n && (i == before->n || after->customer[j] <= before->customer[i]);
        const size_t from = was ? (size_t)before->segment[i] : n_segments;
        const size_t to   = is ? (size_t)after->segment[j] : n_segments;
        clade_flow  *flow = &flows.flow[from][to];
        flow->n++;
        flow->before_minor += was ? before->spend_minor[i] : 0;
        flow->after_minor += is ? after->spend_minor[j] : 0;
        flows.n_both += was && is;
        flows.n_moved += was && is && from != to;
        if (was) flows.n_before[from]++;
        if (is) flows.n_after[to]++;
        i += was;
        j += is;
    }
    *out = flows;
    return CLADE_OK;
}

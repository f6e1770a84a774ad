/* What a rule catches: size, money, what sets its members apart, and the segments they are in as
 * well. Portraits are those of every other kind, drawn of two groups: the members, and everybody
 * else. */
#include "rule_segments.h"
#include "segmentation.h"

#include "clade/flows.h"

#include <stdio.h>
#include <stdlib.h>

enum { REVENUE_DAYS = 365, LEAST_OF_EACH = 20 };

void clade_rule_look_free(clade_rule_look *look)
{
    free(look->customer);
    free(look->revenue_minor);
    *look = (clade_rule_look){ 0 };
}

/* ---------------------------------------------------------------- overlap */

static void put_overlap(clade_rule_look *look, const clade_overlap *one)
{
    size_t at = look->n_overlaps;
    if (one->n_both == 0) return;
    while (at > 0 && look->overlap[at - 1].n_both < one->n_both)
        at--;
    if (at == CLADE_OVERLAPS_MAX) return;
    if (look->n_overlaps < CLADE_OVERLAPS_MAX) look->n_overlaps++;
    memmove(&look->overlap[at + 1], &look->overlap[at],
            (look->n_overlaps - 1 - at) * sizeof look->overlap[0]);
    look->overlap[at]      = *one;
    const double share     = (double)one->n_both / (double)look->n;
    const double share_all = (double)one->n_other / (double)look->n_customers;
    look->overlap[at].lift = share / share_all;
}

static size_t n_common(const int64_t *a, size_t n_a, const int64_t *b, size_t n_b)
{
    size_t n = 0;
    for (size_t i = 0, k = 0; i < n_a && k < n_b;) {
        if (a[i] == b[k]) {
            n++;
            i++;
            k++;
        } else if (a[i] < b[k]) {
            i++;
        } else {
            k++;
        }
    }
    return n;
}

static clade_status overlap_made(clade_rule_look *look, clade_store *store, clade_segment_kind kind,
                                 clade_error *err)
{
    clade_segmentation *s       = NULL;
    clade_members       members = { 0 };
    int64_t             version, fitted_us;
    clade_overlap       one[CLADE_SEGMENTS_MAX] = { 0 };
    if (clade_segmentation_load(&s, &version, &fitted_us, store, kind, NULL) != CLADE_OK)
        return CLADE_OK; /* not made yet */
    clade_status status = clade_members_get(&members, store, s, version, look->as_of_us, 1, err);
    for (size_t i = 0, k = 0; status == CLADE_OK && i < members.n; i++) {
        while (k < look->n && look->customer[k] < members.customer[i])
            k++;
        one[members.segment[i]].n_other++;
        one[members.segment[i]].n_both += k < look->n && look->customer[k] == members.customer[i];
    }
    for (size_t i = 0; status == CLADE_OK && i < clade_segmentation_n(s); i++) {
        one[i].name = *clade_segmentation_name(s, i);
        one[i].kind = clade_segment_kind_name(kind);
        put_overlap(look, &one[i]);
    }
    clade_members_free(&members);
    clade_segmentation_free(s);
    /* A kind that cannot be applied at this moment has nothing to overlap with. */
    return status == CLADE_ERR_NOT_READY ? CLADE_OK : status;
}

static clade_status overlap_rule(clade_rule_look *look, clade_store *store,
                                 const clade_rule_segments *segments,
                                 const clade_rule_segment *other, clade_error *err)
{
    int64_t           *customer = NULL;
    clade_overlap      one      = { .kind = "rule" };
    const clade_status status = clade_rule_segment_members(&customer, &one.n_other, store, segments,
                                                           other, look->as_of_us, err);
    if (status == CLADE_OK) {
        snprintf(one.name.key, sizeof one.name.key, "%s", other->name);
        snprintf(one.name.en, sizeof one.name.en, "%s", other->name);
        snprintf(one.name.zh, sizeof one.name.zh, "%s", other->name);
        one.n_both = n_common(look->customer, look->n, customer, one.n_other);
        put_overlap(look, &one);
    }
    free(customer);
    return status == CLADE_ERR_NOT_READY ? CLADE_OK : status; /* it asks what nobody can tell */
}

/* ---------------------------------------------------------------- money and portrait */

static clade_status draw(clade_rule_look *look, const clade_features *features,
                         const int32_t *group, const int64_t *revenue_minor, const char *name,
                         uint64_t seed, clade_error *err)
{
    static const char *const    rest     = "everybody else";
    clade_segmentation          two      = { .n_segments = 2 };
    clade_portrait             *portrait = CLADE_NEW(clade_portrait, 2);
    const clade_portraits_input input    = { .segmentation  = &two,
                                             .features      = features,
                                             .segment       = group,
                                             .revenue_minor = revenue_minor,
                                             .currency      = look->currency,
                                             .seed          = seed };
    if (portrait == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a portrait");
    snprintf(two.name[0].key, sizeof two.name[0].key, "%s", name);
    snprintf(two.name[0].en, sizeof two.name[0].en, "%s", name);
    snprintf(two.name[0].zh, sizeof two.name[0].zh, "%s", name);
    snprintf(two.name[1].en, sizeof two.name[1].en, "%s", rest);
    const clade_status status = clade_portraits_make(portrait, NULL, &input, err);
    if (status == CLADE_OK) {
        look->portrait     = portrait[0];
        look->has_portrait = true;
    }
    free(portrait);
    return status;
}

static clade_status measure(clade_rule_look *look, clade_store *store, const char *name,
                            uint64_t seed, clade_error *err)
{
    clade_features *features = NULL;
    clade_outcome   year     = { 0 };
    int32_t        *group    = NULL;
    int64_t         total    = 0;
    clade_status    status   = clade_features_get(&features, store, look->as_of_us, err);
    if (status != CLADE_OK) return status;
    status = clade_outcome_compute(&year, store, features->customer, features->n_customers,
                                   look->as_of_us - REVENUE_DAYS * CLADE_US_PER_DAY, look->as_of_us,
                                   err);
    if (status != CLADE_OK) goto done;
    look->n_customers   = features->n_customers;
    group               = CLADE_NEW(int32_t, features->n_customers + 1);
    look->revenue_minor = CLADE_NEW(int64_t, look->n + 1);
    if (group == NULL || look->revenue_minor == NULL) {
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for %zu customers", look->n_customers);
        goto done;
    }
    clade_portrait *p = &look->portrait;
    snprintf(p->name.key, sizeof p->name.key, "%s", name);
    for (size_t i = 0, k = 0; i < features->n_customers; i++) {
        total += year.spend_minor[i];
        while (k < look->n && look->customer[k] < features->customer[i])
            k++;
        group[i] = k < look->n && look->customer[k] == features->customer[i] ? 0 : 1;
        if (group[i] != 0) continue;
        look->revenue_minor[k] = year.spend_minor[i];
        p->revenue_minor += year.spend_minor[i];
    }
    p->n             = look->n;
    p->share         = look->n_customers == 0 ? 0 : (double)look->n / (double)look->n_customers;
    p->revenue_share = total > 0 ? (double)p->revenue_minor / (double)total : 0;
    if (look->n >= LEAST_OF_EACH && look->n_customers - look->n >= LEAST_OF_EACH)
        status = draw(look, features, group, year.spend_minor, name, seed, err);
done:
    free(group);
    clade_outcome_free(&year);
    clade_features_free(features);
    return status;
}

clade_status clade_rule_look_make(clade_rule_look *out, clade_store *store,
                                  const clade_rule_segments *segments,
                                  const clade_rule_segment *segment, int64_t as_of_us,
                                  uint64_t seed, clade_error *err)
{
    clade_rule_look look   = { .as_of_us = as_of_us };
    clade_status    status = clade_rule_segment_members(&look.customer, &look.n, store, segments,
                                                        segment, as_of_us, err);
    if (status != CLADE_OK) return status;
    if (clade_store_setting_get(look.currency, sizeof look.currency, store, "currency", NULL) !=
        CLADE_OK)
        look.currency[0] = '\0';
    status = measure(&look, store, segment->name, seed, err);
    for (int k = 0; look.n > 0 && k < CLADE_N_SEGMENT_KIND && status == CLADE_OK; k++)
        status = overlap_made(&look, store, (clade_segment_kind)k, err);
    for (size_t i = 0; look.n > 0 && i < segments->n && status == CLADE_OK; i++) {
        if (strcmp(segments->one[i].name, segment->name) != 0)
            status = overlap_rule(&look, store, segments, &segments->one[i], err);
    }
    if (status != CLADE_OK) {
        clade_rule_look_free(&look);
        return status;
    }
    *out = look;
    return CLADE_OK;
}

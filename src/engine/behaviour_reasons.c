/*
 * Why an item is recommended: what its score loses when one item of the history had not been.
 *
 *     history   a b a c d          score(x)
 *     without a   b   c d          score(x) - effect of a        for the latest 20 distinct items,
 *     without b a   a c d          score(x) - effect of b        all of them in one batch
 *     ...
 *
 * Exact, for any mixer: the vector is computed anew from the history that is left. Runs once for a
 * customer that somebody looks at.
 */
#include "behaviour_recommend.h"

#include <stdio.h>
#include <stdlib.h>

/* The kinds of docs/formats/schema.md: what a customer would call it, and what says most. */
static const struct {
    const char *en, *zh;
    int         weight;
} kind_words[CLADE__N_KINDS + 1] = {
    { "you came across", "您接触过", 0 },
    { "you looked at", "您看过", 3 },
    { "you searched for", "您搜索过", 2 },
    { "you clicked on", "您点击过", 2 },
    { "you put in your basket", "您加购过", 6 },
    { "you took back", "您考虑过", 1 },
    { "you chose", "您选过", 7 },
    { "you bought", "您买过", 9 },
    { "you tried", "您试过", 1 },
    { "you reviewed", "您评价过", 8 },
    { "you came across", "您接触过", 0 },
    { "you wished for", "您收藏过", 5 },
    { "you shared", "您分享过", 4 },
    { "you came across", "您接触过", 0 },
};

const uint32_t *clade__kinds_of(const clade_sequences *s)
{
    for (size_t f = 0; f < s->n_fields; f++)
        if (strcmp(s->field[f].name, "kind") == 0) return s->field[f].value;
    return NULL;
}

/* ---------------------------------------------------------------- leave one out */

typedef struct leaving {
    const clade_sequences *s;
    uint64_t               first, end; /* of the events that the model looks at */
    size_t                 n;          /* distinct items */
    uint32_t               item[CLADE_RECOMMEND_GROUNDS]; /* latest first */
    uint32_t               kind[CLADE_RECOMMEND_GROUNDS];
} leaving;

static void find_distinct(leaving *l)
{
    const uint32_t *const kind = clade__kinds_of(l->s);
    for (uint64_t e = l->end; e-- > l->first;) {
        const uint32_t item = l->s->item[e];
        const uint32_t what = kind == NULL || kind[e] > CLADE__N_KINDS ? 0 : kind[e];
        size_t         k    = 0;
        while (k < l->n && l->item[k] != item)
            k++;
        if (item == 0 || k == CLADE_RECOMMEND_GROUNDS) continue;
        if (k == l->n) {
            l->item[l->n]   = item;
            l->kind[l->n++] = what;
        } else if (kind_words[what].weight > kind_words[l->kind[k]].weight) {
            l->kind[k] = what;
        }
    }
}

/* Customer 0 has the whole history, customer k + 1 that without item k. */
static clade_status make_variants(clade_sequences **out, const leaving *l, clade_error *err)
{
    const clade_sequences *const s    = l->s;
    const size_t                 most = (size_t)(l->end - l->first) * (l->n + 1);
    clade_sequences             *to   = NULL;
    uint32_t                    *column;
    uint64_t                     at = 0;
    clade_status                 status =
        clade_sequences_create(&to, l->n + 1, most, s->n_items, s->at_us != NULL, err);
    for (size_t f = 0; status == CLADE_OK && f < s->n_fields; f++)
        status =
            clade_sequences_add_field(&column, to, s->field[f].name, s->field[f].n_values, err);
    if (status != CLADE_OK) {
        clade_sequences_free(to);
        return status;
    }
    for (size_t v = 0; v <= l->n; v++) {
        for (uint64_t e = l->first; e < l->end; e++) {
            if (v > 0 && s->item[e] == l->item[v - 1]) continue;
            to->item[at] = s->item[e];
            if (s->at_us != NULL) to->at_us[at] = s->at_us[e];
            for (size_t f = 0; f < s->n_fields; f++)
                to->field[f].value[at] = s->field[f].value[e];
            at++;
        }
        to->start[v + 1] = at;
    }
    to->n_events = (size_t)at;
    *out         = to;
    return CLADE_OK;
}

static double product(const float *a, const float *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)a[j] * (double)b[j];
    return sum;
}

/* What the variants add to the scores of their own items. */
typedef struct additions {
    size_t    n[CLADE_RECOMMEND_GROUNDS + 1];
    size_t    room;  /* for each */
    uint32_t *item;  /* (GROUNDS + 1, room) */
    float    *added; /* (GROUNDS + 1, room) */
} additions;

static double addition(const additions *a, size_t v, uint32_t item)
{
    for (size_t k = 0; k < a->n[v]; k++)
        if (a->item[v * a->room + k] == item) return (double)a->added[v * a->room + k];
    return 0;
}

/* Item k of the history costs most so far. */
static void name_ground(clade_recommended *one, const leaving *l, size_t k, double effect)
{
    one->ground       = l->item[k] == one->item ? CLADE_GROUND_OWN : CLADE_GROUND_EVENT;
    one->effect       = effect;
    one->because_item = l->item[k];
    one->because_kind = l->kind[k];
}

/* The item whose absence costs most. Where nothing costs anything, it is the history as a whole. */
static void settle(clade_recommended *one, const leaving *l, const float *vectors,
                   const additions *a, const clade_behaviour *model)
{
    const size_t       d     = clade_behaviour_options_of(model)->d;
    const float *const row   = clade_behaviour_items(model) + one->item * d;
    const double       whole = product(vectors, row, d) + addition(a, 0, one->item);
    one->ground              = CLADE_GROUND_HISTORY;
    for (size_t k = 0; k < l->n; k++) {
        const double effect =
            whole - product(vectors + (k + 1) * d, row, d) - addition(a, k + 1, one->item);
        if (effect > one->effect) name_ground(one, l, k, effect);
    }
}

/* The history of a row, at most its newest events, with what each of its items can be left out of.
 */
static clade_status leave_out(leaving *l, clade_sequences **variants,
                              clade_case                  cases[CLADE_RECOMMEND_GROUNDS + 1],
                              const clade_shop_histories *h, size_t row, uint64_t most,
                              clade_error *err)
{
    *l = (leaving){ .s     = h->sequences,
                    .first = h->sequences->start[row],
                    .end   = h->sequences->start[row + 1] };
    if (l->end - l->first > most) l->first = l->end - most;
    find_distinct(l);
    CLADE_TRY(make_variants(variants, l, err));
    for (size_t v = 0; v <= l->n; v++)
        cases[v] = (clade_case){ (uint32_t)v, 0, (*variants)->start[v + 1], h->as_of_us };
    return CLADE_OK;
}

clade_status clade__left_out_find(clade__left_out *out, const clade_shop_histories *h, size_t row,
                                  clade_error *err)
{
    const clade_behaviour_options *const o = clade_behaviour_options_of(h->model);
    leaving                              l;
    clade_sequences                     *variants = NULL;
    clade_case                           cases[CLADE_RECOMMEND_GROUNDS + 1];
    float *vectors = CLADE_NEW(float, (CLADE_RECOMMEND_GROUNDS + 1) * o->d);
    if (vectors == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for reasons");
    clade_status status = leave_out(&l, &variants, cases, h, row, o->max_events, err);
    if (status == CLADE_OK)
        status = clade_behaviour_vectors(vectors, h->model, variants, cases, l.n + 1, err);
    if (status == CLADE_OK) {
        *out = (clade__left_out){ .n = l.n, .d = o->d, .vectors = vectors };
        memcpy(out->item, l.item, l.n * sizeof *l.item);
        vectors = NULL;
    }
    clade_sequences_free(variants);
    free(vectors);
    return status;
}

clade_status clade__reasons_find(clade_recommended *items, size_t n, const clade_shop_histories *h,
                                 size_t row, clade_error *err)
{
    const clade_behaviour_options *const o        = clade_behaviour_options_of(h->model);
    leaving                              l        = { 0 };
    clade_sequences                     *variants = NULL;
    clade_case                           cases[CLADE_RECOMMEND_GROUNDS + 1];
    const size_t                         n_most  = CLADE_RECOMMEND_GROUNDS + 1;
    float                               *vectors = CLADE_NEW(float, n_most * o->d);
    additions                            own     = { .room = o->max_events,
                                                     .item = CLADE_NEW(uint32_t, n_most * o->max_events),
                                                     .added = CLADE_NEW(float, n_most * o->max_events) };
    clade_status                         status  = CLADE_OK;
    if (vectors == NULL || own.item == NULL || own.added == NULL)
        status = clade_fail(err, CLADE_ERR_NOMEM, "no memory for reasons");
    if (status == CLADE_OK) status = leave_out(&l, &variants, cases, h, row, o->max_events, err);
    if (status == CLADE_OK)
        status = clade_behaviour_vectors(vectors, h->model, variants, cases, l.n + 1, err);
    for (size_t v = 0; status == CLADE_OK && v <= l.n; v++)
        own.n[v] = clade_behaviour_own(own.item + v * own.room, own.added + v * own.room, h->model,
                                       vectors + v * o->d, variants, &cases[v]);
    for (size_t i = 0; status == CLADE_OK && i < n; i++)
        settle(&items[i], &l, vectors, &own, h->model);
    clade_sequences_free(variants);
    free(vectors);
    free(own.item);
    free(own.added);
    return status;
}

/* One item by a baseline: score (l->n + 1, n_items + 1), the whole history first. */
static void settle_counted(clade_recommended *one, const leaving *l, const float *score)
{
    const size_t width = (size_t)l->s->n_items + 1;
    const double whole = (double)score[one->item];
    one->ground        = CLADE_GROUND_COMMON;
    for (size_t k = 0; k < l->n; k++) {
        const double effect = whole - (double)score[(k + 1) * width + one->item];
        if (effect > one->effect) name_ground(one, l, k, effect);
    }
}

clade_status clade__reasons_counted(clade_recommended *items, size_t n,
                                    const clade_shop_histories *h, size_t row,
                                    const clade_scorer *scorer, clade_error *err)
{
    const size_t     width = (size_t)h->sequences->n_items + 1;
    leaving          l;
    clade_sequences *variants = NULL;
    clade_case       cases[CLADE_RECOMMEND_GROUNDS + 1];
    float           *score = CLADE_NEW(float, (CLADE_RECOMMEND_GROUNDS + 1) * width);
    clade_status     status =
        score == NULL ? clade_fail(err, CLADE_ERR_NOMEM, "no memory for reasons") : CLADE_OK;
    if (status == CLADE_OK)
        status = leave_out(&l, &variants, cases, h, row, CLADE_NEIGHBOURS_HISTORY_MAX, err);
    if (status == CLADE_OK)
        status = scorer->score(scorer->self, score, variants, cases, l.n + 1, err);
    for (size_t i = 0; status == CLADE_OK && i < n; i++)
        settle_counted(&items[i], &l, score);
    clade_sequences_free(variants);
    free(score);
    return status;
}

/* ---------------------------------------------------------------- words */

void clade__item_name(char out[CLADE__ITEM_NAME_BYTES], const clade_vocabulary *v, uint32_t item)
{
    const char *name = v->item_name[item];
    if (name == NULL || name[0] == '\0') name = v->item_ref[item];
    (void)snprintf(out, CLADE__ITEM_NAME_BYTES, "%s", name == NULL ? "?" : name);
    out[clade_utf8_valid(out, strlen(out))] = '\0';
}

void clade__reasons_say(clade_recommended *items, size_t n, const clade_vocabulary *v)
{
    for (size_t i = 0; i < n; i++) {
        clade_recommended *const one = &items[i];
        char                     name[CLADE__ITEM_NAME_BYTES];
        switch (one->ground) {
        case CLADE_GROUND_EVENT:
            clade__item_name(name, v, one->because_item);
            (void)snprintf(one->en, sizeof one->en, "because %s %s",
                           kind_words[one->because_kind].en, name);
            (void)snprintf(one->zh, sizeof one->zh, "因为%s%s", kind_words[one->because_kind].zh,
                           name);
            break;
        case CLADE_GROUND_OWN:
            (void)snprintf(one->en, sizeof one->en, "%s it before",
                           kind_words[one->because_kind].en);
            (void)snprintf(one->zh, sizeof one->zh, "%s它", kind_words[one->because_kind].zh);
            break;
        case CLADE_GROUND_HISTORY:
            (void)snprintf(one->en, sizeof one->en, "because of all you looked at lately");
            (void)snprintf(one->zh, sizeof one->zh, "根据您最近的全部浏览与购买");
            break;
        case CLADE_GROUND_POPULAR:
            (void)snprintf(one->en, sizeof one->en, "popular: chosen by %.0f customers lately",
                           (double)one->score);
            (void)snprintf(one->zh, sizeof one->zh, "热门：近期有 %.0f 位客户选择",
                           (double)one->score);
            break;
        case CLADE_GROUND_COMMON:
            (void)snprintf(one->en, sizeof one->en, "because many customers chose it");
            (void)snprintf(one->zh, sizeof one->zh, "因为许多客户都选择了它");
            break;
        case CLADE_N_GROUND: break;
        }
    }
}

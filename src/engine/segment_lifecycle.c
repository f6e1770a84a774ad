/* Life cycle by each customer's own rhythm, not by a fixed day: one who buys every week is late
 * after three, one who buys every Christmas is not late in June. habit.c says how late somebody is.
 * Who never bought is a prospect: nothing to be active in yet. */
#include "habit.h"
#include "segmentation.h"

#include <math.h>
#include <stdlib.h>

enum { N_STATES = 5, NEW = 0, ACTIVE, SLIPPING, LAPSED, PROSPECT };

typedef struct lifecycle_definition {
    double usual_gap_days;
} lifecycle_definition;

static const clade_segment_name state_names[N_STATES] = {
    { "new", "New", "新客" },
    { "active", "Active", "活跃" },
    { "slipping", "Slipping", "疏远" },
    { "lapsed", "Lapsed", "流失" },
    { "prospects", "Prospects", "潜在客户" },
};

static clade_status fit(clade_segmentation *out, const clade_segmentation *like,
                        const clade_features *features, const clade_outcome *outcome, uint64_t seed,
                        clade_error *err)
{
    (void)like;
    (void)outcome;
    (void)seed;
    lifecycle_definition *definition = CLADE_NEW(lifecycle_definition, 1);
    out->definition                  = definition;
    if (definition == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a life cycle");
    CLADE_TRY(clade__usual_gap_days(&definition->usual_gap_days, features, err));
    out->n_segments = N_STATES;
    memcpy(out->name, state_names, sizeof state_names);
    return CLADE_OK;
}

static int state_of(clade__habit habit)
{
    if (isnan(habit.lateness)) return PROSPECT;
    if (habit.lateness > CLADE__VERY_LATE) return LAPSED;
    if (habit.lateness > CLADE__LATE) return SLIPPING;
    return habit.orders < 2 ? NEW : ACTIVE;
}

static clade_status assign(int32_t *out_segment, double *out_score,
                           const clade_segmentation *segmentation, const clade_features *features,
                           clade_error *err)
{
    (void)out_score;
    (void)err;
    const lifecycle_definition *definition = segmentation->definition;
    const clade__rhythm         rhythm     = clade__rhythm_of(definition->usual_gap_days);
    for (size_t i = 0; i < features->n_customers; i++) {
        out_segment[i] = state_of(clade__habit_of(features, i, &rhythm));
    }
    return CLADE_OK;
}

static void write(clade_json *json, const clade_segmentation *segmentation)
{
    const lifecycle_definition *definition = segmentation->definition;
    clade_json_put_number(json, "usual_gap_days", definition->usual_gap_days);
}

static clade_status read(clade_segmentation *out, const clade_json_tree *tree,
                         const clade_json_node *node, clade_error *err)
{
    lifecycle_definition  *definition = CLADE_NEW(lifecycle_definition, 1);
    const clade_json_node *gap        = clade_json_get(tree, node, "usual_gap_days");
    out->definition                   = definition;
    if (definition == NULL) return clade_fail(err, CLADE_ERR_NOMEM, "no memory for a life cycle");
    if (gap == NULL || gap->type != CLADE_JSON_NUMBER || !(gap->number > 0) ||
        out->n_segments != N_STATES) {
        return clade_fail(err, CLADE_ERR_DATA,
                          "a life cycle needs %d states and a positive usual_gap_days", N_STATES);
    }
    definition->usual_gap_days = gap->number;
    return CLADE_OK;
}

const clade__segment_method clade__segment_lifecycle = { fit, assign, write, read, free };

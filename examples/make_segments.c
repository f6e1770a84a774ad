/* Make segments and judge them: how much of the next 90 days does each kind foretell?
 *
 *     make_segments my.clade
 *
 * A study learns at the moment 90 days before the last event, so what its segments say about the
 * future has already come true or not. The ceiling is the most that boosted trees can tell from
 * the same features; no grouping can be better than that.
 */
#include "clade/study.h"

#include <stdio.h>

static void print_lift(const char *name, const clade_lift *lift)
{
    printf("%-10s R2 %.3f [%.3f, %.3f]   AUC %.3f\n", name, lift->r2, lift->r2_low, lift->r2_high,
           lift->auc);
}

static void print_study(const clade_study *study)
{
    const clade_study_kind *kind = &study->kind[study->best];
    for (size_t s = 0; s < clade_segmentation_n(kind->segmentation); s++) {
        const clade_portrait *portrait = &kind->portrait[s];
        printf("%-24s %6zu customers, stability %.2f\n    %s\n", portrait->name.en, portrait->n,
               portrait->stability, portrait->persona_en);
    }
    if (study->has_lift) {
        for (int k = 0; k < CLADE_N_SEGMENT_KIND; k++)
            print_lift(clade_segment_kind_name((clade_segment_kind)k), &study->lift.kind[k]);
        print_lift("ceiling", &study->lift.ceiling);
    }
    printf("%s\n", study->lift.trusted ? "These segments can be trusted." : study->lift.why.en);
}

static clade_status run(const char *folder, clade_error *err)
{
    const clade_store_options store_options = { .read_only = true };
    const clade_study_options options       = { .seed = 1 };
    clade_store              *store         = NULL;
    clade_study              *study         = NULL;
    clade_status              status        = clade_store_open(&store, folder, &store_options, err);
    if (status == CLADE_OK) status = clade_study_run(&study, store, &options, err);
    if (status == CLADE_OK) print_study(study);
    clade_study_free(study);
    clade_store_close(store);
    return status;
}

int main(int argc, char **argv)
{
    clade_error err = { 0 };
    if (argc != 2) {
        fprintf(stderr, "usage: make_segments WORKSPACE\n");
        return 2;
    }
    if (run(argv[1], &err) != CLADE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}

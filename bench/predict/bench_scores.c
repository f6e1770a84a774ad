/* From the log to a score for everybody, with a predictor that is fitted.
 *
 *     build/release/bench/predict_bench_scores my.clade purchase-30d
 *
 * The first answer makes the features of all customers as of the predictor's own moment and asks
 * the model; the second has the features and only asks. What `clade segment` kept of a matrix is
 * erased before, so that nothing is ready. */
#include "bench.h"
#include "clade/predict.h"
#include "clade/run.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    clade_store       *store       = NULL;
    clade_predictor   *predictor   = NULL;
    clade_predictions *predictions = NULL;
    double             seconds[2];
    size_t             n = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: %s WORKSPACE TASK, as my.clade purchase-30d\n", argv[0]);
        return 2;
    }
    bench_ok(clade_store_open(&store, argv[1], NULL, NULL));
    bench_ok(clade_store_derived_drop(store, NULL));
    bench_ok(clade_predictor_open(&predictor, store, argv[2], NULL));
    const clade_predict_options options = {
        .has_as_of = true,
        .as_of_us  = clade_predictor_card(predictor)->as_of_us,
        .seed      = 1,
    };
    bench_ok(clade_predictions_open(&predictions, store, &options, NULL));
    for (int k = 0; k < 2; k++) {
        clade_prediction *answer = NULL;
        const double      start  = clade_seconds();
        bench_ok(clade_predictor_score(&answer, &n, predictor, predictions, NULL));
        seconds[k] = clade_seconds() - start;
        bench_keep(answer);
        free(answer);
    }
    printf("%zu customers: features and scores %.1f s, scores alone %.2f s, %.0f a second\n", n,
           seconds[0], seconds[1], (double)n / seconds[1]);
    clade_predictions_free(predictions);
    clade_predictor_free(predictor);
    clade_store_close(store);
    return 0;
}

/* k-means on a matrix of one's own, with the number of clusters found by stability.
 *
 *     cluster_points
 *
 * Three clouds of points are drawn. For every k the points are split in halves, both halves are
 * clustered, and k holds when they agree; then all points are clustered, and each cluster is asked
 * whether it comes back when the points are drawn again.
 */
#include "clade/clusters.h"
#include "clade/run.h"

#include <stdio.h>

enum { N = 600, D = 2, K_MAX = 8 };

static float points[N * D]; /* row-major: one row a point */

static void draw_clouds(void)
{
    static const double middle[3][D] = { { -4.5, 0.5 }, { 3.25, 4 }, { 2, -5.75 } };
    clade_rng           rng          = clade_rng_stream(7, "example/clouds", 0);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < D; j++)
            points[i * D + j] = (float)(middle[i % 3][j] + clade_rng_normal(&rng));
    }
}

static clade_status run(clade_error *err)
{
    const clade_choose_k_options question = { .k_max = K_MAX, .seed = 1 };
    clade_k_evidence             evidence[K_MAX - 1]; /* for 2, 3, ... K_MAX */
    double                       stability[K_MAX];
    clade_kmeans                *model = NULL;
    size_t                       k     = 0;

    CLADE_TRY(clade_kmeans_choose_k(&k, NULL, evidence, points, N, D, &question, err));
    for (size_t i = 0; i < K_MAX - 1; i++)
        printf("k = %zu: prediction strength %.2f\n", evidence[i].k, evidence[i].strength);
    printf("chosen: %zu clusters\n", k);

    const clade_kmeans_options options = { .k = k, .seed = 1 };
    CLADE_TRY(clade_kmeans_fit(&model, NULL, points, N, D, NULL, &options, err));
    const clade_status status =
        clade_kmeans_stability(stability, NULL, model, points, N, 0, 1, err);
    for (size_t c = 0; status == CLADE_OK && c < k; c++)
        printf("centre (%5.2f, %5.2f) of %3.0f points, found again %.2f\n",
               (double)model->centre[c * D], (double)model->centre[c * D + 1], model->weight[c],
               stability[c]);
    clade_kmeans_free(model);
    return status;
}

int main(void)
{
    clade_error err = { 0 };
    draw_clouds();
    if (run(&err) != CLADE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}

/* More customers like these: ids come in, one a line, and who is most like them goes out.
 *
 *     find_lookalikes my.clade 2024-10-01 < members.txt
 *
 * The ranking is judged by hiding the seeds among everybody else: "found" is the share of them that
 * a list of this length catches. At least 20 seeds must be known to the shop.
 */
#include "clade/lookalike.h"

#include <stdio.h>

enum { MAX_SEEDS = 10000, N_WANTED = 200 };

static size_t read_seeds(int64_t *out_customer, clade_store *store)
{
    char   line[256];
    size_t n = 0;
    while (n < MAX_SEEDS && fgets(line, sizeof line, stdin) != NULL)
        out_customer[n++] = clade_identity_find(store, clade_text_trim(clade_text_of(line)));
    return n; /* -1, an id that nobody has, counts among the unknown ones */
}

static void print_found(const clade_lookalike *found)
{
    printf("%zu seeds are known, %zu are not\n", found->n_seeds, found->n_unknown);
    for (size_t p = 0; p < found->n_points; p++) {
        printf("a list of %4zu finds %3.0f %% of hidden seeds, %.1f times chance\n",
               found->point[p].n, 100 * found->point[p].found, found->point[p].lift);
    }
    for (size_t i = 0; i < found->n && i < 5; i++) {
        printf("customer number %lld, likeness %.4f\n", (long long)found->customer[i],
               found->likeness[i]);
    }
}

static clade_status run(const char *folder, const char *moment, clade_error *err)
{
    static int64_t            seed[MAX_SEEDS];
    const clade_store_options options  = { .read_only = true };
    clade_store              *store    = NULL;
    clade_features           *features = NULL;
    clade_lookalike          *found    = NULL;
    int64_t                   as_of_us = 0;
    clade_status              status   = clade_time_parse(&as_of_us, moment, err);
    if (status != CLADE_OK) goto done;
    status = clade_store_open(&store, folder, &options, err);
    if (status != CLADE_OK) goto done;
    status = clade_features_compute(&features, store, as_of_us, err);
    if (status != CLADE_OK) goto done;
    const size_t n = read_seeds(seed, store);
    status         = clade_lookalike_find(&found, features, seed, n, N_WANTED, 1, err);
    if (status == CLADE_OK) print_found(found);
done:
    clade_lookalike_free(found);
    clade_features_free(features);
    clade_store_close(store);
    return status;
}

int main(int argc, char **argv)
{
    clade_error err = { 0 };
    if (argc != 3) {
        fprintf(stderr, "usage: find_lookalikes WORKSPACE MOMENT < SEEDS\n");
        return 2;
    }
    if (run(argv[1], argv[2], &err) != CLADE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}

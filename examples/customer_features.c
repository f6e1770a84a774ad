/* Everything that is known about one customer as of a moment.
 *
 *     customer_features my.clade C000017 2024-10-01
 *
 * Nothing at or after the moment is looked at, so the same line asked again next year gives the
 * same numbers. What is not known (a gap between orders of somebody who ordered once) is NAN.
 */
#include "clade/features.h"

#include <math.h>
#include <stdio.h>

static void print_row(const clade_features *features, size_t row)
{
    size_t               n   = 0;
    const clade_feature *all = clade_features_all(&n);
    for (size_t f = 0; f < n; f++) {
        const double value = (double)features->value[row * n + f];
        if (isnan(value)) continue; /* absence has a meaning: all[f].absence says which */
        printf("%-26s %14.6g %-8s %s\n", all[f].name, value, all[f].unit, all[f].en);
    }
}

static clade_status run(const char *folder, const char *id, const char *moment, clade_error *err)
{
    const clade_store_options options  = { .read_only = true };
    clade_store              *store    = NULL;
    clade_features           *features = NULL;
    int64_t                   as_of_us = 0;
    size_t                    row      = 0;
    clade_status              status   = clade_time_parse(&as_of_us, moment, err);
    if (status != CLADE_OK) goto done;
    status = clade_store_open(&store, folder, &options, err);
    if (status != CLADE_OK) goto done;

    const int64_t customer = clade_identity_find(store, clade_text_of(id)); /* -1: nobody's id */
    status                 = clade_features_compute(&features, store, as_of_us, err);
    if (status != CLADE_OK) goto done;
    while (row < features->n_customers && features->customer[row] != customer)
        row++;
    if (row == features->n_customers) {
        status =
            clade_fail(err, CLADE_ERR_NOT_FOUND, "customer '%s' did nothing before %s", id, moment);
        goto done;
    }
    print_row(features, row);
done:
    clade_features_free(features);
    clade_store_close(store);
    return status;
}

int main(int argc, char **argv)
{
    clade_error err = { 0 };
    if (argc != 4) {
        fprintf(stderr, "usage: customer_features WORKSPACE CUSTOMER MOMENT\n");
        return 2;
    }
    if (run(argv[1], argv[2], argv[3], &err) != CLADE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}

/* Load a CSV into a workspace, and account for every row of it.
 *
 *     load_csv my.clade orders.csv
 *
 * The columns are guessed from their names and values. Each file is one transaction; a row that
 * cannot be stored goes to quarantine with its line and a reason, and nothing is dropped in
 * silence. Loading the same file again stores nothing twice.
 */
#include "clade/ingest.h"

#include <stdio.h>

static clade_status load(const char *folder, const char *file, clade_error *err)
{
    const clade_store_options options = { .create = true };
    clade_load_report         report  = { 0 };
    clade_store              *store   = NULL;
    clade_status              status  = clade_store_open(&store, folder, &options, err);
    if (status != CLADE_OK) goto done;
    status = clade_load_files(&report, store, &file, 1, NULL, err);
    if (status != CLADE_OK) goto done;

    printf("read        %8lld rows\n", (long long)report.n_read);
    printf("stored      %8lld\n", (long long)report.n_stored);
    printf("duplicate   %8lld\n", (long long)report.n_duplicate);
    printf("quarantined %8lld\n", (long long)report.n_quarantined);
    for (size_t i = 0; i < report.n_problems && i < 3; i++)
        printf("problem: %s\n", report.problem[i].en);
    for (size_t i = 0; i < report.n_facts; i++)
        printf("fact:    %s\n", report.fact[i].en);
done:
    clade_load_report_free(&report); /* every free accepts what was never filled */
    clade_store_close(store);
    return status;
}

int main(int argc, char **argv)
{
    clade_error err = { 0 };
    if (argc != 3) {
        fprintf(stderr, "usage: load_csv WORKSPACE FILE\n");
        return 2;
    }
    if (load(argv[1], argv[2], &err) != CLADE_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}

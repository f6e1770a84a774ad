/* cmocka, and the comparisons clade's tests share. */
#ifndef CLADE_CHECK_H
#define CLADE_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* needs those above */

#include "clade/status.h"

#include <math.h>
#include <stdio.h>

/* The call succeeded; prints its message when it did not. `err` must be the error passed to it. */
#define check_ok(call)                                                       \
    do {                                                                     \
        const clade_status check_status = (call);                            \
        if (check_status != CLADE_OK)                                        \
            print_error("%s: %s\n", #call, clade_status_name(check_status)); \
        assert_int_equal(check_status, CLADE_OK);                            \
    } while (0)

/* |a - b| <= tolerance * max(1, |b|); NAN equals NAN. */
#define check_close(a, b, tolerance)                                                               \
    do {                                                                                           \
        const double check_a = (a), check_b = (b);                                                 \
        const double check_room = (tolerance)*fmax(1.0, fabs(check_b));                            \
        if (!(isnan(check_a) && isnan(check_b)) && !(fabs(check_a - check_b) <= check_room)) {     \
            print_error("%s = %.17g, wanted %.17g within %g\n", #a, check_a, check_b, check_room); \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* A folder of this test's own, removed by check_folder_remove. */
const char *check_folder_make(char out[256], const char *name);
void        check_folder_remove(const char *folder);
void        check_write(const char *path, const void *data, size_t size);

/* Path of a real data file, or NULL after saying that the test is skipped. */
const char *check_data(char out[512], const char *relative);
/* Decompress FOO.csv.zst to a plain file below `folder`; returns its path. */
const char *check_data_plain(char out[512], const char *relative, const char *folder);

/* Run a command, keep stdout and stderr together, give the exit code. */
int check_run(char *out, size_t out_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

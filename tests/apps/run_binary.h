/* Run the clade command that was just built, and keep apart what it says where. */
#ifndef CLADE_TESTS_RUN_BINARY_H
#define CLADE_TESTS_RUN_BINARY_H

#include "check.h"
#include "clade/json.h"

enum { ANSWER_BYTES = 1 << 20 };

typedef struct answer {
    int  code;              /* exit code */
    char out[ANSWER_BYTES]; /* stdout */
    char err[ANSWER_BYTES]; /* stderr */
} answer;

/* A folder of the test's own, which is HOME too: nobody's real settings play a part. */
extern char run_folder[256];
int         run_setup(void **state);
int         run_teardown(void **state);

/* `before` goes in front of the command ("CLADE_SEED=5", or ""); the rest is a shell's command line
 * behind the name of the binary. It runs inside run_folder. */
const answer *run_clade(const char *before, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The one JSON object on stdout, or the test fails. Lives until the next call. */
const clade_json_tree *run_json(const answer *got);
/* The text of a member by a path of keys ("error/status"), or "" when there is none. */
const char *run_text(const answer *got, const char *path);
double      run_number(const answer *got, const char *path);

#endif

/* The server as a user starts it: `clade serve` as a process of its own, which a test may kill. */
#ifndef CLADE_TESTS_SERVE_PROCESS_H
#define CLADE_TESTS_SERVE_PROCESS_H

#include "http_client.h"

#include <sys/types.h>

typedef struct serve_process {
    char  workspace[300];
    int   port; /* 0: any free one, and then the one that was taken, for the next start too */
    pid_t pid;  /* -1: none runs */
    char  key[CLADE_N_ROLE][CLADE_KEY_SECRET]; /* as told at the first start */
} serve_process;

/* Start it and wait until it listens. */
void serve_start(serve_process *process);
/* Send a signal and wait for its end. */
void serve_end(serve_process *process, int signal);

#endif

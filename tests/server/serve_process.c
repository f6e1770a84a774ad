#include "serve_process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void read_words(int fd, char *words, size_t size)
{
    size_t  n = 0;
    ssize_t got;
    while (n + 1 < size && (got = read(fd, words + n, size - 1 - n)) > 0) {
        n += (size_t)got;
        words[n] = '\0';
        if (strstr(words, "http://") != NULL && words[n - 1] == '\n') return;
    }
    print_error("the server did not start: %.*s\n", (int)n, words);
    fail();
}

void serve_start(serve_process *process)
{
    char words[4096] = "", port[16];
    int  out[2];
    snprintf(port, sizeof port, "%d", process->port);
    assert_int_equal(pipe(out), 0);
    process->pid = fork();
    if (process->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        execl(getenv("CLADE_BINARY"), "clade", "serve", process->workspace, "--port", port,
              "--memory", "400MB", "--quiet", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    read_words(out[0], words, sizeof words);
    close(out[0]);
    process->port = atoi(strstr(words, "127.0.0.1:") + 10);
    for (int role = 0; role < CLADE_N_ROLE; role++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "clade_%s_", clade_role_name((clade_role)role));
        const char *const made = strstr(words, prefix);
        if (made == NULL) continue;
        snprintf(process->key[role], sizeof process->key[role], "%.*s", (int)strcspn(made, "\n"),
                 made);
    }
}

void serve_end(serve_process *process, int signal)
{
    if (process->pid <= 0) return;
    kill(process->pid, signal);
    waitpid(process->pid, NULL, 0);
    process->pid = -1;
}

/* Words to stderr, and the flag that Ctrl-C sets. */
#include "internal.h"

#include "clade/run.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int           log_level = CLADE_LOG_INFO;
static volatile sig_atomic_t interrupt_count;

void clade_log_set(clade_log_level level)
{
    log_level = (int)level;
}

clade_log_level clade_log_get(void)
{
    return (clade_log_level)log_level;
}

void clade_log(clade_log_level level, const char *format, ...)
{
    char    line[2048];
    va_list arguments;
    if ((int)level > log_level || level == CLADE_LOG_QUIET) return;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    clade__progress_hide();
    fprintf(stderr, "%s%s\n", level == CLADE_LOG_WARN ? "warning: " : "", line);
}

/* The first signal asks; a third one in a row ends the process the hard way. */
static void on_signal(int number)
{
    const int before = errno; /* of whatever the signal came into the middle of */
    interrupt_count += 1;
    if (interrupt_count >= 3) _exit(128 + number);
    errno = before;
}

void clade_interrupt_install(void)
{
    struct sigaction action = { 0 };
    action.sa_handler       = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a write that fails says so by itself */
    signal(SIGXFSZ, SIG_IGN);
}

bool clade_interrupt_requested(void)
{
    return interrupt_count > 0;
}

clade_status clade_interrupt_check(clade_error *err)
{
    if (!clade_interrupt_requested()) return CLADE_OK;
    return clade_fail(err, CLADE_ERR_INTERRUPTED, "interrupted; what was finished before is kept");
}

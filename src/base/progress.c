/* One progress line on a terminal: label, bar, share, rate, time left. Updates come from any thread
 * and cost a store; a thread of its own draws five times a second. */
#include "internal.h"

#include "clade/run.h"
#include "clade/text.h"
#include "clade/time.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { BAR_CELLS = 24, DRAW_EVERY_MS = 200 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    pthread_t       thread;
    bool            running;
    bool            visible;
    char            label[64];
    char            unit[24];
    double          total;
    double          started;
} line = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static _Atomic double line_done;

static void format_rate(char out[48], double rate, const char *unit)
{
    if (rate >= 1e6) {
        snprintf(out, 48, "%.1f M %s/s", rate / 1e6, unit);
    } else if (rate >= 1e4) {
        snprintf(out, 48, "%.0f k %s/s", rate / 1e3, unit);
    } else {
        snprintf(out, 48, "%.0f %s/s", rate, unit);
    }
}

static void format_left(char out[32], double seconds)
{
    if (!(seconds >= 0) || seconds > 359999) {
        out[0] = '\0';
    } else if (seconds < 60) {
        snprintf(out, 32, ", %.0f s left", ceil(seconds));
    } else {
        snprintf(out, 32, ", %.0f:%02d left", floor(seconds / 60), (int)fmod(seconds, 60));
    }
}

static void draw(void)
{
    const double done    = line_done;
    const double seconds = clade_seconds() - line.started;
    char         rate[48], left[32], bar[BAR_CELLS * 3 + 1];
    if (seconds < 1) return;

    format_rate(rate, done / seconds, line.unit);
    if (line.total > 0) {
        const double share = fmin(1, fmax(0, done / line.total));
        const int    full  = (int)(share * BAR_CELLS);
        bar[0]             = '\0';
        for (int i = 0; i < BAR_CELLS; i++)
            strcat(bar, i < full ? "\u2588" : "\u2591");
        format_left(left, share > 0 ? seconds * (1 - share) / share : -1);
        fprintf(stderr, "\r\033[K%s %s %3.0f %%  %s%s", line.label, bar, 100 * share, rate, left);
    } else {
        fprintf(stderr, "\r\033[K%s  %.0f %s, %s", line.label, done, line.unit, rate);
    }
    fflush(stderr);
    line.visible = true;
}

static void *draw_loop(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&line.lock);
    while (line.running) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += DRAW_EVERY_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&line.wake, &line.lock, &until);
        if (line.running) draw();
    }
    pthread_mutex_unlock(&line.lock);
    return NULL;
}

void clade_progress_begin(const char *label, double total, const char *unit)
{
    clade_progress_end();
    if (clade_log_get() < CLADE_LOG_INFO || !isatty(STDERR_FILENO)) return;
    pthread_mutex_lock(&line.lock);
    snprintf(line.label, sizeof line.label, "%s", label);
    snprintf(line.unit, sizeof line.unit, "%s", unit);
    line.total   = total;
    line.started = clade_seconds();
    line.running = true;
    line_done    = 0;
    if (pthread_create(&line.thread, NULL, draw_loop, NULL) != 0) line.running = false;
    pthread_mutex_unlock(&line.lock);
}

void clade_progress_update(double done)
{
    line_done = done;
}

static void hide(void)
{
    if (line.visible) fprintf(stderr, "\r\033[K");
    line.visible = false;
}

void clade_progress_end(void)
{
    pthread_mutex_lock(&line.lock);
    const bool was_running = line.running;
    line.running           = false;
    pthread_cond_signal(&line.wake);
    pthread_mutex_unlock(&line.lock);
    if (was_running) pthread_join(line.thread, NULL);
    hide();
}

void clade__progress_hide(void)
{
    pthread_mutex_lock(&line.lock);
    hide();
    pthread_mutex_unlock(&line.lock);
}

/* One progress line on a terminal: label, bar, share, rate, time left. Updates come from any thread
 * and cost a store; a thread of its own draws five times a second. Work that begins inside of other
 * work takes the line until it ends. */
#include "internal.h"

#include "clade/run.h"
#include "clade/text.h"
#include "clade/time.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { BAR_CELLS = 24, DRAW_EVERY_MS = 200, MAX_NESTED = 8 };

typedef struct work {
    char   label[64];
    char   unit[24];
    double total;
    double done; /* only of work that waits for a part of it */
    double started;
} work;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    pthread_t       thread;
    bool            running;
    bool            visible;
    double          since; /* when the outermost work began */
    work            now;
    work            waiting[MAX_NESTED];
    int             n_waiting;
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
    const double now     = clade_seconds();
    const double seconds = fmax(now - line.now.started, 1e-3);
    char         rate[48], left[32], bar[BAR_CELLS * 3 + 1];
    if (now - line.since < 1) return;

    format_rate(rate, done / seconds, line.now.unit);
    if (line.now.total > 0) {
        const double share = fmin(1, fmax(0, done / line.now.total));
        const int    full  = (int)(share * BAR_CELLS);
        bar[0]             = '\0';
        for (int i = 0; i < BAR_CELLS; i++)
            strcat(bar, i < full ? "\u2588" : "\u2591");
        format_left(left, share > 0 ? seconds * (1 - share) / share : -1);
        fprintf(stderr, "\r\033[K%s %s %3.0f %%  %s%s", line.now.label, bar, 100 * share, rate,
                left);
    } else {
        fprintf(stderr, "\r\033[K%s  %.0f %s, %s", line.now.label, done, line.now.unit, rate);
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
    if (clade_log_get() < CLADE_LOG_INFO || !isatty(STDERR_FILENO)) return;
    pthread_mutex_lock(&line.lock);
    const double now = clade_seconds();
    if (line.running && line.n_waiting < MAX_NESTED) {
        line.now.done                  = line_done;
        line.waiting[line.n_waiting++] = line.now;
    } else if (!line.running) {
        line.since = now;
    }
    line.now = (work){ .total = total, .started = now };
    snprintf(line.now.label, sizeof line.now.label, "%s", label);
    snprintf(line.now.unit, sizeof line.now.unit, "%s", unit);
    line_done = 0;
    if (!line.running) {
        line.running = pthread_create(&line.thread, NULL, draw_loop, NULL) == 0;
    }
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
    if (line.running && line.n_waiting > 0) { /* a part is done, the whole goes on */
        line.now  = line.waiting[--line.n_waiting];
        line_done = line.now.done;
        pthread_mutex_unlock(&line.lock);
        return;
    }
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

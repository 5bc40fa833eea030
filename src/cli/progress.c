#include "session.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct progress_line {
    bool terminal, shown;
    size_t total, at;
    struct buf waiting; /* lines of a group, which for a log are one write in place of thousands */
};
enum { WAITING_MOST = 16384 };

static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t announced; /* a transaction is under way */

/* Without stdio, which a handler must not use; a terminal that is gone hears nothing. */
static void tell(const char *text)
{
    int saved = errno;
    ssize_t n = write(STDERR_FILENO, text, strlen(text));
    (void)n;
    errno = saved;
}

static void on_signal(int sig)
{
    /* A second one means it: the journal leads back from wherever this ends. */
    if (interrupted) {
        tell(
            "\ncitrus: ended at once. What was begun is in the journal: `citrus recover`, or the next apply, "
            "takes it back\n");
        signal(sig, SIG_DFL);
        raise(sig);
    }
    interrupted = 1;
    if (announced)
        tell("\ncitrus: interrupted. The action at hand ends, and all is taken back; a second signal ends it "
             "at "
             "once\n");
}

const volatile sig_atomic_t *interrupt_flag(void)
{
    return &interrupted;
}

static size_t columns(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 10 ? w.ws_col : 80;
}

/* What waits is said; what moves is wiped away. */
static void wipe_line(struct progress_line *l)
{
    if (l && l->shown) {
        fputs("\r\033[K", stderr);
        l->shown = false;
    }
    if (l && l->waiting.len) {
        fwrite(l->waiting.at, 1, l->waiting.len, stderr);
        buf_reset(&l->waiting);
    }
}

/* Cuts at the terminal's width, never inside a character. */
static void moving(struct progress_line *l, const char *text)
{
    size_t w = 0, n = 0, most = columns() - 1;
    while (text[n] && w < most) {
        n++;
        while (((unsigned char)text[n] & 0xc0) == 0x80)
            n++;
        w++;
    }
    wipe_line(l);
    fwrite(text, 1, n, stderr);
    fflush(stderr);
    l->shown = true;
}

/* Slow steps' own words: shown where they can be overwritten, and otherwise left out: the line that says what
 * is being done was printed before. */
static void say(void *self, const char *text)
{
    struct session *s = self;
    struct buf b = {0};
    if (!s->line->terminal)
        return;
    buf_adds(&b, "    ");
    for (const char *c = text; *c; c++)
        buf_addc(&b, (unsigned char)*c < 0x20 ? ' ' : *c);
    moving(s->line, b.at);
    buf_free(&b);
}

/* What a log shall hear as well. */
static void note(void *self, const char *text)
{
    struct session *s = self;
    if (s->line->terminal) {
        say(self, text);
    } else {
        wipe_line(s->line);
        fprintf(stderr, "%s\n", text);
    }
}

static void line_text(const struct session *s, const struct action *a, const char *word, struct buf *b)
{
    if (s->line->total)
        buf_addf(b, "[%zu/%zu] ", s->line->at, s->line->total);
    buf_adds(b, word);
    if (a->change.res->site && a->change.op != OP_REFRESH) {
        buf_adds(b, a->change.res->site);
        buf_adds(b, ": ");
    }
    report_action_line(a, b);
}

static void line_for(struct session *s, const struct action *a, const char *word, bool stays)
{
    struct buf b = {0};
    line_text(s, a, word, &b);
    if (s->line->terminal && !stays) {
        moving(s->line, b.at);
    } else {
        wipe_line(s->line);
        fprintf(stderr, "%s\n", b.at);
    }
    buf_free(&b);
}

static void begin(void *self, const struct plan *p)
{
    struct session *s = self;
    s->line->total = p->actions.n;
    s->line->at = 0;
}

static void preparing(void *self, const struct action *a)
{
    struct session *s = self;
    if (s->line->terminal && (a->change.res->kind->prepare || a->change.res->kind->prepare_all))
        line_for(s, a, "preparing ", false);
}

static void started(void *self, const struct action *a)
{
    struct session *s = self;
    announced = 1;
    s->line->at = (size_t)a->seq;
    line_for(s, a, "", false);
}

static void grouped(void *self, const struct action *a)
{
    struct session *s = self;
    struct progress_line *l = s->line;
    if (a && l->terminal) {
        started(self, a);
        return;
    }
    if (a) {
        announced = 1;
        l->at = (size_t)a->seq;
        line_text(s, a, "", &l->waiting);
        buf_addc(&l->waiting, '\n');
    }
    if (!a || l->waiting.len > WAITING_MOST)
        wipe_line(l);
}

static void failed(void *self, const struct action *a, const struct error *err)
{
    struct session *s = self;
    line_for(s, a, "failed: ", true);
    (void)err;
}

static void unhealthy(void *self, const char *site, const struct error *err)
{
    struct session *s = self;
    wipe_line(s->line);
    fprintf(stderr, "failed: %s%s%s\n", site ? site : "", site ? ": " : "", err->text);
}

static void undoing(void *self, const struct action *a)
{
    line_for(self, a, "taking back ", false);
}

static void undone(void *self, const struct action *a, const struct error *err)
{
    struct session *s = self;
    if (err) {
        line_for(s, a, "not taken back: ", true);
        fprintf(stderr, "    %s\n", err->text);
    }
}

static void kept(void *self, const char *path, const char *where)
{
    struct session *s = self;
    wipe_line(s->line);
    fprintf(stderr, "citrus: somebody wrote %s meanwhile; what it held is kept as %s\n", path, where);
}

void progress_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
}

static void heed_not(int sig)
{
}

/* A handler, and not SIG_IGN, which programs that are started would inherit. */
void progress_signals_apart(void)
{
    struct sigaction told = {.sa_handler = on_signal}, not = {.sa_handler = heed_not, .sa_flags = SA_RESTART};
    sigemptyset(&told.sa_mask);
    sigemptyset(&not .sa_mask);
    sigaction(SIGUSR1, &told, NULL);
    sigaction(SIGINT, &not, NULL);
    sigaction(SIGTERM, &not, NULL);
    sigaction(SIGHUP, &not, NULL);
    sigaction(SIGPIPE, &not, NULL);
}

void progress_open(struct session *s)
{
    const char *term = getenv("TERM");
    s->line = xmalloc(sizeof *s->line);
    *s->line = (struct progress_line){.terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0};
    s->progress = (struct progress){.say = say, .self = s, .note = note};
    s->events = (struct engine_events){.begin = begin,
                                       .preparing = preparing,
                                       .started = started,
                                       .grouped = grouped,
                                       .failed = failed,
                                       .unhealthy = unhealthy,
                                       .undoing = undoing,
                                       .undone = undone,
                                       .kept = kept,
                                       .self = s};
    if (s->lock >= 0)
        progress_signals();
    signal(SIGPIPE, SIG_IGN);
}

void progress_close(struct session *s)
{
    wipe_line(s->line);
    if (s->line)
        buf_free(&s->line->waiting);
}

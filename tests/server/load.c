/* A neighbour who asks for pages at a steady rate, and counts what is not answered as it should be.
 *
 *     load RATE ADDRESS CAFILE [new:|h2:]URL...      until SIGTERM; then what is under way is waited for
 *
 * The URLs are asked for in turn, one at each tick of the clock, until a second's worth of them is under way:
 * what comes then is held back (HELD), and the server has all that it can do. (A machine that answers a third
 * of what it is asked has a queue of minutes before long, and whoever looks whether a site is well finds that
 * it is not.) A visitor's time begins with the tick. They speak HTTP/1.1 and keep their connections, to use
 * them again; those with `new:` have one of their own each, and so have those with `h2:`, who speak HTTP/2.
 * What is answered with another status than 200, or not at all, is a line (`BAD 502 URL after 12 ms, 3.21 s
 * in: why`); the last line is `ASKED n ANSWERED n BAD n AGAIN n HELD n P50 ms P99 ms SLOWEST ms SECONDS s`.
 *
 * AGAIN: nginx, told to reload, ends kept connections that are idle, and HTTP/2 connections that have no
 * request yet with a GOAWAY that says so, also where a request is on its way. What a server has not seen is
 * to be asked again on another connection (RFC 9112, 9.3.1; RFC 9113, 6.8 and 8.7), as browsers do. libcurl
 * does so for kept connections, until five of them in a row were dead, and not where an HTTP/2 connection was
 * new; so it is done here, once, the visitor's time goes on, and it is counted. (Of HTTP/2 connections for
 * several requests libcurl 7.88 makes a mess: it closes one that is in use, which nginx logs as 499, or its
 * reading stops with answers in the socket.) */
#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define LIMIT_S                                                                                              \
    100L /* nginx gives up on PHP before (fastcgi_read_timeout): whose fault it is shows in the status */

struct request {
    CURL *easy;      /* kept: made once, used again */
    const char *url; /* without what is in front of it */
    bool fresh, h2, again;
    int64_t since;
    struct request *next_idle;
    char why[CURL_ERROR_SIZE];
};
static struct request *idle;
static volatile sig_atomic_t ending;
static struct curl_slist *resolve;
static int64_t begun, ended;
static const char *ca;
static long asked, bad, asked_again, held;
static int *times; /* milliseconds, of each that was answered */
static size_t n_times, room;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static size_t drop(char *p, size_t size, size_t n, void *self)
{
    return size * n;
}

static void on_end(int sig)
{
    ending = 1;
}

static void *must(void *p)
{
    if (!p) {
        fprintf(stderr, "load: out of memory\n");
        exit(2);
    }
    return p;
}

static void note_time(int64_t ms)
{
    if (n_times == room)
        times = must(realloc(times, (room = room ? 2 * room : 4096) * sizeof *times));
    times[n_times++] = (int)ms;
}

static int ascending(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* What so many of a hundred waited at most; `times` are in order. */
static int percentile(size_t of_100)
{
    return n_times ? times[(n_times * of_100 + 99) / 100 - 1] : 0;
}

static void ask(CURLM *multi, struct request *q)
{
    curl_easy_reset(q->easy);
    q->why[0] = '\0';
    curl_easy_setopt(q->easy, CURLOPT_URL, q->url);
    curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
    curl_easy_setopt(q->easy, CURLOPT_ERRORBUFFER, q->why);
    curl_easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(q->easy, CURLOPT_CAINFO, ca);
    curl_easy_setopt(q->easy, CURLOPT_RESOLVE, resolve);
    curl_easy_setopt(q->easy, CURLOPT_TIMEOUT, LIMIT_S);
    curl_easy_setopt(q->easy, CURLOPT_HTTP_VERSION, q->h2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(q->easy, CURLOPT_FRESH_CONNECT, (long)(q->fresh || q->again));
    curl_easy_setopt(q->easy, CURLOPT_FORBID_REUSE, (long)q->fresh);
    curl_multi_add_handle(multi, q->easy);
}

static void answered(CURLM *multi, CURL *easy, CURLcode code)
{
    struct request *q = NULL;
    long status = 0;
    int64_t now = now_us();
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&q);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi, easy);
    bool unseen = status == 0 && (q->h2 ? code == CURLE_HTTP2 || code == CURLE_SEND_ERROR
                                        : !q->fresh && code == CURLE_SEND_ERROR);
    if (unseen && !q->again) {
        q->again = true;
        asked_again++;
        ask(multi, q);
        return;
    }
    int64_t took = (now - q->since) / 1000;
    if (code == CURLE_OK && status == 200) {
        note_time(took);
    } else {
        bad++;
        printf("BAD %ld %s after %lld ms, %.2f s in: %s\n", status, q->url, (long long)took,
               (double)(now - begun) / 1e6,
               code == CURLE_OK ? "not 200"
               : *q->why        ? q->why
                                : curl_easy_strerror(code));
    }
    q->next_idle = idle;
    idle = q;
}

static struct request *request_get(void)
{
    struct request *q = idle;
    if (q) {
        idle = q->next_idle;
        return q;
    }
    q = must(calloc(1, sizeof *q));
    q->easy = must(curl_easy_init());
    return q;
}

static bool takes(const char **url, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(*url, prefix, n) != 0)
        return false;
    *url += n;
    return true;
}

static void visit(CURLM *multi, const char *url, int64_t tick)
{
    struct request *q = request_get();
    q->h2 = takes(&url, "h2:");
    q->fresh = takes(&url, "new:") || q->h2;
    q->again = false;
    q->url = url;
    q->since = tick;
    asked++;
    ask(multi, q);
}

static void run(CURLM *multi, double rate, char **urls, int n)
{
    int64_t gap = (int64_t)(1e6 / rate), next = begun;
    int running = 0, left, turn = 0;
    long most = (long)rate + 1;
    while (!ending || running) {
        if (ending && !ended)
            ended = now_us();
        for (; !ending && next <= now_us(); next += gap) {
            if (asked - (long)n_times - bad >= most)
                held++;
            else
                visit(multi, urls[turn++ % n], next);
        }
        curl_multi_perform(multi, &running);
        for (CURLMsg *m; (m = curl_multi_info_read(multi, &left));)
            if (m->msg == CURLMSG_DONE)
                answered(multi, m->easy_handle, m->data.result);
        int64_t wait = (next - now_us()) / 1000;
        curl_multi_poll(multi, NULL, 0, wait < 1 ? 1 : wait > 100 ? 100 : (int)wait, NULL);
    }
}

/* Every name of the URLs is this server's. */
static void resolve_all(char **urls, int n, const char *address)
{
    for (int i = 0; i < n; i++) {
        char name[256] = "", line[400];
        if (sscanf(strstr(urls[i], "://") + 3, "%255[^/:]", name) == 1)
            for (int k = 0; k < 2; k++) {
                snprintf(line, sizeof line, "%s:%d:%s", name, k ? 443 : 80, address);
                resolve = curl_slist_append(resolve, line);
            }
    }
}

static void requests_free(void)
{
    for (struct request *q = idle, *next; q; q = next) {
        next = q->next_idle;
        curl_easy_cleanup(q->easy);
        free(q);
    }
}

int main(int argc, char **argv)
{
    if (argc < 5 || atof(argv[1]) <= 0) {
        fprintf(stderr, "usage: load RATE ADDRESS CAFILE [new:|h2:]URL...\n");
        return 2;
    }
    for (int i = 4; i < argc; i++)
        if (!strstr(argv[i], "://")) {
            fprintf(stderr, "load: %s is no URL\n", argv[i]);
            return 2;
        }
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct sigaction s = {.sa_handler = on_end};
    sigaction(SIGTERM, &s, NULL);
    sigaction(SIGINT, &s, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a case that is killed leaves none behind */
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = must(curl_multi_init());
    resolve_all(argv + 4, argc - 4, argv[2]);
    ca = argv[3];
    begun = now_us();
    run(multi, atof(argv[1]), argv + 4, argc - 4);
    ended = ended ? ended : now_us(); /* nothing was under way at the end */
    qsort(times, n_times, sizeof *times, ascending);
    printf("ASKED %ld ANSWERED %zu BAD %ld AGAIN %ld HELD %ld P50 %d ms P99 %d ms SLOWEST %d ms SECONDS %.1f "
           "s\n",
           asked, n_times, bad, asked_again, held, percentile(50), percentile(99), percentile(100),
           (double)(ended - begun) / 1e6);
    requests_free();
    curl_multi_cleanup(multi);
    curl_slist_free_all(resolve);
    curl_global_cleanup();
    free(times);
    return 0;
}

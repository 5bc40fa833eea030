/* A neighbour who asks for pages at a steady rate, and counts what is not answered as it should be.
 *
 *     load RATE ADDRESS CAFILE [new:]URL...      until SIGTERM; then what is under way is waited for
 *
 * The URLs are asked for in turn. Connections are kept and used again as a browser does, but for those with
 * `new:`, which get one of their own each. What is answered with another status than 200, or not at all, is a
 * line (`BAD 502 URL after 12 ms, 3.21 s in: why`); the last line is `ASKED n BAD n SLOWEST ms SECONDS s`.
 * The server's speed does not change the rate, until MOST are under way: a machine that is that slow is asked
 * no more than it can answer, and the number asked says so. */
#include <curl/curl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define MOST    10
#define LIMIT_S 60L /* nginx gives up on PHP after as long (fastcgi_read_timeout) */

struct request {
    CURL *easy; /* kept: made once, used again */
    const char *url;
    int64_t since;
    char why[CURL_ERROR_SIZE];
};
static struct request requests[MOST];
static volatile sig_atomic_t ending;
static struct curl_slist *resolve;
static int64_t begun;
static long asked, bad;
static int64_t slowest;

static void on_end(int sig)
{
    ending = 1;
}

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

static void answered(CURLM *multi, CURL *easy, CURLcode code)
{
    struct request *q = NULL;
    long status = 0;
    int64_t now = now_us();
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&q);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    int64_t took = (now - q->since) / 1000;
    slowest = took > slowest ? took : slowest;
    if (code != CURLE_OK || status != 200) {
        bad++;
        printf("BAD %ld %s after %lld ms, %.2f s in: %s\n", status, q->url, (long long)took,
               (double)(now - begun) / 1e6,
               code == CURLE_OK ? "not 200"
               : *q->why        ? q->why
                                : curl_easy_strerror(code));
    }
    curl_multi_remove_handle(multi, easy);
    q->url = NULL;
}

static void ask(CURLM *multi, struct request *q, const char *url, const char *ca)
{
    int fresh = strncmp(url, "new:", 4) == 0;
    if (!q->easy)
        q->easy = curl_easy_init();
    curl_easy_reset(q->easy);
    q->url = fresh ? url + 4 : url;
    q->since = now_us();
    q->why[0] = '\0';
    curl_easy_setopt(q->easy, CURLOPT_URL, q->url);
    curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
    curl_easy_setopt(q->easy, CURLOPT_ERRORBUFFER, q->why);
    curl_easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(q->easy, CURLOPT_CAINFO, ca);
    curl_easy_setopt(q->easy, CURLOPT_RESOLVE, resolve);
    curl_easy_setopt(q->easy, CURLOPT_TIMEOUT, LIMIT_S);
    curl_easy_setopt(q->easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
    curl_easy_setopt(q->easy, CURLOPT_FORBID_REUSE, fresh ? 1L : 0L);
    curl_multi_add_handle(multi, q->easy);
    asked++;
}

static struct request *idle(void)
{
    for (size_t i = 0; i < MOST; i++)
        if (!requests[i].url)
            return &requests[i];
    return NULL;
}

static void run(CURLM *multi, double rate, char **urls, int n, const char *ca)
{
    int64_t gap = (int64_t)(1e6 / rate), next = now_us();
    int running = 0, left, turn = 0;
    while (!ending || running) {
        struct request *q;
        int64_t now = now_us();
        for (; !ending && next <= now && (q = idle()); next += gap)
            ask(multi, q, urls[turn++ % n], ca);
        if (next <= now) /* all are under way: the rate is what the server makes of it */
            next = now;
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

int main(int argc, char **argv)
{
    if (argc < 5 || atof(argv[1]) <= 0) {
        fprintf(stderr, "usage: load RATE ADDRESS CAFILE [new:]URL...\n");
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
    CURLM *multi = curl_multi_init();
    resolve_all(argv + 4, argc - 4, argv[2]);
    begun = now_us();
    run(multi, atof(argv[1]), argv + 4, argc - 4, argv[3]);
    printf("ASKED %ld BAD %ld SLOWEST %lld ms SECONDS %.1f s\n", asked, bad, (long long)slowest,
           (double)(now_us() - begun) / 1e6);
    for (size_t i = 0; i < MOST; i++)
        if (requests[i].easy)
            curl_easy_cleanup(requests[i].easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(resolve);
    curl_global_cleanup();
    return 0;
}

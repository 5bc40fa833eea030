/* Asking sites of this machine what their visitors get, several at once. */
#include "clock.h"
#include "curl_conn.h"
#include "facts.h"
#include "page.h"
#include "real.h"
#include "x509.h"
#include <errno.h>
#include <string.h>
#include <strings.h>

#define AT_ONCE   8
#define HOPS_MOST 5
#define POLL_MS   200
#define ADDRESS   "127.0.0.1"
#define CERT_TEXT "Cert:"

int probe_total_ms = 60000, probe_each_ms = 1000;

/* One site that is being asked. */
struct asked {
    const struct probe *probe;
    struct probe_result *result;
    const char *url;
    CURL *easy;
    struct buf body;
    bool full; /* more would come than is looked at */
    int hops;
    int64_t begun;
    char reason[CURL_ERROR_SIZE];
};

struct round {
    struct curl_conn *conn;
    CURLM *multi;
    struct curl_slist *connect_to, *headers;
    struct asked slots[AT_ONCE];
    struct arena *a;
    size_t at_once;
    int64_t total_ms, deadline;
};

static size_t on_body(char *at, size_t size, size_t count, void *self)
{
    struct asked *s = self;
    size_t n = size * count, room = PROBE_MOST - s->body.len;
    buf_add(&s->body, at, n < room ? n : room);
    s->full = n > room;
    return s->full ? 0 : n;
}

static int64_t timeout_ms(const struct asked *s)
{
    int64_t whole = (s->probe->timeout > 0 ? s->probe->timeout : PROBE_TIMEOUT) * INT64_C(1000);
    int64_t left = s->begun + whole - clock_ms();
    return left > 1 ? left : 1;
}

static void options(struct round *r, struct asked *s)
{
    CURL *e = s->easy;
    __typeof__(r->conn->api.curl_easy_setopt_) set = r->conn->api.curl_easy_setopt_;
    set(e, CURLOPT_URL, s->url);
    set(e, CURLOPT_CONNECT_TO, r->connect_to);
    set(e, CURLOPT_HTTPHEADER, r->headers);
    set(e, CURLOPT_PROXY, ""); /* what the environment names is for the world outside */
    set(e, CURLOPT_NOSIGNAL, 1L);
    set(e, CURLOPT_USERAGENT, "citrus/" CITRUS_VERSION " (health probe)");
    set(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    set(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    set(e, CURLOPT_PATH_AS_IS, 1L);
    set(e, CURLOPT_COOKIEFILE, ""); /* kept from hop to hop */
    set(e, CURLOPT_FRESH_CONNECT, 1L);
    set(e, CURLOPT_FORBID_REUSE, 1L);
    set(e, CURLOPT_SSL_VERIFYPEER, 0L); /* what was served is compared with what is on the disk */
    set(e, CURLOPT_SSL_VERIFYHOST, 0L);
    set(e, CURLOPT_CERTINFO, 1L);
    set(e, CURLOPT_TIMEOUT_MS, (long)timeout_ms(s));
    set(e, CURLOPT_ERRORBUFFER, s->reason);
    set(e, CURLOPT_WRITEFUNCTION, on_body);
    set(e, CURLOPT_WRITEDATA, s);
    set(e, CURLOPT_PRIVATE, s);
}

static bool begin(struct round *r, struct asked *s, const struct probe *p, struct probe_result *result)
{
    const char *path = p->path && *p->path ? p->path : "/", *scheme = p->tls ? "https" : "http";
    *s = (struct asked){.probe = p, .result = result, .begun = clock_ms()};
    s->url = p->port ? arena_printf(r->a, "%s://%s:%u%s", scheme, p->domain, p->port, path)
                     : arena_printf(r->a, "%s://%s%s", scheme, p->domain, path);
    s->easy = r->conn->api.curl_easy_init_();
    if (!s->easy)
        return false;
    options(r, s);
    return r->conn->api.curl_multi_add_handle_(r->multi, s->easy) == CURLM_OK;
}

static void end(struct round *r, struct asked *s)
{
    if (s->easy) {
        r->conn->api.curl_multi_remove_handle_(r->multi, s->easy);
        r->conn->api.curl_easy_cleanup_(s->easy);
    }
    buf_free(&s->body);
    *s = (struct asked){0};
}

/* --- the answer ------------------------------------------------------------------------------------------
 */

/* The host of an absolute http or https URL is the site's, at the port that was asked or a usual one. */
static bool in_site(const struct probe *p, const char *url)
{
    const char *host = strncasecmp(url, "https://", 8) == 0  ? url + 8
                       : strncasecmp(url, "http://", 7) == 0 ? url + 7
                                                             : NULL;
    size_t n = strlen(p->domain);
    if (!host || strncasecmp(host, p->domain, n) != 0)
        return false;
    host += n;
    if (*host != ':')
        return strchr("/?#", *host) != NULL; /* its end, too */
    unsigned port = 0;
    for (host++; *host >= '0' && *host <= '9' && port <= UINT16_MAX; host++)
        port = port * 10 + (unsigned)(*host - '0');
    return strchr("/?#", *host) && (port == 80 || port == 443 || (p->port && port == p->port));
}

static void read_certificate(struct round *r, struct asked *s)
{
    struct curl_certinfo *info = NULL;
    struct x509_info x;
    if (s->result->certificate[0] ||
        r->conn->api.curl_easy_getinfo_(s->easy, CURLINFO_CERTINFO, &info) != CURLE_OK || !info ||
        info->num_of_certs < 1)
        return;
    for (const struct curl_slist *l = info->certinfo[0]; l; l = l->next)
        if (strncmp(l->data, CERT_TEXT, strlen(CERT_TEXT)) == 0 &&
            x509_parse(l->data + strlen(CERT_TEXT), strlen(l->data) - strlen(CERT_TEXT), &x, r->a, NULL) == 0)
            memcpy(s->result->certificate, x.sha256, SHA256_HEX);
}

static const char *failure_words(struct round *r, const struct asked *s, CURLcode code, int *ret)
{
    const char *own = *s->reason ? s->reason : r->conn->api.curl_easy_strerror_(code);
    int seconds = s->probe->timeout > 0 ? s->probe->timeout : PROBE_TIMEOUT;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        *ret = -ETIMEDOUT;
        return arena_printf(r->a, "no whole answer within %d s", seconds);
    case CURLE_COULDNT_CONNECT:
        *ret = -ECONNREFUSED;
        return arena_printf(r->a, "nothing listens at %s, port %d", ADDRESS,
                            s->probe->port  ? s->probe->port
                            : s->probe->tls ? 443
                                            : 80);
    case CURLE_GOT_NOTHING:
        *ret = -ECONNRESET;
        return "the connection was closed without an answer";
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        *ret = -ECONNRESET;
        return "the answer broke off";
    case CURLE_SSL_CONNECT_ERROR:
        *ret = -EPROTO;
        return arena_printf(r->a, "no TLS connection: %s", own);
    default:
        *ret = -EIO;
        return arena_strdup(r->a, own);
    }
}

static void read_page(struct round *r, struct asked *s, const char *url)
{
    struct probe_result *result = s->result;
    const char *body = buf_str(&s->body), *want = s->probe->contains;
    result->title = page_title(body, s->body.len, r->a);
    result->fault = page_fault(body, s->body.len);
    result->contains = want && memmem(body, s->body.len, want, strlen(want));
    if (!result->fault && url &&
        (strstr(url, "/wp-admin/install.php") || strstr(url, "/wp-admin/setup-config.php")))
        result->fault = "WordPress wants to be installed";
}

/* Goes on to where a redirect leads within the site: true. */
static bool hop(struct round *r, struct asked *s, int status)
{
    char *to = NULL;
    bool redirect = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    if (!redirect || r->conn->api.curl_easy_getinfo_(s->easy, CURLINFO_REDIRECT_URL, &to) != CURLE_OK || !to)
        return false;
    if (!in_site(s->probe, to)) {
        s->result->location = arena_strdup(r->a, to);
        return false;
    }
    if (++s->hops > HOPS_MOST) {
        s->result->code = -ELOOP;
        s->result->reason = "its redirects lead in a circle";
        return false;
    }
    s->url = arena_strdup(r->a, to);
    buf_reset(&s->body);
    r->conn->api.curl_multi_remove_handle_(r->multi, s->easy);
    options(r, s);
    return r->conn->api.curl_multi_add_handle_(r->multi, s->easy) == CURLM_OK;
}

static void finish(struct round *r, struct asked *s, CURLcode code)
{
    struct probe_result *result = s->result;
    long status = 0;
    char *url = NULL;
    r->conn->api.curl_easy_getinfo_(s->easy, CURLINFO_RESPONSE_CODE, &status);
    r->conn->api.curl_easy_getinfo_(s->easy, CURLINFO_EFFECTIVE_URL, &url);
    read_certificate(r, s);
    result->status = (int)status;
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && s->full)) {
        if (hop(r, s, result->status))
            return;
        read_page(r, s, url);
    } else {
        result->reason = failure_words(r, s, code, &result->code);
    }
    result->ms = clock_ms() - s->begun;
    end(r, s);
}

/* --- all of them -------------------------------------------------------------------------------------------
 */

static void give_up(struct round *r, struct probe_result *result)
{
    result->code = -ECANCELED;
    result->reason = arena_printf(r->a, "it was not asked: %lld s were over", (long long)r->total_ms / 1000);
}

static size_t ask_more(struct round *r, const struct probe *list, size_t n, size_t *next,
                       struct probe_result *ret)
{
    size_t busy = 0;
    for (size_t i = 0; i < r->at_once; i++) {
        struct asked *s = &r->slots[i];
        for (; !s->easy && *next < n; ++*next)
            if (!begin(r, s, &list[*next], &ret[*next])) {
                ret[*next].code = -ENOMEM;
                ret[*next].reason = "libcurl has no room for it";
                end(r, s);
            }
        busy += s->easy != NULL;
    }
    return busy;
}

/* Pages that PHP compiles anew after a reload need a processor each: more at once are each as much slower,
 * and come nearer to their time's end. Some wait for others (a proxy), so two for each. */
static size_t at_once(void)
{
    int64_t n = 2 * facts_cpus();
    return n < 4 ? 4 : n > AT_ONCE ? AT_ONCE : (size_t)n;
}

static void ask_all(struct round *r, const struct probe *list, size_t n, struct probe_result *ret)
{
    size_t next = 0;
    while (ask_more(r, list, n, &next, ret)) {
        int running, queued;
        CURLMcode m = r->conn->api.curl_multi_perform_(r->multi, &running);
        for (CURLMsg *msg; (msg = r->conn->api.curl_multi_info_read_(r->multi, &queued));) {
            CURLcode code = msg->data.result; /* gone with the handle */
            struct asked *s = NULL;
            r->conn->api.curl_easy_getinfo_(msg->easy_handle, CURLINFO_PRIVATE, (char **)&s);
            if (msg->msg == CURLMSG_DONE && s)
                finish(r, s, code);
        }
        if (m != CURLM_OK || clock_ms() > r->deadline)
            break;
        r->conn->api.curl_multi_poll_(r->multi, NULL, 0, POLL_MS, NULL);
    }
    for (size_t i = 0; i < AT_ONCE; i++) {
        if (r->slots[i].easy)
            give_up(r, r->slots[i].result);
        end(r, &r->slots[i]);
    }
    for (; next < n; next++)
        give_up(r, &ret[next]);
}

int real_probe(struct host *h, const struct probe *list, size_t n, struct probe_result *ret, struct arena *a,
               struct error *err)
{
    struct round r = {.a = a, .at_once = at_once(), .total_ms = probe_total_ms + (int64_t)n * probe_each_ms};
    r.deadline = clock_ms() + r.total_ms;
    int result = curl_conn_open(h, &r.conn, err);
    if (result < 0)
        return result;
    const struct curl_api *api = &r.conn->api;
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct probe_result){0};
    r.multi = api->curl_multi_init_();
    r.connect_to = api->curl_slist_append_(NULL, "::" ADDRESS ":"); /* any host, the port as it is */
    r.headers = api->curl_slist_append_(NULL, "X-Cache-Refresh: 1");
    if (r.multi && r.connect_to && r.headers)
        ask_all(&r, list, n, ret);
    else
        result = error_set(err, -ENOMEM, "libcurl cannot be started");
    if (r.multi)
        api->curl_multi_cleanup_(r.multi);
    api->curl_slist_free_all_(r.connect_to);
    api->curl_slist_free_all_(r.headers);
    return result;
}

/* Probes of sites on a small server on the loopback, a thread a connection: what it gets right, what is slow,
 * endless, torn or broken, and how many are asked at once. The whole of a list may take 3 seconds
 * here, and 25 ms more for each. */
#include "../timely.h"
#include "facts.h"
#include "page.h"
#include "real.h"
#include "root.h"
#include "x509.h"
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

static struct server {
    int fd;
    unsigned port;
    atomic_int busy, most, asked;
    char request[2048];
    SSL_CTX *tls; /* NULL: plain */
    char fingerprint[SHA256_HEX];
} plain, secure;

struct peer {
    struct server *server;
    int fd;
    SSL *ssl;
};

static bool say(struct peer *p, const char *text, size_t n)
{
    return p->ssl ? SSL_write(p->ssl, text, (int)n) > 0 : write(p->fd, text, n) == (ssize_t)n;
}

static void page(struct peer *p, const char *status, const char *body)
{
    char text[4096];
    int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                     status, strlen(body), body);
    say(p, text, (size_t)n);
}

static void redirect(struct peer *p, const char *where)
{
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 302 Found\r\nConnection: close\r\nSet-Cookie: seen=1\r\nLocation: %s\r\n"
                     "Content-Length: 0\r\n\r\n",
                     where);
    say(p, text, (size_t)n);
}

static void until_closed(struct peer *p)
{
    char end;
    while (read(p->fd, &end, 1) > 0)
        ;
}

static void endless(struct peer *p)
{
    static const char block[4096] = {'x'};
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n<title>Endless</title>";
    say(p, head, sizeof head - 1);
    while (say(p, block, sizeof block))
        ;
}

static void torn(struct peer *p, const char *text)
{
    struct linger now = {.l_onoff = 1};
    say(p, text, strlen(text));
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* Counted until before the answer: who has it may ask the next at once. */
static void late(struct peer *p)
{
    int busy = atomic_fetch_add(&p->server->busy, 1) + 1, most = p->server->most;
    while (busy > most && !atomic_compare_exchange_weak(&p->server->most, &most, busy))
        ;
    nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
    atomic_fetch_sub(&p->server->busy, 1);
    page(p, "200 OK", "late");
}

static void answer(struct peer *p, const char *path)
{
    static const struct {
        const char *path, *status, *body;
    } pages[] = {
        {"/", "200 OK", "<html><TITLE id=t>\n  My\tblog \x1b[31m</title>the marker"},
        {"/fatal", "200 OK", "<br />\n<b>Fatal error</b>:  Uncaught Error: secret in /a.php"},
        {"/plain", "200 OK", "\nFatal error: Uncaught Error"},
        {"/critical", "500 Oops", "<p>There has been a critical error on this website.</p>"},
        {"/database", "500 Oops", "<h1>Error establishing a database connection</h1>"},
        {"/source", "200 OK", "<?php echo 1;"},
        {"/bad", "502 Bad Gateway", "<title>502 Bad Gateway</title>"},
        {"/wp-admin/install.php", "200 OK", "<title>Installation</title>"},
    };
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strcmp(path, pages[i].path) == 0) {
            page(p, pages[i].status, pages[i].body);
            return;
        }
    char here[128];
    snprintf(here, sizeof here, "http://a.test:%u/", p->server->port);
    if (strcmp(path, "/in") == 0)
        redirect(p, "/cookie");
    else if (strcmp(path, "/cookie") == 0)
        page(p, strstr(p->server->request, "seen=1") ? "200 OK" : "403 Forbidden", "<title>In</title>");
    else if (strcmp(path, "/absolute") == 0)
        redirect(p, here);
    else if (strcmp(path, "/out") == 0)
        redirect(p, "http://elsewhere.test/");
    else if (strcmp(path, "/almost") == 0)
        redirect(p, "http://a.test.evil.test/");
    else if (strcmp(path, "/port") == 0)
        redirect(p, "http://a.test:1/");
    else if (strcmp(path, "/loop") == 0)
        redirect(p, "/loop");
    else if (strcmp(path, "/installer") == 0)
        redirect(p, "/wp-admin/install.php");
    else if (strcmp(path, "/endless") == 0)
        endless(p);
    else if (strcmp(path, "/slow") == 0)
        until_closed(p);
    else if (strcmp(path, "/pause") == 0)
        late(p);
    else if (strcmp(path, "/reset") == 0)
        torn(p, "");
    else if (strcmp(path, "/half") == 0)
        torn(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    else if (strcmp(path, "/short") == 0)
        say(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 42);
    else if (strcmp(path, "/nothing") != 0)
        page(p, "404 Not Found", "none");
}

static void *talk(void *self)
{
    struct peer *p = self;
    char request[2048] = "", path[64] = "";
    if (!p->ssl || SSL_accept(p->ssl) == 1) {
        ssize_t n =
            p->ssl ? SSL_read(p->ssl, request, sizeof request - 1) : read(p->fd, request, sizeof request - 1);
        request[n < 0 ? 0 : n] = '\0';
        memcpy(p->server->request, request, sizeof request);
        sscanf(request, "GET %63s", path);
        atomic_fetch_add(&p->server->asked, 1);
        answer(p, path);
    }
    if (p->ssl)
        SSL_shutdown(p->ssl);
    SSL_free(p->ssl);
    close(p->fd);
    free(p);
    return NULL;
}

static void *serve(void *self)
{
    struct server *s = self;
    for (int fd; (fd = accept(s->fd, NULL, NULL)) >= 0;) {
        pthread_t t;
        struct peer *p = xmalloc(sizeof *p);
        *p = (struct peer){.server = s, .fd = fd, .ssl = s->tls ? SSL_new(s->tls) : NULL};
        if (p->ssl)
            SSL_set_fd(p->ssl, fd);
        pthread_create(&t, NULL, talk, p);
        pthread_detach(t);
    }
    return NULL;
}

static int start(struct server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    pthread_t thread;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(s->fd, 64) < 0 ||
        getsockname(s->fd, (struct sockaddr *)&at, &len) < 0)
        return -1;
    s->port = ntohs(at.sin_port);
    return pthread_create(&thread, NULL, serve, s) || pthread_detach(thread) ? -1 : 0;
}

static int tls_make(struct server *s)
{
    const char *name = "a.test";
    struct strings names = {&name, 1};
    struct buf certificate = {0}, key = {0};
    struct x509_info info;
    struct arena a = {0};
    if (x509_self_signed(&names, 10, &certificate, &key, NULL, NULL, NULL) < 0 ||
        x509_parse(certificate.at, certificate.len, &info, &a, NULL) < 0)
        return -1;
    memcpy(s->fingerprint, info.sha256, SHA256_HEX);
    BIO *c = BIO_new_mem_buf(certificate.at, (int)certificate.len),
        *k = BIO_new_mem_buf(key.at, (int)key.len);
    X509 *x = PEM_read_bio_X509(c, NULL, NULL, NULL);
    EVP_PKEY *p = PEM_read_bio_PrivateKey(k, NULL, NULL, NULL);
    s->tls = SSL_CTX_new(TLS_server_method());
    bool ok = SSL_CTX_use_certificate(s->tls, x) == 1 && SSL_CTX_use_PrivateKey(s->tls, p) == 1;
    X509_free(x);
    EVP_PKEY_free(p);
    BIO_free(c);
    BIO_free(k);
    buf_free(&certificate);
    buf_wipe(&key);
    arena_free(&a);
    return ok ? 0 : -1;
}

static int servers_start(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    setenv("http_proxy", "http://127.0.0.1:1/", 1); /* never asked for what is on this machine */
    setenv("https_proxy", "http://127.0.0.1:1/", 1);
    return tls_make(&secure) || start(&plain) || start(&secure) ? -1 : 0;
}

static int servers_end(void **state)
{
    shutdown(plain.fd, SHUT_RDWR);
    shutdown(secure.fd, SHUT_RDWR);
    for (int i = 0; i < 3000 && (plain.busy || secure.busy); i++)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    SSL_CTX_free(secure.tls);
    return 0;
}

static struct probe_result ask(struct test_root *t, struct probe p)
{
    struct probe_result r;
    p.domain = p.domain ? p.domain : "a.test";
    p.port = p.port ? p.port : (uint16_t)(p.tls ? secure.port : plain.port);
    if (real_probe(&t->h, &p, 1, &r, &t->a, &t->err) < 0)
        fail_msg("%s", t->err.text);
    real_curl_close(&t->h);
    return r;
}
#define ASK(...) ask(*state, (struct probe){__VA_ARGS__})

static void a_page_is_read(void **state)
{
    struct probe_result r = ASK(.path = "/", .contains = "the marker");
    assert_int_equal(r.code, 0);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.title, "My blog [31m"); /* no control character goes on to a terminal */
    assert_true(r.contains);
    assert_null(r.fault);
    assert_string_equal(r.certificate, "");
    assert_non_null(strstr(plain.request, "Host: a.test"));
    assert_non_null(strstr(plain.request, "X-Cache-Refresh: 1"));
    assert_false(ASK(.path = "/", .contains = "another").contains);
}

static void what_php_and_wordpress_say_is_heard(void **state)
{
    static const struct {
        const char *path, *says;
    } faults[] = {{"/fatal", "PHP ended with a fatal error"},
                  {"/plain", "PHP ended with a fatal error"},
                  {"/critical", "WordPress says that it has a critical error"},
                  {"/database", "WordPress finds no database"},
                  {"/source", "the source of a PHP program is shown instead of being run"},
                  {"/installer", "WordPress wants to be installed"}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct probe_result r = ASK(.path = faults[i].path);
        assert_int_equal(r.code, 0);
        assert_non_null(r.fault);
        assert_string_equal(r.fault, faults[i].says);
    }
    assert_int_equal(ASK(.path = "/bad").status, 502);
    assert_int_equal(ASK(.path = "/none").status, 404);
}

static void redirects_are_followed_within_the_site_alone(void **state)
{
    struct probe_result r = ASK(.path = "/in");
    assert_int_equal(r.status, 200);
    assert_string_equal(r.title, "In");
    assert_int_equal(ASK(.path = "/absolute").status, 200);
    r = ASK(.path = "/out");
    assert_int_equal(r.status, 302);
    assert_string_equal(r.location, "http://elsewhere.test/");
    assert_int_equal(ASK(.path = "/almost").status, 302);
    assert_int_equal(ASK(.path = "/port").status, 302);
    r = ASK(.path = "/loop");
    assert_int_equal(r.code, -ELOOP);
    assert_string_equal(r.reason, "its redirects lead in a circle");
}

static void a_slow_site_is_given_up(void **state)
{
    time_t begun = time(NULL);
    struct probe_result r = ASK(.path = "/slow", .timeout = 1);
    assert_int_equal(r.code, -ETIMEDOUT);
    assert_string_equal(r.reason, "no whole answer within 1 s");
    assert_true(timely(time(NULL) - begun < 3));
    assert_true(r.ms >= 900 && timely(r.ms < 3000));
}

static void an_endless_page_is_cut(void **state)
{
    struct probe_result r = ASK(.path = "/endless", .timeout = 20);
    assert_int_equal(r.code, 0);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.title, "Endless");
    assert_true(timely(r.ms < 10000));
}

static void a_broken_connection_is_no_answer(void **state)
{
    assert_int_equal(ASK(.path = "/reset").code, -ECONNRESET);
    assert_int_equal(ASK(.path = "/half").code, -ECONNRESET);
    assert_int_equal(ASK(.path = "/short").code, -ECONNRESET);
    struct probe_result r = ASK(.path = "/nothing");
    assert_int_equal(r.code, -ECONNRESET);
    assert_string_equal(r.reason, "the connection was closed without an answer");
    r = ASK(.path = "/", .port = 1);
    assert_int_equal(r.code, -ECONNREFUSED);
    assert_string_equal(r.reason, "nothing listens at 127.0.0.1, port 1");
}

static void the_served_certificate_is_named_and_not_believed(void **state)
{
    struct probe_result r = ASK(.path = "/", .tls = true);
    assert_int_equal(r.code, 0);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.certificate, secure.fingerprint);
    assert_int_equal(ASK(.path = "/", .tls = true, .port = (uint16_t)plain.port).code, -EPROTO);
    assert_int_equal(ASK(.path = "/", .port = (uint16_t)secure.port).code < 0, 1);
}

static void a_few_are_asked_at_once(void **state)
{
    struct test_root *t = *state;
    struct probe list[20];
    struct probe_result r[20];
    for (size_t i = 0; i < 20; i++)
        list[i] = (struct probe){.domain = "a.test", .path = "/pause", .port = (uint16_t)plain.port};
    plain.most = plain.asked = 0;
    assert_int_equal(real_probe(&t->h, list, 20, r, &t->a, &t->err), 0);
    real_curl_close(&t->h);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(r[i].status, 200);
    assert_int_equal(plain.asked, 20);
    assert_true(timely(plain.most >= 3));
    assert_in_range(plain.most, 1, facts_cpus() <= 2 ? 4 : 8);
}

/* A list ends after three seconds here and a bit for each. */
static int impatient_setup(void **state)
{
    probe_total_ms = 3000;
    probe_each_ms = 25;
    return root_setup(state);
}

static int impatient_teardown(void **state)
{
    probe_total_ms = 60000;
    probe_each_ms = 1000;
    return root_teardown(state);
}

/* However many hang, the whole ends; who had no turn is not said to be broken. */
static void the_whole_takes_no_longer_than_it_may(void **state)
{
    struct test_root *t = *state;
    struct probe list[20];
    struct probe_result r[20];
    time_t begun = time(NULL);
    for (size_t i = 0; i < 20; i++)
        list[i] =
            (struct probe){.domain = "a.test", .path = "/slow", .port = (uint16_t)plain.port, .timeout = 1};
    assert_int_equal(real_probe(&t->h, list, 20, r, &t->a, &t->err), 0);
    real_curl_close(&t->h);
    assert_true(timely(time(NULL) - begun <= 5));
    assert_int_equal(r[0].code, -ETIMEDOUT);
    assert_int_equal(r[19].code, -ECANCELED);
    assert_non_null(strstr(r[19].reason, "not asked"));
}

static void a_longer_list_gets_more_time(void **state)
{
    struct test_root *t = *state;
    struct probe list[60];
    struct probe_result r[60];
    for (size_t i = 0; i < 60; i++)
        list[i] =
            (struct probe){.domain = "a.test", .path = "/slow", .port = (uint16_t)plain.port, .timeout = 1};
    assert_int_equal(real_probe(&t->h, list, 60, r, &t->a, &t->err), 0);
    real_curl_close(&t->h);
    assert_int_equal(r[59].code, -ECANCELED);
    assert_string_equal(r[59].reason, "it was not asked: 4 s were over"); /* 3 s and 60 times 25 ms */
}

static void an_offline_root_has_no_listener(void **state)
{
    struct test_root *t = *state;
    struct probe p = {.domain = "a.test"};
    struct probe_result r;
    assert_int_equal(host_probe(&t->h, &p, 1, &r, &t->a, &t->err), -EOPNOTSUPP);
}

static void titles_are_found_in_odd_pages(void **state)
{
    struct test_root *t = *state;
#define TITLE(text) page_title(text, sizeof text - 1, &t->a)
    assert_null(TITLE(""));
    assert_null(TITLE("<title"));
    assert_null(TITLE("<title>open"));
    assert_null(TITLE("<title> \n </title>"));
    assert_null(TITLE("</title><title>"));
    assert_string_equal(TITLE("<title>a\xff\xc2\x9b"
                              "b</title>"),
                        "a b");
    assert_string_equal(TITLE("\0<title>\xc3\xa4</title>"), "\xc3\xa4");
    char long_page[600] = "<title>";
    memset(long_page + 7, 'x', 500);
    memcpy(long_page + 507, "</title>", 9);
    assert_int_equal(strlen(page_title(long_page, strlen(long_page), &t->a)), 100);
}

#define IMPATIENT(name) cmocka_unit_test_setup_teardown(name, impatient_setup, impatient_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_is_read),
        TEST(what_php_and_wordpress_say_is_heard),
        TEST(redirects_are_followed_within_the_site_alone),
        TEST(a_slow_site_is_given_up),
        TEST(an_endless_page_is_cut),
        TEST(a_broken_connection_is_no_answer),
        TEST(the_served_certificate_is_named_and_not_believed),
        TEST(a_few_are_asked_at_once),
        IMPATIENT(the_whole_takes_no_longer_than_it_may),
        IMPATIENT(a_longer_list_gets_more_time),
        TEST(an_offline_root_has_no_listener),
        TEST(titles_are_found_in_odd_pages),
    };
    return cmocka_run_group_tests(tests, servers_start, servers_end);
}

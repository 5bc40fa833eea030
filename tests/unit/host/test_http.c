/* A tiny HTTP server on the loopback, one thread, answers by path; what a broken or hostile one does too. */
#include "../timely.h"
#include "real.h"
#include "root.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

struct server {
    int fd;
    unsigned port;
    pthread_t thread;
    char agent[64];
};
static struct server server;

static void say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        return;
}

static void endless(int fd)
{
    static const char block[4096] = {'x'};
    say(fd, "HTTP/1.1 200 OK\r\n\r\n");
    while (write(fd, block, sizeof block) > 0)
        ;
}

static void answer(int fd, const char *path)
{
    if (strcmp(path, "/good") == 0)
        say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
    else if (strcmp(path, "/empty") == 0)
        say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    else if (strcmp(path, "/nocontent") == 0)
        say(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    else if (strcmp(path, "/truncated") == 0)
        say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nabc");
    else if (strcmp(path, "/chunked") == 0)
        say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
    else if (strcmp(path, "/large") == 0)
        say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\nabc");
    else if (strcmp(path, "/huge") == 0)
        say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4611686018427387904\r\n\r\nabc");
    else if (strcmp(path, "/endless") == 0)
        endless(fd);
    else if (strcmp(path, "/loop") == 0)
        say(fd, "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
    else if (strcmp(path, "/moved") == 0)
        say(fd,
            "HTTP/1.1 301 Moved\r\nConnection: close\r\nLocation: /good\r\nContent-Length: 5\r\n\r\nmoved");
    else if (strcmp(path, "/file") == 0)
        say(fd, "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: file:///etc/passwd\r\nContent-Length: "
                "0\r\n\r\n");
    else if (strcmp(path, "/busy") == 0)
        say(fd, "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy");
    else if (strcmp(path, "/slow") == 0) {
        say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\na");
        char end;
        if (read(fd, &end, 1) < 0) /* until the client gives up */
            return;
    } else
        say(fd, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnone");
}

static void *serve(void *self)
{
    for (;;) {
        int fd = accept(server.fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        char request[2048], path[64] = "";
        ssize_t n = read(fd, request, sizeof request - 1);
        request[n < 0 ? 0 : n] = '\0';
        sscanf(request, "GET %63s", path);
        const char *agent = strstr(request, "User-Agent: ");
        if (agent)
            sscanf(agent, "User-Agent: %63s", server.agent);
        if (strcmp(path, "/end") == 0) {
            close(fd);
            return NULL;
        }
        answer(fd, path);
        close(fd);
    }
}

static int server_start(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    signal(SIGPIPE, SIG_IGN);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server.fd < 0 || bind(server.fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(server.fd, 8) < 0 ||
        getsockname(server.fd, (struct sockaddr *)&at, &len) < 0)
        return -1;
    server.port = ntohs(at.sin_port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int server_end(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)server.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        say(fd, "GET /end HTTP/1.1\r\n\r\n");
    pthread_join(server.thread, NULL);
    close(fd);
    close(server.fd);
    return 0;
}

static int fetch(struct test_root *t, const char *path, struct fetch f, char sum[SHA256_HEX])
{
    f.url = arena_printf(&t->a, "http://127.0.0.1:%u%s", server.port, path);
    if (!f.path)
        f.path = "/got";
    if (!f.timeout)
        f.timeout = 20;
    error_clear(&t->err);
    int r = real_fetch(&t->h, &f, sum, &t->err);
    real_curl_close(&t->h);
    return r;
}

/* Nothing is left of what failed, neither the file nor its temporary name. */
#define REFUSED(path, code, word, ...)                                                                       \
    do {                                                                                                     \
        assert_int_equal(fetch(t, (path), (struct fetch){__VA_ARGS__}, NULL), (code));                       \
        if (!strstr(t->err.text, (word)) || !strstr(t->err.text, "http://127.0.0.1:"))                       \
            fail_msg("%s", t->err.text);                                                                     \
        assert_int_equal(count(t->dir), 0);                                                                  \
    } while (0)

static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void a_file_is_fetched_and_checked(void **state)
{
    struct test_root *t = *state;
    char sum[SHA256_HEX];
    int r = fetch(t, "/good", (struct fetch){.sha256 = abc}, sum);
    if (r < 0)
        print_error("%s\n", t->err.text);
    assert_int_equal(r, 0);
    assert_string_equal(sum, abc);
    assert_content(AT("/got"), "abc");
    assert_owned(AT("/got"), 0644, 0, 0);
    assert_int_equal(count(t->dir), 1);
    assert_int_equal(strncmp(server.agent, "citrus/", 7), 0);
}

static void a_redirect_is_followed_without_its_body(void **state)
{
    struct test_root *t = *state;
    assert_int_equal(fetch(t, "/moved", (struct fetch){0}, NULL), 0);
    assert_content(AT("/got"), "abc");
}

static void a_status_other_than_200_is_no_file(void **state)
{
    struct test_root *t = *state;
    REFUSED("/none", -ENOENT, "404", 0);
    assert_non_null(strstr(t->err.hint, "sources"));
    REFUSED("/busy", -EIO, "503", 0);
    REFUSED("/nocontent", -EIO, "204", 0);
}

static void an_empty_file_is_refused(void **state)
{
    struct test_root *t = *state;
    REFUSED("/empty", -ENODATA, "empty", 0);
}

static void a_truncated_file_is_refused(void **state)
{
    struct test_root *t = *state;
    REFUSED("/truncated", -EIO, "", 0);
    assert_non_null(strstr(t->err.hint, "broke off"));
    REFUSED("/chunked", -EIO, "", 0);
}

static void a_wrong_checksum_is_refused_and_both_are_named(void **state)
{
    struct test_root *t = *state;
    static const char wrong[] = "0000000000000000000000000000000000000000000000000000000000000000";
    REFUSED("/good", -EBADMSG, abc, .sha256 = wrong);
    assert_non_null(strstr(t->err.text, wrong));
}

static void what_is_too_large_is_refused(void **state)
{
    struct test_root *t = *state;
    REFUSED("/large", -EFBIG, "larger than", .max_bytes = 1000);
    REFUSED("/endless", -EFBIG, "larger than", .max_bytes = 100000);
}

static void what_does_not_fit_is_not_begun(void **state)
{
    struct test_root *t = *state;
    REFUSED("/huge", -ENOSPC, "left", .max_bytes = INT64_MAX);
    assert_non_null(strstr(t->err.hint, "make room"));
}

static void a_server_that_falls_silent_is_given_up(void **state)
{
    struct test_root *t = *state;
    time_t begun = time(NULL);
    REFUSED("/slow", -ETIMEDOUT, "", .timeout = 600, .stall = 1);
    assert_true(timely(time(NULL) - begun < 60));
    assert_non_null(strstr(t->err.hint, "too slow"));
}

static void a_slow_server_is_given_up(void **state)
{
    struct test_root *t = *state;
    time_t begun = time(NULL);
    REFUSED("/slow", -ETIMEDOUT, "", .timeout = 1);
    assert_true(timely(time(NULL) - begun < 10));
}

static volatile sig_atomic_t signalled;

/* The progress callback comes about once a second, also when the server says nothing. */
static void a_signal_ends_a_download(void **state)
{
    struct test_root *t = *state;
    signalled = 1;
    t->h.interrupted = &signalled;
    REFUSED("/slow", -EINTR, "interrupted", .timeout = 60);
    t->h.interrupted = NULL;
}

static void redirects_are_limited_in_number_and_kind(void **state)
{
    struct test_root *t = *state;
    REFUSED("/loop", -EIO, "redirects", 0);
    assert_non_null(strstr(t->err.hint, "from one address to the next"));
    REFUSED("/file", -EIO, "", 0);
    assert_non_null(strstr(t->err.hint, "no web address"));
}

static void only_http_is_spoken(void **state)
{
    struct test_root *t = *state;
    struct fetch f = {.url = "file:///etc/passwd", .path = "/got"};
    assert_int_equal(real_fetch(&t->h, &f, NULL, &t->err), -EINVAL);
    assert_int_equal(count(t->dir), 0);
}

static void nobody_listens(void **state)
{
    struct test_root *t = *state;
    struct fetch f = {.url = "http://user:geheim@127.0.0.1:1/a?token=geheim", .path = "/got", .timeout = 5};
    assert_int_equal(real_fetch(&t->h, &f, NULL, &t->err), -EIO);
    real_curl_close(&t->h);
    assert_null(strstr(t->err.text, "geheim"));
    assert_non_null(strstr(t->err.text, "http://127.0.0.1:1/a"));
}

static void an_old_file_stays_when_the_new_one_does_not_come(void **state)
{
    struct test_root *t = *state;
    put(AT("/got"), "old", 0600);
    put(AT("/.got.citrus~"), "left by a crash", 0600);
    assert_int_equal(fetch(t, "/truncated", (struct fetch){0}, NULL), -EIO);
    assert_content(AT("/got"), "old");
    assert_int_equal(count(t->dir), 1);
    assert_int_equal(fetch(t, "/good", (struct fetch){0}, NULL), 0);
    assert_content(AT("/got"), "abc");
    assert_int_equal(count(t->dir), 1);
}

static void the_directory_must_be_there(void **state)
{
    struct test_root *t = *state;
    assert_int_equal(fetch(t, "/good", (struct fetch){.path = "/no/such/got"}, NULL), -ENOENT);
    assert_non_null(strstr(t->err.text, "/no"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_fetched_and_checked),
        TEST(a_redirect_is_followed_without_its_body),
        TEST(a_status_other_than_200_is_no_file),
        TEST(an_empty_file_is_refused),
        TEST(a_truncated_file_is_refused),
        TEST(a_wrong_checksum_is_refused_and_both_are_named),
        TEST(what_is_too_large_is_refused),
        TEST(what_does_not_fit_is_not_begun),
        TEST(a_server_that_falls_silent_is_given_up),
        TEST(a_slow_server_is_given_up),
        TEST(a_signal_ends_a_download),
        TEST(redirects_are_limited_in_number_and_kind),
        TEST(only_http_is_spoken),
        TEST(nobody_listens),
        TEST(an_old_file_stays_when_the_new_one_does_not_come),
        TEST(the_directory_must_be_there),
    };
    return cmocka_run_group_tests(tests, server_start, server_end);
}

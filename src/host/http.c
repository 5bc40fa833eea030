/* One file from a URL. What a server sends is bounded in size
 * and time, checked before it has its name, and then there as a whole or not at all. */
#include "curl_conn.h"
#include "file.h"
#include "fs.h"
#include "real.h"
#include "step.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define MAX_BYTES         (INT64_C(1) << 30)
#define FETCH_SECONDS     1800 /* 512 MB at 300 kB/s; what ends a server that hangs is the stall */
#define CONNECT_SECONDS   20L
#define REDIRECTS_MAX     5L
#define LOW_SPEED_BYTES   1000L
#define LOW_SPEED_SECONDS 30
#define PROGRESS_SECONDS  1

/* One transfer. */
struct transfer {
    const struct host *host;
    const struct fetch *fetch;
    struct curl_conn *curl;
    const char *shown; /* the URL without what may be a password */
    const char *name;  /* its last part */
    int fd, stall;
    int64_t bytes, max;
    int write_error;
    struct error no_room; /* what was told before its first byte */
    struct sha256_stream *sha256;
    time_t said;
    char reason[CURL_ERROR_SIZE];
};

/* --- the transfer ------------------------------------------------------------------------------------------
 */

/* Before the first byte of a body whose length was told: whether all of it fits. */
static bool body_fits(struct transfer *t)
{
    struct fs_room room;
    curl_off_t length = -1;
    t->curl->api.curl_easy_getinfo_(t->curl->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length <= 0 || fs_room_at(t->fd, &room) < 0 ||
        fs_room_hold(&room, t->fetch->path, length, t->shown, &t->no_room) == 0)
        return true;
    t->write_error = -ENOSPC;
    return false;
}

static size_t on_body(char *at, size_t size, size_t count, void *self)
{
    struct transfer *t = self;
    size_t n = size * count;
    if (t->bytes == 0 && !body_fits(t))
        return 0;
    if (t->bytes + (int64_t)n > t->max) {
        t->write_error = -EFBIG;
        return 0;
    }
    sha256_stream_add(t->sha256, at, n);
    t->bytes += (int64_t)n;
    t->write_error = file_write(t->fd, at, n);
    return t->write_error < 0 ? 0 : n;
}

static int on_progress(void *self, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    struct transfer *t = self;
    const struct progress *to = t->fetch->progress;
    time_t clock = time(NULL);
    if (host_interrupted(t->host))
        return 1; /* about once a second, also when nothing comes */
    if (!to || now == 0 || clock - t->said < PROGRESS_SECONDS)
        return 0;
    t->said = clock;
    struct buf line = {0};
    buf_addf(&line, "fetching %s  %.1f", t->name, (double)now / 1e6);
    if (total > 0)
        buf_addf(&line, " of %.1f", (double)total / 1e6);
    buf_adds(&line, " MB");
    to->say(to->self, buf_str(&line));
    buf_free(&line);
    return 0;
}

static void transfer_options(struct curl_conn *c, struct transfer *t)
{
    const struct fetch *f = t->fetch;
    CURL *e = c->easy;
    __typeof__(c->api.curl_easy_setopt_) set = c->api.curl_easy_setopt_;
    bool secure = strncasecmp(f->url, "https:", 6) == 0;
    c->api.curl_easy_reset_(e);
    set(e, CURLOPT_URL, f->url);
    set(e, CURLOPT_NOSIGNAL, 1L);
    set(e, CURLOPT_USERAGENT, "citrus/" CITRUS_VERSION);
    set(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    /* A redirect from https never leads to where others can read and write along. */
    set(e, CURLOPT_REDIR_PROTOCOLS,
        secure ? (long)CURLPROTO_HTTPS : (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    set(e, CURLOPT_FOLLOWLOCATION, 1L);
    set(e, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
    set(e, CURLOPT_FAILONERROR, 1L);
    set(e, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    set(e, CURLOPT_TIMEOUT, (long)(f->timeout > 0 ? f->timeout : FETCH_SECONDS));
    set(e, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
    set(e, CURLOPT_LOW_SPEED_TIME, (long)t->stall);
    set(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->max);
    set(e, CURLOPT_ERRORBUFFER, t->reason);
    set(e, CURLOPT_WRITEFUNCTION, on_body);
    set(e, CURLOPT_WRITEDATA, t);
    set(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    set(e, CURLOPT_XFERINFODATA, t);
    set(e, CURLOPT_NOPROGRESS, 0L);
}

static int status_error(const struct transfer *t, long status, struct error *err)
{
    int r = error_set(err, status == 404 || status == 410 ? -ENOENT : -EIO, "%s: HTTP status %ld", t->shown,
                      status);
    if (status == 404 || status == 410)
        error_hint(err, "check the version and `server.sources` in the manifest");
    else if (status == 401 || status == 403)
        error_hint(err, "the server wants a login, or forbids this address");
    else if (status == 429 || status >= 500)
        error_hint(err, "the server is busy or broken; try again later");
    return r;
}

/* The body was not taken: too large, or the disk's doing. */
static int body_error(const struct transfer *t, struct error *err)
{
    int r = t->write_error;
    if (t->no_room.code && err)
        *err = t->no_room;
    if (t->no_room.code)
        return r;
    if (r == -EFBIG || r == 0) {
        r = error_set(err, -EFBIG, "%s: it is larger than the %lld bytes that are allowed", t->shown,
                      (long long)t->max);
        error_hint(err, "that is no such file: check `server.sources` in the manifest");
        return r;
    }
    return error_errno(err, r, "%s: writing %s", t->shown, t->fetch->path);
}

static const char *code_hint(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "the name is wrong, or the machine's name resolution does not work";
    case CURLE_COULDNT_CONNECT:
        return "nothing answers there: is the address right (`server.sources`), and the way to it open?";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "the certificate must be of an authority in /etc/ssl/certs (package ca-certificates)";
    case CURLE_OPERATION_TIMEDOUT:
        return "the server is too slow or cannot be reached; try again later or name another source";
    case CURLE_TOO_MANY_REDIRECTS:
        return "its server sends from one address to the next; name where the file is in `server.sources`";
    case CURLE_UNSUPPORTED_PROTOCOL:
        return "a redirect leads away from https, or to what is no web address; name a source that does not";
    default:
        return "the connection broke off; try again later or name another source";
    }
}

static int transfer_error(struct curl_conn *c, const struct transfer *t, CURLcode code, struct error *err)
{
    long status = 0;
    c->api.curl_easy_getinfo_(c->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return error_set(err, -EINTR, "%s: interrupted by a signal", t->shown);
    if (t->write_error || code == CURLE_FILESIZE_EXCEEDED)
        return body_error(t, err);
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return status_error(t, status, err);
    const char *reason = *t->reason ? t->reason : c->api.curl_easy_strerror_(code);
    int r = error_set(err, code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO, "%s: %s", t->shown, reason);
    error_hint(err, "%s", code_hint(code));
    return r;
}

static int transfer_run(struct curl_conn *c, struct transfer *t, char digest[SHA256_HEX], struct error *err)
{
    t->sha256 = sha256_stream_new();
    t->curl = c;
    transfer_options(c, t);
    CURLcode code = c->api.curl_easy_perform_(c->easy);
    sha256_stream_end(t->sha256, digest);
    long status = 0;
    c->api.curl_easy_getinfo_(c->easy, CURLINFO_RESPONSE_CODE, &status);
    int r = 0;
    if (code != CURLE_OK)
        r = transfer_error(c, t, code, err);
    else if (status != 200)
        r = status_error(t, status, err);
    else if (t->bytes == 0)
        r = error_set(err, -ENODATA, "%s: the server sent an empty file", t->shown);
    else if (t->fetch->sha256 && strcasecmp(t->fetch->sha256, digest) != 0) {
        r = error_set(err, -EBADMSG, "%s: its SHA-256 is %s, wanted is %s", t->shown, digest,
                      t->fetch->sha256);
        error_hint(err,
                   "the file was changed or damaged on its way; correct the checksum only if you know why");
    }
    c->api.curl_easy_reset_(c->easy); /* nothing of `t` stays behind in it */
    return r;
}

/* --- the file ----------------------------------------------------------------------------------------------
 */

/* "https://user:password@host/x?y" as it may be shown: without login, query and fragment. */
static char *url_shown(struct arena *a, const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t len = strcspn(host, "?#"), authority = strcspn(host, "/?#");
    size_t skip = 0;
    for (size_t i = 0; i < authority; i++)
        if (host[i] == '@')
            skip = i + 1;
    return arena_printf(a, "%.*s%.*s", (int)(host - url), url, (int)(len - skip), host + skip);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int fetch_into(struct host *h, struct curl_conn *c, int dirfd, const char *temp, struct transfer *t,
                      char digest[SHA256_HEX], struct error *err)
{
    const char *path = t->fetch->path;
    step_unlink(dirfd, temp, 0, path); /* what a crash may have left */
    t->fd = step_create(dirfd, temp, 0600, path);
    if (t->fd < 0)
        return error_errno(err, t->fd, "%s: making the file", path);
    int r = transfer_run(c, t, digest, err);
    if (r < 0)
        goto out;
    r = step_fchmod(t->fd, 0644, path);
    if (r == 0 && fsync(t->fd) < 0)
        r = -errno;
    if (r == 0)
        r = step_rename(dirfd, temp, dirfd, last_part(path), 0, path);
    if (r == 0 && fsync(dirfd) < 0)
        r = -errno;
    if (r < 0)
        error_errno(err, r, "%s: saving what was fetched from %s", path, t->shown);
out:
    close(t->fd);
    if (r < 0)
        step_unlink(dirfd, temp, 0, path);
    return r;
}

int real_fetch(struct host *h, const struct fetch *f, char ret_sha256[SHA256_HEX], struct error *err)
{
    struct arena a = {0};
    struct curl_conn *c = NULL;
    char digest[SHA256_HEX];
    struct transfer t = {.host = h, .fetch = f, .fd = -1, .shown = url_shown(&a, f->url)};
    t.name = last_part(t.shown);
    t.stall = f->stall > 0 ? f->stall : h->stall_seconds > 0 ? h->stall_seconds : LOW_SPEED_SECONDS;
    t.max = f->max_bytes > 0 ? f->max_bytes : MAX_BYTES;
    int r;
    if (strncasecmp(f->url, "http://", 7) != 0 && strncasecmp(f->url, "https://", 8) != 0) {
        r = error_set(err, -EINVAL, "%s: only http and https are fetched", t.shown);
        goto out;
    }
    const char *name = last_part(f->path);
    size_t dir_len = (size_t)(name - f->path);
    int dirfd = fs_open(h, dir_len > 1 ? arena_strndup(&a, f->path, dir_len - 1) : "/",
                        O_RDONLY | O_DIRECTORY | O_CLOEXEC, err);
    if (dirfd < 0) {
        r = dirfd;
        goto out;
    }
    r = curl_conn_open(h, &c, err);
    if (r == 0)
        r = fetch_into(h, c, dirfd, arena_printf(&a, ".%s.citrus~", name), &t, digest, err);
    close(dirfd);
    if (r == 0 && ret_sha256)
        memcpy(ret_sha256, digest, sizeof digest);
out:
    arena_free(&a);
    return r;
}

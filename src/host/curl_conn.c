#include "curl_conn.h"
#include "library.h"
#include "real.h"
#include <errno.h>
#include <stdlib.h>

#define CURL_LIBRARY "libcurl.so.4"

int curl_conn_open(struct host *h, struct curl_conn **ret, struct error *err)
{
    if (h->curl) {
        *ret = h->curl;
        return 0;
    }
#define X(f) #f,
    static const char *const names[] = {CURL_FUNCTIONS(X)};
#undef X
    struct curl_api api;
    int r = library_load(CURL_LIBRARY, "libcurl4", names, &api, sizeof names / sizeof *names, err);
    if (r < 0)
        return r;
    CURL *easy = api.curl_global_init_(CURL_GLOBAL_DEFAULT) == CURLE_OK ? api.curl_easy_init_() : NULL;
    if (!easy)
        return error_set(err, -ENOMEM, "libcurl cannot be started");
    struct curl_conn *c = xmalloc(sizeof *c);
    *c = (struct curl_conn){.api = api, .easy = easy};
    h->curl = c;
    *ret = c;
    return 0;
}

void real_curl_close(struct host *h)
{
    struct curl_conn *c = h->curl;
    if (!c)
        return;
    c->api.curl_easy_cleanup_(c->easy);
    free(c);
    h->curl = NULL;
}

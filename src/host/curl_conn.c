#include "curl_conn.h"
#include "real.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#define CURL_LIBRARY "libcurl.so.4"

int curl_conn_open(struct host *h, struct curl_conn **ret, struct error *err)
{
    if (h->curl) {
        *ret = h->curl;
        return 0;
    }
    void *library = dlopen(CURL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        int r = error_set(err, -ELIBACC, "libcurl cannot be loaded: %s", dlerror());
        error_hint(err, "install it: apt-get install libcurl4");
        return r;
    }
    struct curl_api api;
#define X(f)                                                                                                 \
    api.f##_ = (__typeof__(api.f##_))dlsym(library, #f);                                                     \
    if (!api.f##_) {                                                                                         \
        dlclose(library);                                                                                    \
        return error_set(err, -ELIBBAD, "%s has no function %s", CURL_LIBRARY, #f);                          \
    }
    CURL_FUNCTIONS(X)
#undef X
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

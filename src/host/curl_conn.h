/* libcurl, loaded when the first thing is fetched or probed: it costs more than looking at ten sites. Kept in
 * host->curl until host_close(). Private to this folder. */
#ifndef CITRUS_CURL_CONN_H
#define CITRUS_CURL_CONN_H
#define CURL_DISABLE_DEPRECATION /* CURLOPT_PROTOCOLS: its successor came with 7.85, the floor is 7.81 */
#include "host.h"
#include <curl/curl.h>

#define CURL_FUNCTIONS(X)                                                                                    \
    X(curl_global_init)                                                                                      \
    X(curl_easy_init)                                                                                        \
    X(curl_easy_reset)                                                                                       \
    X(curl_easy_setopt)                                                                                      \
    X(curl_easy_perform)                                                                                     \
    X(curl_easy_getinfo)                                                                                     \
    X(curl_easy_strerror)                                                                                    \
    X(curl_easy_cleanup)                                                                                     \
    X(curl_multi_init)                                                                                       \
    X(curl_multi_add_handle)                                                                                 \
    X(curl_multi_remove_handle)                                                                              \
    X(curl_multi_perform)                                                                                    \
    X(curl_multi_poll)                                                                                       \
    X(curl_multi_info_read)                                                                                  \
    X(curl_multi_cleanup)                                                                                    \
    X(curl_slist_append)                                                                                     \
    X(curl_slist_free_all)

/* In parentheses: curl's header has macros of some of these names. */
struct curl_api {
#define X(f) __typeof__(&(f)) f##_;
    CURL_FUNCTIONS(X)
#undef X
};

struct curl_conn {
    struct curl_api api;
    CURL *easy; /* for fetching; kept: a second file of the same server needs no new connection */
};

int curl_conn_open(struct host *h, struct curl_conn **ret, struct error *err);

#endif

/* Pretended sites: what "probe" says of them. */
#include "fake_world.h"
#include "fs.h"
#include "page.h"
#include "x509.h"
#include <errno.h>
#include <string.h>

static const struct {
    const char *name;
    int code;
} codes[] = {{"ETIMEDOUT", -ETIMEDOUT},
             {"ECONNREFUSED", -ECONNREFUSED},
             {"ECONNRESET", -ECONNRESET},
             {"ECANCELED", -ECANCELED}};

/* The answer whose turn it is: of a list the first, which is used up unless it is the last. */
static json_t *answer_of(struct host *h, const char *domain)
{
    json_t *sites = json_object_get(fake_of(h)->world, "probe"), *said = json_object_get(sites, domain);
    if (!json_is_array(said))
        return json_incref(said);
    json_t *first = json_incref(json_array_get(said, 0));
    if (json_array_size(said) > 1)
        json_array_remove(said, 0);
    return first;
}

static bool file_has(struct host *h, const char *path, const char *text)
{
    struct buf b = {0};
    bool has = fs_read(h, path, 0, &b, NULL) == 0 && strstr(buf_str(&b), text);
    buf_free(&b);
    return has;
}

/* A member of the answer, or of the first of `where` that holds. */
static json_t *member(struct host *h, json_t *answer, const char *name)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(answer, "where"), i, one)
    {
        if (file_has(h, fake_text(one, "file", ""), fake_text(one, "has", "")))
            return json_object_get(one, name) ? json_object_get(one, name) : json_object_get(answer, name);
    }
    return json_object_get(answer, name);
}

static void certificate(struct host *h, const struct probe *p, const char *given, struct probe_result *ret,
                        struct arena *a)
{
    struct buf b = {0};
    struct x509_info x;
    if (given)
        strncat(ret->certificate, given, SHA256_HEX - 1);
    else if (fs_read(h, arena_printf(a, "/etc/citrus/tls/%s/fullchain.pem", p->domain), 0, &b, NULL) == 0 &&
             x509_parse(b.at, b.len, &x, a, NULL) == 0)
        memcpy(ret->certificate, x.sha256, SHA256_HEX);
    buf_free(&b);
}

static void probe_one(struct host *h, const struct probe *p, struct probe_result *ret, struct arena *a)
{
    json_t *answer = answer_of(h, p->domain);
    const char *code = json_string_value(member(h, answer, "code"));
    const char *text = json_string_value(member(h, answer, "text"));
    const json_t *status = member(h, answer, "status"), *ms = member(h, answer, "ms");
    int limit = p->timeout > 0 ? p->timeout : PROBE_TIMEOUT;
    *ret = (struct probe_result){.ms = json_integer_value(ms)};
    if (ret->ms > limit * INT64_C(1000)) {
        ret->ms = limit * INT64_C(1000);
        ret->code = -ETIMEDOUT;
        ret->reason = arena_printf(a, "no whole answer within %d s", limit);
    }
    for (size_t i = 0; code && i < sizeof codes / sizeof *codes; i++)
        if (strcmp(code, codes[i].name) == 0) {
            ret->code = codes[i].code;
            ret->reason = arena_strdup(a, strerror(-codes[i].code));
        }
    if (ret->code == 0) {
        ret->status = json_is_integer(status) ? (int)json_integer_value(status) : 200;
        text = text ? text : "";
        ret->title = page_title(text, strlen(text), a);
        ret->fault = page_fault(text, strlen(text));
        ret->contains = p->contains && strstr(text, p->contains);
        ret->location = arena_strdup(a, json_string_value(member(h, answer, "location")));
        if (p->tls)
            certificate(h, p, json_string_value(member(h, answer, "certificate")), ret, a);
    }
    json_decref(answer);
}

int fake_probe(struct host *h, const struct probe *list, size_t n, struct probe_result *ret, struct arena *a,
               struct error *err)
{
    int r = fake_refuses(h, "probe", err);
    for (size_t i = 0; i < n && r == 0; i++)
        probe_one(h, &list[i], &ret[i], a);
    return r;
}

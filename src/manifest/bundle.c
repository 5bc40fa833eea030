#include "bundle.h"
#include "bundle_glob.h"
#include "jsonw.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The largest text that tree.h takes; one byte more is read, so that it is tree_parse() that says so. */
#define FILE_MAX ((size_t)8 << 20)

int bundle_read_fd(int fd, struct bundle_file *f, struct arena *a)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (st.st_size > (off_t)FILE_MAX)
        return -EFBIG;
    size_t cap = (size_t)st.st_size, len = 0;
    char *text = arena_alloc(a, cap + 1);
    while (len < cap) { /* a file that grows meanwhile is read as long as it was */
        ssize_t k = read(fd, text + len, cap - len);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if (k == 0)
            break;
        len += (size_t)k;
    }
    f->text = text;
    f->len = len;
    return 0;
}

const char *bundle_read_problem(int code)
{
    return code == -EFBIG    ? "has more than 8 MiB"
           : code == -EISDIR ? "is a directory"
           : code == -EINVAL ? "is no regular file"
                             : strerror(-code);
}

/* `path` itself, or server.yaml in it. */
static int open_main(const char *path, const char **ret_name, struct arena *a, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;
    const char *name = path;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        size_t n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
            n--;
        name = arena_printf(a, "%.*s%sserver.yaml", (int)n, path, path[n - 1] == '/' ? "" : "/");
        close(fd);
        fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    }
    if (fd < 0) {
        int code = -errno;
        error_errno(err, code, "can't read the manifest %s", name);
        if (code == -ENOENT)
            error_hint(err, "name a file, or a directory that holds server.yaml; without one, citrus reads "
                            "/etc/citrus/server.yaml");
        return code;
    }
    *ret_name = arena_strdup(a, name);
    return fd;
}

int bundle_read(const char *path, struct bundle *ret, struct arena *a, struct diags *d, struct error *err)
{
    struct bundle_file main_file = {0};
    int fd = open_main(path, &main_file.name, a, err);
    if (fd < 0)
        return fd;
    int rc = bundle_read_fd(fd, &main_file, a);
    close(fd);
    if (rc < 0)
        return error_set(err, rc, "can't read the manifest %s: %s", main_file.name, bundle_read_problem(rc));
    return bundle_includes(&main_file, ret, a, d, err);
}

/* What the texts are called is not what they mean: the digest is that of the texts alone. */
void bundle_digest(const struct bundle *b, char out[SHA256_HEX])
{
    struct sha256_stream *s = sha256_stream_new();
    for (size_t i = 0; i < b->n; i++) {
        unsigned char len[8];
        for (int k = 0; k < 8; k++)
            len[k] = (unsigned char)((uint64_t)b->at[i].len >> (8 * k));
        sha256_stream_add(s, len, sizeof len);
        sha256_stream_add(s, b->at[i].text, b->at[i].len);
    }
    sha256_stream_end(s, out);
}

char *bundle_to_json(const struct bundle *b, struct arena *a)
{
    struct buf out = {0};
    struct jsonw j;
    jw_init(&j, &out, false);
    jw_object(&j, NULL);
    jw_array(&j, "files");
    for (size_t i = 0; i < b->n; i++) {
        jw_object(&j, NULL);
        jw_str(&j, "name", b->at[i].name);
        jw_strn(&j, "text", b->at[i].text, b->at[i].len);
        jw_end(&j);
    }
    jw_end(&j);
    jw_end(&j);
    char *text = arena_strndup(a, buf_str(&out), out.len);
    buf_free(&out);
    return text;
}

int bundle_from_json(const char *text, struct bundle *ret, struct arena *a, struct error *err)
{
    json_error_t why;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &why), *item;
    json_t *files = json_object_get(root, "files");
    struct bundle b = {.n = json_array_size(files)};
    int rc = 0;
    size_t i;
    if (b.n == 0) {
        rc = error_set(err, -EINVAL, "the stored manifest is damaged: %s",
                       root ? "it holds no files" : why.text);
        goto out;
    }
    b.at = arena_array(a, struct bundle_file, b.n);
    json_array_foreach(files, i, item)
    {
        const json_t *name = json_object_get(item, "name"), *content = json_object_get(item, "text");
        if (!json_is_string(name) || !json_is_string(content)) {
            rc = error_set(err, -EINVAL, "the stored manifest is damaged: file %zu has no name or text",
                           i + 1);
            goto out;
        }
        b.at[i].name = arena_strdup(a, json_string_value(name));
        b.at[i].len = json_string_length(content);
        b.at[i].text = arena_memdup(a, json_string_value(content), b.at[i].len);
    }
    *ret = b;
out:
    json_decref(root);
    return rc;
}

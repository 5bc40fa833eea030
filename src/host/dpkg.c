/* /var/lib/dpkg/status in one pass: dpkg's own record, read as a file because starting dpkg-query costs more
 * than all the rest of a run that changes nothing. Format: deb822(5), dpkg(1) "Package states". */
#include "fs.h"
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_PATH "/var/lib/dpkg/status"
#define UPDATES_DIR "/var/lib/dpkg/updates"
#define STATUS_MAX  ((size_t)256 << 20) /* a desktop with all of Debian has some 100 MB */
#define BLOCK       ((size_t)64 << 10)

struct piece {
    const char *at;
    size_t len;
};

/* What one paragraph says; borrowed from the file's text. */
struct paragraph {
    struct piece name, status, version, architecture;
};

/* While parsing, a package keeps its rank: its architecture is native (or "all"), or a foreign one. */
struct entry {
    struct dpkg_package package;
    struct piece architecture; /* in the scratch arena */
    size_t order;
};
struct entries {
    struct entry *at;
    size_t n, cap;
    struct piece architecture; /* the last one that was another than "all": there are one or two */
};

static bool piece_is(struct piece p, const char *word)
{
    return p.at && strlen(word) == p.len && memcmp(p.at, word, p.len) == 0;
}

/* The value of the line [at, end) when it is the field `name` (with its colon). */
static bool field_value(const char *at, const char *end, const char *name, size_t len, struct piece *ret)
{
    if ((size_t)(end - at) < len || memcmp(at, name, len) != 0)
        return false;
    at += len;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    *ret = (struct piece){at, (size_t)(end - at)};
    return true;
}

#define FIELD_VALUE(at, end, name, ret) field_value((at), (end), name, sizeof name - 1, (ret))

/* The empty line behind what begins at the line feed `at`. memchr() goes by 32 bytes, where memmem() goes by
 * one. */
static const char *paragraph_end(const char *at, const char *end)
{
    while (at && at + 1 < end && at[1] != '\n')
        at = memchr(at + 1, '\n', (size_t)(end - at - 1));
    return at && at + 1 < end ? at + 1 : end;
}

/* Reads the paragraph at *at and moves behind it. The four fields come first in dpkg's order, so the long
 * rest (Depends, Conffiles, Description) is skipped in one search. */
static void paragraph_read(const char **at, const char *end, struct paragraph *p)
{
    const char *line = *at;
    while (line < end && *line != '\n') {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop)
            stop = end;
        switch (*line) {
        case 'P':
            FIELD_VALUE(line, stop, "Package:", &p->name);
            break;
        case 'S':
            FIELD_VALUE(line, stop, "Status:", &p->status);
            break;
        case 'V':
            FIELD_VALUE(line, stop, "Version:", &p->version);
            break;
        case 'A':
            FIELD_VALUE(line, stop, "Architecture:", &p->architecture);
            break;
        default:
            break;
        }
        if (stop == end) {
            *at = end;
            return;
        }
        line = stop + 1;
        if (p->name.at && p->status.at && p->version.at && p->architecture.at) {
            line = paragraph_end(stop, end);
        }
    }
    *at = line < end ? line + 1 : end;
}

/* The word of "want flag state" at position `index`. */
static struct piece status_word(struct piece status, int index)
{
    const char *at = status.at, *end = status.at + status.len;
    for (;; index--) {
        while (at < end && *at == ' ')
            at++;
        const char *stop = at;
        while (stop < end && *stop != ' ')
            stop++;
        if (index == 0)
            return (struct piece){at, (size_t)(stop - at)};
        at = stop;
    }
}

/* Anything between "not-installed" and "installed" is what an interrupted dpkg leaves, triggers that did not
 * run included: `dpkg --configure -a` mends all but half-installed. */
static enum dpkg_state state_of(struct piece status)
{
    struct piece state = status_word(status, 2);
    if (!piece_is(status_word(status, 1), "ok"))
        return DPKG_BROKEN;
    if (piece_is(state, "installed"))
        return DPKG_INSTALLED;
    if (piece_is(state, "not-installed"))
        return DPKG_ABSENT;
    if (piece_is(state, "config-files"))
        return DPKG_CONFIG_FILES;
    return DPKG_BROKEN;
}

static int entry_compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int r = strcmp(x->package.name, y->package.name);
    return r ? r : x->order < y->order ? -1 : 1;
}

static bool piece_same(struct piece x, struct piece y)
{
    return x.len == y.len && (!x.len || memcmp(x.at, y.at, x.len) == 0);
}

static bool entry_same(const struct entry *x, const struct entry *y)
{
    return strcmp(x->package.name, y->package.name) == 0 && piece_same(x->architecture, y->architecture);
}

static struct piece architecture_kept(struct entries *list, struct piece p, struct arena *scratch)
{
    static const char all[] = "all";
    if (piece_is(p, all))
        return (struct piece){all, sizeof all - 1};
    if (!piece_same(list->architecture, p))
        list->architecture = (struct piece){p.at ? arena_strndup(scratch, p.at, p.len) : NULL, p.len};
    return list->architecture;
}

static struct entry entry_make(const struct paragraph *p, size_t order, struct arena *a)
{
    static const char usual[] = "install ok installed";
    return (struct entry){
        .package = {.name = arena_strndup(a, p->name.at, p->name.len),
                    .version = arena_strndup(a, p->version.at ? p->version.at : "", p->version.len),
                    .state_text =
                        piece_is(p->status, usual) ? usual : arena_strndup(a, p->status.at, p->status.len),
                    .state = state_of(p->status),
                    .held = piece_is(status_word(p->status, 0), "hold")},
        .architecture = p->architecture,
        .order = order};
}

/* Sorted, one of each name: the native architecture's (dpkg itself always is of it) or "all" wins. */
static size_t entries_settle(struct entry *list, size_t n, struct dpkg_package *out)
{
    struct piece native = {0};
    for (size_t i = 0; i < n && !native.at; i++)
        if (strcmp(list[i].package.name, "dpkg") == 0)
            native = list[i].architecture;
    qsort(list, n, sizeof *list, entry_compare);
    size_t made = 0;
    for (size_t i = 0; i < n;) {
        size_t best = i, k = i;
        bool found = false;
        for (; k < n && strcmp(list[k].package.name, list[i].package.name) == 0; k++) {
            struct piece arch = list[k].architecture;
            bool ours = piece_is(arch, "all") ||
                        (native.at && arch.len == native.len && memcmp(arch.at, native.at, arch.len) == 0);
            if (ours && !found) {
                best = k;
                found = true;
            }
        }
        out[made++] = list[best].package;
        i = k;
    }
    return made;
}

static void paragraphs_add(const char *at, size_t len, bool over, struct entries *list, struct arena *scratch,
                           struct arena *a)
{
    const char *end = at + len;
    while (at < end) {
        struct paragraph p = {0};
        paragraph_read(&at, end, &p);
        if (!p.name.len || !p.status.len)
            continue;
        p.architecture = architecture_kept(list, p.architecture, scratch);
        struct entry e = entry_make(&p, list->n, a);
        size_t i = over ? 0 : list->n;
        while (i < list->n && !entry_same(&list->at[i], &e))
            i++;
        if (i < list->n) {
            e.order = list->at[i].order;
            list->at[i] = e;
        } else {
            vec_push(scratch, list, e);
        }
    }
}

static bool is_update(const char *name)
{
    return *name && name[strspn(name, "0123456789")] == '\0';
}

/* dpkg notes each change of a state in a small file of its own, and writes `status` anew when it comes to its
 * end (lib/dpkg/dbmodify.c). After one that was killed `status` is not the truth without them. */
static int updates_read(struct host *h, struct entries *list, struct arena *scratch, struct arena *a,
                        struct error *err)
{
    const char **names;
    size_t n;
    int r = fs_list(h, UPDATES_DIR, scratch, &names, &n, err);
    if (r == -ENOENT) {
        error_clear(err);
        return 0;
    }
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct buf text = {0};
        if (!is_update(names[i]))
            continue;
        r = fs_read(h, arena_printf(scratch, UPDATES_DIR "/%s", names[i]), STATUS_MAX, &text, err);
        if (r == 0) {
            paragraphs_add(buf_str(&text), text.len, true, list, scratch, a);
            buf_free(&text);
        } else if (r == -ENOENT) { /* a dpkg that runs has just written `status` */
            error_clear(err);
            r = 0;
        }
    }
    return r;
}

bool dpkg_interrupted(struct host *h)
{
    struct arena a = {0};
    const char **names;
    size_t n = 0;
    bool any = false;
    if (fs_list(h, UPDATES_DIR, &a, &names, &n, NULL) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++)
        any = any || is_update(names[i]);
    arena_free(&a);
    return any;
}

/* Where the last whole paragraph of it ends. */
static size_t paragraphs_end(const char *text, size_t len)
{
    while (len > 1 && !(text[len - 1] == '\n' && text[len - 2] == '\n')) {
        const char *at = memrchr(text, '\n', len - 1);
        len = at ? (size_t)(at - text) + 1 : 0;
    }
    return len > 1 ? len : 0;
}

/* Block by block, each of whole paragraphs: it is long, and memory that is new costs more than reading it. */
static int status_parse(int fd, struct entries *list, struct arena *scratch, struct arena *a,
                        struct error *err)
{
    size_t cap = BLOCK, have = 0;
    char *block = xmalloc(cap);
    ssize_t got;
    for (;;) {
        got = read(fd, block + have, cap - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        have += (size_t)got;
        size_t whole = paragraphs_end(block, have);
        paragraphs_add(block, whole, false, list, scratch, a);
        memmove(block, block + whole, have - whole);
        have -= whole;
        if (have == cap && cap >= STATUS_MAX)
            break;
        if (have == cap)
            block = xrealloc(block, cap *= 2);
    }
    int r = got < 0    ? error_errno(err, errno, "cannot read " STATUS_PATH)
            : got == 0 ? 0
                       : error_set(err, -EFBIG, STATUS_PATH " has a paragraph without an end");
    if (r == 0)
        paragraphs_add(block, have, false, list, scratch, a);
    free(block);
    return r;
}

static int status_read(struct host *h, struct entries *list, struct arena *scratch, struct arena *a,
                       struct error *err)
{
    struct stat st;
    int fd = fs_open(h, STATUS_PATH, O_RDONLY | O_NONBLOCK, err);
    if (fd < 0)
        return fd;
    int r = fstat(fd, &st) < 0     ? error_errno(err, errno, "cannot look at " STATUS_PATH)
            : !S_ISREG(st.st_mode) ? error_set(err, -EINVAL, STATUS_PATH " is no regular file")
                                   : status_parse(fd, list, scratch, a, err);
    close(fd);
    return r;
}

int dpkg_read(struct host *h, struct dpkg_package **ret, size_t *n, struct arena *a, struct error *err)
{
    struct arena scratch = {0};
    struct entries list = {0};
    int r = status_read(h, &list, &scratch, a, err);
    if (r == -ENOENT) {
        /* An empty root: nothing is installed there. */
        error_clear(err);
        *ret = NULL;
        *n = 0;
        return 0;
    }
    if (r == 0)
        r = updates_read(h, &list, &scratch, a, err);
    if (r == 0) {
        struct dpkg_package *packages = arena_array(a, struct dpkg_package, list.n + 1);
        *n = list.n ? entries_settle(list.at, list.n, packages) : 0;
        *ret = packages;
    }
    arena_free(&scratch);
    return r;
}

const struct dpkg_package *dpkg_find(const struct dpkg_package *list, size_t n, const char *name)
{
    size_t low = 0;
    while (low < n) {
        size_t mid = low + (n - low) / 2;
        int r = strcmp(name, list[mid].name);
        if (r == 0)
            return &list[mid];
        if (r < 0)
            n = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

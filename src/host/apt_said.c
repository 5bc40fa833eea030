#include "apt_said.h"
#include "text.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* --- while it runs ------------------------------------------------------------------------------------ */

/* "After this operation, 2907 kB of additional disk space will be used.": in bytes, 0 when it does not say.
 */
static int64_t space_told(const char *line)
{
    static const char sign[] = "After this operation, ", units[] = "kMGT";
    char *end = NULL;
    if (!starts_with(line, sign))
        return 0;
    double n = strtod(line + sizeof sign - 1, &end);
    if (*end != ' ' || !strstr(end, " of additional disk space"))
        return 0;
    const char *unit = strchr(units, end[1]);
    for (ptrdiff_t i = unit && *unit ? unit - units : -1; i >= 0; i--)
        n *= 1000;
    return n > 0 && n < 1e15 ? (int64_t)n : 0;
}

/* "dlstatus:1:33.3:Retrieving file 1 of 3": what stands behind the third colon. */
static void say_download(const struct progress *to, const char *line)
{
    const char *at = line;
    for (int i = 0; at && i < 3; i++)
        at = strchr(at + 1, ':');
    if (at && at[1])
        to->say(to->self, at + 1);
}

/* What is worth a line to who waits. */
void apt_hear(void *self, const char *line)
{
    static const char *const worth[] = {"Get:",     "Unpacking ",      "Setting up ",        "Removing ",
                                        "Purging ", "Preparing to un", "Processing triggers"};
    struct apt_hearing *h = self;
    int64_t space = space_told(line);
    if (space)
        h->space = space;
    if (h->to && starts_with(line, "dlstatus:"))
        say_download(h->to, line);
    for (size_t i = 0; h->to && i < sizeof worth / sizeof *worth; i++)
        if (starts_with(line, worth[i]))
            h->to->say(h->to->self, line);
}

void apt_hear_removal(void *self, const char *line)
{
    static const char sign[] = "Remv ";
    struct apt_removals *h = self;
    if (!starts_with(line, sign))
        return;
    const char *name = line + sizeof sign - 1;
    size_t len = strcspn(name, " :"); /* "libc6:i386" is of another architecture than the machine's */
    for (size_t i = 0; i < h->n_names; i++)
        if (strlen(h->names[i]) == len && strncmp(h->names[i], name, len) == 0)
            return;
    vec_push(h->a, &h->found, arena_strndup(h->a, name, len));
}

/* --- when it failed ----------------------------------------------------------------------------------- */

#define REASON_LINES 3

/* The first lines of apt's output that begin so; the others are counted. */
static void reason_lines(const char *out, const char *const *begin, struct buf *reason)
{
    size_t n = 0;
    for (const char *at = out; *at;) {
        size_t len = strcspn(at, "\n");
        bool is = false;
        for (size_t i = 0; begin[i]; i++)
            is = is || starts_with(at, begin[i]);
        if (is && ++n <= REASON_LINES) {
            buf_adds(reason, reason->len ? "; " : "");
            buf_add(reason, at, len);
            /* dpkg says what it was in the next line: "dpkg: error processing archive x (--unpack):\n ..." */
            if (len && at[len - 1] == ':' && at[len] == '\n' && at[len + 1] == ' ')
                buf_add(reason, at + len + 1, strcspn(at + len + 1, "\n"));
        }
        at += len + (at[len] == '\n');
    }
    if (n > REASON_LINES)
        buf_addf(reason, "; and %zu more", n - REASON_LINES);
}

/* apt's own errors, else the last lines of its output. */
void apt_reason(const char *out, struct buf *reason)
{
    static const char *const errors[] = {"E: ", "W: GPG error", "dpkg: error", "mark: error", NULL};
    static const char *const others[] = {"Err:", NULL};
    reason_lines(out, errors, reason);
    if (reason->len == 0)
        reason_lines(out, others, reason);
    if (reason->len)
        return;
    const char *tail = out;
    size_t lines = 0;
    for (const char *at = out; *at; at += strcspn(at, "\n"), at += *at == '\n')
        if (++lines > 4) {
            tail += strcspn(tail, "\n");
            tail += *tail == '\n';
        }
    buf_adds(reason, tail);
    while (reason->len && reason->at[reason->len - 1] == '\n')
        reason->at[--reason->len] = '\0';
}

void apt_hint(const char *reason, struct error *err)
{
    static const struct {
        const char *sign, *hint;
    } hints[] = {
        {"Could not get lock", "another program is installing packages; run this again when it has finished"},
        {"Unable to locate package", "check the name, and that its repository is in /etc/apt/sources.list*"},
        {"has no installation candidate", "no repository offers it; check /etc/apt/sources.list*"},
        {"was not found", "no repository offers that version: apt-cache policy NAME"},
        {"dpkg was interrupted", "finish what was begun: dpkg --configure -a"},
        {"Unmet dependencies", "look at `apt-get -f install --dry-run`"},
        {"unmet dependencies", "look at `apt-get -f install --dry-run`"},
        {"Held packages were changed", "release it: apt-mark unhold NAME, or take it out of `hold`"},
        {"held broken packages", "a held package is in the way: apt-mark showhold"},
        {"enough free space in", "make room in /var/cache/apt/archives: apt-get clean"},
        {"No space left on device", "make room on the disk, then: dpkg --configure -a"},
        {"Temporary failure resolving", "the machine's name resolution does not work"},
        {"Read-only file system", "make it writable (mount -o remount,rw), then run this again"},
        {"NO_PUBKEY", "the repository's key is missing: see its Signed-By"},
        {"signatures were invalid",
         "the repository's signature is wrong: ask who runs it, and take nothing from it meanwhile"},
        {"is not signed", "only signed repositories are used: whose is it, and is its Signed-By right?"},
        {"Hash Sum mismatch", "the mirror is damaged or being updated: try later, or take another one"},
        {"has unexpected size", "the mirror is damaged or being updated: try later, or take another one"},
        {"Could not resolve", "the machine's name resolution does not work"},
        {"onnection timed out",
         "the mirror is too slow or cannot be reached: try later, or take another one"},
        {"onnection failed",
         "the mirror cannot be reached: is the network up, and /etc/apt/sources.list* right?"},
        {"Could not connect",
         "the mirror cannot be reached: is the network up, and /etc/apt/sources.list* right?"},
        {"404  Not Found", "the package lists are old: apt-get update"},
        {"Failed to fetch", "the mirror is broken, or the connection is: try later, or take another one"},
        {"returned error exit status", "look at /var/log/apt/term.log; then: dpkg --configure -a"},
        {"Sub-process", "look at /var/log/apt/term.log; then: dpkg --configure -a"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(reason, hints[i].sign)) {
            error_hint(err, "%s", hints[i].hint);
            return;
        }
}

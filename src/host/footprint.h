/* What a look looked at: every path, with the stamp that it had, so that the next look can tell that nothing
 * changed without looking at anything but the stamps.
 *
 * It is taken where paths are resolved (place_open) and where the machine is asked (host.c), not by who
 * looks: no new look can be left out. A stamp is taken before what it stands for is read, so a change in
 * between shows as a change the next time. Of a directory that was only looked at itself, its times do not
 * count; of one that was listed they do. What changed so lately that a further change might leave the same
 * times spoils it, and so does whatever is no path (a program's answer, free room).
 *
 *     footprint_begin(h);
 *     ... looking ...
 *     bool whole = footprint_end(h, &f, &arena);   -- f.paths and f.stamps
 *     ... the next time ...
 *     footprint_stamps(h, f.paths, f.len, &now, NULL);   -- equal to f.stamps: all is as it was
 */
#ifndef CITRUS_FOOTPRINT_H
#define CITRUS_FOOTPRINT_H
#include "host.h"
#include <sys/stat.h>

struct footprint {
    const char
        *paths; /* directory by directory: "r" (below the root) or "m" (the machine's own), the directory,
                   NUL; then "e" or "l" (listed, or read), the name, NUL, for each entry; a further NUL */
    size_t len;
    struct hash128 stamps;
    int64_t until; /* unix seconds: from then on the same would mean something else; INT64_MAX: never */
};

void footprint_begin(struct host *h);
/* False: the look cannot be told by its paths. Ends the taking in any case. */
bool footprint_end(struct host *h, struct footprint *ret, struct arena *a);
/* `contents`, where it is not NULL: of every file that the look read, which is read again. */
int footprint_stamps(struct host *h, const char *paths, size_t len, struct hash128 *ret,
                     struct hash128 *contents);

/* Looks that are one: when they asked the machine in between (true), none of their paths is taken: such a
 * part is to be looked at again each time. */
void footprint_part(struct host *h);
bool footprint_part_end(struct host *h);

/* What was seen means something else from then on (a certificate is due). */
void footprint_until(struct host *h, int64_t time);

/* --- for host's own files; nothing where no footprint is taken */
void footprint_note(struct host *h, const char *path, int dirfd, const char *name, bool listed);
/* The stamp of what was just looked at; NULL: it is not there. */
void footprint_note_seen(struct host *h, const char *path, const struct stat *st);
void footprint_note_absent(struct host *h, const char *path);  /* a directory on the way is not there */
void footprint_note_machine(struct host *h, const char *path); /* outside of the root, by its plain name */
void footprint_asked(struct host *h);
void footprint_spoil(struct host *h);

#endif

/* Tells that something happened to paths and units, so that drift is seen when it comes: inotify on the
 * paths' directories, systemd's signals for the units.
 *
 *     watch_open(h, &w, &err);
 *     watch_begin(w); watch_path(w, "/etc/nginx/nginx.conf", 0); watch_unit(w, "nginx.service", 1);
 * watch_end(w); while ((r = watch_wait(w, 60000, &stop)) >= 0) while (watch_hit(w, &what)) ...
 *
 * It wakes, and says for whose sake: the number that was given with the path or unit. What happened is for an
 * observation to find out. What cannot be watched (a directory that is not there, no bus) is left to the
 * caller's slow poll; that there are more directories than the kernel watches is for watch_missed(). Between
 * watch_begin() and watch_end() everything is told anew: what is not told again is no longer heard of. Paths
 * are as the host's. */
#ifndef CITRUS_WATCH_H
#define CITRUS_WATCH_H
#include "host.h"
#include <signal.h>

struct watch;
int watch_open(struct host *h, struct watch **ret, struct error *err);
struct watch *watch_close(struct watch *w); /* NULL is fine; returns NULL */
void watch_begin(struct watch *w);
void watch_path(struct watch *w, const char *path, size_t what); /* WATCH_ANY: it only wakes */
void watch_unit(struct watch *w, const char *unit, size_t what);
void watch_end(struct watch *w);
#define WATCH_ANY SIZE_MAX
/* How many of all the directories the kernel refused to watch, and a negative errno why: -ENOSPC where
 * fs.inotify.max_user_watches is used up. After watch_end(). */
size_t watch_missed(const struct watch *w, size_t *ret_all, int *ret_why);
/* For whom it watches: the pipe's end that is written to. watch_wait() returns -EPIPE when nobody reads it.
 */
void watch_reader(struct watch *w, int fd);
/* 1: something that is watched changed; 0: the time (milliseconds) is over, or a signal came and set *stop.
 */
int watch_wait(struct watch *w, int timeout, const volatile sig_atomic_t *stop, struct error *err);
/* Each `what` that something happened to since it was told of last; false when there is none left. */
bool watch_hit(struct watch *w, size_t *ret_what);

#endif

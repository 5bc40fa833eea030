/* Tells that something happened to paths and units, so that drift is seen when it comes: inotify on the
 * paths' directories, systemd's signals for the units.
 *
 *     watch_open(h, &w, &err); watch_path(w, "/etc/nginx/nginx.conf"); watch_unit(w, "nginx.service");
 *     while ((r = watch_wait(w, 60000, &stop)) >= 0) ...
 *
 * It only wakes: what happened is for an observation to find out. What cannot be watched (a directory that is
 * not there, no bus) is left to the caller's slow poll. Adding twice is adding once; paths are as the host's.
 */
#ifndef CITRUS_WATCH_H
#define CITRUS_WATCH_H
#include "host.h"
#include <signal.h>

struct watch;
int watch_open(struct host *h, struct watch **ret, struct error *err);
struct watch *watch_close(struct watch *w); /* NULL is fine; returns NULL */
void watch_path(struct watch *w, const char *path);
void watch_unit(struct watch *w, const char *unit);
/* 1: something that is watched changed; 0: the time (milliseconds) is over, or a signal came and set *stop.
 */
int watch_wait(struct watch *w, int timeout, const volatile sig_atomic_t *stop, struct error *err);

#endif

/* The machine itself: what host_real_ops refers to, one function an op (host.h says what each does), and
 * what the real and the offline host share. The fault points around an operation are host.c's (host_step).
 * Private to this folder. */
#ifndef CITRUS_REAL_H
#define CITRUS_REAL_H
#include "fs.h"
#include "host.h"

int real_run(struct host *h, const struct exec *x, struct exec_result *ret, struct error *err);
int real_units(struct host *h, struct unit_state *units, size_t n, struct arena *a, struct error *err);
int real_unit(struct host *h, const char *name, enum unit_verb verb, struct error *err);
int real_units_reload(struct host *h, struct error *err);
int real_timer(struct host *h, const char *name, int64_t seconds, const char *about, struct error *err);
int real_apt_candidates(struct host *h, const char *const *names, size_t n, const char **candidate,
                        struct arena *a, struct error *err);
int real_apt(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const struct progress *p,
             struct error *err);
int real_apt_along(struct host *h, enum apt_verb verb, const char *const *names, size_t n, const char ***ret,
                   struct arena *a, struct error *err);
int real_db_read(struct host *h, const struct db_scope *scope, struct db_snapshot *ret, struct arena *a,
                 struct error *err);
int real_db_exec(struct host *h, const char *sql, const char *const *values, size_t n, struct error *err);
int real_db_dump(struct host *h, const char *database, const char *path, struct error *err);
int real_db_load(struct host *h, const char *database, const char *path, struct error *err);
int real_fetch(struct host *h, const struct fetch *f, char ret_sha256[SHA256_HEX], struct error *err);
/* What a list of probes may take, and each of them more; tests wait less. */
extern int probe_total_ms, probe_each_ms;
int real_probe(struct host *h, const struct probe *list, size_t n, struct probe_result *ret, struct arena *a,
               struct error *err);

/* systemd over the system bus, or its own socket. */
struct sd_bus;
struct sd_bus_message;
int real_bus_new(struct sd_bus **ret, struct error *err);
int real_bus_open(struct host *h, struct sd_bus **ret, struct error *err); /* the host's own, kept */
int real_bus_call_new(struct sd_bus *bus, const char *method, struct sd_bus_message **ret);
/* What a job may take, and at most where its unit may take longer; tests wait less. */
extern uint64_t unit_job_ms, unit_job_most_ms;
/* A call of systemd's manager that answers with a job; waits for the job's end. */
int real_bus_job(struct host *h, struct sd_bus *bus, const char *name, const char *word,
                 struct sd_bus_message *call, struct error *err);

/* Connections that host_close() ends; each takes what its op left in struct host (NULL is fine). */
void real_bus_close(struct host *h);  /* h->bus: units.c */
void real_db_close(struct host *h);   /* h->db: db.c */
void real_curl_close(struct host *h); /* h->curl: curl_conn.c */

/* Is there a unit file of this name, and is it enabled: from the unit files and links below the root, no
 * process and no bus (unit_links.c). A template's instance is found by its template's file. Fills `loaded`
 * and `enabled` of each unit and leaves the rest. */
int unit_links_read(struct host *h, struct unit_state *units, size_t n, struct error *err);
/* Enables or disables by links alone, as [Install] says: where there is no systemctl. */
int unit_links_change(struct host *h, const char *name, bool on, struct error *err);

#endif

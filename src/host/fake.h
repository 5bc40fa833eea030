/* A pretended world for unit and plan tests: a real directory as root, and units, databases, candidates and
 * process results from a JSON text:
 *
 *   {"units": {"nginx.service": {"active": true, "enabled": true}},
 *    "candidates": {"nginx": "1.22.1-9"},
 *    "db": {"databases": [{"name", "charset", "collation", "tables"}], "users": [...], "grants": [...],
 *           "options_tables": [{"database", "name"}]},           -- absent: not running
 *    "memory": 2147483648, "cpus": 2,
 *    "run": {"/usr/sbin/nginx": {"status": 0, "out": ""}}, "fail": {"unit reload nginx.service": "text"}}
 *
 * Mutations through ops are written, one a line, into fake_log() and change the pretended state, so that
 * an apply can be verified. File operations are real, inside the root. Offline rules do not apply. */
#ifndef CITRUS_FAKE_H
#define CITRUS_FAKE_H
#include "host.h"

int host_fake(const char *root, const char *json, struct host **ret, struct error *err);
const char *fake_log(struct host *h);
int64_t fake_memory(struct host *h); /* -1: not given */
int64_t fake_cpus(struct host *h);

#endif

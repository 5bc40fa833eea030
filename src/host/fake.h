/* A pretended world for unit and plan tests: a real directory as root, and units, databases, candidates and
 * process results from a JSON text:
 *
 *   {"units": {"nginx.service": {"active": true, "enabled": true}},
 *    "candidates": {"nginx": "1.22.1-9"},
 *    "along": {"install ntpsec": ["systemd-timesyncd"]},      -- what goes with it
 *    "db": {"databases": [{"name", "charset", "collation", "tables", "bytes"}],
 *           "users": [...], "grants": [...],
 *           "options_tables": [{"database", "name"}]},        -- absent: not running
 *    "memory": 2147483648, "cpus": 2,
 *    "fetch": {"https://example.org/a.tar.gz": "content"},    -- any other URL answers 404
 *    "probe": {"a.example.com": {"status": 200, "text": "<title>A</title>", "certificate": "HEX",
 *              "location": "URL", "code": "ETIMEDOUT", "ms": 12,
 *              "where": [{"file": "/a", "has": "text", "status": 500}]}},
 *    "run": {"/usr/sbin/nginx": {"status": 0, "out": ""}},
 *    "fail": {"unit reload nginx.service": "text"}}
 *
 * Mutations through ops are written, one a line, into fake_log() and change the pretended state, so that
 * an apply can be verified: "unit reload nginx.service", "apt install nginx php8.2-fpm", "db CREATE DATABASE
 * `x`", "db dump x", "fetch URL", "run /usr/sbin/useradd ...", "units reload", "timer x.timer 120 s".
 * Passwords in statements are
 * '***'. What `fail` names (the beginning of such a line; for apt also "apt install NAME" of one name among
 * many) is refused and logged with " (fails)". `run` is found by the longest key that the command line
 * begins with; without one, programs succeed in silence and shadow's tools change the root's own files.
 * A site that "probe" does not name answers 200 with the certificate of its path in /etc/citrus/tls. The
 * first of `where` whose file holds its text is put over the rest; a list instead of an object is one answer
 * a probe, of which the last stays. Installing a daemon's package brings its unit, started and enabled. Files
 * are real, inside the root. Offline rules do not apply. */
#ifndef CITRUS_FAKE_H
#define CITRUS_FAKE_H
#include "host.h"

int host_fake(const char *root, const char *json, struct host **ret, struct error *err);
const char *fake_log(struct host *h);
/* Not given: 2 GiB and 2, so that no test depends on the machine it runs on. -1: this is no fake. */
int64_t fake_memory(struct host *h);
int64_t fake_cpus(struct host *h);

#endif

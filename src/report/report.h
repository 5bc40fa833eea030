/* Plans, results, drift and status as text for a person and as JSON for a program. Secrets never pass:
 * sensitive fields are keyed hashes already, and contents of files are shown with every known secret's value
 * replaced by its name (redact.h). */
#ifndef CITRUS_REPORT_H
#define CITRUS_REPORT_H
#include "engine.h"
#include "planfile.h"
#include "redact.h"

struct report_style {
    bool colour;
    int verbose; /* 1: every field of what is made, too */
};

/* `title` without a newline: "Plan for web-01". `e` is asked for the texts of changed contents. */
void report_plan(struct engine *e, const struct plan *p, const struct report_style *s, struct redactor *red,
                 const char *title, struct buf *out);
void report_plan_json(struct engine *e, const struct plan *p, struct redactor *red, struct buf *out);
/* "Applied 12 changes as generation 4." or what failed, what was undone, and what to do. */
void report_result(const struct plan *p, const struct apply_result *r, const struct report_style *s,
                   struct buf *out);
void report_result_json(const struct plan *p, const struct apply_result *r, struct buf *out);
/* The same as the member `key` of an object that is being written. */
void report_result_member(const struct plan *p, const struct apply_result *r, const char *key,
                          struct jsonw *j);
/* An error as it is printed: "citrus: TEXT" and a line with the hint. */
void report_error(const struct error *err, struct buf *out);

/* One action in a few words: "+ package nginx". */
void report_action_line(const struct action *a, struct buf *out);

/* ANSI codes; empty without colour. */
const char *style_bold(const struct report_style *s);
const char *style_dim(const struct report_style *s);
const char *style_red(const struct report_style *s);
const char *style_green(const struct report_style *s);
const char *style_yellow(const struct report_style *s);
const char *style_off(const struct report_style *s);

#endif

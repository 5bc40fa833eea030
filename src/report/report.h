/* Plans, results, drift and status as text for a person and as JSON for a program. Secrets never pass: sensitive
 * fields are keyed hashes already, and contents of files are shown with every known secret's value replaced by
 * its name (redact.h). */
#ifndef CITRUS_REPORT_H
#define CITRUS_REPORT_H
#include "engine.h"
#include "planfile.h"

struct report_style {
    bool colour;
    int width;        /* of the terminal, 0: 100 */
    int verbose;      /* 1: every field; 2: also what is unchanged */
    bool diffs;       /* show contents of changed files as diffs */
};

struct redactor; /* redact.h */

/* `title` NULL: "Plan". `e` is asked for the texts of changed contents. */
void report_plan(struct engine *e, const struct plan *p, const struct report_style *s, const struct redactor *red,
                 const char *title, struct buf *out);
void report_plan_json(struct engine *e, const struct plan *p, const struct redactor *red, struct buf *out);
void report_result(const struct plan *p, const struct apply_result *r, const struct report_style *s, struct buf *out);
void report_result_json(const struct plan *p, const struct apply_result *r, struct buf *out);

#endif

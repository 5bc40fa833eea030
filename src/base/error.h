/* Errors of the program's work: a negative errno and one sentence that names the object.
 *
 * Functions that can fail return 0 or a negative errno value and fill a trailing `struct error *`
 * (which may be NULL). A function fills the error or handles it, not both; who calls may put words in
 * front with error_prefix(). `hint` says what a person can do next. What the operator wrote wrong is
 * no error but a diagnostic with a position: see diag.h. */
#ifndef CITRUS_ERROR_H
#define CITRUS_ERROR_H

struct error {
    int code; /* negative errno, 0: no error */
    char text[1536];
    char hint[512];
};

int error_set(struct error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same with ": " and the errno's text behind, and a hint where the disk is full or read-only. */
int error_errno(struct error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void error_hint_more(struct error *err, const char *text); /* behind the hint that there is */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void error_clear(struct error *err);

#endif

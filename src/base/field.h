/* Field tables: what a struct holds, written once.
 *
 * A table drives decoding from YAML (manifest/decode.h), defaults, errors, JSON Schema and the reference
 * page for the manifest's structs; and diff, fingerprint, redaction, storing and showing for the specs of
 * resources. Nobody writes a diff by hand.
 *
 * A field that is not declared is *unset*: NULL for strings, FIELD_UNSET for numbers, -1 for booleans,
 * `at == NULL` for lists. record_clear() makes a struct so; a diff compares what is set in the wanted
 * struct and nothing else. An empty list that is declared has `at != NULL` and n == 0.
 *
 * Representation in the struct, by type:
 *   STRING PATH   const char *           borrowed from an arena
 *   BOOL          int8_t                 -1 unset, 0, 1
 *   INT SIZE DURATION MODE ENUM  int64_t  bytes, seconds, mode bits, index into `choices`
 *   STRINGS       struct strings
 *   STRMAP        struct strmap          names to scalar texts, in order of the file
 *   STRUCT        the struct itself      inline
 *   LIST MAP      struct records         an array of structs; MAP: the struct's field flagged KEY is the key
 *   SECRET        const char *           the *name* of a secret, never its value
 *   BYTES         struct bytes           content; never shown or stored (FIELD_PAYLOAD is implied) */
#ifndef CITRUS_FIELD_H
#define CITRUS_FIELD_H
#include "arena.h"
#include "buf.h"
#include "diag.h"
#include "error.h"
#include "hash.h"
#include "jsonw.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELD_UNSET INT64_MIN

enum field_type {
    FIELD_STRING,
    FIELD_PATH,
    FIELD_BOOL,
    FIELD_INT,
    FIELD_SIZE,
    FIELD_DURATION,
    FIELD_MODE,
    FIELD_ENUM,
    FIELD_STRINGS,
    FIELD_STRMAP,
    FIELD_STRUCT,
    FIELD_LIST,
    FIELD_MAP,
    FIELD_SECRET,
    FIELD_BYTES
};

enum field_flag {
    FIELD_REQUIRED = 1 << 0,
    FIELD_KEY = 1 << 1,       /* names the thing; not compared */
    FIELD_SENSITIVE = 1 << 2, /* shown and saved in a plan only as a keyed hash */
    FIELD_IMMUTABLE = 1 << 3, /* a change means remove and create */
    FIELD_UNORDERED = 1 << 4, /* a list that is a set */
    FIELD_PAYLOAD = 1 << 5,   /* carried, but not compared, shown or stored */
    FIELD_STORED = 1 << 6,    /* stored, but not compared or shown (e.g. how to remove it) */
    FIELD_LATER = 1 << 7,     /* known to the manifest's design; this version refuses it */
    FIELD_CREATE_ONLY =
        1 << 8,              /* used when made; later differences are nobody's (e.g. a site's first title) */
    FIELD_LOCAL = 1 << 11,   /* of a site: no resource of the server and of another site depends on it */
    FIELD_LAPSES = 1 << 10,  /* a BOOL that is to be off once it was declared to be on and no longer is */
    FIELD_PROMISE = 1 << 12, /* part of what is promised, and nothing that can be seen: never compared or
                                shown; what was found has it as wanted */
    FIELD_REST = 1 << 9, /* a STRMAP that takes all keys which the struct has no field for; `choices` are its
                            values. Its name is for the reference page alone */
};

struct strings {
    const char **at;
    size_t n;
};
struct strmap_item {
    const char *name, *value;
    struct pos pos; /* of the name in a FIELD_REST, else of the value; only where it was decoded */
    bool quoted;    /* the value was in quotes: it is text, whatever it looks like */
};
struct strmap {
    struct strmap_item *at;
    size_t n;
};
struct records {
    void *at;
    size_t n;
};
struct bytes {
    const char *at;
    size_t len;
};

struct record;

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    size_t offset;
    const char *def;            /* default as it would be written in YAML; NULL: unset */
    const char *const *choices; /* ENUM (and STRINGS that are limited): NULL-terminated */
    const struct record *of;    /* STRUCT, LIST, MAP */
    int64_t min, max;           /* numbers; 0, 0: no limit */
    /* NULL when `text` is fine, else why not, as a sentence without its subject: "is no domain name". */
    const char *(*check)(const char *text);
    const char *doc; /* one sentence for the reference page */
};

struct record {
    const char *name;
    const struct field *fields;
    size_t n;
    size_t size;
    bool has_origin; /* the struct's first member is a struct origin */
    const char *doc;
};

/* Where the parts of a manifest struct were written. Default values have pos.file == NULL. */
struct origin {
    struct pos pos;           /* of the struct itself: its key */
    const struct pos *fields; /* one a field, in the table's order; NULL: all unknown */
};

#define FIELDS(table) .fields = (table), .n = sizeof(table) / sizeof *(table)

const struct field *record_field(const struct record *r, const char *name);
void record_clear(const struct record *r, void *p); /* all unset; zeroes the origin */
bool field_is_set(const struct field *f, const void *p);
/* Position of field `name` in a manifest struct, else that of the struct. Asserts has_origin. */
struct pos origin_of(const struct record *r, const void *p, const char *name);
/* Whether the operator wrote the field: false for a default. */
bool field_written(const struct record *r, const void *p, const char *name);

/* A deep copy into `a` (strings too, not the payload). */
void *record_copy(const struct record *r, struct arena *a, const void *p);

/* The value as a person reads it: "0640", "64M", "[a, b]"; "(unset)". Not for SENSITIVE fields. */
char *field_text(const struct field *f, const void *p, struct arena *a);
/* The same where it need not be made: of a string, a path, a choice, a truth; NULL of all else, and unset. */
const char *field_word(const struct field *f, const void *p);
bool field_equal(const struct field *f, const void *want, const void *have);

/* One difference. The texts are ready to show; a SENSITIVE field's are keyed hashes. */
struct field_change {
    const struct field *field;
    const char *before, *after; /* NULL: unset */
};
struct delta {
    struct field_change *at;
    size_t n;
};
/* Keys the hash of sensitive fields; made once per store. */
struct redaction {
    const void *key;
    size_t len;
};
/* Compares what `want` declares. `have` NULL: everything that is declared is a change. */
struct delta record_diff(const struct record *r, const void *want, const void *have,
                         const struct redaction *red, struct arena *a);
/* Turns off in `want` what `was` had on and `want` does not declare, of the fields that lapse; whether any.
 */
bool record_lapse(const struct record *r, const void *was, void *want);
/* A fingerprint of all set, comparable fields; NULL gives that of "absent". Never equal for different values.
 */
struct hash128 record_fingerprint(const struct record *r, const void *p);
/* The same without the fields that have one of these flags. */
struct hash128 record_fingerprint_without(const struct record *r, const void *p, unsigned flags);
/* Appends what record_to_json(..., NULL) would write, so that equal bytes mean equal texts; several times as
 * fast, to be hashed and compared, not to be read back. */
void record_image(const struct record *r, const void *p, struct buf *b);
/* The same without the fields that have one of these flags. */
void record_image_without(const struct record *r, const void *p, unsigned flags, struct buf *b);

/* Writes the members (inside an object that the caller opened). Unset fields and payload are left out.
 * `red` != NULL redacts sensitive fields (for plans and reports); NULL writes all (for the store). */
void record_to_json(const struct record *r, const void *p, struct jsonw *j, const struct redaction *red);
/* Reads what record_to_json(..., NULL) wrote. Unknown members are ignored: an older version's row. */
int record_from_json(const struct record *r, void *p, json_t *obj, struct arena *a, struct error *err);

bool strings_has(const struct strings *s, const char *word);
const char *strmap_get(const struct strmap *m, const char *name); /* NULL: not there */

#endif

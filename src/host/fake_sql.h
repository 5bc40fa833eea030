/* A statement while the pretended MariaDB reads it. Private to fake_sql.c and fake_grants.c. */
#ifndef CITRUS_FAKE_SQL_H
#define CITRUS_FAKE_SQL_H
#include "fake_world.h"

enum token { T_END, T_WORD, T_NAME /* `quoted` */, T_STRING, T_SIGN };

struct sql {
    const char *at;
    const char *const *values;
    size_t n, used;
    enum token token;
    struct buf text;   /* of the token, unquoted */
    struct buf *shown; /* NULL: none */
    bool secret;       /* the next string is one */
    struct arena arena;
    json_t *db;
    bool dry;
};

void sql_next(struct sql *s);
bool sql_is(struct sql *s, const char *word);
bool sql_accept(struct sql *s, const char *word); /* passes over it where it is the one at hand */
const char *sql_take(struct sql *s);
json_t *sql_part(struct sql *s, const char *name);
/* The entry whose members are all equal; *index is its place. */
json_t *sql_find(json_t *list, size_t *index, const char *k1, const char *v1, const char *k2, const char *v2,
                 const char *k3, const char *v3);
void sql_set(json_t *v, const char *name, const char *text);
void sql_account(struct sql *s, const char **user, const char **host);
/* [REQUIRE ...] [ACCOUNT {LOCK|UNLOCK}], of the user `v` (NULL: of nobody). */
void sql_account_options(struct sql *s, json_t *v);
int sql_role_grant(struct sql *s, bool grant, struct error *err); /* `role` {TO|FROM} account */
int sql_default_role(struct sql *s, struct error *err);           /* {`role`|NONE} FOR account */
int sql_unknown(struct sql *s, struct error *err);
int sql_grant(struct sql *s, bool grant, struct error *err);
void sql_grants_drop(struct sql *s, const char *user, const char *host);

#endif

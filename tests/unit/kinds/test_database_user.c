#include "../timely.h"
#include "kit.h"

#define PASSWORD "correct-horse-battery"
#define PREVIOUS "staple-before-it"
#define ID       "a_1@localhost"

static const struct secret *secret_of(void *self, const char *name)
{
    static struct secret *previous;
    if (strcmp(name, "site/a/database.previous") == 0)
        return previous ? previous : (previous = secret_new(PREVIOUS, strlen(PREVIOUS)));
    return !strcmp(name, "site/a/database") ? self : NULL;
}

static struct kit *world(const char *json)
{
    struct kit *t = kit_new(json);
    t->ctx.secret = secret_of;
    t->ctx.secret_self = secret_new(PASSWORD, strlen(PASSWORD));
    return t;
}

static void world_free(struct kit *t)
{
    assert_null(strstr(fake_log(t->h), PASSWORD));
    assert_null(strstr(fake_log(t->h), PREVIOUS));
    assert_null(strstr(t->err.text, PASSWORD));
    secret_free(t->ctx.secret_self);
    kit_free(t);
}

static struct resource *user(struct kit *t)
{
    struct resource *r = kit_res(t, &database_user_kind, ID);
    struct database_user_spec *s = r->spec;
    s->password = "site/a/database";
    s->database = "a_1";
    s->privileges = "ALL PRIVILEGES";
    return r;
}

/* A world with the user: its hash, what else it has and its grants as JSON. */
static struct kit *with_account(const char *hash, const char *more, const char *grants)
{
    struct arena a = {0};
    char right[42];
    db_password_hash(PASSWORD, right);
    struct kit *t = world(arena_printf(&a,
                                       "{\"db\": {\"users\": [{\"user\": \"a_1\", \"host\": \"localhost\","
                                       " \"password_hash\": \"%s\"%s%s}], \"grants\": [%s]}}",
                                       hash ? hash : right, *more ? ", " : "", more, grants));
    arena_free(&a);
    return t;
}

static struct kit *with_user(const char *hash, const char *grants)
{
    return with_account(hash, "", grants);
}

#define GRANT(db, words)                                                                                     \
    "{\"user\": \"a_1\", \"host\": \"localhost\", \"database\": \"" db "\", \"privileges\": \"" words "\"}"

/* What a password was promised by cannot be seen: what is as wanted has the fingerprint of what is wanted. */
static void the_digest_of_a_password_is_found_as_wanted(void **state)
{
    const struct record *rec = database_user_kind.record;
    struct kit *t = with_user(NULL, GRANT("a_1", "ALL PRIVILEGES"));
    struct resource *r = user(t);
    struct database_user_spec *s = r->spec;
    s->password_digest = "of-its-value";
    s->extra = s->password_previous = "";
    assert_true(hash_equal(record_fingerprint(rec, kit_found(t, r)), record_fingerprint(rec, s)));
    world_free(t);
}

static void a_new_user_gets_its_grants_and_goes_when_undone(void **state)
{
    struct kit *t = world("{\"db\": {}}");
    struct resource *r = user(t);
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_CREATE);
    json_t *undo = kit_apply(t, c);
    /* "_" in a grant matches any character unless it is escaped. */
    assert_non_null(strstr(fake_log(t->h), "GRANT ALL PRIVILEGES ON `a\\_1`.* TO 'a_1'@'localhost'"));
    kit_undo(t, c, undo);
    assert_null(kit_found(t, r));
    world_free(t);
}

static void a_revoked_grant_is_given_back(void **state)
{
    struct kit *t = with_user(NULL, "");
    struct resource *r = user(t);
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), "privileges: none -> ALL PRIVILEGES");
    json_t *undo = kit_apply(t, c);
    assert_null(strstr(fake_log(t->h), "ALTER USER"));
    kit_undo(t, c, undo);
    assert_string_equal(((struct database_user_spec *)kit_found(t, r))->privileges, "none");
    world_free(t);
}

static void privileges_on_other_databases_are_taken_away_and_come_back_when_undone(void **state)
{
    struct kit *t = with_user(NULL, GRANT("a_1", "ALL PRIVILEGES") ", " GRANT("b_2", "SELECT"));
    struct resource *r = user(t);
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), "extra: b_2.*: SELECT -> ");
    json_t *undo = kit_apply(t, c);
    kit_undo(t, c, undo);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "extra: b_2.*: SELECT -> ");
    world_free(t);
}

/* A locked account or one that demands TLS is a site that is down; a role brings privileges that no grant of
 * the user's own shows. */
static void a_lock_a_demand_and_roles_are_taken_away_and_come_back_when_undone(void **state)
{
    static const char more[] = "\"locked\": true, \"tls\": \"SPECIFIED\", \"tls_issuer\": \"/CN=it's\","
                               " \"tls_cipher\": \"AES\", \"default_role\": \"dba\","
                               " \"roles\": {\"dba\": \"N\", \"o`dd\": \"Y\"}";
    static const char was[] = "extra: account locked; TLS demanded; role dba; role o`dd with admin option;"
                              " default role dba -> ";
    struct kit *t = with_account(NULL, more, GRANT("a_1", "ALL PRIVILEGES"));
    struct resource *r = user(t);
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), was);
    json_t *undo = kit_apply(t, c);
    assert_null(strstr(fake_log(t->h), "REVOKE ALL")); /* the site goes on */
    assert_null(strstr(fake_log(t->h), "IDENTIFIED"));
    kit_undo(t, c, undo);
    assert_string_equal(kit_delta(t, kit_change(t, r)), was);
    assert_non_null(strstr(fake_log(t->h),
                           "ALTER USER 'a_1'@'localhost' REQUIRE ISSUER '/CN=it''s' AND CIPHER"
                           " 'AES' ACCOUNT LOCK\n"));
    r->absent = true;
    c = kit_change(t, r);
    undo = kit_apply(t, c);
    kit_undo(t, c, undo);
    r->absent = false;
    assert_string_equal(kit_delta(t, kit_change(t, r)), was);
    world_free(t);
}

static void a_locked_account_with_foreign_grants_loses_both(void **state)
{
    struct kit *t =
        with_account(NULL, "\"locked\": true", GRANT("a_1", "ALL PRIVILEGES") ", " GRANT("b_2", "SELECT"));
    struct resource *r = user(t);
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), "extra: account locked; b_2.*: SELECT -> ");
    json_t *undo = kit_apply(t, c);
    kit_undo(t, c, undo);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "extra: account locked; b_2.*: SELECT -> ");
    world_free(t);
}

static void another_password_is_set_and_the_old_hash_comes_back(void **state)
{
    static const char old[] = "*0123456789ABCDEF0123456789ABCDEF01234567";
    struct kit *t = with_user(old, GRANT("a_1", "ALL PRIVILEGES"));
    struct resource *r = user(t);
    struct change *c = kit_change(t, r);
    assert_int_equal(c->delta.n, 1);
    assert_string_equal(c->delta.at[0].field->name, "password");
    json_t *undo = kit_apply(t, c);
    assert_null(strstr(fake_log(t->h), old));
    kit_undo(t, c, undo);
    struct db_snapshot s;
    assert_int_equal(host_db_read(t->h, NULL, &s, &t->a, &t->err), 0);
    assert_string_equal(s.users[0].password_hash, old);
    world_free(t);
}

/* The user's ways to prove itself, joined. */
static const char *hashes(struct kit *t)
{
    struct db_snapshot s;
    assert_int_equal(host_db_read(t->h, NULL, &s, &t->a, &t->err), 0);
    const char *text = s.users[0].password_hash;
    for (size_t i = 0; i < s.users[0].n_others; i++)
        text = arena_printf(&t->a, "%s %s", text, s.users[0].others[i]);
    return text;
}

static void a_rotation_accepts_both_then_the_new_one_alone(void **state)
{
    char now[42], previous[42];
    db_password_hash(PASSWORD, now);
    db_password_hash(PREVIOUS, previous);
    struct kit *t = with_user(previous, GRANT("a_1", "ALL PRIVILEGES"));
    const char *both = arena_printf(&t->a, "%s %s", now, previous);
    struct resource *r = user(t);
    struct database_user_spec *s = r->spec;

    s->password_previous = "site/a/database.previous";
    struct change *c = kit_change(t, r);
    json_t *undo = kit_apply(t, c);
    assert_string_equal(hashes(t), both);
    kit_undo(t, c, undo);
    assert_string_equal(hashes(t), previous);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_change(t, r)->op, OP_NONE);

    s->password_previous = "";
    c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), "password_previous: (others) -> ");
    undo = kit_apply(t, c);
    assert_string_equal(hashes(t), now);
    kit_undo(t, c, undo);
    assert_string_equal(hashes(t), both);
    world_free(t);
}

/* A page that read the new password before it went from the file connects a moment later. */
static void an_undone_rotation_lets_who_read_the_new_password_connect_first(void **state)
{
    char now[42], previous[42];
    db_password_hash(PASSWORD, now);
    db_password_hash(PREVIOUS, previous);
    struct kit *t = with_user(previous, GRANT("a_1", "ALL PRIVILEGES"));
    struct resource *r = user(t);
    struct database_user_spec *s = r->spec;
    s->password_previous = "site/a/database.previous";
    s->settle = 1;
    struct change *c = kit_change(t, r);
    json_t *undo = kit_apply(t, c);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    double begun = seconds();
    kit_undo(t, c, undo); /* which does it twice: the second time nobody can use it any more */
    assert_true(seconds() - begun >= 1);
    assert_string_equal(hashes(t), previous);

    s->settle = 600;
    s->password_previous = ""; /* the second half takes no password away when it is undone */
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(host_db_exec(t->h,
                                  arena_printf(&t->a,
                                               "ALTER USER 'a_1'@'localhost' IDENTIFIED VIA"
                                               " mysql_native_password USING '%s' OR"
                                               " mysql_native_password USING '%s'",
                                               now, previous),
                                  NULL, 0, &t->err),
                     0);
    c = kit_change(t, r);
    undo = kit_apply(t, c);
    assert_string_equal(hashes(t), now);
    kit_undo(t, c, undo);
    assert_string_equal(hashes(t), arena_printf(&t->a, "%s %s", now, previous));
    world_free(t);
}

static void a_password_that_nobody_gave_the_user_is_taken_away(void **state)
{
    char now[42];
    db_password_hash(PASSWORD, now);
    struct kit *t = with_user(NULL, GRANT("a_1", "ALL PRIVILEGES"));
    struct resource *r = user(t);
    assert_int_equal(
        host_db_exec(t->h,
                     "ALTER USER 'a_1'@'localhost' IDENTIFIED VIA unix_socket OR mysql_native_password"
                     " USING '*0123456789ABCDEF0123456789ABCDEF01234567'",
                     NULL, 0, &t->err),
        0);
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), "password: {secret: (differs)} -> {secret: site/a/database}, "
                                         "password_previous: (others) -> ");
    json_t *undo = kit_apply(t, c);
    assert_string_equal(hashes(t), now);
    kit_undo(t, c, undo);
    assert_string_equal(hashes(t), " *0123456789ABCDEF0123456789ABCDEF01234567");
    world_free(t);
}

static void while_the_server_is_down_a_rotation_is_not_believed_done(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = user(t);
    kit_mkdirs(t, "/var/lib/mysql/a_1");
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    ((struct database_user_spec *)r->spec)->password_previous = "site/a/database.previous";
    assert_int_equal(kit_change(t, r)->op, OP_UPDATE);
    world_free(t);
}

/* A pattern, a table, a column, a routine: each is more than the user should have, and comes back as it was.
 */
static void finer_and_wilder_grants_are_taken_away_and_come_back_when_undone(void **state)
{
    static const char here[] = "extra: all databases like a_1: SELECT; a_1.wp_users: INSERT, GRANT OPTION;"
                               " a_1.wp_users(user_pass): SELECT, UPDATE; PROCEDURE a_1.tidy: EXECUTE -> ";
    struct kit *t = with_user(
        NULL,
        GRANT("a_1", "ALL PRIVILEGES") ", {\"user\": \"a_1\", \"host\": \"localhost\", \"database\":"
                                       " \"a_1\", \"wild\": true, \"privileges\": \"SELECT\"},"
                                       " {\"user\": \"a_1\", \"database\": \"a_1\", \"table\": \"wp_users\","
                                       "  \"privileges\": \"INSERT, GRANT OPTION\"},"
                                       " {\"user\": \"a_1\", \"database\": \"a_1\", \"table\": \"wp_users\","
                                       "  \"column\": \"user_pass\", \"privileges\": \"SELECT, UPDATE\"},"
                                       " {\"user\": \"a_1\", \"database\": \"a_1\", \"table\": \"tidy\","
                                       "  \"routine\": \"PROCEDURE\", \"privileges\": \"EXECUTE\"}");
    struct resource *r = user(t);
    struct change *c = kit_change(t, r);
    assert_string_equal(kit_delta(t, c), here);
    json_t *undo = kit_apply(t, c);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_undo(t, c, undo);
    assert_string_equal(kit_delta(t, kit_change(t, r)), here);
    world_free(t);
}

/* "a_1" without a backslash is for "ab1", too, and not the grant that the user should have. */
static void a_pattern_does_not_pass_for_the_grant_itself(void **state)
{
    struct kit *t = with_user(NULL, "{\"user\": \"a_1\", \"host\": \"localhost\", \"database\": \"a_1\","
                                    " \"wild\": true, \"privileges\": \"ALL PRIVILEGES\"}");
    struct change *c = kit_change(t, user(t));
    assert_non_null(strstr(kit_delta(t, c), "privileges: none -> ALL PRIVILEGES"));
    json_decref(kit_apply(t, c));
    assert_int_equal(kit_change(t, user(t))->op, OP_NONE);
    world_free(t);
}

static void a_removed_user_comes_back_with_password_and_grants(void **state)
{
    struct kit *t = with_user(NULL, GRANT("a_1", "ALL PRIVILEGES"));
    struct resource *r = user(t);
    r->absent = true;
    struct change *c = kit_change(t, r);
    assert_int_equal(c->op, OP_REMOVE);
    json_t *undo = kit_apply(t, c);
    kit_undo(t, c, undo);
    r->absent = false;
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    world_free(t);
}

static void a_secret_that_nobody_set_is_named_and_nothing_is_made(void **state)
{
    struct kit *t = world("{\"db\": {}}");
    struct resource *r = user(t);
    ((struct database_user_spec *)r->spec)->password = "site/a/other";
    assert_true(database_user_kind.apply(&t->ctx, kit_change(t, r), &t->err) < 0);
    assert_non_null(strstr(t->err.text, "site/a/other"));
    assert_string_equal(fake_log(t->h), "");
    world_free(t);
}

static void names_are_quoted_as_text(void **state)
{
    struct kit *t = world("{\"db\": {}}");
    struct resource *r = kit_res(t, &database_user_kind, "a'b@localhost");
    struct database_user_spec *s = r->spec;
    s->password = "site/a/database";
    s->database = "a`b";
    s->privileges = "SELECT";
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_non_null(strstr(fake_log(t->h), "ON `a``b`.*"));
    s->privileges = "SELECT ON *.* TO x; --";
    struct diags d;
    diags_init(&d, &t->a);
    database_user_kind.check(r, &d);
    assert_int_equal(d.errors, 1);
    assert_true(database_user_kind.apply(&t->ctx, kit_change(t, r), &t->err) < 0);
    world_free(t);
}

static void a_stopped_server_hides_the_user_of_a_database_that_is_there(void **state)
{
    struct kit *t = world("{}");
    struct resource *r = user(t);
    assert_int_equal(kit_change(t, r)->op, OP_CREATE);
    kit_mkdirs(t, "/var/lib/mysql/a_1");
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    world_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digest_of_a_password_is_found_as_wanted),
        cmocka_unit_test(a_new_user_gets_its_grants_and_goes_when_undone),
        cmocka_unit_test(a_revoked_grant_is_given_back),
        cmocka_unit_test(privileges_on_other_databases_are_taken_away_and_come_back_when_undone),
        cmocka_unit_test(a_lock_a_demand_and_roles_are_taken_away_and_come_back_when_undone),
        cmocka_unit_test(a_locked_account_with_foreign_grants_loses_both),
        cmocka_unit_test(another_password_is_set_and_the_old_hash_comes_back),
        cmocka_unit_test(a_rotation_accepts_both_then_the_new_one_alone),
        cmocka_unit_test(an_undone_rotation_lets_who_read_the_new_password_connect_first),
        cmocka_unit_test(a_password_that_nobody_gave_the_user_is_taken_away),
        cmocka_unit_test(while_the_server_is_down_a_rotation_is_not_believed_done),
        cmocka_unit_test(finer_and_wilder_grants_are_taken_away_and_come_back_when_undone),
        cmocka_unit_test(a_pattern_does_not_pass_for_the_grant_itself),
        cmocka_unit_test(a_removed_user_comes_back_with_password_and_grants),
        cmocka_unit_test(a_secret_that_nobody_set_is_named_and_nothing_is_made),
        cmocka_unit_test(names_are_quoted_as_text),
        cmocka_unit_test(a_stopped_server_hides_the_user_of_a_database_that_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

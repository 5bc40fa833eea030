#include "world.h"
/* it needs cmocka.h */
#include "tables.h"

static void put_file(const char *text, size_t n)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
}

/* As if the store had been cut off from its log. */
static void remove_log(void)
{
    char path[200];
    snprintf(path, sizeof path, "%s-wal", file);
    unlink(path);
    snprintf(path, sizeof path, "%s-shm", file);
    unlink(path);
}

static void sql(const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    char *msg = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &msg) != SQLITE_OK)
        fail_msg("%s: %s", text, msg);
    sqlite3_close(db);
}

static void modes_are_closed_whatever_the_umask(void **state)
{
    static const mode_t masks[] = {0, 022, 0177};
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm"};
    char path[200];
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        struct error err = {0};
        struct store *s = NULL;
        /* The parents keep to the umask, and are not what is tested. */
        snprintf(path, sizeof path, "%s/%zu", base, i);
        mode_t old = umask(masks[i]);
        int r = store_open(path, STORE_WRITE, &s, &err);
        if (r == 0)
            r = store_run_note(s, "apply", 0, 0, &err);
        umask(old);
        ok(r);
        assert_int_equal(mode_of(path), 0700);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            snprintf(path, sizeof path, "%s/%zu/%s", base, i, names[k]);
            assert_int_equal(mode_of(path), 0600);
        }
        store_close(s);
    }
    (void)state;
}

static void open_modes_of_an_older_run_are_closed(void **state)
{
    store_close(open_store(STORE_WRITE));
    chmod(dir, 0755);
    chmod(file, 0644);
    store_close(open_store(STORE_WRITE));
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(mode_of(file), 0600);
    (void)state;
}

static void lineage_and_key_are_made_once(void **state)
{
    struct store *s = open_store(STORE_WRITE);
    char lineage[33], key[STORE_PLAN_KEY_LEN];
    assert_int_equal(strlen(store_lineage(s)), 32);
    assert_int_equal(strspn(store_lineage(s), "0123456789abcdef"), 32);
    memcpy(lineage, store_lineage(s), 33);
    memcpy(key, store_plan_key(s), sizeof key);
    store_close(s);
    s = open_store(STORE_WRITE);
    assert_string_equal(store_lineage(s), lineage);
    assert_memory_equal(store_plan_key(s), key, sizeof key);
    struct store *other = open_store(STORE_MEMORY);
    assert_string_not_equal(store_lineage(other), lineage);
    assert_memory_not_equal(store_plan_key(other), key, sizeof key);
    store_close(other);
    store_close(s);
    (void)state;
}

static void a_new_store_has_the_tables_that_an_older_one_comes_to(void **state)
{
    store_close(open_store(STORE_WRITE));
    char *made = tables_of_the_store();
    assert_non_null(strstr(made, "managed_before"));
    assert_non_null(strstr(made, "action_trash"));
    sql(TO_VERSION_2);
    char *old = tables_of_the_store();
    assert_string_not_equal(old, made);
    store_close(open_store(STORE_WRITE));
    char *migrated = tables_of_the_store();
    assert_string_equal(migrated, made);
    free(made);
    free(old);
    free(migrated);
    (void)state;
}

static void a_newer_store_is_refused_and_untouched(void **state)
{
    store_close(open_store(STORE_WRITE));
    sql("PRAGMA user_version = 900; UPDATE meta SET value = CAST('9.9.9' AS BLOB) WHERE name = 'version'");
    struct store *s = NULL;
    struct error err = {0};
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -EPROTO);
    assert_null(s);
    assert_non_null(strstr(err.text, file));
    assert_non_null(strstr(err.text, "newer citrus 9.9.9"));
    assert_non_null(strstr(err.hint, "install citrus 9.9.9"));
    assert_int_equal(store_open(dir, STORE_READ, &s, &err), -EPROTO);
    sql("UPDATE meta SET value = value WHERE 1 / ((SELECT user_version FROM pragma_user_version) = 900)");
    (void)state;
}

static void a_file_that_is_no_database_is_named(void **state)
{
    store_close(open_store(STORE_WRITE));
    char noise[8192];
    memset(noise, 'x', sizeof noise);
    remove_log();
    put_file(noise, sizeof noise);
    struct store *s = NULL;
    struct error err = {0};
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -EUCLEAN);
    assert_null(s);
    assert_non_null(strstr(err.text, file));
    assert_non_null(strstr(err.text, "damaged"));
    assert_non_null(strstr(err.hint, "backup"));
    /* What is there is evidence: it stays. */
    char back[16];
    int fd = open(file, O_RDONLY);
    assert_int_equal(read(fd, back, sizeof back), sizeof back);
    close(fd);
    assert_memory_equal(back, noise, sizeof back);
    (void)state;
}

static void damaged_pages_are_an_error_not_a_crash(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    for (int i = 0; i < 2000; i++) {
        char id[32];
        snprintf(id, sizeof id, "/etc/file-%d", i);
        struct store_managed m = {.kind = "file", .id = id, .spec = "{\"mode\": \"0644\"}"};
        if (i == 0)
            ok(store_begin(s, &err));
        ok(store_managed_put(s, &m, &err));
    }
    ok(store_commit(s, &err));
    store_close(s);
    sql("PRAGMA wal_checkpoint(TRUNCATE)");
    int fd = open(file, O_WRONLY);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_true(st.st_size > 20 * 4096);
    char noise[4096];
    memset(noise, 0x5a, sizeof noise);
    for (off_t at = 20 * 4096; at + 4096 <= st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, noise, sizeof noise, at), sizeof noise);
    close(fd);
    s = open_store(STORE_WRITE);
    struct arena a = {0};
    struct store_managed *list;
    size_t n;
    assert_int_equal(store_managed_list(s, &a, &list, &n, &err), -EUCLEAN);
    assert_non_null(strstr(err.text, file));
    assert_non_null(strstr(err.text, "cannot read what is managed"));
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void a_database_of_another_program_is_refused(void **state)
{
    struct error err = {0};
    store_close(open_store(STORE_WRITE));
    unlink(file);
    remove_log();
    sql("CREATE TABLE bookmarks (url TEXT)");
    struct store *s = NULL;
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -EMEDIUMTYPE);
    assert_non_null(strstr(err.text, "another program"));
    assert_true(*err.hint);
    (void)state;
}

static void a_link_in_place_of_the_store_is_not_followed(void **state)
{
    struct error err = {0};
    char target[128];
    store_close(open_store(STORE_WRITE));
    unlink(file);
    snprintf(target, sizeof target, "%s/elsewhere", base);
    assert_int_equal(symlink(target, file), 0);
    struct store *s = NULL;
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -EINVAL);
    assert_int_equal(access(target, F_OK), -1);
    (void)state;
}

static void reading_needs_a_store_and_makes_none(void **state)
{
    struct error err = {0};
    struct store *s = NULL;
    assert_int_equal(store_open(dir, STORE_READ, &s, &err), -ENOENT);
    assert_int_equal(access(dir, F_OK), -1);
    store_close(open_store(STORE_WRITE));
    unlink(file);
    remove_log();
    assert_int_equal(store_open(dir, STORE_READ, &s, &err), -ENOENT);
    assert_int_equal(access(file, F_OK), -1);
    (void)state;
}

static void a_reader_sees_but_cannot_write(void **state)
{
    struct error err = {0};
    struct store *w = open_store(STORE_WRITE);
    ok(store_run_note(w, "apply", 4, 7, &err));
    store_close(w);
    struct store *s = open_store(STORE_READ);
    struct arena a = {0};
    const char *command;
    int64_t when, changes;
    int status;
    ok(store_run_last(s, &a, &command, &when, &status, &changes, &err));
    assert_string_equal(command, "apply");
    assert_int_equal(status, 4);
    assert_int_equal(changes, 7);
    assert_int_equal(store_run_note(s, "apply", 0, 0, &err), -EROFS);
    struct store_file f = {.ino = 1};
    store_cache_put(s, "/etc/passwd", &f);
    ok(store_cache_flush(s, &err));
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void two_openers_see_each_other(void **state)
{
    struct error err = {0};
    struct store *one = open_store(STORE_WRITE), *two = open_store(STORE_WRITE),
                 *three = open_store(STORE_READ);
    assert_string_equal(store_lineage(one), store_lineage(two));
    ok(store_plan_use(one, "digest-1", &err));
    assert_int_equal(store_plan_use(two, "digest-1", &err), -EEXIST);
    ok(store_plan_use(two, "digest-2", &err));
    assert_int_equal(store_plan_use(one, "digest-2", &err), -EEXIST);
    ok(store_run_note(two, "drift", 0, 0, &err));
    struct arena a = {0};
    const char *command;
    int64_t when, changes;
    int status;
    ok(store_run_last(three, &a, &command, &when, &status, &changes, &err));
    assert_string_equal(command, "drift");
    arena_free(&a);
    store_close(one);
    store_close(three);
    store_close(two);
    (void)state;
}

static void two_first_openers_make_one_store(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t kids[4];
    for (int i = 0; i < 4; i++) {
        kids[i] = fork();
        if (kids[i] == 0) {
            struct store *s = NULL;
            struct error err = {0};
            if (store_open(dir, STORE_WRITE, &s, &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                _exit(1);
            }
            ssize_t n = write(ends[1], store_lineage(s), 32);
            store_close(s);
            _exit(n == 32 ? 0 : 1);
        }
    }
    char first[33] = "";
    for (int i = 0; i < 4; i++) {
        int status;
        char lineage[33] = "";
        waitpid(kids[i], &status, 0);
        assert_int_equal(status, 0);
        assert_int_equal(read(ends[0], lineage, 32), 32);
        if (i == 0)
            memcpy(first, lineage, sizeof first);
        assert_string_equal(lineage, first);
    }
    close(ends[0]);
    close(ends[1]);
    (void)state;
}

static void memory_leaves_nothing_on_disk(void **state)
{
    struct error err = {0};
    struct store *s = NULL;
    ok(store_open(NULL, STORE_MEMORY, &s, &err));
    ok(store_plan_use(s, "x", &err));
    store_close(s);
    assert_int_equal(access(dir, F_OK), -1);
    (void)state;
}

static void a_directory_of_someone_else_is_refused(void **state)
{
    if (geteuid() != 0) {
        print_message("skipped: only root can give a directory away\n");
        skip();
    }
    struct error err = {0};
    struct store *s = NULL;
    store_close(open_store(STORE_WRITE));
    assert_int_equal(chown(dir, 12345, 12345), 0);
    assert_int_equal(store_open(dir, STORE_WRITE, &s, &err), -EPERM);
    assert_non_null(strstr(err.text, "12345"));
    assert_non_null(strstr(err.text, dir));
    (void)state;
}

static void note_files(struct store *s, const char *below, int n)
{
    struct error err = {0};
    char path[64];
    for (int i = 0; i < n; i++) {
        struct store_file f = {.ino = (uint64_t)i};
        snprintf(path, sizeof path, "%s/%d", below, i);
        store_cache_put(s, path, &f);
    }
    ok(store_cache_flush(s, &err));
}

static void a_long_log_is_folded_into_the_database(void **state)
{
    struct store *s = open_store(STORE_WRITE);
    (void)state;
    note_files(s, "/srv/some/where", 8000);
    assert_true(log_length() > 256 << 10);
    store_close(s);
    assert_int_equal(log_length(), 0);
}

/* Somebody waits for a change, nobody for a look. */
static void who_changed_something_leaves_a_log_of_some_length_to_the_next_look(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    (void)state;
    note_files(s, "/srv/some/where", 30000);
    ok(store_plan_use(s, "one", &err));
    store_close(s);
    assert_in_range(log_length(), 1024 << 10, 4000 << 10);
    store_close(open_store(STORE_READ));
    assert_in_range(log_length(), 1024 << 10, 4000 << 10);
    store_close(open_store(STORE_WRITE));
    assert_int_equal(log_length(), 0);
    s = open_store(STORE_WRITE);
    note_files(s, "/srv/some/where/else", 80000);
    ok(store_plan_use(s, "two", &err));
    assert_true(log_length() > 4000 << 10);
    store_close(s);
    assert_int_equal(log_length(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(modes_are_closed_whatever_the_umask),
        fixture(open_modes_of_an_older_run_are_closed),
        fixture(lineage_and_key_are_made_once),
        fixture(a_new_store_has_the_tables_that_an_older_one_comes_to),
        fixture(a_newer_store_is_refused_and_untouched),
        fixture(a_file_that_is_no_database_is_named),
        fixture(damaged_pages_are_an_error_not_a_crash),
        fixture(a_database_of_another_program_is_refused),
        fixture(a_link_in_place_of_the_store_is_not_followed),
        fixture(reading_needs_a_store_and_makes_none),
        fixture(a_reader_sees_but_cannot_write),
        fixture(two_openers_see_each_other),
        fixture(two_first_openers_make_one_store),
        fixture(memory_leaves_nothing_on_disk),
        fixture(a_directory_of_someone_else_is_refused),
        fixture(a_long_log_is_folded_into_the_database),
        fixture(who_changed_something_leaves_a_log_of_some_length_to_the_next_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

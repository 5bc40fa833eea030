#include "world.h"

static void a_generated_secret_is_in_memory_until_kept(void **state)
{
    struct error err = {0};
    const struct secret *one, *again;
    struct store *s = open_store(STORE_WRITE);
    assert_null(store_secret_get(s, "db"));
    ok(store_secret_need(s, "db", 32, &one, &err));
    assert_int_equal(secret_len(one), 32);
    ok(store_secret_need(s, "db", 32, &again, &err));
    assert_ptr_equal(one, again);
    assert_ptr_equal(store_secret_get(s, "db"), one);
    struct store *other = open_store(STORE_READ);
    assert_null(store_secret_get(other, "db"));
    store_close(other);
    ok(store_secrets_keep(s, &err));
    other = open_store(STORE_READ);
    assert_non_null(store_secret_get(other, "db"));
    assert_true(secret_equal(store_secret_get(other, "db"), one));
    store_close(other);
    store_close(s);
    (void)state;
}

static void what_was_not_kept_is_forgotten(void **state)
{
    struct error err = {0};
    const struct secret *one;
    struct store *s = open_store(STORE_WRITE);
    ok(store_secret_need(s, "db", 32, &one, &err));
    store_close(s);
    s = open_store(STORE_WRITE);
    assert_null(store_secret_get(s, "db"));
    store_close(s);
    (void)state;
}

static void a_set_secret_is_durable_and_the_old_one_stays_borrowed(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    struct secret *v = secret_new("first", 5), *w = secret_new("sec\0ond", 7);
    ok(store_secret_set(s, "smtp", v, &err));
    const struct secret *old = store_secret_get(s, "smtp");
    ok(store_secret_set(s, "smtp", w, &err));
    assert_true(secret_equal(old, v));
    assert_true(secret_equal(store_secret_get(s, "smtp"), w));
    store_close(s);
    s = open_store(STORE_WRITE);
    const struct secret *got;
    ok(store_secret_need(s, "smtp", 32, &got, &err));
    assert_true(secret_equal(got, w));
    secret_free(v);
    secret_free(w);
    store_close(s);
    (void)state;
}

static void names_are_listed_in_order_values_are_not(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    static const char *const names[] = {"m", "b", "z", "a", "q"};
    const struct secret *v;
    struct store *s = open_store(STORE_WRITE);
    for (size_t i = 0; i < 5; i++)
        ok(store_secret_need(s, names[i], 24, &v, &err));
    const char **list;
    size_t n;
    ok(store_secret_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 5);
    static const char *const sorted[] = {"a", "b", "m", "q", "z"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(list[i], sorted[i]);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void secrets_of_a_rolled_back_transaction_are_kept_later(void **state)
{
    struct error err = {0};
    const struct secret *v;
    struct store *s = open_store(STORE_WRITE);
    ok(store_secret_need(s, "db", 32, &v, &err));
    ok(store_begin(s, &err));
    ok(store_secrets_keep(s, &err));
    store_rollback(s);
    struct store *other = open_store(STORE_READ);
    assert_null(store_secret_get(other, "db"));
    store_close(other);
    ok(store_secrets_keep(s, &err));
    other = open_store(STORE_READ);
    assert_true(secret_equal(store_secret_get(other, "db"), v));
    store_close(other);
    store_close(s);
    (void)state;
}

static void a_replaced_secret_is_not_left_in_the_file(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    struct secret *v = secret_new("needle-in-the-store", 19), *w = secret_new("x", 1);
    ok(store_secret_set(s, "a", v, &err));
    ok(store_secret_set(s, "a", w, &err));
    secret_free(v);
    secret_free(w);
    /* Fills the log past the size that is folded in at the end. */
    struct store_file f = {0};
    for (int i = 0; i < 6000; i++) {
        char path[32];
        snprintf(path, sizeof path, "/p/%d", i);
        store_cache_put(s, path, &f);
    }
    ok(store_cache_flush(s, &err));
    store_close(s);
    int fd = open(file, O_RDONLY);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char *all = malloc((size_t)st.st_size);
    assert_int_equal(read(fd, all, (size_t)st.st_size), st.st_size);
    assert_null(memmem(all, (size_t)st.st_size, "needle-in-the-store", 19));
    free(all);
    close(fd);
    (void)state;
}

static void a_reader_generates_but_cannot_keep(void **state)
{
    struct error err = {0};
    const struct secret *v;
    store_close(open_store(STORE_WRITE));
    struct store *s = open_store(STORE_READ);
    ok(store_secret_need(s, "db", 32, &v, &err));
    assert_int_equal(store_secrets_keep(s, &err), -EROFS);
    assert_null(strstr(err.text, secret_reveal(v)));
    store_close(s);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(a_generated_secret_is_in_memory_until_kept),
        fixture(what_was_not_kept_is_forgotten),
        fixture(a_set_secret_is_durable_and_the_old_one_stays_borrowed),
        fixture(names_are_listed_in_order_values_are_not),
        fixture(secrets_of_a_rolled_back_transaction_are_kept_later),
        fixture(a_replaced_secret_is_not_left_in_the_file),
        fixture(a_reader_generates_but_cannot_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is managed, generations, used plans, runs. */
#include "world.h"

static void managed_resources_come_in_the_order_of_kind_and_id(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_managed one = {.kind = "file", .id = "/etc/a", .spec = "{}", .rank = 9, .generation = 1};
    struct store_managed two = {.kind = "vhost",
                                .id = "x.example",
                                .site = "x.example",
                                .spec = "{\"root\":\"/srv\"}",
                                .wanted = {0x8000000000000001ull, 2},
                                .rank = 3,
                                .generation = 2,
                                .digest = {5, 0x8000000000000007ull}};
    ok(store_managed_put(s, &two, &err));
    ok(store_managed_put(s, &one, &err));
    store_close(s);
    s = open_store(STORE_READ);
    struct store_managed *list;
    size_t n;
    ok(store_managed_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_string_equal(list[1].kind, "vhost");
    assert_string_equal(list[1].id, "x.example");
    assert_string_equal(list[1].site, "x.example");
    assert_string_equal(list[1].spec, "{\"root\":\"/srv\"}");
    assert_true(hash_equal(list[1].wanted, two.wanted));
    assert_int_equal(list[1].rank, 3);
    assert_int_equal(list[1].generation, 2);
    assert_true(hash_equal(list[1].digest, two.digest));
    assert_null(list[0].site);
    struct store_managed found;
    ok(store_managed_get(s, "vhost", "x.example", &a, &found, &err));
    assert_string_equal(found.spec, "{\"root\":\"/srv\"}");
    assert_true(hash_equal(found.wanted, two.wanted));
    assert_int_equal(store_managed_get(s, "file", "x.example", &a, &found, &err), -ENOENT);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static size_t count_managed(struct store *s)
{
    struct error err = {0};
    struct arena a = {0};
    struct store_managed *list;
    size_t n;
    ok(store_managed_list(s, &a, &list, &n, &err));
    arena_free(&a);
    return n;
}

/* Broken off before it noted that it awaits, an apply is undone as any other; what awaits is another's. */
static void what_awaits_is_taken_back_with_its_own_transaction_alone(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_managed m = {.kind = "file", .id = "/etc/a", .spec = "{}", .rank = 1, .generation = 1};
    struct store_tx tx = {.why = "apply", .who = "somebody"};
    struct store_awaiting w;
    ok(store_tx_begin(s, &tx, NULL, 0, &err));
    ok(store_awaiting_begin(s, tx.id, 600, &err));
    ok(store_begin(s, &err));
    ok(store_awaiting_keep(s, &err));
    ok(store_managed_put(s, &m, &err));
    ok(store_awaiting_set(s, &(struct store_awaiting){.tx = tx.id, .seconds = 600, .until = 4000000000},
                          &err));
    ok(store_commit(s, &err));
    ok(store_awaiting_revert(s, tx.id + 1, &err));
    ok(store_awaiting_get(s, &w, &err));
    assert_int_equal(w.tx, tx.id);
    assert_int_equal(count_managed(s), 1);
    ok(store_awaiting_revert(s, tx.id, &err));
    ok(store_awaiting_get(s, &w, &err));
    assert_int_equal(w.tx, 0);
    assert_int_equal(count_managed(s), 0);
    store_close(s);
    (void)state;
}

static void a_snapshot_is_of_one_moment_and_ends_with_a_write(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE), *other = open_store(STORE_WRITE);
    struct store_managed m = {.kind = "file", .id = "/etc/a", .spec = "{}", .rank = 1, .generation = 1};
    store_snapshot_begin(s);
    store_snapshot_begin(s); /* again is fine */
    assert_int_equal(count_managed(s), 0);
    ok(store_managed_put(other, &m, &err));
    assert_int_equal(count_managed(s), 0);
    store_snapshot_end(s);
    assert_int_equal(count_managed(s), 1);
    store_snapshot_end(s);
    store_snapshot_begin(s);
    assert_int_equal(count_managed(s), 1);
    m.id = "/etc/b";
    ok(store_managed_put(other, &m, &err));
    m.id = "/etc/c";
    ok(store_managed_put(s, &m, &err)); /* no stale snapshot is written from */
    assert_int_equal(count_managed(s), 3);
    store_snapshot_end(s);
    ok(store_begin(s, &err));
    store_snapshot_begin(s); /* a part of what is under way, which it does not end */
    m.id = "/etc/d";
    ok(store_managed_put(s, &m, &err));
    store_snapshot_end(s);
    store_rollback(s);
    assert_int_equal(count_managed(s), 3);
    store_close(other);
    store_close(s);
    (void)state;
}

static void a_second_put_replaces_and_a_drop_removes(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store_managed *list;
    size_t n;
    struct store *s = open_store(STORE_WRITE);
    struct store_managed m = {.kind = "file", .id = "/etc/a", .spec = "{}", .rank = 1, .generation = 1};
    ok(store_managed_put(s, &m, &err));
    m.generation = 2;
    m.spec = "{\"mode\":\"0600\"}";
    ok(store_managed_put(s, &m, &err));
    ok(store_managed_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(list[0].generation, 2);
    assert_string_equal(list[0].spec, "{\"mode\":\"0600\"}");
    ok(store_managed_drop(s, "file", "/etc/a", &err));
    ok(store_managed_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 0);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void generations_are_numbered_and_never_reused(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_generation g = {
        .transaction = 5, .bundle = texts("{\"a\":1}"), .digest = "d1", .who = "root", .status = "applied"};
    struct store_generation got, *list;
    size_t n;
    assert_int_equal(store_generation_get(s, 0, &a, &got, &err), -ENOENT);
    assert_non_null(strstr(err.text, "nothing was applied"));
    ok(store_generation_add(s, &g, &err));
    assert_int_equal(g.number, 1);
    assert_true(g.time > 0);
    struct store_generation h = {.rollback_of = 1,
                                 .bundle = texts("{\"b\":2}"),
                                 .digest = "d2",
                                 .who = "eve",
                                 .reason = "it broke",
                                 .status = "partial",
                                 .time = 77};
    ok(store_generation_add(s, &h, &err));
    assert_int_equal(h.number, 2);
    ok(store_generation_get(s, 0, &a, &got, &err));
    assert_int_equal(got.number, 2);
    assert_int_equal(got.rollback_of, 1);
    assert_int_equal(got.time, 77);
    assert_texts(got.bundle, "{\"b\":2}");
    assert_string_equal(got.reason, "it broke");
    assert_string_equal(got.status, "partial");
    ok(store_generation_get(s, 1, &a, &got, &err));
    assert_texts(got.bundle, "{\"a\":1}");
    assert_int_equal(got.transaction, 5);
    assert_null(got.reason);
    assert_int_equal(store_generation_get(s, 3, &a, &got, &err), -ENOENT);
    assert_non_null(strstr(err.text, "no generation 3"));
    ok(store_generation_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].number, 2);
    assert_null(list[0].bundle);
    assert_string_equal(list[1].digest, "d1");
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void a_plan_is_used_once(void **state)
{
    struct error err = {0};
    struct store *s = open_store(STORE_WRITE);
    ok(store_plan_use(s, "abc", &err));
    store_close(s);
    s = open_store(STORE_WRITE);
    assert_int_equal(store_plan_use(s, "abc", &err), -EEXIST);
    assert_true(*err.hint);
    ok(store_plan_use(s, "abd", &err));
    store_close(s);
    (void)state;
}

static void what_is_owed_is_listed_until_it_is_dropped(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store_owed *list;
    size_t n;
    struct store *s = open_store(STORE_WRITE);
    (void)state;
    ok(store_owed_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 0);
    struct store_owed nginx = {.kind = "service", .id = "nginx.service", .how = "reload", .tx = 4};
    struct store_owed php = {.kind = "service", .id = "php8.2-fpm.service", .how = "reload", .tx = 5};
    ok(store_owed_put(s, &php, &err));
    ok(store_owed_put(s, &nginx, &err));
    nginx.how = "restart";
    ok(store_owed_put(s, &nginx, &err));
    store_close(s);
    s = open_store(STORE_WRITE); /* a store with such rows opens */
    ok(store_owed_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_string_equal(list[0].kind, "service");
    assert_string_equal(list[0].id, "nginx.service");
    assert_string_equal(list[0].how, "restart");
    assert_int_equal(list[0].tx, 4);
    assert_string_equal(list[1].id, "php8.2-fpm.service");
    ok(store_owed_drop(s, "service", "nginx.service", &err));
    ok(store_owed_drop(s, "service", "nginx.service", &err));
    ok(store_owed_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 1);
    store_close(s);
    arena_free(&a);
}

static void the_last_run_is_known_and_old_ones_are_dropped(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_MEMORY);
    const char *command;
    int64_t when, changes;
    int status;
    assert_int_equal(store_run_last(s, &a, &command, &when, &status, &changes, &err), -ENOENT);
    for (int i = 0; i < 1500; i++)
        ok(store_run_note(s, i % 2 ? "drift" : "apply", i % 8, i, &err));
    ok(store_run_last(s, &a, &command, &when, &status, &changes, &err));
    assert_string_equal(command, "drift");
    assert_int_equal(status, 1499 % 8);
    assert_int_equal(changes, 1499);
    assert_true(when > 1600000000);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void a_rolled_back_transaction_leaves_no_trace(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_managed m = {.kind = "file", .id = "/etc/a", .spec = "{}"}, *list;
    struct store_generation g = {.bundle = texts("{}"), .digest = "d", .who = "root", .status = "applied"},
                            got;
    size_t n;
    ok(store_begin(s, &err));
    ok(store_managed_put(s, &m, &err));
    ok(store_generation_add(s, &g, &err));
    store_rollback(s);
    ok(store_managed_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 0);
    assert_int_equal(store_generation_get(s, 0, &a, &got, &err), -ENOENT);
    ok(store_begin(s, &err));
    ok(store_managed_put(s, &m, &err));
    ok(store_commit(s, &err));
    ok(store_managed_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 1);
    arena_free(&a);
    store_close(s);
    (void)state;
}

static void closing_in_a_transaction_takes_it_back(void **state)
{
    struct error err = {0};
    struct arena a = {0};
    struct store *s = open_store(STORE_WRITE);
    struct store_managed m = {.kind = "file", .id = "/etc/a", .spec = "{}"}, *list;
    size_t n;
    ok(store_begin(s, &err));
    ok(store_managed_put(s, &m, &err));
    store_close(s);
    s = open_store(STORE_WRITE);
    ok(store_managed_list(s, &a, &list, &n, &err));
    assert_int_equal(n, 0);
    arena_free(&a);
    store_close(s);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture(managed_resources_come_in_the_order_of_kind_and_id),
        fixture(a_snapshot_is_of_one_moment_and_ends_with_a_write),
        fixture(what_awaits_is_taken_back_with_its_own_transaction_alone),
        fixture(a_second_put_replaces_and_a_drop_removes),
        fixture(generations_are_numbered_and_never_reused),
        fixture(a_plan_is_used_once),
        fixture(what_is_owed_is_listed_until_it_is_dropped),
        fixture(the_last_run_is_known_and_old_ones_are_dropped),
        fixture(a_rolled_back_transaction_leaves_no_trace),
        fixture(closing_in_a_transaction_takes_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

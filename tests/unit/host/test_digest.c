/* What a file's digest is of, and how long it is believed. */
#include "fs_path.h"
#include "root.h"
#include <sys/syscall.h>

/* The library's own calls come here, too. */
static unsigned slow_read; /* us that a read takes besides */
ssize_t read(int fd, void *bytes, size_t n)
{
    ssize_t got = syscall(SYS_read, fd, bytes, n);
    if (slow_read)
        usleep(slow_read);
    return got;
}

struct cache {
    struct fs_stat st;
    struct hash128 digest;
    int hits, puts;
    bool full;
};

static bool cache_get(void *self, const char *path, const struct fs_stat *st, struct hash128 *ret)
{
    struct cache *c = self;
    if (!c->full || memcmp(&c->st, st, sizeof *st) != 0)
        return false;
    c->hits++;
    *ret = c->digest;
    return true;
}

static void cache_put(void *self, const char *path, const struct fs_stat *st, struct hash128 digest)
{
    struct cache *c = self;
    c->st = *st;
    c->digest = digest;
    c->full = true;
    c->puts++;
}

static void a_digest_is_remembered_until_the_file_moves(void **state)
{
    struct test_root *t = *state;
    struct cache c = {0};
    struct digest_cache dc = {cache_get, cache_put, &c};
    struct fs_stat st;
    struct hash128 one, two;
    t->h.cache = &dc;
    bool within = false;
    for (int i = 0; i < 50 && !within; i++) {
        c.puts = 0;
        c.full = false;
        double began = seconds();
        put(AT("/a"), "one", 0644);
        assert_int_equal(fs_stat(&t->h, "/a", &st, &t->err), 0);
        assert_int_equal(fs_digest(&t->h, "/a", &st, &one, &t->err), 0);
        within = within_the_instant(began);
    }
    assert_true(hash_equal(one, hash_bytes("one", 3)));
    if (within)
        assert_int_equal(c.puts, 0);
    else
        print_message("too slow here to look within 10 ms of a change: not tested\n");
    c.puts = 0;
    c.full = false;
    usleep(150000);
    assert_int_equal(fs_digest(&t->h, "/a", &st, &one, &t->err), 0);
    assert_int_equal(c.puts, 1);
    c.digest.low = 7; /* so that an answer from the cache can be told */
    assert_int_equal(fs_digest(&t->h, "/a", &st, &two, &t->err), 0);
    assert_int_equal(two.low, 7);
    t->h.verify = true;
    assert_int_equal(fs_digest(&t->h, "/a", &st, &two, &t->err), 0);
    assert_true(hash_equal(one, two));
    t->h.verify = false;
    put(AT("/a"), "two", 0644);
    assert_int_equal(fs_stat(&t->h, "/a", &st, &t->err), 0);
    assert_int_equal(fs_digest(&t->h, "/a", &st, &two, &t->err), 0);
    assert_true(hash_equal(two, hash_bytes("two", 3)));
    /* With --verify what is remembered is right or is not: it is what was read that counts. */
    t->h.verify = true;
    usleep(150000);
    for (int right = 0; right < 2; right++) {
        c.full = true;
        c.st = st;
        c.digest = right ? two : hash_bytes("one", 3);
        c.puts = 0;
        struct hash128 read = {0};
        assert_int_equal(fs_digest(&t->h, "/a", &st, &read, &t->err), 0);
        assert_true(hash_equal(read, two));
        assert_int_equal(c.puts, !right);
    }
}

/* However long it takes to read: what was written since may have the same times. */
static void a_digest_of_what_changed_right_before_it_was_read_is_not_remembered(void **state)
{
    struct test_root *t = *state;
    struct cache c = {0};
    struct digest_cache dc = {cache_get, cache_put, &c};
    struct fs_stat st;
    struct hash128 digest;
    bool within = false;
    t->h.cache = &dc;
    for (int i = 0; i < 50 && !within; i++) {
        double began = seconds();
        c.puts = 0;
        put(AT("/a"), "one", 0644);
        assert_int_equal(fs_stat(&t->h, "/a", &st, &t->err), 0);
        within = within_the_instant(began);
        slow_read = 150000;
        assert_int_equal(fs_digest(&t->h, "/a", &st, &digest, &t->err), 0);
        slow_read = 0;
    }
    if (within)
        assert_int_equal(c.puts, 0);
    else
        print_message("too slow here to look within 10 ms of a change: not tested\n");
    /* once it has settled it is, and reading may take as long */
    usleep(150000);
    slow_read = 150000;
    assert_int_equal(fs_digest(&t->h, "/a", &st, &digest, &t->err), 0);
    slow_read = 0;
    assert_int_equal(c.puts, 1);
}

static void a_file_settles_after_its_file_systems_step(void **state)
{
    const int64_t second = 1000000000, then = 1700000000 * second;
    assert_false(fs_settled_at(then + 1, then + 1));
    assert_false(fs_settled_at(then + 1, then + second / 50));
    assert_true(fs_settled_at(then + 1, then + second / 5));
    /* of whole seconds, or of two: a later change may look the same */
    assert_false(fs_settled_at(then, then + second / 5));
    assert_false(fs_settled_at(then, then + 2 * second));
    assert_true(fs_settled_at(then, then + 2 * second + 1));
}

static void a_digest_is_of_the_whole_content_whatever_its_size(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};
    struct test_root *t = *state;
    struct fs_stat st;
    struct hash128 got;
    char *text = calloc(1, 200001);
    for (size_t i = 0; i < 200000; i++)
        text[i] = (char)('a' + i * i % 23);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char last = text[sizes[i]];
        text[sizes[i]] = '\0';
        put(AT("/sized"), text, 0644);
        text[sizes[i]] = last;
        assert_int_equal(fs_stat(&t->h, "/sized", &st, &t->err), 0);
        assert_int_equal(fs_digest(&t->h, "/sized", &st, &got, &t->err), 0);
        assert_true(hash_equal(got, hash_bytes(text, sizes[i])));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_digest_is_remembered_until_the_file_moves),
        TEST(a_digest_of_what_changed_right_before_it_was_read_is_not_remembered),
        TEST(a_file_settles_after_its_file_systems_step),
        TEST(a_digest_is_of_the_whole_content_whatever_its_size),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}

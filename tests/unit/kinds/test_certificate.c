#include "certificate.h"
#include "kit.h"
#include "pem.h"

#define FULLCHAIN "/etc/citrus/tls/a.example/fullchain.pem"
#define PRIVKEY   "/etc/citrus/tls/a.example/privkey.pem"

static const char *names[] = {"a.example", "www.a.example"};
static const struct strings both = {names, 2}, one = {names, 1};

static struct resource *certificate(struct kit *t, const char *issuer)
{
    struct resource *r = kit_res(t, &certificate_kind, "a.example");
    struct certificate_spec *s = r->spec;
    s->names = both;
    s->issuer = issuer;
    s->days = 90;
    if (!strcmp(issuer, "files")) {
        s->source_certificate = "/root/c.pem";
        s->source_key = "/root/k.pem";
    }
    return r;
}

static void put_pair(struct kit *t, const struct strings *list, const char *certificate_path,
                     const char *key_path)
{
    struct buf c = {0}, k = {0};
    assert_int_equal(x509_self_signed(list, 90, &c, &k, NULL, NULL, &t->err), 0);
    kit_put(t, certificate_path, buf_str(&c), 0644);
    kit_put(t, key_path, buf_str(&k), 0600);
    buf_free(&c);
    buf_wipe(&k);
}

static void a_self_signed_certificate_is_made_private_and_leaves_no_trace_when_undone(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "self-signed");
    kit_mkdirs(t, "/etc/citrus");
    kit_there_and_back(t, r, OP_CREATE);
    kit_mkdirs(t, "/etc/citrus/tls/b.example");
    kit_there_and_back(t, r, OP_CREATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_stat(t, PRIVKEY).st_mode & 07777, 0600);
    assert_int_equal(kit_stat(t, FULLCHAIN).st_mode & 07777, 0644);
    kit_free(t);
}

static void a_further_alias_a_foreign_key_and_broken_files_are_differences(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "self-signed");
    put_pair(t, &one, FULLCHAIN, PRIVKEY);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "names: [a.example] -> [a.example, www.a.example]");
    kit_there_and_back(t, r, OP_UPDATE);
    put_pair(t, &both, FULLCHAIN, "/root/other.pem");
    assert_string_equal(kit_delta(t, kit_change(t, r)), "state: key does not match -> valid");
    kit_put(t, FULLCHAIN, "no certificate\n", 0644);
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "state: unreadable -> valid"));
    assert_int_equal(unlink(kit_path(t, PRIVKEY)), 0);
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "state: unreadable -> valid"));
    kit_there_and_back(t, r, OP_UPDATE);
    kit_free(t);
}

static void a_directory_that_others_may_write_is_closed(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "self-signed");
    put_pair(t, &both, FULLCHAIN, PRIVKEY);
    const char *dir = kit_path(t, arena_strndup(&t->a, PRIVKEY, strlen(PRIVKEY) - strlen("/privkey.pem")));
    char *key = kit_read(t, PRIVKEY);
    assert_int_equal(chmod(dir, 0700), 0); /* closer than it was made is somebody's wish */
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "state: directory has mode 0777 of user 0 -> valid");
    kit_there_and_back(t, r, OP_UPDATE);
    assert_int_equal(chown(dir, 33, 33), 0);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "state: directory has mode 0755 of user 33 -> valid");
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    assert_string_equal(kit_read(t, PRIVKEY), key);
    kit_free(t);
}

/* Modes alone would leave it due, and the change would be taken back, each time. */
static void what_is_due_is_renewed_whatever_its_modes_are(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "self-signed");
    kit_put(t, FULLCHAIN, pem_due, 0644);
    kit_put(t, PRIVKEY, pem_key, 0644);
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "state: due ("));
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_stat(t, PRIVKEY).st_mode & 07777, 0600);
    assert_string_not_equal(kit_read(t, PRIVKEY), pem_key);
    kit_free(t);
}

static void a_directory_that_others_may_write_is_closed_by_every_change(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "self-signed");
    const char *dir = kit_path(t, "/etc/citrus/tls/a.example");
    put_pair(t, &one, FULLCHAIN, PRIVKEY);
    assert_int_equal(chmod(dir, 0775), 0);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "names: [a.example] -> [a.example, www.a.example], "
                                                        "state: directory has mode 0775 of user 0 -> valid");
    kit_there_and_back(t, r, OP_UPDATE);
    assert_int_equal(unlink(kit_path(t, FULLCHAIN)), 0);
    assert_int_equal(unlink(kit_path(t, PRIVKEY)), 0);
    kit_there_and_back(t, r, OP_CREATE);
    put_pair(t, &one, FULLCHAIN, PRIVKEY);
    assert_int_equal(chmod(dir, 0700), 0); /* somebody's wish */
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(kit_stat(t, "/etc/citrus/tls/a.example").st_mode & 07777, 0700);
    kit_free(t);
}

static void a_key_that_others_may_read_is_closed_and_not_replaced(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "self-signed");
    put_pair(t, &both, FULLCHAIN, PRIVKEY);
    char *key = kit_read(t, PRIVKEY);
    assert_int_equal(chmod(kit_path(t, PRIVKEY), 0644), 0);
    assert_string_equal(kit_delta(t, kit_change(t, r)), "state: key has mode 0644 of user 0 -> valid");
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, PRIVKEY), key);
    assert_int_equal(kit_stat(t, PRIVKEY).st_mode & 07777, 0600);
    kit_free(t);
}

static void the_operators_files_are_copied_and_followed(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "files");
    kit_mkdirs(t, "/etc/citrus");
    put_pair(t, &both, "/root/c.pem", "/root/k.pem");
    assert_int_equal(certificate_kind.prepare(&t->ctx, kit_change(t, r), &t->err), 0);
    kit_there_and_back(t, r, OP_CREATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, FULLCHAIN), kit_read(t, "/root/c.pem"));
    put_pair(t, &both, "/root/c.pem", "/root/k.pem");
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "source_digest: "));
    kit_there_and_back(t, r, OP_UPDATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    /* A source that went away is nobody's change. */
    assert_int_equal(unlink(kit_path(t, "/root/c.pem")), 0);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    kit_free(t);
}

static void relink(struct kit *t, const char *target, const char *path)
{
    unlink(kit_path(t, path));
    kit_link(t, target, path);
}

#define LIVE    "/etc/letsencrypt/live/a.example"
#define ARCHIVE "/etc/letsencrypt/archive/a.example"

static void what_certbot_keeps_is_copied_and_a_renewal_followed(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "files");
    struct certificate_spec *s = r->spec;
    s->source_certificate = LIVE "/fullchain.pem";
    s->source_key = LIVE "/privkey.pem";
    kit_mkdirs(t, LIVE);
    kit_mkdirs(t, "/etc/citrus");
    put_pair(t, &both, ARCHIVE "/fullchain1.pem", ARCHIVE "/privkey1.pem");
    put_pair(t, &both, ARCHIVE "/fullchain2.pem", ARCHIVE "/privkey2.pem");
    relink(t, "../../archive/a.example/fullchain1.pem", LIVE "/fullchain.pem");
    relink(t, "../../archive/a.example/privkey1.pem", LIVE "/privkey.pem");
    kit_there_and_back(t, r, OP_CREATE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, FULLCHAIN), kit_read(t, ARCHIVE "/fullchain1.pem"));
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    relink(t, "../../archive/a.example/fullchain2.pem", LIVE "/fullchain.pem");
    relink(t, "../../archive/a.example/privkey2.pem", LIVE "/privkey.pem");
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "source_digest: "));
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_string_equal(kit_read(t, FULLCHAIN), kit_read(t, ARCHIVE "/fullchain2.pem"));
    assert_string_equal(kit_read(t, PRIVKEY), kit_read(t, ARCHIVE "/privkey2.pem"));
    kit_free(t);
}

static struct error feasible(struct kit *t, struct resource *r)
{
    const struct change *c = kit_change(t, r);
    struct error e = {0};
    certificate_kind.feasible(&t->ctx, &c, 1, &e);
    return e;
}

static void a_link_that_others_can_make_is_refused_and_what_was_copied_serves(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "files");
    kit_mkdirs(t, "/etc/citrus");
    kit_mkdirs(t, "/root");
    put_pair(t, &both, "/srv/c.pem", "/srv/k.pem");
    kit_link(t, "/srv/c.pem", "/root/c.pem");
    kit_link(t, "/srv/k.pem", "/root/k.pem");
    assert_int_equal(chmod(kit_path(t, "/root"), 0777), 0);
    struct error e = feasible(t, r);
    assert_int_equal(e.code, -ELOOP);
    assert_non_null(strstr(e.text, "/root/c.pem: its component \"c.pem\" is a symbolic link that others"));
    assert_non_null(strstr(e.hint, "remove the link"));
    assert_int_equal(chmod(kit_path(t, "/root"), 0755), 0);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_int_equal(feasible(t, r).code, 0);
    assert_int_equal(chmod(kit_path(t, "/root"), 0777), 0);
    e = feasible(t, r);
    assert_int_equal(kit_change(t, r)->op, OP_NONE);
    assert_int_equal(e.code, -ELOOP);
    assert_non_null(strstr(e.hint, " days; remove the link"));
    kit_free(t);
}

static void files_that_cannot_serve_the_site_are_refused_before_anything_changes(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "files");
    struct change *c = kit_change(t, r);
    assert_true(certificate_kind.prepare(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "/root/c.pem"));
    put_pair(t, &one, "/root/c.pem", "/root/k.pem");
    assert_true(certificate_kind.prepare(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "does not cover www.a.example"));
    put_pair(t, &both, "/root/c.pem", "/root/other.pem");
    assert_true(certificate_kind.prepare(&t->ctx, c, &t->err) < 0);
    assert_non_null(strstr(t->err.text, "/root/k.pem is not the key"));
    assert_false(kit_there(t, FULLCHAIN));
    kit_free(t);
}

static void a_key_that_is_encrypted_is_called_so(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "files");
    const char *const keys[] = {pem_key_encrypted, pem_key_encrypted_old};
    kit_put(t, "/root/c.pem", pem_due, 0644);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        kit_put(t, "/root/k.pem", keys[i], 0600);
        assert_int_equal(certificate_kind.prepare(&t->ctx, kit_change(t, r), &t->err), -EINVAL);
        assert_non_null(strstr(t->err.text, "the key in /root/k.pem is encrypted"));
        assert_non_null(strstr(t->err.hint, "openssl pkey -in /root/k.pem -out "));
    }
    kit_put(t, "/root/k.pem", pem_key, 0600);
    assert_int_equal(certificate_kind.prepare(&t->ctx, kit_change(t, r), &t->err), 0);
    kit_free(t);
}

static void a_certificate_is_due_by_its_own_lifetime_where_it_can_be_renewed(void **state)
{
    struct arena a = {0};
    struct x509_info c = {.not_before = 0, .not_after = 90 * 86400};
    assert_string_equal(certificate_state(&a, &c, true, 59 * 86400), "valid");
    assert_string_equal(certificate_state(&a, &c, true, 61 * 86400), "due (29 days left)");
    assert_string_equal(certificate_state(&a, &c, false, 61 * 86400), "valid");
    assert_string_equal(certificate_state(&a, &c, false, 90 * 86400), "expired");
    assert_non_null(strstr(certificate_state(&a, &c, true, -1), "not valid before 19"));
    assert_non_null(strstr(certificate_state(&a, &c, false, -1), "not valid before 19"));
    assert_string_equal(certificate_state(&a, &c, true, 0), "valid");
    arena_free(&a);
}

static void a_certificate_of_the_time_to_come_serves_nobody(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "self-signed");
    kit_put(t, FULLCHAIN, pem_to_come, 0644);
    kit_put(t, PRIVKEY, pem_key, 0600);
    assert_non_null(strstr(kit_delta(t, kit_change(t, r)), "state: not valid before 2"));
    kit_there_and_back(t, r, OP_UPDATE);
    r = certificate(t, "files");
    kit_put(t, "/root/c.pem", pem_to_come, 0644);
    kit_put(t, "/root/k.pem", pem_key, 0600);
    assert_int_equal(certificate_kind.prepare(&t->ctx, kit_change(t, r), &t->err), -EINVAL);
    assert_non_null(strstr(t->err.text, "the certificate in /root/c.pem is not valid before 2"));
    assert_non_null(strstr(t->err.hint, "clock"));
    kit_free(t);
}

static void a_removed_certificate_comes_back_and_strangers_files_stay(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "self-signed");
    put_pair(t, &both, FULLCHAIN, PRIVKEY);
    r->absent = true;
    kit_there_and_back(t, r, OP_REMOVE);
    kit_put(t, "/etc/citrus/tls/a.example/dhparam.pem", "x", 0644);
    kit_there_and_back(t, r, OP_REMOVE);
    json_decref(kit_apply(t, kit_change(t, r)));
    assert_true(kit_there(t, "/etc/citrus/tls/a.example/dhparam.pem"));
    kit_free(t);
}

static void what_others_put_beside_a_new_pair_is_kept_when_it_is_undone(void **state)
{
    struct kit *t = kit_new("{}");
    struct change *c = kit_change(t, certificate(t, "self-signed"));
    json_t *undo = kit_apply(t, c);
    kit_put(t, "/etc/citrus/tls/a.example/chain.pem", "theirs\n", 0644);
    kit_undo(t, c, undo);
    assert_false(kit_there(t, "/etc/citrus/tls/a.example"));
    assert_string_equal(kit_read(t, "/var/lib/citrus/trash/7-kept-1-a.example/chain.pem"), "theirs\n");
    kit_free(t);
}

static void a_removed_pair_is_kept_for_root_alone_and_serves_again(void **state)
{
    struct kit *t = kit_new("{}");
    struct resource *r = certificate(t, "self-signed");
    put_pair(t, &both, FULLCHAIN, PRIVKEY);
    const char *key = kit_read(t, PRIVKEY);
    r->absent = true;
    json_t *removal = kit_apply(t, kit_change(t, r));
    const char *kept = "/var/lib/citrus/trash/7-1-tls-a.example";
    assert_int_equal(kit_stat(t, kept).st_mode & 07777, 0700);
    assert_int_equal(kit_stat(t, arena_printf(&t->a, "%s/privkey.pem", kept)).st_mode & 07777, 0600);

    struct change *c = kit_restore(t, r, removal);
    json_t *undo = kit_apply(t, c);
    assert_string_equal(kit_read(t, PRIVKEY), key);
    assert_false(kit_there(t, kept));
    kit_undo(t, c, undo);
    assert_false(kit_there(t, PRIVKEY));
    assert_string_equal(kit_read(t, arena_printf(&t->a, "%s/privkey.pem", kept)), key);

    /* one that covers less or more than what is served now stays where it is */
    static const char *three[] = {"a.example", "www.a.example", "more.example"};
    ((struct certificate_spec *)r->spec)->names = (struct strings){three, 3};
    assert_int_equal(kit_remains(t, r, removal), REMAINS_NOTHING);
    ((struct certificate_spec *)r->spec)->names = (struct strings){three, 1};
    assert_int_equal(kit_remains(t, r, removal), REMAINS_NOTHING);
    json_decref(removal);
    kit_free(t);
}

static void below_an_offline_root_one_that_citrus_makes_is_made_with_others(void **state)
{
    struct kit *t = kit_new("{}");
    struct change *own = kit_change(t, certificate(t, "self-signed"));
    assert_false(certificate_kind.together(&t->ctx, own)); /* a neighbour is validated with it */
    t->h->offline = true;
    assert_true(certificate_kind.together(&t->ctx, own));
    own->restore = arena_new(&t->a, struct remains);
    assert_false(certificate_kind.together(&t->ctx, own));
    put_pair(t, &both, FULLCHAIN, PRIVKEY);
    assert_int_equal(chmod(kit_path(t, PRIVKEY), 0644), 0); /* in place: nothing is to be renamed */
    assert_false(certificate_kind.together(&t->ctx, kit_change(t, certificate(t, "self-signed"))));
    kit_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_self_signed_certificate_is_made_private_and_leaves_no_trace_when_undone),
        cmocka_unit_test(a_further_alias_a_foreign_key_and_broken_files_are_differences),
        cmocka_unit_test(a_key_that_others_may_read_is_closed_and_not_replaced),
        cmocka_unit_test(a_directory_that_others_may_write_is_closed),
        cmocka_unit_test(what_is_due_is_renewed_whatever_its_modes_are),
        cmocka_unit_test(a_directory_that_others_may_write_is_closed_by_every_change),
        cmocka_unit_test(the_operators_files_are_copied_and_followed),
        cmocka_unit_test(what_certbot_keeps_is_copied_and_a_renewal_followed),
        cmocka_unit_test(a_link_that_others_can_make_is_refused_and_what_was_copied_serves),
        cmocka_unit_test(files_that_cannot_serve_the_site_are_refused_before_anything_changes),
        cmocka_unit_test(a_key_that_is_encrypted_is_called_so),
        cmocka_unit_test(a_certificate_is_due_by_its_own_lifetime_where_it_can_be_renewed),
        cmocka_unit_test(a_certificate_of_the_time_to_come_serves_nobody),
        cmocka_unit_test(a_removed_certificate_comes_back_and_strangers_files_stay),
        cmocka_unit_test(what_others_put_beside_a_new_pair_is_kept_when_it_is_undone),
        cmocka_unit_test(a_removed_pair_is_kept_for_root_alone_and_serves_again),
        cmocka_unit_test(below_an_offline_root_one_that_citrus_makes_is_made_with_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

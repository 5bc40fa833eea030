/* A secret's value takes another's place.
 *
 * A database password is in two places that cannot change in one moment: MariaDB's user and wp-config.php, of
 * which PHP keeps a compiled copy for a while. So one transaction makes the user accept both passwords and
 * writes the new one; when PHP has read it everywhere, a second one takes the old password away. In between
 * the store holds the old one as NAME.previous: whatever ends the run there, the site works, and the next
 * apply goes on. */
#include "fs.h"
#include "names.h"
#include "session.h"
#include "text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The DOMAIN of "site/DOMAIN/WHAT", NULL when it is no such name. */
static const char *domain_of(struct arena *a, const char *name, const char *what)
{
    const char *last = strrchr(name, '/');
    if (!starts_with(name, "site/") || !last || last < name + 5 || strcmp(last + 1, what) != 0)
        return NULL;
    return arena_strndup(a, name + 5, (size_t)(last - name - 5));
}

static const struct manifest_site *site_of(const struct session *s, const char *domain)
{
    const struct manifest_site *sites = s->manifest->sites.at;
    for (size_t i = 0; i < s->manifest->sites.n; i++)
        if (strcmp(sites[i].domain, domain) == 0 && sites[i].type == SITE_WORDPRESS)
            return &sites[i];
    return NULL;
}

static int64_t settle_seconds(const struct session *s, const struct manifest_site *site)
{
    return site_password_settle(&s->manifest->server, site);
}

int session_rotations(struct session *s, const char ***ret, size_t *n, struct error *err)
{
    const char **names;
    size_t all, count = 0;
    int r = store_secret_list(s->store, &s->arena, &names, &all, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < all; i++)
        if (ends_with(names[i], SECRET_PREVIOUS))
            names[count++] = arena_strndup(&s->arena, names[i], strlen(names[i]) - strlen(SECRET_PREVIOUS));
    *ret = names;
    *n = count;
    return 0;
}

bool session_rotating(struct session *s, const char *name)
{
    for (size_t i = 0; i < s->ending.n; i++)
        if (strcmp(s->ending.at[i], name) == 0)
            return false;
    const char *previous = arena_printf(&s->arena, "%s%s", name, SECRET_PREVIOUS);
    const struct secret *v = store_secret_get(s->store, previous);
    if (v)
        redactor_add(s->redactor, previous, v);
    return v != NULL;
}

/* ---- the end of a rotation ---------------------------------------------------------------------------- */

static bool selected(const struct session *s, const char *domain)
{
    for (size_t i = 0; i < s->o->n_sites; i++)
        if (strcmp(s->o->sites[i], domain) == 0)
            return true;
    return s->o->n_sites == 0;
}

/* Until PHP has read the site's wp-config.php, which was written at its mtime. */
static int64_t wait_ms(struct session *s, const struct manifest_site *site)
{
    struct fs_stat st;
    struct timespec now;
    int64_t whole = settle_seconds(s, site) * 1000;
    if (fs_stat(s->host, path_site(&s->arena, site->domain, "wp-config.php"), &st, NULL) < 0 ||
        clock_gettime(CLOCK_REALTIME, &now) < 0)
        return whole;
    int64_t age = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - st.mtime_ns / 1000000;
    return age < 0 ? whole : age > whole ? 0 : whole - age;
}

/* False: a signal came. */
static bool wait_for(struct session *s, int64_t ms)
{
    if (ms > 0 && !s->o->json)
        printf("Both passwords are accepted for some seconds, until PHP has read the new one everywhere.\n");
    fflush(stdout);
    for (; ms > 0 && !*interrupt_flag(); ms -= 100)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    return !*interrupt_flag();
}

static int drop_previous(struct session *s, const char *name, struct error *err)
{
    return store_secret_drop(s->store, arena_printf(&s->arena, "%s%s", name, SECRET_PREVIOUS), err);
}

/* Fills s->ending with those whose old value goes; *ret_wait: milliseconds until then. */
static int find_endings(struct session *s, int64_t *ret_wait, struct error *err)
{
    const char **names;
    size_t n;
    int r = session_rotations(s, &names, &n, err);
    for (size_t i = 0; i < n && r == 0; i++) {
        const char *domain = domain_of(&s->arena, names[i], "db_password");
        const struct manifest_site *site = domain ? site_of(s, domain) : NULL;
        if (domain && !selected(s, domain))
            continue;
        if (!site) { /* the site is gone, and its database user with it */
            r = drop_previous(s, names[i], err);
            continue;
        }
        if (settle_seconds(s, site) < 0) {
            fprintf(stderr,
                    "citrus: %s: the old password stays accepted: PHP never looks at a changed file again"
                    " (opcache.validate_timestamps)\n",
                    names[i]);
            continue;
        }
        int64_t ms = wait_ms(s, site);
        *ret_wait = ms > *ret_wait ? ms : *ret_wait;
        vec_push(&s->arena, &s->ending, names[i]);
    }
    return r;
}

/* The user without the old passwords. They are in the store until that is done: what fails is pending still.
 */
static int end_them(struct session *s)
{
    struct error err = {0};
    /* The warnings were said. */
    s->diags.list.n = 0;
    int status = session_plan(s), r = 0;
    if (status == 0)
        status = session_apply(s, &(struct run){.why = RUN_ROTATION, .brief = true});
    for (size_t i = 0; i < s->ending.n && status == 0 && r == 0; i++) {
        r = drop_previous(s, s->ending.at[i], &err);
        if (r == 0 && !s->o->json)
            printf("%s is rotated: the old value is no longer accepted.\n", s->ending.at[i]);
    }
    if (status)
        fprintf(stderr,
                "citrus: the new password is in use, and the old one is still accepted; the next apply"
                " ends it\n");
    return r < 0 ? session_fail(s, &err) : status;
}

int session_end_rotations(struct session *s)
{
    struct error err = {0};
    int64_t wait = 0;
    int status = 0;
    s->ending.n = 0;
    int r = find_endings(s, &wait, &err);
    if (r < 0) {
        status = session_fail(s, &err);
    } else if (s->ending.n && !wait_for(s, wait)) {
        fprintf(stderr, "citrus: interrupted: the old password is still accepted; the next apply ends it\n");
        status = EXIT_PENDING;
    } else if (s->ending.n) {
        status = end_them(s);
    }
    s->ending.n = 0;
    return status;
}

/* ---- the command ------------------------------------------------------------------------------------------
 */

struct rotation {
    const char *name, *domain;
    bool password;               /* else salts */
    const struct secret *before; /* NULL: it was under way already */
};

static int refuse(struct session *s, const char *name)
{
    struct error err = {0};
    if (domain_of(&s->arena, name, "admin_password")) {
        error_set(&err, -ENOTSUP,
                  "%s: WordPress keeps this password itself; citrus sets it when a site is installed", name);
        error_hint(&err, "change it in WordPress (Users, Profile), then `citrus secret set %s` notes it here",
                   name);
    } else {
        error_set(&err, -ENOTSUP, "%s is no secret that citrus can make a new value for", name);
        error_hint(&err, "`citrus secret set %s` gives it one, and the next apply uses it", name);
    }
    return session_fail(s, &err);
}

/* The site as it was applied last. A rotation brings no news of the manifest. */
static int find_site(struct session *s, const struct rotation *r)
{
    struct error err = {0};
    struct store_generation g;
    int rc = standing_generation(s, r->domain, &g, &err);
    if (rc < 0) {
        error_prefix(&err, "%s", r->name);
        return session_fail(s, &err);
    }
    s->of_generation = g.number;
    int status = session_texts(s, g.bundle);
    if (status)
        return status;
    const struct manifest_site *site = site_of(s, r->domain);
    if (!site) {
        error_set(&err, -ENOENT, "%s: generation %lld has no WordPress site %s", r->name, (long long)g.number,
                  r->domain);
        error_hint(&err, "`citrus status` names the sites");
        return session_fail(s, &err);
    }
    if (r->password && settle_seconds(s, site) < 0) {
        error_set(&err, -ENOTSUP,
                  "%s: PHP would never read the new password: opcache.validate_timestamps is off", r->domain);
        error_hint(&err, "turn it on in the manifest's php.ini settings for the time of the rotation");
        return session_fail(s, &err);
    }
    return 0;
}

static int stage(struct session *s, struct rotation *r)
{
    struct error err = {0};
    if (r->password && session_rotating(s, r->name)) {
        fprintf(stderr, "citrus: the rotation of %s was begun before: going on with it\n", r->name);
        return 0;
    }
    r->before = store_secret_get(s->store, r->name);
    int rc = store_secret_rotate(s->store, r->name, r->password ? SECRET_DB_PASSWORD : SECRET_SALTS,
                                 r->password, &err);
    if (rc == -ENOENT)
        error_hint(&err, "`citrus secret list` names them");
    if (rc < 0)
        return session_fail(s, &err);
    redactor_add(s->redactor, r->name, r->before);
    return 0;
}

static int rotate(struct session *s, struct rotation *r)
{
    struct error err = {0};
    if (r->password && s->host->offline) {
        error_set(&err, -EOPNOTSUPP, "%s: MariaDB does not run in an offline root, so its user cannot follow",
                  r->name);
        return session_fail(s, &err);
    }
    int status = find_site(s, r);
    if (status == 0)
        status = session_recover(s, s->o->plan_only);
    if (status == 0)
        status = stage(s, r);
    if (status)
        return status;
    if (!r->password)
        fprintf(stderr, "citrus: with new salts all sessions of %s end: everybody has to log in again\n",
                r->domain);
    struct options o = *s->o;
    o.n_sites = 1;
    o.sites[0] = r->domain;
    o.sites[1] = NULL;
    const struct options *outer = s->o;
    s->o = &o;
    const char *title = arena_printf(&s->arena, "Rotation of %s", r->name);
    status = session_run(s, &(struct run){.why = RUN_ROTATION, .title = title});
    s->o = outer;
    /* The machine is as it was: so is the store. */
    bool undone = !s->applied && (status == EXIT_UNDONE || status == EXIT_PARTLY || status == EXIT_STALE);
    if (undone && r->before && store_secret_revert(s->store, r->name, r->before, &err) < 0)
        session_fail(s, &err);
    return status;
}

int command_secret_rotate(const struct options *o, const char *name)
{
    struct session s;
    struct rotation r = {.name = name};
    int status = session_open(&s, o, o->plan_only ? SESSION_LOOK : SESSION_CHANGE);
    if (status)
        return session_close(&s, status);
    r.domain = domain_of(&s.arena, name, "db_password");
    r.password = r.domain != NULL;
    if (!r.domain)
        r.domain = domain_of(&s.arena, name, "salts");
    status = r.domain ? rotate(&s, &r) : refuse(&s, name);
    return session_close(&s, status);
}

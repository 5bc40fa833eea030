#include "session.h"
#include <stdio.h>
#include <string.h>

static void diags_json(struct session *s, struct buf *out)
{
    struct jsonw j;
    jw_init(&j, out, true);
    jw_object(&j, NULL);
    jw_bool(&j, "valid", s->diags.errors == 0);
    jw_array(&j, "diagnostics");
    for (size_t i = 0; i < s->diags.list.n; i++) {
        const struct diag *d = &s->diags.list.at[i];
        jw_object(&j, NULL);
        jw_str(&j, "level", d->level == DIAG_ERROR ? "error" : "warning");
        jw_str(&j, "file", d->pos.file);
        jw_int(&j, "line", d->pos.line);
        jw_int(&j, "column", d->pos.col);
        jw_str(&j, "text", d->text);
        if (d->hint)
            jw_str(&j, "hint", d->hint);
        jw_end(&j);
    }
    jw_end(&j);
    jw_end(&j);
}

/* Any value will do: what it is depends on the machine. The version is one that no package has. */
static int any_secret(void *self, const char *name, size_t chars, const struct secret **ret,
                      struct error *err)
{
    *ret = self;
    return 0;
}
#define ANY_PHP "0.0"

/* What the manifest would mean on some machine: values that no template can hold, policies for what there is
 * none of, names that meet. Where the templates are not at hand, that is said, and no fault of the manifest.
 */
static void check_meaning(struct session *s)
{
    struct error err = {0};
    struct secret *secret = secret_new("x", 1);
    struct catalog_input in = {.manifest = s->manifest,
                               .facts = &s->facts,
                               .share_dir = session_share(),
                               .share_from = session_share_from(),
                               .secret = any_secret,
                               .secret_self = secret,
                               .elsewhere = true,
                               .digests = true};
    s->facts.php = ANY_PHP;
    int r = session_machine.open(s->o->root, &s->host, &err);
    in.host = s->host;
    if (r == 0)
        r = catalog_build(&in, &s->catalog, &s->arena, &s->diags, &err);
    for (size_t i = 0; r == 0 && i < s->catalog.list.n; i++)
        if (s->catalog.list.at[i]->kind->check)
            s->catalog.list.at[i]->kind->check(s->catalog.list.at[i], &s->diags);
    if (r < 0)
        fprintf(stderr, "citrus: whether the templates can hold these values was not looked at: %s\n",
                err.text);
    secret_free(secret);
}

/* The manifest, and what it would mean: no store, nothing of the machine but its files. */
int command_validate(const struct options *o)
{
    struct session s = {.o = o, .lock = -1};
    struct error err = {0};
    diags_init(&s.diags, &s.arena);
    const char *path = o->n_args ? o->args[0] : session_path(&s, "/etc/citrus/server.yaml");
    int status = EXIT_DONE;
    int r = bundle_read(path, &s.bundle, &s.arena, &s.diags, &err);
    if (r < 0 && !o->json)
        return session_close(&s, session_fail(&s, &err));
    if (r < 0)
        diag_error(&s.diags, (struct pos){.file = path}, err.hint[0] ? err.hint : NULL, "%s", err.text);
    if (s.diags.errors == 0)
        s.manifest = manifest_parse(&s.bundle, &s.arena, &s.diags);
    if (s.manifest)
        check_meaning(&s);
    if (o->json) {
        struct buf b = {0};
        diags_json(&s, &b);
        out_flush(&b);
    } else {
        session_diags(&s);
    }
    status = s.manifest && s.diags.errors == 0 ? EXIT_DONE : EXIT_ERROR;
    if (status == EXIT_DONE && !o->json)
        printf("%s: fine: %s with %zu site%s.\n", path, s.manifest->server.name, s.manifest->sites.n,
               s.manifest->sites.n == 1 ? "" : "s");
    return session_close(&s, status);
}

#include "names.h"
#include "site.h"
#include "text.h"
#include <string.h>

static int secret_get(struct builder *b, const char *name, size_t chars, const struct secret **ret,
                      struct error *err)
{
    int r = b->in->secret(b->in->secret_self, name, chars, ret, err);
    return r < 0 ? error_prefix(err, "the secret \"%s\"", name) : 0;
}

/* What kind of constant a scalar is: in quotes it is text. With a zero in front it is octal, as in YAML 1.1
 * and in PHP: 0755. */
static const char *constant_type(const struct strmap_item *item)
{
    const char *s = item->value;
    int64_t v;
    if (item->quoted)
        return "text";
    if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
        return s;
    if (s[0] == '0' && s[1] && s[strspn(s, "01234567")] == '\0')
        return "octal";
    return int_parse(s, &v) == 0 ? "number" : "text";
}

/* Constants as the template needs them: a name, a value, and the value's type as a flag. */
static void constant_values(struct builder *b, const struct site *s, struct value *v, struct pos pos)
{
    const struct strmap *config = &s->m->wordpress.config;
    struct pos at = pos_field(record_site("wordpress"), &s->m->wordpress, "config", pos);
    struct value *list = value_list(&b->values);
    for (size_t i = 0; i < config->n; i++) {
        const struct strmap_item *item = &config->at[i];
        struct value *one = value_map(&b->values);
        value_set_at(one, "name", item->name, at);
        value_set_at(one, "value", item->value, at);
        value_set_flag(one, constant_type(item), true);
        value_push(list, one);
    }
    value_set_value(v, "constants", list);
}

/* WordPress's eight keys and salts, each derived from the one secret by its name. */
static void salt_values(struct builder *b, struct value *v, const char *secret, const struct secret *salts)
{
    static const char *const names[] = {"AUTH_KEY",  "SECURE_AUTH_KEY",  "LOGGED_IN_KEY",  "NONCE_KEY",
                                        "AUTH_SALT", "SECURE_AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT"};
    struct value *list = value_list(&b->values);
    struct hash_key key;
    hash_key_init(&key, secret_reveal(salts), secret_len(salts));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char hex[SHA256_HEX];
        struct value *one = value_map(&b->values);
        value_reserve(one, 2);
        hash_key_hex(&key, names[i], strlen(names[i]), hex);
        if (b->in->derived)
            b->in->derived(b->in->secret_self, secret, hex);
        value_set(one, "name", names[i]);
        value_set(one, "salt", hex);
        value_push(list, one);
    }
    hash_key_wipe(&key);
    value_set_value(v, "salts", list);
}

static int config_build(struct builder *b, struct site *s, const char *path, const char *password_name,
                        struct pos pos, struct resource **ret, struct error *err)
{
    const struct secret *password = NULL, *salts = NULL;
    const char *salts_name = name_secret(b->a, s->domain, "salts");
    struct value *v = s->values;
    struct bytes text;
    bool ok;
    int r = secret_get(b, password_name, SECRET_DB_PASSWORD, &password, err);
    if (r == 0)
        r = secret_get(b, salts_name, SECRET_SALTS, &salts, err);
    if (r < 0)
        return r;
    value_set(v, "database", s->account);
    value_set(v, "database_user", s->account);
    value_set(v, "database_password", secret_reveal(password));
    value_set(v, "table_prefix", s->m->wordpress.table_prefix);
    salt_values(b, v, salts_name, salts);
    constant_values(b, s, v, pos);
    r = render(b, "templates/wp-config.mustache", v, pos, &text, &ok, err);
    if (r < 0 || !ok)
        return r;
    *ret = catalog_add(b->c, &file_kind, path, s->domain, pos);
    struct file_spec *f = (*ret)->spec;
    file_content(b->a, f, text.at, text.len, true);
    f->mode = 0640;
    f->owner = "root";
    f->group = s->account;
    return 0;
}

/* wp-config.php says the value, the user its digest: both know when it is a new one. */
static int password_promise(struct builder *b, struct database_user_spec *u, struct error *err)
{
    const struct redaction *by = &b->in->redaction;
    const struct secret *password = NULL;
    char hex[SHA256_HEX];
    int r = secret_get(b, u->password, SECRET_DB_PASSWORD, &password, err);
    if (r < 0)
        return r;
    hash_keyed_hex(by->key, by->len, secret_reveal(password), secret_len(password), hex);
    u->password_digest = arena_strdup(b->a, hex);
    return 0;
}

static int database_build(struct builder *b, struct site *s, const char *password_name, struct pos pos,
                          struct resource **ret, struct error *err)
{
    struct resource *database = catalog_add(b->c, &database_kind, s->account, s->domain, pos);
    struct database_spec *d = database->spec;
    d->charset = "utf8mb4";
    d->collation = "utf8mb4_unicode_ci";
    resource_needs(b->c, database, b->mariadb);
    s->database_user =
        catalog_add(b->c, &database_user_kind, arena_join(b->a, s->account, "@localhost"), s->domain, pos);
    struct database_user_spec *u = s->database_user->spec;
    u->password = password_name;
    u->password_previous = "";
    if (b->in->rotating && b->in->rotating(b->in->secret_self, password_name)) {
        u->password_previous = arena_join(b->a, password_name, SECRET_PREVIOUS);
        u->settle = site_password_settle(&b->m->server, s->m);
    }
    u->database = s->account;
    u->privileges = "ALL PRIVILEGES";
    u->extra = "";
    resource_needs(b->c, s->database_user, database);
    resource_needs(b->c, s->database_user, b->mariadb);
    *ret = database;
    return password_promise(b, u, err);
}

/* A URL with {version} and {locale}. */
static char *source_url(struct arena *a, const char *pattern, const char *version, const char *locale)
{
    struct buf url = {0};
    for (const char *p = pattern; *p;) {
        if (starts_with(p, "{version}")) {
            buf_adds(&url, version);
            p += strlen("{version}");
        } else if (starts_with(p, "{locale}")) {
            buf_adds(&url, locale);
            p += strlen("{locale}");
        } else {
            buf_addc(&url, *p++);
        }
    }
    char *text = arena_strdup(a, buf_str(&url));
    buf_free(&url);
    return text;
}

/* wordpress.org keeps the translated releases one folder down; a source of the operator's own says itself
 * where the locale goes. One that does not would install English, whatever the manifest says. */
static const char *source_pattern(struct builder *b, const struct site *s)
{
    static const char translated[] =
        "https://downloads.wordpress.org/release/{locale}/wordpress-{version}.tar.gz";
    const struct manifest_sources *sources = &b->m->server.sources;
    const struct record *records[] = {&manifest_record, NULL, NULL};
    if (strcmp(s->m->wordpress.locale, "en_US") == 0 || strstr(sources->wordpress, "{locale}"))
        return sources->wordpress;
    records[1] = record_field(records[0], "server")->of;
    records[2] = record_field(records[1], "sources")->of;
    if (!origin_of(records[2], sources, "wordpress").file ||
        strcmp(sources->wordpress, record_field(records[2], "wordpress")->def) == 0)
        return translated;
    diag_error(b->d, s->pos, "put {locale} into server.sources.wordpress, or use the locale en_US",
               "%s wants WordPress in %s, and server.sources.wordpress has no {locale}: it gives English",
               s->domain, s->m->wordpress.locale);
    return sources->wordpress;
}

static void wordpress_fill(struct builder *b, const struct site *s, const char *config,
                           const char *admin_password)
{
    const struct site_wordpress *w = &s->m->wordpress;
    const struct manifest_sources *sources = &b->m->server.sources;
    struct wordpress_spec *spec = s->wordpress->spec;
    spec->path = path_site(b->a, s->domain, "public");
    spec->version = w->version;
    spec->core = "intact";
    spec->installed = 1;
    spec->owner = s->account;
    spec->config = config;
    spec->database = s->account;
    spec->table_prefix = w->table_prefix;
    spec->url = arena_join(b->a, site_has_tls(s->m) ? "https://" : "http://", s->domain);
    spec->title = w->title;
    spec->locale = w->locale;
    spec->admin_user = w->admin.user;
    spec->admin_email = w->admin.email;
    spec->admin_password = admin_password;
    spec->php = arena_join(b->a, "/usr/bin/php", s->php->version);
    spec->source = source_url(b->a, source_pattern(b, s), w->version, w->locale);
    spec->source_sha256 = strmap_get(&sources->wordpress_sha256, w->version);
    spec->cli_source = sources->wp_cli.url;
    spec->cli_sha256 = sources->wp_cli.sha256;
}

int site_wordpress(struct builder *b, struct site *s, struct error *err)
{
    const struct site_wordpress *w = &s->m->wordpress;
    struct pos pos = pos_field(record_site(NULL), s->m, "wordpress", s->pos);
    const char *db_password = name_secret(b->a, s->domain, "db_password");
    const char *admin =
        w->admin.password ? w->admin.password : name_secret(b->a, s->domain, "admin_password");
    const char *path = path_site(b->a, s->domain, "wp-config.php");
    const struct secret *unused = NULL;
    struct resource *config = NULL, *database = NULL;
    if (!w->version)
        return 0; /* the manifest asks for it */
    int r = secret_get(b, admin, SECRET_ADMIN_PASSWORD, &unused, err);
    if (r == 0)
        r = database_build(b, s, db_password, pos, &database, err);
    if (r == 0)
        r = config_build(b, s, path, db_password, pos, &config, err);
    if (r < 0 || !config)
        return r;
    resource_needs(b->c, config, s->public);
    resource_needs(b->c, config, s->account_res);
    /* A password is accepted before it is written where PHP reads it. */
    resource_needs(b->c, config, s->database_user);
    s->wordpress = catalog_add(b->c, &wordpress_kind, s->domain, s->domain,
                               pos_field(record_site("wordpress"), w, "version", pos));
    wordpress_fill(b, s, path, admin);
    add_counterpart(b, s->wordpress, "version", NULL, false, s->m, "wordpress", "version", w);
    for (size_t i = 0; i < s->php->packages.n; i++)
        resource_needs(b->c, s->wordpress, s->php->packages.at[i]);
    struct resource *needs[] = {s->account_res, s->public,        s->tmp,    config,
                                database,       s->database_user, b->mariadb};
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        resource_needs(b->c, s->wordpress, needs[i]);
    return 0;
}

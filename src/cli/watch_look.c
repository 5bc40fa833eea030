#include "watch_look.h"
#include "apart.h"
#include <string.h>

static const char *fields_of(const struct change *c, struct arena *a)
{
    const char *text = c->op == OP_REMOVE ? "it is there" : "";
    for (size_t i = 0; c->op == OP_UPDATE && i < c->delta.n; i++) {
        const struct field *f = c->delta.at[i].field;
        text = arena_printf(a, "%s%s%s", text, *text ? ", " : "", field_is_digest(f) ? "content" : f->name);
        if (f->type == FIELD_BOOL && c->delta.at[i].before)
            text = arena_printf(a, "%s is %s", text, c->delta.at[i].before);
    }
    return text;
}

static void say_difference(FILE *out, const struct change *c, enum drift_policy policy, struct arena *a)
{
    apart_say(out, "d");
    apart_say(out, c->res->kind->name);
    apart_say(out, c->res->id);
    apart_say(out, c->res->site);
    apart_say(out, op_names[c->op]);
    apart_say(out, drift_policy_names[policy]);
    apart_say(out, fields_of(c, a));
}

/* By slot of the catalog: what is wanted of it is what was promised, and one policy is for all of it, so that
 * a look at it alone says what a whole one would. */
static bool *alone(const struct session *s, struct arena *a)
{
    bool *is = arena_array(a, bool, s->catalog.list.n + 1);
    for (size_t i = 0; i < s->plan->kept.n; i++) {
        const struct kept *k = &s->plan->kept.at[i];
        const struct resource *r = k->res;
        is[r->slot] = k->row && !r->absent && !r->field_drift && r->drift != DRIFT_IGNORE &&
                      hash_equal(k->row->wanted, record_fingerprint(r->kind->record, r->spec));
    }
    return is;
}

static void say_watched(FILE *out, const struct session *s)
{
    struct arena of_all = {0}, a = {0};
    const bool *is_alone = alone(s, &of_all);
    for (size_t i = 0; i < s->catalog.list.n; i++) {
        const struct resource *r = s->catalog.list.at[i];
        struct watch_list list = {0};
        bool all;
        const char *place = r->kind->place ? r->kind->place(r, &all) : NULL;
        if (r->kind->watch)
            r->kind->watch(r, &a, &list);
        else if (place)
            vec_push(&a, &list.paths, place);
        if (is_alone[r->slot]) {
            apart_say(out, "r");
            apart_say(out, r->kind->name);
            apart_say(out, r->id);
            apart_say(out, r->site);
            apart_say(out, drift_policy_names[r->drift]);
        } else {
            apart_say(out, "x");
        }
        for (size_t k = 0; k < list.paths.n; k++) {
            apart_say(out, "p");
            apart_say(out, list.paths.at[k]);
        }
        for (size_t k = 0; k < list.units.n; k++) {
            apart_say(out, "u");
            apart_say(out, list.units.at[k]);
        }
        arena_free(&a);
    }
    arena_free(&of_all);
}

static void say_plan(FILE *out, struct session *s, int64_t generation)
{
    const struct plan *p = s->plan;
    size_t to_mend = 0;
    for (size_t i = 0; i < p->actions.n; i++)
        to_mend += p->actions.at[i].change.op != OP_REFRESH;
    apart_say(out, "n");
    apart_say(out, arena_printf(&s->arena, "%lld", (long long)generation));
    apart_say(out, arena_printf(&s->arena, "%zu", to_mend));
    say_watched(out, s);
    for (size_t i = 0; i < p->actions.n; i++)
        if (p->actions.at[i].change.op != OP_REFRESH)
            say_difference(out, &p->actions.at[i].change, DRIFT_ENFORCE, &s->arena);
    for (size_t i = 0; i < p->left.n; i++)
        say_difference(out, &p->left.at[i].change, p->left.at[i].policy, &s->arena);
    apart_say(out, ".");
}

int look_whole(void *look, FILE *out)
{
    const struct look *l = look;
    struct session s;
    struct options o = *l->o;
    struct store_generation g = {0};
    struct error err = {0};
    struct buf nothing = {0};
    o.plan_only = true;
    o.mend = false;
    int status = session_open(&s, &o, SESSION_GLANCE);
    const char *dir = status ? NULL : session_path(&s, STATE_DIR);
    if (status == 0 && drift_generation(&s, &g, &err) < 0)
        status = session_fail(&s, &err);
    if (status == 0 && store_locked(dir))
        return session_close(&s, EXIT_LOCKED);
    s.corrective_only = true;
    if (status == 0) {
        glance_watching(&s, l->anew || g.number != l->generation);
        status = session_texts(&s, g.bundle);
    }
    if (status == 0 && !s.glanced)
        status = session_plan(&s);
    if (status == 0 && store_locked(dir))
        return session_close(&s, EXIT_LOCKED);
    if (status)
        return session_close(&s, status);
    if (s.glanced) {
        apart_say(out, "g");
        apart_say(out, ".");
        return session_close(&s, EXIT_DONE);
    }
    say_plan(out, &s, g.number);
    glance_keep(&s, &nothing);
    return session_close(&s, EXIT_DONE);
}

static size_t promises(const struct look *l, struct arena *a, struct promise **ret)
{
    struct promise *list = arena_array(a, struct promise, l->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i].hit)
            list[n++] = (struct promise){.kind = l->at[i].kind, .id = l->at[i].id};
    *ret = list;
    return n;
}

static void say_promises(FILE *out, const struct look *l, const struct promise *list, struct arena *a)
{
    for (size_t i = 0, k = 0; i < l->n; i++) {
        if (!l->at[i].hit)
            continue;
        const struct change *c = &list[k++].change;
        if (c->res && c->op == OP_NONE) {
            apart_say(out, "s");
            apart_say(out, l->at[i].kind);
            apart_say(out, l->at[i].id);
        } else if (c->res) {
            say_difference(out, c, l->at[i].policy, a);
        }
    }
    apart_say(out, ".");
}

int look_near(void *look, FILE *out)
{
    const struct look *l = look;
    struct session s;
    struct options o = *l->o;
    struct store_generation g = {0};
    struct promise *list;
    o.plan_only = true;
    o.mend = false;
    int status = session_open(&s, &o, SESSION_GLANCE);
    if (status)
        return session_close(&s, status);
    const char *dir = session_path(&s, STATE_DIR);
    size_t n = promises(l, &s.arena, &list);
    /* What goes wrong here is said by the whole look that follows. */
    if (store_locked(dir) || drift_generation(&s, &g, NULL) < 0 || g.number != l->generation ||
        engine_promised(&s.engine, list, n, NULL) < 0 || store_locked(dir))
        return session_close(&s, EXIT_LOCKED);
    say_promises(out, l, list, &s.arena);
    return session_close(&s, EXIT_DONE);
}

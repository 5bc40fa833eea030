/* Whether what an action changes lies on a disk that can be written to. */
#include "fs.h"
#include "internal.h"
#include <errno.h>

int disk_check(struct engine *e, const struct action *act, struct error *err)
{
    struct arena a = {0};
    struct watch_list list = {0};
    const struct resource *res = act->change.res;
    bool all;
    const char *place = res->kind->place ? res->kind->place(res, &all) : NULL;
    int r = 0;
    if (res->kind->watch)
        res->kind->watch(res, &a, &list);
    if (place)
        vec_push(&a, &list.paths, place);
    for (size_t i = 0; i < list.paths.n && r == 0; i++) {
        struct fs_room room;
        if (fs_room(e->host, list.paths.at[i], &room, NULL) == 0 && room.read_only)
            r = error_errno(err, -EROFS, "%s cannot be changed", list.paths.at[i]);
    }
    arena_free(&a);
    return r;
}

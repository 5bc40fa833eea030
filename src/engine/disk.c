/* Whether what an action changes lies on a disk that can be written to. */
#include "fs.h"
#include "internal.h"
#include <errno.h>
#include <string.h>

/* What is not there yet is made in its directory, and neighbours are made in the same. */
static int room_made_in(struct engine *e, const char *path, struct disk_look *look, struct fs_room *ret)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash && slash != path ? (size_t)(slash - path) : 1;
    if (!slash || len >= sizeof look->directory)
        return fs_room(e->host, path, ret, NULL);
    if (look->len == len && memcmp(look->directory, path, len) == 0) {
        *ret = look->room;
        return 0;
    }
    memcpy(look->directory, path, len);
    look->directory[len] = '\0';
    int r = fs_room(e->host, look->directory, ret, NULL);
    look->room = *ret;
    look->len = r == 0 ? len : 0;
    return r;
}

int disk_check(struct engine *e, const struct action *act, struct disk_look *look, struct error *err)
{
    struct arena a = {0};
    struct watch_list list = {0};
    const struct resource *res = act->change.res;
    bool all, made = act->change.op == OP_CREATE;
    const char *place = res->kind->place ? res->kind->place(res, &all) : NULL;
    int r = 0;
    if (res->kind->watch)
        res->kind->watch(res, &a, &list);
    if (place)
        vec_push(&a, &list.paths, place);
    for (size_t i = 0; i < list.paths.n && r == 0; i++) {
        struct fs_room room = {0};
        const char *path = list.paths.at[i];
        int asked = made ? room_made_in(e, path, look, &room) : fs_room(e->host, path, &room, NULL);
        if (asked == 0 && room.read_only)
            r = error_errno(err, -EROFS, "%s cannot be changed", path);
    }
    arena_free(&a);
    return r;
}

/* Whether what an action changes lies on a disk that can be written to. */
#include "fs.h"
#include "internal.h"
#include <errno.h>
#include <string.h>

/* What is not there yet is made in its directory, and neighbours are made in the same: in one of a site's
 * own, and in a few where each site has a file. */
static int room_made_in(struct engine *e, const char *path, struct disk_look *look, struct fs_room *ret)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash && slash != path ? (size_t)(slash - path) : 1;
    if (!slash || len >= sizeof directory)
        return fs_room(e->host, path, ret, NULL);
    struct hash128 asked = hash_bytes(path, len);
    size_t last = 0;
    look->looks++;
    for (size_t i = 0; i < DISK_LOOKS; i++) {
        if (look->at[i].used && hash_equal(look->at[i].directory, asked)) {
            look->at[i].used = look->looks;
            *ret = look->at[i].room;
            return 0;
        }
        if (look->at[i].used < look->at[last].used)
            last = i;
    }
    memcpy(directory, path, len);
    directory[len] = '\0';
    int r = fs_room(e->host, directory, ret, NULL);
    look->at[last].directory = asked;
    look->at[last].room = *ret;
    look->at[last].used = r == 0 ? look->looks : 0;
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

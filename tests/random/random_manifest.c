/* random_manifest SEED STEPS DIR: that many manifests of a sequence, for a server of the test lab, as
 * DIR/1.yaml and on; and DIR/names, all names that a certificate has to cover, a line each. */
#include "buf.h"
#include "generator.h"
#include <stdio.h>
#include <stdlib.h>

static void save(const char *dir, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct arena a = {0};
    struct buf names = {0};
    if (argc != 4) {
        fprintf(stderr, "usage: random_manifest SEED STEPS DIR\n");
        return 2;
    }
    struct generator *g = generator_new(strtoull(argv[1], NULL, 10), PROFILE_SERVER, &a);
    for (int step = 1; step <= atoi(argv[2]); step++) {
        char name[32];
        struct bundle b;
        generator_next(g, &b);
        snprintf(name, sizeof name, "%d.yaml", step);
        save(argv[3], name, b.at[0].text);
    }
    for (const char *const *n = generator_domains; *n; n++)
        buf_addf(&names, "%s\n", *n);
    for (const char *const *n = generator_aliases; *n; n++)
        buf_addf(&names, "%s\n", *n);
    save(argv[3], "names", buf_str(&names));
    buf_free(&names);
    arena_free(&a);
    return 0;
}

/* The tree of a packaged server that does not run, and what it holds, a line a thing. */
#ifndef CITRUS_TEST_TREE_H
#define CITRUS_TEST_TREE_H
#include "arena.h"
#include <stdbool.h>

/* Fills an empty directory: with accounts alone (`bare`), or also with what the packages of nginx (this
 * version), PHP and MariaDB bring. Both have the certificates of generator.h. */
void tree_make(const char *root, bool bare, const char *nginx);

/* Names of files that people put into the tree begin so. */
#define TREE_PEOPLE "people-"

/* Path, type, mode, owner, link or content of all below it, sorted. Not citrus's own state, nor what the
 * account tools keep beside the files that they rewrite (passwd-, .pwd.lock); accounts are sorted, since a
 * line that went and came is at the end.
 *
 * `exact` is for what was undone: numbers of accounts, and the times of files. Times of directories are
 * anybody's, those of units' links systemctl's, and those of accounts' files the account tools'. Without
 * `exact`, for what was made again: owners by name, a self-signed certificate as the names that it has, and
 * without the files of people, of which later ones stay. */
char *tree_state(const char *root, bool exact, struct arena *a);
/* The lines that are in one alone, as "- LINE" and "+ LINE"; "" where there is none. `loosely`: empty
 * directories that nothing but a missing parent of a file explains may be more in `now` (a bare tree,
 * parents.h). */
char *tree_diff(const char *before, const char *now, bool loosely, struct arena *a);

#endif

/* Standard output, which may be on a full disk, closed, or a pipe that nobody reads any more. stdio only
 * knows that something was not written, and the reason is gone with the next call; so it is written here, and
 * kept.
 *
 *     output_open();
 *     ...                                    -- stdout, as ever
 *     status = output_close(status, changes)
 *
 * output_close() says what is wrong, if anything is. A reader that has gone had what it wanted, and is none
 * of that. `changes`: the status says what became of the machine and stays; else 0 and 2 become EXIT_ERROR,
 * since to show something was all there was to do. */
#ifndef CITRUS_OUTPUT_H
#define CITRUS_OUTPUT_H
#include <stdbool.h>

void output_open(void);
int output_close(int status, bool changes);

#endif

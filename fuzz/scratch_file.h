/* SPDX-License-Identifier: MIT
 *
 * A file that a target hands its input on in, where the code under test reads files. It is in a
 * directory of the process's own, in memory where /dev/shm is, which goes when the process ends.
 */
#ifndef FUZZ_SCRATCH_FILE_H
#define FUZZ_SCRATCH_FILE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static char scratch[64];

static void scratch_remove(void)
{
    CLEANUP(freep) char *command = NULL;

    if (asprintf(&command, "rm -rf %s", scratch) < 0 || system(command) != 0)
        perror(scratch);
}

/* Return the directory. */
static const char *scratch_directory(void)
{
    if (*scratch)
        return scratch;
    strcpy(scratch, access("/dev/shm", W_OK) ? "/tmp/fuzz-XXXXXX" : "/dev/shm/fuzz-XXXXXX");
    if (!mkdtemp(scratch) || atexit(scratch_remove))
        abort();
    return scratch;
}

/* Write a file in it: bytes, and a text behind them. */
static void scratch_write(const char *name, const void *head, size_t head_size, const char *tail)
{
    CLEANUP(freep) char *path = NULL;
    CLEANUP(closep) int fd = -1;

    if (asprintf(&path, "%s/%s", scratch_directory(), name) < 0)
        abort();
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, head, head_size) != (ssize_t)head_size ||
        write(fd, tail, strlen(tail)) != (ssize_t)strlen(tail))
        abort();
}

#endif

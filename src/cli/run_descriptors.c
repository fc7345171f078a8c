/* SPDX-License-Identifier: MIT */
#include "cli/run_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

void descriptors_note(struct descriptors *descriptors)
{
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        descriptors->is_inherited[fd] = fcntl(fd, F_GETFD) >= 0;
}

void descriptors_protect(const struct descriptors *descriptors)
{
    for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS_MAX; fd++) {
        if (!descriptors->is_inherited[fd])
            (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* most are not open: EBADF */
    }
}

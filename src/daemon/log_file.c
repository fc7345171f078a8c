/* SPDX-License-Identifier: MIT */
#include "daemon/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"

tel_error log_file_open(const char *path, enum file_access access, tel_fault *fault)
{
    CLEANUP(closep) int fd = -1;
    tel_error error = file_open(&fd, path, O_WRONLY | O_APPEND | O_CREAT, access, NULL, fault);

    if (error)
        return error;
    if (dup2(fd, STDERR_FILENO) < 0)
        return fault_errno(fault, TEL_E_IO, "cannot log to %s", path);
    return TEL_OK;
}

/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "http/listener.h"

static int make_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A full queue of connections (EAGAIN) is somebody's, too. */
static bool is_in_use(const struct sockaddr_un *address)
{
    CLEANUP(closep) int fd = make_socket();

    return fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
           errno == EAGAIN;
}

/* What a service that was killed left behind must not keep the next one from its place. */
static tel_error clear_place(const struct sockaddr_un *address, tel_fault *fault)
{
    const char *path = address->sun_path;
    struct stat status;

    if (lstat(path, &status))
        return TEL_OK; /* what is wrong, if not that nothing is there, bind() will say */
    if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid())
        return fault_set(fault, TEL_E_EXISTS,
                         "cannot listen on %s: something else is there; remove it, or set "
                         "TELEMETRY_API_SOCKET to another path",
                         path);
    if (is_in_use(address))
        return fault_set(fault, TEL_E_BUSY,
                         "%s is in use by another process: stop it, or set TELEMETRY_API_SOCKET to "
                         "another path",
                         path);
    (void)unlink(path);
    return TEL_OK;
}

/* Nobody can connect before listen(), so the right mode is there in time. */
static bool listen_at(int fd, const struct sockaddr_un *address, enum file_access access)
{
    return bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
           chmod(address->sun_path, access == FILE_GROUP_TOO ? 0660 : 0600) == 0 &&
           listen(fd, SOMAXCONN) == 0;
}

tel_error listener_open_unix(struct listener *listener, const char *path, enum file_access access,
                             tel_fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CLEANUP(closep) int fd = make_socket();
    struct stat status;
    tel_error error;

    if (strlen(path) >= sizeof address.sun_path)
        return fault_set(fault, TEL_E_INVALID,
                         "cannot listen on %.150s: the path of a socket must be shorter than %zu "
                         "bytes",
                         path, sizeof address.sun_path);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0)
        return fault_errno(fault, TEL_E_IO, "cannot make a socket for %s", path);
    error = clear_place(&address, fault);
    if (error)
        return error;
    if (!listen_at(fd, &address, access) || lstat(path, &status))
        return fault_errno(fault, TEL_E_IO, "cannot listen on %s", path);
    *listener = (struct listener){.fd = fd, .inode = status.st_ino, .is_local = true};
    memcpy(listener->path, address.sun_path, sizeof address.sun_path);
    fd = -1;
    return TEL_OK;
}

tel_error listener_adopt(struct listener *listener, int fd, tel_fault *fault)
{
    int type = 0;
    int listens = 0;
    socklen_t size = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) || !listens)
        return fault_set(fault, TEL_E_INVALID,
                         "descriptor %d was handed over to be listened on, but is no stream socket "
                         "that listens: check the socket unit (ListenStream=, Accept=no)",
                         fd);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    *listener = (struct listener){.fd = fd, .is_borrowed = true};
    return listener_describe(listener, fault);
}

/* SPDX-License-Identifier: MIT */
#include "cli/run_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

static bool has_terminal(void)
{
    CLEANUP(closep) int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    return fd >= 0;
}

/* What the new process does until it is the command. Only async-signal-safe calls: a library may
 * have had a thread at the fork. */
__attribute__((noreturn)) static void become(char *const *command, char *const *environment,
                                             const struct capture *capture,
                                             const struct run_signals *signals, bool own_group,
                                             int go, int failure)
{
    char byte;
    int cause;

    if (own_group)
        (void)setpgid(0, 0);
    while (read(go, &byte, 1) < 0 && errno == EINTR)
        ;
    if (capture_connect(capture) == 0) {
        run_signals_restore(signals);
        (void)execvpe(*command, command, environment);
    }
    cause = errno;
    while (write(failure, &cause, sizeof cause) < 0 && errno == EINTR)
        ;
    _exit(127);
}

static void close_pair(const int ends[2])
{
    (void)close(ends[0]);
    (void)close(ends[1]);
}

tel_error child_start(struct child *child, char *const *command, char *const *environment,
                      const struct capture *capture, const struct run_signals *signals,
                      tel_fault *fault)
{
    int go[2];
    int failure[2];

    *child = (struct child){.own_group = !has_terminal(), .go = -1, .failure = -1};
    if (pipe2(go, O_CLOEXEC))
        return fault_errno(fault, TEL_E_IO, "cannot make a pipe");
    if (pipe2(failure, O_CLOEXEC)) {
        close_pair(go);
        return fault_errno(fault, TEL_E_IO, "cannot make a pipe");
    }
    child->pid = fork();
    if (child->pid == 0) {
        (void)close(go[1]); /* else it would wait for itself */
        become(command, environment, capture, signals, child->own_group, go[0], failure[1]);
    }
    (void)close(go[0]);
    (void)close(failure[1]);
    child->go = go[1];
    child->failure = failure[0];
    if (child->pid < 0) {
        (void)close(child->go);
        (void)close(child->failure);
        return fault_errno(fault, TEL_E_IO, "cannot make a process");
    }
    if (child->own_group)
        (void)setpgid(child->pid, child->pid); /* the child does so too: whoever is first */
    return TEL_OK;
}

void child_release(struct child *child)
{
    (void)close(child->go);
    child->go = -1;
}

/* Is there a file of this name in a directory of PATH? */
static bool is_on_path(const char *name)
{
    const char *path = getenv("PATH");

    while (path && *path) {
        size_t length = strcspn(path, ":");
        CLEANUP(freep) char *directory = strndup(path, length);
        CLEANUP(freep) char *file = directory ? path_join(length ? directory : ".", name) : NULL;

        if (file && access(file, F_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

int child_exec_error(struct child *child, const char *name)
{
    int cause = 0;
    ssize_t count;

    do {
        count = read(child->failure, &cause, sizeof cause);
    } while (count < 0 && errno == EINTR);
    (void)close(child->failure);
    child->failure = -1;
    if (count != (ssize_t)sizeof cause)
        return 0;
    /* A directory of PATH that may not be searched says nothing of the command. */
    return cause == EACCES && !strchr(name, '/') && !is_on_path(name) ? ENOENT : cause;
}

void child_signal(const struct child *child, int signal_number)
{
    if (!child->has_ended)
        (void)kill(child->own_group ? -child->pid : child->pid, signal_number);
}

int child_check(struct child *child)
{
    int stopped_by = 0;
    int status;
    struct rusage usage;

    while (!child->has_ended &&
           wait4(child->pid, &status, WNOHANG | WUNTRACED | WCONTINUED, &usage) == child->pid) {
        if (WIFSTOPPED(status)) {
            stopped_by = WSTOPSIG(status);
            child->is_stopped = true;
        } else if (WIFCONTINUED(status)) {
            stopped_by = 0;
            child->is_stopped = false;
        } else {
            child->has_ended = true;
            child->wait_status = status;
            child->usage = usage;
            stopped_by = 0;
        }
    }
    return stopped_by;
}

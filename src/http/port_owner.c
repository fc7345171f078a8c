/* SPDX-License-Identifier: MIT
 *
 * The kernel's table of sockets gives the inode of the one that listens; the process that has it
 * open shows it as a link "socket:[inode]" among its descriptors.
 */
#include "http/port_owner.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define STATE_LISTEN 0x0a

static void closedirp(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory);
}

static void fclosep(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

bool port_owner_read_line(uint64_t *inode, const char *line, uint16_t port)
{
    unsigned local_port;
    unsigned state;

    return sscanf(line,
                  " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*[0-9A-F]:%*[0-9A-F] "
                  "%*[0-9A-F]:%*[0-9A-F] %*[0-9A-F] %*u %*u %" SCNu64,
                  &local_port, &state, inode) == 3 &&
           local_port == port && state == STATE_LISTEN;
}

static bool find_inode(uint64_t *inode, const char *table, uint16_t port)
{
    CLEANUP(fclosep) FILE *file = fopen(table, "re");
    char line[512];

    while (file && fgets(line, sizeof line, file)) {
        if (port_owner_read_line(inode, line, port))
            return true;
    }
    return false;
}

static bool has_open(const char *pid, const char *wanted)
{
    char path[300];
    CLEANUP(closedirp) DIR *directory = NULL;
    struct dirent *entry;

    (void)snprintf(path, sizeof path, "/proc/%s/fd", pid);
    directory = opendir(path);
    while (directory && (entry = readdir(directory))) {
        char link[64];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);

        if (length < 0)
            continue;
        link[length] = '\0';
        if (strcmp(link, wanted) == 0)
            return true;
    }
    return false;
}

static void read_program(struct port_owner *owner, const char *pid)
{
    char path[300];
    CLEANUP(fclosep) FILE *file = NULL;

    (void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
    file = fopen(path, "re");
    if (!file || !fgets(owner->program, sizeof owner->program, file))
        (void)snprintf(owner->program, sizeof owner->program, "unknown program");
    owner->program[strcspn(owner->program, "\n")] = '\0';
}

bool port_owner_find(struct port_owner *owner, uint16_t port)
{
    CLEANUP(closedirp) DIR *directory = opendir("/proc");
    struct dirent *entry;
    char wanted[64];
    uint64_t inode;

    if (!directory ||
        (!find_inode(&inode, "/proc/net/tcp", port) && !find_inode(&inode, "/proc/net/tcp6", port)))
        return false;
    (void)snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
    while ((entry = readdir(directory))) {
        if (*entry->d_name < '1' || *entry->d_name > '9' || !has_open(entry->d_name, wanted))
            continue;
        owner->pid = (pid_t)strtol(entry->d_name, NULL, 10);
        read_program(owner, entry->d_name);
        return true;
    }
    return false;
}

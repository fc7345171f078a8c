/* SPDX-License-Identifier: MIT */
#include "support/real_service.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/scratch.h"

#define LISTENING "telemetryd: listening on "

struct real_service {
    pid_t pid;
    FILE *log;
    char url[100];
};

static void die(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

/* The program lies in bin/ beside the directory of the tests. */
static void find_program(char out[PATH_MAX])
{
    char self[PATH_MAX] = "";
    char *slash;

    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        die("/proc/self/exe");
    for (int i = 0; i < 2; i++) {
        slash = strrchr(self, '/');
        *slash = '\0';
    }
    if (snprintf(out, PATH_MAX, "%s/bin/telemetryd", self) >= PATH_MAX)
        die("the path of telemetryd is too long");
}

static void become_service(const char *scratch, const char *at, int log)
{
    CLEANUP(freep) char *database = scratch_path(scratch, "base/db/telemetry.sqlite");
    CLEANUP(freep) char *base = scratch_path(scratch, "service");
    char program[PATH_MAX];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
    (void)setenv("TELEMETRY_BASE_DIR", base, 1);
    (void)setenv("TELEMETRY_DB_PATH", database, 1);
    (void)setenv("TELEMETRY_API_PORT", at ? strrchr(at, ':') + 1 : "0", 1);
    (void)dup2(log, STDERR_FILENO);
    find_program(program);
    (void)execl(program, program, (char *)NULL);
    _exit(127);
}

static void wait_until_it_listens(struct real_service *service)
{
    char line[1000];

    while (fgets(line, sizeof line, service->log)) {
        if (strncmp(line, LISTENING, strlen(LISTENING)) == 0) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(service->url, sizeof service->url, "%.99s", line + strlen(LISTENING));
            return;
        }
        (void)fputs(line, stderr);
    }
    die("telemetryd did not start");
}

struct real_service *real_service_start(const char *scratch, const char *at)
{
    struct real_service *service = calloc(1, sizeof *service);
    int ends[2];

    if (!service || pipe2(ends, O_CLOEXEC))
        die("pipe2");
    service->pid = fork();
    if (service->pid == 0)
        become_service(scratch, at, ends[1]);
    (void)close(ends[1]);
    service->log = fdopen(ends[0], "r");
    if (service->pid < 0 || !service->log)
        die("fork");
    wait_until_it_listens(service);
    return service;
}

void real_service_kill(struct real_service *service)
{
    if (!service)
        return;
    (void)kill(service->pid, SIGKILL);
    (void)waitpid(service->pid, NULL, 0);
    (void)fclose(service->log);
    free(service);
}

void real_service_signal(const struct real_service *service, int signal_number)
{
    (void)kill(service->pid, signal_number);
}

const char *real_service_url(const struct real_service *service)
{
    return service->url;
}

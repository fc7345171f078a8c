/* SPDX-License-Identifier: MIT
 *
 * telemetry: finds the command and hands it its part of the command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/screen.h"

static const struct command commands[] = {
    {"run", NULL, cmd_run, "run any program and record it"},
    {"list", "ls", cmd_list, "list runs, newest first"},
    {"show", NULL, cmd_show, "show one run"},
    {"sync", NULL, cmd_sync, "deliver what waits in buffers"},
    {"verify", NULL, cmd_verify, "compare audit trail, buffer and database"},
    {"rebuild", NULL, cmd_rebuild, "make the database from the audit trail"},
    {"schema", NULL, cmd_schema, "print the fields of a run"},
};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0 ||
            (commands[i].alias && strcmp(commands[i].alias, name) == 0))
            return &commands[i];
    }
    return NULL;
}

static void print_help(FILE *out)
{
    (void)fprintf(out, "Usage: telemetry COMMAND [OPTION...]\n"
                       "Record what agents and other programs do, and look at it.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *alias = commands[i].alias;

        (void)fprintf(out, "  %s%s%-*s %s\n", commands[i].name, alias ? ", " : "",
                      (int)(14 - strlen(commands[i].name) - (alias ? 2 : 0)), alias ? alias : "",
                      commands[i].help);
    }
    (void)fprintf(out, "\n  telemetry run -- make test     record a command\n"
                       "  telemetry list                 see it\n"
                       "  telemetry COMMAND --help       options of a command\n"
                       "  telemetry --version            the version\n");
}

/*
 * A descriptor that the caller closed would be the next that is opened, a database perhaps, and get
 * what is meant for the screen. Fill 0, 1 and 2 with what fails as the closed one would, and is
 * closed again in any program that is started.
 */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    }
}

static int run_command(const struct command *command, int argc, char **argv)
{
    char name[64];

    (void)snprintf(name, sizeof name, "telemetry %s", command->name);
    argv[0] = name;
    return command->run(argc, argv);
}

/* "telemetry help COMMAND" is "telemetry COMMAND --help". */
static int run_help(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find(argv[1]) : NULL;
    char help[] = "--help";
    char *arguments[] = {NULL, help, NULL};

    if (command)
        return run_command(command, 2, arguments);
    if (argc > 1) {
        complain("there is no command %s; see telemetry --help", argv[1]);
        return STATUS_USAGE;
    }
    print_help(stdout);
    return screen_finish();
}

int main(int argc, char **argv)
{
    const struct command *command;
    const char *name = argc > 1 ? argv[1] : NULL;

    fill_standard_descriptors();
    (void)setlocale(LC_CTYPE, "");
    (void)setlocale(LC_TIME, "");
    if (!name) {
        print_help(stderr);
        return STATUS_USAGE;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return run_help(argc - 1, argv + 1);
    if (strcmp(name, "--version") == 0) {
        (void)printf("telemetry %s\n", tel_version());
        return screen_finish();
    }
    command = find(name);
    if (!command) {
        complain("there is no command %s; see telemetry --help", name);
        return STATUS_USAGE;
    }
    return run_command(command, argc - 1, argv + 1);
}

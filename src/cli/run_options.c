/* SPDX-License-Identifier: MIT */
#include "cli/run_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"

#define TAIL_BYTES_DEFAULT ((size_t)16 * 1024)
#define TAIL_BYTES_MAX (INT64_C(16) * 1024 * 1024)

enum {
    OPTION_TRIGGER = 0x100,
    OPTION_PARENT,
    OPTION_CAPTURE,
    OPTION_TAIL,
    OPTION_NO_ARGV,
    OPTION_OK_STATUS,
};

static const struct argp_option flags[] = {
    {0, 0, 0, 0, "What is recorded:", 10},
    {"agent", 'a', "NAME", 0, "Which agent this is (the program's name)", 10},
    {"job-type", 'j', "TYPE", 0, "What kind of work it is (command)", 10},
    {"trigger", OPTION_TRIGGER, "TRIGGER", 0, "cli, web, scheduler, mcp, manual or another (cli)",
     10},
    {"set", 't', "NAME=VALUE", 0, "Set a field of the run, or metrics.NAME, or context.NAME", 10},
    {"parent", OPTION_PARENT, "RUN_ID", 0, "The run that this belongs to (TELEMETRY_RUN_ID)", 10},
    {"no-argv", OPTION_NO_ARGV, 0, 0, "Record the program's name, not its arguments", 10},
    {"ok-status", OPTION_OK_STATUS, "N,...", 0, "Exit statuses that are a success (0)", 10},
    {0, 0, 0, 0, "Output:", 15},
    {"capture", OPTION_CAPTURE, "HOW", 0,
     "auto: what goes to no terminal passes a pipe, so that its last lines can be kept; none; pipe",
     15},
    {"tail", OPTION_TAIL, "SIZE", 0, "How much of the output's end is kept (16k)", 15},
    {0},
};

/* ---- --set ----------------------------------------------------------------------------------- */

static void set_field(struct run_options *options, const char *name, const char *value,
                      struct argp_state *state)
{
    tel_fault fault = {0};

    if (run_given_set(&options->given, name, value, &fault))
        argp_error(state, "%s", fault.text);
}

/* A variable of a script that is not set must not keep its command from running. */
static void set_unless_empty(struct run_options *options, const char *name, const char *value,
                             struct argp_state *state)
{
    if (*value)
        set_field(options, name, value, state);
}

static void set(struct run_options *options, const char *assignment, struct argp_state *state)
{
    const char *equals = strchr(assignment, '=');
    CLEANUP(freep) char *name = equals ? strndup(assignment, (size_t)(equals - assignment)) : NULL;

    if (!name || !*name)
        argp_error(state, "--set takes NAME=VALUE, not '%s'", assignment);
    else
        set_field(options, name, equals + 1, state);
}

/* ---- The others ------------------------------------------------------------------------------ */

static void set_ok_statuses(struct run_options *options, char *list, struct argp_state *state)
{
    char *rest = NULL;

    memset(options->is_ok, 0, sizeof options->is_ok);
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        int64_t status = 0;

        if (!options_read_int(&status, word, 0, 255))
            argp_error(state, "--ok-status takes numbers from 0 to 255, not '%s'", word);
        options->is_ok[status] = true;
    }
}

static void set_capture(struct run_options *options, const char *name, struct argp_state *state)
{
    if (strcmp(name, "auto") == 0)
        options->capture = CAPTURE_AUTO;
    else if (strcmp(name, "none") == 0)
        options->capture = CAPTURE_NONE;
    else if (strcmp(name, "pipe") == 0)
        options->capture = CAPTURE_PIPE;
    else
        argp_error(state, "--capture is auto, none or pipe, not '%s'", name);
}

static void set_tail(struct run_options *options, const char *text, struct argp_state *state)
{
    size_t length = strlen(text);
    char unit = length ? text[length - 1] : '\0';
    int64_t factor = unit == 'k' || unit == 'K' ? 1024 : unit == 'm' || unit == 'M' ? 1048576 : 1;
    CLEANUP(freep) char *number = strndup(text, factor > 1 ? length - 1 : length);
    int64_t count = 0;

    if (!number || !options_read_int(&count, number, 0, TAIL_BYTES_MAX / factor))
        argp_error(state, "--tail is a size up to 16m, such as 16k, not '%s'", text);
    options->tail_bytes = (size_t)(count * factor);
}

/* The first word that is no option begins the command, and all behind it belongs to it. */
static void take_command(struct run_options *options, struct argp_state *state)
{
    options->command = state->argv + state->next - 1;
    state->next = state->argc;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct run_options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->common;
        return 0;
    case 'a':
        set_unless_empty(options, "agent_name", argument, state);
        return 0;
    case 'j':
        set_unless_empty(options, "job_type", argument, state);
        return 0;
    case OPTION_TRIGGER:
        set_unless_empty(options, "trigger_type", argument, state);
        return 0;
    case 't':
        set(options, argument, state);
        return 0;
    case OPTION_PARENT:
        set_unless_empty(options, "parent_run_id", argument, state);
        return 0;
    case OPTION_CAPTURE:
        set_capture(options, argument, state);
        return 0;
    case OPTION_TAIL:
        set_tail(options, argument, state);
        return 0;
    case OPTION_NO_ARGV:
        options->without_argv = true;
        return 0;
    case OPTION_OK_STATUS:
        set_ok_statuses(options, argument, state);
        return 0;
    case ARGP_KEY_ARG:
        take_command(options, state);
        return 0;
    case ARGP_KEY_END:
        if (!options->command || !*options->command[0])
            argp_error(state, "which command? For instance: telemetry run -- make test");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = flags,
    .parser = parse,
    .args_doc = "[--] COMMAND [ARGUMENT...]",
    .doc = "Run a command and record it: when, how long, how it ended, the last lines of its "
           "output. The command always runs, whatever becomes of the recording, and does not "
           "notice.\v"
           "The command may say more of its run in the file named by TELEMETRY_RUN_FILE, one "
           "statement a line: a field of the run (items_succeeded=42), metrics.NAME=VALUE, "
           "context.NAME=VALUE, status=partial, event=NAME {\"a\": \"payload\"}, or a JSON object "
           "of such.\n"
           "The exit status is the command's own; 125: wrong options, nothing was started; 126: "
           "the command cannot be executed; 127: it was not found. A command that is killed by a "
           "signal takes telemetry with it by the same signal.",
    .children = children,
};

void run_options_read(struct run_options *options, int argc, char **argv)
{
    *options = (struct run_options){
        .given = RUN_GIVEN(),
        .tail_bytes = TAIL_BYTES_DEFAULT,
        .is_ok = {[0] = true},
    };
    if (common_options_init(&options->common)) {
        complain("run: out of memory");
        exit(RUN_STATUS_USAGE);
    }
    options_parse(&argp, argc, argv, ARGP_IN_ORDER, RUN_STATUS_USAGE, options);
}

void run_options_clear(struct run_options *options)
{
    common_options_clear(&options->common);
    run_given_clear(&options->given);
}

/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/command.h"
#include "model/status.h"

enum long_option {
    OPTION_JSON = 0x1000,
    OPTION_FORMAT,
    OPTION_BASE,
    OPTION_URL,
    OPTION_UTC,
    OPTION_COLOR,
    OPTION_NO_PAGER,
    OPTION_VERSION,
    OPTION_AGENT,
    OPTION_STATUS,
    OPTION_FAILED,
    OPTION_RUNNING,
    OPTION_SINCE,
    OPTION_UNTIL,
    OPTION_JOB_TYPE,
    OPTION_HOST,
    OPTION_PRODUCT,
    OPTION_PARENT,
    OPTION_ALL,
};

/* ---- Common flags ---------------------------------------------------------------------------- */

static const struct argp_option common_flags[] = {
    {0, 0, 0, 0, "Common flags:", 20},
    {"json", OPTION_JSON, 0, 0, "Print one JSON document", 20},
    {"format", OPTION_FORMAT, "FORMAT", 0, "table, wide, json or ndjson", 20},
    {"utc", OPTION_UTC, 0, 0, "Read and show times in UTC", 20},
    {"color", OPTION_COLOR, "WHEN", 0, "auto, always or never", 20},
    {"no-pager", OPTION_NO_PAGER, 0, 0, "Write straight to the terminal, as always", 20},
    {"quiet", 'q', 0, 0, "Say less on stderr", 20},
    {"verbose", 'v', 0, 0, "Say more on stderr", 20},
    {"base", OPTION_BASE, "DIR", 0, "Use the files under DIR", 20},
    {"url", OPTION_URL, "URL", 0, "Ask the service at URL", 20},
    {"help", 'h', 0, 0, "Show this help", -1},
    {"version", OPTION_VERSION, 0, 0, "Show the version", -1},
    {0},
};

static void set_format(struct common_options *options, const char *name, struct argp_state *state)
{
    static const char *const names[] = {
        [FORMAT_TABLE] = "table",
        [FORMAT_WIDE] = "wide",
        [FORMAT_JSON] = "json",
        [FORMAT_NDJSON] = "ndjson",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            options->format = (enum output_format)i;
            return;
        }
    }
    argp_error(state, "--format is table, wide, json or ndjson, not '%s'", name);
}

static void set_color(struct common_options *options, const char *name, struct argp_state *state)
{
    if (strcmp(name, "auto") == 0)
        options->color = COLOR_AUTO;
    else if (strcmp(name, "always") == 0)
        options->color = COLOR_ALWAYS;
    else if (strcmp(name, "never") == 0)
        options->color = COLOR_NEVER;
    else
        argp_error(state, "--color is auto, always or never, not '%s'", name);
}

/* Files derived from another base would contradict the one that was named. */
static void set_base(struct common_options *options, const char *directory)
{
    static const char *const derived[] = {
        "TELEMETRY_DB_PATH",
        "TELEMETRY_NDJSON_DIR",
        "TELEMETRY_BUFFER_DIR",
        "TELEMETRY_LOCK_FILE",
    };

    for (size_t i = 0; i < sizeof derived / sizeof *derived; i++)
        (void)tel_config_set(options->config, derived[i], NULL);
    (void)tel_config_set(options->config, "TELEMETRY_BASE_DIR", directory);
    options->has_base = true;
}

static void print_version(void)
{
    (void)printf("telemetry %s\n", tel_version());
    exit(screen_finish());
}

static error_t parse_common(int key, char *argument, struct argp_state *state)
{
    struct common_options *options = state->input;

    switch (key) {
    case OPTION_JSON:
        options->format = FORMAT_JSON;
        return 0;
    case OPTION_FORMAT:
        set_format(options, argument, state);
        return 0;
    case OPTION_UTC:
        options->when.utc = true;
        return 0;
    case OPTION_COLOR:
        set_color(options, argument, state);
        return 0;
    case OPTION_NO_PAGER:
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case OPTION_BASE:
        set_base(options, argument);
        return 0;
    case OPTION_URL:
        (void)tel_config_set(options->config, "TELEMETRY_API_URL", argument);
        options->has_url = true;
        return 0;
    case 'h':
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
        return 0;
    case OPTION_VERSION:
        print_version();
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp common_argp = {.options = common_flags, .parser = parse_common};

tel_error common_options_init(struct common_options *options)
{
    *options = (struct common_options){.when = {.now_us = clock_now_us()}};
    return tel_config_new(&options->config);
}

void common_options_clear(struct common_options *options)
{
    tel_config_free(options->config);
    options->config = NULL;
}

bool options_want_files_only(const struct common_options *options)
{
    if (options->has_url)
        return false;
    return options->has_base || config_is_embedded(options->config) ||
           config_is_mock(options->config);
}

/* ---- Filters --------------------------------------------------------------------------------- */

static const struct argp_option filter_flags[] = {
    {0, 0, 0, 0, "Which runs:", 10},
    {"agent", OPTION_AGENT, "NAME|PREFIX.*", 0, "Of this agent, or of all whose names begin so",
     10},
    {"status", OPTION_STATUS, "STATUS,...", 0, "Of these statuses", 10},
    {"failed", OPTION_FAILED, 0, 0, "failure, timeout and partial", 10},
    {"running", OPTION_RUNNING, 0, 0, "Still running", 10},
    {"since", OPTION_SINCE, "TIME", 0,
     "Ended at TIME or later, or running: -1h, 2d, yesterday, today, 2026-01-31, RFC 3339", 10},
    {"until", OPTION_UNTIL, "TIME", 0, "Ended at TIME or before", 10},
    {"job-type", OPTION_JOB_TYPE, "TYPE", 0, "Of this job type", 10},
    {"host", OPTION_HOST, "NAME", 0, "On this host", 10},
    {"product", OPTION_PRODUCT, "NAME", 0, "For this product", 10},
    {"parent", OPTION_PARENT, "ID", 0, "Started by this run", 10},
    {"all", OPTION_ALL, 0, 0, "Children too, not only runs that no other run started", 10},
    {"limit", 'n', "COUNT", 0, "So many, the newest (20)", 10},
    {0},
};

static void add_status(struct filter_options *options, const char *name, struct argp_state *state)
{
    const char *status = status_normalize(name);

    if (!status)
        argp_error(state,
                   "a status is running, success, failure, partial, timeout or cancelled, not '%s'",
                   name);
    for (size_t i = 0; i < options->status_count; i++) {
        if (options->statuses[i] == status)
            return;
    }
    options->statuses[options->status_count++] = status;
}

static void add_statuses(struct filter_options *options, char *names, struct argp_state *state)
{
    char *rest = NULL;

    for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
        add_status(options, name, state);
}

/* Read a time once all flags are known: --utc may come after it. */
static void read_time(int64_t *us, const char *text, const struct filter_options *options,
                      struct argp_state *state)
{
    if (text && !when_parse(us, text, options->when))
        argp_error(state,
                   "'%s' is no time; a time is -1h, 2d, yesterday, today, 2026-01-31 or RFC 3339",
                   text);
}

static void read_limit(struct filter_options *options, const char *text, struct argp_state *state)
{
    if (!options_read_int(&options->limit, text, 1, LIMIT_MAX))
        argp_error(state, "--limit is a number from 1 to %d, not '%s'", LIMIT_MAX, text);
}

static error_t parse_filter(int key, char *argument, struct argp_state *state)
{
    struct filter_options *options = state->input;

    switch (key) {
    case OPTION_AGENT:
        options->agent = argument;
        return 0;
    case OPTION_STATUS:
        add_statuses(options, argument, state);
        return 0;
    case OPTION_FAILED:
        add_status(options, TEL_FAILURE, state);
        add_status(options, TEL_TIMEOUT, state);
        add_status(options, TEL_PARTIAL, state);
        return 0;
    case OPTION_RUNNING:
        add_status(options, TEL_RUNNING, state);
        return 0;
    case OPTION_SINCE:
        options->since = argument;
        return 0;
    case OPTION_UNTIL:
        options->until = argument;
        return 0;
    case OPTION_JOB_TYPE:
        options->job_type = argument;
        return 0;
    case OPTION_HOST:
        options->host = argument;
        return 0;
    case OPTION_PRODUCT:
        options->product = argument;
        return 0;
    case OPTION_PARENT:
        options->parent = argument;
        return 0;
    case OPTION_ALL:
        options->all = true;
        return 0;
    case 'n':
        read_limit(options, argument, state);
        return 0;
    case ARGP_KEY_END:
        read_time(&options->since_us, options->since, options, state);
        read_time(&options->until_us, options->until, options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp filter_argp = {.options = filter_flags, .parser = parse_filter};

/* ---- Both ------------------------------------------------------------------------------------ */

void options_parse(const struct argp *argp, int argc, char **argv, unsigned flags, int usage_status,
                   void *input)
{
    error_t error;

    argp_err_exit_status = usage_status;
    error = argp_parse(argp, argc, argv, flags | ARGP_NO_HELP, NULL, input);
    if (error) {
        complain("%s", strerror(error));
        exit(usage_status);
    }
}

bool options_read_int(int64_t *out, const char *text, int64_t min, int64_t max)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max)
        return false;
    *out = value;
    return true;
}

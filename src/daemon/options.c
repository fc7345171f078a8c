/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_CHECK 256 /* beyond the letters */

static const struct argp_option options[] = {
    {"base", 'b', "DIR", 0, "Base directory (TELEMETRY_BASE_DIR)", 0},
    {"db", 'd', "FILE", 0, "Database file (TELEMETRY_DB_PATH)", 0},
    {"host", 'H', "ADDRESS", 0, "Address to listen on (TELEMETRY_API_HOST, 127.0.0.1)", 0},
    {"port", 'p', "PORT", 0, "Port to listen on, 0 for any (TELEMETRY_API_PORT, 8765)", 0},
    {"config", 'c', "FILE", 0, "File of KEY=value lines (TELEMETRY_CONFIG_FILE)", 0},
    {"check-config", KEY_CHECK, 0, 0,
     "Say what is wrong with the configuration, print what is in"
     " force and where it comes from, and exit",
     0},
    {0},
};

/* The setting that an option gives; CONFIG_COUNT: there is no such option. */
static enum config_index setting_of(int key)
{
    switch (key) {
    case 'b':
        return CONFIG_TELEMETRY_BASE_DIR;
    case 'd':
        return CONFIG_TELEMETRY_DB_PATH;
    case 'H':
        return CONFIG_TELEMETRY_API_HOST;
    case 'p':
        return CONFIG_TELEMETRY_API_PORT;
    case 'c':
        return CONFIG_TELEMETRY_CONFIG_FILE;
    default:
        return CONFIG_COUNT;
    }
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct options *given = state->input;
    enum config_index setting = setting_of(key);
    char fault[256];

    if (key == KEY_CHECK) {
        given->check_only = true;
        return 0;
    }

    if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument: %s", value);
    if (setting == CONFIG_COUNT)
        return ARGP_ERR_UNKNOWN;
    if (!*value)
        argp_error(state, "%s is empty", config_key(setting));
    if (tel_config_set(given->config, config_key(setting), value) == TEL_E_NOMEM)
        argp_failure(state, EXIT_FAILURE, 0, "out of memory");
    if (config_describe_fault(given->config, setting, fault, sizeof fault))
        argp_error(state, "%s", fault);
    return 0;
}

static const struct argp parser = {
    .options = options,
    .parser = parse_option,
    .doc = "Take telemetry of agent runs over HTTP and keep it in a SQLite database."
           "\vEvery setting is an environment variable (docs/configuration.md); options win. "
           "Ends on SIGTERM or SIGINT, after finishing what was accepted.\n"
           "SIGHUP has it read its configuration again, as far as that can change, and reopen its "
           "log.\n"
           "Exits 0 when told to end, 1 when it cannot start, 2 for a usage error.",
};

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    (void)fprintf(stream, "telemetryd %s\n", tel_version());
}

void options_parse(struct options *given, int argc, char **argv)
{
    argp_program_version_hook = print_version;
    argp_err_exit_status = 2;
    (void)argp_parse(&parser, argc, argv, 0, NULL, given);
}

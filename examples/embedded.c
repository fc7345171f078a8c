/* SPDX-License-Identifier: MIT
 *
 * Embedded mode: no service, the program writes the database itself, many of them at once if need be.
 * Then it reads back what is there.
 *
 *     embedded DIRECTORY
 */
#include <inttypes.h>
#include <stdio.h>
#include <telemetry.h>

static void print_log(void *arg, tel_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    fprintf(stderr, "telemetry: %s\n", message);
}

static void record_a_run(const tel_config *config)
{
    tel_client *client;
    tel_run *run;

    tel_client_new(&client, config);
    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "hermit", .job_type = "embedded"));
    tel_run_set_metrics(run,
                        TEL_FIELDS(.items_succeeded = 3, .metrics_json = "{\"mood\": \"calm\"}"));
    tel_run_end(&run, TEL_SUCCESS, NULL);
    tel_client_free(client);
}

static int print_counts(const tel_config *config)
{
    tel_database *database;
    tel_run_stats stats;
    tel_fault fault;
    tel_error error = tel_database_open(&database, NULL, config, &fault);

    if (!error)
        error = tel_database_get_run_stats(database, &stats, &fault);
    if (error)
        fprintf(stderr, "%s\n", fault.text);
    else
        printf("%" PRId64 " runs, %" PRId64 " of them a success\n", stats.total, stats.success);
    tel_database_free(database);
    return error ? 1 : 0;
}

int main(int argc, char **argv)
{
    tel_config *config;
    int status;

    if (argc != 2) {
        fprintf(stderr, "usage: embedded DIRECTORY\n");
        return 2;
    }
    if (tel_config_new(&config))
        return 1;
    tel_config_set(config, "TELEMETRY_MODE", "embedded");
    tel_config_set(config, "TELEMETRY_BASE_DIR", argv[1]);
    tel_config_set_log(config, print_log, NULL);
    record_a_run(config);
    status = print_counts(config);
    tel_config_free(config);
    return status;
}

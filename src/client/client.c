/* SPDX-License-Identifier: MIT */
#include "client/client.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "base/json.h"
#include "client/export.h"

/* ---- What belongs to one process ------------------------------------------------------------- */

/* Let go of everything. Not to be used afterwards but to free it. */
static void process_clear(struct process *process, struct deadline deadline)
{
    export_clear(process);
    outlet_clear(&process->outlet, deadline);
    ndjson_clear(&process->ndjson);
    registry_clear(&process->registry);
    recent_clear(&process->recent);
}

/* Nobody uses it any more. */
static void process_close(struct process *process, struct deadline deadline)
{
    process_clear(process, deadline);
    client_unref(process->client);
}

static void close_late(void *process)
{
    const struct process *closing = process;

    process_close(process, client_deadline(closing->client));
}

static int64_t work(void *process)
{
    return outlet_work(&((struct process *)process)->outlet);
}

/* Deliver in the background, if so configured and there is a way out. */
static void employ_courier(struct process *process)
{
    const struct tel_config *config = process->client->config;

    if (!config_bool(config, CONFIG_TELEMETRY_BACKGROUND) ||
        (!process->outlet.http && !config_is_embedded(config)))
        return;
    courier_init(&process->courier, work, close_late, process);
    process->outlet.courier = &process->courier;
}

static tel_error open_audit_trail(struct process *process)
{
    const struct tel_config *config = process->client->config;
    const char *directory = config_text(config, CONFIG_TELEMETRY_NDJSON_DIR);

    if (!directory)
        return TEL_OK;
    return ndjson_init(&process->ndjson, directory, config_file_access(config),
                       config_int(config, CONFIG_TELEMETRY_CALL_BUDGET_MS));
}

/* What a fork copied of the parent's: its files and connections stay untouched. */
static void process_abandon(struct process *inherited)
{
    outlet_abandon(&inherited->outlet);
    ndjson_clear(&inherited->ndjson);
}

static struct process *process_new(struct tel_client *client, struct process *inherited)
{
    struct process *process = calloc(1, sizeof *process);

    if (!process)
        return NULL;
    json_prepare(); /* before there is another thread */
    process->client = client;
    process->pid = getpid();
    process->inherited = inherited;
    atomic_init(&process->users, 1);
    registry_init(&process->registry);
    recent_init(&process->recent);
    if (outlet_init(&process->outlet, client->config, &client->reporter, &process->tally,
                    inherited ? &inherited->outlet : NULL)) {
        free(process);
        return NULL;
    }
    employ_courier(process);
    if (open_audit_trail(process) || export_init(process, client)) {
        process_clear(process, deadline_in(0));
        free(process);
        return NULL;
    }
    return process;
}

static struct process *current_process(struct tel_client *client)
{
    struct process *process = atomic_load(&client->process);
    struct process *own;

    if (process->pid == getpid())
        return process;
    own = process_new(client, process);
    if (!own)
        return NULL;
    if (atomic_compare_exchange_strong(&client->process, &process, own)) {
        process_abandon(own->inherited);
        return own;
    }
    process_clear(own, deadline_in(0)); /* another thread of the child was faster */
    free(own);
    return process;
}

struct process *client_enter(struct tel_client *client)
{
    struct process *process = atomic_load(&client->closed) ? NULL : current_process(client);
    size_t users = process ? atomic_load(&process->users) : 0;

    while (users > 0) {
        if (atomic_compare_exchange_weak(&process->users, &users, users + 1))
            return process;
    }
    return NULL;
}

void client_leave(struct tel_client *client, struct process *process)
{
    if (atomic_fetch_sub(&process->users, 1) > 1)
        return;
    if (!process->outlet.courier || courier_stop(process->outlet.courier, client->close_by))
        process_close(process, client->close_by);
}

struct deadline client_deadline(const struct tel_client *client)
{
    return deadline_in(config_int(client->config, CONFIG_TELEMETRY_CALL_BUDGET_MS));
}

/* ---- The client ------------------------------------------------------------------------------ */

struct tel_client *client_ref(struct tel_client *client)
{
    atomic_fetch_add(&client->references, 1);
    return client;
}

static void client_destroy(struct tel_client *client)
{
    struct process *process = atomic_load(&client->process);

    while (process) {
        struct process *inherited = process->inherited;

        free(process);
        process = inherited;
    }
    git_context_clear(&client->git);
    tel_config_free(client->config);
    free(client);
}

void client_unref(struct tel_client *client)
{
    if (atomic_fetch_sub(&client->references, 1) == 1)
        client_destroy(client);
}

static tel_log_level configured_level(const struct tel_config *config)
{
    static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    const char *name = config_text(config, CONFIG_TELEMETRY_LOG_LEVEL);

    for (int i = TEL_LOG_DEBUG; name && i <= TEL_LOG_ERROR; i++) {
        if (strcasecmp(name, names[i]) == 0)
            return (tel_log_level)i;
    }
    return TEL_LOG_INFO;
}

/* ---- Making one ------------------------------------------------------------------------------ */

static void make_directory(struct tel_client *client, const char *path)
{
    tel_fault fault;

    if (path && directory_make(path, config_file_access(client->config), &fault))
        report_fault(&client->reporter, &fault, "runs are recorded where they still can be");
}

static void make_directories(struct tel_client *client)
{
    const struct tel_config *config = client->config;
    const char *database = config_text(config, CONFIG_TELEMETRY_DB_PATH);
    CLEANUP(freep) char *database_directory = database ? path_directory(database) : NULL;

    make_directory(client, config_base_dir(config));
    make_directory(client, database_directory);
    make_directory(client, config_text(config, CONFIG_TELEMETRY_NDJSON_DIR));
    make_directory(client, config_text(config, CONFIG_TELEMETRY_BUFFER_DIR));
}

static tel_error take_config(struct tel_client *client, const struct tel_config *config)
{
    tel_error error = config_take(&client->config, config);

    if (error)
        return error;
    client->reporter.log = client->config->log;
    client->reporter.log.level = configured_level(client->config);
    return TEL_OK;
}

static tel_error client_init(struct tel_client *client, const struct tel_config *config)
{
    tel_error error = take_config(client, config);
    struct process *process;

    if (error)
        return error;
    if (gethostname(client->host, sizeof client->host - 1))
        client->host[0] = '\0';
    (void)git_detect(&client->git, /* directory= */ NULL);
    make_directories(client);
    (void)tel_config_validate(client->config, report_line, &client->reporter);
    process = process_new(client, /* inherited= */ NULL);
    if (!process)
        return TEL_E_NOMEM;
    atomic_init(&client->process, process);
    return TEL_OK;
}

tel_error tel_client_new(tel_client **out, const tel_config *config)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct tel_client *client;
    tel_error error;

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    client = calloc(1, sizeof *client);
    if (!client)
        return TEL_E_NOMEM;
    atomic_init(&client->references, 1);
    error = client_init(client, config);
    if (error) {
        client_destroy(client);
        return error;
    }
    *out = client;
    return TEL_OK;
}

void tel_client_free(tel_client *client)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct process *process;

    if (!client)
        return;
    process = current_process(client); /* in a forked child: gives up the parent's part first */
    client->close_by = client_deadline(client);
    atomic_store(&client->closed, true);
    if (!process)
        return;
    export_finish(process, client);
    client_leave(client, process);
}

/* SPDX-License-Identifier: MIT */
#include "support/client_world.h"

#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/store.h"
#include "support/scratch.h"

#define PATIENCE_MS "60000" /* a slow machine shall reach what is there */
#define FLUSH_MS 60000

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

static void keep_message(void *arg, tel_log_level level, const char *message)
{
    struct world *world = arg;
    size_t used;

    (void)pthread_mutex_lock(&log_mutex);
    used = strlen(world->log);
    (void)snprintf(world->log + used, sizeof world->log - used, "%c %s\n", "DIWE"[level], message);
    (void)pthread_mutex_unlock(&log_mutex);
}

bool world_has_logged(const struct world *world, const char *text)
{
    bool has;

    (void)pthread_mutex_lock(&log_mutex);
    has = strstr(world->log, text) != NULL;
    (void)pthread_mutex_unlock(&log_mutex);
    return has;
}

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);

    if (!world)
        die("calloc");
    world->scratch = scratch_make();
    return world;
}

void world_free(struct world *world)
{
    tel_client_free(world->client);
    /* What a thread that outlived the client wrote is behind us. */
    (void)pthread_mutex_lock(&log_mutex);
    (void)pthread_mutex_unlock(&log_mutex);
    scratch_remove(world->scratch);
    free(world);
}

int world_set_up(void **state)
{
    *state = world_new();
    return 0;
}

int world_tear_down(void **state)
{
    world_free(*state);
    return 0;
}

tel_client *world_connect(struct world *world, ...)
{
    tel_config *config;
    const char *key;
    va_list pairs;

    world_disconnect(world);
    if (tel_config_new(&config))
        die("tel_config_new");
    (void)tel_config_set_log(config, keep_message, world);
    (void)tel_config_set(config, "TELEMETRY_CALL_BUDGET_MS", PATIENCE_MS);
    va_start(pairs, world);
    while ((key = va_arg(pairs, const char *)) != NULL) {
        if (tel_config_set(config, key, va_arg(pairs, const char *)))
            die(key);
    }
    va_end(pairs);
    if (tel_client_new(&world->client, config))
        die("tel_client_new");
    tel_config_free(config);
    return world->client;
}

void world_disconnect(struct world *world)
{
    tel_client_free(world->client);
    world->client = NULL;
}

tel_error record_run(tel_client *client, const char *event_id)
{
    tel_run *run = NULL;
    tel_error error =
        tel_run_start(&run, client,
                      TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = event_id));
    tel_error end_error = tel_run_end(&run, NULL, TEL_FIELDS(.items_succeeded = 7));

    return error ? error : end_error;
}

static char *read_below(struct world *world, const char *directory, const char *suffix)
{
    CLEANUP(freep) char *path = scratch_path(world->scratch, directory);

    return scratch_read_all(path, suffix);
}

char *world_trail(struct world *world)
{
    return read_below(world, "base/raw", ".ndjson");
}

char *world_buffer(struct world *world, const char *state)
{
    return read_below(world, "base/buffer", state);
}

size_t world_count(struct world *world, const char *state)
{
    CLEANUP(freep) char *lines = world_buffer(world, state);

    return count_lines(lines);
}

size_t world_count_waiting(struct world *world)
{
    return world_count(world, ".active") + world_count(world, ".ready");
}

static struct store *open_database(struct world *world)
{
    CLEANUP(freep) char *path = scratch_path(world->scratch, "base/db/telemetry.sqlite");
    struct store_options options = {.path = path, .busy_timeout_ms = 10000, .read_only = true};
    struct store *store = NULL;
    tel_fault fault = {0};

    if (store_open(&store, &options, &fault) && fault.code != TEL_E_NOT_FOUND)
        die(fault.text);
    return store;
}

tel_error world_stored(struct world *world, const char *event_id, struct tel_record *record)
{
    struct store *store = open_database(world);
    tel_error error = store ? store_get(store, event_id, record, NULL) : TEL_E_NOT_FOUND;

    store_close(store);
    return error;
}

size_t world_stored_count(struct world *world)
{
    struct store *store = open_database(world);
    tel_run_stats stats = {0};

    if (store && store_stats(store, &stats, NULL))
        die("store_stats");
    store_close(store);
    return (size_t)stats.total;
}

void world_assert_stored(struct world *world, const char *event_id)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    assert_int_equal(world_stored(world, event_id, &stored), TEL_OK);
    assert_string_equal(stored.fields.status, "success");
    assert_int_equal(stored.fields.items_succeeded, 7);
    assert_non_null(stored.fields.end_time);
}

void world_assert_delivered(struct world *world, size_t total, size_t ended)
{
    tel_client_stats stats = {.size = sizeof stats};

    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(tel_client_flush(world->client, FLUSH_MS, NULL), TEL_OK);
    assert_int_equal(tel_client_get_stats(world->client, &stats, NULL), TEL_OK);
    assert_int_equal(stats.runs.total, total);
    assert_int_equal(stats.runs.success, ended);
}

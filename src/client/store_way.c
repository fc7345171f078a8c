/* SPDX-License-Identifier: MIT */
#include "client/store_way.h"

#include "base/cleanup.h"
#include "base/condition.h"
#include "config/config_store.h"

tel_error store_way_init(struct store_way *way, const struct tel_config *config,
                         const struct store_way *inherited)
{
    *way = (struct store_way){.config = config};
    way->is_barred = inherited && (inherited->is_barred || inherited->is_busy);
    if (pthread_mutex_init(&way->mutex, NULL) || condition_init(&way->is_free))
        return TEL_E_NOMEM;
    return TEL_OK;
}

void store_way_clear(struct store_way *way)
{
    store_close(way->store);
    way->store = NULL;
}

static tel_error open_store(struct store_way *way, struct deadline deadline, tel_fault *fault)
{
    struct store_options options = config_store_options(way->config);

    /* A call waits for its deadline at most, and calls back into the host with no lock held. */
    options.busy_timeout_ms = deadline_left_ms(deadline);
    options.retries_max = 0;
    options.log = (struct log){0};

    if (way->is_barred)
        return fault_set(fault, TEL_E_UNAVAILABLE,
                         "this process was forked while its parent wrote to %s, so it cannot",
                         options.path ? options.path : "the database");
    if (!options.path)
        return fault_set(fault, TEL_E_IO, "there is no path of a database: set TELEMETRY_DB_PATH");
    return way->store ? TEL_OK : store_open(&way->store, &options, fault);
}

static bool take(struct store_way *way, struct deadline deadline)
{
    int error = 0;
    bool taken;

    (void)pthread_mutex_lock(&way->mutex);
    while (way->is_busy && !error)
        error = condition_wait(&way->is_free, &way->mutex, deadline);
    taken = !way->is_busy;
    way->is_busy = true;
    (void)pthread_mutex_unlock(&way->mutex);
    return taken;
}

static void give_back(struct store_way *way)
{
    (void)pthread_mutex_lock(&way->mutex);
    way->is_busy = false;
    (void)pthread_mutex_unlock(&way->mutex);
    (void)pthread_cond_signal(&way->is_free);
}

/* Have the database for this thread alone, until give_back(). */
static tel_error enter(struct store_way *way, struct deadline deadline, tel_fault *fault)
{
    tel_error error;

    if (!take(way, deadline))
        return fault_set(fault, TEL_E_BUSY, "other threads kept the database busy");
    error = open_store(way, deadline, fault);
    if (error)
        give_back(way);
    else
        store_set_deadline(way->store, deadline);
    return error;
}

tel_error store_way_apply(struct store_way *way, struct write **writes, size_t count,
                          struct deadline deadline, tel_fault *fault)
{
    tel_error error = enter(way, deadline, fault);

    if (error)
        return error;
    error = store_apply(way->store, writes, count, fault);
    give_back(way);
    return error;
}

tel_error store_way_stats(struct store_way *way, tel_run_stats *out, struct deadline deadline,
                          tel_fault *fault)
{
    tel_error error = enter(way, deadline, fault);

    if (error)
        return error;
    error = store_stats(way->store, out, fault);
    give_back(way);
    return error;
}

tel_error store_way_find(char **event_id, struct store_way *way, const char *run_id,
                         struct deadline deadline, tel_fault *fault)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    tel_error error = enter(way, deadline, fault);

    *event_id = NULL;
    if (error)
        return error;
    error = store_get_by_run_id(way->store, run_id, &run, fault);
    give_back(way);
    if (error)
        return error;
    *event_id = strdup(run.fields.event_id);
    return *event_id ? TEL_OK : fault_nomem(fault);
}

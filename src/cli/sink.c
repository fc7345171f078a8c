/* SPDX-License-Identifier: MIT */
#include "cli/sink.h"

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/source_service.h"
#include "config/config_store.h"
#include "deliver/remote.h"
#include "store/lock.h"

#define LOCK_WAIT_MS 2000   /* another command may be emptying the buffer just now */
#define WRITE_WAIT_MS 10000 /* for the database's own locks */
#define ANSWER_WAIT_MS 30000

struct sink {
    struct http *service; /* else... */
    struct store *store;
    struct writer_lock lock;
};

void sink_close(struct sink *sink)
{
    if (!sink)
        return;
    http_free(sink->service);
    store_close(sink->store);
    writer_lock_release(&sink->lock);
    free(sink);
}

static void tell(void *arg, tel_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    complain("%s", message);
}

static void sinkp_close(struct sink **sink)
{
    sink_close(*sink);
}

static struct sink *sink_new(void)
{
    struct sink *sink = calloc(1, sizeof *sink);

    if (sink)
        sink->lock = WRITER_LOCK();
    return sink;
}

tel_error sink_open_database(struct sink **out, const struct tel_config *config,
                             int64_t lock_wait_ms, tel_fault *fault)
{
    CLEANUP(sinkp_close) struct sink *sink = sink_new();
    struct store_options options = config_store_options(config);
    const char *path = config_text(config, CONFIG_TELEMETRY_LOCK_FILE);
    tel_error error;

    *out = NULL;
    options.migrates = true;
    options.log = (struct log){.write = tell, .level = TEL_LOG_WARNING};
    if (!sink)
        return fault_nomem(fault);
    if (!path || !options.path)
        return fault_set(fault, TEL_E_IO, "there is no home directory; set TELEMETRY_BASE_DIR");
    error = writer_lock_take(&sink->lock, path, config_file_access(config),
                             deadline_in(lock_wait_ms), fault);
    if (!error)
        error = store_open(&sink->store, &options, fault);
    if (!error)
        *out = steal(&sink);
    return error;
}

static tel_error open_service(struct sink **out, const struct tel_config *config, tel_fault *fault)
{
    CLEANUP(sinkp_close) struct sink *sink = sink_new();
    tel_error error;

    if (!sink)
        return fault_nomem(fault);
    error = service_open(&sink->service, config, fault);
    if (!error)
        *out = steal(&sink);
    return error;
}

tel_error sink_open(struct sink **out, const struct common_options *options, tel_fault *fault)
{
    tel_error error;

    *out = NULL;
    if (!options_want_files_only(options)) {
        error = open_service(out, options->config, fault);
        if (!error || error == TEL_E_REJECTED || options->has_url)
            return error;
        if (options->verbose)
            complain("no service (%s); writing to the database", fault->text);
    }
    return sink_open_database(out, options->config, LOCK_WAIT_MS, fault);
}

bool sink_is_service(const struct sink *sink)
{
    return sink->service != NULL;
}

tel_error sink_deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    struct sink *sink = arg;

    if (sink->service)
        return remote_apply(sink->service, writes, count, deadline_in(ANSWER_WAIT_MS), fault);
    store_set_deadline(sink->store, deadline_in(WRITE_WAIT_MS));
    return store_apply(sink->store, writes, count, fault);
}

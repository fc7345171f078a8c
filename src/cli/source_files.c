/* SPDX-License-Identifier: MIT */
#include "cli/source_files.h"

#include "cli/sink.h"
#include "config/config_store.h"
#include "deliver/config_sync.h"

#define LOCK_WAIT_MS 300 /* another command may be emptying the buffer just now */

static tel_error drain(const struct tel_config *config, tel_fault *fault)
{
    struct sync_options options = config_sync_options(config, &config->log);
    struct sync_report report;
    struct sink *sink;
    tel_error error = sink_open_database(&sink, config, LOCK_WAIT_MS, fault);

    if (error)
        return error;
    if (options.directory)
        error = buffer_sync(&options, sink_deliver, sink, &report, fault);
    sink_close(sink);
    return error;
}

tel_error files_open(struct store **out, const struct tel_config *config, tel_fault *warning,
                     tel_fault *fault)
{
    struct store_options options = config_store_options(config);
    tel_error error;

    *out = NULL;
    if (!options.path)
        return fault_set(fault, TEL_E_IO,
                         "there is no home directory to look in; set TELEMETRY_BASE_DIR");
    options.read_only = true;
    if (buffer_is_waiting(config_text(config, CONFIG_TELEMETRY_BUFFER_DIR)))
        (void)drain(config, warning);
    error = store_open(out, &options, fault);
    if (error == TEL_E_SCHEMA) { /* an old one is brought up by whoever may write */
        error = drain(config, fault);
        if (!error)
            error = store_open(out, &options, fault);
    }
    return error == TEL_E_NOT_FOUND ? TEL_OK : error;
}

/* SPDX-License-Identifier: MIT */
#include "cli/source_files.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "deliver/config_store.h"
#include "deliver/config_sync.h"
#include "store/lock.h"

#define LOCK_WAIT_MS 300    /* another command may be emptying the buffer just now */
#define WRITE_WAIT_MS 10000 /* for the database's own locks */

static bool is_waiting(const char *name)
{
    static const char *const endings[] = {".jsonl.active", ".jsonl.ready"};
    size_t length = strlen(name);

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);

        if (length > ending && strcmp(name + length - ending, endings[i]) == 0)
            return true;
    }
    return false;
}

static int note_one(void *arg, const char *name)
{
    (void)name;
    *(bool *)arg = true;
    return 1;
}

static bool buffer_has_something(const struct tel_config *config)
{
    const char *directory = config_text(config, CONFIG_TELEMETRY_BUFFER_DIR);
    bool found = false;

    /* A directory that cannot be read is the sync's to report. */
    return directory && (directory_each(directory, is_waiting, note_one, &found, NULL) || found);
}

static tel_error deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    return store_apply(arg, writes, count, fault);
}

static void tell(void *arg, tel_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    complain("%s", message);
}

static tel_error drain_locked(const struct tel_config *config, tel_fault *fault)
{
    struct store_options store_options = config_store_options(config);
    struct sync_options options = config_sync_options(config, &config->log);
    struct sync_report report = {0};
    struct store *store;
    tel_error error;

    store_options.migrates = true;
    store_options.log = (struct log){.write = tell, .level = TEL_LOG_WARNING};
    error = store_open(&store, &store_options, fault);
    if (error)
        return error;
    store_set_deadline(store, deadline_in(WRITE_WAIT_MS));
    error = buffer_sync(&options, deliver, store, &report, fault);
    store_close(store);
    return error;
}

static tel_error drain(const struct tel_config *config, tel_fault *fault)
{
    const char *path = config_text(config, CONFIG_TELEMETRY_LOCK_FILE);
    enum file_access access = config_file_access(config);
    struct writer_lock lock = WRITER_LOCK();
    tel_error error = writer_lock_take(&lock, path, access, deadline_in(LOCK_WAIT_MS), fault);

    if (error)
        return error;
    error = drain_locked(config, fault);
    writer_lock_release(&lock);
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
    if (buffer_has_something(config))
        (void)drain(config, warning);
    error = store_open(out, &options, fault);
    if (error == TEL_E_SCHEMA) { /* an old one is brought up by whoever may write */
        error = drain(config, fault);
        if (!error)
            error = store_open(out, &options, fault);
    }
    return error == TEL_E_NOT_FOUND ? TEL_OK : error;
}

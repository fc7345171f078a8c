/* SPDX-License-Identifier: MIT */
#include "deliver/recovery.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "config/config_store.h"
#include "deliver/ndjson.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE 37
#define STATE_BYTES_MAX 128
#define BAD_LINES_TOLD_MAX 5
/* The kernel writes back what is older than half a minute: what was buffered before that is kept. */
#define WRITTEN_BACK_US (INT64_C(300) * US_PER_SECOND)
#define US_PER_DAY (INT64_C(86400) * US_PER_SECOND)

/* ---- The state ------------------------------------------------------------------------------- */

static void day_of(char date[9], int64_t us)
{
    char time[7];

    timestamp_compact(date, time, us);
}

/* "-": nobody knows, which is like no other. */
static void read_boot_id(char id[BOOT_ID_SIZE])
{
    CLEANUP(closep) int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, id, BOOT_ID_SIZE - 1);

    if (count < BOOT_ID_SIZE - 1)
        (void)snprintf(id, BOOT_ID_SIZE, "-");
    else
        id[count] = '\0';
}

/* With no state, what the database learnt last tells the days. A new one has learnt nothing. */
static void assume(struct recovery *recovery)
{
    const char *database = config_text(recovery->config, CONFIG_TELEMETRY_DB_PATH);
    struct stat status;

    recovery->is_due = true;
    if (stat(database, &status) == 0 && status.st_size > 0)
        day_of(recovery->since, status.st_mtim.tv_sec * US_PER_SECOND - US_PER_DAY);
}

static void take_state(struct recovery *recovery, const char *text)
{
    char boot_now[BOOT_ID_SIZE];
    char boot[BOOT_ID_SIZE];
    char how[8];
    char since[9];
    char newline;

    read_boot_id(boot_now);
    if (sscanf(text, "%8s %7s %36s%c", since, how, boot, &newline) != 4 || newline != '\n') {
        assume(recovery);
        return;
    }
    if (strcmp(since, "all") != 0)
        memcpy(recovery->since, since, sizeof since);
    recovery->is_due =
        strcmp(how, "clean") != 0 || strcmp(boot, "-") == 0 || strcmp(boot, boot_now) != 0;
    if (!recovery->is_due)
        day_of(recovery->since, clock_now_us() - WRITTEN_BACK_US);
}

static tel_error read_state(struct recovery *recovery, tel_fault *fault)
{
    enum file_access access = config_file_access(recovery->config);
    CLEANUP(closep) int fd = -1;
    char text[STATE_BYTES_MAX] = "";
    tel_error error = file_open(&fd, recovery->path, O_RDONLY, access, NULL, fault);

    if (error && error != TEL_E_NOT_FOUND)
        return error;
    if (!error && read(fd, text, sizeof text - 1) < 0)
        return fault_errno(fault, TEL_E_IO, "cannot read %s", recovery->path);
    take_state(recovery, text);
    return TEL_OK;
}

/* A state that is torn by a power cut counts as none. Whoever is killed leaves the old or the new one:
 * behind a first line that is whole, nothing is read. */
static tel_error write_state(const struct recovery *recovery, const char *how, tel_fault *fault)
{
    enum file_access access = config_file_access(recovery->config);
    CLEANUP(freep) char *directory = path_directory(recovery->path);
    CLEANUP(closep) int fd = -1;
    char boot[BOOT_ID_SIZE];
    char text[STATE_BYTES_MAX];
    bool created;
    tel_error error;

    if (!directory)
        return fault_nomem(fault);
    read_boot_id(boot);
    (void)snprintf(text, sizeof text, "%s %s %s\n", *recovery->since ? recovery->since : "all", how,
                   boot);
    error = directory_make(directory, access, fault);
    if (!error)
        error = file_open(&fd, recovery->path, O_WRONLY | O_CREAT, access, &created, fault);
    if (error)
        return error;
    error = file_write(fd, recovery->path, text, strlen(text), fault);
    if (!error && ftruncate(fd, (off_t)strlen(text)))
        error = fault_errno(fault, TEL_E_IO, "cannot write to %s", recovery->path);
    if (!error)
        error = file_sync(fd, recovery->path, fault);
    return error || !created ? error : directory_sync(directory, fault);
}

/* ---- What is due ----------------------------------------------------------------------------- */

struct search {
    const char *directory;
    const char *since;
    bool found;
};

static int compare_day(void *arg, const char *name)
{
    struct search *search = arg;
    CLEANUP(freep) char *path = path_join(search->directory, name);

    search->found = !path || trail_file_is_since(path, search->since);
    return search->found;
}

/* Is there a trail of the days concerned? */
static tel_error look_for_files(struct recovery *recovery, tel_fault *fault)
{
    const char *directory = config_text(recovery->config, CONFIG_TELEMETRY_NDJSON_DIR);
    struct search search = {.directory = directory, .since = recovery->since};
    tel_error error = directory_each(directory, ndjson_is_daily_name, compare_day, &search, fault);

    recovery->is_due = search.found;
    return error;
}

tel_error recovery_look(struct recovery *recovery, const struct tel_config *config,
                        const struct log *log, tel_fault *fault)
{
    const char *database = config_text(config, CONFIG_TELEMETRY_DB_PATH);
    tel_error error;

    *recovery = (struct recovery){.config = config, .log = log};
    if (!database || !config_text(config, CONFIG_TELEMETRY_NDJSON_DIR))
        return TEL_OK;
    if (asprintf(&recovery->path, "%s.trail", database) < 0) {
        recovery->path = NULL;
        return fault_nomem(fault);
    }
    error = read_state(recovery, fault);
    return error || !recovery->is_due ? error : look_for_files(recovery, fault);
}

tel_error recovery_begin(struct recovery *recovery, tel_fault *fault)
{
    recovery->is_begun = true;
    return recovery->path ? write_state(recovery, "open", fault) : TEL_OK;
}

void recovery_clear(struct recovery *recovery)
{
    free(recovery->path);
    recovery->path = NULL;
}

/* ---- Bringing it in -------------------------------------------------------------------------- */

struct telling {
    const struct log *log;
    size_t told;
};

static void tell_bad(void *arg, const struct trail_line *line, const char *reason)
{
    struct telling *telling = arg;

    if (telling->told++ < BAD_LINES_TOLD_MAX)
        log_write(telling->log, TEL_LOG_WARNING, "%s:%zu is left out: %s", line->file, line->number,
                  reason);
}

static void closep_store(struct store **store)
{
    store_close(*store);
}

static void report_outcome(const struct recovery *recovery, const struct trail_report *report)
{
    log_write(recovery->log, TEL_LOG_INFO,
              "compared the audit trail with the database after an unclean stop: %zu lines, "
              "%zu runs brought in, %zu updated, %zu bad lines, %zu refused",
              report->counts.lines, report->created, report->updated, report->counts.bad,
              report->refused);
}

/* Note from which day on something may be missing, when that is another one. */
static void move_since(struct recovery *recovery, int64_t us)
{
    char since[9];
    tel_fault fault;

    day_of(since, us - WRITTEN_BACK_US);
    if (strcmp(since, recovery->since) == 0)
        return;
    memcpy(recovery->since, since, sizeof since);
    if (recovery->is_begun && write_state(recovery, "open", &fault))
        log_write(recovery->log, TEL_LOG_WARNING, "%s", fault.text);
}

tel_error recovery_run(struct recovery *recovery, sync_deliver_fn *deliver, void *arg,
                       struct trail_report *report, tel_fault *fault)
{
    CLEANUP(closep_store) struct store *store = NULL;
    struct telling telling = {.log = recovery->log};
    struct store_options options = config_store_options(recovery->config);
    struct trail_replay replay = {
        .directory = config_text(recovery->config, CONFIG_TELEMETRY_NDJSON_DIR),
        .access = config_file_access(recovery->config),
        .batch_size = (size_t)config_int(recovery->config, CONFIG_TELEMETRY_SYNC_BATCH_SIZE),
        .bad = tell_bad,
        .arg = &telling,
    };
    int64_t begun_us = clock_now_us();
    tel_error error;

    options.read_only = true;
    memcpy(replay.since, recovery->since, sizeof replay.since);
    error = store_open(&store, &options, fault);
    if (error)
        return error;
    replay.store = store;
    error = trail_replay(&replay, deliver, arg, report, fault);
    if (error)
        return error;
    report_outcome(recovery, report);
    recovery->is_due = false;
    move_since(recovery, begun_us);
    return TEL_OK;
}

void recovery_note_settled(struct recovery *recovery, int64_t us)
{
    if (recovery->path && !recovery->is_due)
        move_since(recovery, us);
}

void recovery_end(struct recovery *recovery)
{
    tel_fault fault;

    if (!recovery->path || !recovery->is_begun || recovery->is_due)
        return;
    day_of(recovery->since, clock_now_us() - WRITTEN_BACK_US);
    if (write_state(recovery, "clean", &fault))
        log_write(recovery->log, TEL_LOG_WARNING, "%s", fault.text);
}

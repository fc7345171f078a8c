/* SPDX-License-Identifier: MIT */
#include "daemon/adopter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "daemon/stopper.h"
#include "deliver/config_sync.h"

struct adopter {
    struct sync_options options;
    struct log log;
    struct writer *writer;
    struct recovery *recovery;
    const struct logger *logger;
    int64_t interval_seconds;
    pthread_t thread;
    struct stopper stopper;
};

/* A sync_deliver_fn that stands between the batches: a large buffer does not hold up the end. */
static tel_error deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    const struct adopter *adopter = arg;

    if (stopper_is_stopping(&adopter->stopper))
        return fault_set(fault, TEL_E_UNAVAILABLE, "the service is stopping");
    return writer_apply(adopter->writer, writes, count, fault);
}

/* Updates that are only carried on come by again each time: no news. */
static tel_log_level report_level(const struct sync_report *done)
{
    if (done->rejected)
        return TEL_LOG_WARNING;
    return done->created || done->updated || done->duplicates ? TEL_LOG_INFO : TEL_LOG_DEBUG;
}

static void report(const struct adopter *adopter, const struct sync_report *done)
{
    char numbers[6][24];
    const size_t counts[6] = {done->files,      done->created, done->updated,
                              done->duplicates, done->carried, done->rejected};

    if (!done->files)
        return;
    for (size_t i = 0; i < 6; i++)
        (void)snprintf(numbers[i], sizeof numbers[i], "%zu", counts[i]);
    logger_event(adopter->logger, report_level(done), "adopted buffer files",
                 LOG_FIELDS({"files", numbers[0]}, {"created", numbers[1]}, {"updated", numbers[2]},
                            {"duplicates", numbers[3]}, {"carried", numbers[4]},
                            {"rejected", numbers[5]}));
}

/* Return whether nothing waits any more. */
static bool adopt(struct adopter *adopter)
{
    struct sync_report done = {0};
    tel_fault fault = {0};

    if (buffer_sync(&adopter->options, deliver, adopter, &done, &fault) &&
        !stopper_is_stopping(&adopter->stopper))
        logger_event(adopter->logger, TEL_LOG_WARNING, "the buffer could not be emptied",
                     LOG_FIELDS({"reason", fault.text}));
    report(adopter, &done);
    return !buffer_is_waiting(adopter->options.directory);
}

/* Bring in what was in the buffer when the machine went down. */
static void recover(struct adopter *adopter)
{
    struct trail_report report;
    tel_fault fault = {0};

    if (adopter->recovery->is_due &&
        recovery_run(adopter->recovery, deliver, adopter, &report, &fault) &&
        !stopper_is_stopping(&adopter->stopper))
        logger_event(adopter->logger, TEL_LOG_WARNING,
                     "the audit trail could not be compared with the database",
                     LOG_FIELDS({"reason", fault.text}));
}

static void *run(void *arg)
{
    struct adopter *adopter = arg;

    do {
        int64_t begun_us = clock_now_us();
        bool is_empty = adopt(adopter);

        recover(adopter);
        if (is_empty)
            recovery_note_settled(adopter->recovery, begun_us);
    } while (stopper_pause(&adopter->stopper, adopter->interval_seconds * 1000));
    return NULL;
}

static void init(struct adopter *adopter, const struct tel_config *config, struct writer *writer,
                 struct recovery *recovery, struct logger *logger)
{
    adopter->writer = writer;
    adopter->recovery = recovery;
    adopter->logger = logger;
    adopter->log = logger_as_log(logger);
    adopter->interval_seconds = config_int(config, CONFIG_TELEMETRY_SYNC_INTERVAL_SECONDS);
    adopter->options = config_sync_options(config, &adopter->log);
    stopper_init(&adopter->stopper);
}

static void release(struct adopter *adopter)
{
    stopper_clear(&adopter->stopper);
    free(adopter);
}

tel_error adopter_start(struct adopter **out, const struct tel_config *config,
                        struct writer *writer, struct recovery *recovery, struct logger *logger,
                        tel_fault *fault)
{
    struct adopter *adopter = calloc(1, sizeof *adopter);

    *out = NULL;
    if (!adopter)
        return fault_nomem(fault);
    init(adopter, config, writer, recovery, logger);
    if (pthread_create(&adopter->thread, NULL, run, adopter)) {
        release(adopter);
        return fault_set(fault, TEL_E_NOMEM, "cannot start the thread that empties the buffer");
    }
    *out = adopter;
    return TEL_OK;
}

void adopter_stop(struct adopter *adopter)
{
    if (!adopter)
        return;
    stopper_stop(&adopter->stopper);
    (void)pthread_join(adopter->thread, NULL);
    release(adopter);
}

/* SPDX-License-Identifier: MIT
 *
 * telemetry run: any program as a run. Two promises rule it: the command always runs, and it does
 * not notice. Recording may fail at any point without changing either.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "cli/run_descriptors.h"
#include "cli/run_environment.h"
#include "cli/run_record.h"
#include "cli/run_text.h"

#define LINE_BYTES_MAX ((size_t)64 * 1024)
#define SHELL_SIGNAL_STATUS 128 /* as shells have it */

/* ---- The closing line ------------------------------------------------------------------------ */

static void append_usage(struct strbuf *line, const struct rusage *usage, const char *separator)
{
    int64_t cpu_us = (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * US_PER_SECOND +
                     usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;

    strbuf_printf(line, "%scpu ", separator);
    duration_append(line, cpu_us / 1000);
    strbuf_printf(line, "%speak %ld MiB", separator, usage->ru_maxrss / 1024);
}

static void print_closing_line(const struct run_recording *recording, const struct outcome *outcome,
                               int64_t took_ms)
{
    CLEANUP(strbuf_clear) struct strbuf ending = STRBUF(LINE_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf line = STRBUF(LINE_BYTES_MAX);
    struct screen screen = screen_detect(COLOR_NEVER);
    const char *separator = screen.utf8 ? " \xc2\xb7 " : " - ";

    run_append_sign(&line, outcome_status(outcome, recording->options), &screen);
    strbuf_putc(&line, ' ');
    outcome_append(&ending, outcome, recording->options);
    escape_append(&line, ending.length ? ending.text : "", screen.escapes);
    strbuf_puts(&line, " after ");
    duration_append(&line, took_ms);
    append_usage(&line, &outcome->usage, separator);
    if (*recording->run_id) /* `telemetry show` takes its end, too */
        strbuf_printf(&line, "%stelemetry show %s", separator, strrchr(recording->run_id, '-') + 1);
    if (!strbuf_failed(&line))
        (void)fprintf(stderr, "%s\n", line.text);
}

static bool wants_closing_line(const struct run_options *options, const struct outcome *outcome)
{
    return !options->common.quiet && !outcome->exec_error &&
           (options->common.verbose || isatty(STDERR_FILENO));
}

/* ---- Ends ------------------------------------------------------------------------------------ */

/* End as the command ended. */
static int end_like(const struct outcome *outcome, const struct run_options *options)
{
    int status = outcome->wait_status;

    if (outcome->exec_error) {
        complain("run: %s: %s", *options->command,
                 outcome->exec_error == ENOENT ? "not found" : strerror(outcome->exec_error));
        return outcome->exec_error == ENOENT ? RUN_STATUS_NOT_FOUND : RUN_STATUS_NOT_EXECUTABLE;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    run_signals_die_of(WTERMSIG(status));
    return SHELL_SIGNAL_STATUS + WTERMSIG(status); /* the first process of a container lives on */
}

/* There are no means to watch over the command: become it. */
static int run_unwatched(const struct run_options *options, struct run_recording *recording,
                         const struct run_signals *signals, const tel_fault *fault)
{
    if (!options->common.quiet)
        complain("run: %s; the command runs, its end will not be recorded", fault->text);
    tel_client_free(recording->client);
    recording->client = NULL;
    run_file_remove(&recording->file); /* nobody would read it */
    (void)fflush(NULL);
    run_signals_restore(signals);
    (void)execvp(*options->command, options->command);
    complain("run: %s: %s", *options->command, errno == ENOENT ? "not found" : strerror(errno));
    return errno == ENOENT ? RUN_STATUS_NOT_FOUND : RUN_STATUS_NOT_EXECUTABLE;
}

/* ---- The command ----------------------------------------------------------------------------- */

static tel_error start(struct child *child, struct run_recording *recording,
                       struct capture *capture, const struct run_signals *signals, tel_fault *fault)
{
    char **environment;
    tel_error error;

    if (signals->fd < 0)
        return fault_set(fault, TEL_E_IO, "signals cannot be watched");
    environment = environment_make(recording);
    if (!environment)
        return fault_nomem(fault);
    error = child_start(child, recording->options->command, environment, capture, signals, fault);
    environment_free(environment);
    if (!error)
        capture_started(capture);
    return error;
}

static int run(const struct run_options *options, struct run_recording *recording,
               const struct run_signals *signals)
{
    CLEANUP(capture_clear) struct capture capture;
    int64_t started_ms = clock_monotonic_ms();
    struct outcome outcome;
    struct child child;
    tel_fault fault = {0};

    capture_init(&capture, options->capture, options->tail_bytes);
    if (start(&child, recording, &capture, signals, &fault)) {
        capture_clear(&capture);
        return run_unwatched(options, recording, signals, &fault);
    }
    supervise(&outcome, &child, *options->command, &capture, signals);
    if (capture_write_error(&capture))
        complain("run: cannot pass on the command's output: %s",
                 strerror(capture_write_error(&capture)));
    run_recording_end(recording, &outcome, &capture, child.pid);
    if (wants_closing_line(options, &outcome))
        print_closing_line(recording, &outcome, clock_monotonic_ms() - started_ms);
    return end_like(&outcome, options);
}

int cmd_run(int argc, char **argv)
{
    struct run_options options;
    struct descriptors descriptors;
    struct run_signals signals;
    struct run_recording recording;
    int status;

    run_options_read(&options, argc, argv);
    (void)unsetenv("TELEMETRY_RUN_FILE"); /* of the run around this one */
    descriptors_note(&descriptors);
    run_signals_take(&signals);
    run_recording_start(&recording, &options);
    descriptors_protect(&descriptors);
    status = run(&options, &recording, &signals);
    run_recording_clear(&recording);
    run_signals_close(&signals);
    run_options_clear(&options);
    return status;
}

/* SPDX-License-Identifier: MIT */
#include "cli/run_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/run_mask.h"
#include "cli/run_process.h"

#define INPUT_SUMMARY_BYTES_MAX ((size_t)2000)
#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* ---- How it ended ---------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

const char *outcome_status(const struct outcome *outcome, const struct run_options *options)
{
    int status = outcome->wait_status;
    bool is_success =
        !outcome->exec_error && WIFEXITED(status) && options->is_ok[WEXITSTATUS(status)];

    /* A program that lives on after Ctrl-C took it as a command of its user, not as its end. */
    if (outcome->cancelled_by && !(outcome->by_terminal && is_success))
        return TEL_CANCELLED;
    if (!is_success)
        return TEL_FAILURE;
    return outcome->is_partial ? TEL_PARTIAL : TEL_SUCCESS;
}

static void append_signal(struct strbuf *buf, int number)
{
    const char *name = sigabbrev_np(number);

    if (name)
        strbuf_puts(buf, name);
    else
        strbuf_printf(buf, "signal %d", number);
}

void outcome_append(struct strbuf *buf, const struct outcome *outcome,
                    const struct run_options *options)
{
    int status = outcome->wait_status;

    if (outcome->exec_error == ENOENT) {
        strbuf_printf(buf, "%s: not found", *options->command);
    } else if (outcome->exec_error) {
        strbuf_printf(buf, "%s: cannot be executed: %s", *options->command,
                      strerror(outcome->exec_error));
    } else if (WIFSIGNALED(status)) {
        strbuf_puts(buf, "killed by ");
        append_signal(buf, WTERMSIG(status));
    } else {
        strbuf_printf(buf, "exit %d", WEXITSTATUS(status));
    }
}

/* ---- Start ----------------------------------------------------------------------------------- */

/* The client's log: its first error is the one line that a failure may cost. */
static void show_first_error(void *arg, tel_log_level level, const char *message)
{
    struct run_recording *recording = arg;

    if (recording->options->common.verbose ? level < TEL_LOG_WARNING : level < TEL_LOG_ERROR)
        return;
    if (recording->complained || recording->options->common.quiet)
        return;
    recording->complained = true;
    complain("run: %s", message);
}

static void complain_if_short(struct run_recording *recording, bool is_short)
{
    if (is_short)
        show_first_error(recording, TEL_LOG_ERROR,
                         "out of memory: not all that belongs to this run is recorded");
}

static void set_default(struct run_recording *recording, int field, const char *text)
{
    if (text && !record_has(&recording->fields, field))
        complain_if_short(recording,
                          record_set_text(&recording->fields, field, text, NULL) == TEL_E_NOMEM);
}

static void set_input_summary(struct run_recording *recording)
{
    CLEANUP(strbuf_clear) struct strbuf command = STRBUF(2 * INPUT_SUMMARY_BYTES_MAX);

    if (recording->options->without_argv)
        strbuf_puts(&command, *recording->options->command);
    else
        mask_append_command(&command, recording->options->command, INPUT_SUMMARY_BYTES_MAX);
    set_default(recording, FIELD_input_summary, command.text);
}

static void set_fields(struct run_recording *recording)
{
    const struct run_options *options = recording->options;
    const struct run_given *given = &options->given;
    CLEANUP(freep) char *context = with_process(given->context, NULL, process_context(options, 0));
    CLEANUP(freep) char *metrics = given->metrics ? json_dumps(given->metrics, JSON_COMPACT) : NULL;

    complain_if_short(recording,
                      record_merge(&recording->fields, &given->fields, ~(field_set)0, NULL) ||
                          !context || (given->metrics && !metrics));
    set_default(recording, FIELD_agent_name, base_name(*options->command));
    set_default(recording, FIELD_job_type, "command");
    set_default(recording, FIELD_context_json, context);
    set_default(recording, FIELD_metrics_json, metrics);
    set_input_summary(recording);
}

void run_recording_start(struct run_recording *recording, const struct run_options *options)
{
    struct tel_config *config = options->common.config;

    *recording = (struct run_recording){.options = options, .fields = RECORD()};
    set_fields(recording);
    run_file_make(&recording->file);
    (void)tel_config_set_log(config, show_first_error, recording);
    (void)config_report_faulty(config, TEL_LOG_ERROR, show_first_error, recording);
    /* As in all commands, a base directory without a service means the files in it. */
    if (options->common.has_base && !options->common.has_url)
        (void)tel_config_set(config, "TELEMETRY_MODE", "embedded");
    if (tel_client_new(&recording->client, config) ||
        tel_run_start(&recording->run, recording->client, &recording->fields.fields))
        show_first_error(recording, TEL_LOG_ERROR, "this run cannot be recorded");
    (void)snprintf(recording->run_id, sizeof recording->run_id, "%s", tel_run_id(recording->run));
    (void)snprintf(recording->event_id, sizeof recording->event_id, "%s",
                   tel_run_event_id(recording->run));
}

/* ---- End ------------------------------------------------------------------------------------- */

static char *text_of(const struct capture *capture, int fd)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(TEXT_BYTES_MAX);
    const struct tail *tail = capture_tail(capture, fd);

    if (tail)
        tail_append_text(&text, tail);
    return strbuf_take(&text);
}

/* Return what went wrong in one line: the cause if we know it, else what the command said last. */
static char *describe_error(const struct run_recording *recording, const struct outcome *outcome,
                            const char *error_text)
{
    CLEANUP(strbuf_clear) struct strbuf cause = STRBUF(TEXT_BYTES_MAX);
    char *said = error_text ? last_line(error_text) : NULL;

    if (outcome->cancelled_by) {
        strbuf_puts(&cause, "cancelled by ");
        append_signal(&cause, outcome->cancelled_by);
    } else if (outcome->exec_error || WIFSIGNALED(outcome->wait_status) || !said) {
        outcome_append(&cause, outcome, recording->options);
    } else {
        return said;
    }
    free(said);
    return strbuf_take(&cause);
}

/* Take in what the command said of its run. Its lines are its own business, but one that is lost is
 * worth a word. */
static void take_report(struct run_recording *recording, struct run_report *report)
{
    const struct tel_record *said = &report->given.fields;

    run_file_read(report, &recording->file, recording->run);
    if (report->faulty && !recording->options->common.quiet)
        complain("run: TELEMETRY_RUN_FILE has %zu faulty line%s; line %zu: %s", report->faulty,
                 report->faulty == 1 ? "" : "s", report->fault_line, report->fault.text);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (record_has(said, i) && record_text(said, i))
            (void)tel_run_set(recording->run, run_fields[i].name, record_text(said, i));
        else if (record_has(said, i))
            (void)tel_run_set_int(recording->run, run_fields[i].name, record_int(said, i));
    }
    complain_if_short(recording, record_merge(&recording->fields, said, ~(field_set)0, NULL));
}

static void end_run(struct run_recording *recording, const struct outcome *outcome,
                    const struct capture *capture, pid_t pid, const struct run_given *said)
{
    const struct run_options *options = recording->options;
    const struct run_given *given = &options->given;
    const char *status = outcome_status(outcome, options);
    bool failed = strcmp(status, TEL_SUCCESS) != 0 && strcmp(status, TEL_PARTIAL) != 0;
    CLEANUP(freep) char *output = text_of(capture, STDOUT_FILENO);
    CLEANUP(freep) char *error = text_of(capture, STDERR_FILENO);
    CLEANUP(freep) char *output_summary = output ? last_line(output) : NULL;
    CLEANUP(freep) char *error_summary = failed ? describe_error(recording, outcome, error) : NULL;
    CLEANUP(freep)
    char *metrics = with_process(given->metrics, said->metrics, process_metrics(outcome));
    CLEANUP(freep)
    char *context = with_process(given->context, said->context, process_context(options, pid));
    struct tel_run_fields last = {
        .size = sizeof last,
        .metrics_json = metrics,
        .context_json = context,
    };

    if (!record_has(&recording->fields, FIELD_output_summary))
        last.output_summary = output_summary;
    if (!record_has(&recording->fields, FIELD_error_summary))
        last.error_summary = error_summary;
    if (failed && error && *error && !record_has(&recording->fields, FIELD_error_details))
        last.error_details = error;
    complain_if_short(recording, !metrics || !context);
    if (tel_run_end(&recording->run, status, &last))
        show_first_error(recording, TEL_LOG_ERROR, "the end of this run cannot be recorded");
}

void run_recording_end(struct run_recording *recording, struct outcome *outcome,
                       const struct capture *capture, pid_t pid)
{
    CLEANUP(run_report_clear) struct run_report report = RUN_REPORT();

    if (recording->run && !outcome->exec_error)
        take_report(recording, &report);
    run_file_remove(&recording->file);
    if (!recording->run)
        return;
    outcome->is_partial = report.is_partial;
    end_run(recording, outcome, capture, pid, &report.given);
    tel_client_free(recording->client); /* what is in its buffer is ready for anybody now */
    recording->client = NULL;
}

void run_recording_clear(struct run_recording *recording)
{
    tel_client_free(recording->client);
    record_clear(&recording->fields);
    run_file_remove(&recording->file);
}

/* SPDX-License-Identifier: MIT */
#include "cli/run_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "cli/run_mask.h"

#define INPUT_SUMMARY_BYTES_MAX ((size_t)2000)
#define ARGV_BYTES_MAX ((size_t)32 * 1024)
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
    return is_success ? TEL_SUCCESS : TEL_FAILURE;
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

/* ---- metrics_json and context_json ----------------------------------------------------------- */

static int64_t milliseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static json_t *process_metrics(const struct outcome *outcome)
{
    int status = outcome->wait_status;
    json_t *metrics = json_object();

    if (outcome->exec_error)
        return metrics;
    if (WIFSIGNALED(status))
        (void)json_object_set_new(metrics, "signal", json_integer(WTERMSIG(status)));
    else
        (void)json_object_set_new(metrics, "exit_code", json_integer(WEXITSTATUS(status)));
    (void)json_object_set_new(metrics, "cpu_user_ms",
                              json_integer(milliseconds(outcome->usage.ru_utime)));
    (void)json_object_set_new(metrics, "cpu_system_ms",
                              json_integer(milliseconds(outcome->usage.ru_stime)));
    (void)json_object_set_new(metrics, "max_rss_kb", json_integer(outcome->usage.ru_maxrss));
    return metrics;
}

/* The arguments as far as they are recorded: a shell may give us megabytes of them. */
struct arguments {
    json_t *array;
    size_t bytes_left;
};

static void append_argument(void *arg, const char *argument)
{
    CLEANUP(strbuf_clear) struct strbuf valid = STRBUF(TEXT_BYTES_MAX);
    struct arguments *arguments = arg;
    size_t length = strlen(argument) + 1;

    if (!arguments->bytes_left)
        return;
    if (length > arguments->bytes_left) {
        arguments->bytes_left = 0;
        (void)json_array_append_new(arguments->array, json_string("..."));
        return;
    }
    arguments->bytes_left -= length;
    utf8_append(&valid, argument);
    (void)json_array_append_new(arguments->array, json_string(valid.length ? valid.text : ""));
}

static json_t *process_context(const struct run_options *options, pid_t pid)
{
    CLEANUP(freep) char *directory = getcwd(NULL, 0);
    json_t *context = json_object();

    if (!options->without_argv) {
        struct arguments arguments = {json_array(), ARGV_BYTES_MAX};

        mask_arguments(options->command, append_argument, &arguments);
        (void)json_object_set_new(context, "argv", arguments.array);
    }
    if (directory) {
        CLEANUP(strbuf_clear) struct strbuf valid = STRBUF(TEXT_BYTES_MAX);

        utf8_append(&valid, directory);
        (void)json_object_set_new(context, "cwd", json_string(valid.text));
    }
    if (pid > 0)
        (void)json_object_set_new(context, "pid", json_integer(pid));
    return context;
}

/* Return the JSON text of what --set gave with `process` put in, which is taken over. The caller
 * frees it; NULL: out of memory. */
static char *with_process(json_t *given, json_t *process)
{
    CLEANUP(json_releasep) json_t *object = given ? json_copy(given) : json_object();

    (void)json_object_set_new(object, "process", process);
    return json_dumps(object, JSON_COMPACT);
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

static void set_default(struct run_recording *recording, int field, const char *text)
{
    if (text && !record_has(&recording->fields, field))
        (void)record_set_text(&recording->fields, field, text, NULL);
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
    CLEANUP(freep) char *context = with_process(options->context, process_context(options, 0));
    CLEANUP(freep)
    char *metrics = options->metrics ? json_dumps(options->metrics, JSON_COMPACT) : NULL;

    (void)record_merge(&recording->fields, &options->fields, ~(field_set)0, NULL);
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

void run_recording_end(struct run_recording *recording, const struct outcome *outcome,
                       const struct capture *capture, pid_t pid)
{
    const struct run_options *options = recording->options;
    const char *status = outcome_status(outcome, options);
    bool failed = strcmp(status, TEL_SUCCESS) != 0;
    CLEANUP(freep) char *output = text_of(capture, STDOUT_FILENO);
    CLEANUP(freep) char *error = text_of(capture, STDERR_FILENO);
    CLEANUP(freep) char *output_summary = output ? last_line(output) : NULL;
    CLEANUP(freep) char *error_summary = failed ? describe_error(recording, outcome, error) : NULL;
    CLEANUP(freep) char *metrics = with_process(options->metrics, process_metrics(outcome));
    CLEANUP(freep) char *context = with_process(options->context, process_context(options, pid));
    struct tel_run_fields last = {
        .size = sizeof last,
        .metrics_json = metrics,
        .context_json = context,
    };

    if (!record_has(&options->fields, FIELD_output_summary))
        last.output_summary = output_summary;
    if (!record_has(&options->fields, FIELD_error_summary))
        last.error_summary = error_summary;
    if (failed && error && *error && !record_has(&options->fields, FIELD_error_details))
        last.error_details = error;
    if (!recording->run)
        return;
    if (tel_run_end(&recording->run, status, &last))
        show_first_error(recording, TEL_LOG_ERROR, "the end of this run cannot be recorded");
    tel_client_free(recording->client); /* what is in its buffer is ready for anybody now */
    recording->client = NULL;
}

void run_recording_clear(struct run_recording *recording)
{
    tel_client_free(recording->client);
    record_clear(&recording->fields);
}

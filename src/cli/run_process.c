/* SPDX-License-Identifier: MIT */
#include "cli/run_process.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "cli/run_mask.h"

#define ARGV_BYTES_MAX ((size_t)32 * 1024)
#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)

static int64_t milliseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

json_t *process_metrics(const struct outcome *outcome)
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

json_t *process_context(const struct run_options *options, pid_t pid)
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

char *with_process(json_t *given, json_t *said, json_t *process)
{
    CLEANUP(json_releasep) json_t *object = json_object();
    bool failed =
        (given && json_object_update(object, given)) || (said && json_object_update(object, said));

    failed = json_object_set_new(object, "process", process) || failed;
    return failed ? NULL : json_dumps(object, JSON_COMPACT);
}

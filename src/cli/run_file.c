/* SPDX-License-Identifier: MIT */
#include "cli/run_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

/* ---- The file -------------------------------------------------------------------------------- */

void run_file_make(struct run_file *file)
{
    CLEANUP(freep) char *path = path_join(directory_for_now(), "telemetry-run-XXXXXX");
    int fd = path ? mkostemp(path, O_CLOEXEC) : -1;

    *file = (struct run_file){0};
    if (fd < 0)
        return;
    (void)close(fd);
    file->path = steal(&path);
}

void run_file_remove(struct run_file *file)
{
    if (file->path)
        (void)unlink(file->path);
    free(file->path);
    file->path = NULL;
}

/* ---- One statement --------------------------------------------------------------------------- */

/* Each is synced to the disk, for which the caller of `telemetry run` waits. */
#define EVENTS_MAX 1000

struct reader {
    struct run_report *report;
    tel_run *run;
    size_t bytes_left;
    size_t events;
};

/* "NAME payload" */
static tel_error log_event(struct reader *reader, const char *event, tel_fault *fault)
{
    size_t length = strcspn(event, " ");
    const char *payload = event + length + strspn(event + length, " ");
    CLEANUP(freep) char *name = strndup(event, length);
    tel_error error;

    if (!length)
        return fault_set(fault, TEL_E_INVALID, "an event needs a name: event=NAME {\"a\": 1}");
    if (reader->events++ >= EVENTS_MAX)
        return fault_set(fault, TEL_E_TOO_LARGE, "only %d events are recorded", EVENTS_MAX);
    error = name ? tel_run_log_event(reader->run, name, *payload ? payload : NULL) : TEL_E_NOMEM;
    return error ? fault_set(fault, error, "the event %.60s is not recorded: %s", event,
                             tel_strerror(error))
                 : TEL_OK;
}

static tel_error set_status(struct run_report *report, const char *status, tel_fault *fault)
{
    const char *known = tel_normalize_status(status);

    if (!known || strcmp(known, TEL_PARTIAL) != 0)
        return fault_set(fault, TEL_E_INVALID,
                         "status can be partial only, not '%.60s': all else is told by how the "
                         "command ends",
                         status);
    report->is_partial = true;
    return TEL_OK;
}

static tel_error state(struct reader *reader, const char *name, const char *value, tel_fault *fault)
{
    int field = run_field_find(name);

    if (strcmp(name, "event") == 0)
        return log_event(reader, value, fault);
    if (strcmp(name, "status") == 0)
        return set_status(reader->report, value, fault);
    if (field >= 0 && run_fields[field].access & CREATE && !(run_fields[field].access & PATCH))
        return fault_set(fault, TEL_E_INVALID,
                         "%s is settled when the run starts; give it with --set", name);
    return run_given_set(&reader->report->given, name, value, fault);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static tel_error read_assignment(struct reader *reader, const char *line, tel_fault *fault)
{
    size_t length = strcspn(line, "=");
    CLEANUP(freep) char *name = strndup(line, length);

    if (!name)
        return fault_nomem(fault);
    if (!*name || !line[length])
        return fault_set(fault, TEL_E_INVALID, "'%.60s' is neither NAME=VALUE nor a JSON object",
                         line);
    return state(reader, name, line + length + 1, fault);
}

/* A string is what it says, null is nothing, all else is the text that it is in JSON. */
static tel_error read_member(struct reader *reader, const char *name, const json_t *value,
                             tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(2 * RUN_FILE_BYTES_MAX);

    if (json_is_null(value))
        return TEL_OK;
    if (json_is_string(value))
        return state(reader, name, json_string_value(value), fault);
    json_write_value(&text, value);
    return strbuf_failed(&text) ? fault_nomem(fault) : state(reader, name, text.text, fault);
}

static tel_error read_object(struct reader *reader, const char *line, tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *object = json_parse(line, strlen(line), fault);
    tel_error first = TEL_OK;
    const char *name;
    json_t *value;

    if (!object)
        return TEL_E_INVALID;
    json_object_foreach(object, name, value)
    {
        tel_error error = read_member(reader, name, value, first ? NULL : fault);

        first = first ? first : error;
    }
    return first;
}

static int read_line(void *arg, const char *bytes, size_t length, bool whole)
{
    struct reader *reader = arg;
    struct run_report *report = reader->report;
    CLEANUP(freep) char *line = strndup(bytes, length);
    tel_fault fault = {0};
    tel_error error = TEL_OK;

    (void)whole; /* the last one may lack its newline */
    report->lines++;
    if (!line)
        error = fault_nomem(&fault);
    else if (length >= reader->bytes_left)
        error = fault_set(&fault, TEL_E_TOO_LARGE, "only the first MiB is read");
    else if (strlen(line) < length)
        error = fault_set(&fault, TEL_E_INVALID, "there is a NUL in it");
    else if (*line == '{')
        error = read_object(reader, line, &fault);
    else if (line[strspn(line, " \t\r")])
        error = read_assignment(reader, line, &fault);
    if (error && report->faulty++ == 0) {
        report->fault_line = report->lines;
        report->fault = fault;
    }
    reader->bytes_left -= length < reader->bytes_left ? length + 1 : reader->bytes_left;
    return reader->bytes_left == 0;
}

void run_file_read(struct run_report *report, const struct run_file *file, tel_run *run)
{
    struct reader reader = {.report = report, .run = run, .bytes_left = RUN_FILE_BYTES_MAX};
    CLEANUP(closep) int fd = -1;
    tel_fault fault = {0};
    tel_error error;

    if (!file->path)
        return;
    error = file_open(&fd, file->path, O_RDONLY, FILE_OWNER_ONLY, NULL, &fault);
    if (!error)
        error = file_each_line(fd, file->path, read_line, &reader, &fault);
    if (error && error != TEL_E_NOT_FOUND && report->faulty++ == 0)
        report->fault = fault;
}

void run_report_clear(struct run_report *report)
{
    run_given_clear(&report->given);
}

/* SPDX-License-Identifier: MIT
 *
 * The audit trail as host programs see it: tel_ndjson_*() of telemetry.h. What calls back into the
 * host only keeps errno: it writes nothing, and the host's signals are the host's in its callback.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "base/json.h"
#include "base/utf8.h"
#include "config/config.h"
#include "deliver/line.h"
#include "deliver/ndjson.h"

struct tel_ndjson {
    struct ndjson trail;
};

void tel_ndjson_free(tel_ndjson *ndjson)
{
    if (!ndjson)
        return;
    ndjson_clear(&ndjson->trail);
    free(ndjson);
}

tel_error tel_ndjson_new(tel_ndjson **out, const char *directory, const tel_config *config)
{
    CLEANUP(errno_restore) int host_errno = errno;
    CLEANUP(config_freep) struct tel_config *environment = NULL;
    struct tel_ndjson *ndjson;

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    if (!config) {
        if (tel_config_new(&environment))
            return TEL_E_NOMEM;
        config = environment;
    }
    if (!directory)
        directory = config_text(config, CONFIG_TELEMETRY_NDJSON_DIR);
    if (!directory || !*directory)
        return TEL_E_INVALID;
    ndjson = calloc(1, sizeof *ndjson);
    if (!ndjson || ndjson_init(&ndjson->trail, directory, config_file_access(config),
                               config_int(config, CONFIG_TELEMETRY_CALL_BUDGET_MS))) {
        tel_ndjson_free(ndjson);
        return TEL_E_NOMEM;
    }
    *out = ndjson;
    return TEL_OK;
}

/* Bring a caller's JSON into one line: broken UTF-8 replaced, line breaks between its tokens gone. */
static tel_error make_line(struct strbuf *line, const char *json, tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *object = NULL;
    tel_fault why;

    utf8_append(line, json);
    if (strbuf_failed(line))
        return line_fault(line, fault);
    object = json_parse(line->text ? line->text : "", line->length, &why);
    if (!object)
        return fault_set(fault, why.code, "%s", why.text);
    if (!json_is_object(object))
        return fault_set(fault, TEL_E_INVALID, "a line of the audit trail must be a JSON object");
    if (!line->text || !strchr(line->text, '\n'))
        return TEL_OK;
    strbuf_reset(line);
    json_write_value(line, object);
    return strbuf_failed(line) ? line_fault(line, fault) : TEL_OK;
}

tel_error tel_ndjson_append(tel_ndjson *ndjson, const char *json, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    tel_error error;

    if (!ndjson || !json)
        return fault_set(fault, TEL_E_INVALID, "ndjson and json must not be NULL");
    error = make_line(&line, json, fault);
    if (error)
        return error;
    return ndjson_append(&ndjson->trail, clock_now_us(), line.text, line.length,
                         deadline_in(ndjson->trail.lock_budget_ms), NULL, fault);
}

/* ---- Reading ----------------------------------------------------------------------------------- */

#define DATE_LENGTH 8

static bool is_date(const char *text)
{
    return strlen(text) == DATE_LENGTH && strspn(text, "0123456789") == DATE_LENGTH;
}

struct reading {
    tel_text_fn *each;
    void *arg;
    size_t skipped;
    bool failed;
};

/* A blank line holds nothing that could be missed: it is neither handed on nor counted. */
static int read_line(void *arg, const char *line, size_t length, bool whole)
{
    CLEANUP(json_releasep) json_t *json = NULL;
    struct reading *reading = arg;
    tel_fault why = {0};

    if (strspn(line, " \t\r") == length)
        return 0;
    if (whole || length < FILE_LINE_BYTES_MAX)
        json = json_parse(line, length, &why);
    if (json_is_object(json))
        return reading->each(reading->arg, line);
    reading->failed = why.code == TEL_E_NOMEM;
    reading->skipped += !reading->failed;
    return reading->failed;
}

tel_error tel_ndjson_read_file(tel_ndjson *ndjson, const char *date, tel_text_fn *each, void *arg,
                               size_t *skipped, tel_fault *fault)
{
    CLEANUP(errno_restore) int host_errno = errno;
    CLEANUP(freep) char *path = NULL;
    CLEANUP(closep) int fd = -1;
    struct reading reading = {.each = each, .arg = arg};
    tel_error error;

    if (skipped)
        *skipped = 0;
    if (!ndjson || !each)
        return fault_set(fault, TEL_E_INVALID, "ndjson and each must not be NULL");
    if (!date || !is_date(date))
        return fault_set(fault, TEL_E_INVALID, "date must be eight digits such as 20251210");
    path = ndjson_path(&ndjson->trail, date);
    if (!path)
        return fault_nomem(fault);
    error = file_open(&fd, path, O_RDONLY, ndjson->trail.access, NULL, fault);
    if (error)
        return error;
    error = file_each_line(fd, path, read_line, &reading, fault);
    if (skipped)
        *skipped = reading.skipped;
    return reading.failed ? fault_nomem(fault) : error;
}

struct listing {
    const struct ndjson *trail;
    tel_text_fn *each;
    void *arg;
    bool failed;
};

static int list_name(void *arg, const char *name)
{
    struct listing *listing = arg;
    CLEANUP(freep) char *path = path_join(listing->trail->directory, name);

    listing->failed = !path;
    return !path || listing->each(listing->arg, path);
}

tel_error tel_ndjson_list_files(tel_ndjson *ndjson, tel_text_fn *each, void *arg, tel_fault *fault)
{
    CLEANUP(errno_restore) int host_errno = errno;
    struct listing listing = {.each = each, .arg = arg};
    tel_error error;

    if (!ndjson || !each)
        return fault_set(fault, TEL_E_INVALID, "ndjson and each must not be NULL");
    listing.trail = &ndjson->trail;
    error =
        directory_each(listing.trail->directory, ndjson_is_daily_name, list_name, &listing, fault);
    return listing.failed ? fault_nomem(fault) : error;
}

static int count_line(void *arg, const char *line, size_t length, bool whole)
{
    int64_t *count = arg;

    (void)line, (void)length, (void)whole;
    (*count)++;
    return 0;
}

tel_error tel_ndjson_get_file_info(tel_ndjson *ndjson, const char *path, tel_file_info *out,
                                   tel_fault *fault)
{
    CLEANUP(errno_restore) int host_errno = errno;
    CLEANUP(closep) int fd = -1;
    const char *slash;
    struct stat status;
    tel_error error;

    if (out)
        *out = (tel_file_info){0};
    if (!ndjson || !path || !out)
        return fault_set(fault, TEL_E_INVALID, "ndjson, path and out must not be NULL");
    error = file_open(&fd, path, O_RDONLY, ndjson->trail.access, NULL, fault);
    if (error)
        return error;
    if (fstat(fd, &status))
        return fault_errno(fault, TEL_E_IO, "cannot examine %s", path);
    slash = strrchr(path, '/');
    (void)snprintf(out->name, sizeof out->name, "%s", slash ? slash + 1 : path);
    out->bytes = status.st_size;
    return file_each_line(fd, path, count_line, &out->lines, fault);
}

/* SPDX-License-Identifier: MIT
 *
 * The buffer as host programs see it: tel_buffer_*() of telemetry.h.
 */
#include "base/cleanup.h"
#include "base/host.h"
#include "deliver/config_sync.h"
#include "deliver/http_public.h"
#include "deliver/remote.h"

struct tel_buffer {
    struct buffer *buffer;
    struct tel_config *config;
};

static void bufferp_free(struct tel_buffer **buffer)
{
    if (!*buffer)
        return;
    buffer_free((*buffer)->buffer);
    tel_config_free((*buffer)->config);
    free(*buffer);
}

tel_error tel_buffer_new(tel_buffer **out, const char *directory, const tel_config *config)
{
    CLEANUP(errno_restore) int host_errno = errno;
    CLEANUP(bufferp_free) struct tel_buffer *buffer = NULL;
    struct buffer_options options;
    tel_error error;

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    if (directory && !*directory)
        return TEL_E_INVALID;
    buffer = calloc(1, sizeof *buffer);
    if (!buffer)
        return TEL_E_NOMEM;
    error = config_take(&buffer->config, config);
    if (!error && directory)
        error = tel_config_set(buffer->config, "TELEMETRY_BUFFER_DIR", directory);
    if (error)
        return error;
    options = config_buffer_options(buffer->config);
    error = options.directory ? buffer_new(&buffer->buffer, &options) : TEL_E_INVALID;
    if (!error)
        *out = steal(&buffer);
    return error;
}

void tel_buffer_free(tel_buffer *buffer)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    bufferp_free(&buffer);
}

/* ---- Writing --------------------------------------------------------------------------------- */

tel_error tel_buffer_append(tel_buffer *buffer, const tel_record *record, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!buffer || !record)
        return fault_null(fault, buffer ? "record" : "buffer");
    return buffer_append_run(buffer->buffer, record, fault);
}

tel_error tel_buffer_append_update(tel_buffer *buffer, const char *event_id,
                                   const tel_record *changes, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(record_clear) struct tel_record update = RECORD();
    field_set set = run_fields_with(PATCH);
    tel_error error;

    if (!buffer || !changes)
        return fault_null(fault, buffer ? "changes" : "buffer");
    error = record_merge(&update, changes, set, fault);
    if (!error)
        error = record_set_text(&update, FIELD_event_id, event_id, fault);
    return error ? error : buffer_append_update(buffer->buffer, &update, set, fault);
}

tel_error tel_buffer_force_rotate(tel_buffer *buffer, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!buffer)
        return fault_null(fault, "buffer");
    return buffer_rotate(buffer->buffer, fault);
}

/* ---- Delivering ------------------------------------------------------------------------------ */

static void fill_report(tel_sync_report *report, const struct sync_report *done)
{
    *report = (tel_sync_report){
        .files = (int64_t)done->files,
        .created = (int64_t)done->created,
        .updated = (int64_t)done->updated,
        .duplicates = (int64_t)done->duplicates,
        .carried = (int64_t)done->carried,
        .rejected = (int64_t)done->rejected,
    };
}

tel_error tel_buffer_sync(tel_buffer *buffer, tel_http_client *http, int64_t timeout_ms,
                          tel_sync_report *report, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct remote_delivery delivery = {.deadline = deadline_in(timeout_ms)};
    struct sync_report done = {0};
    struct sync_options options;
    tel_error error;

    if (report)
        *report = (tel_sync_report){0};
    if (!buffer || !http)
        return fault_null(fault, buffer ? "http" : "buffer");
    delivery.http = http->http;
    options = config_sync_options(buffer->config, &buffer->config->log);
    error = buffer_rotate(buffer->buffer, fault);
    if (!error)
        error = buffer_sync(&options, remote_deliver, &delivery, &done, fault);
    if (report)
        fill_report(report, &done);
    return error;
}

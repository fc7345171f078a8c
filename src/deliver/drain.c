/* SPDX-License-Identifier: MIT
 *
 * Lines that are carried on are kept in memory until the rest of the file was answered: else a file
 * that is begun again and again, because the service keeps going away in its middle, would leave a
 * copy of them each time.
 */
#include "deliver/drain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "deliver/batch.h"
#include "deliver/buffer_name.h"
#include "deliver/line.h"
#include "deliver/record_line.h"
#include "deliver/rejects.h"

#define CARRIED_BYTES_MAX ((size_t)2 * FILE_LINE_BYTES_MAX)
#define MS_PER_DAY (INT64_C(24) * 3600 * 1000)

struct drain {
    struct drain_target *target;
    const char *path;
    struct batch batch;
    struct strbuf carried;
    struct rejects rejects;
    tel_error error;
    tel_fault *fault;
};

static void drain_clear(struct drain *drain)
{
    batch_clear(&drain->batch);
    strbuf_clear(&drain->carried);
    rejects_clear(&drain->rejects);
}

static tel_error reject(struct drain *drain, const char *reason, const char *line, size_t length)
{
    const struct sync_options *options = drain->target->options;
    tel_error error =
        rejects_add(&drain->rejects, /* at= */ NULL, reason, line, length, drain->fault);

    if (error)
        return error;
    drain->target->report->rejected++;
    if (options->on_reject)
        options->on_reject(options->on_reject_arg, reason);
    return TEL_OK;
}

/* ---- What became of it ------------------------------------------------------------------------- */

/* Hand the lines kept so far to the file that carries them on. */
static tel_error flush_carried(struct drain *drain)
{
    const struct sync_options *options = drain->target->options;
    const char *directory =
        options->carry_directory ? options->carry_directory : options->directory;
    const struct buffer_options carry = {.directory = directory,
                                         .access = options->access,
                                         .bytes_max = INT64_MAX,
                                         .age_max_ms = INT64_MAX};
    struct buffer **buffer = &drain->target->carry;
    const char *line = drain->carried.text;
    tel_error error = TEL_OK;

    if (!drain->carried.length)
        return TEL_OK;
    if (!*buffer)
        error = buffer_new(buffer, &carry);
    if (error)
        return fault_set(drain->fault, error, "%s", tel_strerror(error));
    while (!error && *line) {
        size_t length = strcspn(line, "\n");

        error = buffer_append_line(*buffer, line, length, /* durably= */ false, drain->fault);
        line += length + 1;
    }
    strbuf_reset(&drain->carried);
    return error ? error : buffer_make_durable(*buffer, drain->fault);
}

/* Find out since when an update is on its way: as it says, or since its file was begun. */
static int64_t buffered_since(const struct drain *drain, const json_t *update)
{
    const char *slash = strrchr(drain->path, '/');
    const char *name = slash ? slash + 1 : drain->path;
    int64_t us;

    if (timestamp_parse(&us, json_string_value(json_object_get(update, "buffered_at"))) ||
        buffer_name_time(&us, name))
        return us;
    return clock_now_us();
}

/* Keep an update whose run is not there yet for the next file, or reject it when it is too old. */
static tel_error carry_on(struct drain *drain, const struct batch_item *item)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    CLEANUP(json_releasep) json_t *update = NULL;
    int64_t age_max_ms = drain->target->options->update_age_max_ms;
    char time[TEL_TIMESTAMP_SIZE];
    char reason[160];
    int64_t since;

    if (record_line_parse(&update, item->line, item->length, /* whole= */ true, NULL))
        return fault_nomem(drain->fault); /* it parsed before */
    since = buffered_since(drain, update);
    if ((clock_now_us() - since) / 1000 > age_max_ms) {
        (void)snprintf(reason, sizeof reason,
                       "no run with this event_id came within %" PRId64 " days",
                       age_max_ms / MS_PER_DAY);
        return reject(drain, reason, item->line, item->length);
    }
    timestamp_format(time, since);
    if (json_object_set_new(update, "buffered_at", json_string(time)))
        return fault_nomem(drain->fault);
    json_write_value(&line, update);
    if (line.too_large)
        return reject(drain, "the line is too long to be carried on", item->line, item->length);
    strbuf_append(&drain->carried, line.text, line.length);
    strbuf_putc(&drain->carried, '\n');
    if (strbuf_failed(&line) || strbuf_failed(&drain->carried))
        return fault_nomem(drain->fault);
    drain->target->report->carried++;
    return drain->carried.length >= FILE_LINE_BYTES_MAX ? flush_carried(drain) : TEL_OK;
}

static tel_error settle(struct drain *drain, const struct batch_item *item)
{
    struct sync_report *report = drain->target->report;

    switch (item->write.result) {
    case WRITE_CREATED:
        report->created++;
        return TEL_OK;
    case WRITE_DUPLICATE:
        report->duplicates++;
        return TEL_OK;
    case WRITE_UPDATED:
        report->updated++;
        return TEL_OK;
    case WRITE_NOT_FOUND:
        return carry_on(drain, item);
    case WRITE_INVALID:
        return reject(drain, item->write.reason, item->line, item->length);
    case WRITE_PENDING:
        break;
    }
    return fault_set(drain->fault, TEL_E_INTERNAL, "a record of %s got no answer", drain->path);
}

static tel_error flush_batch(struct drain *drain)
{
    struct drain_target *target = drain->target;
    struct batch *batch = &drain->batch;
    tel_error error = TEL_OK;

    if (batch->count == 0)
        return TEL_OK;
    error = target->deliver(target->arg, batch_writes(batch), batch->count, drain->fault);
    target->refused = error != TEL_OK;
    for (size_t i = 0; !error && i < batch->count; i++)
        error = settle(drain, &batch->items[i]);
    batch_empty(batch);
    return error;
}

/* ---- The file ---------------------------------------------------------------------------------- */

static bool is_blank(const char *line, size_t length)
{
    return strspn(line, " \t\r") == length;
}

/* Deal with a line that is no record; want of memory stops everything. */
static tel_error refuse(struct drain *drain, tel_error error, const tel_fault *reason,
                        const char *line, size_t length)
{
    return error == TEL_E_INVALID ? reject(drain, reason->text, line, length)
                                  : fault_nomem(drain->fault);
}

static tel_error take_record(struct drain *drain, const json_t *object, const char *line,
                             size_t length)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    enum write_kind kind;
    tel_fault reason;
    tel_error error = record_line_read(&kind, &record, object, &reason);

    if (!error)
        error = batch_add(&drain->batch, kind, &record, line, length, /* number= */ 0);
    if (error)
        return refuse(drain, error, &reason, line, length);
    return batch_is_full(&drain->batch) ? flush_batch(drain) : TEL_OK;
}

/* Take the records of one line, each with a line of its own. */
static tel_error take_records(struct drain *drain, const json_t *objects)
{
    const json_t *object;
    size_t i;

    json_array_foreach(objects, i, object)
    {
        CLEANUP(strbuf_clear) struct strbuf line = STRBUF(2 * FILE_LINE_BYTES_MAX);
        tel_error error;

        json_write_value(&line, object);
        if (strbuf_failed(&line))
            return fault_nomem(drain->fault);
        error = take_record(drain, object, line.text, line.length);
        if (error)
            return error;
    }
    return TEL_OK;
}

static tel_error take_line(struct drain *drain, const char *line, size_t length, bool whole)
{
    CLEANUP(json_releasep) json_t *json = NULL;
    tel_fault reason;
    tel_error error = record_line_parse(&json, line, length, whole, &reason);

    if (error)
        return refuse(drain, error, &reason, line, length);
    return json_is_array(json) ? take_records(drain, json) : take_record(drain, json, line, length);
}

static int each_line(void *arg, const char *line, size_t length, bool whole)
{
    struct drain *drain = arg;

    if (!is_blank(line, length))
        drain->error = take_line(drain, line, length, whole);
    return drain->error != TEL_OK;
}

tel_error drain_file(struct drain_target *target, int fd, const char *path, int64_t bytes,
                     const char *rejected_path, tel_fault *fault)
{
    CLEANUP(drain_clear)
    struct drain drain = {
        .target = target,
        .path = path,
        .carried = STRBUF(CARRIED_BYTES_MAX),
        .rejects = REJECTS(rejected_path, target->options->access),
        .fault = fault,
    };
    tel_error error = batch_init(&drain.batch, target->options->batch_size, fault);

    if (!error)
        error = file_each_line_in(fd, path, bytes, each_line, &drain, fault);
    if (!error)
        error = drain.error;
    if (!error)
        error = flush_batch(&drain);
    if (!error)
        error = flush_carried(&drain);
    return error ? error : rejects_sync(&drain.rejects, fault);
}

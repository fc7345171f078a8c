/* SPDX-License-Identifier: MIT */
#include "deliver/trail_replay.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/batch.h"

struct replaying {
    const struct trail_replay *replay;
    sync_deliver_fn *deliver;
    void *deliver_arg;
    struct trail_report *report;
    struct batch batch; /* of one file, so that its lines have a name */
    json_t *given; /* by event_id: running runs whose commit comes from here; NULL takes none */
    const char *file;
    tel_fault *fault;
};

static void replaying_clear(struct replaying *replaying)
{
    batch_clear(&replaying->batch);
    json_decref(replaying->given);
}

/* ---- What became of it ----------------------------------------------------------------------- */

static void refuse(struct replaying *replaying, const struct batch_item *item)
{
    const struct trail_line line = {
        .file = replaying->file,
        .number = item->number,
        .text = item->line,
        .length = item->length,
    };

    replaying->report->refused++;
    replaying->replay->bad(replaying->replay->arg, &line, item->write.reason);
}

static void settle(struct replaying *replaying, const struct batch_item *item)
{
    struct trail_report *report = replaying->report;

    switch (item->write.result) {
    case WRITE_CREATED:
        report->created++;
        break;
    case WRITE_UPDATED:
        report->updated++;
        break;
    case WRITE_DUPLICATE:
        report->duplicates++;
        break;
    case WRITE_NOT_FOUND:
        report->lost++;
        break;
    default:
        refuse(replaying, item);
        break;
    }
}

static tel_error flush(struct replaying *replaying)
{
    struct batch *batch = &replaying->batch;
    tel_error error;

    if (batch->count == 0)
        return TEL_OK;
    error = replaying->deliver(replaying->deliver_arg, batch_writes(batch), batch->count,
                               replaying->fault);
    for (size_t i = 0; !error && i < batch->count; i++)
        settle(replaying, &batch->items[i]);
    batch_empty(batch);
    return error;
}

/* ---- Commits --------------------------------------------------------------------------------- */

/* Find the newest run of that run_id among those that are still to be delivered. */
static const struct tel_record *find_in_batch(const struct batch *batch, const char *run_id)
{
    for (size_t i = batch->count; i > 0; i--) {
        const struct tel_record *record = &batch->items[i - 1].record;
        const char *its_id = record_text(record, FIELD_run_id);

        if (its_id && strcmp(its_id, run_id) == 0)
            return record;
    }
    return NULL;
}

/* Was the run as it is at that time, or later, as far as its field of a time says? */
static bool is_since(const struct tel_record *stored, int field, int64_t us)
{
    int64_t field_us;

    return timestamp_parse(&field_us, record_text(stored, field)) && field_us > us;
}

/* Was the run there when the commit was noted, which a later namesake was not, and is it without a
 * newer one? With no commit, that it was changed since tells nothing: to bring in its buffered start is
 * a change. */
static bool is_missing(const struct replaying *replaying, const struct trail_line *line,
                       const struct tel_record *stored)
{
    int64_t noted_us;

    if (!timestamp_parse(&noted_us, line->noted_at) || is_since(stored, FIELD_created_at, noted_us))
        return false;
    return !record_has(stored, FIELD_git_commit_hash) ||
           json_object_get(replaying->given, record_text(stored, FIELD_event_id)) ||
           !is_since(stored, FIELD_updated_at, noted_us);
}

/* Find the run in the store. *wanted: false when there is nothing to be done about the commit. */
static tel_error find_in_store(const char **event_id, struct replaying *replaying,
                               const struct trail_line *line, struct tel_record *stored,
                               bool *wanted)
{
    const struct trail_replay *replay = replaying->replay;
    tel_error error = store_get_by_run_id(replay->store, line->commit_of, stored, replaying->fault);

    *event_id = error ? NULL : record_text(stored, FIELD_event_id);
    *wanted = replay->is_new || error || is_missing(replaying, line, stored);
    return error == TEL_E_NOT_FOUND ? TEL_OK : error;
}

/* Address the commit to this run. One that is running may get another later on, which counts then. */
static tel_error give_commit(struct replaying *replaying, struct trail_line *line,
                             const char *event_id, bool is_running)
{
    if (record_set_text(&line->record, FIELD_event_id, event_id, NULL) ||
        (is_running && json_object_set_new(replaying->given, event_id, json_true())))
        return fault_nomem(replaying->fault);
    return TEL_OK;
}

/* Say which run the commit is of: a new store's newest is in the batch, another's may be older than
 * what the batch says once more. *wanted as above. */
static tel_error address_commit(struct replaying *replaying, struct trail_line *line, bool *wanted)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    bool is_new = replaying->replay->is_new;
    const struct tel_record *waiting = find_in_batch(&replaying->batch, line->commit_of);
    const char *event_id = waiting && is_new ? record_text(waiting, FIELD_event_id) : NULL;
    tel_error error = TEL_OK;

    *wanted = true;
    line->kind = is_new ? WRITE_UPDATE : WRITE_LATE_UPDATE;
    if (!event_id)
        error = find_in_store(&event_id, replaying, line, &stored, wanted);
    if (error)
        return error;
    if (!event_id && waiting)
        event_id = record_text(waiting, FIELD_event_id);
    replaying->report->lost += !event_id;
    replaying->report->duplicates += !*wanted;
    *wanted = *wanted && event_id;
    if (!*wanted)
        return TEL_OK;
    return give_commit(replaying, line, event_id,
                       !is_new && !record_has_ended(waiting ? waiting : &stored));
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static tel_error take_line(void *arg, struct trail_line *line, tel_fault *fault)
{
    struct replaying *replaying = arg;
    bool wanted = true;
    tel_error error = line->commit_of ? address_commit(replaying, line, &wanted) : TEL_OK;

    if (error || !wanted)
        return error;
    if (record_has_ended(&line->record))
        (void)json_object_del(replaying->given, record_text(&line->record, FIELD_event_id));
    replaying->file = line->file;
    if (batch_add(&replaying->batch, line->kind, &line->record, line->text, line->length,
                  line->number))
        return fault_nomem(fault);
    return batch_is_full(&replaying->batch) ? flush(replaying) : TEL_OK;
}

static void note_bad(void *arg, const struct trail_line *line, const char *reason)
{
    const struct replaying *replaying = arg;

    replaying->replay->bad(replaying->replay->arg, line, reason);
}

static tel_error end_file(void *arg)
{
    return flush(arg);
}

tel_error trail_replay(const struct trail_replay *replay, sync_deliver_fn *deliver, void *arg,
                       struct trail_report *report, tel_fault *fault)
{
    CLEANUP(replaying_clear)
    struct replaying replaying = {
        .replay = replay,
        .deliver = deliver,
        .deliver_arg = arg,
        .report = report,
        .given = json_object(),
        .fault = fault,
    };
    struct trail_reading reading = {
        .directory = replay->directory,
        .access = replay->access,
        .each = take_line,
        .bad = note_bad,
        .end_file = end_file,
        .arg = &replaying,
    };
    tel_error error;

    memcpy(reading.since, replay->since, sizeof reading.since);
    *report = (struct trail_report){0};
    error = batch_init(&replaying.batch, replay->batch_size, fault);
    return error ? error : trail_read(&reading, &report->counts, fault);
}

/* SPDX-License-Identifier: MIT */
#include "deliver/trail_replay.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/batch.h"
#include "model/commit.h"

struct replaying {
    const struct trail_replay *replay;
    sync_deliver_fn *deliver;
    void *deliver_arg;
    struct trail_report *report;
    struct batch batch; /* of one file, so that its lines have a name */
    json_t *told; /* by event_id: the commit told last of a run that is running; NULL takes none */
    const char *file;
    tel_fault *fault;
};

static void replaying_clear(struct replaying *replaying)
{
    batch_clear(&replaying->batch);
    json_decref(replaying->told);
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

/* Find the newest run of that run_id, or its commit, among what is still to be delivered. */
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

/* Remember which commit the trail told last of a run, as long as it may get another. */
static tel_error note_told(struct replaying *replaying, const struct tel_record *run,
                           const struct tel_record *commit)
{
    const char *event_id = record_text(run, FIELD_event_id);
    const char *hash = record_text(commit, FIELD_git_commit_hash);

    if (record_has_ended(run))
        (void)json_object_del(replaying->told, event_id);
    else if (hash && json_object_set_new(replaying->told, event_id, json_string(hash)))
        return fault_nomem(replaying->fault);
    return TEL_OK;
}

static bool has_told(const struct replaying *replaying, const struct tel_record *stored)
{
    const char *told =
        json_string_value(json_object_get(replaying->told, record_text(stored, FIELD_event_id)));

    return told && strcmp(told, record_text(stored, FIELD_git_commit_hash)) == 0;
}

/* Is the run as it is at that time, or later, as far as its field of a time says? */
static bool is_since(const struct tel_record *stored, int field, int64_t us)
{
    int64_t field_us;

    return timestamp_parse(&field_us, record_text(stored, field)) && field_us > us;
}

/* Is the run without a newer commit? When it has the one that the trail told before, nobody gave it
 * another: that it was changed since tells nothing then, for a recovery that was killed changed it. Nor
 * does it with no commit: to bring in its buffered start is a change. */
static bool is_missing(const struct replaying *replaying, const struct tel_record *stored,
                       int64_t noted_us)
{
    if (!record_has(stored, FIELD_git_commit_hash))
        return true;
    return !record_has_ended(stored) &&
           (has_told(replaying, stored) || !is_since(stored, FIELD_updated_at, noted_us));
}

/* Find the run that a new store gets the commit for. Its newest may still be in the batch. */
static tel_error find_in_new(struct replaying *replaying, const struct trail_line *line,
                             struct tel_record *run)
{
    const struct tel_record *waiting = find_in_batch(&replaying->batch, line->commit_of);

    if (waiting)
        return record_set_text(run, FIELD_event_id, record_text(waiting, FIELD_event_id), NULL);
    return store_get_by_run_id(replaying->replay->store, line->commit_of, run, replaying->fault);
}

/* Let what still waits in the batch come into a run as the store will do it, as far as its commit is
 * concerned. */
static tel_error anticipate(struct tel_record *run, const struct batch_item *item)
{
    field_set hash = FIELD_BIT(FIELD_git_commit_hash);
    field_set end = hash | FIELD_BIT(FIELD_status);
    field_set set = 0;

    if (!record_has(run, FIELD_event_id))
        set = end | FIELD_BIT(FIELD_event_id) | FIELD_BIT(FIELD_created_at);
    else if (item->write.kind == WRITE_CREATE)
        set = !record_has_ended(run) && record_has_ended(&item->record) ? end : 0;
    else
        set = !record_has_ended(run) ? end : hash & ~run->given;
    return record_merge(run, &item->record, set, NULL);
}

/* Bring the run up to what the batch says of it. *is_other: it speaks of another one of that run_id. */
static tel_error look_ahead(struct tel_record *run, const struct batch *batch, const char *run_id,
                            bool *is_other)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct tel_record *record = &batch->items[i].record;
        const char *its_id = record_text(record, FIELD_run_id);
        const char *known = record_text(run, FIELD_event_id);
        bool is_same = known && strcmp(known, record_text(record, FIELD_event_id)) == 0;
        bool is_namesake = its_id && strcmp(its_id, run_id) == 0;

        *is_other = is_namesake && known && !is_same;
        if (*is_other)
            return TEL_OK;
        if ((is_same || is_namesake) && anticipate(run, &batch->items[i]))
            return TEL_E_NOMEM;
    }
    return TEL_OK;
}

/* Find the newest run as it will be in the store, with all that was told of it before: what is then done
 * about its commit does not depend on where batches end. */
static tel_error find_as_it_will_be(struct replaying *replaying, const char *run_id,
                                    struct tel_record *run)
{
    struct store *store = replaying->replay->store;
    tel_error error = store_get_by_run_id(store, run_id, run, replaying->fault);
    bool is_other = false;

    if (error && error != TEL_E_NOT_FOUND)
        return error;
    if (look_ahead(run, &replaying->batch, run_id, &is_other))
        return fault_nomem(replaying->fault);
    if (!is_other)
        return record_has(run, FIELD_event_id) ? TEL_OK : TEL_E_NOT_FOUND;
    error = flush(replaying); /* only the store knows which of them is the newest */
    record_clear(run);
    return error ? error : store_get_by_run_id(store, run_id, run, replaying->fault);
}

/* *wanted: false when there is nothing to be done. A later namesake was not there when the commit was
 * noted. */
static tel_error find_in_used(struct replaying *replaying, const struct trail_line *line,
                              struct tel_record *run, bool *wanted)
{
    int64_t noted_us;
    tel_error error = find_as_it_will_be(replaying, line->commit_of, run);

    if (error)
        return error;
    *wanted = false;
    if (!timestamp_parse(&noted_us, line->noted_at) || is_since(run, FIELD_created_at, noted_us))
        return TEL_OK;
    *wanted = is_missing(replaying, run, noted_us);
    return note_told(replaying, run, &line->record);
}

/* Say which run the commit is of. *wanted as above. */
static tel_error address_commit(struct replaying *replaying, struct trail_line *line, bool *wanted)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    bool is_new = replaying->replay->is_new;
    tel_error error =
        is_new ? find_in_new(replaying, line, &run) : find_in_used(replaying, line, &run, wanted);

    if (error == TEL_E_NOT_FOUND) {
        replaying->report->lost++;
        *wanted = false;
        return TEL_OK;
    }
    if (error)
        return error;
    replaying->report->duplicates += !*wanted;
    line->kind = is_new ? WRITE_UPDATE : WRITE_LATE_UPDATE;
    if (record_set_text(&line->record, FIELD_event_id, record_text(&run, FIELD_event_id), NULL) ||
        record_set_text(&line->record, FIELD_run_id, line->commit_of, NULL))
        return fault_nomem(replaying->fault);
    return TEL_OK;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* An older client does not say when it made the record, but when the run started. The store's "now" would
 * be after the run's commits were noted. */
static tel_error take_run(struct replaying *replaying, struct trail_line *line)
{
    struct tel_record *run = &line->record;

    if (line->kind == WRITE_CREATE && !record_has(run, FIELD_created_at) &&
        record_set_text(run, FIELD_created_at, record_text(run, FIELD_start_time), NULL))
        return fault_nomem(replaying->fault);
    return note_told(replaying, run, run);
}

static tel_error take_line(void *arg, struct trail_line *line, tel_fault *fault)
{
    struct replaying *replaying = arg;
    struct batch *batch = &replaying->batch;
    bool wanted = true;
    tel_error error =
        line->commit_of ? address_commit(replaying, line, &wanted) : take_run(replaying, line);

    if (error || !wanted)
        return error;
    replaying->file = line->file;
    if (batch_add(batch, line->kind, &line->record, line->text, line->length, line->number))
        return fault_nomem(fault);
    if (line->commit_of) /* it takes the place of another whole, author and all */
        batch->items[batch->count - 1].write.cleared = COMMIT_FIELDS;
    return batch_is_full(batch) ? flush(replaying) : TEL_OK;
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
        .told = json_object(),
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

/* SPDX-License-Identifier: MIT
 *
 * tel_database_*() of telemetry.h: a store for a host program that writes runs itself.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/host.h"
#include "base/uuid.h"
#include "config/config_store.h"
#include "model/run_id.h"
#include "store/store.h"

struct tel_database {
    struct store *store;
};

static void recordp_free(struct tel_record **record)
{
    tel_record_free(*record);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static tel_error open_store(struct store **out, const char *path, const struct tel_config *config,
                            tel_fault *fault)
{
    struct store_options options = config_store_options(config);

    options.migrates = true;
    if (path)
        options.path = path;
    if (!options.path)
        return fault_set(fault, TEL_E_INVALID,
                         "nothing says where the database is; set TELEMETRY_DB_PATH");
    return store_open(out, &options, fault);
}

tel_error tel_database_open(tel_database **out, const char *path, const tel_config *config,
                            tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(config_freep) struct tel_config *environment = NULL;
    CLEANUP(freep) struct tel_database *database = NULL;
    tel_error error;

    if (!out)
        return fault_null(fault, "out");
    *out = NULL;
    if (!config && tel_config_new(&environment))
        return fault_nomem(fault);
    database = calloc(1, sizeof *database);
    if (!database)
        return fault_nomem(fault);
    error = open_store(&database->store, path, config ? config : environment, fault);
    if (!error)
        *out = steal(&database);
    return error;
}

void tel_database_free(tel_database *database)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!database)
        return;
    store_close(database->store);
    free(database);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static tel_error apply(struct tel_database *database, enum write_kind kind,
                       const struct tel_record *record, tel_fault *fault)
{
    struct write write = {.kind = kind, .record = record};
    struct write *writes[] = {&write};
    tel_error error = store_apply(database->store, writes, 1, fault);
    const char *event_id = record_text(record, FIELD_event_id);

    if (error)
        return error;
    switch (write.result) {
    case WRITE_CREATED:
    case WRITE_UPDATED:
        return TEL_OK;
    case WRITE_DUPLICATE:
        return fault_set(fault, TEL_E_EXISTS, "run %s is stored already", event_id);
    case WRITE_NOT_FOUND:
        return fault_set(fault, TEL_E_NOT_FOUND, "run %s not found", event_id);
    default:
        return fault_set(fault, TEL_E_INVALID, "the run cannot be stored: %s", write.reason);
    }
}

/* Is the field not given, or empty? */
static bool is_blank(const struct tel_record *record, int index)
{
    const char *text = record_text(record, index);

    return !text || !*text;
}

static tel_error fill_text(struct tel_record *record, int index, const char *text, tel_fault *fault)
{
    return is_blank(record, index) ? record_set_text(record, index, text, fault) : TEL_OK;
}

/* Make a run_id where there is none that may be taken. */
static tel_error fill_run_id(struct tel_record *record, tel_fault *fault)
{
    const char *run_id = record_text(record, FIELD_run_id);
    char made[TEL_RUN_ID_SIZE];
    tel_error error;

    if (run_id && !run_id_reject_reason(run_id))
        return TEL_OK;
    error = tel_generate_run_id(made, record_text(record, FIELD_agent_name));
    return error ? error : record_set_text(record, FIELD_run_id, made, fault);
}

static tel_error fill(struct tel_record *record, tel_fault *fault)
{
    char event_id[UUID_SIZE];
    char now[TEL_TIMESTAMP_SIZE];
    tel_error error;

    uuid_make(event_id);
    timestamp_format(now, clock_now_us());
    error = fill_run_id(record, fault);
    if (!error)
        error = fill_text(record, FIELD_event_id, event_id, fault);
    if (!error)
        error = fill_text(record, FIELD_created_at, now, fault);
    if (!error)
        error = fill_text(record, FIELD_start_time, now, fault);
    if (!error)
        error = fill_text(record, FIELD_status, TEL_RUNNING, fault);
    if (!error)
        record_load_int(record, FIELD_schema_version, SCHEMA_VERSION);
    return error;
}

tel_error tel_database_insert_run(tel_database *database, tel_record *record, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    tel_error error;

    if (!database || !record)
        return fault_null(fault, database ? "record" : "database");
    if (is_blank(record, FIELD_agent_name) || is_blank(record, FIELD_job_type))
        return fault_set(fault, TEL_E_INVALID, "the run must have an agent_name and a job_type");
    error = fill(record, fault);
    return error ? error : apply(database, WRITE_CREATE, record, fault);
}

/* Find the run that an id means: its event_id, or the newest of that run_id. */
static tel_error find(struct tel_database *database, const char *id, struct tel_record *record,
                      tel_fault *fault)
{
    tel_error error = store_get(database->store, id, record, fault);

    if (error == TEL_E_NOT_FOUND)
        error = store_get_by_run_id(database->store, id, record, fault);
    return error;
}

/* Update the run that an id means. `change` lacks its event_id, which is put in. */
static tel_error update_by_id(struct tel_database *database, enum write_kind kind, const char *id,
                              struct tel_record *change, tel_fault *fault)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    tel_error error = find(database, id, &stored, fault);

    if (!error)
        error = record_merge(change, &stored, FIELD_BIT(FIELD_event_id), fault);
    return error ? error : apply(database, kind, change, fault);
}

tel_error tel_database_update_run(tel_database *database, const tel_record *record,
                                  tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(record_clear) struct tel_record change = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    tel_error error;

    if (!database || !record)
        return fault_null(fault, database ? "record" : "database");
    if (!is_blank(record, FIELD_event_id))
        return apply(database, WRITE_UPDATE, record, fault);
    if (is_blank(record, FIELD_run_id))
        return fault_set(fault, TEL_E_INVALID, "the run must have an event_id or a run_id");
    error = store_get_by_run_id(database->store, record_text(record, FIELD_run_id), &stored, fault);
    if (!error)
        error = record_merge(&change, record, ~(field_set)0, fault);
    if (!error)
        error = record_merge(&change, &stored, FIELD_BIT(FIELD_event_id), fault);
    return error ? error : apply(database, WRITE_UPDATE, &change, fault);
}

tel_error tel_database_mark_api_posted(tel_database *database, const char *id,
                                       const char *posted_at, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(record_clear) struct tel_record change = RECORD();
    char now[TEL_TIMESTAMP_SIZE];
    tel_error error;

    if (!database || !id)
        return fault_null(fault, database ? "id" : "database");
    timestamp_format(now, clock_now_us());
    error = record_set_int(&change, FIELD_api_posted, 1, fault);
    if (!error)
        error = record_set_text(&change, FIELD_api_posted_at, posted_at ? posted_at : now, fault);
    return error ? error : update_by_id(database, WRITE_UPDATE, id, &change, fault);
}

tel_error tel_database_increment_api_retry_count(tel_database *database, const char *id,
                                                 tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(record_clear) struct tel_record change = RECORD();

    if (!database || !id)
        return fault_null(fault, database ? "id" : "database");
    return update_by_id(database, WRITE_RETRY_COUNT, id, &change, fault);
}

/* ---- Reading --------------------------------------------------------------------------------- */

tel_error tel_database_get_run(tel_record **out, tel_database *database, const char *id,
                               tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(recordp_free) struct tel_record *record = NULL;
    tel_error error;

    if (!out)
        return fault_null(fault, "out");
    *out = NULL;
    if (!database || !id)
        return fault_null(fault, database ? "id" : "database");
    error = tel_record_new(&record, NULL, fault);
    if (!error)
        error = find(database, id, record, fault);
    if (!error)
        *out = steal(&record);
    return error;
}

/* Copies of an answer: the host's callback may use the database, so nothing is held while it runs. */
struct answer {
    struct tel_record *records;
    size_t count;
    size_t capacity;
    tel_error error;
};

static void answer_clear(struct answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        record_clear(&answer->records[i]);
    free(answer->records);
}

static int answer_add(void *arg, const tel_record *record)
{
    struct answer *answer = arg;

    if (answer->count == answer->capacity) {
        size_t capacity = answer->capacity ? answer->capacity * 2 : 16;
        struct tel_record *records =
            reallocarray(answer->records, capacity, sizeof *answer->records);

        if (!records) {
            answer->error = TEL_E_NOMEM;
            return 1;
        }
        answer->records = records;
        answer->capacity = capacity;
    }
    answer->records[answer->count] = RECORD();
    answer->error = record_merge(&answer->records[answer->count++], record, ~(field_set)0, NULL);
    return answer->error != TEL_OK;
}

static tel_error collect_pending(struct tel_database *database, size_t limit, struct answer *answer,
                                 tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct run_query query = {.pending_export = true, .oldest_first = true};
    tel_error error;

    query.limit = limit < QUERY_LIMIT_MAX ? (int64_t)limit : QUERY_LIMIT_MAX;
    error = store_query(database->store, &query, answer_add, answer, fault);
    if (error)
        return error;
    return answer->error ? fault_nomem(fault) : TEL_OK;
}

tel_error tel_database_get_pending_api_posts(tel_database *database, size_t limit,
                                             tel_record_fn *each, void *arg, tel_fault *fault)
{
    CLEANUP(errno_restore) int host_errno = errno;
    CLEANUP(answer_clear) struct answer answer = {0};
    tel_error error;

    if (!database || !each)
        return fault_null(fault, database ? "each" : "database");
    if (limit == 0)
        return TEL_OK;
    error = collect_pending(database, limit, &answer, fault);
    for (size_t i = 0; i < answer.count && !error; i++) {
        if (each(arg, &answer.records[i]))
            break;
    }
    return error;
}

tel_error tel_database_get_run_stats(tel_database *database, tel_run_stats *out, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!out)
        return fault_null(fault, "out");
    *out = (tel_run_stats){0};
    if (!database)
        return fault_null(fault, "database");
    return store_stats(database->store, out, fault);
}

tel_error tel_database_check_integrity(tel_database *database, int full, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!database)
        return fault_null(fault, "database");
    return store_check(database->store, full != 0, fault);
}

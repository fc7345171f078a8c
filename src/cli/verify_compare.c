/* SPDX-License-Identifier: MIT */
#include "cli/verify_compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

/* ---- Findings -------------------------------------------------------------------------------- */

static void findings_clear(struct findings *findings)
{
    for (size_t i = 0; i < findings->kept; i++) {
        record_clear(&findings->items[i].trail);
        record_clear(&findings->items[i].stored);
    }
    free(findings->items);
}

void comparison_clear(struct comparison *comparison)
{
    for (size_t i = 0; i < FINDING_KIND_COUNT; i++)
        findings_clear(&comparison->findings[i]);
    store_close(comparison->trail);
    store_close(comparison->waiting);
    store_close(comparison->stored);
}

bool comparison_agrees(const struct comparison *comparison)
{
    for (size_t i = 0; i < FINDING_KIND_COUNT; i++) {
        if (comparison->findings[i].count)
            return false;
    }
    return true;
}

static tel_error copy_record(struct tel_record *copy, const struct tel_record *record)
{
    *copy = RECORD();
    return record ? record_merge(copy, record, ~(field_set)0, NULL) : TEL_OK;
}

static tel_error note(struct findings *findings, const struct tel_record *trail,
                      const struct tel_record *stored, field_set fields)
{
    struct finding *finding;
    tel_error error;

    findings->count++;
    if (findings->kept == FINDINGS_KEPT_MAX)
        return TEL_OK;
    if (!findings->items)
        findings->items = calloc(FINDINGS_KEPT_MAX, sizeof *findings->items);
    if (!findings->items)
        return TEL_E_NOMEM;
    finding = &findings->items[findings->kept++];
    finding->fields = fields;
    finding->stored = RECORD();
    error = copy_record(&finding->trail, trail);
    return error ? error : copy_record(&finding->stored, stored);
}

/* ---- Two runs -------------------------------------------------------------------------------- */

static bool is_same_json(const char *a, const char *b)
{
    CLEANUP(json_releasep) json_t *left = json_parse(a, strlen(a), NULL);
    CLEANUP(json_releasep) json_t *right = json_parse(b, strlen(b), NULL);

    return left && right && json_equal(left, right);
}

static bool is_same(const struct tel_record *a, const struct tel_record *b, int index)
{
    const char *left = record_text(a, index);
    const char *right = record_text(b, index);

    if (!kind_is_text(run_fields[index].kind))
        return record_int(a, index) == record_int(b, index);
    if (!left || !right)
        return left == right;
    return strcmp(left, right) == 0 ||
           (run_fields[index].kind == KIND_JSON && is_same_json(left, right));
}

static field_set differing(const struct tel_record *a, const struct tel_record *b)
{
    field_set set = 0;

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if ((FIELD_BIT(i) & VERIFIED_FIELDS) && !is_same(a, b, i))
            set |= FIELD_BIT(i);
    }
    return set;
}

/* ---- All runs -------------------------------------------------------------------------------- */

struct walk {
    struct comparison *comparison;
    int64_t last_id;
    size_t seen;
    tel_error error;
    tel_fault *fault;
};

/* Go through all runs of a store, row by row. */
static tel_error walk_store(struct comparison *comparison, struct store *store, tel_record_fn *each,
                            tel_fault *fault)
{
    struct walk walk = {.comparison = comparison, .fault = fault};
    tel_error error;

    if (!store)
        return TEL_OK;
    do {
        const struct run_query query = {.by_row = true,
                                        .oldest_first = true,
                                        .after_id = walk.last_id,
                                        .limit = QUERY_LIMIT_MAX};

        walk.seen = 0;
        error = store_query(store, &query, each, &walk, fault);
        error = error ? error : walk.error;
    } while (!error && walk.seen == QUERY_LIMIT_MAX);
    return error;
}

/* Find a run as it is stored, or will be. *from: where it is; NULL: nowhere. */
static tel_error find(struct comparison *comparison, const char *event_id,
                      struct tel_record *record, const struct store **from, tel_fault *fault)
{
    tel_error error = store_get(comparison->waiting, event_id, record, fault);

    *from = comparison->waiting;
    if (error == TEL_E_NOT_FOUND && comparison->stored) {
        error = store_get(comparison->stored, event_id, record, fault);
        *from = comparison->stored;
    }
    if (error)
        *from = NULL;
    return error == TEL_E_NOT_FOUND ? TEL_OK : error;
}

/* Was it changed since the trail was read? */
static bool is_later(const struct comparison *comparison, const struct store *from,
                     const struct tel_record *record)
{
    const char *changed_at = record_text(record, FIELD_updated_at);

    if (from == comparison->waiting)
        return comparison->waiting_is_growing;
    return changed_at && strcmp(changed_at, comparison->begun_at) >= 0;
}

static tel_error compare(struct comparison *comparison, const struct tel_record *trail,
                         tel_fault *fault)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    const struct store *from;
    field_set fields;
    tel_error error = find(comparison, record_text(trail, FIELD_event_id), &stored, &from, fault);

    if (error)
        return error;
    if (!from)
        return note(&comparison->findings[ONLY_IN_TRAIL], trail, NULL, 0);
    fields = differing(trail, &stored);
    if (strcmp(record_text(trail, FIELD_created_at), comparison->begun_at) >= 0)
        fields &= ~FIELD_BIT(FIELD_created_at); /* the line says none, so each store made its own */
    if (fields && !is_later(comparison, from, &stored))
        return note(&comparison->findings[DIFFERENT], trail, &stored, fields);
    comparison->agreeing++;
    return TEL_OK;
}

static int each_of_trail(void *arg, const struct tel_record *record)
{
    struct walk *walk = arg;

    walk->seen++;
    walk->last_id = record_int(record, FIELD_id);
    walk->comparison->trail_runs++;
    walk->error = compare(walk->comparison, record, walk->fault);
    return walk->error != TEL_OK;
}

/* Note a run that is stored, or waits to be, and is no line of the trail. */
static tel_error look_for(struct walk *walk, const struct store *from,
                          const struct tel_record *record)
{
    CLEANUP(record_clear) struct tel_record trail = RECORD();
    struct comparison *comparison = walk->comparison;
    tel_error error =
        store_get(comparison->trail, record_text(record, FIELD_event_id), &trail, walk->fault);

    if (error != TEL_E_NOT_FOUND)
        return error;
    if (is_later(comparison, from, record))
        return TEL_OK;
    return note(&comparison->findings[ONLY_STORED], NULL, record, 0);
}

static int each_stored(void *arg, const struct tel_record *record)
{
    struct walk *walk = arg;

    walk->seen++;
    walk->last_id = record_int(record, FIELD_id);
    walk->comparison->stored_runs++;
    walk->error = look_for(walk, walk->comparison->stored, record);
    return walk->error != TEL_OK;
}

/* What waits for a run that is stored is said of that one. */
static int each_waiting(void *arg, const struct tel_record *record)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    struct walk *walk = arg;
    struct store *store = walk->comparison->stored;
    tel_error error = TEL_E_NOT_FOUND;

    walk->seen++;
    walk->last_id = record_int(record, FIELD_id);
    if (store)
        error = store_get(store, record_text(record, FIELD_event_id), &stored, walk->fault);
    if (error == TEL_E_NOT_FOUND)
        error = look_for(walk, walk->comparison->waiting, record);
    walk->error = error;
    return walk->error != TEL_OK;
}

tel_error comparison_run(struct comparison *comparison, tel_fault *fault)
{
    tel_error error = walk_store(comparison, comparison->trail, each_of_trail, fault);

    if (!error)
        error = walk_store(comparison, comparison->stored, each_stored, fault);
    if (!error)
        error = walk_store(comparison, comparison->waiting, each_waiting, fault);
    return error == TEL_E_NOMEM ? fault_nomem(fault) : error;
}

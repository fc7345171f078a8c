/* SPDX-License-Identifier: MIT
 *
 * Lists. One that finds little would hold up the writer for as long as it looks, so it looks in
 * slices of SLICE_RUNS runs: when it has had the database for hold_ms, it lets go of it after a slice,
 * and goes on from the place where it was. What is written meanwhile is seen where the walk has yet to
 * come.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/query_sql.h"
#include "store/run_sql.h"
#include "store/sqlite.h"
#include "store/summaries_sql.h"

/* A place in the order of created_at and id. */
struct place {
    char *time; /* NULL: behind all times */
    int64_t id;
};

struct walk {
    struct store *store;
    struct run_query query;
    char *names[2]; /* that prefixes led to */
    struct sqlite3_stmt *runs;
    struct sqlite3_stmt *spans; /* NULL: none can be passed over */
    int64_t found[SLICE_RUNS];  /* what is in the list, of one slice */
    size_t found_count;
    struct place at;   /* what lies behind it is still to be looked at... */
    struct place last; /* ...before this one */
    bool is_over;
    int64_t to_skip;
    int64_t to_come;
    tel_record_fn *each;
    void *arg;
};

static void walk_clear(struct walk *walk)
{
    statementp_free(&walk->runs);
    statementp_free(&walk->spans);
    free(walk->names[0]);
    free(walk->names[1]);
    free(walk->at.time);
    free(walk->last.time);
}

/* ---- Places ---------------------------------------------------------------------------------- */

static int place_set(struct place *place, const char *time, int64_t id)
{
    char *copy = time ? strdup(time) : NULL;

    if (time && !copy)
        return SQLITE_NOMEM;
    free(place->time);
    *place = (struct place){copy, id};
    return SQLITE_OK;
}

/* A blob is larger than any text. */
static int bind_time(struct sqlite3_stmt *statement, int parameter, const char *time)
{
    return time ? sqlite3_bind_text(statement, parameter, time, -1, SQLITE_STATIC)
                : sqlite3_bind_zeroblob(statement, parameter, 0);
}

static int compare_places(const struct place *a, const struct place *b)
{
    int order = !a->time || !b->time ? !a->time - !b->time : strcmp(a->time, b->time);

    return order ? order : (a->id > b->id) - (a->id < b->id);
}

/* Begin at the later in the order of the walk: where it was told to, or behind a run. */
static int set_ends(struct walk *walk)
{
    const struct run_query *query = &walk->query;
    const char *before = query->created_before;
    const char *after = query->created_after;
    const struct place behind = {(char *)(uintptr_t)query->after_time, query->after_id};
    bool is_upwards = query->oldest_first;
    int result;

    if (query->by_row)
        return place_set(&walk->at, "", query->after_id);
    result =
        place_set(is_upwards ? &walk->last : &walk->at, before, before ? INT64_MIN : INT64_MAX);
    if (!result)
        result = place_set(is_upwards ? &walk->at : &walk->last, after ? after : "",
                           after ? INT64_MAX : INT64_MIN);
    if (!result && query->after_time && (compare_places(&behind, &walk->at) < 0) != is_upwards)
        result = place_set(&walk->at, query->after_time, query->after_id);
    return result;
}

/* ---- Spans ----------------------------------------------------------------------------------- */

/* Go on to the end of a time. NULL: there is none. */
static int go_before(struct walk *walk, const char *time)
{
    if (time && compare_places(&(struct place){(char *)(uintptr_t)time, INT64_MIN}, &walk->at) < 0)
        return place_set(&walk->at, time, INT64_MIN);
    return SQLITE_OK;
}

/* Go on to the end of the next span that may hold something, or a step on the way there. */
static int next_span(struct walk *walk, bool *may_hold)
{
    CLEANUP(statementp_rewind) struct sqlite3_stmt *spans = walk->spans;
    int result = bind_time(spans, BIND_TIME, walk->at.time);

    if (!result && walk->at.id != INT64_MIN)
        result = sqlite3_bind_int(spans, BIND_ID, 1);
    else if (!result)
        result = sqlite3_bind_null(spans, BIND_ID);
    if (!result)
        result = sqlite3_step(spans);
    if (result != SQLITE_ROW)
        return result;
    *may_hold = sqlite3_column_int(spans, 2);
    if (*may_hold)
        return go_before(walk, (const char *)sqlite3_column_text(spans, 1));
    walk->is_over = sqlite3_column_type(spans, 0) == SQLITE_NULL ||
                    sqlite3_column_type(spans, 3) == SQLITE_NULL;
    return go_before(walk, (const char *)sqlite3_column_text(spans, 3));
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static void take(struct walk *walk, int64_t id)
{
    if (walk->to_skip > 0) {
        walk->to_skip--;
        return;
    }
    walk->found[walk->found_count++] = id;
    walk->is_over = --walk->to_come == 0;
}

/* Hand on one that is in the list. */
static int hand_on(void *arg, size_t place, const struct tel_record *run)
{
    struct walk *walk = arg;
    bool is_enough = walk->each(walk->arg, run) != 0;

    (void)place;
    walk->is_over = walk->is_over || is_enough;
    return is_enough;
}

static int bind_ends(struct walk *walk)
{
    int result = bind_time(walk->runs, BIND_TIME, walk->at.time);

    if (!result)
        result = sqlite3_bind_int64(walk->runs, BIND_ID, walk->at.id);
    if (!result)
        result = bind_time(walk->runs, BIND_LAST_TIME, walk->last.time);
    if (!result)
        result = sqlite3_bind_int64(walk->runs, BIND_LAST_ID, walk->last.id);
    return result ? result : sqlite3_bind_int(walk->runs, BIND_LIMIT, SLICE_RUNS);
}

/* Look at as many runs as one slice has. */
static int look(struct walk *walk)
{
    CLEANUP(statementp_rewind) struct sqlite3_stmt *runs = walk->runs;
    int result = bind_ends(walk);
    int64_t looked_at = 0;

    if (result)
        return result;
    walk->store->slices++;
    while ((result = sqlite3_step(runs)) == SQLITE_ROW) {
        const char *time = (const char *)sqlite3_column_text(runs, 0);
        int64_t id = sqlite3_column_int64(runs, 1);

        if (sqlite3_column_int(runs, 2))
            take(walk, id);
        if (walk->is_over)
            return SQLITE_OK;
        if (++looked_at == SLICE_RUNS)
            return place_set(&walk->at, walk->query.by_row ? "" : time ? time : "", id);
    }
    walk->is_over = result == SQLITE_DONE;
    return walk->is_over ? SQLITE_OK : result;
}

/* Take one slice, from here or from where the next span is that may hold something, or a step to it. */
static int walk_on(struct walk *walk)
{
    bool may_hold = true;
    int result = walk->spans ? next_span(walk, &may_hold) : SQLITE_OK;

    walk->found_count = 0;
    if (!result && may_hold && !walk->is_over)
        result = look(walk);
    return result ? result
                  : sqlite_view_batch(walk->store, walk->found, walk->found_count, hand_on, walk);
}

/* Take slices for as long as the database may be held. */
static int take_turn(struct walk *walk)
{
    int result = sqlite_turn_begin(walk->store);

    while (!result && !walk->is_over) {
        result = walk_on(walk);
        if (sqlite_turn_is_over(walk->store))
            break;
    }
    return result ? result : sqlite_commit(walk->store);
}

/* ---- Prefixes -------------------------------------------------------------------------------- */

/* Look between which values those that begin so lie. A prefix that leads to one value is that value,
 * and one that leads to none is an empty list: both are found without a walk. */
static int narrow(struct walk *walk, int field, const char *table, const char *prefix)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    const char *name = run_fields[field].name;
    const char *least;
    const char *greatest;
    int result;

    for (int i = 0; i < 2; i++)
        strbuf_printf(&sql,
                      "%s (SELECT %s(%s) FROM %s WHERE %s BETWEEN ?1 AND ?1 || char(1114111))",
                      i ? "," : "SELECT", i ? "max" : "min", name, table, name);
    result = sqlite_prepare(&statement, walk->store, &sql);
    if (!result)
        result = sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_STATIC);
    if (result)
        return result;
    result = sqlite3_step(statement);
    if (result != SQLITE_ROW)
        return result;
    least = (const char *)sqlite3_column_text(statement, 0);
    greatest = (const char *)sqlite3_column_text(statement, 1);
    walk->is_over = walk->is_over || !least;
    if (!least || !greatest || strcmp(least, greatest) != 0)
        return SQLITE_OK;
    walk->query.equals[field] = walk->names[field == FIELD_agent_name] = strdup(least);
    return walk->query.equals[field] ? SQLITE_OK : SQLITE_NOMEM;
}

static int narrow_agent(struct walk *walk, const char *prefix)
{
    CLEANUP(strbuf_clear) struct strbuf agents = STRBUF(SQL_BYTES_MAX);

    strbuf_putc(&agents, '(');
    summaries_sql_counted(&agents, run_fields[FIELD_agent_name].name);
    strbuf_putc(&agents, ')');
    if (strbuf_failed(&agents))
        return SQLITE_NOMEM;
    return narrow(walk, FIELD_agent_name, agents.text, prefix);
}

static int narrow_all(struct walk *walk)
{
    const struct run_query *query = &walk->query;
    int result = SQLITE_OK;

    if (query->agent_prefix && !query->equals[FIELD_agent_name])
        result = narrow_agent(walk, query->agent_prefix);
    if (!result && query_has_commit_prefix(query))
        result = narrow(walk, FIELD_git_commit_hash,
                        "agent_runs INDEXED BY telemetry_git_commit_hash", query->commit);
    return result;
}

/* ---- The list -------------------------------------------------------------------------------- */

static int prepare(struct sqlite3_stmt **out, struct store *store, const struct strbuf *sql,
                   const struct query_values *values)
{
    int result = sqlite_prepare(out, store, sql);

    for (int i = 0; i < values->count && !result; i++)
        result = sqlite3_bind_text64(*out, BIND_VALUES + i, values->texts[i],
                                     strlen(values->texts[i]), SQLITE_STATIC, SQLITE_UTF8);
    return result;
}

static int prepare_all(struct walk *walk)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    struct query_values values = {0};
    int result;

    query_sql_walk(&sql, &values, &walk->query);
    result = prepare(&walk->runs, walk->store, &sql, &values);
    if (!result && query_has_spans(&walk->query)) {
        strbuf_reset(&sql);
        values.count = 0;
        query_sql_span(&sql, &values, &walk->query);
        result = prepare(&walk->spans, walk->store, &sql, &values);
        if (!result)
            result = sqlite3_bind_int(walk->spans, BIND_NEAR, walk->store->near_spans);
        if (!result)
            result = sqlite3_bind_int(walk->spans, BIND_FEW, walk->store->few_spans);
    }
    return result;
}

tel_error store_query(struct store *store, const struct run_query *query, tel_record_fn *each,
                      void *arg, tel_fault *fault)
{
    CLEANUP(walk_clear)
    struct walk walk = {.store = store, .query = *query, .each = each, .arg = arg};
    tel_error error = query_check(query, fault);
    int result;

    walk.to_skip = query->offset;
    walk.to_come = query->limit + query->one_more;
    if (!error)
        error = sqlite_ready(store, fault);
    if (error)
        return error;
    result = set_ends(&walk);
    if (!result)
        result = narrow_all(&walk);
    if (!result)
        result = prepare_all(&walk);
    while (!result && !walk.is_over)
        result = take_turn(&walk);
    error = sqlite_fault(store, result, "read", fault);
    sqlite_end_reading(store);
    return error;
}

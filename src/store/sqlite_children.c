/* SPDX-License-Identifier: MIT
 *
 * The runs right below others. A run_id may repeat, since a retry reuses it: of the children that
 * name it, each of its runs has those that started from its own start on until the next one's. Who
 * comes next is looked up for all parents at once, by one pass over the runs of their names.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "store/run_sql.h"
#include "store/sqlite.h"

#define NAMES_BYTES_MAX ((size_t)256 << 20)

/* Does any run name the run_id ?1 as its parent, and does one name the event_id ?2? */
#define IS_NAMED                                                                 \
    "SELECT EXISTS (SELECT 1 FROM agent_runs INDEXED BY telemetry_parent_run_id" \
    " WHERE parent_run_id = ?1), EXISTS (SELECT 1 FROM agent_runs INDEXED BY"    \
    " telemetry_parent_run_id WHERE parent_run_id = ?2)"

/* All runs of the names in a JSON array, those of one name in the order of their starts. */
#define NAMESAKES                                                               \
    "SELECT id, run_id, start_time FROM agent_runs INDEXED BY telemetry_run_id" \
    " WHERE run_id IN (SELECT value FROM json_each(?1)) ORDER BY run_id, start_time, id"

/* ?1 and ?2 are the names of the parent ?3: its run_id and its event_id. By the first it has the
 * children that started at ?4 (null: as early as may be) or later, and before ?5 (null: ever), when
 * the next run of that name did, ?6, which may be below this one itself. To sort all that they hold
 * would cost more than to read it afterwards. */
#define CHILDREN                                                                 \
    "SELECT id FROM agent_runs INDEXED BY telemetry_parent_run_id"               \
    " WHERE parent_run_id IN (?1, ?2) AND id != ?3 AND (parent_run_id IS NOT ?1" \
    " OR ((?4 IS NULL OR start_time >= ?4) AND (?5 IS NULL OR start_time < ?5))" \
    " OR id = ?6) ORDER BY start_time, id"

/* A parent, and where its time ends. */
struct span {
    const struct run_parent *parent;
    size_t index;      /* of the parent */
    bool is_named;     /* by run_id */
    bool has_children; /* is named by either */
    bool is_first;     /* of its name */
    char *next_start;
    int64_t next_id; /* 0, which no run has: it is the last of its name */
};

struct spans {
    struct span
        *items; /* by the parents' ids while the others are looked up, then in their order */
    size_t count;
};

static void spans_free(struct spans *spans)
{
    for (size_t i = 0; spans->items && i < spans->count; i++)
        free(spans->items[i].next_start);
    free(spans->items);
}

static int compare_ids(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_id(const void *a, const void *b)
{
    return compare_ids(((const struct span *)a)->parent->id, ((const struct span *)b)->parent->id);
}

static int by_index(const void *a, const void *b)
{
    size_t one = ((const struct span *)a)->index;
    size_t other = ((const struct span *)b)->index;

    return (one > other) - (one < other);
}

static int bind_text(struct sqlite3_stmt *statement, int index, const char *text)
{
    return sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

/* ---- Who comes next -------------------------------------------------------------------------- */

static int look_up_names(struct sqlite3_stmt *prepared, struct span *span)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *statement = prepared;
    int result = bind_text(statement, 1, span->parent->run_id);

    if (!result)
        result = bind_text(statement, 2, span->parent->event_id);
    if (!result)
        result = sqlite3_step(statement);
    if (result != SQLITE_ROW)
        return result;
    span->is_named = sqlite3_column_int(statement, 0) != 0;
    span->has_children = span->is_named || sqlite3_column_int(statement, 1) != 0;
    return SQLITE_OK;
}

/* Find out which parents are named by run_id, and put those names into a JSON array. */
static int collect_names(struct store *store, struct spans *spans, struct strbuf *names)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->db, IS_NAMED, -1, &statement, NULL);

    strbuf_putc(names, '[');
    for (size_t i = 0; i < spans->count && !result; i++) {
        struct span *span = &spans->items[i];

        result = look_up_names(statement, span);
        if (!result)
            result = sqlite_turn_pass(store);
        if (result)
            break;
        if (!span->is_named)
            continue;
        if (names->length > 1)
            strbuf_putc(names, ',');
        json_write_string(names, span->parent->run_id);
    }
    strbuf_putc(names, ']');
    return result || !strbuf_failed(names) ? result : SQLITE_NOMEM;
}

static struct span *find_span(const struct spans *spans, int64_t id)
{
    const struct run_parent parent = {.id = id};
    const struct span key = {.parent = &parent};

    return bsearch(&key, spans->items, spans->count, sizeof key, by_id);
}

/* The last row that was seen, if it is a parent's. */
struct previous {
    struct span *span;
    char *run_id;
};

/* Take the row of a namesake: it ends the span of the parent that it follows. */
static int take_namesake(struct sqlite3_stmt *statement, const struct spans *spans,
                         struct previous *previous)
{
    const char *run_id = (const char *)sqlite3_column_text(statement, 1);
    const char *start = (const char *)sqlite3_column_text(statement, 2);
    int64_t id = sqlite3_column_int64(statement, 0);
    bool is_same = previous->run_id && run_id && strcmp(previous->run_id, run_id) == 0;

    if (is_same && previous->span) {
        previous->span->next_id = id;
        previous->span->next_start = strdup(start ? start : "");
        if (!previous->span->next_start)
            return SQLITE_NOMEM;
    }
    previous->span = find_span(spans, id);
    if (previous->span)
        previous->span->is_first = !is_same;
    if (is_same)
        return SQLITE_OK;
    free(previous->run_id);
    previous->run_id = strdup(run_id ? run_id : "");
    return previous->run_id ? SQLITE_OK : SQLITE_NOMEM;
}

static int find_next(struct store *store, struct spans *spans)
{
    CLEANUP(strbuf_clear) struct strbuf names = STRBUF(NAMES_BYTES_MAX);
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    struct previous previous = {0};
    int result = collect_names(store, spans, &names);

    if (result || names.length == strlen("[]"))
        return result;
    result = sqlite3_prepare_v2(store->db, NAMESAKES, -1, &statement, NULL);
    if (!result)
        result = bind_text(statement, 1, names.text);
    while (!result && (result = sqlite3_step(statement)) == SQLITE_ROW)
        result = take_namesake(statement, spans, &previous);
    free(previous.run_id);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* ---- Children -------------------------------------------------------------------------------- */

static int bind_span(struct sqlite3_stmt *statement, const struct span *span)
{
    const struct run_parent *parent = span->parent;
    int result = bind_text(statement, 1, parent->run_id);

    if (!result)
        result = bind_text(statement, 2, parent->event_id);
    if (!result)
        result = sqlite3_bind_int64(statement, 3, parent->id);
    if (!result && !span->is_first)
        result = bind_text(statement, 4, parent->start_time);
    if (!result)
        result = bind_text(statement, 5, span->next_start);
    return result ? result : sqlite3_bind_int64(statement, 6, span->next_id);
}

/* Those of a parent are all found before any is read, since no turn ends while they are looked for. */
struct children {
    struct store *store;
    struct sqlite3_stmt *find; /* those of a parent */
    int64_t *ids;              /* of what was found */
    size_t *parents;           /* whose they are */
    size_t count;
    size_t room;
    size_t begin; /* of those that are being read */
    run_child_fn *each;
    void *arg;
    bool is_over;
};

static void children_clear(struct children *children)
{
    statementp_free(&children->find);
    free(children->ids);
    free(children->parents);
}

static int hand_on(void *arg, size_t place, const struct tel_record *child)
{
    struct children *children = arg;
    size_t parent = children->parents[children->begin + place];

    children->is_over = children->each(children->arg, parent, child) != 0;
    return children->is_over;
}

/* Read what was found, and let writers pass meanwhile. */
static int hand_on_found(struct children *children)
{
    size_t count = children->count;
    int result = SQLITE_OK;

    children->count = 0;
    for (size_t begin = 0; begin < count && !result && !children->is_over; begin += SLICE_RUNS) {
        size_t left = count - begin;

        children->begin = begin;
        result = sqlite_view_batch(children->store, children->ids + begin,
                                   left < SLICE_RUNS ? left : SLICE_RUNS, hand_on, children);
        if (!result)
            result = sqlite_turn_pass(children->store);
    }
    return result;
}

static bool make_room(struct children *children)
{
    size_t room = children->room ? 2 * children->room : 2 * SLICE_RUNS;
    int64_t *ids = reallocarray(children->ids, room, sizeof *ids);
    size_t *parents = ids ? reallocarray(children->parents, room, sizeof *parents) : NULL;

    if (ids)
        children->ids = ids;
    if (!parents)
        return false;
    children->parents = parents;
    children->room = room;
    return true;
}

static int take(struct children *children, size_t parent, int64_t id)
{
    if (children->count == children->room && !make_room(children))
        return SQLITE_NOMEM;
    children->ids[children->count] = id;
    children->parents[children->count++] = parent;
    return SQLITE_OK;
}

static int find_those_of(struct children *children, const struct span *span)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *find = children->find;
    int result = bind_span(find, span);

    while (!result && (result = sqlite3_step(find)) == SQLITE_ROW)
        result = take(children, span->index, sqlite3_column_int64(find, 0));
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int hand_on_all(const struct spans *spans, struct children *children)
{
    struct store *store = children->store;
    int result = sqlite3_prepare_v2(store->db, CHILDREN, -1, &children->find, NULL);

    for (size_t i = 0; i < spans->count && !result && !children->is_over; i++) {
        if (spans->items[i].has_children)
            result = find_those_of(children, &spans->items[i]);
        if (!result && children->count >= SLICE_RUNS)
            result = hand_on_found(children);
        if (!result)
            result = sqlite_turn_pass(store);
    }
    return result || children->is_over ? result : hand_on_found(children);
}

tel_error store_children(struct store *store, const struct run_parent *parents, size_t count,
                         run_child_fn *each, void *arg, tel_fault *fault)
{
    CLEANUP(spans_free)
    struct spans spans = {.items = calloc(count + 1, sizeof *spans.items), .count = count};
    CLEANUP(children_clear)
    struct children children = {.store = store, .each = each, .arg = arg};
    tel_error error = sqlite_ready(store, fault);
    int result;

    if (error)
        return error;
    if (!spans.items)
        return fault_nomem(fault);
    for (size_t i = 0; i < count; i++)
        spans.items[i] = (struct span){.parent = &parents[i], .index = i, .is_first = true};
    qsort(spans.items, count, sizeof *spans.items, by_id);
    result = sqlite_turn_begin(store);
    if (!result)
        result = find_next(store, &spans);
    qsort(spans.items, count, sizeof *spans.items, by_index);
    if (!result)
        result = hand_on_all(&spans, &children);
    error = sqlite_fault(store, result, "read", fault);
    sqlite_end_reading(store);
    return error;
}

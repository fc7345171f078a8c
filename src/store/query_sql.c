/* SPDX-License-Identifier: MIT */
#include "store/query_sql.h"

#include <inttypes.h>
#include <string.h>

#include "store/run_sql.h"
#include "store/summaries_sql.h"

#define COMMIT_PREFIX_CHARS_MIN 7
#define HEX_PREFIX_CHARS_MIN 4
#define HEX_CHARS "8" /* at the end of a made run_id, behind a '-' */

#define IS_ROOT "(parent_run_id IS NULL OR parent_run_id IN ('', 'unknown'))"
#define IS_PENDING "api_posted = 0 AND status != '" TEL_RUNNING "'"

struct builder {
    struct strbuf *sql;
    struct query_values *values;
    const char *separator; /* before the next condition */
};

/* Begin one more condition. */
static void begin(struct builder *b)
{
    strbuf_puts(b->sql, b->separator);
    b->separator = " AND ";
}

/* Note a value to be bound and return its parameter's number. */
static int add_value(struct builder *b, const char *value)
{
    b->values->texts[b->values->count] = value;
    return BIND_VALUES + b->values->count++;
}

/* Append "name operator value", when there is a value. */
static void compare(struct builder *b, const char *name, const char *operator, const char * value)
{
    if (!value)
        return;
    begin(b);
    strbuf_printf(b->sql, "%s %s ?%d", name, operator, add_value(b, value));
}

/* All texts that begin with the parameter lie between it and itself followed by the last character
 * there is: unlike LIKE that knows no wildcards, minds the case and can use an index. */
static void put_prefix(struct builder *b, int index, int parameter)
{
    strbuf_printf(b->sql, "%s BETWEEN ?%d AND ?%d || char(1114111)", run_fields[index].name,
                  parameter, parameter);
}

static void begins_with(struct builder *b, int index, const char *prefix)
{
    if (!prefix)
        return;
    begin(b);
    put_prefix(b, index, add_value(b, prefix));
}

static void has_status(struct builder *b, const struct run_query *query)
{
    if (query->status_count == 0)
        return;
    begin(b);
    strbuf_printf(b->sql, "%s IN (", run_fields[FIELD_status].name);
    for (size_t i = 0; i < query->status_count; i++)
        strbuf_printf(b->sql, "%s?%d", i ? ", " : "", add_value(b, query->statuses[i]));
    strbuf_putc(b->sql, ')');
}

bool query_has_commit_prefix(const struct run_query *query)
{
    return query->commit && strlen(query->commit) >= COMMIT_PREFIX_CHARS_MIN;
}

static void is_of_commit(struct builder *b, const struct run_query *query)
{
    if (query_has_commit_prefix(query))
        begins_with(b, FIELD_git_commit_hash, query->commit);
    else
        compare(b, run_fields[FIELD_git_commit_hash].name, "=", query->commit);
}

static void is_called(struct builder *b, const char *prefix)
{
    const char *run_id = run_fields[FIELD_run_id].name;
    int parameter;

    if (!prefix)
        return;
    begin(b);
    parameter = add_value(b, prefix);
    strbuf_putc(b->sql, '(');
    put_prefix(b, FIELD_event_id, parameter);
    strbuf_puts(b->sql, " OR ");
    put_prefix(b, FIELD_run_id, parameter);
    if (strlen(prefix) >= HEX_PREFIX_CHARS_MIN)
        strbuf_printf(b->sql,
                      " OR (substr(%s, -" HEX_CHARS ", length(?%d)) = ?%d"
                      " AND substr(%s, -" HEX_CHARS " - 1, 1) = '-'"
                      " AND substr(%s, -" HEX_CHARS ") NOT GLOB '*[^0-9a-f]*')",
                      run_id, parameter, parameter, run_id, run_id);
    strbuf_putc(b->sql, ')');
}

static void has_state(struct builder *b, const struct run_query *query)
{
    if (query->roots) {
        begin(b);
        strbuf_puts(b->sql, IS_ROOT);
    }
    if (query->pending_export) {
        begin(b);
        strbuf_puts(b->sql, IS_PENDING);
    }
    if (query->retries_below) {
        begin(b);
        strbuf_printf(b->sql, "%s < %" PRId64, run_fields[FIELD_api_retry_count].name,
                      query->retries_below);
    }
}

tel_error query_check(const struct run_query *query, tel_fault *fault)
{
    if (query->limit < 1 || query->limit > QUERY_LIMIT_MAX)
        return fault_set(fault, TEL_E_INVALID, "limit must be from 1 to %d, not %" PRId64,
                         QUERY_LIMIT_MAX, query->limit);
    if (query->offset < 0)
        return fault_set(fault, TEL_E_INVALID, "offset must be >= 0, not %" PRId64, query->offset);
    if (query->status_count > QUERY_STATUSES_MAX)
        return fault_set(fault, TEL_E_INVALID, "at most %d statuses may be asked for",
                         QUERY_STATUSES_MAX);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (query->equals[i] && !(run_fields[i].access & FILTER))
            return fault_set(fault, TEL_E_INVALID, "runs cannot be selected by %s",
                             run_fields[i].name);
    }
    return TEL_OK;
}

/* ---- The index ------------------------------------------------------------------------------- */

/* An index, and the field that leads to one place in it, from where it is in the order of time. */
struct way {
    const char *index;
    int key;
};

/* The first that serves is taken: those with the fewest runs of a value come first. */
static const struct way ways[] = {
    {"telemetry_run_id", FIELD_run_id},
    {"telemetry_git_commit_hash", FIELD_git_commit_hash},
    {"telemetry_insight_id", FIELD_insight_id},
    {"telemetry_parent_run_id", FIELD_parent_run_id},
    {"telemetry_status", FIELD_status},
};

/* Fields that the indexes of time and status hold too. A run that does not have what is asked for in
 * these is passed over without reading it. */
static const int indexed[] = {FIELD_agent_name, FIELD_job_type};

/* Return the only value that a field may have, or NULL. */
static const char *only_value(const struct run_query *query, int field)
{
    if (field == FIELD_status && query->status_count == 1)
        return query->statuses[0];
    if (field == FIELD_git_commit_hash && query->commit && !query_has_commit_prefix(query))
        return query->commit;
    return query->equals[field];
}

static const struct way *find_way(const struct run_query *query)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (only_value(query, ways[i].key))
            return &ways[i];
    }
    return NULL;
}

static bool is_indexed(int field)
{
    for (size_t i = 0; i < sizeof indexed / sizeof *indexed; i++) {
        if (indexed[i] == field)
            return true;
    }
    return false;
}

/* Append the conditions that an index suffices for. */
static void put_indexed_conditions(struct builder *b, const struct run_query *query)
{
    for (size_t i = 0; i < sizeof indexed / sizeof *indexed; i++)
        compare(b, run_fields[indexed[i]].name, "=", query->equals[indexed[i]]);
    has_status(b, query);
    begins_with(b, FIELD_agent_name, query->agent_prefix);
}

/* Append the others, but those of created_at. */
static void put_other_conditions(struct builder *b, const struct run_query *query)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!is_indexed(i))
            compare(b, run_fields[i].name, "=", query->equals[i]);
    }
    compare(b, run_fields[FIELD_start_time].name, ">=", query->start_from);
    compare(b, run_fields[FIELD_start_time].name, "<=", query->start_to);
    compare(b, run_fields[FIELD_end_time].name, ">=", query->end_from);
    compare(b, run_fields[FIELD_end_time].name, "<=", query->end_to);
    is_of_commit(b, query);
    is_called(b, query->id_prefix);
    has_state(b, query);
    if (*b->separator == '\0')
        strbuf_putc(b->sql, '1');
}

/* Append all as one expression. AND would look at both its sides, CASE looks at one. */
static void put_all_conditions(struct builder *b, const struct run_query *query)
{
    strbuf_puts(b->sql, "CASE WHEN ");
    b->separator = "";
    put_indexed_conditions(b, query);
    strbuf_puts(b->sql, *b->separator == '\0' ? "1 THEN " : " THEN ");
    b->separator = "";
    put_other_conditions(b, query);
    strbuf_puts(b->sql, " ELSE 0 END");
}

/* Append what leads to the place in the index where the walk begins. */
static void put_way(struct builder *b, const struct run_query *query, const struct way *way)
{
    const char *index = way            ? way->index
                        : query->roots ? "telemetry_roots"
                                       : "telemetry_created_at";

    strbuf_printf(b->sql, " FROM agent_runs INDEXED BY %s WHERE ", index);
    b->separator = "";
    if (way)
        compare(b, run_fields[way->key].name, "=", only_value(query, way->key));
    if (!way && query->roots) {
        begin(b);
        strbuf_puts(b->sql, IS_ROOT);
    }
}

static void put_by_row(struct builder *b, const struct run_query *query)
{
    strbuf_printf(b->sql, " FROM agent_runs %s WHERE ",
                  query->pending_export ? "INDEXED BY telemetry_pending" : "NOT INDEXED");
    if (query->pending_export)
        strbuf_puts(b->sql, IS_PENDING " AND ");
    strbuf_printf(b->sql, "id > ?%d ORDER BY id", BIND_ID);
}

static void put_by_time(struct builder *b, const struct run_query *query)
{
    const char *on = query->oldest_first ? ">" : "<";
    const char *until = query->oldest_first ? "<" : ">";
    const char *direction = query->oldest_first ? "" : " DESC";

    put_way(b, query, find_way(query));
    begin(b);
    strbuf_printf(b->sql,
                  "(created_at, id) %s (?%d, ?%d) AND (created_at, id) %s (?%d, ?%d)"
                  " ORDER BY created_at%s, id%s",
                  on, BIND_TIME, BIND_ID, until, BIND_LAST_TIME, BIND_LAST_ID, direction,
                  direction);
}

void query_sql_walk(struct strbuf *sql, struct query_values *values, const struct run_query *query)
{
    struct builder b = {sql, values, ""};

    strbuf_puts(sql, "SELECT created_at, id, ");
    put_all_conditions(&b, query);
    if (query->by_row)
        put_by_row(&b, query);
    else
        put_by_time(&b, query);
    strbuf_printf(sql, " LIMIT ?%d", BIND_LIMIT);
}

/* ---- Spans ----------------------------------------------------------------------------------- */

/* The fields whose values are known of each span. */
static const int categories[] = {
    FIELD_agent_name,   FIELD_job_type,   FIELD_product, FIELD_product_family,
    FIELD_platform,     FIELD_subdomain,  FIELD_website, FIELD_website_section,
    FIELD_git_repo,     FIELD_git_branch, FIELD_host,    FIELD_environment,
    FIELD_trigger_type,
};
#define CATEGORY_COUNT (sizeof categories / sizeof *categories)

/* Does a span begin before the place of the walk? */
#define IS_BEFORE "%s <= ?%d AND (%s < ?%d OR ?%d IS NOT NULL)"

/* Where the near ones end. NULL: all are near. */
#define END_OF_NEAR                                                                     \
    "(SELECT since FROM telemetry_spans WHERE since <= ?%d ORDER BY since DESC LIMIT 1" \
    " OFFSET ?%d)"

/* Return the first from `i` on that is asked for. */
static size_t next_category(const struct run_query *query, size_t i)
{
    while (i < CATEGORY_COUNT && !query->equals[categories[i]])
        i++;
    return i;
}

bool query_has_spans(const struct run_query *query)
{
    if (query->by_row || query->oldest_first)
        return false;
    return query->start_from || query->start_to || query->end_from || query->end_to ||
           next_category(query, 0) < CATEGORY_COUNT;
}

/* An index has both ends of one time: is that all that is asked for? */
static bool has_index_of_spans(const struct run_query *query)
{
    bool has_start = query->start_from || query->start_to;
    bool has_end = query->end_from || query->end_to;

    return has_start != has_end && next_category(query, 0) == CATEGORY_COUNT;
}

/* How far a span's times must reach. */
struct bound {
    const char *column; /* of telemetry_spans; the index of it is named so too */
    const char *operator;
    const char *value;
};

#define BOUND_COUNT 4

/* List the bounds that a query has and return how many. */
static size_t find_bounds(struct bound bounds[BOUND_COUNT], const struct run_query *query)
{
    const struct bound all[BOUND_COUNT] = {
        {"start_min", "<=", query->start_to},
        {"end_min", "<=", query->end_to},
        {"start_max", ">=", query->start_from},
        {"end_max", ">=", query->end_from},
    };
    size_t count = 0;

    for (size_t i = 0; i < BOUND_COUNT; i++) {
        if (all[i].value)
            bounds[count++] = all[i];
    }
    return count;
}

/* Append them as conditions. The '+' keeps SQLite from an index of its own choice. */
static void put_bounds(struct builder *b, const struct bound *bounds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        begin(b);
        strbuf_printf(b->sql, "+span.%s %s ?%d", bounds[i].column, bounds[i].operator,
                      add_value(b, bounds[i].value));
    }
}

/* Append the last of the closed spans before a time that reach as far, looked for one after another: all
 * of them, or the near ones. */
static void put_span_by_time(struct builder *b, const struct bound *bounds, size_t count, bool near)
{
    strbuf_puts(b->sql, "SELECT span.since FROM telemetry_spans AS span WHERE ");
    strbuf_printf(b->sql, IS_BEFORE, "span.since", BIND_TIME, "span.since", BIND_TIME, BIND_ID);
    b->separator = " AND ";
    if (near)
        strbuf_printf(b->sql, " AND span.since >= " END_OF_NEAR, BIND_TIME, BIND_NEAR);
    put_bounds(b, bounds, count);
    strbuf_puts(b->sql, " ORDER BY span.since DESC LIMIT 1");
}

/* Append those that a bound leaves, by its index. */
static void put_index(struct builder *b, const struct bound *bound)
{
    strbuf_printf(b->sql,
                  " FROM telemetry_spans AS span INDEXED BY telemetry_span_%s"
                  " WHERE span.%s %s ?%d",
                  bound->column, bound->column, bound->operator, add_value(b, bound->value));
}

/* The same span, looked for among those that the first bound leaves. */
static void put_span_by_reach(struct builder *b, const struct bound *bounds, size_t count)
{
    strbuf_puts(b->sql, "SELECT max(+span.since)");
    put_index(b, &bounds[0]);
    strbuf_puts(b->sql, " AND ");
    strbuf_printf(b->sql, IS_BEFORE, "+span.since", BIND_TIME, "+span.since", BIND_TIME, BIND_ID);
    b->separator = " AND ";
    put_bounds(b, bounds + 1, count - 1);
}

/* Mostly that span is near. Where it is not, those that reach far enough may be few, or it is not very
 * far: the more of the one, the less of the other. */
static void put_closed_span(struct builder *b, const struct run_query *query)
{
    struct bound bounds[BOUND_COUNT];
    size_t count = find_bounds(bounds, query);

    if (!has_index_of_spans(query)) {
        put_span_by_time(b, bounds, count, /* near= */ false);
        return;
    }
    strbuf_puts(b->sql, "SELECT coalesce((");
    put_span_by_time(b, bounds, count, /* near= */ true);
    strbuf_puts(b->sql, "), CASE WHEN (SELECT count(*) FROM (SELECT 1");
    put_index(b, &bounds[0]);
    strbuf_printf(b->sql, " LIMIT ?%d)) < ?%d THEN (", BIND_FEW, BIND_FEW);
    put_span_by_reach(b, bounds, count);
    strbuf_puts(b->sql, ") ELSE (");
    put_span_by_time(b, bounds, count, /* near= */ false);
    strbuf_puts(b->sql, ") END)");
}

/* Append until when all values that are asked for were seen, here or before. x'': none is. NULL: one never
 * was. */
static void put_last_seen(struct builder *b, const struct run_query *query)
{
    strbuf_puts(b->sql, next_category(query, 0) < CATEGORY_COUNT ? "min(x''" : "(x''");
    for (size_t i = next_category(query, 0); i < CATEGORY_COUNT; i = next_category(query, i + 1)) {
        int field = categories[i];

        strbuf_printf(b->sql,
                      ", (SELECT until FROM telemetry_span_values WHERE field = '%s'"
                      " AND value = ?%d AND since <= here.since ORDER BY since DESC LIMIT 1)",
                      run_fields[field].name, add_value(b, query->equals[field]));
    }
    strbuf_putc(b->sql, ')');
}

/* Of the last span nothing is known: it is still open. */
void query_sql_span(struct strbuf *sql, struct query_values *values, const struct run_query *query)
{
    struct builder b = {sql, values, ""};

    strbuf_puts(sql, "SELECT since, ending, since = " LAST_SPAN " OR seen > since, seen FROM"
                     " (SELECT since, (SELECT min(later.since) FROM telemetry_spans AS later"
                     " WHERE later.since > here.since) AS ending, ");
    put_last_seen(&b, query);
    strbuf_puts(sql, " AS seen FROM (SELECT coalesce(CASE WHEN ");
    strbuf_printf(sql, IS_BEFORE, LAST_SPAN, BIND_TIME, LAST_SPAN, BIND_TIME, BIND_ID);
    strbuf_puts(sql, " THEN " LAST_SPAN " END, (");
    put_closed_span(&b, query);
    strbuf_puts(sql, ")) AS since LIMIT 1) AS here)");
}

/* SPDX-License-Identifier: MIT
 *
 * Version 8 has the columns of version 7. It takes the fourteen indexes away, of which most were not
 * in the order of any list, and puts those and the summaries in their place by which every question is
 * answered. What was left by an earlier attempt of somebody else is made anew.
 */
#include <sqlite3.h>

#include "base/cleanup.h"
#include "store/run_sql.h"
#include "store/sqlite.h"
#include "store/sqlite_migrate.h"
#include "store/summaries_sql.h"

#define DROPS_BYTES_MAX 16384

/* The statements that take away what there is of ours. */
static const char drop_ours[] =
    "SELECT group_concat('DROP ' || type || ' ' || name, ';') FROM sqlite_schema"
    " WHERE (type IN ('index', 'trigger') AND tbl_name = 'agent_runs'"
    " AND name GLOB '" SUMMARIES_NAMES "')"
    " OR (type = 'view' AND name GLOB '" SUMMARIES_NAMES "')"
    " OR (type = 'table' AND name IN ('telemetry_counts', 'telemetry_spans',"
    " 'telemetry_span_values', 'telemetry_replaced'))";

/* The same for the fourteen, which have other names in some files. */
static const char drop_fourteen[] =
    "SELECT group_concat('DROP INDEX \"' || replace(list.name, '\"', '\"\"') || '\"', ';')"
    " FROM pragma_index_list('agent_runs') AS list"
    " WHERE list.origin = 'c' AND NOT list.partial AND NOT list.\"unique\" AND"
    " (SELECT group_concat(coalesce(name, '?') || iif(\"desc\", ' DESC', ''), ', ')"
    " FROM pragma_index_xinfo(list.name) WHERE key)"
    " IN ('event_id', 'agent_name', 'status', 'start_time', 'created_at DESC',"
    " 'agent_name, status, created_at DESC', 'agent_name, created_at DESC', 'job_type',"
    " 'parent_run_id', 'api_posted', 'insight_id', 'git_commit_hash', 'website',"
    " 'website, website_section')";

static int drop(struct store *store, const char *query)
{
    char drops[DROPS_BYTES_MAX];
    int result = sqlite_query_text(store, query, drops, sizeof drops);

    return result ? result : sqlite_exec(store, drops);
}

int migrate_to_8(struct store *store)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    int result = drop(store, drop_ours);

    summaries_sql_make(&sql);
    summaries_sql_fill(&sql);
    if (!result)
        result = drop(store, drop_fourteen);
    if (!result && strbuf_failed(&sql))
        return SQLITE_NOMEM;
    return result ? result : sqlite_exec(store, sql.text);
}

/* SPDX-License-Identifier: MIT
 *
 * Runs by their ids, many at a time: to begin and end a statement for each costs half as much as to read
 * the run.
 */
#include <inttypes.h>
#include <sqlite3.h>

#include "base/cleanup.h"
#include "store/run_sql.h"
#include "store/sqlite.h"

#define IDS_BYTES_MAX ((size_t)SLICE_RUNS * 24)

static void write_ids(struct strbuf *json, const int64_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_putc(json, i ? ',' : '[');
        strbuf_put_int(json, ids[i]);
    }
    strbuf_putc(json, ']');
}

/* Hand on the runs that a statement comes to; those that are gone are passed over. */
static int hand_on(struct sqlite3_stmt *runs, const int64_t *ids, size_t count, batch_fn *each,
                   void *arg)
{
    size_t place = 0;
    int result;

    while ((result = sqlite3_step(runs)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(runs, FIELD_id);
        struct tel_record run;

        while (place < count && ids[place] != id)
            place++;
        result = sqlite_view_record(runs, &run);
        if (result || place == count || each(arg, place, &run))
            return result;
    }
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

int sqlite_view_batch(struct store *store, const int64_t *ids, size_t count, batch_fn *each,
                      void *arg)
{
    CLEANUP(strbuf_clear) struct strbuf json = STRBUF(IDS_BYTES_MAX);
    CLEANUP(statementp_reset) struct sqlite3_stmt *runs = NULL;
    int result;

    if (!count)
        return SQLITE_OK;
    result = sqlite_keep_once(store, KEPT_GET_BATCH, run_sql_select_each);
    if (result)
        return result;
    runs = store->kept[KEPT_GET_BATCH];
    write_ids(&json, ids, count);
    if (strbuf_failed(&json))
        return SQLITE_NOMEM;
    result = sqlite3_bind_text(runs, 1, json.text, (int)json.length, SQLITE_STATIC);
    return result ? result : hand_on(runs, ids, count, each, arg);
}

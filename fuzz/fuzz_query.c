/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a request's target: cut into path and query, read as a list's conditions. What is
 * taken can be asked of the store, and a link with the same parameters says the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/query.h"
#include "store/query_sql.h"
#include "store/run_sql.h"

/* Write the parameters down again as they are written into a link, and read that. */
static void follow_link(const struct target *target)
{
    struct strbuf link = STRBUF(1 << 20);
    struct target again = {0};

    strbuf_puts(&link, "/");
    for (size_t i = 0; i < target->parameter_count; i++)
        target_append_parameter(&link, target->parameters[i].name, target->parameters[i].value);
    if (strbuf_failed(&link) || target_parse(&again, link.text, NULL) ||
        again.parameter_count != target->parameter_count)
        abort();
    for (size_t i = 0; i < target->parameter_count; i++) {
        if (strcmp(again.parameters[i].name, target->parameters[i].name) != 0 ||
            strcmp(again.parameters[i].value, target->parameters[i].value) != 0)
            abort();
    }
    target_clear(&again);
    strbuf_clear(&link);
}

static void ask_store(const struct run_query *query)
{
    struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    struct query_values values = {0};

    if (query_check(query, NULL))
        abort();
    query_sql_walk(&sql, &values, query);
    if (strbuf_failed(&sql) || values.count > QUERY_VALUES_MAX)
        abort();
    strbuf_clear(&sql);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct target target = {0};
    struct faults faults = FAULTS();
    struct list_query query;
    tel_fault fault = {0};

    if (text && !target_parse(&target, text, &fault)) {
        bool is_invalid = query_read(&query, &target, &faults, &fault) != TEL_OK;

        if (is_invalid && !*fault.text)
            abort();
        if (!is_invalid && !faults.count)
            ask_store(&query.run_query);
        follow_link(&target);
    } else if (text && !*fault.text) {
        abort();
    }
    faults_clear(&faults);
    target_clear(&target);
    free(text);
    return 0;
}

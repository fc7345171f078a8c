/* SPDX-License-Identifier: MIT
 *
 * Any bytes as the target of a request for a list: refused with a reason, or a query within its
 * limits.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/query.h"

static void check(const struct target *target)
{
    struct list_query query;
    struct faults faults = FAULTS();
    tel_fault fault = {0};
    tel_error error = query_read(&query, target, &faults, &fault);

    if (error && !*fault.text)
        abort();
    if (!error && faults.count == 0 &&
        (query.run_query.limit < 1 || query.run_query.limit > QUERY_LIMIT_MAX ||
         query.run_query.offset < 0 || query.run_query.status_count > QUERY_STATUSES_MAX))
        abort();
    faults_clear(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct target target = {0};
    tel_fault fault = {0};

    if (!text)
        return 0;
    if (target_parse(&target, text, &fault) == TEL_OK)
        check(&target);
    else if (!*fault.text)
        abort();
    target_clear(&target);
    free(text);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Runs kept in memory, newest first, and how they are chosen by the filters of the command line.
 */
#ifndef CLI_RUN_LIST_H
#define CLI_RUN_LIST_H

#include "cli/options.h"
#include "cli/source.h"

struct run_list {
    struct tel_record *runs;
    size_t count;
    size_t capacity;
};

void run_list_clear(struct run_list *list);

/* A tel_record_fn that adds a copy to the `struct run_list` in `arg`. Non-zero: out of memory. */
int run_list_add(void *arg, const tel_record *record);

/* Add the answer to a query. */
tel_error run_list_query(struct run_list *list, struct source *source,
                         const struct run_query *query, tel_fault *fault);

/* Fill an empty list with what the filters ask for. TEL_E_NOT_FOUND: the parent is not there. */
tel_error run_list_select(struct run_list *list, struct source *source,
                          const struct filter_options *filters, tel_fault *fault);

/* Count the runs that name this one as their parent. */
tel_error run_count_children(int64_t *count, struct source *source, const struct tel_record *run,
                             tel_fault *fault);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The query string of a list of runs, checked and turned into what the store is asked.
 */
#ifndef SERVICE_QUERY_H
#define SERVICE_QUERY_H

#include "service/cursor.h"
#include "http/faults.h"
#include "http/parameter.h"
#include "http/target.h"
#include "store/store.h"

#define QUERY_LIMIT_DEFAULT 100
#define QUERY_PARAMETERS_MAX 16

struct list_query {
    struct run_query run_query; /* points into the target and into the members below */
    char times[QUERY_PARAMETERS_MAX][TEL_TIMESTAMP_SIZE]; /* as list_parameters has them */
    struct cursor cursor;
};

/* What a list may be asked by, beside the fields that are filters. */
extern const struct parameter_spec list_parameters[];

/*
 * Read the parameters of `target`, which must outlive `query`; unknown ones are ignored. What is
 * 422 is added to `faults`; what is 400 (a time, status or cursor that is none) is TEL_E_INVALID, with the
 * first of them in `fault`.
 */
tel_error query_read(struct list_query *query, const struct target *target, struct faults *faults,
                     tel_fault *fault);

#endif

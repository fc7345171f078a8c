/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "daemon/api.h"
#include "daemon/lookup.h"
#include "daemon/parameter.h"
#include "daemon/tree.h"

#define LIMIT_DEFAULT 5000

/* Read what is asked for. false: the exchange has its answer. */
static bool read_bounds(struct exchange *exchange, int64_t *limit, int64_t *depth)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    const struct target *target = &exchange->request.target;

    parameter_find_number(limit, target, "limit", 1, TREE_LIMIT_MAX, &faults);
    parameter_find_number(depth, target, "depth", 0, TREE_DEPTH_MAX, &faults);
    if (faults.count)
        faults_answer(&faults, exchange);
    return !faults.count;
}

void api_run_tree(struct service *service, struct exchange *exchange)
{
    CLEANUP(record_clear) struct tel_record root = RECORD();
    CLEANUP(tree_clear) struct tree tree = {0};
    int64_t limit = LIMIT_DEFAULT;
    int64_t depth = TREE_DEPTH_MAX;
    tel_fault fault = {0};

    if (!read_bounds(exchange, &limit, &depth) || !lookup_run(service, exchange, &root))
        return;
    tree = TREE((size_t)limit, (size_t)depth, /* objects_too= */ true);
    if (tree_read(&tree, service, &root, &fault))
        answer_read_fault(exchange, &fault);
    else
        tree_write(answer_json(exchange, 200), &tree);
}

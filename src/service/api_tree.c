/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "service/api.h"
#include "service/lookup.h"
#include "service/tree.h"

#define LIMIT_DEFAULT 5000

enum { LIMIT, DEPTH };

const struct parameter_spec tree_parameters[] = {
    [LIMIT] = {.name = "limit",
               .kind = PARAMETER_NUMBER,
               .meaning = "so many runs at most, the root included",
               .initial = LIMIT_DEFAULT,
               .min = 1,
               .max = TREE_LIMIT_MAX},
    [DEPTH] = {.name = "depth",
               .kind = PARAMETER_NUMBER,
               .meaning = "so many levels below the root at most",
               .initial = TREE_DEPTH_MAX,
               .min = 0,
               .max = TREE_DEPTH_MAX},
    {0},
};

void api_run_tree(struct service *service, struct exchange *exchange)
{
    CLEANUP(record_clear) struct tel_record root = RECORD();
    CLEANUP(tree_clear) struct tree tree = {0};
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    const struct target *target = &exchange->request.target;
    int64_t limit = parameter_find_number(target, &tree_parameters[LIMIT], &faults);
    int64_t depth = parameter_find_number(target, &tree_parameters[DEPTH], &faults);
    tel_fault fault = {0};

    if (faults.count) {
        faults_answer(&faults, exchange);
        return;
    }
    if (!lookup_run(service, exchange, &root))
        return;
    tree = TREE((size_t)limit, (size_t)depth, /* objects_too= */ true);
    if (tree_read(&tree, service, &root, &fault))
        answer_read_fault(exchange, &fault);
    else
        tree_write(answer_json(exchange, 200), &tree);
}

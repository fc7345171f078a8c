/* SPDX-License-Identifier: MIT
 *
 * A run and all runs below it.
 */
#ifndef SERVICE_TREE_H
#define SERVICE_TREE_H

#include "base/strbuf.h"
#include "http/exchange.h"
#include "service/service.h"

#define TREE_LIMIT_MAX 50000
#define TREE_DEPTH_MAX 1000

struct tree_node {
    int64_t id;
    char *event_id;
    char *run_id;
    char *start_time;
    size_t object; /* where its object begins in the tree's text */
    size_t object_length;
    struct tree_node *first; /* of those right below it, in order */
    struct tree_node *last;
    struct tree_node *next; /* below the same parent */
};

/* Nodes are in the order in which they were found: level by level, the root first. */
struct tree {
    struct tree_node *nodes;
    size_t count;
    size_t limit;     /* of nodes, from 1 to TREE_LIMIT_MAX */
    size_t depth;     /* of levels below the root, at most TREE_DEPTH_MAX */
    bool has_objects; /* keep the runs themselves, and not only who is below whom */
    bool truncated;   /* there was more below these */
    struct strbuf objects;
    void *seen;
};

#define TREE(limit_max, depth_max, objects_too)  \
    ((struct tree){.limit = (limit_max),         \
                   .depth = (depth_max),         \
                   .has_objects = (objects_too), \
                   .objects = STRBUF(ANSWER_BYTES_MAX)})

/* Read what is below `root`. A cycle is cut where it comes back to a run that is there already. */
tel_error tree_read(struct tree *tree, struct service *service, const struct tel_record *root,
                    tel_fault *fault);
void tree_clear(struct tree *tree);

/* Append it as the service shows it. */
void tree_write(struct strbuf *body, const struct tree *tree);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Level by level, so that what a limit leaves out is what is farthest from the root.
 */
#include "service/tree.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/run_object.h"

struct level {
    struct tree *tree;
    size_t begin; /* its first node; children are put behind all there are */
    bool is_last; /* children are looked for, but not taken */
    tel_error error;
};

/* What was seen is kept in the nodes. */
static void forget(void *id)
{
    (void)id;
}

void tree_clear(struct tree *tree)
{
    tdestroy(tree->seen, forget);
    tree->seen = NULL;
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_node *node = &tree->nodes[i];

        free(node->event_id);
        free(node->run_id);
        free(node->start_time);
    }
    free(tree->nodes);
    tree->nodes = NULL;
    tree->count = 0;
    strbuf_clear(&tree->objects);
}

static int by_id(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t other = *(const int64_t *)b;

    return (one > other) - (one < other);
}

/* Copy a text, which may be NULL. */
static bool copy(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return *out || !text;
}

static bool fill(struct tree *tree, struct tree_node *node, const struct tel_record *run)
{
    node->id = record_int(run, FIELD_id);
    if (!copy(&node->event_id, record_text(run, FIELD_event_id)) ||
        !copy(&node->run_id, record_text(run, FIELD_run_id)) ||
        !copy(&node->start_time, record_text(run, FIELD_start_time)))
        return false;
    node->object = tree->objects.length;
    if (tree->has_objects)
        run_object_write(&tree->objects, run);
    node->object_length = tree->objects.length - node->object;
    return !strbuf_failed(&tree->objects);
}

/* Put a run at the end of the nodes, and below its parent (NULL: it is the root). */
static tel_error add_node(struct tree *tree, struct tree_node *parent, const struct tel_record *run)
{
    struct tree_node *node = &tree->nodes[tree->count++];

    if (!fill(tree, node, run) || !tsearch(&node->id, &tree->seen, by_id))
        return TEL_E_NOMEM;
    if (!parent)
        return TEL_OK;
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    return TEL_OK;
}

static int add_child(void *arg, size_t parent, const struct tel_record *child)
{
    struct level *level = arg;
    struct tree *tree = level->tree;
    int64_t id = record_int(child, FIELD_id);

    if (tfind(&id, &tree->seen, by_id))
        return 0;
    if (level->is_last || tree->count == tree->limit) {
        tree->truncated = true;
        return 1;
    }
    level->error = add_node(tree, &tree->nodes[level->begin + parent], child);
    return level->error != TEL_OK;
}

/* Read what is right below the nodes from level->begin on. */
static tel_error read_below(struct level *level, struct store *store, tel_fault *fault)
{
    const struct tree *tree = level->tree;
    size_t count = tree->count - level->begin;
    CLEANUP(freep) struct run_parent *parents = calloc(count, sizeof *parents);
    tel_error error;

    if (!parents)
        return fault_nomem(fault);
    for (size_t i = 0; i < count; i++) {
        const struct tree_node *node = &tree->nodes[level->begin + i];

        parents[i] = (struct run_parent){node->id, node->event_id, node->run_id, node->start_time};
    }
    error = store_children(store, parents, count, add_child, level, fault);
    return error || !level->error ? error : fault_nomem(fault);
}

static tel_error read_levels(struct tree *tree, struct store *store, tel_fault *fault)
{
    struct level level = {.tree = tree};
    tel_error error = TEL_OK;

    for (size_t depth = 0; level.begin < tree->count && !tree->truncated && !error; depth++) {
        size_t end = tree->count;

        level.is_last = depth == tree->depth;
        error = read_below(&level, store, fault);
        level.begin = end;
    }
    return error;
}

tel_error tree_read(struct tree *tree, struct service *service, const struct tel_record *root,
                    tel_fault *fault)
{
    struct store *store;
    tel_error error;

    tree->nodes = calloc(tree->limit, sizeof *tree->nodes);
    if (!tree->nodes || add_node(tree, NULL, root))
        return fault_nomem(fault);
    error = reader_take(service->reader, &store, fault);
    if (error)
        return error;
    error = read_levels(tree, store, fault);
    reader_give(service->reader, store, error);
    return error;
}

/* Append a node without its closing brace. As deep as the tree. */
static void write_node(struct strbuf *body, const struct tree *tree, const struct tree_node *node)
{
    strbuf_puts(body, "{\"run\":");
    strbuf_append(body, tree->objects.text + node->object, node->object_length);
    strbuf_puts(body, ",\"children\":[");
    for (const struct tree_node *child = node->first; child; child = child->next) {
        write_node(body, tree, child);
        strbuf_puts(body, child->next ? "}," : "}");
    }
    strbuf_putc(body, ']');
}

void tree_write(struct strbuf *body, const struct tree *tree)
{
    write_node(body, tree, &tree->nodes[0]);
    strbuf_printf(body, ",\"total\":%zu,\"truncated\":%s}", tree->count,
                  tree->truncated ? "true" : "false");
}

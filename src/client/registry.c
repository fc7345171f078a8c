/* SPDX-License-Identifier: MIT */
#include "client/registry.h"

#include <string.h>

#include "client/run.h"

void registry_init(struct registry *registry)
{
    *registry = (struct registry){0};
    (void)pthread_mutex_init(&registry->mutex, NULL);
}

static struct tel_run **bucket_of(struct registry *registry, const char *run_id)
{
    return &registry->buckets[text_hash(run_id) % REGISTRY_BUCKETS];
}

static struct tel_run *find_in(struct tel_run *run, const char *run_id)
{
    while (run && strcmp(run->record.fields.run_id, run_id) != 0)
        run = run->next;
    return run;
}

void registry_clear(struct registry *registry)
{
    for (size_t i = 0; i < REGISTRY_BUCKETS; i++) {
        while (registry->buckets[i]) {
            struct tel_run *run = registry->buckets[i];

            registry->buckets[i] = run->next;
            run->next = NULL;
            run_unref(run);
        }
    }
}

bool registry_add(struct registry *registry, struct tel_run *run)
{
    struct tel_run **bucket = bucket_of(registry, run->record.fields.run_id);
    bool is_free;

    (void)pthread_mutex_lock(&registry->mutex);
    is_free = !find_in(*bucket, run->record.fields.run_id);
    if (is_free) {
        run->next = *bucket;
        *bucket = run_ref(run);
    }
    (void)pthread_mutex_unlock(&registry->mutex);
    return is_free;
}

void registry_remove(struct registry *registry, struct tel_run *run)
{
    struct tel_run **link = bucket_of(registry, run->record.fields.run_id);
    bool found;

    (void)pthread_mutex_lock(&registry->mutex);
    while (*link && *link != run)
        link = &(*link)->next;
    found = *link != NULL;
    if (found)
        *link = run->next;
    (void)pthread_mutex_unlock(&registry->mutex);
    if (found)
        run_unref(run);
}

struct tel_run *registry_find(struct registry *registry, const char *run_id)
{
    struct tel_run *run;

    (void)pthread_mutex_lock(&registry->mutex);
    run = find_in(*bucket_of(registry, run_id), run_id);
    run = run && atomic_load(&run->start) != STARTING ? run_ref(run) : NULL;
    (void)pthread_mutex_unlock(&registry->mutex);
    return run;
}

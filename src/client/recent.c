/* SPDX-License-Identifier: MIT */
#include "client/recent.h"

#include "base/cleanup.h"

void recent_init(struct recent *recent)
{
    *recent = (struct recent){0};
    (void)pthread_mutex_init(&recent->mutex, NULL);
}

void recent_clear(struct recent *recent)
{
    for (size_t i = 0; i < RECENT_MAX; i++) {
        free(recent->runs[i].run_id);
        free(recent->runs[i].event_id);
    }
    *recent = (struct recent){.mutex = recent->mutex};
}

void recent_add(struct recent *recent, const char *run_id, const char *event_id)
{
    CLEANUP(freep) char *name = strdup(run_id);
    CLEANUP(freep) char *id = strlen(event_id) <= RECENT_BYTES_MAX ? strdup(event_id) : NULL;

    if (!name || !id)
        return;
    (void)pthread_mutex_lock(&recent->mutex);
    free(recent->runs[recent->next].run_id);
    free(recent->runs[recent->next].event_id);
    recent->runs[recent->next].run_id = steal(&name);
    recent->runs[recent->next].event_id = steal(&id);
    recent->next = (recent->next + 1) % RECENT_MAX;
    (void)pthread_mutex_unlock(&recent->mutex);
}

char *recent_find(struct recent *recent, const char *run_id)
{
    char *event_id = NULL;

    (void)pthread_mutex_lock(&recent->mutex);
    for (size_t i = 1; i <= RECENT_MAX && !event_id; i++) {
        size_t at = (recent->next + RECENT_MAX - i) % RECENT_MAX;

        if (recent->runs[at].run_id && strcmp(recent->runs[at].run_id, run_id) == 0)
            event_id = strdup(recent->runs[at].event_id);
    }
    (void)pthread_mutex_unlock(&recent->mutex);
    return event_id;
}

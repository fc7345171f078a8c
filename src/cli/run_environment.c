/* SPDX-License-Identifier: MIT */
#include "cli/run_environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/uuid.h"

#define TRACE_ID_CHARS 32
#define SPAN_ID_CHARS 16
#define ADDED_MAX 7

/* ---- TRACEPARENT ----------------------------------------------------------------------------- */

static bool is_hex(const char *text, size_t count)
{
    return strspn(text, "0123456789abcdef") >= count;
}

static bool is_zero(const char *text, size_t count)
{
    return strspn(text, "0") >= count;
}

/* "00-{trace id}-{span id}-{flags}" */
static bool is_traceparent(const char *text)
{
    return strlen(text) == TRACEPARENT_SIZE - 1 && strncmp(text, "00-", 3) == 0 &&
           is_hex(text + 3, TRACE_ID_CHARS) && !is_zero(text + 3, TRACE_ID_CHARS) &&
           text[35] == '-' && is_hex(text + 36, SPAN_ID_CHARS) && text[52] == '-' &&
           is_hex(text + 53, 2);
}

/* A UUID's digits are as many as a trace id has. */
static void trace_id_from(char out[TRACE_ID_CHARS + 1], const char *event_id)
{
    size_t count = 0;

    for (; *event_id && count < TRACE_ID_CHARS; event_id++) {
        if (is_hex(event_id, 1))
            out[count++] = *event_id;
    }
    while (count < TRACE_ID_CHARS) {
        char random[9];

        random_hex8(random);
        for (size_t i = 0; i < 8 && count < TRACE_ID_CHARS; i++)
            out[count++] = random[i];
    }
    out[count] = '\0';
}

void traceparent_make(char out[TRACEPARENT_SIZE], const char *parent, const char *event_id)
{
    char trace_id[TRACE_ID_CHARS + 1];
    const char *flags = "01";
    char left[9];
    char right[9];

    random_hex8(left);
    random_hex8(right);
    if (parent && is_traceparent(parent)) {
        memcpy(trace_id, parent + 3, TRACE_ID_CHARS);
        trace_id[TRACE_ID_CHARS] = '\0';
        flags = parent + 53;
    } else {
        trace_id_from(trace_id, event_id);
    }
    (void)snprintf(out, TRACEPARENT_SIZE, "00-%s-%s%s-%.2s", trace_id, left, right, flags);
}

/* ---- All of it ------------------------------------------------------------------------------- */

struct addition {
    const char *name;
    const char *value; /* NULL: as it was */
};

static bool is_named(const char *entry, const char *name)
{
    size_t length = strlen(name);

    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static bool is_replaced(const char *entry, const struct addition *additions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (additions[i].value && is_named(entry, additions[i].name))
            return true;
    }
    return false;
}

static void freep_environment(char ***environment)
{
    environment_free(*environment);
}

static char **build(const struct addition *additions, size_t count)
{
    CLEANUP(freep_environment) char **environment = NULL;
    size_t present = 0;
    size_t used = 0;

    while (environ && environ[present])
        present++;
    environment = calloc(present + count + 1, sizeof *environment);
    if (!environment)
        return NULL;
    for (size_t i = 0; i < present; i++) {
        if (is_replaced(environ[i], additions, count))
            continue;
        environment[used] = strdup(environ[i]);
        if (!environment[used++])
            return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!additions[i].value)
            continue;
        if (asprintf(&environment[used], "%s=%s", additions[i].name, additions[i].value) < 0) {
            environment[used] = NULL;
            return NULL;
        }
        used++;
    }
    return steal(&environment);
}

char **environment_make(const struct run_recording *recording)
{
    const struct common_options *common = &recording->options->common;
    bool files_only = common->has_base && !common->has_url;
    char traceparent[TRACEPARENT_SIZE];
    struct addition additions[ADDED_MAX] = {
        {"TELEMETRY_RUN_ID", *recording->run_id ? recording->run_id : NULL},
        {"TELEMETRY_EVENT_ID", *recording->event_id ? recording->event_id : NULL},
        {"TRACEPARENT", traceparent},
        {"TELEMETRY_RUN_FILE", recording->file.path},
    };
    size_t count = 4;

    traceparent_make(traceparent, getenv("TRACEPARENT"), recording->event_id);
    /* What our own flags chose holds for runs inside this one, too. */
    if (common->has_url)
        additions[count++] =
            (struct addition){"TELEMETRY_API_URL",
                              config_text(common->config, CONFIG_TELEMETRY_API_URL)};
    if (common->has_base)
        additions[count++] =
            (struct addition){"TELEMETRY_BASE_DIR",
                              config_text(common->config, CONFIG_TELEMETRY_BASE_DIR)};
    if (files_only)
        additions[count++] = (struct addition){"TELEMETRY_MODE", "embedded"};
    return build(additions, count);
}

void environment_free(char **environment)
{
    for (char **entry = environment; entry && *entry; entry++)
        free(*entry);
    free(environment);
}

/* SPDX-License-Identifier: MIT */
#include "deliver/buffer_name.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/uuid.h"

#define PREFIX "telemetry_"
#define PREFIX_LENGTH (sizeof PREFIX - 1)
#define TIME_LENGTH (sizeof "YYYYMMDD_HHMMSS" - 1)
#define OUR_MARK "-tel-"
#define EXTENSION ".jsonl"

void buffer_name_make(char out[BUFFER_NAME_SIZE])
{
    char date[9];
    char time[7];
    char random[9];

    timestamp_compact(date, time, clock_now_us());
    random_hex8(random);
    (void)snprintf(out, BUFFER_NAME_SIZE, PREFIX "%s_%s" OUR_MARK "%ld-%s" EXTENSION, date, time,
                   (long)getpid(), random);
}

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name);
    size_t ending_length = strlen(ending);

    return length > ending_length && strcmp(name + length - ending_length, ending) == 0;
}

bool buffer_name_is_active(const char *name)
{
    return ends_with(name, EXTENSION BUFFER_ACTIVE);
}

bool buffer_name_is_ready(const char *name)
{
    return ends_with(name, EXTENSION BUFFER_READY);
}

bool buffer_name_is_finished(const char *name)
{
    return ends_with(name, BUFFER_SYNCED) || ends_with(name, BUFFER_REJECTED);
}

bool buffer_name_is_outbox(const char *name)
{
    return ends_with(name, EXTENSION);
}

bool buffer_name_is_locked_kind(const char *name)
{
    int64_t us;

    return buffer_name_time(&us, name) &&
           strncmp(name + PREFIX_LENGTH + TIME_LENGTH, OUR_MARK, strlen(OUR_MARK)) == 0;
}

bool buffer_name_time(int64_t *us, const char *name)
{
    const char *t = name + PREFIX_LENGTH;
    char text[32];

    if (strncmp(name, PREFIX, PREFIX_LENGTH) != 0 || strlen(t) < TIME_LENGTH || t[8] != '_')
        return false;
    (void)snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", t, t + 4, t + 6, t + 9,
                   t + 11, t + 13);
    return timestamp_parse(us, text);
}

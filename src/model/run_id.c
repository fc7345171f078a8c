/* SPDX-License-Identifier: MIT */
#include "model/run_id.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/uuid.h"

#define TIME_PART_BYTES (sizeof "20251210T120530Z-" - 1)
#define HEX_PART_BYTES (sizeof "-a1b2c3d4" - 1)
#define NAME_BYTES_MAX (TEL_RUN_ID_SIZE - 1 - TIME_PART_BYTES - HEX_PART_BYTES)

/* Copy what fits without cutting a character in two; what could not stand in a path becomes '-'. */
static void copy_name(char *out, size_t bytes_max, const char *name)
{
    size_t used = 0;

    while (*name) {
        size_t length = utf8_sequence(name);

        if (used + (length ? length : 1) > bytes_max)
            break;
        if (!length || *name == '/' || *name == '\\' || iscntrl((unsigned char)*name)) {
            out[used++] = '-';
            name++;
        } else {
            memcpy(out + used, name, length);
            used += length;
            name += length;
        }
    }
    out[used] = '\0';
}

tel_error tel_generate_run_id(char out[TEL_RUN_ID_SIZE], const char *agent_name)
{
    char name[NAME_BYTES_MAX + 1];
    char date[9];
    char time[7];
    char hex[9];

    if (!out)
        return TEL_E_INVALID;
    copy_name(name, NAME_BYTES_MAX, agent_name && *agent_name ? agent_name : "agent");
    timestamp_compact(date, time, clock_now_us());
    random_hex8(hex);
    (void)snprintf(out, TEL_RUN_ID_SIZE, "%sT%sZ-%s-%s", date, time, name, hex);
    return TEL_OK;
}

enum run_id_fault run_id_examine(const char *run_id)
{
    if (run_id[strspn(run_id, " \t\r\n\f\v")] == '\0')
        return RUN_ID_BLANK;
    if (strlen(run_id) >= TEL_RUN_ID_SIZE)
        return RUN_ID_TOO_LONG;
    return strpbrk(run_id, "/\\") ? RUN_ID_WITH_SLASH : RUN_ID_FINE;
}

const char *run_id_reject_reason(const char *run_id)
{
    static const char *const reasons[] = {
        [RUN_ID_BLANK] = "it is blank",
        [RUN_ID_TOO_LONG] = "it is longer than 255 bytes",
        [RUN_ID_WITH_SLASH] = "it has a '/' or '\\'",
    };

    return reasons[run_id_examine(run_id)];
}

void run_id_make_duplicate(char out[TEL_RUN_ID_SIZE], const char *run_id)
{
    char name[TEL_RUN_ID_SIZE - sizeof "-duplicate-a1b2c3d4" + 1];
    char hex[9];

    copy_name(name, sizeof name - 1, run_id);
    random_hex8(hex);
    (void)snprintf(out, TEL_RUN_ID_SIZE, "%s-duplicate-%s", name, hex);
}

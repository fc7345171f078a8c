/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a run's JSON: refused with a reason, or read into a record that can be written and
 * read again without loss.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry.h"

static char *to_json(const tel_record *record)
{
    char *json;

    if (tel_record_to_json(&json, record))
        abort();
    return json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    tel_fault fault = {TEL_OK, ""};
    tel_record *first;
    tel_record *second;
    char *once;
    char *twice;

    if (!text)
        return 0;
    if (tel_record_from_json(&first, text, &fault)) {
        if (fault.code == TEL_OK || !*fault.text || first)
            abort();
        free(text);
        return 0;
    }
    once = to_json(first);
    if (tel_record_from_json(&second, once, &fault))
        abort();
    twice = to_json(second);
    if (strcmp(once, twice) != 0)
        abort();
    free(once);
    free(twice);
    free(text);
    tel_record_free(first);
    tel_record_free(second);
    return 0;
}

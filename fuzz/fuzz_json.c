/* SPDX-License-Identifier: MIT
 *
 * Any bytes as JSON: what jansson's own reader takes is taken, as the same value, and nothing else; but
 * not what is nested deeper than we allow, or holds a NUL, of which it overlooks some.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + !size); /* with nothing behind it */
    json_error_t error;
    tel_fault fault = {0};
    json_t *ours;
    json_t *theirs;

    if (!text)
        return 0;
    memcpy(text, data, size);
    ours = json_parse(text, size, &fault);
    theirs = memchr(text, '\0', size) ? NULL : json_loadb(text, size, JSON_DECODE_ANY, &error);
    if (!ours != !theirs ? !strstr(fault.text, "nested") : ours && !json_equal(ours, theirs))
        abort();
    json_decref(ours);
    json_decref(theirs);
    free(text);
    return 0;
}

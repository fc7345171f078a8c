/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a file of settings: each comes with a name and a line that is there, and what is
 * wrong with a reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/env_file.h"

struct file {
    size_t lines;
};

static void check_set(void *arg, const char *key, const char *value, size_t line)
{
    const struct file *file = arg;

    if (!*key || !value || line < 1 || line > file->lines)
        abort();
}

static void check_fault(void *arg, const char *reason, size_t line)
{
    check_set(arg, reason, "", line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct file file = {1};
    const struct env_file_callbacks callbacks = {check_set, check_fault, &file};

    for (const char *c = text; c && *c; c++)
        file.lines += *c == '\n';
    if (text)
        (void)env_file_parse(text, &callbacks);
    free(text);
    return 0;
}

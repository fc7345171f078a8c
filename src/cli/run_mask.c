/* SPDX-License-Identifier: MIT */
#include "cli/run_mask.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

#define ARGUMENT_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct short_option {
    const char *program;
    const char *option;
    bool value_follows; /* as the next argument, when it is not attached */
};

static const struct short_option short_options[] = {
    {"mysql", "-p", false},   {"mysqldump", "-p", false}, {"mariadb", "-p", false},
    {"sshpass", "-p", true},  {"curl", "-u", true},       {"redis-cli", "-a", true},
    {"curl", "--user", true},
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Return the option of this program that `argument` is or begins with, or NULL. */
static const struct short_option *find_short(const char *program, const char *argument)
{
    for (size_t i = 0; i < sizeof short_options / sizeof *short_options; i++) {
        const struct short_option *option = &short_options[i];

        if (strcmp(option->program, program) == 0 &&
            strncmp(argument, option->option, strlen(option->option)) == 0)
            return option;
    }
    return NULL;
}

/* Is it an option whose value, a secret, is the next argument? */
static bool announces_secret(const char *program, const char *argument)
{
    const struct short_option *option = find_short(program, argument);

    if (option && option->value_follows && strcmp(option->option, argument) == 0)
        return true;
    return strncmp(argument, "--", 2) == 0 && !strchr(argument, '=') &&
           mask_is_secret_name(argument, strlen(argument));
}

static void mask_one(struct strbuf *buf, const char *program, const char *argument)
{
    const struct short_option *option = find_short(program, argument);
    size_t length = option ? strlen(option->option) : 0;

    if (option && argument[length])
        strbuf_printf(buf, "%s" MASK, option->option);
    else
        mask_append(buf, argument);
}

void mask_arguments(char *const *argv, masked_fn *each, void *arg)
{
    const char *program = *argv ? base_name(*argv) : "";
    bool is_secret = false;

    for (; *argv; argv++) {
        CLEANUP(strbuf_clear) struct strbuf masked = STRBUF(ARGUMENT_BYTES_MAX);
        bool is_option = strncmp(*argv, "--", 2) == 0;

        if (is_secret && !is_option)
            strbuf_puts(&masked, MASK);
        else
            mask_one(&masked, program, *argv);
        is_secret = announces_secret(program, *argv);
        each(arg, strbuf_failed(&masked) ? MASK : masked.length ? masked.text : "");
    }
}

static bool needs_quotes(const char *argument)
{
    return !*argument || strpbrk(argument, " \t\n\"'\\$`|&;<>()?[]#~!{}") != NULL;
}

static void append_argument(void *arg, const char *argument)
{
    struct strbuf *buf = arg;

    if (buf->length)
        strbuf_putc(buf, ' ');
    if (strcmp(argument, MASK) == 0 || !needs_quotes(argument)) {
        strbuf_puts(buf, argument);
        return;
    }
    strbuf_putc(buf, '\'');
    for (; *argument; argument++) {
        if (*argument == '\'')
            strbuf_puts(buf, "'\\''");
        else
            strbuf_putc(buf, *argument);
    }
    strbuf_putc(buf, '\'');
}

void mask_append_command(struct strbuf *buf, char *const *argv, size_t bytes_max)
{
    CLEANUP(strbuf_clear) struct strbuf whole = STRBUF(2 * ARGUMENT_BYTES_MAX);
    size_t kept = bytes_max;

    mask_arguments(argv, append_argument, &whole);
    if (strbuf_failed(&whole))
        return;
    if (whole.length > bytes_max) {
        while (kept && ((unsigned char)whole.text[kept] & 0xc0) == 0x80)
            kept--;
        strbuf_truncate(&whole, kept);
        strbuf_puts(&whole, "...");
    }
    strbuf_append(buf, whole.text ? whole.text : "", whole.length);
}

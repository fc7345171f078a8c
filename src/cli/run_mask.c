/* SPDX-License-Identifier: MIT */
#include "cli/run_mask.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define ARGUMENT_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define KEY_CHARS_MIN 12 /* behind the prefix that tells a key */

/* ---- Names ----------------------------------------------------------------------------------- */

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static bool contains(const char *name, size_t length, const char *word)
{
    size_t word_length = strlen(word);

    for (size_t i = 0; i + word_length <= length; i++) {
        if (strncasecmp(name + i, word, word_length) == 0)
            return true;
    }
    return false;
}

static bool ends_with(const char *name, size_t length, const char *word)
{
    size_t word_length = strlen(word);

    return length >= word_length &&
           strncasecmp(name + length - word_length, word, word_length) == 0;
}

/* Does what has this name have to be hidden? "--password-file" and "--no-token" do not. */
static bool is_secret_name(const char *name, size_t length)
{
    static const char *const words[] = {
        "token",   "password", "passwd",        "passphrase", "secret",
        "api-key", "api_key",  "authorization", "credential", "apikey",
    };
    static const char *const harmless[] = {"file", "path", "stdin", "tokens", "dir"};

    while (length && *name == '-') {
        name++;
        length--;
    }
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        if (ends_with(name, length, harmless[i]))
            return false;
    }
    if (length > 3 && strncasecmp(name, "no-", 3) == 0)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (contains(name, length, words[i]))
            return true;
    }
    return ends_with(name, length, "_key") || ends_with(name, length, "-key") ||
           (length >= 3 && memcmp(name + length - 3, "KEY", 3) == 0);
}

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* Return the length of the prefix when a key of a known shape begins here, else 0. */
static size_t key_prefix(const char *text)
{
    static const char *const prefixes[] = {
        "sk-",    "ghp_",  "gho_",  "ghu_",  "ghs_",  "ghr_",  "github_pat_",
        "glpat-", "xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-", "xapp-",
        "AKIA",   "ASIA",  "AIza",  "hf_",   "npm_",  "pypi-", "eyJ",
    };

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i]);
        size_t rest = 0;
        bool has_digit = false;

        if (strncmp(text, prefixes[i], length) != 0)
            continue;
        for (; is_name_char(text[length + rest]); rest++)
            has_digit = has_digit || isdigit((unsigned char)text[length + rest]);
        if (rest >= KEY_CHARS_MIN && has_digit)
            return length;
    }
    return 0;
}

/* Return the length of "user:password@" behind "://", 0 when there is none. */
static size_t userinfo(const char *text)
{
    size_t length = strcspn(text, "/?#@ \t\n\"'");

    return length && text[length] == '@' ? length : 0;
}

/* ---- One argument ---------------------------------------------------------------------------- */

/* Return the length of a secret value: up to the end of its quotes, else up to a blank, quote or
 * separator; a header's may have blanks in it ("Bearer ..."). */
static size_t value_length(const char *value, bool is_header)
{
    char quote[] = {*value, '\0'};

    if (*value == '"' || *value == '\'')
        return 1 + strcspn(value + 1, quote);
    return strcspn(value, is_header ? "\"'\n" : " \t\n\"'&;,");
}

/* Append the name at `text` and, if it names a secret, its masked value. Return what was taken. */
static size_t append_name(struct strbuf *buf, const char *text)
{
    size_t length = 0;
    size_t value;
    bool is_header;

    while (is_name_char(text[length]))
        length++;
    strbuf_append(buf, text, length);
    is_header = text[length] == ':';
    if ((text[length] != '=' && !is_header) || !is_secret_name(text, length))
        return length;
    value = length + 1;
    while (is_header && text[value] == ' ')
        value++;
    if (strncmp(text + length, "://", 3) == 0 || !text[value])
        return length;
    strbuf_append(buf, text + length, value - length);
    length = value_length(text + value, is_header);
    if (text[value] == '"' || text[value] == '\'')
        strbuf_putc(buf, text[value]);
    strbuf_puts(buf, MASK);
    return value + length;
}

static void append_masked(struct strbuf *buf, const char *text)
{
    while (*text) {
        size_t prefix = key_prefix(text);
        size_t taken = 0;

        if (prefix) {
            strbuf_append(buf, text, prefix);
            strbuf_puts(buf, MASK);
            while (is_name_char(text[taken]))
                taken++;
        } else if (strncmp(text, "://", 3) == 0 && userinfo(text + 3)) {
            strbuf_puts(buf, "://" MASK);
            taken = 3 + userinfo(text + 3);
        } else if (is_name_char(*text)) {
            taken = append_name(buf, text);
        } else {
            strbuf_putc(buf, *text);
            taken = 1;
        }
        text += taken;
    }
}

/* ---- All arguments --------------------------------------------------------------------------- */

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
           is_secret_name(argument, strlen(argument));
}

static void mask_one(struct strbuf *buf, const char *program, const char *argument)
{
    const struct short_option *option = find_short(program, argument);
    size_t length = option ? strlen(option->option) : 0;

    if (option && argument[length])
        strbuf_printf(buf, "%s" MASK, option->option);
    else
        append_masked(buf, argument);
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

/* SPDX-License-Identifier: MIT */
#include "base/mask.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

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

bool mask_is_secret_name(const char *name, size_t length)
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

/* ---- Text ------------------------------------------------------------------------------------ */

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
    if ((text[length] != '=' && !is_header) || !mask_is_secret_name(text, length))
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

void mask_append(struct strbuf *buf, const char *text)
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

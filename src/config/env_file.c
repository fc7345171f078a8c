/* SPDX-License-Identifier: MIT */
#include "config/env_file.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

struct reader {
    const char *next;
    size_t line;
    const struct env_file_callbacks *callbacks;
};

static char take(struct reader *reader)
{
    char c = *reader->next;

    if (c)
        reader->next++;
    if (c == '\n')
        reader->line++;
    return c;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct reader *reader)
{
    while (is_blank(*reader->next))
        reader->next++;
}

/* To the end of the line, which a backslash before it puts off. */
static void skip_comment(struct reader *reader)
{
    char c;

    while ((c = take(reader)) != '\0' && c != '\n') {
        if (c == '\\')
            (void)take(reader);
    }
}

/* Return how many characters at `text` may be the name of a variable. */
static size_t key_length(const char *text)
{
    size_t length = 0;

    if (isdigit((unsigned char)*text))
        return 0;
    while (isascii((unsigned char)text[length]) &&
           (isalnum((unsigned char)text[length]) || text[length] == '_'))
        length++;
    return length;
}

/* Read up to the quote that ends it, taking that away too. false: it never ends. */
static bool read_single_quoted(struct reader *reader, struct strbuf *value)
{
    char c;

    while ((c = take(reader)) != '\0' && c != '\'')
        strbuf_putc(value, c);
    return c == '\'';
}

static bool read_double_quoted(struct reader *reader, struct strbuf *value)
{
    char c;

    while ((c = take(reader)) != '\0' && c != '"') {
        if (c != '\\') {
            strbuf_putc(value, c);
            continue;
        }
        c = take(reader);
        if (c && !strchr("\"\\`$\n", c))
            strbuf_putc(value, '\\');
        if (c && c != '\n')
            strbuf_putc(value, c);
    }
    return c == '"';
}

/* Read to the end of the line; blanks at its end do not belong to the value, unless escaped. */
static void read_plain(struct reader *reader, struct strbuf *value)
{
    size_t end = value->length;
    char c;

    while ((c = take(reader)) != '\0' && c != '\n') {
        bool escaped = c == '\\';

        if (escaped)
            c = take(reader);
        if (!c || (escaped && c == '\n'))
            continue;
        strbuf_putc(value, c);
        if (escaped || !is_blank(c))
            end = value->length;
    }
    strbuf_truncate(value, end);
}

/* Read quoted parts, one after the other, then what is not quoted. */
static bool read_value(struct reader *reader, struct strbuf *value)
{
    for (;;) {
        skip_blanks(reader);
        if (*reader->next != '\'' && *reader->next != '"') {
            read_plain(reader, value);
            return true;
        }
        if (!(take(reader) == '\'' ? read_single_quoted : read_double_quoted)(reader, value))
            return false;
    }
}

static tel_error read_setting(struct reader *reader)
{
    CLEANUP(strbuf_clear) struct strbuf key = STRBUF(ENV_FILE_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf value = STRBUF(ENV_FILE_BYTES_MAX);
    const struct env_file_callbacks *callbacks = reader->callbacks;
    size_t line = reader->line;

    strbuf_append(&key, reader->next, key_length(reader->next));
    reader->next += key.length;
    skip_blanks(reader);
    if (key.length == 0 || *reader->next != '=') {
        callbacks->fault(callbacks->arg, "it must be KEY=value, or begin with # or ;", line);
        skip_comment(reader);
        return TEL_OK;
    }
    (void)take(reader);
    strbuf_puts(&value, "");
    if (!read_value(reader, &value)) {
        callbacks->fault(callbacks->arg, "a quote that begins here has no end", line);
        return TEL_OK;
    }
    if (strbuf_failed(&key) || strbuf_failed(&value))
        return TEL_E_NOMEM;
    callbacks->set(callbacks->arg, key.text, value.text, line);
    return TEL_OK;
}

tel_error env_file_parse(const char *text, const struct env_file_callbacks *callbacks)
{
    struct reader reader = {.next = text, .line = 1, .callbacks = callbacks};
    tel_error error = TEL_OK;

    while (*reader.next && !error) {
        skip_blanks(&reader);
        if (*reader.next == '\n')
            (void)take(&reader);
        else if (*reader.next == '#' || *reader.next == ';')
            skip_comment(&reader);
        else if (*reader.next)
            error = read_setting(&reader);
    }
    return error;
}

/* SPDX-License-Identifier: MIT
 *
 * Everything is decoded in place: decoding only ever shortens.
 */
#include "http/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/url.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decode in place. false: there is a NUL among the characters. */
static bool decode(char *text, bool plus_is_blank)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        char c = *from;

        if (c == '+' && plus_is_blank) {
            c = ' ';
        } else if (c == '%' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
            c = (char)(hex_digit(from[1]) << 4 | hex_digit(from[2]));
            from += 2;
            if (!c)
                return false;
        }
        *to++ = c;
    }
    *to = '\0';
    return true;
}

/* Cut at the next separator and return what follows it, or NULL. */
static char *cut(char *text, char separator)
{
    char *end = strchr(text, separator);

    if (!end)
        return NULL;
    *end = '\0';
    return end + 1;
}

static tel_error fault_nul(tel_fault *fault)
{
    return fault_set(fault, TEL_E_INVALID, "the URL must not contain NUL");
}

static tel_error parse_path(struct target *target, char *path, tel_fault *fault)
{
    target->is_escaped = strchr(path, '%') != NULL;
    for (char *next; path; path = next) {
        next = cut(path, '/');
        if (!decode(path, false))
            return fault_nul(fault);
        if (target->segment_count < TARGET_SEGMENTS_MAX)
            target->segments[target->segment_count] = path;
        target->segment_count++;
    }
    return TEL_OK;
}

static tel_error parse_query(struct target *target, char *query, tel_fault *fault)
{
    for (char *next; query; query = next) {
        struct parameter *parameter = &target->parameters[target->parameter_count];
        char *value;

        next = cut(query, '&');
        if (!*query)
            continue;
        if (target->parameter_count == TARGET_PARAMETERS_MAX)
            return fault_set(fault, TEL_E_INVALID, "at most %d query parameters are taken",
                             TARGET_PARAMETERS_MAX);
        value = cut(query, '=');
        if (!decode(query, true) || (value && !decode(value, true)))
            return fault_nul(fault);
        *parameter = (struct parameter){.name = query, .value = value ? value : ""};
        target->parameter_count++;
    }
    return TEL_OK;
}

tel_error target_parse(struct target *target, const char *text, tel_fault *fault)
{
    char *query;
    tel_error error;

    if (strcmp(text, "*") != 0 && *text != '/')
        return fault_set(fault, TEL_E_INVALID, "the request's target must be a path, not a URL");
    target->text = strdup(text);
    if (!target->text)
        return fault_nomem(fault);
    query = cut(target->text, '?');
    error = parse_path(target, target->text + (*text == '/'), fault);
    return error ? error : parse_query(target, query, fault);
}

void target_clear(struct target *target)
{
    free(target->text);
    *target = (struct target){0};
}

const char *target_parameter(const struct target *target, const char *name)
{
    for (size_t i = target->parameter_count; i > 0; i--) {
        if (strcmp(target->parameters[i - 1].name, name) == 0)
            return target->parameters[i - 1].value;
    }
    return NULL;
}

void target_append_parameter(struct strbuf *text, const char *name, const char *value)
{
    strbuf_putc(text, text->length && strchr(text->text, '?') ? '&' : '?');
    url_append_segment(text, name);
    strbuf_putc(text, '=');
    url_append_segment(text, value);
}

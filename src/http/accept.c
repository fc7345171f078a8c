/* SPDX-License-Identifier: MIT */
#include "http/accept.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define QUALITY_MAX 1000
#define BLANKS " \t"

/* How closely a range names a type: "*" "/" "*", "text" "/" "*", "text/plain". */
enum closeness { MATCHES_NOT, MATCHES_ANY, MATCHES_KIND, MATCHES_TYPE };

static enum closeness match(const char *range, size_t length, const char *type)
{
    size_t kind_length = strcspn(type, "/") + 1;

    if (length == 3 && strncmp(range, "*/*", length) == 0)
        return MATCHES_ANY;
    if (length == kind_length + 1 && range[length - 1] == '*' &&
        strncasecmp(range, type, kind_length) == 0)
        return MATCHES_KIND;
    if (length == strlen(type) && strncasecmp(range, type, length) == 0)
        return MATCHES_TYPE;
    return MATCHES_NOT;
}

/* Read "0.25" as 250. What is no such number counts as 1: the client did name the type. */
static int parse_quality(const char *text)
{
    int quality = 0;
    int digit_value = QUALITY_MAX / 10;

    if (*text != '0')
        return QUALITY_MAX;
    if (text[1] != '.')
        return 0;
    for (text += 2; *text >= '0' && *text <= '9' && digit_value; text++) {
        quality += (*text - '0') * digit_value;
        digit_value /= 10;
    }
    return quality;
}

/* Find "q=..." among the parameters of a range, which end at `end`. */
static int quality_of(const char *parameters, const char *end)
{
    while (parameters < end) {
        const char *name = parameters + 1; /* behind the ';' */

        name += strspn(name, BLANKS);
        if (strncasecmp(name, "q=", 2) == 0)
            return parse_quality(name + 2);
        parameters = name + strcspn(name, ";,");
    }
    return QUALITY_MAX;
}

int accept_quality(const char *accept, const char *type)
{
    enum closeness closest = MATCHES_NOT;
    int quality = 0;

    if (!accept)
        return QUALITY_MAX;
    while (*accept) {
        const char *range = accept + strspn(accept, BLANKS ",");
        const char *end = range + strcspn(range, ",");
        enum closeness closeness = match(range, strcspn(range, ";," BLANKS), type);

        if (closeness > closest) {
            closest = closeness;
            quality = quality_of(range + strcspn(range, ";,"), end);
        }
        accept = end;
    }
    return quality;
}

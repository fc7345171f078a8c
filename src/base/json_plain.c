/* SPDX-License-Identifier: MIT */
#include "base/json_plain.h"

#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

#define DIGITS_MAX 18 /* fit an integer of 64 bits whatever they are */

_Static_assert(JSON_DEPTH_MAX <= 64, "a level is a bit");

/* Where the look is, and in what. */
struct look {
    const char *at;
    uint64_t objects; /* a bit for each level, the innermost is the lowest: it is an object */
    unsigned depth;
};

static void skip_blanks(struct look *look)
{
    while (*look->at == ' ' ||
           (*look->at >= '\t' && *look->at <= '\r' && *look->at != '\v' && *look->at != '\f'))
        look->at++;
}

/* Return the length of the character of a string that is at `c`, 0 when there is none that is plain. */
static size_t character(const char *c)
{
    if (*c == '\\')
        return c[1] && strchr("\"\\/bfnrt", c[1]) ? 2 : 0;
    if ((unsigned char)*c < 0x80)
        return *c >= ' ' && *c != '"';
    return utf8_sequence(c);
}

static bool skip_string(struct look *look)
{
    const char *c = look->at;
    size_t length;

    if (*c++ != '"')
        return false;
    while ((length = character(c)) > 0)
        c += length;
    look->at = c + 1;
    return *c == '"';
}

static size_t count_digits(const char *text)
{
    size_t count = 0;

    while (text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

static bool skip_number(struct look *look)
{
    const char *c = look->at + (*look->at == '-');
    size_t digits = count_digits(c);

    if (!digits || digits > DIGITS_MAX || (*c == '0' && digits > 1))
        return false;
    c += digits;
    if (*c == '.') {
        digits = count_digits(c + 1);
        if (!digits)
            return false;
        c += 1 + digits;
    }
    look->at = c;
    return *c != 'e' && *c != 'E';
}

static bool skip_scalar(struct look *look)
{
    static const char *const words[] = {"null", "true", "false"};

    if (*look->at == '"')
        return skip_string(look);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);

        if (strncmp(look->at, words[i], length) == 0) {
            look->at += length;
            return true;
        }
    }
    return skip_number(look);
}

/* In an object: the name of a member and its colon. In an array: nothing. */
static bool skip_name(struct look *look)
{
    if (!(look->objects & 1))
        return true;
    skip_blanks(look);
    if (!skip_string(look))
        return false;
    skip_blanks(look);
    return *look->at++ == ':';
}

static char closing(const struct look *look)
{
    return look->objects & 1 ? '}' : ']';
}

static void leave(struct look *look)
{
    look->at++;
    look->depth--;
    look->objects >>= 1;
}

/* Go on to where the next value begins. *is_over: there is none, all levels were left. */
static bool skip_to_value(struct look *look, bool *is_over)
{
    for (;;) {
        skip_blanks(look);
        *is_over = look->depth == 0;
        if (*is_over)
            return *look->at == '\0';
        if (*look->at == ',') {
            look->at++;
            return skip_name(look);
        }
        if (*look->at != closing(look))
            return false;
        leave(look);
    }
}

/* Go into an array or object; an empty one is left at once. *is_inside: a value comes next. */
static bool enter(struct look *look, bool *is_inside)
{
    if (look->depth == JSON_DEPTH_MAX)
        return false;
    look->objects = look->objects << 1 | (*look->at++ == '{');
    look->depth++;
    skip_blanks(look);
    *is_inside = *look->at != closing(look);
    if (*is_inside)
        return skip_name(look);
    leave(look);
    return true;
}

bool json_is_plain(const char *text)
{
    struct look look = {.at = text};
    bool is_over = false;

    while (!is_over) {
        bool is_inside = false;

        skip_blanks(&look);
        if (*look.at == '{' || *look.at == '[') {
            if (!enter(&look, &is_inside))
                return false;
        } else if (!skip_scalar(&look)) {
            return false;
        }
        if (!is_inside && !skip_to_value(&look, &is_over))
            return false;
    }
    return true;
}

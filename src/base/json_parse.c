/* SPDX-License-Identifier: MIT
 *
 * Reading. jansson's own reader drops bytes of a string when the memory for a longer one cannot be had,
 * and goes on (docs/decisions/0019-reading-json.md). The values are jansson's; they are made of a text that
 * was looked at before, so that what fails then is memory.
 */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "base/json.h"
#include "base/utf8.h"

struct reader {
    const char *start;
    const char *at;
    const char *end;
    int depth;
    tel_fault *fault;
};

static bool refuse(const struct reader *reader, const char *what)
{
    fault_set(reader->fault, TEL_E_INVALID, "invalid JSON at offset %td: %s",
              reader->at - reader->start, what);
    return false;
}

static void out_of_memory(const struct reader *reader)
{
    fault_nomem(reader->fault);
}

/* The byte that is `ahead` of where the reader is; NUL beyond the end, where none may stand. */
static char peek(const struct reader *reader, size_t ahead)
{
    return ahead < (size_t)(reader->end - reader->at) ? reader->at[ahead] : '\0';
}

static bool skip(struct reader *reader, char c)
{
    bool is_there = peek(reader, 0) == c;

    reader->at += is_there;
    return is_there;
}

static void skip_blanks(struct reader *reader)
{
    while (skip(reader, ' ') || skip(reader, '\n') || skip(reader, '\r') || skip(reader, '\t'))
        continue;
}

/* ---- Strings --------------------------------------------------------------------------------- */

/* Between the quotes. */
struct raw_string {
    const char *text;
    size_t length;
    bool has_escapes;
};

/* Return the value of the four hexadecimal digits that are `ahead`, -1 when they are not there. */
static int peek_unit(const struct reader *reader, size_t ahead)
{
    int unit = 0;

    for (size_t i = 0; i < 4; i++) {
        char c = peek(reader, ahead + i);

        if (c >= '0' && c <= '9')
            unit = unit << 4 | (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            unit = unit << 4 | ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return unit;
}

/* Return the length of the escape that the reader is at, 0 when it is none. */
static size_t escape_length(const struct reader *reader)
{
    char c = peek(reader, 1);
    int unit;
    int low;

    if (c != 'u')
        return c && strchr("\"\\/bfnrt", c) ? 2 : 0;
    unit = peek_unit(reader, 2);
    if (unit < 0xd800 || unit > 0xdfff)
        return unit > 0 ? 6 : 0;
    low = peek(reader, 6) == '\\' && peek(reader, 7) == 'u' ? peek_unit(reader, 8) : -1;
    return unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

static size_t sequence_length(const struct reader *reader)
{
    unsigned char c = (unsigned char)*reader->at;
    ptrdiff_t length = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    return reader->end - reader->at < length ? 0 : utf8_sequence(reader->at);
}

/* Return the length of the character that the reader is at, 0 when a string cannot have it. */
static size_t character_length(const struct reader *reader)
{
    unsigned char c = (unsigned char)*reader->at;

    if (c == '\\')
        return escape_length(reader);
    if (c < 0x80)
        return c >= ' ';
    return sequence_length(reader);
}

static bool scan_string(struct reader *reader, struct raw_string *out)
{
    reader->at++;
    *out = (struct raw_string){.text = reader->at};
    while (reader->at < reader->end && *reader->at != '"') {
        size_t length = character_length(reader);

        if (length == 0)
            return refuse(reader, "no character of a string");
        out->has_escapes |= *reader->at == '\\';
        reader->at += length;
    }
    out->length = (size_t)(reader->at - out->text);
    return skip(reader, '"') || refuse(reader, "a string has no end");
}

static char *write_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xe0 | code >> 12);
        } else {
            *to++ = (char)(0xf0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *to++ = (char)(0x80 | (code & 0x3f));
    return to;
}

/* Write what an escape, that is one, stands for. */
static char *unescape(char *to, struct reader *escape)
{
    static const char letters[] = "bfnrt\"\\/";
    static const char meanings[] = "\b\f\n\r\t\"\\/";
    size_t length = escape_length(escape);
    unsigned code;

    if (length == 2) {
        *to++ = meanings[strchr(letters, escape->at[1]) - letters];
    } else {
        code = (unsigned)peek_unit(escape, 2);
        if (length == 12)
            code = 0x10000 + ((code - 0xd800) << 10) + (unsigned)peek_unit(escape, 8) - 0xdc00;
        to = write_utf8(to, code);
    }
    escape->at += length;
    return to;
}

/* Return what a string says, for the caller to free; NULL when out of memory. */
static char *decode(const struct raw_string *string)
{
    struct reader rest = {.at = string->text, .end = string->text + string->length};
    char *text = malloc(string->length + 1); /* no escape is shorter than its meaning */
    char *to = text;

    if (!text)
        return NULL;
    while (rest.at < rest.end) {
        if (*rest.at == '\\')
            to = unescape(to, &rest);
        else
            *to++ = *rest.at++;
    }
    *to = '\0';
    return text;
}

static json_t *read_string(struct reader *reader)
{
    CLEANUP(freep) char *text = NULL;
    struct raw_string string;
    json_t *json;

    if (!scan_string(reader, &string))
        return NULL;
    if (string.has_escapes) {
        text = decode(&string);
        json = text ? json_string_nocheck(text) : NULL;
    } else {
        json = json_stringn_nocheck(string.text, string.length);
    }
    if (!json)
        out_of_memory(reader);
    return json;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static size_t skip_digits(struct reader *reader)
{
    const char *first = reader->at;

    while (peek(reader, 0) >= '0' && peek(reader, 0) <= '9')
        reader->at++;
    return (size_t)(reader->at - first);
}

static bool scan_number(struct reader *reader, bool *is_real)
{
    bool is_sound;

    (void)skip(reader, '-');
    is_sound = skip(reader, '0') || skip_digits(reader) > 0;
    *is_real = false;
    if (is_sound && skip(reader, '.')) {
        *is_real = true;
        is_sound = skip_digits(reader) > 0;
    }
    if (is_sound && (skip(reader, 'e') || skip(reader, 'E'))) {
        *is_real = true;
        (void)(skip(reader, '-') || skip(reader, '+'));
        is_sound = skip_digits(reader) > 0;
    }
    return is_sound || refuse(reader, "a digit is missing");
}

/* The host's locale may write numbers otherwise. */
static double to_real(const char *text)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* always there, and never freed */

    return strtod_l(text, NULL, c);
}

static json_t *convert_number(struct reader *reader, const char *text, bool is_real)
{
    double real = is_real ? to_real(text) : 0;
    long long integer;
    json_t *json;

    errno = 0;
    integer = is_real ? 0 : strtoll(text, NULL, 10);
    if (errno || !isfinite(real)) {
        (void)refuse(reader, "a number is too large");
        return NULL;
    }
    json = is_real ? json_real(real) : json_integer(integer);
    if (!json)
        out_of_memory(reader);
    return json;
}

static json_t *read_number(struct reader *reader)
{
    CLEANUP(freep) char *text = NULL;
    const char *first = reader->at;
    bool is_real;

    if (!scan_number(reader, &is_real))
        return NULL;
    text = strndup(first, (size_t)(reader->at - first));
    if (!text) {
        out_of_memory(reader);
        return NULL;
    }
    return convert_number(reader, text, is_real);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static json_t *read_value(struct reader *reader);

static json_t *read_word(struct reader *reader)
{
    static const struct {
        const char *text;
        size_t length;
        json_t *(*make)(void); /* there is one of each, no memory is needed */
    } words[] = {{"null", 4, json_null}, {"true", 4, json_true}, {"false", 5, json_false}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = words[i].length;

        if ((size_t)(reader->end - reader->at) >= length &&
            memcmp(reader->at, words[i].text, length) == 0) {
            reader->at += length;
            return words[i].make();
        }
    }
    (void)refuse(reader, "no value");
    return NULL;
}

/* An element of an array, or a member of an object, of which the last with a name counts. */
static bool read_element(struct reader *reader, json_t *array)
{
    json_t *value = read_value(reader);

    if (!value)
        return false;
    if (json_array_append_new(array, value)) {
        out_of_memory(reader);
        return false;
    }
    return true;
}

static bool read_member(struct reader *reader, json_t *object)
{
    CLEANUP(freep) char *name = NULL;
    struct raw_string string;
    json_t *value;

    if (peek(reader, 0) != '"')
        return refuse(reader, "a name is missing");
    if (!scan_string(reader, &string))
        return false;
    name = decode(&string);
    if (!name) {
        out_of_memory(reader);
        return false;
    }
    skip_blanks(reader);
    if (!skip(reader, ':'))
        return refuse(reader, "a colon is missing");
    skip_blanks(reader);
    value = read_value(reader);
    if (!value)
        return false;
    if (json_object_set_new_nocheck(object, name, value)) {
        out_of_memory(reader);
        return false;
    }
    return true;
}

/* Read an array or object up to its closing bracket. */
static bool read_items(struct reader *reader, json_t *json)
{
    bool is_object = json_is_object(json);
    char closing = is_object ? '}' : ']';

    reader->at++;
    skip_blanks(reader);
    if (skip(reader, closing))
        return true;
    do {
        skip_blanks(reader);
        if (!(is_object ? read_member(reader, json) : read_element(reader, json)))
            return false;
        skip_blanks(reader);
    } while (skip(reader, ','));
    return skip(reader, closing) || refuse(reader, "a comma or a bracket is missing");
}

static json_t *read_container(struct reader *reader)
{
    CLEANUP(json_releasep) json_t *json = NULL;

    if (reader->depth == JSON_DEPTH_MAX) {
        fault_set(reader->fault, TEL_E_INVALID,
                  "invalid JSON at offset %td: nested deeper than %d levels",
                  reader->at - reader->start, JSON_DEPTH_MAX);
        return NULL;
    }
    json = *reader->at == '{' ? json_object() : json_array();
    if (!json) {
        out_of_memory(reader);
        return NULL;
    }
    reader->depth++;
    if (!read_items(reader, json))
        return NULL;
    reader->depth--;
    return steal(&json);
}

static json_t *read_value(struct reader *reader)
{
    char c = peek(reader, 0);

    if (c == '{' || c == '[')
        return read_container(reader);
    if (c == '"')
        return read_string(reader);
    if (c == '-' || (c >= '0' && c <= '9'))
        return read_number(reader);
    return read_word(reader);
}

json_t *json_parse(const char *text, size_t length, tel_fault *fault)
{
    CLEANUP(errno_restore) int host_errno = errno; /* a number out of range sets it */
    struct reader reader = {.start = text, .at = text, .end = text + length, .fault = fault};
    CLEANUP(json_releasep) json_t *json = NULL;

    skip_blanks(&reader);
    json = read_value(&reader);
    if (!json)
        return NULL;
    skip_blanks(&reader);
    if (reader.at < reader.end) {
        (void)refuse(&reader, "more than one value");
        return NULL;
    }
    return steal(&json);
}

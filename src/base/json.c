/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json_plain.h"
#include "base/utf8.h"

void json_prepare(void)
{
    json_object_seed(0);
}

void json_releasep(json_t **json)
{
    json_decref(*json);
}

bool json_is_valid(const char *text)
{
    CLEANUP(json_releasep) json_t *json = NULL;

    if (json_is_plain(text))
        return true;
    json = json_parse(text, strlen(text), NULL);
    return json != NULL;
}

/* As deep as the patch, which json_parse() bounds. */
json_t *json_merge(const json_t *value, json_t *patch)
{
    CLEANUP(json_releasep) json_t *merged = NULL;
    const char *key;
    json_t *member;

    if (!json_is_object(patch))
        return json_incref(patch);
    merged = json_object();
    if (json_is_object(value) && json_object_update(merged, (json_t *)value))
        return NULL; /* json_copy() does not tell what it had no memory for */
    json_object_foreach(patch, key, member)
    {
        if (json_is_null(member))
            (void)json_object_del(merged, key); /* fails when there is none */
        else if (json_object_set_new(merged, key, json_merge(json_object_get(merged, key), member)))
            return NULL;
    }
    return steal(&merged);
}

static void write_escape(struct strbuf *buf, unsigned char c)
{
    static const char short_forms[] = "btn?fr"; /* \b \t \n, U+000B, \f \r */

    if (c == '"' || c == '\\')
        strbuf_printf(buf, "\\%c", c);
    else if (c >= '\b' && c <= '\r' && c != '\v')
        strbuf_printf(buf, "\\%c", short_forms[c - '\b']);
    else
        strbuf_printf(buf, "\\u%04x", c);
}

/* Return how many bytes at `text` are a character that a string holds as it is; 0: none. */
static size_t plain_sequence(const char *text)
{
    unsigned char c = (unsigned char)*text;

    if (c < 0x80) /* as most are: no call for each of them */
        return c >= ' ' && c != '"' && c != '\\';
    return utf8_sequence(text);
}

void json_write_string(struct strbuf *buf, const char *text)
{
    if (!text) {
        strbuf_puts(buf, "null");
        return;
    }
    strbuf_putc(buf, '"');
    while (*text) {
        const char *start = text;
        size_t length;

        while ((length = plain_sequence(text)) > 0)
            text += length;
        strbuf_append(buf, start, (size_t)(text - start));
        if (!*text)
            break;
        if ((unsigned char)*text < 0x80)
            write_escape(buf, (unsigned char)*text);
        else
            strbuf_puts(buf, UTF8_REPLACEMENT);
        text++;
    }
    strbuf_putc(buf, '"');
}

static int write_chunk(const char *chunk, size_t length, void *buf)
{
    strbuf_append(buf, chunk, length);
    return strbuf_failed(buf) ? -1 : 0;
}

void json_write_value(struct strbuf *buf, const json_t *value)
{
    if (json_dump_callback(value, write_chunk, buf, JSON_COMPACT | JSON_ENCODE_ANY) &&
        !strbuf_failed(buf)) {
        strbuf_clear(buf);
        buf->failed = true; /* jansson ran out of memory */
    }
}

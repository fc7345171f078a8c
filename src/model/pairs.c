/* SPDX-License-Identifier: MIT */
#include "model/pairs.h"

#include "base/cleanup.h"
#include "base/json.h"

/* A number that JSON has no form for (infinite, or none) becomes null. */
static void write_real(struct strbuf *out, double value)
{
    CLEANUP(json_releasep) json_t *number = json_real(value);

    if (number)
        json_write_value(out, number);
    else
        strbuf_puts(out, "null");
}

static void write_value(struct strbuf *out, const tel_pair *pair)
{
    bool is_text = pair->kind == TEL_PAIR_TEXT || pair->kind == TEL_PAIR_JSON;

    if (pair->kind == TEL_PAIR_INT)
        strbuf_put_int(out, pair->integer);
    else if (pair->kind == TEL_PAIR_BOOL)
        strbuf_puts(out, pair->integer ? "true" : "false");
    else if (pair->kind == TEL_PAIR_REAL)
        write_real(out, pair->real);
    else if (!is_text || !pair->text)
        strbuf_puts(out, "null");
    else if (pair->kind == TEL_PAIR_JSON && json_is_valid(pair->text))
        strbuf_puts(out, pair->text);
    else
        json_write_string(out, pair->text);
}

void pairs_write_json(struct strbuf *out, const tel_pair *pairs)
{
    const char *separator = "";

    strbuf_putc(out, '{');
    for (; pairs->key; pairs++) {
        strbuf_puts(out, separator);
        json_write_string(out, pairs->key);
        strbuf_putc(out, ':');
        write_value(out, pairs);
        separator = ",";
    }
    strbuf_putc(out, '}');
}

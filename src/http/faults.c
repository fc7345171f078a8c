/* SPDX-License-Identifier: MIT */
#include "http/faults.h"

#include "base/json.h"

void faults_clear(struct faults *faults)
{
    strbuf_clear(&faults->list);
    faults->count = 0;
}

static void begin(struct faults *faults, const char *where, const char *name)
{
    strbuf_printf(&faults->list, "%s{\"loc\":[\"%s\"", faults->count ? "," : "", where);
    if (name) {
        strbuf_putc(&faults->list, ',');
        json_write_string(&faults->list, name);
    }
}

static void end(struct faults *faults, const char *message)
{
    strbuf_puts(&faults->list, "],\"msg\":");
    json_write_string(&faults->list, message);
    strbuf_puts(&faults->list, ",\"type\":\"value_error\"}");
    faults->count++;
}

void faults_add(struct faults *faults, const char *where, const char *name, const char *message)
{
    if (faults->count == FAULTS_MAX)
        return;
    begin(faults, where, name);
    end(faults, message);
}

void faults_add_item(struct faults *faults, const char *list, size_t index, const char *message)
{
    if (faults->count == FAULTS_MAX)
        return;
    begin(faults, "body", list);
    strbuf_printf(&faults->list, ",%zu", index);
    end(faults, message);
}

void faults_answer(const struct faults *faults, struct exchange *exchange)
{
    struct strbuf *body;

    if (strbuf_failed(&faults->list)) {
        answer_unavailable(exchange, "out of memory");
        return;
    }
    body = answer_json(exchange, 422);
    strbuf_puts(body, "{\"detail\":[");
    strbuf_append(body, faults->list.text, faults->list.length);
    strbuf_puts(body, "]}");
}

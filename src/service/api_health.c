/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "service/api.h"

static void write_member(struct strbuf *body, const char *name, const char *value)
{
    strbuf_printf(body, ",\"%s\":", name);
    json_write_string(body, value);
}

void api_health(struct service *service, struct exchange *exchange)
{
    tel_fault fault = {0};
    tel_error outcome = writer_health(service->writer, &fault);
    struct strbuf *body = answer_json(exchange, outcome ? 503 : 200);

    strbuf_printf(body, "{\"status\":\"%s\"", outcome ? "error" : "ok");
    if (outcome)
        write_member(body, "detail", fault.text);
    write_member(body, "version", tel_version());
    write_member(body, "db_path", service->database);
    write_member(body, "journal_mode", service->journal_mode);
    write_member(body, "synchronous", service->synchronous);
    strbuf_putc(body, '}');
    if (outcome)
        answer_header(exchange, "Retry-After", "1");
}

void api_version(struct service *service, struct exchange *exchange)
{
    struct strbuf *body = answer_json(exchange, 200);

    (void)service;
    strbuf_puts(body, "{\"name\":\"telemetryd\",\"version\":");
    json_write_string(body, tel_version());
    strbuf_putc(body, '}');
}

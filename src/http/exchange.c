/* SPDX-License-Identifier: MIT */
#include "http/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define DETAIL_BYTES_MAX 1024

void exchange_init(struct exchange *exchange, size_t body_bytes_max)
{
    *exchange = (struct exchange){
        .request.body = STRBUF(body_bytes_max),
        .answer.body = STRBUF(ANSWER_BYTES_MAX),
    };
}

static void clear_answer(struct answer *answer)
{
    for (size_t i = 0; i < answer->header_count; i++)
        free(answer->headers[i].value);
    answer->header_count = 0;
    strbuf_clear(&answer->body);
}

void exchange_clear(struct exchange *exchange)
{
    target_clear(&exchange->request.target);
    strbuf_clear(&exchange->request.body);
    clear_answer(&exchange->answer);
}

struct strbuf *answer_text(struct exchange *exchange, int status, const char *content_type)
{
    clear_answer(&exchange->answer);
    exchange->answer.status = status;
    exchange->answer.content_type = content_type;
    return &exchange->answer.body;
}

struct strbuf *answer_json(struct exchange *exchange, int status)
{
    return answer_text(exchange, status, "application/json");
}

void answer_detail(struct exchange *exchange, int status, const char *format, ...)
{
    struct strbuf *body = answer_json(exchange, status);
    char detail[DETAIL_BYTES_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    strbuf_puts(body, "{\"detail\":");
    json_write_string(body, detail);
    strbuf_putc(body, '}');
}

void answer_unavailable(struct exchange *exchange, const char *reason)
{
    answer_detail(exchange, 503, "%s", reason);
    answer_header(exchange, "Retry-After", "1");
}

void answer_header(struct exchange *exchange, const char *name, const char *value)
{
    struct answer *answer = &exchange->answer;
    char *copy;

    if (answer->header_count == ANSWER_HEADERS_MAX)
        return;
    copy = strdup(value);
    if (copy) {
        answer->headers[answer->header_count++] = (struct answer_header){name, copy};
    } else {
        strbuf_clear(&answer->body);
        answer->body.failed = true;
    }
}

/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "service/api.h"
#include "service/docs_page.h"
#include "service/openapi.h"

void api_openapi(struct service *service, struct exchange *exchange)
{
    (void)service;
    openapi_write(answer_json(exchange, 200));
    answer_header(exchange, "X-Content-Type-Options", "nosniff");
}

void api_docs(struct service *service, struct exchange *exchange)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(OPENAPI_BYTES_MAX);
    CLEANUP(json_releasep) json_t *openapi = NULL;

    (void)service;
    openapi_write(&text);
    openapi = strbuf_failed(&text) ? NULL : json_parse(text.text, text.length, NULL);
    if (!openapi) {
        answer_unavailable(exchange, "out of memory");
        return;
    }
    docs_page_write(answer_text(exchange, 200, "text/html; charset=utf-8"), openapi);
    answer_header(exchange, "Content-Security-Policy", docs_page_policy);
    answer_header(exchange, "X-Content-Type-Options", "nosniff");
    answer_header(exchange, "Referrer-Policy", "no-referrer");
}

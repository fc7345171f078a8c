/* SPDX-License-Identifier: MIT */
#include "deliver/http_answer.h"

#include "base/cleanup.h"
#include "base/json.h"

#define REASON_BODY_BYTES_MAX ((size_t)64 * 1024) /* a larger answer is not searched for a reason */
#define REASON_BYTES_MAX ((size_t)300)

/* Put the first fault of a 422's list as "body.duration_ms must be >= 0". */
static void write_first_fault(struct strbuf *reason, const json_t *faults)
{
    const json_t *first = json_array_get(faults, 0);
    const json_t *location = json_object_get(first, "loc");
    const char *message = json_string_value(json_object_get(first, "msg"));

    for (size_t i = 0; i < json_array_size(location); i++) {
        const json_t *part = json_array_get(location, i);

        if (i > 0)
            strbuf_putc(reason, '.');
        if (json_is_string(part))
            strbuf_puts(reason, json_string_value(part));
        else
            strbuf_printf(reason, "%lld", (long long)json_integer_value(part));
    }
    strbuf_printf(reason, " %s", message ? message : "is refused");
    if (json_array_size(faults) > 1)
        strbuf_printf(reason, " (and %zu more)", json_array_size(faults) - 1);
}

/* Google has {"error":{"message":...}}, and of tokens {"error":...,"error_description":...}. */
static const char *googles_reason(const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    const json_t *description = json_object_get(answer, "error_description");

    if (json_is_object(error))
        return json_string_value(json_object_get(error, "message"));
    return json_string_value(json_is_string(description) ? description : error);
}

char *http_answer_reason(const struct strbuf *body)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    CLEANUP(strbuf_clear) struct strbuf reason = STRBUF(REASON_BODY_BYTES_MAX);
    const json_t *detail;
    char *text;

    if (body->length > 0 && body->length <= REASON_BODY_BYTES_MAX)
        answer = json_parse(body->text, body->length, NULL);
    detail = json_object_get(answer, "detail");
    if (json_is_string(detail))
        strbuf_puts(&reason, json_string_value(detail));
    else if (json_array_size(detail) > 0)
        write_first_fault(&reason, detail);
    else if (googles_reason(answer))
        strbuf_puts(&reason, googles_reason(answer));
    strbuf_truncate(&reason, REASON_BYTES_MAX);
    text = strbuf_take(&reason);
    for (char *c = text; c && *c; c++) {
        if ((unsigned char)*c < ' ')
            *c = ' ';
    }
    return text;
}

bool http_status_is_passing(long status)
{
    return status == 0 || status == 408 || status == 429 || status == 500 || status >= 502;
}

tel_error http_answer_judge(const char *peer, const struct http_response *response,
                            tel_fault *fault)
{
    CLEANUP(freep) char *reason = NULL;
    long status = response->status;
    tel_error code = TEL_E_REJECTED;

    if (status >= 200 && status < 300)
        return TEL_OK;
    if (status == 404)
        code = TEL_E_NOT_FOUND;
    else if (status < 400 || status >= 500 || status == 408 || status == 429)
        code = TEL_E_UNAVAILABLE;
    reason = http_answer_reason(&response->body);
    return fault_set(fault, code, "%s answered %ld%s%s", peer, status,
                     reason && *reason ? ": " : "", reason ? reason : "");
}

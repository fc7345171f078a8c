/* SPDX-License-Identifier: MIT */
#include "service/body.h"

#include "base/cleanup.h"

json_t *body_parse(struct exchange *exchange)
{
    const struct strbuf *body = &exchange->request.body;
    json_t *json;
    tel_fault fault;

    if (!body->length) {
        answer_detail(exchange, 400, "the body is empty: it must be JSON");
        return NULL;
    }
    json = json_parse(body->text, body->length, &fault);
    if (!json && fault.code == TEL_E_NOMEM)
        answer_unavailable(exchange, fault.text);
    else if (!json)
        answer_detail(exchange, 400, "%s", fault.text);
    return json;
}

json_t *body_read_object(struct exchange *exchange, struct faults *faults)
{
    CLEANUP(json_releasep) json_t *json = body_parse(exchange);

    if (json && json_is_object(json))
        return steal(&json);
    if (json)
        faults_add(faults, "body", NULL, "must be a JSON object");
    if (faults->count)
        faults_answer(faults, exchange);
    return NULL;
}

static void report_field(void *faults, const char *field, const char *message)
{
    faults_add(faults, "body", field, message);
}

bool body_read_fields(struct exchange *exchange, struct faults *faults, struct tel_record *record,
                      const json_t *object, field_set set, field_set required)
{
    tel_error error = record_read_json(record, object, set, required, report_field, faults);

    if (error == TEL_E_NOMEM)
        answer_unavailable(exchange, tel_strerror(error));
    else if (faults->count)
        faults_answer(faults, exchange);
    return !error && !faults->count;
}

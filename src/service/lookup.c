/* SPDX-License-Identifier: MIT */
#include "service/lookup.h"

void answer_no_run(struct exchange *exchange, const char *event_id)
{
    answer_detail(exchange, 404, "run not found: %.300s", event_id);
}

void answer_read_fault(struct exchange *exchange, const tel_fault *fault)
{
    if (fault->code == TEL_E_CORRUPT || fault->code == TEL_E_INTERNAL)
        answer_detail(exchange, 500, "%s", fault->text);
    else
        answer_unavailable(exchange, fault->text);
}

static tel_error get(struct service *service, const char *event_id, struct tel_record *record,
                     tel_fault *fault)
{
    struct store *store;
    tel_error error = reader_take(service->reader, &store, fault);

    if (error)
        return error == TEL_E_NOT_FOUND ? TEL_E_IO : error; /* the database, not the run */
    error = store_get(store, event_id, record, fault);
    reader_give(service->reader, store, error);
    return error;
}

bool lookup_run(struct service *service, struct exchange *exchange, struct tel_record *record)
{
    const char *event_id = exchange->request.path_argument;
    tel_fault fault = {0};
    tel_error error = get(service, event_id, record, &fault);

    if (error == TEL_E_NOT_FOUND)
        answer_no_run(exchange, event_id);
    else if (error)
        answer_read_fault(exchange, &fault);
    return error == TEL_OK;
}

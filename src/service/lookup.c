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

static tel_error view(struct service *service, const char *event_id, tel_record_fn *each, void *arg,
                      tel_fault *fault)
{
    struct store *store;
    tel_error error = reader_take_kept(service->reader, &store, fault);

    if (error)
        return error == TEL_E_NOT_FOUND ? TEL_E_IO : error; /* the database, not the run */
    error = store_view(store, event_id, each, arg, fault);
    reader_keep(service->reader, store, error, !writer_is_busy(service->writer));
    return error;
}

bool lookup_view(struct service *service, struct exchange *exchange, tel_record_fn *each, void *arg)
{
    const char *event_id = exchange->request.path_argument;
    tel_fault fault = {0};
    tel_error error = view(service, event_id, each, arg, &fault);

    if (error == TEL_E_NOT_FOUND)
        answer_no_run(exchange, event_id);
    else if (error)
        answer_read_fault(exchange, &fault);
    return error == TEL_OK;
}

struct copy {
    struct tel_record *record;
    tel_error error;
};

static int keep_copy(void *arg, const struct tel_record *run)
{
    struct copy *copy = arg;

    copy->error = record_merge(copy->record, run, ~(field_set)0, NULL);
    return 0;
}

bool lookup_run(struct service *service, struct exchange *exchange, struct tel_record *record)
{
    struct copy copy = {.record = record};

    if (!lookup_view(service, exchange, keep_copy, &copy))
        return false;
    if (copy.error)
        answer_unavailable(exchange, "out of memory");
    return !copy.error;
}

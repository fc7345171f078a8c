/* SPDX-License-Identifier: MIT */
#include "service/pending.h"

#include "http/server.h"

static void complete(struct write_job *job, const tel_fault *fault)
{
    struct pending *pending = (struct pending *)job;
    struct exchange *exchange = pending->exchange;

    if (fault)
        answer_unavailable(exchange, fault->text);
    else
        pending->answer(pending);
    pending->release(pending);
    server_resume(exchange);
}

void pending_submit(struct service *service, struct pending *pending)
{
    tel_fault fault = {0};

    pending->job.done = complete;
    if (server_is_alone(pending->exchange) && writer_apply_here(service->writer, &pending->job))
        return;
    server_suspend(pending->exchange);
    if (writer_submit(service->writer, &pending->job, &fault))
        complete(&pending->job, &fault);
}

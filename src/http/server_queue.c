/* SPDX-License-Identifier: MIT */
#include "http/server_queue.h"

#include <dlfcn.h>
#include <string.h>

#include "http/server_visit.h"

typedef enum MHD_Result queue_fn(struct MHD_Connection *, unsigned, struct MHD_Response *);

static queue_fn *library_queue_response;

tel_error queue_init(tel_fault *fault)
{
    void *found = dlsym(RTLD_NEXT, "MHD_queue_response");

    if (!found)
        return fault_set(fault, TEL_E_INTERNAL, "libmicrohttpd has no MHD_queue_response()");
    memcpy(&library_queue_response, &found, sizeof found); /* as POSIX has it, and ISO C has not */
    return TEL_OK;
}

enum MHD_Result queue_response(struct MHD_Connection *connection, unsigned status,
                               struct MHD_Response *response)
{
    return library_queue_response(connection, status, response);
}

/* Called by the library alone, with an answer that nobody shall see. */
__attribute__((visibility("default"))) enum MHD_Result
MHD_queue_response(struct MHD_Connection *connection, unsigned status,
                   struct MHD_Response *response)
{
    (void)response;
    return visit_refuse(connection, status);
}

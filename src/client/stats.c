/* SPDX-License-Identifier: MIT
 *
 * tel_client_get_stats(): what the service or the database has, and what the client did.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "client/client.h"
#include "deliver/remote_read.h"

#define SIZE_MAX_OF_CALLERS ((size_t)64 * 1024) /* what is larger was never set */

static tel_error ask(struct outlet *outlet, tel_run_stats *out, struct deadline deadline,
                     tel_fault *fault)
{
    tel_error error;

    if (config_is_embedded(outlet->config))
        return store_way_stats(&outlet->store, out, deadline, fault);
    if (!outlet_may_ask(outlet))
        return fault_set(fault, TEL_E_UNAVAILABLE, "the service is not asked now");
    error = remote_stats(outlet->http, out, deadline, fault);
    outlet_note(outlet, error);
    return error;
}

/* Give an older or newer caller what its struct has room for. */
static void hand_over(tel_client_stats *out, const tel_client_stats *stats)
{
    size_t size = out->size;
    size_t known = size < sizeof *stats ? size : sizeof *stats;

    memcpy(out, stats, known);
    memset((char *)out + known, 0, size - known);
    out->size = size;
}

tel_error tel_client_get_stats(tel_client *client, tel_client_stats *out, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    tel_client_stats stats = {.runs = {-1, -1, -1, -1, -1, -1, -1, -1}};
    struct process *process;
    tel_error error;

    if (!client || !out)
        return fault_null(fault, client ? "out" : "client");
    if (out->size < sizeof out->size || out->size > SIZE_MAX_OF_CALLERS)
        return fault_set(fault, TEL_E_INVALID, "out->size must be sizeof(tel_client_stats)");
    process = client_enter(client);
    if (!process)
        return fault_set(fault, TEL_E_CLOSED, "the client is gone");
    error = ask(&process->outlet, &stats.runs, client_deadline(client), fault);
    tally_read(&process->tally, &stats);
    client_leave(client, process);
    hand_over(out, &stats);
    return error;
}

/* SPDX-License-Identifier: MIT
 *
 * tel_client_flush(): empty the buffer and wait until that is done. A service that is away may come
 * back until the deadline, so the breaker is not asked.
 */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "client/client.h"
#include "deliver/backlog.h"

#define TIMEOUT_MS_MAX INT64_C(86400000)
#define PAUSE_MS 20

/* Is anything ready to be delivered? Others may be at it. */
static bool is_waiting(const char *directory, struct backlog *backlog)
{
    return directory && !backlog_count(backlog, directory, NULL) && backlog->ready_files > 0;
}

static bool may_pass(const struct outlet *outlet, tel_error error)
{
    bool asks = outlet->http || config_is_embedded(outlet->config);

    return asks && (!error || error == TEL_E_UNAVAILABLE || error == TEL_E_BUSY);
}

static tel_error flush(struct outlet *outlet, struct deadline deadline, tel_fault *fault)
{
    const char *directory = config_text(outlet->config, CONFIG_TELEMETRY_BUFFER_DIR);
    struct backlog backlog = {0};
    tel_fault why;
    tel_error error;

    for (;;) {
        bool waits;

        (void)fault_set(&why, TEL_E_UNAVAILABLE, "others are at work on it");
        error = outlet_drain(outlet, deadline, &why);
        waits = is_waiting(directory, &backlog);
        if (!waits && (!error || backlog.files == 0))
            return TEL_OK;
        if (!may_pass(outlet, error))
            break;
        deadline_sleep(deadline, PAUSE_MS);
        if (deadline_left_ms(deadline) == 0)
            break;
    }
    return fault_set(fault, error ? error : TEL_E_UNAVAILABLE,
                     "%" PRId64 " files (%" PRId64 " bytes) of the buffer %s are left: %s",
                     backlog.files, backlog.bytes, directory ? directory : "", why.text);
}

tel_error tel_client_flush(tel_client *client, int64_t timeout_ms, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct process *process;
    tel_error error;

    if (!client)
        return fault_null(fault, "client");
    if (timeout_ms < 0 || timeout_ms > TIMEOUT_MS_MAX)
        return fault_set(fault, TEL_E_INVALID, "timeout_ms must be from 0 to %" PRId64,
                         TIMEOUT_MS_MAX);
    process = client_enter(client);
    if (!process)
        return fault_set(fault, TEL_E_CLOSED, "the client is gone");
    error = flush(&process->outlet, deadline_in(timeout_ms), fault);
    client_leave(client, process);
    return error;
}

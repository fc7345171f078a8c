/* SPDX-License-Identifier: MIT
 *
 * Events as host programs log them, by a run's handle or its run_id.
 */
#include "base/cleanup.h"
#include "base/host.h"
#include "client/publish.h"
#include "deliver/line.h"
#include "model/pairs.h"
#include "model/run_id.h"

tel_error tel_run_log_event(tel_run *run, const char *event_type, const char *payload_json)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct process *process;
    tel_error error = TEL_E_CLOSED;

    if (!run || !event_type || !*event_type)
        return TEL_E_INVALID;
    process = client_enter(run->client);
    if (!process)
        return TEL_E_CLOSED;
    if (process == run->process && !atomic_load(&run->ended))
        error = publish_event(run->client, process, tel_run_id(run), event_type, payload_json);
    client_leave(run->client, process);
    return error;
}

tel_error tel_client_log_event(tel_client *client, const char *run_id, const char *event_type,
                               const char *payload_json)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct process *process;
    tel_error error;

    if (!client || !run_id || run_id_reject_reason(run_id) || !event_type || !*event_type)
        return TEL_E_INVALID;
    process = client_enter(client);
    if (!process)
        return TEL_E_CLOSED;
    error = publish_event(client, process, run_id, event_type, payload_json);
    client_leave(client, process);
    return error;
}

/* Write pairs (NULL: none, and *json is NULL) into `payload`. */
static tel_error write_payload(struct strbuf *payload, const char **json, const tel_pair *pairs)
{
    *json = NULL;
    if (!pairs)
        return TEL_OK;
    pairs_write_json(payload, pairs);
    if (strbuf_failed(payload))
        return line_fault(payload, NULL);
    *json = payload->text;
    return TEL_OK;
}

tel_error tel_run_log_pairs(tel_run *run, const char *event_type, const tel_pair *pairs)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(strbuf_clear) struct strbuf payload = LINE();
    const char *json;
    tel_error error = write_payload(&payload, &json, pairs);

    return error ? error : tel_run_log_event(run, event_type, json);
}

tel_error tel_client_log_pairs(tel_client *client, const char *run_id, const char *event_type,
                               const tel_pair *pairs)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(strbuf_clear) struct strbuf payload = LINE();
    const char *json;
    tel_error error = write_payload(&payload, &json, pairs);

    return error ? error : tel_client_log_event(client, run_id, event_type, json);
}

/* SPDX-License-Identifier: MIT
 *
 * tel_api_client_*() of telemetry.h. Calls that wait and calls that do not share the configuration and
 * nothing else, so they do not wait for each other.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "model/payload.h"
#include "sheets/sheets_queue.h"

struct tel_api_client {
    struct tel_config *config;
    struct sheets *sheets;      /* of those that wait */
    struct sheets_queue *queue; /* of those that do not; NULL: there were none */
};

static void release(struct tel_api_client *client)
{
    sheets_free(client->sheets);
    tel_config_free(client->config);
    free(client);
}

static tel_error init(struct tel_api_client *client, const struct tel_config *config)
{
    tel_error error = config_take(&client->config, config);

    if (error)
        return error;
    return sheets_new(&client->sheets, &(struct sheets_options){.config = client->config,
                                                                .log = client->config->log});
}

tel_error tel_api_client_new(tel_api_client **out, const tel_config *config)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct tel_api_client *client;
    tel_error error;

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    client = calloc(1, sizeof *client);
    if (!client)
        return TEL_E_NOMEM;
    error = init(client, config);
    if (error)
        release(client);
    else
        *out = client;
    return error;
}

void tel_api_client_free(tel_api_client *client)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!client)
        return;
    sheets_queue_stop(client->queue,
                      deadline_in(config_int(client->config, CONFIG_TELEMETRY_CALL_BUDGET_MS)));
    sheets_queue_free(client->queue);
    release(client);
}

static tel_error check(const struct tel_api_client *client, const tel_api_payload *payload,
                       tel_fault *fault)
{
    if (!client || !payload)
        return fault_set(fault, TEL_E_INVALID, "%s must not be NULL",
                         client ? "payload" : "client");
    return sheets_is_on(client->config, fault);
}

tel_error tel_api_client_post_run_sync(tel_api_client *client, const tel_api_payload *payload,
                                       tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    tel_error error = check(client, payload, fault);

    return error ? error : sheets_post(client->sheets, payload, fault);
}

tel_error tel_api_client_test_connection(tel_api_client *client, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!client)
        return fault_set(fault, TEL_E_INVALID, "client must not be NULL");
    return sheets_test(client->sheets, fault);
}

/* ---- Without waiting ------------------------------------------------------------------------- */

struct post {
    tel_api_done_fn *done;
    void *arg;
};

static void tell(void *arg, tel_error error, const tel_fault *fault)
{
    struct post post = *(struct post *)arg;

    free(arg);
    if (post.done)
        post.done(post.arg, error, error ? fault->text : "exported");
}

/* Have a queue of this process's own. */
static tel_error have_queue(struct tel_api_client *client)
{
    const struct sheets_queue_options options = {.config = client->config,
                                                 .log = client->config->log};

    if (client->queue && sheets_queue_is_ours(client->queue))
        return TEL_OK;
    return sheets_queue_new(&client->queue, &options);
}

static tel_error queue_copy(struct tel_api_client *client, const tel_api_payload *payload,
                            struct post *post, tel_fault *fault)
{
    CLEANUP(payload_freep) struct tel_api_payload *copy = NULL;
    tel_error error = have_queue(client);

    if (!error)
        error = tel_api_payload_from_run_record(&copy, &payload->record);
    if (error)
        return fault_nomem(fault);
    error = sheets_queue_take(client->queue, copy, tell, post, fault);
    if (!error)
        (void)steal(&copy);
    return error;
}

tel_error tel_api_client_post_run_async(tel_api_client *client, const tel_api_payload *payload,
                                        tel_api_done_fn *done, void *arg, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct post *post;
    tel_error error = check(client, payload, fault);

    if (error)
        return error;
    post = malloc(sizeof *post);
    if (!post)
        return fault_nomem(fault);
    *post = (struct post){.done = done, .arg = arg};
    error = queue_copy(client, payload, post, fault);
    if (error)
        free(post);
    return error;
}

/* SPDX-License-Identifier: MIT
 *
 * Sends runs to Google Sheets by hand, which a tel_client does by itself with each run that ends:
 *
 *     GOOGLE_SHEETS_API_ENABLED=true \
 *     GOOGLE_SHEETS_API_URL='https://sheets.googleapis.com/v4/spreadsheets/ID/values/Runs:append' \
 *     GOOGLE_APPLICATION_CREDENTIALS=key.json ./sheets crawler indexer
 *
 * One run for each agent named; the first is waited for, the others go in the background. Without a
 * name it only tries the connection.
 */
#include <stdio.h>
#include <telemetry.h>

static tel_api_payload *run_of(const char *agent_name)
{
    char now[TEL_TIMESTAMP_SIZE];
    char run_id[TEL_RUN_ID_SIZE];
    tel_record *record;
    tel_api_payload *payload;

    tel_get_iso8601_timestamp(now);
    tel_generate_run_id(run_id, agent_name);
    tel_record_new(&record,
                   TEL_FIELDS(.run_id = run_id, .agent_name = agent_name, .job_type = "demo",
                              .status = TEL_SUCCESS, .start_time = now, .end_time = now),
                   NULL);
    tel_api_payload_from_run_record(&payload, record);
    tel_record_free(record);
    return payload;
}

static void print_outcome(void *agent_name, tel_error error, const char *message)
{
    printf("%s: %s\n", (char *)agent_name, error ? message : "exported");
}

int main(int argc, char **argv)
{
    tel_api_client *exporter;
    tel_fault fault;

    tel_api_client_new(&exporter, NULL); /* configured by the environment */
    if (argc < 2) {
        tel_error error = tel_api_client_test_connection(exporter, &fault);

        printf("%s\n", error ? fault.text : "connected");
    }
    for (int i = 1; i < argc; i++) {
        tel_api_payload *payload = run_of(argv[i]);

        if (i == 1)
            print_outcome(argv[i], tel_api_client_post_run_sync(exporter, payload, &fault),
                          fault.text);
        else if (tel_api_client_post_run_async(exporter, payload, print_outcome, argv[i], &fault))
            print_outcome(argv[i], fault.code, fault.text);
        tel_api_payload_free(payload);
    }
    tel_api_client_free(exporter); /* gives the others the call budget to go out */
    return 0;
}

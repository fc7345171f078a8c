/* SPDX-License-Identifier: MIT
 *
 * The shortest useful program, word for word the one in README: a run with its counts.
 *
 *     quick_start PAGE...
 */
#include <stdio.h>
#include <telemetry.h>

static int translate(const char *page)
{
    printf("translating %s\n", page);
    return 0;
}

int main(int argc, char **argv)
{
    tel_client *client;
    tel_run *run;
    int done = 0;

    tel_client_new(&client, NULL); /* configured by the environment */
    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "translator", .job_type = "pages"));
    for (int i = 1; i < argc; i++) {
        if (translate(argv[i]))
            tel_run_log_event(run, "page_failed", argv[i]);
        else
            done++;
    }
    tel_run_end(&run, done == argc - 1 ? TEL_SUCCESS : TEL_PARTIAL,
                TEL_FIELDS(.items_discovered = argc - 1, .items_succeeded = done,
                           .items_failed = argc - 1 - done));
    tel_client_free(client);
    return 0;
}

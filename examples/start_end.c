/* SPDX-License-Identifier: MIT
 *
 * Explicit start and end, by run_id: for programs whose parts share a name rather than a pointer. What
 * the calls answer may be looked at, as here, or not: the work goes on either way.
 *
 *     start_end FILE...        copies the files to stdout
 */
#include <stdio.h>
#include <telemetry.h>

static tel_client *client;
static char run_id[TEL_RUN_ID_SIZE];

static void warn(const char *what, tel_error error)
{
    if (error)
        fprintf(stderr, "%s: %s\n", what, tel_strerror(error));
}

/* Copy one file, and tell the run about it. */
static int copy(const char *path)
{
    FILE *file = fopen(path, "r");
    long bytes = 0;
    int c;

    if (!file) {
        warn("event", tel_client_log_event(client, run_id, "file_missing", path));
        return -1;
    }
    while ((c = getc(file)) != EOF) {
        putchar(c);
        bytes++;
    }
    fclose(file);
    warn("event", tel_client_log_pairs(client, run_id, "file_copied",
                                       TEL_PAIRS(TEL_TEXT("path", path), TEL_INT("bytes", bytes))));
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    warn("client", tel_client_new(&client, NULL));
    warn("start", tel_client_start_run(client, run_id, "copier", "files",
                                       TEL_FIELDS(.trigger_type = "manual",
                                                  .input_summary = argc > 1 ? argv[1] : NULL)));
    for (int i = 1; i < argc; i++)
        failed += copy(argv[i]) != 0;
    warn("end",
         tel_client_end_run(client, run_id, failed ? TEL_FAILURE : TEL_SUCCESS,
                            TEL_FIELDS(.items_succeeded = argc - 1 - failed, .items_failed = failed,
                                       .error_summary = failed ? "files are missing" : NULL)));
    tel_client_free(client);
    return failed ? 1 : 0;
}

/* SPDX-License-Identifier: MIT
 *
 * An agent that counts the words of the files it is given (none: of this text) and records what it
 * did. Its exit status tells whether its own work was done; telemetry never changes that.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <telemetry.h>

/* Return how many words a file has, or -1 when it cannot be read. */
static long count_words(FILE *file)
{
    long words = 0;
    int before = ' ';
    int c;

    while ((c = getc(file)) != EOF) {
        if (isspace(before) && !isspace(c))
            words++;
        before = c;
    }
    return ferror(file) ? -1 : words;
}

/* Count the words of one file, and say so in the run. */
static long process(tel_run *run, const char *path)
{
    FILE *file = fopen(path, "r");
    long words = file ? count_words(file) : -1;
    char payload[64];

    if (file)
        fclose(file);
    snprintf(payload, sizeof payload, "{\"words\": %ld}", words);
    tel_run_log_event(run, words < 0 ? "file_failed" : "file_done", words < 0 ? path : payload);
    if (words < 0)
        perror(path);
    else
        printf("%8ld words in %s\n", words, path);
    return words;
}

int main(int argc, char **argv)
{
    static char this_file[] = __FILE__;
    char *own_text[] = {this_file};
    char **paths = argc > 1 ? argv + 1 : own_text;
    int count = argc > 1 ? argc - 1 : 1;
    int failed = 0;
    long words = 0;
    char metrics[64];
    char summary[64];
    tel_client *client;
    tel_run *run;

    tel_client_new(&client, NULL); /* configured by the environment */
    tel_run_start(&run, client,
                  TEL_FIELDS(.agent_name = "example-agent", .job_type = "demo",
                             .item_name = paths[0]));
    printf("run %s\n", tel_run_id(run));
    for (int i = 0; i < count; i++) {
        long found = process(run, paths[i]);

        failed += found < 0;
        words += found > 0 ? found : 0;
    }

    snprintf(metrics, sizeof metrics, "{\"words\": %ld}", words);
    snprintf(summary, sizeof summary, "%ld words in %d files", words, count - failed);
    tel_run_end(&run,
                failed == 0      ? TEL_SUCCESS
                : failed < count ? TEL_PARTIAL
                                 : TEL_FAILURE,
                TEL_FIELDS(.items_discovered = count, .items_succeeded = count - failed,
                           .items_failed = failed, .metrics_json = metrics,
                           .output_summary = summary,
                           .error_summary = failed ? "some files could not be read" : NULL));
    tel_client_free(client);
    return failed ? 1 : 0;
}

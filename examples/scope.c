/* SPDX-License-Identifier: MIT
 *
 * The scope form: the run ends when its block is left, on whatever way.
 *
 *     scope FILE...        checks that every line of the files has a '='
 */
#include <stdio.h>
#include <string.h>
#include <telemetry.h>

/* Check one file in a run of its own. Every return ends the run. */
static int check(tel_client *client, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[1024];
    int number = 0;

    TEL_RUN_SCOPE(run, client, .agent_name = "checker", .job_type = "file", .item_name = path);
    if (!file) {
        tel_run_fail(run, "cannot be opened");
        return -1;
    }
    while (fgets(line, sizeof line, file)) {
        number++;
        if (!strchr(line, '=')) {
            tel_run_log_pairs(run, "bad_line", TEL_PAIRS(TEL_INT("line", number)));
            tel_run_fail(run, "a line without '='");
            break;
        }
    }
    fclose(file);
    tel_run_set_int(run, "items_discovered", number);
    return 0;
}

int main(int argc, char **argv)
{
    tel_client *client;

    tel_client_new(&client, NULL);
    for (int i = 1; i < argc; i++)
        check(client, argv[i]);
    tel_client_free(client);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Runs inside runs. In one process a run is started below another; a process that is started takes
 * its parent from TELEMETRY_RUN_ID, be it a program with this library or `telemetry run`.
 *
 *     nested [COMMAND...]      starts the command as a third run's process
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <telemetry.h>
#include <unistd.h>

/* A step of the work, as a run of its own below `parent`. */
static void step(tel_run *parent, const char *name)
{
    tel_run *run;

    tel_run_start_child(&run, parent, TEL_FIELDS(.agent_name = "pipeline", .job_type = name));
    tel_run_end(&run, TEL_SUCCESS, NULL);
}

/* Start a command whose runs belong to `parent`; return 0 when it ended well. */
static int start(char **command, tel_run *parent)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0) {
        setenv("TELEMETRY_RUN_ID", tel_run_id(parent), 1);
        execvp(*command, command);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    tel_client *client;
    tel_run *run;
    int failed = 0;

    tel_client_new(&client, NULL);
    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "pipeline", .job_type = "all"));
    step(run, "fetch");
    step(run, "convert");
    if (argc > 1)
        failed = start(argv + 1, run);
    printf("%s\n", tel_run_id(run));
    tel_run_end(&run, failed ? TEL_FAILURE : TEL_SUCCESS,
                TEL_FIELDS(.error_summary = failed ? "the command failed" : NULL));
    tel_client_free(client);
    return failed;
}

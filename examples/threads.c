/* SPDX-License-Identifier: MIT
 *
 * One client and one run, used by many threads at once. Neither wants a lock of the program's own.
 *
 *     threads [THREADS [ITEMS]]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <telemetry.h>

#define THREADS_MAX 64

static tel_run *run;
static atomic_int next_item;
static int item_count = 100;

static void *work(void *arg)
{
    int item;

    (void)arg;
    while ((item = atomic_fetch_add(&next_item, 1)) < item_count)
        tel_run_log_pairs(run, "item_done", TEL_PAIRS(TEL_INT("item", item)));
    return NULL;
}

int main(int argc, char **argv)
{
    int wanted = argc > 1 ? atoi(argv[1]) : 4;
    pthread_t threads[THREADS_MAX];
    int started = 0;
    tel_client *client;

    if (argc > 2)
        item_count = atoi(argv[2]);
    tel_client_new(&client, NULL);
    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "pool", .job_type = "items"));
    while (started < wanted && started < THREADS_MAX &&
           pthread_create(&threads[started], NULL, work, NULL) == 0)
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    tel_run_end(&run, started ? TEL_SUCCESS : TEL_FAILURE,
                TEL_FIELDS(.items_discovered = item_count,
                           .items_succeeded = started ? item_count : 0));
    tel_client_free(client);
    return started ? 0 : 1;
}

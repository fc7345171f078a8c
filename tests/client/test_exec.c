/* SPDX-License-Identifier: MIT
 *
 * A host that becomes another program while its client is at work: no descriptor of ours is open in
 * that, what was recorded is whole, and arrives once. The other program is this one, with arguments.
 */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/real_service.h"
#include "support/scratch.h"

#define PATIENCE_MS 60000

/* Write the numbers of the descriptors that another program would inherit. */
static void list_descriptors(char *out, size_t size)
{
    DIR *open_ones = opendir("/proc/self/fd");
    const struct dirent *entry;
    size_t used = 0;

    *out = '\0';
    while (open_ones && (entry = readdir(open_ones)) != NULL) {
        int fd = (int)strtol(entry->d_name, NULL, 10);

        if (*entry->d_name != '.' && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
            used += (size_t)snprintf(out + used, size - used, "%d ", fd);
    }
    if (open_ones)
        (void)closedir(open_ones);
}

/* The other program: are these descriptors open, and no other? Record one more run. */
static int go_on(const char *expected, const char *event_id)
{
    char found[4096];
    tel_client *client;
    tel_error error;

    list_descriptors(found, sizeof found);
    if (strcmp(found, expected) != 0) {
        (void)fprintf(stderr, "open: %s, and not %s\n", found, expected);
        return 1;
    }
    if (tel_client_new(&client, NULL))
        return 2;
    error = record_run(client, event_id);
    tel_client_free(client);
    return error ? 3 : 0;
}

/* In a child: record, leave a run open, and become the other program. */
static void record_and_exec(void)
{
    char expected[4096];
    tel_client *client;
    tel_run *run = NULL;

    (void)alarm(60);
    list_descriptors(expected, sizeof expected);
    if (tel_client_new(&client, NULL) || record_run(client, "before") ||
        tel_run_start(&run, client,
                      TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = "open")) ||
        tel_run_log_event(run, "e", NULL))
        _exit(10);
    (void)execl("/proc/self/exe", "test", expected, "after", (char *)NULL);
    _exit(11);
}

static void assert_survives_exec(const char *url, const char *background)
{
    int status = -1;
    pid_t child;

    (void)setenv("TELEMETRY_API_URL", url, 1);
    (void)setenv("TELEMETRY_CALL_BUDGET_MS", "60000", 1);
    (void)setenv("TELEMETRY_BACKGROUND", background, 1);
    child = fork();
    if (child == 0)
        record_and_exec();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Deliver what is left, and see that there is nothing else than there should be. */
static void assert_all_are_there_once(struct world *world)
{
    CLEANUP(record_clear) struct tel_record open_run = RECORD();
    CLEANUP(freep) char *trail = world_trail(world);

    assert_int_equal(count_lines(trail), 6);
    assert_int_equal(count_of(trail, "\"record_type\":\"run\"}\n"), 5);
    world_connect(world, "TELEMETRY_MODE", "embedded", "TELEMETRY_BACKGROUND", "false", NULL);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    world_assert_stored(world, "before");
    world_assert_stored(world, "after");
    assert_int_equal(world_stored(world, "open", &open_run), TEL_OK);
    assert_string_equal(open_run.fields.status, "running");
    assert_int_equal(world_stored_count(world), 3);
}

static void exec__beside_a_service_loses_and_leaks_nothing(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);

    assert_survives_exec(real_service_url(service), "false");
    real_service_kill(service);
    assert_all_are_there_once(world);
}

static void exec__in_the_middle_of_background_delivery_loses_and_leaks_nothing(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);

    assert_survives_exec(real_service_url(service), "true");
    real_service_kill(service);
    assert_all_are_there_once(world);
}

static void exec__while_the_service_is_away_loses_and_leaks_nothing(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);

    assert_survives_exec(peer_url(refused), "false");
    peer_stop(refused);
    assert_all_are_there_once(world);
}

static void exec__of_an_embedded_client_loses_and_leaks_nothing(void **state)
{
    struct world *world = *state;

    (void)setenv("TELEMETRY_MODE", "embedded", 1);
    assert_survives_exec("http://127.0.0.1:1", "false");
    assert_all_are_there_once(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(exec__beside_a_service_loses_and_leaks_nothing),
        TEST(exec__in_the_middle_of_background_delivery_loses_and_leaks_nothing),
        TEST(exec__while_the_service_is_away_loses_and_leaks_nothing),
        TEST(exec__of_an_embedded_client_loses_and_leaks_nothing),
    };

    if (argc == 3)
        return go_on(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

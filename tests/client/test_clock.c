/* SPDX-License-Identifier: MIT
 *
 * A wall clock that is set, passes midnight or has a leap second, while a run is under way. This
 * program's clock_gettime() is its own; the clock of the service, another process, stays right.
 */
#include "support/cmocka_all.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/real_service.h"
#include "support/scratch.h"

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

static atomic_llong offset_us; /* of the wall clock from what it really is */
static atomic_llong step_us;   /* by which it moves on each time it is asked */

TEL_API int clock_gettime(clockid_t id, struct timespec *out)
{
    int result = (int)syscall(SYS_clock_gettime, id, out);
    int64_t us;

    if (result || id != CLOCK_REALTIME)
        return result;
    us = out->tv_sec * US_PER_SECOND + out->tv_nsec / 1000 +
         atomic_fetch_add(&offset_us, atomic_load(&step_us));
    out->tv_sec = us / US_PER_SECOND;
    out->tv_nsec = us % US_PER_SECOND * 1000;
    return 0;
}

static void set_clock(const char *time)
{
    int64_t wanted;

    assert_true(timestamp_parse(&wanted, time));
    atomic_fetch_add(&offset_us, wanted - clock_now_us());
}

static void move_clock(int64_t seconds)
{
    atomic_fetch_add(&offset_us, seconds * US_PER_SECOND);
}

static int set_up(void **state)
{
    atomic_store(&offset_us, 0);
    return world_set_up(state);
}

/* ---- A clock that is set --------------------------------------------------------------------- */

static const int64_t jumps[] = {3 * HOUR, -3 * HOUR, 400 * DAY, -400 * DAY, 0};

/* Record a run, during which the clock jumps. */
static void record_across(tel_client *client, const char *event_id, int64_t jump)
{
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run, client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                              .event_id = event_id)),
                     TEL_OK);
    move_clock(jump);
    assert_int_equal(tel_run_log_event(run, "e", NULL), TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, TEL_FIELDS(.items_succeeded = 7)), TEL_OK);
}

static void record_across_all(tel_client *client)
{
    for (size_t i = 0; jumps[i]; i++) {
        char event_id[20];

        (void)snprintf(event_id, sizeof event_id, "jump-%zu", i);
        record_across(client, event_id, jumps[i]);
    }
}

/* Each ended, and took what it took: nothing, about. */
static void assert_all_are_there(struct world *world)
{
    for (size_t i = 0; jumps[i]; i++) {
        CLEANUP(record_clear) struct tel_record stored = RECORD();
        char event_id[20];

        (void)snprintf(event_id, sizeof event_id, "jump-%zu", i);
        world_assert_stored(world, event_id);
        assert_int_equal(world_stored(world, event_id, &stored), TEL_OK);
        assert_in_range(stored.fields.duration_ms, 0, HOUR * 1000 - 1);
    }
    assert_int_equal(world_count(world, ".rejected"), 0);
}

static void jump__leaves_the_duration_of_an_embedded_clients_run(void **state)
{
    struct world *world = *state;

    record_across_all(world_connect(world, "TELEMETRY_MODE", "embedded", NULL));
    assert_all_are_there(world);
}

static void jump__is_no_reason_for_the_service_to_refuse_an_end(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);

    record_across_all(world_connect(world, "TELEMETRY_API_URL", real_service_url(service), NULL));
    assert_all_are_there(world);
    real_service_kill(service);
}

/* The names of buffer files tell their order: here the end of the run comes to be before its start. */
static void jump__between_buffer_files_delivers_the_end_all_the_same(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    tel_client *client = world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    tel_run *runs[4];

    for (size_t i = 0; jumps[i]; i++) {
        char event_id[20];

        (void)snprintf(event_id, sizeof event_id, "jump-%zu", i);
        assert_int_equal(tel_run_start(&runs[i], client,
                                       TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                                  .event_id = event_id)),
                         TEL_OK);
        (void)tel_client_flush(client, 0, NULL); /* makes the file ready, whoever delivers it */
        move_clock(jumps[i]);
        assert_int_equal(tel_run_end(&runs[i], NULL, TEL_FIELDS(.items_succeeded = 7)), TEL_OK);
        (void)tel_client_flush(client, 0, NULL);
    }
    assert_int_equal(world_count(world, ".ready"), 8);
    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(tel_client_flush(world->client, 60000, NULL), TEL_OK);
    assert_all_are_there(world);
    peer_stop(refused);
}

/* ---- Midnight -------------------------------------------------------------------------------- */

static char *read_day(struct world *world, const char *date)
{
    char name[64];
    CLEANUP(freep) char *path = NULL;

    (void)snprintf(name, sizeof name, "base/raw/events_%s.ndjson", date);
    path = scratch_path(world->scratch, name);
    return scratch_read(path);
}

static void midnight__between_two_events_puts_each_into_its_days_file(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    CLEANUP(freep) char *before = NULL;
    CLEANUP(freep) char *after = NULL;
    tel_run *run = NULL;

    set_clock("2025-12-31T23:59:00Z");
    assert_int_equal(tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_OK);
    assert_int_equal(tel_run_log_event(run, "before", NULL), TEL_OK);
    set_clock("2026-01-01T00:00:00Z");
    assert_int_equal(tel_run_log_event(run, "after", NULL), TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    before = read_day(world, "20251231");
    after = read_day(world, "20260101");
    assert_int_equal(count_lines(before), 2);
    assert_non_null(strstr(before, "\"status\":\"running\""));
    assert_non_null(strstr(before, "\"event_type\":\"before\""));
    assert_int_equal(count_lines(after), 2);
    assert_non_null(strstr(after, "\"event_type\":\"after\""));
    assert_non_null(strstr(after, "\"status\":\"success\""));
}

/* The clock passes midnight somewhere in each call, whenever it is asked: a line is in the file of the day
 * that it says itself. */
static void midnight__within_a_call_leaves_a_line_in_the_file_of_its_time(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *before = NULL;
    CLEANUP(freep) char *after = NULL;
    CLEANUP(freep) char *trail = NULL;

    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    atomic_store(&step_us, US_PER_SECOND);
    for (int seconds = 1; seconds <= 20; seconds++) {
        char time[40];
        tel_run *run = NULL;

        (void)snprintf(time, sizeof time, "2025-12-31T23:59:%02dZ", 60 - seconds);
        set_clock(time);
        assert_int_equal(tel_run_start(&run, world->client,
                                       TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                         TEL_OK);
        assert_int_equal(tel_run_log_event(run, "e", NULL), TEL_OK);
        assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    }
    atomic_store(&step_us, 0);
    before = read_day(world, "20251231");
    after = read_day(world, "20260101");
    trail = world_trail(world);
    assert_int_equal(count_lines(trail), 60);
    assert_int_equal(count_lines(before) + count_lines(after), 60);
    assert_int_equal(count_of(before, "\"timestamp\":\"2026"), 0);
    assert_int_equal(count_of(before, "\"updated_at\":\"2026"), 0);
    assert_int_equal(count_of(after, "\"timestamp\":\"2025"), 0);
    assert_int_equal(count_of(after, "\"updated_at\":\"2025"), 0);
    assert_true(count_of(before, "\"timestamp\":\"2025") > 0);
    assert_true(count_of(after, "\"updated_at\":\"2026") > 0);
}

/* ---- A leap second --------------------------------------------------------------------------- */

/* The system's clock repeats the last second. */
static void leap_second__gone_through_twice_takes_no_time_away(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    set_clock("2016-12-31T23:59:59.900Z");
    record_across(client, "leap", -1);
    world_assert_stored(world, "leap");
    assert_int_equal(world_stored(world, "leap", &stored), TEL_OK);
    assert_in_range(stored.fields.duration_ms, 0, HOUR * 1000 - 1);
}

/* Nobody refuses it when a caller gives it, as other systems' clocks may show it. */
static void leap_second__in_a_given_time_is_the_second_after_it(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    tel_client *client = world_connect(world, "TELEMETRY_API_URL", real_service_url(service), NULL);
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run, client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                              .event_id = "leap",
                                              .start_time = "2016-12-31T23:59:60Z")),
                     TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, TEL_FIELDS(.end_time = "2017-01-01T00:00:01.5Z")),
                     TEL_OK);
    assert_int_equal(world_stored(world, "leap", &stored), TEL_OK);
    assert_string_equal(stored.fields.start_time, "2017-01-01T00:00:00.000000+00:00");
    assert_int_equal(stored.fields.duration_ms, 1500);
    real_service_kill(service);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jump__leaves_the_duration_of_an_embedded_clients_run),
        TEST(jump__is_no_reason_for_the_service_to_refuse_an_end),
        TEST(jump__between_buffer_files_delivers_the_end_all_the_same),
        TEST(midnight__between_two_events_puts_each_into_its_days_file),
        TEST(midnight__within_a_call_leaves_a_line_in_the_file_of_its_time),
        TEST(leap_second__gone_through_twice_takes_no_time_away),
        TEST(leap_second__in_a_given_time_is_the_second_after_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

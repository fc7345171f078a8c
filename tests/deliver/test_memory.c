/* SPDX-License-Identifier: MIT
 *
 * Out of memory at each point of the buffer, its delivery, the trail and the service by HTTP. This program's
 * malloc() is its own, so it fails inside of libcurl and jansson too. Whatever fails: a status, no
 * crash, nothing leaked, files whole, and the next try works.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "support/client_world.h"
#include "support/nomem.h"
#include "support/peer.h"
#include "support/scratch.h"

#define POINTS_MAX 5000

/* Each point comes after several syncs, which are not what is tested here. */
TEL_API int fsync(int fd)
{
    (void)fd;
    return 0;
}

/* ---- The place ------------------------------------------------------------------------------- */

static struct {
    char *scratch;
    char *directory;
    struct peer *peer;
    tel_config *config;
    tel_record *record;
    tel_record *changes;
} place;

/* A service that takes everything. */
static void take(struct peer *peer, int fd, void *arg)
{
    static const char batch[] =
        "{\"results\":[{\"index\":0,\"event_id\":\"e\",\"result\":\"created\"},"
        "{\"index\":1,\"event_id\":\"e\",\"result\":\"updated\"}]}";
    const char *request;
    bool go_on = true;

    (void)arg;
    nomem_is_spared = true;
    while (go_on && peer_read_request(peer, fd, &request)) {
        if (strncmp(request, "GET ", 4) == 0)
            go_on = peer_reply(fd, "200 OK", PEER_VERSION_BODY);
        else if (strstr(request, "/batch "))
            go_on = peer_reply(fd, "200 OK", batch);
        else
            go_on = peer_reply(fd, "200 OK", "{\"event_id\":\"e\"}");
    }
}

static int setup(void **state)
{
    (void)state;
    place.scratch = scratch_make();
    place.directory = scratch_path(place.scratch, "buffer");
    place.peer = peer_start(take, NULL);
    assert_int_equal(tel_config_new(&place.config), TEL_OK);
    assert_int_equal(tel_config_set(place.config, "TELEMETRY_CALL_BUDGET_MS", "5000"), TEL_OK);
    assert_int_equal(tel_record_new(&place.record,
                                    TEL_FIELDS(.event_id = "e", .run_id = "r", .agent_name = "a",
                                               .job_type = "j",
                                               .start_time = "2025-12-10T12:00:00Z",
                                               .metrics_json = "{\"m\":[1,2]}"),
                                    NULL),
                     TEL_OK);
    assert_int_equal(tel_record_new(&place.changes, TEL_FIELDS(.status = "success"), NULL), TEL_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tel_record_free(place.changes);
    tel_record_free(place.record);
    tel_config_free(place.config);
    peer_stop(place.peer);
    free(place.directory);
    scratch_remove(place.scratch);
    return 0;
}

static void assert_whole(const char *text)
{
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        CLEANUP(json_releasep) json_t *json = json_parse(line, length, NULL);

        assert_non_null(json);
        assert_int_equal(line[length], '\n');
        line += length + 1;
    }
}

/* Live through `scenario` with the allocations from..to failing; false: there were not so many. */
static bool survives(tel_error (*scenario)(void), long from, long to, long blocks_max)
{
    tel_error error;
    bool reached;

    nomem_arm(from, to);
    error = scenario();
    reached = nomem_disarm() >= from;
    if (atomic_load(&nomem->in_use) > blocks_max)
        fail_msg("%ld blocks leaked when allocation %ld failed (%s)",
                 atomic_load(&nomem->in_use) - blocks_max, from, tel_strerror(error));
    /* The system's own memory is a matter of files: a directory cannot be read. */
    if (error && error != TEL_E_NOMEM && error != TEL_E_UNAVAILABLE && error != TEL_E_IO)
        fail_msg("\"%s\" when allocation %ld failed", tel_strerror(error), from);
    return reached;
}

/* Fail each allocation of `scenario` in turn, alone and with all that follow, until it gets by without
 * one failing. It returns the first failure. */
static void at_each_point(tel_error (*scenario)(void), long leaks_of_others)
{
    long blocks_max;
    long n = 1;

    for (int i = 0; i < 3; i++) /* what is made once and kept */
        assert_int_equal(scenario(), TEL_OK);
    blocks_max = atomic_load(&nomem->in_use) + leaks_of_others;
    while (survives(scenario, n, n, blocks_max) && survives(scenario, n, LONG_MAX, blocks_max) &&
           n < POINTS_MAX)
        n++;
    print_message("  %ld points\n", n - 1);
    assert_in_range(n, 2, POINTS_MAX - 1);
    assert_int_equal(scenario(), TEL_OK);
}

/* ---- Scenarios ------------------------------------------------------------------------------- */

static tel_error first_of(tel_error first, tel_error second)
{
    return first ? first : second;
}

static tel_error append_and_rotate(void)
{
    tel_buffer *buffer = NULL;
    tel_error error = tel_buffer_new(&buffer, place.directory, place.config);

    if (error)
        return error;
    error = tel_buffer_append(buffer, place.record, NULL);
    error = first_of(error, tel_buffer_append_update(buffer, "e", place.changes, NULL));
    error = first_of(error, tel_buffer_force_rotate(buffer, NULL));
    tel_buffer_free(buffer);
    return error;
}

static void buffer__without_memory_keeps_its_lines_whole(void **state)
{
    CLEANUP(freep) char *text = NULL;

    (void)state;
    at_each_point(append_and_rotate, 0);
    text = scratch_read_all(place.directory, "");
    assert_whole(text);
}

static tel_error append_to_the_trail(void)
{
    tel_ndjson *trail = NULL;
    tel_error error = tel_ndjson_new(&trail, place.directory, NULL);

    if (!error)
        error = tel_ndjson_append(trail, "{\"a\": [\n1, 2]}", NULL);
    tel_ndjson_free(trail);
    return error;
}

static void trail__without_memory_keeps_its_lines_whole(void **state)
{
    CLEANUP(freep) char *text = NULL;

    (void)state;
    at_each_point(append_to_the_trail, 0);
    text = scratch_read_all(place.directory, "");
    assert_whole(text);
}

static int count_text(void *arg, const char *text)
{
    size_t *count = arg;

    (void)text;
    (*count)++;
    return 0;
}

static tel_error read_the_trail(void)
{
    size_t files = 0;
    size_t lines = 0;
    size_t skipped = 0;
    tel_ndjson *trail = NULL;
    tel_error error = tel_ndjson_new(&trail, place.directory, NULL);
    tel_error its_error;

    if (error)
        return error;
    error = tel_ndjson_list_files(trail, count_text, &files, NULL);
    its_error = tel_ndjson_read_file(trail, "20251210", count_text, &lines, &skipped, NULL);
    tel_ndjson_free(trail);
    assert_int_equal(files, error ? 0 : 1);
    assert_int_equal(skipped, 0);
    if (!its_error)
        assert_int_equal(lines, 2);
    return first_of(error, its_error);
}

static void trail__without_memory_is_read_to_its_end_or_not_at_all(void **state)
{
    CLEANUP(freep) char *path = scratch_path(place.directory, "events_20251210.ndjson");

    (void)state;
    assert_int_equal(mkdir(place.directory, 0700), 0);
    scratch_write(path, "{\"a\": [1, 2]}\n{}\n");
    assert_int_equal(chmod(path, 0600), 0);
    at_each_point(read_the_trail, 0);
}

static tel_error ask_everything(void)
{
    const tel_record *records[] = {place.record, place.record};
    tel_http_client *http = NULL;
    tel_error error = tel_http_client_new(&http, peer_url(place.peer), place.config, NULL);

    if (error)
        return error;
    error = tel_http_client_post_event(http, place.record, NULL, NULL);
    error = first_of(error, tel_http_client_patch_event(http, "e", place.changes, NULL));
    error = first_of(error, tel_http_client_post_batch(http, records, 2, NULL, NULL, NULL));
    error = first_of(error, tel_http_client_associate_commit(http, "e", "0123abc", "ci", NULL, NULL,
                                                             NULL));
    tel_http_client_free(http);
    return error;
}

static void http_client__without_memory_says_so(void **state)
{
    (void)state;
    at_each_point(ask_everything, /* libcurl 7.88, once */ 1);
}

static tel_error sync_what_was_appended(void)
{
    tel_http_client *http = NULL;
    tel_buffer *buffer = NULL;
    long from = atomic_load(&nomem->from);
    long to = atomic_load(&nomem->to);
    tel_error error;
    long made;

    (void)nomem_disarm();
    assert_int_equal(tel_buffer_new(&buffer, place.directory, place.config), TEL_OK);
    assert_int_equal(tel_http_client_new(&http, peer_url(place.peer), place.config, NULL), TEL_OK);
    assert_int_equal(tel_buffer_append(buffer, place.record, NULL), TEL_OK);
    assert_int_equal(tel_buffer_append_update(buffer, "e", place.changes, NULL), TEL_OK);
    nomem_arm(from, to);
    error = tel_buffer_sync(buffer, http, 60000, NULL, NULL);
    made = nomem_disarm();
    assert_int_equal(tel_buffer_sync(buffer, http, 60000, NULL, NULL), TEL_OK);
    tel_http_client_free(http);
    tel_buffer_free(buffer);
    atomic_store(&nomem->made, made);
    return error;
}

static void sync__without_memory_rejects_nothing_and_delivers_all_later(void **state)
{
    CLEANUP(freep) char *rejected = NULL;
    CLEANUP(freep) char *ready = NULL;
    CLEANUP(freep) char *renamed = NULL;

    (void)state;
    at_each_point(sync_what_was_appended, 0);
    renamed = scratch_read_all(place.directory, ".1.synced"); /* as if another was called so */
    rejected = scratch_read_all(place.directory, ".rejected");
    ready = scratch_read_all(place.directory, ".ready");
    assert_string_equal(rejected, "");
    assert_string_equal(ready, "");
    assert_string_equal(renamed, "");
}

/* A client whose service is away. What becomes of the run is not said here: without memory there may
 * be none. */
static tel_error record_a_run(void)
{
    tel_client *client = NULL;
    tel_run *run = NULL;
    tel_error error = tel_client_new(&client, place.config);

    if (error)
        return error;
    error = tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    if (!error)
        error = tel_run_end(&run, NULL, TEL_FIELDS(.items_succeeded = 1));
    tel_client_free(client);
    return error;
}

static void client__without_memory_keeps_its_lines_whole(void **state)
{
    CLEANUP(freep) char *buffer = scratch_path(place.scratch, "base/buffer");
    CLEANUP(freep) char *trail = scratch_path(place.scratch, "base/raw");
    CLEANUP(freep) char *buffered = NULL;
    CLEANUP(freep) char *trailed = NULL;

    (void)state;
    assert_int_equal(tel_config_set(place.config, "TELEMETRY_API_URL", "http://127.0.0.1:1"),
                     TEL_OK);
    at_each_point(record_a_run, 0);
    buffered = scratch_read_all(buffer, "");
    trailed = scratch_read_all(trail, "");
    assert_whole(buffered);
    assert_whole(trailed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(buffer__without_memory_keeps_its_lines_whole),
        TEST(trail__without_memory_keeps_its_lines_whole),
        TEST(trail__without_memory_is_read_to_its_end_or_not_at_all),
        TEST(http_client__without_memory_says_so),
        TEST(sync__without_memory_rejects_nothing_and_delivers_all_later),
        TEST(client__without_memory_keeps_its_lines_whole),
    };

    if (!MALLOC_MAY_BE_OURS)
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

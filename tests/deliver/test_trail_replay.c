/* SPDX-License-Identifier: MIT
 *
 * Random trails, brought into a database that has some of their runs: whoever is killed behind any batch
 * and begins anew has the same runs in the end as one whom nobody disturbed, and however large the batches
 * are.
 *
 * The first argument is a seed. TELEMETRY_TEST_LONG=1: more trails.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "deliver/trail_replay.h"
#include "support/database.h"
#include "support/random.h"
#include "support/scratch.h"

#define SEED 4 /* whose trails have what few have: a run that ends twice, and has a commit since */
#define TRAILS 25
#define LONG_TRAILS 500
#define LINES 14
#define RUNS 3
#define NEVER SIZE_MAX

static const char outcome[] =
    "SELECT group_concat(event_id || ' ' || status || ' ' || created_at || ' ' ||"
    " ifnull(git_commit_hash, '-') || ' ' || ifnull(git_commit_author, '-'), char(10))"
    " FROM (SELECT * FROM agent_runs ORDER BY event_id)";

static size_t trails;

/* ---- The trail ------------------------------------------------------------------------------- */

/* Append ',"name":"value"', or nothing. */
static void put_perhaps(struct strbuf *trail, const char *name, const char *value)
{
    if (random_below(2))
        strbuf_printf(trail, ",\"%s\":\"%s\"", name, value);
}

static const char *some_hash(void)
{
    static const char *const hashes[] = {"aaaaaaa", "bbbbbbb", "ccccccc"};

    return ONE_OF(hashes);
}

static void put_run(struct strbuf *trail, size_t number, const char *status)
{
    strbuf_printf(trail,
                  "{\"record_type\":\"run\",\"event_id\":\"e%zu\",\"run_id\":\"r%zu\","
                  "\"agent_name\":\"a\",\"job_type\":\"j\",\"status\":\"%s\","
                  "\"start_time\":\"2025-12-10T12:00:00Z\"",
                  number, number, status);
    put_perhaps(trail, "created_at", "2025-12-10T12:00:01Z");
    put_perhaps(trail, "git_commit_hash", some_hash());
    put_perhaps(trail, "git_commit_author", "z");
    strbuf_puts(trail, "}\n");
}

/* Noted before or after the database was written to, now and then before its run was made. */
static void put_commit(struct strbuf *trail, size_t number, int64_t now_us)
{
    char noted_at[TEL_TIMESTAMP_SIZE];

    timestamp_format(noted_at, random_below(10)
                                   ? now_us + ((int64_t)random_below(7) - 3) * 60 * US_PER_SECOND
                                   : 0);
    strbuf_printf(trail,
                  "{\"record_type\":\"event\",\"event_type\":\"associate_commit\","
                  "\"run_id\":\"r%zu\",\"timestamp\":\"%s\",\"payload_json\":"
                  "\"{\\\"commit_hash\\\":\\\"%s\\\",\\\"commit_source\\\":\\\"llm\\\"%s}\"}\n",
                  number, noted_at, some_hash(),
                  random_below(2) ? ",\\\"commit_author\\\":\\\"y\\\"" : "");
}

/* Each run that the database has not begins in the trail. */
static void write_trail(const char *directory, const bool stored[RUNS])
{
    CLEANUP(strbuf_clear) struct strbuf trail = STRBUF(64 * 1024);
    CLEANUP(freep) char *raw = scratch_path(directory, "raw");
    CLEANUP(freep) char *file = scratch_path(directory, "raw/events_20251210.ndjson");
    int64_t now_us = clock_now_us();

    for (size_t number = 0; number < RUNS; number++) {
        if (!stored[number] || random_below(2))
            put_run(&trail, number, "running");
    }
    for (size_t i = 0; i < LINES; i++) {
        if (random_below(6))
            put_commit(&trail, random_below(RUNS), now_us);
        else
            put_run(&trail, random_below(RUNS), "success");
    }
    assert_false(strbuf_failed(&trail));
    (void)mkdir(raw, 0700);
    scratch_write(file, trail.text);
    assert_int_equal(chmod(file, 0600), 0);
}

/* ---- The database ---------------------------------------------------------------------------- */

/* Some of the runs are there already, each as it may be. */
static void make_database(struct fixture *fixture, bool stored[RUNS])
{
    store_remove(fixture->path);
    (void)fixture_open(fixture);
    for (size_t number = 0; number < RUNS; number++) {
        struct tel_record run = RECORD();
        char id[] = {'e', (char)('0' + number), '\0'};

        make_run(&run, id, random_below(3) ? "running" : "success");
        id[0] = 'r';
        assert_int_equal(record_set_text(&run, FIELD_run_id, id, NULL), TEL_OK);
        assert_int_equal(record_set_text(&run, FIELD_created_at, "2025-12-10T12:00:00Z", NULL),
                         TEL_OK);
        if (random_below(2))
            assert_int_equal(record_set_text(&run, FIELD_git_commit_hash, some_hash(), NULL),
                             TEL_OK);
        stored[number] = random_below(2);
        if (stored[number])
            assert_int_equal(apply_write(fixture->store, WRITE_CREATE, &run), WRITE_CREATED);
        record_clear(&run);
    }
    store_close(fixture->store);
    fixture->store = NULL;
}

struct life {
    struct store *store;
    size_t batches; /* that were brought in... */
    size_t last;    /* ...up to this one */
};

static tel_error deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    struct life *life = arg;

    if (life->batches == life->last)
        return fault_set(fault, TEL_E_UNAVAILABLE, "killed");
    life->batches++;
    return store_apply(life->store, writes, count, fault);
}

static void reject(void *arg, const struct trail_line *line, const char *reason)
{
    (void)arg;
    fail_msg("%zu: %s", line->number, reason);
}

/* Bring in the trail, or its first batches. Return how many these were. */
static size_t recover(const char *path, const char *directory, size_t batch_size, size_t last)
{
    CLEANUP(freep) char *raw = scratch_path(directory, "raw");
    struct store_options options = {.path = path};
    struct life life = {.last = last};
    struct trail_replay replay = {.directory = raw, .batch_size = batch_size, .bad = reject};
    struct trail_report report;

    assert_int_equal(store_open(&life.store, &options, NULL), TEL_OK);
    replay.store = life.store;
    assert_int_equal(trail_replay(&replay, deliver, &life, &report, NULL),
                     last == NEVER ? TEL_OK : TEL_E_UNAVAILABLE);
    store_close(life.store);
    return life.batches;
}

static void trail_replay__ends_the_same_behind_whatever_batch_it_was_killed(void **state)
{
    struct fixture *fixture = *state;
    const char *directory = fixture->directory;
    CLEANUP(freep) char *copy = scratch_path(directory, "copy.sqlite");
    CLEANUP(freep) char *make_copy = NULL;
    size_t kills = 0;

    assert_true(asprintf(&make_copy, "VACUUM INTO '%s'", copy) > 0);
    for (size_t i = 0; i < trails; i++) {
        CLEANUP(freep) char *one_by_one = NULL;
        CLEANUP(freep) char *undisturbed = NULL;
        size_t batch_size = 1 + random_below(4);
        size_t batches;
        bool stored[RUNS];

        make_database(fixture, stored);
        write_trail(directory, stored);
        other_exec(fixture->path, make_copy);
        (void)recover(copy, directory, 1, NEVER);
        one_by_one = other_text(copy, outcome);
        store_remove(copy);
        other_exec(fixture->path, make_copy);
        batches = recover(copy, directory, batch_size, NEVER);
        undisturbed = other_text(copy, outcome);
        assert_string_equal(undisturbed, one_by_one);
        store_remove(copy);
        for (size_t last = 1; last < batches; last++) {
            CLEANUP(freep) char *found = NULL;

            other_exec(fixture->path, make_copy);
            (void)recover(copy, directory, batch_size, last);
            (void)recover(copy, directory, batch_size, NEVER);
            found = other_text(copy, outcome);
            assert_string_equal(found, undisturbed);
            store_remove(copy);
            kills++;
        }
    }
    assert_true(kills > trails);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            trail_replay__ends_the_same_behind_whatever_batch_it_was_killed, fixture_setup,
            fixture_teardown),
    };

    random_begin(argc, argv, SEED);
    trails = getenv("TELEMETRY_TEST_LONG") ? LONG_TRAILS : TRAILS;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Which runs are right below which.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/sqlite.h"
#include "support/database.h"

/* Add a run whose start is the minute of an hour. */
static void put(struct store *store, const char *event_id, const char *run_id, const char *parent,
                int minute)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    char start[40];

    (void)snprintf(start, sizeof start, "2025-12-10T12:%02d:00Z", minute);
    make_run(&record, event_id, TEL_SUCCESS);
    assert_int_equal(record_set_text(&record, FIELD_run_id, run_id, NULL), TEL_OK);
    assert_int_equal(record_set_text(&record, FIELD_start_time, start, NULL), TEL_OK);
    assert_int_equal(record_set_text(&record, FIELD_parent_run_id, parent, NULL), TEL_OK);
    assert_int_equal(apply_write(store, WRITE_CREATE, &record), WRITE_CREATED);
}

struct family {
    char text[400]; /* the index of the parent, and the event_id of the child, ... */
    size_t left;    /* so many are still wanted */
};

static int add_child(void *arg, size_t parent, const struct tel_record *child)
{
    struct family *family = arg;
    size_t used = strlen(family->text);

    (void)snprintf(family->text + used, sizeof family->text - used, "%zu%s ", parent,
                   record_text(child, FIELD_event_id));
    return --family->left == 0;
}

/* Ask for the children of these runs, by event_id. */
static void assert_children(struct store *store, const char *const *event_ids, size_t count,
                            size_t wanted, const char *expected)
{
    struct family family = {.left = wanted};
    struct tel_record records[8];
    struct run_parent parents[8];
    tel_fault fault = {0};

    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        records[i] = RECORD();
        assert_int_equal(store_get(store, event_ids[i], &records[i], NULL), TEL_OK);
        parents[i] = (struct run_parent){
            .id = record_int(&records[i], FIELD_id),
            .event_id = record_text(&records[i], FIELD_event_id),
            .run_id = record_text(&records[i], FIELD_run_id),
            .start_time = record_text(&records[i], FIELD_start_time),
        };
    }
    if (store_children(store, parents, count, add_child, &family, &fault))
        fail_msg("%s", fault.text);
    assert_string_equal(family.text, expected);
    for (size_t i = 0; i < count; i++)
        record_clear(&records[i]);
}

#define PARENTS(...)                    \
    (const char *const[]){__VA_ARGS__}, \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)
#define ALL 100

static void children__come_by_parent_and_start_whichever_name_they_use(void **state)
{
    struct store *store = fixture_open(*state);

    put(store, "a", "ra", NULL, 0);
    put(store, "b", "rb", NULL, 0);
    put(store, "x", "rx", "ra", 3);
    put(store, "y", "ry", "a", 2);
    put(store, "z", "rz", "b", 1);
    put(store, "other", "ro", "nobody", 1);
    assert_children(store, PARENTS("a"), ALL, "0y 0x ");
    assert_children(store, PARENTS("b", "a"), ALL, "0z 1y 1x ");
    assert_children(store, PARENTS("x"), ALL, "");
    assert_children(store, PARENTS("a", "b"), 1, "0y ");
    assert_children(store, PARENTS("a", "b"), 2, "0y 0x ");
}

static void children__of_a_name_that_repeats_go_to_the_nearest_start_before_theirs(void **state)
{
    struct store *store = fixture_open(*state);

    put(store, "1", "job", NULL, 10);
    put(store, "3", "job", NULL, 30);
    put(store, "2", "job", NULL, 20);
    put(store, "early", "r1", "job", 5);
    put(store, "x", "r2", "job", 10);
    put(store, "y", "r3", "job", 29);
    put(store, "z", "r4", "job", 59);
    /* Whether or not the others are asked for in the same breath. */
    assert_children(store, PARENTS("1"), ALL, "0early 0x ");
    assert_children(store, PARENTS("2"), ALL, "0y ");
    assert_children(store, PARENTS("3"), ALL, "0z ");
    assert_children(store, PARENTS("3", "1", "2"), ALL, "0z 1early 1x 2y ");
}

static void children__of_equal_starts_go_to_the_later_row(void **state)
{
    struct store *store = fixture_open(*state);

    put(store, "1", "job", NULL, 10);
    put(store, "2", "job", NULL, 10);
    put(store, "x", "r", "job", 11);
    assert_children(store, PARENTS("1", "2"), ALL, "1x ");
}

static void children__may_be_retries_of_their_parent_but_never_themselves(void **state)
{
    struct store *store = fixture_open(*state);

    put(store, "1", "job", "job", 10);
    put(store, "2", "job", "job", 20);
    put(store, "self", "rs", "self", 10);
    assert_children(store, PARENTS("1", "2", "self"), ALL, "02 ");
}

static void children__are_found_when_a_run_lacks_what_it_must_have(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct family family = {.left = ALL};
    const struct run_parent nameless = {.id = 7};

    put(store, "x", "rx", "", 3);
    assert_int_equal(store_children(store, &nameless, 1, add_child, &family, NULL), TEL_OK);
    assert_int_equal(store_children(store, NULL, 0, add_child, &family, NULL), TEL_OK);
    assert_string_equal(family.text, "");
}

#define MANY 2000 /* children of one */
#define CHILDLESS 100
#define TO_ROOT                                                                          \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"     \
    " INSERT INTO agent_runs (event_id, run_id, parent_run_id, created_at, start_time,"  \
    " agent_name, job_type, status) SELECT 'c' || i, 'c' || i, 'root', '2025-12-10', i," \
    " 'agent', 'job', 'success' FROM n"

static int count_child(void *arg, size_t parent, const struct tel_record *child)
{
    struct run_parent *parents = arg;

    (void)child;
    parents[parent].id++;
    return 0;
}

/* Whether one parent has them all, or each is one that has none. */
static void many_children__are_read_in_turns_that_let_writers_pass(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct run_parent parents[CHILDLESS] = {{.run_id = "root", .event_id = "root"}};
    struct other_writer writer;

    put(store, "root", "root", NULL, 0);
    other_exec(fixture->path, TO_ROOT);
    other_writer_begin(&writer, fixture);
    assert_int_equal(store_children(store, parents, 1, count_child, parents, NULL), TEL_OK);
    assert_int_equal(parents[0].id, MANY);
    assert_true(writer.passed >= MANY / SLICE_RUNS);
    writer.passed = 0;
    for (size_t i = 0; i < CHILDLESS; i++)
        parents[i] = (struct run_parent){.run_id = "childless", .event_id = "childless"};
    assert_int_equal(store_children(store, parents, CHILDLESS, count_child, parents, NULL), TEL_OK);
    assert_true(writer.passed >= CHILDLESS);
    other_writer_end(&writer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(children__come_by_parent_and_start_whichever_name_they_use),
        TEST(children__of_a_name_that_repeats_go_to_the_nearest_start_before_theirs),
        TEST(children__of_equal_starts_go_to_the_later_row),
        TEST(children__may_be_retries_of_their_parent_but_never_themselves),
        TEST(children__are_found_when_a_run_lacks_what_it_must_have),
        TEST(many_children__are_read_in_turns_that_let_writers_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

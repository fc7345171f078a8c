/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdio.h>

#include "service/tree.h"
#include "support/database.h"

#define CHILDREN 3

/* A run and those that name it as their parent. */
static void make_family(struct fixture *fixture, struct tel_record *root)
{
    struct store *store = fixture_open(fixture);

    assert_int_equal(create_run(store, "root", "success"), WRITE_CREATED);
    for (int i = 0; i < CHILDREN; i++) {
        struct tel_record child = RECORD();
        char event_id[32];

        (void)snprintf(event_id, sizeof event_id, "child-%d", i);
        make_run(&child, event_id, "success");
        assert_int_equal(record_set_text(&child, FIELD_parent_run_id, "root", NULL), TEL_OK);
        assert_int_equal(apply_write(store, WRITE_CREATE, &child), WRITE_CREATED);
        record_clear(&child);
    }
    assert_int_equal(store_get(store, "root", root, NULL), TEL_OK);
}

static tel_error read_tree(const struct fixture *fixture, const struct tel_record *root,
                           struct tree *tree, tel_fault *fault)
{
    struct service service = {0};
    tel_error error;

    assert_int_equal(reader_new(&service.reader, &fixture->options, 1, NULL), TEL_OK);
    error = tree_read(tree, &service, root, fault);
    reader_free(service.reader);
    return error;
}

static void tree_read__takes_so_many_and_says_that_there_are_more(void **state)
{
    struct tel_record root = RECORD();

    make_family(*state, &root);
    for (size_t limit = 1; limit <= CHILDREN + 2; limit++) {
        struct tree tree = TREE(limit, TREE_DEPTH_MAX, false);

        assert_int_equal(read_tree(*state, &root, &tree, NULL), TEL_OK);
        assert_int_equal(tree.count, limit < CHILDREN + 1 ? limit : CHILDREN + 1);
        assert_int_equal(tree.truncated, limit < CHILDREN + 1);
        tree_clear(&tree);
    }
    for (size_t depth = 0; depth <= 2; depth++) {
        struct tree tree = TREE(TREE_LIMIT_MAX, depth, false);

        assert_int_equal(read_tree(*state, &root, &tree, NULL), TEL_OK);
        assert_int_equal(tree.count, depth ? CHILDREN + 1 : 1);
        assert_int_equal(tree.truncated, depth == 0);
        tree_clear(&tree);
    }
    record_clear(&root);
}

static void tree_read__says_what_keeps_it_from_reading(void **state)
{
    struct fixture *fixture = *state;
    struct tel_record root = RECORD();

    make_family(fixture, &root);
    for (int is_gone = 0; is_gone < 2; is_gone++) {
        struct tree tree = TREE(10, TREE_DEPTH_MAX, true);
        tel_fault fault = {0};

        if (is_gone)
            assert_int_equal(remove(fixture->path), 0);
        else
            other_exec(fixture->path, "ALTER TABLE agent_runs RENAME TO others");
        assert_int_not_equal(read_tree(fixture, &root, &tree, &fault), TEL_OK);
        assert_true(*fault.text);
        tree_clear(&tree);
    }
    record_clear(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tree_read__takes_so_many_and_says_that_there_are_more,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(tree_read__says_what_keeps_it_from_reading, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * A database of a test's own, seen from both sides: through a store, and as any other program that
 * uses SQLite sees it.
 */
#ifndef SUPPORT_DATABASE_H
#define SUPPORT_DATABASE_H

#include "store/store.h"

struct fixture {
    char *directory;
    char *path;                   /* of the database */
    struct store_options options; /* with that path, and no long waits */
    struct store *store;          /* NULL until fixture_open() */
};

/* cmocka's setup and teardown. *state is the fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Open the store, in place of the one that is open; the test fails if that fails. */
struct store *fixture_open(struct fixture *fixture);

/* Set fields of an empty record: a run that ended, or is still running. */
void make_run(struct tel_record *record, const char *event_id, const char *status);

/* Apply one write that must not fail as a whole. */
enum write_result apply_write(struct store *store, enum write_kind kind,
                              const struct tel_record *record);

/* The same for a run made as above. */
enum write_result create_run(struct store *store, const char *event_id, const char *status);

/* As another program. The test fails when SQLite does. Texts are the caller's to free. */
void other_exec(const char *path, const char *sql);
int64_t other_int(const char *path, const char *sql);
char *other_text(const char *path, const char *sql);

/* Run statements on a connection that stays open, with the locks that they left, until it is ended. */
void *other_begin(const char *path, const char *sql);
void other_end(void *connection);

/* Could it commit something right now? */
bool other_can_commit(const char *path);

/* Have the fixture's store begin a new turn of reading as often as it may, and another program write
 * whenever it does. */
struct other_writer {
    struct store *store;
    void *connection; /* which does not wait for a lock */
    uint64_t passed;  /* so often it could write */
};

void other_writer_begin(struct other_writer *writer, struct fixture *fixture);
void other_writer_end(struct other_writer *writer);

/* Run `body` in this many processes at once; return how many of them returned 0. */
size_t run_processes(size_t count, int (*body)(void *arg, size_t number), void *arg);

#endif

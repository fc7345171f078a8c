/* SPDX-License-Identifier: MIT
 *
 * A client, and what of it belongs to one process.
 *
 * A fork copies the client at any point of any thread, locks and connections included. So all that a
 * fork must not share is in one struct with the pid it was made by, and whoever finds another pid
 * there puts a new one in its place: the child waits for no lock that its parent held, and never
 * touches the parent's runs, connection, database or buffer file.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "client/git.h"
#include "client/outlet.h"
#include "client/recent.h"
#include "client/registry.h"
#include "client/reporter.h"
#include "client/tally.h"
#include "config/config.h"
#include "deliver/ndjson.h"

struct process {
    struct tel_client *client;
    pid_t pid;
    atomic_size_t users; /* calls under way, and the client itself until it is freed */
    struct registry registry;
    struct recent recent;
    struct tally tally;
    struct ndjson ndjson; /* directory NULL: there is none */
    struct outlet outlet;
    struct courier courier;       /* when it delivers in the background */
    struct sheets_queue *exports; /* of runs that ended; NULL: the export is off */
    struct process *inherited;    /* the parent's, given up */
};

struct tel_client {
    struct tel_config *config;
    struct reporter reporter;
    char host[256];
    struct git_context git; /* of the working directory when the client was made */
    atomic_bool closed;
    struct deadline close_by; /* once it is closed: when tel_client_free() must be over */
    atomic_size_t references; /* the users of a process together hold one, each run holds one */
    _Atomic(struct process *) process;
};

/*
 * Begin a call: return what this process has of the client, for use until client_leave(). NULL: the
 * client was freed, or there is no memory for a forked child's own part.
 */
struct process *client_enter(struct tel_client *client);

/* End a call. The last one after tel_client_free() closes everything. */
void client_leave(struct tel_client *client, struct process *process);

/* Return when a call that begins now must be over. */
struct deadline client_deadline(const struct tel_client *client);

struct tel_client *client_ref(struct tel_client *client);
void client_unref(struct tel_client *client);

#endif

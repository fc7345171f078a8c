/* SPDX-License-Identifier: MIT
 *
 * One thread that accepts connections from all listening sockets, and looks after those that are
 * open: ends the slow ones, and sees off those that were answered early.
 */
#ifndef HTTP_ACCEPTOR_H
#define HTTP_ACCEPTOR_H

#include "http/linger.h"
#include "http/listeners.h"
#include "http/logger.h"
#include "http/peers.h"

struct acceptor;

/* Take a connection over, whatever comes of it. */
typedef void accepted_fn(void *arg, int fd, const struct sockaddr *address, socklen_t size);

struct acceptor_options {
    const struct listeners *listeners; /* stay the caller's */
    struct peers *peers;
    size_t linger_bytes_max;
    accepted_fn *accepted;
    void *arg;
    const struct logger *logger;
};

tel_error acceptor_start(struct acceptor **out, const struct acceptor_options *options,
                         tel_fault *fault);

/* Accept no more; go on with the rest. */
void acceptor_quiesce(struct acceptor *acceptor);

/* Drop what a connection still sends, before it is closed. Takes over `fd`. */
void acceptor_linger(struct acceptor *acceptor, int fd);

/* End the thread. Whoever has to linger from here on does not. */
void acceptor_stop(struct acceptor *acceptor);
void acceptor_free(struct acceptor *acceptor);

#endif

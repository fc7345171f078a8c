/* SPDX-License-Identifier: MIT
 *
 * The command's output on its way: each captured stream goes through a pipe of ours to where it
 * would have gone, byte for byte, and its end is kept.
 *
 * Where it goes may be slow or deaf. So nothing is read while something waits to be written, and
 * nothing is written that would block: the loop around this goes on taking signals. A reader that
 * goes away closes our pipe, and the command gets the SIGPIPE it would have got.
 */
#ifndef CLI_RUN_CAPTURE_H
#define CLI_RUN_CAPTURE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/run_tail.h"

enum capture_mode {
    CAPTURE_AUTO, /* streams that are no terminal */
    CAPTURE_NONE,
    CAPTURE_PIPE, /* terminals too */
};

#define STREAMS_MAX 2
#define STREAM_BUFFER_BYTES ((size_t)64 * 1024)

struct stream {
    int target;       /* 1 or 2 */
    int reader;       /* our end of the pipe; -1: closed */
    int writer;       /* the command's end; -1: closed */
    int output;       /* where the bytes go: the target, or a non-blocking double of it */
    size_t write_max; /* so many bytes at once do not block */
    bool is_socket;
    char *buffer; /* bytes from `start` to `end` wait to be written */
    size_t start;
    size_t end;
    int64_t owed;    /* once the command ended: bytes of its own still in the pipe */
    int write_error; /* errno of the write that failed; 0: none */
    struct tail tail;
};

struct capture {
    struct stream streams[STREAMS_MAX];
    size_t count;
    int stream_of[3]; /* index of the stream that fd 1 and 2 go through, -1: none */
};

/* Make the pipes. A stream for which there are no means is left alone. */
void capture_init(struct capture *capture, enum capture_mode mode, size_t tail_bytes);
void capture_clear(struct capture *capture);

/* In the child: put the pipes where the command writes. Only async-signal-safe calls. */
int capture_connect(const struct capture *capture);

/* In the parent, once the child is there: let go of the command's ends. */
void capture_started(struct capture *capture);

/* Fill in what to poll for, two entries for each stream. Return the number of entries. */
#define CAPTURE_POLL_MAX (2 * STREAMS_MAX)
size_t capture_poll(const struct capture *capture, struct pollfd *entries);

/* Move what can be moved now, as poll() told. Return whether anything was. */
bool capture_move(struct capture *capture, const struct pollfd *entries);

/* The command ended: what is in the pipes now is owed to whoever reads. */
void capture_note_end(struct capture *capture);

/* Is everything delivered that has to be? */
bool capture_is_settled(const struct capture *capture);

/* Are all pipes closed by everybody who could write? */
bool capture_is_closed(const struct capture *capture);

/* Return the errno of a write that failed for another reason than a reader that went away, or 0. */
int capture_write_error(const struct capture *capture);

/* Return the tail of what went to fd 1 or 2, or NULL. */
const struct tail *capture_tail(const struct capture *capture, int fd);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Connections that were answered before their request was whole, and are closed. The kernel would
 * take the answer back from whoever is still sending; so what they send is dropped for a while.
 */
#ifndef HTTP_LINGER_H
#define HTTP_LINGER_H

#include <poll.h>
#include <stdint.h>

#include "base/error.h"

#define LINGER_MAX 64  /* at once; the others are closed without ceremony */
#define LINGER_MS 1000 /* each at most */

struct linger_list;

/* From each at most `bytes_max` are dropped. `wake` is written to when there is a new one. */
tel_error linger_new(struct linger_list **out, size_t bytes_max, int wake, tel_fault *fault);
void linger_free(struct linger_list *list);

/* Take a connection over; any thread. */
void linger_add(struct linger_list *list, int fd);

/* One thread polls what linger_fill() writes (up to LINGER_MAX entries, returning their number), and
 * calls linger_serve() afterwards. */
size_t linger_fill(struct linger_list *list, struct pollfd *polled);
void linger_serve(struct linger_list *list, int64_t now_ms);

#endif

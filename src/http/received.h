/* SPDX-License-Identifier: MIT
 *
 * Has a socket received anything? The kernel's counts tell it although somebody else reads.
 */
#ifndef HTTP_RECEIVED_H
#define HTTP_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

/* Return the mark for what was received so far. */
uint64_t received_mark(int fd, bool is_local);

/* Was more received than when the mark was made? `is_local`: it is a Unix-domain socket. */
bool received_more(int fd, bool is_local, uint64_t mark);

#endif

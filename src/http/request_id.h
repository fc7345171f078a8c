/* SPDX-License-Identifier: MIT
 *
 * The name of a request, by which its line in the log and its answer are found together.
 */
#ifndef HTTP_REQUEST_ID_H
#define HTTP_REQUEST_ID_H

#define REQUEST_ID_SIZE 65

/* Take the client's own name for it (may be NULL) if it is a short word, else make one. */
void request_id_choose(char out[REQUEST_ID_SIZE], const char *given);

#endif

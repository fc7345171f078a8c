/* SPDX-License-Identifier: MIT
 *
 * A service account's key, as a test needs it, and the check of what was signed with it.
 */
#ifndef SUPPORT_RSA_KEY_H
#define SUPPORT_RSA_KEY_H

#include <stdbool.h>

/* The private key in PEM form; the same for all tests of one program. Static. */
const char *rsa_key_pem(void);

/* Is this a JWT in three parts, signed with that key? */
bool rsa_key_signed(const char *token);

/* Return the decoded header (0) or claims (1) of a JWT. The caller frees it. */
char *jwt_part(const char *token, int part);

/* Write a key file with this token_uri (NULL: none). */
void key_file_write(const char *path, const char *token_uri);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Signed tokens (JSON Web Tokens, RFC 7519) with RS256.
 */
#ifndef SHEETS_JWT_H
#define SHEETS_JWT_H

#include "base/error.h"

/*
 * Sign `claims`, a JSON object, with an RSA key (PEM, PKCS #8 or #1, without a passphrase). `key_id`
 * (NULL: none) names the key in the token's header. The caller frees *out. TEL_E_INVALID: the key is
 * none, or not one that may sign. No message has any of the key in it.
 */
tel_error jwt_sign(char **out, const char *claims, const char *private_key, const char *key_id,
                   tel_fault *fault);

#endif

/* SPDX-License-Identifier: MIT
 *
 * A service account's key file, as Google's console gives it out: JSON with a private key in it.
 */
#ifndef SHEETS_SERVICE_ACCOUNT_H
#define SHEETS_SERVICE_ACCOUNT_H

#include "base/error.h"
#include "base/log.h"

struct service_account {
    char *client_email;
    char *private_key;    /* PEM */
    char *private_key_id; /* NULL: the file has none */
    char *token_uri;
};

/*
 * Read the file, which may be a link but must lead to a regular file of at most 64 KiB. That others
 * may read it is a warning. The fault names the file and what it lacks, and nothing that is in it.
 */
tel_error service_account_read(struct service_account *account, const char *path,
                               const struct log *log, tel_fault *fault);

/* Forget all of it, the key so that it does not stay in memory. */
void service_account_clear(struct service_account *account);

#endif

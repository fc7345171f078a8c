/* SPDX-License-Identifier: MIT
 *
 * The git context of a run, read from the repository's own files: no program runs, nothing in the
 * repository is executed or included, no file is waited for. Worktrees, submodules and a detached
 * HEAD are understood; what is odd is taken for "no repository".
 */
#ifndef CLIENT_GIT_H
#define CLIENT_GIT_H

#include "telemetry.h"

struct git_context {
    char *repo;    /* the remote's URL without user and password, else the directory's name */
    char *branch;  /* NULL: detached HEAD */
    char *run_tag; /* name/branch, or name/abbreviated hash */
    char *head;    /* hash of the commit that HEAD is at; NULL: none yet, or it is packed away */
};

/* Detect the repository that `directory` (NULL: the working directory) is in. TEL_E_NOT_FOUND: it is
 * in none. Release the context with git_context_clear(). */
tel_error git_detect(struct git_context *out, const char *directory);

void git_context_clear(struct git_context *context);

/* Copy a remote's URL without the user and password in it. The caller frees it. */
char *git_url_without_credentials(const char *url);

#endif

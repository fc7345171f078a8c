/* SPDX-License-Identifier: MIT
 *
 * Links that people can follow, made from what git calls a remote. What is not certain to be a web
 * page gets no link.
 */
#ifndef MODEL_GIT_URL_H
#define MODEL_GIT_URL_H

#include "base/strbuf.h"

/*
 * Append the https:// address of a repository as JSON, or null: git@host:owner/repo and ssh:// become
 * https, ".git" and slashes at the end go, so do user, password and ssh's port.
 */
void git_url_write_repo(struct strbuf *json, const char *remote);

/* The same for a commit on github.com, gitlab.com or bitbucket.org. Both arguments may be NULL. */
void git_url_write_commit(struct strbuf *json, const char *remote, const char *commit);

#endif

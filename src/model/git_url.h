/* SPDX-License-Identifier: MIT
 *
 * Links that people can follow, made from what git calls a remote. What is not certain to be a web
 * page gets no link.
 */
#ifndef MODEL_GIT_URL_H
#define MODEL_GIT_URL_H

/*
 * Return the https:// address of a repository, or NULL: git@host:owner/repo and ssh:// become
 * https, ".git" and slashes at the end go, so do user, password and ssh's port. The caller frees it.
 */
char *git_url_repo(const char *remote);

/* Return the address of a commit on github.com, gitlab.com or bitbucket.org, or NULL. The caller
 * frees it. Both arguments may be NULL. */
char *git_url_commit(const char *remote, const char *commit);

#endif

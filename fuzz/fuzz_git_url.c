/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a git remote: no link, or one that leads to a web page and shows nobody's password.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/git_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *remote = strndup((const char *)data, size);
    char *link = git_url_repo(remote);
    char *commit = git_url_commit(remote, "0123456789abcdef0123456789abcdef01234567");

    if (link && (strncmp(link, "https://", 8) != 0 || link[strlen(link) - 1] == '/' ||
                 memchr(link + 8, '@', strcspn(link + 8, "/"))))
        abort();
    if (commit && (!link || strncmp(commit, link, strlen(link)) != 0))
        abort();
    free(commit);
    free(link);
    free(remote);
    return 0;
}

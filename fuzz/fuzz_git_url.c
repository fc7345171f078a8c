/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a git remote: no link, or an https one without a password, which is a remote too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/git_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *remote = strndup((const char *)data, size);
    char *url = remote ? git_url_repo(remote) : NULL;
    char *commit_url = remote ? git_url_commit(remote, "abc1234") : NULL;

    if (url) {
        char *again = git_url_repo(url);
        size_t host_length = strncmp(url, "https://", 8) == 0 ? strcspn(url + 8, "/") : 0;

        if (!host_length || memchr(url + 8, '@', host_length) || !again ||
            strncmp(again, url, strlen(again)) != 0) /* "r.git.git" loses one at a time */
            abort();
        free(again);
    }
    if (commit_url && (!url || strncmp(commit_url, url, strlen(url)) != 0))
        abort();
    free(commit_url);
    free(url);
    free(remote);
    return 0;
}

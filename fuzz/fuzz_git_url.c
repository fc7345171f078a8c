/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a git remote: no link, or an https one without a password, which is a remote too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "model/git_url.h"

/* Return the link that was written as JSON, or NULL, and release what was written. */
static char *read_link(struct strbuf *json)
{
    json_t *value = json_loadb(json->text, json->length, JSON_DECODE_ANY, NULL);
    char *link = NULL;

    if (!value)
        abort();
    if (json_is_string(value))
        link = strdup(json_string_value(value));
    json_decref(value);
    strbuf_clear(json);
    return link;
}

static char *repo_of(const char *remote)
{
    struct strbuf json = STRBUF(SIZE_MAX);

    git_url_write_repo(&json, remote);
    return read_link(&json);
}

static char *commit_of(const char *remote)
{
    struct strbuf json = STRBUF(SIZE_MAX);

    git_url_write_commit(&json, remote, "abc1234");
    return read_link(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *remote = strndup((const char *)data, size);
    char *url = remote ? repo_of(remote) : NULL;
    char *commit_url = remote ? commit_of(remote) : NULL;

    if (url) {
        char *again = repo_of(url);
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

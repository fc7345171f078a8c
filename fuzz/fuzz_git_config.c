/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a repository's config: a remote's URL of one line in which no password is left, else
 * the directory's name; the branch stays what HEAD says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "client/git.h"
#include "scratch_file.h"

static void check_repo(const char *repo)
{
    CLEANUP(freep) char *again = git_url_without_credentials(repo);
    const char *authority = strstr(repo, "://");

    if (!again || strcmp(again, repo) != 0 || !utf8_is_valid(repo) || strpbrk(repo, "\n"))
        abort();
    if (authority && memchr(authority + 3, '@', strcspn(authority + 3, "/?#")))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(git_context_clear) struct git_context context = {0};
    CLEANUP(freep) char *git_directory = NULL;
    size_t length;

    if (asprintf(&git_directory, "%s/.git", scratch_directory()) < 0)
        abort();
    if (access(git_directory, F_OK) != 0) {
        if (mkdir(git_directory, 0700))
            abort();
        scratch_write(".git/HEAD", "", 0, "ref: refs/heads/main\n");
    }
    scratch_write(".git/config", data, size, "");
    if (git_detect(&context, scratch_directory()) || !context.repo || !context.run_tag)
        abort();
    check_repo(context.repo);
    length = strlen(context.run_tag);
    if (strcmp(context.branch, "main") != 0 || context.head || length < 5 ||
        strcmp(context.run_tag + length - 5, "/main") != 0)
        abort();
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * The layout that is read here is the one documented in gitrepository-layout(5): .git is a directory,
 * or (worktree, submodule) a file that says "gitdir: PATH"; a worktree's directory names the shared
 * one in its file commondir; HEAD says "ref: refs/heads/BRANCH" or a hash; the remote's URL is in
 * config, of which only [remote "..."] url lines are looked at.
 */
#include "client/git.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/utf8.h"

#define LEVELS_MAX 64                      /* directories looked into on the way up */
#define FILE_BYTES_MAX ((size_t)64 * 1024) /* of one file of the repository */
#define HASH_CHARS_MIN 40
#define HASH_CHARS_MAX 64 /* SHA-256 repositories */
#define ABBREVIATED_CHARS 8

void git_context_clear(struct git_context *context)
{
    free(context->repo);
    free(context->branch);
    free(context->run_tag);
    free(context->head);
    *context = (struct git_context){0};
}

static bool is_regular(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Read the beginning of a regular file, which the caller frees; NULL when there is none. A device is not
 * even opened, which some do not leave at that. O_NONBLOCK: a FIFO that came to be there since must not
 * hold us up. */
static char *read_file(const char *path)
{
    CLEANUP(closep)
    int fd = is_regular(path) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    CLEANUP(freep) char *text = NULL;
    struct stat status;
    size_t used = 0;
    ssize_t count;

    if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode))
        return NULL;
    text = malloc(FILE_BYTES_MAX + 1);
    if (!text)
        return NULL;
    do {
        count = read(fd, text + used, FILE_BYTES_MAX - used);
        if (count < 0)
            return NULL;
        used += (size_t)count;
    } while (count > 0);
    text[used] = '\0';
    return steal(&text);
}

static char *read_in(const char *directory, const char *name)
{
    CLEANUP(freep) char *path = path_join(directory, name);

    return path ? read_file(path) : NULL;
}

static void trim_end(char *text)
{
    size_t length = strlen(text);

    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
}

/* Make a path that is relative to `directory` one that is not. The caller frees it. */
static char *resolve_path(const char *directory, const char *path)
{
    return *path == '/' ? strdup(path) : path_join(directory, path);
}

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Return the git directory of the tree at `top`, or NULL when `top` is the top of none. */
static char *git_directory_at(const char *top)
{
    CLEANUP(freep) char *path = path_join(top, ".git");
    CLEANUP(freep) char *pointer = NULL;
    CLEANUP(freep) char *target = NULL;

    if (!path)
        return NULL;
    if (is_directory(path))
        return steal(&path);
    pointer = read_file(path);
    if (!pointer || strncmp(pointer, "gitdir: ", 8) != 0)
        return NULL;
    trim_end(pointer);
    target = resolve_path(top, pointer + 8);
    return target && is_directory(target) ? steal(&target) : NULL;
}

/* Return the directory that holds what all worktrees share. */
static char *common_directory(const char *git_directory)
{
    CLEANUP(freep) char *pointer = read_in(git_directory, "commondir");

    if (!pointer)
        return strdup(git_directory);
    trim_end(pointer);
    return resolve_path(git_directory, pointer);
}

/* Look for the repository on the way up; *top is then the top of its tree. */
static char *find_git_directory(char **top, const char *start)
{
    CLEANUP(freep) char *directory = realpath(start, NULL);

    for (int level = 0; directory && level < LEVELS_MAX; level++) {
        char *found = git_directory_at(directory);
        char *parent;

        if (found) {
            *top = steal(&directory);
            return found;
        }
        if (strcmp(directory, "/") == 0)
            return NULL;
        parent = path_directory(directory);
        free(directory);
        directory = parent;
    }
    return NULL;
}

static bool is_hash(const char *text)
{
    size_t length = strspn(text, "0123456789abcdef");

    return !text[length] && length >= HASH_CHARS_MIN && length <= HASH_CHARS_MAX;
}

/* ---- The remote's URL ------------------------------------------------------------------------ */

char *git_url_without_credentials(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *authority = scheme_end ? scheme_end + 3 : url;
    const char *end = authority + strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', (size_t)(end - authority));
    char *clean;

    /* "git@host:path" names no secret: that user is the same for everybody. */
    if (!scheme_end && at && !memchr(authority, ':', (size_t)(at - authority)))
        return strdup(url);
    if (!at)
        return strdup(url);
    if (asprintf(&clean, "%.*s%s", (int)(authority - url), url, at + 1) < 0)
        return NULL;
    return clean;
}

/* Take the value of `key = value`, quotes and trailing comment removed; false for another key. */
static bool config_value(char *line, const char *key, char **value)
{
    size_t length = strlen(key);
    bool quoted = false;
    char *to;

    if (strncasecmp(line, key, length) != 0)
        return false;
    line += length;
    line += strspn(line, " \t");
    if (*line++ != '=')
        return false;
    line += strspn(line, " \t");
    *value = line;
    to = line;
    for (; *line; line++) {
        if (*line == '"')
            quoted = !quoted;
        else if (!quoted && (*line == '#' || *line == ';'))
            break;
        else
            *to++ = *line;
    }
    *to = '\0';
    trim_end(*value);
    return **value != '\0';
}

/* Find the URL of the remote "origin", else of the first remote, in the text of a config file. The
 * result points into it. */
static const char *find_remote_url(char *config)
{
    const char *first = NULL;
    bool in_remote = false;
    bool in_origin = false;
    char *state = NULL;

    for (char *line = strtok_r(config, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        char *url;

        line += strspn(line, " \t");
        if (*line == '[') {
            in_remote = strncasecmp(line, "[remote \"", 9) == 0;
            in_origin = in_remote && strncmp(line + 9, "origin\"", 7) == 0;
        } else if (in_remote && config_value(line, "url", &url)) {
            if (in_origin)
                return url;
            if (!first)
                first = url;
        }
    }
    return first;
}

/* ---- Putting it together --------------------------------------------------------------------- */

/* The last part of a URL or path, without ".git". */
static char *repository_name(const char *repo)
{
    size_t length = strlen(repo);
    size_t start;

    while (length > 0 && repo[length - 1] == '/')
        length--;
    if (length > 4 && strncmp(repo + length - 4, ".git", 4) == 0)
        length -= 4;
    for (start = length; start > 0 && repo[start - 1] != '/' && repo[start - 1] != ':'; start--)
        continue;
    return strndup(repo + start, length - start);
}

static char *read_hash(const char *directory, const char *ref)
{
    CLEANUP(freep) char *text = read_in(directory, ref);

    if (!text)
        return NULL;
    trim_end(text);
    return is_hash(text) ? steal(&text) : NULL;
}

static tel_error read_head(struct git_context *context, const char *git_directory,
                           const char *common)
{
    CLEANUP(freep) char *head = read_in(git_directory, "HEAD");

    if (!head)
        return TEL_E_NOT_FOUND;
    trim_end(head);
    if (!utf8_is_valid(head))
        return TEL_E_NOT_FOUND;
    if (strncmp(head, "ref: ", 5) == 0) {
        const char *ref = head + 5;

        if (strstr(ref, "..") || *ref == '/')
            return TEL_E_NOT_FOUND;
        context->branch = strdup(strncmp(ref, "refs/heads/", 11) == 0 ? ref + 11 : ref);
        context->head = read_hash(common, ref);
        return context->branch ? TEL_OK : TEL_E_NOMEM;
    }
    if (!is_hash(head))
        return TEL_E_NOT_FOUND;
    context->head = steal(&head);
    return TEL_OK;
}

static tel_error name_repository(struct git_context *context, const char *top, const char *common)
{
    CLEANUP(freep) char *config = read_in(common, "config");
    CLEANUP(freep) char *name = NULL;
    const char *url = config ? find_remote_url(config) : NULL;
    int written;

    if (url && utf8_is_valid(url))
        context->repo = git_url_without_credentials(url);
    else
        context->repo = repository_name(top);
    name = context->repo ? repository_name(context->repo) : NULL;
    if (!name)
        return TEL_E_NOMEM;
    written = context->branch
                  ? asprintf(&context->run_tag, "%s/%s", name, context->branch)
                  : asprintf(&context->run_tag, "%s/%.*s", name, ABBREVIATED_CHARS, context->head);
    if (written < 0)
        context->run_tag = NULL;
    return context->run_tag ? TEL_OK : TEL_E_NOMEM;
}

tel_error git_detect(struct git_context *out, const char *directory)
{
    CLEANUP(git_context_clear) struct git_context context = {0};
    CLEANUP(freep) char *top = NULL;
    CLEANUP(freep) char *git_directory = NULL;
    CLEANUP(freep) char *common = NULL;
    tel_error error;

    *out = (struct git_context){0};
    git_directory = find_git_directory(&top, directory ? directory : ".");
    if (!git_directory)
        return TEL_E_NOT_FOUND;
    common = common_directory(git_directory);
    if (!common)
        return TEL_E_NOMEM;
    error = read_head(&context, git_directory, common);
    if (!error)
        error = name_repository(&context, top, common);
    if (error)
        return error;
    *out = context;
    context = (struct git_context){0};
    return TEL_OK;
}

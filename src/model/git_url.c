/* SPDX-License-Identifier: MIT */
#include "model/git_url.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define URL_BYTES_MAX 4096
#define COMMIT_BYTES_MAX 64

/* The parts of a remote, pointing into it. */
struct parts {
    const char *host; /* with its port, if that stays */
    size_t host_length;
    const char *path; /* without leading slashes */
    size_t path_length;
};

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* As tolower(), whatever the host program's locale is. */
static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

static const char *after_prefix(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncasecmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* Blanks, control characters, quotes, brackets and what is not ASCII have no business in a link. So it is
 * JSON as it is. */
static bool is_clean(const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte <= ' ' || byte >= 0x7f || strchr("\"'<>\\^`{|}", byte))
            return false;
    }
    return true;
}

static bool split_authority(struct parts *parts, const char *rest, bool keep_port)
{
    size_t length = strcspn(rest, "/?#");
    const char *at = memrchr(rest, '@', length);
    const char *host = at ? at + 1 : rest;
    const char *colon;

    parts->host = host;
    parts->host_length = length - (size_t)(host - rest);
    parts->path = rest + length;
    colon = memchr(host, ':', parts->host_length);
    if (colon && !keep_port)
        parts->host_length = (size_t)(colon - host);
    return *parts->path != '?' && *parts->path != '#';
}

/* user@host:path, the form that scp made. */
static bool split_scp(struct parts *parts, const char *remote)
{
    const char *at = strchr(remote, '@');
    const char *colon = at ? strchr(at, ':') : NULL;

    if (!colon || strcspn(remote, ":/") != (size_t)(colon - remote))
        return false;
    parts->host = at + 1;
    parts->host_length = (size_t)(colon - parts->host);
    parts->path = colon + 1;
    return true;
}

static bool host_is_valid(const struct parts *parts)
{
    for (size_t i = 0; i < parts->host_length; i++) {
        if (!is_alphanumeric(parts->host[i]) && !strchr(".-_:", parts->host[i]))
            return false;
    }
    return parts->host_length > 0 && parts->host[0] != ':';
}

static void drop_slashes_at_end(struct parts *parts)
{
    while (parts->path_length > 0 && parts->path[parts->path_length - 1] == '/')
        parts->path_length--;
}

static void trim_path(struct parts *parts)
{
    while (*parts->path == '/')
        parts->path++;
    parts->path_length = strlen(parts->path);
    drop_slashes_at_end(parts);
    if (parts->path_length >= 4 && memcmp(parts->path + parts->path_length - 4, ".git", 4) == 0)
        parts->path_length -= 4;
    drop_slashes_at_end(parts);
}

static bool split(struct parts *parts, const char *remote)
{
    const char *https = after_prefix(remote, "https://");
    const char *ssh = after_prefix(remote, "ssh://");
    bool found;

    if (strlen(remote) > URL_BYTES_MAX || !is_clean(remote))
        return false;
    if (https || ssh)
        found = split_authority(parts, https ? https : ssh, https != NULL);
    else
        found = !strstr(remote, "://") && split_scp(parts, remote);
    if (!found || !host_is_valid(parts))
        return false;
    trim_path(parts);
    return true;
}

static void write_repo(struct strbuf *url, const struct parts *parts)
{
    strbuf_puts(url, "https://");
    for (size_t i = 0; i < parts->host_length; i++)
        strbuf_putc(url, to_lower(parts->host[i]));
    if (parts->path_length) {
        strbuf_putc(url, '/');
        strbuf_append(url, parts->path, parts->path_length);
    }
}

void git_url_write_repo(struct strbuf *json, const char *remote)
{
    struct parts parts;

    if (!remote || !split(&parts, remote)) {
        strbuf_puts(json, "null");
        return;
    }
    strbuf_putc(json, '"');
    write_repo(json, &parts);
    strbuf_putc(json, '"');
}

/* Return what stands between a repository and a commit on its host, or NULL. */
static const char *commit_path(const struct parts *parts)
{
    static const struct {
        const char *host;
        const char *path;
    } hosts[] = {
        {"github.com", "/commit/"},
        {"gitlab.com", "/-/commit/"},
        {"bitbucket.org", "/commits/"},
    };
    const char *colon = memchr(parts->host, ':', parts->host_length);
    size_t length = colon ? (size_t)(colon - parts->host) : parts->host_length;

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        if (strlen(hosts[i].host) == length && strncasecmp(parts->host, hosts[i].host, length) == 0)
            return hosts[i].path;
    }
    return NULL;
}

static bool commit_is_name(const char *commit)
{
    size_t length = 0;

    for (; commit[length]; length++) {
        if (!is_alphanumeric(commit[length]) || length == COMMIT_BYTES_MAX)
            return false;
    }
    return length > 0;
}

void git_url_write_commit(struct strbuf *json, const char *remote, const char *commit)
{
    struct parts parts;
    const char *path = NULL;

    if (remote && commit && commit_is_name(commit) && split(&parts, remote) && parts.path_length)
        path = commit_path(&parts);
    if (!path) {
        strbuf_puts(json, "null");
        return;
    }
    strbuf_putc(json, '"');
    write_repo(json, &parts);
    strbuf_puts(json, path);
    strbuf_puts(json, commit);
    strbuf_putc(json, '"');
}

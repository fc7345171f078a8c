/* SPDX-License-Identifier: MIT */
#include "base/url.h"

#include <string.h>
#include <strings.h>

/* What RFC 3986 calls unreserved, whatever the locale. */
static bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           strchr("-._~", c);
}

void url_append_segment(struct strbuf *url, const char *text)
{
    for (; *text; text++) {
        if (is_plain(*text))
            strbuf_putc(url, *text);
        else
            strbuf_printf(url, "%%%02X", (unsigned char)*text);
    }
}

/* ---- URLs as people write them --------------------------------------------------------------- */

static bool is_text(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

bool url_split(struct url *url, const char *text)
{
    const char *scheme_end = strstr(text, "://");
    const char *end;
    const char *at;

    if (!scheme_end || scheme_end == text)
        return false;
    *url = (struct url){.scheme = text, .scheme_length = (size_t)(scheme_end - text)};
    url->host = scheme_end + 3;
    end = url->host + strcspn(url->host, "/?#");
    at = memrchr(url->host, '@', (size_t)(end - url->host));
    if (at)
        url->host = at + 1;
    url->has_user = at != NULL;
    url->host_length = *url->host == '[' ? strcspn(url->host, "]") + 1 : strcspn(url->host, ":/?#");
    url->rest = end;
    return url->host_length > 0 && url->host + url->host_length <= end;
}

bool url_has_scheme(const struct url *url, const char *scheme)
{
    return is_text(url->scheme, url->scheme_length, scheme);
}

bool url_has_host(const struct url *url, const char *host)
{
    return is_text(url->host, url->host_length, host);
}

bool url_is_within(const struct url *url, const char *domain)
{
    size_t length = strlen(domain);
    size_t before = url->host_length - length;

    if (url->host_length <= length)
        return url_has_host(url, domain);
    return url->host[before - 1] == '.' && is_text(url->host + before, length, domain);
}

bool url_is_loopback(const struct url *url)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]", "0.0.0.0"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (url_has_host(url, names[i]))
            return true;
    }
    return false;
}

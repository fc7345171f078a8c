/* SPDX-License-Identifier: MIT */
#include "support/hostile.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void stay_silent(struct peer *peer, int fd, void *arg)
{
    (void)peer;
    (void)arg;
    peer_wait(fd);
}

static void hang_up(struct peer *peer, int fd, void *arg)
{
    (void)(peer_read_request(peer, fd, NULL) && peer_puts(fd, arg));
}

static void wait_for_more(struct peer *peer, int fd, void *arg)
{
    if (peer_read_request(peer, fd, NULL) && peer_puts(fd, arg))
        peer_wait(fd);
}

static void answer(struct peer *peer, int fd, void *arg)
{
    while (peer_read_request(peer, fd, NULL) && peer_puts(fd, arg))
        continue;
}

static void answer_unasked(struct peer *peer, int fd, void *arg)
{
    (void)peer;
    if (peer_puts(fd, arg))
        peer_wait(fd);
}

static void trickle(struct peer *peer, int fd, void *arg)
{
    (void)peer_read_request(peer, fd, NULL);
    for (const char *c = arg; *c && peer_send(fd, c, 1); c++)
        (void)usleep(100000);
}

/* Say the first line, then the rest again and again. */
static void never_end(struct peer *peer, int fd, void *arg)
{
    const char *text = arg;
    const char *rest = strchr(text, '\n') + 1;
    char block[8192];
    size_t length = 0;

    while (length + strlen(rest) < sizeof block) {
        memcpy(block + length, rest, strlen(rest));
        length += strlen(rest);
    }
    if (!peer_read_request(peer, fd, NULL) || !peer_send(fd, text, (size_t)(rest - text)))
        return;
    while (peer_send(fd, block, length))
        continue;
}

/* Say all of it, then bytes without end. */
static void flood(struct peer *peer, int fd, void *arg)
{
    char filler[8192];

    memset(filler, 'x', sizeof filler);
    (void)(peer_read_request(peer, fd, NULL) && peer_puts(fd, arg));
    while (peer_send(fd, filler, sizeof filler))
        continue;
}

static void reset_at_once(struct peer *peer, int fd, void *arg)
{
    struct hostile_cut cut = {.text = arg};

    hostile_reset(peer, fd, &cut);
}

void hostile_reset(struct peer *peer, int fd, void *arg)
{
    const struct hostile_cut *cut = arg;
    struct linger hard = {.l_onoff = 1};

    (void)(peer_read_request(peer, fd, NULL) && peer_send(fd, cut->text, cut->bytes));
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define EMPTY "Content-Length: 0\r\n\r\n"

const struct hostile hostiles[] = {
    {"refuses", NULL, NULL, false},
    {"accepts and never answers", stay_silent, NULL, true},
    {"hangs up", hang_up, "", false},
    {"resets", reset_at_once, "", false},
    {"talks before it is asked", answer_unasked, OK EMPTY, true},
    {"speaks another language", hang_up, "\x16\x03\x01\x02 SSH-2.0\r\n\r\n\x80\xff", false},
    {"speaks HTTP 0.9", hang_up, "<html></html>", false},
    {"sends half a head", hang_up, OK "Content-Le", false},
    {"sends half a head and waits", wait_for_more, OK "Content-Le", true},
    {"sends half a body", hang_up, OK "Content-Length: 100\r\n\r\n{\"event_id\":", false},
    {"sends half a body and waits", wait_for_more, OK "Content-Length: 99\r\n\r\n{\"a", true},
    {"sends a broken chunk", wait_for_more, OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n", false},
    {"sends half a chunk", hang_up, OK "Transfer-Encoding: chunked\r\n\r\n9\r\nabc", false},
    {"contradicts itself", answer, OK "Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}", true},
    {"sends a length that is none", answer, OK "Content-Length: -7\r\n\r\n{}", true},
    {"sends a status that is none", answer, "HTTP/1.1 99999999999999999999 X\r\n" EMPTY, true},
    {"says to go on and waits", wait_for_more, "HTTP/1.1 100 Continue\r\n\r\n", true},
    {"says to go on without end", never_end, OK "HTTP/1.1 100 Continue\r\n\r\n", true},
    {"sends a byte now and then", trickle, OK EMPTY, true},
    {"sends headers without end", never_end, OK "X-Filler: aaaaaaaaaaaaaaaaaaaaaa\r\n", true},
    {"sends a header without end", never_end, OK "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true},
    {"sends a body without end", flood, OK "Connection: close\r\n\r\n", true},
    {"sends a gigabyte", flood, OK "Content-Length: 1073741824\r\n\r\n", true},
    {"redirects to itself", answer, "HTTP/1.1 307 X\r\nLocation: /\r\n" EMPTY, false},
    {"has moved", answer, "HTTP/1.1 301 X\r\nLocation: http://127.0.0.1:1/\r\n" EMPTY, false},
    {"does not know us", answer, "HTTP/1.1 401 X\r\n" EMPTY, false},
    {"has no such page", answer, "HTTP/1.1 404 X\r\n" EMPTY, false},
    {"has no such method", answer, "HTTP/1.1 501 X\r\n" EMPTY, false},
    {"finds us invalid without being ours", answer, "HTTP/1.1 422 X\r\n" EMPTY, false},
    {"is busy", answer, "HTTP/1.1 429 X\r\nRetry-After: 3600\r\n" EMPTY, false},
    {"is broken", answer, "HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n{}", false},
    {"is overloaded", answer, "HTTP/1.1 503 X\r\nRetry-After: 1\r\n" EMPTY, false},
    {"has nothing to say", answer, "HTTP/1.1 204 X\r\n\r\n", false},
    {"serves pages", answer, OK "Content-Length: 15\r\n\r\n<html>hi</html>", false},
    {"answers an empty object", answer, OK "Content-Length: 2\r\n\r\n{}", false},
    {"answers about another run", answer, OK "Content-Length: 16\r\n\r\n{\"event_id\":\"x\"}",
     false},
    {"answers a NUL", answer, OK "X: \\0\r\nContent-Length: 8\r\n\r\n\"\\u0000\"", false},
};
const size_t hostile_count = sizeof hostiles / sizeof *hostiles;
const struct hostile *const hostile_silence = &hostiles[1];

struct peer *hostile_start(const struct hostile *hostile)
{
    return peer_start(hostile->behave, (void *)hostile->text);
}

/* SPDX-License-Identifier: MIT */
#include "support/service_stub.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* Copy the string of the member that begins at *text, and move on behind it. false: no more. */
static bool next_event_id(char *out, size_t size, const char **text)
{
    static const char member[] = "\"event_id\":\"";
    const char *found = strstr(*text, member);
    size_t length;

    if (!found)
        return false;
    found += strlen(member);
    length = strcspn(found, "\"");
    (void)snprintf(out, size, "%.*s", (int)length, found);
    *text = found + length;
    return true;
}

static bool answer_batch(int fd, const char *request)
{
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(65536);
    char event_id[100];
    int index = 0;

    strbuf_puts(&body, "{\"results\":[");
    while (next_event_id(event_id, sizeof event_id, &request)) {
        strbuf_printf(&body, "%s{\"index\":%d,\"event_id\":\"%s\",\"result\":\"updated\"}",
                      index ? "," : "", index, event_id);
        index++;
    }
    strbuf_puts(&body, "]}");
    return peer_reply(fd, "200 OK", body.text);
}

static bool answer_one(int fd, const char *request)
{
    static const char runs[] = " /api/v1/runs/";
    const char *path = strchr(request, ' ');
    const char *body = strstr(request, "\r\n\r\n");
    char event_id[100] = "";
    char answer[200];

    if (strncmp(path, runs, strlen(runs)) == 0) {
        path += strlen(runs);
        (void)snprintf(event_id, sizeof event_id, "%.*s", (int)strcspn(path, " /"), path);
    } else {
        (void)next_event_id(event_id, sizeof event_id, &body);
    }
    (void)snprintf(answer, sizeof answer, "{\"event_id\":\"%s\"}", event_id);
    return peer_reply(fd, "200 OK", answer);
}

void service_stub(struct peer *peer, int fd, void *arg)
{
    struct service_stub *service = arg;
    const char *request;
    bool go_on = true;

    while (go_on && peer_read_request(peer, fd, &request)) {
        bool is_batch = strncmp(request, "POST /api/v1/runs/batch ", 24) == 0;

        strbuf_printf(&service->requests, "%s\n", request);
        if (service->is_away || (is_batch && service->hates_batches))
            go_on = peer_reply(fd, "503 X", "{}");
        else if (is_batch)
            go_on = answer_batch(fd, request);
        else
            go_on = answer_one(fd, request);
    }
}

/* SPDX-License-Identifier: MIT */
#include "deliver/outbox.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#define ID_BYTES_MAX ((size_t)4096)

/* A request, its texts borrowed from the line. */
struct request {
    const char *endpoint;
    const char *method;
    const json_t *payload;
};

static struct request request_of(const json_t *line)
{
    const char *method = json_string_value(json_object_get(line, "method"));

    return (struct request){
        .endpoint = json_string_value(json_object_get(line, "endpoint")),
        .method = method ? method : "POST",
        .payload = json_object_get(line, "payload"),
    };
}

bool outbox_is_request(const json_t *line)
{
    struct request request = request_of(line);

    return request.endpoint && request.payload && !json_object_get(line, "event_id");
}

/* Return what stands behind the segment "runs" of a path or URL: "" or "/..."; NULL: it has none. */
static const char *behind_runs(const char *endpoint)
{
    const char *path = strstr(endpoint, "://");

    path = path ? path + 3 : endpoint;
    for (const char *at = strstr(path, "runs"); at; at = strstr(at + 1, "runs")) {
        if ((at == path || at[-1] == '/') && strchr("/?#", at[4])) /* '\0' is found too */
            return at + 4;
    }
    return NULL;
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Append the next segment of a path, decoded, and move on behind it. */
static void take_segment(struct strbuf *segment, const char **path)
{
    const char *c = *path;

    while (*c == '/')
        c++;
    for (; !strchr("/?#", *c); c++) {
        if (*c == '%' && isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2])) {
            strbuf_putc(segment, (char)(16 * hex_value(c[1]) + hex_value(c[2])));
            c += 2;
        } else {
            strbuf_putc(segment, *c);
        }
    }
    *path = c;
}

/* A payload may be JSON text in a string. */
static tel_error read_payload(json_t **out, const struct request *request, tel_fault *reason)
{
    const char *text = json_string_value(request->payload);
    tel_fault why;

    if (text) {
        *out = json_parse(text, strlen(text), &why);
        return *out ? TEL_OK : fault_set(reason, why.code, "%s", why.text);
    }
    *out = json_deep_copy(request->payload);
    return *out ? TEL_OK : fault_nomem(reason);
}

/* Say which run an object's fields are an update of. */
static tel_error make_update(json_t *fields, const char *event_id, tel_fault *reason)
{
    if (json_object_set_new(fields, "record_type", json_string("update")) ||
        json_object_set_new(fields, "event_id", json_string(event_id)))
        return fault_nomem(reason);
    return TEL_OK;
}

/* The members of a commit are called otherwise in a run. */
static tel_error rename_commit(json_t *fields, tel_fault *reason)
{
    static const char *const names[][2] = {
        {"commit_hash", "git_commit_hash"},
        {"commit_source", "git_commit_source"},
        {"commit_author", "git_commit_author"},
        {"commit_timestamp", "git_commit_timestamp"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *value = json_object_get(fields, names[i][0]);

        if (value && json_object_set(fields, names[i][1], value))
            return fault_nomem(reason);
    }
    return TEL_OK;
}

static tel_error fault_unknown(const struct request *request, tel_fault *reason)
{
    return fault_set(reason, TEL_E_INVALID,
                     "%.20s %.100s records no run with this payload; an outbox may POST to "
                     "/api/v1/runs and /api/v1/runs/batch, PATCH a run, and associate a commit",
                     request->method, request->endpoint);
}

static tel_error translate_batch(json_t **payload, const struct request *request, tel_fault *reason)
{
    json_t *runs = json_is_object(*payload) ? json_object_get(*payload, "runs") : *payload;

    if (!json_is_array(runs))
        return fault_unknown(request, reason);
    json_incref(runs);
    json_decref(*payload);
    *payload = runs;
    return TEL_OK;
}

/* Turn the payload of a request about `id` ("": about runs as such), which asks for `action` ("": a
 * change), into what it means. */
static tel_error translate(json_t **payload, const struct request *request, const char *id,
                           const char *action, tel_fault *reason)
{
    bool is_post = strcasecmp(request->method, "POST") == 0;
    bool is_change =
        strcasecmp(request->method, "PATCH") == 0 || strcasecmp(request->method, "PUT") == 0;
    bool is_commit = is_post && strcmp(action, "associate-commit") == 0;
    tel_error error = TEL_OK;

    if (is_post && strcmp(id, "batch") == 0)
        return translate_batch(payload, request, reason);
    if (!json_is_object(*payload) || !(is_post ? !*id || is_commit : is_change && *id && !*action))
        return fault_unknown(request, reason);
    if (is_commit)
        error = rename_commit(*payload, reason);
    return error || !*id ? error : make_update(*payload, id, reason);
}

tel_error outbox_translate(json_t **out, const json_t *line, tel_fault *reason)
{
    CLEANUP(strbuf_clear) struct strbuf id = STRBUF(ID_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf action = STRBUF(ID_BYTES_MAX);
    CLEANUP(json_releasep) json_t *payload = NULL;
    struct request request = request_of(line);
    const char *rest = behind_runs(request.endpoint);
    tel_error error;

    *out = NULL;
    if (!rest)
        return fault_unknown(&request, reason);
    take_segment(&id, &rest);
    take_segment(&action, &rest);
    if (strbuf_failed(&id) || strbuf_failed(&action))
        return id.too_large || action.too_large ? fault_unknown(&request, reason)
                                                : fault_nomem(reason);
    error = read_payload(&payload, &request, reason);
    if (!error)
        error = translate(&payload, &request, id.length ? id.text : "",
                          action.length ? action.text : "", reason);
    if (!error)
        *out = steal(&payload);
    return error;
}

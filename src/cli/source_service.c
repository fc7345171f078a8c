/* SPDX-License-Identifier: MIT
 *
 * A list is read page by page. Runs that are created meanwhile push the older ones down, so that a
 * page may begin with what the last one ended with: in an order from new to old, a run that is not
 * older than the one before it has been seen.
 */
#include "cli/source_service.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/url.h"
#include "cli/options.h"
#include "config/config_token.h"
#include "deliver/remote_ask.h"
#include "model/record_json.h"

#define FIND_WAIT_MS 1000
#define ANSWER_WAIT_MS 30000
#define PATH_BYTES_MAX ((size_t)64 * 1024)
#define MADE_HEX_CHARS 8
#define SCANNED_MAX 50000 /* runs looked at for an id that the service cannot search for */

/* Send a GET; TEL_OK with the parsed answer, a new reference. */
static tel_error get_json(json_t **out, struct http *http, const char *path, int64_t wait_ms,
                          struct http_response *response, tel_fault *fault)
{
    tel_error error;

    *out = NULL;
    error = http_send(http, "GET", path, NULL, deadline_in(wait_ms), response, fault);
    if (error)
        return error;
    if (strbuf_failed(&response->body))
        return fault_nomem(fault);
    *out =
        json_parse(response->body.length ? response->body.text : "", response->body.length, fault);
    return *out ? TEL_OK : TEL_E_UNAVAILABLE;
}

/* ---- Finding it ------------------------------------------------------------------------------ */

tel_error service_open(struct http **out, const struct tel_config *config, tel_fault *fault)
{
    struct http_options options = {.url = config_text(config, CONFIG_TELEMETRY_API_URL),
                                   .ca_file = config_text(config, CONFIG_SSL_CERT_FILE)};
    CLEANUP(freep) char *token = NULL;
    tel_error error = config_token(&token, config, fault);

    options.token = token;
    if (!error)
        error = http_new(out, &options, fault);
    if (error)
        return error;
    error = remote_identify(*out, deadline_in(FIND_WAIT_MS), fault);
    if (error) {
        http_free(*out);
        *out = NULL;
    }
    return error;
}

/* ---- Reading runs ---------------------------------------------------------------------------- */

static void ignore_fault(void *arg, const char *field, const char *message)
{
    (void)arg;
    (void)field;
    (void)message;
}

/* Read a run object; fields that break today's rules are left out, as old rows have some. */
static tel_error read_run(struct tel_record *record, const json_t *object, tel_fault *fault)
{
    tel_error error;

    if (!json_is_object(object))
        return fault_set(fault, TEL_E_UNAVAILABLE, "the service's answer holds no run");
    error = record_read_json(record, object, ~(field_set)0, 0, ignore_fault, NULL);
    return error == TEL_E_NOMEM ? fault_nomem(fault) : TEL_OK;
}

tel_error service_get(struct http *http, const char *event_id, struct tel_record *record,
                      tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf path = STRBUF(PATH_BYTES_MAX);
    CLEANUP(json_releasep) json_t *answer = NULL;
    struct http_response response = {0};
    tel_error error;

    strbuf_puts(&path, "/api/v1/runs/");
    url_append_segment(&path, event_id);
    if (strbuf_failed(&path) || !*event_id)
        return fault_set(fault, TEL_E_NOT_FOUND, "no run has this id");
    error = get_json(&answer, http, path.text, ANSWER_WAIT_MS, &response, fault);
    http_response_clear(&response);
    return error ? error : read_run(record, answer, fault);
}

static void append_filter(struct strbuf *path, const char *name, const char *value)
{
    if (!value)
        return;
    strbuf_printf(path, "&%s=", name);
    url_append_segment(path, value);
}

static void append_filters(struct strbuf *path, const struct run_query *query)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        append_filter(path, run_fields[i].name, query->equals[i]);
    for (size_t i = 0; i < query->status_count; i++)
        append_filter(path, "status", query->statuses[i]);
    append_filter(path, "created_before", query->created_before);
    append_filter(path, "created_after", query->created_after);
    append_filter(path, "start_time_from", query->start_from);
    append_filter(path, "start_time_to", query->start_to);
    append_filter(path, "end_time_from", query->end_from);
    append_filter(path, "end_time_to", query->end_to);
    append_filter(path, "agent_prefix", query->agent_prefix);
    append_filter(path, "git_commit_hash", query->commit);
    append_filter(path, "roots", query->roots ? "true" : NULL);
}

struct reading {
    const struct run_query *query;
    tel_record_fn *each;
    void *arg;
    int64_t wanted; /* so many more */
    bool stopped;   /* `each` has enough */
    char last_created[TEL_TIMESTAMP_SIZE];
    int64_t last_id;
};

static bool was_seen(struct reading *reading, const struct tel_record *record)
{
    const char *created = record_text(record, FIELD_created_at);
    int64_t id = record_int(record, FIELD_id);
    int order = strncmp(created ? created : "", reading->last_created, TEL_TIMESTAMP_SIZE - 1);

    if (*reading->last_created && (order > 0 || (order == 0 && id >= reading->last_id)))
        return true;
    strncpy(reading->last_created, created ? created : "", TEL_TIMESTAMP_SIZE - 1);
    reading->last_id = id;
    return false;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Return the 8 hex digits that end a made run_id, "" when they do not. */
static const char *hex_ending(const char *run_id)
{
    size_t length = run_id ? strlen(run_id) : 0;
    const char *ending;

    if (length <= MADE_HEX_CHARS || run_id[length - MADE_HEX_CHARS - 1] != '-')
        return "";
    ending = run_id + length - MADE_HEX_CHARS;
    return strspn(ending, "0123456789abcdef") == MADE_HEX_CHARS ? ending : "";
}

/* As the store understands id_prefix, which the service has no parameter for. */
static bool id_matches(const struct tel_record *record, const char *prefix)
{
    const char *run_id = record_text(record, FIELD_run_id);

    return !prefix || has_prefix(record_text(record, FIELD_event_id), prefix) ||
           has_prefix(run_id, prefix) || has_prefix(hex_ending(run_id), prefix);
}

static tel_error read_page(struct reading *reading, const json_t *runs, tel_fault *fault)
{
    for (size_t i = 0; i < json_array_size(runs) && reading->wanted && !reading->stopped; i++) {
        CLEANUP(record_clear) struct tel_record record = RECORD();
        tel_error error = read_run(&record, json_array_get(runs, i), fault);

        if (error)
            return error;
        if (was_seen(reading, &record) || !id_matches(&record, reading->query->id_prefix))
            continue;
        reading->wanted--;
        reading->stopped = reading->each(reading->arg, &record) != 0;
    }
    return TEL_OK;
}

tel_error service_query(struct http *http, const struct run_query *query, tel_record_fn *each,
                        void *arg, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf path = STRBUF(PATH_BYTES_MAX);
    struct reading reading = {.query = query, .each = each, .arg = arg, .wanted = query->limit};
    int64_t offset = query->offset;
    bool more = true;

    while (more && reading.wanted > 0 && !reading.stopped && offset < SCANNED_MAX + LIMIT_MAX) {
        CLEANUP(json_releasep) json_t *runs = NULL;
        struct http_response response = {0};
        int64_t page =
            query->id_prefix || reading.wanted > QUERY_LIMIT_MAX ? QUERY_LIMIT_MAX : reading.wanted;
        tel_error error;

        strbuf_reset(&path);
        strbuf_printf(&path, "/api/v1/runs?limit=%" PRId64 "&offset=%" PRId64, page, offset);
        append_filters(&path, query);
        if (strbuf_failed(&path))
            return fault_set(fault, TEL_E_TOO_LARGE, "the filters are too long");
        error = get_json(&runs, http, path.text, ANSWER_WAIT_MS, &response, fault);
        http_response_clear(&response);
        if (!error)
            error = read_page(&reading, runs, fault);
        if (error)
            return error;
        more = (int64_t)json_array_size(runs) == page;
        offset += page;
    }
    return TEL_OK;
}

/* SPDX-License-Identifier: MIT
 *
 * telemetry.h - record what an agent run did, and never get in its way.
 *
 * The thing most programs need, whole:
 *
 *     tel_client *client;
 *     tel_run *run;
 *
 *     tel_client_new(&client, NULL);
 *     tel_run_start(&run, client, TEL_FIELDS(.agent_name = "crawler", .job_type = "nightly"));
 *     tel_run_log_event(run, "page_done", "{\"url\":\"https://example.org\"}");
 *     tel_run_end(&run, TEL_SUCCESS, TEL_FIELDS(.items_succeeded = 42));
 *     tel_client_free(client);
 *
 * Rules that hold for every function here:
 *
 *   Errors     A call answers with a tel_error; it never aborts, exits, prints or raises a signal.
 *              Calls that record (start, event, set, end) may be left unchecked.
 *   NULL       Every handle may be NULL: the call then does nothing and says TEL_E_INVALID.
 *   Ownership  What is passed in is borrowed for the call and copied if kept. What comes out through
 *              a pointer named `out` is the caller's; the function to release it is named. Returned
 *              `const` pointers are borrowed; the comment says until when. On failure `*out` is NULL.
 *   Host       errno, signal mask and handlers, locale, umask, working directory and stdio of the
 *              calling program are as before when a call returns.
 *   Time       No recording call waits longer than the call budget (TELEMETRY_CALL_BUDGET_MS, 250 ms
 *              by default) for a lock, a connection or an answer. The disk's own time comes on top.
 *   Threads    A tel_client and its runs may be used from any thread at once. All other objects
 *              belong to one thread at a time.
 *   Text       NUL-terminated UTF-8. Bytes that are no UTF-8 are stored as U+FFFD.
 */
#ifndef TELEMETRY_H
#define TELEMETRY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TEL_API __attribute__((visibility("default")))

/* ---- Errors ---------------------------------------------------------------------------------- */

typedef enum tel_error {
    TEL_OK = 0,
    TEL_E_INVALID = -1,     /* an argument is missing or makes no sense */
    TEL_E_NOMEM = -2,       /* out of memory */
    TEL_E_NOT_FOUND = -3,   /* no such run, field or file */
    TEL_E_EXISTS = -4,      /* it is there already; nothing was stored twice */
    TEL_E_TOO_LARGE = -5,   /* over a stated limit */
    TEL_E_IO = -6,          /* a file could not be opened, read, written or synced */
    TEL_E_BUSY = -7,        /* a lock was not had in time */
    TEL_E_UNAVAILABLE = -8, /* the service cannot be reached or cannot answer now: try later */
    TEL_E_REJECTED = -9,    /* the service refused for good: sending it again is no use */
    TEL_E_CORRUPT = -10,    /* a file is not what it should be */
    TEL_E_SCHEMA = -11,     /* the database has a schema this version does not handle */
    TEL_E_CLOSED = -12,     /* the run has ended or the client is gone */
    TEL_E_INTERNAL = -13,   /* a fault of this library: please report it */
    TEL_E_SKIPPED = -14,    /* switched off, not configured or not built in: nothing was tried */
} tel_error;

/* Return a short static text for `error`, never NULL. Safe from any thread. */
TEL_API const char *tel_strerror(tel_error error);

/* Return the library's version, e.g. "0.1.0". Static. */
TEL_API const char *tel_version(void);

/*
 * Detail of a failure, owned by the caller: one line that says what was wrong and, where it can,
 * what to do. Functions that take a `tel_fault *` fill it on failure only and accept NULL.
 */
typedef struct tel_fault {
    tel_error code;
    char text[500];
} tel_fault;

typedef enum tel_log_level {
    TEL_LOG_DEBUG,
    TEL_LOG_INFO,
    TEL_LOG_WARNING,
    TEL_LOG_ERROR,
} tel_log_level;

/*
 * Receive one line of the library's log, or one fault of a configuration. `message` is valid during
 * the call only. Called on the thread that made the library call (what concerns the export to Google
 * Sheets, and delivery in the background: on a thread of the library's), with no lock of the library
 * held.
 */
typedef void tel_log_fn(void *arg, tel_log_level level, const char *message);

/* Release a string that a function of this library gave out. NULL is fine. */
TEL_API void tel_free(void *memory);

/* ---- Helpers --------------------------------------------------------------------------------- */

#define TEL_RUN_ID_SIZE 256   /* bytes a run_id needs at most, its NUL included */
#define TEL_TIMESTAMP_SIZE 33 /* "2025-12-10T12:05:30.000000+00:00" and its NUL */

/* The canonical run statuses. Wherever a status is taken, any case and the aliases failed,
 * completed, succeeded and canceled are taken too. */
#define TEL_RUNNING "running"
#define TEL_SUCCESS "success"
#define TEL_FAILURE "failure"
#define TEL_PARTIAL "partial"
#define TEL_TIMEOUT "timeout"
#define TEL_CANCELLED "cancelled"

/*
 * Make a run id: {YYYYMMDD}T{HHMMSS}Z-{agent_name}-{8 hex digits}, from the present time (UTC).
 * '/', '\' and control characters in the name become '-'; a name that would not fit is shortened;
 * NULL or "" becomes "agent".
 */
TEL_API tel_error tel_generate_run_id(char out[TEL_RUN_ID_SIZE], const char *agent_name);

/* Write the present time, UTC with microseconds: 2025-12-10T12:05:30.000000+00:00. */
TEL_API tel_error tel_get_iso8601_timestamp(char out[TEL_TIMESTAMP_SIZE]);

/*
 * Calculate the whole milliseconds from `start` to `end`, both RFC 3339 (without an offset: UTC);
 * never negative. TEL_E_INVALID, and *out = 0, when either does not parse.
 */
TEL_API tel_error tel_calculate_duration_ms(int64_t *out, const char *start, const char *end);

/* Return the canonical form of a status or alias (static), or NULL when it is neither. */
TEL_API const char *tel_normalize_status(const char *status);

/* ---- The run record -------------------------------------------------------------------------- */

/*
 * All fields of a run, in the order of the table's columns. Used to give fields by name (see
 * TEL_FIELDS) and to read a record (see tel_record_fields). NULL and 0 mean "not given"; to set a
 * number back to 0 use tel_record_set_int() or tel_run_set_int(). New fields are only ever added
 * at the end; `size` lets older and newer callers meet.
 */
typedef struct tel_run_fields {
    size_t size; /* of this struct, in bytes, as the caller was compiled */

    int64_t id;             /* row number, given by the store */
    const char *event_id;   /* idempotency key; a new UUID v4 when not given */
    const char *run_id;     /* what people call the run; made when not given */
    int64_t schema_version; /* of the writer, given by the library */
    const char *created_at; /* when the record was made */
    const char *updated_at; /* when the record was last changed */
    const char *start_time;
    const char *end_time;
    const char *agent_name;
    const char *agent_owner; /* default: AGENT_OWNER */
    const char *job_type;
    const char *status;

    const char *product; /* what the run worked on, down to item_name */
    const char *product_family;
    const char *platform;
    const char *subdomain;
    const char *website;
    const char *website_section;
    const char *item_name;

    int64_t items_discovered;
    int64_t items_succeeded;
    int64_t items_failed;
    int64_t items_skipped;
    int64_t duration_ms;

    const char *input_summary;
    const char *output_summary;
    const char *source_ref;
    const char *target_ref;
    const char *error_summary;
    const char *error_details;

    const char *git_repo; /* default: the repository of the working directory, without secrets */
    const char *git_branch;
    const char *git_run_tag; /* repository/branch */
    const char *git_commit_hash;
    const char *git_commit_source; /* manual, llm or ci */
    const char *git_commit_author;
    const char *git_commit_timestamp;

    const char *host; /* default: this host's name */
    const char *environment;
    const char *trigger_type; /* default: cli */
    const char *metrics_json; /* JSON text */
    const char *context_json; /* JSON text */

    int64_t api_posted; /* 1 once exported to Google Sheets */
    const char *api_posted_at;
    int64_t api_retry_count;

    const char *insight_id;    /* the insight that caused the run */
    const char *parent_run_id; /* the run_id of the run above it */
} tel_run_fields;

/*
 * Name some fields in place, like keyword arguments:
 *     TEL_FIELDS(.agent_name = "crawler", .job_type = "nightly")
 * C only; in C++ fill a named tel_run_fields and set its size.
 */
#define TEL_FIELDS(...) (&(tel_run_fields){.size = sizeof(tel_run_fields), __VA_ARGS__})

/* A run record that owns its values and knows which of them were given. */
typedef struct tel_record tel_record;

/*
 * Make a record from `fields` (NULL: empty). Release with tel_record_free(). Only copies: defaults
 * such as ids and times are filled in by a client or a database, not here. TEL_E_INVALID when a
 * value is out of range for its field (an unknown status, a negative count, JSON that is none).
 */
TEL_API tel_error tel_record_new(tel_record **out, const tel_run_fields *fields, tel_fault *fault);
TEL_API void tel_record_free(tel_record *record);

/* Return all fields, borrowed until the record is next changed or freed. NULL for NULL. */
TEL_API const tel_run_fields *tel_record_fields(const tel_record *record);

/*
 * Set one field by its name. A NULL value takes the field back to "not given". TEL_E_NOT_FOUND when
 * there is no such field, TEL_E_INVALID when it is not of that type or the value is out of range.
 * tel_record_set() also takes a number or boolean as text.
 */
TEL_API tel_error tel_record_set(tel_record *record, const char *name, const char *value,
                                 tel_fault *fault);
TEL_API tel_error tel_record_set_int(tel_record *record, const char *name, int64_t value,
                                     tel_fault *fault);

/* Return one text field, borrowed until that field changes; NULL when not given or not text. */
TEL_API const char *tel_record_get(const tel_record *record, const char *name);
/* Return one integer field; 0 when not given or no integer. */
TEL_API int64_t tel_record_get_int(const tel_record *record, const char *name);

/*
 * Write the record as one JSON object with all fields, null where nothing was given, in the form of
 * the NDJSON audit trail (metrics_json and context_json as JSON text in a string). Release *out with
 * tel_free().
 */
TEL_API tel_error tel_record_to_json(char **out, const tel_record *record);

/* Read a record back from one JSON object; unknown keys are ignored. Release with tel_record_free(). */
TEL_API tel_error tel_record_from_json(tel_record **out, const char *json, tel_fault *fault);

/* ---- Events ---------------------------------------------------------------------------------- */

/* Something that happened in a run: a line of the audit trail. The strings belong to the event. */
typedef struct tel_event tel_event;

/* A member of an event's payload. Make one by TEL_TEXT() and its sisters below. */
typedef struct tel_pair {
    const char *key; /* NULL: the end of a list */
    int64_t kind;    /* a tel_pair_kind */
    const char *text;
    int64_t integer;
    double real;
} tel_pair;

typedef enum tel_pair_kind {
    TEL_PAIR_TEXT = 1,
    TEL_PAIR_JSON = 2,
    TEL_PAIR_INT = 3,
    TEL_PAIR_BOOL = 4,
    TEL_PAIR_REAL = 5,
} tel_pair_kind;

/*
 * The pairs of a payload, in place. A text that is NULL, and a number that is not finite, is null;
 * JSON text that is none is kept as a string. C only; in C++ fill a named array of tel_pair.
 */
#define TEL_PAIRS(...) ((const tel_pair[]){__VA_ARGS__, {.key = NULL}})
#define TEL_TEXT(name, value)                                 \
    {                                                         \
        .key = (name), .kind = TEL_PAIR_TEXT, .text = (value) \
    }
#define TEL_JSON(name, value)                                 \
    {                                                         \
        .key = (name), .kind = TEL_PAIR_JSON, .text = (value) \
    }
#define TEL_INT(name, value)                                    \
    {                                                           \
        .key = (name), .kind = TEL_PAIR_INT, .integer = (value) \
    }
#define TEL_BOOL(name, value)                                            \
    {                                                                    \
        .key = (name), .kind = TEL_PAIR_BOOL, .integer = (value) ? 1 : 0 \
    }
#define TEL_REAL(name, value)                                 \
    {                                                         \
        .key = (name), .kind = TEL_PAIR_REAL, .real = (value) \
    }

/* Make an event, now. `payload_json` is JSON text or NULL. Release with tel_event_free(). */
TEL_API tel_error tel_event_new(tel_event **out, const char *run_id, const char *event_type,
                                const char *payload_json, tel_fault *fault);
TEL_API void tel_event_free(tel_event *event);

/* Return run_id, event_type, timestamp or payload_json, borrowed; NULL when there is none. */
TEL_API const char *tel_event_get(const tel_event *event, const char *name);

/* Write as the audit trail's JSON line (release with tel_free()), and read one back. */
TEL_API tel_error tel_event_to_json(char **out, const tel_event *event);
TEL_API tel_error tel_event_from_json(tel_event **out, const char *json, tel_fault *fault);

/* ---- Google Sheets payload ------------------------------------------------------------------- */

/* The 27 fields of a run that are exported, those of them that were given. */
typedef struct tel_api_payload tel_api_payload;

/* Make the payload of a run. Release with tel_api_payload_free(). */
TEL_API tel_error tel_api_payload_from_run_record(tel_api_payload **out, const tel_record *record);
TEL_API void tel_api_payload_free(tel_api_payload *payload);

/* Return one exported text field, borrowed; NULL when not given or not exported. */
TEL_API const char *tel_api_payload_get(const tel_api_payload *payload, const char *name);
/* Return one exported integer field; 0 when not given or not exported. */
TEL_API int64_t tel_api_payload_get_int(const tel_api_payload *payload, const char *name);

/* Write as one flat JSON object without nulls (release with tel_free()), and read one back. */
TEL_API tel_error tel_api_payload_to_json(char **out, const tel_api_payload *payload);
TEL_API tel_error tel_api_payload_from_json(tel_api_payload **out, const char *json,
                                            tel_fault *fault);

/* ---- Configuration --------------------------------------------------------------------------- */

/* Settings, by the names of the environment variables that give them (docs/configuration.md). */
typedef struct tel_config tel_config;

/*
 * Read the configuration from the environment, and what that does not give from the file that
 * TELEMETRY_CONFIG_FILE names. A value that does not parse counts as a fault, which
 * tel_config_validate() reports, and its default is used. Release with tel_config_free().
 */
TEL_API tel_error tel_config_new(tel_config **out);
TEL_API void tel_config_free(tel_config *config);

/* Set one value as if the environment had it; NULL takes it back. TEL_E_NOT_FOUND: no such key. */
TEL_API tel_error tel_config_set(tel_config *config, const char *key, const char *value);

/* Return the value in force as text, secrets as "***"; borrowed until the next set. NULL: none. */
TEL_API const char *tel_config_get(const tel_config *config, const char *key);

/* Report every fault to `report` (may be NULL) as TEL_LOG_ERROR or TEL_LOG_WARNING. Return the
 * number of errors. A client with faults still runs. */
TEL_API size_t tel_config_validate(const tel_config *config, tel_log_fn *report, void *arg);

/* Send the log of everything made from this configuration to `log`; by default it is dropped. */
TEL_API tel_error tel_config_set_log(tel_config *config, tel_log_fn *log, void *arg);

/* ---- Export to Google Sheets ----------------------------------------------------------------- */

/*
 * Sends runs to a sheet, a web app or a webhook, as GOOGLE_SHEETS_API_ENABLED, GOOGLE_SHEETS_API_URL,
 * METRICS_API_TOKEN, GOOGLE_APPLICATION_CREDENTIALS, max_retries and timeout say. A tel_client does so
 * by itself with each run that ends; this is for programs that want to do it themselves.
 */
typedef struct tel_api_client tel_api_client;

/*
 * Make one from `config`, which is copied; NULL reads the environment. Asks no network. Release with
 * tel_api_client_free(), which gives what tel_api_client_post_run_async() took the call budget to
 * go out, and then breaks it off.
 */
TEL_API tel_error tel_api_client_new(tel_api_client **out, const tel_config *config);
TEL_API void tel_api_client_free(tel_api_client *client);

/*
 * Post a run and wait for the answer: one attempt, and `max_retries` more after 1, 2 and 4 s while the
 * other side is broken (5xx), does not answer within `timeout` or cannot be reached. The fault has the
 * message, without any secret in it.
 *
 *   TEL_E_SKIPPED      switched off, not configured, TELEMETRY_TEST_MODE=mock, or built without libcurl
 *   TEL_E_INVALID      an argument, the address, the token or the key file cannot be used
 *   TEL_E_UNAVAILABLE  no attempt was taken: try again later
 *   TEL_E_REJECTED     refused for good (4xx; TEL_E_NOT_FOUND: 404), which is not tried again
 */
TEL_API tel_error tel_api_client_post_run_sync(tel_api_client *client,
                                               const tel_api_payload *payload, tel_fault *fault);

/*
 * Receive the outcome of one post: as tel_api_client_post_run_sync() answers, TEL_E_SKIPPED also for
 * one that was not begun and TEL_E_CLOSED for one that was broken off when the client was freed. Called
 * on a thread of the library's, which has all signals blocked, with no lock held. It may post again and
 * may free the client.
 */
typedef void tel_api_done_fn(void *arg, tel_error error, const char *message);

/*
 * Post a run, which is copied, on a thread of the library's, one after the other, and do not wait.
 * `done` (may be NULL) is called exactly once when this is TEL_OK, else not. TEL_E_BUSY when 256 posts
 * are waiting. After a fork(), what the parent had waiting stays the parent's.
 */
TEL_API tel_error tel_api_client_post_run_async(tel_api_client *client,
                                                const tel_api_payload *payload,
                                                tel_api_done_fn *done, void *arg, tel_fault *fault);

/* Try once whether the other side is there and takes the token; adds nothing to the sheet. TEL_OK, or
 * as tel_api_client_post_run_sync(). */
TEL_API tel_error tel_api_client_test_connection(tel_api_client *client, tel_fault *fault);

/* ---- Statistics ------------------------------------------------------------------------------ */

/* The runs of a store, by status, and how many ended ones were not exported to Google Sheets yet. */
typedef struct tel_run_stats {
    int64_t total;
    int64_t running;
    int64_t success;
    int64_t failure;
    int64_t partial;
    int64_t timeout;
    int64_t cancelled;
    int64_t pending_api_posts;
} tel_run_stats;

/*
 * Statistics of a client. Counts are only ever added at the end; set `size` before the call:
 *     tel_client_stats stats = {.size = sizeof stats};
 */
typedef struct tel_client_stats {
    size_t size; /* of this struct, in bytes, as the caller was compiled */

    tel_run_stats runs; /* in the service or, embedded, the database; -1: not known now */

    /* What this client did in this process. A record is the start or the end of a run, or a commit. */
    int64_t delivered;         /* records that the service or the database took at once */
    int64_t buffered;          /* ... kept in the buffer instead; in the background: all */
    int64_t caught_up;         /* records of the buffer, others' included, delivered from there */
    int64_t rejected;          /* ... refused for good; a .rejected file has them and the reasons */
    int64_t dropped_no_buffer; /* ... not taken, and there is no directory for a buffer */
    int64_t dropped_io;        /* ... not taken, and the buffer could not be written */
    int64_t dropped_too_large; /* ... not taken, and too large for a line of the buffer */
    int64_t dropped_no_memory; /* ... not taken, for want of memory */

    int64_t trail_lines;    /* lines of the audit trail */
    int64_t trail_failed;   /* lines that it lacks */
    int64_t trail_unlocked; /* lines written without its lock, which was not had in time */

    int64_t run_ids_custom;     /* callers' own run_ids that were taken */
    int64_t run_ids_generated;  /* made by the library */
    int64_t run_ids_blank;      /* callers' own that were not taken: nothing but blanks */
    int64_t run_ids_too_long;   /* ... longer than 255 bytes */
    int64_t run_ids_with_slash; /* ... with a '/' or '\' */
    int64_t run_ids_duplicate;  /* active already: "-duplicate-..." was appended */
} tel_client_stats;

/* ---- The client ------------------------------------------------------------------------------ */

typedef struct tel_client tel_client;
typedef struct tel_run tel_run;

/*
 * Make a client from `config`, which is copied; NULL reads the environment. Creates directories, but
 * asks no network. Fails only for want of memory: a client with a faulty configuration records
 * wherever it still can and says what is wrong through the log. Release with tel_client_free().
 */
TEL_API tel_error tel_client_new(tel_client **out, const tel_config *config);

/*
 * Release the client, which first delivers what is in the buffer as far as the call budget goes; of it,
 * runs on their way to Google Sheets get most, and the others stay pending. With TELEMETRY_BACKGROUND, a
 * thread that is at work longer cleans up by itself. Calls under way finish; runs that are still active
 * stay `running` in the store; handles to them remain valid, answer TEL_E_CLOSED, and are released as
 * usual.
 *
 * A client may be used on both sides of a fork(): the child gets a buffer file, a connection and a
 * list of active runs of its own with its first call, and frees the client for itself. Runs stay
 * with the process that started them: to the child's calls they are TEL_E_CLOSED, and what memory
 * they take there is released when the child ends.
 */
TEL_API void tel_client_free(tel_client *client);

/*
 * Start a run: in the audit trail, then in the service (or, embedded, in the database), or in the
 * buffer when those cannot take it in time. `fields` must give agent_name and job_type; trigger_type
 * defaults to cli, parent_run_id to TELEMETRY_RUN_ID; host, agent_owner, ids and times are filled in;
 * a faulty value is logged and left out. On success *out is the run, to be ended with tel_run_end().
 *
 * A run_id of the caller's own is taken when it is not blank, fits TEL_RUN_ID_SIZE and has no '/' or
 * '\'; else it is logged and one is made. One that is active already gets "-duplicate-{8 hex digits}"
 * appended.
 *
 * A failure to record is not a failure to start: the run is then kept by whatever still works, and
 * the cause goes to the log, once. TEL_E_IO only when nothing took it.
 */
TEL_API tel_error tel_run_start(tel_run **out, tel_client *client, const tel_run_fields *fields);

/*
 * Start a run below `parent`: its parent_run_id is the parent's run_id, whatever `fields` say. All else
 * as tel_run_start(). The parent may have been started by the process that forked this one.
 */
TEL_API tel_error tel_run_start_child(tel_run **out, tel_run *parent, const tel_run_fields *fields);

/* Return the run's run_id or event_id, borrowed until tel_run_end(). "" for NULL. */
TEL_API const char *tel_run_id(const tel_run *run);
TEL_API const char *tel_run_event_id(const tel_run *run);

/* Append an event to the audit trail. `payload_json` is JSON text; text that is no JSON is kept as
 * a JSON string; NULL: no payload. */
TEL_API tel_error tel_run_log_event(tel_run *run, const char *event_type, const char *payload_json);

/* Append an event whose payload is given member by member:
 *     tel_run_log_pairs(run, "page_done", TEL_PAIRS(TEL_TEXT("url", url), TEL_INT("bytes", 412)))
 * `pairs` ends with one whose key is NULL; NULL: no payload. */
TEL_API tel_error tel_run_log_pairs(tel_run *run, const char *event_type, const tel_pair *pairs);

/*
 * Set fields of the active run; recorded when it ends. agent_name, job_type, ids, times and what the
 * store keeps by itself cannot be set. A `status` set here is the one the run ends with, unless the
 * end gives another. An unknown name is logged as a warning and otherwise ignored, so is a faulty
 * value of tel_run_set_metrics(); the other two answer TEL_E_INVALID to one.
 *
 * What a run worked on (product to item_name), its references, git_repo, git_branch, git_run_tag,
 * environment, trigger_type and insight_id are best given at the start: the service takes them with
 * the start only. Set later they reach the audit trail and, embedded, the database.
 */
TEL_API tel_error tel_run_set_metrics(tel_run *run, const tel_run_fields *fields);
TEL_API tel_error tel_run_set(tel_run *run, const char *name, const char *value);
TEL_API tel_error tel_run_set_int(tel_run *run, const char *name, int64_t value);

/* Note that the run has failed, and why (NULL: nothing said): unless its end gives another status, it
 * ends as failure with this error_summary. */
TEL_API tel_error tel_run_fail(tel_run *run, const char *error_summary);

/*
 * End the run with `status` (NULL: the one set before, else success) and last fields (may be NULL),
 * release it and set *run to NULL. end_time and duration_ms are filled in unless given. What is no
 * status to end with ("running", "done") ends the run as failure, and is TEL_E_INVALID. TEL_E_CLOSED
 * when the run had ended before.
 *
 * With GOOGLE_SHEETS_API_ENABLED the run is then exported, unless its api_posted is set, on a thread
 * of the client's that starts with the first; its outcome goes into api_posted and api_posted_at, or
 * api_retry_count.
 */
TEL_API tel_error tel_run_end(tel_run **run, const char *status, const tel_run_fields *fields);

/*
 * The scope form, for gcc and clang: a run that ends when the block it is declared in is left, by its
 * end, return, break or goto. It ends with the status set before (tel_run_fail(), tel_run_set()), else
 * as success.
 *
 *     TEL_RUN_SCOPE(run, client, .agent_name = "crawler", .job_type = "nightly");
 *     if (crawl()) {
 *         tel_run_fail(run, "the site is down");
 *         return 1;
 *     }
 *
 * `run` is NULL when it could not be started, which every call takes. tel_run_end() may end it before.
 * A block that is left by longjmp(), exit() or the end of the thread does not end it; see
 * tel_client_track_run(). C only.
 */
#define TEL_RUN_SCOPE(run, client, ...)                    \
    __attribute__((cleanup(tel_run_leave))) tel_run *run = \
        tel_run_enter((client), TEL_FIELDS(__VA_ARGS__))

/* What TEL_RUN_SCOPE is made of: start a run, NULL when that failed; end it as tel_run_end(run, NULL,
 * NULL) does. */
TEL_API tel_run *tel_run_enter(tel_client *client, const tel_run_fields *fields);
TEL_API void tel_run_leave(tel_run **run);

/*
 * Start, log to and end a run by its run_id, for callers that keep no handle. `agent_name` and
 * `job_type` win over `fields` (may be NULL). Events are taken for any run_id that a run may have, as
 * another process may have started it; ending a run that is not active here is TEL_E_NOT_FOUND.
 */
TEL_API tel_error tel_client_start_run(tel_client *client, char run_id[TEL_RUN_ID_SIZE],
                                       const char *agent_name, const char *job_type,
                                       const tel_run_fields *fields);
TEL_API tel_error tel_client_log_event(tel_client *client, const char *run_id,
                                       const char *event_type, const char *payload_json);
TEL_API tel_error tel_client_log_pairs(tel_client *client, const char *run_id,
                                       const char *event_type, const tel_pair *pairs);
TEL_API tel_error tel_client_end_run(tel_client *client, const char *run_id, const char *status,
                                     const tel_run_fields *fields);

/*
 * Note the commit that came out of a run, which may have ended: at once where the service (or,
 * embedded, the database) can take it, else later. `commit_hash` has 7 to 40 characters,
 * `commit_source` is manual, llm or ci; author and timestamp may be NULL. What is noted at once
 * replaces all that was known of the run's commit; what comes late fills only what is not known.
 *
 * By run_id it is the newest run of that name. One that this client did not start, or long ago, is
 * looked up: TEL_E_NOT_FOUND when there is none, TEL_E_UNAVAILABLE when nobody can be asked.
 */
TEL_API tel_error tel_run_associate_commit(tel_run *run, const char *commit_hash,
                                           const char *commit_source, const char *commit_author,
                                           const char *commit_timestamp);
TEL_API tel_error tel_client_associate_commit(tel_client *client, const char *run_id,
                                              const char *commit_hash, const char *commit_source,
                                              const char *commit_author,
                                              const char *commit_timestamp);

/*
 * Get the statistics, within the call budget. When the service or the database cannot be asked, that
 * is the answer (TEL_E_UNAVAILABLE, TEL_E_BUSY, ...), `runs` is -1 throughout, and the rest is filled
 * in all the same. TEL_E_INVALID when out->size is not set.
 */
TEL_API tel_error tel_client_get_stats(tel_client *client, tel_client_stats *out, tel_fault *fault);

/*
 * Deliver what is in the buffer: what this client kept there, and what others left in the same
 * directory. Waits up to `timeout_ms` (0 to 86,400,000) for the service, the one call that may wait
 * longer than the call budget. TEL_OK: nothing is left but what other live processes are writing.
 * TEL_E_UNAVAILABLE (or TEL_E_IO): the fault says how much is left, and why; it is delivered later.
 */
TEL_API tel_error tel_client_flush(tel_client *client, int64_t timeout_ms, tel_fault *fault);

/*
 * Run `body` inside a run. When it returns 0 the run ends as success (or with the status it set),
 * else as failure, with error_summary set unless the body set it; when its thread is cancelled or
 * ended inside, the run ends as failure too. The body's result is returned unchanged, whatever became
 * of the recording; `run` is NULL in the body when the run could not be started. The body does not
 * end the run by its handle. Without a body: TEL_E_INVALID.
 */
typedef int tel_body_fn(tel_run *run, void *arg);
TEL_API int tel_client_track_run(tel_client *client, const char *agent_name, const char *job_type,
                                 const tel_run_fields *fields, tel_body_fn *body, void *arg);

/* ---- NDJSON audit trail ---------------------------------------------------------------------- */

/* Daily files events_YYYYMMDD.ndjson (UTC) in one directory; many processes may append at once. */
typedef struct tel_ndjson tel_ndjson;

/* Name the directory (NULL: the configured one); it is made when first written to. `config` (may be
 * NULL: the environment) says who may read the files and how long a lock is waited for. Release with
 * tel_ndjson_free(). */
TEL_API tel_error tel_ndjson_new(tel_ndjson **out, const char *directory, const tel_config *config);
TEL_API void tel_ndjson_free(tel_ndjson *ndjson);

/* Append one JSON object as a line of today's file and sync it to the disk. */
TEL_API tel_error tel_ndjson_append(tel_ndjson *ndjson, const char *json, tel_fault *fault);

/* Receive one line or path; borrowed during the call. Return non-zero to stop. */
typedef int tel_text_fn(void *arg, const char *text);

/* Hand each line of a day's file ("20251210") to `each`. Lines that are no JSON object are skipped
 * and counted in *skipped (may be NULL). TEL_E_NOT_FOUND when there is no file of that day. */
TEL_API tel_error tel_ndjson_read_file(tel_ndjson *ndjson, const char *date, tel_text_fn *each,
                                       void *arg, size_t *skipped, tel_fault *fault);

/* Hand the path of each daily file to `each`, oldest first. */
TEL_API tel_error tel_ndjson_list_files(tel_ndjson *ndjson, tel_text_fn *each, void *arg,
                                        tel_fault *fault);

/* What a daily file is called and holds; a torn last line counts as a line. */
typedef struct tel_file_info {
    char name[64];
    int64_t bytes;
    int64_t lines;
} tel_file_info;

/* Look at one daily file. TEL_E_NOT_FOUND when there is none at `path`. */
TEL_API tel_error tel_ndjson_get_file_info(tel_ndjson *ndjson, const char *path, tel_file_info *out,
                                           tel_fault *fault);

/* ---- The service by HTTP --------------------------------------------------------------------- */

/*
 * Speaks with the service and does nothing else: no audit trail, no buffer. Connections are kept for
 * the next call. May be used from any thread at once and on both sides of a fork(). What every call
 * answers tells what to do next:
 *
 *   TEL_OK             the service has it, on its disk
 *   TEL_E_UNAVAILABLE  keep it (tel_buffer) and try later: refused, no answer in time, 5xx, 429, a
 *                      token that the service does not take, or another program on its port
 *   TEL_E_REJECTED     never try again: the service refuses what is in it; the fault has its reason
 *   TEL_E_NOT_FOUND    the service has no such run (yet)
 *   any other          it failed here, before anything was sent: an argument, memory
 *
 * A call waits for the call budget at most (TELEMETRY_CALL_BUDGET_MS of `config`, 250 ms). No
 * redirect is followed, no proxy asked.
 */
typedef struct tel_http_client tel_http_client;

/*
 * Make a client for the service at `url`: "http://host:port", "https://...", "http://[::1]:8765" or
 * "unix:/path"; NULL: TELEMETRY_API_URL. `config` may be NULL: the environment; it gives the token
 * too. Asks nobody. TEL_E_INVALID: the URL is none. Release with tel_http_client_free().
 */
TEL_API tel_error tel_http_client_new(tel_http_client **out, const char *url,
                                      const tel_config *config, tel_fault *fault);
TEL_API void tel_http_client_free(tel_http_client *http);

/*
 * Post a run; it must give event_id, run_id, agent_name, job_type and start_time. Posting it again is
 * harmless: the event_id makes it one. *is_new (may be NULL) tells whether it was new to the service.
 */
TEL_API tel_error tel_http_client_post_event(tel_http_client *http, const tel_record *record,
                                             int *is_new, tel_fault *fault);

/* Change the fields that `changes` gives, as far as they may be changed, of the run `event_id`. */
TEL_API tel_error tel_http_client_patch_event(tel_http_client *http, const char *event_id,
                                              const tel_record *changes, tel_fault *fault);

/* Receive what became of one run of a batch: TEL_OK, or TEL_E_REJECTED with the reason, which is
 * borrowed during the call. */
typedef void tel_batch_fn(void *arg, size_t index, tel_error error, const char *reason);

/*
 * Post many runs (at most 100,000) at once. A faulty one does not hold up the others: `each` (may be NULL) is told of
 * every run, in order, and TEL_E_REJECTED comes back if any was refused. When the service becomes
 * unavailable, those not told of must be sent again.
 */
TEL_API tel_error tel_http_client_post_batch(tel_http_client *http,
                                             const tel_record *const *records, size_t count,
                                             tel_batch_fn *each, void *arg, tel_fault *fault);

/* Note the commit that came out of a run: its hash (7 to 40 characters), who made it ("manual", "llm"
 * or "ci"); author and timestamp may be NULL. Replaces what was noted before. */
TEL_API tel_error tel_http_client_associate_commit(tel_http_client *http, const char *event_id,
                                                   const char *commit_hash,
                                                   const char *commit_source,
                                                   const char *commit_author,
                                                   const char *commit_timestamp, tel_fault *fault);

/* Ask whether the service is well. TEL_E_UNAVAILABLE: it is not there or cannot write; the fault
 * says why. */
TEL_API tel_error tel_http_client_check_health(tel_http_client *http, tel_fault *fault);

/* Get the service's statistics as one JSON object: total_runs, agents, recent_24h, performance.
 * Release *out with tel_free(). */
TEL_API tel_error tel_http_client_get_metrics(char **out, tel_http_client *http, tel_fault *fault);

/* ---- Buffer ----------------------------------------------------------------------------------- */

/*
 * Keeps what the service cannot take now, in files of one directory that whoever can will deliver:
 * the service, a client, `telemetry sync`, tel_buffer_sync(). The file being written is
 * telemetry_*.jsonl.active; it becomes .ready at 10 MB or 24 h, when it is rotated, and when its
 * writer is gone; it is .synced once every line in it was answered. What is appended survives the end
 * of the process, in whatever way. May be used from any thread at once and on both sides of a fork():
 * each process has a file of its own.
 */
typedef struct tel_buffer tel_buffer;

/* Name the directory (NULL: the configured one); it is made when first written to. `config` (may be
 * NULL: the environment) says when a file is rotated and who may read it. Release with
 * tel_buffer_free(), which makes the file ready. */
TEL_API tel_error tel_buffer_new(tel_buffer **out, const char *directory, const tel_config *config);
TEL_API void tel_buffer_free(tel_buffer *buffer);

/* Append a whole run; it must give an event_id. */
TEL_API tel_error tel_buffer_append(tel_buffer *buffer, const tel_record *record, tel_fault *fault);

/* Append an update: the fields of `changes` that may be changed, of the run `event_id`. It waits for
 * that run up to 7 days. It never overwrites what a run that has ended by then knows better. */
TEL_API tel_error tel_buffer_append_update(tel_buffer *buffer, const char *event_id,
                                           const tel_record *changes, tel_fault *fault);

/* Make the file ready now. Nothing was appended: nothing happens. */
TEL_API tel_error tel_buffer_force_rotate(tel_buffer *buffer, tel_fault *fault);

/* What became of the lines that were delivered. */
typedef struct tel_sync_report {
    int64_t files;
    int64_t created;
    int64_t updated;
    int64_t duplicates;
    int64_t carried;  /* updates whose run is not there yet: moved on to a newer file */
    int64_t rejected; /* in a .rejected file beside theirs, each with the reason */
} tel_sync_report;

/*
 * Rotate, then deliver all ready files of the directory to the service, oldest first, for at most
 * `timeout_ms`. What was delivered twice is stored once. *report (may be NULL) is filled as far as it
 * came. TEL_E_UNAVAILABLE: the service is not there, or the time was too short; the rest stays.
 */
TEL_API tel_error tel_buffer_sync(tel_buffer *buffer, tel_http_client *http, int64_t timeout_ms,
                                  tel_sync_report *report, tel_fault *fault);

/* ---- Database -------------------------------------------------------------------------------- */

/* A SQLite database of runs, written directly, as embedded mode does. */
typedef struct tel_database tel_database;

/*
 * Open the database at `path` (NULL: the configured one) and make it when it is not there. `config`
 * may be NULL: the environment. Release with tel_database_free(). TEL_E_CORRUPT when the file is no
 * database, TEL_E_SCHEMA when a newer version wrote it; neither is touched then. One that an older
 * version wrote is brought up to date, which takes as long as copying it twice; the file as it was is
 * kept beside it, and its name given to the log callback.
 *
 * A write waits for a lock as configured (30 s, then three times more after 0.1, 0.2 and 0.4 s);
 * when it returns TEL_OK it is on the disk.
 */
TEL_API tel_error tel_database_open(tel_database **out, const char *path, const tel_config *config,
                                    tel_fault *fault);
TEL_API void tel_database_free(tel_database *database);

/* Insert a record; it must give agent_name and job_type. event_id, run_id, created_at, start_time
 * and status are filled in when not given, also in `record`, so that it may be inserted again when
 * this failed. TEL_E_EXISTS when the event_id is stored already: nothing is stored twice. */
TEL_API tel_error tel_database_insert_run(tel_database *database, tel_record *record,
                                          tel_fault *fault);

/* Update the run with the record's event_id (or, without one, the newest of its run_id): every
 * field given but the ids. TEL_E_NOT_FOUND when there is no such run. */
TEL_API tel_error tel_database_update_run(tel_database *database, const tel_record *record,
                                          tel_fault *fault);

/* Get the run with this event_id, or the newest with this run_id. Release with tel_record_free(). */
TEL_API tel_error tel_database_get_run(tel_record **out, tel_database *database, const char *id,
                                       tel_fault *fault);

/* Note that a run (by event_id or run_id) was exported, at `posted_at` (NULL: now), or that an
 * attempt to export it failed. */
TEL_API tel_error tel_database_mark_api_posted(tel_database *database, const char *id,
                                               const char *posted_at, tel_fault *fault);
TEL_API tel_error tel_database_increment_api_retry_count(tel_database *database, const char *id,
                                                         tel_fault *fault);

/* Receive one record; borrowed during the call. Return non-zero to stop. */
typedef int tel_record_fn(void *arg, const tel_record *record);

/* Hand up to `limit` (at most 1000) ended runs that were not exported yet to `each`, oldest first.
 * `each` may use the database. */
TEL_API tel_error tel_database_get_pending_api_posts(tel_database *database, size_t limit,
                                                     tel_record_fn *each, void *arg,
                                                     tel_fault *fault);

/* Count the runs of the database. */
TEL_API tel_error tel_database_get_run_stats(tel_database *database, tel_run_stats *out,
                                             tel_fault *fault);

/* Check the file: quickly, or (full != 0) with every index against its table. TEL_OK when sound,
 * TEL_E_CORRUPT with the first finding in `fault` when not. */
TEL_API tel_error tel_database_check_integrity(tel_database *database, int full, tel_fault *fault);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: MIT
 *
 * The host's own state, over each public call: errno, signal handlers and mask, umask, working
 * directory, locale, limits, environment, standard streams. In a child that has its standard
 * descriptors, and in one that has closed them, where none of ours may take their place.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "client/reporter.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/sanitizers.h"
#include "support/scratch.h"
#include "support/service_stub.h"

#define HOSTS_ERRNO 4242
#define LIMITS RLIM_NLIMITS
#define CHANGES_STATUS 3
#define PATIENCE_MS 10000

/* ---- What the host looks at -------------------------------------------------------------------- */

struct host {
    sigset_t mask;
    void (*handlers[NSIG])(int);
    struct rlimit limits[LIMITS];
    uint64_t environment;
    mode_t umask;
    int cancel;
    bool is_open[3]; /* descriptors 0 to 2 */
    size_t descriptors;
    char cwd[4096];
    char locale[100];
};

static uint64_t hash_environment(void)
{
    uint64_t hash = 0;

    for (char **entry = environ; *entry; entry++)
        hash = hash * 31 + text_hash(*entry);
    return hash;
}

/* SQLite puts /dev/null, for reading, where it finds a standard descriptor closed. */
static bool is_nothing(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 || flags & O_PATH || (flags & O_ACCMODE) == O_RDONLY;
}

static void count_descriptors(struct host *host)
{
    host->descriptors = 0;
    for (int fd = 0; fd < 1024; fd++) {
        bool is_open = fcntl(fd, F_GETFD) >= 0;

        if (fd < 3)
            host->is_open[fd] = is_open && !is_nothing(fd);
        else
            host->descriptors += is_open;
    }
}

static struct host observe(void)
{
    struct host host;

    memset(&host, 0, sizeof host); /* the padding is compared too */
    (void)pthread_sigmask(SIG_BLOCK, NULL, &host.mask);
    for (int i = 1; i < NSIG; i++) {
        struct sigaction action;

        if (sigaction(i, NULL, &action) == 0)
            host.handlers[i] = action.sa_handler;
    }
    for (unsigned i = 0; i < LIMITS; i++)
        (void)getrlimit((__rlimit_resource_t)i, &host.limits[i]);
    host.environment = hash_environment();
    host.umask = umask(0);
    (void)umask(host.umask);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &host.cancel);
    (void)pthread_setcancelstate(host.cancel, NULL);
    count_descriptors(&host);
    (void)!getcwd(host.cwd, sizeof host.cwd);
    (void)snprintf(host.locale, sizeof host.locale, "%s", setlocale(LC_ALL, NULL));
    return host;
}

/* ---- A child that calls everything --------------------------------------------------------------- */

static struct {
    FILE *complaints; /* as its stderr may be closed */
    struct host before;
} child;

/* What a thread of ours opens is given the lowest free number, and moved up from there: so it is in the
 * place of a standard descriptor for a moment, in which it may be seen. Nothing stays there. */
static void await_own_standard_descriptors(struct host *host)
{
    const bool *now = host->is_open;
    size_t size = sizeof host->is_open;

    for (int i = 0; memcmp(now, child.before.is_open, size) != 0 && i < PATIENCE_MS; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        count_descriptors(host);
    }
}

/* Between calls a client has descriptors of its own. */
static void check(const char *call)
{
    int error = errno;
    struct host after = observe();
    struct host expected = child.before;

    await_own_standard_descriptors(&after);
    expected.descriptors = after.descriptors;
    if (error == HOSTS_ERRNO && memcmp(&after, &expected, sizeof after) == 0)
        return;
    (void)fprintf(child.complaints, "%s: errno is %d, umask %o, cwd %s, open: %d %d %d\n", call,
                  error, (unsigned)after.umask, after.cwd, after.is_open[0], after.is_open[1],
                  after.is_open[2]);
    (void)fflush(child.complaints);
    _exit(CHANGES_STATUS);
}

#define CALL(call)           \
    do {                     \
        errno = HOSTS_ERRNO; \
        (void)(call);        \
        check(#call);        \
    } while (0)

static int body(tel_run *run, void *arg)
{
    (void)arg;
    CALL(tel_run_set(run, "product", "x"));
    errno = HOSTS_ERRNO; /* what a body leaves there is the host's own */
    return 0;
}

static int take_text(void *arg, const char *text)
{
    (void)arg;
    (void)text;
    return 0;
}

static int take_record(void *arg, const tel_record *record)
{
    (void)arg;
    (void)record;
    return 0;
}

static void use_run(tel_client *client)
{
    tel_run *run = NULL;
    tel_run *inner = NULL;

    CALL(tel_run_start(&run, client,
                       TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "mine")));
    CALL(tel_run_start_child(&inner, run, TEL_FIELDS(.agent_name = "b", .job_type = "j")));
    CALL(tel_run_id(run));
    CALL(tel_run_event_id(run));
    CALL(tel_run_log_event(run, "e", "x"));
    CALL(tel_run_log_pairs(run, "e", TEL_PAIRS(TEL_TEXT("k", "v"), TEL_REAL("r", 0.5))));
    CALL(tel_run_set_metrics(run, TEL_FIELDS(.product = "x", .items_failed = -1)));
    CALL(tel_run_set(run, "items_failed", "99999999999999999999"));
    CALL(tel_run_set_int(run, "items_failed", 1));
    CALL(tel_run_fail(inner, "why"));
    CALL(tel_run_associate_commit(run, "0123456789", "ci", NULL, NULL));
    CALL(tel_run_end(&inner, NULL, NULL));
    CALL(tel_run_end(&run, NULL, NULL));
    CALL(run = tel_run_enter(client, TEL_FIELDS(.agent_name = "a", .job_type = "j")));
    CALL(tel_run_leave(&run));
}

static void use_client(const tel_config *config)
{
    tel_client_stats stats = {.size = sizeof stats};
    char run_id[TEL_RUN_ID_SIZE];
    tel_client *client = NULL;
    tel_fault fault;

    CALL(tel_client_new(&client, config));
    use_run(client);
    CALL(tel_client_start_run(client, run_id, "a", "j", NULL));
    CALL(tel_client_log_event(client, run_id, "e", NULL));
    CALL(tel_client_log_pairs(client, run_id, "e", TEL_PAIRS(TEL_TEXT("k", "v"))));
    CALL(tel_client_end_run(client, run_id, NULL, NULL));
    CALL(tel_client_associate_commit(client, "mine", "0123456789", "ci", NULL, NULL));
    CALL(tel_client_track_run(client, "a", "j", NULL, body, NULL));
    CALL(tel_client_get_stats(client, &stats, &fault));
    CALL(tel_client_flush(client, 50, &fault));
    CALL(tel_client_free(client));
}

static void use_models(tel_record **record)
{
    tel_api_payload *payload = NULL;
    tel_record *copy = NULL;
    tel_event *event = NULL;
    char time[TEL_TIMESTAMP_SIZE];
    char run_id[TEL_RUN_ID_SIZE];
    char *json = NULL;
    int64_t ms;

    CALL(tel_strerror(TEL_E_IO));
    CALL(tel_version());
    CALL(tel_generate_run_id(run_id, "a"));
    CALL(tel_get_iso8601_timestamp(time));
    CALL(tel_calculate_duration_ms(&ms, time, "x"));
    CALL(tel_normalize_status("ok"));
    CALL(tel_record_new(record,
                        TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = "e",
                                   .run_id = "r", .start_time = "2025-12-10T12:00:00Z"),
                        NULL));
    CALL(tel_record_set(*record, "items_failed", "99999999999999999999", NULL));
    CALL(tel_record_set_int(*record, "items_failed", 1, NULL));
    CALL(tel_record_get(*record, "product"));
    CALL(tel_record_get_int(*record, "items_failed"));
    CALL(tel_record_fields(*record));
    CALL(tel_record_to_json(&json, *record));
    CALL(tel_record_from_json(&copy, json, NULL));
    CALL(tel_free(json));
    CALL(tel_record_free(copy));
    CALL(tel_event_new(&event, "r", "e", "{}", NULL));
    CALL(tel_event_get(event, "run_id"));
    CALL(tel_event_to_json(&json, event));
    CALL(tel_event_free(event));
    CALL(tel_event_from_json(&event, json, NULL));
    tel_event_free(event);
    tel_free(json);
    CALL(tel_api_payload_from_run_record(&payload, *record));
    CALL(tel_api_payload_get(payload, "run_id"));
    CALL(tel_api_payload_get_int(payload, "items_failed"));
    CALL(tel_api_payload_to_json(&json, payload));
    CALL(tel_api_payload_free(payload));
    CALL(tel_api_payload_from_json(&payload, "{", NULL));
    tel_free(json);
}

static void use_delivery(const tel_config *config, const char *url, const tel_record *record)
{
    const tel_record *records[] = {record, record};
    tel_http_client *http = NULL;
    tel_buffer *buffer = NULL;
    tel_ndjson *ndjson = NULL;
    tel_sync_report report;
    tel_file_info info;
    char *metrics = NULL;
    size_t skipped;

    CALL(tel_ndjson_new(&ndjson, NULL, config));
    CALL(tel_ndjson_append(ndjson, "{}", NULL));
    CALL(tel_ndjson_list_files(ndjson, take_text, NULL, NULL));
    CALL(tel_ndjson_read_file(ndjson, NULL, take_text, NULL, &skipped, NULL));
    CALL(tel_ndjson_get_file_info(ndjson, NULL, &info, NULL));
    CALL(tel_ndjson_free(ndjson));
    CALL(tel_http_client_new(&http, url, config, NULL));
    CALL(tel_http_client_post_event(http, record, NULL, NULL));
    CALL(tel_http_client_patch_event(http, "e", record, NULL));
    CALL(tel_http_client_post_batch(http, records, 2, NULL, NULL, NULL));
    CALL(tel_http_client_associate_commit(http, "e", "0123abc", "ci", NULL, NULL, NULL));
    CALL(tel_http_client_check_health(http, NULL));
    CALL(tel_http_client_get_metrics(&metrics, http, NULL));
    CALL(tel_buffer_new(&buffer, NULL, config));
    CALL(tel_buffer_append(buffer, record, NULL));
    CALL(tel_buffer_append_update(buffer, "e", record, NULL));
    CALL(tel_buffer_force_rotate(buffer, NULL));
    CALL(tel_buffer_sync(buffer, http, 50, &report, NULL));
    CALL(tel_buffer_free(buffer));
    CALL(tel_http_client_free(http));
}

static void use_database(const tel_config *config, tel_record *record)
{
    tel_database *database = NULL;
    tel_record *found = NULL;
    tel_run_stats stats;

    CALL(tel_database_open(&database, NULL, config, NULL));
    CALL(tel_database_insert_run(database, record, NULL));
    CALL(tel_database_update_run(database, record, NULL));
    CALL(tel_database_get_run(&found, database, "e", NULL));
    tel_record_free(found);
    CALL(tel_database_mark_api_posted(database, "e", NULL, NULL));
    CALL(tel_database_increment_api_retry_count(database, "e", NULL));
    CALL(tel_database_get_pending_api_posts(database, 9, take_record, NULL, NULL));
    CALL(tel_database_get_run_stats(database, &stats, NULL));
    CALL(tel_database_check_integrity(database, 1, NULL));
    CALL(tel_database_free(database));
}

static void use_export(const tel_config *config)
{
    tel_api_client *client = NULL;
    tel_api_payload *payload = NULL;

    (void)tel_api_payload_from_json(&payload, "{\"run_id\":\"r\"}", NULL);
    CALL(tel_api_client_new(&client, config));
    CALL(tel_api_client_test_connection(client, NULL));
    CALL(tel_api_client_post_run_sync(client, payload, NULL));
    CALL(tel_api_client_post_run_async(client, payload, NULL, NULL, NULL));
    CALL(tel_api_client_free(client));
    tel_api_payload_free(payload);
}

static void use_everything(const char *url, const char *mode, const char *background)
{
    tel_config *config = NULL;
    tel_record *record = NULL;

    CALL(tel_config_new(&config));
    CALL(tel_config_set(config, "TELEMETRY_API_URL", url));
    CALL(tel_config_set(config, "TELEMETRY_MODE", mode));
    CALL(tel_config_set(config, "TELEMETRY_BACKGROUND", background));
    CALL(tel_config_set(config, "GOOGLE_SHEETS_API_ENABLED", "true"));
    CALL(tel_config_set(config, "GOOGLE_SHEETS_API_URL", url));
    CALL(tel_config_set(config, "max_retries", "0"));
    CALL(tel_config_set(config, "timeout", "0.1"));
    CALL(tel_config_set(config, "none", "x"));
    CALL(tel_config_get(config, "TELEMETRY_MODE"));
    CALL(tel_config_set_log(config, NULL, NULL));
    CALL(tel_config_validate(config, NULL, NULL));
    use_client(config);
    use_models(&record);
    use_delivery(config, url, record);
    use_database(config, record);
    use_export(config);
    CALL(tel_record_free(record));
    CALL(tel_config_free(config));
}

static void handle(int signal_number)
{
    (void)signal_number;
}

/* The host: what it has is not what everybody has, so that a default that is put back shows. */
static void become_host(const char *scratch)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)pthread_sigmask(SIG_SETMASK, &set, NULL);
    (void)signal(SIGUSR2, handle);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)umask(0027);
    if (chdir(scratch))
        _exit(1);
}

/* In the end, when none of our threads is left: but for SQLite's /dev/null. */
static bool has_its_standard_descriptors(bool closed_them)
{
    struct stat status;
    bool has = true;

    for (int fd = 0; fd < 3; fd++) {
        bool is_open = fstat(fd, &status) == 0;

        has &= is_open != closed_them || (is_open && S_ISCHR(status.st_mode) && is_nothing(fd) &&
                                          status.st_rdev == makedev(1, 3));
    }
    return has;
}

static int status_of(const char *scratch, bool closes_stdio, const char *url, const char *mode,
                     const char *background)
{
    CLEANUP(freep) char *path = scratch_path(scratch, "complaints");
    CLEANUP(freep) char *text = NULL;
    int status = -1;
    pid_t pid;

    (void)fflush(NULL);
    pid = fork();
    if (pid == 0) {
        struct host after;

        (void)alarm(60);
        child.complaints = fopen(path, "we");
        become_host(scratch);
        for (int fd = 0; closes_stdio && fd < 3; fd++)
            (void)close(fd);
        child.before = observe();
        use_everything(url, mode, background);
        after = observe();
        if (!has_its_standard_descriptors(closes_stdio))
            _exit(5);
        _exit(after.descriptors == child.before.descriptors ? 0 : 4);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    text = scratch_read(path);
    if (*text)
        print_message("%s", text);
    return status;
}

/* ---- With and without a service ------------------------------------------------------------------ */

static void hang_up(struct peer *peer, int fd, void *arg)
{
    (void)arg;
    (void)peer_read_request(peer, fd, NULL);
}

static void assert_keeps_state(struct world *world, bool closes_stdio)
{
    struct service_stub service = {.requests = STRBUF(10000000)};
    struct peer *there = peer_start(service_stub, &service);
    struct peer *peer = peer_start(hang_up, NULL);
    struct peer *refused = peer_start(NULL, NULL);
    const char *away = peer_url(refused);
    const char *scratch = world->scratch;

    assert_int_equal(status_of(scratch, closes_stdio, peer_url(there), "service", "false"), 0);
    assert_int_equal(status_of(scratch, closes_stdio, peer_url(peer), "service", "false"), 0);
    assert_int_equal(status_of(scratch, closes_stdio, away, "service", "false"), 0);
    assert_int_equal(status_of(scratch, closes_stdio, away, "service", "true"), 0);
    assert_int_equal(status_of(scratch, closes_stdio, away, "embedded", "false"), 0);
    assert_int_equal(status_of(scratch, closes_stdio, away, "embedded", "true"), 0);
    peer_stop(refused);
    peer_stop(peer);
    peer_stop(there);
    strbuf_clear(&service.requests);
}

static void host__is_as_before_after_every_call(void **state)
{
    if (!ALLOCATOR_SURVIVES_FORK || !CHILD_MAY_START_THREADS)
        skip();
    assert_keeps_state(*state, /* closes_stdio= */ false);
}

static void host__that_closed_its_standard_descriptors_finds_none_of_ours_there(void **state)
{
    if (!ALLOCATOR_SURVIVES_FORK || !CHILD_MAY_START_THREADS)
        skip();
    assert_keeps_state(*state, /* closes_stdio= */ true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(host__is_as_before_after_every_call),
        TEST(host__that_closed_its_standard_descriptors_finds_none_of_ours_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * telemetryd: takes runs over HTTP and keeps them in one SQLite database.
 *
 * The order of the start is the order in which others are protected: configuration, lock, database,
 * and only then a socket. The end goes the other way, and loses nothing that was accepted.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_store.h"
#include "daemon/adopter.h"
#include "daemon/exporter.h"
#include "daemon/log_file.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/reload.h"
#include "daemon/secrets.h"
#include "daemon/settings.h"
#include "daemon/signals.h"
#include "http/listeners.h"
#include "http/server.h"
#include "service/router.h"
#include "service/service.h"
#include "store/lock.h"

#define READERS (SERVER_THREADS + 1) /* one more for the export */
#define LOCK_WAIT_MS 2000            /* for a command that is emptying the buffer */
#define FINISH_WAIT_MS 3000          /* for requests that are under way at the end */
#define SEND_WAIT_MS 1000            /* for the last answers, on their way to whoever takes them */
#define KEPT_BYTES (32 << 20)        /* of memory that large answers took */
#define CHECK_BYTES_MAX (16 << 20)
#define START_TIME "EXTEND_TIMEOUT_USEC=3600000000" /* an old database may take long to bring up */

/* Everything that is started, in the order in which it is. */
struct telemetryd {
    tel_config *config;
    char host_name[256];
    struct store_options store_options;
    struct writer_lock lock;
    struct recovery recovery;
    struct listeners listeners;
    struct server *server;
    struct adopter *adopter;
    struct exporter *exporter; /* NULL: the export is off */
    struct service service;
};

/* ---- Start ----------------------------------------------------------------------------------- */

static void print_fault(void *arg, tel_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    (void)fprintf(stderr, "telemetryd: %s\n", message);
}

static tel_error configure(struct telemetryd *telemetryd, tel_fault *fault)
{
    const struct tel_config *config = telemetryd->config;
    struct service *service = &telemetryd->service;
    char *token;

    logger_set_level(&service->logger, config_text(config, CONFIG_TELEMETRY_LOG_LEVEL));
    service->started_us = clock_now_us();
    service->database = config_text(config, CONFIG_TELEMETRY_DB_PATH);
    service->buffer_directory = config_text(config, CONFIG_TELEMETRY_BUFFER_DIR);
    service->reads_need_token = config_bool(config, CONFIG_TELEMETRY_API_AUTH_READS);
    telemetryd->store_options = config_store_options(config);
    telemetryd->store_options.migrates = true;
    telemetryd->store_options.log = logger_as_log(&service->logger);
    if (gethostname(telemetryd->host_name, sizeof telemetryd->host_name - 1))
        telemetryd->host_name[0] = '\0';
    if (settings_token(&token, config, fault))
        return fault->code;
    service->auth.is_on = token != NULL;
    auth_set_token(&service->auth, token);
    if (!config_bool(config, CONFIG_TELEMETRY_RATE_LIMIT_ENABLED))
        return TEL_OK;
    return rate_limiter_new(&service->limiter,
                            (unsigned)config_int(config, CONFIG_TELEMETRY_RATE_LIMIT_RPM), fault);
}

static tel_error open_log(const struct telemetryd *telemetryd, tel_fault *fault)
{
    const char *path = config_text(telemetryd->config, CONFIG_TELEMETRY_LOG_FILE);

    return path ? log_file_open(path, config_file_access(telemetryd->config), fault) : TEL_OK;
}

static tel_error take_lock(struct telemetryd *telemetryd, tel_fault *fault)
{
    const struct tel_config *config = telemetryd->config;

    return writer_lock_take(&telemetryd->lock, config_text(config, CONFIG_TELEMETRY_LOCK_FILE),
                            config_file_access(config), deadline_in(LOCK_WAIT_MS), fault);
}

/* Look at what the audit trail may have to tell, before the database is touched. That this fails keeps
 * nobody from being served. */
static void begin_recovery(struct telemetryd *telemetryd)
{
    const struct log *log = &telemetryd->store_options.log;
    tel_fault fault = {0};
    tel_error error = recovery_look(&telemetryd->recovery, telemetryd->config, log, &fault);

    if (!error)
        error = recovery_begin(&telemetryd->recovery, &fault);
    if (error)
        log_write(log, TEL_LOG_WARNING, "%s", fault.text);
}

/* Damage is best found before anything is added to it, but a large file takes too long to read. */
static tel_error check_store(struct store *store, tel_fault *fault)
{
    struct stat status;

    if (stat(store_path(store), &status) || status.st_size > CHECK_BYTES_MAX)
        return TEL_OK;
    return store_check(store, /* full= */ false, fault);
}

static tel_error open_store(struct telemetryd *telemetryd, tel_fault *fault)
{
    struct service *service = &telemetryd->service;
    struct store *store;
    tel_error error = store_open(&store, &telemetryd->store_options, fault);

    if (error)
        return error;
    error = check_store(store, fault);
    if (error) {
        store_close(store);
        return error;
    }
    (void)snprintf(service->journal_mode, sizeof service->journal_mode, "%s",
                   store_journal_mode(store));
    (void)snprintf(service->synchronous, sizeof service->synchronous, "%s",
                   store_synchronous(store));
    error = writer_start(&service->writer, store, &service->logger, fault);
    if (error)
        return error;
    return reader_new(&service->reader, &telemetryd->store_options, READERS, fault);
}

static tel_error open_listeners(struct telemetryd *telemetryd, tel_fault *fault)
{
    const struct tel_config *config = telemetryd->config;
    const struct listeners_options wanted = {
        .host = config_text(config, CONFIG_TELEMETRY_API_HOST),
        .port = (uint16_t)config_int(config, CONFIG_TELEMETRY_API_PORT),
        .socket = config_text(config, CONFIG_TELEMETRY_API_SOCKET),
        .access = config_file_access(config),
    };
    tel_error error = listeners_open(&telemetryd->listeners, &wanted, fault);

    /* Of an address the settings were checked; of inherited sockets it is known only now. */
    if (error || listeners_are_local(&telemetryd->listeners) || settings_allow_exposure(config))
        return error;
    return settings_fault_exposure(fault, telemetryd->listeners.hosts);
}

static struct peers_limits peer_limits(const struct tel_config *config)
{
    return (struct peers_limits){
        .connections_max = (unsigned)config_int(config, CONFIG_TELEMETRY_API_MAX_CONNECTIONS),
        .per_address_max =
            (unsigned)config_int(config, CONFIG_TELEMETRY_API_MAX_CONNECTIONS_PER_IP),
        .request_ms = config_int(config, CONFIG_TELEMETRY_API_REQUEST_TIMEOUT_SECONDS) * 1000,
        .idle_ms = config_int(config, CONFIG_TELEMETRY_API_IDLE_TIMEOUT_SECONDS) * 1000,
    };
}

static tel_error serve(struct telemetryd *telemetryd, tel_fault *fault)
{
    const struct tel_config *config = telemetryd->config;
    const struct server_options server_options = {
        .listeners = &telemetryd->listeners,
        .limits = peer_limits(config),
        .body_bytes_max = (size_t)config_int(config, CONFIG_TELEMETRY_API_MAX_BODY_MB) << 20,
        .header_bytes_max = (size_t)config_int(config, CONFIG_TELEMETRY_API_MAX_HEADER_KB) << 10,
        .greet = router_greet,
        .admit = router_admit,
        .handle = router_handle,
        .arg = &telemetryd->service,
        .logger = &telemetryd->service.logger,
    };

    telemetryd->service.visitors = (struct visitor_rules){
        .bound_hosts = telemetryd->listeners.hosts,
        .allowed_hosts = config_text(config, CONFIG_TELEMETRY_API_ALLOWED_HOSTS),
        .own_name = telemetryd->host_name,
        .is_loopback = listeners_are_local(&telemetryd->listeners),
    };
    return server_start(&telemetryd->server, &server_options, fault);
}

static tel_error start(struct telemetryd *telemetryd, tel_fault *fault)
{
    const struct tel_config *config = telemetryd->config;
    struct service *service = &telemetryd->service;
    tel_error error = configure(telemetryd, fault);

    if (!error)
        error = open_log(telemetryd, fault);
    if (!error)
        error = take_lock(telemetryd, fault);
    notify_send("STATUS=Opening the database\n" START_TIME);
    if (!error) {
        begin_recovery(telemetryd);
        error = open_store(telemetryd, fault);
    }
    if (!error)
        error = open_listeners(telemetryd, fault);
    if (!error)
        error = serve(telemetryd, fault);
    if (!error)
        error = adopter_start(&telemetryd->adopter, config, service->writer, &telemetryd->recovery,
                              &service->logger, fault);
    if (!error)
        error = exporter_start(&telemetryd->exporter, config, service->reader, service->writer,
                               &service->logger, fault);
    return error;
}

static void print_addresses(const struct telemetryd *telemetryd)
{
    const struct listeners *listeners = &telemetryd->listeners;
    char url[LISTENERS_URL_SIZE];

    for (size_t i = 0; i < listeners->count; i++) {
        listeners_write_url(url, &listeners->items[i]);
        (void)fprintf(stderr, "telemetryd: listening on %s\n", url);
    }
    (void)fprintf(stderr, "telemetryd: database %s\n", telemetryd->service.database);
    (void)fflush(stderr);
}

/* ---- End ------------------------------------------------------------------------------------- */

/* Also ends what was only half started. */
static void stop(struct telemetryd *telemetryd)
{
    struct service *service = &telemetryd->service;

    if (telemetryd->server) {
        server_quiesce(telemetryd->server);
        (void)server_wait_idle(telemetryd->server, deadline_in(FINISH_WAIT_MS));
    }
    exporter_stop(telemetryd->exporter);
    adopter_stop(telemetryd->adopter);
    writer_stop(service->writer);
    if (telemetryd->server) {
        (void)server_wait_idle(telemetryd->server, deadline_in(SEND_WAIT_MS));
        server_stop(telemetryd->server);
    }
    listeners_close(&telemetryd->listeners);
    reader_free(service->reader);
    writer_free(service->writer);
    rate_limiter_free(service->limiter);
    recovery_end(&telemetryd->recovery);
    recovery_clear(&telemetryd->recovery);
    writer_lock_release(&telemetryd->lock);
    auth_clear(&service->auth);
    tel_config_free(telemetryd->config);
    secrets_are_gone();
}

/* ---- Between --------------------------------------------------------------------------------- */

/* Systemd is told that we are alive as long as the writer's lock is to be had: a writer that waits for
 * a disk is not helped by being ended. */
static void serve_until_end(struct telemetryd *telemetryd)
{
    int64_t watchdog_ms = notify_watchdog_ms();
    enum signal_wish wish;

    notify_send("READY=1\nSTATUS=Serving");
    while ((wish = signals_wait(watchdog_ms)) != WISH_END) {
        if (wish == WISH_RELOAD) {
            notify_reloading();
            reload(telemetryd->config, &telemetryd->service);
            notify_send("READY=1");
        }
        (void)writer_health(telemetryd->service.writer, NULL);
        notify_send("WATCHDOG=1");
    }
    notify_send("STOPPING=1\nSTATUS=Finishing what was accepted");
    signals_unblock();
}

/* What a large answer took is kept for the next one: to be given each page again by the system costs
 * more than to fill it, on virtual machines several times as much. */
static void keep_memory(void)
{
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void)mallopt(M_MMAP_THRESHOLD, KEPT_BYTES / 2); /* what is larger still is given back */
}

int main(int argc, char **argv)
{
    struct telemetryd telemetryd = {.lock = WRITER_LOCK(), .service.auth = AUTH()};
    struct options options = {0};
    tel_fault fault = {0};
    size_t faults;
    tel_error error;

    keep_memory();
    signals_block();
    if (tel_config_new(&telemetryd.config)) {
        print_fault(NULL, TEL_LOG_ERROR, "out of memory");
        return EXIT_FAILURE;
    }
    options.config = telemetryd.config;
    options_parse(&options, argc, argv);
    if (options.check_only)
        settings_print(telemetryd.config, stdout);
    faults = settings_check(telemetryd.config, print_fault, NULL);
    if (faults || options.check_only) {
        tel_config_free(telemetryd.config);
        return faults ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    secrets_hide(telemetryd.config);
    (void)umask(config_file_access(telemetryd.config) == FILE_GROUP_TOO ? 0007 : 0077);
    error = start(&telemetryd, &fault);
    if (error) {
        print_fault(NULL, TEL_LOG_ERROR, fault.text);
    } else {
        print_addresses(&telemetryd);
        serve_until_end(&telemetryd);
    }
    stop(&telemetryd);
    return error ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT
 *
 * What recording costs the thread that calls, and what it is compared with. Uses the public header
 * alone, as a host program does.
 *
 *   bench_client MEASURE COUNT [ARGUMENT]
 *
 * Prints one line a sample: what was measured and nanoseconds (or, for memory, bytes). The client is
 * configured by the environment. bench/run says what is run beside what.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <telemetry.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 600 /* what an event with its payload takes in the audit trail */
#define SAMPLES_MAX 2000000

static struct sample {
    const char *what;
    int64_t value;
} * samples;
static size_t sample_count;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void note(const char *what, int64_t value)
{
    if (sample_count < SAMPLES_MAX)
        samples[sample_count++] = (struct sample){what, value};
}

static tel_client *connect_client(void)
{
    tel_client *client;

    if (tel_client_new(&client, NULL))
        fail("tel_client_new");
    return client;
}

/* ---- The disk and the socket, without us ------------------------------------------------------ */

/* What an append costs at least, in a file of its own. */
static void append_and_sync(int fd)
{
    static char line[LINE_BYTES];
    int64_t began;

    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    began = now_ns();
    if (write(fd, line, sizeof line) != sizeof line || fsync(fd))
        fail("append");
    note("append_and_sync", now_ns() - began);
}

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* Read one answer of the service; its bodies are small and come with their head. */
static void read_answer(int fd)
{
    char answer[4096];
    ssize_t length = recv(fd, answer, sizeof answer - 1, 0);

    if (length < 12 || memcmp(answer + 9, "201", 3) != 0)
        fail("the service did not answer 201");
}

/* The same POST as a client sends, through a bare socket that stays connected. */
static void post_by_socket(int fd)
{
    char request[4096];
    char body[2048];
    char run_id[TEL_RUN_ID_SIZE];
    int64_t began;
    int length;

    tel_generate_run_id(run_id, "bench");
    snprintf(body, sizeof body,
             "{\"event_id\":\"%08lx-%08lx-%08lx-%08lx\",\"run_id\":\"%s\","
             "\"created_at\":\"2025-12-10T12:05:30.000000+00:00\",\"start_time\":"
             "\"2025-12-10T12:05:30.000000+00:00\",\"agent_name\":\"bench\",\"job_type\":\"j\","
             "\"status\":\"running\",\"git_repo\":\"https://example.org/o/words\",\"git_branch\":"
             "\"main\",\"git_run_tag\":\"words/main\",\"host\":\"bench\",\"trigger_type\":\"cli\"}",
             random(), random(), random(), random(), run_id);
    length = snprintf(request, sizeof request,
                      "POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                      "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                      strlen(body), body);
    began = now_ns();
    if (send(fd, request, (size_t)length, MSG_NOSIGNAL) != length)
        fail("send");
    read_answer(fd);
    note("post_by_socket", now_ns() - began);
}

/* ---- The library ------------------------------------------------------------------------------ */

/* Each beside a bare append: the disk is now faster, now slower. */
static void log_event(long count, const char *bare_path)
{
    tel_client *client = connect_client();
    int fd = open(bare_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char payload[400];
    tel_run *run;

    snprintf(payload, sizeof payload, "{\"text\":\"%0*d\"}", (int)sizeof payload - 20, 7);
    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "bench", .job_type = "j"));
    for (long i = 0; i < count; i++) {
        int64_t began;

        append_and_sync(fd);
        began = now_ns();
        tel_run_log_event(run, "page_done", payload);
        note("log_event", now_ns() - began);
    }
    tel_run_end(&run, NULL, NULL);
    tel_client_free(client);
    close(fd);
}

static void buffer_append(long count, const char *unused)
{
    tel_buffer *buffer;
    tel_record *record;

    (void)unused;
    if (tel_buffer_new(&buffer, NULL, NULL) ||
        tel_record_new(&record,
                       TEL_FIELDS(.event_id = "e", .run_id = "r", .agent_name = "bench",
                                  .job_type = "j", .start_time = "2025-12-10T12:05:30+00:00",
                                  .metrics_json = "{\"pages\":12,\"tokens\":34567}"),
                       NULL))
        fail("tel_buffer_new");
    for (long i = 0; i < count; i++) {
        int64_t began = now_ns();

        if (tel_buffer_append(buffer, record, NULL))
            fail("tel_buffer_append");
        note("buffer_append", now_ns() - began);
    }
    tel_record_free(record);
    tel_buffer_free(buffer);
}

/* With a port: each beside the same POST through a bare socket. */
static void start_and_end(long count, const char *port)
{
    tel_client *client = connect_client();
    int fd = port ? connect_to(atoi(port)) : -1;

    for (long i = 0; i < count; i++) {
        int64_t began;
        int64_t started;
        tel_run *run;

        if (port)
            post_by_socket(fd);
        began = now_ns();
        tel_run_start(&run, client, TEL_FIELDS(.agent_name = "bench", .job_type = "j"));
        started = now_ns();
        tel_run_end(&run, TEL_SUCCESS, TEL_FIELDS(.items_succeeded = 42));
        note("start_run", started - began);
        note("end_run", now_ns() - started);
    }
    tel_client_free(client);
    if (port)
        close(fd);
}

/* ---- Memory ----------------------------------------------------------------------------------- */

/* Memory of this process that no file backs. */
static int64_t anonymous_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    int64_t kilobytes = 0;
    char line[256];

    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "Anonymous: %" SCNd64, &kilobytes) == 1)
            break;
    }
    if (file)
        fclose(file);
    return kilobytes * 1024;
}

/* A client that has nothing to do, and one more: the first also pays for what its libraries set up. */
static void idle_client(long count, const char *unused)
{
    int64_t before = anonymous_bytes();
    int64_t with_one;
    tel_client *first;
    tel_client *second;

    (void)count;
    (void)unused;
    first = connect_client();
    with_one = anonymous_bytes();
    second = connect_client();
    note("first_client", with_one - before);
    note("second_client", anonymous_bytes() - with_one);
    tel_client_free(second);
    tel_client_free(first);
}

/* What memory has grown by between the first tenth of the runs and the last. */
static void growth(long count, const char *unused)
{
    tel_client *client = connect_client();
    int64_t after_a_tenth = 0;

    (void)unused;
    for (long i = 0; i < count; i++) {
        tel_run *run;

        tel_run_start(&run, client, TEL_FIELDS(.agent_name = "bench", .job_type = "j"));
        tel_run_log_event(run, "e", NULL);
        tel_run_end(&run, NULL, NULL);
        if (i == count / 10)
            after_a_tenth = anonymous_bytes();
    }
    note("growth", anonymous_bytes() - after_a_tenth);
    tel_client_free(client);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(long count, const char *argument);
    } measures[] = {
        {"log_event", log_event},
        {"buffer_append", buffer_append},
        {"start_and_end", start_and_end},
        {"idle_client", idle_client},
        {"growth", growth},
    };
    long count = argc > 2 ? atol(argv[2]) : 0;

    srandom((unsigned)getpid());
    samples = calloc(SAMPLES_MAX, sizeof *samples);
    if (!samples)
        fail("calloc");
    for (size_t i = 0; argc > 2 && i < sizeof measures / sizeof *measures; i++) {
        if (strcmp(argv[1], measures[i].name) == 0)
            measures[i].run(count, argc > 3 ? argv[3] : NULL);
    }
    for (size_t i = 0; i < sample_count; i++)
        printf("%s %" PRId64 "\n", samples[i].what, samples[i].value);
    free(samples);
    return sample_count > 0 ? 0 : 2;
}

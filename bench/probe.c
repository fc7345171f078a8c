/* SPDX-License-Identifier: MIT
 *
 * probe PORT FILE COUNT SECONDS - GET paths (the file's lines, in turn) over one connection, one
 * after the other: what one reader waits for. Any answer but 200 ends it.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "samples.h"

#define PATHS_MAX 20000
#define BUFFER_BYTES 65536
#define PATIENCE_SECONDS 120

static size_t read_paths(char **paths, const char *name)
{
    FILE *file = fopen(name, "r");
    char line[4096];
    size_t count = 0;

    if (!file)
        die(name);
    while (count < PATHS_MAX && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        paths[count] = strdup(line);
        if (!paths[count++])
            die("strdup");
    }
    (void)fclose(file);
    return count;
}

static int connect_to(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    int on = 1;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (s < 0 || connect(s, (struct sockaddr *)&address, sizeof address))
        die("connect");
    (void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return s;
}

static size_t receive(int s, char *buffer, size_t size)
{
    ssize_t count = recv(s, buffer, size, 0);

    if (count <= 0)
        die("recv");
    return (size_t)count;
}

static size_t content_length(const char *head)
{
    const char *header = strcasestr(head, "\r\nContent-Length:");

    if (strncmp(head, "HTTP/1.1 200", 12) != 0 || !header) {
        (void)fprintf(stderr, "probe: %s\n", head);
        exit(EXIT_FAILURE);
    }
    return strtoul(header + strlen("\r\nContent-Length:"), NULL, 10);
}

static void get(int s, const char *path)
{
    static char buffer[BUFFER_BYTES + 1];
    const char *end = NULL;
    size_t have = 0;
    size_t length;
    int bytes = snprintf(buffer, BUFFER_BYTES, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);

    if (send(s, buffer, (size_t)bytes, 0) != bytes)
        die("send");
    while (!end && have < BUFFER_BYTES) {
        have += receive(s, buffer + have, BUFFER_BYTES - have);
        buffer[have] = '\0';
        end = strstr(buffer, "\r\n\r\n");
    }
    length = end ? content_length(buffer) + (size_t)(end + 4 - buffer) : 0;
    while (have < length)
        have += receive(s, buffer, BUFFER_BYTES);
}

int main(int argc, char **argv)
{
    static char *paths[PATHS_MAX];
    struct samples samples;
    size_t path_count;
    size_t count;
    double seconds;
    int s;

    if (argc != 5) {
        (void)fputs("usage: probe PORT FILE COUNT SECONDS\n", stderr);
        return 2;
    }
    path_count = read_paths(paths, argv[2]);
    count = strtoul(argv[3], NULL, 10);
    seconds = strtod(argv[4], NULL);
    s = connect_to(argv[1]);
    samples = samples_new("get", count);
    for (size_t i = 0; i < count && (double)samples.total_ns < seconds * 1e9; i++) {
        int64_t began = now_ns();

        get(s, paths[i % path_count]);
        samples_add(&samples, now_ns() - began);
    }
    putchar('{');
    samples_print(&samples);
    puts("}");
    samples_free(&samples);
    for (size_t i = 0; i < path_count; i++)
        free(paths[i]);
    (void)close(s);
    return 0;
}

/* SPDX-License-Identifier: MIT */
#include "http/server_shape.h"

#include <string.h>

#include "http/server.h"

/* The last version that shows less than was sent. */
#define LENIENT_VERSION 0x00097500

struct scan {
    struct shape *shape;
    struct request_headers *headers;
};

static enum MHD_Result scan_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                   size_t name_size, const char *value, size_t value_size)
{
    struct scan *scan = arg;

    (void)kind;
    (void)name_size;
    (void)value_size;
    if (!value)
        value = "";
    framing_add(&scan->shape->framing, scan->headers, name, value);
    header_block_add(&scan->shape->block, name, value);
    return MHD_YES;
}

void shape_read(struct shape *shape, struct request_headers *headers,
                struct MHD_Connection *connection, const char *method, const char *uri,
                const char *version)
{
    struct scan scan = {.shape = shape, .headers = headers};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    *shape = (struct shape){.size = info ? info->header_size : 0};
    if (MHD_VERSION <= LENIENT_VERSION)
        header_block_init(&shape->block, method, strlen(uri), version, shape->size);
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, scan_header, &scan);
}

const char *shape_reason(unsigned status)
{
    switch (status) {
    case 414:
        return "the URL is too long: at most 8 KiB are taken";
    case 431:
        return "the request's headers are too large";
    case 505:
        return "the versions that are taken are HTTP/1.0 and HTTP/1.1";
    case 400:
        return "this is no HTTP: the request line, a header, its Content-Length or a chunk of its "
               "body is malformed";
    default:
        return "the request could not be read";
    }
}

static void refuse(struct exchange *exchange, int status, const char *reason)
{
    answer_detail(exchange, status, "%s", reason);
    exchange->answer.close = true;
}

bool shape_check(const struct shape *shape, struct exchange *exchange, const char *uri,
                 size_t header_bytes_max)
{
    tel_fault fault;

    if (framing_check(&shape->framing, &exchange->request.headers, &fault))
        refuse(exchange, 400, fault.text);
    else if (header_block_hides(&shape->block))
        refuse(exchange, 400, "the request line and the headers must be whole lines without NUL");
    else if (strlen(uri) > SERVER_URL_BYTES_MAX)
        refuse(exchange, 414, shape_reason(414));
    else if (shape->size > header_bytes_max)
        refuse(exchange, 431, shape_reason(431));
    else if (target_parse(&exchange->request.target, uri, &fault))
        refuse(exchange, fault.code == TEL_E_NOMEM ? 503 : 400, fault.text);
    else
        return true;
    return false;
}

/* SPDX-License-Identifier: MIT */
#include "http/gzip.h"

#include <limits.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "http/rest.h"

#define GZIP_ONLY (MAX_WBITS + 16) /* not zlib's own format, nor any */
#define PIECE_BYTES 65536
#define LEVEL 1 /* JSON of runs shrinks well at once; more costs more than it saves */

static void inflate_end(z_stream *stream)
{
    (void)inflateEnd(stream);
}

static void deflate_end(z_stream *stream)
{
    (void)deflateEnd(stream);
}

static void set_input(z_stream *stream, const void *bytes, size_t count)
{
    stream->next_in = (z_const Bytef *)(uintptr_t)bytes;
    stream->avail_in = (uInt)count;
}

/* Let the stream write one piece, and append it. */
static int step(z_stream *stream, int (*work)(z_stream *, int), int flush, struct strbuf *out)
{
    unsigned char piece[PIECE_BYTES];
    int result;

    stream->next_out = piece;
    stream->avail_out = sizeof piece;
    result = work(stream, flush);
    strbuf_append(out, piece, sizeof piece - stream->avail_out);
    return result;
}

static tel_error fault_of(const struct strbuf *out, int result, tel_fault *fault)
{
    if (strbuf_failed(out))
        return out->too_large ? fault_set(fault, TEL_E_TOO_LARGE, "it is too large when unpacked")
                              : fault_nomem(fault);
    if (result == Z_MEM_ERROR)
        return fault_nomem(fault);
    if (result != Z_STREAM_END)
        return fault_set(fault, TEL_E_INVALID, "it is no gzip, broken, or cut off");
    return TEL_OK;
}

tel_error gzip_unpack(struct strbuf *out, const void *bytes, size_t count, tel_fault *fault)
{
    CLEANUP(inflate_end) z_stream stream = {0};
    int result = Z_OK;
    tel_error error;

    if (count > UINT_MAX || inflateInit2(&stream, GZIP_ONLY) != Z_OK)
        return fault_nomem(fault);
    rest_now();
    set_input(&stream, bytes, count);
    while (result == Z_OK && !strbuf_failed(out))
        result = step(&stream, inflate, Z_NO_FLUSH, out);
    error = fault_of(out, result, fault);
    if (!error && stream.avail_in)
        error = fault_set(fault, TEL_E_INVALID, "something follows the end of the gzip");
    return error;
}

void gzip_pack(struct strbuf *out, const void *bytes, size_t count)
{
    CLEANUP(deflate_end) z_stream stream = {0};
    int result = Z_OK;

    if (count > UINT_MAX || deflateInit2(&stream, LEVEL, Z_DEFLATED, GZIP_ONLY, MAX_MEM_LEVEL,
                                         Z_DEFAULT_STRATEGY) != Z_OK) {
        out->failed = true;
        return;
    }
    rest_now();
    set_input(&stream, bytes, count);
    while (result == Z_OK && !strbuf_failed(out))
        result = step(&stream, deflate, Z_FINISH, out);
}

bool gzip_is_named(const char *content_encoding)
{
    return content_encoding && (strcasecmp(content_encoding, "gzip") == 0 ||
                                strcasecmp(content_encoding, "x-gzip") == 0);
}

/* Is the weight in "gzip; q=0.000" anything but zero? */
static bool has_weight(const char *parameters, size_t length)
{
    const char *end = parameters + length;
    const char *q = memchr(parameters, '=', length);

    return !q || q + 1 + strspn(q + 1, "0. \t") < end;
}

bool gzip_is_accepted(const char *accept_encoding)
{
    bool any = false;

    for (const char *item = accept_encoding; item && *item;) {
        size_t length = strcspn(item, ",");
        size_t name = strcspn(item, ",; \t");
        bool accepted = has_weight(item + name, length - name);

        if ((name == 4 && strncasecmp(item, "gzip", name) == 0) ||
            (name == 6 && strncasecmp(item, "x-gzip", name) == 0))
            return accepted;
        if (name == 1 && *item == '*')
            any = accepted;
        item += length;
        item += strspn(item, ", \t");
    }
    return any;
}

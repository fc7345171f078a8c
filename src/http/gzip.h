/* SPDX-License-Identifier: MIT
 *
 * Bodies in gzip (RFC 1952): what came so, and what is wanted so. The only user of zlib.
 */
#ifndef HTTP_GZIP_H
#define HTTP_GZIP_H

#include <stdbool.h>

#include "base/error.h"
#include "base/strbuf.h"

/* Unpack one member into an empty buffer. TEL_E_INVALID: it is broken, cut off, or has something
 * behind it. TEL_E_TOO_LARGE: it would exceed the buffer's maximum; nothing beyond it is unpacked. */
tel_error gzip_unpack(struct strbuf *out, const void *bytes, size_t count, tel_fault *fault);

/* Pack into an empty buffer. It fails as any buffer does. */
void gzip_pack(struct strbuf *out, const void *bytes, size_t count);

/* Does a Content-Encoding header (may be NULL) say gzip? */
bool gzip_is_named(const char *content_encoding);

/* May the answer to this Accept-Encoding header (may be NULL) be packed? */
bool gzip_is_accepted(const char *accept_encoding);

#endif

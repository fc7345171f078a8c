/* SPDX-License-Identifier: MIT
 *
 * What is inside of a tel_http_client.
 */
#ifndef DELIVER_HTTP_PUBLIC_H
#define DELIVER_HTTP_PUBLIC_H

#include "deliver/http.h"

struct tel_http_client {
    struct http *http;
    int64_t budget_ms;
};

#endif

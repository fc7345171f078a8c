/* SPDX-License-Identifier: MIT
 *
 * What is exported to Google Sheets: a record cut down to the sheet's columns.
 */
#ifndef MODEL_PAYLOAD_H
#define MODEL_PAYLOAD_H

#include "base/strbuf.h"
#include "model/record.h"

struct tel_api_payload {
    struct tel_record record;
};

/* For locals: CLEANUP(payload_freep) struct tel_api_payload *payload = NULL; */
static inline void payload_freep(struct tel_api_payload **payload)
{
    tel_api_payload_free(*payload);
}

/* Append as one flat JSON object without nulls. */
void payload_write_object(struct strbuf *buf, const struct tel_api_payload *payload);

/* Append the cells of all columns, in the sheet's order, as a JSON array; "" where nothing was given. */
void payload_write_row(struct strbuf *buf, const struct tel_api_payload *payload);

#endif

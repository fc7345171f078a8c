/* SPDX-License-Identifier: MIT
 *
 * What a run looks like to people: its status as a sign and a word, how long it took, its items.
 */
#ifndef CLI_RUN_TEXT_H
#define CLI_RUN_TEXT_H

#include "cli/screen.h"
#include "cli/when.h"
#include "model/record.h"

#define RUN_TEXT_BYTES_MAX ((size_t)512 * 1024 * 1024) /* of runs, in whatever form */

/* Return the style that a status is shown in. */
enum style run_status_style(const struct tel_record *run);

/* Append the status as a sign and a short word: "✗ fail", or without UTF-8 "F fail". */
void run_append_status(struct strbuf *buf, const struct tel_record *run,
                       const struct screen *screen);

/* Append the sign alone. */
void run_append_sign(struct strbuf *buf, const char *status, const struct screen *screen);

/* Append how long it took; "7m00s…" while it runs. */
void run_append_took(struct strbuf *buf, const struct tel_record *run, const struct screen *screen,
                     const struct when_context *when);

/* Append the items as succeeded/failed/skipped, or a dash when nothing was counted. */
void run_append_items(struct strbuf *buf, const struct tel_record *run,
                      const struct screen *screen);

#endif

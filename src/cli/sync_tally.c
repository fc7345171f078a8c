/* SPDX-License-Identifier: MIT */
#include "cli/sync_tally.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/escape.h"

void sync_tally_add(struct sync_tally *tally, const struct sync_report *report)
{
    struct sync_report *total = &tally->total;

    total->files += report->files;
    total->busy += report->busy;
    total->created += report->created;
    total->updated += report->updated;
    total->duplicates += report->duplicates;
    total->carried += report->carried;
    total->rejected += report->rejected;
}

void sync_tally_note_reason(void *arg, const char *reason)
{
    struct sync_tally *tally = arg;
    char text[TALLY_REASON_BYTES];

    (void)snprintf(text, sizeof text, "%s", reason);
    for (size_t i = 0; i < tally->reason_count; i++) {
        if (strcmp(tally->reasons[i].text, text) == 0) {
            tally->reasons[i].count++;
            return;
        }
    }
    if (tally->reason_count == TALLY_REASONS_MAX) {
        tally->other_reasons++;
        return;
    }
    memcpy(tally->reasons[tally->reason_count].text, text, sizeof text);
    tally->reasons[tally->reason_count++].count = 1;
}

/* ---- For people ------------------------------------------------------------------------------ */

static void append_reasons(struct strbuf *buf, const struct sync_tally *tally)
{
    for (size_t i = 0; i < tally->reason_count; i++) {
        strbuf_printf(buf, "  %zu rejected: ", tally->reasons[i].count);
        escape_append(buf, tally->reasons[i].text, ESCAPE_LINE);
        strbuf_putc(buf, '\n');
    }
    if (tally->other_reasons)
        strbuf_printf(buf, "  %zu rejected for other reasons\n", tally->other_reasons);
}

static void append_files(struct strbuf *buf, const struct sync_tally *tally)
{
    const struct sync_report *total = &tally->total;

    if (total->files == 0)
        return;
    strbuf_printf(buf, "%zu file%s: %zu sent, %zu updated, %zu duplicate, %zu rejected",
                  total->files, total->files == 1 ? "" : "s", total->created, total->updated,
                  total->duplicates, total->rejected);
    if (total->carried)
        strbuf_printf(buf, ", %zu waiting for their runs", total->carried);
    strbuf_puts(buf, ".\n");
    append_reasons(buf, tally);
}

static void append_exports(struct strbuf *buf, const struct export_report *exports)
{
    if (exports->exported || exports->refused)
        strbuf_printf(buf, "%zu run%s exported, %zu refused.\n", exports->exported,
                      exports->exported == 1 ? "" : "s", exports->refused);
}

void sync_tally_append_text(struct strbuf *buf, const struct sync_tally *tally)
{
    append_files(buf, tally);
    if (tally->recovered)
        strbuf_printf(buf, "%zu run%s brought in from the audit trail.\n", tally->recovered,
                      tally->recovered == 1 ? "" : "s");
    append_exports(buf, &tally->exports);
    if (buf->length == 0)
        strbuf_puts(buf, "Nothing to send.\n");
}

/* ---- For programs ---------------------------------------------------------------------------- */

void sync_tally_append_json(struct strbuf *buf, const struct sync_tally *tally)
{
    const struct sync_report *total = &tally->total;

    strbuf_printf(buf,
                  "{\"files\":%zu,\"sent\":%zu,\"updated\":%zu,\"duplicates\":%zu,\"carried\":%zu,"
                  "\"rejected\":%zu,\"busy\":%zu,\"recovered\":%zu,"
                  "\"exported\":%zu,\"export_refused\":%zu,\"reasons\":[",
                  total->files, total->created, total->updated, total->duplicates, total->carried,
                  total->rejected, total->busy, tally->recovered, tally->exports.exported,
                  tally->exports.refused);
    for (size_t i = 0; i < tally->reason_count; i++) {
        strbuf_printf(buf, "%s{\"reason\":", i ? "," : "");
        json_write_string(buf, tally->reasons[i].text);
        strbuf_printf(buf, ",\"count\":%zu}", tally->reasons[i].count);
    }
    strbuf_puts(buf, "]}\n");
}

/* SPDX-License-Identifier: MIT */
#include "cli/run_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/escape.h"

struct appearance {
    const char *status;
    enum style style;
    const char *sign;
    const char *ascii_sign;
    const char *word;
};

static const struct appearance appearances[] = {
    {TEL_RUNNING, STYLE_BUSY, "\xe2\x97\x8f", "R", "run"},       /* a filled circle */
    {TEL_SUCCESS, STYLE_GOOD, "\xe2\x9c\x93", "S", "ok"},        /* a check mark */
    {TEL_FAILURE, STYLE_BAD, "\xe2\x9c\x97", "F", "fail"},       /* a ballot X */
    {TEL_PARTIAL, STYLE_BUSY, "\xe2\x97\x90", "P", "partial"},   /* a half-filled circle */
    {TEL_TIMEOUT, STYLE_BAD, "\xe2\x9c\x97", "T", "timeout"},    /* as failure */
    {TEL_CANCELLED, STYLE_FAINT, "\xe2\x8a\x98", "C", "cancel"}, /* a circled slash */
};

static const struct appearance *appearance_of(const char *status)
{
    for (size_t i = 0; status && i < sizeof appearances / sizeof *appearances; i++) {
        if (strcmp(appearances[i].status, status) == 0)
            return &appearances[i];
    }
    return NULL;
}

enum style run_status_style(const struct tel_record *run)
{
    const struct appearance *appearance = appearance_of(record_text(run, FIELD_status));

    return appearance ? appearance->style : STYLE_PLAIN;
}

void run_append_status(struct strbuf *buf, const struct tel_record *run,
                       const struct screen *screen)
{
    const char *status = record_text(run, FIELD_status);
    const struct appearance *appearance = appearance_of(status);

    if (!appearance) {
        escape_append(buf, status ? status : "?", screen->escapes);
        return;
    }
    run_append_sign(buf, status, screen);
    strbuf_printf(buf, " %s", appearance->word);
}

void run_append_sign(struct strbuf *buf, const char *status, const struct screen *screen)
{
    const struct appearance *appearance = appearance_of(status);

    if (appearance)
        strbuf_puts(buf, screen->utf8 ? appearance->sign : appearance->ascii_sign);
}

void run_append_took(struct strbuf *buf, const struct tel_record *run, const struct screen *screen,
                     const struct when_context *when)
{
    const char *status = record_text(run, FIELD_status);
    const char *start = record_text(run, FIELD_start_time);
    int64_t start_us;

    if (!status || strcmp(status, TEL_RUNNING) != 0) {
        duration_append(buf, record_int(run, FIELD_duration_ms));
    } else if (start && timestamp_parse(&start_us, start) && start_us <= when->now_us) {
        duration_append(buf, (when->now_us - start_us) / 1000);
        strbuf_puts(buf, screen->utf8 ? "\xe2\x80\xa6" : "..."); /* it goes on */
    } else {
        strbuf_puts(buf, "?");
    }
}

void run_append_items(struct strbuf *buf, const struct tel_record *run, const struct screen *screen)
{
    int64_t succeeded = record_int(run, FIELD_items_succeeded);
    int64_t failed = record_int(run, FIELD_items_failed);
    int64_t skipped = record_int(run, FIELD_items_skipped);

    if (succeeded || failed || skipped)
        strbuf_printf(buf, "%" PRId64 "/%" PRId64 "/%" PRId64, succeeded, failed, skipped);
    else
        strbuf_puts(buf, screen->utf8 ? "\xe2\x80\x93" : "-");
}

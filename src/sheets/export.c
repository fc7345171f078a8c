/* SPDX-License-Identifier: MIT
 *
 * Runs are walked in the order of their rows, of those only that are not exported, which an index
 * gives: the cost follows what is pending, not what is stored. But all that was stored before the
 * export was switched on is pending in that sense, so the walk begins with the rows of a week before
 * that: a run that took longer than a week is not found.
 */
#include "sheets/export.h"

#include <string.h>

#include "base/cleanup.h"
#include "model/payload.h"

#define PAGE_SIZE 20
#define REFUSALS_MAX 20 /* then it is not the runs that are wrong */
#define WEEK_US (INT64_C(7) * 24 * 3600 * US_PER_SECOND)

struct page {
    struct tel_record runs[PAGE_SIZE];
    size_t count;
    tel_error error;
};

static void page_clear(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        record_clear(&page->runs[i]);
    page->count = 0;
}

static int page_add(void *arg, const struct tel_record *record)
{
    struct page *page = arg;
    struct tel_record *copy = &page->runs[page->count++];

    *copy = RECORD();
    page->error = record_merge(copy, record, ~(field_set)0, NULL);
    return page->error != TEL_OK;
}

/* ---- Which runs ------------------------------------------------------------------------------ */

static tel_error read_page(const struct export_options *options, const struct run_query *query,
                           struct page *page, tel_fault *fault)
{
    tel_error error;

    page_clear(page);
    page->error = TEL_OK;
    error = options->read(options->arg, query, page_add, page, fault);
    return error || !page->error ? error : fault_nomem(fault);
}

/* Find the row to begin behind. TEL_E_NOT_FOUND: there is none to be exported. */
static tel_error find_first(const struct export_options *options, int64_t *row, tel_fault *fault)
{
    CLEANUP(page_clear) struct page page = {0};
    struct run_query query = {.oldest_first = true, .limit = 1};
    char week_before[TEL_TIMESTAMP_SIZE];
    int64_t us;
    tel_error error;

    *row = 0;
    if (!options->since || !timestamp_parse(&us, options->since))
        return TEL_OK;
    timestamp_format(week_before, us - WEEK_US);
    query.created_after = week_before;
    error = read_page(options, &query, &page, fault);
    if (error)
        return error;
    if (page.count == 0)
        return TEL_E_NOT_FOUND;
    *row = page.runs[0].fields.id - 1;
    return TEL_OK;
}

/* ---- One run --------------------------------------------------------------------------------- */

tel_error export_set_outcome(struct tel_record *record, tel_error outcome, field_set *set)
{
    char now[TEL_TIMESTAMP_SIZE];
    tel_error error;

    if (outcome) {
        *set = FIELD_BIT(FIELD_api_retry_count);
        return record_set_int(record, FIELD_api_retry_count,
                              record_int(record, FIELD_api_retry_count) + 1, NULL);
    }
    *set = FIELD_BIT(FIELD_api_posted) | FIELD_BIT(FIELD_api_posted_at);
    timestamp_format(now, clock_now_us());
    error = record_set_int(record, FIELD_api_posted, 1, NULL);
    return error ? error : record_set_text(record, FIELD_api_posted_at, now, NULL);
}

/* Write down what `unmarked` holds. That its run is gone meanwhile, or refused, settles it too. */
static tel_error mark(const struct export_options *options, struct tel_record *unmarked,
                      tel_fault *fault)
{
    struct write write = {.kind = WRITE_UPDATE, .record = unmarked};
    tel_error error = TEL_OK;

    if (record_has(unmarked, FIELD_event_id))
        error = options->mark(options->arg, (struct write *[]){&write}, 1, fault);
    if (error)
        return error;
    record_clear(unmarked);
    *unmarked = RECORD();
    return TEL_OK;
}

/* Did the other side answer, or fail to? Else the attempt says nothing about the run. */
static bool counts(tel_error error)
{
    return !error || error == TEL_E_UNAVAILABLE || error == TEL_E_REJECTED ||
           error == TEL_E_NOT_FOUND;
}

static tel_error note_outcome(const struct export_options *options, struct tel_record *run,
                              tel_error outcome, struct tel_record *unmarked, tel_fault *fault)
{
    field_set set = 0;

    if (export_set_outcome(run, outcome, &set) ||
        record_merge(unmarked, run, set | FIELD_BIT(FIELD_event_id), NULL))
        return fault_nomem(fault);
    return mark(options, unmarked, fault);
}

static tel_error export_run(const struct export_options *options, struct tel_record *run,
                            struct tel_record *unmarked, struct export_report *report,
                            tel_fault *fault)
{
    CLEANUP(payload_freep) struct tel_api_payload *payload = NULL;
    tel_error outcome = tel_api_payload_from_run_record(&payload, run);
    tel_error error;
    bool goes_on;

    if (outcome)
        return fault_nomem(fault);
    outcome = sheets_post(options->sheets, payload, fault);
    if (!counts(outcome))
        return outcome;
    report->exported += !outcome;
    goes_on =
        !outcome || (sheets_refused_payload(options->sheets) && ++report->refused < REFUSALS_MAX);
    error = note_outcome(options, run, outcome, unmarked, goes_on ? fault : NULL);
    return goes_on ? error : outcome;
}

/* ---- All of them ----------------------------------------------------------------------------- */

tel_error export_pending(const struct export_options *options, struct tel_record *unmarked,
                         struct export_report *report, tel_fault *fault)
{
    CLEANUP(page_clear) struct page page = {0};
    char settled[TEL_TIMESTAMP_SIZE];
    struct run_query query = {
        .pending_export = true,
        .by_row = true,
        .end_from = options->since,
        .end_to = settled,
        .retries_below = options->since ? EXPORT_RETRIES_MAX : 0,
        .limit = PAGE_SIZE,
    };
    tel_error error = mark(options, unmarked, fault);

    timestamp_format(settled, clock_now_us() - EXPORT_SETTLE_MS * 1000);
    if (!error)
        error = find_first(options, &query.after_id, fault);
    do {
        if (!error)
            error = read_page(options, &query, &page, fault);
        for (size_t i = 0; !error && i < page.count; i++) {
            query.after_id = page.runs[i].fields.id;
            error = export_run(options, &page.runs[i], unmarked, report, fault);
        }
    } while (!error && page.count == PAGE_SIZE);
    return error == TEL_E_NOT_FOUND && !page.count ? TEL_OK : error;
}

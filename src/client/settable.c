/* SPDX-License-Identifier: MIT */
#include "client/settable.h"

#include "base/cleanup.h"
#include "client/git.h"

/* Say of each field that was given what is wrong with it. */
static void report_faulty(const tel_run_fields *fields, field_set set, struct reporter *reporter)
{
    CLEANUP(record_clear) struct tel_record scratch = RECORD();

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        tel_fault fault = {0};

        if (record_merge_fields(&scratch, fields, FIELD_BIT(i) & set, &fault) == TEL_E_INVALID)
            report_fault(reporter, &fault, "the field is left out");
    }
}

static void report_unsettable(const struct tel_record *given, field_set set,
                              struct reporter *reporter)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (given->given & ~set & FIELD_BIT(i))
            report(reporter, TEL_LOG_WARNING, run_fields[i].name,
                   "%s cannot be set here; the field is left out", run_fields[i].name);
    }
}

tel_error settable_hide_credentials(struct tel_record *given)
{
    CLEANUP(freep) char *clean = NULL;

    if (!record_has(given, FIELD_git_repo))
        return TEL_OK;
    clean = git_url_without_credentials(given->fields.git_repo);
    return clean ? record_set_text(given, FIELD_git_repo, clean, NULL) : TEL_E_NOMEM;
}

tel_error settable_take(struct tel_record *record, const tel_run_fields *fields, field_set set,
                        struct reporter *reporter)
{
    CLEANUP(record_clear) struct tel_record given = RECORD();
    tel_error taken = record_merge_fields(&given, fields, ~(field_set)0, NULL);
    tel_error error;

    if (taken == TEL_E_INVALID)
        report_faulty(fields, set, reporter);
    report_unsettable(&given, set, reporter);
    error = settable_hide_credentials(&given);
    if (!error)
        error = record_merge(record, &given, set, NULL);
    return taken == TEL_E_NOMEM ? taken : error;
}

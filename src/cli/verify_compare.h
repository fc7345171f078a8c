/* SPDX-License-Identifier: MIT
 *
 * Compares what the audit trail says of each run with what is stored, and keeps what does not agree.
 */
#ifndef CLI_VERIFY_COMPARE_H
#define CLI_VERIFY_COMPARE_H

#include "base/strbuf.h"
#include "store/store.h"

/* What is compared: all but what the store keeps for itself, and what the service notes of exports
 * after the run, which is no line of the trail. */
#define VERIFIED_FIELDS                                                                      \
    (~(FIELD_BIT(FIELD_id) | FIELD_BIT(FIELD_updated_at) | FIELD_BIT(FIELD_schema_version) | \
       FIELD_BIT(FIELD_api_posted) | FIELD_BIT(FIELD_api_posted_at) |                        \
       FIELD_BIT(FIELD_api_retry_count)))

enum finding_kind { ONLY_IN_TRAIL, ONLY_STORED, DIFFERENT, FINDING_KIND_COUNT };

#define FINDINGS_KEPT_MAX 10000 /* of each kind; the others are counted */

struct finding {
    struct tel_record trail;  /* empty: it is not there */
    struct tel_record stored; /* empty: it is not there */
    field_set fields;         /* that differ */
};

struct findings {
    struct finding *items;
    size_t kept;
    size_t count;
};

struct comparison {
    struct store *trail;   /* what the trail says */
    struct store *waiting; /* runs of which the buffer has something to say, as they will be then */
    struct store *stored;  /* the database; NULL: there is none */
    char begun_at[TEL_TIMESTAMP_SIZE]; /* what was changed later is not looked at */
    bool waiting_is_growing;           /* nor then what waits: nobody knows what of it is later */

    size_t trail_runs;
    size_t stored_runs;
    size_t agreeing;
    struct findings findings[FINDING_KIND_COUNT];
};

tel_error comparison_run(struct comparison *comparison, tel_fault *fault);
void comparison_clear(struct comparison *comparison);

bool comparison_agrees(const struct comparison *comparison);

#endif

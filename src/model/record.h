/* SPDX-License-Identifier: MIT
 *
 * A run record that owns its values and knows which of them were given: null or 0 is not the same as
 * "not given", and an update must touch only what it names.
 */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/run_fields.h"

struct tel_record {
    tel_run_fields fields; /* texts are ours, in stored form */
    field_set given;
};

#define RECORD() ((struct tel_record){.fields.size = sizeof(tel_run_fields)})

void record_clear(struct tel_record *record);

/* For locals: CLEANUP(record_freep) struct tel_record *record = NULL; */
static inline void record_freep(struct tel_record **record)
{
    tel_record_free(*record);
}

bool record_has(const struct tel_record *record, int index);

/* Read one field; NULL or 0 when not given, or when it is of the other type. */
const char *record_text(const struct tel_record *record, int index);
int64_t record_int(const struct tel_record *record, int index);

/* Does its status say that the run is over? */
bool record_has_ended(const struct tel_record *record);

/*
 * Set one field, checked against its kind and brought into stored form: times to UTC, statuses to
 * their canonical name, broken UTF-8 to U+FFFD. A NULL text takes the field back to "not given".
 */
tel_error record_set_text(struct tel_record *record, int index, const char *text, tel_fault *fault);
tel_error record_set_int(struct tel_record *record, int index, int64_t value, tel_fault *fault);

/* Set one field from what a store holds: taken as it is, since old rows break today's rules. */
tel_error record_load_text(struct tel_record *record, int index, const char *text);
void record_load_int(struct tel_record *record, int index, int64_t value);

/* The same for a text that stays the store's. Such a record is only read, and not cleared. */
tel_error record_view_text(struct tel_record *record, int index, const char *text);

/* Set from text whatever the field's type: "42" for a count, "true" for a boolean. */
tel_error record_parse(struct tel_record *record, int index, const char *text, tel_fault *fault);

/* Copy those fields of `from` that are both given and in `set`. */
tel_error record_merge(struct tel_record *record, const struct tel_record *from, field_set set,
                       tel_fault *fault);

/* Set those fields of a caller's struct (any `size`) that are neither NULL nor 0 and in `set`. The
 * rest is still set when one is faulty; the first fault is returned. */
tel_error record_merge_fields(struct tel_record *record, const tel_run_fields *fields,
                              field_set set, tel_fault *fault);

#endif

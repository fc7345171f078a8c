/* SPDX-License-Identifier: MIT
 *
 * The table of all fields of a run. Whoever handles runs field by field walks run_fields[].
 */
#ifndef MODEL_RUN_FIELDS_H
#define MODEL_RUN_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "telemetry.h"

/* The version of the schema that this table describes. */
#define SCHEMA_VERSION 8

enum field_kind {
    KIND_TEXT,
    KIND_TIME,
    KIND_STATUS,
    KIND_SOURCE,
    KIND_JSON,
    KIND_COUNT,
    KIND_NUMBER,
    KIND_BOOL,
};

enum field_access {
    CREATE = 1 << 0,
    PATCH = 1 << 1,
    REQUIRED = 1 << 2,
    FILTER = 1 << 3,
    CATEGORY = 1 << 4,
};

struct run_field {
    const char *name;
    enum field_kind kind;
    unsigned access; /* of enum field_access */
    const char *initial;
    const char *meaning;
    size_t offset; /* in tel_run_fields */
};

/* FIELD_event_id, FIELD_run_id, ...: indexes into run_fields[]. */
enum run_field_index {
#define FIELD(name, kind, access, initial, meaning) FIELD_##name,
#include "model/run_fields.def"
#undef FIELD
    RUN_FIELD_COUNT
};

extern const struct run_field run_fields[RUN_FIELD_COUNT];

/* Sets of fields, one bit for each index. */
typedef uint64_t field_set;
#define FIELD_BIT(index) (UINT64_C(1) << (index))

/* Return the index of the field of this name, or -1. */
int run_field_find(const char *name);

/* Return all fields with one of these access bits. */
field_set run_fields_with(unsigned access);

/* Is a value of this kind a string in tel_run_fields (else an int64_t)? */
bool kind_is_text(enum field_kind kind);

/* Return a kind's name as the printed schema has it: "text", "time", ... */
const char *kind_name(enum field_kind kind);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The only file that turns the lines of run_fields.def into data. The public struct is written out
 * by hand in telemetry.h, so that it reads like a header; the assertions below compare it with the
 * table, member by member, and name the one that differs.
 */
#include "model/run_fields.h"

#include <string.h>

const struct run_field run_fields[RUN_FIELD_COUNT] = {
#define FIELD(name, kind, access, initial, meaning) \
    {#name, KIND_##kind, access, initial, meaning, offsetof(tel_run_fields, name)},
#include "model/run_fields.def"
#undef FIELD
};

typedef const char *member_TEXT, *member_TIME, *member_STATUS, *member_SOURCE, *member_JSON;
typedef int64_t member_COUNT, member_NUMBER, member_BOOL;

/* What the table says the public struct should be. */
struct expected {
    size_t size;
#define FIELD(name, kind, access, initial, meaning) member_##kind name;
#include "model/run_fields.def"
#undef FIELD
};

#define FIELD(name, kind, access, initial, meaning)                                       \
    _Static_assert(offsetof(struct expected, name) == offsetof(tel_run_fields, name),     \
                   #name " is at another place in telemetry.h than in run_fields.def");   \
    _Static_assert(_Generic(((tel_run_fields *)0)->name, member_##kind : 1, default : 0), \
                   #name " has another type in telemetry.h than in run_fields.def");
#include "model/run_fields.def"
#undef FIELD

_Static_assert(sizeof(struct expected) == sizeof(tel_run_fields),
               "telemetry.h has a member that run_fields.def lacks");
_Static_assert(sizeof(size_t) == 8 && sizeof(char *) == 8,
               "all members are 8 bytes wide, so that a shorter struct has no padding");
_Static_assert(RUN_FIELD_COUNT <= 64, "a field_set has 64 bits");

int run_field_find(const char *name)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (strcmp(run_fields[i].name, name) == 0)
            return i;
    }
    return -1;
}

field_set run_fields_with(unsigned access)
{
    field_set set = 0;

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (run_fields[i].access & access)
            set |= FIELD_BIT(i);
    }
    return set;
}

bool kind_is_text(enum field_kind kind)
{
    return kind != KIND_COUNT && kind != KIND_NUMBER && kind != KIND_BOOL;
}

const char *kind_name(enum field_kind kind)
{
    static const char *const names[] = {
        [KIND_TEXT] = "text",     [KIND_TIME] = "time", [KIND_STATUS] = "status",
        [KIND_SOURCE] = "source", [KIND_JSON] = "json", [KIND_COUNT] = "count",
        [KIND_NUMBER] = "number", [KIND_BOOL] = "bool",
    };

    return names[kind];
}

/* SPDX-License-Identifier: MIT
 *
 * The rest of the active file is delivered while its writer goes on appending.
 */
#include "base/cleanup.h"
#include "deliver/drain.h"

tel_error buffer_sync_active(struct buffer *buffer, const struct sync_options *options,
                             sync_deliver_fn *deliver, void *arg, struct sync_report *report,
                             bool *was_rotated, tel_fault *fault)
{
    CLEANUP(buffer_rest_clear) struct buffer_rest rest = BUFFER_REST();
    struct drain_target target = {.options = options,
                                  .deliver = deliver,
                                  .arg = arg,
                                  .report = report};
    tel_error error;

    *report = (struct sync_report){0};
    error = buffer_open_rest(buffer, &rest, fault);
    *was_rotated = rest.was_rotated;
    if (error || rest.bytes == 0)
        return error;
    error = drain_file(&target, rest.fd, rest.path, rest.bytes, rest.rejected_path, fault);
    buffer_free(target.carry);
    if (!error)
        buffer_note_answered(buffer, &rest);
    return error;
}

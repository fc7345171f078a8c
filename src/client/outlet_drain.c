/* SPDX-License-Identifier: MIT
 *
 * The buffer is emptied with what is left of a call's budget, once something was taken live again,
 * and at the end. When that does not suffice, it is not tried again for a while: a call whose service
 * is well shall not pay for a large buffer each time. In the background, a thread does so all the
 * time, and nobody waits for it.
 */
#include "client/outlet.h"
#include "deliver/config_sync.h"

#define DELIVERY_MS 10000 /* for one request in the background */
#define BUSY_PAUSE_MS 20

struct drain_way {
    struct outlet *outlet;
    struct deadline deadline;
};

/* A sync_deliver_fn. What fails here, for want of time perhaps, is no word on the service. */
static tel_error deliver_late(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    const struct drain_way *way = arg;

    if (deadline_left_ms(way->deadline) == 0)
        return fault_set(fault, TEL_E_UNAVAILABLE, "there was no time for the whole buffer");
    return outlet_apply(way->outlet, writes, count, way->deadline, fault);
}

/* The same with a deadline for each request, until the client is closed. */
static tel_error deliver_in_background(void *arg, struct write **writes, size_t count,
                                       tel_fault *fault)
{
    struct outlet *outlet = arg;

    if (courier_is_stopping(outlet->courier))
        return fault_set(fault, TEL_E_BUSY, "the client is being closed");
    return outlet_apply(outlet, writes, count, deadline_in(DELIVERY_MS), fault);
}

/* ---- What is done ---------------------------------------------------------------------------- */

static void count(struct outlet *outlet, const struct sync_report *done)
{
    tally_add(outlet->tally, TALLY_caught_up, done->created + done->updated + done->duplicates);
    tally_add(outlet->tally, TALLY_rejected, done->rejected);
    if (done->carried > 0) {
        atomic_store(&outlet->has_buffered, true);
        atomic_store(&outlet->is_behind, true);
    }
}

/* Deliver what this client appended, in place. */
static tel_error empty_active(struct outlet *outlet, sync_deliver_fn *deliver, void *arg,
                              tel_fault *fault)
{
    struct log log = reporter_as_log(outlet->reporter);
    struct sync_options options = config_sync_options(outlet->config, &log);
    struct sync_report done;
    bool was_rotated = false;
    tel_error error =
        buffer_sync_active(outlet->buffer, &options, deliver, arg, &done, &was_rotated, fault);

    if (was_rotated)
        atomic_store(&outlet->is_behind, true);
    count(outlet, &done);
    return error;
}

/* Deliver what is ready, of whomever it is. */
static tel_error empty_ready(struct outlet *outlet, sync_deliver_fn *deliver, void *arg,
                             tel_fault *fault)
{
    struct log log = reporter_as_log(outlet->reporter);
    struct sync_options options = config_sync_options(outlet->config, &log);
    struct sync_report done;
    tel_error error;

    atomic_store(&outlet->is_behind, false);
    error = buffer_sync(&options, deliver, arg, &done, fault);
    if (error)
        atomic_store(&outlet->is_behind, true);
    count(outlet, &done);
    return error;
}

static bool take(struct outlet *outlet)
{
    return !atomic_exchange(&outlet->is_draining, true);
}

static void give_back(struct outlet *outlet)
{
    atomic_store(&outlet->is_draining, false);
}

/* ---- At once --------------------------------------------------------------------------------- */

static tel_error drain(struct outlet *outlet, struct deadline deadline, tel_fault *fault)
{
    struct drain_way way = {.outlet = outlet, .deadline = deadline};
    tel_error error = TEL_OK;
    tel_error left;

    if (!outlet->buffer)
        return TEL_OK;
    if (!outlet->http && !config_is_embedded(outlet->config))
        return fault_set(fault, TEL_E_UNAVAILABLE, "the service is not asked");
    atomic_store(&outlet->has_buffered, false);
    if (outlet->courier) /* which left the file empty as a rule */
        error = empty_active(outlet, deliver_late, &way, fault);
    left = buffer_rotate(outlet->buffer, error ? NULL : fault);
    if (!error && !left)
        error = empty_ready(outlet, deliver_late, &way, fault);
    if (error || left)
        atomic_store(&outlet->has_buffered, true);
    return error ? error : left;
}

tel_error outlet_drain(struct outlet *outlet, struct deadline deadline, tel_fault *fault)
{
    tel_error error;

    if (!take(outlet))
        return fault_set(fault, TEL_E_BUSY, "another thread is emptying the buffer");
    error = drain(outlet, deadline, fault);
    if (error)
        breaker_note_failure(&outlet->drainage, clock_monotonic_ms());
    else
        breaker_note_success(&outlet->drainage);
    give_back(outlet);
    return error;
}

/* ---- In the background ----------------------------------------------------------------------- */

static tel_error work(struct outlet *outlet, tel_fault *fault)
{
    tel_error error;

    if (!outlet_may_ask(outlet))
        return TEL_E_UNAVAILABLE; /* as was said */
    atomic_store(&outlet->has_buffered, false);
    error = empty_active(outlet, deliver_in_background, outlet, fault);
    if (!error && atomic_load(&outlet->is_behind))
        error = empty_ready(outlet, deliver_in_background, outlet, fault);
    outlet_note(outlet, error);
    if (error) {
        atomic_store(&outlet->has_buffered, true);
        if (error != TEL_E_BUSY)
            report_fault(outlet->reporter, fault, "runs are kept in the buffer meanwhile");
    }
    return error;
}

int64_t outlet_work(struct outlet *outlet)
{
    tel_fault fault = {0};
    tel_error error;

    if (!take(outlet))
        return BUSY_PAUSE_MS;
    error = work(outlet, &fault);
    give_back(outlet);
    return error || atomic_load(&outlet->is_behind) ? BREAKER_PAUSE_MIN_MS : -1;
}

/* SPDX-License-Identifier: MIT */
#include "http/rest.h"

#include <stddef.h>

static _Thread_local struct {
    bool waits; /* it is seen to: nothing is kept by a thread that may never let go of it */
    rest_fn *let_go;
    void *arg;
} this_thread;

bool rest_later(rest_fn *let_go, void *arg)
{
    if (!this_thread.waits)
        return false;
    this_thread.let_go = let_go;
    this_thread.arg = arg;
    return true;
}

void rest_now(void)
{
    rest_fn *let_go = this_thread.let_go;

    this_thread.let_go = NULL;
    if (let_go)
        let_go(this_thread.arg);
}

void rest_before_waiting(void)
{
    this_thread.waits = true;
    rest_now();
}

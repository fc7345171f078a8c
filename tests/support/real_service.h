/* SPDX-License-Identifier: MIT
 *
 * The real telemetryd, as it was built beside the tests, for one test.
 */
#ifndef SUPPORT_REAL_SERVICE_H
#define SUPPORT_REAL_SERVICE_H

struct real_service;

/*
 * Start it on a free port (NULL `at`), or where another was that is gone (its URL). Its database is
 * {scratch}/base/db/telemetry.sqlite, where world_stored() looks; its own buffer is elsewhere, so that
 * what arrives was sent by a client.
 */
struct real_service *real_service_start(const char *scratch, const char *at);

/* Kill it, as by a crash, and forget it. */
void real_service_kill(struct real_service *service);

/* Send a signal: SIGSTOP makes it hang. */
void real_service_signal(const struct real_service *service, int signal_number);

const char *real_service_url(const struct real_service *service);

#endif

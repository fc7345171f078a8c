/* SPDX-License-Identifier: MIT
 *
 * The export with the n-th allocation of its thread failing, for each n until none does: it says so,
 * and neither crashes nor, once there is memory again, remains unable.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "config/sheets_endpoint.h"
#include "deliver/http.h"
#include "model/payload.h"
#include "sheets/sheets.h"
#include "support/nomem.h"
#include "support/peer.h"
#include "support/rsa_key.h"
#include "support/scratch.h"

/* ---- The export ------------------------------------------------------------------------------ */

static bool do_not_try_again(void *arg, int64_t ms)
{
    (void)arg;
    (void)ms;
    return false;
}

static tel_error export_once(const tel_config *config, const tel_api_payload *payload)
{
    const struct sheets_options options = {.config = config, .pause = do_not_try_again};
    struct sheets *sheets;
    tel_fault fault = {0};
    tel_error error = sheets_new(&sheets, &options);

    if (error)
        return error;
    error = sheets_post(sheets, payload, &fault);
    if (error)
        assert_true(*fault.text);
    sheets_free(sheets);
    return error;
}

/* Return how many allocations failed, one after the other, each in an export of its own. */
static long export_with_each_failing(const tel_config *config, long step)
{
    tel_api_payload *payload;
    long count = 0;

    assert_int_equal(tel_api_payload_from_json(&payload, "{\"run_id\":\"r\"}", NULL), TEL_OK);
    assert_int_equal(export_once(config, payload), TEL_OK);
    for (long n = 1;; n += step) {
        nomem_arm(n, n);
        (void)export_once(config, payload);
        if (nomem_disarm() < n)
            break;
        count++;
    }
    assert_int_equal(export_once(config, payload), TEL_OK);
    tel_api_payload_free(payload);
    return count;
}

static char taken[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
static char token[] = "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"access_token\":\"abc\"}";

static void exports__survive_every_allocation_that_fails(void **state)
{
    struct peer *peer;
    struct peer *issuer;
    char *path;
    tel_config *config;

    if (!MALLOC_MAY_BE_OURS)
        skip();
    peer = peer_start(peer_answer, taken);
    issuer = peer_start(peer_answer, token);
    path = scratch_path(*state, "key.json");
    http_prepare();
    key_file_write(path, peer_url(issuer));
    assert_int_equal(tel_config_new(&config), TEL_OK);
    assert_int_equal(tel_config_set(config, "GOOGLE_SHEETS_API_ENABLED", "true"), TEL_OK);
    assert_int_equal(tel_config_set(config, "GOOGLE_SHEETS_API_URL", peer_url(peer)), TEL_OK);
    assert_true(export_with_each_failing(config, 1) > 50);
    assert_int_equal(tel_config_set(config, "GOOGLE_APPLICATION_CREDENTIALS", path), TEL_OK);
    assert_true(export_with_each_failing(config, 7) > 50);
    tel_config_free(config);
    peer_stop(peer);
    peer_stop(issuer);
    free(path);
}

static void endpoint__without_memory_is_none_rather_than_half_of_one(void **state)
{
    tel_error error = TEL_E_NOMEM;
    long n;

    (void)state;
    if (!MALLOC_MAY_BE_OURS)
        skip();
    for (n = 1; error; n++) {
        struct sheets_endpoint endpoint;

        nomem_arm(n, n);
        error = sheets_endpoint_init(&endpoint, "https://example.org/a?b=c", NULL);
        (void)nomem_disarm();
        assert_int_equal(error, n <= 3 ? TEL_E_NOMEM : TEL_OK);
        assert_int_equal(endpoint.origin != NULL, !error);
        assert_int_equal(endpoint.path != NULL, !error);
        assert_int_equal(endpoint.test_path != NULL, !error);
        sheets_endpoint_clear(&endpoint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoint__without_memory_is_none_rather_than_half_of_one),
        cmocka_unit_test(exports__survive_every_allocation_that_fails),
    };

    return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}

/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/sheets_endpoint.h"

#define SHEET "https://sheets.googleapis.com/v4/spreadsheets/1aB_-c/values/Runs!A1:append"

static void endpoint__is_https_or_on_this_machine(void **state)
{
    static const char *const good[] = {
        SHEET,
        "https://script.google.com/macros/s/x/exec",
        "HTTPS://hooks.example.org",
        "http://localhost/",
        "http://127.0.0.1:8080/a?b=c",
        "http://[::1]:1/",
    };
    static const char *const bad[] = {
        "http://sheets.googleapis.com/v4/spreadsheets/1/values/A:append",
        "http://hooks.example.org/",
        "http://localhost.example.org/",
        "http://127.0.0.1.example.org/",
        "http://localhost@example.org/",
        "https://user:s3cret@example.org/",
        "http://localhost\\@example.org/",
        "http://localhost%00.example.org/",
        "https://example.org/a b",
        "https://example.org/a\r\nX: y",
        "https://example.org/#s3cret",
        "https://exam\xc3\xa4ple.org/",
        "ftp://localhost/",
        "file:///etc/passwd",
        "unix:/run/telemetry",
        "https://",
        "s3cret",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct sheets_endpoint endpoint;

        assert_int_equal(sheets_endpoint_init(&endpoint, good[i], NULL), TEL_OK);
        assert_int_equal(endpoint.is_local, strncasecmp(good[i], "https:", 6) != 0);
        sheets_endpoint_clear(&endpoint);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sheets_endpoint endpoint;
        tel_fault fault = {0};

        assert_int_equal(sheets_endpoint_init(&endpoint, bad[i], &fault), TEL_E_INVALID);
        assert_memory_equal(fault.text, "GOOGLE_SHEETS_API_URL must ", 21);
        assert_null(strstr(fault.text, "s3cret"));
        assert_null(endpoint.origin);
    }
}

static void endpoint__has_4096_characters_at_most(void **state)
{
    (void)state;
    for (size_t length = 4096; length <= 4097; length++) {
        struct sheets_endpoint endpoint;
        char text[4098];

        (void)snprintf(text, sizeof text, "https://h/%0*d", (int)(length - strlen("https://h/")),
                       0);
        assert_int_equal(strlen(text), length);
        assert_int_equal(sheets_endpoint_init(&endpoint, text, NULL),
                         length == 4096 ? TEL_OK : TEL_E_INVALID);
        sheets_endpoint_clear(&endpoint);
    }
}

static void endpoint__of_a_sheet_is_always_raw(void **state)
{
    static const struct {
        const char *query;
        const char *expected;
    } cases[] = {
        {"", "?valueInputOption=RAW"},
        {"?", "?valueInputOption=RAW"},
        {"?valueInputOption=RAW", "?valueInputOption=RAW"},
        {"?valueInputOption=USER_ENTERED", "?valueInputOption=RAW"},
        {"?a=1&valueInputOption=USER_ENTERED&&b=2", "?valueInputOption=RAW&a=1&b=2"},
        {"?insertDataOption=INSERT_ROWS", "?valueInputOption=RAW&insertDataOption=INSERT_ROWS"},
        {"?value%49nputOption=USER_ENTERED", "?valueInputOption=RAW"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sheets_endpoint endpoint;
        char url[300];
        char expected[300];

        (void)snprintf(url, sizeof url, SHEET "%s", cases[i].query);
        (void)snprintf(expected, sizeof expected, "%s%s", strstr(SHEET, "/v4/"), cases[i].expected);
        assert_int_equal(sheets_endpoint_init(&endpoint, url, NULL), TEL_OK);
        assert_true(endpoint.appends_row);
        assert_true(endpoint.is_google);
        assert_string_equal(endpoint.origin, "https://sheets.googleapis.com");
        assert_string_equal(endpoint.path, expected);
        assert_string_equal(endpoint.test_path, "/v4/spreadsheets/1aB_-c?fields=spreadsheetId");
        sheets_endpoint_clear(&endpoint);
    }
}

static void endpoint__of_anything_else_takes_a_flat_object_at_its_own_path(void **state)
{
    static const struct {
        const char *url;
        const char *path;
    } cases[] = {
        {"https://example.org", "/"},
        {"https://example.org?a=b", "/?a=b"},
        {"https://example.org/hook?valueInputOption=x", "/hook?valueInputOption=x"},
        {"https://sheets.googleapis.com/v4/spreadsheets/1/values/A", "/v4/spreadsheets/1/values/A"},
        {"https://example.org/v4/spreadsheets//values/A:append",
         "/v4/spreadsheets//values/A:append"},
        {"https://example.org/v4/spreadsheets/1/values/:append",
         "/v4/spreadsheets/1/values/:append"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sheets_endpoint endpoint;

        assert_int_equal(sheets_endpoint_init(&endpoint, cases[i].url, NULL), TEL_OK);
        assert_false(endpoint.appends_row);
        assert_string_equal(endpoint.path, cases[i].path);
        assert_string_equal(endpoint.test_path, cases[i].path);
        sheets_endpoint_clear(&endpoint);
    }
}

static void endpoint__knows_whom_a_token_of_googles_may_be_shown(void **state)
{
    static const struct {
        const char *url;
        bool is_google;
    } cases[] = {
        {"https://sheets.googleapis.com/", true},
        {"https://script.google.com/", true},
        {"https://SHEETS.GOOGLEAPIS.COM:443/", true},
        {"http://127.0.0.1:1/", true},
        {"https://example.org/", false},
        {"https://notgoogleapis.com/", false},
        {"https://googleapis.com.example.org/", false},
        {"https://example.org/sheets.googleapis.com", false},
        {"https://google.co/", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sheets_endpoint endpoint;

        assert_int_equal(sheets_endpoint_init(&endpoint, cases[i].url, NULL), TEL_OK);
        assert_int_equal(endpoint.is_google, cases[i].is_google);
        sheets_endpoint_clear(&endpoint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoint__is_https_or_on_this_machine),
        cmocka_unit_test(endpoint__has_4096_characters_at_most),
        cmocka_unit_test(endpoint__of_a_sheet_is_always_raw),
        cmocka_unit_test(endpoint__of_anything_else_takes_a_flat_object_at_its_own_path),
        cmocka_unit_test(endpoint__knows_whom_a_token_of_googles_may_be_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

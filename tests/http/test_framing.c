/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "http/framing.h"
#include "http/header_block.h"

struct header {
    const char *name;
    const char *value;
};

#define HEADERS_MAX 6

static tel_error check(const struct header headers[HEADERS_MAX], tel_fault *fault)
{
    struct request_headers noted = {0};
    struct framing framing = {0};

    for (size_t i = 0; i < HEADERS_MAX && headers[i].name; i++)
        framing_add(&framing, &noted, headers[i].name, headers[i].value);
    return framing_check(&framing, &noted, fault);
}

static void framing_check__takes_what_is_clear(void **state)
{
    static const struct header sound[][HEADERS_MAX] = {
        {{"Host", "a"}},
        {{"host", ""}},
        {{"Host", "a"}, {"Content-Length", "5"}},
        {{"Host", "a"}, {"Transfer-Encoding", "Chunked"}},
        {{"X-Odd_name.1", ""}, {"Host", "a"}, {"X-Odd_name.1", ""}},
        {{"Host", "a"},
         {"Accept", "b"},
         {"Accept", "c"},
         {"X-Request-ID", ""},
         {"X-Request-ID", ""}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++)
        assert_int_equal(check(sound[i], NULL), TEL_OK);
}

static void framing_check__names_what_is_odd(void **state)
{
    static const struct {
        struct header headers[HEADERS_MAX];
        const char *word;
    } odd[] = {
        {{{"Accept", "a"}}, "Host"},
        {{{"Host", "a"}, {"Host", "a"}}, "Host"},
        {{{"Host", "a"}, {"hOST", "b"}}, "Host"},
        {{{"Host ", "a"}}, "name"},
        {{{" Host", "a"}}, "name"},
        {{{"Host", "a"}, {"", "x"}}, "name"},
        {{{"Host", "a"}, {"X\"", "x"}}, "name"},
        {{{"Host", "a"}, {"Content-Length", "1"}, {"Content-Length", "1"}}, "Content-Length"},
        {{{"Host", "a"}, {"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}}, "together"},
        {{{"Host", "a"}, {"Transfer-Encoding", "gzip"}}, "chunked"},
        {{{"Host", "a"}, {"Transfer-Encoding", "gzip, chunked"}}, "chunked"},
        {{{"Host", "a"}, {"Transfer-Encoding", "chunked "}}, "chunked"},
        {{{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
         "one Transfer-Encoding"},
        {{{"Host", "a"}, {"Authorization", "a"}, {"authorization", "a"}}, "one Authorization"},
        {{{"Host", "a"}, {"Origin", "a"}, {"Origin", "b"}}, "one Origin"},
        {{{"Host", "a"}, {"Sec-Fetch-Site", "a"}, {"Sec-Fetch-Site", "a"}}, "one Sec-Fetch-Site"},
        {{{"Host", "a"}, {"Content-Type", "a"}, {"Content-Type", "a"}}, "one Content-Type"},
        {{{"Host", "a"}, {"Content-Encoding", "gzip"}, {"Content-Encoding", ""}},
         "one Content-Encoding"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        tel_fault fault;

        assert_int_equal(check(odd[i].headers, &fault), TEL_E_INVALID);
        assert_non_null(strstr(fault.text, odd[i].word));
    }
}

static void framing_has_body__goes_by_length_and_encoding(void **state)
{
    (void)state;
    assert_false(framing_has_body(&(struct request_headers){0}));
    assert_false(framing_has_body(&(struct request_headers){.content_length = "0"}));
    assert_true(framing_has_body(&(struct request_headers){.content_length = "1"}));
    assert_true(framing_has_body(&(struct request_headers){.transfer_encoding = "chunked"}));
    assert_true(framing_exceeds(&(struct request_headers){.content_length = "11"}, 10));
    assert_false(framing_exceeds(&(struct request_headers){.content_length = "10"}, 10));
    assert_true(
        framing_exceeds(&(struct request_headers){.content_length = "99999999999999999999999"},
                        10));
}

/* Headers as the parser leaves them: NULs where blanks and line ends were. '|' stands for one. */
static bool hides(const char *text, size_t target_length, size_t version_at,
                  const size_t headers[][2], size_t count)
{
    static char block[200];
    struct header_block checked;
    size_t size = strlen(text);

    memcpy(block, text, size + 1);
    for (char *c = block; *c; c++) {
        if (*c == '|')
            *c = '\0';
    }
    header_block_init(&checked, block, target_length, block + version_at, size);
    for (size_t i = 0; i < count; i++)
        header_block_add(&checked, block + headers[i][0], block + headers[i][1]);
    return header_block_hides(&checked);
}

static void header_block__shows_whole_lines(void **state)
{
    static const size_t headers[][2] = {{17, 23}, {26, 29}};
    static const size_t bare_headers[][2] = {{16, 22}, {24, 27}};

    (void)state;
    assert_false(hides("GET|/a|HTTP/1.1||Host| a||X| b||||", 2, 7, headers, 2));
    assert_false(hides("GET|/a|HTTP/1.1|Host| a|X| b||", 2, 7, bare_headers, 2));
    assert_false(hides("GET|/a|HTTP/1.1||||", 2, 7, NULL, 0));
}

static void header_block__finds_what_is_hidden(void **state)
{
    static const size_t inside[][2] = {{17, 23}, {28, 31}};
    static const size_t last[][2] = {{17, 23}};

    (void)state;
    assert_true(hides("GET|/a|HTTP/1.1||Host| a|b||X| b||||", 2, 7, inside, 2));
    assert_true(hides("GET|/a|HTTP/1.1||Host| a|b||||", 2, 7, last, 1));
    assert_true(hides("GET|/a|HTTP/1.1||Host| a|||||", 2, 7, last, 1));
    assert_true(hides("GET|/a|b|HTTP/1.1||||", 2, 9, NULL, 0));
}

static void header_block__finds_strings_that_were_moved(void **state)
{
    static char moved[] = "moved";
    static char block[] = "GET\0/a\0HTTP/1.1\0\0Host\0 a\0\0\0\0";
    struct header_block checked;

    (void)state;
    header_block_init(&checked, block, 2, block + 7, sizeof block - 1);
    header_block_add(&checked, block + 17, moved);
    assert_true(header_block_hides(&checked));
    header_block_init(&checked, block, 2, block + 7, sizeof block - 1);
    header_block_add(&checked, moved, block + 23);
    assert_true(header_block_hides(&checked));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing_check__takes_what_is_clear),
        cmocka_unit_test(framing_check__names_what_is_odd),
        cmocka_unit_test(framing_has_body__goes_by_length_and_encoding),
        cmocka_unit_test(header_block__shows_whole_lines),
        cmocka_unit_test(header_block__finds_what_is_hidden),
        cmocka_unit_test(header_block__finds_strings_that_were_moved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "http/header_block.h"

/* As the parser leaves it: NULs where a name, a value or a line ended. */
struct received {
    const char *bytes;
    size_t size;
    size_t target_length; /* as it was told */
};

#define RECEIVED(text, target)                       \
    {                                                \
        (text), sizeof(text) - 1, sizeof(target) - 1 \
    }

/* Show one header after the other, each where the last one's line ended, as the parser does. */
static bool hides(const struct received *received, size_t headers)
{
    const char *method = received->bytes;
    const char *version = method + strlen(method) + 1;
    struct header_block block;
    const char *next;

    version += strlen(version) + 1;
    header_block_init(&block, method, received->target_length, version, received->size);
    next = version + strlen(version) + 1;
    for (size_t i = 0; i < headers; i++) {
        const char *value;

        next += *next == '\0'; /* the LF of a CR LF */
        value = next + strlen(next) + 1;
        value += strspn(value, " ");
        header_block_add(&block, next, value);
        next = value + strlen(value) + 1;
    }
    return header_block_hides(&block);
}

static void header_block__hides_nothing_of_whole_lines(void **state)
{
    static const struct received requests[] = {
        RECEIVED("GET\0/x\0HTTP/1.1\0\0Host\0 a\0\0Accept\0 b\0\0\r\n", "/x"),
        RECEIVED("GET\0/x\0HTTP/1.1\0Host\0 a\0Accept\0 b\0\n",
                 "/x"), /* lines that LF alone ends */
        RECEIVED("GET\0/x\0HTTP/1.1\0\0Host\0\0\0Accept\0b\0\0\r\n", "/x"), /* an empty value */
    };

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        assert_false(hides(&requests[i], 2));
}

static void header_block__hides_what_follows_a_nul(void **state)
{
    static const struct received in_target =
        RECEIVED("GET\0/x\0/y HTTP/1.1\0\0Host\0a\0\0\r\n", "/x");
    static const struct received in_value =
        RECEIVED("GET\0/x\0HTTP/1.1\0\0Host\0a\0evil\0\0Accept\0b\0\0\r\n", "/x");
    static const struct received in_last_value =
        RECEIVED("GET\0/x\0HTTP/1.1\0\0Host\0a\0evil\0\0\r\n", "/x");
    struct header_block block;
    const char *bytes = in_value.bytes;

    (void)state;
    header_block_init(&block, in_target.bytes, 2, in_target.bytes + strlen("GET./x./y "),
                      in_target.size);
    assert_true(header_block_hides(&block));
    header_block_init(&block, bytes, 2, bytes + strlen("GET./x."), in_value.size);
    header_block_add(&block, bytes + strlen("GET./x.HTTP/1.1.."),
                     bytes + strlen("GET./x.HTTP/1.1..Host."));
    header_block_add(&block, bytes + strlen("GET./x.HTTP/1.1..Host.a.evil.."),
                     bytes + strlen("GET./x.HTTP/1.1..Host.a.evil..Accept."));
    assert_true(header_block_hides(&block));
    assert_true(hides(&in_last_value, 1));
}

/* A folded line's value is put together elsewhere. */
static void header_block__hides_what_was_moved(void **state)
{
    static const struct received request =
        RECEIVED("GET\0/x\0HTTP/1.1\0\0Host\0a\0\0 b\0\0\r\n", "/x");
    static const char *const elsewhere[] = {"a b", ""};

    (void)state;
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        struct header_block block;

        header_block_init(&block, request.bytes, 2, request.bytes + strlen("GET./x."),
                          request.size);
        header_block_add(&block, request.bytes + strlen("GET./x.HTTP/1.1.."), elsewhere[i]);
        header_block_add(&block, block.next, block.next); /* does not make up for it */
        assert_true(header_block_hides(&block));
    }
}

static void header_block__of_zeros_hides_nothing(void **state)
{
    struct header_block block = {0};

    (void)state;
    header_block_add(&block, "Host", "a");
    assert_false(header_block_hides(&block));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_block__hides_nothing_of_whole_lines),
        cmocka_unit_test(header_block__hides_what_follows_a_nul),
        cmocka_unit_test(header_block__hides_what_was_moved),
        cmocka_unit_test(header_block__of_zeros_hides_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

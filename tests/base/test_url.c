/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include "base/cleanup.h"
#include "base/url.h"

static void url__a_segment_stands_for_itself_whatever_is_in_it(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf url = STRBUF(1000);

    (void)state;
    url_append_segment(&url, "aZ09-._~");
    assert_string_equal(url.text, "aZ09-._~");
    strbuf_reset(&url);
    url_append_segment(&url, "a/b ?#%&+=\xc3\xa9\n");
    assert_string_equal(url.text, "a%2Fb%20%3F%23%25%26%2B%3D%C3%A9%0A");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url__a_segment_stands_for_itself_whatever_is_in_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

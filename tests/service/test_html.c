/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include "base/cleanup.h"
#include "service/html.h"

static void html_write_text__leaves_no_markup(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf out = STRBUF(1000);

    (void)state;
    html_write_text(&out, "a < b && \"c\" > 'd' \xc3\xbc &amp;");
    assert_string_equal(out.text, "a &lt; b &amp;&amp; &quot;c&quot; &gt; 'd' \xc3\xbc &amp;amp;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_write_text__leaves_no_markup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

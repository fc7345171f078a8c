/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/run_capture.h"

static void end__of_the_command_leaves_owed_what_is_in_its_pipe(void **state)
{
    static const char last_words[] = "the last words of a command\n";
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(1000);
    struct pollfd entries[CAPTURE_POLL_MAX];
    struct capture capture;
    size_t count;

    (void)state;
    capture_init(&capture, CAPTURE_PIPE, 1000);
    assert_true(capture.count > 0);
    assert_int_equal(write(capture.streams[0].writer, last_words, sizeof last_words - 1),
                     sizeof last_words - 1);
    assert_true(capture_is_settled(&capture));
    capture_note_end(&capture);
    while (!capture_is_settled(&capture)) {
        count = capture_poll(&capture, entries);
        assert_true(poll(entries, (nfds_t)count, -1) > 0);
        (void)capture_move(&capture, entries);
    }
    tail_append_text(&text, capture_tail(&capture, capture.streams[0].target));
    assert_string_equal(text.text ? text.text : "", last_words);
    assert_false(capture_is_closed(&capture)); /* as another program has it */
    capture_clear(&capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(end__of_the_command_leaves_owed_what_is_in_its_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

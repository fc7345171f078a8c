/* SPDX-License-Identifier: MIT */
#include "cli/screen.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/command.h"
#include "cli/escape.h"

#define WIDTH_MIN 20

static bool wants_color(enum color_choice choice, bool is_terminal)
{
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    if (choice != COLOR_AUTO)
        return choice == COLOR_ALWAYS;
    return is_terminal && !(refused && *refused) && terminal && strcmp(terminal, "dumb") != 0;
}

static size_t terminal_width(void)
{
    const char *given = getenv("COLUMNS");
    struct winsize size;
    unsigned long columns = given ? strtoul(given, NULL, 10) : 0;

    if (!columns && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        columns = size.ws_col;
    return columns && columns < WIDTH_MIN ? WIDTH_MIN : columns;
}

struct screen screen_detect(enum color_choice choice)
{
    struct screen screen = {.is_terminal = isatty(STDOUT_FILENO) != 0};

    screen.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    screen.color = wants_color(choice, screen.is_terminal);
    screen.width = screen.is_terminal ? terminal_width() : 0;
    screen.escapes = screen.is_terminal && !screen.utf8 ? ESCAPE_ASCII : 0;
    return screen;
}

void screen_append(const struct screen *screen, struct strbuf *buf, enum style style,
                   const char *text)
{
    static const char *const codes[] = {
        [STYLE_GOOD] = "32", [STYLE_BAD] = "31",   [STYLE_BUSY] = "33",
        [STYLE_FAINT] = "2", [STYLE_STRONG] = "1",
    };

    if (screen->color && style != STYLE_PLAIN)
        strbuf_printf(buf, "\033[%sm%s\033[0m", codes[style], text);
    else
        strbuf_puts(buf, text);
}

/* Return the columns and the bytes of the character at `text`. Outside a UTF-8 locale each byte of
 * a longer sequence counts as a column: too narrow a table is better than one that wraps. */
static size_t measure(const char *text, mbstate_t *state, size_t *bytes)
{
    wchar_t code;
    size_t count = mbrtowc(&code, text, MB_CUR_MAX, state);
    int width;

    *bytes = 1;
    if (count == 0 || count > MB_CUR_MAX) {
        memset(state, 0, sizeof *state);
        return 1;
    }
    *bytes = count;
    width = wcwidth(code);
    return width < 0 ? 1 : (size_t)width;
}

size_t screen_columns(const char *text)
{
    mbstate_t state = {0};
    size_t columns = 0;
    size_t bytes;

    for (; *text; text += bytes)
        columns += measure(text, &state, &bytes);
    return columns;
}

size_t screen_fit(const char *text, size_t columns)
{
    mbstate_t state = {0};
    size_t used = 0;
    size_t length = 0;
    size_t bytes;

    while (text[length]) {
        used += measure(text + length, &state, &bytes);
        if (used > columns)
            break;
        length += bytes;
    }
    return length;
}

/* There was no memory for some of the output: what follows would hide the gap. */
static bool has_gap;

void screen_write(struct strbuf *buf)
{
    has_gap = has_gap || strbuf_failed(buf);
    if (buf->length && !has_gap)
        (void)fwrite(buf->text, 1, buf->length, stdout); /* screen_finish() asks ferror() */
    strbuf_reset(buf);
}

int screen_finish(void)
{
    if (has_gap) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_DONE;
    complain("cannot write the output: %s", strerror(errno));
    return STATUS_UNREACHABLE;
}

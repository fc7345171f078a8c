/* SPDX-License-Identifier: MIT
 *
 * Where the output goes, and what may be done there: width, UTF-8, colour.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

enum style { STYLE_PLAIN, STYLE_GOOD, STYLE_BAD, STYLE_BUSY, STYLE_FAINT, STYLE_STRONG };

struct screen {
    bool is_terminal;
    bool utf8; /* of the locale: symbols may be used */
    bool color;
    size_t width;     /* in columns; 0: unlimited */
    unsigned escapes; /* modes for escape_append(), without ESCAPE_TEXT */
};

/* Look at stdout and the environment (NO_COLOR, TERM, COLUMNS). */
struct screen screen_detect(enum color_choice choice);

/* Append text in a style; without colour: as it is. */
void screen_append(const struct screen *screen, struct strbuf *buf, enum style style,
                   const char *text);

/* Return the number of columns that (harmless) text takes. */
size_t screen_columns(const char *text);

/* Return the number of bytes of text that fit into so many columns. */
size_t screen_fit(const char *text, size_t columns);

/* Write what was built to stdout, and empty the buffer. */
void screen_write(struct strbuf *buf);

/* Make sure that everything arrived, and nothing was left out. Complains and returns an exit status when
 * it did not. */
int screen_finish(void);

#endif

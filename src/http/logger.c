/* SPDX-License-Identifier: MIT */
#include "http/logger.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "http/rest.h"

#define LINE_BYTES_MAX ((size_t)16 * 1024)
#define VALUE_BYTES_MAX 1000

static const char *const level_names[] = {"debug", "info", "warning", "error"};

tel_log_level logger_level(const char *name)
{
    for (int level = TEL_LOG_DEBUG; name && level <= TEL_LOG_ERROR; level++) {
        if (strcasecmp(name, level_names[level]) == 0)
            return (tel_log_level)level;
    }
    return TEL_LOG_INFO;
}

void logger_set_level(struct logger *logger, const char *name)
{
    atomic_store(&logger->level, (int)logger_level(name));
}

/* Quote as JSON does, and escape also what terminals obey and JSON lets pass: DEL and the controls from
 * U+0080 to U+009F. */
static void write_quoted(struct strbuf *line, const char *value)
{
    CLEANUP(strbuf_clear) struct strbuf quoted = STRBUF(LINE_BYTES_MAX);

    json_write_string(&quoted, value);
    for (const char *c = quoted.text; c && *c; c++) {
        unsigned char next = (unsigned char)c[1];

        if (*c == 0x7f) {
            strbuf_puts(line, "\\u007f");
        } else if ((unsigned char)*c == 0xc2 && next < 0xa0) {
            strbuf_printf(line, "\\u%04x", next);
            c++;
        } else {
            strbuf_putc(line, *c);
        }
    }
}

/* Values that are a word stay bare; the others are quoted. Nobody's is longer than its share. */
static void write_value(struct strbuf *line, const char *given)
{
    char value[VALUE_BYTES_MAX + 4];

    if (snprintf(value, sizeof value, "%.*s", VALUE_BYTES_MAX, given) == VALUE_BYTES_MAX &&
        given[VALUE_BYTES_MAX])
        memcpy(value + VALUE_BYTES_MAX, "...", 4);
    for (const char *c = value; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || *c == '"' || *c == '=' || *c == '\\') {
            write_quoted(line, value);
            return;
        }
    }
    strbuf_puts(line, *value ? value : "\"\"");
}

void logger_event(const struct logger *logger, tel_log_level level, const char *message,
                  const struct log_field *fields)
{
    CLEANUP(strbuf_clear) struct strbuf line = STRBUF(LINE_BYTES_MAX);
    char now[TEL_TIMESTAMP_SIZE];
    ssize_t written;

    if ((int)level < atomic_load(&logger->level))
        return;
    timestamp_format(now, clock_now_us());
    strbuf_printf(&line, "time=%s level=%s msg=", now, level_names[level]);
    json_write_string(&line, message);
    for (; fields && fields->key; fields++) {
        strbuf_printf(&line, " %s=", fields->key);
        write_value(&line, fields->value ? fields->value : "");
    }
    strbuf_putc(&line, '\n');
    if (strbuf_failed(&line))
        return;
    rest_now();
    /* One write keeps the line whole; a log that nobody takes is nobody's loss. */
    written = write(STDERR_FILENO, line.text, line.length);
    (void)written;
}

static void write_plain(void *arg, tel_log_level level, const char *message)
{
    logger_event(arg, level, message, NULL);
}

struct log logger_as_log(struct logger *logger)
{
    return (struct log){.write = write_plain, .arg = logger};
}

/* SPDX-License-Identifier: MIT
 *
 * The file may have settings of other programs too, since it may be what systemd hands to several. But
 * one of ours that is misspelt must be found, and a secret must not be for everybody.
 */
#include "config/config_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config/env_file.h"
#include "config/setting.h"

#define FAULTS_BYTES_MAX ((size_t)16 * 1024)

struct loading {
    struct tel_config *config;
    const char *path;
    bool is_public; /* everybody may read it */
    tel_error error;
};

static void forget(struct tel_config *config)
{
    for (int i = 0; i < CONFIG_COUNT; i++) {
        free(config->values[i].in_file);
        config->values[i].in_file = NULL;
    }
    strbuf_clear(&config->file_faults);
    config->file_faults = STRBUF(FAULTS_BYTES_MAX);
}

/* A fault is one line; once there are too many, the rest is left out. */
static void add_fault(struct loading *loading, size_t line, const char *what, const char *key)
{
    struct strbuf *faults = &loading->config->file_faults;

    if (faults->length + strlen(loading->path) + 512 > FAULTS_BYTES_MAX)
        return;
    strbuf_puts(faults, loading->path);
    if (line)
        strbuf_printf(faults, ":%zu", line);
    strbuf_printf(faults, ": %.100s%.300s\n", key, what);
}

static void note_fault(void *arg, const char *reason, size_t line)
{
    add_fault(arg, line, reason, "");
}

static void keep_value(struct loading *loading, int index, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        loading->error = TEL_E_NOMEM;
    free(loading->config->values[index].in_file);
    loading->config->values[index].in_file = copy;
}

static void take_setting(void *arg, const char *key, const char *text, size_t line)
{
    struct loading *loading = arg;
    int index = setting_find(key);

    if (index == CONFIG_TELEMETRY_CONFIG_FILE) {
        add_fault(loading, line, " cannot be given by a file", key);
    } else if (index >= 0 && setting_is_environment_key(key)) {
        if (settings[index].kind == SETTING_SECRET && loading->is_public)
            add_fault(loading, line, " is secret, but everybody may read the file: take that away",
                      key);
        keep_value(loading, index, text);
    } else if (strncmp(key, "TELEMETRY_", 10) == 0) {
        add_fault(loading, line, " is no setting: see docs/configuration.md", key);
    }
}

/* Read all of a file, which the caller frees. */
static tel_error read_text(char **out, int fd, const char *path, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(ENV_FILE_BYTES_MAX);
    char chunk[4096];
    ssize_t count;

    while ((count = read(fd, chunk, sizeof chunk)) > 0)
        strbuf_append(&text, chunk, (size_t)count);
    if (count < 0)
        return fault_errno(fault, TEL_E_IO, "cannot read %s", path);
    if (text.too_large)
        return fault_set(fault, TEL_E_TOO_LARGE, "%s is larger than a configuration can be", path);
    if (text.length > 0 && memchr(text.text, '\0', text.length))
        return fault_set(fault, TEL_E_CORRUPT, "%s is no text: it holds a NUL", path);
    *out = strbuf_take(&text);
    return *out ? TEL_OK : TEL_E_NOMEM;
}

/* A link is followed: that is how configurations are put in place. */
static tel_error open_and_read(char **out, struct loading *loading, tel_fault *fault)
{
    CLEANUP(closep) int fd = open(loading->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;

    if (fd < 0 || fstat(fd, &status))
        return fault_errno(fault, TEL_E_IO, "TELEMETRY_CONFIG_FILE: cannot open %s", loading->path);
    if (!S_ISREG(status.st_mode))
        return fault_set(fault, TEL_E_CORRUPT, "TELEMETRY_CONFIG_FILE: %s is no regular file",
                         loading->path);
    loading->is_public = (status.st_mode & S_IROTH) != 0;
    return read_text(out, fd, loading->path, fault);
}

tel_error config_load_file(struct tel_config *config)
{
    struct loading loading = {.config = config,
                              .path = config_text(config, CONFIG_TELEMETRY_CONFIG_FILE)};
    const struct env_file_callbacks callbacks = {take_setting, note_fault, &loading};
    CLEANUP(freep) char *text = NULL;
    tel_fault fault = {0};
    tel_error error;

    forget(config);
    if (!loading.path)
        return TEL_OK;
    error = open_and_read(&text, &loading, &fault);
    if (error == TEL_E_NOMEM)
        return error;
    if (error) {
        strbuf_printf(&config->file_faults, "%s\n", fault.text);
        return TEL_OK;
    }
    error = env_file_parse(text, &callbacks);
    return error ? error : loading.error;
}

size_t config_report_file(const struct tel_config *config, tel_log_level level, tel_log_fn *report,
                          void *arg)
{
    struct log log = {.write = report, .arg = arg};
    const char *line = config->file_faults.length > 0 ? config->file_faults.text : "";
    size_t count = 0;

    for (; *line; line += strcspn(line, "\n") + 1) {
        log_write(&log, level, "%.*s", (int)strcspn(line, "\n"), line);
        count++;
    }
    return count;
}

/* SPDX-License-Identifier: MIT */
#include "support/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void forget_settings(void)
{
    static const char *const others[] =
        {"AGENT_METRICS_DIR",         "AGENT_OWNER",           "METRICS_API_URL",
         "METRICS_API_ENABLED",       "METRICS_API_TOKEN",     "METRICS_API_AUTH_REQUIRED",
         "GOOGLE_SHEETS_API_ENABLED", "GOOGLE_SHEETS_API_URL", "GOOGLE_APPLICATION_CREDENTIALS"};
    char name[200];

    for (char **entry = environ; *entry;) {
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(*entry, "="), *entry);
        if (strncmp(name, "TELEMETRY_", 10) == 0 && unsetenv(name) == 0)
            entry = environ;
        else
            entry++;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        (void)unsetenv(others[i]);
}

char *scratch_make(void)
{
    const char *place = getenv("TMPDIR");
    char *directory = scratch_path(place && *place ? place : "/tmp", "telemetry-test-XXXXXX");
    char *base;

    if (!directory || !mkdtemp(directory))
        die("mkdtemp");
    forget_settings();
    base = scratch_path(directory, "base");
    if (mkdir(base, 0700) || setenv("HOME", directory, 1) || setenv("TELEMETRY_BASE_DIR", base, 1))
        die(base);
    free(base);
    return directory;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void scratch_remove(char *directory)
{
    if (directory && nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS))
        die(directory);
    free(directory);
}

int scratch_set_up(void **state)
{
    *state = scratch_make();
    return 0;
}

int scratch_tear_down(void **state)
{
    scratch_remove(*state);
    return 0;
}

char *scratch_path(const char *directory, const char *name)
{
    char *path;

    if (asprintf(&path, "%s/%s", directory, name) < 0)
        die("asprintf");
    return path;
}

char *scratch_read(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;

    if (!file || getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = strdup("");
    }
    if (file)
        (void)fclose(file);
    return text;
}

void scratch_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    if (!file || fputs(text, file) < 0 || fclose(file))
        die(path);
}

char *scratch_read_all(const char *directory, const char *suffix)
{
    struct dirent **entries = NULL;
    char *all = strdup("");
    int count = scandir(directory, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        size_t length = strlen(name);

        if (length >= strlen(suffix) && strcmp(name + length - strlen(suffix), suffix) == 0) {
            char *path = scratch_path(directory, name);
            char *text = scratch_read(path);
            char *longer;

            if (asprintf(&longer, "%s%s", all, text) < 0)
                die("asprintf");
            free(path);
            free(text);
            free(all);
            all = longer;
        }
        free(entries[i]);
    }
    free(entries);
    return all;
}

size_t count_of(const char *text, const char *needle)
{
    size_t count = 0;

    for (; (text = strstr(text, needle)) != NULL; text += strlen(needle))
        count++;
    return count;
}

size_t count_lines(const char *text)
{
    return count_of(text, "\n");
}

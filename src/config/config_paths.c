/* SPDX-License-Identifier: MIT */
#include "config/config_paths.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define HOME_BUFFER_BYTES 4096

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Return the user's home directory, or NULL; it may be in `buffer`. */
static const char *home_directory(char *buffer, size_t size)
{
    const char *home = getenv("HOME");
    struct passwd entry;
    struct passwd *found = NULL;

    if (home && *home == '/')
        return home;
    if (getpwuid_r(geteuid(), &entry, buffer, size, &found) || !found)
        return NULL;
    return found->pw_dir && *found->pw_dir == '/' ? found->pw_dir : NULL;
}

char *path_expand(const char *path)
{
    CLEANUP(freep) char *working = NULL;
    char buffer[HOME_BUFFER_BYTES];
    const char *home = strncmp(path, "~/", 2) == 0 ? home_directory(buffer, sizeof buffer) : NULL;

    if (home)
        return path_join(home, path + 2);
    if (*path != '/')
        working = getcwd(NULL, 0);
    return working ? path_join(working, path) : strdup(path);
}

/* A database in a directory called db belongs to the base above it. */
static char *base_of_database(const char *path)
{
    CLEANUP(freep) char *directory = path_directory(path);
    const char *name;

    if (!directory)
        return NULL;
    name = strrchr(directory, '/');
    if (strcmp(name ? name + 1 : directory, "db") != 0)
        return steal(&directory);
    return path_directory(directory);
}

/* *base stays NULL when there is no home to put it in. */
static bool find_default_base(char **base)
{
    static const char *const shared[] = {"/agent-metrics", "/opt/telemetry", "/data/telemetry"};
    char buffer[HOME_BUFFER_BYTES];
    const char *home;

    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        if (is_directory(shared[i])) {
            *base = strdup(shared[i]);
            return *base != NULL;
        }
    }
    home = home_directory(buffer, sizeof buffer);
    if (!home)
        return true;
    *base = path_join(home, ".telemetry");
    return *base != NULL;
}

static bool derive_base(struct config_value *values)
{
    struct config_value *base = &values[CONFIG_TELEMETRY_BASE_DIR];
    const char *database = values[CONFIG_TELEMETRY_DB_PATH].text;
    const char *legacy = values[CONFIG_AGENT_METRICS_DIR].text;

    if (base->text)
        return true;
    if (!legacy && !database)
        return find_default_base(&base->text);
    base->text = legacy ? strdup(legacy) : base_of_database(database);
    return base->text != NULL;
}

/* Fill in a path that was not given: {directory}/{name}. */
static bool derive_path(struct config_value *value, const char *directory, const char *name)
{
    if (value->text || !directory)
        return true;
    value->text = path_join(directory, name);
    return value->text != NULL;
}

static bool derive_lock(struct config_value *lock, const char *database)
{
    if (!lock->text && database && asprintf(&lock->text, "%s.lock", database) < 0)
        lock->text = NULL;
    return lock->text || !database;
}

bool config_derive_paths(struct tel_config *config)
{
    struct config_value *values = config->values;
    struct config_value *base = &values[CONFIG_TELEMETRY_BASE_DIR];
    struct config_value *database = &values[CONFIG_TELEMETRY_DB_PATH];

    return derive_base(values) && derive_path(database, base->text, "db/telemetry.sqlite") &&
           derive_path(&values[CONFIG_TELEMETRY_NDJSON_DIR], base->text, "raw") &&
           derive_path(&values[CONFIG_TELEMETRY_BUFFER_DIR], base->text, "buffer") &&
           derive_lock(&values[CONFIG_TELEMETRY_LOCK_FILE], database->text);
}

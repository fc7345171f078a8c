/* SPDX-License-Identifier: MIT */
#include "deliver/config_paths.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Return the user's home directory, which the caller frees, or NULL. */
static char *home_directory(void)
{
    const char *home = getenv("HOME");
    struct passwd entry;
    struct passwd *found = NULL;
    char buffer[4096];

    if (home && *home == '/')
        return strdup(home);
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) || !found)
        return NULL;
    return found->pw_dir && *found->pw_dir == '/' ? strdup(found->pw_dir) : NULL;
}

static char *under_home(const char *name)
{
    CLEANUP(freep) char *home = home_directory();

    return home ? path_join(home, name) : NULL;
}

char *path_expand(const char *path)
{
    CLEANUP(freep) char *working = NULL;

    if (strncmp(path, "~/", 2) == 0) {
        char *expanded = under_home(path + 2);

        if (expanded)
            return expanded;
    }
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

static char *default_base(void)
{
    static const char *const shared[] = {"/agent-metrics", "/opt/telemetry", "/data/telemetry"};

    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        if (is_directory(shared[i]))
            return strdup(shared[i]);
    }
    return under_home(".telemetry");
}

/* Fill in a path that was not given: {directory}/{name}. */
static void derive_path(struct tel_config *config, enum config_index index, const char *directory,
                        const char *name)
{
    if (!config->values[index].text && directory)
        config->values[index].text = path_join(directory, name);
}

void config_derive_paths(struct tel_config *config)
{
    struct config_value *values = config->values;
    struct config_value *base = &values[CONFIG_TELEMETRY_BASE_DIR];
    const char *database = values[CONFIG_TELEMETRY_DB_PATH].text;

    if (!base->text && values[CONFIG_AGENT_METRICS_DIR].text)
        base->text = strdup(values[CONFIG_AGENT_METRICS_DIR].text);
    if (!base->text)
        base->text = database ? base_of_database(database) : default_base();
    derive_path(config, CONFIG_TELEMETRY_DB_PATH, base->text, "db/telemetry.sqlite");
    derive_path(config, CONFIG_TELEMETRY_NDJSON_DIR, base->text, "raw");
    derive_path(config, CONFIG_TELEMETRY_BUFFER_DIR, base->text, "buffer");

    database = values[CONFIG_TELEMETRY_DB_PATH].text;
    if (!values[CONFIG_TELEMETRY_LOCK_FILE].text && database) {
        char *lock;

        if (asprintf(&lock, "%s.lock", database) >= 0)
            values[CONFIG_TELEMETRY_LOCK_FILE].text = lock;
    }
}

/* SPDX-License-Identifier: MIT */
#include "service/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double cpu_seconds(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage))
        return 0;
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static void read_memory(struct process_figures *figures)
{
    FILE *file = fopen("/proc/self/statm", "re");
    int64_t page_bytes = sysconf(_SC_PAGESIZE);
    int64_t virtual_pages;
    int64_t resident_pages;

    if (!file)
        return;
    if (fscanf(file, "%" SCNd64 " %" SCNd64, &virtual_pages, &resident_pages) == 2) {
        figures->virtual_bytes = virtual_pages * page_bytes;
        figures->resident_bytes = resident_pages * page_bytes;
    }
    (void)fclose(file);
}

static int64_t count_open_files(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int64_t count = 0;

    if (!directory)
        return 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(directory);
    return count - 1; /* less the one that is read */
}

static int64_t open_files_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT64_MAX)
        return 0;
    return (int64_t)limit.rlim_cur;
}

struct process_figures process_figures(void)
{
    struct process_figures figures = {
        .cpu_seconds = cpu_seconds(),
        .open_files = count_open_files(),
        .open_files_max = open_files_max(),
    };

    read_memory(&figures);
    return figures;
}

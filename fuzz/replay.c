/* SPDX-License-Identifier: MIT
 *
 * Stands in for libFuzzer where there is none: hands a target every input of a corpus, whole and cut
 * short, so that what was found once is tried by any compiler.
 *
 *     fuzz_<name> DIRECTORY
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define INPUT_BYTES_MAX ((size_t)1 << 20)
#define CUTS_MAX ((size_t)512) /* of one input; its beginning is where most is decided */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory that ends where the input does, so that a read behind it is seen. */
static void try_input(const uint8_t *data, size_t size)
{
    CLEANUP(freep) uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
}

static void replay(const char *path)
{
    CLEANUP(freep) uint8_t *data = malloc(INPUT_BYTES_MAX);
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file || !data) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size = fread(data, 1, INPUT_BYTES_MAX, file);
    (void)fclose(file);
    (void)fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
    try_input(data, size);
    for (size_t cut = 0; cut < size && cut < CUTS_MAX; cut++)
        try_input(data, cut);
}

int main(int argc, char **argv)
{
    DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
    size_t count = 0;

    if (!directory) {
        (void)fprintf(stderr, "no corpus: %s\n", argc == 2 ? argv[1] : "name its directory");
        return EXIT_FAILURE;
    }
    for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        CLEANUP(freep) char *path = NULL;

        if (*entry->d_name == '.')
            continue;
        if (asprintf(&path, "%s/%s", argv[1], entry->d_name) < 0)
            return EXIT_FAILURE;
        replay(path);
        count++;
    }
    (void)closedir(directory);
    return count ? EXIT_SUCCESS : EXIT_FAILURE;
}

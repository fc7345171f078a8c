/* SPDX-License-Identifier: MIT
 *
 * The flags that all commands have, and those of commands that choose runs. Each is a parser for
 * argp to take in as a child; the command names the struct that is filled in ARGP_KEY_INIT:
 *
 *     state->child_inputs[0] = &options->common;
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/screen.h"
#include "cli/when.h"
#include "config/config.h"
#include "store/store.h"

enum output_format { FORMAT_TABLE, FORMAT_WIDE, FORMAT_JSON, FORMAT_NDJSON };

struct common_options {
    struct tel_config *config; /* of the environment, with --base and --url put in */
    bool has_base;             /* --base was given... */
    bool has_url;              /* ...and --url: then nothing else will do */
    enum output_format format;
    enum color_choice color;
    bool quiet;
    bool verbose;
    struct when_context when;
};

extern const struct argp common_argp;

/* Prepare for the parser. TEL_E_NOMEM. */
tel_error common_options_init(struct common_options *options);
void common_options_clear(struct common_options *options);

/* Are the files all there is to ask, whatever service may run? */
bool options_want_files_only(const struct common_options *options);

/* Which runs, in the words of the command line. Texts are argv's. */
struct filter_options {
    const struct when_context *when;
    const char *agent; /* NAME, or PREFIX.* */
    const char *job_type;
    const char *host;
    const char *product;
    const char *parent; /* an id as pick.h takes it */
    const char *statuses[QUERY_STATUSES_MAX];
    size_t status_count;
    const char *since; /* NULL: any time; else checked, and the next line its value */
    const char *until;
    int64_t since_us, until_us;
    bool all;      /* children too */
    int64_t limit; /* set the default before parsing */
};

#define LIMIT_MAX 100000

extern const struct argp filter_argp;

/*
 * Parse. What is wrong is said on stderr, with `usage_status` as the program's end. `flags`: of
 * argp_parse().
 */
void options_parse(const struct argp *argp, int argc, char **argv, unsigned flags, int usage_status,
                   void *input);

/* Read an integer in decimal from `min` to `max`. */
bool options_read_int(int64_t *out, const char *text, int64_t min, int64_t max);

#endif

/* SPDX-License-Identifier: MIT */
#include "cli/run_json.h"

#include "base/cleanup.h"
#include "model/git_url.h"
#include "model/record_json.h"

static void append_link(struct strbuf *buf, const char *name, const char *url)
{
    strbuf_printf(buf, ",\"%s\":", name);
    if (url)
        json_write_string(buf, url);
    else
        strbuf_puts(buf, "null");
}

void run_json_append(struct strbuf *buf, const struct tel_record *run)
{
    const char *repo = record_text(run, FIELD_git_repo);
    CLEANUP(freep) char *commit_url = git_url_commit(repo, record_text(run, FIELD_git_commit_hash));
    CLEANUP(freep) char *repo_url = git_url_repo(repo);

    strbuf_putc(buf, '{');
    record_write_members(buf, run, ~(field_set)0, RECORD_AS_SERVED);
    append_link(buf, "commit_url", commit_url);
    append_link(buf, "repo_url", repo_url);
    strbuf_putc(buf, '}');
}

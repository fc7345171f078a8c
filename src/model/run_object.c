/* SPDX-License-Identifier: MIT */
#include "model/run_object.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "model/git_url.h"
#include "model/record_json.h"

static void write_link(struct strbuf *buf, const char *key, const char *url)
{
    strbuf_puts(buf, key);
    json_write_string(buf, url);
}

void run_object_write(struct strbuf *buf, const struct tel_record *record)
{
    const char *repo = record_text(record, FIELD_git_repo);
    CLEANUP(freep) char *repo_url = git_url_repo(repo);
    CLEANUP(freep)
    char *commit_url = git_url_commit(repo, record_text(record, FIELD_git_commit_hash));

    strbuf_putc(buf, '{');
    record_write_members(buf, record, ~(field_set)0, RECORD_AS_SERVED);
    write_link(buf, ",\"commit_url\":", commit_url);
    write_link(buf, ",\"repo_url\":", repo_url);
    strbuf_putc(buf, '}');
}

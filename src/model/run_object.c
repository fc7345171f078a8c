/* SPDX-License-Identifier: MIT */
#include "model/run_object.h"

#include "model/git_url.h"
#include "model/record_json.h"

void run_object_write(struct strbuf *buf, const struct tel_record *record)
{
    const char *repo = record_text(record, FIELD_git_repo);

    strbuf_putc(buf, '{');
    record_write_members(buf, record, ~(field_set)0, RECORD_AS_SERVED);
    strbuf_puts(buf, ",\"commit_url\":");
    git_url_write_commit(buf, repo, record_text(record, FIELD_git_commit_hash));
    strbuf_puts(buf, ",\"repo_url\":");
    git_url_write_repo(buf, repo);
    strbuf_putc(buf, '}');
}

/* SPDX-License-Identifier: MIT
 *
 * Links to a run's repository and commit.
 */
#include "base/cleanup.h"
#include "service/api.h"
#include "service/lookup.h"
#include "model/git_url.h"

void api_commit_url(struct service *service, struct exchange *exchange)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    struct strbuf *body;

    if (!lookup_run(service, exchange, &run))
        return;
    body = answer_json(exchange, 200);
    strbuf_puts(body, "{\"commit_url\":");
    git_url_write_commit(body, record_text(&run, FIELD_git_repo),
                         record_text(&run, FIELD_git_commit_hash));
    strbuf_putc(body, '}');
}

void api_repo_url(struct service *service, struct exchange *exchange)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    struct strbuf *body;

    if (!lookup_run(service, exchange, &run))
        return;
    body = answer_json(exchange, 200);
    strbuf_puts(body, "{\"repo_url\":");
    git_url_write_repo(body, record_text(&run, FIELD_git_repo));
    strbuf_putc(body, '}');
}

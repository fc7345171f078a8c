/* SPDX-License-Identifier: MIT
 *
 * Links to a run's repository and commit.
 */
#include "base/cleanup.h"
#include "base/json.h"
#include "service/api.h"
#include "service/lookup.h"
#include "model/git_url.h"

static void answer_link(struct exchange *exchange, const char *name, const char *url)
{
    struct strbuf *body = answer_json(exchange, 200);

    strbuf_printf(body, "{\"%s\":", name);
    json_write_string(body, url);
    strbuf_putc(body, '}');
}

void api_commit_url(struct service *service, struct exchange *exchange)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    CLEANUP(freep) char *url = NULL;

    if (!lookup_run(service, exchange, &run))
        return;
    url =
        git_url_commit(record_text(&run, FIELD_git_repo), record_text(&run, FIELD_git_commit_hash));
    answer_link(exchange, "commit_url", url);
}

void api_repo_url(struct service *service, struct exchange *exchange)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    CLEANUP(freep) char *url = NULL;

    if (!lookup_run(service, exchange, &run))
        return;
    url = git_url_repo(record_text(&run, FIELD_git_repo));
    answer_link(exchange, "repo_url", url);
}

/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "model/git_url.h"

static void assert_json(struct strbuf *json, const char *expected)
{
    char quoted[8200];

    (void)snprintf(quoted, sizeof quoted, "\"%s\"", expected ? expected : "");
    assert_string_equal(json->text, expected ? quoted : "null");
    strbuf_clear(json);
}

static void assert_repo(const char *remote, const char *expected)
{
    struct strbuf json = STRBUF(SIZE_MAX);

    git_url_write_repo(&json, remote);
    assert_json(&json, expected);
}

static void assert_commit(const char *remote, const char *commit, const char *expected)
{
    struct strbuf json = STRBUF(SIZE_MAX);

    git_url_write_commit(&json, remote, commit);
    assert_json(&json, expected);
}

static void git_url_write_repo__turns_ssh_into_https(void **state)
{
    (void)state;
    assert_repo("git@github.com:owner/repo.git", "https://github.com/owner/repo");
    assert_repo("git@github.com:/owner/repo", "https://github.com/owner/repo");
    assert_repo("ssh://git@host.example:2222/o/r.git", "https://host.example/o/r");
    assert_repo("SSH://host.example/o/r", "https://host.example/o/r");
}

static void git_url_write_repo__drops_what_is_at_the_end(void **state)
{
    (void)state;
    assert_repo("https://h/o/r.git", "https://h/o/r");
    assert_repo("https://h/o/r.git/", "https://h/o/r");
    assert_repo("https://h/o/r///", "https://h/o/r");
    assert_repo("https://h/o/r.github", "https://h/o/r.github");
}

static void git_url_write_repo__drops_user_and_password_but_keeps_an_https_port(void **state)
{
    (void)state;
    assert_repo("https://user:p@ss@Host.Example:8443/O/R", "https://host.example:8443/O/R");
    assert_repo("https://token@github.com/o/r", "https://github.com/o/r");
    assert_repo("HTTPS://GitHub.com/O/R", "https://github.com/O/R");
}

static void git_url_write_repo__has_none_for_what_is_no_web_page(void **state)
{
    static const char *const none[] = {
        "",
        "http://h/o/r",
        "git://h/o/r",
        "file:///srv/r",
        "/srv/r",
        "../r",
        "C:\\r",
        "https://",
        "https:///r",
        "ssh://:22/r",
        "javascript:x@y:z//",
        "https://h/<script>",
        "https://h/o r",
        "https://h\\@evil/r",
        "https://h\n/o/r",
        "https://[::1]/r",
        "https://h?x",
        "o/r@h:p",
        "https://h/\xff",
        "https://h/\xc3\xa4",
    };

    (void)state;
    assert_repo(NULL, NULL);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_repo(none[i], NULL);
}

static void git_url_write_repo__has_none_for_what_is_too_long(void **state)
{
    char remote[4098];

    (void)state;
    (void)snprintf(remote, sizeof remote, "https://h.example/%0*d", 4096 - 18, 0);
    assert_int_equal(strlen(remote), 4096);
    assert_repo(remote, remote);
    (void)snprintf(remote, sizeof remote, "https://h.example/%0*d", 4097 - 18, 0);
    assert_repo(remote, NULL);
}

static void git_url_write_commit__knows_three_hosts(void **state)
{
    (void)state;
    assert_commit("git@github.com:o/r.git", "abc1234", "https://github.com/o/r/commit/abc1234");
    assert_commit("https://GitLab.com/g/s/r", "abc1234",
                  "https://gitlab.com/g/s/r/-/commit/abc1234");
    assert_commit("https://u@bitbucket.org/o/r/", "abc1234",
                  "https://bitbucket.org/o/r/commits/abc1234");
}

static void git_url_write_commit__matches_the_host_itself(void **state)
{
    (void)state;
    assert_commit("https://evil.example/github.com/r", "abc1234", NULL);
    assert_commit("https://github.com.evil.example/o/r", "abc1234", NULL);
    assert_commit("https://notgithub.com/o/r", "abc1234", NULL);
    assert_commit("https://github.com@evil.example/o/r", "abc1234", NULL);
    assert_commit("https://www.github.com/o/r", "abc1234", NULL);
    assert_commit("https://github.com", "abc1234", NULL);
}

static void git_url_write_commit__wants_a_commit(void **state)
{
    (void)state;
    assert_commit("https://github.com/o/r", NULL, NULL);
    assert_commit("https://github.com/o/r", "", NULL);
    assert_commit("https://github.com/o/r", "../../x", NULL);
    assert_commit("https://github.com/o/r", "a?b", NULL);
    assert_commit(NULL, "abc1234", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(git_url_write_repo__turns_ssh_into_https),
        cmocka_unit_test(git_url_write_repo__drops_what_is_at_the_end),
        cmocka_unit_test(git_url_write_repo__drops_user_and_password_but_keeps_an_https_port),
        cmocka_unit_test(git_url_write_repo__has_none_for_what_is_no_web_page),
        cmocka_unit_test(git_url_write_repo__has_none_for_what_is_too_long),
        cmocka_unit_test(git_url_write_commit__knows_three_hosts),
        cmocka_unit_test(git_url_write_commit__matches_the_host_itself),
        cmocka_unit_test(git_url_write_commit__wants_a_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

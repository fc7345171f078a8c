/* SPDX-License-Identifier: MIT
 *
 * Detection against repositories made by git itself, and against hostile imitations of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/git.h"

static char directory[64];

static int setup(void **state)
{
    (void)state;
    (void)strcpy(directory, "/tmp/telemetry-git-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int sh(const char *script)
{
    char command[2048];

    (void)snprintf(command, sizeof command,
                   "cd %s && export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a "
                   "GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a "
                   "GIT_COMMITTER_EMAIL=a@example.org && { %s; } >/dev/null 2>&1",
                   directory, script);
    return system(command);
}

static int teardown(void **state)
{
    (void)state;
    return sh("chmod -R u+rwx . && rm -rf $PWD");
}

static struct git_context detect(const char *name)
{
    struct git_context context;
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_equal(git_detect(&context, path), TEL_OK);
    return context;
}

static void detect_fails(const char *name)
{
    struct git_context context;
    char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_not_equal(git_detect(&context, path), TEL_OK);
    assert_null(context.repo);
    assert_null(context.run_tag);
}

static void git_detect__finds_remote_branch_and_head_from_a_subdirectory(void **state)
{
    struct git_context context;

    (void)state;
    assert_int_equal(sh("git init -q -b main r && cd r && mkdir -p a/b && "
                        "git commit -q --allow-empty -m x && "
                        "git remote add other https://example.org/other && "
                        "git remote add origin git@example.org:owner/words.git"),
                     0);
    context = detect("r/a/b");
    assert_string_equal(context.repo, "git@example.org:owner/words.git");
    assert_string_equal(context.branch, "main");
    assert_string_equal(context.run_tag, "words/main");
    assert_int_equal(strlen(context.head), 40);
    git_context_clear(&context);
}

static void git_detect__names_a_repository_without_remote_by_its_directory(void **state)
{
    struct git_context context;

    (void)state;
    assert_int_equal(sh("git init -q -b feature/x local"), 0);
    context = detect("local");
    assert_string_equal(context.repo, "local");
    assert_string_equal(context.run_tag, "local/feature/x");
    assert_null(context.head);
    git_context_clear(&context);
    assert_int_equal(sh("git -C local remote add origin .git"), 0);
    context = detect("local");
    assert_string_equal(context.run_tag, ".git/feature/x");
    git_context_clear(&context);
}

static void git_detect__understands_worktrees(void **state)
{
    struct git_context context;

    (void)state;
    assert_int_equal(sh("git init -q -b main r && cd r && git commit -q --allow-empty -m x && "
                        "git remote add origin https://example.org/o/words && "
                        "git worktree add -q -b side ../side"),
                     0);
    context = detect("side");
    assert_string_equal(context.repo, "https://example.org/o/words");
    assert_string_equal(context.branch, "side");
    assert_string_equal(context.run_tag, "words/side");
    assert_non_null(context.head);
    git_context_clear(&context);
}

static void git_detect__understands_submodules(void **state)
{
    struct git_context context;

    (void)state;
    assert_int_equal(sh("git init -q -b main inner && cd inner && "
                        "git commit -q --allow-empty -m x && cd .. && "
                        "git init -q -b main outer && cd outer && "
                        "git -c protocol.file.allow=always submodule add -q ../inner sub"),
                     0);
    context = detect("outer/sub");
    assert_non_null(strstr(context.repo, "/inner"));
    assert_string_equal(context.run_tag, "inner/main");
    git_context_clear(&context);
}

static void git_detect__tags_a_detached_head_by_its_hash(void **state)
{
    struct git_context context;
    char tag[32];

    (void)state;
    assert_int_equal(sh("git init -q -b main r && cd r && git commit -q --allow-empty -m x && "
                        "git checkout -q --detach"),
                     0);
    context = detect("r");
    assert_null(context.branch);
    (void)snprintf(tag, sizeof tag, "r/%.8s", context.head);
    assert_string_equal(context.run_tag, tag);
    git_context_clear(&context);
}

static void git_detect__takes_for_a_hash_what_has_40_to_64_digits(void **state)
{
    static const int lengths[] = {39, 40, 64, 65};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct git_context context;
        char command[200];

        (void)snprintf(command, sizeof command, "mkdir -p h%d/.git && echo %0*d >h%d/.git/HEAD",
                       lengths[i], lengths[i], 0, lengths[i]);
        assert_int_equal(sh(command), 0);
        (void)snprintf(command, sizeof command, "h%d", lengths[i]);
        if (lengths[i] < 40 || lengths[i] > 64) {
            detect_fails(command);
            continue;
        }
        context = detect(command);
        assert_int_equal(strlen(context.head), lengths[i]);
        git_context_clear(&context);
    }
}

static void git_detect__says_when_there_is_no_repository(void **state)
{
    (void)state;
    detect_fails(".");
    detect_fails("missing");
}

static void git_detect__is_not_held_up_or_fooled_by_odd_files(void **state)
{
    (void)state;
    assert_int_equal(
        sh("mkdir fifo loop self noref && mkfifo fifo/.git && "
           "ln -s .git loop/.git && "
           "printf 'gitdir: .' >self/.git && "
           "mkdir -p noref/.git && echo 'ref: ../../../etc/passwd' >noref/.git/HEAD && "
           "mkdir -p fifohead/.git && mkfifo fifohead/.git/HEAD && "
           "mkdir -p binary/.git && head -c 100000 /dev/zero >binary/.git/HEAD"),
        0);
    detect_fails("fifo");
    detect_fails("loop");
    detect_fails("self");
    detect_fails("noref");
    detect_fails("fifohead");
    detect_fails("binary");
}

static void git_detect__runs_nothing_that_a_hostile_configuration_names(void **state)
{
    struct git_context context;

    (void)state;
    assert_int_equal(
        sh("git init -q -b main evil && cd evil && "
           "printf '[core]\\n\\tfsmonitor = touch %s/ran\\n\\tsshCommand = touch %s/ran\\n"
           "[include]\\n\\tpath = /dev/zero\\n"
           "[remote \"origin\"]\\n\\turl = \"https://u:ghp_secret@example.org/o/r.git\" ; c\\n'"
           " $HOME $HOME >>.git/config"),
        0);
    context = detect("evil");
    assert_string_equal(context.repo, "https://example.org/o/r.git");
    assert_int_not_equal(sh("test -e ran"), 0);
    git_context_clear(&context);
}

/* Whatever is there is looked at before it is opened, and not beyond its beginning: a tebibyte would take
 * minutes to read, a FIFO for ever. */
static void git_detect__reads_only_the_beginning_of_regular_files(void **state)
{
    struct git_context context;

    (void)state;
    if (sh("git init -q -b main huge && truncate -s 1T huge/.git/config && rm huge/.git/config") !=
        0)
        skip();
    assert_int_equal(
        sh("for r in huge fifo loop zero dir; do git init -q -b main $r && rm $r/.git/config; done && "
           "printf '[remote \"origin\"]\\n\\turl = https://u:secret@h/o/words\\n' >huge/.git/config && "
           "truncate -s 1T huge/.git/config && "
           "mkfifo fifo/.git/config fifo/.git/commondir fifo/.git/packed-refs && "
           "ln -s config loop/.git/config && ln -s commondir loop/.git/commondir && "
           "ln -s /dev/zero zero/.git/config && ln -s /dev/zero zero/.git/commondir && "
           "mkdir dir/.git/config dir/.git/commondir"),
        0);
    context = detect("huge");
    assert_string_equal(context.repo, "https://h/o/words");
    git_context_clear(&context);
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"fifo", "loop", "zero", "dir"};
        char tag[32];

        context = detect(names[i]);
        (void)snprintf(tag, sizeof tag, "%s/main", names[i]);
        assert_string_equal(context.repo, names[i]);
        assert_string_equal(context.run_tag, tag);
        git_context_clear(&context);
    }
}

/* No git is asked: neither one that is not there, nor one that leaves a mark and hangs. */
static void client__asks_no_git_and_hands_no_credential_on(void **state)
{
    char *path = strdup(getenv("PATH"));
    char before[4096];
    char name[200];
    tel_client *client = NULL;
    tel_config *config = NULL;
    tel_run *run = NULL;

    (void)state;
    assert_int_equal(
        sh("mkdir bin && printf '#!/bin/sh\\ntouch %s/ran\\nsleep 1000\\n' $PWD >bin/git && "
           "chmod +x bin/git && git init -q -b main r && cd r && "
           "git remote add origin https://u:ghp_secret@h/o/words && "
           "for h in .git/hooks/post-checkout .git/hooks/fsmonitor-watchman .git/hooks/pre-commit; "
           "do cp ../bin/git $h; done && git config core.hooksPath .git/hooks && "
           "git config core.fsmonitor ../bin/git && git config credential.helper ../bin/git"),
        0);
    assert_non_null(getcwd(before, sizeof before));
    (void)snprintf(name, sizeof name, "%s/r", directory);
    assert_int_equal(chdir(name), 0);
    (void)snprintf(name, sizeof name, "%s/bin", directory);
    assert_int_equal(setenv("PATH", name, 1), 0);
    assert_int_equal(tel_config_new(&config), TEL_OK);
    (void)snprintf(name, sizeof name, "%s/base", directory);
    (void)tel_config_set(config, "TELEMETRY_BASE_DIR", name);
    (void)tel_config_set(config, "TELEMETRY_MODE", "embedded");
    assert_int_equal(tel_client_new(&client, config), TEL_OK);
    assert_int_equal(tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    tel_client_free(client);
    tel_config_free(config);
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_int_equal(chdir(before), 0);
    free(path);
    assert_int_not_equal(sh("test -e ran"), 0);
    assert_int_equal(sh("grep -rq 'https://h/o/words' base"), 0);
    assert_int_not_equal(sh("grep -rq ghp_secret base"), 0);
}

static void assert_cleaned(const char *url, const char *expected)
{
    char *clean = git_url_without_credentials(url);

    assert_string_equal(clean, expected);
    free(clean);
}

static void git_url_without_credentials__drops_user_and_password(void **state)
{
    (void)state;
    assert_cleaned("https://u:ghp_x@host/r", "https://host/r");
    assert_cleaned("https://ghp_x@host/r", "https://host/r");
    assert_cleaned("https://u:p@ss@host/r", "https://host/r");
    assert_cleaned("ssh://git@host:22/o/r", "ssh://host:22/o/r");
    assert_cleaned("git@host:o/r.git", "git@host:o/r.git");
    assert_cleaned("u:secret@host:o/r.git", "host:o/r.git");
    assert_cleaned("https://host/o/r@v1", "https://host/o/r@v1");
    assert_cleaned("/srv/git/r.git", "/srv/git/r.git");
    assert_cleaned("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            git_detect__finds_remote_branch_and_head_from_a_subdirectory, setup, teardown),
        cmocka_unit_test_setup_teardown(
            git_detect__names_a_repository_without_remote_by_its_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(git_detect__understands_worktrees, setup, teardown),
        cmocka_unit_test_setup_teardown(git_detect__understands_submodules, setup, teardown),
        cmocka_unit_test_setup_teardown(git_detect__tags_a_detached_head_by_its_hash, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(git_detect__takes_for_a_hash_what_has_40_to_64_digits,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(git_detect__says_when_there_is_no_repository, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(git_detect__is_not_held_up_or_fooled_by_odd_files, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(git_detect__runs_nothing_that_a_hostile_configuration_names,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(git_detect__reads_only_the_beginning_of_regular_files,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(client__asks_no_git_and_hands_no_credential_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(git_url_without_credentials__drops_user_and_password, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

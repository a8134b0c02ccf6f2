// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"
#include "tests/support/failmalloc.h"

// Each test runs in its own process, in a folder of its own.
static char folder[] = "/tmp/test_conf_file.XXXXXX";

static void enter(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

static void leave(void)
{
	cr_assert_eq(system("rm -f a.json b.json a.json.?????? sub/a.json && rm -df sub"), 0);
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(rmdir(folder), 0, "the folder is empty");
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect_file(const char *path, const char *want)
{
	char *text = confcase_file(path);

	cr_expect_str_eq(text, want);
	free(text);
}

static unsigned int n_files(void)
{
	unsigned int n = 0;
	DIR *d = opendir(".");

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2; // "." and ".."
}

static void expect_load_error(const char *path, int rc, const char *want)
{
	struct conf *c = NULL;
	struct err err = {0};

	cr_expect_eq(conf_load(&c, path, &err), rc);
	cr_expect_str_eq(err.msg, want);
	cr_expect_null(c);
}

TestSuite(conf_file, .init = enter, .fini = leave);

Test(conf_file, a_file_is_loaded_and_remembers_its_name)
{
	struct conf *c = NULL;

	put("a.json", "{\"node\": \"x\"}");
	cr_assert_eq(conf_load(&c, "a.json", NULL), 0);
	cr_expect_str_eq(c->file, "a.json");
	cr_expect_str_eq(c->node, "x");
	conf_free(c);
}

Test(conf_file, errors_begin_with_the_file)
{
	put("a.json", "{\n \"node\": }");
	expect_load_error("a.json", -EINVAL, "a.json:2:10: unexpected token near '}'");
	put("a.json", "{\"node\": 1}");
	expect_load_error("a.json", -EINVAL,
	                  "a.json: node: a whole number where a string is expected");
	put("a.json", "{\"lanes\": [1, 1]}");
	expect_load_error("a.json", -EINVAL, "a.json: lanes[1]: CPU 1 is already lanes[0]");
	put("a.json", "");
	expect_load_error("a.json", -EINVAL, "a.json: is empty");
}

Test(conf_file, what_is_no_file_is_an_error)
{
	expect_load_error("b.json", -ENOENT, "b.json: No such file or directory");
	expect_load_error(".", -EISDIR, ".: Is a directory");
	put("a.json", "{}");
	expect_load_error("a.json/b", -ENOTDIR, "a.json/b: Not a directory");
}

Test(conf_file, an_unreadable_file_is_an_error)
{
	put("a.json", "{}");
	chmod("a.json", 0);
	if (geteuid() == 0) {
		cr_assert_eq(chmod(".", 0755), 0);
		cr_assert_eq(seteuid(65534), 0);
	}
	expect_load_error("a.json", -EACCES, "a.json: Permission denied");
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
}

Test(conf_file, a_huge_file_is_refused)
{
	put("a.json", "{}");
	cr_assert_eq(truncate("a.json", (off_t)CONF_FILE_MAX + 1), 0);
	expect_load_error("a.json", -EFBIG, "a.json: larger than 16 MiB");
	expect_load_error("/dev/zero", -EFBIG, "/dev/zero: larger than 16 MiB");
}

Test(conf_file, a_new_file_is_for_its_owner_only)
{
	struct conf *c = confcase_parse(NULL, NULL);
	char *text = conf_text(c);
	struct stat st;

	cr_assert_eq(conf_save(c, "a.json", NULL), 0);
	expect_file("a.json", text);
	cr_assert_eq(stat("a.json", &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_expect_eq(n_files(), 1);
	free(text);
	conf_free(c);
}

Test(conf_file, an_old_file_keeps_its_mode)
{
	struct conf *c = confcase_parse(NULL, NULL);
	char *text = conf_text(c);
	struct stat st;

	put("a.json", "old");
	chmod("a.json", 0640);
	cr_assert_eq(conf_save(c, "a.json", NULL), 0);
	expect_file("a.json", text);
	cr_assert_eq(stat("a.json", &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0640);
	free(text);
	conf_free(c);
}

Test(conf_file, a_symbolic_link_stays_one)
{
	struct conf *c = confcase_parse(NULL, NULL);
	char *text = conf_text(c);
	struct stat st;

	mkdir("sub", 0755);
	put("sub/a.json", "old");
	cr_assert_eq(symlink("sub/a.json", "a.json"), 0);
	cr_assert_eq(conf_save(c, "a.json", NULL), 0);
	cr_assert_eq(lstat("a.json", &st), 0);
	cr_expect(S_ISLNK(st.st_mode));
	expect_file("sub/a.json", text);
	free(text);
	conf_free(c);
}

static void expect_save_error(const char *path, int rc, const char *want)
{
	struct conf *c = confcase_parse(NULL, NULL);
	struct err err = {0};

	cr_expect_eq(conf_save(c, path, &err), rc);
	cr_expect_str_eq(err.msg, want);
	conf_free(c);
}

Test(conf_file, a_full_disk_leaves_the_old_file)
{
	struct rlimit limit = {.rlim_cur = 100, .rlim_max = RLIM_INFINITY};
	struct rlimit none;

	put("a.json", "old");
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &none), 0);
	limit.rlim_max = none.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect_save_error("a.json", -EFBIG, "a.json: File too large");
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	expect_file("a.json", "old");
	cr_expect_eq(n_files(), 1, "no temporary file stays");
}

Test(conf_file, a_folder_without_permission_leaves_the_old_file)
{
	put("a.json", "old");
	chmod(".", 0555);
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	expect_save_error("a.json", -EACCES, "a.json: Permission denied");
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
	chmod(".", 0755);
	expect_file("a.json", "old");
	cr_expect_eq(n_files(), 1);
}

Test(conf_file, what_is_no_file_is_not_replaced)
{
	expect_save_error("b/a.json", -ENOENT, "b/a.json: No such file or directory");
	mkdir("sub", 0755);
	expect_save_error("sub", -EEXIST, "sub: File exists");
	expect_save_error("/dev/null", -EEXIST, "/dev/null: File exists");
	cr_expect_eq(n_files(), 1);
}

Test(conf_file, saving_without_memory_leaves_the_old_file)
{
	struct conf *c = confcase_parse(NULL, NULL);
	int rc = -ENOMEM;

	if (!failmalloc_works())
		cr_skip("the sanitizer has its own malloc");
	put("a.json", "old");
	for (unsigned int n = 1; rc; n++) {
		expect_file("a.json", "old");
		failmalloc_arm(n);
		rc = conf_save(c, "a.json", NULL);
		failmalloc_disarm();
		cr_expect(rc == 0 || rc == -ENOMEM, "%d", rc);
	}
	cr_expect_eq(n_files(), 1);
	conf_free(c);
}

Test(conf_file, loading_without_memory_is_an_error)
{
	struct conf *c = NULL;

	if (!failmalloc_works())
		cr_skip("the sanitizer has its own malloc");
	put("a.json", "{}");
	for (unsigned int n = 1; !c; n++) {
		int rc;

		failmalloc_arm(n);
		rc = conf_load(&c, "a.json", NULL);
		cr_expect_eq(failmalloc_disarm(), rc == -ENOMEM);
		cr_expect(rc == 0 || rc == -ENOMEM, "%d", rc);
	}
	conf_free(c);
}

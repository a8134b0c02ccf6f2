// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l7/access.h"
#include "tests/support/failmalloc.h"

// A folder of its own for each test.
static const char *in_folder(const char *name)
{
	static char folder[] = "/tmp/test_access_log.XXXXXX", path[2][64];
	static unsigned int n;
	char *out = path[n++ % 2];

	if (n == 1)
		cr_assert(mkdtemp(folder));
	snprintf(out, sizeof(path[0]), "%s/%s", folder, name);
	return out;
}

static void remove_folder(void)
{
	char path[64];

	unlink(in_folder("log"));
	unlink(in_folder("log.1"));
	snprintf(path, sizeof(path), "%s", in_folder(""));
	path[strlen(path) - 1] = '\0';
	rmdir(path);
}

TestSuite(access_log, .fini = remove_folder);

static struct access_log *open_log(const char *file)
{
	struct access_log *log;
	struct err err;

	cr_assert_eq(access_open(&log, file, &err), 0, "%s", err.msg);
	return log;
}

static void put(struct access_log *log, const char *target)
{
	const struct access_record r = {.target = slice_of(target, strlen(target))};

	access_put(log, &r);
}

// Lines of the file, all of them whole JSON objects; -1 if one is not. *first: the first one's target.
static int count_lines(const char *file, char first[32])
{
	FILE *f = fopen(file, "r");
	char *line = NULL;
	size_t size = 0;
	int n = 0;

	if (!f)
		return 0;
	while (n >= 0 && getline(&line, &size, f) > 0) {
		json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		const char *target = json_string_value(json_object_get(object, "target"));

		if (n == 0 && first && target)
			snprintf(first, 32, "%s", target);
		n = object && line[strlen(line) - 1] == '\n' ? n + 1 : -1;
		json_decref(object);
	}
	free(line);
	fclose(f);
	return n;
}

Test(access_log, lines_are_there_after_a_flush_and_not_before)
{
	const char *file = in_folder("log");
	struct access_log *log = open_log(file);
	struct stat st;
	char first[32];

	put(log, "/1");
	put(log, "/2");
	cr_expect_eq(count_lines(file, NULL), 0);
	access_flush(log);
	cr_expect_eq(count_lines(file, first), 2);
	cr_expect_str_eq(first, "/1");
	put(log, "/3");
	access_close(log);
	cr_expect_eq(count_lines(file, NULL), 3);
	cr_expect_eq(stat(file, &st), 0);
	cr_expect_eq(st.st_mode & 07137, 0, "mode %o", st.st_mode);
}

Test(access_log, more_than_the_buffer_holds_is_all_written)
{
	const char *file = in_folder("log");
	struct access_log *log = open_log(file);

	for (int i = 0; i < 5000; i++)
		put(log, "/some/path/that/is/not/very/short");
	access_close(log);
	cr_expect_eq(count_lines(file, NULL), 5000);
}

Test(access_log, an_existing_file_is_continued)
{
	const char *file = in_folder("log");

	for (int i = 0; i < 3; i++) {
		struct access_log *log = open_log(file);

		put(log, "/");
		access_close(log);
	}
	cr_expect_eq(count_lines(file, NULL), 3);
}

Test(access_log, a_file_that_cannot_be_opened_is_named)
{
	struct access_log *log = NULL;
	struct err err;

	cr_expect_eq(access_open(&log, "/nowhere/access.log", &err), -ENOENT);
	cr_expect_str_eq(err.msg, "access_log: /nowhere/access.log: No such file or directory");
	cr_expect_null(log);
}

Test(access_log, reopening_follows_a_rotation)
{
	const char *file = in_folder("log"), *rotated = in_folder("log.1");
	struct access_log *log = open_log(file);
	char first[32] = "";
	struct err err;

	put(log, "/old");
	cr_assert_eq(rename(file, rotated), 0);
	cr_expect_eq(access_reopen(log, &err), 0);
	put(log, "/new");
	access_close(log);
	cr_expect_eq(count_lines(rotated, first), 1);
	cr_expect_str_eq(first, "/old");
	cr_expect_eq(count_lines(file, first), 1);
	cr_expect_str_eq(first, "/new");
}

Test(access_log, the_old_file_stays_if_reopening_fails)
{
	const char *file = in_folder("log"), *rotated = in_folder("log.1");
	struct access_log *log = open_log(file);
	struct err err;

	cr_assert_eq(rename(file, rotated), 0);
	cr_assert_eq(mkdir(file, 0700), 0);
	cr_expect_eq(access_reopen(log, &err), -EISDIR);
	cr_expect(strstr(err.msg, "Is a directory"), "%s", err.msg);
	put(log, "/");
	access_close(log);
	cr_expect_eq(count_lines(rotated, NULL), 1);
	rmdir(file);
}

// What a worker of its own does.
struct writer {
	struct access_log *log;
	char target[512];
};

static void *write_many(void *arg)
{
	struct writer *w = arg;

	for (int i = 0; i < 2000; i++) {
		put(w->log, w->target);
		if (i % 7 == 0)
			access_flush(w->log);
	}
	access_close(w->log);
	return NULL;
}

static void run_writers(const char *file)
{
	static struct writer writers[4];
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
		writers[i].log = open_log(file);
		memset(writers[i].target, (int)('a' + i), 100 * i + 50);
		cr_assert_eq(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(writers); i++)
		pthread_join(threads[i], NULL);
}

Test(access_log, several_logs_to_one_file_mix_whole_lines_only)
{
	const char *file = in_folder("log");

	run_writers(file);
	cr_expect_eq(count_lines(file, NULL), 8000);
}

// cat(1) is on the other end: pipes tear writes above PIPE_BUF.
Test(access_log, several_logs_to_one_pipe_mix_whole_lines_only)
{
	const char *file = in_folder("log");
	int saved = dup(STDOUT_FILENO);
	char command[128];
	FILE *pipe;

	snprintf(command, sizeof(command), "cat >%s", file);
	pipe = popen(command, "w");
	cr_assert(pipe);
	cr_assert_geq(dup2(fileno(pipe), STDOUT_FILENO), 0);
	run_writers("-");
	dup2(saved, STDOUT_FILENO);
	close(saved);
	pclose(pipe);
	cr_expect_eq(count_lines(file, NULL), 8000);
}

Test(access_log, a_full_disk_loses_lines_counts_them_and_goes_on)
{
	struct access_log *log = open_log("/dev/full");

	for (int i = 0; i < 3; i++) {
		put(log, "/");
		put(log, "/");
		access_flush(log);
		cr_expect_eq(access_lost(log), 2U * (unsigned int)(i + 1));
	}
	access_flush(log);
	cr_expect_eq(access_lost(log), 6);
	access_close(log);
}

static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// A file that may not grow takes half a line, then nothing: as a disk that fills up does.
Test(access_log, a_line_torn_by_a_full_disk_is_completed_later)
{
	const char *file = in_folder("log");
	struct access_log *log = open_log(file);
	char first[32];

	signal(SIGXFSZ, SIG_IGN);
	put(log, "/1");
	access_flush(log);
	set_file_limit(200);
	put(log, "/2"); // about 90 bytes each
	put(log, "/3");
	put(log, "/4");
	access_flush(log);
	cr_expect_eq(access_lost(log), 1);
	put(log, "/5");
	access_flush(log);
	cr_expect_eq(access_lost(log), 2);
	set_file_limit(RLIM_INFINITY);
	put(log, "/6");
	access_close(log);
	cr_expect_eq(count_lines(file, first), 4);
}

Test(access_log, memory_that_runs_out_opens_nothing)
{
	const char *file = in_folder("log");
	struct access_log *log = NULL;
	int rc = -ENOMEM;

	if (!failmalloc_works())
		cr_skip_test("a sanitizer brings its own malloc");
	for (unsigned int n = 1; rc; n++) {
		struct err err;

		cr_expect_null(log);
		failmalloc_arm(n);
		rc = access_open(&log, file, &err);
		failmalloc_disarm();
		cr_assert(rc == 0 || rc == -ENOMEM);
	}
	access_close(log);
}

Test(access_log, closing_nothing_is_fine)
{
	access_close(NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_record.h"

#include "tests/unit/tools/lbtopbuild.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static void setup(void)
{
	snprintf(path, sizeof(path), "/dev/shm/lbtop-record-%d", (int)getpid());
}

static void teardown(void)
{
	unlink(path);
}

TestSuite(lbtop_record, .init = setup, .fini = teardown);

// A record of n samples, a second apart; returns its size.
static off_t write_record(unsigned n)
{
	struct lbtop_record r;
	struct stat st;
	struct err err;

	cr_assert_eq(lbtop_record_open(&r, path, 1 << 20, &err), 0, "%s", err.msg);
	for (unsigned i = 0; i < n; i++) {
		struct lbtop_sample *s = busy_sample(100 + i, i);

		cr_assert_eq(lbtop_record_add(&r, s, &err), 0, "%s", err.msg);
		lbtop_sample_free(s);
	}
	lbtop_record_close(&r);
	cr_assert_eq(stat(path, &st), 0);
	return st.st_size;
}

// How many samples the record has, -errno if it is refused; *is_cut from its reader.
static int count(bool *is_cut, struct err *err)
{
	struct lbtop_replay r;
	int n = 0, rc;

	cr_assert_eq(lbtop_record_replay(&r, path, err), 0, "%s", err->msg);
	for (;;) {
		struct lbtop_sample *s = NULL;

		rc = lbtop_record_next(&r, &s, err);
		if (rc || !s)
			break;
		cr_expect_eq(s->clock_ns, (uint64_t)(100 + n) * CLOCK_NS_PER_S);
		cr_expect_eq(s->rows[LBTOP_LANE].row[0].value[0], (uint64_t)(100 * n));
		lbtop_sample_free(s);
		n++;
	}
	*is_cut = r.is_cut;
	lbtop_record_end(&r);
	return rc ? rc : n;
}

Test(lbtop_record, a_record_cut_at_any_byte_has_the_samples_before_it)
{
	const off_t ends[] = {0, write_record(1), write_record(2), write_record(3)};
	struct err err = {0};
	bool is_cut;
	int want = 3;

	for (off_t len = ends[3]; len >= 0; len--) {
		want -= len < ends[want];
		cr_assert_eq(truncate(path, len), 0);
		cr_assert_eq(count(&is_cut, &err), want, "%ld bytes", (long)len);
		cr_assert_eq(is_cut, len != ends[want], "%ld bytes", (long)len);
	}
}

Test(lbtop_record, what_is_no_record_is_refused_by_line)
{
	struct err err = {0};
	bool is_cut;
	FILE *f;

	write_record(2);
	f = fopen(path, "a");
	cr_assert(f);
	fputs("garbage\n", f);
	fclose(f);
	cr_expect_eq(count(&is_cut, &err), -EPROTO);
	cr_expect(strstr(err.msg, ":3: no JSON"), "%s", err.msg);
}

Test(lbtop_record, a_line_without_end_is_refused_before_it_fills_the_memory)
{
	struct err err = {0};
	bool is_cut;
	FILE *f = fopen(path, "w");

	cr_assert(f);
	cr_assert_eq(ftruncate(fileno(f), (off_t)65 << 20), 0); // zeros, no newline
	fclose(f);
	cr_expect_eq(count(&is_cut, &err), -EPROTO);
	cr_expect(strstr(err.msg, ":1: a line too long for a sample"), "%s", err.msg);
}

Test(lbtop_record, at_its_limit_a_record_ends_whole)
{
	struct lbtop_sample *s = busy_sample(100, 0);
	struct lbtop_record r;
	struct err err = {0};
	bool is_cut;

	cr_assert_eq(lbtop_record_open(&r, path, (uint64_t)write_record(1) + 10, &err), 0);
	cr_expect_eq(lbtop_record_add(&r, s, &err), 0);
	cr_expect_eq(lbtop_record_add(&r, s, &err), -EFBIG);
	cr_expect(strstr(err.msg, "at its limit after 1 samples"), "%s", err.msg);
	cr_expect_eq(lbtop_record_add(&r, s, &err), 0, "closed, it takes nothing more");
	cr_expect_eq(count(&is_cut, &err), 1);
	cr_expect_not(is_cut);
	lbtop_sample_free(s);
}

Test(lbtop_record, a_full_disk_is_told_and_ends_the_record)
{
	struct lbtop_sample *s = busy_sample(100, 0);
	struct lbtop_record r;
	struct err err = {0};

	cr_assert_eq(lbtop_record_open(&r, "/dev/full", 1 << 20, &err), 0);
	cr_expect_eq(lbtop_record_add(&r, s, &err), -ENOSPC);
	cr_expect_str_eq(err.msg,
	                 "/dev/full: no more is recorded after 0 samples: No space left on device");
	cr_expect_eq(r.fd, -1);
	lbtop_sample_free(s);
}

Test(lbtop_record, a_file_that_cannot_be_opened_is_named)
{
	struct lbtop_record r;
	struct lbtop_replay replay;
	struct err err = {0};

	cr_expect_eq(lbtop_record_open(&r, "/nowhere/x", 1, &err), -ENOENT);
	cr_expect_str_eq(err.msg, "/nowhere/x: cannot write: No such file or directory");
	cr_expect_eq(lbtop_record_replay(&replay, "/nowhere/x", &err), -ENOENT);
	cr_expect_str_eq(err.msg, "/nowhere/x: cannot read: No such file or directory");
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// A store of this test's own; the folder that the tests are run in says nothing about it.
static char dir[64];
static char shm[STATS_DIR_SIZE];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/unit-test/%d", (int)getpid());
	cr_assert_eq(stats_shm_dir(shm, dir), 0);
}

static void teardown(void)
{
	char path[STATS_DIR_SIZE + 32];

	for (size_t i = 0; i < STATS_REGION_COUNT; i++) {
		snprintf(path, sizeof(path), "%s/%s", shm, stats_shapes[i].name);
		unlink(path);
	}
	rmdir(shm);
}

TestSuite(stats, .init = setup, .fini = teardown);

static const struct {
	const char *dir, *want;
} dirs[] = {
	{"/sys/fs/bpf/lb47", "/dev/shm/lb47"},
	{"/sys/fs/bpf/lb47/", "/dev/shm/lb47"},
	{"/sys/fs/bpf/edge", "/dev/shm/lb47-sys-fs-bpf-edge"},
	{"/tmp/../etc", "/dev/shm/lb47-tmp-..-etc"},
	{"relative/path", "/dev/shm/lb47-relative-path"},
};

Test(stats, shm_folder_follows_from_the_configured_one)
{
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		char out[STATS_DIR_SIZE];

		cr_assert_eq(stats_shm_dir(out, dirs[i].dir), 0);
		cr_expect_str_eq(out, dirs[i].want);
	}
}

Test(stats, shm_folder_fits_one_path_component)
{
	char out[STATS_DIR_SIZE], path[300];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[251] = '\0'; // "lb47" and 251 bytes would be a name of 255
	cr_expect_eq(stats_shm_dir(out, path), -ENAMETOOLONG);
	path[250] = '\0';
	cr_expect_eq(stats_shm_dir(out, path), 0);
	cr_expect_lt(strlen(out), sizeof(out));
}

Test(stats, reader_sees_what_a_writer_added)
{
	struct service_counters service;
	struct backend_counters backend;
	struct lane_counters lanes;
	struct stats w, r;
	struct err err;

	cr_assert_eq(stats_open_shm(&w, dir, &err), 0, "%s", err.msg);
	stats_announce(&w, "edge-1", 2, 4711);
	cr_assert_eq(stats_open(&r, dir, &err), 0, "%s", err.msg);
	w.lanes[0].rx_packets = 3;
	w.lanes[31].rx_packets = 4;
	w.lanes[1].reason[REASON_LAND] = 5;
	stats_service(&w, 1)[7].new_flows = 6;
	stats_backend(&w, 31)[STATS_BACKENDS - 1].reply_bytes = 8;
	stats_sum_lanes(&r, &lanes);
	stats_sum_service(&r, 7, &service);
	stats_sum_backend(&r, STATS_BACKENDS - 1, &backend);
	cr_expect_eq(lanes.rx_packets, 7);
	cr_expect_eq(lanes.by_name.land, 5);
	cr_expect_eq(stats_identity(&lanes), 2);
	cr_expect_eq(service.new_flows, 6);
	cr_expect_eq(backend.reply_bytes, 8);
	cr_expect_str_eq(r.meta->node, "edge-1");
	cr_expect_eq(r.meta->n_lanes, 2);
	cr_expect_eq(r.meta->writer.pid, 4711);
	cr_expect_not(r.is_bpf);
	stats_close(&r);
	stats_close(&w);
}

Test(stats, a_service_is_summed_over_the_cpus)
{
	struct steer_service_counters sum;
	struct stats s;

	cr_assert_eq(stats_open_private(&s), 0);
	s.steer_services[7].packets = 1;
	s.steer_services[5 * STATS_SERVICES + 7].packets = 2;
	s.steer_services[(STATS_CPU_SLOTS - 1) * STATS_SERVICES + 7].no_socket = 4;
	s.steer_services[5 * STATS_SERVICES + 8].packets = 8;
	stats_sum_steer_service(&s, 7, &sum);
	cr_expect_eq(sum.packets, 3);
	cr_expect_eq(sum.no_socket, 4);
	cr_expect_eq(sum.passed, 0);
	stats_close(&s);
}

Test(stats, counters_survive_the_writer_but_gauges_do_not)
{
	struct stats s;
	struct err err;

	cr_assert_eq(stats_open_shm(&s, dir, &err), 0, "%s", err.msg);
	stats_announce(&s, "a", 4, 1);
	s.lanes[3].rx_packets = 42;
	s.lanes[3].flows = 9;
	stats_close(&s);
	cr_assert_eq(stats_open_shm(&s, dir, &err), 0, "%s", err.msg);
	stats_announce(&s, "b", 1, 2);
	cr_expect_eq(s.lanes[3].rx_packets, 42);
	cr_expect_eq(s.lanes[3].flows, 0);
	cr_expect_str_eq(s.meta->node, "b");
	stats_close(&s);
}

Test(stats, a_long_node_name_is_cut)
{
	struct stats s;
	char name[200];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cr_assert_eq(stats_open_private(&s), 0);
	stats_announce(&s, name, 1, 1);
	cr_expect_eq(strlen(s.meta->node), CONF_NAME_MAX);
	stats_close(&s);
}

Test(stats, nothing_there_is_no_entry)
{
	struct stats s;
	struct err err;

	cr_expect_eq(stats_open(&s, dir, &err), -ENOENT);
	cr_expect(strstr(err.msg, dir) && strstr(err.msg, shm), "%s", err.msg);
}

Test(stats, not_yet_announced_is_no_entry_for_a_reader)
{
	struct stats w, r;
	struct err err;

	cr_assert_eq(stats_open_shm(&w, dir, &err), 0, "%s", err.msg);
	cr_expect_eq(stats_open(&r, dir, &err), -ENOENT);
	stats_close(&w);
}

Test(stats, another_version_is_refused_by_readers_and_replaced_by_writers)
{
	struct stats w, r;
	struct err err;

	cr_assert_eq(stats_open_shm(&w, dir, &err), 0, "%s", err.msg);
	stats_announce(&w, "old", 1, 1);
	w.lanes[0].rx_packets = 1;
	w.meta->layout ^= 1;
	cr_expect_eq(stats_open(&r, dir, &err), -EPROTO);
	cr_expect(strstr(err.msg, "another version"), "%s", err.msg);
	stats_close(&w);
	cr_assert_eq(stats_open_shm(&w, dir, &err), 0, "%s", err.msg);
	cr_expect_eq(w.lanes[0].rx_packets, 0);
	stats_close(&w);
}

Test(stats, a_file_of_another_size_is_another_version)
{
	char path[STATS_DIR_SIZE + 32];
	struct stats w, r;
	struct err err;

	cr_assert_eq(stats_open_shm(&w, dir, &err), 0, "%s", err.msg);
	stats_announce(&w, "old", 1, 1);
	stats_close(&w);
	snprintf(path, sizeof(path), "%s/lanes", shm);
	cr_assert_eq(truncate(path, 64), 0);
	cr_expect_eq(stats_open(&r, dir, &err), -EPROTO);
	cr_expect(strstr(err.msg, "lanes"), "%s", err.msg);
	cr_assert_eq(stats_open_shm(&w, dir, &err), 0, "%s", err.msg);
	stats_close(&w);
}

Test(stats, files_are_readable_by_all_and_hold_their_blocks)
{
	char path[STATS_DIR_SIZE + 32];
	struct stat st;
	struct stats s;
	struct err err;
	mode_t old = umask(0077);

	cr_assert_eq(stats_open_shm(&s, dir, &err), 0, "%s", err.msg);
	umask(old);
	for (size_t i = 0; i < STATS_REGION_COUNT; i++) {
		snprintf(path, sizeof(path), "%s/%s", shm, stats_shapes[i].name);
		cr_assert_eq(stat(path, &st), 0);
		cr_expect_eq(st.st_mode & 07777, 0644, "%s", path);
		cr_expect_geq((size_t)st.st_blocks * 512, stats_layout_size(i), "%s", path);
	}
	cr_assert_eq(stat(shm, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0755);
	stats_close(&s);
}

Test(stats, a_folder_that_others_can_write_to_is_refused)
{
	struct stats s;
	struct err err;

	cr_assert_eq(mkdir(shm, 0777), 0);
	cr_assert_eq(chmod(shm, 0777), 0);
	cr_expect_eq(stats_open_shm(&s, dir, &err), -EPERM);
	cr_expect(strstr(err.msg, shm), "%s", err.msg);
}

Test(stats, a_link_instead_of_a_file_is_not_followed)
{
	char path[STATS_DIR_SIZE + 32], victim[STATS_DIR_SIZE + 32];
	struct stats s;
	struct err err;

	snprintf(path, sizeof(path), "%s/meta", shm);
	snprintf(victim, sizeof(victim), "%s/victim", shm);
	cr_assert_eq(mkdir(shm, 0755), 0);
	cr_assert_eq(symlink(victim, path), 0);
	cr_expect_eq(stats_open_shm(&s, dir, &err), -ELOOP);
	cr_expect_neq(access(victim, F_OK), 0);
}

Test(stats, a_pipe_instead_of_a_file_keeps_no_reader_waiting, .timeout = 5)
{
	char path[STATS_DIR_SIZE + 32];
	struct stats w, r;
	struct err err;

	cr_assert_eq(stats_open_shm(&w, dir, &err), 0, "%s", err.msg);
	stats_announce(&w, "edge", 1, 1);
	snprintf(path, sizeof(path), "%s/%s", shm, stats_shapes[STATS_META].name);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkfifo(path, 0644), 0);
	cr_expect_eq(stats_open(&r, dir, &err), -EPROTO, "%s", err.msg);
	stats_close(&w);
}

Test(stats, a_daemon_believes_files_of_root_and_of_its_own_user_only)
{
	struct stats w, r;
	struct err err;

	cr_assert_eq(stats_open_shm(&w, dir, &err), 0, "%s", err.msg);
	stats_announce(&w, "edge", 1, 1);
	cr_assert_eq(stats_open_trusted(&r, dir, &err), 0, "%s", err.msg);
	stats_close(&r);
	if (chown(shm, 1, 1) == 0) { // as root only
		cr_expect_eq(stats_open_trusted(&r, dir, &err), -ENOENT);
		cr_assert_eq(stats_open(&r, dir, &err), 0, "%s", err.msg);
		stats_close(&r);
	}
	stats_close(&w);
}

// The kernel tells without a signal, which sanitizers would take for a crash.
Test(stats, a_reader_cannot_write)
{
	struct stats w, r;
	struct err err;
	int ends[2];

	cr_assert_eq(stats_open_shm(&w, dir, &err), 0, "%s", err.msg);
	stats_announce(&w, "edge", 1, 1);
	cr_assert_eq(stats_open(&r, dir, &err), 0, "%s", err.msg);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], "1234", 4), 4);
	cr_expect_eq(read(ends[0], &r.meta->writer.pid, 4), -1);
	cr_expect_eq(errno, EFAULT);
	cr_expect_eq(mprotect(r.meta, sizeof(*r.meta), PROT_READ | PROT_WRITE), -1);
	stats_close(&r);
	stats_close(&w);
}

Test(stats, private_stores_are_zero_and_apart)
{
	struct stats a, b;

	cr_assert_eq(stats_open_private(&a), 0);
	cr_assert_eq(stats_open_private(&b), 0);
	a.lanes[0].rx_packets = 1;
	cr_expect_eq(b.lanes[0].rx_packets, 0);
	cr_expect_eq(a.meta->magic, 0);
	stats_close(&a);
	stats_close(&b);
	cr_expect_null(a.lanes);
}

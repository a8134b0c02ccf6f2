// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_source.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "l4/model/stats_l7_store.h"
#include "l4/model/stats_writer.h"

// A store of this test's own.
static char dir[64];
static struct lbtop_source source;
static struct err err;

static void remove_files(void)
{
	for (size_t i = 0; i < STATS_REGION_COUNT; i++) {
		char path[STATS_DIR_SIZE + 32];

		snprintf(path, sizeof(path), "%s/%s", source.shm, stats_shapes[i].name);
		unlink(path);
	}
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/unit-test/lbtop-%d", (int)getpid());
	cr_assert_eq(lbtop_source_init(&source, dir, &err), 0);
}

static void teardown(void)
{
	lbtop_source_fini(&source);
	remove_files();
	rmdir(source.shm);
}

TestSuite(lbtop_source, .init = setup, .fini = teardown);

static void open_writer(struct stats *s, uint32_t pid)
{
	cr_assert_eq(stats_open_shm(s, dir, &err), 0, "%s", err.msg);
	stats_announce(s, "edge-1", 2, pid);
}

static struct lbtop_sample *take(void)
{
	struct lbtop_sample *s = NULL;

	cr_assert_eq(lbtop_source_take(&source, &s, &err), 0, "%s", err.msg);
	return s;
}

static void expect_state(enum lbtop_state state)
{
	struct lbtop_sample *s = take();

	cr_expect_eq(s->daemon[LBTOP_LB4D].state, state, "%s, not %s",
	             lbtop_sample_states[s->daemon[LBTOP_LB4D].state], lbtop_sample_states[state]);
	lbtop_sample_free(s);
}

Test(lbtop_source, counters_that_come_late_are_found)
{
	struct lbtop_sample *s = NULL;
	struct stats w;

	cr_expect_eq(lbtop_source_take(&source, &s, &err), -ENOENT);
	cr_expect(strstr(err.msg, "no daemon has run"), "%s", err.msg);
	open_writer(&w, (uint32_t)getpid());
	expect_state(LBTOP_RUNNING);
	stats_close(&w);
}

Test(lbtop_source, a_sample_has_the_sums_over_lanes_and_the_names)
{
	struct lbtop_sample *s;
	struct stats w;

	open_writer(&w, (uint32_t)getpid());
	w.lanes[1].rx_packets = 5;
	w.lanes[7].rx_packets = 3; // of an earlier run with more lanes
	w.lanes[1].reason[REASON_IP_CKSUM] = 2;
	stats_service(&w, 0)[9].packets = 30;
	stats_service(&w, 1)[9].packets = 12;
	w.service_names[9] = (struct stats_service_name){.used = STATS_LIVE,
	                                                 .address = addr_ip4(be32_from(0xcb00710a)),
	                                                 .port = 80,
	                                                 .protocol = 1,
	                                                 .name = "web"};
	stats_backend(&w, 1)[8191].new_flows = 4;
	w.backend_names[8191] = (struct stats_backend_name){
		.used = STATS_RETIRED, .port = 8080, .pool = "p", .name = "b"};
	s = take();
	cr_assert_eq(s->rows[LBTOP_LANE].n, 3);
	cr_expect_eq(s->rows[LBTOP_LANE].row[1].value[0], 5);
	cr_expect_eq(s->rows[LBTOP_LANE].row[1].value[LBTOP_REASONS + REASON_IP_CKSUM], 2);
	cr_expect_eq(s->rows[LBTOP_LANE].row[2].id, 7);
	cr_expect(s->rows[LBTOP_LANE].row[2].is_retired);
	cr_assert_eq(s->rows[LBTOP_SERVICE].n, 1);
	cr_expect_eq(s->rows[LBTOP_SERVICE].row[0].value[0], 42);
	cr_expect_str_eq(s->rows[LBTOP_SERVICE].row[0].name, "web");
	cr_expect_str_eq(s->rows[LBTOP_SERVICE].row[0].address, "203.0.113.10:80");
	cr_expect_str_eq(s->rows[LBTOP_SERVICE].row[0].protocol, "tcp");
	cr_assert_eq(s->rows[LBTOP_BACKEND].n, 1);
	cr_expect_eq(s->rows[LBTOP_BACKEND].row[0].id, 8191);
	cr_expect(s->rows[LBTOP_BACKEND].row[0].is_retired);
	lbtop_sample_free(s);
	stats_close(&w);
}

Test(lbtop_source, tcp_rows_are_of_those_that_had_a_connection)
{
	const struct lbtop_row *row;
	struct lbtop_sample *s;
	struct stats w;

	open_writer(&w, (uint32_t)getpid());
	w.service_names[2] = (struct stats_service_name){.used = STATS_LIVE, .name = "idle"};
	w.service_names[9] = (struct stats_service_name){.used = STATS_LIVE, .name = "api"};
	w.tcp_services[9].connections = 7;
	w.tcp_services[3].connections = 5; // of nobody
	w.backend_names[8191] = (struct stats_backend_name){
		.used = STATS_RETIRED, .port = 8080, .pool = "p", .name = "b"};
	w.tcp_backends[8191].failed = 1;
	w.tcp_backends[8191].rtt = (struct counters_log2){.sum = 30, .bucket = {[5] = 1}};
	s = take();
	cr_assert_eq(s->rows[LBTOP_TCP_SERVICE].n, 1);
	row = &s->rows[LBTOP_TCP_SERVICE].row[0];
	cr_expect_eq(row->id, 9);
	cr_expect_str_eq(row->name, "api");
	cr_expect_eq(row->value[LBTOP_VALUE(tcp_counters, connections)], 7);
	cr_expect_null(row->logs, "no memory for what has no value");
	cr_assert_eq(s->rows[LBTOP_TCP_BACKEND].n, 1);
	row = &s->rows[LBTOP_TCP_BACKEND].row[0];
	cr_expect_str_eq(row->pool, "p");
	cr_expect(row->is_retired);
	cr_assert(row->logs);
	cr_expect_eq(row->logs[1].sum, 30);
	cr_expect_eq(row->logs[1].bucket[5], 1);
	lbtop_sample_free(s);
	stats_close(&w);
}

Test(lbtop_source, counters_that_lack_a_part_are_another_versions_and_not_none)
{
	struct lbtop_sample *s = NULL;
	char path[STATS_DIR_SIZE + 32];
	struct stats w;

	open_writer(&w, (uint32_t)getpid());
	stats_close(&w);
	snprintf(path, sizeof(path), "%s/%s", source.shm,
	         stats_shapes[STATS_REGION_COUNT - 1].name);
	cr_assert_eq(unlink(path), 0);
	cr_expect_eq(lbtop_source_take(&source, &s, &err), -EPROTO);
	cr_expect(strstr(err.msg, "another version"), "%s", err.msg);
}

Test(lbtop_source, hostile_names_are_printable_and_end)
{
	struct lbtop_sample *s;
	struct stats w;

	open_writer(&w, 0);
	w.service_names[1].used = STATS_LIVE;
	w.service_names[1].protocol = 255;
	w.service_names[1].address.family = 99;
	memset(w.service_names[1].name, 0x1b, STATS_NAME_SIZE);
	memset(w.meta->node, 0xff, STATS_NAME_SIZE);
	s = take();
	cr_expect_eq(strspn(s->rows[LBTOP_SERVICE].row[0].name, "?"), LBTOP_TEXT_SIZE - 1);
	cr_expect_eq(strspn(s->node, "?"), LBTOP_TEXT_SIZE - 1);
	lbtop_sample_free(s);
	stats_close(&w);
}

// A pid that no process has: of a child that has been waited for.
static uint32_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	cr_assert_gt(pid, 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	return (uint32_t)pid;
}

Test(lbtop_source, a_daemon_that_stopped_is_told_from_one_that_died)
{
	struct stats w;

	open_writer(&w, 0);
	expect_state(LBTOP_STOPPED);
	stats_writer_enter(&w.meta->writer, (uint32_t)getpid());
	expect_state(LBTOP_RUNNING);
	w.meta->writer.start--; // another process has its number now
	expect_state(LBTOP_DEAD);
	w.meta->writer.home++;
	expect_state(LBTOP_UNKNOWN);
	stats_writer_enter(&w.meta->writer, dead_pid());
	expect_state(LBTOP_DEAD);
	stats_close(&w);
}

Test(lbtop_source, an_lb7d_that_is_alone_is_no_lb4d)
{
	struct stats w;

	open_writer(&w, (uint32_t)getpid());
	w.meta->n_lanes = 0;
	expect_state(LBTOP_ABSENT);
	stats_writer_enter(&w.meta->writer, dead_pid());
	expect_state(LBTOP_ABSENT);
	stats_close(&w);
}

static void remove_l7_files(void)
{
	struct stats_shape shapes[STATS_L7_REGION_COUNT];

	stats_layout_l7_shapes(shapes, &(struct stats_l7_room){1, 1, 1, 1});
	for (size_t i = 0; i < STATS_L7_REGION_COUNT; i++) {
		char path[STATS_DIR_SIZE + 32];

		snprintf(path, sizeof(path), "%s/%s", source.shm, shapes[i].name);
		unlink(path);
	}
}

static void expect_row(const struct lbtop_row *row, const char *name, uint64_t first)
{
	cr_expect_str_eq(row->name, name);
	cr_expect_eq(row->value[0], first, "%s", name);
}

Test(lbtop_source, both_halves_are_read_alike_and_what_found_no_room_is_called_other)
{
	const struct stats_l7_room room = stats_l7_store_room(2, 4, 4, 4);
	struct lbtop_sample *s;
	struct stats_l7 w;

	cr_assert_eq(stats_l7_store_open_shm(&w, dir, &room, &err), 0, "%s", err.msg);
	stats_l7_store_announce(&w, "edge-1", 2, (uint32_t)getpid());
	w.workers[1].connections = 9;
	w.service_names[2] = (struct stats_l7_name){.used = STATS_LIVE, .name = "site"};
	w.services[stats_l7_service_at(&w, 0, 2)].requests = 3;
	w.services[stats_l7_service_at(&w, 1, 2)].requests = 4;
	stats_histogram_record(&w.service_times[stats_l7_service_at(&w, 1, 2)].delay_added, 5000);
	w.backends[stats_l7_backend_at(&w, 1, STATS_L7_OTHER)].requests = 5;
	s = take();
	cr_assert_eq(s->rows[LBTOP_WORKER].n, 2);
	expect_row(&s->rows[LBTOP_WORKER].row[1], "1", 9);
	cr_assert_eq(s->rows[LBTOP_L7_SERVICE].n, 1, "none found no room");
	expect_row(&s->rows[LBTOP_L7_SERVICE].row[0], "site", 7);
	cr_assert_not_null(s->rows[LBTOP_L7_SERVICE].row[0].times);
	cr_expect_eq(stats_histogram_count(
			     &s->rows[LBTOP_L7_SERVICE].row[0].times[STATS_L7_SERVICE_TIMES - 1]),
	             1);
	cr_assert_eq(s->rows[LBTOP_L7_BACKEND].n, 1);
	expect_row(&s->rows[LBTOP_L7_BACKEND].row[0], "(other)", 5);
	cr_expect_null(s->rows[LBTOP_L7_BACKEND].row[0].times);
	lbtop_sample_free(s);
	stats_l7_close(&w);
	remove_l7_files();
}

Test(lbtop_source, counters_that_were_removed_are_the_last_word_until_there_are_new_ones)
{
	struct lbtop_sample *s;
	struct stats w;
	uint32_t epoch;

	open_writer(&w, (uint32_t)getpid());
	w.lanes[0].rx_packets = 42;
	s = take();
	epoch = s->daemon[LBTOP_LB4D].epoch;
	lbtop_sample_free(s);
	remove_files();
	stats_close(&w);
	s = take();
	cr_expect_eq(s->daemon[LBTOP_LB4D].state, LBTOP_REMOVED);
	cr_expect_eq(s->rows[LBTOP_LANE].row[0].value[0], 42);
	lbtop_sample_free(s);
	open_writer(&w, (uint32_t)getpid());
	s = take();
	cr_expect_eq(s->daemon[LBTOP_LB4D].state, LBTOP_RUNNING);
	cr_expect_eq(s->rows[LBTOP_LANE].row[0].value[0], 0);
	cr_expect_gt(s->daemon[LBTOP_LB4D].epoch, epoch);
	lbtop_sample_free(s);
	stats_close(&w);
}

Test(lbtop_source, another_versions_counters_are_refused_and_ours_are_taken_again)
{
	struct lbtop_sample *s = NULL;
	struct stats w;

	open_writer(&w, (uint32_t)getpid());
	expect_state(LBTOP_RUNNING);
	w.meta->version++;
	cr_expect_eq(lbtop_source_take(&source, &s, &err), -EPROTO);
	cr_expect(strstr(err.msg, "another version"), "%s", err.msg);
	w.meta->version--;
	expect_state(LBTOP_RUNNING);
	stats_close(&w);
}

Test(lbtop_source, a_name_too_long_for_a_folder_is_refused)
{
	struct lbtop_source other;
	char name[400];

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	cr_expect_eq(lbtop_source_init(&other, name, &err), -ENAMETOOLONG);
}

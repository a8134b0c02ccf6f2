// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_feed.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { N_LANES = 3, RING = CAPTURE_RING_MIN };

static struct {
	int fd;
	size_t size;
	struct capture_shared *memory; // the daemon's
	struct capture_writer lane[N_LANES];
	struct lbctl_feed feed;
} t;

static void setup(void)
{
	t.size = capture_ring_total(N_LANES, RING);
	t.fd = memfd_create("test", MFD_CLOEXEC);
	cr_assert(t.fd >= 0 && ftruncate(t.fd, (off_t)t.size) == 0);
	t.memory = mmap(NULL, t.size, PROT_READ | PROT_WRITE, MAP_SHARED, t.fd, 0);
	cr_assert_neq(t.memory, MAP_FAILED);
	*t.memory = (struct capture_shared){
		.magic = CAPTURE_MAGIC, .n_lanes = N_LANES, .ring_size = RING};
	for (uint32_t i = 0; i < N_LANES; i++)
		capture_ring_writer(&t.lane[i], t.memory, N_LANES, i);
	cr_assert_eq(lbctl_feed_open(&t.feed, t.fd, NULL), 0);
}

static void teardown(void)
{
	lbctl_feed_close(&t.feed);
	munmap(t.memory, t.size);
	close(t.fd);
}

TestSuite(lbctl_feed, .init = setup, .fini = teardown);

static struct capture_record *put(uint8_t lane, uint64_t time_ns, uint64_t missed)
{
	struct capture_record *r = capture_ring_reserve(&t.lane[lane], sizeof(*r));

	cr_assert_not_null(r);
	*r = (struct capture_record){.size = sizeof(*r),
	                             .kind = CAPTURE_PACKET,
	                             .time_ns = time_ns,
	                             .missed = missed,
	                             .lane = lane};
	capture_ring_commit(&t.lane[lane], sizeof(*r));
	return r;
}

static void expect(uint64_t until_ns, uint64_t time_ns, uint64_t missed)
{
	const struct capture_record *r;

	cr_assert_eq(lbctl_feed_peek(&t.feed, until_ns, &r), 0);
	cr_assert_eq(r != NULL, time_ns != 0);
	if (!r)
		return;
	cr_expect_eq(r->time_ns, time_ns);
	cr_expect_eq(lbctl_feed_missed(&t.feed, r), missed);
	lbctl_feed_next(&t.feed, r);
}

Test(lbctl_feed, packets_of_all_lanes_come_in_the_order_of_time)
{
	put(2, 10, 0);
	put(0, 20, 5);
	put(2, 30, 1);
	put(1, 15, 0);
	put(0, 40, 9);
	expect(100, 10, 0);
	expect(100, 15, 0);
	expect(100, 20, 5);
	expect(100, 30, 1);
	expect(100, 40, 4);
	expect(100, 0, 0);
}

Test(lbctl_feed, missed_packets_are_those_of_the_same_lane_and_port)
{
	struct capture_counts count = {.seen = 9, .lost = 9}, sum;

	put(0, 10, 5);
	put(0, 20, 100)->port = 3;
	put(0, 30, 7);
	expect(100, 10, 5);
	expect(100, 20, 100);
	expect(100, 30, 2);
	capture_ring_count(&t.lane[0], 3, &count);
	capture_ring_count(&t.lane[2], 3, &count);
	capture_ring_count(&t.lane[2], 4, &count);
	sum = lbctl_feed_port_counts(&t.feed, 3);
	cr_expect_eq(sum.lost, 18);
	sum = lbctl_feed_counts(&t.feed);
	cr_expect_eq(sum.lost, 27);
}

Test(lbctl_feed, what_is_too_young_waits_for_what_may_come_before_it)
{
	put(0, 20, 0);
	expect(19, 0, 0);
	put(1, 15, 0);
	expect(19, 15, 0);
	expect(19, 0, 0);
	expect(20, 20, 0);
}

Test(lbctl_feed, damaged_memory_is_refused)
{
	const struct capture_record *r;

	put(1, 5, 0);
	((struct capture_record *)t.lane[1].bytes)->lane = N_LANES;
	cr_expect_eq(lbctl_feed_peek(&t.feed, 10, &r), -EPROTO);
	((struct capture_record *)t.lane[1].bytes)->lane = 1;
	((struct capture_record *)t.lane[1].bytes)->out_port = CONF_MAX_PORTS;
	cr_expect_eq(lbctl_feed_peek(&t.feed, 10, &r), -EPROTO);
	((struct capture_record *)t.lane[1].bytes)->size = 3;
	cr_expect_eq(lbctl_feed_peek(&t.feed, 10, &r), -EPROTO);
}

Test(lbctl_feed, memory_of_another_version_is_refused_with_a_sentence)
{
	struct lbctl_feed other;
	struct err err;
	int fd = memfd_create("other", MFD_CLOEXEC);

	cr_expect_eq(lbctl_feed_open(&other, fd, &err), -EPROTO);
	cr_assert_eq(ftruncate(fd, 4096), 0);
	cr_expect_eq(lbctl_feed_open(&other, fd, &err), -EPROTO);
	cr_expect_not_null(strstr(err.msg, "another version"));
	t.memory->ring_size *= 2; // of which the end is not there
	cr_expect_eq(lbctl_feed_open(&other, t.fd, &err), -EPROTO);
	close(fd);
}

Test(lbctl_feed, the_daemons_end_is_seen)
{
	cr_expect_eq(lbctl_feed_end(&t.feed), CAPTURE_GOES_ON);
	t.memory->end = CAPTURE_SERVICE_GONE;
	cr_expect_eq(lbctl_feed_end(&t.feed), CAPTURE_SERVICE_GONE);
}

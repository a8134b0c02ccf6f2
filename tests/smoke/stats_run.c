// SPDX-License-Identifier: BSD-3-Clause
// stats_run DIR write N: opens the counter store as lb4d does, adds N to lane 1's rx_packets, says its home.
// stats_run DIR name: gives it service 1, "l4", and backend 1, "pool"/"backend", of 80 packets each,
// the latter of 8 TCP connections.
// stats_run DIR read: opens it as lbtop does, prints "home rx_packets".
// stats_run DIR age: makes the store look like another version's.
#include "bpf/attach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/model/stats.h"

static const char *home(const struct stats *s)
{
	return s->is_bpf ? "bpf" : "shm";
}

static int open_writer(struct stats *s, const char *dir, struct err *err)
{
	int fds[STATS_REGION_COUNT];
	int rc = attach_stats(dir, fds, err);

	if (rc) {
		fprintf(stderr, "%s\n", err->msg);
		return stats_open_shm(s, dir, err);
	}
	rc = stats_map(s, fds, true, true, err);
	for (size_t i = 0; i < STATS_REGION_COUNT; i++)
		close(fds[i]);
	return rc;
}

static int write_counters(const char *dir, uint64_t n, struct err *err)
{
	struct stats s;
	int rc = open_writer(&s, dir, err);

	if (rc)
		return rc;
	stats_announce(&s, "smoke", 2, (uint32_t)getpid());
	s.lanes[1].rx_packets += n;
	printf("%s\n", home(&s));
	stats_close(&s);
	return 0;
}

static int name_things(const char *dir, struct err *err)
{
	struct stats s;
	int rc = open_writer(&s, dir, err);

	if (rc)
		return rc;
	s.service_names[1] = (struct stats_service_name){.used = STATS_LIVE, .name = "l4"};
	s.backend_names[1] =
		(struct stats_backend_name){.used = STATS_LIVE, .pool = "pool", .name = "backend"};
	stats_service(&s, 1)[1].packets = 80;
	stats_backend(&s, 1)[1].packets = 80;
	s.tcp_backends[1].connections = 8;
	stats_close(&s);
	return 0;
}

static int read_counters(const char *dir, struct err *err)
{
	struct lane_counters sum;
	struct stats s;
	int rc = stats_open(&s, dir, err);

	if (rc)
		return rc;
	stats_sum_lanes(&s, &sum);
	printf("%s %llu\n", home(&s), (unsigned long long)sum.rx_packets);
	stats_close(&s);
	return 0;
}

static int age(const char *dir, struct err *err)
{
	struct stats s;
	int rc = open_writer(&s, dir, err);

	if (rc)
		return rc;
	s.meta->version++;
	stats_close(&s);
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	int rc;

	if (argc == 4 && strcmp(argv[2], "write") == 0)
		rc = write_counters(argv[1], strtoull(argv[3], NULL, 10), &err);
	else if (argc == 3 && strcmp(argv[2], "read") == 0)
		rc = read_counters(argv[1], &err);
	else if (argc == 3 && strcmp(argv[2], "name") == 0)
		rc = name_things(argv[1], &err);
	else if (argc == 3 && strcmp(argv[2], "age") == 0)
		rc = age(argv[1], &err);
	else
		return 2;
	if (rc)
		fprintf(stderr, "%s\n", err.msg);
	return rc ? 1 : 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// tcp_run DIR watch SERVICE PORT BACKEND PORT: attaches the TCP programs to a counter store in DIR, with this service
// (id 1) and this backend (id 1), says "ready" and counts until it is killed.
// tcp_run DIR show: prints what the store holds of the two, one NAME=VALUE a line.
#include "bpf/attach.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/model/stats.h"
#include "l4/model/stats_log2.h"

static struct attach_tcp_entry entry(const char *address, const char *port, uint8_t side)
{
	struct attach_tcp_entry e = {
		.key = {.port = htons((uint16_t)atoi(port)), .side = side, .family = 4},
		.target = {.id = 1},
	};

	if (inet_pton(AF_INET, address, e.key.addr) == 1)
		return e;
	e.key.family = 6;
	if (inet_pton(AF_INET6, address, e.key.addr) != 1)
		abort();
	return e;
}

static int announce(const int fds[STATS_REGION_COUNT], struct err *err)
{
	struct stats s;
	int rc = stats_map(&s, fds, true, true, err);

	if (rc)
		return rc;
	stats_announce(&s, "smoke", 0, (uint32_t)getpid());
	stats_close(&s);
	return 0;
}

static int watch(char **argv, struct err *err)
{
	struct attach_tcp_entry entries[] = {
		entry(argv[3], argv[4], TCP_SERVICE),
		entry(argv[5], argv[6], TCP_BACKEND),
	};
	int fds[STATS_REGION_COUNT];
	struct attach_tcp *tcp;
	int rc = attach_stats(argv[1], fds, err);

	if (!rc)
		rc = announce(fds, err);
	if (!rc)
		rc = attach_tcp_open(&tcp, argv[1], err);
	if (!rc)
		rc = attach_tcp_update(tcp, entries, ARRAY_LEN(entries), err);
	if (rc)
		return rc;
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}

static void show(const char *what, const struct tcp_counters *c)
{
	for (size_t i = 0; i < STATS_TCP_FIELDS; i++)
		printf("%s.%s=%" PRIu64 "\n", what, stats_tcp_fields[i].name,
		       stats_value(c, &stats_tcp_fields[i]));
	for (size_t i = 0; i < STATS_TCP_HISTOGRAMS; i++) {
		const struct stats_log2_field *f = &stats_tcp_histograms[i];
		const struct counters_log2 *h = (const void *)((const char *)c + f->offset);

		printf("%s.%s.count=%" PRIu64 "\n%s.%s.sum=%" PRIu64 "\n%s.%s.median=%.0f\n", what,
		       f->name, stats_log2_count(h), what, f->name, h->sum, what, f->name,
		       stats_log2_quantile(h, 0.5));
	}
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct stats s;
	int rc;

	if (argc == 7 && strcmp(argv[2], "watch") == 0) {
		rc = watch(argv, &err);
	} else if (argc == 3 && strcmp(argv[2], "show") == 0) {
		rc = stats_open(&s, argv[1], &err);
		if (!rc) {
			show("service", &s.tcp_services[1]);
			show("backend", &s.tcp_backends[1]);
			stats_close(&s);
		}
	} else {
		return 2;
	}
	if (rc)
		fprintf(stderr, "%s\n", err.msg);
	return rc ? 1 : 0;
}

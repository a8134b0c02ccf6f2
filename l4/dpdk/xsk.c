// SPDX-License-Identifier: BSD-3-Clause
#include "l4/dpdk/xsk.h"

#include <dirent.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool is_xsk(int fd)
{
	int domain;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_XDP;
}

void xsk_find(struct xsk_set *out)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	out->n = 0;
	// cppcheck-suppress readdirCalled ; nobody else reads this stream
	while (dir && (entry = readdir(dir)) && out->n < ARRAY_LEN(out->fd)) {
		int fd = atoi(entry->d_name); // "." is 0, which is no such socket

		if (is_xsk(fd))
			out->fd[out->n++] = fd;
	}
	if (dir)
		closedir(dir);
}

static bool has(const struct xsk_set *s, int fd)
{
	for (uint16_t i = 0; i < s->n; i++)
		if (s->fd[i] == fd)
			return true;
	return false;
}

void xsk_drop(struct xsk_set *s, const struct xsk_set *others)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < s->n; i++)
		if (!has(others, s->fd[i]))
			s->fd[kept++] = s->fd[i];
	s->n = kept;
}

// rx_fill_ring_empty_descs is no count of its own: what finds no buffer is in rx_dropped (net/xdp/xsk.c).
uint64_t xsk_missed(const struct xsk_set *s)
{
	uint64_t missed = 0;

	for (uint16_t i = 0; i < s->n; i++) {
		struct xdp_statistics stats = {0};
		socklen_t len = sizeof(stats);

		if (getsockopt(s->fd[i], SOL_XDP, XDP_STATISTICS, &stats, &len) == 0)
			missed += stats.rx_dropped + stats.rx_ring_full;
	}
	return missed;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l7/descriptors.h"

#include <sys/resource.h>

#include "l4/base/log.h"

enum { SHARE_MIN = 16, SHARE_MAX = 1048576, A_CONNECTION = 2, RESERVE_PART = 8 };

uint64_t descriptors_raise(void)
{
	struct rlimit limit = {.rlim_cur = 1024};

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			getrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur;
}

uint32_t descriptors_share(const struct conf *conf, uint16_t n_workers, uint64_t limit)
{
	uint64_t most = (limit - limit / RESERVE_PART) / n_workers / A_CONNECTION;

	if (most > SHARE_MAX)
		most = SHARE_MAX;
	if (most < SHARE_MIN)
		most = SHARE_MIN;
	if (!conf->worker_connections)
		return (uint32_t)most;
	if (conf->worker_connections > most)
		LOG_WARN("worker_connections=%u is more than the limit of open files allows "
		         "limit=%llu allows=%llu",
		         conf->worker_connections, (unsigned long long)limit,
		         (unsigned long long)most);
	return conf->worker_connections;
}

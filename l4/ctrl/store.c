// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/store.h"

#include <unistd.h>

#include "bpf/attach.h"
#include "l4/base/log.h"
#include "l4/model/conf.h"

static int open_maps(struct stats *out, const struct conf *conf, struct err *err)
{
	int fds[STATS_REGION_COUNT];
	int rc = attach_stats(conf->stats, fds, err);

	if (rc)
		return rc;
	rc = stats_map(out, fds, true, true, err);
	for (int i = 0; i < STATS_REGION_COUNT; i++)
		close(fds[i]);
	return rc;
}

int store_open(struct stats *out, const struct conf *conf, struct err *err)
{
	struct err no_bpf = {0};
	int rc = open_maps(out, conf, &no_bpf);

	if (!rc) {
		LOG_INFO("counters home=bpf dir=%s", conf->stats);
		return 0;
	}
	rc = stats_open_shm(out, conf->stats, err);
	if (!rc)
		LOG_WARN("counters home=/dev/shm reason=\"%s\"", no_bpf.msg);
	return rc;
}

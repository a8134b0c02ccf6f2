// SPDX-License-Identifier: BSD-3-Clause
#include "l7/telemetry_store.h"

#include <errno.h>

#include "bpf/attach.h"
#include "l4/base/log.h"
#include "l4/model/stats_l7_store.h"

static int open_maps(struct stats_l7 *out, const struct conf *conf,
                     const struct stats_l7_room *room, struct err *err)
{
	const struct stats_l7_home home = {
		.path = conf->stats, .is_bpf = true, .make = attach_l7_make};
	int rc = attach_folder(conf->stats, err);

	return rc ? rc : stats_l7_store_open(out, &home, room, err);
}

int telemetry_store_open(struct stats_l7 *out, const struct conf *conf,
                         const struct stats_l7_room *room, struct err *err)
{
	struct err no_bpf = {0};
	int rc = open_maps(out, conf, room, &no_bpf);

	if (!rc) {
		LOG_INFO("counters home=bpf dir=%s", conf->stats);
		return 0;
	}
	if (rc == -EBUSY) {
		*err = no_bpf;
		return rc;
	}
	rc = stats_l7_store_open_shm(out, conf->stats, room, err);
	if (!rc)
		LOG_WARN("counters home=/dev/shm reason=\"%s\"", no_bpf.msg);
	return rc;
}

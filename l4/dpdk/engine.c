// SPDX-License-Identifier: BSD-3-Clause
#include "l4/dpdk/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"

enum { START_TIMEOUT_MS = 5000 };

static void close_ports(struct engine *e)
{
	while (e->n_ports)
		port_close(&e->ports[--e->n_ports]);
}

static int open_ports(struct engine *e, const char *xdp_object, struct err *err)
{
	while (e->n_ports < e->conf->n_ports) {
		int rc = port_open(&e->ports[e->n_ports], e->conf, e->n_ports, &e->eal, xdp_object,
		                   err);

		if (rc) {
			close_ports(e);
			return rc;
		}
		e->n_ports++;
	}
	return 0;
}

static void close_lanes(struct engine *e)
{
	while (e->n_lanes) {
		struct lane *lane = e->lanes[--e->n_lanes];

		lane_fini(lane);
		free(lane);
	}
	free(e->lanes);
	e->lanes = NULL;
}

static int open_lane(struct engine *e, const struct stats *stats)
{
	struct lane_setup setup = {
		.index = e->n_lanes,
		.n_lanes = e->conf->n_lanes,
		.n_flows = e->conf->flows / e->conf->n_lanes,
		.stats = stats,
	};
	struct lane *lane = aligned_alloc(CACHE_LINE, sizeof(*lane));
	int rc = lane ? lane_init(lane, &setup) : -ENOMEM;

	if (rc) {
		free(lane);
		return rc;
	}
	e->lanes[e->n_lanes++] = lane;
	return 0;
}

static int open_lanes(struct engine *e, const struct stats *stats, struct err *err)
{
	int rc = 0;

	e->lanes = calloc(e->conf->n_lanes, sizeof(*e->lanes));
	if (!e->lanes)
		return err_set(err, -ENOMEM, "lanes: out of memory");
	while (!rc && e->n_lanes < e->conf->n_lanes)
		rc = open_lane(e, stats);
	if (rc) {
		close_lanes(e);
		return err_set(err, rc, "flows: no memory for tables of %u flows", e->conf->flows);
	}
	return 0;
}

int engine_open(struct engine *e, const struct conf *conf, const struct stats *stats,
                const char *xdp_object, struct err *err)
{
	int rc;

	*e = (struct engine){.conf = conf};
	if (!conf->n_ports)
		return err_set(err, -EINVAL, "%s: ports: lb4d needs at least one", conf->file);
	rc = eal_open(&e->eal, conf, err);
	if (rc)
		return rc;
	rc = open_ports(e, xdp_object, err);
	if (rc)
		goto err_eal;
	rc = open_lanes(e, stats, err);
	if (rc)
		goto err_ports;
	rc = core_init(&e->cores, conf, e->ports, e->lanes, err);
	if (rc)
		goto err_lanes;
	return 0;
err_lanes:
	close_lanes(e);
err_ports:
	close_ports(e);
err_eal:
	eal_close(&e->eal);
	return rc;
}

void engine_close(struct engine *e)
{
	core_fini(&e->cores);
	close_lanes(e);
	close_ports(e);
	eal_close(&e->eal);
}

void engine_describe(const struct engine *e, struct control_port *out)
{
	for (uint8_t i = 0; i < e->n_ports; i++) {
		const struct port *p = &e->ports[i];

		out[i] = (struct control_port){.mac = p->mac, .if_index = p->if_index};
		memcpy(out[i].if_name, p->if_name, sizeof(out[i].if_name));
		out[i].link_up = port_link_is_up(p);
	}
}

void engine_watch(const struct engine *e, struct control_port *out)
{
	for (uint8_t i = 0; i < e->n_ports; i++) {
		if (e->ports[i].conf->driver != DRIVER_AF_XDP)
			out[i].link_up = port_link_is_up(&e->ports[i]);
		out[i].missed = port_missed(&e->ports[i]);
	}
}

static bool all_run(const struct engine *e)
{
	for (uint16_t i = 0; i < e->n_lanes; i++)
		if (!lane_is_running(e->lanes[i]))
			return false;
	return true;
}

// A lane counts as one that reads nothing until it says that it runs, so control must not go on
// before.
static int wait_for_lanes(const struct engine *e, struct err *err)
{
	struct timespec ms = {.tv_nsec = (long)CLOCK_NS_PER_MS};

	for (int i = 0; i < START_TIMEOUT_MS; i++) {
		if (all_run(e))
			return 0;
		nanosleep(&ms, NULL);
	}
	return err_set(err, -ETIMEDOUT, "lanes: not running after %d s", START_TIMEOUT_MS / 1000);
}

int engine_start(struct engine *e, struct err *err)
{
	int rc = 0;

	for (uint8_t i = 0; !rc && i < e->n_ports; i++)
		rc = port_start(&e->ports[i], err);
	if (!rc)
		rc = core_start(&e->cores, err);
	if (!rc)
		rc = wait_for_lanes(e, err);
	if (rc)
		engine_stop(e);
	return rc;
}

void engine_stop(struct engine *e)
{
	core_stop(&e->cores);
}

bool engine_is_dry(struct engine *e)
{
	return core_is_dry(&e->cores);
}

uint64_t engine_idle_ns(const struct engine *e)
{
	return core_idle_ns(&e->cores);
}

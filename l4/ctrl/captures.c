// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/captures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ev.h>

#include "l4/base/log.h"
#include "l4/ctrl/control.h"
#include "l4/data/capture_tap.h"

// How often we look whether the lanes use the newest taps, while old ones are left.
static const double REAP_INTERVAL_S = 0.005;

struct capture {
	uint32_t id;
	bool is_ended;
	char service[CTL_NAME_SIZE];
	bool has_filter;
	struct capture_filter filter;
	struct capture_shared *memory;
	size_t size;
	uint16_t n_lanes;
	struct capture_tap tap[CONF_MAX_LANES];
};

// What lanes have been told to use, or still used before.
struct tap_set {
	struct tap_set *next;
	struct capture
		*ended; // with this set the lanes saw it for the last time; owned; may be NULL
	struct capture_taps taps[CONF_MAX_LANES];
};

struct captures {
	struct control *control;
	struct capture *list[CAPTURE_TAP_MAX]; // owned
	uint32_t n;
	uint32_t last_id;
	struct tap_set *newest; // owned; NULL = no captures
	struct tap_set *old;    // that a lane may still use; owned
	ev_timer reap;
};

// --- one capture ---

static void capture_free(struct capture *c)
{
	if (!c)
		return;
	for (uint16_t i = 0; i < c->n_lanes; i++)
		capture_tap_fini(&c->tap[i]);
	if (c->memory)
		munmap(c->memory, c->size);
	free(c);
}

// Sealed, so that nobody can take pages away under the lanes. Populated, so that no lane waits for any.
static int make_memory(struct capture *c)
{
	uint32_t ring_size = capture_ring_size(c->n_lanes);
	int fd = memfd_create("lb47-capture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *memory;

	if (fd < 0)
		return -errno;
	c->size = capture_ring_total(c->n_lanes, ring_size);
	if (ftruncate(fd, (off_t)c->size) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		goto err_close;
	memory = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (memory == MAP_FAILED)
		goto err_close;
	c->memory = memory;
	*c->memory = (struct capture_shared){
		.magic = CAPTURE_MAGIC, .n_lanes = c->n_lanes, .ring_size = ring_size};
	return fd;
err_close:
	close(fd);
	return -ENOMEM;
}

static int make_taps(struct capture *c, const struct ctl_capture_params *params, uint16_t service)
{
	struct capture_tap_setup setup = {
		.filter = c->has_filter ? &c->filter : NULL,
		.snap = params->snap,
		.rate = params->rate,
		.wants_sent = params->sent,
		.service = service,
		.memory = c->memory,
		.n_lanes = c->n_lanes,
	};

	for (uint16_t i = 0; i < c->n_lanes; i++) {
		setup.lane = i;
		if (capture_tap_init(&c->tap[i], &setup))
			return -ENOMEM;
	}
	return 0;
}

// Its roster id, CAPTURE_TAP_ALL for "", CAPTURE_TAP_NOBODY if there is none.
static uint16_t find_service(const struct control *c, const char *name)
{
	if (!*name)
		return CAPTURE_TAP_ALL;
	for (uint16_t i = 0; i < c->conf->n_services; i++)
		if (strcmp(c->conf->services[i].name, name) == 0)
			return roster_service_id(&c->roster, &c->conf->services[i]);
	return CAPTURE_TAP_NOBODY;
}

// Returns the descriptor of its memory.
static int capture_new(struct capture **out, const struct control *control,
                       const struct ctl_capture_params *params, struct err *err)
{
	uint16_t service = find_service(control, params->service);
	struct capture *c;
	int fd;

	if (service == CAPTURE_TAP_NOBODY)
		return err_set(err, -ENOENT, "no service \"%s\"", params->service);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, -ENOMEM, "out of memory");
	c->n_lanes = control->conf->n_lanes;
	snprintf(c->service, sizeof(c->service), "%s", params->service);
	c->has_filter = params->filter;
	fd = c->has_filter ? capture_filter_read(&c->filter, params->filter, err) : 0;
	if (fd)
		goto err_free;
	fd = make_memory(c);
	if (fd < 0) {
		err_set(err, fd, "no memory for the rings: %s", strerror(-fd));
		goto err_free;
	}
	if (make_taps(c, params, service)) {
		close(fd);
		fd = err_set(err, -ENOMEM, "out of memory");
		goto err_free;
	}
	*out = c;
	return fd;
err_free:
	capture_free(c);
	return fd;
}

// --- the lanes ---

static bool lanes_use(const struct captures *cs, const struct tap_set *set)
{
	const struct control *c = cs->control;

	for (uint16_t i = 0; i < c->conf->n_lanes; i++)
		if (lane_is_running(c->lanes[i]) &&
		    lane_taps(c->lanes[i]) != (set ? &set->taps[i] : NULL))
			return false;
	return true;
}

static void free_sets(struct tap_set **list)
{
	while (*list) {
		struct tap_set *next = (*list)->next;

		capture_free((*list)->ended);
		free(*list);
		*list = next;
	}
}

static void on_reap(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct captures *cs = timer->data;

	if (!lanes_use(cs, cs->newest))
		return;
	free_sets(&cs->old);
	ev_timer_stop(loop, timer);
}

// Tells the lanes the present captures; `set` is the room for it, NULL if there are none.
static void publish(struct captures *cs, struct tap_set *set, struct capture *ended)
{
	const struct control *c = cs->control;

	for (uint16_t i = 0; set && i < c->conf->n_lanes; i++) {
		set->taps[i].n = cs->n;
		for (uint32_t k = 0; k < cs->n; k++)
			set->taps[i].tap[k] = &cs->list[k]->tap[i];
	}
	for (uint16_t i = 0; i < c->conf->n_lanes; i++)
		lane_tap(c->lanes[i], set ? &set->taps[i] : NULL);
	if (cs->newest) {
		cs->newest->ended = ended;
		cs->newest->next = cs->old;
		cs->old = cs->newest;
		ev_timer_again(c->loop, &cs->reap);
	}
	cs->newest = set;
}

// --- all ---

int captures_open(struct captures **out, struct control *c)
{
	struct captures *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return -ENOMEM;
	cs->control = c;
	ev_timer_init(&cs->reap, on_reap, REAP_INTERVAL_S, REAP_INTERVAL_S);
	cs->reap.data = cs;
	*out = cs;
	return 0;
}

static void say_end(struct capture *c, enum capture_end end)
{
	__atomic_store_n(&c->memory->end, end, __ATOMIC_RELEASE);
}

void captures_close(struct captures *cs)
{
	const struct control *c;

	if (!cs)
		return;
	c = cs->control;
	ev_timer_stop(c->loop, &cs->reap);
	for (uint16_t i = 0; i < c->conf->n_lanes; i++)
		lane_tap(c->lanes[i], NULL);
	for (uint32_t i = 0; i < cs->n; i++) {
		say_end(cs->list[i], CAPTURE_STOPPED);
		capture_free(cs->list[i]);
	}
	free_sets(&cs->old);
	free(cs->newest);
	free(cs);
}

int captures_start(struct captures *cs, const struct ctl_capture_params *params,
                   struct captures_started *out, struct err *err)
{
	struct capture *c = NULL;
	struct tap_set *set;
	int fd;

	if (cs->n == CAPTURE_TAP_MAX)
		return err_set(err, -EBUSY, "%d captures run already, and no more can",
		               CAPTURE_TAP_MAX);
	set = calloc(1, sizeof(*set));
	if (!set)
		return err_set(err, -ENOMEM, "out of memory");
	fd = capture_new(&c, cs->control, params, err);
	if (fd < 0) {
		free(set);
		return fd;
	}
	c->id = ++cs->last_id ? cs->last_id : ++cs->last_id;
	cs->list[cs->n++] = c;
	publish(cs, set, NULL);
	*out = (struct captures_started){.id = c->id, .fd = fd};
	LOG_INFO("capture begins id=%u service=%s filter_instructions=%u rate=%u", c->id,
	         *c->service ? c->service : "-", c->filter.n, params->rate);
	return 0;
}

static void log_end(const struct capture *c)
{
	struct capture_counts sum = {0};

	for (uint16_t i = 0; i < c->n_lanes; i++) {
		struct capture_reader r;

		capture_ring_reader(&r, c->memory, i);
		capture_ring_sum(&r, &sum);
	}
	LOG_INFO("capture ends id=%u service=%s packets=%llu lost=%llu", c->id,
	         *c->service ? c->service : "-", (unsigned long long)sum.kept,
	         (unsigned long long)sum.lost);
}

static void remove_at(struct captures *cs, uint32_t i)
{
	struct capture *c = cs->list[i];
	struct tap_set *set = NULL;

	if (cs->n > 1) {
		set = calloc(1, sizeof(*set));
		// Without memory for a new set it stays where it is, and nobody's packets go to it.
		if (!set) {
			c->is_ended = true;
			for (uint16_t k = 0; k < c->n_lanes; k++)
				capture_tap_follow(&c->tap[k], CAPTURE_TAP_NOBODY);
			return;
		}
	}
	cs->list[i] = cs->list[--cs->n];
	log_end(c);
	publish(cs, set, c);
}

void captures_end(struct captures *cs, uint32_t id)
{
	for (uint32_t i = 0; i < cs->n; i++)
		if (cs->list[i]->id == id)
			return remove_at(cs, i);
}

void captures_follow(struct captures *cs)
{
	for (uint32_t i = 0; i < cs->n; i++) {
		struct capture *c = cs->list[i];
		uint16_t service = find_service(cs->control, c->service);

		if (c->is_ended)
			continue;
		for (uint16_t k = 0; k < c->n_lanes; k++)
			capture_tap_follow(&c->tap[k], service);
		if (service == CAPTURE_TAP_NOBODY) {
			c->is_ended = true;
			say_end(c, CAPTURE_SERVICE_GONE);
		}
	}
}

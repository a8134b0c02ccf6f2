// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/neighbor.h"

#include <errno.h>
#include <ev.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/ctrl/hop_set.h"
#include "l4/ctrl/kernel.h"
#include "l4/ctrl/link.h"
#include "l4/ctrl/next_hop.h"

enum {
	SETTLE_MS = 5,    // events come in groups: an address, its route, its neighbours
	PAUSE_MS = 50,    // between two passes, at least
	PAUSE_FACTOR = 9, // and that many times the last one's length: a tenth of the CPU at most
	EVENTS_SIZE = 32768, // NLMSG_GOODSIZE is less; the kernel sends no longer burst
	BURSTS_A_TURN = 64,  // then the loop's other watchers have their turn
};

struct neighbor {
	struct control *control; // borrowed
	void (*changed)(struct control *c);
	struct kernel kernel;
	int events_fd;
	struct ev_io events;
	struct ev_timer timer;
	struct hop_set set;
	bool is_dirty;                // routes and links are to be asked again
	bool has_news;                // a neighbour event changed a hop
	uint64_t pass_ns;             // monotonic; the next pass, if dirty or news
	uint64_t rest_until_ns;       // no pass before
	uint8_t told[STATS_BACKENDS]; // enum hop_kind last logged, by backend id
	uint8_t buf[EVENTS_SIZE] __attribute__((aligned(8)));
};

static void log_hop(const struct neighbor *n, const struct roster_backend *b, bool is_bad)
{
	char address[ADDR_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	log_line(is_bad ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
	         "next hop backend=%s/%s address=%s mac=%s port=%s state=\"%s\"", b->pool, b->name,
	         addr_text(&b->address, address), b->hop.known ? mac_text(&b->hop.dst, mac) : "-",
	         b->hop.known ? n->control->conf->ports[b->hop.port].name : "-", b->hop.state);
}

// --- hops ---

// No answer at all, which is no reason to give up a hop.
static bool is_silence(int rc)
{
	return rc == -EAGAIN || rc == -EINTR || rc == -ENOBUFS || rc == -ENOMEM || rc == -EBADMSG;
}

static int ask_hop(struct neighbor *n, struct hop *h)
{
	struct rtnl_route route = {0};
	struct rtnl_neigh neigh;
	int rc = kernel_route(&n->kernel, &h->address, &route);

	if (is_silence(rc))
		return rc;
	hop_route(h, rc, &route, rc ? -1 : link_port(n->control, route.oif));
	if (!hop_has_route(h))
		return 0;
	rc = kernel_neigh(&n->kernel, h->oif, &h->via, &neigh);
	if (is_silence(rc))
		return rc;
	hop_neigh(h, rc ? NULL : &neigh);
	return 0;
}

// Asks about everything; stops, and stays dirty, if the kernel does not answer.
static void ask_all(struct neighbor *n)
{
	for (size_t i = 0; i < n->set.n_hops; i++)
		if (ask_hop(n, &n->set.hops[i]))
			return;
	n->is_dirty = false;
}

// A configured MAC goes over the first port unless the kernel's route knows better.
static struct next_hop decreed_hop(const struct control *c, const struct roster_backend *b,
                                   const struct hop *h)
{
	struct next_hop next = b->hop;

	if (h && hop_has_route(h))
		next.port = h->port;
	next.src = c->ports[next.port].mac;
	return next;
}

static struct next_hop kernel_hop(const struct control *c, const struct hop *h)
{
	struct next_hop next = {.known = hop_is_known(h)};

	if (next.known) {
		next.port = h->port;
		next.dst = h->mac;
		next.src = c->ports[h->port].mac;
	}
	next_hop_set_state(&next, hop_word(h));
	return next;
}

// Asking is no news: either an answer or the kernel's giving up follows.
static bool is_news(uint8_t kind, uint8_t told)
{
	return kind != told && kind != HOP_ASKING && kind != HOP_ASKING_KEPT;
}

// True if the backend is reached another way than before.
static bool write_hop(struct neighbor *n, uint16_t id)
{
	struct roster_backend *b = &n->control->roster.backends[id];
	const struct hop *h = hop_set_find(&n->set, &b->address);
	uint8_t kind = HOP_VALID;
	struct next_hop before = b->hop;
	bool is_moved;

	if (!h)
		return false;
	if (next_hop_is_configured(&b->hop)) {
		b->hop = decreed_hop(n->control, b, h);
	} else {
		b->hop = kernel_hop(n->control, h);
		kind = h->kind;
	}
	is_moved = next_hop_differs(&before, &b->hop);
	if (is_moved || is_news(kind, n->told[id])) {
		log_hop(n, b, !next_hop_is_configured(&b->hop) && hop_is_bad(h));
		n->told[id] = kind;
	}
	return is_moved;
}

static bool write_hops(struct neighbor *n)
{
	const struct roster *r = &n->control->roster;
	bool changed = false;

	for (uint16_t id = 1; id < r->n_backends; id++) {
		if (r->backends[id].e.used)
			changed |= write_hop(n, id);
		else
			n->told[id] = HOP_NEW;
	}
	return changed;
}

static void ask_kernel_to_resolve(struct neighbor *n)
{
	uint64_t now_ns = clock_now_ns();

	for (size_t i = 0; i < n->set.n_hops; i++) {
		struct hop *h = &n->set.hops[i];

		if (hop_is_due(h, now_ns))
			kernel_ask(&n->kernel, h->oif, &h->via, &h->address);
	}
}

// --- time ---

static uint64_t next_ns(const struct neighbor *n)
{
	uint64_t next = UINT64_MAX;

	if (n->is_dirty || n->has_news)
		next = n->pass_ns;
	for (size_t i = 0; i < n->set.n_hops; i++)
		if (hop_wants_asking(&n->set.hops[i]) && n->set.hops[i].due_ns < next)
			next = n->set.hops[i].due_ns;
	return next;
}

static void set_timer(struct neighbor *n)
{
	uint64_t next = next_ns(n);
	uint64_t now_ns = clock_now_ns();
	uint64_t after_ns = next > now_ns + CLOCK_NS_PER_MS ? next - now_ns : CLOCK_NS_PER_MS;

	ev_timer_stop(n->control->loop, &n->timer);
	if (next == UINT64_MAX)
		return;
	ev_timer_set(&n->timer, (double)after_ns / (double)CLOCK_NS_PER_S, 0.);
	ev_timer_start(n->control->loop, &n->timer);
}

// The first event of a group sets the time for all of it.
static void plan_pass(struct neighbor *n)
{
	uint64_t at_ns = clock_now_ns() + SETTLE_MS * CLOCK_NS_PER_MS;

	n->pass_ns = at_ns > n->rest_until_ns ? at_ns : n->rest_until_ns;
	set_timer(n);
}

// Everything that is due. True if a hop or a port's MAC is another one.
static bool pass(struct neighbor *n)
{
	uint64_t start_ns = clock_now_ns();
	bool changed = false;
	uint64_t rest_ns;

	if (n->is_dirty) {
		changed = link_follow(n->control, &n->kernel);
		ask_all(n);
	}
	n->has_news = false;
	changed |= write_hops(n);
	ask_kernel_to_resolve(n);
	rest_ns = PAUSE_FACTOR * (clock_now_ns() - start_ns);
	if (rest_ns < PAUSE_MS * CLOCK_NS_PER_MS)
		rest_ns = PAUSE_MS * CLOCK_NS_PER_MS;
	n->rest_until_ns = clock_now_ns() + rest_ns;
	n->pass_ns = n->rest_until_ns; // for what was not answered
	set_timer(n);
	return changed;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct neighbor *n = w->data;

	if ((n->is_dirty || n->has_news) && clock_now_ns() >= n->pass_ns) {
		if (pass(n))
			n->changed(n->control);
		return;
	}
	ask_kernel_to_resolve(n);
	set_timer(n);
}

// --- events ---

// True if a hop goes over this neighbour.
static bool take_neigh(struct neighbor *n, struct slice message)
{
	bool is_gone = rtnl_type(message) == RTM_DELNEIGH;
	struct rtnl_neigh neigh;
	bool is_ours = false;

	if (!rtnl_read_neigh(&neigh, message))
		return false;
	for (size_t i = 0; i < n->set.n_hops; i++) {
		struct hop *h = &n->set.hops[i];

		if (!hop_has_route(h) || h->oif != neigh.if_index ||
		    !addr_eq(&h->via, &neigh.address))
			continue;
		hop_neigh(h, is_gone ? NULL : &neigh);
		is_ours = true;
	}
	return is_ours;
}

static void take_event(struct neighbor *n, struct slice message)
{
	switch (rtnl_type(message)) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		n->has_news |= take_neigh(n, message);
		break;
	default:
		n->is_dirty = true;
	}
}

static void on_events(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct neighbor *n = w->data;
	bool was_planned = n->is_dirty || n->has_news;

	for (int i = 0; i < BURSTS_A_TURN; i++) {
		int len = kernel_events(n->events_fd, n->buf, sizeof(n->buf));
		struct slice burst = slice_of(n->buf, len > 0 ? (size_t)len : 0);
		struct slice message;

		if (len == -EAGAIN || (len < 0 && len != -ENOBUFS))
			break;
		n->is_dirty |= len == -ENOBUFS; // events were lost: ask about everything
		while (rtnl_next(&burst, &message))
			take_event(n, message);
	}
	if (!was_planned && (n->is_dirty || n->has_news))
		plan_pass(n);
}

// --- life ---

bool neighbor_update(struct neighbor *n)
{
	bool changed = next_hop_decree(n->control);

	hop_set_collect(&n->set, &n->control->roster);
	n->is_dirty = true;
	return pass(n) || changed;
}

static void start(struct neighbor *n)
{
	ev_io_init(&n->events, on_events, n->events_fd, EV_READ);
	n->events.data = n;
	ev_io_start(n->control->loop, &n->events);
	ev_timer_init(&n->timer, on_timer, 0., 0.);
	n->timer.data = n;
}

int neighbor_open(struct neighbor **out, struct control *c, void (*changed)(struct control *c),
                  struct err *err)
{
	struct neighbor *n = calloc(1, sizeof(*n));
	int rc;

	if (!n)
		return err_set(err, -ENOMEM, "neighbors: no memory");
	n->control = c;
	n->changed = changed;
	rc = hop_set_init(&n->set);
	if (rc)
		goto err_free;
	rc = kernel_open(&n->kernel);
	if (rc)
		goto err_set;
	rc = kernel_subscribe();
	if (rc < 0)
		goto err_kernel;
	n->events_fd = rc;
	start(n);
	*out = n;
	return 0;
err_kernel:
	kernel_close(&n->kernel);
err_set:
	hop_set_fini(&n->set);
err_free:
	free(n);
	return err_set(err, rc, "neighbors: rtnetlink: %s", strerror(-rc));
}

void neighbor_close(struct neighbor *n)
{
	if (!n)
		return;
	ev_io_stop(n->control->loop, &n->events);
	ev_timer_stop(n->control->loop, &n->timer);
	close(n->events_fd);
	kernel_close(&n->kernel);
	hop_set_fini(&n->set);
	free(n);
}

// SPDX-License-Identifier: BSD-3-Clause
// The probe of one backend that a test plays itself: on a port of the loopback device, in a loop that it turns by hand.
#pragma once

#include "l7/probe_set.h"
#include "tests/unit/l7/managerbuild.h"

#include <fcntl.h>

struct probebuild {
	struct loop loop;
	int listening, accepted; // -1 = no connection of the probe's
	uint16_t port;           // of listening
	struct conf *conf;
	struct probe_set *set;
	struct probe_owner owner;
	const struct probe *last; // told by a transition
	unsigned n_changes;
};

static inline void probebuild_changed(void *data, const struct probe *p)
{
	struct probebuild *b = data;

	b->last = p;
	b->n_changes++;
}

static inline void probebuild_begin(struct probebuild *b)
{
	cr_assert_eq(loop_init(&b->loop, 1 << 20), 0);
	cr_assert_eq(conn_loop_init(&b->loop), 0);
	b->port = managerbuild_port(&b->listening);
	b->accepted = -1;
	fcntl(b->listening, F_SETFL, O_NONBLOCK);
	b->owner = (struct probe_owner){.loop = &b->loop, .changed = probebuild_changed, .data = b};
}

static inline void probebuild_end(struct probebuild *b)
{
	probe_set_free(b->set);
	conf_free(b->conf);
	loop_fini(&b->loop);
	conn_loop_fini(&b->loop);
}

// Probes the only backend of the configuration, which is on b->port, as if nothing had been before. It has time enough for a busy
// machine; a test of time-outs sets its own.
static inline void probebuild_start(struct probebuild *b, const char *text)
{
	struct err err = {0};

	conf_free(b->conf);
	b->conf = managerbuild_conf(text);
	probe_set_free(b->set);
	b->set = NULL;
	cr_assert_eq(probe_set_new(&b->set, b->conf, NULL, &b->owner, &err), 0, "%s", err.msg);
	b->set->entries[0].probe->plan->check.timeout_ms = 5000;
	b->n_changes = 0;
	b->last = NULL;
	probe_set_start(b->set, NULL);
}

// Takes what the probe has sent after a turn of the loop: the number of bytes, or what read(2) says.
static inline ssize_t probebuild_read(struct probebuild *b, void *out, size_t size)
{
	loop_turn(&b->loop, 1);
	if (b->accepted < 0)
		b->accepted = accept4(b->listening, NULL, NULL, SOCK_NONBLOCK);
	return read(b->accepted, out, size);
}

// Hangs up, if there is a connection.
static inline void probebuild_hang_up(struct probebuild *b)
{
	if (b->accepted >= 0)
		close(b->accepted);
	b->accepted = -1;
}

// Turns until the probe has made up its mind, and hangs up.
static inline void probebuild_finish(struct probebuild *b)
{
	for (int i = 0; i < 2000 && !b->n_changes; i++)
		loop_turn(&b->loop, 1);
	cr_assert_eq(b->n_changes, 1);
	probebuild_hang_up(b);
}

// SPDX-License-Identifier: BSD-3-Clause
// A capture's packets, from the rings of all lanes in the order of time. One thread.
#pragma once

#include "l4/base/err.h"
#include "l4/model/capture_ring.h"

struct lbctl_feed {
	struct capture_shared *memory;
	size_t size;
	uint32_t n_lanes;
	struct capture_reader lane[CONF_MAX_LANES];
	uint64_t missed[CONF_MAX_LANES][CONF_MAX_PORTS]; // when the last packet was taken
};

// Maps the memory behind `fd`, which stays the caller's. 0, or -EPROTO if it is another version's, or what mmap(2)
// said.
NODISCARD int lbctl_feed_open(struct lbctl_feed *f, int fd, struct err *err);
void lbctl_feed_close(struct lbctl_feed *f);

// The oldest packet that is not younger than `until_ns` (CLOCK_MONOTONIC), borrowed until lbctl_feed_next(); *out = NULL
// if there is none. Lanes tell a burst at a time, so what is a few milliseconds old is in order. 0 or -EPROTO.
NODISCARD int lbctl_feed_peek(struct lbctl_feed *f, uint64_t until_ns,
                              const struct capture_record **out);
void lbctl_feed_next(struct lbctl_feed *f, const struct capture_record *record);
// How many packets of its lane and port were missed since the one before; ask before lbctl_feed_next().
uint64_t lbctl_feed_missed(const struct lbctl_feed *f, const struct capture_record *record);

// Sums over the lanes: of all ports, and of one < CONF_MAX_PORTS.
struct capture_counts lbctl_feed_counts(const struct lbctl_feed *f);
struct capture_counts lbctl_feed_port_counts(const struct lbctl_feed *f, uint8_t port);
enum capture_end lbctl_feed_end(const struct lbctl_feed *f);

// SPDX-License-Identifier: BSD-3-Clause
// HTTP/3 of one connection of the test server, by nghttp3. GET /size/BYTES answers with a body of so
// many bytes, at so many bytes a second; every other path with 404. The body is the server's name,
// line by line, and so is the header "server": whoever saves it can tell who answered, and whether
// anything is missing.
//
// peer.c hands in what ngtcp2 read, and asks for what to write.
#pragma once

#include <nghttp3/nghttp3.h>
#include <ngtcp2/ngtcp2.h>

#include "l4/base/cc.h"

struct h3_site {
	const char *name;
	uint64_t bytes_per_s; // of each response; 0 = as fast as it goes
};

struct h3 {
	nghttp3_conn *conn; // owned
	ngtcp2_conn *quic;  // borrowed
	const struct h3_site *site;
	uint64_t n_sent;           // bytes of bodies handed out
	struct h3_answer *answers; // owned; a list of those not finished
};

// Opens the three streams that HTTP/3 needs. Returns 0, or -1.
NODISCARD int h3_open(struct h3 *h, ngtcp2_conn *quic, const struct h3_site *site);
void h3_close(struct h3 *h);

// What was read from a stream. Returns 0, or -1 with which the connection ends.
NODISCARD int h3_read(struct h3 *h, int64_t stream_id, const uint8_t *data, size_t len,
                      bool is_fin);

// A stream is closed.
void h3_stream_closed(struct h3 *h, int64_t stream_id, uint64_t code);

// Answers that waited for their rate may go on. Returns whether one is not finished.
bool h3_tick(struct h3 *h);

uint64_t h3_now(void); // ns, CLOCK_MONOTONIC

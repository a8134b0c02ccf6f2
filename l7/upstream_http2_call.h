// SPDX-License-Identifier: BSD-3-Clause
// Between upstream_http2.c, which has the connections, and upstream_http2_call.c, which has the requests on them.
#pragma once

#include "l7/upstream_http2.h"

enum {
	UPSTREAM_HTTP2_WINDOW = 65535
}; // bytes that a backend may send ahead for one request, at first

struct upstream_http2 {
	struct upstream_conn link;
	struct http2 *http2;                                // NULL until it is open
	struct upstream_http2 *next, *prev;                 // peer->http2, while it is_listed
	struct upstream_http2_call *waiting, **waiting_end; // in the order of their coming
	struct upstream_http2_call *received;               // got bytes in the present callback
	struct timer timer;                                 // PING
	uint64_t begun_ms, idle_ms, heard_ms;
	struct addr client, local; // whose it is, if it is private, and where that came to
	be16 client_port, local_port;
	uint16_t keepalive; // idle connections kept of this backend
	uint32_t n_calls;   // that a stream holds
	uint32_t n_waiting;
	struct conf_http2 conf; // as it was when this was made
	int error;              // its streams are told, as it closes
	uint8_t protocol;       // enum conf_http of the pool
	bool is_listed;         // takes requests
	bool is_closing;
	bool is_quiet; // answered a PING, and has said nothing since
	bool has_served;
	bool has_settings; // the backend's, and they were acted on
	bool has_new_settings;
	bool has_goaway;
	char reason[96];
};

// A stream's request on it.
struct upstream_http2_call {
	struct upstream up;
	struct http2_stream h2;
	struct upstream_http2 *on;
	struct upstream_http2_call *next; // on->waiting
	struct upstream_http2_call *next_received;
	struct loop_task free;
	struct slab *slab; // its memory's; the connection may be gone before it
	uint64_t steady;   // bytes that the client was given since it last held us up
	bool is_waiting;
	bool is_received; // in on->received
	bool has_begun;   // some of an answer came
	bool is_ended;    // all of it
	bool is_over;     // http2 has forgotten it
	bool is_wide;     // its window is
	char reason[48];
};

// --- the connection ---

// Tells all of its streams why, and closes; 0: it has none. -errno; c->reason may say more than that does.
void upstream_http2_close(struct upstream_http2 *c, int error);
// The same; what http2 says is the reason, if it says something.
void upstream_http2_break(struct upstream_http2 *c, int error);
// Nobody uses it: it is kept, or not.
void upstream_http2_close_if_useless(struct upstream_http2 *c);
// It takes no new requests.
void upstream_http2_unlist(struct upstream_http2 *c);
// A request is on its way: it is looked whether the backend is still there.
void upstream_http2_watch(struct upstream_http2 *c);

// --- its requests ---

extern const struct http2_ops upstream_http2_call_ops;

// Begins, or waits: then `is_open` is false. 0 or -ENOMEM.
NODISCARD int upstream_http2_call_new(struct upstream **out, struct upstream_http2 *c,
                                      struct stream *s);
// It leaves the queue.
void upstream_http2_call_leave(struct upstream_http2_call *call);
// Those that wait, as far as there is room.
void upstream_http2_call_send_waiting(struct upstream_http2 *c);
// SETTINGS came.
void upstream_http2_call_settle(struct upstream_http2 *c);

// SPDX-License-Identifier: BSD-3-Clause
// A connection: a byte stream with one peer, in clear or through TLS; whoever uses it sees no difference. Protocols
// (downstream.c, upstream.c, probe.c, admin.c) sit on connections.
//
// Receiving: `received` is offered all bytes not consumed yet and says how many it consumed. The rest is kept (the
// only time an idle connection owns a buffer) and offered again with what follows, or at once after conn_resume().
// Sending: conn_send() borrows; bytes are gathered and leave together when the present callback returns (the loop's
// flush), in one system call. What the kernel does not take waits in buffers: conn_pending() says how much; who produces the
// bytes stops (conn_pause of the other connection) until `drained`.
//
// Thread: the loop's. After conn_close() no function of the owner is called; the memory stays until the end of the turn.
#pragma once

#include "l7/io.h"
#include "l7/text.h"
#include "l7/tls.h"

enum {
	CONN_HOLD_MAX = BUF_HUGE_SIZE, // bytes kept for an owner that does not consume
	CONN_SCRATCH = 81920,          // bytes of conn_scratch()
};

struct conn;

struct conn_ops {
	// Returns the bytes consumed. bytes.len > 0.
	size_t (*received)(struct conn *c, struct slice bytes);
	// Connected, TLS handshake done. For accepted connections in clear: not called.
	void (*opened)(struct conn *c);
	// The peer ended its side in order; nothing more will be received. Bytes not consumed are lost.
	void (*ended)(struct conn *c);
	// All that was sent is with the kernel, after some of it had to wait.
	void (*drained)(struct conn *c);
	// Some of it is: conn_pending() is less. May be NULL.
	void (*moved)(struct conn *c);
	// While paused: the peer is about to go, or gone. May be NULL.
	void (*hung_up)(struct conn *c);
	// Broken: -errno; -EPROTO: TLS, see conn_reason(). Close it.
	void (*failed)(struct conn *c, int error);
};

struct conn {
	struct io io;
	const struct conn_ops *ops;
	struct tls *tls;        // NULL in clear; owned
	struct buf *held;       // offered, not consumed
	struct loop_task again; // offers it once more
	bool is_open;           // connected and shaken hands
	bool is_paused;
	bool is_ended;     // close_notify or FIN came
	bool is_truncated; // TLS: FIN without close_notify
	bool is_told;      // `ended` was called
	bool is_broken;    // `failed` was called
};

// For a loop that is to carry connections: its buffers for gathering. 0 or -ENOMEM.
NODISCARD int conn_loop_init(struct loop *loop);
void conn_loop_fini(struct loop *loop);

// An accepted connection; fd is consumed on success. 0 or -errno.
NODISCARD int conn_accept(struct conn *c, struct loop *loop, int fd, const struct conn_ops *ops);

// Connects; `opened` or `failed` follows.
NODISCARD int conn_connect(struct conn *c, struct loop *loop, const struct addr *address, be16 port,
                           const struct conn_ops *ops);

// From here on the connection speaks TLS: right after conn_connect() or conn_accept(), or, of an accepted connection, when what
// comes before TLS (PROXY protocol) was received. `opened` follows the handshake. What was sent before went in clear. 0
// or -ENOMEM.
NODISCARD int conn_start_tls_client(struct conn *c, struct tls_client *tls, const char *name);
NODISCARD int conn_start_tls_server(struct conn *c, struct tls_server *tls);

// Borrowed until the present callback returns.
void conn_send(struct conn *c, struct slice bytes);

// Room for text that is to be sent by conn_send() in this callback: at least `size` bytes (CONN_SCRATCH at most).
// What was written there is kept by conn_scratch_keep(); without it the next call gives the same room.
struct text conn_scratch(struct conn *c, size_t size);
void conn_scratch_keep(struct conn *c, const struct text *t);

// What was sent on this connection leaves now: for who wants to know conn_pending(), or sends what will not last.
void conn_flush(struct conn *c);

// Bytes given to conn_send() that the kernel has not taken.
static inline size_t conn_pending(const struct conn *c)
{
	return c->io.n_out;
}

void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

// FIN (and close_notify) after what was sent.
void conn_end(struct conn *c);
void conn_close(struct conn *c); // at once; twice is fine
void conn_abort(struct conn *c); // with a reset

const char *conn_reason(const struct conn *c); // of -EPROTO, in words

// SPDX-License-Identifier: BSD-3-Clause
// Descriptors, completion style: what is wanted is submitted (io_receive, io_send, io_connect, io_listen), and the
// owner's functions are called when it is done. The engine below is epoll, edge triggered, a descriptor being added once; one that
// submits to io_uring can take its place: received bytes lie in the engine's memory, sent ones are the engine's concern
// when io_send() returns.
//
// No function of the owner is called from within io_*(): only from the loop. After io_close() none is called any more;
// the memory of a struct io must stay until the end of the turn (loop_defer).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "l4/base/addr.h"
#include "l7/loop.h"

union io_address {
	struct sockaddr sa;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
};

struct io_ops {
	// Bytes that came, borrowed until the function returns; none: the peer ended its side.
	void (*received)(struct io *io, struct slice bytes);
	// All that was given to io_send() is with the kernel, after some of it had to wait.
	void (*sent)(struct io *io);
	// Some of what had to wait is with the kernel, not all. May be NULL.
	void (*moved)(struct io *io);
	// io_connect() succeeded.
	void (*connected)(struct io *io);
	// A connection for a listener; fd, non-blocking, is the owner's.
	void (*accepted)(struct io *io, int fd, const union io_address *from);
	// The peer ended its side, or broke the connection, while nothing was to be received. Once. May be NULL.
	void (*hung_up)(struct io *io);
	// The descriptor is of no more use: -errno. Close it. A listener's: accept(2) failed for want of descriptors or memory;
	// io_listen() tries again.
	void (*failed)(struct io *io, int error);
};

struct io {
	const struct io_ops *ops;
	struct loop *loop;
	struct io *next, *prev;    // in `list`
	struct io_list *list;      // loop->ready, starved, or what is run now; NULL = none
	struct buf *out, *out_end; // what the kernel did not take yet
	size_t n_out;              // bytes of it
	uint32_t most;             // bytes received at once; LOOP_RECEIVE_SIZE at first
	bool may_starve; // takes in new work: nothing is received while the budget of buffers is used up
	int fd;          // -1: closed
	int error;       // to be told by failed()
	uint16_t flags; // io.c's
};

// Takes over fd (non-blocking) on success. 0 or what epoll_ctl(2) said.
NODISCARD int io_open(struct io *io, struct loop *loop, int fd, const struct io_ops *ops);

// Makes a non-blocking socket and connects; `connected` or `failed` follows. TCP_NODELAY is set. 0 or -errno of socket(2),
// connect(2); then nothing is open.
NODISCARD int io_connect(struct io *io, struct loop *loop, const struct addr *address, be16 port,
                         const struct io_ops *ops);

// Begins to accept on an open, listening descriptor.
void io_listen(struct io *io);

// Receives (or not, then the kernel holds the bytes and slows the peer down).
void io_receive(struct io *io, bool on);

// Sends all of it, in order. What the kernel does not take is copied and sent later.
void io_send(struct io *io, const struct iovec *iov, int n);

// Sending failed for the owner's own reason: `failed` follows.
void io_fail(struct io *io, int error);

// Something came, or the peer's end, that was not received yet: as far as this turn's events say, or, `for_sure`, the kernel.
bool io_has_input(const struct io *io, bool for_sure);

// Bytes that the peer has not acknowledged, queued here or in the kernel.
size_t io_unsent(const struct io *io);

// No more will be sent: FIN after what is queued.
void io_end(struct io *io);

// Closes at once; queued bytes are lost. Closing twice is fine.
void io_close(struct io *io);
// The same with a reset instead of an orderly end.
void io_abort(struct io *io);

static inline bool io_is_open(const struct io *io)
{
	return io->fd >= 0;
}

// A peer that is gone without a word is noticed: keep-alive after a minute, and two minutes for what is not acknowledged.
// 0 or what setsockopt(2) said. Accepted connections inherit it.
NODISCARD int io_set_keepalive(int fd);

socklen_t io_address_set(union io_address *out, const struct addr *address, be16 port);
void io_address_get(const union io_address *in, struct addr *address, be16 *port);

// The loop's part: all that `io` has to do now. Internal to loop.c and io.c.
void io_event(struct io *io, uint32_t epoll_events);
void io_run_ready(struct loop *loop);

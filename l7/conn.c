// SPDX-License-Identifier: BSD-3-Clause
#include "l7/conn.h"

#include <errno.h>
#include <stdlib.h>

enum { GATHER_IOV = 64, RECORD = 16384, JOIN_MOST = 2048 };

// What the present callback sends on one connection. One for each loop.
struct gather {
	struct conn *conn; // whose bytes these are; NULL = none
	int n;
	struct iovec iov[GATHER_IOV];
	size_t n_scratch; // bytes of scratch in use
	size_t n_cipher;  // bytes of cipher in use
	uint8_t scratch[CONN_SCRATCH];
	uint8_t plain[RECORD];      // plaintext of several pieces, made one record
	uint8_t opened[RECORD];     // decrypted
	uint8_t cipher[4 * RECORD]; // to be sent
};

static void send_cipher(struct conn *c)
{
	struct gather *g = c->io.loop->gather;
	struct iovec iov = {g->cipher, g->n_cipher};

	if (g->n_cipher)
		io_send(&c->io, &iov, 1);
	g->n_cipher = 0;
}

// tls_emit: ciphertext is collected until somebody calls send_cipher().
static void emit(void *owner, struct slice bytes)
{
	struct conn *c = owner;
	struct gather *g = c->io.loop->gather;

	while (bytes.len) {
		size_t n = sizeof(g->cipher) - g->n_cipher;

		if (n > bytes.len)
			n = bytes.len;
		memcpy(g->cipher + g->n_cipher, bytes.ptr, n);
		g->n_cipher += n;
		bytes = slice_of(bytes.ptr + n, bytes.len - n);
		if (g->n_cipher == sizeof(g->cipher))
			send_cipher(c);
	}
}

// Plaintext gathered in g->plain becomes a record.
static int write_plain(struct conn *c, size_t *len)
{
	int rc = *len ? tls_write(c->tls, slice_of(c->io.loop->gather->plain, *len)) : 0;

	*len = 0;
	return rc;
}

// Small pieces share a record, as each costs a header, a tag and the peer's attention.
static int encrypt(struct conn *c, const struct iovec *iov, int n)
{
	struct gather *g = c->io.loop->gather;
	size_t len = 0;

	if (n == 1)
		return tls_write(c->tls, slice_of(iov->iov_base, iov->iov_len));
	for (int i = 0; i < n; i++) {
		const uint8_t *ptr = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left) {
			size_t take = sizeof(g->plain) - len < left ? sizeof(g->plain) - len : left;

			memcpy(g->plain + len, ptr, take);
			len += take;
			ptr += take;
			left -= take;
			if (len == sizeof(g->plain) && write_plain(c, &len))
				return -EPROTO;
		}
	}
	return write_plain(c, &len);
}

// A short head and a short body: copying them together costs less than sendmsg(2) does over send(2).
static bool join_short(struct gather *g)
{
	size_t len = 0;

	for (int i = 0; i < g->n; i++)
		len += g->iov[i].iov_len;
	if (len > JOIN_MOST)
		return false;
	len = 0;
	for (int i = 0; i < g->n; i++) {
		memcpy(g->plain + len, g->iov[i].iov_base, g->iov[i].iov_len);
		len += g->iov[i].iov_len;
	}
	g->iov[0] = (struct iovec){g->plain, len};
	return true;
}

static void send_clear(struct conn *c)
{
	struct gather *g = c->io.loop->gather;

	if (g->n > 1 && join_short(g))
		g->n = 1;
	io_send(&c->io, g->iov, g->n);
}

static void flush_gather(struct loop *loop)
{
	struct gather *g = loop->gather;
	struct conn *c = g->conn;

	if (!c)
		return;
	g->conn = NULL;
	if (io_is_open(&c->io) && g->n) {
		if (!c->tls)
			send_clear(c);
		else if (encrypt(c, g->iov, g->n) == 0)
			send_cipher(c);
		else
			io_fail(&c->io, -EPROTO);
	}
	g->n = 0;
	g->n_scratch = 0;
	g->n_cipher = 0; // of a record that failed
}

static struct gather *gather_for(struct conn *c)
{
	struct gather *g = c->io.loop->gather;

	if (g->conn != c) {
		flush_gather(c->io.loop);
		g->conn = c;
	}
	return g;
}

void conn_send(struct conn *c, struct slice bytes)
{
	struct gather *g;

	if (!bytes.len || !io_is_open(&c->io))
		return;
	g = gather_for(c);
	if (g->n && (uint8_t *)g->iov[g->n - 1].iov_base + g->iov[g->n - 1].iov_len == bytes.ptr) {
		g->iov[g->n - 1].iov_len += bytes.len; // neighbours in memory
		return;
	}
	if (g->n == GATHER_IOV) {
		size_t n_scratch = g->n_scratch; // still borrowed by the caller

		flush_gather(c->io.loop);
		g->n_scratch = n_scratch;
		g->conn = c;
	}
	g->iov[g->n++] = (struct iovec){(void *)(uintptr_t)bytes.ptr, bytes.len};
}

struct text conn_scratch(struct conn *c, size_t size)
{
	struct gather *g = gather_for(c);

	if (sizeof(g->scratch) - g->n_scratch < size) {
		flush_gather(c->io.loop);
		g->conn = c;
	}
	return text_of(g->scratch + g->n_scratch, sizeof(g->scratch) - g->n_scratch);
}

void conn_scratch_keep(struct conn *c, const struct text *t)
{
	c->io.loop->gather->n_scratch += t->len;
}

void conn_flush(struct conn *c)
{
	if (c->io.loop->gather->conn == c)
		flush_gather(c->io.loop);
}

int conn_loop_init(struct loop *loop)
{
	loop->gather = malloc(sizeof(*loop->gather));
	if (!loop->gather)
		return -ENOMEM;
	loop->gather->conn = NULL;
	loop->gather->n = 0;
	loop->gather->n_scratch = 0;
	loop->gather->n_cipher = 0;
	loop->flush = flush_gather;
	return 0;
}

void conn_loop_fini(struct loop *loop)
{
	free(loop->gather);
	loop->gather = NULL;
	loop->flush = NULL;
}

// --- receiving ---

static bool is_live(const struct conn *c)
{
	return io_is_open(&c->io) && !c->is_broken;
}

static void fail(struct conn *c, int error)
{
	if (!is_live(c))
		return;
	c->is_broken = true;
	c->ops->failed(c, error);
}

static struct conn *conn_of(struct io *io)
{
	return CONTAINER_OF(io, struct conn, io);
}

// Makes room for `more` bytes behind those that are held. False: no memory, or the owner never consumes.
static bool hold_room(struct conn *c, size_t more)
{
	struct buf_pool *pool = &c->io.loop->bufs;
	struct buf *old = c->held, *b;
	size_t len = old ? old->end - old->start : 0;

	if (old && buf_room(old) >= more)
		return true;
	if (more > CONN_HOLD_MAX - len)
		return false;
	b = buf_get(pool, len + more);
	if (!b)
		return false;
	if (len)
		memcpy(b->data, old->data + old->start, len);
	b->end = (uint32_t)len;
	buf_put(pool, old);
	c->held = b;
	return true;
}

static bool hold(struct conn *c, struct slice bytes)
{
	if (!bytes.len)
		return true;
	if (!hold_room(c, bytes.len))
		return false;
	memcpy(c->held->data + c->held->end, bytes.ptr, bytes.len);
	c->held->end += (uint32_t)bytes.len;
	return true;
}

// What was gathered may be borrowed from there.
static void drop_held(struct conn *c)
{
	flush_gather(c->io.loop);
	buf_put(&c->io.loop->bufs, c->held);
	c->held = NULL;
}

static void tell_ended(struct conn *c)
{
	if (!is_live(c) || !c->is_ended || c->is_told || (c->is_paused && c->held))
		return;
	c->is_told = true;
	c->ops->ended(c);
}

static void see_handshake(struct conn *c)
{
	if (c->is_open || !tls_is_open(c->tls))
		return;
	c->is_open = true;
	c->ops->opened(c);
}

static void consume_held(struct conn *c, size_t n)
{
	c->held->start += (uint32_t)n;
	if (c->held->start == c->held->end)
		drop_held(c);
}

// Offers bytes to the owner, behind those that are held.
static void offer_plain(struct conn *c, struct slice bytes)
{
	size_t n = 0;

	if (c->held || c->is_paused) {
		if (!hold(c, bytes)) {
			fail(c, -ENOBUFS);
			return;
		}
		if (c->is_paused)
			return;
		n = c->ops->received(c, buf_slice(c->held));
		if (c->held)
			consume_held(c, n);
		return;
	}
	n = c->ops->received(c, bytes);
	if (is_live(c) && n < bytes.len && !hold(c, slice_of(bytes.ptr + n, bytes.len - n)))
		fail(c, -ENOBUFS);
}

static void read_tls(struct conn *c)
{
	struct gather *g = c->io.loop->gather;

	while (is_live(c)) {
		ssize_t n;

		flush_gather(c->io.loop); // may be borrowed from g->opened
		n = tls_read(c->tls, g->opened, sizeof(g->opened));
		send_cipher(c);
		if (n > 0 || n == -EAGAIN)
			see_handshake(c);
		if (!is_live(c) || n == -EAGAIN)
			return;
		if (n < 0) {
			fail(c, -EPROTO);
			return;
		}
		if (n == 0) {
			c->is_ended = true;
			return;
		}
		offer_plain(c, slice_of(g->opened, (size_t)n));
	}
}

// The rest of what came with the bytes before TLS.
static void begin_tls(struct conn *c, struct slice bytes)
{
	tls_put(c->tls, bytes);
	read_tls(c);
}

static void offer_held(struct conn *c)
{
	bool was_clear = !c->tls;
	struct buf *b = c->held;
	size_t n = c->ops->received(c, buf_slice(b));

	if (!c->held)
		return; // closed
	if (!was_clear || !c->tls) {
		consume_held(c, n);
		return;
	}
	c->held = NULL;
	b->start += (uint32_t)n;
	begin_tls(c, buf_slice(b));
	flush_gather(c->io.loop);
	buf_put(&c->io.loop->bufs, b);
}

// Bytes in clear; the owner may begin TLS when it has consumed what comes before it (PROXY protocol).
static void offer_clear(struct conn *c, struct slice bytes)
{
	if (!c->held && !c->is_paused) {
		size_t n = c->ops->received(c, bytes);

		bytes = slice_of(bytes.ptr + n, bytes.len - n);
		if (!is_live(c) || !bytes.len)
			return;
		if (c->tls) {
			begin_tls(c, bytes);
			return;
		}
		if (!hold(c, bytes))
			fail(c, -ENOBUFS);
		return;
	}
	if (!hold(c, bytes))
		fail(c, -ENOBUFS);
	else if (!c->is_paused)
		offer_held(c);
}

static void on_received(struct io *io, struct slice bytes)
{
	struct conn *c = conn_of(io);

	if (!is_live(c))
		return;
	if (!bytes.len) {
		c->is_truncated = c->tls && !c->is_ended;
		c->is_ended = true;
	} else if (c->tls) {
		tls_put(c->tls, bytes);
		read_tls(c);
	} else {
		offer_clear(c, bytes);
	}
	tell_ended(c);
}

static void offer_again(struct loop_task *task)
{
	struct conn *c = CONTAINER_OF(task, struct conn, again);

	if (!is_live(c) || c->is_paused)
		return;
	if (c->held)
		offer_held(c);
	tell_ended(c);
	if (is_live(c) && !c->is_paused)
		io_receive(&c->io, true);
}

void conn_pause(struct conn *c)
{
	c->is_paused = true;
	io_receive(&c->io, false);
}

void conn_resume(struct conn *c)
{
	if (!c->is_paused)
		return;
	c->is_paused = false;
	if (!c->held && !c->is_ended)
		io_receive(&c->io, true);
	else
		loop_defer(c->io.loop, &c->again);
}

// --- opening and closing ---

static void on_sent(struct io *io)
{
	struct conn *c = conn_of(io);

	if (is_live(c))
		c->ops->drained(c);
}

static void on_moved(struct io *io)
{
	struct conn *c = conn_of(io);

	if (is_live(c) && c->ops->moved)
		c->ops->moved(c);
}

static void on_connected(struct io *io)
{
	struct conn *c = conn_of(io);

	io_receive(io, !c->is_paused);
	if (c->tls) {
		read_tls(c); // emits the first message
		return;
	}
	c->is_open = true;
	c->ops->opened(c);
}

static void on_hung_up(struct io *io)
{
	struct conn *c = conn_of(io);

	if (is_live(c) && c->ops->hung_up)
		c->ops->hung_up(c);
}

static void on_failed(struct io *io, int error)
{
	fail(conn_of(io), error);
}

static const struct io_ops conn_io_ops = {
	.received = on_received,
	.sent = on_sent,
	.moved = on_moved,
	.connected = on_connected,
	.hung_up = on_hung_up,
	.failed = on_failed,
};

static void init(struct conn *c, const struct conn_ops *ops)
{
	*c = (struct conn){.io.fd = -1, .ops = ops, .again.run = offer_again};
}

int conn_accept(struct conn *c, struct loop *loop, int fd, const struct conn_ops *ops)
{
	int rc;

	init(c, ops);
	rc = io_open(&c->io, loop, fd, &conn_io_ops);
	if (rc)
		return rc;
	c->is_open = true;
	io_receive(&c->io, true);
	return 0;
}

int conn_connect(struct conn *c, struct loop *loop, const struct addr *address, be16 port,
                 const struct conn_ops *ops)
{
	init(c, ops);
	return io_connect(&c->io, loop, address, port, &conn_io_ops);
}

int conn_start_tls_server(struct conn *c, struct tls_server *tls)
{
	c->is_open = false;
	return tls_accept(&c->tls, tls, emit, c);
}

int conn_start_tls_client(struct conn *c, struct tls_client *tls, const char *name)
{
	c->is_open = false;
	return tls_connect(&c->tls, tls, name, emit, c);
}

void conn_end(struct conn *c)
{
	struct gather *g = c->io.loop->gather;

	if (!io_is_open(&c->io))
		return;
	if (g->conn == c)
		flush_gather(c->io.loop);
	if (c->tls && c->is_open && !c->is_broken) {
		tls_close(c->tls);
		send_cipher(c);
	}
	io_end(&c->io);
}

static void release(struct conn *c)
{
	struct gather *g = c->io.loop->gather;

	if (g->conn == c) {
		g->conn = NULL;
		g->n = 0;
		g->n_scratch = 0;
	}
	drop_held(c); // what others borrowed from it leaves before
	tls_free(c->tls);
	c->tls = NULL;
}

void conn_close(struct conn *c)
{
	if (!io_is_open(&c->io))
		return;
	if (c->io.loop->gather->conn == c)
		flush_gather(c->io.loop);
	io_close(&c->io);
	release(c);
}

void conn_abort(struct conn *c)
{
	if (!io_is_open(&c->io))
		return;
	io_abort(&c->io);
	release(c);
}

const char *conn_reason(const struct conn *c)
{
	const char *reason = c->tls ? tls_reason(c->tls) : NULL;

	return reason ? reason : "";
}

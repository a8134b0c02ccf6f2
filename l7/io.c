// SPDX-License-Identifier: BSD-3-Clause
#include "l7/io.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum io_flag {
	IO_READABLE = 1, // as far as we know
	IO_WRITABLE = 2,
	IO_HUNG_UP = 4,   // FIN or worse was seen by the kernel
	IO_RECEIVING = 8, // the owner wants bytes
	IO_LISTENING = 16,
	IO_CONNECTING = 32,
	IO_ENDING = 64,   // FIN follows the queue
	IO_BROKEN = 128,  // sending failed: what came before may still be received
	IO_TOLD = 256,    // hung_up was called
	IO_ENDED = 512,   // the peer's end was received
	IO_QUEUED = 1024, // something had to wait: `sent` is owed
	IO_FAILED = 2048, // failed was called
};

enum { ACCEPT_BURST = 32, OUT_IOV = 16 };

static void list_remove(struct io *io)
{
	struct io_list *list = io->list;

	if (!list)
		return;
	*(io->prev ? &io->prev->next : &list->first) = io->next;
	*(io->next ? &io->next->prev : &list->last) = io->prev;
	io->list = NULL;
}

static void list_add(struct io_list *list, struct io *io)
{
	if (io->list == list)
		return;
	list_remove(io);
	io->list = list;
	io->next = NULL;
	io->prev = list->last;
	*(list->last ? &list->last->next : &list->first) = io;
	list->last = io;
}

static void set_ready(struct io *io)
{
	list_add(&io->loop->ready, io);
}

static void drop_queue(struct io *io)
{
	while (io->out) {
		struct buf *b = io->out;

		io->out = b->next;
		buf_put(&io->loop->bufs, b);
	}
	io->out_end = NULL;
	io->n_out = 0;
}

// Sending is over. What the peer said before it went may still lie in the kernel: receiving finds its end.
static void set_broken(struct io *io, int error)
{
	io->flags |= IO_BROKEN | IO_READABLE | IO_HUNG_UP;
	io->error = error;
	drop_queue(io);
	set_ready(io);
}

static bool enqueue(struct io *io, const uint8_t *ptr, size_t len)
{
	while (len) {
		struct buf *b = io->out_end;
		size_t n;

		if (!b || !buf_room(b)) {
			b = buf_get(&io->loop->bufs, len < BUF_LARGE_SIZE ? len : BUF_LARGE_SIZE);
			if (!b)
				return false;
			*(io->out_end ? &io->out_end->next : &io->out) = b;
			io->out_end = b;
		}
		n = buf_room(b) < len ? buf_room(b) : len;
		memcpy(b->data + b->end, ptr, n);
		b->end += (uint32_t)n;
		io->n_out += n;
		ptr += n;
		len -= n;
	}
	return true;
}

static void enqueue_rest(struct io *io, const struct iovec *iov, int n, size_t skip)
{
	for (int i = 0; i < n; i++) {
		size_t len = iov[i].iov_len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		if (!enqueue(io, (const uint8_t *)iov[i].iov_base + skip, len - skip)) {
			set_broken(io, -ENOMEM);
			return;
		}
		skip = 0;
	}
	io->flags |= IO_QUEUED;
}

static ssize_t transmit(struct io *io, const struct iovec *iov, int n)
{
	struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov,
	                         .msg_iovlen = (size_t)n};

	io->loop->sent_ns = 0;
	if (n == 1)
		return send(io->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sendmsg(io->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static size_t total(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

void io_send(struct io *io, const struct iovec *iov, int n)
{
	ssize_t sent = 0;

	if (io->fd < 0 || io->flags & (IO_BROKEN | IO_ENDING))
		return;
	if (!io->out && !(io->flags & IO_CONNECTING)) {
		sent = transmit(io, iov, n);
		if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			set_broken(io, -errno);
			return;
		}
		if (sent >= 0 && (size_t)sent == total(iov, n))
			return;
		if (sent < 0)
			sent = 0;
		io->flags &= (uint16_t)~IO_WRITABLE;
	}
	enqueue_rest(io, iov, n, (size_t)sent);
}

static void forget_sent(struct io *io, size_t n)
{
	io->n_out -= n;
	while (n) {
		struct buf *b = io->out;
		size_t len = b->end - b->start;

		if (n < len) {
			b->start += (uint32_t)n;
			return;
		}
		n -= len;
		io->out = b->next;
		if (!io->out)
			io->out_end = NULL;
		buf_put(&io->loop->bufs, b);
	}
}

static void send_queue(struct io *io)
{
	size_t before = io->n_out;

	while (io->out) {
		struct iovec iov[OUT_IOV];
		ssize_t sent;
		int n = 0;

		for (struct buf *b = io->out; b && n < OUT_IOV; b = b->next)
			iov[n++] = (struct iovec){b->data + b->start, b->end - b->start};
		sent = transmit(io, iov, n);
		if (sent < 0) {
			if (errno == EAGAIN || errno == EINTR)
				io->flags &= (uint16_t)~IO_WRITABLE;
			else
				set_broken(io, -errno);
			break;
		}
		forget_sent(io, (size_t)sent);
	}
	if (io->out || io->flags & IO_BROKEN) {
		if (io->ops->moved && io->out && io->n_out < before)
			io->ops->moved(io);
		return;
	}
	if (io->flags & IO_ENDING)
		shutdown(io->fd, SHUT_WR);
	if (io->flags & IO_QUEUED) {
		io->flags &= (uint16_t)~IO_QUEUED;
		io->ops->sent(io);
	}
}

void io_end(struct io *io)
{
	if (io->fd < 0 || io->flags & (IO_BROKEN | IO_ENDING))
		return;
	io->flags |= IO_ENDING;
	if (!io->out && !(io->flags & IO_CONNECTING))
		shutdown(io->fd, SHUT_WR);
}

static void tell_failed(struct io *io, int error)
{
	if (io->flags & IO_FAILED)
		return;
	io->flags |= IO_FAILED;
	io->ops->failed(io, error);
}

static void run_connect(struct io *io)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	io->flags &= (uint16_t)~IO_CONNECTING;
	if (error) {
		tell_failed(io, -error);
		return;
	}
	io->ops->connected(io);
}

static void run_accept(struct io *io)
{
	for (int i = 0; i < ACCEPT_BURST; i++) {
		union io_address from;
		socklen_t len = sizeof(from);
		int fd = accept4(io->fd, &from.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			io->ops->accepted(io, fd, &from);
			if (io->fd < 0)
				return;
			continue;
		}
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		io->flags &= (uint16_t)~IO_READABLE;
		if (errno != EAGAIN) {
			io->flags &= (uint16_t)~IO_LISTENING;
			io->ops->failed(io, -errno);
		}
		return;
	}
	set_ready(io);
}

static void run_receive(struct io *io)
{
	struct loop *loop = io->loop;
	ssize_t n = recv(io->fd, loop->received, io->most, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !(io->flags & IO_BROKEN)) {
		io->flags &= (uint16_t)~IO_READABLE;
		return;
	}
	if (n < 0) {
		io->flags &= (uint16_t) ~(IO_READABLE | IO_RECEIVING);
		tell_failed(io, io->error && errno == EAGAIN ? io->error : -errno);
		return;
	}
	if (n == 0) {
		io->flags |= IO_ENDED;
		io->flags &= (uint16_t) ~(IO_READABLE | IO_RECEIVING);
	} else if (n == io->most || io->flags & IO_HUNG_UP) {
		set_ready(io); // there is more, if only the end
	} else {
		io->flags &= (uint16_t)~IO_READABLE;
	}
	io->ops->received(io, slice_of(loop->received, (size_t)n));
}

static void run_hung_up(struct io *io)
{
	if (io->flags & IO_BROKEN) {
		tell_failed(io, io->error);
		return;
	}
	if (io->flags & (IO_TOLD | IO_ENDED))
		return;
	io->flags |= IO_TOLD;
	if (io->ops->hung_up)
		io->ops->hung_up(io);
}

static void run(struct io *io)
{
	if (io->flags & IO_CONNECTING) {
		if (io->flags & (IO_WRITABLE | IO_HUNG_UP))
			run_connect(io);
		if (io->fd < 0 || io->flags & IO_CONNECTING)
			return;
	}
	if (io->flags & IO_LISTENING && io->flags & IO_READABLE) {
		run_accept(io);
		return;
	}
	if (io->out && io->flags & IO_WRITABLE) {
		send_queue(io);
		io->loop->read_ns = 0; // that took its time
	}
	if (io->fd < 0)
		return;
	if (io->flags & IO_RECEIVING && io->flags & IO_READABLE) {
		if (io->may_starve && buf_is_full(&io->loop->bufs))
			list_add(&io->loop->starved, io);
		else
			run_receive(io);
	} else if (io->flags & IO_HUNG_UP) {
		run_hung_up(io);
	}
}

void io_event(struct io *io, uint32_t events)
{
	if (io->fd < 0)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		io->flags |= IO_READABLE;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		io->flags |= IO_HUNG_UP;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		io->flags |= IO_WRITABLE;
	// EPOLLOUT alone comes with every connection's first event and means nothing without a queue.
	if (events & ~(uint32_t)EPOLLOUT || io->out || io->flags & IO_CONNECTING)
		set_ready(io);
}

static void wake_starved(struct loop *loop)
{
	while (loop->starved.first && !buf_is_full(&loop->bufs))
		set_ready(loop->starved.first);
}

void io_run_ready(struct loop *loop)
{
	struct io_list now = {0};

	wake_starved(loop);
	while (loop->ready.first)
		list_add(&now, loop->ready.first);
	while (now.first) {
		struct io *io = now.first;

		list_remove(io);
		run(io);
		if (loop->flush)
			loop->flush(loop);
		loop->read_ns = 0;
	}
}

int io_open(struct io *io, struct loop *loop, int fd, const struct io_ops *ops)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = io,
	};

	*io = (struct io){.ops = ops, .loop = loop, .most = LOOP_RECEIVE_SIZE, .fd = fd};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		io->fd = -1;
		return -errno;
	}
	return 0;
}

int io_connect(struct io *io, struct loop *loop, const struct addr *address, be16 port,
               const struct io_ops *ops)
{
	union io_address to;
	socklen_t len = io_address_set(&to, address, port);
	int fd = socket(to.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;
	int rc;

	io->fd = -1;
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	rc = io_set_keepalive(fd);
	if (rc) {
		close(fd);
		return rc;
	}
	if (connect(fd, &to.sa, len) && errno != EINPROGRESS) {
		rc = -errno;
		close(fd);
		return rc;
	}
	rc = io_open(io, loop, fd, ops);
	if (rc) {
		close(fd);
		return rc;
	}
	io->flags = IO_CONNECTING;
	return 0;
}

int io_set_keepalive(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},           {IPPROTO_TCP, TCP_KEEPIDLE, 60},
		{IPPROTO_TCP, TCP_KEEPINTVL, 15},        {IPPROTO_TCP, TCP_KEEPCNT, 4},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, 120000},
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		               sizeof(int)))
			return -errno;
	return 0;
}

void io_fail(struct io *io, int error)
{
	if (io->fd >= 0 && !(io->flags & IO_BROKEN))
		set_broken(io, error);
}

bool io_has_input(const struct io *io, bool for_sure)
{
	uint8_t byte;

	if (io->flags & (IO_READABLE | IO_HUNG_UP))
		return true;
	return for_sure &&
	       (recv(io->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN);
}

size_t io_unsent(const struct io *io)
{
	int n = 0;

	if (io->fd < 0 || ioctl(io->fd, SIOCOUTQ, &n))
		return io->n_out;
	return io->n_out + (size_t)n;
}

void io_listen(struct io *io)
{
	io->flags |= IO_LISTENING | IO_READABLE;
	set_ready(io);
}

void io_receive(struct io *io, bool on)
{
	if (io->fd < 0 || io->flags & IO_ENDED)
		return;
	if (!on) {
		io->flags &= (uint16_t)~IO_RECEIVING;
		return;
	}
	io->flags |= IO_RECEIVING;
	if (io->flags & IO_READABLE && !(io->flags & IO_CONNECTING))
		set_ready(io);
}

void io_close(struct io *io)
{
	if (io->fd < 0)
		return;
	list_remove(io);
	drop_queue(io);
	close(io->fd);
	io->fd = -1;
}

void io_abort(struct io *io)
{
	struct linger reset = {.l_onoff = 1};

	if (io->fd < 0)
		return;
	setsockopt(io->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	io_close(io);
}

socklen_t io_address_set(union io_address *out, const struct addr *address, be16 port)
{
	memset(out, 0, sizeof(*out));
	if (address->family == ADDR_IP4) {
		out->in4.sin_family = AF_INET;
		out->in4.sin_port = be16_raw(port);
		memcpy(&out->in4.sin_addr, &address->ip4, 4);
		return sizeof(out->in4);
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = be16_raw(port);
	memcpy(&out->in6.sin6_addr, address->ip6, 16);
	return sizeof(out->in6);
}

void io_address_get(const union io_address *in, struct addr *address, be16 *port)
{
	be32 ip4;

	if (in->sa.sa_family == AF_INET) {
		memcpy(&ip4, &in->in4.sin_addr, 4);
		*address = addr_ip4(ip4);
		*port = (FORCE be16)in->in4.sin_port;
		return;
	}
	*address = addr_ip6(in->in6.sin6_addr.s6_addr);
	*port = (FORCE be16)in->in6.sin6_port;
}

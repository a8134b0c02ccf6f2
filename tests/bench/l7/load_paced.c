// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/l7/load_paced.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_MAX = 4096, BACKLOG = 512, NO_PROXY = 255 };

struct conn {
	struct load_turns_end end;
	struct conn *next;
	int fd;
	uint32_t proxy; // whose stream it is
	size_t len;
	char in[IN_MAX];
};

static struct load_turns_end listener;
static int listener_fd, epoll;
static struct conn *conns;

static const char plain[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
			    "Content-Length: 13\r\n\r\nHello, world\n";
static const char stream[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
			     "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

// As OpenAI's chat API sends one for each token; in a chunk.
#define EVENT                                                                           \
	"data: {\"id\":\"chatcmpl-9lvd3zXyzAbCdEfGhIjKlMnOpQrSt\",\"object\":"          \
	"\"chat.completion.chunk\",\"created\":1721075651,\"model\":\"gpt-4o-mini\","   \
	"\"system_fingerprint\":\"fp_8b761cb050\",\"choices\":[{\"index\":0,\"delta\":" \
	"{\"content\":\" Hello\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"

static void put(const struct conn *c, const char *bytes, size_t len)
{
	if (send(c->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len)
		return;
	perror("l7_load: origin");
	exit(1);
}

static void put_event(const struct conn *c)
{
	char chunk[512];
	const int len = snprintf(chunk, sizeof(chunk), "%zx\r\n%s\r\n", sizeof(EVENT) - 1, EVENT);

	put(c, chunk, (size_t)len);
}

static void respond(struct conn *c)
{
	unsigned int proxy;

	if (sscanf(c->in, "GET /chat/%u ", &proxy) != 1) {
		put(c, plain, sizeof(plain) - 1);
		return;
	}
	c->proxy = proxy;
	put(c, stream, sizeof(stream) - 1);
	put_event(c);
}

static void conn_close(struct conn *c)
{
	struct conn **at = &conns;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	close(c->fd);
	free(c);
}

// A proxy asks again when it has its answer: there is one request at a time.
static void conn_ready(struct load_turns_end *end)
{
	struct conn *c = CONTAINER_OF(end, struct conn, end);
	const ssize_t n = recv(c->fd, c->in + c->len, IN_MAX - 1 - c->len, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	c->len += (size_t)n;
	c->in[c->len] = '\0';
	if (c->len < 4 || strcmp(c->in + c->len - 4, "\r\n\r\n") != 0)
		return;
	c->len = 0;
	respond(c);
}

static void accept_ready(struct load_turns_end *end)
{
	const int one = 1;
	int fd;

	while ((fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = c ? &c->end : NULL};

		if (!c || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
		    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
			perror("l7_load: origin");
			exit(1);
		}
		c->end.ready = conn_ready;
		c->fd = fd;
		c->proxy = NO_PROXY;
		c->next = conns;
		conns = c;
	}
}

int load_paced_open(int epoll_fd, uint16_t port)
{
	const struct sockaddr_in at = {.sin_family = AF_INET,
	                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                               .sin_port = htons(port)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
	const int one = 1;

	epoll = epoll_fd;
	listener.ready = accept_ready;
	listener_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener_fd < 0 ||
	    setsockopt(listener_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(listener_fd, (const struct sockaddr *)&at, sizeof(at)) ||
	    listen(listener_fd, BACKLOG) || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener_fd, &event))
		return -errno;
	return 0;
}

uint32_t load_paced_emit(uint32_t proxy)
{
	uint32_t n = 0;

	for (const struct conn *c = conns; c; c = c->next) {
		if (c->proxy != proxy)
			continue;
		put_event(c);
		n++;
	}
	return n;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/l7/load_origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "l4/base/clock.h"

enum {
	IN_MAX = 4096, // a request's head; a WebSocket frame is shorter
	BACKLOG = 4096,
	BATCH = 256,
	KEY_LEN = 24,     // RFC 6455 section 4.1: 16 bytes in base64
	ACCEPT_LEN = 28,  // 20 bytes in base64
	FRAME_HEAD = 2,   // RFC 6455 section 5.2, payloads up to 125 bytes
	FRAME_MASK = 4,   // follows in what a client sends
	FRAME_SHORT = 125 // the longest payload that is written with a head of two bytes
};

// What epoll points to: says who is to look.
struct source {
	void (*ready)(struct source *s, uint32_t events);
};

struct client {
	struct source socket;
	struct source timer;
	struct client *next_dead;
	int fd;
	int timer_fd; // -1 = no events to send
	bool is_websocket;
	bool is_chat; // events are those of a language model
	bool is_dead; // freed after the batch: it may hold an event of the other source
	uint64_t n_events, n_sent;
	size_t len;
	char in[IN_MAX];
};

static int epoll_fd;
static struct client *dead;

static void watch(int fd, struct source *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		perror("l7_load: epoll_ctl");
		exit(1);
	}
}

static void client_end(struct client *c)
{
	if (c->is_dead)
		return;
	c->is_dead = true;
	c->next_dead = dead;
	dead = c;
	close(c->fd);
	if (c->timer_fd >= 0)
		close(c->timer_fd);
}

// Answers are small and readers are quick: one that has let its socket fill up has failed.
static void put(struct client *c, const void *bytes, size_t len)
{
	if (c->is_dead || send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len)
		return;
	client_end(c);
}

static void answer_plain(struct client *c)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
				     "Content-Length: 13\r\n\r\nHello, world\n";

	put(c, answer, sizeof(answer) - 1);
}

// RFC 6455 section 4.2.2, step 5.4.
static void answer_websocket(struct client *c, const char *head)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	const char *key = strcasestr(head, "\r\nSec-WebSocket-Key:");
	char text[KEY_LEN + sizeof(guid)], answer[256];
	unsigned char digest[SHA_DIGEST_LENGTH], proof[ACCEPT_LEN + 1];
	int len;

	if (!key) {
		client_end(c);
		return;
	}
	key += sizeof("\r\nSec-WebSocket-Key:") - 1;
	key += strspn(key, " ");
	snprintf(text, sizeof(text), "%.*s%s", KEY_LEN, key, guid);
	SHA1((const unsigned char *)text, strlen(text), digest);
	EVP_EncodeBlock(proof, digest, sizeof(digest));
	len = snprintf(answer, sizeof(answer),
	               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	               "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
	               (char *)proof);
	c->is_websocket = true;
	put(c, answer, (size_t)len);
}

// As OpenAI's chat API sends one for each token.
#define CHAT                                                                                     \
	"data: {\"number\":%" PRIu64 ",\"stamp\":%" PRIu64                                       \
	",\"id\":\"chatcmpl-9lvd3zXyzAbCdEfGhIjKl\","                                            \
	"\"object\":\"chat.completion.chunk\",\"created\":1721075651,\"model\":\"gpt-4o-mini\"," \
	"\"system_fingerprint\":\"fp_8b761cb050\",\"choices\":[{\"index\":0,\"delta\":"          \
	"{\"content\":\" Hello\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"

static void send_event(struct client *c)
{
	char event[400], chunk[420];
	int len = snprintf(event, sizeof(event),
	                   c->is_chat ? CHAT : "data: %" PRIu64 " %" PRIu64 "\n\n", c->n_sent,
	                   clock_now_ns());

	len = snprintf(chunk, sizeof(chunk), "%x\r\n%s\r\n", (unsigned)len, event);
	c->n_sent++;
	put(c, chunk, (size_t)len);
}

static void timer_ready(struct source *s, uint32_t events)
{
	struct client *c = CONTAINER_OF(s, struct client, timer);
	uint64_t n = 0;

	if (c->is_dead || read(c->timer_fd, &n, sizeof(n)) != sizeof(n))
		return;
	for (; n > 0 && (!c->n_events || c->n_sent < c->n_events); n--)
		send_event(c);
	if (c->is_dead || !c->n_events || c->n_sent < c->n_events)
		return;
	put(c, "0\r\n\r\n", 5);
	close(c->timer_fd);
	c->timer_fd = -1;
}

static uint64_t parameter(const char *head, const char *name, uint64_t otherwise)
{
	const char *found = strstr(head, name);

	return found ? strtoull(found + strlen(name), NULL, 10) : otherwise;
}

static void answer_events(struct client *c, const char *head)
{
	static const char answer[] =
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
		"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
	const uint64_t gap_us = parameter(head, "gap=", 20000);
	const struct timespec gap = {.tv_sec = (time_t)(gap_us / 1000000),
	                             .tv_nsec = (long)(gap_us % 1000000) * 1000};
	const struct itimerspec when = {.it_interval = gap, .it_value = gap};

	c->is_chat = memmem(head, strcspn(head, "\r"), "/chat", 5);
	c->n_events = parameter(head, "n=", 150);
	c->n_sent = 0;
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->timer_fd < 0 || timerfd_settime(c->timer_fd, 0, &when, NULL)) {
		client_end(c);
		return;
	}
	watch(c->timer_fd, &c->timer);
	put(c, answer, sizeof(answer) - 1);
	send_event(c);
}

static void respond(struct client *c, const char *head)
{
	const size_t len = strcspn(head, "\r");

	if (memmem(head, len, "/socket", 7))
		answer_websocket(c, head);
	else if (memmem(head, len, "/events", 7) || memmem(head, len, "/chat", 5))
		answer_events(c, head);
	else
		answer_plain(c);
}

// One whole frame at the start of the input: its length, 0 if there is more to come.
static size_t take_frame(struct client *c, char *frame, size_t len)
{
	const size_t payload = len < FRAME_HEAD ? 0 : frame[1] & 0x7f;
	const size_t whole = FRAME_HEAD + FRAME_MASK + payload;
	const unsigned opcode = frame[0] & 0xf;
	const char *mask = frame + FRAME_HEAD;
	char *text = frame + FRAME_HEAD + FRAME_MASK;

	if (len < whole)
		return 0;
	if (payload > FRAME_SHORT || opcode == 8) { // RFC 6455 section 5.5.1: close
		client_end(c);
		return whole;
	}
	for (size_t i = 0; i < payload; i++)
		text[i] ^= mask[i % FRAME_MASK];
	memmove(frame + FRAME_HEAD, text, payload);
	frame[0] = (char)(0x80 | (opcode == 9 ? 10 : opcode)); // a pong for a ping, else an echo
	frame[1] = (char)payload;
	if (opcode != 10)
		put(c, frame, FRAME_HEAD + payload);
	return whole;
}

// One whole request head likewise. Requests have no bodies here.
static size_t take_request(struct client *c, char *text, size_t len)
{
	char *end = memmem(text, len, "\r\n\r\n", 4);

	if (!end) {
		if (len >= IN_MAX - 1)
			client_end(c);
		return 0;
	}
	end[2] = '\0';
	respond(c, text);
	return (size_t)(end + 4 - text);
}

static void client_ready(struct source *s, uint32_t events)
{
	struct client *c = CONTAINER_OF(s, struct client, socket);
	size_t from = 0, taken;
	ssize_t n;

	if (c->is_dead)
		return;
	n = recv(c->fd, c->in + c->len, IN_MAX - 1 - c->len, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_end(c);
		return;
	}
	c->len += (size_t)n;
	do {
		taken = c->is_websocket ? take_frame(c, c->in + from, c->len - from)
		                        : take_request(c, c->in + from, c->len - from);
		from += taken;
	} while (taken && from < c->len && !c->is_dead);
	memmove(c->in, c->in + from, c->len - from);
	c->len -= from;
}

struct listener {
	struct source socket;
	int fd;
};

static void listener_ready(struct source *s, uint32_t events)
{
	const struct listener *l = CONTAINER_OF(s, struct listener, socket);
	const int one = 1;
	struct client *c;
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		c = malloc(sizeof(*c));
		if (!c) {
			close(fd);
			return;
		}
		*c = (struct client){.socket.ready = client_ready,
		                     .timer.ready = timer_ready,
		                     .fd = fd,
		                     .timer_fd = -1};
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(fd, &c->socket);
	}
}

static int listen_on(uint16_t port)
{
	const struct sockaddr_in at = {.sin_family = AF_INET,
	                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                               .sin_port = htons(port)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) || listen(fd, BACKLOG))
		return -errno;
	return fd;
}

static void bury(void)
{
	while (dead) {
		struct client *c = dead;

		dead = c->next_dead;
		free(c);
	}
}

int load_origin_run(uint16_t port)
{
	struct listener l = {.socket.ready = listener_ready, .fd = listen_on(port)};
	struct epoll_event events[BATCH];

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l.fd < 0 || epoll_fd < 0) {
		fprintf(stderr, "l7_load: origin on port %u: %s\n", port, strerror(-l.fd));
		return 1;
	}
	watch(l.fd, &l.socket);
	puts("ready");
	(void)fflush(stdout);
	for (;;) {
		const int n = epoll_wait(epoll_fd, events, BATCH, -1);

		for (int i = 0; i < n; i++) {
			struct source *s = events[i].data.ptr;

			s->ready(s, events[i].events);
		}
		bury();
	}
}

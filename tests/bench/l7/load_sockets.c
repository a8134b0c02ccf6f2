// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/l7/load_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/l7/load_wire.h"

enum {
	PER_HOST = 20000, // connections from one address: fewer than it has ports
	ECHO_LEN = 8,     // bytes of text in a frame of ours
};

// RFC 6455 section 1.3 has this key and this answer.
static const char request[] =
	"GET /socket HTTP/1.1\r\nHost: bench.example\r\nUpgrade: websocket\r\n"
	"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char proof[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static int open_one(struct load_wire *w, SSL_CTX *tls, uint16_t port, uint8_t host)
{
	char head[1024];
	int rc = load_wire_open(w, tls, port, host);

	if (rc)
		return rc;
	rc = load_wire_write(w, request, sizeof(request) - 1);
	if (!rc)
		rc = load_wire_read_head(w, head, sizeof(head));
	if (!rc && (strncmp(head, "HTTP/1.1 101 ", 13) != 0 || !strstr(head, proof)))
		rc = -EPROTO;
	if (rc)
		load_wire_close(w);
	return rc;
}

static bool read_all(struct load_wire *w, unsigned char *to, size_t len)
{
	while (len > 0) {
		const ssize_t n = load_wire_read(w, to, len);

		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}
	return true;
}

// A text goes out and comes back. Pings of the proxy may lie before it, and have no payload to speak of.
static bool is_alive(struct load_wire *w)
{
	// RFC 6455 section 5.2: final text frame, masked; a mask of zeros leaves the text as it is.
	static const unsigned char frame[] = {
		0x81, 0x80 | ECHO_LEN, 0, 0, 0, 0, 'a', 'l', 'i', 'v', 'e', '?', '!', '\n'};
	unsigned char head[2], text[127];

	if (w->fd < 0 || load_wire_write(w, frame, sizeof(frame)))
		return false;
	do {
		if (!read_all(w, head, sizeof(head)) || head[1] > 125 ||
		    !read_all(w, text, head[1]))
			return false;
	} while (head[0] == 0x89);
	return head[0] == 0x81 && head[1] == ECHO_LEN && !memcmp(text, frame + 6, ECHO_LEN);
}

static void check(struct load_wire *wires, size_t count)
{
	size_t n_alive = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_alive(&wires[i]))
			n_alive++;
		else
			load_wire_close(&wires[i]);
	}
	printf("alive %zu\n", n_alive);
	(void)fflush(stdout);
}

int load_sockets_run(uint16_t port, size_t count, bool is_tls)
{
	struct load_wire *wires = calloc(count, sizeof(*wires));
	SSL_CTX *tls = is_tls ? load_wire_context() : NULL;
	char line[32];

	for (size_t i = 0; i < count; i++) {
		const int rc = wires ? open_one(&wires[i], tls, port, (uint8_t)(2 + i / PER_HOST))
		                     : -ENOMEM;

		if (rc) {
			fprintf(stderr, "l7_load: WebSocket %zu of %zu: %s\n", i + 1, count,
			        strerror(-rc));
			return 1;
		}
	}
	printf("open %zu\n", count);
	(void)fflush(stdout);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n") != 0) {
		if (!strcmp(line, "check\n"))
			check(wires, count);
	}
	for (size_t i = 0; wires && i < count; i++)
		load_wire_close(&wires[i]);
	SSL_CTX_free(tls);
	free(wires);
	return 0;
}

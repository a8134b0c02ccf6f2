// SPDX-License-Identifier: BSD-3-Clause
#include "tests/bench/l7/load_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

SSL_CTX *load_wire_context(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION)) {
		fputs("l7_load: OpenSSL has no TLS 1.3\n", stderr);
		exit(1);
	}
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	return tls;
}

static struct sockaddr_in loopback(uint8_t host, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~UINT32_C(0xff)) | host),
		.sin_port = htons(port),
	};
}

static int connect_from(int fd, uint8_t host, uint16_t port)
{
	const struct sockaddr_in from = loopback(host, 0);
	const struct sockaddr_in to = loopback(1, port);
	const struct timeval patience = {.tv_sec = WIRE_TIMEOUT_S};
	const int one = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    bind(fd, (const struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return 0;
}

static int handshake(struct load_wire *w, SSL_CTX *tls)
{
	w->ssl = SSL_new(tls);
	if (!w->ssl)
		return -ENOMEM;
	if (!SSL_set_fd(w->ssl, w->fd) || SSL_connect(w->ssl) != 1)
		return -EPROTO;
	return 0;
}

int load_wire_open(struct load_wire *w, SSL_CTX *tls, uint16_t port, uint8_t host)
{
	int rc;

	w->ssl = NULL;
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return -errno;
	rc = connect_from(w->fd, host, port);
	if (!rc && tls)
		rc = handshake(w, tls);
	if (rc)
		load_wire_close(w);
	return rc;
}

ssize_t load_wire_read(struct load_wire *w, void *to, size_t size)
{
	ssize_t n;

	if (!w->ssl) {
		n = recv(w->fd, to, size, 0);
		return n < 0 ? -errno : n;
	}
	errno = 0;
	n = SSL_read(w->ssl, to, (int)size);
	if (n > 0)
		return n;
	if (SSL_get_error(w->ssl, (int)n) == SSL_ERROR_ZERO_RETURN)
		return 0;
	return errno ? -errno : -EPROTO;
}

int load_wire_write(struct load_wire *w, const void *from, size_t len)
{
	if (w->ssl)
		return SSL_write(w->ssl, from, (int)len) == (int)len ? 0 : -EPROTO;
	// Blocking, so all or an error; a signal is no part of these programs.
	return send(w->fd, from, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -EPIPE;
}

int load_wire_read_head(struct load_wire *w, char *text, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		ssize_t n = load_wire_read(w, text + len, size - 1 - len);

		if (n <= 0)
			return n ? (int)n : -EPROTO;
		len += (size_t)n;
		text[len] = '\0';
		if (len >= 4 && !strcmp(text + len - 4, "\r\n\r\n"))
			return 0;
	}
	return -EPROTO;
}

void load_wire_close(struct load_wire *w)
{
	SSL_free(w->ssl);
	w->ssl = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

// SPDX-License-Identifier: BSD-3-Clause
// quic_server: an HTTP/3 server for tests whose connection IDs are QUIC-LB's (libngtcp2, nghttp3, GnuTLS).
//
//   quic_server --name NAME --cert FILE --key FILE [--rate BYTES_PER_S] [--random-bits] [--port 443]
//               [--cid CONFIG_ID,SERVER_ID,NONCE_LENGTH[,KEY|-[,DRAFT]]]... ADDRESS...
//
// Answers GET /size/BYTES (h3.h). Each ADDRESS gets its own socket, so answers come from the address
// that was asked: the VIP on the loopback for dsr, the backend's own for nat. Without --cid it issues
// CIDs that nobody can decode; with several it begins with the first, and SIGHUP switches to the next:
// new connections, and those that live, get CIDs under it, and the old CIDs are retired. SIGUSR1 lifts
// the brake of --rate, SIGUSR2 puts it on again. Says "ready", then an event a line (peer.h); SIGTERM
// ends it.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/smoke/quic/peer.h"

enum {
	MAX_SOCKETS = 8,
	TICK_MS = 5, // while something is under way
};

struct listener {
	int fd;
	struct peer_address local;
};

struct server {
	struct peer_server shared;
	struct listener listeners[MAX_SOCKETS];
	struct pollfd polls[MAX_SOCKETS];
	size_t n_listeners;
	struct peer *peers;
	uint16_t port;
	const char *cert, *key;
	uint64_t rate; // bytes a second of each answer while the brake is on, 0 = has none
};

static volatile sig_atomic_t is_stopping, wants_rotation, is_unbraked;

static void on_signal(int number)
{
	if (number == SIGHUP)
		wants_rotation = 1;
	else if (number == SIGUSR1 || number == SIGUSR2)
		is_unbraked = number == SIGUSR1;
	else
		is_stopping = 1;
}

static void receive(struct server *s, const struct listener *l, const struct peer_address *remote,
                    const uint8_t *packet, size_t len)
{
	const struct mint *mint = &s->shared.mint;
	size_t short_len = mint->n_configs > 0 ? mint->cid_len : MINT_OPAQUE_CID;
	ngtcp2_version_cid id;
	struct peer *p = s->peers;

	if (ngtcp2_pkt_decode_version_cid(&id, packet, len, short_len))
		return;
	while (p && !peer_owns(p, id.dcid, id.dcidlen))
		p = p->next;
	if (!p) {
		p = peer_new(&s->shared, l->fd, &l->local, remote, packet, len);
		if (!p) {
			fprintf(stderr, "%s stray remote=%s len=%zu\n", s->shared.site.name,
			        peer_address_text(remote), len);
			return;
		}
		p->next = s->peers;
		s->peers = p;
	}
	peer_read(p, &l->local, remote, packet, len);
	if (!p->is_closed)
		peer_write(p);
}

static void receive_all(struct server *s, const struct listener *l)
{
	struct peer_address remote;
	uint8_t packet[65536];

	for (;;) {
		remote.len = sizeof(remote.sa);
		ssize_t len = recvfrom(l->fd, packet, sizeof(packet), MSG_DONTWAIT, &remote.sa.sa,
		                       &remote.len);

		if (len <= 0)
			return;
		receive(s, l, &remote, packet, (size_t)len);
	}
}

static void tick(struct server *s)
{
	struct peer **at = &s->peers;
	bool is_rotation = wants_rotation;

	s->shared.site.bytes_per_s = is_unbraked ? 0 : s->rate;
	// Cleared before anybody rotates: the next signal may come any time.
	if (is_rotation) {
		wants_rotation = 0;
		mint_rotate(&s->shared.mint);
	}
	while (*at) {
		struct peer *p = *at;

		if (is_rotation)
			peer_rotate(p);
		if (!p->is_closed)
			peer_tick(p);
		if (p->is_closed) {
			*at = p->next;
			peer_free(p);
			continue;
		}
		at = &p->next;
	}
}

static void serve(struct server *s)
{
	while (!is_stopping) {
		poll(s->polls, s->n_listeners, s->peers ? TICK_MS : 50);
		for (size_t i = 0; i < s->n_listeners; i++)
			if (s->polls[i].revents)
				receive_all(s, &s->listeners[i]);
		tick(s);
	}
}

static bool read_address(struct peer_address *a, const char *text, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &a->sa.in.sin_addr) == 1) {
		a->sa.in.sin_family = AF_INET;
		a->sa.in.sin_port = htons(port);
		a->len = sizeof(a->sa.in);
		return true;
	}
	a->sa.in6.sin6_family = AF_INET6;
	a->sa.in6.sin6_port = htons(port);
	a->len = sizeof(a->sa.in6);
	return inet_pton(AF_INET6, text, &a->sa.in6.sin6_addr) == 1;
}

static int listen_at(struct server *s, const char *text)
{
	struct listener *l = &s->listeners[s->n_listeners];
	int size = 4 << 20;

	if (s->n_listeners == MAX_SOCKETS || !read_address(&l->local, text, s->port))
		return -EINVAL;
	l->fd = socket(l->local.sa.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, &l->local.sa.sa, l->local.len))
		return -errno;
	setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	s->polls[s->n_listeners++] = (struct pollfd){.fd = l->fd, .events = POLLIN};
	return 0;
}

static int usage(const char *why)
{
	fprintf(stderr, "quic_server: %s; the head of tests/smoke/quic/server.c says how\n", why);
	return 2;
}

static int read_options(struct server *s, int argc, char **argv)
{
	static const struct option options[] = {
		{"name", required_argument, NULL, 'n'}, {"cert", required_argument, NULL, 'c'},
		{"key", required_argument, NULL, 'k'},  {"rate", required_argument, NULL, 'r'},
		{"port", required_argument, NULL, 'p'}, {"random-bits", no_argument, NULL, 'b'},
		{"cid", required_argument, NULL, 'i'},  {0},
	};
	struct err err;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			s->shared.site.name = optarg;
		else if (c == 'c')
			s->cert = optarg;
		else if (c == 'k')
			s->key = optarg;
		else if (c == 'r')
			s->rate = strtoull(optarg, NULL, 10);
		else if (c == 'p')
			s->port = (uint16_t)strtoul(optarg, NULL, 10);
		else if (c == 'b')
			s->shared.mint.has_random_bits = true;
		else if (c != 'i')
			return usage("unknown option");
		else if (mint_add(&s->shared.mint, optarg, &err))
			return usage(err.msg);
	}
	return s->cert && s->key && optind < argc ? 0
	                                          : usage("--cert, --key or ADDRESS is missing");
}

int main(int argc, char **argv)
{
	static struct server s = {.port = 443, .shared.site.name = "quic_server"};
	struct sigaction action = {.sa_handler = on_signal};
	int rc = read_options(&s, argc, argv);

	if (rc)
		return rc;
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (gnutls_certificate_allocate_credentials(&s.shared.credentials) ||
	    gnutls_certificate_set_x509_key_file(s.shared.credentials, s.cert, s.key,
	                                         GNUTLS_X509_FMT_PEM) < 0)
		return usage("the certificate cannot be read");
	for (; optind < argc; optind++) {
		rc = listen_at(&s, argv[optind]);
		if (rc) {
			fprintf(stderr, "quic_server: %s: %s\n", argv[optind], strerror(-rc));
			return 1;
		}
	}
	fprintf(stderr, "%s ready\n", s.shared.site.name);
	serve(&s);
	return 0;
}

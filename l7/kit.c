// SPDX-License-Identifier: BSD-3-Clause
#include "l7/kit.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l7/io.h"

enum { BACKLOG = 4096 };

void kit_put(struct kit *k)
{
	if (!k || --k->n_refs)
		return;
	for (uint16_t i = 0; k->servers && i < k->n_servers; i++)
		tls_server_free(k->servers[i]);
	for (uint16_t i = 0; k->clients && i < k->n_clients; i++)
		tls_client_free(k->clients[i]);
	for (uint16_t i = 0; k->sockets && i < k->n_sockets; i++)
		if (k->sockets[i].fd >= 0)
			close(k->sockets[i].fd);
	access_close(k->access);
	free(k->servers);
	free(k->clients);
	free(k->sockets);
	free(k);
}

static int load_tls(struct kit *k, const struct conf *conf, struct tls_tickets *tickets,
                    struct err *err)
{
	static const char *const alpn[] = {"h2", "http/1.1", NULL};

	k->servers = calloc((size_t)conf->n_l7 + 1, sizeof(*k->servers));
	k->clients = calloc((size_t)conf->n_pools + 1, sizeof(*k->clients));
	if (!k->servers || !k->clients)
		return err_set(err, -ENOMEM, "out of memory");
	for (; k->n_servers < conf->n_l7; k->n_servers++) {
		uint16_t i = k->n_servers;
		int rc = 0;

		if (conf->l7[i].n_tls && !conf->l7[i].hosts)
			rc = tls_server_new(&k->servers[i], conf, i, alpn + !conf->l7[i].http2,
			                    tickets, err);
		if (rc)
			return rc;
	}
	for (; k->n_clients < conf->n_pools; k->n_clients++) {
		uint16_t i = k->n_clients;
		int rc = 0;

		if (conf->pools[i].has_tls)
			rc = tls_client_new(&k->clients[i], conf, i, err);
		if (rc)
			return rc;
	}
	return 0;
}

// Options that accepted connections inherit (TCP_NODELAY), and those that must be there before bind(2). IP_FREEBIND: the
// address may come later, as a routing daemon or keepalived brings it.
static int set_options(int fd, bool is_ip6)
{
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)))
		return -errno;
	if (is_ip6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
		return -errno;
	return io_set_keepalive(fd);
}

static int open_socket(const struct conf_service *s)
{
	union io_address at;
	socklen_t len = io_address_set(&at, &s->address, s->port);
	int fd = socket(at.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	rc = set_options(fd, s->address.family == ADDR_IP6);
	if (!rc && (bind(fd, &at.sa, len) || listen(fd, BACKLOG)))
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static const struct conf_l7 *l7_of(const struct conf *conf, const struct conf_service *s)
{
	for (uint16_t i = 0; s->l7 && i < conf->n_l7; i++)
		if (strcmp(conf->l7[i].name, s->l7) == 0)
			return conf->l7[i].hosts ? NULL : &conf->l7[i];
	return NULL;
}

static bool is_running(const struct conf *running, const struct conf_service *wanted)
{
	for (uint16_t i = 0; running && i < running->n_services; i++) {
		const struct conf_service *s = &running->services[i];

		if (s->port == wanted->port && addr_eq(&s->address, &wanted->address) &&
		    l7_of(running, s))
			return true;
	}
	return false;
}

// Linux refuses with EACCES only ports below net.ipv4.ip_unprivileged_port_start; ip(7).
#define NEEDS_CAPABILITY " (a port below 1024 needs CAP_NET_BIND_SERVICE)"

static int open_sockets(struct kit *k, const struct conf *conf, const struct conf *running,
                        struct err *err)
{
	k->sockets = calloc((size_t)conf->n_services + 1, sizeof(*k->sockets));
	if (!k->sockets)
		return err_set(err, -ENOMEM, "out of memory");
	for (uint16_t i = 0; i < conf->n_services; i++) {
		const struct conf_service *s = &conf->services[i];
		char at[ADDR_PORT_TEXT_SIZE];
		int fd = -1;

		if (!l7_of(conf, s))
			continue;
		if (!is_running(running, s)) {
			fd = open_socket(s);
			if (fd < 0)
				return err_set(err, fd, "services[%u]: %s: %s%s", i,
				               addr_port_text(&s->address, s->port, at),
				               strerror(-fd),
				               fd == -EACCES ? NEEDS_CAPABILITY : "");
		}
		k->sockets[k->n_sockets++] = (struct kit_socket){.service = i, .fd = fd};
	}
	return 0;
}

int kit_new(struct kit **out, const struct site *site, const struct conf *running,
            struct tls_tickets *tickets, struct err *err)
{
	const struct conf *conf = site->conf;
	struct kit *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return err_set(err, -ENOMEM, "out of memory");
	k->n_refs = 1;
	rc = load_tls(k, conf, tickets, err);
	if (!rc)
		rc = open_sockets(k, conf, running, err);
	if (!rc && conf->access_log)
		rc = access_open(&k->access, conf->access_log, err);
	if (rc) {
		kit_put(k);
		return rc;
	}
	*out = k;
	return 0;
}

static void log_advice(const char *sentence, void *data)
{
	LOG_WARN("clients may refuse a certificate reason=\"%s\"", sentence);
}

void kit_advise(const struct kit *k, const struct conf *conf)
{
	for (uint16_t i = 0; i < k->n_servers; i++)
		if (k->servers[i])
			tls_server_advise(k->servers[i], conf, i, log_advice, NULL);
}

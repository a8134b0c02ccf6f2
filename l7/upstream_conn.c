// SPDX-License-Identifier: BSD-3-Clause
#include "l7/upstream_conn.h"

#include "l7/proxy_protocol.h"
#include "l7/stream.h"
#include "l7/worker_state.h"

// Says on whose behalf the connection is made; before TLS.
static void send_proxy_header(struct upstream_conn *c, const struct stream_client *from)
{
	struct proxy_protocol p = {
		.source = from->address,
		.destination = from->local,
		.source_port = from->port,
		.destination_port = from->local_port,
	};
	uint8_t header[PROXY_PROTOCOL_WRITE_MAX];

	conn_send(&c->conn, slice_of(header, proxy_protocol_write(header, &p)));
	conn_flush(&c->conn);
	c->is_private = true;
}

static int start_tls(struct upstream_conn *c, struct tls_client *tls, const struct conf_pool *pool)
{
	char address[ADDR_TEXT_SIZE];
	const char *name = pool->tls.server_name;

	c->is_secure = true;
	return conn_start_tls_client(&c->conn, tls,
	                             name ? name : addr_text(&c->peer->address, address));
}

int upstream_conn_open(struct upstream_conn *c, const struct stream *s, uint16_t pool,
                       struct peer *peer, const char *const *alpn, const struct conn_ops *ops)
{
	const struct conf_pool *conf = &s->view->site->conf->pools[pool];
	struct tls_client *tls = s->view->kit->clients[pool];
	struct worker *w = s->w;
	int rc = conn_connect(&c->conn, &w->loop, &peer->address, peer->port, ops);

	if (rc) {
		loop_defer(&w->loop, &c->free);
		return rc;
	}
	c->w = w;
	c->peer = peer;
	c->epoch = w->epoch;
	if (conf->proxy_protocol)
		send_proxy_header(c, s->from);
	rc = tls ? start_tls(c, tls, conf) : 0;
	if (!rc && tls && alpn)
		rc = tls_offer(c->conn.tls, alpn);
	if (rc) {
		conn_close(&c->conn);
		loop_defer(&w->loop, &c->free);
		return rc;
	}
	view_peer_get(peer);
	w->counters->upstream_open++;
	w->counters->upstream_connects++;
	peer->telemetry.counters->connections_open++;
	peer->telemetry.counters->connects++;
	return 0;
}

void upstream_conn_close(struct upstream_conn *c)
{
	if (c->is_closed)
		return;
	c->is_closed = true;
	c->w->counters->upstream_open--;
	c->peer->telemetry.counters->connections_open--;
	conn_close(&c->conn);
	view_peer_put(c->w, c->peer);
	loop_defer(&c->w->loop, &c->free);
}

bool upstream_conn_is_current(const struct upstream_conn *c)
{
	return c->peer->n_views && c->epoch == c->w->epoch && !c->w->is_draining;
}

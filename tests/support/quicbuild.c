// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/quicbuild.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/data/quic_lb.h"

// clang-format off
#define BACKEND(name, net, port, n)                                                                \
	"{'name': '" name "-" n "', 'address': '" net n "', 'port': " port ", 'server_id': '0a0b0" n \
	"', 'mac': '02:00:00:00:01:0" n "'}"
#define POOL(name, net, port)                                                                      \
	"{'name': '" name "', 'table_size': 4099, 'backends': [\n"                                 \
	BACKEND(name, net, port, "1") ",\n" BACKEND(name, net, port, "2") ",\n"                    \
	BACKEND(name, net, port, "3") "]}"
#define KEY "'key': '8f95f09245765f80256934e50c66207f'"
#define QUIC_LB                                                                                    \
	", 'quic_lb': ["                                                                           \
	"{'config_id': 0, 'server_id_length': 3, 'nonce_length': 4},\n"                            \
	"{'config_id': 1, 'server_id_length': 3, 'nonce_length': 4, " KEY "},\n"                   \
	"{'config_id': 2, 'server_id_length': 3, 'nonce_length': 13, " KEY "},\n"                  \
	"{'config_id': 3, 'server_id_length': 3, 'nonce_length': 5, 'draft': 18, " KEY "}]"
#define SERVICE(name, address, port, forward, rest)                                                \
	"{'name': '" name "', 'address': '" address "', 'port': " port                             \
	", 'protocol': 'quic', 'forward': '" forward "', 'pool': '" name "'" rest "}"
#define EDGE(lanes)                                                                                \
	"{'ports': ["                                                                              \
	"{'name': 'wan', 'driver': 'pcap', 'rx': 'x', 'mac': '02:00:00:00:00:01'},\n"              \
	"{'name': 'lan', 'driver': 'pcap', 'rx': 'y', 'mac': '02:00:00:00:00:11'}],\n"             \
	"'lanes': [" lanes "], 'flows': 16384,\n"                                                  \
	"'snat': {'addresses': ['10.0.0.2', '2001:db8:1::2'],\n"                                   \
	"         'port_first': 20000, 'port_last': 29999},\n"                                     \
	"'services': ["                                                                            \
	SERVICE("h3", "203.0.113.10", "443", "dsr", QUIC_LB) ",\n"                                 \
	SERVICE("n3", "203.0.113.10", "444", "nat", QUIC_LB) ",\n"                                 \
	SERVICE("raw", "203.0.113.10", "445", "nat", "") ",\n"                                     \
	SERVICE("old", "203.0.113.10", "446", "dsr", "") ",\n"                                     \
	SERVICE("h36", "2001:db8::10", "443", "dsr", QUIC_LB) ",\n"                                \
	SERVICE("n36", "2001:db8::10", "444", "nat", QUIC_LB) ",\n"                                \
	SERVICE("raw6", "2001:db8::10", "445", "nat", "") ",\n"                                    \
	SERVICE("old6", "2001:db8::10", "446", "dsr", "") ",\n"                                    \
	"{'name': 'echo', 'address': '203.0.113.10', 'port': 47, 'protocol': 'udp', "              \
	"'forward': 'nat', 'pool': 'old'}],\n"                                                     \
	"'pools': ["                                                                               \
	POOL("h3", "10.0.1.", "443") ",\n" POOL("n3", "10.0.2.", "4433") ",\n"                     \
	POOL("raw", "10.0.3.", "4433") ",\n" POOL("old", "10.0.4.", "446") ",\n"                   \
	POOL("h36", "2001:db8:1::1", "443") ",\n" POOL("n36", "2001:db8:1::2", "4433") ",\n"       \
	POOL("raw6", "2001:db8:1::3", "4433") ",\n" POOL("old6", "2001:db8:1::4", "446") "]}"
// clang-format on

const char quicbuild_edge[] = EDGE("0");
const char quicbuild_edge4[] = EDGE("0, 1, 2, 3");

static const struct conf_quic_lb *find_config(const struct snapbuild *s, uint8_t id)
{
	for (size_t i = 0; i < s->conf->n_services; i++)
		for (size_t k = 0; k < s->conf->services[i].n_quic_lb; k++)
			if (s->conf->services[i].quic_lb[k].config_id == id)
				return &s->conf->services[i].quic_lb[k];
	abort();
}

struct quicbuild_cid quicbuild_cid_of(const struct snapbuild *s, uint8_t id,
                                      const uint8_t server_id[3], uint8_t nonce)
{
	uint8_t nonces[QUIC_LB_MAX_NONCE], out[QUIC_LB_MAX_CID];
	struct quicbuild_cid cid = {.len = 0};
	struct quic_lb_config c;
	struct err err;

	if (quic_lb_config_init(&c, find_config(s, id), &err) || c.server_id_len != 3)
		abort();
	memset(nonces, nonce, sizeof(nonces));
	cid.len = (uint8_t)quic_lb_encode(&c, nonce & 31, server_id, nonces, out);
	memcpy(cid.octet, out, cid.len);
	quic_lb_config_fini(&c);
	return cid;
}

struct quicbuild_cid quicbuild_cid(const struct snapbuild *s, uint8_t id, const char *backend,
                                   uint8_t nonce)
{
	return quicbuild_cid_of(s, id, s->roster.backends[snapbuild_backend(s, backend)].server_id,
	                        nonce);
}

struct quicbuild_cid quicbuild_any(uint8_t first, uint8_t fill, uint8_t len)
{
	struct quicbuild_cid cid = {.len = len};

	memset(cid.octet, fill, len);
	cid.octet[0] = first;
	return cid;
}

static uint8_t *put(uint8_t *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return to + n;
}

static uint8_t *put_long(uint8_t *at, const struct quicbuild *what)
{
	be32 version = be32_from(what->version ? what->version : 1);

	if (what->first == QUICBUILD_NEGOTIATION)
		version = be32_from(0);
	*at++ = what->first;
	at = put(at, &version, sizeof(version));
	*at++ = what->dcid.len;
	at = put(at, what->dcid.octet, what->dcid.len);
	*at++ = what->scid.len;
	return put(at, what->scid.octet, what->scid.len);
}

size_t quicbuild_payload(uint8_t *out, const struct quicbuild *what)
{
	uint8_t *at = out;

	if (what->is_raw) {
		at = out;
	} else if (what->first & 0x80) {
		at = put_long(at, what);
	} else {
		*at++ = what->first ? what->first : QUICBUILD_SHORT;
		at = put(at, what->dcid.octet, what->dcid.len);
	}
	if (what->behind) {
		at = put(at, what->behind, what->behind_len);
	} else if (!what->is_bare) {
		memset(at, 0xa5, 20);
		at += 20;
	}
	return (size_t)(at - out);
}

static void put_ip(struct pktbuild *b, const char *src, const char *dst)
{
	if ((src && strchr(src, ':')) || (dst && strchr(dst, ':')))
		pktbuild_ip6(b, .src = src, .dst = dst);
	else
		pktbuild_ip4(b, .src = src, .dst = dst);
}

static uint16_t or_else(uint16_t value, uint16_t other)
{
	return value ? value : other;
}

void quicbuild_frame(struct pktbuild *b, const struct quicbuild *what)
{
	uint8_t payload[1024];
	size_t len = quicbuild_payload(payload, what);

	pktbuild_start(b);
	pktbuild_eth(b, .src = what->mac);
	put_ip(b, what->src, what->dst);
	pktbuild_udp(b, .sport = or_else(what->sport, 40000), .dport = or_else(what->dport, 443));
	pktbuild_bytes(b, payload, len);
	pktbuild_end(b);
}

struct pkt *quicbuild_send(struct lanebuild *l, const struct quicbuild *what)
{
	struct pktbuild b;

	quicbuild_frame(&b, what);
	return lanebuild_send_frame(l, b.byte, b.len);
}

void quicbuild_answer_frame(struct pktbuild *b, const struct pkt *request,
                            const struct quicbuild *what)
{
	const uint8_t *ip = request->data + request->l3, *udp = request->data + request->l4;
	bool is_ip4 = request->key.family == ADDR_IP4;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	uint8_t payload[1024];
	size_t len = quicbuild_payload(payload, what);

	inet_ntop(is_ip4 ? AF_INET : AF_INET6, ip + (is_ip4 ? 12 : 8), dst, sizeof(dst));
	inet_ntop(is_ip4 ? AF_INET : AF_INET6, ip + (is_ip4 ? 16 : 24), src, sizeof(src));
	pktbuild_start(b);
	pktbuild_eth(b);
	put_ip(b, src, dst);
	pktbuild_udp(b, .sport = (uint16_t)(udp[2] << 8 | udp[3]),
	             .dport = (uint16_t)(udp[0] << 8 | udp[1]));
	pktbuild_bytes(b, payload, len);
	pktbuild_end(b);
}

struct pkt *quicbuild_answer(struct lanebuild *l, const struct pkt *request,
                             const struct quicbuild *what)
{
	struct pktbuild b;

	quicbuild_answer_frame(&b, request, what);
	return lanebuild_send_frame(l, b.byte, b.len);
}

void quicbuild_error_frame(struct pktbuild *b, const struct quicbuild *what)
{
	bool is_ip6 = what->dst && strchr(what->dst, ':');
	const char *server = what->dst ? what->dst : "203.0.113.10";
	const char *client = what->src ? what->src : is_ip6 ? "2001:db8::7" : "198.51.100.7";
	uint8_t payload[1024];
	size_t len = quicbuild_payload(payload, what);

	pktbuild_start(b);
	pktbuild_eth(b);
	put_ip(b, is_ip6 ? "2001:db8:99::1" : "192.0.2.1", server);
	pktbuild_icmp(b, .type = is_ip6 ? 2 : 3, .code = is_ip6 ? 0 : 4, .rest = 1300);
	put_ip(b, server, client);
	pktbuild_udp(b, .sport = or_else(what->dport, 443), .dport = or_else(what->sport, 40000));
	pktbuild_bytes(b, payload, len);
	pktbuild_end(b);
}

struct pkt *quicbuild_error(struct lanebuild *l, const struct quicbuild *what)
{
	struct pktbuild b;

	quicbuild_error_frame(&b, what);
	return lanebuild_send_frame(l, b.byte, b.len);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/pktbuild.h"

#include "tests/support/pktcheck.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum kind { NONE, ETH, VLAN, IP4, IP6, EXT, TCP, UDP, ICMP };

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, (uint16_t)(v >> 16));
	put16(at + 2, (uint16_t)v);
}

static uint8_t *grow(struct pktbuild *b, size_t n)
{
	uint8_t *at = b->byte + b->len;

	assert(n <= sizeof(b->byte) - b->len);
	memset(at, 0, n);
	b->len += n;
	return at;
}

static bool is_ip(enum kind kind)
{
	return kind == IP4 || kind == IP6;
}

// The IP header that a layer's checksum and protocol number depend on, or -1.
static int ip_before(const struct pktbuild *b, size_t layer)
{
	for (size_t i = layer; i-- > 0;)
		if (is_ip(b->kind[i]))
			return (int)i;
	return -1;
}

// Writes what follows into the header before it, which left room for that.
static void announce(struct pktbuild *b, uint16_t ether_type, uint8_t proto)
{
	size_t last = b->n_layers - 1;
	size_t at;

	if (b->n_layers == 0 || !b->next_at[last])
		return;
	at = b->next_at[last];
	if (b->kind[last] == ETH || b->kind[last] == VLAN)
		put16(b->byte + at, ether_type);
	else
		b->byte[at] = proto;
	b->next_at[last] = 0;
}

// Appends a zeroed header whose next-protocol field is at `next_at` (0 = none, or already known).
static uint8_t *layer(struct pktbuild *b, enum kind kind, size_t size, size_t next_at)
{
	size_t i = b->n_layers++;

	assert(i < PKTBUILD_LAYERS);
	b->kind[i] = (uint8_t)kind;
	b->offset[i] = b->len;
	b->next_at[i] = (uint16_t)(next_at ? b->len + next_at : 0);
	b->keep_len[i] = b->bad[i] = b->no_csum[i] = false;
	return grow(b, size);
}

void pktbuild_start(struct pktbuild *b)
{
	b->len = 0;
	b->n_layers = 0;
}

static void put_mac(uint8_t *at, const char *text)
{
	int n = sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &at[0], &at[1], &at[2], &at[3],
	               &at[4], &at[5]);

	assert(n == 6);
}

static void put_ip(uint8_t *at, int family, const char *text, const char *or_else)
{
	int ok = inet_pton(family, text ? text : or_else, at);

	assert(ok == 1);
}

void pktbuild_add_eth(struct pktbuild *b, const struct pktbuild_eth *h)
{
	uint8_t *p = layer(b, ETH, 14, h->type ? 0 : 12);

	put_mac(p, h->dst ? h->dst : "02:00:00:00:00:01");
	put_mac(p + 6, h->src ? h->src : "02:00:00:00:00:02");
	put16(p + 12, h->type);
}

void pktbuild_add_vlan(struct pktbuild *b, const struct pktbuild_vlan *h)
{
	uint8_t *p;

	announce(b, h->tpid ? h->tpid : 0x8100, 0);
	p = layer(b, VLAN, 4, h->type ? 0 : 2);
	put16(p, h->tci);
	put16(p + 2, h->type);
}

static uint8_t ttl_of(int ttl)
{
	return (uint8_t)(ttl == 0 ? 64 : ttl < 0 ? 0 : ttl);
}

void pktbuild_add_ip4(struct pktbuild *b, const struct pktbuild_ip4 *h)
{
	size_t options = (h->options_len + 3) / 4 * 4;
	size_t i = b->n_layers;
	uint8_t *p;

	announce(b, 0x0800, 4);
	p = layer(b, IP4, 20 + options, h->proto ? 0 : 9);
	p[0] = (uint8_t)(0x40 | (h->ihl ? h->ihl : 5 + options / 4));
	p[1] = h->tos;
	put16(p + 2, h->total_len);
	put16(p + 4, h->id);
	put16(p + 6, h->frag);
	p[8] = ttl_of(h->ttl);
	p[9] = h->proto;
	put_ip(p + 12, AF_INET, h->src, "198.51.100.7");
	put_ip(p + 16, AF_INET, h->dst, "203.0.113.10");
	if (h->options_len)
		memcpy(p + 20, h->options, h->options_len);
	b->keep_len[i] = h->total_len != 0;
	b->bad[i] = h->bad_csum;
}

void pktbuild_add_ip6(struct pktbuild *b, const struct pktbuild_ip6 *h)
{
	size_t i = b->n_layers;
	uint8_t *p;

	announce(b, 0x86dd, 41);
	p = layer(b, IP6, 40, h->proto ? 0 : 6);
	put32(p, 0x60000000 | (uint32_t)h->traffic_class << 20 | (h->flow_label & 0xfffff));
	put16(p + 4, h->payload_len);
	p[6] = h->proto;
	p[7] = ttl_of(h->hop_limit);
	put_ip(p + 8, AF_INET6, h->src, "2001:db8::7");
	put_ip(p + 24, AF_INET6, h->dst, "2001:db8::10");
	b->keep_len[i] = h->payload_len != 0;
}

void pktbuild_add_ext(struct pktbuild *b, const struct pktbuild_ext *h)
{
	size_t size = (2 + h->body_len + 7) / 8 * 8;
	size_t at = b->len;
	uint8_t *p;

	announce(b, 0, h->type);
	p = layer(b, EXT, size, 0);
	if (!h->next)
		b->next_at[b->n_layers - 1] = (uint16_t)at; // offset 0 of its own header
	p[0] = h->next;
	p[1] = (uint8_t)(size / 8 - 1);
	if (h->body_len)
		memcpy(p + 2, h->body, h->body_len);
}

void pktbuild_add_frag6(struct pktbuild *b, const struct pktbuild_frag6 *h)
{
	size_t at = b->len;
	uint8_t *p;

	announce(b, 0, 44);
	p = layer(b, EXT, 8, 0);
	if (!h->next)
		b->next_at[b->n_layers - 1] = (uint16_t)at;
	p[0] = h->next;
	put16(p + 2, (uint16_t)(h->offset << 3 | h->more));
	put32(p + 4, h->id);
}

void pktbuild_add_tcp(struct pktbuild *b, const struct pktbuild_tcp *h)
{
	size_t options = (h->options_len + 3) / 4 * 4;
	size_t i = b->n_layers;
	uint8_t *p;

	announce(b, 0, 6);
	p = layer(b, TCP, 20 + options, 0);
	put16(p, h->sport);
	put16(p + 2, h->dport);
	put32(p + 4, h->seq);
	put32(p + 8, h->ack);
	p[12] = (uint8_t)((h->doff ? h->doff : 5 + options / 4) << 4);
	p[13] = h->flags ? h->flags : PKTBUILD_ACK;
	put16(p + 14, h->window ? h->window : 65535);
	if (h->options_len)
		memcpy(p + 20, h->options, h->options_len);
	b->bad[i] = h->bad_csum;
}

void pktbuild_add_udp(struct pktbuild *b, const struct pktbuild_udp *h)
{
	size_t i = b->n_layers;
	uint8_t *p;

	announce(b, 0, 17);
	p = layer(b, UDP, 8, 0);
	put16(p, h->sport);
	put16(p + 2, h->dport);
	put16(p + 4, h->len);
	b->keep_len[i] = h->len != 0;
	b->no_csum[i] = h->no_csum;
	b->bad[i] = h->bad_csum;
}

void pktbuild_add_icmp(struct pktbuild *b, const struct pktbuild_icmp *h)
{
	size_t i = b->n_layers;
	int ip = ip_before(b, i);
	uint8_t *p;

	announce(b, 0, ip >= 0 && b->kind[ip] == IP6 ? 58 : 1);
	p = layer(b, ICMP, 8, 0);
	p[0] = h->type;
	p[1] = h->code;
	put32(p + 4, h->rest);
	b->bad[i] = h->bad_csum;
}

void pktbuild_bytes(struct pktbuild *b, const void *bytes, size_t n)
{
	if (n)
		memcpy(grow(b, n), bytes, n);
}

void pktbuild_text(struct pktbuild *b, const char *text)
{
	pktbuild_bytes(b, text, strlen(text));
}

void pktbuild_fill(struct pktbuild *b, size_t n)
{
	uint8_t *p = grow(b, n);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)i;
}

// `sum` is over the header with a zero checksum; a wrong one differs in one bit.
static void put_sum(const struct pktbuild *b, size_t i, uint8_t *at, uint16_t sum)
{
	put16(at, b->bad[i] ? sum ^ 0x0100 : sum);
}

static const struct {
	uint8_t proto, sum_at;
} l4_of[] = {[TCP] = {6, 16}, [UDP] = {17, 6}, [ICMP] = {1, 2}};

static void end_l4(struct pktbuild *b, size_t i)
{
	int ip = ip_before(b, i);
	const uint8_t *outer = ip >= 0 ? b->byte + b->offset[ip] : NULL;
	uint8_t *p = b->byte + b->offset[i];
	size_t len = b->len - b->offset[i];
	uint8_t proto = l4_of[b->kind[i]].proto;
	uint16_t sum;

	if (b->kind[i] == UDP && !b->keep_len[i])
		put16(p + 4, (uint16_t)len);
	if (b->kind[i] == ICMP && outer && outer[0] >> 4 == 6)
		proto = 58;
	put16(p + l4_of[b->kind[i]].sum_at, 0);
	if (b->no_csum[i])
		return;
	sum = pktcheck_sum_l4(outer, proto, p, len);
	put_sum(b, i, p + l4_of[b->kind[i]].sum_at, b->kind[i] == UDP && sum == 0 ? 0xffff : sum);
}

static void end_ip4(struct pktbuild *b, size_t i)
{
	uint8_t *p = b->byte + b->offset[i];
	size_t end = i + 1 < b->n_layers ? b->offset[i + 1] : b->len;
	size_t size = (size_t)(p[0] & 15) * 4;

	if (!b->keep_len[i])
		put16(p + 2, (uint16_t)(b->len - b->offset[i]));
	if (size < 20 || size > end - b->offset[i])
		size = 20;
	put16(p + 10, 0);
	put_sum(b, i, p + 10, pktcheck_sum(p, size));
}

size_t pktbuild_end(struct pktbuild *b)
{
	for (size_t i = b->n_layers; i-- > 0;) {
		if (b->kind[i] == TCP || b->kind[i] == UDP || b->kind[i] == ICMP)
			end_l4(b, i);
		else if (b->kind[i] == IP4)
			end_ip4(b, i);
		else if (b->kind[i] == IP6 && !b->keep_len[i])
			put16(b->byte + b->offset[i] + 4, (uint16_t)(b->len - b->offset[i] - 40));
	}
	return b->len;
}

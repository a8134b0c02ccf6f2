// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/pktcheck.h"

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

// RFC 1071 section 4.1, on big-endian words; the result is not folded.
static uint32_t add(uint32_t acc, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		acc += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return acc;
}

static uint16_t finish(uint32_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

uint16_t pktcheck_sum(const void *bytes, size_t len)
{
	return finish(add(0, bytes, len));
}

uint16_t pktcheck_sum_l4(const uint8_t *ip, uint8_t proto, const uint8_t *bytes, size_t len)
{
	uint32_t acc = add(0, bytes, len);

	if (!ip || proto == 1)
		return finish(acc);
	acc = ip[0] >> 4 == 4 ? add(acc, ip + 12, 8) : add(acc, ip + 8, 32);
	return finish(acc + proto + (uint32_t)len);
}

static const char *check_tcp(const uint8_t *ip, const uint8_t *p, size_t len)
{
	size_t head = len >= 20 ? (size_t)(p[12] >> 4) * 4 : 0;

	if (len < 20)
		return "TCP header is cut";
	if (head < 20 || head > len)
		return "TCP data offset";
	return pktcheck_sum_l4(ip, 6, p, len) ? "TCP checksum" : NULL;
}

static const char *check_udp(const uint8_t *ip, const uint8_t *p, size_t len)
{
	if (len < 8)
		return "UDP header is cut";
	if (get16(p + 4) != len)
		return "UDP length";
	if (get16(p + 6) == 0)
		return ip[0] >> 4 == 4 ? NULL
		                       : "UDP over IPv6 without checksum (RFC 8200 section 8.1)";
	return pktcheck_sum_l4(ip, 17, p, len) ? "UDP checksum" : NULL;
}

static const char *check_l4(const uint8_t *ip, uint8_t proto, const uint8_t *p, size_t len)
{
	switch (proto) {
	case 1:
	case 58:
		if (len < 8)
			return "ICMP header is cut";
		return pktcheck_sum_l4(ip, proto, p, len) ? "ICMP checksum" : NULL;
	case 4:
	case 41:
		return pktcheck_ip(p, len);
	case 6:
		return check_tcp(ip, p, len);
	case 17:
		return check_udp(ip, p, len);
	}
	return NULL;
}

static const char *check_ip4(const uint8_t *ip, size_t len)
{
	size_t head, total;

	if (len < 20)
		return "IPv4 header is cut";
	head = (size_t)(ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (head < 20 || head > total)
		return "IPv4 header length";
	if (total > len)
		return "IPv4 total length";
	if (pktcheck_sum(ip, head))
		return "IPv4 header checksum";
	if (get16(ip + 6) & 0x3fff)
		return NULL;
	return check_l4(ip, ip[9], ip + head, total - head);
}

static const char *check_ip6(const uint8_t *ip, size_t len)
{
	uint8_t next = len >= 40 ? ip[6] : 0;
	const uint8_t *p = ip + 40;
	size_t left, size;

	if (len < 40)
		return "IPv6 header is cut";
	left = get16(ip + 4);
	if (left > len - 40)
		return "IPv6 payload length";
	while (next == 0 || next == 43 || next == 60) {
		size = left >= 8 ? (size_t)p[1] * 8 + 8 : 8;
		if (size > left)
			return "IPv6 extension header is cut";
		next = p[0];
		p += size;
		left -= size;
	}
	return next == 44 ? NULL : check_l4(ip, next, p, left);
}

const char *pktcheck_ip(const uint8_t *ip, size_t len)
{
	if (len && ip[0] >> 4 == 4)
		return check_ip4(ip, len);
	if (len && ip[0] >> 4 == 6)
		return check_ip6(ip, len);
	return "IP version";
}

const char *pktcheck(const uint8_t *frame, size_t len)
{
	size_t at = 12;
	uint16_t type;

	do {
		if (len < at + 2)
			return "Ethernet header is cut";
		type = get16(frame + at);
		at += type == 0x8100 || type == 0x88a8 ? 4 : 2;
	} while (type == 0x8100 || type == 0x88a8);
	if (type != 0x0800 && type != 0x86dd)
		return NULL;
	if (len <= at || frame[at] >> 4 != (type == 0x0800 ? 4 : 6))
		return "EtherType and IP version differ";
	return pktcheck_ip(frame + at, len - at);
}

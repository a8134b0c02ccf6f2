// SPDX-License-Identifier: BSD-3-Clause
#include "l7/proxy_protocol.h"

#include <errno.h>

enum {
	FIXED = 16, // signature, version and command, family, length
	SIGNATURE = 12,
	VERSION_LOCAL = 0x20,
	VERSION_PROXY = 0x21,
	FAMILY_NONE = 0x00,
	FAMILY_TCP4 = 0x11,
	FAMILY_TCP6 = 0x21,
	FAMILY_UNIX = 0x31,
	LEN_TCP4 = 12,
	LEN_TCP6 = 36,
	LEN_UNIX = 216,
};

static const uint8_t signature[SIGNATURE] = "\r\n\r\n\0\r\nQUIT\n";

// Bytes of addresses that a family has at least, or -1 if we do not take it.
static int family_len(uint8_t family)
{
	switch (family) {
	case FAMILY_NONE:
		return 0;
	case FAMILY_TCP4:
		return LEN_TCP4;
	case FAMILY_TCP6:
		return LEN_TCP6;
	case FAMILY_UNIX:
		return LEN_UNIX;
	default:
		return -1;
	}
}

static be16 port_at(const uint8_t *p)
{
	be16 port;

	memcpy(&port, p, sizeof(port));
	return port;
}

static void read_addresses(struct proxy_protocol *p, uint8_t family, const uint8_t *at)
{
	if (family == FAMILY_TCP4) {
		be32 ip4[2];

		memcpy(ip4, at, sizeof(ip4));
		p->source = addr_ip4(ip4[0]);
		p->destination = addr_ip4(ip4[1]);
		p->source_port = port_at(at + 8);
		p->destination_port = port_at(at + 10);
	} else if (family == FAMILY_TCP6) {
		p->source = addr_ip6(at);
		p->destination = addr_ip6(at + 16);
		p->source_port = port_at(at + 32);
		p->destination_port = port_at(at + 34);
	}
}

// What came cannot become a header of ours any more, however much follows.
static bool is_hopeless(struct slice in)
{
	size_t n = in.len < SIGNATURE ? in.len : SIGNATURE;

	if (n && memcmp(in.ptr, signature, n) != 0)
		return true;
	if (in.len > 12 && in.ptr[12] != VERSION_LOCAL && in.ptr[12] != VERSION_PROXY)
		return true;
	// The family of a LOCAL one is to be ignored (section 2.2).
	return in.len > 13 && in.ptr[12] == VERSION_PROXY && family_len(in.ptr[13]) < 0;
}

ssize_t proxy_protocol_parse(struct proxy_protocol *out, struct slice in)
{
	struct proxy_protocol p = {.is_local = false};
	size_t len;

	if (is_hopeless(in))
		return -EPROTO;
	if (in.len < FIXED)
		return 0;
	len = (size_t)in.ptr[14] << 8 | in.ptr[15];
	p.is_local = in.ptr[12] == VERSION_LOCAL;
	if (len > PROXY_PROTOCOL_LIMIT - FIXED)
		return -EPROTO;
	if (!p.is_local && len < (size_t)family_len(in.ptr[13]))
		return -EPROTO;
	if (in.len - FIXED < len)
		return 0;
	if (!p.is_local)
		read_addresses(&p, in.ptr[13], in.ptr + FIXED);
	*out = p;
	return (ssize_t)(FIXED + len);
}

size_t proxy_protocol_write(uint8_t out[PROXY_PROTOCOL_WRITE_MAX], const struct proxy_protocol *p)
{
	bool is_known = !p->is_local && p->source.family == p->destination.family &&
	                p->source.family != ADDR_NONE;
	size_t size = p->source.family == ADDR_IP4 ? 4 : 16;
	uint8_t *at = out + FIXED;

	memset(out, 0, FIXED);
	memcpy(out, signature, SIGNATURE);
	out[12] = is_known ? VERSION_PROXY : VERSION_LOCAL;
	if (!is_known)
		return FIXED;
	out[13] = p->source.family == ADDR_IP4 ? FAMILY_TCP4 : FAMILY_TCP6;
	out[15] = (uint8_t)(2 * size + 4);
	memcpy(at, p->source.ip6, size);
	memcpy(at + size, p->destination.ip6, size);
	memcpy(at + 2 * size, &p->source_port, 2);
	memcpy(at + 2 * size + 2, &p->destination_port, 2);
	return FIXED + 2 * size + 4;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/ip6.h"

#include "l4/data/wire.h"

static bool is_ext(uint8_t proto)
{
	return proto == IP6_EXT_HOP_BY_HOP || proto == IP6_EXT_ROUTING ||
	       proto == IP6_EXT_FRAGMENT || proto == IP6_EXT_AUTH || proto == IP6_EXT_DESTINATION;
}

static uint32_t ext_len(uint8_t proto, const struct wire_ip6_ext *ext)
{
	if (proto == IP6_EXT_FRAGMENT)
		return 8;
	if (proto == IP6_EXT_AUTH) // RFC 4302 section 2.2
		return (ext->len + 2u) * 4;
	return (ext->len + 1u) * 8;
}

static enum reason ext_fault(uint8_t proto, const struct wire_ip6_ext *ext, int n)
{
	if (proto == IP6_EXT_HOP_BY_HOP && n > 0)
		return REASON_IP6_EXT_ORDER;
	if (proto == IP6_EXT_ROUTING && ext->body[0] == 0)
		return REASON_IP6_ROUTING;
	return REASON_NONE;
}

static bool ext_is_fragment(const struct wire_ip6_ext *ext)
{
	return ext->body[0] || (ext->body[1] & 0xf9); // offset (13 bits), 2 reserved, more
}

struct ip6_walk ip6_walk(const uint8_t *data, uint16_t offset, uint16_t end, uint8_t next)
{
	struct ip6_walk w = {.offset = offset, .proto = next};

	for (int n = 0; is_ext(w.proto); n++) {
		const struct wire_ip6_ext *ext = (const void *)(data + w.offset);
		uint32_t len;

		if (n == IP6_MAX_EXT) {
			w.fault = REASON_IP6_EXT_DEPTH;
			return w;
		}
		if (end - w.offset < (int)sizeof(*ext)) {
			w.fault = REASON_IP6_EXT_TRUNCATED;
			return w;
		}
		w.fault = ext_fault(w.proto, ext, n);
		len = ext_len(w.proto, ext);
		if (!w.fault && len > (uint32_t)(end - w.offset))
			w.fault = REASON_IP6_EXT_TRUNCATED;
		if (w.fault)
			return w;
		w.is_fragment |= w.proto == IP6_EXT_FRAGMENT && ext_is_fragment(ext);
		w.offset = (uint16_t)(w.offset + len);
		w.proto = ext->next;
		if (w.is_fragment)
			return w;
	}
	return w;
}

// SPDX-License-Identifier: BSD-3-Clause
// IPv6 extension headers.
#pragma once

#include "l4/data/pkt.h"

enum { IP6_MAX_EXT = 8 };

struct ip6_walk {
	uint16_t offset;   // of the first header that is no extension
	uint8_t proto;     // what stands there
	bool is_fragment;  // a real one; an atomic fragment (RFC 6946) is not
	enum reason fault; // REASON_NONE if the chain could be walked
};

// Walks the extension headers from `offset` (behind the fixed header) up to `end`, both offsets
// from `data`; `next` is the fixed header's next-header field. RFC 8200 section 4.
struct ip6_walk ip6_walk(const uint8_t *data, uint16_t offset, uint16_t end, uint8_t next);

// SPDX-License-Identifier: BSD-3-Clause
// PROXY protocol version 2 (haproxy.org, proxy-protocol.txt, section 2.2), read and written. Version 1 is not spoken.
#pragma once

#include "l4/base/addr.h"
#include "l4/base/slice.h"

#include <sys/types.h>

enum {
	PROXY_PROTOCOL_MAX = 16 + 65535,    // bytes of a header that may come
	PROXY_PROTOCOL_LIMIT = 1024,        // what we accept: addresses and some TLVs
	PROXY_PROTOCOL_WRITE_MAX = 16 + 36, // bytes of one that we write
};

struct proxy_protocol {
	bool is_local; // LOCAL: a health check of the proxy before us; use the connection's own addresses
	struct addr source, destination; // family ADDR_NONE: unknown (AF_UNSPEC, AF_UNIX)
	be16 source_port, destination_port;
};

// > 0: bytes of the header, TLVs skipped; 0: needs more; -EPROTO: not version 2, longer than PROXY_PROTOCOL_LIMIT,
// a length below its family's, or UDP.
NODISCARD ssize_t proxy_protocol_parse(struct proxy_protocol *out, struct slice in);

// The header for a TCP connection; source and destination of the same family, else LOCAL is written. Returns its length.
size_t proxy_protocol_write(uint8_t out[PROXY_PROTOCOL_WRITE_MAX], const struct proxy_protocol *p);

// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as a PROXY header: what is taken is taken whole and only whole, what is refused stays refused with more
// behind it, and what was read can be written and read again.
#include <stdlib.h>

#include "l7/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct proxy_protocol *p)
{
	uint8_t out[PROXY_PROTOCOL_WRITE_MAX];
	size_t len = proxy_protocol_write(out, p);
	struct proxy_protocol again;

	if (proxy_protocol_parse(&again, slice_of(out, len)) != (ssize_t)len)
		abort();
	if (!addr_eq(&again.source, &p->source) || !addr_eq(&again.destination, &p->destination))
		abort();
	if (be16_raw(again.source_port) != be16_raw(p->source_port) ||
	    be16_raw(again.destination_port) != be16_raw(p->destination_port))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_protocol p, part;
	ssize_t whole = proxy_protocol_parse(&p, slice_of(data, size));

	for (size_t len = 0; len <= size && len <= PROXY_PROTOCOL_LIMIT; len++) {
		ssize_t n = proxy_protocol_parse(&part, slice_of(data, len));

		if (n > 0 && (n != whole || n > (ssize_t)len))
			abort();
		if (n == 0 && whole > 0 && len >= (size_t)whole)
			abort();
		if (n < 0 && whole != n)
			abort();
	}
	if (whole > 0)
		write_and_read(&p);
	return 0;
}

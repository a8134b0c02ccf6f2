// SPDX-License-Identifier: BSD-3-Clause
#include "l7/grpc_health.h"

#include <errno.h>

const char *const grpc_health_names[GRPC_HEALTH_COUNT] = {
	[GRPC_HEALTH_UNKNOWN] = "UNKNOWN",
	[GRPC_HEALTH_SERVING] = "SERVING",
	[GRPC_HEALTH_NOT_SERVING] = "NOT_SERVING",
	[GRPC_HEALTH_SERVICE_UNKNOWN] = "SERVICE_UNKNOWN",
};

enum { HEAD = 5, VARINT_MAX = 10, FIELD = 1 }; // both messages have one field, number 1

// Wire types (protobuf.dev/programming-guides/encoding, "Message Structure"). 3 and 4 are groups, long out of use.
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LEN = 2, WIRE_32 = 5 };

// --- writing ---

static void write_varint(struct text *t, size_t n)
{
	uint8_t byte;

	for (; n > 0x7f; n >>= 7) {
		byte = (uint8_t)(n | 0x80);
		text_add(t, &byte, 1);
	}
	byte = (uint8_t)n;
	text_add(t, &byte, 1);
}

void grpc_health_write(struct text *t, const char *service)
{
	uint8_t head[HEAD] = {0}, tag = FIELD << 3 | WIRE_LEN;
	size_t begin = t->len, name = strlen(service), len;

	text_add(t, head, sizeof(head));
	if (name) { // the default is not written
		text_add(t, &tag, 1);
		write_varint(t, name);
		text_add(t, service, name);
	}
	if (t->is_cut)
		return;
	len = t->len - begin - HEAD;
	for (size_t i = 1; i < HEAD; i++)
		t->ptr[begin + i] = (char)(len >> (32 - 8 * i));
}

// --- reading ---

static bool take(struct slice *in, size_t n)
{
	if (n > in->len)
		return false;
	*in = slice_of(in->ptr + n, in->len - n);
	return true;
}

static bool read_varint(struct slice *in, uint64_t *value)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < VARINT_MAX && i < in->len; i++) {
		uint8_t byte = in->ptr[i];

		if (i == VARINT_MAX - 1 && byte > 1)
			return false; // more than 64 bits
		n |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		*value = n;
		return take(in, i + 1);
	}
	return false;
}

// The value of a field: a varint's number; of any other kind only its length is of interest.
static bool read_value(struct slice *in, uint8_t wire, uint64_t *value)
{
	uint64_t len;

	switch (wire) {
	case WIRE_VARINT:
		return read_varint(in, value);
	case WIRE_64:
		return take(in, 8);
	case WIRE_32:
		return take(in, 4);
	case WIRE_LEN:
		return read_varint(in, &len) && len <= in->len && take(in, (size_t)len);
	default:
		return false;
	}
}

// Fields of later versions are skipped; of several statuses the last one counts.
static int read_message(struct slice in, uint64_t *status)
{
	uint64_t found = GRPC_HEALTH_UNKNOWN;

	while (in.len) {
		uint64_t tag, value;
		uint8_t wire;

		if (!read_varint(&in, &tag) || tag >> 3 == 0)
			return -EINVAL;
		wire = tag & 7;
		if (!read_value(&in, wire, &value))
			return -EINVAL;
		if (tag >> 3 != FIELD)
			continue;
		if (wire != WIRE_VARINT)
			return -EINVAL;
		found = value;
	}
	*status = found;
	return 0;
}

int grpc_health_parse(struct slice message, uint64_t *status)
{
	uint64_t len = 0;

	if (message.len < HEAD || message.ptr[0] != 0)
		return -EINVAL;
	for (size_t i = 1; i < HEAD; i++)
		len = len << 8 | message.ptr[i];
	if (len != message.len - HEAD)
		return -EINVAL;
	return read_message(slice_of(message.ptr + HEAD, (size_t)len), status);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http1.h"

enum {
	LINE_MAX = 4096, // of a size line with its extension
	EXCESS_MAX =
		1
		<< 14, // of extensions in all, less the data: CVE-2023-39326 is one octet of data per long extension
	DIGITS_MAX = 16,
};

enum state {
	AT_SIZE, // nothing of a size line yet
	IN_SIZE, // after a digit
	IN_EXTENSION,
	AT_SIZE_LF, // after the size line's CR
	IN_DATA,
	AT_DATA_CR,
	AT_DATA_LF,
};

// 0..15, or 16 if it is no hex digit.
static unsigned hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - (unsigned)'0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - (unsigned)'a' + 10 : 16;
}

static int take_digit(struct http1_chunked *c, uint8_t octet)
{
	unsigned digit = hex_digit(octet);

	if (digit < 16) {
		// Below 2^63, so that nobody's signed arithmetic wraps; zeros in front count too.
		if (c->line == DIGITS_MAX || c->left >> 59)
			return HTTP1_CHUNK_SIZE;
		c->left = c->left << 4 | digit;
		c->state = IN_SIZE;
		return 0;
	}
	if (octet == '\n')
		return HTTP1_BARE_LF;
	if (c->state == AT_SIZE)
		return HTTP1_CHUNK_SIZE;
	if (octet == '\r')
		c->state = AT_SIZE_LF;
	else if (octet == ';')
		c->state = IN_EXTENSION;
	else
		return HTTP1_CHUNK_SIZE;
	return 0;
}

// Only how it ends matters, as it is dropped: at CR LF and nowhere else, not in quotes either. A server that ends it at a
// bare LF sees other chunks than one that does not ("Funky chunks", 2025).
static int take_extension(struct http1_chunked *c, uint8_t octet)
{
	if (octet == '\r') {
		c->state = AT_SIZE_LF;
		return 0;
	}
	if (octet == '\n')
		return HTTP1_BARE_LF;
	if ((octet < ' ' && octet != '\t') || octet == 0x7f)
		return HTTP1_CHUNK_EXTENSION;
	if (c->line >= LINE_MAX || ++c->excess > EXCESS_MAX)
		return HTTP1_CHUNK_EXTENSION;
	return 0;
}

static int take_size_lf(struct http1_chunked *c, uint8_t octet)
{
	if (octet != '\n')
		return HTTP1_BARE_CR;
	c->excess -= c->left < c->excess ? (uint32_t)c->left : c->excess;
	c->line = 0;
	if (c->left == 0) {
		c->is_at_trailers = true;
		c->state = AT_SIZE;
	} else {
		c->state = IN_DATA;
	}
	return 0;
}

// One octet of framing. Returns 0 or an enum http1_error.
static int take_framing(struct http1_chunked *c, uint8_t octet)
{
	switch ((enum state)c->state) {
	case AT_SIZE:
	case IN_SIZE: {
		int rc = take_digit(c, octet);

		c->line++;
		return rc;
	}
	case IN_EXTENSION: {
		int rc = take_extension(c, octet);

		c->line++;
		return rc;
	}
	case AT_SIZE_LF:
		return take_size_lf(c, octet);
	case AT_DATA_CR:
		c->state = AT_DATA_LF;
		return octet == '\r' ? 0 : HTTP1_CHUNK_END;
	case AT_DATA_LF:
		c->state = AT_SIZE;
		return octet == '\n' ? 0 : HTTP1_CHUNK_END;
	case IN_DATA:
		break;
	}
	return 0;
}

// The stretch at p, as far as it goes.
static struct slice take_data(struct http1_chunked *c, const uint8_t *p, const uint8_t *end)
{
	size_t n = (size_t)(end - p) < c->left ? (size_t)(end - p) : (size_t)c->left;

	c->left -= n;
	if (c->left == 0)
		c->state = AT_DATA_CR;
	return slice_of(p, n);
}

ssize_t http1_decode_chunks(struct http1_chunked *c, struct slice in, struct slice *data)
{
	const uint8_t *p = in.ptr, *end = p + in.len;

	*data = (struct slice){0};
	while (p < end && c->state != IN_DATA && !c->is_at_trailers) {
		int rc = take_framing(c, *p++);

		if (rc)
			return -rc;
	}
	if (p < end && !c->is_at_trailers) {
		*data = take_data(c, p, end);
		p += data->len;
	}
	// Its end, if it is here and right; else the next call will say so, and these octets are not lost with it.
	if (c->state == AT_DATA_CR && end - p >= 2 && p[0] == '\r' && p[1] == '\n') {
		c->state = AT_SIZE;
		p += 2;
	}
	return p - in.ptr;
}

// SPDX-License-Identifier: BSD-3-Clause
// A chunked body: cut in pieces of any size it gives the data, the end and the fault that it gives at once; and that
// data, written as chunks of other sizes, gives itself.
#include "tests/support/http1check.h"

#include <stdlib.h>

enum { INPUT_MAX = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct decoded {
	uint8_t data[INPUT_MAX];
	size_t len;
	size_t consumed;
	ssize_t error;
	bool is_at_trailers;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void feed(struct decoded *d, struct http1_chunked *c, struct slice in)
{
	while (in.len && !c->is_at_trailers) {
		struct slice data;
		ssize_t n = http1_decode_chunks(c, in, &data);

		must(n != 0 && n <= (ssize_t)in.len && n > -HTTP1_ERROR_COUNT);
		d->error = n < 0 ? n : 0;
		if (n < 0)
			return;
		if (data.len) {
			must(data.ptr >= in.ptr && data.ptr + data.len <= in.ptr + n);
			memcpy(d->data + d->len, data.ptr, data.len);
		}
		d->len += data.len;
		d->consumed += (size_t)n;
		in = slice_of(in.ptr + n, in.len - (size_t)n);
	}
	d->is_at_trailers = c->is_at_trailers;
}

// In pieces of `piece` octets.
static void decode(struct decoded *d, struct slice in, size_t piece)
{
	struct http1_chunked c = {0};

	d->len = d->consumed = 0;
	d->error = 0;
	d->is_at_trailers = false;
	for (size_t at = 0; at < in.len && !d->error && !d->is_at_trailers; at += piece) {
		size_t n = in.len - at < piece ? in.len - at : piece;

		feed(d, &c, http1check_copy(slice_of(in.ptr + at, n), at / piece % 2));
	}
}

static void must_survive_writing(const struct decoded *d, size_t chunk)
{
	static char buffer[HTTP1CHECK_MAX];
	static struct decoded again;
	struct text t = text_of(buffer, sizeof(buffer));

	for (size_t at = 0; at < d->len; at += chunk) {
		size_t n = d->len - at < chunk ? d->len - at : chunk;

		http1_write_chunk_size(&t, n);
		text_add(&t, d->data + at, n);
		TEXT_ADD_LITERAL(&t, "\r\n");
	}
	http1_write_last_chunk(&t, NULL);
	must(!t.is_cut);
	decode(&again, text_slice(&t), 1000);
	must(again.is_at_trailers && again.len == d->len &&
	     memcmp(again.data, d->data, d->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct decoded whole, parts;
	struct slice in;

	if (len < 1 || len > INPUT_MAX)
		return -1;
	in = slice_of(data + 1, len - 1);
	decode(&whole, in, INPUT_MAX);
	decode(&parts, in, data[0] % 40 + 1);
	must(whole.error == parts.error && whole.is_at_trailers == parts.is_at_trailers);
	must(whole.len == parts.len && memcmp(whole.data, parts.data, whole.len) == 0);
	must(whole.error || whole.consumed == parts.consumed);
	must_survive_writing(&whole, data[0] % 13 + 1);
	return 0;
}

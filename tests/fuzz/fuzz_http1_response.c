// SPDX-License-Identifier: BSD-3-Clause
// A response head, cut where the first octets say, to a request of the method that the third says; then
// the same octets as a trailer section. Delivered in two parts it gives what it gives at once, and written out it
// parses as the same response again.
#include "tests/support/http1check.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_survive_writing(const struct response *r, uint8_t method)
{
	static struct response again;
	static char buffer[HTTP1CHECK_MAX];
	const struct http1_limits limits = {.line = 65536, .head = sizeof(buffer), .fields = 256};
	struct text t = text_of(buffer, sizeof(buffer));
	struct slice in;
	ssize_t rc;

	http1_write_response(&t, r, 1);
	must(!t.is_cut);
	in = http1check_copy(text_slice(&t), false);
	rc = http1_parse_response(&again, in, 0, method, &limits);
	must(rc == (ssize_t)t.len);
	must(r->status == again.status && slice_eq(r->reason, again.reason));
	must(r->body == again.body && r->content_length == again.content_length);
	must(slice_eq(r->upgrade, again.upgrade));
	must(again.is_persistent ==
	     (r->is_persistent || (r->upgrade.len > 0 && r->body != BODY_UNTIL_CLOSE)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct response r;
	struct http1check check = {HTTP1CHECK_RESPONSE, .limits = &http1check_limits};
	struct slice in;
	size_t split;
	ssize_t rc;

	if (len < 3 || len > 16384)
		return -1;
	in = slice_of(data + 3, len - 3);
	split = (data[0] | (size_t)data[1] << 8) % (in.len + 1);
	check.method = data[2] % METHOD_COUNT;
	must(http1check_split(&check, in, split));
	rc = http1_parse_response(&r, http1check_copy(in, true), 0, check.method,
	                          &http1check_limits);
	must(rc <= (ssize_t)in.len && rc > -HTTP1_ERROR_COUNT);
	if (rc > 0)
		must_survive_writing(&r, check.method);
	check.kind = HTTP1CHECK_TRAILERS;
	must(http1check_split(&check, in, split));
	return 0;
}

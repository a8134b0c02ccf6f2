// SPDX-License-Identifier: BSD-3-Clause
// A request head, cut where the first octet says: delivered in two parts it gives what it gives at once, and
// written out it parses as the same request again. All of it between inaccessible pages.
#include "tests/support/http1check.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_passed_on(const struct field *f)
{
	return !f->is_dropped && header_classes[f->id] != HEADER_HOP &&
	       header_classes[f->id] != HEADER_FRAMING;
}

// What is passed on of a, in order, is what b begins with.
static void must_begin_with(const struct fields *a, const struct fields *b)
{
	uint16_t n = 0;

	for (uint16_t i = 0; i < a->n; i++) {
		if (!is_passed_on(&a->at[i]))
			continue;
		must(n < b->n && slice_eq(a->at[i].name, b->at[n].name) &&
		     slice_eq(a->at[i].value, b->at[n].value) && a->at[i].id == b->at[n].id);
		n++;
	}
}

static void must_survive_writing(const struct request *r)
{
	static struct request again;
	static char buffer[HTTP1CHECK_MAX];
	const struct http1_limits limits = {.line = 65536, .head = sizeof(buffer), .fields = 256};
	struct text t = text_of(buffer, sizeof(buffer));
	bool has_host = message_field(&r->fields, HEADER_HOST);
	ssize_t rc;

	http1_write_request(&t, r);
	must(!t.is_cut);
	if (r->authority.len == 0)
		return; // HTTP/1.0 without a host: 1.1 has none
	rc = http1_parse_request(&again, http1check_copy(text_slice(&t), false), 0, &limits);
	must(rc == (ssize_t)t.len);
	must(slice_eq(r->method_text, again.method_text) && slice_eq(r->path, again.path) &&
	     slice_eq(r->query, again.query) && !r->query.ptr == !again.query.ptr &&
	     slice_eq(r->authority, again.authority) && r->method == again.method);
	must(r->body == again.body && r->content_length == again.content_length &&
	     slice_eq(r->upgrade, again.upgrade));
	must(again.is_persistent == (r->is_persistent || r->upgrade.len > 0));
	if (has_host)
		must_begin_with(&r->fields, &again.fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct request r;
	const struct http1_limits tight = {.line = 40, .head = 200, .fields = 4};
	struct http1check check = {HTTP1CHECK_REQUEST, .limits = &http1check_limits};
	struct slice in;
	ssize_t rc;

	if (len < 2 || len > 16384)
		return -1;
	in = slice_of(data + 2, len - 2);
	must(http1check_split(&check, in, (data[0] | (size_t)data[1] << 8) % (in.len + 1)));
	check.limits = &tight;
	must(http1check_split(&check, in, (data[0] | (size_t)data[1] << 8) % (in.len + 1)));
	rc = http1_parse_request(&r, http1check_copy(in, true), 0, &http1check_limits);
	must(rc <= (ssize_t)in.len && rc > -HTTP1_ERROR_COUNT);
	if (rc > 0)
		must_survive_writing(&r);
	return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// Any head that the parser takes, through every kind of route: what is written is again a request for the same parser, whole
// and with nothing behind it, framed as before; no CR, LF or NUL came in; the client's address is the last word of
// X-Forwarded-For, whatever the client said; a Location is one line.
#include <stdlib.h>

#include "l7/http1.h"
#include "l7/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SCRATCH = 64 * 1024, OUT = 256 * 1024 };

static const struct http1_limits limits = {8192, 32768, 256};
static const struct http1_limits no_limits = {OUT, OUT, 288};
static const char id[] = "0123456789abcdef0123456789abcdef";

static struct conf_header set[] = {{"X-User", "alice"}, {"Cookie", ""}, {"Via", "1.1 x"}};
static const char *removed[] = {"X-Debug", "accept"};
static const struct conf_route routes[] = {
	{.path = "/"},
	{.path = "/", .rewrite = "/v2/"},
	{.path = "/a/",
         .rewrite = "/",
         .set_request_headers = set,
         .n_set_request_headers = ARRAY_LEN(set),
         .remove_request_headers = removed,
         .n_remove_request_headers = ARRAY_LEN(removed)},
};

static void expect(bool claim)
{
	if (!claim)
		abort();
}

static bool ends_with(struct slice s, const char *end)
{
	size_t len = strlen(end);

	return s.len >= len && memcmp(s.ptr + s.len - len, end, len) == 0;
}

static void check_fields(const struct request *r, bool appends)
{
	static const char address[] = "192.0.2.7";
	const struct fields *f = &r->fields;
	const struct field *claim = message_field(f, HEADER_X_FORWARDED_FOR);
	unsigned int n = 0;

	expect(claim && ends_with(claim->value, address));
	expect(appends || claim->value.len == sizeof(address) - 1);
	expect(message_field(f, HEADER_HOST) && message_field(f, HEADER_FORWARDED));
	expect(message_field(f, HEADER_X_REQUEST_ID));
	for (uint16_t i = 0; i < f->n; i++) {
		expect(!memchr(f->at[i].value.ptr, '\r', f->at[i].value.len));
		expect(!memchr(f->at[i].value.ptr, '\n', f->at[i].value.len));
		expect(!memchr(f->at[i].value.ptr, '\0', f->at[i].value.len));
		n += f->at[i].id == HEADER_X_FORWARDED_FOR;
	}
	expect(n == 1);
}

static void try_location(const struct request *r, const char *location)
{
	static char out[OUT];
	struct text t = text_of(out, sizeof(out));

	if (!rewrite_location(&t, location, r))
		return;
	for (size_t i = 0; i < t.len; i++)
		expect(out[i] > ' ' && out[i] < 0x7f && !strchr("\"<>\\", out[i]));
	expect(*location == 'h' || (t.len > 0 && out[0] == '/' && (t.len == 1 || out[1] != '/')));
}

static void try_route(struct slice head, const struct conf_route *route, bool appends)
{
	static char scratch[SCRATCH], out[OUT];
	static struct request r, again;
	struct rewrite_client client = {.appends = appends, .is_tls = !appends};
	struct text t = text_of(scratch, sizeof(scratch)), written = text_of(out, sizeof(out));
	struct slice request_id;

	if (http1_parse_request(&r, head, 0, &limits) <= 0)
		return;
	try_location(&r, "https://$host$uri");
	if (r.path.len && r.path.ptr[0] == '/')
		try_location(&r, "$uri");
	expect(addr_parse(&client.address, "192.0.2.7") == 0);
	expect(addr_parse(&client.local, "2001:db8::10") == 0);
	client.local_port = be16_from(8080);
	if (!rewrite_request(&r, &client, "edge", route, id, &request_id, &t))
		return;
	http1_write_request(&written, &r);
	expect(!written.is_cut && request_id.len > 0);
	expect(http1_parse_request(&again, text_slice(&written), 0, &no_limits) ==
	       (ssize_t)written.len);
	expect(again.body == r.body && again.content_length == r.content_length);
	expect(again.method == r.method && slice_eq(again.path, r.path));
	check_fields(&again, appends);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		try_route(slice_of(data, size), &routes[i], false);
		try_route(slice_of(data, size), &routes[i], true);
	}
	return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <stdio.h>

#include "l7/http1.h"
#include "l7/rewrite.h"
#include "tests/support/guard.h"

enum { SCRATCH = 4096 };

static const char id[] = "0123456789abcdef0123456789abcdef";

static struct slice z(const char *text)
{
	return slice_of(text, strlen(text));
}

// Fields as "Name: value" lines.
static void read_fields(struct fields *f, const char *lines)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n"), colon = strcspn(lines, ":");
		size_t skip = colon + 1 + (lines[colon + 1] == ' ');
		struct slice name = slice_of(lines, colon);

		cr_assert(colon < len && skip <= len, "%s", lines);
		cr_assert(message_add(f, header_find(name), name,
		                      slice_of(lines + skip, len - skip)));
		lines += len + (lines[len] == '\n');
	}
}

// What is passed on, as the writer has it: no FRAMING, no HOP but TE; in the form that was read.
static const char *text_of_fields(const struct fields *f)
{
	static char out[8192];
	struct text t = text_of(out, sizeof(out) - 1);

	for (uint16_t i = 0; i < f->n; i++) {
		if (f->at[i].is_dropped)
			continue;
		text_add_slice(&t, f->at[i].name);
		TEXT_ADD_LITERAL(&t, ": ");
		text_add_slice(&t, f->at[i].value);
		TEXT_ADD_LITERAL(&t, "\n");
	}
	cr_assert_not(t.is_cut);
	out[t.len] = '\0';
	return out;
}

struct given {
	const char *fields; // default "Host: example.com\n"
	const char *client; // default 192.0.2.7
	bool is_tls, appends;
	bool is_1_0;
	const char *authority; // default: of Host
	const char *path;      // default "/"
	const struct conf_route *route;
	const char *upgrade;
	bool accepts_trailers;
};

static struct request request;
static struct slice used_id;

static void set_up(const struct given *g, struct rewrite_client *client)
{
	const struct field *host;

	request = (struct request){.method = METHOD_GET, .minor = !g->is_1_0};
	read_fields(&request.fields, g->fields ? g->fields : "Host: example.com\n");
	host = message_field(&request.fields, HEADER_HOST);
	if (g->authority)
		request.authority = z(g->authority);
	else if (host)
		request.authority = host->value;
	request.path = z(g->path ? g->path : "/");
	if (g->upgrade)
		request.upgrade = z(g->upgrade);
	request.accepts_trailers = g->accepts_trailers;
	*client = (struct rewrite_client){.is_tls = g->is_tls, .appends = g->appends};
	if (!g->client)
		cr_assert_eq(addr_parse(&client->address, "192.0.2.7"), 0);
	else if (*g->client)
		cr_assert_eq(addr_parse(&client->address, g->client), 0);
}

// The fields that the backend sees; NULL if they do not fit into `scratch` bytes.
static const char *rewrite_in(const struct given *g, size_t scratch)
{
	uint8_t *guarded = guard_alloc(scratch);
	struct text t = text_of(guarded, scratch);
	struct rewrite_client client;
	const char *out = NULL;

	set_up(g, &client);
	if (rewrite_request(&request, &client, "edge-1", g->route, id, &used_id, &t))
		out = text_of_fields(&request.fields);
	guard_free(guarded, scratch);
	return out;
}

static const char *rewrite(const struct given *g)
{
	const char *out = rewrite_in(g, SCRATCH);

	cr_assert(out, "does not fit");
	return out;
}

static void expect_line(const char *fields, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = fields; p && *p; p = strchr(p, '\n') + 1)
		if (strncmp(p, line, len) == 0 && p[len] == '\n')
			return;
	cr_expect_fail("no \"%s\" in:\n%s", line, fields);
}

static void expect_no(const char *fields, const char *part)
{
	cr_expect_null(strstr(fields, part), "\"%s\" in:\n%s", part, fields);
}

// --- who the client is ---

Test(rewrite, a_plain_request_becomes_this)
{
	cr_expect_str_eq(rewrite(&(struct given){.fields = "Host: example.com\nAccept: */*\n"}),
	                 "Host: example.com\n"
	                 "Accept: */*\n"
	                 "X-Forwarded-For: 192.0.2.7\n"
	                 "X-Forwarded-Proto: http\n"
	                 "X-Forwarded-Host: example.com\n"
	                 "Forwarded: for=192.0.2.7;host=example.com;proto=http\n"
	                 "Via: 1.1 edge-1\n"
	                 "X-Request-Id: 0123456789abcdef0123456789abcdef\n");
}

Test(rewrite, claims_are_replaced_by_default)
{
	const char *out = rewrite(&(struct given){
		.fields = "Host: example.com\n"
			  "x-forwarded-for: 6.6.6.6\n"
			  "X-Forwarded-For: 6.6.6.7\n"
			  "X-FORWARDED-PROTO: https\n"
			  "X-Forwarded-Host: evil.example\n"
			  "Forwarded: for=6.6.6.6\n"
			  "X-Real-IP: 6.6.6.6\n",
	});

	expect_no(out, "6.6.6");
	expect_no(out, "evil");
	expect_no(out, "https");
	expect_line(out, "X-Forwarded-For: 192.0.2.7");
}

Test(rewrite, claims_are_appended_to_where_a_proxy_is_trusted)
{
	const char *out = rewrite(&(struct given){
		.appends = true,
		.fields = "Host: example.com\n"
			  "X-Forwarded-For: 198.51.100.1, 198.51.100.2\n"
			  "X-Forwarded-For:\n"
			  "Accept: */*\n"
			  "x-forwarded-for: 198.51.100.3\n"
			  "X-Forwarded-Proto: https\n"
			  "X-Forwarded-Host: shop.example\n"
			  "Forwarded: for=198.51.100.1;proto=https\n"
			  "forwarded: for=\"_hidden, x\"\n"
			  "X-Real-IP: 198.51.100.1\n",
	});

	expect_line(out, "X-Forwarded-For: 198.51.100.1, 198.51.100.2, 198.51.100.3, 192.0.2.7");
	expect_line(out, "X-Forwarded-Proto: https");
	expect_line(out, "X-Forwarded-Host: shop.example");
	expect_line(out, "X-Real-IP: 198.51.100.1");
	expect_line(out, "Forwarded: for=198.51.100.1;proto=https, for=\"_hidden, x\", "
	                 "for=192.0.2.7;host=example.com;proto=http");
	expect_no(out, "x-forwarded-for");
	expect_no(out, "forwarded: ");
}

Test(rewrite, without_claims_appending_is_setting)
{
	char set[1024];

	snprintf(set, sizeof(set), "%s", rewrite(&(struct given){.is_tls = true}));
	cr_expect_str_eq(rewrite(&(struct given){.is_tls = true, .appends = true}), set);
}

static const struct {
	const char *client, *authority;
	bool is_tls;
	const char *forwarded; // RFC 7239 sections 4 and 6
} forwarded[] = {
	{"192.0.2.43", "example.com", false,
         "Forwarded: for=192.0.2.43;host=example.com;proto=http"},
	{"2001:db8:cafe::17", "example.com", true,
         "Forwarded: for=\"[2001:db8:cafe::17]\";host=example.com;proto=https"},
	{"192.0.2.43", "example.com:8443", true,
         "Forwarded: for=192.0.2.43;host=\"example.com:8443\";proto=https"},
	{"192.0.2.43", "[2001:db8::1]:8443", true,
         "Forwarded: for=192.0.2.43;host=\"[2001:db8::1]:8443\";proto=https"},
	{"192.0.2.43", "a_b-c.example", false,
         "Forwarded: for=192.0.2.43;host=a_b-c.example;proto=http"},
	{"192.0.2.43", "", false, "Forwarded: for=192.0.2.43;proto=http"},
	{"192.0.2.43", "a\"b\\c", false,
         "Forwarded: for=192.0.2.43;host=\"a\\\"b\\\\c\";proto=http"},
	{"", "example.com", false, "Forwarded: for=unknown;host=example.com;proto=http"},
};

Test(rewrite, forwarded_is_quoted_as_rfc_7239_says)
{
	for (size_t i = 0; i < ARRAY_LEN(forwarded); i++)
		expect_line(rewrite(&(struct given){.client = forwarded[i].client,
		                                    .authority = forwarded[i].authority,
		                                    .is_tls = forwarded[i].is_tls}),
		            forwarded[i].forwarded);
}

Test(rewrite, an_ipv6_client_stands_bare_in_x_forwarded_for)
{
	expect_line(rewrite(&(struct given){.client = "2001:db8::7"}),
	            "X-Forwarded-For: 2001:db8::7");
	expect_line(rewrite(&(struct given){.client = ""}), "X-Forwarded-For: unknown");
}

Test(rewrite, forwarded_host_is_the_one_asked_for_with_its_port)
{
	expect_line(rewrite(&(struct given){.fields = "Host: example.com:8443\n"}),
	            "X-Forwarded-Host: example.com:8443");
	expect_no(rewrite(&(struct given){.fields = "Accept: */*\n", .is_1_0 = true}),
	          "X-Forwarded-Host");
}

Test(rewrite, an_alias_of_a_claim_or_of_framing_is_dropped)
{
	static const char *const names[] = {
		"X_Forwarded_For",   "X-Forwarded_For",   "x_forwarded-for", "X_Forwarded_Proto",
		"X_Forwarded_Host",  "X_REAL_IP",         "X_Real-Ip",       "Content_Length",
		"Transfer_Encoding", "TRANSFER_ENCODING",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		for (int appends = 0; appends < 2; appends++) {
			char fields[128];
			const char *out;

			snprintf(fields, sizeof(fields), "Host: a\n%s: 6.6.6.6\n", names[i]);
			out = rewrite(&(struct given){.fields = fields, .appends = appends});
			expect_no(out, "6.6.6.6");
		}
}

Test(rewrite, other_underscores_pass)
{
	expect_line(rewrite(&(struct given){.fields = "Host: a\nx_custom_field: 1\n"}),
	            "x_custom_field: 1");
}

// --- hop by hop ---

Test(rewrite, hop_by_hop_fields_end_here)
{
	const char *out = rewrite(&(struct given){
		.fields = "Host: a\n"
			  "Connection: keep-alive, Upgrade, HTTP2-Settings\n"
			  "Keep-Alive: timeout=5\n"
			  "Proxy-Connection: keep-alive\n"
			  "Proxy-Authorization: Basic eDp5\n"
			  "Upgrade: h2c\n"
			  "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n"
			  "TE: trailers, deflate\n"
			  "X-Stays: 1\n",
	});

	cr_expect_eq(strncmp(out, "Host: a\nX-Stays: 1\nX-Forwarded-For", 34), 0, "%s", out);
}

// A request's whole way: read, rewritten, written. The fields as lines; NULL if the parser refuses it.
static const char *pass(const char *fields, const struct given *g)
{
	static const struct http1_limits limits = {8192, 32768, 256};
	static char in[2048], out[4096];
	char scratch[SCRATCH];
	struct text head = text_of(in, sizeof(in)), t = text_of(scratch, sizeof(scratch));
	struct text written = text_of(out, sizeof(out) - 1);
	struct rewrite_client client;

	set_up(g, &client);
	TEXT_ADD_LITERAL(&head, "GET / HTTP/1.1\r\n");
	for (; *fields; fields++)
		text_add(&head, *fields == '\n' ? "\r\n" : fields, *fields == '\n' ? 2 : 1);
	TEXT_ADD_LITERAL(&head, "\r\n");
	if (http1_parse_request(&request, text_slice(&head), 0, &limits) <= 0)
		return NULL;
	cr_assert(rewrite_request(&request, &client, "edge-1", g->route, id, &used_id, &t));
	http1_write_request(&written, &request);
	cr_assert_not(written.is_cut || head.is_cut);
	out[written.len] = '\0';
	for (char *p = out; (p = strchr(p, '\r'));)
		memmove(p, p + 1, strlen(p));
	return strchr(out, '\n') + 1;
}

Test(rewrite, every_connection_field_and_option_counts)
{
	const char *out = pass("X-First: 1\nHost: a\nconnection:  x-first ,,\tX-SECOND\n"
	                       "X-Second: 1\nX-Second: 2\nConnection: close\nConnection: x-third\n"
	                       "x-third: 1\nX-Fourth: 1\n",
	                       &(struct given){.is_tls = false});

	expect_no(out, "irst");
	expect_no(out, "econd");
	expect_no(out, "hird");
	expect_line(out, "X-Fourth: 1");
	expect_line(out, "Host: a");
}

// What a sender may not take from the backend by naming it (RFC 9110 section 7.6.1: fields for all recipients), nor
// from us: CVE-2022-31813 (X-Forwarded-For), CVE-2022-1388 (what an authenticating proxy adds).
static const struct {
	const char *name, *value, *want;
} relied_on[] = {
	{"Cookie", "a=b", NULL},
	{"Authorization", "Basic eDp5", NULL},
	{"Content-Type", "text/plain", NULL},
	{"Content-Length", "5", NULL},
	{"Transfer-Encoding", "chunked", NULL},
	{"Cache-Control", "no-store", NULL},
	{"Range", "bytes=0-1", NULL},
	{"X-Real-IP", "198.51.100.1", NULL},
	{"X-Forwarded-For", "198.51.100.1", "198.51.100.1, 192.0.2.7"},
	{"X-Forwarded-Host", "shop.example", NULL},
	{"X-Forwarded-Proto", "https", NULL},
	{"Forwarded", "for=198.51.100.1", "for=198.51.100.1, for=192.0.2.7;host=a;proto=http"},
	{"Via", "1.1 other", NULL},
	{"X-Request-Id", "abc", NULL},
	{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", NULL},
	{"Host", "a", NULL},
};

Test(rewrite, connection_takes_nothing_that_others_rely_on)
{
	for (size_t i = 0; i < ARRAY_LEN(relied_on); i++) {
		const char *want = relied_on[i].want ? relied_on[i].want : relied_on[i].value;
		bool is_host = strcmp(relied_on[i].name, "Host") == 0;
		char fields[512], line[256];
		const char *out;

		snprintf(fields, sizeof(fields), "%s%s: %s\nConnection: close, %s\n",
		         is_host ? "" : "Host: a\n", relied_on[i].name, relied_on[i].value,
		         relied_on[i].name);
		out = pass(fields, &(struct given){.appends = true});
		cr_assert(out, "%s", fields);
		snprintf(line, sizeof(line), "%s: %s", relied_on[i].name, want);
		expect_line(out, line);
		expect_line(out, "Via: 1.1 edge-1");
	}
}

Test(rewrite, connection_does_not_reach_what_we_add)
{
	const char *out =
		pass("Host: a\nConnection: X-Forwarded-For, Forwarded, Via, X-Request-Id, "
	             "X-Forwarded-Host, X-Forwarded-Proto\n",
	             &(struct given){.is_tls = true});

	expect_line(out, "X-Forwarded-For: 192.0.2.7");
	expect_line(out, "X-Forwarded-Proto: https");
	expect_line(out, "X-Forwarded-Host: a");
	expect_line(out, "Forwarded: for=192.0.2.7;host=a;proto=https");
	expect_line(out, "Via: 1.1 edge-1");
	expect_line(out, "X-Request-Id: 0123456789abcdef0123456789abcdef");
}

Test(rewrite, connection_does_not_reach_what_the_route_sets)
{
	struct conf_header set[] = {{"X-User", "alice"}};
	const struct conf_route route = {
		.path = "/", .set_request_headers = set, .n_set_request_headers = 1};
	const char *out = pass("Host: a\nConnection: X-User\nX-User: mallory\n",
	                       &(struct given){.route = &route});

	expect_line(out, "X-User: alice");
	expect_no(out, "mallory");
}

Test(rewrite, trailers_are_asked_for_if_the_client_takes_them)
{
	expect_line(rewrite(&(struct given){.fields = "Host: a\nTE: trailers, gzip;q=0.5\n",
	                                    .accepts_trailers = true}),
	            "TE: trailers");
	expect_no(rewrite(&(struct given){.fields = "Host: a\nTE: gzip\n"}), "TE:");
}

Test(rewrite, an_upgrade_to_websocket_goes_alone)
{
	rewrite(&(struct given){.upgrade = "h2c, WebSocket"});
	cr_expect(slice_eq(request.upgrade, z("websocket")));
	rewrite(&(struct given){.upgrade = NULL});
	cr_expect_eq(request.upgrade.len, 0);
}

// --- Host, Via, X-Request-Id ---

Test(rewrite, host_is_the_authority)
{
	const char *out = rewrite(&(struct given){.fields = "Accept: */*\nHost: EXAMPLE.com\n",
	                                          .authority = "example.com"});

	cr_expect_eq(strncmp(out, "Accept: */*\nHost: example.com\n", 30), 0, "%s", out);
	expect_line(rewrite(&(struct given){.fields = "Accept: */*\n", .authority = "a:8080"}),
	            "Host: a:8080");
}

// HTTP/1.0 without a Host.
static const struct {
	const char *local;
	uint16_t port;
	bool is_tls;
	const char *want;
} locals[] = {
	{"203.0.113.10", 80, false, "Host: 203.0.113.10"},
	{"203.0.113.10", 80, true, "Host: 203.0.113.10:80"},
	{"203.0.113.10", 443, true, "Host: 203.0.113.10"},
	{"203.0.113.10", 8080, false, "Host: 203.0.113.10:8080"},
	{"2001:db8::10", 443, true, "Host: [2001:db8::10]"},
	{"2001:db8::10", 8443, true, "Host: [2001:db8::10]:8443"},
	{NULL, 0, false, "Host: "},
};

Test(rewrite, without_a_host_it_is_the_address_the_client_came_to)
{
	for (size_t i = 0; i < ARRAY_LEN(locals); i++) {
		const struct given g = {
			.fields = "Accept: */*\n", .is_1_0 = true, .is_tls = locals[i].is_tls};
		char scratch[SCRATCH];
		struct text t = text_of(scratch, sizeof(scratch));
		struct rewrite_client client;

		set_up(&g, &client);
		client.local_port = be16_from(locals[i].port);
		if (locals[i].local)
			cr_assert_eq(addr_parse(&client.local, locals[i].local), 0);
		cr_assert(rewrite_request(&request, &client, "n", NULL, id, &used_id, &t));
		expect_line(text_of_fields(&request.fields), locals[i].want);
		cr_expect_null(message_field(&request.fields, HEADER_X_FORWARDED_HOST));
	}
}

Test(rewrite, via_says_how_the_request_came_and_follows_others)
{
	const char *out = rewrite(&(struct given){
		.fields = "Host: a\nVia: 1.0 fred, 1.1 p.example.net\nVia: 2 x\n", .is_1_0 = true});
	const char *theirs = strstr(out, "Via: 1.0 fred, 1.1 p.example.net\nVia: 2 x\n");

	cr_assert(theirs, "%s", out);
	cr_expect(strstr(theirs, "Via: 1.0 edge-1\n"), "%s", out);
}

static const struct {
	const char *in;
	bool is_kept;
} ids[] = {
	{"a", true},
	{"req-0123456789/~!#$%&()*+,.:;<=>?@[]^_`{|}", true},
	{"", false},
	{"a b", false},
	{"a\"b", false},
	{"a'b", false},
	{"a\tb", false},
	{"caf\xc3\xa9", false},
	{"\x7f", false},
	{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         true},
	{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         false},
};

Test(rewrite, a_request_id_is_kept_if_it_is_sane)
{
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const char *want = ids[i].is_kept ? ids[i].in : id;
		char fields[256], line[256];

		snprintf(fields, sizeof(fields), "Host: a\nX-Request-ID: %s\n", ids[i].in);
		snprintf(line, sizeof(line), "X-Request-%s: %s", ids[i].is_kept ? "ID" : "Id",
		         want);
		expect_line(rewrite(&(struct given){.fields = fields}), line);
		cr_expect(slice_eq(used_id, z(want)), "%zu", i);
	}
}

Test(rewrite, two_request_ids_are_none)
{
	const char *out =
		rewrite(&(struct given){.fields = "Host: a\nX-Request-Id: 1\nX-Request-Id: 2\n"});

	expect_line(out, "X-Request-Id: 0123456789abcdef0123456789abcdef");
	expect_no(out, "X-Request-Id: 1");
	expect_no(out, "X-Request-Id: 2");
}

// --- routes ---

static const struct {
	const char *path, *rewrite, *in, *want;
} paths[] = {
	{"/api", NULL, "/api/x", "/api/x"},
	{"/api", "/", "/api/x", "/x"},
	{"/api", "/", "/api", "/"},
	{"/api/", "/", "/api/x", "/x"},
	{"/api/", "/", "/api/", "/"},
	{"/api", "/v2", "/api/x", "/v2/x"},
	{"/api", "/v2", "/api", "/v2"},
	{"/api", "/v2/", "/api/x", "/v2/x"},
	{"/api/", "/v2", "/api/x", "/v2/x"},
	{"/api/", "/v2/", "/api/x", "/v2/x"},
	{"/api/", "/v2", "/api/", "/v2"},
	{"/", "/v2", "/", "/v2"},
	{"/", "/v2", "/x", "/v2/x"},
	{"/", "/v2/", "/x/y", "/v2/x/y"},
	{"/a", "/b", "/a//x", "/b//x"},
	{"/a", "/", "/a/%2e%2e/x", "/%2e%2e/x"},
	{"/", "/v2", "*", "*"},
	{"/exact", "/other", "/exact", "/other"},
};

Test(rewrite, the_matched_part_of_the_path_is_replaced)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const struct conf_route route = {.path = paths[i].path,
		                                 .rewrite = paths[i].rewrite};
		struct rewrite_client client;
		char scratch[SCRATCH];
		struct text t = text_of(scratch, sizeof(scratch));

		set_up(&(struct given){.path = paths[i].in}, &client);
		request.query = z("q=/api");
		cr_assert(rewrite_request(&request, &client, "n", &route, id, &used_id, &t));
		cr_expect(slice_eq(request.path, z(paths[i].want)), "%zu: %.*s", i,
		          (int)request.path.len, (const char *)request.path.ptr);
		cr_expect(slice_eq(request.query, z("q=/api")));
	}
}

Test(rewrite, a_route_sets_and_removes_fields)
{
	struct conf_header set[] = {
		{"X-User", "alice"}, {"host", "backend.internal"}, {"X-Empty", ""}};
	const char *remove[] = {"cookie", "X-DEBUG", "X-User"};
	const struct conf_route route = {
		.path = "/",
		.set_request_headers = set,
		.n_set_request_headers = ARRAY_LEN(set),
		.remove_request_headers = remove,
		.n_remove_request_headers = ARRAY_LEN(remove),
	};
	const char *out = rewrite(&(struct given){
		.fields = "Host: a\nCookie: 1\nx-user: mallory\nX_User: mallory\nx_debug: 1\n"
			  "X-Debug: 1\nX-Debug: 2\nCOOKIE: 2\nX-Other: 1\n",
		.route = &route,
	});

	expect_line(out, "X-User: alice");
	expect_line(out, "host: backend.internal");
	expect_line(out, "X-Empty: ");
	expect_line(out, "X-Other: 1");
	expect_line(out, "X-Forwarded-Host: a");
	expect_no(out, "Host: a\nC");
	expect_no(out, "mallory");
	expect_no(out, "ookie");
	expect_no(out, "ebug");
}

Test(rewrite, a_route_has_the_last_word_on_the_request_id)
{
	struct conf_header set[] = {{"x-request-id", "fixed"}};
	const struct conf_route route = {
		.path = "/", .set_request_headers = set, .n_set_request_headers = 1};

	expect_line(rewrite(&(struct given){.route = &route}), "x-request-id: fixed");
	cr_expect(slice_eq(used_id, z("fixed")));
}

// --- room ---

Test(rewrite, scratch_that_is_too_small_is_said)
{
	const char *remove[] = {"a"};
	const struct conf_route route = {.path = "/",
	                                 .rewrite = "/v2/",
	                                 .remove_request_headers = remove,
	                                 .n_remove_request_headers = 1};
	const struct given g = {
		.fields = "Host: example.com:8443\nX-Forwarded-For: 1.2.3.4\nForwarded: for=x\n",
		.client = "2001:db8::7",
		.appends = true,
		.path = "/path",
		.route = &route,
	};
	size_t need = 0;
	char want[1024];

	while (!rewrite_in(&g, need))
		need++;
	cr_expect_gt(need, 50);
	snprintf(want, sizeof(want), "%s", rewrite_in(&g, need));
	cr_expect_str_eq(rewrite(&g), want);
}

Test(rewrite, fields_that_do_not_fit_are_said)
{
	struct rewrite_client client;
	size_t n_ok = 0;

	for (int n = MESSAGE_FIELDS_MAX - 12; n <= MESSAGE_FIELDS_MAX; n++) {
		char scratch[SCRATCH];
		struct text t = text_of(scratch, sizeof(scratch));
		bool is_ok;

		set_up(&(struct given){.path = "/"}, &client);
		while (request.fields.n < n)
			cr_assert(message_add(&request.fields, HEADER_OTHER, z("A"), z("b")));
		is_ok = rewrite_request(&request, &client, "n", NULL, id, &used_id, &t);
		cr_expect_eq(is_ok, n + 6 <= MESSAGE_FIELDS_MAX, "%d", n);
		n_ok += is_ok;
	}
	cr_expect_gt(n_ok, 0);
}

// --- responses ---

Test(rewrite, a_response_loses_hop_fields_and_gains_via)
{
	static struct response r;
	struct conf_header set[] = {{"Strict-Transport-Security", "max-age=31536000"}};
	const char *remove[] = {"server"};
	const struct conf_route route = {
		.path = "/",
		.set_response_headers = set,
		.n_set_response_headers = 1,
		.remove_response_headers = remove,
		.n_remove_response_headers = 1,
	};
	char scratch[64];
	struct text t = text_of(scratch, sizeof(scratch));

	r = (struct response){.status = 200, .minor = 1};
	read_fields(&r.fields, "Server: x\nConnection: close\nKeep-Alive: 5\n"
	                       "Set-Cookie: a=b\nSet-Cookie: c=d\nProxy-Authenticate: Basic\n"
	                       "Content-Type: text/html\n");
	cr_assert(rewrite_response(&r, "edge-1", &route, &t));
	cr_expect_str_eq(text_of_fields(&r.fields),
	                 "Set-Cookie: a=b\n"
	                 "Set-Cookie: c=d\n"
	                 "Content-Type: text/html\n"
	                 "Via: 1.1 edge-1\n"
	                 "Strict-Transport-Security: max-age=31536000\n");
}

Test(rewrite, a_response_that_does_not_fit_is_said)
{
	static struct response r;
	char scratch[9];
	struct text t = text_of(scratch, sizeof(scratch));

	r = (struct response){.status = 200, .minor = 1};
	cr_expect_not(rewrite_response(&r, "edge-1", NULL, &t));
	t = text_of(scratch, sizeof(scratch));
	r = (struct response){.status = 200, .minor = 1};
	cr_expect(rewrite_response(&r, "edge", NULL, &t));
	t = text_of(scratch, sizeof(scratch));
	r = (struct response){.status = 200, .minor = 1};
	while (r.fields.n < MESSAGE_FIELDS_MAX)
		cr_assert(message_add(&r.fields, HEADER_OTHER, z("A"), z("b")));
	cr_expect_not(rewrite_response(&r, "edge", NULL, &t));
}

// SPDX-License-Identifier: BSD-3-Clause
// What the keys of the L7 half take, from the least to the most. test_conf_json.c has the others.
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"

// The value stands for the '#' in `to`.
static char *with(const char *to, const char *value)
{
	const char *at = strchr(to, '#');
	char *text;

	cr_assert_not_null(at);
	cr_assert(asprintf(&text, "%.*s%s%s", (int)(at - to), to, value, at + 1) >= 0);
	return text;
}

static void expect(const char *from, const char *to, const char *value, const char *want)
{
	char *text = with(to, value);

	cr_expect_str_eq(confcase_error(from, text), want, "%s: %s", text,
	                 confcase_error(from, text));
	free(text);
}

// --- numbers ---

static const struct {
	const char *from, *to, *place;
	long long min, max;
} ranges[] = {
	{"'worker_memory_mb': 64", "'worker_memory_mb': #", "worker_memory_mb", 1, 65536},
	{"'worker_connections': 5000", "'worker_connections': #", "worker_connections", 16,
         1048576},
	{"'port': 9047", "'port': #", "admin.port", 1, 65535},
	{"'line': 4096, 'header': 16384", "'line': #, 'header': 65536", "l7[1].limits.line", 256,
         65536},
	{"'line': 4096, 'header': 16384", "'line': 256, 'header': #", "l7[1].limits.header", 1024,
         65536},
	{"'headers': 50", "'headers': #", "l7[1].limits.headers", 8, 256},
	{"'body_kb': 1024", "'body_kb': #", "l7[1].limits.body_kb", 0, 4194303},
	{"'header_ms': 11", "'header_ms': #", "l7[1].timeouts.header_ms", 1, 86400000},
	{"'client_idle_ms': 12", "'client_idle_ms': #", "l7[1].timeouts.client_idle_ms", 0,
         86400000},
	{"'connect_ms': 13", "'connect_ms': #", "l7[1].timeouts.connect_ms", 1, 86400000},
	{"'first_byte_ms': 14", "'first_byte_ms': #", "l7[1].timeouts.first_byte_ms", 0, 86400000},
	{"'stream_idle_ms': 15", "'stream_idle_ms': #", "l7[1].timeouts.stream_idle_ms", 0,
         86400000},
	{"'total_ms': 16", "'total_ms': #", "l7[1].timeouts.total_ms", 0, 86400000},
	{"'event_kb': 12", "'event_kb': #", "l7[1].streams.event_kb", 1, 127},
	{"'stalled_ms': 3000", "'stalled_ms': #", "l7[1].streams.stalled_ms", 0, 3600000},
	{"'sse_keepalive_ms': 15000", "'sse_keepalive_ms': #", "l7[1].sse_keepalive_ms", 0,
         3600000},
	{"'websocket_ping_ms': 30000", "'websocket_ping_ms': #", "l7[1].websocket_ping_ms", 0,
         3600000},
	{"'retries': 3", "'retries': #", "l7[1].routes[0].retries", 0, 10},
	{"'status': 308", "'status': #", "l7[1].routes[1].redirect.status", 301, 308},
	{"'status': 404, 'body'", "'status': #, 'body'", "l7[1].routes[2].answer.status", 200, 599},
	{"'keepalive': 8", "'keepalive': #", "pools[5].keepalive", 0, 65535},
	{"'streams': 7", "'streams': #", "pools[5].http2.streams", 1, 65535},
	{"'connections': 3", "'connections': #", "pools[5].http2.connections", 1, 65535},
	{"'ping_ms': 900", "'ping_ms': #", "pools[5].http2.ping_ms", 0, 3600000},
	{"'percent': 5", "'percent': #", "pools[5].retry_budget.percent", 0, 100},
	{"'per_second': 2", "'per_second': #", "pools[5].retry_budget.per_second", 0, 65535},
	{"'port': 9000", "'port': #", "pools[4].health.port", 0, 65535},
	{"'jitter_percent': 20", "'jitter_percent': #", "pools[4].health.jitter_percent", 0, 50},
};

static void expect_number(size_t i, long long value)
{
	bool is_fine = value >= ranges[i].min && value <= ranges[i].max;
	char number[32], want[160] = "";

	snprintf(number, sizeof(number), "%lld", value);
	if (!is_fine)
		snprintf(want, sizeof(want), "%s: %lld is not in %lld..%lld", ranges[i].place,
		         value, ranges[i].min, ranges[i].max);
	expect(ranges[i].from, ranges[i].to, number, want);
}

Test(conf_value, numbers_end_where_the_reference_says)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		expect_number(i, ranges[i].min);
		expect_number(i, ranges[i].max);
		expect_number(i, ranges[i].min - 1);
		expect_number(i, ranges[i].max + 1);
		expect_number(i, 1LL << 32 | ranges[i].min);
	}
}

// --- texts by their length ---

static const struct {
	const char *from, *to, *place;
	size_t min, max;
	char first; // of the text, the others are 'a'
} lengths[] = {
	{"'lb7d.sock'", "'#'", "control_l7", 1, 107, 'a'},
	{"'access_log': '-'", "'access_log': '#'", "access_log", 1, 4095, 'a'},
	{"'m 2'", "'#'", "l7[1].streams.models[1]", 1, 63, 'a'},
	{"'chat',\n", "'#',\n", "l7[1].streams.operation", 1, 32, 'a'},
	{"'aws.bedrock'", "'#'", "l7[1].streams.provider", 1, 32, 'a'},
	{"'GET'", "'#'", "l7[1].routes[0].method", 1, 32, 'a'},
	{"'X-A'", "'#'", "l7[1].routes[0].headers[0].name", 1, 255, 'a'},
	{"'a b'", "'#'", "l7[1].routes[0].headers[0].value", 0, 4095, 'a'},
	{"'name': 'user'", "'name': '#'", "l7[1].routes[0].cookies[0].name", 1, 255, 'a'},
	{"'me'", "'#'", "l7[1].routes[0].cookies[0].value", 0, 4095, 'a'},
	{"'name': 'q'", "'name': '#'", "l7[1].routes[0].query[0].name", 1, 4095, 'a'},
	{"'value': ''}], 'pool'", "'value': '#'}], 'pool'", "l7[1].routes[0].query[0].value", 0,
         4095, 'a'},
	{"'/v2'", "'#'", "l7[1].routes[0].rewrite", 1, 4095, '/'},
	{"'X-C'", "'#'", "l7[1].routes[0].set_response_headers[0].name", 1, 255, 'a'},
	{"'value': 'd'", "'value': '#'", "l7[1].routes[0].set_response_headers[1].value", 0, 4095,
         'a'},
	{"'X-E'", "'#'", "l7[1].routes[0].remove_request_headers[0]", 1, 255, 'a'},
	{"'Server'", "'#'", "l7[1].routes[0].remove_response_headers[0]", 1, 255, 'a'},
	{"'https://$host/new$uri'", "'#'", "l7[1].routes[1].redirect.location", 1, 4095, 'a'},
	{"'<p>\\n\\thi'", "'#'", "l7[1].routes[2].answer.body", 0, 65535, 'a'},
	{"'text/html'", "'#'", "l7[1].routes[2].answer.content_type", 1, 255, 'a'},
	{"'X-User'", "'#'", "pools[5].hash.name", 1, 255, 'a'},
	{"'ca.pem'", "'#'", "pools[5].tls.ca", 1, 4095, 'a'},
};

static void expect_length(size_t i, size_t n)
{
	bool is_fine = n >= lengths[i].min && n <= lengths[i].max;
	char *text = malloc(n + 1), want[160] = "";

	cr_assert_not_null(text);
	memset(text, 'a', n);
	text[0] = lengths[i].first;
	text[n] = '\0';
	if (!is_fine)
		snprintf(want, sizeof(want), "%s: %zu bytes long, not %zu..%zu", lengths[i].place,
		         n, lengths[i].min, lengths[i].max);
	expect(lengths[i].from, lengths[i].to, text, want);
	free(text);
}

Test(conf_value, texts_end_where_the_reference_says)
{
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		expect_length(i, lengths[i].min);
		expect_length(i, lengths[i].max);
		expect_length(i, lengths[i].max + 1);
		if (lengths[i].min && lengths[i].first == 'a')
			expect_length(i, 0);
	}
}

// --- texts by what they hold ---

static const struct {
	const char *from, *to, *value, *want;
} texts[] = {
	{"'lb7d.sock'", "'#'", "a\\nb", "control_l7: holds a control character"},
	{"'access_log': '-'", "'access_log': '#'", "a\\u007f",
         "access_log: holds a control character"},
	{"'X-A'", "'#'", "x a",
         "l7[1].routes[0].headers[0].name: \"x a\" is not a token (letters, digits and "
         "!#$%&'*+-.^_`|~)"},
	{"'X-A'", "'#'", "a:b",
         "l7[1].routes[0].headers[0].name: \"a:b\" is not a token (letters, digits and "
         "!#$%&'*+-.^_`|~)"},
	{"'X-A'", "'#'", "\xc3\xbc",
         "l7[1].routes[0].headers[0].name: \"\?\?\" is not a token (letters, digits and "
         "!#$%&'*+-.^_`|~)"},
	{"'X-A'", "'#'", "!#$%&*+-.^_`|~09azAZ", ""}, // RFC 9110 section 5.6.2, all but "'"
	{"'a b'", "'#'", "a\\tb", "l7[1].routes[0].headers[0].value: holds a control character"},
	{"'a b'", "'#'", "a\\r\\nb", "l7[1].routes[0].headers[0].value: holds a control character"},
	{"'a b'", "'#'", "\xc3\xbc", ""},
	{"'GET'", "'#'", "GET /",
         "l7[1].routes[0].method: \"GET /\" is not a token (letters, digits and "
         "!#$%&'*+-.^_`|~)"},
	{"'/v2'", "'#'", "v2", "l7[1].routes[0].rewrite: \"v2\" does not begin with \"/\""},
	{"'X-E'", "'#'", "X E",
         "l7[1].routes[0].remove_request_headers[0]: \"X E\" is not a token (letters, digits "
         "and !#$%&'*+-.^_`|~)"},
	{"'X-E'", "#", "1",
         "l7[1].routes[0].remove_request_headers[0]: a whole number where a string is expected"},
	{"'<p>\\n\\thi'", "'#'", "a\\r\\nb",
         "l7[1].routes[2].answer.body: holds a control character"},
	{"'<p>\\n\\thi'", "'#'", "\\\"\\\\\\n\\t\xc3\xbc", ""},
	{"'a.example'", "'#'", "*.example",
         "pools[4].health.host: \"*.example\" is not a host name"},
	{"'b.example'", "'#'", "b.example:443",
         "pools[4].health.server_name: \"b.example:443\" is not a host name"},
	{"'c.example'", "'#'", "", "pools[5].tls.server_name: \"\" is not a host name"},
	{"'::1'", "'#'", "localhost",
         "admin.address: \"localhost\" is not an IPv4 or IPv6 address "
         "(names are not looked up)"},
	{"'1.3'", "'#'", "1.1", "l7[1].tls_min: \"1.1\" is not one of \"1.2\" \"1.3\""},
	{"'measure': 'tokens', 'models': ['gpt-4o', 'm 2']", "'measure': '#'", "all",
         "l7[1].streams.measure: \"all\" is not one of \"events\" \"tokens\" \"off\""},
	{"'append'", "'#'", "keep",
         "l7[1].forwarded: \"keep\" is not one of \"replace\" \"append\""},
	{"'exact'", "'#'", "regex",
         "l7[1].routes[0].match: \"regex\" is not one of \"prefix\" \"exact\""},
	{"'by': 'header'", "'by': '#'", "path",
         "pools[5].hash.by: \"path\" is not one of \"source\" \"header\" \"cookie\""},
	{"'when_unhealthy': 'none'", "'when_unhealthy': '#'", "some",
         "pools[4].when_unhealthy: \"some\" is not one of \"all\" \"none\""},
	{"'proxy_protocol': true, 'forwarded'", "'proxy_protocol': #, 'forwarded'", "1",
         "l7[1].proxy_protocol: a whole number where true or false is expected"},
	{"'tls': {'ca'", "'tls': {'verify': '#', 'ca'", "yes",
         "pools[5].tls.verify: a string where true or false is expected"},
};

Test(conf_value, texts_hold_what_the_reference_says)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		expect(texts[i].from, texts[i].to, texts[i].value, texts[i].want);
}

// --- statuses ---

Test(conf_value, a_status_is_three_digits_or_two_times_three)
{
	static const char *const good[] = {"100", "599", "100-599", "200-200", "404"};
	static const char *const bad[] = {
		"",
		"20",
		"2000",
		"099",
		"600",
		"200-",
		"-299",
		"200-199",
		"200-600",
		"200 -299",
		"200-29x",
		"200-2999",
		"2xx",
		" 200",
		"200 ",
		"+20",
		"200,204",
		"200-299-",
		"\xc2\xb2\x30\x30",
	};
	char want[160];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		expect("'404']", "'#']", good[i], "");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(
			want, sizeof(want),
			"pools[4].health.status[1]: \"%s\" is not an HTTP status like \"200\" or a "
			"range like \"200-299\"",
			bad[i][0] == '\xc2' ? "\?\?00" : bad[i]);
		expect("'404']", "'#']", bad[i], want);
	}
}

// --- lists by their length ---

static const struct {
	const char *from, *key, *item, *place;
	size_t min;
} lists[] = {
	{"'headers': [{'name': 'X-A', 'value': 'a b'}, {'name': 'X-B'}]", "headers",
         "{'name': 'n%zu'}", "l7[1].routes[0].headers", 0},
	{"'cookies': [{'name': 'user', 'value': 'me'}]", "cookies", "{'name': 'n%zu'}",
         "l7[1].routes[0].cookies", 0},
	{"'query': [{'name': 'q', 'value': ''}]", "query", "{'name': 'n%zu'}",
         "l7[1].routes[0].query", 0},
	{"'set_request_headers': [{'name': 'Host', 'value': 'rest'}]", "set_request_headers",
         "{'name': 'n%zu', 'value': ''}", "l7[1].routes[0].set_request_headers", 0},
	{"'set_response_headers': [{'name': 'X-C', 'value': ''}, {'name': 'X-D', 'value': 'd'}]",
         "set_response_headers", "{'name': 'n%zu', 'value': ''}",
         "l7[1].routes[0].set_response_headers", 0},
	{"'remove_request_headers': ['X-E', 'X-F']", "remove_request_headers", "'n%zu'",
         "l7[1].routes[0].remove_request_headers", 0},
	{"'remove_response_headers': ['Server']", "remove_response_headers", "'n%zu'",
         "l7[1].routes[0].remove_response_headers", 0},
	{"'status': ['200-299', '404']", "status", "'200-299'", "pools[4].health.status", 1},
};

static char *list_of(size_t i, size_t n)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	cr_assert_not_null(f);
	fprintf(f, "'%s': [", lists[i].key);
	for (size_t k = 0; k < n; k++) {
		const char *at = strstr(lists[i].item, "%zu");

		fputs(k ? ", " : "", f);
		if (at)
			fprintf(f, "%.*s%zu%s", (int)(at - lists[i].item), lists[i].item, k,
			        at + 3);
		else
			fputs(lists[i].item, f);
	}
	fputs("]", f);
	fclose(f);
	return text;
}

static void expect_list(size_t i, size_t n)
{
	bool is_fine = n >= lists[i].min && n <= CONF_MAX_RULES;
	char *text = list_of(i, n), want[160] = "";

	if (!is_fine)
		snprintf(want, sizeof(want), "%s: %zu elements, not %zu..%d", lists[i].place, n,
		         lists[i].min, CONF_MAX_RULES);
	cr_expect_str_eq(confcase_error(lists[i].from, text), want);
	free(text);
}

Test(conf_value, lists_end_where_the_reference_says)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		expect_list(i, 0);
		expect_list(i, 1);
		expect_list(i, CONF_MAX_RULES);
		expect_list(i, CONF_MAX_RULES + 1);
	}
}

// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <stdio.h>

#include "l7/token_pattern.h"
#include "tests/support/guard.h"

static struct slice slice_z(const char *text)
{
	return slice_of(text, strlen(text));
}

// What is read of an event, and what it is kept as.
struct kept {
	struct token_pattern *pattern;
	struct token token;
	size_t n;
};

static void keep(void *owner, const struct event *e)
{
	struct kept *k = owner;

	token_read(&k->token, e);
	k->pattern = token_pattern_learn(k->pattern, e, &k->token);
	k->n++;
}

static struct kept kept_of(const char *raw)
{
	struct buf_pool bufs = {.budget = SIZE_MAX};
	struct event_stream s = {.bufs = &bufs, .limit = EVENT_STREAM_LIMIT};
	struct kept k = {.n = 0};

	event_stream_take(&s, slice_z(raw), keep, &k);
	event_stream_fini(&s);
	buf_fini(&bufs);
	return k;
}

#define CHAT(id, text, more)                                                                 \
	"data: {\"id\":\"" id "\",\"created\":17,\"model\":\"m\",\"choices\":[{\"index\":0," \
	"\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}]" more "}\n\n"
#define RESPONSES(number, text, pad)                                                         \
	"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\"," \
	"\"sequence_number\":" number ",\"delta\":\"" text "\",\"obfuscation\":\"" pad "\"}\n\n"
#define TOOL(text)                                                                                 \
	"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\"" \
	":\"" text "\"}}]}}]}\n\n"

static const struct {
	const char *name, *first, *next;
	bool is_known;
} pairs[] = {
	{"the same again", CHAT("x", "a", ""), CHAT("x", "a", ""), true},
	{"another word", CHAT("x", "a", ""), CHAT("x", " balancer", ""), true},
	{"a shorter word", CHAT("x", " balancer", ""), CHAT("x", "a", ""), true},
	{"a word that goes on", CHAT("x", "a", ""), CHAT("x", "ab", ""), true},
	{"escapes", CHAT("x", "a", ""), CHAT("x", "\\n\\\"}]\\\\", ""), true},
	{"another id", CHAT("x1", "a", ""), CHAT("y21", "b", ""), true},
	{"an empty id", CHAT("x1", "a", ""), CHAT("", "b", ""), true},
	{"numbers", RESPONSES("9", "a", "Pq"), RESPONSES("10", " b", ""), true},
	{"arguments of a tool", TOOL("{"), TOOL("\\\"city\\\""), true},
	{"another member", CHAT("x", "a", ""), CHAT("x", "a", ",\"usage\":null"), false},
	{"one less", CHAT("x", "a", ",\"usage\":null"), CHAT("x", "a", ""), false},
	{"no word", CHAT("x", "a", ""), CHAT("x", "", ""), false},
	{"a brace within", CHAT("x", "a", ""), CHAT("x", "a\",\"b\":\"", ""), false},
	{"an end of line within", CHAT("x", "a", ""), CHAT("x", "a\n\n", ""), false},
	{"one behind a backslash", CHAT("x", "a", ""), CHAT("x", "a\\\n\n", ""), false},
	{"a number that is none", RESPONSES("9", "a", ""), RESPONSES("null", "a", ""), false},
	{"an error", "data: {\"error\":\"\",\"choices\":[{\"text\":\"a\"}]}\n\n",
         "data: {\"error\":\"x\",\"choices\":[{\"text\":\"a\"}]}\n\n", false},
	{"another kind", RESPONSES("9", "a", ""),
         "event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\","
         "\"sequence_number\":9,\"delta\":\"a\",\"obfuscation\":\"\"}\n\n",
         false},
	{"the end", CHAT("x", "a", ""),
         "data: {\"id\":\"x\",\"created\":17,\"model\":\"m\",\"choices\":[{\"index\":0,"
         "\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
         false},
	{"another model", CHAT("x", "a", ""),
         "data: {\"id\":\"x\",\"created\":17,\"model\":\"n\",\"choices\":[{\"index\":0,"
         "\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n",
         false},
	{"a comment", CHAT("x", "a", ""), ": keepalive\n\n", false},
};

Test(token_pattern, knows_what_differs_in_values_that_change_nothing)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct kept k = kept_of(pairs[i].first);
		char two[2048];
		size_t n;

		cr_assert(k.pattern, "%s", pairs[i].name);
		// What lies behind makes no difference.
		snprintf(two, sizeof(two), "%s%s", pairs[i].next, pairs[i].first);
		n = token_pattern_match(k.pattern, slice_z(two));
		cr_expect_eq(n, pairs[i].is_known ? strlen(pairs[i].next) : 0, "%s: %zu",
		             pairs[i].name, n);
		token_pattern_free(k.pattern);
	}
}

Test(token_pattern, says_what_reading_says)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct kept k = kept_of(pairs[i].first), next = kept_of(pairs[i].next);
		const struct token *t = token_pattern_token(k.pattern);

		if (pairs[i].is_known) {
			cr_expect_eq(t->is_content, next.token.is_content, "%s", pairs[i].name);
			cr_expect_eq(t->is_end, next.token.is_end, "%s", pairs[i].name);
			cr_expect_eq(t->is_error, next.token.is_error, "%s", pairs[i].name);
			cr_expect_eq(t->model.len, 0);
		}
		token_pattern_free(next.pattern);
		token_pattern_free(k.pattern);
	}
}

Test(token_pattern, what_has_not_come_whole_is_not_known)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct kept k = kept_of(pairs[i].first);

		for (size_t len = 0; len < strlen(pairs[i].next); len++) {
			uint8_t *bytes = guard_alloc(len);

			memcpy(bytes, pairs[i].next, len);
			cr_expect_eq(token_pattern_match(k.pattern, slice_of(bytes, len)), 0,
			             "%s at %zu", pairs[i].name, len);
			guard_free(bytes, len);
		}
		token_pattern_free(k.pattern);
	}
}

static const char *const not_kept[] = {
	"data: [DONE]\n\n",
	"data: hello\n\n",
	"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n",
	"data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n",
	"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"completion_tokens\":2}}\n\n",
	"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"error\":\"boom\"}\n\n",
	"data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"x\"}}]}\n\n",
	"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r\r",
};

Test(token_pattern, only_content_that_says_nothing_else_is_kept)
{
	for (size_t i = 0; i < ARRAY_LEN(not_kept); i++) {
		struct kept k = kept_of(not_kept[i]);

		cr_expect_eq(k.n, 1, "%s", not_kept[i]);
		cr_expect_null(k.pattern, "%s", not_kept[i]);
		token_pattern_free(k.pattern);
	}
}

Test(token_pattern, an_event_that_is_long_is_not_kept)
{
	static char text[TOKEN_PATTERN_MOST + 64];
	struct kept k;

	snprintf(text, sizeof(text), "data: {\"choices\":[{\"text\":\"%0*d\"}]}\n\n",
	         TOKEN_PATTERN_MOST, 1);
	k = kept_of(text);
	cr_expect(k.token.is_content);
	cr_expect_null(k.pattern);
}

// Keeps `n` events of which no two are alike; true if the last one was kept.
static bool is_last_kept(size_t n)
{
	struct token_pattern *p = NULL;
	char raw[256] = "";
	bool is_kept;

	for (size_t i = 0; i < n; i++) {
		int len = snprintf(raw, sizeof(raw),
		                   "data: {\"k%zu\":0,\"choices\":[{\"text\":\"x\"}]}\n\n", i);
		struct event e = {.raw = slice_z(raw), .data = slice_of(raw + 6, (size_t)len - 8)};
		struct token t;

		token_read(&t, &e);
		p = token_pattern_learn(p, &e, &t);
	}
	is_kept = token_pattern_match(p, slice_z(raw)) == strlen(raw);
	token_pattern_free(p);
	return is_kept;
}

Test(token_pattern, what_is_kept_in_vain_is_kept_less_and_less)
{
	size_t n_kept = 0;

	cr_expect(is_last_kept(1) && is_last_kept(2) && is_last_kept(5));
	for (size_t n = 100; n < 300; n++)
		n_kept += is_last_kept(n);
	cr_expect_eq(n_kept, 2, "%zu", n_kept); // at 128 and 256
}

// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as an event stream: what is told by the event that was kept is what reading each event tells, whole and cut in two.
#include <stdlib.h>

#include "l7/token_pattern.h"

enum { SAID_MOST = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What the events of a stream said, one behind the other.
struct said {
	struct token_pattern *pattern;
	bool is_kept; // else each is read
	size_t n;
	struct token tokens[SAID_MOST];
};

static struct said fast, slow;

static void expect(bool holds)
{
	if (!holds)
		abort();
}

// The model is what the first event says that says one, as in l7/meter.c.
static void note(struct said *s, const struct token *t)
{
	if (s->n == SAID_MOST)
		return;
	s->tokens[s->n] = *t;
	s->tokens[s->n].model = slice_of(NULL, 0);
	s->n++;
}

static void see(void *owner, const struct event *e)
{
	struct said *s = owner;
	struct token t = {.is_malformed = true};

	if (!e->is_oversize)
		token_read(&t, e);
	note(s, &t);
	if (s->is_kept && !e->is_oversize)
		s->pattern = token_pattern_learn(s->pattern, e, &t);
}

static size_t see_known(void *owner, struct slice bytes)
{
	struct said *s = owner;
	uint8_t *copy = malloc(bytes.len); // beyond it the sanitizer sees
	size_t n = 0;

	if (copy && s->pattern) {
		memcpy(copy, bytes.ptr, bytes.len);
		n = token_pattern_match(s->pattern, slice_of(copy, bytes.len));
	}
	free(copy);
	expect(n <= bytes.len);
	if (n)
		note(s, token_pattern_token(s->pattern));
	return n;
}

static struct event_stream run(struct said *s, const uint8_t *data, size_t size, size_t cut)
{
	struct buf_pool bufs = {.budget = SIZE_MAX};
	struct event_stream events = {
		.bufs = &bufs, .limit = 512, .known = s->is_kept ? see_known : NULL};

	s->n = 0;
	event_stream_take(&events, slice_of(data, cut), see, s);
	event_stream_take(&events, slice_of(data + cut, size - cut), see, s);
	event_stream_fini(&events);
	buf_fini(&bufs);
	token_pattern_free(s->pattern);
	s->pattern = NULL;
	return events;
}

static void compare(const uint8_t *data, size_t size, size_t cut)
{
	struct event_stream a, b;

	fast.is_kept = true;
	a = run(&fast, data, size, cut);
	b = run(&slow, data, size, cut);
	expect(fast.n == slow.n && a.n_events == b.n_events);
	expect(a.line == b.line && a.in_event == b.in_event && a.has_data == b.has_data &&
	       a.after_cr == b.after_cr && a.is_oversize == b.is_oversize);
	for (size_t i = 0; i < fast.n; i++) {
		const struct token *t = &fast.tokens[i], *u = &slow.tokens[i];

		expect(t->is_content == u->is_content && t->is_reasoning == u->is_reasoning &&
		       t->is_end == u->is_end && t->is_error == u->is_error &&
		       t->is_malformed == u->is_malformed && t->tokens_in == u->tokens_in &&
		       t->tokens_out == u->tokens_out && t->has_tokens_in == u->has_tokens_in &&
		       t->has_tokens_out == u->has_tokens_out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	compare(data, size, size);
	for (size_t cut = 1; cut < size && cut < 512; cut += 37)
		compare(data, size, cut);
	return 0;
}

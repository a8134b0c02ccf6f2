// SPDX-License-Identifier: BSD-3-Clause
// What an event of a language model's stream costs in lb7d, in nanoseconds, besides passing it on: the chunk of some 250 bytes that
// OpenAI's chat API sends for each token, in reads of one and of 200 events.
//   bench event_framing    its end is found: what a heartbeat needs, done for every stream
//   bench event_metered    and it is measured: two readings of the clock a read, histograms; beside framing alone
//   bench event_tokens     and what it says is known: it is like the one before but for its word; beside framing alone
//   bench event_parsed     likewise, where no event is like the one before: each is read
//   bench event_read       token_read() alone, beside jansson's json_loadb() of the same text
// The clock is read as in l7/stream_meter.c, and events are known as there.
#include "l4/base/clock.h"
#include "l4/model/conf.h"
#include "l7/meter.h"
#include "l7/token_pattern.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

enum { TURNS = 41, EVENTS = 20000 };

static const char *models[] = {"gpt-4o", "gpt-4o-mini", "claude-sonnet-4"};
static struct conf_l7_streams conf = {.stalled_ms = 10000, .models = models, .n_models = 3};
static struct l7_service_counters counters;
static struct l7_service_histograms times;

enum { KINDS = 200 }; // of events, one behind the other

static char text[KINDS * 512];
static struct slice events[KINDS];
static size_t text_len, n_each; // events of a read

static void prepare(void)
{
	static const char *const words[] = {" Hello", " a", ".",    " balancer", " of",   "ing",
	                                    " the",   ",",  " and", " it",       "\\n\\n"};

	for (size_t i = 0; i < KINDS; i++) {
		int n = snprintf(
			text + text_len, sizeof(text) - text_len,
			"data: {\"id\":\"chatcmpl-9lvd3zXyzAbCdEfGhIjKlMnOpQrSt\",\"object\":\"chat.completion.chunk\","
			"\"created\":1721075651,\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_8b761cb050\","
			"\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null,"
			"\"finish_reason\":null}]}\n\n",
			words[i % ARRAY_LEN(words)]);

		events[i] = slice_of(text + text_len, (size_t)n);
		text_len += (size_t)n;
	}
}

// The i-th read.
static struct slice read_of(size_t i)
{
	return n_each == 1 ? events[i % KINDS] : slice_of(text, text_len);
}

enum mode { MODE_EVENTS, MODE_TOKENS, MODE_PARSED };

struct sink {
	struct meter *m;
	struct token_pattern *pattern;
	uint64_t read_ns;
	enum mode mode;
};

static void see(void *owner, const struct event *e)
{
	struct sink *s = owner;
	struct token t;

	if (s->mode == MODE_EVENTS) {
		meter_event(s->m, NULL, s->read_ns);
		return;
	}
	token_read(&t, e);
	meter_event(s->m, &t, s->read_ns);
	if (s->mode == MODE_TOKENS)
		s->pattern = token_pattern_learn(s->pattern, e, &t);
}

static size_t see_known(void *owner, struct slice bytes)
{
	struct sink *s = owner;
	size_t n = s->pattern ? token_pattern_match(s->pattern, bytes) : 0;

	if (n)
		meter_event(s->m, token_pattern_token(s->pattern), s->read_ns);
	return n;
}

static double turn_framing(void)
{
	struct event_stream s = {.line = 0};
	uint64_t start = clock_now_ns();

	for (size_t i = 0; i < EVENTS / n_each; i++)
		event_stream_take(&s, read_of(i), NULL, NULL);
	if (s.n_events != EVENTS)
		abort();
	return (double)(clock_now_ns() - start) / EVENTS;
}

static double turn_metered(enum mode mode)
{
	struct meter m = {.in = {.counters = &counters,
	                         .times = &times,
	                         .conf = &conf,
	                         .is_ok = true,
	                         .asked_ns = 1}};
	bool is_read = mode != MODE_EVENTS;
	struct buf_pool bufs = {.budget = SIZE_MAX};
	struct event_stream s = {.bufs = is_read ? &bufs : NULL,
	                         .known = is_read ? see_known : NULL,
	                         .limit = 65536};
	uint64_t start = clock_now_ns();
	struct sink sink = {.m = &m, .mode = mode};

	conf.measure = is_read ? MEASURE_TOKENS : MEASURE_EVENTS;
	meter_begin(&m);
	for (size_t i = 0; i < EVENTS / n_each; i++) {
		sink.read_ns = clock_now_ns();
		event_stream_take(&s, read_of(i), see, &sink);
		meter_delivered(&m, 0, clock_now_ns());
	}
	meter_end(&m, METER_END_COMPLETED);
	token_pattern_free(sink.pattern);
	if (m.n_events != EVENTS || (is_read && m.n_contents != EVENTS))
		abort();
	return (double)(clock_now_ns() - start) / EVENTS;
}

static double turn_events(void)
{
	return turn_metered(MODE_EVENTS);
}

static double turn_tokens(void)
{
	return turn_metered(MODE_TOKENS);
}

static double turn_parsed(void)
{
	return turn_metered(MODE_PARSED);
}

// Without "data: " and the line ends.
static struct slice data_of(size_t i)
{
	return slice_of(events[i % KINDS].ptr + 6, events[i % KINDS].len - 8);
}

static double turn_read(void)
{
	uint64_t start = clock_now_ns(), n = 0;

	for (size_t i = 0; i < EVENTS; i++) {
		struct event e = {.data = data_of(i)};
		struct token t;

		token_read(&t, &e);
		n += t.is_content;
	}
	if (n != EVENTS)
		abort();
	return (double)(clock_now_ns() - start) / EVENTS;
}

static double turn_jansson(void)
{
	uint64_t start = clock_now_ns();

	for (size_t i = 0; i < EVENTS; i++) {
		struct slice data = data_of(i);
		json_t *json = json_loadb((const char *)data.ptr, data.len, 0, NULL);

		if (!json)
			abort();
		json_decref(json);
	}
	return (double)(clock_now_ns() - start) / EVENTS;
}

static void compare(const char *name, double (*ours)(void), double (*theirs)(void))
{
	double best = 1e18, yardstick = 1e18;

	for (unsigned int i = 0; i < TURNS; i++) {
		double a = ours(), b = theirs();

		best = a < best ? a : best;
		yardstick = b < yardstick ? b : yardstick;
	}
	printf("bench %s ours=%.1f yardstick=%.1f ratio=%.2f\n", name, best, yardstick,
	       best / yardstick);
}

int main(void)
{
	static const size_t reads[] = {1, KINDS};

	prepare();
	for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
		char name[32];

		n_each = reads[i];
		snprintf(name, sizeof(name), "event_metered_%zu", n_each);
		compare(name, turn_events, turn_framing);
		snprintf(name, sizeof(name), "event_tokens_%zu", n_each);
		compare(name, turn_tokens, turn_framing);
		snprintf(name, sizeof(name), "event_parsed_%zu", n_each);
		compare(name, turn_parsed, turn_framing);
	}
	compare("event_read", turn_read, turn_jansson);
	return 0;
}

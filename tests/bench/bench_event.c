// SPDX-License-Identifier: BSD-3-Clause
// What an event of a language model's stream costs in lb7d, in nanoseconds, besides passing it on: the chunk of some 250 bytes that
// OpenAI's chat API sends for each token, in reads of one and of 200 events.
//   bench event_framing    its end is found: what a heartbeat needs, done for every stream
//   bench event_metered    and it is measured: two readings of the clock a read, histograms; beside framing alone
//   bench event_tokens     and it is read: content, usage, model; beside framing alone
//   bench event_read       token_read() alone, beside jansson's json_loadb() of the same text
// The clock is read as in l7/stream_meter.c.
#include "l4/base/clock.h"
#include "l4/model/conf.h"
#include "l7/meter.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

enum { TURNS = 41, EVENTS = 20000 };

static const char *models[] = {"gpt-4o", "gpt-4o-mini", "claude-sonnet-4"};
static struct conf_l7_streams conf = {.stalled_ms = 10000, .models = models, .n_models = 3};
static struct l7_service_counters counters;
static struct l7_service_histograms times;

static char text[200 * 512];
static size_t event_len, n_each; // bytes of one; events of a read

static void prepare(void)
{
	static const char event[] =
		"data: {\"id\":\"chatcmpl-9lvd3zXyzAbCdEfGhIjKlMnOpQrSt\",\"object\":\"chat.completion.chunk\","
		"\"created\":1721075651,\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_8b761cb050\","
		"\"choices\":[{\"index\":0,\"delta\":{\"content\":\" Hello\"},\"logprobs\":null,"
		"\"finish_reason\":null}]}\n\n";

	event_len = sizeof(event) - 1;
	for (size_t i = 0; i < 200; i++)
		memcpy(text + i * event_len, event, event_len);
}

struct sink {
	struct meter *m;
	uint64_t read_ns;
	bool is_read;
};

static void see(void *owner, const struct event *e)
{
	struct sink *s = owner;
	struct token t;

	if (s->is_read)
		token_read(&t, e);
	meter_event(s->m, s->is_read ? &t : NULL, s->read_ns);
}

static double turn_framing(void)
{
	struct event_stream s = {.line = 0};
	uint64_t start = clock_now_ns();

	for (size_t i = 0; i < EVENTS / n_each; i++)
		event_stream_take(&s, slice_of(text, n_each * event_len), NULL, NULL);
	if (s.n_events != EVENTS)
		abort();
	return (double)(clock_now_ns() - start) / EVENTS;
}

static double turn_metered(bool is_read)
{
	const struct meter_input in = {.counters = &counters,
	                               .times = &times,
	                               .conf = &conf,
	                               .is_ok = true,
	                               .asked_ns = 1};
	struct buf_pool bufs = {.budget = SIZE_MAX};
	struct event_stream s = {.bufs = is_read ? &bufs : NULL, .limit = 65536};
	uint64_t start = clock_now_ns();
	struct meter m;
	struct sink sink = {.m = &m, .is_read = is_read};

	conf.measure = is_read ? MEASURE_TOKENS : MEASURE_EVENTS;
	meter_begin(&m, &in);
	for (size_t i = 0; i < EVENTS / n_each; i++) {
		sink.read_ns = clock_now_ns();
		event_stream_take(&s, slice_of(text, n_each * event_len), see, &sink);
		meter_delivered(&m, clock_now_ns());
	}
	meter_end(&m, METER_END_COMPLETED);
	if (m.n_events != EVENTS || (is_read && m.n_contents != EVENTS))
		abort();
	return (double)(clock_now_ns() - start) / EVENTS;
}

static double turn_events(void)
{
	return turn_metered(false);
}

static double turn_tokens(void)
{
	return turn_metered(true);
}

static const struct event one = {.data = {(const uint8_t *)text + 6, 0}};

static double turn_read(void)
{
	struct event e = one;
	uint64_t start = clock_now_ns(), n = 0;
	struct token t;

	e.data.len = event_len - 8;
	for (size_t i = 0; i < EVENTS; i++) {
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
		json_t *json = json_loadb(text + 6, event_len - 8, 0, NULL);

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
	static const size_t reads[] = {1, 200};

	prepare();
	for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
		char name[32];

		n_each = reads[i];
		snprintf(name, sizeof(name), "event_metered_%zu", n_each);
		compare(name, turn_events, turn_framing);
		snprintf(name, sizeof(name), "event_tokens_%zu", n_each);
		compare(name, turn_tokens, turn_framing);
	}
	compare("event_read", turn_read, turn_jansson);
	return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as an event stream: whole, byte by byte and cut in two at each place give one state and the events that a naive reader
// sees. With a limit of some bytes events are as many, and the short ones are the same.
#include <stdlib.h>

#include "l7/event_stream.h"
#include "tests/support/eventcheck.h"

enum { SMALL = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void see(void *owner, const struct event *e)
{
	eventcheck_add(owner, e->name, e->data);
}

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void expect_same(const struct event_stream *a, const struct event_stream *b)
{
	expect(a->line == b->line && a->after_cr == b->after_cr && a->in_event == b->in_event &&
	       a->has_data == b->has_data && a->n_events == b->n_events && a->n_mark == b->n_mark);
}

// In pieces of `step` bytes behind a first one of `first`.
static struct event_stream take(const uint8_t *data, size_t size, size_t first, size_t step,
                                struct eventcheck *seen)
{
	struct buf_pool bufs = {.budget = SIZE_MAX};
	struct event_stream s = {.bufs = &bufs, .limit = EVENT_STREAM_LIMIT};
	size_t n = first;

	for (size_t at = 0; at < size; at += n, n = step) {
		n = n < size - at ? n : size - at;
		event_stream_take(&s, slice_of(data + at, n), see, seen);
	}
	event_stream_fini(&s);
	expect(bufs.used_size == 0);
	buf_fini(&bufs);
	return s;
}

static void expect_events(const uint8_t *data, size_t size, size_t first, size_t step,
                          const struct eventcheck *want, const struct event_stream *whole)
{
	struct eventcheck seen = {.n = 0};
	struct event_stream s = take(data, size, first, step, &seen);

	expect(eventcheck_eq(&seen, want));
	expect_same(&s, whole);
	eventcheck_fini(&seen);
}

struct short_ones {
	const struct eventcheck *want;
	size_t n, at;
};

// Each event is either too long or the next one that is wanted.
static void see_short(void *owner, const struct event *e)
{
	struct short_ones *s = owner;
	const uint8_t *start = s->want->text + s->at;
	struct eventcheck one = {.n = 0};

	s->at += (size_t)e->data.len + e->name.len + 2;
	if (!e->is_oversize) {
		eventcheck_add(&one, e->name, e->data);
		expect(s->at <= s->want->len && memcmp(start, one.text, one.len) == 0);
		eventcheck_fini(&one);
	}
	s->n++;
	// Behind one that was too long the place of the next is not known: data may hold anything.
	if (e->is_oversize)
		s->at = s->want->len;
}

static void try_limit(const uint8_t *data, size_t size, const struct eventcheck *want)
{
	struct buf_pool bufs = {.budget = SIZE_MAX};
	struct event_stream s = {.bufs = &bufs, .limit = SMALL};
	struct short_ones seen = {.want = want};

	for (size_t i = 0; i < size && seen.at < want->len; i++) {
		event_stream_take(&s, slice_of(data + i, 1), see_short, &seen);
		expect(bufs.used_size <= 2 * sizeof(struct buf) + BUF_SMALL_SIZE);
	}
	event_stream_fini(&s);
	buf_fini(&bufs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eventcheck want = {.n = 0}, seen = {.n = 0};
	struct event_stream whole, framing = {.line = 0};

	eventcheck_read(&want, slice_of(data, size), EVENT_NAME_MAX);
	whole = take(data, size, size, size, &seen);
	expect(eventcheck_eq(&seen, &want));
	eventcheck_fini(&seen);
	expect_events(data, size, 1, 1, &want, &whole);
	for (size_t i = 1; i < size && i < 128; i++)
		expect_events(data, size, i, size, &want, &whole);
	event_stream_take(&framing, slice_of(data, size), NULL, NULL);
	expect_same(&framing, &whole);
	try_limit(data, size, &want);
	eventcheck_fini(&want);
	return 0;
}

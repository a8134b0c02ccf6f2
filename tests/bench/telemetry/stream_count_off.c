// SPDX-License-Identifier: BSD-3-Clause
// lb7d without its counters of streams: the same doors as l7/stream_count.c, and nothing behind them. For benchmarks alone
// (Makefile: lb7d_off), so that lb7d itself needs no switch. What stays is what is counted once a connection, and one plain
// increment for a request of HTTP/2.
#include "l7/stream_count.h"

void stream_count_begin(struct stream *s)
{
}

void stream_count_status(struct stream *s, uint16_t status)
{
}

void stream_count_interim(struct stream *s)
{
}

void stream_count_kind(struct stream *s)
{
}

void stream_count_end(struct stream *s, enum access_end end)
{
}

void stream_count_attempt(struct stream *s)
{
}

void stream_count_connected(struct stream *s)
{
}

void stream_count_answer(struct stream *s, uint16_t status)
{
}

void stream_count_failure(struct stream *s)
{
}

void stream_count_retry(struct stream *s)
{
}

void stream_count_leave(struct stream *s)
{
}

void stream_count_refused(struct worker *w, const struct stream_client *from, uint16_t status)
{
}

void stream_count_overload(struct worker *w, const struct stream_client *from)
{
}

enum access_end stream_count_end_of(uint16_t status)
{
	return ACCESS_REFUSED;
}

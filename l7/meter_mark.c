// SPDX-License-Identifier: BSD-3-Clause
#include "l7/meter_mark.h"

#include <stdlib.h>
#include <string.h>

// Each two neighbours become one: it ends where the later ends, and waits for as long as the earlier, so that it waits for the client
// if the earlier does.
static void halve(struct meter_marks *m)
{
	for (unsigned int i = 0; i < METER_MARKS; i += 2)
		if (meter_mark_is_held(m, &m->at[i]) && !meter_mark_is_held(m, &m->at[i + 1]))
			m->held_end = m->at[i + 1].end;
	for (unsigned int i = 0; i < METER_MARKS / 2; i++)
		m->at[i] = (struct meter_mark){
			.read_ns = m->at[2 * i].read_ns,
			.end = m->at[2 * i + 1].end,
			.n = m->at[2 * i].n + m->at[2 * i + 1].n,
		};
	m->n = METER_MARKS / 2;
	m->share = m->share ? 2 * m->share : 2;
}

static bool has_room(struct meter_marks *m)
{
	struct meter_mark *at;

	if (m->at != &m->one)
		return true;
	at = malloc(METER_MARKS * sizeof(*at));
	if (!at)
		return false;
	at[0] = m->one;
	m->at = at;
	return true;
}

bool meter_mark_add_more(struct meter_marks *m, uint32_t end, uint64_t read_ns)
{
	struct meter_mark *last;

	if (!has_room(m))
		return false;
	last = &m->at[m->n - 1];
	if (last->n < m->share && last->read_ns == read_ns) {
		if (meter_mark_is_held(m, last))
			m->held_end = end;
		last->end = end;
		last->n++;
		return true;
	}
	if (m->n == METER_MARKS)
		halve(m);
	m->at[m->n++] = (struct meter_mark){.read_ns = read_ns, .end = end, .n = 1};
	return true;
}

void meter_mark_hold(struct meter_marks *m)
{
	if (!m->n)
		return;
	m->is_held = true;
	m->held_end = m->at[m->n - 1].end;
}

void meter_mark_drop_some(struct meter_marks *m, uint8_t n)
{
	m->n -= n;
	if (m->n) {
		memmove(m->at, m->at + n, m->n * sizeof(m->at[0]));
		return;
	}
	free(m->at);
	*m = (struct meter_marks){.n = 0};
}

uint64_t meter_mark_events(const struct meter_marks *m)
{
	uint64_t n = 0;

	for (uint8_t i = 0; i < m->n; i++)
		n += m->at[i].n;
	return n;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/capture_ring.h"

#include <errno.h>
#include <string.h>

enum { PAD_SIZE = 2 * sizeof(uint32_t) };

uint32_t capture_ring_size(uint32_t n_lanes)
{
	uint32_t size = CAPTURE_RING_MAX;

	while (size > CAPTURE_RING_MIN && (uint64_t)size * n_lanes > CAPTURE_RINGS_SUM)
		size /= 2;
	return size;
}

size_t capture_ring_total(uint32_t n_lanes, uint32_t ring_size)
{
	return sizeof(struct capture_shared) +
	       n_lanes * (sizeof(struct capture_lane) + (size_t)ring_size);
}

struct capture_lane *capture_ring_lane(void *memory, uint32_t lane)
{
	return (void *)((uint8_t *)memory + sizeof(struct capture_shared) +
	                lane * sizeof(struct capture_lane));
}

uint8_t *capture_ring_bytes(void *memory, uint32_t n_lanes, uint32_t ring_size, uint32_t lane)
{
	return (uint8_t *)capture_ring_lane(memory, n_lanes) + (size_t)lane * ring_size;
}

// --- the lane ---

void capture_ring_writer(struct capture_writer *w, void *memory, uint32_t n_lanes, uint32_t index)
{
	const struct capture_shared *shared = memory;

	*w = (struct capture_writer){
		.lane = capture_ring_lane(memory, index),
		.bytes = capture_ring_bytes(memory, n_lanes, shared->ring_size, index),
		.size = shared->ring_size,
	};
}

// Bytes up to the end of the memory, where a record that does not fit begins again at the front.
static uint32_t to_end(uint64_t at, uint32_t size)
{
	return size - (uint32_t)(at & (size - 1));
}

void *capture_ring_reserve(struct capture_writer *w, uint32_t size)
{
	uint64_t used = w->head - __atomic_load_n(&w->lane->tail, __ATOMIC_ACQUIRE);
	uint32_t left = to_end(w->head, w->size), pad = left < size ? left : 0;
	uint32_t header[2] = {pad, CAPTURE_PAD};

	// A tail that cannot be counts as a full ring.
	if (used > w->size || (uint64_t)pad + size > w->size - used)
		return NULL;
	if (pad) {
		memcpy(w->bytes + (w->head & (w->size - 1)), header, sizeof(header));
		w->head += pad;
	}
	return w->bytes + (w->head & (w->size - 1));
}

void capture_ring_commit(struct capture_writer *w, uint32_t size)
{
	w->head += size;
	__atomic_store_n(&w->lane->head, w->head, __ATOMIC_RELEASE);
}

void capture_ring_count(struct capture_writer *w, uint8_t port, const struct capture_counts *count)
{
	struct capture_counts *out = &w->lane->count[port];

	__atomic_store_n(&out->seen, count->seen, __ATOMIC_RELAXED);
	__atomic_store_n(&out->filtered, count->filtered, __ATOMIC_RELAXED);
	__atomic_store_n(&out->limited, count->limited, __ATOMIC_RELAXED);
	__atomic_store_n(&out->lost, count->lost, __ATOMIC_RELAXED);
	__atomic_store_n(&out->kept, count->kept, __ATOMIC_RELAXED);
}

// --- the reader ---

void capture_ring_reader(struct capture_reader *r, void *memory, uint32_t index)
{
	const struct capture_shared *shared = memory;

	*r = (struct capture_reader){
		.lane = capture_ring_lane(memory, index),
		.bytes = capture_ring_bytes(memory, shared->n_lanes, shared->ring_size, index),
		.size = shared->ring_size,
	};
	r->tail = __atomic_load_n(&r->lane->tail, __ATOMIC_RELAXED);
}

static bool is_whole(const struct capture_record *record, uint64_t room)
{
	if (record->size < PAD_SIZE || record->size % 8 || record->size > room)
		return false;
	return record->kind == CAPTURE_PAD ||
	       (record->kind == CAPTURE_PACKET && record->size >= sizeof(*record) &&
	        record->size - sizeof(*record) >=
	                capture_ring_padded(record->captured) + record->sent_captured);
}

static void advance(struct capture_reader *r, uint32_t size)
{
	r->tail += size;
	__atomic_store_n(&r->lane->tail, r->tail, __ATOMIC_RELEASE);
}

int capture_ring_peek(struct capture_reader *r, const struct capture_record **out)
{
	uint64_t head = __atomic_load_n(&r->lane->head, __ATOMIC_ACQUIRE);

	*out = NULL;
	while (head != r->tail) {
		uint64_t there = head - r->tail;
		uint32_t left = to_end(r->tail, r->size);
		const struct capture_record *record =
			(const void *)(r->bytes + (r->tail & (r->size - 1)));

		if (there > r->size || there < PAD_SIZE ||
		    !is_whole(record, there < left ? there : left))
			return -EPROTO;
		if (record->kind == CAPTURE_PACKET) {
			*out = record;
			return 0;
		}
		advance(r, record->size);
	}
	return 0;
}

void capture_ring_next(struct capture_reader *r, const struct capture_record *record)
{
	advance(r, record->size);
}

void capture_ring_sum_port(const struct capture_reader *r, uint8_t port, struct capture_counts *sum)
{
	const struct capture_counts *c = &r->lane->count[port];

	sum->seen += __atomic_load_n(&c->seen, __ATOMIC_RELAXED);
	sum->filtered += __atomic_load_n(&c->filtered, __ATOMIC_RELAXED);
	sum->limited += __atomic_load_n(&c->limited, __ATOMIC_RELAXED);
	sum->lost += __atomic_load_n(&c->lost, __ATOMIC_RELAXED);
	sum->kept += __atomic_load_n(&c->kept, __ATOMIC_RELAXED);
}

void capture_ring_sum(const struct capture_reader *r, struct capture_counts *sum)
{
	for (unsigned port = 0; port < CONF_MAX_PORTS; port++)
		capture_ring_sum_port(r, (uint8_t)port, sum);
}

bool capture_ring_is_sound(const void *memory, size_t size)
{
	const struct capture_shared *s = memory;

	return size >= sizeof(*s) && s->magic == CAPTURE_MAGIC && s->n_lanes >= 1 &&
	       s->n_lanes <= CONF_MAX_LANES && s->ring_size >= CAPTURE_RING_MIN &&
	       s->ring_size <= CAPTURE_RING_MAX && !(s->ring_size & (s->ring_size - 1)) &&
	       size >= capture_ring_total(s->n_lanes, s->ring_size);
}

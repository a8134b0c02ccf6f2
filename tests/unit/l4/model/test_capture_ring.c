// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/capture_ring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct {
	void *memory;
	struct capture_shared *shared;
	struct capture_writer w;
	struct capture_reader r;
} t;

enum { N_LANES = 2, LANE = 1, RING = CAPTURE_RING_MIN, HEAD = sizeof(struct capture_record) };

static void setup(void)
{
	t.memory = calloc(1, capture_ring_total(N_LANES, RING));
	cr_assert_not_null(t.memory);
	t.shared = t.memory;
	*t.shared = (struct capture_shared){
		.magic = CAPTURE_MAGIC, .n_lanes = N_LANES, .ring_size = RING};
	capture_ring_writer(&t.w, t.memory, N_LANES, LANE);
	capture_ring_reader(&t.r, t.memory, LANE);
}

static void teardown(void)
{
	free(t.memory);
}

TestSuite(capture_ring, .init = setup, .fini = teardown);

// A record whose packet is `len` bytes of its number.
static bool write_one(uint64_t number, uint16_t len)
{
	uint32_t size = HEAD + (uint32_t)capture_ring_padded(len);
	struct capture_record *r = capture_ring_reserve(&t.w, size);

	if (!r)
		return false;
	*r = (struct capture_record){
		.size = size, .kind = CAPTURE_PACKET, .time_ns = number, .captured = len};
	memset(r->bytes, (int)(number & 0xff), len);
	capture_ring_commit(&t.w, size);
	return true;
}

static const struct capture_record *read_one(void)
{
	const struct capture_record *r;

	cr_assert_eq(capture_ring_peek(&t.r, &r), 0);
	return r;
}

static bool is_filled(const struct capture_record *r, uint16_t len)
{
	if (r->captured != len)
		return false;
	for (uint16_t i = 0; i < len; i++)
		if (r->bytes[i] != (uint8_t)r->time_ns)
			return false;
	return true;
}

Test(capture_ring, records_come_whole_and_in_order_round_and_round)
{
	uint64_t written = 0, n_read = 0;
	const struct capture_record *r;

	srand(47);
	while (n_read < 20000) {
		for (int k = rand() % 200;
		     k > 0 && write_one(written, (uint16_t)(written * 7 % 1515)); k--)
			written++;
		for (int k = rand() % 200; k > 0 && (r = read_one()); k--) {
			cr_assert_eq(r->time_ns, n_read);
			cr_assert(is_filled(r, (uint16_t)(n_read * 7 % 1515)), "record %zu",
			          (size_t)n_read);
			capture_ring_next(&t.r, r);
			n_read++;
		}
	}
}

Test(capture_ring, a_full_ring_takes_no_more_and_loses_nothing_that_it_took)
{
	uint64_t n = 0;
	const struct capture_record *r;

	while (write_one(n, 1000))
		n++;
	cr_expect_geq(n, RING / (HEAD + 1000) - 1);
	cr_expect_not(write_one(n, 1000));
	for (uint64_t i = 0; i < n; i++) {
		r = read_one();
		cr_assert(r && r->time_ns == i && is_filled(r, 1000));
		capture_ring_next(&t.r, r);
	}
	cr_expect_null(read_one());
	cr_expect(write_one(n, 1000));
}

Test(capture_ring, lanes_do_not_meet)
{
	struct capture_writer other;
	struct capture_reader reader;
	const struct capture_record *r;

	capture_ring_writer(&other, t.memory, N_LANES, 0);
	capture_ring_reader(&reader, t.memory, 0);
	while (write_one(1, 500))
		;
	cr_assert_eq(capture_ring_peek(&reader, &r), 0);
	cr_expect_null(r);
	cr_expect_eq(t.w.bytes - other.bytes, RING);
	cr_expect_eq(t.w.bytes + RING, (uint8_t *)t.memory + capture_ring_total(N_LANES, RING));
}

// What a hostile reader may set.
Test(capture_ring, a_tail_that_cannot_be_is_a_full_ring)
{
	static const uint64_t tails[] = {1, 8, RING, UINT64_MAX / 2, UINT64_C(1) << 63};

	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		t.w.lane->tail = tails[i];
		cr_expect_null(capture_ring_reserve(&t.w, HEAD), "%zu", i);
	}
}

static const struct {
	const char *name;
	uint32_t size, kind;
	uint16_t captured, sent;
	uint64_t head;
} damaged[] = {
	{"no size", 0, CAPTURE_PACKET, 0, 0, HEAD},
	{"size of nothing", 4, CAPTURE_PAD, 0, 0, HEAD},
	{"not aligned", HEAD + 1, CAPTURE_PACKET, 0, 0, 2 * HEAD},
	{"longer than what is there", HEAD + 8, CAPTURE_PACKET, 0, 0, HEAD},
	{"shorter than a record", HEAD - 8, CAPTURE_PACKET, 0, 0, HEAD},
	{"another kind", HEAD, 7, 0, 0, HEAD},
	{"packet longer than the record", HEAD + 8, CAPTURE_PACKET, 9, 0, HEAD + 8},
	{"sent longer than the record", HEAD + 16, CAPTURE_PACKET, 1, 9, HEAD + 16},
	{"more than the ring holds", HEAD, CAPTURE_PACKET, 0, 0, (uint64_t)RING + 8},
	{"pad beyond what is there", 16, CAPTURE_PAD, 0, 0, 8},
};

Test(capture_ring, what_is_no_record_is_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
		struct capture_record *r = (void *)t.w.bytes;
		const struct capture_record *out;

		*r = (struct capture_record){.size = damaged[i].size,
		                             .kind = damaged[i].kind,
		                             .captured = damaged[i].captured,
		                             .sent_captured = damaged[i].sent};
		t.w.lane->head = damaged[i].head;
		t.r.tail = 0;
		cr_expect_eq(capture_ring_peek(&t.r, &out), -EPROTO, "%s", damaged[i].name);
	}
}

Test(capture_ring, counts_of_lanes_add_up)
{
	struct capture_counts sum = {.seen = 1}, count = {10, 1, 2, 3, 4};

	capture_ring_count(&t.w, 2, &count);
	capture_ring_sum(&t.r, &sum);
	cr_expect(sum.seen == 11 && sum.filtered == 1 && sum.limited == 2 && sum.lost == 3 &&
	          sum.kept == 4);
}

Test(capture_ring, counts_of_ports_are_kept_apart)
{
	struct capture_counts last = {0}, first = {0}, all = {0}, count = {10, 1, 2, 3, 4};

	capture_ring_count(&t.w, 0, &count);
	count.lost = 7;
	capture_ring_count(&t.w, CONF_MAX_PORTS - 1, &count);
	capture_ring_sum_port(&t.r, 0, &first);
	capture_ring_sum_port(&t.r, CONF_MAX_PORTS - 1, &last);
	capture_ring_sum(&t.r, &all);
	cr_expect(first.lost == 3 && last.lost == 7 && all.lost == 10 && all.seen == 20);
}

Test(capture_ring, rings_share_a_bounded_memory)
{
	for (uint32_t n = 1; n <= CONF_MAX_LANES; n++) {
		uint32_t size = capture_ring_size(n);

		cr_expect(size >= CAPTURE_RING_MIN && size <= CAPTURE_RING_MAX);
		cr_expect_eq(size & (size - 1), 0);
		cr_expect((uint64_t)size * n <= CAPTURE_RINGS_SUM || size == CAPTURE_RING_MIN);
	}
}

Test(capture_ring, only_its_own_layout_is_sound)
{
	size_t size = capture_ring_total(N_LANES, RING);
	struct capture_shared good = *t.shared;

	cr_expect(capture_ring_is_sound(t.memory, size));
	cr_expect_not(capture_ring_is_sound(t.memory, size - 1));
	cr_expect_not(capture_ring_is_sound(t.memory, 8));
	t.shared->magic++;
	cr_expect_not(capture_ring_is_sound(t.memory, size));
	*t.shared = good;
	t.shared->n_lanes = CONF_MAX_LANES + 1;
	cr_expect_not(capture_ring_is_sound(t.memory, size));
	*t.shared = good;
	t.shared->ring_size -= 64;
	cr_expect_not(capture_ring_is_sound(t.memory, size));
}

enum { MANY = 200000 };

static void *write_many(void *unused)
{
	for (uint64_t n = 0; n < MANY;)
		n += write_one(n, (uint16_t)(n % 300));
	return NULL;
}

Test(capture_ring, a_writer_and_a_reader_run_at_the_same_time)
{
	pthread_t writer;

	cr_assert_eq(pthread_create(&writer, NULL, write_many, NULL), 0);
	for (uint64_t n = 0; n < MANY;) {
		const struct capture_record *r = read_one();

		if (!r)
			continue;
		cr_assert(r->time_ns == n && is_filled(r, (uint16_t)(n % 300)));
		capture_ring_next(&t.r, r);
		n++;
	}
	pthread_join(writer, NULL);
}

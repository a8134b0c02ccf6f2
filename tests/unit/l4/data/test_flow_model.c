// SPDX-License-Identifier: BSD-3-Clause
// The flow table beside a naive one, and read by another thread while it is written.
#include "l4/data/flow.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { SERVICE = 3, N_KEYS = 512, N_STEPS = 300000 };

static const uint16_t timeout_s[FLOW_STATE_COUNT] = {0, 30, 15, 60, 3600};
static const struct flow_clock zero = {0, timeout_s};

// ---- a naive table: an array of everything that was ever inserted ----

struct naive {
	bool used;
	uint16_t backend;
	uint16_t seen_s;
	uint8_t state;
};

static struct naive naive[N_KEYS];
static struct flow_table t;

static struct pkt_key key_of(uint32_t n)
{
	struct pkt_key key = {.family = t.family, .src = {n & 15}, .sport = be16_from(1)};

	key.src[t.family == ADDR_IP6 ? 3 : 0] |= n << 8;
	return key;
}

static uint32_t number_of(const struct flow *f)
{
	uint32_t addr[4];

	flow_client(&t, f, addr);
	return addr[t.family == ADDR_IP6 ? 3 : 0] >> 8;
}

static struct flow *find(uint32_t n)
{
	struct pkt_key k = key_of(n);

	return flow_find(&t, flow_hash(&t, k.src, k.sport, SERVICE), k.src, k.sport, SERVICE);
}

static bool same(const struct flow *f, const struct naive *n)
{
	return n->used ? f && f->backend == n->backend && f->seen_s == n->seen_s &&
	                         flow_state(f) == n->state
	               : !f;
}

static void forget_victim(const struct flow_victim *v, uint32_t number)
{
	if (v->f.service)
		naive[number].used = false;
}

static void insert(uint32_t n, uint16_t now_s)
{
	struct pkt_key k = key_of(n);
	uint64_t hash = flow_hash(&t, k.src, k.sport, SERVICE);
	uint32_t numbers[256]; // who stood where before
	struct flow_clock clock = {now_s, timeout_s};
	struct flow_victim v;
	struct flow *f;

	cr_assert_leq(flow_n_slots(&t), ARRAY_LEN(numbers));
	for (uint32_t i = 0; i < flow_n_slots(&t); i++)
		numbers[i] = number_of(flow_at(&t, i));
	f = flow_insert(&t, hash, &k, SERVICE, &clock, &v);
	if (!f)
		return;
	forget_victim(&v, numbers[v.slot]);
	naive[n] = (struct naive){true, (uint16_t)(rand() % 100 + 1), now_s,
	                          (uint8_t)(rand() % (FLOW_STATE_COUNT - 1) + 1)};
	f->backend = naive[n].backend;
	f->seen_s = now_s;
	flow_set_state(f, naive[n].state);
}

static void sweep(uint16_t now_s)
{
	uint32_t before = t.n_flows, n_swept = flow_sweep(&t, t.n_buckets, now_s, timeout_s);

	for (uint32_t n = 0; n < N_KEYS; n++)
		naive[n].used &= (uint16_t)(now_s - naive[n].seen_s) <= timeout_s[naive[n].state];
	cr_assert_eq(t.n_flows, before - n_swept);
}

static void step(uint16_t now_s)
{
	uint32_t n = (uint32_t)rand() % N_KEYS, n_used = 0;
	struct flow *f = find(n);

	cr_assert(same(f, &naive[n]));
	if (!f) {
		insert(n, now_s);
	} else if (rand() % 4 == 0) {
		flow_remove(&t, f);
		naive[n].used = false;
	} else {
		f->seen_s = naive[n].seen_s = now_s;
	}
	if (rand() % 1000)
		return;
	sweep(now_s);
	for (uint32_t i = 0; i < N_KEYS; i++) {
		cr_assert(same(find(i), &naive[i]));
		n_used += naive[i].used;
	}
	cr_assert_eq(t.n_flows, n_used);
}

// The clock wraps several times on the way.
Test(flow_model, agrees_with_a_naive_table_over_random_operations)
{
	srand(1);
	for (unsigned family = ADDR_IP4; family <= ADDR_IP6; family += 2) {
		memset(naive, 0, sizeof(naive));
		cr_assert_eq(flow_table_init(&t, (uint8_t)family, 140), 0);
		for (uint32_t i = 0; i < N_STEPS; i++)
			step((uint16_t)(i * 2));
		flow_table_fini(&t);
	}
}

// ---- flow_peek() beside a writer ----

static bool stop;

// Every entry says the same thing twice: backend n belongs to client n.
static void *write_flows(void *arg)
{
	uint64_t *n_written = arg;

	for (uint32_t n = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); n = (n + 1) % 60000) {
		struct pkt_key k = key_of(n);
		uint64_t hash = flow_hash(&t, k.src, k.sport, SERVICE);
		struct flow *f = find(n);
		struct flow_victim v;

		if (!f)
			f = flow_insert(&t, hash, &k, SERVICE, &zero, &v);
		if (!f)
			continue;
		__atomic_store_n(&f->backend, (uint16_t)(n + 1), __ATOMIC_RELAXED);
		flow_set_state(f, FLOW_CLOSING);
		++*n_written;
	}
	return NULL;
}

Test(flow_model, a_peeked_entry_is_whole_while_the_lane_writes)
{
	for (unsigned family = ADDR_IP4; family <= ADDR_IP6; family += 2) {
		uint64_t n_seen = 0, n_written = 0;
		pthread_t writer;

		stop = false;
		cr_assert_eq(flow_table_init(&t, (uint8_t)family, 16), 0);
		cr_assert_eq(pthread_create(&writer, NULL, write_flows, &n_written), 0);
		while (n_seen < 200000) {
			uint32_t slot = (uint32_t)rand() % flow_n_slots(&t), client;
			struct flow_copy copy;

			if (!flow_peek(&t, slot, &copy))
				continue;
			n_seen++;
			client = copy.addr[family == ADDR_IP6 ? 3 : 0] >> 8;
			cr_assert_eq(copy.f.backend, client + 1, "client %u has backend %u", client,
			             copy.f.backend);
		}
		__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
		pthread_join(writer, NULL);
		cr_expect_gt(n_written, 1000);
		flow_table_fini(&t);
	}
}

Test(flow_model, peeking_finds_a_client)
{
	struct pkt_key k;
	struct flow_copy copy;
	struct flow_victim v;
	struct flow *f;

	cr_assert_eq(flow_table_init(&t, ADDR_IP6, 100), 0);
	k = key_of(77);
	cr_expect_not(flow_peek_find(&t, k.src, k.sport, SERVICE, &copy));
	f = flow_insert(&t, flow_hash(&t, k.src, k.sport, SERVICE), &k, SERVICE, &zero, &v);
	cr_expect_not(flow_peek_find(&t, k.src, k.sport, SERVICE, &copy), "not filled in yet");
	f->backend = 9;
	cr_assert(flow_peek_find(&t, k.src, k.sport, SERVICE, &copy));
	cr_expect_eq(copy.f.backend, 9);
	cr_expect_not(flow_peek_find(&t, k.src, k.sport, SERVICE + 1, &copy));
	flow_table_fini(&t);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/cid_table.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/support/guard.h"

enum { SERVICE = 3, TIMEOUT_S = 60 };

static struct cid_table t;
static struct cid_clock now = {.now_s = 1000, .timeout_s = TIMEOUT_S};
static const uint8_t name[] = "abcdefghijklmnopqrstuvwxyz";

static void open_table(void)
{
	cr_assert_eq(cid_table_init(&t, 1024), 0);
}

static void close_table(void)
{
	cid_table_fini(&t);
}

TestSuite(cid_table, .init = open_table, .fini = close_table);

static void learn(uint16_t service, const uint8_t *cid, uint16_t len, uint16_t backend)
{
	struct cid_entry what = {.service = service, .len = len, .backend = backend};

	cid_table_learn(&t, &what, cid, now);
}

static uint16_t find_long(const uint8_t *cid, size_t len)
{
	return cid_table_find(&t, SERVICE, cid, len, true, now);
}

static uint16_t find_short(const uint8_t *cid, size_t len)
{
	return cid_table_find(&t, SERVICE, cid, len, false, now);
}

Test(cid_table, knows_nothing_at_first)
{
	cr_expect(cid_table_is_empty(&t));
	cr_expect_eq(find_long(name, 8), 0);
	cr_expect_eq(find_short(name, 20), 0);
}

Test(cid_table, lengths_from_4_to_20_are_names)
{
	for (uint16_t len = 0; len <= 25; len++) {
		bool is_name = len >= 4 && len <= 20;
		uint8_t cid[25];

		memset(cid, 0x40 + len, sizeof(cid));
		learn(SERVICE, cid, len, 7);
		cr_expect_eq(find_long(cid, len), is_name ? 7 : 0, "length %u", len);
	}
}

Test(cid_table, long_headers_want_the_very_length)
{
	learn(SERVICE, name, 8, 7);
	cr_expect_eq(find_long(name, 8), 7);
	cr_expect_eq(find_long(name, 7), 0);
	cr_expect_eq(find_long(name, 9), 0);
}

Test(cid_table, short_headers_try_every_length_that_was_seen)
{
	learn(SERVICE, name, 8, 7);
	learn(SERVICE, name + 5, 20, 8);
	learn(SERVICE, name + 9, 4, 9);
	cr_expect_eq(find_short(name, 26), 7);
	cr_expect_eq(find_short(name + 5, 21), 8);
	cr_expect_eq(find_short(name + 9, 5), 9);
	cr_expect_eq(find_short(name + 1, 20), 0);
}

Test(cid_table, a_short_header_that_ends_before_the_cid_does_is_unknown)
{
	learn(SERVICE, name, 8, 7);
	for (size_t len = 0; len < 8; len++) {
		uint8_t *p = guard_alloc(len);

		memcpy(p, name, len);
		cr_expect_eq(find_short(p, len), 0, "%zu octets", len);
		cr_expect_eq(find_long(p, len), 0, "%zu octets", len);
		guard_free(p, len);
	}
	cr_expect_eq(find_short(name, 8), 7);
}

Test(cid_table, of_two_cids_with_one_beginning_the_longer_counts)
{
	learn(SERVICE, name, 8, 7);
	learn(SERVICE, name, 12, 8);
	cr_expect_eq(find_short(name, 20), 8);
	cr_expect_eq(find_short(name, 11), 7);
	cr_expect_eq(find_long(name, 8), 7);
}

Test(cid_table, services_do_not_share_cids)
{
	learn(SERVICE, name, 8, 7);
	learn(SERVICE + 1, name, 8, 9);
	cr_expect_eq(find_long(name, 8), 7);
	cr_expect_eq(cid_table_find(&t, SERVICE + 1, name, 8, true, now), 9);
	cr_expect_eq(cid_table_find(&t, SERVICE + 2, name, 8, true, now), 0);
}

Test(cid_table, what_is_learned_again_has_the_new_backend)
{
	learn(SERVICE, name, 8, 7);
	learn(SERVICE, name, 8, 9);
	cr_expect_eq(find_long(name, 8), 9);
}

Test(cid_table, entries_time_out)
{
	learn(SERVICE, name, 8, 7);
	now.now_s += TIMEOUT_S + 1;
	cr_expect_eq(find_long(name, 8), 0);
	cr_expect_eq(find_short(name, 20), 0);
}

Test(cid_table, a_find_keeps_the_entry_alive)
{
	learn(SERVICE, name, 8, 7);
	for (int i = 0; i < 5000; i++) { // around the clock's end, too
		now.now_s = (uint16_t)(now.now_s + TIMEOUT_S);
		cr_assert_eq(find_short(name, 20), 7);
	}
}

// Fills the table to many times its size; what is asked for again and again must not give way to
// what nobody asks for.
Test(cid_table, the_entry_seen_longest_ago_gives_way)
{
	learn(SERVICE, name, 8, 7);
	for (uint32_t i = 0; i < 20000; i++) {
		uint8_t cid[8] = "xxxx";

		memcpy(cid + 4, &i, sizeof(i));
		learn(SERVICE, cid, 8, 9);
		if (i % 16 == 0)
			now.now_s++;
		cr_assert_eq(find_long(name, 8), 7, "gone after %u", i);
		cr_assert_eq(find_long(cid, 8), 9);
	}
}

Test(cid_table, nearly_all_fit_that_there_is_room_for)
{
	unsigned n = 0;

	for (uint32_t pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < 768; i++) {
			uint8_t cid[8] = "xxxx";

			memcpy(cid + 4, &i, sizeof(i));
			if (pass == 0)
				learn(SERVICE, cid, 8, 9);
			else
				n += find_long(cid, 8) == 9;
		}
	cr_expect_geq(n, 700);
}

Test(cid_table, the_smallest_table_works)
{
	struct cid_table small;

	cr_assert_eq(cid_table_init(&small, 0), 0);
	cid_table_learn(&small, &(struct cid_entry){.service = 1, .backend = 2, .len = 8}, name,
	                now);
	cr_expect_eq(cid_table_find(&small, 1, name, 8, true, now), 2);
	cid_table_fini(&small);
}

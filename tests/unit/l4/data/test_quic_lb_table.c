// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/quic_lb_table.h"

#include <criterion/criterion.h>

#include <errno.h>

static struct quic_lb_sid sid_of(const void *id, size_t len)
{
	struct quic_lb_sid sid = {{0}};

	memcpy(&sid, id, len);
	return sid;
}

// n servers with IDs of `len` octets that count up in the first two; server i has backend i.
struct fixture {
	struct arena arena;
	uint8_t ids[512][QUIC_LB_MAX_SERVER_ID];
	struct quic_lb_server servers[512];
	struct quic_lb_table table;
	struct err err;
};

static struct fixture f;

static int build(size_t n, size_t len)
{
	struct quic_lb_servers all = {.server = f.servers, .n = n, .id_len = (uint8_t)len};

	for (size_t i = 0; i < n; i++) {
		f.ids[i][0] = (uint8_t)i;
		f.ids[i][len > 1] |= (uint8_t)(i >> 8);
		f.servers[i] = (struct quic_lb_server){slice_of(f.ids[i], len), (uint16_t)i};
	}
	return quic_lb_table_build(&f.table, &f.arena, &all, &f.err);
}

Test(quic_lb_table, every_server_is_found_at_every_length)
{
	for (size_t len = 1; len <= QUIC_LB_MAX_SERVER_ID; len++) {
		size_t n = len == 1 ? 256 : 512;

		memset(f.ids, 0, sizeof(f.ids));
		cr_assert_eq(build(n, len), 0, "%s", f.err.msg);
		for (size_t i = 0; i < n; i++) {
			struct quic_lb_sid sid = sid_of(f.ids[i], len);

			quic_lb_table_prefetch(&f.table, &sid);
			cr_expect_eq(quic_lb_table_find(&f.table, &sid), i);
		}
	}
	arena_fini(&f.arena);
}

Test(quic_lb_table, unknown_servers_have_no_backend)
{
	for (size_t len = 1; len <= QUIC_LB_MAX_SERVER_ID; len++) {
		cr_assert_eq(build(100, len), 0);
		for (unsigned int i = 100; i < 256; i++) {
			struct quic_lb_sid sid = sid_of(&(uint8_t){(uint8_t)i}, 1);

			cr_expect_eq(quic_lb_table_find(&f.table, &sid), QUIC_LB_NO_BACKEND);
		}
	}
	arena_fini(&f.arena);
}

// An empty slot of the hash table holds zeros, too.
Test(quic_lb_table, the_id_of_zeros_is_an_id_like_others)
{
	static const uint8_t zeros[8], one[8] = {1};
	struct quic_lb_server servers[] = {{slice_of(one, 8), 7}, {slice_of(zeros, 8), 8}};
	struct quic_lb_servers all = {servers, 1, 8};
	struct quic_lb_sid sid = sid_of(zeros, 8);

	cr_assert_eq(quic_lb_table_build(&f.table, &f.arena, &all, NULL), 0);
	cr_expect_eq(quic_lb_table_find(&f.table, &sid), QUIC_LB_NO_BACKEND);
	all.n = 2;
	cr_assert_eq(quic_lb_table_build(&f.table, &f.arena, &all, NULL), 0);
	cr_expect_eq(quic_lb_table_find(&f.table, &sid), 8);
	arena_fini(&f.arena);
}

Test(quic_lb_table, a_zero_table_and_one_without_servers_find_nothing)
{
	struct quic_lb_table zero = {0};
	struct quic_lb_sid sid = {{0}};

	quic_lb_table_prefetch(&zero, &sid);
	cr_expect_eq(quic_lb_table_find(&zero, &sid), QUIC_LB_NO_BACKEND);
	cr_assert_eq(build(0, 1), 0);
	cr_expect_eq(quic_lb_table_find(&f.table, &sid), QUIC_LB_NO_BACKEND);
	cr_assert_eq(build(0, 3), 0);
	cr_expect_eq(quic_lb_table_find(&f.table, &sid), QUIC_LB_NO_BACKEND);
	arena_fini(&f.arena);
}

Test(quic_lb_table, an_id_used_twice_is_refused_and_named)
{
	static const uint8_t ids[][3] = {{0, 0, 1}, {0, 0xab, 2}, {0, 0xab, 2}};
	const struct quic_lb_server three[] = {
		{slice_of(ids[0], 3), 0}, {slice_of(ids[1], 3), 1}, {slice_of(ids[2], 3), 2}};
	const struct quic_lb_server two[] = {{slice_of(ids[1], 2), 1}, {slice_of(ids[2], 2), 2}};
	struct quic_lb_servers all = {three, 3, 3};
	cr_expect_eq(quic_lb_table_build(&f.table, &f.arena, &all, &f.err), -EINVAL);
	cr_expect_str_eq(f.err.msg, "server_id: 00ab02 is used twice");
	cr_expect_null(f.table.slot, "untouched");
	all = (struct quic_lb_servers){two, 2, 2};
	cr_expect_eq(quic_lb_table_build(&f.table, &f.arena, &all, &f.err), -EINVAL);
	cr_expect_str_eq(f.err.msg, "server_id: 00ab is used twice");
	arena_fini(&f.arena);
}

Test(quic_lb_table, an_id_of_another_length_is_refused)
{
	static const uint8_t id[16] = {1};
	struct quic_lb_server server = {slice_of(id, 16), 1};
	struct quic_lb_servers all = {&server, 1, 3};

	cr_expect_eq(quic_lb_table_build(&f.table, &f.arena, &all, &f.err), -EINVAL);
	cr_expect_str_eq(f.err.msg, "server_id: has 16 octets, not 3 as server_id_length says");
	arena_fini(&f.arena);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/quic_lb_table.h"

#include <errno.h>

enum {
	DIRECT_MAX_LEN =
		2, // octets: 128 KiB of array, of which only the lines in use are ever warm
	HEX_SIZE = 2 * QUIC_LB_MAX_SERVER_ID + 1,
};

static const char *hex(char out[HEX_SIZE], struct slice id)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < id.len; i++) {
		out[2 * i] = digits[id.ptr[i] >> 4];
		out[2 * i + 1] = digits[id.ptr[i] & 15];
	}
	out[2 * id.len] = '\0';
	return out;
}

static struct quic_lb_sid sid_of(struct slice id)
{
	struct quic_lb_sid sid = {{0}};

	memcpy(&sid, id.ptr, id.len);
	return sid;
}

static int insert_direct(const struct quic_lb_table *t, uint16_t *direct,
                         const struct quic_lb_server *server)
{
	struct quic_lb_sid sid = sid_of(server->id);
	uint16_t *at = &direct[sid.word[0] & t->mask];

	if (*at != QUIC_LB_NO_BACKEND)
		return -EEXIST;
	*at = server->backend;
	return 0;
}

static int insert_hashed(const struct quic_lb_table *t, struct quic_lb_slot *slot,
                         const struct quic_lb_server *server)
{
	struct quic_lb_sid sid = sid_of(server->id);
	uint64_t i = quic_lb_table_home(t, &sid);

	for (; slot[i].backend != QUIC_LB_NO_BACKEND; i = (i + 1) & t->mask)
		if (memcmp(&slot[i].sid, &sid, sizeof(sid)) == 0)
			return -EEXIST;
	slot[i] = (struct quic_lb_slot){.sid = sid, .backend = server->backend};
	return 0;
}

static int insert_all(const struct quic_lb_table *t, uint16_t *direct, struct quic_lb_slot *slot,
                      const struct quic_lb_servers *servers, struct err *err)
{
	char text[HEX_SIZE];

	for (size_t i = 0; i < servers->n; i++) {
		const struct quic_lb_server *s = &servers->server[i];

		assert(s->backend != QUIC_LB_NO_BACKEND);
		if (s->id.len != servers->id_len)
			return err_set(err, -EINVAL,
			               "server_id: has %zu octets, not %u as server_id_length says",
			               s->id.len, servers->id_len);
		if (direct ? insert_direct(t, direct, s) : insert_hashed(t, slot, s))
			return err_set(err, -EINVAL, "server_id: %s is used twice",
			               hex(text, s->id));
	}
	return 0;
}

// At least twice as many as there are servers, so that a probe ends soon.
static uint64_t n_slots_for(size_t n_servers)
{
	uint64_t n = 8;

	while (n < 2 * (uint64_t)n_servers)
		n *= 2;
	return n;
}

int quic_lb_table_build(struct quic_lb_table *t, struct arena *arena,
                        const struct quic_lb_servers *servers, struct err *err)
{
	bool is_direct = servers->id_len <= DIRECT_MAX_LEN;
	uint64_t n = is_direct ? UINT64_C(1) << 8 * servers->id_len : n_slots_for(servers->n);
	uint16_t *direct = NULL;
	struct quic_lb_slot *slot = NULL;

	assert(servers->id_len >= 1 && servers->id_len <= QUIC_LB_MAX_SERVER_ID);
	if (is_direct)
		direct = arena_alloc(arena, n, sizeof(*direct), CACHE_LINE);
	else
		slot = arena_alloc(arena, n, sizeof(*slot), CACHE_LINE);
	if (!direct && !slot)
		return -ENOMEM;
	for (uint64_t i = 0; i < n; i++)
		*(is_direct ? &direct[i] : &slot[i].backend) = QUIC_LB_NO_BACKEND;
	struct quic_lb_table built = {.direct = direct, .slot = slot, .mask = n - 1};
	int rc = insert_all(&built, direct, slot, servers, err);
	if (rc)
		return rc;
	*t = built;
	return 0;
}

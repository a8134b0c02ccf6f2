// SPDX-License-Identifier: BSD-3-Clause
// A datagram: its coalesced packets, and each packet's DCID decoded with every shape and engine.
// What is read lies against a guard page, as vector loads escape the sanitizers.
#include "l4/data/quic.h"
#include "l4/data/quic_lb.h"
#include "tests/support/guard.h"

enum { MAX_LEN = 4096, N_SHAPES = 16 * 19 * 4 };

static struct quic_lb_config configs[N_SHAPES];
static size_t n_configs;
static uint8_t *end; // of MAX_LEN octets; an inaccessible page begins here

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	for (size_t i = 0; i < N_SHAPES; i++) {
		struct conf_quic_lb conf = {
			.config_id = i % QUIC_LB_MAX_CONFIGS,
			.server_id_length = i / 4 % 16,
			.nonce_length = (uint8_t)(i / 4 / 16),
			.draft = i & 2 ? 18 : 19,
			.has_key = i & 1,
			.key = "fuzz",
		};
		n_configs += quic_lb_config_init(&configs[n_configs], &conf, NULL) == 0;
	}
	end = guard_alloc(MAX_LEN) + MAX_LEN;
	return 0;
}

static void decode(const struct quic_lb_config *shape, const uint8_t *cid, size_t len)
{
	struct quic_lb_set set = {0};
	struct quic_lb_config c = *shape;
	struct quic_lb_sid first = {{0}}, sid;
	const struct quic_lb_config *fit;

	set.config[shape->config_id] = shape;
	if (quic_lb_pick(&fit, &set, cid, len) != QUIC_LB_FITS)
		return;
	for (int e = 0; e < QUIC_LB_ENGINE_COUNT; e++) {
		if (!quic_lb_config_use(&c, (enum quic_lb_engine)e))
			continue;
		quic_lb_decode_mixed(&(const struct quic_lb_config *){&c}, &cid, 1, &sid);
		if (e == 0)
			first = sid;
		else if (memcmp(&sid, &first, sizeof(sid)) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct quic_hdr h;

	if (len > MAX_LEN)
		return -1;
	uint8_t *p = end - len;
	memcpy(p, data, len);
	for (size_t step = 1; step && quic_parse(&h, p, len) == QUIC_OK; p += step, len -= step) {
		if ((size_t)h.dcid_off + h.dcid_len > len || (size_t)h.scid_off + h.scid_len > len)
			abort();
		if (h.dcid_len > 0)
			for (size_t i = p[h.dcid_off] & 31; i < n_configs; i += 32)
				decode(&configs[i], p + h.dcid_off, h.dcid_len);
		step = quic_next(&h, p, len);
		if (step > len || quic_kind(&h) == QUIC_KIND_NONE)
			abort();
	}
	return 0;
}

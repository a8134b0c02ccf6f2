// SPDX-License-Identifier: BSD-3-Clause
// What the prober builds is read by the lanes' own parser.
#include "l4/ctrl/explain_quic.h"

#include <criterion/criterion.h>
#include <string.h>

#include "l4/data/quic.h"

#define QUIC .key = {.protocol = PROTO_QUIC}

static const struct ctl_cid cid20 = {
	20, {0x07, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}};
static const struct ctl_cid cid3 = {3, {0xa1, 0xa2, 0xa3}};

static struct quic_hdr parse(const struct ctl_explain_params *params, uint8_t *out, size_t *len)
{
	struct quic_hdr h = {0};

	cr_assert_eq(explain_quic_check(params, NULL), 0);
	*len = explain_quic_put(out, params);
	cr_assert_leq(*len, EXPLAIN_QUIC_MAX);
	cr_assert_eq(quic_parse(&h, out, *len), QUIC_OK);
	return h;
}

Test(explain_quic, without_a_cid_a_client_begins)
{
	struct ctl_explain_params params = {QUIC};
	uint8_t a[EXPLAIN_QUIC_MAX], b[EXPLAIN_QUIC_MAX];
	size_t len;
	struct quic_hdr h = parse(&params, a, &len);

	cr_expect_eq(quic_kind(&h), QUIC_INITIAL);
	cr_expect_eq(h.dcid_len, 8);
	cr_expect_eq(h.scid_len, 0);
	cr_expect_eq(len, 1200);
	cr_expect_eq(quic_next(&h, a, len), 0);
	parse(&params, b, &len);
	cr_expect_neq(memcmp(a + h.dcid_off, b + h.dcid_off, 8), 0); // alike: once in 2^64 runs
}

Test(explain_quic, a_cid_alone_stands_in_a_short_header)
{
	struct ctl_explain_params params = {QUIC, .cid = cid20};
	uint8_t out[EXPLAIN_QUIC_MAX];
	size_t len;
	struct quic_hdr h = parse(&params, out, &len);

	cr_expect_eq(quic_kind(&h), QUIC_SHORT);
	cr_expect_eq(h.first, 0x40);
	cr_expect_arr_eq(out + h.dcid_off, cid20.byte, 20);
	cr_expect_eq(len, 64);
}

Test(explain_quic, a_long_header_has_both_cids)
{
	struct ctl_explain_params params = {QUIC, .cid = cid20, .scid = cid3, .long_header = true};
	uint8_t out[EXPLAIN_QUIC_MAX];
	size_t len;
	struct quic_hdr h = parse(&params, out, &len);

	cr_expect_eq(quic_kind(&h), QUIC_HANDSHAKE);
	cr_expect_eq(h.dcid_len, 20);
	cr_expect_arr_eq(out + h.dcid_off, cid20.byte, 20);
	cr_expect_eq(h.scid_len, 3);
	cr_expect_arr_eq(out + h.scid_off, cid3.byte, 3);
	cr_expect_eq(quic_next(&h, out, len), 0, "the length covers the rest");
	params.cid.len = 0;
	h = parse(&params, out, &len);
	cr_expect_eq(quic_kind(&h), QUIC_INITIAL);
	cr_expect_eq(h.scid_len, 3);
}

static const struct {
	const char *msg;
	struct ctl_explain_params params;
} wrong[] = {
	{"scid: a short header has none", {QUIC, .cid = {1, {0}}, .scid = {1, {0}}}},
	{"cid: only for protocol quic", {.key = {.protocol = PROTO_UDP}, .cid = {1, {0}}}},
	{"cid: only for protocol quic", {.key = {.protocol = PROTO_TCP}, .scid = {1, {0}}}},
	{"long_header: only for protocol quic",
         {.key = {.protocol = PROTO_TCP}, .long_header = true}},
};

Test(explain_quic, what_does_not_fit_together_is_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct err err = {0};

		cr_expect_neq(explain_quic_check(&wrong[i].params, &err), 0);
		cr_expect_str_eq(err.msg, wrong[i].msg);
	}
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/quic_lb.h"
#include "tests/support/guard.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// --- hex, random octets ---

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;
	unsigned int octet;

	for (size_t i = 0; i < n; i++) {
		if (sscanf(hex + 2 * i, "%2x", &octet) != 1)
			abort();
		out[i] = (uint8_t)octet;
	}
	return n;
}

static uint64_t rng = 1;

static uint8_t draw(void)
{
	rng = rng * UINT64_C(6364136223846793005) + 1; // Knuth, MMIX
	return (uint8_t)(rng >> 56);
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = draw();
}

// --- the oracle: the draft's text, octet by octet, around OpenSSL's EVP ---

static void aes(const uint8_t key[16], bool encrypt, const uint8_t in[16], uint8_t out[16])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (!EVP_CipherInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL, encrypt) ||
	    !EVP_CIPHER_CTX_set_padding(ctx, 0) || !EVP_CipherUpdate(ctx, out, &n, in, 16))
		abort();
	EVP_CIPHER_CTX_free(ctx);
}

static void expand(int draft, uint8_t length, uint8_t pass, const uint8_t *half, uint8_t out[16])
{
	memset(out, 0, 16);
	if (draft == 18) {
		out[0] = length;
		out[1] = pass;
		memcpy(out + 2, half, (length + 1) / 2);
	} else {
		memcpy(out, half, (length + 1) / 2);
		out[14] = length;
		out[15] = pass;
	}
}

// One of steps 3 to 11 of section 5.4.2: pass 1 and 3 change `right`, 2 and 4 change `left`.
static void oracle_pass(const struct conf_quic_lb *conf, uint8_t pass, uint8_t *left,
                        uint8_t *right)
{
	uint8_t n = conf->server_id_length + conf->nonce_length, half = (n + 1) / 2;
	uint8_t in[16], out[16];

	expand(conf->draft, n, pass, pass % 2 ? left : right, in);
	aes(conf->key, true, in, out);
	for (int i = 0; i < half; i++)
		(pass % 2 ? right : left)[i] ^= out[i];
	if (n % 2 && pass % 2)
		right[0] &= 0x0f;
	if (n % 2 && !(pass % 2))
		left[half - 1] &= 0xf0;
}

static void oracle_split(uint8_t n, const uint8_t *block, uint8_t *left, uint8_t *right)
{
	uint8_t half = (n + 1) / 2;

	memcpy(left, block, half);
	memcpy(right, block + n - half, half);
	if (n % 2) {
		left[half - 1] &= 0xf0;
		right[0] &= 0x0f;
	}
}

// Server ID and nonce to the CID's octets behind the first.
static void oracle_seal(const struct conf_quic_lb *conf, uint8_t *block)
{
	uint8_t n = conf->server_id_length + conf->nonce_length, half = (n + 1) / 2;
	uint8_t left[10], right[10];

	if (!conf->has_key)
		return;
	if (n == 16) {
		aes(conf->key, true, block, block);
		return;
	}
	oracle_split(n, block, left, right);
	for (uint8_t pass = 1; pass <= 4; pass++)
		oracle_pass(conf, pass, left, right);
	memset(block, 0, n);
	memcpy(block, left, half);
	for (int i = 0; i < half; i++)
		block[n - half + i] |= right[i];
}

Test(quic_lb, the_oracle_takes_the_steps_of_the_drafts_example)
{
	struct conf_quic_lb conf = {.server_id_length = 3, .nonce_length = 4, .draft = 19};
	uint8_t block[7], left[4], right[4], want[16], out[16];
	static const char *const steps[] = {"0e3c1ff9", "d4a04850", "09be054a", "67947d20"};

	from_hex("fdf726a9893ec05c0632d3956680baf0", conf.key);
	from_hex("31441a9c69c275", block);
	oracle_split(7, block, left, right);
	for (uint8_t pass = 1; pass <= 4; pass++) {
		oracle_pass(&conf, pass, left, right);
		from_hex(steps[pass - 1], want);
		cr_expect_arr_eq(pass % 2 ? right : left, want, 4, "pass %d", pass);
	}
	expand(19, 6, 2, (const uint8_t[]){0xaa, 0xba, 0x3c}, out);
	from_hex("aaba3c00000000000000000000000602", want);
	cr_expect_arr_eq(out, want, 16);
}

// --- known answers ---

#define EXAMPLE_KEY "fdf726a9893ec05c0632d3956680baf0"
#define VECTOR_KEY "8f95f09245765f80256934e50c66207f"

static const struct {
	const char *source;
	uint8_t draft, config_id;
	const char *key, *server_id, *nonce, *cid;
} vectors[] = {
	{"-21 5.4.2.5", 19, 0, EXAMPLE_KEY, "31441a", "9c69c275", "0767947d29be054a"},
	{"-21 B clear 1", 19, 0, NULL, "c4605e", "4504cc4f", "07c4605e4504cc4f"},
	// Printed with a nonce of 9 digits; quic-lb.md, appendix A.2, erratum (i).
	{"-21 B clear 2", 19, 1, NULL, "350d28b420", "03487d970b", "2a350d28b42003487d970b"},
	{"-21 B 1", 19, 0, VECTOR_KEY, "ed793a", "ee080dbf", "0720b1d07b359d3c"},
	{"-21 B 2", 19, 1, VECTOR_KEY, "ed793a51d49b8f5fab65", "ee080dbf48",
         "2fcc381bc74cb4fbad2823a3d1f8fed2"},
	{"-21 B 3", 19, 2, VECTOR_KEY, "ed793a51d49b8f5f", "ee080dbf48c0d1e5",
         "504dd2d05a7b0de9b2b9907afb5ecf8cc3"},
	// Printed with first octet 12, which is config id 0; quic-lb.md, erratum (ii).
	{"-21 B 4", 19, 3, VECTOR_KEY, "ed793a51d49b8f5fab", "ee080dbf48c0d1e55d",
         "725779c9cc86beb3a3a4a3ca96fce4bfe0cdbc"},
	// The layout of -15 to -18, from the appendix of -15 as google/quiche tested it until -19.
	{"-15 4.3.2", 18, 0, EXAMPLE_KEY, "31441a", "9c69c275", "078e9a91f4949762"},
	{"-15 B 1", 18, 0, VECTOR_KEY, "ed793a", "ee080dbf", "074126ee38bf5454"},
	{"-15 B 2", 18, 1, VECTOR_KEY, "ed793a51d49b8f5fab65", "ee080dbf48",
         "2fcd3f572d4eefb046fdb51d164efccc"},
	{"-15 B 3", 18, 2, VECTOR_KEY, "ed793a51d49b8f5f", "ee080dbf48c0d1e5",
         "504dd2d05a7b0de9b2b9907afb5ecf8cc3"},
	{"-15 B 4", 18, 3, VECTOR_KEY, "ed793a51d49b8f5fab", "ee080dbf48c0d1e55d",
         "72124d1eb8fbb21e4a490ca53cfe21d04ae63a"},
};

static struct conf_quic_lb vector_conf(size_t i)
{
	struct conf_quic_lb conf = {
		.config_id = vectors[i].config_id,
		.server_id_length = (uint8_t)(strlen(vectors[i].server_id) / 2),
		.nonce_length = (uint8_t)(strlen(vectors[i].nonce) / 2),
		.draft = vectors[i].draft,
		.has_key = vectors[i].key != NULL,
	};

	if (vectors[i].key)
		from_hex(vectors[i].key, conf.key);
	return conf;
}

Test(quic_lb, known_answers_are_encoded)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct conf_quic_lb conf = vector_conf(i);
		struct quic_lb_config c;
		uint8_t server_id[15], nonce[18], cid[QUIC_LB_MAX_CID], want[QUIC_LB_MAX_CID];

		cr_assert_eq(quic_lb_config_init(&c, &conf, NULL), 0);
		from_hex(vectors[i].server_id, server_id);
		from_hex(vectors[i].nonce, nonce);
		size_t len = from_hex(vectors[i].cid, want);
		cr_assert_eq(quic_lb_encode(&c, quic_lb_length_bits(&c, 0), server_id, nonce, cid),
		             len, "%s", vectors[i].source);
		cr_expect_arr_eq(cid, want, len, "%s", vectors[i].source);
	}
}

Test(quic_lb, known_answers_are_decoded_by_every_engine)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct conf_quic_lb conf = vector_conf(i);
		struct quic_lb_config c;
		struct quic_lb_sid want = {{0}}, got;
		uint8_t cid[QUIC_LB_MAX_CID], id[15], nonce[18], want_nonce[18];
		size_t len = from_hex(vectors[i].cid, cid);

		cr_assert_eq(quic_lb_config_init(&c, &conf, NULL), 0);
		from_hex(vectors[i].server_id, (uint8_t *)&want);
		from_hex(vectors[i].nonce, want_nonce);
		cr_assert_eq(quic_lb_decode(&c, slice_of(cid, len), id, nonce, NULL), 0);
		cr_expect_arr_eq(id, &want, c.server_id_len, "%s", vectors[i].source);
		cr_expect_arr_eq(nonce, want_nonce, c.nonce_len, "%s", vectors[i].source);
		for (int e = 0; e < QUIC_LB_ENGINE_COUNT; e++) {
			if (!quic_lb_config_use(&c, (enum quic_lb_engine)e))
				continue;
			quic_lb_decode_burst(&c, &(const uint8_t *){cid}, 1, &got);
			cr_expect_arr_eq(&got, &want, sizeof(got), "%s engine %d",
			                 vectors[i].source, e);
		}
	}
}

// --- every legal pair of lengths ---

typedef bool check_fn(const struct conf_quic_lb *conf, const struct quic_lb_config *c);

enum { N_SHAPES = 120 * 4 }; // pairs (s, n) with s = 1..15, n = 4..19 - s; two drafts; key or none

// The number of shapes for which check() holds; the others are printed.
static int count_shapes(check_fn *check)
{
	struct conf_quic_lb conf = {.config_id = 6};
	struct quic_lb_config c;
	int n = 0;

	for (unsigned int shape = 0; shape < 16 * 19 * 4; shape++) {
		conf.server_id_length = (uint8_t)(shape / 4 % 16);
		conf.nonce_length = (uint8_t)(shape / 4 / 16);
		conf.has_key = shape & 1;
		conf.draft = shape & 2 ? 18 : 19;
		fill(conf.key, sizeof(conf.key));
		if (quic_lb_config_init(&c, &conf, NULL) != 0)
			continue;
		if (check(&conf, &c))
			n++;
		else
			fprintf(stderr, "%u + %u octets, draft %u, key %d\n", conf.server_id_length,
			        conf.nonce_length, conf.draft, conf.has_key);
	}
	return n;
}

// Fills the n CIDs at cids[] with n random server IDs by way of the oracle.
static void make_cids(const struct conf_quic_lb *conf, uint8_t *const *cids, size_t n,
                      struct quic_lb_sid *sids)
{
	for (size_t i = 0; i < n; i++) {
		fill(cids[i], 1U + conf->server_id_length + conf->nonce_length);
		sids[i] = (struct quic_lb_sid){{0}};
		memcpy(&sids[i], cids[i] + 1, conf->server_id_length);
		cids[i][0] = (uint8_t)(conf->config_id << 5 | (cids[i][0] & 31));
		oracle_seal(conf, cids[i] + 1);
	}
}

static bool round_trip_holds(const struct conf_quic_lb *conf, const struct quic_lb_config *c)
{
	uint8_t plain[QUIC_LB_MAX_CID], want[QUIC_LB_MAX_CID], cid[QUIC_LB_MAX_CID + 1];
	uint8_t back[QUIC_LB_MAX_BLOCK];

	fill(plain, sizeof(plain));
	memcpy(want, plain, sizeof(plain));
	want[0] = (uint8_t)(conf->config_id << 5 | (plain[0] & 31));
	oracle_seal(conf, want + 1);
	cid[c->cid_len] = 0x5a;
	size_t len = quic_lb_encode(c, plain[0] & 31, plain + 1, plain + 1 + c->server_id_len, cid);
	int rc = quic_lb_decode(c, slice_of(cid, len), back, back + c->server_id_len, NULL);
	return rc == 0 && len == c->cid_len && memcmp(cid, want, len) == 0 && cid[len] == 0x5a &&
	       memcmp(back, plain + 1, c->block_len) == 0;
}

Test(quic_lb, every_shape_encodes_as_the_oracle_and_back)
{
	cr_expect_eq(count_shapes(round_trip_holds), N_SHAPES);
}

// CIDs beside inaccessible pages, on either side, so that no load may leave them.
enum { N_GUARDED = 37 }; // two groups of 16, or four of 8, and a remainder

static bool engines_agree(const struct conf_quic_lb *conf, const struct quic_lb_config *c)
{
	struct quic_lb_config other = *c;
	struct quic_lb_sid want[N_GUARDED], got[N_GUARDED];
	uint8_t *cids[N_GUARDED];
	bool good = true;

	for (size_t i = 0; i < N_GUARDED; i++)
		cids[i] = i % 2 ? guard_alloc(c->cid_len) : guard_alloc_low(c->cid_len);
	make_cids(conf, cids, N_GUARDED, want);
	for (int e = 0; e < QUIC_LB_ENGINE_COUNT; e++) {
		if (!quic_lb_config_use(&other, (enum quic_lb_engine)e))
			continue;
		quic_lb_decode_burst(&other, (const uint8_t *const *)cids, N_GUARDED, got);
		good &= memcmp(got, want, sizeof(got)) == 0;
	}
	for (size_t i = 0; i < N_GUARDED; i++)
		(i % 2 ? guard_free : guard_free_low)(cids[i], c->cid_len);
	return good;
}

Test(quic_lb, every_engine_decodes_every_shape_and_reads_nothing_else)
{
	cr_expect_eq(count_shapes(engines_agree), N_SHAPES);
}

// --- bursts ---

static struct conf_quic_lb conf_of(uint8_t server_id_length, uint8_t nonce_length, bool has_key)
{
	struct conf_quic_lb conf = {
		.server_id_length = server_id_length,
		.nonce_length = nonce_length,
		.draft = 19,
		.has_key = has_key,
	};

	fill(conf.key, sizeof(conf.key));
	return conf;
}

Test(quic_lb, bursts_of_any_size_write_their_results_and_no_more)
{
	struct conf_quic_lb conf = conf_of(3, 4, true);
	struct quic_lb_config c;
	uint8_t octets[70][QUIC_LB_MAX_CID], *cids[70];
	struct quic_lb_sid want[70], got[71];

	cr_assert_eq(quic_lb_config_init(&c, &conf, NULL), 0);
	for (size_t i = 0; i < 70; i++)
		cids[i] = octets[i];
	make_cids(&conf, cids, 70, want);
	for (int e = 0; e < QUIC_LB_ENGINE_COUNT; e++)
		for (size_t n = 0; n <= 70 && quic_lb_config_use(&c, (enum quic_lb_engine)e); n++) {
			memset(got, 0xee, sizeof(got));
			quic_lb_decode_burst(&c, (const uint8_t *const *)cids, n, got);
			cr_expect(memcmp(got, want, n * sizeof(*got)) == 0, "%zu engine %d", n, e);
			cr_expect_eq(got[n].word[0], UINT64_C(0xeeeeeeeeeeeeeeee), "%zu", n);
		}
}

Test(quic_lb, mixed_bursts_decode_each_cid_with_its_configuration)
{
	enum { KINDS = 5, N = 100 };
	static struct quic_lb_config c[KINDS];
	static const uint8_t lens[KINDS][2] = {{3, 4}, {8, 8}, {10, 5}, {1, 4}, {9, 10}};
	const struct quic_lb_config *configs[N];
	struct conf_quic_lb confs[KINDS];
	uint8_t octets[N][QUIC_LB_MAX_CID], *cids[N];
	struct quic_lb_sid want[N], got[N];

	for (size_t k = 0; k < KINDS; k++) {
		confs[k] = conf_of(lens[k][0], lens[k][1], k != 3);
		cr_assert_eq(quic_lb_config_init(&c[k], &confs[k], NULL), 0);
	}
	for (size_t n_kinds = 1; n_kinds <= KINDS; n_kinds++) {
		memset(want, 0xee, sizeof(want));
		memset(got, 0xee, sizeof(got));
		for (size_t i = 0; i < N; i++) {
			size_t k = draw() % n_kinds;

			cids[i] = octets[i];
			configs[i] = n_kinds > 1 && draw() % 8 == 0 ? NULL : &c[k];
			if (configs[i])
				make_cids(&confs[k], &cids[i], 1, &want[i]);
			else
				cids[i] = NULL;
		}
		quic_lb_decode_mixed(configs, (const uint8_t *const *)cids, N, got);
		cr_expect_arr_eq(got, want, sizeof(want), "%zu kinds", n_kinds);
	}
}

// --- what is routable ---

Test(quic_lb, a_cid_fits_if_its_configuration_exists_and_it_is_long_enough)
{
	struct conf_quic_lb conf = conf_of(3, 4, true);
	struct quic_lb_config c;
	const struct quic_lb_config *found = NULL;
	uint8_t *cid = guard_alloc(1);

	conf.config_id = 5;
	cr_assert_eq(quic_lb_config_init(&c, &conf, NULL), 0);
	struct quic_lb_set set = {.config = {[5] = &c}};
	for (unsigned int id = 0; id < 8; id++) {
		cid[0] = (uint8_t)(id << 5 | 7);
		cr_expect_eq(quic_lb_pick(&found, &set, cid, 8),
		             id == 5 ? QUIC_LB_FITS : QUIC_LB_NO_CONFIG, "config id %u", id);
	}
	cr_expect_eq(found, &c);
	cid[0] = 5 << 5;
	for (size_t len = 0; len < 8; len++)
		cr_expect_eq(quic_lb_pick(&found, &set, cid, len), QUIC_LB_TOO_SHORT, "%zu", len);
	cr_expect_eq(quic_lb_pick(&found, &set, cid, 255), QUIC_LB_FITS, "octets may follow");
	guard_free(cid, 1);
}

Test(quic_lb, a_cid_of_another_configuration_or_too_short_is_told)
{
	struct conf_quic_lb conf = conf_of(3, 4, true);
	struct quic_lb_config c;
	struct err err;
	uint8_t id[15], nonce[18], cid[8] = {0xe7};

	cr_assert_eq(quic_lb_config_init(&c, &conf, NULL), 0);
	cr_expect_eq(quic_lb_decode(&c, slice_of(cid, 8), id, nonce, &err), -EINVAL);
	cr_expect_str_eq(err.msg, "cid: has config id 7, the configuration is 0");
	cr_expect_eq(quic_lb_decode(&c, slice_of(cid, 7), id, nonce, &err), -EINVAL);
	cr_expect_str_eq(err.msg, "cid: has 7 octets, the configuration needs 8");
}

Test(quic_lb, the_length_is_described_with_what_the_server_appends)
{
	struct conf_quic_lb conf = conf_of(3, 4, false);
	struct quic_lb_config c;

	cr_assert_eq(quic_lb_config_init(&c, &conf, NULL), 0);
	cr_expect_eq(quic_lb_length_bits(&c, 0), 7);
	cr_expect_eq(quic_lb_length_bits(&c, 2), 9);
}

// --- mistakes of the operator ---

Test(quic_lb, lengths_and_ids_out_of_range_are_refused_by_name)
{
	static const struct {
		struct conf_quic_lb conf;
		const char *want;
	} cases[] = {
		{{7, 3, 4, 19, false, {0}}, "config_id: 7 is not in 0..6"},
		{{0, 0, 4, 19, false, {0}}, "server_id_length: 0 is not in 1..15"},
		{{0, 16, 4, 19, false, {0}}, "server_id_length: 16 is not in 1..15"},
		{{0, 3, 3, 19, false, {0}}, "nonce_length: 3 is not in 4..18"},
		{{0, 1, 19, 19, false, {0}}, "nonce_length: 19 is not in 4..18"},
		{{0, 10, 10, 19, false, {0}},
	         "server_id_length + nonce_length: 20 is more than 19"},
		{{0, 3, 4, 17, false, {0}}, "draft: 17 is neither 18 nor 19"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct quic_lb_config c = {.mode = 99};
		struct err err = {0};

		cr_expect_eq(quic_lb_config_init(&c, &cases[i].conf, &err), -EINVAL);
		cr_expect_str_eq(err.msg, cases[i].want);
		cr_expect_eq(c.mode, 99, "untouched");
	}
}

Test(quic_lb, fini_leaves_nothing_of_the_key)
{
	static const struct quic_lb_config zero;
	struct conf_quic_lb conf = conf_of(8, 8, true);
	struct quic_lb_config c;

	cr_assert_eq(quic_lb_config_init(&c, &conf, NULL), 0);
	quic_lb_config_fini(&c);
	cr_expect_arr_eq(&c, &zero, sizeof(c));
}

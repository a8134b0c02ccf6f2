// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds to decode one QUIC-LB connection ID in bursts of 32, beside the obvious version: one
// CID at a time, byte by byte, around OpenSSL's EVP AES-128-ECB. Both run in turns over the same
// CIDs; the medians of the turns are printed. 256 CIDs one after another, in L1; "cold": 65536 CIDs,
// each in its own 256 bytes of 16 MiB, in random order, as packets lie in a mempool. "mixed": every
// other CID has another configuration. "aesni", "portable": as on a lesser processor.
//
//	bench_quic_lb [TURNS]
#include "l4/base/clock.h"
#include "l4/base/hash.h"
#include "l4/data/quic_lb.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>

enum { BURST = 32, TURNS = 31, CIDS_PER_TURN = 1 << 18, STRIDE = 256, MAX_CIDS = 1 << 16 };

static uint8_t packets[MAX_CIDS * STRIDE];
static const uint8_t *cids[MAX_CIDS];
static uint64_t rng = 1;

static uint64_t draw(void)
{
	rng += HASH_K1;
	return hash_mix(rng, 0, HASH_K2);
}

// --- the yardstick ---

struct naive {
	EVP_CIPHER_CTX *ctx; // encrypts, or decrypts for single pass
	uint8_t server_id_len;
	uint8_t block_len;
	uint8_t mode;
};

static void naive_init(struct naive *nv, const struct conf_quic_lb *conf)
{
	uint8_t block_len = conf->server_id_length + conf->nonce_length;
	bool decrypt = block_len == 16;

	nv->ctx = EVP_CIPHER_CTX_new();
	EVP_CipherInit_ex(nv->ctx, EVP_aes_128_ecb(), NULL, conf->key, NULL, !decrypt);
	EVP_CIPHER_CTX_set_padding(nv->ctx, 0);
	nv->server_id_len = conf->server_id_length;
	nv->block_len = block_len;
	nv->mode = !conf->has_key ? QUIC_LB_PLAINTEXT
	           : decrypt      ? QUIC_LB_SINGLE_PASS
	                          : QUIC_LB_FOUR_PASS;
}

static void naive_pass(const struct naive *nv, uint8_t pass, const uint8_t *from, uint8_t *to)
{
	size_t half = (nv->block_len + 1U) / 2;
	uint8_t in[16] = {0}, out[16];
	int n;

	memcpy(in, from, half);
	in[14] = nv->block_len;
	in[15] = pass;
	EVP_CipherUpdate(nv->ctx, out, &n, in, sizeof(in));
	for (size_t i = 0; i < half; i++)
		to[i] ^= out[i];
	if (nv->block_len % 2 && pass % 2)
		to[0] &= 0x0f;
	else if (nv->block_len % 2)
		to[half - 1] &= 0xf0;
}

static void naive_four_pass(const struct naive *nv, const uint8_t *block, uint8_t *out)
{
	size_t half = (nv->block_len + 1U) / 2;
	uint8_t left[10], right[10];

	memcpy(left, block, half);
	memcpy(right, block + nv->block_len - half, half);
	if (nv->block_len % 2) {
		left[half - 1] &= 0xf0;
		right[0] &= 0x0f;
	}
	naive_pass(nv, 4, right, left);
	naive_pass(nv, 3, left, right);
	naive_pass(nv, 2, right, left);
	if (nv->server_id_len > nv->block_len / 2)
		naive_pass(nv, 1, left, right);
	memset(out, 0, nv->block_len);
	memcpy(out, left, half);
	for (size_t i = 0; i < half; i++)
		out[nv->block_len - half + i] |= right[i];
}

static void naive_decode(const struct naive *nv, const uint8_t *const *from,
                         struct quic_lb_sid *sids)
{
	uint8_t plain[QUIC_LB_MAX_BLOCK];
	int n;

	for (size_t i = 0; i < BURST; i++) {
		if (nv->mode == QUIC_LB_PLAINTEXT)
			memcpy(plain, from[i] + 1, nv->server_id_len);
		else if (nv->mode == QUIC_LB_SINGLE_PASS)
			EVP_CipherUpdate(nv->ctx, plain, &n, from[i] + 1, 16);
		else
			naive_four_pass(nv, from[i] + 1, plain);
		sids[i] = (struct quic_lb_sid){{0}};
		memcpy(&sids[i], plain, nv->server_id_len);
	}
}

// --- turns ---

struct subject {
	struct quic_lb_config config;
	struct naive naive;
	struct quic_lb_config twin;                  // the same at another address
	const struct quic_lb_config *configs[BURST]; // mixed: the two in turns
};

typedef void decode_fn(const struct subject *s, const uint8_t *const *from, struct quic_lb_sid *to);

static void run_ours(const struct subject *s, const uint8_t *const *from, struct quic_lb_sid *to)
{
	quic_lb_decode_burst(&s->config, from, BURST, to);
}

static void run_mixed(const struct subject *s, const uint8_t *const *from, struct quic_lb_sid *to)
{
	quic_lb_decode_mixed(s->configs, from, BURST, to);
}

static void run_naive(const struct subject *s, const uint8_t *const *from, struct quic_lb_sid *to)
{
	naive_decode(&s->naive, from, to);
}

// Decodes CIDS_PER_TURN CIDs; ns for each. *sum depends on every server ID.
static double turn(decode_fn *decode, const struct subject *s, size_t n_cids, uint64_t *sum)
{
	struct quic_lb_sid sids[BURST];
	uint64_t begin = clock_now_ns();

	for (size_t i = 0; i < CIDS_PER_TURN; i += BURST) {
		decode(s, cids + i % n_cids, sids);
		for (size_t j = 0; j < BURST; j++)
			*sum += sids[j].word[0] * (j + 1) + sids[j].word[1];
	}
	return (double)(clock_now_ns() - begin) / CIDS_PER_TURN;
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), cmp_double);
	return v[n / 2];
}

static bool compare(const char *name, decode_fn *ours, const struct subject *s, size_t n_cids,
                    size_t n_turns)
{
	double *ns = calloc(2 * n_turns, sizeof(*ns));
	uint64_t sum_ours = 0, sum_naive = 0;

	if (!ns)
		return false;
	for (size_t i = 0; i < n_turns; i++) {
		ns[i] = turn(ours, s, n_cids, &sum_ours);
		ns[n_turns + i] = turn(run_naive, s, n_cids, &sum_naive);
	}
	double a = median(ns, n_turns), b = median(ns + n_turns, n_turns);
	printf("bench quic_lb_%s ours=%.2f yardstick=%.2f ratio=%.2f unit=ns_per_cid\n", name, a, b,
	       a / b);
	free(ns);
	if (sum_ours != sum_naive)
		printf("bench quic_lb_%s: the two disagree\n", name);
	return sum_ours == sum_naive;
}

// In order, 20 octets apart: 5 KiB.
static void place_warm(size_t n)
{
	for (size_t i = 0; i < n; i++)
		cids[i] = packets + i * QUIC_LB_MAX_CID;
}

// A line of its own for each, at the offset a short header gives it, shuffled.
static void place_cold(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t j = draw() % (i + 1);

		cids[i] = cids[j];
		cids[j] = packets + i * STRIDE + 43;
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		uint8_t server_id_length, nonce_length;
		bool has_key;
	} shapes[] = {
		{"plaintext", 3, 4, false},      {"single_pass", 8, 8, true},
		{"four_pass", 3, 4, true},       {"four_pass_long", 9, 10, true},
		{"four_pass_4aes", 10, 5, true},
	};
	size_t n_turns = argc > 1 ? strtoul(argv[1], NULL, 10) : TURNS;
	static struct subject s;
	bool good = n_turns > 0;

	for (size_t i = 0; i < sizeof(packets); i += sizeof(uint64_t)) {
		uint64_t v = draw();
		memcpy(packets + i, &v, sizeof(v));
	}
	for (size_t i = 0; good && i < ARRAY_LEN(shapes); i++) {
		struct conf_quic_lb conf = {
			.server_id_length = shapes[i].server_id_length,
			.nonce_length = shapes[i].nonce_length,
			.draft = 19,
			.has_key = shapes[i].has_key,
			.key = "0123456789abcde",
		};
		char name[64];

		if (quic_lb_config_init(&s.config, &conf, NULL))
			return 1;
		s.twin = s.config;
		naive_init(&s.naive, &conf);
		for (size_t j = 0; j < BURST; j++)
			s.configs[j] = j % 2 ? &s.config : &s.twin;
		place_warm(256);
		good &= compare(shapes[i].name, run_ours, &s, 256, n_turns);
		snprintf(name, sizeof(name), "%s_mixed", shapes[i].name);
		good &= compare(name, run_mixed, &s, 256, n_turns);
		snprintf(name, sizeof(name), "%s_cold", shapes[i].name);
		place_cold(MAX_CIDS);
		good &= compare(name, run_ours, &s, MAX_CIDS, n_turns);
		place_warm(256);
		if (s.config.engine == QUIC_LB_VAES &&
		    quic_lb_config_use(&s.config, QUIC_LB_AESNI)) {
			snprintf(name, sizeof(name), "%s_aesni", shapes[i].name);
			good &= compare(name, run_ours, &s, 256, n_turns);
		}
		snprintf(name, sizeof(name), "%s_portable", shapes[i].name);
		good &= quic_lb_config_use(&s.config, QUIC_LB_PORTABLE);
		good &= compare(name, run_ours, &s, 256, n_turns);
		EVP_CIPHER_CTX_free(s.naive.ctx);
	}
	return good ? 0 : 1;
}

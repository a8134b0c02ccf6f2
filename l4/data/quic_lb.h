// SPDX-License-Identifier: BSD-3-Clause
// QUIC-LB: connection IDs that carry the server's name, in clear or encrypted.
// Source: draft-ietf-quic-load-balancers-21, sections 3.4 and 5.2 (layout), 4.1 (which CIDs are
// routable), 5.4 (encoding), 5.5 (decoding); the same on the wire since -19. Drafts -17 and -18 put
// the round function's input in another order ("draft": 18 selects it).
//
//	octet 0           config id (3 bits), length or random bits (5 bits)
//	octets 1..        server ID (1..15 octets) | nonce (4..18 octets), together 5..19
//	behind            whatever the server appended; never looked at
//
// How the pair of server ID and nonce is stored, n = their length:
//	no key            as it is
//	key, n == 16      one block of AES-128-ECB; the load balancer decrypts
//	key, n != 16      four passes of a Feistel network over two halves that share the middle octet
//	                  if n is odd, with AES-128-ECB encryption as the round function; three passes
//	                  of four suffice to read the server ID if it fits into the left half
//
// Protocol of use
// 1. The control plane compiles each configuration with quic_lb_config_init() into memory it owns
//    (a snapshot), enters it into a quic_lb_set, and builds a table (quic_lb_table.h).
// 2. For each packet a lane asks quic_lb_pick() whether its CID could carry a server ID.
// 3. For all of a burst at once it calls quic_lb_decode_mixed(), or quic_lb_decode_burst() if they
//    share a configuration, and looks the server IDs up.
// 4. Before the memory is released: quic_lb_config_fini(), which wipes the keys.
// A configuration never changes after step 1, so any number of threads may use it. Nothing here
// allocates. Keys are never printed. All bytes are in the order of the wire.
#pragma once

#include "l4/base/cc.h"
#include "l4/base/err.h"
#include "l4/base/slice.h"
#include "l4/model/conf.h"

enum {
	QUIC_LB_MAX_CONFIGS = 7,    // config ids 0..6; 7 = "nobody can decode this", section 3.2
	QUIC_LB_MAX_SERVER_ID = 15, // octets: 19 less the smallest nonce
	QUIC_LB_MIN_NONCE = 4,      // octets
	QUIC_LB_MAX_NONCE = 18,     // octets
	QUIC_LB_MIN_BLOCK = 5,      // octets of server ID and nonce together
	QUIC_LB_MAX_BLOCK = 19,
	QUIC_LB_MAX_CID = 20, // and the first octet; QUIC v1's limit (RFC 9000, 17.2)
	QUIC_LB_AES_BLOCK = 16,
};

enum quic_lb_mode {
	QUIC_LB_NONE,
	QUIC_LB_PLAINTEXT,
	QUIC_LB_SINGLE_PASS,
	QUIC_LB_FOUR_PASS,
	QUIC_LB_MODE_COUNT
};

// What decodes: the fastest that the processor has. All give the same results.
enum quic_lb_engine {
	QUIC_LB_PORTABLE, // OpenSSL's C and assembler, one CID at a time; encoding always
	QUIC_LB_AESNI,    // x86-64: AES-NI, bursts best in multiples of 8
	QUIC_LB_VAES,     // x86-64: VAES and AVX2, bursts best in multiples of 16
	QUIC_LB_ENGINE_COUNT
};

// A server ID as the lanes compare it: its octets in memory order, then zeros.
struct quic_lb_sid {
	_Alignas(16) uint64_t word[2];
};

// One compiled configuration. Made of what a burst needs, in the order in which it needs it; the
// constants of 16 octets are operands of vector instructions, and say what the portable code does.
struct quic_lb_config {
	uint8_t config_id;     // 0..6
	uint8_t mode;          // enum quic_lb_mode
	uint8_t server_id_len; // octets, 1..15
	uint8_t nonce_len;     // octets, 4..18
	uint8_t block_len;     // octets: the two above
	uint8_t half_len;      // octets: block_len / 2, rounded up
	uint8_t cid_len;       // octets: 1 + block_len; what must be readable at a CID
	uint8_t load_len;  // octets: two loads of 4, 8 or 16, from the block's begin and up to its
			   // end, cover both halves and never leave it
	uint8_t last_pass; // the pass at which decoding ends: 2 (three passes) or 1 (four)
	uint8_t draft;     // 18 or 19
	uint8_t engine;    // enum quic_lb_engine

	CACHE_ALIGNED uint8_t left_mask[16]; // bits of the left half, which begins at octet 0
	uint8_t right_mask[16];              // bits of the right half, moved to octet 0
	uint8_t right_shuffle[16];  // moves the right half to octet 0 (of the load from the end)
	uint8_t merge_shuffle[16];  // moves it back to where the block has it
	uint8_t expand_shuffle[16]; // moves a half to where the round function wants it
	uint8_t server_id_mask[16]; // server_id_len times 0xff
	uint8_t first_key[4][16];   // pass 1..4: round key 0, and the octets that expand() adds
	uint8_t round_key[11][16];  // FIPS 197; single pass: of the equivalent inverse cipher

	uint32_t encrypt_key[61]; // OpenSSL's AES_KEY, for encoding and for the portable code
	uint32_t decrypt_key[61]; // ditto, single pass only
} CACHE_ALIGNED;

// A service's configurations by the three rotation bits. Zero = none; [7] stays NULL.
struct quic_lb_set {
	const struct quic_lb_config *config[8]; // borrowed
};

// Whether a CID may carry a server ID (section 4.1); whether that server exists the table tells.
enum quic_lb_fit {
	QUIC_LB_FITS = 0,
	QUIC_LB_NO_CONFIG, // no configuration has these rotation bits
	QUIC_LB_TOO_SHORT, // fewer octets than the configuration's CIDs have
};

// Compiles `conf` into *c. Returns 0, or -EINVAL with a sentence that begins with the key's name
// ("server_id_length: 16 is not in 1..15"), *c untouched.
NODISCARD int quic_lb_config_init(struct quic_lb_config *c, const struct conf_quic_lb *conf,
                                  struct err *err);

// Wipes the keys; *c cannot be used afterwards.
void quic_lb_config_fini(struct quic_lb_config *c);

// Makes *c decode as on a lesser processor: for tests and benchmarks. False if this one has no such
// engine. Call before other threads see *c.
bool quic_lb_config_use(struct quic_lb_config *c, enum quic_lb_engine engine);

// Finds the configuration for the CID of `len` octets at `cid`. Short headers do not tell their
// CID's length: give what the packet holds (quic_hdr.dcid_len is right for both forms).
static MUST_INLINE enum quic_lb_fit quic_lb_pick(const struct quic_lb_config **out,
                                                 const struct quic_lb_set *set, const uint8_t *cid,
                                                 size_t len)
{
	if (len == 0)
		return QUIC_LB_TOO_SHORT;
	const struct quic_lb_config *c = set->config[cid[0] >> 5];
	if (!c)
		return QUIC_LB_NO_CONFIG;
	if (len < c->cid_len)
		return QUIC_LB_TOO_SHORT;
	*out = c;
	return QUIC_LB_FITS;
}

// Decodes n CIDs of one configuration: sids[i] from the c->cid_len octets at cids[i], which must be
// readable; nothing else is read. The first octet is not looked at. Cannot fail: every CID decodes
// to something. A remainder that does not fill an engine's multiple costs as much as one that does.
void quic_lb_decode_burst(const struct quic_lb_config *c, const uint8_t *const *cids, size_t n,
                          struct quic_lb_sid *sids);

// The same for CIDs of several configurations, of any number of services, in any order: sids[i] by
// configs[i]; where that is NULL, cids[i] is not read and sids[i] not written. Packets of the same
// configuration are decoded together, within groups of 32.
void quic_lb_decode_mixed(const struct quic_lb_config *const *configs, const uint8_t *const *cids,
                          size_t n, struct quic_lb_sid *sids);

// Decodes one CID completely, for people and tools: server_id[c->server_id_len] and
// nonce[c->nonce_len]. Returns 0, or -EINVAL with a sentence if the CID is too short or has other
// rotation bits; results untouched.
NODISCARD int quic_lb_decode(const struct quic_lb_config *c, struct slice cid, uint8_t *server_id,
                             uint8_t *nonce, struct err *err);

// Writes the CID for server_id[c->server_id_len] and nonce[c->nonce_len] to out[QUIC_LB_MAX_CID].
// A nonce must never be used twice with a key (section 5.2). `low_bits`, 0..31, go into the first
// octet: either quic_lb_length_bits() or random ones. Returns c->cid_len; the caller may append.
size_t quic_lb_encode(const struct quic_lb_config *c, uint8_t low_bits, const uint8_t *server_id,
                      const uint8_t *nonce, uint8_t *out);

// The low bits that describe the CID's length: the number of octets behind the first, including
// `n_extra` that the server appends (section 3.3).
static inline uint8_t quic_lb_length_bits(const struct quic_lb_config *c, uint8_t n_extra)
{
	return (uint8_t)((c->block_len + n_extra) & 31);
}

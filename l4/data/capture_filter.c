// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/capture_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/be.h"

// --- reading ---

// A number up to `max` and the byte behind it, `behind` or the end of the text. Moves *text behind that byte, or onto the
// end.
static bool take(const char **text, uint32_t max, char behind, uint32_t *out)
{
	unsigned long long value;
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	value = strtoull(*text, &end, 10);
	if (errno || value > max || (*end && *end != behind))
		return false;
	*out = (uint32_t)value;
	*text = end + (*end != 0);
	return true;
}

static bool take_insn(const char **text, bool is_last, struct sock_filter *out)
{
	uint32_t code, jt, jf, k;

	if (!take(text, UINT16_MAX, ' ', &code) || !take(text, UINT8_MAX, ' ', &jt) ||
	    !take(text, UINT8_MAX, ' ', &jf) || !take(text, UINT32_MAX, ',', &k))
		return false;
	if ((text[0][-1] == ',') == is_last)
		return false;
	*out = (struct sock_filter){(uint16_t)code, (uint8_t)jt, (uint8_t)jf, k};
	return true;
}

int capture_filter_read(struct capture_filter *out, const char *text, struct err *err)
{
	uint32_t n;

	if (!take(&text, UINT32_MAX, ',', &n) || !n)
		return err_set(err, -EINVAL, "filter: \"N,code jt jf k,...\" expected");
	if (n > CAPTURE_FILTER_MAX)
		return err_set(err, -EINVAL, "filter: %u instructions; at most %d", n,
		               CAPTURE_FILTER_MAX);
	for (uint32_t i = 0; i < n; i++)
		if (!take_insn(&text, i == n - 1, &out->insn[i]))
			return err_set(err, -EINVAL, "filter: instruction %u of %u cannot be read",
			               i, n);
	if (*text)
		return err_set(err, -EINVAL, "filter: more than %u instructions", n);
	out->n = (uint16_t)n;
	return capture_filter_check(out, err);
}

// --- checking ---

// Codes of loads and stores, returns and transfers that there are; jumps and arithmetic follow their own rules.
static bool is_known(uint16_t code)
{
	static const uint16_t known[] = {
		BPF_LD | BPF_W | BPF_ABS,
		BPF_LD | BPF_H | BPF_ABS,
		BPF_LD | BPF_B | BPF_ABS,
		BPF_LD | BPF_W | BPF_IND,
		BPF_LD | BPF_H | BPF_IND,
		BPF_LD | BPF_B | BPF_IND,
		BPF_LD | BPF_W | BPF_LEN,
		BPF_LD | BPF_IMM,
		BPF_LD | BPF_MEM,
		BPF_LDX | BPF_W | BPF_IMM,
		BPF_LDX | BPF_W | BPF_MEM,
		BPF_LDX | BPF_W | BPF_LEN,
		BPF_LDX | BPF_B | BPF_MSH,
		BPF_ST,
		BPF_STX,
		BPF_RET | BPF_K,
		BPF_RET | BPF_A,
		BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA,
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i] == code)
			return true;
	return false;
}

static bool is_arithmetic(const struct sock_filter *insn)
{
	uint16_t op = BPF_OP(insn->code);

	if (insn->code & ~(BPF_ALU | 0xf0 | BPF_X) || op > BPF_XOR)
		return false;
	if (op == BPF_NEG)
		return BPF_SRC(insn->code) == BPF_K;
	if (BPF_SRC(insn->code) == BPF_X)
		return true;
	if (op == BPF_DIV || op == BPF_MOD)
		return insn->k != 0;
	return (op != BPF_LSH && op != BPF_RSH) || insn->k < 32;
}

// `left`: instructions behind this one.
static bool is_jump(const struct sock_filter *insn, uint32_t left)
{
	uint16_t op = BPF_OP(insn->code);

	if (insn->code & ~(BPF_JMP | 0xf0 | BPF_X) || op > BPF_JSET)
		return false;
	if (op == BPF_JA)
		return insn->code == (BPF_JMP | BPF_JA) && insn->k < left;
	return insn->jt < left && insn->jf < left;
}

static bool names_memory(uint16_t code)
{
	return code == BPF_ST || code == BPF_STX || code == (BPF_LD | BPF_MEM) ||
	       code == (BPF_LDX | BPF_W | BPF_MEM);
}

static bool is_sound(const struct sock_filter *insn, uint32_t left)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
		return is_arithmetic(insn);
	case BPF_JMP:
		return is_jump(insn, left);
	default:
		return is_known(insn->code) &&
		       (!names_memory(insn->code) || insn->k < BPF_MEMWORDS);
	}
}

int capture_filter_check(const struct capture_filter *f, struct err *err)
{
	if (!f->n || f->n > CAPTURE_FILTER_MAX)
		return err_set(err, -EINVAL, "filter: %u instructions; 1 to %d can be", f->n,
		               CAPTURE_FILTER_MAX);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct sock_filter *insn = &f->insn[i];

		if (!is_sound(insn, f->n - 1 - i))
			return err_set(err, -EINVAL,
			               "filter: instruction %u (%u %u %u %u) cannot be", i,
			               insn->code, insn->jt, insn->jf, insn->k);
	}
	// Jumps stay inside, so only the last instruction could run out of the program.
	if (BPF_CLASS(f->insn[f->n - 1].code) != BPF_RET)
		return err_set(err, -EINVAL, "filter: does not end with a verdict");
	return 0;
}

// --- running ---

struct machine {
	uint32_t a, x;
	uint32_t word[BPF_MEMWORDS];
	const uint8_t *packet;
	uint32_t len;
};

// Reads 1, 2 or 4 bytes of the packet at `at`. False beyond its end: the packet is not wanted then.
static MUST_INLINE bool fetch(const uint8_t *packet, uint32_t len, uint32_t n, uint64_t at,
                              uint32_t *out)
{
	be32 word;
	be16 half;

	if (at > len || len - at < n)
		return false;
	if (n == 4) {
		memcpy(&word, packet + at, sizeof(word));
		*out = be32_to(word);
	} else if (n == 2) {
		memcpy(&half, packet + at, sizeof(half));
		*out = be16_to(half);
	} else {
		*out = packet[at];
	}
	return true;
}

static uint32_t size_of(uint16_t code)
{
	return BPF_SIZE(code) == BPF_B ? 1 : BPF_SIZE(code) == BPF_H ? 2 : 4;
}

static bool load_a(struct machine *m, const struct sock_filter *insn)
{
	switch (BPF_MODE(insn->code)) {
	case BPF_ABS:
		return fetch(m->packet, m->len, size_of(insn->code), insn->k, &m->a);
	case BPF_IND: // as in the kernel and libpcap, the sum wraps
		return fetch(m->packet, m->len, size_of(insn->code), (uint32_t)(m->x + insn->k),
		             &m->a);
	case BPF_LEN:
		m->a = m->len;
		return true;
	case BPF_MEM:
		m->a = m->word[insn->k];
		return true;
	default:
		m->a = insn->k;
		return true;
	}
}

static bool load_x(struct machine *m, const struct sock_filter *insn)
{
	uint32_t octet;

	switch (BPF_MODE(insn->code)) {
	case BPF_MSH: // an IPv4 header's length
		if (!fetch(m->packet, m->len, 1, insn->k, &octet))
			return false;
		m->x = (octet & 15) * 4;
		return true;
	case BPF_LEN:
		m->x = m->len;
		return true;
	case BPF_MEM:
		m->x = m->word[insn->k];
		return true;
	default:
		m->x = insn->k;
		return true;
	}
}

// False for a division by zero, after which the packet is not wanted.
static bool reckon(struct machine *m, const struct sock_filter *insn)
{
	uint32_t by = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;
	uint16_t op = BPF_OP(insn->code);

	if ((op == BPF_DIV || op == BPF_MOD) && !by)
		return false;
	switch (op) {
	case BPF_ADD:
		m->a += by;
		break;
	case BPF_SUB:
		m->a -= by;
		break;
	case BPF_MUL:
		m->a *= by;
		break;
	case BPF_DIV:
		m->a /= by;
		break;
	case BPF_MOD:
		m->a %= by;
		break;
	case BPF_AND:
		m->a &= by;
		break;
	case BPF_OR:
		m->a |= by;
		break;
	case BPF_XOR:
		m->a ^= by;
		break;
	case BPF_LSH: // by 32 and more leaves nothing, as in libpcap
		m->a = by < 32 ? m->a << by : 0;
		break;
	case BPF_RSH:
		m->a = by < 32 ? m->a >> by : 0;
		break;
	default: // BPF_NEG
		m->a = -m->a;
	}
	return true;
}

// Instructions to skip.
static uint32_t jump(const struct machine *m, const struct sock_filter *insn)
{
	uint32_t with = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;
	bool holds;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		return insn->k;
	case BPF_JEQ:
		holds = m->a == with;
		break;
	case BPF_JGT:
		holds = m->a > with;
		break;
	case BPF_JGE:
		holds = m->a >= with;
		break;
	default: // BPF_JSET
		holds = m->a & with;
	}
	return holds ? insn->jt : insn->jf;
}

// Any instruction but a verdict; moves *at by a jump. False ends the program: the packet is not wanted.
static NOINLINE bool step(struct machine *m, const struct sock_filter **at)
{
	const struct sock_filter *insn = *at;

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		return load_a(m, insn);
	case BPF_LDX:
		return load_x(m, insn);
	case BPF_ST:
		m->word[insn->k] = m->a;
		return true;
	case BPF_STX:
		m->word[insn->k] = m->x;
		return true;
	case BPF_ALU:
		return reckon(m, insn);
	case BPF_JMP:
		*at += jump(m, insn);
		return true;
	default: // BPF_MISC
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	}
}

// The instructions of which expressions are made for the most part are done here, with the accumulator in a register,
// the others by step().
bool capture_filter_matches(const struct capture_filter *f, const uint8_t *packet, uint32_t len)
{
	struct machine m = {.packet = packet, .len = len};
	uint32_t a = 0;

	for (const struct sock_filter *insn = f->insn;; insn++) {
		bool goes_on = true;

		HOT_ASSERT(insn < f->insn + f->n);
		switch (insn->code) {
		case BPF_RET | BPF_K:
			return insn->k;
		case BPF_RET | BPF_A:
			return a;
		case BPF_LD | BPF_W | BPF_ABS:
			goes_on = fetch(packet, len, 4, insn->k, &a);
			break;
		case BPF_LD | BPF_H | BPF_ABS:
			goes_on = fetch(packet, len, 2, insn->k, &a);
			break;
		case BPF_LD | BPF_B | BPF_ABS:
			goes_on = fetch(packet, len, 1, insn->k, &a);
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			insn += a == insn->k ? insn->jt : insn->jf;
			break;
		default:
			m.a = a;
			goes_on = step(&m, &insn);
			a = m.a;
		}
		if (!goes_on)
			return false;
	}
}

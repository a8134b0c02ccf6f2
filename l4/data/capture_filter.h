// SPDX-License-Identifier: BSD-3-Clause
// Classic BPF (McCanne and Jacobson, USENIX Winter 1993; opcodes as in <linux/bpf_common.h>): a program that
// says whether a packet is wanted. lbctl compiles an expression with libpcap, lb4d checks the program, lanes run it.
//
// A program that capture_filter_check() lets pass ends after at most CAPTURE_FILTER_MAX instructions, since jumps lead
// forward only, and reads nothing but the packet, the accumulator, the index and 16 words of its own.
#pragma once

#include <linux/filter.h>

#include "l4/base/err.h"

enum {
	CAPTURE_FILTER_MAX = 512,       // instructions: about a microsecond of a lane for a packet
	CAPTURE_FILTER_TEXT = 32 * 513, // bytes of a program as text, at most
};

struct capture_filter {
	uint16_t n; // 1..CAPTURE_FILTER_MAX
	struct sock_filter insn[CAPTURE_FILTER_MAX];
};

// Reads "N,code jt jf k,code jt jf k,...", decimal, as tc and iptables' bpf match take it, and checks it. 0, or
// -EINVAL with a sentence.
NODISCARD int capture_filter_read(struct capture_filter *out, const char *text, struct err *err);

// 0, or -EINVAL with a sentence that names the instruction.
NODISCARD int capture_filter_check(const struct capture_filter *f, struct err *err);

// Whether the packet is wanted: `len` bytes, all there. For checked programs only. Any thread.
bool capture_filter_matches(const struct capture_filter *f, const uint8_t *packet, uint32_t len);

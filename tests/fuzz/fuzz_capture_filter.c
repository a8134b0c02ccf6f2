// SPDX-License-Identifier: BSD-3-Clause
// A filter program and a packet, parted by the first newline. A program is either text or, behind a first byte of 0,
// instructions of 8 bytes as they lie in memory. What the check lets pass ends, and reads nothing beyond the packet, which
// lies against a guard page.
#include "l4/data/capture_filter.h"
#include "tests/support/guard.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LEN = 65536 };

static uint8_t *end; // of MAX_LEN octets; an inaccessible page begins here
static char text[MAX_LEN + 1];
static struct capture_filter filter;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	end = guard_alloc(MAX_LEN) + MAX_LEN;
	return 0;
}

static int read_text(const uint8_t *program, size_t len)
{
	struct err err = {0};
	int rc;

	memcpy(text, program, len);
	text[len] = 0;
	rc = capture_filter_read(&filter, text, &err);
	if (rc && !*err.msg)
		abort(); // refused without a word
	return rc;
}

static int read_raw(const uint8_t *program, size_t len)
{
	size_t n = len / sizeof(filter.insn[0]);

	filter.n = (uint16_t)(n > UINT16_MAX ? UINT16_MAX : n);
	n = n > CAPTURE_FILTER_MAX ? CAPTURE_FILTER_MAX : n;
	memcpy(filter.insn, program, n * sizeof(filter.insn[0]));
	return capture_filter_check(&filter, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	bool is_raw = len && !data[0];
	const uint8_t *newline;
	size_t program, packet;

	if (len > MAX_LEN)
		return -1;
	// Raw programs may hold newlines: theirs is the half of the input.
	newline = is_raw || !len ? NULL : memchr(data, '\n', len);
	program = newline ? (size_t)(newline - data) : is_raw ? 1 + (len - 1) / 16 * 8 : len;
	if (is_raw ? read_raw(data + 1, program - 1) : read_text(data, program))
		return 0;
	packet = len - program - (newline != NULL);
	memcpy(end - packet, data + len - packet, packet);
	for (size_t cut = 0; cut <= packet; cut += 1 + packet / 16)
		(void)capture_filter_matches(&filter, end - packet + cut, (uint32_t)(packet - cut));
	return 0;
}

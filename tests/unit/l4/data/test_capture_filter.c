// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/capture_filter.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/guard.h"

// What `tcpdump -ddd -i eth0 EXPR` (libpcap 1.10.3) prints, on one line.
#define IP "4,40 0 0 12,21 0 1 2048,6 0 0 262144,6 0 0 0"
#define TCP_PORT_80                                                                     \
	"24,40 0 0 12,21 0 8 34525,48 0 0 20,21 2 0 132,21 1 0 6,21 0 17 17,40 0 0 54," \
	"21 14 0 80,40 0 0 56,21 12 13 80,21 0 12 2048,48 0 0 23,21 2 0 132,21 1 0 6,"  \
	"21 0 8 17,40 0 0 20,69 6 0 8191,177 0 0 14,72 0 0 14,21 2 0 80,72 0 0 16,"     \
	"21 0 1 80,6 0 0 262144,6 0 0 0"

static struct capture_filter f;

static bool runs(const char *text, const void *packet, size_t len)
{
	struct err err;
	uint8_t *guarded = guard_alloc(len);
	bool matches;

	cr_assert_eq(capture_filter_read(&f, text, &err), 0, "%s: %s", text, err.msg);
	if (len)
		memcpy(guarded, packet, len);
	matches = capture_filter_matches(&f, guarded, (uint32_t)len);
	guard_free(guarded, len);
	return matches;
}

// One instruction or more, and the accumulator as the verdict.
#define RETURN_A ",22 0 0 0"

static const struct {
	const char *name, *text;
	bool matches;
} programs[] = {
	{"return k", "1,6 0 0 1", true},
	{"return 0", "1,6 0 0 0", false},
	{"return a", "2,0 0 0 7" RETURN_A, true},
	{"a begins as 0", "1,22 0 0 0", false},
	{"load byte", "4,48 0 0 1,21 0 1 2,6 0 0 1,6 0 0 0", true},
	{"load half, big endian", "4,40 0 0 0,21 0 1 258,6 0 0 1,6 0 0 0", true},
	{"load word", "4,32 0 0 0,21 0 1 16909060,6 0 0 1,6 0 0 0", true},
	{"load by index", "5,1 0 0 2,80 0 0 1,21 0 1 4,6 0 0 1,6 0 0 0", true},
	{"length", "4,128 0 0 0,21 0 1 8,6 0 0 1,6 0 0 0", true},
	{"length to x", "5,129 0 0 0,135 0 0 0,21 0 1 8,6 0 0 1,6 0 0 0", true},
	{"last byte", "2,48 0 0 7" RETURN_A, true},
	{"beyond the packet", "2,48 0 0 8,6 0 0 1", false},
	{"half beyond", "2,40 0 0 7,6 0 0 1", false},
	{"word beyond", "2,32 0 0 5,6 0 0 1", false},
	{"far beyond", "2,32 0 0 4294967295,6 0 0 1", false},
	{"index wraps as in the kernel", "3,1 0 0 4294967295,80 0 0 1" RETURN_A, true},
	{"index beyond", "3,1 0 0 4294967295,80 0 0 0,6 0 0 1", false},
	{"header length", "5,177 0 0 4,135 0 0 0,21 0 1 20,6 0 0 1,6 0 0 0", true},
	{"memory", "7,0 0 0 9,2 0 0 15,0 0 0 0,96 0 0 15,21 0 1 9,6 0 0 1,6 0 0 0", true},
	{"memory begins as 0", "2,96 0 0 3" RETURN_A, false},
	{"x to memory", "5,1 0 0 5,3 0 0 0,97 0 0 0,135 0 0 0" RETURN_A, true},
	{"add", "3,0 0 0 4294967295,4 0 0 1" RETURN_A, false},
	{"sub", "3,0 0 0 5,20 0 0 5" RETURN_A, false},
	{"mul", "3,0 0 0 2,36 0 0 2147483648" RETURN_A, false},
	{"div", "3,0 0 0 6,52 0 0 7" RETURN_A, false},
	{"mod", "3,0 0 0 14,148 0 0 7" RETURN_A, false},
	{"and", "3,0 0 0 6,84 0 0 9" RETURN_A, false},
	{"or", "3,0 0 0 0,68 0 0 9" RETURN_A, true},
	{"xor", "3,0 0 0 9,164 0 0 9" RETURN_A, false},
	{"left", "3,0 0 0 1,100 0 0 31" RETURN_A, true},
	{"right", "3,0 0 0 1,116 0 0 1" RETURN_A, false},
	{"neg", "5,0 0 0 1,132 0 0 0,21 0 1 4294967295,6 0 0 1,6 0 0 0", true},
	{"add x", "5,1 0 0 3,12 0 0 0,21 0 1 3,6 0 0 1,6 0 0 0", true},
	{"div by x = 0", "3,0 0 0 6,60 0 0 0,6 0 0 1", false},
	{"mod by x = 0", "3,0 0 0 6,156 0 0 0,6 0 0 1", false},
	{"left by 32", "4,1 0 0 32,0 0 0 1,108 0 0 0" RETURN_A, false},
	{"right by 32", "4,1 0 0 32,0 0 0 1,124 0 0 0" RETURN_A, false},
	{"tax", "4,0 0 0 4,7 0 0 0,135 0 0 0" RETURN_A, true},
	{"jump", "3,5 0 0 1,6 0 0 1,6 0 0 0", false},
	{"greater", "4,0 0 0 4294967295,37 0 1 1,6 0 0 1,6 0 0 0", true},
	{"not less", "4,0 0 0 1,53 0 1 1,6 0 0 1,6 0 0 0", true},
	{"set", "4,0 0 0 8,69 0 1 7,6 0 0 1,6 0 0 0", false},
	{"equal x", "5,0 0 0 8,1 0 0 8,29 0 1 0,6 0 0 1,6 0 0 0", true},
};

Test(capture_filter, instructions_do_what_they_are_said_to)
{
	static const uint8_t packet[8] = {1, 2, 3, 4, 0x45, 6, 7, 8};

	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		cr_expect_eq(runs(programs[i].text, packet, sizeof(packet)), programs[i].matches,
		             "%s", programs[i].name);
}

Test(capture_filter, programs_of_tcpdump_know_their_packets)
{
	// Ethernet, IPv4, TCP 40000 > 80.
	uint8_t packet[54] = {
		[12] = 0x08, [14] = 0x45, [23] = 6, [34] = 0x9c, [35] = 0x40, [37] = 80};

	cr_expect(runs(IP, packet, sizeof(packet)));
	cr_expect(runs(TCP_PORT_80, packet, sizeof(packet)));
	for (size_t len = 0; len < 38; len++)
		cr_expect_not(runs(TCP_PORT_80, packet, len), "%zu", len);
	packet[37] = 81;
	cr_expect_not(runs(TCP_PORT_80, packet, sizeof(packet)));
	packet[20] = 1; // not the first fragment
	packet[37] = 80;
	cr_expect_not(runs(TCP_PORT_80, packet, sizeof(packet)));
}

static const char *const hostile[] = {
	"",
	"0",
	"1",
	"x",
	"-1,6 0 0 0",
	"1,",
	"1,6",
	"1,6 0 0",
	"1,6 0 0 0,",
	"1,6 0 0 0,6 0 0 0",
	"2,6 0 0 0",
	"1,6  0 0 0",
	"1, 6 0 0 0",
	"1,6 0 0 0 ",
	"1,6 0 0 4294967296",
	"1,6 256 0 0",
	"1,65536 0 0 0",
	"1,+6 0 0 0",
	"1,0x6 0 0 0",
	"513,6 0 0 0",
	"4294967297,6 0 0 0",
	"1,6,0 0 0",
	"18446744073709551617,6 0 0 0",
	"1,0 0 0 0",                  // does not end
	"1,5 0 0 0",                  // jumps out
	"2,5 0 0 1,6 0 0 0",          // likewise
	"2,5 0 0 4294967295,6 0 0 0", // backwards, if k were signed
	"2,21 1 0 0,6 0 0 0",         // the branch taken
	"2,21 0 1 0,6 0 0 0",         // the other one
	"2,13 0 0 0,6 0 0 0",         // ja by x
	"2,85 0 0 0,6 0 0 0",         // no such jump
	"2,52 0 0 0,6 0 0 0",         // divides by 0
	"2,148 0 0 0,6 0 0 0",        // likewise
	"2,100 0 0 32,6 0 0 0",       // shifts too far
	"2,116 0 0 4294967295,6 0 0 0",
	"2,180 0 0 0,6 0 0 0", // no such operation
	"2,140 0 0 0,6 0 0 0", // neg of x
	"2,96 0 0 16,6 0 0 0", // no such memory
	"2,97 0 0 16,6 0 0 0",
	"2,2 0 0 16,6 0 0 0",
	"2,3 0 0 4294967295,6 0 0 0",
	"2,14 0 0 0,6 0 0 0", // returns x, says nobody
	"2,8 0 0 0,6 0 0 0",
	"2,177 0 0 0,4 0 0 0",
	"2,65535 0 0 0,6 0 0 0",
	"2,24 0 0 0,6 0 0 0",
	"2,160 0 0 0,6 0 0 0", // header length to a
	"2,10 0 0 0,6 0 0 0",  // stores by x
};

Test(capture_filter, hostile_programs_are_refused_with_a_sentence)
{
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct err err = {0};

		cr_expect_eq(capture_filter_read(&f, hostile[i], &err), -EINVAL, "%s", hostile[i]);
		cr_expect_eq(strncmp(err.msg, "filter: ", 8), 0, "%s: %s", hostile[i], err.msg);
	}
}

Test(capture_filter, every_truncation_of_a_program_is_refused)
{
	char text[] = TCP_PORT_80;

	// The last one is shorter by digits of a number only.
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		char cut[sizeof(text)] = "";

		memcpy(cut, text, len);
		cr_expect_eq(capture_filter_read(&f, cut, NULL), -EINVAL, "%s", cut);
	}
}

Test(capture_filter, the_longest_program_runs_to_its_end)
{
	static char text[CAPTURE_FILTER_TEXT];
	int at = snprintf(text, sizeof(text), "%d", CAPTURE_FILTER_MAX);

	for (int i = 0; i < CAPTURE_FILTER_MAX - 1; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, ",4 0 0 1");
	snprintf(text + at, sizeof(text) - (size_t)at, RETURN_A);
	cr_expect(runs(text, NULL, 0));
	cr_expect_eq(f.n, CAPTURE_FILTER_MAX);
}

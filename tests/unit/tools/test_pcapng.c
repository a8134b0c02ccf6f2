// SPDX-License-Identifier: BSD-3-Clause
// Known answers by hand from draft-ietf-opsawg-pcapng-03, sections 4.1 to 4.6; tests/smoke/55_capture_test.sh lets
// tshark and capinfos read what lbctl writes.
#include "tools/pcapng.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	char path[64];
	struct pcapng p;
	uint8_t *bytes; // of the file
	size_t len;
} t;

static void setup(void)
{
	int fd;

	snprintf(t.path, sizeof(t.path), "/tmp/lb47-test-XXXXXX");
	fd = mkstemp(t.path);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(pcapng_open(&t.p, t.path, NULL), 0);
}

static void teardown(void)
{
	free(t.bytes);
	unlink(t.path);
}

TestSuite(pcapng, .init = setup, .fini = teardown);

static void read_file(void)
{
	int fd = open(t.path, O_RDONLY);
	struct stat st;

	cr_assert(fd >= 0 && fstat(fd, &st) == 0);
	t.len = (size_t)st.st_size;
	t.bytes = malloc(t.len + 1);
	cr_assert(t.bytes && read(fd, t.bytes, t.len) == (ssize_t)t.len);
	close(fd);
}

static uint32_t word(size_t at)
{
	uint32_t value;

	cr_assert_leq(at + 4, t.len);
	memcpy(&value, t.bytes + at, sizeof(value));
	return value;
}

// Walks the blocks: whole, with their length at both ends. Returns how many.
static unsigned count_blocks(void)
{
	unsigned n = 0;

	for (size_t at = 0; at < t.len; n++) {
		uint32_t len = word(at + 4);

		cr_assert(len >= 12 && len % 4 == 0 && len <= t.len - at, "block %u", n);
		cr_assert_eq(word(at + len - 4), len);
		at += len;
	}
	return n;
}

static const struct pcapng_packet ping = {
	.interface = 1,
	.time_ns = UINT64_C(0x1122334455667788),
	.byte = (const uint8_t *)"abcde",
	.captured = 5,
	.len = 7,
	.direction = PCAPNG_OUTBOUND,
	.id = 9,
	.missed = 3,
	.comment = "why not",
};

Test(pcapng, a_packet_is_laid_out_as_the_draft_says)
{
	static const uint8_t want[] = {
		6,    0,    0,    0,    88,   0,    0,    0,
		1,    0,    0,    0,                            // type, length, interface
		0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55, // time, high and low
		5,    0,    0,    0,    7,    0,    0,    0,    // captured, original length
		'a',  'b',  'c',  'd',  'e',  0,    0,    0,    // padded
		2,    0,    4,    0,    2,    0,    0,    0,    // epb_flags: outbound
		5,    0,    8,    0,    9,    0,    0,    0,
		0,    0,    0,    0, // epb_packetid
		4,    0,    8,    0,    3,    0,    0,    0,
		0,    0,    0,    0, // epb_dropcount
		1,    0,    7,    0,    'w',  'h',  'y',  ' ',
		'n',  'o',  't',  0,                         // opt_comment
		0,    0,    0,    0,    88,   0,    0,    0, // opt_endofopt, length
	};

	pcapng_packet(&t.p, &ping);
	cr_assert_eq(pcapng_close(&t.p), 0);
	read_file();
	cr_assert_eq(t.len, sizeof(want));
	cr_expect_arr_eq(t.bytes, want, sizeof(want));
}

Test(pcapng, an_interface_is_laid_out_as_the_draft_says)
{
	static const uint8_t want[] = {
		1,  0, 0, 0, 60,  0,   0,   0, 1, 0, 0, 0,
		0,  8, 0, 0,                               // type, length, Ethernet, snap
		2,  0, 3, 0, 'w', 'a', 'n', 0,             // if_name
		6,  0, 6, 0, 2,   0,   0,   0, 0, 1, 0, 0, // if_MACaddr
		9,  0, 1, 0, 9,   0,   0,   0,             // if_tsresol: nanoseconds
		11, 0, 3, 0, 0,   'i', 'p', 0,             // if_filter: libpcap's
		0,  0, 0, 0, 60,  0,   0,   0,
	};

	pcapng_interface(&t.p, &(struct pcapng_interface){.name = "wan",
	                                                  .description = "",
	                                                  .filter = "ip",
	                                                  .mac = {2, 0, 0, 0, 0, 1},
	                                                  .snap = 2048});
	cr_assert_eq(pcapng_close(&t.p), 0);
	read_file();
	cr_assert_eq(t.len, sizeof(want));
	cr_expect_arr_eq(t.bytes, want, sizeof(want));
}

Test(pcapng, a_section_begins_the_file_and_statistics_end_it)
{
	pcapng_section(&t.p, "lbctl", "a comment");
	pcapng_statistics(&t.p, &(struct pcapng_statistics){.received = 5, .dropped = 1});
	cr_assert_eq(pcapng_close(&t.p), 0);
	read_file();
	cr_expect_eq(count_blocks(), 2);
	cr_expect_eq(word(0), 0x0a0d0d0a);
	cr_expect_eq(word(8), 0x1a2b3c4d);
	cr_expect_eq(word(12), 1, "version 1.0");
	cr_expect(word(16) == UINT32_MAX && word(20) == UINT32_MAX);
	cr_expect_eq(word(word(4)), 5);
	cr_expect_not_null(memmem(t.bytes, t.len, "a comment", 9));
}

Test(pcapng, more_than_the_buffer_holds_is_written_whole)
{
	static uint8_t frame[PCAPNG_FRAME_MAX];
	struct pcapng_packet big = ping;

	big.byte = frame;
	for (uint32_t i = 0; i < 100; i++) {
		big.captured = (uint32_t)(i * 7919 % (PCAPNG_FRAME_MAX + 1));
		pcapng_packet(&t.p, &big);
	}
	cr_assert_eq(pcapng_close(&t.p), 0);
	read_file();
	cr_expect_eq(count_blocks(), 100);
}

Test(pcapng, a_text_that_is_too_long_is_cut)
{
	static char text[4 * PCAPNG_TEXT_MAX];
	struct pcapng_packet p = ping;

	memset(text, 'x', sizeof(text) - 1);
	p.comment = text;
	pcapng_packet(&t.p, &p);
	pcapng_interface(&t.p, &(struct pcapng_interface){
				       .name = text, .description = text, .filter = text});
	cr_assert_eq(pcapng_close(&t.p), 0);
	read_file();
	cr_expect_eq(count_blocks(), 2);
}

// What a full disk does, at every place of a block.
Test(pcapng, a_file_that_may_not_grow_ends_behind_a_whole_block)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	pcapng_close(&t.p);
	for (rlim_t max = 1; max < 3 * 88; max += 5) {
		cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
		limit.rlim_cur = max;
		cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
		cr_assert_eq(pcapng_open(&t.p, t.path, NULL), 0);
		pcapng_packet(&t.p, &ping);
		cr_expect_eq(pcapng_flush(&t.p), max < 88 ? -EFBIG : 0);
		pcapng_packet(&t.p, &ping);
		pcapng_packet(&t.p, &ping);
		cr_expect_eq(pcapng_flush(&t.p), -EFBIG);
		pcapng_packet(&t.p, &ping); // does nothing any more
		cr_expect_eq(pcapng_close(&t.p), -EFBIG);
		read_file();
		cr_expect_eq(t.len, max / 88 * 88, "%zu of %zu", t.len, (size_t)max);
		cr_expect_eq(count_blocks(), max / 88);
		free(t.bytes);
		t.bytes = NULL;
	}
}

Test(pcapng, a_place_that_cannot_be_written_is_named)
{
	struct err err;

	cr_assert_eq(pcapng_close(&t.p), 0);
	cr_expect_eq(pcapng_open(&t.p, "/nowhere/a.pcapng", &err), -ENOENT);
	cr_expect_str_eq(err.msg, "/nowhere/a.pcapng: No such file or directory");
}

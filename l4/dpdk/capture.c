// SPDX-License-Identifier: BSD-3-Clause
#include "l4/dpdk/capture.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap
enum {
	MAGIC_US = 0xa1b2c3d4,
	MAGIC_NS = 0xa1b23c4d,
	FILE_HEADER = 24,
	RECORD_HEADER = 16,
	AT_LEN = 8,           // of the captured bytes' number in a record header
	PCAPNG_SMALLEST = 16, // a Simple Packet Block without a packet
};

static uint32_t word_at(const uint8_t *at, bool is_swapped)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return is_swapped ? __builtin_bswap32(word) : word;
}

static bool is_magic(uint32_t word)
{
	return word == (uint32_t)MAGIC_US || word == (uint32_t)MAGIC_NS;
}

static uint32_t count(const uint8_t *file, size_t size)
{
	bool is_swapped;
	uint32_t n = 0;

	if (size < FILE_HEADER)
		return 0;
	is_swapped = !is_magic(word_at(file, false));
	if (!is_magic(word_at(file, is_swapped)))
		return (uint32_t)(size / PCAPNG_SMALLEST);
	for (size_t at = FILE_HEADER; size - at >= RECORD_HEADER; n++) {
		uint32_t len = word_at(file + at + AT_LEN, is_swapped);

		at += RECORD_HEADER;
		if (len > size - at)
			break; // cut off
		at += len;
	}
	return n;
}

uint32_t capture_count(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint32_t n = 0;
	void *bytes;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			n = count(bytes, (size_t)st.st_size);
			munmap(bytes, (size_t)st.st_size);
		}
	}
	close(fd);
	return n;
}

// SPDX-License-Identifier: BSD-3-Clause
// Writes captures in the format of draft-ietf-opsawg-pcapng, which has what classic pcap lacks: comments, directions,
// several interfaces. libpcap reads such files, but writes none.
//   1. pcapng_open();
//   2. pcapng_section(), then an interface for each port, in order: they are numbered from 0;
//   3. pcapng_packet() ...; pcapng_flush() whenever nobody should wait for what has come;
//   4. pcapng_statistics() for each interface; pcapng_close().
// A disk that is full ends the file behind the last whole block: what is there can be read. From the first error on
// all calls do nothing; it is what pcapng_flush() and pcapng_close() return.
#pragma once

#include "l4/base/err.h"

enum { PCAPNG_BUFFER = 256 << 10, PCAPNG_FRAME_MAX = 64 << 10, PCAPNG_TEXT_MAX = 1024 };

struct pcapng {
	int fd;
	bool is_file;     // can be cut
	int error;        // negative errno, 0 = none
	uint64_t written; // bytes of whole blocks in the file
	size_t len;       // of buffer
	uint8_t *buffer;  // [PCAPNG_BUFFER], whole blocks; owned
};

enum pcapng_direction { PCAPNG_UNKNOWN, PCAPNG_INBOUND, PCAPNG_OUTBOUND };

struct pcapng_interface {
	const char *name;
	const char *description; // "" = none
	const char *filter;      // libpcap's language; NULL = none
	uint8_t mac[6];          // all zero = not known
	uint32_t snap;
};

struct pcapng_packet {
	uint32_t interface;
	uint64_t time_ns;    // Unix time
	const uint8_t *byte; // [captured]
	uint32_t captured, len;
	uint8_t direction;   // enum pcapng_direction
	uint64_t id;         // the same for one packet seen twice
	uint64_t missed;     // packets between this and the one before
	const char *comment; // UTF-8, up to PCAPNG_TEXT_MAX bytes
};

struct pcapng_statistics {
	uint32_t interface;
	uint64_t time_ns, start_ns; // Unix time
	uint64_t received, accepted, dropped, delivered;
};

// A new file, or "-" for the standard output. On failure a sentence that begins with the path.
NODISCARD int pcapng_open(struct pcapng *p, const char *path, struct err *err);

// Flushes and frees. 0 or negative errno of the first error.
int pcapng_close(struct pcapng *p);

void pcapng_section(struct pcapng *p, const char *program, const char *comment);
void pcapng_interface(struct pcapng *p, const struct pcapng_interface *i);
void pcapng_packet(struct pcapng *p, const struct pcapng_packet *packet);
void pcapng_statistics(struct pcapng *p, const struct pcapng_statistics *s);
int pcapng_flush(struct pcapng *p);

// SPDX-License-Identifier: BSD-3-Clause
#include "tools/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

// draft-ietf-opsawg-pcapng, section 4; options of each block type, 3.5 and 4.x.
enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINK_ETHERNET = 1,

	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_OS = 3,
	SHB_PROGRAM = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_MAC = 6,
	IF_TIME_RESOLUTION = 9,
	IF_FILTER = 11,
	EPB_FLAGS = 2,
	EPB_DROPPED = 4,
	EPB_ID = 5,
	ISB_START = 2,
	ISB_END = 3,
	ISB_RECEIVED = 4,
	ISB_DROPPED = 5,
	ISB_ACCEPTED = 6,
	ISB_DELIVERED = 8,

	RESOLUTION_NS = 9, // 10^-9 s
	OVERHEAD = 2048,   // of a block, but for a frame and a text
};

// --- a block: the buffer grows by its parts, and its length is set at the end ---

static void put(struct pcapng *p, const void *bytes, size_t len)
{
	static const uint8_t zero[4];
	size_t pad = -len & 3;

	memcpy(p->buffer + p->len, bytes, len);
	memcpy(p->buffer + p->len + len, zero, pad);
	p->len += len + pad;
}

static void put_u32(struct pcapng *p, uint32_t value)
{
	put(p, &value, sizeof(value));
}

static void put_time(struct pcapng *p, uint64_t ns)
{
	put_u32(p, (uint32_t)(ns >> 32));
	put_u32(p, (uint32_t)ns);
}

static void put_option(struct pcapng *p, uint16_t code, const void *value, size_t len)
{
	uint16_t head[2] = {code, (uint16_t)len};

	put(p, head, sizeof(head));
	put(p, value, len);
}

static void put_text(struct pcapng *p, uint16_t code, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len)
		put_option(p, code, text, len < PCAPNG_TEXT_MAX ? len : PCAPNG_TEXT_MAX);
}

static void put_u64(struct pcapng *p, uint16_t code, uint64_t value)
{
	put_option(p, code, &value, sizeof(value));
}

static void put_when(struct pcapng *p, uint16_t code, uint64_t ns)
{
	uint32_t halves[2] = {(uint32_t)(ns >> 32), (uint32_t)ns};

	put_option(p, code, halves, sizeof(halves));
}

// Returns where the block begins. Nothing may be added if pcapng has failed.
static size_t begin(struct pcapng *p, uint32_t type)
{
	size_t at;

	if (PCAPNG_BUFFER - p->len < PCAPNG_FRAME_MAX + PCAPNG_TEXT_MAX + OVERHEAD)
		pcapng_flush(p);
	at = p->len;
	put_u32(p, type);
	put_u32(p, 0);
	return at;
}

static void end(struct pcapng *p, size_t at)
{
	uint32_t len;

	put_u32(p, OPT_END);
	len = (uint32_t)(p->len - at + sizeof(len));
	put_u32(p, len);
	memcpy(p->buffer + at + sizeof(len), &len, sizeof(len));
}

// --- the file ---

// Cuts the file behind the last whole block, of `sent` bytes of the buffer.
static void cut(struct pcapng *p, size_t sent)
{
	uint32_t len;
	size_t whole = 0;

	while (whole < p->len) {
		memcpy(&len, p->buffer + whole + sizeof(len), sizeof(len));
		if (len > sent - whole)
			break;
		whole += len;
	}
	p->written += whole;
	if (p->is_file && ftruncate(p->fd, (off_t)p->written) != 0)
		p->is_file = false;
}

int pcapng_flush(struct pcapng *p)
{
	size_t sent = 0;

	while (!p->error && sent < p->len) {
		ssize_t n = write(p->fd, p->buffer + sent, p->len - sent);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EINTR)
			p->error = -errno;
	}
	if (p->error)
		cut(p, sent);
	else
		p->written += p->len;
	p->len = 0;
	return p->error;
}

int pcapng_open(struct pcapng *p, const char *path, struct err *err)
{
	struct stat st;

	*p = (struct pcapng){.fd = STDOUT_FILENO};
	p->buffer = malloc(PCAPNG_BUFFER);
	if (!p->buffer)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	if (strcmp(path, "-") != 0)
		p->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (p->fd < 0) {
		free(p->buffer);
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	}
	p->is_file = p->fd != STDOUT_FILENO && fstat(p->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

int pcapng_close(struct pcapng *p)
{
	pcapng_flush(p);
	if (p->fd != STDOUT_FILENO && close(p->fd) != 0 && !p->error)
		p->error = -errno; // a network's file system may know only now
	free(p->buffer);
	p->buffer = NULL;
	return p->error;
}

// --- the blocks ---

void pcapng_section(struct pcapng *p, const char *program, const char *comment)
{
	uint16_t version[2] = {1, 0};
	struct utsname host;
	size_t at = begin(p, BLOCK_SECTION);

	put_u32(p, BYTE_ORDER_MAGIC);
	put(p, version, sizeof(version));
	put_u32(p, UINT32_MAX); // 64 bits: the section's length, not known
	put_u32(p, UINT32_MAX);
	if (uname(&host) == 0)
		put_text(p, SHB_OS, host.release);
	put_text(p, SHB_PROGRAM, program);
	put_text(p, OPT_COMMENT, comment);
	end(p, at);
}

static void put_filter(struct pcapng *p, const char *filter)
{
	char value[PCAPNG_TEXT_MAX];
	size_t all = strlen(filter), len = all < sizeof(value) - 1 ? all : sizeof(value) - 1;

	value[0] = 0; // libpcap's language
	memcpy(value + 1, filter, len);
	put_option(p, IF_FILTER, value, len + 1);
}

void pcapng_interface(struct pcapng *p, const struct pcapng_interface *i)
{
	static const uint8_t none[sizeof(i->mac)];
	uint8_t resolution = RESOLUTION_NS;
	size_t at = begin(p, BLOCK_INTERFACE);

	put_u32(p, LINK_ETHERNET);
	put_u32(p, i->snap);
	put_text(p, IF_NAME, i->name);
	put_text(p, IF_DESCRIPTION, i->description);
	if (memcmp(i->mac, none, sizeof(none)) != 0)
		put_option(p, IF_MAC, i->mac, sizeof(i->mac));
	put_option(p, IF_TIME_RESOLUTION, &resolution, sizeof(resolution));
	if (i->filter)
		put_filter(p, i->filter);
	end(p, at);
}

void pcapng_packet(struct pcapng *p, const struct pcapng_packet *packet)
{
	uint32_t direction = packet->direction;
	size_t at = begin(p, BLOCK_PACKET);

	assert(packet->captured <= PCAPNG_FRAME_MAX);
	put_u32(p, packet->interface);
	put_time(p, packet->time_ns);
	put_u32(p, packet->captured);
	put_u32(p, packet->len);
	put(p, packet->byte, packet->captured);
	put_option(p, EPB_FLAGS, &direction, sizeof(direction));
	put_u64(p, EPB_ID, packet->id);
	if (packet->missed)
		put_u64(p, EPB_DROPPED, packet->missed);
	put_text(p, OPT_COMMENT, packet->comment);
	end(p, at);
}

void pcapng_statistics(struct pcapng *p, const struct pcapng_statistics *s)
{
	size_t at = begin(p, BLOCK_STATISTICS);

	put_u32(p, s->interface);
	put_time(p, s->time_ns);
	put_when(p, ISB_START, s->start_ns);
	put_when(p, ISB_END, s->time_ns);
	put_u64(p, ISB_RECEIVED, s->received);
	put_u64(p, ISB_DROPPED, s->dropped);
	put_u64(p, ISB_ACCEPTED, s->accepted);
	put_u64(p, ISB_DELIVERED, s->delivered);
	end(p, at);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l4/base/addr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct addr addr_ip4(be32 ip4)
{
	struct addr a = {.family = ADDR_IP4};

	a.ip4 = ip4;
	return a;
}

struct addr addr_ip6(const uint8_t ip6[16])
{
	struct addr a = {.family = ADDR_IP6};

	memcpy(a.ip6, ip6, sizeof(a.ip6));
	return a;
}

int addr_parse(struct addr *out, const char *text)
{
	uint8_t ip6[16];
	uint32_t ip4;

	if (inet_pton(AF_INET, text, &ip4) == 1) {
		*out = addr_ip4(be32_of_raw(ip4));
		return 0;
	}
	if (inet_pton(AF_INET6, text, ip6) == 1) {
		*out = addr_ip6(ip6);
		return 0;
	}
	return -EINVAL;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->ip6, b->ip6, sizeof(a->ip6));
}

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

bool addr_is_unspecified(const struct addr *a)
{
	return all_zero(a->ip6, sizeof(a->ip6));
}

bool addr_is_multicast(const struct addr *a)
{
	return a->family == ADDR_IP4 ? (a->ip6[0] & 0xf0) == 0xe0 : a->ip6[0] == 0xff;
}

bool addr_is_loopback(const struct addr *a)
{
	if (a->family == ADDR_IP4)
		return a->ip6[0] == 127;
	return all_zero(a->ip6, 15) && a->ip6[15] == 1;
}

// Decimal, without zeros in front; returns what follows it.
static char *write_number(char *p, uint32_t number)
{
	if (number >= 10)
		p = write_number(p, number / 10);
	*p = (char)('0' + number % 10);
	return p + 1;
}

static char *write_ip4(char *p, const uint8_t byte[4])
{
	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		p = write_number(p, byte[i]);
	}
	return p;
}

static char *write_group(char *p, uint32_t group)
{
	for (uint32_t shift = 16; shift > 0; shift -= 4)
		if (shift == 4 || group >> (shift - 4))
			*p++ = "0123456789abcdef"[group >> (shift - 4) & 15];
	return p;
}

struct zeros {
	size_t at, n; // groups
};

// The longest run of zero groups, the first of equals; a single one is no run (RFC 5952 section 4.2).
static struct zeros find_zeros(const uint16_t group[8])
{
	struct zeros best = {8, 1};

	for (size_t i = 0; i < 8; i++) {
		size_t n = 0;

		while (i + n < 8 && group[i + n] == 0)
			n++;
		if (n > best.n)
			best = (struct zeros){i, n};
		i += n;
	}
	return best;
}

// Whether the last four bytes are an IPv4 address: ::ffff:0:0/96 and what is left of ::/96, as inet_ntop(3) has it.
static bool ends_in_ip4(const uint16_t group[8], struct zeros zeros)
{
	return zeros.at == 0 && (zeros.n == 6 || (zeros.n == 5 && group[5] == 0xffff));
}

static char *write_ip6(char *p, const uint8_t byte[16])
{
	struct zeros zeros;
	uint16_t group[8];
	size_t end;

	for (size_t i = 0; i < 8; i++)
		group[i] = (uint16_t)(byte[2 * i] << 8 | byte[2 * i + 1]);
	zeros = find_zeros(group);
	end = ends_in_ip4(group, zeros) ? 6 : 8;
	for (size_t i = 0; i < end; i++) {
		if (i == zeros.at) {
			i += zeros.n - 1;
			*p++ = ':';
			continue;
		}
		if (i > 0)
			*p++ = ':';
		p = write_group(p, group[i]);
	}
	if (end == 6) {
		*p++ = ':';
		return write_ip4(p, byte + 12);
	}
	if (zeros.at + zeros.n == 8)
		*p++ = ':';
	return p;
}

size_t addr_write(const struct addr *a, char *out)
{
	char *end = out;

	if (a->family == ADDR_IP4)
		end = write_ip4(out, a->ip6);
	else if (a->family == ADDR_IP6)
		end = write_ip6(out, a->ip6);
	else
		*end++ = '-';
	*end = '\0';
	return (size_t)(end - out);
}

const char *addr_text(const struct addr *a, char *out)
{
	addr_write(a, out);
	return out;
}

const char *addr_port_text(const struct addr *a, be16 port, char *out)
{
	char *p = out;

	if (a->family == ADDR_IP6)
		*p++ = '[';
	p += addr_write(a, p);
	if (a->family == ADDR_IP6)
		*p++ = ']';
	*p++ = ':';
	p = write_number(p, be16_to(port));
	*p = '\0';
	return out;
}

int mac_parse(struct mac *out, const char *text)
{
	struct mac m;

	for (size_t i = 0; i < sizeof(m.byte); i++) {
		char pair[3] = {text[0], text[0] ? text[1] : '\0', '\0'};

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
			return -EINVAL;
		sscanf(pair, "%2hhx", &m.byte[i]);
		text += 2;
		if (i < 5 && *text++ != ':')
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	*out = m;
	return 0;
}

const char *mac_text(const struct mac *m, char *out)
{
	snprintf(out, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", m->byte[0], m->byte[1],
	         m->byte[2], m->byte[3], m->byte[4], m->byte[5]);
	return out;
}

bool mac_is_zero(const struct mac *m)
{
	return all_zero(m->byte, sizeof(m->byte));
}

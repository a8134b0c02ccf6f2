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

const char *addr_text(const struct addr *a, char *out)
{
	int family = a->family == ADDR_IP4 ? AF_INET : AF_INET6;

	if (a->family == ADDR_NONE || !inet_ntop(family, a->ip6, out, ADDR_TEXT_SIZE))
		snprintf(out, ADDR_TEXT_SIZE, "-");
	return out;
}

const char *addr_port_text(const struct addr *a, be16 port, char *out)
{
	char text[ADDR_TEXT_SIZE];

	addr_text(a, text);
	snprintf(out, ADDR_PORT_TEXT_SIZE, a->family == ADDR_IP6 ? "[%s]:%u" : "%s:%u", text,
	         be16_to(port));
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

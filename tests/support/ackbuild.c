// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/ackbuild.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/pktbuild.h"

const char ackbuild_conf[] =
	"{'ports': [{'name': 'wan', 'driver': 'pcap', 'rx': 'x', 'mac': '02:00:00:00:00:01'}],"
	"'lanes': [0], 'flows': 65536, 'snat': {'addresses': ['10.0.0.2']}, 'services': ["
	"{'name': 'dsr', 'address': '203.0.113.10', 'port': 80, 'protocol': 'tcp', 'pool': 'p'},"
	"{'name': 'nat', 'address': '203.0.113.10', 'port': 81, 'protocol': 'tcp', 'pool': 'p',"
	" 'forward': 'nat'}], 'pools': [{'name': 'p', 'backends': ["
	"{'name': 'b1', 'address': '10.0.1.1', 'port': 80, 'mac': '02:00:00:00:01:01'},"
	"{'name': 'b2', 'address': '10.0.1.2', 'port': 80, 'mac': '02:00:00:00:01:02'},"
	"{'name': 'b3', 'address': '10.0.1.3', 'port': 80, 'mac': '02:00:00:00:01:03'},"
	"{'name': 'b4', 'address': '10.0.1.4', 'port': 80, 'mac': '02:00:00:00:01:04'}]}]}";

const char ackbuild_no_match[] =
	"17,40 0 0 12,21 0 14 2048,32 0 0 26,21 2 0 3221225985,32 0 0 30,21 0 10 3221225985,"
	"48 0 0 23,21 0 8 6,40 0 0 20,69 6 0 8191,177 0 0 14,72 0 0 14,21 2 0 443,72 0 0 16,"
	"21 0 1 443,6 0 0 262144,6 0 0 0";

void ackbuild_address(struct ackbuild *a, uint16_t port)
{
	for (uint32_t i = 0; i < ACKBUILD_FLOWS; i++) {
		char source[32];
		struct pktbuild p;

		snprintf(source, sizeof(source), "198.18.%u.%u", i >> 8, i & 255);
		pktbuild_start(&p);
		pktbuild_eth(&p);
		pktbuild_ip4(&p, .src = source);
		pktbuild_tcp(&p, .sport = (uint16_t)(1024 + i * 7), .dport = port,
		             .flags = PKTBUILD_ACK);
		pktbuild_end(&p);
		memcpy(a->frame[i], p.byte, p.len);
	}
}

int ackbuild_init(struct ackbuild *a, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	a->pool = calloc(ACKBUILD_BUFFERS, ACKBUILD_STRIDE);
	if (!a->pool)
		return -ENOMEM;
	ackbuild_address(a, port);
	return 0;
}

void ackbuild_fini(struct ackbuild *a)
{
	free(a->pool);
}

void ackbuild_fill(struct ackbuild *a)
{
	for (uint32_t i = 0; i < ACKBUILD_BUFFERS; i++) {
		memcpy(ackbuild_buffer(a, i), a->frame[a->next], ACKBUILD_FRAME);
		a->next = a->next + 1 == ACKBUILD_FLOWS ? 0 : a->next + 1;
	}
}

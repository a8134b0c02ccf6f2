// SPDX-License-Identifier: BSD-3-Clause
// Datagrams to and from QUIC services of every kind, through the whole pipeline. The first octet of the
// input says which service and what carries the rest: a client's datagram, a server's answer to the
// last one that nat forwarded, an ICMP error about a server's. The second is the client's port.
#include "tests/support/pktcheck.h"
#include "tests/support/quicbuild.h"

#include <stdlib.h>
#include <string.h>

static struct lanebuild l;
static uint8_t last[LANEBUILD_FRAME]; // what nat forwarded
static struct pkt request;            // in `last`

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	lanebuild_open(&l, quicbuild_edge);
	return 0;
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void remember(const struct pkt *p)
{
	if (p->verdict != VERDICT_FORWARD || p->role != ROLE_CLIENT || p->kind != PKT_UDP ||
	    !be16_raw(p->nat.snat_port))
		return;
	memcpy(last, p->data, p->len);
	request = *p;
	request.data = last;
}

static void add_up(void)
{
	must(lanebuild_adds_up(&l) && l.lane->count->rx_packets == l.n_fed);
	for (uint16_t id = 1; id < l.s.roster.n_services; id++) {
		const struct service_counters *c = &l.lane->services[id];
		uint64_t n = c->quic_cid + c->quic_learned + c->quic_table + c->quic_hash;

		must(l.s.roster.services[id].protocol != PROTO_QUIC || n == c->forwarded);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct quicbuild what = {.is_raw = true};
	struct pktbuild b;
	struct pkt *p;

	if (len < 2 || len > 1000)
		return -1;
	what.dst = data[0] & 4 ? "2001:db8::10" : NULL;
	what.dport = 443 + (data[0] & 3);
	what.sport = 1 + data[1];
	what.behind = data + 2;
	what.behind_len = len - 2;
	if ((data[0] >> 3 & 3) == 1 && request.data)
		quicbuild_answer_frame(&b, &request, &what);
	else if ((data[0] >> 3 & 3) == 2)
		quicbuild_error_frame(&b, &what);
	else
		quicbuild_frame(&b, &what);
	l.now_ns += (uint64_t)data[0] << 24;
	p = lanebuild_send_frame(&l, b.byte, b.len);
	must(p->verdict != VERDICT_NONE && p->verdict == stats_reason_verdicts[p->reason]);
	must(p->verdict != VERDICT_FORWARD || !pktcheck(p->data, p->len));
	remember(p);
	if (l.n_fed % 1024 == 0)
		add_up();
	return 0;
}

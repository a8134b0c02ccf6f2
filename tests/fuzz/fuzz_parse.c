// SPDX-License-Identifier: BSD-3-Clause
// One frame, whatever it is, through the whole pipeline of a lane with services of every kind. It lies
// against a guard page and leaves with one lawful verdict; a frame that was right leaves right.
#include "l4/data/pipeline.h"
#include "tests/support/lanebuild.h"
#include "tests/support/pktcheck.h"

#include <stdlib.h>
#include <string.h>

static struct lanebuild l;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	lanebuild_open(&l, snapbuild_edge);
	return 0;
}

// Flows that the answers and errors of the corpus belong to: their ports follow from a fixed hash.
static void refresh_flows(void)
{
	static const struct lanebuild_packet kinds[] = {
		{.dport = 8080},
		{.dport = 1234, .is_udp = true},
		{.dport = 8080, .dst = "2001:db8::10"},
		{.dport = 1234, .is_udp = true, .dst = "2001:db8::10"},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		lanebuild_send(&l, &kinds[i]);
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct pkt *p;
	bool is_sent;

	if (len > LANEBUILD_FRAME)
		return -1;
	if (l.n_fed % 64 == 0)
		refresh_flows();
	l.now_ns += 100000000;
	p = lanebuild_send_frame(&l, data, len);
	is_sent = p->verdict == VERDICT_FORWARD || p->verdict == VERDICT_ANSWER;
	must(p->verdict != VERDICT_NONE && p->verdict == stats_reason_verdicts[p->reason]);
	must(p->len == len && (is_sent || memcmp(p->data, data, len) == 0));
	if (is_sent && !pktcheck(data, len))
		must(!pktcheck(p->data, len));
	if (l.n_fed % 1024 == 0)
		must(lanebuild_adds_up(&l) && l.lane->count->rx_packets == l.n_fed);
	return 0;
}

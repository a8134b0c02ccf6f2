// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/capture_tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/clock.h"
#include "l4/data/lane.h"

static_assert(BY_HASH + CAPTURE_BY_TABLE == (int)CAPTURE_BY_HASH &&
                      BY_LEARNED + CAPTURE_BY_TABLE == (int)CAPTURE_BY_LEARNED,
              "the same order");

enum wanted {
	NOT_OURS, // another service's
	NOT_WANTED,
	MAYBE_WANTED, // not as received, but nat will rewrite it
	WANTED,
};

int capture_tap_init(struct capture_tap *t, const struct capture_tap_setup *setup)
{
	*t = (struct capture_tap){
		.filter = setup->filter,
		.snap = setup->snap,
		.wants_sent = setup->wants_sent,
		.service = setup->service,
		.every_ns = CLOCK_NS_PER_S / setup->rate,
		.room = (uint32_t)capture_ring_padded(setup->snap),
	};
	capture_ring_writer(&t->ring, setup->memory, setup->n_lanes, setup->lane);
	if (!t->room)
		return 0;
	t->copies = malloc((size_t)PKT_BURST * 2 * t->room);
	if (!t->copies)
		return -ENOMEM;
	memset(t->copies, 0, (size_t)PKT_BURST * 2 * t->room); // so that no lane faults it in
	return 0;
}

void capture_tap_fini(struct capture_tap *t)
{
	free(t->copies);
	t->copies = NULL;
}

void capture_tap_follow(struct capture_tap *t, uint16_t service)
{
	__atomic_store_n(&t->service, service, __ATOMIC_RELAXED);
}

// --- the rate ---

// By the virtual scheduling algorithm (ITU-T I.371, annex A): a second's worth may come at once.
static uint64_t due_at(const struct capture_tap *t, uint64_t now_ns)
{
	uint64_t first = now_ns > CLOCK_NS_PER_S ? now_ns - CLOCK_NS_PER_S : 0;

	return t->due_ns > first ? t->due_ns : first;
}

// --- before forward ---

static bool is_ours(const struct lane *lane, const struct pkt *p, uint16_t service)
{
	if (service == CAPTURE_TAP_ALL)
		return true;
	return p->service != PKT_NO_SERVICE && lane->snap->services[p->service].id == service;
}

static bool will_be_rewritten(const struct pkt *p)
{
	return p->role == ROLE_REPLY || be16_raw(p->nat.snat_port);
}

static enum wanted judge(const struct lane *lane, const struct capture_tap *t, const struct pkt *p,
                         uint16_t service)
{
	if (!is_ours(lane, p, service))
		return NOT_OURS;
	if (!t->filter || capture_filter_matches(t->filter, p->data, p->len))
		return WANTED;
	return will_be_rewritten(p) && !pkt_is_ended(p) ? MAYBE_WANTED : NOT_WANTED;
}

// Returns how many bytes it kept.
static uint16_t copy(const struct capture_tap *t, uint32_t i, bool is_sent, const struct pkt *p)
{
	uint32_t len = p->len < t->snap ? p->len : t->snap;

	if (len)
		memcpy(t->copies + ((size_t)i * 2 + is_sent) * t->room, p->data, len);
	return (uint16_t)len;
}

static void note_received(const struct lane *lane, struct capture_tap *t, const struct pkt *pkts,
                          uint32_t n)
{
	uint16_t service = __atomic_load_n(&t->service, __ATOMIC_RELAXED);
	uint64_t due_ns;

	t->due_ns = due_ns = due_at(t, lane->now_ns);
	for (uint32_t i = 0; i < n; i++) {
		struct capture_note *note = &t->note[i];

		*note = (struct capture_note){.wanted = judge(lane, t, &pkts[i], service)};
		if (note->wanted < MAYBE_WANTED)
			continue;
		note->len = pkts[i].len;
		// Beyond the rate it would be copied in vain.
		note->is_copied = due_ns <= lane->now_ns;
		if (!note->is_copied)
			continue;
		note->captured = copy(t, i, false, &pkts[i]);
		due_ns += note->wanted == WANTED ? t->every_ns : 0;
	}
}

void capture_tap_received(const struct lane *lane, const struct pkt *pkts, uint32_t n)
{
	for (uint32_t k = 0; k < lane->taps->n; k++)
		note_received(lane, lane->taps->tap[k], pkts, n);
}

// --- behind forward ---

static bool is_sent(const struct pkt *p)
{
	return p->verdict == VERDICT_FORWARD || p->verdict == VERDICT_ANSWER;
}

static void note_sent(struct capture_tap *t, const struct pkt *pkts, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct capture_note *note = &t->note[i];
		const struct pkt *p = &pkts[i];

		if (note->wanted == MAYBE_WANTED)
			note->wanted =
				is_sent(p) && capture_filter_matches(t->filter, p->data, p->len)
					? WANTED
					: NOT_WANTED;
		if (note->wanted != WANTED || !is_sent(p))
			continue;
		note->sent_len = p->len;
		if (t->wants_sent && note->is_copied)
			note->sent_captured = copy(t, i, true, p);
	}
}

void capture_tap_sent(const struct lane *lane, const struct pkt *pkts, uint32_t n)
{
	for (uint32_t k = 0; k < lane->taps->n; k++)
		note_sent(lane->taps->tap[k], pkts, n);
}

// --- at the end of the burst ---

static void name(char out[CAPTURE_NAME], const char *from)
{
	size_t len = from ? strnlen(from, CAPTURE_NAME - 1) : 0;

	if (len)
		memcpy(out, from, len);
	memset(out + len, 0, CAPTURE_NAME - len);
}

static enum capture_flow flow_of(const struct pkt *p)
{
	if (!p->backend)
		return CAPTURE_FLOW_NONE;
	if (p->is_new)
		return CAPTURE_FLOW_NEW;
	return p->role == ROLE_REPLY || p->by == BY_TABLE || be16_raw(p->nat.snat_port)
	               ? CAPTURE_FLOW_KNOWN
	               : CAPTURE_FLOW_NONE;
}

static bool has_key(const struct pkt *p)
{
	return p->kind == PKT_TCP || p->kind == PKT_UDP || p->kind == PKT_ICMP_ERROR;
}

static void describe(struct capture_record *r, const struct lane *lane, const struct pkt *p)
{
	const struct snapshot *snap = lane->snap;

	r->lane = (uint8_t)lane->index;
	r->port = p->port;
	r->out_port = is_sent(p) ? p->out_port : 0;
	r->verdict = p->verdict;
	r->reason = p->reason;
	r->flow = flow_of(p);
	r->by = p->backend ? (uint8_t)(p->by + CAPTURE_BY_TABLE) : CAPTURE_BY_NONE;
	r->is_reply = p->role == ROLE_REPLY;
	name(r->service, p->service == PKT_NO_SERVICE ? NULL : snap->services[p->service].name);
	name(r->backend, p->backend ? snap->backends[p->backend].name : NULL);
	if (!has_key(p))
		return;
	memcpy(r->src, p->key.src, sizeof(r->src));
	memcpy(r->dst, p->key.dst, sizeof(r->dst));
	r->sport = p->key.sport;
	r->dport = p->key.dport;
	r->family = p->key.family;
	r->proto = p->key.proto;
}

static bool keep(const struct lane *lane, struct capture_tap *t, uint32_t i, const struct pkt *p,
                 uint64_t now_ns)
{
	const struct capture_note *note = &t->note[i];
	const uint8_t *copies = t->copies + (size_t)i * 2 * t->room;
	size_t received = capture_ring_padded(note->captured);
	uint32_t size = (uint32_t)(sizeof(struct capture_record) + received +
	                           capture_ring_padded(note->sent_captured));
	struct capture_record *r = capture_ring_reserve(&t->ring, size);

	if (!r)
		return false;
	*r = (struct capture_record){
		.size = size,
		.kind = CAPTURE_PACKET,
		.time_ns = now_ns,
		.missed = t->count[p->port].limited + t->count[p->port].lost,
		.len = note->len,
		.captured = note->captured,
		// What a full queue refused after forward has not left.
		.sent_len = is_sent(p) ? note->sent_len : 0,
		.sent_captured = is_sent(p) ? note->sent_captured : 0,
	};
	describe(r, lane, p);
	if (note->captured)
		memcpy(r->bytes, copies, note->captured);
	if (note->sent_captured)
		memcpy(r->bytes + received, copies + t->room, note->sent_captured);
	capture_ring_commit(&t->ring, size);
	return true;
}

static void end_one(const struct lane *lane, struct capture_tap *t, uint32_t i, const struct pkt *p,
                    uint64_t *now_ns)
{
	const struct capture_note *note = &t->note[i];
	struct capture_counts *count = &t->count[p->port];

	count->seen++;
	if (note->wanted != WANTED) {
		count->filtered++;
		return;
	}
	if (!note->is_copied || t->due_ns > lane->now_ns) {
		count->limited++;
		return;
	}
	// The one clock that lb4d and lbctl share. The lane's own, by the processor's counter, drifts from it.
	if (!*now_ns)
		*now_ns = clock_now_ns();
	t->due_ns += t->every_ns;
	if (keep(lane, t, i, p, *now_ns))
		count->kept++;
	else
		count->lost++;
}

// Of the ports that the burst came from, mostly one.
static void show_counts(struct capture_tap *t, uint32_t ports)
{
	static_assert(CONF_MAX_PORTS + 0 <= 32, "a bit for each");

	for (; ports; ports &= ports - 1) {
		uint8_t port = (uint8_t)__builtin_ctz(ports);

		capture_ring_count(&t->ring, port, &t->count[port]);
	}
}

void capture_tap_ended(const struct lane *lane, const struct pkt *pkts, uint32_t n)
{
	uint64_t now_ns = 0;

	for (uint32_t k = 0; k < lane->taps->n; k++) {
		struct capture_tap *t = lane->taps->tap[k];
		uint32_t ports = 0;

		for (uint32_t i = 0; i < n; i++) {
			if (t->note[i].wanted == NOT_OURS || !pkt_is_ended(&pkts[i]))
				continue;
			end_one(lane, t, i, &pkts[i], &now_ns);
			ports |= 1u << pkts[i].port;
		}
		show_counts(t, ports);
	}
}

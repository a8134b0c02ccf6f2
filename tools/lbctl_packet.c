// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_packet.h"

#include <inttypes.h>
#include <string.h>

#include "l4/base/addr.h"
#include "l4/base/clock.h"
#include "l4/model/stats.h"

static const char *const flow_names[CAPTURE_FLOW_COUNT] = {
	[CAPTURE_FLOW_NONE] = "-",
	[CAPTURE_FLOW_NEW] = "new",
	[CAPTURE_FLOW_KNOWN] = "known",
};

static const char *const by_names[CAPTURE_BY_COUNT] = {
	[CAPTURE_BY_NONE] = "-",  [CAPTURE_BY_TABLE] = "table",     [CAPTURE_BY_HASH] = "hash",
	[CAPTURE_BY_CID] = "cid", [CAPTURE_BY_LEARNED] = "learned",
};

// What a daemon of another version may say beyond our words.
static const char *word(const char *const *names, unsigned n, unsigned i)
{
	return i < n ? names[i] : "?";
}

static const char *verdict_of(const struct capture_record *r)
{
	return word(stats_verdict_names, VERDICT_COUNT, r->verdict);
}

static const char *reason_of(const struct capture_record *r)
{
	return word(stats_reason_names, REASON_COUNT, r->reason);
}

static const char *name_of(const char *name)
{
	return *name ? name : "-";
}

void lbctl_packet_comment(const struct capture_record *r, bool is_sent, char *out)
{
	bool has_help = r->reason && r->reason < REASON_COUNT;

	snprintf(out, LBCTL_PACKET_TEXT,
	         "%s verdict=%s reason=%s service=%.63s backend=%.63s lane=%u flow=%s by=%s%s%s",
	         is_sent ? "sent" : "received", verdict_of(r), reason_of(r), name_of(r->service),
	         name_of(r->backend), r->lane, word(flow_names, CAPTURE_FLOW_COUNT, r->flow),
	         word(by_names, CAPTURE_BY_COUNT, r->by), has_help ? " help=" : "",
	         has_help ? stats_reason_helps[r->reason] : "");
}

static void print_decision(FILE *f, uint64_t number, const struct capture_record *r)
{
	fprintf(f, "%" PRIu64 " %-8s %-9s %.63s", number, verdict_of(r), reason_of(r),
	        name_of(r->backend));
}

void lbctl_packet_line(FILE *f, uint64_t number, const struct capture_record *r)
{
	print_decision(f, number, r);
	fputc('\n', f);
}

static void end_text(const struct capture_record *r, const uint32_t word_[4], be16 port, char *out)
{
	struct addr a = {.family = r->family};

	memcpy(a.word, word_, r->family == ADDR_IP4 ? sizeof(a.word[0]) : sizeof(a.word));
	addr_port_text(&a, port, out);
}

static const char *protocol_of(const struct capture_record *r)
{
	return r->proto == 6 ? "tcp" : r->proto == 17 ? "udp" : "ip";
}

static bool has_ends(const struct capture_record *r)
{
	return r->family == ADDR_IP4 || r->family == ADDR_IP6;
}

void lbctl_packet_long_line(FILE *f, uint64_t number, const struct capture_record *r)
{
	char from[ADDR_PORT_TEXT_SIZE], to[ADDR_PORT_TEXT_SIZE];

	print_decision(f, number, r);
	fprintf(f, " lane %u", r->lane);
	if (*r->service)
		fprintf(f, " %.63s", r->service);
	if (has_ends(r)) {
		end_text(r, r->src, r->sport, from);
		end_text(r, r->dst, r->dport, to);
		fprintf(f, " %s %s > %s", protocol_of(r), from, to);
	}
	fprintf(f, " %s%u bytes, flow %s by %s\n", r->is_reply ? "reply, " : "", r->len,
	        word(flow_names, CAPTURE_FLOW_COUNT, r->flow),
	        word(by_names, CAPTURE_BY_COUNT, r->by));
}

// Names need no escapes: conf.h says of what they are made.
static void print_text(FILE *f, const char *key, const char *text)
{
	if (strcmp(text, "-") != 0 && *text)
		fprintf(f, ",\"%s\":\"%.63s\"", key, text);
}

void lbctl_packet_json(FILE *f, uint64_t number, const struct capture_record *r, uint64_t time_ns)
{
	char end[ADDR_PORT_TEXT_SIZE];

	fprintf(f, "{\"number\":%" PRIu64 ",\"time\":%" PRIu64 ".%09" PRIu64 ",\"lane\":%u", number,
	        time_ns / CLOCK_NS_PER_S, time_ns % CLOCK_NS_PER_S, r->lane);
	print_text(f, "verdict", verdict_of(r));
	print_text(f, "reason", reason_of(r));
	print_text(f, "service", r->service);
	print_text(f, "backend", r->backend);
	print_text(f, "flow", word(flow_names, CAPTURE_FLOW_COUNT, r->flow));
	print_text(f, "by", word(by_names, CAPTURE_BY_COUNT, r->by));
	if (has_ends(r)) {
		print_text(f, "protocol", protocol_of(r));
		end_text(r, r->src, r->sport, end);
		print_text(f, "source", end);
		end_text(r, r->dst, r->dport, end);
		print_text(f, "destination", end);
	}
	fprintf(f, ",\"reply\":%s,\"bytes\":%u,\"sent_bytes\":%u}\n",
	        r->is_reply ? "true" : "false", r->len, r->sent_len);
}

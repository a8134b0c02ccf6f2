// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_packet.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/addr.h"
#include "l4/model/counters.h"

static struct capture_record forwarded(void)
{
	struct capture_record r = {
		.len = 74,
		.sent_len = 74,
		.lane = 3,
		.verdict = VERDICT_FORWARD,
		.reason = REASON_NONE,
		.flow = CAPTURE_FLOW_NEW,
		.by = CAPTURE_BY_HASH,
		.proto = 6,
		.family = ADDR_IP4,
		.src = {be32_raw(be32_from(0xc6336407))},
		.dst = {be32_raw(be32_from(0xcb00710a))},
		.sport = be16_from(40000),
		.dport = be16_from(80),
		.service = "web",
		.backend = "web-1",
	};

	return r;
}

static struct capture_record dropped(void)
{
	return (struct capture_record){
		.verdict = VERDICT_DROP, .reason = REASON_POOL_EMPTY, .service = "web", .len = 60};
}

typedef void (*printer)(FILE *f, uint64_t number, const struct capture_record *r);

static void expect_line(printer print, uint64_t number, struct capture_record r, const char *want)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	print(f, number, &r);
	fclose(f);
	cr_expect_str_eq(text, want);
	free(text);
}

static void json_at(FILE *f, uint64_t number, const struct capture_record *r)
{
	lbctl_packet_json(f, number, r, UINT64_C(1700000000000000042));
}

Test(lbctl_packet, a_line_is_lbreplays)
{
	expect_line(lbctl_packet_line, 1, forwarded(), "1 forward  -         web-1\n");
	expect_line(lbctl_packet_line, 12, dropped(), "12 drop     pool_empty -\n");
}

Test(lbctl_packet, a_long_line_says_who_talks_to_whom)
{
	struct capture_record reply = forwarded();

	reply.is_reply = true;
	expect_line(
		lbctl_packet_long_line, 1, forwarded(),
		"1 forward  -         web-1 lane 3 web tcp 198.51.100.7:40000 > 203.0.113.10:80 "
		"74 bytes, flow new by hash\n");
	expect_line(
		lbctl_packet_long_line, 2, reply,
		"2 forward  -         web-1 lane 3 web tcp 198.51.100.7:40000 > 203.0.113.10:80 "
		"reply, 74 bytes, flow new by hash\n");
	expect_line(lbctl_packet_long_line, 3, dropped(),
	            "3 drop     pool_empty - lane 0 web 60 bytes, flow - by -\n");
}

Test(lbctl_packet, json_is_one_object)
{
	expect_line(
		json_at, 1, forwarded(),
		"{\"number\":1,\"time\":1700000000.000000042,\"lane\":3,\"verdict\":\"forward\","
		"\"service\":\"web\",\"backend\":\"web-1\",\"flow\":\"new\",\"by\":\"hash\","
		"\"protocol\":\"tcp\",\"source\":\"198.51.100.7:40000\","
		"\"destination\":\"203.0.113.10:80\",\"reply\":false,\"bytes\":74,"
		"\"sent_bytes\":74}\n");
	expect_line(json_at, 2, dropped(),
	            "{\"number\":2,\"time\":1700000000.000000042,\"lane\":0,\"verdict\":\"drop\","
	            "\"reason\":\"pool_empty\",\"service\":\"web\",\"reply\":false,\"bytes\":60,"
	            "\"sent_bytes\":0}\n");
}

Test(lbctl_packet, a_comment_has_the_decision_and_for_a_drop_its_meaning)
{
	struct capture_record r = forwarded();
	char text[LBCTL_PACKET_TEXT];

	lbctl_packet_comment(&r, true, text);
	cr_expect_str_eq(text, "sent verdict=forward reason=- service=web backend=web-1 lane=3 "
	                       "flow=new by=hash");
	r = dropped();
	lbctl_packet_comment(&r, false, text);
	cr_expect_str_eq(text,
	                 "received verdict=drop reason=pool_empty service=web backend=- lane=0 "
	                 "flow=- by=- help=no backend of the pool may take a new flow");
}

// A daemon of another version may know more, and memory may be damaged.
Test(lbctl_packet, what_cannot_be_is_printed_all_the_same)
{
	struct capture_record r;
	char text[LBCTL_PACKET_TEXT];

	memset(&r, 0xff, sizeof(r));
	lbctl_packet_comment(&r, false, text);
	cr_expect_eq(strncmp(text, "received verdict=? reason=? service=", 36), 0);
	r = (struct capture_record){.verdict = 200, .reason = 200, .by = 9, .flow = 9, .family = 9};
	expect_line(lbctl_packet_long_line, 1, r,
	            "1 ?        ?         - lane 0 0 bytes, flow ? by ?\n");
}

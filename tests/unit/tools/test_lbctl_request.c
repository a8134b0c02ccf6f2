// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_request.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAX_WORDS = 8 };

// A command line without "lbctl" and options, split at blanks.
struct line {
	char text[256];
	char *argv[MAX_WORDS];
	const struct lbctl_command *command;
	struct lbctl_operands_left left;
	struct lbctl_options opts;
	struct lbctl_request request;
	struct err err;
};

static void start(struct line *l, const char *text)
{
	int argc = 0, n_words;
	char *rest;

	*l = (struct line){0};
	snprintf(l->text, sizeof(l->text), "%s", text);
	for (char *word = strtok_r(l->text, " ", &rest); word && argc < MAX_WORDS;
	     word = strtok_r(NULL, " ", &rest))
		l->argv[argc++] = word;
	l->command = lbctl_command_find(argc, l->argv, &n_words);
	cr_assert_not_null(l->command, "%s", text);
	l->left = (struct lbctl_operands_left){.argc = argc - n_words, .argv = l->argv + n_words};
}

static int next(struct line *l)
{
	return lbctl_request_next(&l->request, l->command, &l->opts, &l->left, &l->err);
}

Test(lbctl_request, a_backend_is_named_in_one_word_or_two)
{
	static const char *const texts[] = {"backends drain web/web-1", "backends drain web web-1"};
	struct line l;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		start(&l, texts[i]);
		cr_assert_eq(next(&l), 0, "%s", l.err.msg);
		cr_expect_eq(l.request.request.method, CTL_BACKEND_STATE);
		cr_expect_str_eq(l.request.request.params.backend_state.pool, "web");
		cr_expect_str_eq(l.request.request.params.backend_state.name, "web-1");
		cr_expect_eq(l.request.request.params.backend_state.state, STATE_DRAIN);
		cr_expect_str_eq(l.request.what, "web/web-1: drain");
		cr_expect(l.left.is_done);
	}
}

Test(lbctl_request, several_names_are_several_requests)
{
	struct line l;

	start(&l, "backends remove web/a web b web/c");
	for (const char *want = "abc"; *want; want++) {
		cr_expect_not(l.left.is_done);
		cr_assert_eq(next(&l), 0, "%s", l.err.msg);
		cr_expect_eq(l.request.request.params.backend_name.name[0], *want);
	}
	cr_expect(l.left.is_done);
}

Test(lbctl_request, endpoints_are_read_in_both_families)
{
	struct line l;
	char text[ADDR_PORT_TEXT_SIZE];

	start(&l, "explain tcp [2001:db8::7]:40000 [2001:db8::10]:80");
	cr_assert_eq(next(&l), 0, "%s", l.err.msg);
	cr_expect_str_eq(addr_port_text(&l.request.request.params.flow_key.source,
	                                l.request.request.params.flow_key.source_port, text),
	                 "[2001:db8::7]:40000");
	start(&l, "explain udp 198.51.100.7:40000 203.0.113.10:80");
	cr_assert_eq(next(&l), 0, "%s", l.err.msg);
	cr_expect_str_eq(addr_port_text(&l.request.request.params.flow_key.destination,
	                                l.request.request.params.flow_key.destination_port, text),
	                 "203.0.113.10:80");
}

Test(lbctl_request, options_of_a_new_backend_are_read)
{
	struct line l;

	start(&l, "backends add web/x 10.0.0.1:80");
	l.opts = (struct lbctl_options){
		.weight = "7", .state = "drain", .mac = "02:00:00:00:00:0b", .server_id = "0001"};
	cr_assert_eq(next(&l), 0, "%s", l.err.msg);
	cr_expect_eq(l.request.request.params.backend_add.weight, 7);
	cr_expect_eq(l.request.request.params.backend_add.state, STATE_DRAIN);
	cr_expect_eq(l.request.request.params.backend_add.server_id.len, 2);
}

Test(lbctl_request, connection_ids_of_explain_are_read)
{
	const struct ctl_explain_params *params;
	struct line l;

	start(&l, "explain quic 198.51.100.7:40000 203.0.113.10:443");
	l.opts = (struct lbctl_options){.cid = "0700000000000000000000000000000000000013",
	                                .scid = "A1",
	                                .long_header = true};
	cr_assert_eq(next(&l), 0, "%s", l.err.msg);
	params = &l.request.request.params.explain_params;
	cr_expect_eq(params->cid.len, 20);
	cr_expect_eq(params->cid.byte[19], 0x13);
	cr_expect_eq(params->scid.len, 1);
	cr_expect_eq(params->scid.byte[0], 0xa1);
	cr_expect(params->long_header);
}

static const struct {
	const char *protocol;
	struct lbctl_options opts;
	const char *msg;
} wrong_cids[] = {
	{"tcp", {.cid = "00"}, "--cid, --scid and --long are only for quic"},
	{"udp", {.long_header = true}, "--cid, --scid and --long are only for quic"},
	{"quic", {.cid = "00", .scid = "00"}, "--scid: needs --long, a short header has none"},
	{"quic", {.cid = "0"}, "cid: \"0\" is not 1..20 bytes in hexadecimal"},
	{"quic", {.scid = "0x"}, "scid: \"0x\" is not hexadecimal"},
};

Test(lbctl_request, connection_ids_that_make_no_packet_are_refused)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong_cids); i++) {
		struct line l;
		char text[64];

		snprintf(text, sizeof(text), "explain %s 10.0.0.1:1 10.0.0.2:2",
		         wrong_cids[i].protocol);
		start(&l, text);
		l.opts = wrong_cids[i].opts;
		cr_expect_eq(next(&l), -EINVAL);
		cr_expect_str_eq(l.err.msg, wrong_cids[i].msg);
	}
}

static const struct {
	const char *line;
	const char *msg;
} wrong[] = {
	{"backends drain", "POOL/NAME expected"},
	{"backends drain web", "POOL/NAME expected"},
	{"backends drain web/", "name: is empty"},
	{"backends drain /a", "pool: is empty"},
	{"backends drain web/a web", "POOL/NAME expected"},
	{"backends weight web/a", "WEIGHT expected"},
	{"backends weight web/a 1001", "weight: 1001 is not in 0..1000"},
	{"backends weight web/a 1 2", "'2' is too much"},
	{"backends add web/a", "ADDRESS:PORT expected"},
	{"backends add web/a 10.0.0.1", "\"10.0.0.1\" is not ADDRESS:PORT (IPv6: [ADDRESS]:PORT)"},
	{"backends add web/a 10.0.0.1:", "10.0.0.1:: port: \"\" is not a number"},
	{"backends add web/a 10.0.0.1:0", "10.0.0.1:0: port: 0 is not in 1..65535"},
	{"backends add web/a 10.0.0:80", "10.0.0:80: address: \"10.0.0\" is not an IP address"},
	{"backends add web/a ::1:80", "\"::1:80\" is not ADDRESS:PORT (IPv6: [ADDRESS]:PORT)"},
	{"backends add web/a []:80", "[]:80: address: \"\" is not an IP address"},
	{"backends add web/a ]:80", "]:80: address: \"]\" is not an IP address"},
	{"backends add web/a :80", ":80: address: \"\" is not an IP address"},
	{"backends list web x", "'x' is too much"},
	{"status now", "'now' is too much"},
	{"explain", "PROTOCOL SOURCE:PORT DESTINATION:PORT expected"},
	{"explain sctp 10.0.0.1:1 10.0.0.2:2", "protocol: \"sctp\" is not tcp, udp or quic"},
	{"explain tcp 10.0.0.1:1 [::1]:2", "source and destination are of different families"},
};

Test(lbctl_request, mistakes_are_named)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct line l;
		int rc = 0;

		start(&l, wrong[i].line);
		while (rc == 0 && !l.left.is_done)
			rc = next(&l);
		cr_expect_eq(rc, -EINVAL, "%s", wrong[i].line);
		cr_expect_str_eq(l.err.msg, wrong[i].msg);
	}
}

Test(lbctl_request, names_of_any_length_are_refused_not_cut)
{
	char text[256];
	struct line l;

	snprintf(text, sizeof(text), "backends drain %0100d/a", 7);
	start(&l, text);
	cr_expect_eq(next(&l), -EINVAL);
	cr_expect_str_eq(l.err.msg, "pool: longer than 63 bytes");
}

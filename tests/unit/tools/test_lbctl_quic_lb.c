// SPDX-License-Identifier: BSD-3-Clause
// Whole command lines, as typed, to answers.
#include "tools/lbctl_quic_lb.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/confcase.h"
#include "tools/lbctl_json.h"

enum { MAX_WORDS = 32 };

#define EXAMPLE_KEY "fdf726a9893ec05c0632d3956680baf0"
#define VECTOR_KEY "8f95f09245765f80256934e50c66207f"

struct line {
	char text[700];
	char *argv[MAX_WORDS];
	struct lbctl_options opts;
	struct lbctl_quic_lb answer;
	bool is_answered;
	int rc;
	struct err err;
};

static void run(struct line *l, const char *text)
{
	struct args args = {.program = "lbctl", .usage = ""};
	const struct lbctl_command *c;
	struct lbctl_operands_left left;
	int argc = 0, n_words;
	char *rest;

	*l = (struct line){0};
	snprintf(l->text, sizeof(l->text), "quic-lb %s", text);
	for (char *word = strtok_r(l->text, " ", &rest); word && argc < MAX_WORDS;
	     word = strtok_r(NULL, " ", &rest))
		l->argv[argc++] = word;
	c = lbctl_command_find(argc, l->argv, &n_words);
	cr_assert_not_null(c, "%s", text);
	args.options = c->options;
	args.n_options = c->n_options;
	argc -= n_words - 1;
	cr_assert_eq(args_read(&args, &l->opts, &argc, l->argv + n_words - 1), ARGS_OK, "%s", text);
	left = (struct lbctl_operands_left){.argc = argc - 1, .argv = l->argv + n_words};
	l->rc = lbctl_quic_lb_run(&l->answer, &l->is_answered, c, &l->opts, &left, &l->err);
}

// quic-lb.md, appendix A, with its errata: the second plain and the last encrypted one were misprinted. Those
// of draft 18 are in tests/unit/l4/data/test_quic_lb.c with their source.
static const struct {
	unsigned draft, config_id;
	const char *key, *server_id, *nonce, *cid, *mode;
} vectors[] = {
	{19, 0, EXAMPLE_KEY, "31441a", "9c69c275", "0767947d29be054a", "four_pass"},
	{19, 0, NULL, "c4605e", "4504cc4f", "07c4605e4504cc4f", "plaintext"},
	{19, 1, NULL, "350d28b420", "03487d970b", "2a350d28b42003487d970b", "plaintext"},
	{19, 0, VECTOR_KEY, "ed793a", "ee080dbf", "0720b1d07b359d3c", "four_pass"},
	{19, 1, VECTOR_KEY, "ed793a51d49b8f5fab65", "ee080dbf48",
         "2fcc381bc74cb4fbad2823a3d1f8fed2", "four_pass"},
	{19, 2, VECTOR_KEY, "ed793a51d49b8f5f", "ee080dbf48c0d1e5",
         "504dd2d05a7b0de9b2b9907afb5ecf8cc3", "single_pass"},
	{19, 3, VECTOR_KEY, "ed793a51d49b8f5fab", "ee080dbf48c0d1e55d",
         "725779c9cc86beb3a3a4a3ca96fce4bfe0cdbc", "four_pass"},
	{18, 0, EXAMPLE_KEY, "31441a", "9c69c275", "078e9a91f4949762", "four_pass"},
	{18, 0, VECTOR_KEY, "ed793a", "ee080dbf", "074126ee38bf5454", "four_pass"},
	{18, 1, VECTOR_KEY, "ed793a51d49b8f5fab65", "ee080dbf48",
         "2fcd3f572d4eefb046fdb51d164efccc", "four_pass"},
	{18, 2, VECTOR_KEY, "ed793a51d49b8f5f", "ee080dbf48c0d1e5",
         "504dd2d05a7b0de9b2b9907afb5ecf8cc3", "single_pass"},
	{18, 3, VECTOR_KEY, "ed793a51d49b8f5fab", "ee080dbf48c0d1e55d",
         "72124d1eb8fbb21e4a490ca53cfe21d04ae63a", "four_pass"},
};

static const char *with(size_t i, const char *verb, const char *more)
{
	static char text[640];

	snprintf(text, sizeof(text),
	         "%s --config-id %u --server-id-length %zu --nonce-length %zu %s %s --draft %u %s",
	         verb, vectors[i].config_id, strlen(vectors[i].server_id) / 2,
	         strlen(vectors[i].nonce) / 2, vectors[i].key ? "--key" : "",
	         vectors[i].key ? vectors[i].key : "", vectors[i].draft, more);
	return text;
}

Test(lbctl_quic_lb, known_answers_are_decoded)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct line l;

		run(&l, with(i, "decode", vectors[i].cid));
		cr_assert_eq(l.rc, LBCTL_DONE, "%s", l.err.msg);
		cr_expect_eq(l.answer.config_id, vectors[i].config_id);
		cr_expect_str_eq(l.answer.server_id, vectors[i].server_id);
		cr_expect_str_eq(l.answer.nonce, vectors[i].nonce);
		cr_expect_str_eq(l.answer.mode, vectors[i].mode);
		cr_expect_str_empty(l.answer.extra);
		cr_expect(l.answer.self_described);
	}
}

Test(lbctl_quic_lb, known_answers_are_encoded)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		char more[120];
		struct line l;

		snprintf(more, sizeof(more), "--server-id %s --nonce %s", vectors[i].server_id,
		         vectors[i].nonce);
		run(&l, with(i, "encode", more));
		cr_assert_eq(l.rc, LBCTL_DONE, "%s", l.err.msg);
		cr_expect_str_eq(l.answer.cid, vectors[i].cid);
		cr_expect_str_eq(l.answer.server_id, vectors[i].server_id);
		cr_expect_str_eq(l.answer.nonce, vectors[i].nonce);
	}
}

// As printed: 12 is config id 0, which the configuration of the vector (3) is not.
Test(lbctl_quic_lb, the_misprinted_vector_is_refused_with_the_reason)
{
	struct line l;

	run(&l, with(6, "decode", "125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc"));
	cr_expect_eq(l.rc, LBCTL_NO);
	cr_expect_str_eq(l.err.msg, "cid: has config id 0, the configuration is 3");
}

Test(lbctl_quic_lb, json_has_the_promised_keys)
{
	char *text = NULL;
	size_t size;
	struct line l;
	FILE *f;

	run(&l, with(3, "encode", "--server-id ED793A --nonce EE080DBF"));
	f = open_memstream(&text, &size);
	cr_assert(f);
	lbctl_json_print(f, &lbctl_quic_lb_type, &l.answer);
	fclose(f);
	cr_expect_str_eq(text, "{\n"
	                       "  \"config_id\": 0,\n"
	                       "  \"mode\": \"four_pass\",\n"
	                       "  \"server_id\": \"ed793a\",\n"
	                       "  \"nonce\": \"ee080dbf\",\n"
	                       "  \"self_described\": true,\n"
	                       "  \"cid\": \"0720b1d07b359d3c\"\n"
	                       "}\n");
	free(text);
}

Test(lbctl_quic_lb, extra_octets_follow_and_are_not_encrypted)
{
	struct line l;

	run(&l, with(3, "decode", "0920b1d07b359d3cbeef"));
	cr_assert_eq(l.rc, LBCTL_DONE, "%s", l.err.msg);
	cr_expect_str_eq(l.answer.server_id, "ed793a");
	cr_expect_str_eq(l.answer.extra, "beef");
	cr_expect(l.answer.self_described);
	run(&l, with(3, "decode", "0720b1d07b359d3cbeef"));
	cr_expect_not(l.answer.self_described);
	run(&l, with(3, "encode", "--server-id ed793a --nonce ee080dbf --extra 12"));
	cr_assert_eq(l.rc, LBCTL_DONE, "%s", l.err.msg);
	cr_expect_eq(strlen(l.answer.cid), 40);
	cr_expect_eq(strncmp(l.answer.cid, "1320b1d07b359d3c", 16), 0, "%s", l.answer.cid);
	cr_expect_eq(strcmp(l.answer.cid + 16, l.answer.extra), 0);
}

Test(lbctl_quic_lb, random_nonces_and_first_octets_differ)
{
	unsigned first_octets = 0;
	struct line a, b;

	run(&a, with(5, "encode", "--server-id ed793a51d49b8f5f"));
	run(&b, with(5, "encode", "--server-id ed793a51d49b8f5f"));
	cr_expect_str_neq(a.answer.nonce, b.answer.nonce);
	cr_expect_eq(strncmp(a.answer.cid, "50", 2), 0);
	for (int i = 0; i < 64; i++) { // all alike: once in 2^315 runs
		unsigned first;

		run(&a, with(5, "encode", "--server-id ed793a51d49b8f5f --first-octet random"));
		cr_assert_eq(sscanf(a.answer.cid, "%2x", &first), 1);
		cr_expect_eq(first >> 5, 2);
		first_octets |= 1u << (first & 31);
	}
	cr_expect_neq(first_octets & (first_octets - 1), 0);
}

#define CONFIG "--config-id 0 --server-id-length 3 --nonce-length 4 "
static const struct {
	const char *line;
	int rc;
	const char *msg;
} wrong[] = {
	{"decode 00", 2, "--config-id: missing"},
	{"decode --config-id 7 --server-id-length 3 --nonce-length 4 00", 2,
         "--config-id: 7 is not in 0..6 (7 is reserved by the draft)"},
	{"decode --config-id 8 --server-id-length 3 --nonce-length 4 00", 2,
         "--config-id: 8 is not in 0..6"},
	{"decode --config-id -1 --server-id-length 3 --nonce-length 4 00", 2,
         "--config-id: \"-1\" is not a number in 0..6"},
	{"decode --config-id 0 --nonce-length 4 00", 2, "--server-id-length: missing"},
	{"decode --config-id 0 --server-id-length 0 --nonce-length 5 00", 2,
         "--server-id-length: 0 is not in 1..15"},
	{"decode --config-id 0 --server-id-length 16 --nonce-length 4 00", 2,
         "--server-id-length: 16 is not in 1..15"},
	{"decode --config-id 0 --server-id-length 256 --nonce-length 4 00", 2,
         "--server-id-length: 256 is not in 1..15"},
	{"decode --config-id 0 --server-id-length 1 --nonce-length 3 00", 2,
         "--nonce-length: 3 is not in 4..18"},
	{"decode --config-id 0 --server-id-length 1 --nonce-length 19 00", 2,
         "--nonce-length: 19 is not in 4..18"},
	{"decode --config-id 0 --server-id-length 15 --nonce-length 5 00", 2,
         "--nonce-length: 5 and --server-id-length 15 are together more than 19"},
	{"decode " CONFIG "--draft 17 00", 2, "--draft: 17 is not in 18..19"},
	{"decode " CONFIG "--key 00 00", 2, "--key: 2 characters, not 32 hex digits"},
	{"decode " CONFIG "--key 8f95f09245765f80256934e50c66207g 00", 2,
         "--key: character 32 is not a hex digit"},
	{"decode " CONFIG "--service h3 00", 2, "--service: needs --conf"},
	{"decode " CONFIG, 2, "one connection ID expected"},
	{"decode " CONFIG "00 00", 2, "one connection ID expected"},
	{"decode " CONFIG "07c4605e4504cc4", 2, "CID: 15 hex digits, but a byte is two"},
	{"decode " CONFIG "0x07", 2, "CID: character 2 is not a hex digit"},
	{"decode " CONFIG "07c4605e4504cc", 1, "cid: has 7 octets, the configuration needs 8"},
	{"decode " CONFIG "27c4605e4504cc4f", 1, "cid: has config id 1, the configuration is 0"},
	{"decode " CONFIG "e7c4605e4504cc4f", 1,
         "cid: has config id 7, by which a server says that nobody can decode it"},
	{"encode " CONFIG, 2, "--server-id: missing"},
	{"encode " CONFIG "--server-id c4605e c4", 2, "'c4' is too much"},
	{"encode " CONFIG "--server-id c460", 2, "--server-id: 4 characters, not 6 hex digits"},
	{"encode " CONFIG "--server-id c4605x", 2, "--server-id: character 6 is not a hex digit"},
	{"encode " CONFIG "--server-id c4605e --nonce 00", 2,
         "--nonce: 2 characters, not 8 hex digits"},
	{"encode " CONFIG "--server-id c4605e --extra 13", 2, "--extra: 13 is not in 0..12"},
	{"decode --conf x.json 00", 2, "--service: missing, --conf needs it"},
	{"decode --conf x.json --service h3 --key 00 00", 2,
         "--key: not together with --conf, which has it"},
	{"decode --conf conf/examples/quic.json --service h3 --config-id 0 00", 2,
         "--config-id: not together with --conf, the CID tells which it is"},
	{"decode --conf conf/examples/quic.json --service h4 00", 1,
         "conf/examples/quic.json: there is no service \"h4\""},
	{"decode --conf conf/examples/quic.json --service h3 40", 1,
         "cid: has config id 2, which service \"h3\" has not"},
	{"encode --conf conf/examples/quic.json --service h3 --server-id 7a1c01", 2,
         "--config-id: missing"},
	{"encode --conf conf/examples/quic.json --service h3 --config-id 2 --server-id 7a1c01", 1,
         "--config-id: service \"h3\" has no 2"},
};

Test(lbctl_quic_lb, mistakes_are_named)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct line l;

		run(&l, wrong[i].line);
		cr_expect_eq(l.rc, wrong[i].rc, "%s", wrong[i].line);
		cr_expect_str_eq(l.err.msg, wrong[i].msg);
		cr_expect_not(l.is_answered);
	}
}

Test(lbctl_quic_lb, no_sentence_and_no_answer_repeats_a_key)
{
	static const char *const ends[] = {"0720b1d07b359d3c", "27", "xx", ""};
	char text[256];
	struct line l;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(text, sizeof(text), "decode " CONFIG "--key " VECTOR_KEY " %s", ends[i]);
		run(&l, text);
		cr_expect_null(strstr(l.err.msg, "8f95"));
		cr_expect_null(memmem(&l.answer, sizeof(l.answer), "8f95", 4));
	}
	run(&l, "decode " CONFIG "--key " VECTOR_KEY "00 07");
	cr_expect_null(strstr(l.err.msg, "8f95"));
}

// A configuration of the test's own: two quic_lb, of which decode has to take the right one.
static void write_conf(char *path)
{
	char *json = confcase_json(confcase_base);
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	cr_assert(f && fputs(json, f) >= 0 && fclose(f) == 0);
	free(json);
}

static void run_conf(struct line *l, const char *verb, const char *path, const char *more)
{
	char text[640];

	snprintf(text, sizeof(text), "%s --conf %s --service h3 %s", verb, path, more);
	run(l, text);
}

Test(lbctl_quic_lb, a_configuration_names_the_backend)
{
	char path[] = "/tmp/lb47-quic-lb-XXXXXX";
	struct line made, l;

	write_conf(path);
	for (const char *id = "05"; *id; id++) {
		char more[64];

		snprintf(more, sizeof(more), "--config-id %c --server-id 000002", *id);
		run_conf(&made, "encode", path, more);
		cr_assert_eq(made.rc, LBCTL_DONE, "%s", made.err.msg);
		run_conf(&l, "decode", path, made.answer.cid);
		cr_assert_eq(l.rc, LBCTL_DONE, "%s", l.err.msg);
		cr_expect_eq(l.answer.config_id, (uint32_t)(*id - '0'));
		cr_expect_str_eq(l.answer.server_id, "000002");
		cr_expect_str_eq(l.answer.nonce, made.answer.nonce);
		cr_expect_str_eq(l.answer.pool, "h3");
		cr_expect_str_eq(l.answer.backend, "h3-2");
		cr_expect_str_eq(l.answer.state, "up");
	}
	remove(path);
}

Test(lbctl_quic_lb, a_server_id_that_no_backend_has_is_shown_and_refused)
{
	char path[] = "/tmp/lb47-quic-lb-XXXXXX";
	struct line l;

	write_conf(path);
	run_conf(&l, "decode", path, "a000000300000000000000000000000000000000");
	cr_expect_eq(l.rc, LBCTL_NO);
	cr_expect_str_eq(l.err.msg, "no backend of pool \"h3\" has server ID 000003");
	cr_expect(l.is_answered);
	cr_expect_str_eq(l.answer.server_id, "000003");
	cr_expect_str_empty(l.answer.backend);
	remove(path);
}

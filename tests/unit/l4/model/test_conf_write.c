// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf.h"
#include "tests/support/confcase.h"
#include "tests/support/failmalloc.h"

static struct conf *parse(const char *text)
{
	struct err err = {0};
	struct conf *c = NULL;

	cr_assert_eq(conf_parse(&c, text, strlen(text), &err), 0, "%s", err.msg);
	return c;
}

static void expect_round_trip(const char *json)
{
	struct conf *a = parse(json), *b;
	char *first = conf_text(a), *second;

	b = parse(first);
	second = conf_text(b);
	cr_expect_str_eq(first, second);
	cr_expect_eq(conf_check_reload(a, b, NULL), 0);
	free(first);
	free(second);
	conf_free(a);
	conf_free(b);
}

Test(conf_write, what_was_written_reads_back_equal)
{
	char *json = confcase_json(confcase_base);

	expect_round_trip(json);
	expect_round_trip("{}");
	free(json);
}

// All that are there, so that a new one needs no line here.
Test(conf_write, every_example_is_valid_and_reads_back_equal)
{
	glob_t found;

	cr_assert_eq(glob("conf/examples/*", 0, NULL, &found), 0);
	cr_expect_geq(found.gl_pathc, 7);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *json = confcase_file(found.gl_pathv[i]);

		expect_round_trip(json);
		free(json);
	}
	globfree(&found);
}

static void expect_text(const char *json, const char *want)
{
	char *in = confcase_json(json), *out = confcase_json(want), *text;
	struct conf *c = parse(in);

	text = conf_text(c);
	cr_expect_str_eq(text, out);
	free(text);
	free(in);
	free(out);
	conf_free(c);
}

Test(conf_write, defaults_are_left_out)
{
	expect_text("{}", "{}\n");
	expect_text("{'node': 'lb47', 'flows': 1048576, 'lanes': [], 'idle': 'sleep',"
	            " 'snat': {'addresses': ['10.0.0.1']},"
	            " 'pools': [{'name': 'p', 'balance': 'maglev', 'health': {'type': 'http',"
	            " 'interval_ms': 200, 'timeout_ms': 200, 'path': '/'}, 'backends': []}]}",
	            "{\n"
	            "  'snat': { 'addresses': ['10.0.0.1'] },\n"
	            "  'pools': [\n"
	            "    {\n"
	            "      'name': 'p',\n"
	            "      'health': { 'type': 'http', 'interval_ms': 200 }\n"
	            "    }\n"
	            "  ]\n"
	            "}\n");
}

Test(conf_write, a_weight_of_zero_is_not_a_default)
{
	expect_text("{'pools': [{'name': 'p', 'backends': [{'name': 'b', 'weight': 0, 'port': 80,"
	            " 'address': '2001:DB8:0::1', 'server_id': 'AB'}]}]}",
	            "{\n"
	            "  'pools': [\n"
	            "    {\n"
	            "      'name': 'p',\n"
	            "      'backends': [\n"
	            "        { 'name': 'b', 'address': '2001:db8::1', 'port': 80, 'weight': 0, "
	            "'server_id': 'ab' }\n"
	            "      ]\n"
	            "    }\n"
	            "  ]\n"
	            "}\n");
}

Test(conf_write, quotes_backslashes_and_umlauts_survive)
{
	struct conf *a = parse("{\"control\": \"/tmp/\\\"\\\\\\u00fc\\ud83d\\ude00\"}"), *b;
	char *text = conf_text(a);

	cr_expect_str_eq(a->control, "/tmp/\"\\\xc3\xbc\xf0\x9f\x98\x80");
	b = parse(text);
	cr_expect_str_eq(a->control, b->control);
	free(text);
	conf_free(a);
	conf_free(b);
}

Test(conf_write, no_memory_at_any_point_is_survived)
{
	struct conf *c = confcase_parse(NULL, NULL);
	char *text = NULL;

	if (!failmalloc_works())
		cr_skip("the sanitizer has its own malloc");
	for (unsigned int n = 1; !text; n++) {
		failmalloc_arm(n);
		text = conf_text(c);
		cr_expect_eq(failmalloc_disarm(), !text);
	}
	free(text);
	conf_free(c);
}

Test(conf_write, reading_without_memory_is_an_error)
{
	char *json = confcase_json(confcase_base);
	struct conf *c = NULL;

	if (!failmalloc_works())
		cr_skip("the sanitizer has its own malloc");
	for (unsigned int n = 1; !c; n++) {
		struct err err = {0};
		bool failed;
		int rc;

		failmalloc_arm(n);
		rc = conf_parse(&c, json, strlen(json), &err);
		failed = failmalloc_disarm();
		cr_expect_eq(failed, rc != 0, "allocation %u", n);
		cr_expect(!failed || strcmp(err.msg, "out of memory") == 0, "allocation %u: %s", n,
		          err.msg);
	}
	conf_free(c);
	free(json);
}

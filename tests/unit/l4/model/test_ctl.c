// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMS(method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"

static int decode(struct ctl_request *out, const char *line, struct err *err)
{
	memset(err, 0, sizeof(*err));
	return ctl_request_decode(out, line, strlen(line), err);
}

static void fill_field(const struct ctl_field *f, void *base, unsigned seed)
{
	void *field = (char *)base + f->offset;
	struct err err;

	switch ((enum ctl_kind)f->kind) {
	case CTL_TEXT:
		snprintf(field, f->size, "t%u\"\\\n", seed);
		break;
	case CTL_STRING:
		cr_assert_gt(asprintf(field, "s%u\"\\\n", seed), 0);
		break;
	case CTL_WORD:
		*(uint8_t *)field = (uint8_t)(f->n_words - 1);
		break;
	case CTL_BOOL:
		*(bool *)field = true;
		break;
	case CTL_PERCENT:
		*(double *)field = 12.5;
		break;
	case CTL_ADDR:
		cr_assert_eq(addr_parse((struct addr *)field, "2001:db8::7"), 0);
		break;
	case CTL_MAC:
		cr_assert_eq(mac_parse((struct mac *)field, "02:00:00:00:00:0b"), 0);
		break;
	case CTL_HEX:
		*(struct ctl_hex *)field = (struct ctl_hex){.len = 2, .byte = {0xab, 0x01}};
		break;
	case CTL_ROWS:
		break;
	default:
		cr_assert_eq(ctl_field_set_int(f, base, 7 + seed % 90, &err), 0, "%s: %s", f->name,
		             err.msg);
	}
}

// Every field set to something that is not its initial value; two rows in each table.
static void fill(const struct ctl_type *type, void *base)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct ctl_field *f = &type->fields[i];
		struct ctl_rows *rows = (void *)((char *)base + f->offset);

		if (f->kind != CTL_ROWS) {
			fill_field(f, base, (unsigned)i);
			continue;
		}
		for (unsigned k = 0; k < 2; k++)
			fill(f->rows, ctl_field_add_row(rows, f->rows));
	}
}

static void expect_equal(const struct ctl_type *type, const void *a, const void *b,
                         const char *what)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct ctl_field *f = &type->fields[i];
		const char *x = (const char *)a + f->offset, *y = (const char *)b + f->offset;
		const struct ctl_rows *rx = (const void *)x, *ry = (const void *)y;

		if (f->kind == CTL_TEXT) {
			cr_expect_str_eq(x, y, "%s.%s", what, f->name);
		} else if (f->kind == CTL_STRING) {
			cr_expect_str_eq(*(char *const *)x, *(char *const *)y, "%s.%s", what,
			                 f->name);
		} else if (f->kind != CTL_ROWS) {
			cr_expect_arr_eq(x, y, f->size, "%s.%s", what, f->name);
		} else {
			cr_assert_eq(rx->n, ry->n, "%s.%s", what, f->name);
			for (uint32_t k = 0; k < rx->n; k++)
				expect_equal(f->rows, (char *)rx->row + k * f->rows->size,
				             (char *)ry->row + k * f->rows->size, f->name);
		}
	}
}

static void make_request(struct ctl_request *r, enum ctl_method method)
{
	memset(r, 0, sizeof(*r));
	r->method = (uint8_t)method;
	r->id = (struct ctl_id){.kind = CTL_ID_NUMBER, .number = 42};
	ctl_method_init_params(method, &r->params);
	fill(ctl_method_types[method].params, &r->params);
}

Test(ctl, every_request_survives_the_wire)
{
	for (unsigned m = CTL_METHOD_NONE + 1; m < CTL_METHOD_COUNT; m++) {
		struct ctl_request in, out;
		struct err err = {0};
		size_t len;
		char *line;

		make_request(&in, m);
		line = ctl_request_encode(&in, &len);
		cr_assert_not_null(line);
		cr_expect_eq(len, strlen(line));
		cr_expect_eq(strchr(line, '\n') - line, (ptrdiff_t)len - 1, "one line");
		cr_assert_eq(ctl_request_decode(&out, line, len, &err), 0, "%s%s", line, err.msg);
		cr_expect_eq(out.method, m);
		cr_expect_eq(out.id.number, 42);
		expect_equal(ctl_method_types[m].params, &in.params, &out.params,
		             ctl_method_types[m].name);
		ctl_request_free(&in);
		ctl_request_free(&out);
		free(line);
	}
}

Test(ctl, every_result_survives_the_wire)
{
	static const struct ctl_id id = {.kind = CTL_ID_TEXT, .text = "me"};

	for (unsigned m = CTL_METHOD_NONE + 1; m < CTL_METHOD_COUNT; m++) {
		union ctl_result in, out;
		struct err err = {0};
		size_t len;
		char *line;

		ctl_method_init_result(m, &in);
		fill(ctl_method_types[m].result, &in);
		line = ctl_result_encode(&id, m, &in, &len);
		cr_assert_not_null(line);
		cr_assert_eq(ctl_answer_decode(&out, m, line, len, &err), 0, "%s%s", line, err.msg);
		expect_equal(ctl_method_types[m].result, &in, &out, ctl_method_types[m].name);
		ctl_method_free_result(m, &in);
		ctl_method_free_result(m, &out);
		free(line);
	}
}

Test(ctl, empty_results_survive_the_wire)
{
	static const struct ctl_id id = {.kind = CTL_ID_NULL};

	for (unsigned m = CTL_METHOD_NONE + 1; m < CTL_METHOD_COUNT; m++) {
		union ctl_result in, out;
		struct err err = {0};
		size_t len;
		char *line;

		ctl_method_init_result(m, &in);
		line = ctl_result_encode(&id, m, &in, &len);
		cr_assert_not_null(line);
		cr_assert_eq(ctl_answer_decode(&out, m, line, len, &err), 0, "%s%s", line, err.msg);
		expect_equal(ctl_method_types[m].result, &in, &out, ctl_method_types[m].name);
		free(line);
	}
}

Test(ctl, every_truncation_of_a_request_is_refused)
{
	for (unsigned m = CTL_METHOD_NONE + 1; m < CTL_METHOD_COUNT; m++) {
		struct ctl_request in, out;
		struct err err;
		size_t len;
		char *line;

		make_request(&in, m);
		line = ctl_request_encode(&in, &len);
		cr_assert_not_null(line);
		for (size_t n = 0; n < len - 1; n++) {
			char *cut = malloc(n ? n : 1); // so that the sanitizer sees a byte too many

			cr_assert_not_null(cut);
			memcpy(cut, line, n);
			cr_expect_eq(ctl_request_decode(&out, cut, n, &err), CTL_BAD_JSON,
			             "%zu of %s", n, line);
			cr_expect_eq(out.id.kind, CTL_ID_NULL);
			free(cut);
		}
		ctl_request_free(&in);
		free(line);
	}
}

Test(ctl, every_truncation_of_an_answer_is_refused)
{
	static const struct ctl_id id = {.kind = CTL_ID_NUMBER, .number = 1};

	for (unsigned m = CTL_METHOD_NONE + 1; m < CTL_METHOD_COUNT; m++) {
		union ctl_result in, out;
		struct err err;
		size_t len;
		char *line;

		ctl_method_init_result(m, &in);
		fill(ctl_method_types[m].result, &in);
		line = ctl_result_encode(&id, m, &in, &len);
		cr_assert_not_null(line);
		for (size_t n = 0; n < len - 1; n++)
			cr_expect_eq(ctl_answer_decode(&out, m, line, n, &err), -EPROTO);
		ctl_method_free_result(m, &in);
		free(line);
	}
}

static const struct {
	const char *line;
	int code;
	const char *msg;
} malformed[] = {
	{"", CTL_BAD_JSON, NULL},
	{"nonsense", CTL_BAD_JSON, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"} {}", CTL_BAD_JSON, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"status\"}", CTL_BAD_JSON, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sta\\u0000tus\"}", CTL_BAD_JSON, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", CTL_BAD_JSON, NULL},
	{"[]", CTL_BAD_REQUEST, "one object a line expected"},
	{"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}]", CTL_BAD_REQUEST,
         "one object a line expected"},
	{"{}", CTL_BAD_REQUEST, "jsonrpc: \"2.0\" expected"},
	{"{\"id\":1,\"method\":\"status\"}", CTL_BAD_REQUEST, "jsonrpc: \"2.0\" expected"},
	{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"status\"}", CTL_BAD_REQUEST,
         "jsonrpc: \"2.0\" expected"},
	{"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"status\"}", CTL_BAD_REQUEST,
         "jsonrpc: \"2.0\" expected"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"status\"}", CTL_BAD_REQUEST,
         "id: integer or string of at most 63 bytes expected"},
	{"{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"status\"}", CTL_BAD_REQUEST,
         "id: integer or string of at most 63 bytes expected"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1}", CTL_BAD_REQUEST, "method: string expected"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", CTL_BAD_REQUEST, "method: string expected"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"parms\":{}}", CTL_BAD_REQUEST,
         "parms: unknown key"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stat\"}", CTL_BAD_METHOD,
         "method: there is no \"stat\""},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}", CTL_BAD_METHOD,
         "method: there is no \"\""},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":[]}", CTL_BAD_PARAMS,
         "params: object expected"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":null}", CTL_BAD_PARAMS,
         "params: object expected"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"backend.remove\"}", CTL_BAD_PARAMS,
         "params.pool: is missing"},
	{PARAMS("status", "\"x\":1"), CTL_BAD_PARAMS, "params.x: unknown key"},
	{PARAMS("backend.remove", "\"pool\":\"web\""), CTL_BAD_PARAMS, "params.name: is missing"},
	{PARAMS("backend.remove", "\"pool\":\"\",\"name\":\"a\""), CTL_BAD_PARAMS,
         "params.pool: is empty"},
	{PARAMS("backend.remove", "\"pool\":null,\"name\":\"a\""), CTL_BAD_PARAMS,
         "params.pool: string expected"},
	{PARAMS("backend.weight", "\"pool\":\"p\",\"name\":\"a\",\"weight\":1001"), CTL_BAD_PARAMS,
         "params.weight: 1001 is not in 0..1000"},
	{PARAMS("backend.weight", "\"pool\":\"p\",\"name\":\"a\",\"weight\":-1"), CTL_BAD_PARAMS,
         "params.weight: -1 is not in 0..1000"},
	{PARAMS("backend.weight", "\"pool\":\"p\",\"name\":\"a\",\"weight\":1.0"), CTL_BAD_PARAMS,
         "params.weight: integer expected"},
	{PARAMS("backend.weight", "\"pool\":\"p\",\"name\":\"a\",\"weight\":\"1\""), CTL_BAD_PARAMS,
         "params.weight: integer expected"},
	{PARAMS("backend.state", "\"pool\":\"p\",\"name\":\"a\",\"state\":\"off\""), CTL_BAD_PARAMS,
         "params.state: \"off\" is not up, drain or down"},
	{PARAMS("backend.state", "\"pool\":\"p\",\"name\":\"a\",\"state\":\"\""), CTL_BAD_PARAMS,
         "params.state: \"\" is not up, drain or down"},
	{PARAMS("backend.add", "\"pool\":\"p\",\"name\":\"a\",\"address\":\"10.0.0\",\"port\":80"),
         CTL_BAD_PARAMS, "params.address: \"10.0.0\" is not an IP address"},
	{PARAMS("backend.add", "\"pool\":\"p\",\"name\":\"a\",\"address\":\"10.0.0.1\",\"port\":0"),
         CTL_BAD_PARAMS, "params.port: 0 is not in 1..65535"},
	{PARAMS("backend.add",
                "\"pool\":\"p\",\"name\":\"a\",\"address\":\"10.0.0.1\",\"port\":65536"),
         CTL_BAD_PARAMS, "params.port: 65536 is not in 1..65535"},
	{PARAMS("backend.add",
                "\"pool\":\"p\",\"name\":\"a\",\"address\":\"10.0.0.1\",\"port\":80,\"mac\":\"02:00\""),
         CTL_BAD_PARAMS, "params.mac: \"02:00\" is not a MAC address"},
	{PARAMS("backend.add",
                "\"pool\":\"p\",\"name\":\"a\",\"address\":\"10.0.0.1\",\"port\":80,\"server_id\":\"abc\""),
         CTL_BAD_PARAMS, "params.server_id: \"abc\" is not 1..15 bytes in hexadecimal"},
	{PARAMS("backend.add",
                "\"pool\":\"p\",\"name\":\"a\",\"address\":\"10.0.0.1\",\"port\":80,\"server_id\":\"zz\""),
         CTL_BAD_PARAMS, "params.server_id: \"zz\" is not hexadecimal"},
	{PARAMS("counters", "\"all\":1"), CTL_BAD_PARAMS, "params.all: true or false expected"},
	{PARAMS("flow.lookup", "\"protocol\":\"sctp\""), CTL_BAD_PARAMS,
         "params.protocol: \"sctp\" is not tcp, udp or quic"},
};

Test(ctl, malformed_requests_are_refused_with_their_place)
{
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
		struct ctl_request out;
		struct err err;

		cr_expect_eq(decode(&out, malformed[i].line, &err), malformed[i].code, "%s: %d %s",
		             malformed[i].line, err.code, err.msg);
		cr_expect_eq(err.code, malformed[i].code);
		if (malformed[i].msg)
			cr_expect_str_eq(err.msg, malformed[i].msg);
	}
}

Test(ctl, a_text_longer_than_its_field_is_refused)
{
	char name[CTL_NAME_SIZE + 1] = {0}, line[512];
	struct ctl_request out;
	struct err err;

	memset(name, 'a', CTL_NAME_SIZE - 1);
	snprintf(line, sizeof(line), PARAMS("backend.remove", "\"pool\":\"%s\",\"name\":\"x\""),
	         name);
	cr_expect_eq(decode(&out, line, &err), 0);
	name[CTL_NAME_SIZE - 1] = 'a';
	snprintf(line, sizeof(line), PARAMS("backend.remove", "\"pool\":\"%s\",\"name\":\"x\""),
	         name);
	cr_expect_eq(decode(&out, line, &err), CTL_BAD_PARAMS);
	cr_expect_str_eq(err.msg, "params.pool: longer than 63 bytes");
}

Test(ctl, a_refused_request_keeps_its_id)
{
	struct ctl_request out;
	struct err err;

	cr_expect_eq(decode(&out, "{\"jsonrpc\":\"2.0\",\"id\":\"q7\",\"method\":\"no\"}", &err),
	             CTL_BAD_METHOD);
	cr_expect_eq(out.id.kind, CTL_ID_TEXT);
	cr_expect_str_eq(out.id.text, "q7");
}

Test(ctl, a_request_without_id_is_a_notification_unless_it_is_broken)
{
	struct ctl_request out;
	struct err err;

	cr_expect_eq(decode(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"status\"}", &err), 0);
	cr_expect_eq(out.id.kind, CTL_ID_NONE);
	cr_expect_eq(decode(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"no\"}", &err), CTL_BAD_METHOD);
	cr_expect_eq(out.id.kind, CTL_ID_NULL);
}

Test(ctl, parameters_that_are_left_out_have_their_defaults)
{
	struct ctl_request out;
	struct err err;

	cr_assert_eq(decode(&out,
	                    PARAMS("backend.add",
	                           "\"pool\":\"p\",\"name\":\"a\",\"address\":\"::1\",\"port\":80"),
	                    &err),
	             0);
	cr_expect_eq(out.params.backend_add.weight, 100);
	cr_expect_eq(out.params.backend_add.state, STATE_UP);
	cr_expect_eq(out.params.backend_add.server_id.len, 0);
	cr_expect(mac_is_zero(&out.params.backend_add.mac));
}

Test(ctl, errors_come_back_with_code_and_message)
{
	static const struct ctl_id id = {.kind = CTL_ID_NUMBER, .number = 3};
	struct err error, err;
	union ctl_result out;
	size_t len;
	char *line;

	err_set(&error, CTL_REFUSED, "pools: there is no \"x\"");
	line = ctl_error_encode(&id, &error, &len);
	cr_assert_not_null(line);
	cr_expect_eq(ctl_answer_decode(&out, CTL_RELOAD, line, len, &err), CTL_REFUSED);
	cr_expect_str_eq(err.msg, "pools: there is no \"x\"");
	free(line);
}

Test(ctl, bytes_that_are_not_utf8_do_not_break_an_answer)
{
	static const struct ctl_id id = {.kind = CTL_ID_NUMBER, .number = 3};
	struct err error, err;
	union ctl_result out;
	size_t len;
	char *line;

	err_set(&error, CTL_REFUSED, "cut \xc3");
	line = ctl_error_encode(&id, &error, &len);
	cr_assert_not_null(line);
	cr_expect_eq(ctl_answer_decode(&out, CTL_RELOAD, line, len, &err), CTL_REFUSED);
	cr_expect_str_eq(err.msg, "cut ?");
	free(line);
}

Test(ctl, answers_that_are_none_are_refused)
{
	static const char *const lines[] = {
		"",
		"[]",
		"{}",
		"{\"jsonrpc\":\"2.0\",\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":0,\"message\":\"\"}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":4294967296,\"message\":\"\"}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"generation\":\"1\"}}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"generation\":-1}}",
	};
	union ctl_result out;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		cr_expect_eq(ctl_answer_decode(&out, CTL_RELOAD, lines[i], strlen(lines[i]), &err),
		             -EPROTO, "%s", lines[i]);
}

Test(ctl, an_answer_from_a_newer_daemon_is_read)
{
	static const char line[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"generation\":5,\"new\":[1]}}";
	union ctl_result out;
	struct err err;

	cr_assert_eq(ctl_answer_decode(&out, CTL_RELOAD, line, strlen(line), &err), 0);
	cr_expect_eq(out.change.generation, 5);
}

Test(ctl, a_word_of_a_newer_daemon_is_shown_as_a_dash)
{
	static const char line[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"pools\":[{\"name\":\"p\","
		"\"balance\":\"magic\",\"backends\":3}]}}";
	const struct ctl_type *rows = ctl_method_types[CTL_POOL_LIST].result->fields[0].rows;
	char text[CTL_FIELD_TEXT_SIZE];
	union ctl_result out;
	struct err err;

	cr_assert_eq(ctl_answer_decode(&out, CTL_POOL_LIST, line, strlen(line), &err), 0, "%s",
	             err.msg);
	cr_expect_str_eq(
		ctl_field_show(ctl_field_find(rows, "balance"), out.pool_list.pools.row, text),
		"-");
	cr_expect_str_eq(
		ctl_field_show(ctl_field_find(rows, "backends"), out.pool_list.pools.row, text),
		"3");
	ctl_method_free_result(CTL_POOL_LIST, &out);
}

static char *health_notice(size_t *len)
{
	struct ctl_request notice = {
		.method = CTL_HEALTH_CHANGED,
		.params.health_change = {.pool = "web",
	                                 .name = "web-1",
	                                 .address = addr_ip4(be32_from(0x0a00000b)),
	                                 .port = be16_from(80),
	                                 .state = HEALTH_UNHEALTHY,
	                                 .reason = "connect: refused",
	                                 .changed_ms = 1790000000123},
	};
	char *line = ctl_request_encode(&notice, len);

	cr_assert_not_null(line);
	return line;
}

Test(ctl, a_notification_is_told_from_an_answer)
{
	static const struct ctl_id id = {.kind = CTL_ID_NUMBER, .number = 1};
	static const union ctl_result empty;
	struct ctl_request out;
	struct err err;
	size_t len;
	char *line = health_notice(&len);

	cr_assert_eq(ctl_notice_decode(&out, line, len, &err), 0);
	cr_expect_eq(out.method, CTL_HEALTH_CHANGED);
	cr_expect_eq(out.id.kind, CTL_ID_NONE);
	cr_expect_str_eq(out.params.health_change.reason, "connect: refused");
	cr_expect_eq(out.params.health_change.changed_ms, 1790000000123);
	free(line);
	line = ctl_result_encode(&id, CTL_L7_CONFIGURE, &empty, &len);
	cr_assert_not_null(line);
	cr_expect_str_eq(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
	cr_expect_eq(ctl_notice_decode(&out, line, len, &err), -ENOMSG);
	free(line);
}

Test(ctl, every_truncation_of_a_notification_is_refused)
{
	struct ctl_request out;
	struct err err;
	size_t len;
	char *line = health_notice(&len);

	for (size_t n = 0; n < len - 1; n++)
		cr_expect_eq(ctl_notice_decode(&out, line, n, &err), -EPROTO, "%zu of %s", n, line);
	free(line);
}

Test(ctl, a_notification_of_a_newer_daemon_is_read)
{
	static const char unknown[] = "{\"jsonrpc\":\"2.0\",\"method\":\"weather\",\"params\":[]}";
	static const char newer[] = "{\"jsonrpc\":\"2.0\",\"method\":\"health.changed\",\"params\":"
				    "{\"pool\":\"p\",\"state\":\"dizzy\",\"new\":1}}";
	struct ctl_request out;
	struct err err;

	cr_assert_eq(ctl_notice_decode(&out, unknown, strlen(unknown), &err), 0);
	cr_expect_eq(out.method, CTL_METHOD_NONE);
	ctl_request_free(&out); // as for one that is known: a newer lb7d must not crash lb4d
	cr_assert_eq(ctl_notice_decode(&out, newer, strlen(newer), &err), 0);
	cr_expect_str_eq(out.params.health_change.pool, "p");
	cr_expect_geq(out.params.health_change.state, HEALTH_STATE_COUNT);
}

Test(ctl, the_longest_configuration_fits_a_request_to_lb7d)
{
	struct ctl_request in = {.method = CTL_L7_CONFIGURE, .id = {.kind = CTL_ID_NUMBER}}, out;
	struct err err;
	size_t len;
	char *line;

	in.params.l7_configure.file = strdup("/etc/lb47/edge.json");
	in.params.l7_configure.text = malloc(CONF_FILE_MAX + 1);
	cr_assert(in.params.l7_configure.file && in.params.l7_configure.text);
	memset(in.params.l7_configure.text, '"', CONF_FILE_MAX);
	in.params.l7_configure.text[CONF_FILE_MAX] = 0;
	line = ctl_request_encode(&in, &len);
	cr_assert_not_null(line);
	cr_expect_leq(len, CTL_REQUEST_L7_MAX);
	cr_assert_eq(ctl_request_decode(&out, line, len, &err), 0, "%s", err.msg);
	cr_expect_str_eq(out.params.l7_configure.text, in.params.l7_configure.text);
	ctl_request_free(&in);
	ctl_request_free(&out);
	free(line);
}

Test(ctl, a_half_read_request_leaks_nothing)
{
	struct ctl_request out;
	struct err err;

	cr_expect_eq(decode(&out, PARAMS("l7.configure", "\"file\":\"f\",\"text\":1"), &err),
	             CTL_BAD_PARAMS);
	cr_expect_str_eq(err.msg, "params.text: string expected");
}

Test(ctl, the_text_of_an_answer_keeps_the_order_of_its_keys)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"z\":1,\"a\":[]}}";
	char *text = ctl_answer_text(line, strlen(line));

	cr_assert_not_null(text);
	cr_expect_str_eq(text, "{\n  \"z\": 1,\n  \"a\": []\n}\n");
	free(text);
}

Test(ctl, deep_nesting_is_refused)
{
	enum { DEPTH = 100000 };
	char *line = malloc(DEPTH);
	struct ctl_request out;
	struct err err;

	cr_assert_not_null(line);
	memset(line, '[', DEPTH);
	cr_expect_eq(ctl_request_decode(&out, line, DEPTH, &err), CTL_BAD_JSON);
	free(line);
}

Test(ctl, an_answer_with_every_backend_fits)
{
	static const struct ctl_id id = {.kind = CTL_ID_NULL};
	const struct ctl_type *rows = ctl_method_types[CTL_BACKEND_LIST].result->fields[0].rows;
	union ctl_result result;
	size_t len;
	char *line;

	ctl_method_init_result(CTL_BACKEND_LIST, &result);
	for (unsigned i = 0; i < 2 * CONF_MAX_BACKENDS; i++) {
		struct ctl_backend *b = ctl_field_add_row(&result.backend_list.backends, rows);

		cr_assert_not_null(b);
		fill(rows, b);
		memset(b->pool, 'p', CONF_NAME_MAX);
		memset(b->name, 'n', CONF_NAME_MAX);
		b->packets = b->bytes = b->new_flows = INT64_MAX;
	}
	line = ctl_result_encode(&id, CTL_BACKEND_LIST, &result, &len);
	cr_assert_not_null(line);
	cr_expect_lt(len, CTL_ANSWER_MAX);
	free(line);
	ctl_method_free_result(CTL_BACKEND_LIST, &result);
}

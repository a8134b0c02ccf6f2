// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <errno.h>

#include "l7/grpc_health.h"
#include "tests/support/guard.h"

#define BYTES(literal) slice_of(literal, sizeof(literal) - 1)

// Behind a head that says how many octets follow.
static uint8_t *framed(struct slice body, size_t *len)
{
	uint8_t *m;

	*len = 5 + body.len;
	m = guard_alloc(*len);
	m[4] = (uint8_t)body.len;
	memcpy(m + 5, body.ptr, body.len);
	return m;
}

// Made with protobuf's own encoder: python3-protobuf, HealthCheckRequest(service=...).SerializeToString().
Test(grpc_health, a_question_is_what_protobuf_writes)
{
	static const struct {
		const char *service;
		const char *want;
		size_t len;
	} questions[] = {
		{"", "\0\0\0\0\0", 5},
		{"a",
	         "\0\0\0\0\x03\x0a\x01"
	         "a",
	         8},
		{"grpc.testing.TestService", "\0\0\0\0\x1a\x0a\x18grpc.testing.TestService", 31},
	};

	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		uint8_t *space = guard_alloc(questions[i].len);
		struct text t = text_of(space, questions[i].len);

		grpc_health_write(&t, questions[i].service);
		cr_expect_not(t.is_cut);
		cr_expect(slice_eq(text_slice(&t), slice_of(questions[i].want, questions[i].len)),
		          "%s", questions[i].service);
		guard_free(space, questions[i].len);
	}
}

Test(grpc_health, a_long_name_has_a_length_of_two_octets)
{
	char service[201], space[256];
	struct text t = text_of(space, sizeof(space));

	memset(service, 's', 200);
	service[200] = '\0';
	grpc_health_write(&t, service);
	cr_expect_eq(t.len, 5 + 1 + 2 + 200);
	cr_expect_eq(memcmp(space, "\0\0\0\0\xcb\x0a\xc8\x01ss", 10), 0);
}

Test(grpc_health, a_question_without_room_is_cut)
{
	for (size_t size = 0; size < 8; size++) {
		uint8_t *space = guard_alloc(size);
		struct text t = text_of(space, size);

		grpc_health_write(&t, "a");
		cr_expect(t.is_cut);
		guard_free(space, size);
	}
}

// protobuf.dev/programming-guides/encoding.
static const struct {
	const char *name;
	struct slice body;
	int64_t status; // -1 = malformed
} answers[] = {
	{"default", {(const uint8_t *)"", 0}, 0},
	{"serving", {(const uint8_t *)"\x08\x01", 2}, 1},
	{"not serving", {(const uint8_t *)"\x08\x02", 2}, 2},
	{"service unknown", {(const uint8_t *)"\x08\x03", 2}, 3},
	{"one of the future", {(const uint8_t *)"\x08\x96\x01", 3}, 150},
	{"written long", {(const uint8_t *)"\x88\x80\x00\x81\x00", 5}, 1},
	{"the last one counts", {(const uint8_t *)"\x08\x02\x08\x01", 4}, 1},
	{"unknown varint first", {(const uint8_t *)"\x10\xff\x01\x08\x01", 5}, 1},
	{"unknown text first", {(const uint8_t *)"\x12\x03key\x08\x01", 7}, 1},
	{"unknown fixed ones",
         {(const uint8_t *)"\x19"
                           "12345678\x25"
                           "1234\x08\x01",
          16},
         1},
	{"nothing behind the tag", {(const uint8_t *)"\x08", 1}, -1},
	{"varint without end", {(const uint8_t *)"\x08\x80", 2}, -1},
	{"text beyond the end", {(const uint8_t *)"\x12\x04key", 5}, -1},
	{"text far beyond",
         {(const uint8_t *)"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01k", 12},
         -1},
	{"fixed beyond the end",
         {(const uint8_t *)"\x19"
                           "1234567",
          8},
         -1},
	{"status as text", {(const uint8_t *)"\x0a\x01\x01", 3}, -1},
	{"group", {(const uint8_t *)"\x13\x14", 2}, -1},
	{"field 0", {(const uint8_t *)"\x00\x01", 2}, -1},
	{"eleven octets",
         {(const uint8_t *)"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12},
         -1},
	{"65 bits", {(const uint8_t *)"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11}, -1},
};

Test(grpc_health, an_answer_says_what_it_says)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		uint64_t status = 77;
		size_t len;
		uint8_t *m = framed(answers[i].body, &len);
		int rc = grpc_health_parse(slice_of(m, len), &status);

		cr_expect_eq(rc, answers[i].status < 0 ? -EINVAL : 0, "%s", answers[i].name);
		cr_expect_eq(status, answers[i].status < 0 ? 77 : (uint64_t)answers[i].status,
		             "%s: %lu", answers[i].name, status);
		guard_free(m, len);
	}
}

// An enum below zero has ten octets.
Test(grpc_health, a_negative_status_is_no_fault_of_the_encoding)
{
	uint64_t status;
	size_t len;
	uint8_t *m = framed(BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &len);

	cr_assert_eq(grpc_health_parse(slice_of(m, len), &status), 0);
	cr_expect_eq(status, UINT64_MAX);
	guard_free(m, len);
}

Test(grpc_health, only_one_whole_message_is_an_answer)
{
	static const uint8_t whole[] = {0, 0, 0, 0, 4, 0x10, 7, 0x08, 1};
	uint64_t status;

	for (size_t len = 0; len <= sizeof(whole); len++) {
		uint8_t *m = guard_alloc(len);

		memcpy(m, whole, len);
		cr_expect_eq(grpc_health_parse(slice_of(m, len), &status),
		             len == sizeof(whole) ? 0 : -EINVAL, "%zu", len);
		guard_free(m, len);
	}
	cr_expect_eq(grpc_health_parse(BYTES("\0\0\0\0\0\0"), &status), -EINVAL, "one more octet");
	cr_expect_eq(grpc_health_parse(BYTES("\1\0\0\0\0"), &status), -EINVAL, "compressed");
	cr_expect_eq(grpc_health_parse(BYTES("\0\xff\xff\xff\xff"), &status), -EINVAL);
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l7/header_table.h"

#define X(SYMBOL, name, CLASS) [HEADER_##SYMBOL] = (name),
const char *const header_names[HEADER_COUNT] = {[HEADER_OTHER] = "", HEADERS(X)};
#undef X

#define X(SYMBOL, name, CLASS) [HEADER_##SYMBOL] = HEADER_##CLASS,
const uint8_t header_classes[HEADER_COUNT] = {HEADERS(X)};
#undef X

#define X(SYMBOL, name, CLASS) [1 + HEADER_##SYMBOL] = (name),
const char header_table_names[1 + HEADER_COUNT][HEADER_TABLE_NAME] = {HEADERS(X)};
#undef X

#define X(SYMBOL, name, CLASS) [HEADER_##SYMBOL] = sizeof(name) - 1,
const uint8_t header_table_lens[HEADER_COUNT] = {HEADERS(X)};
#undef X

// One line per name of the list: its first and last letter and its length. The compiler refuses two names in
// one slot (-Woverride-init); a test refuses a name that is missing here.
#define SLOT(first, last, len, SYMBOL) [HEADER_TABLE_SLOT(first, last, len)] = HEADER_##SYMBOL
const uint8_t header_table_slots[HEADER_TABLE_SLOTS] = {
	SLOT('a', 't', 6, ACCEPT),
	SLOT('a', 'g', 15, ACCEPT_ENCODING),
	SLOT('a', 'e', 15, ACCEPT_LANGUAGE),
	SLOT('a', 'n', 13, AUTHORIZATION),
	SLOT('c', 'l', 13, CACHE_CONTROL),
	SLOT('c', 'n', 10, CONNECTION),
	SLOT('c', 'g', 16, CONTENT_ENCODING),
	SLOT('c', 'h', 14, CONTENT_LENGTH),
	SLOT('c', 'e', 12, CONTENT_TYPE),
	SLOT('c', 'e', 6, COOKIE),
	SLOT('d', 'e', 4, DATE),
	SLOT('e', 't', 6, EXPECT),
	SLOT('f', 'd', 9, FORWARDED),
	SLOT('g', 'e', 12, GRPC_MESSAGE),
	SLOT('g', 's', 11, GRPC_STATUS),
	SLOT('g', 't', 12, GRPC_TIMEOUT),
	SLOT('h', 't', 4, HOST),
	SLOT('h', 's', 14, HTTP2_SETTINGS),
	SLOT('k', 'e', 10, KEEP_ALIVE),
	SLOT('l', 'n', 8, LOCATION),
	SLOT('o', 'n', 6, ORIGIN),
	SLOT('p', 'e', 18, PROXY_AUTHENTICATE),
	SLOT('p', 'n', 19, PROXY_AUTHORIZATION),
	SLOT('p', 'n', 16, PROXY_CONNECTION),
	SLOT('r', 'e', 5, RANGE),
	SLOT('r', 'r', 7, REFERER),
	SLOT('s', 't', 20, SEC_WEBSOCKET_ACCEPT),
	SLOT('s', 's', 24, SEC_WEBSOCKET_EXTENSIONS),
	SLOT('s', 'y', 17, SEC_WEBSOCKET_KEY),
	SLOT('s', 'l', 22, SEC_WEBSOCKET_PROTOCOL),
	SLOT('s', 'n', 21, SEC_WEBSOCKET_VERSION),
	SLOT('s', 'r', 6, SERVER),
	SLOT('s', 'e', 10, SET_COOKIE),
	SLOT('t', 'e', 2, TE),
	SLOT('t', 'r', 7, TRAILER),
	SLOT('t', 'g', 17, TRANSFER_ENCODING),
	SLOT('u', 'e', 7, UPGRADE),
	SLOT('u', 't', 10, USER_AGENT),
	SLOT('v', 'a', 3, VIA),
	SLOT('x', 'g', 17, X_ACCEL_BUFFERING),
	SLOT('x', 'r', 15, X_FORWARDED_FOR),
	SLOT('x', 't', 16, X_FORWARDED_HOST),
	SLOT('x', 'o', 17, X_FORWARDED_PROTO),
	SLOT('x', 'p', 9, X_REAL_IP),
	SLOT('x', 'd', 12, X_REQUEST_ID),
};
#undef SLOT

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

enum header header_find(struct slice name)
{
	enum header candidate;

	if (name.len == 0 || name.len >= HEADER_TABLE_NAME)
		return HEADER_OTHER;
	candidate = header_table_candidate(name.ptr, name.len);
	return header_eq(name, header_names[candidate]) ? candidate : HEADER_OTHER;
}

bool header_eq(struct slice a, const char *lower_case)
{
	size_t i;

	for (i = 0; i < a.len; i++)
		if (!lower_case[i] || lower(a.ptr[i]) != (uint8_t)lower_case[i])
			return false;
	return !lower_case[i];
}

bool header_same(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

bool header_has_token(struct slice list, const char *lower_case)
{
	struct slice token;

	while (header_next_token(&list, &token))
		if (header_eq(token, lower_case))
			return true;
	return false;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

bool header_next_token(struct slice *list, struct slice *token)
{
	const uint8_t *p = list->ptr, *end, *begin;

	if (list->len == 0)
		return false;
	end = p + list->len;
	while (p < end && (is_blank(*p) || *p == ','))
		p++;
	begin = p;
	while (p < end && *p != ',')
		p++;
	*list = slice_of(p, (size_t)(end - p));
	while (p > begin && is_blank(p[-1]))
		p--;
	*token = slice_of(begin, (size_t)(p - begin));
	return token->len > 0;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l7/grpc.h"

#include "l4/base/clock.h"

#define X(SYMBOL) [GRPC_##SYMBOL] = #SYMBOL,
const char *const grpc_status_names[GRPC_STATUS_COUNT] = {GRPC_STATUSES(X)};
#undef X

const char *const grpc_content_types[GRPC_KIND_COUNT] = {
	[GRPC_NONE] = "",
	[GRPC_NATIVE] = "application/grpc",
	[GRPC_WEB] = "application/grpc-web",
	[GRPC_WEB_TEXT] = "application/grpc-web-text",
};

// --- what is gRPC ---

// The media type alone: without parameters and the blanks before them.
static struct slice media_type(struct slice value)
{
	const uint8_t *end = value.len ? memchr(value.ptr, ';', value.len) : NULL;

	if (end)
		value.len = (size_t)(end - value.ptr);
	while (value.len && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t'))
		value.len--;
	return value;
}

enum grpc_kind grpc_kind_of(struct slice content_type, struct slice *subtype)
{
	// PROTOCOL-WEB.md: "Text encoding may be specified" as the last one, too.
	static const struct {
		const char *name;
		enum grpc_kind kind;
	} types[] = {
		{"application/grpc", GRPC_NATIVE},
		{"application/grpc-web", GRPC_WEB},
		{"application/grpc-web-text", GRPC_WEB_TEXT},
		{"application/grpc-web-text-base64", GRPC_WEB_TEXT},
	};
	struct slice type = media_type(content_type);
	const uint8_t *plus = type.len ? memchr(type.ptr, '+', type.len) : NULL;
	size_t len = plus ? (size_t)(plus - type.ptr) : type.len;

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (!header_eq(slice_of(type.ptr, len), types[i].name))
			continue;
		if (subtype)
			*subtype = slice_of(type.ptr + len, type.len - len);
		return types[i].kind;
	}
	return GRPC_NONE;
}

enum grpc_kind grpc_kind_of_fields(const struct fields *f, struct slice *subtype)
{
	const struct field *type = NULL;

	for (uint16_t i = 0; i < f->n; i++) {
		if (f->at[i].id != HEADER_CONTENT_TYPE || f->at[i].is_dropped)
			continue;
		if (type)
			return GRPC_NONE;
		type = &f->at[i];
	}
	return type ? grpc_kind_of(type->value, subtype) : GRPC_NONE;
}

// --- how long ---

static uint64_t unit_ns(uint8_t unit)
{
	switch (unit) {
	case 'H':
		return 3600 * CLOCK_NS_PER_S;
	case 'M':
		return 60 * CLOCK_NS_PER_S;
	case 'S':
		return CLOCK_NS_PER_S;
	case 'm':
		return CLOCK_NS_PER_MS;
	case 'u':
		return 1000;
	case 'n':
		return 1;
	default:
		return 0;
	}
}

bool grpc_parse_timeout(struct slice value, uint64_t *ns)
{
	enum { DIGITS_MAX = 8 };
	size_t n = value.len ? value.len - 1 : 0;
	uint64_t number = 0, unit;

	if (n == 0 || n > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return false;
		number = number * 10 + value.ptr[i] - '0';
	}
	unit = unit_ns(value.ptr[n]);
	if (!unit || !number)
		return false;
	*ns = number > UINT64_MAX / unit ? UINT64_MAX : number * unit;
	return true;
}

// --- how it went ---

bool grpc_parse_status(struct slice value, uint8_t *status)
{
	uint32_t number = 0;

	if (value.len == 0 || value.len > 3 || (value.len > 1 && value.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return false;
		number = number * 10 + value.ptr[i] - '0';
	}
	if (number > UINT8_MAX)
		return false;
	*status = (uint8_t)number;
	return true;
}

enum grpc_status grpc_status_of_http(uint16_t status)
{
	switch (status) {
	case 400:
	case 431:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

enum grpc_status grpc_status_of_reset(enum http2_error error)
{
	switch (error) {
	case HTTP2_REFUSED_STREAM:
		return GRPC_UNAVAILABLE;
	case HTTP2_CANCEL:
		return GRPC_CANCELLED;
	case HTTP2_ENHANCE_YOUR_CALM:
		return GRPC_RESOURCE_EXHAUSTED;
	case HTTP2_INADEQUATE_SECURITY:
		return GRPC_PERMISSION_DENIED;
	default:
		return GRPC_INTERNAL;
	}
}

// A time-out after the request was sent is a deadline, as the call may have been carried out: UNAVAILABLE would ask clients to
// try again, and other proxies are blamed for saying it. Nobody has seen the request of one who could not be reached.
enum grpc_status grpc_status_of_end(enum access_end end, uint16_t status)
{
	switch (end) {
	case ACCESS_CLIENT_ABORT:
		return GRPC_CANCELLED;
	case ACCESS_CLIENT_TIMEOUT:
	case ACCESS_FIRST_BYTE_TIMEOUT:
	case ACCESS_STREAM_IDLE:
	case ACCESS_TOTAL_TIMEOUT:
	case ACCESS_DEADLINE:
		return GRPC_DEADLINE_EXCEEDED;
	case ACCESS_TOO_LARGE:
	case ACCESS_OVERLOAD:
		return GRPC_RESOURCE_EXHAUSTED;
	case ACCESS_NO_ROUTE:
		return GRPC_UNIMPLEMENTED;
	case ACCESS_UPSTREAM_MALFORMED:
		return GRPC_INTERNAL;
	case ACCESS_NO_BACKEND:
	case ACCESS_CONNECT_FAILED:
	case ACCESS_CONNECT_TIMEOUT:
	case ACCESS_UPSTREAM_TLS:
	case ACCESS_UPSTREAM_RESET:
	case ACCESS_DRAINED:
		return GRPC_UNAVAILABLE;
	default:
		return grpc_status_of_http(status);
	}
}

bool grpc_is_server_error(uint8_t status)
{
	switch (status) {
	case GRPC_UNKNOWN:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_UNIMPLEMENTED:
	case GRPC_INTERNAL:
	case GRPC_UNAVAILABLE:
	case GRPC_DATA_LOSS:
		return true;
	default:
		return status >= GRPC_STATUS_COUNT;
	}
}

void grpc_write_message(struct text *t, struct slice message)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < message.len; i++) {
		uint8_t c = message.ptr[i];
		char escaped[3] = {'%', digits[c >> 4], digits[c & 15]};

		if (c >= 0x20 && c <= 0x7e && c != '%')
			text_add(t, &c, 1);
		else
			text_add(t, escaped, sizeof(escaped));
	}
}

bool grpc_add_status(struct fields *f, enum grpc_status status, struct slice message)
{
	static const char numbers[GRPC_STATUS_COUNT][3] = {"0",  "1",  "2",  "3",  "4",  "5",
	                                                   "6",  "7",  "8",  "9",  "10", "11",
	                                                   "12", "13", "14", "15", "16"};

	if (!message_add(f, HEADER_GRPC_STATUS, slice_of("grpc-status", 11),
	                 slice_of(numbers[status], strlen(numbers[status]))))
		return false;
	return !message.len ||
	       message_add(f, HEADER_GRPC_MESSAGE, slice_of("grpc-message", 12), message);
}

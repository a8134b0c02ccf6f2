// SPDX-License-Identifier: BSD-3-Clause
#include "l7/access.h"

#include <immintrin.h>

#include "l4/base/clock.h"

// A member of text is cut so that it has at most this many bytes, as written; "..." says so.
enum {
	TEXT_MAX = 1024,
	N_TEXTS = 14,
	OTHERS_MAX = 1536, // names of all members, times, addresses, numbers
};
static_assert(N_TEXTS * TEXT_MAX + OTHERS_MAX <= ACCESS_LINE_MAX, "a line always fits");

#define X(SYMBOL, name, help) [ACCESS_##SYMBOL] = #name,
const char *const access_end_names[ACCESS_END_COUNT] = {[ACCESS_NONE] = "", REQUEST_ENDS(X)};
#undef X

#define X(SYMBOL, name, help) [ACCESS_##SYMBOL] = (help),
const char *const access_end_helps[ACCESS_END_COUNT] = {[ACCESS_NONE] = "", REQUEST_ENDS(X)};
#undef X

// --- text ---

static bool is_rest(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

// Length of the UTF-8 sequence at p, 0 if it is none (RFC 3629 section 4: no overlong forms, no surrogates,
// nothing above U+10FFFF) or a control character (U+0080 to U+009F, which terminals obey).
static size_t utf8_len(const uint8_t *p, size_t left)
{
	if (p[0] >= 0xc2 && p[0] <= 0xdf && left >= 2 && is_rest(p[1]))
		return p[0] == 0xc2 && p[1] < 0xa0 ? 0 : 2;
	if (left >= 3 && (p[0] & 0xf0) == 0xe0 && is_rest(p[1]) && is_rest(p[2])) {
		bool is_overlong = p[0] == 0xe0 && p[1] < 0xa0;
		bool is_surrogate = p[0] == 0xed && p[1] >= 0xa0;

		return is_overlong || is_surrogate ? 0 : 3;
	}
	if (left >= 4 && p[0] >= 0xf0 && p[0] <= 0xf4 && is_rest(p[1]) && is_rest(p[2]) &&
	    is_rest(p[3])) {
		bool is_overlong = p[0] == 0xf0 && p[1] < 0x90;
		bool is_beyond = p[0] == 0xf4 && p[1] >= 0x90;

		return is_overlong || is_beyond ? 0 : 4;
	}
	return 0;
}

// How the byte or sequence at p is written; *used is what it took.
static struct slice escape(const uint8_t *p, size_t left, char out[6], size_t *used)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = utf8_len(p, left);

	*used = len ? len : 1;
	if (len)
		return slice_of(p, len);
	if (*p == '"' || *p == '\\') {
		out[0] = '\\';
		out[1] = (char)*p;
		return slice_of(out, 2);
	}
	// Some readers of JSON refuse NUL, escaped or not.
	if (*p >= 0x80 || *p == 0)
		return slice_of("\\ufffd", 6);
	out[0] = '\\';
	out[1] = 'u';
	out[2] = out[3] = '0';
	out[4] = hex[*p >> 4];
	out[5] = hex[*p & 15];
	return slice_of(out, 6);
}

// Bit i is set if byte i of the 16 does not stand for itself. Signed comparison: what is above 0x7f is below 0.
static uint32_t special_bits(__m128i v)
{
	__m128i low = _mm_cmpgt_epi8(_mm_set1_epi8(0x20), v);
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	__m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

	return (uint32_t)_mm_movemask_epi8(
		_mm_or_si128(_mm_or_si128(low, quote), _mm_or_si128(backslash, del)));
}

// Bytes at p that stand for themselves in a JSON string (RFC 8259 section 7): ASCII without quote, backslash and controls.
static size_t plain_len(const uint8_t *p, size_t len)
{
	uint8_t last[16];
	size_t i = 0;

	for (; len - i >= 16; i += 16) {
		uint32_t bits = special_bits(_mm_loadu_si128((const __m128i *)(p + i)));

		if (bits)
			return i + (size_t)__builtin_ctz(bits);
	}
	if (i == len)
		return len;
	memset(last, 0, sizeof(last)); // a zero is special: it ends the search
	memcpy(last, p + i, len - i);
	return i + (size_t)__builtin_ctz(special_bits(_mm_loadu_si128((const __m128i *)last)));
}

// At most `room` bytes of s, escaped; what does not fit is left out.
static void add_escaped(struct text *t, struct slice s, size_t room)
{
	static const char cut[] = "...";
	size_t limit = t->len + room - (sizeof(cut) - 1);

	while (s.len > 0) {
		size_t used = plain_len(s.ptr, s.len);
		struct slice piece = slice_of(s.ptr, used);
		char out[6];

		if (used == 0)
			piece = escape(s.ptr, s.len, out, &used);
		if (piece.len > limit - t->len) {
			if (plain_len(s.ptr, 1))
				text_add(t, piece.ptr, limit - t->len);
			TEXT_ADD_LITERAL(t, "...");
			return;
		}
		text_add_slice(t, piece);
		s = slice_of(s.ptr + used, s.len - used);
	}
}

// --- members; each ends with a comma ---

#define MEMBER(name) "\"" name "\":"

static void add_text(struct text *t, struct slice member, struct slice s)
{
	if (s.len == 0)
		return;
	text_add_slice(t, member);
	TEXT_ADD_LITERAL(t, "\"");
	add_escaped(t, s, TEXT_MAX - 3); // two quotes and the comma
	TEXT_ADD_LITERAL(t, "\",");
}

static void add_z(struct text *t, struct slice member, const char *z)
{
	if (z)
		add_text(t, member, slice_of(z, strlen(z)));
}

static void add_number(struct text *t, struct slice member, uint64_t number)
{
	text_add_slice(t, member);
	text_add_number(t, number);
	TEXT_ADD_LITERAL(t, ",");
}

static void put_digits(char *out, size_t n, uint64_t number)
{
	while (n > 0) {
		out[--n] = (char)('0' + number % 10);
		number /= 10;
	}
}

// Milliseconds with three decimals, left out unless both moments happened, in order.
static void add_ms(struct text *t, struct slice member, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t us = (to_ns - from_ns) / 1000;
	char decimals[5] = {'.', '0', '0', '0', ','};

	if (from_ns == 0 || to_ns < from_ns)
		return;
	text_add_slice(t, member);
	text_add_number(t, us / 1000);
	put_digits(decimals + 1, 3, us % 1000);
	text_add(t, decimals, sizeof(decimals));
}

struct date {
	uint64_t year;
	uint32_t month, day; // 1..
};

// Days since 1970-01-01 as a date, without gmtime()'s lock: Howard Hinnant, "chrono-Compatible Low-Level Date
// Algorithms", civil_from_days. Years begin in March there.
static struct date date_of(uint64_t days)
{
	uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	uint32_t month = (uint32_t)(mp < 10 ? mp + 3 : mp - 9);

	return (struct date){.year = yoe + era * 400 + (month <= 2),
	                     .month = month,
	                     .day = (uint32_t)(doy - (153 * mp + 2) / 5 + 1)};
}

// RFC 3339, in UTC, to the millisecond.
static void add_time(struct text *t, uint64_t real_ns)
{
	char out[] = "\"time\":\"0000-00-00T00:00:00.000Z\",", *at = out + 8;
	uint64_t ms = real_ns / CLOCK_NS_PER_MS, s = ms / 1000;
	struct date date = date_of(s / 86400);

	put_digits(at, 4, date.year);
	put_digits(at + 5, 2, date.month);
	put_digits(at + 8, 2, date.day);
	put_digits(at + 11, 2, s / 3600 % 24);
	put_digits(at + 14, 2, s / 60 % 60);
	put_digits(at + 17, 2, s % 60);
	put_digits(at + 20, 3, ms % 1000);
	text_add(t, out, sizeof(out) - 1);
}

static void add_client(struct text *t, const struct access_record *r)
{
	char address[ADDR_PORT_TEXT_SIZE];

	if (r->client.family == ADDR_NONE)
		return;
	addr_port_text(&r->client, r->client_port, address);
	TEXT_ADD_LITERAL(t, MEMBER("client") "\"");
	text_add_z(t, address);
	TEXT_ADD_LITERAL(t, "\",");
}

#define NAME(name) slice_of(MEMBER(name), sizeof(MEMBER(name)) - 1)

static void add_request(struct text *t, const struct access_record *r)
{
	add_client(t, r);
	add_z(t, NAME("l7"), r->l7);
	add_z(t, NAME("tls"), r->tls_version);
	add_z(t, NAME("server_name"), r->server_name);
	add_z(t, NAME("protocol"), r->protocol);
	add_text(t, NAME("method"), r->method);
	add_text(t, NAME("host"), r->host);
	add_text(t, NAME("target"), r->target);
	add_text(t, NAME("user_agent"), r->user_agent);
	add_text(t, NAME("referer"), r->referer);
	add_text(t, NAME("request_id"), r->request_id);
}

static void add_upstream(struct text *t, const struct access_record *r)
{
	add_z(t, NAME("pool"), r->pool);
	add_z(t, NAME("backend"), r->backend);
	if (r->attempts)
		add_number(t, NAME("attempts"), r->attempts);
	if (r->resent)
		add_number(t, NAME("resent"), r->resent);
	if (r->is_reused)
		TEXT_ADD_LITERAL(t, MEMBER("reused") "true,");
	add_ms(t, NAME("connect_ms"), r->picked_ns, r->connect_ns);
	add_ms(t, NAME("first_byte_ms"), r->start_ns, r->first_byte_ns);
}

static void add_span(struct text *t, struct slice member, uint64_t ns)
{
	if (ns)
		add_ms(t, member, 1, 1 + ns);
}

static void add_some(struct text *t, struct slice member, uint64_t number)
{
	if (number)
		add_number(t, member, number);
}

static void add_stream(struct text *t, const struct access_stream *s)
{
	if (!s->is_measured)
		return;
	add_z(t, NAME("model"), s->model);
	add_number(t, NAME("events"), s->events);
	add_span(t, NAME("first_event_ms"), s->first_event_ns);
	add_span(t, NAME("ttft_ms"), s->first_token_ns);
	add_span(t, NAME("ttft_delivered_ms"), s->first_token_delivered_ns);
	add_span(t, NAME("tpot_ms"), s->per_token_ns);
	add_span(t, NAME("gap_max_ms"), s->gap_most_ns);
	add_span(t, NAME("delay_max_ms"), s->delay_most_ns);
	add_span(t, NAME("held_max_ms"), s->held_most_ns);
	add_some(t, NAME("tokens_in"), s->tokens_in);
	add_some(t, NAME("tokens_out"), s->tokens_out);
}

void access_write(struct text *line, const struct access_record *r)
{
	TEXT_ADD_LITERAL(line, "{");
	add_time(line, r->start_real_ns);
	add_request(line, r);
	if (r->status)
		add_number(line, NAME("status"), r->status);
	if (r->has_grpc_status)
		add_number(line, NAME("grpc_status"), r->grpc_status);
	add_upstream(line, r);
	add_stream(line, &r->stream);
	add_ms(line, NAME("total_ms"), r->start_ns, r->end_ns);
	add_number(line, NAME("bytes_in"), r->bytes_in);
	add_number(line, NAME("bytes_out"), r->bytes_out);
	if (r->end < ACCESS_END_COUNT)
		add_z(line, NAME("end"), access_end_names[r->end]);
	add_z(line, NAME("stream_end"), r->stream_end);
	add_z(line, NAME("reason"), r->reason);
	line->ptr[line->len - 1] = '}'; // instead of the last comma: there is always a time
	TEXT_ADD_LITERAL(line, "\n");
}

// SPDX-License-Identifier: BSD-3-Clause
#include "l7/answer.h"

#include "l7/http1.h"

#include <stdio.h>

// Days since 1970 as a date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days). gmtime() would
// look for the time zone's file, and take a lock.
static void civil(uint64_t days, unsigned int *year, unsigned int *month, unsigned int *day)
{
	uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned int doy = (unsigned int)(doe - (365 * yoe + yoe / 4 - yoe / 100));
	unsigned int mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (unsigned int)(yoe + era * 400) + (*month <= 2);
}

const char *answer_date(char out[ANSWER_DATE_SIZE], uint64_t now_s)
{
	static const char days[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	unsigned int year, month, day, second = (unsigned int)(now_s % 86400);

	civil(now_s / 86400, &year, &month, &day);
	// Years above 9999 are cut short.
	snprintf(out, ANSWER_DATE_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT",
	         days[now_s / 86400 % 7], day, months[month - 1], year, second / 3600,
	         second / 60 % 60, second % 60);
	return out;
}

// --- what to say ---

struct answer answer_error(uint16_t status, const char *reason, struct text *scratch)
{
	struct answer a = {
		.status = status,
		.content_type = "text/plain",
		.upgrade = status == 426 ? "websocket" : NULL,
		.is_error = true,
	};
	size_t start = scratch->len;

	text_add_number(scratch, status);
	TEXT_ADD_LITERAL(scratch, " ");
	text_add_z(scratch, http1_reason(status));
	if (reason) {
		TEXT_ADD_LITERAL(scratch, ": ");
		text_add_z(scratch, reason);
	}
	TEXT_ADD_LITERAL(scratch, "\n");
	a.body = slice_of(scratch->ptr + start, scratch->len - start);
	return a;
}

struct answer answer_fixed(const struct conf_answer *conf)
{
	return (struct answer){
		.status = conf->status,
		.content_type = conf->content_type,
		.body = slice_of(conf->body, strlen(conf->body)),
	};
}

// --- how ---

// RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5. 205 says that its content is empty.
static enum body body_of(uint16_t status)
{
	return status == 204 || status == 304 ? BODY_NONE : BODY_LENGTH;
}

static bool has_content(const struct answer *a)
{
	return a->body.len && body_of(a->status) == BODY_LENGTH && a->status != 205;
}

static void add_field(struct fields *f, enum header id, const char *name, struct slice value)
{
	bool is_added = message_add(f, id, slice_of(name, strlen(name)), value);

	assert(is_added); // six at most
}

static void add_fields(struct fields *f, const struct answer *a, const char *date)
{
	if (a->now_s)
		add_field(f, HEADER_DATE, "Date", slice_of(date, strlen(date)));
	if (has_content(a) && a->content_type)
		add_field(f, HEADER_CONTENT_TYPE, "Content-Type",
		          slice_of(a->content_type, strlen(a->content_type)));
	if (a->location.ptr)
		add_field(f, HEADER_LOCATION, "Location", a->location);
	if (a->upgrade)
		add_field(f, HEADER_SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version",
		          slice_of("13", 2));
	// 404, 405, 410, 414 and 501 may otherwise be kept for a while (RFC 9110 section 15.1).
	if (a->is_error)
		add_field(f, HEADER_CACHE_CONTROL, "Cache-Control", slice_of("no-store", 8));
}

void answer_response(struct response *out, const struct answer *a, char date[ANSWER_DATE_SIZE])
{
	const char *reason = http1_reason(a->status);

	out->reason = slice_of(reason, strlen(reason));
	out->upgrade = a->upgrade ? slice_of(a->upgrade, strlen(a->upgrade)) : (struct slice){0};
	out->content_length = has_content(a) ? a->body.len : 0;
	out->status = a->status;
	out->minor = 1;
	out->body = body_of(a->status);
	out->is_persistent = true;
	out->fields.n = 0;
	if (a->now_s)
		answer_date(date, a->now_s);
	add_fields(&out->fields, a, date);
}

bool answer_write(struct text *t, const struct answer *a, uint8_t client_minor, bool is_head,
                  bool closes)
{
	char date[ANSWER_DATE_SIZE] = "";
	struct text start = *t;
	struct response r; // 11 KiB, of which hardly any is used: not to be zeroed

	answer_response(&r, a, date);
	r.is_persistent = !closes;
	t->is_cut = false;
	http1_write_response(t, &r, client_minor);
	if (has_content(a) && !is_head)
		text_add_slice(t, a->body);
	if (t->is_cut) {
		*t = start;
		return false;
	}
	t->is_cut = start.is_cut;
	return true;
}

bool answer_write_continue(struct text *t)
{
	struct text start = *t;

	t->is_cut = false;
	TEXT_ADD_LITERAL(t, "HTTP/1.1 100 Continue\r\n\r\n");
	if (t->is_cut) {
		*t = start;
		return false;
	}
	t->is_cut = start.is_cut;
	return true;
}

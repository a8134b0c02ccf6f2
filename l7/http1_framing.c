// SPDX-License-Identifier: BSD-3-Clause
#include "l7/http1_framing.h"

#include "l7/http1.h"
#include "l7/http1_target.h"

// A value that is not "chunked": unknown codings before one final chunked are for a better server (RFC 9112 section 6.1),
// all else is an attack or a mistake.
static int coding_error(struct slice list)
{
	struct slice coding;
	bool is_chunked = false;
	unsigned n = 0, n_chunked = 0;

	while (header_next_token(&list, &coding)) {
		is_chunked = header_eq(coding, "chunked");
		n_chunked += is_chunked;
		n++;
	}
	return is_chunked && n_chunked == 1 && n > 1 ? HTTP1_CODING_UNKNOWN : HTTP1_CODING;
}

static int check_coding(const struct fields *f, const struct http1_fields_marks *m, uint8_t minor)
{
	struct slice coding = http1_fields_value(f, m, HEADER_TRANSFER_ENCODING);

	if (minor == 0)
		return HTTP1_CODING_IN_1_0;
	if (http1_fields_has(m, HEADER_CONTENT_LENGTH))
		return HTTP1_LENGTH_AND_CODING;
	if (http1_fields_has_twice(m, HEADER_TRANSFER_ENCODING))
		return HTTP1_CODING;
	return header_eq(coding, "chunked") ? 0 : coding_error(coding);
}

// What the two framing fields say; `otherwise` if there is none of them.
static int read_body(const struct fields *f, const struct http1_fields_marks *m, uint8_t minor,
                     uint8_t *body, uint64_t *length)
{
	int rc;

	*length = 0;
	if (http1_fields_has(m, HEADER_TRANSFER_ENCODING)) {
		rc = check_coding(f, m, minor);
		if (!rc)
			*body = BODY_CHUNKED;
		return rc;
	}
	if (!http1_fields_has(m, HEADER_CONTENT_LENGTH))
		return 0;
	if (http1_fields_has_twice(m, HEADER_CONTENT_LENGTH))
		return HTTP1_LENGTH_TWICE;
	if (!message_length(http1_fields_value(f, m, HEADER_CONTENT_LENGTH), length))
		return HTTP1_LENGTH;
	*body = BODY_LENGTH;
	return 0;
}

static bool is_kept(const struct http1_fields_options *o, uint8_t minor)
{
	return !o->has_close && (minor == 1 || o->has_keep_alive);
}

// Upgrade is nothing in HTTP/1.0 (RFC 9110 section 7.8).
static struct slice read_upgrade(const struct fields *f, const struct http1_fields_marks *m,
                                 const struct http1_fields_options *o, uint8_t minor)
{
	if (minor == 0 || !o->has_upgrade)
		return (struct slice){0};
	return http1_fields_value(f, m, HEADER_UPGRADE);
}

// RFC 9112 section 3.2. A Host beside an absolute target must be the same, or else each server on the way chooses
// another of the two.
static int read_host(struct request *r, const struct http1_fields_marks *m)
{
	struct slice host = http1_fields_value(&r->fields, m, HEADER_HOST);

	if (!http1_fields_has(m, HEADER_HOST))
		return r->minor == 0 ? 0 : HTTP1_HOST_MISSING;
	if (http1_fields_has_twice(m, HEADER_HOST))
		return HTTP1_HOST_TWICE;
	if (!http1_target_is_authority(host))
		return HTTP1_HOST;
	if (r->authority.ptr && !header_same(r->authority, host))
		return HTTP1_HOST;
	r->authority = host;
	return 0;
}

int http1_framing_request(struct request *r, const struct http1_fields_marks *m)
{
	struct http1_fields_options options;
	const struct fields *f = &r->fields;
	int rc;

	rc = read_host(r, m);
	if (rc)
		return rc;
	r->body = BODY_NONE;
	rc = read_body(f, m, r->minor, &r->body, &r->content_length);
	if (rc)
		return rc;
	rc = http1_fields_connection(&options, &r->fields, m);
	if (rc)
		return rc;
	r->is_persistent = is_kept(&options, r->minor);
	r->upgrade = read_upgrade(f, m, &options, r->minor);
	r->expects_continue = r->minor == 1 && http1_fields_has(m, HEADER_EXPECT) &&
	                      header_eq(http1_fields_value(f, m, HEADER_EXPECT), "100-continue");
	r->accepts_trailers = http1_fields_has(m, HEADER_TE) &&
	                      header_has_token(http1_fields_value(f, m, HEADER_TE), "trailers");
	return 0;
}

static bool is_bodyless(const struct response *r, uint8_t method)
{
	return method == METHOD_HEAD || r->status < 200 || r->status == 204 || r->status == 304;
}

// RFC 9112 section 6.3, rules 1 to 8; r->body is what the fields say.
static void choose_body(struct response *r, uint8_t method)
{
	bool is_tunnel = r->status == 101 || (method == METHOD_CONNECT && r->status / 100 == 2);
	bool has_chunks = r->body == BODY_CHUNKED;

	if (is_tunnel) {
		r->body = BODY_TUNNEL;
	} else if (is_bodyless(r, method)) {
		r->body = BODY_NONE;
		// Some servers send the last chunk all the same, and it is not to be the begin of the next answer.
		if (has_chunks && method != METHOD_HEAD && r->status != 304)
			r->is_persistent = false;
	}
	if (r->body == BODY_UNTIL_CLOSE)
		r->is_persistent = false;
	if (r->body != BODY_LENGTH)
		r->content_length = 0;
}

int http1_framing_response(struct response *r, const struct http1_fields_marks *m, uint8_t method)
{
	struct http1_fields_options options;
	int rc;

	r->body = BODY_UNTIL_CLOSE;
	rc = read_body(&r->fields, m, r->minor, &r->body, &r->content_length);
	if (rc)
		return rc;
	rc = http1_fields_connection(&options, &r->fields, m);
	if (rc)
		return rc;
	r->is_persistent = is_kept(&options, r->minor);
	r->upgrade = read_upgrade(&r->fields, m, &options, r->minor);
	choose_body(r, method);
	return 0;
}

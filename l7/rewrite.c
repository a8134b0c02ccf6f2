// SPDX-License-Identifier: BSD-3-Clause
#include "l7/rewrite.h"

enum {
	ID_MAX = 128,
	ALIAS_MIN = 9, // "x_real_ip"
	ALIAS_MAX = 17 // "transfer_encoding"
};

// Sets of known fields, a bit for each enum header.
static_assert(HEADER_COUNT <= 64, "a set of fields is a word");

#define BIT(id) (UINT64_C(1) << (id))
#define X(SYMBOL, name, CLASS) | (HEADER_##CLASS == HEADER_HOP ? BIT(HEADER_##SYMBOL) : 0)
static const uint64_t hop_fields = 0 HEADERS(X);
#undef X
#define X(SYMBOL, name, CLASS) | (HEADER_##CLASS == HEADER_CLAIM ? BIT(HEADER_##SYMBOL) : 0)
static const uint64_t claim_fields = 0 HEADERS(X);
#undef X

// --- names ---

static uint8_t fold(uint8_t c)
{
	if (c == '_')
		return '-';
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

// Without case, and with '_' for '-': CGI, WSGI and their kin make both the same variable, so that "X_User" from a
// client would pass for the "X-User" that a route sets.
static bool is_same_name(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (fold(a.ptr[i]) != fold(b.ptr[i]))
			return false;
	return true;
}

// A field that a backend may take for a claim or for framing: "X_Forwarded-For".
static bool is_alias(struct slice name)
{
	uint8_t dashed[ALIAS_MAX];
	enum header_class class;

	if (name.len < ALIAS_MIN || name.len > ALIAS_MAX || !memchr(name.ptr, '_', name.len))
		return false;
	for (size_t i = 0; i < name.len; i++)
		dashed[i] = fold(name.ptr[i]);
	class = (enum header_class)header_classes[header_find(slice_of(dashed, name.len))];
	return class == HEADER_CLAIM || class == HEADER_FRAMING;
}

static void drop_named(struct fields *f, struct slice name)
{
	for (uint16_t i = 0; i < f->n; i++)
		if (is_same_name(f->at[i].name, name))
			f->at[i].is_dropped = true;
}

static bool add(struct fields *f, enum header id, const char *name, struct slice value)
{
	return message_add(f, id, slice_of(name, strlen(name)), value);
}

// --- fields that end here ---

// Drops the fields of the set and returns which known ones were there.
static uint64_t drop_known(struct fields *f, uint64_t drop)
{
	uint64_t seen = 0;

	for (uint16_t i = 0; i < f->n; i++) {
		struct field *field = &f->at[i];
		uint64_t bit = BIT(field->id);

		if (field->is_dropped)
			continue;
		seen |= bit;
		if (bit & drop || (field->id == HEADER_OTHER && is_alias(field->name)))
			field->is_dropped = true;
	}
	return seen;
}

// --- who the client is ---

// Moves the values of all such fields into scratch as one list, each followed by a comma.
static void gather(struct fields *f, enum header id, struct text *scratch)
{
	for (uint16_t i = 0; i < f->n; i++) {
		struct field *field = &f->at[i];

		if (field->id != id || field->is_dropped)
			continue;
		field->is_dropped = true;
		if (field->value.len == 0)
			continue;
		text_add_slice(scratch, field->value);
		TEXT_ADD_LITERAL(scratch, ", ");
	}
}

static struct slice written(const struct text *t, size_t begin)
{
	return slice_of(t->ptr + begin, t->len - begin);
}

static bool add_for(struct fields *f, uint64_t seen, struct slice address, struct text *scratch)
{
	size_t begin = scratch->len;

	if (!(seen & BIT(HEADER_X_FORWARDED_FOR)))
		return add(f, HEADER_X_FORWARDED_FOR, "X-Forwarded-For", address);
	gather(f, HEADER_X_FORWARDED_FOR, scratch);
	text_add_slice(scratch, address);
	return add(f, HEADER_X_FORWARDED_FOR, "X-Forwarded-For", written(scratch, begin));
}

// RFC 9110 section 5.6.2.
static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.ptr[i];
		bool is_alnum = (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10;

		if (!is_alnum && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return s.len > 0;
}

// As a token, or quoted where it is none (RFC 7239 section 4).
static void add_quoted(struct text *t, struct slice s)
{
	if (is_token(s)) {
		text_add_slice(t, s);
		return;
	}
	TEXT_ADD_LITERAL(t, "\"");
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			TEXT_ADD_LITERAL(t, "\\");
		text_add(t, s.ptr + i, 1);
	}
	TEXT_ADD_LITERAL(t, "\"");
}

static bool add_forwarded(struct request *r, uint64_t seen, const struct rewrite_client *client,
                          struct slice address, struct text *scratch)
{
	size_t begin = scratch->len;

	if (seen & BIT(HEADER_FORWARDED))
		gather(&r->fields, HEADER_FORWARDED, scratch);
	if (client->address.family == ADDR_IP6) { // section 6
		TEXT_ADD_LITERAL(scratch, "for=\"[");
		text_add_slice(scratch, address);
		TEXT_ADD_LITERAL(scratch, "]\"");
	} else {
		TEXT_ADD_LITERAL(scratch, "for=");
		text_add_slice(scratch, address);
	}
	if (r->authority.len) {
		TEXT_ADD_LITERAL(scratch, ";host=");
		add_quoted(scratch, r->authority);
	}
	if (client->is_tls)
		TEXT_ADD_LITERAL(scratch, ";proto=https");
	else
		TEXT_ADD_LITERAL(scratch, ";proto=http");
	return add(&r->fields, HEADER_FORWARDED, "Forwarded", written(scratch, begin));
}

// The client's address in scratch; "unknown" is RFC 7239's word (section 6.2).
static struct slice write_address(const struct addr *a, struct text *scratch)
{
	size_t begin = scratch->len;
	char text[ADDR_TEXT_SIZE];

	if (a->family == ADDR_NONE)
		return slice_of("unknown", 7);
	text_add(scratch, text, addr_write(a, text));
	return written(scratch, begin);
}

// `seen`: the client's claims that were kept. A Proto and a Host of theirs stand, as whoever came first knows best and no
// backend expects a list there.
static bool add_claims(struct request *r, uint64_t seen, const struct rewrite_client *client,
                       struct text *scratch)
{
	static const struct slice schemes[2] = {{(const uint8_t *)"http", 4},
	                                        {(const uint8_t *)"https", 5}};
	struct slice address = write_address(&client->address, scratch);
	struct fields *f = &r->fields;

	if (!add_for(f, seen, address, scratch))
		return false;
	if (!(seen & BIT(HEADER_X_FORWARDED_PROTO)) &&
	    !add(f, HEADER_X_FORWARDED_PROTO, "X-Forwarded-Proto", schemes[client->is_tls]))
		return false;
	if (!(seen & BIT(HEADER_X_FORWARDED_HOST)) && r->authority.len &&
	    !add(f, HEADER_X_FORWARDED_HOST, "X-Forwarded-Host", r->authority))
		return false;
	return add_forwarded(r, seen, client, address, scratch);
}

// --- who we are ---

static bool add_via(struct fields *f, uint8_t minor, const char *node, struct text *scratch)
{
	size_t begin = scratch->len;

	if (minor == MESSAGE_HTTP2)
		TEXT_ADD_LITERAL(scratch, "2.0 ");
	else if (minor)
		TEXT_ADD_LITERAL(scratch, "1.1 ");
	else
		TEXT_ADD_LITERAL(scratch, "1.0 ");
	text_add_z(scratch, node);
	return add(f, HEADER_VIA, "Via", written(scratch, begin));
}

static bool is_request_id(struct slice id)
{
	if (id.len == 0 || id.len > ID_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] <= ' ' || id.ptr[i] >= 0x7f || id.ptr[i] == '"' || id.ptr[i] == '\'')
			return false;
	return true;
}

static bool set_request_id(struct fields *f, uint64_t seen, const char *id, struct slice *used)
{
	struct slice kept = {.len = 0};
	unsigned int n = 0;

	for (uint16_t i = 0; i < f->n && seen & BIT(HEADER_X_REQUEST_ID); i++) {
		if (f->at[i].id != HEADER_X_REQUEST_ID || f->at[i].is_dropped)
			continue;
		kept = f->at[i].value;
		n++;
	}
	if (n == 1 && is_request_id(kept)) {
		*used = kept;
		return true;
	}
	if (n)
		drop_known(f, BIT(HEADER_X_REQUEST_ID));
	*used = slice_of(id, strlen(id));
	return add(f, HEADER_X_REQUEST_ID, "X-Request-Id", *used);
}

// The address that the client came to, as an authority; empty if nobody knows it.
static struct slice write_local(const struct rewrite_client *client, struct text *scratch)
{
	uint16_t usual = client->is_tls ? 443 : 80;
	size_t begin = scratch->len;
	char text[ADDR_PORT_TEXT_SIZE];

	if (client->local.family == ADDR_NONE)
		return slice_of("", 0);
	addr_port_text(&client->local, client->local_port, text);
	if (be16_to(client->local_port) == usual)
		*strrchr(text, ':') = '\0';
	text_add_z(scratch, text);
	return written(scratch, begin);
}

// A backend that speaks HTTP/1.1 wants a Host, which HTTP/1.0 need not give; an empty one, though right by RFC 9112 section
// 3.2, is refused by nginx and others.
static bool set_host(struct request *r, uint64_t seen, const struct rewrite_client *client,
                     struct text *scratch)
{
	struct fields *f = &r->fields;

	if (!(seen & BIT(HEADER_HOST)))
		return add(f, HEADER_HOST, "Host",
		           r->authority.len ? r->authority : write_local(client, scratch));
	for (uint16_t i = 0; i < f->n && r->authority.len; i++)
		if (f->at[i].id == HEADER_HOST)
			f->at[i].value = r->authority;
	return true;
}

// --- what the route wants ---

static bool apply_set(struct fields *f, const struct conf_header *set, uint8_t n_set)
{
	for (uint8_t i = 0; i < n_set; i++) {
		struct slice name = slice_of(set[i].name, strlen(set[i].name));
		struct slice value = slice_of(set[i].value, strlen(set[i].value));

		drop_named(f, name);
		if (!message_add(f, header_find(name), name, value))
			return false;
	}
	return true;
}

static void apply_remove(struct fields *f, const char *const *names, uint8_t n_names)
{
	for (uint8_t i = 0; i < n_names; i++)
		drop_named(f, slice_of(names[i], strlen(names[i])));
}

// Puts route->rewrite in place of route->path at the path's front, with one slash between what were two
// segments before.
static void replace_prefix(struct request *r, const struct conf_route *route, struct text *scratch)
{
	size_t cut = strlen(route->path), begin = scratch->len;
	struct slice front = slice_of(route->rewrite, strlen(route->rewrite)), rest;

	if (r->path.len < cut || memcmp(r->path.ptr, route->path, cut) != 0)
		return; // "*"
	rest = slice_of(r->path.ptr + cut, r->path.len - cut);
	if (rest.len == 0) {
		r->path = front;
		return;
	}
	if (rest.ptr[0] == '/' && front.ptr[front.len - 1] == '/')
		front.len--;
	text_add_slice(scratch, front);
	if (cut > 0 && route->path[cut - 1] == '/' && rest.ptr[0] != '/' &&
	    front.ptr[front.len - 1] != '/')
		TEXT_ADD_LITERAL(scratch, "/");
	text_add_slice(scratch, rest);
	r->path = written(scratch, begin);
}

static bool apply_route(struct request *r, const struct conf_route *route, struct slice *request_id,
                        struct text *scratch)
{
	const struct field *id;

	if (route->rewrite)
		replace_prefix(r, route, scratch);
	apply_remove(&r->fields, route->remove_request_headers, route->n_remove_request_headers);
	if (!apply_set(&r->fields, route->set_request_headers, route->n_set_request_headers))
		return false;
	id = message_field(&r->fields, HEADER_X_REQUEST_ID);
	if (id && id->value.len)
		*request_id = id->value; // the log says what the backend's log says
	return true;
}

// --- public ---

// NOLINTNEXTLINE(readability-function-size): seven things of four lifetimes; a struct of them would be built for one call
bool rewrite_request(struct request *r, const struct rewrite_client *client, const char *node,
                     const struct conf_route *route, const char *id, struct slice *request_id,
                     struct text *scratch)
{
	uint64_t drop = client->appends ? hop_fields : hop_fields | claim_fields;
	uint64_t seen = drop_known(&r->fields, drop);

	if (r->upgrade.len && header_has_token(r->upgrade, "websocket"))
		r->upgrade = slice_of("websocket", 9); // and no "h2c" beside it
	if (!add_claims(r, seen & ~drop, client, scratch) ||
	    !add_via(&r->fields, r->minor, node, scratch) ||
	    !set_request_id(&r->fields, seen, id, request_id) ||
	    !set_host(r, seen, client, scratch))
		return false;
	if (r->accepts_trailers && !add(&r->fields, HEADER_TE, "TE", slice_of("trailers", 8)))
		return false;
	if (route && !apply_route(r, route, request_id, scratch))
		return false;
	return !scratch->is_cut;
}

bool rewrite_answer(struct response *r, const struct conf_route *route)
{
	apply_remove(&r->fields, route->remove_response_headers, route->n_remove_response_headers);
	return apply_set(&r->fields, route->set_response_headers, route->n_set_response_headers);
}

bool rewrite_response(struct response *r, const char *node, const struct conf_route *route,
                      struct text *scratch)
{
	struct fields *f = &r->fields;
	drop_known(f, hop_fields);
	if (!add_via(f, r->minor, node, scratch))
		return false;
	if (route && !rewrite_answer(r, route))
		return false;
	return !scratch->is_cut;
}

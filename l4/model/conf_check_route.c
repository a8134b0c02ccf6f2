// SPDX-License-Identifier: BSD-3-Clause
// Routes: what they ask of a request, what becomes of it, and that no two ask the same. Most functions
// here name the place from the route on ("redirect.location: ..."); conf_check_route() puts its
// own place in front.
#include "l4/model/conf_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FAIL(...) err_set(err, -EINVAL, __VA_ARGS__)

// RFC 9110 section 5.5: a field's value neither begins nor ends with space.
static bool is_field_value(const char *text)
{
	size_t n = strlen(text);

	return !n || (text[0] != ' ' && text[n - 1] != ' ');
}

static bool is_visible(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text >= 0x7f)
			return false;
	return true;
}

// --- conditions ---

static int check_header(const struct conf_condition *c, struct err *err)
{
	if (c->value && !is_field_value(c->value))
		return FAIL("value: begins or ends with a space, which no header's value does");
	return 0;
}

// RFC 6265 section 4.2.1: cookies stand between semicolons.
static int check_cookie(const struct conf_condition *c, struct err *err)
{
	if (c->value && (!is_field_value(c->value) || strchr(c->value, ';')))
		return FAIL("value: has a semicolon or a space at its end, which no cookie has");
	return 0;
}

static int check_parameter(const struct conf_condition *c, struct err *err)
{
	if (!is_visible(c->name) || strpbrk(c->name, "&=#"))
		return FAIL("name: cannot be that of a parameter; write it as it stands in a URL");
	if (c->value && (!is_visible(c->value) || strpbrk(c->value, "&#")))
		return FAIL("value: cannot be that of a parameter; write it as it stands in a URL");
	return 0;
}

// One of a route's three lists of conditions.
struct conditions {
	const char *key;
	const struct conf_condition *list;
	size_t n;
	int (*compare)(const char *a, const char *b); // names
	int (*check)(const struct conf_condition *c, struct err *err);
};

enum { N_CONDITIONS = 3 };

static void list_conditions(const struct conf_route *r, struct conditions out[N_CONDITIONS])
{
	out[0] = (struct conditions){"headers", r->headers, r->n_headers, strcasecmp, check_header};
	out[1] = (struct conditions){"cookies", r->cookies, r->n_cookies, strcmp, check_cookie};
	out[2] = (struct conditions){"query", r->query, r->n_query, strcmp, check_parameter};
}

static int check_list(const struct conditions *c, struct err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		struct err inner;

		if (c->check(&c->list[i], &inner))
			return FAIL("%s[%zu].%s", c->key, i, inner.msg);
		for (size_t j = 0; j < i; j++)
			if (c->compare(c->list[i].name, c->list[j].name) == 0)
				return FAIL("%s[%zu].name: \"%s\" is already %s[%zu]", c->key, i,
				            c->list[i].name, c->key, j);
	}
	return 0;
}

static int check_conditions(const struct conf_route *r, struct err *err)
{
	struct conditions lists[N_CONDITIONS];
	int rc = 0;

	if (strchr(r->path, '?'))
		return FAIL("path: holds \"?\"; the query has a key of its own");
	list_conditions(r, lists);
	for (size_t i = 0; i < N_CONDITIONS && !rc; i++)
		rc = check_list(&lists[i], err);
	return rc;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_among(const struct conf_condition *c, const struct conditions *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->compare(c->name, list->list[i].name) == 0)
			return is_same_text(c->value, list->list[i].value);
	return false;
}

// In any order; a name stands once in each.
static bool is_same_list(const struct conditions *a, const struct conditions *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!is_among(&a->list[i], b))
			return false;
	return true;
}

static bool is_same_host(const char *a, const char *b)
{
	return a && b ? strcasecmp(a, b) == 0 : a == b;
}

static bool is_same_condition(const struct conf_route *a, const struct conf_route *b)
{
	struct conditions of_a[N_CONDITIONS], of_b[N_CONDITIONS];

	if (strcmp(a->path, b->path) != 0 || a->match != b->match ||
	    !is_same_host(a->host, b->host) || !is_same_text(a->method, b->method))
		return false;
	list_conditions(a, of_a);
	list_conditions(b, of_b);
	for (size_t i = 0; i < N_CONDITIONS; i++)
		if (!is_same_list(&of_a[i], &of_b[i]))
			return false;
	return true;
}

// --- what becomes of the request ---

// "$host" and "$uri", as whole words.
static bool is_variable(const char *text)
{
	size_t n =
		strspn(text + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return (n == 4 && strncmp(text, "$host", 5) == 0) ||
	       (n == 3 && strncmp(text, "$uri", 4) == 0);
}

static int check_location(const char *text, struct err *err)
{
	if (!is_visible(text))
		return FAIL(
			"redirect.location: a URL has no spaces and nothing beyond ASCII, write "
			"them as %%20 and the like");
	for (const char *p = strchr(text, '$'); p; p = strchr(p + 1, '$'))
		if (!is_variable(p))
			return FAIL("redirect.location: \"$\" begins neither $host nor $uri");
	return 0;
}

static int check_redirect(const struct conf_redirect *r, struct err *err)
{
	// RFC 9110 section 15.4: those of 3xx that send a client elsewhere at once.
	static const uint16_t good[] = {301, 302, 303, 307, 308};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (r->status == good[i])
			return check_location(r->location, err);
	return FAIL("redirect.status: %u is not one of 301 302 303 307 308", r->status);
}

static int check_answer(const struct conf_answer *a, struct err *err)
{
	// RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
	if (a->body[0] && (a->status == 204 || a->status == 205 || a->status == 304))
		return FAIL("answer.body: status %u has none", a->status);
	if (!is_field_value(a->content_type))
		return FAIL("answer.content_type: begins or ends with a space");
	return 0;
}

static int check_target(const struct conf *conf, const struct conf_route *r, struct err *err)
{
	if (r->pool && !conf_pool_find(conf, r->pool))
		return FAIL("pool: there is no pool \"%s\"", r->pool);
	if (r->rewrite && !r->pool)
		return FAIL("rewrite: only with pool");
	if (r->n_set_request_headers && !r->pool)
		return FAIL("set_request_headers: only with pool");
	if (r->n_remove_request_headers && !r->pool)
		return FAIL("remove_request_headers: only with pool");
	if (r->rewrite && strchr(r->rewrite, '?'))
		return FAIL("rewrite: holds \"?\"; the request keeps its query");
	if (r->has_redirect)
		return check_redirect(&r->redirect, err);
	return r->has_answer ? check_answer(&r->answer, err) : 0;
}

// --- headers ---

enum { IN_REQUEST = 1, IN_RESPONSE = 2, IN_BOTH = 3 };

static const struct {
	const char *name, *why;
	int set, remove; // where not
} ours[] = {
#define HOP "belongs to one connection, not to the message (RFC 9110 section 7.6.1)"
	{"Connection", HOP, IN_BOTH, IN_BOTH},
	{"Proxy-Connection", HOP, IN_BOTH, IN_BOTH},
	{"Keep-Alive", HOP, IN_BOTH, IN_BOTH},
	{"TE", HOP, IN_BOTH, IN_BOTH},
	{"Upgrade", HOP, IN_BOTH, IN_BOTH},
	{"Trailer", "announces what follows the body, which lb7d passes on", IN_BOTH, IN_BOTH},
	{"Transfer-Encoding", "says where the message ends", IN_BOTH, IN_BOTH},
	{"Content-Length", "says where the message ends", IN_BOTH, IN_BOTH},
	{"Host", "is in every request (RFC 9110 section 7.2)", 0, IN_REQUEST},
#undef HOP
};

// Why lb7d keeps the header to itself, or NULL.
static const char *reason(const char *name, int direction, bool is_set)
{
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcasecmp(name, ours[i].name) == 0 &&
		    (is_set ? ours[i].set : ours[i].remove) & direction)
			return ours[i].why;
	return NULL;
}

// What a route does to the headers of one direction.
struct edits {
	const char *word; // of the keys: set_WORD_headers
	int direction;
	const struct conf_header *set;
	const char *const *remove;
	size_t n_set, n_remove;
};

// RFC 3986 section 3.2.2, and a port; what else is wrong with it, the backend says.
static bool is_authority(const char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-._~%!$&'()*+,;=:[]";

	return text[0] && text[strspn(text, good)] == '\0';
}

static int check_set(const struct edits *e, size_t i, struct err *err)
{
	const struct conf_header *h = &e->set[i];
	const char *why = reason(h->name, e->direction, true);

	if (why)
		return FAIL("set_%s_headers[%zu].name: \"%s\" %s", e->word, i, h->name, why);
	if (!is_field_value(h->value))
		return FAIL("set_%s_headers[%zu].value: begins or ends with a space", e->word, i);
	if (e->direction == IN_REQUEST && strcasecmp(h->name, "Host") == 0 &&
	    !is_authority(h->value))
		return FAIL("set_%s_headers[%zu].value: not a host", e->word, i);
	for (size_t j = 0; j < i; j++)
		if (strcasecmp(h->name, e->set[j].name) == 0)
			return FAIL("set_%s_headers[%zu].name: \"%s\" is already "
			            "set_%s_headers[%zu]",
			            e->word, i, h->name, e->word, j);
	return 0;
}

static int check_remove(const struct edits *e, size_t i, struct err *err)
{
	const char *name = e->remove[i], *why = reason(name, e->direction, false);

	if (why)
		return FAIL("remove_%s_headers[%zu]: \"%s\" %s", e->word, i, name, why);
	for (size_t j = 0; j < i; j++)
		if (strcasecmp(name, e->remove[j]) == 0)
			return FAIL("remove_%s_headers[%zu]: \"%s\" is already "
			            "remove_%s_headers[%zu]",
			            e->word, i, name, e->word, j);
	for (size_t j = 0; j < e->n_set; j++)
		if (strcasecmp(name, e->set[j].name) == 0)
			return FAIL("remove_%s_headers[%zu]: \"%s\" is set_%s_headers[%zu]",
			            e->word, i, name, e->word, j);
	return 0;
}

static int check_edits(const struct edits *e, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < e->n_set && !rc; i++)
		rc = check_set(e, i, err);
	for (size_t i = 0; i < e->n_remove && !rc; i++)
		rc = check_remove(e, i, err);
	return rc;
}

static int check_headers(const struct conf_route *r, struct err *err)
{
	const struct edits request = {
		.word = "request",
		.direction = IN_REQUEST,
		.set = r->set_request_headers,
		.n_set = r->n_set_request_headers,
		.remove = r->remove_request_headers,
		.n_remove = r->n_remove_request_headers,
	};
	const struct edits response = {
		.word = "response",
		.direction = IN_RESPONSE,
		.set = r->set_response_headers,
		.n_set = r->n_set_response_headers,
		.remove = r->remove_response_headers,
		.n_remove = r->n_remove_response_headers,
	};
	int rc = check_edits(&request, err);

	return rc ? rc : check_edits(&response, err);
}

// --- the whole ---

int conf_check_route(const struct conf *conf, size_t i, size_t k, struct err *err)
{
	const struct conf_route *all = conf->l7[i].routes, *r = &all[k];
	struct err inner;
	int rc;

	if (!!r->pool + r->has_redirect + r->has_answer != 1)
		return FAIL("l7[%zu].routes[%zu]: has %s of pool, redirect and answer, not one", i,
		            k, r->pool || r->has_redirect || r->has_answer ? "several" : "none");
	rc = check_conditions(r, &inner);
	if (!rc)
		rc = check_target(conf, r, &inner);
	if (!rc)
		rc = check_headers(r, &inner);
	if (rc)
		return FAIL("l7[%zu].routes[%zu].%s", i, k, inner.msg);
	for (size_t j = 0; j < k; j++)
		if (is_same_condition(r, &all[j]))
			return FAIL("l7[%zu].routes[%zu]: same host, path and conditions as "
			            "routes[%zu]",
			            i, k, j);
	return 0;
}

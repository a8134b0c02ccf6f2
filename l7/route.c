// SPDX-License-Identifier: BSD-3-Clause
#include "l7/route.h"

#include "l4/base/hash.h"

#include <ctype.h>
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

// A tree of path segments for each host: "/chat/rooms" is "chat" and below it "rooms", "/chat/" is "chat" and below it "".
// All nodes lie in one hash table under (parent, segment), the hosts too, as children of three that stand for nothing. A
// request walks down as far as it can, and up again until a route takes it: linear in the path, whatever the routes.
enum {
	NODE_NONE,
	NODE_HOSTS, // parent of exact hosts' roots
	NODE_WILDS, // parent of the roots of hosts below their domain
	NODE_ANY,   // root for all hosts
	NODE_FIRST_FREE,
};

enum { HOST_MAX = 253 }; // bytes of a host name (conf_value.c, RFC 1123 section 2.1)

enum list {
	LIST_EXACT, // the path ends here
	LIST_HERE,  // prefix "/chat": it ends here, or goes on below
	LIST_BELOW, // prefix "/chat/": it goes on below
	LIST_COUNT
};

struct node {
	const uint8_t *segment;
	uint32_t parent;
	uint16_t first[LIST_COUNT]; // routes, best first; SITE_NONE = none
	bool has_children;
};

// A segment as two words that overlap: up to 16 bytes they are all of it, and equal if and only if the segments are.
struct key {
	uint64_t a, b;
	uint32_t len; // bytes; above 16 the words are the last ones
	uint32_t parent;
};

struct slot {
	struct key key;
	uint32_t node; // NODE_NONE = free
};

struct route_table {
	struct slot *slots; // open addressing, half empty
	uint32_t mask;
	struct node *nodes; // [n_nodes], [0] is nobody
	uint32_t n_nodes;
	bool has_hosts, has_wilds;
	uint32_t wild_lens[HOST_MAX / 32 + 1]; // bit n: there is a "*." and n bytes
};

enum condition_kind { ON_METHOD, ON_HEADER, ON_COOKIE, ON_QUERY };

struct route_condition {
	uint8_t kind; // enum condition_kind
	const char *name;
	struct slice value; // ptr NULL = merely present
};

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static MUST_INLINE struct key key_of(struct slice s, uint32_t parent)
{
	struct key k = {.len = (uint32_t)s.len, .parent = parent};

	if (s.len > 16) {
		k.a = load64(s.ptr + s.len - 16);
		k.b = load64(s.ptr + s.len - 8);
	} else if (s.len >= 8) {
		k.a = load64(s.ptr);
		k.b = load64(s.ptr + s.len - 8);
	} else if (s.len >= 4) {
		k.a = load32(s.ptr);
		k.b = load32(s.ptr + s.len - 4);
	} else if (s.len) {
		k.a = (uint64_t)s.ptr[0] << 16 | (uint64_t)s.ptr[s.len / 2] << 8 | s.ptr[s.len - 1];
	}
	return k;
}

static MUST_INLINE uint32_t hash_of(const struct key *k, struct slice s)
{
	uint64_t h = hash_mix(k->a, k->b, (uint64_t)k->len << 32 | k->parent);

	for (size_t i = 0; i + 16 < s.len; i += 16)
		h = hash_mix(load64(s.ptr + i), load64(s.ptr + i + 8), h);
	return (uint32_t)h;
}

// Padding has no part in it.
static MUST_INLINE bool is_key(const struct slot *slot, const struct key *k)
{
	return slot->key.a == k->a && slot->key.b == k->b && slot->key.len == k->len &&
	       slot->key.parent == k->parent;
}

static uint32_t child_of(const struct route_table *t, uint32_t parent, struct slice segment)
{
	struct key key = key_of(segment, parent);

	for (uint32_t i = hash_of(&key, segment) & t->mask;; i = (i + 1) & t->mask) {
		const struct slot *slot = &t->slots[i];

		if (!slot->node)
			return NODE_NONE;
		if (is_key(slot, &key) &&
		    (segment.len <= 16 ||
		     memcmp(t->nodes[slot->node].segment, segment.ptr, segment.len - 16) == 0))
			return slot->node;
	}
}

#define ONES UINT64_C(0x0101010101010101)

// Where the '/' is in path[at..], or its end. Eight at a time (Hacker's Delight, 2nd edition, section 6-1).
static size_t end_of_segment(struct slice path, size_t at)
{
	for (; path.len - at >= 8; at += 8) {
		uint64_t v = load64(path.ptr + at) ^ ONES * '/';
		uint64_t found = (v - ONES) & ~v & ONES << 7;

		if (found)
			return at + (size_t)__builtin_ctzll(found) / 8;
	}
	while (at < path.len && path.ptr[at] != '/')
		at++;
	return at;
}

// The segment that begins behind the '/' at path[at].
static struct slice segment_at(struct slice path, size_t at)
{
	size_t end = end_of_segment(path, at + 1);

	return slice_of(path.ptr + at + 1, end - at - 1);
}

static struct slice slice_of_z(const char *text)
{
	return slice_of(text, strlen(text));
}

// --- building ---

static void node_init(struct node *node, uint32_t parent, struct slice segment)
{
	*node = (struct node){.segment = segment.ptr, .parent = parent};
	for (int i = 0; i < LIST_COUNT; i++)
		node->first[i] = SITE_NONE;
}

static void insert(struct route_table *t, const struct key *key, uint32_t node)
{
	struct slice segment = slice_of(t->nodes[node].segment, key->len);
	uint32_t i = hash_of(key, segment) & t->mask;

	while (t->slots[i].node)
		i = (i + 1) & t->mask;
	t->slots[i] = (struct slot){.key = *key, .node = node};
}

static uint32_t make_child(struct route_table *t, uint32_t parent, struct slice segment)
{
	struct key key = key_of(segment, parent);
	uint32_t node = child_of(t, parent, segment);

	if (node)
		return node;
	node = t->n_nodes++;
	node_init(&t->nodes[node], parent, segment);
	t->nodes[parent].has_children = true;
	insert(t, &key, node);
	return node;
}

static uint32_t host_root(struct route_table *t, const char *host, struct arena *arena)
{
	bool is_wild = host && host[0] == '*';
	char *lower;

	if (!host)
		return NODE_ANY;
	lower = arena_strdup(arena, is_wild ? host + 2 : host);
	if (!lower)
		return NODE_NONE;
	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!is_wild) {
		t->has_hosts = true;
		return make_child(t, NODE_HOSTS, slice_of_z(lower));
	}
	assert(strlen(lower) <= HOST_MAX); // conf_value.c
	t->has_wilds = true;
	t->wild_lens[strlen(lower) / 32] |= 1u << strlen(lower) % 32;
	return make_child(t, NODE_WILDS, slice_of_z(lower));
}

static int add_route(struct site_l7 *l7, uint16_t nth, struct arena *arena)
{
	struct site_route *route = &l7->routes[nth];
	struct slice path = slice_of_z(route->conf->path);
	enum list list = route->conf->match == MATCH_EXACT ? LIST_EXACT : LIST_HERE;
	uint32_t node = host_root(l7->table, route->conf->host, arena);
	uint16_t *first;

	if (!node)
		return -ENOMEM;
	assert(path.len && path.ptr[0] == '/'); // conf_value.c
	if (list == LIST_HERE && path.ptr[path.len - 1] == '/') {
		list = LIST_BELOW;
		path.len--;
	}
	for (size_t at = 0; at < path.len;) {
		struct slice segment = segment_at(path, at);

		node = make_child(l7->table, node, segment);
		at += 1 + segment.len;
	}
	first = &l7->table->nodes[node].first[list];
	route->next = *first;
	*first = nth;
	return 0;
}

static void add_conditions(struct route_condition **at, uint8_t kind,
                           const struct conf_condition *conf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*(*at)++ = (struct route_condition){
			.kind = kind,
			.name = conf[i].name,
			.value = conf[i].value ? slice_of_z(conf[i].value) : (struct slice){0},
		};
}

static int build_conditions(struct site_route *route, struct arena *arena)
{
	const struct conf_route *c = route->conf;
	size_t n = (size_t) !!c->method + c->n_headers + c->n_cookies + c->n_query;
	struct route_condition *at =
		arena_alloc(arena, n, sizeof(*at), alignof(struct route_condition));

	if (!at)
		return -ENOMEM;
	route->condition = at;
	route->n_conditions = (uint16_t)n;
	if (c->method)
		*at++ = (struct route_condition){.kind = ON_METHOD, .value = slice_of_z(c->method)};
	add_conditions(&at, ON_HEADER, c->headers, c->n_headers);
	add_conditions(&at, ON_COOKIE, c->cookies, c->n_cookies);
	add_conditions(&at, ON_QUERY, c->query, c->n_query);
	return 0;
}

static int by_preference(const void *a, const void *b)
{
	const struct site_route *x = *(const struct site_route *const *)a;
	const struct site_route *y = *(const struct site_route *const *)b;

	if (x->n_conditions != y->n_conditions)
		return x->n_conditions > y->n_conditions ? -1 : 1;
	return x < y ? -1 : 1; // the file's order
}

static int alloc_table(struct route_table *t, uint32_t n_nodes, struct arena *arena)
{
	uint32_t size = 8;

	while (size < 2 * n_nodes)
		size *= 2;
	t->mask = size - 1;
	t->slots = arena_alloc(arena, size, sizeof(*t->slots), CACHE_LINE);
	t->nodes = arena_alloc(arena, n_nodes, sizeof(*t->nodes), CACHE_LINE);
	return t->slots && t->nodes ? 0 : -ENOMEM;
}

// A table with room for nodes that no two routes share.
static int new_table(struct site_l7 *l7, struct arena *arena, struct arena *scratch)
{
	struct route_table *t = arena_alloc(arena, 1, sizeof(*t), CACHE_LINE);
	uint32_t n = NODE_FIRST_FREE;
	int rc;

	if (!t)
		return -ENOMEM;
	for (uint16_t i = 0; i < l7->conf->n_routes; i++) {
		n++; // the host
		for (const char *p = l7->conf->routes[i].path; *p; p++)
			n += *p == '/';
	}
	rc = alloc_table(t, n, scratch);
	if (rc)
		return rc;
	for (; t->n_nodes < NODE_FIRST_FREE; t->n_nodes++)
		node_init(&t->nodes[t->n_nodes], NODE_NONE, (struct slice){0});
	l7->table = t;
	return 0;
}

// Moves it into memory of its own, as little as it needs: most routes share most of their path, and what is not in the cache
// costs more than all the rest.
static int shrink_table(struct route_table *t, struct arena *arena)
{
	struct route_table old = *t;
	int rc = alloc_table(t, t->n_nodes, arena);

	if (rc)
		return rc;
	memcpy(t->nodes, old.nodes, old.n_nodes * sizeof(*old.nodes));
	for (uint32_t i = 0; i <= old.mask; i++)
		if (old.slots[i].node)
			insert(t, &old.slots[i].key, old.slots[i].node);
	return 0;
}

static int add_routes(struct site_l7 *l7, struct arena *arena, struct arena *scratch)
{
	uint16_t n = l7->conf->n_routes;
	struct site_route **order = arena_alloc(scratch, n, sizeof(*order), alignof(void *));
	int rc = order ? 0 : -ENOMEM;

	for (uint16_t i = 0; i < n && !rc; i++) {
		order[i] = &l7->routes[i];
		rc = build_conditions(order[i], arena);
	}
	if (!rc)
		qsort(order, n, sizeof(*order), by_preference);
	// Each is put before those of its host and path that are there, so the best comes last.
	for (uint16_t i = n; !rc && i-- > 0;)
		rc = add_route(l7, (uint16_t)(order[i] - l7->routes), arena);
	return rc;
}

int route_build(struct site_l7 *l7, struct arena *arena)
{
	struct arena scratch = {0};
	int rc = new_table(l7, arena, &scratch);

	if (!rc)
		rc = add_routes(l7, arena, &scratch);
	if (!rc)
		rc = shrink_table(l7->table, arena);
	arena_fini(&scratch);
	return rc;
}

// --- headers, cookies, queries ---

struct slice route_header(const struct fields *fields, const char *name)
{
	size_t len = strlen(name);

	for (uint16_t i = 0; i < fields->n; i++) {
		const struct field *f = &fields->at[i];

		if (f->name.len == len && !f->is_dropped &&
		    strncasecmp((const char *)f->name.ptr, name, len) == 0)
			return f->value.ptr ? f->value : slice_of("", 0);
	}
	return (struct slice){0};
}

static struct slice trim(struct slice s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
		s.ptr++;
		s.len--;
	}
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

// Cuts what stands before the separator (all, if there is none) from the front of *rest.
static struct slice cut(struct slice *rest, char separator)
{
	const uint8_t *at = memchr(rest->ptr, separator, rest->len);
	size_t len = at ? (size_t)(at - rest->ptr) : rest->len;
	struct slice front = slice_of(rest->ptr, len);

	rest->ptr += len + !!at;
	rest->len -= len + !!at;
	return front;
}

struct slice route_cookie(const struct fields *fields, const char *name)
{
	struct slice wanted = slice_of_z(name);

	for (uint16_t i = 0; i < fields->n; i++) {
		struct slice rest = fields->at[i].value;

		if (fields->at[i].id != HEADER_COOKIE || fields->at[i].is_dropped)
			continue;
		while (rest.len) {
			struct slice value = cut(&rest, ';');
			struct slice key = value;
			bool has_value = memchr(key.ptr, '=', key.len);

			key = cut(&value, '=');
			if (has_value && slice_eq(trim(key), wanted))
				return trim(value);
		}
	}
	return (struct slice){0};
}

struct slice route_query(struct slice query, const char *name)
{
	struct slice wanted = slice_of_z(name);

	while (query.len) {
		struct slice value = cut(&query, '&');
		struct slice key = cut(&value, '=');

		if (slice_eq(key, wanted))
			return value;
	}
	return (struct slice){0};
}

// --- finding ---

static bool holds(const struct route_condition *c, const struct request *r)
{
	struct slice value = {0};

	switch (c->kind) {
	case ON_METHOD:
		value = r->method_text;
		break;
	case ON_HEADER:
		value = route_header(&r->fields, c->name);
		break;
	case ON_COOKIE:
		value = route_cookie(&r->fields, c->name);
		break;
	default:
		value = route_query(r->query, c->name);
		break;
	}
	return value.ptr && (!c->value.ptr || slice_eq(value, c->value));
}

static const struct site_route *first_that_holds(const struct site_l7 *l7, uint16_t nth,
                                                 const struct request *r)
{
	for (; nth != SITE_NONE; nth = l7->routes[nth].next) {
		const struct site_route *route = &l7->routes[nth];
		uint16_t i = 0;

		while (i < route->n_conditions && holds(&route->condition[i], r))
			i++;
		if (i == route->n_conditions)
			return route;
	}
	return NULL;
}

static const struct site_route *find_below(const struct site_l7 *l7, uint32_t root,
                                           const struct request *r)
{
	const struct route_table *t = l7->table;
	const struct site_route *found = NULL;
	uint32_t node = root, next;
	size_t at = 0;

	while (at < r->path.len && t->nodes[node].has_children) {
		struct slice segment = segment_at(r->path, at);

		next = child_of(t, node, segment);
		if (!next)
			break;
		node = next;
		at += 1 + segment.len;
	}
	if (at == r->path.len)
		found = first_that_holds(l7, t->nodes[node].first[LIST_EXACT], r);
	for (next = node; !found; next = t->nodes[next].parent) {
		const uint16_t *first = t->nodes[next].first;

		if (next != node || at < r->path.len)
			found = first_that_holds(l7, first[LIST_BELOW], r);
		if (!found)
			found = first_that_holds(l7, first[LIST_HERE], r);
		if (next == root)
			break;
	}
	return found;
}

// Capital letters of eight bytes become small ones: those of 0x41..0x5a with the highest bit clear.
static uint64_t lower8(uint64_t v)
{
	uint64_t low = v & ONES * 0x7f;
	uint64_t from_a = low + ONES * (0x80 - 'A'), above_z = low + ONES * (0x7f - 'Z');

	return v | (((from_a ^ above_z) & ~v & ONES << 7) >> 2);
}

static void copy_lower(uint8_t *out, struct slice s)
{
	uint64_t v;

	for (size_t i = 0; s.len >= 8 && i < s.len; i += 8) {
		size_t at = i + 8 <= s.len ? i : s.len - 8;

		v = lower8(load64(s.ptr + at));
		memcpy(out + at, &v, sizeof(v));
	}
	for (size_t i = 0; s.len < 8 && i < s.len; i++)
		out[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] | 0x20 : s.ptr[i];
}

// The name in lower case, without port and final dot; empty if it cannot be one of the configuration's, such as "[::1]:80".
static struct slice plain_host(struct slice authority, uint8_t out[HOST_MAX + 1])
{
	const uint8_t *colon = NULL;
	struct slice host = authority;

	if (!host.len || host.ptr[0] == '[')
		return (struct slice){0};
	colon = memchr(host.ptr, ':', host.len);
	if (colon)
		host.len = (size_t)(colon - host.ptr);
	if (host.len && host.ptr[host.len - 1] == '.')
		host.len--;
	if (host.len > HOST_MAX)
		return (struct slice){0};
	copy_lower(out, host);
	return slice_of(out, host.len);
}

static const struct site_route *find_wild(const struct site_l7 *l7, struct slice host,
                                          const struct request *r)
{
	const struct route_table *t = l7->table;
	const struct site_route *found = NULL;

	for (size_t i = 1; i < host.len && !found; i++) {
		struct slice domain = slice_of(host.ptr + i + 1, host.len - i - 1);
		uint32_t root;

		if (host.ptr[i] != '.' || !(t->wild_lens[domain.len / 32] & 1u << domain.len % 32))
			continue;
		root = child_of(t, NODE_WILDS, domain);
		if (root)
			found = find_below(l7, root, r);
	}
	return found;
}

const struct site_route *route_find(const struct site_l7 *l7, const struct request *r)
{
	const struct route_table *t = l7->table;
	const struct site_route *found = NULL;
	uint8_t text[HOST_MAX + 1];
	struct slice host = {0};
	uint32_t root = NODE_NONE;

	if (!r->path.len || r->path.ptr[0] != '/')
		return NULL;
	if (t->has_hosts || t->has_wilds)
		host = plain_host(r->authority, text);
	if (host.len && t->has_hosts)
		root = child_of(t, NODE_HOSTS, host);
	if (root)
		found = find_below(l7, root, r);
	if (!found && t->has_wilds)
		found = find_wild(l7, host, r);
	return found ? found : find_below(l7, NODE_ANY, r);
}

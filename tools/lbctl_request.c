// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// A request under way and where its operands come from.
struct reader {
	struct lbctl_request *out;
	const struct lbctl_command *command;
	const struct ctl_type *params;
	struct lbctl_operands_left *left;
	struct err *err;
};

static const char *take(struct reader *r)
{
	if (r->left->argc == 0)
		return NULL;
	r->left->argc--;
	return *r->left->argv++;
}

static int set(struct reader *r, const char *field, const char *text)
{
	const struct ctl_field *f = ctl_field_find(r->params, field);

	if (ctl_field_read(f, &r->out->request.params, text, r->err))
		return err_prefix(r->err, "%s", field);
	return 0;
}

static int set_option(struct reader *r, const char *field, const char *text)
{
	return text ? set(r, field, text) : 0;
}

// The name is borrowed from the table of fields' limits: longer ones are refused there.
static int set_slice(struct reader *r, const char *field, const char *text, size_t len)
{
	char copy[CTL_NAME_SIZE + 1];

	snprintf(copy, sizeof(copy), "%.*s", (int)(len < sizeof(copy) ? len : sizeof(copy) - 1),
	         text);
	return set(r, field, copy);
}

// "10.0.0.1:80", "[2001:db8::1]:80"
static int set_endpoint(struct reader *r, const char *address_field, const char *port_field,
                        const char *text)
{
	const char *colon = strrchr(text, ':');
	bool is_bracketed = *text == '[' && colon && colon > text + 1 && colon[-1] == ']';
	size_t len = colon ? (size_t)(colon - text) - 2 * is_bracketed : 0;
	char address[ADDR_TEXT_SIZE + 1];

	if (!colon || (!is_bracketed && strchr(text, ':') != colon))
		return err_set(r->err, -EINVAL, "\"%s\" is not ADDRESS:PORT (IPv6: [ADDRESS]:PORT)",
		               text);
	snprintf(address, sizeof(address), "%.*s",
	         (int)(len < sizeof(address) ? len : sizeof(address) - 1), text + is_bracketed);
	if (set(r, address_field, address) || set(r, port_field, colon + 1))
		return err_prefix(r->err, "%s", text);
	return 0;
}

// "POOL/NAME", or "POOL" and "NAME".
static int take_name(struct reader *r, char *shown, size_t size)
{
	const char *pool = take(r);
	const char *slash = pool ? strchr(pool, '/') : NULL;
	const char *name = slash ? slash + 1 : (pool ? take(r) : NULL);

	if (!name)
		return err_set(r->err, -EINVAL, "POOL/NAME expected");
	if (set_slice(r, "pool", pool, slash ? (size_t)(slash - pool) : strlen(pool)) ||
	    set(r, "name", name))
		return -EINVAL;
	snprintf(shown, size, "%.*s/%s", (int)(slash ? slash - pool : (ptrdiff_t)strlen(pool)),
	         pool, name);
	return 0;
}

static int read_pool(struct reader *r, const struct lbctl_options *opts)
{
	const char *pool = take(r);

	return pool ? set(r, "pool", pool) : 0;
}

static int read_add(struct reader *r, const struct lbctl_options *opts)
{
	char shown[160];
	const char *endpoint;

	if (take_name(r, shown, sizeof(shown)))
		return -EINVAL;
	endpoint = take(r);
	if (!endpoint)
		return err_set(r->err, -EINVAL, "ADDRESS:PORT expected");
	if (set_endpoint(r, "address", "port", endpoint) || set_option(r, "weight", opts->weight) ||
	    set_option(r, "state", opts->state) || set_option(r, "mac", opts->mac) ||
	    set_option(r, "server_id", opts->server_id))
		return -EINVAL;
	snprintf(r->out->what, sizeof(r->out->what), "%s: added", shown);
	return 0;
}

static int read_name(struct reader *r, const struct lbctl_options *opts)
{
	char shown[160];

	if (take_name(r, shown, sizeof(shown)))
		return -EINVAL;
	if (r->command->method == CTL_BACKEND_STATE)
		r->out->request.params.backend_state.state = r->command->state;
	snprintf(r->out->what, sizeof(r->out->what), "%s: %s", shown,
	         r->command->method == CTL_BACKEND_STATE ? r->command->sub : "removed");
	return 0;
}

static int read_weight(struct reader *r, const struct lbctl_options *opts)
{
	char shown[160];
	const char *weight;

	if (take_name(r, shown, sizeof(shown)))
		return -EINVAL;
	weight = take(r);
	if (!weight)
		return err_set(r->err, -EINVAL, "WEIGHT expected");
	snprintf(r->out->what, sizeof(r->out->what), "%s: weight %s", shown, weight);
	return set(r, "weight", weight);
}

// Options and the daemon's rule for them, which is told here in the options' words.
static int read_cids(struct reader *r, const struct lbctl_options *opts)
{
	struct ctl_explain_params *params = &r->out->request.params.explain_params;

	if (params->key.protocol != PROTO_QUIC && (opts->cid || opts->scid || opts->long_header))
		return err_set(r->err, -EINVAL, "--cid, --scid and --long are only for quic");
	if (opts->scid && opts->cid && !opts->long_header)
		return err_set(r->err, -EINVAL, "--scid: needs --long, a short header has none");
	params->long_header = opts->long_header;
	if (set_option(r, "cid", opts->cid) || set_option(r, "scid", opts->scid))
		return -EINVAL;
	return 0;
}

static int read_key(struct reader *r, const struct lbctl_options *opts)
{
	// Parameters of `explain` begin with the same key.
	const struct ctl_flow_key *key = &r->out->request.params.flow_key;
	const char *protocol = take(r), *source = take(r), *destination = take(r);

	if (!destination)
		return err_set(r->err, -EINVAL, "PROTOCOL SOURCE:PORT DESTINATION:PORT expected");
	if (set(r, "protocol", protocol) || set_endpoint(r, "source", "source_port", source) ||
	    set_endpoint(r, "destination", "destination_port", destination))
		return -EINVAL;
	if (key->source.family != key->destination.family)
		return err_set(r->err, -EINVAL, "source and destination are of different families");
	return r->command->method == CTL_EXPLAIN ? read_cids(r, opts) : 0;
}

static int read_nothing(struct reader *r, const struct lbctl_options *opts)
{
	static const char *const done[CTL_METHOD_COUNT] = {
		[CTL_RELOAD] = "reloaded",
		[CTL_SAVE] = "configuration written",
	};
	const char *what = done[r->command->method];

	snprintf(r->out->what, sizeof(r->out->what), "%s", what ? what : "");
	if (r->command->method == CTL_COUNTERS)
		r->out->request.params.counters_params.all = opts->all;
	return 0;
}

int lbctl_request_next(struct lbctl_request *out, const struct lbctl_command *c,
                       const struct lbctl_options *opts, struct lbctl_operands_left *left,
                       struct err *err)
{
	static int (*const read[])(struct reader * r, const struct lbctl_options *opts) = {
		[LBCTL_NONE] = read_nothing, [LBCTL_POOL] = read_pool,     [LBCTL_ADD] = read_add,
		[LBCTL_NAMES] = read_name,   [LBCTL_WEIGHT] = read_weight, [LBCTL_KEY] = read_key,
	};
	struct err said = {0};
	struct reader r = {
		.out = out,
		.command = c,
		.params = ctl_method_types[c->method].params,
		.left = left,
		.err = err ? err : &said,
	};

	*out = (struct lbctl_request){
		.request = {.method = c->method, .id = {.kind = CTL_ID_NUMBER, .number = 1}}};
	ctl_method_init_params(c->method, &out->request.params);
	if (read[c->operands](&r, opts))
		return -EINVAL;
	left->is_done = left->argc == 0;
	if (!left->is_done && c->operands != LBCTL_NAMES)
		return err_set(r.err, -EINVAL, "'%s' is too much", left->argv[0]);
	return 0;
}

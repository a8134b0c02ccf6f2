// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_quic_lb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "l4/data/quic_lb.h"
#include "tools/lbctl_hex.h"
#include "tools/lbctl_quic_params.h"

#define FIELD(member, heading_, help_)                           \
	.name = #member, .heading = (heading_), .help = (help_), \
	.offset = offsetof(struct lbctl_quic_lb, member),        \
	.size = sizeof(((struct lbctl_quic_lb *)NULL)->member)
#define TEXT .kind = CTL_TEXT, .is_optional = true

// clang-format off
static const struct ctl_field fields[] = {
	{FIELD(config_id, "config id", "the three rotation bits"), .kind = CTL_U32},
	{FIELD(mode, "mode", "plaintext, single_pass or four_pass"), TEXT},
	{FIELD(server_id, "server id", "in hexadecimal, as all that follows"), TEXT},
	{FIELD(nonce, "nonce", "what makes the connection ID unique"), TEXT},
	{FIELD(extra, "extra", "bytes that the server appended"), TEXT},
	{FIELD(self_described, "self-described", "whether the first octet gives the length"), .kind = CTL_BOOL},
	{FIELD(cid, "cid", "the connection ID (encode)"), TEXT},
	{FIELD(pool, "pool", "of the service (--conf)"), TEXT},
	{FIELD(backend, "backend", "that has the server ID (--conf)"), TEXT},
	{FIELD(state, "state", "of the backend: up, drain or down (--conf)"), TEXT},
};
// clang-format on
const struct ctl_type lbctl_quic_lb_type = {
	.fields = fields, .n_fields = ARRAY_LEN(fields), .size = sizeof(struct lbctl_quic_lb)};

static const char *const modes[QUIC_LB_MODE_COUNT] = {
	[QUIC_LB_NONE] = "",
	[QUIC_LB_PLAINTEXT] = "plaintext",
	[QUIC_LB_SINGLE_PASS] = "single_pass",
	[QUIC_LB_FOUR_PASS] = "four_pass",
};

// A connection ID and what it says.
struct work {
	struct lbctl_quic_params params;
	struct quic_lb_config config;
	uint8_t cid[LBCTL_QUIC_LB_CID_MAX];
	size_t cid_len;
	uint8_t server_id[QUIC_LB_MAX_SERVER_ID];
	uint8_t nonce[QUIC_LB_MAX_NONCE];
};

static int wrong(struct err *err, const char *option)
{
	err_prefix(err, "%s", option);
	return LBCTL_WRONG_USAGE;
}

// --- the answer ---

static void fill(struct lbctl_quic_lb *out, const struct work *w)
{
	const struct quic_lb_config *c = &w->config;

	*out = (struct lbctl_quic_lb){
		.config_id = c->config_id,
		.self_described = (w->cid[0] & 31u) == w->cid_len - 1,
	};
	snprintf(out->mode, sizeof(out->mode), "%s", modes[c->mode]);
	lbctl_hex_write(out->server_id, w->server_id, c->server_id_len);
	lbctl_hex_write(out->nonce, w->nonce, c->nonce_len);
	lbctl_hex_write(out->extra, w->cid + c->cid_len, w->cid_len - c->cid_len);
}

// Names the backend that has the server ID.
static int fill_backend(struct lbctl_quic_lb *out, const struct work *w, struct err *err)
{
	const struct conf_pool *pool = w->params.pool;

	snprintf(out->pool, sizeof(out->pool), "%s", pool->name);
	for (size_t i = 0; i < pool->n_backends; i++) {
		const struct conf_backend *b = &pool->backends[i];

		if (b->server_id_len != w->config.server_id_len ||
		    memcmp(b->server_id, w->server_id, b->server_id_len) != 0)
			continue;
		snprintf(out->backend, sizeof(out->backend), "%s", b->name);
		snprintf(out->state, sizeof(out->state), "%s", conf_state_names[b->state]);
		return LBCTL_DONE;
	}
	err_set(err, -ENOENT, "no backend of pool \"%s\" has server ID %s", pool->name,
	        out->server_id);
	return LBCTL_NO;
}

// --- decode ---

static int no_config(const struct lbctl_quic_params *p, uint8_t config_id, struct err *err)
{
	if (config_id >= QUIC_LB_MAX_CONFIGS)
		err_set(err, -ENOENT,
		        "cid: has config id %u, by which a server says that nobody can decode it",
		        config_id);
	else if (p->service)
		err_set(err, -ENOENT, "cid: has config id %u, which service \"%s\" has not",
		        config_id, p->service->name);
	else
		err_set(err, -ENOENT, "cid: has config id %u, the configuration is %u", config_id,
		        p->configs->config_id);
	return LBCTL_NO;
}

static int decode(struct work *w, const struct lbctl_quic_options *opts, const char *text,
                  struct err *err)
{
	const struct conf_quic_lb *conf;

	if (opts->conf && opts->config_id) {
		err_set(err, -EINVAL,
		        "--config-id: not together with --conf, the CID tells which it is");
		return LBCTL_WRONG_USAGE;
	}
	if (lbctl_hex_read(w->cid, sizeof(w->cid), &w->cid_len, text, err))
		return wrong(err, "CID");
	if (w->cid_len == 0) {
		err_set(err, -EINVAL, "cid: is empty");
		return LBCTL_NO;
	}
	conf = lbctl_quic_params_find(&w->params, w->cid[0] >> 5);
	if (!conf)
		return no_config(&w->params, w->cid[0] >> 5, err);
	if (quic_lb_config_init(&w->config, conf, err) ||
	    quic_lb_decode(&w->config, slice_of(w->cid, w->cid_len), w->server_id, w->nonce, err))
		return LBCTL_NO;
	return LBCTL_DONE;
}

// --- encode ---

static int choose(struct work *w, const struct lbctl_quic_options *opts, struct err *err)
{
	const struct lbctl_quic_params *p = &w->params;
	const struct conf_quic_lb *conf = p->configs;
	uint8_t config_id = 0;

	if (p->n_configs > 1 || opts->config_id) {
		if (lbctl_quic_params_number(&config_id, "config-id", opts->config_id, 0,
		                             QUIC_LB_MAX_CONFIGS - 1, err))
			return LBCTL_WRONG_USAGE;
		conf = lbctl_quic_params_find(p, config_id);
	}
	if (!conf) {
		err_set(err, -ENOENT, "--config-id: service \"%s\" has no %u", p->service->name,
		        config_id);
		return LBCTL_NO;
	}
	return quic_lb_config_init(&w->config, conf, err) ? LBCTL_NO : LBCTL_DONE;
}

static int draw(uint8_t *out, size_t n, struct err *err)
{
	if (getrandom(out, n, 0) == (ssize_t)n)
		return 0;
	return err_set(err, -EIO, "the kernel gives no random numbers: %s", strerror(errno));
}

static int read_octets(struct work *w, const struct lbctl_options *opts, struct err *err)
{
	const char *nonce = opts->quic.nonce;

	if (!opts->server_id) {
		err_set(err, -EINVAL, "missing");
		return wrong(err, "--server-id");
	}
	if (lbctl_hex_read_exactly(w->server_id, w->config.server_id_len, opts->server_id, err))
		return wrong(err, "--server-id");
	if (nonce && lbctl_hex_read_exactly(w->nonce, w->config.nonce_len, nonce, err))
		return wrong(err, "--nonce");
	if (!nonce && draw(w->nonce, w->config.nonce_len, err))
		return LBCTL_NO;
	return LBCTL_DONE;
}

static int assemble(struct work *w, const struct lbctl_quic_options *opts, struct err *err)
{
	const struct quic_lb_config *c = &w->config;
	uint8_t n_extra = 0, low_bits;

	if (opts->extra && lbctl_quic_params_number(&n_extra, "extra", opts->extra, 0,
	                                            QUIC_LB_MAX_CID - c->cid_len, err))
		return LBCTL_WRONG_USAGE;
	low_bits = quic_lb_length_bits(c, n_extra);
	if (opts->first_octet == LBCTL_FIRST_RANDOM && draw(&low_bits, 1, err))
		return LBCTL_NO;
	w->cid_len = quic_lb_encode(c, low_bits & 31, w->server_id, w->nonce, w->cid);
	if (draw(w->cid + w->cid_len, n_extra, err))
		return LBCTL_NO;
	w->cid_len += n_extra;
	return LBCTL_DONE;
}

static int encode(struct work *w, const struct lbctl_options *opts, struct err *err)
{
	int rc = choose(w, &opts->quic, err);

	if (rc == LBCTL_DONE)
		rc = read_octets(w, opts, err);
	return rc == LBCTL_DONE ? assemble(w, &opts->quic, err) : rc;
}

// --- both ---

static int run(struct work *w, const struct lbctl_options *opts, bool is_decode,
               struct lbctl_operands_left *left, struct err *err)
{
	if (is_decode && left->argc == 1)
		return decode(w, &opts->quic, left->argv[0], err);
	if (!is_decode && left->argc == 0)
		return encode(w, opts, err);
	if (is_decode)
		err_set(err, -EINVAL, "one connection ID expected");
	else
		err_set(err, -EINVAL, "'%s' is too much", left->argv[0]);
	return LBCTL_WRONG_USAGE;
}

int lbctl_quic_lb_run(struct lbctl_quic_lb *out, bool *is_answered, const struct lbctl_command *c,
                      const struct lbctl_options *opts, struct lbctl_operands_left *left,
                      struct err *err)
{
	bool is_decode = c->operands == LBCTL_CID;
	struct work w = {0};
	int rc;

	*is_answered = false;
	rc = lbctl_quic_params_open(&w.params, &opts->quic, err);
	if (rc != LBCTL_DONE)
		return rc;
	rc = run(&w, opts, is_decode, left, err);
	if (rc == LBCTL_DONE) {
		fill(out, &w);
		*is_answered = true;
		if (!is_decode)
			lbctl_hex_write(out->cid, w.cid, w.cid_len);
		if (w.params.pool)
			rc = fill_backend(out, &w, err);
	}
	lbctl_quic_params_close(&w.params);
	quic_lb_config_fini(&w.config);
	return rc;
}

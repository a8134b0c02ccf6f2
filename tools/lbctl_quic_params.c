// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_quic_params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l4/data/quic_lb.h"
#include "tools/lbctl_hex.h"

enum { DRAFT_OLD = 18, DRAFT_NEW = 19 };

int lbctl_quic_params_number(uint8_t *out, const char *option, const char *text, unsigned least,
                             unsigned most, struct err *err)
{
	unsigned long value;

	if (!text)
		return err_set(err, -EINVAL, "--%s: missing", option);
	if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 9)
		return err_set(err, -EINVAL, "--%s: \"%s\" is not a number in %u..%u", option, text,
		               least, most);
	value = strtoul(text, NULL, 10);
	if (value == 7 && strcmp(option, "config-id") == 0)
		return err_set(err, -EINVAL,
		               "--%s: 7 is not in %u..%u (7 is reserved by the draft)", option,
		               least, most);
	if (value < least || value > most)
		return err_set(err, -EINVAL, "--%s: %lu is not in %u..%u", option, value, least,
		               most);
	*out = (uint8_t)value;
	return 0;
}

// --- made of options ---

static int read_key(struct conf_quic_lb *q, const char *text, struct err *err)
{
	if (!text)
		return 0;
	if (lbctl_hex_read_exactly(q->key, sizeof(q->key), text, err))
		return err_prefix(err, "--key");
	q->has_key = true;
	return 0;
}

static int read_options(struct conf_quic_lb *q, const struct lbctl_quic_options *opts,
                        struct err *err)
{
	const char *draft = opts->draft ? opts->draft : "19";

	if (lbctl_quic_params_number(&q->config_id, "config-id", opts->config_id, 0,
	                             QUIC_LB_MAX_CONFIGS - 1, err) ||
	    lbctl_quic_params_number(&q->server_id_length, "server-id-length",
	                             opts->server_id_length, 1, QUIC_LB_MAX_SERVER_ID, err) ||
	    lbctl_quic_params_number(&q->nonce_length, "nonce-length", opts->nonce_length,
	                             QUIC_LB_MIN_NONCE, QUIC_LB_MAX_NONCE, err) ||
	    lbctl_quic_params_number(&q->draft, "draft", draft, DRAFT_OLD, DRAFT_NEW, err) ||
	    read_key(q, opts->key, err))
		return -EINVAL;
	if (q->server_id_length + q->nonce_length > QUIC_LB_MAX_BLOCK)
		return err_set(
			err, -EINVAL,
			"--nonce-length: %u and --server-id-length %u are together more than %d",
			q->nonce_length, q->server_id_length, QUIC_LB_MAX_BLOCK);
	return 0;
}

static int from_options(struct lbctl_quic_params *p, const struct lbctl_quic_options *opts,
                        struct err *err)
{
	if (opts->service) {
		err_set(err, -EINVAL, "--service: needs --conf");
		return LBCTL_WRONG_USAGE;
	}
	if (read_options(&p->own, opts, err))
		return LBCTL_WRONG_USAGE;
	p->configs = &p->own;
	p->n_configs = 1;
	return LBCTL_DONE;
}

// --- of a service ---

// What the file says, options must not say as well.
static int refuse_options(const struct lbctl_quic_options *opts, struct err *err)
{
	const struct {
		const char *option, *text;
	} said_twice[] = {
		{"server-id-length", opts->server_id_length},
		{"nonce-length", opts->nonce_length},
		{"key", opts->key},
		{"draft", opts->draft},
	};

	for (size_t i = 0; i < ARRAY_LEN(said_twice); i++)
		if (said_twice[i].text)
			return err_set(err, -EINVAL, "--%s: not together with --conf, which has it",
			               said_twice[i].option);
	return opts->service ? 0 : err_set(err, -EINVAL, "--service: missing, --conf needs it");
}

static int find_service(struct lbctl_quic_params *p, const struct lbctl_quic_options *opts,
                        struct err *err)
{
	const struct conf_service *s = conf_service_find(p->conf, opts->service);

	if (!s)
		return err_set(err, -ENOENT, "%s: there is no service \"%s\"", opts->conf,
		               opts->service);
	if (!s->n_quic_lb)
		return err_set(err, -ENOENT, "%s: service \"%s\" has no quic_lb", opts->conf,
		               opts->service);
	p->service = s;
	p->pool = conf_pool_find(p->conf, s->pool);
	p->configs = s->quic_lb;
	p->n_configs = s->n_quic_lb;
	return 0;
}

static int from_file(struct lbctl_quic_params *p, const struct lbctl_quic_options *opts,
                     struct err *err)
{
	if (refuse_options(opts, err))
		return LBCTL_WRONG_USAGE;
	if (conf_load(&p->conf, opts->conf, err))
		return LBCTL_NO;
	if (find_service(p, opts, err)) {
		conf_free(p->conf);
		return LBCTL_NO;
	}
	return LBCTL_DONE;
}

int lbctl_quic_params_open(struct lbctl_quic_params *out, const struct lbctl_quic_options *opts,
                           struct err *err)
{
	*out = (struct lbctl_quic_params){0};
	return opts->conf ? from_file(out, opts, err) : from_options(out, opts, err);
}

void lbctl_quic_params_close(struct lbctl_quic_params *p)
{
	explicit_bzero(&p->own, sizeof(p->own));
	conf_free(p->conf);
}

const struct conf_quic_lb *lbctl_quic_params_find(const struct lbctl_quic_params *p,
                                                  uint8_t config_id)
{
	for (size_t i = 0; i < p->n_configs; i++)
		if (p->configs[i].config_id == config_id)
			return &p->configs[i];
	return NULL;
}

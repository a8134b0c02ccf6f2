// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_check.h"

#include "l7/tls.h"
#include "l7/tls_certificate.h"
#include "l7/tls_context.h"

#include <errno.h>

struct check {
	const struct conf *conf;
	conf_advice_say refuse, advise;
	void *data;
	unsigned n_refused;
};

static void refuse(struct check *c, const struct err *err)
{
	c->refuse(err->msg, c->data);
	c->n_refused++;
}

static void check_certificate(struct check *c, uint16_t l7, uint16_t i)
{
	const struct conf_l7 *entry = &c->conf->l7[l7];
	SSL_CTX *ctx = tls_context_new(TLS_server_method(), entry->tls_min);
	char place[TLS_CERTIFICATE_PLACE_SIZE];
	const struct tls_certificate_advice advice = {
		.place = tls_certificate_place(place, l7, i), .say = c->advise, .data = c->data};
	struct err err;
	int rc;

	if (ctx)
		rc = tls_certificate_load(ctx, c->conf, &entry->tls[i], place, &err);
	else
		rc = err_set(&err, -ENOMEM, "%s: no memory", place);
	if (rc)
		refuse(c, &err);
	else
		tls_certificate_advise(ctx, entry->tls[i].certificate, &advice);
	SSL_CTX_free(ctx);
}

static void check_authorities(struct check *c, uint16_t pool)
{
	struct tls_client *client;
	struct err err;

	if (tls_client_new(&client, c->conf, pool, &err))
		refuse(c, &err);
	else
		tls_client_free(client);
}

unsigned tls_check(const struct conf *conf, conf_advice_say refused, conf_advice_say advise,
                   void *data)
{
	struct check c = {.conf = conf, .refuse = refused, .advise = advise, .data = data};

	for (uint16_t l7 = 0; l7 < conf->n_l7; l7++)
		for (uint16_t i = 0; i < conf->l7[l7].n_tls && !conf->l7[l7].hosts; i++)
			check_certificate(&c, l7, i);
	for (uint16_t i = 0; i < conf->n_pools; i++)
		if (conf->pools[i].has_tls)
			check_authorities(&c, i);
	return c.n_refused;
}

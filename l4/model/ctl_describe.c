// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl_describe.h"

#include <stdio.h>

static void name(char to[CTL_NAME_SIZE], const char *from)
{
	snprintf(to, CTL_NAME_SIZE, "%s", from ? from : "");
}

void ctl_describe_service(struct ctl_service *row, const struct conf_service *s)
{
	name(row->name, s->name);
	name(row->pool, s->pool);
	name(row->l7, s->l7);
	row->address = s->address;
	row->port = s->port;
	row->protocol = s->protocol;
	row->forward = s->forward;
}

void ctl_describe_pool(struct ctl_pool *row, const struct conf_pool *pool)
{
	name(row->name, pool->name);
	row->balance = pool->balance;
	row->health = pool->health.type;
	row->backends = pool->n_backends;
	row->table_size = pool->table_size;
}

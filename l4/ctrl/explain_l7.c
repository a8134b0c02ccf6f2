// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/explain_l7.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/ctrl/supervise.h"

static PRINTF_LIKE(3, 4) int add(struct methods_call *call, const char *stage, const char *fmt, ...)
{
	struct ctl_step *step = methods_row(call, &call->result.explain.steps, "steps");
	va_list args;

	if (!step)
		return -ENOMEM;
	snprintf(step->stage, sizeof(step->stage), "%s", stage);
	va_start(args, fmt);
	vsnprintf(step->text, sizeof(step->text), fmt, args);
	va_end(args);
	return 0;
}

static long long seconds_since(uint64_t realtime_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (long long)now.tv_sec - (long long)(realtime_ns / CLOCK_NS_PER_S);
}

// --- health ---

static int add_backend(struct methods_call *call, uint16_t id)
{
	const struct control *c = call->control;
	const struct roster_backend *b = &c->roster.backends[id];
	const struct snap_backend *served = &c->serving->backends[id];
	int rc;

	if (b->health.state != HEALTH_UNHEALTHY)
		return 0;
	rc = add(call, "health", "backend %s is unhealthy since %lld s: %s", b->name,
	         seconds_since(b->health.changed_ns), b->health.reason);
	if (rc || !(served->flags & BACKEND_NEW))
		return rc;
	return add(call, "health", "pool %s has failed open: none is healthy, so all are used",
	           b->pool);
}

// Why nobody was there to take it.
static int add_empty(struct methods_call *call, const struct conf_pool *pool)
{
	const struct control *c = call->control;
	unsigned n_unhealthy = 0;

	for (uint16_t i = 0; i < pool->n_backends; i++) {
		uint16_t id = roster_backend_id(&c->roster, pool->name, &pool->backends[i]);

		n_unhealthy += c->roster.backends[id].health.state == HEALTH_UNHEALTHY;
	}
	if (!n_unhealthy)
		return 0;
	return add(call, "health", "pool %s: %u of %u backends are unhealthy, when_unhealthy is %s",
	           pool->name, n_unhealthy, pool->n_backends,
	           conf_unhealthy_names[pool->when_unhealthy]);
}

// --- the L7 workers ---

static const struct ctl_l7_listener *find_listener(const struct ctl_l7_status *s,
                                                   const char *service)
{
	const struct ctl_l7_listener *rows = s->listeners.row;

	for (uint32_t i = 0; i < s->listeners.n; i++)
		if (strcmp(rows[i].service, service) == 0)
			return &rows[i];
	return NULL;
}

static int add_listener(struct methods_call *call, const struct ctl_l7_status *s,
                        const char *service)
{
	const struct ctl_l7_listener *l = find_listener(s, service);

	if (s->state != CTL_L7_RUNNING && s->state != CTL_L7_DRAINING)
		return add(call, "l7", "lb7d does not run: %s",
		           *s->reason ? s->reason : "it is being started");
	if (!l)
		return add(call, "l7", "lb7d runs, pid %u", s->pid);
	return add(call, "l7", "lb7d runs, pid %u, and %s%s%s", s->pid,
	           l->listening ? "listens" : "does not listen", *l->error ? ": " : "", l->error);
}

static int add_workers(struct methods_call *call, const struct conf_service *service)
{
	union ctl_result now;
	int rc;

	rc = add(call, "l7", "l7 entry %s is answered by this host's workers", service->l7);
	if (rc)
		return rc;
	if (!call->control->supervise)
		return add(call, "l7", "this lb4d keeps no lb7d");
	ctl_method_init_result(CTL_L7_STATUS, &now);
	rc = supervise_status(call->control->supervise, &now.l7_status);
	if (rc)
		return err_set(&call->err, rc, "no memory for the answer");
	rc = add_listener(call, &now.l7_status, service->name);
	ctl_method_free_result(CTL_L7_STATUS, &now);
	return rc;
}

int explain_l7_add(struct methods_call *call, uint16_t nth, uint16_t backend)
{
	const struct conf *conf = call->control->conf;
	const struct conf_service *service = &conf->services[nth];
	const struct conf_pool *pool = conf_service_pool(conf, service);
	int rc = 0;

	if (!pool)
		return add_workers(call, service);
	if (service->l7)
		rc = add(call, "l7", "l7 entry %s is answered by the hosts of pool %s", service->l7,
		         pool->name);
	if (rc)
		return rc;
	return backend ? add_backend(call, backend) : add_empty(call, pool);
}

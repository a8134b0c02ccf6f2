// SPDX-License-Identifier: BSD-3-Clause
#include "l7/manager.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/model/conf_advice.h"
#include "l7/absent.h"
#include "l7/descriptors.h"
#include "l7/metrics.h"

enum {
	RENEW_MS = 5,         // how long a change of health may wait for others
	ROTATE_MS = 60000,    // see tls_tickets_rotate()
	TICKET_LIFE_S = 7200, // ticket lifetime; RFC 8446 section 4.6.1 allows a week
	METER_MS = 1000,
};

// How busy a worker is: its thread's CPU time, looked at once a second.
struct manager_load {
	uint64_t cpu_ns; // at the last look
	double percent;  // between the last two
};

// Everything that a configuration needs, made before anything is changed.
struct next {
	struct site *site;
	struct kit **kits; // [n_workers]
	struct probe_set *probes;
	struct admin *admin; // NULL: none, or the running one stays
};

// --- timers ---

uint8_t manager_health(const struct manager *m, const struct conf_pool *pool,
                       const struct conf_backend *backend)
{
	const struct probe *p = NULL;

	if (pool->health.type != HEALTH_NONE)
		p = probe_set_find(m->probes, site_backend_key(pool, backend));
	return p ? p->verdict.record.state : HEALTH_UNKNOWN;
}

static uint8_t health_of(void *owner, const struct conf_pool *pool,
                         const struct conf_backend *backend)
{
	return manager_health(owner, pool, backend);
}

static void give(struct manager *m, uint16_t worker, struct kit *kit)
{
	if (worker_take(m->workers[worker], site_get(m->site), kit))
		LOG_ERROR("worker=%u keeps its old configuration reason=\"out of memory\"", worker);
}

static void on_renew(struct timer *t)
{
	struct manager *m = CONTAINER_OF(t, struct manager, renew);
	uint64_t began_ns = clock_now_ns();
	struct site *next;
	struct err err;

	if (site_renew(&next, m->site, m->site->generation + 1, health_of, m, &err)) {
		LOG_ERROR("health not taken over reason=\"%s\"", err.msg);
		loop_timer_start(m->loop, t, METER_MS);
		return;
	}
	site_put(m->site);
	m->site = next;
	telemetry_tell(&m->telemetry, next);
	for (uint16_t i = 0; i < m->n_workers; i++)
		give(m, i, NULL);
	m->renew_cost_ms = (clock_now_ns() - began_ns) / CLOCK_NS_PER_MS;
}

// What changes together is one site; and one that takes long to compile leaves half of the time for everything else.
static void on_health(void *data, const struct probe *p)
{
	struct manager *m = data;

	if (m->health_told)
		m->health_told(m->data, p);
	if (!timer_is_running(&m->renew))
		loop_timer_start(m->loop, &m->renew,
		                 m->renew_cost_ms > RENEW_MS ? m->renew_cost_ms : RENEW_MS);
}

static void on_rotate(struct timer *t)
{
	struct manager *m = CONTAINER_OF(t, struct manager, rotate);

	tls_tickets_rotate(m->tickets, clock_now_ns());
	loop_timer_start(m->loop, t, ROTATE_MS);
}

static void on_meter(struct timer *t)
{
	struct manager *m = CONTAINER_OF(t, struct manager, meter);

	for (uint16_t i = 0; i < m->n_workers; i++) {
		struct manager_load *l = &m->load[i];
		uint64_t cpu_ns = worker_cpu_ns(m->workers[i]);
		double percent =
			100. * (double)(cpu_ns - l->cpu_ns) / (double)(METER_MS * CLOCK_NS_PER_MS);

		l->percent = percent > 100. ? 100. : percent;
		l->cpu_ns = cpu_ns;
	}
	loop_timer_start(m->loop, t, METER_MS);
}

double manager_busy(const struct manager *m, uint16_t worker)
{
	return m->load[worker].percent;
}

// --- workers ---

static uint16_t count_cpus(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return (uint16_t)(n < 1 ? 1 : n);
}

static void free_workers(struct manager *m)
{
	for (uint16_t i = 0; i < m->n_workers; i++)
		worker_free(m->workers[i]);
	free(m->workers);
	free(m->load);
	m->workers = NULL;
	m->load = NULL;
	m->n_workers = 0;
	telemetry_close(&m->telemetry);
}

static int make_workers(struct manager *m, const struct site_conf *site, struct err *err)
{
	const struct conf *conf = site->conf;
	uint16_t n = conf->workers ? conf->workers : count_cpus();
	struct worker_input in = {
		.memory = (size_t)conf->worker_memory_mb << 20,
		.n_conns = descriptors_share(conf, n, descriptors_raise()),
		.node = conf->node,
		.telemetry = &m->telemetry,
	};
	int rc = telemetry_open(&m->telemetry, m->open_counters, site, n);

	m->worker_memory = in.memory;
	m->n_worker_conns = in.n_conns;
	m->workers = calloc(n, sizeof(struct worker *));
	m->load = calloc(n, sizeof(*m->load));
	if (!rc && (!m->workers || !m->load))
		rc = -ENOMEM;
	for (; !rc && in.index < n; in.index++) {
		rc = worker_new(&m->workers[in.index], &in);
		if (!rc)
			m->n_workers++;
	}
	if (rc) {
		free_workers(m);
		return err_set(err, rc, "workers: %s", strerror(-rc));
	}
	return 0;
}

// Those that cannot be started for want of threads or memory are left out.
static int start_workers(struct manager *m, struct err *err)
{
	uint16_t n = m->n_workers;
	int rc = 0;

	if (m->is_equipped)
		m->is_equipped(m->data);
	for (m->n_workers = 0; m->n_workers < n && !rc; m->n_workers += !rc)
		rc = worker_start(m->workers[m->n_workers]);
	for (uint16_t i = m->n_workers; i < n; i++)
		worker_free(m->workers[i]);
	if (!m->n_workers)
		return err_set(err, rc, "workers: %s", strerror(-rc));
	if (rc)
		LOG_ERROR("fewer workers than wanted wanted=%u started=%u reason=\"%s\"", n,
		          m->n_workers, strerror(-rc));
	m->phase = MANAGER_SERVING;
	loop_timer_start(m->loop, &m->meter, METER_MS);
	loop_timer_start(m->loop, &m->rotate, ROTATE_MS);
	return 0;
}

// --- what the admin address shows ---

static const char *unready(const void *data)
{
	const struct manager *m = data;

	if (m->phase == MANAGER_STARTING)
		return "starting\n";
	return m->phase == MANAGER_SERVING ? NULL : "draining\n";
}

static_assert(METRICS_PIECE + 0 == ADMIN_PIECE, "a piece is a piece");

static void *open_page(void *data)
{
	return metrics_open(data);
}

static bool next_of_page(void *page, struct text *out)
{
	return metrics_next(page, out);
}

static void close_page(void *page)
{
	metrics_close(page);
}

// --- a configuration ---

bool manager_is_wanted(const struct conf *conf)
{
	for (uint16_t i = 0; i < conf->n_services; i++)
		if (conf->services[i].l7 && !conf->services[i].is_remote)
			return true;
	for (uint16_t i = 0; i < conf->n_pools; i++)
		if (conf->pools[i].health.type != HEALTH_NONE)
			return true;
	return conf->has_admin;
}

static void drop_next(struct manager *m, struct next *n)
{
	for (uint16_t i = 0; n->kits && i < m->n_workers; i++)
		kit_put(n->kits[i]);
	free(n->kits);
	admin_close(n->admin);
	probe_set_free(n->probes);
	site_put(n->site);
}

static int make_kits(struct manager *m, struct next *n, struct err *err)
{
	const struct conf *running = m->site ? m->site->conf : NULL;
	int rc = 0;

	n->kits = calloc(m->n_workers, sizeof(struct kit *));
	if (!n->kits)
		return err_set(err, -ENOMEM, "out of memory");
	for (uint16_t i = 0; i < m->n_workers && !rc; i++)
		rc = kit_new(&n->kits[i], n->site, running, m->tickets, err);
	return rc;
}

static int make_admin(struct manager *m, struct next *n, struct err *err)
{
	const struct conf *conf = n->site->conf;
	struct admin_source source = {.unready = unready,
	                              .open = open_page,
	                              .next = next_of_page,
	                              .close = close_page,
	                              .data = m};

	if (!conf->has_admin || admin_is_at(m->admin, &conf->admin))
		return 0;
	return admin_open(&n->admin, m->loop, &conf->admin, &source, err);
}

static int make_next(struct manager *m, struct next *n, struct err *err)
{
	int rc = make_kits(m, n, err);

	if (!rc)
		rc = probe_set_new(&n->probes, n->site->conf, m->probes, &m->probe_owner, err);
	return rc ? rc : make_admin(m, n, err);
}

static void commit(struct manager *m, struct next *n)
{
	bool keeps_admin = n->site->conf->has_admin && !n->admin;

	probe_set_start(n->probes, m->probes);
	m->probes = n->probes;
	if (!keeps_admin) {
		admin_close(m->admin);
		m->admin = n->admin;
	}
	site_put(m->site);
	m->site = n->site;
	m->generation++;
	telemetry_assign(&m->telemetry, n->site->shared, m->generation);
	telemetry_tell(&m->telemetry, n->site);
	for (uint16_t i = 0; i < m->n_workers; i++)
		give(m, i, n->kits[i]);
	free(n->kits);
}

static void log_advice(const char *sentence, void *data)
{
	if (strncmp(sentence, "ports:", 6) != 0) // lb7d needs none
		LOG_WARN("advice %s", sentence);
}

// lb4d has looked at its own keys; these are ours, and a lb7d that it found running may have others.
static void warn_of_fixed(const struct conf *running, const struct conf *next)
{
	if (running->workers != next->workers ||
	    running->worker_memory_mb != next->worker_memory_mb ||
	    running->worker_connections != next->worker_connections)
		LOG_WARN("workers, worker_memory_mb and worker_connections stay as they are until "
		         "lb7d starts anew");
}

static int check(const struct manager *m, const struct conf *conf, struct err *err)
{
	if (m->phase > MANAGER_SERVING)
		return err_set(err, -ESHUTDOWN, "lb7d is stopping");
	if (m->site && !m->is_managed)
		return conf_check_reload(m->site->conf, conf, err);
	if (m->site)
		warn_of_fixed(m->site->conf, conf);
	return 0;
}

int manager_apply(struct manager *m, struct conf *conf, struct err *err)
{
	uint32_t generation = m->site ? m->site->generation + 1 : 1;
	struct next n = {0};
	int rc = check(m, conf, err);

	if (rc) {
		conf_free(conf);
		return rc;
	}
	rc = site_new(&n.site, conf, generation, health_of, m, err);
	if (!rc && !m->workers)
		rc = make_workers(m, n.site->shared, err);
	if (!rc)
		rc = make_next(m, &n, err);
	if (rc) {
		drop_next(m, &n);
		if (!m->site)
			free_workers(m); // another configuration may want others
		return rc;
	}
	if (m->n_workers) // else none could be started
		kit_advise(n.kits[0], n.site->conf);
	commit(m, &n);
	if (!m->is_managed)
		conf_advice(m->site->conf, log_advice, NULL);
	absent_warn(m->site->conf);
	if (m->conf_changed)
		m->conf_changed(m->data, m->site->conf);
	return m->phase == MANAGER_STARTING ? start_workers(m, err) : 0;
}

void manager_count(const struct manager *m, struct worker_counters *sum)
{
	*sum = (struct worker_counters){0};
	for (uint16_t i = 0; i < m->n_workers; i++) {
		const struct worker_counters *c = worker_counters(m->workers[i]);

#define X(name, kind, unit, help) sum->name += __atomic_load_n(&c->name, __ATOMIC_RELAXED);
		COUNTERS_WORKER(X)
#undef X
	}
}

// --- life ---

int manager_init(struct manager *m, struct loop *loop, const char *conf_file)
{
	*m = (struct manager){.loop = loop, .conf_file = conf_file, .started_ns = clock_now_ns()};
	m->probe_owner = (struct probe_owner){.loop = loop, .changed = on_health, .data = m};
	m->renew.fire = on_renew;
	m->rotate.fire = on_rotate;
	m->meter.fire = on_meter;
	return tls_tickets_new(&m->tickets, TICKET_LIFE_S);
}

void manager_fini(struct manager *m)
{
	struct timer *timers[] = {&m->renew, &m->rotate, &m->meter, &m->watch};

	for (size_t i = 0; i < ARRAY_LEN(timers); i++)
		loop_timer_stop(m->loop, timers[i]);
	admin_close(m->admin);
	probe_set_free(m->probes);
	free_workers(m);
	site_put(m->site);
	tls_tickets_free(m->tickets);
}

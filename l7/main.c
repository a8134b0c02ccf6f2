// SPDX-License-Identifier: BSD-3-Clause
// lb7d: the L7 workers, health probes and metrics. This file is the table of contents: what is opened, in
// which order, and how it is closed again, in reverse.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/tcp_programs.h"
#include "l4/base/log.h"
#include "l7/capabilities.h"
#include "l7/command_line.h"
#include "l7/conn.h"
#include "l7/manager.h"
#include "l7/operator.h"
#include "l7/signals.h"
#include "l7/telemetry_store.h"

enum { LOOP_BUDGET = 64 << 20 }; // bytes that wait for probes, operators and whoever reads metrics

struct daemon {
	struct command_line options;
	struct loop loop;
	struct signals signals;
	struct manager manager;
	struct operator* operator;
	struct tcp_programs *tcp; // NULL = lb4d has them, or nobody
};

static void on_signal(void *data, int number)
{
	struct daemon *d = data;
	struct err err;

	if (number != SIGHUP) {
		LOG_INFO("stopping signal=%s grace_s=%u", strsignal(number), d->options.grace_s);
		manager_drain(&d->manager);
		return;
	}
	if (d->options.is_managed)
		manager_reopen_logs(&d->manager);
	else if (manager_reload(&d->manager, &err))
		return; // logged, and remembered for lbctl status
}

static void on_health(void *data, const struct probe *p)
{
	const struct daemon *d = data;

	operator_tell_health(d->operator, p);
}

static void on_conf_changed(void *data, const struct conf *conf)
{
	const struct daemon *d = data;

	tcp_programs_update(d->tcp, conf, NULL);
}

static void on_equipped(void *data)
{
	capabilities_drop_last();
}

static void log_ready(const struct daemon *d, const char *control)
{
	const struct manager *m = &d->manager;

	if (m->site)
		LOG_INFO("ready node=%s file=%s control=%s workers=%u connections=%u generation=%u",
		         m->site->conf->node, m->conf_file, control, m->n_workers,
		         m->n_workers * m->n_worker_conns, m->generation);
	else
		LOG_INFO("waiting for a configuration from lb4d control=%s", control);
}

static int check_wanted(const struct daemon *d, const struct conf *conf, struct err *err)
{
	if (d->options.is_managed || manager_is_wanted(conf))
		return 0;
	return err_set(err, -EINVAL,
	               "%s: nothing for lb7d to do: no service has \"l7\", no pool has \"health\", "
	               "and there is no \"admin\"",
	               d->options.conf_file);
}

// First of all the socket's lock: a second lb7d must not take the ports of the first. Managed, the file only says where
// the socket is: what to serve is said by lb4d, whose running configuration may be another.
static int serve(struct daemon *d, struct conf *conf, struct err *err)
{
	struct manager *m = &d->manager;
	int rc = operator_open(&d->operator, m, d->options.control, err);

	if (rc || d->options.is_managed) {
		conf_free(conf);
		return rc;
	}
	d->tcp = tcp_programs_open_alone(conf);
	rc = manager_apply(m, conf, err);
	if (!rc) {
		m->is_saved = true;
		return 0;
	}
	operator_close(d->operator);
	return err_prefix(err, "%s", d->options.conf_file);
}

static int run(struct daemon *d, struct conf *conf, struct err *err)
{
	struct manager *m = &d->manager;
	int rc = manager_init(m, &d->loop, d->options.conf_file);

	if (rc) {
		conf_free(conf);
		return rc;
	}
	m->grace_ms = d->options.grace_s * 1000;
	m->is_managed = d->options.is_managed;
	m->health_told = on_health;
	m->open_counters = telemetry_store_open;
	m->is_equipped = on_equipped;
	m->conf_changed = on_conf_changed;
	m->data = d;
	rc = serve(d, conf, err);
	if (!rc) {
		log_ready(d, d->options.control);
		loop_run(&d->loop);
		operator_close(d->operator);
	}
	manager_fini(m);
	tcp_programs_close(d->tcp);
	if (!rc)
		LOG_INFO("stopped");
	return rc;
}

// The file, or nothing of it if lb4d says all there is to know.
static int load(struct daemon *d, struct conf **out, char **control, struct err *err)
{
	int rc;

	*out = NULL;
	*control = NULL;
	if (d->options.is_managed && d->options.control)
		return 0;
	rc = conf_load(out, d->options.conf_file, err);
	if (rc)
		return rc;
	rc = check_wanted(d, *out, err);
	if (!rc && !d->options.control) {
		*control = strdup((*out)->control_l7);
		d->options.control = *control;
		rc = *control ? 0 : -ENOMEM;
	}
	if (rc)
		conf_free(*out);
	return rc;
}

static int load_and_run(struct daemon *d, struct err *err)
{
	struct conf *conf;
	char *control;
	int rc = load(d, &conf, &control, err);

	if (rc)
		return rc;
	rc = run(d, conf, err);
	free(control);
	return rc;
}

static int open_and_run(struct daemon *d, struct err *err)
{
	int rc;

	capabilities_drop(!d->options.is_managed);
	rc = loop_init(&d->loop, LOOP_BUDGET);
	if (rc)
		return rc;
	rc = conn_loop_init(&d->loop);
	if (rc)
		goto err_loop;
	rc = signals_open(&d->signals, &d->loop, on_signal, d);
	if (rc)
		goto err_conn;
	rc = load_and_run(d, err);
	signals_close(&d->signals);
err_conn:
	conn_loop_fini(&d->loop);
err_loop:
	loop_fini(&d->loop);
	return rc;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct err err = {0};
	int rc;

	if (command_line_parse(&d.options, argc, argv, &rc))
		return rc;
	log_init("lb7d", d.options.log_level);
	rc = open_and_run(&d, &err);
	if (rc)
		LOG_ERROR("not started reason=\"%s\"", err.code ? err.msg : strerror(-rc));
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

// SPDX-License-Identifier: BSD-3-Clause
// lb7d: the L7 workers, health probes and metrics. This file is the table of contents: what is opened, in
// which order, and how it is closed again, in reverse.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l7/capabilities.h"
#include "l7/command_line.h"
#include "l7/conn.h"
#include "l7/manager.h"
#include "l7/signals.h"

enum { LOOP_BUDGET = 64 << 20 }; // bytes that wait for probes, operators and whoever reads metrics

struct daemon {
	struct command_line options;
	struct loop loop;
	struct signals signals;
	struct manager manager;
};

static void on_signal(void *data, int number)
{
	struct daemon *d = data;
	struct err err;

	if (number != SIGHUP) {
		LOG_INFO("stopping signal=%s grace_s=%u", strsignal(number),
		         d->options.grace_ms / 1000);
		manager_drain(&d->manager);
		return;
	}
	if (manager_reload(&d->manager, &err))
		return; // logged, and remembered for lbctl status
}

static int serve(struct daemon *d, struct conf *conf, struct err *err)
{
	const struct manager *m = &d->manager;
	int rc;

	if (!manager_is_wanted(conf)) {
		conf_free(conf);
		return err_set(err, -EINVAL,
		               "%s: nothing for lb7d to do: no service has \"l7\", no pool "
		               "\"health\", and there is no \"admin\"",
		               d->options.conf_file);
	}
	rc = manager_apply(&d->manager, conf, err);
	if (rc)
		return err_prefix(err, "%s", d->options.conf_file);
	d->manager.is_saved = true;
	LOG_INFO("ready node=%s file=%s workers=%u connections=%u generation=%u",
	         m->site->conf->node, d->options.conf_file, m->n_workers,
	         m->n_workers * m->n_worker_conns, m->generation);
	return 0;
}

static int run(struct daemon *d, struct err *err)
{
	struct conf *conf;
	int rc = conf_load(&conf, d->options.conf_file, err);

	if (rc)
		return rc;
	rc = manager_init(&d->manager, &d->loop, d->options.conf_file);
	if (rc) {
		conf_free(conf);
		return rc;
	}
	d->manager.grace_ms = d->options.grace_ms;
	d->manager.is_managed = d->options.is_managed;
	rc = serve(d, conf, err);
	if (!rc) {
		loop_run(&d->loop);
		LOG_INFO("stopped");
	}
	manager_fini(&d->manager);
	return rc;
}

static int open_and_run(struct daemon *d, struct err *err)
{
	int rc;

	capabilities_drop();
	rc = loop_init(&d->loop, LOOP_BUDGET);
	if (rc)
		return rc;
	rc = conn_loop_init(&d->loop);
	if (rc)
		goto err_loop;
	rc = signals_open(&d->signals, &d->loop, on_signal, d);
	if (rc)
		goto err_conn;
	rc = run(d, err);
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

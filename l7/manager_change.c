// SPDX-License-Identifier: BSD-3-Clause
// Where the next configuration comes from: the file, an operator, lb4d. Each is counted, logged, and remembered if refused.
#include "l7/manager.h"

#include <errno.h>
#include <string.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"

static int refuse(struct manager *m, const char *what, const struct err *err)
{
	m->last_error = *err;
	err_prefix(&m->last_error, "%s refused", what);
	LOG_WARN("%s refused reason=\"%s\" serving_generation=%u", what, err->msg, m->generation);
	return err->code;
}

void manager_reopen_logs(struct manager *m)
{
	for (uint16_t i = 0; i < m->n_workers; i++)
		worker_reopen_log(m->workers[i]);
}

int manager_reload(struct manager *m, struct err *err)
{
	struct conf *next;
	int rc = conf_load(&next, m->conf_file, err);

	if (!rc) {
		rc = manager_apply(m, next, err);
		if (rc)
			err_prefix(err, "%s", m->conf_file);
	}
	if (rc) {
		m->n_reload_failures++;
		manager_reopen_logs(m);
		return refuse(m, "reload", err);
	}
	m->is_saved = true;
	m->n_reloads++;
	m->reloaded_ns = clock_now_ns();
	m->last_error = (struct err){0};
	LOG_INFO("reloaded file=%s generation=%u", m->conf_file, m->generation);
	return 0;
}

int manager_refuse_edit(struct manager *m, struct err *err)
{
	m->n_edit_failures++;
	return refuse(m, "change", err);
}

int manager_edit(struct manager *m, struct conf *next, struct err *err)
{
	int rc = conf_check(next, err);

	if (rc)
		conf_free(next);
	else
		rc = manager_apply(m, next, err);
	if (rc)
		return manager_refuse_edit(m, err);
	m->is_saved = false;
	LOG_INFO("changed generation=%u saved=no", m->generation);
	return 0;
}

int manager_configure(struct manager *m, const char *file, const char *text, struct err *err)
{
	bool is_first = !m->site;
	struct conf *next;
	int rc = conf_parse(&next, text, strlen(text), err);

	if (!rc) {
		next->file = arena_strdup(&next->arena, file);
		if (!next->file) {
			conf_free(next);
			rc = err_set(err, -ENOMEM, "out of memory");
		} else {
			rc = manager_apply(m, next, err);
		}
	}
	if (rc) {
		m->n_reload_failures++;
		return refuse(m, "configuration", err);
	}
	m->is_saved = true;
	m->n_reloads += !is_first;
	m->reloaded_ns = clock_now_ns();
	m->last_error = (struct err){0};
	LOG_INFO("configured file=%s generation=%u", file, m->generation);
	return 0;
}

int manager_save(struct manager *m, struct err *err)
{
	int rc = conf_save(m->site->conf, m->conf_file, err);

	if (rc)
		return rc;
	m->is_saved = true;
	LOG_INFO("saved file=%s generation=%u", m->conf_file, m->generation);
	return 0;
}

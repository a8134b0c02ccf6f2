// SPDX-License-Identifier: BSD-3-Clause
#include "l7/operator_method.h"

#include <errno.h>

#include "l4/model/ctl.h"
#include "l4/model/ctl_edit.h"

static void fill_change(const struct manager *m, union ctl_result *result)
{
	result->change.generation = m->generation;
	result->change.saved = m->is_saved;
}

static int reload(struct manager *m, const union ctl_params *params, union ctl_result *result,
                  struct err *err)
{
	int rc = manager_reload(m, err);

	fill_change(m, result);
	return rc;
}

static int save(struct manager *m, const union ctl_params *params, union ctl_result *result,
                struct err *err)
{
	int rc = manager_save(m, err);

	fill_change(m, result);
	return rc;
}

static int edit(struct manager *m, enum ctl_method method, const union ctl_params *params,
                union ctl_result *result, struct err *err)
{
	struct conf *next;
	int rc = ctl_edit_conf(&next, m->site->conf, method, params, err);

	rc = rc ? manager_refuse_edit(m, err) : manager_edit(m, next, err);
	fill_change(m, result);
	return rc;
}

static int configure(struct manager *m, const union ctl_params *params, union ctl_result *result,
                     struct err *err)
{
	const struct ctl_l7_configure *p = &params->l7_configure;

	if (!m->is_managed)
		return err_set(err, -EPERM,
		               "this lb7d runs by itself (no --managed): edit its file");
	return manager_configure(m, p->file, p->text, err);
}

static const struct {
	int (*run)(struct manager *m, const union ctl_params *params, union ctl_result *result,
	           struct err *err);
	bool is_change, is_edit;
	bool is_early; // also before there is a configuration
} table[CTL_METHOD_COUNT] = {
	[CTL_STATUS] = {.run = operator_method_status, .is_early = true},
	[CTL_RELOAD] = {.run = reload, .is_change = true},
	[CTL_SAVE] = {.run = save, .is_change = true},
	[CTL_SERVICE_LIST] = {.run = operator_method_services},
	[CTL_POOL_LIST] = {.run = operator_method_pools},
	[CTL_BACKEND_LIST] = {.run = operator_method_backends},
	[CTL_BACKEND_ADD] = {.is_edit = true, .is_change = true},
	[CTL_BACKEND_REMOVE] = {.is_edit = true, .is_change = true},
	[CTL_BACKEND_WEIGHT] = {.is_edit = true, .is_change = true},
	[CTL_BACKEND_STATE] = {.is_edit = true, .is_change = true},
	[CTL_COUNTERS] = {.run = operator_method_counters, .is_early = true},
	[CTL_L7_STATUS] = {.run = operator_method_l7_status, .is_early = true},
	[CTL_L7_CONFIGURE] = {.run = configure, .is_early = true},
	[CTL_HEALTH_WATCH] = {.run = operator_method_health, .is_early = true},
};

bool operator_method_is_change(enum ctl_method method)
{
	return table[method].is_change;
}

void *operator_method_row(enum ctl_method method, const char *name, struct ctl_rows *rows,
                          struct err *err)
{
	const struct ctl_field *f = ctl_field_find(ctl_method_types[method].result, name);
	void *row = ctl_field_add_row(rows, f->rows);

	if (!row)
		err_set(err, -ENOMEM, "no memory for the answer");
	return row;
}

static int check(const struct manager *m, enum ctl_method method, struct err *err)
{
	if (!table[method].run && !table[method].is_edit)
		return err_set(err, CTL_BAD_METHOD,
		               "method: \"%s\" is served by lb4d: lb7d has no lanes",
		               ctl_method_types[method].name);
	if (m->is_managed && table[method].is_change)
		return err_set(err, -EPERM, "lb4d manages this lb7d: ask it");
	if (!m->site && !table[method].is_early)
		return err_set(err, -EAGAIN, "lb4d has not given a configuration yet");
	return 0;
}

int operator_method_run(struct manager *m, enum ctl_method method, const union ctl_params *params,
                        union ctl_result *result, struct err *err)
{
	int rc = check(m, method, err);

	ctl_method_init_result(method, result);
	if (rc)
		return rc;
	if (table[method].is_edit)
		rc = edit(m, method, params, result, err);
	else
		rc = table[method].run(m, params, result, err);
	if (rc)
		ctl_method_free_result(method, result);
	return rc;
}

// SPDX-License-Identifier: BSD-3-Clause
// l7.status, and its line in status
#include "l4/ctrl/methods.h"

#include <errno.h>
#include <stdio.h>

#include "l4/ctrl/supervise.h"

int methods_l7_status(struct methods_call *call)
{
	if (supervise_status(call->control->supervise, &call->result.l7_status))
		return err_set(&call->err, -ENOMEM, "no memory for the answer");
	return 0;
}

static void fill_summary(struct ctl_l7_summary *row, const struct ctl_l7_status *s)
{
	row->state = s->state;
	row->pid = s->pid;
	row->uptime_s = s->uptime_s;
	row->restarts = s->restarts;
	row->connections = s->connections;
	row->requests = s->requests;
	row->streams = s->streams;
	row->websockets = s->websockets;
	row->grace_left_ms = s->grace_left_ms;
	snprintf(row->reason, sizeof(row->reason), "%s", s->reason);
}

int methods_l7_summary(struct methods_call *call, struct ctl_rows *rows)
{
	struct ctl_l7_summary *row;
	union ctl_result now;
	int rc;

	ctl_method_init_result(CTL_L7_STATUS, &now);
	rc = supervise_status(call->control->supervise, &now.l7_status);
	if (rc)
		return err_set(&call->err, rc, "no memory for the answer");
	row = now.l7_status.state == CTL_L7_OFF ? NULL : methods_row(call, rows, "l7");
	rc = call->err.code;
	if (row)
		fill_summary(row, &now.l7_status);
	ctl_method_free_result(CTL_L7_STATUS, &now);
	return rc;
}

// SPDX-License-Identifier: BSD-3-Clause
// capture: starts one; its packets go by shared memory (l4/model/capture_ring.h), not by this protocol.
#include "l4/ctrl/methods.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "l4/ctrl/captures.h"
#include "l4/ctrl/control.h"

static bool has_only_xdp(const struct conf *conf)
{
	for (uint16_t i = 0; i < conf->n_ports; i++)
		if (conf->ports[i].driver != DRIVER_AF_XDP)
			return false;
	return true;
}

// The command that sees what no lane does: words for a shell.
static int refuse(struct err *err, const struct conf *conf, const struct conf_service *s)
{
	char address[ADDR_TEXT_SIZE];

	return err_set(err, -ENOTSUP,
	               "%s is a service of the L7 workers: on af_xdp ports its packets go to the "
	               "kernel and no lane sees them; this does: tcpdump -ni %s 'host %s and port "
	               "%u'",
	               s->name, conf->n_ports == 1 ? conf->ports[0].device : "any",
	               addr_text(&s->address, address), be16_to(s->port));
}

// What an operator would wait for in vain. -ENOTSUP if that is everything.
static int tell_blindness(struct methods_call *call)
{
	const struct conf *conf = call->control->conf;
	const char *name = call->params->capture_params.service;
	const struct conf_service *s = conf_service_find(conf, name);
	char *note = call->result.capture.note;
	bool is_l7 = s && s->l7 && !s->is_remote;

	if (is_l7 && has_only_xdp(conf))
		return refuse(&call->err, conf, s);
	if (is_l7)
		snprintf(
			note, CTL_SENTENCE_SIZE,
			"%s is a service of the L7 workers: lanes see its packets as they come, on "
			"ports other than af_xdp, and punt them to the kernel; answers do not pass",
			name);
	else if (s && s->forward == FORWARD_DSR)
		snprintf(note, CTL_SENTENCE_SIZE,
		         "%s is a dsr service: its backends answer the clients themselves, so only "
		         "the clients' packets pass here",
		         name);
	else if (!*name && has_only_xdp(conf))
		snprintf(note, CTL_SENTENCE_SIZE,
		         "on af_xdp ports lanes see the packets of their services; all else, L7 "
		         "services too, goes to the kernel, where tcpdump sees it");
	return 0;
}

static int add_ports(struct methods_call *call)
{
	const struct control *c = call->control;

	for (uint16_t i = 0; i < c->conf->n_ports; i++) {
		const struct conf_port *p = &c->conf->ports[i];
		struct ctl_port *row = methods_row(call, &call->result.capture.ports, "ports");

		if (!row)
			return -ENOMEM;
		snprintf(row->name, sizeof(row->name), "%s", p->name);
		snprintf(row->interface, sizeof(row->interface), "%s", c->ports[i].if_name);
		row->driver = p->driver;
		row->mac = c->ports[i].mac;
		row->link = c->ports[i].link_up;
	}
	return 0;
}

int methods_capture(struct methods_call *call)
{
	const struct control *c = call->control;
	struct captures_started started;
	int rc;

	if (!c->captures)
		return err_set(&call->err, -EAGAIN, "the lanes do not run yet");
	if (call->capture_id)
		return err_set(&call->err, -EBUSY, "this connection has a capture already");
	rc = tell_blindness(call);
	if (!rc)
		rc = add_ports(call);
	if (!rc)
		rc = captures_start(c->captures, &call->params->capture_params, &started,
		                    &call->err);
	if (rc)
		return rc;
	call->result.capture.lanes = c->conf->n_lanes;
	call->capture_id = started.id;
	call->fd = started.fd;
	return 0;
}

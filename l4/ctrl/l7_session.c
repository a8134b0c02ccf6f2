// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/l7_session.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/log.h"
#include "l4/ctrl/control.h"
#include "l4/ctrl/health_feed.h"
#include "l4/ctrl/l7_client.h"

// How long an answer may take. Hundreds of certificates are read before a configuration is agreed to.
static const double STATUS_PATIENCE_S = 5., CONFIGURE_PATIENCE_S = 15.;
static const double POLL_INTERVAL_S = 1.;

enum { POLLS_TO_RETRY = 5 }; // of a configuration that it refused

struct l7_session {
	struct l7_session_setup setup;
	struct l7_client *client;
	struct ev_timer poll;
	struct l7_ask status_ask, sync_ask, watch_ask, propose_ask;
	union ctl_result status; // .l7_status
	bool has_status, is_watching, is_ready;
	bool is_asking_status, is_syncing, is_stale; // stale: what runs changed while it was sent
	unsigned n_polls;                            // since the running configuration was refused
	char complaint[CTL_SENTENCE_SIZE];
	l7_session_answer *answer; // NULL = nobody waits
	void *answer_data;
};

static struct ev_loop *loop_of(const struct l7_session *s)
{
	return s->setup.control->loop;
}

static void end(struct l7_session *s, const char *why)
{
	s->setup.ended(s->setup.data, why);
}

static void ask_status(struct l7_session *s)
{
	if (!s->is_asking_status)
		s->is_asking_status = l7_client_ask(s->client, &s->status_ask, NULL) == 0;
}

// --- the configuration ---

static int send_conf(struct l7_session *s, const struct conf *conf, struct l7_ask *ask)
{
	union ctl_params params = {.l7_configure.file = strdup(s->setup.conf_file),
	                           .l7_configure.text = conf_text(conf)};
	int rc = -ENOMEM;

	if (params.l7_configure.file && params.l7_configure.text)
		rc = l7_client_ask(s->client, ask, &params);
	ctl_method_free_params(CTL_L7_CONFIGURE, &params);
	return rc;
}

static void watch_health(struct l7_session *s)
{
	s->is_watching = l7_client_ask(s->client, &s->watch_ask, NULL) == 0;
	if (!s->is_watching)
		end(s, "no memory to ask it");
}

static void complain(struct l7_session *s, const struct err *err)
{
	s->n_polls = 0;
	if (strcmp(s->complaint, err->msg) != 0)
		LOG_WARN("lb7d refuses the running configuration reason=\"%s\"", err->msg);
	snprintf(s->complaint, sizeof(s->complaint), "%.*s", (int)sizeof(s->complaint) - 1,
	         err->msg);
}

static void on_synced(struct l7_ask *ask, int rc, const union ctl_result *result,
                      const struct err *err)
{
	struct l7_session *s = ask->data;

	s->is_syncing = false;
	if (rc)
		complain(s, err);
	else
		*s->complaint = 0;
	ask_status(s); // what it serves is another now
	if (s->is_stale)
		l7_session_sync(s);
	if (!s->is_watching)
		watch_health(s);
}

void l7_session_sync(struct l7_session *s)
{
	if (!s->has_status) // it will be told when it has introduced itself
		return;
	s->is_stale = s->is_syncing;
	if (s->is_syncing)
		return;
	s->is_syncing = send_conf(s, s->setup.control->conf, &s->sync_ask) == 0;
	if (!s->is_syncing)
		LOG_ERROR("lb7d not configured reason=\"no memory\"");
}

static void on_proposed(struct l7_ask *ask, int rc, const union ctl_result *result,
                        const struct err *err)
{
	struct l7_session *s = ask->data;
	l7_session_answer *answer = s->answer;

	s->answer = NULL;
	if (!rc)
		*s->complaint = 0;
	ask_status(s);
	answer(s->answer_data, rc ? -EINVAL : 0, err);
}

int l7_session_propose(struct l7_session *s, const struct conf *next, l7_session_answer *answer,
                       void *data)
{
	int rc;

	if (!s->has_status || s->status.l7_status.draining)
		return -ENOTCONN;
	rc = send_conf(s, next, &s->propose_ask);
	if (rc)
		return rc;
	s->answer = answer;
	s->answer_data = data;
	return 0;
}

// --- health ---

static void on_watching(struct l7_ask *ask, int rc, const union ctl_result *result,
                        const struct err *err)
{
	struct l7_session *s = ask->data;

	if (rc) {
		LOG_WARN("health of backends not known reason=\"%s\"", err->msg);
	} else {
		const struct ctl_health_change *rows = result->health_watch.backends.row;

		for (uint32_t i = 0; i < result->health_watch.backends.n; i++)
			health_feed_take(s->setup.control, &rows[i]);
	}
	s->is_ready = true;
	s->setup.ready(s->setup.data);
}

static void on_notice(void *data, const struct ctl_request *notice)
{
	struct l7_session *s = data;

	if (notice->method == CTL_HEALTH_CHANGED)
		health_feed_take(s->setup.control, &notice->params.health_change);
}

// --- its state ---

// Takes over the status, rows and all.
static void keep_status(struct l7_session *s, const struct ctl_l7_status *status)
{
	const struct ctl_type *type = ctl_method_types[CTL_L7_STATUS].result;

	ctl_method_free_result(CTL_L7_STATUS, &s->status);
	if (ctl_field_copy(type, &s->status, status))
		LOG_WARN("state of lb7d not kept reason=\"no memory\"");
}

static void greet(struct l7_session *s)
{
	char why[128];

	s->has_status = true;
	if (s->status.l7_status.managed) {
		l7_session_sync(s);
		return;
	}
	snprintf(why, sizeof(why),
	         "pid %u is a lb7d that runs by itself; stop it or set control_l7",
	         s->status.l7_status.pid);
	end(s, why);
}

static void on_status(struct l7_ask *ask, int rc, const union ctl_result *result,
                      const struct err *err)
{
	struct l7_session *s = ask->data;

	s->is_asking_status = false;
	if (!rc)
		keep_status(s, &result->l7_status);
	if (!s->has_status && rc)
		end(s, err->msg);
	else if (!s->has_status)
		greet(s);
}

static void on_poll(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct l7_session *s = w->data;

	ask_status(s);
	if (*s->complaint && ++s->n_polls >= POLLS_TO_RETRY)
		l7_session_sync(s);
}

// --- life ---

static void on_ended(void *data, const char *why)
{
	end(data, why);
}

static void prepare(struct l7_session *s)
{
	s->status_ask = (struct l7_ask){
		.method = CTL_L7_STATUS, .patience_s = STATUS_PATIENCE_S, .done = on_status};
	s->watch_ask = (struct l7_ask){
		.method = CTL_HEALTH_WATCH, .patience_s = STATUS_PATIENCE_S, .done = on_watching};
	s->sync_ask = (struct l7_ask){
		.method = CTL_L7_CONFIGURE, .patience_s = CONFIGURE_PATIENCE_S, .done = on_synced};
	s->propose_ask = (struct l7_ask){.method = CTL_L7_CONFIGURE,
	                                 .patience_s = CONFIGURE_PATIENCE_S,
	                                 .done = on_proposed};
	s->status_ask.data = s->watch_ask.data = s->sync_ask.data = s->propose_ask.data = s;
	ctl_method_init_result(CTL_L7_STATUS, &s->status);
	ev_timer_init(&s->poll, on_poll, POLL_INTERVAL_S, POLL_INTERVAL_S);
	s->poll.data = s;
}

int l7_session_open(struct l7_session **out, const struct l7_session_setup *setup)
{
	struct l7_session *s = calloc(1, sizeof(*s));
	struct l7_client_setup client = {.loop = setup->control->loop,
	                                 .fd = setup->fd,
	                                 .notice = on_notice,
	                                 .ended = on_ended,
	                                 .data = s};

	if (!s)
		return -ENOMEM;
	s->setup = *setup;
	prepare(s);
	if (l7_client_open(&s->client, &client)) {
		free(s);
		return -ENOMEM;
	}
	ask_status(s);
	ev_timer_start(loop_of(s), &s->poll);
	*out = s;
	return 0;
}

void l7_session_close(struct l7_session *s)
{
	static const struct err gone = {.code = -EPIPE, .msg = "lb7d is gone"};

	if (!s)
		return;
	ev_timer_stop(loop_of(s), &s->poll);
	l7_client_close(s->client);
	if (s->answer)
		s->answer(s->answer_data, -EPIPE, &gone);
	ctl_method_free_result(CTL_L7_STATUS, &s->status);
	free(s);
}

bool l7_session_is_ready(const struct l7_session *s)
{
	return s->is_ready;
}

const struct ctl_l7_status *l7_session_status(const struct l7_session *s)
{
	return &s->status.l7_status;
}

const char *l7_session_complaint(const struct l7_session *s)
{
	return s->complaint;
}

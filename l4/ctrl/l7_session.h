// SPDX-License-Identifier: BSD-3-Clause
// One conversation with a lb7d that is managed by us:
//   1. it is asked for its state: one that runs by itself is left alone;
//   2. it gets the running configuration; should it refuse (a certificate is gone), it keeps what it has and is
//      asked again every five seconds;
//   3. it tells the health of all backends, and from then on every transition (health_feed.h);
//   4. ready. Its state is asked for once a second; changes of the configuration go through it.
// Control thread only.
#pragma once

#include "l4/base/err.h"
#include "l4/model/ctl_rows.h"

struct control;
struct l7_session;

struct l7_session_setup {
	struct control *control; // borrowed
	const char *conf_file;   // absolute; borrowed
	int fd;                  // of l7_client_connect(); consumed on success
	void (*ready)(void *data);
	// It is over; `why` is borrowed. Close it.
	void (*ended)(void *data, const char *why);
	void *data;
};

// rc: 0 it has taken it over; -EINVAL it refused, *err is its sentence; -EPIPE the conversation ended.
typedef void l7_session_answer(void *data, int rc, const struct err *err);

// 0 or -ENOMEM.
NODISCARD int l7_session_open(struct l7_session **out, const struct l7_session_setup *setup);
// Whoever waits for l7_session_propose() is told -EPIPE. NULL is fine.
void l7_session_close(struct l7_session *s);

bool l7_session_is_ready(const struct l7_session *s);

// Offers lb7d a configuration that shall run; one at a time. 0: `answer` is called later; -ENOTCONN: it has not
// got as far as step 2, and will be told what runs then, or drains and will not serve it; -ENOMEM.
NODISCARD int l7_session_propose(struct l7_session *s, const struct conf *next,
                                 l7_session_answer *answer, void *data);

// What runs has changed without its consent: tells it.
void l7_session_sync(struct l7_session *s);

// What it said of itself last; zero before step 1 is done.
const struct ctl_l7_status *l7_session_status(const struct l7_session *s);

// Its sentence if it refuses what runs, "" otherwise.
const char *l7_session_complaint(const struct l7_session *s);

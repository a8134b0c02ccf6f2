// SPDX-License-Identifier: BSD-3-Clause
// The asking side of a control socket, in the control thread's loop: questions are sent at once and answered in
// their order; notifications may come between. Nothing waits.
//
// It ends by itself, once, with a sentence: the other side closed, spoke nonsense, or kept us waiting. Then, and
// whenever the owner likes (from a callback too), l7_client_close(); questions without an answer are dropped.
#pragma once

#include <sys/types.h>

#include "l4/base/err.h"
#include "l4/model/ctl.h"

struct ev_loop;
struct l7_client;

struct l7_client_setup {
	struct ev_loop *loop; // borrowed
	int fd;               // of l7_client_connect(); consumed on success
	void (*notice)(void *data, const struct ctl_request *notice);
	void (*ended)(void *data, const char *why); // `why` borrowed until it returns
	void *data;
};

// A question; the asking side's until it is answered or the client is closed.
struct l7_ask {
	uint8_t method;    // enum ctl_method
	double patience_s; // the connection ends if the answer takes longer
	// rc 0: *result (it is freed afterwards); else what ctl_answer_decode() says, with *err.
	void (*done)(struct l7_ask *ask, int rc, const union ctl_result *result,
	             const struct err *err);
	void *data;
	struct l7_ask *next; // the client's
	double deadline;     // the client's
};

// Connects to a listening socket; *pid is of the process that listens, 0 if that cannot be told. Returns the
// descriptor; -ENOENT or -ECONNREFUSED if nobody listens, -EAGAIN if it is too busy, or what else the kernel said.
NODISCARD int l7_client_connect(const char *path, pid_t *pid);

// 0 or -ENOMEM.
NODISCARD int l7_client_open(struct l7_client **out, const struct l7_client_setup *setup);
void l7_client_close(struct l7_client *c);

// Sends the question with these parameters (borrowed until it returns; NULL = none). 0 or -ENOMEM.
NODISCARD int l7_client_ask(struct l7_client *c, struct l7_ask *ask,
                            const union ctl_params *params);

// SPDX-License-Identifier: BSD-3-Clause
// What the control protocol's methods do, by their names. A method works on struct control and fills
// the result that model/ctl_rows.h describes; it knows nothing of sockets and JSON.
//   1. methods_open() once control is set up;
//   2. fill a struct methods_call, methods_run() it;
//   3. METHODS_LATER: `done` is called from the loop, unless methods_cancel() comes first;
//   4. ctl_method_free_result() after a success.
// Control thread only.
#pragma once

#include "l4/base/err.h"
#include "l4/ctrl/change.h"
#include "l4/ctrl/flow_scan.h"
#include "l4/model/ctl_method.h"

enum { METHODS_LATER = 1 };

struct methods;

struct methods_call {
	// the caller's, before methods_run()
	enum ctl_method method;
	const union ctl_params *params; // borrowed until the call is over
	void (*done)(struct methods_call *call, int rc);
	void *data; // whatever the caller wants

	// the method's
	struct methods *methods;
	struct control *control;
	union ctl_result result;
	// What the connection has and the call may give it: kept by the caller from one call to the next.
	uint32_t capture_id; // captures_end() it when the connection ends; 0 = none
	int fd;              // to be passed with the answer and closed; -1 = none
	struct err err;      // the sentence, if it failed
	struct flow_scan_ask ask;
	struct change_ask change;
	struct change_turn turn;
};

// `c` is borrowed until methods_close(). 0 or -ENOMEM.
NODISCARD int methods_open(struct methods **out, struct control *c);
void methods_close(struct methods *m);

// For a method that methods_serves(). 0: call->result is filled; METHODS_LATER; negative: call->err says why, nothing changed.
NODISCARD int methods_run(struct methods *m, struct methods_call *call);

// The call is dropped: `done` will not be called. For a call that methods_run() answered with METHODS_LATER.
void methods_cancel(struct methods_call *call);

// Whether lb4d serves the method: some are lb7d's.
bool methods_serves(enum ctl_method method);

// Whether the method changes the running configuration: for the log.
bool methods_is_change(enum ctl_method method);

// --- for the methods themselves ---

// Lets `done` run when the flows are counted; returns METHODS_LATER.
int methods_count_flows(struct methods_call *call,
                        void (*done)(struct flow_scan_ask *ask, const struct flow_counts *counts));

// Ends a call that was put off.
void methods_finish(struct methods_call *call, int rc);

// Share of the last second that a lane spent on packets, in percent.
double methods_busy(const struct methods *m, uint16_t lane);

// For the last step of a method that changes the configuration: `rc` is change_reload()'s or
// change_edit()'s, which was given &call->change. Returns what the method returns.
int methods_change(struct methods_call *call, int rc);

// Adds a line on lb7d, if it is wanted or there. 0 or -ENOMEM.
NODISCARD int methods_l7_summary(struct methods_call *call, struct ctl_rows *rows);

// A new row of the result's table, zero or initial. NULL if there is no memory, then call->err says so.
void *methods_row(struct methods_call *call, struct ctl_rows *rows, const char *table);

// The part of methods_counters() on TCP. 0 or -ENOMEM.
int methods_counters_tcp(struct methods_call *call);

// The methods (model/ctl_method.h), each as methods_run().
int methods_status(struct methods_call *call);
int methods_reload(struct methods_call *call);
int methods_save(struct methods_call *call);
int methods_service_list(struct methods_call *call);
int methods_pool_list(struct methods_call *call);
int methods_backend_list(struct methods_call *call);
int methods_backend_edit(struct methods_call *call); // add, remove, weight, state
int methods_flow_count(struct methods_call *call);
int methods_flow_lookup(struct methods_call *call);
int methods_counters(struct methods_call *call);
int methods_explain(struct methods_call *call);
int methods_capture(struct methods_call *call);
int methods_l7_status(struct methods_call *call);

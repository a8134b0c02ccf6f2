// SPDX-License-Identifier: BSD-3-Clause
// What the control protocol's methods do in lb7d. A method works on struct manager and fills the result that
// l4/model/ctl_rows.h describes; it knows nothing of sockets and JSON. Main thread.
#pragma once

#include "l4/model/ctl_method.h"
#include "l7/manager.h"

// 0: *result (initial before) is filled, ctl_method_free_result() it. Negative: *err says why, nothing changed, and *result is
// empty. CTL_BAD_METHOD (an err->code like JSON-RPC's): it needs lanes, and they are lb4d's.
NODISCARD int operator_method_run(struct manager *m, enum ctl_method method,
                                  const union ctl_params *params, union ctl_result *result,
                                  struct err *err);

// Whether the method changes the running configuration: for the log.
bool operator_method_is_change(enum ctl_method method);

// What is known of a probed backend, as health.watch and health.changed tell it.
void operator_method_fill_health(struct ctl_health_change *out, const struct probe *p);

// --- operator_method_list.c; each as operator_method_run() ---

int operator_method_services(struct manager *m, const union ctl_params *params,
                             union ctl_result *result, struct err *err);
int operator_method_pools(struct manager *m, const union ctl_params *params,
                          union ctl_result *result, struct err *err);
int operator_method_backends(struct manager *m, const union ctl_params *params,
                             union ctl_result *result, struct err *err);
int operator_method_health(struct manager *m, const union ctl_params *params,
                           union ctl_result *result, struct err *err);

// --- operator_method_counters.c ---

int operator_method_counters(struct manager *m, const union ctl_params *params,
                             union ctl_result *result, struct err *err);

// --- operator_method_status.c ---

int operator_method_status(struct manager *m, const union ctl_params *params,
                           union ctl_result *result, struct err *err);
int operator_method_l7_status(struct manager *m, const union ctl_params *params,
                              union ctl_result *result, struct err *err);

// A new row of the method's table, zero or initial. NULL if there is no memory, then *err says so.
void *operator_method_row(enum ctl_method method, const char *table, struct ctl_rows *rows,
                          struct err *err);

// SPDX-License-Identifier: BSD-3-Clause
// The one list of what can be asked over the control socket.
#pragma once

#include "l4/model/ctl_rows.h"

// X(SYMBOL, name, params, result, help): struct ctl_<params> goes in, struct ctl_<result> comes out. A daemon
// that does not serve a method says so with CTL_BAD_METHOD.
#define CTL_METHODS(X)                                                                           \
	X(STATUS, "status", nothing, status, "what runs: node, generation, lanes, ports")        \
	X(RELOAD, "reload", nothing, change,                                                     \
	  "read the configuration's file again, all or nothing")                                 \
	X(SAVE, "save", nothing, change, "write the running configuration to its file")          \
	X(SERVICE_LIST, "service.list", nothing, service_list, "services and their traffic")     \
	X(POOL_LIST, "pool.list", nothing, pool_list, "pools")                                   \
	X(BACKEND_LIST, "backend.list", backend_list_params, backend_list,                       \
	  "backends, also removed ones that still serve flows")                                  \
	X(BACKEND_ADD, "backend.add", backend_add, change, "add a backend to a pool")            \
	X(BACKEND_REMOVE, "backend.remove", backend_name, change,                                \
	  "remove a backend; its flows go on, new ones go elsewhere")                            \
	X(BACKEND_WEIGHT, "backend.weight", backend_weight, change, "change a backend's weight") \
	X(BACKEND_STATE, "backend.state", backend_state, change,                                 \
	  "set a backend up, drain or down")                                                     \
	X(FLOW_COUNT, "flow.count", nothing, flow_count, "living flows by lane and backend")     \
	X(FLOW_LOOKUP, "flow.lookup", flow_key, flow, "the flow with this 5-tuple")              \
	X(COUNTERS, "counters", counters_params, counters, "counters, reasons, accounting")      \
	X(EXPLAIN, "explain", explain_params, explain,                                           \
	  "what the lanes would do with a packet, and why")                                      \
	X(CAPTURE, "capture", capture_params, capture,                                           \
	  "packets of the lanes, by shared memory; ends with the connection")                    \
	X(L7_STATUS, "l7.status", nothing, l7_status, "the L7 workers: state, load, drain")      \
	X(L7_CONFIGURE, "l7.configure", l7_configure, nothing,                                   \
	  "to lb7d: run this configuration, all or nothing")                                     \
	X(HEALTH_WATCH, "health.watch", nothing, health_watch,                                   \
	  "to lb7d: the health of all probed backends, from now on changes too")                 \
	X(HEALTH_CHANGED, "health.changed", health_change, nothing,                              \
	  "from lb7d, a notification to those who watch: a backend's health changed")

#define X(SYMBOL, name, params, result, help) CTL_##SYMBOL,
enum ctl_method { CTL_METHOD_NONE, CTL_METHODS(X) CTL_METHOD_COUNT };
#undef X

struct ctl_method_type {
	const char *name;
	const char *help;
	const struct ctl_type *params;
	const struct ctl_type *result;
};

extern const struct ctl_method_type ctl_method_types[CTL_METHOD_COUNT];

// CTL_METHOD_NONE if there is none of that name.
enum ctl_method ctl_method_find(const char *name);

// Sets *result to its type's initial value / frees what it owns.
void ctl_method_init_result(enum ctl_method method, union ctl_result *result);
void ctl_method_free_result(enum ctl_method method, union ctl_result *result);

void ctl_method_init_params(enum ctl_method method, union ctl_params *params);
void ctl_method_free_params(enum ctl_method method, union ctl_params *params);

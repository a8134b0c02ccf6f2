// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// The maps of the counter store. No program: the kernel keeps them, lanes and readers map them.
// Names and shapes are those of stats_shapes[] (l4/model/stats_layout.h).
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "l4/model/stats_layout.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct stats_meta);
} meta SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_SERVICES);
	__type(key, uint32_t);
	__type(value, struct stats_service_name);
} service_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_BACKENDS);
	__type(key, uint32_t);
	__type(value, struct stats_backend_name);
} backend_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_SLOTS);
	__type(key, uint32_t);
	__type(value, struct lane_counters);
} lanes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_SLOTS *STATS_SERVICES);
	__type(key, uint32_t);
	__type(value, struct service_counters);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_SLOTS *STATS_BACKENDS);
	__type(key, uint32_t);
	__type(value, struct backend_counters);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_CPU_SLOTS *STATS_SERVICES);
	__type(key, uint32_t);
	__type(value, struct steer_service_counters);
} steer_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_SERVICES);
	__type(key, uint32_t);
	__type(value, struct tcp_counters);
} tcp_services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_BACKENDS);
	__type(key, uint32_t);
	__type(value, struct tcp_counters);
} tcp_backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATS_PORTS);
	__type(key, uint32_t);
	__type(value, struct stats_steer_port);
} steer_ports SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";

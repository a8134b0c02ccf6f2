// SPDX-License-Identifier: BSD-3-Clause
// Everything that needs libbpf: the maps of the counter store, the XDP programs of af_xdp ports, and the
// programs that count TCP. Control thread of lb4d, main thread of lb7d. CAP_BPF makes maps, CAP_NET_ADMIN attaches;
// attach_steer_open() and attach_steer_detach() need CAP_SYS_ADMIN (finding objects by id) and
// attach_tcp_open() CAP_PERFMON (tracing), so call them before privileges are dropped. What is open stays
// usable without any.
//
//   1. attach_stats(), then stats_map() of l4/model/stats.h over the fds
//   2. for each af_xdp port: attach_steer_detach(), in case a crash left our program behind
//   3. attach_steer_object(); DPDK opens the ports with xdp_prog=PATH; close the object
//   4. for each af_xdp port: attach_steer_open(); then attach_steer_update() after every new snapshot
#pragma once

#include "bpf/steer.h"
#include "bpf/tcp.h"
#include "l4/base/cc.h"
#include "l4/base/err.h"
#include "l4/model/stats_layout.h"

// Opens the pinned maps in `dir` (on a bpffs; created if it is not there), making them anew if there
// are none or if another version made them. The caller owns the fds.
// Returns 0; -EPERM: BPF is not permitted here, use files (stats_open_shm()); -ENODEV: `dir` is
// not on a bpffs; or what the kernel said. On failure fds is untouched.
NODISCARD int attach_stats(const char *dir, int fds[STATS_REGION_COUNT], struct err *err);

// Makes the folder of a store, on a bpffs. 0 also if it is there; -EPERM if nobody here could fill it; -ENODEV, ...
NODISCARD int attach_folder(const char *dir, struct err *err);

// The L7 half (l4/model/stats_l7_store.h): makes maps of these shapes, with BTF, and pins each in `dir` under its name with
// STATS_L7_NEXT before it, in place of what is there. -EPERM: BPF is not permitted here. Needs CAP_BPF.
NODISCARD int attach_l7_make(const char *dir,
                             const struct stats_shape shapes[STATS_L7_REGION_COUNT],
                             struct err *err);

enum { ATTACH_PATH_SIZE = 32 };

// The XDP program as a file that DPDK's net_af_xdp can open: writes its path, valid in this process only
// and until the returned fd is closed. Returns the fd or -errno.
NODISCARD int attach_steer_object(char path[ATTACH_PATH_SIZE], struct err *err);

// The maps of the program on one interface.
struct attach_steer {
	uint32_t prog_id;
	int endpoints_fd; // owned
	int config_fd;    // owned
	int counters_fd;  // owned
	int store_fd;     // owned
};

struct attach_entry {
	struct steer_endpoint key;
	struct steer_target target;
};

// Finds our program on the interface; release with attach_steer_close(). -ENOENT if there is no program of
// ours on it, -EPERM.
NODISCARD int attach_steer_open(struct attach_steer *s, unsigned if_index, struct err *err);

// Has the program count each service into the map that attach_stats() has pinned in `dir`. It does so from its first
// packet to its last, beyond the end of this process.
NODISCARD int attach_steer_store(const struct attach_steer *s, const char *dir, struct err *err);

// Makes the kernel's table equal to entries[n], which need no order and have no key twice. Adds before it deletes: no packet to
// an endpoint that stays is passed to the kernel meanwhile. -E2BIG: more than STEER_MAX_ENDPOINTS of old
// and new; -ENOMEM. On failure the table may hold old and new.
NODISCARD int attach_steer_update(const struct attach_steer *s, const struct attach_entry *entries,
                                  size_t n, const struct steer_config *config, struct err *err);

// Sums over the CPUs what the program counted since it was attached.
NODISCARD int attach_steer_count(const struct attach_steer *s, struct steer_counters *out);

// Closes the maps; the program stays on the interface.
void attach_steer_close(struct attach_steer *s);

// Takes our program off the interface. 0 also if there is none; -EBUSY if there is somebody else's, which
// stays; -EPERM.
NODISCARD int attach_steer_detach(unsigned if_index, struct err *err);

// The programs that count TCP, loaded and attached. They count into tcp_services and tcp_backends of the counter store.
struct attach_tcp;

struct attach_tcp_entry {
	struct tcp_endpoint key;
	struct tcp_target target;
};

// Loads and attaches the programs, with the maps that attach_stats() has pinned in `dir`; they count nothing yet. Only
// connections of the network namespace of the caller. Detached by attach_tcp_close(), or when the process
// ends, however that comes. -EPERM; -EOPNOTSUPP: a kernel without BTF; or what the kernel said.
NODISCARD int attach_tcp_open(struct attach_tcp **out, const char *dir, struct err *err);

// From now on the programs count the connections of entries[n], which need no order and have no key twice.
// -E2BIG: more than TCP_MAX_ENDPOINTS of old and new; -ENOMEM.
NODISCARD int attach_tcp_update(const struct attach_tcp *t, const struct attach_tcp_entry *entries,
                                size_t n, struct err *err);
void attach_tcp_close(struct attach_tcp *t);

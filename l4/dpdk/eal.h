// SPDX-License-Identifier: BSD-3-Clause DPDK's environment: cores, memory, log. Started once, from
// the configuration. The control thread becomes the main lcore (0) and floats over all CPUs; lane i
// is lcore i + 1, pinned to the CPU that conf.lanes[i] names.
#pragma once

#include "l4/base/err.h"
#include "l4/model/conf.h"

struct rte_mempool;

struct eal {
	bool has_hugepages;
	uint32_t n_mbufs;
	uint16_t data_room;       // bytes of a packet buffer, headroom included
	struct rte_mempool *pool; // for all ports
};

// Uses hugepages if the configuration wants them and enough are free; otherwise goes on without and
// says so in the log. 0, or -errno with *err. Only once in a process (DPDK cannot start again).
NODISCARD int eal_open(struct eal *e, const struct conf *conf, struct err *err);
void eal_close(struct eal *e);
